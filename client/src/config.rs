//! The noun `config`: what is set for `btctl`, and what the running daemon goes by, each with its origin.

use btd_api::{
    config::{DaemonSettings, Show},
    rpc::Nothing,
};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    addr::proxies::{self, ProxyArgs, RemoveProxyArgs},
    exit::Exit,
    failure::Failure,
    output::{
        Format, Page,
        table::{Column, Table},
    },
    preferences::{self, Key, Preferences},
    session::Session,
    settings, wallets,
};

/// `btctl config ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What is set for btctl
    Get(GetArgs),
    /// Set something for btctl, in its own file: `config set wallet_name alice`
    Set(SetArgs),
    /// Take back what was set in btctl's own file
    Clear(ClearArgs),
    /// What holds for btctl and what the running daemon goes by
    Show(ShowArgs),
    /// The accounts in the address book that others sign for
    #[command(hide = true)]
    Proxies,
    /// Put an account that others sign for into the address book, where --proxy finds it
    #[command(hide = true, alias = "add_proxy")]
    AddProxy(ProxyArgs),
    /// Change what the address book has of such an account
    #[command(hide = true, alias = "update_proxy")]
    UpdateProxy(ProxyArgs),
    /// Take such an account out of the address book
    #[command(hide = true, alias = "remove_proxy")]
    RemoveProxy(RemoveProxyArgs),
    /// Take all such accounts out of the address book
    #[command(hide = true, alias = "clear_proxies")]
    ClearProxies,
}

/// `btctl config get`
#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    /// What; without it, everything
    #[arg(value_parser = Key::named)]
    name: Option<Key>,
}

/// `btctl config set`
#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    /// What; `config get` lists it
    #[arg(value_parser = Key::named, requires = "value", required_unless_present_any = FLAGS)]
    name: Option<Key>,
    /// The value
    #[arg(allow_hyphen_values = true)]
    value: Option<String>,
    #[command(flatten)]
    flags: SetFlags,
}

const FLAGS: [&str; 14] = [
    "wallet_name",
    "wallet_hotkey",
    "rate_tolerance",
    "safe",
    "no_safe",
    "partial",
    "no_partial",
    "network",
    "wallet_path",
    "cache",
    "no_cache",
    "disk_cache",
    "no_disk_cache",
    "dashboard_path",
];

/// The same as flags, as the Python command line has them.
#[derive(Args, Debug)]
struct SetFlags {
    /// The same as `config set wallet_name`
    #[arg(long, short = 'w', value_name = "NAME", aliases = ["wallet", "wallet.name", "wallet_name", "name"])]
    wallet_name: Option<String>,
    /// The same as `config set wallet_hotkey`
    #[arg(long, short = 'H', value_name = "NAME", aliases = ["hotkey", "wallet.hotkey", "wallet_hotkey"])]
    wallet_hotkey: Option<String>,
    /// The same as `config set rate_tolerance`
    #[arg(long, value_name = "SHARE", aliases = ["tolerance", "rate_tolerance", "limit"])]
    rate_tolerance: Option<String>,
    /// The same as `config set safe_staking true`
    #[arg(long = "safe-staking", aliases = ["safe", "safe_staking"])]
    safe: bool,
    /// The same as `config set safe_staking false`
    #[arg(long = "no-safe-staking", aliases = ["unsafe", "no_safe_staking"], conflicts_with = "safe")]
    no_safe: bool,
    /// The same as `config set allow_partial_stake true`
    #[arg(long = "allow-partial-stake", aliases = ["partial", "allow_partial_stake", "allow"])]
    partial: bool,
    /// The same as `config set allow_partial_stake false`
    #[arg(long = "no-allow-partial-stake", aliases = ["no-partial", "no_allow_partial_stake", "not-allow"], conflicts_with = "partial")]
    no_partial: bool,
    #[command(flatten)]
    elsewhere: ElsewhereFlags,
}

/// What the Python command line sets there and this one does not: it is refused, or said to have no meaning.
#[derive(Args, Debug)]
struct ElsewhereFlags {
    #[arg(long, hide = true, aliases = ["subtensor.network", "chain", "subtensor.chain_endpoint", "chain_endpoint"])]
    network: Option<String>,
    #[arg(long, short = 'p', hide = true, aliases = ["wallet.path", "wallet_path"])]
    wallet_path: Option<String>,
    #[arg(long, hide = true)]
    cache: bool,
    #[arg(long, hide = true, alias = "no_cache", conflicts_with = "cache")]
    no_cache: bool,
    #[arg(long, hide = true, alias = "disk_cache")]
    disk_cache: bool,
    #[arg(long, hide = true, alias = "no_disk_cache", conflicts_with = "disk_cache")]
    no_disk_cache: bool,
    #[arg(long, hide = true, aliases = ["dashboard_path", "dash_path", "dash.path", "dashboard.path"])]
    dashboard_path: Option<String>,
}

/// `btctl config clear`
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct ClearArgs {
    /// What
    #[arg(value_parser = Key::named)]
    name: Option<Key>,
    /// Everything
    #[arg(long)]
    all: bool,
    /// The same as `config clear wallet_name`
    #[arg(long, short = 'w', hide = true, aliases = ["wallet", "wallet.name", "wallet_name", "name"])]
    wallet_name: bool,
    /// The same as `config clear wallet_hotkey`
    #[arg(long, short = 'H', hide = true, aliases = ["hotkey", "wallet.hotkey", "wallet_hotkey"])]
    wallet_hotkey: bool,
    /// The same as `config clear rate_tolerance`
    #[arg(long, hide = true, aliases = ["tolerance", "rate_tolerance", "limit"])]
    rate_tolerance: bool,
    /// The same as `config clear safe_staking`
    #[arg(long, hide = true, aliases = ["safe", "safe_staking", "no-safe-staking", "unsafe"])]
    safe_staking: bool,
    /// The same as `config clear allow_partial_stake`
    #[arg(
        long,
        hide = true,
        aliases = [
            "partial", "allow_partial_stake", "allow", "no-allow-partial-stake", "no-partial", "not-allow",
        ]
    )]
    allow_partial_stake: bool,
    #[arg(long, hide = true, aliases = ["subtensor.network", "chain", "subtensor.chain_endpoint"])]
    network: bool,
    #[arg(long, short = 'p', hide = true, aliases = ["wallet.path", "wallet_path"])]
    wallet_path: bool,
    #[arg(long, hide = true, aliases = ["no-cache", "no_cache", "disk-cache", "no-disk-cache"])]
    cache: bool,
    /// The Python command line wants a path there, which says nothing.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", aliases = ["dashboard_path", "dash_path", "dash.path", "dashboard.path"])]
    dashboard_path: Option<String>,
}

/// `btctl config show`
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Tell where each value comes from
    #[arg(long)]
    origin: bool,
    /// What is set somewhere only, without defaults
    #[arg(long)]
    set: bool,
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let load = || {
            Preferences::load(&settings::environment).and_then(|known| known.with(session.settings.defaults.as_deref()))
        };
        let known = load()?;
        match self {
            Self::Get(args) => get(&known, args.name, session),
            Self::Set(args) => {
                args.flags.elsewhere.named().settle(session, args.sets_something())?;
                let mut values = own(&known)?;
                for (key, value) in args.pairs() {
                    key.check(&value).map_err(|why| Failure::usage(format!("{}: {why}", key.name())))?;
                    values.1.insert(key, value);
                }
                preferences::write(&values.0, &values.1)?;
                get(&load()?, None, session)
            }
            Self::Clear(args) => {
                args.elsewhere().settle(session, args.clears_something())?;
                let mut values = own(&known)?;
                values.1.retain(|key, _| !args.clears(*key));
                preferences::write(&values.0, &values.1)?;
                get(&load()?, None, session)
            }
            Self::Show(args) => show(&known, &args, session).await,
            Self::Proxies => proxies::list(session),
            Self::AddProxy(args) => proxies::add(args, session),
            Self::UpdateProxy(args) => proxies::update(args, session),
            Self::RemoveProxy(args) => proxies::remove(&args, session),
            Self::ClearProxies => proxies::clear(session),
        }
    }
}

type Own = (std::path::PathBuf, std::collections::BTreeMap<Key, String>);

fn own(known: &Preferences) -> Result<Own, Failure> {
    let path = known.own.clone().ok_or_else(|| Failure::usage("there is no home for btctl's own file: set HOME"))?;
    let values = preferences::read(&path)?;
    Ok((path, values))
}

/// Names of settings that are not btctl's.
#[derive(Debug, Default)]
struct Elsewhere(Vec<&'static str>);

impl Elsewhere {
    /// Says that they have no meaning, where there is something `else` to do.
    ///
    /// # Errors
    /// When one of them is the daemon's: then nothing may be changed as if all had been. When there is nothing else.
    fn settle(self, session: &Session, has_more: bool) -> Result<(), Failure> {
        const THE_DAEMONS: [&str; 2] = ["network", "wallet_path"];
        for name in self.0 {
            // None of them is a key.
            let why = Key::named(name).err().unwrap_or_default();
            if !has_more || THE_DAEMONS.contains(&name) {
                return Err(Failure::usage(format!("{why}; nothing was changed")));
            }
            session.out.note(format!("note: {why}"));
        }
        Ok(())
    }
}

impl ElsewhereFlags {
    fn named(&self) -> Elsewhere {
        let flags = [
            ("network", self.network.is_some()),
            ("wallet_path", self.wallet_path.is_some()),
            ("use_cache", self.cache || self.no_cache),
            ("disk_cache", self.disk_cache || self.no_disk_cache),
            ("dashboard_path", self.dashboard_path.is_some()),
        ];
        Elsewhere(flags.into_iter().filter_map(|(name, given)| given.then_some(name)).collect())
    }
}

impl ClearArgs {
    fn elsewhere(&self) -> Elsewhere {
        let flags = [
            ("network", self.network),
            ("wallet_path", self.wallet_path),
            ("use_cache", self.cache),
            ("dashboard_path", self.dashboard_path.is_some()),
        ];
        Elsewhere(flags.into_iter().filter_map(|(name, given)| given.then_some(name)).collect())
    }

    fn clears_something(&self) -> bool {
        Key::ALL.iter().any(|key| self.clears(*key))
    }

    fn clears(&self, key: Key) -> bool {
        let flag = match key {
            Key::WalletName => self.wallet_name,
            Key::WalletHotkey => self.wallet_hotkey,
            Key::RateTolerance => self.rate_tolerance,
            Key::SafeStaking => self.safe_staking,
            Key::AllowPartialStake => self.allow_partial_stake,
            Key::Socket | Key::Timeout | Key::Json | Key::Quiet => false,
        };
        self.all || flag || self.name == Some(key)
    }
}

impl SetArgs {
    fn sets_something(&self) -> bool {
        let flags = &self.flags;
        self.name.is_some()
            || [&flags.wallet_name, &flags.wallet_hotkey, &flags.rate_tolerance].into_iter().any(Option::is_some)
            || [flags.safe, flags.no_safe, flags.partial, flags.no_partial].contains(&true)
    }

    fn pairs(self) -> Vec<(Key, String)> {
        let word = |given: bool, value: &str| given.then(|| value.to_owned());
        let flags = self.flags;
        let pairs = [
            (self.name, self.value),
            (Some(Key::WalletName), flags.wallet_name),
            (Some(Key::WalletHotkey), flags.wallet_hotkey),
            (Some(Key::RateTolerance), flags.rate_tolerance),
            (Some(Key::SafeStaking), word(flags.safe, "true").or(word(flags.no_safe, "false"))),
            (Some(Key::AllowPartialStake), word(flags.partial, "true").or(word(flags.no_partial, "false"))),
        ];
        pairs.into_iter().filter_map(|(key, value)| Some((key?, value?))).collect()
    }
}

fn get(known: &Preferences, only: Option<Key>, session: &Session) -> Result<Exit, Failure> {
    let keys = Key::ALL.iter().copied().filter(|key| only.is_none_or(|only| only == *key));
    let told: Vec<_> = keys.map(|key| (key, known.effective(key, &settings::environment))).collect();
    match session.out.format() {
        Format::Json => {
            let members = told.iter().map(|(key, (value, origin))| {
                (key.name().to_owned(), json!({ "value": value, "default": key.usual(), "origin": origin.to_string() }))
            });
            let document: serde_json::Map<String, serde_json::Value> = members.collect();
            session.out.document(&serde_json::Value::Object(document).to_string())?;
        }
        Format::Human => {
            let mut table =
                Table::new(&[Column::text("NAME"), Column::text("VALUE"), Column::text("MEANING").leaves(1)]);
            for (key, (value, _)) in &told {
                let value = value.clone().unwrap_or_else(|| format!("(default: {})", key.usual()));
                table.row(&[key.name().to_owned(), value, key.meaning().to_owned()]);
            }
            session.out.data(&table.render(session.out.page()))?;
        }
    }
    Ok(Exit::Success)
}

/// The directory of wallets that is asked for, as the Python command lines call it.
const ASKED: &str = "wallet_path";

async fn show(known: &Preferences, args: &ShowArgs, session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<Show>(&Nothing {}).await?.read()?;
    let told = Key::ALL.iter().map(|key| (*key, known.effective(*key, &settings::environment)));
    let told: Vec<_> = told.filter(|(_, (value, _))| !args.set || value.is_some()).collect();
    let daemon: Vec<_> = reply.settings.iter().filter(|one| !args.set || one.origin != "default").collect();
    // No setting of btctl's: whether it is the daemon's own directory is seen before anything is done with a wallet.
    let wallets = session.settings.wallets.as_ref().map(wallets::Asked::told);
    match session.out.format() {
        Format::Json => {
            let mut client: Vec<_> = told
                .iter()
                .map(|(key, (value, origin))| {
                    let value = value.clone().unwrap_or_else(|| key.usual().to_owned());
                    json!({ "key": key.name(), "value": value, "origin": origin.to_string() })
                })
                .collect();
            client.extend(wallets.map(|(path, origin)| json!({ "key": ASKED, "value": path, "origin": origin })));
            session.out.document(&json!({ "btctl": client, "btd": daemon }).to_string())?;
        }
        Format::Human => {
            let rows = told.into_iter().map(|(key, (value, origin))| {
                let value = value.unwrap_or_else(|| key.usual().to_owned());
                [format!("btctl: {}", key.name()), value, origin.to_string()]
            });
            let wallets = wallets.map(|(path, origin)| [format!("btctl: {ASKED}"), path, origin]);
            let settings = DaemonSettings { settings: daemon.into_iter().cloned().collect() };
            let text = render(rows.chain(wallets).chain(daemon_rows(&settings)), args.origin, session.out.page());
            session.out.data(&text)?;
        }
    }
    Ok(Exit::Success)
}

fn daemon_rows(settings: &DaemonSettings) -> impl Iterator<Item = [String; 3]> + '_ {
    settings.settings.iter().map(|one| {
        let value = one.value.as_str().map_or_else(|| one.value.to_string(), str::to_owned);
        [one.key.clone(), value, one.origin.clone()]
    })
}

fn render(rows: impl Iterator<Item = [String; 3]>, origin: bool, page: Page) -> String {
    if origin {
        let mut table = Table::new(&[Column::text("SETTING"), Column::text("VALUE"), Column::text("ORIGIN")]);
        rows.for_each(|row| table.row(&row));
        return table.render(page);
    }
    let mut table = Table::new(&[Column::text("SETTING"), Column::text("VALUE")]);
    rows.for_each(|[key, value, _]| table.row(&[key, value]));
    table.render(page)
}
