//! What a call says of its fee: in whose names it is made, and of which positions it takes how much.
//!
//! It is read as the chain tells it, and judged by nothing. Semantics: subtensor, spec 425.

use btd_api::{AccountId, Alpha, Coldkey, Hotkey, NetUid, stake::Fill};
use btd_chain::DecodedCall;
use serde_json::Value as Json;

use super::taken::{End, Measure, Taken};
use crate::submit::need::{SUBTENSOR, integer};

const BATCHES: [&str; 3] = ["batch", "batch_all", "force_batch"];
/// Wrappers that the chain looks into for calls that may be paid for in alpha.
const GREATEST_DEPTH: u8 = 2;
/// Calls that may be paid for in alpha of the position that they name: the arguments that name its hotkey and its subnet,
/// and how much they take. One takes all.
const PAYING: [(&str, &str, &str, Option<&str>); 9] = [
    ("burn_alpha", "hotkey", "netuid", Some("amount")),
    ("move_stake", "origin_hotkey", "origin_netuid", Some("alpha_amount")),
    ("recycle_alpha", "hotkey", "netuid", Some("amount")),
    ("remove_stake", "hotkey", "netuid", Some("amount_unstaked")),
    ("remove_stake_full_limit", "hotkey", "netuid", None),
    (EXACT, "hotkey", "netuid", Some("amount_unstaked")),
    ("swap_stake", "hotkey", "origin_netuid", Some("alpha_amount")),
    ("swap_stake_limit", "hotkey", "origin_netuid", Some("alpha_amount")),
    ("transfer_stake", "hotkey", "origin_netuid", Some("alpha_amount")),
];
/// Of these the only one that fails where it names more than there is; the others take what there is.
const EXACT: &str = "remove_stake_limit";
/// The same of every position behind a hotkey on a subnet that was started, as a whole.
const EVERYWHERE: [&str; 2] = ["unstake_all", "unstake_all_alpha"];

/// The arguments of a call that has none.
const NOTHING: &Json = &Json::Null;

/// A call as the chain tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pallet: &'a str,
    call: &'a str,
    args: &'a Json,
}

/// What a call says of the positions that may pay for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) hotkey: Hotkey,
    /// None for all subnets.
    pub(super) netuid: Option<NetUid>,
    /// The account that makes the call.
    pub(super) maker: AccountId,
    /// What it takes out of the maker's position; none where that is the whole position.
    pub(super) taken: Option<Taken>,
}

// === impl Told ===

impl<'a> Told<'a> {
    pub(super) fn of(call: &'a DecodedCall) -> Self {
        Self { pallet: &call.pallet, call: &call.call, args: &call.args }
    }

    /// A call inside another: `{ "Pallet": { "call": { .. } } }`.
    fn inside(told: &'a Json) -> Option<Self> {
        let only = |told: &'a Json| told.as_object().filter(|members| members.len() == 1)?.iter().next();
        let (pallet, rest) = only(told)?;
        match rest {
            Json::String(call) => Some(Self { pallet, call, args: NOTHING }),
            rest => only(rest).map(|(call, args)| Self { pallet, call, args }),
        }
    }

    /// In whose name a proxy makes a call, and the call.
    pub(super) fn proxied(self) -> Option<(AccountId, Self)> {
        if (self.pallet, self.call) != ("Proxy", "proxy") {
            return None;
        }
        Some((self.account("real")?, Self::inside(self.args.get("call")?)?))
    }

    /// The calls of a batch; none where it is none.
    fn batched(self) -> Option<Vec<Self>> {
        if self.pallet != "Utility" || !BATCHES.contains(&self.call) {
            return None;
        }
        Some(self.args.get("calls")?.as_array()?.iter().filter_map(Self::inside).collect())
    }

    /// The one account in whose name all calls of a batch are made.
    pub(super) fn one_name(self) -> Option<AccountId> {
        let calls = self.batched()?;
        let (real, _) = calls.first()?.proxied()?;
        calls.iter().all(|call| call.proxied().is_some_and(|(other, _)| other == real)).then_some(real)
    }

    /// What this call, made by `maker`, and those inside it say of positions that may pay for it.
    pub(super) fn positions(self, maker: AccountId) -> Vec<Named> {
        let mut named = Vec::new();
        self.add_positions(maker, GREATEST_DEPTH, &mut named);
        named
    }

    fn add_positions(self, maker: AccountId, depth: u8, named: &mut Vec<Named>) {
        if self.pallet == SUBTENSOR {
            named.extend(self.named(maker));
        } else if let Some(depth) = depth.checked_sub(1) {
            if let Some((real, inner)) = self.proxied() {
                inner.add_positions(real, depth, named);
            }
            for inner in self.batched().into_iter().flatten() {
                inner.add_positions(maker, depth, named);
            }
        }
    }

    fn named(self, maker: AccountId) -> Option<Named> {
        if EVERYWHERE.contains(&self.call) {
            return Some(Named { hotkey: Hotkey(self.account("hotkey")?), netuid: None, maker, taken: None });
        }
        let (call, hotkey, netuid, amount) = PAYING.iter().find(|(call, ..)| *call == self.call)?;
        let (hotkey, netuid) = (Hotkey(self.account(hotkey)?), self.netuid(netuid)?);
        let is_partial = self.args.get("allow_partial") == Some(&Json::Bool(true));
        let fill = if is_partial { Fill::Partial } else { Fill::Whole };
        let measure = if *call == EXACT { Measure::Exactly(fill) } else { Measure::UpTo };
        let alpha = amount.and_then(|amount| integer(self.args.get(amount)?)).map(Alpha::from_rao);
        let taken = alpha.map(|alpha| Taken { alpha, measure, end: self.end(netuid, maker) });
        Some(Named { hotkey, netuid: Some(netuid), maker, taken })
    }

    /// Where that goes which the call takes from `origin`.
    fn end(self, origin: NetUid, maker: AccountId) -> End {
        if self.netuid("destination_netuid") != Some(origin) {
            return End::Leaves;
        }
        match self.account("destination_coldkey").filter(|dest| *dest != maker) {
            Some(dest) => End::Given(Coldkey(dest)),
            None => End::Stays,
        }
    }

    /// An account among the arguments, alone or as the address that it is.
    fn account(self, name: &str) -> Option<AccountId> {
        let told = self.args.get(name)?;
        told.as_str().or_else(|| told.get("Id")?.as_str())?.parse().ok()
    }

    fn netuid(self, name: &str) -> Option<NetUid> {
        u16::try_from(integer(self.args.get(name)?)?).ok().map(NetUid)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SIGNER: AccountId = AccountId([1; 32]);
    const REAL: AccountId = AccountId([2; 32]);
    const HOTKEY: Hotkey = Hotkey(AccountId([3; 32]));
    const ALL: Named = Named { hotkey: HOTKEY, netuid: Some(NetUid(2)), maker: SIGNER, taken: None };

    fn named(call: &Json) -> Vec<Named> {
        Told::inside(call).unwrap().positions(SIGNER)
    }

    fn taking(measure: Measure, end: End) -> Named {
        Named { taken: Some(Taken { alpha: Alpha::from_rao(7), measure, end }), ..ALL }
    }

    fn sale(call: &str) -> Json {
        json!({ SUBTENSOR: { call: { "hotkey": HOTKEY, "netuid": 2, "amount_unstaked": "7" } } })
    }

    fn proxied(real: AccountId, call: &Json) -> Json {
        json!({ "Proxy": { "proxy": { "real": { "Id": real }, "force_proxy_type": null, "call": call } } })
    }

    fn batch(calls: &[Json]) -> Json {
        json!({ "Utility": { "batch_all": { "calls": calls } } })
    }

    #[test]
    fn what_sells_stake_names_the_position_that_may_pay_and_how_much_it_takes() {
        assert_eq!(named(&sale("remove_stake")), [taking(Measure::UpTo, End::Leaves)]);
        let limited = |partial: bool| {
            json!({ SUBTENSOR: { "remove_stake_limit": {
                "hotkey": HOTKEY, "netuid": 2, "amount_unstaked": "7", "limit_price": "1", "allow_partial": partial,
            } } })
        };
        // That one fails where it names more than there is.
        for (partial, fill) in [(false, Fill::Whole), (true, Fill::Partial)] {
            assert_eq!(named(&limited(partial)), [taking(Measure::Exactly(fill), End::Leaves)]);
        }
        let burnt = json!({ SUBTENSOR: { "burn_alpha": { "hotkey": HOTKEY, "netuid": 2, "amount": "7" } } });
        assert_eq!(named(&burnt), [taking(Measure::UpTo, End::Leaves)]);
        // What names no amount takes whatever is left.
        let whole =
            json!({ SUBTENSOR: { "remove_stake_full_limit": { "hotkey": HOTKEY, "netuid": 2, "limit_price": null } } });
        assert_eq!(named(&whole), [ALL]);
        let all = json!({ SUBTENSOR: { "unstake_all": { "hotkey": HOTKEY } } });
        assert_eq!(named(&all), [Named { netuid: None, ..ALL }]);
        assert_eq!(named(&sale("add_stake")), []);
        assert_eq!(named(&json!({ "Proxy": "remove_proxies" })), []);
    }

    #[test]
    fn what_moves_stake_leaves_its_subnet_or_stays_there() {
        let moved = |netuid: u16| {
            json!({ SUBTENSOR: { "move_stake": {
                "origin_hotkey": HOTKEY, "destination_hotkey": REAL, "origin_netuid": 2, "destination_netuid": netuid,
                "alpha_amount": "7",
            } } })
        };
        let given = |to: AccountId, netuid: u16| {
            json!({ SUBTENSOR: { "transfer_stake": {
                "destination_coldkey": to, "hotkey": HOTKEY, "origin_netuid": 2, "destination_netuid": netuid,
                "alpha_amount": "7",
            } } })
        };
        for (call, end) in [
            (moved(5), End::Leaves),
            (moved(2), End::Stays),
            (given(REAL, 5), End::Leaves),
            (given(REAL, 2), End::Given(Coldkey(REAL))),
            (given(SIGNER, 2), End::Stays),
        ] {
            assert_eq!(named(&call), [taking(Measure::UpTo, end)], "{call}");
        }
    }

    #[test]
    fn calls_are_looked_for_two_wrappers_deep() {
        let one = Named { maker: REAL, ..taking(Measure::UpTo, End::Leaves) };
        let sale = sale("remove_stake");
        let inside = proxied(REAL, &batch(std::slice::from_ref(&sale)));
        assert_eq!(named(&inside), [one]);
        assert_eq!(named(&batch(&[sale.clone(), sale.clone()])).len(), 2);
        assert_eq!(named(&proxied(REAL, &inside)), []);
    }

    #[test]
    fn a_batch_in_one_name_has_one() {
        let call = json!({ "System": { "remark": { "remark": "0x" } } });
        let name = |calls: &[Json]| Told::inside(&batch(calls)).unwrap().one_name();
        assert_eq!(name(&[proxied(REAL, &call), proxied(REAL, &call)]), Some(REAL));
        assert_eq!(name(&[proxied(REAL, &call), proxied(SIGNER, &call)]), None);
        assert_eq!(name(&[proxied(REAL, &call), call]), None);
        assert_eq!(name(&[]), None);
    }
}
