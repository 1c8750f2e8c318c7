//! btd: one resident process that owns what must stay alive for a Bittensor operator.
//!
//! [`daemon`] puts the parts together, [`supervisor`] keeps them running and takes them down in
//! order, [`config`] is the only reader of files and environment, and [`rpc`] is the edge at which
//! `btctl` and any other program ask. Each other module is one part behind one handle. The process
//! itself (arguments, signals' exit codes) is `main.rs`.

pub mod axon;
pub mod cache;
mod causes;
pub mod config;
pub mod custody;
pub mod daemon;
pub mod dendrite;
/// A node that is scripted to go wrong, for the tests of what is asked of it.
#[cfg(test)]
#[allow(dead_code, unreachable_pub, reason = "it can do more than is asked of it here")]
#[path = "../chain/tests/devnet/faulty.rs"]
mod faulty;
mod gathering;
mod http_pool;
mod in_use;
pub mod journal;
/// The metadata of a runtime that lacks something.
#[cfg(test)]
#[path = "../chain/tests/devnet/lacking.rs"]
mod lacking;
pub mod ledger;
pub mod logs;
pub mod metagraph;
mod quic_bounded;
mod quic_scripted;
mod room;
pub mod rpc;
pub mod service_manager;
pub mod serving;
pub mod stamp;
pub mod submit;
pub mod supervisor;
