//! Golden captures of the Python peers, replayed against this crate.
//!
//! The files come from running bittensor 10.5.0 and CPython 3.10; what each holds is said at its
//! reader. Where this crate differs on purpose, the difference is listed with its reason, and the
//! test fails if it disappears.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod btauth;
mod capture;
mod forged;
mod hashes;
mod merging;
mod properties;
mod requests;
mod signed;
mod support;
mod tensors;
