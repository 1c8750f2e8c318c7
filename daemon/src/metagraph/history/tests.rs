//! That the history gives back what was told it, in its bounds, and notices what is damaged.

mod damage;

use std::path::Path;

use btd_api::AccountId;
use futures_util::future::join;
use tokio::sync::MutexGuard;

use super::{
    super::{file, table::Column},
    *,
};

const GENESIS: BlockHash = BlockHash([7; 32]);
const PLENTY: u64 = 64 << 20;

/// The history that lies in the directory `path`.
async fn opened_at(path: &Path, limit: u64) -> History {
    let layout = crate::cache::history_layout(limit);
    let (cache, _) = Cache::open_as(layout, path.join("history"), 4 << 20).await.unwrap();
    History::open(cache, limit).await.unwrap()
}

/// The metagraph of subnet `netuid` as it was at an epoch.
fn epoch(netuid: u16, block: u32) -> Table {
    let mut table = file::tests::table(32);
    (table.netuid, table.at.block.number) = (NetUid(netuid), BlockNumber(block));
    table.rows = None;
    for (name, column) in &mut table.columns {
        match Arc::make_mut(column) {
            Column::Longs(values) => values.iter_mut().for_each(|value| *value = value.wrapping_mul(block.into())),
            Column::Shorts(values) => values.iter_mut().for_each(|value| *value ^= u16::try_from(block).unwrap()),
            Column::Accounts(values) if &**name == "hotkeys" => {
                values[3] = AccountId([u8::try_from(block / 100 % 256).unwrap(); 32]);
            }
            _ => {}
        }
    }
    table
}

async fn recorded(history: &History, netuid: u16, epochs: impl IntoIterator<Item = u32>) {
    for block in epochs {
        history.record(GENESIS, &epoch(netuid, block)).await.unwrap();
    }
}

/// A history of subnet 1 at `blocks`, whose hashes are their hundreds; what is kept from block `doubted` on was not
/// compared with the chain.
pub(crate) async fn remembering(path: &Path, genesis: BlockHash, blocks: &[u32], doubted: Option<u32>) -> History {
    let history = opened_at(path, PLENTY).await;
    for block in blocks {
        let mut table = epoch(1, *block);
        table.at.block.hash = BlockHash([u8::try_from(block / 100).unwrap(); 32]);
        history.record(genesis, &table).await.unwrap();
    }
    history.doubt_from(doubted.map(BlockNumber));
    history
}

#[tokio::test]
async fn what_was_recorded_is_told_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let subject = (NetUid(1), MechId(0));
    let blocks: Vec<u32> = (1..=60).map(|number| number * 100).collect();
    let history = opened_at(directory.path(), PLENTY).await;
    recorded(&history, 1, blocks.clone()).await;
    recorded(&history, 2, [150, 250]).await;
    recorded(&history, 1, [300]).await;
    let kept = history.kept(GENESIS, subject).await;
    assert_eq!((kept.first, kept.last, kept.records), (Some(BlockNumber(100)), Some(BlockNumber(6_000)), 60));
    let whole = u64::try_from(file::write(&epoch(1, 100)).len()).unwrap();
    assert!(kept.bytes < whole * 60 / 2, "{} bytes for 60 records, one alone is {whole}", kept.bytes);
    drop(history);

    let history = opened_at(directory.path(), PLENTY).await;
    assert_eq!(history.kept(GENESIS, subject).await, kept);
    for block in blocks {
        assert_eq!(history.of(GENESIS, subject, BlockNumber(block)).await.unwrap(), Some(epoch(1, block)));
    }
    assert_eq!(history.of(GENESIS, subject, BlockNumber(101)).await.unwrap(), None);
    assert_eq!(history.at(GENESIS, subject, BlockNumber(2_599)).await.unwrap(), Some(epoch(1, 2_500)));
    assert_eq!(history.at(GENESIS, subject, BlockNumber(99)).await.unwrap(), None);
    let some = history.range(GENESIS, subject, (BlockNumber(2_250), BlockNumber(2_600)), 3).await.unwrap();
    assert_eq!(some, [epoch(1, 2_400), epoch(1, 2_500), epoch(1, 2_600)]);
    assert_eq!(history.at(BlockHash([8; 32]), subject, BlockNumber(500)).await.unwrap(), None);
}

/// The hash of a block, and its metagraph with that hash.
fn hash(block: u32) -> BlockHash {
    BlockHash([u8::try_from(block / 100).unwrap(); 32])
}

fn hashed(block: u32) -> Table {
    let mut table = epoch(1, block);
    table.at.block.hash = hash(block);
    table
}

const MAIN: (NetUid, MechId) = (NetUid(1), MechId(0));

async fn found(history: &History, block: u32) -> Option<Table> {
    history.with_hash(GENESIS, MAIN, hash(block)).await.unwrap()
}

async fn damaged(history: &History) -> u64 {
    history.kept(GENESIS, MAIN).await.damaged
}

/// The keys that the store has and that begin with `prefix`.
async fn keys(history: &History, prefix: &[u8]) -> Vec<Vec<u8>> {
    history.store.scan(prefix).await.unwrap().into_iter().map(|(key, _)| key).collect()
}

/// The keys of hashes that the store has.
async fn noted(history: &History) -> Vec<Vec<u8>> {
    keys(history, b"h").await
}

/// Takes keys out of the store.
async fn without(history: &History, keys: &[Vec<u8>]) {
    let mut batch = Batch::default();
    for key in keys {
        batch.remove(key);
    }
    history.store.write(batch).await.unwrap();
}

/// Garbles what is kept of the group that begins at `block`.
async fn garble(history: &History, block: u32) {
    let subject = Subject { genesis: GENESIS, netuid: MAIN.0, mechid: MAIN.1 };
    let mut batch = Batch::default();
    for (key, _) in history.store.scan(&index::prefix(subject, BlockNumber(block))).await.unwrap() {
        batch.put(&key, b"garbled".to_vec());
    }
    history.store.write(batch).await.unwrap();
}

#[tokio::test]
async fn a_record_is_found_by_the_hash_of_its_block_as_long_as_it_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    for block in (1..=50).map(|number| number * 100) {
        history.record(GENESIS, &hashed(block)).await.unwrap();
    }
    for block in [2_600, 100, 2_600, 5_000] {
        assert_eq!(found(&history, block).await, Some(hashed(block)));
    }
    assert_eq!(found(&history, 5_100).await, None);
    assert_eq!(history.with_hash(GENESIS, (NetUid(2), MechId(0)), hash(100)).await.unwrap(), None);
    // What comes later is found, and what is forgotten is not.
    history.record(GENESIS, &hashed(5_100)).await.unwrap();
    assert_eq!(found(&history, 5_100).await, Some(hashed(5_100)));
    history.forget_from(GENESIS, BlockNumber(5_000)).await.unwrap();
    assert_eq!(found(&history, 5_100).await, None);
    assert_eq!(found(&history, 5_000).await, None);
    assert_eq!(found(&history, 200).await, Some(hashed(200)));
    assert_eq!(found(&history, 4_900).await, Some(hashed(4_900)), "of its group, and the chain's");
    assert_eq!(noted(&history).await.len(), 49, "no hash outlives its record");
}

#[tokio::test]
async fn looking_for_a_hash_reads_no_other_record_than_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    for block in (1..=50).map(|number| number * 100) {
        history.record(GENESIS, &hashed(block)).await.unwrap();
    }
    drop(history);
    let history = opened_at(directory.path(), PLENTY).await;
    // Whatever was read would be found to be damaged: the groups begin at 100, 2,500 and 4,900.
    garble(&history, 100).await;
    garble(&history, 4_900).await;
    assert_eq!(found(&history, 6_000).await, None);
    assert_eq!(found(&history, 2_600).await, Some(hashed(2_600)));
    assert_eq!(damaged(&history).await, 0);
    assert_eq!(found(&history, 200).await, None);
    assert_eq!(found(&history, 200).await, None);
    assert_eq!(damaged(&history).await, 1, "found out once, and then gone");
}

#[tokio::test]
async fn hashes_that_an_earlier_version_did_not_note_are_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    for block in (1..=50).map(|number| number * 100) {
        history.record(GENESIS, &hashed(block)).await.unwrap();
    }
    let kept = history.kept(GENESIS, MAIN).await;
    let hashes = noted(&history).await;
    assert_eq!(hashes.len(), 50);
    without(&history, &hashes).await;
    drop(history);

    let history = opened_at(directory.path(), PLENTY).await;
    garble(&history, 2_500).await;
    assert_eq!(found(&history, 200).await, Some(hashed(200)));
    assert_eq!((noted(&history).await.len(), damaged(&history).await), (26, 1), "the damaged one is gone");
    drop(history);

    // Known for good: nothing is read for a hash that is not among them.
    let history = opened_at(directory.path(), PLENTY).await;
    garble(&history, 100).await;
    assert_eq!(found(&history, 6_000).await, None);
    assert_eq!(damaged(&history).await, 0);
    assert_eq!(found(&history, 5_000).await, Some(hashed(5_000)));
    let now = history.kept(GENESIS, MAIN).await;
    assert!(now.records == 26 && now.bytes < kept.bytes, "{now:?} after {kept:?}");
    drop(history);

    // An earlier version leaves hashes behind when it drops their records.
    let history = opened_at(directory.path(), PLENTY).await;
    let records = keys(&history, &GENESIS.0).await;
    without(&history, &records).await;
    drop(history);
    let history = opened_at(directory.path(), PLENTY).await;
    assert_eq!((noted(&history).await.len(), history.kept(GENESIS, MAIN).await.records), (0, 0));
}

#[tokio::test]
async fn the_oldest_go_when_there_is_too_much() {
    let directory = tempfile::tempdir().unwrap();
    let whole = u64::try_from(file::write(&epoch(1, 100)).len()).unwrap();
    let history = opened_at(directory.path(), whole * 20).await;
    recorded(&history, 1, (1..=400).map(|number| number * 100)).await;
    let kept = history.kept(GENESIS, (NetUid(1), MechId(0))).await;
    assert!(kept.bytes <= whole * 20 && kept.records > 20, "{kept:?}");
    assert_eq!(kept.last, Some(BlockNumber(40_000)));
    let first = kept.first.unwrap();
    assert!(first > BlockNumber(100));
    let found = history.of(GENESIS, (NetUid(1), MechId(0)), first).await.unwrap();
    assert_eq!(found, Some(epoch(1, first.0)));
    // Another chain's goes before anything of this one.
    history.record(BlockHash([8; 32]), &epoch(9, 50_000)).await.unwrap();
    recorded(&history, 1, (401..=440).map(|number| number * 100)).await;
    assert_eq!(history.kept(BlockHash([8; 32]), (NetUid(9), MechId(0))).await.records, 0);
}

#[tokio::test]
async fn what_is_compared_away_while_it_is_read_is_not_told_to_be_certain() {
    const ALL: (BlockNumber, BlockNumber) = (BlockNumber(0), BlockNumber(u32::MAX));
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    let told = async || history.told(GENESIS, MAIN, ALL, 9).await.unwrap();
    let certain = |told: Vec<(Table, bool)>| told.iter().map(|(_, certain)| *certain).collect::<Vec<_>>();
    recorded(&history, 1, [100, 200]).await;
    assert_eq!(certain(told().await), [false, false], "nothing is before it was compared");
    history.doubt_from(Some(BlockNumber(200)));
    assert_eq!(certain(told().await), [true, false]);

    // Whoever asks now is told when all has been compared.
    history.doubt_from(Some(BlockNumber(0)));
    let nobody_reads = history.state.lock().await;
    let (asked, ()) = join(told(), compared(&history, nobody_reads)).await;
    assert!(certain(asked).iter().all(|certain| !certain));
    // The same of what was certain when it was asked for.
    recorded(&history, 1, [200]).await;
    let look = history.if_certain(history.of(GENESIS, MAIN, BlockNumber(200)));
    let nobody_reads = history.state.lock().await;
    let (asked, ()) = join(look, compared(&history, nobody_reads)).await;
    assert_eq!(asked.unwrap(), None);
    // What is recorded from here on is the chain's.
    recorded(&history, 1, [200]).await;
    assert_eq!(certain(told().await), [true, true]);
}

/// Compares all with a chain that has other blocks from 200 on, while who asked before `nobody_reads` was let
/// go of waits for it.
async fn compared(history: &History, nobody_reads: MutexGuard<'_, Held>) {
    history.doubt_from(Some(BlockNumber(0)));
    drop(nobody_reads);
    history.doubt_from(Some(BlockNumber(200)));
    history.forget_from(GENESIS, BlockNumber(200)).await.unwrap();
    history.doubt_from(None);
}
