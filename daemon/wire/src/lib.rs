//! The synapse protocol of Bittensor (SDK 7 to 10), as pure code without sockets.
//!
//! Three things can be done with it: read and admit a request ([`admission`]), answer one
//! ([`reply`]), and make a request and understand its answer ([`outgoing`]). The signed requests of
//! SDK 11, which has no synapses, are in [`btauth`]. A message itself is a
//! [`synapse`], a tensor in it is in [`tensor`]; what Python means by its values is in [`python`].
//!
//! This crate opens no socket, reads no clock and holds no secret: time is an argument, a body is
//! a [`admission::BodySource`], and a signature is asked for as a [`Signable`] and handed in. So
//! every rule of the protocol can be tested, and fuzzed, as a function.
#![warn(missing_docs, missing_debug_implementations)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

pub mod admission;
pub mod btauth;
pub mod certificate;
pub mod outgoing;
pub mod python;
pub mod reply;
mod signable;
pub mod synapse;
pub mod tensor;
pub mod version;

pub use signable::{Purpose, Signable, Signer, SignerError, Signing};
