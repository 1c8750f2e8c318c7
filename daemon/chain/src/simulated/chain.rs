//! The blocks of the simulated network: headers that follow on each other by their hashes, as many as are asked for.

use std::{cell::RefCell, collections::HashMap, iter::successors};

use btd_api::BlockHash;
use serde_json::{Value as Json, json};
use sp_core::Blake2Hasher;
use sp_trie::{LayoutV0, TrieConfiguration};

use crate::rpc::Header;

/// What every block holds: `Timestamp.set`, not signed.
pub(super) const EXTRINSIC: [u8; 5] = [0x10, 0x04, 0x02, 0x00, 0x04];

thread_local! {
    /// The hashes that were asked for, and of which block each is.
    static KNOWN: RefCell<(HashMap<Place, BlockHash>, HashMap<BlockHash, Place>)> = RefCell::default();
}

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) number: u32,
    /// From this number on its branch has other blocks than the chain; 0 on the chain itself.
    pub(super) forked: u32,
    /// What tells it from another block in the same place.
    pub(super) stands_for: u8,
}

// === impl Place ===

impl Place {
    /// On the chain.
    pub(super) const fn main(number: u32) -> Self {
        Self { number, forked: 0, stands_for: 0 }
    }

    /// On a branch that leaves the chain at block `forked`, which is this one or before it.
    pub(super) const fn forked(number: u32, forked: u32) -> Self {
        Self { number, forked, stands_for: 0 }
    }

    fn parent(self) -> Option<Self> {
        let number = self.number.checked_sub(1)?;
        Some(if number < self.forked { Self::main(number) } else { Self { number, stands_for: 0, ..self } })
    }
}

/// The hash of a block, which is that of its header.
pub(super) fn hash(place: Place) -> BlockHash {
    let known = |place: Place| KNOWN.with_borrow(|(hashes, _)| hashes.get(&place).copied());
    // Those that it follows on first, as far as they are not known.
    let unknown = |place: &Place| known(*place).is_none();
    let line: Vec<Place> = successors(Some(place).filter(unknown), |next| next.parent().filter(unknown)).collect();
    for place in line.into_iter().rev() {
        let header: Header = serde_json::from_value(header(place)).unwrap();
        let hash = header.hash();
        KNOWN.with_borrow_mut(|(hashes, places)| {
            hashes.insert(place, hash);
            places.insert(hash, place);
        });
    }
    known(place).unwrap()
}

/// Where the block of a hash stands.
pub(super) fn place(hash: &Json) -> Option<Place> {
    let hash = serde_json::from_value(hash.clone()).ok()?;
    KNOWN.with_borrow(|(_, places)| places.get(&hash).copied())
}

/// The header of a block.
pub(super) fn header(place: Place) -> Json {
    let Place { number, forked, stands_for } = place;
    let mut root = [stands_for; 32];
    root[..4].copy_from_slice(&forked.to_be_bytes());
    let parent = place.parent().map_or(BlockHash([0; 32]), hash);
    let extrinsics = BlockHash(LayoutV0::<Blake2Hasher>::ordered_trie_root([EXTRINSIC]).0);
    json!({
        "parentHash": parent, "number": format!("{number:#x}"), "stateRoot": BlockHash(root),
        "extrinsicsRoot": extrinsics, "digest": { "logs": ["0x0661757261200807060504030201"] },
    })
}
