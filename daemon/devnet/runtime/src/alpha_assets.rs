//! `AlphaAssets`: how much alpha each subnet has issued, burned and recycled.
//!
//! Declared for clients that read it. The real chain keeps these books beside the reserves of `SubtensorModule`; this one
//! keeps the reserves alone, so that every entry reads as nothing.

pub use pallet::*;

#[frame_support::pallet]
#[allow(clippy::pedantic, clippy::expect_used, unreachable_pub, reason = "the FRAME macros expand into this module")]
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
