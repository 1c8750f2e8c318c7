//! Moving stake: to another hotkey, another coldkey, another subnet.
//!
//! Within a subnet shares change hands and nothing is exchanged. Between subnets alpha is sold and bought, and one fee
//! is paid: where stake leaves, or where it arrives when it leaves root.

use frame_support::{ensure, traits::tokens::Preservation};
use sp_core::U256;
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    Config, Error, Event, LastColdkeyHotkeyStakeBlock, Pallet, SubnetAlphaIn, SubnetTAO, TransferToggle,
    fixed::U64F64,
    pool::Fees,
    staking::{Excess, LEAST_STAKE, Position},
    types::{Alpha, NetUid, ROOT, Tao},
};
use crate::{AccountId, UNIT, swap};

/// A limit on how far a movement may shift the ratio of two prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RatioLimit {
    /// The least ratio of the origin's price to the destination's, times 10⁹.
    pub(super) least: Tao,
    /// What to do with the rest.
    pub(super) excess: Excess,
}

/// Whether owners of subnets must allow a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    Needed,
    NotNeeded,
}

/// The price of TAO in alpha where `price`, which is not 0, is that of alpha in TAO: through 64 fraction bits, as on the
/// real chain.
fn inverse(price: Tao) -> Tao {
    U64F64::ratio(UNIT, price).times(UNIT)
}

impl<T: Config> Pallet<T> {
    /// Moves stake to another hotkey of the same coldkey.
    pub(super) fn move_stake_between(from: Position<'_>, to: Position<'_>, alpha: Alpha) -> DispatchResult {
        let moved = Self::relocate(from, to, alpha, None, Leave::NotNeeded)?;
        Self::deposit_event(Event::StakeMoved(
            from.coldkey.clone(),
            from.hotkey.clone(),
            from.netuid,
            to.hotkey.clone(),
            to.netuid,
            moved,
        ));
        Ok(())
    }

    /// Gives stake to another coldkey, where owners of the subnets allow it.
    pub(super) fn transfer_stake_to(from: Position<'_>, to: Position<'_>, alpha: Alpha) -> DispatchResult {
        let moved = Self::relocate(from, to, alpha, None, Leave::Needed)?;
        Self::deposit_event(Event::StakeTransferred(
            from.coldkey.clone(),
            to.coldkey.clone(),
            from.hotkey.clone(),
            from.netuid,
            to.netuid,
            moved,
        ));
        Ok(())
    }

    /// Moves stake to another subnet behind the same hotkey.
    pub(super) fn swap_stake_between(
        from: Position<'_>,
        netuid: NetUid,
        alpha: Alpha,
        limit: Option<RatioLimit>,
    ) -> DispatchResult {
        let moved = Self::relocate(from, Position { netuid, ..from }, alpha, limit, Leave::NotNeeded)?;
        Self::deposit_event(Event::StakeSwapped(from.coldkey.clone(), from.hotkey.clone(), from.netuid, netuid, moved));
        Ok(())
    }

    fn check_ends(from: Position<'_>, to: Position<'_>) -> DispatchResult {
        ensure!(from != to, Error::<T>::SameNetuid);
        // That both are there is asked before whether either trades.
        let netuids = [from.netuid, to.netuid];
        ensure!(netuids.into_iter().all(Self::subnet_exists), Error::<T>::SubnetNotExists);
        netuids.into_iter().try_for_each(Self::check_staking)?;
        ensure!(Self::hotkey_exists(from.hotkey), Error::<T>::HotKeyAccountNotExists);
        ensure!(Self::hotkey_exists(to.hotkey), Error::<T>::HotKeyAccountNotExists);
        Ok(())
    }

    /// Moves up to `alpha` and returns what it is worth, in rao of TAO.
    fn relocate(
        from: Position<'_>,
        to: Position<'_>,
        alpha: Alpha,
        limit: Option<RatioLimit>,
        leave: Leave,
    ) -> Result<Tao, DispatchError> {
        let alpha = alpha.min(Self::held(from));
        let greatest = match limit {
            Some(limit) if from.netuid != to.netuid => Self::greatest_movement(from.netuid, to.netuid, limit.least)?,
            _ => alpha,
        };
        Self::check_ends(from, to)?;
        if from.netuid == to.netuid {
            Self::check_toggles(from, to, leave)?;
            return Self::hand_over(from, to, alpha);
        }
        let quote = Self::quote_sell(from.netuid, alpha, Fees::Charged, swap::LEAST_PRICE);
        let proceeds = quote.map_err(|_| Error::<T>::InsufficientLiquidity)?.output;
        ensure!(proceeds > LEAST_STAKE, Error::<T>::AmountTooLow);
        ensure!(
            alpha <= greatest || limit.is_none_or(|limit| limit.excess == Excess::LeftOut),
            Error::<T>::SlippageTooHigh
        );
        Self::check_toggles(from, to, leave)?;
        ensure!(alpha <= Self::unlocked_stake(from.coldkey, from.netuid), Error::<T>::StakeUnavailable);
        // Where a part would do, a limit may leave nothing to move, and that is moved.
        let alpha = alpha.min(greatest);
        let (leaving, arriving) =
            if from.netuid == ROOT { (Fees::Waived, Fees::Charged) } else { (Fees::Charged, Fees::Waived) };
        let tao = Self::sell_stake(from, alpha, leaving, swap::LEAST_PRICE)?;
        if from.coldkey != to.coldkey {
            Self::transfer(from.coldkey, to.coldkey, tao, Preservation::Expendable)?;
        }
        // A limit can leave so little that it stays TAO.
        if tao >= LEAST_STAKE {
            Self::make_delegate(to);
            Self::buy_stake(to, tao, arriving, swap::GREATEST_PRICE)?;
        }
        Ok(tao)
    }

    fn check_toggles(from: Position<'_>, to: Position<'_>, leave: Leave) -> DispatchResult {
        let allowed =
            leave == Leave::NotNeeded || (TransferToggle::<T>::get(from.netuid) && TransferToggle::<T>::get(to.netuid));
        ensure!(allowed, Error::<T>::TransferDisallowed);
        Ok(())
    }

    /// Passes stake on within a subnet.
    pub(super) fn hand_over(from: Position<'_>, to: Position<'_>, alpha: Alpha) -> Result<Tao, DispatchError> {
        let netuid = from.netuid;
        if from.coldkey != to.coldkey {
            Self::give_lock(from, to, alpha)?;
        }
        let worth = Self::worth(netuid, alpha);
        ensure!(worth >= LEAST_STAKE, Error::<T>::AmountTooLow);
        Self::debit_stake(from.hotkey, from.coldkey, netuid, alpha);
        Self::credit_stake(to.hotkey, to.coldkey, netuid, alpha);
        if netuid == ROOT {
            Self::owe_less_for(from.hotkey, from.coldkey, alpha);
            Self::owe_nothing_for(to.hotkey, to.coldkey, alpha);
        }
        LastColdkeyHotkeyStakeBlock::<T>::insert(to.coldkey, to.hotkey, Self::now());
        let named = |coldkey: &AccountId, hotkey: &AccountId| (coldkey.clone(), hotkey.clone());
        let (coldkey, hotkey) = named(from.coldkey, from.hotkey);
        Self::deposit_event(Event::StakeRemoved(coldkey, hotkey, worth, alpha, netuid, 0));
        let (coldkey, hotkey) = named(to.coldkey, to.hotkey);
        Self::deposit_event(Event::StakeAdded(coldkey, hotkey, worth, alpha, netuid, 0));
        Ok(worth)
    }

    /// The most alpha that can move before the ratio of prices falls below `least` / 10⁹: none where it is below already.
    ///
    /// Between two pools this is the linear estimate of the real chain, which stops well short of the limit.
    fn greatest_movement(origin: NetUid, destination: NetUid, least: Tao) -> Result<Alpha, DispatchError> {
        match (Self::is_one_for_one(origin), Self::is_one_for_one(destination)) {
            (false, false) => Ok(Self::greatest_between_pools(origin, destination, least)),
            (true, true) => Ok(if least <= UNIT { Alpha::MAX } else { 0 }),
            (false, true) => Self::greatest_sale(origin, least),
            (true, false) if least == 0 => Ok(Alpha::MAX),
            (true, false) => Self::greatest_buy(destination, inverse(least)),
        }
    }

    fn greatest_between_pools(origin: NetUid, destination: NetUid, least: Tao) -> Alpha {
        let (tao, other_tao) = (SubnetTAO::<T>::get(origin), SubnetTAO::<T>::get(destination));
        let (alpha, other_alpha) = (SubnetAlphaIn::<T>::get(origin), SubnetAlphaIn::<T>::get(destination));
        // Nothing moves through a pool with an empty side, whatever the limit.
        if [tao, other_tao, alpha, other_alpha].contains(&0) || Self::ratio_is_below(origin, destination, least) {
            return 0;
        }
        if least == 0 {
            return Alpha::MAX;
        }
        let all = U256::from(tao) + U256::from(other_tao);
        let gained = U256::from(other_alpha) * U256::from(tao) * U256::from(UNIT) / U256::from(least);
        let given = U256::from(alpha) * U256::from(other_tao);
        let room = gained.saturating_sub(given).checked_div(all).unwrap_or_default();
        Alpha::try_from(room).unwrap_or(Alpha::MAX)
    }

    /// Whether the ratio of prices, with the weights of the pools, is below `least` / 10⁹: movements only lower it.
    /// Both quotients are rounded down to 64 fraction bits first, as on the real chain.
    fn ratio_is_below(origin: NetUid, destination: NetUid, least: Tao) -> bool {
        U64F64::ratio(least, UNIT) > Self::precise_price(origin).over(Self::precise_price(destination))
    }
}

#[cfg(test)]
mod tests {
    use super::{UNIT, inverse};

    #[test]
    fn an_inverse_goes_through_64_fraction_bits() {
        assert_eq!(inverse(UNIT), UNIT);
        assert_eq!(inverse(UNIT / 4), 4 * UNIT);
        assert_eq!(inverse(5 * UNIT), 199_999_999, "a fifth has no end");
        assert_eq!(inverse(1), UNIT * UNIT);
    }
}
