//! Sealed extrinsics: from the key in the state to the transfer inside.

use btd_devnet_runtime::{RuntimeCall, UncheckedExtrinsic, admin, shield};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::Aead};
use codec::{Decode, Encode};
use ml_kem::{B32, EncapsulationKey768, TryKeyInit};
use serde_json::json;
use sp_core::H256;
use sp_runtime::generic::Era;

use crate::{
    client::{Chain, instant, manual, next},
    signer::{TAO, Terms, account, account_info, free, hex, sign, signed_transfer, unhex, value_key},
};

async fn key(chain: &Chain, item: &str) -> Vec<u8> {
    let value = chain.call("state_getStorage", json!([hex(&value_key("MevShield", item))])).await;
    Vec::decode(&mut unhex(&value).as_slice()).unwrap()
}

/// Seals an extrinsic for a key, as clients do: without the prefix of its length.
fn seal(extrinsic: &[u8], key: &[u8]) -> RuntimeCall {
    let to = EncapsulationKey768::new_from_slice(key).unwrap();
    let (kem_ct, secret) = to.encapsulate_deterministic(&B32::from([9; 32]));
    let nonce = [5; 24];
    let cipher = XChaCha20Poly1305::new_from_slice(&secret).unwrap();
    let sealed = cipher.encrypt(XNonce::from_slice(&nonce), extrinsic).unwrap();
    let length = u16::try_from(kem_ct.len()).unwrap().to_le_bytes();
    let envelope = [&sp_io::hashing::twox_128(key)[..], &length, &kem_ct, &nonce, &sealed].concat();
    RuntimeCall::MevShield(shield::Call::submit_encrypted { ciphertext: envelope.try_into().unwrap() })
}

async fn mortal(chain: &Chain, nonce: u32, period: u64) -> Terms {
    let header = chain.call("chain_getHeader", json!([])).await;
    let number = u64::from_str_radix(header["number"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let hash = unhex(&chain.call("chain_getBlockHash", json!([number])).await);
    let genesis = H256(chain.devnet.genesis_hash());
    Terms { nonce, era: Era::mortal(period, number), birth: H256::from_slice(&hash), genesis, tip: 0, digest: None }
}

async fn blocks(chain: &Chain) -> u64 {
    let header = chain.call("chain_getHeader", json!([])).await;
    u64::from_str_radix(header["number"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test]
async fn a_sealed_transfer_lands_two_blocks_later() {
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(3).await.unwrap();
    let (next_key, pending) = (key(&chain, "NextKey").await, key(&chain, "PendingKey").await);
    assert_eq!((next_key.len(), pending.len()), (1_184, 1_184));
    assert_ne!(next_key, pending);

    let before = free(&chain, "Bob").await;
    let inside = signed_transfer(&chain, "Alice", "Bob", 3 * TAO, 1);
    let outer = sign("Alice", &seal(&inside, &next_key), mortal(&chain, 0, 8).await);
    chain.call("author_submitExtrinsic", json!([hex(&outer)])).await;
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(key(&chain, "PendingKey").await, next_key);
    assert_eq!(account_info(&chain, "Alice", None).await.nonce, 0, "it waits for its author");
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(key(&chain, "CurrentKey").await, next_key);
    assert_eq!(free(&chain, "Bob").await, before + 3 * TAO);
    assert_eq!(account_info(&chain, "Alice", None).await.nonce, 2);
    let block = chain.call("chain_getBlock", json!([])).await;
    assert_eq!(block["block"]["extrinsics"].as_array().unwrap()[2..], [hex(&outer), hex(&inside)]);
}

#[tokio::test]
async fn a_sealed_transfer_lands_where_authors_take_turns() {
    let chain = Chain::start(manual()).await;
    let authors = ["Charlie", "Dave"].map(account).to_vec().encode();
    let swap = admin::Call::swap_authorities { new_authorities: Decode::decode(&mut authors.as_slice()).unwrap() };
    let call = Box::new(RuntimeCall::AdminUtils(swap));
    let sudo = sign("Alice", &RuntimeCall::Sudo(pallet_sudo::Call::sudo { call }), Terms::immortal(&chain, 0));
    chain.call("author_submitExtrinsic", json!([hex(&sudo)])).await;
    chain.devnet.mine(6).await.unwrap();

    let before = free(&chain, "Bob").await;
    let next_key = key(&chain, "NextKey").await;
    let inside = signed_transfer(&chain, "Alice", "Bob", 3 * TAO, 2);
    let outer = sign("Alice", &seal(&inside, &next_key), mortal(&chain, 1, 8).await);
    chain.call("author_submitExtrinsic", json!([hex(&outer)])).await;
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(account_info(&chain, "Alice", None).await.nonce, 1, "it waits for its author");
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(key(&chain, "CurrentKey").await, next_key);
    assert_eq!(free(&chain, "Bob").await, before + 3 * TAO);
    chain.stop().await;
}

#[tokio::test]
async fn a_sealed_inherent_is_not_taken() {
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(3).await.unwrap();
    let next_key = key(&chain, "NextKey").await;
    let announced = shield::Call::announce_next_key { enc_key: Some(vec![7; 1_184].try_into().unwrap()) };
    let inside = UncheckedExtrinsic::new_bare(RuntimeCall::MevShield(announced)).encode();
    let outer = sign("Alice", &seal(&inside, &next_key), mortal(&chain, 0, 8).await);
    chain.call("author_submitExtrinsic", json!([hex(&outer)])).await;
    chain.devnet.mine(2).await.unwrap();
    let block = chain.call("chain_getBlock", json!([])).await;
    assert_eq!(block["block"]["extrinsics"].as_array().unwrap()[2..], [hex(&outer)]);
    // The keys have moved on by one, and none of them is the one that was sealed.
    assert_eq!(key(&chain, "CurrentKey").await, next_key);
    chain.devnet.mine(1).await.unwrap();
    assert_ne!(key(&chain, "NextKey").await, [7; 1_184]);
}

#[tokio::test]
async fn an_instant_chain_makes_the_blocks_that_a_sealed_extrinsic_waits_for() {
    let chain = Chain::start(instant()).await;
    chain.devnet.mine(3).await.unwrap();
    let inside = signed_transfer(&chain, "Alice", "Bob", TAO, 1);
    let outer = sign("Alice", &seal(&inside, &key(&chain, "NextKey").await), mortal(&chain, 0, 8).await);
    let mut watch = chain
        .subscribe("author_submitAndWatchExtrinsic", json!([hex(&outer)]), "author_unwatchExtrinsic")
        .await
        .unwrap();
    assert_eq!(next(&mut watch).await, "ready");
    assert!(next(&mut watch).await["inBlock"].is_string());
    assert_eq!(blocks(&chain).await, 5);
    assert_eq!(account_info(&chain, "Alice", None).await.nonce, 2);
}

#[tokio::test]
async fn what_lasts_too_long_or_is_no_envelope_is_refused() {
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(3).await.unwrap();
    let call = seal(b"whatever", &key(&chain, "NextKey").await);
    let refusal = |outer: Vec<u8>| {
        let chain = &chain;
        async move {
            let error = chain.try_call("author_submitExtrinsic", json!([hex(&outer)])).await.unwrap_err();
            error.data().map(|data| data.get().to_owned()).unwrap_or_default()
        }
    };
    let stale = "Transaction is outdated";
    assert!(refusal(sign("Alice", &call, Terms::immortal(&chain, 0))).await.contains(stale));
    assert!(refusal(sign("Alice", &call, mortal(&chain, 0, 16).await)).await.contains(stale));
    let ciphertext = vec![0; 5].try_into().unwrap();
    let broken = RuntimeCall::MevShield(shield::Call::submit_encrypted { ciphertext });
    assert!(refusal(sign("Alice", &broken, mortal(&chain, 0, 8).await)).await.contains("23"));
}
