//! That the cache keeps what was written, and begins anew where it cannot.

use std::fs;

use super::*;

const MEMORY: u64 = 4 * 1024 * 1024;

async fn filled(path: &Path) -> Cache {
    let (cache, found) = Cache::open(path, MEMORY).await.unwrap();
    assert_eq!(found, Found::Sound);
    let mut batch = Batch::default();
    for number in 0..500_u16 {
        batch.put(&[&[7], &number.to_be_bytes()[..]].concat(), vec![1; 200]);
    }
    batch.put(&[8], b"other".to_vec());
    cache.write(batch).await.unwrap();
    cache
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cache");
    filled(&path).await.close(Duration::from_secs(10)).await.unwrap();
    let (cache, found) = Cache::open(&path, MEMORY).await.unwrap();
    assert_eq!(found, Found::Sound);
    let entries = cache.scan(&[7]).await.unwrap();
    assert_eq!(entries.len(), 500);
    assert_eq!(entries[300].0, [&[7], &300_u16.to_be_bytes()[..]].concat());
    let mut batch = Batch::default();
    batch.remove(&[8]);
    cache.write(batch).await.unwrap();
    assert_eq!(cache.scan(&[8]).await.unwrap(), []);
}

/// Opens a store after `damage` was done to its directory, and checks that it works.
async fn opened_after(damage: impl FnOnce(&Path)) -> (Found, usize) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cache");
    filled(&path).await.close(Duration::from_secs(10)).await.unwrap();
    damage(&path);
    let (cache, found) = Cache::open(&path, MEMORY).await.unwrap();
    let left = cache.scan(&[7]).await.unwrap();
    assert!(left.iter().all(|(_, value)| *value == [1; 200]), "nothing altered is served");
    let mut batch = Batch::default();
    batch.put(&[9], vec![2]);
    cache.write(batch).await.unwrap();
    assert_eq!(cache.scan(&[9]).await.unwrap(), [(vec![9], vec![2])]);
    if let Found::Damaged { aside, .. } = &found {
        assert!(aside.is_dir());
    }
    (found, left.len())
}

#[tokio::test]
async fn a_damaged_store_is_moved_aside_and_begun_anew() {
    let (found, left) = opened_after(|path| {
        fs::remove_file(path.join("db")).unwrap();
        fs::create_dir(path.join("db")).unwrap();
    })
    .await;
    assert!(matches!(found, Found::Damaged { .. }), "{found:?}");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_store_whose_log_is_scrambled_serves_nothing_altered_and_goes_on() {
    opened_after(|path| {
        let log = path.join("db");
        let mut bytes = fs::read(&log).unwrap();
        for byte in bytes.iter_mut().skip(1000) {
            *byte = byte.wrapping_mul(31).wrapping_add(7);
        }
        fs::write(&log, bytes).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_second_opening_is_told_that_the_cache_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cache");
    let _held = filled(&path).await;
    assert!(matches!(Cache::open(&path, MEMORY).await, Err(CacheError::InUse { .. })));
}

#[tokio::test]
async fn trees_of_other_versions_are_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cache");
    {
        let old = sled::open(&path).unwrap();
        old.open_tree("metagraph.0").unwrap().insert(b"k", b"v").unwrap();
        old.flush().unwrap();
    }
    let (cache, _) = Cache::open(&path, MEMORY).await.unwrap();
    assert!(!cache.database.tree_names().iter().any(|name| name == b"metagraph.0"));
}

#[tokio::test]
async fn a_store_is_new_where_there_was_none_and_where_it_was_emptied_for_its_size() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cache");
    let cache = filled(&path).await;
    assert!(cache.is_new());
    cache.close(Duration::from_secs(10)).await.unwrap();
    let (cache, _) = Cache::open(&path, MEMORY).await.unwrap();
    assert!(!cache.is_new() && cache.scan(&[7]).await.unwrap().len() == 500);
    cache.close(Duration::from_secs(10)).await.unwrap();
    let (cache, found) = Cache::open_as(Layout { largest: 1, ..METAGRAPH }, &path, MEMORY).await.unwrap();
    assert!(matches!(found, Found::TooLarge { .. }), "{found:?}");
    assert!(cache.is_new() && cache.scan(&[7]).await.unwrap().is_empty());
    cache.close(Duration::from_secs(10)).await.unwrap();
    // One that is damaged was one.
    fs::remove_file(path.join("db")).unwrap();
    fs::create_dir(path.join("db")).unwrap();
    let (cache, found) = Cache::open(&path, MEMORY).await.unwrap();
    assert!(matches!(found, Found::Damaged { .. }) && !cache.is_new(), "{found:?}");
}

#[tokio::test]
async fn a_store_whose_place_was_not_taken_yet_when_the_process_died_is_taken_up() {
    let directory = tempfile::tempdir().unwrap();
    let [path, fresh] = ["cache", "cache.new"].map(|name| directory.path().join(name));
    filled(&fresh).await.close(Duration::from_secs(10)).await.unwrap();
    let (cache, found) = Cache::open(&path, MEMORY).await.unwrap();
    assert_eq!((found, cache.is_new()), (Found::Sound, false));
    assert_eq!(cache.scan(&[7]).await.unwrap().len(), 500);
    assert!(!fresh.exists());
    cache.close(Duration::from_secs(10)).await.unwrap();
    // Beside a store that is there it was never finished.
    filled(&fresh).await.close(Duration::from_secs(10)).await.unwrap();
    let mut batch = Batch::default();
    batch.put(&[7, 0, 0], vec![2]);
    let (cache, _) = Cache::open(&path, MEMORY).await.unwrap();
    assert!(!fresh.exists());
    cache.write(batch).await.unwrap();
    assert_eq!(cache.scan(&[7, 0, 0]).await.unwrap(), [(vec![7, 0, 0], vec![2])]);
}

#[tokio::test]
async fn a_value_too_large_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (cache, _) = Cache::open(directory.path().join("cache"), MEMORY).await.unwrap();
    let mut batches = vec![Batch::default(), Batch::default()];
    batches[0].put(&[1], vec![0; 8]);
    batches[1].put(&[2], vec![0; LARGEST_VALUE + 1]);
    assert!(matches!(cache.write_each(batches).await, Err(CacheError::TooLarge { .. })));
    assert_eq!(cache.scan(&[]).await.unwrap(), [], "nor is anything before it written");
}
