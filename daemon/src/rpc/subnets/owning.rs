//! Subnets, from their owners' side: creating, starting and describing one.

mod mechanisms;
mod room;
mod symbol;

use std::sync::Arc;

use btd_api::{
    Hotkey, NetUid,
    signing::{Bound, Priced},
    subnets::{
        SubnetParams,
        owning::{
            CheckStart, Create, CreateParams, CreatedSubnet, GetIdentity, IdentityReply, Mechanisms, MechanismsSet,
            MechanismsSplit, SetIdentity, SetIdentityParams, SetSymbol, SetSymbolParams, Start, StartParams,
            StartState, SubnetIdentity, SubnetIdentityChange,
        },
    },
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, Value, View};
use btd_signer_protocol::KeyId;

use super::no_subnet;
use crate::{
    daemon::Parts,
    rpc::{
        Caller, Failure, Table,
        identity::{self, Asked},
        receipt,
        stake::{self, SUBTENSOR},
    },
    submit::{Draft, Need, Precondition, Record, SubmissionError},
};

pub(in crate::rpc) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<Create>(create)
        .method::<Start>(start)
        .method::<CheckStart>(check_start)
        .method::<SetIdentity>(set_identity)
        .method::<GetIdentity>(get_identity)
        .method::<SetSymbol>(set_symbol)
        .method::<Mechanisms>(mechanisms::show)
        .method::<MechanismsSet>(mechanisms::set)
        .method::<MechanismsSplit>(mechanisms::split)
        .done();
}

async fn create(parts: Arc<Parts>, params: CreateParams, _: Caller) -> Result<CreatedSubnet, Failure> {
    let hotkey = KeyId::hotkey(params.wallet.clone(), params.hotkey.clone());
    let hotkey = parts.custody.public(&hotkey).await?.account;
    let key = KeyId::coldkey(params.wallet.clone());
    let receipt = receipt::sign::<Create, _>(&parts, key, params, move |ground, params| async move {
        let cost = ground.view.network_registration_cost().await?;
        if let Some(limit) = params.max_cost.filter(|limit| *limit < cost) {
            let words = format!("a new subnet costs τ{cost} now, more than the limit of τ{limit}");
            return Err(Precondition::Foreseen { error: "CannotAffordLockCost", words }.into());
        }
        // It is held when it is signed; the call itself takes none.
        let wanted = Bound { of: Priced::Subnet, limit: params.max_cost.unwrap_or(cost) };
        let bound = ground.hold(wanted, Some(cost))?;
        let call = match &params.identity {
            Some(identity) => {
                check(identity)?;
                Call::new(SUBTENSOR, "register_network_with_identity").arg("identity", record(identity))
            }
            None => Call::new(SUBTENSOR, "register_network"),
        };
        let draft = Draft::new(call.arg("hotkey", hotkey), format!("Create a subnet for τ{cost}"))
            .spends(cost)
            .bound(bound)
            .effect("its alpha can be traded, and it earns, once it is started")
            .warning("the cost is locked, does not come back, and can rise by inclusion: this call takes no limit")
            .needs(Need::NotForeign(Hotkey(hotkey)));
        room::make(&ground.view, cooldown(&ground.view, draft).await?).await
    })
    .await?;
    Ok(CreatedSubnet { netuid: created(&receipt), receipt })
}

/// What the chain asks for between two subnets, whoever creates them.
#[derive(Clone, Copy, Debug)]
pub(in crate::rpc) struct Rest {
    /// The block of the last subnet.
    pub(in crate::rpc) last: u64,
    /// The blocks from there to the next.
    pub(in crate::rpc) limit: u64,
}

impl Rest {
    /// The first block in which a subnet can be created again.
    pub(in crate::rpc) const fn until(self) -> u64 {
        self.last.saturating_add(self.limit)
    }
}

/// None where no subnet was created yet, or the runtime tells nothing of it.
pub(in crate::rpc) async fn rest(view: &View) -> Option<Rest> {
    let number = |json: serde_json::Value| stake::number(&json).unwrap_or(0);
    let key = Value::Variant("NetworkLastRegistered".to_owned(), Box::new(Value::Null));
    let last = view.storage_json(SUBTENSOR, "LastRateLimitedBlock", &[key]).await.ok().map(number)?;
    let limit = view.storage_json(SUBTENSOR, "NetworkRateLimit", &[]).await.ok().map(number)?;
    (last > 0).then_some(Rest { last, limit })
}

/// Refuses while the last subnet is too young: the chain takes one in so many blocks, of anybody.
async fn cooldown(view: &View, draft: Draft) -> Result<Draft, SubmissionError> {
    let now = u64::from(view.block().number.0) + 1;
    match rest(view).await.filter(|rest| now < rest.until()) {
        None => Ok(draft),
        Some(rest) => {
            let Rest { last, limit } = rest;
            let words = format!(
                "a subnet was created at block {last}, and the chain takes one in {limit} blocks: try again from block {}",
                rest.until()
            );
            Err(Precondition::Foreseen { error: "NetworkTxRateLimitExceeded", words }.into())
        }
    }
}

/// The number from the event `NetworkAdded(netuid, mechanism)`.
fn created(receipt: &Receipt) -> Option<NetUid> {
    let (_, events) = receipt.outcome.included()?;
    let added = events.iter().find(|event| event.pallet == SUBTENSOR && event.name == "NetworkAdded")?;
    added.fields.get(0)?.as_u64().and_then(|netuid| u16::try_from(netuid).ok()).map(NetUid)
}

/// Where the chain keeps how subnets describe themselves.
const IDENTITIES: &str = "SubnetIdentitiesV3";

/// The fields of an identity in the order of [`texts`], with the chain's own bounds (`is_valid_subnet_identity`).
const FIELDS: [(&str, usize); 8] = [
    ("subnet_name", 256),
    ("github_repo", 1024),
    ("subnet_contact", 1024),
    ("subnet_url", 1024),
    ("discord", 256),
    ("description", 1024),
    ("logo_url", 1024),
    ("additional", 1024),
];

fn texts(identity: &SubnetIdentity) -> [&str; 8] {
    let SubnetIdentity {
        subnet_name,
        github_repo,
        subnet_contact,
        subnet_url,
        discord,
        description,
        logo_url,
        additional,
    } = identity;
    [subnet_name, github_repo, subnet_contact, subnet_url, discord, description, logo_url, additional]
        .map(String::as_str)
}

fn check(identity: &SubnetIdentity) -> Result<(), SubmissionError> {
    match FIELDS.into_iter().zip(texts(identity)).find(|((_, most), text)| text.len() > *most) {
        Some(((name, most), text)) => {
            let words = format!("`{name}` has {} bytes, and the chain takes {most} at most", text.len());
            Err(Precondition::Foreseen { error: "InvalidIdentity", words }.into())
        }
        None => Ok(()),
    }
}

/// What is asked of the fields.
fn asked(change: &SubnetIdentityChange) -> Vec<Asked<'_>> {
    let SubnetIdentityChange {
        subnet_name,
        github_repo,
        subnet_contact,
        subnet_url,
        discord,
        description,
        logo_url,
        additional,
    } = change;
    let said = [subnet_name, github_repo, subnet_contact, subnet_url, discord, description, logo_url, additional];
    let fields = FIELDS.into_iter().zip(said);
    fields.map(|((name, most), said)| Asked { name, most, said: said.as_deref() }).collect()
}

/// Text as the chain keeps it: bytes, never read as hex.
pub(in crate::rpc) fn bytes(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

fn record(identity: &SubnetIdentity) -> Value {
    let fields = FIELDS.into_iter().zip(texts(identity));
    Value::Record(fields.map(|((name, _), text)| (name.to_owned(), bytes(text))).collect())
}

async fn start(parts: Arc<Parts>, params: StartParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Start, _>(&parts, key, params, |ground, params| async move {
        let netuid = params.netuid;
        let (started, from) = start_state(&ground.view, netuid).await?;
        let foreseen = |error, words| Err(Precondition::Foreseen { error, words }.into());
        if let Some(started) = started {
            let words = format!("subnet {netuid} was started already: it earns since block {started}");
            return foreseen("FirstEmissionBlockNumberAlreadySet", words);
        }
        let next = u64::from(ground.view.block().number.0) + 1;
        if next < from {
            let words = format!("subnet {netuid} can be started from block {from} on, in {} blocks", from - next);
            return foreseen("NeedWaitingMoreBlocksToStarCall", words);
        }
        let call = Call::new(SUBTENSOR, "start_call").arg("netuid", netuid);
        let draft = Draft::new(call, format!("Start subnet {netuid}"))
            .effect("its alpha can be traded and it earns emission from the next block on");
        Ok(draft.needs(Need::OwnSubnet(netuid)))
    })
    .await
}

/// Since when a subnet earns, and from when on it can be started.
async fn start_state(view: &View, netuid: NetUid) -> Result<(Option<u64>, u64), ReadError> {
    let number = |json: serde_json::Value| stake::number(&json);
    let of = [Value::from(netuid)];
    let started = number(view.storage_json(SUBTENSOR, "FirstEmissionBlockNumber", &of).await?);
    let registered = number(view.storage_json(SUBTENSOR, "NetworkRegisteredAt", &of).await?).unwrap_or(0);
    let delay = match view.storage_json(SUBTENSOR, "StartCallDelay", &[]).await {
        Ok(delay) => number(delay).unwrap_or(0),
        Err(ReadError::Absent(_)) => number(view.constant_json(SUBTENSOR, "InitialStartCallDelay")?).unwrap_or(0),
        Err(error) => return Err(error),
    };
    Ok((started, registered.saturating_add(delay)))
}

async fn check_start(parts: Arc<Parts>, params: SubnetParams, _: Caller) -> Result<StartState, Failure> {
    let netuid = params.netuid;
    let (view, at) = receipt::view(&parts.link).await?;
    if !view.subnet_exists(netuid).await? {
        return Err(no_subnet(netuid));
    }
    let (started_at, startable_from) = start_state(&view, netuid).await?;
    Ok(StartState { at, netuid, started_at, startable_from })
}

async fn set_identity(parts: Arc<Parts>, params: SetIdentityParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SetIdentity, _>(&parts, key, params, |ground, params| async move {
        let netuid = params.netuid;
        let record = Record::SubnetIdentity(netuid);
        ground.require(Need::OwnSubnet(netuid)).await?;
        let newest = ground.newest(record).await?;
        let fields = identity::read(&newest, (IDENTITIES, &[Value::from(netuid)]), &asked(&params.identity)).await?;
        let call = Call::new(SUBTENSOR, "set_subnet_identity").arg("netuid", netuid);
        identity::change(call, record, &fields)
    })
    .await
}

/// How a subnet describes itself; none where it does not.
async fn described(view: &View, netuid: NetUid) -> Result<Option<SubnetIdentity>, ReadError> {
    let identity = view.dynamic_info(netuid).await?.and_then(|info| info.subnet_identity);
    Ok(identity.map(|identity| SubnetIdentity {
        subnet_name: identity.subnet_name,
        github_repo: identity.github_repo,
        subnet_contact: identity.subnet_contact,
        subnet_url: identity.subnet_url,
        discord: identity.discord,
        description: identity.description,
        logo_url: identity.logo_url,
        additional: identity.additional,
    }))
}

async fn get_identity(parts: Arc<Parts>, params: SubnetParams, _: Caller) -> Result<IdentityReply, Failure> {
    let netuid = params.netuid;
    let (view, at) = receipt::view(&parts.link).await?;
    if !view.subnet_exists(netuid).await? {
        return Err(no_subnet(netuid));
    }
    let identity = described(&view, netuid).await?;
    Ok(IdentityReply { at, netuid, identity })
}

async fn set_symbol(parts: Arc<Parts>, params: SetSymbolParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SetSymbol, _>(&parts, key, params, |ground, params| async move {
        let (netuid, symbol) = (params.netuid, &params.symbol);
        ground.require(Need::OwnSubnet(netuid)).await?;
        let call = Call::new(SUBTENSOR, "update_symbol").arg("netuid", netuid).arg("symbol", bytes(symbol));
        let draft = Draft::new(call, format!("Give the alpha of subnet {netuid} the symbol {symbol}"));
        symbol::check(&ground.view, symbol, draft).await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_bounded() {
        let named = |length: usize| SubnetIdentity { subnet_name: "x".repeat(length), ..SubnetIdentity::default() };
        assert!(check(&named(256)).is_ok() && check(&named(257)).is_err());
    }
}
