//! The senate and what it votes on, on runtimes before spec 334, and on a development chain with
//! `legacy_root`. Elsewhere the answer says that there is none.

use std::sync::Arc;

use btd_api::{
    BlockHash, BlockNumber, Coldkey, Hotkey,
    root::{Proposal, ProposalList, SenateVote, SenateVoteParams, Senator, Senators},
    rpc::Nothing,
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, Value, View};
use btd_signer_protocol::KeyId;
use serde_json::Value as Json;

use super::{Caller, Failure, SUBTENSOR, account, name_of, number, own_hotkey, receipt};
use crate::{daemon::Parts, submit::Draft};

const INSTEAD: &str = "the senate was dissolved: nobody votes on proposals today; the nearest is `root list`, the \
                       validators of root";
const TRIUMVIRATE: &str = "Triumvirate";

fn accounts(json: &Json) -> Vec<Hotkey> {
    json.as_array().into_iter().flatten().filter_map(account).collect()
}

async fn seated(view: &View) -> Result<Vec<Hotkey>, ReadError> {
    Ok(accounts(&view.storage_json("SenateMembers", "Members", &[]).await?))
}

/// Who has a seat; none where the runtime has no senate.
pub(super) async fn seated_if_any(view: &View) -> Result<Option<Vec<Hotkey>>, ReadError> {
    match seated(view).await {
        Ok(seated) => Ok(Some(seated)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) async fn members(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<Senators, Failure> {
    let (view, at) = receipt::view(&parts.link).await?;
    receipt::require_item(&view, "SenateMembers", "Members", INSTEAD)?;
    let mut senators = Vec::new();
    for hotkey in seated(&view).await? {
        let owner = account(&view.storage_json(SUBTENSOR, "Owner", &[hotkey.into()]).await?);
        let name = match owner {
            Some(owner) => name_of(&view, Coldkey(owner.account())).await?,
            None => String::new(),
        };
        senators.push(Senator { hotkey, name });
    }
    Ok(Senators { at, senators })
}

pub(super) async fn proposals(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<ProposalList, Failure> {
    let (view, at) = receipt::view(&parts.link).await?;
    receipt::require_item(&view, TRIUMVIRATE, "Proposals", INSTEAD)?;
    let hashes = view.storage_json(TRIUMVIRATE, "Proposals", &[]).await?;
    let mut proposals = Vec::new();
    for hash in hashes.as_array().into_iter().flatten().filter_map(|hash| hash.as_str()?.parse().ok()) {
        let call = view.storage_json(TRIUMVIRATE, "ProposalOf", &[key(hash)]).await?;
        proposals.extend(proposal(hash, &votes(&view, hash).await?, &call));
    }
    let seats = u32::try_from(seated(&view).await?.len()).unwrap_or(u32::MAX);
    Ok(ProposalList { at, seats, proposals })
}

fn key(hash: BlockHash) -> Value {
    Value::from(hash)
}

async fn votes(view: &View, hash: BlockHash) -> Result<Json, ReadError> {
    view.storage_json(TRIUMVIRATE, "Voting", &[key(hash)]).await
}

fn proposal(hash: BlockHash, votes: &Json, call: &Json) -> Option<Proposal> {
    let count = |name: &str| votes.get(name).and_then(number).and_then(|number| u32::try_from(number).ok());
    let voters = |name: &str| votes.get(name).map(accounts).unwrap_or_default();
    let (call, arguments) = called(call).unwrap_or_default();
    Some(Proposal {
        hash,
        index: count("index")?,
        threshold: count("threshold")?,
        ayes: voters("ayes"),
        nays: voters("nays"),
        end: BlockNumber(count("end")?),
        call,
        arguments,
    })
}

/// The name and the arguments of a call, as storage tells it: `{pallet: {call: {argument: value}}}`.
fn called(told: &Json) -> Option<(String, Json)> {
    let (pallet, call) = told.as_object()?.iter().next()?;
    match call {
        Json::Object(call) => {
            let (name, arguments) = call.iter().next()?;
            Some((format!("{pallet}.{name}"), arguments.clone()))
        }
        Json::String(name) => Some((format!("{pallet}.{name}"), Json::Null)),
        _ => None,
    }
}

pub(super) async fn vote(parts: Arc<Parts>, params: SenateVoteParams, _: Caller) -> Result<Receipt, Failure> {
    let (_, hotkey) = own_hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SenateVote, _>(&parts, key, params, move |ground, params| async move {
        ground.require_call(SUBTENSOR, "vote", INSTEAD)?;
        let hash = params.proposal;
        let votes = match votes(&ground.view, hash).await {
            Ok(votes) => votes,
            // The chain has the last word.
            Err(ReadError::Absent(_)) => Json::Null,
            Err(error) => return Err(error.into()),
        };
        let open = proposal(hash, &votes, &Json::Null);
        let index = match (&open, params.index) {
            (_, Some(index)) => index,
            (Some(open), None) => open.index,
            (None, None) => {
                return receipt::foreseen(
                    "ProposalMissing",
                    format!("no proposal {hash} is open: see `root proposals`"),
                );
            }
        };
        if !seated(&ground.view).await?.contains(&hotkey) {
            let words = format!("hotkey {hotkey} does not sit in the senate: see `root senate`");
            return receipt::foreseen("NotSenateMember", words);
        }
        let already = open.as_ref().is_some_and(|open| {
            let voters = if params.approve { &open.ayes } else { &open.nays };
            voters.contains(&hotkey)
        });
        if already {
            return receipt::foreseen("DuplicateVote", format!("hotkey {hotkey} has cast that vote already"));
        }
        let call = Call::new(SUBTENSOR, "vote")
            .arg("hotkey", hotkey)
            .arg("proposal", hash)
            .arg("index", index)
            .arg("approve", params.approve);
        let vote = if params.approve { "for" } else { "against" };
        let draft = Draft::new(call, format!("Vote {vote} proposal {hash} as {hotkey}"));
        Ok(match open {
            Some(open) => draft.effect(format!(
                "so far {} for and {} against it; it takes {} ayes",
                open.ayes.len(),
                open.nays.len(),
                open.threshold
            )),
            None => draft,
        })
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
        let hash = BlockHash([7; 32]);
        let votes = json!({ "index": 7, "threshold": 2, "ayes": [alice], "nays": [], "end": 100 });
        let call = json!({ "System": { "remark": { "remark": "0x74" } } });
        let read = proposal(hash, &votes, &call).unwrap();
        assert_eq!((read.call.as_str(), read.arguments), ("System.remark", json!({ "remark": "0x74" })));
        assert_eq!((read.index, read.ayes.len(), read.end), (7, 1, BlockNumber(100)));
        assert_eq!(proposal(hash, &Json::Null, &call), None);
        assert_eq!(called(&json!({ "Sudo": "remove_key" })).unwrap().0, "Sudo.remove_key");
    }
}
