//! What stands behind one node of one's own when the chain turns out to be a public one, on a clock of its own.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use btd_api::{BlockHash, BlockNumber};

mod parting;

use super::{
    Link, LinkConfig, LinkState, PublicNetwork,
    endurance::{BLOCK, LATEST, followed, watch, with_config},
    link_over,
};
use crate::{
    ConnectError, Endpoint, clock,
    simulated::{self, Fault, Network},
};

/// Follows the first of three nodes, where the second and the third are known to be of the network with this block 0:
/// the third as an archive.
fn over_own<T>(genesis: impl Fn() -> BlockHash, fallback: bool, story: impl AsyncFnOnce(&Link, &Network) -> T) -> T {
    let node = |index: usize| vec![format!("ws://node-{index}").into()];
    let config = |_: &Network| LinkConfig {
        endpoints: node(0),
        fallback,
        public: vec![PublicNetwork { genesis: genesis(), endpoints: node(1), archives: node(2) }],
        ..LinkConfig::default()
    };
    with_config(3, config, story)
}

fn main_chain() -> BlockHash {
    Network::hash(0)
}

fn names(link: &Link) -> Vec<(String, bool)> {
    link.endpoints().into_iter().map(|status| (status.endpoint, status.is_archive)).collect()
}

fn active(link: &Link) -> String {
    link.connection().unwrap().endpoint().to_owned()
}

#[test]
fn the_public_nodes_take_over_from_one_own_node_and_give_back() {
    for (fault, trouble) in [(Fault::Down, "cut"), (Fault::HalfOpen, "silent"), (Fault::Lags(103), "behind")] {
        over_own(main_chain, true, async |link, network| {
            assert_eq!(
                names(link),
                [("ws://node-0".into(), false), ("ws://node-1".into(), false), ("ws://node-2".into(), true)]
            );
            assert_eq!(active(link), "ws://node-0");
            clock::sleep(Duration::from_secs(40)).await;
            network.give(0, fault);
            let (troubles, latest) = watch(link, network, 4).await;
            assert!(latest <= LATEST, "{fault:?}: a block was followed {latest:?} after it was made");
            assert!(troubles.contains(trouble), "{fault:?}: {troubles:?}");
            assert_eq!(active(link), "ws://node-1");
            network.give(0, Fault::None);
            clock::sleep(Duration::from_mins(5)).await;
            assert_eq!(active(link), "ws://node-0", "{fault:?}");
            // The one that stands by is looked at.
            assert!(link.endpoints()[1].finalized.is_some_and(|seen| seen.block.number.0 + 5 > network.height()));
        });
    }
}

#[test]
fn the_public_archive_tells_what_the_own_node_keeps_no_more() {
    over_own(main_chain, true, async |link, network| {
        network.give(0, Fault::Pruned(u32::MAX));
        let view = link.view_of(BlockNumber(5)).await.unwrap();
        assert_eq!(view.block().hash, Network::hash(5));
        assert!(link.endpoints()[2].requests > 0);
    });
}

#[test]
fn a_chain_of_ones_own_is_followed_alone() {
    let other = || BlockHash([7; 32]);
    for (genesis, fallback) in [(&other as &dyn Fn() -> BlockHash, true), (&main_chain, false)] {
        over_own(genesis, fallback, async |link, network| {
            assert_eq!(names(link), [("ws://node-0".into(), false)]);
            let dials = network.dials();
            clock::sleep(Duration::from_mins(10)).await;
            assert_eq!(network.dials(), dials, "nobody else is asked");
            network.give(0, Fault::Down);
            clock::sleep(Duration::from_mins(1)).await;
            assert!(
                link.state()
                    .borrow()
                    .cause()
                    .is_some_and(|cause| matches!(cause, ConnectError::Cut { .. } | ConnectError::Unreachable { .. }))
            );
        });
    }
}

/// The first of four nodes, behind which the others join.
fn before_three() -> LinkConfig {
    let nodes =
        |indices: Range<usize>| -> Vec<Endpoint> { indices.map(|index| format!("ws://node-{index}").into()).collect() };
    LinkConfig {
        endpoints: nodes(0..1),
        public: vec![PublicNetwork { genesis: main_chain(), endpoints: nodes(1..4), archives: Vec::new() }],
        ..LinkConfig::default()
    }
}

/// The story begins when the history of the first node has left that of the others, at the block that is told.
fn over_fork<T>(story: impl AsyncFnOnce(&Link, &Network, u32) -> T) -> T {
    with_config(
        4,
        |_| before_three(),
        async |link, network| {
            clock::sleep(BLOCK * 3).await;
            let forked = network.height() + 1;
            network.give(0, Fault::Forks(forked));
            on_branch(link, forked, forked).await;
            story(link, network, forked).await
        },
    )
}

/// The story begins when the first of four nodes is followed, which says that it stands alone.
fn over_alone(config: LinkConfig, story: impl AsyncFnOnce(&Link, &Network)) {
    simulated::run(async {
        let network = Network::of(4);
        network.give(0, Fault::Alone);
        let (link, follower) = link_over(Box::new(network.clone()), config).unwrap();
        let story = async {
            followed(&link, 100).await;
            story(&link, &network).await;
        };
        tokio::select! {
            () = follower.run(tokio_util::sync::CancellationToken::new()) => panic!("nobody has stopped it"),
            () = story => {}
        }
    });
}

/// It may have made no block of its own yet, and then has none that the others lack. Its block 0 is the network's, also
/// where that was named beforehand.
#[test]
fn nobody_joins_a_node_that_says_that_it_stands_alone() {
    for genesis in [None, Some(main_chain())] {
        over_alone(LinkConfig { genesis, ..before_three() }, async |link, network| {
            assert_eq!(names(link), [("ws://node-0".into(), false)]);
            network.give(0, Fault::Down);
            clock::sleep(Duration::from_mins(10)).await;
            assert_eq!(names(link), [("ws://node-0".into(), false)]);
            assert!(link.finalized().unwrap().number.0 <= 101);
            // Once it is one of many they do.
            network.give(0, Fault::None);
            followed(link, network.height()).await;
            assert_eq!(names(link).len(), 4);
        });
    }
}

/// That they have company themselves is no reason for others to stand behind it.
#[test]
fn nobody_joins_a_node_that_stands_alone_on_the_word_of_one_that_is_not_followed() {
    let node = |index: usize| -> Vec<Endpoint> { vec![format!("ws://node-{index}").into()] };
    let config = LinkConfig {
        own: node(0),
        endpoints: node(1),
        archives: node(2),
        public: vec![PublicNetwork { genesis: main_chain(), endpoints: node(3), archives: Vec::new() }],
        ..LinkConfig::default()
    };
    over_alone(config, async |link, network| {
        network.give(0, Fault::Pruned(90));
        assert_eq!(link.view_of(BlockNumber(5)).await.unwrap().block().hash, Network::hash(5));
        network.give(0, Fault::Alone);
        clock::sleep(Duration::from_mins(5)).await;
        let endpoints = link.endpoints();
        assert!(endpoints[1].requests > 0 && endpoints[2].requests > 0, "{endpoints:?}");
        assert_eq!((names(link).len(), active(link)), (3, "ws://node-0".into()));
        // One that is not gone on with, because it is behind, says nothing about that either.
        network.give(1, Fault::Lags(network.height() - 10));
        network.give(0, Fault::Down);
        clock::sleep(Duration::from_mins(1)).await;
        assert_eq!(link.endpoints()[1].trouble.as_ref().map(ConnectError::name), Some("behind"));
        assert_eq!(names(link).len(), 3);
        // Nor does one that has more blocks, and others.
        network.give(1, Fault::Forks(network.height() - 10));
        clock::sleep(Duration::from_mins(5)).await;
        assert_eq!(link.endpoints()[1].trouble.as_ref().map(ConnectError::name), Some("forked"));
        assert_eq!(names(link).len(), 3);
        // One that is followed may say so.
        network.give(1, Fault::None);
        followed(link, network.height() + 1).await;
        assert_eq!((names(link).len(), active(link)), (4, "ws://node-1".into()));
    });
}

/// Waits until block `number` of the branch is followed.
async fn on_branch(link: &Link, number: u32, forked: u32) {
    let mut states = link.state();
    let is_there = |state: &LinkState| {
        let newest = state.finalized().filter(|_| state.is_live()).map(|seen| seen.block);
        newest.is_some_and(|block| block.number.0 >= number && block.hash == Network::branch(block.number.0, forked))
    };
    states.wait_for(is_there).await.unwrap();
}

/// Waits until the first node is seen to have another history.
async fn called_forked(link: &Link) {
    let is_seen = async {
        while link.endpoints()[0].trouble.as_ref().map(ConnectError::name) != Some("forked") {
            clock::sleep(Duration::from_millis(500)).await;
        }
    };
    let seen = clock::timeout(Duration::from_mins(2), is_seen).await;
    assert!(seen.is_ok(), "{:?}", link.endpoints());
}

/// That for so long nothing but the branch is followed, and what the link's causes were called meanwhile.
async fn stays_on_branch(link: &Link, forked: u32, long: Duration) -> BTreeSet<&'static str> {
    let (begun, mut causes) = (clock::now(), BTreeSet::new());
    while clock::since(begun) < long {
        let block = link.finalized().expect("the history of the own node is given up");
        assert_eq!(block.hash, Network::branch(block.number.0, forked), "block {}", block.number);
        causes.extend(link.state().borrow().cause().map(ConnectError::name));
        clock::sleep(Duration::from_millis(500)).await;
    }
    causes
}

#[test]
fn nodes_that_joined_do_not_outvote_the_one_behind_which_they_stand() {
    over_fork(async |link, network, forked| {
        let causes = stays_on_branch(link, forked, Duration::from_mins(20)).await;
        assert_eq!(causes, BTreeSet::new(), "it is never left");
        assert_eq!(active(link), "ws://node-0");
        on_branch(link, network.height() - 1, forked).await;
        let troubles = link.endpoints().into_iter().map(|status| status.trouble.map(|trouble| trouble.name()));
        assert_eq!(troubles.collect::<Vec<_>>(), [None, Some("forked"), Some("forked"), Some("forked")]);
        assert_eq!(link.strangers(), ["ws://node-1", "ws://node-2", "ws://node-3"]);
    });
}

#[test]
fn nodes_that_joined_take_over_nothing_from_one_whose_history_they_do_not_have() {
    for fault in [Fault::Down, Fault::HalfOpen] {
        over_fork(async |link, network, forked| {
            clock::sleep(Duration::from_secs(30)).await;
            network.give(0, fault);
            let causes = stays_on_branch(link, forked, Duration::from_mins(10)).await;
            assert!(causes.contains("forked"), "{fault:?}: {causes:?}");
            assert!(!link.state().borrow().is_live() && !link.strangers().is_empty());
            network.give(0, Fault::Forks(forked));
            let back = clock::timeout(Duration::from_mins(2), on_branch(link, network.height(), forked)).await;
            assert!(back.is_ok(), "{fault:?}: {:?}", link.endpoints());
            stays_on_branch(link, forked, Duration::from_mins(10)).await;
        });
    }
}

/// They had what it had told when they took over, and it has another block behind that when it is back.
#[test]
fn what_nodes_that_joined_have_told_gives_way_to_the_one_behind_which_they_stand() {
    // Soon, and when it is far behind what is in memory.
    for away in [BLOCK * 5, BLOCK * 120] {
        over_own(main_chain, true, async |link, network| {
            clock::sleep(BLOCK * 2).await;
            let forked = network.height() + 2;
            network.give(0, Fault::Down);
            clock::sleep(away).await;
            assert_eq!(active(link), "ws://node-1");
            let to = |newest| {
                if away > BLOCK * 60 { Fault::ForksTo { from: forked, to: newest } } else { Fault::Forks(forked) }
            };
            network.give(0, to(forked + 3));
            called_forked(link).await;
            network.give(0, to(forked + 6));
            let back = clock::timeout(Duration::from_mins(5), on_branch(link, forked, forked)).await;
            assert!(back.is_ok(), "{away:?}: {:?}", link.endpoints());
            network.give(0, Fault::Forks(forked));
            stays_on_branch(link, forked, Duration::from_mins(10)).await;
            assert_eq!(active(link), "ws://node-0");
        });
    }
}

/// It was begun anew from a state of the network that is older than what it had told, and the others have that.
#[test]
fn an_own_node_that_parts_from_what_it_has_told_is_followed_again() {
    // What it is compared with is in memory, and is not any more.
    for away in [BLOCK * 5, BLOCK * 120] {
        over_own(main_chain, true, async |link, network| {
            clock::sleep(BLOCK * 12).await;
            let told = link.finalized().unwrap().number.0;
            network.give(0, Fault::Down);
            clock::sleep(away).await;
            assert_eq!(active(link), "ws://node-1");
            let forked = told - 10;
            network.give(0, Fault::ForksTo { from: forked, to: forked + 3 });
            called_forked(link).await;
            assert_eq!(active(link), "ws://node-1", "{away:?}: it may change its mind");
            // It goes on from there, beyond what it had told.
            network.give(0, Fault::Forks(forked));
            let back = clock::timeout(Duration::from_mins(5), on_branch(link, told + 1, forked)).await;
            assert!(back.is_ok(), "{away:?}: {:?}", link.endpoints());
            assert_eq!(link.endpoints()[1].trouble, None, "{away:?}: what it had taken over was not its own");
            stays_on_branch(link, forked, Duration::from_mins(10)).await;
            assert_eq!((active(link), link.strangers()), ("ws://node-0".into(), vec!["ws://node-1".to_owned()]));
        });
    }
}

/// It lags, and has what it had told as far as it has got.
#[test]
fn an_own_node_that_is_merely_behind_takes_back_nothing_of_what_it_has_told() {
    for away in [BLOCK * 5, BLOCK * 120] {
        over_own(main_chain, true, async |link, network| {
            clock::sleep(BLOCK * 12).await;
            let told = link.finalized().unwrap().number.0;
            network.give(0, Fault::Down);
            clock::sleep(away).await;
            network.give(0, Fault::Lags(told - 10));
            let (begun, mut newest) = (clock::now(), link.finalized().unwrap());
            while clock::since(begun) < Duration::from_mins(10) {
                let now = link.finalized().unwrap();
                assert!(now.number >= newest.number && now.hash == Network::hash(now.number.0), "{away:?}: {now:?}");
                newest = now;
                clock::sleep(Duration::from_millis(500)).await;
            }
            assert!(newest.number.0 + 2 > network.height(), "{away:?}: {:?}", link.endpoints());
        });
    }
}

#[test]
fn among_themselves_nodes_that_joined_are_believed_as_any_others_are() {
    with_config(
        4,
        |_| before_three(),
        async |link, network| {
            clock::sleep(BLOCK * 3).await;
            network.give(0, Fault::Down);
            followed(link, network.height() + 2).await;
            let forked = network.height() + 1;
            network.give(1, Fault::Forks(forked));
            on_branch(link, forked, forked).await;
            let back = clock::timeout(Duration::from_mins(1), followed(link, forked + 1)).await;
            assert!(back.is_ok(), "{:?}", link.endpoints());
            network.give(0, Fault::None);
            clock::sleep(Duration::from_mins(5)).await;
            assert_eq!(active(link), "ws://node-0");
        },
    );
}
