//! The noun `devnet`: what its owner may do to the development chain inside btd.

mod fault;
mod time;

use std::time::Duration;

use btd_api::{
    chain::BlockRef,
    devnet::{
        AccountList, Accounts, DevnetStatus, Mine, MineParams, Pulse, PulseParams, Revert, RevertParams, SetStorage,
        SetStorageParams, Snapshot, SnapshotTaken, Status, StorageChange,
    },
    rpc::Nothing,
};
use clap::{Args, Subcommand};

use crate::{
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// What many blocks may take.
const MINING: Duration = Duration::from_mins(10);

/// `btctl devnet ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The chain at a glance: blocks, clock, snapshots, faults
    Status,
    /// The well-known accounts with their URIs and balances
    Accounts,
    /// Make blocks now
    Mine(MineArgs),
    /// Set the time of the next block, from which time goes on
    SetTime(time::SetTimeArgs),
    /// Set or remove raw values of the state, in a block of their own
    SetStorage(SetStorageArgs),
    /// Bring a round of the drand beacon, for weights and commitments that are sealed until then
    Pulse(PulseArgs),
    /// Remember the chain as it is now
    Snapshot,
    /// Take the chain back to a snapshot, which spends it and all later ones
    Revert(RevertArgs),
    /// Make the chain's node behave badly, see how badly it does, or let it behave again
    Fault(fault::FaultArgs),
}

/// `btctl devnet mine`
#[derive(Args, Debug)]
pub(crate) struct MineArgs {
    /// How many blocks
    #[arg(default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    count: u32,
}

/// `btctl devnet set-storage`
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").args(["set", "remove"]).required(true).multiple(true))]
pub(crate) struct SetStorageArgs {
    /// What to set, both in hexadecimal with 0x; `0x01=0x` sets an empty value
    #[arg(value_name = "KEY=VALUE", value_parser = change)]
    set: Vec<StorageChange>,
    /// A key to remove
    #[arg(long, value_name = "KEY")]
    remove: Vec<String>,
}

/// `btctl devnet pulse`
#[derive(Args, Debug)]
pub(crate) struct PulseArgs {
    /// The number of the round, from 1 on
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    round: u64,
    /// The signature that drand publishes for the round, for what is sealed to drand's own beacon; without it the
    /// development beacon signs
    #[arg(long, value_name = "HEX")]
    signature: Option<String>,
}

/// `btctl devnet revert`
#[derive(Args, Debug)]
pub(crate) struct RevertArgs {
    /// The snapshot, such as 0x1
    #[arg(value_name = "SNAPSHOT")]
    snapshot: String,
}

fn change(text: &str) -> Result<StorageChange, String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not KEY=VALUE, such as 0x01=0x02"))?;
    Ok(StorageChange { key: key.to_owned(), value: Some(value.to_owned()) })
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Status => {
                let reply = session.call::<Status>(&Nothing {}).await?;
                session.out.reply(&reply, status)?;
            }
            Self::Accounts => {
                let reply = session.call::<Accounts>(&Nothing {}).await?;
                session.out.reply(&reply, accounts)?;
            }
            Self::Mine(MineArgs { count }) => {
                let limit = session.settings.timeout.unwrap_or(MINING);
                let reply = session.call_within::<Mine>(&MineParams { count }, limit).await?;
                session.out.reply(&reply, head)?;
            }
            Self::SetTime(args) => return args.run(session).await,
            Self::SetStorage(SetStorageArgs { set, remove }) => {
                let removed = remove.into_iter().map(|key| StorageChange { key, value: None });
                let changes = set.into_iter().chain(removed).collect();
                let reply = session.call::<SetStorage>(&SetStorageParams { changes }).await?;
                session.out.reply(&reply, head)?;
            }
            Self::Pulse(PulseArgs { round, signature }) => {
                let reply = session.call::<Pulse>(&PulseParams { round, signature }).await?;
                session.out.reply(&reply, head)?;
            }
            Self::Snapshot => {
                let reply = session.call::<Snapshot>(&Nothing {}).await?;
                session.out.reply(&reply, |taken: &SnapshotTaken, _| taken.snapshot.clone())?;
            }
            Self::Revert(RevertArgs { snapshot }) => {
                let limit = session.settings.timeout.unwrap_or(MINING);
                let reply = session.call_within::<Revert>(&RevertParams { snapshot }, limit).await?;
                session.out.reply(&reply, head)?;
            }
            Self::Fault(args) => return args.run(session).await,
        }
        Ok(Exit::Success)
    }
}

fn block(block: &BlockRef) -> String {
    format!("#{} {}", block.number, block.hash)
}

fn head(head: &BlockRef, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("head", block(head));
    facts.render(page)
}

fn status(status: &DevnetStatus, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("endpoint", &status.endpoint);
    facts.add("profile", &status.profile);
    facts.add("block time", &status.block_time);
    facts.add("head", block(&status.head));
    if status.finalized != status.head {
        facts.add("finalized", block(&status.finalized));
    }
    if status.timestamp_ms > 0 {
        facts.add("time", time::written(status.timestamp_ms));
    }
    if status.clock_shift_ms != 0 {
        let by = text::duration(Duration::from_millis(status.clock_shift_ms.unsigned_abs()));
        facts.add("clock", format!("{by} {}", if status.clock_shift_ms > 0 { "ahead" } else { "behind" }));
    }
    facts.add("pool", text::count(status.pending_extrinsics as usize, "extrinsic"));
    for known in &status.snapshots {
        facts.add("snapshot", format!("{} of block {}", known.snapshot, block(&known.block)));
    }
    for active in &status.faults {
        facts.add_painted("fault", page.warn(fault::described(active)));
    }
    facts.render(page)
}

fn accounts(list: &AccountList, page: Page) -> String {
    let mut table = Table::new(&[Column::text("URI"), Column::text("ADDRESS"), Column::number("FREE (τ)")]);
    for account in &list.accounts {
        table.row(&[account.uri.clone(), account.address.to_string(), account.free.to_string()]);
    }
    table.render(page)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reference(number: u32) -> serde_json::Value {
        json!({ "number": number, "hash": format!("0x{}", "00".repeat(32)) })
    }

    #[test]
    fn a_change_is_a_key_and_a_value() {
        let change = |text| super::change(text).map(|change| (change.key, change.value));
        assert_eq!(change("0x01=0x02"), Ok(("0x01".to_owned(), Some("0x02".to_owned()))));
        assert_eq!(change("0x01=0x"), Ok(("0x01".to_owned(), Some("0x".to_owned()))));
        assert!(change("0x01").is_err());
    }

    #[test]
    fn the_chain_at_a_glance() {
        let zeros = "00".repeat(32);
        let mut known: DevnetStatus = serde_json::from_value(json!({
            "endpoint": "ws://127.0.0.1:9944", "profile": "default", "block_time": "12s", "head": reference(9),
            "finalized": reference(7), "timestamp_ms": 1_700_000_000_123_u64, "clock_shift_ms": -90_000,
            "pending_extrinsics": 1, "snapshots": [{ "snapshot": "0x2", "block": reference(3) }],
            "faults": [{ "fault": "stall_finality", "connections": null, "delay_ms": null, "left_ms": 1500 }],
        }))
        .unwrap();
        let text = status(&known, Page::default());
        for line in [
            "endpoint    ws://127.0.0.1:9944".to_owned(),
            format!("head        #9 0x{zeros}"),
            format!("finalized   #7 0x{zeros}"),
            "time        2023-11-14T22:13:20.123Z".to_owned(),
            "pool        1 extrinsic".to_owned(),
            format!("snapshot    0x2 of block #3 0x{zeros}"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("behind") && text.contains("finality stands still"), "{text}");
        known.finalized = known.head;
        assert!(!status(&known, Page::default()).contains("finalized"));
    }
}
