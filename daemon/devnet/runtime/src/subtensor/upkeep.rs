//! Upkeep of indices, a little in every block: what is no longer needed is forgotten, and who is missing is entered.

use alloc::vec::Vec;

use super::{
    AlphaV2, AlphaV2MapLastKey, Config, LastHotkeySwapOnNetuid, Pallet,
    hotkeys::INTERVAL,
    types::{NetUid, ROOT},
};
use crate::AccountId;

/// Positions that a block looks at.
const BATCH: usize = 30;

impl<T: Config> Pallet<T> {
    /// Forgets when coldkeys exchanged hotkeys on a subnet, where that is so long ago that it binds nobody. Each subnet
    /// has its turn once in the blocks that must lie between two exchanges.
    pub(super) fn forget_old_exchanges() {
        let now = Self::now();
        let turn = now % INTERVAL;
        for netuid in Self::netuids_in_storage_order().into_iter().filter(|netuid| u64::from(*netuid) == turn) {
            let old: Vec<AccountId> = LastHotkeySwapOnNetuid::<T>::iter_prefix(netuid)
                .filter(|(_, last)| last.saturating_add(INTERVAL) < now)
                .map(|(coldkey, _)| coldkey)
                .collect();
            for coldkey in old {
                LastHotkeySwapOnNetuid::<T>::remove(netuid, coldkey);
            }
        }
    }

    /// Looks at the next few positions of stake, and enters the coldkeys of those on root among the root stakers. After
    /// the last position it begins anew.
    pub(super) fn index_some_stakers() {
        type Key = (AccountId, AccountId, NetUid);
        let keys: Vec<Key> = match AlphaV2MapLastKey::<T>::get() {
            Some(last) => AlphaV2::<T>::iter_keys_from(last).take(BATCH).collect(),
            None => AlphaV2::<T>::iter_keys().take(BATCH).collect(),
        };
        let Some(last) = keys.last().cloned() else {
            AlphaV2MapLastKey::<T>::kill();
            return;
        };
        for (_, coldkey, _) in keys.iter().filter(|(_, _, netuid)| *netuid == ROOT) {
            Self::index_root_staker(coldkey);
        }
        AlphaV2MapLastKey::<T>::put((keys.len() == BATCH).then(|| AlphaV2::<T>::hashed_key_for(last)));
    }
}
