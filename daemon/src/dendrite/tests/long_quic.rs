//! Replies that take longer than a QUIC connection is kept for nothing.

use super::*;

/// So long is a connection kept that carries no request: long enough for a busy machine.
const IDLE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_reply_that_takes_longer_than_the_idle_timeout_arrives_over_quic() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = Deed::Wait { begun: Arc::clone(&begun), go: Arc::clone(&go) };
    let axon = axon(config(), vec![Arc::new(Scripted("Wait", wait))]).await;
    let mut dendrite = dendrite();
    dendrite.quic.idle = IDLE;
    let released = async {
        begun.notified().await;
        tokio::time::sleep(IDLE * 2).await;
        go.notify_one();
    };
    let (spec, manner) = (support::spec("Wait"), (Transport::Quic, PATIENCE));
    let call = dendrite.call(support::target(&axon), &spec, IndexMap::new(), manner);
    let (outcome, ()) = tokio::join!(call, released);
    assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Quic), "{}", outcome.status_message);
    // The same connection, which nobody uses any more, goes all the same.
    assert_eq!(axon.status().connections, 1);
    let closed = async {
        while axon.status().connections > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, closed).await.unwrap_or_else(|_| panic!("{:?}", axon.status()));
}
