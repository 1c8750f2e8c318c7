//! Whether a crowdloan whose purpose is the lease of a subnet can pay for the subnet.
//!
//! What a subnet costs is known for the block that is looked at. Until the call stands in one it falls a little, or
//! doubles, but it never falls below what the chain asks at the least. Semantics: pallet_subtensor, spec 425.

use btd_api::Tao;
use btd_chain::{Call, ReadError, Runtime, Value, lease_account};
use serde_json::Value as Json;

use super::{Crowdloan, PALLET};
use crate::{
    rpc::{
        receipt::foreseen,
        stake::{SUBTENSOR, number},
    },
    submit::{Draft, Ground, SubmissionError},
};

/// The call that leases a subnet.
const LEASING: (&str, &str) = (SUBTENSOR, "register_leased_network");

/// Whether paying a crowdloan out leases a subnet; not where its call cannot be read.
pub(super) async fn is_purpose(ground: &Ground, id: u32) -> Result<bool, SubmissionError> {
    let told = ground.view.storage_json(PALLET, "Crowdloans", &[Value::from(id)]).await?;
    Ok(inline(&told, ground.view.runtime()).is_some_and(|call| (call.pallet.as_str(), call.call.as_str()) == LEASING))
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
    if let Some(least) = read("NetworkMinLockCost").await?.map(Tao::from_rao).filter(|least| funds < *least) {
        let words = format!(
            "crowdloan {id} has τ{raised}, and no subnet costs less than τ{least}: raise its cap with `crowd update {id} \
             --cap`, and have the rest given before block {}, which `--end` moves",
            crowdloan.end
        );
        return foreseen("CannotAffordLockCost", words);
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
    if tao >= cost {
        return Ok(draft);
    }
    Ok(draft.warning(format!(
        "a subnet costs τ{cost} now, more than τ{tao}: while it does, the chain refuses to pay the crowdloan out; \
         `subnets lock-cost` tells what it costs"
    )))
}
