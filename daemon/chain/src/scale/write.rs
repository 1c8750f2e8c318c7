//! Fitting of a [`Value`] to a type of the runtime.
//!
//! What does not fit is refused with the field it was meant for; nothing is guessed, rounded or
//! filled in, except that an option left out of a record is `None`. Only the `From` side of the
//! conventions stated in `value.rs` and `scale/json.rs` lives here.

use std::collections::BTreeMap;

use btd_api::AccountId;
use codec::{Compact, Encode};
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};

use super::{MAX_DEPTH, Mismatch, definition, ident, is_byte, peel};
use crate::value::Value;

/// Appends `value`, fitted to type `id`.
pub(crate) fn encode(value: &Value, id: u32, types: &PortableRegistry, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    Encoder { types, out }.value(value, id, MAX_DEPTH)
}

/// Appends named fields in the order that the runtime wants them; every given name must be known.
pub(crate) fn encode_named(
    given: &BTreeMap<String, Value>,
    wanted: &[Field<PortableForm>],
    types: &PortableRegistry,
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    Encoder { types, out }.named(given, wanted, MAX_DEPTH)
}

struct Encoder<'t, 'o> {
    types: &'t PortableRegistry,
    out: &'o mut Vec<u8>,
}

fn unfit(value: &Value, wanted: &str) -> Mismatch {
    Mismatch::new(format!("expected {wanted}, got {}", value.kind()))
}

/// `0x` hex as bytes; `None` when the text is not meant as hex.
fn hex_text(text: &str) -> Option<Result<Vec<u8>, Mismatch>> {
    let digits = text.strip_prefix("0x")?;
    Some(hex::decode(digits).map_err(|error| Mismatch::new(format!("`{text}` is not hex: {error}"))))
}

// === impl Encoder ===

impl Encoder<'_, '_> {
    fn value(&mut self, value: &Value, id: u32, depth: usize) -> Result<(), Mismatch> {
        let depth = depth.checked_sub(1).ok_or_else(|| Mismatch::new("the value nests too deeply"))?;
        match definition(id, self.types)? {
            TypeDef::Primitive(primitive) => self.primitive(value, primitive),
            TypeDef::Compact(inner) => self.compact(value, inner.type_param.id),
            TypeDef::Sequence(sequence) => self.sequence(value, sequence.type_param.id, depth),
            TypeDef::Array(array) => {
                self.array(value, array.type_param.id, usize::try_from(array.len).unwrap_or(usize::MAX), depth)
            }
            TypeDef::Tuple(tuple) => {
                let fields: Vec<u32> = tuple.fields.iter().map(|field| field.id).collect();
                self.unnamed(value, &fields, depth)
            }
            TypeDef::Composite(composite) => self.composite(value, &composite.fields, depth),
            TypeDef::Variant(_) => self.variant(value, id, depth),
            TypeDef::BitSequence(_) => Err(unfit(value, "a sequence of bits, which btd does not write")),
        }
    }

    fn primitive(&mut self, value: &Value, primitive: &TypeDefPrimitive) -> Result<(), Mismatch> {
        use TypeDefPrimitive as P;
        /// Appends an integer of one width.
        macro_rules! integer {
            ($type:ty) => {{
                let number = <$type>::try_from(signed(value)?)
                    .map_err(|_| Mismatch::new(concat!("the number does not fit ", stringify!($type))))?;
                self.out.extend_from_slice(&number.to_le_bytes());
            }};
        }
        match primitive {
            P::Bool => match value {
                Value::Bool(flag) => self.out.push(u8::from(*flag)),
                Value::Text(text) if text == "true" => self.out.push(1),
                Value::Text(text) if text == "false" => self.out.push(0),
                other => return Err(unfit(other, "true or false")),
            },
            P::Str => match value {
                Value::Text(text) => text.encode_to(self.out),
                other => return Err(unfit(other, "text")),
            },
            P::U128 => self.out.extend_from_slice(&unsigned(value)?.to_le_bytes()),
            P::U8 => integer!(u8),
            P::U16 => integer!(u16),
            P::U32 => integer!(u32),
            P::U64 => integer!(u64),
            P::I8 => integer!(i8),
            P::I16 => integer!(i16),
            P::I32 => integer!(i32),
            P::I64 => integer!(i64),
            P::I128 => integer!(i128),
            P::U256 | P::I256 => {
                if let Value::Text(text) = value
                    && let Some(bytes) = hex_text(text)
                {
                    let bytes = bytes?;
                    if bytes.len() != 32 {
                        return Err(Mismatch::new(format!("expected 32 bytes, got {}", bytes.len())));
                    }
                    self.out.extend_from_slice(&bytes);
                    return Ok(());
                }
                self.out.extend_from_slice(&unsigned(value)?.to_le_bytes());
                self.out.extend_from_slice(&[0; 16]);
            }
            P::Char => return Err(unfit(value, "a character, which btd does not write")),
        }
        Ok(())
    }

    fn compact(&mut self, value: &Value, inner: u32) -> Result<(), Mismatch> {
        use TypeDefPrimitive as P;
        let inner = definition(peel(inner, self.types)?, self.types)?;
        // A compact unit takes no bytes at all.
        if let (TypeDef::Tuple(_), Value::Null) = (inner, value) {
            return Ok(());
        }
        let number = unsigned(value)?;
        let limit = match inner {
            TypeDef::Primitive(P::U8) => u8::MAX.into(),
            TypeDef::Primitive(P::U16) => u16::MAX.into(),
            TypeDef::Primitive(P::U32) => u32::MAX.into(),
            TypeDef::Primitive(P::U64) => u64::MAX.into(),
            _ => u128::MAX,
        };
        if number > limit {
            return Err(Mismatch::new(format!("{number} is more than {limit}")));
        }
        Compact(number).encode_to(self.out);
        Ok(())
    }

    fn sequence(&mut self, value: &Value, element: u32, depth: usize) -> Result<(), Mismatch> {
        let bytes = match value {
            Value::Bytes(bytes) => Some(bytes.clone()),
            Value::Account(account) => Some(account.0.to_vec()),
            Value::Text(text) => Some(hex_text(text).unwrap_or_else(|| Ok(text.as_bytes().to_vec()))?),
            _ => None,
        };
        match (bytes, value) {
            (Some(bytes), _) if is_byte(element, self.types) => bytes.encode_to(self.out),
            (None, Value::List(items)) => {
                let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
                Compact(count).encode_to(self.out);
                self.items(items, element, depth)?;
            }
            _ => return Err(unfit(value, "a list")),
        }
        Ok(())
    }

    fn array(&mut self, value: &Value, element: u32, count: usize, depth: usize) -> Result<(), Mismatch> {
        if is_byte(element, self.types) && !matches!(value, Value::List(_)) {
            let bytes = match value {
                Value::Bytes(bytes) => bytes.clone(),
                Value::Account(account) => account.0.to_vec(),
                Value::Text(text) => match hex_text(text) {
                    Some(bytes) => bytes?,
                    None if count == 32 => text
                        .parse::<AccountId>()
                        .map(|account| account.0.to_vec())
                        .map_err(|error| Mismatch::new(error.to_string()))?,
                    None => return Err(Mismatch::new(format!("expected 0x and {count} bytes of hex"))),
                },
                other => return Err(unfit(other, "bytes")),
            };
            if bytes.len() != count {
                return Err(Mismatch::new(format!("expected {count} bytes, got {}", bytes.len())));
            }
            self.out.extend_from_slice(&bytes);
            return Ok(());
        }
        match value {
            Value::List(items) if items.len() == count => self.items(items, element, depth),
            other => Err(unfit(other, &format!("a list of {count}"))),
        }
    }

    fn items(&mut self, items: &[Value], element: u32, depth: usize) -> Result<(), Mismatch> {
        for (index, item) in items.iter().enumerate() {
            self.value(item, element, depth).map_err(|m| m.inside(format!("[{index}]")))?;
        }
        Ok(())
    }

    fn composite(&mut self, value: &Value, fields: &[Field<PortableForm>], depth: usize) -> Result<(), Mismatch> {
        let named = fields.iter().all(|field| field.name.is_some());
        match (value, fields) {
            (Value::Record(given), [_, ..]) if named && (fields.len() > 1 || holds_first(given, fields)) => {
                self.named(given, fields, depth)
            }
            (_, [only]) => self.value(value, only.ty.id, depth),
            _ => {
                let ids: Vec<u32> = fields.iter().map(|field| field.ty.id).collect();
                self.unnamed(value, &ids, depth)
            }
        }
    }

    fn unnamed(&mut self, value: &Value, fields: &[u32], depth: usize) -> Result<(), Mismatch> {
        match (value, fields) {
            (Value::Null, []) => Ok(()),
            (Value::List(items), []) if items.is_empty() => Ok(()),
            // Nothing by name: a call without arguments inside another.
            (Value::Record(given), []) => self.named(given, &[], depth),
            (Value::List(items), _) if items.len() == fields.len() && fields.len() != 1 => {
                for (index, (item, id)) in items.iter().zip(fields).enumerate() {
                    self.value(item, *id, depth).map_err(|m| m.inside(format!("[{index}]")))?;
                }
                Ok(())
            }
            (_, [only]) => self.value(value, *only, depth),
            (other, _) => Err(unfit(other, &format!("a list of {}", fields.len()))),
        }
    }

    fn named(
        &mut self,
        given: &BTreeMap<String, Value>,
        wanted: &[Field<PortableForm>],
        depth: usize,
    ) -> Result<(), Mismatch> {
        let names = || wanted.iter().filter_map(|field| field.name.as_deref());
        if let Some(stranger) = given.keys().find(|name| !names().any(|known| known == *name)) {
            let known = names().collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none here" } else { known.as_str() };
            return Err(Mismatch::new(format!("no argument is named `{stranger}`; the runtime has: {known}")));
        }
        for field in wanted {
            let name = field.name.as_deref().unwrap_or_default();
            match given.get(name) {
                Some(value) => self.value(value, field.ty.id, depth).map_err(|m| m.inside(name))?,
                None if ident(field.ty.id, self.types) == "Option" => self.out.push(0),
                None => return Err(Mismatch::new(format!("the argument `{name}` is missing"))),
            }
        }
        Ok(())
    }

    fn variant(&mut self, value: &Value, id: u32, depth: usize) -> Result<(), Mismatch> {
        if ident(id, self.types) == "Option" {
            return self.option(value, id, depth);
        }
        let null = Value::Null;
        match value {
            Value::Variant(name, content) => self.chosen(name, content, id, depth),
            Value::Account(_) => self.chosen("Id", value, id, depth),
            Value::Text(text) if self.has_variant(id, text) => self.chosen(text, &null, id, depth),
            Value::Text(_) | Value::Bytes(_) if self.has_variant(id, "Id") => self.chosen("Id", value, id, depth),
            Value::Record(entry) if entry.len() == 1 => {
                let (name, content) =
                    entry.iter().next().map_or(("", &null), |(name, content)| (name.as_str(), content));
                self.chosen(name, content, id, depth)
            }
            Value::Record(members) if let Some((pallet, call, args)) = spelled_out(members) => {
                let content = Value::Variant(call.to_owned(), Box::new(args));
                self.chosen(pallet, &content, id, depth)
            }
            Value::Call(call) => {
                let arguments = Value::Variant(call.call.clone(), Box::new(Value::Record(call.args.clone())));
                self.chosen(&call.pallet, &arguments, id, depth)
            }
            other => Err(unfit(other, &format!("one of {}", self.variant_names(id)))),
        }
    }

    fn option(&mut self, value: &Value, id: u32, depth: usize) -> Result<(), Mismatch> {
        match value {
            Value::Null => {
                self.out.push(0);
                Ok(())
            }
            some => self.chosen("Some", some, id, depth),
        }
    }

    fn chosen(&mut self, name: &str, content: &Value, id: u32, depth: usize) -> Result<(), Mismatch> {
        let TypeDef::Variant(def) = definition(id, self.types)? else {
            return Err(Mismatch::new("expected an enum"));
        };
        let Some(variant) = def.variants.iter().find(|variant| variant.name == name) else {
            return Err(Mismatch::new(format!(
                "no variant is named `{name}`; the runtime has: {}",
                self.variant_names(id)
            )));
        };
        self.out.push(variant.index);
        let fields = variant.fields.as_slice();
        let named = !fields.is_empty() && fields.iter().all(|field| field.name.is_some());
        match content {
            Value::Record(given) if named => self.named(given, fields, depth),
            _ => {
                let ids: Vec<u32> = fields.iter().map(|field| field.ty.id).collect();
                self.unnamed(content, &ids, depth)
            }
        }
        .map_err(|m| m.inside(name))
    }

    fn has_variant(&self, id: u32, name: &str) -> bool {
        matches!(definition(id, self.types), Ok(TypeDef::Variant(def)) if def.variants.iter().any(|v| v.name == name))
    }

    fn variant_names(&self, id: u32) -> String {
        match definition(id, self.types) {
            Ok(TypeDef::Variant(def)) => {
                def.variants.iter().map(|variant| variant.name.as_str()).collect::<Vec<_>>().join(", ")
            }
            _ => String::new(),
        }
    }
}

/// The pallet, the call and its arguments of a call that is spelled out as one: `pallet`, `call` and `args`.
fn spelled_out(members: &BTreeMap<String, Value>) -> Option<(&str, &str, Value)> {
    let is_known = |name: &String| matches!(name.as_str(), "pallet" | "call" | "args");
    let args = || members.get("args").cloned().unwrap_or_else(|| Value::Record(BTreeMap::new()));
    match (members.get("pallet")?, members.get("call")?) {
        (Value::Text(pallet), Value::Text(call)) if members.keys().all(is_known) => Some((pallet, call, args())),
        _ => None,
    }
}

/// Whether a record names the only field of a newtype.
fn holds_first(given: &BTreeMap<String, Value>, fields: &[Field<PortableForm>]) -> bool {
    fields.first().and_then(|field| field.name.as_deref()).is_some_and(|name| given.contains_key(name))
}

fn unsigned(value: &Value) -> Result<u128, Mismatch> {
    match value {
        Value::Uint(number) => Ok(*number),
        Value::Int(number) => u128::try_from(*number).map_err(|_| Mismatch::new("the number is negative")),
        Value::Text(text) => text.parse().map_err(|_| Mismatch::new(format!("`{text}` is not an integer"))),
        other => Err(unfit(other, "an integer")),
    }
}

fn signed(value: &Value) -> Result<i128, Mismatch> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Uint(number) => i128::try_from(*number).map_err(|_| Mismatch::new("the number is too large")),
        Value::Text(text) => text.parse().map_err(|_| Mismatch::new(format!("`{text}` is not an integer"))),
        other => Err(unfit(other, "an integer")),
    }
}
