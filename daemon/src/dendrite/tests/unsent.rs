//! Calls whose turn does not come, and calls whose connection closes before they can leave.

use tokio::sync::Semaphore;

use super::*;

/// Signs as the caller once it is let, and says when it is asked to.
#[derive(Debug)]
struct Gated {
    key: Key,
    asked: Notify,
    go: Semaphore,
    signed: AtomicUsize,
}

impl Signer for Gated {
    fn sign<'a>(&'a self, hotkey: &'a AccountId, message: &'a Signable) -> Signing<'a> {
        Box::pin(async move {
            self.asked.notify_one();
            self.go.acquire().await.unwrap().forget();
            self.signed.fetch_add(1, Ordering::SeqCst);
            self.key.sign(hotkey, message).await
        })
    }
}

fn gated() -> (super::super::Dendrite, Arc<Gated>) {
    let signer =
        Arc::new(Gated { key: caller_key(), asked: Notify::new(), go: Semaphore::new(0), signed: AtomicUsize::new(0) });
    let known: Arc<dyn Signer> = Arc::clone(&signer) as _;
    let dendrite = super::super::Dendrite::new(super::super::Config::default(), caller_key().account(), known);
    (dendrite, signer)
}

#[tokio::test]
async fn a_call_without_a_turn_in_time_was_not_sent() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = Deed::Wait { begun: Arc::clone(&begun), go: Arc::clone(&go) };
    let axon = axon(config(), vec![Arc::new(Scripted("Wait", wait))]).await;
    let target = support::target(&axon);
    let (dendrite, signer) = counting(super::super::Config { max_requests_per_axon: 1, ..Default::default() });
    for transport in [Transport::Http, Transport::Quic] {
        let before = signer.signed.load(Ordering::SeqCst);
        let first = {
            let dendrite = Arc::clone(&dendrite);
            let call = async move {
                dendrite.call(target, &support::spec("Wait"), IndexMap::new(), (transport, PATIENCE)).await
            };
            tokio::spawn(call)
        };
        timeout(PATIENCE, begun.notified()).await.unwrap();
        let second = dendrite.ping(target, transport, Duration::from_millis(100)).await;
        let words = format!(
            "Request not sent: its turn did not come within 100ms: as many requests to {} were on their way as \
             there may be at once (dendrite.max_requests_per_axon is 1)",
            axon.address()
        );
        assert_eq!((second.status_code, second.status_message), (422, words), "{transport:?}");
        assert_eq!(signer.signed.load(Ordering::SeqCst), before + 1, "{transport:?}: signed without a turn");
        go.notify_one();
        let first = first.await.unwrap();
        assert_eq!((first.status_code, first.transport), (200, transport), "{}", first.status_message);
    }
    assert_eq!(axon.status().requests["answered"], 2);
}

/// As many as Python's dendrite sends at once.
#[tokio::test]
async fn a_hundred_requests_are_with_an_axon_at_once_over_either_transport() {
    const CROWD: usize = 100;
    for transport in [Transport::Http, Transport::Quic] {
        let go = Arc::new(Notify::new());
        let wait = Deed::Wait { begun: Arc::default(), go: Arc::clone(&go) };
        let axon = axon(config(), vec![Arc::new(Scripted("Wait", wait))]).await;
        let (dendrite, target) = (Arc::new(dendrite()), support::target(&axon));
        let calls: Vec<_> = (0..CROWD)
            .map(|_| {
                let dendrite = Arc::clone(&dendrite);
                let call = async move {
                    dendrite.call(target, &support::spec("Wait"), IndexMap::new(), (transport, PATIENCE)).await
                };
                tokio::spawn(call)
            })
            .collect();
        let answering = || axon.status().classes.iter().map(|class| class.answering).sum::<usize>();
        let all = async {
            while answering() < CROWD {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("{transport:?}: {:?}", axon.status()));
        go.notify_waiters();
        for call in calls {
            let outcome = call.await.unwrap();
            assert_eq!((outcome.status_code, outcome.transport), (200, transport), "{}", outcome.status_message);
        }
    }
}

/// Hangs up on so many connections, and lets each request be signed once its connection is gone. Then it is
/// an axon that answers.
async fn hanging_up(times: usize, signer: Arc<Gated>) -> SocketAddr {
    const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nbt_header_axon_status_code: 200\r\nbt_header_axon_status_message: Success\r\n\r\n{}";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut request = [0; 16_384];
        for _ in 0..times {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.shutdown().await.unwrap();
            assert_eq!(stream.read(&mut request).await.unwrap(), 0, "something was sent before it was signed");
            signer.go.add_permits(1);
        }
        let (mut stream, _) = listener.accept().await.unwrap();
        signer.go.add_permits(1);
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(REPLY).await;
    });
    address
}

#[tokio::test]
async fn a_fresh_connection_that_closes_during_the_signature_is_replaced_once() {
    for (times, status, message) in [(1, 200, "Success"), (2, 503, "Service disconnected: Server disconnected")] {
        let (dendrite, signer) = gated();
        let address = hanging_up(times, Arc::clone(&signer)).await;
        let outcome = dendrite.ping(at(address), Transport::Http, PATIENCE).await;
        assert_eq!((outcome.status_code, outcome.status_message.as_str()), (status, message));
        assert_eq!(signer.signed.load(Ordering::SeqCst), 2, "a signature for each connection");
    }
}

#[tokio::test]
async fn a_quic_connection_that_closes_during_the_signature_is_replaced() {
    let axon = axon(support::config_alone(), vec![]).await;
    let (dendrite, signer) = gated();
    let target = support::target(&axon);
    signer.go.add_permits(1);
    let outcome = dendrite.ping(target, Transport::Quic, PATIENCE).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    signer.asked.notified().await;
    // While the second request is being signed, the axon starts anew.
    let restarted = async {
        signer.asked.notified().await;
        let bind = axon.address();
        axon.stop().await;
        let axon = support::axon(crate::axon::Config { bind, ..config() }, vec![]).await;
        signer.go.add_permits(2);
        axon
    };
    let (outcome, axon) = tokio::join!(dendrite.ping(target, Transport::Quic, PATIENCE), restarted);
    assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Quic), "{}", outcome.status_message);
    assert_eq!(signer.signed.load(Ordering::SeqCst), 3, "the second request was signed for each connection");
    assert_eq!(axon.status().requests["answered"], 1);
}
