//! What is announced in place of being made, against the rules.

use super::*;

#[tokio::test]
async fn not_all_is_announced_where_amounts_are_limited() {
    let devnet = devnet(on_demand()).await;
    let all =
        Action::Transfer(Transfer { dest: BOB.parse().unwrap(), amount: Amount::All, existence: Existence::KeepAlive });
    // The highest limit that there is, and none.
    for most_rao in [u64::MAX, 0] {
        let state = tempfile::tempdir().unwrap();
        let config = Config { policy: Policy { most_rao, ..Policy::default() }, ..Config::default() };
        let run = Run::begin_with(state.path(), endpoint(&devnet), config).await.with_wallet("alice", "//Alice");
        let actor = run.order("alice", all.clone()).await.signer;
        let (view, submitter) = (run.link.view().unwrap(), run.submitter.clone());
        let ground = Ground { view, actor, submitter, agreed: Agreed::default() };
        assert!(transfer(1_000_000_000).draft(ground.clone()).await.is_ok());
        let drawn = all.draft(ground).await;
        match drawn {
            Err(SubmissionError::Policy(PolicyRefusal::Unbounded { .. })) => assert!(most_rao > 0),
            Ok(draft) => assert_eq!((draft.call.call.as_str(), most_rao), ("transfer_all", 0)),
            Err(other) => panic!("{other}"),
        }
    }
}
