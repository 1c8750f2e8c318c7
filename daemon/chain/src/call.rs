//! A call as data: what to do, by name, before anything is encoded or signed.
//!
//! A [`Call`] knows no runtime. It can be compared, journalled and shown; live metadata turns it
//! into bytes by argument name, and refuses names that the runtime does not have.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    block::{DecodedCall, decode_call},
    error::{Item, PrepareError},
    runtime::Runtime,
    scale::{Mismatch, write},
    value::Value,
};

/// An unsigned wish: a pallet, a call and its arguments by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The pallet, such as `SubtensorModule`.
    pub pallet: String,
    /// The call, such as `add_stake`.
    pub call: String,
    /// The arguments by the runtime's names.
    pub args: BTreeMap<String, Value>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.pallet, self.call)
    }
}

// === impl Call ===

impl Call {
    /// A call without arguments yet.
    pub fn new(pallet: impl Into<String>, call: impl Into<String>) -> Self {
        Self { pallet: pallet.into(), call: call.into(), args: BTreeMap::new() }
    }

    /// The same call with an argument; a second value for a name replaces the first.
    #[must_use]
    pub fn arg(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.args.insert(name.into(), value.into());
        self
    }

    /// The call that `bytes` are in `runtime`: pallet and call index, then the arguments in order.
    ///
    /// # Errors
    /// When they are no call there, or not the bytes of the call that they read as.
    pub fn read(bytes: &[u8], runtime: &Runtime) -> Result<Self, Mismatch> {
        let DecodedCall { pallet, call, args } = decode_call(bytes, runtime)?;
        let read = match Value::from_json(args) {
            Ok(Value::Record(args)) => Self { pallet, call, args },
            Ok(_) => Self::new(pallet, call),
            Err(error) => return Err(Mismatch::new(error.to_string())),
        };
        match read.encode(runtime) {
            Ok(again) if again == bytes => Ok(read),
            Ok(_) => Err(Mismatch::new(format!("{read} has other bytes"))),
            Err(error) => Err(Mismatch::new(error.to_string())),
        }
    }

    /// The names of every call that is made with this one, as [`DecodedCall::all_calls`] gives them.
    ///
    /// # Errors
    /// When it is no call of `runtime`, or its arguments are not those of the call.
    pub fn all_calls(&self, runtime: &Runtime) -> Result<Vec<String>, PrepareError> {
        let decoded = decode_call(&self.encode(runtime)?, runtime);
        let unread = |reason| PrepareError::Argument { call: self.to_string(), reason };
        decoded.map(|decoded| decoded.all_calls(runtime)).map_err(unread)
    }

    /// The bytes of the call in `runtime`: pallet and call index, then the arguments in order.
    pub(crate) fn encode(&self, runtime: &Runtime) -> Result<Vec<u8>, PrepareError> {
        let absent = || runtime.absent(Item::Call, &self.pallet, &self.call);
        let pallet = runtime.metadata().pallet_by_name(&self.pallet).ok_or_else(absent)?;
        let variant = pallet.call_variant_by_name(&self.call).ok_or_else(absent)?;
        let mut out = vec![pallet.call_index(), variant.index];
        write::encode_named(&self.args, &variant.fields, runtime.types(), &mut out)
            .map_err(|reason| PrepareError::Argument { call: self.to_string(), reason })?;
        Ok(out)
    }
}

// === impl DecodedCall ===

impl DecodedCall {
    /// The names of every call that is made with this one, `Pallet.call`, itself first: however deep they lie in its
    /// arguments, and however the caller wrote them. What only a hash stands for, or what is sealed, is not among them.
    pub fn all_calls(&self, runtime: &Runtime) -> Vec<String> {
        let mut names = vec![format!("{}.{}", self.pallet, self.call)];
        calls_inside(&self.args, runtime, &mut names);
        names
    }
}

/// Adds the names of the calls in `json`. Decoded, a call is an object of one member, its pallet, and in that the
/// call's name alone or with its arguments (`scale/json.rs`).
fn calls_inside(json: &Json, runtime: &Runtime, names: &mut Vec<String>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| calls_inside(item, runtime, names)),
        Json::Object(members) => {
            for (pallet, content) in members {
                let call = match content {
                    Json::String(call) => Some(call),
                    Json::Object(call) if call.len() == 1 => call.keys().next(),
                    _ => None,
                };
                if let Some(call) = call.filter(|call| members.len() == 1 && runtime.has_call(pallet, call)) {
                    names.push(format!("{pallet}.{call}"));
                }
                calls_inside(content, runtime, names);
            }
        }
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
