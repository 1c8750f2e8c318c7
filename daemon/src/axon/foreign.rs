//! The axon's HTTP/3 on any bytes, without sockets: what a fuzz target feeds.
#![doc(hidden)]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use btd_api::AccountId;
use btd_wire::admission::{AnyHotkey, Memory, MemoryLimits};
use tokio::runtime::{Builder, Runtime};

use super::{Capacity, Classes, Config, Edge, Ping, quic::serve_scripted, service::nanos_since_1970};
use crate::quic_scripted::Scripted;

/// The nonce of requests in the corpus. The present one takes its place, or none would get past the window.
const NONCE: &[u8] = b"1795354872667555706";

/// An axon without a port, for which nothing in the corpus is validly signed.
struct Bare {
    runtime: Runtime,
    edge: Edge,
}

impl Bare {
    fn new() -> Self {
        let classes = Arc::<Classes>::default();
        let capacity = Capacity { places: 1, waiting: 1 };
        #[expect(clippy::expect_used, reason = "it can only be made or not")]
        classes.add(Arc::new(Ping), "ping", capacity).expect("the only class");
        let endless = 1e12;
        let config = Config {
            rate_per_second: endless,
            rate_burst: endless,
            network_rate_per_second: endless,
            network_rate_burst: endless,
            ..Config::default()
        };
        let memory = Arc::new(Memory::new(0, Duration::ZERO, MemoryLimits::default()));
        let edge = Edge::new(config, (AccountId([7; 32]), 1), (Arc::new(AnyHotkey), &memory), &classes);
        #[expect(clippy::expect_used, reason = "without it there is nothing to try")]
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { runtime, edge }
    }
}

/// The same bytes with nonces of now, which are as long.
fn at_present(bytes: &[u8]) -> Vec<u8> {
    let (mut present, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some(at) = rest.windows(NONCE.len()).position(|window| window == NONCE) {
        let (before, after) = rest.split_at(at);
        present.extend_from_slice(before);
        present.extend_from_slice(nanos_since_1970().to_string().as_bytes());
        rest = after.split_at(NONCE.len()).1;
    }
    present.extend_from_slice(rest);
    present
}

/// Serves the streams that the bytes are. What comes must hurt nobody, and nothing of it may be answered.
///
/// # Panics
/// When the axon does not bear them.
pub fn http3(bytes: &[u8]) {
    thread_local!(static BARE: Bare = Bare::new());
    BARE.with(|bare| {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        bare.runtime.block_on(serve_scripted(Scripted::new(&at_present(bytes)), peer, &bare.edge));
        let outcomes = bare.edge.counters.snapshot();
        assert_eq!(outcomes.get("answered"), Some(&0), "a request without a signature for this axon was answered");
        assert_eq!(bare.edge.service.unfinished(), 0, "something of a request was not given back");
    });
}
