//! What of every subnet changes from block to block: pools, prices, and the marks that tell more.
//!
//! Read at every block for all subnets at once, in three requests where the runtime tells all prices in one.

use std::{collections::BTreeMap, sync::Arc};

use btd_api::{BlockNumber, NetUid};
use btd_chain::{DynamicInfo, ReadError, SubnetEntry, SubnetMarks, View};

use super::{policy::Known, snapshot::Snapshot, subnet::Subnet};

/// All subnets in one line each.
pub(super) struct Pools {
    at: BlockNumber,
    entries: Vec<(SubnetEntry, SubnetMarks)>,
}

// === impl Pools ===

impl Pools {
    pub(super) async fn read(view: &View) -> Result<Self, ReadError> {
        let entries = view.subnets().await?;
        let netuids: Vec<NetUid> = entries.iter().map(|entry| entry.netuid).collect();
        let marks = view.subnet_marks(&netuids).await?;
        Ok(Self { at: view.block().number, entries: entries.into_iter().zip(marks).collect() })
    }

    pub(super) fn netuids(&self) -> impl Iterator<Item = NetUid> + '_ {
        self.entries.iter().map(|(entry, _)| entry.netuid)
    }

    pub(super) fn contains(&self, netuid: NetUid) -> bool {
        self.entries.binary_search_by_key(&netuid, |(entry, _)| entry.netuid).is_ok()
    }

    /// The subnets in which an epoch ran since they were read.
    pub(super) fn after_an_epoch<'p>(
        &'p self,
        known: &'p BTreeMap<NetUid, Known>,
        block: BlockNumber,
    ) -> impl Iterator<Item = NetUid> + 'p {
        let ran = move |(entry, _): &&(SubnetEntry, SubnetMarks)| {
            let told = entry.dynamic.as_ref().map(|dynamic| dynamic.last_step);
            known.get(&entry.netuid).is_some_and(|known| known.epoch_ran(told, block))
        };
        self.entries.iter().filter(ran).map(|(entry, _)| entry.netuid)
    }

    /// What the runtime tells of each subnet's pool.
    pub(super) fn told(&self) -> BTreeMap<NetUid, DynamicInfo> {
        let told = |(entry, _): &(SubnetEntry, SubnetMarks)| Some((entry.netuid, entry.dynamic.clone()?));
        self.entries.iter().filter_map(told).collect()
    }

    /// The same, when nothing else is read of them any more.
    pub(super) fn into_told(self) -> BTreeMap<NetUid, DynamicInfo> {
        self.entries.into_iter().filter_map(|(entry, _)| Some((entry.netuid, entry.dynamic?))).collect()
    }

    /// How many mechanisms a subnet has: one, where the runtime knows of no others.
    pub(super) fn mechanisms(&self, netuid: NetUid) -> u8 {
        let place = self.entries.binary_search_by_key(&netuid, |(entry, _)| entry.netuid);
        place.ok().and_then(|place| self.entries.get(place)?.1.mechanisms).unwrap_or(1)
    }

    /// The subnets that have more neurons or mechanisms, or fewer, than those that are known.
    pub(super) fn of_another_size<'p>(
        &'p self,
        snapshots: &'p BTreeMap<NetUid, Arc<Snapshot>>,
    ) -> impl Iterator<Item = NetUid> + 'p {
        let differs = |(entry, marks): &&(SubnetEntry, SubnetMarks)| {
            let known = snapshots.get(&entry.netuid);
            let neurons = known.map(|snapshot| snapshot.neurons().len());
            let mechanisms = known.and_then(|snapshot| snapshot.mechanisms());
            neurons.zip(marks.neurons).is_some_and(|(known, now)| known != usize::from(now))
                || mechanisms.zip(marks.mechanisms).is_some_and(|(known, now)| known != now)
        };
        self.entries.iter().filter(differs).map(|(entry, _)| entry.netuid)
    }

    /// The subnets whose metagraph is known, with their figures as they are now.
    pub(super) fn merged(&self, snapshots: &BTreeMap<NetUid, Arc<Snapshot>>) -> BTreeMap<NetUid, Subnet> {
        let merge = |(entry, marks): &(SubnetEntry, SubnetMarks)| {
            let known = &snapshots.get(&entry.netuid)?.subnet;
            Some((entry.netuid, known.updated(self.at, entry.dynamic.as_ref(), entry.price, marks)))
        };
        self.entries.iter().filter_map(merge).collect()
    }
}
