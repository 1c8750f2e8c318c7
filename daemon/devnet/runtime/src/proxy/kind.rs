//! Kinds of proxies. Which calls each may make is in [`super::filters`].

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::InstanceFilter;
use scale_info::TypeInfo;

use super::filters;
use crate::RuntimeCall;

/// What an account lets its proxy do. The order is part of the wire format.
#[derive(
    Copy,
    Clone,
    Eq,
    PartialEq,
    Ord,
    PartialOrd,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Debug,
    MaxEncodedLen,
    TypeInfo,
    Default,
)]
pub enum ProxyType {
    /// Everything.
    #[default]
    Any,
    /// Settings of an owned subnet.
    Owner,
    /// Everything but closing subnets, registration and privileged calls.
    NonCritical,
    /// Everything that moves no balance.
    NonTransfer,
    /// Removed with the governance pallets: allows nothing.
    Senate,
    /// Like `NonTransfer`, and no staking or registration either.
    NonFungible,
    /// Removed with the governance pallets: allows nothing.
    Triumvirate,
    /// Removed with the governance pallets: allows nothing.
    Governance,
    /// Adding, removing and moving stake.
    Staking,
    /// Registering neurons.
    Registration,
    /// Transfers of balance and of stake.
    Transfer,
    /// Transfers below half a TAO.
    SmallTransfer,
    /// Removed with root weights: allows nothing.
    RootWeights,
    /// Child hotkeys and their take.
    ChildKeys,
    /// Replacing the runtime's code.
    SudoUncheckedSetCode,
    /// Exchanging hotkeys.
    SwapHotkey,
    /// Settings of a leased subnet.
    SubnetLeaseBeneficiary,
    /// Claiming root dividends.
    RootClaim,
}

impl ProxyType {
    /// All of them, in the order of the wire.
    pub const ALL: [Self; 18] = [
        Self::Any,
        Self::Owner,
        Self::NonCritical,
        Self::NonTransfer,
        Self::Senate,
        Self::NonFungible,
        Self::Triumvirate,
        Self::Governance,
        Self::Staking,
        Self::Registration,
        Self::Transfer,
        Self::SmallTransfer,
        Self::RootWeights,
        Self::ChildKeys,
        Self::SudoUncheckedSetCode,
        Self::SwapHotkey,
        Self::SubnetLeaseBeneficiary,
        Self::RootClaim,
    ];

    /// Whether what it allowed is gone from the chain.
    pub const fn is_deprecated(self) -> bool {
        matches!(self, Self::Senate | Self::Triumvirate | Self::Governance | Self::RootWeights)
    }
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    /// Whether the proxy may make the call.
    fn filter(&self, call: &RuntimeCall) -> bool {
        filters::admits(*self, call)
    }

    fn is_superset(&self, other: &Self) -> bool {
        match (self, other) {
            (x, y) if x == y => true,
            (Self::Any, _) | (Self::Transfer, Self::SmallTransfer) => true,
            (Self::NonTransfer, other) => !matches!(other, Self::Any | Self::Transfer | Self::SmallTransfer),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use frame_support::traits::InstanceFilter;

    use super::{ProxyType, RuntimeCall};
    use crate::{Runtime, genesis::development_account, proxy::filters::SMALL_TRANSFER_LIMIT};

    type Balances = pallet_balances::Call<Runtime>;
    type Subtensor = crate::subtensor::Call<Runtime>;
    type Admin = crate::admin::Call<Runtime>;

    fn transfer(value: u64) -> RuntimeCall {
        RuntimeCall::Balances(Balances::transfer_keep_alive { dest: development_account("Bob").into(), value })
    }

    #[test]
    fn transfers_are_for_those_who_may_transfer() {
        assert!(ProxyType::Any.filter(&transfer(1)));
        assert!(ProxyType::Transfer.filter(&transfer(u64::MAX)));
        assert!(ProxyType::SmallTransfer.filter(&transfer(SMALL_TRANSFER_LIMIT - 1)));
        assert!(!ProxyType::SmallTransfer.filter(&transfer(SMALL_TRANSFER_LIMIT)));
        for kind in [ProxyType::NonTransfer, ProxyType::NonFungible, ProxyType::Staking, ProxyType::Senate] {
            assert!(!kind.filter(&transfer(1)), "{kind:?}");
        }
    }

    #[test]
    fn staking_and_registration_are_apart() {
        let hotkey = development_account("Bob");
        let stake =
            RuntimeCall::SubtensorModule(Subtensor::add_stake { hotkey: hotkey.clone(), netuid: 0, amount_staked: 1 });
        let register = RuntimeCall::SubtensorModule(Subtensor::burned_register { netuid: 1, hotkey });
        assert!(ProxyType::Staking.filter(&stake) && !ProxyType::Staking.filter(&register));
        assert!(ProxyType::Registration.filter(&register) && !ProxyType::Registration.filter(&stake));
        assert!(ProxyType::NonTransfer.filter(&stake) && !ProxyType::NonFungible.filter(&stake));
        assert!(!ProxyType::NonCritical.filter(&register));
    }

    #[test]
    fn each_kind_has_its_calls() {
        let key = || development_account("Bob");
        let calls = [
            (ProxyType::ChildKeys, Subtensor::set_childkey_take { hotkey: key(), netuid: 1, take: 1 }),
            (ProxyType::SwapHotkey, Subtensor::swap_hotkey { hotkey: key(), new_hotkey: key(), netuid: None }),
            (ProxyType::RootClaim, Subtensor::claim_root { subnets: [1].into() }),
            (ProxyType::Staking, Subtensor::unstake_all { hotkey: key() }),
            (ProxyType::Owner, Subtensor::update_symbol { netuid: 1, symbol: vec![] }),
        ];
        for (kind, call) in &calls {
            for (other, _) in &calls {
                assert_eq!(
                    other.filter(&RuntimeCall::SubtensorModule(call.clone())),
                    kind == other,
                    "{kind:?} {call:?}"
                );
            }
        }
        let setting = RuntimeCall::AdminUtils(Admin::sudo_set_rho { netuid: 1, rho: 1 });
        assert!(ProxyType::Owner.filter(&setting) && !ProxyType::Staking.filter(&setting));
        let exchange = RuntimeCall::SubtensorModule(Subtensor::dispute_coldkey_swap {});
        assert!(!ProxyType::NonTransfer.filter(&exchange) && !ProxyType::NonCritical.filter(&exchange));
    }

    #[test]
    fn nobody_but_any_contains_any() {
        assert!(ProxyType::Any.is_superset(&ProxyType::Transfer));
        assert!(ProxyType::NonTransfer.is_superset(&ProxyType::Staking));
        assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::Any));
        assert!(!ProxyType::Staking.is_superset(&ProxyType::Any));
    }
}
