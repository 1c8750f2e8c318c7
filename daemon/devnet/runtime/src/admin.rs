//! `AdminUtils`: settings of the chain and of subnets, with who may change which, and when.
//!
//! [`crate::subtensor::owner`] holds the rules of owners.

mod calls;

use frame_support::pallet_macros::import_section;

pub use pallet::*;

#[import_section(calls::calls)]
#[frame_support::pallet]
#[allow(
    clippy::pedantic,
    clippy::expect_used,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "the FRAME macros expand into this module, and calls take the arguments that clients send"
)]
pub mod pallet {
    use alloc::vec::Vec;

    use frame_support::{
        pallet_prelude::*,
        traits::{ConstBool, ConstU32},
        weights::constants::RocksDbWeight,
    };
    use frame_system::pallet_prelude::*;
    use sp_consensus_aura::sr25519::AuthorityId as AuraId;
    use sp_consensus_grandpa::AuthorityList;

    use crate::{
        Aura, Grandpa, Runtime,
        evm_chain_id::ChainId,
        subtensor::{
            self as s, Error as ChainError, Event as ChainEvent, Pallet as Chain,
            fixed::{I64F64, I96F32, U64F64},
            owner::Authority,
            types::{Hyperparameter, MechId, NetUid, ROOT, RateLimitKey, RecycleOrBurnEnum, Tao},
        },
    };

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: s::Config + frame_system::Config<RuntimeEvent: From<Event<Self>>> {}

    /// The EVM's built-in contracts, of which this chain has none.
    #[derive(
        Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, scale_info::TypeInfo,
    )]
    pub enum PrecompileEnum {
        BalanceTransfer,
        Staking,
        Subnet,
        Metagraph,
        Neuron,
        UidLookup,
        Alpha,
        Crowdloan,
        Proxy,
        Leasing,
        AddressMapping,
        VotingPower,
    }

    /// Which built-in contracts answer.
    #[pallet::storage]
    pub type PrecompileEnable<T: Config> =
        StorageMap<_, Blake2_128Concat, PrecompileEnum, bool, ValueQuery, ConstBool<true>>;

    #[pallet::event]
    #[pallet::generate_deposit(fn deposit_event)]
    pub enum Event<T: Config> {
        PrecompileUpdated { precompile_id: PrecompileEnum, enabled: bool },
        Yuma3EnableToggled { netuid: NetUid, enabled: bool },
        BondsResetToggled { netuid: NetUid, enabled: bool },
        BurnHalfLifeSet { netuid: NetUid, burn_half_life: u16 },
        BurnIncreaseMultSet { netuid: NetUid, burn_increase_mult: U64F64 },
        SubnetEmissionEnabledSet { netuid: NetUid, enabled: bool },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The subnet does not exist, check the netuid parameter
        SubnetDoesNotExist,
        /// The maximum number of subnet validators must be less than the maximum number of allowed UIDs in the subnet.
        MaxValidatorsLargerThanMaxUIds,
        /// The maximum number of subnet validators must be more than the current number of UIDs already in the subnet.
        MaxAllowedUIdsLessThanCurrentUIds,
        /// The maximum value for bonds moving average is reached
        BondsMovingAverageMaxReached,
        /// Only root can set negative sigmoid steepness values
        NegativeSigmoidSteepness,
        /// Value not in allowed bounds.
        ValueNotInBounds,
        /// The minimum allowed UIDs must be less than the current number of UIDs in the subnet.
        MinAllowedUidsGreaterThanCurrentUids,
        /// The minimum allowed UIDs must be less than the maximum allowed UIDs.
        MinAllowedUidsGreaterThanMaxAllowedUids,
        /// The maximum allowed UIDs must be greater than the minimum allowed UIDs.
        MaxAllowedUidsLessThanMinAllowedUids,
        /// The maximum allowed UIDs must be less than the default maximum allowed UIDs.
        MaxAllowedUidsGreaterThanDefaultMaxAllowedUids,
        /// Bad parameter value
        InvalidValue,
        /// Operation is not permitted on the root network.
        NotPermittedOnRootSubnet,
        /// POW Registration has been deprecated
        POWRegistrationDisabled,
        /// Call is deprecated
        Deprecated,
    }

    /// The least burn an owner may set stays below this, in rao.
    const MIN_BURN_BOUND: Tao = 1_000_000_000;
    /// The greatest burn an owner may set stays above this, in rao.
    const MAX_BURN_BOUND: Tao = 100_000_000;
    /// Neurons a subnet may have, over all its mechanisms.
    const GREATEST_UIDS: u16 = 256;
    /// The slowest moving average of bonds an owner may set, in millionths.
    const SLOWEST_BONDS: u64 = 975_000;
    /// The least alpha of liquid alpha, in parts of 65,535.
    const LEAST_ALPHA: u16 = 1_638;
    /// Half-lives of the burn, in blocks.
    const HALF_LIVES: core::ops::RangeInclusive<u16> = 1..=36_100;
    /// Epochs between commit and reveal.
    const REVEAL_PERIODS: core::ops::RangeInclusive<u64> = 1..=100;
    /// Blocks between two changes of a subnet's owner hotkey.
    const OWNER_HOTKEY_LIMIT: u64 = 50_400;
    /// Mechanisms a subnet may ever have.
    const GREATEST_MECHANISMS: MechId = 16;
    /// Blocks between two changes of a subnet's mechanisms.
    const MECHANISM_LIMIT: u64 = 7_200;
    /// What it weighs to name `count` authors, in picoseconds.
    fn weight_of_authors(count: usize) -> Weight {
        let parts = 29_392_u64.saturating_mul(count as u64).saturating_add(4_442_146);
        Weight::from_parts(parts, 0).saturating_add(RocksDbWeight::get().writes(1))
    }

    /// What it weighs to name `count` finalisers, in picoseconds.
    fn weight_of_finalisers(count: usize) -> Weight {
        let parts = 15_444_u64.saturating_mul(count as u64).saturating_add(7_972_506);
        Weight::from_parts(parts, 2_779).saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }

    /// Blocks between two trimmings of a subnet.
    const TRIMMING_LIMIT: u64 = 216_000;

    impl<T: Config> Pallet<T> {
        fn ensure_subnet(netuid: NetUid) -> DispatchResult {
            ensure!(Chain::<T>::subnet_exists(netuid), Error::<T>::SubnetDoesNotExist);
            Ok(())
        }

        fn ensure_not_root(netuid: NetUid) -> DispatchResult {
            ensure!(netuid != ROOT, Error::<T>::NotPermittedOnRootSubnet);
            Ok(())
        }

        /// Who sets something that owners may set, outside the window before an epoch.
        fn outside_window(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            Chain::<T>::authority_over(origin, netuid)?;
            Chain::<T>::ensure_not_frozen(netuid)?;
            Self::ensure_subnet(netuid)
        }

        /// Lets an owner or root set a hyperparameter of a subnet with `set`, and remembers when the owner did.
        fn set_by_owner(
            origin: OriginFor<T>,
            netuid: NetUid,
            parameter: Hyperparameter,
            set: impl FnOnce(&Authority) -> DispatchResult,
        ) -> DispatchResult {
            Self::set_by_owner_anywhere(origin, netuid, parameter, |authority| {
                Self::ensure_subnet(netuid)?;
                set(authority)
            })
        }

        /// As [`Self::set_by_owner`], for the settings that root may make for a subnet that does not exist.
        fn set_by_owner_anywhere(
            origin: OriginFor<T>,
            netuid: NetUid,
            parameter: Hyperparameter,
            set: impl FnOnce(&Authority) -> DispatchResult,
        ) -> DispatchResult {
            let authority = Chain::<T>::authority_over(origin, netuid)?;
            Chain::<T>::ensure_settable(&authority, netuid, parameter)?;
            Chain::<T>::ensure_not_frozen(netuid)?;
            set(&authority)?;
            Chain::<T>::note_set(&authority, netuid, parameter);
            Ok(())
        }

        /// Lets an owner do something once in `limit` blocks, outside the window before an epoch. Root may always.
        fn once_in(origin: OriginFor<T>, netuid: NetUid, action: u16, limit: u64) -> DispatchResult {
            if let Authority::Owner(who) = Chain::<T>::authority_over(origin, netuid)? {
                ensure!(Chain::<T>::waited(&who, netuid, action, limit), ChainError::<T>::TxRateLimitExceeded);
                Chain::<T>::remember_action(&who, netuid, action);
            }
            Chain::<T>::ensure_not_frozen(netuid)
        }

        fn set_by_root_on(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)
        }

        fn set_by_root_outside_window(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            ensure_root(origin)?;
            Chain::<T>::ensure_not_frozen(netuid)?;
            Self::ensure_subnet(netuid)
        }

        fn ensure_uids(netuid: NetUid, max: u16) -> DispatchResult {
            ensure!(s::MinAllowedUids::<T>::get(netuid) <= max, Error::<T>::MaxAllowedUidsLessThanMinAllowedUids);
            ensure!(s::SubnetworkN::<T>::get(netuid) <= max, Error::<T>::MaxAllowedUIdsLessThanCurrentUIds);
            ensure!(max <= GREATEST_UIDS, Error::<T>::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids);
            let all = max.saturating_mul(s::MechanismCountCurrent::<T>::get(netuid).into());
            ensure!(all <= GREATEST_UIDS, ChainError::<T>::TooManyUIDsPerMechanism);
            Ok(())
        }

        fn ensure_alphas(netuid: NetUid, low: u16, high: u16) -> DispatchResult {
            ensure!(s::LiquidAlphaOn::<T>::get(netuid), ChainError::<T>::LiquidAlphaDisabled);
            ensure!(high >= LEAST_ALPHA, ChainError::<T>::AlphaHighTooLow);
            ensure!((LEAST_ALPHA..=high).contains(&low), ChainError::<T>::AlphaLowOutOfRange);
            Ok(())
        }

        fn store_owner_hotkey(origin: OriginFor<T>, netuid: NetUid, hotkey: &T::AccountId) -> DispatchResult {
            Chain::<T>::authority_over(origin, netuid)?;
            ensure!(Chain::<T>::subnet_exists(netuid), ChainError::<T>::SubnetNotExists);
            ensure!(!Chain::<T>::is_subnet_account(hotkey), ChainError::<T>::CannotUseSystemAccount);
            let key = RateLimitKey::SetSNOwnerHotkey(netuid);
            let last = s::LastRateLimitedBlock::<T>::get(&key);
            let now = Chain::<T>::now();
            ensure!(last == 0 || now.saturating_sub(last) >= OWNER_HOTKEY_LIMIT, ChainError::<T>::TxRateLimitExceeded);
            s::LastRateLimitedBlock::<T>::insert(key, now);
            s::SubnetOwnerHotkey::<T>::insert(netuid, hotkey);
            Chain::<T>::announce(ChainEvent::SubnetOwnerHotkeySet(netuid, hotkey.clone()));
            Ok(())
        }

        fn store_mechanism_count(netuid: NetUid, count: MechId) -> DispatchResult {
            ensure!(Chain::<T>::subnet_exists(netuid), ChainError::<T>::MechanismDoesNotExist);
            ensure!((1..=s::MaxMechanismCount::<T>::get()).contains(&count), ChainError::<T>::InvalidValue);
            let all = s::MaxAllowedUids::<T>::get(netuid).saturating_mul(count.into());
            ensure!(all <= GREATEST_UIDS, ChainError::<T>::TooManyUIDsPerMechanism);
            Chain::<T>::change_mechanisms(netuid, count);
            Ok(())
        }

        fn store_split(netuid: NetUid, split: Option<Vec<u16>>) -> DispatchResult {
            ensure!(Chain::<T>::subnet_exists(netuid), ChainError::<T>::MechanismDoesNotExist);
            let Some(split) = split else {
                s::MechanismEmissionSplit::<T>::remove(netuid);
                return Ok(());
            };
            let sum: u64 = split.iter().map(|part| u64::from(*part)).sum();
            let count = usize::from(s::MechanismCountCurrent::<T>::get(netuid));
            ensure!(split.len() <= count && sum == u64::from(u16::MAX), ChainError::<T>::InvalidValue);
            s::MechanismEmissionSplit::<T>::insert(netuid, split);
            Ok(())
        }
    }
}
