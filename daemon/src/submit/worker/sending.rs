//! Sends one extrinsic and searches blocks for it, until its end is known or it is given up.
//!
//! What is written down of it here is only whether a node may have it; its end is [`super`]'s business.

use std::time::{Duration, Instant};

use btd_api::{BlockNumber, signing::Lane};
use btd_chain::{Era, LinkState, PoolRefusal, RefusalReason, SignedExtrinsic, SubmitError, Tracked};
use tokio::{sync::watch, time::sleep};

use super::{History, PAUSE, Progress, Terms, is_last};
use crate::{
    causes::with_causes,
    journal::{Handing, Intent},
    submit::{
        Shared,
        error::Withdrawal,
        lane::Turn,
        outcome::{Outcome, Refused},
    },
};

/// What the pause grows to while the same block cannot be searched: this node may have thrown it
/// away, another endpoint may have it.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// For how long, and how often, the block that includes it is asked what it caused where that is not told: a node that
/// is busy, or another endpoint, may tell it after all.
const UNSEEN: (Duration, Duration) = (Duration::from_mins(1), Duration::from_secs(10));

/// Sends and searches until the end is known, which is not written down yet. The turn of what is given up is held
/// until its nonce is free again.
pub(super) async fn end_of(
    shared: &Shared,
    intent: &Intent,
    mut history: History,
    (progress, terms): (&watch::Sender<Progress>, &Terms),
) -> (Outcome, Option<Turn>) {
    let extrinsic = &intent.recorded.extrinsic;
    let mut handing = intent.recorded.handing;
    let from = match extrinsic.era {
        Era::Mortal { birth, .. } => birth,
        Era::Immortal => BlockNumber(0),
    };
    let search = search(shared, extrinsic, from);
    tokio::pin!(search);
    loop {
        let pause = match offer(shared, intent, &mut handing).await {
            None => {
                let is_unsent = history == History::NeverSent;
                progress.send_replace(if is_unsent { Progress::Unsent } else { Progress::Unsure });
                PAUSE
            }
            Some(Ok(())) => {
                history = History::PerhapsSent;
                progress.send_replace(Progress::Sent);
                Duration::from_secs(shared.config.resend_s.into())
            }
            Some(Err(SubmitError::NotSent { .. })) if history == History::NeverSent => {
                if handing == Handing::Perhaps && hand_over(shared, intent, Handing::Never).await {
                    handing = Handing::Never;
                }
                progress.send_replace(Progress::Unsent);
                PAUSE
            }
            Some(Err(SubmitError::NotSent { .. })) => {
                progress.send_replace(Progress::Unsure);
                PAUSE
            }
            Some(Err(SubmitError::Ambiguous { cause, .. })) => {
                history = History::PerhapsSent;
                tracing::debug!(extrinsic = %extrinsic.hash, cause, "did not learn whether an extrinsic arrived");
                progress.send_replace(Progress::Unsure);
                PAUSE
            }
            Some(Err(SubmitError::Refused(refusal))) if !is_the_pools(&refusal) => {
                history = History::PerhapsSent;
                tracing::debug!(extrinsic = %extrinsic.hash, %refusal, "did not learn whether an extrinsic arrived");
                progress.send_replace(Progress::Unsure);
                PAUSE
            }
            Some(Err(SubmitError::Refused(refusal))) => {
                let refused = Refused::from(&refusal);
                if history == History::NeverSent {
                    let over = over(shared, extrinsic, refusal.reason).await;
                    return (over.map_or(Outcome::Refused(refused), |until| Outcome::Expired { until }), None);
                }
                tracing::debug!(extrinsic = %extrinsic.hash, reason = refused.words, "was not taken again");
                progress.send_replace(Progress::Shut);
                Duration::from_secs(shared.config.resend_s.into())
            }
        };
        tokio::select! {
            outcome = &mut search => return (outcome, None),
            () = again(shared, pause) => {}
            given_up = give_up(shared, extrinsic, terms), if history == History::NeverSent => return given_up,
        }
    }
}

/// Offers the bytes to the node that is followed; none when they are kept back. That they may have left is written
/// down before they do.
async fn offer(shared: &Shared, intent: &Intent, handing: &mut Handing) -> Option<Result<(), SubmitError>> {
    if *handing == Handing::Never {
        let is_live = shared.link.state().borrow().is_live();
        if !is_live || !hand_over(shared, intent, Handing::Perhaps).await {
            return None;
        }
        *handing = Handing::Perhaps;
    }
    Some(shared.link.submit(&intent.recorded.extrinsic).await)
}

/// Whether the journal knows now that a node may have the bytes, or that none has.
async fn hand_over(shared: &Shared, intent: &Intent, handing: Handing) -> bool {
    match shared.journal.hand_over(intent.id, handing).await {
        Ok(()) => true,
        Err(error) => {
            let extrinsic = intent.recorded.extrinsic.hash;
            tracing::error!(error = with_causes(&error), %extrinsic, "could not write to the journal whether it is sent");
            false
        }
    }
}

/// Resolves when what no node has is to be given up.
async fn give_up(shared: &Shared, extrinsic: &SignedExtrinsic, terms: &Terms) -> (Outcome, Option<Turn>) {
    let late = async {
        match terms.deadline {
            Some(deadline) => sleep(deadline.saturating_duration_since(Instant::now())).await,
            None => std::future::pending().await,
        }
        loop {
            // Nobody takes a later nonce meanwhile.
            let turn = shared.lanes.turn(extrinsic.signer, Lane::Urgent, None).await.ok();
            if is_last(&shared.active, extrinsic) {
                return turn;
            }
            // It is in the way of others now, which can only be included after it; unless they are given up.
            drop(turn);
            sleep(PAUSE).await;
        }
    };
    tokio::select! {
        // Whoever takes it back has the turn.
        () = terms.taken_back.cancelled() => (Outcome::Withdrawn { why: Withdrawal::Cancelled }, None),
        turn = late => (Outcome::Withdrawn { why: Withdrawal::Late }, turn),
    }
}

/// Whether a refusal says for certain that the pool did not take the bytes: the codes of
/// `sc_rpc_api::author` do, and so do those of JSON-RPC for a request that is not understood. With
/// any other a proxy may speak for a node that did take them.
fn is_the_pools(refusal: &PoolRefusal) -> bool {
    matches!(refusal.code, 1000..=1099 | -32700 | -32602..=-32600)
}

/// The last block that could have included what a pool refused, if it was refused for that: the best block is a later one.
async fn over(shared: &Shared, extrinsic: &SignedExtrinsic, reason: RefusalReason) -> Option<BlockNumber> {
    let until = extrinsic.era_end().filter(|_| is_of_an_old_era(reason))?;
    let best = shared.link.best_view().await.ok()?;
    // The pool judges by what the next block could include.
    (best.block().number >= until).then_some(until)
}

/// Whether a refusal may be what the chain says of an extrinsic whose era is over.
fn is_of_an_old_era(reason: RefusalReason) -> bool {
    matches!(reason, RefusalReason::BadSignature | RefusalReason::AncientBirth | RefusalReason::Outdated)
}

/// Resolves when it is time to send again: after `pause`, and when a lost link has come back.
async fn again(shared: &Shared, pause: Duration) {
    let mut state = shared.link.state();
    let back = async {
        let lost = state.wait_for(|state| !state.is_live()).await.is_ok();
        if !lost || state.wait_for(LinkState::is_live).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = back => {}
        () = sleep(pause) => {}
    }
}

/// Searches the finalized blocks of the extrinsic's era. A block that cannot be searched is asked
/// for again: skipping it could turn "unknown" into "never". So is what the extrinsic caused, for a while.
async fn search(shared: &Shared, extrinsic: &SignedExtrinsic, mut from: BlockNumber) -> Outcome {
    let mut pause = PAUSE;
    let mut unseen_since = None;
    loop {
        let begun = Instant::now();
        match shared.link.track(extrinsic.hash, from, extrinsic.era_end()).await {
            Ok(Tracked::Included(inclusion)) => return Outcome::of(inclusion),
            Ok(Tracked::IncludedUnseen(unseen)) => {
                let (longest, between) = UNSEEN;
                if unseen_since.get_or_insert_with(Instant::now).elapsed() >= longest {
                    return unseen.into();
                }
                tracing::debug!(extrinsic = %extrinsic.hash, reason = unseen.reason, "did not learn what was included");
                // In no block before that one.
                from = unseen.block.number;
                sleep(between).await;
            }
            Ok(Tracked::Expired { until }) => return Outcome::Expired { until },
            Err(error) => {
                tracing::warn!(%error, extrinsic = %extrinsic.hash, "could not search a block for an extrinsic");
                // A search that went on for long had got further, and another endpoint may have what this one lacks.
                let (got_further, asked) = (begun.elapsed() > pause, endpoint(shared));
                sleep(pause).await;
                pause = if got_further || endpoint(shared) != asked { PAUSE } else { LONGEST_PAUSE.min(pause * 2) };
            }
        }
    }
}

/// The endpoint that is followed now.
fn endpoint(shared: &Shared) -> Option<String> {
    match &*shared.link.state().borrow() {
        LinkState::Live { endpoint, .. } => Some(endpoint.clone()),
        LinkState::Connecting { .. } | LinkState::Lost { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pool_itself_can_say_that_it_did_not_take_an_extrinsic() {
        let says = |code| is_the_pools(&PoolRefusal { code, reason: RefusalReason::Other, text: String::new() });
        for code in [1001, 1010, 1012, 1014, 1016, -32700, -32600, -32601, -32602] {
            assert!(says(code), "{code}");
        }
        for code in [-32603, -32000, -32005, 429, 502] {
            assert!(!says(code), "{code}");
        }
    }
}
