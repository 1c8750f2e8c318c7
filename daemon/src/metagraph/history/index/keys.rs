//! The keys of the store of a history.

use btd_api::{BlockHash, BlockNumber, MechId, NetUid};
use btd_chain::BlockRef;

use super::{super::roll::Place, Subject};

/// The beginning of the keys of a group.
pub(in crate::metagraph::history) fn prefix(subject: Subject, start: BlockNumber) -> Vec<u8> {
    let Subject { genesis, netuid, mechid } = subject;
    [&genesis.0[..], &netuid.0.to_be_bytes(), &[mechid.0], &start.0.to_be_bytes()].concat()
}

/// The subject and the block of such a beginning.
pub(in crate::metagraph::history) fn parse_prefix(bytes: &[u8]) -> Option<Place> {
    let (subject, block, rest) = parse_group(bytes)?;
    rest.is_empty().then_some((subject, block))
}

/// The key of a chunk of a record.
pub(in crate::metagraph::history) fn key(
    subject: Subject,
    start: BlockNumber,
    block: BlockNumber,
    chunk: u8,
) -> Vec<u8> {
    [prefix(subject, start), block.0.to_be_bytes().to_vec(), vec![chunk]].concat()
}

/// The block and chunk of a key.
pub(in crate::metagraph::history) fn place(key: &[u8]) -> Option<(BlockNumber, u8)> {
    parse(key).map(|(_, _, block, chunk)| (block, chunk))
}

/// The subject, the group, the block and the chunk of a key.
pub(in crate::metagraph::history) fn parse(key: &[u8]) -> Option<(Subject, BlockNumber, BlockNumber, u8)> {
    let (subject, start, block, rest) = parse_record(key)?;
    let [chunk] = rest else { return None };
    Some((subject, start, block, *chunk))
}

/// The subject, the group and the block of a record, and what is behind them in the key.
fn parse_record(key: &[u8]) -> Option<(Subject, BlockNumber, BlockNumber, &[u8])> {
    let (subject, start, rest) = parse_group(key)?;
    let (block, rest) = rest.split_first_chunk::<4>()?;
    Some((subject, start, BlockNumber(u32::from_be_bytes(*block)), rest))
}

/// The subject and the group, and what is behind them in the key.
fn parse_group(key: &[u8]) -> Option<(Subject, BlockNumber, &[u8])> {
    let (genesis, rest) = key.split_first_chunk::<32>()?;
    let (netuid, rest) = rest.split_first_chunk::<2>()?;
    let ([mechid], rest) = rest.split_first_chunk::<1>()?;
    let (start, rest) = rest.split_first_chunk::<4>()?;
    let subject =
        Subject { genesis: BlockHash(*genesis), netuid: NetUid(u16::from_be_bytes(*netuid)), mechid: MechId(*mechid) };
    Some((subject, BlockNumber(u32::from_be_bytes(*start)), rest))
}

/// What keys of hashes begin with. They are longer than those of chunks, whatever those begin with.
const HASH: u8 = b'h';

/// The key that notes the hash of a record's block.
pub(in crate::metagraph::history) fn hash_key(subject: Subject, start: BlockNumber, block: BlockRef) -> Vec<u8> {
    [&hash_prefix(subject, start)[..], &block.number.0.to_be_bytes(), &block.hash.0].concat()
}

/// The beginning of the keys that note the hashes of a group.
fn hash_prefix(subject: Subject, start: BlockNumber) -> Vec<u8> {
    [&[HASH][..], &prefix(subject, start)].concat()
}

/// With what the keys of a group begin: of its records, and of their hashes.
pub(in crate::metagraph::history) fn group_prefixes(subject: Subject, start: BlockNumber) -> [Vec<u8>; 2] {
    [prefix(subject, start), hash_prefix(subject, start)]
}

/// Whether a key notes a hash.
pub(in crate::metagraph::history) fn is_hash(key: &[u8]) -> bool {
    parse_hash(key).is_some()
}

/// The subject, the group and the block of a key that notes a hash.
pub(super) fn parse_hash(key: &[u8]) -> Option<(Subject, BlockNumber, BlockRef)> {
    let (HASH, rest) = key.split_first().map(|(first, rest)| (*first, rest))? else { return None };
    let (subject, start, number, rest) = parse_record(rest)?;
    let hash = BlockHash(rest.try_into().ok()?);
    Some((subject, start, BlockRef { number, hash }))
}
