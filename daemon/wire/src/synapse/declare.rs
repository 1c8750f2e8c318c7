//! Declarations of synapse classes as text: `name: type = default`, the way Python writes fields.
//!
//! Types are those of [`FieldType`] in Python's own spelling: `int`, `list[float]`,
//! `Optional[Tensor]`, `dict[str, Any]`, `tuple[int, str]`, `str | None`, and names of models that
//! the same declaration brings along. A default is JSON, or `None`, `True`, `False`; a field
//! without one is required. What a type does to a value is [`super::FieldType::coerce`].

use std::collections::BTreeMap;

use btd_api::axon::HashOrder;

use super::{FieldSpec, FieldType, HashFields, SpecError, SynapseSpec};
use crate::python::{Value, read_json};

/// Types nested deeper are refused: coercion follows them by recursion.
const MAX_DEPTH: usize = 16;

/// A synapse class as its author writes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declaration {
    /// The class name, which is also the path.
    pub name: String,
    /// The fields in order, each `name: type` or `name: type = default`.
    pub fields: Vec<String>,
    /// The fields that the body hash covers.
    pub required_hash_fields: Vec<String>,
    /// In which order they are hashed.
    pub hash_order: HashOrder,
    /// Models that fields name as their type.
    pub models: BTreeMap<String, Vec<String>>,
}

/// A text that declares nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    /// A field that cannot be read.
    #[error("cannot read the field `{field}`: {reason}")]
    Field {
        /// The text.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The class cannot be.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

// === impl Declaration ===

impl Declaration {
    /// The class that it declares.
    ///
    /// # Errors
    /// When a field cannot be read, or the class cannot be.
    pub fn spec(&self) -> Result<SynapseSpec, DeclarationError> {
        let fields = self.fields.iter().map(|text| field(text, &self.models, 0)).collect::<Result<_, _>>()?;
        let hashed = self.required_hash_fields.clone();
        let hashed = match self.hash_order {
            HashOrder::Declared => HashFields::Listed(hashed),
            HashOrder::Fields => HashFields::DeclaredOrder(hashed),
        };
        Ok(SynapseSpec::new(&self.name, fields, hashed)?)
    }
}

type Models = BTreeMap<String, Vec<String>>;

fn field(text: &str, models: &Models, depth: usize) -> Result<FieldSpec, DeclarationError> {
    let refuse = |reason: String| DeclarationError::Field { field: text.chars().take(200).collect(), reason };
    let (name, rest) =
        text.split_once(':').ok_or_else(|| refuse("write `name: type` or `name: type = default`".to_owned()))?;
    let name = name.trim();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(refuse(format!("`{name}` is no name of a field")));
    }
    let (of, default) = rest.split_once('=').map_or((rest, None), |(of, default)| (of, Some(default)));
    let mut reader = Reader { rest: of.trim(), models };
    let of = reader.union(depth).map_err(&refuse)?;
    if !reader.rest.is_empty() {
        return Err(refuse(format!("`{}` is left over behind the type", reader.rest)));
    }
    let default = default.map(|text| value(text.trim())).transpose().map_err(refuse)?;
    Ok(FieldSpec { name: name.to_owned(), of, default })
}

/// A default. Like pydantic, nobody checks it against the type.
fn value(text: &str) -> Result<Value, String> {
    match text {
        "None" => Ok(Value::None),
        "True" => Ok(Value::Bool(true)),
        "False" => Ok(Value::Bool(false)),
        text => read_json(text.as_bytes())
            .map_err(|error| format!("the default `{text}` is neither JSON nor None, True, False: {error}")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    models: &'a Models,
}

// === impl Reader ===

impl Reader<'_> {
    fn take(&mut self, mark: char) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    /// `A | B`, where `None` makes the rest optional.
    fn union(&mut self, depth: usize) -> Result<FieldType, String> {
        let mut members = vec![self.one(depth)?];
        while self.take('|') {
            members.push(self.one(depth)?);
        }
        Ok(united(members))
    }

    /// The parameters of a type, which may have none.
    fn parameters(&mut self, depth: usize) -> Result<Option<Vec<FieldType>>, String> {
        if !self.take('[') {
            return Ok(None);
        }
        let mut members = vec![self.union(depth + 1)?];
        while self.take(',') {
            members.push(self.union(depth + 1)?);
        }
        if self.take(']') { Ok(Some(members)) } else { Err(format!("`]` is missing before `{}`", self.rest)) }
    }

    fn one(&mut self, depth: usize) -> Result<Option<FieldType>, String> {
        if depth > MAX_DEPTH {
            return Err("types are nested too deeply".to_owned());
        }
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        // `typing.List`, `bt.Tensor`: the module says nothing more.
        let word = word.rsplit('.').next().unwrap_or(word);
        let of = match word {
            "None" | "NoneType" => return Ok(None),
            "Any" => FieldType::Any,
            "int" => FieldType::Int,
            "float" => FieldType::Float,
            "bool" => FieldType::Bool,
            "str" => FieldType::Str,
            "Tensor" => FieldType::tensor(),
            "list" | "List" => match self.parameters(depth)?.as_deref() {
                None => FieldType::list(FieldType::Any),
                Some([of]) => FieldType::list(of.clone()),
                Some(_) => return Err("a list has members of one type".to_owned()),
            },
            "dict" | "Dict" => match self.parameters(depth)?.as_deref() {
                None => FieldType::dict(FieldType::Any),
                Some([FieldType::Str, of]) => FieldType::dict(of.clone()),
                Some(_) => return Err("a dict has keys of type str and members of one type".to_owned()),
            },
            "tuple" | "Tuple" => FieldType::Tuple(
                self.parameters(depth)?.ok_or("say of what: tuple[A, B] of fixed length, or list".to_owned())?,
            ),
            "Optional" => match self.parameters(depth)?.as_deref() {
                Some([of]) => FieldType::optional(of.clone()),
                _ => return Err("write Optional[T]".to_owned()),
            },
            "Union" => united(self.parameters(depth)?.ok_or("write Union[A, B]")?.into_iter().map(Some).collect()),
            name => match self.models.get(name) {
                Some(fields) => FieldType::Model(
                    fields
                        .iter()
                        .map(|text| field(text, self.models, depth + 1))
                        .collect::<Result<_, _>>()
                        .map_err(|error| error.to_string())?,
                ),
                None => {
                    return Err(format!(
                        "`{name}` is no type: write Any, int, float, bool, str, Tensor, list, dict, tuple, Optional, \
                         Union, or a model of this declaration"
                    ));
                }
            },
        };
        Ok(Some(of))
    }
}

/// Members of a union; an absent one stands for `None`.
fn united(members: Vec<Option<FieldType>>) -> FieldType {
    let optional = members.iter().any(Option::is_none);
    let mut present: Vec<_> = members.into_iter().flatten().collect();
    let of = if present.len() == 1 { present.remove(0) } else { FieldType::Union(present) };
    if optional { FieldType::optional(of) } else { of }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;

    fn spec(fields: &[&str]) -> Result<SynapseSpec, String> {
        let models = BTreeMap::from([
            ("Message".to_owned(), vec!["role: str".to_owned(), "content: str = \"\"".to_owned()]),
            ("Loop".to_owned(), vec!["again: Loop".to_owned()]),
        ]);
        let declaration = Declaration {
            name: "Chat".to_owned(),
            fields: fields.iter().map(|text| (*text).to_owned()).collect(),
            required_hash_fields: vec![],
            hash_order: HashOrder::Declared,
            models,
        };
        declaration.spec().map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_read_as_python_writes_them() {
        use FieldType::{Any, Bool, Float, Int, Str, Tuple, Union};
        let message =
            FieldType::Model(vec![FieldSpec::required("role", Str), FieldSpec::with_default("content", Str, "")]);
        for (text, of, default) in [
            ("k: int = 5", Int, Some(Value::from(5))),
            ("k:float=1e-7", Float, Some(Value::Float(1e-7))),
            ("on: bool = True", Bool, Some(Value::Bool(true))),
            ("a: Any", Any, None),
            ("x: Optional[bt.Tensor] = None", FieldType::optional(FieldType::tensor()), Some(Value::None)),
            ("s: str | None = None", FieldType::optional(Str), Some(Value::None)),
            ("s: typing.Union[int, str]", Union(vec![Int, Str]), None),
            ("l: list[list[float]]", FieldType::list(FieldType::list(Float)), None),
            ("l: List", FieldType::list(Any), None),
            ("d: dict[str, list[int]] = {\"a\": [1]}", FieldType::dict(FieldType::list(Int)), None),
            ("t: tuple[int, str]", Tuple(vec![Int, Str]), None),
            ("m: list[Message] = []", FieldType::list(message.clone()), Some(Value::List(vec![]))),
        ] {
            let spec = spec(&[text]).unwrap();
            assert_eq!(spec.fields()[0].of, of, "{text}");
            if default.is_some() {
                assert_eq!(spec.fields()[0].default, default, "{text}");
            }
        }
    }

    #[test]
    fn what_declares_nothing_is_refused() {
        for (text, words) in [
            ("k", "name: type"),
            ("k: integer", "`integer` is no type"),
            ("k: list[int", "`]` is missing"),
            ("k: int]", "left over"),
            ("k: int = five", "neither JSON"),
            ("k: dict[int, str]", "keys of type str"),
            ("a b: int", "no name"),
            ("k: tuple", "tuple[A, B]"),
            ("k: Loop", "nested too deeply"),
            ("k: Optional[int, str]", "Optional[T]"),
        ] {
            let error = spec(&[text]).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
        assert!(spec(&["k: int", "k: str"]).unwrap_err().contains("twice"));
        let deep = format!("k: {}int{}", "list[".repeat(40), "]".repeat(40));
        assert!(spec(&[&deep]).unwrap_err().contains("nested too deeply"));
    }

    #[test]
    fn the_order_of_hashing_is_the_lists_or_the_models() {
        let declared = |hash_order, hashed: [&str; 2]| {
            let fields = ["a: int = 1", "b: int = 2"].map(str::to_owned).to_vec();
            let required_hash_fields = hashed.map(str::to_owned).to_vec();
            let declaration =
                Declaration { name: "A".into(), fields, required_hash_fields, hash_order, ..Default::default() };
            let spec = declaration.spec().unwrap();
            spec.body_hash(&spec.coerce(IndexMap::new()).unwrap())
        };
        let (ab, ba) = (["a", "b"], ["b", "a"]);
        assert_ne!(declared(HashOrder::Declared, ab), declared(HashOrder::Declared, ba));
        assert_eq!(declared(HashOrder::Fields, ba), declared(HashOrder::Declared, ab));
        assert_eq!(declared(HashOrder::Fields, ab), declared(HashOrder::Declared, ab));
    }
}
