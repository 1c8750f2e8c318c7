//! The exchange of a coldkey for another: announced, executed after a delay, taken back, or stopped by a dispute.
//!
//! Semantics: pallet_subtensor, spec 425. Whatever the chain refuses at each step is refused here before it is signed.

use std::sync::Arc;

use btd_api::{
    Coldkey, Tao,
    stake::ColdkeyParams,
    wallet::{
        Receipt,
        onchain::{
            Announcement, AnnouncementReply, SwapColdkeyAnnounce, SwapColdkeyClear, SwapColdkeyDispute,
            SwapColdkeyEndParams, SwapColdkeyExecute, SwapColdkeyParams,
        },
    },
};
use btd_chain::{Call, ReadError, View, account_hash};
use btd_signer_protocol::KeyId;
use serde_json::Value as Json;

use super::{SWAP_EVERYWHERE, swap_cost};
use crate::{
    daemon::Parts,
    rpc::{
        Caller, Failure,
        receipt::{self, foreseen},
        stake::{SUBTENSOR, account, number},
    },
    submit::{Draft, SubmissionError},
};

pub(super) async fn announce(parts: Arc<Parts>, params: SwapColdkeyParams, _: Caller) -> Result<Receipt, Failure> {
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
        // Only the first announcement costs something.
        Ok(if is_first { draft.spends(swap_cost(view, SWAP_EVERYWHERE)?) } else { draft })
    })
    .await
}

pub(super) async fn execute(parts: Arc<Parts>, params: SwapColdkeyParams, _: Caller) -> Result<Receipt, Failure> {
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
        let balance = ground.view.balance(old.account()).await?;
        let stays = match balance.reserved {
            Tao::ZERO => "the old coldkey holds nothing afterwards".to_owned(),
            deposits => format!("the old coldkey holds nothing afterwards but the τ{deposits} of its deposits"),
        };
        Ok(Draft::new(call, format!("Let coldkey {new} take over everything of {old}"))
            .carries(balance.free)
            .effect(format!(
                "all stake, hotkeys, subnets and the balance of τ{}, less the fee, go to {new}",
                balance.free
            ))
            .warning(format!("this cannot be undone: {stays}")))
    })
    .await
}

pub(super) async fn dispute(parts: Arc<Parts>, params: SwapColdkeyEndParams, _: Caller) -> Result<Receipt, Failure> {
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

pub(super) async fn clear(parts: Arc<Parts>, params: SwapColdkeyEndParams, _: Caller) -> Result<Receipt, Failure> {
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

pub(super) async fn check(parts: Arc<Parts>, params: ColdkeyParams, _: Caller) -> Result<AnnouncementReply, Failure> {
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
