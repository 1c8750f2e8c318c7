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
use tokio::{sync::Mutex as AsyncMutex, time::timeout};

use super::Snapshot;

const SUBTENSOR: &str = "SubtensorModule";
const CERTIFICATES: &str = "NeuronCertificates";
/// A subnet has no more neurons.
const MOST: usize = 65_536;
/// For the chain to tell them.
const PATIENCE: Duration = Duration::from_secs(1);
/// Before a subnet whose keys could not be read is asked for again.
const PAUSE: Duration = Duration::from_secs(15);

type Keys = Arc<HashMap<AccountId, TlsKey>>;
/// Locked while the subnet's keys are read, so that one reads and the others wait for it.
type Slot = Arc<AsyncMutex<Kept>>;

/// The handle. Clones share what they have read.
#[derive(Clone, Debug)]
pub struct TlsKeys {
    link: Link,
    kept: Arc<Mutex<BTreeMap<NetUid, Slot>>>,
}

/// What was read of one subnet.
#[derive(Clone, Debug, Default)]
struct Kept {
    /// What its neurons had published when it was looked at last, and the mark of that.
    snapshot: Weak<Snapshot>,
    mark: u64,
    /// When a read was tried since that mark.
    tried: Option<Instant>,
    keys: Option<Keys>,
    /// Whether they were read since that mark.
    current: bool,
}

// === impl TlsKeys ===

impl TlsKeys {
    /// Nothing is read yet.
    pub fn new(link: Link) -> Self {
        Self { link, kept: Arc::default() }
    }

    /// The keys of a subnet's hotkeys, from memory unless a neuron has published anything since they were read. Where
    /// they cannot be read in a moment, those that were read last: then for a while nobody waits for them again.
    pub async fn of(&self, snapshot: &Arc<Snapshot>) -> Option<Keys> {
        self.look(snapshot).await.keys
    }

    /// The same, and none where a neuron may have published another key since they were read.
    pub async fn current(&self, snapshot: &Arc<Snapshot>) -> Option<Keys> {
        let kept = self.look(snapshot).await;
        kept.keys.filter(|_| kept.current)
    }

    async fn look(&self, snapshot: &Arc<Snapshot>) -> Kept {
        let netuid = snapshot.subnet.netuid;
        let slot = Arc::clone(self.kept.lock().unwrap_or_else(PoisonError::into_inner).entry(netuid).or_default());
        let mut kept = slot.lock().await;
        kept.follow(snapshot);
        let rests = kept.tried.is_some_and(|tried| tried.elapsed() < PAUSE);
        if !kept.current && !rests && !self.link.is_stale() {
            // Before: whoever gives up waiting has tried all the same.
            kept.tried = Some(Instant::now());
            let read = timeout(PATIENCE, self.read(netuid)).await;
            match read {
                Ok(Ok(keys)) => {
                    kept.keys = Some(Arc::new(keys));
                    kept.current = true;
                }
                Ok(Err(error)) => tracing::debug!(%netuid, %error, "the TLS keys of neurons could not be read"),
                Err(_) => tracing::debug!(%netuid, "the TLS keys of neurons were not told in time"),
            }
        }
        kept.clone()
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

// === impl Kept ===

impl Kept {
    /// Finds out whether a neuron has published anything since the last look.
    fn follow(&mut self, snapshot: &Arc<Snapshot>) {
        let this = Arc::downgrade(snapshot);
        if self.snapshot.ptr_eq(&this) {
            return;
        }
        self.snapshot = this;
        let mark = mark(snapshot);
        if self.mark != mark {
            (self.mark, self.current, self.tried) = (mark, false, None);
        }
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
    use crate::metagraph::tests::snapshot;

    #[test]
    fn keys_are_current_until_a_neuron_publishes_and_are_kept_after_it() {
        let [first, same, other] = [(5, 2), (6, 2), (7, 3)].map(|(block, neurons)| snapshot(1, block, neurons));
        let mut kept = Kept::default();
        kept.follow(&first);
        assert!(!kept.current && kept.tried.is_none());
        (kept.keys, kept.current, kept.tried) = (Some(Arc::default()), true, Some(Instant::now()));
        kept.follow(&same);
        assert!(kept.current && kept.tried.is_some());
        kept.follow(&other);
        assert!(!kept.current && kept.tried.is_none() && kept.keys.is_some());
    }

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
