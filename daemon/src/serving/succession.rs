//! Has the axon go on as the hotkey that has taken the place of its own: a coldkey may exchange one of its hotkeys for
//! another (`wallet swap-hotkey`), and from then on callers address the new one, at the same address.
//!
//! It goes by what the metagraphs say and not by the events of an exchange: a slot is what it was, registered at the same
//! block, and its hotkey is another. So an exchange is noticed too that happened while btd was away. The axon goes on
//! only once its hotkey is registered nowhere that counts, and if this host holds the new one's key; otherwise it stays
//! who it is, and why is told ([`Exchanged`]). The configuration is not changed: after a restart as the old
//! hotkey, it goes by the address at which the new one is published.
//!
//! What of the new hotkey lacks on chain is then published by `publish.rs`, as after any start.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::{Hotkey, HotkeyName, NetUid, Uid, WalletName};
use btd_signer_protocol::{KeyId, KeySummary, Purpose, WalletSummary, operations::List};
use tokio_util::sync::CancellationToken;

use super::{Config, Serving, ServingError, lock, publish::Present};
use crate::{
    causes::with_causes,
    custody::CustodyError,
    metagraph::{Endpoint, Snapshot},
};

/// A hotkey that has taken the place of the running axon's own, as which the axon does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// The subnet.
    pub netuid: NetUid,
    /// The new hotkey.
    pub hotkey: Hotkey,
    /// Why the axon does not answer as it.
    pub reason: String,
}

/// How often it is looked whether an axon has come or gone.
const LOOK: Duration = Duration::from_secs(2);
/// Before it is tried again to go on as a hotkey: its key may have been put here, or unlocked.
const PAUSE: Duration = Duration::from_secs(5);

type Subnets = BTreeMap<NetUid, Arc<Snapshot>>;

/// Has running axons go on as whoever takes the place of their hotkeys, until told to stop.
pub async fn succeed(config: Config, serving: Serving, told: CancellationToken) {
    let mut metagraphs = serving.metagraph().subscribe();
    let mut watch = Watch { config, places: Places::default(), tried: None, in_place_of: None };
    loop {
        tokio::select! {
            () = told.cancelled() => return,
            // The end of the metagraphs is the end of the daemon.
            _ = metagraphs.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let Some(present) = serving.present() else { continue };
        let known = metagraphs.borrow_and_update().clone();
        let looking = Box::pin(watch.look(&serving, &present, &known.subnets));
        if told.run_until_cancelled(looking).await.is_none() {
            return;
        }
    }
}

struct Watch {
    config: Config,
    places: Places,
    /// As whom it was tried last to go on, and when.
    tried: Option<(Heir, Instant)>,
    /// Whom the configuration names, and as whom the axon goes on in its place, because that one is published at its address.
    in_place_of: Option<(Hotkey, Hotkey)>,
}

/// Where a hotkey was registered when that was last seen.
#[derive(Debug, Default)]
struct Places {
    of: Option<Hotkey>,
    by_subnet: BTreeMap<NetUid, Place>,
}

/// A slot, from one registration to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    uid: Uid,
    registered_at: u64,
}

/// Who has taken the place of a hotkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heir {
    netuid: NetUid,
    hotkey: Hotkey,
    /// Where the hotkey is registered still.
    stays_on: Option<NetUid>,
}

/// Why the axon does not go on as another hotkey.
#[derive(Debug, thiserror::Error)]
enum Unable {
    /// The key is elsewhere, if anywhere.
    #[error("no wallet of this host holds the secret key of {0}: put it there, and the axon goes on as it")]
    NoKey(Hotkey),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] CustodyError),
    /// The axon does not start.
    #[error(transparent)]
    Axon(#[from] ServingError),
}

// === impl Watch ===

impl Watch {
    /// Looks once, and has the axon go on if it is time to.
    async fn look(&mut self, serving: &Serving, present: &Present, known: &Subnets) {
        let scope = self.scope(known);
        if let Some(named) = self.named_again(present.account, &scope, known) {
            if self.is_due(named) && serving.go_on(present, named.hotkey).await.is_ok() {
                self.in_place_of = None;
            }
            return;
        }
        let Some(heir) = self.places.heir(present.account, &scope, known) else {
            return self.look_at_the_address(serving, present, (&scope, known)).await;
        };
        if let Some(netuid) = heir.stays_on {
            let reason = format!("the axon stays {}, which is registered on subnet {netuid} still", present.account);
            return serving.note_exchange(present, Some(heir.told(reason)));
        }
        if self.is_due(heir) {
            let unable = serving.go_on(present, heir.hotkey).await.err();
            serving.note_exchange(present, unable.map(|unable| heir.told(with_causes(&unable))));
        }
    }

    /// After a start by the configuration, which may name a hotkey that was exchanged long ago.
    async fn look_at_the_address(
        &mut self,
        serving: &Serving,
        present: &Present,
        (scope, known): (&[NetUid], &Subnets),
    ) {
        let Config { axon, wallet, hotkey, publish, .. } = &self.config;
        let is_configured = *axon && present.wallet == *wallet && present.hotkey == *hotkey;
        let at = publish.at(present.bound).filter(|_| is_configured);
        let heirs = at.map_or_else(Vec::new, |at| published_at(at, (present.account, scope), known));
        let Some(first) = heirs.first() else { return serving.note_exchange(present, None) };
        if !self.is_due(*first) {
            return;
        }
        for heir in heirs {
            match serving.go_on(present, heir.hotkey).await {
                // Anybody may publish any address: who is not of this host is passed over in silence.
                Err(Unable::NoKey(_)) => {}
                Ok(()) => {
                    self.in_place_of = Some((present.account, heir.hotkey));
                    return;
                }
                Err(unable) => return serving.note_exchange(present, Some(heir.told(with_causes(&unable)))),
            }
        }
        serving.note_exchange(present, None);
    }

    /// Whom the configuration names, if the axon answers as another for its address alone, and that one is registered by
    /// now: it was not exchanged, but new.
    fn named_again(&self, own: Hotkey, scope: &[NetUid], known: &Subnets) -> Option<Heir> {
        let (hotkey, _) = self.in_place_of.filter(|(_, other)| *other == own)?;
        let is_there = |netuid: &&NetUid| known.get(netuid).is_some_and(|subnet| subnet.uid(&hotkey).is_some());
        let netuid = scope.iter().find(is_there).copied()?;
        Some(Heir { netuid, hotkey, stays_on: None })
    }

    /// The subnets that count: those on which the axon is kept published, or else all.
    fn scope(&self, known: &Subnets) -> Vec<NetUid> {
        let published = &self.config.publish.netuids;
        if published.is_empty() { known.keys().copied().collect() } else { published.clone() }
    }

    /// Whether it is time to try to go on as an heir. If it is, this is taken for a try.
    fn is_due(&mut self, heir: Heir) -> bool {
        let is_due = self.tried.is_none_or(|(tried, at)| tried != heir || at.elapsed() >= PAUSE);
        if is_due {
            self.tried = Some((heir, Instant::now()));
        }
        is_due
    }
}

// === impl Places ===

impl Places {
    /// Takes note of where `own` is registered, and finds who has its place where it is not any more.
    fn heir(&mut self, own: Hotkey, scope: &[NetUid], known: &Subnets) -> Option<Heir> {
        if self.of != Some(own) {
            *self = Self { of: Some(own), by_subnet: BTreeMap::new() };
        }
        let (mut heir, mut stays_on, mut is_sure) = (None, None, true);
        for netuid in scope {
            let Some(subnet) = known.get(netuid) else { continue };
            if let Some(neuron) = subnet.uid(&own).and_then(|uid| subnet.neuron(uid)) {
                let place = Place { uid: neuron.uid, registered_at: neuron.registered_at };
                self.by_subnet.insert(*netuid, place);
                stays_on = stays_on.or(Some(*netuid));
            } else if let Some(place) = self.by_subnet.get(netuid) {
                let holder = subnet.neuron(place.uid).filter(|holder| holder.registered_at == place.registered_at);
                heir = heir.or(holder.map(|holder| (*netuid, holder.hotkey)));
            } else {
                // What an earlier run has kept may be older than a registration.
                is_sure &= !subnet.is_of_an_earlier_run();
            }
        }
        heir.filter(|_| is_sure).map(|(netuid, hotkey)| Heir { netuid, hotkey, stays_on })
    }
}

// === impl Heir ===

impl Heir {
    fn told(self, reason: String) -> Exchanged {
        Exchanged { netuid: self.netuid, hotkey: self.hotkey, reason }
    }
}

// === impl Serving ===

impl Serving {
    /// Who has taken the place of the running axon's hotkey on chain, if the axon does not answer as that one.
    pub fn exchanged(&self) -> Option<Exchanged> {
        lock(&self.shared.exchanged).clone()
    }

    /// Takes note of it, if the axon still is who it was.
    fn note_exchange(&self, present: &Present, told: Option<Exchanged>) {
        if self.present().is_none_or(|now| now.account != present.account) {
            return;
        }
        let mut noted = lock(&self.shared.exchanged);
        if *noted == told {
            return;
        }
        if let Some(Exchanged { netuid, hotkey, reason }) = &told {
            tracing::warn!(
                %netuid, old = %present.account, new = %hotkey, reason,
                "hotkey exchanged, and the axon does not answer as the new one"
            );
        }
        *noted = told;
    }

    /// Stops the axon that was `present` and answers at its address as `heir`; as before if that cannot be. When the axon
    /// was stopped or started anew in between, it is left as it is.
    async fn go_on(&self, present: &Present, heir: Hotkey) -> Result<(), Unable> {
        let custody = &self.shared.custody;
        let wallets = custody.ask(List {}).await?;
        let (wallet, hotkey) = holder(&wallets, &present.wallet, heir).ok_or(Unable::NoKey(heir))?;
        let key = KeyId::hotkey(wallet.clone(), hotkey.clone());
        // What is refused here is refused while the axon still answers.
        custody.require_unlocked(&key, Purpose::Synapse).await?;
        let signer = self.signer(&wallet, &hotkey).await?;
        let former = self.signer(&present.wallet, &present.hotkey).await;

        let mut running = self.shared.running.lock().await;
        let is_there = self.present().is_some_and(|now| now.account == present.account && now.bound == present.bound);
        if !is_there || self.shared.spawner.is_stopping() {
            return Ok(());
        }
        self.end(&mut running).await;
        let begun = self.begin(&mut running, (&wallet, &hotkey), signer, Some(present.bound)).await;
        let Err(error) = begun else {
            tracing::info!(
                old = %present.account, new = %heir, %wallet, %hotkey,
                "the axon goes on as another hotkey: its own was exchanged, or is not registered"
            );
            return Ok(());
        };
        let before = (&present.wallet, &present.hotkey);
        let back = match former {
            Ok(signer) => {
                self.begin(&mut running, before, signer, Some(present.bound)).await.map_err(ServingError::from)
            }
            Err(error) => Err(error),
        };
        if let Err(lost) = back {
            let reason = with_causes(&lost);
            tracing::error!(
                hotkey = %present.account, axon = %present.bound, reason,
                "axon ended: it starts neither as the new hotkey nor as the old one; `btctl axon start` starts it"
            );
        }
        Err(ServingError::from(error).into())
    }
}

/// Whose neurons are published at `at`, if `own` is registered nowhere that counts, as the chain has it now.
fn published_at(at: SocketAddr, (own, scope): (Hotkey, &[NetUid]), known: &Subnets) -> Vec<Heir> {
    let mut found = Vec::new();
    for netuid in scope {
        // What an earlier run has kept may be older than a registration.
        let Some(subnet) = known.get(netuid).filter(|subnet| !subnet.is_of_an_earlier_run()) else { return Vec::new() };
        if subnet.uid(&own).is_some() {
            return Vec::new();
        }
        let is_there = |endpoint: Endpoint| SocketAddr::new(endpoint.ip, endpoint.port) == at;
        let neurons = subnet.neurons().iter().filter(|neuron| neuron.axon.is_some_and(is_there));
        found.extend(neurons.map(|neuron| Heir { netuid: *netuid, hotkey: neuron.hotkey, stays_on: None }));
    }
    found
}

/// Where the secret key of a hotkey is, in the wallet `own` if there as well.
fn holder(wallets: &[WalletSummary], own: &WalletName, hotkey: Hotkey) -> Option<(WalletName, HotkeyName)> {
    let is_it = |key: &KeySummary| {
        key.encryption.is_some() && key.public.is_some_and(|public| public.account == hotkey.account())
    };
    let holders = wallets.iter().filter_map(|wallet| {
        let (name, _) = wallet.hotkeys.iter().find(|(_, key)| is_it(key))?;
        Some((wallet.name.clone(), name.clone()))
    });
    holders.min_by_key(|(wallet, _)| wallet != own)
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;
    use crate::metagraph::{Neuron, sample, sample_of};

    /// Subnet 1 and 2 of four neurons each, of which `change` is made.
    fn subnets(change: impl FnOnce(&mut [Vec<Neuron>; 2])) -> Subnets {
        let mut neurons = [sample(4).neurons().to_vec(), sample(4).neurons().to_vec()];
        change(&mut neurons);
        let snapshots = [1, 2].into_iter().zip(neurons);
        snapshots.map(|(netuid, neurons)| (NetUid(netuid), sample_of(netuid, neurons))).collect()
    }

    fn hotkey(byte: u8) -> Hotkey {
        Hotkey(AccountId([byte; 32]))
    }

    const OWN: u8 = 2;
    const NEW: u8 = 77;
    const BOTH: [NetUid; 2] = [NetUid(1), NetUid(2)];

    #[test]
    fn who_takes_over_a_registration_is_the_heir() {
        let own = hotkey(OWN);
        let mut places = Places::default();
        let exchanged = subnets(|[one, two]| (one[2].hotkey, two[2].hotkey) = (hotkey(NEW), hotkey(NEW)));
        // Without having seen the hotkey there, nothing can be known of it.
        assert_eq!(places.heir(own, &BOTH, &exchanged), None);
        assert_eq!(places.heir(own, &BOTH, &subnets(|_| {})), None);
        let heir = Heir { netuid: NetUid(1), hotkey: hotkey(NEW), stays_on: None };
        assert_eq!(places.heir(own, &BOTH, &exchanged), Some(heir));
        // Again: who cannot go on at once does so later.
        assert_eq!(places.heir(own, &BOTH, &exchanged), Some(heir));
        // Of another hotkey it is another matter.
        assert_eq!(places.heir(hotkey(OWN + 1), &BOTH, &exchanged), None);
        assert_eq!(places.heir(own, &BOTH, &exchanged), None);
    }

    #[test]
    fn who_registers_in_a_slot_that_was_pruned_is_not() {
        let own = hotkey(OWN);
        let mut places = Places::default();
        assert_eq!(places.heir(own, &BOTH, &subnets(|_| {})), None);
        let pruned = subnets(|[one, _]| (one[2].hotkey, one[2].registered_at) = (hotkey(NEW), 6));
        assert_eq!(places.heir(own, &BOTH, &pruned), None);
        // Nor is there one where the subnet is gone.
        assert_eq!(places.heir(own, &BOTH, &Subnets::new()), None);
    }

    #[test]
    fn an_exchange_on_one_subnet_names_the_other_one_that_counts() {
        let own = hotkey(OWN);
        let mut places = Places::default();
        assert_eq!(places.heir(own, &BOTH, &subnets(|_| {})), None);
        let second = subnets(|[_, two]| two[2].hotkey = hotkey(NEW));
        let heir = Heir { netuid: NetUid(2), hotkey: hotkey(NEW), stays_on: Some(NetUid(1)) };
        assert_eq!(places.heir(own, &BOTH, &second), Some(heir));
        let alone = Heir { stays_on: None, ..heir };
        assert_eq!(places.heir(own, &BOTH[1..], &second), Some(alone));
    }

    #[test]
    fn an_address_tells_only_where_the_hotkey_is_not_registered() {
        let at = |port| SocketAddr::new([1, 2, 3, 4].into(), port);
        let own = hotkey(OWN);
        let moved = |change: fn(&mut [Vec<Neuron>; 2])| {
            subnets(|both| {
                both[0][2].hotkey = hotkey(NEW);
                both[0].iter_mut().filter(|neuron| neuron.hotkey != hotkey(NEW)).for_each(|neuron| neuron.axon = None);
                change(both);
            })
        };
        let heir = Heir { netuid: NetUid(1), hotkey: hotkey(NEW), stays_on: None };
        let exchanged = moved(|_| {});
        assert_eq!(published_at(at(8091), (own, &BOTH[..1]), &exchanged), [heir]);
        assert_eq!(published_at(at(8092), (own, &BOTH[..1]), &exchanged), []);
        // It is registered on the other one.
        assert_eq!(published_at(at(8091), (own, &BOTH), &exchanged), []);
        // What is not known yet might tell otherwise.
        assert_eq!(published_at(at(8091), (own, &[NetUid(1), NetUid(3)]), &exchanged), []);
        let gone = moved(|[_, two]| two.truncate(2));
        assert_eq!(published_at(at(8091), (own, &BOTH), &gone).first(), Some(&heir));
    }
}
