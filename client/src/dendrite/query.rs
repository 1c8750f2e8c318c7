//! `btctl dendrite query`: a message of any synapse to any number of axons.

use std::time::Duration;

use btd_api::{
    Alpha, Hotkey, HotkeyName, NetUid, Uid,
    dendrite::{Axon, Filter, Query, QueryParams, QueryReplies},
};
use clap::Args;
use serde_json::{Map, Value, value::to_raw_value};

use super::{ANSWERED, Answer, DEADLINE, MARGIN, Via, exit, rows};
use crate::{
    addr,
    args::{WalletArg, duration, number},
    axon::DeclarationArgs,
    exit::Exit,
    failure::Failure,
    output::Page,
    session::Session,
};

/// `btctl dendrite query`
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("targets")
    .args(["uids", "hotkeys", "axons", "all", "permitted", "min_stake"]).required(true).multiple(true))]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    declaration: DeclarationArgs,
    /// A field of the message, NAME=VALUE; VALUE is JSON, or else text. Once for each
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = assignment)]
    fields: Vec<(String, Value)>,
    /// The subnet whose metagraph says where axons are
    #[arg(long, value_name = "NETUID", value_parser = number::<NetUid>)]
    netuid: Option<NetUid>,
    /// A neuron with this uid on the subnet; once for each, or with commas
    #[arg(long = "uid", value_name = "UID", value_delimiter = ',', value_parser = number::<Uid>, requires = "netuid")]
    uids: Vec<Uid>,
    /// A neuron with this hotkey on the subnet; once for each
    #[arg(long = "hotkey", value_name = "SS58", requires = "netuid", value_parser = addr::hotkey)]
    hotkeys: Vec<Hotkey>,
    /// An axon by hotkey and address, SS58@IP:PORT; once for each
    #[arg(long = "axon", value_name = "SS58@IP:PORT", value_parser = axon)]
    axons: Vec<Axon>,
    /// Every axon of the subnet
    #[arg(long, requires = "netuid")]
    all: bool,
    /// Every axon of the subnet whose neuron may validate
    #[arg(long, requires = "netuid", conflicts_with = "all")]
    permitted: bool,
    /// Every axon of the subnet whose neuron has this stake weight at least
    #[arg(long, value_name = "AMOUNT", requires = "netuid", conflicts_with = "all", value_parser = Alpha::from_tokens)]
    min_stake: Option<Alpha>,
    /// How to reach them
    #[arg(long, value_enum, ignore_case = true, default_value_t = Via::Auto)]
    transport: Via,
    /// How long one axon may take [default: 12s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    deadline: Option<Duration>,
    /// How long all together may take
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    total: Option<Duration>,
    #[command(flatten)]
    wallet: WalletArg,
    /// The hotkey that asks, and signs the requests [env: BT_WALLET_HOTKEY] [default: default]
    #[arg(long, short = 'H', value_name = "NAME", aliases = ["wallet.hotkey", "wallet_hotkey"])]
    wallet_hotkey: Option<HotkeyName>,
}

fn assignment(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}

fn axon(text: &str) -> Result<Axon, String> {
    let (hotkey, address) = text.split_once('@').ok_or("write SS58@IP:PORT")?;
    let hotkey: Hotkey = hotkey.parse().map_err(|_| format!("`{hotkey}` is no hotkey's address"))?;
    Ok(Axon { hotkey: Some(hotkey.to_string()), address: address.to_owned() })
}

pub(super) async fn run(args: QueryArgs, session: &Session) -> Result<Exit, Failure> {
    let milliseconds = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    let deadline = args.total.or(args.deadline).unwrap_or(DEADLINE);
    let fields: Map<String, Value> = args.fields.into_iter().collect();
    let filter = (args.permitted || args.min_stake.is_some()).then(|| Filter {
        validator_permit: args.permitted.then_some(true),
        min_stake: args.min_stake,
        ..Filter::default()
    });
    let params = QueryParams {
        synapse: args.declaration.declaration(),
        fields: to_raw_value(&fields).ok(),
        wallet: args.wallet.resolve(&session.settings),
        wallet_hotkey: args.wallet_hotkey.or_else(|| session.settings.hotkey.clone()).unwrap_or_default(),
        axons: Some(args.axons),
        netuid: args.netuid,
        uids: args.uids,
        hotkeys: args.hotkeys,
        all: args.all,
        filter,
        transport: args.transport.into(),
        timeout_ms: args.deadline.map(milliseconds),
        total_timeout_ms: args.total.map(milliseconds),
        at_once: None,
    };
    let limit = session.settings.timeout.unwrap_or(deadline + MARGIN);
    let reply = session.call_within::<Query>(&params, limit).await?;
    let replies = reply.read()?;
    session.out.reply(&reply, render)?;
    Ok(exit(replies.replies.iter().map(|reply| reply.status_code)))
}

fn render(replies: &QueryReplies, page: Page) -> String {
    let answers = replies.replies.iter().map(|reply| {
        let message = reply.message.as_ref().and_then(|message| serde_json::from_str(message.get()).ok());
        Answer {
            uid: reply.uid,
            hotkey: reply.hotkey.clone().unwrap_or_default(),
            address: &reply.address,
            transport: reply.transport,
            status_code: reply.status_code,
            process_time_s: reply.process_time_s,
            words: match message {
                Some(message) if reply.status_code == ANSWERED => fields(message),
                _ => reply.status_message.clone(),
            },
        }
    });
    rows(&answers.collect::<Vec<_>>(), page)
}

/// Members that every synapse has; the rest are the class's own.
const BASE: [&str; 7] = ["name", "timeout", "total_size", "header_size", "dendrite", "axon", "computed_body_hash"];
/// Characters of a value that are shown; `--json` shows all.
const SHOWN: usize = 60;

fn fields(message: Map<String, Value>) -> String {
    let own = message.into_iter().filter(|(name, _)| !BASE.contains(&name.as_str()));
    let shown: Vec<String> = own
        .map(|(name, value)| {
            let text = value.to_string();
            let cut: String = text.chars().take(SHOWN).collect();
            if cut.len() < text.len() { format!("{name}={cut}...") } else { format!("{name}={text}") }
        })
        .collect();
    if shown.is_empty() { "Success".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    const HOTKEY: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn targets_and_fields_are_read() {
        let parses = |words: &[&str]| Cli::try_parse_from([&["btctl", "dendrite", "query"], words].concat()).is_ok();
        let by_address = format!("{HOTKEY}@127.0.0.1:8091");
        assert!(parses(&["Prompt", "--declare", "text: str", "--field", "text=hi", "--netuid", "1", "--all"]));
        assert!(parses(&["Prompt", "--netuid", "1", "--uid", "1,2", "--uid", "3", "--axon", &by_address]));
        assert!(parses(&["Prompt", "--netuid", "1", "--permitted", "--min-stake", "10.5", "--total", "3s"]));
        assert!(!parses(&["Prompt", "--netuid", "1"]));
        assert!(!parses(&["Prompt", "--uid", "1"]));
        assert!(!parses(&["Prompt", "--axon", "127.0.0.1:8091"]));
        assert!(!parses(&["Prompt", "--netuid", "1", "--all", "--field", "text"]));
        assert_eq!(assignment("k=5").unwrap().1, json!(5));
        assert_eq!(assignment("text=a=b").unwrap().1, json!("a=b"));
    }

    #[test]
    fn an_answer_shows_the_fields_of_its_class() {
        let replies: QueryReplies = serde_json::from_str(&format!(
            r#"{{"replies": [{{"uid": 3, "hotkey": "{HOTKEY}", "address": "1.2.3.4:5", "transport": "http",
                "status_code": 200, "status_message": "Success", "process_time_s": 0.01,
                "message": {{"name": "K", "timeout": 1.0, "k": 5, "text": "{}"}}}}]}}"#,
            "x".repeat(100)
        ))
        .unwrap();
        let shown = render(&replies, Page::default());
        assert!(shown.contains("k=5 text=\"xxx") && shown.contains("x..."), "{shown}");
        assert!(shown.ends_with("1 of 1 answered\n"));
    }
}
