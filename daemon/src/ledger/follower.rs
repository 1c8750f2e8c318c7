//! Follows finalized blocks and writes into the ledger what concerns the accounts of this host.

use std::{collections::BTreeSet, time::Duration};

use btd_api::{AccountId, BlockHash, BlockNumber};
use btd_chain::{BlockStream, FinalizedBlock, Link, Priority};
use btd_signer_protocol::operations::List;
use serde_json::Value as Json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Entry, Ledger};
use crate::{causes::with_causes, custody::Custody, stamp::since_1970};

/// The pause after a block that could not be had, or written down.
const PAUSE: Duration = Duration::from_secs(5);
/// After so many failures in a row the blocks that are missing are given up.
const PATIENCE: u32 = 3;
/// Further behind, in blocks, nothing is caught up with: a day of twelve seconds each.
const FURTHEST: u32 = 7_200;

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
        let mut failures = 0;
        let mut blocks = self.resume(genesis).await;
        loop {
            let block = match blocks.next().await {
                Ok(block) => block,
                Err(error) => {
                    failures += 1;
                    tracing::debug!(error = with_causes(&error), failures, "could not read a block for the ledger");
                    if failures >= PATIENCE {
                        failures = 0;
                        blocks = self.link.blocks();
                    }
                    sleep(PAUSE).await;
                    continue;
                }
            };
            failures = 0;
            if !block.illegible.is_empty() {
                // What it held is not known, so it is not covered.
                tracing::debug!(
                    block = block.block.number.0,
                    "left a block out of the ledger: not all of it can be read"
                );
                continue;
            }
            accounts.look(&self.custody, &block).await;
            let entries = entries(&block, &accounts.known);
            while let Err(error) = self.ledger.append(genesis, block.block.number, entries.clone()).await {
                tracing::error!(error = with_causes(&error), "could not write to the ledger");
                sleep(PAUSE).await;
            }
        }
    }

    /// The blocks from where the ledger left off, or from now on.
    async fn resume(&self, genesis: BlockHash) -> BlockStream {
        let last = self.ledger.last(genesis).await.unwrap_or_else(|error| {
            tracing::error!(error = with_causes(&error), "could not read the ledger");
            None
        });
        let newest = self.link.finalized().map(|block| block.number.0);
        match (last, newest) {
            (Some(BlockNumber(last)), Some(newest)) if newest.saturating_sub(last) <= FURTHEST && last <= newest => {
                self.link.blocks_from(BlockNumber(last.saturating_add(1)))
            }
            _ => self.link.blocks(),
        }
    }
}

// === impl Accounts ===

impl Accounts {
    /// Looks again which accounts there are, unless that was done after `block` was made or nobody signed in it.
    async fn look(&mut self, custody: &Custody, block: &FinalizedBlock) {
        let is_newer = self.looked_ms.is_some_and(|looked| block.timestamp_ms.is_some_and(|made| made < looked));
        let is_signed = block.extrinsics.iter().any(|extrinsic| extrinsic.signer.is_some());
        if is_newer || (self.looked_ms.is_some() && !is_signed) {
            return;
        }
        match custody.ask(List {}).await {
            Ok(wallets) => {
                self.looked_ms = Some(since_1970());
                let coldkeys = wallets.iter().filter_map(|wallet| wallet.coldkey.as_ref()?.public);
                let hotkeys = wallets.iter().flat_map(|wallet| &wallet.hotkeys).filter_map(|(_, key)| key.public);
                self.known = coldkeys.chain(hotkeys).map(|public| public.account).collect();
            }
            Err(error) => tracing::debug!(error = with_causes(&error), "could not list the wallets for the ledger"),
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
            extrinsic: None,
        };
        let block = FinalizedBlock {
            block: BlockRef { number: BlockNumber(7), hash: BlockHash([7; 32]) },
            parent: BlockHash([6; 32]),
            timestamp_ms: Some(84_000),
            spec_version: 425,
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
