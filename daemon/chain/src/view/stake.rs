//! Stake: what a coldkey has behind which hotkey.

use btd_api::{AccountId, Alpha, NetUid, Tao};

use super::View;
use crate::{error::ReadError, scale::read::record};

record! {
    /// One position: the alpha of one subnet that a coldkey has behind a hotkey.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct StakeInfo {
        /// Behind whom.
        pub hotkey: AccountId,
        /// Whose.
        pub coldkey: AccountId,
        /// Of which subnet's token; on root, alpha is tao.
        pub netuid: NetUid = NetUid(0),
        /// How much.
        pub stake: Alpha,
        /// The part that is locked.
        pub locked: Alpha = Alpha::ZERO,
        /// What the last epoch brought the hotkey, in alpha; none where the runtime does not tell.
        pub emission: Option<Alpha> = None,
        /// What the last epoch brought the hotkey, in tao; none where the runtime does not tell.
        pub tao_emission: Option<Tao> = None,
        /// Whether the hotkey has a place in the subnet; none where the runtime does not tell.
        pub is_registered: Option<bool> = None,
    }
}

// === impl View ===

impl View {
    /// The positions of `coldkey` that are not empty, ascending by subnet.
    pub async fn stake_for_coldkey(&self, coldkey: AccountId) -> Result<Vec<StakeInfo>, ReadError> {
        let mut positions: Vec<StakeInfo> =
            self.api("StakeInfoRuntimeApi", "get_stake_info_for_coldkey", &[coldkey.into()]).await?;
        positions.sort_by_key(|position| position.netuid);
        Ok(positions)
    }
}
