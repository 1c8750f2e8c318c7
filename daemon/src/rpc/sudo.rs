//! The noun `sudo`: what the owner of a subnet, and root, set.

mod bounds;
mod live;
mod pace;
mod setter;
mod value;

use std::sync::Arc;

use btd_api::{
    NetUid,
    subnets::SubnetParams,
    sudo::{
        Authority, Explained, ExplainedReply, Get, Set, SetParams, StakeBurn, StakeBurnParams, TriggerEpoch,
        TriggerEpochParams, Trim, TrimParams, hyperparameters,
    },
    wallet::Receipt,
};
use btd_chain::{Call, HyperValue, Runtime, View};
use btd_signer_protocol::KeyId;

use super::{
    Caller, Failure, Table, receipt,
    stake::{SUBTENSOR, trade},
    subnets,
};
use crate::{
    daemon::Parts,
    submit::{Draft, Ground, Need, Pace, Precondition, Record, SubmissionError},
};

const ADMIN: &str = "AdminUtils";
/// The call of that which sets both ends of liquid alpha.
const ALPHAS: &str = "sudo_set_alpha_values";
/// What runtimes since spec 423 work out of another hyperparameter.
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
    let (at, read, view) = subnets::read_hyperparameters(&parts, params).await?;
    let runtime = view.as_ref().map(View::runtime);
    let explained = read.entries.into_iter().map(|(name, value)| explain(runtime, name, value)).collect();
    Ok(ExplainedReply { at, netuid: params.netuid, hyperparameters: explained })
}

/// What a hyperparameter is; whether an owner may set it is not told without the runtime.
fn explain(runtime: Option<&Runtime>, name: String, value: HyperValue) -> Explained {
    let known = hyperparameters::find(&name);
    let human = match (&value, known) {
        (HyperValue::Unsigned(raw), Some(known)) => known.unit.human(*raw),
        (HyperValue::Tao(tao), _) => Some(format!("τ{tao}")),
        _ => None,
    };
    let owner = runtime.zip(known).and_then(|(runtime, known)| setter::of_owner(runtime, known));
    Explained {
        human,
        owner_settable: owner.map(|owner| owner.is_ok()),
        refusal: owner.and_then(Result::err).map(str::to_owned),
        about: known.map(|known| known.about.to_owned()).unwrap_or_default(),
        value: subnets::raw(value),
        name,
    }
}

async fn set(parts: Arc<Parts>, params: SetParams, _: Caller) -> Result<Receipt, Failure> {
    let Some(known) = hyperparameters::find(&params.name) else {
        let key = KeyId::coldkey(params.wallet.clone());
        let draw = |ground: Ground, params: Arc<SetParams>| async move { live::set(&ground, &params).await };
        return receipt::sign::<Set, _>(&parts, key, params, draw).await;
    };
    let values = value::read(known, &params.value, params.notation).map_err(|message| {
        Failure(btd_api::ApiError::new(btd_api::ErrorKind::InvalidParams, message).with("parameter", "value"))
    })?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Set, _>(&parts, key, params, move |ground, params| {
        let values = values.clone();
        async move {
            let way = setter::way(ground.view.runtime(), known, params.authority)?;
            place(&ground, params.netuid, params.authority).await?;
            let mut call = Call::new(way.call.0, way.call.1).arg("netuid", params.netuid);
            let (record, mut companion) = (Record::Alphas(params.netuid), None);
            if let Some(other) = known.companion() {
                // A change of the other end counts that is not final yet: the chain takes both at once.
                let kept = present(&ground.newest(record).await?, params.netuid, other).await?;
                call = call.arg(other, kept);
                companion = Some(kept);
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
            let authority = params.authority;
            let setting = bounds::Setting { known, values: &values, companion, netuid, authority };
            bounds::setting(&ground.view, &setting).await?;
            let draft = way.warning.into_iter().fold(draft, Draft::warning);
            let draft = match companion {
                Some(_) => draft.keeps(record),
                None if known.call.1 == ALPHAS => draft.replaces(record),
                None => draft,
            };
            let draft =
                pace::of(known, netuid, params.authority).into_iter().map(Need::Rested).fold(draft, Draft::needs);
            Ok(if setter::is_frozen(known) { draft.needs(Need::OutsideFreeze(netuid)) } else { draft })
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
    let what = format!("value of {name} for subnet {netuid}");
    Err(receipt::untold(what, view, "set both ends at once, with alpha_values"))
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
            .warning("a subnet is trimmed once in 216000 blocks (about 30 days)");
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
