//! The declaration of a synapse class: its fields, their types, and which of them are hashed.

use indexmap::IndexMap;

use super::{Coercion, FieldType, field, hash};
use crate::python::Value;

/// One declared field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldSpec {
    /// The field's name.
    pub name: String,
    /// Its declared type.
    pub of: FieldType,
    /// The value it takes when absent; a required field has none.
    pub default: Option<Value>,
}

// === impl FieldSpec ===

impl FieldSpec {
    /// A field that every message must carry.
    pub fn required(name: &str, of: FieldType) -> Self {
        Self { name: name.to_owned(), of, default: None }
    }

    /// A field that may be absent.
    pub fn with_default(name: &str, of: FieldType, default: impl Into<Value>) -> Self {
        Self { name: name.to_owned(), of, default: Some(default.into()) }
    }
}

/// Which fields the body hash covers, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HashFields {
    /// None: the body is not protected at all.
    #[default]
    None,
    /// `required_hash_fields` as a class variable: the order as listed.
    Listed(Vec<String>),
    /// `required_hash_fields` as a field of the model (the older form): the order of the fields.
    DeclaredOrder(Vec<String>),
}

/// A declaration that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The name cannot be one path segment.
    #[error("`{0}` cannot name a synapse: use ASCII letters, digits and underscores, not beginning with a digit")]
    Name(String),
    /// Two fields of one name, or a field named like one of the base.
    #[error("synapse {synapse} declares the field `{field}` twice or hides one that every synapse has")]
    DuplicateField {
        /// The class.
        synapse: String,
        /// The field.
        field: String,
    },
    /// The hash covers a field that is not declared.
    #[error("synapse {synapse} hashes the field `{field}`, which it does not declare")]
    UnknownHashField {
        /// The class.
        synapse: String,
        /// The field.
        field: String,
    },
}

/// A synapse class.
#[derive(Debug, Clone, PartialEq)]
pub struct SynapseSpec {
    name: String,
    fields: Vec<FieldSpec>,
    /// Names of hashed fields in hashing order.
    hashed: Vec<String>,
    /// The hash of an instance born from headers alone.
    blank_hash: String,
}

/// Fields of the base model, which a class cannot declare again.
pub(super) const BASE_FIELDS: [&str; 7] =
    ["name", "timeout", "total_size", "header_size", "dendrite", "axon", "computed_body_hash"];

// === impl SynapseSpec ===

impl SynapseSpec {
    /// Declares a class.
    ///
    /// # Errors
    /// When the name cannot be a path segment, a field is declared twice, or a hashed field is not
    /// declared.
    pub fn new(name: &str, fields: Vec<FieldSpec>, hash_fields: HashFields) -> Result<Self, SpecError> {
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || name.len() > 128 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(SpecError::Name(name.to_owned()));
        }
        for (index, field) in fields.iter().enumerate() {
            let again = fields.iter().skip(index + 1).any(|other| other.name == field.name);
            if again || BASE_FIELDS.contains(&field.name.as_str()) {
                return Err(SpecError::DuplicateField { synapse: name.to_owned(), field: field.name.clone() });
            }
        }
        let hashed = match hash_fields {
            HashFields::None => Vec::new(),
            HashFields::Listed(names) => names,
            HashFields::DeclaredOrder(names) => {
                let mut ordered: Vec<_> =
                    fields.iter().map(|field| field.name.clone()).filter(|field| names.contains(field)).collect();
                // What is hashed but not declared is refused below.
                ordered.extend(names.into_iter().filter(|name| !fields.iter().any(|field| field.name == *name)));
                ordered
            }
        };
        if let Some(unknown) = hashed.iter().find(|name| !fields.iter().any(|field| field.name == **name)) {
            return Err(SpecError::UnknownHashField { synapse: name.to_owned(), field: unknown.clone() });
        }
        let mut spec = Self { name: name.to_owned(), fields, hashed, blank_hash: String::new() };
        let blank = spec.blank_fields();
        spec.blank_hash = spec.body_hash(&blank);
        Ok(spec)
    }

    /// The base class itself: no fields, nothing hashed. Sending it is a ping.
    pub fn base() -> Self {
        Self {
            name: "Synapse".to_owned(),
            fields: Vec::new(),
            hashed: Vec::new(),
            blank_hash: hash::EMPTY_BODY_HASH.to_owned(),
        }
    }

    /// The class name, which is also the path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The declared fields, in order.
    pub fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }

    /// Whether a body of the class has a member called `name`; others are dropped.
    pub(crate) fn has(&self, name: &str) -> bool {
        BASE_FIELDS.contains(&name) || self.fields.iter().any(|field| field.name == name)
    }

    /// Whether any field is covered by the body hash.
    pub fn protects_body(&self) -> bool {
        !self.hashed.is_empty()
    }

    /// Coerces `members` to the declared types: declared order, defaults filled in, others dropped.
    ///
    /// # Errors
    /// When a required field is missing or a value does not fit its type.
    pub fn coerce(&self, members: IndexMap<String, Value>) -> Result<IndexMap<String, Value>, Coercion> {
        field::model(&self.fields, members)
    }

    /// The body hash of coerced `fields`: SHA3-256 over the joined SHA3-256 texts of `str(value)`
    /// of each hashed field.
    pub fn body_hash(&self, fields: &IndexMap<String, Value>) -> String {
        let hashed: Vec<_> = self.hashed.iter().filter_map(|name| fields.get(name)).collect();
        hash::body_hash(&hashed)
    }

    /// The body hash of an instance born from headers alone, which error replies carry.
    pub(crate) fn blank_hash(&self) -> &str {
        &self.blank_hash
    }

    fn blank_fields(&self) -> IndexMap<String, Value> {
        let blank = |field: &FieldSpec| field.default.clone().unwrap_or_else(|| field.of.blank());
        self.fields.iter().map(|field| (field.name.clone(), blank(field))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_declarations_are_refused() {
        let field = || FieldSpec::required("a", FieldType::Int);
        let new = |name, fields, hash| SynapseSpec::new(name, fields, hash).unwrap_err();
        for name in ["", "a/b", "ünder", "1st", "a b"] {
            assert!(matches!(new(name, vec![], HashFields::None), SpecError::Name(_)), "{name}");
        }
        assert!(matches!(new("A", vec![field(), field()], HashFields::None), SpecError::DuplicateField { .. }));
        let base = FieldSpec::required("axon", FieldType::Any);
        assert!(matches!(new("A", vec![base], HashFields::None), SpecError::DuplicateField { .. }));
        for hash in [HashFields::Listed(vec!["b".into()]), HashFields::DeclaredOrder(vec!["b".into()])] {
            assert!(matches!(new("A", vec![field()], hash), SpecError::UnknownHashField { .. }));
        }
    }
}
