//! The control API: JSON-RPC 2.0 over HTTP and WebSocket, on a unix socket and, if wanted, on loopback.
//!
//! `server` accepts and knows who calls; `post` and `websocket` carry messages, which `message`
//! reads; `gate` decides what a caller may call, `calls` runs it; `table` turns the contract's
//! types into handlers, and one file for each noun answers. API structs live here and in the
//! clients only: the parts of the daemon have types of their own.
//!
//! Parameters are never logged: a request leaves its method, its right, its outcome and its time.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::daemon::Parts;

mod answer;
mod axon;
mod caller;
mod calls;
mod chain;
mod config;
mod crowd;
mod dendrite;
mod deposit;
mod devnet;
mod error;
mod events;
mod filter;
mod gate;
mod health;
mod identity;
mod link;
mod mark;
mod message;
mod metagraph;
mod multisig;
mod node;
mod peers;
mod post;
mod proxy;
mod receipt;
mod rights;
mod root;
#[expect(clippy::module_inception, reason = "the noun of the contract that speaks of the contract is called rpc")]
mod rpc;
mod server;
mod socket;
mod stake;
mod subnets;
mod sudo;
mod table;
mod tcp;
mod tx;
mod wallet;
mod websocket;
mod weights;
mod work;

pub use caller::{Caller, Peer, RequestId};
pub use error::Failure;
pub use health::{Check, Health};
pub use peers::Roles;
pub use rights::Rights;
pub use server::{Server, ServerError};
pub use socket::{ControlSocket, SocketError};
pub use table::{Noun, Table};
pub use tcp::{Guard, TcpError};

/// Targets of the libraries that carry requests: their finest events may hold what callers send.
pub const CARRIERS: [&str; 8] = [
    "hyper",
    "jsonrpsee",
    "jsonrpsee-client",
    "jsonrpsee-server",
    "jsonrpsee_server",
    "jsonrpsee_core",
    "soketto",
    "subxt-reconnecting-rpc-client",
];

/// Settings of the control API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The unix socket; else `btd.sock` in the runtime directory.
    pub socket: Option<PathBuf>,
    /// Largest request, in bytes; a whole batch counts as one.
    pub max_request_bytes: u32,
    /// Largest reply, in bytes.
    pub max_reply_bytes: u32,
    /// Most calls in one batch.
    pub max_batch: u32,
    /// Most connections at once: of btd's own user and root, of other users, and of the loopback port, each.
    pub max_connections: u32,
    /// Most subscriptions of one connection. A program that serves takes one for each class.
    pub max_subscriptions: u32,
    /// Seconds between pings to a WebSocket client; one that misses two is disconnected.
    pub ping_s: u32,
    /// Who may do what on the unix socket.
    pub roles: Roles,
    /// The loopback listener.
    pub tcp: TcpConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            socket: None,
            // Programs answer synapses over the socket, with bodies of up to `axon.max_body_bytes`.
            max_request_bytes: 16 << 20,
            max_reply_bytes: 32 << 20,
            max_batch: 100,
            max_connections: 128,
            max_subscriptions: 1_024,
            ping_s: 30,
            roles: Roles::default(),
            tcp: TcpConfig::default(),
        }
    }
}

/// Settings of the loopback listener, which is off until it has an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TcpConfig {
    /// A loopback address.
    pub listen: Option<SocketAddr>,
    /// The file with the token that callers send as `Authorization: Bearer TOKEN`; else `rpc.token`
    /// in the state directory. Created if it is not there.
    pub token_file: Option<PathBuf>,
    /// Names that the `Host` header may have, beside the loopback names.
    pub hosts: Vec<String>,
    /// What a caller with the token may do.
    pub rights: Rights,
}

impl Default for TcpConfig {
    fn default() -> Self {
        use btd_api::Role::{Operate, Read};
        Self { listen: None, token_file: None, hosts: Vec::new(), rights: Rights::of(&[Read, Operate]) }
    }
}

/// Every method of the contract, answered with `parts`, and the health that they tell.
pub fn answer_with(parts: &Arc<Parts>) -> (Table, Health) {
    let mut table = Table::default();
    rpc::register(&mut table);
    node::register(&mut table, parts);
    chain::register(&mut table, parts);
    config::register(&mut table, parts);
    events::register(&mut table, parts);
    wallet::register(&mut table, parts);
    stake::register(&mut table, parts);
    wallet::onchain::register(&mut table, parts);
    wallet::history::register(&mut table, parts);
    subnets::register(&mut table, parts);
    metagraph::register(&mut table, parts);
    subnets::owning::register(&mut table, parts);
    sudo::register(&mut table, parts);
    weights::register(&mut table, parts);
    root::register(&mut table, parts);
    proxy::register(&mut table, parts);
    multisig::register(&mut table, parts);
    crowd::register(&mut table, parts);
    tx::register(&mut table, parts);
    axon::register(&mut table, parts);
    dendrite::register(&mut table, parts);
    devnet::register(&mut table, parts);
    (table, node::health(parts))
}
