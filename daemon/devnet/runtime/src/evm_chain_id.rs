//! `EVMChainId`: the number by which wallets of the EVM tell chains apart.
//!
//! There is no EVM here to go by it; the number is kept because root may change it ([`crate::admin`]) and clients read it.

pub use pallet::*;

#[frame_support::pallet]
#[allow(clippy::pedantic, clippy::expect_used, unreachable_pub, reason = "the FRAME macros expand into this module")]
pub mod pallet {
    use frame_support::pallet_prelude::*;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config {}

    /// The number.
    #[pallet::storage]
    pub type ChainId<T> = StorageValue<_, u64, ValueQuery>;

    /// What the pallet starts with.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T> {
        /// The number.
        pub chain_id: u64,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            ChainId::<T>::put(self.chain_id);
        }
    }
}
