//! Metagraphs in the cache and against a development chain of the test's own.

use std::{path::Path, time::Duration};

use btd_api::{AccountId, Alpha, BlockNumber, Tao};
use btd_chain::{BlockRef, LinkConfig};
use btd_devnet::{BlockTime, Devnet};

use btd_chain::ReadError;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{
    recorder::{Compared, compare},
    refresher::{break_off, is_about_the_link},
    store::{Held, When},
    *,
};
use crate::cache::Batch;

mod unanswered;
mod upkeep;

const GENESIS: BlockHash = BlockHash([7; 32]);

fn stamp(number: u32) -> Stamp {
    Stamp { block: BlockRef { number: BlockNumber(number), hash: BlockHash([1; 32]) }, learnt_ms: 5 }
}

fn neuron(uid: u16) -> Neuron {
    let account = AccountId([u8::try_from(uid).unwrap(); 32]);
    Neuron {
        uid: Uid(uid),
        hotkey: Hotkey(account),
        coldkey: Coldkey(account),
        active: true,
        validator_permit: false,
        stake: Alpha::from_rao(u64::MAX),
        alpha_stake: Some(Alpha::ZERO),
        tao_stake: Tao::ZERO,
        rank: None,
        trust: None,
        consensus: 1,
        incentive: 2,
        dividends: 65_535,
        validator_trust: Some(3),
        emission: Alpha::ZERO,
        last_update: 4,
        registered_at: 5,
        axon: Some(Endpoint { ip: "1.2.3.4".parse().unwrap(), port: 8091, version: 1, block: 2 }),
        identity: Some("τ".to_owned()),
    }
}

fn subnet(netuid: u16, neurons: u16) -> Subnet {
    Subnet {
        netuid: NetUid(netuid),
        name: "apex".to_owned(),
        symbol: "α".to_owned(),
        owner: Some(Coldkey(AccountId([9; 32]))),
        neurons,
        max_neurons: 256,
        tempo: 100,
        last_epoch: 0,
        blocks_since_epoch: 1,
        price: Some(Tao::from_rao(1)),
        tao_in: Some(Tao::ZERO),
        alpha_in: Some(Alpha::ZERO),
        alpha_out: Some(Alpha::ZERO),
        tao_in_emission: Some(Tao::ZERO),
        burn: Tao::from_rao(2),
        registration_allowed: Some(true),
        mechanisms: None,
        net_inflow: None,
    }
}

pub(super) fn snapshot(netuid: u16, block: u32, neurons: u16) -> Arc<Snapshot> {
    Arc::new(Snapshot::new(stamp(block), subnet(netuid, neurons), (0..neurons).map(neuron).collect()))
}

/// A metagraph of so many neurons.
pub(crate) fn sample(neurons: u16) -> Arc<Snapshot> {
    snapshot(1, 3, neurons)
}

/// A metagraph of these neurons.
pub(crate) fn sample_of(netuid: u16, neurons: Vec<Neuron>) -> Arc<Snapshot> {
    let count = u16::try_from(neurons.len()).unwrap();
    Arc::new(Snapshot::new(stamp(3), subnet(netuid, count), neurons))
}

fn metagraphs(snapshots: &[Arc<Snapshot>]) -> Metagraphs {
    let subnets: BTreeMap<_, _> = snapshots.iter().map(|one| (one.subnet.netuid, Arc::clone(one))).collect();
    let list = List {
        at: stamp(9),
        subnets: subnets.iter().map(|(netuid, snapshot)| (*netuid, snapshot.subnet.clone())).collect(),
        netuids: subnets.keys().copied().collect(),
    };
    Metagraphs { genesis: Some(GENESIS), list: Some(Arc::new(list)), subnets, ..Metagraphs::default() }
}

/// The list of these subnets at a block, with the block of their last epoch.
pub(super) fn listed(block: BlockRef, netuids: &[u16], last_epoch: u64) -> List {
    let subnets = netuids.iter().map(|netuid| (NetUid(*netuid), Subnet { last_epoch, ..subnet(*netuid, 4) }));
    let netuids = netuids.iter().copied().map(NetUid).collect();
    List { at: Stamp { block, learnt_ms: 5 }, subnets: subnets.collect(), netuids }
}

/// The writes that turn a store of `before` into one of `after`.
fn difference(before: &Metagraphs, after: &Metagraphs) -> Vec<Batch> {
    let held = Held::of(before);
    store::changes(&held, after, &held.due(after, When::Now))
}

async fn open_cache(path: &Path) -> Cache {
    Cache::open(path, 4 << 20).await.unwrap().0
}

#[tokio::test]
async fn a_neuron_takes_little_in_the_cache() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open_cache(directory.path()).await;
    let whole = metagraphs(&[snapshot(1, 3, 250)]);
    let batches = difference(&Metagraphs::default(), &whole);
    assert_eq!(batches.len(), 2, "one for the subnet, one for the list");
    cache.write_each(batches).await.unwrap();
    let bytes: usize = cache.scan(b"m").await.unwrap().iter().map(|(_, value)| value.len()).sum();
    assert!(bytes / 250 < 150, "{} bytes for each", bytes / 250);
}

#[tokio::test]
async fn what_is_kept_is_what_was_known() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open_cache(directory.path()).await;
    assert_eq!(store::load(&cache, "test").await.unwrap(), None);
    store::name(&cache, "test", GENESIS).await.unwrap();
    let first = metagraphs(&[snapshot(0, 3, 0), snapshot(1, 3, 40), snapshot(300, 3, 20)]);
    cache.write_each(difference(&Metagraphs::default(), &first)).await.unwrap();
    assert_eq!(store::load(&cache, "test").await.unwrap(), Some(first.clone()));

    // One subnet is gone, one has shrunk, one is new, one is the same.
    let mut second = metagraphs(&[snapshot(0, 4, 0), snapshot(1, 5, 17), snapshot(2, 5, 16)]);
    second.subnets.insert(NetUid(0), Arc::clone(&first.subnets[&NetUid(0)]));
    cache.write_each(difference(&first, &second)).await.unwrap();
    assert_eq!(store::load(&cache, "test").await.unwrap(), Some(second));
    // A head for each of the three, and two values for 17 neurons and one for 16: nothing is left of what was before.
    assert_eq!(cache.scan(b"m").await.unwrap().len(), 6);
}

#[test]
fn what_is_behind_the_chain_for_long_is_said_to_be() {
    let long_ago = metagraphs(&[snapshot(1, 3, 4)]);
    assert!(!long_ago.is_left_behind(BlockNumber(14)) && long_ago.is_left_behind(BlockNumber(15)));
    // Blocks that come all at once are read in a moment.
    let now = Stamp { learnt_ms: crate::stamp::since_1970(), ..stamp(9) };
    let list = long_ago.list.as_ref().map(|list| Arc::new(List { at: now, ..List::clone(list) }));
    assert!(!Metagraphs { list, ..long_ago }.is_left_behind(BlockNumber(1_000)));
}

#[tokio::test]
async fn another_chain_under_the_same_name_replaces_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open_cache(directory.path()).await;
    store::name(&cache, "devnet", GENESIS).await.unwrap();
    let before = metagraphs(&[snapshot(1, 3, 4)]);
    cache.write_each(difference(&Metagraphs::default(), &before)).await.unwrap();
    let other = BlockHash([8; 32]);
    store::name(&cache, "devnet", other).await.unwrap();
    let kept = store::load(&cache, "devnet").await.unwrap().unwrap();
    assert_eq!(kept, Metagraphs { genesis: Some(other), ..Metagraphs::default() });
    assert_eq!(store::load_chain(&cache, GENESIS).await.unwrap().subnets.len(), 0);
}

#[tokio::test]
async fn a_metagraph_with_a_missing_row_is_not_served() {
    let directory = tempfile::tempdir().unwrap();
    let cache = open_cache(directory.path()).await;
    let whole = metagraphs(&[snapshot(1, 3, 4), snapshot(2, 3, 2)]);
    cache.write_each(difference(&Metagraphs::default(), &whole)).await.unwrap();
    let rows = cache.scan(b"m").await.unwrap();
    let mut batch = Batch::default();
    batch.remove(&rows.iter().find(|(key, _)| key.len() > 35).unwrap().0);
    cache.write(batch).await.unwrap();
    let kept = store::load_chain(&cache, GENESIS).await.unwrap();
    assert_eq!(kept.subnets.keys().collect::<Vec<_>>(), [&NetUid(2)]);
}

/// What is kept by a process that was killed when it had written `batches` of what turns `before` into `after`.
async fn left_between(path: &Path, before: &Metagraphs, after: &Metagraphs, batches: usize) -> Metagraphs {
    let cache = open_cache(path).await;
    store::name(&cache, "devnet", after.genesis.unwrap()).await.unwrap();
    cache.write_each(difference(&Metagraphs::default(), before)).await.unwrap();
    cache.write_each(difference(before, after).into_iter().take(batches).collect()).await.unwrap();
    drop(cache);
    store::load(&reopened(path).await, "devnet").await.unwrap().unwrap()
}

/// The metagraph that is told of a subnet is that of one of the two, with its own block, and so is the list.
fn is_one_of_two(kept: &Metagraphs, before: &Metagraphs, after: &Metagraphs) {
    for (netuid, snapshot) in &kept.subnets {
        let of_two = [before, after].map(|whole| whole.subnets.get(netuid));
        assert!(of_two.contains(&Some(snapshot)), "subnet {netuid} is {snapshot:?}");
        assert_eq!(kept.true_at(snapshot), snapshot.at, "nobody has looked yet whether it is so still");
    }
    assert!(kept.list == before.list || kept.list == after.list, "{:?}", kept.list);
    assert_eq!(kept.through, None);
}

#[tokio::test]
async fn a_cache_that_was_left_between_two_batches_tells_each_subnet_as_of_its_own_block() {
    let before = metagraphs(&[snapshot(0, 3, 0), snapshot(1, 3, 4), snapshot(2, 3, 3), snapshot(4, 3, 5)]);
    // One has grown, one is gone, one is new, one has shrunk, and everybody has earned something.
    let mut after = metagraphs(&[snapshot(0, 12, 0), snapshot(1, 12, 6), snapshot(3, 12, 2), snapshot(4, 12, 1)]);
    for snapshot in after.subnets.values_mut() {
        let earned = |neuron: &Neuron| Neuron { emission: Alpha::from_rao(7), ..neuron.clone() };
        let neurons = snapshot.neurons().iter().map(earned).collect();
        *snapshot = Arc::new(Snapshot::new(snapshot.at, snapshot.subnet.clone(), neurons));
    }
    Arc::make_mut(after.list.as_mut().unwrap()).at = stamp(12);
    let batches = difference(&before, &after).len();
    assert_eq!(batches, 6, "one for each subnet that is, was or comes, and one for the list");
    for written in 0..=batches {
        let directory = tempfile::tempdir().unwrap();
        let kept = left_between(directory.path(), &before, &after, written).await;
        is_one_of_two(&kept, &before, &after);
        let newer = kept.subnets.values().filter(|snapshot| snapshot.at == stamp(12)).count();
        assert_eq!(newer, written.min(4), "each batch is one subnet");
        match written {
            0 => assert_eq!(kept, before),
            written if written == batches => assert_eq!(kept, after),
            _ => assert!(kept != before && kept != after),
        }
    }
}

#[tokio::test]
async fn what_was_left_between_two_batches_is_read_anew_from_the_chain() {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        profile: btd_devnet::Profile::Busy(btd_devnet::Busy { subnets: 3, neurons: 12, seed: 7 }),
        ..Default::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let endpoint = format!("ws://{}", devnet.address());
    let whole = async |running: &Running| {
        let mut news = running.metagraph.subscribe();
        let is_whole = |known: &Arc<Metagraphs>| known.through.is_some() && known.is_whole();
        Arc::clone(&*news.wait_for(is_whole).await.unwrap())
    };
    let directory = tempfile::tempdir().unwrap();
    let running = follow(endpoint.clone(), open_cache(&directory.path().join("first")).await).await;
    let after = whole(&running).await;
    running.token.cancel();
    running.refreshing.await.unwrap();

    // What the chain has is what stands in half of the batches; the rest is of long ago, or never was.
    let mut before = Metagraphs::clone(&after);
    for snapshot in before.subnets.values_mut() {
        let poor = |neuron: &Neuron| Neuron { stake: Alpha::ZERO, ..neuron.clone() };
        let neurons = snapshot.neurons().iter().map(poor).collect();
        *snapshot = Arc::new(Snapshot::new(stamp(0), snapshot.subnet.clone(), neurons));
    }
    let path = directory.path().join("second");
    let kept = left_between(&path, &before, &after, 2).await;
    is_one_of_two(&kept, &before, &after);
    let old = kept.subnets.values().filter(|snapshot| snapshot.at == stamp(0)).count();
    assert_eq!((old, kept.subnets.len()), (2, 4));
    let running = follow(endpoint, reopened(&path).await).await;
    assert_eq!(running.metagraph.current().subnets, kept.subnets, "the last known ones are served at once");
    let read = whole(&running).await;
    for (netuid, snapshot) in &after.subnets {
        assert_eq!(read.subnets[netuid].neurons(), snapshot.neurons(), "subnet {netuid}");
        assert_eq!(read.true_at(&read.subnets[netuid]).block, read.through.unwrap());
    }
    running.token.cancel();
    running.refreshing.await.unwrap();
    devnet.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_waits_for_a_block_waits_for_the_list_of_it_or_of_a_later_one() {
    const LONG: Duration = Duration::from_hours(1);
    let at = |number| {
        let list = List { at: stamp(number), subnets: BTreeMap::new(), netuids: BTreeSet::new() };
        let behind = Some(BTreeSet::from([NetUid(2)]));
        Arc::new(Metagraphs { list: Some(Arc::new(list)), behind, ..Metagraphs::default() })
    };
    let (sender, current) = watch::channel(Arc::default());
    let metagraph = Metagraph { current, shelf: Arc::default() };
    metagraph.reach(BlockNumber(9), Duration::ZERO).await;
    let reached = metagraph.reach(BlockNumber(9), LONG);
    tokio::pin!(reached);
    assert!(reached.as_mut().now_or_never().is_none(), "nothing is known yet");
    sender.send_replace(at(8));
    assert!(reached.as_mut().now_or_never().is_none(), "it is an earlier one");
    sender.send_replace(at(10));
    assert!(reached.as_mut().now_or_never().is_some());
    metagraph.reach(BlockNumber(9), LONG).await;
    // Of one subnet it is waited for until that is of it too, whatever else waits to be read.
    metagraph.reach_subnet(NetUid(1), BlockNumber(10), LONG).await;
    let reached = metagraph.reach_subnet(NetUid(2), BlockNumber(10), LONG);
    tokio::pin!(reached);
    assert!(reached.as_mut().now_or_never().is_none(), "its neurons may be of an earlier one");
    // What an earlier run kept, or is of blocks that were replaced, is of no block of the chain as it is.
    sender.send_replace(Arc::new(Metagraphs { behind: None, ..Metagraphs::clone(&at(12)) }));
    assert!(reached.as_mut().now_or_never().is_none());
    assert!(Box::pin(metagraph.reach(BlockNumber(9), LONG)).now_or_never().is_none());
    sender.send_replace(Arc::new(Metagraphs { behind: Some(BTreeSet::new()), ..Metagraphs::clone(&at(11)) }));
    assert!(reached.as_mut().now_or_never().is_some());
    // Nobody tells of any more blocks: there is nothing to wait for.
    drop(sender);
    metagraph.reach(BlockNumber(13), LONG).await;
}

#[test]
fn keys_are_found_where_they_live() {
    let known = metagraphs(&[snapshot(1, 3, 4), snapshot(2, 3, 2)]);
    let hotkey = Hotkey(AccountId([1; 32]));
    assert_eq!(known.registrations(&hotkey).collect::<Vec<_>>(), [(NetUid(1), Uid(1)), (NetUid(2), Uid(1))]);
    assert_eq!(known.homes(AccountId([3; 32])), [NetUid(1)]);
    assert_eq!(known.neurons(), 6);
    // In whatever order their hotkeys are.
    let shuffled: Vec<Neuron> = (0..5).map(|uid| Neuron { uid: Uid(uid), ..neuron((uid + 1) * 37 % 11) }).collect();
    let shuffled = Snapshot::new(stamp(3), subnet(1, 5), shuffled);
    for neuron in shuffled.neurons() {
        assert_eq!(shuffled.uid(&neuron.hotkey), Some(neuron.uid));
    }
    assert_eq!(shuffled.uid(&Hotkey(AccountId([200; 32]))), None);
}

#[test]
fn a_subnet_that_cannot_be_read_leaves_the_others_whole_and_rests() {
    let mut known = metagraphs(&[snapshot(1, 3, 4), snapshot(2, 3, 2)]);
    let list = Arc::make_mut(known.list.as_mut().unwrap());
    list.netuids.insert(NetUid(7));
    assert!(!known.is_whole());
    let garbled = ReadError::Garbled { what: "a metagraph".to_owned(), reason: "half of it".to_owned() };
    assert!(!is_about_the_link(&garbled) && is_about_the_link(&ReadError::Cut { what: "x".to_owned() }));
    break_off(&mut known.broken, NetUid(7), BlockNumber(5), &garbled);
    break_off(&mut known.broken, NetUid(7), BlockNumber(30), &garbled);
    break_off(&mut known.broken, NetUid(2), BlockNumber(40), &garbled);
    assert!(known.is_whole());
    let broken = &known.broken[&NetUid(7)];
    assert_eq!(
        (broken.since, broken.tried, broken.reason.as_str()),
        (BlockNumber(5), BlockNumber(30), garbled.to_string().as_str())
    );
    // The one that was known before is not asked for again at once.
    assert_eq!(known.known()[&NetUid(2)].read_at, BlockNumber(40));
    assert_eq!(known.known()[&NetUid(1)].read_at, BlockNumber(3));
}

#[test]
fn what_is_kept_is_of_the_newest_block_although_nothing_happened_in_it() {
    let mut known = metagraphs(&[snapshot(1, 3, 4), snapshot(2, 3, 2), snapshot(3, 3, 2)]);
    let of = |known: &Metagraphs| [1, 2, 3].map(|netuid| known.true_at(&known.subnets[&NetUid(netuid)]));
    assert_eq!(of(&known), [stamp(3); 3], "not everything was read yet");
    known.behind = Some(BTreeSet::from([NetUid(1)]));
    assert_eq!(of(&known), [stamp(3), stamp(9), stamp(9)], "one waits to be read");
    known.behind = Some(BTreeSet::new());
    assert_eq!(of(&known), [stamp(9); 3]);
    known.claimed.insert(NetUid(2), stamp(7));
    let garbled = ReadError::Garbled { what: "a metagraph".to_owned(), reason: "half of it".to_owned() };
    break_off(&mut known.broken, NetUid(3), BlockNumber(8), &garbled);
    assert_eq!(of(&known), [stamp(9), stamp(7), stamp(3)]);
}

#[tokio::test]
async fn what_is_recorded_tells_the_neurons_and_the_subnet_that_were_read() {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        profile: btd_devnet::Profile::Busy(btd_devnet::Busy { subnets: 1, neurons: 12, seed: 7 }),
        ..Default::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let config = LinkConfig {
        endpoints: vec![format!("ws://{}", devnet.address()).into()],
        stale_after_ms: Some(0),
        ..LinkConfig::default()
    };
    let (link, follower) = btd_chain::link(config).unwrap();
    let token = CancellationToken::new();
    tokio::spawn(follower.run(token.clone()));
    link.state().wait_for(btd_chain::LinkState::is_live).await.unwrap();
    for netuid in [NetUid(0), NetUid(1)] {
        let raw = link.view().unwrap().metagraph(netuid).await.unwrap().unwrap();
        let table = Table::of(&raw, stamp(9));
        let recorded = file::read(&file::write(&table)).unwrap();
        assert_eq!(Snapshot::recorded(&recorded), Some(Snapshot::read(&raw, stamp(9))), "{netuid}");
    }
    token.cancel();
    devnet.stop().await.unwrap();
}

#[test]
fn a_subnets_own_figures_are_the_newest_ones() {
    let mut known = metagraphs(&[snapshot(1, 3, 4)]);
    let list = Arc::make_mut(known.list.as_mut().unwrap());
    list.subnets.get_mut(&NetUid(1)).unwrap().price = Some(Tao::from_rao(77));
    let (at, subnet) = known.newest(&known.subnets[&NetUid(1)]);
    assert_eq!((at.block.number, subnet.price), (BlockNumber(9), Some(Tao::from_rao(77))));
    let (at, subnet) = known.newest(&snapshot(1, 10, 4));
    assert_eq!((at.block.number, subnet.price), (BlockNumber(10), Some(Tao::from_rao(1))));
}

#[test]
fn a_price_that_was_not_told_with_the_neurons_is_that_of_the_list() {
    let figures = figure::Figures::from_iter([("price".to_owned(), serde_json::Value::Null.into())]);
    let unpriced = Arc::new(Table { figures: Arc::new(figures), rows: None, ..file::tests::table(4) });
    // Read before the block of the list, and at it.
    for block in [3, 9] {
        for price in [Some(Tao::from_rao(77)), None] {
            let read = Snapshot::new(stamp(block), subnet(1, 4), (0..4).map(neuron).collect());
            let mut known = metagraphs(&[Arc::new(read.beside(Some(Arc::clone(&unpriced)), None))]);
            known.behind = Some(BTreeSet::new());
            let list = Arc::make_mut(known.list.as_mut().unwrap());
            list.subnets.get_mut(&NetUid(1)).unwrap().price = price;
            let (at, told) = known.table_of_one_block(NetUid(1), MechId(0)).unwrap();
            let expected = price.map_or(serde_json::Value::Null, |price| price.rao().to_string().into());
            assert_eq!(at, stamp(9));
            assert_eq!(told.figures["price"], figure::Figure::from(expected), "read at {block}");
        }
    }
}

struct Running {
    metagraph: Metagraph,
    token: CancellationToken,
    refreshing: tokio::task::JoinHandle<()>,
}

async fn follow(endpoint: String, cache: Cache) -> Running {
    let config = LinkConfig { endpoints: vec![endpoint.into()], stale_after_ms: Some(0), ..LinkConfig::default() };
    follow_with(config, cache).await
}

async fn follow_with(config: LinkConfig, cache: Cache) -> Running {
    let token = CancellationToken::new();
    let (link, follower) = btd_chain::link(config).unwrap();
    tokio::spawn(follower.run(token.clone()));
    let (metagraph, refresher) = open(link, cache, None, "devnet".to_owned()).await.unwrap();
    let refreshing = tokio::spawn(refresher.run(token.clone()));
    Running { metagraph, token, refreshing }
}

#[tokio::test]
async fn a_restart_without_the_chain_serves_what_was_last_known() {
    let directory = tempfile::tempdir().unwrap();
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        ..Default::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let running = follow(format!("ws://{}", devnet.address()), open_cache(directory.path()).await).await;
    let mut news = running.metagraph.subscribe();
    let complete = |known: &Arc<Metagraphs>| {
        known.list.as_ref().is_some_and(|list| !list.subnets.is_empty() && list.subnets.len() == known.subnets.len())
    };
    let known = Arc::clone(&*news.wait_for(complete).await.unwrap());
    assert_eq!(known.genesis, Some(BlockHash(devnet.genesis_hash())));
    assert_eq!(known.subnets.keys().copied().collect::<Vec<_>>(), [NetUid(0), NetUid(1)]);
    assert_eq!(known.subnets[&NetUid(1)].at.block.number, BlockNumber(0));
    running.token.cancel();
    running.refreshing.await.unwrap();
    devnet.stop().await.unwrap();
    drop((news, running.metagraph));

    let cache = reopened(directory.path()).await;
    let running = follow("ws://127.0.0.1:1".to_owned(), cache).await;
    let kept = running.metagraph.current();
    assert_eq!((&kept.list, &kept.subnets), (&known.list, &known.subnets));
    for (netuid, snapshot) in &known.subnets {
        assert!(snapshot.table().is_some());
        assert_eq!(kept.subnets[netuid].table(), snapshot.table(), "all columns and figures of subnet {netuid}");
    }
    assert_eq!(kept.through, None, "the chain may have gone on");
    running.token.cancel();
}

/// Opens the cache once the last writer of the run before has let go of it.
async fn reopened(path: &Path) -> Cache {
    for _ in 0..500 {
        match Cache::open(path, 4 << 20).await {
            Ok((cache, _)) => return cache,
            Err(CacheError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the cache was not let go of");
}
