//! Several endpoints, some of which misbehave: who is followed, who is named, and what readers see.

use std::time::Duration;

use btd_api::{BlockHash, BlockNumber};
use btd_chain::{ConnectError, EndpointStatus, LinkConfig, LinkState, ReadError, Standing};
use btd_devnet::{BlockTime, Devnet};
use serde_json::json;

use crate::{
    Followed, chain, chain_with, config,
    faulty::{FaultyNode, Reaction},
    follow, in_time, until,
};

/// A configuration whose waits are a test's, not a network's.
fn brisk<const N: usize>(nodes: [&FaultyNode; N]) -> LinkConfig {
    LinkConfig {
        heartbeat_ms: 150,
        request_timeout_ms: 3_000,
        scout_ms: 30,
        connect_timeout_ms: 2_000,
        ..config(nodes.map(FaultyNode::address))
    }
}

/// Waits until the endpoint at `index` is as wanted.
async fn endpoint(followed: &Followed, index: usize, wanted: impl Fn(&EndpointStatus) -> bool) -> EndpointStatus {
    in_time(async {
        loop {
            let status = followed.link.endpoints().swap_remove(index);
            if wanted(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

/// Has `node` say from now on that block 0 is its newest, whoever asks.
fn stays_at_genesis(node: &FaultyNode, devnet: &Devnet) {
    let genesis = json!(BlockHash(devnet.genesis_hash()));
    node.script(move |method, _| match method {
        "chain_getFinalizedHead" => Reaction::Answer(genesis.clone()),
        _ => Reaction::Pass,
    });
}

fn is_active(status: &EndpointStatus) -> bool {
    status.standing == Standing::Active
}

/// Waits until the endpoint at `index` was found wanting for the reason `name`.
async fn named(followed: &Followed, index: usize, name: &str) -> ConnectError {
    let has_name = |status: &EndpointStatus| status.trouble.as_ref().is_some_and(|cause| cause.name() == name);
    endpoint(followed, index, has_name).await.trouble.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_drops_lose_nothing_and_make_no_storm() {
    const DROPS: u32 = 100;
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let followed = follow(brisk([&node]));
    until(&followed.link, LinkState::is_live).await;
    let mut blocks = followed.link.blocks_from(BlockNumber(1));
    let mut parent = BlockHash(devnet.genesis_hash());
    for drop in 0..DROPS {
        devnet.mine(1 + drop % 3).await.unwrap();
        node.drop_all();
        devnet.mine(1).await.unwrap();
    }
    let last = devnet.head();
    loop {
        let expected = blocks.cursor().unwrap();
        let block = in_time(blocks.next()).await.unwrap();
        assert_eq!((block.block.number, block.parent), (expected, parent));
        parent = block.block.hash;
        if block.block.number.0 == last.number {
            break;
        }
    }
    assert_eq!(parent, BlockHash(last.hash));
    // One connection for each drop, and another one where a drop comes while it is being made.
    assert!(node.connections() <= 2 * DROPS, "{} connections", node.connections());
}

/// The blocks of an hour at twelve seconds each are made while nobody can be reached. A longer outage
/// is asked for by `BTD_OUTAGE_BLOCKS`.
#[expect(clippy::disallowed_methods, reason = "a large run is asked for by whoever runs the tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_of_outage_is_caught_up_with_in_order_and_without_a_storm() {
    let missed = std::env::var("BTD_OUTAGE_BLOCKS").map_or(300_u32, |blocks| blocks.parse().unwrap());
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let followed = follow(LinkConfig { retry_max_ms: 200, heartbeat_ms: 0, scout_ms: 0, ..brisk([&node]) });
    until(&followed.link, LinkState::is_live).await;
    let mut blocks = followed.link.blocks_from(BlockNumber(1));
    let mut parent = BlockHash(devnet.genesis_hash());
    node.go_down();
    until(&followed.link, |state| !state.is_live()).await;
    devnet.mine(missed).await.unwrap();
    let (connections, requests) = (node.connections(), node.requests());
    node.open();
    for number in 1..=missed {
        let block = in_time(blocks.next()).await.unwrap();
        assert_eq!((block.block.number, block.parent), (BlockNumber(number), parent));
        parent = block.block.hash;
    }
    assert_eq!(parent, BlockHash(devnet.head().hash));
    // The newest is followed and told at once; for each block behind it there are its hash, its body,
    // its events and the runtime that executed it.
    let (again, asked) = (node.connections() - connections, node.requests() - requests);
    assert!(again <= 10, "{again} connections to catch up");
    assert!(asked <= missed * 5 + 50, "{asked} requests for {missed} blocks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_endpoint_is_asked_less_and_less() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let followed = follow(LinkConfig { retry_max_ms: 400, ..brisk([&node]) });
    until(&followed.link, LinkState::is_live).await;
    node.go_down();
    let before = node.connections();
    tokio::time::sleep(Duration::from_secs(2)).await;
    // A rest is 200 ms at least once the limit is reached.
    assert!(node.connections() - before <= 11, "{} attempts in two seconds", node.connections() - before);
    node.open();
    until(&followed.link, LinkState::is_live).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_quiet_is_left_for_the_next_and_gone_back_to() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let followed = follow(brisk([&first, &second]));
    endpoint(&followed, 0, is_active).await;
    first.stall();
    named(&followed, 0, "silent").await;
    endpoint(&followed, 1, is_active).await;
    devnet.mine(2).await.unwrap();
    until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 == 2)).await;
    // It is preferred, so it is followed again once it is well.
    first.open();
    endpoint(&followed, 0, is_active).await;
    first.half_close();
    devnet.mine(1).await.unwrap();
    endpoint(&followed, 1, is_active).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_turns_away_or_floods_is_named() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    first.turn_away();
    let followed = follow(brisk([&first, &second]));
    endpoint(&followed, 1, is_active).await;
    named(&followed, 0, "rate-limited").await;

    let third = FaultyNode::before(devnet.address()).await;
    third.script(|method, _| match method {
        "chain_getBlock" => Reaction::Oversized(200_000),
        _ => Reaction::Pass,
    });
    let followed = follow(LinkConfig { max_response_bytes: 150_000, scout_ms: 0, ..brisk([&third, &second]) });
    let flood = named(&followed, 0, "oversized").await;
    assert!(flood.to_string().contains("more than 150000 bytes"), "{flood}");
}

/// The node is told to go on for as long as anybody reads: whatever is taken was taken by the system on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_answer_is_read_no_further_than_it_may_be_long() {
    const ENDLESS: usize = 500 << 20;
    let kinds: [fn() -> Reaction; 2] = [|| Reaction::Endless(ENDLESS), || Reaction::EndlessInPieces(ENDLESS)];
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    for kind in kinds {
        first.script(move |method, _| match method {
            "chain_getBlock" => kind(),
            _ => Reaction::Pass,
        });
        let sent = first.sent();
        let followed = follow(LinkConfig { max_response_bytes: 4 << 20, scout_ms: 0, ..brisk([&first, &second]) });
        named(&followed, 0, "oversized").await;
        endpoint(&followed, 1, is_active).await;
        assert!(first.sent() - sent < ENDLESS / 4, "{} bytes were taken", first.sent() - sent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announcements_wait_for_nothing_and_fill_no_memory() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let patient = LinkConfig { request_timeout_ms: 60_000, scout_ms: 0, heartbeat_ms: 0, ..brisk([&node]) };
    let followed = follow(patient.clone());
    until(&followed.link, LinkState::is_live).await;
    // They come while the block that the first of them announced is being read: far more than are kept.
    node.script(|method, _| match method {
        "chain_getBlock" => Reaction::AfterAnnouncing(5_000),
        _ => Reaction::Pass,
    });
    devnet.mine(1).await.unwrap();
    until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 == 1)).await;
    let status = endpoint(&followed, 0, is_active).await;
    assert_eq!((status.trouble, status.failures, node.connections()), (None, 0, 1));
    drop(followed);

    // One that withholds the block and announces it without end is left.
    node.script(|_, _| Reaction::Pass);
    let followed = follow(LinkConfig { request_timeout_ms: 3_000, ..patient });
    until(&followed.link, LinkState::is_live).await;
    node.script(|method, _| match method {
        "chain_getBlock" => Reaction::AnnounceForEver,
        _ => Reaction::Pass,
    });
    devnet.mine(1).await.unwrap();
    let has_trouble = |status: &EndpointStatus| status.trouble.is_some();
    let trouble = endpoint(&followed, 0, has_trouble).await.trouble.unwrap();
    assert!(["silent", "unusable"].contains(&trouble.name()), "{trouble}");
    node.script(|_, _| Reaction::Pass);
    until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 == 2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_are_made_fewer_and_answered() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let followed = follow(brisk([&node]));
    until(&followed.link, LinkState::is_live).await;
    let mut refusals = 2;
    node.script(move |method, _| {
        if method == "state_getKeysPaged" && refusals > 0 {
            refusals -= 1;
            return Reaction::Refuse(429, "too many requests");
        }
        Reaction::Pass
    });
    assert_eq!(in_time(followed.link.view().unwrap().netuids()).await.unwrap().len(), 2);
    assert!(followed.link.endpoints()[0].is_rate_limited);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lagging_endpoint_is_told_by_another() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let followed = follow(LinkConfig { max_lag_blocks: 3, ..brisk([&first, &second]) });
    endpoint(&followed, 0, is_active).await;
    // Alive, answering, and with the same block for ever, so that nobody goes back to it.
    stays_at_genesis(&first, &devnet);
    first.announce(|_, header| header["number"] = json!("0x0"));
    devnet.mine(6).await.unwrap();
    let lag = named(&followed, 0, "behind").await;
    assert!(matches!(lag, ConnectError::Behind { finalized, .. } if finalized.0 < 6), "{lag}");
    until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 == 6)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_whose_blocks_are_overdue_is_left_long_before_it_is_stale() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    // A block is overdue after 1.1 s, and an endpoint that brings none is stale after 5 s.
    let followed = follow(LinkConfig { stale_after_ms: Some(5_000), ..brisk([&first, &second]) });
    endpoint(&followed, 0, is_active).await;
    stays_at_genesis(&first, &devnet);
    first.announce(|_, header| header["number"] = json!("0x0"));
    devnet.mine(1).await.unwrap();
    let lag = named(&followed, 0, "behind").await;
    assert!(matches!(lag, ConnectError::Behind { finalized: BlockNumber(0), seen: BlockNumber(1), .. }), "{lag}");
    until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 == 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_are_announced_and_not_there_are_not_followed() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let followed = follow(LinkConfig { scout_ms: 0, ..brisk([&first, &second]) });
    endpoint(&followed, 0, is_active).await;
    first.announce(|_, header| header["number"] = json!("0xffff"));
    devnet.mine(1).await.unwrap();
    named(&followed, 0, "unusable").await;
    let state = until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 == 1)).await;
    assert_eq!(state.finalized().unwrap().block.hash, BlockHash(devnet.head().hash));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_of_another_network_is_named_and_never_followed() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let alien = BlockHash([7; 32]);
    second.script(move |method, params| match method {
        "chain_getBlockHash" if params[0] == 0 => Reaction::Answer(json!(alien)),
        _ => Reaction::Pass,
    });
    let followed = follow(brisk([&first, &second]));
    endpoint(&followed, 0, is_active).await;
    let wrong = named(&followed, 1, "wrong-genesis").await;
    assert!(matches!(wrong, ConnectError::WrongGenesis { found, .. } if found == alien), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_two_others_contradict_is_given_up() {
    let (truth, lie) = (chain().await, chain_with(BlockTime::Instant, 1_800_000_000_000).await);
    assert_eq!(truth.genesis_hash(), lie.genesis_hash());
    truth.mine(3).await.unwrap();
    lie.mine(3).await.unwrap();
    let liar = FaultyNode::before(lie.address()).await;
    let (one, two) = (FaultyNode::before(truth.address()).await, FaultyNode::before(truth.address()).await);
    // One witness against another settles nothing: what was followed stays, and the other is named.
    let followed = follow(brisk([&liar, &one]));
    named(&followed, 1, "forked").await;
    assert!(is_active(&endpoint(&followed, 0, |_| true).await));

    let followed = follow(brisk([&liar, &one, &two]));
    named(&followed, 0, "forked").await;
    let is_true = |state: &LinkState| {
        state.is_live() && state.finalized().is_some_and(|seen| seen.block.hash == BlockHash(truth.head().hash))
    };
    until(&followed.link, is_true).await;
    truth.mine(1).await.unwrap();
    let next = in_time(followed.link.blocks_from(BlockNumber(4)).next()).await.unwrap();
    assert_eq!(next.block.hash, BlockHash(truth.head().hash));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_question_asked_by_many_is_asked_once() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let followed = follow(LinkConfig { heartbeat_ms: 0, ..brisk([&node]) });
    until(&followed.link, LinkState::is_live).await;
    let view = followed.link.view().unwrap();
    node.script(|_, _| Reaction::Late(Duration::from_millis(100)));
    let before = node.requests();
    let reads = (0..20).map(|_| {
        let view = view.clone();
        tokio::spawn(async move { view.network_registration_cost().await.unwrap() })
    });
    let reads: Vec<_> = reads.collect();
    for read in reads {
        in_time(read).await.unwrap();
    }
    assert_eq!(node.requests() - before, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_state_is_read_from_an_archive() {
    let devnet = chain().await;
    let (pruned, archive) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let genesis = json!(BlockHash(devnet.genesis_hash()));
    pruned.script(move |method, params| {
        let asks_for_genesis = params.as_array().is_some_and(|params| params.contains(&genesis));
        if method.starts_with("state_") && asks_for_genesis {
            return Reaction::Refuse(4003, "Client error: UnknownBlock: State already discarded for 0x00");
        }
        Reaction::Pass
    });
    devnet.mine(2).await.unwrap();
    let archives = vec![crate::url(archive.address()).into()];
    let followed = follow(LinkConfig { archives, ..brisk([&pruned]) });
    until(&followed.link, LinkState::is_live).await;
    let view = in_time(followed.link.view_at(BlockHash(devnet.genesis_hash()))).await.unwrap();
    assert_eq!(in_time(view.netuids()).await.unwrap().len(), 2);
    let endpoints = followed.link.endpoints();
    assert!(endpoints[0].is_pruned && !endpoints[0].is_archive);
    assert!(endpoints[1].is_archive && endpoints[1].requests > 0);
    assert_eq!(archive.connections(), 1, "one connection serves them all");
}

/// A node that began at a snapshot knows no old hashes; one that keeps few bodies answers with none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_blocks_are_read_from_an_archive() {
    let devnet = chain().await;
    devnet.mine(3).await.unwrap();
    let (pruned, archive) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let (one, two) = {
        let direct = follow(config([devnet.address()]));
        until(&direct.link, LinkState::is_live).await;
        let block = async |number| direct.link.block(BlockNumber(number)).await.unwrap();
        (block(1).await, block(2).await)
    };
    let (without_body, unknown) = (json!(one.block.hash), json!(two.block.hash));
    pruned.script(move |method, params| match method {
        "chain_getBlock" if params[0] == without_body || params[0] == unknown => Reaction::Answer(json!(null)),
        "chain_getBlockHash" if params[0] == 2 => Reaction::Answer(json!(null)),
        "chain_getHeader" if params[0] == unknown => Reaction::Answer(json!(null)),
        _ => Reaction::Pass,
    });
    // Without an archive there is no such block.
    let alone = follow(brisk([&pruned]));
    until(&alone.link, LinkState::is_live).await;
    for number in [1, 2] {
        let error = in_time(alone.link.block(BlockNumber(number))).await.unwrap_err();
        assert_eq!(error, ReadError::NotKept { block: BlockNumber(number), oldest: Some(BlockNumber(3)) });
    }
    assert_eq!(archive.connections(), 0);

    let archives = vec![crate::url(archive.address()).into()];
    let followed = follow(LinkConfig { archives, ..brisk([&pruned]) });
    until(&followed.link, LinkState::is_live).await;
    for block in [&one, &two] {
        assert_eq!(in_time(followed.link.block(block.block.number)).await.unwrap(), *block);
        assert_eq!(in_time(followed.link.block_by_hash(block.block.hash)).await.unwrap(), *block);
        assert_eq!(in_time(followed.link.block_hash(block.block.number)).await.unwrap(), Some(block.block.hash));
        assert_eq!(in_time(followed.link.view_of(block.block.number)).await.unwrap().block(), block.block);
    }
    assert_eq!(archive.connections(), 1, "one connection serves them all");
    // What is beyond the finalized blocks is asked of nobody.
    let asked = archive.requests();
    assert!(followed.link.block(BlockNumber(4)).await.is_err());
    assert_eq!(archive.requests(), asked);
}

/// What an archive did not get to say is not nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_fails_half_way_makes_no_empty_block() {
    let devnet = chain().await;
    devnet.mine(3).await.unwrap();
    let (pruned, archive) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let archives = vec![crate::url(archive.address()).into()];
    let followed = follow(LinkConfig { archives, ..brisk([&pruned]) });
    until(&followed.link, LinkState::is_live).await;
    let one = in_time(followed.link.block(BlockNumber(1))).await.unwrap();
    let hash = json!(one.block.hash);
    pruned.script({
        let hash = hash.clone();
        move |method, params| match method {
            "chain_getBlock" if params[0] == hash => Reaction::Answer(json!(null)),
            "chain_getBlockHash" if params[0] == 2 => Reaction::Answer(json!(null)),
            _ => Reaction::Pass,
        }
    });
    assert_eq!(in_time(followed.link.block(BlockNumber(1))).await.unwrap(), one);
    assert!(!one.events.is_empty() && archive.requests() > 0);

    // It has the body and says no to the events: that is no word about what there are.
    archive.script({
        let hash = hash.clone();
        move |method, params| match method {
            "state_getStorage" if params[1] == hash => Reaction::Refuse(-32_000, "busy"),
            "chain_getBlockHash" if params[0] == 2 => Reaction::Refuse(-32_000, "busy"),
            _ => Reaction::Pass,
        }
    });
    let told = in_time(followed.link.block(BlockNumber(1))).await.unwrap();
    assert!(!told.tells_all_events() && told.events.is_empty());
    assert!(told.illegible[0].to_string().contains("busy"), "{:?}", told.illegible);
    assert_eq!(told.extrinsics.len(), one.extrinsics.len());
    let refused = in_time(followed.link.block_hash(BlockNumber(2))).await.unwrap_err();
    assert!(matches!(refused, ReadError::Refused { .. }), "{refused:?}");

    // They are gone everywhere: the block is told, and that its events are not.
    archive.script({
        let hash = hash.clone();
        move |method, params| match method {
            "state_getStorage" if params[1] == hash => {
                Reaction::Refuse(4003, "Client error: UnknownBlock: State already discarded for 0x00")
            }
            _ => Reaction::Pass,
        }
    });
    let told = in_time(followed.link.block(BlockNumber(1))).await.unwrap();
    assert!(!told.tells_all_events() && told.events.is_empty());
    assert!(told.illegible[0].to_string().contains("State already discarded"), "{:?}", told.illegible);

    // It hangs up, and then it is gone: nothing is known of the block, not even that there is none.
    archive.script(move |method, params| match method {
        "state_getStorage" if params[1] == hash => Reaction::HangUp,
        "chain_getBlockHash" if params[0] == 2 => Reaction::HangUp,
        _ => Reaction::Pass,
    });
    for number in [1, 2] {
        let lost = in_time(followed.link.block(BlockNumber(number))).await.unwrap_err();
        assert!(matches!(lost, ReadError::Cut { .. } | ReadError::NoArchive { .. }), "{lost:?}");
    }
    archive.go_down();
    for number in [1, 2] {
        let lost = in_time(followed.link.block(BlockNumber(number))).await.unwrap_err();
        assert!(matches!(lost, ReadError::NoArchive { cause: Some(_), .. }), "{lost:?}");
    }
    archive.script(|_, _| Reaction::Pass);
    archive.open();
    let whole = in_time(async {
        loop {
            match followed.link.block(BlockNumber(1)).await {
                Ok(block) => return block,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    assert_eq!(whole.await, one);
}

/// Whoever says once that it has no events of its newest block is asked again, and says all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_whose_events_are_not_told_at_once_comes_whole() {
    let events = format!("0x26aa394eea5630e07c48ae0c9558cef7{}", "80d41e5e16056765bc8461851072c9d7");
    let refusals: [fn() -> Reaction; 3] =
        [|| Reaction::Refuse(-32_000, "busy"), || Reaction::Answer(json!(null)), || Reaction::Answer(json!("0x00"))];
    for refusal in refusals {
        let devnet = chain().await;
        let node = FaultyNode::before(devnet.address()).await;
        let followed = follow(brisk([&node]));
        until(&followed.link, LinkState::is_live).await;
        let mut blocks = followed.link.blocks_from(BlockNumber(1));
        let (events, mut said) = (events.clone(), Some(refusal()));
        node.script(move |method, params| match method {
            "state_getStorage" if params[0] == events.as_str() => said.take().unwrap_or(Reaction::Pass),
            _ => Reaction::Pass,
        });
        devnet.mine(1).await.unwrap();
        let block = in_time(blocks.next()).await.unwrap();
        assert!(block.illegible.is_empty() && !block.events.is_empty(), "{:?}", block.illegible);
        assert!(block.extrinsics.iter().all(|extrinsic| extrinsic.result == Some(Ok(()))));
        assert!(node.connections() >= 2, "it was left for what it said, and tried again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_upgrade_is_followed_at_its_block() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let followed = follow(brisk([&node]));
    until(&followed.link, LinkState::is_live).await;
    let before = followed.link.view().unwrap();
    let spec = before.runtime().spec_version();
    let genesis = json!(BlockHash(devnet.genesis_hash()));
    // The state behind block 1 has another runtime. Reading its metadata is cut off, then not
    // answered, then refused, which is no word about what it has, and then works.
    let mut troubles = vec![Reaction::Refuse(-32_603, "Internal error"), Reaction::Swallow, Reaction::HangUp];
    node.script(move |method, params| match method {
        "state_getRuntimeVersion" if params[0] != genesis => {
            let apis = json!([["0x37e397fc7c91f5e4", 2]]);
            Reaction::Answer(json!({ "specVersion": spec + 1, "transactionVersion": 7, "apis": apis }))
        }
        "state_call" if params[0] == "Metadata_metadata_versions" => troubles.pop().unwrap_or(Reaction::Pass),
        _ => Reaction::Pass,
    });
    let mut blocks = followed.link.blocks_from(BlockNumber(1));
    devnet.mine(1).await.unwrap();
    let first = in_time(blocks.next()).await.unwrap();
    devnet.mine(1).await.unwrap();
    let second = in_time(blocks.next()).await.unwrap();
    // The block that brings an upgrade is the old runtime's last.
    assert_eq!((first.spec_version, second.spec_version), (Some(spec), Some(spec + 1)));
    assert!(second.illegible.is_empty() && !second.events.is_empty());
    let view = followed.link.view().unwrap();
    assert_eq!((view.runtime().spec_version(), view.runtime().transaction_version()), (spec + 1, 7));
    assert!(view.runtime().features().contains(&"metagraph-api"), "its own APIs are described");
    assert_eq!(before.runtime().spec_version(), spec);
    assert_eq!(in_time(view.netuids()).await.unwrap().len(), 2);
}
