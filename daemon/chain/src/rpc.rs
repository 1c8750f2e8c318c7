//! One connection to one node, and the requests that are made of it.
//!
//! A [`Request`] is data (`rpc/request.rs`, and of many keys at once `rpc/changes.rs`); a [`Connection`] sends it with a
//! deadline (`rpc/connection.rs`) and says how it failed (`rpc/problem.rs`). Nothing is retried or reconnected here:
//! that is the follower's decision (`link/follower.rs`). How the connection is made is in `dial.rs`.

mod changes;
mod connection;
mod header;
mod problem;
mod request;

use std::{fmt, future::Future};

use serde::de::DeserializeOwned;

pub(crate) use self::{
    changes::{Changes, Keys},
    connection::{Connection, SentAt},
    header::{Announced, Header},
    problem::{RpcProblem, tells_discarded, tells_gone, with_data},
    request::{
        Body, HexBytes, Question, Request, RuntimeVersion, best_hash, block, block_hash, call, finalized_head, header,
        health, metadata, next_nonce, read, reads, runtime_version, storage, storage_keys, storage_values, submit,
    },
};
use crate::endpoint::Endpoint;

/// Something that answers requests: a connection, or the link with its second try.
pub(crate) trait Ask: Sync {
    /// How it reports failure.
    type Error: fmt::Display + Send;

    /// Sends `request`, reads the answer, and says whose word it is; nobody's where nobody has anything to tell.
    fn tell<T: DeserializeOwned + Send>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<(T, Option<Endpoint>), Self::Error>> + Send;

    /// The same, whoever answers.
    fn ask<T: DeserializeOwned + Send>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<T, Self::Error>> + Send {
        async move { Ok(self.tell(request).await?.0) }
    }

    /// An answer that reads, and still cannot be right.
    fn nonsense(&self, what: &str, reason: String) -> Self::Error;

    /// Whose word of a runtime counts whoever has named it: that of the endpoint that is followed.
    fn followed(&self) -> Option<Endpoint>;

    /// Whether the node itself said no, so that asking another way may help.
    fn is_refusal(error: &Self::Error) -> bool;

    /// Whether the node said that it does not keep what belongs to the block, or no more.
    fn is_gone(error: &Self::Error) -> bool;

    /// Whether the node did answer, and told nothing that can be used, for which it may have any reason.
    fn is_withheld(error: &Self::Error) -> bool;
}
