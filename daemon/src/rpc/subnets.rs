//! The noun `subnets`: subnets, their neurons, and registration.

mod list;
pub(super) mod owning;

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use btd_api::{
    ApiError, BlockHash, BlockNumber, Coldkey, ErrorKind, Hotkey, MechId, NetUid, Uid,
    chain::{At, BlockId, Event},
    signing::Signing,
    subnets::{
        AxonInfo, BurnCost, BurnCostParams, CostReply, Hyperparameter, Hyperparameters, HyperparametersReply, List,
        LockCost, LockCostParams, Metagraph, MetagraphReply, Neuron, PowRegister, PowRegisterParams, Price,
        PriceParams, PriceReply, Register, RegisterParams, Registered, Show, Shown, SubnetMetagraphParams,
        SubnetParams, SubnetPrice, SubnetSummary,
    },
    wallet::Receipt,
};
use btd_chain::{Call, FixedPoint, HyperValue, ReadError, View};
use btd_pow::{Puzzle, Target};
use btd_signer_protocol::KeyId;
use serde::Serialize;
use serde_json::{Value as Json, json};
use tokio::{time::timeout, try_join};

use super::{
    Caller, Failure, Table,
    answer::{self, Envelope, Written},
    chain::raw,
    metagraph::past,
    receipt,
    stake::SUBTENSOR,
    work::{self, Quarry, Work},
};
use crate::{
    daemon::Parts,
    metagraph::{self, Metagraphs, Snapshot},
    stamp::Stamp,
    submit::{self, Action, Draft, Need, Precondition},
};

/// How long a reply waits for what is kept to come to the block of which it is wanted at least.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Above this, JSON numbers lose digits.
const LARGEST_EXACT: u128 = 1 << 53;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<List>(list::list)
        .written::<Metagraph, _, _, _, _>(metagraph)
        .method::<Show>(show)
        .method::<Hyperparameters>(hyperparameters)
        .method::<Price>(price)
        .method::<BurnCost>(burn_cost)
        .method::<LockCost>(lock_cost)
        .method::<Register>(register_neuron)
        .method::<PowRegister>(register_by_work)
        .done();
}

/// A [`MetagraphReply`], as it is written.
enum WrittenMetagraph {
    /// Read for this reply.
    Read(Box<MetagraphReply>),
    /// Of the one in memory, whose neurons are written already.
    Warm(Box<WarmHead>, Arc<Snapshot>),
}

/// What stands before the neurons.
#[derive(Serialize)]
struct WarmHead {
    at: At,
    subnet_at: At,
    subnet: SubnetSummary,
}

impl Written for WrittenMetagraph {
    fn within(&self, envelope: &Envelope) -> Result<String, ApiError> {
        match self {
            Self::Read(reply) => envelope.around(reply),
            Self::Warm(head, snapshot) => envelope.around_with(head, ("neurons", written_neurons(snapshot)?)),
        }
    }
}

/// Waits until what is kept is of the block `wanted` or of a later one: the list, or a subnet's neurons. Nobody was told of
/// a block after the newest that was followed, so that one is the latest that is waited for, and not while btd stops.
/// What is kept of blocks that were replaced is of no block of the chain, whatever its number.
async fn reach(parts: &Parts, wanted: BlockNumber, subnet: Option<NetUid>) {
    let Some(newest) = parts.link.finalized() else { return };
    let wanted = wanted.min(newest.number);
    // The list is never ahead of what was followed, unless that was taken back and nothing has been read since.
    let is_of_the_chain = |list: &metagraph::List| {
        let at = list.at.block;
        parts.link.finalized().is_none_or(|newest| at == newest || at.number < newest.number)
    };
    let reached = async {
        let mut news = parts.metagraph.subscribe();
        let _ = news.wait_for(|known| known.list.as_deref().is_none_or(is_of_the_chain)).await;
        match subnet {
            Some(netuid) => parts.metagraph.reach_subnet(netuid, wanted, LONGEST_WAIT).await,
            None => parts.metagraph.reach(wanted, LONGEST_WAIT).await,
        }
    };
    let _ = parts.spawner.stopping().run_until_cancelled(timeout(LONGEST_WAIT, reached)).await;
}

async fn metagraph(parts: Arc<Parts>, params: SubnetMetagraphParams, _: Caller) -> Result<WrittenMetagraph, Failure> {
    let SubnetMetagraphParams { netuid, mechid, block, at_least } = params;
    if let (None, Some(wanted)) = (block, at_least) {
        reach(&parts, wanted, Some(netuid)).await;
    }
    let known = parts.metagraph.current();
    // Of the main mechanism there is always one in memory, of the others as a rule.
    let warm = match (block, mechid) {
        (None, MechId(0)) => Some(snapshot(&known, netuid)?),
        (None, mechid) => known.mechanism(netuid, mechid).cloned(),
        (Some(_), _) => None,
    };
    let Some(snapshot) = warm else {
        let read = past_metagraph(&parts, netuid, mechid, block).await?;
        return Ok(WrittenMetagraph::Read(Box::new(read)));
    };
    let (subnet_at, subnet) = known.newest(&snapshot);
    let head = WarmHead {
        at: receipt::kept_of(netuid, known.true_at(&snapshot), &known, &parts.link),
        subnet_at: receipt::kept_at(subnet_at, &known, &parts.link),
        subnet: summary(&subnet),
    };
    Ok(WrittenMetagraph::Warm(Box::new(head), snapshot))
}

/// The neurons as replies have them. Most requests between two blocks ask for the same, and two SS58
/// addresses a neuron cost more than all the rest: they are written once.
fn written_neurons(snapshot: &Snapshot) -> Result<&str, ApiError> {
    if let Some(written) = snapshot.written() {
        return Ok(written);
    }
    let neurons: Vec<Neuron> = snapshot.neurons().iter().map(neuron).collect();
    Ok(snapshot.keep_written(answer::write(&neurons)?))
}

/// The metagraph of a mechanism at a block, read from the chain; from the history, where that has the
/// block and the chain does not tell it any more.
async fn past_metagraph(
    parts: &Parts,
    netuid: NetUid,
    mechid: MechId,
    block: Option<BlockId>,
) -> Result<MetagraphReply, Failure> {
    let (snapshot, at) = match chains_metagraph(parts, netuid, mechid, block).await {
        Ok(read) => read,
        Err(failure) => {
            let recorded = past::recorded(parts, netuid, mechid, block).await;
            let recorded = recorded.and_then(|found| Some((Snapshot::recorded(&found.table)?, found.at)));
            recorded.ok_or(failure)?
        }
    };
    Ok(MetagraphReply {
        at,
        subnet_at: at,
        subnet: summary(&snapshot.subnet),
        neurons: snapshot.neurons().iter().map(neuron).collect(),
    })
}

async fn chains_metagraph(
    parts: &Parts,
    netuid: NetUid,
    mechid: MechId,
    block: Option<BlockId>,
) -> Result<(Snapshot, At), Failure> {
    let (view, at) = raw::view(&parts.link, block).await?;
    let netuids = [netuid];
    let (raw, marks) = try_join!(view.mechagraph(netuid, mechid), view.subnet_marks(&netuids))?;
    let raw = raw.ok_or_else(|| no_mechanism(netuid, mechid, at))?;
    let mut snapshot = Snapshot::read(&raw, Stamp::of(view.block(), &parts.link));
    snapshot.subnet.mark(marks.first().copied().unwrap_or_default());
    Ok((snapshot, at))
}

async fn show(parts: Arc<Parts>, params: SubnetParams, _: Caller) -> Result<Shown, Failure> {
    let SubnetParams { netuid, block } = params;
    if let Some(block) = block {
        let (view, at) = raw::view(&parts.link, Some(block)).await?;
        let subnet = metagraph::Subnet::at(&view, netuid).await?.ok_or_else(|| no_subnet_at(netuid, at))?;
        return Ok(Shown { at, subnet: summary(&subnet) });
    }
    let known = parts.metagraph.current();
    let (at, subnet) = known.newest(&*snapshot(&known, netuid)?);
    Ok(Shown { at: receipt::kept_at(at, &known, &parts.link), subnet: summary(&subnet) })
}

async fn price(parts: Arc<Parts>, params: PriceParams, _: Caller) -> Result<PriceReply, Failure> {
    let wanted: Vec<NetUid> = params.netuids.into_iter().chain(params.netuid).collect();
    if let (None, Some(kept)) = (params.block, list::kept_prices(&parts, &wanted)) {
        return Ok(kept);
    }
    let (view, at) = raw::view(&parts.link, params.block).await?;
    let entries = view.subnets().await?.into_iter();
    let prices = entries.map(|entry| SubnetPrice { netuid: entry.netuid, price: entry.price });
    let prices: Vec<SubnetPrice> = prices.filter(|one| wanted.is_empty() || wanted.contains(&one.netuid)).collect();
    match wanted.iter().find(|netuid| prices.iter().all(|one| one.netuid != **netuid)) {
        Some(netuid) => Err(no_subnet_at(*netuid, at)),
        None => Ok(PriceReply { at, prices }),
    }
}

async fn burn_cost(parts: Arc<Parts>, params: BurnCostParams, caller: Caller) -> Result<CostReply, Failure> {
    let BurnCostParams { netuid, block } = params;
    let Some(netuid) = netuid else { return lock_cost(parts, LockCostParams { block }, caller).await };
    if let (None, Some(kept)) = (block, list::kept_cost(&parts, netuid)) {
        return Ok(kept);
    }
    let (view, at) = raw::view(&parts.link, block).await?;
    if !view.subnet_exists(netuid).await? {
        return Err(no_subnet_at(netuid, at));
    }
    Ok(CostReply { at, cost: view.registration_cost(netuid).await? })
}

async fn lock_cost(parts: Arc<Parts>, params: LockCostParams, _: Caller) -> Result<CostReply, Failure> {
    let (view, at) = raw::view(&parts.link, params.block).await?;
    Ok(CostReply { at, cost: view.network_registration_cost().await? })
}

/// The cached metagraph of a subnet: absent because there is no such subnet, or not read yet.
pub(super) fn snapshot(metagraphs: &Metagraphs, netuid: NetUid) -> Result<Arc<Snapshot>, Failure> {
    let known = metagraphs.subnets.get(&netuid).cloned();
    if let (None, Some(broken)) = (&known, metagraphs.broken.get(&netuid)) {
        let message = format!("the metagraph of subnet {netuid} cannot be read: {}", broken.reason);
        let kind = if broken.is_unanswered { ErrorKind::ChainUnavailable } else { ErrorKind::NotOnThisRuntime };
        return Err(Failure(btd_api::ApiError::new(kind, message).with("netuid", netuid)));
    }
    known.ok_or_else(|| match &metagraphs.list {
        Some(list) if !list.netuids.contains(&netuid) => no_subnet(netuid),
        _ => receipt::warming_up(&format!("the metagraph of subnet {netuid}")),
    })
}

pub(super) fn no_subnet(netuid: NetUid) -> Failure {
    Precondition::NoSuchSubnet { netuid }.into()
}

/// The same at the block at which it was looked for.
pub(super) fn no_subnet_at(netuid: NetUid, at: At) -> Failure {
    let message =
        format!("there is no subnet {netuid} at block {}: `subnets list` shows those that there are", at.block.number);
    Failure(btd_api::ApiError::new(ErrorKind::NotFound, message).about("SubnetNotExists").with("netuid", netuid))
}

/// There is no such mechanism, or no such subnet: every subnet has the main one.
pub(super) fn no_mechanism(netuid: NetUid, mechid: MechId, at: At) -> Failure {
    if mechid == MechId(0) {
        return no_subnet_at(netuid, at);
    }
    let message = format!("there is no mechanism {mechid} of a subnet {netuid} at block {}", at.block.number);
    Failure(btd_api::ApiError::new(ErrorKind::NotFound, message).about("MechanismDoesNotExist").with("netuid", netuid))
}

async fn hyperparameters(parts: Arc<Parts>, params: SubnetParams, _: Caller) -> Result<HyperparametersReply, Failure> {
    let (at, read, _) = read_hyperparameters(&parts, params).await?;
    let entries = read.entries.into_iter().map(|(name, value)| Hyperparameter { name, value: raw(value) });
    Ok(HyperparametersReply { at, netuid: params.netuid, hyperparameters: entries.collect() })
}

/// What the chain says, and what it was read of. While the chain is away, those that are kept: none changes by itself.
pub(super) async fn read_hyperparameters(
    parts: &Parts,
    params: SubnetParams,
) -> Result<(At, btd_chain::Hyperparameters, Option<View>), Failure> {
    let SubnetParams { netuid, block } = params;
    let asked = async {
        let (view, at) = raw::view(&parts.link, block).await?;
        let read = view.hyperparameters(netuid).await?.ok_or_else(|| no_subnet_at(netuid, at))?;
        Ok::<_, Failure>((at, read, Some(view)))
    };
    let failure = match asked.await {
        Ok(read) => return Ok(read),
        Err(failure) => failure,
    };
    let is_away = block.is_none() && failure.0.kind() == Some(ErrorKind::ChainUnavailable);
    let known = parts.metagraph.current();
    let kept = known.subnets.get(&netuid).filter(|_| is_away);
    let Some((kept, snapshot)) = kept.and_then(|snapshot| Some((snapshot.hyperparameters()?, snapshot))) else {
        return Err(failure);
    };
    let at = receipt::kept_of(netuid, known.true_at(snapshot), &known, &parts.link);
    Ok((at, kept.clone(), None))
}

pub(super) fn raw(value: HyperValue) -> Json {
    match value {
        HyperValue::Bool(flag) => flag.into(),
        HyperValue::Unsigned(number) => unsigned(number),
        HyperValue::Tao(tao) => unsigned(tao.rao().into()),
        HyperValue::Fixed(number) => decimal(number),
        HyperValue::Other(value) => value,
    }
}

fn unsigned(number: u128) -> Json {
    match u64::try_from(number) {
        Ok(exact) if number <= LARGEST_EXACT => exact.into(),
        _ => number.to_string().into(),
    }
}

/// A fixed-point number as a JSON number, to nine digits behind the point.
fn decimal(number: FixedPoint) -> Json {
    let FixedPoint { bits, fraction_bits } = number;
    let (magnitude, fraction_bits) = (bits.unsigned_abs(), u32::from(fraction_bits));
    let whole = magnitude.checked_shr(fraction_bits).unwrap_or(0);
    let mut rest = magnitude - whole.checked_shl(fraction_bits).unwrap_or(0);
    // Sixty-four bits behind the point are more than nine digits need, and leave room to multiply.
    let kept = fraction_bits.min(64);
    rest >>= fraction_bits - kept;
    let billionths = (rest * 1_000_000_000) >> kept;
    let sign = if bits < 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{billionths:09}");
    text.parse::<f64>().map_or(Json::String(text), |number| json!(number))
}

async fn register_neuron(parts: Arc<Parts>, params: RegisterParams, _: Caller) -> Result<Registered, Failure> {
    let manner = params.manner();
    let RegisterParams { netuid, wallet, hotkey, max_cost, tolerance, .. } = params;
    if max_cost.is_some() && tolerance.is_some() {
        let words = "`max_cost` and `tolerance` are two bounds for one price: leave one out";
        return Err(Failure::new(ErrorKind::InvalidParams, words));
    }
    let hotkey = parts.custody.public(&KeyId::hotkey(wallet.clone(), hotkey)).await?.account.into();
    let action = Action::Register(submit::Register { netuid, hotkey, max_cost, tolerance });
    let receipt = receipt::submit(&parts, (action, KeyId::coldkey(wallet)), manner).await?;
    let (uid, registered_at) = place(&receipt, netuid);
    Ok(Registered { uid, registered_at, receipt })
}

async fn register_by_work(parts: Arc<Parts>, params: PowRegisterParams, _: Caller) -> Result<Registered, Failure> {
    /// For how many blocks the chain takes work on one, itself included (`pow_register`).
    const WINDOW: u32 = 5;
    const INSTEAD: &str = "a place is paid for there: `btctl subnets register`";
    let (netuid, wallet) = (params.netuid, params.wallet.clone());
    let hotkey: Hotkey =
        parts.custody.public(&KeyId::hotkey(wallet.clone(), params.hotkey.clone())).await?.account.into();
    let quarry = Quarry::new(parts.link.clone(), params.processors);
    let receipt = receipt::sign::<PowRegister, _>(&parts, KeyId::coldkey(wallet), params, move |ground, params| {
        let quarry = quarry.clone();
        async move {
            work::require_now(params.announce_only)?;
            ground.require_call(SUBTENSOR, "pow_register", INSTEAD)?;
            let netuid = params.netuid;
            if netuid == NetUid::ROOT {
                let words = "root gives no place for work: `btctl root register`".to_owned();
                return Err(Precondition::Foreseen { error: "RegistrationNotPermittedOnRootSubnet", words }.into());
            }
            // Work is hard, so what the chain looks at of a registration beside it is looked at first. What a proxy
            // may do, the fee and this daemon's rules are judged with the whole call, behind the search.
            ground.require_subnet(netuid).await?;
            let allowed =
                ground.view.storage_json(SUBTENSOR, "NetworkPowRegistrationAllowed", &[netuid.into()]).await?;
            if allowed.as_bool() != Some(true) {
                let words = format!("subnet {netuid} takes no work for a place: {INSTEAD}");
                return Err(Precondition::Foreseen { error: "SubNetRegistrationDisabled", words }.into());
            }
            if let Some(uid) = ground.view.uid(netuid, hotkey.account()).await? {
                return Err(Precondition::AlreadyRegistered { hotkey, netuid, uid }.into());
            }
            ground.require(Need::NotForeign(hotkey)).await?;
            let number = async |item: &str| {
                let told = ground.view.storage_json(SUBTENSOR, item, &[netuid.into()]).await?;
                Ok::<_, ReadError>(told.as_u64().or_else(|| told.as_str()?.parse().ok()).unwrap_or(1))
            };
            let least = number("MinDifficulty").await?;
            let difficulty = number("Difficulty").await?.min(number("MaxDifficulty").await?).max(least);
            let target = Target::of(NonZeroU64::new(difficulty).unwrap_or(NonZeroU64::MIN));
            let puzzle = |hash: &BlockHash| Puzzle::registration(netuid, hash, &hotkey, &Coldkey(ground.actor));
            let is_plan = params.manner().dry_run;
            let work = if is_plan {
                Work::none(ground.view.block().number)
            } else {
                quarry.find((target, WINDOW), puzzle).await?
            };
            let Work { block, solution } = work;
            let call = Call::new(SUBTENSOR, "pow_register")
                .arg("netuid", netuid)
                .arg("work_block", u64::from(block.0))
                .arg("nonce", solution.nonce)
                .arg("work", solution.seal.0.to_vec())
                .arg("hotkey", hotkey);
            let draft = Draft::new(call, format!("Register hotkey {hotkey} on subnet {netuid} for work"));
            if !is_plan {
                return Ok(draft);
            }
            Ok(draft.effect(format!(
                "about {difficulty} hashes are done before it is signed: nonce and work stand for what is found then"
            )))
        }
    });
    let receipt = receipt.await?;
    let (uid, registered_at) = place(&receipt, netuid);
    Ok(Registered { uid, registered_at, receipt })
}

/// The slot from the event `NeuronRegistered(netuid, uid, hotkey)`, and its block.
fn place(receipt: &Receipt, netuid: NetUid) -> (Option<Uid>, Option<BlockNumber>) {
    let Some((block, events)) = receipt.outcome.included() else { return (None, None) };
    let registered = |event: &&Event| event.pallet == "SubtensorModule" && event.name == "NeuronRegistered";
    let mut uids = events.iter().filter(registered).filter_map(|event| {
        let number = |index: usize| event.fields.get(index)?.as_u64().and_then(|number| u16::try_from(number).ok());
        (number(0)? == netuid.0).then(|| number(1).map(Uid))?
    });
    (uids.next(), Some(block.number))
}

fn summary(subnet: &metagraph::Subnet) -> SubnetSummary {
    SubnetSummary {
        netuid: subnet.netuid,
        name: subnet.name.clone(),
        symbol: subnet.symbol.clone(),
        owner: subnet.owner,
        neurons: subnet.neurons,
        max_neurons: subnet.max_neurons,
        tempo: subnet.tempo,
        blocks_since_epoch: subnet.blocks_since_epoch,
        price: subnet.price,
        tao_in: subnet.tao_in,
        alpha_in: subnet.alpha_in,
        alpha_out: subnet.alpha_out,
        tao_in_emission: subnet.tao_in_emission,
        burn: subnet.burn,
        registration_allowed: subnet.registration_allowed,
        mechanisms: subnet.mechanisms,
        net_inflow: subnet.net_inflow,
    }
}

pub(super) fn neuron(neuron: &metagraph::Neuron) -> Neuron {
    let ratio = |of_65535: u16| f64::from(of_65535) / f64::from(u16::MAX);
    Neuron {
        uid: neuron.uid,
        hotkey: neuron.hotkey,
        coldkey: neuron.coldkey,
        active: neuron.active,
        validator_permit: neuron.validator_permit,
        stake: neuron.stake,
        alpha_stake: neuron.alpha_stake,
        tao_stake: neuron.tao_stake,
        rank: neuron.rank.map(ratio),
        trust: neuron.trust.map(ratio),
        consensus: ratio(neuron.consensus),
        incentive: ratio(neuron.incentive),
        dividends: ratio(neuron.dividends),
        validator_trust: neuron.validator_trust.map(ratio),
        emission: neuron.emission,
        last_update: neuron.last_update,
        registered_at: neuron.registered_at,
        axon: neuron.axon.map(|axon| AxonInfo {
            ip: axon.ip.to_string(),
            port: axon.port,
            version: axon.version,
            block: axon.block,
        }),
        identity: neuron.identity.clone(),
    }
}

#[cfg(test)]
mod tests {
    use jsonrpsee::types::Id;

    use super::*;
    use crate::metagraph::sample;

    #[test]
    fn written_neurons_read_as_the_reply_that_the_contract_names() {
        let snapshot = sample(3);
        let at: At = serde_json::from_value(json!({
            "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 1, "stale": false,
        }))
        .unwrap();
        let plain = MetagraphReply {
            at,
            subnet_at: at,
            subnet: summary(&snapshot.subnet),
            neurons: snapshot.neurons().iter().map(neuron).collect(),
        };
        let envelope = Envelope { id: Id::Number(1), most: 1 << 20 };
        let whole = envelope.around(&plain).unwrap();
        for _ in 0..2 {
            let head = WarmHead { at, subnet_at: at, subnet: summary(&snapshot.subnet) };
            let written = WrittenMetagraph::Warm(Box::new(head), Arc::clone(&snapshot));
            assert_eq!(written.within(&envelope).unwrap(), whole);
        }
        assert_eq!(WrittenMetagraph::Read(Box::new(plain)).within(&envelope).unwrap(), whole);
    }

    #[test]
    fn hyperparameters_keep_every_digit() {
        assert_eq!(raw(HyperValue::Unsigned(LARGEST_EXACT)), json!(9_007_199_254_740_992_u64));
        assert_eq!(raw(HyperValue::Unsigned(u128::from(u64::MAX))), json!("18446744073709551615"));
        assert_eq!(raw(HyperValue::Bool(true)), json!(true));
    }

    #[test]
    fn fixed_point_numbers_are_shown_as_numbers() {
        let fixed = |bits, fraction_bits| decimal(FixedPoint { bits, fraction_bits });
        assert_eq!(fixed(3 << 31, 32), json!(1.5));
        assert_eq!(fixed(-(1 << 30), 32), json!(-0.25));
        assert_eq!(fixed((1_i128 << 64) + (1_i128 << 62), 64), json!(1.25));
        assert_eq!(fixed(0, 64), json!(0.0));
    }
}
