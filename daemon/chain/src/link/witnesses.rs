//! What the endpoints say of the history that is followed.
//!
//! A finalized block is first of all the word of the endpoint that told it. One that was false would be contradicted by
//! every honest endpoint for ever after, so the last word of each is kept, over visits and connections alike. What was
//! followed is given up once two contradict it who are more than those that stand by it, or once nobody who can be
//! reached has stood by it for a while. About what a node that was named has told only such nodes are heard
//! (`anchor.rs`), and about what the others have told since, its word is the last, if its chain goes on. While another
//! one is followed, a named node that has another block in the place of what such nodes told, and goes on from there,
//! is enough to give that up, once none of them has stood by it for a while, and each that had told it says so too:
//! what one has told is not taken back for another while it is away. Nor is it, or what the others have told since, for
//! named nodes that stand still, however many, if one of the others has it, whether that can be reached or not.

mod word;

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use btd_api::BlockNumber;

use self::word::Said;
pub(super) use self::word::Word;
use super::{
    LinkConfig, Shared,
    anchor::{self, Anchor},
    follower, leap, scout,
};
use crate::{
    block::BlockRef,
    clock,
    endpoint::Endpoint,
    error::ConnectError,
    fetch,
    rpc::{Ask, Connection},
};

/// After so long without anybody who stands by it, what was followed is given up.
const PATIENCE: Duration = Duration::from_mins(1);
/// What was not said again for so long counts no more.
pub(super) const TERM: Duration = Duration::from_mins(5);

/// The last words of the endpoints.
#[derive(Debug)]
pub(super) struct Witnesses {
    /// How far what is followed is what those that were named have told.
    pub(super) anchor: Anchor,
    words: Mutex<BTreeMap<Endpoint, Said>>,
    term: Duration,
    /// One that is more blocks away than this has no part in them.
    far: u32,
}

/// About what who is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Those that were named, about what one of them has told.
    Named,
    /// All, about what only others have told.
    All,
    /// Those that were named, about what only others have told.
    Above,
}

/// Who is for and against what was followed.
struct Dispute {
    /// The lowest height that is contradicted.
    disputed: BlockNumber,
    /// Those who count against it.
    against: usize,
    /// Those of them who have another block in its place, and go on from there.
    instead: usize,
    /// Whether all that have another block in its place were named. One that lags has none.
    is_by_named: bool,
    /// Those who stand by it.
    behind: usize,
    /// Since when it is contradicted, and nobody has stood by it.
    since: Instant,
    /// Until when it is contradicted. Whoever has another block goes on to have it; one that merely lags is heard as long
    /// as it is there, and does not outlast the others.
    until: Instant,
}

// === impl Witnesses ===

impl Witnesses {
    pub(super) fn new(config: &LinkConfig) -> Self {
        // Whoever contradicts is not asked again for as long as it rests.
        let term = TERM.max(config.retry_max().saturating_mul(10));
        Self { anchor: Anchor::new(config), words: Mutex::default(), term, far: config.catch_up_blocks.max(1) }
    }

    /// Keeps what an endpoint says at `now`, and tells whether it has begun to contradict with that.
    pub(super) fn note(&self, endpoint: &Endpoint, word: Word, now: Instant) -> bool {
        let mut words = self.words();
        let before = words.get(endpoint).copied();
        let same = before.filter(|before| match (before.word, word) {
            // Whoever has another block in the place of an earlier one has never heard of a later one either.
            (Word::Has(_), Word::Has(_)) | (Word::Other { .. }, Word::Other { .. } | Word::Lacks { .. }) => true,
            (Word::Lacks { block: one, .. }, Word::Lacks { block: other, .. }) => one <= other,
            _ => false,
        });
        // Of one that was not heard for long nobody knows when it has got there.
        let lately = same.filter(|same| now.saturating_duration_since(same.at) <= self.term);
        let newest = lately.and_then(|same| same.word.newest()).zip(word.newest());
        let went_on = if newest.is_some_and(|(before, newest)| before < newest) {
            Some(now)
        } else {
            same.and_then(|same| same.went_on)
        };
        let word = match (same.map(|same| same.word), word) {
            // What it has contradicted once is not less by what it contradicts now.
            (Some(Word::Other { block: one, .. }), Word::Other { block: other, newest }) => {
                Word::Other { block: one.min(other), newest }
            }
            (Some(Word::Other { block, .. }), Word::Lacks { newest, .. }) => Word::Other { block, newest },
            _ => word,
        };
        let (since, is_named) = (same.map_or(now, |same| same.since), self.anchor.is_named(endpoint));
        let said = Said { word, since, at: now, went_on, is_named };
        words.insert(endpoint.clone(), said);
        said.disputed().is_some() && before.is_none_or(|before| before.disputed().is_none())
    }

    /// The endpoint in use goes on to stand by what it has told, also where no block comes.
    pub(super) fn renew(&self, endpoint: &Endpoint, now: Instant) {
        if let Some(said) = self.words().get_mut(endpoint).filter(|said| matches!(said.word, Word::Has(_))) {
            said.at = now;
        }
    }

    /// Whether two contradict what was followed, and more than stand by it; or one that was named has another block in
    /// the place of one that only others have told, and goes on from there.
    pub(super) fn are_outnumbered(&self, now: Instant) -> bool {
        let has_last_word = |dispute: Dispute| dispute.instead > dispute.behind;
        [Heard::Named, Heard::All].into_iter().any(|heard| self.is_outnumbered(heard, now))
            || self.dispute(Heard::Above, now).is_some_and(has_last_word)
    }

    /// Whether what was followed is contradicted, and was so for a while in which nobody has stood by it. Whoever asks
    /// knows that each endpoint had its turn.
    pub(super) fn are_silent(&self, now: Instant) -> bool {
        [Heard::Named, Heard::All].into_iter().any(|heard| self.is_silent(heard, now))
    }

    /// Whether `by`, which has just said so again, has for a while had another block in the place of one that those
    /// that were named have told, as one of them, and goes on from there, and none of them has stood by what was told
    /// meanwhile. A while is no less than `long`: within that each of them is heard. Each that once had what was told
    /// has to have another block as well.
    pub(super) fn is_replaced(&self, by: &Endpoint, long: Duration, now: Instant) -> bool {
        let a_while = PATIENCE.max(long);
        let has_parted = |said: &Said| {
            let is_about_them = said.is_named && said.disputed().is_some_and(|number| self.anchor.covers(number));
            let is_old = said.at.saturating_duration_since(said.since) >= a_while;
            is_about_them && is_old && said.goes_on_instead(self.term, now)
        };
        let said = self.words().get(by).copied().filter(has_parted);
        let Some(number) = said.and_then(|said| said.disputed()) else { return false };
        let is_silent = |dispute: Dispute| now.saturating_duration_since(dispute.since) >= a_while;
        self.is_given_up(number, now) && self.dispute(Heard::Named, now).is_some_and(is_silent)
    }

    /// Whether what those that were named have told is given up by themselves. `had_all` says that each endpoint had
    /// its turn.
    pub(super) fn is_renounced(&self, had_all: bool, now: Instant) -> bool {
        self.is_outnumbered(Heard::Named, now) || had_all && self.is_silent(Heard::Named, now)
    }

    /// Whether this endpoint contradicts what was followed, and that is not what the named nodes go on to have told.
    pub(super) fn contradicts(&self, endpoint: &Endpoint) -> bool {
        let missed = self.words().get(endpoint).and_then(Said::missed);
        missed.is_some_and(|number| !self.anchor.covers(number))
    }

    /// Whether this endpoint contradicts what was followed, whoever has told it.
    pub(super) fn misses(&self, endpoint: &Endpoint) -> bool {
        self.words().get(endpoint).and_then(Said::missed).is_some()
    }

    /// Whether this endpoint has another block in the place of one that was named's.
    fn has_another(&self, endpoint: &Endpoint, now: Instant) -> bool {
        let is_another = |said: &Said| {
            let is_other = matches!(said.word, Word::Other { block, .. } if self.anchor.covers(block));
            is_other && now.saturating_duration_since(said.at) <= self.term
        };
        self.words().get(endpoint).is_some_and(is_another)
    }

    /// Whether this endpoint has no say, and has another block in the place of one that was named's.
    pub(super) fn is_stranger(&self, endpoint: &Endpoint, now: Instant) -> bool {
        !self.anchor.is_named(endpoint) && self.has_another(endpoint, now)
    }

    /// Whether this endpoint has what was followed.
    pub(super) fn stands_by(&self, endpoint: &Endpoint, now: Instant) -> bool {
        let stands_by =
            |said: &Said| matches!(said.word, Word::Has(_)) && now.saturating_duration_since(said.at) <= self.term;
        self.words().get(endpoint).is_some_and(stands_by)
    }

    /// Whether one that was not named had what was followed at this height when it was heard last, however long ago.
    fn is_shared(&self, number: BlockNumber) -> bool {
        let has_it = |said: &Said| !said.is_named && matches!(said.word, Word::Has(newest) if newest >= number);
        self.words().values().any(has_it)
    }

    /// Whether one that was not named has what named nodes contradict of what such nodes have told.
    pub(super) fn is_had_by_others(&self, now: Instant) -> bool {
        self.dispute(Heard::Named, now).is_some_and(|dispute| self.is_shared(dispute.disputed))
    }

    /// Forgets what was said of a history that is followed no more.
    pub(super) fn forget(&self) {
        self.words().clear();
    }

    /// Two are enough, and more than those that stand by it. Of what is kept for others only those take anything back
    /// that go on instead: two nodes of one's own that were begun anew from the same old state stand still there as well.
    fn is_outnumbered(&self, heard: Heard, now: Instant) -> bool {
        self.dispute(heard, now).is_some_and(|dispute| {
            let against = if self.is_kept(heard, &dispute) { dispute.instead } else { dispute.against };
            against >= 2 && against > dispute.behind
        })
    }

    /// Of what is kept for others silence is not enough: a named node has to go on instead, and each that told it to give
    /// it up.
    fn is_silent(&self, heard: Heard, now: Instant) -> bool {
        let is_over = |dispute: &Dispute| dispute.until.saturating_duration_since(dispute.since) >= PATIENCE;
        self.dispute(heard, now).filter(is_over).is_some_and(|dispute| {
            let is_kept = self.is_kept(heard, &dispute);
            !is_kept || dispute.instead > 0 && self.is_given_up(dispute.disputed, now)
        })
    }

    /// Whether only named nodes contradict what one that was not named has: that one may be away for a moment, and would
    /// go on from it.
    fn is_kept(&self, heard: Heard, dispute: &Dispute) -> bool {
        (heard == Heard::Named || dispute.is_by_named) && self.is_shared(dispute.disputed)
    }

    /// Whether each named node that has told what was followed at this height has another block now.
    fn is_given_up(&self, number: BlockNumber, now: Instant) -> bool {
        self.anchor.tellers(number).iter().all(|teller| self.has_another(teller, now))
    }

    fn dispute(&self, heard: Heard, now: Instant) -> Option<Dispute> {
        let words = self.words();
        let is_heard = |said: &Said| heard == Heard::All || said.is_named;
        let is_about = |number: BlockNumber| self.anchor.covers(number) == (heard == Heard::Named);
        let counts = |said: &&Said| now.saturating_duration_since(said.at) <= self.term && is_heard(said);
        let contradicted = |said: &Said| said.disputed().filter(|number| is_about(*number));
        let against = || words.values().filter(counts).filter_map(|said| Some((said, contradicted(said)?)));
        let disputed = against().map(|(_, number)| number).min()?;
        let begun = against().map(|(said, _)| said.since).min()?;
        // Whoever has it at a lower height says nothing about the one that is disputed.
        let behind = words.values().filter(counts);
        let behind = behind.filter(|said| matches!(said.word, Word::Has(number) if number >= disputed));
        let since = behind.clone().map(|said| said.at).fold(begun, Instant::max);
        let instead = against().filter(|(said, _)| said.goes_on_instead(self.term, now)).count();
        let mut others = against().filter(|(said, _)| matches!(said.word, Word::Other { .. })).peekable();
        let heard_last = against().map(|(said, _)| said.at).max()?;
        let until = if others.peek().is_some() { now } else { heard_last };
        let is_by_named = others.peek().is_some() && others.all(|(said, _)| said.is_named);
        let against = against().filter(|(said, _)| said.is_weighty(self.far)).count();
        Some(Dispute { disputed, against, instead, is_by_named, behind: behind.count(), since, until })
    }

    fn words(&self) -> MutexGuard<'_, BTreeMap<Endpoint, Said>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an endpoint has beside what was followed.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// The height that both have, what was followed there, and what the other has.
    pub(super) common: Option<(BlockRef, BlockRef)>,
    /// What it says with that.
    pub(super) word: Option<Word>,
}

/// Compares what was followed with what an endpoint has whose newest block is `newest`. What one that was named has of
/// that is from then on its own.
pub(super) async fn compare(
    shared: &Shared,
    connection: &Connection,
    newest: BlockRef,
) -> Result<Compared, ConnectError> {
    let Some(followed) = shared.head.borrow().as_ref().map(|head| head.block) else { return Ok(Compared::default()) };
    let ours = if followed.number <= newest.number {
        Some(followed)
    } else {
        match shared.recent.block(newest.number) {
            Some(block) => Some(block.block),
            None => anchor::told_at(shared, connection, newest.number).await,
        }
    };
    let common = match ours {
        Some(ours) if ours.number == newest.number => Some((ours, newest)),
        Some(ours) => {
            let hash = fetch::hash_of(connection, ours.number).await?;
            let none = || connection.nonsense("a finalized block", format!("it has no block {}", ours.number));
            Some((ours, BlockRef { number: ours.number, hash: hash.ok_or_else(none)? }))
        }
        None => None,
    };
    if let Some((ours, _)) = common.filter(|(ours, theirs)| ours == theirs) {
        shared.witnesses.anchor.note(&connection.node().endpoint, ours);
    }
    let is_far = newest.number.0.saturating_add(shared.config.max_lag_blocks) < followed.number.0;
    let word = match common {
        Some((ours, theirs)) if ours.hash != theirs.hash => {
            let block = anchor::parted_at(shared, connection, ours.number).await?;
            Some(Word::Other { block, newest: newest.number })
        }
        _ if is_far && leap::has_heard_of(connection, followed).await? == Some(false) => {
            Some(Word::Lacks { block: followed.number, newest: newest.number })
        }
        Some((ours, _)) => Some(Word::Has(ours.number)),
        None => None,
    };
    Ok(Compared { common, word })
}

/// An endpoint whose newest block is not beyond the `last` one that was followed brings none whose parent would be
/// compared with that: its own is compared.
pub(super) fn check_newest(
    shared: &Shared,
    connection: &Connection,
    newest: BlockRef,
    last: Option<BlockRef>,
) -> Result<(), ConnectError> {
    let Some(last) = last else { return Ok(()) };
    let ours = match newest.number.cmp(&last.number) {
        Ordering::Greater => return Ok(()),
        Ordering::Equal => Some(last),
        Ordering::Less => shared.recent.block(newest.number).map(|block| block.block),
    };
    let endpoint = || connection.endpoint().to_owned();
    if let Some(ours) = ours.filter(|ours| ours.hash != newest.hash) {
        return Err(contradiction(endpoint(), ours, newest));
    }
    if newest.number < last.number {
        return Err(ConnectError::Behind { endpoint: endpoint(), finalized: newest.number, seen: last.number });
    }
    let endpoint = &connection.node().endpoint;
    shared.witnesses.anchor.note(endpoint, last);
    shared.witnesses.note(endpoint, Word::Has(last.number), clock::now());
    Ok(())
}

/// Hears what an endpoint has to say that did not go on from what was followed. A named one that has another block in
/// the place of one that others have too is heard only where it can be followed: that would be given up for nothing.
pub(super) async fn hear(shared: &Shared, connection: &Connection) {
    let endpoint = &connection.node().endpoint;
    let said = async {
        let newest = follower::newest(connection).await?;
        let Compared { word, .. } = compare(shared, connection, newest).await?;
        Ok::<_, ConnectError>((newest, word))
    };
    let (newest, word) = match clock::timeout(scout::GLANCE, said).await {
        Ok(Ok((newest, Some(word)))) => (newest, word),
        Ok(Ok((_, None))) | Err(_) => return,
        Ok(Err(cause)) => {
            tracing::debug!(%endpoint, %cause, "could not be asked what it has instead");
            return;
        }
    };
    let witnesses = &shared.witnesses;
    let is_in_place =
        matches!(word, Word::Other { block, .. } if witnesses.anchor.is_named(endpoint) && witnesses.is_shared(block));
    if is_in_place {
        match clock::timeout(scout::GLANCE, Box::pin(anchor::check_state(shared, connection, newest))).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => {
                tracing::debug!(%endpoint, %cause, "what it has instead could not be followed");
                return;
            }
            Err(_) => return,
        }
    }
    witnesses.note(endpoint, word, clock::now());
}

/// That an endpoint has `theirs` where `ours` was followed.
pub(super) fn contradiction(endpoint: String, ours: BlockRef, theirs: BlockRef) -> ConnectError {
    let number = BlockNumber(ours.number.0.saturating_add(1));
    ConnectError::Forked { endpoint, number, seen: ours.hash, found: theirs.hash }
}

#[cfg(test)]
mod tests;
