//! State that the followed endpoint does not tell while it goes on bringing blocks, and another one does.

use std::time::Duration;

use btd_api::NetUid;
use btd_chain::{LinkConfig, LinkState, ReadError, Standing};
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    chain, config,
    faulty::{FaultyNode, Reaction},
    follow, in_time, until,
};

/// The largest answer that is accepted.
const LARGEST: u32 = 4 << 20;

fn brisk<const N: usize>(nodes: [&FaultyNode; N]) -> LinkConfig {
    LinkConfig {
        request_timeout_ms: 10_000,
        connect_timeout_ms: 5_000,
        scout_ms: 0,
        heartbeat_ms: 0,
        max_response_bytes: LARGEST,
        ..config(nodes.map(FaultyNode::address))
    }
}

/// Has `node` react so to calls of the runtime.
fn reacts(node: &FaultyNode, reaction: impl Fn() -> Reaction + Send + 'static) {
    node.script(move |method, _| if method == "state_call" { reaction() } else { Reaction::Pass });
}

/// Whether blocks come from `node`.
fn is_live_by(state: &LinkState, node: &FaultyNode) -> bool {
    matches!(state, LinkState::Live { endpoint, .. } if *endpoint == crate::url(node.address()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_followed_endpoint_refuses_or_garbles_another_one_tells() {
    // What is no bytes, and what is some of them.
    let reactions: [fn() -> Reaction; 3] = [
        || Reaction::Refuse(-32_603, "Internal error"),
        || Reaction::Answer(json!("0x123")),
        || Reaction::Answer(json!("0x0102")),
    ];
    let devnet = chain().await;
    for reaction in reactions {
        let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
        let followed = follow(brisk([&first, &second]));
        until(&followed.link, LinkState::is_live).await;
        reacts(&first, reaction);
        let view = followed.link.view().unwrap();
        for _ in 0..3 {
            in_time(view.network_registration_cost()).await.unwrap();
            // What comes within the longest rest of an endpoint is one trouble.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // By then it is left for the other one.
        until(&followed.link, |state| is_live_by(state, &second)).await;
    }
}

/// The other one may have wider limits, which makes it no better.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_names_a_limit_of_its_own_is_not_left_for_it() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let followed = follow(brisk([&first, &second]));
    until(&followed.link, LinkState::is_live).await;
    reacts(&first, || Reaction::Refuse(-32_008, "Response is too big"));
    let view = followed.link.view().unwrap();
    for _ in 0..5 {
        in_time(view.network_registration_cost()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(second.connections() > 0);
    assert_eq!(followed.link.endpoints()[0].standing, Standing::Active);
}

/// It is the chain's own word that there is no such call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_runtime_itself_refuses_is_asked_of_nobody_else() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let followed = follow(brisk([&first, &second]));
    until(&followed.link, LinkState::is_live).await;
    reacts(&first, || Reaction::Refuse(4003, "Client error: Execution failed: Other: Exported method x is not found"));
    let view = followed.link.view().unwrap();
    for _ in 0..5 {
        let told = in_time(view.network_registration_cost()).await;
        assert!(matches!(told, Err(ReadError::Refused { .. })), "{told:?}");
    }
    assert_eq!(second.connections(), 0);
    assert_eq!(followed.link.endpoints()[0].standing, Standing::Active);
}

/// It is as the metadata says, so that every endpoint tells it, and it is btd that cannot read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_as_described_and_cannot_be_read_is_asked_of_nobody_else() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let followed = follow(brisk([&first, &second]));
    until(&followed.link, LinkState::is_live).await;
    // One parameter called x, which is a fraction (the seventh kind of values behind the first) beyond all reason.
    reacts(&first, || Reaction::Answer(json!(format!("0x0104047807{}", "ff".repeat(16)))));
    let view = followed.link.view().unwrap();
    for _ in 0..5 {
        let told = in_time(view.hyperparameters(NetUid(1))).await;
        assert!(matches!(told, Err(ReadError::Decode { .. })), "{told:?}");
    }
    assert_eq!(second.connections(), 0);
    // Half of it is asked of the other one.
    reacts(&first, || Reaction::Answer(json!("0x01040478")));
    in_time(view.hyperparameters(NetUid(1))).await.unwrap().unwrap();
    assert!(second.connections() > 0);
}

/// The answer is shared, and so is that of the other endpoint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_answer_to_many_is_asked_once_of_another() {
    let devnet = chain().await;
    let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
    let followed = follow(brisk([&first, &second]));
    until(&followed.link, LinkState::is_live).await;
    reacts(&first, || Reaction::Answer(json!("0x0102")));
    let view = followed.link.view().unwrap();
    let told = in_time(join_all((0..20).map(|_| view.network_registration_cost()))).await;
    assert!(told.iter().all(Result::is_ok), "{told:?}");
    assert_eq!(second.connections(), 1);
    assert_eq!(followed.link.endpoints()[0].standing, Standing::Active);
}

/// The connection ends with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_answers_a_read_with_too_much_is_named_and_another_one_tells() {
    const ENDLESS: usize = 500 << 20;
    let floods: [fn() -> Reaction; 3] =
        [|| Reaction::Oversized(5 << 20), || Reaction::Endless(ENDLESS), || Reaction::EndlessInPieces(ENDLESS)];
    let devnet = chain().await;
    for flood in floods {
        let (first, second) = (FaultyNode::before(devnet.address()).await, FaultyNode::before(devnet.address()).await);
        let followed = follow(brisk([&first, &second]));
        until(&followed.link, LinkState::is_live).await;
        reacts(&first, flood);
        let view = followed.link.view().unwrap();
        in_time(view.network_registration_cost()).await.unwrap();
        assert!(first.sent() < ENDLESS / 4, "{} bytes were taken", first.sent());
        until(&followed.link, |state| is_live_by(state, &second)).await;
        let trouble = followed.link.endpoints().swap_remove(0).trouble.unwrap();
        assert_eq!(trouble.name(), "oversized", "{trouble}");
    }
}
