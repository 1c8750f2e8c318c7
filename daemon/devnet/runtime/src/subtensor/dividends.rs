//! Paying out an epoch: incentive to miners, dividends to validators, their parents and nominators, the owner's cut.
//!
//! Amounts are rao of the subnet's alpha; fractions have 32 bits, as on the real chain.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    AlphaDividendsPerSubnet, AutoStakeDestination, CKBurn, ChildKeys, ChildkeyTake, Config, Delegates, Event, Keys,
    MinChildkeyTakePerSubnet, MinerBurned, OwnedHotkeys, Owner, Pallet, ParentKeys, PendingOwnerCut,
    PendingRootAlphaDivs, PendingServerEmission, PendingValidatorEmission, RecycleOrBurn, RootAlphaDividendsPerSubnet,
    SubnetOwner, SubnetOwnerHotkey, TotalHotkeyAlpha, TotalHotkeyAlphaLastEpoch,
    epoch::Earnings,
    fixed::U96F32,
    types::{Alpha, NetUid, ROOT, RecycleOrBurnEnum},
};
use crate::{AccountId, alpha_assets};

/// What a subnet has set aside for an epoch, in rao of alpha.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    server: Alpha,
    validator: Alpha,
    root: Alpha,
    owner_cut: Alpha,
}

/// Part of 2^64 − 1.
fn part(proportion: u64) -> U96F32 {
    U96F32::ratio(proportion, u64::MAX)
}

fn total(values: &BTreeMap<AccountId, U96F32>) -> U96F32 {
    values.values().fold(U96F32::default(), |sum, value| sum.plus(*value))
}

impl<T: Config> Pallet<T> {
    /// Takes what the subnet has set aside since its last epoch.
    pub(super) fn take_pending(netuid: NetUid) -> Pending {
        Pending {
            server: PendingServerEmission::<T>::take(netuid),
            validator: PendingValidatorEmission::<T>::take(netuid),
            root: PendingRootAlphaDivs::<T>::take(netuid),
            owner_cut: PendingOwnerCut::<T>::take(netuid),
        }
    }

    /// Runs consensus over what the subnet has set aside, and pays it out.
    pub(super) fn distribute_pending(netuid: NetUid, Pending { server, validator, root, owner_cut }: Pending) {
        let emission = server.saturating_add(validator).saturating_add(root);
        let earnings = Self::run_consensus(netuid, emission);
        Self::update_voting_power(netuid);
        let mut hotkeys: Vec<(AccountId, Earnings)> =
            (0..).zip(earnings).map(|(uid, earned)| (Keys::<T>::get(netuid, uid), earned)).collect();
        hotkeys.sort_by(|first, second| first.0.cmp(&second.0));
        let mined = hotkeys.iter().fold(0_u64, |sum, (_, earned)| sum.saturating_add(earned.server));
        let validator = if mined == 0 { validator.saturating_add(server) } else { validator };

        let dividends = Self::dividends_with_parents(netuid, &hotkeys);
        let (alpha, root) = Self::split_dividends(netuid, &dividends, validator, root);
        Self::pay_owner(netuid, owner_cut);
        Self::pay_miners(netuid, &hotkeys, mined);
        Self::pay_dividends(netuid, alpha);
        Self::pay_root_dividends(netuid, root);
    }

    fn dividends_with_parents(netuid: NetUid, hotkeys: &[(AccountId, Earnings)]) -> BTreeMap<AccountId, U96F32> {
        let mut dividends: BTreeMap<AccountId, U96F32> = BTreeMap::new();
        for (hotkey, earned) in hotkeys {
            for (who, amount) in Self::share_with_parents(hotkey, netuid, earned.validator) {
                let sum = dividends.entry(who).or_default();
                *sum = sum.plus(U96F32::from_integer(amount));
            }
        }
        dividends
    }

    /// What a hotkey brings itself, without what it lends to its children.
    fn own_contribution(hotkey: &AccountId, netuid: NetUid) -> U96F32 {
        let kept = ChildKeys::<T>::get(hotkey, netuid)
            .iter()
            .fold(U96F32::ONE, |kept, (proportion, _)| kept.minus(part(*proportion)));
        let contribution = Self::contribution(hotkey, netuid, kept);
        U96F32::from_integer(contribution.whole())
    }

    fn contribution(hotkey: &AccountId, netuid: NetUid, proportion: U96F32) -> U96F32 {
        let alpha = U96F32::from_integer(TotalHotkeyAlpha::<T>::get(hotkey, netuid));
        let root = U96F32::from_integer(TotalHotkeyAlpha::<T>::get(hotkey, ROOT));
        alpha.by(proportion).plus(root.by(proportion).by(Self::tao_weight()))
    }

    /// Divides what a hotkey earned among itself and its parents, by what each brought; parents of other owners leave
    /// the childkey take behind, and what is burned of theirs is taken out of existence.
    fn share_with_parents(hotkey: &AccountId, netuid: NetUid, earned: Alpha) -> Vec<(AccountId, Alpha)> {
        let earned = U96F32::from_integer(earned);
        let owner = Owner::<T>::get(hotkey);
        let take = ChildkeyTake::<T>::get(hotkey, netuid).max(MinChildkeyTakePerSubnet::<T>::get(netuid));
        let take = U96F32::ratio(take.into(), u16::MAX.into());
        let burn = part(CKBurn::<T>::get());
        let parents: Vec<(AccountId, U96F32)> = ParentKeys::<T>::get(hotkey, netuid)
            .into_iter()
            .map(|(proportion, parent)| {
                let contribution = Self::contribution(&parent, netuid, part(proportion));
                (parent, contribution)
            })
            .collect();
        let all = parents
            .iter()
            .fold(Self::own_contribution(hotkey, netuid), |sum, (_, contribution)| sum.plus(*contribution));

        let (mut left, mut taken) = (earned, U96F32::default());
        let mut shares = Vec::new();
        for (parent, contribution) in parents {
            let mut share = earned.by(contribution.over(all));
            left = left.minus(share);
            if Owner::<T>::get(&parent) != owner {
                let (burned, child) = (burn.by(share), take.by(share));
                share = share.minus(burned).minus(child);
                taken = taken.plus(child);
                Self::recycle_alpha_of(netuid, burned.whole());
            }
            shares.push((parent, share.whole()));
        }
        shares.push((hotkey.clone(), left.plus(taken).whole()));
        shares
    }

    /// Splits dividends by what earned them, alpha or root stake, and scales both to what there is to pay.
    fn split_dividends(
        netuid: NetUid,
        dividends: &BTreeMap<AccountId, U96F32>,
        alpha_to_pay: Alpha,
        root_to_pay: Alpha,
    ) -> (BTreeMap<AccountId, U96F32>, BTreeMap<AccountId, U96F32>) {
        let (mut by_alpha, mut by_root) = (BTreeMap::new(), BTreeMap::new());
        for (hotkey, dividend) in dividends {
            let alpha = U96F32::from_integer(TotalHotkeyAlpha::<T>::get(hotkey, netuid));
            let root = U96F32::from_integer(TotalHotkeyAlpha::<T>::get(hotkey, ROOT)).by(Self::tao_weight());
            let of_root = dividend.by(root.over(alpha.plus(root)));
            by_alpha.insert(hotkey.clone(), dividend.minus(of_root));
            by_root.insert(hotkey.clone(), of_root);
        }
        let scaled = |parts: BTreeMap<AccountId, U96F32>, to_pay: Alpha| {
            let whole = total(&parts);
            parts
                .into_iter()
                .map(|(hotkey, value)| (hotkey, value.over(whole).by(U96F32::from_integer(to_pay))))
                .collect::<BTreeMap<_, _>>()
        };
        (scaled(by_alpha, alpha_to_pay), scaled(by_root, root_to_pay))
    }

    fn pay_owner(netuid: NetUid, cut: Alpha) {
        if SubnetOwner::<T>::contains_key(netuid) && SubnetOwnerHotkey::<T>::contains_key(netuid) {
            Self::credit_stake(&SubnetOwnerHotkey::<T>::get(netuid), &SubnetOwner::<T>::get(netuid), netuid, cut);
            Self::pay_lease(netuid, cut);
            Self::lock_owner_cut(netuid, cut);
        }
    }

    /// Stakes what miners earned for them; what the owner's own hotkeys mined is burned or recycled. Where a coldkey has
    /// chosen a hotkey to stake behind, that is told even of a miner that earned nothing.
    fn pay_miners(netuid: NetUid, hotkeys: &[(AccountId, Earnings)], mined: Alpha) {
        let mut owners = OwnedHotkeys::<T>::get(SubnetOwner::<T>::get(netuid));
        owners.push(SubnetOwnerHotkey::<T>::get(netuid));
        let mut withheld = 0_u64;
        for (hotkey, earned) in hotkeys {
            if owners.contains(hotkey) {
                withheld = withheld.saturating_add(earned.server);
                match RecycleOrBurn::<T>::get(netuid) {
                    RecycleOrBurnEnum::Recycle => Self::recycle_alpha_of(netuid, earned.server),
                    RecycleOrBurnEnum::Burn => alpha_assets::Pallet::<T>::note_burned(netuid, earned.server),
                }
                continue;
            }
            let owner = Owner::<T>::get(hotkey);
            let chosen = AutoStakeDestination::<T>::get(&owner, netuid);
            let destination = chosen.clone().unwrap_or_else(|| hotkey.clone());
            if let Some(destination) = chosen {
                Self::deposit_event(Event::AutoStakeAdded {
                    netuid,
                    destination,
                    hotkey: hotkey.clone(),
                    owner: owner.clone(),
                    incentive: earned.server,
                });
            }
            Self::credit_stake(&destination, &owner, netuid, earned.server);
        }
        MinerBurned::<T>::insert(netuid, U96F32::ratio(withheld, mined));
    }

    fn delegate_take(hotkey: &AccountId) -> U96F32 {
        U96F32::ratio(Delegates::<T>::get(hotkey).into(), u16::MAX.into())
    }

    /// Pays the take of a dividend to the hotkey's owner and returns the rest.
    fn pay_take(hotkey: &AccountId, netuid: NetUid, dividend: U96F32) -> Alpha {
        let take = Self::delegate_take(hotkey).by(dividend);
        if take.whole() > 0 {
            Self::credit_stake(hotkey, &Owner::<T>::get(hotkey), netuid, take.whole());
        }
        dividend.minus(take).whole()
    }

    fn pay_dividends(netuid: NetUid, dividends: BTreeMap<AccountId, U96F32>) {
        let _ = AlphaDividendsPerSubnet::<T>::clear_prefix(netuid, u32::MAX, None);
        for (hotkey, dividend) in dividends {
            let rest = Self::pay_take(&hotkey, netuid, dividend);
            TotalHotkeyAlpha::<T>::mutate(&hotkey, netuid, |pool| *pool = pool.saturating_add(rest));
            AlphaDividendsPerSubnet::<T>::insert(netuid, &hotkey, rest);
            TotalHotkeyAlphaLastEpoch::<T>::insert(&hotkey, netuid, TotalHotkeyAlpha::<T>::get(&hotkey, netuid));
        }
    }

    fn pay_root_dividends(netuid: NetUid, dividends: BTreeMap<AccountId, U96F32>) {
        let _ = RootAlphaDividendsPerSubnet::<T>::clear_prefix(netuid, u32::MAX, None);
        for (hotkey, dividend) in dividends {
            let rest = Self::pay_take(&hotkey, netuid, dividend);
            Self::raise_root_claim(&hotkey, netuid, rest);
            RootAlphaDividendsPerSubnet::<T>::insert(netuid, &hotkey, rest);
        }
    }
}
