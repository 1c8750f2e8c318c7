//! Weights that validators hide until later: commits of a hash that they reveal, and timelocked ones.
//!
//! Timelocked commits are opened in the epoch that is theirs, once the round they wait for has come, and dropped when
//! that epoch has passed.

use alloc::vec::Vec;

use codec::{Decode, Encode};
use frame_support::{BoundedVec, ensure, storage::with_storage_layer, traits::ConstU32};
use sp_core::H256;
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    CommitRevealWeightsEnabled, CommitRevealWeightsVersion, Config, Error, Event, MechanismCountCurrent, Pallet,
    RevealPeriodEpochs, SubnetEpochIndex, TimelockedWeightCommits, Uids, WeightCommits,
    hooks::DueEpochs,
    neurons::storage_index,
    types::{MechId, NetUid, NetUidStorageIndex, ROOT},
    weights::WeightRow,
};
use crate::{AccountId, beacon, drand};

/// Commits a hotkey may have open at once.
const GREATEST_QUEUE: usize = 10;

/// A hash, the epoch and the block of its commit, and a field that is not used any more.
type Commit = (H256, u64, u64, u64);

/// A hotkey's commits, oldest first: those that can no longer be revealed, and the others.
struct Commits {
    expired: Vec<Commit>,
    open: Vec<Commit>,
}

/// Weights and the salt that hid them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reveal<'a> {
    pub(super) row: WeightRow<'a>,
    pub(super) salt: &'a [u16],
}

impl Reveal<'_> {
    /// The hash that was committed: of hotkey, mechanism, weights, salt and version, SCALE-encoded one after the other.
    fn hash(&self, hotkey: &AccountId, index: NetUidStorageIndex) -> H256 {
        let encoded = (hotkey, index, self.row.uids, self.row.weights, self.salt, self.row.version_key)
            .using_encoded(<[u8]>::to_vec);
        sp_io::hashing::blake2_256(&encoded).into()
    }
}

/// Weights as they are sealed.
struct Sealed {
    uids: Vec<u16>,
    values: Vec<u16>,
    version_key: u64,
}

impl Sealed {
    /// Reads what was sealed: the hotkey's own weights, or, in the older form, weights without a hotkey.
    fn read(bytes: &[u8], hotkey: &AccountId) -> Option<Self> {
        type Named = (Vec<u8>, Vec<u16>, Vec<u16>, u64);
        if let Ok((named, uids, values, version_key)) = Named::decode(&mut &bytes[..])
            && let Ok(named) = AccountId::decode(&mut &named[..])
        {
            return (named == *hotkey).then_some(Self { uids, values, version_key });
        }
        let (uids, values, version_key) = Decode::decode(&mut &bytes[..]).ok()?;
        Some(Self { uids, values, version_key })
    }
}

impl<T: Config> Pallet<T> {
    /// The subnet's epoch, counting one that ends in this block.
    pub(super) fn current_epoch(netuid: NetUid) -> u64 {
        let due = netuid != ROOT && Self::epoch_is_due(netuid, Self::now());
        SubnetEpochIndex::<T>::get(netuid).saturating_add(u64::from(due))
    }

    /// Whether weights committed in `epoch` can no longer be revealed.
    pub(super) fn commit_expired(netuid: NetUid, epoch: u64) -> bool {
        Self::current_epoch(netuid) > epoch.saturating_add(RevealPeriodEpochs::<T>::get(netuid))
    }

    fn may_reveal(netuid: NetUid, epoch: u64) -> bool {
        Self::current_epoch(netuid) == epoch.saturating_add(RevealPeriodEpochs::<T>::get(netuid))
    }

    /// What both kinds of commits ask of their subnet, before they ask anything of the hotkey.
    fn check_hiding(netuid: NetUid, mechanism: MechId) -> DispatchResult {
        ensure!(
            Self::subnet_exists(netuid) && mechanism < MechanismCountCurrent::<T>::get(netuid),
            Error::<T>::MechanismDoesNotExist
        );
        ensure!(CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealDisabled);
        Ok(())
    }

    fn check_committer(hotkey: &AccountId, netuid: NetUid, mechanism: MechId) -> Result<u16, DispatchError> {
        let uid = Uids::<T>::get(netuid, hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)?;
        ensure!(Self::weights_rate_allows(hotkey, netuid, mechanism), Error::<T>::CommittingWeightsTooFast);
        Ok(uid)
    }

    /// Keeps the hash of weights that the hotkey will reveal.
    pub(super) fn commit_hash(hotkey: &AccountId, netuid: NetUid, mechanism: MechId, hash: H256) -> DispatchResult {
        Self::check_hiding(netuid, mechanism)?;
        let uid = Self::check_committer(hotkey, netuid, mechanism)?;
        let index = storage_index(netuid, mechanism);
        let mut queue = WeightCommits::<T>::get(index, hotkey).unwrap_or_default();
        let expired = queue.iter().take_while(|(_, epoch, ..)| Self::commit_expired(netuid, *epoch)).count();
        queue.drain(..expired);
        ensure!(queue.len() < GREATEST_QUEUE, Error::<T>::TooManyUnrevealedCommits);
        let now = Self::now();
        queue.push((hash, Self::current_epoch(netuid), now, 0));
        WeightCommits::<T>::insert(index, hotkey, queue);
        Self::note_update(netuid, index, uid, now);
        Self::deposit_event(Event::WeightsCommitted(hotkey.clone(), index, hash));
        Ok(())
    }

    /// Keeps weights that a beacon will open.
    pub(super) fn commit_timelocked(
        hotkey: &AccountId,
        netuid: NetUid,
        mechanism: MechId,
        commit: BoundedVec<u8, ConstU32<5_000>>,
        (round, version): (u64, u16),
    ) -> DispatchResult {
        Self::check_hiding(netuid, mechanism)?;
        ensure!(version == CommitRevealWeightsVersion::<T>::get(), Error::<T>::IncorrectCommitRevealVersion);
        let uid = Self::check_committer(hotkey, netuid, mechanism)?;
        let index = storage_index(netuid, mechanism);
        let epoch = Self::current_epoch(netuid);
        let mut queue = TimelockedWeightCommits::<T>::get(index, epoch);
        let own = queue.iter().filter(|(who, ..)| who == hotkey).count();
        ensure!(own < GREATEST_QUEUE, Error::<T>::TooManyUnrevealedCommits);
        let now = Self::now();
        let hash = sp_io::hashing::blake2_256(&commit).into();
        queue.push((hotkey.clone(), now, commit, round));
        TimelockedWeightCommits::<T>::insert(index, epoch, queue);
        Self::note_update(netuid, index, uid, now);
        Self::deposit_event(Event::TimelockedWeightsCommitted(hotkey.clone(), index, hash, round));
        Ok(())
    }

    /// Opens the timelocked commits whose epoch it is, and drops those whose epoch has passed. A subnet whose epoch is
    /// deferred waits for the block in which it runs.
    pub(super) fn reveal_timelocked(due: &DueEpochs) {
        let waits = |netuid: &NetUid| *netuid == ROOT || due.waits(*netuid);
        for netuid in Self::netuids_in_storage_order().into_iter().filter(|netuid| !waits(netuid)) {
            let period = RevealPeriodEpochs::<T>::get(netuid);
            let Some(epoch) = Self::current_epoch(netuid).checked_sub(period) else { continue };
            for (mechanism, index) in (0..).zip(Self::storage_indices(netuid)) {
                let stale: Vec<u64> =
                    TimelockedWeightCommits::<T>::iter_key_prefix(index).filter(|other| *other < epoch).collect();
                for other in stale {
                    TimelockedWeightCommits::<T>::remove(index, other);
                }
                Self::open_commits(netuid, mechanism, epoch);
            }
        }
    }

    /// Opens the commits of an epoch. Those whose round has not come wait; those that cannot be opened, are another
    /// hotkey's, or hold weights that may not be set are dropped.
    fn open_commits(netuid: NetUid, mechanism: MechId, epoch: u64) {
        let index = storage_index(netuid, mechanism);
        if !TimelockedWeightCommits::<T>::contains_key(index, epoch) {
            return;
        }
        let mut waiting = Vec::new();
        for (hotkey, block, commit, round) in TimelockedWeightCommits::<T>::take(index, epoch) {
            let Some(pulse) = drand::Pulses::<T>::get(round) else {
                waiting.push((hotkey, block, commit, round));
                continue;
            };
            let sealed = beacon::open(&commit, pulse.signature_bytes()).and_then(|bytes| Sealed::read(&bytes, &hotkey));
            let Some(Sealed { uids, values, version_key }) = sealed else { continue };
            let row = WeightRow { uids: &uids, weights: &values, version_key };
            let set = with_storage_layer(|| Self::put_weights(&hotkey, netuid, mechanism, row));
            if set.is_ok() {
                Self::deposit_event(Event::TimelockedWeightsRevealed(index, hotkey));
            }
        }
        if !waiting.is_empty() {
            TimelockedWeightCommits::<T>::insert(index, epoch, waiting);
        }
    }

    /// What stands before reveals: that each was committed, and then that their time has come. A time that has passed is
    /// told as one that has not come; only the call itself tells them apart.
    ///
    /// That a whole batch is looked up before any time is asked is not certain to be so on spec 425: published versions of
    /// the runtime do not agree, and nothing recorded tells. It shows where one of a batch was not committed and another
    /// comes at the wrong time; one reveal alone is refused the same either way.
    pub(super) fn check_reveals(
        hotkey: &AccountId,
        netuid: NetUid,
        mechanism: MechId,
        reveals: &[Reveal<'_>],
    ) -> Result<(), Error<T>> {
        let index = storage_index(netuid, mechanism);
        let queue = WeightCommits::<T>::get(index, hotkey).unwrap_or_default();
        let epoch_of = |reveal: &Reveal<'_>| {
            let hash = reveal.hash(hotkey, index);
            queue.iter().find(|(committed, ..)| *committed == hash).map(|(_, epoch, ..)| *epoch)
        };
        let epochs: Option<Vec<u64>> = reveals.iter().map(epoch_of).collect();
        let mut epochs = epochs.ok_or(Error::NoWeightsCommitFound)?.into_iter();
        ensure!(epochs.all(|epoch| Self::may_reveal(netuid, epoch)), Error::RevealTooEarly);
        Ok(())
    }

    /// The commits that a hotkey may reveal.
    fn commits(hotkey: &AccountId, netuid: NetUid, index: NetUidStorageIndex) -> Result<Commits, DispatchError> {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealDisabled);
        let mut expired = WeightCommits::<T>::get(index, hotkey).ok_or(Error::<T>::NoWeightsCommitFound)?;
        let first_open = expired.iter().position(|(_, epoch, ..)| !Self::commit_expired(netuid, *epoch));
        let open = expired.split_off(first_open.unwrap_or(expired.len()));
        Ok(Commits { expired, open })
    }

    /// Where among the open ones the commit with this hash is, whose time must have come.
    fn place_of(netuid: NetUid, commits: &Commits, hash: H256) -> Result<usize, Error<T>> {
        let is_it = |(committed, ..): &Commit| *committed == hash;
        let expired = commits.expired.iter().any(is_it);
        let absent = if expired { Error::ExpiredWeightCommit } else { Error::InvalidRevealCommitHashNotMatch };
        let place = commits.open.iter().position(is_it).ok_or(absent)?;
        let epoch = commits.open.get(place).map_or(0, |(_, epoch, ..)| *epoch);
        ensure!(Self::may_reveal(netuid, epoch), Error::RevealTooEarly);
        Ok(place)
    }

    fn keep_commits(index: NetUidStorageIndex, hotkey: &AccountId, open: Vec<Commit>) {
        if open.is_empty() {
            WeightCommits::<T>::remove(index, hotkey);
        } else {
            WeightCommits::<T>::insert(index, hotkey, open);
        }
    }

    /// Sets weights that were committed. Commits before that one are forgotten.
    pub(super) fn reveal(
        hotkey: &AccountId,
        netuid: NetUid,
        mechanism: MechId,
        reveal: Reveal<'_>,
    ) -> Result<H256, DispatchError> {
        let index = storage_index(netuid, mechanism);
        let mut commits = Self::commits(hotkey, netuid, index)?;
        let hash = reveal.hash(hotkey, index);
        let place = Self::place_of(netuid, &commits, hash).map_err(|error| match error {
            Error::InvalidRevealCommitHashNotMatch if commits.open.is_empty() => Error::NoWeightsCommitFound,
            other => other,
        })?;
        commits.open.drain(..=place);
        Self::keep_commits(index, hotkey, commits.open);
        Self::put_weights(hotkey, netuid, mechanism, reveal.row)?;
        Ok(hash)
    }

    /// Sets committed weights and tells of it.
    pub(super) fn reveal_one(
        hotkey: &AccountId,
        netuid: NetUid,
        mechanism: MechId,
        reveal: Reveal<'_>,
    ) -> DispatchResult {
        let hash = Self::reveal(hotkey, netuid, mechanism, reveal)?;
        Self::deposit_event(Event::WeightsRevealed(hotkey.clone(), storage_index(netuid, mechanism), hash));
        Ok(())
    }

    /// Sets several committed weights of the main mechanism, in any order, all or none. Other commits stay.
    pub(super) fn reveal_several(hotkey: &AccountId, netuid: NetUid, reveals: &[Reveal<'_>]) -> DispatchResult {
        let index = storage_index(netuid, 0);
        let mut commits = Self::commits(hotkey, netuid, index)?;
        let hashes: Vec<H256> = reveals.iter().map(|reveal| reveal.hash(hotkey, index)).collect();
        for hash in &hashes {
            Self::place_of(netuid, &commits, *hash)?;
        }
        for (reveal, hash) in reveals.iter().zip(&hashes) {
            // One that comes twice was committed twice, or is not there any more.
            let place = Self::place_of(netuid, &commits, *hash)?;
            commits.open.remove(place);
            Self::put_weights(hotkey, netuid, 0, reveal.row)?;
        }
        Self::keep_commits(index, hotkey, commits.open);
        Self::deposit_event(Event::WeightsBatchRevealed(hotkey.clone(), netuid, hashes));
        Ok(())
    }

    /// Does something for each of several subnets; what fails is told and does not stop the rest.
    pub(super) fn for_each_subnet(
        hotkey: &AccountId,
        netuids: Vec<codec::Compact<NetUid>>,
        act: impl Fn(usize, NetUid) -> DispatchResult,
    ) {
        let mut failures = Vec::new();
        for (place, netuid) in netuids.iter().enumerate() {
            let result = with_storage_layer(|| act(place, netuid.0));
            if let Err(error) = result {
                failures.push((netuid.0, error));
            }
        }
        if !failures.is_empty() {
            Self::deposit_event(Event::BatchCompletedWithErrors);
        }
        for (netuid, error) in failures {
            Self::deposit_event(Event::BatchWeightItemFailed(netuid, error));
        }
        Self::deposit_event(Event::BatchWeightsCompleted(netuids, hotkey.clone()));
    }
}
