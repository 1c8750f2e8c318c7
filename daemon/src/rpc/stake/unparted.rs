//! Stake as it was before subnets had tokens of their own (spec 233): tao behind hotkeys, on no subnet. Subnet 0 stands for
//! it, which is where such stake is today.

use btd_api::{AlphaAmount, Amount, Coldkey, Hotkey, NetUid, Tao};
use btd_chain::{Call, Value};

use super::{SUBTENSOR, number, trade};
use crate::{
    rpc::receipt,
    submit::{Draft, Ground, Need, Precondition, SubmissionError},
};

/// Whether stake names no subnet on the connected runtime.
pub(super) fn is_so(ground: &Ground) -> bool {
    let runtime = ground.view.runtime();
    runtime.has_call(SUBTENSOR, "add_stake") && !runtime.call_takes(SUBTENSOR, "add_stake", "netuid")
}

/// Stakes behind a hotkey.
pub(super) async fn add(
    ground: &Ground,
    netuid: NetUid,
    (hotkey, amount): (Hotkey, Amount),
) -> Result<Draft, SubmissionError> {
    require_root(netuid)?;
    let amount = match amount {
        Amount::Exactly(amount) => amount,
        Amount::All => trade::spendable(ground, 1).await?,
    };
    if amount == Tao::ZERO {
        return Err(Precondition::Nothing.into());
    }
    let call = Call::new(SUBTENSOR, "add_stake").arg("hotkey", hotkey).arg("amount_staked", amount);
    let draft = Draft::new(call, format!("Stake τ{amount} behind hotkey {hotkey}")).spends(amount);
    Ok(draft.needs(Need::KnownHotkey(hotkey)))
}

/// Takes stake out (`Stake`: hotkey, coldkey to rao).
pub(super) async fn remove(
    ground: &Ground,
    netuid: NetUid,
    (hotkey, amount): (Hotkey, AlphaAmount),
) -> Result<Draft, SubmissionError> {
    require_root(netuid)?;
    let keys = [Value::from(hotkey), Value::from(Coldkey(ground.actor))];
    let held = ground.view.storage_json(SUBTENSOR, "Stake", &keys).await?;
    let held = Tao::from_rao(number(&held).unwrap_or(0));
    let amount = match amount {
        AlphaAmount::All => held,
        AlphaAmount::Exactly(amount) => Tao::from_rao(amount.rao()),
    };
    if amount == Tao::ZERO {
        return Err(Precondition::Nothing.into());
    }
    if amount > held {
        let words = format!("τ{held} stand behind hotkey {hotkey}: τ{amount} cannot be taken");
        return receipt::foreseen("NotEnoughStakeToWithdraw", words);
    }
    let call = Call::new(SUBTENSOR, "remove_stake").arg("hotkey", hotkey).arg("amount_unstaked", amount);
    Ok(Draft::new(call, format!("Take τ{amount} from behind hotkey {hotkey}")).receives(amount))
}

/// Takes stake out from behind each of `hotkeys`; where all of it is meant, from those that have some.
pub(super) async fn remove_many(
    ground: &Ground,
    hotkeys: &[Hotkey],
    amount: AlphaAmount,
) -> Result<Vec<Draft>, SubmissionError> {
    let mut drafts = Vec::new();
    for hotkey in hotkeys {
        match remove(ground, NetUid::ROOT, (*hotkey, amount)).await {
            Err(SubmissionError::Precondition(Precondition::Nothing)) if amount == AlphaAmount::All => {}
            draft => drafts.push(draft?),
        }
    }
    Ok(drafts)
}

/// Refuses a subnet on which there is no stake.
pub(super) fn require_root(netuid: NetUid) -> Result<(), SubmissionError> {
    if netuid == NetUid::ROOT {
        return Ok(());
    }
    let words = format!(
        "stake is on no subnet on this runtime, and subnet {netuid} has none of its own: name 0, which stands for all of it"
    );
    Err(Precondition::Invalid { parameter: "netuid", words }.into())
}
