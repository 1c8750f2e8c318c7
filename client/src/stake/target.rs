//! Bringing a position to a size: how much is to be added or taken out, from what is staked now.

use btd_api::{
    Alpha, ApiError, ErrorKind, Hotkey, HotkeyRef, NetUid, Tao, WalletName,
    stake::{ColdkeyParams, List, Position},
    wallet::KeyName,
};

use crate::{failure::Failure, session::Session, wallet};

/// Whose stake, behind whom, and where.
type Place<'p> = (&'p WalletName, &'p HotkeyRef, NetUid);

/// The tao that the position lacks to a worth of `most`.
///
/// # Errors
/// When it lacks nothing.
pub(super) async fn lacking(session: &Session, place: Place<'_>, most: Tao) -> Result<Tao, Failure> {
    let has = position(session, place).await?.map_or(Tao::ZERO, |position| position.value);
    match most.rao().checked_sub(has.rao()) {
        None | Some(0) => Err(nothing_to_do(format!(
            "the position is worth τ{has}, which is no less than τ{most}: there is nothing to add"
        ))),
        Some(rest) => Ok(Tao::from_rao(rest)),
    }
}

/// The alpha that the position has beyond `most`.
///
/// # Errors
/// When it has no more.
pub(super) async fn surplus(session: &Session, place: Place<'_>, most: Alpha) -> Result<Alpha, Failure> {
    let has = position(session, place).await?.map_or(Alpha::from_rao(0), |position| position.stake);
    let sign = place.2.stake_sign();
    match has.rao().checked_sub(most.rao()) {
        None | Some(0) => Err(nothing_to_do(format!(
            "the position has {sign}{has}, which is no more than {sign}{most}: there is nothing to take out"
        ))),
        Some(rest) => Ok(Alpha::from_rao(rest)),
    }
}

/// The refusal of what the state of the chain leaves nothing of, as the daemon words its own: no mistake of whoever
/// asked.
fn nothing_to_do(message: String) -> Failure {
    /// What the chain says to an amount of nothing.
    const NAME: &str = "AmountTooLow";
    ApiError::new(ErrorKind::Precondition, message).about(NAME).into()
}

/// What is said where several positions are named.
pub(super) fn only_one() -> Failure {
    Failure::usage("--max-stake is of one position: name one --netuid and one --hotkey")
}

async fn position(session: &Session, (wallet, hotkey, netuid): Place<'_>) -> Result<Option<Position>, Failure> {
    let hotkey = match hotkey {
        HotkeyRef::Address(hotkey) => *hotkey,
        HotkeyRef::Name(name) => {
            let key = KeyName::Hotkey(name.clone());
            let detail = wallet::detail(session, wallet, &key).await?;
            let address =
                detail.address.ok_or_else(|| Failure::usage(format!("the address of hotkey {name} is not known")))?;
            Hotkey(address)
        }
    };
    let params = ColdkeyParams { wallet: Some(wallet.clone()), address: None };
    let stakes = session.call::<List>(&params).await?.read()?;
    Ok(stakes.positions.into_iter().find(|one| one.netuid == netuid && one.hotkey == hotkey))
}
