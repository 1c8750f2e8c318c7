//! The noun `axon`: the endpoint at which this host's neuron answers.

use std::net::{IpAddr, SocketAddr};

use btd_api::{
    axon::{
        Attach, AttachParams, AxonStatus, Declaration, Detach, DetachParams, Exchanged, Publication, PublicationState,
        Reset, ResetParams, Set, SetParams, Start, StartParams, Status, StatusReply, Stop, Stopped, SynapseStatus,
        Synapses,
    },
    rpc::Nothing,
    unsent,
};
use clap::{Args, Subcommand};

use crate::{
    args::{HotkeyArg, NetUidArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    session::Session,
    spend::{self, Terms},
};

/// `btctl axon ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start answering synapses as a hotkey, over HTTP/1.1 and HTTP/3 on one port number
    Start(StartArgs),
    /// Stop after the requests in flight
    Stop,
    /// The running axon with its counters
    Status,
    /// Have a synapse answered by HTTP servers on this host
    Attach(AttachArgs),
    /// Withdraw a synapse that was attached
    Detach {
        /// The synapse
        name: String,
    },
    /// Publish on chain where a hotkey serves
    Set(SetArgs),
    /// Publish on chain that a hotkey serves nowhere
    Reset(ResetArgs),
}

/// A synapse class, declared as Python declares it
#[derive(Args, Debug)]
pub(crate) struct DeclarationArgs {
    /// The synapse's class name, which is also its path
    #[arg(value_name = "SYNAPSE")]
    pub(crate) name: String,
    /// A field, `name: type` or `name: type = default`, such as 'k: int = 5'; once for each, in order
    #[arg(long = "declare", value_name = "FIELD")]
    pub(crate) declare: Vec<String>,
    /// A field that the body hash covers; once for each, in order
    #[arg(long = "hash", value_name = "NAME")]
    pub(crate) hash: Vec<String>,
}

impl DeclarationArgs {
    pub(crate) fn declaration(self) -> Declaration {
        let Self { name, declare, hash } = self;
        Declaration { name, fields: declare, required_hash_fields: hash, ..Declaration::default() }
    }
}

/// `btctl axon attach`
#[derive(Args, Debug)]
pub(crate) struct AttachArgs {
    #[command(flatten)]
    declaration: DeclarationArgs,
    /// A server, such as http://127.0.0.1:9101; once for each
    #[arg(long = "upstream", value_name = "URL", required = true)]
    upstreams: Vec<String>,
    /// A path that answers 2xx to GET when a server is well
    #[arg(long, value_name = "PATH")]
    health: Option<String>,
    /// Requests that all servers together answer at once [default: 16 for each]
    #[arg(long, value_name = "COUNT")]
    places: Option<u32>,
    /// Requests that may wait [default: 128]
    #[arg(long, value_name = "COUNT")]
    waiting: Option<u32>,
    /// Ask the servers about each request before it waits for its turn
    #[arg(long)]
    screen: bool,
}

/// `btctl axon start`
#[derive(Args, Debug)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    /// The address to bind, such as `0.0.0.0:8091`; without it, the configured one
    #[arg(long, value_name = "IP:PORT")]
    bind: Option<SocketAddr>,
}

/// `btctl axon set`
#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    /// The address under which strangers reach it
    #[arg(long, aliases = ["axon.external_ip", "external-ip"])]
    ip: IpAddr,
    /// The port
    #[arg(long, aliases = ["axon.external_port", "external-port"], value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// The generation of the address, which it tells itself
    #[arg(long, hide = true, alias = "ip_type", value_parser = ["4", "6"])]
    ip_type: Option<String>,
    /// The protocol, of which there is one
    #[arg(long, hide = true, value_parser = ["4"])]
    protocol: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl axon reset`
#[derive(Args, Debug)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    terms: Terms,
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Start(args) => {
                let params = StartParams {
                    wallet: args.wallet.resolve(&session.settings),
                    hotkey: args.hotkey.resolve(&session.settings),
                    bind: args.bind.map(|address| address.to_string()),
                };
                let reply = session.call::<Start>(&params).await?;
                session.out.reply(&reply, status)?;
            }
            Self::Stop => {
                let reply = session.call::<Stop>(&Nothing {}).await?;
                session.out.reply(&reply, |Stopped { axon }, page| stopped(axon.as_ref(), page))?;
            }
            Self::Status => {
                let reply = session.call::<Status>(&Nothing {}).await?;
                session.out.reply(&reply, |StatusReply { axon }, page| match axon {
                    Some(axon) => status(axon, page),
                    None => "no axon is running\n".to_owned(),
                })?;
            }
            Self::Attach(args) => {
                let params = AttachParams {
                    synapse: args.declaration.declaration(),
                    upstreams: args.upstreams,
                    health: args.health,
                    places: args.places,
                    waiting: args.waiting,
                    screen: args.screen,
                };
                let reply = session.call::<Attach>(&params).await?;
                session.out.reply(&reply, synapses)?;
            }
            Self::Detach { name } => {
                let reply = session.call::<Detach>(&DetachParams { name }).await?;
                session.out.reply(&reply, synapses)?;
            }
            Self::Set(args) => {
                let generation = if args.ip.is_ipv4() { "4" } else { "6" };
                if args.ip_type.is_some_and(|said| said != generation) {
                    return Err(Failure::usage(format!("{} is an address of IP version {generation}", args.ip)));
                }
                let params = unsent!(SetParams {
                    netuid: args.netuid.resolve(),
                    wallet: args.wallet.resolve(&session.settings),
                    hotkey: args.hotkey.resolve(&session.settings),
                    ip: args.ip.to_string(),
                    port: args.port,
                });
                return spend::sign::<Set>(session, params, args.terms).await;
            }
            Self::Reset(args) => {
                let params = unsent!(ResetParams {
                    netuid: args.netuid.resolve(),
                    wallet: args.wallet.resolve(&session.settings),
                    hotkey: args.hotkey.resolve(&session.settings),
                });
                return spend::sign::<Reset>(session, params, args.terms).await;
            }
        }
        Ok(Exit::Success)
    }
}

/// The axon in a few words.
pub(crate) fn summary(axon: &AxonStatus) -> String {
    let requests: u64 = axon.requests.values().sum();
    format!("{} as {}, {requests} requests", axon.address, axon.hotkey)
}

fn status(axon: &AxonStatus, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add_painted("axon", page.good("running"));
    facts.add("address", format!("{} (TCP for HTTP/1.1, UDP for HTTP/3)", axon.address));
    facts.add("hotkey", axon.hotkey);
    for publication in &axon.publications {
        facts.add("published", published(publication));
    }
    if let Some(Exchanged { netuid, hotkey, reason }) = &axon.exchanged {
        facts.add(
            "exchanged",
            format!("for {hotkey} on subnet {netuid}, and not answering as it: {}", text::visible(reason)),
        );
    }
    facts.add("synapses", axon.synapses.join(", "));
    let happened = axon.requests.iter().filter(|(_, count)| **count > 0);
    let requests: Vec<String> = happened.map(|(outcome, count)| format!("{count} {outcome}")).collect();
    facts.add("requests", if requests.is_empty() { "none yet".to_owned() } else { requests.join(", ") });
    let facts = facts.render(page);
    if axon.handlers.is_empty() { facts } else { format!("{facts}\n{}", handlers(&axon.handlers, page)) }
}

fn published(publication: &Publication) -> String {
    let Publication { netuid, address, state, reason } = publication;
    match state {
        PublicationState::Whole => format!("{address} with its TLS key, on subnet {netuid}"),
        PublicationState::WithoutKey => format!("{address} on subnet {netuid}; this chain keeps no TLS keys"),
        PublicationState::NotYet => {
            let reason = text::visible(reason.as_deref().unwrap_or("for no reason that btd gives"));
            format!("not yet {address} on subnet {netuid}: {reason}")
        }
    }
}

fn synapses(reply: &Synapses, page: Page) -> String {
    handlers(&reply.synapses, page)
}

fn handlers(handlers: &[SynapseStatus], page: Page) -> String {
    let mut table = Table::new(&[
        Column::text("SYNAPSE"),
        Column::text("HANDLER"),
        Column::number("PLACES"),
        Column::number("ANSWERING"),
        Column::number("WAITING"),
        Column::number("ANSWERED"),
        Column::number("FAILED"),
    ]);
    for handler in handlers {
        table.row(&[
            handler.name.clone(),
            handler.handler.clone(),
            handler.places.map_or_else(|| "-".to_owned(), |places| places.to_string()),
            handler.answering.to_string(),
            handler.waiting.to_string(),
            handler.answered.to_string(),
            handler.failed.to_string(),
        ]);
    }
    table.render(page)
}

fn stopped(axon: Option<&AxonStatus>, _: Page) -> String {
    axon.map_or_else(
        || "no axon was running\n".to_owned(),
        |axon| format!("stopped {}\n", text::visible(&summary(axon))),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> AxonStatus {
        serde_json::from_value(json!({
            "hotkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "address": "127.0.0.1:8091",
            "synapses": ["Synapse"], "requests": { "ok": 3, "bad_signature": 1, "busy": 0 },
        }))
        .unwrap()
    }

    #[test]
    fn what_is_published_is_told_by_subnet() {
        let address = "203.0.113.7:8091";
        let mut axon = sample();
        axon.publications = serde_json::from_value(json!([
            { "netuid": 1, "address": address, "state": "whole" },
            { "netuid": 2, "address": address, "state": "without_key" },
            { "netuid": 3, "address": address, "state": "not_yet", "reason": "hotkey x is not registered on subnet 3" },
        ]))
        .unwrap();
        let shown = status(&axon, Page::default());
        for expected in [
            "203.0.113.7:8091 with its TLS key, on subnet 1\n",
            "203.0.113.7:8091 on subnet 2; this chain keeps no TLS keys\n",
            "not yet 203.0.113.7:8091 on subnet 3: hotkey x is not registered on subnet 3\n",
        ] {
            assert!(shown.contains(expected), "{shown}");
        }
    }

    #[test]
    fn a_hotkey_that_took_over_alone_is_told() {
        let mut axon = sample();
        let new = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        axon.exchanged =
            serde_json::from_value(json!({ "netuid": 1, "hotkey": new, "reason": "no wallet holds its key" })).unwrap();
        let shown = status(&axon, Page::default());
        let expected = format!("exchanged  for {new} on subnet 1, and not answering as it: no wallet holds its key\n");
        assert!(shown.contains(&expected), "{shown}");
    }

    #[test]
    fn counters_are_named() {
        let expected = "\
axon      running
address   127.0.0.1:8091 (TCP for HTTP/1.1, UDP for HTTP/3)
hotkey    5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
synapses  Synapse
requests  1 bad_signature, 3 ok
";
        assert_eq!(status(&sample(), Page::default()), expected);
        let summary = "127.0.0.1:8091 as 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY, 4 requests";
        assert_eq!(stopped(Some(&sample()), Page::default()), format!("stopped {summary}\n"));
    }
}
