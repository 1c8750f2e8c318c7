//! What becomes of the requests that an endpoint owes an answer when it is left.

use std::time::Duration;

use btd_api::{AccountId, BlockNumber};

use super::{
    Link, LinkConfig,
    endurance::{BLOCK, followed, over, with},
    link_over,
};
use crate::{
    Era, ExtrinsicHash, ReadError, SignedExtrinsic, SubmitError, clock,
    rpc::{self, Ask, Header},
    simulated::{self, Fault, Network},
};

/// A read is answered so long after it was made at the latest, whatever befalls the endpoint that it was made of.
const LATEST: Duration = Duration::from_secs(15);

/// Reads one header, pinned as nearly everything is.
async fn read(link: &Link) -> Result<Option<Header>, ReadError> {
    link.ask(rpc::header(Network::hash(50))).await
}

/// The endpoint that is followed.
fn active(link: &Link) -> Option<String> {
    link.followed().map(|endpoint| endpoint.to_string())
}

#[test]
fn a_read_that_an_endpoint_leaves_unanswered_is_answered_by_the_next() {
    for fault in [Fault::HalfOpen, Fault::Mute] {
        for moment in 0..12 {
            over(2, async |link, network| {
                clock::sleep(BLOCK * 2 + Duration::from_secs(moment)).await;
                network.give(0, fault);
                let began = clock::now();
                // Whoever asks the same later waits for the same answer, before the failover and after it.
                let later = async {
                    clock::sleep(Duration::from_secs(2)).await;
                    let second = read(link);
                    let third = async {
                        while active(link).is_none_or(|endpoint| endpoint.contains("node-0")) {
                            clock::sleep(Duration::from_millis(20)).await;
                        }
                        let asked = clock::now();
                        (read(link).await, clock::since(asked))
                    };
                    tokio::join!(second, third)
                };
                let (first, (second, (third, taken))) = tokio::join!(read(link), later);
                for told in [first, second, third] {
                    assert!(matches!(&told, Ok(Some(_))), "{fault:?} at {moment}: {told:?}");
                }
                assert!(clock::since(began) <= LATEST, "{fault:?} at {moment}: after {:?}", clock::since(began));
                assert!(taken <= Duration::from_secs(1), "{fault:?} at {moment}: {taken:?} after the failover");
            });
        }
    }
}

/// A read of many requests goes on with the next one, and so does one that goes from endpoint to endpoint.
#[test]
fn a_read_is_answered_by_whoever_is_left() {
    let taken = over(3, async |link, network| {
        clock::sleep(BLOCK * 2).await;
        network.give(0, Fault::Mute);
        let began = clock::now();
        let befall = async {
            while active(link).is_none_or(|endpoint| endpoint.contains("node-0")) {
                clock::sleep(Duration::from_millis(20)).await;
            }
            network.give(1, Fault::Down);
        };
        let reading = async {
            for number in 1..100 {
                assert!(link.block(BlockNumber(number)).await.is_ok(), "block {number}");
            }
        };
        tokio::join!(reading, befall);
        clock::since(began)
    });
    // A hundred times three answers take more than half of it, and the silence of the first one the rest.
    assert!(taken <= Duration::from_secs(35), "{taken:?}");
}

/// Nobody looks at those that are not in use: never, or not before the first block has come.
#[test]
fn endpoints_that_take_long_to_fail_keep_nobody_from_the_one_behind_them() {
    let slow = |scout_ms, config| LinkConfig { connect_timeout_ms: 90_000, scout_ms, ..config };
    with(
        3,
        |config| slow(0, config),
        async |link, network| {
            (0..2).for_each(|node| network.give(node, Fault::HalfOpen));
            let reached = clock::timeout(Duration::from_mins(5), followed(link, network.height() + 2)).await;
            assert!(reached.is_ok(), "{:?}", link.endpoints());
        },
    );
    for scout_ms in [0, LinkConfig::default().scout_ms] {
        simulated::run(async {
            let network = Network::of(3);
            (0..2).for_each(|node| network.give(node, Fault::HalfOpen));
            let config = slow(scout_ms, network.config());
            let (link, follower) = link_over(Box::new(network.clone()), config).unwrap();
            tokio::select! {
                () = follower.run(tokio_util::sync::CancellationToken::new()) => panic!("nobody has stopped it"),
                reached = clock::timeout(Duration::from_mins(5), followed(&link, 100)) => {
                    assert!(reached.is_ok(), "{scout_ms}: {:?}", link.endpoints());
                }
            }
        });
    }
}

#[test]
fn a_read_that_nobody_else_can_answer_fails_in_its_time() {
    over(1, async |link, network| {
        network.give(0, Fault::HalfOpen);
        let began = clock::now();
        let told = read(link).await;
        assert!(matches!(told, Err(ReadError::Cut { .. })), "{told:?}");
        assert!(clock::since(began) <= Duration::from_secs(20), "after {:?}", clock::since(began));
    });
}

/// It may have been taken, so nobody else is asked, and nothing is said of it before that is known or its time is over.
#[test]
fn a_submission_stays_with_the_endpoint_that_it_was_handed_to() {
    let bytes = vec![0; 8];
    let (hash, signer) = (ExtrinsicHash::of(&bytes), AccountId([1; 32]));
    let extrinsic = SignedExtrinsic { bytes, hash, signer, nonce: 0, era: Era::Immortal, spec_version: 425 };
    for answers_at_last in [true, false] {
        over(2, async |link, network| {
            network.give(0, Fault::Mute);
            let began = clock::now();
            let other = async {
                while active(link).is_none_or(|endpoint| endpoint.contains("node-0")) {
                    clock::sleep(Duration::from_millis(20)).await;
                }
                if answers_at_last {
                    network.give(0, Fault::None);
                }
            };
            let (told, ()) = tokio::join!(link.submit(&extrinsic), other);
            if answers_at_last {
                // The simulated nodes know no such method, which is an answer.
                assert!(matches!(&told, Err(SubmitError::Refused(refusal)) if refusal.code == -32601), "{told:?}");
            } else {
                assert!(matches!(&told, Err(SubmitError::Ambiguous { .. })), "{told:?}");
                assert_eq!(clock::since(began), Duration::from_secs(20));
            }
        });
    }
}
