//! The noun `crowd`: raising tao together, for an account or for a call.
//!
//! Semantics: pallet_crowdloan of subtensor, spec 425.

mod bounds;
mod created;
mod lease;

use std::sync::Arc;

use btd_api::{
    Coldkey, Tao,
    crowd::{
        Contribute, ContributeParams, Contribution, Create, CreateParams, Crowdloan, CrowdloanReply, Crowdloans,
        Dissolve, Finalize, IdParams, Info, InfoParams, List, ListParams, Refund, Update, UpdateParams, Withdraw,
    },
    wallet::Receipt,
};
use btd_chain::{Call, Link, ReadError, Value};
use btd_signer_protocol::KeyId;
use serde_json::Value as Json;

use self::bounds::{Span, constant, contributions_from, including};
use super::{
    Caller, Failure, Table, proxy,
    receipt::{self, foreseen},
    root::{name_of, names_of},
    stake::number,
};
use crate::{
    daemon::Parts,
    submit::{Draft, Ground, Precondition, SubmissionError},
};

const PALLET: &str = "Crowdloan";

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<List>(list)
        .method::<Info>(info)
        .method::<Create>(create)
        .method::<Contribute>(contribute)
        .method::<Withdraw>(withdraw)
        .method::<Finalize>(finalize)
        .method::<Refund>(refund)
        .method::<Dissolve>(dissolve)
        .method::<Update>(update)
        .done();
}

fn crowdloan(id: u32, told: &Json) -> Option<Crowdloan> {
    let tao = |name: &str| told.get(name).and_then(number).map(Tao::from_rao);
    let short = |name: &str| told.get(name).and_then(number).and_then(|number| u32::try_from(number).ok());
    let coldkey = |json: &Json| json.as_str().and_then(|text| text.parse::<Coldkey>().ok());
    Some(Crowdloan {
        id,
        creator: coldkey(told.get("creator")?)?,
        creator_name: String::new(),
        deposit: tao("deposit")?,
        min_contribution: tao("min_contribution")?,
        cap: tao("cap")?,
        raised: tao("raised")?,
        end: short("end")?,
        contributors: short("contributors_count").unwrap_or(0),
        target: told.get("target_address").and_then(coldkey),
        has_call: told.get("call").is_some_and(|call| !call.is_null()),
        finalized: told.get("finalized").and_then(Json::as_bool).unwrap_or(false),
    })
}

async fn list(parts: Arc<Parts>, params: ListParams, _: Caller) -> Result<Crowdloans, Failure> {
    let (view, at) = receipt::view(&parts.link).await?;
    let entries = view.storage_entries(PALLET, "Crowdloans", &[], usize::from(u16::MAX)).await?;
    let read = |entry: &btd_chain::StorageEntry| {
        let id = entry.keys.first().and_then(number).and_then(|id| u32::try_from(id).ok())?;
        crowdloan(id, &entry.value)
    };
    let mut crowdloans: Vec<Crowdloan> = entries.iter().filter_map(read).collect();
    let creators: Vec<Coldkey> = crowdloans.iter().map(|one| one.creator).collect();
    for (crowdloan, name) in crowdloans.iter_mut().zip(names_of(&view, &creators).await?) {
        crowdloan.creator_name = name;
    }
    crowdloans.retain(|one| params.covers(one, view.block().number));
    crowdloans.sort_by_key(|crowdloan| crowdloan.id);
    Ok(Crowdloans { at, crowdloans })
}

async fn info(parts: Arc<Parts>, params: InfoParams, _: Caller) -> Result<CrowdloanReply, Failure> {
    let (view, at) = receipt::view(&parts.link).await?;
    let told = view.storage_json(PALLET, "Crowdloans", &[Value::from(params.id)]).await?;
    let mut crowdloan = crowdloan(params.id, &told).ok_or_else(|| no_crowdloan(params.id))?;
    crowdloan.creator_name = name_of(&view, crowdloan.creator).await?;
    let entries =
        view.storage_entries(PALLET, "Contributions", &[Value::from(params.id)], usize::from(u16::MAX)).await?;
    let contribution = |entry: &btd_chain::StorageEntry| {
        let coldkey = entry.keys.get(1)?.as_str()?.parse().ok()?;
        Some(Contribution { coldkey, amount: Tao::from_rao(number(&entry.value)?) })
    };
    let mut contributions: Vec<Contribution> = entries.iter().filter_map(contribution).collect();
    contributions.sort_by_key(|contribution| std::cmp::Reverse(contribution.amount));
    Ok(CrowdloanReply { at, crowdloan, contributions })
}

fn no_crowdloan(id: u32) -> Precondition {
    Precondition::NotThere { error: "InvalidCrowdloanId", words: format!("there is no crowdloan {id}") }
}

/// The crowdloan that a call is about, on a runtime that has such things.
async fn existing(ground: &Ground, id: u32) -> Result<Crowdloan, SubmissionError> {
    ground.require_call(PALLET, "contribute", "this chain has no crowdloans")?;
    let told = ground.view.storage_json(PALLET, "Crowdloans", &[Value::from(id)]).await?;
    match crowdloan(id, &told) {
        Some(crowdloan) if crowdloan.finalized => {
            foreseen("AlreadyFinalized", format!("crowdloan {id} has been paid out already"))
        }
        Some(crowdloan) => Ok(crowdloan),
        None => Err(no_crowdloan(id).into()),
    }
}

/// What each may give to a crowdloan in all; none where there is no such limit.
async fn most_of_each(ground: &Ground, id: u32) -> Result<Option<Tao>, SubmissionError> {
    match ground.view.storage_json(PALLET, "MaxContributions", &[Value::from(id)]).await {
        Ok(json) => Ok(number(&json).map(Tao::from_rao)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the actor has given to a crowdloan.
async fn given(ground: &Ground, id: u32) -> Result<Tao, SubmissionError> {
    let keys = [Value::from(id), Value::from(ground.actor)];
    let given = ground.view.storage_json(PALLET, "Contributions", &keys).await?;
    Ok(number(&given).map_or(Tao::ZERO, Tao::from_rao))
}

fn own(ground: &Ground, crowdloan: &Crowdloan) -> Result<(), SubmissionError> {
    if crowdloan.creator.account() == ground.actor {
        return Ok(());
    }
    let words =
        format!("crowdloan {} was created by {}, and only that account may do this", crowdloan.id, crowdloan.creator);
    foreseen("InvalidOrigin", words)
}

async fn create(parts: Arc<Parts>, params: CreateParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    let link = parts.link.clone();
    let attached = params.call.as_ref().map(proxy::call).transpose()?;
    receipt::sign::<Create, _>(&parts, key, params, move |ground, params| {
        let (link, attached) = (link.clone(), attached.clone());
        async move { created::draft(&link, &ground, (&params, attached)).await }
    })
    .await
}

async fn contribute(parts: Arc<Parts>, params: ContributeParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    let link = parts.link.clone();
    receipt::sign::<Contribute, _>(&parts, key, params, move |ground, params| {
        let link = link.clone();
        async move { contributed(&link, &ground, &params).await }
    })
    .await
}

/// A contribution to a crowdloan.
async fn contributed(link: &Link, ground: &Ground, params: &ContributeParams) -> Result<Draft, SubmissionError> {
    let (id, amount) = (params.id, params.amount);
    let crowdloan = existing(ground, id).await?;
    if including(link, ground).await.0 >= crowdloan.end {
        let words = format!("crowdloan {id} takes nothing from block {} on", crowdloan.end);
        return foreseen("ContributionPeriodEnded", words);
    }
    if amount < crowdloan.min_contribution {
        let least = crowdloan.min_contribution;
        return foreseen("ContributionTooLow", format!("crowdloan {id} takes τ{least} at least"));
    }
    let missing = crowdloan.cap.saturating_sub(crowdloan.raised);
    if missing == Tao::ZERO {
        return foreseen("CapRaised", format!("crowdloan {id} has all of its τ{}", crowdloan.cap));
    }
    if let Some(contributors) = constant(ground, "MaxContributors")?
        && u64::from(crowdloan.contributors) >= contributors
    {
        let words = format!("{contributors} have given to crowdloan {id}, and it takes no more contributions");
        return foreseen("MaxContributorsReached", words);
    }
    if let Some(most) = most_of_each(ground, id).await?
        && given(ground, id).await? >= most
    {
        let words = format!("each gives τ{most} to crowdloan {id} at most, and {} has", ground.actor);
        return foreseen("MaxContributionReached", words);
    }
    let call = Call::new(PALLET, "contribute").arg("crowdloan_id", id).arg("amount", amount);
    let draft = Draft::new(call, format!("Give τ{amount} to crowdloan {id}"))
        .effect(format!("τ{} of τ{} are raised, until block {}", crowdloan.raised, crowdloan.cap, crowdloan.end));
    Ok(if amount > missing {
        draft.spends(missing).warning(format!("only τ{missing} are missing: no more is taken"))
    } else {
        draft.spends(amount)
    })
}

async fn withdraw(parts: Arc<Parts>, params: IdParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Withdraw, _>(&parts, key, params, |ground, params| async move {
        let id = params.id;
        let crowdloan = existing(&ground, id).await?;
        let given = given(&ground, id).await?;
        let held = if crowdloan.creator.account() == ground.actor { crowdloan.deposit } else { Tao::ZERO };
        let back = given.saturating_sub(held);
        if back == Tao::ZERO {
            let actor = ground.actor;
            if given == Tao::ZERO {
                return foreseen("NoContribution", format!("{actor} has nothing in crowdloan {id}"));
            }
            let words = format!(
                "what {actor} has in crowdloan {id} is its creator's deposit of τ{held}: `crowd dissolve` returns it"
            );
            return foreseen("DepositCannotBeWithdrawn", words);
        }
        let call = Call::new(PALLET, "withdraw").arg("crowdloan_id", id);
        Ok(Draft::new(call, format!("Take τ{back} back from crowdloan {id}")).receives(back))
    })
    .await
}

async fn finalize(parts: Arc<Parts>, params: IdParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    let link = parts.link.clone();
    receipt::sign::<Finalize, _>(&parts, key, params, move |ground, params| {
        let link = link.clone();
        async move { paid_out(&link, &ground, params.id).await }
    })
    .await
}

/// A crowdloan, paid out.
async fn paid_out(link: &Link, ground: &Ground, id: u32) -> Result<Draft, SubmissionError> {
    let crowdloan = existing(ground, id).await?;
    own(ground, &crowdloan)?;
    if crowdloan.raised < crowdloan.cap {
        return foreseen("CapNotRaised", format!("crowdloan {id} has τ{} of τ{}", crowdloan.raised, crowdloan.cap));
    }
    let call = Call::new(PALLET, "finalize").arg("crowdloan_id", id);
    let purpose = crowdloan.target.map_or_else(|| "its call".to_owned(), |target| target.to_string());
    let draft = Draft::new(call, format!("Pay crowdloan {id} out: τ{} for {purpose}", crowdloan.raised));
    let Some(lease) = lease::of(ground, &crowdloan).await? else {
        return match crowdloan.target {
            Some(_) => Ok(draft),
            None => Ok(created::calling(draft, lease::made(ground, &crowdloan).await?.as_ref(), ground)),
        };
    };
    let next = including(link, ground).await;
    lease::require_end(&lease, next)?;
    let draft = lease::allowed(ground, draft, next).await?;
    lease::paid_out(ground, draft, &crowdloan).await
}

async fn refund(parts: Arc<Parts>, params: IdParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Refund, _>(&parts, key, params, |ground, params| async move {
        let id = params.id;
        let crowdloan = existing(&ground, id).await?;
        own(&ground, &crowdloan)?;
        let call = Call::new(PALLET, "refund").arg("crowdloan_id", id);
        let draft = Draft::new(call, format!("Give contributors of crowdloan {id} their tao back"));
        // The creator, whose deposit stays, is one of them.
        Ok(if crowdloan.contributors > 1 {
            draft.effect("up to 50 contributors at a time: repeat it until all have theirs")
        } else {
            draft.warning(format!(
                "nobody but its creator has anything in crowdloan {id}: nothing is given back, and the fee is paid for \
                 nothing; `crowd dissolve` removes it"
            ))
        })
    })
    .await
}

async fn dissolve(parts: Arc<Parts>, params: IdParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Dissolve, _>(&parts, key, params, |ground, params| async move {
        let id = params.id;
        let crowdloan = existing(&ground, id).await?;
        own(&ground, &crowdloan)?;
        if crowdloan.contributors > 1 {
            let words = format!("crowdloan {id} holds what {} have given: refund them first", crowdloan.contributors);
            return foreseen("NotReadyToDissolve", words);
        }
        let call = Call::new(PALLET, "dissolve").arg("crowdloan_id", id);
        Ok(Draft::new(call, format!("Remove crowdloan {id}")).receives(crowdloan.deposit))
    })
    .await
}

async fn update(parts: Arc<Parts>, params: UpdateParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    let link = parts.link.clone();
    receipt::sign::<Update, _>(&parts, key, params, move |ground, params| {
        let link = link.clone();
        async move { updated(&link, &ground, &params).await }
    })
    .await
}

/// Another least contribution, end or cap of a crowdloan.
async fn updated(link: &Link, ground: &Ground, params: &UpdateParams) -> Result<Draft, SubmissionError> {
    let id = params.id;
    let crowdloan = existing(ground, id).await?;
    own(ground, &crowdloan)?;
    let mut warning = None;
    let (call, what) = match (params.min_contribution, params.end, params.cap) {
        (Some(least), None, None) => {
            contributions_from(ground, least)?;
            if let Some(most) = most_of_each(ground, id).await?
                && least > most
            {
                let words = format!("each gives τ{most} to crowdloan {id} at most, which is less than τ{least}");
                return foreseen("MinimumContributionTooHigh", words);
            }
            let call = Call::new(PALLET, "update_min_contribution").arg("new_min_contribution", least);
            (call, format!("the least contribution to τ{least}"))
        }
        (None, Some(end), None) => {
            let next = including(link, ground).await.0;
            if end <= next {
                let words = format!("crowdloan {id} cannot end with block {end}: the next one is {next}");
                return foreseen("CannotEndInPast", words);
            }
            let (span, blocks) = (Span::of(ground)?, end.saturating_sub(next));
            span.require(blocks)?;
            if span.is_tight(blocks) {
                warning = Some(format!(
                    "the chain counts from the block in which it stands, and takes no end nearer than {} blocks from \
                         there: this one is {blocks} from the next",
                    span.shortest
                ));
            }
            (Call::new(PALLET, "update_end").arg("new_end", end), format!("the end to block {end}"))
        }
        (None, None, Some(cap)) => {
            if cap < crowdloan.raised {
                let words =
                    format!("the cap of crowdloan {id} cannot be τ{cap}: τ{} are raised already", crowdloan.raised);
                return foreseen("CapTooLow", words);
            }
            (Call::new(PALLET, "update_cap").arg("new_cap", cap), format!("the cap to τ{cap}"))
        }
        _ => {
            let words = "one thing is changed at a time: the least contribution, the last block or the cap".to_owned();
            return foreseen("InvalidValue", words);
        }
    };
    let draft = Draft::new(call.arg("crowdloan_id", id), format!("Set {what} of crowdloan {id}"));
    Ok(warning.into_iter().fold(draft, Draft::warning))
}
