//! Renders metadata of version 15 as lines that read well and compare well: one fact a line, in a stable order.
//!
//! Named types are shown by their short name; every pallet and API lists the shape of those it uses.

use std::collections::{BTreeMap, BTreeSet};

use codec::Decode;
use frame_metadata::{
    RuntimeMetadata, RuntimeMetadataPrefixed,
    v15::{RuntimeMetadataV15, StorageEntryType},
};
use scale_info::{Field, PortableRegistry, Type, TypeDef, TypeDefPrimitive, form::PortableForm};

/// Named types shown with their parameters, since these say what they hold.
const CONTAINERS: &[&str] =
    &["Option", "Result", "BTreeMap", "BTreeSet", "BoundedVec", "WeakBoundedVec", "FixedU128", "FixedI128", "FixedI64"];
/// Named types that hold the whole runtime, and so say nothing of the place that uses them.
const OUTER: &[&str] = &[
    "RuntimeCall",
    "RuntimeEvent",
    "RuntimeError",
    "OriginCaller",
    "UncheckedExtrinsic",
    "RuntimeHoldReason",
    "RuntimeFreezeReason",
    "Block",
    "LazyBlock",
];
/// Longest value shown as it is; of longer ones a hash is shown.
const SHOWN_BYTES: usize = 40;

/// Decodes metadata with its magic number in front.
pub(crate) fn decode(bytes: &[u8]) -> RuntimeMetadataV15 {
    match RuntimeMetadataPrefixed::decode(&mut &bytes[..]).expect("the metadata decodes").1 {
        RuntimeMetadata::V15(metadata) => metadata,
        other => panic!("metadata of version {}, not 15", other.version()),
    }
}

/// The lines of the listing.
pub(crate) fn lines(metadata: &RuntimeMetadataV15) -> BTreeSet<String> {
    let types = Types { registry: &metadata.types };
    let mut lines = BTreeSet::new();
    extrinsic(metadata, &types, &mut lines);
    for pallet in &metadata.pallets {
        pallet_lines(pallet, &types, &mut lines);
    }
    for api in &metadata.apis {
        api_lines(api, &types, &mut lines);
    }
    lines
}

fn extrinsic(metadata: &RuntimeMetadataV15, types: &Types<'_>, lines: &mut BTreeSet<String>) {
    lines.insert(format!("extrinsic version {}", metadata.extrinsic.version));
    let address = types.name(metadata.extrinsic.address_ty.id);
    let signature = types.name(metadata.extrinsic.signature_ty.id);
    lines.insert(format!("extrinsic address {address}, signature {signature}"));
    for (index, extension) in metadata.extrinsic.signed_extensions.iter().enumerate() {
        let extra = types.wire(extension.ty.id);
        let implicit = types.name(extension.additional_signed.id);
        let name = &extension.identifier;
        lines.insert(format!("extension {index:02} {name}: in the extrinsic {extra}, signed besides {implicit}"));
    }
}

fn pallet_lines(
    pallet: &frame_metadata::v15::PalletMetadata<PortableForm>,
    types: &Types<'_>,
    lines: &mut BTreeSet<String>,
) {
    let owner = format!("pallet {}", pallet.name);
    let mut used = BTreeMap::new();
    lines.insert(format!("{owner} = {}", pallet.index));
    for (kind, ty) in [
        ("call", pallet.calls.as_ref().map(|calls| calls.ty.id)),
        ("event", pallet.event.as_ref().map(|event| event.ty.id)),
        ("error", pallet.error.as_ref().map(|error| error.ty.id)),
    ] {
        let Some(TypeDef::Variant(def)) = ty.map(|id| &types.get(id).type_def) else { continue };
        for variant in &def.variants {
            variant.fields.iter().for_each(|field| types.collect(field.ty.id, &mut used));
            let fields = types.fields(&variant.fields);
            lines.insert(format!("{owner} {kind} {:03} {}{fields}", variant.index, variant.name));
        }
    }
    if let Some(storage) = &pallet.storage {
        for entry in &storage.entries {
            let shape = match &entry.ty {
                StorageEntryType::Plain(value) => {
                    types.collect(value.id, &mut used);
                    types.name(value.id)
                }
                StorageEntryType::Map { hashers, key, value } => {
                    types.collect(key.id, &mut used);
                    types.collect(value.id, &mut used);
                    let hashers: Vec<String> = hashers.iter().map(|hasher| format!("{hasher:?}")).collect();
                    format!("{} {} -> {}", hashers.join(", "), types.name(key.id), types.name(value.id))
                }
            };
            let (name, modifier, default) = (&entry.name, &entry.modifier, bytes(&entry.default));
            lines.insert(format!("{owner} storage {name}: {modifier:?} {shape} = {default}"));
        }
    }
    for constant in &pallet.constants {
        types.collect(constant.ty.id, &mut used);
        let value = bytes(&constant.value);
        lines.insert(format!("{owner} constant {}: {} = {value}", constant.name, types.name(constant.ty.id)));
    }
    lines.extend(used.into_values().map(|shape| format!("{owner} type {shape}")));
}

fn api_lines(
    api: &frame_metadata::v15::RuntimeApiMetadata<PortableForm>,
    types: &Types<'_>,
    lines: &mut BTreeSet<String>,
) {
    let owner = format!("api {}", api.name);
    let mut used = BTreeMap::new();
    for method in &api.methods {
        let inputs: Vec<String> = method
            .inputs
            .iter()
            .map(|input| {
                types.collect(input.ty.id, &mut used);
                format!("{}: {}", input.name, types.name(input.ty.id))
            })
            .collect();
        types.collect(method.output.id, &mut used);
        let output = types.name(method.output.id);
        lines.insert(format!("{owner} method {}({}) -> {output}", method.name, inputs.join(", ")));
    }
    lines.extend(used.into_values().map(|shape| format!("{owner} type {shape}")));
}

fn bytes(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN_BYTES {
        format!("0x{}", hex::encode(bytes))
    } else {
        let hash = hex::encode(sp_io::hashing::blake2_128(bytes));
        format!("{} bytes with the BLAKE2b-128 hash 0x{hash}", bytes.len())
    }
}

struct Types<'a> {
    registry: &'a PortableRegistry,
}

impl Types<'_> {
    fn get(&self, id: u32) -> &Type<PortableForm> {
        self.registry.resolve(id).expect("the registry holds every type it names")
    }

    fn name(&self, id: u32) -> String {
        let ty = self.get(id);
        match (&ty.type_def, ty.path.segments.last()) {
            (_, Some(_)) if typenum(self, ty).is_some() => format!("U{}", typenum(self, ty).expect("checked")),
            (_, Some(name)) if CONTAINERS.contains(&name.as_str()) => {
                let parameters: Vec<String> =
                    ty.type_params.iter().filter_map(|parameter| Some(self.name(parameter.ty?.id))).collect();
                format!("{name}<{}>", parameters.join(", "))
            }
            (_, Some(name)) => name.clone(),
            (TypeDef::Primitive(primitive), None) => primitive_name(primitive).to_owned(),
            (TypeDef::Compact(def), None) => format!("Compact<{}>", self.name(def.type_param.id)),
            (TypeDef::Sequence(def), None) => format!("Vec<{}>", self.name(def.type_param.id)),
            (TypeDef::Array(def), None) => format!("[{}; {}]", self.name(def.type_param.id), def.len),
            (TypeDef::Tuple(def), None) => {
                let parts: Vec<String> = def.fields.iter().map(|part| self.name(part.id)).collect();
                format!("({})", parts.join(", "))
            }
            (def, None) => panic!("a type without a name: {def:?}"),
        }
    }

    /// What a type puts on the wire: wrappers of one field are looked through, empty ones are nothing.
    fn wire(&self, id: u32) -> String {
        let ty = self.get(id);
        let TypeDef::Composite(def) = &ty.type_def else { return self.name(id) };
        let mut fields = def.fields.iter().map(|field| self.wire(field.ty.id)).filter(|shape| shape != "()");
        match (fields.next(), fields.next()) {
            (None, _) => "()".to_owned(),
            (Some(only), None) => only,
            _ => self.name(id),
        }
    }

    fn fields(&self, fields: &[Field<PortableForm>]) -> String {
        let parts: Vec<String> = fields
            .iter()
            .map(|field| {
                let name = field.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                name + &self.name(field.ty.id)
            })
            .collect();
        match fields.first() {
            None => String::new(),
            Some(field) if field.name.is_some() => format!(" {{ {} }}", parts.join(", ")),
            Some(_) => format!("({})", parts.join(", ")),
        }
    }

    /// Adds the shape of the type and of all it holds, under their identities.
    fn collect(&self, id: u32, used: &mut BTreeMap<u32, String>) {
        let ty = self.get(id);
        let name = ty.path.segments.last();
        if used.contains_key(&id) || name.is_some_and(|name| OUTER.contains(&name.as_str())) {
            return;
        }
        let container = name.is_some_and(|name| CONTAINERS.contains(&name.as_str()));
        if let Some(name) = name.filter(|_| !container) {
            let shape = match &ty.type_def {
                TypeDef::Composite(def) => format!("{name}{}", self.fields(&def.fields)),
                TypeDef::Variant(def) => {
                    let variants: Vec<String> = def
                        .variants
                        .iter()
                        .map(|variant| format!("{} {}{}", variant.index, variant.name, self.fields(&variant.fields)))
                        .collect();
                    format!("{name}: {}", variants.join(" | "))
                }
                _ => name.clone(),
            };
            used.insert(id, shape);
        }
        match &ty.type_def {
            TypeDef::Composite(def) => def.fields.iter().for_each(|field| self.collect(field.ty.id, used)),
            TypeDef::Variant(def) => {
                def.variants.iter().flat_map(|v| &v.fields).for_each(|field| self.collect(field.ty.id, used));
            }
            TypeDef::Sequence(def) => self.collect(def.type_param.id, used),
            TypeDef::Array(def) => self.collect(def.type_param.id, used),
            TypeDef::Compact(def) => self.collect(def.type_param.id, used),
            TypeDef::Tuple(def) => def.fields.iter().for_each(|part| self.collect(part.id, used)),
            TypeDef::Primitive(_) | TypeDef::BitSequence(_) => {}
        }
    }
}

/// The number that a type-level number stands for.
fn typenum(types: &Types<'_>, ty: &Type<PortableForm>) -> Option<u64> {
    match ty.path.segments.last()?.as_str() {
        "UTerm" => Some(0),
        "UInt" => {
            let part = |index: usize| Some(types.get(ty.type_params.get(index)?.ty?.id));
            let bit = u64::from(part(1)?.path.segments.last()? == "B1");
            Some(typenum(types, part(0)?)? * 2 + bit)
        }
        _ => None,
    }
}

fn primitive_name(primitive: &TypeDefPrimitive) -> &'static str {
    match primitive {
        TypeDefPrimitive::Bool => "bool",
        TypeDefPrimitive::Char => "char",
        TypeDefPrimitive::Str => "str",
        TypeDefPrimitive::U8 => "u8",
        TypeDefPrimitive::U16 => "u16",
        TypeDefPrimitive::U32 => "u32",
        TypeDefPrimitive::U64 => "u64",
        TypeDefPrimitive::U128 => "u128",
        TypeDefPrimitive::U256 => "u256",
        TypeDefPrimitive::I8 => "i8",
        TypeDefPrimitive::I16 => "i16",
        TypeDefPrimitive::I32 => "i32",
        TypeDefPrimitive::I64 => "i64",
        TypeDefPrimitive::I128 => "i128",
        TypeDefPrimitive::I256 => "i256",
    }
}
