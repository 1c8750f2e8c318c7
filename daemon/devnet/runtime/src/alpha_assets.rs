//! `AlphaAssets`: how much alpha each subnet has issued, burned and recycled.
//!
//! Books beside the reserves of `SubtensorModule`, which nothing on the chain reads: that pallet notes here what it does.
//! Alpha is minted into the pool and for participants, recycled where it leaves circulation to be minted again, and burned
//! where it only becomes unusable. What genesis puts into the one subnet of a fresh localnet is in no book.

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

    impl<T: Config> Pallet<T> {
        pub(crate) fn note_minted(netuid: NetUid, alpha: Alpha) {
            TotalAlphaIssuance::<T>::mutate(netuid, |total| *total = total.saturating_add(alpha));
        }

        pub(crate) fn note_recycled(netuid: NetUid, alpha: Alpha) {
            if alpha == 0 {
                return;
            }
            TotalAlphaIssuance::<T>::mutate(netuid, |total| *total = total.saturating_sub(alpha));
            AlphaRecycled::<T>::mutate(netuid, |total| *total = total.saturating_add(alpha));
        }

        pub(crate) fn note_burned(netuid: NetUid, alpha: Alpha) {
            if alpha == 0 {
                return;
            }
            AlphaBurned::<T>::mutate(netuid, |total| *total = total.saturating_add(alpha));
        }

        /// Closes the books of a subnet that is no more.
        pub(crate) fn forget(netuid: NetUid) {
            TotalAlphaIssuance::<T>::remove(netuid);
            AlphaBurned::<T>::remove(netuid);
            AlphaRecycled::<T>::remove(netuid);
        }
    }
}
