//! The subnets of the list, some together in one value.
//!
//! Pools and prices are others at every block, so all of the list is written at every block. A value for each subnet is a
//! page of the store written anew for each, and as text it takes longer to write than it took to read.

use std::{borrow::Cow, collections::BTreeMap};

use btd_api::{AccountId, Alpha, Coldkey, NetUid, Tao, TaoChange};
use serde::{Deserialize, Serialize};

use crate::{cache::LARGEST_VALUE, metagraph::subnet::Subnet};

/// The subnets of so many numbers stand together.
const TOGETHER: u16 = 16;

/// A subnet of the list. The order of the fields is the form: another one takes another name of the tree.
#[derive(Serialize, Deserialize)]
struct Line<'s> {
    netuid: u16,
    name: Cow<'s, str>,
    symbol: Cow<'s, str>,
    owner: Option<[u8; 32]>,
    neurons: u16,
    max_neurons: u16,
    tempo: u16,
    last_epoch: u64,
    blocks_since_epoch: u64,
    price: Option<u64>,
    tao_in: Option<u64>,
    alpha_in: Option<u64>,
    alpha_out: Option<u64>,
    tao_in_emission: Option<u64>,
    burn: u64,
    registration_allowed: Option<bool>,
    mechanisms: Option<u8>,
    net_inflow: Option<i128>,
}

// === impl Line ===

impl<'s> Line<'s> {
    fn of(subnet: &'s Subnet) -> Self {
        Self {
            netuid: subnet.netuid.0,
            name: Cow::Borrowed(&subnet.name),
            symbol: Cow::Borrowed(&subnet.symbol),
            owner: subnet.owner.map(|owner| owner.0.0),
            neurons: subnet.neurons,
            max_neurons: subnet.max_neurons,
            tempo: subnet.tempo,
            last_epoch: subnet.last_epoch,
            blocks_since_epoch: subnet.blocks_since_epoch,
            price: subnet.price.map(Tao::rao),
            tao_in: subnet.tao_in.map(Tao::rao),
            alpha_in: subnet.alpha_in.map(Alpha::rao),
            alpha_out: subnet.alpha_out.map(Alpha::rao),
            tao_in_emission: subnet.tao_in_emission.map(Tao::rao),
            burn: subnet.burn.rao(),
            registration_allowed: subnet.registration_allowed,
            mechanisms: subnet.mechanisms,
            net_inflow: subnet.net_inflow.map(TaoChange::rao),
        }
    }

    fn subnet(self) -> Subnet {
        Subnet {
            netuid: NetUid(self.netuid),
            name: self.name.into_owned(),
            symbol: self.symbol.into_owned(),
            owner: self.owner.map(|owner| Coldkey(AccountId(owner))),
            neurons: self.neurons,
            max_neurons: self.max_neurons,
            tempo: self.tempo,
            last_epoch: self.last_epoch,
            blocks_since_epoch: self.blocks_since_epoch,
            price: self.price.map(Tao::from_rao),
            tao_in: self.tao_in.map(Tao::from_rao),
            alpha_in: self.alpha_in.map(Alpha::from_rao),
            alpha_out: self.alpha_out.map(Alpha::from_rao),
            tao_in_emission: self.tao_in_emission.map(Tao::from_rao),
            burn: Tao::from_rao(self.burn),
            registration_allowed: self.registration_allowed,
            mechanisms: self.mechanisms,
            net_inflow: self.net_inflow.and_then(TaoChange::from_rao),
        }
    }
}

/// The subnets that stand together, by the number of their place.
pub(super) fn groups(subnets: &BTreeMap<NetUid, Subnet>) -> BTreeMap<u16, Vec<&Subnet>> {
    let mut groups: BTreeMap<u16, Vec<&Subnet>> = BTreeMap::new();
    for (netuid, subnet) in subnets {
        groups.entry(netuid.0 / TOGETHER).or_default().push(subnet);
    }
    groups
}

/// Subnets that stand together; none where that is more than the cache takes.
pub(super) fn write(subnets: &[&Subnet]) -> Option<Vec<u8>> {
    let lines: Vec<Line<'_>> = subnets.iter().map(|subnet| Line::of(subnet)).collect();
    postcard::to_allocvec(&lines).ok().filter(|bytes| bytes.len() <= LARGEST_VALUE)
}

/// The subnets that were written so; none where it is something else.
pub(super) fn read(bytes: &[u8]) -> Vec<Subnet> {
    let lines: Vec<Line<'_>> = postcard::from_bytes(bytes).unwrap_or_default();
    lines.into_iter().map(Line::subnet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metagraph::sample;

    #[test]
    fn a_subnet_is_read_as_it_was_written() {
        let known = Subnet {
            price: Some(Tao::from_rao(u64::MAX)),
            mechanisms: Some(2),
            net_inflow: TaoChange::from_rao(-5_000_000_000),
            ..sample(3).subnet.clone()
        };
        let untold = Subnet {
            netuid: NetUid(u16::MAX),
            name: String::new(),
            owner: None,
            price: None,
            tao_in: None,
            alpha_in: None,
            alpha_out: None,
            tao_in_emission: None,
            registration_allowed: None,
            ..sample(0).subnet.clone()
        };
        let bytes = write(&[&known, &untold]).unwrap();
        assert_eq!(read(&bytes[..bytes.len() - 1]), []);
        assert_eq!(read(&bytes), [known, untold]);
    }

    #[test]
    fn what_the_cache_would_not_take_is_not_written() {
        let named = |bytes: usize| Subnet { name: "x".repeat(bytes), ..sample(0).subnet.clone() };
        assert!(write(&[&named(LARGEST_VALUE / 2)]).is_some());
        assert_eq!(write(&[&named(LARGEST_VALUE / 2), &named(LARGEST_VALUE / 2)]), None);
    }

    #[test]
    fn few_values_hold_all_subnets() {
        let subnets =
            (0..129).map(|netuid| (NetUid(netuid), Subnet { netuid: NetUid(netuid), ..sample(0).subnet.clone() }));
        let subnets: BTreeMap<_, _> = subnets.collect();
        let groups = groups(&subnets);
        assert_eq!((groups.len(), groups.values().map(Vec::len).sum::<usize>()), (9, 129));
        assert_eq!(groups[&8], [&subnets[&NetUid(128)]]);
    }
}
