//! Axons that offer HTTP/3 on the port at which they are called.
//!
//! An axon announces it in its replies, and whoever is at an address speaks for that address. On chain anybody can
//! publish a TLS key beside any address, so that such an offer counts only for the hotkey that has published it.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use btd_api::AccountId;
use btd_wire::{certificate::TlsKey, synapse::latin1};
use http::{HeaderMap, header};

/// What is known of axons.
#[derive(Debug, Default)]
pub(super) struct Offers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Those that announced it when they were last heard.
    announced: HashSet<SocketAddr>,
    published: HashMap<(SocketAddr, AccountId), Published>,
    /// Those whose HTTP/3 names no hotkey, whatever they announce.
    foreign: HashSet<(SocketAddr, AccountId)>,
}

#[derive(Debug)]
struct Published {
    key: TlsKey,
    /// Not any more once it was found not to hold: then only another key is an offer.
    holds: bool,
}

/// Announcements, and published keys, remembered at most.
const MOST: usize = 65_536;

// === impl Offers ===

impl Offers {
    /// Whether `axon` announced HTTP/3 when it was last heard, or `hotkey` has published a key of it.
    pub(super) fn has(&self, axon: SocketAddr, hotkey: AccountId) -> bool {
        let (known, whose) = (self.lock(), (axon, hotkey));
        let is_published = || known.published.get(&whose).is_some_and(|offer| offer.holds);
        !known.foreign.contains(&whose) && (known.announced.contains(&axon) || is_published())
    }

    /// Learns from the headers of a reply.
    pub(super) fn note(&self, axon: SocketAddr, headers: &HeaderMap) {
        let own_port = format!("h3=\":{}\"", axon.port());
        let offered = headers.get_all(header::ALT_SVC).iter().any(|value| latin1(value).contains(&own_port));
        if offered {
            self.add(axon);
        } else {
            self.lock().announced.remove(&axon);
        }
    }

    pub(super) fn add(&self, axon: SocketAddr) {
        let mut known = self.lock();
        if known.announced.len() < MOST {
            known.announced.insert(axon);
        }
    }

    /// Learns that `hotkey` has published `key` of `axon`. Learnt again, it says nothing new.
    pub(super) fn learn(&self, axon: SocketAddr, hotkey: AccountId, key: TlsKey) {
        let mut known = self.lock();
        let published = &mut known.published;
        let whose = (axon, hotkey);
        let before = published.get(&whose);
        if before.is_some_and(|offer| offer.key == key) || (before.is_none() && published.len() >= MOST) {
            return;
        }
        published.insert(whose, Published { key, holds: true });
        known.foreign.remove(&whose);
    }

    /// Learns that `axon` is of another make: what it offers proves no hotkey. That holds until `hotkey` publishes another key.
    pub(super) fn note_foreign(&self, axon: SocketAddr, hotkey: AccountId) {
        self.forget(axon, hotkey);
        let mut known = self.lock();
        if known.foreign.len() < MOST {
            known.foreign.insert((axon, hotkey));
        }
    }

    /// Believes neither the announcement nor the key that `hotkey` has published any longer.
    pub(super) fn forget(&self, axon: SocketAddr, hotkey: AccountId) {
        let mut known = self.lock();
        known.announced.remove(&axon);
        if let Some(offer) = known.published.get_mut(&(axon, hotkey)) {
            offer.holds = false;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
