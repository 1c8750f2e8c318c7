//! The message itself: the base fields and those of its class.

use bytes::Bytes;
use indexmap::IndexMap;

use super::{Coercion, HeaderBlock, SynapseSpec, Terminal};
use crate::python::{JsonStyle, Member, Value, read_float, write_object, write_object_in_parts};

/// Seconds a call may take when nobody says otherwise.
pub const DEFAULT_TIMEOUT: f64 = 12.0;

/// A synapse: what travels as the body, and mirrored in part in the headers.
#[derive(Debug, Clone, PartialEq)]
pub struct Synapse {
    /// The class name. A body that states another is not believed: the path decides.
    pub name: String,
    /// Seconds the sender waits. Not signed.
    pub timeout: Option<f64>,
    /// A size the sender states; without meaning, kept for the reply.
    pub total_size: i64,
    /// A size the sender states; without meaning, kept for the reply.
    pub header_size: i64,
    /// The calling end.
    pub dendrite: Terminal,
    /// The answering end.
    pub axon: Terminal,
    /// Empty in every body: the hash travels as a header.
    pub computed_body_hash: Option<String>,
    /// The fields of the class, coerced, in declared order.
    pub fields: IndexMap<String, Value>,
}

// === impl Synapse ===

impl Synapse {
    /// A message of `spec` with the given fields, addressed to nobody yet.
    pub fn new(spec: &SynapseSpec, fields: IndexMap<String, Value>) -> Self {
        Self {
            name: spec.name().to_owned(),
            timeout: Some(DEFAULT_TIMEOUT),
            total_size: 0,
            header_size: 0,
            dendrite: Terminal::default(),
            axon: Terminal::default(),
            computed_body_hash: Some(String::new()),
            fields,
        }
    }

    /// Reads a body: base fields all have defaults, the class's are coerced by `spec`.
    ///
    /// # Errors
    /// When the body is no object or a member does not fit; the path leads to the member.
    pub fn from_body(spec: &SynapseSpec, body: Value) -> Result<Self, Coercion> {
        let Value::Dict(mut members) = body else {
            return Err(Coercion {
                path: String::new(),
                reason: format!("argument after ** must be a mapping, not {}", body.type_name()),
            });
        };
        let mut take = |name: &str| members.swap_remove(name);
        take("name");
        let timeout = optional_float("timeout", take("timeout").unwrap_or(Value::Float(DEFAULT_TIMEOUT)))?;
        let total_size = size("total_size", take("total_size"))?;
        let header_size = size("header_size", take("header_size"))?;
        let mut terminal =
            |name: &str| Terminal::from_value(&take(name).unwrap_or(Value::None)).map_err(|fault| fault.within(name));
        let dendrite = terminal("dendrite")?;
        let axon = terminal("axon")?;
        let computed_body_hash =
            optional_text("computed_body_hash", take("computed_body_hash").unwrap_or_else(|| "".into()))?;
        let fields = spec.coerce(*members)?;
        let name = spec.name().to_owned();
        Ok(Self { name, timeout, total_size, header_size, dendrite, axon, computed_body_hash, fields })
    }

    /// Takes over a handler's reply: fields of the class that it states, coerced, and of `axon` the
    /// status and its message. Everything else in it is dropped.
    ///
    /// # Errors
    /// When the reply is no object or a member does not fit.
    pub fn update(&mut self, spec: &SynapseSpec, reply: Value) -> Result<(), Coercion> {
        let Value::Dict(mut members) = reply else {
            let reason = format!("a JSON object was expected, not {}", reply.type_name());
            return Err(Coercion { path: String::new(), reason });
        };
        if let Some(axon) = members.swap_remove("axon") {
            let axon = Terminal::from_value(&axon).map_err(|fault| fault.within("axon"))?;
            self.axon.status_code = axon.status_code.or(self.axon.status_code);
            self.axon.status_message = axon.status_message.or_else(|| self.axon.status_message.take());
        }
        for field in spec.fields() {
            if let Some(value) = members.swap_remove(&field.name) {
                // A field that may be absent may be emptied, as an assignment in Python would.
                let value = if value == Value::None && field.default == Some(Value::None) {
                    value
                } else {
                    field.of.coerce(value).map_err(|fault| fault.within(&field.name))?
                };
                self.fields.insert(field.name.clone(), value);
            }
        }
        Ok(())
    }

    /// Memory that its fields take beside their texts, in bytes. Texts take what the body took.
    pub fn memory(&self) -> usize {
        self.fields.values().map(|value| size_of::<Value>() + value.memory()).sum()
    }

    /// Bytes of the texts that are no fields of the class: what it says of the two ends, its name, and a hash.
    pub fn base_texts(&self) -> usize {
        let hash = self.computed_body_hash.as_ref().map_or(0, String::len);
        self.name.len() + hash + self.dendrite.texts() + self.axon.texts()
    }

    /// Whether JSON can carry the numbers of the base fields: Python reads and writes `NaN` and `Infinity` too.
    pub(crate) fn has_finite_base(&self) -> bool {
        let numbers = [self.timeout, self.dendrite.process_time, self.axon.process_time];
        numbers.into_iter().flatten().all(f64::is_finite)
    }

    /// The body as JSON text in the order of the model, without copying the fields first.
    pub fn to_json(&self, style: JsonStyle) -> String {
        self.to_json_from(&self.dendrite, style)
    }

    /// The body as JSON text that says `dendrite` of its sender.
    pub fn to_json_from(&self, dendrite: &Terminal, style: JsonStyle) -> String {
        write_object(self.members(&dendrite.members(), &self.axon.members()), style)
    }

    /// The body as JSON text in parts, of which long texts are not copies.
    pub fn to_json_in_parts(&self, style: JsonStyle) -> Vec<Bytes> {
        write_object_in_parts(self.members(&self.dendrite.members(), &self.axon.members()), style)
    }

    fn members<'a>(
        &'a self,
        dendrite: &'a [(&'static str, Member<'a>)],
        axon: &'a [(&'static str, Member<'a>)],
    ) -> impl Iterator<Item = (&'a str, Member<'a>)> {
        let base = [
            ("name", Member::Text(&self.name)),
            ("timeout", Member::of(self.timeout, Member::Float)),
            ("total_size", Member::Int(self.total_size.into())),
            ("header_size", Member::Int(self.header_size.into())),
            ("dendrite", Member::Object(dendrite)),
            ("axon", Member::Object(axon)),
            ("computed_body_hash", Member::text(self.computed_body_hash.as_deref())),
        ];
        base.into_iter().chain(self.fields.iter().map(|(name, value)| (name.as_str(), Member::Value(value))))
    }

    /// The header block that goes with the message, in the order peers send it. `body_size` is the
    /// length of the body in bytes and stands as `total_size`: peers put a Python heap size there,
    /// which nobody reads.
    pub fn to_headers(&self, spec: &SynapseSpec, body_size: usize) -> HeaderBlock {
        self.to_headers_hashed(spec, body_size, &spec.body_hash(&self.fields))
    }

    /// The same, for who knows the hash of the fields already.
    pub(crate) fn to_headers_hashed(&self, spec: &SynapseSpec, body_size: usize, hash: &str) -> HeaderBlock {
        let mut block = HeaderBlock::opening(&self.name, self.timeout, (&self.axon, &self.dendrite));
        for field in spec.fields().iter().filter(|field| field.default.is_none()) {
            if let Some(value) = self.fields.get(&field.name).filter(|value| **value != Value::None) {
                block.push_input_obj(&field.name, &value.blank());
            }
        }
        block.close(body_size, hash);
        block
    }
}

fn optional_text(name: &str, value: Value) -> Result<Option<String>, Coercion> {
    match value {
        Value::None => Ok(None),
        Value::Str(text) => Ok(Some(text.into())),
        _ => Err(Coercion { path: name.to_owned(), reason: "Input should be a valid string".to_owned() }),
    }
}

/// `float(value)` of Python, as the base model casts its timeout.
fn optional_float(name: &str, value: Value) -> Result<Option<f64>, Coercion> {
    let number = match value {
        Value::None => return Ok(None),
        Value::Float(number) => Some(number),
        Value::Int(number) => Some(number.to_f64()),
        Value::Bool(truth) => Some(f64::from(u8::from(truth))),
        Value::Str(text) => read_float(&text),
        _ => None,
    };
    number
        .map(Some)
        .ok_or_else(|| Coercion { path: name.to_owned(), reason: "Input should be a valid number".to_owned() })
}

fn size(name: &str, value: Option<Value>) -> Result<i64, Coercion> {
    let Some(value) = value else { return Ok(0) };
    match super::FieldType::Int.coerce(value).map_err(|fault| fault.within(name))? {
        // A size beyond 64 bits is nonsense, and sizes have no meaning.
        Value::Int(number) => Ok(number.to_i128().and_then(|number| i64::try_from(number).ok()).unwrap_or(0)),
        _ => Ok(0),
    }
}
