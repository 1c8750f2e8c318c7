//! A runtime that changes, over a node that is scripted to tell of it: its first block may migrate what no event tells.

use serde_json::json;

use super::*;
use crate::faulty::{FaultyNode, Reaction};

/// How many neurons of subnet 1 have acted lately.
fn active(known: &Metagraphs) -> usize {
    known.subnets[&NetUid(1)].neurons().iter().filter(|neuron| neuron.active).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_read_anew_behind_the_first_block_of_another_runtime() {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        profile: Profile::Busy(BUSY),
        ..Default::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let node = FaultyNode::before(devnet.address()).await;
    // The state behind the first block has another runtime, which executes the second.
    let genesis = json!(BlockHash(devnet.genesis_hash()));
    node.script(move |method, params| match method {
        "state_getRuntimeVersion" if params[0] != genesis => {
            let apis = json!([["0x37e397fc7c91f5e4", 2]]);
            Reaction::Answer(json!({ "specVersion": 9_999, "transactionVersion": 1, "apis": apis }))
        }
        _ => Reaction::Pass,
    });
    let directory = tempfile::tempdir().unwrap();
    let running = follow(format!("ws://{}", node.address()), open_cache(directory.path()).await).await;
    let mut news = running.metagraph.subscribe();
    let mut through = async |number| {
        let is_there = |known: &Arc<Metagraphs>| {
            known.through.is_some_and(|through| through.number == BlockNumber(number)) && known.is_whole()
        };
        let known = tokio::time::timeout(Duration::from_mins(1), news.wait_for(is_there)).await;
        Arc::clone(&known.expect("the metagraphs do not get to the block").unwrap())
    };
    let known = through(0).await;
    assert_eq!(active(&known), 12);
    devnet.mine(1).await.unwrap();
    let known = through(1).await;
    assert_eq!((active(&known), known.upkeep.wholes), (12, 4), "nothing happened in the block that brings it");
    // The column `Active` of subnet 1, written past all calls.
    let (link, follower) = btd_chain::link(LinkConfig {
        endpoints: vec![format!("ws://{}", devnet.address()).into()],
        stale_after_ms: Some(0),
        ..LinkConfig::default()
    })
    .unwrap();
    tokio::spawn(follower.run(running.token.clone()));
    let key = link.first_view().await.unwrap().storage_address("SubtensorModule", "Active", &[NetUid(1).into()]);
    let nobody = std::iter::once(12 << 2).chain([0; 12]).collect();
    devnet.control().set_storage(vec![(key.unwrap(), Some(nobody))]).await.unwrap();
    devnet.mine(1).await.unwrap();
    let known = through(devnet.head().number).await;
    assert_eq!((active(&known), known.upkeep.wholes), (0, 8), "all of it is read anew");
    devnet.mine(1).await.unwrap();
    assert_eq!(through(devnet.head().number).await.upkeep.wholes, 8, "once");
    running.token.cancel();
    running.refreshing.await.unwrap();
    devnet.stop().await.unwrap();
}
