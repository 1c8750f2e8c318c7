//! `Crowdloan`: money that many put together for one purpose, a call of its creator's or an account to pay.
//!
//! What is raised lies on an account of its own until the creator finalises, or until it is given back. Purposes of more
//! than 128 bytes are kept as preimages.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::Bounded;
use scale_info::TypeInfo;
use sp_runtime::traits::BlakeTwo256;

pub use pallet::*;

use crate::{AccountId, RuntimeCall, UNIT};

/// Number of a crowdloan.
pub type CrowdloanId = u32;

/// Least deposit of a creator, in rao.
pub const LEAST_DEPOSIT: u64 = 10 * UNIT;
/// Least contribution that a creator may ask for, in rao.
pub const LEAST_CONTRIBUTION: u64 = UNIT / 10;
/// Least blocks that a crowdloan is open.
pub const SHORTEST: u32 = 50_400;
/// Most blocks that a crowdloan is open.
pub const LONGEST: u32 = 432_000;
/// Contributors that one call gives their money back.
pub const REFUNDS: u32 = 50;
/// Contributors of a crowdloan.
pub const CONTRIBUTORS: u32 = 500;

/// A crowdloan.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CrowdloanInfo<AccountId, Balance, BlockNumber, Call> {
    /// Whose it is.
    pub creator: AccountId,
    /// What the creator put in first, in rao.
    pub deposit: Balance,
    /// Least contribution, in rao.
    pub min_contribution: Balance,
    /// Block from which on nobody can contribute.
    pub end: BlockNumber,
    /// What is to be raised, in rao.
    pub cap: Balance,
    /// Where it lies.
    pub funds_account: AccountId,
    /// What has been raised, in rao.
    pub raised: Balance,
    /// Whom it is for, when it is for an account.
    pub target_address: Option<AccountId>,
    /// What it is for, when it is for a call.
    pub call: Option<Call>,
    /// Whether it has served its purpose.
    pub finalized: bool,
    /// How many have contributed.
    pub contributors_count: u32,
}

/// A crowdloan of this chain.
pub type Crowdloan = CrowdloanInfo<AccountId, u64, u32, Bounded<RuntimeCall, BlakeTwo256>>;

#[frame_support::pallet]
#[allow(
    clippy::pedantic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::too_many_arguments,
    unreachable_pub,
    reason = "the FRAME macros expand into this module, and calls take the arguments that clients send"
)]
pub mod pallet {
    use alloc::{boxed::Box, vec::Vec};

    use frame_support::{
        PalletId,
        dispatch::DispatchResultWithPostInfo,
        pallet_prelude::*,
        traits::{
            QueryPreimage, StorePreimage,
            fungible::{Inspect, Mutate},
            tokens::Preservation,
        },
        weights::constants::RocksDbWeight,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::{AccountIdConversion, BlakeTwo256, Header, HeaderProvider};

    use super::{
        AccountId, CONTRIBUTORS, Crowdloan, CrowdloanId, LEAST_CONTRIBUTION, LEAST_DEPOSIT, LONGEST, REFUNDS,
        RuntimeCall, SHORTEST,
    };

    const ID: PalletId = PalletId(*b"bt/cloan");

    fn weight(base: u64, proof: u64, reads: u64, writes: u64) -> Weight {
        Weight::from_parts(base, proof).saturating_add(RocksDbWeight::get().reads_writes(reads, writes))
    }

    fn refund_weight(contributors: u32) -> Weight {
        let each = weight(45_000_000, 2_579, 2, 2).saturating_mul(contributors.into());
        weight(80_000_000, 3_743, 3, 1).saturating_add(each)
    }

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    /// Like the chain's own pallet this one works on the runtime's accounts, calls and balances.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<
            AccountId = AccountId,
            Block: HeaderProvider<HeaderT: Header<Number = u32>>,
            RuntimeEvent: From<Event<Self>>,
        > + pallet_balances::Config<Balance = u64>
    {
        /// Where purposes are kept that are too long to keep here.
        type Preimages: QueryPreimage<H = BlakeTwo256> + StorePreimage;
    }

    /// Crowdloans.
    #[pallet::storage]
    pub type Crowdloans<T: Config> = StorageMap<_, Twox64Concat, CrowdloanId, Crowdloan, OptionQuery>;
    /// Number of the next one.
    #[pallet::storage]
    pub type NextCrowdloanId<T: Config> = StorageValue<_, CrowdloanId, ValueQuery>;
    /// What each has contributed, in rao.
    #[pallet::storage]
    pub type Contributions<T: Config> =
        StorageDoubleMap<_, Twox64Concat, CrowdloanId, Identity, T::AccountId, u64, OptionQuery>;
    /// What each may contribute, in rao.
    #[pallet::storage]
    pub type MaxContributions<T: Config> = StorageMap<_, Twox64Concat, CrowdloanId, u64, OptionQuery>;
    /// The crowdloan whose purpose is being served.
    #[pallet::storage]
    pub type CurrentCrowdloanId<T: Config> = StorageValue<_, CrowdloanId, OptionQuery>;
    /// Migrations that ran.
    #[pallet::storage]
    pub type HasMigrationRun<T: Config> = StorageMap<_, Identity, BoundedVec<u8, ConstU32<128>>, bool, ValueQuery>;

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        #[pallet::constant_name(PalletId)]
        fn pallet_id() -> PalletId {
            ID
        }
        #[pallet::constant_name(MinimumDeposit)]
        fn minimum_deposit() -> u64 {
            LEAST_DEPOSIT
        }
        #[pallet::constant_name(AbsoluteMinimumContribution)]
        fn absolute_minimum_contribution() -> u64 {
            LEAST_CONTRIBUTION
        }
        #[pallet::constant_name(MinimumBlockDuration)]
        fn minimum_block_duration() -> BlockNumberFor<T> {
            SHORTEST
        }
        #[pallet::constant_name(MaximumBlockDuration)]
        fn maximum_block_duration() -> BlockNumberFor<T> {
            LONGEST
        }
        #[pallet::constant_name(RefundContributorsLimit)]
        fn refund_contributors_limit() -> u32 {
            REFUNDS
        }
        #[pallet::constant_name(MaxContributors)]
        fn max_contributors() -> u32 {
            CONTRIBUTORS
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A crowdloan began.
        Created { crowdloan_id: CrowdloanId, creator: T::AccountId, end: BlockNumberFor<T>, cap: u64 },
        /// Somebody contributed.
        Contributed { crowdloan_id: CrowdloanId, contributor: T::AccountId, amount: u64 },
        /// Somebody took a contribution back.
        Withdrew { crowdloan_id: CrowdloanId, contributor: T::AccountId, amount: u64 },
        /// Some contributors were given their money back.
        PartiallyRefunded { crowdloan_id: CrowdloanId },
        /// All contributors have been given their money back.
        AllRefunded { crowdloan_id: CrowdloanId },
        /// A crowdloan served its purpose.
        Finalized { crowdloan_id: CrowdloanId },
        /// A crowdloan was removed.
        Dissolved { crowdloan_id: CrowdloanId },
        /// The least contribution was set.
        MinContributionUpdated { crowdloan_id: CrowdloanId, new_min_contribution: u64 },
        /// The end was set.
        EndUpdated { crowdloan_id: CrowdloanId, new_end: BlockNumberFor<T> },
        /// What is to be raised was set.
        CapUpdated { crowdloan_id: CrowdloanId, new_cap: u64 },
        /// What each may contribute was set.
        MaxContributionUpdated { crowdloan_id: CrowdloanId, new_max_contribution: Option<u64> },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The crowdloan initial deposit is too low.
        DepositTooLow,
        /// The crowdloan cap is too low.
        CapTooLow,
        /// The minimum contribution is too low.
        MinimumContributionTooLow,
        /// The crowdloan cannot end in the past.
        CannotEndInPast,
        /// The crowdloan block duration is too short.
        BlockDurationTooShort,
        /// The block duration is too long.
        BlockDurationTooLong,
        /// The account does not have enough balance to pay for the initial deposit/contribution.
        InsufficientBalance,
        /// An overflow occurred.
        Overflow,
        /// The crowdloan id is invalid.
        InvalidCrowdloanId,
        /// The crowdloan cap has been fully raised.
        CapRaised,
        /// The contribution period has ended.
        ContributionPeriodEnded,
        /// The contribution is too low.
        ContributionTooLow,
        /// The origin of this call is invalid.
        InvalidOrigin,
        /// The crowdloan has already been finalized.
        AlreadyFinalized,
        /// The crowdloan contribution period has not ended yet.
        ContributionPeriodNotEnded,
        /// The contributor has no contribution for this crowdloan.
        NoContribution,
        /// The crowdloan cap has not been raised.
        CapNotRaised,
        /// An underflow occurred.
        Underflow,
        /// Call to dispatch was not found in the preimage storage.
        CallUnavailable,
        /// The crowdloan is not ready to be dissolved, it still has contributions.
        NotReadyToDissolve,
        /// The deposit cannot be withdrawn from the crowdloan.
        DepositCannotBeWithdrawn,
        /// The maximum number of contributors has been reached.
        MaxContributorsReached,
        /// Exactly one of call or target address must be provided.
        InvalidFinalizationConfig,
        /// The contributor has already reached the maximum contribution.
        MaxContributionReached,
        /// The maximum contribution is too low.
        MaximumContributionTooLow,
        /// The minimum contribution is too high.
        MinimumContributionTooHigh,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Begins a crowdloan for a call or for an account.
        #[pallet::call_index(0)]
        #[pallet::weight(
            weight(53_000_000, 6_148, 3, 5)
                .saturating_add(call.as_ref().map_or(Weight::zero(), |call| call.get_dispatch_info().call_weight))
        )] // not recorded
        pub fn create(
            origin: OriginFor<T>,
            #[pallet::compact] deposit: u64,
            #[pallet::compact] min_contribution: u64,
            #[pallet::compact] cap: u64,
            #[pallet::compact] end: BlockNumberFor<T>,
            call: Option<Box<RuntimeCall>>,
            target_address: Option<T::AccountId>,
        ) -> DispatchResult {
            let creator = ensure_signed(origin)?;
            ensure!(deposit >= LEAST_DEPOSIT, Error::<T>::DepositTooLow);
            ensure!(cap > deposit, Error::<T>::CapTooLow);
            ensure!(min_contribution >= LEAST_CONTRIBUTION, Error::<T>::MinimumContributionTooLow);
            ensure!(call.is_some() != target_address.is_some(), Error::<T>::InvalidFinalizationConfig);
            Self::check_end(end)?;
            Self::check_balance(&creator, deposit)?;
            let crowdloan_id = NextCrowdloanId::<T>::get();
            NextCrowdloanId::<T>::put(crowdloan_id.checked_add(1).ok_or(Error::<T>::Overflow)?);
            let funds_account = Self::funds_account(crowdloan_id);
            frame_system::Pallet::<T>::inc_providers(&funds_account);
            let call = call.map(|call| T::Preimages::bound(*call)).transpose()?;
            Self::pay(&creator, &funds_account, deposit)?;
            let crowdloan = Crowdloan {
                creator: creator.clone(),
                deposit,
                min_contribution,
                end,
                cap,
                funds_account,
                raised: deposit,
                target_address,
                call,
                finalized: false,
                contributors_count: 1,
            };
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Contributions::<T>::insert(crowdloan_id, &creator, deposit);
            Self::deposit_event(Event::Created { crowdloan_id, creator, end, cap });
            Ok(())
        }

        /// Contributes, as much as is still to be raised.
        #[pallet::call_index(1)]
        #[pallet::weight(weight(66_608_000, 6_148, 5, 4))]
        pub fn contribute(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] amount: u64,
        ) -> DispatchResult {
            let contributor = ensure_signed(origin)?;
            let mut crowdloan = Self::crowdloan(crowdloan_id)?;
            let now = frame_system::Pallet::<T>::block_number();
            ensure!(now < crowdloan.end, Error::<T>::ContributionPeriodEnded);
            ensure!(crowdloan.raised < crowdloan.cap, Error::<T>::CapRaised);
            ensure!(amount >= crowdloan.min_contribution, Error::<T>::ContributionTooLow);
            ensure!(crowdloan.contributors_count < CONTRIBUTORS, Error::<T>::MaxContributorsReached);
            let before = Contributions::<T>::get(crowdloan_id, &contributor);
            let most = MaxContributions::<T>::get(crowdloan_id).unwrap_or(u64::MAX);
            let may = most.saturating_sub(before.unwrap_or(0));
            ensure!(may > 0, Error::<T>::MaxContributionReached);
            let amount = amount.min(crowdloan.cap.saturating_sub(crowdloan.raised)).min(may);
            crowdloan.raised = crowdloan.raised.checked_add(amount).ok_or(Error::<T>::Overflow)?;
            if before.is_none() {
                crowdloan.contributors_count = crowdloan.contributors_count.saturating_add(1);
            }
            let contribution = before.unwrap_or(0).checked_add(amount).ok_or(Error::<T>::Overflow)?;
            Self::check_balance(&contributor, amount)?;
            Self::pay(&contributor, &crowdloan.funds_account, amount)?;
            Contributions::<T>::insert(crowdloan_id, &contributor, contribution);
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(Event::Contributed { crowdloan_id, contributor, amount });
            Ok(())
        }

        /// Takes a contribution back; the creator's deposit stays.
        #[pallet::call_index(2)]
        #[pallet::weight(weight(60_258_000, 6_148, 4, 4))]
        pub fn withdraw(origin: OriginFor<T>, #[pallet::compact] crowdloan_id: CrowdloanId) -> DispatchResult {
            let contributor = ensure_signed(origin)?;
            let mut crowdloan = Self::crowdloan(crowdloan_id)?;
            ensure!(!crowdloan.finalized, Error::<T>::AlreadyFinalized);
            let mut amount = Contributions::<T>::get(crowdloan_id, &contributor).unwrap_or(0);
            ensure!(amount > 0, Error::<T>::NoContribution);
            if contributor == crowdloan.creator {
                amount = amount.saturating_sub(crowdloan.deposit);
                ensure!(amount > 0, Error::<T>::DepositCannotBeWithdrawn);
                Contributions::<T>::insert(crowdloan_id, &contributor, crowdloan.deposit);
            } else {
                Contributions::<T>::remove(crowdloan_id, &contributor);
                crowdloan.contributors_count =
                    crowdloan.contributors_count.checked_sub(1).ok_or(Error::<T>::Underflow)?;
            }
            Self::pay(&crowdloan.funds_account, &contributor, amount)?;
            crowdloan.raised = crowdloan.raised.saturating_sub(amount);
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(Event::Withdrew { crowdloan_id, contributor, amount });
            Ok(())
        }

        /// Serves the purpose of a crowdloan that has raised everything.
        #[pallet::call_index(3)]
        #[pallet::weight(weight(47_000_000, 6_148, 3, 3))] // not recorded
        pub fn finalize(origin: OriginFor<T>, #[pallet::compact] crowdloan_id: CrowdloanId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut crowdloan = Self::crowdloan(crowdloan_id)?;
            ensure!(who == crowdloan.creator, Error::<T>::InvalidOrigin);
            ensure!(crowdloan.raised == crowdloan.cap, Error::<T>::CapNotRaised);
            ensure!(!crowdloan.finalized, Error::<T>::AlreadyFinalized);
            crowdloan.finalized = true;
            Crowdloans::<T>::insert(crowdloan_id, &crowdloan);
            match (&crowdloan.call, &crowdloan.target_address) {
                (Some(call), None) => {
                    CurrentCrowdloanId::<T>::put(crowdloan_id);
                    let (call, _) = T::Preimages::peek(call).map_err(|_| Error::<T>::CallUnavailable)?;
                    crate::guards::dispatch(call, crate::RuntimeOrigin::signed(who))
                        .map_err(|failure| failure.error)?;
                    CurrentCrowdloanId::<T>::kill();
                }
                (None, Some(target)) => Self::pay(&crowdloan.funds_account, target, crowdloan.raised)?,
                _ => return Err(Error::<T>::InvalidFinalizationConfig.into()),
            }
            Self::deposit_event(Event::Finalized { crowdloan_id });
            Ok(())
        }

        /// Gives some contributors their money back; the creator's stays.
        #[pallet::call_index(4)]
        #[pallet::weight(refund_weight(REFUNDS))] // not recorded
        pub fn refund(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let mut crowdloan = Self::unfinished(crowdloan_id, &who)?;
            let owed: Vec<(AccountId, u64)> =
                Contributions::<T>::iter_prefix(crowdloan_id).filter(|(account, _)| *account != who).collect();
            let now = owed.len().min(REFUNDS as usize);
            for (contributor, amount) in &owed[..now] {
                Self::pay(&crowdloan.funds_account, contributor, *amount)?;
                Contributions::<T>::remove(crowdloan_id, contributor);
                crowdloan.raised = crowdloan.raised.saturating_sub(*amount);
            }
            let refunded = u32::try_from(now).unwrap_or(REFUNDS);
            crowdloan.contributors_count =
                crowdloan.contributors_count.checked_sub(refunded).ok_or(Error::<T>::Underflow)?;
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            if now < owed.len() {
                Self::deposit_event(Event::PartiallyRefunded { crowdloan_id });
                return Ok(().into());
            }
            Self::deposit_event(Event::AllRefunded { crowdloan_id });
            Ok(Some(refund_weight(refunded)).into())
        }

        /// Removes a crowdloan to which nobody but the creator has contributed.
        #[pallet::call_index(5)]
        #[pallet::weight(weight(53_000_000, 6_148, 4, 5))] // not recorded
        pub fn dissolve(origin: OriginFor<T>, #[pallet::compact] crowdloan_id: CrowdloanId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let crowdloan = Self::unfinished(crowdloan_id, &who)?;
            let own = Contributions::<T>::get(crowdloan_id, &who).ok_or(Error::<T>::NoContribution)?;
            ensure!(own == crowdloan.raised, Error::<T>::NotReadyToDissolve);
            Self::pay(&crowdloan.funds_account, &who, own)?;
            Contributions::<T>::remove(crowdloan_id, &who);
            if let Some(call) = crowdloan.call {
                T::Preimages::drop(&call);
            }
            let _ = frame_system::Pallet::<T>::dec_providers(&crowdloan.funds_account);
            Crowdloans::<T>::remove(crowdloan_id);
            MaxContributions::<T>::remove(crowdloan_id);
            Self::deposit_event(Event::Dissolved { crowdloan_id });
            Ok(())
        }

        /// Sets the least contribution.
        #[pallet::call_index(6)]
        #[pallet::weight(weight(13_000_000, 3_743, 1, 1))] // not recorded
        pub fn update_min_contribution(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] new_min_contribution: u64,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut crowdloan = Self::unfinished(crowdloan_id, &who)?;
            ensure!(new_min_contribution >= LEAST_CONTRIBUTION, Error::<T>::MinimumContributionTooLow);
            let most = MaxContributions::<T>::get(crowdloan_id);
            ensure!(most.is_none_or(|most| new_min_contribution <= most), Error::<T>::MinimumContributionTooHigh);
            crowdloan.min_contribution = new_min_contribution;
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(Event::MinContributionUpdated { crowdloan_id, new_min_contribution });
            Ok(())
        }

        /// Sets the end.
        #[pallet::call_index(7)]
        #[pallet::weight(weight(13_000_000, 3_743, 1, 1))] // not recorded
        pub fn update_end(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] new_end: BlockNumberFor<T>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut crowdloan = Self::unfinished(crowdloan_id, &who)?;
            Self::check_end(new_end)?;
            crowdloan.end = new_end;
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(Event::EndUpdated { crowdloan_id, new_end });
            Ok(())
        }

        /// Sets what is to be raised.
        #[pallet::call_index(8)]
        #[pallet::weight(weight(13_000_000, 3_743, 1, 1))] // not recorded
        pub fn update_cap(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] new_cap: u64,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut crowdloan = Self::unfinished(crowdloan_id, &who)?;
            ensure!(new_cap >= crowdloan.raised, Error::<T>::CapTooLow);
            crowdloan.cap = new_cap;
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(Event::CapUpdated { crowdloan_id, new_cap });
            Ok(())
        }

        /// Sets what each may contribute.
        #[pallet::call_index(9)]
        #[pallet::weight(weight(13_000_000, 3_743, 2, 1))] // not recorded
        pub fn set_max_contribution(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            new_max_contribution: Option<u64>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let crowdloan = Self::unfinished(crowdloan_id, &who)?;
            if let Some(most) = new_max_contribution {
                let own = Contributions::<T>::get(crowdloan_id, &who).unwrap_or(0);
                ensure!(most >= crowdloan.min_contribution && most >= own, Error::<T>::MaximumContributionTooLow);
            }
            MaxContributions::<T>::set(crowdloan_id, new_max_contribution);
            Self::deposit_event(Event::MaxContributionUpdated { crowdloan_id, new_max_contribution });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// The account on which a crowdloan's money lies.
        pub fn funds_account(crowdloan_id: CrowdloanId) -> AccountId {
            ID.into_sub_account_truncating(crowdloan_id)
        }

        /// The crowdloan whose purpose is being served, and its number.
        pub(crate) fn current() -> Result<(CrowdloanId, Crowdloan), Error<T>> {
            let id = CurrentCrowdloanId::<T>::get().ok_or(Error::InvalidCrowdloanId)?;
            Ok((id, Self::crowdloan(id)?))
        }

        fn crowdloan(crowdloan_id: CrowdloanId) -> Result<Crowdloan, Error<T>> {
            Crowdloans::<T>::get(crowdloan_id).ok_or(Error::InvalidCrowdloanId)
        }

        /// A crowdloan of this creator's that has not served its purpose.
        fn unfinished(crowdloan_id: CrowdloanId, who: &AccountId) -> Result<Crowdloan, Error<T>> {
            let crowdloan = Self::crowdloan(crowdloan_id)?;
            ensure!(!crowdloan.finalized, Error::AlreadyFinalized);
            ensure!(crowdloan.creator == *who, Error::InvalidOrigin);
            Ok(crowdloan)
        }

        fn check_end(end: u32) -> Result<(), Error<T>> {
            let now = frame_system::Pallet::<T>::block_number();
            ensure!(now < end, Error::CannotEndInPast);
            ensure!(end - now >= SHORTEST, Error::BlockDurationTooShort);
            ensure!(end - now <= LONGEST, Error::BlockDurationTooLong);
            Ok(())
        }

        fn check_balance(who: &AccountId, amount: u64) -> Result<(), Error<T>> {
            let balance = <pallet_balances::Pallet<T> as Inspect<AccountId>>::balance(who);
            ensure!(balance >= amount, Error::InsufficientBalance);
            Ok(())
        }

        fn pay(from: &AccountId, to: &AccountId, amount: u64) -> DispatchResult {
            <pallet_balances::Pallet<T> as Mutate<AccountId>>::transfer(from, to, amount, Preservation::Expendable)
                .map(|_| ())
        }
    }
}
