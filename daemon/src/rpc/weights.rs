//! The noun `weights`: what a validator thinks of a subnet's neurons.
//!
//! One extrinsic at a time, as it is asked for. Deciding when to set, commit or reveal is a
//! scheduler's business, which would use the same door.

mod reveals;

use std::{collections::BTreeSet, fs::File, io::Read, sync::Arc};

use btd_api::{
    ErrorKind, Hotkey, IdempotencyKey, MechId, Method as _, NetUid, Ratio, Tao, Uid,
    metagraph::MatrixName,
    signing::Signing as _,
    wallet::Receipt,
    weights::{
        Commit, CommitParams, Committed, Reveal, RevealParams, Set, SetParams, Show, ShowParams, Standing,
        StandingWeight, Weight,
    },
};
use btd_chain::{Call, Part, Priority, ReadError, Value, View, storage_index, weights_commit_hash};
use btd_signer_protocol::KeyId;

use super::{
    Caller, Failure, Table,
    receipt::{self, foreseen},
    root,
    stake::{self, SUBTENSOR},
    subnets::no_subnet,
};
use crate::{
    daemon::Parts,
    submit::{Draft, Ground, Hiding, Need, Pace, Precondition, SubmissionError},
};

/// Numbers in a salt that btd draws.
const SALT: usize = 8;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table.noun(parts).method::<Set>(set).method::<Commit>(commit).method::<Reveal>(reveal).method::<Show>(show).done();
}

fn split(weights: &[Weight]) -> (Vec<u16>, Vec<u16>) {
    weights.iter().map(|weight| (weight.uid.0, weight.weight)).unzip()
}

async fn set(parts: Arc<Parts>, params: SetParams, caller: Caller) -> Result<Receipt, Failure> {
    caller.rights.require_for(&params.manner())?;
    let key = KeyId::hotkey(params.wallet.clone(), params.hotkey.clone());
    receipt::sign::<Set, _>(&parts, key, params, |ground, params| async move {
        let (netuid, mechid, hotkey) = (params.netuid, params.mechid, Hotkey(ground.actor));
        require_mechanism(&ground, netuid, mechid).await?;
        if commits_first(&ground.view, netuid).await? {
            let words =
                format!("subnet {netuid} takes no open weights: commit them with `weights commit`, then reveal them");
            return foreseen("CommitRevealEnabled", words);
        }
        let (uids, values) = split(&params.weights);
        let uid = neuron(&ground, netuid).await?;
        check(&ground, netuid, uid, (&uids, params.version_key)).await?;
        let call = match mechid {
            MechId(0) => Call::new(SUBTENSOR, "set_weights"),
            mechid => Call::new(SUBTENSOR, "set_mechanism_weights").arg("mecid", mechid),
        };
        let call = call
            .arg("netuid", netuid)
            .arg("dests", uids.iter().copied().collect::<Value>())
            .arg("weights", values.iter().copied().collect::<Value>())
            .arg("version_key", params.version_key);
        let summary = format!("Set {} weights of hotkey {hotkey} on subnet {netuid}", uids.len());
        let draft = drafted(call, summary, &params.weights).needs(Need::Neuron { netuid, hotkey });
        Ok(draft.needs(Need::Rested(Pace::Weights { netuid, mechid, hotkey, hiding: Hiding::Open })))
    })
    .await
}

async fn commit(parts: Arc<Parts>, mut params: CommitParams, caller: Caller) -> Result<Committed, Failure> {
    caller.rights.require_for(&params.manner())?;
    let key = KeyId::hotkey(params.wallet.clone(), params.hotkey.clone());
    let hotkey = Hotkey(parts.custody.public(&key).await?.account);
    let salt = match (params.salt.take(), &params.idempotency_key) {
        (Some(salt), _) => salt,
        (None, Some(repeated)) => repeatable_salt(&parts, repeated, hotkey, &params).await?,
        (None, None) => fresh_salt()?,
    };
    let (uids, values) = split(&params.weights);
    let place = (params.netuid, params.mechid);
    let commit_hash = weights_commit_hash(hotkey, place, (&uids, &values), &salt, params.version_key);
    let sent = salt.clone();
    params.salt = Some(salt.clone());
    let receipt = receipt::sign::<Commit, _>(&parts, key, params, move |ground, params| {
        let salt = sent.clone();
        async move {
            let (netuid, mechid) = (params.netuid, params.mechid);
            require_mechanism(&ground, netuid, mechid).await?;
            if !commits_first(&ground.view, netuid).await? {
                let words = format!("subnet {netuid} takes open weights, and no commits: use `weights set`");
                return foreseen("CommitRevealDisabled", words);
            }
            let (uids, _) = split(&params.weights);
            let uid = neuron(&ground, netuid).await?;
            let doubt = doubt(check(&ground, netuid, uid, (&uids, params.version_key)).await)?;
            let pace = Need::Rested(Pace::Weights { netuid, mechid, hotkey, hiding: Hiding::Committed });
            reveals::require_room(&ground, (netuid, mechid), pace.clone()).await?;
            let call = match mechid {
                MechId(0) => Call::new(SUBTENSOR, "commit_weights"),
                mechid => Call::new(SUBTENSOR, "commit_mechanism_weights").arg("mecid", mechid),
            };
            let call = call.arg("netuid", netuid).arg("commit_hash", commit_hash);
            let summary = format!("Commit {} weights of hotkey {hotkey} on subnet {netuid}", uids.len());
            let salt: Vec<String> = salt.iter().map(ToString::to_string).collect();
            let draft = drafted(call, summary, &params.weights);
            Ok(doubt
                .into_iter()
                .fold(draft, Draft::warning)
                .warning(format!("keep the salt for the reveal: {}", salt.join(",")))
                .needs(Need::Neuron { netuid, hotkey })
                .needs(pace))
        }
    })
    .await?;
    Ok(Committed { commit_hash, salt, receipt })
}

async fn reveal(parts: Arc<Parts>, params: RevealParams, caller: Caller) -> Result<Receipt, Failure> {
    caller.rights.require_for(&params.manner())?;
    let key = KeyId::hotkey(params.wallet.clone(), params.hotkey.clone());
    receipt::sign::<Reveal, _>(&parts, key, params, |ground, params| async move {
        let (netuid, mechid, hotkey) = (params.netuid, params.mechid, Hotkey(ground.actor));
        let (uids, values) = split(&params.weights);
        let hash = weights_commit_hash(hotkey, (netuid, mechid), (&uids, &values), &params.salt, params.version_key);
        require_mechanism(&ground, netuid, mechid).await?;
        if !commits_first(&ground.view, netuid).await? {
            let words = format!("subnet {netuid} takes open weights, and no reveals: use `weights set`");
            return foreseen("CommitRevealDisabled", words);
        }
        reveals::check(&ground.view, (netuid, mechid), hotkey, hash).await?;
        let uid = neuron(&ground, netuid).await?;
        check(&ground, netuid, uid, (&uids, params.version_key)).await?;
        let call = match mechid {
            MechId(0) => Call::new(SUBTENSOR, "reveal_weights"),
            mechid => Call::new(SUBTENSOR, "reveal_mechanism_weights").arg("mecid", mechid),
        };
        let call = call
            .arg("netuid", netuid)
            .arg("uids", uids.iter().copied().collect::<Value>())
            .arg("values", values.iter().copied().collect::<Value>())
            .arg("salt", params.salt.iter().copied().collect::<Value>())
            .arg("version_key", params.version_key);
        let summary = format!("Reveal {} weights of hotkey {hotkey} on subnet {netuid}", uids.len());
        Ok(drafted(call, summary, &params.weights).needs(Need::Neuron { netuid, hotkey }))
    })
    .await
}

/// What `call` does with `weights`, for people.
fn drafted(call: Call, summary: String, weights: &[Weight]) -> Draft {
    let draft = Draft::new(call, summary);
    if weights.is_empty() {
        return draft.warning("no weights are given: the validator weighs nobody any more, until it sets others");
    }
    draft.effect(told(weights))
}

fn fresh_salt() -> Result<Vec<u16>, Failure> {
    let mut bytes = [0; 2 * SALT];
    let filled = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    filled
        .map_err(|error| Failure::new(ErrorKind::Internal, format!("the system gives no random numbers: {error}")))?;
    Ok(numbers(&bytes))
}

/// The salt of a commit under an idempotency key: a repetition has the same, and so has the plan that is shown before.
async fn repeatable_salt(
    parts: &Parts,
    repeated: &IdempotencyKey,
    hotkey: Hotkey,
    params: &CommitParams,
) -> Result<Vec<u16>, Failure> {
    let CommitParams { netuid, mechid, weights, version_key, .. } = params;
    let words = serde_json::to_vec(&(Commit::NAME, repeated, hotkey, netuid, mechid, weights, version_key))
        .map_err(|error| Failure::new(ErrorKind::Internal, format!("the parameters cannot be hashed: {error}")))?;
    let drawn = parts.submitter.drawn_for(words).await?;
    Ok(numbers(&drawn[..2 * SALT]))
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// Weights as shares, for people.
fn told(weights: &[Weight]) -> String {
    let total: u64 = weights.iter().map(|weight| u64::from(weight.weight)).sum();
    let one = |weight: &Weight| format!("{} to uid {}", Ratio::from_parts(weight.weight.into(), total), weight.uid);
    let told: Vec<String> = weights.iter().take(16).map(one).collect();
    let rest = weights.len().saturating_sub(told.len());
    let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
    format!("{}{more}", told.join(", "))
}

async fn number(view: &View, item: &str, keys: &[Value]) -> Result<u64, ReadError> {
    let json = view.storage_json(SUBTENSOR, item, keys).await?;
    Ok(stake::number(&json).unwrap_or(0))
}

async fn commits_first(view: &View, netuid: NetUid) -> Result<bool, ReadError> {
    // Where root takes weights at all, it takes them in the open.
    if netuid == NetUid::ROOT {
        return Ok(false);
    }
    match view.storage_json(SUBTENSOR, "CommitRevealWeightsEnabled", &[netuid.into()]).await {
        Ok(enabled) => Ok(enabled.as_bool().unwrap_or(false)),
        Err(ReadError::Absent(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The block of the validator's last weights, and of the next that it may set.
async fn pace(view: &View, netuid: NetUid, mechid: MechId, uid: Uid) -> Result<(u64, u64), ReadError> {
    let updates = view.storage_json(SUBTENSOR, "LastUpdate", &[storage_index(netuid, mechid)]).await?;
    let last = updates.get(usize::from(uid.0)).and_then(stake::number);
    let limit = number(view, "WeightsSetRateLimit", &[netuid.into()]).await?;
    Ok((last.unwrap_or(0), last.filter(|last| *last > 0).map_or(0, |last| last.saturating_add(limit))))
}

/// Refuses weights of a subnet or mechanism that is not there.
async fn require_mechanism(ground: &Ground, netuid: NetUid, mechid: MechId) -> Result<(), SubmissionError> {
    ground.require_subnet(netuid).await?;
    let count = ground.view.mechanisms(netuid).await?;
    if mechid.0 >= count.max(1) {
        let words = format!("subnet {netuid} has {count} mechanisms, counted from 0, and no mechanism {mechid}");
        return Err(Precondition::NotThere { error: "MechanismDoesNotExist", words }.into());
    }
    if netuid == NetUid::ROOT {
        return root::require_weights_of_zero(ground).await;
    }
    Ok(())
}

/// The acting hotkey's slot: it is registered, and counts enough for the chain to take anything about weights from it,
/// a commit too.
async fn neuron(ground: &Ground, netuid: NetUid) -> Result<Uid, SubmissionError> {
    let hotkey = Hotkey(ground.actor);
    let uid = ground.view.uid(netuid, ground.actor).await?.ok_or(Precondition::NotRegistered { hotkey, netuid })?;
    require_stake(ground, netuid, uid).await?;
    Ok(uid)
}

/// Refuses a hotkey that counts less than the chain asks of validators, where the runtime tells how much it counts.
async fn require_stake(ground: &Ground, netuid: NetUid, uid: Uid) -> Result<(), SubmissionError> {
    let view = &ground.view;
    let least = match number(view, "StakeThreshold", &[]).await {
        Ok(0) | Err(ReadError::Absent(_)) => return Ok(()),
        Ok(least) => Tao::from_rao(least),
        Err(error) => return Err(error.into()),
    };
    // By the same reckoning as the chain's own: alpha and weighted tao, less what children have, with what parents give.
    let columns = match view.metagraph_parts(netuid, &BTreeSet::from([Part::Stake])).await {
        Ok(columns) => columns.and_then(|columns| columns.total_stake),
        Err(ReadError::Absent(_) | ReadError::Argument { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(counts) = columns.and_then(|stakes| stakes.get(usize::from(uid.0)).copied()) else { return Ok(()) };
    if counts >= least || is_owners(ground, netuid).await? {
        return Ok(());
    }
    let words = format!(
        "hotkey {} has a stake weight of {counts} on subnet {netuid}, and the chain takes weights from {least} on: stake \
         to it first",
        ground.actor
    );
    foreseen("NotEnoughStakeToSetWeights", words)
}

/// Whether the acting hotkey is that of the subnet's owner, who needs no permit.
async fn is_owners(ground: &Ground, netuid: NetUid) -> Result<bool, ReadError> {
    match ground.view.storage_json(SUBTENSOR, "SubnetOwnerHotkey", &[netuid.into()]).await {
        Ok(owner) => Ok(stake::account(&owner) == Some(Hotkey(ground.actor))),
        // Before there were such hotkeys nobody was spared.
        Err(ReadError::Absent(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The chain's own checks of a vector of some version, in its order.
async fn check(
    ground: &Ground,
    netuid: NetUid,
    own: Uid,
    (uids, version_key): (&[u16], u64),
) -> Result<(), SubmissionError> {
    // Root weighs subnets, by other rules.
    if netuid == NetUid::ROOT {
        return root::check_row(ground, uids, version_key).await;
    }
    let view = &ground.view;
    let wanted = number(view, "WeightsVersionKey", &[netuid.into()]).await?;
    if version_key < wanted {
        let words = format!("subnet {netuid} wants weights of version {wanted} at least, these are of {version_key}");
        return foreseen("IncorrectWeightVersionKey", words);
    }
    let n = number(view, "SubnetworkN", &[netuid.into()]).await?;
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    if let [.., last] = sorted[..]
        && u64::from(last) >= n
    {
        return foreseen("UidVecContainInvalidOne", format!("subnet {netuid} has {n} neurons, and no uid {last}"));
    }
    if let Some((twice, _)) = sorted.iter().zip(sorted.iter().skip(1)).find(|(uid, next)| uid == next) {
        return foreseen("DuplicateUids", format!("uid {twice} is given two weights"));
    }
    let least = number(view, "MinAllowedWeights", &[netuid.into()]).await?.min(n);
    let itself = uids == [own.0];
    if u64::try_from(uids.len()).unwrap_or(u64::MAX) < least && !itself {
        let words = format!("subnet {netuid} wants {least} weights at least, {} were given", uids.len());
        return foreseen("WeightVecLengthIsLow", words);
    }
    let permits = view.storage_json(SUBTENSOR, "ValidatorPermit", &[netuid.into()]).await?;
    let permit = permits.get(usize::from(own.0)).and_then(serde_json::Value::as_bool).unwrap_or(true);
    if !permit && !itself && !is_owners(ground, netuid).await? {
        let words = format!("uid {own} has no validator permit on subnet {netuid}, and weighs itself alone");
        return foreseen("NeuronNoValidatorPermit", words);
    }
    Ok(())
}

/// What speaks against revealing such weights now. A commit hides them, so the chain takes it whatever they are, and the
/// subnet may be another when they are revealed.
fn doubt(judged: Result<(), SubmissionError>) -> Result<Option<String>, SubmissionError> {
    match judged {
        Ok(()) => Ok(None),
        Err(SubmissionError::Precondition(Precondition::Foreseen { words, .. })) => {
            Ok(Some(format!("as things stand, the chain will refuse their reveal: {words}")))
        }
        Err(error) => Err(error),
    }
}

async fn show(parts: Arc<Parts>, params: ShowParams, _: Caller) -> Result<Standing, Failure> {
    let ShowParams { netuid, mechid, .. } = params;
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    // Programs decide by this when to set which weights.
    let (view, at) = receipt::view(&parts.link.with_priority(Priority::Weights)).await?;
    if !view.subnet_exists(netuid).await? {
        return Err(no_subnet(netuid));
    }
    let uid = view.uid(netuid, hotkey.account()).await?.ok_or(Precondition::NotRegistered { hotkey, netuid })?;
    // They are not asked for again where they are kept of that very block. Nor does this wait for what less urgent readers
    // have asked for.
    let kept =
        parts.metagraph.rows_of(&parts.metagraph.current(), view.block(), ((netuid, mechid), MatrixName::Weights));
    let rows = match kept {
        Some(rows) => rows,
        None => Arc::new(view.weights(netuid, mechid).await?),
    };
    let row = rows.iter().find(|(of, _)| *of == uid).map(|(_, row)| row.clone()).unwrap_or_default();
    let total: u64 = row.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let standing =
        |(uid, weight): (Uid, u16)| StandingWeight { uid, weight, share: Ratio::from_parts(weight.into(), total) };
    let (last_update, next_allowed) = pace(&view, netuid, mechid, uid).await?;
    Ok(Standing {
        at,
        netuid,
        hotkey,
        uid,
        commit_reveal: commits_first(&view, netuid).await?,
        last_update,
        next_allowed,
        weights: row.into_iter().map(standing).collect(),
        commits: reveals::commits(&view, (netuid, mechid), hotkey)
            .await?
            .into_iter()
            .map(reveals::Waiting::told)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_told_as_shares() {
        let weights = [Weight { uid: Uid(3), weight: 1 }, Weight { uid: Uid(7), weight: 3 }];
        assert_eq!(told(&weights), "0.25 to uid 3, 0.75 to uid 7");
        let many: Vec<Weight> = (0..20).map(|uid| Weight { uid: Uid(uid), weight: 1 }).collect();
        assert!(told(&many).ends_with("and 4 more"));
        let warned = |weights: &[Weight]| drafted(Call::new("A", "b"), String::new(), weights).warnings.len();
        assert_eq!((warned(&weights), warned(&[])), (0, 1));
        assert_eq!(split(&weights), (vec![3, 7], vec![1, 3]));
    }
}
