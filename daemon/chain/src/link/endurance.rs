//! What the link promises of hours and of seconds, on a clock of its own and with the usual configuration:
//! no block comes late because an endpoint misbehaves, an outage makes no storm, and what is old is said
//! to be.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use btd_api::{AccountId, BlockNumber};

mod untold;

use super::{Finality, Link, LinkConfig, LinkState, link_over};
use crate::{
    ConnectError, Era, ExtrinsicHash, ReadError, SignedExtrinsic, SubmitError, Tracked, clock,
    simulated::{self, Fault, Network},
};

/// A block is followed so long after it was made at the latest, whatever befalls the endpoint in use.
pub(super) const LATEST: Duration = Duration::from_secs(15);
pub(super) const BLOCK: Duration = Duration::from_secs(12);

/// Runs `story` over so many nodes.
pub(super) fn over<T>(nodes: usize, story: impl AsyncFnOnce(&Link, &Network) -> T) -> T {
    with(nodes, |config| config, story)
}

/// The same where the nodes behind the first are its archives.
pub(super) fn over_archives<T>(nodes: usize, story: impl AsyncFnOnce(&Link, &Network) -> T) -> T {
    with_config(nodes, Network::config_with_archives, story)
}

/// The same with another configuration.
pub(super) fn with<T>(
    nodes: usize,
    configure: impl Fn(LinkConfig) -> LinkConfig,
    story: impl AsyncFnOnce(&Link, &Network) -> T,
) -> T {
    with_config(nodes, |network| configure(network.config()), story)
}

pub(super) fn with_config<T>(
    nodes: usize,
    config: impl Fn(&Network) -> LinkConfig,
    story: impl AsyncFnOnce(&Link, &Network) -> T,
) -> T {
    simulated::run(async {
        let network = Network::of(nodes);
        let (link, follower) = link_over(Box::new(network.clone()), config(&network)).unwrap();
        let stop = tokio_util::sync::CancellationToken::new();
        tokio::select! {
            () = follower.run(stop) => panic!("nobody has stopped it"),
            told = async {
                followed(&link, 100).await;
                story(&link, &network).await
            } => told,
        }
    })
}

/// Waits until this block of the chain that everybody else has is followed, and says when that was.
pub(super) async fn followed(link: &Link, number: u32) -> Instant {
    let mut states = link.state();
    let is_there = |state: &LinkState| {
        let newest = state.finalized().filter(|_| state.is_live());
        newest
            .is_some_and(|seen| seen.block.number.0 >= number && seen.block.hash == Network::hash(seen.block.number.0))
    };
    states.wait_for(is_there).await.unwrap();
    clock::now()
}

/// What is told of the first endpoint within the next `blocks` blocks, and the longest that one of them took
/// from when it was made to when it was followed.
pub(super) async fn watch(link: &Link, network: &Network, blocks: u32) -> (BTreeSet<&'static str>, Duration) {
    let (mut troubles, mut latest) = (BTreeSet::new(), Duration::ZERO);
    let first = network.height() + 1;
    for number in first..first + blocks {
        while network.height() < number {
            troubles.extend(link.endpoints()[0].trouble.as_ref().map(ConnectError::name));
            clock::sleep(Duration::from_millis(100)).await;
        }
        let made = clock::now();
        latest = latest.max(followed(link, number).await - made);
    }
    (troubles, latest)
}

/// What happens at a block, and what the endpoint may then be called.
type Case = (fn(u32) -> Fault, &'static [&'static str]);

#[test]
fn no_block_comes_late_whatever_befalls_the_endpoint_in_use() {
    // Where there are several names, whichever shows first.
    let faults: [Case; 16] = [
        (|_| Fault::HalfOpen, &["silent", "behind"]),
        (|_| Fault::Down, &["cut"]),
        (|_| Fault::Nameless { resolver_answers: true }, &["cut", "unresolved"]),
        (|_| Fault::Nameless { resolver_answers: false }, &["cut", "unresolved"]),
        (Fault::Lags, &["behind"]),
        (|n| Fault::Forks(n + 1), &["forked"]),
        (|_| Fault::OtherGenesis, &["wrong-genesis"]),
        (|_| Fault::Spec(143), &["old-runtime"]),
        (|_| Fault::TooMany, &["rate-limited"]),
        (|_| Fault::Oversized, &["oversized"]),
        (|_| Fault::WithoutEvents, &["unusable"]),
        (|_| Fault::Eventless, &["unusable"]),
        (|_| Fault::OfAnother, &["unusable"]),
        (|_| Fault::LeavesOut, &["unusable"]),
        (|_| Fault::Slow(4), &["behind", "silent", "slow"]),
        (|_| Fault::Slow(8), &["behind", "silent", "slow"]),
    ];
    for (fault, names) in faults {
        // At other moments between two blocks, and between two looks at another endpoint.
        for moment in 0..8 {
            let (troubles, latest) = over(3, async |link, network| {
                clock::sleep(Duration::from_millis(40_000 + 1_500 * moment)).await;
                network.give(0, fault(network.height()));
                watch(link, network, 12).await
            });
            assert!(latest <= LATEST, "{names:?} at {moment}: a block was followed {latest:?} after it was made");
            assert!(names.iter().any(|name| troubles.contains(name)), "{names:?} at {moment}: {troubles:?}");
        }
    }
}

#[test]
fn an_endpoint_whose_name_is_not_found_is_said_to_be_one() {
    for (resolver_answers, reason) in [(true, "Name or service not known"), (false, "no answer within")] {
        over(2, async |link, network| {
            network.give(0, Fault::Nameless { resolver_answers });
            watch(link, network, 3).await;
            let trouble = link.endpoints()[0].trouble.clone().unwrap();
            assert_eq!(trouble.name(), "unresolved");
            let words = trouble.to_string();
            assert!(words.contains("`node-0`") && words.contains(reason), "{words}");
            // It is gone back to once its name is found again.
            network.give(0, Fault::None);
            clock::sleep(Duration::from_mins(5)).await;
            assert_eq!(link.endpoints()[0].trouble, None);
        });
    }
}

#[test]
fn one_that_turns_requests_away_is_said_to_whenever_it_is_visited() {
    for _ in 0..12 {
        over(2, async |link, network| {
            network.give(1, Fault::Full);
            // The more often it turns requests away the more seldom it is asked, which is not its silence.
            for _ in 0..10 {
                let (troubles, latest) = watch(link, network, 4).await;
                assert!(latest <= LATEST && troubles.is_empty(), "{latest:?} {troubles:?}");
                assert_eq!(link.endpoints()[1].trouble.as_ref().map(ConnectError::name), Some("rate-limited"));
            }
        });
    }
}

#[test]
fn a_submission_that_is_turned_away_was_sent_all_the_same() {
    let bytes = vec![0; 8];
    let (hash, signer) = (ExtrinsicHash::of(&bytes), AccountId([1; 32]));
    let extrinsic = SignedExtrinsic { bytes, hash, signer, nonce: 0, era: Era::Immortal, spec_version: 425 };
    over(1, async |link, network| {
        network.give(0, Fault::Full);
        // A proxy may have said so for a node that took it, and would refuse the next one: nothing is repeated here.
        let before = network.requests();
        let told = link.submit(&extrinsic).await;
        assert_eq!(network.requests() - before, 1);
        assert!(matches!(&told, Err(SubmitError::Refused(refusal)) if refusal.code == 429), "{told:?}");
    });
}

#[test]
fn one_that_is_slow_and_not_in_use_is_well() {
    over(2, async |link, network| {
        network.give(1, Fault::Slow(3));
        for _ in 0..100 {
            watch(link, network, 1).await;
            let standby = &link.endpoints()[1];
            assert_eq!((&standby.trouble, standby.failures), (&None, 0));
        }
        assert!(link.endpoints()[1].finalized.is_some(), "nobody has visited it");
    });
}

#[test]
fn a_fault_that_comes_while_another_lasts_makes_no_block_late_either() {
    let latest = over(3, async |link, network| {
        network.give(0, Fault::HalfOpen);
        let (_, first) = watch(link, network, 5).await;
        network.give(1, Fault::Down);
        let (_, second) = watch(link, network, 5).await;
        network.give(0, Fault::None);
        network.give(2, Fault::Lags(network.height()));
        let (_, third) = watch(link, network, 20).await;
        [first, second, third]
    });
    assert!(latest.iter().all(|latest| *latest <= LATEST), "{latest:?}");
}

#[test]
fn one_that_says_nothing_does_not_hold_up_the_look_at_another() {
    for (silent, fault) in [(1, Fault::HalfOpen), (2, Fault::HalfOpen), (1, Fault::Mute), (2, Fault::Mute)] {
        for moment in 0..16 {
            let (_, latest) = over(3, async |link, network| {
                network.give(silent, fault);
                clock::sleep(Duration::from_millis(40_000 + 2_300 * moment)).await;
                network.give(0, Fault::Lags(network.height()));
                watch(link, network, 6).await
            });
            assert!(
                latest <= LATEST,
                "{silent} {fault:?} at {moment}: a block was followed {latest:?} after it was made"
            );
        }
    }
}

#[test]
fn a_runtime_that_is_swapped_delays_nothing() {
    over(3, async |link, network| {
        let at = network.height() + 3;
        network.upgrade_at(at);
        let (troubles, latest) = watch(link, network, 6).await;
        assert!(latest <= Duration::from_secs(2) && troubles.is_empty(), "{latest:?} {troubles:?}");
        let spec = async |number| link.block(BlockNumber(number)).await.unwrap().spec_version;
        // The block that brings an upgrade is the old runtime's last.
        assert_eq!((spec(at).await, spec(at + 1).await), (Some(425), Some(426)));
        assert_eq!(link.view().unwrap().runtime().spec_version(), 426);
    });
}

#[test]
fn a_chain_that_may_go_back_may_go_back_to_an_older_runtime() {
    let revocable = |config| LinkConfig { finality: Finality::Revocable, ..config };
    with(1, revocable, async |link, network| {
        network.give(0, Fault::Spec(143));
        followed(link, network.height() + 2).await;
        assert_eq!(link.view().unwrap().runtime().spec_version(), 143);
    });
}

#[test]
fn one_liar_about_the_runtime_keeps_nobody_from_the_others() {
    let latest = over(2, async |link, network| {
        network.give(0, Fault::Spec(999));
        followed(link, network.height() + 2).await;
        assert_eq!(link.view().unwrap().runtime().spec_version(), 999);
        network.give(0, Fault::Down);
        let (_, latest) = watch(link, network, 5).await;
        assert_eq!(link.view().unwrap().runtime().spec_version(), 425);
        latest
    });
    assert!(latest <= LATEST, "{latest:?}");
}

#[test]
fn a_lie_about_metadata_is_believed_of_no_other_endpoint() {
    over(2, async |link, network| {
        let pallets = || link.view().unwrap().runtime().pallets().map(str::to_owned).collect::<Vec<_>>();
        let truth = pallets();
        network.give(0, Fault::FalseMetadata);
        let upgraded = network.height() + 2;
        network.upgrade_at(upgraded);
        followed(link, upgraded + 2).await;
        assert_ne!(pallets(), truth);
        network.give(0, Fault::Down);
        let (_, latest) = watch(link, network, 2).await;
        assert!(latest <= LATEST, "{latest:?}");
        let view = link.view().unwrap();
        assert_eq!((view.runtime().spec_version(), pallets()), (426, truth.clone()));
        // Nor of the blocks that the liar brought.
        let then = link.view_of(BlockNumber(upgraded)).await.unwrap();
        assert!(then.runtime().pallets().eq(&truth));
    });
}

#[test]
fn nothing_of_a_block_is_made_up_or_left_out_because_an_endpoint_does_not_tell_it() {
    // Whether the blocks are told all the same when nobody else can be asked: not where they are lies.
    let cases = [
        (Fault::WithoutEvents, "it refused a block's events: busy", true),
        (Fault::Eventless, "none, though there are 1 extrinsics in the block", true),
        (Fault::OfAnother, "a header that has the hash", false),
        (Fault::LeavesOut, "0 extrinsics that are not those of its header", false),
    ];
    for (fault, words, is_told) in cases {
        for nodes in [1, 2] {
            over(nodes, async |link, network| {
                let mut blocks = link.blocks();
                let first = blocks.cursor().unwrap().0;
                network.give(0, fault);
                let mut troubles = BTreeSet::new();
                while network.height() < first + 5 {
                    let trouble = link.endpoints()[0].trouble.clone();
                    troubles.extend(trouble.map(|trouble| (trouble.name(), trouble.to_string())));
                    clock::sleep(Duration::from_millis(100)).await;
                }
                assert!(
                    troubles.iter().any(|(name, said)| *name == "unusable" && said.contains(words)),
                    "{troubles:?}"
                );
                let newest = link.finalized().unwrap().number.0;
                let is_followed = newest + 1 >= network.height();
                assert_eq!(is_followed, nodes == 2 || is_told, "{fault:?}: block {newest} was followed");
                if is_followed {
                    let block = link.block(BlockNumber(newest)).await.unwrap();
                    let lacking: Vec<String> = block.illegible.iter().map(ToString::to_string).collect();
                    assert_eq!(block.tells_all_events(), nodes == 2, "{fault:?}: {lacking:?}");
                    assert!(nodes == 2 || lacking.iter().any(|said| said.contains(words)), "{fault:?}: {lacking:?}");
                    // What is in it is told, so that whoever sent it finds it.
                    let hash = block.extrinsics[0].hash;
                    let fate = link.track(hash, BlockNumber(newest), Some(BlockNumber(newest))).await.unwrap();
                    assert_eq!(matches!(fate, Tracked::Included(_)), nodes == 2, "{fate:?}");
                    assert_eq!(matches!(fate, Tracked::IncludedUnseen(_)), nodes == 1, "{fate:?}");
                }
                network.give(0, Fault::None);
                followed(link, network.height() + 1).await;
                for number in first..=network.height() {
                    let block = blocks.next().await.unwrap();
                    assert_eq!((block.block.number.0, block.block.hash), (number, Network::hash(number)));
                    assert!(block.illegible.is_empty(), "{fault:?}: {:?}", block.illegible);
                }
            });
        }
    }
}

#[test]
fn an_hour_of_outage_is_no_storm_and_loses_no_block() {
    for (nodes, fault) in [(1, Fault::Down), (3, Fault::Down), (3, Fault::HalfOpen), (3, Fault::TooMany)] {
        over(nodes, async |link, network| {
            clock::sleep(BLOCK * 3).await;
            let mut blocks = link.blocks();
            let first = blocks.cursor().unwrap().0;
            (0..nodes).for_each(|node| network.give(node, fault));
            clock::sleep(Duration::from_mins(2)).await;
            let (dials, requests) = (network.dials(), network.requests());
            clock::sleep(Duration::from_mins(58)).await;
            let (dials, requests) = (network.dials() - dials, network.requests() - requests);
            // A rest is between fifteen and thirty seconds by then. It is not given up either.
            let each = dials / u32::try_from(nodes).unwrap();
            assert!((58..=58 * 4).contains(&each), "{fault:?}: {dials} connections to {nodes} nodes");
            assert_eq!(requests, 0, "{fault:?}: nobody was there to be asked");
            assert!(link.is_stale() && matches!(link.view(), Err(ReadError::NotConnected { .. })));

            (0..nodes).for_each(|node| network.give(node, Fault::None));
            let back = clock::now();
            let newest = followed(link, network.height()).await;
            // One that is silent may have been asked just before.
            assert!(newest - back <= Duration::from_secs(36), "{fault:?}: back after {:?}", newest - back);
            assert!(!link.is_stale());
            let last = network.height();
            assert!(last - first > 290, "an hour has 300 blocks");
            let asked = network.requests();
            for number in first..=last {
                let block = blocks.next().await.unwrap();
                assert_eq!((block.block.number.0, block.block.hash), (number, Network::hash(number)));
                assert_eq!(block.parent, Network::hash(number - 1));
            }
            let asked = network.requests() - asked;
            assert!(asked <= 5 * 310, "{asked} requests for {} blocks", last - first);
        });
    }
}

#[test]
fn what_is_old_is_said_to_be_until_a_block_comes() {
    for nodes in [1, 3] {
        over(nodes, async |link, network| {
            clock::sleep(BLOCK * 2).await;
            network.halt();
            let last = link.state().borrow().finalized().unwrap().at;
            let (dials, requests) = (network.dials(), network.requests());
            while clock::since(last) <= BLOCK * 5 {
                assert!(!link.is_stale(), "said {:?} after the last block", clock::since(last));
                clock::sleep(Duration::from_millis(250)).await;
            }
            // Connections are made anew meanwhile, and answer: that is no block.
            for _ in 0..4 * 60 * 60 {
                assert!(link.is_stale(), "taken back {:?} after the last block", clock::since(last));
                clock::sleep(Duration::from_millis(250)).await;
            }
            let (dials, requests) = (network.dials() - dials, network.requests() - requests);
            assert!(dials <= 2_000 && requests <= 12_000, "{dials} connections, {requests} requests in an hour");
            network.go_on();
            followed(link, network.height() + 1).await;
            assert!(!link.is_stale());
        });
    }
}

#[test]
fn a_hundred_drops_lose_no_block_and_double_none() {
    over(2, async |link, network| {
        let mut blocks = link.blocks();
        let first = blocks.cursor().unwrap().0;
        for drop in 0_u64..100 {
            let nodes: &[usize] = if drop % 3 == 0 { &[0, 1] } else { &[0] };
            for node in nodes {
                network.give(*node, Fault::Down);
            }
            clock::sleep(Duration::from_millis(700 * (drop % 40))).await;
            for node in nodes {
                network.give(*node, Fault::None);
            }
            clock::sleep(Duration::from_millis(900 * (drop % 23))).await;
        }
        let last = network.height();
        followed(link, last).await;
        for number in first..=last {
            let block = blocks.next().await.unwrap();
            assert_eq!((block.block.number.0, block.block.hash), (number, Network::hash(number)));
        }
        assert!(last - first > 150, "{} blocks came meanwhile", last - first);
    });
}
