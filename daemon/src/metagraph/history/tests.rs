//! That the history gives back what was told it, in its bounds, and forgets what is damaged.

use std::path::Path;

use btd_api::AccountId;

use super::{
    super::{file, table::Column},
    *,
};

const GENESIS: BlockHash = BlockHash([7; 32]);
const PLENTY: u64 = 64 << 20;

async fn opened_at(path: &Path, limit: u64) -> History {
    let (cache, _) = Cache::open(path, 4 << 20).await.unwrap();
    History::open(cache, limit).await.unwrap()
}

/// The metagraph of subnet `netuid` as it was at an epoch.
fn epoch(netuid: u16, block: u32) -> Table {
    let mut table = file::tests::table(32);
    (table.netuid, table.at.block.number) = (NetUid(netuid), BlockNumber(block));
    table.rows = None;
    for (name, column) in &mut table.columns {
        match column {
            Column::Longs(values) => values.iter_mut().for_each(|value| *value = value.wrapping_mul(block.into())),
            Column::Shorts(values) => values.iter_mut().for_each(|value| *value ^= u16::try_from(block).unwrap()),
            Column::Accounts(values) if name == "hotkeys" => {
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

#[tokio::test]
async fn a_record_is_found_by_the_hash_of_its_block_as_long_as_it_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let subject = (NetUid(1), MechId(0));
    let hash = |block: u32| BlockHash([u8::try_from(block / 100).unwrap(); 32]);
    let of = |block: u32| {
        let mut table = epoch(1, block);
        table.at.block.hash = hash(block);
        table
    };
    let history = opened_at(directory.path(), PLENTY).await;
    for block in (1..=50).map(|number| number * 100) {
        history.record(GENESIS, &of(block)).await.unwrap();
    }
    let found = async |block: u32| history.with_hash(GENESIS, subject, hash(block)).await.unwrap();
    for block in [2_600, 100, 2_600, 5_000] {
        assert_eq!(found(block).await, Some(of(block)));
    }
    assert_eq!(found(5_100).await, None);
    assert_eq!(history.with_hash(GENESIS, (NetUid(2), MechId(0)), hash(100)).await.unwrap(), None);
    // What comes later is found, and what is forgotten is not.
    history.record(GENESIS, &of(5_100)).await.unwrap();
    assert_eq!(found(5_100).await, Some(of(5_100)));
    history.forget_from(GENESIS, BlockNumber(5_000)).await.unwrap();
    assert_eq!((found(5_100).await, found(5_000).await, found(200).await), (None, None, Some(of(200))));
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
async fn what_is_damaged_goes_and_the_rest_stays() {
    let directory = tempfile::tempdir().unwrap();
    let subject = (NetUid(1), MechId(0));
    let history = opened_at(directory.path(), PLENTY).await;
    recorded(&history, 1, (1..=30).map(|number| number * 100)).await;
    let (key, mut value) = history.cache.scan(&[]).await.unwrap().into_iter().nth(5).unwrap();
    let middle = value.len() / 2;
    value[middle] ^= 1;
    let mut batch = Batch::default();
    batch.put(&key, value);
    history.cache.write(batch).await.unwrap();
    assert_eq!(history.at(GENESIS, subject, BlockNumber(2_000)).await.unwrap(), None);
    let kept = history.kept(GENESIS, subject).await;
    assert_eq!((kept.first, kept.records, kept.damaged), (Some(BlockNumber(2_500)), 6, 1));
    assert_eq!(history.at(GENESIS, subject, BlockNumber(2_600)).await.unwrap(), Some(epoch(1, 2_600)));
    // It is filled again, as from an archive, before what is there.
    recorded(&history, 1, [700, 3_100]).await;
    let blocks: Vec<u32> = history
        .range(GENESIS, subject, (BlockNumber(0), BlockNumber(u32::MAX)), 100)
        .await
        .unwrap()
        .iter()
        .map(|table| table.at.block.number.0)
        .collect();
    assert_eq!(blocks, [700, 2_500, 2_600, 2_700, 2_800, 2_900, 3_000, 3_100]);
}

#[tokio::test]
async fn nothing_is_certain_before_it_was_compared() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    let certain = |history: &History| [0, 7, 8, u32::MAX].map(|block| history.is_certain(BlockNumber(block)));
    assert_eq!(certain(&history), [false; 4]);
    history.doubt_from(None);
    assert_eq!(certain(&history.clone()), [true; 4]);
    history.clone().doubt_from(Some(BlockNumber(8)));
    assert_eq!(certain(&history), [true, true, false, false]);
}
