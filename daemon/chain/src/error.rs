//! What can go wrong between btd and the chain, one enum per operation.
//!
//! Every variant is decided by what happened, never by a node's English, except where a node
//! offers nothing but English (`refusal.rs` says where). Nothing here knows of JSON-RPC: the
//! daemon maps these enums to its own errors.

use std::time::Duration;

use btd_api::{AccountId, BlockHash, BlockNumber};

use crate::{extrinsic::ExtrinsicHash, refusal::PoolRefusal, scale::Mismatch};

/// A configuration that cannot lead to a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No endpoint.
    #[error("no chain endpoint is configured: name at least one, such as ws://127.0.0.1:9944")]
    NoEndpoint,
    /// An endpoint that is not a WebSocket URL.
    #[error("`{endpoint}` is not a chain endpoint: expected ws://host:port or wss://host:port")]
    BadEndpoint {
        /// The text as configured, without what may be a key.
        endpoint: String,
    },
}

/// Why an endpoint is not, or no longer, a source of blocks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No connection could be made.
    #[error("{endpoint} cannot be reached: {reason}")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// What the system said.
        reason: String,
    },
    /// The name of its host is not one that can be looked up now.
    #[error(
        "{endpoint} cannot be reached: the name `{host}` could not be resolved ({reason}); check it, and this machine's name servers"
    )]
    Unresolved {
        /// The endpoint.
        endpoint: String,
        /// The name.
        host: String,
        /// What the resolver said, or that it said nothing.
        reason: String,
    },
    /// A request was not answered in time.
    #[error("{endpoint} did not answer {what} within {after:?}")]
    Silent {
        /// The endpoint.
        endpoint: String,
        /// The request.
        what: String,
        /// The deadline.
        after: Duration,
    },
    /// An established connection ended.
    #[error("the connection to {endpoint} was lost: {reason}")]
    Cut {
        /// The endpoint.
        endpoint: String,
        /// What the system said.
        reason: String,
    },
    /// Connected, and no new block for too long.
    #[error("{endpoint} is connected, but no finalized block has arrived for {after:?}")]
    Stale {
        /// The endpoint.
        endpoint: String,
        /// The limit that passed.
        after: Duration,
    },
    /// Another chain.
    #[error("{endpoint} serves another chain: genesis {found}, expected {expected}")]
    WrongGenesis {
        /// The endpoint.
        endpoint: String,
        /// The genesis that the configuration, or the first endpoint, named.
        expected: BlockHash,
        /// The genesis of the endpoint.
        found: BlockHash,
    },
    /// An endpoint that is older than what was seen already.
    #[error("{endpoint} lags: its finalized block is {finalized}, block {seen} was seen already")]
    Behind {
        /// The endpoint.
        endpoint: String,
        /// Its finalized head.
        finalized: BlockNumber,
        /// The newest block that was followed.
        seen: BlockNumber,
    },
    /// An endpoint that contradicts a block which was final.
    #[error(
        "{endpoint} contradicts finalized history: the parent of block {number} is {found}, block {seen} was followed"
    )]
    Forked {
        /// The endpoint.
        endpoint: String,
        /// The block whose parent differs.
        number: BlockNumber,
        /// The hash that was followed as its parent.
        seen: BlockHash,
        /// The parent that the endpoint states.
        found: BlockHash,
    },
    /// An endpoint that tells of an older runtime than was seen already.
    #[error("{endpoint} tells of an old runtime: spec {found} at block {number}, the blocks before had spec {seen}")]
    OldRuntime {
        /// The endpoint.
        endpoint: String,
        /// The block.
        number: BlockNumber,
        /// The runtime's version as the endpoint tells it.
        found: u32,
        /// The version that was seen already.
        seen: u32,
    },
    /// An endpoint that turns away who asks too much.
    #[error("{endpoint} turns requests away because there were too many of them")]
    RateLimited {
        /// The endpoint.
        endpoint: String,
    },
    /// An answer larger than what is accepted from a node.
    #[error("{endpoint} sent an answer of more than {limit} bytes")]
    Oversized {
        /// The endpoint.
        endpoint: String,
        /// The largest answer that is accepted.
        limit: u32,
    },
    /// An endpoint that answers far more slowly than another one.
    #[error("{endpoint} takes {latency:?} to answer; more than {limit:?} is slow, and another endpoint is faster")]
    Slow {
        /// The endpoint.
        endpoint: String,
        /// The average time of its answers.
        latency: Duration,
        /// What counts as slow.
        limit: Duration,
    },
    /// Nothing is wrong with the endpoint; one that stands before it is well again.
    #[error("{endpoint} was left for {by}, which is preferred and well again")]
    Superseded {
        /// The endpoint.
        endpoint: String,
        /// The preferred one.
        by: String,
    },
    /// An endpoint that has not, or no more, what belongs to a block of the chain.
    #[error("{endpoint} keeps too little to answer {what}: {reason}")]
    Pruned {
        /// The endpoint.
        endpoint: String,
        /// The request.
        what: String,
        /// The node's words.
        reason: String,
    },
    /// An endpoint that refuses or garbles what every node answers.
    #[error("{endpoint} is not usable: {reason}")]
    Unusable {
        /// The endpoint.
        endpoint: String,
        /// What it did.
        reason: String,
    },
}

// === impl ConnectError ===

impl ConnectError {
    /// A stable name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Unresolved { .. } => "unresolved",
            Self::Silent { .. } => "silent",
            Self::Cut { .. } => "cut",
            Self::Stale { .. } => "stale",
            Self::WrongGenesis { .. } => "wrong-genesis",
            Self::Behind { .. } => "behind",
            Self::Forked { .. } => "forked",
            Self::OldRuntime { .. } => "old-runtime",
            Self::RateLimited { .. } => "rate-limited",
            Self::Oversized { .. } => "oversized",
            Self::Slow { .. } => "slow",
            Self::Superseded { .. } => "superseded",
            Self::Pruned { .. } => "pruned",
            Self::Unusable { .. } => "unusable",
        }
    }

    /// The endpoint that it is about.
    pub fn endpoint(&self) -> &str {
        match self {
            Self::Unreachable { endpoint, .. }
            | Self::Unresolved { endpoint, .. }
            | Self::Silent { endpoint, .. }
            | Self::Cut { endpoint, .. }
            | Self::Stale { endpoint, .. }
            | Self::WrongGenesis { endpoint, .. }
            | Self::Behind { endpoint, .. }
            | Self::Forked { endpoint, .. }
            | Self::OldRuntime { endpoint, .. }
            | Self::RateLimited { endpoint }
            | Self::Oversized { endpoint, .. }
            | Self::Slow { endpoint, .. }
            | Self::Superseded { endpoint, .. }
            | Self::Pruned { endpoint, .. }
            | Self::Unusable { endpoint, .. } => endpoint,
        }
    }
}

/// What a runtime may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// A call of a pallet.
    Call,
    /// A storage item of a pallet.
    Storage,
    /// A constant of a pallet.
    Constant,
    /// A method of a runtime API.
    RuntimeApi,
    /// A pallet, or a runtime API as a whole.
    Pallet,
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Storage => "storage item",
            Self::Constant => "constant",
            Self::RuntimeApi => "runtime API",
            Self::Pallet => "pallet or runtime API",
        })
    }
}

/// In which sense a runtime lacks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lack {
    /// It is not there.
    Missing,
    /// It may be there: metadata of version 14 describes no runtime APIs, and the layout of this one
    /// is not known without a description.
    Undescribed,
}

/// The connected runtime has no such thing, or none that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Absent {
    /// What kind of thing.
    pub item: Item,
    /// Its name, `Pallet.name`.
    pub name: String,
    /// The runtime that was asked.
    pub spec_version: u32,
    /// A thing of the same kind and pallet with a similar name.
    pub nearest: Option<String>,
    /// Whether it is not there or only not described.
    pub lack: Lack,
}

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { item, name, spec_version, nearest, lack } = self;
        match lack {
            Lack::Missing => write!(f, "this runtime (spec {spec_version}) has no {item} {name}")?,
            Lack::Undescribed => write!(
                f,
                "the metadata of this runtime (spec {spec_version}) does not describe the {item} {name}, \
                 and its layout is not known without"
            )?,
        }
        nearest.as_ref().map_or(Ok(()), |nearest| write!(f, "; nearest: {nearest}"))
    }
}

/// Why something could not be read from the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The link is not live. Nothing was asked.
    #[error("the chain is out of reach{}", .cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default())]
    NotConnected {
        /// Why, once something was tried.
        cause: Option<Box<ConnectError>>,
    },
    /// The node did not answer in time.
    #[error("{what} was not answered within {after:?}")]
    Deadline {
        /// The request.
        what: String,
        /// The deadline.
        after: Duration,
    },
    /// Its turn never came in time: others were before it, or the node turned requests away. Nothing was
    /// answered, nor found wrong.
    #[error(
        "{what} had no turn within {after:?}: {}",
        if *.is_slowed { "the node answers fewer requests than are wanted of it; name more of them in chain.endpoints, or a node of your own in chain.own" }
        else { "too much else is being asked of the node; ask again, or raise chain.requests_per_s" }
    )]
    NoTurn {
        /// The request.
        what: String,
        /// The deadline.
        after: Duration,
        /// Whether the node had turned requests away as too many.
        is_slowed: bool,
    },
    /// The connection was lost while waiting for the answer, more than once.
    #[error("the link was lost while waiting for {what}")]
    Cut {
        /// The request.
        what: String,
    },
    /// The answer was larger than what is accepted from a node.
    #[error(
        "the answer to {what} is larger than what is taken from a node: raise chain.max_response_bytes, or ask for less"
    )]
    Oversized {
        /// The request.
        what: String,
    },
    /// The node answered with an error.
    #[error("the node refused {what}: {message} (code {code})")]
    Refused {
        /// The request.
        what: String,
        /// The JSON-RPC code.
        code: i32,
        /// The node's words.
        message: String,
    },
    /// The runtime lacks it.
    #[error(transparent)]
    Absent(#[from] Absent),
    /// No such block, or a finalized chain that does not hold it.
    #[error("the node has no block {block}")]
    UnknownBlock {
        /// The number or hash.
        block: String,
    },
    /// A block of the finalized chain that no endpoint keeps any more.
    #[error(
        "no endpoint keeps block {block} any more{}, or name an archive that does in chain.archives",
        .oldest.map_or_else(|| ": begin with a later one".to_owned(), |oldest| format!(": the oldest that can be read is block {oldest}; begin there"))
    )]
    NotKept {
        /// The block.
        block: BlockNumber,
        /// The oldest from which on all can be read, where that can be told.
        oldest: Option<BlockNumber>,
    },
    /// The chain goes on from elsewhere: it was taken back to an earlier block (a development chain), or what an endpoint
    /// had told of it was false. What was read of the blocks that were replaced does not hold any more.
    #[error(
        "the chain goes on from elsewhere and is at block {head} now: the blocks from {first} on were replaced by others, and what was read of them is to be read anew"
    )]
    TakenBack {
        /// The first block that was replaced, or one before it.
        first: BlockNumber,
        /// The block that the chain is at now.
        head: BlockNumber,
    },
    /// The node has thrown that state away.
    #[error("the node no longer keeps the state of block {block}: ask an archive endpoint")]
    Pruned {
        /// The block's hash.
        block: BlockHash,
    },
    /// Only an archive may still have it, and none of those in `chain.archives` can be asked.
    #[error(
        "{what} may be had from an archive alone, and none in chain.archives can be asked now{}",
        .cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default()
    )]
    NoArchive {
        /// The request.
        what: String,
        /// What is wrong with the first that is not well.
        cause: Option<Box<ConnectError>>,
    },
    /// An argument does not fit what the runtime wants. Nothing was asked.
    #[error("{what} cannot be asked: {reason}")]
    Argument {
        /// The request.
        what: String,
        /// The argument and what is wrong with it.
        reason: Mismatch,
    },
    /// The answer is not what the metadata says.
    #[error("{what} cannot be decoded with the metadata of spec {spec_version}: {reason}")]
    Decode {
        /// The request.
        what: String,
        /// The runtime whose metadata was used.
        spec_version: u32,
        /// Where it went wrong.
        reason: Mismatch,
    },
    /// The answer is not even what the node's own interface says.
    #[error("the node answered {what} with something else: {reason}")]
    Garbled {
        /// The request.
        what: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

/// Why an extrinsic could not be made ready. Nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Something that is part of it could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The runtime lacks the call.
    #[error(transparent)]
    Absent(#[from] Absent),
    /// The arguments do not fit.
    #[error("{call} cannot be encoded: {reason}")]
    Argument {
        /// The call, `Pallet.call`.
        call: String,
        /// The argument and what is wrong with it.
        reason: Mismatch,
    },
    /// The runtime asks for data in the extrinsic that btd does not know.
    #[error(
        "the runtime (spec {spec_version}) wants the transaction extension {name}, which this btd does not know: update btd"
    )]
    UnknownExtension {
        /// The runtime.
        spec_version: u32,
        /// The extension's identifier.
        name: String,
    },
    /// The runtime does not take version 4.
    #[error(
        "the runtime (spec {spec_version}) takes extrinsics of versions {supported:?} only, this btd writes version 4: update btd"
    )]
    UnsupportedVersion {
        /// The runtime.
        spec_version: u32,
        /// What it takes.
        supported: Vec<u8>,
    },
    /// Not a lifetime that the chain knows.
    #[error("an era of {period} blocks is not possible: use a power of two from 4 to 2048")]
    BadPeriod {
        /// The wanted lifetime in blocks.
        period: u32,
    },
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key is there and locked.
    #[error("the key of {account} is locked")]
    Locked {
        /// The key's account.
        account: AccountId,
    },
    /// The signer will not sign this.
    #[error("the signer of {account} refused: {reason}")]
    Refused {
        /// The key's account.
        account: AccountId,
        /// Its reason.
        reason: String,
    },
    /// The signer failed.
    #[error("the signer of {account} failed: {source}")]
    Failed {
        /// The key's account.
        account: AccountId,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The signer speaks for another account than the extrinsic was prepared for.
    #[error("the extrinsic was prepared for {wanted}, the signer is {signer}")]
    WrongSigner {
        /// The account in the extrinsic.
        wanted: AccountId,
        /// The account of the signer.
        signer: AccountId,
    },
}

/// Why an extrinsic is not known to be in the pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It was not sent: the same bytes may be sent later.
    #[error("nothing was sent: the chain is out of reach{}", .cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default())]
    NotSent {
        /// Why, once something was tried.
        cause: Option<Box<ConnectError>>,
    },
    /// The pool said no: it is not, and will not be, included unless it was sent before.
    #[error("the pool refused it: {0}")]
    Refused(PoolRefusal),
    /// It was sent, and the answer was lost: it may or may not be in the pool. Send the same bytes
    /// again or follow it; never sign anew.
    #[error("extrinsic {hash} was sent and the answer was lost ({cause}): it may or may not be included")]
    Ambiguous {
        /// The extrinsic.
        hash: ExtrinsicHash,
        /// What was lost.
        cause: String,
    },
}

/// Why the fate of an extrinsic cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrackError {
    /// A block that may hold it cannot be read.
    #[error("block {number} cannot be searched: {source}")]
    Block {
        /// The block.
        number: BlockNumber,
        /// Why.
        source: ReadError,
    },
}
