//! The methods that a subtensor node has beside Substrate's: runtime APIs under names of their own.
//!
//! Most answer with the SCALE bytes of the runtime API's value as an array of numbers. Today's clients use `state_call`
//! instead; these are for programs written against the older interface.

use btd_devnet_runtime::AccountId;
use codec::{Decode, Encode};
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::{Value, json};
use sp_core::crypto::Ss58Codec;

use super::{Answer, Arguments, Method, error};
use crate::{chain::ChainError, node::Node};

/// Code of every failure in these methods.
const ATTEMPT: &str = "Runtime error";

/// Type of a parameter.
#[derive(Clone, Copy)]
enum Kind {
    U8,
    U16,
    /// The 32 bytes of an account as numbers, or its SS58 address.
    Account,
    U16List,
}

/// A method that passes on the bytes of a runtime API.
#[derive(Clone, Copy)]
pub(super) struct Query {
    api: &'static str,
    parameters: &'static [(&'static str, Kind)],
}

const NETUID: (&str, Kind) = ("netuid", Kind::U16);
const UID: (&str, Kind) = ("uid", Kind::U16);
const MECID: (&str, Kind) = ("mecid", Kind::U8);
const COLDKEY: (&str, Kind) = ("coldkey", Kind::Account);
const INDEXES: (&str, Kind) = ("metagraph_index", Kind::U16List);

const fn query(api: &'static str, parameters: &'static [(&'static str, Kind)]) -> Query {
    Query { api, parameters }
}

pub(super) const QUERIES: &[(&str, Query)] = &[
    ("delegateInfo_getDelegates", query("DelegateInfoRuntimeApi_get_delegates", &[])),
    (
        "delegateInfo_getDelegate",
        query("DelegateInfoRuntimeApi_get_delegate", &[("delegate_account_vec", Kind::Account)]),
    ),
    (
        "delegateInfo_getDelegated",
        query("DelegateInfoRuntimeApi_get_delegated", &[("delegatee_account_vec", Kind::Account)]),
    ),
    ("neuronInfo_getNeuronsLite", query("NeuronInfoRuntimeApi_get_neurons_lite", &[NETUID])),
    ("neuronInfo_getNeuronLite", query("NeuronInfoRuntimeApi_get_neuron_lite", &[NETUID, UID])),
    ("neuronInfo_getNeurons", query("NeuronInfoRuntimeApi_get_neurons", &[NETUID])),
    ("neuronInfo_getNeuron", query("NeuronInfoRuntimeApi_get_neuron", &[NETUID, UID])),
    ("subnetInfo_getSubnetInfo", query("SubnetInfoRuntimeApi_get_subnet_info", &[NETUID])),
    ("subnetInfo_getSubnetsInfo", query("SubnetInfoRuntimeApi_get_subnets_info", &[])),
    ("subnetInfo_getSubnetInfo_v2", query("SubnetInfoRuntimeApi_get_subnet_info_v2", &[NETUID])),
    ("subnetInfo_getSubnetsInfo_v2", query("SubnetInfoRuntimeApi_get_subnets_info_v2", &[])),
    ("subnetInfo_getSubnetHyperparams", query("SubnetInfoRuntimeApi_get_subnet_hyperparams", &[NETUID])),
    ("subnetInfo_getSubnetHyperparamsV2", query("SubnetInfoRuntimeApi_get_subnet_hyperparams_v2", &[NETUID])),
    ("subnetInfo_getAllDynamicInfo", query("SubnetInfoRuntimeApi_get_all_dynamic_info", &[])),
    ("subnetInfo_getDynamicInfo", query("SubnetInfoRuntimeApi_get_dynamic_info", &[NETUID])),
    ("subnetInfo_getAllMetagraphs", query("SubnetInfoRuntimeApi_get_all_metagraphs", &[])),
    ("subnetInfo_getMetagraph", query("SubnetInfoRuntimeApi_get_metagraph", &[NETUID])),
    ("subnetInfo_getAllMechagraphs", query("SubnetInfoRuntimeApi_get_all_mechagraphs", &[])),
    ("subnetInfo_getMechagraph", query("SubnetInfoRuntimeApi_get_mechagraph", &[NETUID, MECID])),
    ("subnetInfo_getSubnetState", query("SubnetInfoRuntimeApi_get_subnet_state", &[NETUID])),
    ("subnetInfo_getSelectiveMetagraph", query("SubnetInfoRuntimeApi_get_selective_metagraph", &[NETUID, INDEXES])),
    (
        "subnetInfo_getSelectiveMechagraph",
        query("SubnetInfoRuntimeApi_get_selective_mechagraph", &[NETUID, MECID, INDEXES]),
    ),
    (
        "subnetInfo_getColdkeyAutoStakeHotkey",
        query("SubnetInfoRuntimeApi_get_coldkey_auto_stake_hotkey", &[COLDKEY, NETUID]),
    ),
    ("subnetInfo_getSubnetAccountId", query("SubnetInfoRuntimeApi_get_subnet_account_id", &[NETUID])),
    ("stakeInfo_getColdkeyLock", query("StakeInfoRuntimeApi_get_coldkey_lock", &[COLDKEY, NETUID])),
];

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "subnetInfo_getLockCost",
        aliases: &[],
        run: |node, arguments| {
            let at = arguments.optional("at")?;
            let cost: u64 = ask(node, at, "SubnetRegistrationRuntimeApi_get_network_registration_cost", &[])?;
            Ok(json!(cost))
        },
    },
    Method {
        name: "subnetInfo_getSubnetToPrune",
        aliases: &[],
        run: |node, arguments| {
            let at = arguments.optional("at")?;
            let netuid: Option<u16> = ask(node, at, "SubnetInfoRuntimeApi_get_subnet_to_prune", &[])?;
            Ok(json!(netuid))
        },
    },
    Method {
        name: "swap_currentAlphaPrice",
        aliases: &[],
        run: |node, arguments| {
            let netuid = arguments.required::<u16>("netuid")?.encode();
            let price: u64 = ask(node, arguments.optional("at")?, "SwapRuntimeApi_current_alpha_price", &netuid)?;
            Ok(json!(price))
        },
    },
    Method {
        name: "swap_currentAlphaPriceAll",
        aliases: &[],
        run: |node, arguments| {
            let at = arguments.optional("at")?;
            let prices: Vec<(u16, u64)> = ask(node, at, "SwapRuntimeApi_current_alpha_price_all", &[])?;
            let prices: Vec<Value> =
                prices.into_iter().map(|(netuid, price)| json!({ "netuid": netuid, "price": price })).collect();
            Ok(json!(prices))
        },
    },
    Method {
        name: "swap_simSwapTaoForAlpha",
        aliases: &[],
        run: |node, arguments| simulate(node, arguments, "tao", "SwapRuntimeApi_sim_swap_tao_for_alpha"),
    },
    Method {
        name: "swap_simSwapAlphaForTao",
        aliases: &[],
        run: |node, arguments| simulate(node, arguments, "alpha", "SwapRuntimeApi_sim_swap_alpha_for_tao"),
    },
];

fn failed(error: ChainError) -> ErrorObjectOwned {
    match error {
        ChainError::UnknownBlock(_) | ChainError::StateDiscarded(_) => error::state(error),
        error => error::runtime(ATTEMPT, error),
    }
}

fn ask<T: Decode>(
    node: &Node,
    at: Option<sp_core::H256>,
    method: &'static str,
    arguments: &[u8],
) -> Result<T, ErrorObjectOwned> {
    node.chain.ask(at, method, arguments).map_err(failed)
}

fn simulate(node: &Node, arguments: &mut Arguments, what: &str, api: &'static str) -> Answer {
    let netuid: u16 = arguments.required("netuid")?;
    let amount: u64 = arguments.required(what)?;
    let at = arguments.optional("at")?;
    let [tao_amount, alpha_amount, tao_fee, alpha_fee, tao_slippage, alpha_slippage]: [u64; 6] =
        ask(node, at, api, &(netuid, amount).encode())?;
    Ok(json!({
        "tao_amount": tao_amount, "alpha_amount": alpha_amount, "tao_fee": tao_fee, "alpha_fee": alpha_fee,
        "tao_slippage": tao_slippage, "alpha_slippage": alpha_slippage,
    }))
}

impl Query {
    /// Encodes the parameters, calls the API, passes its bytes on.
    pub(super) fn answer(self, node: &Node, arguments: &mut Arguments) -> Answer {
        let mut encoded = Vec::new();
        for (name, kind) in self.parameters {
            match kind {
                Kind::U8 => arguments.required::<u8>(name)?.encode_to(&mut encoded),
                Kind::U16 => arguments.required::<u16>(name)?.encode_to(&mut encoded),
                Kind::U16List => arguments.required::<Vec<u16>>(name)?.encode_to(&mut encoded),
                Kind::Account => account(name, &arguments.required(name)?)?.encode_to(&mut encoded),
            }
        }
        let bytes = node.chain.call(arguments.optional("at")?, self.api, &encoded).map_err(failed)?;
        Ok(json!(bytes))
    }
}

fn account(name: &str, value: &Value) -> Result<AccountId, ErrorObjectOwned> {
    let account = match value {
        Value::String(address) => AccountId::from_ss58check(address).ok(),
        value => serde_json::from_value::<Vec<u8>>(value.clone())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(AccountId::from),
    };
    account.ok_or_else(|| error::invalid_params(format!("{name}: neither 32 bytes nor an SS58 address")))
}
