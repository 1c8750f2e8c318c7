//! Which chain to follow, and what is known beforehand of the public ones.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The chain to follow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Network {
    /// The main network.
    #[default]
    Finney,
    /// The test network.
    Test,
    /// The main network, through nodes that keep all its history.
    Archive,
    /// A node on this machine.
    Local,
    /// The development chain inside btd.
    Devnet,
    /// The node at a URL.
    Endpoint(String),
}

/// Not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network: write finney, test, archive, local, devnet, or a ws:// or wss:// URL")]
pub struct NetworkError(String);

// === impl Network ===

impl Network {
    /// What is known of it beforehand, as a layer of settings.
    pub(super) fn preset(&self) -> Option<&'static str> {
        match self {
            Self::Finney => Some(include_str!("../../../config/networks/finney.toml")),
            Self::Test => Some(include_str!("../../../config/networks/test.toml")),
            Self::Archive => Some(include_str!("../../../config/networks/archive.toml")),
            Self::Local => Some(include_str!("../../../config/networks/local.toml")),
            Self::Devnet => Some(include_str!("../../../config/networks/devnet.toml")),
            Self::Endpoint(_) => None,
        }
    }

    /// A name that can be part of a path: each network's files are kept apart.
    pub fn directory(&self) -> String {
        let keep = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let plain: String = self.to_string().chars().map(|c| if keep(c) { c } else { '-' }).collect();
        plain.trim_matches(['-', '.']).to_owned()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finney => "finney",
            Self::Test => "test",
            Self::Archive => "archive",
            Self::Local => "local",
            Self::Devnet => "devnet",
            Self::Endpoint(url) => url,
        })
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        Ok(match text {
            "finney" => Self::Finney,
            "test" => Self::Test,
            "archive" => Self::Archive,
            "local" => Self::Local,
            "devnet" => Self::Devnet,
            url => {
                let is_endpoint = url.parse::<http::Uri>().is_ok_and(|uri| {
                    matches!(uri.scheme_str(), Some("ws" | "wss")) && uri.host().is_some_and(|host| !host.is_empty())
                });
                if !is_endpoint {
                    return Err(NetworkError(text.to_owned()));
                }
                Self::Endpoint(url.to_owned())
            }
        })
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_names_or_urls() {
        for text in ["finney", "test", "archive", "local", "devnet", "ws://127.0.0.1:9944", "wss://a.example:443"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for text in ["", "Finney", "mainnet", "http://a.example", "ws://", "ws:", "127.0.0.1:9944"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        let url: Network = "ws://127.0.0.1:9944/x".parse().unwrap();
        assert_eq!(url.directory(), "ws---127.0.0.1-9944-x");
    }
}
