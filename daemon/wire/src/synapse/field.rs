//! Field types and the coercion of a value to its declared type, as pydantic does it in its
//! default ("lax") mode for values that came from JSON.

use indexmap::IndexMap;

use super::FieldSpec;
use crate::python::{Integer, Value, read_float, read_int};

/// The declared type of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldType {
    /// `Any`: taken as it is.
    Any,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `bool`
    Bool,
    /// `str`
    Str,
    /// `list[T]`; a bare `list` is `list[Any]`.
    List(Box<FieldType>),
    /// `tuple[A, B, …]` of fixed length.
    Tuple(Vec<FieldType>),
    /// `dict[str, T]`; a bare `dict` is `dict[str, Any]`.
    Dict(Box<FieldType>),
    /// `Optional[T]`
    Optional(Box<FieldType>),
    /// `Union[A, B, …]`: an exact match first, else the first that coerces.
    Union(Vec<FieldType>),
    /// A nested model; unknown members are dropped.
    Model(Vec<FieldSpec>),
}

/// A value that does not fit its declared type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Coercion {
    /// The field, with dots into nested values: `messages.0.role`.
    pub path: String,
    /// What was expected.
    pub reason: String,
}

// === impl Coercion ===

impl Coercion {
    fn here(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    pub(super) fn within(mut self, step: &str) -> Self {
        self.path = if self.path.is_empty() { step.to_owned() } else { format!("{step}.{}", self.path) };
        self
    }
}

// === impl FieldType ===

impl FieldType {
    /// `list[T]`.
    #[must_use]
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// `dict[str, T]`.
    #[must_use]
    pub fn dict(of: Self) -> Self {
        Self::Dict(Box::new(of))
    }

    /// `Optional[T]`.
    #[must_use]
    pub fn optional(of: Self) -> Self {
        Self::Optional(Box::new(of))
    }

    /// The wire form of a tensor: base64 text, dtype name, shape.
    #[must_use]
    pub fn tensor() -> Self {
        Self::Model(vec![
            FieldSpec::required("buffer", Self::optional(Self::Str)),
            FieldSpec::required("dtype", Self::Str),
            FieldSpec::required("shape", Self::list(Self::Int)),
        ])
    }

    /// Turns `value` into one of this type.
    ///
    /// # Errors
    /// When pydantic would refuse the value too; the path leads to the part at fault.
    pub fn coerce(&self, value: Value) -> Result<Value, Coercion> {
        match self {
            Self::Any => Ok(value),
            Self::Int => int(value),
            Self::Float => float(value).map(Value::Float),
            Self::Bool => boolean(&value).map(Value::Bool),
            Self::Str => match value {
                Value::Str(_) => Ok(value),
                _ => Err(Coercion::here("Input should be a valid string")),
            },
            Self::List(of) => match value {
                Value::List(members) | Value::Tuple(members) => members
                    .into_iter()
                    .enumerate()
                    .map(|(index, member)| of.coerce(member).map_err(|fault| fault.within(&index.to_string())))
                    .collect::<Result<_, _>>()
                    .map(Value::List),
                _ => Err(Coercion::here("Input should be a valid list")),
            },
            Self::Tuple(types) => tuple(types, value),
            Self::Dict(of) => match value {
                Value::Dict(members) => members
                    .into_iter()
                    .map(|(key, member)| match of.coerce(member) {
                        Ok(member) => Ok((key, member)),
                        Err(fault) => Err(fault.within(&key)),
                    })
                    .collect::<Result<IndexMap<_, _>, _>>()
                    .map(Value::from),
                _ => Err(Coercion::here("Input should be a valid dictionary")),
            },
            Self::Optional(of) => {
                if value == Value::None {
                    Ok(Value::None)
                } else {
                    of.coerce(value)
                }
            }
            Self::Union(types) => union(types, value),
            Self::Model(fields) => match value {
                Value::Dict(members) => model(fields, *members).map(Value::from),
                _ => Err(Coercion::here("Input should be a valid dictionary")),
            },
        }
    }

    /// Whether `value` is of this type without any coercion.
    pub(crate) fn is_exact(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Int, Value::Int(_))
            | (Self::Float, Value::Float(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Str, Value::Str(_)) => true,
            (Self::List(of), Value::List(members)) => members.iter().all(|member| of.is_exact(member)),
            (Self::Tuple(types), Value::Tuple(members)) => {
                types.len() == members.len() && types.iter().zip(members).all(|(of, member)| of.is_exact(member))
            }
            (Self::Dict(of), Value::Dict(members)) => members.values().all(|member| of.is_exact(member)),
            (Self::Optional(of), value) => *value == Value::None || of.is_exact(value),
            (Self::Union(types), value) => types.iter().any(|of| of.is_exact(value)),
            (Self::Model(fields), Value::Dict(members)) => fields.iter().all(|field| {
                members.get(&field.name).map_or(field.default.is_some(), |member| field.of.is_exact(member))
            }),
            _ => false,
        }
    }

    /// The empty instance that a required field's header carries, as far as the type tells it.
    pub(super) fn blank(&self) -> Value {
        match self {
            Self::Int => Value::from(0),
            Self::Float => Value::Float(0.0),
            Self::Bool => Value::Bool(false),
            Self::Str => Value::from(""),
            Self::List(_) => Value::List(Vec::new()),
            Self::Tuple(_) => Value::Tuple(Vec::new()),
            Self::Dict(_) | Self::Model(_) => Value::Dict(Box::default()),
            Self::Any | Self::Optional(_) => Value::None,
            Self::Union(types) => types.first().map_or(Value::None, Self::blank),
        }
    }
}

/// Coerces the members of a model: declared order, defaults filled in, unknown members dropped.
pub(super) fn model(
    fields: &[FieldSpec],
    mut members: IndexMap<String, Value>,
) -> Result<IndexMap<String, Value>, Coercion> {
    let mut out = IndexMap::with_capacity(fields.len());
    for field in fields {
        // `swap_remove` disturbs the order of `members`, which is not used again.
        let value = match (members.swap_remove(&field.name), &field.default) {
            (Some(value), _) => field.of.coerce(value).map_err(|fault| fault.within(&field.name))?,
            (None, Some(default)) => default.clone(),
            (None, None) => return Err(Coercion::here("Field required").within(&field.name)),
        };
        out.insert(field.name.clone(), value);
    }
    Ok(out)
}

fn int(value: Value) -> Result<Value, Coercion> {
    let number = match value {
        Value::Int(number) => Some(number),
        Value::Bool(truth) => Some(Integer::from(i64::from(truth))),
        Value::Float(number) => return whole(number).map(Value::Int),
        Value::Str(text) => match read_int(&text) {
            Some(number) => Some(number),
            // "3.0" is an integer to pydantic, with white space around it too; "3.5" is not.
            None => text.trim().split_once('.').and_then(|(whole, fraction)| {
                let whole = (whole.trim_end() == whole).then_some(whole)?;
                let zeros = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
                if zeros { read_int(whole) } else { None }
            }),
        },
        _ => None,
    };
    number.map(Value::Int).ok_or_else(|| Coercion::here("Input should be a valid integer"))
}

fn whole(number: f64) -> Result<Integer, Coercion> {
    if !number.is_finite() {
        return Err(Coercion::here("Input should be a finite number"));
    }
    if number.fract() != 0.0 {
        return Err(Coercion::here("Input should be a valid integer, got a number with a fractional part"));
    }
    // Printing a whole float without an exponent gives exactly its digits.
    format!("{number:.0}").parse().map_err(|_| Coercion::here("Input should be a valid integer"))
}

fn float(value: Value) -> Result<f64, Coercion> {
    let number = match value {
        Value::Float(number) => Some(number),
        Value::Int(number) => Some(number.to_f64()),
        Value::Bool(truth) => Some(f64::from(u8::from(truth))),
        Value::Str(text) => read_float(&text),
        _ => None,
    };
    number.ok_or_else(|| Coercion::here("Input should be a valid number"))
}

fn boolean(value: &Value) -> Result<bool, Coercion> {
    let truth = match value {
        Value::Bool(truth) => Some(*truth),
        Value::Int(number) => match number.to_i128() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::Float(number) if *number == 0.0 => Some(false),
        Value::Float(number) if (*number - 1.0).abs() == 0.0 => Some(true),
        Value::Str(text) => match text.to_ascii_lowercase().as_str() {
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            _ => None,
        },
        _ => None,
    };
    truth.ok_or_else(|| Coercion::here("Input should be a valid boolean"))
}

fn tuple(types: &[FieldType], value: Value) -> Result<Value, Coercion> {
    let (Value::List(members) | Value::Tuple(members)) = value else {
        return Err(Coercion::here("Input should be a valid tuple"));
    };
    if members.len() != types.len() {
        return Err(Coercion::here(format!("Input should be a tuple of {} items, got {}", types.len(), members.len())));
    }
    types
        .iter()
        .zip(members)
        .enumerate()
        .map(|(index, (of, member))| of.coerce(member).map_err(|fault| fault.within(&index.to_string())))
        .collect::<Result<_, _>>()
        .map(Value::Tuple)
}

fn union(types: &[FieldType], value: Value) -> Result<Value, Coercion> {
    if types.iter().any(|of| of.is_exact(&value)) {
        return Ok(value);
    }
    types
        .iter()
        .find_map(|of| of.coerce(value.clone()).ok())
        .ok_or_else(|| Coercion::here("Input should match one of the declared types"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::{python_str, read_json};

    fn coerced(of: &FieldType, json: &str) -> Result<String, String> {
        let value = read_json(json.as_bytes()).unwrap();
        of.coerce(value).map(|value| python_str(&value)).map_err(|fault| fault.to_string())
    }

    #[test]
    fn numbers_follow_pydantic() {
        for (json, expected) in [
            ("3", "3"),
            ("3.0", "3"),
            ("true", "1"),
            ("\"12\"", "12"),
            ("\"3.0\"", "3"),
            ("\" 3.0 \"", "3"),
            ("1e3", "1000"),
        ] {
            assert_eq!(coerced(&FieldType::Int, json).as_deref(), Ok(expected), "{json}");
        }
        for json in ["3.5", "null", "\"x\"", "[]", "NaN", "\"3.5\"", "\"3 .0\""] {
            assert!(coerced(&FieldType::Int, json).is_err(), "{json}");
        }
        for (json, expected) in [("1", "1.0"), ("\"1e-7\"", "1e-07"), ("true", "1.0")] {
            assert_eq!(coerced(&FieldType::Float, json).as_deref(), Ok(expected), "{json}");
        }
        for (json, expected) in [("1", "True"), ("\"off\"", "False"), ("0.0", "False")] {
            assert_eq!(coerced(&FieldType::Bool, json).as_deref(), Ok(expected), "{json}");
        }
        assert!(coerced(&FieldType::Bool, "2").is_err());
    }

    #[test]
    fn a_union_prefers_what_needs_no_change() {
        let of = FieldType::Union(vec![FieldType::Int, FieldType::Str]);
        assert_eq!(of.coerce(Value::from("12")), Ok(Value::from("12")));
        assert_eq!(of.coerce(Value::Float(2.0)), Ok(Value::from(2)));
        assert!(of.coerce(Value::None).is_err());
    }

    #[test]
    fn faults_name_the_place() {
        let of = FieldType::dict(FieldType::list(FieldType::Int));
        assert_eq!(coerced(&of, r#"{"a": [1], "b": [1, "x"]}"#).unwrap_err(), "b.1: Input should be a valid integer");
    }
}
