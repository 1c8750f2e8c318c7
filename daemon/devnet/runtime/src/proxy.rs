//! Proxy kinds of the chain and the calls each may make.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::InstanceFilter;
use scale_info::TypeInfo;

use crate::{Runtime, RuntimeCall, UNIT, subtensor::Call};

type Balances = pallet_balances::Call<Runtime>;
type Subtensor = Call<Runtime>;
type Admin = crate::admin::Call<Runtime>;

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
    matches!(
        call,
        RuntimeCall::SubtensorModule(
            Subtensor::add_stake { .. }
                | Subtensor::add_stake_limit { .. }
                | Subtensor::remove_stake { .. }
                | Subtensor::remove_stake_limit { .. }
                | Subtensor::remove_stake_full_limit { .. }
                | Subtensor::unstake_all { .. }
                | Subtensor::unstake_all_alpha { .. }
                | Subtensor::swap_stake { .. }
                | Subtensor::swap_stake_limit { .. }
                | Subtensor::move_stake { .. }
        )
    )
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

/// Calls that exchange coldkeys.
fn is_coldkey_exchange(call: &RuntimeCall) -> bool {
    matches!(
        call,
        RuntimeCall::SubtensorModule(
            Subtensor::swap_coldkey { .. }
                | Subtensor::schedule_swap_coldkey { .. }
                | Subtensor::announce_coldkey_swap { .. }
                | Subtensor::swap_coldkey_announced { .. }
                | Subtensor::dispute_coldkey_swap { .. }
                | Subtensor::reset_coldkey_swap { .. }
                | Subtensor::clear_coldkey_swap_announcement { .. }
        )
    )
}

/// Calls that exchange hotkeys.
fn is_hotkey_exchange(call: &RuntimeCall) -> bool {
    matches!(call, RuntimeCall::SubtensorModule(Subtensor::swap_hotkey { .. } | Subtensor::swap_hotkey_v2 { .. }))
}

/// Calls that give balance or stake away, or all of an account.
fn is_transfer(call: &RuntimeCall) -> bool {
    matches!(call, RuntimeCall::Balances(_) | RuntimeCall::SubtensorModule(Subtensor::transfer_stake { .. }))
        || is_coldkey_exchange(call)
}

/// Calls that `NonCritical` leaves out.
fn is_critical(call: &RuntimeCall) -> bool {
    matches!(
        call,
        RuntimeCall::Sudo(_)
            | RuntimeCall::SubtensorModule(Subtensor::root_register { .. } | Subtensor::burned_register { .. })
    ) || is_coldkey_exchange(call)
}

/// Calls with which an owner looks after a subnet.
fn is_ownership(call: &RuntimeCall) -> bool {
    match call {
        RuntimeCall::AdminUtils(call) => {
            !matches!(call, Admin::sudo_set_sn_owner_hotkey { .. } | Admin::sudo_set_subnet_owner_hotkey { .. })
        }
        RuntimeCall::SubtensorModule(call) => {
            matches!(call, Subtensor::set_subnet_identity { .. } | Subtensor::update_symbol { .. })
        }
        _ => false,
    }
}

/// Transfers small enough for `SmallTransfer`, of balance or of alpha.
fn is_small_transfer(call: &RuntimeCall) -> bool {
    let amount = match call {
        RuntimeCall::Balances(
            Balances::transfer_keep_alive { value, .. } | Balances::transfer_allow_death { value, .. },
        ) => *value,
        RuntimeCall::SubtensorModule(Subtensor::transfer_stake { alpha_amount, .. }) => *alpha_amount,
        _ => return false,
    };
    amount < SMALL_TRANSFER_LIMIT
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    /// Whether the proxy may make the call. `SubnetLeaseBeneficiary` also has settings on the real chain, which this
    /// chain leaves out, as it has no leases.
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            Self::Any => true,
            Self::Owner => is_ownership(call),
            Self::NonCritical => !is_critical(call),
            Self::NonTransfer => !is_transfer(call),
            Self::NonFungible => {
                !is_transfer(call)
                    && !is_staking(call)
                    && !is_registration(call)
                    && !is_hotkey_exchange(call)
                    && !matches!(call, RuntimeCall::SubtensorModule(Subtensor::root_register { .. }))
            }
            Self::Staking => {
                is_staking(call) || matches!(call, RuntimeCall::SubtensorModule(Subtensor::set_root_claim_type { .. }))
            }
            Self::Registration => is_registration(call),
            Self::Transfer => matches!(
                call,
                RuntimeCall::Balances(
                    Balances::transfer_keep_alive { .. }
                        | Balances::transfer_allow_death { .. }
                        | Balances::transfer_all { .. }
                ) | RuntimeCall::SubtensorModule(Subtensor::transfer_stake { .. })
            ),
            Self::SmallTransfer => is_small_transfer(call),
            Self::ChildKeys => matches!(
                call,
                RuntimeCall::SubtensorModule(Subtensor::set_children { .. } | Subtensor::set_childkey_take { .. })
            ),
            Self::SwapHotkey => is_hotkey_exchange(call),
            Self::RootClaim => matches!(call, RuntimeCall::SubtensorModule(Subtensor::claim_root { .. })),
            Self::SubnetLeaseBeneficiary => matches!(call, RuntimeCall::SubtensorModule(Subtensor::start_call { .. })),
            Self::Senate | Self::Triumvirate | Self::Governance | Self::RootWeights | Self::SudoUncheckedSetCode => {
                false
            }
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

    use super::{Admin, Balances, ProxyType, RuntimeCall, SMALL_TRANSFER_LIMIT, Subtensor};
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
