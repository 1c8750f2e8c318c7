//! For how long it is waited for what endpoints do not tell, though they do not say that they have it no more.
//!
//! A busy node tells it a moment later. One that lacks it, and says so in words that nobody knows, never does, and no
//! word of it may keep a block from its readers for ever. What tells the two apart is time. Whatever is not told in
//! that time is said not to be; what is known of it then is decided elsewhere (`follower.rs`, `blocks.rs`).

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::LinkConfig;
use crate::error::ReadError;

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
}

/// What readers were refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// In which words it lasted, and until when others in the same words are not waited out.
    lasting: Mutex<Option<(String, Instant)>>,
}

// === impl Withheld ===

impl Withheld {
    /// Whether a block whose events an endpoint does not tell at `now` is followed without them. `is_told_by_none` says
    /// whether every endpoint has had its turn since a block was followed. Which block it is does not matter: after a
    /// long outage it is another one each time.
    pub(super) fn is_final(&mut self, is_told_by_none: bool, config: &LinkConfig, now: Instant) -> bool {
        if self.until.is_some_and(|until| now < until) {
            return true;
        }
        // Nobody rests for so long: in between something else was wrong.
        let longest = patience(config).max(config.retry_max().saturating_mul(2));
        let recently = self.since.filter(|(_, last)| now.saturating_duration_since(*last) <= longest);
        let (since, _) = *self.since.insert((recently.map_or(now, |(since, _)| since), now));
        let is_final = is_told_by_none && now.saturating_duration_since(since) >= patience(config);
        if is_final {
            *self = Self { since: None, until: Some(now + TERM) };
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
    /// Whether `refusal`, which somebody has met with from `began` until `now`, is there to stay: it has lasted, or one
    /// in the same words has a short while ago.
    pub(super) fn is_lasting(&self, refusal: &ReadError, began: Instant, config: &LinkConfig, now: Instant) -> bool {
        let words = without_numbers(&refusal.to_string());
        let mut lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        if lasting.as_ref().is_some_and(|(known, until)| now < *until && *known == words) {
            return true;
        }
        let is_lasting = now.saturating_duration_since(began) >= patience(config);
        if is_lasting {
            *lasting = Some((words, now + TERM));
        }
        is_lasting
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
        let is_lasting =
            |said: &str, began, now| refusals.is_lasting(&refused(said), begun + began, &config, begun + now);
        assert!(!is_lasting("no trie node 0x5a", Duration::ZERO, PATIENCE / 2));
        assert!(is_lasting("no trie node 0x5a", Duration::ZERO, PATIENCE));
        assert!(is_lasting("no trie node 0x7c1", PATIENCE, PATIENCE));
        assert!(!is_lasting("busy", PATIENCE, PATIENCE));
        assert!(!is_lasting("no trie node 0x7c1", PATIENCE + TERM, PATIENCE + TERM));
        // Who waits for no answer longer than that waits for no refusal longer either.
        let brisk = LinkConfig { request_timeout_ms: 1_000, ..config.clone() };
        assert!(Refusals::default().is_lasting(&refused("busy"), begun, &brisk, begun + Duration::from_secs(1)));
    }
}
