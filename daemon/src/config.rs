//! Configuration: default < network preset < file < `BTD_*` variable < flag.
//!
//! Each part of the daemon owns its own settings type; [`Config`] is their sum. This module alone
//! reads files of settings and the environment. What users change while btd runs (unlocked keys,
//! a started axon) is state behind the control API and not here.
//!
//! The variable of a key is `BTD_`, its path in capitals with `__` between the levels: `rpc.max_batch`
//! is `BTD_RPC__MAX_BATCH`. A list is written with commas. An empty variable counts as unset.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{axon, dendrite, ledger, logs, rpc, serving, submit, supervisor};

pub mod directories;
mod endpoints;
mod environment;
mod error;
mod layers;
mod network;

pub use directories::Directories;
pub use environment::{Credentials, Environment};
pub use error::ConfigError;
pub use network::{Network, NetworkError};

/// Every setting of the daemon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The chain to follow: `finney`, `test`, `archive`, `local`, `devnet`, or a `ws://` or `wss://` URL.
    pub network: Network,
    /// Where files are kept.
    pub directories: directories::Config,
    /// The log.
    pub log: logs::Config,
    /// Stopping.
    pub supervisor: supervisor::Config,
    /// The control API.
    pub rpc: rpc::Config,
    /// The link to the chain. The network's preset names the endpoints, behind nodes of one's own; a network given as a
    /// URL is the first of them, and those stay that are said in the same place or above it.
    pub chain: btd_chain::LinkConfig,
    /// Pages of the cache in memory.
    pub cache: CacheConfig,
    /// How long keys stay unlocked.
    pub keys: KeysConfig,
    /// Extrinsics.
    pub submit: submit::Config,
    /// What is kept of what happened to the accounts of this host.
    pub ledger: ledger::Config,
    /// Whether btd serves from its start, and as whom.
    pub serving: serving::Config,
    /// The axon.
    pub axon: axon::Config,
    /// The dendrite.
    pub dendrite: dendrite::Config,
    /// The embedded development chain, which runs when `network` is `devnet`.
    pub devnet: btd_devnet::Config,
}

/// Settings of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Memory for its pages, in MiB.
    pub memory_mib: u16,
    /// The past of metagraphs that is kept, in MiB; 0 keeps none.
    pub history_mib: u16,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { memory_mib: 8, history_mib: 64 }
    }
}

/// Settings of the keys' custody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeysConfig {
    /// The signer's program, which btd starts. Else `$BTD_SIGNER`, `btd-signer` beside btd.
    pub signer: Option<PathBuf>,
    /// The directory with the sockets of a signer that runs as a service of its own; btd starts none then.
    pub signer_sockets: Option<PathBuf>,
    /// How long a key stays unlocked when the caller does not say, in seconds.
    pub unlock_s: u32,
    /// How long it may stay unlocked at most, in seconds.
    pub max_unlock_s: u32,
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self { signer: None, signer_sockets: None, unlock_s: 300, max_unlock_s: 900 }
    }
}

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The file to read; without it, the one that `BTD_CONFIG` names, or none.
    pub file: Option<PathBuf>,
    /// Keys set by flags: the flag, the path of the key, the value.
    pub settings: Vec<Setting>,
}

/// One key set by a flag.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The flag, as it is written: `--network`.
    pub flag: &'static str,
    /// The path of the key: `rpc.socket`.
    pub key: &'static str,
    /// The value.
    pub value: String,
}

/// A setting as it holds, and where it is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The path of its key: `rpc.socket`.
    pub key: String,
    /// Its value.
    pub value: serde_json::Value,
    /// The file, the variable, the flag or the preset that says it; `default` where nothing does.
    pub origin: String,
}

/// Reads every layer and checks it; tells beside the whole where each setting is said.
///
/// # Errors
/// See [`load`].
pub fn load_with_origins(flags: &Flags, environment: &Environment) -> Result<(Config, Vec<Effective>), ConfigError> {
    layers::load(flags, environment)
}

/// Reads every layer and checks it.
///
/// # Errors
/// When a file cannot be read, a key is unknown or a value does not fit; the error names the
/// source, the key and the value.
pub fn load(flags: &Flags, environment: &Environment) -> Result<Config, ConfigError> {
    load_with_origins(flags, environment).map(|(config, _)| config)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use btd_chain::LinkConfig;
    use serde_json::Value;

    use super::*;

    const FILE: &str = include_str!("../../config/btd.toml");

    fn with_file(text: &str, variables: &[(&str, &str)], settings: Vec<Setting>) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("btd.toml");
        fs::write(&path, text).unwrap();
        load(&Flags { file: Some(path), settings }, &Environment::of(variables)).map_err(|error| error.to_string())
    }

    fn network(value: &str) -> Setting {
        Setting { flag: "--network", key: "network", value: value.into() }
    }

    #[test]
    fn each_layer_overrides_the_one_below() {
        let file = "network = \"test\"\n[rpc]\nmax_batch = 7\nmax_connections = 8\n";
        let variables = [("BTD_RPC__MAX_CONNECTIONS", "9"), ("BTD_NETWORK", "local"), ("UNRELATED", "x")];
        assert_eq!(Config::default().network, Network::Finney);
        let config = with_file(file, &[], vec![]).unwrap();
        assert_eq!((config.network, config.rpc.max_batch, config.rpc.max_connections), (Network::Test, 7, 8));
        let config = with_file(file, &variables, vec![]).unwrap();
        assert_eq!((config.network, config.rpc.max_batch, config.rpc.max_connections), (Network::Local, 7, 9));
        let config = with_file(file, &variables, vec![network("devnet")]).unwrap();
        assert_eq!(config.network, Network::Devnet);
    }

    #[test]
    fn every_network_brings_its_endpoints() {
        for (name, endpoint) in [
            ("finney", "wss://entrypoint-finney.opentensor.ai:443"),
            ("test", "wss://test.finney.opentensor.ai:443"),
            ("archive", "wss://archive.chain.opentensor.ai:443"),
            ("local", "ws://127.0.0.1:9944"),
            ("ws://node.example:9944", "ws://node.example:9944"),
        ] {
            let config = with_file("", &[], vec![network(name)]).unwrap();
            assert_eq!(config.chain.endpoints[0].url(), endpoint, "{name}");
        }
        let chosen = |file: &str, variables: &[_], settings| {
            let endpoints = with_file(file, variables, settings).unwrap().chain.endpoints;
            endpoints.iter().map(|endpoint| endpoint.url().to_owned()).collect::<Vec<_>>()
        };
        let file = "network = \"ws://a\"\n[chain]\nendpoints = [\"ws://b\", \"ws://a\", \"ws://c\"]\n";
        assert_eq!(chosen(file, &[], vec![]), ["ws://a", "ws://b", "ws://c"]);
        assert_eq!(chosen(file, &[("BTD_CHAIN__ENDPOINTS", "ws://d")], vec![]), ["ws://a", "ws://d"]);
        assert_eq!(chosen(file, &[], vec![network("ws://e")]), ["ws://e"], "the file's are of its own network");
        assert_eq!(chosen("network = \"ws://a\"\n", &[], vec![]), ["ws://a"]);
        let genesis = |name| with_file("", &[], vec![network(name)]).unwrap().chain.genesis;
        assert!(genesis("finney").is_some() && genesis("finney") == genesis("archive"));
        assert!(genesis("test").is_some() && genesis("test") != genesis("finney"));
        assert_eq!(with_file("", &[], vec![network("devnet")]).unwrap().network, Network::Devnet);
    }

    /// The URLs of the nodes of one's own, the other endpoints, and the archives.
    fn nodes(file: &str, variables: &[(&str, &str)], settings: Vec<Setting>) -> [Vec<String>; 3] {
        let chain = with_file(file, variables, settings).unwrap().chain;
        [chain.own, chain.endpoints, chain.archives].map(|list| list.iter().map(|one| one.url().to_owned()).collect())
    }

    #[test]
    fn nodes_of_ones_own_stand_in_front_of_the_public_ones() {
        let [_, public, archives] = nodes("", &[], vec![]);
        let own = vec!["ws://own.example".to_owned()];
        let file = "[chain]\nown = [\"ws://own.example\"]\n";
        let with_own = [own.clone(), public.clone(), archives.clone()];
        assert_eq!(nodes(file, &[], vec![]), with_own);
        assert_eq!(nodes("", &[("BTD_CHAIN__OWN", "ws://own.example")], vec![network("finney")]), with_own);
        // The public ones are left out where they are not wanted, and what is said beside them stays.
        let alone = format!("{file}fallback = false\n");
        assert_eq!(nodes(&alone, &[], vec![]), [own.clone(), vec![], vec![]]);
        let variables = [("BTD_CHAIN__ENDPOINTS", "ws://other.example")];
        assert_eq!(nodes(&alone, &variables, vec![]), [own.clone(), vec!["ws://other.example".to_owned()], vec![]]);
        assert_eq!(nodes("[chain]\nfallback = false\n", &[], vec![]), [vec![], public, archives.clone()]);
        // Of the network that is all archives, they are asked for what one's own node has thrown away.
        let [_, all, none] = nodes("", &[], vec![network("archive")]);
        assert_eq!(none, Vec::<String>::new(), "each is followed, and need not be asked twice");
        assert_eq!(nodes(file, &[], vec![network("archive")]), [own.clone(), all.clone(), all.clone()]);
        let of_finney = format!("network = \"finney\"\n{file}");
        assert_eq!(nodes(&of_finney, &[], vec![network("archive")]), [own.clone(), all.clone(), all]);
        assert_eq!(nodes(&alone, &[], vec![network("archive")]), [own.clone(), vec![], vec![]]);
        // A list of endpoints is the whole of them.
        let file = "[chain]\nendpoints = [\"ws://own.example\"]\n";
        assert_eq!(nodes(file, &[], vec![]), [vec![], own, archives]);
    }

    #[test]
    fn what_is_said_of_one_network_is_not_taken_for_another() {
        let file = "network = \"finney\"\n[chain]\nown = [\"ws://own\"]\nendpoints = [\"ws://a\"]\narchives = [\"ws://b\"]\n\
                    genesis = \"0x1111111111111111111111111111111111111111111111111111111111111111\"\nslow_ms = 7\n";
        let said = [vec!["ws://own".to_owned()], vec!["ws://a".to_owned()], vec!["ws://b".to_owned()]];
        // The two names of one chain are one network.
        for settings in [vec![], vec![network("finney")], vec![network("archive")]] {
            assert_eq!(nodes(file, &[], settings), said);
        }
        let test = with_file(file, &[], vec![network("test")]).unwrap();
        let expected = LinkConfig { slow_ms: 7, ..with_file("", &[], vec![network("test")]).unwrap().chain };
        assert_eq!(test.chain, expected);
        assert_eq!(nodes(file, &[], vec![network("ws://e")]), [vec![], vec!["ws://e".to_owned()], vec![]]);
        let variables = [("BTD_NETWORK", "test"), ("BTD_CHAIN__OWN", "ws://mine")];
        assert_eq!(nodes(file, &variables, vec![])[0], ["ws://mine"]);
        // A file that names no network may be about any that has a name, and about no URL that it does not know, nor
        // about the node on this machine.
        let nameless = "[chain]\nown = [\"ws://own\"]\n";
        assert_eq!(nodes(nameless, &[], vec![network("test")])[0], ["ws://own"]);
        assert_eq!(nodes(nameless, &[], vec![network("ws://e")]), [vec![], vec!["ws://e".to_owned()], vec![]]);
        let local = [vec![], vec!["ws://127.0.0.1:9944".to_owned()], vec![]];
        assert_eq!(nodes(nameless, &[], vec![network("local")]), local);
        assert_eq!(nodes(nameless, &[("BTD_NETWORK", "local")], vec![]), local);
        assert_eq!(nodes("[chain]\nendpoints = [\"ws://a\"]\n", &[], vec![network("local")]), local);
        let of_local = "network = \"local\"\n[chain]\nown = [\"ws://own\"]\nendpoints = []\n";
        for settings in [vec![], vec![network("local")]] {
            let [own, endpoints, _] = nodes(of_local, &[], settings);
            assert_eq!((own, endpoints), (vec!["ws://own".to_owned()], vec![]));
        }
        // Whoever looks is told why the file's are not there.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("btd.toml");
        fs::write(&path, file).unwrap();
        let flags = Flags { file: Some(path), settings: vec![network("test")] };
        let (_, settings) = load_with_origins(&flags, &Environment::of(&[])).unwrap();
        let origin = |key: &str| settings.iter().find(|one| one.key == key).unwrap().origin.clone();
        assert!(
            origin("chain.own").starts_with("default (") && origin("chain.own").ends_with("says another, of finney)")
        );
        assert!(origin("chain.endpoints").starts_with("the preset of test ("), "{}", origin("chain.endpoints"));
        assert!(!origin("chain.slow_ms").contains('('));
    }

    #[test]
    fn a_node_given_as_a_url_is_known_by_its_chain() {
        let chain = |file: &str, name| with_file(file, &[], vec![network(name)]).unwrap().chain;
        let finney = chain("", "finney");
        for name in ["ws://own.example", "local"] {
            let own = chain("", name);
            assert_eq!((own.genesis, own.endpoints.len(), own.archives.len()), (None, 1, 0), "{name}");
            let known = own.public.iter().find(|network| Some(network.genesis) == finney.genesis).unwrap();
            assert_eq!((&known.endpoints, &known.archives), (&finney.endpoints, &finney.archives));
            assert_eq!(own.public.len(), 2, "and the test network");
        }
        assert!(finney.public.is_empty() && chain("", "devnet").public.is_empty());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_source() {
        let error = with_file("[rpc]\nmax_bach = 7\n", &[], vec![]).unwrap_err();
        assert!(error.contains("btd.toml") && error.contains("rpc.max_bach"), "{error}");
        let error = with_file("", &[("BTD_RPC__MAX_BACH", "7")], vec![]).unwrap_err();
        assert!(error.contains("BTD_RPC__MAX_BACH"), "{error}");
        let error = with_file("nonsense = 1\n", &[], vec![]).unwrap_err();
        assert!(error.contains("nonsense"), "{error}");
    }

    #[test]
    fn a_bad_value_is_named_with_its_source_and_key() {
        let error = with_file("[rpc]\nmax_batch = \"many\"\n", &[], vec![]).unwrap_err();
        for word in ["btd.toml", "rpc.max_batch", "many"] {
            assert!(error.contains(word), "{error}");
        }
        let error = with_file("", &[("BTD_RPC__MAX_BATCH", "-1")], vec![]).unwrap_err();
        assert!(error.contains("BTD_RPC__MAX_BATCH") && error.contains("-1"), "{error}");
        let error = with_file("[log]\nformat = \"loud\"\n", &[], vec![]).unwrap_err();
        for word in ["log.format", "loud", "human"] {
            assert!(error.contains(word), "{error}");
        }
        let error = with_file("", &[], vec![network("mainnet")]).unwrap_err();
        assert!(error.contains("--network") && error.contains("mainnet"), "{error}");
        let error = with_file("[devnet]\nblock_time = \"soon\"\n", &[], vec![]).unwrap_err();
        assert!(error.contains("devnet.block_time") && error.contains("soon"), "{error}");
    }

    #[test]
    fn an_axon_that_could_not_answer_is_refused_by_its_key() {
        for (key, value) in [
            ("max_connections", "0"),
            ("max_connections_per_ip", "0"),
            ("max_in_flight", "0"),
            ("max_in_flight_per_hotkey", "0"),
            ("max_in_flight_bytes", "0"),
            ("max_unproven_bytes", "0"),
            ("max_unacknowledged_bytes", "0"),
            ("max_header_bytes", "100"),
            ("max_body_bytes", "0"),
            ("header_timeout_ms", "0"),
            ("body_timeout_ms", "0"),
            ("handler_timeout_ms", "9223372036854775807"),
            ("drain_ms", "9223372036854775807"),
            ("max_clock_skew_ms", "9223372036854775807"),
            ("max_timeout_ms", "9223372036854775807"),
            ("certificate_days", "0"),
            ("rate_per_second", "nan"),
            ("rate_burst", "0.5"),
            ("network_rate_per_second", "-1.0"),
            ("network_rate_burst", "inf"),
            ("hotkey_rate_per_second", "0.0"),
            ("hotkey_rate_burst", "-inf"),
        ] {
            let error = with_file(&format!("[axon]\n{key} = {value}\n"), &[], vec![]).unwrap_err();
            assert!(error.contains("btd.toml") && error.contains(&format!("`axon.{key}` cannot be")), "{error}");
        }
        let error = with_file("", &[("BTD_AXON__MAX_IN_FLIGHT", "0")], vec![]).unwrap_err();
        assert_eq!(error, "the variable BTD_AXON__MAX_IN_FLIGHT: `axon.max_in_flight` cannot be `0`: it is 1 or more");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let flags = Flags { file: Some("/nowhere/btd.toml".into()), settings: vec![] };
        let error = load(&flags, &Environment::of(&[])).unwrap_err().to_string();
        assert!(error.contains("/nowhere/btd.toml"), "{error}");
        let error = with_file("network = \n", &[], vec![]).unwrap_err();
        assert!(error.contains("btd.toml") && error.contains("line 1"), "{error}");
    }

    #[test]
    fn the_file_may_come_from_a_variable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.toml");
        fs::write(&path, "[rpc]\nmax_batch = 3\n").unwrap();
        let environment = Environment::of(&[("BTD_CONFIG", path.to_str().unwrap()), ("BTD_SOCKET", "/run/x.sock")]);
        let config = load(&Flags::default(), &environment).unwrap();
        assert_eq!((config.rpc.max_batch, config.rpc.socket), (3, Some("/run/x.sock".into())));
    }

    #[test]
    fn lists_and_free_keys_are_written_in_variables_too() {
        let variables = [("BTD_RPC__TCP__HOSTS", "one,two:80"), ("BTD_RPC__ROLES__GROUPS__BTCTL", "read,spend")];
        let config = with_file("", &variables, vec![]).unwrap();
        assert_eq!(config.rpc.tcp.hosts, ["one", "two:80"]);
        assert_eq!(config.rpc.roles.groups["btctl"].to_string(), "read, spend");
    }

    /// The documented file with its defaults taken out of their comments.
    fn uncommented() -> String {
        let is_default = |line: &str| line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase());
        FILE.lines().map(|line| if is_default(line) { &line[1..] } else { line }).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_documented_file_equals_the_defaults() {
        let untouched = load(&Flags::default(), &Environment::of(&[])).unwrap();
        assert_eq!(with_file(FILE, &[], vec![]).unwrap(), untouched);
        assert_eq!(with_file(&uncommented(), &[], vec![]).unwrap(), untouched);
    }

    #[test]
    fn the_documented_file_names_every_key() {
        fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(members) if !members.is_empty() => {
                    for (name, value) in members {
                        leaves(value, &format!("{path}.{name}"), found);
                    }
                }
                _ => {
                    found.insert(path.trim_start_matches('.').to_owned());
                }
            }
        }
        let mut wanted = BTreeSet::new();
        leaves(&serde_json::to_value(Config::default()).unwrap(), "", &mut wanted);
        let mut documented = BTreeSet::new();
        let mut table = String::new();
        for line in FILE.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                table = format!("{name}.");
            } else if let Some((key, _)) = line.trim_start_matches(['#', ' ']).split_once(" = ")
                && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            {
                documented.insert(format!("{table}{key}"));
            }
        }
        assert_eq!(documented, wanted);
    }
}
