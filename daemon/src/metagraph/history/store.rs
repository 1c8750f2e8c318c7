//! The store of a history. It can be begun anew while others hold the history.

use std::{
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, RwLock};

use super::look::{self, Look};
use crate::{
    cache::{Batch, Cache, CacheError},
    causes::with_causes,
};

/// The store, and whether it has failed.
#[derive(Debug)]
pub(super) struct Store {
    /// None once it was closed, or could not be begun anew.
    cache: RwLock<Option<Cache>>,
    /// Why it is to be begun anew.
    failure: Mutex<Option<String>>,
    /// How often it was begun anew.
    renewals: AtomicU32,
    /// Whether it is used no more.
    is_given_up: AtomicBool,
    /// Told when it has failed or is used no more, when something of it was lost, and when more of it is known to be the
    /// chain's.
    pub(super) news: Notify,
}

// === impl Store ===

impl Store {
    pub(super) fn new(cache: Cache) -> Self {
        Self {
            cache: RwLock::new(Some(cache)),
            failure: Mutex::default(),
            renewals: AtomicU32::new(0),
            is_given_up: AtomicBool::new(false),
            news: Notify::new(),
        }
    }

    /// Every entry whose key begins with `prefix`, in the order of the keys.
    pub(super) async fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, CacheError> {
        let cache = self.cache.read().await;
        self.judged(cache.as_ref().ok_or(CacheError::Closed)?.scan(prefix).await)
    }

    /// Writes a batch, whole or not at all, and flushes it.
    pub(super) async fn write(&self, batch: Batch) -> Result<(), CacheError> {
        let cache = self.cache.read().await;
        self.judged(cache.as_ref().ok_or(CacheError::Closed)?.write(batch).await)
    }

    /// What is in it.
    pub(super) async fn look(&self) -> Result<Look, CacheError> {
        let cache = self.cache.read().await;
        self.judged(look::through(cache.as_ref().ok_or(CacheError::Closed)?).await)
    }

    /// Notes what is wrong with the store, if the store is.
    fn judged<T>(&self, done: Result<T, CacheError>) -> Result<T, CacheError> {
        if let Err(error) = &done
            && error.is_damage()
        {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(with_causes(error));
            self.news.notify_one();
        }
        done
    }

    /// As if it had failed.
    #[cfg(test)]
    pub(super) fn fail(&self, reason: &str) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }

    /// Why it is to be begun anew, if it is.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that it is used no more.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// Whether it is used no more.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }

    /// How often it was begun anew since it was opened.
    pub(super) fn renewals(&self) -> u32 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// Sets it aside and begins it anew with what can be read under `prefixes`. Says where the old one is.
    pub(super) async fn renew(&self, prefixes: Vec<Vec<u8>>) -> Result<PathBuf, CacheError> {
        let mut held = self.cache.write().await;
        self.renewals.fetch_add(1, Ordering::Relaxed);
        let cache = held.take().ok_or(CacheError::Closed)?;
        let aside = cache.beside(Cache::ASIDE);
        *held = Some(cache.renewed(prefixes).await?);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(aside)
    }

    /// Closes it, waiting at most `limit` for whoever uses it and for itself.
    pub(super) async fn close(&self, limit: Duration) -> Result<(), CacheError> {
        let Ok(mut held) = tokio::time::timeout(limit, self.cache.write()).await else {
            return Err(CacheError::Slow { after: limit });
        };
        match held.take() {
            Some(cache) => cache.close(limit).await,
            None => Ok(()),
        }
    }
}
