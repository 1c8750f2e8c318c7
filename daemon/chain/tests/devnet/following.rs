//! Finalized blocks: in order, each once, none left out.

use std::sync::Arc;

use btd_api::{BlockHash, BlockNumber};
use btd_chain::{BlockStream, FinalizedBlock, LinkState, ReadError, link};
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use crate::{chain, config, faulty::FaultyNode, follow, in_time, live, proxy::Proxy, until};

/// Reads `count` blocks, which must follow `before` without a gap.
async fn continue_with(stream: &mut BlockStream, before: &FinalizedBlock, count: usize) -> Vec<Arc<FinalizedBlock>> {
    let mut blocks: Vec<Arc<FinalizedBlock>> = Vec::new();
    for _ in 0..count {
        let block = in_time(stream.next()).await.unwrap();
        let last = blocks.last().map_or(before, Arc::as_ref);
        assert_eq!(block.block.number.0, last.block.number.0 + 1);
        assert_eq!(block.parent, last.block.hash);
        blocks.push(block);
    }
    blocks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_block_is_missed_over_two_cuts() {
    let devnet = chain().await;
    let proxy = Proxy::before(devnet.address()).await;
    let followed = follow(config([proxy.address()]));
    let link = &followed.link;
    until(link, LinkState::is_live).await;
    let genesis = link.block(BlockNumber(0)).await.unwrap();
    let mut stream = link.blocks();

    devnet.mine(5).await.unwrap();
    let mut last = continue_with(&mut stream, &genesis, 5).await.pop().unwrap();
    for _ in 0..2 {
        proxy.cut();
        until(link, |state| !state.is_live()).await;
        devnet.mine(7).await.unwrap();
        // What was followed before is still there while the chain is out of reach.
        assert_eq!(link.block(last.block.number).await.unwrap(), last);
        assert!(matches!(link.view(), Err(ReadError::NotConnected { .. })));
        proxy.open();
        until(link, LinkState::is_live).await;
        devnet.mine(3).await.unwrap();
        last = continue_with(&mut stream, &last, 10).await.pop().unwrap();
    }
    assert_eq!(last.block.number, BlockNumber(25));
    assert_eq!(last.block.hash, BlockHash(devnet.head().hash));
    let state = until(link, |state| state.finalized().is_some_and(|seen| seen.block == last.block)).await;
    let LinkState::Live { genesis: name, announced, spec_version, .. } = state else { panic!("{state:?}") };
    assert_eq!((name, announced), (BlockHash(devnet.genesis_hash()), BlockNumber(25)));
    assert_eq!(Some(spec_version), last.spec_version);
}

/// The hash of a best block follows from its header; nobody is asked for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_best_block_is_told_as_it_comes_and_none_while_the_chain_is_away() {
    let devnet = chain().await;
    let proxy = Proxy::before(devnet.address()).await;
    let followed = follow(config([proxy.address()]));
    until(&followed.link, LinkState::is_live).await;
    let mut best = followed.link.best();
    for _ in 0..3 {
        let head = devnet.mine(2).await.unwrap();
        let wanted =
            |told: &Option<btd_chain::BestHead>| told.is_some_and(|told| told.block.number == BlockNumber(head.number));
        let told = in_time(best.wait_for(wanted)).await.unwrap().unwrap();
        assert_eq!(told.block.hash, BlockHash(head.hash));
        until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 >= head.number)).await;
        let block = in_time(followed.link.block_by_hash(told.parent)).await.unwrap();
        assert_eq!(block.block.number.0 + 1, head.number);
        proxy.cut();
        in_time(best.wait_for(Option::is_none)).await.unwrap();
        proxy.open();
        until(&followed.link, LinkState::is_live).await;
    }
}

/// The rest of the connection is well, so nothing but the best block is missing meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_best_block_is_kept_when_the_node_stops_telling_them_and_they_are_asked_for_again() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let followed = follow(config([node.address()]));
    until(&followed.link, LinkState::is_live).await;
    let mut best = followed.link.best();
    in_time(best.wait_for(Option::is_some)).await.unwrap();
    let faults: [fn(&mut Json); 2] = [
        // The node ends the subscription; a header cannot be read.
        |header| *header = Json::Null,
        |header| header["digest"] = json!("none"),
    ];
    for fault in faults {
        node.announce(move |method, header| {
            if method == "chain_newHead" {
                fault(header);
            }
        });
        let number = devnet.mine(1).await.unwrap().number;
        in_time(best.wait_for(Option::is_none)).await.unwrap();
        until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 == number)).await;
        node.announce(|_, _| {});
        let number = devnet.mine(1).await.unwrap().number;
        let is_newest = |told: &Option<btd_chain::BestHead>| told.is_some_and(|told| told.block.number.0 == number);
        in_time(best.wait_for(is_newest)).await.unwrap();
    }
    assert_eq!(node.connections(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_before_the_first_block_waits_for_it_and_not_for_one_that_never_comes() {
    let devnet = chain().await;
    let (early, follower) = link(config([devnet.address()])).unwrap();
    assert!(matches!(early.view(), Err(ReadError::NotConnected { cause: None })));
    let stop = CancellationToken::new();
    let (view, ()) = tokio::join!(
        async {
            let view = in_time(early.first_view()).await;
            stop.cancel();
            view
        },
        follower.run(stop.clone())
    );
    assert_eq!(view.unwrap().block().number, BlockNumber(0));

    let proxy = Proxy::before(devnet.address()).await;
    proxy.cut();
    let unreachable = follow(config([proxy.address()]));
    let refused = in_time(unreachable.link.first_view()).await;
    assert!(matches!(refused, Err(ReadError::NotConnected { cause: Some(_) })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_or_late_reader_gets_every_block() {
    let devnet = chain().await;
    let followed = follow(btd_chain::LinkConfig { recent_blocks: 4, ..config([devnet.address()]) });
    until(&followed.link, LinkState::is_live).await;
    devnet.mine(20).await.unwrap();
    until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 == 20)).await;
    // Only four blocks are in memory: the others are read again.
    let genesis = followed.link.block(BlockNumber(0)).await.unwrap();
    let mut late = followed.link.blocks_from(BlockNumber(1));
    let blocks = continue_with(&mut late, &genesis, 20).await;
    assert_eq!(late.cursor(), Some(BlockNumber(21)));
    let again = followed.link.block_by_hash(blocks[2].block.hash).await.unwrap();
    assert_eq!(again, blocks[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_is_decoded() {
    let (devnet, followed) = live().await;
    devnet.mine(1).await.unwrap();
    let block = in_time(followed.link.blocks_from(BlockNumber(1)).next()).await.unwrap();
    assert!(block.illegible.is_empty(), "{:?}", block.illegible);
    assert!(block.timestamp_ms.is_some_and(|time| time > 1_700_000_000_000), "{block:?}");
    let inherent = block.extrinsics.first().unwrap();
    let call = inherent.call.as_ref().unwrap();
    assert_eq!((call.pallet.as_str(), call.call.as_str(), inherent.signer), ("Timestamp", "set", None));
    assert_eq!(inherent.result, Some(Ok(())));
    assert!(block.events.iter().any(|event| event.pallet == "System" && event.name == "ExtrinsicSuccess"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_are_not_there_are_unknown() {
    let (_devnet, followed) = live().await;
    let unknown = |result| matches!(result, Err(ReadError::UnknownBlock { .. }));
    assert!(unknown(followed.link.block(BlockNumber(9)).await));
    assert!(unknown(followed.link.block_by_hash(BlockHash([9; 32])).await));
    assert!(matches!(followed.link.view_at(BlockHash([9; 32])).await, Err(ReadError::UnknownBlock { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_long_outage_the_present_comes_first_and_nothing_is_lost() {
    let devnet = chain().await;
    let proxy = Proxy::before(devnet.address()).await;
    let followed = follow(btd_chain::LinkConfig { catch_up_blocks: 8, ..config([proxy.address()]) });
    let link = &followed.link;
    until(link, LinkState::is_live).await;
    let genesis = link.block(BlockNumber(0)).await.unwrap();
    let mut stream = link.blocks();
    let mut states = link.state();
    proxy.cut();
    until(link, |state| !state.is_live()).await;
    devnet.mine(40).await.unwrap();
    proxy.open();
    // The first block that is followed after the outage is the newest one.
    let first = in_time(states.wait_for(|state| state.finalized().is_some_and(|seen| seen.block.number.0 > 0))).await;
    let first = first.unwrap().finalized().unwrap().block.number;
    assert_eq!(first, BlockNumber(40));
    let last = continue_with(&mut stream, &genesis, 40).await.pop().unwrap();
    assert_eq!(last.block.hash, BlockHash(devnet.head().hash));
    devnet.mine(2).await.unwrap();
    continue_with(&mut stream, &last, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_are_passed_over_are_not_a_way_around_history() {
    let first = chain().await;
    first.mine(3).await.unwrap();
    let other = crate::chain_with(btd_devnet::BlockTime::Instant, 1_800_000_000_000).await;
    other.mine(30).await.unwrap();
    let proxy = Proxy::before(first.address()).await;
    let followed = follow(btd_chain::LinkConfig { catch_up_blocks: 4, ..config([proxy.address()]) });
    until(&followed.link, LinkState::is_live).await;
    let seen = followed.link.finalized().unwrap();
    proxy.lead_to(other.address());
    proxy.cut();
    until(&followed.link, |state| !state.is_live()).await;
    proxy.open();
    until(&followed.link, |state| state.cause().is_some_and(|cause| cause.name() == "forked")).await;
    assert_eq!(followed.link.finalized(), Some(seen));
}
