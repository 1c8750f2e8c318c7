//! The axon over real sockets: both transports, its limits, and its end.

mod edge;
mod life;
pub(crate) mod support;
