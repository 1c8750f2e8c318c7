//! Rounds of the beacon that the owner of a chain brings, and what they open.

use btd_devnet_runtime::{
    Runtime, RuntimeCall,
    beacon::Beacon,
    drand::{LastStoredRound, Pulse, Pulses},
    subtensor::{self as s, Call},
};
use codec::{Decode, Encode};
use serde_json::{Value, json};

use crate::{
    client::{Chain, manual},
    signer::{Terms, account, hex, sign, unhex},
};

const VECTORS: &str = include_str!("../../../../tests/vectors/timelock.json");
/// The subnet of genesis.
const FIRST: u16 = 1;

/// Weights of `//Alice` that the Python packages sealed to drand's quicknet.
fn sealed() -> Value {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    vectors["sealed"].as_array().unwrap().iter().find(|one| one["id"] == "weights-payload").unwrap().clone()
}

async fn value<T: Decode>(chain: &Chain, key: Vec<u8>) -> Option<T> {
    let value = chain.call("state_getStorage", json!([hex(&key)])).await;
    (!value.is_null()).then(|| T::decode(&mut unhex(&value).as_slice()).unwrap())
}

async fn pulse(chain: &Chain, round: u64) -> Option<Pulse> {
    value(chain, Pulses::<Runtime>::hashed_key_for(round)).await
}

async fn last(chain: &Chain) -> Option<u64> {
    value(chain, LastStoredRound::<Runtime>::hashed_key().to_vec()).await
}

async fn send(chain: &Chain, nonce: u32, call: Call<Runtime>) {
    let extrinsic = sign("Alice", &RuntimeCall::SubtensorModule(call), Terms::immortal(chain, nonce));
    chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
    chain.devnet.mine(1).await.unwrap();
}

#[tokio::test]
async fn weights_sealed_to_drand_are_revealed_once_its_round_is_brought() {
    let sealed = sealed();
    let round = sealed["reveal_round"].as_u64().unwrap();
    let chain = Chain::start(manual()).await;
    for (nonce, hotkey) in [(0, "Alice"), (1, "neuron")] {
        send(&chain, nonce, Call::burned_register { netuid: FIRST, hotkey: account(hotkey) }).await;
    }
    let uid: u16 = value(&chain, s::Uids::<Runtime>::hashed_key_for(FIRST, account("Alice"))).await.unwrap();
    let permits: Vec<bool> = (0..=uid + 1).map(|other| other == uid).collect();
    let set = |key: Vec<u8>, value: Vec<u8>| json!([hex(&key), hex(&value)]);
    let changes = [
        set(s::ValidatorPermit::<Runtime>::hashed_key_for(FIRST), permits.encode()),
        set(s::WeightsSetRateLimit::<Runtime>::hashed_key_for(FIRST), 0_u64.encode()),
    ];
    chain.call("dev_setStorage", json!([changes])).await;
    let commit = hex::decode(sealed["inner_hex"].as_str().unwrap()).unwrap().try_into().unwrap();
    let commit =
        Call::commit_timelocked_weights { netuid: FIRST, commit, reveal_round: round, commit_reveal_version: 4 };
    send(&chain, 2, commit).await;
    chain.devnet.mine(2).await.unwrap();
    assert_eq!((pulse(&chain, round).await, last(&chain).await), (None, None), "no round comes that would spoil it");

    let head = chain.devnet.head().number;
    let brought = chain.call("dev_pulse", json!([round, sealed["round_signature"]])).await;
    assert_eq!(brought["number"], head + 1);
    assert_eq!(last(&chain).await, Some(round));
    let mut waited = 0;
    let weights = loop {
        let weights: Option<Vec<(u16, u16)>> = value(&chain, s::Weights::<Runtime>::hashed_key_for(FIRST, uid)).await;
        if let Some(weights) = weights {
            break weights;
        }
        assert!(waited < 1_000, "the epoch after that of the commit has come");
        waited += 20;
        chain.devnet.mine(20).await.unwrap();
    };
    assert_eq!(weights.len(), 3);
    chain.stop().await;
}

#[tokio::test]
async fn a_round_is_brought_with_the_signature_of_a_beacon_that_is_known() {
    let sealed = sealed();
    let signature = sealed["round_signature"].as_str().unwrap();
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(1).await.unwrap();
    for (params, wanted) in [
        (json!([]), "round: missing"),
        (json!([0]), "there is no round 0"),
        (json!([999, signature]), "the signature of round 999 is neither"),
        (json!([1_000, "0x00"]), "the signature of round 1000 is neither"),
        (json!([1_000, "nohex"]), "not hexadecimal"),
    ] {
        let error = chain.try_call("dev_pulse", params.clone()).await.unwrap_err();
        let words = error.data().map_or("", |data| data.get());
        assert!(error.code() == -32602 && words.contains(wanted), "{params}: {error:?}");
    }
    assert_eq!(chain.devnet.head().number, 1, "no block was made for them");

    let of = |round| Beacon::development().sign(round).to_vec();
    chain.call("dev_pulse", json!({ "round": 1_000 })).await;
    assert_eq!(pulse(&chain, 1_000).await.unwrap().signature.into_inner(), of(1_000));
    // One that has come is brought anew, one before the latest too, and one still to come is not the latest.
    chain.call("dev_pulse", json!([1_000, format!("0x{signature}")])).await;
    assert_eq!(hex::encode(pulse(&chain, 1_000).await.unwrap().signature), signature);
    for round in [5, 1_000_000_000] {
        chain.call("dev_pulse", json!([round])).await;
        assert_eq!(pulse(&chain, round).await.unwrap().signature.into_inner(), of(round));
    }
    assert_eq!(last(&chain).await, Some(1_000));
    chain.stop().await;
}
