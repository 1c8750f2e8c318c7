//! Which chain to follow, and what is known beforehand of the public ones.

use std::{fmt, str::FromStr};

use blake2::{Blake2b, Digest, digest::consts::U8};
use btd_chain::Endpoint;
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
    Endpoint(Endpoint),
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

    /// A name that can be part of a path: each network's files are kept apart. Of a URL with what
    /// may be a key, the name has a hash instead.
    pub fn directory(&self) -> String {
        let shown = self.to_string();
        let keep = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let plain: String = shown.chars().map(|c| if keep(c) { c } else { '-' }).collect();
        let plain = plain.trim_matches(['-', '.']);
        match self {
            Self::Endpoint(endpoint) if endpoint.url() != shown => {
                let hash: [u8; 8] = Blake2b::<U8>::digest(endpoint.url()).into();
                format!("{plain}-{}", hex::encode(hash))
            }
            _ => plain.to_owned(),
        }
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
            Self::Endpoint(endpoint) => return endpoint.fmt(f),
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
                    return Err(NetworkError(Endpoint::from(text).to_string()));
                }
                Self::Endpoint(url.into())
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
        match network {
            Network::Endpoint(endpoint) => endpoint.url().to_owned(),
            named => named.to_string(),
        }
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
        assert_eq!(url.to_string(), "ws://127.0.0.1:9944/…");
        assert_eq!(String::from(url.clone()), "ws://127.0.0.1:9944/x");
        let other: Network = "ws://127.0.0.1:9944/y".parse().unwrap();
        assert!(url.directory().starts_with("ws---127.0.0.1-9944-") && url.directory() != other.directory());
        let refused = "http://user:hunter2@a.example".parse::<Network>().unwrap_err().to_string();
        assert!(refused.contains("a.example") && !refused.contains("hunter2"), "{refused}");
    }
}
