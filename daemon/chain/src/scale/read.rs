//! Decoding of wanted fields into Rust types, by field name and by what the metadata says.
//!
//! [`FromScale`] is implemented for the words of `btd-api` and by [`record!`] for structs. A
//! record ignores fields it does not know, takes them in any order, and may state what a field is
//! worth where the runtime lacks it. Integers may be compact, wrapped, narrower or wider than
//! ours: only a value that does not fit is an error.

use btd_api::{AccountId, Alpha, BlockHash, BlockNumber, Coldkey, Hotkey, MechId, NetUid, Tao, Uid};
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};

use super::{MAX_DEPTH, Mismatch, array, byte, compact, definition, ident, is_byte, length, peel, take, variant};

/// A type that reads itself from a value of any runtime type that can hold it.
pub(crate) trait FromScale: Sized {
    /// Whether the type itself says "none".
    const OPTIONAL: bool = false;

    /// Reads one value of type `id` and moves `input` behind it.
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch>;

    /// Reads `count` values of type `id`. Columns are long: what looks at the type once for all of
    /// them takes a fraction of the time.
    fn many(input: &mut &[u8], count: usize, id: u32, types: &PortableRegistry) -> Result<Vec<Self>, Mismatch> {
        each(input, count, |input| Self::from_scale(input, id, types))
    }
}

/// `count` values, each read by `read`.
pub(crate) fn each<T>(
    input: &mut &[u8],
    count: usize,
    mut read: impl FnMut(&mut &[u8]) -> Result<T, Mismatch>,
) -> Result<Vec<T>, Mismatch> {
    // Each element takes a byte at least, so the input's length bounds what is reserved.
    let mut items = Vec::with_capacity(count.min(input.len()));
    for index in 0..count {
        items.push(read(input).map_err(|m| m.inside(format!("[{index}]")))?);
    }
    Ok(items)
}

/// Reads one value that must be all of `bytes`.
pub(crate) fn whole<T: FromScale>(bytes: &[u8], id: u32, types: &PortableRegistry) -> Result<T, Mismatch> {
    let mut input = bytes;
    let value = T::from_scale(&mut input, id, types)?;
    if input.is_empty() { Ok(value) } else { Err(Mismatch::new(format!("{} bytes are left over", input.len()))) }
}

/// An integer behind any wrapping, sign-extended.
#[derive(Clone, Copy)]
enum Integer {
    Unsigned(u128),
    Signed(i128),
}

fn integer(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Integer, Mismatch> {
    use TypeDefPrimitive as P;
    let id = peel(id, types)?;
    let unsigned = |number: u128| Ok(Integer::Unsigned(number));
    let signed = |number: i128| Ok(Integer::Signed(number));
    match definition(id, types)? {
        TypeDef::Compact(_) => compact(input).map(Integer::Unsigned),
        TypeDef::Primitive(primitive) => match primitive {
            P::U8 => unsigned(byte(input, "a u8")?.into()),
            P::U16 => unsigned(u16::from_le_bytes(array(input, "a u16")?).into()),
            P::U32 => unsigned(u32::from_le_bytes(array(input, "a u32")?).into()),
            P::U64 => unsigned(u64::from_le_bytes(array(input, "a u64")?).into()),
            P::U128 => unsigned(u128::from_le_bytes(array(input, "a u128")?)),
            P::I8 => signed(i8::from_le_bytes(array(input, "an i8")?).into()),
            P::I16 => signed(i16::from_le_bytes(array(input, "an i16")?).into()),
            P::I32 => signed(i32::from_le_bytes(array(input, "an i32")?).into()),
            P::I64 => signed(i64::from_le_bytes(array(input, "an i64")?).into()),
            P::I128 => signed(i128::from_le_bytes(array(input, "an i128")?)),
            P::Bool | P::Char | P::Str | P::U256 | P::I256 => Err(Mismatch::new("expected an integer")),
        },
        _ => Err(Mismatch::new(format!("expected an integer, the runtime has {}", ident(id, types)))),
    }
}

macro_rules! integers {
    ($($type:ty),+) => {
        $(impl FromScale for $type {
            fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
                match integer(input, id, types)? {
                    Integer::Unsigned(number) => <$type>::try_from(number).ok(),
                    Integer::Signed(number) => <$type>::try_from(number).ok(),
                }
                .ok_or_else(|| Mismatch::new(concat!("the number does not fit ", stringify!($type))))
            }

            fn many(
                input: &mut &[u8],
                count: usize,
                id: u32,
                types: &PortableRegistry,
            ) -> Result<Vec<Self>, Mismatch> {
                let id = peel(id, types)?;
                if !matches!(definition(id, types)?, TypeDef::Compact(_)) {
                    return each(input, count, |input| Self::from_scale(input, id, types));
                }
                each(input, count, |input| {
                    <$type>::try_from(compact(input)?)
                        .map_err(|_| Mismatch::new(concat!("the number does not fit ", stringify!($type))))
                })
            }
        })+
    };
}
integers!(u8, u16, u32, u64, u128, i64, i128);

macro_rules! wrapped {
    ($($type:ty as $inner:ty => $wrap:expr),+ $(,)?) => {
        $(impl FromScale for $type {
            fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
                <$inner>::from_scale(input, id, types).map($wrap)
            }

            fn many(
                input: &mut &[u8],
                count: usize,
                id: u32,
                types: &PortableRegistry,
            ) -> Result<Vec<Self>, Mismatch> {
                <$inner>::many(input, count, id, types).map(|all| all.into_iter().map($wrap).collect())
            }
        })+
    };
}
wrapped! {
    NetUid as u16 => NetUid,
    Uid as u16 => Uid,
    MechId as u8 => MechId,
    BlockNumber as u32 => BlockNumber,
    Tao as u64 => Tao::from_rao,
    Alpha as u64 => Alpha::from_rao,
    AccountId as [u8; 32] => AccountId,
    Hotkey as AccountId => Hotkey,
    Coldkey as AccountId => Coldkey,
    BlockHash as [u8; 32] => BlockHash,
}

impl FromScale for bool {
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        match definition(peel(id, types)?, types)? {
            TypeDef::Primitive(TypeDefPrimitive::Bool) => match byte(input, "a flag")? {
                0 => Ok(false),
                1 => Ok(true),
                other => Err(Mismatch::new(format!("{other} is not a flag"))),
            },
            _ => Err(Mismatch::new("expected a flag")),
        }
    }
}

impl<const N: usize> FromScale for [u8; N] {
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        match definition(peel(id, types)?, types)? {
            TypeDef::Array(def) if usize::try_from(def.len) == Ok(N) && is_byte(def.type_param.id, types) => {
                array(input, "an array of bytes")
            }
            _ => Err(Mismatch::new(format!("expected {N} bytes"))),
        }
    }

    fn many(input: &mut &[u8], count: usize, id: u32, types: &PortableRegistry) -> Result<Vec<Self>, Mismatch> {
        match definition(peel(id, types)?, types)? {
            TypeDef::Array(def) if usize::try_from(def.len) == Ok(N) && is_byte(def.type_param.id, types) => {
                each(input, count, |input| array(input, "an array of bytes"))
            }
            _ => Err(Mismatch::new(format!("expected {N} bytes"))),
        }
    }
}

/// Text that the runtime keeps as bytes. What is not UTF-8 becomes U+FFFD: names are shown, not trusted.
impl FromScale for String {
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        Bytes::from_scale(input, id, types).map(|Bytes(bytes)| Self::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A sequence of bytes, also where the runtime made each byte compact.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl FromScale for Bytes {
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        let id = peel(id, types)?;
        match definition(id, types)? {
            TypeDef::Primitive(TypeDefPrimitive::Str) => {
                let count = usize::try_from(compact(input)?).unwrap_or(usize::MAX);
                take(input, count, "a text").map(|text| Self(text.to_vec()))
            }
            TypeDef::Sequence(sequence) if is_byte(sequence.type_param.id, types) => {
                let count = length(input, sequence.type_param.id, types)?;
                take(input, count, "a sequence of bytes").map(|bytes| Self(bytes.to_vec()))
            }
            _ => Vec::<u8>::from_scale(input, id, types).map(Self),
        }
    }
}

impl<T: FromScale> FromScale for Vec<T> {
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        let (element, count) = match definition(peel(id, types)?, types)? {
            TypeDef::Sequence(sequence) => (sequence.type_param.id, length(input, sequence.type_param.id, types)?),
            TypeDef::Array(array) => (array.type_param.id, usize::try_from(array.len).unwrap_or(usize::MAX)),
            _ => return Err(Mismatch::new("expected a sequence")),
        };
        T::many(input, count, element, types)
    }
}

/// `None` where the runtime says so; a runtime that has no option there always gives `Some`.
impl<T: FromScale> FromScale for Option<T> {
    const OPTIONAL: bool = true;

    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        if ident(id, types) != "Option" {
            return T::from_scale(input, id, types).map(Some);
        }
        match variant(input, id, types)? {
            (_, []) => Ok(None),
            (_, [field, ..]) => present(input, field.ty.id, types),
        }
    }
}

/// Reads a `T` also where the runtime made it optional; none when it has none.
pub(crate) fn present<T: FromScale>(
    input: &mut &[u8],
    id: u32,
    types: &PortableRegistry,
) -> Result<Option<T>, Mismatch> {
    if T::OPTIONAL { T::from_scale(input, id, types).map(Some) } else { Option::from_scale(input, id, types) }
}

impl<A: FromScale, B: FromScale> FromScale for (A, B) {
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        let (first, second) = match definition(peel(id, types)?, types)? {
            TypeDef::Tuple(tuple) if tuple.fields.len() == 2 => (tuple.fields[0].id, tuple.fields[1].id),
            TypeDef::Composite(pair) if pair.fields.len() == 2 => (pair.fields[0].ty.id, pair.fields[1].ty.id),
            _ => return Err(Mismatch::new("expected a pair")),
        };
        Ok((A::from_scale(input, first, types)?, B::from_scale(input, second, types)?))
    }
}

/// The named fields of a record of type `id`, in order.
pub(crate) fn named_fields(mut id: u32, types: &PortableRegistry) -> Result<&[Field<PortableForm>], Mismatch> {
    for _ in 0..MAX_DEPTH {
        match definition(id, types)? {
            TypeDef::Composite(composite) if composite.fields.iter().all(|field| field.name.is_some()) => {
                return Ok(&composite.fields);
            }
            TypeDef::Composite(wrapper) if wrapper.fields.len() == 1 => id = wrapper.fields[0].ty.id,
            TypeDef::Tuple(wrapper) if wrapper.fields.len() == 1 => id = wrapper.fields[0].id,
            _ => return Err(Mismatch::new(format!("expected named fields, the runtime has {}", ident(id, types)))),
        }
    }
    Err(Mismatch::new("the type nests too deeply"))
}

/// Where each named field of a record of type `id` goes: what `place` says of its name, and its type.
/// A field without a place is stepped over.
pub(crate) fn plan(
    id: u32,
    types: &PortableRegistry,
    place: impl Fn(&str) -> Option<usize>,
) -> Result<Vec<(Option<usize>, u32)>, Mismatch> {
    let fields = named_fields(id, types)?.iter();
    Ok(fields.map(|field| (field.name.as_deref().and_then(&place), field.ty.id)).collect())
}

/// A struct that is read by its field names. `field: Type = default` may be missing in the runtime.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty $(= $missing:expr)? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis struct $name {
            $( $(#[$field_meta])* $field_vis $field: $type, )*
        }

        impl $name {
            /// Where each field of type `id` goes: its place among ours.
            fn plan(
                id: u32,
                types: &scale_info::PortableRegistry,
            ) -> Result<Vec<(Option<usize>, u32)>, $crate::scale::Mismatch> {
                const NAMES: &[&str] = &[$(stringify!($field)),*];
                $crate::scale::read::plan(id, types, |name| NAMES.iter().position(|known| *known == name))
            }

            /// Reads one value by where its fields go.
            fn by_plan(
                input: &mut &[u8],
                plan: &[(Option<usize>, u32)],
                types: &scale_info::PortableRegistry,
            ) -> Result<Self, $crate::scale::Mismatch> {
                $( let mut $field: Option<$type> = None; )*
                for (place, id) in plan {
                    let Some(place) = place else {
                        $crate::scale::skip(input, *id, types)?;
                        continue;
                    };
                    let mut places = 0_usize..;
                    $(
                        if places.next() == Some(*place) {
                            let value = $crate::scale::read::present(input, *id, types);
                            $field = value.map_err(|m| m.inside(stringify!($field)))?;
                        }
                    )*
                }
                Ok(Self {
                    $( $field: match $field {
                        Some(value) => value,
                        None => $crate::scale::read::record!(@missing $name $field $($missing)?),
                    }, )*
                })
            }
        }

        impl $crate::scale::read::FromScale for $name {
            fn from_scale(
                input: &mut &[u8],
                id: u32,
                types: &scale_info::PortableRegistry,
            ) -> Result<Self, $crate::scale::Mismatch> {
                Self::by_plan(input, &Self::plan(id, types)?, types)
            }

            fn many(
                input: &mut &[u8],
                count: usize,
                id: u32,
                types: &scale_info::PortableRegistry,
            ) -> Result<Vec<Self>, $crate::scale::Mismatch> {
                let plan = Self::plan(id, types)?;
                $crate::scale::read::each(input, count, |input| Self::by_plan(input, &plan, types))
            }
        }
    };
    (@missing $name:ident $field:ident $missing:expr) => { $missing };
    (@missing $name:ident $field:ident) => {
        return Err($crate::scale::Mismatch::new(concat!(
            "the runtime's ", stringify!($name), " has no field `", stringify!($field), "`"
        )))
    };
}
pub(crate) use record;
