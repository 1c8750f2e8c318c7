//! Keeps the running axon published on chain: after a change of address, a new registration of the
//! hotkey, or a change of the hotkey itself.
//!
//! What the metagraphs say is compared with what strangers should find; where it differs, the
//! running axon's hotkey signs `serve_axon_tls`, which tells its address and the TLS key of HTTP/3, or
//! `serve_axon` where the runtime knows of no keys. The key is a new one after each start of the axon, and
//! published anew: what callers go by is the statement in its certificate. A wish that fails is repeated, ever more
//! rarely: the chain limits how often a neuron may say where it serves.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::{Hotkey, HotkeyName, NetUid, WalletName};
use btd_signer_protocol::KeyId;
use btd_wire::{certificate::TlsKey, version::PROTOCOL_VERSION};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::Serving;
use crate::{
    causes::with_causes,
    metagraph::{Metagraphs, Snapshot, TlsKeys},
    submit::{Action, Agreed, Mode, Order, ServeAxon, SubmissionError, Submitter, Terms},
};

/// Settings: where the axon is kept published, and under which address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Publish {
    /// The subnets.
    pub netuids: Vec<NetUid>,
    /// The address under which strangers reach the axon. Unset, nothing is published: the address
    /// it is bound to is seldom the one that others see.
    pub ip: Option<IpAddr>,
    /// The port under which strangers reach it. Unset: the one it is bound to.
    pub port: Option<u16>,
    /// Before a wish that failed is repeated, in seconds; each time twice as long, up to an hour.
    pub retry_s: u32,
}

impl Default for Publish {
    fn default() -> Self {
        Self { netuids: Vec::new(), ip: None, port: None, retry_s: 60 }
    }
}

/// As whom and where an axon answers now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) wallet: WalletName,
    pub(super) hotkey: HotkeyName,
    pub(super) account: Hotkey,
    pub(super) bound: SocketAddr,
    pub(super) tls_key: TlsKey,
}

/// What a subnet's neurons can find of the running axon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The subnet.
    pub netuid: NetUid,
    /// Where they should find it.
    pub at: SocketAddr,
    /// What of it they do.
    pub state: Published,
}

/// What of an axon is published, as far as it can be read from the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// Where it serves, and its TLS key.
    Whole,
    /// Where it serves: the runtime has no place for the key.
    WithoutKey,
    /// Not all of it yet.
    NotYet {
        /// Why not.
        reason: String,
    },
}

/// Longest pause before a wish that failed is repeated.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// For what was published to be read back from the chain. Until then it is not published again.
const READ_BACK: Duration = Duration::from_mins(1);
const UNREAD: &str = "it was published, and has not been read back from the chain";
/// How often it is looked whether an axon has come or gone.
const LOOK: Duration = Duration::from_secs(2);

/// What strangers should find on chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    at: SocketAddr,
    /// None where the runtime takes none.
    key: Option<TlsKey>,
}

/// What was tried for one subnet.
#[derive(Debug)]
struct Attempt {
    wanted: Wanted,
    next: Instant,
    pause: Duration,
    /// What came of it, if nothing good did.
    failure: Option<String>,
}

/// Publishes until told to stop. Without an address or a subnet it has nothing to do.
pub async fn publish(
    config: Publish,
    serving: Serving,
    (submitter, keys): (Submitter, TlsKeys),
    told: CancellationToken,
) {
    if config.ip.is_none() || config.netuids.is_empty() {
        return told.cancelled().await;
    }
    let mut metagraphs = serving.metagraph().subscribe();
    let mut publisher = Publisher { config, submitter, keys, attempts: HashMap::new() };
    loop {
        tokio::select! {
            () = told.cancelled() => return,
            // The end of the metagraphs is the end of the daemon.
            _ = metagraphs.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let Some(present) = serving.present() else { continue };
        let Some(at) = publisher.config.at(present.bound) else { continue };
        let known = metagraphs.borrow_and_update().clone();
        for netuid in publisher.config.netuids.clone() {
            let tending = Box::pin(publisher.tend(netuid, at, &present, &known));
            let Some(state) = told.run_until_cancelled(tending).await else { return };
            serving.note_publication(&present, Publication { netuid, at, state });
        }
    }
}

struct Publisher {
    config: Publish,
    submitter: Submitter,
    keys: TlsKeys,
    /// By subnet and hotkey.
    attempts: HashMap<(NetUid, Hotkey), Attempt>,
}

// === impl Wanted ===

impl Wanted {
    /// How much of it strangers find where `found` is where the neuron serves, and its key `shows`, or cannot be read.
    /// None where it is to be published.
    fn read_back(self, netuid: NetUid, found: Option<SocketAddr>, shows: Option<bool>) -> Option<Published> {
        match shows {
            _ if found != Some(self.at) => None,
            Some(true) if self.key.is_some() => Some(Published::Whole),
            Some(true) => Some(Published::WithoutKey),
            Some(false) => None,
            None => {
                let reason = format!("the TLS keys of subnet {netuid} could not be read from the chain");
                Some(Published::NotYet { reason })
            }
        }
    }
}

// === impl Publish ===

impl Publish {
    /// Where strangers reach an axon that is bound to an address, if the settings say so.
    pub(super) fn at(&self, bound: SocketAddr) -> Option<SocketAddr> {
        self.ip.map(|ip| SocketAddr::new(ip, self.port.unwrap_or(bound.port())))
    }
}

// === impl Publisher ===

impl Publisher {
    /// Publishes on one subnet if it is time to.
    async fn tend(&mut self, netuid: NetUid, at: SocketAddr, present: &Present, known: &Metagraphs) -> Published {
        let not_yet = |reason: String| Published::NotYet { reason };
        let Some(subnet) = known.subnets.get(&netuid) else {
            return not_yet(format!("the metagraph of subnet {netuid} is not known"));
        };
        let Some(neuron) = subnet.uid(&present.account).and_then(|uid| subnet.neuron(uid)) else {
            // What was published is gone with the neuron.
            self.attempts.remove(&(netuid, present.account));
            return not_yet(format!("hotkey {} is not registered on subnet {netuid}", present.account));
        };
        let Some(takes_keys) = self.submitter.takes_tls_keys() else {
            return not_yet("the chain is out of reach".to_owned());
        };
        let wanted = Wanted { at, key: takes_keys.then_some(present.tls_key) };
        let found = neuron.axon.map(|axon| SocketAddr::new(axon.ip, axon.port));
        let shows = self.shows(subnet, present.account, wanted).await;
        if let Some(state) = wanted.read_back(netuid, found, shows) {
            return state;
        }
        let now = Instant::now();
        let tried = self.attempts.get(&(netuid, present.account)).filter(|tried| tried.wanted == wanted);
        if let Some(tried) = tried.filter(|tried| now < tried.next) {
            return not_yet(tried.failure.clone().unwrap_or_else(|| UNREAD.to_owned()));
        }
        let first = Duration::from_secs(self.config.retry_s.max(1).into());
        let pause = tried.map_or(first, |tried| (tried.pause * 2).min(LONGEST_PAUSE));
        let submitted = self.submitter.submit(order(netuid, wanted, present)).await;
        if found != Some(at) && submitted.as_ref().is_err_and(is_filtered) {
            // A chain in its safe mode takes where a neuron serves, and no keys.
            let without = Wanted { key: None, ..wanted };
            match self.submitter.submit(order(netuid, without, present)).await {
                Ok(_) => {
                    tracing::info!(%netuid, hotkey = %present.account, axon = %at, "axon published without its key");
                }
                Err(error) => {
                    let reason = with_causes(&error);
                    tracing::warn!(
                        %netuid, hotkey = %present.account, axon = %at, reason,
                        "axon not published without its key"
                    );
                }
            }
        }
        let failure = match submitted {
            Ok(_) => {
                tracing::info!(
                    %netuid, hotkey = %present.account, axon = %at, tls_key = wanted.key.map(tracing::field::display),
                    "axon published"
                );
                None
            }
            Err(error) => {
                let reason = with_causes(&error);
                tracing::warn!(
                    %netuid, hotkey = %present.account, axon = %at, reason, retry_s = pause.as_secs(),
                    "axon not published"
                );
                Some(reason)
            }
        };
        let rest = if failure.is_none() { pause.max(READ_BACK) } else { pause };
        let told = failure.clone().unwrap_or_else(|| UNREAD.to_owned());
        // A submission takes a while.
        let attempt = Attempt { wanted, next: Instant::now() + rest, pause, failure };
        self.attempts.insert((netuid, present.account), attempt);
        not_yet(told)
    }

    /// Whether the chain shows the wanted key, where one is wanted; none where that cannot be read.
    async fn shows(&self, subnet: &Arc<Snapshot>, account: Hotkey, wanted: Wanted) -> Option<bool> {
        let Some(key) = wanted.key else { return Some(true) };
        let keys = self.keys.current(subnet).await?;
        Some(keys.get(&account.account()) == Some(&key))
    }
}

/// Whether the chain does not take such calls now.
fn is_filtered(error: &SubmissionError) -> bool {
    matches!(error, SubmissionError::Dispatch { error, .. } if error.name == "CallFiltered")
}

fn order(netuid: NetUid, wanted: Wanted, present: &Present) -> Order {
    let version = u32::try_from(PROTOCOL_VERSION).unwrap_or(u32::MAX);
    let Wanted { at, key } = wanted;
    Order {
        action: Action::ServeAxon(ServeAxon { netuid, version, ip: at.ip(), port: at.port(), tls_key: key }),
        key: KeyId::hotkey(present.wallet.clone(), present.hotkey.clone()),
        signer: present.account.account(),
        idempotency_key: None,
        mode: Mode::UntilFinalized,
        terms: Terms::default(),
        agreed: Agreed::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_for_published_that_was_not_read_back() {
        let [at, elsewhere]: [SocketAddr; 2] = ["192.0.2.1:8091", "192.0.2.1:8092"].map(|at| at.parse().unwrap());
        let with = Wanted { at, key: TlsKey::read(1, &[7; 32]) };
        let read_back = |found, shows| with.read_back(NetUid(1), found, shows);
        assert_eq!(read_back(Some(at), Some(true)), Some(Published::Whole));
        let unknown = read_back(Some(at), None);
        assert!(matches!(unknown, Some(Published::NotYet { reason }) if reason.contains("could not be read")));
        assert_eq!(read_back(Some(at), Some(false)), None);
        for shows in [Some(true), Some(false), None] {
            assert_eq!((read_back(Some(elsewhere), shows), read_back(None, shows)), (None, None));
        }
        let without = Wanted { key: None, ..with };
        assert_eq!(without.read_back(NetUid(1), Some(at), Some(true)), Some(Published::WithoutKey));
        assert_eq!(without.read_back(NetUid(1), Some(elsewhere), Some(true)), None);
    }
}
