//! That what the followed endpoint lacks is asked of every archive that may have it, and that its absence is no word.

use std::time::Duration;

use btd_api::{BlockHash, BlockNumber};

use super::*;
use crate::{
    EndpointStatus,
    link::endurance::over_archives,
    simulated::{Fault, Network},
};

const OLD: BlockNumber = BlockNumber(5);

fn old() -> BlockHash {
    Network::hash(OLD.0)
}

/// What is wrong with an endpoint, by its name.
fn trouble(link: &Link, index: usize) -> Option<&'static str> {
    link.endpoints()[index].trouble.as_ref().map(ConnectError::name)
}

fn status(link: &Link, index: usize) -> EndpointStatus {
    link.endpoints().swap_remove(index)
}

#[test]
fn an_archive_that_fails_hides_none_behind_it() {
    type Said = fn(&EndpointStatus) -> bool;
    let is_named: Said = |status| status.trouble.is_some();
    let is_slowed: Said = |status| status.is_rate_limited || status.trouble.is_some();
    let cases: [(Fault, Said); 8] = [
        (Fault::Pruned(u32::MAX), |status| status.is_pruned),
        (Fault::Full, is_slowed),
        (Fault::TooMany, is_slowed),
        (Fault::Down, is_named),
        (Fault::HalfOpen, is_named),
        (Fault::OtherGenesis, is_named),
        // What was too large for one question is forgotten with the next answer.
        (Fault::Oversized, |_| true),
        (Fault::Slow(25), is_named),
    ];
    for (fault, is_said) in cases {
        // It was like that from the beginning, or is so since its connection was made.
        for is_kept in [false, true] {
            over_archives(3, async |link, network| {
                network.give(0, Fault::Pruned(90));
                if is_kept {
                    link.view_at(old()).await.unwrap();
                    assert_eq!(status(link, 2).requests, 0, "{fault:?}: the first is asked first");
                }
                network.give(1, fault);
                // The body, which the followed node keeps, is too large from an archive alone.
                if fault == Fault::Oversized {
                    network.give(0, Fault::Synced(90));
                }
                let view = link.view_at(old()).await;
                assert_eq!(view.map(|view| view.block().number), Ok(OLD), "{fault:?} {is_kept}");
                let block = link.block(OLD).await.unwrap();
                assert!(block.illegible.is_empty(), "{fault:?} {is_kept}: {:?}", block.illegible);
                assert!(status(link, 2).requests > 0, "{fault:?} {is_kept}");
                assert!(is_said(&status(link, 1)), "{fault:?} {is_kept}: {:?}", status(link, 1));
            });
        }
    }
}

#[test]
fn who_turns_requests_away_or_keeps_little_is_asked_last() {
    for fault in [Fault::Full, Fault::Pruned(u32::MAX)] {
        over_archives(3, async |link, network| {
            network.give(0, Fault::Pruned(90));
            link.view_at(old()).await.unwrap();
            network.give(1, fault);
            let began = clock::now();
            link.view_at(old()).await.unwrap();
            assert!(clock::since(began) < Duration::from_secs(5), "{fault:?}: it took {:?}", clock::since(began));
            let asked = status(link, 1).requests;
            for _ in 0..10 {
                link.view_at(old()).await.unwrap();
            }
            assert_eq!(status(link, 1).requests, asked, "{fault:?}");
        });
    }
}

#[test]
fn what_one_archive_lacks_the_next_one_has() {
    over_archives(3, async |link, network| {
        for node in [0, 1] {
            network.give(node, Fault::Synced(90));
        }
        let block = link.block_by_hash(old()).await.unwrap();
        assert_eq!((block.block.number, block.block.hash), (OLD, old()));
        assert_eq!(link.block_hash(OLD).await, Ok(Some(old())));
        // Nobody has it: that is no failure of theirs, if all could be asked.
        let strange = BlockHash([0xee; 32]);
        let unknown = link.block_by_hash(strange).await;
        assert!(matches!(unknown, Err(ReadError::UnknownBlock { .. })), "{unknown:?}");
        assert_eq!((trouble(link, 1), trouble(link, 2)), (None, None));
        network.give(2, Fault::Down);
        let unasked = link.block_by_hash(old()).await;
        assert!(matches!(&unasked, Err(ReadError::NoArchive { cause: Some(_), .. })), "{unasked:?}");
    });
}

#[test]
fn one_that_was_not_asked_for_the_slowness_of_others_has_not_said_that_there_is_nothing() {
    let strange = BlockHash([0xee; 32]);
    over_archives(3, async |link, network| {
        // Each answer comes in time, and with the connection there are four of them.
        network.give(1, Fault::Slow(19));
        let told = link.block_by_hash(strange).await;
        assert!(matches!(told, Err(ReadError::Deadline { .. })), "{told:?}");
        assert_eq!((status(link, 1).trouble, status(link, 2).requests), (None, 0));
        // Now that it is connected there is time for both.
        let told = link.block_by_hash(strange).await;
        assert!(matches!(told, Err(ReadError::UnknownBlock { .. })), "{told:?}");
        assert!(status(link, 2).requests > 0);
    });
}

#[test]
fn the_most_telling_failure_is_told() {
    type Told = fn(&ReadError) -> bool;
    let no_turn: Told = |error| matches!(error, ReadError::NoTurn { is_slowed: true, .. });
    let no_archive: Told = |error| matches!(error, ReadError::NoArchive { cause: Some(_), .. });
    let pruned: Told = |error| matches!(error, ReadError::Pruned { .. });
    let silent: Told = |error| matches!(error, ReadError::NoArchive { .. } | ReadError::Deadline { .. });
    let all = Fault::Pruned(u32::MAX);
    let cases: [(Fault, Fault, Told); 5] = [
        (all, all, pruned),
        (all, Fault::Down, no_archive),
        (Fault::Down, all, no_archive),
        (all, Fault::Slow(25), silent),
        (Fault::Full, Fault::Down, no_turn),
    ];
    for (first, second, is_told) in cases {
        over_archives(3, async |link, network| {
            network.give(0, Fault::Pruned(90));
            // The connection was made in better days.
            link.view_at(old()).await.unwrap();
            network.give(1, first);
            network.give(2, second);
            let error = link.view_at(old()).await.unwrap_err();
            assert!(is_told(&error), "{first:?} {second:?}: {error:?}");
        });
    }
}

#[test]
fn the_only_archive_is_asked_again_when_it_has_turned_a_request_away() {
    over_archives(2, async |link, network| {
        network.give(0, Fault::Pruned(90));
        link.view_at(old()).await.unwrap();
        network.give(1, Fault::Full);
        let well_again = async {
            clock::sleep(Duration::from_secs(3)).await;
            network.give(1, Fault::None);
        };
        let (view, ()) = tokio::join!(link.view_at(old()), well_again);
        view.unwrap();
        // A connection that ended while nobody asked is made anew, and nobody is to blame.
        network.give(1, Fault::Down);
        let _ = link.view_at(old()).await;
        clock::sleep(Duration::from_mins(1)).await;
        network.give(1, Fault::None);
        link.view_at(old()).await.unwrap();
        assert_eq!((trouble(link, 1), status(link, 1).failures), (None, 0));
    });
}

/// A node that began at a snapshot says so in other words than one that has thrown a state away.
#[test]
fn what_the_followed_node_never_had_is_read_from_an_archive() {
    over_archives(2, async |link, network| {
        network.give(0, Fault::Synced(90));
        let view = link.view_of(OLD).await.unwrap();
        assert_eq!(view.block().hash, old());
        let (block, asked) = (link.block(OLD).await.unwrap(), status(link, 1).requests);
        assert!(block.illegible.is_empty(), "{:?}", block.illegible);
        assert!(view.storage_json("System", "Number", &[]).await.is_ok());
        assert!(status(link, 1).requests > asked && status(link, 0).is_pruned);
    });
    over_archives(1, async |link, network| {
        network.give(0, Fault::Synced(90));
        // It still knows the hash by another way: the block above, say.
        let view = link.view_at(old()).await.unwrap_err();
        assert!(matches!(view, ReadError::UnknownBlock { .. }), "{view:?}");
    });
}
