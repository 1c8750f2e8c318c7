//! Uids of a subnet: giving them out, giving them to somebody else, and choosing whose it shall be.

use alloc::vec::Vec;

use super::{
    Active, AssociatedEvmAddress, Axons, BlockAtRegistration, Bonds, BondsResetOn, Config, Consensus, Dividends,
    Emission, ImmuneOwnerUidsLimit, ImmunityPeriod, Incentive, IsNetworkMember, Keys, LastUpdate,
    MechanismCountCurrent, MinNonImmuneUids, NetworksAdded, NeuronCertificates, OwnedHotkeys, Pallet, Prometheus,
    StakeWeight, SubnetOwner, SubnetOwnerHotkey, SubnetworkN, Uids, ValidatorPermit, ValidatorTrust, Weights,
    types::{MechId, NetUid, NetUidStorageIndex},
};
use crate::AccountId;

/// Distance of two mechanisms of one subnet among storage indices.
const MECHANISM_STRIDE: u16 = 4096;

/// Key of what the mechanism has of its own.
pub(super) fn storage_index(netuid: NetUid, mechanism: MechId) -> NetUidStorageIndex {
    u16::from(mechanism).saturating_mul(MECHANISM_STRIDE).saturating_add(netuid)
}

fn set_element<V>(values: &mut [V], uid: u16, value: V) {
    if let Some(element) = values.get_mut(usize::from(uid)) {
        *element = value;
    }
}

impl<T: Config> Pallet<T> {
    /// Whether the subnet exists.
    pub fn subnet_exists(netuid: NetUid) -> bool {
        NetworksAdded::<T>::get(netuid)
    }

    /// Storage indices of the subnet's mechanisms.
    pub(super) fn storage_indices(netuid: NetUid) -> impl Iterator<Item = NetUidStorageIndex> {
        (0..MechanismCountCurrent::<T>::get(netuid)).map(move |mechanism| storage_index(netuid, mechanism))
    }

    /// Whether the hotkey holds a uid of the subnet.
    pub(super) fn is_registered(netuid: NetUid, hotkey: &AccountId) -> bool {
        Uids::<T>::contains_key(netuid, hotkey)
    }

    /// Gives the hotkey the next uid.
    pub(super) fn append_neuron(netuid: NetUid, hotkey: &AccountId) -> u16 {
        let uid = SubnetworkN::<T>::get(netuid);
        let now = Self::now();
        SubnetworkN::<T>::insert(netuid, uid.saturating_add(1));
        Active::<T>::append(netuid, true);
        Emission::<T>::append(netuid, 0);
        Consensus::<T>::append(netuid, 0);
        Dividends::<T>::append(netuid, 0);
        ValidatorTrust::<T>::append(netuid, 0);
        ValidatorPermit::<T>::append(netuid, false);
        for index in Self::storage_indices(netuid) {
            Incentive::<T>::append(index, 0);
            Self::note_update(netuid, index, uid, now);
        }
        Self::seat(netuid, uid, hotkey, now);
        uid
    }

    /// Notes in which block the uid last set weights, committed to some or came. A mechanism that is new has no figures
    /// yet: it gets one for each uid, zero where nothing was noted.
    pub(super) fn note_update(netuid: NetUid, index: NetUidStorageIndex, uid: u16, block: u64) {
        let neurons = usize::from(SubnetworkN::<T>::get(netuid));
        LastUpdate::<T>::mutate(index, |all| {
            all.resize(neurons.max(all.len()), 0);
            set_element(all, uid, block);
        });
    }

    /// Gives the uid to the hotkey; what its holder had on this subnet, but for stake, is gone.
    ///
    /// The uid of the subnet's owner stays with its holder: nothing happens then.
    pub(super) fn replace_neuron(netuid: NetUid, uid: u16, hotkey: &AccountId) {
        let holder = Keys::<T>::get(netuid, uid);
        if holder == SubnetOwnerHotkey::<T>::get(netuid) && SubnetOwnerHotkey::<T>::contains_key(netuid) {
            return;
        }
        Uids::<T>::remove(netuid, &holder);
        IsNetworkMember::<T>::remove(&holder, netuid);
        Axons::<T>::remove(netuid, &holder);
        NeuronCertificates::<T>::remove(netuid, &holder);
        Prometheus::<T>::remove(netuid, &holder);
        AssociatedEvmAddress::<T>::remove(netuid, uid);
        let now = Self::now();
        Active::<T>::mutate(netuid, |all| set_element(all, uid, true));
        Emission::<T>::mutate(netuid, |all| set_element(all, uid, 0));
        Consensus::<T>::mutate(netuid, |all| set_element(all, uid, 0));
        Dividends::<T>::mutate(netuid, |all| set_element(all, uid, 0));
        StakeWeight::<T>::mutate(netuid, |all| set_element(all, uid, 0));
        ValidatorTrust::<T>::mutate(netuid, |all| set_element(all, uid, 0));
        ValidatorPermit::<T>::mutate(netuid, |all| set_element(all, uid, false));
        for index in Self::storage_indices(netuid) {
            Incentive::<T>::mutate(index, |all| set_element(all, uid, 0));
            Self::note_update(netuid, index, uid, now);
            Weights::<T>::remove(index, uid);
            Bonds::<T>::remove(index, uid);
            Self::forget_weights_towards(index, uid);
        }
        Self::seat(netuid, uid, hotkey, now);
    }

    fn seat(netuid: NetUid, uid: u16, hotkey: &AccountId, now: u64) {
        Keys::<T>::insert(netuid, uid, hotkey);
        Uids::<T>::insert(netuid, hotkey, uid);
        BlockAtRegistration::<T>::insert(netuid, uid, now);
        IsNetworkMember::<T>::insert(hotkey, netuid, true);
    }

    /// Forgets what validators have earned by trusting the hotkey, where the subnet allows it to ask for that.
    pub(crate) fn reset_bonds_towards(netuid: NetUid, hotkey: &AccountId) {
        let Some(uid) = Uids::<T>::get(netuid, hotkey).filter(|_| BondsResetOn::<T>::get(netuid)) else { return };
        for index in Self::storage_indices(netuid) {
            let rows: Vec<(u16, Vec<(u16, u16)>)> = Bonds::<T>::iter_prefix(index).collect();
            for (validator, mut row) in rows {
                row.retain(|(target, _)| *target != uid);
                Bonds::<T>::insert(index, validator, row);
            }
        }
    }

    fn forget_weights_towards(index: NetUidStorageIndex, uid: u16) {
        let rows: Vec<u16> = Weights::<T>::iter_prefix(index)
            .filter(|(_, row)| row.iter().any(|(target, _)| *target == uid))
            .map(|(validator, _)| validator)
            .collect();
        for validator in rows {
            Weights::<T>::mutate(index, validator, |row| {
                for (target, weight) in row {
                    if *target == uid {
                        *weight = 0;
                    }
                }
            });
        }
    }

    /// The uid that the next registration on a full subnet takes, if any may be taken.
    ///
    /// Uids of the owner are left out, as many as the subnet allows. Of the others the least emission goes first, then
    /// the oldest registration, then the lowest uid; those still immune only when too few others are left.
    pub(super) fn neuron_to_prune(netuid: NetUid) -> Option<u16> {
        let immortal = Self::immortal_uids(netuid);
        let emission = Emission::<T>::get(netuid);
        let (mut immune, mut mortal) = (Vec::new(), Vec::new());
        for uid in (0..SubnetworkN::<T>::get(netuid)).filter(|uid| !immortal.contains(uid)) {
            let registered = BlockAtRegistration::<T>::get(netuid, uid);
            let candidate = (emission.get(usize::from(uid)).copied().unwrap_or(0), registered, uid);
            if Self::is_immune(netuid, uid) { immune.push(candidate) } else { mortal.push(candidate) }
        }
        let spare = mortal.len() > usize::from(MinNonImmuneUids::<T>::get(netuid));
        let candidates = if spare { mortal } else { immune };
        candidates.into_iter().min().map(|(_, _, uid)| uid)
    }

    /// Whether the neuron registered so lately that it is not pruned while there are others.
    pub(super) fn is_immune(netuid: NetUid, uid: u16) -> bool {
        let age = Self::now().saturating_sub(BlockAtRegistration::<T>::get(netuid, uid));
        age < u64::from(ImmunityPeriod::<T>::get(netuid))
    }

    /// Uids of the owner that are never pruned.
    pub(super) fn immortal_uids(netuid: NetUid) -> Vec<u16> {
        let mut owned: Vec<(u64, u16)> = OwnedHotkeys::<T>::get(SubnetOwner::<T>::get(netuid))
            .iter()
            .filter_map(|hotkey| Uids::<T>::get(netuid, hotkey))
            .map(|uid| (BlockAtRegistration::<T>::get(netuid, uid), uid))
            .collect();
        owned.sort_unstable();
        let mut uids: Vec<u16> = owned.into_iter().map(|(_, uid)| uid).collect();
        if let Some(uid) = Uids::<T>::get(netuid, SubnetOwnerHotkey::<T>::get(netuid)) {
            uids.retain(|other| *other != uid);
            uids.insert(0, uid);
        }
        uids.truncate(usize::from(ImmuneOwnerUidsLimit::<T>::get(netuid)));
        uids
    }
}
