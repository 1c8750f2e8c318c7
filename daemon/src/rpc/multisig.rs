//! The noun `multisig`: accounts that several keys sign for together.
//!
//! Proposals carry the whole call, so that the last approval can make it and everybody can read it.

mod agreed;
mod dues;
mod meant;

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

use self::{agreed::Agreed, meant::Meant};
use super::{Caller, Failure, Table, deposit, proxy, receipt};
use crate::{
    daemon::Parts,
    submit::{Draft, Ground, Precondition, Record, SubmissionError},
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
    if ordered.len() < 2 {
        return Err(wrong("an account of several keys has two signatories or more".to_owned()));
    }
    if threshold < 1 || usize::from(threshold) > ordered.len() {
        return Err(wrong(format!(
            "{threshold} of {} cannot agree: a threshold is 1 or more, up to all",
            ordered.len()
        )));
    }
    Ok((account, ordered))
}

/// The same, of an account whose calls wait for approvals.
fn waiting(signatories: &[AccountId], threshold: u16) -> Result<(AccountId, Vec<AccountId>), Failure> {
    let parties = parties(signatories, threshold)?;
    if threshold > 1 {
        return Ok(parties);
    }
    let words = "of a threshold of 1 nothing waits for approvals: `multisig propose` makes the call at once";
    Err(Failure(btd_api::ApiError::new(btd_api::ErrorKind::InvalidParams, words).with("parameter", "threshold")))
}

async fn address(_: Arc<Parts>, params: AddressParams, _: Caller) -> Result<Address, Failure> {
    let (account, signatories) = parties(&params.signatories, params.threshold)?;
    Ok(Address { account, signatories, threshold: params.threshold })
}

async fn list(parts: Arc<Parts>, params: AddressParams, _: Caller) -> Result<Proposals, Failure> {
    let (account, _) = parties(&params.signatories, params.threshold)?;
    let (view, at) = receipt::view(&parts.link).await?;
    Ok(Proposals { at, account, proposals: all(&view, account).await? })
}

/// What waits for approvals.
async fn all(view: &View, account: AccountId) -> Result<Vec<Proposal>, ReadError> {
    let entries = view.storage_entries("Multisig", "Multisigs", &[account.into()], usize::from(u16::MAX)).await?;
    Ok(entries.iter().filter_map(|entry| proposal(entry.keys.get(1)?, &entry.value)).collect())
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
    let verb = if existing.is_some() { "Agree to" } else { "Propose" };
    let draft = Draft::new(call, format!("{verb} {inner} on behalf of {account}, {agreed} of {threshold}"));
    let is_last = existing.is_some() && agreed >= usize::from(threshold);
    // With the last approval the proposal is spent, whether the call succeeds or not.
    let in_vain = is_last.then_some(", and the proposal would be spent in vain");
    if in_vain.is_some() {
        dues::require_proxy(ground, account, inner).await?;
    }
    let draft = paying(ground, draft, (account, inner), in_vain).await?;
    Ok(match existing {
        Some(proposal) if is_last => {
            let replaced = Record::replaced_by(inner, account);
            let draft = replaced.into_iter().fold(draft, Draft::replaces).effect("with this approval the call is made");
            if proposal.depositor == ground.actor { deposit::returning(draft, proposal.deposit) } else { draft }
        }
        Some(_) => draft,
        None => {
            let held = deposit::PROPOSAL.of(ground, threshold.into());
            deposit::holding(draft, held, "it is made or taken back")
        }
    })
}

/// `Multisig.as_multi_threshold_1`: makes the call, to which nobody else has to agree.
async fn alone(
    ground: &Ground,
    (account, ordered): (AccountId, &[AccountId]),
    inner: &Call,
) -> Result<Draft, SubmissionError> {
    const CALL: &str = "as_multi_threshold_1";
    ground.require_call("Multisig", CALL, "let two or more agree: such accounts have a threshold of 2 or more")?;
    let call =
        Call::new("Multisig", CALL).arg("other_signatories", others(ground, ordered)?).arg("call", inner.clone());
    let draft = Draft::new(call, format!("Make {inner} on behalf of {account}, 1 of 1"));
    dues::require_proxy(ground, account, inner).await?;
    let draft = paying(ground, draft, (account, inner), Some("")).await?;
    let draft = Record::replaced_by(inner, account).into_iter().fold(draft, Draft::replaces);
    Ok(draft.effect("one of the signatories is enough: the call is made"))
}

/// The draft with what the account has, and what it lacks for the call. Refused is what is sure to fail where the call is
/// made with this signature: then `in_vain` says what else is lost.
async fn paying(
    ground: &Ground,
    draft: Draft,
    (account, inner): (AccountId, &Call),
    in_vain: Option<&str>,
) -> Result<Draft, SubmissionError> {
    let balance = ground.view.balance(account).await?;
    let draft = draft.effect(format!("{account} has τ{}", balance.free));
    let due = dues::of(inner);
    let Some(lacking) = due.lacks(balance.free) else { return Ok(draft) };
    match in_vain.filter(|_| due.is_sure) {
        Some(in_vain) => {
            let words = format!("{account} cannot pay for it{in_vain}: {lacking}");
            Err(Precondition::Foreseen { error: "FundsUnavailable", words }.into())
        }
        None => Ok(draft.warning(format!("as things stand, {account} cannot pay for it: {lacking}"))),
    }
}

async fn propose(parts: Arc<Parts>, params: ProposeParams, _: Caller) -> Result<Proposed, Failure> {
    let (account, ordered) = parties(&params.signatories, params.threshold)?;
    let inner = proxy::call(&params.call)?;
    // In one order the same set is the same wish.
    let as_given = params;
    let params = ProposeParams { signatories: ordered.clone(), ..as_given.clone() };
    let key = KeyId::coldkey(params.wallet.clone());
    let agreed = Agreed::default();
    let found = agreed.clone();
    let receipt = receipt::sign_in_order::<Propose, _>(&parts, key, (params, &as_given), move |ground, params| {
        let (inner, ordered, found) = (inner.clone(), ordered.clone(), found.clone());
        async move {
            let hash = found.note(call_hash(&inner, ground.view.runtime())?);
            if params.threshold == 1 {
                return Ok(alone(&ground, (account, &ordered), &inner).await?.agrees_to(hash));
            }
            if let Some(standing) = standing(&ground.view, account, hash).await? {
                let words =
                    format!("{} proposed that in block {} already: approve it", standing.depositor, standing.height);
                return Err(Precondition::Foreseen { error: "NoTimepoint", words }.into());
            }
            let draft = as_multi(&ground, (account, &ordered, params.threshold), &inner, None).await?;
            Ok(draft.agrees_to(hash))
        }
    })
    .await?;
    let call_hash = agreed.of(&parts, &receipt).await?;
    Ok(Proposed { account, call_hash, receipt })
}

async fn approve(parts: Arc<Parts>, params: ApproveParams, _: Caller) -> Result<Proposed, Failure> {
    let (account, ordered) = waiting(&params.signatories, params.threshold)?;
    let meant = match (&params.call, params.call_hash) {
        (Some(call), None) => Meant::Call(proxy::call(call)?),
        (None, Some(hash)) => Meant::Hash(hash),
        (None, None) => Meant::Only,
        (Some(_), Some(_)) => {
            let words = "give the `call`, or its `call_hash`: one of the two";
            let error = btd_api::ApiError::new(btd_api::ErrorKind::InvalidParams, words).with("parameter", "call_hash");
            return Err(Failure(error));
        }
    };
    let as_given = params;
    let params = ApproveParams { signatories: ordered.clone(), ..as_given.clone() };
    let key = KeyId::coldkey(params.wallet.clone());
    let agreed = Agreed::default();
    let (ours, found) = (Arc::clone(&parts), agreed.clone());
    let receipt = receipt::sign_in_order::<Approve, _>(&parts, key, (params, &as_given), move |ground, params| {
        let (ours, meant, ordered, found) = (Arc::clone(&ours), meant.clone(), ordered.clone(), found.clone());
        async move {
            let standing = meant::standing(&ground.view, account, &meant).await?;
            let hash = found.note(standing.call_hash);
            if standing.approvals.contains(&ground.actor) {
                let words = format!("{} has agreed to it already", ground.actor);
                return Err(Precondition::Foreseen { error: "AlreadyApproved", words }.into());
            }
            let inner = meant::call(&ours, &ground.view, &standing, &meant).await?;
            let draft = as_multi(&ground, (account, &ordered, params.threshold), &inner, Some(&standing)).await?;
            Ok(draft.agrees_to(hash))
        }
    })
    .await?;
    let call_hash = agreed.of(&parts, &receipt).await?;
    Ok(Proposed { account, call_hash, receipt })
}

async fn cancel(parts: Arc<Parts>, params: CancelParams, _: Caller) -> Result<Receipt, Failure> {
    let (account, ordered) = waiting(&params.signatories, params.threshold)?;
    let as_given = params;
    let params = CancelParams { signatories: ordered.clone(), ..as_given.clone() };
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign_in_order::<Cancel, _>(&parts, key, (params, &as_given), move |ground, params| {
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
            let draft = Draft::new(call, format!("Take the proposal {hash} on behalf of {account} back"));
            Ok(deposit::returning(draft, standing.deposit))
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
        assert!(parties(&[a, a], 2).is_err() && parties(&[a, b], 0).is_err() && parties(&[a, b], 3).is_err());
        // One of several may be enough; then nothing waits.
        assert!(parties(&[a, b], 1).is_ok() && parties(&[a], 1).is_err());
        assert!(waiting(&[a, b], 2).is_ok() && waiting(&[a, b], 1).is_err());
    }
}
