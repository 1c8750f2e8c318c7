//! The noun `dendrite`: asking the axons of others.

mod query;

use std::{net::SocketAddr, time::Duration};

use btd_api::{
    Hotkey, HotkeyName, NetUid, Uid,
    dendrite::{Ping, PingParams, Pings, Transport},
};
use clap::{Args, Subcommand, ValueEnum};

use crate::{
    addr,
    args::{WalletArg, duration, number},
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
    },
    session::Session,
};

/// The daemon's own deadline for an axon, where none is given.
const DEADLINE: Duration = Duration::from_secs(12);
/// What asking many axons may take beyond the deadline of one.
const MARGIN: Duration = Duration::from_mins(1);

/// `btctl dendrite ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask axons for the base synapse's echo: one by uid, hotkey or address, or all of a subnet
    Ping(PingArgs),
    /// Send a message of any synapse to axons: by uid, hotkey or address, or all of a subnet
    Query(query::QueryArgs),
}

/// `btctl dendrite ping`
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("target").args(["uid", "hotkey", "all", "address"]).required(true).multiple(true))]
pub(crate) struct PingArgs {
    /// The subnet whose metagraph says where an axon is
    #[arg(long, value_name = "NETUID", value_parser = number::<NetUid>)]
    netuid: Option<NetUid>,
    /// The neuron with this uid on the subnet
    #[arg(long, value_parser = number::<Uid>, requires = "netuid", conflicts_with_all = ["hotkey", "all", "address"])]
    uid: Option<Uid>,
    /// The neuron with this hotkey on the subnet, or the hotkey that should answer at --address
    #[arg(long, value_name = "SS58", conflicts_with = "all", value_parser = addr::hotkey)]
    hotkey: Option<Hotkey>,
    /// An address, in place of what the metagraph says; --hotkey says who should answer there
    #[arg(long, value_name = "IP:PORT", requires = "hotkey", conflicts_with = "all")]
    address: Option<SocketAddr>,
    /// Every axon of the subnet
    #[arg(long, requires = "netuid")]
    all: bool,
    /// How to reach it
    #[arg(long, value_enum, ignore_case = true, default_value_t = Via::Auto)]
    transport: Via,
    /// How long one axon may take [default: 12s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    deadline: Option<Duration>,
    #[command(flatten)]
    wallet: WalletArg,
    /// The hotkey that asks, and signs the request [env: BT_WALLET_HOTKEY] [default: default]
    #[arg(long, short = 'H', value_name = "NAME", aliases = ["wallet.hotkey", "wallet_hotkey"])]
    wallet_hotkey: Option<HotkeyName>,
}

/// A transport, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Via {
    /// HTTP/3 where the axon is known to offer it, else HTTP/1.1
    Auto,
    /// HTTP/1.1 over TCP
    Http,
    /// HTTP/3 over QUIC
    Quic,
}

impl From<Via> for Transport {
    fn from(via: Via) -> Self {
        match via {
            Via::Auto => Self::Auto,
            Via::Http => Self::Http,
            Via::Quic => Self::Quic,
        }
    }
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let args = match self {
            Self::Ping(args) => args,
            Self::Query(args) => return query::run(args, session).await,
        };
        if args.hotkey.is_some() && args.address.is_none() && args.netuid.is_none() {
            return Err(Failure::usage(
                "a hotkey is looked up on a subnet (--netuid), or asked at an address (--address)",
            ));
        }
        let deadline = args.deadline.unwrap_or(DEADLINE);
        let params = PingParams {
            wallet: args.wallet.resolve(&session.settings),
            wallet_hotkey: args.wallet_hotkey.or_else(|| session.settings.hotkey.clone()).unwrap_or_default(),
            netuid: args.netuid,
            uid: args.uid,
            hotkey: args.hotkey,
            address: args.address.map(|address| address.to_string()),
            transport: args.transport.into(),
            timeout_ms: args.deadline.map(|deadline| u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX)),
        };
        let limit = session.settings.timeout.unwrap_or(deadline + MARGIN);
        let reply = session.call_within::<Ping>(&params, limit).await?;
        let pings = reply.read()?;
        session.out.reply(&reply, render)?;
        Ok(exit(pings.replies.iter().map(|reply| reply.status_code)))
    }
}

/// What an axon that answered says.
const ANSWERED: u16 = 200;

/// One target that fails is a failure; a survey of many succeeds when anyone answered.
fn exit(mut codes: impl Iterator<Item = u16>) -> Exit {
    if codes.any(|code| code == ANSWERED) { Exit::Success } else { Exit::Failure }
}

fn render(pings: &Pings, page: Page) -> String {
    let answers = pings.replies.iter().map(|reply| Answer {
        uid: reply.uid,
        hotkey: reply.hotkey.to_string(),
        address: &reply.address,
        transport: reply.transport,
        status_code: reply.status_code,
        process_time_s: reply.process_time_s,
        words: reply.status_message.clone(),
    });
    rows(&answers.collect::<Vec<_>>(), page)
}

/// One axon's answer, as its row shows it.
struct Answer<'a> {
    uid: Option<Uid>,
    hotkey: String,
    address: &'a str,
    transport: Transport,
    status_code: u16,
    process_time_s: f64,
    words: String,
}

fn rows(answers: &[Answer<'_>], page: Page) -> String {
    if answers.is_empty() {
        return "no neuron there says where it serves\n".to_owned();
    }
    let mut table = Table::new(&[
        Column::number("UID"),
        Column::address("HOTKEY"),
        Column::text("ADDRESS"),
        Column::text("TRANSPORT"),
        Column::number("CODE"),
        Column::number("TIME (ms)"),
        Column::text("ANSWER"),
    ]);
    for answer in answers {
        table.row(&[
            answer.uid.map_or_else(|| "-".to_owned(), |uid| uid.to_string()),
            answer.hotkey.clone(),
            answer.address.to_owned(),
            transport(answer.transport).to_owned(),
            answer.status_code.to_string(),
            format!("{:.1}", answer.process_time_s * 1000.0),
            answer.words.clone(),
        ]);
    }
    let answered = answers.iter().filter(|answer| answer.status_code == ANSWERED).count();
    format!("{}{answered} of {} answered\n", table.render(page), answers.len())
}

const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Auto => "auto",
        Transport::Http => "http",
        Transport::Quic => "quic",
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    const HOTKEY: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn a_target_is_named_in_one_way() {
        let parses = |words: &str| Cli::try_parse_from(format!("btctl dendrite ping {words}").split(' ')).is_ok();
        for good in [
            "--netuid 1 --uid 0".to_owned(),
            format!("--netuid 1 --hotkey {HOTKEY} --transport quic"),
            format!("--address 127.0.0.1:8091 --hotkey {HOTKEY} -H asker"),
            "--netuid 1 --all --deadline 3s".to_owned(),
        ] {
            assert!(parses(&good), "{good}");
        }
        for bad in [
            "--netuid 1".to_owned(),
            "--uid 0".to_owned(),
            "--all".to_owned(),
            "--address 127.0.0.1:8091".to_owned(),
            format!("--netuid 1 --uid 0 --hotkey {HOTKEY}"),
            "--netuid 1 --uid 0 --all".to_owned(),
            "--netuid 1 --uid 0 --transport carrier-pigeon".to_owned(),
        ] {
            assert!(!parses(&bad), "{bad}");
        }
    }

    #[test]
    fn each_answer_is_a_row() {
        let pings: Pings = serde_json::from_value(json!({ "replies": [
            { "uid": 0, "hotkey": HOTKEY, "address": "127.0.0.1:8091", "transport": "quic", "status_code": 200,
              "status_message": "Success", "process_time_s": 0.00123 },
            { "uid": null, "hotkey": HOTKEY, "address": "127.0.0.1:8092", "transport": "http", "status_code": 503,
              "status_message": "connection refused", "process_time_s": 0.5 },
        ] }))
        .unwrap();
        let expected = "\
UID  HOTKEY                                            ADDRESS         TRANSPORT  CODE  TIME (ms)  ANSWER
  0  5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY  127.0.0.1:8091  quic        200        1.2  Success
  -  5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY  127.0.0.1:8092  http        503      500.0  connection refused
1 of 2 answered
";
        assert_eq!(render(&pings, Page::default()), expected);
    }
}
