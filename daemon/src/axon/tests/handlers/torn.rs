//! Streams that break off: what was produced before is heard, and does not pass for the whole.

use bytes::Bytes;

use super::*;

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
        let breaks = Arc::new(Breaks { pieces, length });
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
                while let Some(piece) = taken.recv().await {
                    read.extend_from_slice(&piece);
                }
                read
            };
            let (outcome, read) = tokio::join!(call, reading);
            assert_ne!(outcome.status_code, 200, "{transport:?}: {}", outcome.status_message);
            assert!(read == sent, "{transport:?}: {} of {} bytes", read.len(), sent.len());
        }
    }
}
