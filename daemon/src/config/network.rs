//! Which chain to follow, and what is known beforehand of the public ones.

use std::{fmt, str::FromStr};

use blake2::{Blake2b, Digest, digest::consts::U8};
use btd_api::BlockHash;
use btd_chain::{Endpoint, PublicNetwork};
use serde::{Deserialize, Serialize};

use super::ConfigError;

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

/// What presets say of the networks that are followed by name.
#[derive(Deserialize)]
struct Preset {
    chain: Nodes,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Nodes {
    endpoints: Vec<Endpoint>,
    archives: Vec<Endpoint>,
    genesis: Option<BlockHash>,
}

// === impl Network ===

impl Network {
    /// The networks that are recognised by their block 0.
    pub(super) fn public() -> Result<Vec<PublicNetwork>, ConfigError> {
        let mut known = Vec::new();
        for network in [Self::Finney, Self::Test] {
            if let Some(Nodes { endpoints, archives, genesis: Some(genesis) }) = network.nodes()? {
                known.push(PublicNetwork { genesis, endpoints, archives });
            }
        }
        Ok(known)
    }

    /// The nodes that are known beforehand to be followed.
    pub(super) fn endpoints(&self) -> Result<Vec<Endpoint>, ConfigError> {
        Ok(self.nodes()?.map(|nodes| nodes.endpoints).unwrap_or_default())
    }

    /// The nodes that are known of it beforehand.
    fn nodes(&self) -> Result<Option<Nodes>, ConfigError> {
        let Some(text) = self.preset() else { return Ok(None) };
        let read = toml::from_str::<Preset>(text).map(|preset| Some(preset.chain));
        read.map_err(|error| ConfigError::Malformed {
            path: format!("the preset of {self}").into(),
            reason: error.to_string(),
        })
    }

    /// Whether both are known to be one chain.
    pub(super) fn is_chain_of(&self, other: &Self) -> bool {
        let genesis = |network: &Self| network.nodes().ok().flatten()?.genesis;
        self == other || genesis(self).is_some_and(|ours| genesis(other) == Some(ours))
    }

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
