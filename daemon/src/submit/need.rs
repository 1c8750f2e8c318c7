//! What must hold so that the chain does not refuse a call: read at the plan's block, judged purely.
//!
//! Each [`Need`] stands for a check that pallet_subtensor makes itself (spec 425), and fails with the
//! name that the chain gives it, so that a refusal before signing reads like one after it. A runtime
//! that lacks what a check reads is not judged by it: the chain has the last word anyway.

use btd_api::{AccountId, BlockNumber, Coldkey, Hotkey, NetUid};
use btd_chain::{ReadError, Value, View};

use super::{SubmissionError, plan::Precondition};

const SUBTENSOR: &str = "SubtensorModule";

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The subnet exists.
    Subnet(NetUid),
    /// The subnet's alpha can be traded: its owner has started it.
    Started(NetUid),
    /// The hotkey has a place in the subnet.
    Neuron {
        /// The subnet.
        netuid: NetUid,
        /// The hotkey.
        hotkey: Hotkey,
    },
    /// The chain knows the hotkey.
    KnownHotkey(Hotkey),
    /// The actor owns the hotkey.
    OwnHotkey(Hotkey),
    /// The actor owns the subnet.
    OwnSubnet(NetUid),
    /// The subnet is not in the blocks before an epoch, in which its owner may change nothing.
    OutsideFreeze(NetUid),
    /// What the subnet's owner hands over to others may be handed over.
    Transfers(NetUid),
}

/// What is missing, under the name that the chain gives it.
fn foreseen(error: &'static str, words: String) -> SubmissionError {
    Precondition::Foreseen { error, words }.into()
}

/// Checks `needs` in order, at the block of `view`.
pub(super) async fn check(view: &View, actor: AccountId, needs: &[Need]) -> Result<(), SubmissionError> {
    for need in needs {
        match need.check(view, actor).await {
            Err(SubmissionError::Read(ReadError::Absent(absent))) => {
                tracing::debug!(%absent, ?need, "could not check a need on this runtime");
            }
            checked => checked?,
        }
    }
    Ok(())
}

// === impl Need ===

impl Need {
    async fn check(&self, view: &View, actor: AccountId) -> Result<(), SubmissionError> {
        match *self {
            Self::Subnet(netuid) => {
                if !view.subnet_exists(netuid).await? {
                    return Err(Precondition::NoSuchSubnet { netuid }.into());
                }
            }
            Self::Started(netuid) => {
                if !flag(view, "SubtokenEnabled", netuid).await? {
                    let words =
                        format!("subnet {netuid} has not been started by its owner: nothing can be staked on it");
                    return Err(foreseen("SubtokenDisabled", words));
                }
            }
            Self::Neuron { netuid, hotkey } => {
                if view.uid(netuid, hotkey.account()).await?.is_none() {
                    return Err(Precondition::NotRegistered { hotkey, netuid }.into());
                }
            }
            Self::KnownHotkey(hotkey) => {
                if owner(view, hotkey).await?.is_none() {
                    let words =
                        format!("the chain does not know hotkey {hotkey}: check the address, or register it first");
                    return Err(foreseen("HotKeyAccountNotExists", words));
                }
            }
            Self::OwnHotkey(hotkey) => match owner(view, hotkey).await? {
                None => {
                    let words =
                        format!("the chain does not know hotkey {hotkey}: check the address, or register it first");
                    return Err(foreseen("HotKeyAccountNotExists", words));
                }
                Some(owner) if owner.account() != actor => {
                    let words = format!("hotkey {hotkey} belongs to coldkey {owner}, not to {actor}");
                    return Err(foreseen("NonAssociatedColdKey", words));
                }
                Some(_) => {}
            },
            Self::OwnSubnet(netuid) => {
                if !view.subnet_exists(netuid).await? {
                    return Err(Precondition::NoSuchSubnet { netuid }.into());
                }
                let owner = view.storage_json(SUBTENSOR, "SubnetOwner", &[netuid.into()]).await?;
                let owner = owner.as_str().and_then(|text| text.parse::<Coldkey>().ok());
                if let Some(owner) = owner.filter(|owner| owner.account() != actor) {
                    let words =
                        format!("subnet {netuid} belongs to {owner}, and only its owner may do this, not {actor}");
                    return Err(foreseen("NotSubnetOwner", words));
                }
            }
            Self::OutsideFreeze(netuid) => {
                let window = view.storage_json(SUBTENSOR, "AdminFreezeWindow", &[]).await?;
                let window = window.as_u64().and_then(|window| u32::try_from(window).ok()).unwrap_or(0);
                let (now, next) = (view.block().number, view.next_epoch(netuid).await?);
                if let Some(next) = next.filter(|next| is_frozen(now, *next, window)) {
                    let words = format!(
                        "subnet {netuid} takes no changes in the {window} blocks before an epoch: the next one is block \
                         {next}, try again after it"
                    );
                    return Err(foreseen("AdminActionProhibitedDuringWeightsWindow", words));
                }
            }
            Self::Transfers(netuid) => {
                if !flag(view, "TransferToggle", netuid).await? {
                    let words = format!("the owner of subnet {netuid} does not allow its stake to be given away");
                    return Err(foreseen("TransferDisallowed", words));
                }
            }
        }
        Ok(())
    }
}

/// Whether the block after `now` is one of the last `window` before the epoch at `next`.
fn is_frozen(now: BlockNumber, next: BlockNumber, window: u32) -> bool {
    let including = now.0.saturating_add(1);
    including < next.0 && next.0 - including < window
}

async fn flag(view: &View, item: &str, netuid: NetUid) -> Result<bool, ReadError> {
    Ok(view.storage_json(SUBTENSOR, item, &[netuid.into()]).await?.as_bool().unwrap_or(true))
}

/// The coldkey that owns `hotkey`. The map's default, the zero account, stands for nobody.
pub(super) async fn owner(view: &View, hotkey: Hotkey) -> Result<Option<Coldkey>, ReadError> {
    let owner = view.storage_json(SUBTENSOR, "Owner", &[Value::from(hotkey)]).await?;
    let owner = owner.as_str().and_then(|text| text.parse::<Coldkey>().ok());
    Ok(owner.filter(|owner| *owner != Coldkey(AccountId([0; 32]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_frozen_just_before_its_epoch() {
        let frozen = |now, next, window| is_frozen(BlockNumber(now), BlockNumber(next), window);
        assert!(!frozen(88, 100, 10) && frozen(90, 100, 10) && frozen(98, 100, 10));
        assert!(!frozen(99, 100, 10) && !frozen(100, 100, 10) && !frozen(98, 100, 0));
    }
}
