//! A node that does not answer for one subnet, or answers few requests: everything else is read and told all the same.

use std::sync::atomic::{AtomicBool, Ordering};

use btd_devnet::{Busy, Config, Profile};

use super::{policy::RETRY, *};
use crate::faulty::{FaultyNode, Reaction};

/// The one that is not answered, and how its number begins the arguments of a call.
const UNANSWERED: NetUid = NetUid(2);
const ARGUMENTS: &str = "0x0200";

async fn busy(subnets: u16, neurons: u16) -> Devnet {
    let profile = Profile::Busy(Busy { subnets, neurons, seed: 7 });
    let listen = "127.0.0.1:0".parse().unwrap();
    Devnet::start(Config { listen, block_time: BlockTime::Instant, profile, ..Config::default() }).await.unwrap()
}

/// What is kept, once it is what is wanted.
async fn known(running: &Running, wanted: impl Fn(&Metagraphs) -> bool) -> Arc<Metagraphs> {
    let mut news = running.metagraph.subscribe();
    let known = tokio::time::timeout(Duration::from_mins(2), news.wait_for(|known| wanted(known))).await;
    Arc::clone(&known.expect("the metagraphs do not become what is wanted").unwrap())
}

/// What a call for the metagraph of one subnet, and one for the list of all, have in their name and arguments.
const OF_ONE: (&str, &str) = ("metagraph", ARGUMENTS);
const OF_ALL: (&str, &str) = ("get_all_dynamic_info", "0x");

/// A node before `devnet` that reacts to the calls that are `meant` by `reaction` until it is healed.
async fn deaf_to(
    devnet: &Devnet,
    meant: (&'static str, &'static str),
    reaction: fn() -> Reaction,
) -> (FaultyNode, Arc<AtomicBool>) {
    let node = FaultyNode::before(devnet.address()).await;
    let is_healed = Arc::new(AtomicBool::new(false));
    let heals = Arc::clone(&is_healed);
    node.script(move |method, params| {
        let is_of = |index: usize, part: &str| params[index].as_str().is_some_and(|text| text.contains(part));
        let is_meant = method == "state_call" && is_of(0, meant.0) && is_of(1, meant.1);
        if is_meant && !heals.load(Ordering::Relaxed) { reaction() } else { Reaction::Pass }
    });
    (node, is_healed)
}

/// Such a node keeps the others from nothing, and the one is read once it is answered.
async fn leaves_the_others(reaction: fn() -> Reaction) {
    let devnet = busy(3, 12).await;
    let (node, is_healed) = deaf_to(&devnet, OF_ONE, reaction).await;
    let directory = tempfile::tempdir().unwrap();
    let config = LinkConfig {
        endpoints: vec![format!("ws://{}", node.address()).into()],
        stale_after_ms: Some(0),
        request_timeout_ms: 1_500,
        ..LinkConfig::default()
    };
    let running = follow_with(config, open_cache(directory.path()).await).await;
    let first = known(&running, |known| known.is_whole() && known.through.is_some()).await;
    assert_eq!(first.subnets.keys().copied().collect::<Vec<_>>(), [NetUid(0), NetUid(1), NetUid(3)]);
    assert_eq!(first.broken.keys().copied().collect::<Vec<_>>(), [UNANSWERED], "{:?}", first.broken);
    assert!(first.broken[&UNANSWERED].is_unanswered);
    // Blocks go on, and what is told with them.
    devnet.mine(3).await.unwrap();
    let height = devnet.head().number;
    let then = known(&running, |known| known.through.is_some_and(|through| through.number.0 == height)).await;
    assert_eq!(then.list.as_ref().unwrap().at.block.number.0, height);
    // Claims on the others may be gathered; nothing else keeps them from being of this block.
    let waits = |netuid: &NetUid| then.is_behind(*netuid) && *netuid != UNANSWERED;
    assert!(!then.subnets.keys().any(waits), "{:?}", then.behind);
    assert_eq!(then.broken[&UNANSWERED], first.broken[&UNANSWERED], "it is left alone for a while");
    is_healed.store(true, Ordering::Relaxed);
    devnet.mine(RETRY).await.unwrap();
    let healed = known(&running, |known| known.subnets.len() == 4 && known.through.is_some()).await;
    assert_eq!(healed.broken, BTreeMap::new());
    running.token.cancel();
    running.refreshing.await.unwrap();
    devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_subnet_that_is_never_answered_keeps_no_other_from_being_read() {
    leaves_the_others(|| Reaction::Swallow).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_subnet_with_which_the_connection_ends_keeps_no_other_from_being_read() {
    leaves_the_others(|| Reaction::HangUp).await;
}

/// It is said to be larger than anything that is accepted.
const FLOOD: fn() -> Reaction = || Reaction::Endless(500 << 20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_subnet_with_too_large_an_answer_keeps_no_other_from_being_read() {
    leaves_the_others(FLOOD).await;
}

/// Everything is read where a node does so to the calls that are `meant`, and another one stands by.
async fn is_told_by_another(meant: (&'static str, &'static str), reaction: fn() -> Reaction) {
    let devnet = busy(3, 12).await;
    let (node, _) = deaf_to(&devnet, meant, reaction).await;
    let directory = tempfile::tempdir().unwrap();
    let config = LinkConfig {
        endpoints: vec![format!("ws://{}", node.address()).into(), format!("ws://{}", devnet.address()).into()],
        stale_after_ms: Some(0),
        request_timeout_ms: 4_000,
        ..LinkConfig::default()
    };
    let running = follow_with(config, open_cache(directory.path()).await).await;
    let whole = known(&running, |known| known.subnets.len() == 4 && known.through.is_some()).await;
    assert_eq!(whole.broken, BTreeMap::new());
    running.token.cancel();
    running.refreshing.await.unwrap();
    devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_followed_node_does_not_answer_another_one_does() {
    is_told_by_another(OF_ONE, || Reaction::Swallow).await;
    is_told_by_another(OF_ALL, || Reaction::Swallow).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_followed_node_refuses_another_one_tells() {
    is_told_by_another(OF_ONE, || Reaction::Refuse(-32_603, "Internal error")).await;
    is_told_by_another(OF_ALL, || Reaction::Refuse(-32_603, "Internal error")).await;
}

/// No bytes, and some of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_followed_node_garbles_another_one_tells() {
    for meant in [OF_ONE, OF_ALL] {
        is_told_by_another(meant, || Reaction::Answer(serde_json::json!("0x123"))).await;
        is_told_by_another(meant, || Reaction::Answer(serde_json::json!("0x0401"))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_followed_node_answers_with_too_much_another_one_tells() {
    is_told_by_another(OF_ONE, FLOOD).await;
    is_told_by_another(OF_ALL, FLOOD).await;
}

/// Nothing else of a subnet depends on its price, and for root's nobody is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subnet_whose_price_is_refused_is_told_without_it() {
    const TRAP: &str = "Client error: Execution failed: Execution aborted due to trap: wasm trap: unreachable";
    let devnet = busy(3, 12).await;
    let (node, _) = deaf_to(&devnet, ("current_alpha_price", "0x"), || Reaction::Refuse(4003, TRAP)).await;
    let config = LinkConfig {
        endpoints: vec![format!("ws://{}", node.address()).into()],
        stale_after_ms: Some(0),
        ..LinkConfig::default()
    };
    let (link, follower) = btd_chain::link(config).unwrap();
    let token = CancellationToken::new();
    tokio::spawn(follower.run(token.clone()));
    link.state().wait_for(btd_chain::LinkState::is_live).await.unwrap();
    let view = link.view().unwrap();
    for (netuid, price) in [(NetUid::ROOT, Some(Tao::from_rao(1_000_000_000))), (NetUid(1), None)] {
        let told = Subnet::at(&view, netuid).await.unwrap().unwrap();
        assert_eq!((told.price, told.tao_in.is_some()), (price, true), "{netuid}");
        assert_eq!(view.metagraph(netuid).await.unwrap().unwrap().price, price, "{netuid}");
    }
    assert_eq!(Subnet::at(&view, NetUid(9)).await.unwrap(), None, "there is no such subnet");
    token.cancel();
    devnet.stop().await.unwrap();
}

/// The list takes three requests and each metagraph four, more than there are turns for at once before the deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_read_of_a_node_that_answers_few_requests() {
    let devnet = busy(8, 16).await;
    let directory = tempfile::tempdir().unwrap();
    let config = LinkConfig {
        endpoints: vec![format!("ws://{}", devnet.address()).into()],
        stale_after_ms: Some(0),
        requests_per_s: 3,
        request_timeout_ms: 2_000,
        ..LinkConfig::default()
    };
    let running = follow_with(config, open_cache(directory.path()).await).await;
    let whole = known(&running, |known| known.is_whole() && known.through.is_some()).await;
    assert_eq!((whole.subnets.len(), whole.broken.len()), (9, 0));
    running.token.cancel();
    running.refreshing.await.unwrap();
    devnet.stop().await.unwrap();
}
