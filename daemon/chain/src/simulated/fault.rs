//! What may be wrong with a node of the simulated network.

/// What is wrong with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Sockets stay and nothing comes from it; a new connection is never made.
    HalfOpen,
    /// As half open, but that new connections are made.
    Mute,
    /// Connections end, and new ones are refused.
    Down,
    /// Connections end, and the node's name is not found any more; the resolver says so, or nothing at all.
    Nameless { resolver_answers: bool },
    /// It has no block after this one, and answers.
    Lags(u32),
    /// From this block on it has others.
    Forks(u32),
    /// The same, and it has thrown away the state of all.
    ForksStateless(u32),
    /// As one that forks, and it has many more of them than there can be: up to `to`.
    Invents { from: u32, to: u32 },
    /// From block `from` on it has others, and none after `to`.
    ForksTo { from: u32, to: u32 },
    /// It catches up with the chain, is so many blocks behind, and says so.
    Syncs(u32),
    /// It says that it has nobody beside it, and should have nobody.
    Alone,
    /// Connections end; behind new ones is another chain.
    OtherGenesis,
    /// It tells of this runtime, whatever block it is asked about.
    Spec(u32),
    /// It sends another runtime's metadata.
    FalseMetadata,
    /// It turns requests away, and connections.
    TooMany,
    /// It turns requests away, and takes connections.
    Full,
    /// Its blocks are larger than what is accepted, which ends the connection.
    Oversized,
    /// It takes so many seconds to answer.
    Slow(u64),
    /// It has thrown away the state of the blocks before this one.
    Pruned(u32),
    /// It began at this block, and knows none before it but the first.
    Synced(u32),
    /// It tells of the next runtime, whatever block it is asked about, and sends another one's metadata for it.
    Foretells,
    /// It refuses the events of blocks.
    WithoutEvents,
    /// It has thrown away the state of the blocks before this one, and says so in words of its own.
    Cryptic(u32),
    /// It says of the extrinsics in its blocks that they caused nothing.
    Eventless,
    /// It leaves the extrinsic out of its blocks.
    LeavesOut,
    /// It gives the hash of the next block for those before this one.
    Misnames(u32),
    /// It tells of each block that it holds what another one does.
    OfAnother,
    /// It never answers what this block holds.
    Withholds(u32),
    /// It never answers what is stored, but for the events of blocks.
    Ignores,
    /// It refuses what is stored, but for the events of blocks.
    Refuses,
    /// It answers what is stored with what is none, but for the events of blocks.
    Garbles,
    /// What is stored is larger than what is accepted, which ends the connection, but for the events of blocks.
    Floods,
    /// The same of what is stored at one key: so many times this byte.
    FloodsOf(u8),
    /// It takes so many seconds to answer what is stored, but for the events of blocks.
    Dawdles(u64),
}

// === impl Fault ===

impl Fault {
    /// Whether anything comes from the node.
    pub(super) const fn answers(&self) -> bool {
        !matches!(self, Self::HalfOpen | Self::Mute)
    }
}
