//! What the history holds, in memory: which groups of which blocks, and how many bytes they take.
//!
//! Pure; the store is its owner's. What its keys are made of is in `index/keys.rs`.

mod keys;

use std::collections::{BTreeMap, BTreeSet};

use btd_api::{BlockHash, BlockNumber, MechId, NetUid};
use btd_chain::BlockRef;

use self::keys::parse_hash;
pub(super) use self::keys::{group_prefixes, hash_key, is_hash, key, parse, parse_prefix, place, prefix};
use super::{Kept, roll::Place};

/// Whose history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) genesis: BlockHash,
    pub(super) netuid: NetUid,
    pub(super) mechid: MechId,
}

/// A group of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The block of its first record.
    pub(super) start: BlockNumber,
    /// The blocks of its records, each with what it takes.
    pub(super) blocks: BTreeMap<BlockNumber, Size>,
    /// Their blocks by hash, as far as it is noted.
    hashes: BTreeMap<BlockHash, BlockNumber>,
    bytes: u64,
}

/// What a record takes in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    chunks: u8,
    bytes: u64,
}

/// What is to go, and of which records it is.
#[derive(Debug, Default)]
pub(super) struct Gone {
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) records: Vec<Place>,
}

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Index {
    groups: BTreeMap<(Subject, BlockNumber), Group>,
    bytes: u64,
    damaged: u64,
}

/// The bytes of an entry of the store.
fn bytes_of(key: &[u8], value: usize) -> u64 {
    u64::try_from(key.len().saturating_add(value)).unwrap_or(u64::MAX)
}

// === impl Group ===

impl Group {
    /// The keys of its records from block `from` on, and of their hashes.
    fn keys(&self, subject: Subject, from: BlockNumber) -> impl Iterator<Item = Vec<u8>> + '_ {
        let records = self.blocks.range(from..);
        let chunks = records.flat_map(|(block, size)| (0..size.chunks).map(move |chunk| (*block, chunk)));
        let hashes = self.hashes.iter().map(|(hash, number)| BlockRef { number: *number, hash: *hash });
        chunks.map(move |(block, chunk)| key(subject, self.start, block, chunk)).chain(
            hashes.filter(move |block| block.number >= from).map(move |block| hash_key(subject, self.start, block)),
        )
    }

    fn last(&self) -> BlockNumber {
        self.blocks.last_key_value().map_or(self.start, |(block, _)| *block)
    }

    /// Forgets its records from block `from` on; how many bytes they took.
    fn cut(&mut self, subject: Subject, from: BlockNumber) -> u64 {
        let records = self.blocks.split_off(&from);
        let before = self.hashes.len();
        let noted = hash_key(subject, self.start, BlockRef { number: from, hash: BlockHash([0; 32]) });
        self.hashes.retain(|_, number| *number < from);
        let hashes = u64::try_from(before.saturating_sub(self.hashes.len())).unwrap_or(u64::MAX);
        let bytes = records.values().map(|size| size.bytes).sum::<u64>();
        let bytes = bytes.saturating_add(hashes.saturating_mul(bytes_of(&noted, 0)));
        self.bytes = self.bytes.saturating_sub(bytes);
        bytes
    }
}

// === impl Gone ===

impl Gone {
    fn and(mut self, other: Self) -> Self {
        self.keys.extend(other.keys);
        self.records.extend(other.records);
        self
    }
}

// === impl Index ===

impl Index {
    /// Takes up a chunk with the number of its bytes. What is no key of ours is passed over.
    pub(super) fn add(&mut self, key: &[u8], bytes: usize) {
        let Some((subject, start, block, chunk)) = parse(key) else { return };
        let bytes = bytes_of(key, bytes);
        let empty = || Group { start, blocks: BTreeMap::new(), hashes: BTreeMap::new(), bytes: 0 };
        let group = self.groups.entry((subject, start)).or_insert_with(empty);
        let size = group.blocks.entry(block).or_default();
        size.chunks = size.chunks.max(chunk.saturating_add(1));
        size.bytes = size.bytes.saturating_add(bytes);
        group.bytes = group.bytes.saturating_add(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Takes up the key of a hash. Whether its record is there; none for a key of something else.
    pub(super) fn add_hash(&mut self, key: &[u8]) -> Option<bool> {
        let (subject, start, block) = parse_hash(key)?;
        let group = self.groups.get_mut(&(subject, start));
        let Some(group) = group.filter(|group| group.blocks.contains_key(&block.number)) else { return Some(false) };
        if group.hashes.insert(block.hash, block.number).is_none() {
            group.bytes = group.bytes.saturating_add(bytes_of(key, 0));
            self.bytes = self.bytes.saturating_add(bytes_of(key, 0));
        }
        Some(true)
    }

    fn of(&self, subject: Subject) -> impl DoubleEndedIterator<Item = &Group> {
        let (first, last) = ((subject, BlockNumber(0)), (subject, BlockNumber(u32::MAX)));
        self.groups.range(first..=last).map(|(_, group)| group)
    }

    /// The group that has a record of `block`.
    pub(super) fn group_of(&self, subject: Subject, block: BlockNumber) -> Option<&Group> {
        self.of(subject).find(|group| group.blocks.contains_key(&block))
    }

    /// The block with that hash, if it is noted.
    pub(super) fn with_hash(&self, subject: Subject, hash: BlockHash) -> Option<BlockNumber> {
        self.of(subject).find_map(|group| group.hashes.get(&hash).copied())
    }

    /// The hash of a block of which there is a record of that chain, if one is noted.
    pub(super) fn hash_of(&self, genesis: BlockHash, number: BlockNumber) -> Option<BlockHash> {
        let of_chain = self.groups.iter().filter(|((subject, _), _)| subject.genesis == genesis);
        let mut holding = of_chain.map(|(_, group)| group).filter(|group| group.blocks.contains_key(&number));
        holding.find_map(|group| group.hashes.iter().find(|(_, noted)| **noted == number).map(|(hash, _)| *hash))
    }

    /// The groups with a record whose hash is not noted, the newest first.
    pub(super) fn without_hashes(&self, subject: Subject) -> Vec<BlockNumber> {
        let lacks_some = |group: &&Group| group.hashes.len() < group.blocks.len();
        self.of(subject).rev().filter(lacks_some).map(|group| group.start).collect()
    }

    /// The group that ends nearest before `block`: the last one as a rule, and another where what is recorded was lost.
    pub(super) fn last_before(&self, subject: Subject, block: BlockNumber) -> Option<Group> {
        self.of(subject).filter(|group| group.last() < block).max_by_key(|group| group.last()).cloned()
    }

    /// The last `count` blocks from `from` to `to` of which there are records, in order.
    pub(super) fn blocks(
        &self,
        subject: Subject,
        from: BlockNumber,
        to: BlockNumber,
        count: usize,
    ) -> Vec<BlockNumber> {
        if from > to {
            return Vec::new();
        }
        let mut blocks: Vec<BlockNumber> =
            self.of(subject).flat_map(|group| group.blocks.range(from..=to)).map(|(block, _)| *block).collect();
        blocks.sort_unstable();
        blocks.split_off(blocks.len().saturating_sub(count))
    }

    /// The blocks of the records of a group, in order.
    pub(super) fn blocks_of(&self, subject: Subject, start: BlockNumber) -> impl Iterator<Item = BlockNumber> + '_ {
        self.groups.get(&(subject, start)).into_iter().flat_map(|group| group.blocks.keys().copied())
    }

    /// Whether there is a record of the subject between two blocks.
    pub(super) fn has_between(&self, subject: Subject, before: BlockNumber, behind: BlockNumber) -> bool {
        let between = before.0.saturating_add(1)..behind.0;
        let is_between = |group: &Group| {
            group.blocks.range(BlockNumber(between.start)..).next().is_some_and(|(block, _)| *block < behind)
        };
        !between.is_empty() && self.of(subject).any(is_between)
    }

    /// The newest block of the oldest group of that chain: what is older would have gone before it.
    pub(super) fn oldest(&self, genesis: BlockHash) -> Option<BlockNumber> {
        let of_chain = self.groups.iter().filter(|((subject, _), _)| subject.genesis == genesis);
        of_chain.map(|(_, group)| group.last()).min()
    }

    /// The groups that have a record from `from` to `to`.
    pub(super) fn groups(&self, subject: Subject, from: BlockNumber, to: BlockNumber) -> Vec<BlockNumber> {
        let has_some = |group: &&Group| group.blocks.range(from..=to).next().is_some();
        self.of(subject).filter(has_some).map(|group| group.start).collect()
    }

    /// Forgets groups until the rest is no larger than `limit`: those of other chains than
    /// `genesis` first, then the oldest, and never `but`. Returns what is to go.
    pub(super) fn evict(&mut self, genesis: BlockHash, limit: u64, but: (Subject, BlockNumber)) -> Gone {
        let mut gone = Gone::default();
        while self.bytes > limit {
            let age = |(id, group): &(&(Subject, BlockNumber), &Group)| (id.0.genesis == genesis, group.last(), id.0);
            let oldest = self.groups.iter().filter(|(id, _)| **id != but).min_by_key(age).map(|(id, _)| *id);
            let Some(oldest) = oldest else { break };
            gone = gone.and(self.forget(oldest));
        }
        gone
    }

    /// Whether a record of `block` that takes so many `bytes` would stay, were it recorded now: where there is no room,
    /// the oldest of that chain goes, and that must not be the record itself.
    pub(super) fn has_room(&self, genesis: BlockHash, block: BlockNumber, bytes: usize, limit: u64) -> bool {
        let oldest = self.oldest(genesis);
        let taken = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        taken <= limit || oldest.is_none_or(|oldest| oldest < block)
    }

    /// The bytes of a record, in the mean.
    pub(super) fn usual_record(&self) -> usize {
        let records = self.groups.values().map(|group| group.blocks.len()).sum::<usize>();
        usize::try_from(self.bytes).unwrap_or(usize::MAX).checked_div(records).unwrap_or_default()
    }

    /// The bytes of the largest group: so many may be free at the most after the oldest went.
    pub(super) fn largest_group(&self) -> usize {
        let largest = self.groups.values().map(|group| group.bytes).max().unwrap_or_default();
        usize::try_from(largest).unwrap_or(usize::MAX)
    }

    /// The blocks of which there is a record of that chain.
    pub(super) fn of_chain(&self, genesis: BlockHash) -> BTreeSet<BlockNumber> {
        let of_chain = self.groups.iter().filter(|((subject, _), _)| subject.genesis == genesis);
        of_chain.flat_map(|(_, group)| group.blocks.keys().copied()).collect()
    }

    /// A subnet and mechanism of which there is a record of that block.
    pub(super) fn subject_of(&self, genesis: BlockHash, block: BlockNumber) -> Option<(NetUid, MechId)> {
        let mut of_chain = self.groups.iter().filter(|((subject, _), _)| subject.genesis == genesis);
        let found = of_chain.find(|(_, group)| group.blocks.contains_key(&block));
        found.map(|((subject, _), _)| (subject.netuid, subject.mechid))
    }

    /// Forgets the records of that chain from block `first` on. Returns what is to go.
    pub(super) fn forget_from(&mut self, genesis: BlockHash, first: BlockNumber) -> Gone {
        let of_then =
            self.groups.iter().filter(|((subject, _), group)| subject.genesis == genesis && group.last() >= first);
        let cut: Vec<_> = of_then.map(|(id, _)| *id).collect();
        cut.into_iter().fold(Gone::default(), |gone, id| gone.and(self.cut(id, first)))
    }

    /// Forgets what is damaged of a group: its record of block `from`, and those behind it, which tell what is other
    /// than in that. Returns what is to go.
    pub(super) fn drop_damaged(&mut self, subject: Subject, start: BlockNumber, from: BlockNumber) -> Gone {
        self.note_damage();
        self.cut((subject, start), from)
    }

    /// Forgets what may lie in its group behind one of the records `vanished`, of which nothing is left: it would tell
    /// what is other than in another one than it was told of. Returns what is to go.
    pub(super) fn drop_behind(&mut self, vanished: &BTreeSet<Place>) -> Gone {
        let mut gone = Gone::default();
        for (subject, block) in vanished {
            let around: Vec<BlockNumber> = self
                .of(*subject)
                .filter(|group| group.start < *block && *block < group.last())
                .map(|group| group.start)
                .collect();
            for start in around {
                gone = gone.and(self.cut((*subject, start), *block));
            }
        }
        gone
    }

    /// Counts that something was found to be damaged or lost.
    pub(super) fn note_damage(&mut self) {
        self.damaged = self.damaged.saturating_add(1);
    }

    /// Forgets the records of a group from block `from` on.
    fn cut(&mut self, id: (Subject, BlockNumber), from: BlockNumber) -> Gone {
        let Some(group) = self.groups.get_mut(&id) else { return Gone::default() };
        let (subject, _) = id;
        let records = group.blocks.range(from..).map(|(block, _)| (subject, *block)).collect();
        let keys = group.keys(subject, from).collect();
        self.bytes = self.bytes.saturating_sub(group.cut(subject, from));
        if group.blocks.is_empty() {
            self.groups.remove(&id);
        }
        Gone { keys, records }
    }

    fn forget(&mut self, id: (Subject, BlockNumber)) -> Gone {
        let Some(group) = self.groups.remove(&id) else { return Gone::default() };
        self.bytes = self.bytes.saturating_sub(group.bytes);
        let records = group.blocks.keys().map(|block| (id.0, *block)).collect();
        Gone { keys: group.keys(id.0, BlockNumber(0)).collect(), records }
    }

    /// All records.
    pub(super) fn records(&self) -> impl Iterator<Item = Place> + '_ {
        self.groups.iter().flat_map(|((subject, _), group)| group.blocks.keys().map(|block| (*subject, *block)))
    }

    /// With what the keys of each group begin.
    pub(super) fn prefixes(&self) -> Vec<Vec<u8>> {
        self.groups.keys().flat_map(|(subject, start)| group_prefixes(*subject, *start)).collect()
    }

    /// The same of another store, which tells what this one has lost.
    pub(super) fn replaced_by(&mut self, other: Self) {
        *self = Self { damaged: self.damaged, ..other };
    }

    /// What there is of a subject.
    pub(super) fn kept(&self, subject: Subject) -> Kept {
        Kept {
            first: self.of(subject).filter_map(|group| group.blocks.keys().next()).min().copied(),
            last: self.of(subject).map(Group::last).max(),
            records: self.of(subject).map(|group| group.blocks.len()).sum(),
            bytes: self.of(subject).map(|group| group.bytes).sum(),
            damaged: self.damaged,
        }
    }
}
