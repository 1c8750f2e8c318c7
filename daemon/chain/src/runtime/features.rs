//! What a runtime can do, by name: for programs that must not guess it from the spec version.
//!
//! A feature is there when the metadata has what it takes. The names are btd's own and stable;
//! the items behind them are pallet_subtensor's and its neighbours', specs 103 (2023) to 425 (2026).

use super::Runtime;

/// Something that a runtime has or lacks.
enum Needs {
    Call(&'static str, &'static str),
    /// A call that does what it is named for only while there is a storage item.
    CallWith((&'static str, &'static str), &'static str),
    Storage(&'static str, &'static str),
    Api(&'static str, &'static str),
}

use Needs::{Api, Call, CallWith, Storage};

const SUBTENSOR: &str = "SubtensorModule";

/// The features, and what each takes.
const FEATURES: &[(&str, Needs)] = &[
    ("runtime-apis", Api("SubnetInfoRuntimeApi", "get_subnet_info")),
    ("metagraph-api", Api("SubnetInfoRuntimeApi", "get_metagraph")),
    ("selective-metagraph", Api("SubnetInfoRuntimeApi", "get_selective_metagraph")),
    ("mechanisms", Api("SubnetInfoRuntimeApi", "get_mechagraph")),
    ("hyperparameters-v3", Api("SubnetInfoRuntimeApi", "get_subnet_hyperparams_v3")),
    ("alpha-prices", Api("SwapRuntimeApi", "current_alpha_price_all")),
    ("swap-simulation", Api("SwapRuntimeApi", "sim_swap_tao_for_alpha")),
    ("stake-availability", Api("StakeInfoRuntimeApi", "get_stake_availability_for_coldkeys")),
    ("burned-registration", Call(SUBTENSOR, "burned_register")),
    ("registration-limit", Call(SUBTENSOR, "register_limit")),
    // Spec 401 dropped the proof of work together with the ranks; the call stayed, and burns tao.
    ("pow-registration", CallWith((SUBTENSOR, "register"), "Rank")),
    ("pow-registration-v2", Call(SUBTENSOR, "pow_register")),
    ("alpha-stake", Storage(SUBTENSOR, "SubnetAlphaIn")),
    ("stake-limit-price", Call(SUBTENSOR, "add_stake_limit")),
    ("stake-move", Call(SUBTENSOR, "move_stake")),
    ("stake-transfer", Call(SUBTENSOR, "transfer_stake")),
    ("stake-lock", Call(SUBTENSOR, "lock_stake")),
    ("children", Call(SUBTENSOR, "set_children")),
    ("commit-reveal", Call(SUBTENSOR, "commit_weights")),
    ("timelocked-weights", Call(SUBTENSOR, "commit_timelocked_weights")),
    ("mechanism-weights", Call(SUBTENSOR, "set_mechanism_weights")),
    ("batch-weights", Call(SUBTENSOR, "batch_set_weights")),
    ("root-weights", Call(SUBTENSOR, "set_root_weights")),
    ("root-claim", Call(SUBTENSOR, "claim_root")),
    ("senate", Call(SUBTENSOR, "vote")),
    ("axon-certificates", Call(SUBTENSOR, "serve_axon_tls")),
    ("identities", Call(SUBTENSOR, "set_identity")),
    ("subnet-identities", Call(SUBTENSOR, "set_subnet_identity")),
    ("hotkey-swap", Call(SUBTENSOR, "swap_hotkey")),
    ("coldkey-swap-announcement", Call(SUBTENSOR, "announce_coldkey_swap")),
    ("evm-keys", Call(SUBTENSOR, "associate_evm_key")),
    ("leasing", Call(SUBTENSOR, "register_leased_network")),
    ("faucet", Call(SUBTENSOR, "faucet")),
    ("collateral", Call(SUBTENSOR, "add_collateral")),
    ("baskets", Call(SUBTENSOR, "stake_into_basket")),
    ("commitments", Call("Commitments", "set_commitment")),
    ("crowdloans", Call("Crowdloan", "create")),
    ("drand", Storage("Drand", "LastStoredRound")),
    ("mev-shield", Storage("MevShield", "NextKey")),
    ("limit-orders", Storage("LimitOrders", "Orders")),
    ("proxies", Call("Proxy", "proxy")),
    ("multisigs", Call("Multisig", "as_multi")),
];

// === impl Runtime ===

impl Runtime {
    /// Whether subnets have pools of tao and alpha.
    pub(crate) fn has_pools(&self) -> bool {
        self.has_storage(SUBTENSOR, "SubnetAlphaIn")
    }

    /// The features that this runtime has, by their stable names.
    pub fn features(&self) -> Vec<&'static str> {
        let has = |needs: &Needs| match needs {
            Call(pallet, call) => self.has_call(pallet, call),
            CallWith((pallet, call), item) => self.has_call(pallet, call) && self.has_storage(pallet, item),
            Storage(pallet, item) => self.has_storage(pallet, item),
            Api(api, method) => self.has_runtime_api(api, method),
        };
        FEATURES.iter().filter(|(_, needs)| has(needs)).map(|(name, _)| *name).collect()
    }
}
