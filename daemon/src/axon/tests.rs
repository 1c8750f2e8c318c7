//! The axon over real sockets: both transports, its limits, and its end.

mod connections;
mod edge;
mod handlers;
mod heavy;
mod life;
mod quic_bounds;
mod quic_edge;
mod quic_fuzz;
mod quic_idle;
mod quic_unacknowledged;
mod refused;
mod storm;
pub(crate) mod support;
