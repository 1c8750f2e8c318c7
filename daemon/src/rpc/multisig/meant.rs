//! Which of the calls that wait for approvals is meant, and what it is.
//!
//! The chain keeps the hash of a proposed call, and the place of the extrinsic that proposed it. That extrinsic carries the
//! call itself as a rule, and so does whatever this daemon signed about it. Semantics: pallet_multisig.

use std::collections::{BTreeMap, HashSet};

use btd_api::{AccountId, BlockHash, BlockNumber, multisig::Proposal};
use btd_chain::{Call, Runtime, Value, View, call_hash};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    causes::with_causes,
    daemon::Parts,
    rpc::{proxy::journalled, receipt::foreseen},
    submit::{Precondition, SubmissionError},
};

/// The kind of call that is looked for: the ones of the pallet that carry another call whole.
const CARRYING: (&str, &str) = ("Multisig", "as_multi");

/// Which proposed call is meant.
#[derive(Clone, Debug)]
pub(super) enum Meant {
    /// This one.
    Call(Call),
    /// The one with this hash.
    Hash(BlockHash),
    /// The only one.
    Only,
}

/// What stands on the chain of the call that is meant.
pub(super) async fn standing(view: &View, account: AccountId, meant: &Meant) -> Result<Proposal, SubmissionError> {
    let (hash, what) = match meant {
        Meant::Call(call) => (call_hash(call, view.runtime())?, call.to_string()),
        Meant::Hash(hash) => (*hash, "the call".to_owned()),
        Meant::Only => return only(super::all(view, account).await?, account),
    };
    match super::standing(view, account, hash).await? {
        Some(standing) => Ok(standing),
        None => foreseen("NotFound", format!("nobody has proposed {what} ({hash}) on behalf of {account}")),
    }
}

/// The only proposal.
fn only(mut proposals: Vec<Proposal>, account: AccountId) -> Result<Proposal, SubmissionError> {
    match (proposals.pop(), proposals.as_slice()) {
        (Some(one), []) => Ok(one),
        (None, _) => foreseen("NotFound", format!("nothing is proposed on behalf of {account}")),
        (Some(last), rest) => {
            let hashes: Vec<String> = rest.iter().chain([&last]).map(|one| one.call_hash.to_string()).collect();
            let hashes = hashes.join(", ");
            foreseen("NotFound", format!("several calls are proposed on behalf of {account}: name one of {hashes}"))
        }
    }
}

/// The proposed call: the one that is meant, or the one that the chain or this daemon's journal has under that hash.
pub(super) async fn call(
    parts: &Parts,
    view: &View,
    proposal: &Proposal,
    meant: &Meant,
) -> Result<Call, SubmissionError> {
    if let Meant::Call(call) = meant {
        return Ok(call.clone());
    }
    let (hash, runtime) = (proposal.call_hash, view.runtime());
    if let Some(call) = proposing(parts, proposal, runtime).await {
        return Ok(call);
    }
    let signed = |plan: &str| {
        let calls = carried_by_plan(plan);
        let known = |call: Call| call_hash(&call, runtime).ok().map(|of| (of, call));
        calls.into_iter().filter_map(known).find(|(of, _)| *of == hash)
    };
    if let Some(call) = journalled(parts, HashSet::from([hash]), signed).await?.remove(&hash) {
        return Ok(call);
    }
    let words = format!(
        "what {} proposed in block {} ({hash}) stands there by its hash alone, or as a call of an earlier runtime, and \
         this btd did not sign it: give the call itself, or agree where it is known",
        proposal.depositor, proposal.height
    );
    Err(Precondition::Invalid { parameter: "call", words }.into())
}

/// The call as the extrinsic that proposed it carries it; none where it does not, or that block cannot be had.
async fn proposing(parts: &Parts, proposal: &Proposal, runtime: &Runtime) -> Option<Call> {
    let block = match parts.link.block(BlockNumber(proposal.height)).await {
        Ok(block) => block,
        Err(error) => {
            tracing::debug!(
                height = proposal.height,
                error = with_causes(&error),
                "could not read where it was proposed"
            );
            return None;
        }
    };
    let extrinsic = block.extrinsics.iter().find(|extrinsic| extrinsic.index == proposal.index)?;
    let told = extrinsic.call.as_ref()?;
    let calls = carried(&told.pallet, &told.call, &told.args);
    calls.into_iter().find(|call| call_hash(call, runtime).is_ok_and(|hash| hash == proposal.call_hash))
}

/// The hash of what a plan proposes or agrees to; none where it does neither.
pub(super) fn hash_in(call: &str, arguments: &Json, runtime: &Runtime) -> Option<BlockHash> {
    let (pallet, call) = call.split_once('.')?;
    call_hash(carried(pallet, call, arguments).first()?, runtime).ok()
}

/// What a journalled plan proposes or agrees to.
fn carried_by_plan(plan: &str) -> Vec<Call> {
    /// What is read of a plan.
    #[derive(Deserialize)]
    struct Carrying {
        call: String,
        arguments: Json,
    }
    let Ok(Carrying { call, arguments }) = serde_json::from_str(plan) else { return Vec::new() };
    call.split_once('.').map_or_else(Vec::new, |(pallet, call)| carried(pallet, call, &arguments))
}

/// The calls that a call proposes or agrees to: it itself, or those inside it, as a proxy or a batch makes them.
fn carried(pallet: &str, call: &str, arguments: &Json) -> Vec<Call> {
    let mut found = Vec::new();
    collect(&json!({ pallet: { call: arguments } }), &mut found);
    found
}

fn collect(told: &Json, found: &mut Vec<Call>) {
    match told {
        Json::Object(members) => {
            let carrying = members.get(CARRYING.0).and_then(|pallet| pallet.get(CARRYING.1));
            found.extend(carrying.and_then(|arguments| inner(arguments.get("call")?)));
            members.values().for_each(|member| collect(member, found));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// A call as the chain tells one inside another: `{ "Pallet": { "call": { .. } } }`.
fn inner(told: &Json) -> Option<Call> {
    let only = |told: &Json| told.as_object().filter(|members| members.len() == 1)?.iter().next().map(owned);
    let (pallet, rest) = only(told)?;
    let (call, arguments) = match rest {
        Json::String(call) => (call, Json::Null),
        rest => only(&rest)?,
    };
    let args = match Value::from_json(arguments).ok()? {
        Value::Record(args) => args,
        _ => BTreeMap::new(),
    };
    Some(Call { pallet, call, args })
}

fn owned((name, value): (&String, &Json)) -> (String, Json) {
    (name.clone(), value.clone())
}

#[cfg(test)]
mod tests {
    use btd_api::Tao;

    use super::*;

    fn agreeing(remark: &str) -> Json {
        json!({ "threshold": 2, "call": { "System": { "remark": { "remark": remark } } }, "max_weight": {} })
    }

    fn remarks(calls: &[Call]) -> Vec<String> {
        calls.iter().map(|call| format!("{call} {:?}", call.args["remark"])).collect()
    }

    #[test]
    fn the_call_is_found_in_what_proposes_it() {
        let [a, b] = ["0x01", "0x02"];
        let one = carried("Multisig", "as_multi", &agreeing(a));
        assert_eq!(one, [Call::new("System", "remark").arg("remark", a)]);
        let through = json!({ "real": "x", "call": { "Multisig": { "as_multi": agreeing(a) } } });
        assert_eq!(carried("Proxy", "proxy", &through), one);
        let many = json!({ "calls": [
            { "Multisig": { "as_multi": agreeing(a) } },
            { "System": { "remark": { "remark": "0x03" } } },
            { "Multisig": { "as_multi": agreeing(b) } },
        ] });
        assert_eq!(remarks(&carried("Utility", "batch", &many)).len(), 2);
        // By the hash alone nothing is carried.
        assert!(carried("Multisig", "approve_as_multi", &json!({ "call_hash": a })).is_empty());
        assert!(carried("System", "remark", &json!({ "remark": a })).is_empty());
    }

    #[test]
    fn the_call_is_found_in_a_journalled_plan() {
        let plan = |call: &str| json!({ "call": call, "arguments": agreeing("0x01"), "fee": "1" }).to_string();
        assert_eq!(carried_by_plan(&plan("Multisig.as_multi")).len(), 1);
        assert!(carried_by_plan(&plan("Multisig.cancel_as_multi")).is_empty());
        assert!(carried_by_plan("{}").is_empty() && carried_by_plan("no plan").is_empty());
    }

    #[test]
    fn a_call_without_arguments_is_one() {
        let bare = Call::new("Proxy", "remove_proxies");
        for told in [json!({ "Proxy": { "remove_proxies": {} } }), json!({ "Proxy": "remove_proxies" })] {
            assert_eq!(inner(&told), Some(bare.clone()), "{told}");
        }
        assert_eq!((inner(&json!({})), inner(&json!({ "a": {}, "b": {} })), inner(&json!(7))), (None, None, None));
    }

    #[test]
    fn the_only_one_needs_no_name() {
        let account = AccountId([9; 32]);
        let one = |byte| Proposal {
            call_hash: BlockHash([byte; 32]),
            height: 1,
            index: 2,
            depositor: AccountId([1; 32]),
            deposit: Tao::ZERO,
            approvals: Vec::new(),
        };
        assert_eq!(only(vec![one(7)], account).unwrap(), one(7));
        assert!(only(vec![], account).unwrap_err().to_string().contains("nothing is proposed"));
        let several = only(vec![one(7), one(8)], account).unwrap_err().to_string();
        assert!(several.contains(&one(7).call_hash.to_string()) && several.contains(&one(8).call_hash.to_string()));
    }
}
