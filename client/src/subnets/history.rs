//! The past of a subnet's metagraph: an epoch a line, and reading one of long ago into it.

use btd_api::{
    BlockNumber, MechId, Uid,
    chain::BlockId,
    metagraph::{History, HistoryParams, HistoryRecord, HistoryReply, LostRecords, Sync, SyncParams, SyncReply},
};
use clap::Args;
use serde_json::Value;

use crate::{
    args::{NetUidArg, number},
    chain::query::block_id,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// `btctl subnets history`
#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// From this block on
    #[arg(long, value_name = "BLOCK", value_parser = number::<BlockNumber>)]
    from: Option<BlockNumber>,
    /// Up to this block
    #[arg(long, value_name = "BLOCK", value_parser = number::<BlockNumber>)]
    to: Option<BlockNumber>,
    /// The most records: the last ones
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u16,
    /// The neuron whose values are shown
    #[arg(long, value_name = "UID", value_parser = number::<Uid>)]
    uid: Option<Uid>,
    /// The columns of that neuron to show, with commas, by the chain's names: incentives,dividends,
    /// emission,total_stake and so on
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', requires = "uid", value_parser = column)]
    columns: Vec<&'static str>,
    /// The mechanism; 0 is the main one
    #[arg(long, value_name = "MECHID", default_value = "0")]
    mechid: MechId,
}

/// `btctl subnets sync`
#[derive(Args, Debug)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// The block, by number or hash
    #[arg(long, value_name = "BLOCK", value_parser = block_id)]
    block: BlockId,
    /// The mechanism; 0 is the main one
    #[arg(long, value_name = "MECHID", default_value = "0")]
    mechid: MechId,
}

/// What of a neuron is shown unless columns are named.
const USUAL: [&str; 4] = ["total_stake", "incentives", "dividends", "emission"];

/// The columns that a neuron has one number or key in.
static COLUMNS: [&str; 19] = [
    "hotkeys",
    "coldkeys",
    "active",
    "validator_permit",
    "pruning_score",
    "last_update",
    "emission",
    "dividends",
    "incentives",
    "consensus",
    "trust",
    "rank",
    "validator_trust",
    "block_at_registration",
    "alpha_stake",
    "tao_stake",
    "total_stake",
    "axon_ip",
    "axon_port",
];

/// What `subnets metagraph` and bittensor's metagraph call these columns.
static OTHER_NAMES: [(&str, &str); 17] = [
    ("s", "total_stake"),
    ("stake", "total_stake"),
    ("as", "alpha_stake"),
    ("ts", "tao_stake"),
    ("r", "rank"),
    ("t", "trust"),
    ("tv", "validator_trust"),
    ("vtrust", "validator_trust"),
    ("c", "consensus"),
    ("i", "incentives"),
    ("incentive", "incentives"),
    ("d", "dividends"),
    ("e", "emission"),
    ("val", "validator_permit"),
    ("updated", "last_update"),
    ("hotkey", "hotkeys"),
    ("coldkey", "coldkeys"),
];

/// A column that has one number or key, by the chain's name for it or another one in use.
pub(super) fn column(name: &str) -> Result<&'static str, String> {
    let typed = name.trim().to_lowercase();
    let other = OTHER_NAMES.iter().find(|(name, _)| *name == typed);
    let wanted = other.map_or(typed.as_str(), |(_, column)| column);
    let found = COLUMNS.iter().copied().find(|column| *column == wanted);
    found.ok_or_else(|| format!("`{name}` is no column; there are: {}", COLUMNS.join(", ")))
}

// === impl HistoryArgs ===

impl HistoryArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let columns = match (self.uid, self.columns.as_slice()) {
            (Some(_), []) => USUAL.to_vec(),
            _ => self.columns,
        };
        let params = HistoryParams {
            netuid: self.netuid.resolve(),
            mechid: self.mechid,
            from: self.from,
            to: self.to,
            limit: Some(self.limit),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            uid: self.uid,
        };
        let reply = session.call::<History>(&params).await?;
        session.out.reply(&reply, |reply, page| render(reply, page, &columns)).map(|()| Exit::Success)
    }
}

// === impl SyncArgs ===

impl SyncArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = SyncParams { netuid: self.netuid.resolve(), block: self.block, mechid: self.mechid };
        let reply = session.call::<Sync>(&params).await?;
        session.out.reply(&reply, synced).map(|()| Exit::Success)
    }
}

fn render(reply: &HistoryReply, page: Page, columns: &[&'static str]) -> String {
    let mut heads = vec![
        Column::number("BLOCK"),
        Column::number("NEURONS"),
        Column::number("CHANGED"),
        Column::text("NEW KEYS AT"),
    ];
    heads.extend(columns.iter().copied().map(Column::number));
    let mut table = Table::new(&heads);
    for record in &reply.records {
        let mut row = vec![
            format!("{}#{}", if record.certain { "" } else { "?" }, record.block.number),
            record.neurons.to_string(),
            record.changed.to_string(),
            uids(record),
        ];
        row.extend(columns.iter().map(|name| value(record, name)));
        table.row(&row);
    }
    let kept = match (reply.first, reply.last) {
        (Some(first), Some(last)) => {
            format!(
                "{} kept, #{first} to #{last}, {} KiB",
                text::count(reply.kept as usize, "record"),
                reply.bytes / 1024
            )
        }
        _ => "nothing is kept of it yet: a record is made at each epoch".to_owned(),
    };
    let uncertain = if reply.records.iter().all(|record| record.certain) {
        ""
    } else {
        "?: not compared with the chain, which may have been taken back since\n"
    };
    let lost: String = reply.lost.iter().map(lost).collect();
    format!("{}subnet {}, {kept}\n{lost}{uncertain}", table.render(page), reply.netuid)
}

/// A gap of records that were lost.
fn lost(gap: &LostRecords) -> String {
    let blocks =
        if gap.first == gap.last { format!("#{}", gap.first) } else { format!("#{} to #{}", gap.first, gap.last) };
    let why = match &gap.trouble {
        Some(trouble) => format!("and could not be read again: {}", text::visible(trouble)),
        None => "and is being read again".to_owned(),
    };
    format!("lost: {}, {blocks}: damaged on disk, {why}\n", text::count(gap.records as usize, "record"))
}

fn uids(record: &HistoryRecord) -> String {
    if record.replaced.is_empty() {
        return "-".to_owned();
    }
    record.replaced.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The neuron's value, as the chain has it.
fn value(record: &HistoryRecord, column: &str) -> String {
    match record.values.get(column).and_then(|values| values.first()) {
        Some(Value::String(text)) => text::visible(text).into_owned(),
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    }
}

fn synced(reply: &SyncReply, page: Page) -> String {
    let kept = match (reply.kept, reply.already) {
        (true, true) => "already kept in the history",
        (true, false) => "kept in the history",
        (false, _) => "not kept: btd keeps no history",
    };
    let count = text::count(usize::from(reply.neurons), "neuron");
    format!("subnet {}, {count}, {}: {kept}\n", reply.netuid, text::at(&reply.at, page))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_epoch_is_a_line() {
        let record = |block: u32, changed: u32, replaced: &[u16], incentive: u16| {
            json!({
                "block": { "number": block, "hash": format!("0x{}", "00".repeat(32)) }, "learnt_ms": 1, "neurons": 12, "certain": true,
                "replaced": replaced, "changed": changed,
                "values": { "incentives": [incentive], "total_stake": ["1500000000"] },
            })
        };
        let mut reply: HistoryReply = serde_json::from_value(json!({
            "netuid": 1, "mechid": 0, "first": 91, "last": 811, "kept": 3, "bytes": 20_480,
            "records": [record(451, 0, &[], 7), record(811, 5, &[3, 11], 9)],
        }))
        .unwrap();
        assert_eq!(reply.lost, []);
        let columns = ["incentives", "total_stake", "rank"];
        let expected = "\
BLOCK  NEURONS  CHANGED  NEW KEYS AT  incentives  total_stake  rank
 #451       12        0  -                     7   1500000000     -
 #811       12        5  3,11                  9   1500000000     -
subnet 1, 3 records kept, #91 to #811, 20 KiB
";
        assert_eq!(render(&reply, Page::default(), &columns), expected);
        reply.records[1].certain = false;
        let told = render(&reply, Page::default(), &columns);
        assert!(told.contains("\n?#811 ") && told.contains("\n #451 "), "{told}");
        assert!(told.ends_with("\n?: not compared with the chain, which may have been taken back since\n"));
        reply.records[1].certain = true;
        reply.lost = serde_json::from_value(json!([
            { "first": 101, "last": 301, "records": 3, "trouble": "no archive" },
            { "first": 601, "last": 601, "records": 1 },
        ]))
        .unwrap();
        let told = render(&reply, Page::default(), &columns);
        assert!(
            told.contains(
                "\nlost: 3 records, #101 to #301: damaged on disk, and could not be read again: no archive\n"
            )
        );
        assert!(told.ends_with("\nlost: 1 record, #601: damaged on disk, and is being read again\n"), "{told}");
    }
}
