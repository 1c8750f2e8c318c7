//! Child hotkeys: who inherits a share of a hotkey's stake weight, and the take on it.
//!
//! Shares are parts of 2⁶⁴ − 1 on the chain, takes parts of 65535.

use std::sync::Arc;

use btd_api::{
    Hotkey, NetUid, Ratio,
    stake::{Child, ChildGetParams, ChildSet, ChildSetParams, ChildTake, ChildTakeParams, Families, Family, Pending},
    wallet::Receipt,
};
use btd_chain::{Call, Value, View};
use btd_signer_protocol::KeyId;
use serde_json::Value as Json;

use super::{SUBTENSOR, account, number};
use crate::{
    daemon::Parts,
    rpc::{Caller, Failure, receipt},
    submit::{Draft, Ground, Need, Precondition, SubmissionError},
};

/// The most children of one hotkey on one subnet.
const MOST: usize = 5;
const WHOLE: u64 = u64::MAX;
const TAKES: u64 = 65_535;

pub(super) async fn get(parts: Arc<Parts>, params: ChildGetParams, _: Caller) -> Result<Families, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    let netuids = match params.netuid {
        Some(netuid) => vec![netuid],
        None => view.netuids().await?,
    };
    let mut subnets = Vec::new();
    for netuid in netuids {
        let family = family(&view, hotkey, netuid).await?;
        if params.netuid.is_some() || !family.children.is_empty() || family.pending.is_some() {
            subnets.push(family);
        }
    }
    Ok(Families { at, hotkey, subnets })
}

async fn family(view: &View, hotkey: Hotkey, netuid: NetUid) -> Result<Family, Failure> {
    let keys = [Value::from(hotkey), netuid.into()];
    let now = view.storage_json(SUBTENSOR, "ChildKeys", &keys).await?;
    let pending = view.storage_json(SUBTENSOR, "PendingChildKeys", &[netuid.into(), Value::from(hotkey)]).await?;
    let take = view.storage_json(SUBTENSOR, "ChildkeyTake", &keys).await?;
    Ok(Family {
        netuid,
        children: children(&now),
        pending: pending
            .get(1)
            .and_then(number)
            .filter(|from| *from > 0)
            .map(|from| Pending { children: pending.get(0).map(children).unwrap_or_default(), from }),
        take: Ratio::from_parts(number(&take).unwrap_or(0), TAKES),
    })
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
    receipt::sign::<ChildSet, _>(&parts, key, params, move |_, params| async move {
        let netuid = params.netuid;
        check(&params.children, hotkey)?;
        let children = params
            .children
            .iter()
            .map(|child| Value::List(vec![Value::from(child.proportion.of(WHOLE)), Value::from(child.hotkey)]));
        let call = Call::new(SUBTENSOR, "set_children")
            .arg("hotkey", hotkey)
            .arg("netuid", netuid)
            .arg("children", Value::List(children.collect()));
        let summary = match params.children.len() {
            0 => format!("Revoke all children of hotkey {hotkey} on subnet {netuid}"),
            count => format!("Set {count} children of hotkey {hotkey} on subnet {netuid}"),
        };
        let draft = params.children.iter().fold(Draft::new(call, summary), |draft, child| {
            draft.effect(format!("{} inherits {} of its stake weight", child.hotkey, child.proportion))
        });
        let draft = draft.effect("they inherit from the first epoch after a cooldown on (7200 blocks, unless changed)");
        Ok(draft.needs(Need::Subnet(netuid)).needs(Need::OwnHotkey(hotkey)))
    })
    .await
}

/// The chain's own checks of a list of children, in its order.
fn check(children: &[Child], parent: Hotkey) -> Result<(), SubmissionError> {
    let foreseen = |error, words: String| Err(Precondition::Foreseen { error, words }.into());
    if children.len() > MOST {
        return foreseen(
            "TooManyChildren",
            format!("a hotkey has {MOST} children at most, {} were given", children.len()),
        );
    }
    if children.iter().any(|child| child.hotkey == parent) {
        return foreseen("InvalidChild", format!("hotkey {parent} cannot be its own child"));
    }
    let total: u64 = children.iter().map(|child| u64::from(child.proportion.billionths())).sum();
    if total > 1_000_000_000 {
        return foreseen("ProportionOverflow", "the children's shares come to more than the whole".to_owned());
    }
    for (place, child) in children.iter().enumerate() {
        if children.iter().skip(place + 1).any(|other| other.hotkey == child.hotkey) {
            return foreseen("DuplicateChild", format!("hotkey {} is named twice", child.hotkey));
        }
    }
    Ok(())
}

pub(super) async fn take(parts: Arc<Parts>, params: ChildTakeParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<ChildTake, _>(&parts, key, params, move |ground, params| async move {
        let (netuid, take) = (params.netuid, params.take);
        let parts = u64::from(take.down_to(u16::MAX));
        let most = most_take(&ground).await?;
        if parts > most {
            let most = Ratio::from_parts(most, TAKES);
            let words = format!("a take of {take} is more than this chain allows, {most}");
            return Err(Precondition::Foreseen { error: "InvalidChildkeyTake", words }.into());
        }
        let call = Call::new(SUBTENSOR, "set_childkey_take")
            .arg("hotkey", hotkey)
            .arg("netuid", netuid)
            .arg("take", Value::from(parts));
        let summary = format!("Let hotkey {hotkey} keep {take} of what inherited stake earns on subnet {netuid}");
        let draft = Draft::new(call, summary).warning("a take can be raised once in 216000 blocks (about a month)");
        Ok(draft.needs(Need::Subnet(netuid)).needs(Need::OwnHotkey(hotkey)))
    })
    .await
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

    fn refused(children: &[Child]) -> Option<&'static str> {
        match check(children, Hotkey(AccountId([9; 32]))) {
            Err(SubmissionError::Precondition(Precondition::Foreseen { error, .. })) => Some(error),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    }

    #[test]
    fn children_are_checked_as_the_chain_does() {
        assert_eq!(refused(&[child(1, "0.5"), child(2, "50%")]), None);
        assert_eq!(refused(&[child(1, "0.5"), child(2, "0.500000001")]), Some("ProportionOverflow"));
        assert_eq!(refused(&[child(1, "0.1"), child(1, "0.1")]), Some("DuplicateChild"));
        assert_eq!(refused(&[child(9, "0.1")]), Some("InvalidChild"));
        assert_eq!(refused(&(1..=6).map(|byte| child(byte, "0.1")).collect::<Vec<_>>()), Some("TooManyChildren"));
    }

    #[test]
    fn children_are_read_with_their_shares() {
        let address = Hotkey(AccountId([1; 32])).to_string();
        let told = json!([[(WHOLE / 2).to_string(), address], ["1", "nobody"]]);
        assert_eq!(children(&told), [child(1, "0.5")]);
    }
}
