//! `MevShield`: keys that block authors announce, and extrinsics sealed for one of them.
//!
//! Every block its author announces an ML-KEM-768 key. Clients seal for the key that the author of the block after the next
//! announced last, and that author opens what was sealed: with one author, three blocks after it announced the key. It
//! opens such an extrinsic outside of the runtime, with [`crate::shield::envelope`], and puts what was inside right behind
//! it. Calls that are stored sealed wait for a decryptor that the real chain does not have either: they fail to decode in
//! the next block.

pub mod envelope;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use scale_info::TypeInfo;

use crate::AccountId;

pub use envelope::ShieldedTransaction;
pub use pallet::*;

/// An encapsulation key of ML-KEM-768.
pub type ShieldEncKey = BoundedVec<u8, ConstU32<2_048>>;
/// Where a node hands over the key that the author announces.
pub const INHERENT_IDENTIFIER: sp_inherents::InherentIdentifier = *b"shieldek";
/// What it hands over: a key, or none when it has none.
pub type InherentType = Option<ShieldEncKey>;
/// Slots from the block in which clients seal to the one whose author opens it.
const OPENED_AFTER: u64 = 2;

/// How deep calls may nest for the pool to take them, and for an envelope to be looked for among them.
pub(crate) const GREATEST_DEPTH: u32 = 8;

/// The key of a block author.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Public([u8; 32]);

// === impl Public ===

impl Public {
    /// That of this account.
    pub fn of(author: AccountId) -> Self {
        Self(author.into())
    }
}

/// Whether the key that opens extrinsics in the block being built has this hash, seen from the block before.
pub fn opens_next(key_hash: &[u8; 16]) -> bool {
    PendingKey::<crate::Runtime>::get().is_some_and(|key| sp_io::hashing::twox_128(&key) == *key_hash)
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
    use frame_support::{pallet_prelude::*, traits::ConstU64};
    use frame_system::pallet_prelude::*;
    use sp_core::H256;
    use sp_inherents::{InherentData, InherentIdentifier, MakeFatalError};
    use sp_runtime::{
        traits::Hash as _,
        traits::{SaturatedConversion, Saturating},
    };

    use super::{INHERENT_IDENTIFIER, InherentType, OPENED_AFTER, Public, ShieldEncKey, envelope};
    use crate::{AccountId, fees::author_after};

    /// Greatest size of a sealed call, in bytes.
    type GreatestCall = ConstU32<8_192>;
    /// Half of what a block can hold, in picoseconds.
    const GREATEST_WEIGHT: u64 = 2_000_000_000_000;
    /// What sealing in storage costs: more than it takes, so that nobody fills the queue for fun.
    const STORE_WEIGHT: Weight = Weight::from_parts(20_000_000_000, 0);

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<AccountId = AccountId, Hash = H256, RuntimeEvent: From<Event<Self>>>
    {
    }

    /// A sealed call that waits.
    #[derive(Clone, Debug, PartialEq, Encode, Decode, TypeInfo)]
    pub struct PendingExtrinsic {
        /// Who stored it.
        pub who: AccountId,
        /// The call.
        pub encrypted_call: BoundedVec<u8, GreatestCall>,
        /// The block that stored it.
        pub submitted_at: u32,
    }

    /// Opens extrinsics in this block.
    #[pallet::storage]
    pub type CurrentKey<T> = StorageValue<_, ShieldEncKey>;
    /// Opens extrinsics in the next block.
    #[pallet::storage]
    pub type PendingKey<T> = StorageValue<_, ShieldEncKey>;
    /// What clients seal for.
    #[pallet::storage]
    pub type NextKey<T> = StorageValue<_, ShieldEncKey>;
    /// The key each author announced last.
    #[pallet::storage]
    pub type AuthorKeys<T: Config> = StorageMap<_, Twox64Concat, Public, ShieldEncKey>;
    /// The first block in which nothing sealed for `PendingKey` is opened any more.
    #[pallet::storage]
    pub type PendingKeyExpiresAt<T: Config> = StorageValue<_, BlockNumberFor<T>>;
    /// The first block in which nothing sealed for `NextKey` is opened any more.
    #[pallet::storage]
    pub type NextKeyExpiresAt<T: Config> = StorageValue<_, BlockNumberFor<T>>;
    /// Migrations that ran.
    #[pallet::storage]
    pub type HasMigrationRun<T: Config> = StorageMap<_, Identity, BoundedVec<u8, ConstU32<128>>, bool, ValueQuery>;
    /// Sealed calls that may wait at once.
    #[pallet::storage]
    pub type MaxPendingExtrinsicsLimit<T: Config> = StorageValue<_, u32, ValueQuery, ConstU32<100>>;
    /// Blocks for which a sealed call waits.
    #[pallet::storage]
    pub type ExtrinsicLifetime<T: Config> = StorageValue<_, u32, ValueQuery, ConstU32<10>>;
    /// What sealed calls may take at the start of a block, in picoseconds.
    #[pallet::storage]
    pub type OnInitializeWeight<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<500_000_000_000>>;
    /// What one sealed call may take, in picoseconds.
    #[pallet::storage]
    pub type MaxExtrinsicWeight<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<50_000_000_000>>;
    /// Sealed calls that wait.
    #[pallet::storage]
    pub type PendingExtrinsics<T: Config> = CountedStorageMap<_, Identity, u32, PendingExtrinsic>;
    /// The number of the next one.
    #[pallet::storage]
    pub type NextPendingExtrinsicIndex<T: Config> = StorageValue<_, u32, ValueQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(fn deposit_event)]
    pub enum Event<T: Config> {
        EncryptedSubmitted { id: H256, who: AccountId },
        ExtrinsicStored { index: u32, who: AccountId },
        ExtrinsicDecodeFailed { index: u32 },
        ExtrinsicDispatchFailed { index: u32, error: DispatchError },
        ExtrinsicDispatched { index: u32 },
        ExtrinsicExpired { index: u32 },
        ExtrinsicPostponed { index: u32 },
        MaxPendingExtrinsicsNumberSet { value: u32 },
        OnInitializeWeightSet { value: u64 },
        ExtrinsicLifetimeSet { value: u32 },
        MaxExtrinsicWeightSet { value: u64 },
        ExtrinsicWeightExceeded { index: u32 },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The announced ML‑KEM encapsulation key length is invalid.
        BadEncKeyLen,
        /// Unreachable.
        Unreachable,
        /// Too many pending extrinsics in storage.
        TooManyPendingExtrinsics,
        /// Weight exceeds the absolute maximum (half of total block weight).
        WeightExceedsAbsoluteMax,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_block: BlockNumberFor<T>) -> Weight {
            Self::drop_stored();
            Weight::zero()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Moves every key one block on and keeps the one that the author announces.
        #[pallet::call_index(0)]
        #[pallet::weight(Weight::from_parts(33_230_000, 5_510))]
        pub fn announce_next_key(origin: OriginFor<T>, enc_key: Option<ShieldEncKey>) -> DispatchResult {
            ensure_none(origin)?;
            let author = Public::of(author_after(0));
            let opener = Public::of(author_after(OPENED_AFTER));
            CurrentKey::<T>::set(PendingKey::<T>::take());
            PendingKey::<T>::set(NextKey::<T>::take());
            NextKey::<T>::set(AuthorKeys::<T>::get(opener));
            match enc_key {
                Some(key) => {
                    ensure!(key.len() == envelope::KEY_BYTES, Error::<T>::BadEncKeyLen);
                    AuthorKeys::<T>::insert(author, key);
                }
                None => AuthorKeys::<T>::remove(author),
            }
            let after = |blocks: u32| frame_system::Pallet::<T>::block_number().saturating_add(blocks.into());
            PendingKeyExpiresAt::<T>::set(PendingKey::<T>::exists().then(|| after(2)));
            NextKeyExpiresAt::<T>::set(NextKey::<T>::exists().then(|| after(3)));
            Ok(())
        }

        /// Carries a sealed extrinsic; the author opens it and includes what is inside.
        #[pallet::call_index(1)]
        #[pallet::weight(Weight::from_parts(207_312_000, 0))] // not recorded
        pub fn submit_encrypted(origin: OriginFor<T>, ciphertext: BoundedVec<u8, GreatestCall>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let id = T::Hashing::hash_of(&(&who, &ciphertext));
            Self::deposit_event(Event::EncryptedSubmitted { id, who });
            Ok(())
        }

        /// Stores a sealed call.
        #[pallet::call_index(2)]
        #[pallet::weight(STORE_WEIGHT)]
        pub fn store_encrypted(origin: OriginFor<T>, encrypted_call: BoundedVec<u8, GreatestCall>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(
                PendingExtrinsics::<T>::count() < MaxPendingExtrinsicsLimit::<T>::get(),
                Error::<T>::TooManyPendingExtrinsics
            );
            let index = NextPendingExtrinsicIndex::<T>::get();
            let submitted_at = frame_system::Pallet::<T>::block_number().saturated_into();
            PendingExtrinsics::<T>::insert(index, PendingExtrinsic { who: who.clone(), encrypted_call, submitted_at });
            NextPendingExtrinsicIndex::<T>::put(index.saturating_add(1));
            Self::deposit_event(Event::ExtrinsicStored { index, who });
            Ok(())
        }

        /// Sets how many sealed calls may wait.
        #[pallet::call_index(3)]
        #[pallet::weight(Weight::from_parts(104_206_000, 0))] // not recorded
        pub fn set_max_pending_extrinsics_number(origin: OriginFor<T>, value: u32) -> DispatchResult {
            ensure_root(origin)?;
            MaxPendingExtrinsicsLimit::<T>::put(value);
            Self::deposit_event(Event::MaxPendingExtrinsicsNumberSet { value });
            Ok(())
        }

        /// Sets what sealed calls may take at the start of a block.
        #[pallet::call_index(4)]
        #[pallet::weight(Weight::from_parts(104_327_000, 0))] // not recorded
        pub fn set_on_initialize_weight(origin: OriginFor<T>, value: u64) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(value <= GREATEST_WEIGHT, Error::<T>::WeightExceedsAbsoluteMax);
            OnInitializeWeight::<T>::put(value);
            Self::deposit_event(Event::OnInitializeWeightSet { value });
            Ok(())
        }

        /// Sets for how long sealed calls wait.
        #[pallet::call_index(5)]
        #[pallet::weight(Weight::from_parts(104_116_000, 0))] // not recorded
        pub fn set_stored_extrinsic_lifetime(origin: OriginFor<T>, value: u32) -> DispatchResult {
            ensure_root(origin)?;
            ExtrinsicLifetime::<T>::put(value);
            Self::deposit_event(Event::ExtrinsicLifetimeSet { value });
            Ok(())
        }

        /// Sets what one sealed call may take.
        #[pallet::call_index(6)]
        #[pallet::weight(Weight::from_parts(104_227_000, 0))] // not recorded
        pub fn set_max_extrinsic_weight(origin: OriginFor<T>, value: u64) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(value <= GREATEST_WEIGHT, Error::<T>::WeightExceedsAbsoluteMax);
            MaxExtrinsicWeight::<T>::put(value);
            Self::deposit_event(Event::MaxExtrinsicWeightSet { value });
            Ok(())
        }
    }

    #[pallet::inherent]
    impl<T: Config> ProvideInherent for Pallet<T> {
        type Call = Call<T>;
        type Error = MakeFatalError<()>;
        const INHERENT_IDENTIFIER: InherentIdentifier = INHERENT_IDENTIFIER;

        fn create_inherent(data: &InherentData) -> Option<Self::Call> {
            let enc_key = data.get_data::<InherentType>(&INHERENT_IDENTIFIER).ok()??;
            Some(Call::announce_next_key { enc_key })
        }

        fn is_inherent(call: &Self::Call) -> bool {
            matches!(call, Call::announce_next_key { .. })
        }
    }

    impl<T: Config> Pallet<T> {
        /// Drops every stored call: those that waited too long, and those that nothing decodes, which are all.
        fn drop_stored() {
            let (next, count) = (NextPendingExtrinsicIndex::<T>::get(), PendingExtrinsics::<T>::count());
            let now: u32 = frame_system::Pallet::<T>::block_number().saturated_into();
            for index in next.saturating_sub(count)..next {
                let Some(pending) = PendingExtrinsics::<T>::take(index) else { continue };
                let expired = now.saturating_sub(pending.submitted_at) > ExtrinsicLifetime::<T>::get();
                Self::deposit_event(if expired {
                    Event::ExtrinsicExpired { index }
                } else {
                    Event::ExtrinsicDecodeFailed { index }
                });
            }
        }
    }
}
