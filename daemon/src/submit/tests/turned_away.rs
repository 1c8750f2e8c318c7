//! A proxy that turns a submission away with 429 although its node has taken it, and what is made of the refusal of the
//! repetition.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::faulty::{FaultyNode, Reaction};

#[tokio::test]
async fn what_was_turned_away_is_followed_however_its_repetition_is_refused() {
    for (code, message) in [
        (1010, "Invalid Transaction: Transaction is outdated"),
        (1010, "Invalid Transaction: Transaction has a bad signature"),
        (1012, "Transaction is temporarily banned"),
        (1013, "Transaction Already Imported"),
        (1014, "Priority is too low"),
    ] {
        let (devnet, state) = (devnet(on_demand()).await, tempfile::tempdir().unwrap());
        let proxy = FaultyNode::before(devnet.address()).await;
        let offers = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&offers);
        proxy.script(move |method, _| match method {
            "author_submitExtrinsic" if counted.fetch_add(1, Ordering::SeqCst) == 0 => {
                Reaction::Refuse(429, "Too Many Requests")
            }
            "author_submitExtrinsic" => Reaction::Refuse(code, message),
            _ => Reaction::Pass,
        });
        let run = Run::begin(state.path(), format!("ws://{}", proxy.address())).await.with_wallet("alice", "//Alice");
        let order = keyed(&run.order("alice", transfer(5)).await, "turned-away");
        let submitter = run.submitter.clone();
        let submitted = tokio::spawn(async move { submitter.submit(order).await });

        // It is perhaps sent as soon as it was turned away, and so it stays.
        let intent = loop {
            match run.pending().await.pop() {
                Some(intent) if offers.load(Ordering::SeqCst) > 0 => break intent,
                _ => sleep(Duration::from_millis(10)).await,
            }
        };
        assert_eq!(intent.recorded.handing, Handing::Perhaps, "{message}");
        let mut progress = run.submitter.shared.follow(&intent, worker::History::NeverSent).await;
        let told = progress.wait_for(|progress| !matches!(progress, Progress::Recorded | Progress::Unsure)).await;
        let is_followed = matches!((code, &*told.unwrap()), (1013, Progress::Sent) | (_, Progress::Shut));
        assert!(is_followed, "{message}: {progress:?}");
        assert_eq!(offers.load(Ordering::SeqCst), 2, "{message}");
        assert_eq!(run.pending().await, std::slice::from_ref(&intent), "{message}");

        // The node had it all along: it is found by its hash, and nothing was signed anew.
        let token = CancellationToken::new();
        let node = follow(endpoint(&devnet), &token);
        node.state().wait_for(LinkState::is_live).await.unwrap();
        node.submit(&intent.recorded.extrinsic).await.unwrap();
        devnet.mine(1).await.unwrap();
        let receipt = submitted.await.unwrap().unwrap();
        let Stage::Finalized { extrinsic, .. } = receipt.stage else { panic!("{message}: {receipt:?}") };
        assert_eq!(extrinsic, intent.recorded.extrinsic.hash, "{message}");
        assert_eq!(run.pending().await, [], "{message}");
        token.cancel();
    }
}
