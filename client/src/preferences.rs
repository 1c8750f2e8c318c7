//! What is set for `btctl` once and for all, and where it is set: its own file, and the
//! `config.yml` of the Python command line, which is read as it is and never written.
//!
//! Its own file is JSON, one object, in `$XDG_CONFIG_HOME/btd/btctl.json`. The daemon's settings are
//! its own affair; see `config show`.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use btd_api::{HotkeyName, Ratio, WalletName};
use serde_json::Value;

use crate::{args, failure::Failure, output::file, settings::Environment};

/// Declares what can be set: name, the variables that come first, default, meaning.
macro_rules! keys {
    ($($key:ident = $name:literal, [$($variable:literal),*], $usual:literal, $meaning:literal;)+) => {
        /// Something that can be set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Key {
            $(#[doc = $meaning] $key,)+
        }

        impl Key {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$key),+];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$key => $name,)+ }
            }

            /// The variables of the environment that say it, the first of them before the others.
            pub(crate) const fn variables(self) -> &'static [&'static str] {
                match self { $(Self::$key => &[$($variable),*],)+ }
            }

            /// What holds where nothing is set, in words.
            pub(crate) const fn usual(self) -> &'static str {
                match self { $(Self::$key => $usual,)+ }
            }

            pub(crate) const fn meaning(self) -> &'static str {
                match self { $(Self::$key => $meaning,)+ }
            }
        }
    };
}

keys! {
    WalletName = "wallet_name", ["BT_WALLET_NAME", "BT_WALLET"], "default", "the wallet where none is named";
    WalletHotkey = "wallet_hotkey", ["BT_WALLET_HOTKEY"], "default", "the hotkey where none is named";
    Socket = "socket", ["BTD_SOCKET"], "the user's own daemon, else the host's", "the daemon's socket";
    Timeout = "timeout", [], "30s for reads, 20m for what is signed", "how long to wait for the daemon";
    Json = "json", [], "false", "answers as JSON documents";
    Quiet = "quiet", [], "false", "standard error for questions, warnings and failures only";
    RateTolerance = "rate_tolerance", [], "0.005", "how far a price may move against a trade";
    SafeStaking = "safe_staking", [], "true", "trades keep to a bound";
    AllowPartialStake = "allow_partial_stake", [], "false", "trades the part that fits the bound";
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A variable of the environment.
    Variable(&'static str),
    /// A file.
    File(PathBuf),
    /// Nothing says it.
    Default,
}

/// What the files say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preferences {
    /// Btctl's own file, whether or not it is there; none without a home.
    pub(crate) own: Option<PathBuf>,
    /// The network that files of the Python command lines name, and which of them.
    pub(crate) network: Option<(String, PathBuf)>,
    /// The directory of wallets that they name, and which of them.
    pub(crate) wallets: Option<(String, PathBuf)>,
    values: BTreeMap<Key, (String, PathBuf)>,
}

// === impl Key ===

impl Key {
    /// The key of that name, or of one that the Python command lines use for it.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let plain = name.trim_start_matches("--").replace(['-', '.'], "_");
        let name = match plain.as_str() {
            "wallet" | "name" => "wallet_name",
            "hotkey" => "wallet_hotkey",
            "tolerance" | "limit" => "rate_tolerance",
            "safe" => "safe_staking",
            "partial" => "allow_partial_stake",
            other => other,
        };
        Self::ALL.iter().copied().find(|key| key.name() == name).ok_or_else(|| match name {
            "network"
            | "subtensor_network"
            | "subtensor_chain_endpoint"
            | "chain_endpoint"
            | "chain"
            | "wallet_path"
            | "archive_endpoints"
            | "fallback_endpoints" => {
                format!("`{name}` is a setting of the daemon: see `btctl config show`, and btd.toml")
            }
            "use_cache" | "cache" | "disk_cache" => {
                format!("`{name}` has no meaning here: btd itself keeps what it reads of the chain, for all programs")
            }
            "dashboard_path" | "dash_path" | "html_path" => {
                format!("`{name}` has no meaning here: no page is drawn; `wallet overview` and `stake list` have what it shows")
            }
            _ if name.starts_with("metagraph_cols") => {
                format!("`{name}` has no meaning here: `subnets metagraph --columns` names the columns, each time")
            }
            _ => {
                let names: Vec<&str> = Self::ALL.iter().map(|key| key.name()).collect();
                format!("nothing is called `{name}`: there are {}", names.join(", "))
            }
        })
    }

    /// Refuses what the key cannot mean.
    pub(crate) fn check(self, value: &str) -> Result<(), String> {
        match self {
            Self::WalletName => value.parse::<WalletName>().map(drop).map_err(|error| error.to_string()),
            Self::WalletHotkey => value.parse::<HotkeyName>().map(drop).map_err(|error| error.to_string()),
            Self::Timeout => args::duration(value).map(drop),
            Self::RateTolerance => value.parse::<Ratio>().map(drop).map_err(|error| error.to_string()),
            Self::Json | Self::Quiet | Self::SafeStaking | Self::AllowPartialStake => match truth(value) {
                Some(_) => Ok(()),
                None => Err(format!("`{value}` is neither `true` nor `false`")),
            },
            Self::Socket if value.is_empty() => Err("a socket has a path".to_owned()),
            Self::Socket => Ok(()),
        }
    }
}

fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::File(path) => path.display().fmt(f),
            Self::Default => f.write_str("default"),
        }
    }
}

// === impl Preferences ===

/// Where btctl keeps its own files; none without a home.
pub(crate) fn directory(environment: Environment<'_>) -> Option<PathBuf> {
    let home = || environment("HOME").map(|home| Path::new(&home).join(".config"));
    let configured = environment("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    configured.or_else(home).map(|directory| directory.join("btd"))
}

impl Preferences {
    /// Reads the files that are there.
    ///
    /// # Errors
    /// When btctl's own file is not what it should be. That of others is taken for what it has.
    pub(crate) fn load(environment: Environment<'_>) -> Result<Self, Failure> {
        let mut values = BTreeMap::new();
        let python = environment("BTCLI_CONFIG_PATH")
            .map(PathBuf::from)
            .or_else(|| environment("HOME").map(|home| Path::new(&home).join(".bittensor").join("config.yml")));
        let (mut network, mut wallets) = (None, None);
        if let Some((path, text)) = python.and_then(|path| fs::read_to_string(&path).ok().map(|text| (path, text))) {
            let known = scalars(&text).filter(|(key, value)| key.check(value).is_ok());
            values.extend(known.map(|(key, value)| (key, (value, path.clone()))));
            network = network_of(&text).map(|network| (network, path.clone()));
            wallets = wallets_of(&text).map(|wallets| (wallets, path));
        }
        let own = directory(environment).map(|directory| directory.join("btctl.json"));
        if let Some(path) = &own {
            values.extend(read(path)?.into_iter().map(|(key, value)| (key, (value, path.clone()))));
        }
        Ok(Self { own, network, wallets, values })
    }

    /// The same, with what `file` says before all of it: YAML of the Python command lines, which may say
    /// more than is known here.
    ///
    /// # Errors
    /// When it cannot be read, or gives a known key a value that it cannot have.
    pub(crate) fn with(mut self, file: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = file else { return Ok(self) };
        let refused = |why: String| Failure::usage(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        for (key, value) in scalars(&text) {
            key.check(&value).map_err(|why| refused(format!("{}: {why}", key.name())))?;
            self.values.insert(key, (value, path.to_owned()));
        }
        if let Some(network) = network_of(&text) {
            self.network = Some((network, path.to_owned()));
        }
        if let Some(wallets) = wallets_of(&text) {
            self.wallets = Some((wallets, path.to_owned()));
        }
        Ok(self)
    }

    /// What the files say of `key`.
    pub(crate) fn get(&self, key: Key) -> Option<&str> {
        self.values.get(&key).map(|(value, _)| value.as_str())
    }

    /// The same, where it is yes or no.
    pub(crate) fn is_set(&self, key: Key) -> Option<bool> {
        self.get(key).and_then(truth)
    }

    /// The value of `key` and where it comes from, variables counted, flags not.
    pub(crate) fn effective(&self, key: Key, environment: Environment<'_>) -> (Option<String>, Origin) {
        for variable in key.variables() {
            if let Some(value) = environment(variable) {
                return (Some(value.to_string_lossy().into_owned()), Origin::Variable(variable));
            }
        }
        match self.values.get(&key) {
            Some((value, path)) => (Some(value.clone()), Origin::File(path.clone())),
            None => (None, Origin::Default),
        }
    }
}

/// What btctl's own file at `path` says; nothing where it is not there.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<Key, String>, Failure> {
    let refused = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(refused(error.to_string())),
    };
    let document: BTreeMap<String, Value> = serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
    let mut values = BTreeMap::new();
    for (name, value) in document {
        let key = Key::named(&name).map_err(refused)?;
        let value = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        key.check(&value).map_err(|why| refused(format!("{name}: {why}")))?;
        values.insert(key, value);
    }
    Ok(values)
}

/// Writes btctl's own file whole, or leaves it as it was.
pub(crate) fn write(path: &Path, values: &BTreeMap<Key, String>) -> Result<(), Failure> {
    let document: BTreeMap<&str, &String> = values.iter().map(|(key, value)| (key.name(), value)).collect();
    save(path, &serde_json::to_string_pretty(&document).unwrap_or_default())
}

/// Replaces the file at `path` by one with this text, in one step.
///
/// # Errors
/// When the directory or the file cannot be written.
pub(crate) fn save(path: &Path, text: &str) -> Result<(), Failure> {
    let written = || -> io::Result<()> {
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        // Whom one pays is nobody else's to read, or to change.
        file::put(path, format!("{text}\n").as_bytes(), file::Mode::Forced(0o600))
    };
    written().map_err(|source| Failure::File { path: path.to_owned(), source })
}

/// What of it can be set here.
fn scalars(text: &str) -> impl Iterator<Item = (Key, String)> + '_ {
    plain(text).filter_map(|(name, value)| Some((Key::named(&name).ok()?, value)))
}

/// The network that a file of the Python command lines names: an endpoint before a name, as they read it.
fn network_of(text: &str) -> Option<String> {
    first_of(text, &["subtensor.chain_endpoint", "subtensor.network", "network"])
}

/// The directory of wallets that it names.
fn wallets_of(text: &str) -> Option<String> {
    first_of(text, &["wallet.path", "wallet_path"])
}

/// What the document says under the first of these names that it has; of several times the last.
fn first_of(text: &str, names: &[&str]) -> Option<String> {
    let named = |name: &&str| plain(text).filter(|(known, _)| known == name).map(|(_, value)| value).last();
    names.iter().find_map(named)
}

/// The plain values of a YAML document: `key: value` at its top, and the same one step below a `section:`, as
/// `section.key`. What is null or nested further is left out.
fn plain(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let mut section = String::new();
    let mut step = None;
    text.lines().filter_map(move |line| {
        let inner = line.trim_start();
        let (name, value) = inner.split_once(':').filter(|_| !inner.starts_with(['#', '-']))?;
        let value = value.split(" #").next()?.trim().trim_matches(['"', '\'']);
        let is_top = inner.len() == line.len();
        if is_top {
            section = if value.is_empty() { name.trim().to_owned() } else { String::new() };
            step = None;
        } else if *step.get_or_insert(line.len() - inner.len()) != line.len() - inner.len() {
            return None;
        }
        let name = if is_top { name.trim().to_owned() } else { format!("{section}.{}", name.trim()) };
        (!value.is_empty() && !matches!(value, "null" | "~")).then(|| (name, value.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn load(home: &Path, variables: &[(&str, &str)]) -> Result<Preferences, Failure> {
        let home = home.to_owned();
        let variables = variables.to_vec();
        Preferences::load(&move |name: &str| match name {
            "HOME" => Some(home.clone().into()),
            name => variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into()),
        })
    }

    #[test]
    fn its_own_file_comes_before_that_of_the_python_command_line() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".bittensor")).unwrap();
        let theirs = "wallet_name: theirs\nwallet_hotkey: 'h1' # mine\nnetwork: finney\nrate_tolerance: 0.01\nsafe_staking: null\nmetagraph_cols:\n  UID: true\n";
        fs::write(home.path().join(".bittensor").join("config.yml"), theirs).unwrap();
        let mut values = BTreeMap::new();
        values.insert(Key::WalletName, "mine".to_owned());
        values.insert(Key::Json, "true".to_owned());
        let own = home.path().join(".config").join("btd").join("btctl.json");
        write(&own, &values).unwrap();
        let preferences = load(home.path(), &[]).unwrap();
        assert_eq!(preferences.get(Key::WalletName), Some("mine"));
        assert_eq!(
            (preferences.get(Key::WalletHotkey), preferences.get(Key::RateTolerance)),
            (Some("h1"), Some("0.01"))
        );
        let of_file = preferences.network.clone().map(|(network, _)| network);
        assert_eq!(of_file.as_deref(), Some("finney"));
        assert_eq!(preferences.wallets, None);
        assert_eq!((preferences.is_set(Key::Json), preferences.is_set(Key::SafeStaking)), (Some(true), None));
        let (value, origin) = preferences.effective(Key::WalletName, &|_| None);
        assert_eq!((value.as_deref(), origin), (Some("mine"), Origin::File(own.clone())));
        let variable = |name: &str| (name == "BT_WALLET").then(|| "env".into());
        assert_eq!(
            preferences.effective(Key::WalletName, &variable),
            (Some("env".into()), Origin::Variable("BT_WALLET"))
        );

        fs::write(&own, "{\"wallet_name\": \"../x\"}").unwrap();
        let failure = load(home.path(), &[]).unwrap_err().to_string();
        assert!(failure.contains("btctl.json: wallet_name: "), "{failure}");
    }

    #[test]
    fn its_own_file_is_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let own = home.path().join("btctl.json");
        fs::write(&own, "{}").unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o664)).unwrap();
        write(&own, &BTreeMap::from([(Key::WalletName, "mine".to_owned())])).unwrap();
        assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_named_comes_before_the_others() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("mine.yml");
        fs::write(&file, "wallet:\n  name: mine\n  path: /x\n  other:\n    hotkey: deep\nsubtensor:\n  network: finney\nrate_tolerance: 0.01\n")
            .unwrap();
        let preferences = load(home.path(), &[]).unwrap().with(Some(&file)).unwrap();
        assert_eq!(
            (preferences.get(Key::WalletName), preferences.get(Key::RateTolerance), preferences.get(Key::WalletHotkey)),
            (Some("mine"), Some("0.01"), None)
        );
        assert_eq!(preferences.network, Some(("finney".to_owned(), file.clone())));
        assert_eq!(preferences.wallets, Some(("/x".to_owned(), file.clone())));
        let failure = |text: &str| {
            fs::write(&file, text).unwrap();
            load(home.path(), &[]).unwrap().with(Some(&file)).unwrap_err().to_string()
        };
        assert!(failure("rate_tolerance: 2\n").contains("mine.yml: rate_tolerance: "));
        assert!(load(home.path(), &[]).unwrap().with(Some(&home.path().join("none.yml"))).is_err());
    }

    #[test]
    fn names_are_taken_as_they_are_typed_elsewhere() {
        for (name, key) in [
            ("wallet.name", Key::WalletName),
            ("--hotkey", Key::WalletHotkey),
            ("rate-tolerance", Key::RateTolerance),
            ("safe_staking", Key::SafeStaking),
        ] {
            assert_eq!(Key::named(name), Ok(key), "{name}");
        }
        assert!(Key::named("network").unwrap_err().contains("a setting of the daemon"));
        for name in ["use_cache", "--disk-cache", "dashboard-path", "metagraph_cols.UID"] {
            assert!(Key::named(name).unwrap_err().contains("no meaning here"), "{name}");
        }
        assert!(Key::named("colour").unwrap_err().contains("wallet_name, "));
        assert!(Key::RateTolerance.check("2").is_err() && Key::Json.check("maybe").is_err());
    }
}
