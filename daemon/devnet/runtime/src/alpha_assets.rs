//! `AlphaAssets`: how much alpha each subnet has issued, burned and recycled. Storage alone; nobody calls it.
//!
//! What is issued counts what the pool and its participants were ever given; what was burned stays issued, what was recycled
//! does not.

pub use pallet::*;

#[frame_support::pallet]
#[allow(clippy::pedantic, unreachable_pub, reason = "the FRAME macros expand into this module")]
pub mod pallet {
    use frame_support::pallet_prelude::*;

    use crate::subtensor::types::{Alpha, NetUid};

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config {}

    /// Alpha that exists, or was burned.
    #[pallet::storage]
    pub type TotalAlphaIssuance<T: Config> = StorageMap<_, Twox64Concat, NetUid, Alpha, ValueQuery>;
    /// Alpha that nobody can use any more.
    #[pallet::storage]
    pub type AlphaBurned<T: Config> = StorageMap<_, Twox64Concat, NetUid, Alpha, ValueQuery>;
    /// Alpha that was taken out of existence.
    #[pallet::storage]
    pub type AlphaRecycled<T: Config> = StorageMap<_, Twox64Concat, NetUid, Alpha, ValueQuery>;
}
