//! Untyped arguments: what a caller knows about a value before the metadata says how it is encoded.
//!
//! A [`Value`] is data: it can be journalled and compared. It carries no type of the chain; the
//! encoder (`scale/write.rs`) fits it to the type that live metadata asks for, and refuses what
//! does not fit. Text is read by what the target is (an address, a decimal, a variant's name).

use std::collections::BTreeMap;

use btd_api::{AccountId, Alpha, BlockHash, BlockNumber, Coldkey, Hotkey, MechId, NetUid, Tao, Uid};
use serde::{Deserialize, Serialize};

use crate::{call::Call, hex_bytes};

/// A value that is still to be fitted to a type of the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Nothing: the unit type, or `None` of an option.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer that is not negative.
    Uint(#[serde(with = "decimal")] u128),
    /// An integer that may be negative.
    Int(#[serde(with = "decimal")] i128),
    /// Bytes as they are.
    Bytes(#[serde(with = "hex_bytes")] Vec<u8>),
    /// Text, read by the target type: an SS58 address or `0x` hex for an account, a decimal for an
    /// integer, a variant's name for an enum, `0x` hex or else UTF-8 for bytes.
    Text(String),
    /// An account, which also fits an address type.
    Account(AccountId),
    /// A sequence, array or tuple.
    List(Vec<Value>),
    /// Named fields; with a single entry also a variant and its content.
    Record(BTreeMap<String, Value>),
    /// A variant of an enum by name, with its content ([`Value::Null`] when it has none).
    Variant(String, Box<Value>),
    /// A call inside a call (`Utility.batch`, `Proxy.proxy`, `Sudo.sudo`).
    Call(Box<Call>),
}

/// JSON that no value of a runtime can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an integer: write amounts as integers of the smallest unit, large ones as decimal text")]
pub struct NotAnInteger(String);

// === impl Value ===

impl Value {
    /// Reads JSON by the convention of [`Value::Text`].
    pub fn from_json(json: serde_json::Value) -> Result<Self, NotAnInteger> {
        Ok(match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(flag),
            serde_json::Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(unsigned), _) => Self::Uint(unsigned.into()),
                (None, Some(signed)) => Self::Int(signed.into()),
                (None, None) => return Err(NotAnInteger(number.to_string())),
            },
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(items) => {
                Self::List(items.into_iter().map(Self::from_json).collect::<Result<_, _>>()?)
            }
            serde_json::Value::Object(members) => Self::Record(
                members
                    .into_iter()
                    .map(|(name, value)| Ok((name, Self::from_json(value)?)))
                    .collect::<Result<_, _>>()?,
            ),
        })
    }

    /// What kind of value this is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a flag",
            Self::Uint(_) | Self::Int(_) => "an integer",
            Self::Bytes(_) => "bytes",
            Self::Text(_) => "text",
            Self::Account(_) => "an account",
            Self::List(_) => "a list",
            Self::Record(_) => "a record",
            Self::Variant(..) => "a variant",
            Self::Call(_) => "a call",
        }
    }
}

macro_rules! from_uint {
    ($($type:ty),+) => {
        $(impl From<$type> for Value {
            fn from(number: $type) -> Self {
                Self::Uint(number.into())
            }
        })+
    };
}
from_uint!(u8, u16, u32, u64, u128);

macro_rules! from_newtype {
    ($($type:ty => $inner:expr),+ $(,)?) => {
        $(impl From<$type> for Value {
            fn from(wrapped: $type) -> Self {
                let inner: fn($type) -> Self = $inner;
                inner(wrapped)
            }
        })+
    };
}
from_newtype! {
    bool => Self::Bool,
    i128 => Self::Int,
    NetUid => |id| id.0.into(),
    Uid => |id| id.0.into(),
    MechId => |id| id.0.into(),
    BlockNumber => |number| number.0.into(),
    Tao => |amount| amount.rao().into(),
    Alpha => |amount| amount.rao().into(),
    AccountId => Self::Account,
    Hotkey => |key| Self::Account(key.0),
    Coldkey => |key| Self::Account(key.0),
    BlockHash => |hash| Self::Bytes(hash.0.to_vec()),
    Vec<u8> => Self::Bytes,
    String => Self::Text,
    Call => |call| Self::Call(Box::new(call)),
    Vec<Value> => Self::List,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// Wide integers as decimal text, because JSON numbers lose digits above 2⁵³.
mod decimal {
    use std::{borrow::Cow, fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Display, S: Serializer>(number: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_journal() {
        let value = Value::Record(BTreeMap::from([
            ("amount".to_owned(), Value::Uint(u128::MAX)),
            ("less".to_owned(), Value::Int(i128::MIN)),
            ("raw".to_owned(), Value::Bytes(vec![0, 255])),
            ("who".to_owned(), Value::Account(AccountId([1; 32]))),
            ("inner".to_owned(), Call::new("System", "remark").arg("remark", "hello").into()),
            ("none".to_owned(), Option::<u8>::None.into()),
            ("mode".to_owned(), Value::Variant("Keep".to_owned(), Box::new(Value::Null))),
        ]));
        let json = serde_json::to_value(&value).unwrap();
        assert_eq!(serde_json::from_value::<Value>(json).unwrap(), value);
    }

    #[test]
    fn fractions_are_refused() {
        assert!(Value::from_json(serde_json::json!({ "amount": 1.5 })).is_err());
        assert_eq!(Value::from_json(serde_json::json!(-3)).unwrap(), Value::Int(-3));
    }
}
