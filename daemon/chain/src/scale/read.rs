//! Decoding of wanted fields into Rust types, by field name and by what the metadata says.
//!
//! [`FromScale`] is implemented for the words of `btd-api` and by [`record!`] for structs. A
//! record ignores fields it does not know, takes them in any order, and may state what a field is
//! worth where the runtime lacks it. Integers may be compact, wrapped, narrower or wider than
//! ours: only a value that does not fit is an error.

use std::cell::OnceCell;

use btd_api::{AccountId, Alpha, BlockHash, BlockNumber, Coldkey, Hotkey, MechId, NetUid, Tao, Uid};
use scale_info::{PortableRegistry, TypeDef, TypeDefPrimitive};

pub(crate) use super::record::{named_fields, record};
use super::{Mismatch, array, byte, compact, definition, ident, is_byte, length, peel, take, variant};

/// A type that reads itself from a value of any runtime type that can hold it. It tells one of the two ways, of which the
/// other follows.
pub(crate) trait FromScale: Sized {
    /// Whether the type itself says "none".
    const OPTIONAL: bool = false;

    /// Reads one value of type `id` and moves `input` behind it.
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        Self::reader(id, types)?(input)
    }

    /// What reads values of type `id`, one after another. Columns are long: what looks at the type once for all of
    /// them takes a fraction of the time.
    fn reader(
        id: u32,
        types: &PortableRegistry,
    ) -> Result<impl Fn(&mut &[u8]) -> Result<Self, Mismatch> + '_, Mismatch> {
        Ok(move |input: &mut &[u8]| Self::from_scale(input, id, types))
    }

    /// `count` values of type `id`, one behind the other.
    fn column(input: &mut &[u8], count: usize, id: u32, types: &PortableRegistry) -> Result<Vec<Self>, Mismatch> {
        each(input, count, Self::reader(id, types)?)
    }
}

/// More memory than any column of a real chain takes: a value of many fields can be one byte as it is written.
const LARGEST_COLUMN: usize = 256 << 20;

/// `count` values, each read by `read`.
pub(crate) fn each<T>(
    input: &mut &[u8],
    count: usize,
    mut read: impl FnMut(&mut &[u8]) -> Result<T, Mismatch>,
) -> Result<Vec<T>, Mismatch> {
    if count.saturating_mul(size_of::<T>()) > LARGEST_COLUMN {
        return Err(Mismatch::new(format!("{count} values in a row are more than fit into {LARGEST_COLUMN} bytes")));
    }
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

/// How an integer lies in the bytes.
#[derive(Clone, Copy)]
enum Layout {
    Compact,
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
}

// === impl Layout ===

impl Layout {
    /// That of an integer of type `id`, behind any wrapping.
    fn of(id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        use TypeDefPrimitive as P;
        let id = peel(id, types)?;
        Ok(match definition(id, types)? {
            TypeDef::Compact(_) => Self::Compact,
            TypeDef::Primitive(primitive) => match primitive {
                P::U8 => Self::U8,
                P::U16 => Self::U16,
                P::U32 => Self::U32,
                P::U64 => Self::U64,
                P::U128 => Self::U128,
                P::I8 => Self::I8,
                P::I16 => Self::I16,
                P::I32 => Self::I32,
                P::I64 => Self::I64,
                P::I128 => Self::I128,
                P::Bool | P::Char | P::Str | P::U256 | P::I256 => return Err(Mismatch::new("expected an integer")),
            },
            _ => return Err(Mismatch::new(format!("expected an integer, the runtime has {}", ident(id, types)))),
        })
    }

    fn read(self, input: &mut &[u8]) -> Result<Integer, Mismatch> {
        let unsigned = |number: u128| Ok(Integer::Unsigned(number));
        let signed = |number: i128| Ok(Integer::Signed(number));
        match self {
            Self::Compact => compact(input).map(Integer::Unsigned),
            Self::U8 => unsigned(byte(input, "a u8")?.into()),
            Self::U16 => unsigned(u16::from_le_bytes(array(input, "a u16")?).into()),
            Self::U32 => unsigned(u32::from_le_bytes(array(input, "a u32")?).into()),
            Self::U64 => unsigned(u64::from_le_bytes(array(input, "a u64")?).into()),
            Self::U128 => unsigned(u128::from_le_bytes(array(input, "a u128")?)),
            Self::I8 => signed(i8::from_le_bytes(array(input, "an i8")?).into()),
            Self::I16 => signed(i16::from_le_bytes(array(input, "an i16")?).into()),
            Self::I32 => signed(i32::from_le_bytes(array(input, "an i32")?).into()),
            Self::I64 => signed(i64::from_le_bytes(array(input, "an i64")?).into()),
            Self::I128 => signed(i128::from_le_bytes(array(input, "an i128")?)),
        }
    }
}

macro_rules! integers {
    ($($type:ty),+) => {
        $(impl FromScale for $type {
            fn reader(
                id: u32,
                types: &PortableRegistry,
            ) -> Result<impl Fn(&mut &[u8]) -> Result<Self, Mismatch> + '_, Mismatch> {
                let layout = Layout::of(id, types)?;
                Ok(move |input: &mut &[u8]| {
                    match layout.read(input)? {
                        Integer::Unsigned(number) => <$type>::try_from(number).ok(),
                        Integer::Signed(number) => <$type>::try_from(number).ok(),
                    }
                    .ok_or_else(|| Mismatch::new(concat!("the number does not fit ", stringify!($type))))
                })
            }

            fn column(
                input: &mut &[u8],
                count: usize,
                id: u32,
                types: &PortableRegistry,
            ) -> Result<Vec<Self>, Mismatch> {
                // So nearly all columns lie, and then nothing has to be told apart for each of them.
                if !matches!(Layout::of(id, types)?, Layout::Compact) {
                    return each(input, count, Self::reader(id, types)?);
                }
                each(input, count, |input| {
                    <$type>::try_from(compact(input)?)
                        .ok()
                        .ok_or_else(|| Mismatch::new(concat!("the number does not fit ", stringify!($type))))
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

            fn reader(
                id: u32,
                types: &PortableRegistry,
            ) -> Result<impl Fn(&mut &[u8]) -> Result<Self, Mismatch> + '_, Mismatch> {
                let inner = <$inner>::reader(id, types)?;
                Ok(move |input: &mut &[u8]| inner(input).map($wrap))
            }

            fn column(
                input: &mut &[u8],
                count: usize,
                id: u32,
                types: &PortableRegistry,
            ) -> Result<Vec<Self>, Mismatch> {
                Ok(<$inner>::column(input, count, id, types)?.into_iter().map($wrap).collect())
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
    fn reader(
        id: u32,
        types: &PortableRegistry,
    ) -> Result<impl Fn(&mut &[u8]) -> Result<Self, Mismatch> + '_, Mismatch> {
        if !matches!(definition(peel(id, types)?, types)?, TypeDef::Primitive(TypeDefPrimitive::Bool)) {
            return Err(Mismatch::new("expected a flag"));
        }
        Ok(|input: &mut &[u8]| match byte(input, "a flag")? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Mismatch::new(format!("{other} is not a flag"))),
        })
    }
}

impl<const N: usize> FromScale for [u8; N] {
    fn reader(
        id: u32,
        types: &PortableRegistry,
    ) -> Result<impl Fn(&mut &[u8]) -> Result<Self, Mismatch> + '_, Mismatch> {
        match definition(peel(id, types)?, types)? {
            TypeDef::Array(def) if usize::try_from(def.len) == Ok(N) && is_byte(def.type_param.id, types) => {
                Ok(|input: &mut &[u8]| array(input, "an array of bytes"))
            }
            _ => Err(Mismatch::new(format!("expected {N} bytes"))),
        }
    }
}

/// Text that the runtime keeps as bytes. What is not UTF-8 becomes U+FFFD: names are shown, not trusted.
impl FromScale for String {
    fn reader(
        id: u32,
        types: &PortableRegistry,
    ) -> Result<impl Fn(&mut &[u8]) -> Result<Self, Mismatch> + '_, Mismatch> {
        let read = Bytes::reader(id, types)?;
        Ok(move |input: &mut &[u8]| {
            let Bytes(bytes) = read(input)?;
            Ok(Self::from_utf8(bytes).unwrap_or_else(|wrong| Self::from_utf8_lossy(wrong.as_bytes()).into_owned()))
        })
    }
}

/// A sequence of bytes, also where the runtime made each byte compact.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// How a sequence of bytes lies among others.
#[derive(Clone, Copy)]
enum Run {
    Text,
    /// Each is of this type.
    Bytes(u32),
    Other,
}

impl FromScale for Bytes {
    fn reader(
        id: u32,
        types: &PortableRegistry,
    ) -> Result<impl Fn(&mut &[u8]) -> Result<Self, Mismatch> + '_, Mismatch> {
        let id = peel(id, types)?;
        let run = match definition(id, types)? {
            TypeDef::Primitive(TypeDefPrimitive::Str) => Run::Text,
            TypeDef::Sequence(sequence) if is_byte(sequence.type_param.id, types) => Run::Bytes(sequence.type_param.id),
            _ => Run::Other,
        };
        Ok(move |input: &mut &[u8]| match run {
            Run::Text => {
                let count = usize::try_from(compact(input)?).unwrap_or(usize::MAX);
                take(input, count, "a text").map(|text| Self(text.to_vec()))
            }
            Run::Bytes(element) => {
                let count = length(input, element, types)?;
                take(input, count, "a sequence of bytes").map(|bytes| Self(bytes.to_vec()))
            }
            Run::Other => Vec::<u8>::from_scale(input, id, types).map(Self),
        })
    }
}

impl<T: FromScale> FromScale for Vec<T> {
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        let (element, count) = match definition(peel(id, types)?, types)? {
            TypeDef::Sequence(sequence) => (sequence.type_param.id, length(input, sequence.type_param.id, types)?),
            TypeDef::Array(array) => (array.type_param.id, usize::try_from(array.len).unwrap_or(usize::MAX)),
            _ => return Err(Mismatch::new("expected a sequence")),
        };
        // What an element looks like does not matter where there is none.
        if count == 0 {
            return Ok(Self::new());
        }
        T::column(input, count, element, types)
    }
}

/// `None` where the runtime says so; a runtime that has no option there always gives `Some`.
impl<T: FromScale> FromScale for Option<T> {
    const OPTIONAL: bool = true;

    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        if ident(id, types) != OPTION {
            return T::from_scale(input, id, types).map(Some);
        }
        match variant(input, id, types)? {
            (_, []) => Ok(None),
            (_, [field, ..]) => present(input, field.ty.id, types),
        }
    }

    fn reader(
        id: u32,
        types: &PortableRegistry,
    ) -> Result<impl Fn(&mut &[u8]) -> Result<Self, Mismatch> + '_, Mismatch> {
        // Options in options are looked at one by one.
        let content = some(id, types).filter(|content| !T::OPTIONAL && ident(*content, types) != OPTION);
        // What is in it does not matter where there is nothing in it.
        let reader = OnceCell::new();
        Ok(move |input: &mut &[u8]| match (content, input.split_first()) {
            (Some(_), Some((0, rest))) => {
                *input = rest;
                Ok(None)
            }
            (Some(content), Some((1, rest))) => match reader.get_or_init(|| T::reader(content, types)) {
                Ok(read) => {
                    *input = rest;
                    read(input).map(Some)
                }
                Err(_) => Self::from_scale(input, id, types),
            },
            _ => Self::from_scale(input, id, types),
        })
    }
}

const OPTION: &str = "Option";

/// The type of what may be in an option of type `id`, if that is one as they all are: nothing is 0, something is 1.
pub(super) fn some(id: u32, types: &PortableRegistry) -> Option<u32> {
    let TypeDef::Variant(def) = definition(id, types).ok().filter(|_| ident(id, types) == OPTION)? else { return None };
    match def.variants.as_slice() {
        [none, some] if (none.index, some.index) == (0, 1) && none.fields.is_empty() => {
            some.fields.first().map(|field| field.ty.id)
        }
        _ => None,
    }
}

/// Reads a `T` also where the runtime made it optional; none when it has none.
fn present<T: FromScale>(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Option<T>, Mismatch> {
    if T::OPTIONAL { T::from_scale(input, id, types).map(Some) } else { Option::from_scale(input, id, types) }
}

/// What reads values of type `id` so, one after another.
pub(crate) fn present_reader<T: FromScale>(
    id: u32,
    types: &PortableRegistry,
) -> Result<impl Fn(&mut &[u8]) -> Result<Option<T>, Mismatch> + '_, Mismatch> {
    let is_plain = T::OPTIONAL || ident(id, types) != OPTION;
    let plain = is_plain.then(|| T::reader(id, types)).transpose()?;
    Ok(move |input: &mut &[u8]| match &plain {
        Some(read) => read(input).map(Some),
        None => present(input, id, types),
    })
}

impl<A: FromScale, B: FromScale> FromScale for (A, B) {
    fn reader(
        id: u32,
        types: &PortableRegistry,
    ) -> Result<impl Fn(&mut &[u8]) -> Result<Self, Mismatch> + '_, Mismatch> {
        let (first, second) = match definition(peel(id, types)?, types)? {
            TypeDef::Tuple(tuple) if tuple.fields.len() == 2 => (tuple.fields[0].id, tuple.fields[1].id),
            TypeDef::Composite(pair) if pair.fields.len() == 2 => (pair.fields[0].ty.id, pair.fields[1].ty.id),
            _ => return Err(Mismatch::new("expected a pair")),
        };
        let (first, second) = (A::reader(first, types)?, B::reader(second, types)?);
        Ok(move |input: &mut &[u8]| Ok((first(input)?, second(input)?)))
    }
}
