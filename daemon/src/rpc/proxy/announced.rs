//! Calls that were announced: which of them is meant, what it is, and from when on it can be made.
//!
//! The chain keeps the hash of an announced call alone; the call itself is looked up in this daemon's journal, if it was
//! announced through it. Semantics: pallet_proxy.

use std::collections::{HashMap, HashSet};

use btd_api::{AccountId, BlockHash, BlockNumber, Coldkey};
use btd_chain::{Call, ReadError, View, call_hash};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::{
    daemon::Parts,
    journal::Kept,
    rpc::stake::number,
    submit::{
        Ground, Precondition, SubmissionError,
        proxied::{self, Chosen, Filters, Way},
    },
};

/// How many entries of the journal are read at a time.
const AT_ONCE: u32 = 256;

/// Which announced call is meant.
#[derive(Clone, Debug)]
pub(super) enum Meant {
    /// This one.
    Call(Call),
    /// The one with these bytes, and this hash, if that is said too.
    Bytes(Vec<u8>, Option<BlockHash>),
    /// The one with this hash.
    Hash(BlockHash),
    /// The only one.
    Only,
}

/// An announcement, as the chain keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) real: Coldkey,
    pub(super) hash: BlockHash,
    pub(super) height: BlockNumber,
}

/// What a coldkey has announced, the oldest first.
pub(super) async fn by(view: &View, delegate: Coldkey) -> Result<Vec<Standing>, ReadError> {
    let told = view.storage_json("Proxy", "Announcements", &[delegate.into()]).await?;
    Ok(told.get(0).and_then(Json::as_array).into_iter().flatten().filter_map(kept).collect())
}

fn kept(told: &Json) -> Option<Standing> {
    let text = |name: &str| told.get(name)?.as_str();
    let height = told.get("height").and_then(number)?;
    Some(Standing {
        real: text("real")?.parse().ok()?,
        hash: text("call_hash")?.parse().ok()?,
        height: BlockNumber(u32::try_from(height).ok()?),
    })
}

/// Refuses to announce on behalf of `real` what stands among the `open` ones: with one of them the chain takes all equal
/// ones away that are due, and makes the call once. `call` is what has the hash, where that is known.
pub(super) async fn require_none(
    ground: &Ground,
    open: &[Standing],
    (real, hash, call): (Coldkey, BlockHash, Option<&Call>),
) -> Result<(), SubmissionError> {
    let Some(one) = equal(open, (real, hash)) else { return Ok(()) };
    let place = (real.account(), ground.actor);
    let ways = proxied::ways(&ground.view, place.0, place.1).await?;
    let filters = proxied::filters(&ground.view).await?;
    match (executable_from((ways.as_slice(), &filters), (one.height, call)), call) {
        (Some(from), _) => Err(waits(one, (place.1, from), &named(call)).into()),
        (None, Some(call)) if !ways.is_empty() => Err(proxied::filtered(place, &ways, call)),
        (None, _) => Err(proxied::no_proxy(place.0, place.1)),
    }
}

/// The oldest of the `open` ones that is the same.
fn equal(open: &[Standing], (real, hash): (Coldkey, BlockHash)) -> Option<&Standing> {
    open.iter().find(|one| (one.real, one.hash) == (real, hash))
}

/// What is announced, for people.
pub(super) fn named(call: Option<&Call>) -> String {
    call.map_or_else(|| "the call".to_owned(), ToString::to_string)
}

/// The refusal of what `delegate` has announced already, and can make in the block `from` or later.
fn waits(one: &Standing, (delegate, from): (AccountId, BlockNumber), what: &str) -> Precondition {
    let Standing { real, hash, height } = one;
    Precondition::Waiting {
        words: format!(
            "{what} {hash} on behalf of {real} was announced in block {height} already and waits, and announced twice it \
             would be made once"
        ),
        remedy: format!(
            "make the first from block {from} on, by `btctl proxy execute --real {real} --delegate {delegate} --call-hash \
             {hash}`, and announce the next then, or announce a call that differs in something now"
        ),
        from,
    }
}

/// The first block that can make what was announced at `height`, `call` where that is known, in one of these `ways`;
/// none where no way allows it.
pub(super) fn executable_from(
    (ways, filters): (&[Way], &Filters),
    (height, call): (BlockNumber, Option<&Call>),
) -> Option<BlockNumber> {
    let delay = match call {
        Some(call) => proxied::soonest(ways, filters, call).map(|chosen| chosen.delay),
        None => ways.iter().map(|way| way.delay).min(),
    };
    delay.map(|delay| after(height, delay))
}

/// The block `delay` blocks after `height`.
fn after(height: BlockNumber, delay: u64) -> BlockNumber {
    BlockNumber(height.0.saturating_add(u32::try_from(delay).unwrap_or(u32::MAX)))
}

/// What this daemon announced, by its hash, of those that `wanted` names: not what it did not announce, or by the hash
/// alone.
pub(super) async fn known(
    parts: &Parts,
    wanted: HashSet<BlockHash>,
) -> Result<HashMap<BlockHash, Call>, SubmissionError> {
    journalled(parts, wanted, noted).await
}

/// The calls, of those that `wanted` names by their hashes, which `noted` finds in journalled plans, the newest first. The
/// journal is read once, and no further than it must be.
pub(in crate::rpc) async fn journalled(
    parts: &Parts,
    mut wanted: HashSet<BlockHash>,
    noted: impl Fn(&str) -> Option<(BlockHash, Call)>,
) -> Result<HashMap<BlockHash, Call>, SubmissionError> {
    let mut found = HashMap::new();
    let mut before = None;
    while !wanted.is_empty() {
        let entries = parts.submitter.logged(Kept::All, before, AT_ONCE).await?;
        for entry in &entries {
            if let Some((hash, call)) = noted(&entry.intent.recorded.plan)
                && wanted.remove(&hash)
            {
                found.insert(hash, call);
            }
        }
        let Some(last) = entries.last() else { break };
        before = Some(last.intent.id.number());
    }
    Ok(found)
}

/// The hash and the call that a journalled plan announces.
fn noted(plan: &str) -> Option<(BlockHash, Call)> {
    /// What is read of a plan: most announce nothing, and of those no more is read.
    #[derive(Deserialize)]
    struct Announcing {
        arguments: Json,
        announced: Option<Call>,
    }
    let Announcing { arguments, announced } = serde_json::from_str(plan).ok()?;
    let hash = |arguments: &Json| arguments.get("call_hash")?.as_str()?.parse().ok();
    // Announced through a proxy of the announcer, it is the argument of the call inside.
    let inner = arguments.get("call").and_then(|call| call.get("Proxy")?.get("announce"));
    Some((hash(&arguments).or_else(|| hash(inner?))?, announced?))
}

/// The call that `delegate` announced on behalf of `real`, which can be made now, with its hash and the kind of proxy to be
/// named for it.
pub(super) async fn due(
    parts: &Parts,
    ground: &Ground,
    (real, delegate): (Coldkey, Coldkey),
    meant: &Meant,
) -> Result<(BlockHash, Call, Option<String>), SubmissionError> {
    let view = &ground.view;
    let mut announced = by(view, delegate).await?;
    announced.retain(|one| one.real == real);
    let (hash, call) = match meant {
        Meant::Call(call) => (call_hash(call, view.runtime())?, Some(call.clone())),
        Meant::Bytes(bytes, hash) => {
            let call = Call::read(bytes, view.runtime()).map_err(|error| {
                let words = format!("the bytes are no call of this runtime: {error}");
                Precondition::Invalid { parameter: "call_hex", words }
            })?;
            let own = call_hash(&call, view.runtime())?;
            if let Some(hash) = hash.filter(|hash| *hash != own) {
                let words = format!("{call} has the hash {own}, and not {hash}");
                return Err(Precondition::Invalid { parameter: "call_hash", words }.into());
            }
            (own, Some(call))
        }
        Meant::Hash(hash) => (*hash, None),
        // The one that was agreed to, where somebody was shown one: by now it may not be the only one, or gone.
        Meant::Only => match ground.makes() {
            Some(hash) => (hash, None),
            None => (only(&announced, (real, delegate))?, None),
        },
    };
    let Some(one) = announced.iter().find(|one| one.hash == hash) else {
        let what = call.map_or_else(|| "a call".to_owned(), |call| call.to_string());
        return unannounced(format!("{delegate} has not announced {what} ({hash}) on behalf of {real}"));
    };
    let place = (real.account(), delegate.account());
    let ways = proxied::ways(view, place.0, place.1).await?;
    if ways.is_empty() {
        return Err(proxied::no_proxy(place.0, place.1));
    }
    let call = match call {
        Some(call) => Some(call),
        None => known(parts, HashSet::from([hash])).await?.remove(&hash),
    };
    let Some(call) = call else {
        let words = format!(
            "what {delegate} announced ({hash}) is known to the chain by its hash alone, and not to this btd: say the call \
             itself by `--call`, in place of its hash, or add its bytes by `--call-hex`"
        );
        return Err(Precondition::Invalid { parameter: "call", words }.into());
    };
    if call_hash(&call, view.runtime())? != hash {
        return unannounced(format!(
            "{call} had the hash {hash} when it was announced and has another on today's runtime: announce it anew"
        ));
    }
    let filters = proxied::filters(view).await?;
    let Some(Chosen { kind, delay }) = proxied::soonest(&ways, &filters, &call) else {
        return Err(proxied::filtered(place, &ways, &call));
    };
    let (from, next) = (after(one.height, delay), BlockNumber(view.block().number.0.saturating_add(1)));
    if from > next {
        let left = from.0.saturating_sub(next.0);
        let words = format!("what {delegate} announced ({hash}) can be made from block {from} on, in {left} blocks");
        return Err(Precondition::NotYet { error: "Unannounced", words }.into());
    }
    Ok((hash, call, kind))
}

/// The hash of the only announcement.
fn only(announced: &[Standing], (real, delegate): (Coldkey, Coldkey)) -> Result<BlockHash, SubmissionError> {
    match announced {
        [one] => Ok(one.hash),
        [] => unannounced(format!("{delegate} has announced nothing on behalf of {real}")),
        several => {
            let hashes: Vec<String> = several.iter().map(|one| one.hash.to_string()).collect();
            let hashes = hashes.join(", ");
            unannounced(format!("{delegate} has announced several calls on behalf of {real}: name one of {hashes}"))
        }
    }
}

fn unannounced<T>(words: String) -> Result<T, SubmissionError> {
    Err(Precondition::Foreseen { error: "Unannounced", words }.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALICE: Coldkey = Coldkey(AccountId([1; 32]));
    const BOB: Coldkey = Coldkey(AccountId([2; 32]));

    #[test]
    fn announcements_are_read_as_the_chain_keeps_them() {
        let hash = BlockHash([7; 32]);
        let told = json!({ "real": ALICE.to_string(), "call_hash": hash.to_string(), "height": 9 });
        assert_eq!(kept(&told), Some(Standing { real: ALICE, hash, height: BlockNumber(9) }));
        assert_eq!(kept(&json!({ "real": ALICE.to_string(), "height": 9 })), None);
    }

    #[test]
    fn of_what_waits_it_is_said_when_and_how_it_is_made() {
        let standing = |real, byte| Standing { real, hash: BlockHash([byte; 32]), height: BlockNumber(9) };
        let open = [standing(ALICE, 7), standing(BOB, 8)];
        for (real, byte) in [(BOB, 7), (ALICE, 8), (ALICE, 9)] {
            assert_eq!(equal(&open, (real, BlockHash([byte; 32]))), None, "{real} {byte}");
        }
        let one = equal(&open, (ALICE, BlockHash([7; 32]))).unwrap();
        let remark = Call::new("System", "remark");
        let told = waits(one, (BOB.account(), BlockNumber(12)), &named(Some(&remark))).to_string();
        assert!(told.starts_with(&format!("System.remark {} on behalf of {ALICE}", one.hash)), "{told}");
        let execute = format!("proxy execute --real {ALICE} --delegate {BOB} --call-hash {}", one.hash);
        for words in ["in block 9 already", "from block 12 on", execute.as_str()] {
            assert!(told.contains(words), "{words}: {told}");
        }
        // What was announced by its hash alone has no name.
        assert_eq!(named(None), "the call");
    }

    #[test]
    fn an_announced_call_is_known_by_the_hash_that_was_announced() {
        let (hash, other) = (BlockHash([7; 32]), BlockHash([8; 32]));
        let call = serde_json::to_value(Call::new("System", "remark").arg("remark", other.to_string())).unwrap();
        let plan = |arguments: Json| json!({ "arguments": arguments, "announced": call, "fee": "1" }).to_string();
        let known = |plan: &str| noted(plan).map(|(hash, call)| (hash, call.to_string()));
        let remark = Some((hash, "System.remark".to_owned()));
        assert_eq!(known(&plan(json!({ "call_hash": hash.to_string() }))), remark);
        let through = json!({ "call": { "Proxy": { "announce": { "call_hash": hash.to_string() } } } });
        assert_eq!(known(&plan(through)), remark);
        // A hash that only stands somewhere in the plan is not what it announces.
        assert_eq!(known(&plan(json!({ "remark": hash.to_string() }))), None);
        let nothing = json!({ "arguments": { "call_hash": hash.to_string() }, "fee": "1" }).to_string();
        assert_eq!(known(&nothing), None);
    }

    #[test]
    fn an_announced_call_can_be_made_after_the_delay_of_a_way() {
        let way = |kind: &str, delay| Way { kind: kind.to_owned(), delay };
        let ways = [way("Any", 10), way("Transfer", 2)];
        let remark = Call::new("System", "remark");
        let from = |ways: &[Way], call| executable_from((ways, &Filters::default()), (BlockNumber(5), call));
        assert_eq!(from(&ways, Some(&remark)), Some(BlockNumber(15)));
        // What it is may be known later, or elsewhere.
        assert_eq!(from(&ways, None), Some(BlockNumber(7)));
        assert_eq!((from(&[], Some(&remark)), from(&[], None)), (None, None));
    }

    #[test]
    fn the_only_one_needs_no_name() {
        let one = |byte| Standing { real: ALICE, hash: BlockHash([byte; 32]), height: BlockNumber(1) };
        assert_eq!(only(&[one(7)], (ALICE, BOB)).unwrap(), BlockHash([7; 32]));
        assert!(only(&[], (ALICE, BOB)).unwrap_err().to_string().contains("announced nothing"));
        let several = only(&[one(7), one(8)], (ALICE, BOB)).unwrap_err().to_string();
        assert!(several.contains(&one(8).hash.to_string()), "{several}");
    }
}
