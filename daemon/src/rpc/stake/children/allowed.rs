//! What the chain asks of a hotkey and of the children that it is to get (pallet_subtensor, spec 425).

use btd_api::{Alpha, Hotkey, NetUid, Tao, stake::Child};
use btd_chain::{ReadError, Value};

use super::{SUBTENSOR, account, number, places};
use crate::{
    rpc::stake::limit,
    submit::{Ground, Need, Precondition, SubmissionError},
};

/// The most children of one hotkey on one subnet.
const MOST: usize = 5;

/// The chain's own checks of a list of children, in its order.
pub(super) fn check(children: &[Child], parent: Hotkey) -> Result<(), SubmissionError> {
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

/// Refuses children that are the hotkey's own parents, and any of a hotkey that has too little stake for them, on each of
/// `netuids`. `needs` is what the chain asks before.
pub(super) async fn require(
    ground: &Ground,
    (children, hotkey): (&[Child], Hotkey),
    netuids: &[NetUid],
    needs: &[Need],
) -> Result<(), SubmissionError> {
    // Nobody is kept from having none.
    if children.is_empty() {
        return Ok(());
    }
    let judged = async {
        require_no_parents(ground, (children, hotkey), netuids).await?;
        require_stake(ground, hotkey, netuids).await
    };
    let refused = match judged.await {
        Err(SubmissionError::Precondition(refused)) => refused,
        // A runtime without what is looked at does not look at it.
        Err(SubmissionError::Read(ReadError::Absent(_) | ReadError::Argument { .. })) => return Ok(()),
        judged => return judged,
    };
    for need in needs {
        ground.require(need.clone()).await?;
    }
    Err(refused.into())
}

/// Refuses whom the hotkey inherits from itself.
async fn require_no_parents(
    ground: &Ground,
    (children, hotkey): (&[Child], Hotkey),
    netuids: &[NetUid],
) -> Result<(), SubmissionError> {
    let all = ground.view.storage_json_many(SUBTENSOR, "ParentKeys", &places(hotkey, netuids)).await?;
    for (netuid, told) in netuids.iter().zip(&all) {
        let parents = super::children(told);
        if let Some(both) = children.iter().find(|child| parents.iter().any(|parent| parent.hotkey == child.hotkey)) {
            let words = format!(
                "hotkey {} is a parent of {hotkey} on subnet {netuid}, and cannot be its child as well: let its owner revoke \
                 that first",
                both.hotkey
            );
            return foreseen("ChildParentInconsistency", words);
        }
    }
    Ok(())
}

/// Refuses a hotkey behind which too little stands on all subnets together, but where it is the subnet owner's.
async fn require_stake(ground: &Ground, hotkey: Hotkey, netuids: &[NetUid]) -> Result<(), SubmissionError> {
    let view = &ground.view;
    let least = number(&view.storage_json(SUBTENSOR, "StakeThreshold", &[]).await?).unwrap_or(0);
    if least == 0 {
        return Ok(());
    }
    let alone: Vec<Vec<Value>> = netuids.iter().map(|netuid| vec![(*netuid).into()]).collect();
    let owners = view.storage_json_many(SUBTENSOR, "SubnetOwnerHotkey", &alone).await?;
    let foreign = netuids.iter().zip(&owners).find(|(_, owner)| account(owner) != Some(hotkey));
    let Some((netuid, _)) = foreign else { return Ok(()) };
    let everywhere = view.netuids().await?;
    let stakes = view.storage_json_many(SUBTENSOR, "TotalHotkeyAlpha", &places(hotkey, &everywhere)).await?;
    let mut worth = Tao::ZERO;
    for (place, told) in everywhere.iter().zip(&stakes) {
        let alpha = Alpha::from_rao(number(told).unwrap_or(0));
        if alpha > Alpha::ZERO {
            let price =
                if *place == NetUid::ROOT { Some(Tao::from_rao(limit::ONE)) } else { view.price(*place).await? };
            // What it is worth is not known then: the chain decides.
            let Some(price) = price else { return Ok(()) };
            worth = worth.saturating_add(Tao::from_rao(limit::worth(alpha, price)));
        }
    }
    // Prices move: two thousandths are left for that.
    let least = Tao::from_rao(least);
    if worth.saturating_add(Tao::from_rao(worth.rao() / 500)) >= least {
        return Ok(());
    }
    let words = format!(
        "stake worth τ{worth} stands behind hotkey {hotkey}, and the chain gives children on subnet {netuid} to those with \
         τ{least} or more, and to the subnet owner's hotkey: stake to it first"
    );
    foreseen("NotEnoughStakeToSetChildkeys", words)
}

fn foreseen(error: &'static str, words: String) -> Result<(), SubmissionError> {
    Err(Precondition::Foreseen { error, words }.into())
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

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
}
