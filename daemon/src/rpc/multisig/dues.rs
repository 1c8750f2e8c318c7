//! What a call takes out of the free balance of the account that makes it, as far as its own words tell: not its fee,
//! which the signer pays, and not what it gives back.

use std::collections::BTreeMap;

use btd_api::{AccountId, Tao};
use btd_chain::{Call, ReadError, Value};

use crate::submit::{Ground, SubmissionError, proxied};

/// Calls that take what one of their arguments says: pallet, call, argument.
const PAYING: [(&str, &str, &str); 6] = [
    ("Balances", "transfer_allow_death", "value"),
    ("Balances", "transfer_keep_alive", "value"),
    ("Balances", "transfer", "value"),
    ("SubtensorModule", "add_stake", "amount_staked"),
    ("SubtensorModule", "add_stake_limit", "amount_staked"),
    ("Crowdloan", "create", "deposit"),
];
/// Calls that make others as the same account.
const BATCHES: [&str; 3] = ["batch", "batch_all", "force_batch"];

/// What a call takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    amount: Tao,
    /// Whether the call is sure to fail where there is less: what one call of a batch brings in, another may take.
    pub(super) is_sure: bool,
}

/// What `call` takes.
pub(super) fn of(call: &Call) -> Due {
    if call.pallet == "Utility" && BATCHES.contains(&call.call.as_str()) {
        let calls = match call.args.get("calls") {
            Some(Value::List(calls)) => calls.as_slice(),
            _ => &[],
        };
        let amount = calls.iter().filter_map(inner).fold(Tao::ZERO, |sum, one| sum.saturating_add(of(&one).amount));
        return Due { amount, is_sure: false };
    }
    let argument = PAYING.iter().find(|(pallet, name, _)| call.pallet == *pallet && call.call == *name);
    let amount = argument.and_then(|(.., argument)| number(call.args.get(*argument)?));
    // Of a partial fill the chain takes what the limit lets through.
    let is_partial = call.args.get("allow_partial").is_some_and(|partial| *partial != Value::Bool(false));
    Due { amount: Tao::from_rao(amount.unwrap_or(0)), is_sure: amount.is_some() && !is_partial }
}

/// Refuses a call in the name of another account, for which `account` may not sign at all: it would fail however often it
/// were made.
pub(super) async fn require_proxy(ground: &Ground, account: AccountId, call: &Call) -> Result<(), SubmissionError> {
    let Some(real) = in_whose_name(call).filter(|real| *real != account) else { return Ok(()) };
    match proxied::ways(&ground.view, real, account).await {
        Ok(ways) if ways.is_empty() => Err(proxied::no_proxy(real, account)),
        Ok(_) | Err(ReadError::Absent(_) | ReadError::Argument { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// In whose name a call is made by a proxy, at once.
fn in_whose_name(call: &Call) -> Option<AccountId> {
    if (call.pallet.as_str(), call.call.as_str()) != ("Proxy", "proxy") {
        return None;
    }
    match call.args.get("real")? {
        Value::Account(real) => Some(*real),
        Value::Text(text) => text.parse().ok(),
        // An address of a chain that knows several forms of them: `{ "Id": account }`.
        Value::Record(_) => match only(call.args.get("real")?)? {
            (form, Value::Account(real)) if form == "Id" => Some(*real),
            (form, Value::Text(text)) if form == "Id" => text.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// A call inside a call: as such, or as JSON tells it: `{ "Pallet": { "call": { .. } } }`, or `pallet`, `call` and `args`.
fn inner(value: &Value) -> Option<Call> {
    if let Value::Call(call) = value {
        return Some((**call).clone());
    }
    if let Value::Record(members) = value
        && let (Some(Value::Text(pallet)), Some(Value::Text(call))) = (members.get("pallet"), members.get("call"))
    {
        let args = match members.get("args") {
            Some(Value::Record(args)) => args.clone(),
            _ => BTreeMap::new(),
        };
        return Some(Call { pallet: pallet.clone(), call: call.clone(), args });
    }
    let (pallet, rest) = only(value)?;
    let (call, Value::Record(args)) = only(rest)? else { return None };
    Some(Call { pallet: pallet.clone(), call: call.clone(), args: args.clone() })
}

/// The one member of a record.
fn only(value: &Value) -> Option<(&String, &Value)> {
    let Value::Record(members) = value else { return None };
    members.iter().next().filter(|_| members.len() == 1)
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Uint(number) => u64::try_from(*number).ok(),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

// === impl Due ===

impl Due {
    /// What is missing in an account that has `free`, in words.
    pub(super) fn lacks(self, free: Tao) -> Option<String> {
        let Self { amount, .. } = self;
        (amount > free).then(|| format!("it takes τ{amount}, and the account has τ{free}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn transfer(value: impl Into<Value>) -> Call {
        Call::new("Balances", "transfer_keep_alive").arg("value", value)
    }

    #[test]
    fn what_a_call_takes_is_told_by_its_words() {
        let rao = Tao::from_rao;
        assert_eq!(of(&transfer(5_u64)), Due { amount: rao(5), is_sure: true });
        assert_eq!(of(&transfer(Value::Text("5".to_owned()))), Due { amount: rao(5), is_sure: true });
        let limited = |partial: bool| {
            let call = Call::new("SubtensorModule", "add_stake_limit").arg("amount_staked", 5_u64);
            of(&call.arg("allow_partial", partial)).is_sure
        };
        assert_eq!([limited(false), limited(true)], [true, false]);
        assert_eq!(of(&Call::new("System", "remark").arg("remark", "x")), Due::default());
        assert!(of(&transfer(5_u64)).lacks(rao(5)).is_none() && of(&transfer(5_u64)).lacks(rao(4)).is_some());
    }

    #[test]
    fn in_whose_name_a_call_is_made_is_told_by_its_words() {
        let real = AccountId([7; 32]);
        let through = |real: Value| in_whose_name(&Call::new("Proxy", "proxy").arg("real", real));
        assert_eq!(through(Value::Account(real)), Some(real));
        assert_eq!(through(Value::Text(real.to_string())), Some(real));
        assert_eq!(through(Value::from_json(json!({ "Id": real.to_string() })).unwrap()), Some(real));
        assert_eq!(through(Value::Null), None);
        assert_eq!(in_whose_name(&Call::new("Proxy", "proxy_announced").arg("real", real)), None);
    }

    #[test]
    fn a_batch_takes_what_its_calls_take_perhaps() {
        let told = json!({ "Balances": { "transfer_keep_alive": { "value": "7" } } });
        let calls = Value::List(vec![Value::Call(Box::new(transfer(5_u64))), Value::from_json(told).unwrap()]);
        let batch = Call::new("Utility", "batch_all").arg("calls", calls);
        assert_eq!(of(&batch), Due { amount: Tao::from_rao(12), is_sure: false });
    }
}
