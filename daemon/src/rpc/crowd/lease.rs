//! Whether a crowdloan whose purpose is the lease of a subnet can have and pay for the subnet.
//!
//! What a subnet costs is known for the block that is looked at. Until the call stands in one it falls a little, or
//! doubles, but it never falls below what the chain asks at the least. The lease is run by a proxy, whose deposit is
//! paid from the same account. Semantics: pallet_subtensor, spec 425.

use btd_api::{BlockNumber, Tao};
use btd_chain::{Call, ReadError, Runtime, Value, lease_account};
use serde_json::Value as Json;

use super::{Crowdloan, PALLET};
use crate::{
    rpc::{
        deposit,
        receipt::foreseen,
        stake::{SUBTENSOR, number},
        subnets::owning::rest,
    },
    submit::{Draft, Ground, SubmissionError},
};

/// The call that leases a subnet.
const LEASING: (&str, &str) = (SUBTENSOR, "register_leased_network");

/// Blocks for which anything that is signed can be included at the most.
const LONGEST_ERA: u64 = 2_048;

/// The call that leases a subnet, with the whole percents of its emission for those who paid.
pub(super) fn call(percents: u8, end: Option<u32>) -> Call {
    Call::new(LEASING.0, LEASING.1)
        .arg("emissions_share", Value::from(percents))
        .arg("end_block", end.map_or(Value::Null, Value::from))
}

/// Whether it is such a call.
pub(super) fn is_of(call: &Call) -> bool {
    (call.pallet.as_str(), call.call.as_str()) == LEASING
}

/// The call of a crowdloan whose payment leases a subnet; none where its call is another, or cannot be read.
pub(super) async fn of(ground: &Ground, crowdloan: &Crowdloan) -> Result<Option<Call>, SubmissionError> {
    Ok(made(ground, crowdloan).await?.filter(is_of))
}

/// The call that a crowdloan makes when it is paid out; none where it has none, or that cannot be read.
pub(super) async fn made(ground: &Ground, crowdloan: &Crowdloan) -> Result<Option<Call>, SubmissionError> {
    if !crowdloan.has_call {
        return Ok(None);
    }
    let told = ground.view.storage_json(PALLET, "Crowdloans", &[Value::from(crowdloan.id)]).await?;
    Ok(inline(&told, ground.view.runtime()))
}

/// Refuses a lease that is over before it begins, which is not before block `next`.
pub(super) fn require_end(call: &Call, next: BlockNumber) -> Result<(), SubmissionError> {
    let end = match call.args.get("end_block") {
        Some(Value::Uint(end)) => Some(*end),
        Some(Value::Text(end)) => end.parse().ok(),
        _ => None,
    };
    match end.filter(|end| *end <= u128::from(next.0)) {
        None => Ok(()),
        Some(end) => foreseen(
            "LeaseCannotEndInThePast",
            format!(
                "the lease ends with block {end}, and the next one is {next}: nothing can be leased any more; `crowd \
                 refund` gives contributors their tao back"
            ),
        ),
    }
}

/// The draft, unless the chain takes no new subnet before all that can be signed now has lapsed. Warned of is what
/// stands in a block too early as things are.
pub(super) async fn allowed(ground: &Ground, draft: Draft, next: BlockNumber) -> Result<Draft, SubmissionError> {
    let Some(rest) = rest(&ground.view).await else { return Ok(draft) };
    let (from, next) = (rest.until(), u64::from(next.0));
    let words = format!(
        "a subnet was created at block {}, and the chain takes one in {} blocks: not before block {from}, and the next is \
         {next}",
        rest.last, rest.limit
    );
    if from >= next.saturating_add(LONGEST_ERA) {
        return foreseen("NetworkTxRateLimitExceeded", words);
    }
    Ok(if from > next { draft.warning(words) } else { draft })
}

/// The call of a crowdloan, which lies with it where it is short, as that of a lease is.
fn inline(told: &Json, runtime: &Runtime) -> Option<Call> {
    let digits = told.get("call")?.get("Inline")?.as_str()?;
    let bytes = hex::decode(digits.strip_prefix("0x")?).ok()?;
    Call::read(&bytes, runtime).ok()
}

/// The draft, which pays a crowdloan out. Refused is what has less than a subnet costs at the least, and warned of what
/// has less than one costs now.
pub(super) async fn paid_out(ground: &Ground, draft: Draft, crowdloan: &Crowdloan) -> Result<Draft, SubmissionError> {
    let read = async |item| match ground.view.storage_json(SUBTENSOR, item, &[]).await {
        Ok(json) => Ok(number(&json)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    };
    let (id, raised) = (crowdloan.id, crowdloan.raised);
    // The subnet is paid from the account of the lease, on which more may lie already.
    let Some(lease) = read("NextSubnetLeaseId").await?.and_then(|lease| u32::try_from(lease).ok()) else {
        return affording(ground, draft, raised).await;
    };
    let funds = raised.saturating_add(ground.view.balance(lease_account(lease)).await?.free);
    if let Some(least) = read("NetworkMinLockCost").await?.map(Tao::from_rao) {
        let deposit = deposit::PROXIES.of(ground, 1);
        let error = match funds {
            funds if funds < least => Some("CannotAffordLockCost"),
            funds if funds < least.saturating_add(deposit) => Some("InsufficientBalance"),
            _ => None,
        };
        if let Some(error) = error {
            let words = format!(
                "crowdloan {id} has τ{raised}, and no subnet costs less than τ{least}, with τ{deposit} beside it for the \
                 proxy that runs the lease: raise its cap with `crowd update {id} --cap`, and have the rest given before \
                 block {}, which `--end` moves",
                crowdloan.end
            );
            return foreseen(error, words);
        }
    }
    affording(ground, draft, funds).await
}

/// The draft, with a warning where `tao` do not pay for a subnet as things stand.
pub(super) async fn affording(ground: &Ground, draft: Draft, tao: Tao) -> Result<Draft, SubmissionError> {
    let cost = match ground.view.network_registration_cost().await {
        Ok(cost) => cost,
        Err(ReadError::Absent(_)) => return Ok(draft),
        Err(error) => return Err(error.into()),
    };
    let deposit = deposit::PROXIES.of(ground, 1);
    if tao >= cost.saturating_add(deposit) {
        return Ok(draft);
    }
    if tao >= cost {
        return Ok(draft.warning(format!(
            "a subnet costs τ{cost} now, and the proxy that runs the lease τ{deposit}, together more than τ{tao}: while \
             they do, the chain refuses to pay the crowdloan out; `subnets lock-cost` tells what a subnet costs"
        )));
    }
    Ok(draft.warning(format!(
        "a subnet costs τ{cost} now, more than τ{tao}: while it does, the chain refuses to pay the crowdloan out; \
         `subnets lock-cost` tells what it costs"
    )))
}
