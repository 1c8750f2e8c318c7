//! The noun `proxy`: accounts that may sign for others.

pub(super) mod ahead;
mod announced;
mod pure;

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use btd_api::{
    AccountId, ApiError, BlockHash, Coldkey, ErrorKind, Tao,
    proxy::{
        Add, AddParams, Announce, AnnounceParams, Announcement, AnyCall, Create, CreateParams, CreatedProxy, Execute,
        ExecuteParams, Kill, KillParams, List, Proxies, Proxy, Remove, RemoveParams,
    },
    stake::ColdkeyParams,
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, Value, View, call_hash};
use btd_signer_protocol::KeyId;
use serde_json::Value as Json;

use self::announced::Meant;
pub(super) use self::announced::journalled;
use super::{Caller, Failure, Table, deposit, receipt, stake::number};
use crate::{
    daemon::Parts,
    submit::{
        Draft, Ground, Need, Precondition, Record, SubmissionError,
        proxied::{self, Filters},
    },
};

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<List>(list)
        .method::<Add>(add)
        .method::<Remove>(remove)
        .method::<Create>(create)
        .method::<Kill>(kill)
        .method::<Announce>(announce)
        .method::<Execute>(execute)
        .done();
}

/// A call by name, with arguments in the JSON form of the chain's own reads.
pub(super) fn call(any: &AnyCall) -> Result<Call, Failure> {
    let unfit = |error: btd_chain::NotAnInteger| wrong("call", error.to_string());
    let args = any.args.iter().map(|(name, value)| Ok((name.clone(), Value::from_json(value.clone()).map_err(unfit)?)));
    let args: BTreeMap<String, Value> = args.collect::<Result<_, Failure>>()?;
    Ok(Call { pallet: any.pallet.clone(), call: any.call.clone(), args })
}

fn variant(name: &str) -> Value {
    Value::Variant(name.to_owned(), Box::new(Value::Null))
}

async fn list(parts: Arc<Parts>, params: ColdkeyParams, _: Caller) -> Result<Proxies, Failure> {
    let coldkey = receipt::coldkey(&parts, params.wallet, params.address).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    let told = view.storage_json("Proxy", "Proxies", &[coldkey.into()]).await?;
    let deposit = told.get(1).and_then(|deposit| deposit.as_str()?.parse().ok()).map_or(Tao::ZERO, Tao::from_rao);
    let proxies = told.get(0).and_then(Json::as_array).into_iter().flatten().filter_map(proxy).collect();
    let mut waiting = Vec::new();
    let open = announced::by(&view, coldkey).await?;
    let known = announced::known(&parts, open.iter().map(|one| one.hash).collect()).await?;
    let filters = if open.is_empty() { Filters::default() } else { proxied::filters(&view).await? };
    let mut ways = HashMap::new();
    for one in open {
        let call = known.get(&one.hash);
        let ways = match ways.entry(one.real) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(place) => place.insert(proxied::ways(&view, one.real.account(), coldkey.account()).await?),
        };
        waiting.push(Announcement {
            real: one.real,
            call_hash: one.hash,
            announced_at: one.height,
            executable_from: announced::executable_from((ways.as_slice(), &filters), (one.height, call)),
            call: call.map(ToString::to_string),
        });
    }
    Ok(Proxies { at, coldkey, deposit, proxies, announced: waiting })
}

/// Who may sign for an account.
async fn of(view: &View, coldkey: Coldkey) -> Result<Vec<Proxy>, ReadError> {
    let told = view.storage_json("Proxy", "Proxies", &[coldkey.into()]).await?;
    Ok(told.get(0).and_then(Json::as_array).into_iter().flatten().filter_map(proxy).collect())
}

/// Refuses one more of what an account has `count` of, where that is the most (`most` is a constant of the pallet).
fn room(ground: &Ground, most: &str, count: usize, what: &str) -> Result<(), SubmissionError> {
    let most = match ground.view.constant_json("Proxy", most) {
        Ok(most) => number(&most).unwrap_or(u64::MAX),
        Err(ReadError::Absent(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if u64::try_from(count).unwrap_or(u64::MAX) < most {
        return Ok(());
    }
    receipt::foreseen("TooMany", format!("{} has {count} {what}", ground.actor))
}

fn proxy(told: &Json) -> Option<Proxy> {
    Some(Proxy {
        delegate: told.get("delegate")?.as_str()?.parse().ok()?,
        proxy_type: told.get("proxy_type")?.as_str()?.to_owned(),
        delay: told.get("delay").and_then(Json::as_u64).and_then(|delay| u32::try_from(delay).ok()).unwrap_or(0),
    })
}

async fn add(parts: Arc<Parts>, params: AddParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Add, _>(&parts, key, params, |ground, params| async move {
        let (delegate, kind, delay) = (params.delegate, params.proxy_type.as_str(), params.delay);
        if delegate.account() == ground.actor {
            let words = "an account needs no proxy to sign for itself".to_owned();
            return Err(Precondition::Foreseen { error: "NoSelfProxy", words }.into());
        }
        let proxies = of(&ground.view, Coldkey(ground.actor)).await?;
        let wanted = Proxy { delegate: delegate.account(), proxy_type: kind.to_owned(), delay };
        if proxies.contains(&wanted) {
            let words = format!("{delegate} is a `{kind}` proxy of {} with delay {delay} already", ground.actor);
            return Err(Precondition::Foreseen { error: "Duplicate", words }.into());
        }
        room(&ground, "MaxProxies", proxies.len(), "proxies: `proxy remove` one first")?;
        let call = Call::new("Proxy", "add_proxy")
            .arg("delegate", delegate)
            .arg("proxy_type", variant(kind))
            .arg("delay", delay);
        let draft = Draft::new(call, format!("Let {delegate} sign for {} as `{kind}` proxy", ground.actor));
        let held = deposit::PROXIES.of_one_more(&ground, "Proxies").await;
        let draft = deposit::holding(draft, held, "the proxy is removed");
        let draft = if delay > 0 {
            draft.effect(format!("what it does is announced {delay} blocks ahead, and can be rejected until then"))
        } else {
            draft
        };
        Ok(match kind {
            "Any" if delay == 0 => draft.warning("an `Any` proxy without delay can move everything at once"),
            _ => draft,
        })
    })
    .await
}

async fn remove(parts: Arc<Parts>, params: RemoveParams, _: Caller) -> Result<Receipt, Failure> {
    if params.all == params.delegate.is_some() {
        return Err(Failure::new(btd_api::ErrorKind::InvalidParams, "name a `delegate`, or say `all`: one of the two"));
    }
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Remove, _>(&parts, key, params, |ground, params| async move {
        let proxies = of(&ground.view, Coldkey(ground.actor)).await?;
        let foreseen = |words: String| Err(Precondition::Foreseen { error: "NotFound", words }.into());
        let Some(delegate) = params.delegate else {
            if proxies.is_empty() {
                return foreseen(format!("nobody may sign for {}", ground.actor));
            }
            let summary = format!("Let nobody sign for {} any more", ground.actor);
            let count = u64::try_from(proxies.len()).unwrap_or(u64::MAX);
            let freed = own_freed(&ground, count).await?;
            let draft = Draft::new(Call::new("Proxy", "remove_proxies"), summary);
            return Ok(deposit::returning(draft, freed)
                .effect(format!("{count} proxies are removed"))
                .warning("keyless accounts whose only proxy is this account are not touched by it"));
        };
        let (kind, delay) = (params.proxy_type.as_str(), params.delay);
        let wanted = Proxy { delegate: delegate.account(), proxy_type: kind.to_owned(), delay };
        if !proxies.contains(&wanted) {
            let known: Vec<String> = proxies
                .iter()
                .map(|proxy| format!("{} as `{}`, delay {}", proxy.delegate, proxy.proxy_type, proxy.delay))
                .collect();
            let known = if known.is_empty() { "nobody".to_owned() } else { known.join("; ") };
            return foreseen(format!("{delegate} is no `{kind}` proxy with delay {delay}: {known} may sign"));
        }
        let call = Call::new("Proxy", "remove_proxy")
            .arg("delegate", delegate)
            .arg("proxy_type", variant(kind))
            .arg("delay", delay);
        let draft =
            Draft::new(call, format!("Let {delegate} not sign for {} as `{kind}` proxy any more", ground.actor));
        Ok(deposit::returning(draft, own_freed(&ground, 1).await?))
    })
    .await
}

/// What comes back to the account when so many of its proxies go. The deposit for the first proxy of a keyless account
/// is held of its spawner, and comes back to nobody so: `kill_pure` returns it (pallet_proxy).
async fn own_freed(ground: &Ground, gone: u64) -> Result<Tao, SubmissionError> {
    let freed = deposit::PROXIES.freed(ground, ("Proxies", ground.actor), gone).await;
    Ok(freed.min(ground.view.balance(ground.actor).await?.reserved))
}

async fn create(parts: Arc<Parts>, params: CreateParams, _: Caller) -> Result<CreatedProxy, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    let receipt = receipt::sign::<Create, _>(&parts, key, params, |ground, params| async move {
        let kind = params.proxy_type.as_str();
        let call = Call::new("Proxy", "create_pure")
            .arg("proxy_type", variant(kind))
            .arg("delay", params.delay)
            .arg("index", params.index);
        let summary = format!("Create an account without a key, for which {} signs as `{kind}` proxy", ground.actor);
        let held = deposit::PROXIES.of(&ground, 1);
        let draft = deposit::holding(Draft::new(call, summary), held, "the account is given up");
        Ok(draft.warning("note block and index of the extrinsic: giving the account up asks for them"))
    })
    .await?;
    Ok(CreatedProxy { account: created(&receipt), receipt })
}

/// The new account from the event `PureCreated`.
fn created(receipt: &Receipt) -> Option<AccountId> {
    let (_, events) = receipt.outcome.included()?;
    let created = events.iter().find(|event| event.pallet == "Proxy" && event.name == "PureCreated")?;
    created.fields.get("pure")?.as_str()?.parse().ok()
}

async fn kill(parts: Arc<Parts>, params: KillParams, _: Caller) -> Result<Receipt, Failure> {
    if params.proxy.is_none() {
        let message = "name the keyless account as `proxy`: only it can give itself up, through its proxy";
        let error = btd_api::ApiError::new(btd_api::ErrorKind::InvalidParams, message).with("parameter", "proxy");
        return Err(Failure(error));
    }
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Kill, _>(&parts, key, params, |ground, params| async move {
        pure::require(&ground, &params).await?;
        let call = Call::new("Proxy", "kill_pure")
            .arg("spawner", params.spawner)
            .arg("proxy_type", variant(&params.proxy_type))
            .arg("index", params.index)
            .arg("height", params.height)
            .arg("ext_index", params.ext_index);
        let balance = ground.view.balance(ground.actor).await?.free;
        let freed = deposit::PROXIES.freed(&ground, ("Proxies", ground.actor), u64::MAX).await;
        Ok(Draft::new(call, format!("Give the keyless account {} up", ground.actor))
            .effect(format!("a deposit of τ{freed} comes back to {}", params.spawner))
            .warning(format!("what it holds is out of reach for ever: τ{balance} now, and all its stake")))
    })
    .await
}

async fn announce(parts: Arc<Parts>, params: AnnounceParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    let known = match (&params.call, params.call_hash) {
        (Some(any), None) => Some(call(any)?),
        (None, Some(_)) => None,
        _ => return Err(wrong("call_hash", "give the `call_hash`, or the `call` itself: one of the two".to_owned())),
    };
    receipt::sign::<Announce, _>(&parts, key, params, move |ground, params| {
        let known = known.clone();
        async move {
            let real = params.real;
            let hash = match (&known, params.call_hash) {
                (Some(known), _) => call_hash(known, ground.view.runtime())?,
                (None, Some(hash)) => hash,
                (None, None) => return Err(Precondition::Nothing.into()),
            };
            let draft = announcement(&ground, real, (hash, known.as_ref())).await?;
            Ok(known.into_iter().fold(draft, Draft::announces))
        }
    })
    .await
}

/// The draft of an announcement on behalf of `real`: of what has that hash, and is this call, where that is known.
async fn announcement(
    ground: &Ground,
    real: Coldkey,
    (hash, call): (BlockHash, Option<&Call>),
) -> Result<Draft, SubmissionError> {
    let open = announced::by(&ground.best().await, Coldkey(ground.actor)).await?;
    announced::require_none(ground, &open, (real, hash, call)).await?;
    let what = announced::named(call);
    room(ground, "MaxPending", open.len(), "announcements open: make or reject one first")?;
    let call = Call::new("Proxy", "announce").arg("real", real).arg("call_hash", hash);
    let draft = Draft::new(call, format!("Announce {what} {hash} on behalf of {real}"));
    let draft = draft.needs(Need::ProxyOf(real.account()));
    let held = deposit::ANNOUNCEMENTS.of_one_more(ground, "Announcements").await;
    Ok(deposit::holding(draft, held, "it is made or rejected"))
}

fn wrong(parameter: &str, words: String) -> Failure {
    Failure(ApiError::new(ErrorKind::InvalidParams, words).with("parameter", parameter))
}

/// Which announced call is meant: by its words, its bytes, its hash, or as the only one. Nothing is asked of the chain
/// for it: a repetition is answered from the journal, whether the chain is in reach or not.
fn meant(params: &ExecuteParams) -> Result<Meant, Failure> {
    match (&params.call, &params.call_hex, params.call_hash) {
        (None, None, None) => Ok(Meant::Only),
        (None, None, Some(hash)) => Ok(Meant::Hash(hash)),
        (Some(any), None, None) => Ok(Meant::Call(call(any)?)),
        // Whoever gives both gets a look at whether they are the same.
        (None, Some(text), hash) => {
            let digits = text.strip_prefix("0x").unwrap_or(text);
            let bytes = hex::decode(digits).map_err(|error| wrong("call_hex", format!("not bytes in hex: {error}")))?;
            Ok(Meant::Bytes(bytes, hash))
        }
        _ => Err(wrong("call", "give the `call`, or its bytes, or its hash".to_owned())),
    }
}

async fn execute(parts: Arc<Parts>, params: ExecuteParams, _: Caller) -> Result<Receipt, Failure> {
    let meant = meant(&params)?;
    let key = KeyId::coldkey(params.wallet.clone());
    let ours = Arc::clone(&parts);
    receipt::sign::<Execute, _>(&parts, key, params, move |ground, params| {
        let (ours, meant) = (Arc::clone(&ours), meant.clone());
        async move {
            let (real, delegate) = (params.real, params.delegate.unwrap_or(Coldkey(ground.actor)));
            let (hash, inner, kind) = announced::due(&ours, &ground, (real, delegate), &meant).await?;
            let summary = format!("Make the announced call {inner} on behalf of {real}");
            let replaced = Record::replaced_by(&inner, real.account());
            let call = Call::new("Proxy", "proxy_announced")
                .arg("delegate", delegate)
                .arg("real", real)
                .arg("force_proxy_type", kind.map_or(Value::Null, |kind| variant(&kind)))
                .arg("call", inner);
            let draft = replaced.into_iter().fold(Draft::new(call, summary), Draft::replaces);
            let draft = if matches!(meant, Meant::Only) { draft.makes(hash) } else { draft };
            let freed = deposit::ANNOUNCEMENTS.freed(&ground, ("Announcements", delegate.account()), 1).await;
            Ok(match freed {
                Tao::ZERO => draft,
                freed if delegate.account() != ground.actor => {
                    draft.effect(format!("a deposit of τ{freed} comes back to {delegate}"))
                }
                freed => deposit::returning(draft, freed),
            })
        }
    })
    .await
}
