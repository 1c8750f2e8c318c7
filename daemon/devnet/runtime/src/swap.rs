//! `Swap`: what clients read and set of the pools in which TAO and alpha are exchanged. The exchange itself is in
//! [`crate::subtensor`], where its reserves live.
//!
//! Positions of liquidity exist in the calls alone: the real chain refuses them all, and so does this one.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::Perquintill;

pub use pallet::*;

/// A step of price; only calls that are refused name one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct TickIndex(i32);

/// Number of a position; only calls that are refused name one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct PositionId(u128);

/// How much each side of a pool weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Balancer {
    /// Weight of TAO; alpha weighs the rest.
    pub quote: Perquintill,
}

impl Default for Balancer {
    fn default() -> Self {
        Self { quote: Perquintill::from_percent(50) }
    }
}

impl<T: Config> Pallet<T> {
    /// Removes what is kept of a subnet's pool.
    pub(crate) fn forget_subnet(netuid: u16) {
        FeeRate::<T>::remove(netuid);
        SwapBalancer::<T>::remove(netuid);
        PalSwapInitialized::<T>::remove(netuid);
        ScrapReservoirAlpha::<T>::remove(netuid);
    }
}

#[frame_support::pallet]
#[allow(
    clippy::pedantic,
    clippy::expect_used,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "the FRAME macros expand into this module, and calls take the arguments that clients send"
)]
pub mod pallet {
    use core::num::NonZeroU64;

    use frame_support::{PalletId, pallet_prelude::*, traits::ConstU16};
    use frame_system::pallet_prelude::*;

    use super::{Balancer, PositionId, TickIndex};
    use crate::subtensor::types::{Alpha, NetUid};

    /// The greatest fee rate, in parts of 65,535.
    pub const MAX_FEE_RATE: u16 = 10_000;
    /// A pool whose outgoing side holds less than this does not trade.
    pub const MINIMUM_RESERVE: NonZeroU64 = NonZeroU64::new(1_000_000).unwrap();
    /// At this price, in rao of TAO for 10⁹ rao of alpha, purchases of alpha end that set no limit of their own.
    pub const GREATEST_PRICE: u64 = 1_000_000_000_000_000;
    /// At this price such sales end.
    pub const LEAST_PRICE: u64 = 1_000;

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {}

    /// The fee on what is put in, in parts of 65,535.
    #[pallet::storage]
    pub type FeeRate<T: Config> = StorageMap<_, Twox64Concat, NetUid, u16, ValueQuery, ConstU16<33>>;
    /// Weights of the sides of a pool.
    #[pallet::storage]
    pub type SwapBalancer<T: Config> = StorageMap<_, Twox64Concat, NetUid, Balancer, ValueQuery>;
    /// Whether a pool was set up: with its first trade.
    // Nothing here reads it. A published version of the real chain also gives both sides the same weight then; nothing
    // recorded tells whether 425 does.
    #[pallet::storage]
    pub type PalSwapInitialized<T: Config> = StorageMap<_, Twox64Concat, NetUid, bool, ValueQuery>;
    /// Migrations that ran.
    #[pallet::storage]
    pub type HasMigrationRun<T: Config> = StorageMap<_, Identity, BoundedVec<u8, ConstU32<128>>, bool, ValueQuery>;
    /// Alpha that waits for the pool.
    #[pallet::storage]
    pub type ScrapReservoirAlpha<T: Config> = StorageMap<_, Twox64Concat, NetUid, Alpha, ValueQuery>;

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        #[pallet::constant_name(ProtocolId)]
        fn protocol_id() -> PalletId {
            PalletId(*b"ten/swap")
        }
        #[pallet::constant_name(MaxFeeRate)]
        fn max_fee_rate() -> u16 {
            MAX_FEE_RATE
        }
        #[pallet::constant_name(MinimumLiquidity)]
        fn minimum_liquidity() -> u64 {
            1_000
        }
        #[pallet::constant_name(MinimumReserve)]
        fn minimum_reserve() -> NonZeroU64 {
            MINIMUM_RESERVE
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A fee rate was set.
        FeeRateSet {
            /// The subnet.
            netuid: NetUid,
            /// The rate.
            rate: u16,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The fee rate is too high
        FeeRateTooHigh,
        /// The provided amount is insufficient for the swap.
        InsufficientInputAmount,
        /// The provided liquidity is insufficient for the operation.
        InsufficientLiquidity,
        /// The operation would exceed the price limit.
        PriceLimitExceeded,
        /// The caller does not have enough balance for the operation.
        InsufficientBalance,
        /// The provided tick range is invalid.
        InvalidTickRange,
        /// Provided liquidity parameter is invalid (likely too small)
        InvalidLiquidityValue,
        /// Reserves too low for operation.
        ReservesTooLow,
        /// The subnet does not exist.
        MechanismDoesNotExist,
        /// The subnet does not have subtoken enabled
        SubtokenDisabled,
        /// Swap reserves are too imbalanced
        ReservesOutOfBalance,
        /// Swap input is too large relative to input-side liquidity
        SwapInputTooLarge,
        /// The extrinsic is deprecated
        Deprecated,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the fee of a pool.
        #[pallet::call_index(0)]
        #[pallet::weight(Weight::from_parts(140_000_000, 4_084))] // not recorded
        pub fn set_fee_rate(origin: OriginFor<T>, netuid: NetUid, rate: u16) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(crate::SubtensorModule::subnet_exists(netuid), Error::<T>::MechanismDoesNotExist);
            ensure!(rate <= MAX_FEE_RATE, Error::<T>::FeeRateTooHigh);
            FeeRate::<T>::insert(netuid, rate);
            Self::deposit_event(Event::FeeRateSet { netuid, rate });
            Ok(())
        }

        /// Refused.
        #[pallet::call_index(1)]
        #[pallet::weight(Weight::from_parts(10_000_000, 0))] // not recorded
        pub fn add_liquidity(
            _origin: OriginFor<T>,
            _hotkey: T::AccountId,
            _netuid: NetUid,
            _tick_low: TickIndex,
            _tick_high: TickIndex,
            _liquidity: u64,
        ) -> DispatchResult {
            Err(Error::<T>::Deprecated.into())
        }

        /// Refused.
        #[pallet::call_index(2)]
        #[pallet::weight(Weight::from_parts(10_000_000, 0))] // not recorded
        pub fn remove_liquidity(
            _origin: OriginFor<T>,
            _hotkey: T::AccountId,
            _netuid: NetUid,
            _position_id: PositionId,
        ) -> DispatchResult {
            Err(Error::<T>::Deprecated.into())
        }

        /// Refused.
        #[pallet::call_index(3)]
        #[pallet::weight(Weight::from_parts(10_000_000, 0))] // not recorded
        pub fn modify_position(
            _origin: OriginFor<T>,
            _hotkey: T::AccountId,
            _netuid: NetUid,
            _position_id: PositionId,
            _liquidity_delta: i64,
        ) -> DispatchResult {
            Err(Error::<T>::Deprecated.into())
        }

        /// Refused.
        #[pallet::call_index(4)]
        #[pallet::weight(Weight::from_parts(10_000_000, 0))] // not recorded
        pub fn toggle_user_liquidity(_origin: OriginFor<T>, _netuid: NetUid, _enable: bool) -> DispatchResult {
            Err(Error::<T>::Deprecated.into())
        }

        /// Refused.
        #[pallet::call_index(5)]
        #[pallet::weight(Weight::from_parts(10_000_000, 0))] // not recorded
        pub fn disable_lp(_origin: OriginFor<T>) -> DispatchResult {
            Err(Error::<T>::Deprecated.into())
        }
    }
}
