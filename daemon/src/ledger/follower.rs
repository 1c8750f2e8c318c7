//! Follows finalized blocks and writes into the ledger what concerns the accounts of this host.

use std::{collections::BTreeSet, time::Duration};

use btd_api::{AccountId, BlockHash, BlockNumber};
use btd_chain::{BlockStream, Finality, FinalizedBlock, Link, Priority, ReadError};
use btd_signer_protocol::operations::List;
use serde_json::Value as Json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Entry, Hole, Ledger, LedgerError, Looked, Mark, Span, Why};
use crate::{causes::with_causes, custody::Custody, stamp::since_1970};

/// The pause after a block that could not be had, or written down.
const PAUSE: Duration = Duration::from_secs(5);
/// After so many failures in a row a block that is missing is given up: one, and twice as many each time that the
/// next one is missing too.
const PATIENCE: u32 = 3;
/// Further behind, in blocks, nothing is caught up with: a day of twelve seconds each.
const FURTHEST: u32 = 7_200;
/// So many blocks lie between two looks at what is to be cut.
const BETWEEN_CUTS: u32 = 500;

/// The long task behind [`Ledger`].
#[derive(Debug)]
pub struct Follower {
    ledger: Ledger,
    link: Link,
    custody: Custody,
}

/// The accounts of this host, as they were when it was looked.
#[derive(Debug, Default)]
struct Accounts {
    known: BTreeSet<AccountId>,
    /// In milliseconds since 1970, the time of blocks.
    looked_ms: Option<u64>,
}

/// How far the following has come.
struct Position {
    blocks: BlockStream,
    /// The block that was looked through last.
    tip: Option<Mark>,
    /// How often the block that comes next could not be had.
    failures: u32,
    /// How many blocks are given up when one is missing.
    stride: u32,
}

// === impl Follower ===

impl Follower {
    /// No I/O happens before [`Self::run`].
    pub fn new(ledger: Ledger, link: &Link, custody: Custody) -> Self {
        // Whoever waits for an answer goes first.
        Self { ledger, link: link.with_priority(Priority::Bulk), custody }
    }

    /// Follows until `told`. A ledger that cannot be written is complained of, and tried again.
    pub async fn run(self, told: CancellationToken) {
        let _ = told.run_until_cancelled(self.follow()).await;
    }

    async fn follow(self) {
        let mut state = self.link.state();
        let genesis = loop {
            if let Some(genesis) = self.link.genesis().filter(|_| self.link.finalized().is_some()) {
                break genesis;
            }
            if state.changed().await.is_err() {
                return;
            }
        };
        let mut accounts = Accounts::default();
        let mut position = self.resume(genesis).await;
        let mut looked = 0_u32;
        loop {
            let block = match position.blocks.next().await {
                Ok(block) => block,
                Err(ReadError::TakenBack { .. }) => {
                    position = self.resume(genesis).await;
                    continue;
                }
                Err(error) => {
                    tracing::debug!(error = with_causes(&error), "could not read a block for the ledger");
                    self.missed(genesis, &mut position).await;
                    sleep(PAUSE).await;
                    continue;
                }
            };
            if position.tip.is_some_and(|tip| {
                tip.number.0.checked_add(1) == Some(block.block.number.0) && tip.hash != block.parent
            }) {
                // It does not follow on what the ledger has.
                sleep(PAUSE).await;
                position = self.resume(genesis).await;
                continue;
            }
            (position.failures, position.stride) = (0, 1);
            if block.tells_all_events() {
                let mark = self.look_through(genesis, &block, &mut accounts).await;
                position.tip = Some(mark);
            } else {
                let number = block.block.number;
                tracing::debug!(block = number.0, "left a block out of the ledger: not all of its events can be read");
                let span = Span { first: number, last: number };
                self.insist("leave a block out", || self.ledger.leave_out(genesis, Hole { span, why: Why::Illegible }))
                    .await;
                position.tip = None;
            }
            if looked.is_multiple_of(BETWEEN_CUTS) {
                self.cut(genesis).await;
            }
            looked = looked.wrapping_add(1);
        }
    }

    /// Writes down what happened in a block to the accounts that there are.
    async fn look_through(&self, genesis: BlockHash, block: &FinalizedBlock, accounts: &mut Accounts) -> Mark {
        accounts.look(&self.custody, block).await;
        let (number, hash) = (block.block.number, block.block.hash);
        let looked = Looked { number, hash, watched: accounts.known.clone(), entries: entries(block, &accounts.known) };
        self.insist("write a block down", || self.ledger.append(genesis, looked.clone())).await;
        Mark { number, hash }
    }

    /// Counts a failure, and gives the blocks up that are asked for in vain.
    async fn missed(&self, genesis: BlockHash, position: &mut Position) {
        position.failures += 1;
        let (Some(first), Some(newest)) = (position.blocks.cursor(), self.link.finalized()) else { return };
        if position.failures < PATIENCE || newest.number < first {
            return;
        }
        let last = BlockNumber(first.0.saturating_add(position.stride - 1).min(newest.number.0));
        tracing::warn!(first = first.0, last = last.0, "left blocks out of the ledger: no node gives them");
        let hole = Hole { span: Span { first, last }, why: Why::Unreadable };
        self.insist("leave blocks out", || self.ledger.leave_out(genesis, hole)).await;
        *position = Position {
            blocks: self.link.blocks_from(BlockNumber(last.0.saturating_add(1))),
            tip: None,
            failures: 0,
            stride: position.stride.saturating_mul(2),
        };
    }

    /// Forgets what is not of this chain any more, and goes on where the ledger then leaves off, or from now on.
    async fn resume(&self, genesis: BlockHash) -> Position {
        let mut is_told = false;
        let standing = loop {
            match self.standing(genesis).await {
                Ok(standing) => break standing,
                Err(Unsettled::Ledger(error)) => {
                    tracing::error!(error = with_causes(&error), "could not read the ledger");
                }
                Err(Unsettled::Behind { block }) => {
                    if !is_told {
                        tracing::info!(block = block.0, "the ledger waits: the node has not got to its newest block");
                    }
                    is_told = true;
                }
                Err(Unsettled::Chain(error)) => {
                    tracing::debug!(error = with_causes(&error), "could not tell whether the ledger is of this chain");
                }
            }
            sleep(PAUSE).await;
        };
        if let Some(from) = standing {
            tracing::info!(from = from.0, "forgot a branch in the ledger: the chain has gone back");
            self.insist("forget a branch", || self.ledger.forget(genesis, from)).await;
        }
        let last = self.insist("read where it left off", || self.ledger.last(genesis)).await;
        let newest = self.link.finalized().map(|block| block.number.0);
        let blocks = match (last, newest) {
            (Some(BlockNumber(last)), Some(newest)) if last <= newest && newest - last <= FURTHEST => {
                self.link.blocks_from(BlockNumber(last.saturating_add(1)))
            }
            _ => self.link.blocks(),
        };
        Position { blocks, tip: None, failures: 0, stride: 1 }
    }

    /// From which block on the ledger is not of the chain that is followed; none when all of it is.
    async fn standing(&self, genesis: BlockHash) -> Result<Option<BlockNumber>, Unsettled> {
        let count = self.ledger.marks(genesis).await?;
        if count == 0 || self.stands(genesis, 0).await? {
            return Ok(None);
        }
        // Of the marks from the newest on, those up to one are dead, and the others stand.
        let (mut dead, mut alive) = (0, count);
        while alive - dead > 1 {
            let middle = dead + (alive - dead) / 2;
            if self.stands(genesis, middle).await? {
                alive = middle;
            } else {
                dead = middle;
            }
        }
        let newest = if alive == count { None } else { self.ledger.mark(genesis, alive).await? };
        Ok(Some(newest.map_or(BlockNumber(0), |mark| BlockNumber(mark.number.0.saturating_add(1)))))
    }

    /// Whether a mark's block is on the chain. A node that has not got there does not know: it may be an own one that
    /// catches up, or one of several behind the same address. Only a chain that can be taken back is one without it.
    async fn stands(&self, genesis: BlockHash, place: u32) -> Result<bool, Unsettled> {
        match self.ledger.mark(genesis, place).await? {
            None => Ok(false),
            Some(mark) => match self.link.block_hash(mark.number).await? {
                Some(hash) => Ok(hash == mark.hash),
                None if self.link.finality() == Finality::Revocable => Ok(false),
                None => Err(Unsettled::Behind { block: mark.number }),
            },
        }
    }

    async fn cut(&self, genesis: BlockHash) {
        match self.ledger.cut(genesis, since_1970()).await {
            Ok(None) => {}
            Ok(Some(before)) => tracing::info!(before = before.0, "cut the ledger"),
            Err(error) => tracing::warn!(error = with_causes(&error), "could not cut the ledger"),
        }
    }

    /// Does it until it can be done.
    async fn insist<T, F>(&self, what: &'static str, mut attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, LedgerError>>,
    {
        loop {
            match attempt().await {
                Ok(done) => return done,
                Err(error) => tracing::error!(error = with_causes(&error), what, "the ledger failed"),
            }
            sleep(PAUSE).await;
        }
    }
}

/// Why it cannot be told what of the ledger stands.
#[derive(Debug, thiserror::Error)]
enum Unsettled {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Chain(#[from] ReadError),
    #[error("the node has not got to block {block}")]
    Behind { block: BlockNumber },
}

// === impl Accounts ===

impl Accounts {
    /// Looks again which accounts there are, unless that was done after `block` was made or nobody signed in it. The
    /// first look is waited for: without it nobody would be looked for.
    async fn look(&mut self, custody: &Custody, block: &FinalizedBlock) {
        let is_newer = self.looked_ms.is_some_and(|looked| block.timestamp_ms.is_some_and(|made| made < looked));
        let is_signed = block.extrinsics.iter().any(|extrinsic| extrinsic.signer.is_some());
        if is_newer || (self.looked_ms.is_some() && !is_signed) {
            return;
        }
        loop {
            match custody.ask(List {}).await {
                Ok(wallets) => {
                    self.looked_ms = Some(since_1970());
                    let coldkeys = wallets.iter().filter_map(|wallet| wallet.coldkey.as_ref()?.public);
                    let hotkeys = wallets.iter().flat_map(|wallet| &wallet.hotkeys).filter_map(|(_, key)| key.public);
                    self.known = coldkeys.chain(hotkeys).map(|public| public.account).collect();
                    return;
                }
                Err(error) => tracing::debug!(error = with_causes(&error), "could not list the wallets for the ledger"),
            }
            if self.looked_ms.is_some() {
                return;
            }
            sleep(PAUSE).await;
        }
    }
}

/// What happened to `accounts` in a block. A fee's way through the pallets is told by its one event alone.
fn entries(block: &FinalizedBlock, accounts: &BTreeSet<AccountId>) -> Vec<Entry> {
    if accounts.is_empty() {
        return Vec::new();
    }
    let mut entries = Vec::new();
    for (index, event) in (0..).zip(&block.events) {
        if is_plumbing(&event.pallet, &event.name) {
            continue;
        }
        let mut named = BTreeSet::new();
        collect(&event.fields, &mut named);
        let cause = event.extrinsic.and_then(|cause| block.extrinsics.get(usize::try_from(cause).ok()?));
        named.extend(cause.and_then(|cause| cause.signer).filter(|_| is_own_failure(&event.pallet, &event.name)));
        let extrinsic = cause.map(|cause| BlockHash(*cause.hash.as_bytes()));
        entries.extend(named.intersection(accounts).map(|account| Entry {
            block: block.block.number,
            time_ms: block.timestamp_ms,
            index,
            account: *account,
            extrinsic,
            event: event.clone(),
        }));
    }
    entries
}

/// Events that repeat what another one says.
fn is_plumbing(pallet: &str, name: &str) -> bool {
    matches!(
        (pallet, name),
        ("Balances", "Withdraw" | "Deposit" | "Endowed" | "Issued" | "Rescinded" | "Upgraded")
            | ("System", "NewAccount")
    )
}

/// Whether an event concerns the signer without naming it.
fn is_own_failure(pallet: &str, name: &str) -> bool {
    (pallet, name) == ("System", "ExtrinsicFailed")
}

/// The accounts that stand anywhere among the fields.
fn collect(fields: &Json, found: &mut BTreeSet<AccountId>) {
    match fields {
        // Only an address is as long as one: everything else is passed by unread.
        Json::String(text) if (47..=49).contains(&text.len()) => found.extend(text.parse::<AccountId>().ok()),
        Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Json::Object(members) => members.values().for_each(|member| collect(member, found)),
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

#[cfg(test)]
mod behind;
#[cfg(test)]
mod tests {
    use btd_chain::{BlockRef, Event};
    use serde_json::json;

    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[test]
    fn events_that_name_an_account_are_its_own() {
        let event = |pallet: &str, name: &str, fields: Json| Event {
            pallet: pallet.to_owned(),
            name: name.to_owned(),
            fields,
            subnets: std::collections::BTreeSet::new(),
            extrinsic: None,
        };
        let block = FinalizedBlock {
            block: BlockRef { number: BlockNumber(7), hash: BlockHash([7; 32]) },
            parent: BlockHash([6; 32]),
            timestamp_ms: Some(84_000),
            spec_version: Some(425),
            extrinsics: Vec::new(),
            events: vec![
                event("Balances", "Withdraw", json!({ "who": ALICE, "amount": "1" })),
                event("Balances", "Transfer", json!({ "from": ALICE, "to": BOB, "amount": "5" })),
                event("SubtensorModule", "StakeAdded", json!([BOB, BOB, "1", "1", 2, "0"])),
            ],
            illegible: Vec::new(),
        };
        let of = |accounts: &[&str]| {
            let accounts = accounts.iter().map(|text| text.parse().unwrap()).collect();
            entries(&block, &accounts).iter().map(|entry| (entry.index, entry.account.to_string())).collect::<Vec<_>>()
        };
        assert_eq!(of(&[ALICE]), [(1, ALICE.to_owned())]);
        assert_eq!(of(&[ALICE, BOB]).len(), 3);
        assert_eq!(of(&[]), []);
    }
}
