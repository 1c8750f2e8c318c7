//! Weights of validators: what may be set, and by whom. [`super::commits`] hides them first.

use alloc::{collections::BTreeSet, vec::Vec};

use frame_support::ensure;
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    CommitRevealWeightsEnabled, Config, Error, Event, Keys, LastUpdate, MaxWeightsLimit, MechanismCountCurrent,
    MinAllowedWeights, Pallet, SubnetOwnerHotkey, SubnetworkN, TotalNetworks, Uids, ValidatorPermit, Weights,
    WeightsSetRateLimit, WeightsVersionKey,
    neurons::storage_index,
    types::{MechId, NetUid, ROOT},
};
use crate::AccountId;

/// Weights towards some uids, and the version of the format its setter knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightRow<'a> {
    pub(super) uids: &'a [u16],
    pub(super) weights: &'a [u16],
    pub(super) version_key: u64,
}

/// The greatest weight whose product with 65,535 the chain's numbers still hold.
const GREATEST_EXACT: u64 = 32_768;

/// Scales weights so that the greatest becomes 65,535; half a unit is rounded away from zero. All zero stays so.
fn upscaled(weights: &[u16]) -> Vec<u16> {
    let greatest = u64::from(weights.iter().copied().max().unwrap_or(0));
    if greatest == 0 {
        return weights.to_vec();
    }
    let whole = u64::from(u16::MAX);
    weights
        .iter()
        .map(|weight| {
            let weight = u64::from(*weight);
            // Quotients have 32 fraction bits; above the limit the factor is rounded first, as on the real chain.
            let bits = if greatest > GREATEST_EXACT {
                weight * ((whole << 32) / greatest)
            } else {
                ((weight * whole) << 32) / greatest
            };
            u16::try_from((bits + (1 << 31)) >> 32).unwrap_or(u16::MAX)
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

    /// Whether weights must be committed before they are told. Root weights, where they count, are always in the open.
    pub(super) fn weights_are_hidden(netuid: NetUid) -> bool {
        CommitRevealWeightsEnabled::<T>::get(netuid) && !Self::root_weights_count(netuid)
    }

    /// How many weights a row may hold: towards neurons, or towards subnets on root.
    fn weighable(netuid: NetUid) -> u16 {
        if netuid == ROOT { TotalNetworks::<T>::get() } else { SubnetworkN::<T>::get(netuid) }
    }

    fn can_be_weighed(netuid: NetUid, target: u16) -> bool {
        if netuid == ROOT { Self::subnet_exists(target) } else { target < SubnetworkN::<T>::get(netuid) }
    }

    /// Stores weights that the hotkey sets in the open.
    pub(super) fn store_weights(
        hotkey: &AccountId,
        netuid: NetUid,
        mechanism: MechId,
        row: WeightRow<'_>,
    ) -> DispatchResult {
        ensure!(!Self::weights_are_hidden(netuid), Error::<T>::CommitRevealEnabled);
        Self::put_weights(hotkey, netuid, mechanism, row)
    }

    fn check_row(
        hotkey: &AccountId,
        netuid: NetUid,
        mechanism: MechId,
        row: WeightRow<'_>,
    ) -> Result<u16, DispatchError> {
        ensure!(netuid != ROOT || Self::root_weights_count(netuid), Error::<T>::CanNotSetRootNetworkWeights);
        ensure!(row.uids.len() == row.weights.len(), Error::<T>::WeightVecNotEqualSize);
        ensure!(
            Self::subnet_exists(netuid) && mechanism < MechanismCountCurrent::<T>::get(netuid),
            Error::<T>::MechanismDoesNotExist
        );
        ensure!(row.uids.len() <= usize::from(Self::weighable(netuid)), Error::<T>::UidsLengthExceedUidsInSubNet);
        let uid = Uids::<T>::get(netuid, hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)?;
        ensure!(Self::may_set_weights(hotkey, netuid), Error::<T>::NotEnoughStakeToSetWeights);
        ensure!(row.version_key >= WeightsVersionKey::<T>::get(netuid), Error::<T>::IncorrectWeightVersionKey);
        Ok(uid)
    }

    /// Stores weights whose time has come: those set in the open, and those revealed.
    ///
    /// Where weights are hidden, their rate was looked at and noted when they were committed. Timelocked ones may be opened
    /// after the subnet has gone back to open weights, and are then held to the rate of those.
    pub(super) fn put_weights(
        hotkey: &AccountId,
        netuid: NetUid,
        mechanism: MechId,
        row: WeightRow<'_>,
    ) -> DispatchResult {
        let uid = Self::check_row(hotkey, netuid, mechanism, row)?;
        let in_the_open = !Self::weights_are_hidden(netuid);
        ensure!(
            !in_the_open || Self::weights_rate_allows(hotkey, netuid, mechanism),
            Error::<T>::SettingWeightsTooFast
        );
        let WeightRow { uids, weights, .. } = row;
        let only_self = netuid != ROOT && uids == [uid];
        ensure!(only_self || netuid == ROOT || Self::has_permit(netuid, uid), Error::<T>::NeuronNoValidatorPermit);
        ensure!(uids.iter().collect::<BTreeSet<_>>().len() == uids.len(), Error::<T>::DuplicateUids);
        ensure!(uids.iter().all(|uid| Self::can_be_weighed(netuid, *uid)), Error::<T>::UidVecContainInvalidOne);
        let least = usize::from(MinAllowedWeights::<T>::get(netuid).min(Self::weighable(netuid)));
        ensure!(only_self || uids.len() >= least, Error::<T>::WeightVecLengthIsLow);
        let weights = upscaled(weights);
        ensure!(only_self || within_limit(&weights, MaxWeightsLimit::<T>::get(netuid)), Error::<T>::MaxWeightExceeded);
        let index = storage_index(netuid, mechanism);
        Weights::<T>::insert(index, uid, uids.iter().copied().zip(weights).collect::<Vec<_>>());
        if in_the_open {
            Self::note_update(netuid, index, uid, Self::now());
        }
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
        assert_eq!(upscaled(&[40_000, 20_000, 10_000, 5_000]), [65_535, 32_767, 16_384, 8_192]);
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
