//! Weights that validators set in the open.

use alloc::{collections::BTreeSet, vec::Vec};

use frame_support::ensure;
use sp_runtime::DispatchResult;

use super::{
    CommitRevealWeightsEnabled, Config, Error, Event, Keys, LastUpdate, MaxWeightsLimit, MechanismCountCurrent,
    MinAllowedWeights, Pallet, SubnetOwnerHotkey, SubnetworkN, Uids, ValidatorPermit, Weights, WeightsSetRateLimit,
    WeightsVersionKey,
    neurons::storage_index,
    types::{MechId, NetUid, ROOT},
};
use crate::AccountId;

/// Scales weights so that the greatest becomes 65,535; half a unit is rounded away from zero. All zero stays so.
fn upscaled(weights: &[u16]) -> Vec<u16> {
    let greatest = u64::from(weights.iter().copied().max().unwrap_or(0));
    if greatest == 0 {
        return weights.to_vec();
    }
    weights
        .iter()
        .map(|weight| {
            let doubled = u64::from(*weight) * u64::from(u16::MAX) * 2 + greatest;
            u16::try_from(doubled / (2 * greatest)).unwrap_or(u16::MAX)
        })
        .collect()
}

/// Whether no weight exceeds `limit` / 65,535 of the sum.
fn within_limit(weights: &[u16], limit: u16) -> bool {
    let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    let greatest = weights.iter().copied().max().map_or(0, u64::from);
    greatest * u64::from(u16::MAX) <= sum * u64::from(limit)
}

impl<T: Config> Pallet<T> {
    /// Whether the hotkey has waited long enough since its last weights; strangers always have.
    pub(super) fn weights_rate_allows(hotkey: &AccountId, netuid: NetUid, mechanism: MechId) -> bool {
        let Some(uid) = Uids::<T>::get(netuid, hotkey) else { return true };
        let last = LastUpdate::<T>::get(storage_index(netuid, mechanism)).get(usize::from(uid)).copied().unwrap_or(0);
        last == 0 || Self::now().saturating_sub(last) >= WeightsSetRateLimit::<T>::get(netuid)
    }

    /// Stores the weights of the hotkey towards `uids`.
    pub(super) fn store_weights(
        hotkey: &AccountId,
        netuid: NetUid,
        mechanism: MechId,
        uids: &[u16],
        weights: &[u16],
        version_key: u64,
    ) -> DispatchResult {
        ensure!(!CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::CommitRevealEnabled);
        ensure!(netuid != ROOT, Error::<T>::CanNotSetRootNetworkWeights);
        ensure!(uids.len() == weights.len(), Error::<T>::WeightVecNotEqualSize);
        ensure!(
            Self::subnet_exists(netuid) && mechanism < MechanismCountCurrent::<T>::get(netuid),
            Error::<T>::MechanismDoesNotExist
        );
        let neurons = SubnetworkN::<T>::get(netuid);
        ensure!(uids.len() <= usize::from(neurons), Error::<T>::UidsLengthExceedUidsInSubNet);
        let uid = Uids::<T>::get(netuid, hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)?;
        ensure!(Self::may_set_weights(hotkey, netuid), Error::<T>::NotEnoughStakeToSetWeights);
        ensure!(version_key >= WeightsVersionKey::<T>::get(netuid), Error::<T>::IncorrectWeightVersionKey);
        ensure!(Self::weights_rate_allows(hotkey, netuid, mechanism), Error::<T>::SettingWeightsTooFast);
        let only_self = uids == [uid];
        ensure!(only_self || Self::has_permit(netuid, uid), Error::<T>::NeuronNoValidatorPermit);
        ensure!(uids.iter().collect::<BTreeSet<_>>().len() == uids.len(), Error::<T>::DuplicateUids);
        ensure!(uids.iter().all(|uid| *uid < neurons), Error::<T>::UidVecContainInvalidOne);
        let least = usize::from(MinAllowedWeights::<T>::get(netuid).min(neurons));
        ensure!(only_self || uids.len() >= least, Error::<T>::WeightVecLengthIsLow);
        let weights = upscaled(weights);
        ensure!(only_self || within_limit(&weights, MaxWeightsLimit::<T>::get(netuid)), Error::<T>::MaxWeightExceeded);

        let index = storage_index(netuid, mechanism);
        Weights::<T>::insert(index, uid, uids.iter().copied().zip(weights).collect::<Vec<_>>());
        let now = Self::now();
        LastUpdate::<T>::mutate(index, |all| {
            if let Some(last) = all.get_mut(usize::from(uid)) {
                *last = now;
            }
        });
        Self::deposit_event(Event::WeightsSet(index, uid));
        Ok(())
    }

    fn has_permit(netuid: NetUid, uid: u16) -> bool {
        ValidatorPermit::<T>::get(netuid).get(usize::from(uid)).copied().unwrap_or(false)
            || (SubnetOwnerHotkey::<T>::contains_key(netuid)
                && SubnetOwnerHotkey::<T>::get(netuid) == Keys::<T>::get(netuid, uid))
    }
}

#[cfg(test)]
mod tests {
    use super::{upscaled, within_limit};

    #[test]
    fn the_greatest_weight_becomes_the_whole() {
        assert_eq!(upscaled(&[1, 2]), [32_768, 65_535]);
        assert_eq!(upscaled(&[65_535, 1]), [65_535, 1]);
        assert_eq!(upscaled(&[0, 0]), [0, 0]);
        assert_eq!(upscaled(&[]), [0_u16; 0]);
        assert_eq!(upscaled(&[7]), [65_535]);
    }

    #[test]
    fn limits_compare_with_the_sum() {
        assert!(within_limit(&[65_535], u16::MAX));
        assert!(!within_limit(&[65_535], 32_768));
        assert!(within_limit(&[65_535, 65_535], 32_768));
        assert!(within_limit(&[0, 0], 0));
    }
}
