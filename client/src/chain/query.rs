//! Raw reads by name: blocks, events, storage, constants, runtime APIs, metadata.

use btd_api::{
    AccountId, BlockHash, BlockNumber, NetUid,
    chain::{
        Block, BlockId, BlockParams, BlockReply, Constant, ConstantParams, EventFilter, Events, EventsParams,
        EventsReply, MOST_ENTRIES, Metadata, MetadataParams, MetadataReply, RuntimeApi, RuntimeApiParams, Storage,
        StorageParams, StorageReply, Stored, ValueReply,
    },
};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::event;
use crate::{
    addr,
    args::number,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// The block at which something is read.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct BlockArg {
    /// The block, by number or hash; without it, the newest finalized one
    #[arg(long, value_name = "BLOCK", value_parser = block_id)]
    pub(crate) block: Option<BlockId>,
}

/// `btctl query ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Query {
    /// A finalized block with its extrinsics and events
    Block {
        /// The block, by number or hash; without it, the newest finalized one
        #[arg(value_name = "BLOCK", value_parser = block_id)]
        block: Option<BlockId>,
    },
    /// The events of a finalized block
    Events {
        #[command(flatten)]
        at: BlockArg,
        /// Of this pallet
        #[arg(long, value_name = "PALLET")]
        pallet: Option<String>,
        /// Of this name
        #[arg(long, value_name = "NAME")]
        event: Option<String>,
        /// About this subnet
        #[arg(long, value_name = "NETUID", value_parser = number::<NetUid>)]
        netuid: Option<NetUid>,
        /// Naming this account, or caused by it
        #[arg(long, value_name = "ADDRESS", value_parser = addr::account)]
        account: Option<AccountId>,
    },
    /// A storage item: a value, or the entries of a map
    #[command(after_help = "Examples:
  btctl query storage SubtensorModule Tempo 1
  btctl query storage System Account 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
  btctl query storage SubtensorModule NetworksAdded --block 100")]
    Storage {
        /// The pallet
        pallet: String,
        /// The item
        item: String,
        /// Its keys, each as JSON where it reads as such; fewer than the item has list the entries below them
        #[arg(value_name = "KEY", allow_negative_numbers = true)]
        keys: Vec<String>,
        #[command(flatten)]
        at: BlockArg,
        /// The most entries that are listed
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: u32,
    },
    /// A constant of a pallet
    Constant {
        /// The pallet
        pallet: String,
        /// The constant
        name: String,
        #[command(flatten)]
        at: BlockArg,
    },
    /// The answer of a runtime API
    #[command(
        alias = "runtime-call",
        after_help = "Example:
  btctl query runtime-api SubnetInfoRuntimeApi get_dynamic_info 1"
    )]
    RuntimeApi {
        /// The API
        api: String,
        /// Its method
        method: String,
        /// Its arguments, each as JSON where it reads as such
        #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
        arguments: Vec<String>,
        #[command(flatten)]
        at: BlockArg,
    },
    /// What the runtime has: its pallets and APIs, or one of them in full
    Metadata {
        /// A pallet or runtime API
        name: Option<String>,
        #[command(flatten)]
        at: BlockArg,
    },
}

// === impl Query ===

impl Query {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let out = &session.out;
        match self {
            Self::Block { block } => out.reply(&session.call::<Block>(&BlockParams { block }).await?, self::block)?,
            Self::Events { at, pallet, event, netuid, account } => {
                let filter = EventFilter { pallet, event, netuid, account };
                let params = EventsParams { block: at.block, filter };
                out.reply(&session.call::<Events>(&params).await?, events)?;
            }
            Self::Storage { pallet, item, keys, at, limit } => {
                let params = StorageParams { pallet, item, keys: values(keys), block: at.block, limit };
                out.reply(&session.call::<Storage>(&params).await?, storage)?;
            }
            Self::Constant { pallet, name, at } => {
                let params = ConstantParams { pallet, name, block: at.block };
                out.reply(&session.call::<Constant>(&params).await?, value)?;
            }
            Self::RuntimeApi { api, method, arguments, at } => {
                let params = RuntimeApiParams { api, method, arguments: values(arguments), block: at.block };
                out.reply(&session.call::<RuntimeApi>(&params).await?, value)?;
            }
            Self::Metadata { name, at } => {
                let params = MetadataParams { name, block: at.block };
                out.reply(&session.call::<Metadata>(&params).await?, metadata)?;
            }
        }
        Ok(Exit::Success)
    }
}

/// Reads `1234` or `0x…`.
pub(crate) fn block_id(text: &str) -> Result<BlockId, String> {
    if text.starts_with("0x") {
        return text.parse::<BlockHash>().map(BlockId::Hash).map_err(|error| error.to_string());
    }
    number::<BlockNumber>(text).map(BlockId::Number)
}

/// JSON where a word reads as such, else the word as text.
fn values(words: Vec<String>) -> Vec<Value> {
    words.into_iter().map(|word| serde_json::from_str(&word).unwrap_or(Value::String(word))).collect()
}

/// A value over as many lines as it takes; a text bare.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_else(|_| other.to_string()),
    };
    text::visible_lines(&text)
}

fn block(reply: &BlockReply, page: Page) -> String {
    let number = page.bold(format_args!("#{}", reply.block.number));
    let spec = reply.spec_version.map_or_else(|| "unknown".to_owned(), |spec| spec.to_string());
    let mut lines = vec![format!("{number} {}, spec {spec}", reply.block.hash)];
    for extrinsic in &reply.extrinsics {
        let call = extrinsic.call.as_deref().unwrap_or("illegible");
        let signer = extrinsic.signer.map(|signer| format!(" by {signer}")).unwrap_or_default();
        let end = match (extrinsic.success, &extrinsic.error) {
            (Some(true), _) => page.good("ok"),
            (Some(false), Some(error)) => page.bad(text::visible(error)),
            (Some(false), None) => page.bad("failed"),
            (None, _) => page.warn("outcome unknown"),
        };
        lines.push(format!("{:>5}  {}{signer}, {end}", extrinsic.index, text::visible(call)));
    }
    lines.push(text::count(reply.events.len(), "event"));
    lines.extend(listed(&reply.events, &reply.illegible, page));
    lines.join("\n")
}

fn events(reply: &EventsReply, page: Page) -> String {
    let number = page.bold(format_args!("#{}", reply.block.number));
    let head = format!("{number} {}, {}", reply.block.hash, text::count(reply.events.len(), "event"));
    std::iter::once(head).chain(listed(&reply.events, &reply.illegible, page)).collect::<Vec<_>>().join("\n")
}

fn listed<'r>(
    events: &'r [btd_api::chain::Event],
    illegible: &'r [String],
    page: Page,
) -> impl Iterator<Item = String> + 'r {
    let event = |one: &btd_api::chain::Event| {
        let cause = one.extrinsic.map_or_else(|| "-".to_owned(), |index| index.to_string());
        format!("{cause:>5}  {}", event(one))
    };
    events.iter().map(event).chain(illegible.iter().map(move |note| page.warn(text::visible(note))))
}

fn storage(reply: &StorageReply, page: Page) -> String {
    let at = text::at(&reply.at, page);
    match &reply.stored {
        Stored::Value(value) => format!("{}\n{at}", shown(value)),
        Stored::Entries(entries) => {
            let mut table = Table::new(&[Column::text("KEYS"), Column::text("VALUE")]);
            let inline = |value: &Value| text::visible(&super::field(value)).into_owned();
            for entry in entries {
                let keys = entry.keys.iter().map(inline).collect::<Vec<_>>().join(" ");
                table.row(&[keys, inline(&entry.value)]);
            }
            let shown = if entries.is_empty() { String::new() } else { table.render(Page { width: None, ..page }) };
            let count = entries.len();
            let entries = if entries.len() == 1 { "1 entry".to_owned() } else { format!("{} entries", entries.len()) };
            let rest = match (reply.more, u32::try_from(count).is_ok_and(|count| count < MOST_ENTRIES)) {
                (false, _) => String::new(),
                (true, true) => page.warn(" and more, which a larger --limit lists"),
                (true, false) => page.warn(" and more than one answer holds: name a key to list fewer"),
            };
            format!("{shown}{entries}{rest}, {at}")
        }
    }
}

fn value(reply: &ValueReply, page: Page) -> String {
    format!("{}\n{}", shown(&reply.value), text::at(&reply.at, page))
}

fn metadata(reply: &MetadataReply, page: Page) -> String {
    let mut table = Table::new(&[Column::text("KIND"), Column::text("NAME"), Column::text("SIGNATURE")]);
    for item in &reply.items {
        table.row(&[item.kind.clone(), item.name.clone(), text::visible(&item.signature).into_owned()]);
    }
    format!("{}spec {}, {}", table.render(Page { width: None, ..page }), reply.spec_version, text::at(&reply.at, page))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn blocks_are_named_by_number_or_hash() {
        assert_eq!(block_id("12"), Ok(BlockId::Number(BlockNumber(12))));
        let hash = format!("0x{}", "ab".repeat(32));
        assert_eq!(block_id(&hash), Ok(BlockId::Hash(BlockHash([0xab; 32]))));
        assert!(block_id("0x12").is_err() && block_id("latest").is_err());
        for words in [
            "query block",
            "query block 7",
            "query events --block 7 --netuid 1",
            "query storage SubtensorModule Weights 1 --limit 5",
            "query metadata System",
            "chain",
            "events --netuid 3",
        ] {
            assert!(Cli::try_parse_from(format!("btctl {words}").split(' ')).is_ok(), "{words}");
        }
    }

    #[test]
    fn words_are_json_where_they_read_as_such() {
        let words = ["1", "[1,2]", "5GrwvaEF5zXb26", "true", "0xff"].map(str::to_owned).to_vec();
        assert_eq!(values(words), [json!(1), json!([1, 2]), json!("5GrwvaEF5zXb26"), json!(true), json!("0xff")]);
    }

    #[test]
    fn how_the_rest_of_a_map_is_read_is_said() {
        let reply = |count: usize| {
            let entries = vec![json!({ "keys": [1], "value": 1 }); count];
            let at = json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false });
            let reply = json!({ "entries": entries, "more": true, "at": at });
            storage(&serde_json::from_value::<StorageReply>(reply).unwrap(), Page::default())
        };
        assert!(reply(2).contains("2 entries and more, which a larger --limit lists, at block"));
        let most = reply(usize::try_from(MOST_ENTRIES).unwrap());
        assert!(most.contains("name a key") && !most.contains("--limit"));
    }

    #[test]
    fn a_map_is_a_table_and_a_value_stands_alone() {
        let at = json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false });
        let reply = |stored: Value| {
            let mut reply = stored;
            reply["at"] = at.clone();
            serde_json::from_value::<StorageReply>(reply).unwrap()
        };
        let one = reply(json!({ "value": "100" }));
        assert_eq!(storage(&one, Page::default()), "100\nat block #9, just now");
        let many = reply(
            json!({ "entries": [{ "keys": [1, "5F"], "value": { "a": 1 } }, { "keys": [2, "5G"], "value": null }] }),
        );
        let expected = "\
KEYS  VALUE
1 5F  {\"a\":1}
2 5G  null
2 entries, at block #9, just now";
        assert_eq!(storage(&many, Page::default()), expected);
    }
}
