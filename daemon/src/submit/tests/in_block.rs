//! What is told of a block that is not final and whose events nobody tells.

use super::*;
use crate::faulty::{FaultyNode, Reaction};

/// Under which `System.Events` lie.
const EVENTS: &str = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";

#[tokio::test]
async fn how_it_fares_in_a_block_without_events_is_not_known() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let proxy = FaultyNode::before(devnet.address()).await;
    // As soon as it is not told, nobody waits for it any longer.
    let config = Config { patience_s: 0, ..Config::default() };
    let run = Run::begin_with(state.path(), format!("ws://{}", proxy.address()), config).await;
    let run = run.with_wallet("alice", "//Alice");
    devnet.control().fault(btd_devnet::Fault::StallFinality, None);
    proxy.script(|method, params| match method {
        "state_getStorage" if params[0] == EVENTS => {
            Reaction::Refuse(4003, "Client error: UnknownBlock: State already discarded for 0x00")
        }
        _ => Reaction::Pass,
    });
    let order = Order { mode: Mode::UntilInBlock, ..keyed(&run.order("alice", transfer(5)).await, "unseen") };
    let unseen = run.submitter.submit(order.clone()).await;
    let Err(SubmissionError::Unknown { extrinsic, cause, .. }) = unseen else { panic!("{unseen:?}") };
    assert!(cause.contains("which is not final yet, and whose events cannot be read"), "{cause}");

    // Once they are told, a repetition learns it, and signs nothing more.
    proxy.script(|_, _| Reaction::Pass);
    let seen = run.submitter.submit(order).await.unwrap();
    let Stage::InBlock { extrinsic: again, included, .. } = seen.stage else { panic!("{seen:?}") };
    assert_eq!((again, included.block.number, devnet.head().number), (extrinsic, BlockNumber(1), 1));
}
