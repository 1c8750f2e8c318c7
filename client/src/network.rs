//! The network that somebody asks for, who has it so from the Python command lines: in a flag, a variable or their
//! `config.yml`. Here the daemon holds the connection, to one network; whether that is the one is told before
//! anything is signed, and of a read beside its answer.

use std::path::PathBuf;

use btd_api::{BlockHash, chain::ChainStatus};

use crate::{failure::Failure, settings::Environment};

/// The first block of the main network.
const MAIN: &str = "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03";
/// The variables that name a network, those before others that the Python command lines read first.
const VARIABLES: [&str; 3] = ["BT_SUBTENSOR_CHAIN_ENDPOINT", "BT_SUBTENSOR_NETWORK", "BT_NETWORK"];
/// What to do where it is another.
const HINT: &str = "say --network with btd's own where that is meant, or name the socket of another btd with --socket: \
                    each follows one network";

/// A network that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// A name or a URL.
    value: String,
    place: Place,
}

/// Where something is asked for that is the daemon's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Flag,
    Variable(&'static str),
    File(PathBuf),
}

/// Whether a network is the one that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Same,
    /// Nobody can tell: a URL may lead to any network.
    Unknown,
    Other,
}

/// What is asked of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Reading,
    Signing,
}

/// A network, as far as its name or its URL tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Main,
    Test,
    /// On this machine, or nowhere else.
    Local,
    Unknown,
}

// === impl Asked ===

impl Asked {
    /// The flag before variables before files.
    pub(crate) fn find(
        flag: Option<&str>,
        environment: Environment<'_>,
        file: Option<&(String, PathBuf)>,
    ) -> Option<Self> {
        let asked = |value: &str, place| Self { value: value.trim().to_owned(), place };
        if let Some(flag) = flag {
            return Some(asked(flag, Place::Flag));
        }
        let variable = VARIABLES.into_iter().find_map(|name| Some((environment(name)?, name)));
        if let Some((value, name)) = variable {
            return Some(asked(&value.to_string_lossy(), Place::Variable(name)));
        }
        let (value, path) = file?;
        Some(asked(value, Place::File(path.clone())))
    }

    /// What the flag says, where it is one and tells no key.
    pub(crate) fn typed(&self) -> Option<&str> {
        (self.place == Place::Flag && shown(&self.value) == self.value).then_some(&self.value)
    }

    /// Whether it was asked for where this command is typed.
    fn is_of_now(&self) -> bool {
        !matches!(self.place, Place::File(_))
    }

    /// Whether the network that a daemon follows is this one.
    pub(crate) fn fit(&self, status: &ChainStatus) -> Fit {
        let followed = [Some(&status.network), status.endpoint.as_ref()];
        if followed.into_iter().flatten().any(|one| plain(one) == plain(&self.value)) {
            return Fit::Same;
        }
        let is_here = status.endpoint.as_ref().is_some_and(|endpoint| Known::of(endpoint) == Known::Local);
        let followed = match &status.genesis {
            Some(genesis) if is_main(genesis) => Known::Main,
            Some(_) if Known::of(&status.network) == Known::Main => Known::Unknown,
            _ => Known::of(&status.network),
        };
        // What has another first block is not the main network, whatever it is.
        let is_not_main = status.genesis.as_ref().is_some_and(|genesis| !is_main(genesis));
        match (Known::of(&self.value), followed) {
            (Known::Main, _) if is_not_main => Fit::Other,
            // A node on this machine is what is followed, whatever its network.
            (Known::Local, Known::Main | Known::Test) if is_here || Known::of(&status.network) == Known::Local => {
                Fit::Unknown
            }
            (Known::Unknown, _) | (_, Known::Unknown) => Fit::Unknown,
            (asked, followed) if asked == followed => Fit::Same,
            // A node on this machine may be of any network, unless the one that is followed is known to be another.
            (Known::Main | Known::Test, Known::Local) if status.network != "devnet" => Fit::Unknown,
            _ => Fit::Other,
        }
    }

    /// What is to be noted; none where all is well.
    ///
    /// # Errors
    /// When it is another network, and something would be signed there, or it was asked for with this very command. What
    /// a file says once and for all is told, and keeps nobody from the development chain: it is refused where it would
    /// move what has a price.
    pub(crate) fn heed(&self, status: &ChainStatus, purpose: Purpose) -> Result<Option<String>, Failure> {
        let followed = &status.network;
        let asked = format!("{} asks for the network `{}`", self.place.named("--network"), shown(&self.value));
        match self.fit(status) {
            Fit::Same => Ok(None),
            Fit::Unknown => Ok(Some(format!(
                "note: {asked}, and btd follows `{followed}`, which may be another: it holds the connection, and \
                 `btctl chain` tells to what"
            ))),
            Fit::Other if purpose == Purpose::Signing && (self.is_of_now() || may_be_main(status)) => {
                Err(Failure::Usage {
                    message: format!("{asked}, and btd follows `{followed}`: nothing was signed"),
                    hint: Some(HINT),
                })
            }
            Fit::Other if self.place == Place::Flag => {
                Err(Failure::Usage { message: format!("{asked}, and btd follows `{followed}`"), hint: Some(HINT) })
            }
            Fit::Other => Ok(Some(format!("warning: {asked}, and this is `{followed}`, which btd follows"))),
        }
    }
}

/// A network's name, or its URL without what may be a key: as the daemon tells its own.
fn shown(network: &str) -> String {
    let Some((scheme, rest)) = network.split_once("://") else { return network.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let hidden = if host.len() < authority.len() { "…@" } else { "" };
    let behind = if matches!(behind, "" | "/") { "" } else { "/…" };
    format!("{scheme}://{hidden}{host}{behind}")
}

/// What two spellings of one network have in common. Of a URL with more than a host nobody can say so: what the
/// daemon tells of it is cut.
fn plain(network: &str) -> String {
    network.trim_end_matches('/').to_ascii_lowercase()
}

fn may_be_main(status: &ChainStatus) -> bool {
    status.genesis.as_ref().map_or_else(|| status.network != "devnet", is_main)
}

fn is_main(genesis: &BlockHash) -> bool {
    genesis.to_string() == MAIN
}

// === impl Place ===

impl Place {
    /// In words, where the flag is called `flag`.
    pub(crate) fn named(&self, flag: &str) -> String {
        match self {
            Self::Flag => flag.to_owned(),
            Self::Variable(name) => format!("the variable {name}"),
            Self::File(path) => path.display().to_string(),
        }
    }
}

// === impl Known ===

impl Known {
    fn of(network: &str) -> Self {
        let network = network.to_ascii_lowercase();
        let Some((_, rest)) = network.split_once("://") else {
            return match network.as_str() {
                "finney" | "main" | "mainnet" | "archive" | "subvortex" | "lite" | "latent-lite" => Self::Main,
                "test" | "testnet" => Self::Test,
                "local" | "localnet" | "devnet" | "dev" => Self::Local,
                _ => Self::Unknown,
            };
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = match host.strip_prefix('[') {
            Some(six) => six.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        match host {
            "test.finney.opentensor.ai" | "test.chain.opentensor.ai" => Self::Test,
            "entrypoint-finney.opentensor.ai"
            | "archive.chain.opentensor.ai"
            | "lite.chain.opentensor.ai"
            | "archive.sub.latent.to"
            | "lite.sub.latent.to" => Self::Main,
            "localhost" | "::1" => Self::Local,
            host if host.starts_with("127.") => Self::Local,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OTHER: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

    fn status(network: &str, genesis: Option<&str>) -> ChainStatus {
        serde_json::from_value(json!({
            "network": network, "link": "live", "endpoint": "wss://entrypoint-finney.opentensor.ai:443",
            "genesis": genesis, "spec_version": 425, "finalized": null, "finalized_age_ms": null, "endpoints": [],
        }))
        .unwrap()
    }

    fn asked(value: &str, place: Place) -> Asked {
        Asked { value: value.to_owned(), place }
    }

    #[test]
    fn only_what_is_known_to_be_another_network_is_one() {
        let finney = status("finney", Some(MAIN));
        let devnet = ChainStatus { endpoint: Some("ws://127.0.0.1:4000".to_owned()), ..status("devnet", Some(OTHER)) };
        let own = ChainStatus { endpoint: Some("ws://node:9944".to_owned()), ..status("ws://node:9944", None) };
        for (value, of_finney, of_devnet, of_own) in [
            ("finney", Fit::Same, Fit::Other, Fit::Unknown),
            ("archive", Fit::Same, Fit::Other, Fit::Unknown),
            ("wss://lite.chain.opentensor.ai:443/", Fit::Same, Fit::Other, Fit::Unknown),
            ("test", Fit::Other, Fit::Other, Fit::Unknown),
            ("wss://test.finney.opentensor.ai:443", Fit::Other, Fit::Other, Fit::Unknown),
            ("local", Fit::Other, Fit::Same, Fit::Unknown),
            ("ws://127.0.0.1:9944", Fit::Other, Fit::Same, Fit::Unknown),
            ("ws://[::1]:9944", Fit::Other, Fit::Same, Fit::Unknown),
            ("ws://node:9944/", Fit::Unknown, Fit::Unknown, Fit::Same),
            ("rao", Fit::Unknown, Fit::Unknown, Fit::Unknown),
        ] {
            let asked = asked(value, Place::Flag);
            assert_eq!(
                [&finney, &devnet, &own].map(|status| asked.fit(status)),
                [of_finney, of_devnet, of_own],
                "{value}"
            );
        }
        // A node of one's own may follow the main network.
        let fit = |value: &str, status: &ChainStatus| asked(value, Place::Flag).fit(status);
        assert_eq!(fit("finney", &status("local", Some(MAIN))), Fit::Same);
        assert_eq!(fit("test", &status("local", Some(OTHER))), Fit::Unknown);
        assert_eq!(fit("finney", &status("ws://node:1", Some(OTHER))), Fit::Other);
        let here = |network: &str, genesis| ChainStatus {
            endpoint: Some("ws://127.0.0.1:9944".to_owned()),
            ..status(network, genesis)
        };
        for network in ["finney", "local", "ws://127.0.0.1:9944"] {
            for value in ["local", "ws://127.0.0.1:9944", "ws://localhost:9944/", "ws://[::1]:9944", "finney"] {
                assert_ne!(fit(value, &here(network, Some(MAIN))), Fit::Other, "{value} for {network}");
            }
        }
        // Which network it is, is not known before the first connection.
        assert_eq!(fit("finney", &ChainStatus { endpoint: None, ..status("local", None) }), Fit::Unknown);
        assert_eq!(fit("finney", &ChainStatus { endpoint: None, ..status("devnet", None) }), Fit::Other);
    }

    #[test]
    fn what_may_be_a_key_is_not_told() {
        for (url, told) in [
            ("wss://provider.example/ws?apikey=SECRET", "wss://provider.example/…"),
            ("wss://user:SECRET@lite.chain.opentensor.ai:443", "wss://…@lite.chain.opentensor.ai:443"),
            ("wss://provider.example/", "wss://provider.example"),
            ("test", "test"),
        ] {
            let asked = asked(url, Place::Variable("BT_NETWORK"));
            let [note, refused] = [("finney", MAIN), ("devnet", OTHER)].map(|(network, genesis)| {
                match asked.heed(&status(network, Some(genesis)), Purpose::Signing) {
                    Ok(note) => note.unwrap_or_default(),
                    Err(failure) => failure.to_string(),
                }
            });
            assert!(!note.contains("SECRET") && !refused.contains("SECRET"), "{note} {refused}");
            assert!(note.contains(told) || refused.contains(told), "{note} {refused}");
        }
    }

    #[test]
    fn what_would_be_signed_elsewhere_is_refused_and_a_read_is_told() {
        let finney = status("finney", Some(MAIN));
        let variable = asked("test", Place::Variable("BT_SUBTENSOR_NETWORK"));
        let note = variable.heed(&finney, Purpose::Reading).unwrap().unwrap();
        assert!(note.starts_with("warning: the variable BT_SUBTENSOR_NETWORK asks for the network `test`"), "{note}");
        let refused = variable.heed(&finney, Purpose::Signing).unwrap_err().to_string();
        assert!(refused.ends_with("btd follows `finney`: nothing was signed"), "{refused}");
        // A file keeps nobody from a chain on which nothing has a price.
        let file = || Place::File(PathBuf::from("/config.yml"));
        assert!(asked("test", file()).heed(&finney, Purpose::Signing).is_err());
        let devnet = status("devnet", Some(OTHER));
        let told = asked("finney", file()).heed(&devnet, Purpose::Signing).unwrap().unwrap();
        assert!(told.starts_with("warning: /config.yml asks for"), "{told}");
        // With a flag, this very answer is meant.
        assert!(asked("test", Place::Flag).heed(&finney, Purpose::Reading).is_err());
        assert_eq!(asked("finney", Place::Flag).heed(&finney, Purpose::Signing).unwrap(), None);
        let unknown = asked("rao", Place::Flag).heed(&finney, Purpose::Signing).unwrap().unwrap();
        assert!(unknown.contains("may be another"), "{unknown}");
    }

    #[test]
    fn a_flag_comes_before_variables_and_these_before_files() {
        let file = ("file".to_owned(), PathBuf::from("/c.yml"));
        let variables = |name: &str| match name {
            "BT_SUBTENSOR_NETWORK" => Some("net".into()),
            "BT_SUBTENSOR_CHAIN_ENDPOINT" => Some("ws://x".into()),
            _ => None,
        };
        let found = |flag, environment: Environment<'_>| Asked::find(flag, environment, Some(&file)).unwrap().value;
        assert_eq!(found(Some("flag"), &variables), "flag");
        assert_eq!(found(None, &variables), "ws://x");
        assert_eq!(found(None, &|_| None), "file");
        assert_eq!(Asked::find(None, &|_| None, None), None);
    }
}
