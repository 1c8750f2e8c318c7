//! Stake that changes without an event that tells of it, over a node whose runtime knows of no claims of root dividends:
//! with the epoch of any subnet, wherever root's stake counts.

use btd_chain::Value;

use super::*;
use crate::{
    faulty::{FaultyNode, Reaction},
    lacking::{described, renamed},
};

/// A busy chain whose runtime has no event for claims, and makes none.
async fn without_claims() -> (Busily, FaultyNode) {
    let devnet = busy_chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let (link, follower) = btd_chain::link(LinkConfig {
        endpoints: vec![format!("ws://{}", devnet.address()).into()],
        stale_after_ms: Some(0),
        ..LinkConfig::default()
    })
    .unwrap();
    let token = CancellationToken::new();
    tokio::spawn(follower.run(token.clone()));
    let view = link.first_view().await.unwrap();
    let told = view.runtime_api_bytes("Metadata", "metadata_at_version", &[Value::from(15_u32)]).await.unwrap();
    let claims = view.storage_address("SubtensorModule", "NumRootClaim", &[]).unwrap();
    token.cancel();
    let told = renamed(&told, &["RootClaimed"]);
    node.script(move |method, params| described(&told, method, params).map_or(Reaction::Pass, Reaction::Answer));
    devnet.control().set_storage(vec![(claims, Some(0_u64.to_le_bytes().to_vec()))]).await.unwrap();
    let busily = Busily::behind(devnet, node.address(), GATHERED).await;
    (busily, node)
}

/// The stake on root that counts for a validator in subnet 2, as it is kept.
fn kept(known: &Metagraphs, hotkey: AccountId) -> Tao {
    let snapshot = &known.subnets[&NetUid(2)];
    let uid = snapshot.uid(&Hotkey(hotkey)).unwrap();
    snapshot.neurons()[usize::from(uid.0)].tao_stake
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_epoch_adds_to_stake_elsewhere_is_not_told_as_of_the_newest_block() {
    let (busily, _node) = without_claims().await;
    let validator = Signer::of("//busy//validator//0//hot").account();
    let begun = busily.compare("the beginning").await;
    assert!(begun.claimed.is_empty());
    let before = kept(&begun, validator);

    // An epoch of subnet 1, as far as the chain tells of any, and another stake on root, written past all events.
    let view = busily.link.view().unwrap();
    let item = |name: &str, keys: &[Value], number: u64| {
        let key = view.storage_address("SubtensorModule", name, keys).unwrap();
        (key, Some(number.to_le_bytes().to_vec()))
    };
    let of_root = [Value::from(validator), NetUid::ROOT.into()];
    let block = u64::from(busily.devnet.head().number) + 1;
    let epoch = item("LastMechansimStepBlock", &[NetUid(1).into()], block);
    busily.control.set_storage(vec![epoch, item("TotalHotkeyAlpha", &of_root, before.rao() / 2)]).await.unwrap();
    let known = busily.compare("the epoch").await;
    // The one whose epoch it was is read at once, and the others are told as of the block before until it is their turn.
    assert_eq!(known.claimed.keys().collect::<Vec<_>>(), [&NetUid(0), &NetUid(2), &NetUid(3)]);
    assert_eq!(kept(&known, validator), before);
    for _ in 0..=GATHERED {
        busily.devnet.mine(1).await.unwrap();
        busily.compare("a block after it").await;
    }
    let known = busily.compare("all turns").await;
    assert!(known.claimed.is_empty(), "{:?}", known.claimed);
    assert_ne!(kept(&known, validator), before);
    assert_eq!(known.upkeep.differences, 0);
    busily.running.token.cancel();
}
