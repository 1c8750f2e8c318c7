//! A seat on root: who registers there, and in whose place.

use std::sync::Arc;

use btd_api::{
    Hotkey, NetUid, Tao,
    root::{Register, RegisterParams},
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, Value, View};
use btd_signer_protocol::KeyId;

use super::{Caller, Failure, SUBTENSOR, account, number, own_hotkey, receipt};
use crate::{
    daemon::Parts,
    submit::{Draft, Precondition, SubmissionError},
};

pub(super) async fn register(parts: Arc<Parts>, params: RegisterParams, _: Caller) -> Result<Receipt, Failure> {
    let (_, hotkey) = own_hotkey(&parts, &params.wallet, &params.hotkey).await?;
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<Register, _>(&parts, key, params, move |ground, _| async move {
        if let Some(uid) = ground.view.uid(NetUid::ROOT, hotkey.account()).await? {
            return Err(Precondition::AlreadyRegistered { hotkey, netuid: NetUid::ROOT, uid }.into());
        }
        require_seat(&ground.view, hotkey).await?;
        let call = Call::new(SUBTENSOR, "root_register").arg("hotkey", hotkey);
        Ok(Draft::new(call, format!("Register hotkey {hotkey} on root"))
            .effect("root takes the 64 hotkeys with most root stake: a full one drops that with the least"))
    })
    .await
}

/// Refuses a hotkey that has no more root stake than the weakest of those that sit on a full root.
async fn require_seat(view: &View, hotkey: Hotkey) -> Result<(), SubmissionError> {
    let told = async |item| match view.storage_json(SUBTENSOR, item, &[NetUid::ROOT.into()]).await {
        Ok(told) => Ok(number(&told)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    };
    let (taken, seats) = (told("SubnetworkN").await?, told("MaxAllowedUids").await?);
    let Some((taken, seats)) = taken.zip(seats).filter(|(taken, seats)| taken >= seats) else { return Ok(()) };
    let sitting = view.storage_entries(SUBTENSOR, "Keys", &[NetUid::ROOT.into()], usize::from(u16::MAX)).await?;
    let mut all: Vec<Hotkey> = sitting.iter().filter_map(|entry| account(&entry.value)).collect();
    all.push(hotkey);
    let mut stakes = root_stakes(view, &all).await?;
    // Without anybody on it there is nobody to be dropped either.
    let Some((own, weakest)) = stakes.pop().and_then(|own| Some((own, stakes.into_iter().min()?))) else {
        return Ok(());
    };
    if own > weakest {
        return Ok(());
    }
    let words = format!(
        "all {seats} seats on root are taken ({taken}), and hotkey {hotkey} has a root stake of τ{own}, where it takes more \
         than the τ{weakest} of the weakest: `stake add --netuid 0` first"
    );
    receipt::foreseen("StakeTooLowForRoot", words)
}

/// What stands behind each of `hotkeys` on root.
pub(super) async fn root_stakes(view: &View, hotkeys: &[Hotkey]) -> Result<Vec<Tao>, ReadError> {
    // Before stake was parted by subnets it was one amount.
    let is_parted = view.runtime().has_storage(SUBTENSOR, "TotalHotkeyAlpha");
    let item = if is_parted { "TotalHotkeyAlpha" } else { "TotalHotkeyStake" };
    let place = |hotkey: &Hotkey| {
        let mut keys = vec![Value::from(*hotkey)];
        keys.extend(is_parted.then(|| Value::from(NetUid::ROOT)));
        keys
    };
    let places: Vec<Vec<Value>> = hotkeys.iter().map(place).collect();
    let stakes = view.storage_json_many(SUBTENSOR, item, &places).await?;
    Ok(stakes.iter().map(|stake| Tao::from_rao(number(stake).unwrap_or(0))).collect())
}
