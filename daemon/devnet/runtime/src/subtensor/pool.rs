//! The pools in which TAO and alpha of a subnet are exchanged: a weighted product, and a fee on what is put in.
//!
//! Root and subnets of mechanism 0 exchange one for one, without a fee. Both sides weigh the same until emission puts in
//! TAO and alpha in another proportion: then weights move, and the price stays. [`super::power`] holds the arithmetic.

use frame_support::{
    ensure,
    traits::{
        Imbalance,
        fungible::{Credit, Inspect, Mutate, Unbalanced},
        tokens::Preservation,
    },
};
use sp_core::U256;
use sp_runtime::{DispatchError, Perquintill};

use super::{
    Config, Pallet, SubnetAlphaIn, SubnetAlphaOut, SubnetMechanism, SubnetTAO, SubnetTaoFlow, SubnetVolume, TotalStake,
    fixed::U64F64,
    power::{self, Side, WHOLE},
    types::{Alpha, NetUid, ROOT, Tao},
};
use crate::{
    AccountId, UNIT,
    swap::{self, Balancer, FeeRate, PalSwapInitialized, SwapBalancer},
};

/// A trade puts in at most this many times what the pool holds of it.
const GREATEST_INPUT_RATIO: u64 = 1_000;
/// No side weighs less than this.
const LEAST_WEIGHT: u64 = WHOLE / 100;

/// What an exchange gives, before it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quote {
    /// What goes into the pool: the input less the fee.
    pub(super) input: u64,
    /// What comes out of it.
    pub(super) output: u64,
    /// The fee, in the token put in.
    pub(super) fee: u64,
}

/// Whether an exchange costs a fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fees {
    /// It does.
    Charged,
    /// It does not: it was paid elsewhere, or the protocol trades.
    Waived,
}

impl Fees {
    /// The fee that `reckon` finds for `amount`, or none.
    fn on(self, amount: u64, reckon: fn(NetUid, u64) -> u64, netuid: NetUid) -> u64 {
        if self == Self::Charged { reckon(netuid, amount) } else { 0 }
    }
}

/// The weights of TAO and of alpha.
fn weights<T: Config>(netuid: NetUid) -> (u64, u64) {
    let tao = SwapBalancer::<T>::get(netuid).quote.deconstruct();
    (tao, WHOLE.saturating_sub(tao))
}

/// `numerator` / `denominator` of `amount`, with the fraction in 64 bits first, as the real chain counts it.
fn portion(amount: u64, numerator: u16, denominator: u16) -> u64 {
    U64F64::ratio(numerator.into(), denominator.into()).times(amount)
}

/// The fee on `amount`.
pub(super) fn fee<T: Config>(netuid: NetUid, amount: u64) -> u64 {
    portion(amount, FeeRate::<T>::get(netuid), u16::MAX)
}

/// The fee that leaves `net` of what is put in.
fn fee_beside<T: Config>(netuid: NetUid, net: u64) -> u64 {
    let rate = FeeRate::<T>::get(netuid);
    portion(net, rate, u16::MAX.saturating_sub(rate))
}

/// The price in a pool of these sides, with 64 fraction bits as the real chain counts it: the ratio of weights and that
/// of reserves are rounded down before they are multiplied. 0 for an empty pool.
fn price_in(of_tao: Side, of_alpha: Side) -> U64F64 {
    U64F64::ratio(of_alpha.weight, of_tao.weight).by(U64F64::ratio(of_tao.reserve, of_alpha.reserve))
}

impl<T: Config> Pallet<T> {
    /// The account that holds the TAO of a subnet's pool.
    pub fn subnet_account(netuid: NetUid) -> AccountId {
        let mut bytes = [0; 32];
        bytes[..12].copy_from_slice(b"modlsubtensr");
        bytes[12..14].copy_from_slice(&netuid.to_le_bytes());
        AccountId::new(bytes)
    }

    /// Whether the account belongs to a pool and so can be nobody's hotkey.
    pub(crate) fn is_subnet_account(account: &AccountId) -> bool {
        let bytes: &[u8; 32] = account.as_ref();
        bytes[..12] == *b"modlsubtensr" && bytes[14..] == [0; 18]
    }

    /// Whether alpha of this subnet is TAO under another name.
    pub(super) fn is_one_for_one(netuid: NetUid) -> bool {
        netuid == ROOT || SubnetMechanism::<T>::get(netuid) == 0
    }

    /// Price of a subnet's alpha: rao of TAO for 10⁹ rao of alpha; 0 for an empty pool.
    pub fn alpha_price(netuid: NetUid) -> u64 {
        Self::worth(netuid, UNIT)
    }

    /// Price of a subnet's alpha in TAO: the one at which exchanges stop.
    pub(super) fn precise_price(netuid: NetUid) -> U64F64 {
        if Self::is_one_for_one(netuid) {
            return U64F64::ONE;
        }
        let (of_tao, of_alpha) = Self::sides(netuid);
        price_in(of_tao, of_alpha)
    }

    /// What `alpha` is worth at the current price, in rao of TAO: the price is rounded first, as on the real chain.
    pub(super) fn worth(netuid: NetUid, alpha: Alpha) -> Tao {
        Self::precise_price(netuid).times(alpha)
    }

    /// Whether so much may go into a pool whose price is on the right side of a limit or not.
    fn check_trade((into, out): (Side, Side), input: u64, before_limit: bool) -> Result<(), swap::Error<T>> {
        ensure!(out.reserve >= swap::MINIMUM_RESERVE.get(), swap::Error::<T>::ReservesTooLow);
        ensure!(before_limit, swap::Error::<T>::PriceLimitExceeded);
        ensure!(input <= Self::greatest_input(into.reserve), swap::Error::<T>::SwapInputTooLarge);
        Ok(())
    }

    fn settle((into, out): (Side, Side), input: u64, fee: u64) -> Result<Quote, DispatchError> {
        let output = power::output(into, out, input);
        ensure!(input == 0 || output > 0, swap::Error::<T>::ReservesTooLow);
        Ok(Quote { input, output, fee })
    }

    fn sides(netuid: NetUid) -> (Side, Side) {
        let (tao, alpha) = weights::<T>(netuid);
        (
            Side { reserve: SubnetTAO::<T>::get(netuid), weight: tao },
            Side { reserve: SubnetAlphaIn::<T>::get(netuid), weight: alpha },
        )
    }

    /// What `tao` buys until the price is at `limit`, in rao of TAO for 10⁹ rao of alpha. Where it is there already
    /// nothing is bought, and what would take it further stays outside the pool.
    pub(super) fn quote_buy(netuid: NetUid, tao: Tao, fees: Fees, limit: Tao) -> Result<Quote, DispatchError> {
        if Self::is_one_for_one(netuid) {
            return Ok(Quote { input: tao, output: tao, fee: 0 });
        }
        let (of_tao, of_alpha) = Self::sides(netuid);
        let (now, end) = (price_in(of_tao, of_alpha), U64F64::ratio(limit, UNIT));
        let fee = fees.on(tao, fee::<T>, netuid);
        let input = tao.saturating_sub(fee);
        Self::check_trade((of_tao, of_alpha), input, now < end)?;
        let output = power::output(of_tao, of_alpha, input);
        if price_in(of_tao.with(input), of_alpha.without(output)) <= end {
            return Self::settle((of_tao, of_alpha), input, fee);
        }
        let input = power::growth(of_tao.reserve, end.to_bits().into(), now.to_bits().into(), of_alpha.weight);
        Self::settle((of_tao, of_alpha), input, fees.on(input, fee_beside::<T>, netuid))
    }

    /// What `alpha` sells for until the price is at `limit`, likewise.
    pub(super) fn quote_sell(netuid: NetUid, alpha: Alpha, fees: Fees, limit: Tao) -> Result<Quote, DispatchError> {
        if Self::is_one_for_one(netuid) {
            ensure!(alpha <= SubnetTAO::<T>::get(netuid), swap::Error::<T>::ReservesTooLow);
            return Ok(Quote { input: alpha, output: alpha, fee: 0 });
        }
        let (of_tao, of_alpha) = Self::sides(netuid);
        let (now, end) = (price_in(of_tao, of_alpha), U64F64::ratio(limit, UNIT));
        let fee = fees.on(alpha, fee::<T>, netuid);
        let input = alpha.saturating_sub(fee);
        Self::check_trade((of_alpha, of_tao), input, now > end)?;
        let output = power::output(of_alpha, of_tao, input);
        if price_in(of_tao.without(output), of_alpha.with(input)) >= end {
            return Self::settle((of_alpha, of_tao), input, fee);
        }
        let input = power::growth(of_alpha.reserve, now.to_bits().into(), end.to_bits().into(), of_tao.weight);
        Self::settle((of_alpha, of_tao), input, fees.on(input, fee_beside::<T>, netuid))
    }

    /// The most TAO that can be put in, fee included, before the price passes `limit`: at most what a pool takes at once.
    /// A pool whose price has passed it refuses; where alpha is TAO under another name nothing can be put in.
    pub(super) fn greatest_buy(netuid: NetUid, limit: Tao) -> Result<Tao, DispatchError> {
        if Self::is_one_for_one(netuid) {
            return Ok(if limit >= UNIT { Tao::MAX } else { 0 });
        }
        let all = Self::greatest_input(SubnetTAO::<T>::get(netuid));
        let quote = Self::quote_buy(netuid, all, Fees::Charged, limit)?;
        Ok(quote.input.saturating_add(quote.fee))
    }

    /// The most alpha that can be put in, fee included, before the price falls below `limit`, likewise.
    pub(super) fn greatest_sale(netuid: NetUid, limit: Tao) -> Result<Alpha, DispatchError> {
        if Self::is_one_for_one(netuid) {
            return Ok(if limit <= UNIT { Alpha::MAX } else { 0 });
        }
        let all = Self::greatest_input(SubnetAlphaIn::<T>::get(netuid));
        let quote = Self::quote_sell(netuid, all, Fees::Charged, limit)?;
        Ok(quote.input.saturating_add(quote.fee))
    }

    /// The most that may be put at once into a side that holds `reserve`.
    pub(super) fn greatest_input(reserve: u64) -> u64 {
        reserve.saturating_mul(GREATEST_INPUT_RATIO)
    }

    /// Exchanges `tao`, which already lies on the subnet's account, for alpha, until the price is at `limit`. Moves no
    /// balance and credits nobody. What the limit keeps out counts as staked and traded all the same, as on the real
    /// chain, which leaves it on the subnet's account.
    pub(super) fn buy(netuid: NetUid, tao: Tao, fees: Fees, limit: Tao) -> Result<Quote, DispatchError> {
        let quote = Self::quote_buy(netuid, tao, fees, limit)?;
        Self::note_trade(netuid);
        SubnetTAO::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_add(quote.input));
        if !Self::is_one_for_one(netuid) {
            SubnetAlphaIn::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_sub(quote.output));
        }
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_add(quote.output));
        TotalStake::<T>::mutate(|total| *total = total.saturating_add(tao));
        SubnetVolume::<T>::mutate(netuid, |volume| *volume = volume.saturating_add(tao.into()));
        Ok(quote)
    }

    /// Exchanges `alpha`, which nobody holds any more, for TAO, until the price is at `limit`. Leaves that TAO on the
    /// subnet's account.
    pub(super) fn sell(netuid: NetUid, alpha: Alpha, fees: Fees, limit: Tao) -> Result<Quote, DispatchError> {
        let quote = Self::quote_sell(netuid, alpha, fees, limit)?;
        Self::note_trade(netuid);
        SubnetAlphaIn::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_add(quote.input));
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_sub(quote.input));
        SubnetTAO::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_sub(quote.output));
        TotalStake::<T>::mutate(|total| *total = total.saturating_sub(quote.output));
        SubnetVolume::<T>::mutate(netuid, |volume| *volume = volume.saturating_add(quote.output.into()));
        Ok(quote)
    }

    /// Notes that a pool has traded.
    fn note_trade(netuid: NetUid) {
        if !Self::is_one_for_one(netuid) {
            PalSwapInitialized::<T>::insert(netuid, true);
        }
    }

    /// Moves the weights of a pool so that its price stays when `tao` and `alpha` are put in, and returns what may be:
    /// nothing where a side would weigh too little. Puts nothing in.
    pub(super) fn balance_injection(netuid: NetUid, tao: Tao, alpha: Alpha) -> (Tao, Alpha) {
        if (tao == 0 && alpha == 0) || Self::is_one_for_one(netuid) {
            return (tao, alpha);
        }
        let (of_tao, of_alpha) = Self::sides(netuid);
        let tao_part =
            U256::from(of_tao.weight) * U256::from(of_alpha.reserve) * U256::from(of_tao.reserve.saturating_add(tao));
        let alpha_part = U256::from(of_alpha.weight)
            * U256::from(of_tao.reserve)
            * U256::from(of_alpha.reserve.saturating_add(alpha));
        let weight = (tao_part >> 64)
            .checked_mul(U256::from(WHOLE))
            .and_then(|product| product.checked_div((tao_part >> 64) + (alpha_part >> 64)))
            .map_or(0, |weight| weight.low_u64());
        if !(LEAST_WEIGHT..=WHOLE - LEAST_WEIGHT).contains(&weight) {
            return (0, 0);
        }
        SwapBalancer::<T>::insert(netuid, Balancer { quote: Perquintill::from_parts(weight) });
        (tao, alpha)
    }

    /// Counts TAO that came into a subnet or left it.
    pub(super) fn record_flow(netuid: NetUid, tao: Tao, operation: fn(i64, i64) -> i64) {
        let tao = i64::try_from(tao).unwrap_or(i64::MAX);
        SubnetTaoFlow::<T>::mutate(netuid, |flow| *flow = operation(*flow, tao));
    }

    /// Takes TAO that is in nobody's account out of existence. As on the real chain no event tells of it, which dropping
    /// the credit would deposit.
    pub(super) fn retire(credit: Credit<AccountId, pallet_balances::Pallet<T>>) {
        let left = <pallet_balances::Pallet<T> as Inspect<AccountId>>::total_issuance().saturating_sub(credit.peek());
        <pallet_balances::Pallet<T> as Unbalanced<AccountId>>::set_total_issuance(left);
        core::mem::forget(credit);
    }

    /// Moves TAO between accounts, keeping the giver alive or not.
    pub(super) fn transfer(
        from: &AccountId,
        to: &AccountId,
        tao: Tao,
        preservation: Preservation,
    ) -> Result<Tao, DispatchError> {
        <pallet_balances::Pallet<T> as Mutate<AccountId>>::transfer(from, to, tao, preservation)
    }
}
