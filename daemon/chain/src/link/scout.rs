//! Looking at the other endpoints while one is followed.
//!
//! An endpoint cannot tell that it lags, or that its history is another one: only others can. So
//! each of the others is visited now and then, over a connection of its own that lives for a few
//! requests, and what it says is compared with what is followed. Every now and then becomes every
//! other second when blocks are overdue, and once around when one of them contradicts what was
//! followed; while blocks are overdue those that rest after a failure are visited too. Nothing is
//! followed from here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::BlockNumber;

use super::{
    LinkConfig, LinkState, Shared, Standing, anchor, elsewhere, follower,
    leap::{self, unheard_of},
    pool::Node,
    witnesses::{self, Compared, Word, contradiction},
};
use crate::{block::BlockRef, clock, error::ConnectError, fetch, rpc::Connection};

/// Blocks are overdue after so many hundredths of the time after which an endpoint is stale: a moment
/// after the next block of the public network should have come.
const OVERDUE: u32 = 21;
/// Between two visits while blocks are overdue or others are asked whether they contradict too.
const HASTE: Duration = Duration::from_secs(2);
/// How long an endpoint that is visited in haste may take for each thing that it is asked. The others wait meanwhile,
/// and are looked at twice before a block is late.
pub(super) const GLANCE: Duration = Duration::from_secs(2);
/// An endpoint that is preferred is gone back to after so many good visits in a row.
const TRUSTED: u32 = 2;

/// Why the endpoint in use is to be left.
#[derive(Debug)]
pub(super) enum Leave {
    /// It has failed.
    Failed(ConnectError),
    /// This other one, which was just visited, is better.
    For(usize, ConnectError),
    /// Those who have a say about it contradict what was followed: that is not the chain's history.
    Disowned(ConnectError),
    /// This named node has another block in the place of what such nodes have told, which the one in use has taken
    /// over: nothing else is wrong with that one.
    Replaced(usize, ConnectError),
}

/// What a visit found, beside what was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Report {
    newest: BlockRef,
    /// The height that both have, what was followed there, and what the other has.
    common: Option<(BlockRef, BlockRef)>,
    /// What it says with that about what was followed.
    word: Option<Word>,
    /// How long an answer took.
    delay: Duration,
}

/// What a report says about the endpoint in use and the one that was visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// Neither is far from the other.
    Level,
    /// The one in use is far behind.
    Ahead,
    /// The visited one is far behind.
    Behind,
    /// They have two histories.
    Contradicts,
}

/// Visits the other endpoints in turn until one of them is a reason to leave `active`.
pub(super) async fn watch(shared: &Arc<Shared>, active: usize) -> Leave {
    if shared.config.scout_ms == 0 {
        return std::future::pending().await;
    }
    // Before the endpoint in use is live nothing is known to compare with: not even which chain is wanted, which is
    // not for the others to say, and by which some of them may join.
    let _ = shared.state.subscribe().wait_for(LinkState::is_live).await;
    let others: Vec<usize> = (0..shared.pool.followed().len()).filter(|index| *index != active).collect();
    if others.is_empty() {
        return std::future::pending().await;
    }
    let mut good_visits = vec![0_u32; shared.pool.followed().len()];
    // The block behind which the next one was overdue at the last look.
    let mut waiting = None;
    // How many visits are made in haste, because one has contradicted what was followed.
    let mut hasty = 0_usize;
    for index in others.iter().copied().cycle() {
        let usual = follower::jitter(Duration::from_millis(shared.config.scout_ms));
        let is_asked_in_haste = hasty > 0;
        pause(shared, if is_asked_in_haste { HASTE.min(usual) } else { usual }).await;
        hasty = hasty.saturating_sub(1);
        let node = &shared.pool.followed()[index];
        if announced(shared).is_none() || !node.may_be_visited(clock::now(), is_urgent(shared)) {
            continue;
        }
        // Without a time after which blocks are overdue nothing would cut a visit at leisure short.
        let visited = if is_asked_in_haste || is_overdue(shared) || shared.config.stale_after().is_none() {
            visit(shared, node, &glance(&shared.config)).await
        } else {
            tokio::select! {
                visited = visit(shared, node, &shared.config) => visited,
                // What was begun at leisure says nothing about the endpoint when the next one must be seen now.
                () = overdue(shared) => continue,
            }
        };
        let report = match visited {
            Ok(report) => report,
            Err(cause) => {
                tracing::debug!(endpoint = %node.endpoint, %cause, "an endpoint that is not in use is not well");
                good_visits[index] = 0;
                node.note_failure(cause, shared.config.retry_max(), clock::now(), follower::jitter);
                continue;
            }
        };
        let Some(announced) = announced(shared) else { continue };
        let (now, longest) = (clock::now(), shared.config.retry_max());
        node.note_announced(report.newest.number, witnesses::TERM, now);
        shared.witnesses.renew(&shared.pool.followed()[active].endpoint, now);
        let has_begun = report.word.is_some_and(|word| shared.witnesses.note(&node.endpoint, word, now));
        let tolerated = tolerated(shared, announced);
        let sight = judge(&report, announced, tolerated, shared.config.max_lag_blocks);
        let endpoint = shared.pool.followed()[active].endpoint.to_string();
        match (sight, report.common) {
            (Sight::Contradicts, Some((ours, theirs))) => {
                good_visits[index] = 0;
                if has_begun {
                    hasty = others.len();
                }
                if shared.witnesses.are_outnumbered(now) {
                    return Leave::Disowned(contradiction(endpoint, theirs, ours));
                }
                if is_replaced(shared, active, node, now) {
                    return Leave::Replaced(index, contradiction(endpoint, theirs, ours));
                }
                let cause = contradiction(node.endpoint.to_string(), ours, theirs);
                tracing::warn!(%cause, "two endpoints contradict each other");
                node.note_failure(cause, longest, now, follower::jitter);
            }
            (Sight::Behind, _) => {
                good_visits[index] = 0;
                let (finalized, seen) = (report.newest.number, announced);
                if shared.witnesses.are_outnumbered(now) {
                    let reason = format!("others, whose newest block is {finalized}, have never heard of block {seen}");
                    return Leave::Disowned(ConnectError::Unusable { endpoint, reason });
                }
                let cause = ConnectError::Behind { endpoint: node.endpoint.to_string(), finalized, seen };
                node.note_failure(cause, longest, now, follower::jitter);
            }
            (Sight::Ahead, _) => {
                let followed = followed(shared).unwrap_or(announced);
                if is_beyond(shared, followed, &report) && !leap::bear_out(shared, &node.endpoint, report.newest).await
                {
                    good_visits[index] = 0;
                    let cause = unheard_of(&node.endpoint, report.newest.number);
                    node.note_failure(cause, longest, clock::now(), follower::jitter);
                    continue;
                }
                node.note_well(report.newest, clock::now(), Standing::Standby);
                let is_far = report.newest.number.0 > announced.0.saturating_add(shared.config.max_lag_blocks);
                // One block that is missing once may be on its way.
                if is_far || waiting == Some(followed) {
                    let seen = report.newest.number;
                    return Leave::For(index, ConnectError::Behind { endpoint, finalized: followed, seen });
                }
                waiting = Some(followed);
            }
            (Sight::Level | Sight::Contradicts, _) => {
                node.note_well(report.newest, now, Standing::Standby);
                // One that could not be looked at in haste, and is slower too, is no place to go back to.
                let ours = shared.pool.followed()[active].latency().unwrap_or_default();
                good_visits[index] = if report.delay < GLANCE.max(ours) { good_visits[index] + 1 } else { 0 };
                let answers = !elsewhere::is_unanswering(node);
                if let Some(slow) = is_slower(shared, active, node).filter(|_| answers) {
                    return Leave::For(index, slow);
                }
                let is_trusted = good_visits[index] >= TRUSTED && answers;
                if index < active && is_trusted {
                    return Leave::For(index, ConnectError::Superseded { endpoint, by: node.endpoint.to_string() });
                }
            }
        }
    }
    std::future::pending().await
}

/// Whether one that was not named is followed, and `other`, which was just visited and contradicts it, is enough to
/// give up what the named nodes have told. As long as the one that is followed is well, and stands by what it has taken
/// over, there is no loss after which `other` would be asked.
fn is_replaced(shared: &Shared, active: usize, other: &Node, now: Instant) -> bool {
    let (witnesses, followed) = (&shared.witnesses, shared.pool.followed());
    // Within so long each of the others is visited twice as a rule, also where it rests after failures.
    let twice = Duration::from_millis(shared.config.scout_ms).saturating_mul(2);
    let round = twice.saturating_mul(u32::try_from(followed.len()).unwrap_or(u32::MAX));
    let long = round.max(shared.config.retry_max().saturating_mul(2));
    !witnesses.anchor.is_named(&followed[active].endpoint) && witnesses.is_replaced(&other.endpoint, long, now)
}

/// The time until the next visit: the usual one, or less while blocks are overdue.
async fn pause(shared: &Shared, usual: Duration) {
    let begun = clock::now();
    loop {
        let waited = clock::since(begun);
        let wanted = if is_overdue(shared) { HASTE.min(usual) } else { usual };
        match wanted.checked_sub(waited) {
            None | Some(Duration::ZERO) => return,
            Some(left) => clock::sleep(left.min(Duration::from_secs(1))).await,
        }
    }
}

/// Whether the next block should have been followed by now.
fn is_overdue(shared: &Shared) -> bool {
    waited(shared).is_some_and(|(waited, stale)| waited > stale * OVERDUE / 100)
}

/// Resolves once the next block should have been followed.
async fn overdue(shared: &Shared) {
    while !is_overdue(shared) {
        clock::sleep(Duration::from_millis(500)).await;
    }
}

/// Whether the next block is overdue and may still come from elsewhere before the endpoint in use is stale: those
/// that failed long ago may be well again, and nobody has looked while they rested. Of a chain that stands still
/// they are not asked for ever.
fn is_urgent(shared: &Shared) -> bool {
    is_overdue(shared) && waited(shared).is_some_and(|(waited, stale)| waited <= stale)
}

/// How long the next block was waited for, and after how long the endpoint in use is stale.
fn waited(shared: &Shared) -> Option<(Duration, Duration)> {
    let stale = shared.config.stale_after()?;
    shared.state.borrow().finalized().map(|seen| (clock::since(seen.at), stale))
}

/// The newest block that another endpoint may have before the one in use is left: somewhat ahead of
/// what that has announced as a rule, and none that was not followed while blocks are overdue.
fn tolerated(shared: &Shared, announced: BlockNumber) -> BlockNumber {
    followed(shared)
        .filter(|_| is_overdue(shared))
        .unwrap_or(BlockNumber(announced.0.saturating_add(shared.config.max_lag_blocks)))
}

/// Whether an endpoint is so far ahead that others are asked whether that can be, while blocks arrive from the one in
/// use.
fn is_beyond(shared: &Shared, followed: BlockNumber, report: &Report) -> bool {
    let near = followed.0.saturating_add(shared.config.catch_up_blocks.max(1));
    report.newest.number.0 > near && !is_overdue(shared)
}

/// The newest block that was followed.
fn followed(shared: &Shared) -> Option<BlockNumber> {
    shared.state.borrow().finalized().map(|seen| seen.block.number)
}

/// The newest block that the endpoint in use has announced.
fn announced(shared: &Shared) -> Option<BlockNumber> {
    match &*shared.state.borrow() {
        LinkState::Live { announced, .. } => Some(*announced),
        LinkState::Connecting { .. } | LinkState::Lost { .. } => None,
    }
}

/// The limits of a visit in haste.
pub(super) fn glance(config: &LinkConfig) -> LinkConfig {
    let longest = u64::try_from(GLANCE.as_millis()).unwrap_or(u64::MAX);
    LinkConfig {
        connect_timeout_ms: config.connect_timeout_ms.min(longest),
        request_timeout_ms: config.request_timeout_ms.min(longest),
        ..config.clone()
    }
}

/// Asks an endpoint what it has: its chain, its newest finalized block, and its block at a height
/// that was followed; of a named node that contradicts one that was not, whether it can be followed too.
async fn visit(shared: &Shared, node: &Arc<Node>, config: &LinkConfig) -> Result<Report, ConnectError> {
    let connection = Connection::open(node, &*shared.dialer, config).await?;
    follower::check_genesis(shared, &connection).await?;
    let newest = follower::newest(&connection).await?;
    let Compared { common, word } = witnesses::compare(shared, &connection, newest).await?;
    if matches!(word, Some(Word::Other { .. })) {
        Box::pin(anchor::check_use(shared, &connection, newest)).await?;
    }
    // One of the usual size, for the delay of its answer.
    let asked = clock::now();
    fetch::header(&connection, newest.hash).await?;
    Ok(Report { newest, common, word, delay: clock::since(asked) })
}

/// Compares what was followed with what was found.
fn judge(report: &Report, announced: BlockNumber, tolerated: BlockNumber, max_lag: u32) -> Sight {
    match report.common {
        Some((ours, theirs)) if ours.hash != theirs.hash => Sight::Contradicts,
        _ if report.newest.number > tolerated => Sight::Ahead,
        _ if report.newest.number.0.saturating_add(max_lag) < announced.0 => Sight::Behind,
        _ => Sight::Level,
    }
}

/// Whether the endpoint in use takes far too long, and the other at most half as long.
fn is_slower(shared: &Shared, active: usize, other: &Node) -> Option<ConnectError> {
    let limit = Duration::from_millis(shared.config.slow_ms);
    let node = &shared.pool.followed()[active];
    let (ours, theirs) = (node.latency()?, other.latency()?);
    let is_slow = !limit.is_zero() && ours > limit && theirs < ours / 2;
    is_slow.then(|| ConnectError::Slow { endpoint: node.endpoint.to_string(), latency: ours, limit })
}

#[cfg(test)]
mod tests {
    use btd_api::BlockHash;

    use super::*;

    fn block(number: u32, hash: u8) -> BlockRef {
        BlockRef { number: BlockNumber(number), hash: BlockHash([hash; 32]) }
    }

    #[test]
    fn others_are_judged_by_what_they_have() {
        let within = |tolerated, newest, common| {
            judge(
                &Report { newest, common, word: None, delay: Duration::ZERO },
                BlockNumber(100),
                BlockNumber(tolerated),
                5,
            )
        };
        let sight = |newest, common| within(105, newest, common);
        let same = Some((block(99, 1), block(99, 1)));
        assert_eq!(sight(block(100, 1), same), Sight::Level);
        assert_eq!(sight(block(105, 1), same), Sight::Level);
        assert_eq!(sight(block(106, 1), same), Sight::Ahead);
        assert_eq!(sight(block(95, 1), None), Sight::Level);
        assert_eq!(sight(block(94, 1), None), Sight::Behind);
        // While blocks are overdue, one that is newer than what was followed is enough.
        assert_eq!((within(99, block(100, 1), same), within(99, block(99, 1), same)), (Sight::Ahead, Sight::Level));
        // A longer history is no argument for another one.
        assert_eq!(sight(block(200, 1), Some((block(99, 1), block(99, 2)))), Sight::Contradicts);
    }
}
