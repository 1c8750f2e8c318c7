//! Whether an account may make a call in another's name, and as which kind of proxy.
//!
//! The chain takes the first entry of the delegate among the proxies of the account, whatever it allows and however long
//! it waits, unless a kind is named; a call that the entry does not allow costs its fee and does nothing. So the kind that
//! allows the call soonest is named where it is not the first. Which kind allows what is read from the runtime
//! (`ProxyFilterRuntimeApi`). A kind of which that tells nothing is only tried where no other is known to allow the
//! call, and then the first of them, as the chain would. Semantics: pallet_proxy, spec 425.

use btd_api::AccountId;
use btd_chain::{Call, ReadError, Value, View};
use serde_json::Value as Json;

use super::{SubmissionError, plan::Precondition};

const PALLET: &str = "Proxy";

/// A call that one account makes in another's name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proxied<'a> {
    pub(crate) real: AccountId,
    pub(crate) delegate: AccountId,
    pub(crate) call: &'a Call,
}

/// How an account may act for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// The kind of proxy.
    pub(crate) kind: String,
    /// Blocks between an announcement and the call; none is needed where it is 0.
    pub(crate) delay: u64,
}

/// The ways in which `delegate` may act for `real`, in the chain's order.
pub(crate) async fn ways(view: &View, real: AccountId, delegate: AccountId) -> Result<Vec<Way>, ReadError> {
    let told = view.storage_json(PALLET, "Proxies", &[Value::Account(real)]).await?;
    let way = |entry: &Json| {
        let is_own = entry.get("delegate")?.as_str()?.parse() == Ok(delegate);
        let (kind, delay) = (entry.get("proxy_type")?.as_str()?.to_owned(), entry.get("delay")?.as_u64()?);
        is_own.then_some(Way { kind, delay })
    };
    Ok(told.get(0).and_then(Json::as_array).into_iter().flatten().filter_map(way).collect())
}

/// The refusal of what needs a proxy, of somebody who is none.
pub(crate) fn no_proxy(real: AccountId, delegate: AccountId) -> SubmissionError {
    let words =
        format!("{delegate} is no proxy of {real}: let {real} add it with `proxy add`; `proxy list` shows who is one");
    Precondition::Foreseen { error: "NotProxy", words }.into()
}

/// How a call is made in another's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The kind of proxy that has to be named so that the call is made; none where the first that the chain finds will
    /// do.
    pub(crate) kind: Option<String>,
    /// Blocks between an announcement and the call.
    pub(crate) delay: u64,
}

/// The kind of proxy that has to be named so that a call is made at once; none where the first that the chain finds will
/// do. `not_later` says why the call is not announced, if it is not.
pub(super) async fn fitting(
    view: &View,
    proxied: Proxied<'_>,
    not_later: Option<String>,
) -> Result<Option<String>, SubmissionError> {
    let Proxied { real, delegate, call } = proxied;
    let ways = match ways(view, real, delegate).await {
        Ok(ways) => ways,
        Err(ReadError::Absent(_) | ReadError::Argument { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if ways.is_empty() {
        return Err(no_proxy(real, delegate));
    }
    let filters = filters(view).await?;
    let Some(Chosen { kind, delay }) = soonest(&ways, &filters, call) else {
        return Err(filtered((real, delegate), &ways, call));
    };
    if delay == 0 {
        return Ok(kind);
    }
    Err(unannounced((real, delegate), (ways.as_slice(), delay), not_later).into())
}

/// The refusal of what `delegate` may do for `real` only so many blocks after announcing it: how that is done, or why it is
/// `not_later`.
fn unannounced(
    (real, delegate): (AccountId, AccountId),
    (ways, delay): (&[Way], u64),
    not_later: Option<String>,
) -> Precondition {
    let next = match not_later {
        None => ": say the same with `--announce-only`, or `proxy announce` it, then `proxy execute`".to_owned(),
        Some(why) => format!(", and it is not announced: {why}"),
    };
    let ways = told(ways);
    let words = format!("{delegate} may do this for {real} only {delay} blocks after announcing it ({ways}){next}");
    Precondition::Foreseen { error: "Unannounced", words }
}

/// What the kinds of proxy allow, as far as the runtime tells.
pub(crate) async fn filters(view: &View) -> Result<Filters, ReadError> {
    match view.runtime_api_json("ProxyFilterRuntimeApi", "get_proxy_filter", &[Value::Null]).await {
        Ok(told) => Ok(Filters(told.as_array().into_iter().flatten().filter_map(Filter::read).collect())),
        Err(ReadError::Absent(_) | ReadError::Argument { .. }) => Ok(Filters::default()),
        Err(error) => Err(error),
    }
}

/// The refusal of a call that none of the `ways` in which `delegate` may act for `real` allows.
pub(crate) fn filtered((real, delegate): (AccountId, AccountId), ways: &[Way], call: &Call) -> SubmissionError {
    let words = format!("{delegate} is a proxy of {real} ({}), which does not allow {call}", told(ways));
    Precondition::Foreseen { error: "CallFiltered", words }.into()
}

/// All ways, for people.
fn told(ways: &[Way]) -> String {
    let told: Vec<String> = ways.iter().map(|way| format!("`{}`, delay {}", way.kind, way.delay)).collect();
    told.join("; ")
}

/// The way with the shortest delay of those that are known to allow `call`; where there is none, the first of which
/// nothing is known. None where all are known not to.
pub(crate) fn soonest(ways: &[Way], filters: &Filters, call: &Call) -> Option<Chosen> {
    let admits = |way: &Way| filters.0.iter().find(|one| one.name == way.kind).map(|one| one.admits(call));
    let mut known: Option<&Way> = None;
    for (place, way) in ways.iter().enumerate() {
        // Under the name of a kind the chain finds the first entry of that kind alone.
        let is_found = ways.iter().take(place).all(|earlier| earlier.kind != way.kind);
        if is_found && admits(way) == Some(true) && known.is_none_or(|best| way.delay < best.delay) {
            known = Some(way);
        }
    }
    let Way { kind, delay } = known.or_else(|| ways.iter().find(|way| admits(way).is_none()))?;
    let is_first = ways.first().is_some_and(|first| first.kind == *kind);
    Some(Chosen { kind: (!is_first).then(|| kind.clone()), delay: *delay })
}

// === what kinds allow ===

/// What the kinds of proxy allow: those of which it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filters(Vec<Filter>);

/// What a kind of proxy allows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Filter {
    name: String,
    mode: Mode,
    calls: Vec<Rule>,
    exceptions: Vec<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    AllowAll,
    DenyAll,
    Allow,
    Deny,
}

/// A call, or all calls of a pallet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    pallet: String,
    call: Option<String>,
    condition: Option<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Below { argument: String, limit: u128 },
    Inside { pallet: String, call: String },
}

/// Bytes that are meant as text.
fn text(json: &Json) -> Option<String> {
    let text = json.as_str()?;
    match text.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok()) {
        Some(bytes) => String::from_utf8(bytes).ok(),
        None => Some(text.to_owned()),
    }
}

// === impl Filter ===

impl Filter {
    /// None where it is told in another way than is known here.
    fn read(told: &Json) -> Option<Self> {
        let mode = match told.get("filter_mode")?.as_str()? {
            "AllowAll" => Mode::AllowAll,
            "DenyAll" => Mode::DenyAll,
            "Allow" => Mode::Allow,
            "Deny" => Mode::Deny,
            _ => return None,
        };
        let rules = |name: &str| told.get(name)?.as_array()?.iter().map(Rule::read).collect::<Option<Vec<_>>>();
        let name = text(told.get("name")?)?;
        Some(Self { name, mode, calls: rules("calls")?, exceptions: rules("exceptions")? })
    }

    fn admits(&self, call: &Call) -> bool {
        let among = |rules: &[Rule]| rules.iter().any(|rule| rule.matches(call));
        let admitted = match self.mode {
            Mode::AllowAll => true,
            Mode::DenyAll => false,
            Mode::Allow => among(&self.calls) && !among(&self.exceptions),
            Mode::Deny => !among(&self.calls),
        };
        // What would take a proxy's own rights away is left to those who may do everything.
        let is_reserved = call.pallet == PALLET && matches!(call.call.as_str(), "remove_proxies" | "kill_pure");
        admitted && (!is_reserved || self.name == "Any") && inside(call).all(|call| self.admits(call))
    }
}

/// The calls that `call` makes as the same account, and fails with.
fn inside(call: &Call) -> impl Iterator<Item = &Call> {
    let is_batch = call.pallet == "Utility" && call.call == "batch_all";
    let calls = call.args.get("calls").filter(|_| is_batch);
    let calls = calls.map(|calls| if let Value::List(calls) = calls { calls.as_slice() } else { &[] });
    calls.into_iter().flatten().filter_map(|call| if let Value::Call(call) = call { Some(&**call) } else { None })
}

// === impl Rule ===

impl Rule {
    fn read(told: &Json) -> Option<Self> {
        let call = match told.get("call_name") {
            None | Some(Json::Null) => None,
            Some(name) => Some(text(name)?),
        };
        let condition = match told.get("condition") {
            None | Some(Json::Null) => None,
            Some(told) => Some(Condition::read(told)?),
        };
        Some(Self { pallet: text(told.get("pallet_name")?)?, call, condition })
    }

    fn matches(&self, call: &Call) -> bool {
        self.pallet == call.pallet
            && self.call.as_ref().is_none_or(|name| *name == call.call)
            && self.condition.as_ref().is_none_or(|condition| condition.holds(call))
    }
}

// === impl Condition ===

impl Condition {
    fn read(told: &Json) -> Option<Self> {
        if let Some(below) = told.get("ParamLessThan") {
            let limit = below.get("limit")?;
            let limit = limit.as_u64().map(u128::from).or_else(|| limit.as_str()?.parse().ok())?;
            return Some(Self::Below { argument: text(below.get("param_name")?)?, limit });
        }
        let nested = told.get("NestedCallMustBe")?;
        Some(Self::Inside { pallet: text(nested.get("pallet_name")?)?, call: text(nested.get("call_name")?)? })
    }

    /// Whether it may hold: what cannot be told of an argument is not held against the call.
    fn holds(&self, call: &Call) -> bool {
        match self {
            Self::Below { argument, limit } => match call.args.get(argument) {
                Some(Value::Uint(number)) => number < limit,
                _ => true,
            },
            Self::Inside { pallet, call: name } => match call.args.get("call") {
                Some(Value::Call(inner)) => inner.pallet == *pallet && inner.call == *name,
                _ => true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(name: &str) -> String {
        format!("0x{}", hex::encode(name))
    }

    fn filter(name: &str, mode: &str, calls: &Json) -> Filter {
        let told =
            json!({ "proxy_type": 1, "name": named(name), "filter_mode": mode, "calls": calls, "exceptions": [] });
        Filter::read(&told).unwrap()
    }

    fn rule(pallet: &str, call: Option<&str>, condition: &Json) -> Json {
        json!({ "pallet_name": named(pallet), "call_name": call.map(named), "condition": condition })
    }

    #[test]
    fn kinds_allow_what_the_runtime_tells() {
        let staking = filter("Staking", "Allow", &json!([rule("SubtensorModule", Some("add_stake"), &Json::Null)]));
        let stake = Call::new("SubtensorModule", "add_stake");
        let transfer = |rao: u64| Call::new("Balances", "transfer_keep_alive").arg("value", rao);
        assert!(staking.admits(&stake) && !staking.admits(&transfer(1)));
        let rest = filter("NonTransfer", "Deny", &json!([rule("Balances", None, &Json::Null)]));
        assert!(rest.admits(&stake) && !rest.admits(&transfer(1)));
        let below = json!({ "ParamLessThan": { "param_name": named("value"), "limit": "500" } });
        let small = json!([rule("Balances", Some("transfer_keep_alive"), &below)]);
        let small = filter("SmallTransfer", "Allow", &small);
        assert!(small.admits(&transfer(499)) && !small.admits(&transfer(500)));
        assert!(!filter("Senate", "DenyAll", &json!([])).admits(&stake));
        assert_eq!(Filter::read(&json!({ "name": "0x00", "filter_mode": "Ask", "calls": [], "exceptions": [] })), None);
    }

    #[test]
    fn calls_inside_a_batch_are_held_to_it_too() {
        let batch = |calls: Vec<Call>| {
            Call::new("Utility", "batch_all").arg("calls", Value::List(calls.into_iter().map(Value::from).collect()))
        };
        let (stake, transfer) = (Call::new("SubtensorModule", "add_stake"), Call::new("Balances", "transfer_all"));
        let rest = filter("NonTransfer", "Deny", &json!([rule("Balances", None, &Json::Null)]));
        assert!(rest.admits(&batch(vec![stake.clone()])) && !rest.admits(&batch(vec![stake.clone(), transfer])));
        let staking = filter("Staking", "Allow", &json!([rule("SubtensorModule", Some("add_stake"), &Json::Null)]));
        assert!(!staking.admits(&batch(vec![stake])));
    }

    #[test]
    fn the_kind_that_allows_a_call_soonest_is_named() {
        let way = |kind: &str, delay| Way { kind: kind.to_owned(), delay };
        let filters = Filters(vec![
            filter("Any", "AllowAll", &json!([])),
            filter("NonTransfer", "Deny", &json!([rule("Balances", None, &Json::Null)])),
            filter("Transfer", "Allow", &json!([rule("Balances", None, &Json::Null)])),
        ]);
        let transfer = Call::new("Balances", "transfer_all");
        let chosen = |ways: &[Way]| soonest(ways, &filters, &transfer).map(|chosen| (chosen.kind, chosen.delay));
        let named = |kind: &str, delay| Some((Some(kind.to_owned()), delay));
        assert_eq!(chosen(&[way("Any", 50), way("NonTransfer", 0), way("Transfer", 2)]), named("Transfer", 2));
        assert_eq!(chosen(&[way("NonTransfer", 0), way("Transfer", 2)]), named("Transfer", 2));
        assert_eq!(chosen(&[way("Any", 2), way("Transfer", 2)]), Some((None, 2)));
        assert_eq!(chosen(&[way("NonTransfer", 0)]), None);
        // The second entry of a kind is out of reach behind the first.
        assert_eq!(chosen(&[way("Any", 50), way("Transfer", 9), way("Transfer", 2)]), named("Transfer", 9));
        // A kind that the runtime does not describe may allow everything, and may not.
        assert_eq!(chosen(&[way("New", 1)]), Some((None, 1)));
        assert_eq!(chosen(&[way("NonTransfer", 0), way("New", 1)]), named("New", 1));
        assert_eq!(chosen(&[way("New", 0), way("Transfer", 2)]), named("Transfer", 2));
    }

    #[test]
    fn of_kinds_that_are_not_described_none_is_named() {
        let way = |kind: &str, delay| Way { kind: kind.to_owned(), delay };
        let stake = Call::new("SubtensorModule", "add_stake");
        // A transfer's proxy would lose the announcement and the fee.
        let chosen = soonest(&[way("Any", 10), way("Transfer", 0)], &Filters::default(), &stake);
        assert_eq!(chosen, Some(Chosen { kind: None, delay: 10 }));
    }

    #[test]
    fn an_announcement_is_proposed_where_one_is_taken() {
        let (accounts, ways) = ((AccountId([1; 32]), AccountId([2; 32])), [Way { kind: "Any".to_owned(), delay: 9 }]);
        let told = |not_later: Option<&str>| {
            unannounced(accounts, (ways.as_slice(), 9), not_later.map(str::to_owned)).to_string()
        };
        let (may_wait, must_not) = (told(None), told(Some("the chain takes work for a few blocks")));
        for words in [&may_wait, &must_not] {
            assert!(words.contains("only 9 blocks after announcing it (`Any`, delay 9)"), "{words}");
        }
        assert!(may_wait.contains("with `--announce-only`"), "{may_wait}");
        assert!(must_not.ends_with("it is not announced: the chain takes work for a few blocks"), "{must_not}");
    }

    #[test]
    fn only_those_who_may_do_all_remove_all_proxies() {
        let remove = Call::new("Proxy", "remove_proxies");
        assert!(filter("Any", "AllowAll", &json!([])).admits(&remove));
        assert!(!filter("NonTransfer", "Deny", &json!([])).admits(&remove));
    }
}
