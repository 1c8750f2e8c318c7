//! What goes on on a chain in use: validators set weights and hide others until an epoch, people stake and send.

use std::collections::BTreeMap;

use btd_devnet_runtime::{
    AccountId, Nonce, Runtime, RuntimeCall,
    beacon::{Beacon, Entropy, seal},
    subtensor::{self as s, Call, types::NetUid},
};
use codec::{Decode, Encode, FullCodec};
use serde_json::json;

use crate::{
    client::Chain,
    signer::{TAO, Terms, account, hex, sign, transfer, unhex, value_key},
};

/// Its profile: [`SUBNETS`] of 32 neurons, of which eight validate.
pub(crate) const PROFILE: &str = "busy:4x32";
const SUBNETS: NetUid = 4;
const VALIDATORS: u16 = 8;
/// The subnet whose weights are set in the open; on the others they are hidden.
const OPEN: NetUid = 1;
/// The first uid of a miner, after the owner and the validators, and how many there are.
const MINERS: (u16, u16) = (9, 23);
/// Blocks between two rows of weights of a validator: the chain asks for a hundred.
const WEIGHTS_EVERY: u32 = 120;
/// Blocks between epochs.
const TEMPO: u64 = 360;
/// When the first round of drand's beacon came, in seconds since 1970, and how many lie between two.
const FIRST_ROUND: u64 = 1_692_803_367;
const ROUND: u64 = 3;

/// Calls that come to a chain, block by block.
pub(crate) struct Traffic<'a> {
    chain: &'a Chain,
    nonces: BTreeMap<String, Nonce>,
    sent: u64,
}

fn validator(number: u16) -> String {
    format!("busy//validator//{number}//hot")
}

impl<'a> Traffic<'a> {
    /// Traffic on a chain of [`PROFILE`] that has just begun.
    pub(crate) async fn on(chain: &'a Chain) -> Self {
        let hidden = s::CommitRevealWeightsEnabled::<Runtime>::hashed_key_for(OPEN);
        chain.call("dev_setStorage", json!([[[hex(&hidden), hex(&false.encode())]]])).await;
        Self { chain, nonces: BTreeMap::new(), sent: 0 }
    }

    /// Sends what goes into the next block, whose number that is.
    pub(crate) async fn send(&mut self, block: u32) {
        if block.is_multiple_of(10) {
            self.submit("Alice", &transfer("Bob", 1)).await;
        }
        if block % 25 == 5 {
            self.stake(block / 25).await;
        }
        if block.is_multiple_of(WEIGHTS_EVERY) {
            self.weigh(block / WEIGHTS_EVERY).await;
        }
    }

    /// Stakes with one validator after the other, and takes some of it back the next time round.
    async fn stake(&mut self, turn: u32) {
        let place = u16::try_from(turn % u32::from(SUBNETS * VALIDATORS)).unwrap();
        let (netuid, hotkey) = (1 + place % SUBNETS, account(&validator(place / SUBNETS)));
        let takes = turn / u32::from(SUBNETS * VALIDATORS) % 2 == 1;
        let call = if takes {
            Call::remove_stake { hotkey, netuid, amount_unstaked: TAO }
        } else {
            Call::add_stake { hotkey, netuid, amount_staked: TAO }
        };
        self.submit("Alice", &RuntimeCall::SubtensorModule(call)).await;
    }

    /// Each validator weighs three miners of each subnet, others each time.
    async fn weigh(&mut self, turn: u32) {
        let now: u64 = self.stored(&value_key("Timestamp", "Now")).await;
        let round = (now / 1_000 - FIRST_ROUND) / ROUND + 2;
        for number in 0..VALIDATORS {
            let first = u16::try_from(turn % 1_000).unwrap() + number;
            let uids: Vec<u16> = (first..first + 3).map(|uid| MINERS.0 + uid % MINERS.1).collect();
            for netuid in 1..=SUBNETS {
                let (dests, weights) = (uids.clone(), vec![10, 20, 30]);
                let call = if netuid == OPEN {
                    Call::set_weights { netuid, dests, weights, version_key: 0 }
                } else {
                    hidden(netuid, &account(&validator(number)), &(dests, weights), round, self.sent)
                };
                self.submit(&validator(number), &RuntimeCall::SubtensorModule(call)).await;
            }
        }
    }

    async fn submit(&mut self, signer: &str, call: &RuntimeCall) {
        let nonce = self.nonces.entry(signer.to_owned()).or_default();
        let extrinsic = sign(signer, call, Terms::immortal(self.chain, *nonce));
        *nonce += 1;
        self.sent += 1;
        self.chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
    }

    async fn stored<V: Decode>(&self, key: &[u8]) -> V {
        let value = self.chain.call("state_getStorage", json!([hex(key)])).await;
        V::decode(&mut unhex(&value).as_slice()).unwrap()
    }

    /// Fails unless all of it had its effect within so many blocks: epochs ran, weights were set and hidden ones opened.
    /// Returns how many extrinsics there were.
    pub(crate) async fn had_its_effect(&self, blocks: u32) -> u64 {
        assert_eq!(
            self.chain.call("author_pendingExtrinsics", json!([])).await,
            json!([]),
            "every extrinsic is in a block"
        );
        for netuid in 1..=SUBNETS {
            let epochs: u64 = self.stored(&s::SubnetEpochIndex::<Runtime>::hashed_key_for(netuid)).await;
            assert!(epochs >= u64::from(blocks) / TEMPO, "subnet {netuid} had {epochs} epochs");
            for uid in 1..=VALIDATORS {
                let row: Vec<(u16, u16)> = self.stored(&s::Weights::<Runtime>::hashed_key_for(netuid, uid)).await;
                assert_eq!(row.len(), 3, "the row of uid {uid} on subnet {netuid}: {row:?}");
            }
        }
        self.sent
    }
}

/// Weights that the development beacon opens in a round.
fn hidden(netuid: NetUid, hotkey: &AccountId, weights: &impl FullCodec, round: u64, number: u64) -> Call<Runtime> {
    let plain = [hotkey.encode().encode(), weights.encode(), 0_u64.encode()].concat();
    // No two seals are alike, which is all that matters here.
    let secret = |of: &str| sp_io::hashing::blake2_256(&(of, number).encode());
    let nonce = *secret("nonce").first_chunk().unwrap();
    let entropy = Entropy { key: secret("key"), sigma: secret("sigma"), nonce };
    let commit = seal(&Beacon::development().public_key(), round, &plain, &entropy).unwrap().try_into().unwrap();
    Call::commit_timelocked_weights { netuid, commit, reveal_round: round, commit_reveal_version: 4 }
}
