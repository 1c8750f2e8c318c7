//! Which events a caller wants: a pure decision over decoded events.
//!
//! A subnet or an account is looked for where events name one: in a field of that name, whatever the pallet, and in
//! the places where pallet_subtensor's unnamed fields have one (`crate::metagraph::named_by`).

use btd_api::{AccountId, NetUid, chain::EventFilter, events::SubscribeEventsParams};
use btd_chain::{Event, FinalizedBlock};
use serde_json::Value as Json;

use crate::metagraph;

/// What is wanted; what is left out does not restrict.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pallet: Option<String>,
    event: Option<String>,
    netuid: Option<NetUid>,
    account: Option<AccountId>,
}

impl From<EventFilter> for Wanted {
    fn from(filter: EventFilter) -> Self {
        let EventFilter { pallet, event, netuid, account } = filter;
        Self { pallet, event, netuid, account }
    }
}

impl From<&SubscribeEventsParams> for Wanted {
    fn from(params: &SubscribeEventsParams) -> Self {
        let SubscribeEventsParams { pallet, event, netuid, account, .. } = params.clone();
        Self { pallet, event, netuid, account }
    }
}

// === impl Wanted ===

impl Wanted {
    /// The wanted events of a block with their places in it.
    pub(super) fn of<'b>(&'b self, block: &'b FinalizedBlock) -> impl Iterator<Item = (u32, &'b Event)> + 'b {
        (0..).zip(&block.events).filter(|(_, event)| self.wants(event, block))
    }

    fn wants(&self, event: &Event, block: &FinalizedBlock) -> bool {
        let is = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
        is(&self.pallet, &event.pallet)
            && is(&self.event, &event.name)
            && self.netuid.is_none_or(|netuid| {
                event.fields.get("netuid") == Some(&netuid.0.into()) || metagraph::named_by(event).contains(&netuid)
            })
            && self.account.is_none_or(|account| {
                names(&event.fields, &account.to_string()) || signer(event, block) == Some(account)
            })
    }
}

/// Who signed the extrinsic that caused the event.
fn signer(event: &Event, block: &FinalizedBlock) -> Option<AccountId> {
    block.extrinsics.get(usize::try_from(event.extrinsic?).ok()?)?.signer
}

/// Whether `address` stands anywhere among the fields.
fn names(fields: &Json, address: &str) -> bool {
    match fields {
        Json::String(text) => text == address,
        Json::Array(items) => items.iter().any(|item| names(item, address)),
        Json::Object(members) => members.values().any(|member| names(member, address)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockHash, BlockNumber};
    use btd_chain::{BlockRef, Extrinsic, ExtrinsicHash};
    use serde_json::json;

    use super::*;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[test]
    fn events_are_found_by_what_they_name() {
        let alice = AccountId([1; 32]);
        let event = |pallet: &str, name: &str, fields, extrinsic| Event {
            pallet: pallet.to_owned(),
            name: name.to_owned(),
            fields,
            subnets: std::collections::BTreeSet::new(),
            extrinsic,
        };
        let block = FinalizedBlock {
            block: BlockRef { number: BlockNumber(9), hash: BlockHash([9; 32]) },
            parent: BlockHash([8; 32]),
            timestamp_ms: None,
            spec_version: Some(425),
            extrinsics: vec![Extrinsic {
                index: 0,
                hash: ExtrinsicHash::of(b""),
                signer: Some(alice),
                call: None,
                result: None,
                fee: None,
            }],
            events: vec![
                event("Balances", "Transfer", json!({ "from": alice.to_string(), "to": BOB }), Some(0)),
                event("SubtensorModule", "WeightsSet", json!([4096 + 5, 1]), Some(0)),
                event("SubtensorModule", "NeuronRegistered", json!([3, 7, BOB]), None),
                event("Proxy", "Announced", json!({ "real": { "Id": BOB } }), None),
                event("Commitments", "Commitment", json!({ "netuid": 5, "who": alice.to_string() }), None),
                event("Swap", "FeeRateSet", json!({ "netuid": 3, "rate": 5 }), None),
            ],
            illegible: vec![],
        };
        let found = |wanted: Wanted| wanted.of(&block).map(|(index, _)| index).collect::<Vec<_>>();
        assert_eq!(found(Wanted::default()), [0, 1, 2, 3, 4, 5]);
        assert_eq!(found(Wanted { pallet: Some("SubtensorModule".to_owned()), ..Wanted::default() }), [1, 2]);
        assert_eq!(found(Wanted { event: Some("Transfer".to_owned()), ..Wanted::default() }), [0]);
        assert_eq!(found(Wanted { netuid: Some(NetUid(5)), ..Wanted::default() }), [1, 4]);
        assert_eq!(found(Wanted { netuid: Some(NetUid(3)), ..Wanted::default() }), [2, 5]);
        assert_eq!(found(Wanted { account: Some(BOB.parse().unwrap()), ..Wanted::default() }), [0, 2, 3]);
        // Alice signed what set the weights.
        assert_eq!(found(Wanted { account: Some(alice), ..Wanted::default() }), [0, 1, 4]);
    }
}
