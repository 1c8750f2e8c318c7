//! By how much an amount of tao has changed.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{AmountError, Tao, write_tokens};

/// A difference of two amounts of tao, in rao: below zero where it became less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaoChange(i128);

impl TaoChange {
    /// From one amount to another.
    pub fn between(before: Tao, now: Tao) -> Self {
        Self(i128::from(now.rao()) - i128::from(before.rao()))
    }

    /// Of so many rao; none beyond what an amount can be.
    pub fn from_rao(rao: i128) -> Option<Self> {
        u64::try_from(rao.unsigned_abs()).is_ok().then_some(Self(rao))
    }

    /// In rao.
    pub const fn rao(self) -> i128 {
        self.0
    }
}

/// Tokens with a sign, but for nothing, and with as many decimals as an amount has.
impl fmt::Display for TaoChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.signum() {
            1 => f.write_str("+")?,
            -1 => f.write_str("-")?,
            _ => {}
        }
        write_tokens(u64::try_from(self.0.unsigned_abs()).unwrap_or(u64::MAX), f)
    }
}

impl Serialize for TaoChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TaoChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let read = text.parse().ok().and_then(Self::from_rao);
        read.ok_or_else(|| de::Error::custom(AmountError::NotRao(text.into_owned())))
    }
}

impl JsonSchema for TaoChange {
    fn schema_name() -> Cow<'static, str> {
        "TaoChange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^-?[0-9]{1,20}$",
            "description": "A difference of two amounts of tao in rao (10^-9 tao), as decimal text",
            "examples": ["-1500000000"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_a_sign() {
        let (less, more) = (Tao::from_rao(500_000_000), Tao::from_rao(2_000_000_000));
        let told = |before, now| TaoChange::between(before, now).to_string();
        assert_eq!(told(less, more), "+1.500000000");
        assert_eq!(told(more, less), "-1.500000000");
        assert_eq!(told(less, less), "0.000000000");
        assert_eq!(format!("{:.2}", TaoChange::between(more, less)), "-1.50");
        let json = serde_json::to_string(&TaoChange::between(more, less)).unwrap();
        assert_eq!(json, "\"-1500000000\"");
        assert_eq!(serde_json::from_str::<TaoChange>(&json).unwrap().rao(), -1_500_000_000);
        for bad in ["\"1.5\"", "\"99999999999999999999999\"", "1"] {
            assert!(serde_json::from_str::<TaoChange>(bad).is_err(), "{bad}");
        }
    }
}
