//! The same while more than usual happens: keys change hands, stake moves between hotkeys and people, children are
//! chosen, subnets go and come, and epochs follow each other closely. Everything is compared at every block.

use std::collections::BTreeMap;

use blake2::{Blake2b, Digest, digest::consts::U32};
use btd_chain::Value;

use super::*;

/// How often something happens; a longer run is asked for by `BTD_UPHEAVALS`.
const STEPS: u64 = 60;
/// Blocks between epochs.
pub(super) const TEMPO: u16 = 12;

/// A validator as it is now: both of its keys may have changed.
struct Validator {
    cold: String,
    hot: String,
    /// The coldkey that it announced.
    announced: Option<String>,
}

struct Upheaval {
    busily: Busily,
    validators: Vec<Validator>,
    /// What has happened, and how often the chain let it.
    done: BTreeMap<&'static str, u32>,
}

fn ours(name: &str) -> Call {
    Call::new("SubtensorModule", name)
}

fn account(uri: &str) -> AccountId {
    Signer::of(uri).account()
}

impl Busily {
    /// Takes away what makes changes rare, written past all calls, and lets epochs follow each other.
    pub(super) async fn unbind(&self) {
        let view = self.link.view().unwrap();
        let item = |name: &str, keys: &[Value], value: &[u8]| {
            (view.storage_address("SubtensorModule", name, keys).unwrap(), Some(value.to_vec()))
        };
        let mut settings = vec![
            item("TxRateLimit", &[], &0_u64.to_le_bytes()),
            item("NetworkRateLimit", &[], &0_u64.to_le_bytes()),
            item("NetworkImmunityPeriod", &[], &0_u64.to_le_bytes()),
            item("NetworkMinLockCost", &[], &1_000_000_000_u64.to_le_bytes()),
            item("NetworkLastLockCost", &[], &1_000_000_000_u64.to_le_bytes()),
            item("ColdkeySwapAnnouncementDelay", &[], &0_u32.to_le_bytes()),
            item("PendingChildKeyCooldown", &[], &0_u64.to_le_bytes()),
        ];
        for netuid in (1..=BUSY.subnets).map(Value::from) {
            let netuid = std::slice::from_ref(&netuid);
            settings.push(item("Tempo", netuid, &TEMPO.to_le_bytes()));
            settings.push(item("MechanismCountCurrent", netuid, &[2]));
            settings.push(item("CommitRevealWeightsEnabled", netuid, &[0]));
            settings.push(item("WeightsSetRateLimit", netuid, &0_u64.to_le_bytes()));
        }
        self.control.set_storage(settings).await.unwrap();
        self.devnet.mine(1).await.unwrap();
    }
}

impl Upheaval {
    async fn begin() -> Self {
        let busily = Busily::begin().await;
        let validator = |number: u32| Validator {
            cold: format!("//busy//validator//{number}"),
            hot: format!("//busy//validator//{number}//hot"),
            announced: None,
        };
        busily.compare("the beginning").await;
        busily.unbind().await;
        Self { busily, validators: (0..3).map(validator).collect(), done: BTreeMap::new() }
    }

    async fn by_sudo(&self, call: &Call) -> bool {
        let sudo = Call::new("Sudo", "sudo").arg("call", Value::Call(Box::new(call.clone())));
        self.sends(&sudo, "//Alice").await
    }

    /// Sends a call; whether the chain did what it asks for.
    async fn sends(&self, call: &Call, by: &str) -> bool {
        let before = self.busily.devnet.head().number;
        self.busily.send(call, &Signer::of(by)).await;
        let head = self.busily.devnet.head().number;
        if head == before {
            return false;
        }
        self.busily.settled().await;
        let view = self.busily.link.view_of(BlockNumber(head)).await.unwrap();
        let events = view.storage_json("System", "Events", &[]).await.unwrap();
        let failed = |text: &str| text.contains("ExtrinsicFailed") || text.contains("\"Err\"");
        !failed(&events.to_string())
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.busily.dice.below(bound)).unwrap()
    }

    fn hotkey(&self, validator: usize) -> AccountId {
        account(&self.validators[validator].hot)
    }

    /// Something that shakes the chain, what it is called, and whether the chain let it happen.
    async fn shake(&mut self, step: u64) -> (&'static str, bool) {
        let (one, other) = (self.below(3), self.below(3));
        let netuid = u16::try_from(1 + self.below(3)).unwrap();
        let further = u16::try_from(self.below(4)).unwrap();
        let rao = 1_000_000_000 * u64::try_from(1 + self.below(20)).unwrap();
        let (hotkey, cold) = (self.hotkey(one), self.validators[one].cold.clone());
        let stake =
            |call: Call| call.arg("origin_netuid", netuid).arg("destination_netuid", further).arg("alpha_amount", rao);
        match self.below(13) {
            0 => {
                let call = ours("move_stake").arg("origin_hotkey", hotkey);
                let call = stake(call.arg("destination_hotkey", self.hotkey(other)));
                ("moving stake between hotkeys", self.sends(&call, &cold).await)
            }
            1 => {
                let call = ours("transfer_stake").arg("destination_coldkey", account("//Bob")).arg("hotkey", hotkey);
                ("giving stake to somebody", self.sends(&stake(call), &cold).await)
            }
            2 | 3 => {
                let share = Value::List(vec![(u64::MAX / 3).into(), self.hotkey(other).into()]);
                let children = if self.below(4) == 0 { vec![] } else { vec![share] };
                let call = ours("set_children").arg("hotkey", hotkey).arg("netuid", netuid);
                ("choosing children", self.sends(&call.arg("children", Value::List(children)), &cold).await)
            }
            4 => {
                let fresh = format!("//hot//{step}");
                let keeps = self.below(3) == 0;
                let call = ours("swap_hotkey_v2").arg("hotkey", hotkey).arg("new_hotkey", account(&fresh));
                let done = self.sends(&call.arg("netuid", Value::Null).arg("keep_stake", keeps), &cold).await;
                if done {
                    self.validators[one].hot = fresh;
                }
                ("swapping a hotkey", done)
            }
            5 => {
                // On one subnet alone a chain lets it happen once it is 36,000 blocks old.
                let (old, new) = (format!("//busy//owner//{netuid}//hot"), format!("//owner//{step}"));
                let call = ours("swap_hotkey").arg("hotkey", account(&old)).arg("new_hotkey", account(&new));
                let done = self.sends(&call.arg("netuid", Value::Null), &format!("//busy//owner//{netuid}")).await;
                ("swapping an owner's hotkey", done)
            }
            6 => {
                let call = ours("set_mechanism_weights").arg("netuid", netuid).arg("mecid", 1_u8);
                ("weighing for a mechanism", self.weighs(call, one).await)
            }
            7 => ("weighing", self.weighs(ours("set_weights").arg("netuid", netuid), one).await),
            8 => self.changes_its_coldkey(one, step).await,
            9 => {
                let call = ours("serve_axon").arg("netuid", netuid).arg("version", 0_u32).arg("ip", 0_u32);
                let call = call.arg("port", 1_u16).arg("ip_type", 4_u8).arg("protocol", 4_u8);
                let call = call.arg("placeholder1", 0_u8).arg("placeholder2", 0_u8);
                ("taking an axon back", self.sends(&call, &self.validators[one].hot.clone()).await)
            }
            10 => {
                // The newest, which may be founded again under its number.
                let known = self.busily.settled().await;
                let newest = known.subnets.keys().max().map_or(0, |netuid| netuid.0);
                let call = ours("root_dissolve_network").arg("netuid", newest);
                ("dissolving a subnet", self.by_sudo(&call).await)
            }
            11 => {
                let call = ours("register_network").arg("hotkey", account(&format!("//founder//{step}")));
                ("founding a subnet", self.sends(&call, "//Alice").await)
            }
            _ => {
                let call = ours("add_stake").arg("hotkey", hotkey).arg("netuid", further);
                ("staking", self.sends(&call.arg("amount_staked", rao), "//Alice").await)
            }
        }
    }

    async fn weighs(&mut self, call: Call, validator: usize) -> bool {
        let weighed: Vec<u16> = (0..8).collect();
        let weights: Vec<u16> = weighed.iter().map(|_| u16::try_from(1 + self.below(1_000)).unwrap()).collect();
        let call = call.arg("dests", weighed.into_iter().collect::<Value>());
        let call = call.arg("weights", weights.into_iter().collect::<Value>()).arg("version_key", 0_u64);
        self.sends(&call, &self.validators[validator].hot.clone()).await
    }

    /// Announces another coldkey, or changes to the one that it announced.
    async fn changes_its_coldkey(&mut self, validator: usize, step: u64) -> (&'static str, bool) {
        let cold = self.validators[validator].cold.clone();
        if let Some(announced) = self.validators[validator].announced.take() {
            let call = ours("swap_coldkey_announced").arg("new_coldkey", account(&announced));
            let done = self.sends(&call, &cold).await;
            if done {
                self.validators[validator].cold = announced;
            }
            return ("swapping a coldkey", done);
        }
        let fresh = format!("//cold//{step}");
        let hash = Blake2b::<U32>::digest(account(&fresh).as_bytes());
        let call = ours("announce_coldkey_swap").arg("new_coldkey_hash", Value::Bytes(hash.to_vec()));
        let done = self.sends(&call, &cold).await;
        if done {
            self.validators[validator].announced = Some(fresh);
        }
        ("announcing a coldkey", done)
    }
}

#[expect(clippy::disallowed_methods, reason = "a large run is asked for by whoever runs the tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_is_what_a_shaken_chain_has() {
    let mut upheaval = Upheaval::begin().await;
    let steps = env::var("BTD_UPHEAVALS").map_or(STEPS, |steps| steps.parse().unwrap());
    for step in 0..steps {
        let (what, done) = upheaval.shake(step).await;
        *upheaval.done.entry(what).or_default() += u32::from(done);
        upheaval.busily.compare(what).await;
        for _ in 0..upheaval.below(4) {
            upheaval.busily.devnet.mine(1).await.unwrap();
            upheaval.busily.compare(what).await;
        }
    }
    let known = upheaval.busily.compare("all of it").await;
    assert_eq!(known.upkeep.differences, 0, "something happened that was not noticed");
    let never: Vec<_> = upheaval.done.iter().filter(|(_, times)| **times == 0).collect();
    assert!(never.is_empty(), "the chain never let it happen: {never:?} of {:?}", upheaval.done);
    assert_eq!(upheaval.done.len(), 13, "{:?}", upheaval.done);
    upheaval.busily.running.token.cancel();
}
