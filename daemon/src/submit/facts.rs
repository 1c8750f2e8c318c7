//! Reads what a plan is judged by, all at one block.

use btd_api::{AccountId, Coldkey, Hotkey, NetUid, Tao};
use btd_chain::{ReadError, Value, View};

use super::{
    action::{Action, Register, ServeAxon, Transfer},
    plan::{Account, Facts, Subnet},
};

/// Reads the facts for `action` of `signer` at the block of `view`.
pub(super) async fn gather(view: &View, action: &Action, signer: AccountId) -> Result<Facts, ReadError> {
    let balance = view.balance(signer).await?;
    let account = Account { free: balance.free, reserved: balance.reserved, frozen: balance.frozen };
    let mut facts =
        Facts { account, deposit: view.existential_deposit()?, dest_exists: true, subnet: None, owner: None };
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
    }
    Ok(facts)
}

async fn subnet(view: &View, netuid: NetUid, hotkey: Hotkey) -> Result<Option<Subnet>, ReadError> {
    if !view.subnet_exists(netuid).await? {
        return Ok(None);
    }
    Ok(Some(Subnet {
        price: view.registration_cost(netuid).await?,
        open: view
            .storage_json("SubtensorModule", "NetworkRegistrationAllowed", &[netuid.into()])
            .await?
            .as_bool()
            .unwrap_or(true),
        takes_limit: view.runtime().has_call("SubtensorModule", "register_limit"),
        uid: view.uid(netuid, hotkey.account()).await?,
    }))
}

/// The coldkey that owns `hotkey`. The map's default, the zero account, stands for nobody.
async fn owner(view: &View, hotkey: Hotkey) -> Result<Option<Coldkey>, ReadError> {
    let owner = view.storage_json("SubtensorModule", "Owner", &[Value::from(hotkey)]).await?;
    let owner = owner.as_str().and_then(|text| text.parse::<Coldkey>().ok());
    Ok(owner.filter(|owner| *owner != Coldkey(AccountId([0; 32]))))
}
