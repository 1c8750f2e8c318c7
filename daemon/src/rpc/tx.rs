//! The noun `tx`: extrinsics that this daemon has signed, from its journal.

use std::{sync::Arc, time::Instant};

use btd_api::{
    ApiError, BlockHash, ErrorKind, IdempotencyKey,
    tx::{
        Cancel, CancelParams, Cancelled, Entries, Entry, Follow, FollowParams, List, ListParams, Show, ShowParams,
        Shown, State, Waiting,
    },
    wallet::Receipt,
};

use super::{Caller, Failure, Table, receipt};
use crate::{
    daemon::Parts,
    journal::{Ending, Intent, Kept, Logged},
    submit::{NotWithdrawn, Plan},
};

/// How many are listed when nobody says how many.
const USUAL: u32 = 50;
/// How many are listed at most.
const MOST: u32 = 1000;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<List>(list)
        .method::<Show>(show)
        .method::<Follow>(follow)
        .method::<Cancel>(cancel)
        .done();
}

async fn list(parts: Arc<Parts>, params: ListParams, _: Caller) -> Result<Entries, Failure> {
    let limit = params.limit.unwrap_or(USUAL).min(MOST);
    let kept = if params.pending { Kept::Pending } else { Kept::All };
    let mut logged = parts.submitter.logged(kept, params.before, limit.saturating_add(1)).await?;
    let has_more = usize::try_from(limit).is_ok_and(|limit| logged.len() > limit);
    if has_more {
        logged.pop();
    }
    let now = Instant::now();
    let waiting = parts.submitter.waiting().into_iter().map(|order| Waiting {
        signer: order.signer,
        lane: order.lane,
        idempotency_key: order.idempotency_key,
        waited_ms: u64::try_from(now.saturating_duration_since(order.since).as_millis()).unwrap_or(u64::MAX),
    });
    let entries: Vec<Entry> = logged.iter().map(entry).collect();
    Ok(Entries { next: entries.last().filter(|_| has_more).map(|entry| entry.id), entries, waiting: waiting.collect() })
}

fn entry(logged: &Logged) -> Entry {
    let Logged { intent, recorded_at, settled_at } = logged;
    let plan: Option<Plan> = serde_json::from_str(&intent.recorded.plan).ok();
    let extrinsic = &intent.recorded.extrinsic;
    Entry {
        id: intent.id.number(),
        extrinsic: receipt::hash(extrinsic.hash),
        state: state(intent),
        call: plan.as_ref().map(|plan| plan.call.clone()).unwrap_or_default(),
        summary: plan.map(|plan| plan.summary).unwrap_or_default(),
        signer: extrinsic.signer,
        nonce: extrinsic.nonce,
        recorded_at: *recorded_at,
        settled_at: *settled_at,
        era_end: extrinsic.era_end(),
        idempotency_key: intent.recorded.key.clone(),
    }
}

fn state(intent: &Intent) -> State {
    match intent.settlement.as_ref().map(|settlement| settlement.ending) {
        None => State::Pending,
        Some(Ending::Succeeded) => State::Succeeded,
        Some(Ending::Failed) => State::Failed,
        Some(Ending::Unseen) => State::Unseen,
        Some(Ending::Refused) => State::Refused,
        Some(Ending::Expired) => State::Expired,
        Some(Ending::Withdrawn) => State::Withdrawn,
    }
}

async fn one(parts: &Parts, extrinsic: BlockHash) -> Result<Logged, Failure> {
    let found = parts.submitter.logged_as(extrinsic.0.into()).await?;
    found.ok_or_else(|| {
        let message = format!("this btd has not signed extrinsic {extrinsic}, or has forgotten it");
        Failure::new(ErrorKind::NotFound, message)
    })
}

async fn show(parts: Arc<Parts>, params: ShowParams, _: Caller) -> Result<Shown, Failure> {
    let logged = one(&parts, params.extrinsic).await?;
    let unreadable = |error: serde_json::Error| {
        Failure::new(ErrorKind::Internal, format!("what the journal keeps of it cannot be read: {error}"))
    };
    let plan: Plan = serde_json::from_str(&logged.intent.recorded.plan).map_err(unreadable)?;
    let ending = logged.intent.settlement.as_ref().map(|settlement| serde_json::from_str(&settlement.details));
    Ok(Shown {
        entry: entry(&logged),
        plan: receipt::plan(plan, &parts.link),
        ending: ending.transpose().map_err(unreadable)?,
    })
}

async fn follow(parts: Arc<Parts>, params: FollowParams, _: Caller) -> Result<Receipt, Failure> {
    let intent = match (params.extrinsic, params.key) {
        (Some(extrinsic), None) => one(&parts, extrinsic).await?.intent,
        (None, Some(key)) => {
            // Asked first: what comes to its end meanwhile is in the journal by then.
            let is_under_way = parts.submitter.is_under_way(&key);
            let found = parts.submitter.logged_under(key.clone()).await?;
            found.ok_or_else(|| unsigned(&key, is_under_way))?
        }
        (Some(_), Some(_)) | (None, None) => return Err(one_of_the_two()),
    };
    let mode = receipt::until(params.wait);
    let settled = parts.submitter.follow(&intent, mode).await?;
    Ok(receipt::shown(&parts, settled).await)
}

/// That nothing was signed under a key. Where an order under it is on its way to that, it is not said that there is none.
fn unsigned(key: &IdempotencyKey, is_under_way: bool) -> Failure {
    if is_under_way {
        let message = format!(
            "the order under the key `{key}` is not signed yet: it waits for its turn, which `tx list` shows, or has it. \
             Ask again in a moment"
        );
        return Failure(ApiError::new(ErrorKind::OutcomeUnknown, message).with("idempotency_key", key));
    }
    Failure::new(ErrorKind::NotFound, format!("nothing was signed under the key `{key}`, and nothing waits under it"))
}

fn one_of_the_two() -> Failure {
    Failure::new(ErrorKind::InvalidParams, "give the `extrinsic` or the `key`, one of the two")
}

async fn cancel(parts: Arc<Parts>, params: CancelParams, _: Caller) -> Result<Cancelled, Failure> {
    let (waiting, intent) = match (params.extrinsic, params.key) {
        (Some(extrinsic), None) => (0, Some(one(&parts, extrinsic).await?.intent)),
        (None, Some(key)) => {
            let called = parts.submitter.call_off(&key).await.map_err(|why| {
                let message = format!("it is not known yet whether what goes by the key `{key}` is called off: {why}");
                Failure(ApiError::new(ErrorKind::OutcomeUnknown, message).with("idempotency_key", &key))
            })?;
            let intent = parts.submitter.logged_under(key).await?;
            let stopped = if intent.is_some() { 0 } else { called.under_way.len() };
            (u32::try_from(called.waiting.saturating_add(stopped)).unwrap_or(u32::MAX), intent)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(one_of_the_two());
        }
    };
    let Some(intent) = intent else {
        return match waiting {
            0 => Err(Failure::new(ErrorKind::NotFound, "nothing waits, and nothing was signed, under that key")),
            waiting => Ok(Cancelled { waiting, extrinsic: None }),
        };
    };
    let extrinsic = receipt::hash(intent.recorded.extrinsic.hash);
    match parts.submitter.withdraw(&intent).await {
        Ok(()) => Ok(Cancelled { waiting, extrinsic: Some(extrinsic) }),
        Err(why) => {
            let kind = match why {
                NotWithdrawn::Undecided => ErrorKind::OutcomeUnknown,
                NotWithdrawn::Unwritten => ErrorKind::StorageFault,
                NotWithdrawn::Sent | NotWithdrawn::Ended | NotWithdrawn::Awaited { .. } => ErrorKind::Precondition,
            };
            let message = format!("extrinsic {extrinsic} is not taken back: {why}; `tx follow` tells its end");
            Err(Failure::new(kind, message))
        }
    }
}
