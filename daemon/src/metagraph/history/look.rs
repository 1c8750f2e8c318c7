//! Looking through a store: which of its records are whole, and which are not.
//!
//! Checksums and the order of the records are looked at, which takes no longer than reading the store; what they
//! hold is decoded when somebody asks for it.

use std::collections::BTreeSet;

use btd_api::BlockNumber;

use super::{
    index::{self, Index, Subject},
    record::Assembly,
    roll::Place,
};
use crate::cache::{Cache, CacheError};

/// What a store holds.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The records that are whole.
    pub(super) index: Index,
    /// Those that are not, or follow in their group upon one that is not.
    pub(super) damaged: BTreeSet<Place>,
    /// The keys that are of no use.
    pub(super) useless: Vec<Vec<u8>>,
    /// Of hashes: they are noted once all records are known.
    hashes: Vec<Vec<u8>>,
    group: Option<Group>,
}

/// The group that is being gone through.
#[derive(Debug)]
struct Group {
    subject: Subject,
    start: BlockNumber,
    /// How many of its records were whole.
    whole: usize,
    is_broken: bool,
    record: Option<Assembly>,
}

/// Looks through `cache`.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn through(cache: &Cache) -> Result<Look, CacheError> {
    let mut look = cache.gather(Look::default(), Look::see).await?;
    look.end_group();
    for key in std::mem::take(&mut look.hashes) {
        // A version that noted no hashes leaves them behind when their records go.
        if look.index.add_hash(&key) != Some(true) {
            look.useless.push(key);
        }
    }
    Ok(look)
}

// === impl Look ===

impl Look {
    fn see(&mut self, key: &[u8], value: &[u8]) {
        let Some((subject, start, block, number)) = index::parse(key) else {
            if index::is_hash(key) {
                self.hashes.push(key.to_vec());
            }
            // Keys of something else are let alone.
            return;
        };
        if self.group.as_ref().is_none_or(|group| (group.subject, group.start) != (subject, start)) {
            self.end_group();
        }
        let group = self.group.get_or_insert(Group { subject, start, whole: 0, is_broken: false, record: None });
        if let Some(done) = group.record.take_if(|record| record.block != block) {
            Self::end_record(group, &done, (&mut self.index, &mut self.damaged, &mut self.useless));
        }
        group.record.get_or_insert_with(|| Assembly::of(block)).add(number, value);
    }

    fn end_group(&mut self) {
        let Some(mut group) = self.group.take() else { return };
        if let Some(done) = group.record.take() {
            Self::end_record(&mut group, &done, (&mut self.index, &mut self.damaged, &mut self.useless));
        }
    }

    fn end_record(
        group: &mut Group,
        record: &Assembly,
        (index, damaged, useless): (&mut Index, &mut BTreeSet<Place>, &mut Vec<Vec<u8>>),
    ) {
        let Group { subject, start, .. } = *group;
        let chunks = record.chunks.iter();
        let keys = chunks.map(|(number, bytes)| (index::key(subject, start, record.block, *number), *bytes));
        group.is_broken |= record.opened(group.whole == 0).is_err();
        if group.is_broken {
            damaged.insert((subject, record.block));
            useless.extend(keys.map(|(key, _)| key));
        } else {
            group.whole += 1;
            keys.for_each(|(key, bytes)| index.add(&key, bytes));
        }
    }
}
