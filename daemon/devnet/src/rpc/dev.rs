//! `dev_*`: what the owner of a development chain may do to it, as [`crate::Control`] does it.
//!
//! Who knows anvil, hardhat or chopsticks finds their habits: snapshots are spent by going back, storage is set by raw
//! key, a time that was set goes on. Times are milliseconds, as everywhere in Substrate.

use std::time::Duration;

use jsonrpsee::{RpcModule, core::RegisterMethodError, types::ErrorObjectOwned};
use serde::Deserialize;
use serde_json::{Value, json};
use sp_core::Bytes;

use super::{Answer, Arguments, error};
use crate::{
    control::{Control, StorageChanges, block_json},
    faults::{ActiveFault, Connections, Fault},
    node::Node,
    producer::SnapshotId,
};

/// Blocks that one call may ask for.
const MAX_MINED: u32 = 100_000;
/// The longest delay and the longest time for a fault: a day.
const MAX_MS: u64 = 86_400_000;

/// Faults as callers name them.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum FaultName {
    Drop,
    Refuse,
    Delay,
    StallFinality,
    StallBlocks,
}

/// Registers `name` as a function of the chain's control and the arguments.
macro_rules! methods {
    ($module:ident: $($name:literal => $answer:ident;)+) => {$(
        $module.register_async_method($name, |params, node, _| async move {
            let arguments = Arguments::parse(&params)?;
            $answer(&Control::new(node), arguments).await
        })?;
    )+};
}

pub(super) fn register(module: &mut RpcModule<Node>) -> Result<(), RegisterMethodError> {
    methods! { module:
        "dev_mine" => mine;
        "dev_setTime" => set_time;
        "dev_increaseTime" => increase_time;
        "dev_setStorage" => set_storage;
        "dev_pulse" => pulse;
        "dev_snapshot" => snapshot;
        "dev_revert" => revert;
        "dev_fault" => fault;
        "dev_clearFaults" => clear_faults;
        "dev_status" => status;
        "dev_accounts" => accounts;
    }
    Ok(())
}

async fn mine(control: &Control, mut arguments: Arguments) -> Answer {
    let count = arguments.optional::<u32>("n")?.unwrap_or(1);
    if count > MAX_MINED {
        return Err(error::invalid_params(format!("n: at most {MAX_MINED} blocks at once")));
    }
    control.mine(count).await.map(block_json).map_err(error::control)
}

async fn set_time(control: &Control, mut arguments: Arguments) -> Answer {
    let timestamp = arguments.required("timestamp")?;
    control.set_time(timestamp).await.map(|timestamp| json!({ "timestamp": timestamp })).map_err(error::control)
}

async fn increase_time(control: &Control, mut arguments: Arguments) -> Answer {
    let by = Duration::from_millis(arguments.required("ms")?);
    control.advance_time(by).await.map(|timestamp| json!({ "timestamp": timestamp })).map_err(error::control)
}

async fn set_storage(control: &Control, mut arguments: Arguments) -> Answer {
    let changes: Vec<(Bytes, Option<Bytes>)> = arguments.required("changes")?;
    let changes: StorageChanges = changes.into_iter().map(|(key, value)| (key.0, value.map(|value| value.0))).collect();
    control.set_storage(changes).await.map(block_json).map_err(error::control)
}

/// A signature as drand writes it, or with `0x` in front.
fn signature(text: &str) -> Result<Vec<u8>, ErrorObjectOwned> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .map_err(|error| error::invalid_params(format!("signature: not hexadecimal: {error}")))
}

async fn pulse(control: &Control, mut arguments: Arguments) -> Answer {
    let round = arguments.required("round")?;
    let signed = arguments.optional::<String>("signature")?.as_deref().map(signature).transpose()?;
    control.bring_round(round, signed).await.map(block_json).map_err(error::control)
}

async fn snapshot(control: &Control, _: Arguments) -> Answer {
    control.snapshot().await.map(|snapshot| json!(snapshot)).map_err(error::control)
}

async fn revert(control: &Control, mut arguments: Arguments) -> Answer {
    let snapshot: SnapshotId = arguments.required("snapshot")?;
    control.revert(snapshot).await.map(block_json).map_err(error::control)
}

fn period(arguments: &mut Arguments, name: &str) -> Result<Option<Duration>, ErrorObjectOwned> {
    match arguments.optional::<u64>(name)? {
        Some(ms) if ms > MAX_MS => Err(error::invalid_params(format!("{name}: at most {MAX_MS}, which is a day"))),
        ms => Ok(ms.map(Duration::from_millis)),
    }
}

#[expect(clippy::unused_async, reason = "as the other methods are")]
async fn fault(control: &Control, mut arguments: Arguments) -> Answer {
    let Some(name) = arguments.optional("fault")? else { return Ok(faults_json(&control.faults())) };
    let which = arguments.optional("connections")?.unwrap_or_default();
    let delay = period(&mut arguments, "ms")?;
    let lasting = period(&mut arguments, "for_ms")?;
    let fault = match (name, delay) {
        (FaultName::Drop, _) => {
            let dropped = control.drop_connections(which);
            return Ok(json!({ "dropped": dropped }));
        }
        (FaultName::Delay, Some(delay)) => Fault::Delay(which, delay),
        (FaultName::Delay, None) => return Err(error::invalid_params("ms: missing: how late answers shall be")),
        (FaultName::Refuse, _) if which == Connections::All && lasting.is_none() => {
            return Err(error::invalid_params(
                "for_ms: missing: without an end nobody could connect to clear this fault",
            ));
        }
        (FaultName::Refuse, _) => Fault::Refuse(which),
        (FaultName::StallFinality, _) => Fault::StallFinality,
        (FaultName::StallBlocks, _) => Fault::StallBlocks,
    };
    control.fault(fault, lasting);
    Ok(faults_json(&control.faults()))
}

#[expect(clippy::unused_async, reason = "as the other methods are")]
async fn clear_faults(control: &Control, _: Arguments) -> Answer {
    control.clear_faults();
    Ok(faults_json(&control.faults()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn faults_json(faults: &[ActiveFault]) -> Value {
    let one = |active: &ActiveFault| {
        let (name, which, delay) = match active.fault {
            Fault::Refuse(which) => ("refuse", Some(which), None),
            Fault::Delay(which, delay) => ("delay", Some(which), Some(millis(delay))),
            Fault::StallFinality => ("stallFinality", None, None),
            Fault::StallBlocks => ("stallBlocks", None, None),
        };
        json!({ "fault": name, "connections": which, "ms": delay, "left_ms": active.left.map(millis) })
    };
    json!({ "faults": faults.iter().map(one).collect::<Vec<_>>() })
}

async fn status(control: &Control, _: Arguments) -> Answer {
    let status = control.status().await.map_err(error::control)?;
    let snapshots = status.snapshots.iter().map(|(id, block)| json!({ "snapshot": id, "block": block_json(*block) }));
    Ok(json!({
        "head": block_json(status.head),
        "finalized": block_json(status.finalized),
        "timestamp": status.timestamp,
        "clock_shift_ms": status.shift,
        "block_time": status.block_time,
        "pending_extrinsics": status.waiting,
        "snapshots": snapshots.collect::<Vec<_>>(),
        "faults": faults_json(&status.faults)["faults"],
    }))
}

async fn accounts(control: &Control, _: Arguments) -> Answer {
    let accounts = control.accounts().await.map_err(error::control)?;
    let one = |account: &crate::DevelopmentAccount| json!({ "uri": account.uri, "address": account.address, "free": account.free });
    Ok(json!(accounts.iter().map(one).collect::<Vec<_>>()))
}
