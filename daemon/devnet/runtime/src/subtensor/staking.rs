//! Putting TAO behind a hotkey and taking it back, with or without a limit on the price.
//!
//! What moves stake without a coldkey seeing TAO in between is in [`super::movement`].

use alloc::vec::Vec;

use frame_support::{
    ensure,
    storage::with_storage_layer,
    traits::{
        fungible::Inspect,
        tokens::{Fortitude, Preservation},
    },
};
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    AlphaV2, Config, Delegates, Error, Event, LastColdkeyHotkeyStakeBlock, NominatorMinRequiredStake, Pallet,
    PendingChildKeys, StakeThreshold, SubnetAlphaIn, SubnetAlphaOut, SubnetTAO, SubtokenEnabled,
    fixed::U64F64,
    pool::{self, Fees},
    types::{Alpha, NetUid, ROOT, Tao},
};
use crate::{AccountId, alpha_assets, block_author, swap};

/// The least stake that may be added, and the least proceeds that may be left behind a partial withdrawal, in rao.
pub(super) const LEAST_STAKE: Tao = 2_000_000;

/// What to do when a price limit does not let the whole amount through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// Fail.
    Refused,
    /// Exchange what the limit lets through.
    LeftOut,
}

impl From<bool> for Excess {
    fn from(allow_partial: bool) -> Self {
        if allow_partial { Self::LeftOut } else { Self::Refused }
    }
}

/// A coldkey's stake behind a hotkey on a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position<'a> {
    pub(super) coldkey: &'a AccountId,
    pub(super) hotkey: &'a AccountId,
    pub(super) netuid: NetUid,
}

impl<T: Config> Pallet<T> {
    pub(super) fn check_staking(netuid: NetUid) -> Result<(), Error<T>> {
        ensure!(Self::subnet_exists(netuid), Error::SubnetNotExists);
        ensure!(SubtokenEnabled::<T>::get(netuid), Error::SubtokenDisabled);
        Ok(())
    }

    /// What the coldkey holds there.
    pub(super) fn held(position: Position<'_>) -> Alpha {
        Self::stake(position.hotkey, position.coldkey, position.netuid)
    }

    /// Whether a side of the pool that holds `reserve` can take `amount` at once. Asked before anything else.
    fn check_input(netuid: NetUid, amount: u64, reserve: u64) -> Result<(), Error<T>> {
        let takes =
            Self::is_one_for_one(netuid) || !Self::subnet_exists(netuid) || amount <= Self::greatest_input(reserve);
        ensure!(takes, Error::InsufficientLiquidity);
        Ok(())
    }

    /// Whether `tao` may be staked, of which a limit lets `greatest` through.
    fn check_purchase(to: Position<'_>, tao: Tao, greatest: Tao, excess: Excess) -> DispatchResult {
        let netuid = to.netuid;
        Self::check_staking(netuid)?;
        let fee = if Self::is_one_for_one(netuid) { 0 } else { pool::fee::<T>(netuid, LEAST_STAKE) };
        ensure!(tao >= LEAST_STAKE.saturating_add(fee), Error::<T>::AmountTooLow);
        ensure!(excess == Excess::LeftOut || tao <= greatest, Error::<T>::SlippageTooHigh);
        let tao = tao.min(greatest);
        ensure!(Self::spendable(to.coldkey) >= tao, Error::<T>::NotEnoughBalanceToStake);
        ensure!(Self::hotkey_exists(to.hotkey), Error::<T>::HotKeyAccountNotExists);
        let quote = Self::quote_buy(netuid, tao, Fees::Charged, swap::GREATEST_PRICE)
            .map_err(|_| Error::<T>::InsufficientLiquidity)?;
        ensure!(quote.input >= LEAST_STAKE, Error::<T>::AmountTooLow);
        ensure!(quote.output > 0, Error::<T>::InsufficientLiquidity);
        Ok(())
    }

    /// Buys alpha of the subnet for `tao` and gives it to the coldkey behind the hotkey.
    pub(super) fn stake_tao(to: Position<'_>, tao: Tao) -> Result<Alpha, DispatchError> {
        Self::check_input(to.netuid, tao, SubnetTAO::<T>::get(to.netuid))?;
        Self::check_purchase(to, tao, Tao::MAX, Excess::Refused)?;
        Self::buy_stake(to, tao, Fees::Charged, swap::GREATEST_PRICE)
    }

    /// The same, as long as the price does not pass `limit`.
    pub(super) fn stake_tao_within(
        to: Position<'_>,
        tao: Tao,
        limit: Tao,
        excess: Excess,
    ) -> Result<Alpha, DispatchError> {
        Self::check_input(to.netuid, tao, SubnetTAO::<T>::get(to.netuid))?;
        let greatest = Self::greatest_buy(to.netuid, limit)?;
        Self::check_purchase(to, tao, greatest, excess)?;
        Self::make_delegate(to);
        Self::buy_stake(to, tao.min(greatest), Fees::Charged, limit)
    }

    /// Notes a hotkey as a delegate once somebody else stakes behind it.
    pub(super) fn make_delegate(to: Position<'_>) {
        if !Delegates::<T>::contains_key(to.hotkey) && !Self::owns(to.coldkey, to.hotkey) {
            Delegates::<T>::insert(to.hotkey, Delegates::<T>::get(to.hotkey));
        }
    }

    /// Buys stake until the price is at `limit`, without asking whether it may be; less than `tao` where the coldkey's
    /// account must live. Returns the alpha that was bought. Spec 425 gives nothing back of what the limit keeps out.
    pub(super) fn buy_stake(to: Position<'_>, tao: Tao, fees: Fees, limit: Tao) -> Result<Alpha, DispatchError> {
        let Position { coldkey, hotkey, netuid } = to;
        let free = <pallet_balances::Pallet<T> as Inspect<AccountId>>::reducible_balance(
            coldkey,
            Preservation::Preserve,
            Fortitude::Polite,
        );
        let pool_account = Self::subnet_account(netuid);
        let paid = Self::transfer(coldkey, &pool_account, tao.min(free), Preservation::Preserve)?;
        let bought = Self::buy(netuid, paid, fees, limit)?;
        ensure!(bought.output != 0, Error::<T>::AmountTooLow);
        Self::record_flow(netuid, bought.input, i64::saturating_add);
        Self::transfer(&pool_account, &block_author(), bought.fee, Preservation::Expendable)?;
        Self::credit_stake(hotkey, coldkey, netuid, bought.output);
        if netuid == ROOT {
            Self::owe_nothing_for(hotkey, coldkey, bought.output);
            Self::index_root_staker(coldkey);
        }
        Self::refresh_lock(coldkey, netuid);
        LastColdkeyHotkeyStakeBlock::<T>::insert(coldkey, hotkey, Self::now());
        Self::deposit_event(Event::StakeAdded(
            coldkey.clone(),
            hotkey.clone(),
            paid,
            bought.output,
            netuid,
            bought.fee,
        ));
        Ok(bought.output)
    }

    /// Whether `alpha` may be sold, of which a limit lets `greatest` through. That the subnet trades is for the callers to
    /// ask: the real chain does not ask it of a sale with a limit.
    fn check_sale(from: Position<'_>, alpha: Alpha, greatest: Alpha, excess: Excess) -> DispatchResult {
        ensure!(Self::subnet_exists(from.netuid), Error::<T>::SubnetNotExists);
        ensure!(alpha != 0, Error::<T>::AmountTooLow);
        let left = Self::held(from).checked_sub(alpha).ok_or(Error::<T>::NotEnoughStakeToWithdraw)?;
        let quote = Self::quote_sell(from.netuid, alpha, Fees::Charged, swap::LEAST_PRICE);
        let proceeds = quote.map_err(|_| Error::<T>::InsufficientLiquidity)?.output;
        ensure!(left == 0 || proceeds >= LEAST_STAKE, Error::<T>::AmountTooLow);
        ensure!(excess == Excess::LeftOut || alpha <= greatest, Error::<T>::SlippageTooHigh);
        ensure!(Self::hotkey_exists(from.hotkey), Error::<T>::HotKeyAccountNotExists);
        ensure!(alpha <= Self::unlocked_stake(from.coldkey, from.netuid), Error::<T>::StakeUnavailable);
        Ok(())
    }

    /// Sells up to `alpha` of the coldkey's stake behind the hotkey and pays the coldkey.
    pub(super) fn unstake(coldkey: &AccountId, hotkey: &AccountId, netuid: NetUid, alpha: Alpha) -> DispatchResult {
        let from = Position { coldkey, hotkey, netuid };
        ensure!(SubtokenEnabled::<T>::get(netuid), Error::<T>::SubtokenDisabled);
        let alpha = alpha.min(Self::held(from));
        Self::check_input(netuid, alpha, SubnetAlphaIn::<T>::get(netuid))?;
        Self::check_sale(from, alpha, alpha, Excess::Refused)?;
        Self::sell_stake(from, alpha, Fees::Charged, swap::LEAST_PRICE)?;
        Self::drop_small_nomination(from);
        Self::drop_children_of_the_poor(hotkey);
        Ok(())
    }

    /// Forgets the children that a hotkey was to have, once it holds too little for any.
    fn drop_children_of_the_poor(hotkey: &AccountId) {
        if Self::worth_of_hotkey(hotkey) < StakeThreshold::<T>::get() {
            for netuid in Self::netuids() {
                PendingChildKeys::<T>::remove(netuid, hotkey);
            }
        }
    }

    /// The same, as long as the price does not fall below `limit`.
    pub(super) fn unstake_within(from: Position<'_>, alpha: Alpha, limit: Tao, excess: Excess) -> DispatchResult {
        Self::check_input(from.netuid, alpha, SubnetAlphaIn::<T>::get(from.netuid))?;
        let greatest = Self::greatest_sale(from.netuid, limit)?;
        Self::check_sale(from, alpha, greatest, excess)?;
        Self::sell_stake(from, alpha.min(greatest), Fees::Charged, limit)?;
        Self::drop_small_nomination(from);
        Self::drop_children_of_the_poor(from.hotkey);
        Ok(())
    }

    /// Takes back all stake, at `limit` or better when there is one.
    pub(super) fn unstake_whole(from: Position<'_>, limit: Option<Tao>) -> DispatchResult {
        ensure!(Self::subnet_exists(from.netuid), Error::<T>::SubnetNotExists);
        match limit {
            Some(limit) => Self::unstake_within(from, Self::held(from), limit, Excess::Refused),
            None => Self::unstake(from.coldkey, from.hotkey, from.netuid, Alpha::MAX),
        }
    }

    /// Sells stake until the price is at `limit`, without asking whether it may be; the fee is sold for the author of the
    /// block. Returns the proceeds.
    pub(super) fn sell_stake(from: Position<'_>, alpha: Alpha, fees: Fees, limit: Tao) -> Result<Tao, DispatchError> {
        Self::sell_stake_for(from, from.coldkey, alpha, fees, limit)
    }

    /// The same, for somebody else.
    pub(super) fn sell_stake_for(
        from: Position<'_>,
        payee: &AccountId,
        alpha: Alpha,
        fees: Fees,
        limit: Tao,
    ) -> Result<Tao, DispatchError> {
        let Position { coldkey, hotkey, netuid } = from;
        let pool_account = Self::subnet_account(netuid);
        Self::debit_stake(hotkey, coldkey, netuid, alpha);
        if netuid == ROOT {
            Self::owe_less_for(hotkey, coldkey, alpha);
        }
        let sold = Self::sell(netuid, alpha, fees, limit)?;
        // What the limit kept out of the pool stays stake.
        let kept = alpha.saturating_sub(sold.input.saturating_add(sold.fee));
        Self::credit_stake(hotkey, coldkey, netuid, kept);
        // Also a fee of nothing is refused by a pool that does not trade any more.
        let fee = Self::sell(netuid, sold.fee, Fees::Waived, swap::LEAST_PRICE)?.output;
        Self::transfer(&pool_account, payee, sold.output, Preservation::Expendable)?;
        Self::transfer(&pool_account, &block_author(), fee, Preservation::Expendable)?;
        Self::record_flow(netuid, sold.output.saturating_add(fee), i64::saturating_sub);
        Self::refresh_lock(coldkey, netuid);
        LastColdkeyHotkeyStakeBlock::<T>::insert(coldkey, hotkey, Self::now());
        Self::deposit_event(Event::StakeRemoved(
            coldkey.clone(),
            hotkey.clone(),
            sold.output,
            sold.input,
            netuid,
            sold.fee,
        ));
        Ok(sold.output)
    }

    /// The least nomination that is kept on the subnet: what the required TAO buys at the current price.
    fn least_nomination(netuid: NetUid) -> Alpha {
        let required = LEAST_STAKE.saturating_mul(NominatorMinRequiredStake::<T>::get()) / 1_000_000;
        U64F64::from_integer(required).over(Self::precise_price(netuid)).whole()
    }

    /// Sells what is left of a nomination that has become too small to keep. Where nothing can be sold, the stake is
    /// gone all the same. A lock of the coldkey loses as much.
    fn drop_small_nomination(left: Position<'_>) {
        let Position { coldkey, hotkey, netuid } = left;
        let held = Self::held(left);
        if held == 0 || held >= Self::least_nomination(netuid) || Self::owns(coldkey, hotkey) {
            return;
        }
        if with_storage_layer(|| Self::sell_stake(left, held, Fees::Charged, swap::LEAST_PRICE)).is_err() {
            Self::debit_stake(hotkey, coldkey, netuid, held);
        }
        Self::reduce_lock(coldkey, netuid, held);
    }

    /// Drops every nomination that a raised minimum has made too small.
    pub fn drop_small_nominations() {
        let positions: Vec<(AccountId, AccountId, NetUid)> = AlphaV2::<T>::iter_keys().collect();
        for (hotkey, coldkey, netuid) in positions {
            Self::drop_small_nomination(Position { coldkey: &coldkey, hotkey: &hotkey, netuid });
        }
    }

    /// Takes back all stake behind a hotkey, wherever it can be.
    pub(super) fn unstake_everywhere(coldkey: &AccountId, hotkey: &AccountId) -> DispatchResult {
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        for netuid in Self::netuids() {
            Self::sell_what_can_be(Position { coldkey, hotkey, netuid })?;
        }
        Ok(())
    }

    /// Takes back all alpha behind a hotkey, wherever it can be, and stakes the TAO on root.
    pub(super) fn unstake_alpha_to_root(coldkey: &AccountId, hotkey: &AccountId) -> DispatchResult {
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        let mut proceeds = 0_u64;
        for netuid in Self::netuids().into_iter().filter(|netuid| *netuid != ROOT) {
            proceeds = proceeds.saturating_add(Self::sell_what_can_be(Position { coldkey, hotkey, netuid })?);
        }
        let to = Position { coldkey, hotkey, netuid: ROOT };
        Self::buy_stake(to, proceeds, Fees::Waived, swap::GREATEST_PRICE).map(|_| ())
    }

    fn sell_what_can_be(from: Position<'_>) -> Result<Tao, DispatchError> {
        let held = Self::held(from);
        if !SubtokenEnabled::<T>::get(from.netuid) || Self::check_sale(from, held, held, Excess::Refused).is_err() {
            return Ok(0);
        }
        let tao = Self::sell_stake(from, held, Fees::Charged, swap::LEAST_PRICE)?;
        Self::drop_small_nomination(from);
        Ok(tao)
    }

    /// Takes up to `alpha` of the coldkey's stake behind the hotkey from it, for nobody. Returns how much that was: of
    /// nothing, nothing.
    fn debit_to_destroy(of: Position<'_>, alpha: Alpha) -> Result<Alpha, DispatchError> {
        ensure!(Self::subnet_exists(of.netuid), Error::<T>::SubnetNotExists);
        ensure!(of.netuid != ROOT, Error::<T>::CannotBurnOrRecycleOnRootSubnet);
        Self::check_staking(of.netuid)?;
        ensure!(Self::hotkey_exists(of.hotkey), Error::<T>::HotKeyAccountNotExists);
        let alpha = alpha.min(Self::held(of));
        ensure!(alpha <= SubnetAlphaOut::<T>::get(of.netuid), Error::<T>::InsufficientLiquidity);
        ensure!(alpha <= Self::unlocked_stake(of.coldkey, of.netuid), Error::<T>::StakeUnavailable);
        if alpha != 0 {
            Self::debit_stake(of.hotkey, of.coldkey, of.netuid, alpha);
        }
        Ok(alpha)
    }

    /// Destroys stake, so that it can be issued again.
    pub(super) fn recycle_stake(of: Position<'_>, alpha: Alpha) -> DispatchResult {
        let alpha = Self::debit_to_destroy(of, alpha)?;
        Self::recycle_alpha_of(of.netuid, alpha);
        Self::deposit_event(Event::AlphaRecycled(of.coldkey.clone(), of.hotkey.clone(), alpha, of.netuid));
        Ok(())
    }

    /// Destroys stake for good.
    pub(super) fn burn_stake(of: Position<'_>, alpha: Alpha) -> DispatchResult {
        let alpha = Self::debit_to_destroy(of, alpha)?;
        alpha_assets::Pallet::<T>::note_burned(of.netuid, alpha);
        Self::deposit_event(Event::AlphaBurned(of.coldkey.clone(), of.hotkey.clone(), alpha, of.netuid));
        Ok(())
    }

    /// Buys alpha and destroys it.
    pub(super) fn buy_and_burn(to: Position<'_>, tao: Tao, limit: Option<Tao>) -> DispatchResult {
        let alpha = if let Some(limit) = limit {
            Self::stake_tao_within(to, tao, limit, Excess::Refused)?
        } else {
            Self::stake_tao(to, tao)?
        };
        Self::burn_stake(to, alpha)?;
        Self::deposit_event(Event::AddStakeBurn { netuid: to.netuid, hotkey: to.hotkey.clone(), amount: tao, alpha });
        Ok(())
    }
}
