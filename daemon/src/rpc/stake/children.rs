//! Child hotkeys: who inherits a share of a hotkey's stake weight, and the take on it.
//!
//! Shares are parts of 2⁶⁴ − 1 on the chain, takes parts of 65535.

mod allowed;

use std::sync::Arc;

use btd_api::{
    ErrorKind, Hotkey, NetUid, Ratio,
    stake::{Child, ChildGetParams, ChildSet, ChildSetParams, ChildTake, ChildTakeParams, Families, Family, Pending},
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, Value, View};
use btd_signer_protocol::KeyId;
use serde_json::Value as Json;
use tokio::try_join;

use super::{SUBTENSOR, account, kept, number, raises, span};
use crate::{
    daemon::Parts,
    rpc::{Caller, Failure, receipt, subnets::no_subnet_at},
    submit::{Draft, Ground, Need, Pace, Precondition, SubmissionError},
};

const WHOLE: u64 = u64::MAX;
const TAKES: u64 = 65_535;

pub(super) async fn get(parts: Arc<Parts>, params: ChildGetParams, _: Caller) -> Result<Families, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    let netuids = match params.netuid {
        Some(netuid) if !view.subnet_exists(netuid).await? => return Err(no_subnet_at(netuid, at)),
        Some(netuid) => vec![netuid],
        None => view.netuids().await?,
    };
    let mut subnets = families(&view, hotkey, &netuids).await?;
    subnets.retain(|family| params.netuid.is_some() || !family.children.is_empty() || family.pending.is_some());
    Ok(Families { at, hotkey, subnets })
}

/// Who inherits from a hotkey on each of `netuids`, in their order: one request for each thing that is told.
async fn families(view: &View, hotkey: Hotkey, netuids: &[NetUid]) -> Result<Vec<Family>, ReadError> {
    let places = places(hotkey, netuids);
    let turned: Vec<Vec<Value>> = netuids.iter().map(|netuid| vec![(*netuid).into(), hotkey.into()]).collect();
    let (now, pending, takes) = try_join!(
        view.storage_json_many(SUBTENSOR, "ChildKeys", &places),
        view.storage_json_many(SUBTENSOR, "PendingChildKeys", &turned),
        view.storage_json_many(SUBTENSOR, "ChildkeyTake", &places),
    )?;
    let told = netuids.iter().zip(now).zip(pending).zip(takes);
    Ok(told.map(|(((netuid, now), pending), take)| family(*netuid, (&now, &pending, &take))).collect())
}

fn places(hotkey: Hotkey, netuids: &[NetUid]) -> Vec<Vec<Value>> {
    netuids.iter().map(|netuid| vec![hotkey.into(), (*netuid).into()]).collect()
}

fn family(netuid: NetUid, (now, pending, take): (&Json, &Json, &Json)) -> Family {
    Family {
        netuid,
        children: children(now),
        pending: pending
            .get(1)
            .and_then(number)
            .filter(|from| *from > 0)
            .map(|from| Pending { children: pending.get(0).map(children).unwrap_or_default(), from }),
        take: Ratio::from_parts(number(take).unwrap_or(0), TAKES),
    }
}

/// A list of `(share, child)`, as storage tells it.
fn children(list: &Json) -> Vec<Child> {
    let child = |entry: &Json| {
        Some(Child { proportion: Ratio::from_parts(number(entry.get(0)?)?, WHOLE), hotkey: account(entry.get(1)?)? })
    };
    list.as_array().into_iter().flatten().filter_map(child).collect()
}

pub(super) async fn set(parts: Arc<Parts>, params: ChildSetParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    let place = place(params.netuid, params.all_netuids)?;
    receipt::sign::<ChildSet, _>(&parts, key, params, move |ground, params| async move {
        allowed::check(&params.children, hotkey)?;
        if place == Place::One(NetUid::ROOT) {
            let words = "nobody inherits on root: name another subnet".to_owned();
            return receipt::foreseen("RegistrationNotPermittedOnRootSubnet", words);
        }
        let netuids = match place {
            Place::One(netuid) => vec![netuid],
            Place::Everywhere if params.children.is_empty() => with_children(&ground.view, hotkey).await?,
            Place::Everywhere => but_root(&ground.view).await?,
        };
        let drafts: Vec<Draft> = netuids.iter().map(|netuid| of_subnet(&params.children, hotkey, *netuid)).collect();
        let needs: Vec<Need> =
            drafts.iter().flat_map(|draft| draft.needs.clone()).chain([Need::OwnHotkey(hotkey)]).collect();
        allowed::require(&ground, (&params.children, hotkey), &netuids, &needs).await?;
        let nobody =
            || Precondition::Foreseen { error: "InvalidChild", words: format!("nobody inherits from hotkey {hotkey}") };
        let draft = Draft::all_of(drafts).ok_or_else(nobody)?;
        let draft = params.children.iter().fold(draft, |draft, child| {
            draft.effect(format!("{} inherits {} of its stake weight", child.hotkey, child.proportion))
        });
        let cooldown = kept(&ground.view, "PendingChildKeyCooldown").await?;
        let cooldown = cooldown.map(|blocks| format!(" of {}", span(blocks))).unwrap_or_default();
        Ok(draft
            .effect(format!("they inherit from the first epoch after a cooldown{cooldown} on"))
            .needs(Need::OwnHotkey(hotkey)))
    })
    .await
}

/// The first of `netuids` on which one of two hotkeys inherits from the other.
pub(in crate::rpc) async fn related(
    view: &View,
    (hotkey, other): (Hotkey, Hotkey),
    netuids: &[NetUid],
) -> Result<Option<NetUid>, ReadError> {
    let places = places(hotkey, netuids);
    let told = try_join!(
        view.storage_json_many(SUBTENSOR, "ChildKeys", &places),
        view.storage_json_many(SUBTENSOR, "ParentKeys", &places),
    );
    let (heirs, parents) = match told {
        Ok(told) => told,
        Err(ReadError::Absent(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_other = |told: &Json| children(told).iter().any(|one| one.hotkey == other);
    let mut told = netuids.iter().zip(heirs.iter().zip(&parents));
    Ok(told.find(|(_, (heirs, parents))| is_other(heirs) || is_other(parents)).map(|(netuid, _)| *netuid))
}

/// On which subnets something is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    One(NetUid),
    Everywhere,
}

fn place(netuid: Option<NetUid>, all_netuids: bool) -> Result<Place, Failure> {
    match (netuid, all_netuids) {
        (Some(netuid), false) => Ok(Place::One(netuid)),
        (None, true) => Ok(Place::Everywhere),
        _ => Err(Failure::new(ErrorKind::InvalidParams, "name a `netuid`, or say `all_netuids`: one of the two")),
    }
}

/// Every subnet but root, on which nobody inherits.
async fn but_root(view: &View) -> Result<Vec<NetUid>, SubmissionError> {
    Ok(view.netuids().await?.into_iter().filter(|netuid| *netuid != NetUid::ROOT).collect())
}

/// The subnets on which somebody inherits from a hotkey, or will.
async fn with_children(view: &View, hotkey: Hotkey) -> Result<Vec<NetUid>, SubmissionError> {
    let has_some = |family: &Family| {
        let later = family.pending.as_ref().is_some_and(|pending| !pending.children.is_empty());
        later || !family.children.is_empty()
    };
    let families = families(view, hotkey, &but_root(view).await?).await?;
    Ok(families.into_iter().filter(has_some).map(|family| family.netuid).collect())
}

fn of_subnet(children: &[Child], hotkey: Hotkey, netuid: NetUid) -> Draft {
    let pair = |child: &Child| Value::List(vec![Value::from(child.proportion.of(WHOLE)), Value::from(child.hotkey)]);
    let call = Call::new(SUBTENSOR, "set_children")
        .arg("hotkey", hotkey)
        .arg("netuid", netuid)
        .arg("children", Value::List(children.iter().map(pair).collect()));
    let summary = match children.len() {
        0 => format!("Revoke all children of hotkey {hotkey} on subnet {netuid}"),
        count => format!("Set {count} children of hotkey {hotkey} on subnet {netuid}"),
    };
    Draft::new(call, summary).needs(Need::Subnet(netuid)).needs(Need::Rested(Pace::Children { netuid, hotkey }))
}

pub(super) async fn take(parts: Arc<Parts>, params: ChildTakeParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    let place = place(params.netuid, params.all_netuids)?;
    receipt::sign::<ChildTake, _>(&parts, key, params, move |ground, params| async move {
        let take = params.take;
        let parts = u64::from(take.down_to(u16::MAX));
        let most = most_take(&ground).await?;
        if parts > most {
            let most = Ratio::from_parts(most, TAKES);
            let words = format!("a take of {take} is more than this chain allows, {most}");
            return Err(Precondition::Foreseen { error: "InvalidChildkeyTake", words }.into());
        }
        let netuids = match place {
            Place::One(netuid) => {
                ground.require_subnet(netuid).await?;
                vec![netuid]
            }
            Place::Everywhere => but_root(&ground.view).await?,
        };
        let mut drafts = Vec::with_capacity(netuids.len());
        for Takes { netuid, now, least } in takes_on(&ground.view, hotkey, &netuids).await? {
            let call = Call::new(SUBTENSOR, "set_childkey_take")
                .arg("hotkey", hotkey)
                .arg("netuid", netuid)
                .arg("take", Value::from(parts));
            let summary = format!("Let hotkey {hotkey} keep {take} of what inherited stake earns on subnet {netuid}");
            let draft = Draft::new(call, summary);
            if parts < least {
                let least = Ratio::from_parts(least, TAKES);
                let words = format!("a take of {take} is less than subnet {netuid} allows, {least}");
                return Err(Precondition::Foreseen { error: "InvalidChildkeyTake", words }.into());
            }
            // What is no more than before, or than the least, can be set at any time.
            let is_raised = parts > now.max(least);
            drafts.push(if is_raised {
                draft.needs(Need::Rested(Pace::ChildkeyTake { netuid, hotkey }))
            } else {
                draft
            });
        }
        let draft = Draft::all_of(drafts).ok_or(Precondition::Nothing)?;
        let draft = raises(&ground.view, "TxChildkeyTakeRateLimit").await?.into_iter().fold(draft, Draft::warning);
        Ok(draft.needs(Need::OwnHotkey(hotkey)))
    })
    .await
}

/// A hotkey's take on a subnet and the least that it can be there, in parts of 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Takes {
    netuid: NetUid,
    now: u64,
    least: u64,
}

/// The takes on each of `netuids`, in their order: one request for each thing that is told.
async fn takes_on(view: &View, hotkey: Hotkey, netuids: &[NetUid]) -> Result<Vec<Takes>, ReadError> {
    let told = async |item, places: &[Vec<Value>]| match view.storage_json_many(SUBTENSOR, item, places).await {
        Ok(takes) => Ok(takes.iter().map(|take| number(take).unwrap_or(0)).collect::<Vec<u64>>()),
        Err(ReadError::Absent(_)) => Ok(vec![0; places.len()]),
        Err(error) => Err(error),
    };
    let (own, alone) =
        (places(hotkey, netuids), netuids.iter().map(|netuid| vec![(*netuid).into()]).collect::<Vec<_>>());
    let unkeyed = [Vec::new()];
    let (now, least, everywhere) = try_join!(
        told("ChildkeyTake", &own),
        told("MinChildkeyTakePerSubnet", &alone),
        told("MinChildkeyTake", &unkeyed),
    )?;
    let everywhere = everywhere.first().copied().unwrap_or(0);
    let each = netuids.iter().zip(now).zip(least);
    Ok(each.map(|((netuid, now), least)| Takes { netuid: *netuid, now, least: everywhere.max(least) }).collect())
}

async fn most_take(ground: &Ground) -> Result<u64, SubmissionError> {
    let most = ground.view.storage_json(SUBTENSOR, "MaxChildkeyTake", &[]).await?;
    Ok(number(&most).unwrap_or(TAKES))
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;
    use serde_json::json;

    use super::*;

    fn child(byte: u8, share: &str) -> Child {
        Child { hotkey: Hotkey(AccountId([byte; 32])), proportion: share.parse().unwrap() }
    }

    #[test]
    fn one_subnet_is_named_or_all_are() {
        assert_eq!(place(Some(NetUid(1)), false).unwrap(), Place::One(NetUid(1)));
        assert_eq!(place(None, true).unwrap(), Place::Everywhere);
        assert!(place(None, false).is_err() && place(Some(NetUid(1)), true).is_err());
    }

    #[test]
    fn children_are_read_with_their_shares() {
        let address = Hotkey(AccountId([1; 32])).to_string();
        let told = json!([[(WHOLE / 2).to_string(), address], ["1", "nobody"]]);
        assert_eq!(children(&told), [child(1, "0.5")]);
    }
}
