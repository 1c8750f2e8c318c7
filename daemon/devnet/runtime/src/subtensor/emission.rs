//! What every block issues: TAO into pools, alpha to pools and participants, and the moving prices that decide shares.
//!
//! Amounts are rao. Shares follow moving prices alone: the flows of TAO are counted but decide nothing on spec 425.

use alloc::{collections::BTreeMap, vec::Vec};

use frame_support::traits::{
    Imbalance,
    fungible::{Balanced, Credit},
};

use super::{
    BlockEmission, Config, EMAPriceHalvingBlocks, FirstEmissionBlockNumber, LegacyRoot, MinerBurned,
    NetworkRegistrationAllowed, OwnerCutEnabled, Pallet, PendingOwnerCut, PendingRootAlphaDivs, PendingServerEmission,
    PendingValidatorEmission, RootProp, SubnetAlphaIn, SubnetAlphaInEmission, SubnetAlphaOut, SubnetAlphaOutEmission,
    SubnetEmissionEnabled, SubnetExcessTao, SubnetMechanism, SubnetMovingAlpha, SubnetMovingPrice, SubnetOwnerCut,
    SubnetProtocolAlpha, SubnetProtocolFlow, SubnetRootSellTao, SubnetTAO, SubnetTaoInEmission, SubtokenEnabled,
    TaoWeight, TotalIssuance, TotalStake,
    fixed::{U64F64, U96F32},
    pool::Fees,
    types::{Alpha, NetUid, ROOT, Tao},
};
use crate::{AccountId, UNIT, alpha_assets, swap};

/// TAO that will ever be issued, and alpha of each subnet.
const SUPPLY: u64 = 21_000_000 * UNIT;
/// A half in 32-bit fixed point.
const HALF: U96F32 = U96F32::from_bits(1 << 31);

/// What a block issues when so much has been issued: half as much whenever what is left has halved.
pub(super) fn emission_at(issuance: u64) -> u64 {
    let Some(left) = SUPPLY.checked_sub(issuance).filter(|left| *left > 0) else { return 0 };
    let halvings = (SUPPLY / left).ilog2();
    UNIT >> halvings
}

/// What a subnet receives in a block.
struct Injection {
    /// Alpha for participants.
    emitted: Alpha,
    /// Alpha for the pool.
    alpha: Alpha,
    /// TAO for the pool.
    tao: Tao,
    /// TAO that buys alpha.
    excess: Tao,
}

impl<T: Config> Pallet<T> {
    /// Alpha of a subnet that exists, in its pool and out of it.
    pub(super) fn alpha_issuance(netuid: NetUid) -> Alpha {
        SubnetAlphaIn::<T>::get(netuid).saturating_add(SubnetAlphaOut::<T>::get(netuid))
    }

    /// The weight of root stake, as a fraction of 32 bits.
    pub(super) fn tao_weight() -> U96F32 {
        let bits = (u128::from(TaoWeight::<T>::get()) << 32) / u128::from(u64::MAX);
        U96F32::from_bits(bits)
    }

    /// What a block issues after so much. It is noted, whatever it is reckoned for.
    pub(super) fn evaluate_emission(issuance: u64) -> u64 {
        let emission = emission_at(issuance);
        if BlockEmission::<T>::get() != emission {
            BlockEmission::<T>::put(emission);
        }
        emission
    }

    /// Part of a subnet's dividends that belongs to root.
    fn root_proportion(netuid: NetUid) -> U96F32 {
        let root = U96F32::from_integer(SubnetTAO::<T>::get(ROOT)).by(Self::tao_weight());
        root.over(root.plus(U96F32::from_integer(Self::alpha_issuance(netuid))))
    }

    fn emitting_subnets() -> Vec<NetUid> {
        Self::netuids_in_storage_order()
            .into_iter()
            .filter(|netuid| {
                *netuid != ROOT
                    && FirstEmissionBlockNumber::<T>::contains_key(netuid)
                    && SubtokenEnabled::<T>::get(netuid)
                    && NetworkRegistrationAllowed::<T>::get(netuid)
            })
            .collect()
    }

    /// Issues a block's TAO, which nobody has yet.
    pub(super) fn issue_tao() -> Credit<AccountId, pallet_balances::Pallet<T>> {
        let emission = Self::evaluate_emission(TotalIssuance::<T>::get());
        <pallet_balances::Pallet<T> as Balanced<AccountId>>::issue(emission)
    }

    /// Divides a block's TAO among the subnets and issues their alpha. What no subnet takes is gone.
    pub(super) fn emit_to_subnets(mut issued: Credit<AccountId, pallet_balances::Pallet<T>>) {
        let emission = issued.peek();
        let _ = SubnetRootSellTao::<T>::clear(u32::MAX, None);
        let subnets = Self::emitting_subnets();
        let root_sells = Self::sum_of_prices(&subnets) > U64F64::ONE;
        let shares = Self::emission_shares(&subnets);
        // Reckoned by number, while pools are served in the order of storage: the last figure stays in `BlockEmission`.
        let injections: BTreeMap<NetUid, Injection> = subnets
            .iter()
            .zip(shares)
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .map(|(netuid, share)| {
                (*netuid, Self::injection(*netuid, share.by(U64F64::from_integer(emission)).narrowed()))
            })
            .collect();
        let served =
            || subnets.iter().filter_map(|netuid| injections.get(netuid).map(|injection| (*netuid, injection)));
        for (netuid, injection) in served() {
            let mut deposit = |amount: Tao| {
                if amount > 0 {
                    let (part, rest) = core::mem::take(&mut issued).split(amount);
                    issued = rest;
                    let account = Self::subnet_account(netuid);
                    drop(<pallet_balances::Pallet<T> as Balanced<AccountId>>::resolve(&account, part));
                }
            };
            deposit(injection.excess);
            deposit(injection.tao);
            Self::inject(netuid, injection);
        }
        Self::retire(issued);
        for (netuid, injection) in served() {
            Self::emit_to_participants(netuid, injection.emitted, root_sells);
        }
    }

    fn sum_of_prices(subnets: &[NetUid]) -> U64F64 {
        subnets
            .iter()
            .map(|netuid| Self::moving_price(*netuid).min(U96F32::ONE).widened())
            .fold(U64F64::default(), U64F64::plus)
    }

    /// The moving price of a subnet that is not root; where alpha is TAO under another name it is one.
    pub(super) fn moving_price(netuid: NetUid) -> U96F32 {
        if SubnetMechanism::<T>::get(netuid) == 0 {
            return U96F32::ONE;
        }
        SubnetMovingPrice::<T>::get(netuid).unsigned()
    }

    /// Each subnet's share: by moving price, less what its owner burns; nothing where TAO emission is off. Where root
    /// decides, it decides alone.
    fn emission_shares(subnets: &[NetUid]) -> Vec<U64F64> {
        if LegacyRoot::<T>::get() {
            return Self::shares_by_root(subnets);
        }
        let normalised = |values: Vec<U64F64>| -> Vec<U64F64> {
            let total = values.iter().fold(U64F64::default(), |sum, value| sum.plus(*value));
            values.into_iter().map(|value| value.over(total)).collect()
        };
        let prices = normalised(subnets.iter().map(|netuid| Self::moving_price(*netuid).widened()).collect());
        let kept: Vec<U64F64> = subnets
            .iter()
            .zip(&prices)
            .map(|(netuid, price)| price.by(U64F64::ONE.minus(MinerBurned::<T>::get(netuid).widened())))
            .collect();
        let shares = if kept.iter().all(|share| share.is_zero()) { prices } else { normalised(kept) };
        // Shares round, so they are only scaled anew where some of them fall away.
        let on: Vec<bool> = subnets.iter().map(SubnetEmissionEnabled::<T>::get).collect();
        if on.iter().all(|on| *on) {
            return shares;
        }
        normalised(shares.into_iter().zip(on).map(|(share, on)| if on { share } else { U64F64::default() }).collect())
    }

    /// How much of `tao` goes into the pool at its price beside alpha, and how much is left to buy alpha with.
    fn injection(netuid: NetUid, tao: U96F32) -> Injection {
        let price = Self::precise_price(netuid).narrowed();
        let emitted = Self::evaluate_emission(Self::alpha_issuance(netuid));
        let cap = Self::root_proportion(netuid).by(U96F32::from_integer(emitted));
        let mut alpha = tao.over(price);
        let mut injected = tao;
        if alpha > cap {
            alpha = cap;
            injected = alpha.by(price);
        }
        Injection { emitted, alpha: alpha.whole(), tao: injected.whole(), excess: tao.minus(injected).whole() }
    }

    fn inject(netuid: NetUid, injection: &Injection) {
        let (tao, alpha) = Self::balance_injection(netuid, injection.tao, injection.alpha);
        let mut entered = 0;
        if injection.excess > 0
            && let Ok(bought) = Self::buy(netuid, injection.excess, Fees::Waived, swap::GREATEST_PRICE)
        {
            SubnetProtocolAlpha::<T>::mutate(netuid, |total| *total = total.saturating_add(bought.output));
            Self::record_protocol_flow(netuid, bought.input, i64::saturating_add);
            entered = bought.input;
        }
        SubnetAlphaInEmission::<T>::insert(netuid, alpha);
        SubnetAlphaIn::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_add(alpha));
        alpha_assets::Pallet::<T>::note_minted(netuid, alpha);
        // What buys nothing lies on the subnet's account all the same.
        SubnetExcessTao::<T>::insert(netuid, entered);
        SubnetTaoInEmission::<T>::insert(netuid, tao);
        SubnetTAO::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_add(tao));
        TotalStake::<T>::mutate(|total| *total = total.saturating_add(tao));
        TotalIssuance::<T>::mutate(|total| *total = total.saturating_add(tao).saturating_add(injection.excess));
        Self::record_protocol_flow(netuid, tao, i64::saturating_add);
    }

    /// Counts TAO that the protocol put into a pool or took out of it. The count decides nothing on spec 425.
    pub(super) fn record_protocol_flow(netuid: NetUid, tao: Tao, operation: fn(i64, i64) -> i64) {
        if tao > 0 {
            let tao = i64::try_from(tao).unwrap_or(i64::MAX);
            SubnetProtocolFlow::<T>::mutate(netuid, |flow| *flow = operation(*flow, tao));
        }
    }

    /// Mints the block's alpha and sets it aside for the next epoch.
    fn emit_to_participants(netuid: NetUid, emitted: Alpha, root_sells: bool) {
        SubnetAlphaOutEmission::<T>::insert(netuid, emitted);
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_add(emitted));
        alpha_assets::Pallet::<T>::note_minted(netuid, emitted);
        let emitted = U96F32::from_integer(emitted);
        let cut = if OwnerCutEnabled::<T>::get(netuid) {
            emitted.by(U96F32::ratio(SubnetOwnerCut::<T>::get().into(), u16::MAX.into()))
        } else {
            U96F32::default()
        };
        let rest = emitted.minus(cut);
        let root = Self::root_proportion(netuid).by(rest).by(HALF);
        let servers = rest.by(HALF);
        let validators = rest.minus(servers).minus(root);
        PendingOwnerCut::<T>::mutate(netuid, |total| *total = total.saturating_add(cut.whole()));
        PendingServerEmission::<T>::mutate(netuid, |total| *total = total.saturating_add(servers.whole()));
        PendingValidatorEmission::<T>::mutate(netuid, |total| *total = total.saturating_add(validators.whole()));
        if root_sells {
            PendingRootAlphaDivs::<T>::mutate(netuid, |total| *total = total.saturating_add(root.whole()));
        } else {
            Self::recycle_alpha_of(netuid, root.whole());
        }
    }

    /// Takes alpha that nobody holds out of existence.
    pub(super) fn recycle_alpha_of(netuid: NetUid, alpha: Alpha) {
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_sub(alpha));
        alpha_assets::Pallet::<T>::note_recycled(netuid, alpha);
    }

    /// Lets moving prices follow the pools, and tells the part of root.
    pub(super) fn update_moving_prices() {
        for netuid in Self::emitting_subnets() {
            let start = FirstEmissionBlockNumber::<T>::get(netuid).unwrap_or(0).saturating_sub(1);
            let age = Self::now().saturating_sub(start);
            let part = U64F64::ratio(age, age.saturating_add(EMAPriceHalvingBlocks::<T>::get(netuid)));
            let alpha = SubnetMovingAlpha::<T>::get().unsigned().widened().by(part);
            let price = alpha.by(Self::precise_price(netuid).min(U64F64::ONE));
            let old = U64F64::ONE.minus(alpha).by(Self::moving_price(netuid).widened());
            SubnetMovingPrice::<T>::insert(netuid, price.plus(old).narrowed().signed());
            RootProp::<T>::insert(netuid, Self::root_proportion(netuid));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SUPPLY, UNIT, emission_at};

    #[test]
    fn emission_halves_with_what_is_left() {
        assert_eq!(emission_at(0), UNIT);
        assert_eq!(emission_at(SUPPLY / 2 - 1), UNIT);
        assert_eq!(emission_at(SUPPLY / 2), UNIT / 2);
        assert_eq!(emission_at(SUPPLY / 4 * 3), UNIT / 4);
        assert_eq!(emission_at(SUPPLY - 1), 0);
        assert_eq!(emission_at(SUPPLY), 0);
        assert_eq!(emission_at(u64::MAX), 0);
    }
}
