//! The chain as btd sees it: the only speaker of SCALE, metadata and subxt.
//!
//! [`link`] makes a [`Link`] and a [`Follower`]. The follower is the long task that keeps a checked
//! connection to the best of the configured endpoints and follows finalized blocks; the link is what
//! everyone else holds: its state, the blocks in order, reads pinned at a block ([`View`]), and
//! extrinsics ([`Link::prepare`], [`Prepared::sign`], [`Link::submit`], [`Link::track`]).
//!
//! Everything is decoded by live metadata and by name. Keys are not held here: whoever has them is
//! asked through [`Sign`]. What is journalled, cached or served is the daemon's decision.
#![warn(missing_docs, missing_debug_implementations)]

mod block;
mod call;
mod clock;
mod dial;
mod dispatch;
mod endpoint;
mod error;
mod extrinsic;
mod fetch;
#[cfg(test)]
mod generations;
#[cfg(test)]
mod handmade;
mod hashes;
mod hex_bytes;
mod link;
mod refusal;
mod rpc;
mod runtime;
mod scale;
#[cfg(test)]
mod simulated;
mod value;
mod view;

pub use block::{BlockRef, DecodedCall, Event, Extrinsic, FinalizedBlock, Illegible};
pub use call::Call;
pub use dispatch::DispatchError;
pub use endpoint::Endpoint;
pub use error::{
    Absent, ConfigError, ConnectError, Item, Lack, PrepareError, ReadError, SignError, SubmitError, TrackError,
};
pub use extrinsic::{
    Era, ExtrinsicHash, Mortality, PrepareOptions, Prepared, Sign, Signature, SignedExtrinsic, Signing, SigningPayload,
};
pub use hashes::{
    PureOrigin, account_hash, call_hash, lease_account, multisig_account, pure_account, weights_commit_hash,
};
pub use link::{
    BestHead, BlockStream, EndpointStatus, Finality, Follower, Hindrance, Inclusion, Link, LinkConfig, LinkState,
    Priority, Probe, PublicNetwork, Seen, Standing, Tracked, Unseen, Weight, link,
};
pub use refusal::{PoolRefusal, RefusalReason, ValidityCode};
pub use runtime::{ArgumentForm, CallArgument, Description, Runtime, SilentStake};
pub use scale::Mismatch;
pub use value::{NotAnInteger, Value};
pub use view::{
    AxonInfo, Balance, ChainIdentity, DynamicInfo, FixedPoint, Generation, HyperValue, Hyperparameters, I96F32,
    MetagraphFields, MetagraphParts, NeuronLite, Part, RawMetagraph, Row, StakeInfo, StorageEntry, SubnetEntry,
    SubnetIdentity, SubnetMarks, View, pool_price, storage_index,
};
