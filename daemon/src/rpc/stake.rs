//! The noun `stake`: alpha behind hotkeys, what it earns, and who inherits it.
//!
//! Trades are made with the limit that the caller's protection comes to at the planning block, so
//! that a price that runs away costs nothing but the fee. Semantics: pallet_subtensor, spec 425.

mod children;
mod claims;
mod crossing;
mod holdings;
mod least;
mod limit;
mod locks;
mod many;
mod market;
mod reads;
pub(super) mod trade;
mod unparted;

use std::sync::Arc;

use btd_api::{
    Alpha, Coldkey, Hotkey,
    stake::{
        Add, AddMany, AddManyParams, AddParams, Auto, ChildGet, ChildSet, ChildTake, Claim, List, Move, MoveParams,
        Remove, RemoveAll, RemoveAllParams, RemoveMany, RemoveManyParams, RemoveParams, Scope, SetAuto, SetAutoParams,
        SetClaim, Swap, SwapParams, Transfer, TransferParams,
    },
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, Value, View};
use btd_signer_protocol::KeyId;

pub(super) use self::children::related;
use self::holdings::Part;
use super::{Caller, Failure, Table, receipt};
use crate::{
    daemon::Parts,
    submit::{Draft, Need},
};

/// The pallet of stake, subnets and weights.
pub(super) const SUBTENSOR: &str = "SubtensorModule";

/// A number, as storage tells it: as text where it is large.
pub(super) fn number(json: &serde_json::Value) -> Option<u64> {
    json.as_u64().or_else(|| json.as_str()?.parse().ok())
}

/// A number of which the chain keeps one; none where the runtime has it not.
pub(super) async fn kept(view: &View, item: &str) -> Result<Option<u64>, ReadError> {
    match view.storage_json(SUBTENSOR, item, &[]).await {
        Ok(told) => Ok(number(&told)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// So many blocks, and the time that they take.
pub(super) fn span(blocks: u64) -> String {
    /// At twelve seconds for a block.
    const DAY: u64 = 7_200;
    match blocks / DAY {
        0 => format!("{blocks} blocks"),
        1 => format!("{blocks} blocks (about a day)"),
        days => format!("{blocks} blocks (about {days} days)"),
    }
}

/// How often a take can be raised, by the limit that the chain keeps as `item`; none where there is none.
pub(super) async fn raises(view: &View, item: &str) -> Result<Option<String>, ReadError> {
    let limit = kept(view, item).await?.filter(|blocks| *blocks > 0);
    Ok(limit.map(|blocks| format!("a take can be raised once in {}", span(blocks))))
}

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    locks::register(table, parts);
    table
        .noun(parts)
        .method::<Add>(add)
        .method::<AddMany>(add_many)
        .method::<RemoveMany>(remove_many)
        .method::<Remove>(remove)
        .method::<RemoveAll>(remove_all)
        .method::<Move>(move_stake)
        .method::<Swap>(swap)
        .method::<Transfer>(transfer)
        .method::<List>(reads::list)
        .method::<Auto>(reads::auto)
        .method::<SetAuto>(set_auto)
        .method::<Claim>(claims::claim)
        .method::<SetClaim>(claims::set)
        .method::<ChildGet>(children::get)
        .method::<ChildSet>(children::set)
        .method::<ChildTake>(children::take)
        .done();
}

async fn add(parts: Arc<Parts>, params: AddParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Add, _>(&parts, key, params, move |ground, params| async move {
        trade::buy(&ground, &params, hotkey).await
    })
    .await
}

async fn remove(parts: Arc<Parts>, params: RemoveParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Remove, _>(&parts, key, params, move |ground, params| async move {
        trade::sell(&ground, &params, hotkey).await
    })
    .await
}

async fn add_many(parts: Arc<Parts>, params: AddManyParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkeys = many::hotkeys(&parts, &params.wallet, &params.hotkeys).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<AddMany, _>(&parts, key, params, move |ground, params| {
        let hotkeys = hotkeys.clone();
        async move { many::buy(&ground, &params, &hotkeys).await }
    })
    .await
}

async fn remove_many(parts: Arc<Parts>, params: RemoveManyParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkeys = many::hotkeys(&parts, &params.wallet, &params.hotkeys).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<RemoveMany, _>(&parts, key, params, move |ground, params| {
        let hotkeys = hotkeys.clone();
        async move { many::sell(&ground, &params, &hotkeys).await }
    })
    .await
}

async fn remove_all(parts: Arc<Parts>, params: RemoveAllParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkeys = match &params.hotkeys {
        Some(several) => many::hotkeys(&parts, &params.wallet, several).await?,
        None => vec![receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?],
    };
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<RemoveAll, _>(&parts, key, params, move |ground, params| {
        let hotkeys = hotkeys.clone();
        async move {
            many::require_few(hotkeys.len())?;
            trade::give_up(&ground, params.scope == Scope::Everything, &hotkeys).await
        }
    })
    .await
}

async fn move_stake(parts: Arc<Parts>, params: MoveParams, _: Caller) -> Result<Receipt, Failure> {
    let from = receipt::hotkey(&parts, &params.wallet, &params.origin_hotkey).await?;
    let to = receipt::hotkey(&parts, &params.wallet, &params.dest_hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Move, _>(&parts, key, params, move |ground, params| async move {
        let (origin, dest) = (params.origin_netuid, params.dest_netuid.unwrap_or(params.origin_netuid));
        if (origin, from) == (dest, to) {
            let words =
                format!("the stake is behind hotkey {from} on subnet {origin} already: name another of the two");
            return receipt::foreseen("SameNetuid", words);
        }
        let alpha = trade::part(&ground, from, (origin, dest), params.amount).await?.alpha;
        let call = Call::new(SUBTENSOR, "move_stake")
            .arg("origin_hotkey", from)
            .arg("destination_hotkey", to)
            .arg("origin_netuid", origin)
            .arg("destination_netuid", dest)
            .arg("alpha_amount", alpha);
        let sign = origin.stake_sign();
        let summary =
            format!("Move {sign}{alpha} of subnet {origin} from hotkey {from} to hotkey {to} on subnet {dest}");
        let draft = Draft::new(call, summary).needs(Need::ClaimedHotkey(from)).needs(Need::KnownHotkey(to));
        trade::unbounded(&ground, draft, (origin, dest), alpha).await
    })
    .await
}

async fn swap(parts: Arc<Parts>, params: SwapParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Swap, _>(&parts, key, params, move |ground, params| async move {
        trade::swap(&ground, &params, hotkey).await
    })
    .await
}

async fn transfer(parts: Arc<Parts>, params: TransferParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Transfer, _>(&parts, key, params, move |ground, params| async move {
        let (origin, dest) = (params.origin_netuid, params.dest_netuid.unwrap_or(params.origin_netuid));
        if (origin, params.dest.account()) == (dest, ground.actor) {
            let words = format!(
                "the stake on subnet {origin} is {}'s already: name another coldkey to give it to, or another subnet",
                params.dest
            );
            return receipt::foreseen("SameNetuid", words);
        }
        let Part { alpha, bound, .. } = trade::part(&ground, hotkey, (origin, dest), params.amount).await?;
        let call = Call::new(SUBTENSOR, "transfer_stake")
            .arg("destination_coldkey", params.dest)
            .arg("hotkey", hotkey)
            .arg("origin_netuid", origin)
            .arg("destination_netuid", dest)
            .arg("alpha_amount", alpha);
        let (from, to) = (Coldkey(ground.actor), params.dest);
        let sign = origin.stake_sign();
        let summary = format!(
            "Give {sign}{alpha} of subnet {origin} behind hotkey {hotkey} from {from} to {to} on subnet {dest}"
        );
        let mut draft = Draft::new(call, summary).needs(Need::ClaimedHotkey(hotkey));
        draft = draft.needs(Need::Transfers(origin)).needs(Need::Transfers(dest));
        if bound > Alpha::ZERO {
            locks::require_acceptance(&ground, to, (origin, dest), bound).await?;
            draft = draft.warning(format!(
                "{sign}{bound} of it are locked, and the lock goes along: {to} may have none there for another hotkey"
            ));
        }
        trade::unbounded(&ground, draft, (origin, dest), alpha).await
    })
    .await
}

async fn set_auto(parts: Arc<Parts>, params: SetAutoParams, _: Caller) -> Result<Receipt, Failure> {
    let hotkey = receipt::hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<SetAuto, _>(&parts, key, params, move |ground, params| async move {
        let netuid = params.netuid;
        let place = [Value::from(ground.actor), netuid.into()];
        match ground.view.storage_json(SUBTENSOR, "AutoStakeDestination", &place).await {
            Ok(now) if account(&now) == Some(hotkey) => {
                let words = format!("what is mined on subnet {netuid} is staked behind hotkey {hotkey} already");
                return receipt::foreseen("SameAutoStakeHotkeyAlreadySet", words);
            }
            Ok(_) | Err(ReadError::Absent(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let call = Call::new(SUBTENSOR, "set_coldkey_auto_stake_hotkey").arg("netuid", netuid).arg("hotkey", hotkey);
        let summary = format!("Stake what is mined on subnet {netuid} behind hotkey {hotkey}");
        Ok(Draft::new(call, summary).needs(Need::Subnet(netuid)).needs(Need::Neuron { netuid, hotkey }))
    })
    .await
}

/// Parses an account that storage tells as text; the zero account stands for nobody.
pub(super) fn account(json: &serde_json::Value) -> Option<Hotkey> {
    let hotkey: Hotkey = json.as_str()?.parse().ok()?;
    (hotkey.account() != btd_api::AccountId([0; 32])).then_some(hotkey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_told_with_their_days() {
        let told = [0, 7_199, 7_200, 14_399, 216_000].map(span);
        let days = ["", "", " (about a day)", " (about a day)", " (about 30 days)"];
        for ((told, blocks), days) in told.iter().zip([0, 7_199, 7_200, 14_399, 216_000]).zip(days) {
            assert_eq!(*told, format!("{blocks} blocks{days}"));
        }
    }
}
