//! Wallets on disk in the ecosystem's formats, key derivation, and what keys may sign.
//!
//! Formats and derivation are pure functions over bytes ([`KeyFile`], [`Key`]); files are written
//! so that a crash leaves the old or the new one, never a torn one ([`WalletStore`]). What may be
//! signed is a closed set of kinds, told from one another by their bytes ([`purpose`]).
//!
//! It keeps nothing in memory and knows no chain and no wire protocol. Unlocked keys are held by the
//! signer, a process of its own (`btd-signer`); the daemon names the public types here and no other.
#![warn(missing_docs)]

mod birth;
pub mod durable;
pub mod environment;
pub mod foreign;
mod junction;
mod key;
mod keyfile;
mod mnemonic;
mod pair;
mod polkadot_js;
pub mod purpose;
mod regular;
mod scheme;
pub mod sealed_box;
mod secret;
mod store;
mod uri;

pub use birth::{MadeKey, MadeWallet, MakeError, NewKey, Origin, Protect, make_key, make_wallet};
pub use key::Key;
pub use keyfile::{Encryption, KeyFile, KeyFileError, Protection, PublicKeyFile, Shape};
pub use mnemonic::{Mnemonic, WordCount};
pub use pair::{KeyError, KeyPair};
pub use purpose::{ExtrinsicPayload, Purpose, PurposeError, Purposes, SynapseMessage, TextMessage};
pub use regular::FileMark;
pub use scheme::{PublicKey, Scheme, Signature};
pub use sealed_box::SealedBoxError;
pub use secret::{Password, Seed};
pub use store::{Existing, KeyId, KeyRole, KeySummary, Known, Readers, StoreError, Wallet, WalletStore, WalletSummary};
