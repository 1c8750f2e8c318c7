//! Blocks, plans and receipts in the words of the contract, for every noun that reads or signs.

use std::{sync::Arc, time::Duration};

use btd_api::{
    ApiError, Coldkey, ErrorKind, Hotkey, HotkeyRef, Method, NetUid, WalletName, catalogue,
    chain::{At, BlockRef, Event},
    signing::{Manner, Signing},
    wallet::{self, KeyName, Wait},
};
use btd_chain::{Link, LinkState, ReadError, View};
use btd_signer_protocol::KeyId;

use super::{Failure, proxy::ahead};
use crate::{
    daemon::Parts,
    metagraph::Metagraphs,
    stamp::Stamp,
    submit::{
        Action, Agreed, Draft, Ground, Mode, Order, Plan, Precondition, Receipt, Recipe, Stage, SubmissionError, Terms,
    },
};

/// Further behind what the endpoint has announced, in blocks, a reply counts as stale.
const FURTHEST_BEHIND: u32 = 5;

/// How long a receipt waits for the metagraphs to come to its block. They are read in a fraction of it, and lag for longer
/// where the endpoint is slow.
const READ_BACK: Duration = Duration::from_secs(1);

/// When a reply was read, as `link` stands now.
pub(super) fn at(stamp: Stamp, link: &Link) -> At {
    let is_stale = link.is_stale() || !is_current(&link.state().borrow());
    At { block: block(stamp.block), age_ms: stamp.age_ms(), stale: is_stale }
}

/// The same for what is kept of the metagraphs: it is stale too when blocks arrive and keeping it
/// current fails.
pub(super) fn kept_at(stamp: Stamp, known: &Metagraphs, link: &Link) -> At {
    let at = at(stamp, link);
    let is_left_behind = link.finalized().is_some_and(|block| known.is_left_behind(block.number));
    At { stale: at.stale || is_left_behind, ..at }
}

/// The same for what is kept of one subnet, of which nothing newer is known while it cannot be read.
pub(super) fn kept_of(netuid: NetUid, stamp: Stamp, known: &Metagraphs, link: &Link) -> At {
    let at = kept_at(stamp, known, link);
    At { stale: at.stale || known.broken.contains_key(&netuid), ..at }
}

/// Whether blocks arrive, and are followed as they do: not while those of an outage are caught up with.
fn is_current(state: &LinkState) -> bool {
    match state {
        LinkState::Live { finalized, announced, .. } => {
            announced.0.saturating_sub(finalized.block.number.0) <= FURTHEST_BEHIND
        }
        LinkState::Connecting { .. } | LinkState::Lost { .. } => false,
    }
}

/// Reads pinned at the newest finalized block, and that block.
pub(super) async fn view(link: &Link) -> Result<(View, At), ReadError> {
    let view = link.first_view().await?;
    let at = at(Stamp::of(view.block(), link), link);
    Ok((view, at))
}

/// Refuses what needs an item of storage that the connected runtime does not keep, and names what comes nearest.
pub(super) fn require_item(
    view: &View,
    pallet: &str,
    item: &str,
    instead: &'static str,
) -> Result<(), SubmissionError> {
    if view.runtime().has_storage(pallet, item) {
        return Ok(());
    }
    Err(untold(format!("{pallet}.{item}"), view, instead))
}

/// The same for a method of a runtime API.
pub(super) fn require_api(view: &View, api: &str, method: &str, instead: &'static str) -> Result<(), SubmissionError> {
    if view.runtime().has_runtime_api(api, method) {
        return Ok(());
    }
    Err(untold(format!("{api}.{method}"), view, instead))
}

/// The refusal of what the connected runtime does not tell.
pub(super) fn untold(what: String, view: &View, instead: &'static str) -> SubmissionError {
    SubmissionError::Untold { what, spec_version: view.runtime().spec_version(), instead }
}

pub(super) fn block(block: btd_chain::BlockRef) -> BlockRef {
    BlockRef { number: block.number, hash: block.hash }
}

pub(super) fn event(event: btd_chain::Event) -> Event {
    Event { pallet: event.pallet, name: event.name, fields: event.fields, extrinsic: event.extrinsic }
}

pub(super) fn key_id(wallet: btd_api::WalletName, key: KeyName) -> KeyId {
    match key {
        KeyName::Coldkey => KeyId::coldkey(wallet),
        KeyName::Hotkey(name) => KeyId::hotkey(wallet, name),
    }
}

/// Has `action` signed by `key`, sent and followed, as far as `manner` wants.
pub(super) async fn submit(
    parts: &Parts,
    (action, key): (Action, KeyId),
    manner: Manner,
) -> Result<wallet::Receipt, Failure> {
    let signer = parts.custody.public(&key).await?.account;
    let Manner { dry_run, wait, idempotency_key, tip, era, proxy, announce_only, lane, deadline_s, bounds, makes } =
        manner;
    let (action, proxy) = match (announce_only, proxy) {
        (false, proxy) => (action, proxy),
        (true, Some(real)) => (ahead::instead(action, real)?, None),
        (true, None) => {
            let words = "a call is announced on behalf of an account that has a proxy: name that account as `proxy`";
            return Err(Failure(ApiError::new(ErrorKind::InvalidParams, words).with("parameter", "proxy")));
        }
    };
    let mode = if dry_run { Mode::DryRun } else { until(wait) };
    let deadline = deadline_s.map(|seconds| Duration::from_secs(seconds.into()));
    let terms = Terms { tip, era_blocks: era, real: proxy.map(|real| real.account()), lane, deadline };
    let order = Order { action, key, signer, idempotency_key, mode, terms, agreed: Agreed::from(bounds).making(makes) };
    let settled = parts.submitter.submit(order).await?;
    Ok(shown(parts, settled).await)
}

/// The receipt, once reads that are answered from memory show its block too, so that whoever asks next sees what was
/// done; a second later at the latest. Reads of the chain do as soon as the block is followed, which is how its end is
/// known.
pub(super) async fn shown(parts: &Parts, settled: Receipt) -> wallet::Receipt {
    if let Stage::Finalized { included, .. } = &settled.stage {
        parts.metagraph.reach(included.block.number, READ_BACK).await;
    }
    receipt(settled, &parts.link)
}

/// How far to go for whoever waits so long.
pub(super) const fn until(wait: Wait) -> Mode {
    match wait {
        Wait::None => Mode::UntilRecorded,
        Wait::Submitted => Mode::UntilSubmitted,
        Wait::InBlock => Mode::UntilInBlock,
        Wait::Finalized => Mode::UntilFinalized,
    }
}

/// The refusal of what the chain would refuse as `error`.
pub(super) fn foreseen<T>(error: &'static str, words: String) -> Result<T, SubmissionError> {
    debug_assert!(catalogue::find(error).is_some(), "{error} is in no catalogue: it would have no class and no remedy");
    Err(Precondition::Foreseen { error, words }.into())
}

/// Has the call that `draw` makes of `params` signed by `key`: what a method that signs does.
///
/// `draw` runs at the block at which the extrinsic is planned, and again when that is planned anew;
/// it never runs for a repetition of what was signed already.
pub(super) async fn sign<M, F>(
    parts: &Parts,
    key: KeyId,
    params: M::Params,
    draw: impl Fn(Ground, Arc<M::Params>) -> F + Send + Sync + 'static,
) -> Result<wallet::Receipt, Failure>
where
    M: Method<Params: Signing + Clone + Sync>,
    F: Future<Output = Result<Draft, SubmissionError>> + Send + 'static,
{
    let (manner, recipe) = recipe::<M, F>(params, draw)?;
    submit(parts, (Action::Drafted(recipe), key), manner).await
}

/// The same, where earlier versions compared the parameters `as_given` with those of a repetition.
pub(super) async fn sign_in_order<M, F>(
    parts: &Parts,
    key: KeyId,
    (params, as_given): (M::Params, &M::Params),
    draw: impl Fn(Ground, Arc<M::Params>) -> F + Send + Sync + 'static,
) -> Result<wallet::Receipt, Failure>
where
    M: Method<Params: Signing + Clone + Sync>,
    F: Future<Output = Result<Draft, SubmissionError>> + Send + 'static,
{
    let (manner, recipe) = recipe::<M, F>(params, draw)?;
    let recipe = recipe.formerly(wish::<M>(as_given)?);
    submit(parts, (Action::Drafted(recipe), key), manner).await
}

/// How it is to be done, and what.
fn recipe<M, F>(
    params: M::Params,
    draw: impl Fn(Ground, Arc<M::Params>) -> F + Send + Sync + 'static,
) -> Result<(Manner, Recipe), Failure>
where
    M: Method<Params: Signing + Clone + Sync>,
    F: Future<Output = Result<Draft, SubmissionError>> + Send + 'static,
{
    let (manner, wish, params) = (params.manner(), wish::<M>(&params)?, Arc::new(params));
    Ok((manner, Recipe::new(wish, move |ground| draw(ground, Arc::clone(&params)))))
}

/// What is asked for, in a form that can be compared: the manner in which it is done is no part of it.
fn wish<M: Method<Params: Signing + Clone>>(params: &M::Params) -> Result<serde_json::Value, Failure> {
    let mut bare = params.clone();
    bare.set_manner(Manner::default());
    serde_json::to_value((M::NAME, bare))
        .map_err(|error| Failure::new(ErrorKind::Internal, format!("the parameters cannot be compared: {error}")))
}

/// The account of a hotkey that is addressed, or named in `wallet`.
pub(super) async fn hotkey(parts: &Parts, wallet: &WalletName, hotkey: &HotkeyRef) -> Result<Hotkey, Failure> {
    match hotkey {
        HotkeyRef::Address(hotkey) => Ok(*hotkey),
        HotkeyRef::Name(name) => {
            let key = KeyId::hotkey(wallet.clone(), name.clone());
            Ok(Hotkey(parts.custody.public(&key).await?.account))
        }
    }
}

/// The coldkey that is addressed, or that of a wallet; of `default` when neither is said.
pub(super) async fn coldkey(
    parts: &Parts,
    wallet: Option<WalletName>,
    address: Option<Coldkey>,
) -> Result<Coldkey, Failure> {
    match (wallet, address) {
        (Some(_), Some(_)) => Err(Failure::new(ErrorKind::InvalidParams, "give a `wallet` or an `address`, not both")),
        (None, Some(address)) => Ok(address),
        (wallet, None) => {
            let key = KeyId::coldkey(wallet.unwrap_or_default());
            Ok(parts.custody.public(&key).await?.account.into())
        }
    }
}

fn receipt(receipt: Receipt, link: &Link) -> wallet::Receipt {
    let outcome = match receipt.stage {
        Stage::Planned => wallet::Outcome::Planned,
        Stage::Recorded { extrinsic, era_end } => wallet::Outcome::Recorded { extrinsic: hash(extrinsic), era_end },
        Stage::InBlock { extrinsic, included, era_end } => wallet::Outcome::InBlock {
            extrinsic: hash(extrinsic),
            block: block(included.block),
            index: included.index,
            fee: included.fee,
            events: included.events.into_iter().map(event).collect(),
            era_end,
        },
        Stage::Submitted { extrinsic, era_end } => wallet::Outcome::Submitted { extrinsic: hash(extrinsic), era_end },
        Stage::Finalized { extrinsic, included } => wallet::Outcome::Finalized {
            extrinsic: hash(extrinsic),
            block: block(included.block),
            index: included.index,
            fee: included.fee,
            events: included.events.into_iter().map(event).collect(),
        },
    };
    wallet::Receipt { plan: plan(receipt.plan, link), outcome }
}

pub(super) fn hash(hash: btd_chain::ExtrinsicHash) -> btd_api::BlockHash {
    btd_api::BlockHash(*hash.as_bytes())
}

pub(super) fn plan(plan: Plan, link: &Link) -> wallet::Plan {
    wallet::Plan {
        at: at(plan.at, link),
        call: plan.call,
        arguments: plan.arguments,
        summary: plan.summary,
        signer: plan.signer,
        fee: plan.fee,
        balance_before: plan.balance_before,
        balance_after: plan.balance_after,
        effects: plan.effects,
        warnings: plan.warnings,
        bounds: plan.bounds,
        makes: plan.makes,
        locked: plan.locked,
    }
}

/// A failure that says that nothing has been read yet.
pub(super) fn warming_up(what: &str) -> Failure {
    Failure::new(ErrorKind::WarmingUp, format!("{what} has not been read from the chain yet: try again in a moment"))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use btd_api::{BlockHash, BlockNumber};
    use btd_chain::Seen;

    use super::*;

    /// A repetition is one, whatever the prices are by then, and what is announced.
    #[test]
    fn what_was_agreed_to_is_no_part_of_the_wish() {
        let dest = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        let plain = serde_json::json!({ "dest": dest, "amount": "5" });
        let mut agreed = plain.clone();
        agreed["bounds"] = serde_json::json!([{ "of": { "bought": 1 }, "limit": "7" }]);
        agreed["makes"] = BlockHash([7; 32]).to_string().into();
        let [plain, agreed] =
            [plain, agreed].map(|params| serde_json::from_value::<wallet::TransferParams>(params).unwrap());
        assert_ne!(plain, agreed);
        assert_eq!(wish::<wallet::Transfer>(&plain).unwrap(), wish::<wallet::Transfer>(&agreed).unwrap());
    }

    #[test]
    fn what_is_read_while_catching_up_is_stale() {
        let block = btd_chain::BlockRef { number: BlockNumber(100), hash: BlockHash([1; 32]) };
        let live = |announced| LinkState::Live {
            endpoint: "ws://a".to_owned(),
            genesis: BlockHash([2; 32]),
            spec_version: 425,
            finalized: Seen { block, at: Instant::now() },
            announced: BlockNumber(announced),
            since: Instant::now(),
        };
        assert!(is_current(&live(100)) && is_current(&live(105)));
        assert!(!is_current(&live(106)));
    }
}
