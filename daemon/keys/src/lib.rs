//! Wallets on disk in the ecosystem's formats, key derivation, and custody of unlocked keys.
//!
//! The only holder of secrets. Formats and derivation are pure functions over bytes
//! ([`KeyFile`], [`Key`]); files are written so that a crash leaves the old or the new one, never
//! a torn one ([`WalletStore`]); unlocked keys live behind one handle ([`Custody`]) that signs a
//! closed set of purposes and nothing else. The axon and the dendrite get a still narrower handle
//! ([`RequestSigner`]), which has no way to sign an extrinsic.
//!
//! It knows no chain and no wire protocol: callers hand it the payload or the message, and it
//! checks that the bytes are of the kind they claim to be ([`purpose`]).
#![warn(missing_docs)]

mod backoff;
mod birth;
mod clock;
mod custody;
mod durable;
pub mod environment;
pub mod foreign;
mod key;
mod keyfile;
mod mnemonic;
mod pair;
mod polkadot_js;
pub mod purpose;
mod request_signer;
mod scheme;
pub mod sealed_box;
mod secret;
mod store;
mod uri;

pub use backoff::{FailureLog, FailureLogError, MemoryFailureLog};
pub use birth::{MadeKey, MadeWallet, MakeError, NewKey, Origin, Protect, make_key, make_wallet};
pub use clock::{BootClock, BootTime, Clock};
pub use custody::{Custody, CustodyConfig, CustodyError, KeyStatus, UnlockRequest};
pub use key::Key;
pub use keyfile::{Encryption, KeyFile, KeyFileError, Protection, PublicKeyFile, Shape};
pub use mnemonic::{Mnemonic, WordCount};
pub use pair::{KeyError, KeyPair};
pub use purpose::{ExtrinsicPayload, Purpose, PurposeError, Purposes, SynapseMessage, TextMessage};
pub use request_signer::RequestSigner;
pub use scheme::{PublicKey, Scheme, Signature};
pub use sealed_box::SealedBoxError;
pub use secret::{Password, Seed};
pub use store::{Existing, KeyId, KeyRole, KeySummary, Known, StoreError, Wallet, WalletStore, WalletSummary};
