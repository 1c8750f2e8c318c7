//! Waits for how what was signed ends. Following it is the [`worker`]'s business, whoever waits.

use std::time::{Duration, Instant};

use btd_api::BlockNumber;
use btd_chain::{ExtrinsicHash, Inclusion, Tracked, Unseen};
use tokio::time::{sleep, timeout};

use super::{Included, Mode, Outcome, Plan, Receipt, Stage, SubmissionError, Submitter, worker::Progress};
use crate::journal::Intent;

/// How often the best chain is looked at for whoever waits for a block.
const LOOK: Duration = Duration::from_millis(500);

impl Submitter {
    /// Waits for the end of an intent as far as the caller wants, and as long as the chain is in reach.
    pub(super) async fn wait(&self, intent: &Intent, mode: Mode) -> Result<Receipt, SubmissionError> {
        let extrinsic = intent.recorded.extrinsic.hash;
        let era_end = intent.recorded.extrinsic.era_end().unwrap_or(BlockNumber(u32::MAX));
        let unknown = |cause: String| SubmissionError::Unknown { extrinsic, era_end, cause };
        let kept = |source| SubmissionError::Kept { extrinsic, source };
        let plan: Plan = serde_json::from_str(&intent.recorded.plan).map_err(kept)?;
        if let Some(settlement) = &intent.settlement {
            return receipt(plan, extrinsic, Outcome::from_settlement(settlement).map_err(kept)?);
        }
        if mode == Mode::UntilRecorded {
            return Ok(Receipt { plan, stage: Stage::Recorded { extrinsic, era_end } });
        }
        let mut progress = tokio::select! {
            biased;
            () = self.shared.stopping.cancelled() => return Err(unknown("btd is stopping".to_owned())),
            followed = self.followed(intent) => followed?,
            cause = self.out_of_reach() => return Err(unknown(cause)),
        };
        let enough = |progress: &Progress| match progress {
            Progress::Settled(_) => true,
            Progress::Sent => mode == Mode::UntilSubmitted,
            Progress::Recorded | Progress::Unsent | Progress::Unsure | Progress::Shut => false,
        };
        let reached = tokio::select! {
            reached = progress.wait_for(enough) => match reached {
                Ok(reached) => reached.clone(),
                Err(_) => return Err(unknown("btd is stopping".to_owned())),
            },
            fares = self.in_best_chain(extrinsic), if mode == Mode::UntilInBlock => return match fares {
                Ok(included) => so_far(plan, intent, (included, era_end)),
                Err(cause) => Err(unknown(cause)),
            },
            cause = self.out_of_reach() => return Err(unknown(cause)),
            () = self.shared.stopping.cancelled() => return Err(unknown("btd is stopping".to_owned())),
        };
        match reached {
            Progress::Settled(outcome) => receipt(plan, extrinsic, (*outcome).clone()),
            _ => Ok(Receipt { plan, stage: Stage::Submitted { extrinsic, era_end } }),
        }
    }

    /// Resolves once the extrinsic stands in a block of the best chain that is not final yet, with how it fares there;
    /// or, in words, why that cannot be told, once it could not for as long as a caller is kept waiting.
    async fn in_best_chain(&self, extrinsic: ExtrinsicHash) -> Result<Inclusion, String> {
        let patience = self.patience();
        let mut untold: Option<Instant> = None;
        loop {
            match self.shared.link.in_best_chain(extrinsic).await {
                Ok(Some(Tracked::Included(inclusion))) => return Ok(inclusion),
                Ok(Some(Tracked::IncludedUnseen(Unseen { block, reason, .. }))) => {
                    let since = *untold.get_or_insert_with(Instant::now);
                    if since.elapsed() >= patience {
                        return Err(format!(
                            "it is in block {block}, which is not final yet, and whose events cannot be read: {reason}"
                        ));
                    }
                }
                Ok(None | Some(Tracked::Expired { .. })) => untold = None,
                Err(error) => tracing::debug!(%error, %extrinsic, "could not look into the best chain"),
            }
            sleep(LOOK).await;
        }
    }

    /// Resolves once the link has not been live for as long as a caller is kept waiting.
    async fn out_of_reach(&self) -> String {
        let patience = self.patience();
        let mut state = self.shared.link.state();
        loop {
            if state.wait_for(|state| !state.is_live()).await.is_err() {
                sleep(patience).await;
            }
            if timeout(patience, state.wait_for(btd_chain::LinkState::is_live)).await.is_err() {
                let cause = state.borrow().cause().map(ToString::to_string);
                return cause.unwrap_or_else(|| "the chain is out of reach".to_owned());
            }
        }
    }
}

/// What a block that is not final makes of it.
fn so_far(
    plan: Plan,
    intent: &Intent,
    (included, era_end): (Inclusion, BlockNumber),
) -> Result<Receipt, SubmissionError> {
    let extrinsic = intent.recorded.extrinsic.hash;
    let Inclusion { block, index, result, events, fee, .. } = included;
    match result {
        Ok(()) => {
            let included = Included { block, index, fee, events };
            Ok(Receipt { plan, stage: Stage::InBlock { extrinsic, included, era_end } })
        }
        Err(error) => {
            let key = intent.recorded.key.clone();
            Err(SubmissionError::FailedSoFar { key, extrinsic, block, era_end, error: Box::new(error) })
        }
    }
}

fn receipt(plan: Plan, extrinsic: ExtrinsicHash, outcome: Outcome) -> Result<Receipt, SubmissionError> {
    match outcome {
        Outcome::Succeeded(included) => Ok(Receipt { plan, stage: Stage::Finalized { extrinsic, included } }),
        Outcome::Failed(Included { block, .. }, error) => {
            Err(SubmissionError::Dispatch { extrinsic, block, error: Box::new(error) })
        }
        Outcome::Refused(refused) => Err(SubmissionError::Refused { extrinsic, refused: Box::new(refused) }),
        Outcome::Expired { until } => Err(SubmissionError::Expired { extrinsic, until }),
        Outcome::Unseen { block, index, reason } => Err(SubmissionError::Unseen { extrinsic, block, index, reason }),
        Outcome::Withdrawn { why } => Err(why.into()),
    }
}
