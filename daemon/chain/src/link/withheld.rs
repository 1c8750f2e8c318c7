//! For how long it is waited for what endpoints do not tell, though they do not say that they have it no more.
//!
//! A busy node tells it a moment later. One that lacks it, and says so in words that nobody knows, never does, and no
//! word of it may keep a block from its readers for ever. What tells the two apart is time. Whatever is not told in
//! that time is said not to be; what is known of it then is decided elsewhere (`follower.rs`, `blocks.rs`).

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use btd_api::BlockNumber;

use super::LinkConfig;
use crate::{endpoint::Endpoint, error::ReadError};

/// What was not told for so long is not told a moment later either.
const PATIENCE: Duration = Duration::from_secs(10);
/// For so long it is taken for granted then, of other blocks too, before somebody waits again.
const TERM: Duration = Duration::from_mins(5);

/// How long is waited with this configuration.
fn patience(config: &LinkConfig) -> Duration {
    PATIENCE.min(config.request_timeout())
}

/// Events that the followed endpoints do not tell.
#[derive(Debug, Default)]
pub(super) struct Withheld {
    /// Since when nobody has told any, and when they were not told last.
    since: Option<(Instant, Instant)>,
    /// Until when those of other blocks are not waited for.
    until: Option<Instant>,
    /// The endpoints that did not tell them.
    by: BTreeSet<Endpoint>,
}

/// What readers were refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    lasting: Mutex<Option<Lasting>>,
}

/// A refusal that has lasted.
#[derive(Debug)]
struct Lasting {
    /// In which words.
    words: String,
    /// Until when others in the same words are not waited out.
    until: Instant,
    /// The oldest block that was told whole since then. A state that is gone is older, so that whatever is refused of
    /// this block or a later one is refused for another reason.
    told: Option<BlockNumber>,
}

// === impl Withheld ===

impl Withheld {
    /// This endpoint does not tell the events of a block.
    pub(super) fn note(&mut self, endpoint: &Endpoint) {
        self.by.insert(endpoint.clone());
    }

    /// Whether this endpoint is one of those that did not tell them.
    pub(super) fn is_by(&self, endpoint: &Endpoint) -> bool {
        self.by.contains(endpoint)
    }

    /// Whether a block whose events an endpoint does not tell at `now` is followed without them. `is_told_by_none` says
    /// whether every endpoint has had its turn since a block was followed. Which block it is does not matter: after a
    /// long outage it is another one each time.
    pub(super) fn is_final(&mut self, is_told_by_none: bool, config: &LinkConfig, now: Instant) -> bool {
        if self.until.is_some_and(|until| now < until) {
            return true;
        }
        // Nobody rests, or waits for another endpoint, for so long: in between something else was wrong.
        let longest = patience(config).max(config.retry_max().saturating_mul(2));
        let longest = longest.saturating_add(config.connect_timeout()).saturating_add(config.request_timeout());
        let recently = self.since.filter(|(_, last)| now.saturating_duration_since(*last) <= longest);
        if recently.is_none() {
            self.by.clear();
        }
        let (since, _) = *self.since.insert((recently.map_or(now, |(since, _)| since), now));
        let is_final = is_told_by_none && now.saturating_duration_since(since) >= patience(config);
        if is_final {
            (self.since, self.until) = (None, Some(now + TERM));
        }
        is_final
    }

    /// An endpoint has told the events of a block.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

// === impl Refusals ===

impl Refusals {
    /// Whether `refusal` of something of a block, which somebody has met with for so long until `now`, is there to
    /// stay: it has lasted, or one in the same words has a short while ago.
    pub(super) fn is_lasting(
        &self,
        block: BlockNumber,
        (refusal, met): (&ReadError, Duration),
        config: &LinkConfig,
        now: Instant,
    ) -> bool {
        let words = without_numbers(&refusal.to_string());
        let mut lasting = self.lasting();
        let is_known =
            |known: &Lasting| now < known.until && known.words == words && known.told.is_none_or(|told| block < told);
        if lasting.as_ref().is_some_and(is_known) {
            return true;
        }
        let is_lasting = met >= patience(config);
        if is_lasting {
            *lasting = Some(Lasting { words, until: now + TERM, told: None });
        }
        is_lasting
    }

    /// This block was told whole.
    pub(super) fn end_at(&self, block: BlockNumber) {
        if let Some(lasting) = self.lasting().as_mut() {
            lasting.told = Some(lasting.told.map_or(block, |told| told.min(block)));
        }
    }

    fn lasting(&self) -> MutexGuard<'_, Option<Lasting>> {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same words whichever block they are about.
fn without_numbers(said: &str) -> String {
    let words = said.split_whitespace().filter(|word| !word.contains(|letter: char| letter.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> ReadError {
        ReadError::Refused { what: "a block's events".to_owned(), code: -32_000, message: message.to_owned() }
    }

    #[test]
    fn a_block_goes_without_its_events_once_all_were_asked_for_long_enough() {
        let (config, begun) = (LinkConfig::default(), Instant::now());
        let is_final = |withheld: &mut Withheld, all, after| withheld.is_final(all, &config, begun + after);
        let mut withheld = Withheld::default();
        assert!(!is_final(&mut withheld, true, Duration::ZERO));
        assert!(!is_final(&mut withheld, false, PATIENCE * 2), "one was not asked yet");
        assert!(is_final(&mut withheld, true, PATIENCE * 2));
        // The next one is not waited for, until it is time to see whether that still holds.
        assert!(is_final(&mut withheld, false, PATIENCE * 3));
        assert!(!is_final(&mut withheld, true, PATIENCE * 2 + TERM));
        assert!(is_final(&mut withheld, true, PATIENCE * 3 + TERM));
        withheld.end();
        assert!(!is_final(&mut withheld, true, PATIENCE * 3 + TERM));
        // What is refused once and then, long after, once more, has not lasted.
        assert!(!is_final(&mut withheld, true, PATIENCE * 3 + TERM * 2));
        assert!(is_final(&mut withheld, true, PATIENCE * 4 + TERM * 2));
    }

    #[test]
    fn a_refusal_lasts_by_its_time_or_by_its_words() {
        let (config, begun) = (LinkConfig::default(), Instant::now());
        let refusals = Refusals::default();
        let of = |block, said: &str, began: Duration, now: Duration| {
            refusals.is_lasting(BlockNumber(block), (&refused(said), now.saturating_sub(began)), &config, begun + now)
        };
        let is_lasting = |said: &str, began, now| of(5, said, began, now);
        assert!(!is_lasting("no trie node 0x5a", Duration::ZERO, PATIENCE / 2));
        assert!(is_lasting("no trie node 0x5a", Duration::ZERO, PATIENCE));
        assert!(is_lasting("no trie node 0x7c1", PATIENCE, PATIENCE));
        assert!(!is_lasting("busy", PATIENCE, PATIENCE));
        assert!(!is_lasting("no trie node 0x7c1", PATIENCE + TERM, PATIENCE + TERM));
        // A block that is told is the end of it, for itself and for those that are newer.
        assert!(is_lasting("busy", PATIENCE, PATIENCE * 2));
        refusals.end_at(BlockNumber(7));
        refusals.end_at(BlockNumber(9));
        let at_once = |block| of(block, "busy", PATIENCE * 2, PATIENCE * 2);
        assert_eq!([5, 6, 7, 8, 10].map(at_once), [true, true, false, false, false]);
        assert!(of(8, "busy", PATIENCE, PATIENCE * 2));
        assert_eq!([5, 8, 10].map(at_once), [true, true, true]);
        // Who waits for no answer longer than that waits for no refusal longer either.
        let brisk = LinkConfig { request_timeout_ms: 1_000, ..config.clone() };
        let (refused, second) = (refused("busy"), Duration::from_secs(1));
        assert!(Refusals::default().is_lasting(BlockNumber(5), (&refused, second), &brisk, begun + second));
    }
}
