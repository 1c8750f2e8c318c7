//! The senate of runtimes before spec 334: who sits in it, and how they vote.
//!
//! Only a chain whose genesis says so fills it: on spec 425 there is none. [`crate::triumvirate`] keeps the votes.

use frame_support::ensure;
use frame_system::RawOrigin;
use sp_core::H256;
use sp_runtime::{DispatchError, DispatchResult, traits::StaticLookup};

use super::{Config, Error, LegacyRoot, Pallet, SubnetTAO, TotalHotkeyAlpha, types::ROOT};
use crate::{
    AccountId,
    triumvirate::{Pallet as Triumvirate, Senate},
};

/// Seats.
pub(crate) const SEATS: u32 = 12;
/// Stake a senator has at least, in percent of all stake on root.
const REQUIRED_PERCENT: u128 = 1;

impl<T: Config> Pallet<T> {
    /// Counts a senator's vote, cast by the coldkey, and tells whether it is the first on this proposal.
    pub(super) fn vote_as_senator(
        coldkey: &AccountId,
        hotkey: &AccountId,
        (proposal, index): (H256, u32),
        approve: bool,
    ) -> Result<bool, DispatchError> {
        ensure!(Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);
        ensure!(Senate::<T>::members().contains(hotkey), Error::<T>::NotSenateMember);
        Triumvirate::<T>::add_vote(hotkey, proposal, index, approve)
    }

    /// Gives a hotkey that has joined root a seat in the senate, if it has the stake; the weakest senator makes room.
    pub(super) fn join_senate(hotkey: &AccountId) -> DispatchResult {
        let members = Senate::<T>::members();
        if !LegacyRoot::<T>::get() || members.contains(hotkey) {
            return Ok(());
        }
        let stake = |who: &AccountId| TotalHotkeyAlpha::<T>::get(who, ROOT);
        let own = u128::from(stake(hotkey));
        if own * 100 < u128::from(SubnetTAO::<T>::get(ROOT)) * REQUIRED_PERCENT {
            return Ok(());
        }
        let seat = |who: &AccountId| <T::Lookup as StaticLookup>::unlookup(who.clone());
        let root = || RawOrigin::Root.into();
        if u32::try_from(members.len()).is_ok_and(|taken| taken < SEATS) {
            return Senate::<T>::add_member(root(), seat(hotkey)).map(drop).map_err(|error| error.error);
        }
        let weakest = members.iter().min_by_key(|member| stake(member));
        let Some(weakest) = weakest.filter(|member| u128::from(stake(member)) < own) else { return Ok(()) };
        Senate::<T>::swap_member(root(), seat(weakest), seat(hotkey)).map_err(|error| error.error)?;
        Triumvirate::<T>::remove_votes(weakest);
        Ok(())
    }
}
