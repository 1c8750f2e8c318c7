//! Tests of the chain, beside its private parts.

use std::time::Duration;

use btd_devnet_runtime::{
    RuntimeCall, UncheckedExtrinsic,
    drand::{self, Pulse},
    shield,
};
use sp_state_machine::{IterArgs, backend::Backend as _};

use super::*;
use crate::{BlockTime, Clock, Config, Devnet};

/// A chain that makes blocks only when told to.
async fn chain(retention: Retention) -> Devnet {
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        block_time: BlockTime::Every(Duration::from_hours(1)),
        clock: Clock::Stepped { start: 1_700_000_000_000 },
        retention,
        ..Config::default()
    };
    Devnet::start(config).await.unwrap()
}

/// What `read` makes of the chain, on a thread fit for the runtime.
async fn on<T: Send + 'static>(devnet: &Devnet, read: impl FnOnce(&Chain) -> T + Send + 'static) -> T {
    let node = devnet.node.clone();
    devnet.node.workers.run(move || read(&node.chain)).await.unwrap()
}

/// The number of nodes held, and of those that the state of the head alone needs.
async fn nodes(devnet: &Devnet) -> (usize, usize) {
    on(devnet, |chain| {
        let (block, state) = chain.state(None).unwrap();
        let mut storage = Storage::default();
        storage.top.extend(state.pairs(IterArgs::default()).unwrap().map(Result::unwrap));
        let (root, mut nodes) = trie(storage);
        assert_eq!(root, block.header.state_root);
        (chain.trie_nodes(), nodes.drain().values().filter(|(_, references)| *references > 0).count())
    })
    .await
}

#[tokio::test]
async fn pruning_leaves_exactly_the_nodes_of_the_readable_state() {
    let devnet = chain(Retention { states: 1, ..Retention::default() }).await;
    for blocks in [1, 2, 60] {
        devnet.mine(blocks).await.unwrap();
        let (held, needed) = nodes(&devnet).await;
        assert_eq!(held, needed);
    }
    devnet.stop().await.unwrap();
}

#[tokio::test]
async fn going_back_leaves_exactly_the_nodes_that_there_were() {
    let devnet = chain(Retention { states: 1, ..Retention::default() }).await;
    devnet.mine(5).await.unwrap();
    let control = devnet.control();
    let before = nodes(&devnet).await;
    for blocks in [1, 40] {
        let snapshot = control.snapshot().await.unwrap();
        devnet.mine(blocks).await.unwrap();
        control.set_storage(vec![(b"key".to_vec(), Some(vec![7; 100]))]).await.unwrap();
        let (held, needed) = nodes(&devnet).await;
        assert!(held > needed, "every state since the snapshot is kept");
        control.revert(snapshot).await.unwrap();
        assert_eq!(nodes(&devnet).await, before);
    }
    // Without a snapshot old states go again.
    devnet.mine(40).await.unwrap();
    let (held, needed) = nodes(&devnet).await;
    assert_eq!(held, needed);
    devnet.stop().await.unwrap();
}

#[tokio::test]
async fn a_difference_leads_from_one_state_to_the_other() {
    let devnet = chain(Retention::default()).await;
    let control = devnet.control();
    let set = |key: &str, value: Option<u8>| (key.as_bytes().to_vec(), value.map(|value| vec![value]));
    control.set_storage(vec![set("a", Some(1)), set("b", Some(2)), set("zz", Some(3))]).await.unwrap();
    control.set_storage(vec![set("a", None), set("b", Some(9)), set("c", Some(4)), set("zz", None)]).await.unwrap();
    let (forth, back) = on(&devnet, |chain| {
        let state = |number| chain.state(chain.hash(number)).unwrap().1;
        let ours = |changes: Changes| changes.into_iter().filter(|(key, _)| key.len() < 3).collect::<Changes>();
        (ours(difference(&state(1), &state(2)).unwrap()), ours(difference(&state(2), &state(1)).unwrap()))
    })
    .await;
    assert_eq!(forth, [set("a", None), set("b", Some(9)), set("c", Some(4)), set("zz", None)]);
    assert_eq!(back, [set("a", Some(1)), set("b", Some(2)), set("c", None), set("zz", Some(3))]);
    devnet.stop().await.unwrap();
}

#[tokio::test]
async fn old_states_go_and_old_blocks_after_them() {
    let devnet = chain(Retention { states: 3, blocks: 5, ..Retention::default() }).await;
    devnet.mine(10).await.unwrap();
    on(&devnet, |chain| {
        let hashes: Vec<H256> = (0..=10).map(|number| chain.hash(number).unwrap()).collect();
        for (number, hash) in hashes.iter().enumerate() {
            let call = chain.call(Some(*hash), "Core_version", &[]);
            match number {
                8..=10 => assert!(call.is_ok()),
                // Block 0 is kept, its state is not.
                0 | 6 | 7 => assert_eq!(call, Err(ChainError::StateDiscarded(*hash))),
                _ => assert_eq!(call, Err(ChainError::UnknownBlock(*hash))),
            }
            assert_eq!(chain.block(hash).is_some(), number == 0 || number > 5, "{number}");
        }
        assert_eq!(chain.hash(11), None);
    })
    .await;
    devnet.stop().await.unwrap();
}

#[tokio::test]
async fn bytes_of_blocks_are_bounded() {
    let devnet = chain(Retention { block_bytes: 3_700, ..Retention::default() }).await;
    devnet.mine(10).await.unwrap();
    // An empty block holds a timestamp of 11 bytes and a key for sealed extrinsics of 1,192.
    let kept = on(&devnet, |chain| (1..=10).filter(|number| chain.block_at(*number).is_some()).count()).await;
    assert_eq!(kept, 3);
    devnet.stop().await.unwrap();
}

#[tokio::test]
async fn a_block_takes_what_fails_and_not_what_is_refused() {
    let devnet = chain(Retention::default()).await;
    devnet.mine(1).await.unwrap();
    on(&devnet, |chain| {
        let (head, state) = chain.state(None).unwrap();
        let open = || Builder::open(&state, &head, chain.genesis_hash(), (1_700_010_000_000, 1_000_000_000)).unwrap();
        let mut builder = open();
        // Rounds begin with 1, so this one is older than the newest.
        let round = drand::pulse_extrinsic(Pulse::new(0, &[0; 48]).unwrap(), 2);
        let call = shield::Call::announce_next_key { enc_key: Some(vec![7].try_into().unwrap()) };
        let key_of_one_byte = UncheckedExtrinsic::new_bare(RuntimeCall::MevShield(call));
        builder.apply_inherents(vec![round, key_of_one_byte]).unwrap();
        // The round is left out; the key fails in the block, beside the time and the block's own key.
        assert_eq!(builder.seal().unwrap().block.extrinsics.len(), 3);
        let again = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: 1_700_010_012_000 });
        let again = UncheckedExtrinsic::new_bare(again);
        assert!(matches!(open().apply_inherents(vec![again]), Err(BlockError::Inherent(_))), "it has a time");
    })
    .await;
    devnet.stop().await.unwrap();
}

#[tokio::test]
async fn a_panicking_call_changes_nothing() {
    let devnet = chain(Retention::default()).await;
    devnet.mine(1).await.unwrap();
    on(&devnet, |chain| {
        let (_, state) = chain.state(None).unwrap();
        let mut overlay = Overlay::default();
        overlay.start_transaction();
        let depth = overlay.transaction_depth();
        // An extrinsic where a header is expected.
        let error = call(&state, &mut overlay, "Core_initialize_block", &[1, 2, 3]).unwrap_err();
        assert!(
            matches!(&error, ExecutionError::Panicked { method, .. } if method == "Core_initialize_block"),
            "{error}"
        );
        assert_eq!(overlay.transaction_depth(), depth);
        assert!(overlay.is_empty());
        assert_eq!(
            call(&state, &mut overlay, "No_such_thing", &[]),
            Err(ExecutionError::UnknownMethod("No_such_thing".to_owned()))
        );
        overlay.rollback_transaction().unwrap();
    })
    .await;
    devnet.stop().await.unwrap();
}
