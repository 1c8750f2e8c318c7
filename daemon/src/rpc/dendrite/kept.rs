//! Replies that are kept until the program that asked is told of them, and the room that they take for as long.

use btd_api::{
    ApiError,
    dendrite::{QueryReplies, QueryReply},
};

use super::super::answer::{Envelope, Written};
use crate::dendrite::Held;

/// A reply, and what it takes of the room for replies, if anything was asked.
pub(super) type Kept = (QueryReply, Option<Held>);

/// The replies of a query, which hold their room until they are written down for whoever asked.
#[derive(Debug)]
pub(super) struct Gathered {
    replies: QueryReplies,
    _held: Vec<Held>,
}

// === impl Gathered ===

impl Gathered {
    pub(super) fn new(kept: Vec<Kept>) -> Self {
        let (replies, held): (_, Vec<_>) = kept.into_iter().unzip();
        Self { replies: QueryReplies { replies }, _held: held.into_iter().flatten().collect() }
    }
}

impl Written for Gathered {
    fn within(&self, envelope: &Envelope) -> Result<String, ApiError> {
        envelope.around(&self.replies)
    }
}
