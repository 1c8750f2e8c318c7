//! A price that moves between the plan that was agreed to and its signature.

use btd_api::signing::{Bound, Priced};

use super::*;

#[tokio::test]
async fn nothing_worse_is_signed_than_was_agreed_to() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await;
    let run = run.with_wallet("alice", "//Alice").with_wallet("bob", "//Bob");
    let register = async |wallet: &str| {
        let hotkey = run.hotkey(wallet).await;
        let action = Action::Register(Register { netuid: NetUid(1), hotkey, max_cost: None, tolerance: None });
        run.order(wallet, action).await
    };
    let order = keyed(&register("alice").await, "agreed");
    let shown = run.submitter.submit(Order { mode: Mode::DryRun, ..order.clone() }).await.unwrap().plan.bounds;
    let [Bound { of: Priced::Registration(NetUid(1)), limit }] = shown[..] else { panic!("{shown:?}") };
    // Somebody else takes a place meanwhile, and the price jumps.
    run.submitter.submit(register("bob").await).await.unwrap();

    let held = Order { agreed: shown.into(), ..order.clone() };
    match run.submitter.submit(held.clone()).await {
        Err(SubmissionError::Precondition(Precondition::Foreseen { error, words })) => {
            assert_eq!(error, "RegistrationPriceLimitExceeded");
            assert!(words.contains(&format!("beyond the τ{limit} that was agreed to")), "{words}");
        }
        other => panic!("{other:?}"),
    }
    let key = order.idempotency_key.clone().unwrap();
    assert_eq!(run.journal.find(run.link.genesis().unwrap(), key).await.unwrap(), None);

    // Whoever was shown nothing pays what it costs by now, and what was agreed to makes no other wish of it.
    let signed = run.submitter.submit(order).await.unwrap();
    assert!(signed.plan.bounds[0].limit > limit, "{signed:?}");
    assert_eq!(run.submitter.submit(held.clone()).await.unwrap(), signed);

    // What has its place already is told so, and not what a place costs.
    let anew = run.submitter.submit(keyed(&held, "anew")).await;
    assert!(matches!(anew, Err(SubmissionError::Precondition(Precondition::AlreadyRegistered { .. }))), "{anew:?}");
}
