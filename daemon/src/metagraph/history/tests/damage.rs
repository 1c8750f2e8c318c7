//! That nothing of the history is lost without a word, whatever becomes of its files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::*;

const ALL: (BlockNumber, BlockNumber) = (BlockNumber(0), BlockNumber(u32::MAX));

/// The blocks that are told of subnet 1.
async fn told(history: &History) -> Vec<u32> {
    let tables = history.range(GENESIS, MAIN, ALL, 1_000).await.unwrap();
    tables.iter().map(|table| table.at.block.number.0).collect()
}

/// The gaps of subnet 1, each as its first and last block and the number of its records.
async fn gaps(history: &History) -> Vec<(u32, u32, usize)> {
    let gaps = history.gaps(GENESIS, MAIN, ALL).await;
    gaps.iter().map(|gap| (gap.first.0, gap.last.0, gap.records)).collect()
}

/// Changes a byte in what is kept under the key at that place.
async fn alter(history: &History, place: usize) {
    let (key, mut value) = history.store.scan(&GENESIS.0).await.unwrap().into_iter().nth(place).unwrap();
    let middle = value.len() / 2;
    value[middle] ^= 1;
    let mut batch = Batch::default();
    batch.put(&key, value);
    history.store.write(batch).await.unwrap();
}

#[tokio::test]
async fn what_is_damaged_is_a_gap_and_the_rest_stays() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    recorded(&history, 1, (1..=30).map(|number| number * 100)).await;
    alter(&history, 5).await;
    // What is before it in its group is as good as ever, what is behind it is not, and the next group is.
    assert_eq!(history.of(GENESIS, MAIN, BlockNumber(2_000)).await.unwrap(), None);
    assert_eq!(history.at(GENESIS, MAIN, BlockNumber(2_000)).await.unwrap(), Some(epoch(1, 500)));
    assert_eq!(history.at(GENESIS, MAIN, BlockNumber(2_600)).await.unwrap(), Some(epoch(1, 2_600)));
    assert_eq!(gaps(&history).await, [(600, 2_400, 19)]);
    let kept = history.kept(GENESIS, MAIN).await;
    assert_eq!((kept.first, kept.records, kept.damaged), (Some(BlockNumber(100)), 11, 1));
    // It is filled again, as from an archive, each record in its place.
    recorded(&history, 1, [700, 3_100]).await;
    assert_eq!(told(&history).await, [100, 200, 300, 400, 500, 700, 2_500, 2_600, 2_700, 2_800, 2_900, 3_000, 3_100]);
    assert_eq!(gaps(&history).await, [(600, 600, 1), (800, 2_400, 17)]);
    recorded(&history, 1, (6..=24).map(|number| number * 100)).await;
    assert_eq!((told(&history).await.len(), gaps(&history).await), (31, vec![]));
    let bytes = history.kept(GENESIS, MAIN).await.bytes;
    assert!(
        bytes < kept.bytes * 3,
        "{bytes} bytes for 31 records, {} for 11: what is filled in tells differences",
        kept.bytes
    );
}

#[tokio::test]
async fn a_gap_is_known_to_the_next_process_too_until_it_is_filled() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    recorded(&history, 1, (1..=30).map(|number| number * 100)).await;
    recorded(&history, 2, [150, 250]).await;
    alter(&history, 26).await;
    drop(history);
    // It is found as the store is looked through, before anybody asks.
    let history = opened_at(directory.path(), PLENTY).await;
    assert_eq!(gaps(&history).await, [(2_700, 3_000, 4)]);
    assert_eq!((history.lost(GENESIS).await, told(&history).await.len()), (4, 26));
    assert!(directory.path().join("history.damaged").is_dir(), "the damaged store is set aside");
    assert_eq!(history.of(GENESIS, (NetUid(2), MechId(0)), BlockNumber(250)).await.unwrap(), Some(epoch(2, 250)));
    history.note_trouble(GENESIS, MAIN, (BlockNumber(2_700), &"no archive".into())).await;
    let told_as: Vec<_> = history.gaps(GENESIS, MAIN, ALL).await.into_iter().map(|gap| gap.trouble).collect();
    assert_eq!(told_as, [Some("no archive".into()), None]);
    fs::remove_dir_all(directory.path().join("history.damaged")).unwrap();
    drop(history);

    let history = opened_at(directory.path(), PLENTY).await;
    assert_eq!(gaps(&history).await, [(2_700, 3_000, 4)]);
    assert!(!directory.path().join("history.damaged").exists(), "nothing is wrong with this one");
    let runs = history.lost_runs(GENESIS).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].blocks, [2_700, 2_800, 2_900, 3_000].map(|block| (BlockNumber(block), false)));
    for block in [2_700, 2_800, 2_900] {
        history.restore(GENESIS, &epoch(1, block)).await.unwrap();
    }
    // What the chain has no more, and what it has taken back, is no gap.
    history.forgo(GENESIS, MAIN, BlockNumber(3_000)).await;
    assert_eq!((gaps(&history).await, told(&history).await.len()), (vec![], 29));
    drop(history);
    let history = opened_at(directory.path(), PLENTY).await;
    assert_eq!((gaps(&history).await, told(&history).await.len()), (vec![], 29));
}

#[tokio::test]
async fn what_the_store_loses_without_a_word_is_missed() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    let mut with_rows = epoch(1, 2_450);
    with_rows.rows = Some(crate::metagraph::table::Rows::default());
    recorded(&history, 1, (1..=24).map(|number| number * 100)).await;
    history.record(GENESIS, &with_rows).await.unwrap();
    recorded(&history, 1, (25..=30).map(|number| number * 100)).await;
    // While it is open, and while nobody has it open.
    let gone = keys(&history, &GENESIS.0).await;
    without(&history, &gone[28..]).await;
    assert_eq!((told(&history).await.len(), gaps(&history).await), (28, vec![(2_800, 3_000, 3)]));
    // The last of these is what the others of its group differ from.
    without(&history, &gone[20..25]).await;
    drop(history);
    let history = opened_at(directory.path(), PLENTY).await;
    assert_eq!((told(&history).await.len(), gaps(&history).await), (20, vec![(2_100, 3_000, 11)]));
    let runs = history.lost_runs(GENESIS).await;
    assert!(runs[0].blocks.contains(&(BlockNumber(2_450), true)), "{runs:?}");
    drop(history);
    // All of it, with what the store lies in.
    fs::remove_file(directory.path().join("history/db")).unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    assert_eq!((told(&history).await.len(), history.lost(GENESIS).await), (0, 31));
}

#[tokio::test]
async fn nothing_is_missed_beside_a_store_that_was_taken_away() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    recorded(&history, 1, (1..=30).map(|number| number * 100)).await;
    alter(&history, 26).await;
    drop(history);
    assert_eq!(opened_at(directory.path(), PLENTY).await.lost(GENESIS).await, 4);
    fs::remove_dir_all(directory.path().join("history")).unwrap();
    for _ in 0..2 {
        let history = opened_at(directory.path(), PLENTY).await;
        assert_eq!((told(&history).await.len(), history.lost(GENESIS).await), (0, 0));
    }
}

#[tokio::test]
async fn records_that_no_roll_names_are_taken_up_with_what_they_hold() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    let mut with_rows = epoch(1, 250);
    with_rows.rows = Some(crate::metagraph::table::Rows::default());
    recorded(&history, 1, [100, 200]).await;
    history.record(GENESIS, &with_rows).await.unwrap();
    recorded(&history, 1, [300]).await;
    drop(history);
    fs::remove_file(directory.path().join("history.roll")).unwrap();
    // As an earlier version leaves them.
    let history = opened_at(directory.path(), PLENTY).await;
    let all = keys(&history, &GENESIS.0).await;
    without(&history, &all).await;
    drop(history);
    let history = opened_at(directory.path(), PLENTY).await;
    let runs = history.lost_runs(GENESIS).await;
    assert_eq!(
        runs[0].blocks,
        [(100, false), (200, false), (250, true), (300, false)].map(|(block, rows)| (BlockNumber(block), rows))
    );
}

#[tokio::test]
async fn what_a_roll_names_that_would_have_gone_with_the_oldest_is_not_missed() {
    let directory = tempfile::tempdir().unwrap();
    let whole = u64::try_from(file::write(&epoch(1, 100)).len()).unwrap();
    let roll = directory.path().join("history.roll");
    let history = opened_at(directory.path(), whole * 20).await;
    recorded(&history, 1, (1..=20).map(|number| number * 100)).await;
    // It could be written no more from here on, nor removed.
    let stale = fs::read(&roll).unwrap();
    recorded(&history, 1, (21..=400).map(|number| number * 100)).await;
    assert!(history.kept(GENESIS, MAIN).await.first > Some(BlockNumber(2_000)));
    let before = told(&history).await;
    drop(history);
    fs::write(&roll, stale).unwrap();
    let history = opened_at(directory.path(), whole * 20).await;
    assert_eq!((told(&history).await, gaps(&history).await), (before, vec![]));
    assert_eq!(history.lost(GENESIS).await, 0);
    assert!(!directory.path().join("history.damaged").exists(), "nothing is wrong with the store");
}

#[tokio::test]
async fn what_lies_in_a_group_behind_a_record_that_has_vanished_is_lost_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    recorded(&history, 1, (1..=30).map(|number| number * 100)).await;
    // One in the middle of the first group, with its hash: what is behind it looks whole.
    let records = keys(&history, &GENESIS.0).await;
    let hashes = noted(&history).await;
    without(&history, &[records[9].clone(), hashes[9].clone()]).await;
    drop(history);
    for _ in 0..2 {
        let history = opened_at(directory.path(), PLENTY).await;
        let tables = history.range(GENESIS, MAIN, ALL, 1_000).await.unwrap();
        let blocks = (1..=9).chain(25..=30).map(|number| number * 100);
        assert_eq!(tables, blocks.map(|block| epoch(1, block)).collect::<Vec<_>>());
        assert_eq!(gaps(&history).await, [(1_000, 2_400, 15)]);
    }
}

#[tokio::test]
async fn what_can_still_be_read_of_a_store_that_cannot_be_looked_through_is_carried_by_the_roll() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    recorded(&history, 1, (1..=30).map(|number| number * 100)).await;
    recorded(&history, 2, [150, 250]).await;
    let mut held = history.state.lock().await;
    let (known, of_the_index) = (held.index.records().collect::<Vec<_>>(), held.prefixes());
    // As after a look that has failed.
    held.index = index::Index::default();
    let of_the_roll = held.prefixes();
    assert!(of_the_index.len() == 6 && of_the_index.iter().all(|prefix| of_the_roll.contains(prefix)));
    history.renew(&mut held).await.unwrap();
    assert_eq!(held.index.records().collect::<Vec<_>>(), known);
}

#[tokio::test]
async fn what_goes_by_intent_is_no_gap() {
    let directory = tempfile::tempdir().unwrap();
    let whole = u64::try_from(file::write(&epoch(1, 100)).len()).unwrap();
    let history = opened_at(directory.path(), whole * 20).await;
    recorded(&history, 1, (1..=200).map(|number| number * 100)).await;
    alter(&history, 3).await;
    let lost = {
        let first = history.kept(GENESIS, MAIN).await.first.unwrap();
        history.at(GENESIS, MAIN, BlockNumber(first.0 + 400)).await.unwrap();
        gaps(&history).await
    };
    assert_eq!(lost.len(), 1);
    // What is older than all that is kept would go at once, and what was lost goes when it would have gone.
    let kept = history.kept(GENESIS, MAIN).await;
    history.restore(GENESIS, &epoch(1, 50)).await.unwrap();
    recorded(&history, 1, (201..=400).map(|number| number * 100)).await;
    assert!(history.kept(GENESIS, MAIN).await.first > kept.last);
    assert_eq!(gaps(&history).await, []);
    history.forget_from(GENESIS, BlockNumber(39_000)).await.unwrap();
    let before = told(&history).await;
    assert_eq!(before.last(), Some(&38_900));
    drop(history);
    let history = opened_at(directory.path(), whole * 20).await;
    assert_eq!((told(&history).await, gaps(&history).await), (before, vec![]));
}

#[tokio::test]
async fn a_store_that_fails_while_it_is_open_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let history = opened_at(directory.path(), PLENTY).await;
    recorded(&history, 1, (1..=30).map(|number| number * 100)).await;
    history.heal().await.unwrap();
    assert!(!directory.path().join("history.damaged").exists(), "nothing has failed");
    history.store.fail("as a test has it");
    history.heal().await.unwrap();
    assert!(directory.path().join("history.damaged").is_dir());
    assert_eq!((told(&history).await.len(), gaps(&history).await), (30, vec![]));
    recorded(&history, 1, [3_100]).await;
    for _ in 0..2 {
        history.store.fail("once more");
        history.heal().await.unwrap();
    }
    history.store.fail("and again");
    assert!(matches!(history.heal().await, Err(HistoryError::Failing { times: 3 })));
}

/// The files of a history, each with what is in it.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    files
}

/// A history of three subnets on disk, closed, and what it holds.
async fn closed(directory: &Path) -> BTreeMap<(u16, u32), Table> {
    let history = opened_at(directory, PLENTY).await;
    let mut recorded = BTreeMap::new();
    for block in (1..=40).map(|number| number * 100) {
        for netuid in 1..=3 {
            let table = epoch(netuid, block + u32::from(netuid));
            history.record(GENESIS, &table).await.unwrap();
            recorded.insert((netuid, block + u32::from(netuid)), table);
        }
    }
    history.close(Duration::from_secs(10)).await;
    recorded
}

/// Opens what lies in `directory` and holds it against what was recorded: each record is told as it was, or told to be
/// lost. How many are lost.
async fn held_against(directory: &Path, recorded: &BTreeMap<(u16, u32), Table>, damage: &str) -> usize {
    let history = opened_at(directory, PLENTY).await;
    for round in ["once", "again"] {
        for netuid in 1..=3 {
            let subject = (NetUid(netuid), MechId(0));
            let tables = history.range(GENESIS, subject, ALL, 1_000).await.unwrap();
            let gaps = history.gaps(GENESIS, subject, ALL).await;
            for table in &tables {
                let block = table.at.block.number.0;
                assert_eq!(Some(table), recorded.get(&(netuid, block)), "{damage}, {round}: block {block} of {netuid}");
            }
            let of_subnet = recorded.range((netuid, 0)..(netuid + 1, 0));
            for (_, block) in of_subnet.map(|(place, _)| *place) {
                let is_told = tables.iter().any(|table| table.at.block.number.0 == block);
                let is_lost = gaps.iter().any(|gap| (gap.first.0..=gap.last.0).contains(&block));
                assert!(
                    is_told != is_lost,
                    "{damage}, {round}: block {block} of {netuid}, told: {is_told}, lost: {is_lost}"
                );
            }
            assert_eq!(tables.len() + gaps.iter().map(|gap| gap.records).sum::<usize>(), 40, "{damage}, {round}");
        }
    }
    let lost = history.lost(GENESIS).await;
    // It goes on, and what was lost is taken up again.
    for table in recorded.values() {
        history.restore(GENESIS, table).await.unwrap();
    }
    history.record(GENESIS, &epoch(1, 9_000)).await.unwrap();
    assert_eq!(history.lost(GENESIS).await, 0, "{damage}");
    history.close(Duration::from_secs(10)).await;
    let history = opened_at(directory, PLENTY).await;
    for ((netuid, block), table) in recorded {
        let found = history.of(GENESIS, (NetUid(*netuid), MechId(0)), BlockNumber(*block)).await.unwrap();
        assert_eq!(found.as_ref(), Some(table), "{damage}: block {block} of {netuid} after it was read again");
    }
    history.close(Duration::from_secs(10)).await;
    lost
}

/// Puts the files of a history where they were, but for one.
fn laid_out(directory: &Path, files: &BTreeMap<PathBuf, Vec<u8>>, other: (&Path, &[u8])) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    for (path, bytes) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, if path == other.0 { other.1 } else { bytes }).unwrap();
    }
}

/// How many places of each file are damaged; a longer run is had with a larger number.
const PLACES: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_byte_is_altered_each_record_is_told_as_it_was_or_told_to_be_lost() {
    let directory = tempfile::tempdir().unwrap();
    let recorded = closed(directory.path()).await;
    let files = files(directory.path());
    assert!(files.len() >= 3, "{:?}", files.keys());
    let mut losing = 0;
    for (path, bytes) in &files {
        // Evenly, and each time another bit.
        for number in 0..PLACES.min(bytes.len()) {
            let at = bytes.len() * number / PLACES.min(bytes.len()) + number % 7;
            let at = at.min(bytes.len() - 1);
            let mut altered = bytes.clone();
            altered[at] ^= 1 << (number % 8);
            laid_out(directory.path(), &files, (path, &altered));
            let damage = format!("byte {at} of {}", path.display());
            losing += usize::from(held_against(directory.path(), &recorded, &damage).await > 0);
        }
    }
    assert!(losing > 0, "nothing was ever damaged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_a_file_is_cut_each_record_is_told_as_it_was_or_told_to_be_lost() {
    let directory = tempfile::tempdir().unwrap();
    let recorded = closed(directory.path()).await;
    let files = files(directory.path());
    let mut losing = 0;
    for (path, bytes) in &files {
        for part in 0..6 {
            let left = &bytes[..bytes.len() * part / 6];
            laid_out(directory.path(), &files, (path, left));
            let damage = format!("{} cut at {} of {}", path.display(), left.len(), bytes.len());
            losing += usize::from(held_against(directory.path(), &recorded, &damage).await > 0);
        }
    }
    assert!(losing > 0, "nothing was ever lost");
}
