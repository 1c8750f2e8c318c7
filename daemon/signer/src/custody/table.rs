//! The unlocked keys in memory. No lock is held while anything waits or signs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use btd_api::WalletName;

use btd_keys::{FileMark, KeyId, KeyPair, PublicKey, Purpose, Purposes};
use btd_signer_protocol::operations::{Earlier, KeyStatus};

use crate::clock::BootTime;

/// One unlocked key; without a window it stays until it is locked, open to every purpose.
pub(super) struct Held {
    pub(super) pair: Arc<KeyPair>,
    pub(super) public: PublicKey,
    pub(super) windows: Vec<Window>,
    /// The file before it was opened: what lies there when the key is used has to be the same.
    pub(super) mark: Option<FileMark>,
}

#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) until: BootTime,
    pub(super) purposes: Purposes,
}

impl Window {
    fn is_open(&self, now: BootTime) -> bool {
        now.until(self.until).is_some()
    }

    /// Whether it allows all that `other` does, for as long.
    fn covers(&self, other: &Self) -> bool {
        self.until >= other.until && other.purposes.iter().all(|purpose| self.purposes.contains(purpose))
    }
}

impl Held {
    fn ended(&self, now: BootTime) -> bool {
        !self.windows.is_empty() && !self.windows.iter().any(|window| window.is_open(now))
    }

    fn allows(&self, purpose: Purpose, now: BootTime) -> bool {
        let mut open = self.windows.iter().filter(|window| window.is_open(now));
        self.windows.is_empty() || open.any(|window| window.purposes.contains(purpose))
    }

    /// When the last of its windows ends; none without any.
    fn until(&self) -> Option<BootTime> {
        self.windows.iter().map(|window| window.until).max()
    }

    /// Takes on what `earlier` was open to beside its own, if that was the same file.
    fn keep(&mut self, earlier: &Self) {
        if earlier.mark != self.mark {
            return;
        }
        if earlier.windows.is_empty() {
            self.windows.clear();
        }
        for window in &earlier.windows {
            if !self.windows.iter().any(|own| own.covers(window)) {
                self.windows.retain(|own| !window.covers(own));
                self.windows.push(*window);
            }
        }
    }
}

/// What the table says of a key that is to be used.
pub(super) enum Found {
    Usable(Arc<KeyPair>),
    NotAllowed,
    Absent,
}

#[derive(Default)]
pub(super) struct Table {
    state: Mutex<State>,
    changed: Condvar,
}

/// How often keys had been inserted at some moment.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes(u64);

#[derive(Default)]
struct State {
    held: BTreeMap<KeyId, Held>,
    /// Unlocks under way. Locking a key removes its intents, and with them their right to insert.
    intents: HashMap<u64, KeyId>,
    next: u64,
    changes: Changes,
}

/// The right to insert one key, unless it is locked meanwhile.
pub(super) struct Intent {
    table: Arc<Table>,
    number: u64,
}

impl Drop for Intent {
    fn drop(&mut self) {
        self.table.state().intents.remove(&self.number);
    }
}

impl Table {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn intend(self: &Arc<Self>, key: &KeyId) -> Intent {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.intents.insert(number, key.clone());
        Intent { table: Arc::clone(self), number }
    }

    /// Whether the key was locked since the intent.
    pub(super) fn is_locked_since(&self, intent: &Intent) -> bool {
        !self.state().intents.contains_key(&intent.number)
    }

    /// Tells whether it was inserted: not if the key was locked since the intent.
    pub(super) fn insert(&self, intent: &Intent, mut held: Held, earlier: Earlier) -> bool {
        let mut state = self.state();
        let key = state.intents.remove(&intent.number);
        let Some(key) = key else { return false };
        if let (Earlier::Stays, Some(before)) = (earlier, state.held.get(&key)) {
            held.keep(before);
        }
        state.held.insert(key, held);
        state.changes.0 += 1;
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Waits until a key is inserted after `seen`, or for `pause` if there is one.
    pub(super) fn wait(&self, seen: Changes, pause: Option<Duration>) {
        let state = self.state();
        let same = |state: &mut State| state.changes == seen;
        match pause {
            None => drop(self.changed.wait_while(state, same)),
            Some(pause) => drop(self.changed.wait_timeout_while(state, pause, same)),
        }
    }

    pub(super) fn remove(&self, key: &KeyId) -> bool {
        let mut state = self.state();
        state.intents.retain(|_, intended| intended != key);
        state.held.remove(key).is_some()
    }

    pub(super) fn remove_all(&self, wallet: Option<&WalletName>) -> usize {
        let concerned = |key: &KeyId| wallet.is_none_or(|wallet| key.wallet == *wallet);
        let mut state = self.state();
        state.intents.retain(|_, key| !concerned(key));
        let before = state.held.len();
        state.held.retain(|key, _| !concerned(key));
        before - state.held.len()
    }

    pub(super) fn find(&self, key: &KeyId, purpose: Purpose, now: BootTime) -> Found {
        let mut state = self.state();
        match state.held.get(key) {
            None => Found::Absent,
            Some(held) if held.ended(now) => {
                state.held.remove(key);
                Found::Absent
            }
            Some(held) if held.allows(purpose, now) => Found::Usable(Arc::clone(&held.pair)),
            Some(_) => Found::NotAllowed,
        }
    }

    /// The keys held, of the one that is named or of all, each with the mark of its file.
    pub(super) fn marks(&self, key: Option<&KeyId>) -> Vec<(KeyId, Option<FileMark>)> {
        let state = self.state();
        let marked = |(key, held): (&KeyId, &Held)| (key.clone(), held.mark);
        match key {
            Some(key) => state.held.get_key_value(key).map(marked).into_iter().collect(),
            None => state.held.iter().map(marked).collect(),
        }
    }

    /// Removes a key that was opened from the file with this mark; tells whether there was one.
    pub(super) fn remove_marked(&self, key: &KeyId, mark: Option<FileMark>) -> bool {
        let mut state = self.state();
        let is_meant = state.held.get(key).is_some_and(|held| held.mark == mark);
        is_meant && state.held.remove(key).is_some()
    }

    /// The file of a key was written anew, with `public` in it. If that is the one held, unlocked, it
    /// stays so until its time has come; one that needed no unlocking needs it from now on.
    pub(super) fn rewritten(&self, key: &KeyId, public: PublicKey, mark: Option<FileMark>) {
        let mut state = self.state();
        match state.held.get_mut(key) {
            Some(held) if !held.windows.is_empty() && held.public == public => held.mark = mark,
            Some(_) => drop(state.held.remove(key)),
            None => {}
        }
    }

    pub(super) fn public(&self, key: &KeyId) -> Option<PublicKey> {
        self.state().held.get(key).map(|held| held.public)
    }

    /// The keys that can be used, each once for every window that it has.
    pub(super) fn status(&self, now: BootTime) -> Vec<KeyStatus> {
        let state = self.state();
        let mut all = Vec::with_capacity(state.held.len());
        for (key, held) in &state.held {
            let status = |purposes, remaining| KeyStatus { key: key.clone(), public: held.public, purposes, remaining };
            if held.windows.is_empty() {
                all.push(status(Purposes::ALL, None));
            }
            let open = held.windows.iter().filter_map(|window| Some((window.purposes, now.until(window.until)?)));
            all.extend(open.map(|(purposes, remaining)| status(purposes, Some(remaining))));
        }
        all
    }

    /// Removes what has ended; returns it, how long until the next end, and up to which change.
    pub(super) fn expire(&self, now: BootTime) -> (Vec<KeyId>, Option<Duration>, Changes) {
        let mut state = self.state();
        let ended: Vec<KeyId> =
            state.held.iter().filter(|(_, held)| held.ended(now)).map(|(key, _)| key.clone()).collect();
        for key in &ended {
            state.held.remove(key);
        }
        let next = state.held.values().filter_map(|held| now.until(held.until()?)).min();
        (ended, next, state.changes)
    }
}
