//! Leased subnets: paid for by a crowdloan, run by its creator through a proxy, and sharing the owner's cut with those
//! who paid.
//!
//! The subnet belongs to an account without a key until the lease ends. A lease without an end is never over.

use codec::{Decode, Encode};
use frame_support::{
    ensure,
    storage::with_storage_layer,
    traits::tokens::Preservation,
    weights::{Weight, constants::RocksDbWeight},
};
use sp_runtime::{DispatchError, DispatchResult, Percent};

use super::{
    AccumulatedLeaseDividends, Config, Delegates, Error, Event, NextSubnetLeaseId, Pallet, SubnetLeaseShares,
    SubnetLeases, SubnetOwner, SubnetOwnerHotkey, SubnetUidToLeaseId,
    fixed::U64F64,
    staking::Position,
    types::{Alpha, LeaseId, NetUid, SubnetLease, Tao},
};
use crate::{AccountId, crowdloan, proxy::ProxyType};

/// Blocks between two distributions of dividends.
pub(super) const DISTRIBUTION: u64 = 100;

fn per_contributor(base: Weight, each: Weight, contributors: u32) -> Weight {
    base.saturating_add(each.saturating_mul(contributors.into()))
}

/// Weight of creating a leased subnet for so many contributors.
pub(super) fn lease_weight(contributors: u32) -> Weight {
    let db = RocksDbWeight::get();
    let base = Weight::from_parts(301_560_714, 10_079).saturating_add(db.reads_writes(41, 55));
    per_contributor(base, Weight::from_parts(26_884_006, 2_579).saturating_add(db.reads_writes(2, 2)), contributors)
}

/// Weight of ending a lease in which so many shared.
pub(super) fn lease_end_weight(contributors: u32) -> Weight {
    let db = RocksDbWeight::get();
    let base = Weight::from_parts(56_635_122, 6_148).saturating_add(db.reads_writes(4, 6));
    per_contributor(base, Weight::from_parts(912_993, 2_529).saturating_add(db.reads_writes(1, 1)), contributors)
}

/// An account of a lease, which has no key.
fn account(purpose: &str, lease: LeaseId) -> AccountId {
    let entropy = (purpose, lease).using_encoded(sp_io::hashing::blake2_256);
    AccountId::decode(&mut &entropy[..]).unwrap_or_else(|_| AccountId::new(entropy))
}

impl<T: Config> Pallet<T> {
    /// Creates a subnet with what the crowdloan that is being finalised has raised. Returns how many contributed.
    pub(super) fn lease_subnet(
        creator: &AccountId,
        share: Percent,
        end_block: Option<u32>,
    ) -> Result<u32, DispatchError> {
        let (crowdloan_id, crowdloan) = crowdloan::Pallet::<T>::current()?;
        ensure!(*creator == crowdloan.creator, Error::<T>::InvalidLeaseBeneficiary);
        let now = Self::height();
        ensure!(end_block.is_none_or(|end| end > now), Error::<T>::LeaseCannotEndInThePast);
        let lease_id = NextSubnetLeaseId::<T>::get();
        NextSubnetLeaseId::<T>::put(lease_id.checked_add(1).ok_or(Error::<T>::Overflow)?);
        let (coldkey, hotkey) = (account("leasing/coldkey", lease_id), account("leasing/hotkey", lease_id));
        frame_system::Pallet::<T>::inc_providers(&coldkey);
        frame_system::Pallet::<T>::inc_providers(&hotkey);
        Self::transfer(&crowdloan.funds_account, &coldkey, crowdloan.raised, Preservation::Expendable)?;
        Self::create_subnet(&coldkey, &hotkey, None)?;
        let netuid = Self::subnet_of(&coldkey).ok_or(Error::<T>::LeaseNetuidNotFound)?;
        crate::Proxy::add_proxy_delegate(&coldkey, creator.clone(), ProxyType::SubnetLeaseBeneficiary, 0)?;
        let left = pallet_balances::Pallet::<T>::free_balance(&coldkey);
        Delegates::<T>::insert(&hotkey, 0);
        SubnetUidToLeaseId::<T>::insert(netuid, lease_id);
        let lease = SubnetLease {
            beneficiary: creator.clone(),
            coldkey: coldkey.clone(),
            hotkey,
            emissions_share: share,
            end_block,
            netuid,
            cost: crowdloan.raised.saturating_sub(left),
        };
        SubnetLeases::<T>::insert(lease_id, lease);
        Self::share_lease(lease_id, crowdloan_id, (&coldkey, creator), crowdloan.raised, left)?;
        Self::deposit_event(Event::SubnetLeaseCreated { beneficiary: creator.clone(), lease_id, netuid, end_block });
        Ok(crowdloan.contributors_count)
    }

    fn subnet_of(owner: &AccountId) -> Option<NetUid> {
        SubnetOwner::<T>::iter().find(|(_, coldkey)| coldkey == owner).map(|(netuid, _)| netuid)
    }

    /// Notes the shares of those who contributed, and gives back what the subnet did not cost. The creator has what is
    /// left of both.
    fn share_lease(
        lease_id: LeaseId,
        crowdloan_id: crowdloan::CrowdloanId,
        (coldkey, creator): (&AccountId, &AccountId),
        raised: Tao,
        left: Tao,
    ) -> DispatchResult {
        let mut given = 0_u64;
        for (contributor, amount) in crowdloan::Contributions::<T>::iter_prefix(crowdloan_id) {
            if contributor == *creator {
                continue;
            }
            let share = U64F64::ratio(amount, raised);
            SubnetLeaseShares::<T>::insert(lease_id, &contributor, share);
            let part = share.times(left);
            Self::transfer(coldkey, &contributor, part, Preservation::Expendable)?;
            given = given.saturating_add(part);
        }
        Self::transfer(coldkey, creator, left.saturating_sub(given), Preservation::Expendable)?;
        Ok(())
    }

    /// Hands a leased subnet over to who ran it, once the lease has ended. Returns how many shared in it.
    pub(super) fn end_lease(
        beneficiary: &AccountId,
        lease_id: LeaseId,
        hotkey: &AccountId,
    ) -> Result<u32, DispatchError> {
        let lease = SubnetLeases::<T>::get(lease_id).ok_or(Error::<T>::LeaseDoesNotExist)?;
        ensure!(lease.beneficiary == *beneficiary, Error::<T>::ExpectedBeneficiaryOrigin);
        let end = lease.end_block.ok_or(Error::<T>::LeaseHasNoEndBlock)?;
        ensure!(frame_system::Pallet::<T>::block_number() >= end, Error::<T>::LeaseHasNotEnded);
        ensure!(Self::owns(beneficiary, hotkey), Error::<T>::BeneficiaryDoesNotOwnHotkey);
        SubnetOwner::<T>::insert(lease.netuid, beneficiary);
        SubnetOwnerHotkey::<T>::insert(lease.netuid, hotkey);
        Self::deposit_event(Event::SubnetOwnerHotkeySet(lease.netuid, hotkey.clone()));
        let _ = frame_system::Pallet::<T>::dec_providers(&lease.coldkey);
        let _ = frame_system::Pallet::<T>::dec_providers(&lease.hotkey);
        let shared = SubnetLeaseShares::<T>::clear_prefix(lease_id, crowdloan::CONTRIBUTORS, None).unique;
        AccumulatedLeaseDividends::<T>::remove(lease_id);
        SubnetLeases::<T>::remove(lease_id);
        SubnetUidToLeaseId::<T>::remove(lease.netuid);
        crate::Proxy::remove_proxy_delegate(&lease.coldkey, beneficiary.clone(), ProxyType::SubnetLeaseBeneficiary, 0)?;
        Self::deposit_event(Event::SubnetLeaseTerminated { beneficiary: lease.beneficiary, netuid: lease.netuid });
        Ok(shared)
    }

    /// Sets the part of an owner's cut aside that belongs to those who paid for the subnet, and pays them out every so
    /// many blocks. What cannot be paid stays aside.
    pub(super) fn pay_lease(netuid: NetUid, cut: Alpha) {
        let Some(lease_id) = SubnetUidToLeaseId::<T>::get(netuid) else { return };
        let Some(lease) = SubnetLeases::<T>::get(lease_id) else { return };
        if lease.end_block.is_some_and(|end| end <= frame_system::Pallet::<T>::block_number()) {
            return;
        }
        let due = AccumulatedLeaseDividends::<T>::get(lease_id).saturating_add(lease.emissions_share.mul_ceil(cut));
        let paid = Self::now().is_multiple_of(DISTRIBUTION)
            && with_storage_layer(|| Self::distribute_lease(lease_id, &lease, due)).is_ok();
        AccumulatedLeaseDividends::<T>::insert(lease_id, if paid { 0 } else { due });
    }

    fn distribute_lease(lease_id: LeaseId, lease: &SubnetLease<AccountId, u32, Tao>, due: Alpha) -> DispatchResult {
        let from = Position { coldkey: &lease.coldkey, hotkey: &lease.hotkey, netuid: lease.netuid };
        let mut left = due;
        let pay = |contributor: &AccountId, alpha: Alpha| -> DispatchResult {
            Self::hand_over(from, Position { coldkey: contributor, ..from }, alpha)?;
            Self::deposit_event(Event::SubnetLeaseDividendsDistributed {
                lease_id,
                contributor: contributor.clone(),
                alpha,
            });
            Ok(())
        };
        for (contributor, share) in SubnetLeaseShares::<T>::iter_prefix(lease_id) {
            let part = share.times_rounded_up(due);
            pay(&contributor, part)?;
            left = left.saturating_sub(part);
        }
        pay(&lease.beneficiary, left)
    }
}
