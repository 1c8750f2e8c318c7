//! The methods that a subtensor node has beside Substrate's: runtime APIs under names of their own.
//!
//! Most answer with the SCALE bytes of the runtime API's value as an array of numbers. Today's clients use `state_call`
//! instead; these are for programs written against the older interface.

use std::fmt::Display;

use btd_devnet_runtime::AccountId;
use codec::{Decode, Encode};
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::{Value, json};
use sp_core::crypto::Ss58Codec;

use super::{Answer, Arguments, Method, error};
use crate::node::Node;

/// Type of a parameter.
#[derive(Clone, Copy)]
enum Kind {
    U8,
    U16,
    /// The 32 bytes of an account as numbers, or its SS58 address.
    Account,
    /// An account as it is encoded, which may have more bytes after it, or its SS58 address.
    AccountBytes,
    U16List,
}

/// A method that passes on the bytes of a runtime API.
#[derive(Clone, Copy)]
pub(super) struct Query {
    /// What a failure says could not be had.
    wanted: &'static str,
    api: &'static str,
    parameters: &'static [(&'static str, Kind)],
}

const NETUID: (&str, Kind) = ("netuid", Kind::U16);
const UID: (&str, Kind) = ("uid", Kind::U16);
const MECID: (&str, Kind) = ("mecid", Kind::U8);
const COLDKEY: (&str, Kind) = ("coldkey", Kind::Account);
const INDEXES: (&str, Kind) = ("metagraph_index", Kind::U16List);

const fn query(wanted: &'static str, api: &'static str, parameters: &'static [(&'static str, Kind)]) -> Query {
    Query { wanted, api, parameters }
}

pub(super) const QUERIES: &[(&str, Query)] = &[
    ("delegateInfo_getDelegates", query("delegates info", "DelegateInfoRuntimeApi_get_delegates", &[])),
    (
        "delegateInfo_getDelegate",
        query("delegates info", "DelegateInfoRuntimeApi_get_delegate", &[("delegate_account_vec", Kind::AccountBytes)]),
    ),
    (
        "delegateInfo_getDelegated",
        query(
            "delegates info",
            "DelegateInfoRuntimeApi_get_delegated",
            &[("delegatee_account_vec", Kind::AccountBytes)],
        ),
    ),
    ("neuronInfo_getNeuronsLite", query("neurons lite info", "NeuronInfoRuntimeApi_get_neurons_lite", &[NETUID])),
    ("neuronInfo_getNeuronLite", query("neurons lite info", "NeuronInfoRuntimeApi_get_neuron_lite", &[NETUID, UID])),
    ("neuronInfo_getNeurons", query("neurons info", "NeuronInfoRuntimeApi_get_neurons", &[NETUID])),
    ("neuronInfo_getNeuron", query("neuron info", "NeuronInfoRuntimeApi_get_neuron", &[NETUID, UID])),
    ("subnetInfo_getSubnetInfo", query("subnet info", "SubnetInfoRuntimeApi_get_subnet_info", &[NETUID])),
    ("subnetInfo_getSubnetsInfo", query("subnets info", "SubnetInfoRuntimeApi_get_subnets_info", &[])),
    ("subnetInfo_getSubnetInfo_v2", query("subnet info", "SubnetInfoRuntimeApi_get_subnet_info_v2", &[NETUID])),
    ("subnetInfo_getSubnetsInfo_v2", query("subnets info", "SubnetInfoRuntimeApi_get_subnets_info_v2", &[])),
    (
        "subnetInfo_getSubnetHyperparams",
        query("subnet hyperparams", "SubnetInfoRuntimeApi_get_subnet_hyperparams", &[NETUID]),
    ),
    (
        "subnetInfo_getSubnetHyperparamsV2",
        query("subnet hyperparams v2", "SubnetInfoRuntimeApi_get_subnet_hyperparams_v2", &[NETUID]),
    ),
    ("subnetInfo_getAllDynamicInfo", query("dynamic subnets info", "SubnetInfoRuntimeApi_get_all_dynamic_info", &[])),
    ("subnetInfo_getDynamicInfo", query("dynamic subnet info", "SubnetInfoRuntimeApi_get_dynamic_info", &[NETUID])),
    ("subnetInfo_getAllMetagraphs", query("metagraphs", "SubnetInfoRuntimeApi_get_all_metagraphs", &[])),
    ("subnetInfo_getMetagraph", query("metagraph", "SubnetInfoRuntimeApi_get_metagraph", &[NETUID])),
    ("subnetInfo_getAllMechagraphs", query("mechagraphs", "SubnetInfoRuntimeApi_get_all_mechagraphs", &[])),
    ("subnetInfo_getMechagraph", query("mechagraph", "SubnetInfoRuntimeApi_get_mechagraph", &[NETUID, MECID])),
    ("subnetInfo_getSubnetState", query("subnet state info", "SubnetInfoRuntimeApi_get_subnet_state", &[NETUID])),
    (
        "subnetInfo_getSelectiveMetagraph",
        query("selective metagraph", "SubnetInfoRuntimeApi_get_selective_metagraph", &[NETUID, INDEXES]),
    ),
    (
        "subnetInfo_getSelectiveMechagraph",
        query("selective mechagraph", "SubnetInfoRuntimeApi_get_selective_mechagraph", &[NETUID, MECID, INDEXES]),
    ),
    (
        "subnetInfo_getColdkeyAutoStakeHotkey",
        query("coldkey auto stake hotkey", "SubnetInfoRuntimeApi_get_coldkey_auto_stake_hotkey", &[COLDKEY, NETUID]),
    ),
    (
        "subnetInfo_getSubnetAccountId",
        query("subnet account id", "SubnetInfoRuntimeApi_get_subnet_account_id", &[NETUID]),
    ),
    ("stakeInfo_getColdkeyLock", query("coldkey lock", "StakeInfoRuntimeApi_get_coldkey_lock", &[COLDKEY, NETUID])),
];

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "subnetInfo_getLockCost",
        aliases: &[],
        run: |node, arguments| {
            let at = arguments.optional("at")?;
            let cost: u64 = asked("get subnet lock cost", "SubnetRegistrationRuntimeApi_get_network_registration_cost")
                .answer(node, at, &[])?;
            Ok(json!(cost))
        },
    },
    Method {
        name: "subnetInfo_getSubnetToPrune",
        aliases: &[],
        run: |node, arguments| {
            let at = arguments.optional("at")?;
            let netuid: Option<u16> =
                asked("get subnet to prune", "SubnetInfoRuntimeApi_get_subnet_to_prune").answer(node, at, &[])?;
            Ok(json!(netuid))
        },
    },
    Method {
        name: "swap_currentAlphaPrice",
        aliases: &[],
        run: |node, arguments| {
            let netuid = arguments.required::<u16>("netuid")?.encode();
            let at = arguments.optional("at")?;
            let price: u64 =
                asked("get current alpha price", "SwapRuntimeApi_current_alpha_price").answer(node, at, &netuid)?;
            Ok(json!(price))
        },
    },
    Method {
        name: "swap_currentAlphaPriceAll",
        aliases: &[],
        run: |node, arguments| {
            let at = arguments.optional("at")?;
            let all = asked("get all current alpha prices", "SwapRuntimeApi_current_alpha_price_all");
            let prices: Vec<(u16, u64)> = all.answer(node, at, &[])?;
            let prices: Vec<Value> =
                prices.into_iter().map(|(netuid, price)| json!({ "netuid": netuid, "price": price })).collect();
            Ok(json!(prices))
        },
    },
    Method {
        name: "swap_simSwapTaoForAlpha",
        aliases: &[],
        run: |node, arguments| {
            simulate(
                node,
                arguments,
                "tao",
                asked("simulate tao -> alpha swap", "SwapRuntimeApi_sim_swap_tao_for_alpha"),
            )
        },
    },
    Method {
        name: "swap_simSwapAlphaForTao",
        aliases: &[],
        run: |node, arguments| {
            simulate(
                node,
                arguments,
                "alpha",
                asked("simulate alpha -> tao swap", "SwapRuntimeApi_sim_swap_alpha_for_tao"),
            )
        },
    },
];

/// A runtime API and what a failed call of it says could not be done.
struct Asked {
    api: &'static str,
    attempt: &'static str,
}

const fn asked(attempt: &'static str, api: &'static str) -> Asked {
    Asked { api, attempt }
}

impl Asked {
    fn answer<T: Decode>(
        self,
        node: &Node,
        at: Option<sp_core::H256>,
        arguments: &[u8],
    ) -> Result<T, ErrorObjectOwned> {
        node.chain.ask(at, self.api, arguments).map_err(|error| error::subtensor(self.attempt, error))
    }
}

fn simulate(node: &Node, arguments: &mut Arguments, what: &str, asked: Asked) -> Answer {
    let netuid: u16 = arguments.required("netuid")?;
    let amount: u64 = arguments.required(what)?;
    let at = arguments.optional("at")?;
    let [tao_amount, alpha_amount, tao_fee, alpha_fee, tao_slippage, alpha_slippage]: [u64; 6] =
        asked.answer(node, at, &(netuid, amount).encode())?;
    Ok(json!({
        "tao_amount": tao_amount, "alpha_amount": alpha_amount, "tao_fee": tao_fee, "alpha_fee": alpha_fee,
        "tao_slippage": tao_slippage, "alpha_slippage": alpha_slippage,
    }))
}

impl Query {
    /// Encodes the parameters, calls the API, passes its bytes on.
    pub(super) fn answer(self, node: &Node, arguments: &mut Arguments) -> Answer {
        let failed = |error: &dyn Display| error::subtensor(&format!("get {}", self.wanted), error);
        let mut encoded = Vec::new();
        for (name, kind) in self.parameters {
            match kind {
                Kind::U8 => arguments.required::<u8>(name)?.encode_to(&mut encoded),
                Kind::U16 => arguments.required::<u16>(name)?.encode_to(&mut encoded),
                Kind::U16List => arguments.required::<Vec<u16>>(name)?.encode_to(&mut encoded),
                Kind::Account => account(name, &arguments.required(name)?)?.encode_to(&mut encoded),
                Kind::AccountBytes => match arguments.required(name)? {
                    Value::Array(bytes) => {
                        let bytes: Vec<u8> = serde_json::from_value(bytes.into()).map_err(error::invalid_params)?;
                        let account = AccountId::decode(&mut bytes.as_slice()).map_err(|error| failed(&error))?;
                        account.encode_to(&mut encoded);
                    }
                    address => account(name, &address)?.encode_to(&mut encoded),
                },
            }
        }
        let bytes = node.chain.call(arguments.optional("at")?, self.api, &encoded).map_err(|error| failed(&error))?;
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
