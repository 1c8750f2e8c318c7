//! `Commitments`: what neurons publish about themselves on a subnet, in the open or sealed until a round of the beacon.
//!
//! A hotkey may publish so many bytes per epoch of its subnet and is asked for no deposit. What the fields mean is
//! between the neurons.

mod data;

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, ensure, traits::ConstU32};
use scale_info::TypeInfo;
use sp_runtime::{DispatchResult, traits::SaturatedConversion};

pub use data::Data;
pub use pallet::*;

use crate::{
    AccountId, beacon, drand,
    subtensor::{self as s, types::NetUid},
};

/// Fields of a commitment.
pub const FIELDS: u32 = 3;
/// The least that a commitment counts, in bytes.
const LEAST_SPACE: u64 = 100;
/// Opened commitments that are kept of a hotkey.
const KEPT_REVEALS: usize = 10;

/// What a hotkey publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CommitmentInfo {
    /// The fields.
    pub fields: BoundedVec<Data, ConstU32<FIELDS>>,
}

/// A commitment, and when it came.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Registration<Balance, BlockNumber> {
    /// Rao that are reserved for it: none.
    pub deposit: Balance,
    /// Its block.
    pub block: BlockNumber,
    /// The commitment.
    pub info: CommitmentInfo,
}

/// How much a hotkey has published in an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct UsageTracker {
    /// The epoch.
    pub last_epoch: u64,
    /// Bytes.
    pub used_space: u64,
}

#[frame_support::pallet]
#[allow(
    clippy::pedantic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::type_complexity,
    unreachable_pub,
    reason = "the FRAME macros expand into this module, and calls take the arguments that clients send"
)]
pub mod pallet {
    use alloc::{boxed::Box, collections::BTreeSet};

    use frame_support::{pallet_prelude::*, weights::constants::RocksDbWeight};
    use frame_system::pallet_prelude::*;

    use super::{CommitmentInfo, FIELDS, NetUid, Registration, UsageTracker, Vec, drand, s};

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: s::Config + drand::Config + frame_system::Config<RuntimeEvent: From<Event<Self>>> {}

    /// Who waits for a round.
    #[pallet::storage]
    pub type TimelockedIndex<T: Config> = StorageValue<_, BTreeSet<(NetUid, T::AccountId)>, ValueQuery>;
    /// Commitments.
    #[pallet::storage]
    pub type CommitmentOf<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Twox64Concat,
        T::AccountId,
        Registration<u64, BlockNumberFor<T>>,
        OptionQuery,
    >;
    /// When a hotkey last committed.
    #[pallet::storage]
    pub type LastCommitment<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Twox64Concat, T::AccountId, BlockNumberFor<T>, OptionQuery>;
    /// When a hotkey last had its bonds reset.
    #[pallet::storage]
    pub type LastBondsReset<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Twox64Concat, T::AccountId, BlockNumberFor<T>, OptionQuery>;
    /// What was opened, and in which block.
    #[pallet::storage]
    pub type RevealedCommitments<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Twox64Concat, T::AccountId, Vec<(Vec<u8>, u64)>, OptionQuery>;
    /// What a hotkey has published in an epoch.
    #[pallet::storage]
    pub type UsedSpaceOf<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Twox64Concat, T::AccountId, UsageTracker, OptionQuery>;
    /// Bytes that a hotkey may publish in an epoch.
    #[pallet::storage]
    pub type MaxSpace<T: Config> = StorageValue<_, u32, ValueQuery, ConstU32<3_100>>;

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        #[pallet::constant_name(MaxFields)]
        fn max_fields() -> u32 {
            FIELDS
        }
        #[pallet::constant_name(InitialDeposit)]
        fn initial_deposit() -> u64 {
            0
        }
        #[pallet::constant_name(FieldDeposit)]
        fn field_deposit() -> u64 {
            0
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A commitment was published.
        Commitment {
            /// The subnet.
            netuid: NetUid,
            /// The hotkey.
            who: T::AccountId,
        },
        /// A sealed commitment was published.
        TimelockCommitment {
            /// The subnet.
            netuid: NetUid,
            /// The hotkey.
            who: T::AccountId,
            /// The round that opens it.
            reveal_round: u64,
        },
        /// A sealed commitment was opened.
        CommitmentRevealed {
            /// The subnet.
            netuid: NetUid,
            /// The hotkey.
            who: T::AccountId,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// Account passed too many additional fields to their commitment
        TooManyFieldsInCommitmentInfo,
        /// Account is not allowed to make commitments to the chain
        AccountNotAllowedCommit,
        /// Space Limit Exceeded for the current interval
        SpaceLimitExceeded,
        /// Indicates that unreserve returned a leftover, which is unexpected.
        UnexpectedUnreserveLeftover,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_block: BlockNumberFor<T>) -> Weight {
            Self::open_sealed();
            Weight::zero()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Publishes what the signing hotkey commits to on a subnet.
        #[pallet::call_index(0)]
        #[pallet::weight(Weight::from_parts(33_480_000, 0).saturating_add(RocksDbWeight::get().reads_writes(5, 4)))]
        pub fn set_commitment(origin: OriginFor<T>, netuid: NetUid, info: Box<CommitmentInfo>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::publish(who, netuid, *info)
        }

        /// Sets how many bytes a hotkey may publish in an epoch.
        #[pallet::call_index(2)]
        #[pallet::weight((
            Weight::from_parts(2_856_000, 0).saturating_add(RocksDbWeight::get().writes(1)),
            DispatchClass::Operational,
            Pays::No,
        ))]
        pub fn set_max_space(origin: OriginFor<T>, new_limit: u32) -> DispatchResult {
            ensure_root(origin)?;
            MaxSpace::<T>::put(new_limit);
            Ok(())
        }
    }
}

/// What became of a field when its time was looked at.
enum Fate {
    Stays(Data),
    Opens(Vec<u8>),
    Vanishes,
}

impl<T: Config> Pallet<T> {
    fn publish(who: AccountId, netuid: NetUid, info: CommitmentInfo) -> DispatchResult {
        ensure!(s::Uids::<T>::contains_key(netuid, &who), Error::<T>::AccountNotAllowedCommit);
        let block = frame_system::Pallet::<T>::block_number();
        let epoch = s::SubnetEpochIndex::<T>::get(netuid);
        let mut usage = UsedSpaceOf::<T>::get(netuid, &who).unwrap_or_default();
        if usage.last_epoch != epoch {
            usage = UsageTracker { last_epoch: epoch, used_space: 0 };
        }
        if info.fields.iter().any(|field| matches!(field, Data::ResetBondsFlag)) {
            LastBondsReset::<T>::insert(netuid, &who, block);
            s::Pallet::<T>::reset_bonds_towards(netuid, &who);
        }
        let space = info.fields.iter().map(Data::counted_bytes).sum::<u64>().max(LEAST_SPACE);
        usage.used_space = usage.used_space.saturating_add(space);
        ensure!(usage.used_space <= MaxSpace::<T>::get().into(), Error::<T>::SpaceLimitExceeded);
        UsedSpaceOf::<T>::insert(netuid, &who, usage);
        let sealed = info.fields.iter().find_map(Data::reveal_round);
        CommitmentOf::<T>::insert(netuid, &who, Registration { deposit: 0, block, info });
        LastCommitment::<T>::insert(netuid, &who, block);
        if let Some(reveal_round) = sealed {
            TimelockedIndex::<T>::mutate(|index| index.insert((netuid, who.clone())));
            Self::deposit_event(Event::TimelockCommitment { netuid, who, reveal_round });
        } else {
            TimelockedIndex::<T>::mutate(|index| index.remove(&(netuid, who.clone())));
            Self::deposit_event(Event::Commitment { netuid, who });
        }
        Ok(())
    }

    fn fate(field: Data) -> Fate {
        let Data::TimelockEncrypted { encrypted, reveal_round } = &field else { return Fate::Stays(field) };
        let Some(pulse) = drand::Pulses::<T>::get(reveal_round) else { return Fate::Stays(field) };
        match beacon::open(encrypted, pulse.signature_bytes()) {
            Some(bytes) if !bytes.is_empty() => Fate::Opens(bytes),
            _ => Fate::Vanishes,
        }
    }

    /// Opens the sealed fields whose round has come. Fields that cannot be opened vanish.
    fn open_sealed() {
        for (netuid, who) in TimelockedIndex::<T>::get() {
            let Some(mut registration) = CommitmentOf::<T>::get(netuid, &who) else {
                Self::stop_waiting(netuid, &who);
                continue;
            };
            let before = registration.info.fields.len();
            let (mut stay, mut opened) = (Vec::new(), Vec::new());
            for field in registration.info.fields {
                match Self::fate(field) {
                    Fate::Stays(field) => stay.push(field),
                    Fate::Opens(bytes) => opened.push(bytes),
                    Fate::Vanishes => {}
                }
            }
            Self::keep_opened(netuid, &who, opened);
            if !stay.iter().any(|field| field.reveal_round().is_some()) {
                Self::stop_waiting(netuid, &who);
            }
            if stay.is_empty() {
                CommitmentOf::<T>::remove(netuid, &who);
            } else if stay.len() < before {
                registration.info.fields = BoundedVec::truncate_from(stay);
                CommitmentOf::<T>::insert(netuid, &who, registration);
            }
        }
    }

    fn keep_opened(netuid: NetUid, who: &AccountId, opened: Vec<Vec<u8>>) {
        if opened.is_empty() {
            return;
        }
        let block: u64 = frame_system::Pallet::<T>::block_number().saturated_into();
        let mut all = RevealedCommitments::<T>::get(netuid, who).unwrap_or_default();
        for bytes in opened {
            all.push((bytes, block));
            Self::deposit_event(Event::CommitmentRevealed { netuid, who: who.clone() });
        }
        all.drain(..all.len().saturating_sub(KEPT_REVEALS));
        RevealedCommitments::<T>::insert(netuid, who, all);
    }

    fn stop_waiting(netuid: NetUid, who: &AccountId) {
        TimelockedIndex::<T>::mutate(|index| index.remove(&(netuid, who.clone())));
    }

    /// Sealed fields, each with the round that it waits for.
    pub(crate) fn awaited() -> Vec<(u64, Vec<u8>)> {
        let waiting = TimelockedIndex::<T>::get().into_iter();
        let published = waiting.filter_map(|(netuid, who)| CommitmentOf::<T>::get(netuid, who));
        let sealed = |field| match field {
            Data::TimelockEncrypted { encrypted, reveal_round } => Some((reveal_round, encrypted.into_inner())),
            _ => None,
        };
        published.flat_map(|registration| registration.info.fields).filter_map(sealed).collect()
    }

    /// What the hotkeys of a subnet have published, encoded, as metagraphs show it.
    pub(crate) fn published_on(netuid: NetUid) -> Vec<(AccountId, Vec<u8>)> {
        CommitmentOf::<T>::iter_prefix(netuid).map(|(who, registration)| (who, registration.encode())).collect()
    }

    /// Removes what was published on a subnet.
    pub(crate) fn forget_subnet(netuid: NetUid) {
        drop(CommitmentOf::<T>::clear_prefix(netuid, u32::MAX, None));
        drop(LastCommitment::<T>::clear_prefix(netuid, u32::MAX, None));
        drop(LastBondsReset::<T>::clear_prefix(netuid, u32::MAX, None));
        drop(RevealedCommitments::<T>::clear_prefix(netuid, u32::MAX, None));
        drop(UsedSpaceOf::<T>::clear_prefix(netuid, u32::MAX, None));
        TimelockedIndex::<T>::mutate(|index| index.retain(|(of, _)| *of != netuid));
    }
}
