//! Axons that announced HTTP/3 on the port at which they were called.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use btd_wire::synapse::latin1;
use http::{HeaderMap, header};

/// What axons announced last.
#[derive(Debug, Default)]
pub(super) struct Offers(Mutex<HashSet<SocketAddr>>);

/// Announcements remembered at most.
const MOST: usize = 65_536;

// === impl Offers ===

impl Offers {
    /// Whether `axon` announced HTTP/3 when it was last heard.
    pub(super) fn has(&self, axon: SocketAddr) -> bool {
        self.lock().contains(&axon)
    }

    /// Learns from the headers of a reply.
    pub(super) fn note(&self, axon: SocketAddr, headers: &HeaderMap) {
        let own_port = format!("h3=\":{}\"", axon.port());
        let offered = headers.get_all(header::ALT_SVC).iter().any(|value| latin1(value).contains(&own_port));
        if offered { self.add(axon) } else { self.forget(axon) }
    }

    pub(super) fn add(&self, axon: SocketAddr) {
        let mut offers = self.lock();
        if offers.len() < MOST {
            offers.insert(axon);
        }
    }

    /// Believes the announcement no longer.
    pub(super) fn forget(&self, axon: SocketAddr) {
        self.lock().remove(&axon);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<SocketAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
