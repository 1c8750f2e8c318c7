//! Root dividends: what hotkeys owe those who stake TAO on root behind them, and how it is claimed.
//!
//! A hotkey keeps, for each subnet, alpha owed per rao of root stake; a coldkey's claim is that rate times its stake less
//! what it has had. Whoever stakes later is owed nothing for earlier dividends.

use alloc::{collections::BTreeSet, vec::Vec};

use frame_support::{
    ensure,
    storage::with_storage_layer,
    traits::tokens::Preservation,
    weights::{Weight, constants::RocksDbWeight},
};
use sp_core::U256;
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    Config, Error, Event, NumRootClaim, NumStakingColdkeys, Owner, Pallet, RootClaimType, RootClaimable,
    RootClaimableThreshold, RootClaimed, StakingColdkeys, StakingColdkeysByIndex, StakingHotkeys, SubnetAlphaOut,
    SubnetRootSellTao, SubnetTAO, TotalHotkeyAlpha, TotalStake,
    fixed::I96F32,
    pool::Fees,
    types::{Alpha, NetUid, ROOT, RootClaimTypeEnum},
};
use crate::{AccountId, swap};

/// Subnets that one call may claim from.
const GREATEST_CLAIM: usize = 5;
/// The greatest threshold, in rao of alpha.
const GREATEST_THRESHOLD: u64 = 10_000_000;
/// The most claims that a block may make by itself.
const GREATEST_AUTOMATIC: u64 = 50;

/// `rate` times `stake`, rounded down.
fn owed(rate: I96F32, stake: Alpha) -> u128 {
    let product = U256::from(u128::try_from(rate.to_bits()).unwrap_or(0)) * U256::from(stake);
    u128::try_from(product >> 32).unwrap_or(u128::MAX)
}

/// Up to `count` of the numbers below `bound`, drawn by walking over the words of `hash`.
fn drawn(hash: &[u8], count: u64, bound: u64) -> BTreeSet<u64> {
    let words: Vec<u64> =
        hash.chunks_exact(8).filter_map(|word| word.try_into().ok()).map(u64::from_be_bytes).collect();
    let mut place = words.first().copied().unwrap_or(0);
    let steps = words.iter().cycle().take(usize::try_from(count).unwrap_or(usize::MAX));
    steps
        .filter_map(|step| {
            place = place.saturating_add(*step).checked_rem(bound)?;
            Some(place)
        })
        .collect()
}

impl<T: Config> Pallet<T> {
    /// Owes a dividend to everybody with root stake behind the hotkey. One greater than all that stake goes to the
    /// hotkey's owner instead; a hotkey that earned none is noted too, at a rate of zero.
    pub(super) fn raise_root_claim(hotkey: &AccountId, netuid: NetUid, alpha: Alpha) {
        let stake = TotalHotkeyAlpha::<T>::get(hotkey, ROOT);
        if alpha > stake {
            Self::credit_stake(hotkey, &Owner::<T>::get(hotkey), netuid, alpha);
            return;
        }
        let rate = (u128::from(alpha) << 32).checked_div(u128::from(stake)).unwrap_or(0);
        RootClaimable::<T>::mutate(hotkey, |rates| {
            let all = rates.entry(netuid).or_default();
            let rate = i128::try_from(rate).unwrap_or(i128::MAX);
            *all = I96F32::from_bits(all.to_bits().saturating_add(rate));
        });
    }

    /// Counts what was owed for `stake` rao before they were staked as claimed.
    pub(super) fn owe_nothing_for(hotkey: &AccountId, coldkey: &AccountId, stake: Alpha) {
        for (netuid, rate) in RootClaimable::<T>::get(hotkey) {
            RootClaimed::<T>::mutate((netuid, hotkey, coldkey), |had| *had = had.saturating_add(owed(rate, stake)));
        }
    }

    /// Forgets what was claimed for `stake` rao that leave; what is still owed stays owed.
    pub(super) fn owe_less_for(hotkey: &AccountId, coldkey: &AccountId, stake: Alpha) {
        for (netuid, rate) in RootClaimable::<T>::get(hotkey) {
            RootClaimed::<T>::mutate((netuid, hotkey, coldkey), |had| *had = had.saturating_sub(owed(rate, stake)));
        }
    }

    /// Alpha of the subnet that the hotkey owes the coldkey.
    pub(super) fn root_claim_of(hotkey: &AccountId, coldkey: &AccountId, netuid: NetUid) -> Alpha {
        let rate = RootClaimable::<T>::get(hotkey).get(&netuid).copied().unwrap_or_default();
        let all = owed(rate, Self::stake(hotkey, coldkey, ROOT));
        Alpha::try_from(all.saturating_sub(RootClaimed::<T>::get((netuid, hotkey, coldkey)))).unwrap_or(Alpha::MAX)
    }

    /// Pays the coldkey what it is owed on some subnets. Returns what that weighs.
    pub(super) fn claim_root_dividends(
        coldkey: &AccountId,
        netuids: &BTreeSet<NetUid>,
    ) -> Result<Weight, DispatchError> {
        ensure!((1..=GREATEST_CLAIM).contains(&netuids.len()), Error::<T>::InvalidSubnetNumber);
        Self::index_root_staker(coldkey);
        let weight = Self::claim_where(coldkey, |netuid| netuids.contains(&netuid));
        Self::deposit_event(Event::RootClaimed { coldkey: coldkey.clone() });
        Ok(weight)
    }

    fn claim_where(coldkey: &AccountId, wanted: impl Fn(NetUid) -> bool) -> Weight {
        let choice = RootClaimType::<T>::get(coldkey);
        let db = RocksDbWeight::get();
        let mut weight = db.reads(1);
        for hotkey in StakingHotkeys::<T>::get(coldkey) {
            let netuids: Vec<NetUid> =
                RootClaimable::<T>::get(&hotkey).into_keys().filter(|netuid| wanted(*netuid)).collect();
            weight.saturating_accrue(db.reads(3));
            for netuid in netuids {
                // As much whether it is paid or not.
                weight.saturating_accrue(Weight::from_parts(60_000_000, 6_987).saturating_add(db.reads_writes(7, 5)));
                let alpha = Self::root_claim_of(&hotkey, coldkey, netuid);
                let least = RootClaimableThreshold::<T>::get(netuid).to_bits() >> 32;
                if alpha == 0 || i128::from(alpha) < least {
                    continue;
                }
                // A claim that cannot be paid leaves no trace and stays owed.
                if with_storage_layer(|| Self::pay_root_claim(&hotkey, coldkey, netuid, alpha, &choice)).is_ok() {
                    RootClaimed::<T>::mutate((netuid, &hotkey, coldkey), |had| {
                        *had = had.saturating_add(alpha.into());
                    });
                }
            }
        }
        weight
    }

    fn pay_root_claim(
        hotkey: &AccountId,
        coldkey: &AccountId,
        netuid: NetUid,
        alpha: Alpha,
        choice: &RootClaimTypeEnum,
    ) -> DispatchResult {
        let keep = match choice {
            RootClaimTypeEnum::Swap => false,
            RootClaimTypeEnum::Keep => true,
            RootClaimTypeEnum::KeepSubnets { subnets } => subnets.contains(&netuid),
        };
        if keep {
            Self::credit_stake(hotkey, coldkey, netuid, alpha);
            return Ok(());
        }
        let tao = Self::sell(netuid, alpha, Fees::Waived, swap::LEAST_PRICE)?.output;
        Self::transfer(&Self::subnet_account(netuid), &Self::subnet_account(ROOT), tao, Preservation::Expendable)?;
        // The protocol sells here, not a staker, and no pool of root trades: other counts follow than those of a trade.
        SubnetRootSellTao::<T>::mutate(netuid, |total| *total = total.saturating_add(tao));
        Self::record_protocol_flow(netuid, tao, i64::saturating_sub);
        Self::credit_stake(hotkey, coldkey, ROOT, tao);
        SubnetTAO::<T>::mutate(ROOT, |total| *total = total.saturating_add(tao));
        SubnetAlphaOut::<T>::mutate(ROOT, |total| *total = total.saturating_add(tao));
        TotalStake::<T>::mutate(|total| *total = total.saturating_add(tao));
        Self::owe_nothing_for(hotkey, coldkey, tao);
        Ok(())
    }

    /// Remembers a coldkey among those for which blocks claim by themselves.
    pub(super) fn index_root_staker(coldkey: &AccountId) {
        if StakingColdkeys::<T>::contains_key(coldkey) {
            return;
        }
        let index = NumStakingColdkeys::<T>::mutate(|count| {
            let index = *count;
            *count = count.saturating_add(1);
            index
        });
        StakingColdkeys::<T>::insert(coldkey, index);
        StakingColdkeysByIndex::<T>::insert(index, coldkey);
    }

    /// Claims for a few of those who stake on root, drawn by the hash of the parent block.
    pub(super) fn claim_for_some() {
        let hash = frame_system::Pallet::<T>::parent_hash();
        for index in drawn(hash.as_ref(), NumRootClaim::<T>::get(), NumStakingColdkeys::<T>::get()) {
            if let Some(coldkey) = StakingColdkeysByIndex::<T>::get(index) {
                Self::claim_where(&coldkey, |_| true);
                Self::deposit_event(Event::RootClaimed { coldkey });
            }
        }
    }

    /// Sets what is done with a coldkey's claims.
    pub(super) fn choose_root_claim(coldkey: &AccountId, choice: RootClaimTypeEnum) -> DispatchResult {
        if let RootClaimTypeEnum::KeepSubnets { subnets } = &choice {
            ensure!(!subnets.is_empty(), Error::<T>::InvalidSubnetNumber);
        }
        Self::index_root_staker(coldkey);
        RootClaimType::<T>::insert(coldkey, &choice);
        Self::deposit_event(Event::RootClaimTypeSet { coldkey: coldkey.clone(), root_claim_type: choice });
        Ok(())
    }

    /// Sets how many coldkeys a block claims for by itself.
    pub(super) fn store_num_root_claims(count: u64) -> DispatchResult {
        ensure!(count <= GREATEST_AUTOMATIC, Error::<T>::InvalidNumRootClaim);
        NumRootClaim::<T>::put(count);
        Ok(())
    }

    /// Sets the least claim that is paid on a subnet, in rao.
    pub(super) fn store_claim_threshold(netuid: NetUid, least: u64) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(least <= GREATEST_THRESHOLD, Error::<T>::InvalidRootClaimThreshold);
        RootClaimableThreshold::<T>::insert(netuid, I96F32::from_bits(i128::from(least) << 32));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{I96F32, drawn, owed};

    #[test]
    fn draws_stay_below_the_bound() {
        let hash: [u8; 32] = core::array::from_fn(|index| u8::try_from(index * 7).unwrap_or(0));
        assert!(drawn(&hash, 5, 0).is_empty());
        assert_eq!(drawn(&hash, 5, 1).into_iter().collect::<alloc::vec::Vec<_>>(), [0]);
        assert!(drawn(&hash, 5, 3).iter().all(|index| *index < 3));
        assert!(drawn(&hash, 0, 3).is_empty());
    }

    #[test]
    fn claims_round_down() {
        assert_eq!(owed(I96F32::from_bits(983_979), 5_004_449_718_566), 1_146_521_752);
        assert_eq!(owed(I96F32::from_bits(-1), 5), 0);
        assert_eq!(owed(I96F32::from_bits(1 << 31), 5), 2);
    }
}
