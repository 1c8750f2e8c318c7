//! Runs of blocks: what was looked through, what was not, and why.

use btd_api::BlockNumber;
pub use btd_api::wallet::history::Why;

/// Blocks without a gap, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: BlockNumber,
    /// The last.
    pub last: BlockNumber,
}

/// Blocks of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Which.
    pub span: Span,
    /// Why.
    pub why: Why,
}

// === impl Span ===

impl Span {
    /// Those that are in both.
    fn and(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }

    /// Those between this one and a later one.
    fn until(self, later: Self) -> Option<Self> {
        let (first, last) = (self.last.0.checked_add(1)?, later.first.0.checked_sub(1)?);
        (first <= last).then_some(Self { first: BlockNumber(first), last: BlockNumber(last) })
    }
}

/// The blocks that are in both; each side in order, and without overlap in itself.
pub(super) fn both(one: &[Span], other: &[Span]) -> Vec<Span> {
    one.iter().flat_map(|span| other.iter().filter_map(|with| span.and(*with))).collect()
}

/// What lies between `covered`, and why: as `told`; else nobody asked for the account in blocks that were `looked`
/// through, and all others were not followed.
pub(super) fn holes(covered: &[Span], looked: &[Span], told: &[Hole]) -> Vec<Hole> {
    let gaps = covered.windows(2).filter_map(|pair| match pair {
        [earlier, later] => earlier.until(*later),
        _ => None,
    });
    gaps.flat_map(|gap| {
        let mut found: Vec<Hole> = Vec::new();
        found.extend(told.iter().filter_map(|hole| Some(Hole { span: hole.span.and(gap)?, ..*hole })));
        found.extend(looked.iter().filter_map(|span| Some(Hole { span: span.and(gap)?, why: Why::NotWatched })));
        found.sort_by_key(|hole| hole.span.first);
        let known: Vec<Span> = found.iter().map(|hole| hole.span).collect();
        found.extend(rest(gap, &known).into_iter().map(|span| Hole { span, why: Why::NotFollowed }));
        found.sort_by_key(|hole| hole.span.first);
        found
    })
    .collect()
}

/// What `taken`, which is in order, leaves of `whole`.
fn rest(whole: Span, taken: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let mut from = Some(whole.first);
    for span in taken {
        let Some(first) = from else { break };
        if let Some(last) = span.first.0.checked_sub(1).map(BlockNumber).filter(|last| first <= *last) {
            left.push(Span { first, last });
        }
        from = span.last.0.checked_add(1).map(|next| BlockNumber(next.max(first.0)));
    }
    left.extend(from.filter(|first| *first <= whole.last).map(|first| Span { first, last: whole.last }));
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: u32, last: u32) -> Span {
        Span { first: BlockNumber(first), last: BlockNumber(last) }
    }

    #[test]
    fn what_is_known_of_an_account_is_what_was_looked_through_for_it() {
        let looked = [span(1, 10), span(15, 30)];
        assert_eq!(both(&looked, &[span(5, 20), span(25, u32::MAX)]), [span(5, 10), span(15, 20), span(25, 30)]);
        assert_eq!(both(&looked, &[]), []);
    }

    #[test]
    fn every_hole_has_a_reason_and_none_overlap() {
        let looked = [span(1, 10), span(15, 30), span(40, 50)];
        let told =
            [Hole { span: span(12, 13), why: Why::Illegible }, Hole { span: span(31, 35), why: Why::Unreadable }];
        let covered = both(&looked, &[span(1, 10), span(20, 25), span(45, 50)]);
        let found: Vec<_> = holes(&covered, &looked, &told)
            .iter()
            .map(|hole| (hole.span.first.0, hole.span.last.0, hole.why))
            .collect();
        let expected = [
            (11, 11, Why::NotFollowed),
            (12, 13, Why::Illegible),
            (14, 14, Why::NotFollowed),
            (15, 19, Why::NotWatched),
            (26, 30, Why::NotWatched),
            (31, 35, Why::Unreadable),
            (36, 39, Why::NotFollowed),
            (40, 44, Why::NotWatched),
        ];
        assert_eq!(found, expected);
    }
}
