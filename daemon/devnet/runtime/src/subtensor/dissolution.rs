//! Closing a subnet: its pool is paid out to those who hold its alpha, and its state is removed.
//!
//! Payment goes by alpha held: the pool's own alpha counts beside that of stakers, and its part is taken out of
//! existence. Nothing here asks who may close a subnet; the calls do.

use alloc::{collections::BTreeMap, vec::Vec};

use frame_support::{
    ensure,
    traits::{
        fungible::{Balanced, Inspect},
        tokens::{Fortitude, Precision, Preservation},
    },
};
use sp_core::U256;
use sp_runtime::DispatchResult;

use super::{
    AccumulatedLeaseDividends, Active, ActivityCutoff, AdjustmentAlpha, AdjustmentInterval, Alpha as OldAlpha,
    AlphaDividendsPerSubnet, AlphaSigmoidSteepness, AlphaV2, AlphaValues, AssociatedEvmAddress, Axons,
    BlockAtRegistration, BlocksSinceLastStep, Bonds, BondsMovingAverage, BondsPenalty, BondsResetOn, Burn,
    BurnHalfLife, BurnIncreaseMult, BurnRegistrationsThisInterval, CRV3WeightCommits, CRV3WeightCommitsV2, ChildKeys,
    ChildkeyTake, CommitRevealWeightsEnabled, Config, Consensus, DecayingHotkeyLock, DecayingLock, DecayingOwnerLock,
    Difficulty, Dividends, EMAPriceHalvingBlocks, Emission, Error, Event, FirstEmissionBlockNumber, HotkeyLock,
    ImmuneOwnerUidsLimit, ImmunityPeriod, Incentive, IsNetworkMember, Kappa, Keys, LargestLocked, LastAdjustmentBlock,
    LastHotkeyEmissionOnNetuid, LastHotkeySwapOnNetuid, LastMechansimStepBlock, LastUpdate, LiquidAlphaOn,
    LoadedEmission, Lock, LockingColdkeys, MaxAllowedUids, MaxAllowedValidators, MaxBurn, MaxDifficulty,
    MaxRegistrationsPerBlock, MechanismCountCurrent, MechanismEmissionSplit, MinAllowedWeights, MinBurn, MinDifficulty,
    MinerBurned, NetworkPowRegistrationAllowed, NetworkRegisteredAt, NetworkRegistrationAllowed,
    NetworkRegistrationStartBlock, NetworksAdded, NeuronCertificates, OwnerCutAutoLockEnabled, OwnerLock,
    POWRegistrationsThisInterval, Pallet, ParentKeys, PendingChildKeys, PendingOwnerCut, PendingRootAlphaDivs,
    PendingServerEmission, PendingValidatorEmission, Prometheus, RAORecycledForRegistration, RegistrationsThisBlock,
    RegistrationsThisInterval, RevealPeriodEpochs, Rho, RootAlphaDividendsPerSubnet, RootClaimable, RootClaimed,
    ScalingLawPower, ServingRateLimit, StakeWeight, SubnetAlphaIn, SubnetAlphaInEmission, SubnetAlphaOut,
    SubnetAlphaOutEmission, SubnetEmaProtocolFlow, SubnetEmaTaoFlow, SubnetExcessTao, SubnetIdentitiesV3,
    SubnetLeaseShares, SubnetLeases, SubnetLocked, SubnetMechanism, SubnetMovingPrice, SubnetOwner, SubnetOwnerCut,
    SubnetOwnerHotkey, SubnetProtocolAlpha, SubnetProtocolFlow, SubnetRootSellTao, SubnetTAO, SubnetTaoFlow,
    SubnetTaoInEmission, SubnetUidToLeaseId, SubnetVolume, SubnetworkN, SubtokenEnabled, TaoInRefundDeploymentBlock,
    TargetRegistrationsPerInterval, Tempo, TimelockedWeightCommits, TokenSymbol, TotalHotkeyAlpha,
    TotalHotkeyAlphaLastEpoch, TotalHotkeyShares, TotalHotkeySharesV2, TotalIssuance, TotalNetworks, TotalStake,
    TransactionKeyLastBlock, TransferToggle, Uids, ValidatorPermit, ValidatorPruneLen, ValidatorTrust, WeightCommits,
    Weights, WeightsSetRateLimit, WeightsVersionKey, Yuma3On,
    fixed::U96F32,
    types::{Alpha, NetUid, ROOT, Tao},
};
use crate::{AccountId, alpha_assets, swap};

/// Removes what each of these maps holds for the subnet.
macro_rules! forget {
    ($netuid:expr; $($map:ident),* $(,)?) => { $( $map::<T>::remove($netuid); )* };
}

/// Removes what each of these maps holds under the subnet as its first key.
macro_rules! forget_prefix {
    ($first:expr; $($map:ident),* $(,)?) => { $( drop($map::<T>::clear_prefix($first, u32::MAX, None)); )* };
}

/// Removes what each of these maps holds for the subnet as its second key.
macro_rules! forget_second {
    ($netuid:expr; $($map:ident),* $(,)?) => {
        $(
            let first: Vec<_> = $map::<T>::iter().filter(|(_, of, _)| *of == $netuid).map(|(key, ..)| key).collect();
            for key in first {
                $map::<T>::remove(key, $netuid);
            }
        )*
    };
}

/// Divides `pot` by `held` out of `all`: each part rounded down, and what rounding left given, a rao each, to those who
/// lost most by it.
fn portions(pot: Tao, held: &[Alpha], all: u128) -> Vec<Tao> {
    let parts: Vec<(Tao, U256)> = held
        .iter()
        .map(|alpha| {
            let (whole, rest) = (U256::from(pot) * U256::from(*alpha)).div_mod(U256::from(all.max(1)));
            (Tao::try_from(whole).unwrap_or(Tao::MAX), rest)
        })
        .collect();
    let lost = parts.iter().fold(U256::zero(), |sum, (_, rest)| sum + *rest) / U256::from(all.max(1));
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| core::cmp::Reverse(parts.get(*index).map(|(_, rest)| *rest)));
    let favoured: Vec<usize> = order.into_iter().take(lost.low_u64().try_into().unwrap_or(usize::MAX)).collect();
    let part = |(index, (whole, _)): (usize, (Tao, U256))| whole.saturating_add(Tao::from(favoured.contains(&index)));
    parts.into_iter().enumerate().map(part).collect()
}

impl<T: Config> Pallet<T> {
    /// Closes a subnet.
    pub(super) fn dissolve(netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid) && netuid != ROOT, Error::<T>::SubnetNotExists);
        Self::forget_root_dividends(netuid);
        Self::pay_out(netuid);
        Self::forget_pool(netuid);
        crate::Commitments::forget_subnet(netuid);
        Self::forget_neurons(netuid);
        Self::forget_mechanisms(netuid);
        Self::forget_parameters(netuid);
        Self::forget_relations(netuid);
        Self::deposit_event(Event::NetworkRemoved(netuid));
        Ok(())
    }

    /// What hotkeys owe root stakers of this subnet's alpha is lost with it.
    fn forget_root_dividends(netuid: NetUid) {
        let hotkeys: Vec<AccountId> = RootClaimable::<T>::iter_keys().collect();
        for hotkey in hotkeys {
            RootClaimable::<T>::mutate(hotkey, |rates| rates.remove(&netuid));
        }
        drop(RootClaimed::<T>::clear_prefix((netuid,), u32::MAX, None));
    }

    /// Everybody's alpha of the subnet, in the order of storage.
    fn holders(netuid: NetUid) -> Vec<(AccountId, AccountId, Alpha)> {
        let mut holders = Vec::new();
        for hotkey in TotalHotkeyAlpha::<T>::iter().filter(|(_, of, _)| *of == netuid).map(|(hotkey, ..)| hotkey) {
            for ((coldkey, of), _) in AlphaV2::<T>::iter_prefix((&hotkey,)) {
                if of == netuid {
                    let alpha = Self::stake(&hotkey, &coldkey, netuid);
                    holders.push((hotkey.clone(), coldkey, alpha));
                }
            }
        }
        holders
    }

    /// The pool's own alpha: what was bought for it and, for subnets created since refunds count it, its reserve.
    fn protocol_alpha(netuid: NetUid) -> u128 {
        let bought = u128::from(SubnetProtocolAlpha::<T>::get(netuid));
        if NetworkRegisteredAt::<T>::get(netuid) > TaoInRefundDeploymentBlock::<T>::get() {
            bought.saturating_add(SubnetAlphaIn::<T>::get(netuid).into())
        } else {
            bought
        }
    }

    /// What the owner of a subnet of old is given back of its price: what exceeds its cut so far. Others get nothing. The
    /// cut and the price of alpha have 32 fraction bits here, as in the versions of the real chain near spec 425.
    fn owner_refund(netuid: NetUid) -> Tao {
        if NetworkRegisteredAt::<T>::get(netuid) >= NetworkRegistrationStartBlock::<T>::get() {
            return 0;
        }
        let fraction = U96F32::ratio(SubnetOwnerCut::<T>::get().into(), u16::MAX.into());
        let cut = U96F32::from_integer(Self::alpha_issuance(netuid)).by(fraction).whole();
        let price = Self::precise_price(netuid).narrowed();
        SubnetLocked::<T>::get(netuid).saturating_sub(U96F32::from_integer(cut).by(price).whole())
    }

    /// Pays the pool's TAO to those who hold alpha and takes the rest out of existence. Payments that cannot be made
    /// are left out: closing a subnet does not fail.
    fn pay_out(netuid: NetUid) {
        let account = Self::subnet_account(netuid);
        let holders = Self::holders(netuid);
        let pot = SubnetTAO::<T>::get(netuid);
        TotalStake::<T>::mutate(|total| *total = total.saturating_sub(pot));
        let held: Vec<Alpha> = holders.iter().map(|(.., alpha)| *alpha).collect();
        let protocol = Self::protocol_alpha(netuid);
        let all = held.iter().fold(protocol, |sum, alpha| sum.saturating_add((*alpha).into()));
        let mut due: BTreeMap<&AccountId, Tao> = BTreeMap::new();
        for ((_, coldkey, _), part) in holders.iter().zip(portions(pot, &held, all)) {
            let sum = due.entry(coldkey).or_default();
            *sum = sum.saturating_add(part);
        }
        let mut paid = 0_u64;
        for (coldkey, tao) in due.into_iter().filter(|(_, tao)| *tao > 0) {
            paid = paid.saturating_add(tao);
            let _ = Self::transfer(&account, coldkey, tao, Preservation::Expendable);
        }
        let refund = Self::owner_refund(netuid);
        if refund > 0 {
            let kept = U256::from(pot) * U256::from(SubnetProtocolAlpha::<T>::get(netuid)) / U256::from(all.max(1));
            let most = Self::spendable(&account).saturating_sub(kept.low_u64());
            let refund = refund.saturating_add(pot.saturating_sub(paid.saturating_add(refund)));
            let owner = SubnetOwner::<T>::get(netuid);
            let _ = Self::transfer(&account, &owner, refund.min(most), Preservation::Expendable);
        }
        Self::recycle_all_tao(&account);
    }

    /// Takes out of existence what an account can give without closing.
    fn recycle_all_tao(account: &AccountId) {
        type Balances<T> = pallet_balances::Pallet<T>;
        let (preserved, polite) = (Preservation::Preserve, Fortitude::Polite);
        let left = <Balances<T> as Inspect<AccountId>>::reducible_balance(account, preserved, polite);
        if left == 0 {
            return;
        }
        let withdrawn =
            <Balances<T> as Balanced<AccountId>>::withdraw(account, left, Precision::Exact, preserved, polite);
        if let Ok(credit) = withdrawn {
            TotalIssuance::<T>::mutate(|total| *total = total.saturating_sub(left));
            Self::retire(credit);
        }
    }

    fn forget_pool(netuid: NetUid) {
        let mut hotkeys: Vec<AccountId> = Vec::new();
        for (hotkey, coldkey, _) in Self::holders(netuid) {
            AlphaV2::<T>::remove((&hotkey, &coldkey, netuid));
            OldAlpha::<T>::remove((&hotkey, &coldkey, netuid));
            Self::remember(&mut hotkeys, &hotkey);
        }
        for hotkey in &hotkeys {
            TotalHotkeyShares::<T>::remove(hotkey, netuid);
            TotalHotkeySharesV2::<T>::remove(hotkey, netuid);
        }
        forget_second!(netuid; TotalHotkeyAlpha);
        forget!(netuid; SubnetAlphaIn, SubnetAlphaOut, SubnetProtocolAlpha, SubnetTAO, SubnetLocked);
        swap::Pallet::<T>::forget_subnet(netuid);
    }

    fn forget_neurons(netuid: NetUid) {
        for (_, hotkey) in Keys::<T>::iter_prefix(netuid) {
            IsNetworkMember::<T>::remove(hotkey, netuid);
        }
        forget_prefix!(netuid; Uids, Keys, BlockAtRegistration, Axons, NeuronCertificates, Prometheus,
            AlphaDividendsPerSubnet, RootAlphaDividendsPerSubnet, PendingChildKeys, AssociatedEvmAddress,
            LastHotkeySwapOnNetuid);
        forget!(netuid; SubnetworkN, Active, Emission, Consensus, Dividends, ValidatorPermit, ValidatorTrust,
            StakeWeight, LoadedEmission);
        // Root's weights towards a subnet that is gone count for nothing.
        let rows: Vec<(u16, Vec<(u16, u16)>)> = Weights::<T>::iter_prefix(ROOT).collect();
        for (uid, mut row) in rows {
            row.iter_mut().filter(|(to, _)| *to == netuid).for_each(|(_, weight)| *weight = 0);
            Weights::<T>::insert(ROOT, uid, row);
        }
    }

    fn forget_mechanisms(netuid: NetUid) {
        let indices: Vec<u16> = Self::storage_indices(netuid).collect();
        for index in indices {
            forget!(index; LastUpdate, Incentive);
            forget_prefix!(index; WeightCommits, TimelockedWeightCommits, CRV3WeightCommits, CRV3WeightCommitsV2,
                Bonds, Weights);
        }
        forget!(netuid; RevealPeriodEpochs, MechanismCountCurrent, MechanismEmissionSplit);
    }

    fn forget_parameters(netuid: NetUid) {
        TotalNetworks::<T>::mutate(|total| *total = total.saturating_sub(1));
        forget!(netuid; NetworksAdded, SubnetOwner, SubnetOwnerHotkey, NetworkRegisteredAt, SubnetMechanism,
            TokenSymbol, NetworkRegistrationAllowed, NetworkPowRegistrationAllowed, TransferToggle, LargestLocked,
            FirstEmissionBlockNumber, SubtokenEnabled);
        forget!(netuid; Tempo, Kappa, Rho, Difficulty, MinDifficulty, MaxDifficulty, MaxAllowedUids, ImmunityPeriod,
            ActivityCutoff, MinAllowedWeights, MaxAllowedValidators, AdjustmentInterval, AdjustmentAlpha,
            BondsMovingAverage, BondsPenalty, BondsResetOn, WeightsSetRateLimit, WeightsVersionKey, ValidatorPruneLen,
            ScalingLawPower, TargetRegistrationsPerInterval, CommitRevealWeightsEnabled, ServingRateLimit,
            AlphaSigmoidSteepness, LiquidAlphaOn, Yuma3On, AlphaValues, ImmuneOwnerUidsLimit, MaxRegistrationsPerBlock,
            OwnerCutAutoLockEnabled);
        forget!(netuid; Burn, MinBurn, MaxBurn, BurnHalfLife, BurnIncreaseMult, RegistrationsThisBlock,
            RegistrationsThisInterval, POWRegistrationsThisInterval, BurnRegistrationsThisInterval,
            RAORecycledForRegistration, LastAdjustmentBlock, EMAPriceHalvingBlocks);
        forget!(netuid; SubnetAlphaInEmission, SubnetAlphaOutEmission, SubnetTaoInEmission, SubnetVolume,
            SubnetMovingPrice, SubnetTaoFlow, SubnetEmaTaoFlow, SubnetProtocolFlow, SubnetEmaProtocolFlow,
            SubnetExcessTao, SubnetRootSellTao, PendingValidatorEmission, PendingServerEmission, PendingRootAlphaDivs,
            PendingOwnerCut, MinerBurned, BlocksSinceLastStep, LastMechansimStepBlock);
        alpha_assets::Pallet::<T>::forget(netuid);
        if SubnetIdentitiesV3::<T>::take(netuid).is_some() {
            Self::deposit_event(Event::SubnetIdentityRemoved(netuid));
        }
    }

    /// Children, locks, rate limits and the lease, whose maps have the subnet as a later key.
    fn forget_relations(netuid: NetUid) {
        forget_second!(netuid; ChildkeyTake, ChildKeys, ParentKeys, LastHotkeyEmissionOnNetuid,
            TotalHotkeyAlphaLastEpoch, DecayingLock);
        let actions: Vec<_> = TransactionKeyLastBlock::<T>::iter_keys().filter(|(_, of, _)| *of == netuid).collect();
        actions.into_iter().for_each(TransactionKeyLastBlock::<T>::remove);
        let locks: Vec<_> = Lock::<T>::iter_keys().filter(|(_, of, _)| *of == netuid).collect();
        locks.into_iter().for_each(Lock::<T>::remove);
        drop(LockingColdkeys::<T>::clear_prefix((netuid,), u32::MAX, None));
        forget_prefix!(netuid; HotkeyLock, DecayingHotkeyLock);
        forget!(netuid; OwnerLock, DecayingOwnerLock);
        if let Some(lease) = SubnetUidToLeaseId::<T>::take(netuid) {
            forget!(lease; SubnetLeases, AccumulatedLeaseDividends);
            forget_prefix!(lease; SubnetLeaseShares);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::portions;

    #[test]
    fn what_rounding_leaves_goes_to_those_who_lost_most() {
        assert_eq!(portions(10, &[1, 1, 1], 3), [4, 3, 3]);
        assert_eq!(portions(11, &[1, 2, 3], 6), [2, 4, 5]);
        assert_eq!(portions(100, &[2, 3], 7), [28, 43]);
    }

    #[test]
    fn no_more_is_divided_than_there_is() {
        for held in [&[u64::MAX, u64::MAX, 1][..], &[7, 11, 13, 17], &[]] {
            let all = held.iter().map(|alpha| u128::from(*alpha)).sum();
            let sum: u128 = portions(u64::MAX, held, all).into_iter().map(u128::from).sum();
            assert_eq!(sum, if held.is_empty() { 0 } else { u128::from(u64::MAX) });
        }
        assert_eq!(portions(5, &[], 0), [0_u64; 0]);
    }
}
