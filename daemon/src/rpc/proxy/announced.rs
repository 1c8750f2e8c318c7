//! Calls that were announced: which of them is meant, what it is, and from when on it can be made.
//!
//! The chain keeps the hash of an announced call alone; the call itself is looked up in this daemon's journal, if it was
//! announced through it. Semantics: pallet_proxy.

use btd_api::{BlockHash, BlockNumber, Coldkey};
use btd_chain::{Call, ReadError, View, call_hash};
use serde_json::Value as Json;

use super::proxy;
use crate::{
    daemon::Parts,
    journal::Kept,
    rpc::stake::number,
    submit::{Ground, Plan, Precondition, SubmissionError},
};

/// How many entries of the journal are read at a time.
const AT_ONCE: u32 = 256;

/// Which announced call is meant.
#[derive(Clone, Debug)]
pub(super) enum Meant {
    /// This one.
    Call(Call),
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

/// The first block that can make what `delegate` announced at `height`; none where it is no proxy of `real`.
pub(super) async fn executable_from(
    view: &View,
    (real, delegate): (Coldkey, Coldkey),
    height: BlockNumber,
) -> Result<Option<BlockNumber>, ReadError> {
    let told = view.storage_json("Proxy", "Proxies", &[real.into()]).await?;
    let mut proxies = told.get(0).and_then(Json::as_array).into_iter().flatten().filter_map(proxy);
    let found = proxies.find(|proxy| proxy.delegate == delegate.account());
    Ok(found.map(|proxy| BlockNumber(height.0.saturating_add(proxy.delay))))
}

/// What this daemon announced under that hash; none where it did not, or by the hash alone.
pub(super) async fn known(parts: &Parts, hash: BlockHash) -> Result<Option<Call>, SubmissionError> {
    let text = hash.to_string();
    let mut before = None;
    loop {
        let entries = parts.submitter.logged(Kept::All, before, AT_ONCE).await?;
        for entry in &entries {
            let plan = &entry.intent.recorded.plan;
            if !plan.contains(&text) {
                continue;
            }
            if let Some(call) = serde_json::from_str::<Plan>(plan).ok().and_then(|plan| plan.announced) {
                return Ok(Some(call));
            }
        }
        match entries.last() {
            Some(last) => before = Some(last.intent.id.number()),
            None => return Ok(None),
        }
    }
}

/// The call that `delegate` announced on behalf of `real`, which can be made now.
pub(super) async fn due(
    parts: &Parts,
    ground: &Ground,
    (real, delegate): (Coldkey, Coldkey),
    meant: &Meant,
) -> Result<Call, SubmissionError> {
    let view = &ground.view;
    let mut announced = by(view, delegate).await?;
    announced.retain(|one| one.real == real);
    let (hash, call) = match meant {
        Meant::Call(call) => (call_hash(call, view.runtime())?, Some(call.clone())),
        Meant::Hash(hash) => (*hash, None),
        Meant::Only => (only(&announced, (real, delegate))?, None),
    };
    let Some(one) = announced.iter().find(|one| one.hash == hash) else {
        let what = call.map_or_else(|| "a call".to_owned(), |call| call.to_string());
        return unannounced(format!("{delegate} has not announced {what} ({hash}) on behalf of {real}"));
    };
    let next = BlockNumber(view.block().number.0.saturating_add(1));
    match executable_from(view, (real, delegate), one.height).await? {
        Some(from) if from > next => {
            return unannounced(format!(
                "what {delegate} announced ({hash}) can be made from block {from} on, not yet"
            ));
        }
        _ => {}
    }
    let call = match call {
        Some(call) => call,
        None => match known(parts, hash).await? {
            Some(call) => call,
            None => {
                return unannounced(format!(
                    "what {delegate} announced ({hash}) is known to the chain by its hash alone, and not to this btd: give \
                     the call, or its bytes"
                ));
            }
        },
    };
    if call_hash(&call, view.runtime())? != hash {
        return unannounced(format!(
            "{call} had the hash {hash} when it was announced and has another on today's runtime: announce it anew"
        ));
    }
    Ok(call)
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
    use btd_api::AccountId;
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
    fn the_only_one_needs_no_name() {
        let one = |byte| Standing { real: ALICE, hash: BlockHash([byte; 32]), height: BlockNumber(1) };
        assert_eq!(only(&[one(7)], (ALICE, BOB)).unwrap(), BlockHash([7; 32]));
        assert!(only(&[], (ALICE, BOB)).unwrap_err().to_string().contains("announced nothing"));
        let several = only(&[one(7), one(8)], (ALICE, BOB)).unwrap_err().to_string();
        assert!(several.contains(&one(8).hash.to_string()), "{several}");
    }
}
