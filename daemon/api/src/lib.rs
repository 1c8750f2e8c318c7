//! The contract of btd: the words that the daemon and every client share.
//!
//! Ids, units and errors; and each JSON-RPC method as a type that names its role, its parameters
//! and its reply ([`Method`]). The daemon answers these types, `btctl` asks them, and the OpenRPC
//! document ([`openrpc::document`]) is generated from them, so the three cannot drift apart.
//!
//! Pure data: no socket, no file, no clock, no chain type. One file per command noun, with the
//! name that the noun has in the daemon (`rpc/<noun>`) and in the client.
#![warn(missing_docs, missing_debug_implementations)]

pub mod axon;
mod base58;
pub mod catalogue;
pub mod chain;
pub mod config;
pub mod crowd;
pub mod dendrite;
pub mod devnet;
mod error;
pub mod events;
mod ids;
pub mod metagraph;
mod method;
pub mod multisig;
pub mod node;
pub mod openrpc;
pub mod proxy;
mod role;
pub mod root;
pub mod rpc;
pub mod signing;
mod ss58;
pub mod stake;
pub mod subnets;
pub mod sudo;
pub mod tx;
mod units;
pub mod wallet;
pub mod weights;

pub use error::{ApiError, ErrorKind};
pub use ids::{
    AccountId, BlockHash, BlockNumber, Coldkey, Hotkey, HotkeyName, HotkeyRef, IdempotencyKey, MechId, NameError,
    NetUid, Uid, WalletName,
};
pub use method::{Method, Subscription};
pub use role::Role;
pub use ss58::AddressError;
pub use units::{Alpha, AlphaAmount, Amount, AmountError, Ratio, Tao, TaoChange};
