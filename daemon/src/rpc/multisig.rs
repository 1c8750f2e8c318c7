//! The noun `multisig`: accounts that several keys sign for together.
//!
//! Proposals carry the whole call, so that the last approval can make it and everybody can read it.

mod dues;

use std::sync::Arc;

use btd_api::{
    AccountId, BlockHash, Tao,
    multisig::{
        Address, AddressParams, Approve, ApproveParams, Cancel, CancelParams, GetAddress, List, Proposal, Proposals,
        Propose, ProposeParams, Proposed,
    },
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, Value, View, Weight, call_hash, multisig_account};
use btd_signer_protocol::KeyId;
use serde_json::Value as Json;

use super::{Caller, Failure, Table, deposit, proxy, receipt};
use crate::{
    daemon::Parts,
    submit::{Draft, Ground, Precondition, SubmissionError},
};

/// What every call may weigh: more than single ones that people make, and little beside a block.
const LEAST: Weight = Weight { ref_time: 20_000_000_000, proof_size: 200_000 };

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<GetAddress>(address)
        .method::<List>(list)
        .method::<Propose>(propose)
        .method::<Approve>(approve)
        .method::<Cancel>(cancel)
        .done();
}

fn parties(signatories: &[AccountId], threshold: u16) -> Result<(AccountId, Vec<AccountId>), Failure> {
    let wrong = |message: String| {
        Failure(btd_api::ApiError::new(btd_api::ErrorKind::InvalidParams, message).with("parameter", "signatories"))
    };
    let (account, ordered) = multisig_account(signatories, threshold);
    if ordered.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(wrong("a signatory is named twice".to_owned()));
    }
    if threshold < 2 || usize::from(threshold) > ordered.len() {
        return Err(wrong(format!(
            "{threshold} of {} cannot agree: a threshold is 2 or more, up to all",
            ordered.len()
        )));
    }
    Ok((account, ordered))
}

async fn address(_: Arc<Parts>, params: AddressParams, _: Caller) -> Result<Address, Failure> {
    let (account, signatories) = parties(&params.signatories, params.threshold)?;
    Ok(Address { account, signatories, threshold: params.threshold })
}

async fn list(parts: Arc<Parts>, params: AddressParams, _: Caller) -> Result<Proposals, Failure> {
    let (account, _) = parties(&params.signatories, params.threshold)?;
    let (view, at) = receipt::view(&parts.link).await?;
    let entries = view.storage_entries("Multisig", "Multisigs", &[account.into()], usize::from(u16::MAX)).await?;
    let proposals = entries.iter().filter_map(|entry| proposal(entry.keys.get(1)?, &entry.value)).collect();
    Ok(Proposals { at, account, proposals })
}

fn proposal(hash: &Json, told: &Json) -> Option<Proposal> {
    let number = |json: &Json| json.as_u64().and_then(|number| u32::try_from(number).ok());
    let when = told.get("when")?;
    let approval = |json: &Json| json.as_str()?.parse().ok();
    Some(Proposal {
        call_hash: hash.as_str()?.parse().ok()?,
        height: number(when.get("height")?)?,
        index: number(when.get("index")?)?,
        depositor: told.get("depositor")?.as_str()?.parse().ok()?,
        deposit: Tao::from_rao(told.get("deposit")?.as_str()?.parse().ok()?),
        approvals: told.get("approvals")?.as_array()?.iter().filter_map(approval).collect(),
    })
}

/// What stands on the chain of a proposal.
async fn standing(view: &View, account: AccountId, hash: BlockHash) -> Result<Option<Proposal>, ReadError> {
    let keys = [Value::from(account), Value::from(hash)];
    let told = view.storage_json("Multisig", "Multisigs", &keys).await?;
    Ok(proposal(&Json::String(hash.to_string()), &told))
}

fn timepoint(proposal: &Proposal) -> Value {
    let when = [("height", proposal.height), ("index", proposal.index)];
    Value::Record(when.map(|(name, number)| (name.to_owned(), Value::from(number))).into())
}

fn others(ground: &Ground, ordered: &[AccountId]) -> Result<Value, SubmissionError> {
    if !ordered.contains(&ground.actor) {
        let words = format!("{} is not one of the signatories", ground.actor);
        return Err(Precondition::Foreseen { error: "SenderNotInSignatories", words }.into());
    }
    Ok(ordered.iter().filter(|account| **account != ground.actor).copied().collect())
}

/// What the call may weigh when it is made: what it weighs now, if that is much. The hash of a proposal leaves it out, so
/// that each approval can say its own.
async fn allowed(view: &View, account: AccountId, call: &Call) -> Result<Value, SubmissionError> {
    let weight = view.weight(call, account).await?.unwrap_or(LEAST);
    let weight =
        [("ref_time", weight.ref_time.max(LEAST.ref_time)), ("proof_size", weight.proof_size.max(LEAST.proof_size))];
    Ok(Value::Record(weight.map(|(name, number)| (name.to_owned(), Value::from(number))).into()))
}

/// `Multisig.as_multi`: proposes, agrees, and with the last approval makes the call.
async fn as_multi(
    ground: &Ground,
    (account, ordered, threshold): (AccountId, &[AccountId], u16),
    inner: &Call,
    existing: Option<&Proposal>,
) -> Result<Draft, SubmissionError> {
    let weight = allowed(&ground.view, account, inner).await?;
    let call = Call::new("Multisig", "as_multi")
        .arg("threshold", threshold)
        .arg("other_signatories", others(ground, ordered)?)
        .arg("maybe_timepoint", existing.map_or(Value::Null, timepoint))
        .arg("call", inner.clone())
        .arg("max_weight", weight);
    let agreed = existing.map_or(0, |proposal| proposal.approvals.len()) + 1;
    let balance = ground.view.balance(account).await?;
    let due = dues::of(inner);
    let verb = if existing.is_some() { "Agree to" } else { "Propose" };
    let draft = Draft::new(call, format!("{verb} {inner} on behalf of {account}, {agreed} of {threshold}"))
        .effect(format!("{account} has τ{}", balance.free));
    let is_last = existing.is_some() && agreed >= usize::from(threshold);
    // With the last approval the proposal is spent, whether the call succeeds or not.
    let draft = match due.lacks(balance.free) {
        Some(words) if is_last && due.is_sure => {
            let words = format!("{account} cannot pay for it, and the proposal would be spent in vain: {words}");
            return Err(Precondition::Foreseen { error: "FundsUnavailable", words }.into());
        }
        Some(words) => draft.warning(format!("as things stand, {account} cannot pay for it: {words}")),
        None => draft,
    };
    Ok(match existing {
        Some(_) if is_last => draft.effect("with this approval the call is made"),
        Some(_) => draft,
        None => {
            let held = deposit::PROPOSAL.of(ground, threshold.into());
            deposit::holding(draft, held, "it is made or taken back")
        }
    })
}

async fn propose(parts: Arc<Parts>, params: ProposeParams, _: Caller) -> Result<Proposed, Failure> {
    let (account, ordered) = parties(&params.signatories, params.threshold)?;
    let inner = proxy::call(&params.call)?;
    let call_hash = hash_now(&parts, &inner).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    let receipt = receipt::sign::<Propose, _>(&parts, key, params, move |ground, params| {
        let (inner, ordered) = (inner.clone(), ordered.clone());
        async move {
            if let Some(standing) = standing(&ground.view, account, call_hash).await? {
                let words =
                    format!("{} proposed that in block {} already: approve it", standing.depositor, standing.height);
                return Err(Precondition::Foreseen { error: "NoTimepoint", words }.into());
            }
            as_multi(&ground, (account, &ordered, params.threshold), &inner, None).await
        }
    })
    .await?;
    Ok(Proposed { account, call_hash, receipt })
}

async fn approve(parts: Arc<Parts>, params: ApproveParams, _: Caller) -> Result<Proposed, Failure> {
    let (account, ordered) = parties(&params.signatories, params.threshold)?;
    let inner = proxy::call(&params.call)?;
    let call_hash = hash_now(&parts, &inner).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    let receipt = receipt::sign::<Approve, _>(&parts, key, params, move |ground, params| {
        let (inner, ordered) = (inner.clone(), ordered.clone());
        async move {
            let foreseen = |error, words| Err(Precondition::Foreseen { error, words }.into());
            let Some(standing) = standing(&ground.view, account, call_hash).await? else {
                return foreseen(
                    "NotFound",
                    format!("nobody has proposed {inner} ({call_hash}) on behalf of {account}"),
                );
            };
            if standing.approvals.contains(&ground.actor) {
                return foreseen("AlreadyApproved", format!("{} has agreed to it already", ground.actor));
            }
            as_multi(&ground, (account, &ordered, params.threshold), &inner, Some(&standing)).await
        }
    })
    .await?;
    Ok(Proposed { account, call_hash, receipt })
}

async fn hash_now(parts: &Parts, call: &Call) -> Result<BlockHash, Failure> {
    Ok(call_hash(call, parts.link.first_view().await?.runtime())?)
}

async fn cancel(parts: Arc<Parts>, params: CancelParams, _: Caller) -> Result<Receipt, Failure> {
    let (account, ordered) = parties(&params.signatories, params.threshold)?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Cancel, _>(&parts, key, params, move |ground, params| {
        let ordered = ordered.clone();
        async move {
            let hash = params.call_hash;
            let foreseen = |error, words| Err(Precondition::Foreseen { error, words }.into());
            let Some(standing) = standing(&ground.view, account, hash).await? else {
                return foreseen("NotFound", format!("nothing of the hash {hash} is proposed on behalf of {account}"));
            };
            if standing.depositor != ground.actor {
                return foreseen(
                    "NotOwner",
                    format!("{} proposed it, and only that account takes it back", standing.depositor),
                );
            }
            let call = Call::new("Multisig", "cancel_as_multi")
                .arg("threshold", params.threshold)
                .arg("other_signatories", others(&ground, &ordered)?)
                .arg("timepoint", timepoint(&standing))
                .arg("call_hash", hash);
            Ok(Draft::new(call, format!("Take the proposal {hash} on behalf of {account} back"))
                .effect(format!("the deposit of τ{} comes back", standing.deposit)))
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn proposals_are_read() {
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let hash = format!("0x{}", "11".repeat(32));
        let told = json!({
            "when": { "height": 7, "index": 1 }, "deposit": "5", "depositor": alice, "approvals": [alice],
        });
        let read = proposal(&json!(hash), &told).unwrap();
        assert_eq!((read.height, read.index, read.approvals.len(), read.deposit), (7, 1, 1, Tao::from_rao(5)));
        assert_eq!(proposal(&json!(hash), &Json::Null), None);
    }

    #[test]
    fn who_signs_together_is_checked() {
        let [a, b] = [AccountId([1; 32]), AccountId([2; 32])];
        assert!(parties(&[a, b], 2).is_ok());
        assert!(parties(&[a, a], 2).is_err() && parties(&[a, b], 1).is_err() && parties(&[a, b], 3).is_err());
    }
}
