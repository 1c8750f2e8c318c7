//! The beginning of a block's hash, by which cursors tell a block from another that has taken its place.

use std::{fmt, str::FromStr};

use btd_api::BlockHash;

/// The beginning of a block's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(pub(super) [u8; 4]);

// === impl Mark ===

impl Mark {
    pub(super) fn of(hash: BlockHash) -> Self {
        let [a, b, c, d, ..] = hash.0;
        Self([a, b, c, d])
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Mark {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut mark = [0; 4];
        hex::decode_to_slice(text, &mut mark).map(|()| Self(mark))
    }
}
