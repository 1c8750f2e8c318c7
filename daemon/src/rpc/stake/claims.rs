//! Root dividends: claimed now, and what is done with them from now on.

use std::{collections::BTreeSet, sync::Arc};

use btd_api::{
    NetUid,
    stake::{Claim, ClaimChoice, ClaimParams, SetClaim, SetClaimParams},
    wallet::Receipt,
};
use btd_chain::{Call, Value};
use btd_signer_protocol::KeyId;

use super::SUBTENSOR;
use crate::{
    daemon::Parts,
    rpc::{Caller, Failure, receipt},
    submit::{Draft, Ground, Need, Precondition, SubmissionError},
};

/// What the chain says of a list of subnets that it does not take.
const BAD_LIST: &str = "InvalidSubnetNumber";

pub(super) async fn claim(parts: Arc<Parts>, params: ClaimParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Claim, _>(&parts, key, params, |_, params| async move {
        if !(1..=5).contains(&params.netuids.len()) {
            let words = "root dividends are claimed for one to five subnets at a time".to_owned();
            return receipt::foreseen(BAD_LIST, words);
        }
        let call = Call::new(SUBTENSOR, "claim_root").arg("subnets", sorted(&params.netuids));
        let draft = Draft::new(call, format!("Claim root dividends of subnets {}", list(&params.netuids)));
        let draft = draft.effect("what is below the subnet's threshold stays where it is");
        Ok(params.netuids.iter().fold(draft, |draft, netuid| draft.needs(Need::Subnet(*netuid))))
    })
    .await
}

pub(super) async fn set(parts: Arc<Parts>, params: SetClaimParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SetClaim, _>(&parts, key, params, |ground, params| async move {
        match &params.claim {
            ClaimChoice::Swap => Ok(choice("Swap", Value::Null, "sell root dividends and stake the tao on root")),
            ClaimChoice::Keep => Ok(choice("Keep", Value::Null, "keep root dividends as alpha")),
            ClaimChoice::KeepSubnets(kept) => keep(&ground, kept).await,
            ClaimChoice::SwapSubnets(sold) => sell(&ground, sold).await,
        }
    })
    .await
}

/// Keeps what comes of the subnets `kept`, and sells what comes of all others.
async fn keep(ground: &Ground, kept: &[NetUid]) -> Result<Draft, SubmissionError> {
    if kept.is_empty() {
        let words = "name the subnets whose root dividends are kept, or keep those of all".to_owned();
        return receipt::foreseen(BAD_LIST, words);
    }
    let words = format!("keep root dividends of subnets {} as alpha, and sell the others", list(kept));
    let draft = choice("KeepSubnets", subnets(kept), &words);
    // The chain takes any number: nothing may ever come of it.
    let known = ground.view.netuids().await?;
    Ok(kept.iter().filter(|netuid| !known.contains(netuid)).fold(draft, |draft, netuid| {
        draft.warning(format!("there is no subnet {netuid} now: nothing comes of it that could be kept"))
    }))
}

/// Sells what comes of the subnets `sold`, and keeps what comes of all others that there are: the chain has a list of
/// those that are kept alone, so it is made of the subnets that the chain itself has at this block.
async fn sell(ground: &Ground, sold: &[NetUid]) -> Result<Draft, SubmissionError> {
    let kept = all_but(&ground.view.netuids().await?, sold)?;
    if kept.is_empty() {
        let draft = choice("Swap", Value::Null, "sell root dividends and stake the tao on root");
        return Ok(draft.effect("there are no other subnets: none is left whose root dividends are kept"));
    }
    let words = format!(
        "sell root dividends of subnets {}, stake the tao on root, and keep those of all other subnets that there are as \
         alpha",
        list(sold)
    );
    let at = ground.view.block().number;
    Ok(choice("KeepSubnets", subnets(&kept), &words)
        .effect(format!("kept are those of subnets {}", list(&kept)))
        .warning(format!("those of a subnet that is created after block {at} are sold too, until this is set anew")))
}

/// Every subnet of `all` that pays root dividends, but those that are `sold`.
fn all_but(all: &[NetUid], sold: &[NetUid]) -> Result<Vec<NetUid>, SubmissionError> {
    if sold.is_empty() {
        let words = "name the subnets whose root dividends are sold, or sell those of all".to_owned();
        return receipt::foreseen(BAD_LIST, words);
    }
    if sold.contains(&NetUid::ROOT) {
        let words = "no root dividends come of subnet 0, which is root itself: leave it out".to_owned();
        return receipt::foreseen(BAD_LIST, words);
    }
    if let Some(netuid) = sold.iter().copied().find(|netuid| !all.contains(netuid)) {
        return Err(Precondition::NoSuchSubnet { netuid }.into());
    }
    Ok(all.iter().copied().filter(|netuid| *netuid != NetUid::ROOT && !sold.contains(netuid)).collect())
}

/// What is done with root dividends from now on: the chain's choice `name`, and the same in words.
fn choice(name: &str, content: Value, words: &str) -> Draft {
    let choice = Value::Variant(name.to_owned(), Box::new(content));
    let call = Call::new(SUBTENSOR, "set_root_claim_type").arg("new_root_claim_type", choice);
    Draft::new(call, format!("From now on {words}"))
}

fn subnets(netuids: &[NetUid]) -> Value {
    Value::Record([("subnets".to_owned(), sorted(netuids))].into())
}

/// Netuids as the chain wants a set: ascending, each once.
fn sorted(netuids: &[NetUid]) -> Value {
    let set: BTreeSet<NetUid> = netuids.iter().copied().collect();
    set.into_iter().collect()
}

fn list(netuids: &[NetUid]) -> String {
    netuids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn netuids(numbers: &[u16]) -> Vec<NetUid> {
        numbers.iter().copied().map(NetUid).collect()
    }

    #[test]
    fn to_sell_of_some_subnets_is_to_keep_of_all_others() {
        let all = netuids(&[0, 1, 2, 7]);
        for (sold, kept) in
            [(netuids(&[1]), netuids(&[2, 7])), (netuids(&[7, 2, 7]), netuids(&[1])), (netuids(&[1, 2, 7]), vec![])]
        {
            assert_eq!(all_but(&all, &sold).unwrap(), kept, "{sold:?}");
        }
    }

    #[test]
    fn what_pays_no_root_dividends_is_not_sold() {
        let all = netuids(&[0, 1, 2, 7]);
        let refused = |sold: &[u16]| all_but(&all, &netuids(sold)).unwrap_err().to_string();
        assert!(refused(&[]).contains("name the subnets"), "{}", refused(&[]));
        assert!(refused(&[1, 0]).contains("root itself"), "{}", refused(&[1, 0]));
        assert!(refused(&[1, 3]).contains("subnet 3"), "{}", refused(&[1, 3]));
    }
}
