//! Metagraphs in the cache: their keys, and what is written when, of what has changed.
//!
//! ```text
//! n LABEL                      -> the genesis hash of the network of that name, last time
//! l GENESIS                    -> the stamp of the list, and how many subnets it has
//! l GENESIS GROUP              -> some subnets of the list (`store/lines.rs`)
//! m GENESIS NETUID             -> a metagraph's stamps and subnet
//! m GENESIS NETUID GROUP       -> some neurons, in the order of their slots
//! t GENESIS NETUID             -> the columns and figures that stand in no neuron (`store/rest.rs`)
//! ```
//! Numbers are big-endian, values are JSON; neurons are what postcard makes of [`Row`]s, for the store
//! holds in memory what it wrote last, and of thousands of neurons JSON takes several times as much. So are the
//! subnets of the list, which are written at every block. Some stand together in one value: with an epoch each of them
//! is another, and the store writes a page anew for each value.
//! What cannot be read counts as absent: the chain has it.

mod held;
mod lines;
mod rest;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use btd_api::{AccountId, Alpha, BlockHash, BlockNumber, Coldkey, Hotkey, NetUid, Tao, Uid};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::held::Due;
pub(super) use self::held::{Held, When};
use super::{
    List, Metagraphs,
    snapshot::{Endpoint, Neuron, Snapshot},
    subnet::Subnet,
};
use crate::{
    cache::{Batch, Cache, CacheError, LARGEST_VALUE},
    stamp::Stamp,
};

#[derive(Serialize, Deserialize)]
struct Head {
    at: Stamp,
    /// The block at which all of it was read; none where an earlier version wrote it.
    #[serde(default)]
    whole_at: Option<BlockNumber>,
    subnet: Subnet,
}

/// So many neurons stand together.
const TOGETHER: u16 = 16;

/// A neuron, but for its slot, which the key and its place tell. The order of the fields is the form: another one
/// takes another name of the tree.
#[derive(Serialize, Deserialize)]
struct Row<'n> {
    keys: [[u8; 32]; 2],
    active: bool,
    validator_permit: bool,
    stake: u64,
    alpha_stake: Option<u64>,
    tao_stake: u64,
    rank: Option<u16>,
    trust: Option<u16>,
    consensus: u16,
    incentive: u16,
    dividends: u16,
    validator_trust: Option<u16>,
    emission: u64,
    last_update: u64,
    registered_at: u64,
    axon: Option<(IpAddr, u16, u32, u64)>,
    identity: Option<Cow<'n, str>>,
}

// === impl Row ===

impl<'n> Row<'n> {
    fn of(neuron: &'n Neuron) -> Self {
        Self {
            keys: [neuron.hotkey.0.0, neuron.coldkey.0.0],
            active: neuron.active,
            validator_permit: neuron.validator_permit,
            stake: neuron.stake.rao(),
            alpha_stake: neuron.alpha_stake.map(Alpha::rao),
            tao_stake: neuron.tao_stake.rao(),
            rank: neuron.rank,
            trust: neuron.trust,
            consensus: neuron.consensus,
            incentive: neuron.incentive,
            dividends: neuron.dividends,
            validator_trust: neuron.validator_trust,
            emission: neuron.emission.rao(),
            last_update: neuron.last_update,
            registered_at: neuron.registered_at,
            axon: neuron.axon.map(|axon| (axon.ip, axon.port, axon.version, axon.block)),
            identity: neuron.identity.as_deref().map(Cow::Borrowed),
        }
    }

    fn neuron(self, uid: Uid) -> Neuron {
        let [hotkey, coldkey] = self.keys.map(AccountId);
        Neuron {
            uid,
            hotkey: Hotkey(hotkey),
            coldkey: Coldkey(coldkey),
            active: self.active,
            validator_permit: self.validator_permit,
            stake: Alpha::from_rao(self.stake),
            alpha_stake: self.alpha_stake.map(Alpha::from_rao),
            tao_stake: Tao::from_rao(self.tao_stake),
            rank: self.rank,
            trust: self.trust,
            consensus: self.consensus,
            incentive: self.incentive,
            dividends: self.dividends,
            validator_trust: self.validator_trust,
            emission: Alpha::from_rao(self.emission),
            last_update: self.last_update,
            registered_at: self.registered_at,
            axon: self.axon.map(|(ip, port, version, block)| Endpoint { ip, port, version, block }),
            identity: self.identity.map(Cow::into_owned),
        }
    }
}

fn network_key(label: &str) -> Vec<u8> {
    [b"n", label.as_bytes()].concat()
}

fn key(kind: u8, genesis: BlockHash) -> Vec<u8> {
    [&[kind], &genesis.0[..]].concat()
}

fn subnet_key(kind: u8, genesis: BlockHash, netuid: NetUid) -> Vec<u8> {
    [key(kind, genesis), netuid.0.to_be_bytes().to_vec()].concat()
}

fn lines_key(genesis: BlockHash, group: u16) -> Vec<u8> {
    [key(b'l', genesis), group.to_be_bytes().to_vec()].concat()
}

fn rows_key(genesis: BlockHash, netuid: NetUid, group: u16) -> Vec<u8> {
    [subnet_key(b'm', genesis, netuid), group.to_be_bytes().to_vec()].concat()
}

/// The neurons that stand together, by the number of their group.
fn groups(neurons: &[Neuron]) -> impl Iterator<Item = (u16, &[Neuron])> {
    (0..).zip(neurons.chunks(TOGETHER.into()))
}

/// Neurons that stand together; none where that is more than the cache takes.
fn write_rows(neurons: &[Neuron]) -> Option<Vec<u8>> {
    let rows: Vec<Row<'_>> = neurons.iter().map(Row::of).collect();
    // Numbers, keys and a text: there is nothing in it that postcard could refuse.
    postcard::to_allocvec(&rows).ok().filter(|bytes| bytes.len() <= LARGEST_VALUE)
}

/// The neurons of a group that were written so; none where it is something else.
fn read_rows(bytes: &[u8], group: u16) -> impl Iterator<Item = Neuron> {
    let rows: Vec<Row<'static>> = postcard::from_bytes(bytes).unwrap_or_default();
    let uids = (0..=u16::MAX).skip(usize::from(group) * usize::from(TOGETHER));
    uids.zip(rows).map(|(uid, row)| row.neuron(Uid(uid)))
}

/// The metagraphs that an earlier run kept of the network `label`.
pub(super) async fn load(cache: &Cache, label: &str) -> Result<Option<Metagraphs>, CacheError> {
    let named = cache.scan(&network_key(label)).await?;
    let genesis = named.iter().find(|(key, _)| *key == network_key(label)).and_then(|(_, value)| read(value));
    match genesis {
        Some(genesis) => load_chain(cache, genesis).await.map(Some),
        None => Ok(None),
    }
}

/// The metagraphs that an earlier run kept of the chain `genesis`.
pub(super) async fn load_chain(cache: &Cache, genesis: BlockHash) -> Result<Metagraphs, CacheError> {
    let mut heads: BTreeMap<NetUid, Head> = BTreeMap::new();
    let mut neurons: BTreeMap<NetUid, Vec<Neuron>> = BTreeMap::new();
    for (key, value) in cache.scan(&key(b'm', genesis)).await? {
        match key.get(33..) {
            Some(&[a, b]) => {
                heads.extend(read(&value).map(|head| (NetUid(u16::from_be_bytes([a, b])), head)));
            }
            Some(&[a, b, c, d]) => {
                let rows = read_rows(&value, u16::from_be_bytes([c, d]));
                neurons.entry(NetUid(u16::from_be_bytes([a, b]))).or_default().extend(rows);
            }
            _ => {}
        }
    }
    let mut rests: BTreeMap<Vec<u8>, _> = cache.scan(&key(b't', genesis)).await?.into_iter().collect();
    let mut subnets = BTreeMap::new();
    for (netuid, Head { at, whole_at, subnet }) in heads {
        let mut neurons = neurons.remove(&netuid).unwrap_or_default();
        // What an earlier, larger one has left.
        neurons.truncate(subnet.neurons.into());
        // A row that is missing or out of place makes the whole metagraph worthless.
        let whole = neurons.len() == usize::from(subnet.neurons)
            && (0..).zip(&neurons).all(|(uid, neuron): (u16, _)| neuron.uid == Uid(uid));
        if whole {
            let rest = rests.remove(&subnet_key(b't', genesis, netuid));
            let table = rest.and_then(|rest| rest::read(&rest, at, &neurons)).map(Arc::new);
            let whole_at = whole_at.unwrap_or(at.block.number);
            let snapshot = Snapshot::new(at, subnet, neurons).of_an_earlier_run(whole_at, table);
            subnets.insert(netuid, Arc::new(snapshot));
        }
    }
    let (mut list, mut subnets_of_list) = (None, 0);
    for (key, value) in cache.scan(&key(b'l', genesis)).await? {
        match (key.get(33..), &mut list) {
            (Some([]), _) => {
                let head: Option<(Stamp, usize)> = read(&value);
                list = head.map(|(at, count)| {
                    subnets_of_list = count;
                    List { at, subnets: BTreeMap::new(), netuids: BTreeSet::new() }
                });
            }
            (Some(_), Some(list)) => {
                let subnets = lines::read(&value).into_iter().map(|subnet| (subnet.netuid, subnet));
                list.subnets.extend(subnets);
            }
            _ => {}
        }
    }
    // A list that lacks some would say of them that there are none.
    let mut list = list.filter(|list| list.subnets.len() == subnets_of_list);
    if let Some(List { netuids, subnets, .. }) = &mut list {
        netuids.extend(subnets.keys());
    }
    Ok(Metagraphs { genesis: Some(genesis), list: list.map(Arc::new), subnets, ..Metagraphs::default() })
}

/// Remembers which chain the network `label` is, and forgets what was kept of another under that name.
pub(super) async fn name(cache: &Cache, label: &str, genesis: BlockHash) -> Result<(), CacheError> {
    let mut batch = Batch::default();
    for (key, value) in cache.scan(&network_key(label)).await? {
        let before: Option<BlockHash> = read(&value);
        if key == network_key(label)
            && let Some(before) = before.filter(|before| *before != genesis)
        {
            for kind in [b'l', b'm', b't'] {
                for (key, _) in cache.scan(&self::key(kind, before)).await? {
                    batch.remove(&key);
                }
            }
        }
    }
    put(&mut batch, &network_key(label), &genesis);
    cache.write(batch).await
}

/// The writes after which the store that `held` something has what is `due` of `known`: a batch for each subnet and one for
/// the list. A value that is there already sled itself does not write again.
pub(super) fn changes(held: &Held, known: &Metagraphs, due: &Due) -> Vec<Batch> {
    let mut batches = Vec::new();
    let Some(genesis) = known.genesis else { return batches };
    for snapshot in due.subnets.iter().filter_map(|netuid| known.subnets.get(netuid)) {
        batches.push(of_snapshot(genesis, held.groups_of(snapshot.subnet.netuid), snapshot));
    }
    for netuid in due.subnets.iter().copied().filter(|netuid| !known.subnets.contains_key(netuid)) {
        let mut batch = Batch::default();
        batch.remove(&subnet_key(b'm', genesis, netuid));
        batch.remove(&subnet_key(b't', genesis, netuid));
        for group in held.groups_of(netuid) {
            batch.remove(&rows_key(genesis, netuid, *group));
        }
        batches.push(batch);
    }
    if let Some(list) = known.list.as_ref().filter(|_| due.list) {
        let mut batch = Batch::default();
        put(&mut batch, &key(b'l', genesis), &(list.at, list.subnets.len()));
        let now = lines::groups(&list.subnets);
        for (group, subnets) in &now {
            match lines::write(subnets) {
                Some(lines) => batch.put(&lines_key(genesis, *group), lines),
                None => batch.remove(&lines_key(genesis, *group)),
            }
        }
        for group in held.groups_of_list().iter().filter(|group| !now.contains_key(group)) {
            batch.remove(&lines_key(genesis, *group));
        }
        batches.push(batch);
    }
    batches
}

/// A snapshot in the place of one that had these groups.
fn of_snapshot(genesis: BlockHash, before: &[u16], snapshot: &Snapshot) -> Batch {
    let mut batch = Batch::default();
    let netuid = snapshot.subnet.netuid;
    let head = Head { at: snapshot.at, whole_at: Some(snapshot.whole_at()), subnet: snapshot.subnet.clone() };
    put(&mut batch, &subnet_key(b'm', genesis, netuid), &head);
    match snapshot.table().and_then(|table| rest::write(table, snapshot.neurons())) {
        // One that is larger than the cache takes is not kept: a restart without the chain tells its rows alone.
        Some(rest) if rest.len() <= LARGEST_VALUE => batch.put(&subnet_key(b't', genesis, netuid), rest),
        _ => batch.remove(&subnet_key(b't', genesis, netuid)),
    }
    let mut count = 0;
    for (group, neurons) in groups(snapshot.neurons()) {
        match write_rows(neurons) {
            Some(rows) => batch.put(&rows_key(genesis, netuid, group), rows),
            None => batch.remove(&rows_key(genesis, netuid, group)),
        }
        count = group.saturating_add(1);
    }
    // It has shrunk.
    for group in before.iter().filter(|group| **group >= count) {
        batch.remove(&rows_key(genesis, netuid, *group));
    }
    batch
}

fn put(batch: &mut Batch, key: &[u8], value: &impl Serialize) {
    // The types have text keys only, so writing them cannot fail.
    if let Ok(json) = serde_json::to_vec(value) {
        batch.put(key, json);
    }
}

fn read<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}
