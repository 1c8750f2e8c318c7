//! Tensors: the weight and bond matrices of a metagraph and its columns, dense and normalised, the consensus of an
//! epoch over them, and tensors of synapses to compute with.
//!
//! The only user of burn. It works on the CPU backend `flex`, and its callers see burn's types
//! only when they ask for the tensor itself. It fetches nothing and knows no chain: sparse rows
//! come in as the chain stores them, matrices go out.
#![warn(missing_docs, missing_debug_implementations)]

mod dense;
mod matrix;
pub mod yuma;

pub use dense::{Dense, Element, ElementsError};
pub use matrix::{Matrix, MatrixError, SparseRow, Vector};
