//! Runtime of the embedded development chain: the surface of `node-subtensor`, spec 425, compiled natively.
//!
//! It composes upstream FRAME pallets with [`subtensor`], declares the thirteen transaction extensions in the order
//! clients know, and answers the runtime APIs. It deliberately keeps no state, but a note of the seals that the
//! development beacon does not open ([`drand::due_pulses`]) and the digest of its metadata ([`metadata::digest`]), opens
//! no socket and builds no wasm: the crate `btd-devnet` calls [`api::dispatch`] inside externalities and speaks JSON-RPC.
//!
//! Amounts are `u64` rao everywhere (10⁻⁹ TAO or alpha). What the real chain has and this one leaves out is listed,
//! with reasons, in `tests/vectors/surface-differences.txt`; whose weight is a guess, in `weights-not-recorded.txt` there.

// The macro that composes the pallets goes one level deeper with each.
#![recursion_limit = "256"]

extern crate alloc;

pub mod admin;
pub mod alpha_assets;
mod apis;
pub mod beacon;
pub mod commitments;
mod config;
pub mod crowdloan;
mod dice;
pub mod drand;
pub mod evm_chain_id;
pub mod extensions;
mod fees;
pub mod genesis;
pub mod guards;
pub mod metadata;
pub mod proxy;
pub mod runtime_api;
mod safety;
pub mod shield;
pub mod subtensor;
pub mod swap;
#[allow(clippy::cast_possible_truncation, reason = "so the derived codec numbers variants")]
pub mod triumvirate;
pub mod upgrades;
pub mod utility;
mod weights;

use alloc::borrow::Cow;

use sp_runtime::{
    MultiAddress, MultiSignature, generic,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
};
use sp_version::RuntimeVersion;

pub use apis::api;
pub use extensions::TxExtension;
pub use fees::{block_author, fee_recipient};
pub use genesis::{Busy, DEVELOPMENT_NAMES, DrandBeacon, GenesisSpec, RootRule, RootStaking, Subnets, genesis};

/// Signature of an extrinsic; sr25519 in practice.
pub type Signature = MultiSignature;
/// The 32 bytes of an account.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// An amount in rao.
pub type Balance = u64;
/// Number of extrinsics an account has sent.
pub type Nonce = u32;
/// Height of a block.
pub type BlockNumber = u32;
/// Hash of blocks, extrinsics and state.
pub type Hash = sp_core::H256;
/// How extrinsics name an account.
pub type Address = MultiAddress<AccountId, ()>;
/// Block header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// Extrinsic as it travels; signed ones are of format 4.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// Block of typed extrinsics.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// What a signer signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

sp_runtime::impl_opaque_keys! {
    /// The keys of one who makes blocks and calls them final, as nodes hand them out in one piece.
    pub struct SessionKeys {
        /// Signs blocks.
        pub aura: Aura,
        /// Votes for final ones.
        pub grandpa: Grandpa,
    }
}

/// Runs blocks and extrinsics over the pallets.
pub type Executive =
    frame_executive::Executive<Runtime, Block, frame_system::ChainContext<Runtime>, Runtime, AllPalletsWithSystem>;

/// Milliseconds between blocks on the real network; the default of [`GenesisSpec::block_time`].
pub const MILLISECONDS_PER_BLOCK: u64 = 12_000;
/// The [`GenesisSpec::block_time`] of a chain whose blocks come when there is something for them: the least that lets their
/// timestamps follow each other by a millisecond. Such a chain reports the slots of the real network.
pub const INSTANT_BLOCK_TIME: u64 = 2;
/// What the chain's token is called, where clients ask and in the digest of the metadata.
pub const TOKEN_SYMBOL: &str = "TAO";
/// Its decimals: [`UNIT`] has as many zeros.
pub const TOKEN_DECIMALS: u8 = 9;
/// The network's number in SS58 addresses.
pub const SS58_FORMAT: u8 = 42;
/// One TAO (or one alpha) in rao.
pub const UNIT: Balance = 1_000_000_000;

/// Identity of this runtime, as clients read it through `state_getRuntimeVersion`.
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("node-subtensor"),
    impl_name: Cow::Borrowed("node-subtensor"),
    authoring_version: 1,
    spec_version: 425,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask
    )]
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(2)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(3)]
    pub type Aura = pallet_aura;
    #[runtime::pallet_index(4)]
    pub type Grandpa = pallet_grandpa;
    #[runtime::pallet_index(5)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(6)]
    pub type TransactionPayment = pallet_transaction_payment;
    #[runtime::pallet_index(7)]
    pub type SubtensorModule = subtensor;
    #[runtime::pallet_index(8)]
    pub type Triumvirate = triumvirate;
    #[runtime::pallet_index(9)]
    pub type TriumvirateMembers = pallet_membership<Instance1>;
    #[runtime::pallet_index(10)]
    pub type SenateMembers = pallet_membership<Instance2>;
    #[runtime::pallet_index(11)]
    pub type Utility = utility;
    #[runtime::pallet_index(12)]
    pub type Sudo = pallet_sudo;
    #[runtime::pallet_index(13)]
    pub type Multisig = pallet_multisig;
    #[runtime::pallet_index(14)]
    pub type Preimage = pallet_preimage;
    #[runtime::pallet_index(15)]
    pub type Scheduler = pallet_scheduler;
    #[runtime::pallet_index(16)]
    pub type Proxy = proxy;
    #[runtime::pallet_index(18)]
    pub type Commitments = commitments;
    #[runtime::pallet_index(19)]
    pub type AdminUtils = admin;
    #[runtime::pallet_index(20)]
    pub type SafeMode = pallet_safe_mode;
    #[runtime::pallet_index(23)]
    pub type EVMChainId = evm_chain_id;
    #[runtime::pallet_index(26)]
    pub type Drand = drand;
    #[runtime::pallet_index(27)]
    pub type Crowdloan = crowdloan;
    #[runtime::pallet_index(28)]
    pub type Swap = swap;
    #[runtime::pallet_index(30)]
    pub type MevShield = shield;
    #[runtime::pallet_index(31)]
    pub type AlphaAssets = alpha_assets;
}
