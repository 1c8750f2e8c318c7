//! Parameters of the upstream pallets: limits, deposits and fees of node-subtensor, spec 425.
//!
//! The parameters of the chain's own pallet stand beside it, in `subtensor`.

use frame_support::{
    derive_impl,
    dispatch::DispatchClass,
    instances::{Instance1, Instance2},
    parameter_types,
    traits::{
        ConstBool, ConstU8, ConstU32, ConstU64, EqualPrivilegeOnly, InsideBoth, LinearStoragePrice,
        fungible::HoldConsideration,
    },
    weights::{IdentityFee, Weight, constants::WEIGHT_REF_TIME_PER_SECOND},
};
use frame_system::EnsureRoot;
use pallet_transaction_payment::{ConstFeeMultiplier, Multiplier};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::{
    Perbill,
    traits::{AccountIdLookup, BlakeTwo256, One},
};
use sp_version::RuntimeVersion;

use crate::{
    AccountId, Balance, Balances, Block, Hash, INSTANT_BLOCK_TIME, MILLISECONDS_PER_BLOCK, Nonce, OriginCaller,
    PalletInfo, Preimage, Runtime, RuntimeCall, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason, RuntimeOrigin,
    RuntimeTask, SS58_FORMAT, SafeMode, System, Triumvirate, VERSION,
    fees::{FeesToAuthor, LinearWeightToFee},
    guards::Guarded,
    safety::NoNestedBatches,
    subtensor::senate,
    weights,
};

/// Share of a block that normal extrinsics may fill.
const NORMAL_DISPATCH_RATIO: Perbill = Perbill::from_percent(75);
/// Bytes of all extrinsics of a block.
const MAX_BLOCK_LENGTH: u32 = 10 * 1024 * 1024;
/// Deposit per stored item, in rao.
const ITEM_FEE: Balance = 20_000_000;
/// Deposit per stored byte, in rao.
const BYTE_FEE: Balance = 1_000_000;

pub(crate) const fn deposit(items: Balance, bytes: Balance) -> Balance {
    items * ITEM_FEE + bytes * BYTE_FEE
}

parameter_types! {
    pub const Version: RuntimeVersion = VERSION;
    pub const SS58Prefix: u8 = SS58_FORMAT;
    pub BlockWeights: frame_system::limits::BlockWeights = frame_system::limits::BlockWeights::with_sensible_defaults(
        Weight::from_parts(4 * WEIGHT_REF_TIME_PER_SECOND, u64::MAX),
        NORMAL_DISPATCH_RATIO,
    );
    pub BlockLength: frame_system::limits::BlockLength = frame_system::limits::BlockLength::builder()
        .max_length(MAX_BLOCK_LENGTH)
        .modify_max_length_for_class(DispatchClass::Normal, |max| *max = NORMAL_DISPATCH_RATIO * MAX_BLOCK_LENGTH)
        .build();
    /// Half the block time. Kept in state, so that a chain with fast blocks reports its own figure; genesis writes it
    /// when it differs from the default.
    pub storage MinimumPeriod: u64 = MILLISECONDS_PER_BLOCK / 2;
    /// The block time, as clients that reckon with fast blocks read it. Where blocks have no period, it is the real one.
    pub SlotDuration: u64 = match MinimumPeriod::get().saturating_mul(2) {
        INSTANT_BLOCK_TIME => MILLISECONDS_PER_BLOCK,
        period => period,
    };
    pub const ExistentialDeposit: Balance = 500;
    pub FeeMultiplier: Multiplier = Multiplier::one();
    pub const MultisigDepositBase: Balance = deposit(1, 112);
    pub const MultisigDepositFactor: Balance = deposit(0, 32);
    pub const PreimageBaseDeposit: Balance = deposit(2, 64);
    pub const PreimageByteDeposit: Balance = deposit(0, 1);
    pub const PreimageHoldReason: RuntimeHoldReason = RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
    /// What scheduled calls may take of a block.
    pub MaximumSchedulerWeight: Weight = Perbill::from_percent(80) * BlockWeights::get().max_block;
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type BaseCallFilter = InsideBoth<SafeMode, NoNestedBatches>;
    type Block = Block;
    type BlockWeights = BlockWeights;
    type BlockLength = BlockLength;
    type DbWeight = frame_support::weights::constants::RocksDbWeight;
    type AccountId = AccountId;
    type Nonce = Nonce;
    type Hash = Hash;
    type Hashing = BlakeTwo256;
    type Lookup = AccountIdLookup<AccountId, ()>;
    type BlockHashCount = ConstU32<2400>;
    type Version = Version;
    type AccountData = pallet_balances::AccountData<Balance>;
    type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
    type ExtensionsWeightInfo = weights::Extensions;
    type SS58Prefix = SS58Prefix;
    type OnSetCode = crate::upgrades::Fixed;
    type MaxConsumers = ConstU32<16>;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = ();
    type MinimumPeriod = MinimumPeriod;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

/// The author signs no block and nobody checks one: the pallet keeps the slot and says who the author is. Time is free to
/// leave the slots' grid, as it does where a test sets it.
impl pallet_aura::Config for Runtime {
    type AuthorityId = AuraId;
    type MaxAuthorities = ConstU32<32>;
    type DisabledValidators = ();
    type AllowMultipleBlocksPerSlot = ConstBool<false>;
    type SlotDuration = SlotDuration;
}

/// Nobody votes: the node calls blocks final by itself. The pallet keeps the authorities that would, and their changes.
impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<32>;
    type MaxNominators = ConstU32<20>;
    type MaxSetIdSessionEntries = ConstU64<0>;
    type KeyOwnerProof = sp_core::Void;
    type EquivocationReportSystem = ();
}

impl crate::evm_chain_id::Config for Runtime {}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = weights::Balances;
    type Balance = Balance;
    type DustRemoval = ();
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type MaxFreezes = ConstU32<50>;
    type DoneSlashHandler = ();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type OnChargeTransaction = FeesToAuthor;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightToFee = LinearWeightToFee;
    type LengthToFee = IdentityFee<Balance>;
    type FeeMultiplierUpdate = ConstFeeMultiplier<FeeMultiplier>;
    type WeightInfo = weights::Extensions;
}

impl crate::utility::Config for Runtime {}

impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}

impl pallet_multisig::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = Guarded;
    type Currency = Balances;
    type DepositBase = MultisigDepositBase;
    type DepositFactor = MultisigDepositFactor;
    type MaxSignatories = ConstU32<100>;
    type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
    type BlockNumberProvider = System;
}

impl crate::proxy::Config for Runtime {}

impl pallet_preimage::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type ManagerOrigin = EnsureRoot<AccountId>;
    type Consideration = HoldConsideration<
        AccountId,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<PreimageBaseDeposit, PreimageByteDeposit, Balance>,
    >;
}

impl pallet_scheduler::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type PalletsOrigin = OriginCaller;
    type RuntimeCall = RuntimeCall;
    type MaximumWeight = MaximumSchedulerWeight;
    type ScheduleOrigin = EnsureRoot<AccountId>;
    type OriginPrivilegeCmp = EqualPrivilegeOnly;
    type MaxScheduledPerBlock = ConstU32<50>;
    type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Runtime>;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

impl pallet_membership::Config<Instance1> for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type AddOrigin = EnsureRoot<AccountId>;
    type RemoveOrigin = EnsureRoot<AccountId>;
    type SwapOrigin = EnsureRoot<AccountId>;
    type ResetOrigin = EnsureRoot<AccountId>;
    type PrimeOrigin = EnsureRoot<AccountId>;
    type MembershipInitialized = Triumvirate;
    type MembershipChanged = Triumvirate;
    type MaxMembers = ConstU32<3>;
    type WeightInfo = pallet_membership::weights::SubstrateWeight<Runtime>;
}

impl pallet_membership::Config<Instance2> for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type AddOrigin = EnsureRoot<AccountId>;
    type RemoveOrigin = EnsureRoot<AccountId>;
    type SwapOrigin = EnsureRoot<AccountId>;
    type ResetOrigin = EnsureRoot<AccountId>;
    type PrimeOrigin = EnsureRoot<AccountId>;
    type MembershipInitialized = ();
    type MembershipChanged = ();
    type MaxMembers = ConstU32<{ senate::SEATS }>;
    type WeightInfo = pallet_membership::weights::SubstrateWeight<Runtime>;
}

impl crate::triumvirate::Config for Runtime {
    type Proposal = RuntimeCall;
}

impl crate::shield::Config for Runtime {}

impl crate::alpha_assets::Config for Runtime {}

impl crate::subtensor::Config for Runtime {}

impl crate::swap::Config for Runtime {}

impl crate::admin::Config for Runtime {}

impl crate::drand::Config for Runtime {}

impl crate::commitments::Config for Runtime {}

impl crate::crowdloan::Config for Runtime {
    type Preimages = Preimage;
}
