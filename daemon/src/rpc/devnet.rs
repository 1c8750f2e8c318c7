//! The noun `devnet`: what its owner may do to the development chain inside btd.

use std::{sync::Arc, time::Duration};

use btd_api::{
    BlockHash, BlockNumber, ErrorKind, Tao,
    chain::BlockRef,
    devnet::{
        AccountList, Accounts, ActiveFault, ClearFaults, Connections, DevelopmentAccount, DevnetStatus, Fault,
        FaultParams, Faults, KnownSnapshot, Mine, MineParams, Pulse, PulseParams, Revert, RevertParams, SetFault,
        SetStorage, SetStorageParams, SetTime, SetTimeParams, Snapshot, SnapshotTaken, Status, TimeSet,
    },
    rpc::Nothing,
};
use btd_devnet::{BlockId, Control, SnapshotId, StorageChanges};

use super::{Caller, Failure, Table};
use crate::daemon::{Embedded, Parts};

/// Blocks that one call may ask for.
const MOST_BLOCKS: u32 = 100_000;
/// The longest delay and the longest time for a fault: a day.
const LONGEST_MS: u64 = 86_400_000;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<Status>(status)
        .method::<Accounts>(accounts)
        .awaited::<Mine>(mine)
        .method::<SetTime>(set_time)
        .method::<SetStorage>(set_storage)
        .method::<Pulse>(pulse)
        .method::<Snapshot>(snapshot)
        .method::<Revert>(revert)
        .method::<SetFault>(fault)
        .method::<ClearFaults>(clear_faults)
        .done();
}

fn embedded(parts: &Parts) -> Result<&Embedded, Failure> {
    parts.devnet.as_ref().ok_or_else(|| {
        let words = format!(
            "btd follows {}, not a development chain of its own: start it with `btd --network devnet`",
            parts.network
        );
        Failure::new(ErrorKind::NotOnThisRuntime, words)
    })
}

fn control(parts: &Parts) -> Result<&Control, Failure> {
    embedded(parts).map(|embedded| &embedded.control)
}

fn invalid(words: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::InvalidParams, words)
}

fn block(block: BlockId) -> BlockRef {
    BlockRef { number: BlockNumber(block.number), hash: BlockHash(block.hash) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

async fn status(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<DevnetStatus, Failure> {
    let embedded = embedded(&parts)?;
    let status = embedded.control.status().await?;
    let known = |(id, at): &(SnapshotId, BlockId)| KnownSnapshot { snapshot: id.to_string(), block: block(*at) };
    Ok(DevnetStatus {
        endpoint: format!("ws://{}", embedded.address),
        profile: embedded.profile.to_string(),
        block_time: status.block_time.to_string(),
        head: block(status.head),
        finalized: block(status.finalized),
        timestamp_ms: status.timestamp,
        clock_shift_ms: status.shift,
        pending_extrinsics: u32::try_from(status.waiting).unwrap_or(u32::MAX),
        snapshots: status.snapshots.iter().map(known).collect(),
        faults: status.faults.iter().map(describe).collect(),
    })
}

async fn accounts(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<AccountList, Failure> {
    let accounts = control(&parts)?.accounts().await?;
    let known = |account: btd_devnet::DevelopmentAccount| {
        let address = account.address.parse().map_err(|error| {
            Failure::new(ErrorKind::Internal, format!("the chain names an account that is none: {error}"))
        })?;
        Ok(DevelopmentAccount { uri: account.uri, address, free: Tao::from_rao(account.free) })
    };
    Ok(AccountList { accounts: accounts.into_iter().map(known).collect::<Result<_, Failure>>()? })
}

async fn mine(parts: Arc<Parts>, params: MineParams, _: Caller) -> Result<BlockRef, Failure> {
    let control = control(&parts)?;
    if params.count > MOST_BLOCKS {
        return Err(invalid(format!("count: {} is more than {MOST_BLOCKS} blocks at once", params.count)));
    }
    Ok(block(control.mine(params.count).await?))
}

async fn set_time(parts: Arc<Parts>, params: SetTimeParams, _: Caller) -> Result<TimeSet, Failure> {
    let control = control(&parts)?;
    let timestamp_ms = match (params.timestamp_ms, params.advance_ms) {
        (Some(timestamp), None) => control.set_time(timestamp).await?,
        (None, Some(by)) => control.advance_time(Duration::from_millis(by)).await?,
        _ => return Err(invalid("name one of timestamp_ms and advance_ms")),
    };
    Ok(TimeSet { timestamp_ms })
}

fn bytes(name: &str, text: &str) -> Result<Vec<u8>, Failure> {
    let digits = text.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
    digits.ok_or_else(|| invalid(format!("{name}: `{text}` is not 0x and an even number of hexadecimal digits")))
}

async fn set_storage(parts: Arc<Parts>, params: SetStorageParams, _: Caller) -> Result<BlockRef, Failure> {
    let control = control(&parts)?;
    let changes = params.changes.iter().map(|change| {
        let value = change.value.as_deref().map(|value| bytes("value", value)).transpose()?;
        Ok((bytes("key", &change.key)?, value))
    });
    let changes: StorageChanges = changes.collect::<Result<_, Failure>>()?;
    Ok(block(control.set_storage(changes).await?))
}

async fn pulse(parts: Arc<Parts>, params: PulseParams, _: Caller) -> Result<BlockRef, Failure> {
    let control = control(&parts)?;
    // Drand writes signatures without a mark in front.
    let signature = params.signature.map(|text| bytes("signature", &format!("0x{}", text.trim_start_matches("0x"))));
    Ok(block(control.bring_round(params.round, signature.transpose()?).await?))
}

async fn snapshot(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<SnapshotTaken, Failure> {
    let taken = control(&parts)?.snapshot().await?;
    Ok(SnapshotTaken { snapshot: taken.to_string() })
}

async fn revert(parts: Arc<Parts>, params: RevertParams, _: Caller) -> Result<BlockRef, Failure> {
    let control = control(&parts)?;
    let snapshot: SnapshotId =
        params.snapshot.parse().map_err(|error: btd_devnet::ParseSnapshotIdError| invalid(error.to_string()))?;
    Ok(block(control.revert(snapshot).await?))
}

fn period(name: &str, ms: Option<u64>) -> Result<Option<Duration>, Failure> {
    match ms {
        Some(ms) if ms > LONGEST_MS => Err(invalid(format!("{name}: {ms} is more than {LONGEST_MS}, which is a day"))),
        ms => Ok(ms.map(Duration::from_millis)),
    }
}

async fn fault(parts: Arc<Parts>, params: FaultParams, _: Caller) -> Result<Faults, Failure> {
    let control = control(&parts)?;
    let which = match params.connections {
        Connections::Http => btd_devnet::Connections::Http,
        Connections::Ws => btd_devnet::Connections::Ws,
        Connections::All => btd_devnet::Connections::All,
    };
    let (delay, lasting) = (period("delay_ms", params.delay_ms)?, period("for_ms", params.for_ms)?);
    let fault = match (params.fault, delay) {
        (Fault::Drop, _) => {
            let dropped = control.drop_connections(which);
            return Ok(Faults { dropped: Some(u32::try_from(dropped).unwrap_or(u32::MAX)), faults: in_force(control) });
        }
        (Fault::Refuse, _) => btd_devnet::Fault::Refuse(which),
        (Fault::Delay, Some(delay)) => btd_devnet::Fault::Delay(which, delay),
        (Fault::Delay, None) => return Err(invalid("delay_ms: missing: how late answers shall be")),
        (Fault::StallFinality, _) => btd_devnet::Fault::StallFinality,
        (Fault::StallBlocks, _) => btd_devnet::Fault::StallBlocks,
    };
    control.fault(fault, lasting);
    Ok(Faults { dropped: None, faults: in_force(control) })
}

async fn clear_faults(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<Faults, Failure> {
    let control = control(&parts)?;
    control.clear_faults();
    Ok(Faults { dropped: None, faults: in_force(control) })
}

fn in_force(control: &Control) -> Vec<ActiveFault> {
    control.faults().iter().map(describe).collect()
}

fn describe(active: &btd_devnet::ActiveFault) -> ActiveFault {
    let connections = |which| match which {
        btd_devnet::Connections::Http => Connections::Http,
        btd_devnet::Connections::Ws => Connections::Ws,
        btd_devnet::Connections::All => Connections::All,
    };
    let (fault, connections, delay_ms) = match active.fault {
        btd_devnet::Fault::Refuse(which) => (Fault::Refuse, Some(connections(which)), None),
        btd_devnet::Fault::Delay(which, delay) => (Fault::Delay, Some(connections(which)), Some(millis(delay))),
        btd_devnet::Fault::StallFinality => (Fault::StallFinality, None, None),
        btd_devnet::Fault::StallBlocks => (Fault::StallBlocks, None, None),
    };
    ActiveFault { fault, connections, delay_ms, left_ms: active.left.map(millis) }
}
