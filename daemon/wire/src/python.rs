//! What Python means by a value: numbers, texts and JSON as CPython reads and prints them.
//!
//! The peers of the synapse protocol are Python programs, and the protocol hashes and signs what
//! Python prints: `str(value)` of a field, `int(header)`, `str(float)`. This module holds exactly
//! that, over one [`Value`] that keeps what JSON readers usually lose: the order of keys, integers
//! of any size, the difference between `1` and `1.0`. It knows nothing of synapses; see
//! [`crate::synapse`] for those.

mod json;
mod number;
mod text;
mod value;

pub use json::{JsonError, JsonStyle, read_json, read_json_of, write_json};
pub(crate) use json::{Member, read_members_of, write_object, write_object_in_parts};
pub(crate) use number::push_float_repr;
pub use number::{Integer, float_repr, read_float, read_int};
pub use text::{python_repr, python_str};
pub use value::{Text, Value};
