//! What an earlier version signed and wrote down in other words: a repetition of it is recognised.

use super::*;

/// A payment that is wished for in `words`.
fn payment(words: &str) -> Recipe {
    Recipe::new(words.into(), |_| async {
        let call = call::transfer_keep_alive(BOB.parse().unwrap(), Tao::from_rao(5));
        Ok(Draft::new(call, "Pay").spends(Tao::from_rao(5)))
    })
}

#[tokio::test]
async fn a_wish_is_the_same_as_an_earlier_version_wrote_it_down() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = async |recipe: Recipe| keyed(&run.order("alice", Action::Drafted(recipe)).await, "kept");
    let kept = run.submitter.submit(order(payment("b and a")).await).await.unwrap();
    for again in [payment("b and a"), payment("a and b").formerly("b and a".into())] {
        assert_eq!(run.submitter.submit(order(again).await).await.unwrap(), kept);
    }
    for other in [payment("a and b"), payment("a and b").formerly("a and c".into())] {
        let other = run.submitter.submit(order(other).await).await;
        assert!(matches!(other, Err(SubmissionError::DuplicateIntent { .. })), "{other:?}");
    }
    assert_eq!(devnet.head().number, 1);
}
