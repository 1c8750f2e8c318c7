//! Who is believed when the endpoints contradict each other, on a clock of its own.

use super::*;
use crate::{
    link::{
        Link, Standing,
        endurance::{BLOCK, LATEST, followed, over, watch},
        link_over,
    },
    simulated::{self, Fault, Network},
};

/// Waits until a false block is followed.
async fn deceived(link: &Link) {
    let mut states = link.state();
    let is_false = |state: &crate::LinkState| {
        state.finalized().is_some_and(|seen| seen.block.hash != Network::hash(seen.block.number.0))
    };
    states.wait_for(is_false).await.unwrap();
}

/// What is wrong with each endpoint.
fn troubles(link: &Link) -> Vec<Option<&'static str>> {
    link.endpoints().iter().map(|status| status.trouble.as_ref().map(ConnectError::name)).collect()
}

/// The newest block that any endpoint was seen to have.
fn highest(link: &Link) -> u32 {
    let seen = link.endpoints().into_iter().filter_map(|status| status.finalized);
    seen.map(|seen| seen.block.number.0).max().unwrap_or_default()
}

#[test]
fn a_false_block_is_given_up_however_its_teller_goes_on() {
    // For how long two endpoints that are of one mind, or one and itself, need at the most.
    let minutes = Duration::from_mins(3);
    let cases = [
        (3, Fault::Down, LATEST),
        (3, Fault::HalfOpen, LATEST),
        (3, Fault::None, LATEST),
        (2, Fault::None, LATEST),
        (2, Fault::Down, minutes),
        (2, Fault::HalfOpen, minutes),
        (1, Fault::None, minutes),
    ];
    for (nodes, then, longest) in cases {
        // A moment after the lie, and when it has been believed for some seconds.
        for moment in [0, 1_500, 7_000] {
            over(nodes, async |link, network| {
                network.give(0, Fault::Forks(network.height() + 1));
                deceived(link).await;
                clock::sleep(Duration::from_millis(moment)).await;
                network.give(0, then);
                // What contradicts it is the block behind it, or one in its place.
                let next = network.height() + 1;
                while network.height() < next {
                    clock::sleep(Duration::from_millis(100)).await;
                }
                let made = clock::now();
                let taken = clock::timeout(longest, followed(link, next)).await.map(|at| at - made);
                assert!(taken.is_ok(), "{nodes} {then:?} at {moment}: {:?}", troubles(link));
                // And everybody goes on with that.
                let (_, latest) = watch(link, network, 20).await;
                assert!(latest <= LATEST, "{nodes} {then:?} at {moment}: a block took {latest:?}");
                let honest = usize::from(then != Fault::None);
                assert!(troubles(link)[honest..].iter().all(Option::is_none), "{then:?}: {:?}", troubles(link));
            });
        }
    }
}

/// The second endpoint has no block that is newer than the false one, and is not taken to have that.
#[test]
fn an_endpoint_is_not_said_to_have_what_another_has_told() {
    over(2, async |link, network| {
        let forked = network.height() + 1;
        network.give(0, Fault::Forks(forked));
        deceived(link).await;
        let lie = link.finalized().unwrap();
        network.give(0, Fault::Down);
        clock::sleep(Duration::from_secs(5)).await;
        assert_eq!(network.height(), forked, "the next block has not come");
        let status = link.endpoints().swap_remove(1);
        assert_eq!(status.trouble.as_ref().map(ConnectError::name), Some("forked"));
        assert!(status.finalized.is_none_or(|seen| seen.block != lie) && status.standing == Standing::Resting);
    });
}

#[test]
fn a_head_far_ahead_is_not_gone_to_on_the_word_of_one() {
    for (nodes, ahead) in [(3, 1_000), (2, 1_000), (3, 100)] {
        over(nodes, async |link, network| {
            // The others are known to go on.
            clock::sleep(BLOCK * 10).await;
            let from = network.height() + 1;
            network.give(0, Fault::Invents { from, to: from + ahead });
            // None of it is followed, and no block comes late for it.
            let (named, latest) = watch(link, network, 60).await;
            assert!(latest <= LATEST, "{nodes}, {ahead} ahead: a block took {latest:?}");
            assert!(named.contains("unusable"), "{nodes}, {ahead} ahead: {named:?}");
            network.give(0, Fault::None);
            watch(link, network, 20).await;
            assert!(troubles(link).iter().all(Option::is_none), "{:?}", troubles(link));
        });
    }
}

/// Nothing is known then that it could be compared with, and others only say that they have never heard of it.
#[test]
fn a_head_far_ahead_that_was_the_first_to_be_followed_is_given_up() {
    for (nodes, heals) in [(1, true), (2, true), (3, true), (3, false)] {
        simulated::run(async {
            let network = Network::of(nodes);
            network.give(0, Fault::Invents { from: 101, to: 5_000 });
            let (link, follower) = link_over(Box::new(network.clone()), network.config()).unwrap();
            let story = async {
                deceived(&link).await;
                assert!(highest(&link) >= 5_000);
                clock::sleep(BLOCK * 2).await;
                if heals {
                    network.give(0, Fault::None);
                }
                let next = network.height() + 1;
                let told = clock::timeout(Duration::from_mins(5), followed(&link, next)).await;
                assert!(told.is_ok(), "{nodes} {heals}: {:?}", troubles(&link));
                let (_, latest) = watch(&link, &network, 30).await;
                assert!(latest <= LATEST, "{nodes} {heals}: a block took {latest:?}");
                assert!(highest(&link) <= network.height(), "what was made up is remembered");
            };
            tokio::select! {
                () = follower.run(tokio_util::sync::CancellationToken::new()) => panic!("nobody has stopped it"),
                () = story => {}
            }
        });
    }
}

/// What befalls the other endpoints.
type Others<'a> = &'a [fn(&Network) -> Fault];

/// Whoever stands still, or catches up, or is alone with what it says, changes nobody's mind.
#[test]
fn what_is_true_is_not_given_up_for_those_that_do_not_know_it() {
    let stuck = |network: &Network| Fault::Lags(network.height() - 90);
    let syncing = |_: &Network| Fault::Syncs(90);
    let lying = |network: &Network| Fault::Forks(network.height() - 1);
    let cases: [(&str, Others<'_>, Fault); 4] = [
        ("two that stand still", &[stuck, stuck], Fault::Down),
        ("two that catch up", &[syncing, syncing], Fault::Down),
        ("one that stands still, and one that lies", &[lying, stuck], Fault::None),
        ("itself, catching up", &[], Fault::Syncs(90)),
    ];
    for (name, others, own) in cases {
        over(others.len() + 1, async |link, network| {
            for (node, fault) in others.iter().enumerate() {
                network.give(node + 1, fault(network));
            }
            clock::sleep(BLOCK * 4).await;
            network.give(0, own);
            let begun = clock::now();
            let mut newest = link.finalized().unwrap();
            while clock::since(begun) < Duration::from_mins(5) {
                let now = link.finalized().unwrap_or_else(|| panic!("{name}: nothing is followed any more"));
                assert!(now.number >= newest.number && now.hash == Network::hash(now.number.0), "{name}: {now:?}");
                newest = now;
                clock::sleep(Duration::from_millis(500)).await;
            }
            network.give(0, Fault::None);
            let back = clock::timeout(Duration::from_mins(1), followed(link, network.height())).await;
            assert!(back.is_ok(), "{name}: {:?}", troubles(link));
        });
    }
}

/// One that has stood still since long before is no witness, and one that has the same block is enough.
#[test]
fn the_present_is_gone_to_where_another_endpoint_has_it() {
    let others: [fn(&Network) -> Fault; 2] = [|_| Fault::Syncs(250), |network| Fault::Lags(network.height() - 250)];
    for (nodes, other) in [(2, others[0]), (2, others[1]), (3, others[0]), (3, others[1])] {
        over(nodes, async |link, network| {
            clock::sleep(BLOCK * 10).await;
            (0..nodes).for_each(|node| network.give(node, Fault::Down));
            clock::sleep(BLOCK * 300).await;
            network.give(nodes - 1, other(network));
            (0..nodes - 1).for_each(|node| network.give(node, Fault::None));
            let requests = network.requests();
            let got = clock::timeout(Duration::from_mins(1), followed(link, network.height())).await;
            assert!(
                got.is_ok(),
                "{nodes}: {:?}, {:?}: {:?}",
                network.height(),
                *link.state().borrow(),
                link.endpoints()
            );
            let requests = network.requests() - requests;
            assert!(requests < 300, "{requests} requests: it was gone to step by step");
        });
    }
}

#[test]
fn words_count_by_what_they_are_about() {
    let names = ["ws://a", "ws://b", "ws://c", "ws://d"].map(Endpoint::from);
    let config = LinkConfig { endpoints: names.to_vec(), ..LinkConfig::default() };
    let (now, later) = (Instant::now(), Duration::from_secs(20));
    let [a, b, c, d] = names;
    let number = BlockNumber;
    let (has, other) = (|n| Word::Has(number(n)), |n| Word::Other { block: number(n), newest: number(n) });
    let lacks = |block, newest| Word::Lacks { block: number(block), newest: number(newest) };

    // Whoever has the block before the disputed one says nothing about that.
    let witnesses = Witnesses::new(&config);
    witnesses.note(&a, has(101), now);
    witnesses.note(&d, has(100), now);
    assert!(witnesses.note(&b, other(101), now) && !witnesses.note(&b, other(102), now));
    assert!(!witnesses.are_outnumbered(now) && !witnesses.are_silent(now + PATIENCE / 2));
    assert!(witnesses.note(&c, other(102), now) && witnesses.are_outnumbered(now));
    // As many for it as against it settle nothing.
    witnesses.note(&d, has(101), now);
    assert!(!witnesses.are_outnumbered(now));
    // Who stood by it long ago, and is not there any more, stands by it no longer.
    witnesses.note(&b, other(101), now + TERM);
    witnesses.note(&c, other(101), now + TERM);
    assert!(!witnesses.are_outnumbered(now + TERM));
    witnesses.renew(&a, now + TERM);
    witnesses.renew(&d, now + TERM);
    assert!(!witnesses.are_outnumbered(now + TERM * 3 / 2), "whoever is in use goes on to");
    witnesses.note(&b, other(101), now + TERM * 2);
    witnesses.note(&c, other(101), now + TERM * 2);
    assert!(witnesses.are_outnumbered(now + TERM * 2 + later));
    witnesses.forget();
    witnesses.note(&a, has(101), now);
    witnesses.note(&b, other(101), now);
    witnesses.note(&c, other(102), now);
    witnesses.note(&d, has(101), now);
    // It is said anew, or is over.
    assert!(witnesses.are_silent(now + PATIENCE) && !witnesses.are_silent(now + TERM * 2));
    witnesses.note(&a, has(103), now + later);
    assert!(!witnesses.are_silent(now + PATIENCE) && witnesses.are_silent(now + PATIENCE + later));
    witnesses.forget();
    assert!(!witnesses.are_silent(now + PATIENCE + later) && !witnesses.contradicts(&b));

    // Those who have never heard of it count once they have gone on without, and against others from far away alone.
    let witnesses = Witnesses::new(&config);
    witnesses.note(&a, has(500), now);
    for endpoint in [&b, &c] {
        assert!(!witnesses.note(endpoint, lacks(500, 100), now));
        assert!(!witnesses.are_silent(now + PATIENCE));
    }
    assert!(witnesses.note(&b, lacks(500, 101), now + later) && !witnesses.are_outnumbered(now + later));
    assert!(witnesses.note(&c, lacks(500, 101), now + later) && witnesses.are_outnumbered(now + later));
    let near = Witnesses::new(&config);
    near.note(&a, has(500), now);
    for endpoint in [&b, &c] {
        near.note(endpoint, lacks(500, 480), now);
        near.note(endpoint, lacks(500, 481), now + later);
    }
    let long_after = now + later + PATIENCE;
    assert!(!near.are_outnumbered(now + later) && !near.are_silent(long_after), "they may be away themselves");
    near.note(&b, lacks(500, 482), long_after);
    assert!(near.are_silent(long_after));
}

/// What one's own node has told is not for others to judge, and what they have told since is for it.
#[test]
fn those_behind_a_node_that_was_named_have_no_say_about_what_it_told() {
    let [own, a, b, c] = ["ws://own", "ws://a", "ws://b", "ws://c"].map(Endpoint::from);
    let config = LinkConfig {
        own: vec![own.clone()],
        endpoints: vec![a.clone(), b.clone(), c.clone()],
        ..LinkConfig::default()
    };
    let now = Instant::now();
    let block = |number| BlockRef { number: BlockNumber(number), hash: Network::hash(number) };
    let has = |n| Word::Has(BlockNumber(n));
    let other = |n| Word::Other { block: BlockNumber(n), newest: BlockNumber(n) };
    let begun = || {
        let witnesses = Witnesses::new(&config);
        witnesses.anchor.note(&own, block(100));
        witnesses.note(&own, has(100), now);
        witnesses
    };

    let witnesses = begun();
    for endpoint in [&a, &b, &c] {
        witnesses.note(endpoint, other(100), now);
        assert!(witnesses.is_stranger(endpoint, now) && !witnesses.contradicts(endpoint));
    }
    assert!(!witnesses.are_outnumbered(now) && !witnesses.are_silent(now + PATIENCE * 2));
    // It may change its own mind, for which nobody else is needed.
    witnesses.note(&own, other(100), now);
    assert!(!witnesses.are_outnumbered(now) && !witnesses.are_silent(now));
    assert!(witnesses.are_silent(now + PATIENCE) && witnesses.is_renounced(true, now + PATIENCE));
    // While others are at odds about what they have told since, that alone is no reason.
    assert!(!witnesses.is_renounced(false, now + PATIENCE) && !witnesses.contradicts(&own));
    witnesses.anchor.lift();
    assert!(witnesses.contradicts(&own));

    // Where another one has it too, and may only be away, one that stands still is no reason either.
    let witnesses = begun();
    witnesses.note(&a, has(120), now);
    witnesses.note(&own, other(95), now);
    let later = now + PATIENCE;
    assert!(!witnesses.are_silent(later) && !witnesses.is_renounced(true, later));
    witnesses.note(&own, other(96), later);
    assert!(witnesses.are_silent(later) && witnesses.is_renounced(true, later));

    // That is so while others stand by it too, and not where it is merely behind or one that was named stands by it.
    let witnesses = begun();
    let (short, long) = (Duration::ZERO, PATIENCE * 2);
    witnesses.note(&a, has(120), now);
    witnesses.note(&own, other(95), now);
    assert!(!witnesses.is_replaced(&own, short, now));
    assert!(!witnesses.is_replaced(&own, short, now + PATIENCE), "it was heard once");
    witnesses.note(&own, other(110), now + PATIENCE);
    assert!(witnesses.is_replaced(&own, short, now + PATIENCE));
    assert!(!witnesses.is_replaced(&own, long, now + PATIENCE) && !witnesses.is_replaced(&own, long, now + long));
    witnesses.note(&b, other(95), now);
    witnesses.note(&b, other(95), now + long);
    assert!(!witnesses.is_replaced(&b, short, now + long), "it was not named");
    witnesses.note(&own, other(110), now + long);
    assert!(witnesses.is_replaced(&own, long, now + long));
    let witnesses = begun();
    for (newest, at) in [(80, now), (81, now + PATIENCE)] {
        witnesses.note(&own, Word::Lacks { block: BlockNumber(100), newest: BlockNumber(newest) }, at);
    }
    assert!(!witnesses.is_replaced(&own, short, now + PATIENCE));
    // One that stands still there is nothing to follow, and stood still again for long either.
    let witnesses = begun();
    let says = |newest, at| {
        witnesses.note(&own, other(newest), at);
        witnesses.is_replaced(&own, short, at)
    };
    assert!(!says(95, now) && !says(95, now + PATIENCE) && says(96, now + PATIENCE * 2));
    assert!(says(96, now + PATIENCE * 2 + TERM) && !says(96, now + PATIENCE * 3 + TERM));
    // What another one has told that was named is not taken back for it.
    let two = LinkConfig { own: vec![own.clone(), a.clone()], ..config.clone() };
    let witnesses = Witnesses::new(&two);
    witnesses.anchor.note(&a, block(100));
    witnesses.note(&own, other(95), now);
    witnesses.note(&a, has(100), now + PATIENCE);
    for (newest, passed) in [(96, PATIENCE), (97, PATIENCE * 2)] {
        witnesses.note(&own, other(newest), now + passed);
        assert!(!witnesses.is_replaced(&own, short, now + passed), "{passed:?}");
    }
    // That one has to say so too, and what it had not got to is not its own.
    let later = now + PATIENCE * 3;
    witnesses.note(&b, has(120), now);
    assert!(!witnesses.are_silent(later));
    witnesses.note(&a, other(100), later);
    assert!(
        witnesses.are_silent(later)
            && witnesses.is_replaced(&own, short, later)
            && !witnesses.is_replaced(&a, short, later)
    );
    let witnesses = Witnesses::new(&two);
    witnesses.anchor.note(&a, block(90));
    witnesses.anchor.note(&own, block(100));
    witnesses.note(&own, other(95), now);
    witnesses.note(&own, other(96), now + PATIENCE);
    assert!(witnesses.is_replaced(&own, short, now + PATIENCE));

    // Among the others, about what they have told since, two count more than one.
    let witnesses = begun();
    witnesses.anchor.note(&a, block(120));
    witnesses.note(&a, has(120), now);
    assert!(!witnesses.anchor.covers(BlockNumber(101)), "it was not the own node that told it");
    witnesses.note(&b, other(120), now);
    assert!(!witnesses.are_outnumbered(now));
    witnesses.note(&c, other(120), now);
    assert!(witnesses.are_outnumbered(now) && !witnesses.is_renounced(true, now));

    // Against one's own node none counts there either.
    let witnesses = begun();
    for endpoint in [&a, &b, &c] {
        witnesses.note(endpoint, has(120), now);
    }
    witnesses.note(&own, Word::Lacks { block: BlockNumber(120), newest: BlockNumber(110) }, now);
    assert!(!witnesses.are_outnumbered(now), "it may be catching up");
    witnesses.note(&own, other(110), now);
    let later = now + PATIENCE;
    assert!(!witnesses.are_outnumbered(now) && !witnesses.are_silent(later), "it may stand still there");
    witnesses.note(&own, other(111), later);
    assert!(witnesses.are_outnumbered(later) && !witnesses.is_renounced(true, later));
}
