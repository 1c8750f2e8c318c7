//! What is told of blocks of the past, and by whom, when nodes refuse it or lie.

use super::*;
use crate::{
    link::endurance::{over, over_archives},
    simulated::{Fault, Network},
};

/// What is said of the block by all who find it by its hash.
async fn said(link: &Link, hash: BlockHash) -> [Result<BlockRef, String>; 2] {
    let view = link.view_at(hash).await.map(|view| view.block());
    let block = link.block_by_hash(hash).await.map(|block| block.block);
    [view, block].map(|found| {
        found.map_err(|error| {
            assert!(matches!(error, ReadError::UnknownBlock { .. }), "{error:?}");
            error.to_string()
        })
    })
}

#[test]
fn by_a_hash_only_blocks_of_the_finalized_chain_are_found() {
    over(1, async |link, _| {
        let newest = link.finalized().unwrap().number.0;
        // In memory, and from the node.
        for number in [newest, newest - 1, 1] {
            let (number, hash) = (BlockNumber(number), Network::hash(number));
            assert_eq!(said(link, hash).await, [Ok(BlockRef { number, hash }), Ok(BlockRef { number, hash })]);
        }
        for number in [newest, newest - 1, 1] {
            let words = format!("on its finalized chain: block {number} of that is {}", Network::hash(number));
            for said in said(link, Network::orphan(number)).await {
                assert!(said.as_ref().is_err_and(|said| said.contains(&words)), "{said:?}");
            }
        }
        // The node has it, and may have another one in its place by the time that it is final.
        let best = link.best_view().await.unwrap().block();
        assert_eq!(best.number.0, newest + 2);
        for said in said(link, best.hash).await {
            let words = format!("block {}, and the newest finalized one is {newest}", best.number);
            assert!(said.as_ref().is_err_and(|said| said.contains(&words)), "{said:?}");
        }
    });
}

#[test]
fn no_runtime_is_said_to_have_executed_a_block_unless_that_is_known() {
    for nodes in [1, 2] {
        over_archives(nodes, async |link, network| {
            network.upgrade_at(network.height() + 1);
            while link.view().unwrap().runtime().spec_version() == 425 {
                clock::sleep(Duration::from_secs(1)).await;
            }
            network.give(0, Fault::Pruned(20));
            let block = link.block(BlockNumber(5)).await.unwrap();
            if nodes == 1 {
                // Nobody knows it, and the newest one may read everything as something else.
                assert_eq!((block.spec_version, block.tells_all_events()), (None, false));
                let words = block.illegible.first().unwrap().to_string();
                assert!(words.contains("State already discarded") && words.contains("spec 426"), "{words}");
            } else {
                assert_eq!((block.spec_version, block.illegible.as_slice()), (Some(425), [].as_slice()));
            }
            // The state before it is gone, and its own is there.
            let block = link.block(BlockNumber(20)).await.unwrap();
            assert_eq!((block.spec_version, block.illegible.as_slice()), (Some(425), [].as_slice()));
        });
    }
}

#[test]
fn what_the_followed_node_refuses_or_denies_of_an_old_block_is_read_from_an_archive() {
    for (fault, is_lie) in
        [(Fault::WithoutEvents, false), (Fault::Eventless, false), (Fault::OfAnother, true), (Fault::LeavesOut, true)]
    {
        for nodes in [1, 2] {
            over_archives(nodes, async |link, network| {
                network.give(0, fault);
                let told = link.block(BlockNumber(5)).await;
                match (nodes, told) {
                    (2, Ok(block)) => assert!(block.illegible.is_empty(), "{fault:?}: {:?}", block.illegible),
                    (1, Err(ReadError::Garbled { .. })) if is_lie => {}
                    (1, Ok(block)) if !is_lie => {
                        assert!(!block.tells_all_events() && block.events.is_empty(), "{fault:?}");
                        assert_eq!((block.extrinsics.len(), block.spec_version), (1, Some(425)));
                    }
                    (_, told) => panic!("{fault:?}: {told:?}"),
                }
            });
        }
    }
}

/// Nobody knows those words, and whoever has a cursor on those blocks gets past them.
#[test]
fn a_state_that_is_gone_in_words_of_its_own_stops_no_reader() {
    for nodes in [1, 2] {
        over_archives(nodes, async |link, network| {
            network.give(0, Fault::Cryptic(90));
            let (mut blocks, began) = (link.blocks_from(BlockNumber(1)), clock::now());
            for number in 1..=100 {
                let block = blocks.next().await.unwrap();
                assert_eq!((block.block.number.0, block.extrinsics.len()), (number, 1));
                let is_whole = nodes == 2 || number >= 90;
                assert_eq!(block.tells_all_events(), is_whole, "{number}: {:?}", block.illegible);
                // The state behind a block is that of the next one.
                assert_eq!(block.spec_version.is_some(), nodes == 2 || number >= 90, "{number}");
                let says_why = |part: &crate::Illegible| part.to_string().contains("no trie node 0x5a");
                assert!(is_whole || block.illegible.iter().any(says_why), "{number}: {:?}", block.illegible);
            }
            assert!(clock::since(began) < Duration::from_mins(2), "it took {:?}", clock::since(began));
        });
    }
}

#[test]
fn what_lacked_of_a_block_in_memory_is_asked_of_an_archive() {
    over_archives(2, async |link, network| {
        network.give(0, Fault::WithoutEvents);
        network.give(1, Fault::WithoutEvents);
        let number = BlockNumber(network.height() + 1);
        let mut states = link.state();
        let is_followed = |state: &LinkState| state.finalized().is_some_and(|seen| seen.block.number >= number);
        states.wait_for(is_followed).await.unwrap();
        let lacking = link.block(number).await.unwrap();
        assert!(!lacking.tells_all_events());
        network.give(1, Fault::None);
        // It was asked a moment ago.
        assert!(!link.block(number).await.unwrap().tells_all_events());
        clock::sleep(ASKED_AGAIN).await;
        let (one, two) = tokio::join!(link.block(number), link.block(number));
        for told in [one.unwrap(), two.unwrap()] {
            assert!(told.tells_all_events() && told.block == lacking.block, "{:?}", told.illegible);
        }
        network.give(1, Fault::Down);
        assert!(link.block(number).await.unwrap().tells_all_events(), "it is kept");
    });
}

#[test]
fn an_archive_that_is_silent_about_what_lacks_of_a_block_is_said_to_be() {
    for is_kept in [false, true] {
        over_archives(2, async |link, network| {
            network.give(0, Fault::WithoutEvents);
            if is_kept {
                assert!(link.block(BlockNumber(5)).await.unwrap().tells_all_events());
            }
            network.give(1, Fault::Mute);
            let number = BlockNumber(network.height() + 1);
            let mut states = link.state();
            let is_followed = |state: &LinkState| state.finalized().is_some_and(|seen| seen.block.number >= number);
            states.wait_for(is_followed).await.unwrap();
            assert!(!link.block(number).await.unwrap().tells_all_events());
            let status = link.endpoints().swap_remove(1);
            assert_eq!(status.trouble.map(|trouble| trouble.name()), Some("silent"), "{is_kept}");
        });
    }
}

#[test]
fn a_hash_of_another_block_is_not_believed() {
    for nodes in [1, 2] {
        over_archives(nodes, async |link, network| {
            network.give(0, Fault::Misnames(30));
            let number = BlockNumber(5);
            let view = link.view_of(number).await.map(|view| view.block());
            let block = link.block(number).await.map(|block| block.block);
            let hash = link.block_hash(number).await;
            if nodes == 2 {
                let right = BlockRef { number, hash: Network::hash(5) };
                assert_eq!((view, block, hash), (Ok(right), Ok(right), Ok(Some(right.hash))));
            } else {
                let is_said = |error: Option<ReadError>| {
                    error.is_some_and(|error| error.to_string().contains("the hash of block 6"))
                };
                let errors = [view.err(), block.err(), hash.err()];
                assert!(errors.clone().into_iter().all(is_said), "{errors:?}");
            }
        });
    }
}

#[test]
fn whoever_asks_for_what_nobody_keeps_is_told_the_oldest_block_that_there_is() {
    for (archive, oldest) in [(None, 90), (Some(50), 50), (Some(0), 0)] {
        over_archives(if archive.is_some() { 2 } else { 1 }, async |link, network| {
            network.give(0, Fault::Synced(90));
            if let Some(first) = archive {
                network.give(1, Fault::Synced(first));
            }
            let mut blocks = link.blocks_from(BlockNumber(5));
            let told = blocks.next().await;
            if oldest > 0 {
                let (block, oldest) = (BlockNumber(5), BlockNumber(oldest));
                let error = told.unwrap_err();
                assert_eq!(error, ReadError::NotKept { block, oldest: Some(oldest) });
                assert!(error.to_string().contains(&format!("block {oldest}; begin there")), "{error}");
                blocks = link.blocks_from(oldest);
            }
            for number in oldest.max(6)..=100 {
                let block = blocks.next().await.unwrap();
                assert_eq!((block.block.number.0, block.block.hash), (number, Network::hash(number)));
                // The runtime that executed the first one is in a state that is not there.
                assert!(number == oldest || block.illegible.is_empty(), "{number}: {:?}", block.illegible);
            }
        });
    }
}

#[test]
fn what_an_archive_says_of_a_runtime_is_not_the_word_of_the_followed_node() {
    over_archives(2, async |link, network| {
        let pallets = || link.view().unwrap().runtime().pallets().map(str::to_owned).collect::<Vec<_>>();
        let truth = pallets();
        network.give(0, Fault::Pruned(90));
        network.give(1, Fault::Foretells);
        assert_eq!(link.view_of(BlockNumber(5)).await.unwrap().runtime().spec_version(), 426);
        network.upgrade_at(network.height() + 1);
        while link.view().unwrap().runtime().spec_version() == 425 {
            clock::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(pallets(), truth);
    });
}

#[test]
fn a_refusal_is_no_reason_to_take_what_an_archive_has_of_a_block_without_its_events() {
    over_archives(2, async |link, network| {
        network.give(0, Fault::WithoutEvents);
        network.give(1, Fault::Pruned(u32::MAX));
        let well_again = async {
            clock::sleep(Duration::from_secs(4)).await;
            network.give(0, Fault::None);
        };
        let (told, ()) = tokio::join!(link.block(BlockNumber(5)), well_again);
        assert!(told.unwrap().illegible.is_empty());
        // If it lasts, that is said.
        network.give(0, Fault::Cryptic(90));
        let (told, began) = (link.block(BlockNumber(6)).await.unwrap(), clock::now());
        let says_why = |part: &crate::Illegible| part.to_string().contains("no trie node 0x5a");
        assert!(told.illegible.iter().any(says_why), "{:?}", told.illegible);
        // And of the next one at once.
        assert!(!link.block(BlockNumber(7)).await.unwrap().tells_all_events());
        assert!(clock::since(began) < Duration::from_secs(2));
    });
}

#[test]
fn a_block_that_is_final_already_and_about_to_be_followed_is_waited_for() {
    over(1, async |link, network| {
        for _ in 0..10 {
            let number = BlockNumber(network.height() + 1);
            while network.height() < number.0 {
                clock::sleep(Duration::from_millis(100)).await;
            }
            // Whoever is told of it by the node at once asks for it here.
            assert!(link.finalized().unwrap().number < number);
            let hash = Network::hash(number.0);
            assert_eq!(said(link, hash).await, [Ok(BlockRef { number, hash }), Ok(BlockRef { number, hash })]);
        }
    });
}

#[test]
fn a_block_of_the_past_is_judged_by_the_runtime_that_executed_it() {
    over(1, async |link, network| {
        let executed_by = async |number: u32| {
            let block = link.block(BlockNumber(number)).await.unwrap();
            link.runtime_that_executed(&block).await.unwrap().spec_version()
        };
        let last = link.finalized().unwrap().number.0;
        network.upgrade_at(last + 1);
        while link.finalized().unwrap().number.0 < last + 2 {
            clock::sleep(Duration::from_secs(1)).await;
        }
        // What a block puts there executes the next one. The second of them is not in memory.
        for (number, spec_version) in [(last, 425), (5, 425), (last + 1, 425), (last + 2, 426)] {
            assert_eq!(executed_by(number).await, spec_version, "block {number}");
        }
        // In memory, and by a runtime that nobody tells any more.
        let block = link.block(BlockNumber(last)).await.unwrap();
        network.give(0, Fault::Pruned(last + 1));
        let gone = link.runtime_that_executed(&block).await.map(|runtime| runtime.spec_version());
        assert!(matches!(gone, Err(ReadError::Pruned { .. })), "{gone:?}");
    });
}
