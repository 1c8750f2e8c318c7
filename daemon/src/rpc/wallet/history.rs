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
};

/// How many are told when nobody says how many.
const USUAL: u32 = 50;
/// How many are told at most.
const MOST: u32 = 1000;

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
    let genesis = parts.link.genesis().ok_or_else(|| receipt::warming_up("the chain"))?;
    let limit = limit.unwrap_or(USUAL).clamp(1, MOST);
    let mut lines = Vec::new();
    let mut place = before;
    // Events that another one repeats make no line: it is read on until there are enough.
    let next = loop {
        let wanted = limit.saturating_sub(u32::try_from(lines.len()).unwrap_or(u32::MAX));
        if wanted == 0 {
            break place;
        }
        let mut page = parts.ledger.entries(genesis, account, place, wanted.saturating_add(1)).await?;
        let has_more = usize::try_from(wanted).is_ok_and(|wanted| page.len() > wanted);
        page.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        let (Some(newest), Some(oldest)) = (page.first(), page.last()) else { break None };
        place = Some(Cursor { block: oldest.block, index: oldest.index });
        // What an event means, its neighbours tell: they may stand on another page.
        let around = parts.ledger.entries_within(genesis, account, (oldest.block, newest.block)).await?;
        let meanings = meaning::of(account, &around);
        lines.extend(page.into_iter().filter_map(|entry| {
            let what = meanings.get(&(entry.block, entry.index)).cloned().unwrap_or(Some(Happening::Event));
            Some(line((entry, what?)))
        }));
        if !has_more {
            break None;
        }
    };
    let known = parts.ledger.known(genesis, account).await?;
    Ok(HistoryReply {
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
