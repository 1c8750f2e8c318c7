//! Locked stake, and the conviction that it earns hotkeys.
//!
//! What a lock has become by now is the runtime's own reckoning (`get_coldkey_lock`, `get_hotkey_conviction`).
//! Convictions are fixed point with 64 bits behind the point; the parts of a rao are left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use btd_api::{
    Alpha, AlphaAmount, BlockNumber, Coldkey, Hotkey, NetUid,
    stake::locks::{
        Candidate, ConvictionParams, ConvictionReply, IncomingLocks, IncomingLocksParams, Lock, LockMode,
        LockModeParams, LockParams, LockStake, Locks, LocksParams, LocksReply, MoveLock, MoveLockParams,
        SetIncomingLocks, SetLockMode,
    },
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, StakeInfo, Value, View};
use btd_signer_protocol::KeyId;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value as Json;

use super::{SUBTENSOR, account, number};
use crate::{
    daemon::Parts,
    rpc::{Caller, Failure, Table, receipt, root::AT_ONCE, subnets},
    submit::{Draft, Ground, Need, Precondition, SubmissionError, locks::accepts},
};

const STAKE_API: &str = "StakeInfoRuntimeApi";
/// How old a subnet has to be, in blocks, before conviction can change its owner.
const OLD: u32 = 2_629_800;
/// All conviction has to reach one part in so many of the alpha outside the pool.
const QUORUM: u64 = 10;
/// How many hotkeys are told when nobody says how many.
const USUAL: u32 = 25;
/// What lacks on a runtime from before locks.
const NO_LOCKS: &str = "nothing does the same there: stake can always be taken out";
/// What lacks on a runtime that keeps locks and does not reckon what they have become.
const NO_RECKONING: &str = "how much is still locked cannot be told there, nor what may leave; as it was locked it is in \
                            `query storage SubtensorModule Lock`";

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<LockStake>(lock)
        .method::<SetLockMode>(set_mode)
        .method::<MoveLock>(move_lock)
        .method::<SetIncomingLocks>(set_incoming)
        .method::<Locks>(locks)
        .method::<btd_api::stake::locks::Conviction>(conviction)
        .done();
}

/// The lock of a coldkey on a subnet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) hotkey: Hotkey,
    pub(super) locked: Alpha,
    conviction: Alpha,
}

async fn lock(parts: Arc<Parts>, params: LockParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<LockStake, _>(&parts, key, params, move |ground, params| async move {
        ground.require_call(SUBTENSOR, "lock_stake", NO_LOCKS)?;
        let (netuid, coldkey) = (params.netuid, Coldkey(ground.actor));
        ground.require_subnet(netuid).await?;
        let stakes = ground.view.stake_for_coldkey(ground.actor).await?;
        let standing = standing(&ground.view, coldkey, netuid).await?;
        let mode = mode(&ground.view, coldkey, netuid).await?;
        let amount = lockable(params.amount, staked(&stakes, netuid), standing, (hotkey, netuid))?;
        let wanted = params.mode.unwrap_or(mode);
        let call = Call::new(SUBTENSOR, "lock_stake").arg("hotkey", hotkey).arg("netuid", netuid).arg("amount", amount);
        let draft = Draft::new(call, format!("Lock α{amount} of subnet {netuid} for hotkey {hotkey}"));
        let draft = draft.effect(aging(wanted)).needs(Need::Subnet(netuid)).needs(Need::KnownHotkey(hotkey));
        let first = (wanted != mode).then(|| aging_draft(netuid, wanted));
        Draft::all_of(first.into_iter().chain([draft]).collect()).ok_or_else(|| Precondition::Nothing.into())
    })
    .await
}

/// How much is to be locked, if the chain will take it.
fn lockable(
    amount: AlphaAmount,
    staked: Alpha,
    standing: Option<Standing>,
    (hotkey, netuid): (Hotkey, NetUid),
) -> Result<Alpha, SubmissionError> {
    if let Some(other) = standing.map(|lock| lock.hotkey).filter(|other| *other != hotkey) {
        let words = format!(
            "the lock on subnet {netuid} is for hotkey {other}, and there is one for each subnet: lock more for that one, or \
             move the lock"
        );
        return receipt::foreseen("LockHotkeyMismatch", words);
    }
    let locked = standing.map_or(Alpha::ZERO, |lock| lock.locked);
    let free = staked.saturating_sub(locked);
    let amount = match amount {
        AlphaAmount::Exactly(amount) => amount,
        AlphaAmount::All => free,
    };
    if amount == Alpha::ZERO {
        return Err(Precondition::Nothing.into());
    }
    if amount > free {
        let words =
            format!("of α{staked} staked on subnet {netuid}, α{locked} are locked: α{amount} more cannot be locked");
        return receipt::foreseen("InsufficientStakeForLock", words);
    }
    Ok(amount)
}

fn aging(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Decaying => "it shrinks with every block, and what it lets go may leave",
        LockMode::Perpetual => "none of it may leave until the lock is set to decay",
    }
}

fn aging_draft(netuid: NetUid, mode: LockMode) -> Draft {
    let call =
        Call::new(SUBTENSOR, "set_perpetual_lock").arg("netuid", netuid).arg("enabled", mode == LockMode::Perpetual);
    let word = match mode {
        LockMode::Decaying => "decay",
        LockMode::Perpetual => "stay",
    };
    Draft::new(call, format!("Let what is locked on subnet {netuid} {word}"))
}

async fn set_mode(parts: Arc<Parts>, params: LockModeParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SetLockMode, _>(&parts, key, params, |ground, params| async move {
        ground.require_call(SUBTENSOR, "set_perpetual_lock", NO_LOCKS)?;
        let draft =
            aging_draft(params.netuid, params.mode).effect(aging(params.mode)).needs(Need::Subnet(params.netuid));
        if mode(&ground.view, Coldkey(ground.actor), params.netuid).await? == params.mode {
            return Ok(draft.warning("it does so already"));
        }
        Ok(draft)
    })
    .await
}

async fn move_lock(parts: Arc<Parts>, params: MoveLockParams, _: Caller) -> Result<Receipt, Failure> {
    let dest = receipt::hotkey(&parts, &params.wallet, &params.dest_hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<MoveLock, _>(&parts, key, params, move |ground, params| async move {
        ground.require_call(SUBTENSOR, "move_lock", NO_LOCKS)?;
        let netuid = params.netuid;
        ground.require_subnet(netuid).await?;
        let Some(lock) = standing(&ground.view, Coldkey(ground.actor), netuid).await? else {
            return receipt::foreseen("NoExistingLock", format!("nothing is locked on subnet {netuid}"));
        };
        if lock.hotkey == dest {
            return Err(Precondition::Nothing.into());
        }
        let call = Call::new(SUBTENSOR, "move_lock").arg("destination_hotkey", dest).arg("netuid", netuid);
        let summary =
            format!("Let the α{} locked on subnet {netuid} be for hotkey {dest}, not for {}", lock.locked, lock.hotkey);
        let draft = Draft::new(call, summary).warning("conviction begins anew at nothing");
        Ok(draft.needs(Need::Subnet(netuid)).needs(Need::KnownHotkey(dest)))
    })
    .await
}

async fn locks(parts: Arc<Parts>, params: LocksParams, _: Caller) -> Result<LocksReply, Failure> {
    let coldkey = receipt::coldkey(&parts, params.wallet, params.address).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    receipt::require_item(&view, SUBTENSOR, "Lock", NO_LOCKS)?;
    if let Some(netuid) = params.netuid
        && !view.subnet_exists(netuid).await?
    {
        return Err(subnets::no_subnet_at(netuid, at));
    }
    let standings: BTreeMap<NetUid, Standing> = match params.netuid {
        Some(netuid) => standing(&view, coldkey, netuid).await?.map(|lock| (netuid, lock)).into_iter().collect(),
        None => standings(&view, coldkey).await?,
    };
    let stakes = view.stake_for_coldkey(coldkey.account()).await?;
    let places: Vec<Vec<Value>> = standings.keys().map(|netuid| vec![coldkey.into(), (*netuid).into()]).collect();
    let decays = view.storage_json_many(SUBTENSOR, "DecayingLock", &places).await?;
    let lock = |((netuid, standing), decays): ((NetUid, Standing), &Json)| {
        let staked = staked(&stakes, netuid);
        Lock {
            netuid,
            hotkey: standing.hotkey,
            mode: mode_of(decays),
            locked: standing.locked,
            conviction: standing.conviction,
            staked,
            free: staked.saturating_sub(standing.locked),
        }
    };
    let locks = standings.into_iter().zip(&decays).map(lock).collect();
    let rate = async |item| view.storage_json(SUBTENSOR, item, &[]).await.map(|rate| number(&rate).unwrap_or(0));
    let (unlock_blocks, maturity_blocks) = (rate("UnlockRate").await?, rate("MaturityRate").await?);
    Ok(LocksReply { at, coldkey, unlock_blocks, maturity_blocks, locks })
}

async fn conviction(parts: Arc<Parts>, params: ConvictionParams, _: Caller) -> Result<ConvictionReply, Failure> {
    let netuid = params.netuid;
    let (view, at) = receipt::view(&parts.link).await?;
    receipt::require_item(&view, SUBTENSOR, "HotkeyLock", NO_LOCKS)?;
    receipt::require_api(&view, STAKE_API, "get_hotkey_conviction", NO_RECKONING)?;
    if !view.subnet_exists(netuid).await? {
        return Err(subnets::no_subnet_at(netuid, at));
    }
    let of_subnet = [Value::from(netuid)];
    let owner = account(&view.storage_json(SUBTENSOR, "SubnetOwnerHotkey", &of_subnet).await?);
    let mut hotkeys = BTreeSet::new();
    for item in ["HotkeyLock", "DecayingHotkeyLock"] {
        let entries = view.storage_entries(SUBTENSOR, item, &of_subnet, usize::from(u16::MAX)).await?;
        hotkeys.extend(entries.iter().filter_map(|entry| account(entry.keys.get(1)?)));
    }
    for item in ["OwnerLock", "DecayingOwnerLock"] {
        let lock = view.storage_json(SUBTENSOR, item, &of_subnet).await?;
        hotkeys.extend(owner.filter(|_| !lock.is_null()));
    }
    let reads: Vec<_> = hotkeys.iter().map(|hotkey| conviction_of(&view, *hotkey, netuid)).collect();
    let convictions: Vec<Alpha> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let candidate =
        |(hotkey, conviction)| Candidate { hotkey, coldkey: None, conviction, is_owner: owner == Some(hotkey) };
    let mut candidates: Vec<Candidate> = hotkeys.into_iter().zip(convictions).map(candidate).collect();
    candidates.retain(|candidate| candidate.conviction > Alpha::ZERO);
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.conviction));
    let total = candidates.iter().fold(Alpha::ZERO, |sum, candidate| sum.saturating_add(candidate.conviction));
    candidates.truncate(usize::try_from(params.limit.unwrap_or(USUAL)).unwrap_or(usize::MAX));
    let hotkeys: Vec<Vec<Value>> = candidates.iter().map(|candidate| vec![candidate.hotkey.into()]).collect();
    let owners = view.storage_json_many(SUBTENSOR, "Owner", &hotkeys).await?;
    for (candidate, owner) in candidates.iter_mut().zip(&owners) {
        candidate.coldkey = account(owner).map(|owner| Coldkey(owner.account()));
    }
    let read =
        async |item| view.storage_json(SUBTENSOR, item, &of_subnet).await.map(|value| number(&value).unwrap_or(0));
    let outside = read("SubnetAlphaOut").await?;
    let registered_at = u32::try_from(read("NetworkRegisteredAt").await?).unwrap_or(u32::MAX);
    Ok(ConvictionReply {
        at,
        netuid,
        candidates,
        total,
        needed: Alpha::from_rao(outside / QUORUM),
        registered_at: BlockNumber(registered_at),
        open_from: BlockNumber(registered_at.saturating_add(OLD)),
    })
}

/// The conviction that locks on a subnet earn a hotkey.
async fn conviction_of(view: &View, hotkey: Hotkey, netuid: NetUid) -> Result<Alpha, ReadError> {
    let arguments = [Value::from(hotkey), netuid.into()];
    view.runtime_api_json(STAKE_API, "get_hotkey_conviction", &arguments).await.map(|conviction| fixed(&conviction))
}

/// Every lock of a coldkey as it stands now, but those in which nothing is locked any longer.
pub(super) async fn standings(view: &View, coldkey: Coldkey) -> Result<BTreeMap<NetUid, Standing>, SubmissionError> {
    let entries = match view.storage_entries(SUBTENSOR, "Lock", &[Value::from(coldkey)], usize::from(u16::MAX)).await {
        // Before locks there were none.
        Err(ReadError::Absent(_)) => return Ok(BTreeMap::new()),
        entries => entries?,
    };
    let place = |entry: &btd_chain::StorageEntry| {
        let netuid = u16::try_from(entry.keys.get(1)?.as_u64()?).ok().map(NetUid)?;
        Some((netuid, account(entry.keys.get(2)?)?))
    };
    let places: BTreeMap<NetUid, Hotkey> = entries.iter().filter_map(place).collect();
    let reads: Vec<_> = places.into_iter().map(|place| reckoned(view, coldkey, place)).collect();
    let found: Vec<Option<(NetUid, Standing)>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The lock as it stands now; none where nothing is locked, or no longer.
pub(super) async fn standing(
    view: &View,
    coldkey: Coldkey,
    netuid: NetUid,
) -> Result<Option<Standing>, SubmissionError> {
    let keys = [Value::from(coldkey), netuid.into()];
    let entries = match view.storage_entries(SUBTENSOR, "Lock", &keys, 1).await {
        // Before locks there were none.
        Err(ReadError::Absent(_)) => return Ok(None),
        entries => entries?,
    };
    let Some(hotkey) = entries.first().and_then(|entry| account(entry.keys.get(2)?)) else { return Ok(None) };
    Ok(reckoned(view, coldkey, (netuid, hotkey)).await?.map(|(_, standing)| standing))
}

/// What has become of the lock on a subnet for a hotkey; none where nothing is locked any longer.
async fn reckoned(
    view: &View,
    coldkey: Coldkey,
    (netuid, hotkey): (NetUid, Hotkey),
) -> Result<Option<(NetUid, Standing)>, SubmissionError> {
    receipt::require_api(view, STAKE_API, "get_coldkey_lock", NO_RECKONING)?;
    let keys = [Value::from(coldkey), netuid.into()];
    let state = view.runtime_api_json(STAKE_API, "get_coldkey_lock", &keys).await?;
    // A lock that has run out is told as one of nothing until something touches it.
    let Some(locked) = state.get("locked_mass").and_then(number).filter(|mass| *mass > 0) else { return Ok(None) };
    let conviction = state.get("conviction").map_or(Alpha::ZERO, fixed);
    Ok(Some((netuid, Standing { hotkey, locked: Alpha::from_rao(locked), conviction })))
}

async fn mode(view: &View, coldkey: Coldkey, netuid: NetUid) -> Result<LockMode, ReadError> {
    let decays = view.storage_json(SUBTENSOR, "DecayingLock", &[Value::from(coldkey), netuid.into()]).await?;
    Ok(mode_of(&decays))
}

/// How a lock ages, as storage tells it (`DecayingLock`).
fn mode_of(decays: &Json) -> LockMode {
    if *decays == Json::Bool(false) { LockMode::Perpetual } else { LockMode::Decaying }
}

/// Refuses to give `bound` locked alpha to a coldkey that accepts none, where it would stay on its subnet.
pub(super) async fn require_acceptance(
    ground: &Ground,
    to: Coldkey,
    (origin, dest): (NetUid, NetUid),
    bound: Alpha,
) -> Result<(), SubmissionError> {
    if origin != dest || accepts(&ground.view, to).await? != Some(false) {
        return Ok(());
    }
    let words = format!(
        "α{bound} of it are locked, and {to} accepts no locked stake: its owner can say so with `lock incoming accept`; give \
         less, or wait until what is locked has become free"
    );
    receipt::foreseen("AccountRejectsLockedAlpha", words)
}

async fn set_incoming(parts: Arc<Parts>, params: IncomingLocksParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SetIncomingLocks, _>(&parts, key, params, |ground, params| async move {
        const CALL: &str = "set_reject_locked_alpha";
        ground.require_call(SUBTENSOR, CALL, NO_LOCKS)?;
        let coldkey = Coldkey(ground.actor);
        let (wanted, words) = match params.incoming {
            IncomingLocks::Accept => (true, format!("Let others give locked stake to {coldkey}")),
            IncomingLocks::Reject => (false, format!("Let nobody give locked stake to {coldkey}")),
        };
        let draft = Draft::new(Call::new(SUBTENSOR, CALL).arg("enabled", !wanted), words);
        if accepts(&ground.view, coldkey).await? == Some(wanted) {
            return Ok(draft.warning("it is so already"));
        }
        Ok(match params.incoming {
            IncomingLocks::Accept => draft.effect("what is locked of it stays locked, for the hotkey that it was for"),
            IncomingLocks::Reject => draft,
        })
    })
    .await
}

/// What a coldkey has staked on a subnet altogether.
pub(super) fn staked(stakes: &[StakeInfo], netuid: NetUid) -> Alpha {
    let own = stakes.iter().filter(|stake| stake.netuid == netuid);
    own.fold(Alpha::ZERO, |sum, stake| sum.saturating_add(stake.stake))
}

/// The whole part of a fixed-point number with 64 bits behind the point.
fn fixed(number: &Json) -> Alpha {
    let bits = number.get("bits").unwrap_or(number);
    let bits = bits.as_str().and_then(|text| text.parse::<u128>().ok()).or_else(|| bits.as_u64().map(u128::from));
    Alpha::from_rao(u64::try_from(bits.unwrap_or(0) >> 64).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;
    use serde_json::json;

    use super::*;

    #[test]
    fn convictions_are_whole_rao() {
        assert_eq!(fixed(&json!({ "bits": (5_u128 << 64 | 7).to_string() })), Alpha::from_rao(5));
        assert_eq!(fixed(&json!({ "bits": 7 })), Alpha::ZERO);
        assert_eq!(fixed(&json!({ "bits": u128::MAX.to_string() })), Alpha::from_rao(u64::MAX));
        assert_eq!(fixed(&Json::Null), Alpha::ZERO);
    }

    #[test]
    fn what_the_chain_would_not_lock_is_refused_before() {
        let hotkey = |byte| Hotkey(AccountId([byte; 32]));
        let alpha = Alpha::from_rao;
        let standing =
            |byte, locked| Some(Standing { hotkey: hotkey(byte), locked: alpha(locked), conviction: Alpha::ZERO });
        let lock = |amount, staked, standing| lockable(amount, alpha(staked), standing, (hotkey(1), NetUid(2))).ok();
        let exactly = |rao| AlphaAmount::Exactly(alpha(rao));
        assert_eq!(lock(exactly(5), 5, None), Some(alpha(5)));
        assert_eq!(lock(exactly(6), 5, None), None);
        assert_eq!(lock(AlphaAmount::All, 9, standing(1, 4)), Some(alpha(5)));
        assert_eq!(lock(exactly(6), 9, standing(1, 4)), None);
        assert_eq!(lock(AlphaAmount::All, 4, standing(1, 4)), None);
        assert_eq!(lock(exactly(1), 9, standing(3, 4)), None);
    }
}
