//! Keeps the running axon published on chain: after a change of address, a new registration of the
//! hotkey, or a change of the hotkey itself.
//!
//! What the metagraphs say is compared with what strangers should find; where it differs, the
//! running axon's hotkey signs `serve_axon`. A wish that fails is repeated, ever more rarely: the
//! chain limits how often a neuron may say where it serves.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use btd_api::{Hotkey, HotkeyName, NetUid, WalletName};
use btd_signer_protocol::KeyId;
use btd_wire::version::PROTOCOL_VERSION;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::Serving;
use crate::{
    causes::with_causes,
    metagraph::Metagraphs,
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
}

/// Longest pause before a wish that failed is repeated.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// How often it is looked whether an axon has come or gone.
const LOOK: Duration = Duration::from_secs(2);

/// What was tried for one subnet.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    wanted: SocketAddr,
    next: Instant,
    pause: Duration,
}

/// The subnets on which `account` is registered and found somewhere else than at `wanted`.
fn outdated(netuids: &[NetUid], known: &Metagraphs, account: &Hotkey, wanted: SocketAddr) -> Vec<NetUid> {
    let differs = |netuid: &&NetUid| {
        let subnet = known.subnets.get(*netuid)?;
        let neuron = subnet.neuron(subnet.uid(account)?)?;
        let found = neuron.axon.map(|axon| SocketAddr::new(axon.ip, axon.port));
        Some(found != Some(wanted))
    };
    netuids.iter().filter(|netuid| differs(netuid) == Some(true)).copied().collect()
}

/// Publishes until told to stop. Without an address or a subnet it has nothing to do.
pub async fn publish(config: Publish, serving: Serving, submitter: Submitter, told: CancellationToken) {
    let Some(ip) = config.ip.filter(|_| !config.netuids.is_empty()) else { return told.cancelled().await };
    let mut metagraphs = serving.metagraph().subscribe();
    let mut attempts: HashMap<(NetUid, Hotkey), Attempt> = HashMap::new();
    loop {
        tokio::select! {
            () = told.cancelled() => return,
            // The end of the metagraphs is the end of the daemon.
            _ = metagraphs.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let Some(present) = serving.present() else { continue };
        let wanted = SocketAddr::new(ip, config.port.unwrap_or(present.bound.port()));
        let known = metagraphs.borrow_and_update().clone();
        for netuid in outdated(&config.netuids, &known, &present.account, wanted) {
            let now = Instant::now();
            let tried = attempts.get(&(netuid, present.account)).copied().filter(|tried| tried.wanted == wanted);
            if tried.is_some_and(|tried| now < tried.next) {
                continue;
            }
            let first = Duration::from_secs(config.retry_s.max(1).into());
            let pause = tried.map_or(first, |tried| (tried.pause * 2).min(LONGEST_PAUSE));
            attempts.insert((netuid, present.account), Attempt { wanted, next: now + pause, pause });
            let ordering = submitter.submit(order(netuid, wanted, &present));
            let Some(ended) = told.run_until_cancelled(ordering).await else { return };
            match ended {
                Ok(_) => tracing::info!(%netuid, hotkey = %present.account, axon = %wanted, "axon published"),
                Err(error) => tracing::warn!(
                    %netuid, hotkey = %present.account, axon = %wanted, reason = with_causes(&error),
                    retry_s = pause.as_secs(), "axon not published"
                ),
            }
        }
    }
}

fn order(netuid: NetUid, wanted: SocketAddr, present: &Present) -> Order {
    let version = u32::try_from(PROTOCOL_VERSION).unwrap_or(u32::MAX);
    Order {
        action: Action::ServeAxon(ServeAxon { netuid, version, ip: wanted.ip(), port: wanted.port() }),
        key: KeyId::hotkey(present.wallet.clone(), present.hotkey.clone()),
        signer: present.account.account(),
        idempotency_key: None,
        mode: Mode::UntilFinalized,
        terms: Terms::default(),
    }
}
