//! SCALE, read and written by the types that live metadata describes.
//!
//! Three directions, each a recursion over the runtime's own type registry:
//! [`read`] decodes wanted fields into Rust types by field name, [`json`] decodes anything into
//! JSON, [`write`] fits a [`Value`](crate::Value) to a type. All of them look through newtypes,
//! `Compact` and bounded collections, so that a runtime may wrap or widen a field without
//! breaking us. Nothing here does I/O, and bytes of a stranger's node cannot make it panic or
//! allocate without bound.

pub(crate) mod json;
pub(crate) mod read;
pub(crate) mod record;
#[cfg(test)]
mod tests;
pub(crate) mod write;

use std::fmt;

use codec::{Compact, Decode};
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive, form::PortableForm};

/// Types nest a few levels; more is an attack or a cycle.
const MAX_DEPTH: usize = 64;

/// Why bytes are not what the metadata says they are, or a value does not fit a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mismatch {
    /// The fields on the way to the problem, innermost first.
    at: Vec<String>,
    problem: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.at.iter().rev() {
            write!(f, "{step}: ")?;
        }
        f.write_str(&self.problem)
    }
}

// === impl Mismatch ===

impl Mismatch {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { at: Vec::new(), problem: problem.into() }
    }

    /// The same problem, seen from the outside of `step`.
    pub(crate) fn inside(mut self, step: impl Into<String>) -> Self {
        self.at.push(step.into());
        self
    }

    fn short(what: &str) -> Self {
        Self::new(format!("the bytes end inside {what}"))
    }
}

/// The definition of type `id`.
pub(crate) fn definition(id: u32, types: &PortableRegistry) -> Result<&TypeDef<PortableForm>, Mismatch> {
    types
        .resolve(id)
        .map(|ty| &ty.type_def)
        .ok_or_else(|| Mismatch::new(format!("the metadata does not describe its type {id}")))
}

/// The last segment of the path of type `id`, such as `Option` or `AccountId32`.
pub(crate) fn ident(id: u32, types: &PortableRegistry) -> &str {
    types.resolve(id).and_then(|ty| ty.path.segments.last()).map_or("", String::as_str)
}

/// Looks through composites and tuples of one field until something else comes.
pub(crate) fn peel(mut id: u32, types: &PortableRegistry) -> Result<u32, Mismatch> {
    for _ in 0..MAX_DEPTH {
        id = match definition(id, types)? {
            TypeDef::Composite(composite) if composite.fields.len() == 1 => composite.fields[0].ty.id,
            TypeDef::Tuple(tuple) if tuple.fields.len() == 1 => tuple.fields[0].id,
            _ => return Ok(id),
        };
    }
    Err(Mismatch::new("the type nests too deeply"))
}

/// Whether values of type `id` take no bytes at all.
pub(crate) fn is_empty(id: u32, types: &PortableRegistry) -> bool {
    fn empty(id: u32, types: &PortableRegistry, depth: usize) -> bool {
        if depth == 0 {
            return false;
        }
        match definition(id, types) {
            Ok(TypeDef::Composite(composite)) => composite.fields.iter().all(|f| empty(f.ty.id, types, depth - 1)),
            Ok(TypeDef::Tuple(tuple)) => tuple.fields.iter().all(|f| empty(f.id, types, depth - 1)),
            Ok(TypeDef::Array(array)) => array.len == 0 || empty(array.type_param.id, types, depth - 1),
            _ => false,
        }
    }
    empty(id, types, MAX_DEPTH)
}

/// Whether type `id` is one byte: a `u8` or a wrapper of it.
fn is_byte(id: u32, types: &PortableRegistry) -> bool {
    peel(id, types)
        .and_then(|id| definition(id, types))
        .is_ok_and(|def| matches!(def, TypeDef::Primitive(TypeDefPrimitive::U8)))
}

/// The next `N` bytes.
fn take<'a>(input: &mut &'a [u8], count: usize, what: &str) -> Result<&'a [u8], Mismatch> {
    let (taken, rest) = input.split_at_checked(count).ok_or_else(|| Mismatch::short(what))?;
    *input = rest;
    Ok(taken)
}

fn array<const N: usize>(input: &mut &[u8], what: &str) -> Result<[u8; N], Mismatch> {
    let (taken, rest) = input.split_first_chunk().ok_or_else(|| Mismatch::short(what))?;
    *input = rest;
    Ok(*taken)
}

pub(crate) fn byte(input: &mut &[u8], what: &str) -> Result<u8, Mismatch> {
    array::<1>(input, what).map(|[byte]| byte)
}

/// A compact integer of any width up to 128 bits: the form does not depend on the width.
pub(crate) fn compact(input: &mut &[u8]) -> Result<u128, Mismatch> {
    if let Some((number, bytes)) = short_compact(input) {
        *input = input.get(bytes..).unwrap_or_default();
        return Ok(number.into());
    }
    Compact::<u128>::decode(input)
        .map(|Compact(number)| number)
        .map_err(|_| Mismatch::new("the bytes are not a compact integer"))
}

/// A compact integer of at most 64 bits at the beginning of `input`, and how many bytes it takes, in one look where
/// more bytes follow. None where there is none, or it is not in its shortest form.
fn short_compact(input: &[u8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(*input.first_chunk()?);
    let (number, bytes, least) = match word & 0b11 {
        0 => ((word >> 2) & 0x3f, 1, 0),
        1 => ((word >> 2) & 0x3fff, 2, 1 << 6),
        2 => ((word >> 2) & 0x3fff_ffff, 4, 1 << 14),
        _ => {
            // So many bytes behind the first, of which the last is not zero.
            let count = ((word >> 2) & 0x3f) + 4;
            let number = u64::from_le_bytes(*input.get(1..)?.first_chunk()?);
            let unused = 64_u64.checked_sub(count * 8)?;
            let least = if count == 4 { 1 << 30 } else { 1 << (count * 8 - 8) };
            ((number << unused) >> unused, usize::try_from(count).ok()? + 1, least)
        }
    };
    (number >= least).then_some((number, bytes))
}

/// The length prefix of a sequence, checked against what is left so that it cannot ask for memory.
fn length(input: &mut &[u8], element: u32, types: &PortableRegistry) -> Result<usize, Mismatch> {
    let length = usize::try_from(compact(input)?).unwrap_or(usize::MAX);
    let limit = if is_empty(element, types) { 1 << 16 } else { input.len() };
    if length > limit {
        return Err(Mismatch::new(format!("a sequence claims {length} elements, more than the bytes hold")));
    }
    Ok(length)
}

/// The variant that the next byte names, with its fields.
pub(crate) fn variant<'t>(
    input: &mut &[u8],
    id: u32,
    types: &'t PortableRegistry,
) -> Result<(&'t str, &'t [Field<PortableForm>]), Mismatch> {
    let TypeDef::Variant(def) = definition(id, types)? else {
        return Err(Mismatch::new("expected an enum"));
    };
    let index = byte(input, "a variant's index")?;
    def.variants
        .iter()
        .find(|variant| variant.index == index)
        .map(|variant| (variant.name.as_str(), variant.fields.as_slice()))
        .ok_or_else(|| Mismatch::new(format!("{} has no variant {index}", ident(id, types))))
}

/// Steps over a value of type `id`.
pub(crate) fn skip(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<(), Mismatch> {
    // Of what is asked for in part most is none.
    if let Some((0, rest)) = input.split_first().filter(|_| read::some(id, types).is_some()) {
        *input = rest;
        return Ok(());
    }
    scale_decode::visitor::decode_with_visitor(
        input,
        id,
        types,
        scale_decode::visitor::IgnoreVisitor::<PortableRegistry>::new(),
    )
    .map_err(|error| Mismatch::new(error.to_string()))
}

/// Whether `bytes` are a value of type `id`, to the last of them.
pub(crate) fn is_whole(mut bytes: &[u8], id: u32, types: &PortableRegistry) -> bool {
    skip(&mut bytes, id, types).is_ok() && bytes.is_empty()
}
