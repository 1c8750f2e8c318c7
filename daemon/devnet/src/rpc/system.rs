//! `system_*`: what the node is, and the next nonce of an account.

use btd_devnet_runtime::{AccountId, SS58_FORMAT, TOKEN_DECIMALS, TOKEN_SYMBOL};
use serde_json::json;
use sp_core::{Bytes, H256, crypto::Ss58Codec};

use super::{Answer, Arguments, Method, error};
use crate::{
    chain::{Builder, slot},
    node::Node,
    pool::Extrinsic,
};

/// The node has no network; this is the identity that Substrate derives from the node key 0…01, so that clients find
/// one of the right form.
pub(super) const PEER_ID: &str = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";

pub(super) const METHODS: &[Method] = &[
    Method { name: "system_name", aliases: &[], run: |_, _| Ok(json!("Subtensor development chain (btd)")) },
    Method { name: "system_version", aliases: &[], run: |_, _| Ok(json!(env!("CARGO_PKG_VERSION"))) },
    Method { name: "system_chain", aliases: &["chainSpec_v1_chainName"], run: |_, _| Ok(json!("Bittensor")) },
    Method { name: "system_chainType", aliases: &[], run: |_, _| Ok(json!("Local")) },
    Method {
        name: "system_properties",
        aliases: &["chainSpec_v1_properties"],
        run: |_, _| {
            Ok(json!({
                "ss58Format": SS58_FORMAT,
                "tokenDecimals": TOKEN_DECIMALS,
                "tokenSymbol": TOKEN_SYMBOL,
            }))
        },
    },
    Method {
        name: "system_health",
        aliases: &[],
        run: |_, _| Ok(json!({ "peers": 0, "isSyncing": false, "shouldHavePeers": false })),
    },
    Method { name: "system_peers", aliases: &[], run: |_, _| Ok(json!([])) },
    Method { name: "system_nodeRoles", aliases: &[], run: |_, _| Ok(json!(["Authority"])) },
    Method { name: "system_localPeerId", aliases: &[], run: |_, _| Ok(json!(PEER_ID)) },
    Method { name: "system_localListenAddresses", aliases: &[], run: |_, _| Ok(json!([])) },
    Method {
        name: "system_syncState",
        aliases: &[],
        run: |node, _| {
            let number = node.chain.head().number();
            Ok(json!({ "startingBlock": 0, "currentBlock": number, "highestBlock": number }))
        },
    },
    Method { name: "system_addLogFilter", aliases: &[], run: add_log_filter },
    Method { name: "system_resetLogFilter", aliases: &[], run: |_, _| Err(error::log_filter()) },
    Method { name: "system_accountNextIndex", aliases: &["account_nextIndex"], run: account_next_index },
    Method { name: "system_dryRun", aliases: &["system_dryRunAt"], run: dry_run },
];

/// Refuses, as a node does that was started without `--enable-log-reloading`. The log is that of the whole process, whose
/// other parts are none of the chain's clients' business.
fn add_log_filter(_: &Node, arguments: &mut Arguments) -> Answer {
    arguments.required::<String>("directives")?;
    Err(error::log_filter())
}

fn account_next_index(node: &Node, arguments: &mut Arguments) -> Answer {
    let address: String = arguments.required("account")?;
    let account = AccountId::from_ss58check(&address)
        .map_err(|error| error::invalid_params(format!("account: not an SS58 address: {error:?}")))?;
    let nonce = node.next_nonce(&account).map_err(|error| error::runtime("Unable to query nonce.", error))?;
    Ok(json!(nonce))
}

/// Applies an extrinsic to a block that is thrown away, and gives back the encoded `ApplyExtrinsicResult`.
fn dry_run(node: &Node, arguments: &mut Arguments) -> Answer {
    let extrinsic: Bytes = arguments.required("extrinsic")?;
    let at: Option<H256> = arguments.optional("at")?;
    let extrinsic =
        Extrinsic::decode(extrinsic.0).map_err(|error| error::malformed("Unable to dry run extrinsic", error))?;
    let (parent, state) = node.chain.state(at).map_err(error::state)?;
    let failed = |error: &dyn std::fmt::Display| error::runtime("Unable to dry run extrinsic.", error);
    // The runtime moves the timestamp to the earliest that may follow the parent's.
    let slot = slot(&parent.header).saturating_add(1);
    let mut builder =
        Builder::open(&state, &parent, node.chain.genesis_hash(), (0, slot)).map_err(|error| failed(&error))?;
    let result = builder.execute(&extrinsic.bytes).map_err(|error| failed(&error))?;
    Ok(json!(Bytes(result)))
}
