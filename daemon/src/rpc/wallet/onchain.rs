//! What a wallet's keys are on the chain: identities, ownership, and the exchange of keys.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    sync::Arc,
};

use btd_api::{
    Coldkey, Hotkey, NetUid, Tao,
    stake::ColdkeyParams,
    wallet::{
        Receipt,
        onchain::{
            Announcement, AnnouncementReply, AssociateHotkey, AssociateHotkeyParams, Faucet, FaucetParams, GetIdentity,
            Identity, IdentityReply, IdleHotkey, Overview, OverviewParams, OverviewReply, OwnNeuron, SetIdentity,
            SetIdentityParams, SwapColdkeyAnnounce, SwapColdkeyCheck, SwapColdkeyClear, SwapColdkeyDispute,
            SwapColdkeyEndParams, SwapColdkeyExecute, SwapColdkeyParams, SwapHotkey, SwapHotkeyParams,
        },
    },
};
use btd_chain::{Call, ReadError, Value, View, account_hash};
use btd_pow::{Control, Outcome, Puzzle, Solution, Target};
use btd_signer_protocol::KeyId;
use serde_json::Value as Json;

use crate::{
    daemon::Parts,
    rpc::{
        Caller, Failure, Table,
        receipt::{self, foreseen},
        root::text,
        stake::{SUBTENSOR, account, number},
        subnets::{self, owning::bytes},
        wallet::summaries,
    },
    submit::{Draft, Need, Pace, Precondition, SubmissionError},
};

/// What exchanging a hotkey costs, by how much of it is exchanged (`KeySwapCost`,
/// `KeySwapOnSubnetCost`, spec 425).
const SWAP_EVERYWHERE: Tao = Tao::from_rao(100_000_000);
const SWAP_ON_ONE: Tao = Tao::from_rao(1_000_000);
/// What announcing the exchange of a coldkey costs the first time.
const ANNOUNCING: Tao = Tao::from_rao(100_000_000);

pub(in crate::rpc) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<Overview>(overview)
        .method::<SetIdentity>(set_identity)
        .method::<GetIdentity>(get_identity)
        .method::<AssociateHotkey>(associate_hotkey)
        .method::<SwapHotkey>(swap_hotkey)
        .method::<SwapColdkeyAnnounce>(announce)
        .method::<SwapColdkeyExecute>(execute)
        .method::<SwapColdkeyDispute>(dispute)
        .method::<SwapColdkeyClear>(clear)
        .method::<SwapColdkeyCheck>(check)
        .method::<Faucet>(faucet)
        .done();
}

async fn overview(parts: Arc<Parts>, params: OverviewParams, _: Caller) -> Result<OverviewReply, Failure> {
    let metagraphs = parts.metagraph.current();
    let list = metagraphs.list.as_ref().ok_or_else(|| receipt::warming_up("the list of subnets"))?;
    let (mut neurons, mut idle) = (Vec::new(), Vec::new());
    for wallet in summaries(&parts).await? {
        if params.wallet.as_ref().is_some_and(|wanted| *wanted != wallet.name) {
            continue;
        }
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
                    let now = u64::from(snapshot.at.block.number.0);
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
    Ok(OverviewReply { at: receipt::kept_at(list.at, &metagraphs, &parts.link), neurons, idle })
}

/// The fields of an identity, with the most bytes that the chain takes.
fn fields(identity: &Identity) -> [(&'static str, &String, usize); 7] {
    [
        ("name", &identity.name, 256),
        ("url", &identity.url, 256),
        ("github_repo", &identity.github_repo, 256),
        ("image", &identity.image, 1024),
        ("discord", &identity.discord, 256),
        ("description", &identity.description, 1024),
        ("additional", &identity.additional, 1024),
    ]
}

async fn set_identity(parts: Arc<Parts>, params: SetIdentityParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SetIdentity, _>(&parts, key, params, |ground, params| async move {
        let fields = fields(&params.identity);
        if let Some((name, text, most)) = fields.iter().find(|(_, text, most)| text.len() > *most) {
            let words = format!("`{name}` has {} bytes, and the chain takes {most} at most", text.len());
            return foreseen("InvalidIdentity", words);
        }
        let call = fields
            .into_iter()
            .fold(Call::new(SUBTENSOR, "set_identity"), |call, (name, text, _)| call.arg(name, bytes(text)));
        let coldkey = Coldkey(ground.actor);
        Ok(Draft::new(call, format!("Set the identity of coldkey {coldkey}")).needs(Need::OwnNeuron))
    })
    .await
}

async fn get_identity(parts: Arc<Parts>, params: ColdkeyParams, _: Caller) -> Result<IdentityReply, Failure> {
    let coldkey = receipt::coldkey(&parts, params.wallet, params.address).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    let told = view.storage_json(SUBTENSOR, "IdentitiesV2", &[coldkey.into()]).await?;
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
        for netuid in netuids {
            if ground.view.uid(netuid, new.account()).await?.is_some() {
                let words =
                    format!("hotkey {new} is registered on subnet {netuid} already, and cannot take over there");
                return foreseen("HotKeyAlreadyRegisteredInSubNet", words);
            }
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
            Some(netuid) => (SWAP_ON_ONE, format!("on subnet {netuid}")),
            None => (SWAP_EVERYWHERE, "everywhere".to_owned()),
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
        Ok(match params.netuid {
            Some(NetUid(0)) => draft.warning("root stake and dividends go with it: its nominators are moved"),
            _ => draft.warning("a hotkey is exchanged once in 1000 blocks, on one subnet once in 7200"),
        })
    })
    .await
}

async fn announce(parts: Arc<Parts>, params: SwapColdkeyParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SwapColdkeyAnnounce, _>(&parts, key, params, |ground, params| async move {
        let new = params.new_coldkey;
        let call = Call::new(SUBTENSOR, "announce_coldkey_swap").arg("new_coldkey_hash", account_hash(new.account()));
        ground.require_call(SUBTENSOR, "announce_coldkey_swap", "this runtime exchanges coldkeys in another way")?;
        let (view, old) = (&ground.view, Coldkey(ground.actor));
        let earlier = announcement(view, old).await?;
        let is_first = earlier.is_none();
        if let Some(earlier) = earlier {
            undisputed(&earlier, old)?;
            let (from, left) = replaceable(view, &earlier).await?;
            if left > 0 {
                let words = format!(
                    "coldkey {old} has announced an exchange already, and can announce another from block {from} on, in \
                     {left} blocks"
                );
                return foreseen("ColdkeySwapReannouncedTooEarly", words);
            }
        }
        let delay = view.storage_json(SUBTENSOR, "ColdkeySwapAnnouncementDelay", &[]).await?;
        let taken = taken(view, new).await?;
        let summary = format!("Announce that coldkey {new} takes over everything of {}", ground.actor);
        let draft = Draft::new(call, summary)
            .effect(format!("it can be executed after {} blocks", number(&delay).unwrap_or(0)))
            .warning("from now on this coldkey can do nothing else until the exchange is executed or taken back");
        let draft = match taken {
            Some((_, words)) => draft.warning(format!("{words}: while that is so the exchange cannot be executed")),
            None => draft,
        };
        Ok(if is_first { draft.spends(ANNOUNCING) } else { draft })
    })
    .await
}

async fn execute(parts: Arc<Parts>, params: SwapColdkeyParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SwapColdkeyExecute, _>(&parts, key, params, |ground, params| async move {
        let (old, new) = (Coldkey(ground.actor), params.new_coldkey);
        let Some(announced) = announcement(&ground.view, old).await? else {
            let words = format!("coldkey {old} has announced nothing: announce the exchange first");
            return foreseen("ColdkeySwapAnnouncementNotFound", words);
        };
        undisputed(&announced, old)?;
        if announced.new_coldkey_hash != account_hash(new.account()).to_string() {
            return foreseen("AnnouncedColdkeyHashDoesNotMatch", format!("another coldkey than {new} was announced"));
        }
        let next = u64::from(ground.view.block().number.0) + 1;
        if next < announced.executable_from {
            let from = announced.executable_from;
            let words = format!("the exchange can be executed from block {from} on, in {} blocks", from - next);
            return foreseen("ColdkeySwapTooEarly", words);
        }
        if let Some((error, words)) = taken(&ground.view, new).await? {
            return foreseen(error, format!("{words}: it cannot take over from another"));
        }
        let call = Call::new(SUBTENSOR, "swap_coldkey_announced").arg("new_coldkey", new);
        let balance = ground.view.balance(old.account()).await?.free;
        Ok(Draft::new(call, format!("Let coldkey {new} take over everything of {old}"))
            .carries(balance)
            .effect(format!("all stake, hotkeys, subnets and the balance of τ{balance} go to {new}"))
            .warning("this cannot be undone: the old coldkey holds nothing afterwards"))
    })
    .await
}

async fn dispute(parts: Arc<Parts>, params: SwapColdkeyEndParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SwapColdkeyDispute, _>(&parts, key, params, |ground, _| async move {
        let old = Coldkey(ground.actor);
        match announcement(&ground.view, old).await? {
            None => {
                let words = format!("no exchange of coldkey {old} is announced: there is nothing to dispute");
                return foreseen("ColdkeySwapAnnouncementNotFound", words);
            }
            Some(announced) if announced.disputed => {
                let words = format!("the exchange of coldkey {old} is disputed already: only root ends that");
                return foreseen("ColdkeySwapAlreadyDisputed", words);
            }
            Some(_) => {}
        }
        let call = Call::new(SUBTENSOR, "dispute_coldkey_swap");
        Ok(Draft::new(call, format!("Dispute the exchange of coldkey {old}"))
            .warning("the account is frozen, also for its owner, until root resets it"))
    })
    .await
}

async fn clear(parts: Arc<Parts>, params: SwapColdkeyEndParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SwapColdkeyClear, _>(&parts, key, params, |ground, _| async move {
        let old = Coldkey(ground.actor);
        let Some(announced) = announcement(&ground.view, old).await? else {
            let words = format!("no exchange of coldkey {old} is announced: there is nothing to take back");
            return foreseen("ColdkeySwapAnnouncementNotFound", words);
        };
        undisputed(&announced, old)?;
        let (from, left) = replaceable(&ground.view, &announced).await?;
        if left > 0 {
            let words = format!("the announcement can be taken back from block {from} on, in {left} blocks");
            return foreseen("ColdkeySwapClearTooEarly", words);
        }
        let call = Call::new(SUBTENSOR, "clear_coldkey_swap_announcement");
        Ok(Draft::new(call, format!("Take the announced exchange of coldkey {old} back")))
    })
    .await
}

async fn check(parts: Arc<Parts>, params: ColdkeyParams, _: Caller) -> Result<AnnouncementReply, Failure> {
    let coldkey = receipt::coldkey(&parts, params.wallet, params.address).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    Ok(AnnouncementReply { at, coldkey, announcement: announcement(&view, coldkey).await? })
}

async fn announcement(view: &View, coldkey: Coldkey) -> Result<Option<Announcement>, ReadError> {
    let told = view.storage_json(SUBTENSOR, "ColdkeySwapAnnouncements", &[coldkey.into()]).await?;
    let (Some(from), Some(hash)) = (told.get(0).and_then(number), told.get(1).and_then(Json::as_str)) else {
        return Ok(None);
    };
    let disputed = view.storage_json(SUBTENSOR, "ColdkeySwapDisputes", &[coldkey.into()]).await?;
    Ok(Some(Announcement { executable_from: from, new_coldkey_hash: hash.to_owned(), disputed: !disputed.is_null() }))
}

/// Refuses while a dispute stands.
fn undisputed(announced: &Announcement, old: Coldkey) -> Result<(), SubmissionError> {
    if announced.disputed {
        let words = format!("the exchange of coldkey {old} is disputed: only root ends that");
        return foreseen("ColdkeySwapDisputed", words);
    }
    Ok(())
}

/// From which block on an announcement can be taken back or replaced, and in how many blocks that is.
async fn replaceable(view: &View, announced: &Announcement) -> Result<(u64, u64), ReadError> {
    let delay = match view.storage_json(SUBTENSOR, "ColdkeySwapReannouncementDelay", &[]).await {
        Ok(delay) => number(&delay).unwrap_or(0),
        // Then the chain alone knows.
        Err(ReadError::Absent(_)) => return Ok((0, 0)),
        Err(error) => return Err(error),
    };
    let from = announced.executable_from.saturating_add(delay);
    Ok((from, from.saturating_sub(u64::from(view.block().number.0).saturating_add(1))))
}

/// Why a coldkey cannot take over from another, under the chain's name for it.
async fn taken(view: &View, new: Coldkey) -> Result<Option<(&'static str, String)>, ReadError> {
    let staking = view.storage_json(SUBTENSOR, "StakingHotkeys", &[new.into()]).await?;
    if staking.as_array().is_some_and(|hotkeys| !hotkeys.is_empty()) {
        let words = format!("coldkey {new} has hotkeys or stake of its own");
        return Ok(Some(("ColdKeyAlreadyAssociated", words)));
    }
    let owner = view.storage_json(SUBTENSOR, "Owner", &[new.into()]).await?;
    Ok(account(&owner).map(|owner| ("NewColdKeyIsHotkey", format!("{new} is a hotkey, of coldkey {owner}"))))
}

async fn faucet(parts: Arc<Parts>, params: FaucetParams, _: Caller) -> Result<Receipt, Failure> {
    /// As easy as the chain asks for, whatever the network (`do_faucet`).
    const DIFFICULTY: NonZeroU64 = match NonZeroU64::new(1_000_000) {
        Some(difficulty) => difficulty,
        None => NonZeroU64::MIN,
    };
    const INSTEAD: &str = "public networks give nothing away, and on a development chain //Alice holds the money: \
                           `btctl wallet create --wallet alice --uri //Alice`, then `btctl wallet transfer`";
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Faucet, _>(&parts, key, params, |ground, _| async move {
        ground.require_call(SUBTENSOR, "faucet", INSTEAD)?;
        let block = ground.view.block();
        let (puzzle, target) = (Puzzle::historic(&block.hash, &ground.actor), Target::of(DIFFICULTY));
        let search = move || btd_pow::search(&puzzle, &target, 0, NonZeroUsize::MIN, &Control::default());
        let Ok(Outcome::Found(Solution { nonce, seal })) = tokio::task::spawn_blocking(search).await else {
            return foreseen("InvalidSeal", "no proof of work was found".to_owned());
        };
        let call = Call::new(SUBTENSOR, "faucet")
            .arg("block_number", u64::from(block.number.0))
            .arg("nonce", nonce)
            .arg("work", seal.0.to_vec());
        Ok(Draft::new(call, format!("Ask the faucet for tao for {}", ground.actor))
            .receives(Tao::from_rao(1_000_000_000_000)))
    })
    .await
}
