//! Proxy kinds of the chain and the calls each may make.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::InstanceFilter;
use scale_info::TypeInfo;

use crate::{RuntimeCall, UNIT};

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

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            Self::Any => true,
            Self::NonTransfer | Self::NonFungible => !matches!(call, RuntimeCall::Balances(_)),
            Self::NonCritical => !matches!(call, RuntimeCall::Sudo(_)),
            Self::Transfer => matches!(
                call,
                RuntimeCall::Balances(
                    pallet_balances::Call::transfer_keep_alive { .. }
                        | pallet_balances::Call::transfer_allow_death { .. }
                        | pallet_balances::Call::transfer_all { .. }
                )
            ),
            Self::SmallTransfer => matches!(
                call,
                RuntimeCall::Balances(
                    pallet_balances::Call::transfer_keep_alive { value, .. }
                        | pallet_balances::Call::transfer_allow_death { value, .. }
                ) if *value < SMALL_TRANSFER_LIMIT
            ),
            _ => false,
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        match (self, other) {
            (x, y) if x == y => true,
            (Self::Any, _) | (Self::Transfer, Self::SmallTransfer) => true,
            (_, Self::Any) => false,
            (Self::NonTransfer, other) => !matches!(other, Self::Transfer | Self::SmallTransfer),
            _ => false,
        }
    }
}
