//! The journal against repetition, a second process, damage, and kill -9.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use btd_chain::ExtrinsicHash;

use super::*;

fn intent(key: Option<&str>, extrinsic: &[u8]) -> NewIntent {
    NewIntent {
        key: key.map(|key| key.parse().unwrap()),
        wish: Digest([1; 32]),
        genesis: BlockHash([2; 32]),
        extrinsic: SignedExtrinsic {
            bytes: extrinsic.to_vec(),
            hash: ExtrinsicHash::of(extrinsic),
            signer: AccountId([3; 32]),
            nonce: 4,
            era: Era::Mortal { birth: BlockNumber(64), period: 64 },
            spec_version: 425,
        },
        plan: "{}".to_owned(),
        deadline_ms: None,
        handing: Handing::Perhaps,
    }
}

fn settlement() -> Settlement {
    Settlement { ending: Ending::Failed, details: r#"{"error":"FundsUnavailable"}"#.to_owned() }
}

fn new(recorded: Recorded) -> Intent {
    match recorded {
        Recorded::New(intent) => intent,
        Recorded::KeyTaken(intent) => panic!("the key was taken by {intent:?}"),
    }
}

#[tokio::test]
async fn an_intent_is_pending_until_it_is_settled_and_is_read_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state/journal.db");
    let journal = Journal::open(&path).await.unwrap();
    let first = new(journal.record(intent(Some("a"), b"one")).await.unwrap());
    let second = new(journal.record(intent(None, b"two")).await.unwrap());
    assert_eq!(journal.pending(BlockHash([2; 32])).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(journal.pending(BlockHash([9; 32])).await.unwrap(), []);

    assert_eq!(journal.settlement(first.id).await.unwrap(), None);
    journal.settle(first.id, settlement()).await.unwrap();
    assert_eq!(journal.settlement(first.id).await.unwrap(), Some(settlement()));
    assert!(matches!(journal.settle(first.id, settlement()).await, Err(JournalError::NotPending { .. })));
    drop(journal);

    let journal = Journal::open(&path).await.unwrap();
    assert_eq!(journal.pending(BlockHash([2; 32])).await.unwrap(), [second]);
    let found = journal.find(BlockHash([2; 32]), "a".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found, Intent { settlement: Some(settlement()), ..first });
}

#[tokio::test]
async fn what_is_held_for_an_end_is_let_go_once_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(&directory.path().join("journal.db")).await.unwrap();
    let id = new(journal.record(intent(None, b"one")).await.unwrap()).id;
    // Another statement takes its time.
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, told) = std::sync::mpsc::channel();
    let another = journal.clone();
    let slow = tokio::spawn(async move {
        let statement = move |_: &mut Connection| {
            begun.send(()).unwrap();
            told.recv().unwrap();
            Ok(())
        };
        another.with(statement).await
    });
    has_begun.await.unwrap();
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let held = Arc::clone(&lock).lock_owned().await;
    let settling = journal.settle_holding(id, settlement(), held);
    assert!(tokio::time::timeout(Duration::from_millis(20), settling).await.is_err());
    assert!(lock.try_lock().is_err(), "nobody waits for it, and it is still to be written");
    go_on.send(()).unwrap();
    let _held = lock.lock().await;
    assert_eq!(journal.settlement(id).await.unwrap(), Some(settlement()));
    slow.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_signed_is_listed_found_by_hash_and_forgotten_once_it_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path().join("journal.db")).await.unwrap();
    let chain = BlockHash([2; 32]);
    let first = new(journal.record(intent(Some("a"), b"one")).await.unwrap());
    let second = new(journal.record(intent(None, b"two")).await.unwrap());
    let unseen = Settlement { ending: Ending::Unseen, details: "{}".to_owned() };
    journal.settle(first.id, unseen.clone()).await.unwrap();

    let ids = |listed: Vec<Logged>| listed.into_iter().map(|logged| logged.intent.id).collect::<Vec<_>>();
    assert_eq!(ids(journal.list(chain, Kept::All, None, 10).await.unwrap()), [second.id, first.id]);
    assert_eq!(ids(journal.list(chain, Kept::All, None, 1).await.unwrap()), [second.id]);
    let before = Some(second.id.number());
    assert_eq!(ids(journal.list(chain, Kept::All, before, 10).await.unwrap()), [first.id]);
    assert_eq!(ids(journal.list(chain, Kept::Pending, None, 10).await.unwrap()), [second.id]);
    let found = journal.by_hash(chain, ExtrinsicHash::of(b"one")).await.unwrap().unwrap();
    assert_eq!((found.intent.settlement, found.settled_at.is_some()), (Some(unseen), true));
    assert_eq!(journal.by_hash(chain, ExtrinsicHash::of(b"three")).await.unwrap(), None);

    assert_eq!(journal.prune(Duration::from_hours(1)).await.unwrap(), 0);
    assert_eq!(journal.prune(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(ids(journal.list(chain, Kept::All, None, 10).await.unwrap()), [second.id]);
}

#[tokio::test]
async fn a_key_is_used_once_on_each_chain() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path().join("journal.db")).await.unwrap();
    let first = new(journal.record(intent(Some("a"), b"one")).await.unwrap());
    assert_eq!(journal.record(intent(Some("a"), b"two")).await.unwrap(), Recorded::KeyTaken(first.clone()));
    assert_eq!(journal.pending(BlockHash([2; 32])).await.unwrap(), [first]);
    let elsewhere = NewIntent { genesis: BlockHash([8; 32]), ..intent(Some("a"), b"three") };
    new(journal.record(elsewhere).await.unwrap());
    // Without a key nothing is a repetition.
    new(journal.record(intent(None, b"four")).await.unwrap());
    new(journal.record(intent(None, b"four")).await.unwrap());
}

#[tokio::test]
async fn a_network_is_remembered_on_the_chain_where_it_was_found_last() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Journal::open(&path).await.unwrap();
    let network = |url| ConfiguredNetwork::new(None, &[url]);
    assert_eq!(journal.chain_of(network("ws://a/key")).await.unwrap(), None);
    for (url, chain) in [("ws://a/key", 1), ("ws://b", 2), ("ws://a/key", 3), ("ws://a/key", 3)] {
        journal.found_on(network(url), BlockHash([chain; 32])).await.unwrap();
    }
    journal.checkpoint().await.unwrap();
    drop(journal);
    let bytes = fs::read(&path).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"a/key"), "the URL is written in the journal");

    let journal = Journal::open(&path).await.unwrap();
    assert_eq!(journal.chain_of(network("ws://a/key")).await.unwrap(), Some(BlockHash([3; 32])));
    assert_eq!(journal.chain_of(network("ws://b")).await.unwrap(), Some(BlockHash([2; 32])));
    assert_eq!(journal.chain_of(network("ws://c")).await.unwrap(), None);
}

#[tokio::test]
async fn racing_requests_with_one_key_record_one_intent() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path().join("journal.db")).await.unwrap();
    let racers: Vec<_> = (0..64_u8)
        .map(|racer| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.record(intent(Some("a"), &[racer])).await.unwrap() })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        won += u32::from(matches!(racer.await.unwrap(), Recorded::New(_)));
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_second_process_is_told_that_the_journal_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let _held = Journal::open(&path).await.unwrap();
    assert!(matches!(Journal::open(&path).await, Err(JournalError::InUse { .. })));
}

#[tokio::test]
async fn a_damaged_journal_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    fs::write(&path, b"not a database, and long enough to be taken for one").unwrap();
    assert!(matches!(Journal::open(&path).await, Err(JournalError::Damaged { .. })));
    assert!(fs::read(&path).unwrap().starts_with(b"not a database"));
}

#[tokio::test]
async fn a_flipped_bit_in_what_may_be_sent_again_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Journal::open(&path).await.unwrap();
    new(journal.record(intent(None, b"the bytes of a transfer")).await.unwrap());
    journal.checkpoint().await.unwrap();
    drop(journal);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|window| window == b"a transfer").unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Journal::open(&path).await, Err(JournalError::Damaged { .. })));
}

#[tokio::test]
async fn another_programs_database_and_a_newer_schema_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Journal::open(&path).await, Err(JournalError::Damaged { .. })));

    let path = directory.path().join("newer.db");
    drop(Journal::open(&path).await.unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Journal::open(&path).await, Err(JournalError::Newer { found: 99, .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_the_journal() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let _journal = Journal::open(&path).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

const CHILD: &str = "BTD_TEST_JOURNAL_TO_FILL";

/// Not a test of its own: what the next test runs in a process that it then kills.
#[tokio::test]
async fn child_that_records_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let journal = Journal::open(PathBuf::from(path)).await.unwrap();
    for number in 0..1_000_000_u32 {
        new(journal.record(intent(None, &number.to_be_bytes())).await.unwrap());
        let mut out = std::io::stdout();
        writeln!(out, "recorded {number}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    for round in 1..=3_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::child_that_records_until_it_is_killed", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let acknowledged = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.contains("recorded "))
            .take(20)
            .count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(acknowledged, 20);

        let journal = Journal::open(&path).await.unwrap();
        let pending = journal.pending(BlockHash([2; 32])).await.unwrap();
        assert!(pending.len() >= 20 * round as usize, "{} are left of at least {}", pending.len(), 20 * round);
    }
}
