//! Weights and bonds: that those that are kept are the chain's, and that nobody asks for them twice, over a node that
//! counts how often it is asked for any.

use std::sync::atomic::AtomicU32;

use btd_api::metagraph::MatrixName;
use btd_chain::{Row, Value, View};

use super::{upheaval::TEMPO, *};
use crate::faulty::{FaultyNode, Reaction};

const BOTH: [MatrixName; 2] = [MatrixName::Weights, MatrixName::Bonds];

/// What the chain stores.
async fn stored(view: &View, ((netuid, mechid), matrix): RowsOf) -> Vec<Row> {
    let rows = match matrix {
        MatrixName::Weights => view.weights(netuid, mechid).await,
        MatrixName::Bonds => view.bonds(netuid, mechid).await,
    };
    rows.unwrap()
}

impl Busily {
    /// Compares the weights and bonds that are told of every mechanism with what the chain stores at the block as of which
    /// they are told. Those that were not kept are from now on.
    pub(super) async fn compare_rows(&self, known: &Metagraphs, after: &str) {
        let metagraph = &self.running.metagraph;
        for (netuid, subnet) in &known.list.as_ref().unwrap().subnets {
            for mechid in (0..subnet.mechanisms.unwrap_or(1)).map(MechId) {
                let which = format!("mechanism {mechid} of subnet {netuid} after {after}");
                let Some((at, neurons)) = known.rows_at(*netuid, mechid) else {
                    assert_eq!(*netuid, NetUid::ROOT, "{which}");
                    continue;
                };
                assert_eq!((Some(at.block), neurons), (known.through, subnet.neurons), "{which}");
                let view = self.link.view_at(at.block.hash).await.unwrap();
                for of in BOTH.map(|matrix| ((*netuid, mechid), matrix)) {
                    let is_kept = metagraph.kept_rows(known, of).is_some();
                    self.kept.fetch_add(u64::from(is_kept), Ordering::Relaxed);
                    let told = metagraph.rows(known, &view, of).await.unwrap();
                    assert_eq!(*told, stored(&view, of).await, "{:?} of {which}, kept: {is_kept}", of.1);
                }
            }
        }
    }
}

struct Asked {
    busily: Busily,
    /// How often the node was asked for weights or bonds.
    count: Arc<AtomicU32>,
    _node: FaultyNode,
}

impl Asked {
    async fn begin() -> Self {
        let devnet = busy_chain().await;
        let node = FaultyNode::before(devnet.address()).await;
        let busily = Busily::behind(devnet, node.address(), 0).await;
        busily.settled().await;
        busily.unbind().await;
        busily.settled().await;
        let view = busily.link.view().unwrap();
        let of_item = |item: &str| {
            let key = view.storage_address("SubtensorModule", item, &[0_u16.into(), 0_u16.into()]).unwrap();
            hex::encode(&key[..32])
        };
        let (items, asked) = (["Weights", "Bonds"].map(of_item), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&asked);
        node.script(move |_, params| {
            let params = params.to_string();
            let is_counted = items.iter().any(|item| params.contains(item.as_str()));
            counted.fetch_add(u32::from(is_counted), Ordering::Relaxed);
            Reaction::Pass
        });
        Self { busily, count: asked, _node: node }
    }

    /// What is told of a subnet's main mechanism, and whether the node was asked for it. It is what the chain stores at the
    /// newest block.
    async fn ask(&self, netuid: u16, matrix: MatrixName) -> (Arc<Vec<Row>>, bool) {
        let known = self.busily.settled().await;
        let (of, link) = (((NetUid(netuid), MechId(0)), matrix), &self.busily.link);
        let before = self.count.load(Ordering::Relaxed);
        let told = self.busily.running.metagraph.newest_rows(&known, link, of).await.unwrap().unwrap();
        let is_asked = self.count.load(Ordering::Relaxed) > before;
        let (at, _) = known.rows_at(NetUid(netuid), MechId(0)).unwrap();
        assert_eq!(at.block.number.0, self.busily.devnet.head().number);
        let view = link.view_at(at.block.hash).await.unwrap();
        assert_eq!(*told, stored(&view, of).await, "{matrix:?} of subnet {netuid}, asked for: {is_asked}");
        (told, is_asked)
    }

    /// For which of subnets 1 and 2 the node is asked, weights and bonds.
    async fn ask_all(&self) -> [bool; 4] {
        let [weights, bonds] = BOTH;
        let mut asked = [false; 4];
        for (asked, (netuid, matrix)) in asked.iter_mut().zip([(1, weights), (1, bonds), (2, weights), (2, bonds)]) {
            *asked = self.ask(netuid, matrix).await.1;
        }
        asked
    }

    /// The first validator gives the neurons of a subnet these weights.
    async fn weigh(&self, netuid: u16, weights: [u16; 3]) {
        let call = Call::new("SubtensorModule", "set_weights").arg("netuid", netuid);
        let call = call.arg("dests", [4_u16, 5, 6].into_iter().collect::<Value>());
        let call = call.arg("weights", weights.into_iter().collect::<Value>()).arg("version_key", 0_u64);
        self.busily.send(&call, &Signer::of("//busy//validator//0//hot")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_and_bonds_are_asked_for_once_until_something_may_have_changed_them() {
    let asked = Asked::begin().await;
    let busily = &asked.busily;
    assert_eq!(asked.ask_all().await, [true; 4]);
    assert_eq!(asked.ask_all().await, [false; 4]);
    // Nothing happens in a block, and then something that leaves them.
    busily.devnet.mine(1).await.unwrap();
    assert_eq!(asked.ask_all().await, [false; 4]);
    let hotkey = Signer::of("//busy//validator//1//hot").account();
    let stake = Call::new("SubtensorModule", "add_stake").arg("hotkey", hotkey).arg("netuid", 1_u16);
    busily.send(&stake.arg("amount_staked", 1_000_000_000_u64), &Signer::of("//Alice")).await;
    assert_eq!(asked.ask_all().await, [false; 4]);
    // Weights are set on one subnet: the other's are kept, and so are the bonds.
    let (before, _) = asked.ask(2, MatrixName::Weights).await;
    asked.weigh(2, [1, 2, 3]).await;
    let (after, is_asked) = asked.ask(2, MatrixName::Weights).await;
    assert!(is_asked && after != before, "{after:?}");
    assert_eq!(asked.ask_all().await, [false; 4]);
    // An epoch makes bonds anew.
    let last_epoch = async || busily.settled().await.list.as_ref().unwrap().subnets[&NetUid(1)].last_epoch;
    let begun = last_epoch().await;
    for _ in 0..=TEMPO {
        busily.devnet.mine(1).await.unwrap();
        if last_epoch().await != begun {
            break;
        }
    }
    assert!(last_epoch().await != begun, "no epoch came");
    assert!(asked.ask(1, MatrixName::Bonds).await.1);
    busily.running.token.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_of_blocks_that_were_taken_back_are_told_no_more() {
    let asked = Asked::begin().await;
    let busily = &asked.busily;
    let (before, _) = asked.ask(2, MatrixName::Weights).await;
    let snapshot = busily.control.snapshot().await.unwrap();
    asked.weigh(2, [1, 2, 3]).await;
    assert!(asked.ask(2, MatrixName::Weights).await.0 != before);
    busily.control.revert(snapshot).await.unwrap();
    // Past the block that was taken back, so that blocks come to be followed again.
    busily.devnet.mine(3).await.unwrap();
    let (after, is_asked) = asked.ask(2, MatrixName::Weights).await;
    assert!(is_asked && after == before);
    busily.running.token.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_metagraph_takes_weights_and_bonds_from_what_is_kept_of_its_block() {
    let asked = Asked::begin().await;
    let (busily, subject) = (&asked.busily, (NetUid(1), MechId(0)));
    let metagraph = &busily.running.metagraph;
    let known = busily.settled().await;
    let (at, _) = known.rows_at(subject.0, subject.1).unwrap();
    assert_eq!(metagraph.both_rows(&known, at.block, subject.0, subject.1), None, "nobody has asked yet");
    let view = busily.link.view_at(at.block.hash).await.unwrap();
    let first = metagraph.whole(&view, subject.0, subject.1, at).await.unwrap().unwrap();
    assert_eq!(Some(&first), Table::read(&view, subject.0, subject.1, at).await.unwrap().as_ref());
    let before = asked.count.load(Ordering::Relaxed);
    let second = metagraph.whole(&view, subject.0, subject.1, at).await.unwrap().unwrap();
    assert_eq!((&second, asked.count.load(Ordering::Relaxed)), (&first, before));
    assert_eq!(metagraph.both_rows(&known, at.block, subject.0, subject.1), first.rows);
    // They are of that block, and of no other.
    let other = BlockRef { number: BlockNumber(at.block.number.0 + 1), hash: BlockHash([9; 32]) };
    assert_eq!(metagraph.both_rows(&known, other, subject.0, subject.1), None);
    // Of a block of the past they are asked for.
    busily.devnet.mine(1).await.unwrap();
    busily.settled().await;
    let past = metagraph.whole(&view, subject.0, subject.1, at).await.unwrap().unwrap();
    assert!(past == first && asked.count.load(Ordering::Relaxed) > before);
    busily.running.token.cancel();
}
