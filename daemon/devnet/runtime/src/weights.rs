//! Dispatch weights of upstream pallets where node-subtensor measured its own, so that fees agree to the rao.
//!
//! Figures not listed here are those of the upstream benchmarks, which the real runtime uses unchanged.

use frame_support::weights::{Weight, constants::RocksDbWeight};

use crate::Runtime;

fn reads_writes(base: u64, proof: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, proof).saturating_add(RocksDbWeight::get().reads_writes(reads, writes))
}

/// Transaction extensions are not charged for: the fee of an extrinsic holds its call, its length and the base weight.
pub struct Extensions;

impl frame_system::ExtensionsWeightInfo for Extensions {
    fn check_genesis() -> Weight {
        Weight::zero()
    }
    fn check_mortality_mortal_transaction() -> Weight {
        Weight::zero()
    }
    fn check_mortality_immortal_transaction() -> Weight {
        Weight::zero()
    }
    fn check_non_zero_sender() -> Weight {
        Weight::zero()
    }
    fn check_nonce() -> Weight {
        Weight::zero()
    }
    fn check_spec_version() -> Weight {
        Weight::zero()
    }
    fn check_tx_version() -> Weight {
        Weight::zero()
    }
    fn check_weight() -> Weight {
        Weight::zero()
    }
    fn weight_reclaim() -> Weight {
        Weight::zero()
    }
}

impl pallet_transaction_payment::WeightInfo for Extensions {
    fn charge_transaction_payment() -> Weight {
        Weight::zero()
    }
}

type UpstreamUtility = pallet_utility::weights::SubstrateWeight<Runtime>;

/// Weights of Utility.
pub(crate) struct Utility;

impl pallet_utility::WeightInfo for Utility {
    fn batch(c: u32) -> Weight {
        reads_writes(19_446_696, 3_983, 2, 0).saturating_add(Weight::from_parts(5_450_264, 0).saturating_mul(c.into()))
    }
    fn batch_all(c: u32) -> Weight {
        reads_writes(13_428_230, 3_983, 2, 0).saturating_add(Weight::from_parts(5_663_250, 0).saturating_mul(c.into()))
    }
    fn force_batch(c: u32) -> Weight {
        reads_writes(12_134_867, 3_983, 2, 0).saturating_add(Weight::from_parts(5_477_293, 0).saturating_mul(c.into()))
    }
    fn as_derivative() -> Weight {
        UpstreamUtility::as_derivative()
    }
    fn dispatch_as() -> Weight {
        UpstreamUtility::dispatch_as()
    }
    fn dispatch_as_fallible() -> Weight {
        UpstreamUtility::dispatch_as_fallible()
    }
    fn if_else() -> Weight {
        UpstreamUtility::if_else()
    }
}

type UpstreamProxy = pallet_proxy::weights::SubstrateWeight<Runtime>;

/// Weights of Proxy. The pallet asks for the most proxies an account may have, so three of them are constants.
pub(crate) struct Proxy;

impl pallet_proxy::WeightInfo for Proxy {
    fn proxy(_proxies: u32) -> Weight {
        // The pallet adds a read and a write to what was measured: 329,090,365.
        Weight::from_parts(329_090_365, 4_994).saturating_sub(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn add_proxy(_proxies: u32) -> Weight {
        Weight::from_parts(152_388_644, 4_254)
    }
    fn remove_proxy(_proxies: u32) -> Weight {
        Weight::from_parts(254_108_129, 4_254)
    }
    fn proxy_announced(a: u32, p: u32) -> Weight {
        UpstreamProxy::proxy_announced(a, p)
    }
    fn remove_announcement(a: u32, p: u32) -> Weight {
        UpstreamProxy::remove_announcement(a, p)
    }
    fn reject_announcement(a: u32, p: u32) -> Weight {
        UpstreamProxy::reject_announcement(a, p)
    }
    fn announce(a: u32, p: u32) -> Weight {
        UpstreamProxy::announce(a, p)
    }
    fn remove_proxies(p: u32) -> Weight {
        UpstreamProxy::remove_proxies(p)
    }
    fn create_pure(p: u32) -> Weight {
        UpstreamProxy::create_pure(p)
    }
    fn kill_pure(p: u32) -> Weight {
        UpstreamProxy::kill_pure(p)
    }
    fn poke_deposit() -> Weight {
        UpstreamProxy::poke_deposit()
    }
}

type UpstreamBalances = pallet_balances::weights::SubstrateWeight<Runtime>;

/// Weights of Balances. Burning weighs the same whether or not the account is kept alive.
pub struct Balances;

impl pallet_balances::WeightInfo for Balances {
    fn transfer_allow_death() -> Weight {
        UpstreamBalances::transfer_allow_death()
    }
    fn transfer_keep_alive() -> Weight {
        UpstreamBalances::transfer_keep_alive()
    }
    fn force_set_balance_creating() -> Weight {
        UpstreamBalances::force_set_balance_creating()
    }
    fn force_set_balance_killing() -> Weight {
        UpstreamBalances::force_set_balance_killing()
    }
    fn force_transfer() -> Weight {
        UpstreamBalances::force_transfer()
    }
    fn transfer_all() -> Weight {
        UpstreamBalances::transfer_all()
    }
    fn force_unreserve() -> Weight {
        UpstreamBalances::force_unreserve()
    }
    fn force_adjust_total_issuance() -> Weight {
        UpstreamBalances::force_adjust_total_issuance()
    }
    fn burn_allow_death() -> Weight {
        UpstreamBalances::burn_allow_death()
    }
    fn burn_keep_alive() -> Weight {
        UpstreamBalances::burn_allow_death()
    }
    fn upgrade_accounts(u: u32) -> Weight {
        UpstreamBalances::upgrade_accounts(u)
    }
}
