//! Why a development chain cannot start, go on, or make a block.

use std::{io, net::SocketAddr};

use crate::{chain::BlockError, store::StoreError};

/// Failure of the development chain as a whole. A bad request never is one: it is answered, and the chain goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevnetError {
    /// Another process has the port.
    #[error("cannot listen on {address}: the port is taken; stop the node that runs there or choose another address")]
    AddressInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be bound for another reason.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The runtime refused its genesis configuration.
    #[error("cannot build the genesis block: {0}")]
    Genesis(String),
    /// The state directory cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime failed while making a block; the chain stays at its head.
    #[error("cannot make block {number}")]
    Block {
        /// Height of the block that was not made.
        number: u32,
        /// What the runtime said.
        #[source]
        source: BlockError,
    },
    /// A thread of the chain could not be started, or ended without a word.
    #[error("the thread {name} of the development chain failed")]
    Thread {
        /// Which thread.
        name: &'static str,
        /// What the system said, if it could not be started.
        #[source]
        source: Option<io::Error>,
    },
    /// As many orders wait for the chain as it lets wait. Nothing was done; the same may be asked again.
    #[error("too many orders wait for the development chain already; try again")]
    Busy,
    /// The chain is stopping or has stopped.
    #[error("the development chain has stopped")]
    Stopped,
}
