//! Kept connections that end as a request reaches them.

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nbt_header_axon_status_code: 200\r\nbt_header_axon_status_message: Success\r\n\r\n{}";
const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 2\r\nbt_header_axon_status_code: 401\r\nbt_header_axon_status_message: Nonce is old\r\n\r\n{}";
const TOO_EARLY: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nretry-after: 0\r\ncontent-length: 2\r\nbt_header_axon_status_code: 401\r\nbt_header_axon_status_message: Too early\r\n\r\n{}";

/// Answers the first request of its first connection, and ends that so long after the next one came. Then it gives so many
/// replies over a connection each, nothing where they are empty. What it was sent is told in the end.
async fn hangs_up(after: Duration, replies: Vec<&'static str>) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = async move {
        let (mut first, _) = listener.accept().await.unwrap();
        request(&mut first).await;
        first.write_all(OK.as_bytes()).await.unwrap();
        let mut sent = vec![request(&mut first).await];
        tokio::time::sleep(after).await;
        drop(first);
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            sent.push(request(&mut stream).await);
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        // Nobody else comes.
        assert!(timeout(Duration::from_millis(50), listener.accept()).await.is_err());
        sent
    };
    (address, tokio::spawn(serving))
}

/// A whole request: a ping's body is short.
async fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "{:?}", String::from_utf8_lossy(&read));
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn a_request_that_a_closing_connection_took_is_sent_again_as_it_was() {
    let (now, late) = (Duration::ZERO, Duration::from_millis(1_100));
    let disconnected = (503, "Service disconnected: Server disconnected");
    let cases = [
        (now, vec![OK], (200, "Success")),
        // The axon had taken it.
        (now, vec![REFUSED], disconnected),
        // It had started anew, and asks for another.
        (now, vec![TOO_EARLY, OK], (200, "Success")),
        (now, vec![""], disconnected),
        // It ended because of the request.
        (late, vec![], disconnected),
    ];
    for (number, (after, replies, expected)) in cases.into_iter().enumerate() {
        let (again, anew) = (replies.len().min(1), replies.len() > 1);
        let (address, serving) = hangs_up(after, replies).await;
        let dendrite = dendrite();
        assert_eq!(dendrite.ping(at(address), Transport::Http, PATIENCE).await.status_code, 200);
        let outcome = dendrite.ping(at(address), Transport::Http, PATIENCE).await;
        assert_eq!((outcome.status_code, outcome.status_message.as_str()), expected, "{number}");
        let sent = timeout(PATIENCE, serving).await.unwrap().unwrap();
        assert_eq!(sent.len(), 1 + again + usize::from(anew), "{number}: {sent:#?}");
        assert!(sent[..=again].iter().all(|request| *request == sent[0]), "{number}: {sent:#?}");
        assert!(!anew || sent[2] != sent[0], "{number}: under the same nonce");
    }
}
