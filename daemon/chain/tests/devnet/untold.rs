//! State that is gone, which an endpoint says in words of its own.

use btd_api::{BlockHash, BlockNumber};
use btd_chain::{LinkConfig, LinkState};
use serde_json::json;

use crate::{
    chain, config,
    faulty::{FaultyNode, Reaction},
    follow, in_time, until,
};

/// The endpoint that is there after an outage was never followed, so that nothing is known by its word, and refuses the
/// state of the blocks that were missed. They are fewer than are passed over after a long outage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missed_blocks_whose_state_another_endpoint_refuses_in_its_own_words_stop_nobody() {
    let refusals = ["no trie node", "Client error: UnknownBlock: State already discarded for 0x00"];
    for words in refusals {
        let devnet = chain().await;
        let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
        second.go_down();
        let brisk = LinkConfig {
            request_timeout_ms: 3_000,
            connect_timeout_ms: 2_000,
            scout_ms: 0,
            heartbeat_ms: 0,
            ..config([first.address(), second.address()])
        };
        let followed = follow(brisk);
        until(&followed.link, LinkState::is_live).await;
        let mut blocks = followed.link.blocks_from(BlockNumber(1));
        first.go_down();
        until(&followed.link, |state| !state.is_live()).await;
        let mut old = vec![json!(BlockHash(devnet.genesis_hash()))];
        for _ in 0..10 {
            devnet.mine(1).await.unwrap();
            old.push(json!(BlockHash(devnet.head().hash)));
        }
        second.script(move |method, params| {
            let is_old = params.as_array().is_some_and(|params| params.iter().any(|param| old.contains(param)));
            if method.starts_with("state_") && is_old { Reaction::Refuse(-32_000, words) } else { Reaction::Pass }
        });
        devnet.mine(2).await.unwrap();
        second.open();
        let newest = devnet.head();
        let is_there = |state: &LinkState| state.finalized().is_some_and(|seen| seen.block.number.0 == newest.number);
        let state = until(&followed.link, is_there).await;
        assert_eq!(state.finalized().unwrap().block.hash, BlockHash(newest.hash));
        // Each of them comes all the same, in its turn, and says of what it does not tell that it does not.
        let mut parent = BlockHash(devnet.genesis_hash());
        for number in 1..=newest.number {
            let block = in_time(blocks.next()).await.unwrap();
            assert_eq!((block.block.number.0, block.parent), (number, parent));
            assert!(!block.extrinsics.is_empty());
            assert_eq!(block.tells_all_events(), number > 10, "{words}: block {number}: {:?}", block.illegible);
            let told = block.illegible.iter().any(|part| part.to_string().contains(words));
            assert_eq!(told, number <= 10, "{words}: block {number}: {:?}", block.illegible);
            parent = block.block.hash;
        }
        assert_eq!(followed.link.view().unwrap().netuids().await.unwrap().len(), 2);
    }
}
