//! Changes of a record that the chain takes whole, one after the other.

use btd_chain::{Call, Value};

use super::*;

/// Changes a part of the record: what it says is read first.
fn change(record: Record, name: &'static str) -> Action {
    Action::Drafted(Recipe::new(name.into(), move |ground| async move {
        ground.newest(record).await?;
        let call = Call::new("System", "remark").arg("remark", Value::Bytes(name.as_bytes().to_vec()));
        Ok(Draft::new(call, format!("Set {record}")).replaces(record))
    }))
}

#[tokio::test]
async fn no_record_is_changed_while_a_change_of_it_is_in_no_block() {
    let (devnet, state) = (devnet(on_demand()).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let sent = async |record, name| {
        let order = run.order("alice", change(record, name)).await;
        run.submitter.submit(Order { mode: Mode::UntilSubmitted, ..order }).await
    };
    let (one, other) = (Record::SubnetIdentity(NetUid(1)), Record::SubnetIdentity(NetUid(2)));
    sent(one, "first").await.unwrap();
    let refused = sent(one, "second").await;
    let Err(SubmissionError::Precondition(Precondition::NotYet { words, .. })) = &refused else {
        panic!("{refused:?}")
    };
    assert!(words.contains("the identity of subnet 1 is changed by extrinsic 0x"), "{words}");
    // Another record is another matter.
    sent(other, "third").await.unwrap();

    // In a block it can be read, final or not.
    devnet.control().fault(btd_devnet::Fault::StallFinality, None);
    devnet.mine(1).await.unwrap();
    sent(one, "fourth").await.unwrap();
    assert_eq!(run.pending().await.len(), 3);

    // What an earlier run sent is known as well.
    drop(run);
    freed(state.path()).await;
    let run = Run::begin(state.path(), endpoint(&devnet)).await;
    let again = run.submitter.submit(run.order("alice", change(one, "fifth")).await).await;
    assert!(matches!(&again, Err(SubmissionError::Precondition(Precondition::NotYet { .. }))), "{again:?}");
}
