//! The pools in which TAO and alpha of a subnet are exchanged: constant product, and a fee on what is put in.
//!
//! Root and subnets of mechanism 0 exchange one for one, without a fee. Both sides weigh the same here; the weights that
//! emission moves on the real chain come with emission.

use frame_support::{
    ensure,
    traits::{fungible::Mutate, tokens::Preservation},
};
use sp_core::U256;
use sp_runtime::DispatchError;

use super::{
    Config, Error, Pallet, SubnetAlphaIn, SubnetAlphaOut, SubnetMechanism, SubnetTAO, SubnetTaoFlow, SubnetVolume,
    TotalStake,
    types::{Alpha, NetUid, ROOT, Tao},
};
use crate::{AccountId, UNIT};

/// The fee, in parts of [`u16::MAX`] of the input.
pub(super) const FEE_RATE: u16 = 33;
/// A pool whose outgoing side holds less than this does not trade.
const LEAST_RESERVE: u64 = 1_000_000;
/// A trade puts in at most this many times what the pool holds of it.
const GREATEST_INPUT_RATIO: u64 = 1_000;

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

/// The fee on `amount`.
pub(super) fn fee(amount: u64) -> u64 {
    let fee = u128::from(amount) * u128::from(FEE_RATE) / u128::from(u16::MAX);
    u64::try_from(fee).unwrap_or(u64::MAX)
}

/// What a pool holding `reserve_in` and `reserve_out` gives for `input`: the product of both sides never falls.
pub(super) fn constant_product(reserve_in: u64, reserve_out: u64, input: u64) -> u64 {
    let after = U256::from(reserve_in) + U256::from(input);
    if after.is_zero() {
        return 0;
    }
    u64::try_from(U256::from(reserve_out) * U256::from(input) / after).unwrap_or(u64::MAX)
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
    pub(super) fn is_subnet_account(account: &AccountId) -> bool {
        let bytes: &[u8; 32] = account.as_ref();
        bytes[..12] == *b"modlsubtensr" && bytes[14..] == [0; 18]
    }

    /// Whether alpha of this subnet is TAO under another name.
    pub(super) fn is_one_for_one(netuid: NetUid) -> bool {
        netuid == ROOT || SubnetMechanism::<T>::get(netuid) == 0
    }

    /// Price of a subnet's alpha: rao of TAO for 10⁹ rao of alpha; 0 for an empty pool.
    pub fn alpha_price(netuid: NetUid) -> u64 {
        if Self::is_one_for_one(netuid) {
            return UNIT;
        }
        Self::worth(netuid, UNIT)
    }

    /// What `alpha` is worth at the current price, in rao of TAO.
    pub(super) fn worth(netuid: NetUid, alpha: Alpha) -> Tao {
        if Self::is_one_for_one(netuid) {
            return alpha;
        }
        let price = U256::from(alpha) * U256::from(SubnetTAO::<T>::get(netuid));
        price
            .checked_div(U256::from(SubnetAlphaIn::<T>::get(netuid)))
            .and_then(|value| u64::try_from(value).ok())
            .unwrap_or(0)
    }

    fn quote(reserve_in: u64, reserve_out: u64, amount: u64, fee: u64) -> Result<Quote, DispatchError> {
        let input = amount.saturating_sub(fee);
        ensure!(
            reserve_out >= LEAST_RESERVE && input <= reserve_in.saturating_mul(GREATEST_INPUT_RATIO),
            Error::<T>::InsufficientLiquidity
        );
        Ok(Quote { input, output: constant_product(reserve_in, reserve_out, input), fee })
    }

    /// What `tao` buys.
    pub(super) fn quote_buy(netuid: NetUid, tao: Tao) -> Result<Quote, DispatchError> {
        if Self::is_one_for_one(netuid) {
            return Ok(Quote { input: tao, output: tao, fee: 0 });
        }
        Self::quote(SubnetTAO::<T>::get(netuid), SubnetAlphaIn::<T>::get(netuid), tao, fee(tao))
    }

    /// What `alpha` sells for.
    pub(super) fn quote_sell(netuid: NetUid, alpha: Alpha) -> Result<Quote, DispatchError> {
        Self::quote_sell_with_fee(netuid, alpha, if Self::is_one_for_one(netuid) { 0 } else { fee(alpha) })
    }

    fn quote_sell_with_fee(netuid: NetUid, alpha: Alpha, fee: Alpha) -> Result<Quote, DispatchError> {
        if Self::is_one_for_one(netuid) {
            ensure!(alpha <= SubnetTAO::<T>::get(netuid), Error::<T>::InsufficientLiquidity);
            return Ok(Quote { input: alpha, output: alpha, fee: 0 });
        }
        Self::quote(SubnetAlphaIn::<T>::get(netuid), SubnetTAO::<T>::get(netuid), alpha, fee)
    }

    /// Exchanges `tao`, which already lies on the subnet's account, for alpha. Moves no balance and credits nobody.
    pub(super) fn buy(netuid: NetUid, tao: Tao) -> Result<Quote, DispatchError> {
        let quote = Self::quote_buy(netuid, tao)?;
        SubnetTAO::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_add(quote.input));
        if !Self::is_one_for_one(netuid) {
            SubnetAlphaIn::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_sub(quote.output));
        }
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_add(quote.output));
        TotalStake::<T>::mutate(|total| *total = total.saturating_add(tao));
        SubnetVolume::<T>::mutate(netuid, |volume| *volume = volume.saturating_add(tao.into()));
        Ok(quote)
    }

    /// Exchanges `alpha`, which nobody holds any more, for TAO. Leaves that TAO on the subnet's account.
    pub(super) fn sell(netuid: NetUid, alpha: Alpha) -> Result<Quote, DispatchError> {
        let quote = Self::quote_sell(netuid, alpha)?;
        Self::settle_sale(netuid, quote);
        Ok(quote)
    }

    /// Exchanges `alpha` taken as a fee for TAO, without a fee on the fee.
    pub(super) fn sell_fee(netuid: NetUid, alpha: Alpha) -> Result<Quote, DispatchError> {
        let quote = Self::quote_sell_with_fee(netuid, alpha, 0)?;
        Self::settle_sale(netuid, quote);
        Ok(quote)
    }

    fn settle_sale(netuid: NetUid, quote: Quote) {
        SubnetAlphaIn::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_add(quote.input));
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_sub(quote.input));
        SubnetTAO::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_sub(quote.output));
        TotalStake::<T>::mutate(|total| *total = total.saturating_sub(quote.output));
        SubnetVolume::<T>::mutate(netuid, |volume| *volume = volume.saturating_add(quote.output.into()));
        Self::record_flow(netuid, quote.output, i64::saturating_sub);
    }

    /// Counts TAO that came into a subnet or left it.
    pub(super) fn record_flow(netuid: NetUid, tao: Tao, operation: fn(i64, i64) -> i64) {
        let tao = i64::try_from(tao).unwrap_or(i64::MAX);
        SubnetTaoFlow::<T>::mutate(netuid, |flow| *flow = operation(*flow, tao));
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

#[cfg(test)]
mod tests {
    use super::{constant_product, fee};

    #[test]
    fn figures_are_the_recorded_ones() {
        // A registration on a subnet of 1,000 TAO and 1,000 alpha.
        let burn = 998_076_443;
        assert_eq!(fee(burn), 502_579);
        let bought = constant_product(1_000_000_000_000, 1_000_000_000_000, burn - fee(burn));
        assert_eq!(bought, 1_000_000_000_000 - 999_003_420_298);
    }

    #[test]
    fn product_never_falls() {
        for (x, y, input) in [(1, 1, 1), (10_u64.pow(12), 3, 7), (3, 10_u64.pow(12), 10_u64.pow(15)), (5, 5, 0)] {
            let output = constant_product(x, y, input);
            let before = u128::from(x) * u128::from(y);
            assert!(u128::from(x + input) * u128::from(y - output) >= before, "{x} {y} {input}");
        }
        assert_eq!(constant_product(0, 5, 0), 0);
    }
}
