//! Reading one block of those that are followed, and judging by it the endpoint that tells it.

use std::sync::Arc;

use btd_api::BlockNumber;

use super::{
    super::{Finality, Head, Node, Standing, witnesses::contradiction},
    Follower, Read,
};
use crate::{
    block::{self, BlockRef},
    clock,
    error::ConnectError,
    fetch::{self, Fetched},
    rpc::{Ask, Connection},
    runtime::Runtime,
};

// === impl Follower ===

impl Follower {
    /// Blocks are about to be passed over, so their parents will not be compared: what was followed
    /// last must be what the endpoint has at its height.
    pub(super) async fn check_history(&self, connection: &Connection, last: BlockRef) -> Result<(), ConnectError> {
        let number = last.number;
        let found = fetch::hash_of(connection, number).await?;
        let found =
            found.ok_or_else(|| connection.nonsense("a finalized block", format!("it has no block {number}")))?;
        if found == last.hash {
            return Ok(());
        }
        Err(contradiction(connection.endpoint().to_owned(), last, BlockRef { number, hash: found }))
    }

    /// Reads and decodes block `number`, which must continue what was followed.
    pub(super) async fn read(&mut self, connection: &Connection, number: BlockNumber) -> Result<Read, ConnectError> {
        let absent = || connection.nonsense("a finalized block", format!("it has no block {number}"));
        let hash = fetch::hash_of(connection, number).await?.ok_or_else(absent)?;
        let Fetched { raw, withheld } = fetch::block(connection, hash).await?.ok_or_else(absent)?;
        if raw.block.number != number {
            return Err(connection
                .nonsense("a finalized block", format!("block {number} says that it is {}", raw.block.number)));
        }
        let before = self.last.filter(|last| last.block.number.0.checked_add(1) == Some(number.0));
        if let Some(last) = before.filter(|last| last.block.hash != raw.parent) {
            return Err(ConnectError::Forked {
                endpoint: connection.endpoint().to_owned(),
                number,
                seen: last.block.hash,
                found: raw.parent,
            });
        }
        match withheld {
            Some(denied) if !self.goes_without_events(connection) => return Err(denied),
            Some(denied) => tracing::warn!(%denied, "no endpoint tells the events of a block: it goes on without"),
            None => {}
        }
        // Whoever does not tell the events that are in a state may refuse the runtime in it in the same words.
        let is_untold =
            |error: &ConnectError| Connection::is_gone(error) || raw.events.is_err() && Connection::is_withheld(error);
        let runtimes = &self.shared.runtimes;
        let known = before.and_then(|_| self.shared.head.borrow().as_ref().map(|head| head.runtime.spec_version()));
        // By another endpoint's word of it nothing is read.
        let known = known.and_then(|spec_version| runtimes.get(spec_version, &connection.node().endpoint));
        // The runtime in the state behind the parent has executed this block.
        let executed_by = match known {
            Some(runtime) => Ok(runtime),
            None if number.0 == 0 => Ok(fetch::runtime_at(connection, hash, runtimes).await?),
            None => match fetch::runtime_at(connection, raw.parent, runtimes).await {
                // A node that has just restarted may keep the state of its head alone.
                Err(untold) if is_untold(&untold) => Err(untold),
                other => Ok(other?),
            },
        };
        let runtime = match (fetch::runtime_at(connection, hash, runtimes).await, &executed_by) {
            (Ok(runtime), _) => runtime,
            // Long after an outage the state may be gone while the block is there.
            (Err(untold), Ok(executed_by)) if is_untold(&untold) && raw.events.is_err() => executed_by.clone(),
            // Whoever is followed now has never told the runtime, and each of the others was asked in vain.
            (Err(untold), Err(_)) if is_untold(&untold) && raw.events.is_err() && self.was_tried_everywhere() => {
                return Ok(Read::Untold(untold));
            }
            (Err(error), _) => return Err(error),
        };
        self.check_age(connection, number, &runtime)?;
        if raw.events.is_ok() {
            self.withheld.end();
        }
        let decoded = match executed_by {
            Ok(executed_by) => {
                if runtime.spec_version() != executed_by.spec_version() {
                    let (from, to) = (executed_by.spec_version(), runtime.spec_version());
                    tracing::info!(block = number.0, from, to, "the runtime was upgraded");
                }
                block::decode(&raw, &executed_by)
            }
            Err(untold) => block::decode_by_its_own(&raw, &runtime, untold),
        };
        let head = Head { block: BlockRef { number, hash }, runtime, generation: self.generation };
        Ok(Read::Told(Box::new((decoded, head))))
    }

    /// Whether every endpoint that may be followed has had its turn since a block was followed.
    pub(super) fn was_tried_everywhere(&self) -> bool {
        let may_follow_joined = self.may_follow_joined();
        let mut nodes = self.shared.pool.followed().iter().enumerate();
        nodes.all(|(index, node)| self.tried.contains(&index) || node.is_joined() && !may_follow_joined)
    }

    /// Whether a block whose events the endpoint in use does not tell is followed all the same: none of the others has
    /// told any either, for long enough, and none that could not be asked then is well now.
    fn goes_without_events(&mut self, connection: &Connection) -> bool {
        let (is_told_by_none, now) = (self.was_tried_everywhere(), clock::now());
        let is_final = self.withheld.is_final(is_told_by_none, &self.shared.config, now);
        self.withheld.note(&connection.node().endpoint);
        let may_tell =
            |node: &Arc<Node>| node.status(now).standing == Standing::Standby && !self.withheld.is_by(&node.endpoint);
        is_final && !self.shared.pool.followed().iter().any(may_tell)
    }

    /// A chain whose blocks stay never goes back to an older runtime (`System.set_code` refuses one): an
    /// endpoint that says so tells of another state than that of the blocks that were followed. When every
    /// endpoint has had its turn and nobody goes on, it may be the newer one that was a lie.
    fn check_age(&self, connection: &Connection, number: BlockNumber, runtime: &Runtime) -> Result<(), ConnectError> {
        let seen = self.shared.head.borrow().as_ref().map_or(0, |head| head.runtime.spec_version());
        let found = runtime.spec_version();
        if found >= seen || self.shared.config.finality == Finality::Revocable {
            return Ok(());
        }
        if usize::try_from(self.attempts).is_ok_and(|attempts| attempts > self.shared.pool.followed().len()) {
            tracing::warn!(block = number.0, found, seen, "no endpoint knows the runtime that one has told of");
            return Ok(());
        }
        Err(ConnectError::OldRuntime { endpoint: connection.endpoint().to_owned(), number, found, seen })
    }
}
