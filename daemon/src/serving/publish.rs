//! Keeps the running axon published on chain: after a change of address, a new registration of the
//! hotkey, or a change of the hotkey itself.
//!
//! What the metagraphs say is compared with what strangers should find; where it differs, the
//! running axon's hotkey signs `serve_axon_tls`, which tells its address and the TLS key of HTTP/3, or
//! `serve_axon` where the runtime knows of no keys. The key is a new one after each start of the axon, and
//! published anew: until then its certificate alone vouches for it. A wish that fails is repeated, ever more
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
    submit::{Action, Mode, Order, ServeAxon, Submitter, Terms},
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

/// What of an axon is published.
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
    let Some(ip) = config.ip.filter(|_| !config.netuids.is_empty()) else { return told.cancelled().await };
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
        let at = SocketAddr::new(ip, publisher.config.port.unwrap_or(present.bound.port()));
        let known = metagraphs.borrow_and_update().clone();
        for netuid in publisher.config.netuids.clone() {
            let tending = publisher.tend(netuid, at, &present, &known);
            let Some(state) = told.run_until_cancelled(tending).await else { return };
            serving.note_publication(&present, Publication { netuid, at, state });
        }
    }
}

struct Publisher {
    config: Publish,
    submitter: Submitter,
    keys: TlsKeys,
    /// By subnet and hotkey. One that succeeded stays: what it published is not published again for the sake of a
    /// key that does not show.
    attempts: HashMap<(NetUid, Hotkey), Attempt>,
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
            return not_yet(format!("hotkey {} is not registered on subnet {netuid}", present.account));
        };
        let Some(takes_keys) = self.submitter.takes_tls_keys() else {
            return not_yet("the chain is out of reach".to_owned());
        };
        let wanted = Wanted { at, key: takes_keys.then_some(present.tls_key) };
        let found = neuron.axon.map(|axon| SocketAddr::new(axon.ip, axon.port));
        let done = if wanted.key.is_some() { Published::Whole } else { Published::WithoutKey };
        if found == Some(at) && !self.lacks_key(subnet, present.account, wanted).await {
            return done;
        }
        let now = Instant::now();
        let tried = self.attempts.get(&(netuid, present.account)).filter(|tried| tried.wanted == wanted);
        if let Some(tried) = tried.filter(|tried| now < tried.next) {
            return tried.failure.clone().map_or(done, not_yet);
        }
        let first = Duration::from_secs(self.config.retry_s.max(1).into());
        let pause = tried.map_or(first, |tried| (tried.pause * 2).min(LONGEST_PAUSE));
        let failure = match self.submitter.submit(order(netuid, wanted, present)).await {
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
        let attempt = Attempt { wanted, next: now + pause, pause, failure: failure.clone() };
        self.attempts.insert((netuid, present.account), attempt);
        failure.map_or(done, not_yet)
    }

    /// Whether the chain has another key of the hotkey than the wanted one, or none, and was not given it.
    async fn lacks_key(&self, subnet: &Arc<Snapshot>, account: Hotkey, wanted: Wanted) -> bool {
        let Some(key) = wanted.key else { return false };
        let tried = self.attempts.get(&(subnet.subnet.netuid, account));
        if tried.is_some_and(|tried| tried.wanted == wanted && tried.failure.is_none()) {
            return false;
        }
        self.keys.of(subnet).await.is_some_and(|keys| keys.get(&account.account()) != Some(&key))
    }
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
    }
}
