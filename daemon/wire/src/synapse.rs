//! The synapse: one message between a dendrite and an axon.
//!
//! A synapse has a fixed base (name, timeout, two [`Terminal`]s) and the fields of its class. The
//! class is described by a [`SynapseSpec`], because the body hash covers the text of each value
//! *after* coercion to its declared type, which nobody can compute without the declaration.
//!
//! This module holds the message as a value: its body as JSON, its header block, its hash. Who may
//! send it is decided in [`crate::admission`].

mod declare;
mod field;
mod hash;
mod headers;
mod model;
mod spec;
mod terminal;

pub use declare::{Declaration, DeclarationError};
pub use field::{Coercion, FieldType};
pub use hash::{EMPTY_BODY_HASH, sha3_hex};
pub use headers::{HEADER_AXON, HEADER_DENDRITE, HEADER_INPUT_OBJ, HeaderBlock, header_value, latin1};
pub use model::{DEFAULT_TIMEOUT, Synapse};
pub use spec::{FieldSpec, HashFields, SpecError, SynapseSpec};
pub use terminal::Terminal;
