//! The signer: the process that holds unlocked keys, and that has no network.
//!
//! [`custody`] keeps the keys and signs; [`server`] answers the daemon over the channels of
//! `btd-signer-protocol`; [`hardening`] takes from the process what it does not need, before it sees
//! a secret. Formats of key files and what may be signed are `btd-keys`'. The process itself is
//! `main.rs`; the daemon links none of this, and its tests run a [`server::Server`] of their own.
#![warn(missing_docs)]

pub mod arguments;
mod backoff;
mod clock;
pub mod custody;
pub mod failures;
mod handlers;
pub mod hardening;
mod lanes;
mod log;
mod memory;
pub mod process;
pub mod server;

pub use backoff::{FailureLog, FailureLogError, MemoryFailureLog};
pub use clock::{BootClock, BootTime, Clock};
pub use memory::Memory;
