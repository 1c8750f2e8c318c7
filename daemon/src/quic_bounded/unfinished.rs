//! What has come of frames that lack their end: bounded for all streams of a connection together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// What the unfinished frames of a connection take.
#[derive(Debug, Clone)]
pub(super) struct AllUnfinished {
    bytes: Arc<AtomicUsize>,
    most: usize,
}

/// What the frame of one stream takes of it, given back on drop.
#[derive(Debug)]
pub(super) struct Unfinished {
    all: AllUnfinished,
    own: usize,
}

// === impl AllUnfinished ===

impl AllUnfinished {
    pub(super) fn new(most: usize) -> Self {
        Self { bytes: Arc::default(), most }
    }

    /// For a stream of which nothing has come.
    pub(super) fn open(&self) -> Unfinished {
        Unfinished { all: self.clone(), own: 0 }
    }
}

// === impl Unfinished ===

impl Unfinished {
    /// Has the stream's frame take so many bytes more; whether all of them then take no more than they may.
    pub(super) fn take(&mut self, more: usize) -> bool {
        self.own = self.own.saturating_add(more);
        self.all.bytes.fetch_add(more, Ordering::Relaxed).saturating_add(more) <= self.all.most
    }

    /// The frame has come to its end.
    pub(super) fn give_back(&mut self) {
        if self.own > 0 {
            self.all.bytes.fetch_sub(self.own, Ordering::Relaxed);
            self.own = 0;
        }
    }

    /// What all of them may take.
    pub(super) fn most(&self) -> usize {
        self.all.most
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.give_back();
    }
}
