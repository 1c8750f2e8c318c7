//! On which chain each configured network was found the last time.
//!
//! It tells which chain's extrinsics to look up while the network is out of reach. It proves nothing of an endpoint:
//! that says which chain it is on when it is reached.

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use btd_api::BlockHash;
use rusqlite::{Connection, OptionalExtension};

use super::JournalError;

/// A network as it is configured. The journal knows it again by a digest: URLs may hold keys, which are written nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfiguredNetwork([u8; 32]);

// === impl ConfiguredNetwork ===

impl ConfiguredNetwork {
    /// The network of that name, if it has one, which is looked for at these URLs, in whatever order.
    pub fn new(name: Option<&str>, urls: &[&str]) -> Self {
        let mut urls = urls.to_vec();
        urls.sort_unstable();
        urls.dedup();
        let mut digest = Blake2b::<U32>::new();
        for part in [name.unwrap_or_default()].iter().chain(&urls) {
            // With its length, so that no two lists have the same bytes.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

pub(super) fn of(connection: &Connection, network: ConfiguredNetwork) -> Result<Option<BlockHash>, JournalError> {
    connection
        .query_row("SELECT genesis FROM chains WHERE network = ?1", [network.0], |row| row.get(0).map(BlockHash))
        .optional()
        .map_err(|source| JournalError::Statement { attempted: "tell which chain a network was on", source })
}

pub(super) fn found(
    connection: &Connection,
    network: ConfiguredNetwork,
    genesis: BlockHash,
) -> Result<(), JournalError> {
    connection
        .execute(
            "INSERT INTO chains (network, genesis) VALUES (?1, ?2)
             ON CONFLICT (network) DO UPDATE SET genesis = excluded.genesis WHERE genesis <> excluded.genesis",
            (network.0, genesis.0),
        )
        .map(drop)
        .map_err(|source| JournalError::Statement { attempted: "write down which chain a network is on", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_known_again_by_its_name_and_where_it_is_looked_for() {
        let network = ConfiguredNetwork::new;
        let known = network(None, &["ws://a", "ws://b"]);
        assert_eq!(known, network(None, &["ws://b", "ws://a", "ws://b"]));
        for other in [
            network(None, &["ws://a"]),
            network(None, &["ws://aws://b"]),
            network(None, &["ws://a", "ws://b", "ws://c"]),
            network(Some("test"), &["ws://a", "ws://b"]),
            network(Some("ws://a"), &["ws://b"]),
        ] {
            assert_ne!(known, other);
        }
    }
}
