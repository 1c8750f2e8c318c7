//! Proxy kinds of the chain and the calls each may make.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::InstanceFilter;
use scale_info::TypeInfo;

use crate::{Runtime, RuntimeCall, UNIT, subtensor::Call};

type Balances = pallet_balances::Call<Runtime>;
type Subtensor = Call<Runtime>;

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

/// Transfers of at least this many rao are not small.
const SMALL_TRANSFER_LIMIT: u64 = UNIT / 2;

/// Calls that add, take back or move stake.
fn is_staking(call: &RuntimeCall) -> bool {
    matches!(call, RuntimeCall::SubtensorModule(Subtensor::add_stake { .. } | Subtensor::remove_stake { .. }))
}

/// Calls that register neurons.
fn is_registration(call: &RuntimeCall) -> bool {
    matches!(
        call,
        RuntimeCall::SubtensorModule(
            Subtensor::burned_register { .. } | Subtensor::register { .. } | Subtensor::register_limit { .. }
        )
    )
}

/// Calls that `NonCritical` leaves out.
fn is_critical(call: &RuntimeCall) -> bool {
    matches!(
        call,
        RuntimeCall::Sudo(_)
            | RuntimeCall::SubtensorModule(Subtensor::root_register { .. } | Subtensor::burned_register { .. })
    )
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    /// Whether the proxy may make the call. Calls that this chain does not have yet join the groups above when they come.
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            Self::Any => true,
            Self::Owner => matches!(call, RuntimeCall::SubtensorModule(Subtensor::set_subnet_identity { .. })),
            Self::NonCritical => !is_critical(call),
            Self::NonTransfer => !matches!(call, RuntimeCall::Balances(_)),
            Self::NonFungible => {
                !matches!(call, RuntimeCall::Balances(_))
                    && !is_staking(call)
                    && !is_registration(call)
                    && !matches!(call, RuntimeCall::SubtensorModule(Subtensor::root_register { .. }))
            }
            Self::Staking => is_staking(call),
            Self::Registration => is_registration(call),
            Self::Transfer => matches!(
                call,
                RuntimeCall::Balances(
                    Balances::transfer_keep_alive { .. }
                        | Balances::transfer_allow_death { .. }
                        | Balances::transfer_all { .. }
                )
            ),
            Self::SmallTransfer => matches!(
                call,
                RuntimeCall::Balances(
                    Balances::transfer_keep_alive { value, .. } | Balances::transfer_allow_death { value, .. }
                ) if *value < SMALL_TRANSFER_LIMIT
            ),
            Self::SubnetLeaseBeneficiary => matches!(call, RuntimeCall::SubtensorModule(Subtensor::start_call { .. })),
            Self::Senate
            | Self::Triumvirate
            | Self::Governance
            | Self::RootWeights
            | Self::ChildKeys
            | Self::SudoUncheckedSetCode
            | Self::SwapHotkey
            | Self::RootClaim => false,
        }
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

    use super::{Balances, ProxyType, RuntimeCall, SMALL_TRANSFER_LIMIT, Subtensor};
    use crate::genesis::development_account;

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
    fn nobody_but_any_contains_any() {
        assert!(ProxyType::Any.is_superset(&ProxyType::Transfer));
        assert!(ProxyType::NonTransfer.is_superset(&ProxyType::Staking));
        assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::Any));
        assert!(!ProxyType::Staking.is_superset(&ProxyType::Any));
    }
}
