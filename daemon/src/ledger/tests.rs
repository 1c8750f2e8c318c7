//! The ledger against gaps, new accounts, blocks that come anew, and its bounds.

use serde_json::json;

use super::*;

const GENESIS: BlockHash = BlockHash([1; 32]);
const ALICE: AccountId = AccountId([7; 32]);
const BOB: AccountId = AccountId([8; 32]);

fn entry(block: u32, index: u32) -> Entry {
    let event = Event {
        pallet: "Balances".to_owned(),
        name: "Transfer".to_owned(),
        fields: json!({ "amount": "5" }),
        subnets: std::collections::BTreeSet::new(),
        extrinsic: Some(1),
    };
    let (block, extrinsic) = (BlockNumber(block), Some(BlockHash([9; 32])));
    let time_ms = Some(u64::from(block.0) * 1_000);
    Entry { block, time_ms, index, account: ALICE, extrinsic, event }
}

fn span(first: u32, last: u32) -> Span {
    Span { first: BlockNumber(first), last: BlockNumber(last) }
}

fn looked(block: u32, watched: &[AccountId], entries: &[Entry]) -> Looked {
    let watched = watched.iter().copied().collect();
    let hash = BlockHash([u8::try_from(block).unwrap(); 32]);
    Looked { number: BlockNumber(block), hash, watched, entries: entries.to_vec() }
}

async fn ledger(directory: &tempfile::TempDir, config: Config) -> Ledger {
    Ledger::open(directory.path().join("ledger.db"), config).await.unwrap()
}

#[tokio::test]
async fn blocks_follow_each_other_or_leave_a_hole() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory, Config::default()).await;
    let append = async |block: u32, entries: &[Entry]| {
        ledger.append(GENESIS, looked(block, &[ALICE], entries)).await.unwrap();
    };
    append(5, &[entry(5, 0), entry(5, 3)]).await;
    append(6, &[]).await;
    let why = Why::Unreadable;
    ledger.leave_out(GENESIS, Hole { span: span(7, 7), why }).await.unwrap();
    ledger.leave_out(GENESIS, Hole { span: span(8, 9), why }).await.unwrap();
    append(11, &[entry(11, 1)]).await;
    let known = ledger.known(GENESIS, ALICE).await.unwrap();
    assert_eq!(known.spans, [span(5, 6), span(11, 11)]);
    let unfollowed = Hole { span: span(10, 10), why: Why::NotFollowed };
    assert_eq!(known.holes, [Hole { span: span(7, 9), why }, unfollowed]);
    assert_eq!(known.cut, None);
    assert_eq!(ledger.known(GENESIS, BOB).await.unwrap(), Known::default());
    assert_eq!(ledger.last(GENESIS).await.unwrap(), Some(BlockNumber(11)));

    // The same block once more is no second one, and a chain that goes back takes its future along.
    let read = async || ledger.entries(GENESIS, ALICE, None, 10).await.unwrap();
    append(11, &[entry(11, 1)]).await;
    assert_eq!(read().await, [entry(11, 1), entry(5, 3), entry(5, 0)]);
    append(6, &[entry(6, 2)]).await;
    assert_eq!(read().await, [entry(6, 2), entry(5, 3), entry(5, 0)]);
    let known = ledger.known(GENESIS, ALICE).await.unwrap();
    assert_eq!((known.spans, known.holes), (vec![span(5, 6)], vec![]));
    drop(ledger);
    let again = Ledger::open(directory.path().join("ledger.db"), Config::default()).await.unwrap();
    assert_eq!(again.last(GENESIS).await.unwrap(), Some(BlockNumber(6)));
}

#[tokio::test]
async fn reading_on_leaves_nothing_out_inside_a_block() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory, Config::default()).await;
    let all: Vec<Entry> = (0..7).map(|index| entry(5, index)).chain([entry(6, 0)]).collect();
    ledger.append(GENESIS, looked(5, &[ALICE], &all[..7])).await.unwrap();
    ledger.append(GENESIS, looked(6, &[ALICE], &all[7..])).await.unwrap();
    let mut read = Vec::new();
    let mut before = None;
    loop {
        let page = ledger.entries(GENESIS, ALICE, before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(Cursor { block: last.block, index: last.index });
        read.extend(page);
    }
    read.reverse();
    assert_eq!(read, all);
}

#[tokio::test]
async fn an_account_is_known_from_when_it_was_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory, Config::default()).await;
    for (block, watched) in [(1, &[ALICE][..]), (2, &[ALICE, BOB]), (3, &[BOB]), (4, &[BOB]), (5, &[ALICE, BOB])] {
        ledger.append(GENESIS, looked(block, watched, &[])).await.unwrap();
    }
    let bob = ledger.known(GENESIS, BOB).await.unwrap();
    assert_eq!((bob.spans, bob.holes), (vec![span(2, 5)], vec![]));
    let alice = ledger.known(GENESIS, ALICE).await.unwrap();
    assert_eq!(alice.spans, [span(1, 2), span(5, 5)]);
    assert_eq!(alice.holes, [Hole { span: span(3, 4), why: Why::NotWatched }]);
}

#[tokio::test]
async fn what_is_too_old_or_too_much_is_cut_at_a_block_and_that_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let few = Config { keep_days: 0, most_entries: 3 };
    let bounded = ledger(&directory, few).await;
    for block in 1..=4 {
        let entries = [entry(block, 0), entry(block, 1)];
        bounded.append(GENESIS, looked(block, &[ALICE], &entries)).await.unwrap();
    }
    // The third block's two would make four: blocks are not cut in two.
    assert_eq!(bounded.cut(GENESIS, 0).await.unwrap(), Some(BlockNumber(4)));
    assert_eq!(bounded.entries(GENESIS, ALICE, None, 9).await.unwrap(), [entry(4, 1), entry(4, 0)]);
    let known = bounded.known(GENESIS, ALICE).await.unwrap();
    assert_eq!((known.spans, known.cut), (vec![span(4, 4)], Some(BlockNumber(4))));
    assert_eq!(bounded.cut(GENESIS, 0).await.unwrap(), None);
    drop(bounded);

    let directory = tempfile::tempdir().unwrap();
    let aging = ledger(&directory, Config { keep_days: 1, most_entries: 0 }).await;
    for block in 1..=4 {
        aging.append(GENESIS, looked(block, &[ALICE], &[entry(block, 0)])).await.unwrap();
    }
    // A day after the third second.
    assert_eq!(aging.cut(GENESIS, 86_403_000).await.unwrap(), Some(BlockNumber(3)));
    assert_eq!(aging.entries(GENESIS, ALICE, None, 9).await.unwrap(), [entry(4, 0), entry(3, 0)]);
    // Of a chain that was taken back further nothing is cut that is still to come.
    aging.forget(GENESIS, BlockNumber(2)).await.unwrap();
    assert_eq!(aging.known(GENESIS, ALICE).await.unwrap().cut, Some(BlockNumber(2)));
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "CREATE TABLE entries (genesis BLOB NOT NULL, block INTEGER NOT NULL, place INTEGER NOT NULL, account BLOB NOT NULL,
            time_ms INTEGER, extrinsic BLOB, event TEXT NOT NULL, PRIMARY KEY (genesis, account, block, place)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE spans (genesis BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
            PRIMARY KEY (genesis, first)) STRICT, WITHOUT ROWID;
         PRAGMA user_version = 1;",
    )
    .unwrap();
    let event = serde_json::to_string(&entry(3, 1).event).unwrap();
    old.execute(
        "INSERT INTO entries VALUES (?1, 3, 1, ?2, 3000, ?3, ?4)",
        rusqlite::params![GENESIS.0, ALICE.0, [9_u8; 32], event],
    )
    .unwrap();
    old.execute("INSERT INTO spans VALUES (?1, 1, 5)", [GENESIS.0]).unwrap();
    drop(old);
    for _ in 0..2 {
        let ledger = Ledger::open(&path, Config::default()).await.unwrap();
        assert_eq!(ledger.entries(GENESIS, ALICE, None, 9).await.unwrap(), [entry(3, 1)]);
        assert_eq!(ledger.known(GENESIS, ALICE).await.unwrap().spans, [span(3, 5)]);
    }
}

#[tokio::test]
async fn a_chain_is_recognised_by_its_newest_block_and_those_with_entries() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(&directory, Config::default()).await;
    for block in 1..=6 {
        let entries = if block == 3 { vec![entry(3, 0)] } else { vec![] };
        ledger.append(GENESIS, looked(block, &[ALICE], &entries)).await.unwrap();
    }
    assert_eq!(ledger.marks(GENESIS).await.unwrap(), 2);
    let mark = async |place| ledger.mark(GENESIS, place).await.unwrap().map(|mark| (mark.number.0, mark.hash.0[0]));
    assert_eq!([mark(0).await, mark(1).await, mark(2).await], [Some((6, 6)), Some((3, 3)), None]);
    ledger.forget(GENESIS, BlockNumber(4)).await.unwrap();
    assert_eq!(ledger.known(GENESIS, ALICE).await.unwrap().spans, [span(1, 3)]);
    assert_eq!(ledger.entries(GENESIS, ALICE, None, 9).await.unwrap(), [entry(3, 0)]);
    ledger.forget(GENESIS, BlockNumber(0)).await.unwrap();
    assert_eq!(ledger.known(GENESIS, ALICE).await.unwrap(), Known::default());
}

#[tokio::test]
async fn what_is_no_ledger_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    std::fs::write(&path, "not a database, but long enough to be looked at as one".repeat(40)).unwrap();
    let ledger = Ledger::open(&path, Config::default()).await.unwrap();
    assert_eq!(ledger.last(GENESIS).await.unwrap(), None);
}
