//! What an endpoint does not tell, and whether it is left for that.

use btd_api::BlockHash;

use super::{
    super::endurance::{LATEST, over},
    *,
};
use crate::{
    ReadError,
    rpc::{self, Ask, HexBytes},
    simulated::{Fault, Network},
};

/// Reads what is stored somewhere in the state of an old block, and says how long that took.
async fn read(link: &Link) -> (Result<Option<HexBytes>, ReadError>, Duration) {
    read_at(link, Network::hash(50)).await
}

/// The same of the newest block.
async fn read_newest(link: &Link) -> (Result<Option<HexBytes>, ReadError>, Duration) {
    read_at(link, link.finalized().unwrap().hash).await
}

async fn read_at(link: &Link, at: BlockHash) -> (Result<Option<HexBytes>, ReadError>, Duration) {
    let began = clock::now();
    let told = link.ask(rpc::storage(&[1; 32], at)).await;
    (told, clock::since(began))
}

fn is_followed(link: &Link, node: &str) -> bool {
    link.followed().is_some_and(|endpoint| endpoint.to_string().contains(node))
}

#[test]
fn what_one_endpoint_leaves_unanswered_another_one_answers() {
    over(2, async |link, network| {
        network.give(0, Fault::Ignores);
        for turn in 0..TOLERATED {
            clock::sleep(INCIDENT).await;
            assert!(is_followed(link, "node-0"), "it was left before read {turn}");
            let (told, took) = read(link).await;
            assert!(matches!(told, Ok(None)), "read {turn}: {told:?}");
            assert!(took <= LATEST, "read {turn}: {took:?}");
        }
        clock::sleep(Duration::from_secs(2)).await;
        assert!(is_followed(link, "node-1"));
        assert_eq!(link.endpoints()[0].trouble.as_ref().map(ConnectError::name), Some("silent"));
        let (told, took) = read(link).await;
        assert!(matches!(told, Ok(None)) && took <= Duration::from_secs(1), "{told:?} after {took:?}");
        // Its blocks say nothing about that, and after a while it may be well again.
        network.give(0, Fault::None);
        clock::sleep(TERM / 2).await;
        assert!(is_followed(link, "node-1"));
        clock::sleep(TERM).await;
        assert!(is_followed(link, "node-0"));
    });
}

#[test]
fn what_nobody_answers_is_held_against_none() {
    over(2, async |link, network| {
        (0..2).for_each(|node| network.give(node, Fault::Ignores));
        for turn in 0..=TOLERATED {
            let (told, took) = read(link).await;
            assert!(matches!(told, Err(ReadError::Deadline { .. })), "read {turn}: {told:?}");
            assert!(took <= Duration::from_secs(21), "read {turn}: {took:?}");
        }
        clock::sleep(Duration::from_secs(2)).await;
        assert!(is_followed(link, "node-0"));
    });
}

#[test]
fn what_one_endpoint_refuses_or_garbles_another_one_tells() {
    for fault in [Fault::Refuses, Fault::Garbles] {
        over(2, async |link, network| {
            network.give(0, fault);
            for turn in 0..TOLERATED {
                clock::sleep(INCIDENT).await;
                assert!(is_followed(link, "node-0"), "{fault:?}: it was left before read {turn}");
                let (told, took) = read_newest(link).await;
                assert!(matches!(told, Ok(None)), "{fault:?}, read {turn}: {told:?}");
                assert!(took <= Duration::from_secs(2), "{fault:?}, read {turn}: {took:?}");
            }
            clock::sleep(Duration::from_secs(2)).await;
            assert!(is_followed(link, "node-1"), "{fault:?}");
            assert_eq!(link.endpoints()[0].trouble.as_ref().map(ConnectError::name), Some("unusable"));
            clock::sleep(TERM / 2).await;
            assert!(is_followed(link, "node-1"), "{fault:?}: it was gone back to");
        });
    }
}

/// The first is not given up for the other one, which may be slower.
#[test]
fn whoever_answers_late_and_before_another_one_is_not_left_for_it() {
    over(2, async |link, network| {
        (0..2).for_each(|node| network.give(node, Fault::Dawdles(9)));
        for turn in 0..=TOLERATED {
            let (told, took) = read(link).await;
            assert!(matches!(told, Ok(None)), "read {turn}: {told:?}");
            assert!(took >= Duration::from_secs(9) && took <= Duration::from_secs(10), "read {turn}: {took:?}");
            clock::sleep(Duration::from_secs(30)).await;
        }
        assert!(is_followed(link, "node-0"));
    });
}

#[test]
fn whoever_turns_a_read_away_while_another_one_is_asked_is_not_left_for_it() {
    over(2, async |link, network| {
        network.give(1, Fault::Dawdles(2));
        for turn in 0..=TOLERATED {
            network.give(0, Fault::None);
            clock::sleep(INCIDENT).await;
            network.give(0, Fault::Dawdles(8));
            let turning = async {
                clock::sleep(Duration::from_millis(7_500)).await;
                network.give(0, Fault::Full);
            };
            let ((told, _), ()) = tokio::join!(read(link), turning);
            assert!(matches!(told, Ok(None)), "read {turn}: {told:?}");
        }
        network.give(0, Fault::None);
        clock::sleep(Duration::from_secs(2)).await;
        // It is asked less for a while, and may be behind the other one for that.
        assert!(!super::is_unanswering(&link.shared.pool.followed()[0]));
    });
}

/// With the connection end the reads beside the one that ended it, of which that is no word.
#[test]
fn what_one_endpoint_answers_with_too_much_another_one_tells() {
    over(2, async |link, network| {
        network.give(0, Fault::Floods);
        for turn in 0..TOLERATED {
            clock::sleep(INCIDENT).await;
            while !is_followed(link, "node-0") {
                clock::sleep(Duration::from_secs(1)).await;
            }
            let at = link.finalized().unwrap().hash;
            let reads = (0..8_u8).map(|key| link.ask(rpc::storage(&[key; 32], at)));
            let told = futures_util::future::join_all(reads).await;
            assert!(told.iter().all(|told| matches!(told, Ok(None))), "turn {turn}: {told:?}");
            while is_followed(link, "node-0") {
                clock::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(link.endpoints()[0].trouble.as_ref().map(ConnectError::name), Some("oversized"));
        }
        // It was gone back to each time, until now.
        clock::sleep(TERM / 2).await;
        assert!(is_followed(link, "node-1"));
    });
}

/// One of them is too large wherever it is asked, and which one nobody can tell.
#[test]
fn whoever_answers_with_too_much_what_everybody_does_is_not_left_for_the_reads_beside_it() {
    over(2, async |link, network| {
        (0..2).for_each(|node| network.give(node, Fault::FloodsOf(0)));
        for turn in 0..=TOLERATED {
            clock::sleep(INCIDENT).await;
            let began = clock::now();
            while !is_followed(link, "node-0") {
                clock::sleep(Duration::from_secs(1)).await;
            }
            assert!(clock::since(began) < TERM / 2, "turn {turn}: it was not gone back to");
            let at = link.finalized().unwrap().hash;
            let reads = (0..8_u8).map(|key| link.ask(rpc::storage(&[key; 32], at)));
            let mut told = futures_util::future::join_all(reads).await.into_iter();
            let first = told.next().unwrap();
            assert!(matches!(first, Err(ReadError::Oversized { .. })), "turn {turn}: {first:?}");
            assert!(told.all(|told| matches!(told, Ok(None))), "turn {turn}");
        }
    });
}

#[test]
fn what_everybody_refuses_or_garbles_is_held_against_none() {
    for (fault, words) in [(Fault::Refuses, "Internal error"), (Fault::Garbles, "something else")] {
        over(2, async |link, network| {
            (0..2).for_each(|node| network.give(node, fault));
            for turn in 0..=TOLERATED {
                clock::sleep(INCIDENT).await;
                let (told, took) = read_newest(link).await;
                assert!(told.as_ref().is_err_and(|error| error.to_string().contains(words)), "{turn}: {told:?}");
                assert!(took <= Duration::from_secs(2), "{fault:?}, read {turn}: {took:?}");
            }
            clock::sleep(Duration::from_secs(2)).await;
            assert!(is_followed(link, "node-0"), "{fault:?}");
        });
    }
}

/// It may be a node that keeps few states, and says so in words of its own.
#[test]
fn whoever_refuses_what_is_old_is_not_left_for_it() {
    over(2, async |link, network| {
        network.give(0, Fault::Refuses);
        for turn in 0..=TOLERATED {
            clock::sleep(INCIDENT).await;
            let (told, _) = read(link).await;
            assert!(matches!(told, Ok(None)), "read {turn}: {told:?}");
        }
        clock::sleep(Duration::from_secs(2)).await;
        assert!(is_followed(link, "node-0"));
    });
}

/// Each of them has an answer, though fewer are asked for elsewhere at the same time. They are one trouble.
#[test]
fn many_that_one_endpoint_refuses_wait_for_their_turn_and_count_once() {
    over(2, async |link, network| {
        network.give(0, Fault::Refuses);
        let at = link.finalized().unwrap().hash;
        let reads = (0..20_u8).map(|key| link.ask(rpc::storage(&[key; 32], at)));
        let told = futures_util::future::join_all(reads).await;
        assert!(told.iter().all(|told| matches!(told, Ok(None))), "{told:?}");
        clock::sleep(Duration::from_secs(2)).await;
        assert!(is_followed(link, "node-0"));
    });
}

#[test]
fn whoever_was_left_is_asked_where_nobody_else_tells_and_none_is_left_for_it() {
    over(2, async |link, network| {
        network.give(0, Fault::Refuses);
        for _ in 0..TOLERATED {
            clock::sleep(INCIDENT).await;
            assert!(matches!(read_newest(link).await.0, Ok(None)));
        }
        network.give(0, Fault::None);
        clock::sleep(Duration::from_secs(2)).await;
        network.give(1, Fault::Refuses);
        for turn in 0..=TOLERATED {
            clock::sleep(INCIDENT).await;
            assert!(is_followed(link, "node-1"), "it was left before read {turn}");
            let (told, _) = read_newest(link).await;
            assert!(matches!(told, Ok(None)), "read {turn}: {told:?}");
        }
        clock::sleep(Duration::from_secs(2)).await;
        assert!(is_followed(link, "node-1"));
    });
}
