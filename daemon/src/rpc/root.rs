//! The noun `root`: subnet 0, whose validators share in every subnet, and delegation.
//!
//! Root weights and the senate are gone from today's runtime; where the connected one still has
//! them they work, elsewhere the answer names what took their place.

mod delegation;
mod seat;
mod senate;
mod weights;

use std::{sync::Arc, time::Duration};

use btd_api::{
    Alpha, BlockNumber, Coldkey, Hotkey, NetUid, Ratio, Tao, TaoChange, Uid,
    root::{
        Boost, CHANGE_BLOCKS, Delegate, DelegateTo, Delegates, DelegatesReply, GetTake, GetTakeParams, GetWeights,
        List, MyDelegates, Nominate, Proposals, Register, RootValidator, RootValidators, Senate, SenateVote, SetTake,
        SetTakeParams, Slash, Take, Undelegate, Weights,
    },
    rpc::Nothing,
    wallet::Receipt,
};
use btd_chain::{Call, Link, ReadError, Value, View};
use btd_signer_protocol::KeyId;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value as Json;
use tokio::{join, time::timeout, try_join};

pub(super) use self::weights::{check_row, require_weights_of_zero};
use super::{
    Caller, Failure, Table, receipt,
    stake::{SUBTENSOR, account, kept, number, raises},
};
use crate::{
    causes::with_causes,
    daemon::Parts,
    submit::{Draft, Need, Pace, Precondition},
};

const WHOLE: u64 = 65_535;

/// How long the past may take of which only a change is told.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reads that are under way at once where many are needed.
pub(super) const AT_ONCE: usize = 32;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<List>(list)
        .method::<Register>(seat::register)
        .method::<Delegates>(delegates)
        .method::<GetTake>(get_take)
        .method::<SetTake>(set_take)
        .method::<Weights>(weights::set)
        .method::<GetWeights>(weights::get)
        .method::<Boost>(weights::boost)
        .method::<Slash>(weights::slash)
        .method::<Senate>(senate::members)
        .method::<Proposals>(senate::proposals)
        .method::<SenateVote>(senate::vote)
        .method::<DelegateTo>(delegation::delegate)
        .method::<Undelegate>(delegation::undelegate)
        .method::<MyDelegates>(delegation::mine)
        .method::<Nominate>(delegation::nominate)
        .done();
}

/// The hotkey of a wallet, and the key that names it.
async fn own_hotkey(
    parts: &Parts,
    wallet: &btd_api::WalletName,
    hotkey: &btd_api::HotkeyName,
) -> Result<(KeyId, Hotkey), Failure> {
    let key = KeyId::hotkey(wallet.clone(), hotkey.clone());
    let account = parts.custody.public(&key).await?.account;
    Ok((key, Hotkey(account)))
}

async fn list(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<RootValidators, Failure> {
    let (view, at) = receipt::view(&parts.link).await?;
    let keys = view.storage_entries(SUBTENSOR, "Keys", &[NetUid::ROOT.into()], usize::from(u16::MAX)).await?;
    let places = keys.iter().filter_map(|entry| {
        let uid = entry.keys.get(1).and_then(Json::as_u64).and_then(|uid| u16::try_from(uid).ok());
        Some((Uid(uid?), account(&entry.value)?))
    });
    let places: Vec<(Uid, Hotkey)> = places.collect();
    let seated = senate::seated_if_any(&view).await?;
    let seated = seated.as_deref();
    let read = stream::iter(places).map(|place| root_validator(&view, place, seated)).buffered(AT_ONCE);
    let mut validators: Vec<RootValidator> = read.try_collect().await?;
    validators.sort_by_key(|validator| validator.uid);
    Ok(RootValidators { at, validators })
}

async fn root_validator(
    view: &View,
    (uid, hotkey): (Uid, Hotkey),
    seated: Option<&[Hotkey]>,
) -> Result<RootValidator, ReadError> {
    let (key, hotkeys) = ([hotkey.into()], [hotkey]);
    let (owner, stakes) = try_join!(view.storage_json(SUBTENSOR, "Owner", &key), seat::root_stakes(view, &hotkeys))?;
    let coldkey = account(&owner).map(|owner| Coldkey(owner.account()));
    let name = match coldkey {
        Some(coldkey) => name_of(view, coldkey).await?,
        None => String::new(),
    };
    let stake = stakes.first().copied().unwrap_or_default();
    Ok(RootValidator { uid, hotkey, coldkey, name, stake, senator: seated.map(|seated| seated.contains(&hotkey)) })
}

async fn delegates(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<DelegatesReply, Failure> {
    let (view, at) = receipt::view(&parts.link).await?;
    let mut delegates = known_delegates(&view).await?;
    delegates.sort_by_key(|delegate| std::cmp::Reverse(delegate.nominators));
    let owners: Vec<Coldkey> = delegates.iter().map(|delegate| delegate.owner).collect();
    let (names, before) = join!(names_of(&view, &owners), delegates_before(&parts.link, at.block.number));
    for (delegate, name) in delegates.iter_mut().zip(names?) {
        delegate.name = name;
        let then = before.iter().find(|then| then.hotkey == delegate.hotkey);
        delegate.change = then.map(|then| TaoChange::between(then.total_stake, delegate.total_stake));
    }
    Ok(DelegatesReply { at, delegates })
}

/// The delegates of [`CHANGE_BLOCKS`] before a block; none where no endpoint keeps what was then, which most do not.
async fn delegates_before(link: &Link, now: BlockNumber) -> Vec<Delegate> {
    let Some(then) = now.0.checked_sub(CHANGE_BLOCKS) else { return Vec::new() };
    let read = async { known_delegates(&link.view_of(BlockNumber(then)).await?).await };
    match timeout(PATIENCE, read).await {
        Ok(Ok(delegates)) => delegates,
        Ok(Err(error)) => {
            tracing::debug!(block = then, error = with_causes(&error), "could not read the delegates of then");
            Vec::new()
        }
        Err(_) => {
            tracing::debug!(block = then, "nobody told the delegates of then in time");
            Vec::new()
        }
    }
}

/// Everybody to stake behind, without their names.
async fn known_delegates(view: &View) -> Result<Vec<Delegate>, ReadError> {
    let told = view.runtime_api_json("DelegateInfoRuntimeApi", "get_delegates", &[]).await?;
    Ok(told.as_array().into_iter().flatten().filter_map(delegate).collect())
}

/// The name in a coldkey's identity; empty where it has none.
pub(super) async fn name_of(view: &View, coldkey: Coldkey) -> Result<String, ReadError> {
    Ok(names_of(view, &[coldkey]).await?.pop().unwrap_or_default())
}

/// The same of many, in their order, in as few requests as can be.
pub(super) async fn names_of(view: &View, coldkeys: &[Coldkey]) -> Result<Vec<String>, ReadError> {
    let places: Vec<Vec<Value>> = coldkeys.iter().map(|coldkey| vec![(*coldkey).into()]).collect();
    let identities = match view.storage_json_many(SUBTENSOR, "IdentitiesV2", &places).await {
        Ok(identities) => identities,
        Err(ReadError::Absent(_)) => return Ok(vec![String::new(); coldkeys.len()]),
        Err(error) => return Err(error),
    };
    Ok(identities.iter().map(|identity| identity.get("name").map(text).unwrap_or_default()).collect())
}

/// Bytes that are meant as text, as storage tells them.
pub(super) fn text(json: &Json) -> String {
    let bytes = json.as_str().and_then(|hex| hex::decode(hex.strip_prefix("0x")?).ok());
    bytes.map_or_else(
        || json.as_str().unwrap_or_default().to_owned(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

fn delegate(told: &Json) -> Option<Delegate> {
    let netuids = |name: &str| {
        let netuid = |json: &Json| number(json).and_then(|netuid| u16::try_from(netuid).ok()).map(NetUid);
        told.get(name).and_then(Json::as_array).into_iter().flatten().filter_map(netuid).collect()
    };
    let daily = |name: &str| Alpha::from_rao(told.get(name).and_then(number).unwrap_or(0));
    let owner = account(told.get("owner_ss58")?)?;
    let nominators = told.get("nominators")?.as_array().map(Vec::as_slice).unwrap_or_default();
    let stakes = || nominators.iter().map(|one| (one.get(0).and_then(account), on_root(one.get(1))));
    let sum = |stakes: &mut dyn Iterator<Item = Tao>| stakes.fold(Tao::ZERO, Tao::saturating_add);
    let total_stake = sum(&mut stakes().map(|(_, stake)| stake));
    let daily_return = daily("total_daily_return");
    // Before stake was parted by subnets the runtime told whole tao there, which is nothing of most.
    let is_parted = nominators.iter().any(|one| one.get(1).is_some_and(Json::is_array));
    let return_per_1000 =
        if is_parted { daily("return_per_1000") } else { per_1000(daily_return, total_stake).unwrap_or_default() };
    Some(Delegate {
        hotkey: account(told.get("delegate_ss58")?)?,
        owner: Coldkey(owner.account()),
        name: String::new(),
        take: Ratio::from_parts(number(told.get("take")?)?, WHOLE),
        nominators: u32::try_from(nominators.len()).unwrap_or(u32::MAX),
        own_stake: sum(&mut stakes().filter(|(whose, _)| *whose == Some(owner)).map(|(_, stake)| stake)),
        total_stake,
        change: None,
        return_per_1000,
        daily_return,
        registrations: netuids("registrations"),
        validator_permits: netuids("validator_permits"),
    })
}

/// What τ1000 of a stake earn in a day, of what all of it earns; none of nothing.
fn per_1000(daily_return: Alpha, stake: Tao) -> Option<Alpha> {
    const THOUSAND: u128 = 1_000_000_000_000;
    let rao = (u128::from(daily_return.rao()) * THOUSAND).checked_div(stake.rao().into())?;
    u64::try_from(rao).ok().map(Alpha::from_rao)
}

/// What a nominator has on root, of its stakes by subnet; all of it where the runtime does not part stake.
fn on_root(stakes: Option<&Json>) -> Tao {
    let rao = match stakes {
        // Of the other subnets the runtime tells what lies at a place, not on a netuid; root is at the first.
        Some(Json::Array(stakes)) => {
            let root = stakes.iter().find(|stake| stake.get(0).and_then(number) == Some(0));
            root.and_then(|stake| stake.get(1)).and_then(number)
        }
        Some(stake) => number(stake),
        None => None,
    };
    Tao::from_rao(rao.unwrap_or(0))
}

async fn get_take(parts: Arc<Parts>, params: GetTakeParams, _: Caller) -> Result<Take, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    let Takes { now, is_delegate, most, .. } = takes(&view, hotkey).await?;
    let share = |parts| Ratio::from_parts(parts, WHOLE);
    let owner = view.storage_json(SUBTENSOR, "Owner", &[hotkey.into()]).await?;
    if !is_delegate && account(&owner).is_none() {
        let words = format!("the chain does not know hotkey {hotkey}: check the address, or register it first");
        return Err(Precondition::NotThere { error: "HotKeyAccountNotExists", words }.into());
    }
    Ok(Take { at, hotkey, take: share(now), is_delegate, most: most.map(share) })
}

/// A hotkey's take and its bounds, in parts of 65535.
struct Takes {
    now: u64,
    /// Whether it has an entry of its own: read by its name, what has none has the chain's usual take.
    is_delegate: bool,
    /// None where the runtime knows no bound.
    least: Option<u64>,
    /// None where the runtime knows no bound.
    most: Option<u64>,
}

async fn takes(view: &View, hotkey: Hotkey) -> Result<Takes, ReadError> {
    let hotkey = [hotkey.into()];
    let (now, entries, least, most) = try_join!(
        view.storage_json(SUBTENSOR, "Delegates", &hotkey),
        view.storage_entries(SUBTENSOR, "Delegates", &hotkey, 1),
        kept(view, "MinDelegateTake"),
        kept(view, "MaxDelegateTake"),
    )?;
    Ok(Takes { now: number(&now).unwrap_or(0), is_delegate: !entries.is_empty(), least, most })
}

async fn set_take(parts: Arc<Parts>, params: SetTakeParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SetTake, _>(&parts, key, params, move |ground, params| async move {
        let Takes { now, is_delegate, least, most } = takes(&ground.view, hotkey).await?;
        let (least, most) = (least.unwrap_or(0), most.unwrap_or(WHOLE));
        let wanted = u64::from(params.take.down_to(u16::MAX));
        let call = if wanted > now { "increase_take" } else { "decrease_take" };
        ground.require_call(SUBTENSOR, call, "a take is what the chain gives each delegate, and cannot be changed")?;
        let foreseen = |error, words| Err(Precondition::Foreseen { error, words }.into());
        let share = |parts| Ratio::from_parts(parts, WHOLE);
        if wanted > most {
            return foreseen("DelegateTakeTooHigh", format!("the chain allows a take of {} at most", share(most)));
        }
        // Who has none may set the usual one.
        if wanted < least || (wanted == now && is_delegate) {
            let words =
                format!("hotkey {hotkey} takes {} now, and the chain allows {} at least", share(now), share(least));
            return foreseen("DelegateTakeTooLow", words);
        }
        let call = Call::new(SUBTENSOR, call).arg("hotkey", hotkey).arg("take", Value::from(wanted));
        let summary =
            format!("Let hotkey {hotkey} keep {} of what others' stake earns, after {}", params.take, share(now));
        let draft = Draft::new(call, summary).needs(Need::OwnHotkey(hotkey));
        let draft = if wanted > now { draft.needs(Need::Rested(Pace::DelegateTake(hotkey))) } else { draft };
        let raised = raises(&ground.view, "TxDelegateTakeRateLimit").await?;
        Ok(raised.map(|words| format!("{words}, counted from any change")).into_iter().fold(draft, Draft::warning))
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn delegates_are_read() {
        let (hotkey, owner) =
            ("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
        let told = json!({
            "delegate_ss58": hotkey, "take": 11796,
            "nominators": [[owner, [[0, "5"], [1, "70"]]], [hotkey, [[0, 2]]], [hotkey, [[3, "9"]]]], "owner_ss58": owner,
            "registrations": [0, 1], "validator_permits": [1], "return_per_1000": "3", "total_daily_return": 4,
        });
        let one = delegate(&told).unwrap();
        let rao = |tao: Tao| tao.rao();
        assert_eq!((rao(one.own_stake), rao(one.total_stake)), (5, 7));
        assert_eq!((one.return_per_1000.rao(), one.daily_return.rao()), (3, 4));
        // Before stake was parted by subnets.
        let mut old = told.clone();
        old["nominators"] = json!([[owner, "5"], [hotkey, 6]]);
        let old = delegate(&old).unwrap();
        assert_eq!((rao(old.own_stake), rao(old.total_stake), old.nominators), (5, 11, 2));
        let delegate = one;
        assert_eq!((delegate.hotkey.to_string().as_str(), delegate.nominators), (hotkey, 3));
        assert_eq!((delegate.registrations, delegate.validator_permits), (vec![NetUid(0), NetUid(1)], vec![NetUid(1)]));
        assert_eq!(delegate.take.of(WHOLE), 11_796);
    }

    #[test]
    fn text_is_bytes_or_itself() {
        assert_eq!(
            (text(&json!("0x616263")), text(&json!("abc")), text(&Json::Null)),
            ("abc".into(), "abc".into(), String::new())
        );
    }
}
