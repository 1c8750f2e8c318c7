//! What the pallet stores: records of neurons, subnets and accounts. The order of fields is the order on the wire.

use alloc::{collections::BTreeSet, vec::Vec};

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use scale_info::TypeInfo;
use sp_runtime::Percent;

use super::fixed::U64F64;

/// Number of a subnet; 0 is root. A plain integer in metadata, so that clients see what the real chain shows.
pub type NetUid = u16;
/// Number of a mechanism inside a subnet; 0 is the main one.
pub type MechId = u8;
/// Key of what each mechanism has of its own: mechanism · 4096 + subnet.
pub type NetUidStorageIndex = u16;
/// Number of a subnet lease.
pub type LeaseId = u32;
/// Rao of TAO.
pub type Tao = u64;
/// Rao of one subnet's alpha.
pub type Alpha = u64;

/// The root network.
pub const ROOT: NetUid = 0;

/// Where a neuron answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct AxonInfo {
    /// Block of the announcement.
    pub block: u64,
    /// Version the neuron states.
    pub version: u32,
    /// The address as a big-endian integer.
    pub ip: u128,
    /// Port.
    pub port: u16,
    /// 4 or 6.
    pub ip_type: u8,
    /// Protocol, by convention of the neurons.
    pub protocol: u8,
    /// Free for the neurons.
    pub placeholder1: u8,
    /// Free for the neurons.
    pub placeholder2: u8,
}

/// Where a neuron publishes its metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct PrometheusInfo {
    /// Block of the announcement.
    pub block: u64,
    /// Version the neuron states.
    pub version: u32,
    /// The address as a big-endian integer.
    pub ip: u128,
    /// Port.
    pub port: u16,
    /// 4 or 6.
    pub ip_type: u8,
}

/// Public key of a neuron's TLS certificate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct NeuronCertificate {
    /// The key.
    pub public_key: BoundedVec<u8, ConstU32<64>>,
    /// Its algorithm, by convention of the neurons.
    pub algorithm: u8,
}

impl NeuronCertificate {
    /// Reads a certificate as callers send it: the algorithm, then 1 to 64 bytes of key.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (algorithm, key) = bytes.split_first()?;
        let public_key = BoundedVec::try_from(key.to_vec()).ok().filter(|key| !key.is_empty())?;
        Some(Self { public_key, algorithm: *algorithm })
    }
}

/// How the owner of a coldkey presents themself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ChainIdentityV2 {
    /// Name.
    pub name: Vec<u8>,
    /// Web page.
    pub url: Vec<u8>,
    /// Repository.
    pub github_repo: Vec<u8>,
    /// Image.
    pub image: Vec<u8>,
    /// Discord handle.
    pub discord: Vec<u8>,
    /// Description.
    pub description: Vec<u8>,
    /// Anything else.
    pub additional: Vec<u8>,
}

/// How the owner of a subnet presents it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SubnetIdentityV3 {
    /// Name.
    pub subnet_name: Vec<u8>,
    /// Repository.
    pub github_repo: Vec<u8>,
    /// Contact.
    pub subnet_contact: Vec<u8>,
    /// Web page.
    pub subnet_url: Vec<u8>,
    /// Discord handle.
    pub discord: Vec<u8>,
    /// Description.
    pub description: Vec<u8>,
    /// Logo.
    pub logo_url: Vec<u8>,
    /// Anything else.
    pub additional: Vec<u8>,
}

/// Stake a coldkey locked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct LockState {
    /// Alpha that cannot leave.
    pub locked_mass: Alpha,
    /// Weight it has earned in the choice of the subnet's owner.
    pub conviction: U64F64,
    /// Block both were last computed at.
    pub last_update: u64,
}

/// A subnet paid for by many.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SubnetLease<AccountId, BlockNumber, Balance> {
    /// Who runs it.
    pub beneficiary: AccountId,
    /// Account that owns it meanwhile.
    pub coldkey: AccountId,
    /// Its hotkey.
    pub hotkey: AccountId,
    /// Share of emission that goes to those who paid.
    pub emissions_share: Percent,
    /// When it ends, if ever.
    pub end_block: Option<BlockNumber>,
    /// The subnet.
    pub netuid: NetUid,
    /// What it cost.
    pub cost: Balance,
}

/// What happens to incentive that falls to the subnet's owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum RecycleOrBurnEnum {
    /// It stays issued, and nobody owns it.
    #[default]
    Burn,
    /// It is taken back, and can be issued again.
    Recycle,
}

/// What a coldkey wants done with its root dividends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum RootClaimTypeEnum {
    /// Sell them and stake the TAO on root.
    #[default]
    Swap,
    /// Keep the alpha.
    Keep,
    /// Keep the alpha of these subnets, sell the rest.
    KeepSubnets {
        /// The subnets.
        subnets: BTreeSet<NetUid>,
    },
}

/// What [`super::LastRateLimitedBlock`] remembers the block of.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum RateLimitKey<AccountId> {
    /// Change of a subnet's owner hotkey.
    SetSNOwnerHotkey(NetUid),
    /// Change of a hyperparameter by the owner.
    OwnerHyperparamUpdate(NetUid, Hyperparameter),
    /// Registration of a subnet by anybody.
    NetworkLastRegistered,
    /// Last call of an account.
    LastTxBlock(AccountId),
    /// Last change of a childkey take.
    LastTxBlockChildKeyTake(AccountId),
    /// Last change of a delegate take.
    LastTxBlockDelegateTake(AccountId),
    /// Last purchase for burning.
    AddStakeBurn(NetUid),
}

/// Hyperparameters whose changes are rate limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]

pub enum Hyperparameter {
    Unknown,
    ServingRateLimit,
    MaxDifficulty,
    AdjustmentAlpha,
    MaxWeightLimit,
    ImmunityPeriod,
    MinAllowedWeights,
    Kappa,
    Rho,
    ActivityCutoff,
    PowRegistrationAllowed,
    MinBurn,
    MaxBurn,
    BondsMovingAverage,
    BondsPenalty,
    CommitRevealEnabled,
    LiquidAlphaEnabled,
    AlphaValues,
    WeightCommitInterval,
    TransferEnabled,
    AlphaSigmoidSteepness,
    Yuma3Enabled,
    BondsResetEnabled,
    ImmuneNeuronLimit,
    RecycleOrBurn,
    MaxAllowedUids,
    BurnHalfLife,
    BurnIncreaseMult,
    SubnetEmissionEnabled,
    MinChildkeyTake,
    ActivityCutoffFactorMilli,
    TriggerEpoch,
}
