//! What the endpoints of a chain whose finality binds say against the history.
//!
//! Such a chain does not go on from elsewhere: either what was recorded is false, or what an endpoint says now. One alone
//! does not decide that. The last word of each is kept, and two who deny the same, and are more than those who stand by
//! it, are believed.
//!
//! Pure; who is asked, and when, is in `recorder.rs`.

use std::collections::{BTreeMap, BTreeSet};

use btd_api::BlockNumber;

/// The last words of the endpoints.
#[derive(Debug, Default)]
pub(super) struct Disputes {
    /// By endpoint: the first recorded block in whose place it has another; none where it has all of them.
    words: BTreeMap<String, Option<BlockNumber>>,
}

// === impl Disputes ===

impl Disputes {
    /// Keeps what an endpoint says: in the place of which recorded block it first has another, if of any. Whether it
    /// denies something since now.
    pub(super) fn note(&mut self, endpoint: &str, first: Option<BlockNumber>) -> bool {
        let before = self.words.insert(endpoint.to_owned(), first);
        first.is_some() && before != Some(first)
    }

    /// The blocks from which on somebody denies what was recorded.
    pub(super) fn denied(&self) -> BTreeSet<BlockNumber> {
        self.words.values().flatten().copied().collect()
    }

    /// The first block from which on two deny what was recorded, who are more than those who stand by it.
    pub(super) fn settled(&self) -> Option<BlockNumber> {
        self.denied().into_iter().find(|block| {
            let against = self.words.values().filter(|first| first.is_some_and(|first| first <= *block)).count();
            let behind = self.words.len().saturating_sub(against);
            against >= 2 && against > behind
        })
    }

    /// Forgets all of it: what was denied is not in the history any more.
    pub(super) fn forget(&mut self) {
        self.words.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is settled once these have spoken, one after the other.
    fn settled(said: &[(&str, Option<u32>)]) -> Option<u32> {
        let mut disputes = Disputes::default();
        for (endpoint, first) in said {
            disputes.note(endpoint, first.map(BlockNumber));
        }
        disputes.settled().map(|block| block.0)
    }

    #[test]
    fn two_are_believed_and_one_is_not() {
        assert_eq!(settled(&[]), None);
        assert_eq!(settled(&[("a", Some(3))]), None);
        assert_eq!(settled(&[("a", Some(3)), ("a", Some(3)), ("a", Some(2))]), None, "however often it says so");
        assert_eq!(settled(&[("a", Some(3)), ("b", Some(3))]), Some(3));
        assert_eq!(settled(&[("a", Some(3)), ("b", Some(7))]), Some(7), "of what is before, one alone says so");
        assert_eq!(settled(&[("a", Some(3)), ("b", None), ("c", Some(3))]), Some(3));
        assert_eq!(settled(&[("a", Some(3)), ("b", None), ("c", Some(3)), ("d", None)]), None);
        assert_eq!(settled(&[("a", Some(3)), ("b", Some(3)), ("a", None)]), None, "only the last word counts");
    }

    #[test]
    fn what_is_denied_is_news_once() {
        let mut disputes = Disputes::default();
        let first = Some(BlockNumber(3));
        assert!(!disputes.note("a", None));
        assert!(disputes.note("a", first) && !disputes.note("a", first));
        assert!(disputes.note("b", first) && disputes.note("b", Some(BlockNumber(2))));
        assert_eq!(disputes.denied(), BTreeSet::from([BlockNumber(2), BlockNumber(3)]));
        disputes.forget();
        assert_eq!((disputes.denied().len(), disputes.settled()), (0, None));
    }
}
