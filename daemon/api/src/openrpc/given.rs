//! Parameters of examples that no schema tells: of methods that ask for one of several, and of those that would refuse
//! what the schema makes for what it says, such as stake that is moved to where it is.

use serde_json::{Value, json};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
/// The keyless account that //Alice makes with the first extrinsic of a development chain.
const PURE: &str = "5CJVkJFYUSazJZGV4jsZaAdUKZJ7dSzqwk1S9s19VUQJ6f1Q";
/// The hash of `System.remark(0x00)`.
const REMARK: &str = "0x78b8a348690f565efe3730cd8189f7388c0a896b6fd090276639c9130c0eba47";
/// The hash of `System.remark("test")`.
const PROPOSAL: &str = "0xa73cb6c99c0dbf60fb5f4315e12128883730930c7483e2a7cf4b3f46d96d2a1a";
/// An ed25519 key, to which alone messages can be sealed.
const ED25519: &str = "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu";
const PASSWORD: &str = "the password of the key";
pub(super) const WORDS: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
const AMOUNT: &str = "1500000000";

/// What the example of `method` sends, where its schema does not make it.
pub(super) fn params(method: &str) -> Option<Value> {
    keys(method).or_else(|| stakes(method)).or_else(|| others(method))
}

/// Of wallets and their files: a coldkey has a password.
fn keys(method: &str) -> Option<Value> {
    let file = || json!({ "password": PASSWORD });
    let origin = || json!({ "mnemonic": { "words": WORDS } });
    Some(match method {
        "wallet_create" => json!({ "wallet": "example", "password": PASSWORD }),
        "wallet_newColdkey" => json!({ "wallet": "another", "file": file() }),
        "wallet_regenColdkey" => json!({ "origin": origin(), "wallet": "restored", "file": file() }),
        "wallet_regenHotkey" => json!({ "origin": origin(), "wallet": "restored" }),
        "wallet_update" => json!({ "password": PASSWORD, "wallet": "example" }),
        "wallet_convert" => json!({ "to": "native", "password": PASSWORD, "wallet": "example" }),
        "wallet_encrypt" => json!({ "message": "hello", "to": ED25519 }),
        "wallet_swapColdkeyAnnounce" | "wallet_swapColdkeyExecute" => json!({ "new_coldkey": BOB }),
        _ => return None,
    })
}

/// Of stake: it goes elsewhere, and children are of one subnet or of all.
fn stakes(method: &str) -> Option<Value> {
    Some(match method {
        "stake_swap" => json!({ "amount": AMOUNT, "origin_netuid": 1, "dest_netuid": 0 }),
        "stake_transfer" => json!({ "amount": AMOUNT, "dest": BOB, "origin_netuid": 1 }),
        "stake_childSet" => json!({ "children": [{ "hotkey": BOB, "proportion": "0.5" }], "netuid": 1 }),
        "stake_childTake" => json!({ "take": "0.09", "netuid": 1 }),
        _ => return None,
    })
}

fn others(method: &str) -> Option<Value> {
    let hash = format!("0x{}", "2a".repeat(32));
    Some(match method {
        // Nobody listens there: that is told.
        "chain_latency" => json!({ "endpoints": ["ws://127.0.0.1:1"] }),
        "metagraph_neuron" => json!({ "netuid": 1, "uid": 0 }),
        "dendrite_ping" => json!({ "address": "127.0.0.1:8091", "hotkey": ALICE }),
        "subnets_burnCost" => json!({ "netuid": 1 }),
        "subnets_mechanismsSplit" => json!({ "netuid": 1, "split": ["0.7", "0.3"] }),
        // As many as a subnet has at least.
        "sudo_trim" => json!({ "netuid": 1, "max": 64 }),
        "root_senateVote" => json!({ "proposal": PROPOSAL, "approve": true }),
        "multisig_cancel" => json!({ "signatories": [ALICE, BOB], "threshold": 2, "call_hash": REMARK }),
        "proxy_add" | "proxy_remove" => json!({ "delegate": BOB }),
        // The keyless account gives itself up, through its proxy.
        "proxy_kill" => json!({ "spawner": ALICE, "height": 1, "ext_index": 2, "proxy": PURE }),
        "proxy_announce" => json!({ "real": ALICE, "call_hash": hash }),
        "crowd_create" => json!({
            "deposit": "10000000000",
            "min_contribution": "100000000",
            "cap": "100000000000",
            "duration": 50_400,
            "target": BOB,
        }),
        "crowd_update" => json!({ "id": 1, "cap": "30000000000" }),
        "tx_cancel" | "tx_follow" => json!({ "extrinsic": hash }),
        "axon_start" => json!({ "bind": "127.0.0.1:0" }),
        "dendrite_query" | "dendrite_subscribeQuery" => {
            json!({ "synapse": { "name": "Echo" }, "netuid": 1, "uids": [0] })
        }
        "devnet_setTime" => json!({ "advance_ms": 60_000 }),
        _ => return None,
    })
}
