//! A value as Python holds it after reading JSON or coercing a field.

use std::{fmt, ops::Deref};

use bytestring::ByteString;
use indexmap::IndexMap;

use super::Integer;

/// The text of a `str`. It never changes, so what was found out about it stays true.
#[derive(Clone, Default)]
pub struct Text {
    text: ByteString,
    /// Whether it is known to hold nothing that JSON escapes.
    is_plain: bool,
}

/// A Python value that can travel in a synapse.
///
/// Dictionaries keep the order in which their keys came, because `str()` of them shows it and the
/// body hash covers `str()`.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `None`, JSON `null`.
    #[default]
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An `int`, of any size.
    Int(Integer),
    /// A `float`; JSON numbers with a point or an exponent are floats.
    Float(f64),
    /// A `str`. A long one may be a part of the body that it was read from, which it keeps.
    Str(Text),
    /// A `list`.
    List(Vec<Value>),
    /// A `tuple`: JSON has none, it comes from a field declared as one.
    Tuple(Vec<Value>),
    /// A `dict` with text keys. What holds them is by itself, so that a value of another type is not as large.
    Dict(Box<IndexMap<String, Value>>),
}

/// What a dictionary takes for each of its members: the member with its hash, and its place in the index.
const MEMBER: usize = size_of::<(usize, String, Value)>() + 2 * size_of::<usize>();

// === impl Text ===

impl Text {
    /// A text in which its reader has seen nothing that JSON escapes: no quote, no backslash, no control character.
    pub(super) const fn plain(text: ByteString) -> Self {
        Self { text, is_plain: true }
    }

    /// Whether it is known to hold nothing that JSON escapes.
    pub(super) const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// What it holds, for who shares it.
    pub(super) const fn shared(&self) -> &ByteString {
        &self.text
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// What is known of a text does not tell it from another.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { text: text.into(), is_plain: false }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text: text.into(), is_plain: false }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.text.into()
    }
}

// === impl Value ===

impl Value {
    /// The name of the value's Python type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
        }
    }

    /// What `type(value)()` makes: the empty instance that stands for the value in headers.
    #[must_use]
    pub fn blank(&self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Bool(_) => Self::Bool(false),
            Self::Int(_) => Self::Int(Integer::from(0_i64)),
            Self::Float(_) => Self::Float(0.0),
            Self::Str(_) => Self::Str(Text::default()),
            Self::List(_) => Self::List(Vec::new()),
            Self::Tuple(_) => Self::Tuple(Vec::new()),
            Self::Dict(_) => Self::Dict(Box::default()),
        }
    }

    /// Memory that it takes beside itself and beside its texts, in bytes.
    pub fn memory(&self) -> usize {
        match self {
            Self::List(members) | Self::Tuple(members) => {
                members.capacity() * size_of::<Self>() + members.iter().map(Self::memory).sum::<usize>()
            }
            Self::Dict(members) => {
                let own = size_of::<IndexMap<String, Self>>() + members.capacity() * MEMBER;
                own + members.values().map(Self::memory).sum::<usize>()
            }
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Str(_) => 0,
        }
    }

    /// The text, when the value is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The member of a dictionary called `key`.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(members) => members.get(key),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Integer::from(number))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<IndexMap<String, Self>> for Value {
    fn from(members: IndexMap<String, Self>) -> Self {
        Self::Dict(Box::new(members))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::read_json;

    /// A message is a million of them at most, and whoever sends it chooses of which type.
    #[test]
    fn a_value_is_small() {
        assert!(size_of::<Value>() <= 40, "{} bytes", size_of::<Value>());
    }

    #[test]
    fn what_a_value_takes_is_known() {
        let of = |json: &str| read_json(json.as_bytes()).unwrap().memory();
        assert_eq!((of("1"), of("[]"), of(&format!("\"{}\"", "x".repeat(100_000)))), (0, 0, 0));
        let numbers = of(&format!("[{}0]", "0,".repeat(9_999)));
        assert!((10_000 * size_of::<Value>()..=20_000 * size_of::<Value>()).contains(&numbers), "{numbers}");
        assert!(of(&format!("[{}0]", "{\"a\":0},".repeat(1_000))) > 1_000 * (size_of::<Value>() + MEMBER));
    }
}
