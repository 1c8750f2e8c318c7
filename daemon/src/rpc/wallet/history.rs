//! What happened to an account, from the ledger: events as they are, and what the usual ones mean.
//!
//! The places of pallet_subtensor's unnamed fields are those of spec 425; an event whose fields are
//! others is told as it is.

use std::sync::Arc;

use btd_api::{
    AccountId, Alpha, Coldkey, ErrorKind, Hotkey, NetUid, Tao,
    wallet::history::{Coverage, Cursor, Happening, History, HistoryEntry, HistoryParams, HistoryReply, Hole},
};
use btd_chain::Event;
use serde_json::Value as Json;

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
    let mut entries = parts.ledger.entries(genesis, account, before, limit.saturating_add(1)).await?;
    let known = parts.ledger.known(genesis, account).await?;
    let has_more = usize::try_from(limit).is_ok_and(|limit| entries.len() > limit);
    if has_more {
        entries.pop();
    }
    let place = |entry: &Entry| Cursor { block: entry.block, index: entry.index };
    Ok(HistoryReply {
        account,
        next: entries.last().filter(|_| has_more).map(place),
        entries: entries.into_iter().map(entry).collect(),
        covered: known.spans.into_iter().map(|Span { first, last }| Coverage { first, last }).collect(),
        holes: known.holes.into_iter().map(|hole| hole_of(&hole)).collect(),
        cut: known.cut,
    })
}

fn hole_of(hole: &ledger::Hole) -> Hole {
    Hole { first: hole.span.first, last: hole.span.last, why: hole.why }
}

fn entry(entry: Entry) -> HistoryEntry {
    HistoryEntry {
        block: entry.block,
        time_ms: entry.time_ms,
        index: entry.index,
        extrinsic: entry.extrinsic,
        what: meaning(&entry.event, entry.account).unwrap_or(Happening::Event),
        event: receipt::event(entry.event),
    }
}

/// What `event` means for `account`.
fn meaning(event: &Event, account: AccountId) -> Option<Happening> {
    let field = |name: &str, place: usize| event.fields.get(name).or_else(|| event.fields.get(place));
    let text = |name, place| field(name, place).and_then(Json::as_str);
    let who = |name, place| text(name, place).and_then(|text| text.parse::<AccountId>().ok());
    let number = |name, place| {
        let value = field(name, place)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    let netuid = |name, place| number(name, place).and_then(|number| u16::try_from(number).ok()).map(NetUid);
    match (event.pallet.as_str(), event.name.as_str()) {
        ("Balances", "Transfer") => {
            let (from, to) = (who("from", 0)?, who("to", 1)?);
            let amount = Tao::from_rao(number("amount", 2)?);
            Some(if to == account {
                Happening::Received { from: Coldkey(from), amount }
            } else {
                Happening::Sent { to: Coldkey(to), amount }
            })
        }
        ("TransactionPayment", "TransactionFeePaid") => {
            // The tip is part of it.
            Some(Happening::Fee { amount: Tao::from_rao(number("actual_fee", 1)?) })
        }
        ("SubtensorModule", name @ ("StakeAdded" | "StakeRemoved")) => {
            let (hotkey, netuid) = (Hotkey(who("hotkey", 1)?), netuid("netuid", 4)?);
            let (tao, alpha) = (Tao::from_rao(number("tao", 2)?), Alpha::from_rao(number("alpha", 3)?));
            Some(match name {
                "StakeAdded" => Happening::StakeAdded { hotkey, netuid, tao, alpha },
                _ => Happening::StakeRemoved { hotkey, netuid, tao, alpha },
            })
        }
        ("SubtensorModule", "NeuronRegistered") => {
            Some(Happening::Registered { hotkey: Hotkey(who("hotkey", 2)?), netuid: netuid("netuid", 0)? })
        }
        ("System", "ExtrinsicFailed") => Some(Happening::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[test]
    fn the_usual_events_have_a_meaning() {
        let means = |pallet: &str, name: &str, fields: Json, account: &str| {
            let event = Event { pallet: pallet.to_owned(), name: name.to_owned(), fields, extrinsic: Some(1) };
            meaning(&event, account.parse().unwrap())
        };
        let (amount, alice, bob) = (Tao::from_rao(5), ALICE.parse().unwrap(), BOB.parse().unwrap());
        let transfer = || json!({ "from": ALICE, "to": BOB, "amount": "5" });
        assert_eq!(means("Balances", "Transfer", transfer(), ALICE), Some(Happening::Sent { to: bob, amount }));
        assert_eq!(means("Balances", "Transfer", transfer(), BOB), Some(Happening::Received { from: alice, amount }));
        let fee = json!({ "who": ALICE, "actual_fee": "5", "tip": "1" });
        assert_eq!(means("TransactionPayment", "TransactionFeePaid", fee, ALICE), Some(Happening::Fee { amount }));
        let staked = json!([ALICE, BOB, "5", "7", 2, "0"]);
        let (hotkey, alpha) = (BOB.parse().unwrap(), Alpha::from_rao(7));
        let added = Happening::StakeAdded { hotkey, netuid: NetUid(2), tao: amount, alpha };
        assert_eq!(means("SubtensorModule", "StakeAdded", staked, ALICE), Some(added));
        let registered = Happening::Registered { hotkey, netuid: NetUid(1) };
        assert_eq!(means("SubtensorModule", "NeuronRegistered", json!([1, 0, BOB]), BOB), Some(registered));
        assert_eq!(means("SubtensorModule", "StakeAdded", json!(["x"]), ALICE), None);
        assert_eq!(means("Proxy", "ProxyAdded", json!({}), ALICE), None);
    }
}
