//! From where on the chain is another one than was followed.
//!
//! A chain that was taken back, or whose history was given up because it was false, shares its older blocks with what
//! was followed before. Where the two part is found by the hashes of blocks that were followed: all of the newest, and
//! ever fewer of the older ones, so that they take little memory for a year of blocks. Found is then a block that is no
//! newer than the one at which they part.

use std::sync::{Mutex, PoisonError};

use btd_api::BlockNumber;

use crate::{block::BlockRef, error::ConnectError, fetch, rpc::Connection};

/// Of so many blocks all hashes are kept.
const ALL: u32 = 128;
/// So many hashes are kept at the most: a year of blocks needs half of them.
const MOST: usize = 2_048;
/// So many partings are kept.
const PARTINGS: usize = 256;

/// Blocks that were followed, in order.
#[derive(Debug, Default)]
pub(super) struct Trail {
    marks: Vec<BlockRef>,
}

/// The newest block that what was followed before has in common with what is followed since, each time that the chain
/// went on from elsewhere; none where it has none that is known.
#[derive(Debug, Default)]
pub(super) struct Partings {
    /// Behind the generation that began there, the oldest first.
    known: Mutex<Vec<(u64, Option<BlockNumber>)>>,
}

// === impl Trail ===

impl Trail {
    /// Adds the block that was followed last.
    pub(super) fn add(&mut self, block: BlockRef) {
        // The chain may have been taken back to a block that is known.
        if self.marks.last() == Some(&block) {
            return;
        }
        self.marks.push(block);
        if self.marks.len() > MOST {
            // Twice as old is twice as far from the next one.
            let spacing = |mark: &BlockRef| (block.number.0.saturating_sub(mark.number.0) / ALL).next_power_of_two();
            self.marks.retain(|mark| mark.number.0.is_multiple_of(spacing(mark)));
        }
    }

    /// Whether nothing was followed.
    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Whether the chain that `connection` tells of, up to its newest block `head`, has another block than was followed, as
    /// far as that is known: not of one that is older than what was followed, or has parted above the newest mark it has.
    pub(super) async fn is_left(&self, connection: &Connection, head: BlockRef) -> Result<bool, ConnectError> {
        let Some(mark) = self.marks.iter().rev().find(|mark| mark.number <= head.number) else { return Ok(false) };
        if mark.number == head.number {
            return Ok(mark.hash != head.hash);
        }
        let found = fetch::hash_of(connection, mark.number).await?;
        Ok(found.is_some_and(|found| found != mark.hash))
    }

    /// Forgets what the chain that `connection` tells of does not have, when `head` is its newest block, and tells the
    /// newest that it has.
    pub(super) async fn part(
        &mut self,
        connection: &Connection,
        head: BlockRef,
    ) -> Result<Option<BlockNumber>, ConnectError> {
        // A node may have no hashes of old blocks, so the newest are asked about first.
        let (mut dead, mut step) = (self.marks.len(), 1);
        let mut alive = None;
        while dead > 0 {
            let probed = dead.saturating_sub(step);
            if self.stands(probed, connection, head).await? {
                alive = Some(probed);
                break;
            }
            (dead, step) = (probed, step * 2);
        }
        while let Some(stands) = alive.filter(|stands| dead - stands > 1) {
            let middle = stands + (dead - stands) / 2;
            if self.stands(middle, connection, head).await? {
                alive = Some(middle);
            } else {
                dead = middle;
            }
        }
        self.marks.truncate(dead);
        Ok(self.marks.last().map(|mark| mark.number))
    }

    async fn stands(&self, index: usize, connection: &Connection, head: BlockRef) -> Result<bool, ConnectError> {
        match self.marks.get(index) {
            Some(mark) if mark.number < head.number => {
                Ok(fetch::hash_of(connection, mark.number).await? == Some(mark.hash))
            }
            Some(mark) => Ok(*mark == head),
            None => Ok(false),
        }
    }
}

// === impl Partings ===

impl Partings {
    /// The chain has gone on from `common` in this generation.
    pub(super) fn note(&self, generation: u64, common: Option<BlockNumber>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push((generation, common));
        if known.len() > PARTINGS {
            // Whoever has slept for so long is told to begin where both of the oldest would have had him begin.
            let (_, oldest) = known.remove(0);
            if let Some((_, next)) = known.first_mut() {
                *next = (*next).min(oldest);
            }
        }
    }

    /// The newest block that generation `before` has in common with each one after it up to `now`; none where there is
    /// none that is known.
    pub(super) fn common(&self, before: u64, now: u64) -> Option<BlockNumber> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = known.iter().filter(|(generation, _)| *generation > before && *generation <= now);
        passed.map(|(_, common)| *common).min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use btd_api::BlockHash;

    use super::*;
    use crate::{link::endurance::over, simulated::Network};

    #[test]
    fn a_year_of_blocks_takes_little_memory_and_the_newest_are_all_kept() {
        let mut trail = Trail::default();
        let last = 2_600_000;
        (0..=last).for_each(|number| trail.add(BlockRef { number: BlockNumber(number), hash: BlockHash([0; 32]) }));
        let kept: Vec<u32> = trail.marks.iter().map(|mark| mark.number.0).collect();
        assert!(kept.len() <= MOST && kept.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(kept.ends_with(&(last - ALL + 1..=last).collect::<Vec<_>>()));
        // Of what is older there are some of each age.
        for age in [1_000, 10_000, 100_000, 1_000_000] {
            let near = kept.iter().filter(|number| (last - age - age / 20..last - age).contains(*number));
            assert!(near.count() > 0, "{age}: {kept:?}");
        }
    }

    #[test]
    fn where_two_histories_part_is_found_with_few_questions() {
        over(1, async |link, network| {
            let (connection, head) = (link.connection().unwrap(), link.finalized().unwrap());
            let last = head.number.0 + 40;
            for parted in [1, 2, 3, 37, head.number.0, head.number.0 + 1, last + 1] {
                let mut trail = Trail::default();
                for number in 1..=last {
                    let hash = if number < parted { Network::hash(number) } else { Network::orphan(number) };
                    trail.add(BlockRef { number: BlockNumber(number), hash });
                }
                assert_eq!(trail.is_left(&connection, head).await.unwrap(), parted <= head.number.0, "{parted}");
                // The newest mark may be below its head.
                let below = |mark: &&BlockRef| mark.number.0 + 2 <= head.number.0;
                let older = Trail { marks: trail.marks.iter().take_while(below).copied().collect() };
                let is_left = older.is_left(&connection, head).await.unwrap();
                assert_eq!(is_left, parted + 2 <= head.number.0, "{parted}");
                let before = network.requests();
                let common = trail.part(&connection, head).await.unwrap();
                // What is newer than its head the chain does not have, whatever that was.
                let newest = (parted - 1).min(head.number.0);
                assert_eq!(common, (newest > 0).then_some(BlockNumber(newest)));
                assert_eq!(trail.marks.len(), usize::try_from(newest).unwrap(), "{parted}");
                assert!(network.requests() - before <= 20, "{parted}: {} questions", network.requests() - before);
            }
        });
    }

    #[test]
    fn whoever_was_away_for_several_partings_goes_back_to_the_oldest() {
        let number = |number| Some(BlockNumber(number));
        let partings = Partings::default();
        for (generation, common) in [(1, number(50)), (2, number(20)), (3, number(40)), (4, None), (5, number(45))] {
            partings.note(generation, common);
        }
        let common = [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3), (2, 4), (3, 5), (4, 5)];
        let common = common.map(|(before, now)| partings.common(before, now));
        assert_eq!(common, [number(50), number(20), number(20), number(20), number(40), None, None, number(45)]);
        for generation in 6..2_000 {
            partings.note(generation, number(generation.try_into().unwrap()));
        }
        assert_eq!((partings.common(4, 1_999), partings.common(1_998, 1_999)), (None, number(1_999)));
    }
}
