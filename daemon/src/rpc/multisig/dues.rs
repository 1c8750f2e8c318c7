//! What a call takes out of the free balance of the account that makes it, as far as its own words tell: not its fee,
//! which the signer pays, and not what it gives back.

use btd_api::Tao;
use btd_chain::{Call, Value};

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

/// A call inside a call: as such, or as JSON tells it, `{ "Pallet": { "call": { .. } } }`.
fn inner(value: &Value) -> Option<Call> {
    if let Value::Call(call) = value {
        return Some((**call).clone());
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
    fn a_batch_takes_what_its_calls_take_perhaps() {
        let told = json!({ "Balances": { "transfer_keep_alive": { "value": "7" } } });
        let calls = Value::List(vec![Value::Call(Box::new(transfer(5_u64))), Value::from_json(told).unwrap()]);
        let batch = Call::new("Utility", "batch_all").arg("calls", calls);
        assert_eq!(of(&batch), Due { amount: Tao::from_rao(12), is_sure: false });
    }
}
