//! When what was followed is given up, and from where it is followed anew.
//!
//! What the named nodes have told (`anchor.rs`) outlives that, unless it gives way itself: then it does so with the first
//! block of a named node, and not before, so that those that would go on from it may be followed where that node brings
//! none.

use std::{mem, time::Instant};

use super::{super::anchor, Follower};
use crate::{block::BlockRef, clock, error::ConnectError, rpc::Connection};

// === impl Follower ===

impl Follower {
    /// Whether what was followed is given up: too many contradict it, or each endpoint had its turn since and none
    /// stands by it any more.
    pub(super) fn is_forsaken(&self, now: Instant) -> bool {
        let witnesses = &self.shared.witnesses;
        let is_over = witnesses.are_outnumbered(now) || self.was_tried_everywhere() && witnesses.are_silent(now);
        self.last.is_some() && is_over
    }

    /// What was followed is not the chain's history: it is forgotten, and the chain followed anew, from those that have
    /// contradicted it too.
    pub(super) fn disown(&mut self, why: &ConnectError, is_replaced: bool) {
        tracing::error!(reason = %why, "what was followed is not the chain's history: following it anew");
        let (witnesses, now) = (&self.shared.witnesses, clock::now());
        // What the others have told since is given up without what a named node told before.
        let gives_way = is_replaced || witnesses.is_renounced(self.was_tried_everywhere(), now);
        for node in self.shared.pool.followed() {
            // Whoever contradicts it now may have told it before.
            node.note_disproved();
            if witnesses.contradicts(&node.endpoint) || gives_way && witnesses.misses(&node.endpoint) {
                node.note_absolved();
            }
        }
        // Where nobody else would go on from it, it is kept for nobody.
        let is_shared = witnesses.is_had_by_others(now);
        if gives_way && !is_shared {
            witnesses.anchor.lift();
        }
        self.gives_way = gives_way && is_shared;
        self.forget();
        self.shared.head.send_replace(None);
    }

    /// Nothing was followed, or it was given up. What the named nodes have told is gone on from then too, also by one of
    /// them, unless it gives way: that it does as well where each endpoint was tried in vain, and the chain of that node
    /// was seen to go on meanwhile. One of them that is merely behind has nothing in the place of it.
    pub(super) async fn check_anchor(&mut self, connection: &Connection, newest: BlockRef) -> Result<(), ConnectError> {
        let checked = anchor::check(&self.shared, connection, newest).await;
        let endpoint = &connection.node().endpoint;
        if !self.shared.witnesses.anchor.is_named(endpoint) {
            return checked;
        }
        let has_parted = match checked {
            Err(ConnectError::Forked { .. }) => true,
            Err(ConnectError::Behind { .. }) => self.trail.is_left(connection, newest).await.unwrap_or(false),
            Ok(()) | Err(_) => false,
        };
        if !has_parted {
            return checked;
        }
        let before = self.refused.insert(endpoint.clone(), newest.number);
        if before.is_some_and(|before| before < newest.number) && self.was_tried_everywhere() {
            self.gives_way = true;
        }
        if self.gives_way { Ok(()) } else { checked }
    }

    /// A block of this endpoint is followed: what the named nodes have told gives way now, if it is to, and if it is
    /// one of them.
    pub(super) fn give_way(&mut self, connection: &Connection) {
        self.refused.clear();
        let anchor = &self.shared.witnesses.anchor;
        if mem::take(&mut self.gives_way) && anchor.is_named(&connection.node().endpoint) {
            anchor.lift();
        }
    }
}
