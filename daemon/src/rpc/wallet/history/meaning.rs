//! What events mean for an account: each time its free balance changes is told once.
//!
//! Pure: the events of whole blocks go in, as the ledger has them for one account. A purchase or sale of stake comes
//! with a transfer between the coldkey and the subnet's account, and is told as one thing; without that transfer the
//! stake only changed its place or owner, and no tao moved. The places of pallet_subtensor's unnamed fields are those
//! of spec 425; an event whose fields are others is told as it is.

use std::collections::BTreeMap;

use btd_api::{AccountId, Alpha, BlockNumber, Coldkey, Hotkey, NetUid, Tao, wallet::history::Happening};
use btd_chain::Event;
use serde_json::Value as Json;

use crate::ledger::Entry;

/// What each event means, by its block and its place there; none where another event tells it, or it says nothing.
pub(super) type Meanings = BTreeMap<(BlockNumber, u32), Option<Happening>>;

/// What `entries` mean for `account`. They are all that there is of their blocks, in any order.
pub(super) fn of(account: AccountId, entries: &[Entry]) -> Meanings {
    let mut meanings: Meanings =
        entries.iter().map(|entry| ((entry.block, entry.index), by_itself(&entry.event, account))).collect();
    let mut trades: Vec<(&Entry, Trade)> =
        entries.iter().filter_map(|entry| Some((entry, trade(&entry.event, account)?))).collect();
    trades.sort_by_key(|(entry, _)| (entry.block, entry.index));
    for (entry, trade) in trades {
        let told = |other: &&Entry| matches!(meanings.get(&(other.block, other.index)), Some(Some(_)));
        let same = |other: &&Entry| other.block == entry.block && other.event.extrinsic == entry.event.extrinsic;
        // The tao goes before the stake is told of.
        let before = |other: &&Entry| same(other) && other.index < entry.index;
        let paid = entries.iter().filter(before).filter(told).filter(|other| trade.is_paid_by(&other.event, account));
        let paid = paid.min_by_key(|other| other.index.abs_diff(entry.index)).map(|other| (other.block, other.index));
        match paid {
            Some(transfer) => {
                meanings.insert(transfer, None);
            }
            None if trade.is_free => {
                meanings.insert((entry.block, entry.index), Some(trade.without_tao()));
            }
            None => {}
        }
    }
    meanings
}

/// What an event means by itself; none for one that says nothing. The chain claims root dividends for accounts in turn,
/// every few blocks, and tells of each time neither how much it was nor of what subnet.
fn by_itself(event: &Event, account: AccountId) -> Option<Happening> {
    let says_nothing =
        event.extrinsic.is_none() && (event.pallet.as_str(), event.name.as_str()) == ("SubtensorModule", "RootClaimed");
    (!says_nothing).then(|| meaning(event, account))
}

/// Stake of the account that grew or shrank.
#[derive(Clone, Copy, Debug)]
struct Trade {
    side: Side,
    hotkey: Hotkey,
    netuid: NetUid,
    tao: Tao,
    alpha: Alpha,
    /// The pool took no fee.
    is_free: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Added,
    Removed,
}

// === impl Trade ===

impl Trade {
    /// Whether `event` is the transfer of this trade's tao.
    fn is_paid_by(&self, event: &Event, account: AccountId) -> bool {
        let Some((from, to, amount)) = transfer(event) else { return false };
        let payer = match self.side {
            Side::Added => from,
            Side::Removed => to,
        };
        from != to && payer == account && amount == self.tao
    }

    fn with_tao(self) -> Happening {
        let Self { hotkey, netuid, tao, alpha, .. } = self;
        match self.side {
            Side::Added => Happening::StakeAdded { hotkey, netuid, tao, alpha },
            Side::Removed => Happening::StakeRemoved { hotkey, netuid, tao, alpha },
        }
    }

    fn without_tao(self) -> Happening {
        let Self { hotkey, netuid, alpha, .. } = self;
        match self.side {
            Side::Added => Happening::StakeArrived { hotkey, netuid, alpha },
            Side::Removed => Happening::StakeLeft { hotkey, netuid, alpha },
        }
    }
}

/// A field by its name or, where fields have none, its place.
fn field<'e>(event: &'e Event, name: &str, place: usize) -> Option<&'e Json> {
    event.fields.get(name).or_else(|| event.fields.get(place))
}

fn who(event: &Event, name: &str, place: usize) -> Option<AccountId> {
    field(event, name, place)?.as_str()?.parse().ok()
}

fn number(event: &Event, name: &str, place: usize) -> Option<u64> {
    let value = field(event, name, place)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn netuid(event: &Event, name: &str, place: usize) -> Option<NetUid> {
    u16::try_from(number(event, name, place)?).ok().map(NetUid)
}

/// From whom, to whom, and how much.
fn transfer(event: &Event) -> Option<(AccountId, AccountId, Tao)> {
    if (event.pallet.as_str(), event.name.as_str()) != ("Balances", "Transfer") {
        return None;
    }
    Some((who(event, "from", 0)?, who(event, "to", 1)?, Tao::from_rao(number(event, "amount", 2)?)))
}

/// Stake of `account` that `event` tells of: not what others have behind it as their hotkey.
fn trade(event: &Event, account: AccountId) -> Option<Trade> {
    let side = match (event.pallet.as_str(), event.name.as_str()) {
        ("SubtensorModule", "StakeAdded") => Side::Added,
        ("SubtensorModule", "StakeRemoved") => Side::Removed,
        _ => return None,
    };
    let hotkey = Hotkey(who(event, "hotkey", 1)?);
    let (tao, alpha) = (Tao::from_rao(number(event, "tao", 2)?), Alpha::from_rao(number(event, "alpha", 3)?));
    let (netuid, is_free) = (netuid(event, "netuid", 4)?, number(event, "fee", 5) == Some(0));
    (who(event, "coldkey", 0)? == account).then_some(Trade { side, hotkey, netuid, tao, alpha, is_free })
}

/// What `event` means for `account`, taken by itself.
fn meaning(event: &Event, account: AccountId) -> Happening {
    recognised(event, account).unwrap_or(Happening::Event)
}

fn recognised(event: &Event, account: AccountId) -> Option<Happening> {
    let is_own = |name, place| who(event, name, place) == Some(account);
    match (event.pallet.as_str(), event.name.as_str()) {
        ("Balances", "Transfer") => match transfer(event)? {
            // What one gives to oneself moves nothing.
            (from, to, _) if from == to => None,
            (from, to, amount) if to == account => Some(Happening::Received { from: Coldkey(from), amount }),
            (from, to, amount) if from == account => Some(Happening::Sent { to: Coldkey(to), amount }),
            _ => None,
        },
        ("Balances", "Reserved") if is_own("who", 0) => {
            Some(Happening::Reserved { amount: Tao::from_rao(number(event, "amount", 1)?) })
        }
        ("Balances", "Unreserved") if is_own("who", 0) => {
            Some(Happening::Unreserved { amount: Tao::from_rao(number(event, "amount", 1)?) })
        }
        ("TransactionPayment", "TransactionFeePaid") if is_own("who", 0) => {
            // The tip is part of it.
            Some(Happening::Fee { amount: Tao::from_rao(number(event, "actual_fee", 1)?) })
        }
        ("SubtensorModule", "StakeAdded" | "StakeRemoved") => trade(event, account).map(Trade::with_tao),
        ("SubtensorModule", "NeuronRegistered") => Some(Happening::Registered {
            hotkey: Hotkey(who(event, "hotkey", 2)?),
            netuid: netuid(event, "netuid", 0)?,
        }),
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
    const POOL: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";

    fn event(pallet: &str, name: &str, fields: Json) -> Event {
        let (pallet, name) = (pallet.to_owned(), name.to_owned());
        Event { pallet, name, fields, subnets: std::collections::BTreeSet::new(), extrinsic: Some(1) }
    }

    fn sent(from: &str, to: &str, amount: u64) -> Event {
        event("Balances", "Transfer", json!({ "from": from, "to": to, "amount": amount.to_string() }))
    }

    fn stake(name: &str, coldkey: &str, (tao, alpha): (u64, u64), fee: u64) -> Event {
        let (tao, alpha, fee) = (tao.to_string(), alpha.to_string(), fee.to_string());
        event("SubtensorModule", name, json!([coldkey, ALICE, tao, alpha, 2, fee]))
    }

    /// What the lines of one block, oldest first, tell `account`.
    fn told(events: &[Event], account: &str) -> Vec<Happening> {
        let account: AccountId = account.parse().unwrap();
        let names = |event: &&Event| event.fields.to_string().contains(&account.to_string());
        let entry = |(index, event): (u32, &Event)| Entry {
            block: BlockNumber(7),
            time_ms: None,
            index,
            account,
            extrinsic: None,
            event: event.clone(),
        };
        let entries: Vec<Entry> = (0..).zip(events).filter(|(_, event)| names(event)).map(entry).collect();
        of(account, &entries).into_values().flatten().collect()
    }

    /// What the lines do to the free balance.
    fn moved(lines: &[Happening]) -> i64 {
        let rao = |amount: &Tao| i64::try_from(amount.rao()).unwrap();
        let change = |line: &Happening| match line {
            Happening::Received { amount, .. } | Happening::Unreserved { amount } => rao(amount),
            Happening::Sent { amount, .. } | Happening::Fee { amount } | Happening::Reserved { amount } => -rao(amount),
            Happening::StakeAdded { tao, .. } => -rao(tao),
            Happening::StakeRemoved { tao, .. } => rao(tao),
            Happening::StakeArrived { .. }
            | Happening::StakeLeft { .. }
            | Happening::Registered { .. }
            | Happening::Failed
            | Happening::Event => 0,
        };
        lines.iter().map(change).sum()
    }

    #[test]
    fn what_the_chain_claims_by_itself_is_left_out() {
        let claimed = event("SubtensorModule", "RootClaimed", json!({ "coldkey": ALICE }));
        assert_eq!(told(std::slice::from_ref(&claimed), ALICE), [Happening::Event]);
        assert_eq!(told(&[Event { extrinsic: None, ..claimed }], ALICE), []);
    }

    #[test]
    fn the_usual_events_have_a_meaning() {
        let means = |event: Event, account: &str| meaning(&event, account.parse().unwrap());
        let (amount, alice, bob) = (Tao::from_rao(5), ALICE.parse().unwrap(), BOB.parse().unwrap());
        assert_eq!(means(sent(ALICE, BOB, 5), ALICE), Happening::Sent { to: bob, amount });
        assert_eq!(means(sent(ALICE, BOB, 5), BOB), Happening::Received { from: alice, amount });
        assert_eq!(means(sent(ALICE, ALICE, 5), ALICE), Happening::Event);
        let fee =
            event("TransactionPayment", "TransactionFeePaid", json!({ "who": ALICE, "actual_fee": "5", "tip": "1" }));
        assert_eq!(means(fee.clone(), ALICE), Happening::Fee { amount });
        assert_eq!(means(fee, BOB), Happening::Event);
        let held = |name| event("Balances", name, json!({ "who": ALICE, "amount": "5" }));
        assert_eq!(means(held("Reserved"), ALICE), Happening::Reserved { amount });
        assert_eq!(means(held("Unreserved"), ALICE), Happening::Unreserved { amount });
        let hotkey = BOB.parse().unwrap();
        let registered = Happening::Registered { hotkey, netuid: NetUid(1) };
        assert_eq!(means(event("SubtensorModule", "NeuronRegistered", json!([1, 0, BOB])), BOB), registered);
        for strange in [event("SubtensorModule", "StakeAdded", json!(["x"])), event("Proxy", "ProxyAdded", json!({}))] {
            assert_eq!(means(strange, ALICE), Happening::Event);
        }
    }

    #[test]
    fn what_is_paid_for_stake_is_told_once_and_to_the_payer_alone() {
        let bought = [sent(BOB, POOL, 5), stake("StakeAdded", BOB, (5, 7), 1)];
        let (hotkey, netuid) = (ALICE.parse().unwrap(), NetUid(2));
        let (tao, alpha) = (Tao::from_rao(5), Alpha::from_rao(7));
        assert_eq!(told(&bought, BOB), [Happening::StakeAdded { hotkey, netuid, tao, alpha }]);
        // The hotkey behind which it stands pays nothing.
        assert_eq!(told(&bought, ALICE), [Happening::Event]);
        let sold = [sent(POOL, BOB, 5), stake("StakeRemoved", BOB, (5, 7), 0)];
        assert_eq!(told(&sold, BOB), [Happening::StakeRemoved { hotkey, netuid, tao, alpha }]);
        // Twice the same in one batch is paid twice.
        let twice = [bought.clone(), bought].concat();
        assert_eq!(told(&twice, BOB).len(), 2);
        assert_eq!(moved(&told(&twice, BOB)), -10);
    }

    #[test]
    fn stake_that_changes_its_place_or_owner_moves_no_tao() {
        let (hotkey, netuid, alpha) = (ALICE.parse().unwrap(), NetUid(2), Alpha::from_rao(7));
        let given = [
            stake("StakeRemoved", ALICE, (5, 7), 0),
            stake("StakeAdded", BOB, (5, 7), 0),
            event("SubtensorModule", "StakeTransferred", json!([ALICE, BOB, ALICE, 2, 2, "5"])),
        ];
        assert_eq!(told(&given, BOB), [Happening::StakeArrived { hotkey, netuid, alpha }, Happening::Event]);
        assert_eq!(told(&given, ALICE)[0], Happening::StakeLeft { hotkey, netuid, alpha });
        // A fee that is paid in alpha is sold for somebody else.
        let fee = [sent(POOL, ALICE, 5), stake("StakeRemoved", BOB, (5, 7), 0)];
        assert_eq!(told(&fee, BOB), [Happening::StakeLeft { hotkey, netuid, alpha }]);
    }

    #[test]
    fn stake_that_is_given_across_subnets_passes_through_both_balances() {
        let given = [
            sent(POOL, ALICE, 5),
            stake("StakeRemoved", ALICE, (5, 7), 1),
            sent(ALICE, BOB, 5),
            sent(BOB, POOL, 5),
            stake("StakeAdded", BOB, (5, 9), 0),
        ];
        for account in [ALICE, BOB] {
            let lines = told(&given, account);
            assert_eq!(moved(&lines), 0, "{account}: {lines:?}");
            let transfers =
                lines.iter().filter(|line| matches!(line, Happening::Sent { .. } | Happening::Received { .. }));
            assert_eq!(transfers.count(), 1, "{account}: {lines:?}");
        }
    }
}
