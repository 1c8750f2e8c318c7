//! What a reader of blocks is told when they were false, were replaced, or cannot be had.

use std::collections::BTreeSet;

use super::*;
use crate::{
    LinkConfig,
    link::endurance::{BLOCK, followed, over, with},
    simulated::{Fault, Network},
};

/// Reads up to block `last` of the chain that everybody else has, and tells what was said to be replaced: the first, and
/// the block that was to come next. Whatever is told follows on what was told before it.
async fn read_to(blocks: &mut BlockStream, last: u32) -> (Vec<(u32, u32)>, Vec<BlockRef>) {
    let (mut replaced, mut told): (Vec<(u32, u32)>, Vec<BlockRef>) = (Vec::new(), Vec::new());
    loop {
        let next = blocks.cursor();
        match blocks.next().await {
            Ok(block) => {
                assert_eq!(Some(block.block.number), next);
                if let Some(before) = told.last().filter(|before| before.number.0 + 1 == block.block.number.0) {
                    assert_eq!(block.parent, before.hash, "block {}", block.block.number);
                }
                told.push(block.block);
            }
            Err(ReadError::TakenBack { first, .. }) => {
                assert_eq!(blocks.cursor(), Some(first));
                told.retain(|block| block.number < first);
                replaced.push((first.0, next.unwrap().0));
            }
            Err(other) => panic!("{other}"),
        }
        let is_there = told.last().is_some_and(|newest| newest.number.0 == last);
        if is_there && told.iter().all(|block| block.hash == Network::hash(block.number.0)) {
            return (replaced, told);
        }
    }
}

fn numbers(told: &[BlockRef]) -> Vec<u32> {
    told.iter().map(|block| block.number.0).collect()
}

#[test]
fn blocks_that_were_false_are_said_to_be_replaced_and_those_in_their_place_are_all_told() {
    // How many false blocks are followed before the others are heard.
    for (nodes, then) in [(3, Fault::Down), (3, Fault::None), (1, Fault::None)] {
        over(nodes, async |link, network| {
            let begun = network.height() - 5;
            let (mut quick, mut slow) = (link.blocks_from(BlockNumber(begun)), link.blocks_from(BlockNumber(begun)));
            let mut ahead = link.blocks_from(BlockNumber(begun + 40));
            let forked = network.height() + 1;
            network.give(0, Fault::Forks(forked));
            for number in begun..=forked {
                let block = quick.next().await.unwrap().block;
                assert_eq!((block.number.0, block.hash == Network::hash(number)), (number, number < forked));
            }
            for number in begun..begun + 3 {
                assert_eq!(slow.next().await.unwrap().block.hash, Network::hash(number));
            }
            let mut waiting = link.blocks();
            // The false block was read in part, and so was the one before it.
            let mut begun_false = link.blocks_from(BlockNumber(forked)).begun();
            let mut begun_true = link.blocks_from(BlockNumber(forked - 1)).begun();
            network.give(0, then);
            let last = network.height() + 20;
            let (replaced, told) = read_to(&mut quick, last).await;
            let (first, next) = replaced[0];
            assert_eq!((replaced.len(), first), (1, forked), "{nodes} {then:?}: {replaced:?}");
            assert!(next > forked);
            assert_eq!(numbers(&told), (forked..=last).collect::<Vec<_>>(), "{nodes} {then:?}");
            let (replaced, told) = read_to(&mut begun_false, last).await;
            assert_eq!((replaced, told[0].number.0), (vec![(forked, forked)], forked), "{nodes} {then:?}");
            let (replaced, told) = read_to(&mut begun_true, last).await;
            assert_eq!((replaced, told[0].number.0), (vec![], forked - 1), "{nodes} {then:?}");
            // Whoever waits for what comes behind it is told as well; whoever had not come so far misses nothing.
            let (replaced, told) = read_to(&mut waiting, last).await;
            assert_eq!((replaced, told[0].number.0), (vec![(forked, forked + 1)], forked), "{nodes} {then:?}");
            let (replaced, told) = read_to(&mut slow, last).await;
            assert_eq!((replaced, numbers(&told)), (vec![], (begun + 3..=last).collect()), "{nodes} {then:?}");
            followed(link, begun + 41).await;
            let (replaced, told) = read_to(&mut ahead, begun + 41).await;
            assert_eq!((replaced, numbers(&told)), (vec![], vec![begun + 40, begun + 41]), "{nodes} {then:?}");
        });
    }
}

/// No block that was followed before is known to be of the chain, so that nothing that was told is.
#[test]
fn where_nothing_is_known_to_be_shared_everything_is_told_anew() {
    crate::simulated::run(async {
        let network = Network::of(3);
        network.give(0, Fault::Invents { from: 96, to: 5_000 });
        let (link, follower) = crate::link::link_over(Box::new(network.clone()), network.config()).unwrap();
        let story = async {
            let mut states = link.state();
            states.wait_for(crate::LinkState::is_live).await.unwrap();
            let mut blocks = link.blocks_from(BlockNumber(90));
            for number in 90..120 {
                let hash = blocks.next().await.unwrap().block.hash;
                assert_eq!(hash == Network::hash(number), number < 96);
            }
            network.give(0, Fault::None);
            followed(&link, network.height() + 1).await;
            let (replaced, told) = read_to(&mut blocks, 105).await;
            assert_eq!(replaced, [(90, 120)]);
            assert_eq!(numbers(&told), (90..=105).collect::<Vec<_>>());
        };
        tokio::select! {
            () = follower.run(tokio_util::sync::CancellationToken::new()) => panic!("nobody has stopped it"),
            () = story => {}
        }
    });
}

/// The endpoint has begun on another history, and nobody has found that out yet.
#[test]
fn a_block_that_does_not_follow_on_the_one_before_it_is_not_told() {
    let few = |config| LinkConfig { recent_blocks: 1, ..config };
    with(1, few, async |link, network| {
        let mut blocks = link.blocks_from(BlockNumber(50));
        for number in 50..60 {
            assert_eq!(blocks.next().await.unwrap().block.hash, Network::hash(number));
        }
        network.halt();
        network.give(0, Fault::Forks(55));
        let began = clock::now();
        let told = blocks.next().await;
        assert!(matches!(&told, Err(ReadError::Garbled { what, .. }) if what == "block 60"), "{told:?}");
        assert!(clock::since(began) >= PATIENCE && clock::since(began) <= PATIENCE * 2);
        network.give(0, Fault::None);
        assert_eq!(blocks.next().await.unwrap().block.hash, Network::hash(60));
    });
}

/// The link is well, and answers nothing but this.
#[test]
fn a_block_that_cannot_be_had_for_long_is_said_to_be_one() {
    over(1, async |link, network| {
        let mut blocks = link.blocks_from(BlockNumber(20));
        let hindrance = blocks.hindrance();
        blocks.next().await.unwrap();
        network.give(0, Fault::Withholds(21));
        let mut said = BTreeSet::new();
        let reading = async {
            let read = blocks.next().await.unwrap().block;
            assert_eq!((read.number.0, read.hash), (21, Network::hash(21)));
        };
        let looking = async {
            let begun = clock::now();
            while clock::since(begun) < BLOCK * 10 {
                clock::sleep(Duration::from_secs(1)).await;
                assert!(link.state().borrow().is_live(), "the link goes on");
                let now = hindrance.borrow().clone();
                let is_late = clock::since(begun) >= Duration::from_secs(25);
                assert!(now.is_some() || !is_late, "nothing is said after {:?}", clock::since(begun));
                said.extend(now.map(|hindrance| (hindrance.block.0, hindrance.error.to_string())));
            }
            network.give(0, Fault::None);
        };
        tokio::join!(reading, looking);
        let words = format!("block {} was not answered within 20s", Network::hash(21));
        assert_eq!(said, BTreeSet::from([(21, words)]));
        assert_eq!(*hindrance.borrow(), None);
    });
}
