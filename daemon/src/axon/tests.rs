//! The axon over real sockets: both transports, its limits, and its end.

mod edge;
mod handlers;
mod life;
pub(crate) mod support;
