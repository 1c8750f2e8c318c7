//! Extrinsics: those that land, and those that are refused with the number and the words that clients look for.

use btd_devnet::{Config, PoolLimits};
use btd_devnet_runtime::{Hash, RuntimeCall, RuntimeEvent};
use codec::{Decode, Encode};
use frame_metadata::RuntimeMetadataPrefixed;
use merkleized_metadata::{ExtraInfo, generate_metadata_digest};
use serde_json::{Value, json};
use sp_core::H256;
use sp_runtime::generic::Era;

use crate::{
    client::{Chain, instant, manual, next},
    signer::{
        TAO, Terms, account, account_info, free, hex, sign, sign_encoded, signed_transfer, transfer, unhex, value_key,
    },
};

type EventRecord = frame_system::EventRecord<RuntimeEvent, Hash>;

async fn submit(chain: &Chain, extrinsic: &[u8]) -> Result<Value, (i32, String, Value)> {
    chain.try_call("author_submitExtrinsic", json!([hex(extrinsic)])).await.map_err(|error| {
        let data = error.data().map_or(Value::Null, |data| serde_json::from_str(data.get()).unwrap());
        (error.code(), error.message().to_owned(), data)
    })
}

fn invalid(reason: &str) -> Result<Value, (i32, String, Value)> {
    Err((1010, "Invalid Transaction".to_owned(), json!(reason)))
}

pub(crate) async fn events(chain: &Chain, at: &Value) -> Vec<EventRecord> {
    let value = chain.call("state_getStorageAt", json!([hex(&value_key("System", "Events")), at])).await;
    Vec::decode(&mut unhex(&value).as_slice()).unwrap()
}

#[tokio::test]
async fn a_transfer_lands_and_its_events_say_so() {
    let chain = Chain::start(instant()).await;
    let (alice, bob) = (free(&chain, "Alice").await, free(&chain, "Bob").await);
    let extrinsic = signed_transfer(&chain, "Alice", "Bob", 3 * TAO, 0);
    let fee: u64 = chain.call("payment_queryInfo", json!([hex(&extrinsic)])).await["partialFee"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(fee > 0);
    let details = chain.call("payment_queryFeeDetails", json!([hex(&extrinsic)])).await["inclusionFee"].clone();
    let parts = ["baseFee", "lenFee", "adjustedWeightFee"].map(|part| details[part].as_u64().unwrap());
    assert_eq!(parts.iter().sum::<u64>(), fee);

    let mut watch = chain
        .subscribe("author_submitAndWatchExtrinsic", json!([hex(&extrinsic)]), "author_unwatchExtrinsic")
        .await
        .unwrap();
    assert_eq!(next(&mut watch).await, "ready");
    let block = next(&mut watch).await["inBlock"].clone();
    assert_eq!(next(&mut watch).await, json!({ "finalized": block }));

    assert_eq!(free(&chain, "Alice").await, alice - 3 * TAO - fee);
    assert_eq!(free(&chain, "Bob").await, bob + 3 * TAO);
    assert_eq!(account_info(&chain, "Alice", Some(&block)).await.nonce, 1);
    let body = chain.call("chain_getBlock", json!([block])).await;
    assert_eq!(body["block"]["extrinsics"][2], hex(&extrinsic));
    assert_eq!(body["justifications"], Value::Null);
    let events = events(&chain, &block).await;
    let of_transfer: Vec<&RuntimeEvent> = events
        .iter()
        .filter(|record| record.phase == frame_system::Phase::ApplyExtrinsic(2))
        .map(|record| &record.event)
        .collect();
    let transferred = RuntimeEvent::Balances(pallet_balances::Event::Transfer {
        from: account("Alice"),
        to: account("Bob"),
        amount: 3 * TAO,
    });
    assert!(of_transfer.contains(&&transferred), "{of_transfer:?}");
    assert!(matches!(of_transfer.last(), Some(RuntimeEvent::System(frame_system::Event::ExtrinsicSuccess { .. }))));
    chain.stop().await;
}

#[tokio::test]
async fn a_call_that_fails_is_in_the_block_and_pays() {
    let chain = Chain::start(instant()).await;
    let before = free(&chain, "Dave").await;
    let extrinsic = signed_transfer(&chain, "Dave", "Bob", before, 0);
    let dry = chain.call("system_dryRun", json!([hex(&extrinsic)])).await;
    assert!(dry.as_str().unwrap().starts_with("0x0001"), "a dispatch error: {dry}");
    submit(&chain, &extrinsic).await.unwrap();
    while chain.devnet.head().number == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let head = chain.call("chain_getBlockHash", json!([])).await;
    assert!(
        events(&chain, &head).await.iter().any(|record| {
            matches!(record.event, RuntimeEvent::System(frame_system::Event::ExtrinsicFailed { .. }))
        })
    );
    let after = free(&chain, "Dave").await;
    assert!(after < before && after > before - TAO);
    chain.stop().await;
}

#[tokio::test]
async fn refusals_have_their_number_and_words() {
    let chain = Chain::start(manual()).await;
    let first = signed_transfer(&chain, "Alice", "Bob", TAO, 0);
    submit(&chain, &first).await.unwrap();
    let hash = format!("{:?}", H256(sp_io::hashing::blake2_256(&first)));
    assert_eq!(submit(&chain, &first).await, Err((1013, "Transaction Already Imported".to_owned(), json!(hash))));
    let rival = signed_transfer(&chain, "Alice", "Bob", 2 * TAO, 0);
    let (code, message, _) = submit(&chain, &rival).await.unwrap_err();
    assert_eq!((code, message.starts_with("Priority is too low: (")), (1014, true));

    chain.devnet.mine(1).await.unwrap();
    assert_eq!(submit(&chain, &first).await, Err((1012, "Transaction is temporarily banned".to_owned(), Value::Null)));
    assert_eq!(submit(&chain, &rival).await, invalid("Transaction is outdated"));

    let mut forged = signed_transfer(&chain, "Alice", "Bob", TAO, 1);
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    let (code, _, data) = submit(&chain, &forged).await.unwrap_err();
    assert_eq!((code, data), (1010, json!("Transaction has a bad signature")));

    let other_chain = Terms { genesis: H256::repeat_byte(7), ..Terms::immortal(&chain, 1) };
    assert_eq!(
        submit(&chain, &sign("Alice", &transfer("Bob", TAO), other_chain)).await,
        invalid("Transaction has a bad signature")
    );
    assert_eq!(
        submit(&chain, &signed_transfer(&chain, "Nobody", "Bob", TAO, 0)).await,
        invalid("Inability to pay some fees (e.g. account balance too low)")
    );
    let (code, message, _) = submit(&chain, b"\x10junk").await.unwrap_err();
    assert_eq!((code, message.starts_with("Verification Error: Runtime error: Execution failed: ")), (1002, true));
    // One that ends before the length that it states.
    let (code, message, _) = submit(&chain, b"\x10jun").await.unwrap_err();
    assert_eq!((code, message.starts_with("Extrinsic has invalid format: ")), (1001, true));
    // What comes after it is passed over.
    let (code, _, _) = submit(&chain, &[first.as_slice(), &[0]].concat()).await.unwrap_err();
    assert_eq!(code, 1012);
    // A refusal over a subscription is an error of the subscription itself.
    let refused = chain
        .subscribe("author_submitAndWatchExtrinsic", json!([hex(&rival)]), "author_unwatchExtrinsic")
        .await
        .unwrap_err();
    assert_eq!(refused.code(), 1012);
    chain.stop().await;
}

/// The digest of RFC-0078 as a wallet comes by it: of what the chain says of itself and of its metadata.
async fn digest(chain: &Chain) -> [u8; 32] {
    let version = chain.call("state_getRuntimeVersion", json!([])).await;
    let properties = chain.call("system_properties", json!([])).await;
    let number = |value: &Value| value.as_u64().unwrap();
    let served = chain.call("state_call", json!(["Metadata_metadata_at_version", hex(&15_u32.encode())])).await;
    let served = Option::<Vec<u8>>::decode(&mut unhex(&served).as_slice()).unwrap().unwrap();
    let metadata = RuntimeMetadataPrefixed::decode(&mut served.as_slice()).unwrap().1;
    let told = ExtraInfo {
        spec_version: number(&version["specVersion"]).try_into().unwrap(),
        spec_name: version["specName"].as_str().unwrap().to_owned(),
        base58_prefix: number(&properties["ss58Format"]).try_into().unwrap(),
        decimals: number(&properties["tokenDecimals"]).try_into().unwrap(),
        token_symbol: properties["tokenSymbol"].as_str().unwrap().to_owned(),
    };
    generate_metadata_digest(&metadata, told).unwrap().hash()
}

#[tokio::test]
async fn a_signature_holds_with_the_digest_of_the_metadata_and_with_no_other() {
    let chain = Chain::start(manual()).await;
    let digest = digest(&chain).await;
    let signed =
        |digest, nonce| sign("Alice", &transfer("Bob", TAO), Terms { digest, ..Terms::immortal(&chain, nonce) });
    let mut other = digest;
    other[0] ^= 1;
    assert_eq!(submit(&chain, &signed(Some(other), 0)).await, invalid("Transaction has a bad signature"));
    // The mode is signed too: what was signed with the digest is not taken for what was signed without.
    let mut without = signed(Some(digest), 0);
    let mode = without.len() - transfer("Bob", TAO).encode().len() - 1;
    assert_eq!(without[mode], 1);
    without[mode] = 0;
    assert_eq!(submit(&chain, &without).await, invalid("Transaction has a bad signature"));

    let before = free(&chain, "Bob").await;
    submit(&chain, &signed(Some(digest), 0)).await.unwrap();
    submit(&chain, &signed(None, 1)).await.unwrap();
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(free(&chain, "Bob").await, before + 2 * TAO);
    chain.stop().await;
}

#[tokio::test]
async fn eras_end() {
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(3).await.unwrap();
    let birth = chain.devnet.head();
    let terms =
        Terms { era: Era::mortal(8, u64::from(birth.number)), birth: H256(birth.hash), ..Terms::immortal(&chain, 0) };
    let mortal = sign("Alice", &transfer("Bob", TAO), terms);
    let waiting = sign("Alice", &transfer("Bob", TAO), Terms { nonce: 5, ..terms });
    let mut watch = chain
        .subscribe("author_submitAndWatchExtrinsic", json!([hex(&waiting)]), "author_unwatchExtrinsic")
        .await
        .unwrap();
    assert_eq!(next(&mut watch).await, "future");
    chain.devnet.mine(8).await.unwrap();
    assert_eq!(next(&mut watch).await, "invalid");
    // The era's birth block is another one by now, and with it what should have been signed.
    assert_eq!(submit(&chain, &mortal).await, invalid("Transaction has a bad signature"));
    let unborn = Terms { era: Era::mortal(64, 40), ..terms };
    assert_eq!(
        submit(&chain, &sign("Alice", &transfer("Bob", TAO), unborn)).await,
        invalid("Transaction has an ancient birth block")
    );
    chain.stop().await;
}

#[tokio::test]
async fn nonces_may_arrive_in_any_order() {
    let chain = Chain::start(manual()).await;
    let alice = json!([account("Alice").to_string()]);
    for nonce in [2, 1] {
        submit(&chain, &signed_transfer(&chain, "Alice", "Bob", TAO, nonce)).await.unwrap();
    }
    assert_eq!(chain.call("author_pendingExtrinsics", json!([])).await, json!([]));
    assert_eq!(chain.call("system_accountNextIndex", alice.clone()).await, 0);
    submit(&chain, &signed_transfer(&chain, "Alice", "Bob", TAO, 0)).await.unwrap();
    assert_eq!(chain.call("author_pendingExtrinsics", json!([])).await.as_array().unwrap().len(), 3);
    assert_eq!(chain.call("system_accountNextIndex", alice.clone()).await, 3);
    let before = free(&chain, "Bob").await;
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(free(&chain, "Bob").await, before + 3 * TAO);
    assert_eq!(chain.call("author_pendingExtrinsics", json!([])).await, json!([]));
    assert_eq!(chain.call("system_accountNextIndex", alice).await, 3);
    chain.stop().await;
}

#[tokio::test]
async fn many_senders_at_once_all_get_through() {
    let chain = Chain::start(instant()).await;
    let senders = ["Alice", "Bob", "Charlie", "Dave"];
    let before = free(&chain, "Eve").await;
    let mut watches = Vec::new();
    // The last nonce first: all but one of a sender's extrinsics wait for another, while blocks are made.
    for nonce in (0..8).rev() {
        let submissions = senders.map(|sender| {
            let extrinsic = hex(&signed_transfer(&chain, sender, "Eve", TAO, nonce));
            let (chain, params) = (&chain, json!([extrinsic]));
            async move {
                chain.subscribe("author_submitAndWatchExtrinsic", params, "author_unwatchExtrinsic").await.unwrap()
            }
        });
        let [one, two, three, four] = submissions;
        let (one, two, three, four) = tokio::join!(one, two, three, four);
        watches.extend([one, two, three, four]);
    }
    for watch in &mut watches {
        while next(watch).await["finalized"].is_null() {}
    }
    assert_eq!(free(&chain, "Eve").await, before + 32 * TAO);
    assert_eq!(chain.call("author_pendingExtrinsics", json!([])).await, json!([]));
    chain.stop().await;
}

#[tokio::test]
async fn a_full_pool_says_so() {
    let limits = PoolLimits { extrinsics: 2, ..PoolLimits::default() };
    let chain = Chain::start(Config { pool: limits, ..manual() }).await;
    for signer in ["Alice", "Bob"] {
        submit(&chain, &signed_transfer(&chain, signer, "Dave", TAO, 0)).await.unwrap();
    }
    assert_eq!(
        submit(&chain, &signed_transfer(&chain, "Charlie", "Dave", TAO, 0)).await,
        Err((
            1016,
            "Immediately Dropped".to_owned(),
            json!("The transaction couldn't enter the pool because of the limit")
        ))
    );
    let removed = chain.call(
        "author_removeExtrinsic",
        json!([[{ "extrinsic": hex(&signed_transfer(&chain, "Eve", "Dave", TAO, 0)) }]]),
    );
    assert_eq!(removed.await, json!([]));
    let waiting = chain.call("author_pendingExtrinsics", json!([])).await;
    let removed = chain.call("author_removeExtrinsic", json!([[{ "extrinsic": waiting[0] }]])).await;
    assert_eq!(removed.as_array().unwrap().len(), 1);
    submit(&chain, &signed_transfer(&chain, "Eve", "Dave", TAO, 0)).await.unwrap();
    chain.stop().await;
}

/// Wraps a call in `levels` batches or the like, by hand: the runtime's types would overflow this thread's stack.
fn nested(levels: usize) -> Vec<u8> {
    let innermost = RuntimeCall::System(frame_system::Call::remark { remark: vec![] }).encode();
    let wrapper = RuntimeCall::Utility(btd_devnet_runtime::utility::Call::as_derivative {
        index: 0,
        call: Box::new(RuntimeCall::System(frame_system::Call::remark { remark: vec![] })),
    })
    .encode();
    let prefix = &wrapper[..wrapper.len() - innermost.len()];
    [prefix.repeat(levels), innermost].concat()
}

#[tokio::test]
async fn nesting_neither_ends_the_node_nor_its_blocks() {
    let chain = Chain::start(manual()).await;
    for levels in [5, 100, 240, 300, 5_000] {
        let call = nested(levels);
        let signed = sign_encoded("Alice", &call, Terms::immortal(&chain, 0));
        let unsigned = [&[4_u8][..], &call].concat().encode();
        for extrinsic in [&signed, &unsigned] {
            for method in ["payment_queryInfo", "system_dryRun"] {
                // Too deep is an error, and deep enough an answer; that there is one is what counts.
                let _ = chain.try_call(method, json!([hex(extrinsic)])).await;
            }
            let arguments = [extrinsic.as_slice(), &[0; 4]].concat();
            let _ = chain.try_call("state_call", json!(["TransactionPaymentApi_query_info", hex(&arguments)])).await;
        }
        let (code, _, _) = submit(&chain, &unsigned).await.unwrap_err();
        assert!((1001..1100).contains(&code), "{levels}: {code}");
        match submit(&chain, &signed).await {
            Ok(_) => assert_eq!(levels, 5),
            Err((code, _, _)) => assert!(levels > 5 && (1001..1100).contains(&code), "{levels}: {code}"),
        }
        let number = chain.devnet.head().number;
        assert_eq!(chain.devnet.mine(1).await.unwrap().number, number + 1);
    }
    chain.stop().await;
}

#[tokio::test]
async fn the_pool_takes_eight_levels_of_calls_and_no_more() {
    let chain = Chain::start(manual()).await;
    for (nonce, levels) in [(0, 1), (1, 8)] {
        submit(&chain, &sign_encoded("Alice", &nested(levels), Terms::immortal(&chain, nonce))).await.unwrap();
    }
    for levels in [9, 100, 240] {
        let signed = sign_encoded("Alice", &nested(levels), Terms::immortal(&chain, 2));
        assert_eq!(submit(&chain, &signed).await, invalid("Transaction call is not expected"), "{levels}");
        // Source, extrinsic, block; the answer is Err(Invalid(Call)).
        let arguments = [&[2_u8][..], signed.as_slice(), &[0; 32]].concat();
        let method = "TaggedTransactionQueue_validate_transaction";
        assert_eq!(chain.call("state_call", json!([method, hex(&arguments)])).await, "0x010000", "{levels}");
    }
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(account_info(&chain, "Alice", None).await.nonce, 2);
    chain.stop().await;
}
