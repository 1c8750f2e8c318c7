//! Sender uuids, so that concurrent requests do not overtake each other.
//!
//! An axon takes a nonce only if it exceeds the last one of the same hotkey and uuid. Two requests
//! under one uuid that travel at once may arrive in the other order, and the earlier one is then
//! refused as a replay. So each request in flight has a uuid to itself, and gives it back when it
//! is over: there are as many as there ever were requests at once.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// The uuids that are free.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    free: Mutex<Vec<String>>,
}

/// A uuid in use, given back on drop.
#[derive(Debug)]
pub(super) struct Lane<'a> {
    lanes: &'a Lanes,
    uuid: String,
}

// === impl Lanes ===

impl Lanes {
    /// A uuid that no request in flight uses. Random: it tells nothing of this host.
    pub(super) fn enter(&self) -> Lane<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lane { lanes: self, uuid: free.unwrap_or_else(|| Uuid::new_v4().to_string()) }
    }
}

// === impl Lane ===

impl Lane<'_> {
    pub(super) fn uuid(&self) -> &str {
        &self.uuid
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        let uuid = std::mem::take(&mut self.uuid);
        self.lanes.free.lock().unwrap_or_else(PoisonError::into_inner).push(uuid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_at_once_have_uuids_of_their_own_and_later_ones_share() {
        let lanes = Lanes::default();
        let (first, second) = (lanes.enter(), lanes.enter());
        assert_ne!(first.uuid(), second.uuid());
        let known = [first.uuid().to_owned(), second.uuid().to_owned()];
        drop((first, second));
        assert!(known.contains(&lanes.enter().uuid().to_owned()));
    }
}
