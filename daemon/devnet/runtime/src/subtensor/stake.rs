//! Stake as shares of a pool: who holds how much of a hotkey's alpha on a subnet, and how much that counts.
//!
//! Only the current form of shares is read and written. The older maps, `Alpha` and `TotalHotkeyShares`, are declared
//! for clients and stay empty on a chain that starts today.

use alloc::vec::Vec;

use sp_core::U256;

use super::{
    AlphaV2, ChildKeys, Config, Pallet, ParentKeys, SafeFloat, StakeThreshold, StakingHotkeys, SubnetOwnerHotkey,
    TotalHotkeyAlpha, TotalHotkeySharesV2,
    fixed::U96F32,
    types::{Alpha, NetUid, ROOT, Tao},
};
use crate::AccountId;

impl<T: Config> Pallet<T> {
    /// Alpha that the coldkey holds of the hotkey on the subnet.
    pub fn stake(hotkey: &AccountId, coldkey: &AccountId, netuid: NetUid) -> Alpha {
        Self::worth_of_shares(AlphaV2::<T>::get((hotkey, coldkey, netuid)), hotkey, netuid)
    }

    /// Alpha of the hotkey on the subnet that these shares stand for.
    pub(super) fn worth_of_shares(shares: SafeFloat, hotkey: &AccountId, netuid: NetUid) -> Alpha {
        let pool = SafeFloat::from(TotalHotkeyAlpha::<T>::get(hotkey, netuid));
        shares.scaled(pool, TotalHotkeySharesV2::<T>::get(hotkey, netuid)).floor()
    }

    fn shares_for(hotkey: &AccountId, netuid: NetUid, alpha: Alpha) -> SafeFloat {
        let pool = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
        let total = TotalHotkeySharesV2::<T>::get(hotkey, netuid);
        if pool == 0 || total.is_zero() {
            return SafeFloat::from(alpha);
        }
        SafeFloat::from(alpha).scaled(total, SafeFloat::from(pool))
    }

    /// Gives the coldkey `alpha` of the hotkey.
    pub(super) fn credit_stake(hotkey: &AccountId, coldkey: &AccountId, netuid: NetUid, alpha: Alpha) {
        if alpha == 0 {
            return;
        }
        let shares = Self::shares_for(hotkey, netuid, alpha);
        AlphaV2::<T>::mutate((hotkey, coldkey, netuid), |held| *held = held.plus(shares));
        TotalHotkeySharesV2::<T>::mutate(hotkey, netuid, |total| *total = total.plus(shares));
        TotalHotkeyAlpha::<T>::mutate(hotkey, netuid, |pool| *pool = pool.saturating_add(alpha));
        StakingHotkeys::<T>::mutate(coldkey, |hotkeys| Self::remember(hotkeys, hotkey));
    }

    /// Takes `alpha` of the hotkey from the coldkey, which must hold as much.
    pub(super) fn debit_stake(hotkey: &AccountId, coldkey: &AccountId, netuid: NetUid, alpha: Alpha) {
        let held = AlphaV2::<T>::get((hotkey, coldkey, netuid));
        // Rounding must not leave the last crumbs of a share behind.
        let whole = alpha >= Self::stake(hotkey, coldkey, netuid);
        let shares = if whole { held } else { Self::shares_for(hotkey, netuid, alpha) };
        let left = held.minus(shares);
        if left.is_zero() {
            AlphaV2::<T>::remove((hotkey, coldkey, netuid));
        } else {
            AlphaV2::<T>::insert((hotkey, coldkey, netuid), left);
        }
        TotalHotkeySharesV2::<T>::mutate(hotkey, netuid, |total| *total = total.minus(shares));
        TotalHotkeyAlpha::<T>::mutate(hotkey, netuid, |pool| *pool = pool.saturating_sub(alpha));
    }

    /// Stake of a hotkey on `stake_netuid` after what its children of `netuid` take and its parents of `netuid` give.
    /// Proportions have 32 fraction bits, as on the real chain, and so have the parts until they are added up.
    fn inherited(hotkey: &AccountId, netuid: NetUid, stake_netuid: NetUid) -> u64 {
        let of = |hotkey: &AccountId| U96F32::from_integer(TotalHotkeyAlpha::<T>::get(hotkey, stake_netuid));
        let part = |proportion: u64| U96F32::ratio(proportion, u64::MAX);
        let own = of(hotkey);
        let given = ChildKeys::<T>::get(hotkey, netuid)
            .iter()
            .fold(U96F32::default(), |sum, (proportion, _)| sum.plus(own.by(part(*proportion))));
        let received = ParentKeys::<T>::get(hotkey, netuid)
            .iter()
            .fold(U96F32::default(), |sum, (proportion, parent)| sum.plus(of(parent).by(part(*proportion))));
        own.minus(given).plus(received).whole()
    }

    /// Alpha of a hotkey that counts on the subnet, children and parents included.
    pub(super) fn inherited_alpha(hotkey: &AccountId, netuid: NetUid) -> Alpha {
        Self::inherited(hotkey, netuid, netuid)
    }

    /// Root stake of a hotkey that counts on the subnet, children and parents included.
    pub(super) fn inherited_tao(hotkey: &AccountId, netuid: NetUid) -> Tao {
        Self::inherited(hotkey, netuid, ROOT)
    }

    /// How much the hotkey counts on the subnet: its alpha, and its root stake at the weight of TAO.
    pub fn stake_weight(hotkey: &AccountId, netuid: NetUid) -> u64 {
        u64::try_from(Self::exact_stake_weight(hotkey, netuid) >> 64).unwrap_or(u64::MAX)
    }

    /// The same with 64 fraction bits.
    pub(super) fn exact_stake_weight(hotkey: &AccountId, netuid: NetUid) -> U256 {
        let tao = U256::from(Self::inherited_tao(hotkey, netuid)) * U256::from(Self::tao_weight().to_bits());
        (U256::from(Self::inherited_alpha(hotkey, netuid)) << 64) + (tao << 32)
    }

    /// What all stake behind a hotkey is worth at current prices, in rao of TAO: that of each subnet rounded down. Versions
    /// of the real chain near spec 425 add up what it is worth in 32 fraction bits and round the sum; whether 425 does is
    /// not known.
    pub(super) fn worth_of_hotkey(hotkey: &AccountId) -> Tao {
        Self::netuids().into_iter().fold(0_u64, |sum, netuid| {
            sum.saturating_add(Self::worth(netuid, TotalHotkeyAlpha::<T>::get(hotkey, netuid)))
        })
    }

    /// Whether the hotkey counts enough to set weights.
    pub(super) fn may_set_weights(hotkey: &AccountId, netuid: NetUid) -> bool {
        Self::stake_weight(hotkey, netuid) >= StakeThreshold::<T>::get()
            || (SubnetOwnerHotkey::<T>::contains_key(netuid) && SubnetOwnerHotkey::<T>::get(netuid) == *hotkey)
    }

    /// Every position of a coldkey, by subnet.
    pub(super) fn positions(coldkey: &AccountId) -> Vec<(NetUid, AccountId, Alpha)> {
        let hotkeys = StakingHotkeys::<T>::get(coldkey);
        Self::netuids()
            .into_iter()
            .flat_map(|netuid| hotkeys.iter().map(move |hotkey| (netuid, hotkey)))
            .map(|(netuid, hotkey)| (netuid, hotkey.clone(), Self::stake(hotkey, coldkey, netuid)))
            .filter(|(_, _, alpha)| *alpha != 0)
            .collect()
    }
}
