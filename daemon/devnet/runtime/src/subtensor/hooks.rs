//! What happens at the start of every block, in the order of the real chain.

use alloc::vec::Vec;

use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::SaturatedConversion;

use super::{
    BlocksSinceLastStep, Config, LastEpochBlock, LastMechansimStepBlock, MaxEpochsPerBlock, Pallet, PendingEpochAt,
    RegistrationsThisBlock, RegistrationsThisInterval, SubnetEpochIndex, Tempo,
    types::{NetUid, ROOT},
};

/// An epoch is overdue after this many blocks, whatever the tempo says.
const LONGEST_EPOCH: u64 = 50_400;

/// Subnets whose epoch is due, in the order in which they run.
pub(super) struct DueEpochs {
    run: Vec<NetUid>,
    pub(super) deferred: Vec<NetUid>,
}

impl<T: Config> Pallet<T> {
    /// Height of the block being built.
    pub fn now() -> u64 {
        let block: BlockNumberFor<T> = frame_system::Pallet::<T>::block_number();
        block.saturated_into()
    }

    /// The work of every block.
    pub(super) fn begin_block() {
        Self::forget_old_exchanges();
        Self::update_registration_prices();
        Self::steer_emission();
        Self::emit_block();
        let due = Self::due_epochs();
        Self::reveal_timelocked(&due);
        Self::run_epochs(&due);
        Self::update_moving_prices();
        Self::apply_due_children();
        Self::claim_for_some();
        Self::index_some_stakers();
    }

    fn update_registration_prices() {
        let now = Self::now();
        for netuid in Self::netuids_in_storage_order() {
            if now > 1 {
                Self::decay_burn(netuid);
            }
            RegistrationsThisBlock::<T>::insert(netuid, 0);
        }
        // The last epoch of root never moves, so from its first tempo on its interval is always over.
        if Self::epoch_is_due(ROOT, now) {
            RegistrationsThisInterval::<T>::insert(ROOT, 0);
        }
    }

    pub(super) fn epoch_is_due(netuid: NetUid, now: u64) -> bool {
        let tempo = u64::from(Tempo::<T>::get(netuid));
        let pending = PendingEpochAt::<T>::get(netuid);
        tempo != 0
            && ((pending > 0 && now >= pending)
                || BlocksSinceLastStep::<T>::get(netuid) > LONGEST_EPOCH
                || now.saturating_sub(LastEpochBlock::<T>::get(netuid)) >= tempo)
    }

    /// Which subnets have an epoch to run in this block, and which of them must wait: a block runs only so many.
    fn due_epochs() -> DueEpochs {
        let now = Self::now();
        let mut run = Self::netuids_in_storage_order();
        run.retain(|netuid| *netuid != ROOT && Self::epoch_is_due(*netuid, now));
        let deferred = run.split_off(run.len().min(usize::from(MaxEpochsPerBlock::<T>::get())));
        DueEpochs { run, deferred }
    }

    fn run_epochs(due: &DueEpochs) {
        let now = Self::now();
        for netuid in Self::netuids_in_storage_order().into_iter().filter(|netuid| *netuid != ROOT) {
            if due.run.contains(&netuid) {
                Self::distribute_pending(netuid);
                Self::hand_over_if_convinced(netuid);
                Self::close_epoch(netuid, now);
                continue;
            }
            if due.deferred.contains(&netuid) {
                let next = now.saturating_add(1);
                PendingEpochAt::<T>::insert(netuid, next);
                Self::deposit_event(super::Event::EpochDeferred { netuid, from_block: now, to_block: next });
            }
            BlocksSinceLastStep::<T>::mutate(netuid, |blocks| *blocks = blocks.saturating_add(1));
        }
    }

    /// Moves a subnet's clock to its next epoch.
    fn close_epoch(netuid: NetUid, now: u64) {
        LastEpochBlock::<T>::insert(netuid, now);
        PendingEpochAt::<T>::insert(netuid, 0);
        SubnetEpochIndex::<T>::mutate(netuid, |index| *index = index.saturating_add(1));
        BlocksSinceLastStep::<T>::insert(netuid, 0);
        LastMechansimStepBlock::<T>::insert(netuid, now);
    }
}
