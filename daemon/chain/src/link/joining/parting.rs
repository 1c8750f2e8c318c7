//! When what a named node has told, or others since, is given up for one that has other blocks, on a clock of its own.

use std::time::Duration;

use super::{BLOCK, active, before_three, called_forked, followed, main_chain, on_branch, over_own, with_config};
use crate::{
    ConnectError, clock,
    link::{Link, LinkConfig},
    simulated::{Fault, Network},
};

/// That for so long the chain that everybody else has is followed, and is not gone back on.
async fn stays(link: &Link, network: &Network, long: Duration) {
    keeps(link, long).await;
    let newest = link.finalized().unwrap();
    assert!(newest.number.0 + 2 > network.height(), "{newest:?}: {:?}", link.endpoints());
}

/// That for so long nothing of the chain that everybody else has is gone back on.
async fn keeps(link: &Link, long: Duration) {
    let (begun, mut newest) = (clock::now(), link.finalized().unwrap());
    while clock::since(begun) < long {
        let now = link.finalized().expect("what was followed is given up");
        assert!(now.number >= newest.number && now.hash == Network::hash(now.number.0), "{now:?}");
        newest = now;
        clock::sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until what was followed is given up, and nothing else is followed yet.
async fn given_up(link: &Link) {
    let is_given_up = async {
        while link.finalized().is_some() {
            clock::sleep(Duration::from_millis(20)).await;
        }
    };
    let seen = clock::timeout(Duration::from_mins(5), is_given_up).await;
    assert!(seen.is_ok(), "{:?}", link.endpoints());
}

/// The first node goes away, and the others have told a few blocks since. Which one it has told last.
async fn goes_away(link: &Link, network: &Network) -> u32 {
    clock::sleep(BLOCK * 12).await;
    let told = link.finalized().unwrap().number.0;
    network.give(0, Fault::Down);
    clock::sleep(BLOCK * 5).await;
    told
}

/// It was heard once, and is away again when others are visited that are no witnesses against what is followed.
#[test]
fn an_own_node_that_has_parted_is_asked_again_before_it_is_followed() {
    with_config(
        4,
        |_| before_three(),
        async |link, network| {
            let told = goes_away(link, network).await;
            network.give(0, Fault::ForksTo { from: told - 10, to: told - 7 });
            called_forked(link).await;
            network.give(0, Fault::Down);
            network.give(2, Fault::Lags(network.height() - 10));
            stays(link, network, Duration::from_mins(10)).await;
            assert_eq!((active(link), &link.endpoints()[1].trouble), ("ws://node-1".into(), &None));
        },
    );
}

/// It is the only one that can be reached for a while, and the others would go on; whether it has parted from what it
/// had told itself, or from what they have told since. One of them lagged before, which says nothing for its branch.
#[test]
fn an_own_node_that_stands_still_on_another_branch_takes_back_nothing_while_the_others_are_away() {
    for is_older in [true, false] {
        with_config(
            4,
            |_| before_three(),
            async |link, network| {
                let told = goes_away(link, network).await;
                let forked = if is_older { told - 10 } else { told + 2 };
                network.give(0, Fault::ForksTo { from: forked, to: forked + 3 });
                network.give(3, Fault::Lags(told - 20));
                called_forked(link).await;
                network.give(3, Fault::Lags(told - 19));
                clock::sleep(Duration::from_mins(1)).await;
                (1..4).for_each(|node| network.give(node, Fault::Down));
                keeps(link, Duration::from_mins(4)).await;
                assert!(!link.state().borrow().is_live(), "{is_older}");
                (1..4).for_each(|node| network.give(node, Fault::None));
                stays(link, network, Duration::from_mins(10)).await;
            },
        );
    }
}

/// It goes on while none of the others can be reached.
#[test]
fn an_own_node_that_goes_on_beyond_what_it_had_told_is_followed_while_the_others_are_away() {
    with_config(
        4,
        |_| before_three(),
        async |link, network| {
            let forked = goes_away(link, network).await + 2;
            network.give(0, Fault::ForksTo { from: forked, to: forked + 3 });
            called_forked(link).await;
            (1..4).for_each(|node| network.give(node, Fault::Down));
            keeps(link, Duration::from_mins(2)).await;
            network.give(0, Fault::Forks(forked));
            let back = clock::timeout(Duration::from_mins(5), on_branch(link, network.height(), forked)).await;
            assert!(back.is_ok(), "{:?}", link.endpoints());
        },
    );
}

/// Whether it has parted from what it had told itself, or from what the others have told since.
#[test]
fn an_own_node_that_stands_still_on_another_branch_is_not_followed() {
    for is_older in [true, false] {
        over_own(main_chain, true, async |link, network| {
            let told = goes_away(link, network).await;
            let forked = if is_older { told - 10 } else { told + 2 };
            network.give(0, Fault::ForksTo { from: forked, to: forked + 3 });
            called_forked(link).await;
            stays(link, network, Duration::from_mins(10)).await;
            assert_eq!(active(link), "ws://node-1", "{is_older}");
            // Once it goes on it is.
            network.give(0, Fault::Forks(forked));
            let back = clock::timeout(Duration::from_mins(5), on_branch(link, told + 6, forked)).await;
            assert!(back.is_ok(), "{is_older}: {:?}", link.endpoints());
        });
    }
}

/// The other one had told it, and is there again after a while; whether the first was seen to have parted before or
/// not.
#[test]
fn of_two_own_nodes_one_takes_back_nothing_of_what_the_other_has_told() {
    let own = vec!["ws://node-0".into(), "ws://node-1".into()];
    let config = LinkConfig { own, endpoints: vec!["ws://node-2".into()], ..LinkConfig::default() };
    for is_known in [true, false] {
        with_config(
            3,
            |_| config.clone(),
            async |link, network| {
                clock::sleep(BLOCK * 3).await;
                let forked = network.height();
                network.give(1, if is_known { Fault::Forks(forked) } else { Fault::Down });
                clock::sleep(BLOCK * 15).await;
                network.give(0, Fault::Down);
                clock::sleep(BLOCK * 5).await;
                assert_eq!(active(link), "ws://node-2", "{is_known}");
                network.give(1, Fault::Forks(forked));
                stays(link, network, Duration::from_mins(10)).await;
                assert_eq!(active(link), "ws://node-2", "{is_known}");
                network.give(0, Fault::None);
                stays(link, network, Duration::from_mins(5)).await;
                assert_eq!(active(link), "ws://node-0", "{is_known}");
            },
        );
    }
}

/// They were begun anew from the same old state while the one that is away had told more, and others have that.
#[test]
fn of_three_own_nodes_two_take_back_nothing_of_what_the_third_has_told_before_they_go_on() {
    let own = vec!["ws://node-0".into(), "ws://node-1".into(), "ws://node-2".into()];
    let config = LinkConfig { own, endpoints: vec!["ws://node-3".into()], ..LinkConfig::default() };
    with_config(
        4,
        |_| config.clone(),
        async |link, network| {
            clock::sleep(BLOCK * 12).await;
            let told = link.finalized().unwrap().number.0;
            let forked = told - 10;
            (1..3).for_each(|node| network.give(node, Fault::ForksTo { from: forked, to: forked + 3 }));
            network.give(0, Fault::Down);
            stays(link, network, Duration::from_mins(10)).await;
            assert_eq!(active(link), "ws://node-3");
            (1..3).for_each(|node| network.give(node, Fault::Forks(forked)));
            let back = clock::timeout(Duration::from_mins(5), on_branch(link, told + 1, forked)).await;
            assert!(back.is_ok(), "{:?}", link.endpoints());
        },
    );
}

/// It answers whoever looks at it, and tells nothing that it takes to follow it.
#[test]
fn an_own_node_that_cannot_be_followed_takes_nothing_away() {
    for is_older in [true, false] {
        over_own(main_chain, true, async |link, network| {
            let told = goes_away(link, network).await;
            let forked = if is_older { told - 10 } else { told + 2 };
            network.give(0, Fault::ForksStateless(forked));
            stays(link, network, Duration::from_mins(10)).await;
            assert_eq!(active(link), "ws://node-1", "{is_older}");
            let trouble = link.endpoints()[0].trouble.as_ref().map(ConnectError::name);
            assert_eq!(trouble, Some("pruned"), "{is_older}");
            // Once it can be it is.
            network.give(0, Fault::Forks(forked));
            let back = clock::timeout(Duration::from_mins(5), on_branch(link, told + 6, forked)).await;
            assert!(back.is_ok(), "{is_older}: {:?}", link.endpoints());
        });
    }
}

/// What they have told since is given up without what it had told. It may take the place of that where it goes on and
/// none of them comes back.
#[test]
fn an_own_node_that_has_parted_is_not_followed_because_the_others_are_at_odds() {
    for goes_on in [false, true] {
        with_config(
            4,
            |_| before_three(),
            async |link, network| {
                let told = goes_away(link, network).await;
                let forked = told - 10;
                network.give(0, Fault::ForksTo { from: forked, to: told - 7 });
                called_forked(link).await;
                network.give(1, Fault::Forks(network.height() + 1));
                given_up(link).await;
                (1..4).for_each(|node| network.give(node, Fault::Down));
                if goes_on {
                    network.give(0, Fault::Forks(forked));
                    let back = clock::timeout(Duration::from_mins(10), on_branch(link, told + 1, forked)).await;
                    assert!(back.is_ok(), "{:?}", link.endpoints());
                    return;
                }
                let begun = clock::now();
                while clock::since(begun) < Duration::from_mins(4) {
                    let block = link.finalized();
                    assert!(block.is_none_or(|block| block.hash == Network::hash(block.number.0)), "{block:?}");
                    clock::sleep(Duration::from_millis(500)).await;
                }
                (1..4).for_each(|node| network.give(node, Fault::None));
                let back = clock::timeout(Duration::from_mins(5), followed(link, network.height())).await;
                assert!(back.is_ok(), "{:?}", link.endpoints());
                stays(link, network, Duration::from_mins(10)).await;
            },
        );
    }
}

/// It catches up with what it had told itself, where nobody else can be reached any more.
#[test]
fn an_own_node_that_is_merely_behind_is_not_followed_because_the_others_are_at_odds() {
    with_config(
        4,
        |_| before_three(),
        async |link, network| {
            let told = goes_away(link, network).await;
            network.give(1, Fault::Forks(network.height() + 1));
            given_up(link).await;
            (1..4).for_each(|node| network.give(node, Fault::Down));
            for behind in (1..10).rev() {
                network.give(0, Fault::Lags(told - behind));
                clock::sleep(Duration::from_secs(40)).await;
                let block = link.finalized();
                assert!(block.is_none_or(|block| block.number.0 >= told), "{block:?}");
            }
            network.give(0, Fault::Lags(told + 1));
            let back = clock::timeout(Duration::from_mins(2), followed(link, told + 1)).await;
            assert!(back.is_ok(), "{:?}", link.endpoints());
        },
    );
}

/// It goes away just when it is to be followed, and the others have what it had told before.
#[test]
fn an_own_node_that_takes_over_nothing_after_all_leaves_it_to_the_others() {
    over_own(main_chain, true, async |link, network| {
        let forked = goes_away(link, network).await - 10;
        network.give(0, Fault::Forks(forked));
        given_up(link).await;
        network.give(0, Fault::Down);
        let back = clock::timeout(Duration::from_mins(1), followed(link, network.height())).await;
        assert!(back.is_ok(), "{:?}", link.endpoints());
        stays(link, network, Duration::from_mins(10)).await;
        assert_eq!(active(link), "ws://node-1");
        // It is not forgotten that it has parted.
        network.give(0, Fault::Forks(forked));
        let back = clock::timeout(Duration::from_mins(5), on_branch(link, network.height(), forked)).await;
        assert!(back.is_ok(), "{:?}", link.endpoints());
    });
}

/// The other one has what it had told up to where it has parted and beyond, and has not got to the newest of that yet.
#[test]
fn an_own_node_that_takes_over_nothing_after_all_leaves_it_to_one_that_catches_up() {
    over_own(main_chain, true, async |link, network| {
        clock::sleep(BLOCK * 12).await;
        let told = link.finalized().unwrap().number.0;
        let forked = told - 10;
        network.give(0, Fault::Down);
        network.give(1, Fault::Lags(told - 3));
        clock::sleep(BLOCK * 2).await;
        network.give(0, Fault::ForksTo { from: forked, to: forked + 3 });
        called_forked(link).await;
        network.give(0, Fault::Forks(forked));
        given_up(link).await;
        network.give(0, Fault::Down);
        network.give(1, Fault::None);
        let back = clock::timeout(Duration::from_mins(2), followed(link, network.height())).await;
        assert!(back.is_ok(), "{:?}", link.endpoints());
        stays(link, network, Duration::from_mins(10)).await;
    });
}

/// It is tried in vain again and again while the one that has taken over is away.
#[test]
fn an_own_node_that_cannot_be_followed_takes_nothing_away_while_the_other_one_is_away() {
    for is_older in [true, false] {
        over_own(main_chain, true, async |link, network| {
            let told = goes_away(link, network).await;
            network.give(0, Fault::ForksStateless(if is_older { told - 10 } else { told + 2 }));
            network.give(1, Fault::Down);
            keeps(link, Duration::from_mins(5)).await;
            assert!(!link.state().borrow().is_live(), "{is_older}");
            network.give(1, Fault::None);
            stays(link, network, Duration::from_mins(10)).await;
            assert_eq!(active(link), "ws://node-1", "{is_older}");
        });
    }
}
