//! Decoding of anything into JSON, for events, calls and reads by name.
//!
//! The form depends on the type alone, never on the value: accounts are SS58 text; bytes and
//! hashes are `0x` hex; integers of 64 bits and more are decimal text, narrower ones numbers;
//! a newtype is its content; an option is null or its content; an enum is its variant's name or
//! `{"Name": content}`; named fields are an object, others an array. `scale/write.rs` reads the
//! same form back.

use btd_api::AccountId;
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};
use serde_json::{Map, Value as Json};

use super::{MAX_DEPTH, Mismatch, array, byte, compact, definition, ident, is_byte, length, peel, skip, take, variant};
use crate::hex_bytes;

/// Reads one value that must be all of `bytes`.
pub(crate) fn whole(bytes: &[u8], id: u32, types: &PortableRegistry) -> Result<Json, Mismatch> {
    let mut input = bytes;
    let value = decode(&mut input, id, types)?;
    if input.is_empty() { Ok(value) } else { Err(Mismatch::new(format!("{} bytes are left over", input.len()))) }
}

/// Reads one value of type `id` and moves `input` behind it.
pub(crate) fn decode(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Json, Mismatch> {
    Decoder { types }.value(input, id, MAX_DEPTH)
}

/// Reads the fields of a variant or call: an object when they are named, else an array.
pub(crate) fn decode_fields(
    input: &mut &[u8],
    fields: &[Field<PortableForm>],
    types: &PortableRegistry,
) -> Result<Json, Mismatch> {
    Decoder { types }.fields(input, fields, MAX_DEPTH)
}

struct Decoder<'t> {
    types: &'t PortableRegistry,
}

fn hex(bytes: &[u8]) -> Json {
    Json::String(hex_bytes::text(bytes))
}

// === impl Decoder ===

impl Decoder<'_> {
    fn value(&self, input: &mut &[u8], id: u32, depth: usize) -> Result<Json, Mismatch> {
        let depth = depth.checked_sub(1).ok_or_else(|| Mismatch::new("the value nests too deeply"))?;
        match definition(id, self.types)? {
            TypeDef::Primitive(primitive) => Self::primitive(input, primitive),
            TypeDef::Compact(inner) => self.compact(input, inner.type_param.id),
            TypeDef::Composite(_) if ident(id, self.types) == "AccountId32" => {
                array(input, "an account").map(|bytes| Json::String(AccountId(bytes).to_string()))
            }
            TypeDef::Composite(composite) => match composite.fields.as_slice() {
                [] => Ok(Json::Null),
                [field] if field.name.is_none() => self.value(input, field.ty.id, depth),
                fields => self.fields(input, fields, depth),
            },
            TypeDef::Tuple(tuple) => match tuple.fields.as_slice() {
                [] => Ok(Json::Null),
                [only] => self.value(input, only.id, depth),
                many => self.items(input, many.iter().map(|field| field.id), depth),
            },
            TypeDef::Sequence(sequence) => {
                let element = sequence.type_param.id;
                let count = length(input, element, self.types)?;
                self.sequence(input, element, count, depth)
            }
            TypeDef::Array(array) => {
                let count = usize::try_from(array.len).unwrap_or(usize::MAX);
                self.sequence(input, array.type_param.id, count, depth)
            }
            TypeDef::Variant(_) => self.variant(input, id, depth),
            TypeDef::BitSequence(_) => {
                let before = *input;
                skip(input, id, self.types)?;
                Ok(hex(&before[..before.len() - input.len()]))
            }
        }
    }

    fn primitive(input: &mut &[u8], primitive: &TypeDefPrimitive) -> Result<Json, Mismatch> {
        use TypeDefPrimitive as P;
        Ok(match primitive {
            P::Bool => Json::Bool(byte(input, "a flag")? != 0),
            P::Char => {
                let code = u32::from_le_bytes(array(input, "a character")?);
                Json::String(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).to_string())
            }
            P::Str => {
                let count = usize::try_from(compact(input)?).unwrap_or(usize::MAX);
                Json::String(String::from_utf8_lossy(take(input, count, "a text")?).into_owned())
            }
            P::U8 => byte(input, "a u8")?.into(),
            P::U16 => u16::from_le_bytes(array(input, "a u16")?).into(),
            P::U32 => u32::from_le_bytes(array(input, "a u32")?).into(),
            P::U64 => u64::from_le_bytes(array(input, "a u64")?).to_string().into(),
            P::U128 => u128::from_le_bytes(array(input, "a u128")?).to_string().into(),
            P::I8 => i8::from_le_bytes(array(input, "an i8")?).into(),
            P::I16 => i16::from_le_bytes(array(input, "an i16")?).into(),
            P::I32 => i32::from_le_bytes(array(input, "an i32")?).into(),
            P::I64 => i64::from_le_bytes(array(input, "an i64")?).to_string().into(),
            P::I128 => i128::from_le_bytes(array(input, "an i128")?).to_string().into(),
            P::U256 | P::I256 => hex(&array::<32>(input, "a 256-bit integer")?),
        })
    }

    /// A compact integer in the form that its width would have.
    fn compact(&self, input: &mut &[u8], inner: u32) -> Result<Json, Mismatch> {
        use TypeDefPrimitive as P;
        let inner = definition(peel(inner, self.types)?, self.types)?;
        // A compact unit takes no bytes at all (`MultiAddress::Index` of chains without indices).
        if matches!(inner, TypeDef::Tuple(_)) {
            return Ok(Json::Null);
        }
        let number = compact(input)?;
        Ok(match inner {
            TypeDef::Primitive(P::U8 | P::U16 | P::U32) => match u32::try_from(number) {
                Ok(number) => number.into(),
                Err(_) => return Err(Mismatch::new("the compact integer is wider than its type")),
            },
            _ => number.to_string().into(),
        })
    }

    fn sequence(&self, input: &mut &[u8], element: u32, count: usize, depth: usize) -> Result<Json, Mismatch> {
        if is_byte(element, self.types) {
            return take(input, count, "a sequence of bytes").map(hex);
        }
        self.items(input, std::iter::repeat_n(element, count), depth)
    }

    fn items(&self, input: &mut &[u8], elements: impl Iterator<Item = u32>, depth: usize) -> Result<Json, Mismatch> {
        elements
            .enumerate()
            .map(|(index, id)| self.value(input, id, depth).map_err(|m| m.inside(format!("[{index}]"))))
            .collect::<Result<Vec<_>, _>>()
            .map(Json::Array)
    }

    fn fields(&self, input: &mut &[u8], fields: &[Field<PortableForm>], depth: usize) -> Result<Json, Mismatch> {
        if fields.iter().any(|field| field.name.is_none()) {
            return self.items(input, fields.iter().map(|field| field.ty.id), depth);
        }
        let mut object = Map::new();
        for field in fields {
            let name = field.name.clone().unwrap_or_default();
            let value = self.value(input, field.ty.id, depth).map_err(|m| m.inside(name.clone()))?;
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }

    fn variant(&self, input: &mut &[u8], id: u32, depth: usize) -> Result<Json, Mismatch> {
        let (name, fields) = variant(input, id, self.types)?;
        if ident(id, self.types) == "Option" {
            return match fields {
                [] => Ok(Json::Null),
                [content, ..] => self.value(input, content.ty.id, depth),
            };
        }
        let content = match fields {
            [] => return Ok(Json::String(name.to_owned())),
            [only] if only.name.is_none() => self.value(input, only.ty.id, depth),
            many => self.fields(input, many, depth),
        };
        let content = content.map_err(|m| m.inside(name))?;
        Ok(Json::Object(Map::from_iter([(name.to_owned(), content)])))
    }
}
