//! Recordings of the real runtime, spec 425, replayed over JSON-RPC on the profile `localnet`: verdicts of the pool,
//! results, fees and accounts.
//!
//! Every figure of them, events and all state included, is compared by the replay of the runtime's own tests; here the
//! node makes the blocks. Which staker a block draws goes by block hashes, so nobody or one account stakes on root in the stories.

use std::time::Duration;

use btd_devnet::{BlockTime, Clock, Config, Profile};
use btd_devnet_runtime::{AccountId, Runtime, RuntimeEvent, subtensor};
use codec::{Decode, Encode};
use frame_system::Phase;
use serde_json::{Value, json};
use sp_core::{Pair as _, crypto::Ss58Codec};
use sp_runtime::DispatchError;

use crate::{
    client::{Chain, manual},
    extrinsics::events,
    signer::{Terms, hex, sign_encoded, unhex, value_key},
};

const STORIES: [(&str, &str); 2] = [
    ("fees_a", include_str!("../../../../tests/vectors/economy/fees_a.json")),
    ("staking_amm_a", include_str!("../../../../tests/vectors/economy/staking_amm_a.json")),
];
/// The recordings' distance of blocks, and the slot of their block 0.
const SLOT: Duration = Duration::from_secs(12);
const FIRST_SLOT: u64 = 150_000_000;

/// A chain on which block `n` has the recordings' timestamp and slot, and comes only when told to.
async fn localnet() -> Chain {
    let config = Config {
        profile: Profile::Localnet,
        block_time: BlockTime::Every(SLOT),
        clock: Clock::Stepped { start: FIRST_SLOT * 12_000 },
        ..manual()
    };
    let chain = Chain::start(config).await;
    chain.call("dev_fault", json!(["stallBlocks"])).await;
    assert_eq!(chain.devnet.head().number, 0, "no block came before");
    chain
}

type AccountInfo = frame_system::AccountInfo<u32, pallet_balances::AccountData<u64>>;

async fn account_info(chain: &Chain, address: &str) -> AccountInfo {
    let account = AccountId::from_ss58check(address).unwrap().encode();
    let key = [value_key("System", "Account"), sp_io::hashing::blake2_128(&account).to_vec(), account].concat();
    let value = chain.call("state_getStorage", json!([hex(&key)])).await;
    if value.is_null() { AccountInfo::default() } else { AccountInfo::decode(&mut unhex(&value).as_slice()).unwrap() }
}

/// The name of an error as recordings give it; of pallets that are not the chain's own, the pallet.
fn error_name(error: &DispatchError) -> String {
    match error {
        DispatchError::Module(module) if module.index == 7 => {
            let error = subtensor::Error::<Runtime>::decode(&mut &module.error[..]).unwrap();
            format!("SubtensorModule.{error:?}")
        }
        DispatchError::Module(module) => match module.index {
            5 => "Balances".to_owned(),
            28 => "Swap".to_owned(),
            other => panic!("no story calls pallet {other}"),
        },
        DispatchError::Token(error) => format!("Token.{error:?}"),
        other => format!("{other:?}"),
    }
}

/// What became of an extrinsic of the newest block: its result and its fee.
async fn outcome(chain: &Chain, extrinsic: &[u8]) -> Option<(String, u64)> {
    let head = chain.call("chain_getBlockHash", json!([])).await;
    let body = chain.call("chain_getBlock", json!([head])).await;
    let all = body["block"]["extrinsics"].as_array().unwrap().clone();
    let index = u32::try_from(all.iter().position(|other| *other == hex(extrinsic))?).unwrap();
    let (mut result, mut fee) = (None, 0);
    for record in events(chain, &head).await.into_iter().filter(|one| one.phase == Phase::ApplyExtrinsic(index)) {
        match record.event {
            RuntimeEvent::System(frame_system::Event::ExtrinsicSuccess { .. }) => result = Some("success".to_owned()),
            RuntimeEvent::System(frame_system::Event::ExtrinsicFailed { dispatch_error, .. }) => {
                result = Some(error_name(&dispatch_error));
            }
            RuntimeEvent::TransactionPayment(pallet_transaction_payment::Event::TransactionFeePaid {
                actual_fee,
                ..
            }) => fee = actual_fee,
            _ => {}
        }
    }
    result.map(|result| (result, fee))
}

/// Signs what the story says, corrupted where it says so.
async fn signed(chain: &Chain, recorded: &Value, earlier: u32) -> Vec<u8> {
    let signer = recorded["signer"].as_str().unwrap().trim_start_matches("//");
    let call = unhex(&recorded["call_data"]);
    let address = AccountId::from(crate::signer::pair(signer).public().0).to_ss58check();
    let next = account_info(chain, &address).await.nonce + earlier;
    let nonce = recorded["nonce"].as_u64().map_or(next, |nonce| u32::try_from(nonce).unwrap());
    let tip = recorded["tip"].as_str().map_or(0, |tip| tip.parse().unwrap());
    let mut extrinsic = sign_encoded(signer, &call, Terms { tip, ..Terms::immortal(chain, nonce) });
    if recorded["note"] == "signature corrupted" {
        // Behind the length, the version, the kind and the bytes of the address, and the kind of signature.
        extrinsic[2 + 1 + 33 + 1 + 5] ^= 1;
    }
    extrinsic
}

async fn replay(name: &str, story: &str) -> usize {
    let story: Value = serde_json::from_str(story).unwrap();
    let chain = localnet().await;
    let mut compared = 0;
    for step in story["steps"].as_array().unwrap() {
        let block = u32::try_from(step["block"].as_u64().unwrap()).unwrap();
        chain.devnet.mine(block - 1 - chain.devnet.head().number).await.unwrap();
        let (mut sent, mut taken) = (Vec::<Value>::new(), Vec::new());
        for recorded in step["extrinsics"].as_array().unwrap() {
            let place = format!("{name} block {block} {}", recorded["call"]);
            let earlier = sent.iter().filter(|signer| **signer == recorded["signer"]).count();
            let extrinsic = signed(&chain, recorded, u32::try_from(earlier).unwrap()).await;
            let answer = chain.try_call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
            assert_eq!(answer.is_ok(), recorded["pool"]["valid"] == true, "{place}: the pool said {answer:?}");
            compared += 1;
            if let Err(error) = answer {
                assert_eq!(error.code(), 1010, "{place}");
                continue;
            }
            sent.push(recorded["signer"].clone());
            taken.push((place, recorded, extrinsic));
        }
        assert_eq!(chain.devnet.mine(1).await.unwrap().number, block);
        for (place, recorded, extrinsic) in taken {
            let expected = recorded["result"].as_str().unwrap();
            let Some((result, fee)) = outcome(&chain, &extrinsic).await else {
                assert!(expected.starts_with("not applied"), "{place}: it is in no block");
                continue;
            };
            assert!(
                expected == result || expected.starts_with(&format!("{result}.")),
                "{place}: {result} not {expected}"
            );
            assert_eq!(recorded["fee_paid"], fee.to_string(), "{place}: fee");
            compared += 2;
        }
        chain.devnet.mine(u32::try_from(step["then_empty_blocks"].as_u64().unwrap_or(0)).unwrap()).await.unwrap();
        for expected in step["expect"].as_array().into_iter().flatten() {
            if (&expected["pallet"], &expected["item"]) != (&json!("System"), &json!("Account")) {
                continue;
            }
            let info = account_info(&chain, expected["keys"][0].as_str().unwrap()).await;
            let seen = (info.nonce.to_string(), info.data.free.to_string(), info.data.reserved.to_string());
            let wanted = &expected["value"];
            let wanted = (&wanted["nonce"], &wanted["data"]["free"], &wanted["data"]["reserved"]);
            assert_eq!((&json!(seen.0), &json!(seen.1), &json!(seen.2)), wanted, "{name} block {block}: {expected}");
            compared += 3;
        }
    }
    chain.stop().await;
    compared
}

#[tokio::test]
async fn stories_of_the_real_runtime_happen_again_over_json_rpc() {
    for (name, story) in STORIES {
        let compared = replay(name, story).await;
        assert!(compared > 100, "{name}: only {compared} figures were compared");
    }
}
