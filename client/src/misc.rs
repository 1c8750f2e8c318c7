//! The noun `utils`: units and addresses in their other forms, and how fast endpoints answer.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use btd_api::{
    AccountId, ApiError, ErrorKind, Tao,
    chain::{ChainStatus, EndpointLatency, EndpointStatus, Latency, LatencyParams, Status},
    rpc::Nothing,
};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    addr,
    exit::Exit,
    failure::Failure,
    output::{
        Format, Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// `btctl utils ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Convert between tao and rao, and between an address and its public key
    Convert(ConvertArgs),
    /// How fast the chain's endpoints answer, as the daemon measures it with each request, and other nodes, and the daemon
    Latency(LatencyArgs),
}

/// `btctl utils convert`
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct ConvertArgs {
    /// Tao, an address, or 64 hex digits of a public key
    #[arg(value_parser = Thing::from_str)]
    thing: Option<Thing>,
    /// An amount in rao
    #[arg(long, value_name = "RAO", value_parser = rao)]
    rao: Option<Thing>,
    /// An amount in tao
    #[arg(long, value_name = "TAO", value_parser = tao)]
    tao: Option<Thing>,
    /// An address, or a name in the address book
    #[arg(long, value_name = "SS58", value_parser = account)]
    ss58: Option<Thing>,
    /// A public key
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    hex: Option<Thing>,
}

/// `btctl utils latency`
#[derive(Args, Debug)]
pub(crate) struct LatencyArgs {
    /// Those whose URL has this in it only, or the URL of another node, which is looked at beside them; may be repeated
    #[arg(long = "endpoint", value_name = "TEXT|URL", aliases = ["networks", "network"])]
    endpoints: Vec<String>,
}

/// What can be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Amount(Tao),
    Account(AccountId),
}

fn rao(text: &str) -> Result<Thing, String> {
    let digits = text.trim_end_matches('ρ');
    let rao = digits.parse().map_err(|_| format!("`{text}` is not a whole number of rao"))?;
    Ok(Thing::Amount(Tao::from_rao(rao)))
}

fn tao(text: &str) -> Result<Thing, String> {
    let digits = text.trim_start_matches('τ');
    Tao::from_tokens(digits).map(Thing::Amount).map_err(|error| error.to_string())
}

fn account(text: &str) -> Result<Thing, String> {
    addr::account(text).map(Thing::Account)
}

fn public_key(text: &str) -> Result<Thing, String> {
    let malformed = || format!("`{text}` is not a public key: that is 64 hex digits");
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes).map_err(|_| malformed())?;
    Ok(Thing::Account(AccountId(bytes)))
}

impl FromStr for Thing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, 'τ' | '.')) && text.len() < 40 {
            return tao(text);
        }
        if text.starts_with("0x") || text.len() == 64 {
            return public_key(text);
        }
        account(text)
    }
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Convert(args) => args.run(session),
            Self::Latency(args) => args.run(session).await,
        }
    }
}

impl ConvertArgs {
    fn run(self, session: &Session) -> Result<Exit, Failure> {
        let given = [self.thing, self.rao, self.tao, self.ss58, self.hex];
        let given: Vec<Thing> = given.into_iter().flatten().collect();
        match (session.out.format(), given.as_slice()) {
            (_, []) => return Err(Failure::usage("there is nothing to convert")),
            (Format::Json, [thing]) => session.out.document(&thing.document().to_string())?,
            (Format::Json, several) => {
                let documents: Vec<serde_json::Value> = several.iter().map(|thing| thing.document()).collect();
                session.out.document(&json!({ "converted": documents }).to_string())?;
            }
            (Format::Human, things) => {
                for thing in things {
                    session.out.data(&thing.facts().render(session.out.page()))?;
                }
            }
        }
        Ok(Exit::Success)
    }
}

impl Thing {
    fn document(self) -> serde_json::Value {
        match self {
            Self::Amount(tao) => json!({ "tao": tao.to_string(), "rao": tao.rao().to_string() }),
            Self::Account(account) => {
                json!({ "ss58": account, "public_key": format!("0x{}", hex::encode(account.as_bytes())) })
            }
        }
    }

    fn facts(self) -> Facts {
        let mut facts = Facts::default();
        match self {
            Self::Amount(tao) => {
                facts.add("tao", format!("τ{tao}"));
                facts.add("rao", format!("{}ρ", tao.rao()));
            }
            Self::Account(account) => {
                facts.add("ss58", account);
                facts.add("public key", format!("0x{}", hex::encode(account.as_bytes())));
            }
        }
        facts
    }
}

impl LatencyArgs {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let begun = Instant::now();
        let reply = session.call::<Status>(&Nothing {}).await?;
        let (here, mut status) = (begun.elapsed(), reply.read()?);
        let (others, parts) = strangers(self.endpoints, &status.endpoints);
        if !parts.is_empty() {
            status.endpoints = named(&parts, status.endpoints)?;
        }
        let mut others = match others {
            others if others.is_empty() => Vec::new(),
            endpoints => session.call::<Latency>(&LatencyParams { endpoints }).await?.read()?.endpoints,
        };
        others.sort_by_key(|other| (other.answer_ms.is_none(), other.answer_ms));
        // Those never asked come last.
        status.endpoints.sort_by_key(|endpoint| (endpoint.latency_ms.is_none(), endpoint.latency_ms));
        match session.out.format() {
            Format::Json => {
                let endpoints: Vec<_> = status.endpoints.iter().map(endpoint).collect();
                let here = u64::try_from(here.as_micros()).unwrap_or(u64::MAX);
                session
                    .out
                    .document(&json!({ "daemon_us": here, "endpoints": endpoints, "others": others }).to_string())?;
            }
            Format::Human => {
                let (page, own) = (session.out.page(), latencies(&status, here, session.out.page()));
                let text = if others.is_empty() { own } else { format!("{own}\n{}", looked_at(&others, page)) };
                session.out.data(&text)?;
            }
        }
        Ok(Exit::Success)
    }
}

/// The URLs of nodes that btd does not know among `texts`, and the other texts.
fn strangers(texts: Vec<String>, known: &[EndpointStatus]) -> (Vec<String>, Vec<String>) {
    let is_stranger = |text: &str| place(text).is_some() && !known.iter().any(|one| has(one, text));
    texts.into_iter().partition(|text| is_stranger(text))
}

/// Whether `text` names an endpoint: its URL as it is told, or without a path, or a part of its URL.
fn has(one: &EndpointStatus, text: &str) -> bool {
    match place(text) {
        Some((_, _, behind)) if !matches!(behind, "" | "/") => one.endpoint == text,
        Some((scheme, address, _)) => place(&one.endpoint).is_some_and(|(own, at, _)| (own, at) == (scheme, address)),
        None => one.endpoint.contains(text),
    }
}

/// The scheme, the host and port, and what stands behind them in the URL of a node; none of what is no such URL.
fn place(url: &str) -> Option<(&str, (&str, &str), &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let usual = match scheme {
        "ws" => "80",
        "wss" => "443",
        _ => return None,
    };
    let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let address = match address.rsplit_once(':') {
        // An IPv6 address has colons too, in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (address, usual),
    };
    Some((scheme, address, behind))
}

/// Those that one of `parts` names.
///
/// # Errors
/// When one of the parts is in none: names those that there are.
fn named(parts: &[String], endpoints: Vec<EndpointStatus>) -> Result<Vec<EndpointStatus>, Failure> {
    let Some(part) = parts.iter().find(|part| !endpoints.iter().any(|one| has(one, part))) else {
        return Ok(endpoints.into_iter().filter(|one| parts.iter().any(|part| has(one, part))).collect());
    };
    let there: Vec<String> = endpoints.into_iter().map(|one| one.endpoint).collect();
    let message = match there.as_slice() {
        [] => "btd has no endpoints yet".to_owned(),
        there => format!(
            "no endpoint of btd has `{part}` in its URL: there are {}; another node is named by its whole URL",
            there.join(", ")
        ),
    };
    Err(ApiError::new(ErrorKind::NotFound, message).into())
}

/// Nodes that were looked at for this alone.
fn looked_at(others: &[EndpointLatency], page: Page) -> String {
    let mut table = Table::new(&[
        Column::text("OTHER NODE"),
        Column::number("LATENCY (ms)"),
        Column::number("CONNECTING (ms)").leaves(1),
        Column::text("CHAIN"),
        Column::text("TROUBLE"),
    ]);
    let or_dash = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for other in others {
        let chain = match other.same_chain {
            Some(true) => "the same",
            Some(false) => "another",
            None => "-",
        };
        table.row(&[
            other.endpoint.clone(),
            or_dash(other.answer_ms),
            or_dash(other.connect_ms),
            chain.to_owned(),
            other.trouble.as_deref().map_or_else(|| "-".to_owned(), |trouble| text::visible(trouble).into_owned()),
        ]);
    }
    format!("{}looked at once, just now; btd follows what its configuration names\n", table.render(page))
}

fn endpoint(endpoint: &EndpointStatus) -> serde_json::Value {
    json!({
        "endpoint": endpoint.endpoint, "latency_ms": endpoint.latency_ms, "requests": endpoint.requests,
        "trouble": endpoint.trouble,
    })
}

fn latencies(status: &ChainStatus, here: Duration, page: Page) -> String {
    let mut table = Table::new(&[
        Column::text("ENDPOINT"),
        Column::number("LATENCY (ms)"),
        Column::number("REQUESTS").leaves(1),
        Column::text("TROUBLE"),
    ]);
    for endpoint in &status.endpoints {
        table.row(&[
            endpoint.endpoint.clone(),
            endpoint.latency_ms.map_or_else(|| "-".to_owned(), |millis| millis.to_string()),
            endpoint.requests.to_string(),
            endpoint.trouble.as_deref().map_or_else(|| "-".to_owned(), |trouble| text::visible(trouble).into_owned()),
        ]);
    }
    format!("{}btd itself answered within {}\n", table.render(page), text::duration(here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_told_apart() {
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let key = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
        let read = |text: &str| text.parse::<Thing>().map(Thing::document);
        assert_eq!(read("1.5"), Ok(json!({ "tao": "1.500000000", "rao": "1500000000" })));
        assert_eq!(read("τ1.5"), read("1.5"));
        assert_eq!(rao("1500000000").map(Thing::document), read("1.5"));
        assert_eq!(read(alice), Ok(json!({ "ss58": alice, "public_key": key })));
        assert_eq!((read(key), read(&key[2..])), (read(alice), read(alice)));
        for bad in ["", "x", "0x12", "1.0000000001", "-1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(rao("1.5").is_err());
    }

    #[test]
    fn nodes_that_btd_does_not_know_are_looked_at_beside_its_own() {
        let own = |endpoint: &str| -> EndpointStatus {
            serde_json::from_value(json!({
                "endpoint": endpoint, "archive": false, "standing": "active", "trouble": null, "reason": null,
                "finalized": null, "seen_ms": null, "latency_ms": 21, "requests": 7, "failures": 0, "pruned": false,
                "rate_limited": false, "rests_ms": null,
            }))
            .unwrap()
        };
        let known = vec![own("wss://a.example:443"), own("ws://b.example:9944")];
        let told = |texts: &[&str]| strangers(texts.iter().map(|&text| text.to_owned()).collect(), &known);
        let words = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            told(&["ws://c.example:9944", "b.example", "wss://a.example", "wss://d.example"]),
            (words(&["ws://c.example:9944", "wss://d.example"]), words(&["b.example", "wss://a.example"]))
        );
        // A URL is that of a node as a whole: not where another's only begins with it.
        let nearly = ["wss://a.exam", "ws://a.example", "ws://b.example", "ws://b.example:994", "wss://a.example/key"];
        assert_eq!(told(&nearly), (words(&nearly), Vec::new()));
        let endpoints = |parts: &[&str]| {
            let named = named(&words(parts), known.clone()).map_err(|error| error.to_string())?;
            Ok::<_, String>(named.into_iter().map(|one| one.endpoint).collect::<Vec<_>>())
        };
        assert_eq!(endpoints(&["b.", "a."]).unwrap(), ["wss://a.example:443", "ws://b.example:9944"]);
        assert_eq!(endpoints(&["wss://a.example/"]).unwrap(), ["wss://a.example:443"]);
        assert!(endpoints(&["a.", "finney"]).unwrap_err().contains("`finney`"));
        let other = EndpointLatency {
            endpoint: "ws://c.example:9944".to_owned(),
            connect_ms: Some(40),
            answer_ms: Some(20),
            genesis: None,
            same_chain: Some(false),
            trouble: None,
            reason: None,
        };
        let text = looked_at(&[other], Page::default());
        let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["ws://c.example:9944", "20", "40", "another", "-"]);
    }

    #[test]
    fn several_things_are_converted_at_once() {
        use clap::Parser;
        let parses = |words: &str| crate::args::Cli::try_parse_from(format!("btctl {words}").split(' ')).is_ok();
        assert!(parses("utils convert --rao 1500000000 --tao 2") && parses("utils convert 1.5"));
        assert!(!parses("utils convert"));
        assert!(parses("utils latency --network ws://a:1 --network wss://b --endpoint local"));
    }
}
