//! `system_*ReservedPeer*`: who a node is to stay connected with.
//!
//! This node has no network, so nobody is ever reached; but addresses are read as a Substrate node reads them, and who
//! was named is remembered as long as the process lives.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
    str::{FromStr, Split},
    sync::{Arc, Mutex, PoisonError},
};

use jsonrpsee::{RpcModule, core::RegisterMethodError};
use serde_json::{Value, json};

use super::{Answer, Arguments, error, system::PEER_ID};
use crate::node::Node;

/// Peers that are remembered.
const MOST: usize = 1_024;
/// How a peer's identity hashes its key, as multihash numbers it: by itself, or by SHA-256.
const BY_ITSELF: u8 = 0;
const SHA256: u8 = 0x12;
/// Bytes of the longest key that stands for itself, and of the longest hash.
const LONGEST_KEY: usize = 42;
const LONGEST_HASH: usize = 64;

/// In base 58.
type Peers = BTreeSet<String>;
type Run = fn(&mut Peers, &mut Arguments) -> Answer;

const METHODS: [(&str, Run); 3] = [
    ("system_addReservedPeer", add),
    ("system_removeReservedPeer", remove),
    ("system_reservedPeers", |peers, _| Ok(json!(peers))),
];

pub(super) fn register(module: &mut RpcModule<Node>) -> Result<(), RegisterMethodError> {
    let peers = Arc::new(Mutex::new(Peers::new()));
    for (name, run) in METHODS {
        let peers = peers.clone();
        module.register_method(name, move |params, _, _| -> Answer {
            run(&mut peers.lock().unwrap_or_else(PoisonError::into_inner), &mut Arguments::parse(&params)?)
        })?;
    }
    Ok(())
}

fn add(peers: &mut Peers, arguments: &mut Arguments) -> Answer {
    let address: String = arguments.required("peer")?;
    let peer = peer_of(&address).map_err(error::peer)?;
    if peer == PEER_ID {
        return Err(error::peer("Local peer ID cannot be added as a reserved peer."));
    }
    if peers.len() >= MOST && !peers.contains(&peer) {
        return Err(error::full("reserved peers"));
    }
    peers.insert(peer);
    Ok(Value::Null)
}

/// Who was never added is removed all the same.
fn remove(peers: &mut Peers, arguments: &mut Arguments) -> Answer {
    let text: String = arguments.required("peer_id")?;
    let bytes =
        bs58::decode(&text).into_vec().map_err(|error| error::peer(format!("base-58 decode error: {error}")))?;
    let peer = identity(&bytes).ok().flatten().ok_or_else(|| error::peer("invalid multihash"))?;
    peers.remove(&peer);
    Ok(Value::Null)
}

/// Bytes are no multihash.
#[derive(Debug)]
struct NoHash;

/// The peer that these bytes identify, in base 58; `None` where they are the hash of something else.
fn identity(bytes: &[u8]) -> Result<Option<String>, NoHash> {
    // Numbers from 128 on take more than one byte; no peer's identity has such.
    let [code, length, digest @ ..] = bytes else { return Err(NoHash) };
    let length = usize::from(*length);
    if code & 0x80 != 0 {
        return Ok(None);
    }
    if digest.len() != length || length > LONGEST_HASH {
        return Err(NoHash);
    }
    let is_peer = *code == SHA256 || (*code == BY_ITSELF && length <= LONGEST_KEY);
    Ok(is_peer.then(|| bs58::encode(bytes).into_string()))
}

// === Addresses ===

/// Why an address does not lead to a peer, in the words of a Substrate node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum AddressError {
    #[error("invalid multiaddress")]
    NoSlash,
    #[error("invalid protocol string")]
    NoValue,
    #[error("unknown protocol '{0}'")]
    UnknownProtocol(String),
    #[error("multiaddr parsing error: {0}")]
    Value(String),
    #[error("Peer id at the end of the address is invalid")]
    NoPeer,
    #[error("Peer id is missing from the address")]
    WithoutPeer,
}

/// The peer at the end of an address such as `/ip4/198.51.100.19/tcp/30333/p2p/12D3Koo…`.
fn peer_of(address: &str) -> Result<String, AddressError> {
    let mut parts = address.split('/');
    if parts.next() != Some("") {
        return Err(AddressError::NoSlash);
    }
    let mut last = Named::Nobody;
    while let Some(protocol) = parts.next() {
        last = read(protocol, &mut parts)?;
    }
    match last {
        Named::Peer(peer) => Ok(peer),
        Named::Other => Err(AddressError::NoPeer),
        Named::Nobody => Err(AddressError::WithoutPeer),
    }
}

/// Whom a part of an address names.
enum Named {
    Nobody,
    /// By an identity in base 58.
    Peer(String),
    /// By a hash that no peer has.
    Other,
}

/// Reads the value of one protocol.
fn read(protocol: &str, parts: &mut Split<'_, char>) -> Result<Named, AddressError> {
    let check: fn(&str) -> Result<(), AddressError> = match protocol {
        "tls" | "noise" | "udt" | "utp" | "http" | "https" | "quic" | "quic-v1" | "ws" | "wss" | "webrtc"
        | "webrtc-direct" | "webtransport" | "p2p-websocket-star" | "p2p-webrtc-star" | "p2p-webrtc-direct"
        | "p2p-circuit" | "p2p-stardust" => return Ok(Named::Nobody),
        "tcp" | "udp" | "dccp" | "sctp" => parses::<u16>,
        "memory" => parses::<u64>,
        "ipcidr" => parses::<u8>,
        "ip4" => parses::<Ipv4Addr>,
        "ip6" => parses::<Ipv6Addr>,
        // Names and the like; what is in those that have a form of their own is not looked at.
        "dns" | "dns4" | "dns6" | "dnsaddr" | "unix" | "ip6zone" | "sni" | "x-parity-ws" | "x-parity-wss"
        | "certhash" | "onion" | "onion3" | "garlic32" | "garlic64" => |_| Ok(()),
        "p2p" | "ipfs" => {
            let text = parts.next().ok_or(AddressError::NoValue)?;
            let bytes = bs58::decode(text).into_vec().map_err(|error| AddressError::Value(error.to_string()))?;
            let peer = identity(&bytes).map_err(|NoHash| AddressError::Value("invalid multihash".to_owned()))?;
            return Ok(peer.map_or(Named::Other, Named::Peer));
        }
        unknown => return Err(AddressError::UnknownProtocol(unknown.to_owned())),
    };
    check(parts.next().ok_or(AddressError::NoValue)?).map(|()| Named::Nobody)
}

fn parses<T: FromStr<Err: ToString>>(text: &str) -> Result<(), AddressError> {
    text.parse::<T>().map(drop).map_err(|error| AddressError::Value(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_a_node_reads_them() {
        let old = "QmSk5HQbn6LhUwDiNMseVUjuRYhEtYj4aUZ6WfWoGURpdV";
        for (path, peer) in [
            ("/ip4/198.51.100.19/tcp/30333", old),
            ("/ip4/127.0.0.1/tcp/30334/ws", PEER_ID),
            ("/dns/node.example.com/tcp/443/wss", PEER_ID),
            ("/ip6/::1/udp/30333/quic-v1/webtransport/certhash/uEiDkqOb", PEER_ID),
            ("/dns4/relay/tcp/1/p2p/QmSk5HQbn6LhUwDiNMseVUjuRYhEtYj4aUZ6WfWoGURpdV/p2p-circuit", PEER_ID),
            ("", old),
        ] {
            assert_eq!(peer_of(&format!("{path}/p2p/{peer}")).as_deref(), Ok(peer), "{path}");
        }
        let sha512 = bs58::encode([&[0x13, 64][..], &[7; 64]].concat()).into_string();
        for (address, want) in [
            ("", "Peer id is missing from the address"),
            ("/ip4/198.51.100.19/tcp/30333", "Peer id is missing from the address"),
            (&format!("/p2p/{old}/p2p-circuit"), "Peer id is missing from the address"),
            (&format!("/p2p/{sha512}"), "Peer id at the end of the address is invalid"),
            (old, "invalid multiaddress"),
            ("/ip4", "invalid protocol string"),
            ("/p2p", "invalid protocol string"),
            ("/ip5/1", "unknown protocol 'ip5'"),
            (&format!("/p2p/{old}/"), "unknown protocol ''"),
            ("/ip4/198.51.100.256", "multiaddr parsing error: invalid IPv4 address syntax"),
            ("/tcp/65536", "multiaddr parsing error: number too large to fit in target type"),
            ("/p2p/abc", "multiaddr parsing error: invalid multihash"),
        ] {
            assert_eq!(peer_of(address).unwrap_err().to_string(), want, "{address}");
        }
    }
}
