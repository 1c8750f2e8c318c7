//! What happened to an account, from the ledger: events as they are, and what the usual ones mean (`meaning`).

mod meaning;

use std::sync::Arc;

use btd_api::{
    Coldkey, ErrorKind,
    wallet::history::{Coverage, Cursor, Happening, History, HistoryEntry, HistoryParams, HistoryReply, Hole},
};

use crate::{
    daemon::Parts,
    ledger::{self, Entry, LedgerError, Span},
    rpc::{Caller, Failure, Table, receipt},
    stamp::Stamp,
};

/// How many are told when nobody says how many.
const USUAL: u32 = 50;
/// How many are told at most.
const MOST: u32 = 1000;
/// How many are looked at together: many may make no line.
const AT_ONCE: u32 = 256;

pub(in crate::rpc) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table.noun(parts).method::<History>(history).done();
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let kind = match &error {
            LedgerError::Open { .. } | LedgerError::Statement { .. } => ErrorKind::StorageFault,
            LedgerError::Interrupted => ErrorKind::ShuttingDown,
        };
        Self::new(kind, crate::causes::with_causes(&error))
    }
}

async fn history(parts: Arc<Parts>, params: HistoryParams, _: Caller) -> Result<HistoryReply, Failure> {
    let HistoryParams { wallet, address, limit, before } = params;
    let account = receipt::coldkey(&parts, wallet, address.map(Coldkey)).await?.account();
    let genesis = if let Some(genesis) = parts.link.genesis() {
        genesis
    } else {
        // Of which chain it would be is not known: as for every read, with what is wrong with the chain.
        receipt::view(&parts.link).await?;
        parts.link.genesis().ok_or_else(|| receipt::warming_up("which chain it is"))?
    };
    // Before any entry is read: what came after this block is not held to be told.
    let at = parts.link.finalized().map(|block| receipt::at(Stamp::of(block, &parts.link), &parts.link));
    let limit = limit.unwrap_or(USUAL).clamp(1, MOST);
    let mut lines = Vec::new();
    let mut place = before;
    let is_enough = |lines: &[HistoryEntry]| u32::try_from(lines.len()).is_ok_and(|lines| lines >= limit);
    // Events that another one repeats, or that say nothing, make no line: it is read on until there are enough.
    let next = loop {
        if is_enough(&lines) {
            break place;
        }
        let size = limit.max(AT_ONCE);
        let mut page = parts.ledger.entries(genesis, account, place, size.saturating_add(1)).await?;
        let has_more = usize::try_from(size).is_ok_and(|size| page.len() > size);
        page.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let (Some(newest), Some(oldest)) = (page.first(), page.last()) else { break None };
        // What an event means, its neighbours tell: they may stand on another page.
        let around = parts.ledger.entries_within(genesis, account, (oldest.block, newest.block)).await?;
        let meanings = meaning::of(account, &around);
        let mut page = page.into_iter();
        for entry in page.by_ref() {
            place = Some(Cursor { block: entry.block, index: entry.index });
            let what = meanings.get(&(entry.block, entry.index)).cloned().unwrap_or(Some(Happening::Event));
            lines.extend(what.map(|what| line((entry, what))));
            if is_enough(&lines) {
                break;
            }
        }
        if page.as_slice().is_empty() && !has_more {
            break None;
        }
    };
    let known = parts.ledger.known(genesis, account).await?;
    Ok(HistoryReply {
        at,
        account,
        next,
        entries: lines,
        covered: known.spans.into_iter().map(|Span { first, last }| Coverage { first, last }).collect(),
        holes: known.holes.into_iter().map(|hole| hole_of(&hole)).collect(),
        cut: known.cut,
    })
}

fn hole_of(hole: &ledger::Hole) -> Hole {
    Hole { first: hole.span.first, last: hole.span.last, why: hole.why }
}

fn line((entry, what): (Entry, Happening)) -> HistoryEntry {
    HistoryEntry {
        block: entry.block,
        time_ms: entry.time_ms,
        index: entry.index,
        extrinsic: entry.extrinsic,
        what,
        event: receipt::event(entry.event),
    }
}
