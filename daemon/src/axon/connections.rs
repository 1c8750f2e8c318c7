//! How many connections there may be, in all and from one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// Counts connections of both transports.
#[derive(Debug)]
pub(super) struct Connections {
    max: usize,
    max_per_ip: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// One connection's place, given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    ip: IpAddr,
}

// === impl Connections ===

impl Connections {
    pub(super) fn new(max: usize, max_per_ip: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_ip, open: Mutex::default() })
    }

    /// A place for a connection from `ip`, if there is one.
    pub(super) fn enter(self: &Arc<Self>, ip: IpAddr) -> Option<Place> {
        let ip = source(ip);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.max || open.by_ip.get(&ip).is_some_and(|count| *count >= self.max_per_ip) {
            return None;
        }
        open.all += 1;
        *open.by_ip.entry(ip).or_default() += 1;
        Some(Place { connections: Arc::clone(self), ip })
    }

    /// Connections that are open now.
    pub(super) fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        if let Some(count) = open.by_ip.get_mut(&self.ip) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_ip.remove(&self.ip);
            }
        }
    }
}

/// An IPv4 address, or the upper half of an IPv6 address: what one host can hardly have many of.
fn source(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let connections = Connections::new(3, 2);
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let (first, second) = (connections.enter(a).unwrap(), connections.enter(a).unwrap());
        assert!(connections.enter(a).is_none(), "two from one address");
        let third = connections.enter(b).unwrap();
        assert!(connections.enter([10, 0, 0, 3].into()).is_none(), "three in all");
        drop(first);
        assert_eq!(connections.open(), 2);
        let again = connections.enter(a).unwrap();
        drop((second, third, again));
        assert_eq!(connections.open(), 0);
        assert!(connections.open.lock().unwrap().by_ip.is_empty());
    }
}
