//! Which calls each kind of proxy may make, as data: proxies are held to it, and clients read it.

use alloc::vec::Vec;

use codec::{Decode, Encode};
use frame_support::traits::{GetCallIndex, GetCallMetadata, GetCallName, PalletInfoAccess};
use scale_info::TypeInfo;

use super::ProxyType;
use crate::{AdminUtils, Balances, Runtime, RuntimeCall, SubtensorModule, Sudo, UNIT};

/// Transfers of at least this many rao, of TAO or of alpha, are not small.
pub const SMALL_TRANSFER_LIMIT: u64 = UNIT / 2;

/// Calls of one pallet; all of them when none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    pallet: &'static str,
    names: &'static [&'static str],
}

/// Which calls are admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All.
    All,
    /// None.
    Nothing,
    /// These, but for some.
    Only(&'static [Calls], &'static [Calls]),
    /// All but these.
    AllBut(&'static [Calls]),
}

const fn all_of(pallet: &'static str) -> Calls {
    Calls { pallet, names: &[] }
}

const fn subtensor(names: &'static [&'static str]) -> Calls {
    Calls { pallet: "SubtensorModule", names }
}

const ADMIN: Calls = all_of("AdminUtils");
const OWNERSHIP: Calls = subtensor(&["set_subnet_identity", "update_symbol"]);
const SUDO: Calls = all_of("Sudo");
const CRITICAL: Calls = subtensor(&["dissolve_network", "root_register", "burned_register"]);
const BALANCES: Calls = all_of("Balances");
const ROOT_REGISTRATION: Calls = subtensor(&["root_register"]);
const CLAIM_TYPE: Calls = subtensor(&["set_root_claim_type"]);
const CHILD_KEYS: Calls = subtensor(&["set_children", "set_childkey_take"]);
const START: Calls = subtensor(&["start_call"]);
const ROOT_CLAIM: Calls = subtensor(&["claim_root"]);
const STAKING: Calls = subtensor(&[
    "add_stake",
    "add_stake_limit",
    "remove_stake",
    "remove_stake_limit",
    "remove_stake_full_limit",
    "unstake_all",
    "unstake_all_alpha",
    "swap_stake",
    "swap_stake_limit",
    "move_stake",
]);
const REGISTRATION: Calls = subtensor(&["burned_register", "register", "register_limit"]);
const COLDKEY_EXCHANGE: Calls = subtensor(&[
    "swap_coldkey",
    "schedule_swap_coldkey",
    "announce_coldkey_swap",
    "swap_coldkey_announced",
    "dispute_coldkey_swap",
    "reset_coldkey_swap",
    "clear_coldkey_swap_announcement",
]);
const HOTKEY_EXCHANGE: Calls = subtensor(&["swap_hotkey", "swap_hotkey_v2"]);
const STAKE_TRANSFER: Calls = subtensor(&["transfer_stake"]);
const TRANSFER: Calls =
    Calls { pallet: "Balances", names: &["transfer_keep_alive", "transfer_allow_death", "transfer_all"] };
const SMALL_TRANSFER: Calls = Calls { pallet: "Balances", names: &["transfer_keep_alive", "transfer_allow_death"] };
const SET_CODE: Calls = Calls { pallet: "Sudo", names: &["sudo_unchecked_weight"] };
const OWNER_HOTKEYS: Calls =
    Calls { pallet: "AdminUtils", names: &["sudo_set_sn_owner_hotkey", "sudo_set_subnet_owner_hotkey"] };
const LEASED_SETTINGS: Calls = Calls {
    pallet: "AdminUtils",
    names: &[
        "sudo_set_serving_rate_limit",
        "sudo_set_min_difficulty",
        "sudo_set_max_difficulty",
        "sudo_set_weights_version_key",
        "sudo_set_adjustment_alpha",
        "sudo_set_immunity_period",
        "sudo_set_min_allowed_weights",
        "sudo_set_kappa",
        "sudo_set_rho",
        "sudo_set_activity_cutoff",
        "sudo_set_network_registration_allowed",
        "sudo_set_network_pow_registration_allowed",
        "sudo_set_max_burn",
        "sudo_set_bonds_moving_average",
        "sudo_set_bonds_penalty",
        "sudo_set_commit_reveal_weights_enabled",
        "sudo_set_liquid_alpha_enabled",
        "sudo_set_alpha_values",
        "sudo_set_commit_reveal_weights_interval",
        "sudo_set_toggle_transfer",
    ],
};

/// What a kind of proxy may do.
pub const fn filter(kind: ProxyType) -> Filter {
    match kind {
        ProxyType::Any => Filter::All,
        ProxyType::Owner => Filter::Only(&[ADMIN, OWNERSHIP], &[OWNER_HOTKEYS]),
        ProxyType::NonCritical => Filter::AllBut(&[SUDO, CRITICAL, COLDKEY_EXCHANGE]),
        ProxyType::NonTransfer => Filter::AllBut(&[BALANCES, STAKE_TRANSFER, COLDKEY_EXCHANGE]),
        ProxyType::NonFungible => Filter::AllBut(&[
            BALANCES,
            STAKING,
            STAKE_TRANSFER,
            REGISTRATION,
            ROOT_REGISTRATION,
            COLDKEY_EXCHANGE,
            HOTKEY_EXCHANGE,
        ]),
        ProxyType::Staking => Filter::Only(&[STAKING, CLAIM_TYPE], &[]),
        ProxyType::Registration => Filter::Only(&[REGISTRATION], &[]),
        ProxyType::Transfer => Filter::Only(&[TRANSFER, STAKE_TRANSFER], &[]),
        ProxyType::SmallTransfer => Filter::Only(&[SMALL_TRANSFER, STAKE_TRANSFER], &[]),
        ProxyType::ChildKeys => Filter::Only(&[CHILD_KEYS], &[]),
        ProxyType::SwapHotkey => Filter::Only(&[HOTKEY_EXCHANGE], &[]),
        ProxyType::SubnetLeaseBeneficiary => Filter::Only(&[START, LEASED_SETTINGS], &[]),
        ProxyType::RootClaim => Filter::Only(&[ROOT_CLAIM], &[]),
        ProxyType::SudoUncheckedSetCode => Filter::Only(&[SET_CODE], &[]),
        ProxyType::Senate | ProxyType::Triumvirate | ProxyType::Governance | ProxyType::RootWeights => Filter::Nothing,
    }
}

impl Calls {
    fn contain(&self, pallet: &str, name: &str) -> bool {
        self.pallet == pallet && (self.names.is_empty() || self.names.contains(&name))
    }
}

/// Whether what a kind asks of its calls beside their names is so.
fn meets_condition(kind: ProxyType, call: &RuntimeCall) -> bool {
    match (kind, call) {
        (
            ProxyType::SmallTransfer,
            RuntimeCall::Balances(
                pallet_balances::Call::transfer_keep_alive { value: amount, .. }
                | pallet_balances::Call::transfer_allow_death { value: amount, .. },
            )
            | RuntimeCall::SubtensorModule(crate::subtensor::Call::transfer_stake { alpha_amount: amount, .. }),
        ) => *amount < SMALL_TRANSFER_LIMIT,
        (ProxyType::SudoUncheckedSetCode, RuntimeCall::Sudo(pallet_sudo::Call::sudo_unchecked_weight { call, .. })) => {
            matches!(**call, RuntimeCall::System(frame_system::Call::set_code { .. }))
        }
        _ => true,
    }
}

/// Whether a proxy of this kind may make the call.
pub fn admits(kind: ProxyType, call: &RuntimeCall) -> bool {
    let metadata = call.get_call_metadata();
    let among = |calls: &[Calls]| calls.iter().any(|calls| calls.contain(metadata.pallet_name, metadata.function_name));
    let admitted = match filter(kind) {
        Filter::All => true,
        Filter::Nothing => false,
        Filter::Only(calls, exceptions) => among(calls) && !among(exceptions),
        Filter::AllBut(calls) => !among(calls),
    };
    admitted && meets_condition(kind, call)
}

// === What clients read ===

/// A condition beside the name of a call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum CallCondition {
    /// An argument must be less than a limit.
    ParamLessThan {
        /// Its name.
        param_name: Vec<u8>,
        /// The limit.
        limit: u128,
    },
    /// The call inside must be this one.
    NestedCallMustBe {
        /// Its pallet.
        pallet_name: Vec<u8>,
        /// Its name.
        call_name: Vec<u8>,
    },
}

/// A call, or all calls of a pallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct CallInfo {
    /// Name of the pallet.
    pub pallet_name: Vec<u8>,
    /// Index of the pallet.
    pub pallet_index: u8,
    /// Name of the call; none for all.
    pub call_name: Option<Vec<u8>>,
    /// Index of the call; none for all.
    pub call_index: Option<u8>,
    /// What else must be so.
    pub condition: Option<CallCondition>,
}

/// How the calls of a filter are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum FilterMode {
    /// Every call is admitted.
    AllowAll,
    /// No call is admitted.
    DenyAll,
    /// The calls are admitted.
    Allow,
    /// The calls are not admitted.
    Deny,
}

/// What a kind of proxy may do.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProxyFilterInfo {
    /// Index of the kind.
    pub proxy_type: u8,
    /// Its name.
    pub name: Vec<u8>,
    /// Whether what it allowed is gone.
    pub deprecated: bool,
    /// How the calls are meant.
    pub filter_mode: FilterMode,
    /// The calls.
    pub calls: Vec<CallInfo>,
    /// Calls among them that are not admitted all the same.
    pub exceptions: Vec<CallInfo>,
}

/// A kind of proxy.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProxyTypeInfo {
    /// Its name.
    pub name: Vec<u8>,
    /// Its index.
    pub index: u8,
    /// Whether what it allowed is gone.
    pub deprecated: bool,
}

fn index(kind: ProxyType) -> u8 {
    ProxyType::ALL.into_iter().zip(0..).find(|(other, _)| *other == kind).map_or(u8::MAX, |(_, index)| index)
}

fn name(kind: ProxyType) -> Vec<u8> {
    format!("{kind:?}").into_bytes()
}

/// Index of a pallet among those that filters name, and of its call.
fn indices(pallet: &str, call: Option<&str>) -> (u8, Option<u8>) {
    fn of<P: PalletInfoAccess, C: GetCallName + GetCallIndex>(call: Option<&str>) -> (u8, Option<u8>) {
        let place = call.and_then(|call| C::get_call_names().iter().position(|name| *name == call));
        let index = place.and_then(|place| C::get_call_indices().get(place).copied());
        (u8::try_from(P::index()).unwrap_or(u8::MAX), index)
    }
    match pallet {
        "Balances" => of::<Balances, pallet_balances::Call<Runtime>>(call),
        "Sudo" => of::<Sudo, pallet_sudo::Call<Runtime>>(call),
        "AdminUtils" => of::<AdminUtils, crate::admin::Call<Runtime>>(call),
        _ => of::<SubtensorModule, crate::subtensor::Call<Runtime>>(call),
    }
}

fn condition(kind: ProxyType, call: &str) -> Option<CallCondition> {
    match (kind, call) {
        (ProxyType::SmallTransfer, "transfer_stake") => Some(CallCondition::ParamLessThan {
            param_name: b"alpha_amount".to_vec(),
            limit: SMALL_TRANSFER_LIMIT.into(),
        }),
        (ProxyType::SmallTransfer, _) => {
            Some(CallCondition::ParamLessThan { param_name: b"value".to_vec(), limit: SMALL_TRANSFER_LIMIT.into() })
        }
        (ProxyType::SudoUncheckedSetCode, _) => {
            Some(CallCondition::NestedCallMustBe { pallet_name: b"System".to_vec(), call_name: b"set_code".to_vec() })
        }
        _ => None,
    }
}

fn listed(kind: ProxyType, calls: &[Calls]) -> Vec<CallInfo> {
    let info = |pallet: &str, call: Option<&str>| {
        let (pallet_index, call_index) = indices(pallet, call);
        CallInfo {
            pallet_name: pallet.as_bytes().to_vec(),
            pallet_index,
            call_name: call.map(|call| call.as_bytes().to_vec()),
            call_index,
            condition: call.and_then(|call| condition(kind, call)),
        }
    };
    calls
        .iter()
        .flat_map(|Calls { pallet, names }| {
            let whole = names.is_empty().then(|| info(pallet, None));
            whole.into_iter().chain(names.iter().map(|name| info(pallet, Some(name)))).collect::<Vec<_>>()
        })
        .collect()
}

/// Every kind of proxy.
pub fn kinds() -> Vec<ProxyTypeInfo> {
    let info =
        |kind: ProxyType| ProxyTypeInfo { name: name(kind), index: index(kind), deprecated: kind.is_deprecated() };
    ProxyType::ALL.into_iter().map(info).collect()
}

/// What a kind of proxy may do, or each, when none is named. There is no answer about an unknown kind.
pub fn filters(wanted: Option<u8>) -> Vec<ProxyFilterInfo> {
    let info = |kind: ProxyType| {
        let (filter_mode, calls, exceptions): (_, &[Calls], &[Calls]) = match filter(kind) {
            Filter::All => (FilterMode::AllowAll, &[], &[]),
            Filter::Nothing => (FilterMode::DenyAll, &[], &[]),
            Filter::Only(calls, exceptions) => (FilterMode::Allow, calls, exceptions),
            Filter::AllBut(calls) => (FilterMode::Deny, calls, &[]),
        };
        ProxyFilterInfo {
            proxy_type: index(kind),
            name: name(kind),
            deprecated: kind.is_deprecated(),
            filter_mode,
            calls: listed(kind, calls),
            exceptions: listed(kind, exceptions),
        }
    };
    let asked = |kind: &ProxyType| wanted.is_none_or(|wanted| index(*kind) == wanted);
    ProxyType::ALL.into_iter().filter(asked).map(info).collect()
}

#[cfg(test)]
mod tests {
    use codec::Encode;

    use super::{FilterMode, ProxyType, RuntimeCall, admits, filters, kinds};

    #[test]
    fn every_call_that_a_filter_names_exists() {
        for filter in filters(None) {
            for call in filter.calls.iter().chain(&filter.exceptions) {
                assert_eq!(call.call_name.is_some(), call.call_index.is_some(), "{call:?}");
                assert!([5, 7, 12, 19].contains(&call.pallet_index), "{call:?}");
            }
        }
    }

    #[test]
    fn kinds_have_the_index_they_are_encoded_with() {
        for (kind, info) in ProxyType::ALL.into_iter().zip(kinds()) {
            assert_eq!(kind.encode(), [info.index]);
            assert_eq!(info.deprecated, filters(Some(info.index))[0].filter_mode == FilterMode::DenyAll);
        }
        assert!(filters(Some(18)).is_empty());
    }

    #[test]
    fn code_is_set_through_sudo_alone() {
        let code = RuntimeCall::System(frame_system::Call::set_code { code: vec![] });
        let remark = RuntimeCall::System(frame_system::Call::remark { remark: vec![] });
        let sudo = |call: RuntimeCall| {
            let weight = frame_support::weights::Weight::zero();
            RuntimeCall::Sudo(pallet_sudo::Call::sudo_unchecked_weight { call: Box::new(call), weight })
        };
        assert!(admits(ProxyType::SudoUncheckedSetCode, &sudo(code.clone())));
        assert!(!admits(ProxyType::SudoUncheckedSetCode, &sudo(remark)));
        assert!(!admits(ProxyType::SudoUncheckedSetCode, &code));
        assert!(!admits(ProxyType::NonCritical, &sudo(code)));
    }
}
