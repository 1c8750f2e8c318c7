//! The parameters of a request, by position or by name, as typed values.

use std::collections::VecDeque;

use jsonrpsee::types::{ErrorObjectOwned, Params};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::invalid_params;

/// Parameters not yet taken. Surplus ones are ignored, as Substrate nodes do.
pub(super) enum Arguments {
    Positional(VecDeque<Value>),
    Named(Map<String, Value>),
}

impl Arguments {
    pub(super) fn parse(params: &Params<'_>) -> Result<Self, ErrorObjectOwned> {
        let Some(text) = params.as_str() else { return Ok(Self::Positional(VecDeque::new())) };
        match serde_json::from_str(text) {
            Ok(Value::Array(values)) => Ok(Self::Positional(values.into())),
            Ok(Value::Object(values)) => Ok(Self::Named(values)),
            Ok(Value::Null) => Ok(Self::Positional(VecDeque::new())),
            Ok(_) => Err(invalid_params("expected an array or an object")),
            Err(error) => Err(invalid_params(error)),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let value = match self {
            Self::Positional(values) => values.pop_front(),
            Self::Named(values) => values.remove(name),
        };
        value.filter(|value| !value.is_null())
    }

    /// The next parameter; absent and `null` are the same.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ErrorObjectOwned> {
        self.take(name)
            .map(|value| serde_json::from_value(value).map_err(|error| invalid_params(format!("{name}: {error}"))))
            .transpose()
    }

    /// The next parameter.
    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ErrorObjectOwned> {
        self.optional(name)?.ok_or_else(|| invalid_params(format!("{name}: missing")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_names_are_the_same() {
        for text in ["[5,null,\"x\",9]", r#"{"c":"x","a":5}"#] {
            let mut arguments = Arguments::parse(&Params::new(Some(text))).unwrap();
            assert_eq!(arguments.required::<u8>("a").unwrap(), 5);
            assert_eq!(arguments.optional::<u8>("b").unwrap(), None);
            assert_eq!(arguments.required::<String>("c").unwrap(), "x");
        }
    }

    #[test]
    fn bad_parameters_name_the_culprit() {
        for (text, want) in [("[-1]", "a: "), ("[]", "a: missing"), ("[null]", "a: missing"), ("{}", "a: missing")] {
            let error = Arguments::parse(&Params::new(Some(text))).unwrap().required::<u8>("a").unwrap_err();
            assert_eq!(error.code(), -32602);
            assert!(error.data().unwrap().get().contains(want), "{error:?}");
        }
        assert!(Arguments::parse(&Params::new(Some("7"))).is_err());
        assert!(Arguments::parse(&Params::new(Some("[1"))).is_err());
    }
}
