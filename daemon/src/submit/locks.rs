//! Locked stake, as far as it stands in the way of what is signed. Locks themselves are the edge's business.
//!
//! A lock is of all that a coldkey has on a subnet, whichever hotkey it stands behind, and what it has become by now is the
//! runtime's own reckoning. Semantics: pallet_subtensor, spec 425; a runtime that tells of no locks has none.

use btd_api::{AccountId, Alpha, Coldkey, NetUid};
use btd_chain::{ReadError, Value, View};
use serde_json::Value as Json;

use super::need::{SUBTENSOR, integer};

/// How much of what `coldkey` has on a subnet is locked now.
pub(super) async fn locked(view: &View, coldkey: AccountId, netuid: NetUid) -> Result<Alpha, ReadError> {
    let arguments = [Value::Account(coldkey), netuid.into()];
    match view.runtime_api_json("StakeInfoRuntimeApi", "get_coldkey_lock", &arguments).await {
        Ok(lock) => Ok(lock.get("locked_mass").and_then(integer).map_or(Alpha::ZERO, Alpha::from_rao)),
        Err(ReadError::Absent(_)) => Ok(Alpha::ZERO),
        Err(error) => Err(error),
    }
}

/// Whether a coldkey lets others give it locked stake; none where the runtime does not tell.
pub(crate) async fn accepts(view: &View, coldkey: Coldkey) -> Result<Option<bool>, ReadError> {
    match view.storage_json(SUBTENSOR, "AccountFlags", &[Value::from(coldkey)]).await {
        Ok(flags) => Ok(accepting(&flags)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the flags of an account say so: bit 0 stands for it (`set_reject_locked_alpha`, spec 425).
fn accepting(flags: &Json) -> Option<bool> {
    let flags = flags.as_u64().map(u128::from).or_else(|| flags.as_str()?.parse().ok())?;
    Some(flags & 1 != 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_has_said_nothing_accepts_no_locked_stake() {
        assert_eq!(
            [json!("0"), json!("1"), json!("2"), json!(3)].map(|flags| accepting(&flags)),
            [Some(false), Some(true), Some(false), Some(true)]
        );
        assert_eq!(accepting(&Json::Null), None);
    }
}
