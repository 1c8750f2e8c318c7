//! Reads again what the history has lost, from whoever still has the state of those blocks: an archive as a rule.
//!
//! It asks for what nobody else waits for, the newest first, one after the other and with a pause between: the archives
//! are others'. A block whose state no endpoint has speaks for those before it; whatever else befalls a record is its own
//! trouble, and the next one is asked for. What is not to be had is a gap, which is told, and asked for again now and
//! then. That the chain never had it is believed to two endpoints, and to one alone where the chain may be taken back.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::Duration,
};

use btd_api::{BlockHash, BlockNumber, MechId, NetUid};
use btd_chain::{BlockRef, Finality, Link, LinkState, ReadError};
use tokio::time::{sleep, timeout};

use super::{
    History, Table,
    history::{HistoryError, Run},
    teller::Reading,
};
use crate::{causes::with_causes, stamp::Stamp};

/// The pause after the link has failed, or before blocks that are still to be compared with the chain's. It doubles as
/// long as nothing comes of it.
const PAUSE: Duration = Duration::from_secs(5);
/// The time after which what nobody had is asked for again, and the longest pause.
const AGAIN: Duration = Duration::from_mins(10);
/// The pause between two records.
const BREATH: Duration = Duration::from_millis(200);
/// What that doubles up to while records are not answered in time.
const LONGEST_BREATH: Duration = Duration::from_secs(30);

/// The long task that makes the history whole again.
#[derive(Clone, Debug)]
pub(super) struct Restorer {
    link: Link,
    /// None where no history is kept.
    history: Option<History>,
}

/// How a look at all that was lost has ended, the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// Nothing is lost any more.
    Whole,
    /// Some of it nobody has.
    Wanting,
    /// The link has failed, or did not answer in time, or blocks cannot be told yet.
    Interrupted,
}

/// A record that is missed no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    /// It was read and is kept again.
    Restored,
    /// It is given up: the chain never had it, or there is no room for what is so old.
    Forgone,
}

/// Why a record was not made good.
enum Unrestored {
    /// The chain is out of reach, for whatever else is asked too.
    Cut,
    /// Of that block nothing can be told yet.
    NotYet(&'static str),
    /// The chain was taken back while it was read.
    Replaced,
    /// It was not answered in time.
    Slow(ReadError),
    /// Nobody has the state of that block.
    Gone(ReadError),
    /// That metagraph cannot be read.
    Illegible(ReadError),
    /// One endpoint says that there was no such thing.
    Denied(Option<String>),
    /// The history cannot be written.
    History(HistoryError),
}

/// The endpoints that have said of a record that the chain had no such thing there.
type Denials = BTreeMap<(NetUid, MechId, BlockNumber), BTreeSet<String>>;

// === impl Restorer ===

impl Restorer {
    pub(super) fn new(link: Link, history: Option<History>) -> Self {
        Self { link, history }
    }

    /// Goes on for ever.
    pub(super) async fn run(self) {
        if let Some(history) = &self.history
            && let Err(error) = self.restore(history).await
        {
            tracing::error!(error = with_causes(&error), "the history failed: what it has lost is not read again");
        }
        std::future::pending::<()>().await;
    }

    /// Makes the history whole again whenever it has lost something. Ends when that cannot be written, or is not used any
    /// more.
    async fn restore(&self, history: &History) -> Result<(), HistoryError> {
        let (mut pause, mut denials) = (PAUSE, Denials::new());
        while !history.is_given_up() {
            history.heal().await?;
            let (end, restored) = match self.pass(history, &mut denials).await {
                // What has failed is begun anew.
                Err(error) if error.is_damage() => continue,
                pass => pass?,
            };
            if restored > 0 || end != End::Interrupted {
                pause = PAUSE;
            }
            match end {
                End::Whole => history.loss().await,
                End::Wanting => drop(timeout(AGAIN, history.loss()).await),
                End::Interrupted => {
                    drop(timeout(pause, history.loss()).await);
                    pause = pause.saturating_mul(2).min(AGAIN);
                }
            }
        }
        Ok(())
    }

    /// Asks for all that was lost. How that has ended, and how many records are kept again.
    async fn pass(&self, history: &History, denials: &mut Denials) -> Result<(End, u32), HistoryError> {
        let _ = self.link.state().wait_for(LinkState::is_live).await;
        let Some(genesis) = self.link.genesis() else { return Ok((End::Interrupted, 0)) };
        let (mut end, mut breath) = (End::Whole, BREATH);
        let (mut restored, mut forgone) = (0_u32, 0_u32);
        // The newest block whose state nobody has.
        let mut gone: Option<(BlockNumber, Arc<str>)> = None;
        for (subject, (block, with_rows)) in each(&history.lost_runs(genesis).await) {
            if history.is_given_up() {
                break;
            }
            if let Some((_, trouble)) = gone.as_ref().filter(|(newest, _)| block <= *newest) {
                history.note_trouble(genesis, subject, (block, trouble)).await;
                continue;
            }
            if !history.has_room_for(genesis, block).await {
                history.forgo(genesis, subject, block).await;
                forgone = forgone.saturating_add(1);
                continue;
            }
            let asked = self.one(history, denials, genesis, subject, (block, with_rows)).await;
            breath = if let Err(Unrestored::Slow(_)) = asked { longer(breath) } else { BREATH };
            let (trouble, so_far): (Arc<str>, End) = match asked {
                Ok(Settled::Restored) => {
                    restored = restored.saturating_add(1);
                    sleep(breath).await;
                    continue;
                }
                Ok(Settled::Forgone) => {
                    forgone = forgone.saturating_add(1);
                    sleep(breath).await;
                    continue;
                }
                Err(Unrestored::Cut) => {
                    end = End::Interrupted;
                    break;
                }
                Err(Unrestored::History(HistoryError::TooLarge { bytes })) => {
                    let words = format!("it takes {bytes} bytes, more than one may take in the history");
                    (words.into(), End::Wanting)
                }
                Err(Unrestored::History(error)) => return Err(error),
                Err(Unrestored::NotYet(words)) => {
                    // Of that the chain was not asked, so there is no pause.
                    history.note_trouble(genesis, subject, (block, &words.into())).await;
                    end = End::Interrupted;
                    continue;
                }
                Err(Unrestored::Replaced) => ("the chain was taken back while it was read".into(), End::Interrupted),
                Err(Unrestored::Slow(error)) => (error.to_string().into(), End::Interrupted),
                Err(Unrestored::Illegible(error)) => (error.to_string().into(), End::Wanting),
                Err(Unrestored::Denied(by)) => (denied(by.as_deref()).into(), End::Wanting),
                Err(Unrestored::Gone(error)) => {
                    let trouble: Arc<str> = error.to_string().into();
                    gone = Some((block, Arc::clone(&trouble)));
                    (trouble, End::Wanting)
                }
            };
            tracing::debug!(netuid = %subject.0, block = block.0, trouble = &*trouble, "lost, and not to be had");
            history.note_trouble(genesis, subject, (block, &trouble)).await;
            end = end.max(so_far);
            sleep(breath).await;
        }
        if restored > 0 {
            tracing::info!(restored, "what the history had lost was read again");
        }
        if forgone > 0 {
            tracing::info!(
                forgone,
                "what the history had lost is missed no more: the chain never had it, or there is no room for what is so old"
            );
        }
        if let Some((block, trouble)) = gone {
            let missing = history.lost(genesis).await;
            tracing::warn!(
                missing,
                block = block.0,
                trouble = &*trouble,
                "no endpoint has the state of what the history has lost: name an archive that does in chain.archives"
            );
        }
        Ok((end, restored))
    }

    /// Reads one record again.
    async fn one(
        &self,
        history: &History,
        denials: &mut Denials,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        (block, with_rows): (BlockNumber, bool),
    ) -> Result<Settled, Unrestored> {
        // Ahead of a node that lags, or of a chain that was taken back.
        if self.link.finalized().is_none_or(|newest| newest.number < block) {
            return Err(Unrestored::NotYet("the chain has not got to that block"));
        }
        if !history.is_certain(block) {
            return Err(Unrestored::NotYet("the history was not compared with the chain up to that block yet"));
        }
        let reading = Reading::begin(&self.link);
        let (at, table) = asked(Box::pin(self.read(netuid, mechid, (block, with_rows)))).await?;
        let found = asked(self.link.block_hash(block)).await?;
        if found != Some(at.hash) || !history.is_certain(block) {
            return Err(Unrestored::Replaced);
        }
        if let Some(table) = table {
            let is_kept = history.restore(genesis, &table).await.map_err(Unrestored::History)?;
            return Ok(if is_kept { Settled::Restored } else { Settled::Forgone });
        }
        if self.link.finality() == Finality::Binding {
            let by = reading.teller(&self.link);
            let deniers = denials.entry((netuid, mechid, block)).or_default();
            deniers.extend(by.clone());
            // Where there is one alone, nobody else can be asked.
            if deniers.len() < self.link.endpoints().len().min(2) {
                return Err(Unrestored::Denied(by));
            }
        }
        history.forgo(genesis, (netuid, mechid), block).await;
        Ok(Settled::Forgone)
    }

    /// What the chain has at a block, and which block that is.
    async fn read(
        &self,
        netuid: NetUid,
        mechid: MechId,
        (block, with_rows): (BlockNumber, bool),
    ) -> Result<(BlockRef, Option<Table>), ReadError> {
        let view = self.link.view_of(block).await?;
        let at = Stamp::of(view.block(), &self.link);
        if with_rows {
            return Ok((at.block, Table::read(&view, netuid, mechid, at).await?));
        }
        Ok((at.block, view.mechagraph(netuid, mechid).await?.map(|raw| Table::of(&raw, at))))
    }
}

/// Each record of these runs, in their order, with its subject.
fn each(runs: &[Run]) -> Vec<((NetUid, MechId), (BlockNumber, bool))> {
    let of = |run: &Run| run.blocks.iter().map(|record| ((run.netuid, run.mechid), *record)).collect::<Vec<_>>();
    runs.iter().flat_map(of).collect()
}

/// The pause after one more record was not answered in time.
fn longer(breath: Duration) -> Duration {
    breath.saturating_mul(2).min(LONGEST_BREATH)
}

/// That an endpoint says that there was no such thing.
fn denied(by: Option<&str>) -> String {
    let by = by.unwrap_or("an endpoint");
    format!("{by} says that there was no such subnet or mechanism then: it is given up once another one says so too")
}

/// What was asked for, or what its failure says.
async fn asked<T>(reading: impl Future<Output = Result<T, ReadError>>) -> Result<T, Unrestored> {
    reading.await.map_err(|error| match error {
        ReadError::NotConnected { .. } => Unrestored::Cut,
        // It may have been this very request that ended the connection.
        slow @ (ReadError::Deadline { .. } | ReadError::NoTurn { .. } | ReadError::Cut { .. }) => {
            Unrestored::Slow(slow)
        }
        // Whoever has thrown a state away has thrown away those before it too.
        gone @ (ReadError::Pruned { .. } | ReadError::NotKept { .. }) => Unrestored::Gone(gone),
        other => Unrestored::Illegible(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a failure says of a record: whether it is over with the pass, slow, speaks for what is older, or is its own.
    async fn said(error: ReadError) -> &'static str {
        match asked(async { Err::<(), _>(error) }).await {
            Err(Unrestored::Cut) => "cut",
            Err(Unrestored::Slow(_)) => "slow",
            Err(Unrestored::Gone(_)) => "gone",
            Err(Unrestored::Illegible(_)) => "its own",
            _ => "something else",
        }
    }

    #[tokio::test]
    async fn a_state_that_is_gone_speaks_for_those_before_it_and_nothing_else_does() {
        let what = || "a metagraph".to_owned();
        let after = Duration::from_secs(20);
        let refused = |message: &str| ReadError::Refused { what: what(), code: -32_000, message: message.to_owned() };
        assert_eq!(said(ReadError::Pruned { block: BlockHash([1; 32]) }).await, "gone");
        assert_eq!(said(ReadError::NotKept { block: BlockNumber(3), oldest: None }).await, "gone");
        assert_eq!(said(refused("execution aborted due to trap")).await, "its own");
        assert_eq!(said(ReadError::UnknownBlock { block: "3".to_owned() }).await, "its own");
        assert_eq!(said(ReadError::Oversized { what: what() }).await, "its own");
        assert_eq!(said(ReadError::Deadline { what: what(), after }).await, "slow");
        assert_eq!(said(ReadError::NoTurn { what: what(), after, is_slowed: true }).await, "slow");
        assert_eq!(said(ReadError::Cut { what: what() }).await, "slow", "the next one may fare better");
        assert_eq!(said(ReadError::NotConnected { cause: None }).await, "cut");
    }

    #[test]
    fn the_pauses_grow_and_have_an_end() {
        let pauses = std::iter::successors(Some(BREATH), |breath| Some(longer(*breath)));
        let pauses: Vec<Duration> = pauses.take(12).collect();
        assert_eq!(pauses[1], BREATH * 2);
        assert_eq!(pauses.last(), Some(&LONGEST_BREATH));
        assert!(End::Interrupted > End::Wanting && End::Wanting > End::Whole, "the worst of them counts");
    }
}
