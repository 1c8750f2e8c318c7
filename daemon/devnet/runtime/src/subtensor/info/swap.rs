//! Prices of alpha, and what an exchange would give.

use alloc::vec::Vec;

use codec::{Decode, Encode};
use scale_info::TypeInfo;

use super::super::{
    Config, Pallet,
    pool::Fees,
    types::{Alpha, NetUid, Tao},
};

/// The price of a subnet's alpha, in rao of TAO for 10⁹ rao.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetPrice {
    pub netuid: NetUid,
    pub price: u64,
}

/// What an exchange would give. All zero when it cannot be made.
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

    /// What `tao` would buy.
    pub fn simulate_buy(netuid: NetUid, tao: Tao) -> SimSwapResult {
        let Ok(quote) = Self::quote_buy(netuid, tao, Fees::Charged) else { return SimSwapResult::default() };
        let at_price = Self::alpha_worth(netuid, quote.input);
        SimSwapResult {
            tao_amount: quote.input,
            alpha_amount: quote.output,
            tao_fee: quote.fee,
            alpha_fee: 0,
            tao_slippage: 0,
            alpha_slippage: at_price.saturating_sub(quote.output),
        }
    }

    /// What `alpha` would sell for.
    pub fn simulate_sale(netuid: NetUid, alpha: Alpha) -> SimSwapResult {
        let Ok(quote) = Self::quote_sell(netuid, alpha, Fees::Charged) else { return SimSwapResult::default() };
        let at_price = Self::worth(netuid, quote.input);
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
