//! What the history holds, in memory: which groups of which blocks, and how many bytes they take.
//!
//! Pure; the store is its owner's.

use std::collections::{BTreeMap, BTreeSet};

use btd_api::{BlockHash, BlockNumber, MechId, NetUid};
use btd_chain::BlockRef;

use super::Kept;

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
    /// The blocks of its records, each with the number of its chunks.
    pub(super) blocks: BTreeMap<BlockNumber, u8>,
    /// Their blocks by hash, as far as it is noted.
    hashes: BTreeMap<BlockHash, BlockNumber>,
    bytes: u64,
}

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Index {
    groups: BTreeMap<(Subject, BlockNumber), Group>,
    bytes: u64,
    damaged: u64,
}

/// The beginning of the keys of a group.
pub(super) fn prefix(subject: Subject, start: BlockNumber) -> Vec<u8> {
    let Subject { genesis, netuid, mechid } = subject;
    [&genesis.0[..], &netuid.0.to_be_bytes(), &[mechid.0], &start.0.to_be_bytes()].concat()
}

/// The key of a chunk of a record.
pub(super) fn key(subject: Subject, start: BlockNumber, block: BlockNumber, chunk: u8) -> Vec<u8> {
    [prefix(subject, start), block.0.to_be_bytes().to_vec(), vec![chunk]].concat()
}

/// The block and chunk of a key.
pub(super) fn place(key: &[u8]) -> Option<(BlockNumber, u8)> {
    parse(key).map(|(_, _, block, chunk)| (block, chunk))
}

fn parse(key: &[u8]) -> Option<(Subject, BlockNumber, BlockNumber, u8)> {
    let (subject, start, block, rest) = parse_record(key)?;
    let [chunk] = rest else { return None };
    Some((subject, start, block, *chunk))
}

/// The subject, the group and the block of a record, and what is behind them in the key.
fn parse_record(key: &[u8]) -> Option<(Subject, BlockNumber, BlockNumber, &[u8])> {
    let (genesis, rest) = key.split_first_chunk::<32>()?;
    let (netuid, rest) = rest.split_first_chunk::<2>()?;
    let ([mechid], rest) = rest.split_first_chunk::<1>()?;
    let (start, rest) = rest.split_first_chunk::<4>()?;
    let (block, rest) = rest.split_first_chunk::<4>()?;
    let number = |bytes: &[u8; 4]| BlockNumber(u32::from_be_bytes(*bytes));
    let subject =
        Subject { genesis: BlockHash(*genesis), netuid: NetUid(u16::from_be_bytes(*netuid)), mechid: MechId(*mechid) };
    Some((subject, number(start), number(block), rest))
}

/// What keys of hashes begin with. They are longer than those of chunks, whatever those begin with.
const HASH: u8 = b'h';

/// The key that notes the hash of a record's block.
pub(super) fn hash_key(subject: Subject, start: BlockNumber, block: BlockRef) -> Vec<u8> {
    [&[HASH][..], &prefix(subject, start), &block.number.0.to_be_bytes(), &block.hash.0].concat()
}

fn parse_hash(key: &[u8]) -> Option<(Subject, BlockNumber, BlockRef)> {
    let (HASH, rest) = key.split_first().map(|(first, rest)| (*first, rest))? else { return None };
    let (subject, start, number, rest) = parse_record(rest)?;
    let hash = BlockHash(rest.try_into().ok()?);
    Some((subject, start, BlockRef { number, hash }))
}

/// The bytes of an entry of the store.
fn bytes_of(key: &[u8], value: usize) -> u64 {
    u64::try_from(key.len().saturating_add(value)).unwrap_or(u64::MAX)
}

// === impl Group ===

impl Group {
    fn keys(&self, subject: Subject) -> impl Iterator<Item = Vec<u8>> + '_ {
        let chunks = self.blocks.iter().flat_map(|(block, chunks)| (0..*chunks).map(move |chunk| (*block, chunk)));
        let hashes = self.hashes.iter().map(|(hash, number)| BlockRef { number: *number, hash: *hash });
        chunks
            .map(move |(block, chunk)| key(subject, self.start, block, chunk))
            .chain(hashes.map(move |block| hash_key(subject, self.start, block)))
    }

    fn last(&self) -> BlockNumber {
        self.blocks.last_key_value().map_or(self.start, |(block, _)| *block)
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
        let chunks = group.blocks.entry(block).or_insert(0);
        *chunks = (*chunks).max(chunk.saturating_add(1));
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

    /// The last group, if all of it is before `block`.
    pub(super) fn last_before(&self, subject: Subject, block: BlockNumber) -> Option<Group> {
        self.of(subject).next_back().filter(|group| group.last() < block).cloned()
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

    /// The groups that have a record from `from` to `to`.
    pub(super) fn groups(&self, subject: Subject, from: BlockNumber, to: BlockNumber) -> Vec<BlockNumber> {
        let has_some = |group: &&Group| group.blocks.range(from..=to).next().is_some();
        self.of(subject).filter(has_some).map(|group| group.start).collect()
    }

    /// Forgets groups until the rest is no larger than `limit`: those of other chains than
    /// `genesis` first, then the oldest, and never `but`. Returns the keys that are to go.
    pub(super) fn evict(&mut self, genesis: BlockHash, limit: u64, but: (Subject, BlockNumber)) -> Vec<Vec<u8>> {
        let mut gone = Vec::new();
        while self.bytes > limit {
            let age = |(id, group): &(&(Subject, BlockNumber), &Group)| (id.0.genesis == genesis, group.last(), id.0);
            let oldest = self.groups.iter().filter(|(id, _)| **id != but).min_by_key(age).map(|(id, _)| *id);
            let Some(oldest) = oldest else { break };
            gone.extend(self.forget(oldest));
        }
        gone
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

    /// Forgets every group of that chain with a record from `first` on. Returns the keys that are to go.
    pub(super) fn forget_from(&mut self, genesis: BlockHash, first: BlockNumber) -> Vec<Vec<u8>> {
        let of_then =
            self.groups.iter().filter(|((subject, _), group)| subject.genesis == genesis && group.last() >= first);
        let gone: Vec<_> = of_then.map(|(id, _)| *id).collect();
        gone.into_iter().flat_map(|id| self.forget(id)).collect()
    }

    /// Forgets a group that is damaged. Returns its keys.
    pub(super) fn drop_damaged(&mut self, subject: Subject, start: BlockNumber) -> Vec<Vec<u8>> {
        self.damaged = self.damaged.saturating_add(1);
        self.forget((subject, start))
    }

    fn forget(&mut self, id: (Subject, BlockNumber)) -> Vec<Vec<u8>> {
        let Some(group) = self.groups.remove(&id) else { return Vec::new() };
        self.bytes = self.bytes.saturating_sub(group.bytes);
        group.keys(id.0).collect()
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
