//! Staking on root behind a delegate, as runtimes had it before each subnet had a token of its own.
//!
//! Today that is stake on subnet 0, where tao stays tao; before spec 233 stake named no subnet. The
//! same commands work on both.

use std::sync::Arc;

use btd_api::{
    Alpha, Coldkey, Hotkey, HotkeyRef, NetUid,
    root::{
        Delegate, DelegateParams, DelegateTo, Delegation, Delegations, Nominate, NominateParams, Undelegate,
        UndelegateParams,
    },
    stake::{AddParams, ColdkeyParams, Fill, Protection, RemoveParams},
    unsent,
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, StakeInfo, Value};
use btd_signer_protocol::KeyId;

use super::{Caller, Failure, SUBTENSOR, account, known_delegates, names_of, number, own_hotkey, receipt};
use crate::{
    daemon::Parts,
    rpc::stake::trade,
    submit::{Draft, Need},
};

pub(super) async fn delegate(parts: Arc<Parts>, params: DelegateParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<DelegateTo, _>(&parts, key, params, |ground, params| async move {
        let add = unsent!(AddParams {
            amount: params.amount,
            netuid: NetUid::ROOT,
            hotkey: HotkeyRef::Address(params.delegate),
            wallet: params.wallet.clone(),
            protection: Protection::None,
            fill: Fill::Whole,
        });
        trade::buy(&ground, &add, params.delegate).await
    })
    .await
}

pub(super) async fn undelegate(parts: Arc<Parts>, params: UndelegateParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Undelegate, _>(&parts, key, params, |ground, params| async move {
        let remove = unsent!(RemoveParams {
            amount: params.amount,
            netuid: NetUid::ROOT,
            hotkey: HotkeyRef::Address(params.delegate),
            wallet: params.wallet.clone(),
            protection: Protection::None,
            fill: Fill::Whole,
        });
        trade::sell(&ground, &remove, params.delegate).await
    })
    .await
}

pub(super) async fn mine(parts: Arc<Parts>, params: ColdkeyParams, _: Caller) -> Result<Delegations, Failure> {
    let coldkey = receipt::coldkey(&parts, params.wallet, params.address).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    let stakes = match view.stake_for_coldkey(coldkey.account()).await {
        Ok(stakes) => stakes,
        Err(ReadError::Absent(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let known = known_delegates(&view).await?;
    let stakes: Vec<StakeInfo> = stakes.into_iter().filter(|stake| stake.stake > Alpha::ZERO).collect();
    let hotkeys: Vec<Vec<Value>> = stakes.iter().map(|stake| vec![stake.hotkey.into()]).collect();
    let owners = view.storage_json_many(SUBTENSOR, "Owner", &hotkeys).await?;
    let mut delegations = Vec::new();
    for (stake, owner) in stakes.iter().zip(&owners) {
        let hotkey = Hotkey(stake.hotkey);
        let delegate = known.iter().find(|delegate| delegate.hotkey == hotkey);
        let owner = account(owner).map(|owner| Coldkey(owner.account()));
        let owner = delegate.map(|delegate| delegate.owner).or(owner);
        if owner == Some(coldkey) {
            continue;
        }
        delegations.push(Delegation {
            hotkey,
            owner,
            name: String::new(),
            take: delegate.map(|delegate| delegate.take),
            nominators: delegate.map(|delegate| delegate.nominators),
            netuid: stake.netuid,
            stake: stake.stake,
            daily_return: delegate.filter(|_| stake.netuid == NetUid::ROOT).map(|one| of_a_day(one, stake.stake)),
            own_stake: delegate.map(|delegate| delegate.own_stake),
            total_stake: delegate.map(|delegate| delegate.total_stake),
            return_per_1000: delegate.map(|delegate| delegate.return_per_1000),
            registrations: delegate.map(|delegate| delegate.registrations.clone()).unwrap_or_default(),
            validator_permits: delegate.map(|delegate| delegate.validator_permits.clone()).unwrap_or_default(),
        });
    }
    let owners: Vec<Coldkey> = delegations.iter().filter_map(|one| one.owner).collect();
    let names = names_of(&view, &owners).await?;
    for (delegation, name) in delegations.iter_mut().filter(|one| one.owner.is_some()).zip(names) {
        delegation.name = name;
    }
    delegations.sort_by_key(|one| (one.netuid, std::cmp::Reverse(one.stake)));
    Ok(Delegations { at, coldkey, delegations })
}

/// What a stake on root earns in a day.
fn of_a_day(delegate: &Delegate, stake: Alpha) -> Alpha {
    const THOUSAND: u128 = 1_000_000_000_000;
    let rao = u128::from(delegate.return_per_1000.rao()).saturating_mul(stake.rao().into()) / THOUSAND;
    Alpha::from_rao(u64::try_from(rao).unwrap_or(u64::MAX))
}

pub(super) async fn nominate(parts: Arc<Parts>, params: NominateParams, _: Caller) -> Result<Receipt, Failure> {
    const INSTEAD: &str = "every hotkey on root is a delegate today: the nearest is `root register`";
    let (_, hotkey) = own_hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Nominate, _>(&parts, key, params, move |ground, _| async move {
        ground.require_call(SUBTENSOR, "become_delegate", INSTEAD)?;
        let mut call = Call::new(SUBTENSOR, "become_delegate").arg("hotkey", hotkey);
        // The first runtimes let a take be chosen here; later ones begin with the usual one.
        if ground.view.runtime().call_takes(SUBTENSOR, "become_delegate", "take") {
            let usual = ground.view.storage_json(SUBTENSOR, "DefaultTake", &[]).await;
            let usual = usual.ok().as_ref().and_then(number).unwrap_or(11_796);
            call = call.arg("take", Value::from(usual));
        }
        let draft = Draft::new(call, format!("Make hotkey {hotkey} a delegate, behind which others can stake"));
        Ok(draft.needs(Need::OwnHotkey(hotkey)))
    })
    .await
}
