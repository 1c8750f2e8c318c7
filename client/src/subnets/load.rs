//! What a file holds that `subnets metagraph --save` wrote.
//!
//! btd reads it, for btctl knows nothing of its form; the chain is not asked.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use btd_api::metagraph::{LARGEST_FILE, Load, LoadParams, MetagraphTable};
use clap::Args;
use serde_json::Value;

use super::history::column;
use crate::{
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// `btctl subnets load`
#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    /// The file, in btd's own form
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The columns to show, with commas, by the chain's names: incentives,dividends,emission,total_stake
    /// and so on
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = column)]
    columns: Vec<&'static str>,
}

/// The bytes of the file at `path`, if btd takes as many.
fn contents(path: &Path) -> Result<Vec<u8>, Failure> {
    let unread = |error: io::Error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes)).map_err(unread)?;
    if bytes.len() > LARGEST_FILE {
        let words = format!("{} has more than {LARGEST_FILE} bytes, which is the most that btd loads", path.display());
        return Err(Failure::usage(words));
    }
    Ok(bytes)
}

/// The columns that are shown unless others are named.
const USUAL: [&str; 7] =
    ["total_stake", "consensus", "incentives", "dividends", "emission", "validator_permit", "hotkeys"];

// === impl LoadArgs ===

impl LoadArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let bytes = contents(&self.file)?;
        let reply = session.call::<Load>(&LoadParams { bytes: format!("0x{}", hex::encode(bytes)) }).await?;
        let columns = if self.columns.is_empty() { USUAL.to_vec() } else { self.columns };
        session.out.reply(&reply, |reply, page| render(reply, page, &columns)).map(|()| Exit::Success)
    }
}

fn render(reply: &MetagraphTable, page: Page, columns: &[&'static str]) -> String {
    let mut heads = vec![Column::number("UID")];
    heads.extend(columns.iter().copied().map(Column::number));
    let mut table = Table::new(&heads);
    for uid in 0..reply.neurons {
        let values =
            columns.iter().map(|name| match reply.columns.get(*name).and_then(|all| all.get(usize::from(uid))) {
                Some(Value::String(text)) => text::visible(text).into_owned(),
                Some(other) => other.to_string(),
                None => "-".to_owned(),
            });
        table.row(&std::iter::once(uid.to_string()).chain(values).collect::<Vec<_>>());
    }
    let name = reply.figures.get("name").and_then(Value::as_str).unwrap_or_default();
    let count = text::count(usize::from(reply.neurons), "neuron");
    let (weights, bonds) = (reply.weights.len(), reply.bonds.len());
    let rows = if reply.matrices {
        format!("{} of weights, {bonds} of bonds", text::count(weights, "row"))
    } else {
        "without weights and bonds".to_owned()
    };
    let at = text::at(&reply.at, page);
    format!(
        "{}subnet {} {}, mechanism {}, {count}, {rows}, {at}\n",
        table.render(page),
        reply.netuid,
        text::visible(name),
        reply.mechid,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_or_never_ends_is_refused_by_name() {
        let refusal = |path: &str| contents(Path::new(path)).unwrap_err().to_string();
        assert!(refusal("there-is-no-such-file.btd").starts_with("there-is-no-such-file.btd cannot be read: "));
        #[cfg(target_os = "linux")]
        assert!(refusal("/dev/zero").starts_with("/dev/zero has more than 8387584 bytes, which is the most"));
    }

    #[test]
    fn columns_that_the_runtime_did_not_keep_are_no_zeros() {
        let mut reply: MetagraphTable = serde_json::from_value(json!({
            "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false },
            "netuid": 1, "mechid": 0, "neurons": 2, "figures": { "name": "apex" },
            "columns": { "incentives": [7, 65_535], "total_stake": ["1500000000", "0"], "rank": [] },
            "weights": [[0, [[1, 65_535]]]], "bonds": [],
        }))
        .unwrap();
        let expected = "\
UID  total_stake  incentives  rank
  0   1500000000           7     -
  1            0       65535     -
subnet 1 apex, mechanism 0, 2 neurons, 1 row of weights, 0 of bonds, at block #9, just now
";
        assert_eq!(render(&reply, Page::default(), &["total_stake", "incentives", "rank"]), expected);
        reply.matrices = false;
        assert!(render(&reply, Page::default(), &["rank"]).contains(", 2 neurons, without weights and bonds, at"));
    }
}
