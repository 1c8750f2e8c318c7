//! The noun `sudo`: what the owner of a subnet, and root, set.

mod bounds;
mod pace;
mod value;

use std::sync::Arc;

use btd_api::{
    NetUid,
    subnets::SubnetParams,
    sudo::{
        Authority, Explained, ExplainedReply, Get, Set, SetParams, StakeBurn, StakeBurnParams, TriggerEpoch,
        TriggerEpochParams, Trim, TrimParams,
        hyperparameters::{self, Hyperparameter, Setter},
    },
    wallet::Receipt,
};
use btd_chain::{Call, HyperValue, View};
use btd_signer_protocol::KeyId;

use super::{
    Caller, Failure, Table, receipt,
    stake::{SUBTENSOR, trade},
    subnets,
};
use crate::{
    daemon::Parts,
    submit::{Draft, Ground, Need, Pace, Precondition, SubmissionError},
};

const ADMIN: &str = "AdminUtils";
/// What newer runtimes work out of another hyperparameter.
const CUTOFF: &str = "activity_cutoff";

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<Get>(get)
        .method::<Set>(set)
        .method::<Trim>(trim)
        .method::<TriggerEpoch>(trigger_epoch)
        .method::<StakeBurn>(stake_burn)
        .done();
}

async fn get(parts: Arc<Parts>, params: SubnetParams, _: Caller) -> Result<ExplainedReply, Failure> {
    let netuid = params.netuid;
    let (view, at) = receipt::view(&parts.link).await?;
    let read = view.hyperparameters(netuid).await?.ok_or_else(|| subnets::no_subnet(netuid))?;
    let derives = derives_cutoff(&view);
    let explained = read.entries.into_iter().map(|(name, value)| explain(name, value, derives)).collect();
    Ok(ExplainedReply { at, netuid, hyperparameters: explained })
}

/// Whether the runtime works `activity_cutoff` out of `activity_cutoff_factor`, as since spec 423: what sets the old
/// value is then without effect.
fn derives_cutoff(view: &View) -> Option<&'static str> {
    let has_factor = view.runtime().has_call(SUBTENSOR, "set_activity_cutoff_factor");
    has_factor.then_some("it follows activity_cutoff_factor, which can")
}

fn explain(name: String, value: HyperValue, derives_cutoff: Option<&str>) -> Explained {
    let known = hyperparameters::find(&name);
    let human = match (&value, known) {
        (HyperValue::Unsigned(raw), Some(known)) => known.unit.human(*raw),
        (HyperValue::Tao(tao), _) => Some(format!("τ{tao}")),
        _ => None,
    };
    let derived = derives_cutoff.filter(|_| name == CUTOFF);
    let refusal = derived.or(known.and_then(Hyperparameter::refusal)).map(str::to_owned);
    Explained {
        human,
        owner_settable: known.map(|_| refusal.is_none()),
        refusal,
        about: known.map(|known| known.about.to_owned()).unwrap_or_default(),
        value: subnets::raw(value),
        name,
    }
}

async fn set(parts: Arc<Parts>, params: SetParams, _: Caller) -> Result<Receipt, Failure> {
    let known = hyperparameters::find(&params.name).ok_or_else(|| {
        let names: Vec<&str> = hyperparameters::ALL.iter().map(|known| known.name).collect();
        let message = format!("there is no hyperparameter `{}`: known are {}", params.name, names.join(", "));
        Failure(btd_api::ApiError::new(btd_api::ErrorKind::InvalidParams, message).with("parameter", "name"))
    })?;
    let values = value::read(known, &params.value, params.notation).map_err(|message| {
        Failure(btd_api::ApiError::new(btd_api::ErrorKind::InvalidParams, message).with("parameter", "value"))
    })?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Set, _>(&parts, key, params, move |ground, params| {
        let values = values.clone();
        async move {
            if let Some(why) = derives_cutoff(&ground.view).filter(|_| known.name == CUTOFF) {
                let words = format!("{CUTOFF} cannot be set on this runtime: {why}");
                return Err(Precondition::Foreseen { error: "Deprecated", words }.into());
            }
            let (pallet, call) = setter(known, params.authority)?;
            place(&ground, params.netuid, params.authority).await?;
            let mut call = Call::new(pallet, call).arg("netuid", params.netuid);
            if let Some(other) = known.companion() {
                call = call.arg(other, present(&ground.view, params.netuid, other).await?);
            }
            let call = known
                .arguments
                .iter()
                .zip(&values)
                .fold(call, |call, (name, value)| call.arg(*name, value.value.clone()));
            let shown: Vec<&str> = values.iter().map(|value| value.shown.as_str()).collect();
            let netuid = params.netuid;
            let summary = format!("Set {} of subnet {netuid} to {}", known.name, shown.join(", "));
            let draft = Draft::new(call, summary).effect(known.about);
            let draft = owned(&ground, draft, netuid, params.authority).await?;
            bounds::setting(&ground.view, known, &values, netuid).await?;
            let draft =
                pace::of(known, netuid, params.authority).into_iter().map(Need::Rested).fold(draft, Draft::needs);
            Ok(draft.needs(Need::OutsideFreeze(netuid)))
        }
    })
    .await
}

async fn stake_burn(parts: Arc<Parts>, params: StakeBurnParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<StakeBurn, _>(&parts, key, params, move |ground, params| async move {
        trade::burn(&ground, &params, hotkey).await
    })
    .await
}

/// The raw value that a hyperparameter has now.
async fn present(view: &View, netuid: NetUid, name: &'static str) -> Result<u128, SubmissionError> {
    let read = view.hyperparameters(netuid).await?;
    if let Some(HyperValue::Unsigned(raw)) = read.as_ref().and_then(|read| read.get(name)) {
        return Ok(*raw);
    }
    let words = format!("what {name} of subnet {netuid} is now cannot be read: set both with alpha_values");
    Err(Precondition::Foreseen { error: "SubnetNotExists", words }.into())
}

/// The call that sets it, and whether it may.
fn setter(known: &Hyperparameter, authority: Authority) -> Result<(&'static str, &'static str), SubmissionError> {
    let foreseen = |error, words| Err(Precondition::Foreseen { error, words }.into());
    match (known.setter, authority) {
        (Setter::Nobody, _) => foreseen("Deprecated", format!("{} cannot be set: {}", known.name, known.about)),
        (Setter::Root, Authority::Owner) => foreseen(
            "BadOrigin",
            format!("{} is set by root alone: with the chain's sudo key, say that it is done as root", known.name),
        ),
        // Root sets the tempo by a call of its own, without the owner's bounds.
        (_, Authority::Root) if known.name == "tempo" => Ok((ADMIN, "sudo_set_tempo")),
        _ => Ok(known.call),
    }
}

/// Refuses a subnet that is not there, or is not the actor's to set: before what it holds is looked at.
async fn place(ground: &Ground, netuid: NetUid, authority: Authority) -> Result<(), SubmissionError> {
    match authority {
        Authority::Owner => ground.require(Need::OwnSubnet(netuid)).await,
        Authority::Root => ground.require_subnet(netuid).await,
    }
}

/// The draft as its owner signs it, or wrapped for root.
async fn owned(ground: &Ground, draft: Draft, netuid: NetUid, authority: Authority) -> Result<Draft, SubmissionError> {
    match authority {
        Authority::Owner => Ok(draft
            .needs(Need::OwnSubnet(netuid))
            .warning("an owner changes each hyperparameter once in two tempos at most")),
        Authority::Root => {
            let key = ground.view.storage_json("Sudo", "Key", &[]).await?;
            if key.as_str() != Some(&ground.actor.to_string()) {
                let words = format!("{} does not hold the chain's sudo key", ground.actor);
                return Err(Precondition::Foreseen { error: "RequireSudo", words }.into());
            }
            let call = Call::new("Sudo", "sudo").arg("call", draft.call.clone());
            Ok(Draft { call, ..draft }.needs(Need::Subnet(netuid)))
        }
    }
}

async fn trim(parts: Arc<Parts>, params: TrimParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Trim, _>(&parts, key, params, |ground, params| async move {
        let (netuid, max) = (params.netuid, params.max);
        let call = Call::new(ADMIN, "sudo_trim_to_max_allowed_uids").arg("netuid", netuid).arg("max_n", max);
        place(&ground, netuid, params.authority).await?;
        bounds::trimming(&ground.view, netuid, max).await?;
        let now = ground.view.storage_json(SUBTENSOR, "SubnetworkN", &[netuid.into()]).await?.as_u64().unwrap_or(0);
        let gone = now.saturating_sub(max.into());
        let draft = Draft::new(call, format!("Trim subnet {netuid} to {max} neurons"))
            .effect(format!("it has {now} neurons now: {gone} that earn least lose their place at once"))
            .warning("a subnet is trimmed once in 216000 blocks (about a month)");
        let draft = owned(&ground, draft, netuid, params.authority).await?;
        let draft = match params.authority {
            Authority::Owner => draft.needs(Need::Rested(Pace::Trimming(netuid))),
            Authority::Root => draft,
        };
        Ok(draft.needs(Need::OutsideFreeze(netuid)))
    })
    .await
}

async fn trigger_epoch(parts: Arc<Parts>, params: TriggerEpochParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<TriggerEpoch, _>(&parts, key, params, |ground, params| async move {
        let netuid = params.netuid;
        ground.require_call(SUBTENSOR, "trigger_epoch", "wait for the next epoch; `subnets list` shows when it is")?;
        ground.require_subnet(netuid).await?;
        let committed = ground.view.storage_json(SUBTENSOR, "CommitRevealWeightsEnabled", &[netuid.into()]).await?;
        if committed.as_bool() == Some(true) {
            let words = format!("subnet {netuid} commits its weights first, and its epochs cannot be moved then");
            return Err(Precondition::Foreseen { error: "DynamicTempoBlockedByCommitReveal", words }.into());
        }
        let call = Call::new(SUBTENSOR, "trigger_epoch").arg("netuid", netuid);
        let draft = Draft::new(call, format!("Let the next epoch of subnet {netuid} begin ahead of time"));
        let pace = Pace::Hyperparameter { netuid, name: "the next epoch", variant: "TriggerEpoch" };
        Ok(draft.needs(Need::OwnSubnet(netuid)).needs(Need::Rested(pace)))
    })
    .await
}
