//! Whose word it is that was read through a link.
//!
//! What one endpoint alone says destroys nothing. The link says which endpoint it follows, and not which one has
//! answered: where an archive was asked meanwhile, it may have been that one, and the word is nobody's.

use btd_chain::{Link, LinkState};

/// A reading whose teller is wanted.
#[derive(Debug)]
pub(super) struct Reading {
    followed: Option<String>,
    /// How many requests the archives had answered before.
    archived: u64,
}

// === impl Reading ===

impl Reading {
    pub(super) fn begin(link: &Link) -> Self {
        Self { followed: followed(link), archived: archived(link) }
    }

    /// The endpoint that has told all that was read since, if it is known to have been one.
    pub(super) fn teller(self, link: &Link) -> Option<String> {
        let is_alone = archived(link) == self.archived;
        self.followed.filter(|before| is_alone && followed(link).as_ref() == Some(before))
    }
}

/// The endpoint that is followed.
pub(super) fn followed(link: &Link) -> Option<String> {
    match &*link.state().borrow() {
        LinkState::Live { endpoint, .. } => Some(endpoint.clone()),
        LinkState::Connecting { .. } | LinkState::Lost { .. } => None,
    }
}

/// How many requests the archives have answered.
fn archived(link: &Link) -> u64 {
    link.endpoints().iter().filter(|endpoint| endpoint.is_archive).map(|endpoint| endpoint.requests).sum()
}
