//! The development chain from outside: a real server, a real WebSocket client, signed extrinsics.
//!
//! Every chain of these tests makes blocks only when told to or at once, on a port of its own.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod beacon;
mod blocks;
mod browsers;
mod chain_head;
mod client;
mod control;
mod extrinsics;
mod limits;
mod localnet;
mod methods;
mod operators;
mod persistence;
mod safety;
mod shield;
mod signer;
mod subscriptions;
mod upgrades;
