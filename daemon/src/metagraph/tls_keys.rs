//! The TLS keys that neurons have published beside where they serve, read of a subnet when they are asked for.
//!
//! A key is published together with an address, so what was read of a subnet holds for as long as its
//! neurons have published nothing since. Where they serve is in the [`Snapshot`]; few ask for the keys,
//! and few neurons have any, so that they are no part of it.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use btd_api::{AccountId, NetUid};
use btd_chain::{Link, ReadError, StorageEntry};
use btd_wire::certificate::TlsKey;
use tokio::time::timeout;

use super::Snapshot;

const SUBTENSOR: &str = "SubtensorModule";
const CERTIFICATES: &str = "NeuronCertificates";
/// A subnet has no more neurons.
const MOST: usize = 65_536;
/// For the chain to tell them.
const PATIENCE: Duration = Duration::from_secs(1);
/// Before a subnet whose keys could not be read is asked for again.
const PAUSE: Duration = Duration::from_secs(15);

/// The handle. Clones share what they have read.
#[derive(Clone, Debug)]
pub struct TlsKeys {
    link: Link,
    kept: Arc<Mutex<BTreeMap<NetUid, Kept>>>,
}

/// What was read of one subnet.
#[derive(Clone, Debug)]
struct Kept {
    /// What its neurons had published, and the mark of that.
    snapshot: Weak<Snapshot>,
    mark: u64,
    keys: Option<Arc<HashMap<AccountId, TlsKey>>>,
    tried: Instant,
}

// === impl TlsKeys ===

impl TlsKeys {
    /// Nothing is read yet.
    pub fn new(link: Link) -> Self {
        Self { link, kept: Arc::default() }
    }

    /// The keys of a subnet's hotkeys, from memory unless a neuron has published anything since they were read. None where
    /// they cannot be read in a moment: then for a while nobody waits for them again. While the chain is out of reach,
    /// those that were read last.
    pub async fn of(&self, snapshot: &Arc<Snapshot>) -> Option<Arc<HashMap<AccountId, TlsKey>>> {
        let netuid = snapshot.subnet.netuid;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&netuid).cloned();
        if self.link.is_stale() {
            return kept.and_then(|kept| kept.keys);
        }
        let this = Arc::downgrade(snapshot);
        let known = kept.as_ref().filter(|kept| kept.snapshot.ptr_eq(&this));
        let mark = known.map_or_else(|| mark(snapshot), |kept| kept.mark);
        let current = kept.filter(|kept| kept.mark == mark);
        if let Some(kept) = current.filter(|kept| kept.keys.is_some() || kept.tried.elapsed() < PAUSE) {
            let keys = kept.keys.clone();
            if !kept.snapshot.ptr_eq(&this) {
                self.keep(netuid, Kept { snapshot: this, ..kept });
            }
            return keys;
        }
        let read = timeout(PATIENCE, self.read(netuid)).await;
        let keys = match read {
            Ok(Ok(keys)) => Some(Arc::new(keys)),
            Ok(Err(error)) => {
                tracing::debug!(%netuid, %error, "the TLS keys of neurons could not be read");
                None
            }
            Err(_) => {
                tracing::debug!(%netuid, "the TLS keys of neurons were not told in time");
                None
            }
        };
        self.keep(netuid, Kept { snapshot: this, mark, keys: keys.clone(), tried: Instant::now() });
        keys
    }

    fn keep(&self, netuid: NetUid, kept: Kept) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(netuid, kept);
    }

    async fn read(&self, netuid: NetUid) -> Result<HashMap<AccountId, TlsKey>, ReadError> {
        let view = self.link.view()?;
        if !view.runtime().has_storage(SUBTENSOR, CERTIFICATES) {
            return Ok(HashMap::new());
        }
        let entries = view.storage_entries(SUBTENSOR, CERTIFICATES, &[netuid.into()], MOST).await?;
        Ok(entries.iter().filter_map(key).collect())
    }
}

/// Of where the neurons of a subnet serve: another one when any of them has published since.
fn mark(snapshot: &Snapshot) -> u64 {
    let mut hasher = DefaultHasher::new();
    for neuron in snapshot.neurons() {
        (neuron.hotkey.account(), neuron.axon.map(|axon| axon.block)).hash(&mut hasher);
    }
    hasher.finish()
}

/// Whose it is, and the key, where it is of a kind that is known.
fn key(entry: &StorageEntry) -> Option<(AccountId, TlsKey)> {
    let hotkey = entry.keys.last()?.as_str()?.parse().ok()?;
    let algorithm = u8::try_from(entry.value.get("algorithm")?.as_u64()?).ok()?;
    let bytes = hex::decode(entry.value.get("public_key")?.as_str()?.strip_prefix("0x")?).ok()?;
    Some((hotkey, TlsKey::read(algorithm, &bytes)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_of_unknown_kinds_are_passed_over() {
        let hotkey = AccountId([7; 32]);
        let entry = |algorithm: u16, bytes: usize| StorageEntry {
            keys: vec![json!(1), json!(hotkey.to_string())],
            value: json!({ "public_key": format!("0x{}", "05".repeat(bytes)), "algorithm": algorithm }),
        };
        assert_eq!(key(&entry(1, 32)), Some((hotkey, TlsKey::read(1, &[5; 32]).unwrap())));
        for (algorithm, bytes) in [(0, 32), (2, 32), (300, 32), (1, 31), (1, 64), (1, 0)] {
            assert_eq!(key(&entry(algorithm, bytes)), None);
        }
        assert_eq!(key(&StorageEntry { keys: vec![], ..entry(1, 32) }), None);
        assert_eq!(key(&StorageEntry { value: json!(null), ..entry(1, 32) }), None);
    }
}
