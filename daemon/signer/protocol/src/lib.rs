//! What btd and its signer say to each other.
//!
//! The signer (`btd-signer`) is a process without network that holds the unlocked keys. There are
//! two channels to it, each a stream of [frames](frame) that carry a call with a number or the
//! answer to one, in any order:
//!
//! * [`Control`] is the daemon's own: wallets, unlocking, extrinsics, the user's texts;
//! * [`Requests`] is what the axon and the dendrites get: it knows public keys and synapse messages
//!   and has no word for anything else, so nothing sent there can become an extrinsic's signature.
//!
//! To add an operation: a struct in [`operations`], one line in the table of its channel there, and
//! one arm in the signer's `handlers`. Only public types of `btd-keys` are named here, and passed on
//! from here, so that the daemon need not know that crate.
#![warn(missing_docs)]

pub mod frame;
pub mod operations;
mod refusal;

pub use btd_keys::{
    Encryption, Existing, ExtrinsicPayload, KeyId, KeyRole, KeySummary, MadeKey, MadeWallet, NewKey, Origin, Protect,
    PublicKey, Purpose, PurposeError, Purposes, Readers, Scheme, SealedBoxError, Signature, SynapseMessage,
    TextMessage, WalletSummary, sealed_box,
};

pub use self::{
    operations::{Control, Operation, Requests},
    refusal::{Refusal, RefusalKind},
};

/// Raised by one whenever frames of another build would be misread.
pub const VERSION: u32 = 3;

/// The name of the control socket in the directory of a signer that runs as a service of its own.
pub const CONTROL_SOCKET: &str = "control.sock";

/// The name of the requests socket in the same directory.
pub const REQUESTS_SOCKET: &str = "requests.sock";
