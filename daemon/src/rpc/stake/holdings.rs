//! What a coldkey holds, and how much of it may leave each subnet.
//!
//! A lock is of all that a coldkey has on a subnet, whichever hotkey it stands behind: what one position gives up,
//! another cannot. It holds stake on its subnet, not behind its hotkey. Semantics: pallet_subtensor, spec 425.

use std::collections::BTreeMap;

use btd_api::{Alpha, AlphaAmount, Coldkey, Hotkey, NetUid};
use btd_chain::StakeInfo;

use super::locks;
use crate::submit::{Ground, Precondition, SubmissionError};

/// The positions of a coldkey, and what may leave; what has been drawn up counts as gone.
#[derive(Clone, Debug)]
pub(super) struct Holdings {
    stakes: Vec<StakeInfo>,
    /// What may leave, of each subnet on which something is locked; elsewhere all may.
    free: BTreeMap<NetUid, Alpha>,
}

/// A part of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) alpha: Alpha,
    /// The whole position.
    pub(super) stake: Alpha,
    /// How much of `alpha` is locked.
    pub(super) bound: Alpha,
}

// === impl Holdings ===

impl Holdings {
    /// What the actor holds, for trades on one subnet only.
    pub(super) async fn on(ground: &Ground, netuid: NetUid) -> Result<Self, SubmissionError> {
        ground.require_subnet(netuid).await?;
        let stakes = ground.view.stake_for_coldkey(ground.actor).await?;
        let lock = locks::standing(&ground.view, Coldkey(ground.actor), netuid).await?;
        Ok(Self::new(stakes, &lock.map(|lock| (netuid, lock.locked)).into_iter().collect()))
    }

    /// What the actor holds, for trades on any subnet.
    pub(super) async fn everywhere(ground: &Ground) -> Result<Self, SubmissionError> {
        let locks = locks::standings(&ground.view, Coldkey(ground.actor)).await?;
        let stakes = ground.view.stake_for_coldkey(ground.actor).await?;
        Ok(Self::new(stakes, &locks.into_iter().map(|(netuid, lock)| (netuid, lock.locked)).collect()))
    }

    fn new(stakes: Vec<StakeInfo>, locked: &BTreeMap<NetUid, Alpha>) -> Self {
        let free =
            |(netuid, locked): (&NetUid, &Alpha)| (*netuid, locks::staked(&stakes, *netuid).saturating_sub(*locked));
        let free = locked.iter().map(free).collect();
        Self { stakes, free }
    }

    /// Every position.
    pub(super) fn stakes(&self) -> &[StakeInfo] {
        &self.stakes
    }

    /// How much may leave a subnet, from behind all hotkeys together.
    pub(super) fn free(&self, netuid: NetUid) -> Alpha {
        self.free.get(&netuid).copied().unwrap_or(Alpha::from_rao(u64::MAX))
    }

    /// How much `amount` of a position is when it leaves its subnet, after which so much less may.
    pub(super) fn leaves(
        &mut self,
        hotkey: Hotkey,
        netuid: NetUid,
        amount: AlphaAmount,
    ) -> Result<Part, SubmissionError> {
        let part = self.leaving(hotkey, netuid, amount)?;
        self.goes(netuid, part.alpha);
        Ok(part)
    }

    /// The same of what may not leave after all: as much may as before.
    pub(super) fn leaving(&self, hotkey: Hotkey, netuid: NetUid, amount: AlphaAmount) -> Result<Part, SubmissionError> {
        let free = self.free(netuid);
        let part = self.part(hotkey, netuid, amount, free)?;
        if part.bound > Alpha::ZERO {
            let (alpha, staked) = (part.alpha, locks::staked(&self.stakes, netuid));
            let sign = netuid.stake_sign();
            let words = format!(
                "of {sign}{staked} staked on subnet {netuid} only {sign}{free} may leave, {sign}{alpha} cannot: the rest \
                 is locked, or leaves by another part of this extrinsic"
            );
            return Err(Precondition::Foreseen { error: "StakeUnavailable", words }.into());
        }
        Ok(part)
    }

    /// Notes that so much leaves a subnet.
    pub(super) fn goes(&mut self, netuid: NetUid, alpha: Alpha) {
        if let Some(free) = self.free.get_mut(&netuid) {
            *free = free.saturating_sub(alpha);
        }
    }

    /// How much `amount` of a position is when it stays on its subnet, where locked stake moves like any other.
    pub(super) fn stays(&self, hotkey: Hotkey, netuid: NetUid, amount: AlphaAmount) -> Result<Part, SubmissionError> {
        self.part(hotkey, netuid, amount, Alpha::from_rao(u64::MAX))
    }

    fn part(&self, hotkey: Hotkey, netuid: NetUid, amount: AlphaAmount, most: Alpha) -> Result<Part, SubmissionError> {
        let position = self.stakes.iter().find(|stake| Hotkey(stake.hotkey) == hotkey && stake.netuid == netuid);
        let stake = position.map_or(Alpha::ZERO, |stake| stake.stake);
        let alpha = match amount {
            AlphaAmount::Exactly(alpha) => alpha,
            AlphaAmount::All => stake.min(most),
        };
        if alpha == Alpha::ZERO && stake > Alpha::ZERO {
            return Err(Precondition::Nothing.into());
        }
        if alpha > stake || stake == Alpha::ZERO {
            let sign = netuid.stake_sign();
            let words =
                format!("{sign}{stake} of subnet {netuid} stand behind hotkey {hotkey}: {sign}{alpha} cannot be taken");
            return Err(Precondition::Foreseen { error: "NotEnoughStakeToWithdraw", words }.into());
        }
        Ok(Part { alpha, stake, bound: alpha.saturating_sub(self.free(netuid)) })
    }
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;

    const A: Hotkey = Hotkey(AccountId([1; 32]));
    const B: Hotkey = Hotkey(AccountId([2; 32]));
    const LOCKED: NetUid = NetUid(2);
    const FREE: NetUid = NetUid(3);

    /// Five behind each hotkey on both subnets, and four locked on one.
    fn holdings() -> Holdings {
        let place = |hotkey: Hotkey, netuid| StakeInfo {
            hotkey: hotkey.account(),
            coldkey: AccountId([9; 32]),
            netuid,
            stake: Alpha::from_rao(5),
            locked: Alpha::ZERO,
            emission: None,
            tao_emission: None,
            is_registered: None,
        };
        let stakes = vec![place(A, LOCKED), place(B, LOCKED), place(A, FREE), place(B, FREE)];
        Holdings::new(stakes, &BTreeMap::from([(LOCKED, Alpha::from_rao(4))]))
    }

    fn exactly(rao: u64) -> AlphaAmount {
        AlphaAmount::Exactly(Alpha::from_rao(rao))
    }

    fn part(alpha: u64, bound: u64) -> Part {
        Part { alpha: Alpha::from_rao(alpha), stake: Alpha::from_rao(5), bound: Alpha::from_rao(bound) }
    }

    fn error(part: Result<Part, SubmissionError>) -> &'static str {
        match part {
            Err(SubmissionError::Precondition(Precondition::Foreseen { error, .. })) => error,
            Err(SubmissionError::Precondition(Precondition::Nothing)) => "nothing",
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_one_position_gives_up_another_cannot() {
        let mut holdings = holdings();
        assert_eq!(holdings.leaves(A, LOCKED, AlphaAmount::All).unwrap(), part(5, 0));
        assert_eq!(error(holdings.leaves(B, LOCKED, exactly(2))), "StakeUnavailable");
        assert_eq!(holdings.leaves(B, LOCKED, AlphaAmount::All).unwrap(), part(1, 0));
        assert_eq!(error(holdings.leaves(B, LOCKED, AlphaAmount::All)), "nothing");
        // Another subnet knows nothing of that lock.
        assert_eq!(holdings.leaves(A, FREE, AlphaAmount::All).unwrap(), part(5, 0));
        assert_eq!(holdings.leaves(B, FREE, exactly(5)).unwrap(), part(5, 0));
    }

    #[test]
    fn more_than_is_there_does_not_leave() {
        let mut holdings = holdings();
        assert_eq!(error(holdings.leaves(A, LOCKED, exactly(6))), "NotEnoughStakeToWithdraw");
        assert_eq!(error(holdings.leaves(A, NetUid(4), AlphaAmount::All)), "NotEnoughStakeToWithdraw");
        assert_eq!(error(holdings.leaves(A, LOCKED, exactly(0))), "nothing");
        // What was refused took nothing away.
        assert_eq!(holdings.free(LOCKED), Alpha::from_rao(6));
    }

    #[test]
    fn what_stays_on_its_subnet_takes_its_lock_along() {
        let mut holdings = holdings();
        assert_eq!(holdings.stays(A, LOCKED, AlphaAmount::All).unwrap(), part(5, 0));
        holdings.leaves(B, LOCKED, exactly(3)).unwrap();
        assert_eq!(holdings.stays(A, LOCKED, AlphaAmount::All).unwrap(), part(5, 2));
        assert_eq!(error(holdings.stays(A, LOCKED, exactly(6))), "NotEnoughStakeToWithdraw");
    }
}
