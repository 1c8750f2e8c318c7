//! What the chain lets be done only once in so many blocks, and the block of the last time.
//!
//! Where a limit lies in storage it is read there. What pallet_subtensor fixes in its code (spec 425) is fixed here too,
//! and holds only on a runtime whose constants are those of a chain at its usual pace: one built to run fast has other
//! limits, which it does not tell, and is left to judge for itself.

use btd_api::{AccountId, Hotkey, MechId, NetUid};
use btd_chain::{ReadError, Value, View, storage_index};
use serde_json::Value as Json;

use super::{SUBTENSOR, foreseen};
use crate::submit::SubmissionError;

/// Blocks between two changes of a hotkey's children.
const CHILDREN: u64 = 150;
/// Blocks between two changes of a subnet's owner hotkey.
const OWNER_HOTKEY: u64 = 50_400;
/// Blocks between two trimmings of a subnet.
const TRIMMING: u64 = 216_000;
/// Blocks between two changes of the tempo by the owner.
const TEMPO: u64 = 360;
/// Blocks between two exchanges of hotkeys on one subnet at the usual pace, which the runtime tells as a constant, and
/// between two changes of its mechanisms, which it does not.
const USUAL_INTERVAL: u64 = 7_200;

/// Something that can be done only so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The owner sets a hyperparameter.
    Hyperparameter {
        /// The subnet.
        netuid: NetUid,
        /// What people call it.
        name: &'static str,
        /// What the runtime calls it (`Hyperparameter`).
        variant: &'static str,
    },
    /// The owner sets the version key of weights.
    WeightsVersion(NetUid),
    /// The owner sets the tempo.
    Tempo(NetUid),
    /// Somebody sets the owner's hotkey.
    OwnerHotkey(NetUid),
    /// The owner sets how many mechanisms there are.
    MechanismCount(NetUid),
    /// The owner splits the emission between them.
    MechanismSplit(NetUid),
    /// The owner trims the subnet.
    Trimming(NetUid),
    /// A hotkey gets other children.
    Children {
        /// The subnet.
        netuid: NetUid,
        /// The hotkey.
        hotkey: Hotkey,
    },
    /// A hotkey's take as a child is raised.
    ChildkeyTake {
        /// The subnet.
        netuid: NetUid,
        /// The hotkey.
        hotkey: Hotkey,
    },
    /// A delegate's take is raised.
    DelegateTake(Hotkey),
    /// A neuron says where it serves.
    Axon {
        /// The subnet.
        netuid: NetUid,
        /// The neuron's hotkey.
        hotkey: Hotkey,
    },
    /// A validator sets weights.
    Weights {
        /// The subnet.
        netuid: NetUid,
        /// The mechanism.
        mechid: MechId,
        /// The validator's hotkey.
        hotkey: Hotkey,
        /// Whether they are hidden first.
        hiding: Hiding,
    },
    /// The actor exchanges one of its hotkeys.
    HotkeySwap,
    /// The actor exchanges one of its hotkeys on this subnet alone.
    HotkeySwapOn(NetUid),
}

/// How weights are told to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hiding {
    /// In the open.
    Open,
    /// As a commit.
    Committed,
}

/// From which block on it may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rest {
    /// The block of the last time; 0 where there was none.
    last: u64,
    /// The first block in which it may be done again.
    next: u64,
}

// === impl Rest ===

impl Rest {
    /// May be done again once `limit` blocks have passed; at once where it was never done.
    fn after(last: u64, limit: u64) -> Self {
        Self { last, next: if last == 0 { 0 } else { last.saturating_add(limit) } }
    }

    /// The same where more than `limit` blocks have to pass, and a limit of 0 is none.
    fn beyond(last: u64, limit: u64) -> Self {
        let rest = Self::after(last, limit);
        if rest.next == 0 || limit == 0 {
            Self { last, next: 0 }
        } else {
            Self { next: rest.next.saturating_add(1), ..rest }
        }
    }
}

// === impl Pace ===

impl Pace {
    /// Refuses what the block after that of `view` would still be too early for.
    pub(super) async fn check(self, view: &View, actor: AccountId) -> Result<(), SubmissionError> {
        let Some(Rest { last, next }) = self.rest(view, actor).await? else { return Ok(()) };
        let including = u64::from(view.block().number.0).saturating_add(1);
        if including >= next {
            return Ok(());
        }
        Err(foreseen(self.error(), self.too_early(Rest { last, next }, next - including)))
    }

    /// None where this runtime's limit is not known.
    async fn rest(self, view: &View, actor: AccountId) -> Result<Option<Rest>, ReadError> {
        let usual = is_usual(view)?;
        let fixed = async |netuid, who: AccountId, kind: u16, limit: u64| {
            if !usual {
                return Ok(None);
            }
            Ok::<_, ReadError>(Some(Rest::after(last_action(view, who, netuid, kind).await?, limit)))
        };
        Ok(Some(match self {
            Self::Hyperparameter { netuid, variant, .. } => {
                let name = Value::Variant(variant.to_owned(), Box::new(Value::Null));
                let last = last_limited(view, "OwnerHyperparamUpdate", Value::List(vec![netuid.into(), name])).await?;
                Rest::after(last, tempos(view, "OwnerHyperparamRateLimit", netuid).await?)
            }
            Self::WeightsVersion(netuid) => {
                let last = last_action(view, actor, netuid, 4).await?;
                Rest::after(last, tempos(view, "WeightsVersionKeyRateLimit", netuid).await?)
            }
            Self::OwnerHotkey(netuid) if usual => {
                Rest::after(last_limited(view, "SetSNOwnerHotkey", netuid.into()).await?, OWNER_HOTKEY)
            }
            Self::OwnerHotkey(_) => return Ok(None),
            Self::Tempo(netuid) => return fixed(netuid, actor, 11, TEMPO).await,
            Self::MechanismCount(netuid) => return fixed(netuid, actor, 7, USUAL_INTERVAL).await,
            Self::MechanismSplit(netuid) => return fixed(netuid, actor, 8, USUAL_INTERVAL).await,
            Self::Trimming(netuid) => return fixed(netuid, actor, 9, TRIMMING).await,
            Self::Children { netuid, hotkey } => return fixed(netuid, hotkey.account(), 0, CHILDREN).await,
            Self::ChildkeyTake { netuid, hotkey } => {
                let last = last_action(view, hotkey.account(), netuid, 1).await?;
                Rest::after(last, number(view, "TxChildkeyTakeRateLimit", &[]).await?)
            }
            Self::DelegateTake(hotkey) => {
                let last = last_limited(view, "LastTxBlockDelegateTake", hotkey.into()).await?;
                Rest::beyond(last, number(view, "TxDelegateTakeRateLimit", &[]).await?)
            }
            Self::Axon { netuid, hotkey } => {
                let axon = view.storage_json(SUBTENSOR, "Axons", &[netuid.into(), hotkey.into()]).await?;
                let last = axon.get("block").and_then(integer).unwrap_or(0);
                Rest::after(last, number(view, "ServingRateLimit", &[netuid.into()]).await?)
            }
            Self::Weights { netuid, mechid, hotkey, .. } => {
                let Some(uid) = view.uid(netuid, hotkey.account()).await? else { return Ok(None) };
                let updates = view.storage_json(SUBTENSOR, "LastUpdate", &[storage_index(netuid, mechid)]).await?;
                let last = updates.get(usize::from(uid.0)).and_then(integer).unwrap_or(0);
                Rest::after(last, number(view, "WeightsSetRateLimit", &[netuid.into()]).await?)
            }
            Self::HotkeySwap => {
                let last = last_limited(view, "LastTxBlock", Value::Account(actor)).await?;
                Rest::beyond(last, number(view, "TxRateLimit", &[]).await?)
            }
            Self::HotkeySwapOn(netuid) => {
                let last = number(view, "LastHotkeySwapOnNetuid", &[netuid.into(), Value::Account(actor)]).await?;
                // Here the chain makes no exception for the first time.
                Rest { last, next: last.saturating_add(interval(view)?).saturating_add(1) }
            }
        }))
    }

    /// What the chain calls it to be too early.
    const fn error(self) -> &'static str {
        match self {
            Self::ChildkeyTake { .. } => "TxChildkeyTakeRateLimitExceeded",
            Self::DelegateTake(_) => "DelegateTxRateLimitExceeded",
            Self::Axon { .. } => "ServingRateLimitExceeded",
            Self::Weights { hiding: Hiding::Open, .. } => "SettingWeightsTooFast",
            Self::Weights { hiding: Hiding::Committed, .. } => "CommittingWeightsTooFast",
            Self::HotkeySwap => "HotKeySetTxRateLimitExceeded",
            Self::HotkeySwapOn(_) => "HotKeySwapOnSubnetIntervalNotPassed",
            Self::Hyperparameter { .. }
            | Self::WeightsVersion(_)
            | Self::Tempo(_)
            | Self::OwnerHotkey(_)
            | Self::MechanismCount(_)
            | Self::MechanismSplit(_)
            | Self::Trimming(_)
            | Self::Children { .. } => "TxRateLimitExceeded",
        }
    }

    /// What is said where `left` more blocks have to pass.
    fn too_early(self, Rest { last, next }: Rest, left: u64) -> String {
        let what = self.what();
        if last == 0 {
            return format!("{what} from block {next} on, in {left} blocks");
        }
        // A neuron's first weights wait too.
        let what_was = if matches!(self, Self::Weights { .. }) {
            "its last weights, or its registration, came"
        } else {
            "the last time was"
        };
        let limit = next.saturating_sub(last);
        format!(
            "{what} once in {limit} blocks, and {what_was} in block {last}: again from block {next} on, in {left} blocks"
        )
    }

    /// The beginning of a sentence that goes on with how often, or when.
    fn what(self) -> String {
        match self {
            Self::Hyperparameter { netuid, name, .. } => format!("{name} of subnet {netuid} is set by its owner"),
            Self::WeightsVersion(netuid) => format!("weights_version of subnet {netuid} is set by its owner"),
            Self::Tempo(netuid) => format!("the tempo of subnet {netuid} is set by its owner"),
            Self::OwnerHotkey(netuid) => format!("the owner's hotkey of subnet {netuid} is set"),
            Self::MechanismCount(netuid) => format!("the mechanisms of subnet {netuid} are set by its owner"),
            Self::MechanismSplit(netuid) => format!("the emission of subnet {netuid} is split by its owner"),
            Self::Trimming(netuid) => format!("subnet {netuid} is trimmed by its owner"),
            Self::Children { netuid, hotkey } => format!("the children of hotkey {hotkey} on subnet {netuid} are set"),
            Self::ChildkeyTake { netuid, hotkey } => {
                format!("the child take of hotkey {hotkey} on subnet {netuid} is raised")
            }
            Self::DelegateTake(hotkey) => format!("the take of hotkey {hotkey} is raised"),
            Self::Axon { netuid, hotkey } => format!("hotkey {hotkey} publishes its axon on subnet {netuid}"),
            Self::Weights { netuid, hotkey, .. } => format!("hotkey {hotkey} sets weights on subnet {netuid}"),
            Self::HotkeySwap => "a coldkey exchanges a hotkey".to_owned(),
            Self::HotkeySwapOn(netuid) => format!("a coldkey exchanges a hotkey on subnet {netuid}"),
        }
    }
}

/// A number, as storage and calls tell it: as text where it is large.
pub(in crate::submit) fn integer(json: &Json) -> Option<u64> {
    json.as_u64().or_else(|| json.as_str()?.parse().ok())
}

async fn number(view: &View, item: &str, keys: &[Value]) -> Result<u64, ReadError> {
    Ok(integer(&view.storage_json(SUBTENSOR, item, keys).await?).unwrap_or(0))
}

/// The block in which `key` was noted last.
async fn last_limited(view: &View, key: &str, content: Value) -> Result<u64, ReadError> {
    number(view, "LastRateLimitedBlock", &[Value::Variant(key.to_owned(), Box::new(content))]).await
}

/// The block in which `who` did something of this kind (`TransactionType`) on the subnet last.
async fn last_action(view: &View, who: AccountId, netuid: NetUid, kind: u16) -> Result<u64, ReadError> {
    number(view, "TransactionKeyLastBlock", &[Value::Account(who), netuid.into(), Value::from(kind)]).await
}

/// A limit that is told in tempos of the subnet, in blocks.
async fn tempos(view: &View, item: &str, netuid: NetUid) -> Result<u64, ReadError> {
    let count = number(view, item, &[]).await?;
    Ok(count.saturating_mul(number(view, "Tempo", &[netuid.into()]).await?))
}

fn interval(view: &View) -> Result<u64, ReadError> {
    Ok(integer(&view.constant_json(SUBTENSOR, "HotkeySwapOnSubnetInterval")?).unwrap_or(0))
}

/// Whether limits that the runtime does not tell are those of a chain at its usual pace.
fn is_usual(view: &View) -> Result<bool, ReadError> {
    match interval(view) {
        Ok(interval) => Ok(interval >= USUAL_INTERVAL),
        Err(ReadError::Absent(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_done_needs_no_rest() {
        assert_eq!(Rest::after(0, 100).next, 0);
        assert_eq!(Rest::after(7, 100).next, 107);
        assert_eq!((Rest::beyond(0, 100).next, Rest::beyond(7, 0).next, Rest::beyond(7, 100).next), (0, 0, 108));
    }

    #[test]
    fn too_early_is_said_with_what_came_before() {
        let said = |pace: Pace, last| pace.too_early(Rest { last, next: 107 }, 5);
        let again = said(Pace::Trimming(NetUid(1)), 7);
        assert_eq!(
            again,
            "subnet 1 is trimmed by its owner once in 100 blocks, and the last time was in block 7: again from block 107 \
             on, in 5 blocks"
        );
        // The chain waits before the first time too, which nobody is told to be another.
        let first = said(Pace::HotkeySwapOn(NetUid(1)), 0);
        assert_eq!(first, "a coldkey exchanges a hotkey on subnet 1 from block 107 on, in 5 blocks");
        let hotkey = Hotkey(AccountId([1; 32]));
        let weights = Pace::Weights { netuid: NetUid(1), mechid: MechId(0), hotkey, hiding: Hiding::Open };
        assert!(said(weights, 7).contains("or its registration, came in block 7"));
    }

    #[test]
    fn too_early_has_the_chains_own_name() {
        let weights =
            |hiding| Pace::Weights { netuid: NetUid(1), mechid: MechId(0), hotkey: Hotkey(AccountId([1; 32])), hiding };
        assert_eq!(weights(Hiding::Open).error(), "SettingWeightsTooFast");
        assert_eq!(weights(Hiding::Committed).error(), "CommittingWeightsTooFast");
        assert_eq!(Pace::Trimming(NetUid(1)).error(), "TxRateLimitExceeded");
    }
}
