//! Streams that break off: what was produced before is heard, and does not pass for the whole.

use bytes::Bytes;

use super::*;

/// Bytes that a slow reader takes at once.
const BETWEEN_PAUSES: usize = 40_000;

/// Streams so many pieces of so many bytes, all of them there at once, and then fails.
#[derive(Debug)]
struct Breaks {
    pieces: usize,
    length: usize,
}

impl Breaks {
    fn pieces(&self) -> impl Iterator<Item = Bytes> + Send + use<> {
        let length = self.length;
        (0..self.pieces).map(move |number| Bytes::from(vec![b'a' + u8::try_from(number % 26).unwrap(); length]))
    }
}

impl Handler for Breaks {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::new(spec("Job"))
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        let broken = stream::iter([Err(HandlerError::Failed("no more".to_owned()))]);
        let chunks = stream::iter(self.pieces()).map(Ok).chain(broken).boxed();
        Box::pin(async move { Ok(Answer::Stream(Box::new(request.verified.into_synapse()), chunks)) })
    }
}

#[tokio::test]
async fn what_was_streamed_before_a_failure_is_heard() {
    for (pieces, length) in [(1, 5), (40, 1_000), (40, 60_000)] {
        broken_off(Breaks { pieces, length }, Duration::ZERO).await;
    }
}

/// More waits with its transport than it takes in the time for which the axon waits for who reads at once.
#[tokio::test]
async fn who_reads_slowly_hears_what_was_streamed_before_a_failure_too() {
    broken_off(Breaks { pieces: 40, length: 60_000 }, Duration::from_millis(20)).await;
}

/// Reads a stream that breaks off, with a pause behind each [`BETWEEN_PAUSES`].
async fn broken_off(breaks: Breaks, pause: Duration) {
    let breaks = Arc::new(breaks);
    let sent: Vec<u8> = breaks.pieces().flatten().collect();
    let axon = axon(config(), vec![breaks]).await;
    for transport in BOTH {
        let (taker, mut taken) = mpsc::channel(4);
        let job = spec("Job");
        let call = async {
            let taker = taker;
            dendrite().call_streaming(target(&axon), &job, fields("x"), (transport, PATIENCE), &taker).await
        };
        let reading = async {
            let mut read = Vec::new();
            let mut paused = 0;
            while let Some(piece) = taken.recv().await {
                read.extend_from_slice(&piece);
                if !pause.is_zero() && read.len() >= paused + BETWEEN_PAUSES {
                    paused = read.len();
                    tokio::time::sleep(pause).await;
                }
            }
            read
        };
        let (outcome, read) = tokio::join!(call, reading);
        assert_ne!(outcome.status_code, 200, "{transport:?}: {}", outcome.status_message);
        assert!(read == sent, "{transport:?}: {} of {} bytes", read.len(), sent.len());
    }
}
