//! Voting power: a moving average of what validators of a subnet have staked, where the owner asked for it to be kept.

use frame_support::ensure;
use sp_runtime::DispatchResult;

use super::{
    Config, Error, Event, IsNetworkMember, Keys, Pallet, StakeThreshold, SubnetworkN, ValidatorPermit, VotingPower,
    VotingPowerDisableAtBlock, VotingPowerEmaAlpha, VotingPowerTrackingEnabled, types::NetUid,
};
use crate::AccountId;

/// Blocks for which power is still kept after the owner asked for it no more: two weeks.
const GRACE: u64 = 100_800;
/// The whole, in the parts of the average's weight.
const WHOLE: u64 = 1_000_000_000_000_000_000;

/// The average moved towards `stake` by `weight` of [`WHOLE`].
fn moved(average: u64, stake: u64, weight: u64) -> u64 {
    let weight = u128::from(weight.min(WHOLE));
    let kept = u128::from(WHOLE) - weight;
    let sum = (weight * u128::from(stake)).saturating_add(kept * u128::from(average));
    u64::try_from(sum / u128::from(WHOLE)).unwrap_or(u64::MAX)
}

impl<T: Config> Pallet<T> {
    /// Lets voting power be kept.
    pub(super) fn track_voting_power(netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        VotingPowerTrackingEnabled::<T>::insert(netuid, true);
        VotingPowerDisableAtBlock::<T>::remove(netuid);
        Self::deposit_event(Event::VotingPowerTrackingEnabled { netuid });
        Ok(())
    }

    /// Lets voting power be kept for two weeks more.
    pub(super) fn stop_tracking_voting_power(netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(VotingPowerTrackingEnabled::<T>::get(netuid), Error::<T>::VotingPowerTrackingNotEnabled);
        let disable_at_block = Self::now().saturating_add(GRACE);
        VotingPowerDisableAtBlock::<T>::insert(netuid, disable_at_block);
        Self::deposit_event(Event::VotingPowerTrackingDisableScheduled { netuid, disable_at_block });
        Ok(())
    }

    /// Sets the weight of the latest stake in the average.
    pub(super) fn store_voting_weight(netuid: NetUid, alpha: u64) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(alpha <= WHOLE, Error::<T>::InvalidVotingPowerEmaAlpha);
        VotingPowerEmaAlpha::<T>::insert(netuid, alpha);
        Self::deposit_event(Event::VotingPowerEmaAlphaSet { netuid, alpha });
        Ok(())
    }

    /// Moves the averages after an epoch.
    pub(super) fn update_voting_power(netuid: NetUid) {
        if !VotingPowerTrackingEnabled::<T>::get(netuid) {
            return;
        }
        let ends = VotingPowerDisableAtBlock::<T>::get(netuid);
        if ends > 0 && Self::now() >= ends {
            drop(VotingPower::<T>::clear_prefix(netuid, u32::MAX, None));
            VotingPowerTrackingEnabled::<T>::insert(netuid, false);
            VotingPowerDisableAtBlock::<T>::remove(netuid);
            Self::deposit_event(Event::VotingPowerTrackingDisabled { netuid });
            return;
        }
        for (uid, permit) in (0..SubnetworkN::<T>::get(netuid)).zip(ValidatorPermit::<T>::get(netuid)) {
            let hotkey = Keys::<T>::get(netuid, uid);
            if permit {
                Self::move_voting_power(netuid, &hotkey);
            } else {
                VotingPower::<T>::remove(netuid, &hotkey);
            }
        }
        let gone: alloc::vec::Vec<AccountId> = VotingPower::<T>::iter_key_prefix(netuid)
            .filter(|hotkey| !IsNetworkMember::<T>::get(hotkey, netuid))
            .collect();
        for hotkey in gone {
            VotingPower::<T>::remove(netuid, hotkey);
        }
    }

    /// Moves one validator's average. Who falls well below the stake that validators need has none any more.
    fn move_voting_power(netuid: NetUid, hotkey: &AccountId) {
        let before = VotingPower::<T>::get(netuid, hotkey);
        let after = moved(before, Self::stake_weight(hotkey, netuid), VotingPowerEmaAlpha::<T>::get(netuid));
        let least = StakeThreshold::<T>::get();
        if after < least.saturating_mul(9) / 10 && before >= least {
            VotingPower::<T>::remove(netuid, hotkey);
        } else if after > 0 {
            VotingPower::<T>::insert(netuid, hotkey, after);
        }
    }

    /// Gives a hotkey's power to the one that takes its place.
    pub(super) fn inherit_voting_power(netuid: NetUid, old: &AccountId, new: &AccountId) {
        let power = VotingPower::<T>::take(netuid, old);
        if power > 0 {
            VotingPower::<T>::mutate(netuid, new, |all| *all = all.saturating_add(power));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WHOLE, moved};

    #[test]
    fn averages_stay_between_what_they_average() {
        assert_eq!(moved(0, 1_000, WHOLE), 1_000);
        assert_eq!(moved(500, 1_000, 0), 500);
        assert_eq!(moved(500, 1_000, WHOLE / 2), 750);
        assert_eq!(moved(u64::MAX, u64::MAX, 3_570_000_000_000_000), u64::MAX);
        assert_eq!(moved(0, 1_000_000_000, 3_570_000_000_000_000), 3_570_000);
    }
}
