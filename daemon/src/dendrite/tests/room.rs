//! Replies that share their room.

use super::*;
use crate::dendrite::{Config, Dendrite};

/// An axon that answers with a body of so many bytes, once for each who asks.
async fn answering(length: usize) -> SocketAddr {
    let (begin, end) = ("{\"timeout\": 12.0, \"text\": \"", "\"}");
    let body = format!("{begin}{}{end}", "x".repeat(length - begin.len() - end.len()));
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         bt_header_axon_status_code: 200\r\nbt_header_axon_status_message: Success\r\n\r\n"
    );
    server(head + &body).await
}

#[tokio::test]
async fn a_reply_waits_for_those_that_are_not_told_yet() {
    const LENGTH: usize = 200_000;
    let config = Config { max_replies_bytes: LENGTH + LENGTH / 2, ..Config::default() };
    let dendrite = Arc::new(Dendrite::new(config, caller_key().account(), caller_key().signer()));
    let (spec, manner) = (support::spec("Job"), (Transport::Http, PATIENCE));
    let asking = async |address| {
        let target = Target { hotkey: Key::new(9).account(), ..at(address) };
        dendrite.ask(target, &spec, IndexMap::new(), manner, None).await
    };
    let (outcome, held) = asking(answering(LENGTH).await).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    assert_eq!(dendrite.room.taken(), LENGTH);
    // A short one has room of its own.
    let short = dendrite.ping(at(answering(100).await), Transport::Http, PATIENCE).await;
    assert_eq!(short.status_code, 200, "{}", short.status_message);
    // A long one has none until the first has been told.
    let refused = asking(answering(LENGTH).await).await.0;
    assert_eq!(refused.status_code, 507, "{}", refused.status_message);
    assert!(refused.status_message.contains("dendrite.max_replies_bytes"), "{}", refused.status_message);
    drop(held);
    let (outcome, held) = asking(answering(LENGTH).await).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    drop(held);
    assert_eq!(dendrite.room.taken(), 0, "nothing is held of what was told or refused");
}
