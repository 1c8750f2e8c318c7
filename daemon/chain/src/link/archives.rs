//! The archives of a chain: nodes that are asked for what the followed endpoint has no more.
//!
//! They are asked one after another until one answers: what one of them has thrown away too, turns away, or is
//! too slow for, the next may have. What none of them got to say is not nothing. Which blocks they are asked
//! about is decided elsewhere (`blocks.rs`).

use std::{cmp::Reverse, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use super::{Link, Standing, Urgency, anchor, follower, is_discarded, is_gone};
use crate::{
    clock,
    endpoint::Endpoint,
    error::{ConnectError, ReadError},
    rpc::{self, Ask, Connection, Request, RpcProblem},
};

/// The connection to an archive, made when one is needed, and kept.
pub(super) type Kept = Mutex<Option<Arc<Connection>>>;

/// Why an archive gave no answer, the less telling first.
#[derive(Debug)]
enum Miss {
    /// It has nothing, and is not to blame for that.
    Nothing,
    /// It has thrown that away too, or never had it, which is no word about what it was.
    Gone(ReadError),
    /// Those before it took so long that it was not asked.
    Passed,
    /// It could not be asked.
    Unasked(ConnectError),
    /// There were too many requests.
    TurnedAway,
    /// It was lost, was silent, or said too much.
    Lost(ReadError),
    /// It said no.
    Refused(ReadError),
}

// === impl Miss ===

impl Miss {
    fn weight(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Gone(_) => 1,
            Self::Passed => 2,
            Self::Unasked(_) => 3,
            Self::TurnedAway => 4,
            Self::Lost(_) => 5,
            Self::Refused(_) => 6,
        }
    }
}

// === impl Link ===

impl Link {
    /// Asks the archives in turn, and says which one has answered. None when none is configured, or all of them have nothing of it; else the most
    /// telling of their failures, which is that it is gone where nothing could be an answer.
    pub(super) async fn archived(
        &self,
        request: &Request<Box<RawValue>>,
        urgency: &Urgency,
    ) -> Result<Option<(Box<RawValue>, Endpoint)>, ReadError> {
        let (timeout, began) = (self.shared.config.request_timeout(), clock::now());
        let mut misses = Vec::new();
        let mut asked = self.archives_to_ask(&mut misses);
        let mut is_patient = asked.len() == 1;
        loop {
            let mut busy = Vec::new();
            for index in asked {
                // Nobody waits for each of many that are silent.
                if !misses.is_empty() && clock::since(began) >= timeout.saturating_mul(3) {
                    misses.push(Miss::Passed);
                    break;
                }
                // While somebody else connects to one, the next may answer.
                if !is_patient && self.shared.archives[index].try_lock().is_err() {
                    busy.push(index);
                    continue;
                }
                match self.ask_archive(index, request, urgency).await {
                    Ok(answer) if request.may_be_nothing() || answer.get() != "null" => {
                        return Ok(Some((answer, self.shared.pool.archives()[index].endpoint.clone())));
                    }
                    Ok(_) => misses.push(Miss::Nothing),
                    Err(Miss::TurnedAway) => busy.push(index),
                    Err(miss) => misses.push(miss),
                }
            }
            // Those that turn requests away are asked again, each at its own pace, when no other has answered.
            if busy.is_empty() {
                break;
            }
            if clock::since(began) >= timeout {
                misses.push(Miss::TurnedAway);
                break;
            }
            (asked, is_patient) = (busy, true);
        }
        let what = || request.what().to_owned();
        // The first of equals counts.
        match misses.into_iter().min_by_key(|miss| Reverse(miss.weight())) {
            Some(Miss::Gone(gone)) if request.may_be_nothing() => Err(gone),
            None | Some(Miss::Nothing | Miss::Gone(_)) => Ok(None),
            Some(Miss::Passed) => Err(ReadError::Deadline { what: what(), after: clock::since(began) }),
            Some(Miss::Unasked(cause)) => Err(ReadError::NoArchive { what: what(), cause: Some(Box::new(cause)) }),
            Some(Miss::TurnedAway) => Err(ReadError::NoTurn { what: what(), after: timeout, is_slowed: true }),
            Some(Miss::Lost(error) | Miss::Refused(error)) => Err(error),
        }
    }

    /// The archives that do not rest, in the order of the configuration, but that those which failed last, are known
    /// to keep less, or turn requests away, come last. What is wrong with the others is a miss.
    fn archives_to_ask(&self, misses: &mut Vec<Miss>) -> Vec<usize> {
        let (now, archives) = (clock::now(), self.shared.pool.archives());
        let mut asked = Vec::with_capacity(archives.len());
        for (index, node) in archives.iter().enumerate() {
            if node.rests(now).is_none() {
                asked.push(index);
            } else {
                misses.extend(node.status(now).trouble.map(Miss::Unasked));
            }
        }
        asked.sort_by_key(|index| {
            archives.get(*index).map(|node| {
                let status = node.status(now);
                (status.trouble.is_some(), status.is_pruned, status.is_rate_limited)
            })
        });
        asked
    }

    /// What one archive answers.
    async fn ask_archive(
        &self,
        index: usize,
        request: &Request<Box<RawValue>>,
        urgency: &Urgency,
    ) -> Result<Box<RawValue>, Miss> {
        let kept = self.shared.archives[index].lock().await.clone();
        if let Some(connection) = kept {
            match connection.send_once(request, urgency).await {
                // One that was kept may have been closed meanwhile; the next is new.
                Err(RpcProblem::Cut(_)) => self.forget_archive(index, &connection).await,
                said => return self.archive_said(index, &connection, request, said).await,
            }
        }
        let connection = self.archive(index).await.map_err(Miss::Unasked)?;
        let said = connection.send_once(request, urgency).await;
        self.archive_said(index, &connection, request, said).await
    }

    /// Notes what an answer, or its absence, says about the archive.
    async fn archive_said(
        &self,
        index: usize,
        connection: &Arc<Connection>,
        request: &Request<Box<RawValue>>,
        said: Result<Box<RawValue>, RpcProblem>,
    ) -> Result<Box<RawValue>, Miss> {
        let problem = match said {
            Ok(answer) => {
                connection.node().note_served();
                return Ok(answer);
            }
            Err(problem) => problem,
        };
        match &problem {
            RpcProblem::Cut(_) | RpcProblem::Deadline(_) | RpcProblem::Oversized => {
                self.forget_archive(index, connection).await;
                let cause = connection.fault(request.what(), problem.clone());
                tracing::info!(endpoint = connection.endpoint(), %cause, "an archive endpoint did not answer");
                // Too much for one question says nothing about the next one.
                let longest = self.shared.config.retry_max();
                match problem {
                    RpcProblem::Oversized => connection.node().note_trouble(cause),
                    _ => connection.node().note_failure(cause, longest, clock::now(), follower::jitter),
                }
            }
            RpcProblem::NoTurn { .. } | RpcProblem::Left | RpcProblem::Refused { .. } | RpcProblem::Garbled(_) => {}
        }
        if problem.is_rate_limit() {
            return Err(Miss::TurnedAway);
        }
        Err(match Self::read_error(request, problem) {
            gone if is_gone(&gone) => {
                if is_discarded(&gone) {
                    connection.node().note_pruned();
                }
                Miss::Gone(gone)
            }
            refused @ ReadError::Refused { .. } => Miss::Refused(refused),
            lost => Miss::Lost(lost),
        })
    }

    /// The connection to an archive, made if need be.
    async fn archive(&self, index: usize) -> Result<Arc<Connection>, ConnectError> {
        let (shared, node) = (&self.shared, &self.shared.pool.archives()[index]);
        let mut kept = shared.archives[index].lock().await;
        if let Some(connection) = kept.as_ref() {
            return Ok(Arc::clone(connection));
        }
        // Whoever was before us may have found that it is not well.
        let now = clock::now();
        if let Some(trouble) = node.rests(now).and_then(|_| node.status(now).trouble) {
            return Err(trouble);
        }
        let connecting = async {
            let connection = Connection::open(node, &*shared.dialer, &shared.config).await?;
            follower::check_genesis(shared, &connection).await?;
            let newest = follower::newest(&connection).await?;
            // One that joined may be of another history than the node behind which it stands.
            if node.is_joined()
                && let Err(strange @ ConnectError::Forked { .. }) = anchor::check(shared, &connection, newest).await
            {
                return Err(strange);
            }
            Ok((connection, newest))
        };
        match connecting.await {
            Ok((connection, newest)) => {
                node.note_well(newest, clock::now(), Standing::Standby);
                Ok(Arc::clone(kept.insert(Arc::new(connection))))
            }
            Err(cause) => {
                let cause: ConnectError = cause;
                tracing::info!(endpoint = %node.endpoint, %cause, "an archive endpoint could not be asked");
                node.note_failure(cause.clone(), shared.config.retry_max(), clock::now(), follower::jitter);
                Err(cause)
            }
        }
    }

    /// The connection is not kept any more, unless another one is already.
    async fn forget_archive(&self, index: usize, connection: &Arc<Connection>) {
        let mut kept = self.shared.archives[index].lock().await;
        if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, connection)) {
            *kept = None;
        }
    }
}

/// The archives of a link, for what the followed endpoint answers with nothing: old bodies, headers
/// and hashes. Where no archive is configured there is nothing there either; one that cannot be asked
/// is an error.
pub(super) struct Archives<'l>(pub(super) &'l Link);

impl Ask for Archives<'_> {
    type Error = ReadError;

    async fn tell<T: DeserializeOwned + Send>(&self, request: Request<T>) -> Result<(T, Option<Endpoint>), ReadError> {
        let urgency = Urgency::new(self.0.priority);
        let (answer, teller) = Box::pin(self.0.archived(&request.untyped(), &urgency)).await?.unzip();
        // What stands for nothing is read as what was asked for.
        let nothing = || RawValue::NULL.to_owned();
        let answer = rpc::read(&answer.unwrap_or_else(nothing));
        Ok((answer.map_err(|problem| Link::read_error(&request, problem))?, teller))
    }

    fn nonsense(&self, what: &str, reason: String) -> ReadError {
        self.0.nonsense(what, reason)
    }

    fn followed(&self) -> Option<Endpoint> {
        self.0.followed()
    }

    fn is_refusal(error: &ReadError) -> bool {
        Link::is_refusal(error)
    }

    fn is_gone(error: &ReadError) -> bool {
        is_gone(error)
    }

    fn is_withheld(error: &ReadError) -> bool {
        Link::is_withheld(error)
    }
}

#[cfg(test)]
mod tests;
