//! What happens at the start of every block, in the order of the real chain.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::SaturatedConversion;

use super::{
    BlocksSinceLastStep, Config, Event, Keys, LastEpochBlock, LastMechansimStepBlock, MaxEpochsPerBlock, Pallet,
    PendingEpochAt, RegistrationsThisBlock, RegistrationsThisInterval, SubnetEpochIndex, Tempo,
    types::{NetUid, ROOT},
};

/// An epoch is overdue after this many blocks, whatever the tempo says.
const LONGEST_EPOCH: u64 = 50_400;

/// What a block does with an epoch that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It runs.
    Runs,
    /// The state of the subnet is no base for it.
    Lapses,
    /// It waits for the next block.
    Waits,
}

/// The subnets whose epoch is due, in the order of storage.
pub(super) struct DueEpochs(Vec<(NetUid, Fate)>);

impl DueEpochs {
    /// Whether the epoch of a subnet is due but has to wait.
    pub(super) fn waits(&self, netuid: NetUid) -> bool {
        self.0.contains(&(netuid, Fate::Waits))
    }
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
        let issued = Self::issue_tao();
        Self::reveal_timelocked(&Self::due_epochs());
        Self::emit_to_subnets(issued);
        Self::run_epochs();
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
        let (now, most) = (Self::now(), usize::from(MaxEpochsPerBlock::<T>::get()));
        let mut running = 0_usize;
        let mut due = Self::netuids_in_storage_order();
        due.retain(|netuid| *netuid != ROOT && Self::epoch_is_due(*netuid, now));
        let fate = |netuid| {
            if running >= most {
                return (netuid, Fate::Waits);
            }
            if !Self::hotkeys_are_distinct(netuid) {
                return (netuid, Fate::Lapses);
            }
            running = running.saturating_add(1);
            (netuid, Fate::Runs)
        };
        DueEpochs(due.into_iter().map(fate).collect())
    }

    /// Whether no hotkey has two seats; with one that has there is no telling who earned what.
    fn hotkeys_are_distinct(netuid: NetUid) -> bool {
        let mut seen = BTreeSet::new();
        Keys::<T>::iter_prefix_values(netuid).all(|hotkey| seen.insert(hotkey))
    }

    /// Ends the epochs that are due: what subnets have set aside is taken out of all of them, and then paid.
    fn run_epochs() {
        let now = Self::now();
        for netuid in Self::netuids_in_storage_order().into_iter().filter(|netuid| *netuid != ROOT) {
            BlocksSinceLastStep::<T>::mutate(netuid, |blocks| *blocks = blocks.saturating_add(1));
        }
        let mut pending = BTreeMap::new();
        for (netuid, fate) in Self::due_epochs().0 {
            match fate {
                Fate::Waits => {
                    let next = now.saturating_add(1);
                    PendingEpochAt::<T>::insert(netuid, next);
                    Self::deposit_event(Event::EpochDeferred { netuid, from_block: now, to_block: next });
                    continue;
                }
                Fate::Lapses => Self::deposit_event(Event::EpochSkipped { netuid, block: now }),
                Fate::Runs => {
                    BlocksSinceLastStep::<T>::insert(netuid, 0);
                    pending.insert(netuid, Self::take_pending(netuid));
                    Self::hand_over_if_convinced(netuid);
                }
            }
            Self::advance_epoch(netuid, now);
        }
        for (netuid, pending) in pending {
            Self::distribute_pending(netuid, pending);
            LastMechansimStepBlock::<T>::insert(netuid, now);
        }
    }

    /// Moves a subnet's clock to its next epoch.
    fn advance_epoch(netuid: NetUid, now: u64) {
        LastEpochBlock::<T>::insert(netuid, now);
        PendingEpochAt::<T>::insert(netuid, 0);
        SubnetEpochIndex::<T>::mutate(netuid, |index| *index = index.saturating_add(1));
    }
}
