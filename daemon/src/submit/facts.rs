//! Reads what a plan is judged by, all at one block.

use btd_api::{AccountId, Hotkey, NetUid, Tao};
use btd_chain::{Link, ReadError, View};

use super::{
    action::{Action, Register, ServeAxon, Transfer},
    need::owner,
    plan::{Account, Facts, Subnet},
};

/// Reads the facts for `action` of `signer` at the block of `view`.
pub(super) async fn gather(view: &View, action: &Action, signer: AccountId) -> Result<Facts, ReadError> {
    let mut facts = of_payer(view, signer).await?;
    match action {
        Action::Transfer(Transfer { dest, .. }) => {
            let dest = view.balance(dest.account()).await?;
            facts.dest_exists = dest.free > Tao::ZERO || dest.reserved > Tao::ZERO || dest.nonce > 0;
        }
        Action::Register(Register { netuid, hotkey, .. }) => {
            facts.subnet = subnet(view, *netuid, *hotkey).await?;
            facts.owner = owner(view, *hotkey).await?;
        }
        Action::ServeAxon(ServeAxon { netuid, .. }) => {
            facts.subnet = subnet(view, *netuid, Hotkey(signer)).await?;
        }
        Action::Drafted(_) => {}
    }
    Ok(facts)
}

async fn subnet(view: &View, netuid: NetUid, hotkey: Hotkey) -> Result<Option<Subnet>, ReadError> {
    if !view.subnet_exists(netuid).await? {
        return Ok(None);
    }
    // Runtimes before 2024 have no such switch: a subnet is open.
    let has_switch = view.runtime().has_storage("SubtensorModule", "NetworkRegistrationAllowed");
    let switch = if has_switch {
        view.storage_json("SubtensorModule", "NetworkRegistrationAllowed", &[netuid.into()]).await?.as_bool()
    } else {
        None
    };
    Ok(Some(Subnet {
        price: view.registration_cost(netuid).await?,
        open: switch.unwrap_or(true),
        takes_limit: view.runtime().has_call("SubtensorModule", "register_limit"),
        uid: view.uid(netuid, hotkey.account()).await?,
    }))
}

/// What only the signer's account tells: enough to judge whether it can pay a fee.
pub(super) async fn of_payer(view: &View, payer: AccountId) -> Result<Facts, ReadError> {
    let balance = view.balance(payer).await?;
    let account = Account { free: balance.free, reserved: balance.reserved, frozen: balance.frozen };
    Ok(Facts { account, deposit: view.existential_deposit()?, dest_exists: true, subnet: None, owner: None })
}

/// Takes over the balance of the best block where it is lower: what has left the account there is
/// not to be counted on, though that block is not final. Says so in words.
pub(super) async fn lower_by_best_block(link: &Link, account: AccountId, facts: &mut Facts) -> Option<String> {
    let best = link.best_view().await.ok()?;
    let balance = best.balance(account).await.ok()?;
    if balance.free >= facts.account.free {
        return None;
    }
    let before = facts.account.free;
    facts.account = Account { free: balance.free, reserved: balance.reserved, frozen: balance.frozen };
    let number = best.block().number;
    Some(format!("block {number}, not final yet, leaves τ{} of τ{before}: that is reckoned with", balance.free))
}
