//! Blocks, plans and receipts in the words of the contract, for every noun that reads or signs.

use btd_api::{
    ErrorKind, IdempotencyKey,
    chain::{At, BlockRef, Event},
    wallet::{self, KeyName, Wait},
};
use btd_chain::{Link, LinkState, ReadError};
use btd_signer_protocol::KeyId;

use super::Failure;
use crate::{
    custody::Custody,
    stamp::Stamp,
    submit::{Action, Mode, Order, Plan, Receipt, Stage, Submitter},
};

/// Further behind what the endpoint has announced, in blocks, a reply counts as stale.
const FURTHEST_BEHIND: u32 = 5;

/// When a reply was read, as `link` stands now.
pub(super) fn at(stamp: Stamp, link: &Link) -> At {
    At { block: block(stamp.block), age_ms: stamp.age_ms(), stale: !is_current(&link.state().borrow()) }
}

/// Whether blocks arrive, and are followed as they do: not while those of an outage are caught up with.
fn is_current(state: &LinkState) -> bool {
    match state {
        LinkState::Live { finalized, announced, .. } => {
            announced.0.saturating_sub(finalized.block.number.0) <= FURTHEST_BEHIND
        }
        LinkState::Connecting { .. } | LinkState::Lost { .. } => false,
    }
}

/// Reads pinned at the newest finalized block, and that block.
pub(super) fn view(link: &Link) -> Result<(btd_chain::View, At), ReadError> {
    let view = link.view()?;
    let at = at(Stamp::of(view.block(), link), link);
    Ok((view, at))
}

pub(super) fn block(block: btd_chain::BlockRef) -> BlockRef {
    BlockRef { number: block.number, hash: block.hash }
}

pub(super) fn event(event: btd_chain::Event) -> Event {
    Event { pallet: event.pallet, name: event.name, fields: event.fields, extrinsic: event.extrinsic }
}

pub(super) fn key_id(wallet: btd_api::WalletName, key: KeyName) -> KeyId {
    match key {
        KeyName::Coldkey => KeyId::coldkey(wallet),
        KeyName::Hotkey(name) => KeyId::hotkey(wallet, name),
    }
}

/// What callers of every method that signs may say beside what is to be signed.
pub(super) struct Manner {
    pub(super) dry_run: bool,
    pub(super) wait: Wait,
    pub(super) idempotency_key: Option<IdempotencyKey>,
}

/// Has `action` signed by `key`, sent and followed, as far as the caller wants.
pub(super) async fn submit(
    submitter: &Submitter,
    custody: &Custody,
    link: &Link,
    (action, key): (Action, KeyId),
    manner: Manner,
) -> Result<wallet::Receipt, Failure> {
    let signer = custody.public(&key).await?.account;
    let mode = match (manner.dry_run, manner.wait) {
        (true, _) => Mode::DryRun,
        (false, Wait::Submitted) => Mode::UntilSubmitted,
        (false, Wait::Finalized) => Mode::UntilFinalized,
    };
    let order = Order { action, key, signer, idempotency_key: manner.idempotency_key, mode };
    Ok(receipt(submitter.submit(order).await?, link))
}

fn receipt(receipt: Receipt, link: &Link) -> wallet::Receipt {
    let outcome = match receipt.stage {
        Stage::Planned => wallet::Outcome::Planned,
        Stage::Submitted { extrinsic, era_end } => wallet::Outcome::Submitted { extrinsic: hash(extrinsic), era_end },
        Stage::Finalized { extrinsic, included } => wallet::Outcome::Finalized {
            extrinsic: hash(extrinsic),
            block: block(included.block),
            index: included.index,
            fee: included.fee,
            events: included.events.into_iter().map(event).collect(),
        },
    };
    wallet::Receipt { plan: plan(receipt.plan, link), outcome }
}

fn hash(hash: btd_chain::ExtrinsicHash) -> btd_api::BlockHash {
    btd_api::BlockHash(*hash.as_bytes())
}

fn plan(plan: Plan, link: &Link) -> wallet::Plan {
    wallet::Plan {
        at: at(plan.at, link),
        call: plan.call,
        arguments: plan.arguments,
        summary: plan.summary,
        signer: plan.signer,
        fee: plan.fee,
        balance_before: plan.balance_before,
        balance_after: plan.balance_after,
        warnings: plan.warnings,
    }
}

/// A failure that says that nothing has been read yet.
pub(super) fn warming_up(what: &str) -> Failure {
    Failure::new(ErrorKind::WarmingUp, format!("{what} has not been read from the chain yet: try again in a moment"))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use btd_api::{BlockHash, BlockNumber};
    use btd_chain::Seen;

    use super::*;

    #[test]
    fn what_is_read_while_catching_up_is_stale() {
        let block = btd_chain::BlockRef { number: BlockNumber(100), hash: BlockHash([1; 32]) };
        let live = |announced| LinkState::Live {
            endpoint: "ws://a".to_owned(),
            genesis: BlockHash([2; 32]),
            spec_version: 425,
            finalized: Seen { block, at: Instant::now() },
            announced: BlockNumber(announced),
            since: Instant::now(),
        };
        assert!(is_current(&live(100)) && is_current(&live(105)));
        assert!(!is_current(&live(106)));
    }
}
