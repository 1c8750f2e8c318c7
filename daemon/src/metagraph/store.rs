//! Metagraphs in the cache: their keys, and what is written when one changes.
//!
//! ```text
//! n LABEL                      -> the genesis hash of the network of that name, last time
//! l GENESIS                    -> the stamp of the list
//! l GENESIS NETUID             -> a subnet of the list
//! m GENESIS NETUID             -> a metagraph's stamp and subnet
//! m GENESIS NETUID UID         -> a neuron
//! ```
//! Numbers are big-endian, values are JSON. What cannot be read counts as absent: the chain has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use btd_api::{BlockHash, NetUid, Uid};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    List, Metagraphs,
    snapshot::{Neuron, Snapshot},
    subnet::Subnet,
};
use crate::{
    cache::{Batch, Cache, CacheError},
    stamp::Stamp,
};

#[derive(Serialize, Deserialize)]
struct Head {
    at: Stamp,
    subnet: Subnet,
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

fn neuron_key(genesis: BlockHash, netuid: NetUid, uid: Uid) -> Vec<u8> {
    [subnet_key(b'm', genesis, netuid), uid.0.to_be_bytes().to_vec()].concat()
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
            Some(&[a, b, _, _]) => {
                neurons.entry(NetUid(u16::from_be_bytes([a, b]))).or_default().extend(read::<Neuron>(&value));
            }
            _ => {}
        }
    }
    let mut subnets = BTreeMap::new();
    for (netuid, Head { at, subnet }) in heads {
        let neurons = neurons.remove(&netuid).unwrap_or_default();
        // A row that is missing or out of place makes the whole metagraph worthless.
        let whole = neurons.len() == usize::from(subnet.neurons)
            && (0..).zip(&neurons).all(|(uid, neuron): (u16, _)| neuron.uid == Uid(uid));
        if whole {
            subnets.insert(netuid, Arc::new(Snapshot::new(at, subnet, neurons)));
        }
    }
    let mut list = None;
    for (key, value) in cache.scan(&key(b'l', genesis)).await? {
        match (key.get(33..), &mut list) {
            (Some([]), _) => {
                list = read(&value).map(|at| List { at, subnets: BTreeMap::new(), netuids: BTreeSet::new() });
            }
            (Some(_), Some(list)) => {
                if let Some(subnet) = read::<Subnet>(&value) {
                    list.netuids.insert(subnet.netuid);
                    list.subnets.insert(subnet.netuid, subnet);
                }
            }
            _ => {}
        }
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
            for kind in [b'l', b'm'] {
                for (key, _) in cache.scan(&self::key(kind, before)).await? {
                    batch.remove(&key);
                }
            }
        }
    }
    put(&mut batch, &network_key(label), &genesis);
    cache.write(batch).await
}

/// The writes that turn `before` into `after`: what did not change is not written.
pub(super) fn difference(before: &Metagraphs, after: &Metagraphs) -> Batch {
    let mut batch = Batch::default();
    let Some(genesis) = after.genesis else { return batch };
    for (netuid, snapshot) in &after.subnets {
        let old = before.subnets.get(netuid);
        if old.is_none_or(|old| !Arc::ptr_eq(old, snapshot)) {
            put_snapshot(&mut batch, genesis, old.map(Arc::as_ref), snapshot);
        }
    }
    for (netuid, old) in before.subnets.iter().filter(|(netuid, _)| !after.subnets.contains_key(netuid)) {
        batch.remove(&subnet_key(b'm', genesis, *netuid));
        for neuron in old.neurons() {
            batch.remove(&neuron_key(genesis, *netuid, neuron.uid));
        }
    }
    if let Some(list) = &after.list
        && before.list.as_ref().is_none_or(|old| !Arc::ptr_eq(old, list))
    {
        put(&mut batch, &key(b'l', genesis), &list.at);
        let old = before.list.as_ref().map(|list| &list.subnets);
        for (netuid, subnet) in &list.subnets {
            if old.and_then(|old| old.get(netuid)) != Some(subnet) {
                put(&mut batch, &subnet_key(b'l', genesis, *netuid), subnet);
            }
        }
        for netuid in old.into_iter().flat_map(BTreeMap::keys).filter(|netuid| !list.subnets.contains_key(netuid)) {
            batch.remove(&subnet_key(b'l', genesis, *netuid));
        }
    }
    batch
}

fn put_snapshot(batch: &mut Batch, genesis: BlockHash, old: Option<&Snapshot>, snapshot: &Snapshot) {
    let netuid = snapshot.subnet.netuid;
    let head = Head { at: snapshot.at, subnet: snapshot.subnet.clone() };
    put(batch, &subnet_key(b'm', genesis, netuid), &head);
    for neuron in snapshot.neurons() {
        if old.and_then(|old| old.neuron(neuron.uid)) != Some(neuron) {
            put(batch, &neuron_key(genesis, netuid, neuron.uid), neuron);
        }
    }
    let shrunk = old.map_or(&[][..], Snapshot::neurons).get(snapshot.neurons().len()..).unwrap_or_default();
    for neuron in shrunk {
        batch.remove(&neuron_key(genesis, netuid, neuron.uid));
    }
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
