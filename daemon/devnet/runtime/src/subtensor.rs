//! `SubtensorModule`: the chain's own pallet, with the surface of pallet_subtensor as of spec 425.
//!
//! The files beside this one hold one subject each. Implemented are registration by burn, root registration, subnets,
//! serving, identities, takes, child keys, stake over weighted pools and its movements, weights in the open and hidden,
//! emission, consensus, dividends, locks, exchanges of keys, leases, voting power and what owners may set, and how
//! subnets end.
//!
//! Every figure that a client could compare was checked against recordings of the real runtime.

pub mod alpha_fees;
mod calls;
mod children;
mod claims;
mod coldkeys;
mod commits;
mod constants;
mod conviction;
mod dissolution;
mod dividends;
mod emission;
mod epoch;
mod errors;
mod events;
pub mod evm;
pub mod fixed;
mod genesis;
mod hooks;
mod hotkeys;
mod identity;
pub mod info;
mod leases;
mod locks;
mod matrix;
mod movement;
mod neurons;
pub mod owner;
mod pool;
mod power;
mod pricing;
mod registration;
mod root;
mod root_weights;
mod safe_float;
pub(crate) mod senate;
mod serving;
mod stake;
mod staking;
mod storage;
mod subnets;
pub(crate) mod symbols;
mod takeover;
mod takes;
mod trimming;
#[allow(clippy::cast_possible_truncation, reason = "so the derived codec numbers variants")]
pub mod types;
mod upkeep;
pub mod validity;
mod voting;
mod weights;
pub mod work;
mod yuma;

use frame_support::pallet_macros::import_section;

pub use children::action;
pub use pallet::*;
pub use safe_float::SafeFloat;

#[import_section(constants::constants)]
#[import_section(storage::storage)]
#[import_section(events::events)]
#[import_section(errors::errors)]
#[import_section(calls::calls)]
#[frame_support::pallet]
#[allow(
    clippy::pedantic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::type_complexity,
    clippy::too_many_arguments,
    unreachable_pub,
    reason = "the FRAME macros expand into this module, and calls take the arguments that clients send"
)]
pub mod pallet {
    use alloc::{
        boxed::Box,
        collections::{BTreeMap, BTreeSet},
        vec::Vec,
    };

    use codec::Compact;
    use frame_support::{
        PalletId,
        dispatch::{DispatchResult, DispatchResultWithPostInfo, Pays},
        pallet_prelude::*,
        traits::{ConstBool, ConstI16, ConstU8, ConstU16, ConstU64, EnsureOrigin},
    };
    use frame_system::pallet_prelude::*;
    use sp_core::{H160, H256, ecdsa::Signature};
    use sp_runtime::Percent;

    use super::{
        commits::Reveal,
        fixed::{I64F64, I96F32, U64F64, U96F32},
        genesis,
        hotkeys::{Exchange, Stake},
        leases::{lease_end_weight, lease_weight},
        movement::RatioLimit,
        safe_float::SafeFloat,
        staking::Position,
        types::{
            Alpha as AlphaBalance, AxonInfo, ChainIdentityV2, LeaseId, LockState, MechId, NetUid, NetUidStorageIndex,
            NeuronCertificate, PrometheusInfo, ROOT, RateLimitKey, RecycleOrBurnEnum, RootClaimTypeEnum,
            SubnetIdentityV3, SubnetLease, Tao,
        },
        validity,
        weights::WeightRow,
        work::Work,
    };
    use crate::{
        AccountId,
        crowdloan::CONTRIBUTORS,
        triumvirate::{self, EnsureSenateMajority},
    };

    /// The chain's own pallet.
    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    /// The pallet works on the runtime's own accounts and on the balances of `pallet_balances`: it has no second user,
    /// so it asks for no abstraction over them.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<AccountId = AccountId, Hash = H256, RuntimeEvent: From<Event<Self>>>
        + pallet_balances::Config<Balance = u64>
        + crate::swap::Config
        + crate::alpha_assets::Config
        + crate::drand::Config
        + crate::crowdloan::Config
        + crate::triumvirate::Config
    {
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_block: BlockNumberFor<T>) -> Weight {
            Self::begin_block();
            Weight::zero()
        }
    }

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Blocks an owner waits between creating a subnet and starting it; 0 when unset.
        pub start_call_delay: Option<u64>,
        /// Blocks between the creation of two subnets; 7,200 when unset.
        pub network_rate_limit: Option<u64>,
        /// Networks on which stake is open from the start.
        pub started: Vec<NetUid>,
        /// Whether validators on root steer emission with their weights and sit in the senate.
        pub legacy_root: bool,
        /// Whether root is the only network: the subnet of nobody is left out.
        pub bare: bool,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            let networks: &[NetUid] = if self.bare { &[ROOT] } else { &[ROOT, genesis::FIRST] };
            Pallet::<T>::build_genesis(self.start_call_delay, self.network_rate_limit, &self.started, networks);
            if self.legacy_root {
                LegacyRoot::<T>::put(true);
            }
        }
    }
}
