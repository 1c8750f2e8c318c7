//! Trimming a subnet: its owner takes uids away from those who earn least, and the others move up to close the gaps.

use alloc::{collections::BTreeMap, vec::Vec};

use frame_support::ensure;
use sp_runtime::{DispatchResult, Percent};

use super::{
    Active, AlphaDividendsPerSubnet, AssociatedEvmAddress, Axons, BlockAtRegistration, Bonds, Config, Consensus,
    Dividends, Emission, Error, Incentive, IsNetworkMember, Keys, LastHotkeyEmissionOnNetuid, LastUpdate,
    MaxAllowedUids, MinAllowedUids, NeuronCertificates, Pallet, Prometheus, StakeWeight, SubnetworkN, Uids,
    ValidatorPermit, ValidatorTrust, Weights,
    types::{NetUid, NetUidStorageIndex},
};

/// Of the uids that are left, this part may not be immune.
const GREATEST_IMMUNE_PART: Percent = Percent::from_percent(80);

/// The values of the uids that stay, in their order; uids without a value have the type's own.
fn kept<V: Copy + Default>(values: &[V], stay: &[u16]) -> Vec<V> {
    stay.iter().map(|uid| values.get(usize::from(*uid)).copied().unwrap_or_default()).collect()
}

/// A row of weights or bonds, by the new uids; what went towards uids that are gone is gone.
fn renumbered(row: Vec<(u16, u16)>, renumbering: &BTreeMap<u16, u16>) -> Vec<(u16, u16)> {
    row.into_iter().filter_map(|(target, value)| Some((*renumbering.get(&target)?, value))).collect()
}

impl<T: Config> Pallet<T> {
    /// Leaves the subnet at most `most` uids. Those with the least emission go, of several the greatest uid, but none
    /// that is immune or of the owner.
    ///
    /// # Errors
    /// When there is no such subnet, when it may not have so few uids or has room for fewer, and when too many of those
    /// left would be immune.
    pub fn trim(netuid: NetUid, most: u16) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(most >= MinAllowedUids::<T>::get(netuid), Error::<T>::InvalidValue);
        ensure!(most <= MaxAllowedUids::<T>::get(netuid), Error::<T>::InvalidValue);
        MaxAllowedUids::<T>::insert(netuid, most);
        let count = SubnetworkN::<T>::get(netuid);
        if count <= most {
            return Ok(());
        }
        let immortal = Self::immortal_uids(netuid);
        let may_go = |uid: &u16| !immortal.contains(uid) && !Self::is_immune(netuid, *uid);
        let immune = (0..count).filter(|uid| !may_go(uid)).count();
        let part = Percent::from_rational(u16::try_from(immune).unwrap_or(u16::MAX), most);
        ensure!(part < GREATEST_IMMUNE_PART, Error::<T>::TrimmingWouldExceedMaxImmunePercentage);

        let emission = Emission::<T>::get(netuid);
        let mut going: Vec<u16> = (0..count).filter(may_go).collect();
        going.sort_by_key(|uid| (emission.get(usize::from(*uid)).copied().unwrap_or(0), u16::MAX - *uid));
        going.truncate(usize::from(count.saturating_sub(most)));
        for uid in &going {
            Self::unseat(netuid, *uid);
        }
        let stay: Vec<u16> = (0..count).filter(|uid| !going.contains(uid)).collect();
        Self::close_gaps(netuid, &stay);
        SubnetworkN::<T>::insert(netuid, u16::try_from(stay.len()).unwrap_or(most));
        Ok(())
    }

    /// Takes the uid from its holder, with all that goes by either. Stake stays.
    fn unseat(netuid: NetUid, uid: u16) {
        let hotkey = Keys::<T>::take(netuid, uid);
        Uids::<T>::remove(netuid, &hotkey);
        IsNetworkMember::<T>::remove(&hotkey, netuid);
        LastHotkeyEmissionOnNetuid::<T>::remove(&hotkey, netuid);
        AlphaDividendsPerSubnet::<T>::remove(netuid, &hotkey);
        Axons::<T>::remove(netuid, &hotkey);
        NeuronCertificates::<T>::remove(netuid, &hotkey);
        Prometheus::<T>::remove(netuid, &hotkey);
        BlockAtRegistration::<T>::remove(netuid, uid);
        AssociatedEvmAddress::<T>::remove(netuid, uid);
        for index in Self::storage_indices(netuid) {
            Weights::<T>::remove(index, uid);
            Bonds::<T>::remove(index, uid);
        }
    }

    /// Gives those who stay, who are in ascending order, the first uids.
    fn close_gaps(netuid: NetUid, stay: &[u16]) {
        Emission::<T>::mutate(netuid, |all| *all = kept(all, stay));
        Active::<T>::mutate(netuid, |all| *all = kept(all, stay));
        Consensus::<T>::mutate(netuid, |all| *all = kept(all, stay));
        Dividends::<T>::mutate(netuid, |all| *all = kept(all, stay));
        ValidatorTrust::<T>::mutate(netuid, |all| *all = kept(all, stay));
        ValidatorPermit::<T>::mutate(netuid, |all| *all = kept(all, stay));
        StakeWeight::<T>::mutate(netuid, |all| *all = kept(all, stay));
        let renumbering: BTreeMap<u16, u16> = stay.iter().copied().zip(0..).collect();
        for (old, new) in &renumbering {
            let hotkey = Keys::<T>::get(netuid, old);
            Uids::<T>::insert(netuid, hotkey, new);
            if old != new {
                // Uids move down, so the place is free.
                Keys::<T>::swap(netuid, old, netuid, new);
                BlockAtRegistration::<T>::swap(netuid, old, netuid, new);
                AssociatedEvmAddress::<T>::swap(netuid, old, netuid, new);
            }
        }
        for index in Self::storage_indices(netuid) {
            Incentive::<T>::mutate(index, |all| *all = kept(all, stay));
            LastUpdate::<T>::mutate(index, |all| *all = kept(all, stay));
            Self::renumber_rows(index, &renumbering);
        }
    }

    fn renumber_rows(index: NetUidStorageIndex, renumbering: &BTreeMap<u16, u16>) {
        for (old, new) in renumbering {
            if Weights::<T>::contains_key(index, old) {
                let row = Weights::<T>::take(index, old);
                Weights::<T>::insert(index, new, renumbered(row, renumbering));
            }
            if Bonds::<T>::contains_key(index, old) {
                let row = Bonds::<T>::take(index, old);
                Bonds::<T>::insert(index, new, renumbered(row, renumbering));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{kept, renumbered};

    #[test]
    fn those_who_stay_keep_their_values_and_their_order() {
        assert_eq!(kept(&[5, 6, 7, 8], &[0, 2, 3]), [5, 7, 8]);
        assert_eq!(kept(&[5], &[0, 2]), [5, 0], "a uid without a value");
        let renumbering = [(0, 0), (2, 1)].into();
        assert_eq!(renumbered(vec![(2, 9), (1, 8), (0, 7)], &renumbering), [(1, 9), (0, 7)]);
    }
}
