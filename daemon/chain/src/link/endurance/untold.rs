//! What no endpoint tells, whatever it says of it, keeps nobody from the present for long.

use std::time::Duration;

use btd_api::BlockNumber;

use super::{BLOCK, followed, over, watch};
use crate::{clock, simulated::Fault};

#[test]
fn events_that_no_endpoint_tells_hold_up_a_block_but_once_and_are_told_as_soon_as_one_does() {
    for nodes in [1, 3] {
        over(nodes, async |link, network| {
            (0..nodes).for_each(|node| network.give(node, Fault::WithoutEvents));
            let (dials, first) = (network.dials(), network.height() + 1);
            let (_, latest) = watch(link, network, 1).await;
            assert!(latest >= Duration::from_secs(10) && latest <= Duration::from_secs(40), "{latest:?}");
            let (_, latest) = watch(link, network, 15).await;
            assert!(latest <= Duration::from_secs(13), "the next ones came {latest:?} late");
            let dials = network.dials() - dials;
            assert!(dials <= 100, "{dials} connections");
            // The one that is not in use is well again, and is found.
            network.give(nodes - 1, Fault::None);
            let last = network.height() + 40;
            followed(link, last).await;
            assert!(link.block(BlockNumber(last)).await.unwrap().tells_all_events());
            // One that does not tell may be gone back to in between.
            let is_told = async |number| {
                for _ in 0..60 {
                    if link.block(BlockNumber(number)).await.is_ok_and(|block| block.tells_all_events()) {
                        return true;
                    }
                    clock::sleep(Duration::from_secs(2)).await;
                }
                false
            };
            for number in first..=last {
                assert!(is_told(number).await, "block {number}");
            }
        });
    }
}

/// The newest block is another one each time that it is asked about.
#[test]
fn the_present_comes_after_an_outage_also_where_no_endpoint_tells_any_events() {
    for nodes in [1, 2] {
        over(nodes, async |link, network| {
            (0..nodes).for_each(|node| network.give(node, Fault::Down));
            clock::sleep(Duration::from_mins(20)).await;
            (0..nodes).for_each(|node| network.give(node, Fault::WithoutEvents));
            let back = network.height();
            clock::timeout(Duration::from_mins(3), followed(link, back + 1)).await.expect("no block is followed");
            let newest = link.finalized().unwrap().number;
            assert!(!link.block(newest).await.unwrap().tells_all_events());
        });
    }
}

/// The state of the blocks that were missed is gone by then, in words that nobody knows.
#[test]
fn a_state_that_is_gone_in_words_of_its_own_stops_nobody_after_an_outage() {
    for missed in [10, 100] {
        over(1, async |link, network| {
            network.give(0, Fault::Down);
            clock::sleep(BLOCK * missed).await;
            let head = network.height();
            network.give(0, Fault::Cryptic(head));
            clock::timeout(Duration::from_mins(3), followed(link, head + 1)).await.expect("no block is followed");
            for (number, is_told) in [(head - 1, false), (head, true), (head + 1, true)] {
                let block = link.block(BlockNumber(number)).await.unwrap();
                assert_eq!((block.extrinsics.len(), block.tells_all_events()), (1, is_told), "{number} of {head}");
            }
        });
    }
}

#[test]
fn no_block_goes_without_its_events_where_an_endpoint_that_could_not_be_asked_is_back() {
    over(2, async |link, network| {
        network.give(0, Fault::WithoutEvents);
        network.give(1, Fault::Down);
        let first = network.height() + 1;
        followed(link, first).await;
        assert!(!link.block(BlockNumber(first)).await.unwrap().tells_all_events());
        network.give(1, Fault::None);
        let last = first + 10;
        followed(link, last).await;
        assert!(link.block(BlockNumber(last)).await.unwrap().tells_all_events());
    });
}

/// The endpoint that is there after an outage has never told the runtime, and has thrown the state of the missed blocks
/// away: there is nothing to read them by. It is not waited for until they are too many.
#[test]
fn a_state_that_is_gone_where_nobody_was_asked_before_keeps_nobody_from_the_present() {
    // In its own words, and in those that everybody knows.
    for (fault, latest) in [(Fault::Cryptic as fn(u32) -> Fault, 3 * 60), (Fault::Pruned, 90)] {
        for first_is_back in [false, true] {
            over(2, async |link, network| {
                let mut blocks = link.blocks();
                let first = blocks.cursor().unwrap().0;
                (0..2).for_each(|node| network.give(node, Fault::Down));
                clock::sleep(BLOCK * 20).await;
                let head = network.height();
                (0..2).filter(|node| first_is_back || *node == 1).for_each(|node| network.give(node, fault(head)));
                let back = clock::timeout(Duration::from_secs(latest), followed(link, head + 1)).await;
                back.unwrap_or_else(|_| panic!("{:?} {first_is_back}: no block is followed", fault(head)));
                // Readers are told each block all the same, and of which of them nobody tells what it caused.
                for number in first..=head + 1 {
                    let block = blocks.next().await.unwrap();
                    assert_eq!(block.block.number, BlockNumber(number));
                    assert_eq!(
                        (block.extrinsics.len(), block.tells_all_events()),
                        (1, number >= head),
                        "{number} of {head}"
                    );
                }
            });
        }
    }
}
