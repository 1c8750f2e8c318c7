//! What a wallet's keys are on the chain: identities, ownership, and the exchange of hotkeys. The exchange of a coldkey
//! is in [`coldkey`].

mod coldkey;

use std::{num::NonZeroU64, sync::Arc};

use btd_api::{
    BlockHash, Coldkey, ErrorKind, Hotkey, HotkeyRef, NetUid, Tao, WalletName,
    signing::Signing,
    stake::{ColdkeyParams, Hotkeys},
    wallet::{
        Receipt,
        onchain::{
            AssociateHotkey, AssociateHotkeyParams, Faucet, FaucetParams, GetIdentity, Identity, IdentityChange,
            IdentityReply, IdleHotkey, Overview, OverviewParams, OverviewReply, OwnNeuron, SetIdentity,
            SetIdentityParams, SwapColdkeyAnnounce, SwapColdkeyCheck, SwapColdkeyClear, SwapColdkeyDispute,
            SwapColdkeyExecute, SwapHotkey, SwapHotkeyParams,
        },
    },
};
use btd_chain::{Call, ReadError, Value, View};
use btd_pow::{Puzzle, Target};
use btd_signer_protocol::{KeyId, WalletSummary, operations::Summary};

use crate::{
    daemon::Parts,
    rpc::{
        Caller, Failure, Table,
        identity::{self, Asked},
        receipt::{self, foreseen},
        root::text,
        stake::{self, SUBTENSOR, account, number},
        subnets,
        wallet::summaries,
        work::{self, Quarry, Work},
    },
    submit::{Draft, Need, Pace, Precondition, Record},
};

/// The constants of the runtime that tell what exchanging a key costs, and what it is (spec 425) where they do not.
const SWAP_EVERYWHERE: (&str, Tao) = ("KeySwapCost", Tao::from_rao(100_000_000));
const SWAP_ON_ONE: (&str, Tao) = ("KeySwapOnSubnetCost", Tao::from_rao(1_000_000));

/// Where the chain keeps what coldkeys say of themselves.
const IDENTITIES: &str = "IdentitiesV2";

/// What the chain says of a hotkey that cannot take over on root.
const NOT_CLEAN: &str = "NewHotKeyNotCleanForRootSwap";

pub(in crate::rpc) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<Overview>(overview)
        .method::<SetIdentity>(set_identity)
        .method::<GetIdentity>(get_identity)
        .method::<AssociateHotkey>(associate_hotkey)
        .method::<SwapHotkey>(swap_hotkey)
        .method::<SwapColdkeyAnnounce>(coldkey::announce)
        .method::<SwapColdkeyExecute>(coldkey::execute)
        .method::<SwapColdkeyDispute>(coldkey::dispute)
        .method::<SwapColdkeyClear>(coldkey::clear)
        .method::<SwapColdkeyCheck>(coldkey::check)
        .method::<Faucet>(faucet)
        .done();
}

async fn overview(parts: Arc<Parts>, params: OverviewParams, _: Caller) -> Result<OverviewReply, Failure> {
    let metagraphs = parts.metagraph.current();
    let list = metagraphs.list.as_ref().ok_or_else(|| receipt::warming_up("the list of subnets"))?;
    let (mut neurons, mut idle) = (Vec::new(), Vec::new());
    let mut at = receipt::kept_at(list.at, &metagraphs, &parts.link);
    if let Some(unknown) = params.netuids.iter().find(|netuid| !list.netuids.contains(netuid)) {
        return Err(subnets::no_subnet(*unknown));
    }
    let wallets = match &params.wallet {
        Some(wallet) => vec![parts.custody.ask(Summary { wallet: wallet.clone() }).await?],
        None => summaries(&parts).await?,
    };
    if let Some(Hotkeys::Only(named)) = &params.hotkeys {
        for hotkey in named {
            require_hotkey(&parts, hotkey, (&wallets, params.wallet.as_ref())).await?;
        }
    }
    for wallet in wallets {
        for (hotkey_name, summary) in wallet.hotkeys {
            let Some(hotkey) = summary.public.map(|public| Hotkey(public.account)) else { continue };
            if params.hotkeys.as_ref().is_some_and(|wanted| !wanted.covers(&hotkey_name, hotkey)) {
                continue;
            }
            let places: Vec<_> = metagraphs.registrations(&hotkey).collect();
            if places.is_empty() {
                let wallet = wallet.name.clone();
                idle.push(IdleHotkey { wallet, hotkey_name: hotkey_name.clone(), hotkey });
            }
            for (netuid, uid) in places {
                let Some(snapshot) = metagraphs.subnets.get(&netuid) else { continue };
                let Some(neuron) = snapshot.neuron(uid) else { continue };
                if params.netuids.is_empty() || params.netuids.contains(&netuid) {
                    let now = u64::from(list.at.block.number.0);
                    at.stale |= metagraphs.broken.contains_key(&netuid);
                    neurons.push(OwnNeuron {
                        wallet: wallet.name.clone(),
                        hotkey_name: hotkey_name.clone(),
                        netuid,
                        updated: now.saturating_sub(neuron.last_update),
                        neuron: subnets::neuron(neuron),
                    });
                }
            }
        }
    }
    neurons.sort_by_key(|own| (own.netuid, own.neuron.uid));
    Ok(OverviewReply { at, neurons, idle })
}

/// Refuses a hotkey that none of `wallets` has: who mistypes one must not take it for registered nowhere. `only` is the
/// wallet, where it is one.
async fn require_hotkey(
    parts: &Parts,
    hotkey: &HotkeyRef,
    (wallets, only): (&[WalletSummary], Option<&WalletName>),
) -> Result<(), Failure> {
    let mut keys = wallets.iter().flat_map(|wallet| &wallet.hotkeys);
    let is_there = match hotkey {
        HotkeyRef::Name(wanted) => keys.any(|(name, _)| name == wanted),
        HotkeyRef::Address(wanted) => {
            keys.any(|(_, key)| key.public.is_some_and(|public| public.account == wanted.account()))
        }
    };
    if is_there {
        return Ok(());
    }
    if let (HotkeyRef::Name(name), Some(wallet)) = (hotkey, only) {
        // The signer tells which there are.
        parts.custody.public(&KeyId::hotkey(wallet.clone(), name.clone())).await?;
        return Ok(());
    }
    let whose = only.map_or_else(|| "no wallet of this host has".to_owned(), |only| format!("wallet `{only}` has no"));
    let article = if only.is_none() { " a" } else { "" };
    let words = match hotkey {
        HotkeyRef::Name(name) => format!("{whose}{article} hotkey `{name}`"),
        HotkeyRef::Address(address) => format!("{whose}{article} hotkey {address}"),
    };
    Err(Failure::new(ErrorKind::NotFound, format!("{words}: `btctl wallet list` has them all")))
}

/// What is asked of the fields of an identity, with the most bytes that the chain takes of each.
fn asked(change: &IdentityChange) -> [Asked<'_>; 7] {
    let IdentityChange { name, url, github_repo, image, discord, description, additional } = change;
    [
        ("name", name, 256),
        ("url", url, 256),
        ("github_repo", github_repo, 256),
        ("image", image, 1024),
        ("discord", discord, 256),
        ("description", description, 1024),
        ("additional", additional, 1024),
    ]
    .map(|(name, said, most)| Asked { name, most, said: said.as_deref() })
}

async fn set_identity(parts: Arc<Parts>, params: SetIdentityParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SetIdentity, _>(&parts, key, params, |ground, params| async move {
        let coldkey = Coldkey(ground.actor);
        let record = Record::Identity(coldkey);
        ground.require(Need::OwnNeuron).await?;
        let newest = ground.newest(record).await?;
        let fields = identity::read(&newest, (IDENTITIES, &[Value::from(coldkey)]), &asked(&params.identity)).await?;
        identity::change(Call::new(SUBTENSOR, "set_identity"), record, &fields)
    })
    .await
}

async fn get_identity(parts: Arc<Parts>, params: ColdkeyParams, _: Caller) -> Result<IdentityReply, Failure> {
    let coldkey = receipt::coldkey(&parts, params.wallet, params.address).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    // No object where it says nothing.
    let told = view.storage_json(SUBTENSOR, IDENTITIES, &[coldkey.into()]).await?;
    let field = |name: &str| told.get(name).map(text).unwrap_or_default();
    let identity = told.is_object().then(|| Identity {
        name: field("name"),
        url: field("url"),
        github_repo: field("github_repo"),
        image: field("image"),
        discord: field("discord"),
        description: field("description"),
        additional: field("additional"),
    });
    Ok(IdentityReply { at, coldkey, identity })
}

async fn associate_hotkey(parts: Arc<Parts>, params: AssociateHotkeyParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<AssociateHotkey, _>(&parts, key, params, move |ground, _| async move {
        let owner = ground.view.storage_json(SUBTENSOR, "Owner", &[hotkey.into()]).await?;
        if let Some(owner) = account(&owner) {
            return foreseen("NonAssociatedColdKey", format!("hotkey {hotkey} belongs to coldkey {owner} already"));
        }
        let call = Call::new(SUBTENSOR, "try_associate_hotkey").arg("hotkey", hotkey);
        Ok(Draft::new(call, format!("Make coldkey {} the owner of hotkey {hotkey}", ground.actor)))
    })
    .await
}

async fn swap_hotkey(parts: Arc<Parts>, params: SwapHotkeyParams, _: Caller) -> Result<Receipt, Failure> {
    let old = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let new = receipt::hotkey(&parts, &params.wallet, &params.new_hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SwapHotkey, _>(&parts, key, params, move |ground, params| async move {
        if old == new {
            return foreseen("NewHotKeyIsSameWithOld", format!("hotkey {old} cannot take over from itself"));
        }
        let owner = ground.view.storage_json(SUBTENSOR, "Owner", &[new.into()]).await?;
        if let Some(owner) = account(&owner).filter(|owner| owner.account() != ground.actor) {
            let words = format!("hotkey {new} belongs to coldkey {owner}, not to {}", ground.actor);
            return foreseen("NonAssociatedColdKey", words);
        }
        let netuids = match params.netuid {
            Some(netuid) => vec![netuid],
            None => ground.view.netuids().await?,
        };
        let places: Vec<Vec<Value>> = netuids.iter().map(|netuid| vec![(*netuid).into(), new.into()]).collect();
        let uids = ground.view.storage_json_many(SUBTENSOR, "Uids", &places).await?;
        if let Some((netuid, _)) = netuids.iter().zip(&uids).find(|(_, uid)| !uid.is_null()) {
            let words = format!("hotkey {new} is registered on subnet {netuid} already, and cannot take over there");
            return foreseen("HotKeyAlreadyRegisteredInSubNet", words);
        }
        if let Some(netuid) = stake::related(&ground.view, (old, new), &netuids).await? {
            let words = format!(
                "hotkey {new} inherits from {old} on subnet {netuid}, or {old} from it, and cannot take over from it there: \
                 `stake child revoke` first"
            );
            return foreseen("InvalidChild", words);
        }
        let is_on_root = params.netuid.is_none_or(|netuid| netuid == NetUid::ROOT);
        // A runtime that has no name for it does not look at it.
        let is_judged = ground.view.runtime().has_error(SUBTENSOR, NOT_CLEAN);
        if is_on_root && is_judged && !is_clean_on_root(&ground.view, new).await? {
            let words =
                format!("hotkey {new} has root stake or a record of root dividends, and cannot take over on root");
            return foreseen(NOT_CLEAN, words);
        }
        let has_v2 = ground.view.runtime().has_call(SUBTENSOR, "swap_hotkey_v2");
        let call = match (params.keep_stake, has_v2) {
            (true, false) => {
                ground.require_call(
                    SUBTENSOR,
                    "swap_hotkey_v2",
                    "without keeping stake behind the old hotkey it works",
                )?;
                return Err(Precondition::Nothing.into());
            }
            (keep, true) => Call::new(SUBTENSOR, "swap_hotkey_v2").arg("keep_stake", keep),
            (false, false) => Call::new(SUBTENSOR, "swap_hotkey"),
        };
        let (cost, place) = match params.netuid {
            Some(netuid) => (swap_cost(&ground.view, SWAP_ON_ONE)?, format!("on subnet {netuid}")),
            None => (swap_cost(&ground.view, SWAP_EVERYWHERE)?, "everywhere".to_owned()),
        };
        let call = call
            .arg("hotkey", old)
            .arg("new_hotkey", new)
            .arg("netuid", params.netuid.map_or(Value::Null, Value::from));
        let summary = format!("Let hotkey {new} take over from {old} {place} for τ{cost}");
        let draft = Draft::new(call, summary).spends(cost).needs(Need::OwnHotkey(old));
        let draft = draft.needs(Need::Rested(Pace::HotkeySwap));
        let draft = match params.netuid {
            Some(netuid) => draft.needs(Need::Subnet(netuid)).needs(Need::Rested(Pace::HotkeySwapOn(netuid))),
            None => draft,
        };
        let draft = fate(old, params.netuid, params.keep_stake).into_iter().fold(draft, Draft::warning);
        Ok(match params.netuid {
            Some(NetUid::ROOT) => {
                draft.warning("this is root alone, and no full exchange: without a netuid it takes over everywhere")
            }
            _ => swap_pace(&ground.view).await?.into_iter().fold(draft, Draft::warning),
        })
    })
    .await
}

/// What becomes of stake behind the hotkey that is given up, where whoever exchanges it may not think of that.
fn fate(old: Hotkey, netuid: Option<NetUid>, keep_stake: bool) -> Option<String> {
    match (netuid, keep_stake) {
        (None, true) => Some(format!(
            "hotkey {old} is nobody's afterwards: no stake behind it can leave, move or be given away until a coldkey \
             claims it, whoever comes first; `wallet associate-hotkey` makes it yours again, so do that at once"
        )),
        (Some(NetUid::ROOT), false) => Some("root stake and dividends go with it: its nominators are moved".to_owned()),
        _ => None,
    }
}

/// A number that the runtime has as a constant; none where this one has it not.
fn constant(view: &View, name: &str) -> Result<Option<u64>, ReadError> {
    match view.constant_json(SUBTENSOR, name) {
        Ok(told) => Ok(number(&told)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the chain takes for exchanging a key.
fn swap_cost(view: &View, (told, usual): (&str, Tao)) -> Result<Tao, ReadError> {
    Ok(constant(view, told)?.map_or(usual, Tao::from_rao))
}

/// How often a hotkey can be exchanged, in words; none where there is no limit.
async fn swap_pace(view: &View) -> Result<Option<String>, ReadError> {
    let everywhere = stake::kept(view, "TxRateLimit").await?.filter(|blocks| *blocks > 0);
    let everywhere = everywhere.map(|blocks| format!("once in {blocks} blocks"));
    let on_one = constant(view, "HotkeySwapOnSubnetInterval")?.map(|blocks| format!("on one subnet once in {blocks}"));
    let paces: Vec<String> = everywhere.into_iter().chain(on_one).collect();
    Ok((!paces.is_empty()).then(|| format!("a hotkey is exchanged {}", paces.join(", "))))
}

/// Whether nothing of root dividends would be mixed up if the hotkey took over another's (pallet_subtensor, spec 425).
async fn is_clean_on_root(view: &View, hotkey: Hotkey) -> Result<bool, ReadError> {
    let told = async |item, keys: &[Value]| match view.storage_json(SUBTENSOR, item, keys).await {
        Ok(told) => Ok(Some(told)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    };
    let claims = told("RootClaimable", &[hotkey.into()]).await?;
    // A runtime without such claims has no such rule.
    let Some(claims) = claims else { return Ok(true) };
    let stake = told("TotalHotkeyAlpha", &[hotkey.into(), NetUid::ROOT.into()]).await?;
    if claims.as_array().is_some_and(|claims| !claims.is_empty()) || stake.as_ref().and_then(number).unwrap_or(0) > 0 {
        return Ok(false);
    }
    // What was claimed on root counts also where it came to nothing.
    match view.storage_entries(SUBTENSOR, "RootClaimed", &[NetUid::ROOT.into(), hotkey.into()], 1).await {
        Ok(claimed) => Ok(claimed.is_empty()),
        Err(ReadError::Absent(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

async fn faucet(parts: Arc<Parts>, params: FaucetParams, _: Caller) -> Result<Receipt, Failure> {
    /// As easy as the chain asks for, whatever the network (`do_faucet`).
    const DIFFICULTY: NonZeroU64 = match NonZeroU64::new(1_000_000) {
        Some(difficulty) => difficulty,
        None => NonZeroU64::MIN,
    };
    /// For how many blocks the chain takes it, the one that was worked on included (`do_faucet`).
    const WINDOW: u32 = 3;
    /// What it gives (`do_faucet`).
    const GIVEN: Tao = Tao::from_rao(1_000_000_000_000);
    const INSTEAD: &str = "public networks give nothing away, and on a development chain //Alice holds the money: \
                           `btctl wallet create --wallet alice --uri //Alice`, then `btctl wallet transfer`";
    let key = KeyId::coldkey(params.wallet.clone());
    let quarry = Quarry::new(parts.link.clone(), params.processors);
    receipt::sign::<Faucet, _>(&parts, key, params, move |ground, params| {
        let quarry = quarry.clone();
        async move {
            work::require_now(params.announce_only)?;
            ground.require_call(SUBTENSOR, "faucet", INSTEAD)?;
            let puzzle = |hash: &BlockHash| Puzzle::historic(hash, &ground.actor);
            let is_plan = params.manner().dry_run;
            let work = if is_plan {
                Work::none(ground.view.block().number)
            } else {
                quarry.find((Target::of(DIFFICULTY), WINDOW), puzzle).await?
            };
            let Work { block, solution } = work;
            let done = if is_plan {
                "which this daemon does before it is signed: nonce and work stand for what is found then".to_owned()
            } else {
                format!("which this daemon did on block #{block}")
            };
            let call = Call::new(SUBTENSOR, "faucet")
                .arg("block_number", u64::from(block.0))
                .arg("nonce", solution.nonce)
                .arg("work", solution.seal.0.to_vec());
            Ok(Draft::new(call, format!("Ask the faucet for tao for {}", ground.actor)).receives(GIVEN).effect(
                format!(
                    "the faucet gives τ{GIVEN} for proof of work, about {DIFFICULTY} hashes, {done}; taken in the \
                     {WINDOW} blocks from the one it is done on, and done anew after them"
                ),
            ))
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;

    #[test]
    fn only_a_full_exchange_without_the_stake_leaves_a_hotkey_to_nobody() {
        let told = |netuid, keep_stake| fate(Hotkey(AccountId([1; 32])), netuid, keep_stake).unwrap_or_default();
        assert!(told(None, true).contains("is nobody's afterwards"));
        assert!(told(Some(NetUid::ROOT), false).contains("go with it"));
        for (netuid, keep_stake) in
            [(None, false), (Some(NetUid::ROOT), true), (Some(NetUid(1)), true), (Some(NetUid(1)), false)]
        {
            assert_eq!(told(netuid, keep_stake), "", "{netuid:?}, stake kept: {keep_stake}");
        }
    }
}
