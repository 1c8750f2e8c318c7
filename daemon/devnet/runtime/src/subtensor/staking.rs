//! Putting TAO behind a hotkey and taking it back.

use frame_support::{
    ensure,
    traits::{
        fungible::Inspect,
        tokens::{Fortitude, Preservation},
    },
};
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    Config, Error, Event, LastColdkeyHotkeyStakeBlock, Pallet, SubnetTAO, SubtokenEnabled,
    pool::{self, Quote},
    types::{Alpha, NetUid, Tao},
};
use crate::{AccountId, fee_recipient};

/// The least stake that may be added, and the least proceeds that may be left behind a partial withdrawal, in rao.
const LEAST_STAKE: Tao = 2_000_000;
/// Stake added at once is at most this many times the TAO of the pool.
const GREATEST_INPUT_RATIO: u64 = 1_000;

impl<T: Config> Pallet<T> {
    fn check_staking(netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(SubtokenEnabled::<T>::get(netuid), Error::<T>::SubtokenDisabled);
        Ok(())
    }

    /// Buys alpha of the subnet for `tao` and gives it to the coldkey behind the hotkey.
    pub(super) fn stake_tao(coldkey: &AccountId, hotkey: &AccountId, netuid: NetUid, tao: Tao) -> DispatchResult {
        ensure!(
            Self::is_one_for_one(netuid)
                || !Self::subnet_exists(netuid)
                || tao <= SubnetTAO::<T>::get(netuid).saturating_mul(GREATEST_INPUT_RATIO),
            Error::<T>::InsufficientLiquidity
        );
        Self::check_staking(netuid)?;
        let fee = if Self::is_one_for_one(netuid) { 0 } else { pool::fee(tao) };
        ensure!(tao >= LEAST_STAKE.saturating_add(fee), Error::<T>::AmountTooLow);
        ensure!(Self::spendable(coldkey) >= tao, Error::<T>::NotEnoughBalanceToStake);
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        ensure!(Self::quote_buy(netuid, tao)?.output > 0, Error::<T>::InsufficientLiquidity);

        let free = <pallet_balances::Pallet<T> as Inspect<AccountId>>::reducible_balance(
            coldkey,
            Preservation::Preserve,
            Fortitude::Polite,
        );
        let pool_account = Self::subnet_account(netuid);
        let paid = Self::transfer(coldkey, &pool_account, tao.min(free), Preservation::Preserve)?;
        let bought = Self::buy(netuid, paid)?;
        Self::record_flow(netuid, bought.input, i64::saturating_add);
        Self::transfer(&pool_account, &fee_recipient(), bought.fee, Preservation::Expendable)?;
        Self::credit_stake(hotkey, coldkey, netuid, bought.output);
        LastColdkeyHotkeyStakeBlock::<T>::insert(coldkey, hotkey, Self::now());
        Self::deposit_event(Event::StakeAdded(
            coldkey.clone(),
            hotkey.clone(),
            paid,
            bought.output,
            netuid,
            bought.fee,
        ));
        Ok(())
    }

    /// Sells up to `alpha` of the coldkey's stake behind the hotkey and pays the coldkey.
    pub(super) fn unstake(coldkey: &AccountId, hotkey: &AccountId, netuid: NetUid, alpha: Alpha) -> DispatchResult {
        Self::check_staking(netuid)?;
        let held = Self::stake(hotkey, coldkey, netuid);
        let alpha = alpha.min(held);
        ensure!(alpha != 0, Error::<T>::AmountTooLow);
        let partial = alpha < held;
        ensure!(!partial || Self::quote_sell(netuid, alpha)?.output >= LEAST_STAKE, Error::<T>::AmountTooLow);

        Self::debit_stake(hotkey, coldkey, netuid, alpha);
        let sold = Self::sell_for(coldkey, netuid, alpha)?;
        Self::deposit_event(Event::StakeRemoved(
            coldkey.clone(),
            hotkey.clone(),
            sold.output,
            sold.input,
            netuid,
            sold.fee,
        ));
        Ok(())
    }

    /// Sells alpha that nobody holds any more, for the coldkey; the fee is sold for the author of the block.
    fn sell_for(coldkey: &AccountId, netuid: NetUid, alpha: Alpha) -> Result<Quote, DispatchError> {
        let pool_account = Self::subnet_account(netuid);
        let sold = Self::sell(netuid, alpha)?;
        let fee = Self::sell_fee(netuid, sold.fee)?;
        Self::transfer(&pool_account, coldkey, sold.output, Preservation::Expendable)?;
        Self::transfer(&pool_account, &fee_recipient(), fee.output, Preservation::Expendable)?;
        Ok(sold)
    }
}
