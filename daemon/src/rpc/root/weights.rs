//! The weights that root validators give to subnets: what steered emission before spec 233.
//!
//! Runtimes before spec 186 take them by `set_weights` of subnet 0, signed by the hotkey; those up to
//! 314 by a call of their own, signed by the coldkey, which was renamed once. Later ones take none;
//! a development chain with `legacy_root` takes them in the oldest way.

use std::{collections::BTreeSet, sync::Arc};

use btd_api::{
    AccountId, ApiError, ErrorKind, Hotkey, MechId, NetUid, Ratio, Role, Uid, WalletName,
    root::{Boost, NudgeParams, RootRow, RootRows, Slash, SubnetShare, SubnetWeight, Weights, WeightsParams},
    rpc::Nothing,
    signing::{Manner, Signing},
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, Value, View};
use btd_signer_protocol::{KeyId, Refusal, RefusalKind};
use serde_json::Value as Json;

use super::{
    Caller, Failure, SUBTENSOR, account, number, own_hotkey,
    receipt::{self, foreseen},
};
use crate::{
    custody::CustodyError,
    daemon::Parts,
    rpc::Rights,
    submit::{Draft, Ground, Hiding, Need, Pace, Precondition, SubmissionError},
};

const INSTEAD: &str = "subnets earn by the stake that flows to them: `stake add` is how to back one";
/// The calls of their own, the newer name last.
const OWN: [&str; 2] = ["set_root_weights", "set_tao_weights"];
/// The first runtime that has one of them.
const FIRST_WITH_OWN: u32 = 186;
/// A row as a whole, in billionths.
const WHOLE: u64 = 1_000_000_000;

/// How the connected runtime takes root weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As weights of subnet 0.
    OfSubnetZero,
    /// By this call.
    Own(&'static str),
    /// Not at all.
    None,
}

async fn way(view: &View) -> Result<Way, ReadError> {
    let runtime = view.runtime();
    if let Some(own) = OWN.into_iter().find(|call| runtime.has_call(SUBTENSOR, call)) {
        return Ok(Way::Own(own));
    }
    let counts = if runtime.has_storage(SUBTENSOR, "LegacyRoot") {
        view.storage_json(SUBTENSOR, "LegacyRoot", &[]).await? == Json::Bool(true)
    } else {
        runtime.spec_version() < FIRST_WITH_OWN
    };
    Ok(if counts && runtime.has_call(SUBTENSOR, "set_weights") { Way::OfSubnetZero } else { Way::None })
}

/// The key that signs root weights of a hotkey: of what was signed under the caller's idempotency key the one that did, for
/// a repetition asks no chain and no later runtime; else the one that the connected runtime wants. Whoever may act with
/// hotkeys alone has no coldkey sign.
async fn signer(
    parts: &Parts,
    (wallet, manner): (&WalletName, &Manner),
    (key, hotkey): (KeyId, Hotkey),
    rights: Rights,
) -> Result<KeyId, Failure> {
    let coldkey = KeyId::coldkey(wallet.clone());
    if let Some(signer) = signed_before(parts, manner).await? {
        let is_coldkey = signer != hotkey.account()
            && match parts.custody.public(&coldkey).await {
                Ok(public) => public.account == signer,
                // A host that has hotkeys alone.
                Err(CustodyError::Refused(Refusal { kind: RefusalKind::NotFound, .. })) => false,
                Err(error) => return Err(error.into()),
            };
        if !is_coldkey {
            // If it was another key altogether, the order was another one, and is told to be.
            return Ok(key);
        }
        require_spending(rights, "what was ordered under this idempotency key was signed by the coldkey")?;
        return Ok(coldkey);
    }
    let (view, _) = receipt::view(&parts.link).await?;
    let way = way(&view).await?;
    require_role(way, rights)?;
    Ok(match way {
        Way::Own(_) => coldkey,
        Way::OfSubnetZero | Way::None => key,
    })
}

/// Who signed what was ordered under the caller's idempotency key, if anything was.
async fn signed_before(parts: &Parts, manner: &Manner) -> Result<Option<AccountId>, Failure> {
    let Some(key) = manner.idempotency_key.clone().filter(|_| !manner.dry_run) else { return Ok(None) };
    // Which chain's journal it is depends on which is found.
    parts.link.begun().await;
    let found = parts.submitter.logged_under(key).await?;
    Ok(found.map(|intent| intent.recorded.extrinsic.signer))
}

fn require_role(way: Way, rights: Rights) -> Result<(), Failure> {
    match way {
        Way::Own(call) => {
            require_spending(rights, &format!("root weights are signed by the coldkey on this runtime ({call})"))
        }
        Way::OfSubnetZero | Way::None => Ok(()),
    }
}

/// Refuses what the coldkey signs, as `why` says, to whoever may not spend.
fn require_spending(rights: Rights, why: &str) -> Result<(), Failure> {
    if rights.allow(Role::Spend) {
        return Ok(());
    }
    let words = format!("{why}, for which a caller needs the role spend; this one holds: {rights}");
    Err(ApiError::new(ErrorKind::PermissionDenied, words).with("needed", Role::Spend).into())
}

pub(super) async fn get(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<RootRows, Failure> {
    let (view, at) = receipt::view(&parts.link).await?;
    let keys = view.storage_entries(SUBTENSOR, "Keys", &[NetUid::ROOT.into()], usize::from(u16::MAX)).await?;
    let uid = |keys: &[Json]| keys.get(1).and_then(Json::as_u64).and_then(|uid| u16::try_from(uid).ok()).map(Uid);
    let hotkey = |wanted: Uid| {
        let found = keys.iter().find(|entry| uid(&entry.keys) == Some(wanted));
        found.and_then(|entry| account(&entry.value))
    };
    let rows = view.storage_entries(SUBTENSOR, "Weights", &[NetUid::ROOT.into()], usize::from(u16::MAX)).await?;
    let row = |entry: &btd_chain::StorageEntry| {
        let (uid, row) = (uid(&entry.keys)?, row(&entry.value));
        let total = row.iter().map(|weight| u64::from(weight.weight)).sum();
        let share =
            |one: &SubnetWeight| SubnetShare { netuid: one.netuid, share: Ratio::from_parts(one.weight.into(), total) };
        (total > 0).then(|| RootRow { uid, hotkey: hotkey(uid), weights: row.iter().map(share).collect() })
    };
    let mut rows: Vec<RootRow> = rows.iter().filter_map(row).collect();
    rows.sort_by_key(|row| row.uid);
    Ok(RootRows { at, rows })
}

/// A row, as storage tells it.
fn row(told: &Json) -> Vec<SubnetWeight> {
    let weight = |pair: &Json| {
        let part = |index: usize| pair.get(index).and_then(number).and_then(|number| u16::try_from(number).ok());
        Some(SubnetWeight { netuid: NetUid(part(0)?), weight: part(1)? })
    };
    told.as_array().into_iter().flatten().filter_map(weight).filter(|weight| weight.weight > 0).collect()
}

pub(super) async fn set(parts: Arc<Parts>, params: WeightsParams, caller: Caller) -> Result<Receipt, Failure> {
    let manner = params.manner();
    caller.rights.require_for(&manner)?;
    let (key, hotkey) = own_hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = signer(&parts, (&params.wallet, &manner), (key, hotkey), caller.rights).await?;
    receipt::sign::<Weights, _>(&parts, key, params, move |ground, params| async move {
        draft(&ground, hotkey, &params.weights, params.version_key).await
    })
    .await
}

pub(super) async fn boost(parts: Arc<Parts>, params: NudgeParams, caller: Caller) -> Result<Receipt, Failure> {
    nudge::<Boost>(parts, params, caller, raised).await
}

pub(super) async fn slash(parts: Arc<Parts>, params: NudgeParams, caller: Caller) -> Result<Receipt, Failure> {
    nudge::<Slash>(parts, params, caller, lowered).await
}

async fn nudge<M>(
    parts: Arc<Parts>,
    params: NudgeParams,
    caller: Caller,
    change: fn(u64, u64) -> u64,
) -> Result<Receipt, Failure>
where
    M: btd_api::Method<Params = NudgeParams>,
    NudgeParams: Signing,
{
    let manner = params.manner();
    caller.rights.require_for(&manner)?;
    let (key, hotkey) = own_hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = signer(&parts, (&params.wallet, &manner), (key, hotkey), caller.rights).await?;
    receipt::sign::<M, _>(&parts, key, params, move |ground, params| async move {
        if way(&ground.view).await? == Way::None {
            return Err(gone(&ground));
        }
        let Some(uid) = ground.view.uid(NetUid::ROOT, hotkey.account()).await? else {
            return Err(Precondition::NotRegistered { hotkey, netuid: NetUid::ROOT }.into());
        };
        require_weighable(&ground, params.netuid).await?;
        let told = ground.view.storage_json(SUBTENSOR, "Weights", &[NetUid::ROOT.into(), Value::from(uid.0)]).await?;
        let changed = nudged(&row(&told), params.netuid, params.amount, change);
        if changed.is_empty() {
            return Err(Precondition::Nothing.into());
        }
        draft(&ground, hotkey, &changed, 0).await
    })
    .await
}

fn raised(share: u64, by: u64) -> u64 {
    share.saturating_add(by)
}

fn lowered(share: u64, by: u64) -> u64 {
    share.saturating_sub(by)
}

/// A row in which the share of `netuid` is changed by `amount` of the whole; the largest weight becomes 65535.
fn nudged(row: &[SubnetWeight], netuid: NetUid, amount: Ratio, change: fn(u64, u64) -> u64) -> Vec<SubnetWeight> {
    let total: u64 = row.iter().map(|one| u64::from(one.weight)).sum();
    let mut shares: Vec<(NetUid, u64)> =
        row.iter().map(|one| (one.netuid, u64::from(one.weight) * WHOLE / total.max(1))).collect();
    if !shares.iter().any(|(known, _)| *known == netuid) {
        shares.push((netuid, 0));
        shares.sort_by_key(|(netuid, _)| *netuid);
    }
    for (_, share) in shares.iter_mut().filter(|(known, _)| *known == netuid) {
        *share = change(*share, amount.billionths().into());
    }
    let largest = shares.iter().map(|(_, share)| *share).max().unwrap_or(0);
    let scaled = |share: u64| u16::try_from(share * u64::from(u16::MAX) / largest.max(1)).unwrap_or(u16::MAX);
    let weights = shares.into_iter().map(|(netuid, share)| SubnetWeight { netuid, weight: scaled(share) });
    weights.filter(|one| one.weight > 0).collect()
}

/// Root weights are no more, and what comes nearest.
fn gone(ground: &Ground) -> SubmissionError {
    let (what, spec_version) = (format!("{SUBTENSOR}.{}", OWN[0]), ground.view.runtime().spec_version());
    SubmissionError::Gone { what, spec_version, instead: INSTEAD }
}

/// Refuses weights of subnet 0 by the calls that set, commit and reveal those of others, where the connected runtime does
/// not take root weights in that way.
pub(in crate::rpc) async fn require_weights_of_zero(ground: &Ground) -> Result<(), SubmissionError> {
    let instead = match way(&ground.view).await? {
        Way::OfSubnetZero => return Ok(()),
        Way::Own(_) => "`root weights` is how root validators weigh subnets",
        Way::None => INSTEAD,
    };
    let (what, spec_version) = (format!("{SUBTENSOR}.set_weights of subnet 0"), ground.view.runtime().spec_version());
    Err(SubmissionError::Gone { what, spec_version, instead })
}

/// Those of the chain's own checks of a row of root weights that can be made beforehand.
pub(in crate::rpc) async fn check_row(
    ground: &Ground,
    netuids: &[u16],
    version_key: u64,
) -> Result<(), SubmissionError> {
    let told = async |item| match ground.view.storage_json(SUBTENSOR, item, &[NetUid::ROOT.into()]).await {
        Ok(told) => Ok(number(&told).unwrap_or(0)),
        // Such a runtime does not ask for it.
        Err(ReadError::Absent(_)) => Ok(0),
        Err(error) => Err(error),
    };
    let wanted = told("WeightsVersionKey").await?;
    if version_key < wanted {
        let words = format!("root wants weights of version {wanted} at least, these are of {version_key}");
        return foreseen("IncorrectWeightVersionKey", words);
    }
    let mut known = BTreeSet::new();
    if let Some(twice) = netuids.iter().find(|netuid| !known.insert(**netuid)) {
        return foreseen("DuplicateUids", format!("subnet {twice} is given two weights"));
    }
    for netuid in known {
        require_weighable(ground, NetUid(netuid)).await?;
    }
    let least = told("MinAllowedWeights").await?;
    if u64::try_from(netuids.len()).unwrap_or(u64::MAX) < least {
        let subnets = ground.view.subnets().await?.len();
        let least = least.min(u64::try_from(subnets).unwrap_or(u64::MAX));
        if u64::try_from(netuids.len()).unwrap_or(u64::MAX) < least {
            let words = format!("root wants {least} weights at least, {} were given", netuids.len());
            return foreseen("WeightVecLengthIsLow", words);
        }
    }
    Ok(())
}

async fn require_weighable(ground: &Ground, netuid: NetUid) -> Result<(), SubmissionError> {
    if ground.view.subnet_exists(netuid).await? {
        return Ok(());
    }
    let words = format!("there is no subnet {netuid}, and root weighs subnets: `subnets list` has them all");
    foreseen("UidVecContainInvalidOne", words)
}

/// The call that gives `weights` to subnets in the name of `hotkey`.
async fn draft(
    ground: &Ground,
    hotkey: Hotkey,
    weights: &[SubnetWeight],
    version_key: u64,
) -> Result<Draft, SubmissionError> {
    let (netuids, values): (Vec<u16>, Vec<u16>) = weights.iter().map(|weight| (weight.netuid.0, weight.weight)).unzip();
    let call = match way(&ground.view).await? {
        Way::Own(call) => Call::new(SUBTENSOR, call).arg("hotkey", hotkey),
        Way::OfSubnetZero => Call::new(SUBTENSOR, "set_weights"),
        Way::None => return Err(gone(ground)),
    };
    let call = call
        .arg("netuid", NetUid::ROOT)
        .arg("dests", netuids.iter().copied().collect::<Value>())
        .arg("weights", values.iter().copied().collect::<Value>())
        .arg("version_key", version_key);
    if ground.view.uid(NetUid::ROOT, hotkey.account()).await?.is_none() {
        return Err(Precondition::NotRegistered { hotkey, netuid: NetUid::ROOT }.into());
    }
    check_row(ground, &netuids, version_key).await?;
    let pace = Pace::Weights { netuid: NetUid::ROOT, mechid: MechId(0), hotkey, hiding: Hiding::Open };
    let total: u64 = values.iter().map(|value| u64::from(*value)).sum();
    let told = netuids
        .iter()
        .zip(&values)
        .map(|(netuid, value)| format!("{} to subnet {netuid}", Ratio::from_parts((*value).into(), total)));
    let told: Vec<String> = told.collect();
    let draft = Draft::new(call, format!("Set root weights of hotkey {hotkey}")).effect(told.join(", "));
    Ok(draft.needs(Need::Rested(pace)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn share(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    #[test]
    fn a_coldkey_signs_for_whoever_may_spend_alone() {
        let may = |way, role| require_role(way, Rights::of(&[role])).is_ok();
        assert!(may(Way::OfSubnetZero, Role::Operate) && may(Way::None, Role::Operate));
        assert!(may(Way::Own(OWN[1]), Role::Spend));
        assert!(!may(Way::Own(OWN[1]), Role::Operate));
    }

    #[test]
    fn a_row_is_nudged_by_shares_of_the_whole() {
        let weights = |row: &[(u16, u16)]| -> Vec<SubnetWeight> {
            row.iter().map(|(netuid, weight)| SubnetWeight { netuid: NetUid(*netuid), weight: *weight }).collect()
        };
        let half = row(&json!([[1, 65535], [2, 65535], [3, 0]]));
        assert_eq!(half, weights(&[(1, 65535), (2, 65535)]));
        assert_eq!(nudged(&half, NetUid(1), share("0.5"), raised), weights(&[(1, 65535), (2, 32767)]));
        assert_eq!(nudged(&half, NetUid(1), share("0.25"), lowered), weights(&[(1, 32767), (2, 65535)]));
        assert_eq!(nudged(&half, NetUid(1), share("1"), lowered), weights(&[(2, 65535)]));
        assert_eq!(nudged(&half, NetUid(7), share("0.5"), raised), weights(&[(1, 65535), (2, 65535), (7, 65535)]));
        assert_eq!(nudged(&[], NetUid(1), share("0.1"), raised), weights(&[(1, 65535)]));
        assert_eq!(nudged(&[], NetUid(1), share("0.1"), lowered), []);
    }
}
