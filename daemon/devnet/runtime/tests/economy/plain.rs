//! Turns SCALE bytes into the plain JSON of the recordings, by the runtime's own metadata.

use btd_devnet_runtime::api;
use codec::{Decode, Encode};
use frame_metadata::{
    RuntimeMetadata, RuntimeMetadataPrefixed,
    v15::{RuntimeMetadataV15, StorageEntryType, StorageHasher},
};
use scale_value::{Composite, Primitive, Value, ValueDef};
use serde_json::{Map, Value as Json, json};
use sp_core::crypto::Ss58Codec;

use crate::chain;

/// The runtime's metadata.
pub(crate) struct Plain {
    metadata: RuntimeMetadataV15,
}

impl Plain {
    /// Reads metadata with its magic number in front.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        match RuntimeMetadataPrefixed::decode(&mut &bytes[..]).unwrap().1 {
            RuntimeMetadata::V15(metadata) => Self { metadata },
            other => panic!("metadata of version {}", other.version()),
        }
    }

    fn decode(&self, ty: u32, bytes: &[u8]) -> Json {
        let value = scale_value::scale::decode_as_type(&mut &bytes[..], ty, &self.metadata.types).unwrap();
        self.json(&value)
    }

    /// An encoded event: pallet, name and fields.
    pub(crate) fn event(&self, bytes: &[u8]) -> Json {
        let ty = self.metadata.outer_enums.event_enum_ty.id;
        let event = scale_value::scale::decode_as_type(&mut &bytes[..], ty, &self.metadata.types).unwrap();
        let ValueDef::Variant(pallet) = &event.value else { panic!("events are variants") };
        let inner = pallet.values.values().next().unwrap();
        let ValueDef::Variant(variant) = &inner.value else { panic!("events are variants") };
        let fields = match &variant.values {
            Composite::Unnamed(values) if values.len() == 1 => self.json(&values[0]),
            values if values.is_empty() => Json::Null,
            values => self.composite(values),
        };
        json!({ "pallet": pallet.name, "event": variant.name, "fields": fields })
    }

    /// The name of the pallet with this index.
    pub(crate) fn pallet(&self, index: u8) -> &str {
        let pallet = self.metadata.pallets.iter().find(|pallet| pallet.index == index);
        pallet.map_or_else(|| panic!("no pallet has index {index}"), |pallet| pallet.name.as_str())
    }

    /// What a method of a runtime API answers to these parameters: encoded, and plain.
    pub(crate) fn answer(&self, name: &str, parameters: &[Json]) -> (Vec<u8>, Json) {
        let method = self.metadata.apis.iter().find_map(|api| {
            let method = name.strip_prefix(api.name.as_str())?.strip_prefix('_')?;
            api.methods.iter().find(|candidate| candidate.name == method)
        });
        let method = method.unwrap_or_else(|| panic!("this chain has no runtime API {name}"));
        assert_eq!(method.inputs.len(), parameters.len(), "{name}");
        let encoded = method.inputs.iter().zip(parameters).map(|(input, value)| self.encode(input.ty.id, value));
        let answer = api::dispatch(name, &encoded.collect::<Vec<_>>().concat()).unwrap();
        let plain = self.decode(method.output.id, &answer);
        (answer, plain)
    }

    /// The value of a storage item, or none when the runtime has no such item.
    pub(crate) fn storage(&self, pallet: &str, item: &str, keys: &[Json]) -> Option<Json> {
        let pallet = self.metadata.pallets.iter().find(|candidate| candidate.name == pallet)?;
        let storage = pallet.storage.as_ref()?;
        let entry = storage.entries.iter().find(|entry| entry.name == item)?;
        let mut key = sp_io::hashing::twox_128(storage.prefix.as_bytes()).to_vec();
        key.extend(sp_io::hashing::twox_128(item.as_bytes()));
        let value_type = match &entry.ty {
            StorageEntryType::Plain(value) => value.id,
            StorageEntryType::Map { hashers, key: key_type, value } => {
                for (index, hasher) in hashers.iter().enumerate() {
                    key.extend(hashed(
                        hasher,
                        &self.encode(self.key_type(key_type.id, hashers.len(), index), &keys[index]),
                    ));
                }
                value.id
            }
        };
        match sp_io::storage::get(&key) {
            Some(bytes) => Some(self.decode(value_type, &bytes)),
            None if format!("{:?}", entry.modifier) == "Optional" => Some(Json::Null),
            None => Some(self.decode(value_type, &entry.default)),
        }
    }

    fn key_type(&self, ty: u32, keys: usize, index: usize) -> u32 {
        match &self.metadata.types.resolve(ty).unwrap().type_def {
            scale_info::TypeDef::Tuple(parts) if keys > 1 => parts.fields[index].id,
            _ => ty,
        }
    }

    /// A key or parameter: an account by its address or the development key it is derived from, or a number.
    fn encode(&self, ty: u32, value: &Json) -> Vec<u8> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if text.starts_with("//") {
            return chain::account(&text).encode();
        }
        if let Ok(account) = sp_runtime::AccountId32::from_ss58check(&text) {
            return account.encode();
        }
        let number: u128 = text.parse().unwrap();
        let value = Value::u128(number);
        let mut bytes = Vec::new();
        scale_value::scale::encode_as_type(&value, ty, &self.metadata.types, &mut bytes).unwrap();
        bytes
    }

    fn is_account(&self, ty: u32) -> bool {
        self.metadata.types.resolve(ty).unwrap().path.segments.last().is_some_and(|name| name == "AccountId32")
    }

    fn is_hash(&self, ty: u32) -> bool {
        self.metadata.types.resolve(ty).unwrap().path.segments.last().is_some_and(|name| name == "H256")
    }

    /// Whether the type is a named struct, so that its only field stands for it.
    fn is_wrapper(&self, ty: u32) -> bool {
        matches!(self.metadata.types.resolve(ty).unwrap().type_def, scale_info::TypeDef::Composite(_))
    }

    fn json(&self, value: &Value<u32>) -> Json {
        match &value.value {
            ValueDef::Primitive(Primitive::Bool(flag)) => json!(flag),
            ValueDef::Primitive(Primitive::U128(number)) => json!(number.to_string()),
            ValueDef::Primitive(Primitive::I128(number)) => json!(number.to_string()),
            ValueDef::Primitive(other) => json!(format!("{other:?}")),
            ValueDef::BitSequence(_) => Json::Null,
            ValueDef::Composite(Composite::Unnamed(parts)) if self.is_account(value.context) => {
                let bytes: Vec<u8> = octets(&parts[0]).unwrap();
                json!(sp_runtime::AccountId32::new(bytes.try_into().unwrap()).to_ss58check())
            }
            ValueDef::Composite(_) if self.is_hash(value.context) => {
                json!(format!("0x{}", hex::encode(octets(value).unwrap())))
            }
            ValueDef::Composite(entries) if self.is_map(value.context) => self.map(entries),
            ValueDef::Composite(_) if self.is_octet_array(value.context) => {
                json!(format!("0x{}", hex::encode(octets(value).unwrap())))
            }
            ValueDef::Composite(_) if self.is_octets(value) => text(&octets(value).unwrap()),
            ValueDef::Composite(Composite::Unnamed(parts)) if parts.len() == 1 && self.is_wrapper(value.context) => {
                self.json(&parts[0])
            }
            ValueDef::Composite(composite) => self.composite(composite),
            ValueDef::Variant(variant) => match (variant.name.as_str(), variant.values.values().next()) {
                ("None", None) => Json::Null,
                ("Some", Some(inner)) => self.json(inner),
                (name, None) => json!(name),
                (name, Some(inner)) if variant.values.len() == 1 => {
                    let mut object = Map::new();
                    object.insert(name.to_owned(), self.json(inner));
                    Json::Object(object)
                }
                (name, Some(_)) => json!({ name: self.composite(&variant.values) }),
            },
        }
    }

    fn is_map(&self, ty: u32) -> bool {
        self.metadata.types.resolve(ty).unwrap().path.segments.last().is_some_and(|name| name == "BTreeMap")
    }

    /// The pairs inside a map, as an object.
    fn map(&self, entries: &Composite<u32>) -> Json {
        let pairs = self.composite(entries);
        let pairs = match pairs.as_array().map(Vec::as_slice) {
            Some([Json::Array(inner)]) if inner.first().is_none_or(Json::is_array) => inner.clone(),
            Some(pairs) => pairs.to_vec(),
            None => panic!("{pairs} is no map"),
        };
        pairs.into_iter().map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].clone())).collect()
    }

    fn is_octet_array(&self, ty: u32) -> bool {
        let scale_info::TypeDef::Array(array) = &self.metadata.types.resolve(ty).unwrap().type_def else {
            return false;
        };
        matches!(
            self.metadata.types.resolve(array.type_param.id).unwrap().type_def,
            scale_info::TypeDef::Primitive(scale_info::TypeDefPrimitive::U8)
        )
    }

    fn is_octets(&self, value: &Value<u32>) -> bool {
        use scale_info::TypeDef::{Composite, Sequence};
        let ty = self.metadata.types.resolve(value.context).unwrap();
        let element = match &ty.type_def {
            Sequence(def) => def.type_param.id,
            Composite(def) if ty.path.segments.last().is_some_and(|name| name == "BoundedVec") => {
                match &self.metadata.types.resolve(def.fields[0].ty.id).unwrap().type_def {
                    Sequence(def) => def.type_param.id,
                    _ => return false,
                }
            }
            _ => return false,
        };
        matches!(
            self.metadata.types.resolve(element).unwrap().type_def,
            scale_info::TypeDef::Primitive(scale_info::TypeDefPrimitive::U8)
        )
    }

    fn composite(&self, composite: &Composite<u32>) -> Json {
        match composite {
            Composite::Named(fields) => {
                Json::Object(fields.iter().map(|(name, value)| (name.clone(), self.json(value))).collect())
            }
            Composite::Unnamed(parts) => Json::Array(parts.iter().map(|part| self.json(part)).collect()),
        }
    }
}

fn octets(value: &Value<u32>) -> Option<Vec<u8>> {
    let ValueDef::Composite(composite) = &value.value else { return None };
    let mut bytes = Vec::new();
    for part in composite.values() {
        match &part.value {
            ValueDef::Primitive(Primitive::U128(byte)) => bytes.push(u8::try_from(*byte).ok()?),
            _ => return octets(part),
        }
    }
    Some(bytes)
}

/// Bytes as the recordings show them: as text where they are text.
fn text(bytes: &[u8]) -> Json {
    match core::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!(format!("0x{}", hex::encode(bytes))),
    }
}

fn hashed(hasher: &StorageHasher, key: &[u8]) -> Vec<u8> {
    let mut hash = match hasher {
        StorageHasher::Identity => Vec::new(),
        StorageHasher::Blake2_128Concat => sp_io::hashing::blake2_128(key).to_vec(),
        StorageHasher::Twox64Concat => sp_io::hashing::twox_64(key).to_vec(),
        other => panic!("{other:?} is not among the hashers of this chain"),
    };
    hash.extend(key);
    hash
}
