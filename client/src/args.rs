//! What can be typed: the tree of commands and the flags that all share.
//!
//! Nouns and verbs are the contract's own, but where `names` says otherwise. The spellings that users of the Python
//! command lines have in their fingers are accepted as aliases wherever they mean the same; each noun's file holds its
//! own arguments.

mod below;
mod hint;
mod idle;
mod lists;
mod missing;
#[cfg(test)]
mod names;
pub(crate) mod share;
mod spelling;

use std::{
    ffi::OsString,
    num::{IntErrorKind, ParseIntError},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

pub(crate) use self::{
    below::Below,
    missing::{Defaults, Interview, Person},
};
use btd_api::{Coldkey, HotkeyName, Method, NetUid, WalletName, stake::ColdkeyParams};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::{
    addr, axon, chain, config, crowd, dendrite, devnet,
    exit::Exit,
    explain,
    failure::Failure,
    legacy, misc, multisig, node,
    output::{Format, Page},
    proxy, root, rpc,
    session::Session,
    settings::Settings,
    shell, stake, subnets, sudo, tx, wallet, weights,
};

/// The command line of btd, the Bittensor daemon.
#[derive(Debug, Parser)]
#[command(
    name = "btctl",
    version,
    about,
    long_about = "The command line of btd, the Bittensor daemon: it asks the daemon one thing on its local socket and \
                  shows the answer. Data goes to standard output, everything else to standard error.",
    after_help = "`btctl help exit-codes` tells what the exit codes mean.",
    after_long_help = format!("Exit codes:\n{}", Exit::table()),
    arg_required_else_help = true,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Print the daemon's answer as one JSON document
    #[arg(long, global = true, aliases = ["json-output", "json_output", "json-out"])]
    pub(crate) json: bool,
    /// Answer questions with yes
    #[arg(long, short = 'y', global = true, aliases = ["no-prompt", "no_prompt"])]
    pub(crate) yes: bool,
    /// Answer questions with no: what would be signed is shown, and nothing is
    #[arg(long, global = true, conflicts_with = "yes")]
    pub(crate) no: bool,
    /// Keep standard error for questions, warnings and failures
    #[arg(long, short = 'q', global = true)]
    pub(crate) quiet: bool,
    /// The daemon's socket [env: BTD_SOCKET] [default: the user's own, else /run/btd/btd.sock]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Defaults from this file, before those of other files: YAML, as btcli 6 and the `config.yml` of btcli have it
    #[arg(long = "config", id = "config_file", global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How long to wait for the daemon: `500ms`, `30` or `30s`, `5m`
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// The network that is asked for, as the Python command lines take it with every command.
    #[arg(skip)]
    pub(crate) network: Option<String>,
    /// The directory of wallets that is asked for, in the same way.
    #[arg(skip)]
    pub(crate) wallets: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The daemon at a glance: chain, cache, keys, axon
    Status(node::StatusArgs),
    /// Keys on this host, balances, transfers
    #[command(subcommand, visible_alias = "w", alias = "wallets")]
    Wallet(Below<wallet::Command>),
    /// Subnets, their neurons, and registration
    #[command(subcommand, visible_alias = "s", alias = "subnet")]
    Subnets(Below<subnets::Command>),
    /// Stake: adding, removing, moving, and who inherits it
    #[command(subcommand, visible_alias = "st", alias = "stakes")]
    Stake(Below<stake::Command>),
    /// Locked stake, and the conviction that it earns
    #[command(subcommand, alias = "conviction")]
    Lock(Below<stake::lock::Command>),
    /// Hyperparameters, and what else the owner of a subnet and root set
    #[command(subcommand, visible_alias = "su", aliases = ["sudos", "hparams"])]
    Sudo(Below<sudo::Command>),
    /// Weights: setting, committing, revealing
    #[command(subcommand, visible_alias = "wt", alias = "weight")]
    Weights(Below<weights::Command>),
    /// Root, its validators, and delegation
    #[command(subcommand, visible_alias = "r", aliases = ["roots", "rt"])]
    Root(Below<root::Command>),
    /// Accounts that may sign for others
    #[command(subcommand)]
    Proxy(Below<proxy::Command>),
    /// Accounts that several keys sign for together
    #[command(subcommand, visible_alias = "ms")]
    Multisig(Below<multisig::Command>),
    /// Raising tao together
    #[command(subcommand, visible_alias = "cr", alias = "crowdloan")]
    Crowd(Below<crowd::Command>),
    /// Extrinsics that the daemon has signed
    #[command(subcommand)]
    Tx(Below<tx::Command>),
    /// The endpoint at which this host's neuron answers
    #[command(subcommand)]
    Axon(Below<axon::Command>),
    /// Asking the axons of others
    #[command(subcommand)]
    Dendrite(Below<dendrite::Command>),
    /// The development chain inside btd: blocks, time, storage, snapshots, faults
    #[command(subcommand)]
    Devnet(Below<devnet::Command>),
    /// What is set for btctl, and what the running daemon goes by
    #[command(subcommand, visible_alias = "c", alias = "conf")]
    Config(Below<config::Command>),
    /// A book of addresses by name
    #[command(subcommand, visible_alias = "addresses")]
    Addr(Below<addr::Command>),
    /// Units, addresses and endpoints
    #[command(subcommand, alias = "misc")]
    Utils(Below<misc::Command>),
    /// What the sixth Python command line had there: updating, and the faucet
    #[command(subcommand, visible_alias = "l")]
    Legacy(Below<legacy::Command>),
    /// How the link to the chain stands, endpoint by endpoint
    #[command(visible_alias = "endpoints")]
    Chain(chain::ChainArgs),
    /// Read anything from the chain by its name: blocks, events, storage, constants, APIs, metadata
    #[command(subcommand)]
    Query(Below<chain::Query>),
    /// Follow finalized blocks with their decoded events, or the events that are asked for
    Events(chain::EventsArgs),
    /// Call any method of the daemon
    Rpc(rpc::RpcArgs),
    /// What an error means and what to do about it
    Explain(explain::ExplainArgs),
    /// Print a completion script
    Completions(shell::CompletionsArgs),
    /// How completion is switched on, shell by shell
    #[command(subcommand, hide = true, alias = "i")]
    Info(shell::Info),
    /// All commands, as a tree
    #[command(hide = true)]
    Commands,
    /// Print a man page
    Man(shell::ManArgs),
    /// What the exit codes mean
    #[command(name = "exit-codes", long_about = format!("What the exit codes mean:\n\n{}", Exit::table()))]
    ExitCodes,
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Status(args) => args.run(session).await,
            Self::Wallet(Below(command)) => command.run(session).await,
            Self::Subnets(Below(command)) => command.run(session).await,
            Self::Stake(Below(command)) => command.run(session).await,
            Self::Lock(Below(command)) => command.run(session).await,
            Self::Sudo(Below(command)) => command.run(session).await,
            Self::Weights(Below(command)) => command.run(session).await,
            Self::Root(Below(command)) => command.run(session).await,
            Self::Proxy(Below(command)) => command.run(session).await,
            Self::Multisig(Below(command)) => command.run(session).await,
            Self::Crowd(Below(command)) => command.run(session).await,
            Self::Tx(Below(command)) => command.run(session).await,
            Self::Axon(Below(command)) => command.run(session).await,
            Self::Dendrite(Below(command)) => command.run(session).await,
            Self::Devnet(Below(command)) => command.run(session).await,
            Self::Config(Below(command)) => command.run(session).await,
            Self::Addr(Below(command)) => command.run(session),
            Self::Utils(Below(command)) => command.run(session).await,
            Self::Legacy(Below(command)) => command.run(session).await,
            Self::Chain(args) => args.run(session).await,
            Self::Query(Below(query)) => query.run(session).await,
            Self::Events(args) => args.run(session).await,
            Self::Rpc(args) => args.run(session).await,
            Self::Explain(args) => args.run(session),
            Self::Completions(args) => args.run(session),
            Self::Info(info) => info.run(session),
            Self::Commands => shell::commands(session),
            Self::Man(args) => args.run(session),
            Self::ExitCodes => {
                let codes = match session.out.format() {
                    Format::Json => Exit::document().to_string(),
                    Format::Human => Exit::table(),
                };
                session.out.data(&codes).map(|()| Exit::Success)
            }
        }
    }
}

/// A wallet, by name.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WalletArg {
    /// The wallet [env: BT_WALLET_NAME] [default: default]
    #[arg(
        long = "wallet",
        short = 'w',
        value_name = "NAME",
        visible_alias = "wallet-name",
        aliases = ["wallet.name", "wallet_name", "name"]
    )]
    pub(crate) wallet: Option<WalletName>,
}

/// A hotkey of a wallet, by name.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct HotkeyArg {
    /// The hotkey's name [env: BT_WALLET_HOTKEY] [default: default]
    #[arg(
        long = "wallet-hotkey",
        short = 'H',
        value_name = "NAME",
        visible_alias = "hotkey",
        aliases = ["wallet.hotkey", "wallet_hotkey", "hotkey-name"]
    )]
    pub(crate) hotkey: Option<HotkeyName>,
}

/// A coldkey: of a wallet, or by its address.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ColdkeyArg {
    /// Any coldkey, by its address
    #[arg(
        long,
        short = 'k',
        value_name = "SS58",
        aliases = ["ss58-address", "ss58_address", "coldkey-ss58", "coldkey_ss58", "key", "coldkey", "address"],
        value_parser = addr::coldkey
    )]
    ss58: Option<Coldkey>,
    #[command(flatten)]
    wallet: WalletArg,
}

/// A coldkey, or that of every wallet of this host.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ColdkeysArg {
    /// Every wallet of this host, one after the other, whatever the environment says
    #[arg(long, short = 'a', alias = "all-wallets", conflicts_with = "ss58")]
    all: bool,
    #[command(flatten)]
    coldkey: ColdkeyArg,
}

/// A subnet, as `--netuid 1` or as a bare `1`.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct NetUidArg {
    /// The subnet's number; 0 is root
    #[arg(value_name = "NETUID", value_parser = number::<NetUid>)]
    position: Option<NetUid>,
    /// The same, as a flag
    #[arg(long = "netuid", value_name = "NETUID", value_parser = number::<NetUid>)]
    flag: Option<NetUid>,
}

// === impl WalletArg, HotkeyArg, NetUidArg, ColdkeyArg ===

impl ColdkeyArg {
    /// The wallet that the environment names counts only where no address is given.
    pub(crate) fn resolve(self, settings: &Settings) -> ColdkeyParams {
        match (self.wallet.wallet, self.ss58) {
            (None, None) => ColdkeyParams { wallet: settings.wallet.clone(), address: None },
            (wallet, address) => ColdkeyParams { wallet, address },
        }
    }
}

impl ColdkeysArg {
    /// The one coldkey; none where every wallet's is meant.
    pub(crate) fn only(self, session: &Session) -> Option<ColdkeyParams> {
        if self.all {
            self.coldkey.wallet.beside_all(session);
            return None;
        }
        Some(self.coldkey.resolve(&session.settings))
    }

    /// Asks `M` of the coldkey and shows the answer: of every wallet, one JSON document of all answers by wallet.
    pub(crate) async fn show<M>(self, session: &Session, render: fn(&M::Reply, Page) -> String) -> Result<Exit, Failure>
    where
        M: Method<Params = ColdkeyParams>,
    {
        match self.only(session) {
            Some(params) => session.out.reply(&session.call::<M>(&params).await?, render).map(|()| Exit::Success),
            None => wallet::every::<M>(session, render).await,
        }
    }
}

impl WalletArg {
    /// Says that a wallet which is named, as scripts do everywhere, is not the only one that `--all` shows.
    pub(crate) fn beside_all(&self, session: &Session) {
        if let Some(named) = &self.wallet {
            session.out.note(format!("note: --all shows every wallet of this host, not `{named}` alone"));
        }
    }

    pub(crate) fn resolve(self, settings: &Settings) -> WalletName {
        self.wallet.or_else(|| settings.wallet.clone()).unwrap_or_default()
    }
}

impl HotkeyArg {
    pub(crate) fn resolve(self, settings: &Settings) -> HotkeyName {
        self.hotkey.or_else(|| settings.hotkey.clone()).unwrap_or_default()
    }
}

impl NetUidArg {
    pub(crate) fn resolve(self) -> NetUid {
        // The group asks for exactly one of the two.
        self.flag.or(self.position).unwrap_or_default()
    }
}

/// Reads a number with a meaning, such as a netuid, and says in words what is wrong with another.
pub(crate) fn number<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => format!("`{text}` is larger than any there can be"),
        _ => format!("`{text}` is not a whole number from 0 on"),
    })
}

/// Reads `500ms`, `30`, `30s`, `5m`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let malformed = || format!("`{text}` is not a duration: write `500ms`, `30s`, `5m` or `1h`");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_| malformed())?;
    let millis = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(malformed()),
    };
    match number.checked_mul(millis).filter(|millis| *millis > 0) {
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => Err(malformed()),
    }
}

/// What the parser says in place of a command.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: clap::Error,
    pub(crate) hint: Option<&'static str>,
    pub(crate) format: Format,
}

/// What was typed, and what was made of it.
#[derive(Debug)]
pub(crate) struct Typed {
    pub(crate) cli: Cli,
    /// The words behind the program's name, with those of answers.
    pub(crate) words: Vec<String>,
    /// Those that have no meaning for the command and were passed over.
    pub(crate) idle: Vec<String>,
    /// What was taken as meant without having been typed, in words.
    pub(crate) assumed: Option<&'static str>,
    /// Whether something was asked.
    pub(crate) asked: bool,
}

/// Whether the command of `words`, those behind the program's name, is about wallets: it takes one, or its noun is that.
pub(crate) fn is_about_wallets(words: &[String]) -> bool {
    let root = Cli::command();
    let words = std::iter::once("btctl").chain(words.iter().map(String::as_str));
    let Ok(matches) = root.clone().ignore_errors(true).try_get_matches_from(words) else { return false };
    let (mut command, mut matches) = (&root, &matches);
    let mut is_noun = false;
    while let Some((name, below)) = matches.subcommand() {
        let Some(found) = command.find_subcommand(name) else { break };
        is_noun |= name == "wallet";
        (command, matches) = (found, below);
    }
    is_noun || command.get_arguments().any(|arg| arg.get_id() == "wallet")
}

/// The file that `--config` names, before the other words are understood.
pub(crate) fn config_of(words: impl IntoIterator<Item = OsString>) -> Option<std::path::PathBuf> {
    let mut words = words.into_iter().skip(1);
    words
        .find_map(|word| match word.to_str()? {
            "--config" => Some(None),
            word => word.strip_prefix("--config=").map(|file| Some(file.into())),
        })
        .and_then(|file| file.or_else(|| words.next().map(Into::into)))
}

/// Reads the words of the command line. What they lack is asked for in `interview`, if there is one.
pub(crate) fn parse(
    words: impl IntoIterator<Item = OsString>,
    mut interview: Option<Interview<'_>>,
) -> Result<Typed, Refusal> {
    let mut words: Vec<OsString> = spelling::usual(words.into_iter().collect());
    lists::plain(&mut words);
    let mut idle = Vec::new();
    let (mut network, mut wallets, mut assumed) = (None, None, None);
    loop {
        let error = match below::read(&words) {
            Ok(_) if interview.as_mut().is_some_and(|interview| interview.settle_names(&mut words)) => continue,
            Ok(mut cli) => {
                (cli.global.network, cli.global.wallets) = (network, wallets);
                let words = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
                let asked = interview.is_some_and(|interview| interview.has_asked());
                return Ok(Typed { cli, words, idle, assumed, asked });
            }
            Err(error) => error,
        };
        if let Some(asked) = idle::network(&error, &mut words) {
            network = Some(asked);
            continue;
        }
        if let Some(asked) = idle::wallets(&error, &mut words) {
            wallets = Some(asked);
            continue;
        }
        if let Some(word) = idle::pass_over(&error, &mut words) {
            idle.push(word);
            continue;
        }
        if interview.as_mut().is_some_and(|interview| interview.settle(&error, &mut words)) {
            continue;
        }
        // Who was asked for it and said nothing means nothing by it.
        if !interview.as_ref().is_some_and(Interview::has_tried)
            && let Some(meant) = spelling::on_root(&error, &mut words)
        {
            assumed = Some(meant);
            continue;
        }
        let json = words.iter().any(|word| word.to_str().is_some_and(asks_for_json));
        return Err(Refusal {
            hint: hint::of(&error, &words),
            error,
            format: if json { Format::Json } else { Format::Human },
        });
    }
}

/// Whether a word asks for an answer in JSON, and is no other flag that begins alike.
fn asks_for_json(word: &str) -> bool {
    matches!(word.split('=').next(), Some("--json" | "--json-output" | "--json_output" | "--json-out"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        for (text, millis) in [("500ms", 500), ("30", 30_000), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000)] {
            assert_eq!(duration(text).unwrap().as_millis(), millis, "{text}");
        }
        for text in ["", "s", "0", "-1", "1.5s", "5 parsecs", "99999999999999999999"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_everyone_shares_is_taken_anywhere() {
        for words in [
            ["btctl", "--json", "wallet", "list", "-y"],
            ["btctl", "wallet", "--json", "list", "--yes"],
            ["btctl", "w", "list", "--json-output", "--no_prompt"],
            ["btctl", "wallets", "list", "--json", "--no-prompt"],
        ] {
            let cli = Cli::try_parse_from(words).unwrap();
            assert!(cli.global.json && cli.global.yes, "{words:?}");
        }
    }

    #[test]
    fn flags_of_the_python_command_lines_are_explained() {
        let refused = |words: &[&str]| parse(words.iter().map(Into::into), None).unwrap_err();
        let refusal = refused(&["btctl", "subnets", "list", "--json", "--network"]);
        assert!(refusal.hint.unwrap().contains("btd --network"));
        assert_eq!(refusal.format, Format::Json);
        assert!(refused(&["btctl", "wallet", "unlock", "--password", "x"]).hint.unwrap().contains("--password-stdin"));
        assert!(refused(&["btctl", "wallet", "list", "--nonsense"]).hint.is_none());
        for words in [&["btctl", "subnets", "burn-cost", "2"], &["btctl", "subnets", "lock-cost", "--netuid"]] {
            assert!(refused(words).hint.unwrap().contains("registration-cost"), "{words:?}");
        }
        for words in [&["btctl", "stake", "claim", "-n", "finney"], &["btctl", "wallet", "balance", "-n", "1"]] {
            assert!(refused(words).hint.unwrap().contains("--network"), "{words:?}");
        }
        // A flag that begins like the one for JSON is another.
        let refusal = refused(&["btctl", "wallet", "regen-coldkey", "--json-password", "x"]);
        assert!(refusal.format == Format::Human && refusal.hint.unwrap().contains("--json-password-fd"));
        for words in [["btctl", "wallet", "create", "alice"], ["btctl", "wallet", "balance", "alice"]] {
            assert!(refused(&words).hint.unwrap().contains("--wallet"), "{words:?}");
        }
    }

    #[test]
    fn a_network_is_taken_with_every_command() {
        for words in [
            "btctl subnets list --network finney --json",
            "btctl --network=finney wallet balance",
            "btctl stake list --subtensor.network finney -w alice",
            "btctl subnets list --subtensor.chain_endpoint finney",
            "btctl subnets list --chain finney",
            "btctl subnets list -n finney",
            "btctl wallet balance -nfinney",
        ] {
            let typed = parse(words.split(' ').map(Into::into), None).unwrap();
            assert_eq!(typed.cli.global.network.as_deref(), Some("finney"), "{words}");
            assert!(!typed.words.iter().any(|word| word.contains("finney")), "{:?}", typed.words);
        }
        for words in [
            "btctl wallet list --wallet-path /w",
            "btctl --wallet.path=/w wallet balance --json",
            "btctl stake add -p /w --netuid 1 --amount 1",
            "btctl stake list -p/w --wallet_path /x",
        ] {
            let typed = parse(words.split(' ').map(Into::into), None).unwrap();
            assert!(
                typed.cli.global.wallets.is_some() && !typed.words.iter().any(|word| word.contains("/w")),
                "{words}"
            );
        }
        // Where a command has such a flag of its own, it is that.
        let typed = parse("btctl config set --network finney".split(' ').map(Into::into), None).unwrap();
        assert_eq!(typed.cli.global.network, None);
    }

    #[test]
    fn commands_about_wallets_are_known() {
        let is = |words: &str| is_about_wallets(&words.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for words in ["wallet list", "w balance --all", "stake add --netuid 1 --amount 1", "wallet swap-coldkey check"]
        {
            assert!(is(words), "{words}");
        }
        for words in ["subnets list", "status", "config show", "chain"] {
            assert!(!is(words), "{words}");
        }
    }

    #[test]
    fn numbers_are_refused_in_words() {
        assert_eq!(number::<NetUid>("65535"), Ok(NetUid(u16::MAX)));
        assert_eq!(number::<NetUid>("65536").unwrap_err(), "`65536` is larger than any there can be");
        for text in ["", "-1", "one", "1.0"] {
            assert_eq!(number::<NetUid>(text).unwrap_err(), format!("`{text}` is not a whole number from 0 on"));
        }
    }
}
