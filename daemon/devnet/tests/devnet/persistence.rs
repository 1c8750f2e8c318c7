//! The state directory: nothing announced is lost, and what does not fit is refused and left alone.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use btd_devnet::{BlockTime, Config, Devnet, DevnetError, FILE_NAME, Retention, StoreError};
use serde_json::json;

use crate::{
    client::{Chain, manual},
    signer::{TAO, free, hex, signed_transfer},
};

/// A directory of a test's own, removed when the test has passed.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("btd-devnet-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE_NAME)
    }

    pub(crate) fn config(&self) -> Config {
        Config { state: Some(self.0.clone()), ..manual() }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// What a power cut would leave: the files as they are while the chain runs.
fn copy(from: &Directory) -> Directory {
    let to = Directory::new();
    for entry in fs::read_dir(&from.0).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.0.join(entry.file_name())).unwrap();
    }
    to
}

async fn refusal(config: Config) -> StoreError {
    match Devnet::start(config).await {
        Err(DevnetError::Store(error)) => error,
        other => panic!("a refusal: {other:?}"),
    }
}

/// A chain with some history.
async fn story(directory: &Directory) -> Chain {
    let chain = Chain::start(directory.config()).await;
    for nonce in 0..3 {
        let extrinsic = signed_transfer(&chain, "Alice", "Bob", TAO, nonce);
        chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
        chain.devnet.mine(2).await.unwrap();
    }
    chain
}

#[tokio::test]
async fn a_restarted_chain_goes_on() {
    let directory = Directory::new();
    let chain = story(&directory).await;
    let (head, bob) = (chain.devnet.head(), free(&chain, "Bob").await);
    let block = chain.call("chain_getBlock", json!([])).await;
    let old = chain.call("chain_getBlockHash", json!([1])).await;
    chain.stop().await;
    let left: Vec<_> = fs::read_dir(&directory.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [FILE_NAME]);

    let chain = Chain::start(directory.config()).await;
    assert_eq!((chain.devnet.head(), free(&chain, "Bob").await), (head, bob));
    assert_eq!(chain.call("chain_getBlock", json!([])).await, block);
    assert_eq!(chain.call("chain_getBlockHash", json!([1])).await, old);
    assert_eq!(chain.call("chain_getHeader", json!([old])).await["number"], "0x1");
    // Only the head's state survives.
    let error = chain.try_call("state_getStorage", json!(["0x00", old])).await.unwrap_err();
    assert!(error.message().contains("State already discarded"));

    let extrinsic = signed_transfer(&chain, "Alice", "Bob", TAO, 3);
    chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
    assert_eq!(chain.devnet.mine(1).await.unwrap().number, head.number + 1);
    assert_eq!(free(&chain, "Bob").await, bob + TAO);
    chain.stop().await;
}

#[tokio::test]
async fn a_restart_changes_nothing_in_the_chain() {
    let directory = Directory::new();
    let chain = story(&directory).await;
    chain.stop().await;
    let restarted = Chain::start(directory.config()).await;
    let straight = Chain::start(manual()).await;
    for number in 1..=6 {
        let block =
            restarted.call("chain_getBlock", json!([restarted.call("chain_getBlockHash", json!([number])).await]));
        for extrinsic in block.await["block"]["extrinsics"].as_array().unwrap().iter().skip(2) {
            straight.call("author_submitExtrinsic", json!([extrinsic])).await;
        }
        straight.devnet.mine(1).await.unwrap();
    }
    assert_eq!(restarted.devnet.mine(3).await.unwrap(), straight.devnet.mine(3).await.unwrap());
    restarted.stop().await;
    straight.stop().await;
}

#[tokio::test]
async fn a_crash_loses_nothing_announced() {
    let directory = Directory::new();
    let chain = story(&directory).await;
    let (head, bob) = (chain.devnet.head(), free(&chain, "Bob").await);
    let crashed = copy(&directory);
    let survivor = Chain::start(crashed.config()).await;
    assert_eq!((survivor.devnet.head(), free(&survivor, "Bob").await), (head, bob));
    survivor.stop().await;

    // A crash in the middle of a write: the log ends in half a block, which is as if it had not been made.
    let torn = copy(&directory);
    let log = torn.0.join(format!("{FILE_NAME}-wal"));
    let length = fs::metadata(&log).unwrap().len();
    fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length - 100).unwrap();
    let survivor = Chain::start(torn.config()).await;
    assert_eq!(survivor.devnet.head().number, head.number - 1);
    assert_eq!(survivor.devnet.mine(1).await.unwrap(), head);
    survivor.stop().await;
    chain.stop().await;
}

#[tokio::test]
async fn old_blocks_go_from_the_disk_too() {
    let directory = Directory::new();
    let config = Config { retention: Retention { blocks: 3, ..Retention::default() }, ..directory.config() };
    let chain = Chain::start(config.clone()).await;
    chain.devnet.mine(10).await.unwrap();
    chain.stop().await;
    let connection = rusqlite::Connection::open(directory.file()).unwrap();
    let kept: Vec<u32> = connection
        .prepare("SELECT number FROM block WHERE header IS NOT NULL ORDER BY number")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(kept, [0, 8, 9, 10]);
    drop(connection);
    let chain = Chain::start(config).await;
    assert!(chain.call("chain_getBlockHash", json!([2])).await.is_string());
    chain.stop().await;
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_left_alone() {
    let directory = Directory::new();
    let chain = story(&directory).await;
    assert!(matches!(refusal(directory.config()).await, StoreError::InUse { .. }));
    assert_eq!(chain.devnet.mine(1).await.unwrap().number, 7);
    chain.stop().await;

    let before = bytes(&directory.file());
    let faster = Config { block_time: BlockTime::Every(Duration::from_millis(500)), ..directory.config() };
    let error = refusal(faster).await;
    assert!(matches!(error, StoreError::Genesis { .. }), "{error}");
    assert!(error.to_string().contains("block time"));
    assert_eq!(bytes(&directory.file()), before);

    let foreign = Directory::new();
    fs::write(foreign.file(), "a letter to a friend, long enough to be mistaken for a header of a database").unwrap();
    let before = bytes(&foreign.file());
    assert!(matches!(refusal(foreign.config()).await, StoreError::Foreign { .. }));
    assert_eq!(bytes(&foreign.file()), before);

    let foreign = Directory::new();
    rusqlite::Connection::open(foreign.file()).unwrap().execute_batch("CREATE TABLE cake (recipe TEXT)").unwrap();
    let before = bytes(&foreign.file());
    assert!(matches!(refusal(foreign.config()).await, StoreError::Foreign { .. }));
    assert_eq!(bytes(&foreign.file()), before);

    for (change, want) in [
        ("PRAGMA user_version = 99", "format 99"),
        ("DELETE FROM state WHERE key = (SELECT max(key) FROM state)", "root of block 7"),
        ("DELETE FROM block WHERE number = 7", "root of block 6"),
        ("DELETE FROM block WHERE number = 3", "block 3 is missing"),
        ("UPDATE block SET header = x'00' WHERE number = 5", "does not decode"),
        ("UPDATE block SET hash = zeroblob(32) WHERE number = 5", "block 5 does not have its hash"),
        ("DELETE FROM block WHERE number = 0", "block 0 is missing"),
    ] {
        let damaged = copy(&directory);
        rusqlite::Connection::open(damaged.file()).unwrap().execute_batch(change).unwrap();
        let before = bytes(&damaged.file());
        let error = refusal(damaged.config()).await.to_string();
        assert!(error.contains(want), "{change}: {error}");
        assert_eq!(bytes(&damaged.file()), before, "{change}");
    }
    let nowhere = Config { state: Some(directory.file().join("below-a-file")), ..manual() };
    assert!(matches!(refusal(nowhere).await, StoreError::Directory { .. }));
}
