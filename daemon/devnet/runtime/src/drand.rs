//! `Drand`: rounds of the beacon that opens timelocked weights and commitments.
//!
//! Rounds come in unsigned extrinsics. The real chain's nodes fetch them; where the development beacon signs, blocks bring
//! the rounds that open what waits for them ([`due_pulses`]), and whoever runs this chain brings what drand published, in
//! an extrinsic ([`pulse_extrinsic`]) or into the state. This pallet fetches nothing.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use scale_info::TypeInfo;
use sp_core::{Pair, sr25519};
use sp_runtime::{MultiSignature, MultiSigner};

pub use due::due_pulses;
pub use pallet::*;

use crate::{
    RuntimeCall, UncheckedExtrinsic,
    beacon::{self, Beacon, PUBLIC_KEY, Round},
};

mod due;

/// Public key of drand's beacon `quicknet`.
pub const QUICKNET_KEY: [u8; PUBLIC_KEY] = [
    0x83, 0xcf, 0x0f, 0x28, 0x96, 0xad, 0xee, 0x7e, 0xb8, 0xb5, 0xf0, 0x1f, 0xca, 0xd3, 0x91, 0x22, 0x12, 0xc4, 0x37,
    0xe0, 0x07, 0x3e, 0x91, 0x1f, 0xb9, 0x00, 0x22, 0xd3, 0xe7, 0x60, 0x18, 0x3c, 0x8c, 0x4b, 0x45, 0x0b, 0x6a, 0x0a,
    0x6c, 0x3a, 0xc6, 0xa5, 0x77, 0x6a, 0x2d, 0x10, 0x64, 0x51, 0x0d, 0x1f, 0xec, 0x75, 0x8c, 0x92, 0x1c, 0xc2, 0x2b,
    0x0e, 0x17, 0xe6, 0x3a, 0xaf, 0x4b, 0xcb, 0x5e, 0xd6, 0x63, 0x04, 0xde, 0x9c, 0xf8, 0x09, 0xbd, 0x27, 0x4c, 0xa7,
    0x3b, 0xab, 0x4a, 0xf5, 0xa6, 0xe9, 0xc7, 0x6a, 0x4b, 0xc0, 0x9e, 0x76, 0xea, 0xe8, 0x99, 0x1e, 0xf5, 0xec, 0xe4,
    0x5a,
];
/// Hash by which drand names the chain of `quicknet`.
const QUICKNET_HASH: [u8; 32] = [
    0x52, 0xdb, 0x9b, 0xa7, 0x0e, 0x0c, 0xc0, 0xf6, 0xea, 0xf7, 0x80, 0x3d, 0xd0, 0x74, 0x47, 0xa1, 0xf5, 0x47, 0x77,
    0x35, 0xfd, 0x3f, 0x66, 0x17, 0x92, 0xba, 0x94, 0x60, 0x0c, 0x84, 0xe9, 0x71,
];
/// Hash of the group that signs it.
const QUICKNET_GROUP: [u8; 32] = [
    0xf4, 0x77, 0xd5, 0xc8, 0x9f, 0x21, 0xa1, 0x7c, 0x86, 0x3a, 0x7f, 0x93, 0x7c, 0x6a, 0x6d, 0x15, 0x85, 0x94, 0x14,
    0xd2, 0xbe, 0x09, 0xcd, 0x44, 0x8d, 0x42, 0x79, 0xaf, 0x33, 0x1c, 0x5d, 0x3e,
];

/// Bytes of at most `N`.
type Bytes<const N: u32> = BoundedVec<u8, ConstU32<N>>;

/// Names of a beacon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Metadata {
    /// Its name.
    pub beacon_id: Bytes<32>,
}

/// What identifies a beacon.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct BeaconConfiguration {
    /// Its key, in G2.
    pub public_key: Bytes<96>,
    /// Seconds between rounds.
    pub period: u32,
    /// When the first round came, in seconds since 1970.
    pub genesis_time: u32,
    /// Hash of its chain.
    pub hash: Bytes<32>,
    /// Hash of its group.
    pub group_hash: Bytes<32>,
    /// Its scheme of signatures.
    pub scheme_id: Bytes<32>,
    /// Its names.
    pub metadata: Metadata,
}

fn bytes<const N: u32>(bytes: &[u8]) -> Bytes<N> {
    BoundedVec::truncate_from(bytes.to_vec())
}

impl BeaconConfiguration {
    /// Drand's `quicknet`.
    pub fn quicknet() -> Self {
        Self {
            public_key: bytes(&QUICKNET_KEY),
            period: 3,
            genesis_time: 1_692_803_367,
            hash: bytes(&QUICKNET_HASH),
            group_hash: bytes(&QUICKNET_GROUP),
            scheme_id: bytes(b"bls-unchained-g1-rfc9380"),
            metadata: Metadata { beacon_id: bytes(b"quicknet") },
        }
    }

    /// The [`Beacon::development`] beacon, with the rounds of `quicknet`.
    pub fn development() -> Self {
        let public_key = bytes(&Beacon::development().public_key());
        Self { public_key, metadata: Metadata { beacon_id: bytes(b"development") }, ..Self::quicknet() }
    }

    /// The latest round that has come at a time, in milliseconds since 1970; 0 before the first.
    pub fn round_at(&self, time: u64) -> Round {
        let elapsed = (time / 1_000).checked_sub(self.genesis_time.into());
        elapsed.and_then(|seconds| seconds.checked_div(self.period.into())).map_or(0, |round| round + 1)
    }
}

impl Default for BeaconConfiguration {
    fn default() -> Self {
        Self::quicknet()
    }
}

/// A round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Pulse {
    /// Its number.
    pub round: Round,
    /// Hash of the signature.
    pub randomness: Bytes<32>,
    /// The beacon's signature.
    pub signature: Bytes<144>,
}

impl Pulse {
    /// A round and its signature; none when the signature is too long to be one.
    pub fn new(round: Round, signature: &[u8]) -> Option<Self> {
        let randomness = bytes(&beacon::randomness(signature));
        Some(Self { round, randomness, signature: signature.to_vec().try_into().ok()? })
    }

    /// The signature as bytes: some were stored with the mark of hexadecimal text in front.
    pub(crate) fn signature_bytes(&self) -> &[u8] {
        self.signature.strip_prefix(b"0x").unwrap_or(&self.signature)
    }
}

/// Rounds, and who brings them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct PulsesPayload<Public, BlockNumber> {
    /// Block at which they were fetched.
    pub block_number: BlockNumber,
    /// The rounds; the pool takes one.
    pub pulses: Vec<Pulse>,
    /// Key of the bringer.
    pub public: Public,
}

/// A beacon, and who names it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct BeaconConfigurationPayload<Public, BlockNumber> {
    /// Block at which it was fetched.
    pub block_number: BlockNumber,
    /// The beacon.
    pub config: BeaconConfiguration,
    /// Key of the bringer.
    pub public: Public,
}

/// The unsigned extrinsic that brings one round, as of a block; any key may bring it, and this one is public.
///
/// # Panics
/// Never: the key is a word of the program.
pub fn pulse_extrinsic(pulse: Pulse, block_number: u32) -> UncheckedExtrinsic {
    #[expect(clippy::expect_used, reason = "a hard junction made of a plain word always parses")]
    let pair = sr25519::Pair::from_string("//drand", None).expect("the key is a word");
    let pulses_payload = PulsesPayload { block_number, pulses: vec![pulse], public: MultiSigner::from(pair.public()) };
    let signature = pulses_payload.using_encoded(|payload| MultiSignature::from(pair.sign(payload)));
    let call = Call::write_pulse { pulses_payload, signature: Some(signature) };
    UncheckedExtrinsic::new_bare(RuntimeCall::Drand(call))
}

#[frame_support::pallet]
#[allow(
    clippy::pedantic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::let_unit_value,
    deprecated,
    unreachable_pub,
    reason = "the FRAME macros expand into this module, and calls take the arguments that clients send"
)]
pub mod pallet {
    use frame_support::{pallet_prelude::*, weights::constants::RocksDbWeight};
    use frame_system::pallet_prelude::*;
    use sp_io::crypto::sr25519_verify;

    use super::{
        BeaconConfiguration, BeaconConfigurationPayload, MultiSignature, MultiSigner, Pulse, PulsesPayload, Round, Vec,
        beacon,
    };

    /// Rounds that are kept: those of a week.
    const KEPT: u64 = 216_000;
    /// Rounds that are forgotten at once.
    const FORGOTTEN: u64 = 100;
    /// Priority of unsigned extrinsics, to which the pool adds for lower rounds.
    const PRIORITY: u64 = 1 << 20;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {}

    /// The beacon.
    #[pallet::storage]
    pub type BeaconConfig<T: Config> = StorageValue<_, BeaconConfiguration, ValueQuery>;
    /// Migrations that ran.
    #[pallet::storage]
    pub type HasMigrationRun<T: Config> = StorageMap<_, Identity, BoundedVec<u8, ConstU32<128>>, bool, ValueQuery>;
    /// Rounds that came.
    #[pallet::storage]
    pub type Pulses<T: Config> = StorageMap<_, Blake2_128Concat, Round, Pulse, OptionQuery>;
    /// The latest round that came.
    #[pallet::storage]
    pub type LastStoredRound<T: Config> = StorageValue<_, Round, ValueQuery>;
    /// The earliest round that is kept.
    #[pallet::storage]
    pub type OldestStoredRound<T: Config> = StorageValue<_, Round, ValueQuery>;
    /// From which block on unsigned extrinsics are taken.
    #[pallet::storage]
    pub type NextUnsignedAt<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery>;

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        #[pallet::constant_name(UnsignedPriority)]
        fn unsigned_priority() -> u64 {
            PRIORITY
        }
        #[pallet::constant_name(HttpFetchTimeout)]
        fn http_fetch_timeout() -> u64 {
            1_000
        }
    }

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Whether the beacon is the development one, whose rounds anybody can sign.
        pub development_beacon: bool,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if self.development_beacon {
                BeaconConfig::<T>::put(BeaconConfiguration::development());
            }
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// The beacon was set.
        BeaconConfigChanged,
        /// Rounds came.
        NewPulse {
            /// Their numbers.
            rounds: Vec<Round>,
        },
        /// The earliest round was set.
        SetOldestStoredRound(u64),
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The value retrieved was `None` as no value was previously set.
        NoneValue,
        /// There was an attempt to increment the value in storage over `u32::MAX`.
        StorageOverflow,
        /// failed to connect to the
        DrandConnectionFailure,
        /// the pulse is invalid
        UnverifiedPulse,
        /// the round number did not increment
        InvalidRoundNumber,
        /// the pulse could not be verified
        PulseVerificationError,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Stores rounds. Those that are not the beacon's are left out.
        #[pallet::call_index(0)]
        #[pallet::weight(Weight::from_parts(4_294_000_000, 0).saturating_add(RocksDbWeight::get().reads_writes(3, 4)))]
        pub fn write_pulse(
            origin: OriginFor<T>,
            pulses_payload: PulsesPayload<MultiSigner, BlockNumberFor<T>>,
            _signature: Option<MultiSignature>,
        ) -> DispatchResult {
            ensure_none(origin)?;
            let key = BeaconConfig::<T>::get().public_key;
            let mut last = LastStoredRound::<T>::get();
            let first = last == 0 && OldestStoredRound::<T>::get() == 0;
            let mut rounds = Vec::new();
            for pulse in pulses_payload.pulses {
                if !beacon::verify(&key, pulse.round, pulse.signature_bytes()) {
                    ensure!(beacon::is_signature(pulse.signature_bytes()), Error::<T>::PulseVerificationError);
                    continue;
                }
                ensure!(pulse.round > last, Error::<T>::InvalidRoundNumber);
                last = pulse.round;
                rounds.push(last);
                Pulses::<T>::insert(last, pulse);
            }
            LastStoredRound::<T>::put(last);
            if let Some(oldest) = rounds.first().filter(|_| first) {
                OldestStoredRound::<T>::put(oldest);
            }
            Self::forget_old_rounds(last);
            NextUnsignedAt::<T>::put(frame_system::Pallet::<T>::block_number());
            if !rounds.is_empty() {
                Self::deposit_event(Event::NewPulse { rounds });
            }
            Ok(())
        }

        /// Sets the beacon.
        #[pallet::call_index(1)]
        #[pallet::weight((
            Weight::from_parts(8_766_000, 0).saturating_add(RocksDbWeight::get().writes(2)),
            DispatchClass::Operational,
        ))]
        pub fn set_beacon_config(
            origin: OriginFor<T>,
            config_payload: BeaconConfigurationPayload<MultiSigner, BlockNumberFor<T>>,
            _signature: Option<MultiSignature>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            BeaconConfig::<T>::put(config_payload.config);
            NextUnsignedAt::<T>::put(frame_system::Pallet::<T>::block_number() + 1u32.into());
            Self::deposit_event(Event::BeaconConfigChanged);
            Ok(())
        }

        /// Sets the earliest round that is kept.
        #[pallet::call_index(2)]
        #[pallet::weight((
            Weight::from_parts(5_370_000, 0).saturating_add(RocksDbWeight::get().writes(1)),
            DispatchClass::Operational,
        ))]
        pub fn set_oldest_stored_round(origin: OriginFor<T>, oldest_round: u64) -> DispatchResult {
            ensure_root(origin)?;
            OldestStoredRound::<T>::put(oldest_round);
            Self::deposit_event(Event::SetOldestStoredRound(oldest_round));
            Ok(())
        }
    }

    #[pallet::validate_unsigned]
    impl<T: Config> ValidateUnsigned for Pallet<T> {
        type Call = Call<T>;

        fn validate_unsigned(_source: TransactionSource, call: &Self::Call) -> TransactionValidity {
            match call {
                Call::write_pulse { pulses_payload: payload, signature } => {
                    Self::check_bringer(payload, &payload.public, signature.as_ref())?;
                    Self::check_rounds(payload.block_number, &payload.pulses)
                }
                Call::set_beacon_config { config_payload: payload, signature } => {
                    Self::check_bringer(payload, &payload.public, signature.as_ref())?;
                    Self::check_config(payload.block_number, &payload.public)
                }
                _ => InvalidTransaction::Call.into(),
            }
        }
    }

    impl<T: Config> Pallet<T> {
        /// The signature must be sr25519, and of the key that the payload names.
        fn check_bringer(
            payload: &impl Encode,
            public: &MultiSigner,
            signature: Option<&MultiSignature>,
        ) -> Result<(), TransactionValidityError> {
            let signature = signature.ok_or(InvalidTransaction::BadSigner)?;
            let valid = match (public, signature) {
                (MultiSigner::Sr25519(key), MultiSignature::Sr25519(signature)) => {
                    payload.using_encoded(|bytes| sr25519_verify(signature, bytes, key))
                }
                _ => false,
            };
            if valid { Ok(()) } else { Err(InvalidTransaction::BadProof.into()) }
        }

        fn check_rounds(block_number: BlockNumberFor<T>, pulses: &[Pulse]) -> TransactionValidity {
            let now = frame_system::Pallet::<T>::block_number();
            if now < block_number {
                return InvalidTransaction::Future.into();
            }
            let [pulse] = pulses else { return InvalidTransaction::Call.into() };
            if NextUnsignedAt::<T>::get() > now || pulse.round <= LastStoredRound::<T>::get() {
                return InvalidTransaction::Stale.into();
            }
            ValidTransaction::with_tag_prefix("DrandOffchainWorker")
                .priority(PRIORITY.saturating_add(u64::MAX - pulse.round))
                .and_provides((b"drand", pulse.round).using_encoded(sp_io::hashing::blake2_256))
                .longevity(3)
                .propagate(false)
                .build()
        }

        fn check_config(block_number: BlockNumberFor<T>, public: &MultiSigner) -> TransactionValidity {
            if frame_system::Pallet::<T>::block_number() < block_number {
                return InvalidTransaction::Future.into();
            }
            let next = NextUnsignedAt::<T>::get();
            if next > block_number {
                return InvalidTransaction::Stale.into();
            }
            ValidTransaction::with_tag_prefix("DrandOffchainWorker")
                .priority(PRIORITY)
                .and_provides((next, public.encode()).using_encoded(sp_io::hashing::blake2_256))
                .longevity(1)
                .propagate(true)
                .build()
        }

        fn forget_old_rounds(last: Round) {
            let oldest = OldestStoredRound::<T>::get();
            if oldest == 0 {
                return;
            }
            let surplus = (last.saturating_sub(oldest) + 1).saturating_sub(KEPT).min(FORGOTTEN);
            let kept = oldest.saturating_add(surplus);
            (oldest..kept).for_each(Pulses::<T>::remove);
            OldestStoredRound::<T>::put(kept);
        }
    }
}
