//! That what is kept is what the chain has, while things happen on a busy chain.

use std::{
    collections::BTreeSet,
    env,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use btd_api::MechId;
use btd_chain::{Call, PrepareOptions, Sign, Signature, Signing, SigningPayload, SubmitError};
use btd_devnet::{Busy, Clock, Control, Profile};
use btd_keys::{Key, Scheme};

use super::{policy::GATHERED, *};
use crate::cache::Batch;

mod matrices;
mod silent;
mod upgrade;
mod upheaval;

const BUSY: Busy = Busy { subnets: 3, neurons: 12, seed: 7 };

/// How often something happens; a longer run is asked for by `BTD_UPKEEP_STEPS`.
const STEPS: u64 = 45;

struct Signer(Key);

impl Signer {
    fn of(uri: &str) -> Self {
        Self(Key::from_uri(Scheme::Sr25519, uri).unwrap())
    }
}

impl Sign for Signer {
    fn account(&self) -> AccountId {
        self.0.public().account
    }

    fn sign<'a>(&'a self, payload: &'a SigningPayload) -> Signing<'a> {
        let signature = self.0.pair().sign(&payload.message).bytes;
        Box::pin(async move { Ok(Signature::Sr25519(signature)) })
    }
}

/// The block that is read at.
fn stamp_of(busily: &Busily) -> Stamp {
    Stamp { block: busily.link.finalized().unwrap(), learnt_ms: 5 }
}

/// SplitMix64: the same things happen in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The chain on which things happen.
async fn busy_chain() -> Devnet {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        profile: Profile::Busy(BUSY),
        clock: Clock::Stepped { start: 1_700_000_000_000 },
        ..Default::default()
    };
    Devnet::start(config).await.unwrap()
}

struct Busily {
    devnet: Devnet,
    control: Control,
    link: Link,
    running: Running,
    history: History,
    dice: Dice,
    /// How often weights or bonds were compared that had not been read since an earlier block.
    kept: AtomicU64,
    _directory: tempfile::TempDir,
}

impl Busily {
    async fn begin() -> Self {
        Self::gathering(0).await
    }

    /// The same, with claims of root dividends gathered for `blocks` blocks.
    async fn gathering(blocks: u32) -> Self {
        let devnet = busy_chain().await;
        let address = devnet.address();
        Self::behind(devnet, address, blocks).await
    }

    /// The same of a chain that is reached at `address`.
    async fn behind(devnet: Devnet, address: SocketAddr, blocks: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let token = CancellationToken::new();
        let endpoint = format!("ws://{address}");
        let config = LinkConfig {
            endpoints: vec![endpoint.into()],
            stale_after_ms: Some(0),
            finality: btd_chain::Finality::Revocable,
            ..LinkConfig::default()
        };
        let (link, follower) = btd_chain::link(config).unwrap();
        tokio::spawn(follower.run(token.clone()));
        let cache = open_cache(&directory.path().join("metagraph")).await;
        let (past, _) = Cache::open(directory.path().join("history"), 4 << 20).await.unwrap();
        let history = History::open(past, 64 << 20).await.unwrap();
        let (metagraph, refresher) = open(link.clone(), cache, Some(history.clone()), "busy".to_owned()).await.unwrap();
        let refreshing = tokio::spawn(refresher.gathering(blocks).run(token.clone()));
        let running = Running { metagraph, token, refreshing };
        let (control, kept) = (devnet.control(), AtomicU64::new(0));
        Self { control, devnet, link, running, history, dice: Dice(1), kept, _directory: directory }
    }

    /// What is kept, once it is of the newest block.
    async fn settled(&self) -> Arc<Metagraphs> {
        let head = self.devnet.head();
        let mut news = self.running.metagraph.subscribe();
        let is_there = |known: &Arc<Metagraphs>| {
            known.through.is_some_and(|through| through.number.0 == head.number) && known.is_whole()
        };
        let known = tokio::time::timeout(Duration::from_mins(1), news.wait_for(is_there)).await;
        Arc::clone(&known.expect("the metagraphs do not get to the newest block").unwrap())
    }

    /// Compares all that is kept with what the runtime says at the block of which it is said to be true.
    async fn compare(&self, after: &str) -> Arc<Metagraphs> {
        let known = self.settled().await;
        let through = known.through.unwrap();
        let view = self.link.view_at(through.hash).await.unwrap();
        let netuids: BTreeSet<_> = view.netuids().await.unwrap().into_iter().collect();
        assert_eq!(known.subnets.keys().copied().collect::<BTreeSet<_>>(), netuids, "after {after}");
        for (netuid, kept) in &known.subnets {
            let (at, table) = known.table(*netuid, MechId(0)).unwrap();
            assert_eq!(at.block == through, !known.claimed.contains_key(netuid), "subnet {netuid} after {after}");
            let then = self.link.view_at(at.block.hash).await.unwrap().metagraph(*netuid).await.unwrap().unwrap();
            let differences = kept.differences(&Snapshot::read(&then, at));
            assert_eq!(differences, [], "subnet {netuid} at block {} after {after}", at.block.number);
            let fresh = Table::of(&then, at);
            assert_eq!(table.columns, fresh.columns, "subnet {netuid} after {after}");
            compare_figures(&known, &fresh, after);
            self.compare_mechanisms(&known, *netuid, after).await;
            let now = view.metagraph(*netuid).await.unwrap().unwrap();
            let (listed, fresh) = (&known.list.as_ref().unwrap().subnets[netuid], Snapshot::read(&now, at));
            // Of mechanisms a metagraph tells nothing.
            let mechanisms = Some(view.mechanisms(*netuid).await.unwrap());
            let fresh = Subnet { mechanisms, ..fresh.subnet };
            assert_eq!(*listed, fresh, "subnet {netuid} at block {} after {after}", through.number);
        }
        self.compare_rows(&known, after).await;
        for netuid in known.subnets.keys() {
            let newest = self.running.metagraph.newest(&known, &self.link, *netuid, MechId(0)).await.unwrap();
            let Some((at, told)) = newest else {
                assert_eq!(*netuid, NetUid::ROOT, "after {after}");
                continue;
            };
            assert_eq!(at.block, through, "subnet {netuid} after {after}");
            let fresh = Table::read(&view, *netuid, MechId(0), at).await.unwrap().unwrap();
            assert_eq!(*told, fresh, "subnet {netuid} at block {} after {after}", through.number);
        }
        known
    }

    /// Compares what is kept of a subnet's mechanisms with what the runtime says, all that there are.
    async fn compare_mechanisms(&self, known: &Metagraphs, netuid: NetUid, after: &str) {
        let then = known.true_at(&known.subnets[&netuid]);
        let view = self.link.view_at(then.block.hash).await.unwrap();
        let count = view.mechanisms(netuid).await.unwrap();
        for mechid in (1..count).map(MechId) {
            let which = format!("mechanism {mechid} of subnet {netuid} at block {} after {after}", then.block.number);
            let (at, table) = known.table(netuid, mechid).unwrap_or_else(|| panic!("{which} is not kept"));
            assert_eq!(at, then, "{which}");
            let own = view.mechagraph(netuid, mechid).await.unwrap().unwrap();
            assert_eq!(table.columns, Table::of(&own, at).columns, "{which}");
            let kept = known.mechanism(netuid, mechid).unwrap();
            assert_eq!(kept.differences(&Snapshot::read(&own, at)), [], "{which}");
        }
        assert!(known.mechanism(netuid, MechId(count)).is_none(), "subnet {netuid} has {count} after {after}");
    }

    /// Sends a call; the chain makes a block for it, whether it succeeds or fails.
    async fn send(&self, call: &Call, by: &Signer) {
        let before = self.devnet.head().number;
        let prepared = self.link.prepare(call, by.account(), PrepareOptions::default()).await.unwrap();
        let extrinsic = prepared.sign(by).await.unwrap();
        match self.link.submit(&extrinsic).await {
            // Too soon after the last one, say: then nothing happens.
            Err(SubmitError::Refused(_)) => return,
            sent => sent.unwrap(),
        }
        let included = async {
            while self.devnet.head().number == before {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), included).await.expect("no block came");
    }

    /// Something that a subnet's owner may set, each another time. Of the first and the second no event tells.
    async fn set_something(&self, time: u64) {
        let netuid = u16::try_from(1 + time % 3).unwrap();
        let call = |name: &str| Call::new("AdminUtils", name).arg("netuid", netuid);
        let call = match time / 3 {
            0 => call("sudo_set_rho").arg("rho", 77_u16),
            1 => call("sudo_set_liquid_alpha_enabled").arg("enabled", true),
            2 => call("sudo_set_serving_rate_limit").arg("serving_rate_limit", 49_u64),
            _ => call("sudo_set_immunity_period").arg("immunity_period", 99_u16),
        };
        self.send(&call, &Signer::of(&format!("//busy//owner//{netuid}"))).await;
    }

    /// Something that an operator may do, and what it is called.
    async fn something(&mut self, step: u64) -> &'static str {
        let call = |name: &str| Call::new("SubtensorModule", name);
        let validator = self.dice.below(3);
        let hotkey = Signer::of(&format!("//busy//validator//{validator}//hot"));
        let owner = Signer::of(&format!("//busy//validator//{validator}"));
        let alice = Signer::of("//Alice");
        let netuid = u16::try_from(self.dice.below(4)).unwrap();
        let other = u16::try_from(1 + self.dice.below(3)).unwrap();
        let rao = 1_000_000_000 * (1 + self.dice.below(20));
        match self.dice.below(9) {
            0 | 1 => {
                let call = call("add_stake").arg("hotkey", hotkey.account()).arg("netuid", netuid);
                self.send(&call.arg("amount_staked", rao), &alice).await;
                "staking"
            }
            2 => {
                let call = call("remove_stake").arg("hotkey", hotkey.account()).arg("netuid", netuid);
                self.send(&call.arg("amount_unstaked", rao), &owner).await;
                "unstaking"
            }
            3 => {
                let call = call("swap_stake").arg("hotkey", hotkey.account()).arg("origin_netuid", netuid);
                let call = call.arg("destination_netuid", other).arg("alpha_amount", rao);
                self.send(&call, &owner).await;
                "swapping stake"
            }
            4 => {
                let fresh = Signer::of(&format!("//fresh//{step}")).account();
                self.send(&call("burned_register").arg("netuid", other).arg("hotkey", fresh), &alice).await;
                "registering"
            }
            5 => {
                let call = call("serve_axon").arg("netuid", other).arg("version", 1_u32).arg("ip", 0x0808_0808_u32);
                let port = u16::try_from(8_000 + step).unwrap();
                let call = call.arg("port", port).arg("ip_type", 4_u8).arg("protocol", 4_u8);
                self.send(&call.arg("placeholder1", 0_u8).arg("placeholder2", 0_u8), &hotkey).await;
                "announcing an axon"
            }
            6 => {
                let mut call = call("set_identity").arg("name", format!("validator {step}").as_str());
                for field in ["url", "github_repo", "image", "discord", "description", "additional"] {
                    call = call.arg(field, "");
                }
                self.send(&call, &owner).await;
                "naming itself"
            }
            7 => {
                let subnets: btd_chain::Value = [other].into_iter().collect();
                self.send(&call("claim_root").arg("subnets", subnets), &owner).await;
                "claiming root dividends"
            }
            _ => {
                let hash = [u8::try_from(step % 251).unwrap(); 32].to_vec();
                let call = call("commit_weights").arg("netuid", other);
                self.send(&call.arg("commit_hash", btd_chain::Value::Bytes(hash)), &hotkey).await;
                "committing weights"
            }
        }
    }
}

/// Compares the figures that are told of a subnet without the chain with those that the runtime tells of that block.
fn compare_figures(known: &Metagraphs, fresh: &Table, after: &str) {
    let (at, told) = known.table_of_one_block(fresh.netuid, MechId(0)).unwrap();
    assert_eq!((at, told.at.block), (fresh.at, at.block));
    let block = format!("subnet {} at block {} after {after}", fresh.netuid, at.block.number);
    let nothing = figure::Figure::from(serde_json::Value::Null);
    // What changes from block to block is not known of a block before that of the list.
    let is_listed = known.list.as_ref().is_some_and(|list| list.at == at);
    for (name, figure) in told.figures.iter().filter(|(_, figure)| is_listed || **figure != nothing) {
        assert_eq!(Some(figure), fresh.figures.get(name), "{name} of {block}");
    }
    assert!(told.figures.keys().eq(fresh.figures.keys()));
    for name in ["rho", "kappa", "min_burn", "immunity_period", "serving_rate_limit", "alpha_low", "alpha_high"] {
        assert_eq!(told.figures.get(name), fresh.figures.get(name), "{name} of {block}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_is_what_a_busy_chain_has() {
    let gathered = live_busily(Busily::begin().await).await;
    assert_eq!(gathered, 0, "without gathering, nothing is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_while_claims_are_gathered_is_what_a_busy_chain_had_before_them() {
    let gathered = live_busily(Busily::gathering(GATHERED).await).await;
    assert!(gathered > 0, "there were claims to gather");
}

/// Lets things happen, and compares after each. How often claims were being gathered meanwhile.
#[expect(clippy::disallowed_methods, reason = "a large run is asked for by whoever runs the tests")]
async fn live_busily(mut busily: Busily) -> usize {
    let mut gathered = 0;
    let begun = busily.compare("the beginning").await;
    assert_eq!(begun.subnets.len(), 4);
    let steps = env::var("BTD_UPKEEP_STEPS").map_or(STEPS, |steps| steps.parse().unwrap());
    let mut seen = BTreeSet::new();
    for step in 0..steps {
        let what = busily.something(step).await;
        seen.insert(what);
        let blocks = u32::try_from(busily.dice.below(18)).unwrap();
        if blocks > 0 && busily.dice.below(2) == 0 {
            busily.devnet.mine(blocks).await.unwrap();
        }
        gathered += usize::from(!busily.compare(what).await.claimed.is_empty());
        if step % 5 == 4 {
            busily.set_something(step / 5).await;
            busily.compare("setting something").await;
        }
    }
    // The first epochs of the three subnets are over by block 271.
    while busily.devnet.head().number < 300 {
        busily.devnet.mine(30).await.unwrap();
        busily.settled().await;
    }
    busily.compare("the epochs").await;
    // An owner may set nothing before the first epoch, which was asked for when the chain began.
    for time in 0..12 {
        busily.set_something(time).await;
        busily.compare("setting something").await;
    }
    let known = busily.compare("everything").await;
    let rho = |netuid| known.table(NetUid(netuid), MechId(0)).unwrap().1.figures["rho"].clone();
    let set = figure::Figure::from(serde_json::Value::from(77));
    assert!((1..=3).all(|netuid| rho(netuid) == set), "the owners could set nothing");
    assert!(seen.len() >= 6, "{seen:?}");
    assert!(known.subnets.values().all(|subnet| subnet.subnet.netuid == NetUid(0) || subnet.subnet.last_epoch > 1));
    let Upkeep { wholes, parts, checks, differences } = known.upkeep.clone();
    assert_eq!(differences, 0, "nothing happened that was not noticed");
    assert!(checks >= 3, "each of three epochs is preceded by a check, there were {checks}");
    // One record to begin with and one behind the epoch: what the chain had there.
    let (genesis, through) = (busily.link.genesis().unwrap(), known.through.unwrap());
    let recorded =
        busily.history.range(genesis, (NetUid(2), MechId(0)), (BlockNumber(0), through.number), 9).await.unwrap();
    assert_eq!(recorded.len(), 2);
    let view = busily.link.view_at(recorded[1].at.block.hash).await.unwrap();
    let fresh = Table::read(&view, NetUid(2), MechId(0), recorded[1].at).await.unwrap().unwrap();
    assert_eq!((&recorded[1].columns, &recorded[1].figures), (&fresh.columns, &fresh.figures));
    assert!(!recorded[0].changes(&recorded[1]).is_empty());
    assert!(busily.kept.load(Ordering::Relaxed) >= steps, "weights and bonds are hardly ever kept");
    // Four to begin with, three epochs, and registrations: blocks as such cost no metagraph.
    let registrations = known.neurons() - begun.neurons();
    let most = 4 + 3 + u64::try_from(registrations).unwrap();
    assert!(wholes <= most && parts > 0, "{wholes} whole reads for {registrations} registrations, {parts} of parts");
    busily.running.token.cancel();
    gathered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_event_tells_is_found_before_an_epoch_and_healed() {
    let busily = Busily::begin().await;
    let netuid = NetUid(1);
    let known = busily.compare("the beginning").await;
    let active = known.subnets[&netuid].neurons().iter().filter(|neuron| neuron.active).count();
    assert_eq!(active, 12);
    // The column `Active` of subnet 1, written past all calls: no event tells of it.
    let view = busily.link.view().unwrap();
    let key = view.storage_address("SubtensorModule", "Active", &[netuid.into()]).unwrap();
    let nobody = std::iter::once(12 << 2).chain([0; 12]).collect();
    busily.control.set_storage(vec![(key, Some(nobody))]).await.unwrap();
    let known = busily.settled().await;
    assert_eq!(known.subnets[&netuid].neurons().iter().filter(|neuron| neuron.active).count(), 12);
    assert_eq!(known.upkeep.differences, 0);
    // Its epoch is at block 91 or so.
    busily.devnet.mine(120).await.unwrap();
    let known = busily.compare("the epoch").await;
    assert_eq!((known.upkeep.checks, known.upkeep.differences), (1, 1));
    busily.running.token.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_was_taken_back_is_read_anew() {
    let busily = Busily::begin().await;
    busily.compare("the beginning").await;
    busily.devnet.mine(5).await.unwrap();
    busily.compare("five blocks").await;
    let snapshot = busily.control.snapshot().await.unwrap();
    let alice = Signer::of("//Alice");
    let fresh = Signer::of("//fresh").account();
    let register = Call::new("SubtensorModule", "burned_register").arg("netuid", 1_u16).arg("hotkey", fresh);
    busily.send(&register, &alice).await;
    assert_eq!(busily.compare("a registration").await.subnets[&NetUid(1)].neurons().len(), 13);
    let genesis = busily.link.genesis().unwrap();
    let past =
        Table::read(&busily.link.view().unwrap(), NetUid(1), MechId(0), stamp_of(&busily)).await.unwrap().unwrap();
    busily.history.record(genesis, &past).await.unwrap();
    assert_eq!(busily.history.recorded_blocks(genesis).await, [BlockNumber(0), BlockNumber(6)]);
    busily.control.revert(snapshot).await.unwrap();
    busily.devnet.mine(4).await.unwrap();
    let known = busily.compare("taking it back").await;
    let of_another_life = busily.history.of(genesis, (NetUid(1), MechId(0)), BlockNumber(6)).await.unwrap();
    assert_eq!(of_another_life, None, "the chain has another block 6");
    assert!(!busily.history.recorded_blocks(genesis).await.is_empty());
    drop(known);
    assert_eq!(busily.compare("taking it back").await.subnets[&NetUid(1)].neurons().len(), 12);
    busily.running.token.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_is_compared_as_far_as_the_chain_goes() {
    let busily = Busily::begin().await;
    busily.devnet.mine(3).await.unwrap();
    busily.compare("three blocks").await;
    let (link, genesis) = (&busily.link, busily.link.genesis().unwrap());
    let newest = link.finalized().unwrap();
    let mut table = Table::read(&link.view().unwrap(), NetUid(1), MechId(0), stamp_of(&busily)).await.unwrap().unwrap();
    table.rows = None;
    let of = |netuid: u16, number: u32, hash: BlockHash| {
        let mut of = Table { netuid: NetUid(netuid), ..table.clone() };
        of.at.block = BlockRef { number: BlockNumber(number), hash };
        of
    };
    let directory = tempfile::tempdir().unwrap();
    let cache = open_cache(directory.path()).await;
    let history = History::open(cache.clone(), 4 << 20).await.unwrap();
    let compared = async |to: BlockNumber| compare(&history, genesis, to, link).await.unwrap();
    let first = link.block_hash(BlockNumber(1)).await.unwrap().unwrap();
    let other = BlockHash([9; 32]);
    history.record(genesis, &of(1, 1, first)).await.unwrap();
    history.record(genesis, &of(2, newest.number.0, newest.hash)).await.unwrap();
    let beyond = BlockNumber(newest.number.0 + 5);
    history.record(genesis, &of(3, beyond.0, other)).await.unwrap();
    // Ahead of a node that lags: nothing is said against it yet.
    assert_eq!(compared(newest.number).await, Compared { strange: None, untold: None, beyond: Some(beyond) });
    busily.devnet.mine(5).await.unwrap();
    busily.compare("five more").await;
    assert_eq!(compared(beyond).await, Compared { strange: Some(beyond), untold: None, beyond: None });
    // A record that is damaged is known by its hash all the same.
    let mut batch = Batch::default();
    for (key, _) in cache.scan(&[&genesis.0[..], &[0, 3]].concat()).await.unwrap() {
        batch.put(&key, b"damaged".to_vec());
    }
    cache.write(batch).await.unwrap();
    assert_eq!(compared(beyond).await, Compared { strange: Some(beyond), untold: None, beyond: None });
    // One that an earlier version made has none noted: it is no stranger, and says nothing of those before it.
    let mut batch = Batch::default();
    for (key, _) in cache.scan(&[b"h", &genesis.0[..], &[0, 3]].concat()).await.unwrap() {
        batch.remove(&key);
    }
    cache.write(batch).await.unwrap();
    let history = History::open(cache.clone(), 4 << 20).await.unwrap();
    let compared = async |to: BlockNumber| compare(&history, genesis, to, link).await.unwrap();
    assert_eq!(compared(beyond).await, Compared { strange: None, untold: None, beyond: None });
    assert_eq!(history.recorded_blocks(genesis).await, [BlockNumber(1), newest.number]);
    busily.running.token.cancel();
}
