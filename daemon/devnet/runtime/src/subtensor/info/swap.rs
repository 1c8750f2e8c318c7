//! Prices of alpha, and what an exchange would give.

use alloc::vec::Vec;

use codec::{Decode, Encode};
use scale_info::TypeInfo;
use sp_runtime::DispatchError;

use super::super::{
    Config, Pallet,
    fixed::U64F64,
    pool::{Fees, Quote},
    types::{Alpha, NetUid, Tao},
};
use crate::swap;

/// The price of a subnet's alpha, in rao of TAO for 10⁹ rao.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetPrice {
    pub netuid: NetUid,
    pub price: u64,
}

/// What an exchange would give. All zero when it cannot be made. Slippage is what the whole amount put in, its fee not
/// taken off, would give at the current price, less what it does give: so the fee is part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SimSwapResult {
    pub tao_amount: Tao,
    pub alpha_amount: Alpha,
    pub tao_fee: Tao,
    pub alpha_fee: Alpha,
    pub tao_slippage: Tao,
    pub alpha_slippage: Alpha,
}

impl<T: Config> Pallet<T> {
    /// The price of every subnet's alpha.
    pub fn alpha_prices() -> Vec<SubnetPrice> {
        Self::netuids().into_iter().map(|netuid| SubnetPrice { netuid, price: Self::alpha_price(netuid) }).collect()
    }

    /// What an exchange of `amount` would give. Where alpha is TAO under another name, all that is put in comes out again,
    /// whatever the pool holds; of a subnet that does not exist nothing does, which is no error either.
    fn simulated(
        netuid: NetUid,
        amount: u64,
        limit: Tao,
        quote: fn(NetUid, u64, Fees, Tao) -> Result<Quote, DispatchError>,
    ) -> Option<Quote> {
        if Self::is_one_for_one(netuid) {
            let amount = if Self::subnet_exists(netuid) { amount } else { 0 };
            return Some(Quote { input: amount, output: amount, fee: 0 });
        }
        quote(netuid, amount, Fees::Charged, limit).ok()
    }

    /// What `tao` would buy, up to the greatest price.
    pub fn simulate_buy(netuid: NetUid, tao: Tao) -> SimSwapResult {
        let Some(quote) = Self::simulated(netuid, tao, swap::GREATEST_PRICE, Self::quote_buy) else {
            return SimSwapResult::default();
        };
        let at_price = U64F64::from_integer(tao).over(Self::precise_price(netuid)).whole();
        SimSwapResult {
            tao_amount: quote.input,
            alpha_amount: quote.output,
            tao_fee: quote.fee,
            alpha_fee: 0,
            tao_slippage: 0,
            alpha_slippage: at_price.saturating_sub(quote.output),
        }
    }

    /// What `alpha` would sell for, down to the least price.
    pub fn simulate_sale(netuid: NetUid, alpha: Alpha) -> SimSwapResult {
        let Some(quote) = Self::simulated(netuid, alpha, swap::LEAST_PRICE, Self::quote_sell) else {
            return SimSwapResult::default();
        };
        let at_price = U64F64::from_integer(alpha).by(Self::precise_price(netuid)).whole();
        SimSwapResult {
            tao_amount: quote.output,
            alpha_amount: quote.input,
            tao_fee: 0,
            alpha_fee: quote.fee,
            tao_slippage: at_price.saturating_sub(quote.output),
            alpha_slippage: 0,
        }
    }
}
