//! The weights and bonds that somebody has asked for, kept for as long as nothing can have changed them.
//!
//! Rows are read when they are asked for, and told again without the chain, as of the newest block of which the list of
//! subnets was read, until something may have changed them (`unchanged.rs`). Whoever asks while they are read waits for that
//! reading. None are read for nobody: those that were changed are read when they are asked for again. Root's are never
//! kept: they change whenever any subnet goes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use btd_api::{MechId, NetUid, Uid, metagraph::MatrixName};
use btd_chain::{BlockRef, Link, ReadError, Row, View};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use tokio::try_join;

use super::{
    Metagraph, Metagraphs, Rows, Table,
    refresher::is_about_the_block,
    unchanged::{Place, Unchanged},
};
use crate::stamp::Stamp;

/// How many bytes of rows are kept. Of each of 128 subnets, 64 validators that weigh 256 neurons at four bytes each are
/// 8 MiB of weights and as many of bonds: this is twice that, for mechanisms beside the main one.
const MOST_BYTES: usize = 32 << 20;

/// Which rows: a mechanism of a subnet, and its weights or its bonds.
pub type RowsOf = ((NetUid, MechId), MatrixName);

/// Rows that are being read.
type Reading = BoxFuture<'static, Result<Arc<Vec<Row>>, ReadError>>;

/// The rows that are kept.
#[derive(Debug)]
pub(super) struct Shelf {
    most_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: BTreeMap<RowsOf, Kept>,
    readings: BTreeMap<RowsOf, (Place, WeakShared<Reading>)>,
    bytes: usize,
    /// How often rows were asked for or kept: by it those that nobody has asked for the longest are known.
    turns: u64,
}

#[derive(Debug)]
struct Kept {
    read_at: Place,
    rows: Arc<Vec<Row>>,
    bytes: usize,
    /// The turn at which they were asked for last.
    asked: u64,
}

// === impl Shelf ===

impl Default for Shelf {
    fn default() -> Self {
        Self::holding(MOST_BYTES)
    }
}

impl Shelf {
    fn holding(most_bytes: usize) -> Self {
        Self { most_bytes, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows, if they are kept and are still what the chain has at the block of `unchanged`.
    fn find(&self, of: RowsOf, unchanged: &Unchanged) -> Option<Arc<Vec<Row>>> {
        let mut state = self.lock();
        let turn = state.turn();
        let kept = state.kept.get_mut(&of)?;
        let ((netuid, _), matrix) = of;
        if !unchanged.holds_since(kept.read_at, netuid, matrix) {
            return None;
        }
        kept.asked = turn;
        Some(Arc::clone(&kept.rows))
    }

    /// The reading of rows at a block: the one that is under way, else the one that `begin` begins.
    fn reading(&self, of: RowsOf, at: Place, begin: impl FnOnce() -> Reading) -> Shared<Reading> {
        let mut state = self.lock();
        if let Some((place, reading)) = state.readings.get(&of)
            && *place == at
            && let Some(reading) = reading.upgrade()
        {
            return reading;
        }
        let reading = begin().shared();
        if let Some(weak) = reading.downgrade() {
            state.readings.insert(of, (at, weak));
        }
        reading
    }

    /// Keeps rows that were read at a block, unless later ones are kept.
    fn keep(&self, of: RowsOf, read_at: Place, rows: &Arc<Vec<Row>>) {
        let mut state = self.lock();
        if state.readings.get(&of).is_some_and(|(place, _)| *place == read_at) {
            state.readings.remove(&of);
        }
        let bytes = bytes(rows);
        let is_late = state.kept.get(&of).is_some_and(|kept| kept.read_at.is_as_late_as(&read_at));
        if is_late || bytes > self.most_bytes {
            return;
        }
        let asked = state.turn();
        let before = state.kept.insert(of, Kept { read_at, rows: Arc::clone(rows), bytes, asked });
        let freed = before.map_or(0, |before| before.bytes);
        state.bytes = state.bytes.saturating_sub(freed).saturating_add(bytes);
        while state.bytes > self.most_bytes {
            let longest_unasked = state.kept.iter().min_by_key(|(_, kept)| kept.asked).map(|(of, _)| *of);
            let Some(gone) = longest_unasked.and_then(|of| state.kept.remove(&of)) else { break };
            state.bytes = state.bytes.saturating_sub(gone.bytes);
        }
    }
}

// === impl State ===

impl State {
    fn turn(&mut self) -> u64 {
        self.turns = self.turns.saturating_add(1);
        self.turns
    }
}

// === impl Metagraphs ===

impl Metagraphs {
    /// The block as of which the weights and bonds of a mechanism are told that are kept, and how many neurons its subnet
    /// has there; none where they are never kept: of root, of what there is not, and while nothing is followed.
    pub fn rows_at(&self, netuid: NetUid, mechid: MechId) -> Option<(Stamp, u16)> {
        // In doubt, the block of the list may not be of the chain any more.
        self.behind.as_ref()?;
        let list = self.list.as_ref().filter(|list| self.unchanged.at() == Some(list.at.block))?;
        let subnet = list.subnets.get(&netuid)?;
        let is_there = mechid.0 < subnet.mechanisms.unwrap_or(1).max(1);
        (netuid != NetUid::ROOT && is_there).then_some((list.at, subnet.neurons))
    }
}

// === impl Metagraph ===

impl Metagraph {
    /// Rows as of the block of [`Metagraphs::rows_at`], if they are kept.
    pub fn kept_rows(&self, known: &Metagraphs, of: RowsOf) -> Option<Arc<Vec<Row>>> {
        let ((netuid, mechid), _) = of;
        known.rows_at(netuid, mechid)?;
        self.shelf.find(of, &known.unchanged)
    }

    /// The same, read from the chain and kept where they are not; none where they are never kept, and where that block is
    /// not of the chain any more, or the chain does not tell its state.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub async fn newest_rows(
        &self,
        known: &Metagraphs,
        link: &Link,
        of: RowsOf,
    ) -> Result<Option<Arc<Vec<Row>>>, ReadError> {
        let ((netuid, mechid), _) = of;
        let Some((at, _)) = known.rows_at(netuid, mechid) else { return Ok(None) };
        if let Some(kept) = self.kept_rows(known, of) {
            return Ok(Some(kept));
        }
        let read = async {
            let view = link.view_at(at.block.hash).await?;
            self.rows(known, &view, of).await
        };
        match read.await {
            Ok(rows) => Ok(Some(rows)),
            Err(error) if is_about_the_block(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Rows at the block of `view`, from the chain unless they are kept of that very block.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub async fn rows(&self, known: &Metagraphs, view: &View, of: RowsOf) -> Result<Arc<Vec<Row>>, ReadError> {
        let ((netuid, mechid), _) = of;
        let place = known.rows_at(netuid, mechid).and_then(|_| known.unchanged.place(view.block()));
        let Some(place) = place else { return Box::pin(read(view, of)).await.map(Arc::new) };
        if let Some(kept) = self.shelf.find(of, &known.unchanged) {
            return Ok(kept);
        }
        let reading = self.shelf.reading(of, place, || {
            let view = view.clone();
            async move { read(&view, of).await.map(Arc::new) }.boxed()
        });
        let rows = reading.await?;
        self.shelf.keep(of, place, &rows);
        Ok(rows)
    }

    /// Rows at `block`, if they are kept of that very one.
    pub fn rows_of(&self, known: &Metagraphs, block: BlockRef, of: RowsOf) -> Option<Arc<Vec<Row>>> {
        let ((netuid, mechid), _) = of;
        known.rows_at(netuid, mechid).filter(|(at, _)| at.block == block)?;
        self.kept_rows(known, of)
    }

    /// Weights and bonds of a mechanism at `block`, if both are kept of it.
    pub fn both_rows(&self, known: &Metagraphs, block: BlockRef, netuid: NetUid, mechid: MechId) -> Option<Rows> {
        let kept = |matrix| self.rows_of(known, block, ((netuid, mechid), matrix)).map(Arc::unwrap_or_clone);
        Some(Rows { weights: kept(MatrixName::Weights)?, bonds: kept(MatrixName::Bonds)? })
    }

    /// A whole metagraph at the block of `view`: see [`Table::read`]. Of it, weights and bonds are not asked for where
    /// they are kept of that block.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub async fn whole(
        &self,
        view: &View,
        netuid: NetUid,
        mechid: MechId,
        at: Stamp,
    ) -> Result<Option<Table>, ReadError> {
        let known = self.current();
        let (raw, weights, bonds) = try_join!(
            view.mechagraph(netuid, mechid),
            self.rows(&known, view, ((netuid, mechid), MatrixName::Weights)),
            self.rows(&known, view, ((netuid, mechid), MatrixName::Bonds)),
        )?;
        let rows = Rows { weights: Arc::unwrap_or_clone(weights), bonds: Arc::unwrap_or_clone(bonds) };
        Ok(raw.map(|raw| Table { rows: Some(rows), ..Table::of(&raw, at) }))
    }
}

/// Rows as the chain has them at the block of `view`.
async fn read(view: &View, ((netuid, mechid), matrix): RowsOf) -> Result<Vec<Row>, ReadError> {
    match matrix {
        MatrixName::Weights => view.weights(netuid, mechid).await,
        MatrixName::Bonds => view.bonds(netuid, mechid).await,
    }
}

/// How much memory rows take.
fn bytes(rows: &[Row]) -> usize {
    let entries: usize = rows.iter().map(|(_, entries)| entries.len()).sum();
    rows.len().saturating_mul(size_of::<Row>()).saturating_add(entries.saturating_mul(size_of::<(Uid, u16)>()))
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        sync::atomic::{AtomicU32, Ordering},
    };

    use btd_api::{BlockHash, BlockNumber};

    use super::{super::tests::listed, *};

    /// One row of four entries: 16 bytes beside its own.
    fn rows(weight: u16) -> Arc<Vec<Row>> {
        Arc::new(vec![(Uid(0), (0..4).map(|uid| (Uid(uid), weight)).collect())])
    }

    fn of(netuid: u16) -> RowsOf {
        ((NetUid(netuid), MechId(0)), MatrixName::Weights)
    }

    /// What is followed up to block 10, and that block.
    fn followed() -> (Unchanged, Place) {
        let block = BlockRef { number: BlockNumber(10), hash: BlockHash([1; 32]) };
        let mut unchanged = Unchanged::default();
        unchanged.begin(block);
        unchanged.settle(None, &listed(block, &[1, 2, 3], 7), &BTreeSet::new());
        let place = unchanged.place(block).unwrap();
        (unchanged, place)
    }

    #[test]
    fn what_nobody_has_asked_for_the_longest_goes_first() {
        let (unchanged, place) = followed();
        let shelf = Shelf::holding(bytes(&rows(1)) * 2);
        let kept = || [1, 2, 3].map(|netuid| shelf.lock().kept.contains_key(&of(netuid)));
        shelf.keep(of(1), place, &rows(1));
        shelf.keep(of(2), place, &rows(2));
        assert_eq!(shelf.find(of(1), &unchanged), Some(rows(1)));
        shelf.keep(of(3), place, &rows(3));
        assert_eq!(kept(), [true, false, true]);
        assert_eq!((shelf.find(of(2), &unchanged), shelf.find(of(3), &unchanged)), (None, Some(rows(3))));
        assert_eq!(shelf.lock().bytes, bytes(&rows(1)) * 2);
        // What is more than all of it is not kept, and nothing goes for it.
        let large: Vec<Row> = (0..3).flat_map(|_| rows(1).to_vec()).collect();
        shelf.keep(of(2), place, &Arc::new(large));
        assert_eq!(kept(), [true, false, true]);
    }

    #[test]
    fn rows_of_an_earlier_block_take_no_place_of_later_ones() {
        let (mut unchanged, place) = followed();
        let shelf = Shelf::default();
        let block = BlockRef { number: BlockNumber(11), hash: BlockHash([2; 32]) };
        unchanged.note_all(block);
        unchanged.settle(None, &listed(block, &[1], 7), &BTreeSet::new());
        let later = unchanged.place(block).unwrap();
        shelf.keep(of(1), later, &rows(2));
        shelf.keep(of(1), place, &rows(1));
        assert_eq!(shelf.find(of(1), &unchanged), Some(rows(2)));
        assert_eq!(shelf.lock().bytes, bytes(&rows(2)));
    }

    #[tokio::test]
    async fn who_asks_while_rows_are_read_waits_for_that_reading() {
        let (unchanged, place) = followed();
        let (shelf, begun) = (Shelf::default(), Arc::new(AtomicU32::new(0)));
        let reading = || {
            let begun = Arc::clone(&begun);
            shelf.reading(of(1), place, || {
                async move {
                    begun.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Ok(rows(1))
                }
                .boxed()
            })
        };
        let (one, other) = tokio::join!(reading(), reading());
        assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        // One that everybody has left is begun anew.
        drop(reading());
        assert_eq!(reading().await, Ok(rows(1)));
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        shelf.keep(of(1), place, &rows(1));
        assert_eq!(shelf.find(of(1), &unchanged), Some(rows(1)));
        assert!(shelf.lock().readings.is_empty());
    }
}
