//! What must hold so that the chain does not refuse a call: read at the plan's block, and how often something may be done
//! at the best block, if that is a newer one.
//!
//! Each [`Need`] stands for a check that a pallet makes itself (pallet_subtensor, pallet_admin_utils and pallet_proxy of
//! spec 425), and fails with the name that the chain gives it, so that a refusal before signing reads like one after it. A
//! runtime that lacks what a check reads is not judged by it: the chain has the last word anyway.

mod pace;

use btd_api::{AccountId, BlockNumber, Coldkey, Hotkey, NetUid};
use btd_chain::{Call, Link, ReadError, Value, View};
use futures_util::{StreamExt, TryStreamExt, future, stream};

pub(super) use self::pace::integer;
pub use self::pace::{Hiding, Pace};
use super::{SubmissionError, plan::Precondition, proxied};

pub(super) const SUBTENSOR: &str = "SubtensorModule";
/// How much is looked up at a time.
const AT_ONCE: usize = 8;
/// How many hotkeys of a coldkey are looked for a neuron of.
const MOST_HOTKEYS: usize = 64;
/// On how many subnets each of them: more than there are.
const MOST_SUBNETS: usize = 1_024;

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
    /// The hotkey, behind which the actor has stake, is somebody's: nobody's stake leaves otherwise.
    ClaimedHotkey(Hotkey),
    /// The actor owns the hotkey.
    OwnHotkey(Hotkey),
    /// The actor owns the subnet.
    OwnSubnet(NetUid),
    /// The subnet is not in the blocks before an epoch, in which its owner may change nothing.
    OutsideFreeze(NetUid),
    /// What the subnet's owner hands over to others may be handed over.
    Transfers(NetUid),
    /// The actor owns a hotkey that has a place in some subnet.
    OwnNeuron,
    /// The hotkey belongs to nobody yet, or to the actor.
    NotForeign(Hotkey),
    /// The actor is a proxy of this account, of whatever kind.
    ProxyOf(AccountId),
    /// It was not done too short a while ago.
    Rested(Pace),
}

/// What is missing, under the name that the chain gives it.
fn foreseen(error: &'static str, words: String) -> SubmissionError {
    Precondition::Foreseen { error, words }.into()
}

/// Checks `needs` at the block of `view`, a few at a time, and tells the first of them that does not hold. What may be done
/// only so often is looked up at the best block, if that is a newer one: it may have been done since, and the time has
/// gone on.
pub(super) async fn check(link: &Link, view: &View, actor: AccountId, needs: &[Need]) -> Result<(), SubmissionError> {
    let is_paced = |need: &Need| matches!(need, Need::Rested(_));
    let newest = if needs.iter().any(is_paced) { newer(link, view).await } else { None };
    let newest = newest.as_ref().unwrap_or(view);
    let checks: Vec<_> =
        needs.iter().map(|need| holds(if is_paced(need) { newest } else { view }, actor, need)).collect();
    stream::iter(checks).buffered(AT_ONCE).try_for_each(|()| future::ready(Ok(()))).await
}

/// Checks `need` at the block of `view`, where the runtime tells.
pub(super) async fn holds(view: &View, actor: AccountId, need: &Need) -> Result<(), SubmissionError> {
    match need.check(view, actor).await {
        // Either way it is not this check's runtime.
        Err(SubmissionError::Read(error @ (ReadError::Absent(_) | ReadError::Argument { .. }))) => {
            tracing::debug!(%error, ?need, "could not check a need on this runtime");
            Ok(())
        }
        checked => checked,
    }
}

/// Calls that an account can still make while the exchange of it is announced.
const OF_THE_EXCHANGE: [&str; 4] =
    ["announce_coldkey_swap", "swap_coldkey_announced", "dispute_coldkey_swap", "clear_coldkey_swap_announcement"];

/// Refuses what an account that is being exchanged for another cannot do any more.
pub(super) async fn unexchanged(view: &View, account: AccountId, call: &Call) -> Result<(), SubmissionError> {
    let is_of_it = call.pallet == SUBTENSOR && OF_THE_EXCHANGE.contains(&call.call.as_str());
    if is_of_it || call.pallet == "MevShield" {
        return Ok(());
    }
    let stands = async |item| match view.storage_json(SUBTENSOR, item, &[Value::Account(account)]).await {
        Ok(told) => Ok(!told.is_null()),
        Err(ReadError::Absent(_) | ReadError::Argument { .. }) => Ok(false),
        Err(error) => Err(error),
    };
    if !stands("ColdkeySwapAnnouncements").await? {
        return Ok(());
    }
    if stands("ColdkeySwapDisputes").await? {
        let words = format!("the exchange of coldkey {account} is disputed: it can do nothing until root ends that");
        return Err(foreseen("ColdkeySwapDisputed", words));
    }
    let words = format!(
        "coldkey {account} is being exchanged for another, and can do nothing else until that is executed or taken back: \
         `wallet swap-coldkey check` tells when"
    );
    Err(foreseen("ColdkeySwapAnnounced", words))
}

/// The best block, where it is newer than that of `view`.
pub(super) async fn newer(link: &Link, view: &View) -> Option<View> {
    let best = link.best_view().await.ok()?;
    (best.block().number > view.block().number).then_some(best)
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
                    // On root no sale has a limit.
                    let way_out = match netuid {
                        NetUid::ROOT => "",
                        _ => "; only a sale at a limit gets stake out of it",
                    };
                    let words = format!(
                        "subnet {netuid} does not trade: its owner has not started it, or it was closed{way_out}"
                    );
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
            Self::ClaimedHotkey(hotkey) => {
                if owner(view, hotkey).await?.is_none() {
                    let words = format!(
                        "hotkey {hotkey} is nobody's, as one is that was exchanged without its stake: no stake behind \
                         it can leave until a coldkey claims it with `wallet associate-hotkey`"
                    );
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
            Self::OwnNeuron => {
                if !has_neuron(view, actor).await? {
                    let words = format!(
                        "coldkey {actor} owns no hotkey that is registered on a subnet, which the chain asks for: register \
                         one with `subnets register` first"
                    );
                    return Err(foreseen("HotKeyNotRegisteredInNetwork", words));
                }
            }
            Self::NotForeign(hotkey) => {
                if let Some(owner) = owner(view, hotkey).await?.filter(|owner| owner.account() != actor) {
                    return Err(Precondition::ForeignHotkey { hotkey, owner, payer: actor }.into());
                }
            }
            Self::ProxyOf(real) => {
                if proxied::ways(view, real, actor).await?.is_empty() {
                    return Err(proxied::no_proxy(real, actor));
                }
            }
            Self::Rested(pace) => pace.check(view, actor).await?,
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

/// What a subnet's switch says, which is on where the runtime says nothing.
pub(super) async fn flag(view: &View, item: &str, netuid: NetUid) -> Result<bool, ReadError> {
    Ok(view.storage_json(SUBTENSOR, item, &[netuid.into()]).await?.as_bool().unwrap_or(true))
}

/// Whether one of the coldkey's hotkeys has a place in a subnet, or whether so many are to be looked at that it is left to
/// the chain.
async fn has_neuron(view: &View, coldkey: AccountId) -> Result<bool, ReadError> {
    let owned = view.storage_json(SUBTENSOR, "OwnedHotkeys", &[Value::Account(coldkey)]).await?;
    let owned = owned.as_array().into_iter().flatten().filter_map(|hotkey| hotkey.as_str()?.parse::<Hotkey>().ok());
    let owned: Vec<Hotkey> = owned.collect();
    if owned.len() > MOST_HOTKEYS {
        return Ok(true);
    }
    let is_member = |hotkey: Hotkey| async move {
        let places = view.storage_entries(SUBTENSOR, "IsNetworkMember", &[hotkey.into()], MOST_SUBNETS).await?;
        Ok::<_, ReadError>(places.iter().any(|place| place.value.as_bool() == Some(true)))
    };
    let looks: Vec<_> = owned.into_iter().map(is_member).collect();
    let mut found = stream::iter(looks).buffered(AT_ONCE);
    while let Some(is_member) = found.try_next().await? {
        if is_member {
            return Ok(true);
        }
    }
    Ok(false)
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
