//! Fees in alpha: who moves or sells stake and has no TAO for the fee pays it out of that stake.
//!
//! It is so only where the calls of an extrinsic name a single position. That position's alpha is sold for the author of
//! the block, and what the call does not use of the fee is not given back.

use alloc::vec::Vec;

use frame_support::storage::with_storage_layer;
use sp_runtime::DispatchError;

use super::{
    Call, Config, Event, Pallet, SubtokenEnabled,
    fixed::U96F32,
    pool::Fees,
    staking::Position,
    types::{Alpha, NetUid, Tao},
};
use crate::{AccountId, block_author};

/// A hotkey and a subnet on which the payer holds its alpha.
pub type Place = (AccountId, NetUid);

/// What was taken for a fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlphaFee {
    /// The subnet.
    pub netuid: NetUid,
    /// Alpha that was sold.
    pub alpha: Alpha,
    /// What it was sold for.
    pub tao: Tao,
}

impl<T: Config> Pallet<T> {
    /// The positions out of which a call may be paid for.
    pub(crate) fn places_for_fee(coldkey: &AccountId, call: &Call<T>) -> Vec<Place> {
        match call {
            Call::remove_stake { hotkey, netuid, .. }
            | Call::remove_stake_limit { hotkey, netuid, .. }
            | Call::remove_stake_full_limit { hotkey, netuid, .. }
            | Call::recycle_alpha { hotkey, netuid, .. }
            | Call::burn_alpha { hotkey, netuid, .. }
            | Call::transfer_stake { hotkey, origin_netuid: netuid, .. }
            | Call::swap_stake { hotkey, origin_netuid: netuid, .. }
            | Call::swap_stake_limit { hotkey, origin_netuid: netuid, .. }
            | Call::move_stake { origin_hotkey: hotkey, origin_netuid: netuid, .. } => {
                alloc::vec![(hotkey.clone(), *netuid)]
            }
            Call::unstake_all { hotkey } | Call::unstake_all_alpha { hotkey } => Self::netuids_in_storage_order()
                .into_iter()
                .filter(|netuid| SubtokenEnabled::<T>::get(netuid) && Self::stake(hotkey, coldkey, *netuid) != 0)
                .map(|netuid| (hotkey.clone(), netuid))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Alpha that a fee is worth at the current price.
    fn alpha_of_fee(netuid: NetUid, fee: Tao) -> Alpha {
        U96F32::from_integer(fee).over(Self::precise_price(netuid).narrowed()).whole()
    }

    /// Whether the fee can be paid out of these positions.
    pub(crate) fn can_pay_in_alpha(coldkey: &AccountId, places: &[Place], fee: Tao) -> bool {
        match places {
            [(hotkey, netuid)] => Self::stake(hotkey, coldkey, *netuid) >= Self::alpha_of_fee(*netuid, fee),
            _ => false,
        }
    }

    /// Pays the fee out of these positions: nothing where they are several, all of a position that is worth less.
    pub(crate) fn pay_in_alpha(coldkey: &AccountId, places: &[Place], fee: Tao) -> Result<AlphaFee, DispatchError> {
        let [(hotkey, netuid)] = places else { return Ok(AlphaFee { netuid: 0, alpha: 0, tao: 0 }) };
        let from = Position { coldkey, hotkey, netuid: *netuid };
        let held = Self::held(from);
        let worth = Self::alpha_of_fee(*netuid, fee);
        let alpha = if worth == 0 { held } else { worth.min(held) };
        // At any price, though a pool that it takes below the least one refuses it in the end.
        let sell = || Self::sell_stake_for(from, &block_author(), alpha, Fees::Waived, 0);
        let tao = with_storage_layer(sell)?;
        Ok(AlphaFee { netuid: *netuid, alpha, tao })
    }

    /// Tells of a fee that was paid in alpha.
    pub(crate) fn tell_of_alpha_fee(who: &AccountId, fee: AlphaFee) {
        Self::deposit_event(Event::TransactionFeePaidWithAlpha {
            who: who.clone(),
            netuid: fee.netuid,
            alpha_fee: fee.alpha,
            tao_amount: fee.tao,
        });
    }
}
