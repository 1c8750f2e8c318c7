//! What is told of the journal, and taken back, before the chain is reached that it is about.

use super::*;

/// Waits until the journal knows on which chain the network is.
async fn remembered(run: &Run, genesis: BlockHash) {
    for _ in 0..1_000 {
        if run.journal.chain_of(network()).await.unwrap() == Some(genesis) {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the chain is not remembered");
}

const NOWHERE: &str = "ws://127.0.0.1:1";

#[tokio::test]
async fn what_no_node_has_is_taken_back_before_the_chain_is_reached() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let genesis = BlockHash(devnet.genesis_hash());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = run.order("alice", transfer(7)).await;
    let sent = record_as(&run, &order, ("sent", Some(0)), Handing::Perhaps).await;
    let first = record_as(&run, &order, ("first", Some(1)), Handing::Never).await;
    let second = record_as(&run, &order, ("second", Some(2)), Handing::Never).await;
    remembered(&run, genesis).await;
    drop(run);

    freed(state.path()).await;
    let run = Run::begin_alone(state.path(), NOWHERE.to_owned(), Config::default()).await;
    let listed = run.submitter.logged(Kept::Pending, None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|logged| &logged.intent).collect::<Vec<_>>(), [&second, &first, &sent]);
    assert_eq!(run.submitter.withdraw(&first).await, Err(NotWithdrawn::Awaited { nonce: 2 }));
    run.submitter.withdraw(&second).await.unwrap();
    assert_eq!(run.submitter.withdraw(&second).await, Err(NotWithdrawn::Ended));
    run.submitter.withdraw(&first).await.unwrap();
    assert_eq!(run.submitter.withdraw(&sent).await, Err(NotWithdrawn::Sent));
    let again = run.submitter.logged_under("first".parse().unwrap()).await.unwrap().unwrap();
    let again = run.submitter.follow(&again, Mode::UntilFinalized).await;
    assert!(matches!(again, Err(SubmissionError::Withdrawn(Withdrawal::Cancelled))), "{again:?}");
    drop(run);

    // What a node may have is sent again once the chain is there; what was taken back is not.
    freed(state.path()).await;
    let run = Run::begin(state.path(), endpoint(&devnet)).await;
    let ended = run.submitter.follow(&sent, Mode::UntilFinalized).await.unwrap();
    assert!(matches!(ended.stage, Stage::Finalized { .. }), "{ended:?}");
    assert_eq!((run.pending().await, devnet.head().number), (vec![], 1));
}

#[tokio::test]
async fn where_the_network_was_found_proves_nothing_of_where_it_is() {
    let (devnet, state) = (devnet(on_demand()).await, tempfile::tempdir().unwrap());
    let genesis = BlockHash(devnet.genesis_hash());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = run.order("alice", transfer(7)).await;
    let intent = record(&run, &order, "signed").await;
    remembered(&run, genesis).await;
    drop(run);

    // Nothing of it is followed while it is away, and whoever waits for it is told so in the end.
    freed(state.path()).await;
    let hasty = Config { patience_s: 0, ..Config::default() };
    let run = Run::begin_alone(state.path(), NOWHERE.to_owned(), hasty).await;
    let waited = run.submitter.follow(&intent, Mode::UntilFinalized).await;
    assert!(matches!(waited, Err(SubmissionError::Unknown { .. })), "{waited:?}");
    let begun = run.submitter.follow(&intent, Mode::UntilRecorded).await.unwrap();
    assert!(matches!(begun.stage, Stage::Recorded { .. }), "{begun:?}");
    assert_eq!(run.submitter.shared.active.free_nonce(order.signer, 0), 0, "it is followed");
    drop(run);

    // Another chain is there now.
    freed(state.path()).await;
    let other = super::devnet(BlockTime::Instant).await;
    let run = Run::begin(state.path(), endpoint(&other)).await;
    let waited = run.submitter.follow(&intent, Mode::UntilFinalized).await;
    assert!(matches!(waited, Err(SubmissionError::OtherChain { .. })), "{waited:?}");
    assert_eq!(run.submitter.logged(Kept::All, None, 10).await.unwrap(), []);
    remembered(&run, BlockHash(other.genesis_hash())).await;
    // What is pending of the first one stays as it was.
    assert_eq!(run.journal.pending(genesis).await.unwrap(), [intent]);
    assert_eq!(other.head().number, 0, "nothing was sent there");
}
