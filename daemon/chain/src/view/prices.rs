//! What the alpha of subnets costs, as each generation of runtimes tells it.
//!
//! Runtimes of today tell all prices in one answer, those before them the price of each subnet by itself. Before there was
//! a pallet for the pools none told a price: it was what the pools held. With that pallet it is not, for a pool's liquidity
//! may lie elsewhere than at its price; a price that nobody tells is then not known, and never made up.
//!
//! Nothing that is told beside prices depends on them ([`View::price_if_told`]). [`View::price`] fails where one cannot be
//! had, for what is bought and sold may depend on it. On root alpha is tao, so that nobody is asked for its price.

use std::collections::BTreeMap;

use btd_api::{Alpha, NetUid, Tao};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::try_join;

use super::View;
use crate::{error::ReadError, runtime::Runtime, scale::read::record, value::Value};

const API: &str = "SwapRuntimeApi";
const PALLET: &str = "SubtensorModule";
/// How many subnets are asked for their price at a time.
const AT_ONCE: usize = 8;
/// One tao in rao: the price of root's alpha, and what a price is counted for.
const ONE: u64 = 1_000_000_000;

record! {
    /// `pallet_subtensor_swap_runtime_api::SubnetPrice`.
    pub(crate) struct SubnetPrice {
        netuid: NetUid,
        price: Tao,
    }
}

/// How a runtime tells prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pricing {
    /// All of them in one answer.
    Together,
    /// Each by itself.
    OneByOne,
    /// Not at all: they are what the pools hold.
    ByPools,
    /// Not at all, and nothing else says what they are.
    Untold,
    /// There are no pools.
    None,
}

/// What one alpha costs in rao of tao where that is what the pool of its subnet holds: one on root, and none of an empty
/// pool, and where it is beyond all reason.
pub fn pool_price(netuid: NetUid, tao_in: Tao, alpha_in: Alpha) -> Option<Tao> {
    if netuid == NetUid::ROOT {
        return Some(Tao::from_rao(ONE));
    }
    let ratio = (u128::from(tao_in.rao()) * u128::from(ONE)).checked_div(u128::from(alpha_in.rao()))?;
    u64::try_from(ratio).ok().map(Tao::from_rao)
}

/// Nothing instead of an error where a price is refused, or told in a way that is not understood: that may be so at
/// every block, and whatever else was read is none the worse for it. Errors of the link and of the block stay errors,
/// among them a refusal because the state is gone, which is [`ReadError::Pruned`] by now.
pub(super) fn told_or_unknown<T>(netuid: Option<NetUid>, read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(told) => Ok(Some(told)),
        Err(
            cause @ (ReadError::Refused { .. }
            | ReadError::Decode { .. }
            | ReadError::Garbled { .. }
            | ReadError::Oversized { .. }
            | ReadError::Absent(_)
            | ReadError::Argument { .. }),
        ) => {
            tracing::info!(netuid = netuid.map(|netuid| netuid.0), %cause, "the price of alpha was not told");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

// === impl Pricing ===

impl Pricing {
    pub(super) fn of(runtime: &Runtime) -> Self {
        if runtime.has_runtime_api(API, "current_alpha_price_all") {
            Self::Together
        } else if runtime.has_runtime_api(API, "current_alpha_price") {
            Self::OneByOne
        } else if !runtime.has_pools() {
            Self::None
        } else if runtime.pallets().any(|pallet| pallet == "Swap") {
            Self::Untold
        } else {
            Self::ByPools
        }
    }

    /// The price of root's alpha, for which nobody is asked; none where there are no pools.
    pub(super) fn of_root(self) -> Option<Tao> {
        (self != Self::None).then_some(Tao::from_rao(ONE))
    }
}

// === impl View ===

impl View {
    /// What one alpha of the subnet costs, in rao of tao; none where that is not known.
    ///
    /// # Errors
    /// When the chain cannot be read, and when the runtime has a call for it that fails.
    pub async fn price(&self, netuid: NetUid) -> Result<Option<Tao>, ReadError> {
        let pricing = Pricing::of(self.runtime());
        if netuid == NetUid::ROOT {
            return Ok(pricing.of_root());
        }
        if self.runtime().has_runtime_api(API, "current_alpha_price") {
            let (_, price) = self.one_price(netuid).await?;
            return Ok(Some(price));
        }
        // Boxed: runtimes of today need it never.
        Ok(Box::pin(self.prices_of(pricing, &[netuid])).await?.remove(&netuid))
    }

    /// The same for what is told beside it and does not depend on it: none too where the price is refused, or told in a
    /// way that is not understood.
    ///
    /// # Errors
    /// When the chain cannot be read, or the state of the block is gone.
    pub async fn price_if_told(&self, netuid: NetUid) -> Result<Option<Tao>, ReadError> {
        Ok(told_or_unknown(Some(netuid), self.price(netuid).await)?.flatten())
    }

    /// What one alpha of each subnet costs, where the runtime tells that in one answer.
    pub(super) async fn prices_together(&self) -> Result<BTreeMap<NetUid, Tao>, ReadError> {
        let told: Vec<SubnetPrice> = self.api(API, "current_alpha_price_all", &[]).await?;
        Ok(told.into_iter().map(|one| (one.netuid, one.price)).collect())
    }

    /// What one alpha of each of `netuids` but root costs, where that is known: one that fails by itself takes no other
    /// with it.
    pub(super) async fn prices_of(
        &self,
        pricing: Pricing,
        netuids: &[NetUid],
    ) -> Result<BTreeMap<NetUid, Tao>, ReadError> {
        let traded: Vec<NetUid> = netuids.iter().copied().filter(|netuid| *netuid != NetUid::ROOT).collect();
        match pricing {
            Pricing::Together => self.prices_together().await,
            Pricing::None | Pricing::Untold => Ok(BTreeMap::new()),
            Pricing::OneByOne => {
                let reads: Vec<_> = traded.into_iter().map(|netuid| self.one_price_if_told(netuid)).collect();
                let told: Vec<Option<(NetUid, Tao)>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
                Ok(told.into_iter().flatten().collect())
            }
            Pricing::ByPools => self.pool_prices(&traded).await,
        }
    }

    async fn one_price(&self, netuid: NetUid) -> Result<(NetUid, Tao), ReadError> {
        Ok((netuid, self.api(API, "current_alpha_price", &[netuid.into()]).await?))
    }

    async fn one_price_if_told(&self, netuid: NetUid) -> Result<Option<(NetUid, Tao)>, ReadError> {
        told_or_unknown(Some(netuid), self.one_price(netuid).await)
    }

    /// What the pools of `netuids` hold, as prices.
    async fn pool_prices(&self, netuids: &[NetUid]) -> Result<BTreeMap<NetUid, Tao>, ReadError> {
        let places: Vec<Vec<Value>> = netuids.iter().map(|netuid| vec![(*netuid).into()]).collect();
        let (tao, alpha) = try_join!(
            self.values::<Tao>(PALLET, "SubnetTAO", &places),
            self.values::<Alpha>(PALLET, "SubnetAlphaIn", &places),
        )?;
        let pools = netuids.iter().zip(tao.into_iter().zip(alpha));
        Ok(pools.filter_map(|(netuid, (tao, alpha))| Some((*netuid, pool_price(*netuid, tao?, alpha?)?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use btd_api::{BlockHash, BlockNumber};

    use super::*;
    use crate::{
        error::Item,
        generations::{generations, lacking},
        scale::Mismatch,
    };

    #[test]
    fn each_generation_tells_prices_in_its_own_way() {
        let [oldest, old, undescribed, ..] = generations();
        assert_eq!([&oldest, &old].map(Pricing::of), [Pricing::None; 2]);
        assert_eq!(Pricing::of(&undescribed), Pricing::Untold, "its metadata describes no runtime APIs");
        let nothing: &[&str] = &[];
        for (lacks, pricing) in [
            (nothing, Pricing::Together),
            (&["current_alpha_price_all"][..], Pricing::OneByOne),
            (&["SwapRuntimeApi"][..], Pricing::Untold),
            (&["SwapRuntimeApi", "Swap"][..], Pricing::ByPools),
            (&["SwapRuntimeApi", "Swap", "SubnetAlphaIn"][..], Pricing::None),
        ] {
            assert_eq!(Pricing::of(&lacking(lacks)), pricing, "without {lacks:?}");
            let of_root = (pricing != Pricing::None).then_some(Tao::from_rao(1_000_000_000));
            assert_eq!(pricing.of_root(), of_root, "without {lacks:?}");
        }
    }

    #[test]
    fn a_price_that_is_not_told_is_unknown_and_a_link_or_a_state_that_is_lost_is_an_error() {
        let what = || "SwapRuntimeApi.current_alpha_price".to_owned();
        let reason = || Mismatch::new("it is longer than that");
        let absent = lacking(&["SwapRuntimeApi"]).absent(Item::RuntimeApi, API, "current_alpha_price");
        for error in [
            ReadError::Refused { what: what(), code: 4003, message: "Execution failed".to_owned() },
            ReadError::Decode { what: what(), spec_version: 425, reason: reason() },
            ReadError::Garbled { what: what(), reason: "an odd number of digits".to_owned() },
            ReadError::Oversized { what: what() },
            ReadError::Absent(absent),
            ReadError::Argument { what: what(), reason: reason() },
        ] {
            for netuid in [None, Some(NetUid(1))] {
                assert_eq!(told_or_unknown::<Tao>(netuid, Err(error.clone())), Ok(None), "{error}");
            }
        }
        let (hash, after) = (BlockHash([1; 32]), Duration::from_secs(20));
        for error in [
            ReadError::NotConnected { cause: None },
            ReadError::Deadline { what: what(), after },
            ReadError::NoTurn { what: what(), after, is_slowed: true },
            ReadError::Cut { what: what() },
            ReadError::UnknownBlock { block: "7".to_owned() },
            ReadError::NotKept { block: BlockNumber(7), oldest: None },
            ReadError::TakenBack { first: BlockNumber(7), head: BlockNumber(9) },
            ReadError::Pruned { block: hash },
            ReadError::NoArchive { what: what(), cause: None },
        ] {
            assert_eq!(told_or_unknown::<Tao>(None, Err(error.clone())), Err(error));
        }
        assert_eq!(told_or_unknown(None, Ok(Tao::from_rao(7))), Ok(Some(Tao::from_rao(7))));
    }

    #[test]
    fn a_price_follows_from_the_pool() {
        let rao = Tao::from_rao;
        assert_eq!(pool_price(NetUid(0), rao(0), Alpha::ZERO), Some(rao(1_000_000_000)));
        assert_eq!(pool_price(NetUid(1), rao(10), Alpha::from_rao(20)), Some(rao(500_000_000)));
        assert_eq!(pool_price(NetUid(1), rao(10), Alpha::ZERO), None);
        assert_eq!(pool_price(NetUid(1), rao(u64::MAX), Alpha::from_rao(1)), None);
    }
}
