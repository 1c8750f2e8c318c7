//! Everything about the neurons of a subnet, column by column.

use alloc::vec::Vec;

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::{
    super::{
        Active, BlockAtRegistration, Config, Consensus, Dividends, Emission, Incentive, Keys,
        LastHotkeyEmissionOnNetuid, LastUpdate, Owner, Pallet, SubnetworkN, ValidatorPermit,
        neurons::storage_index,
        types::{Alpha, MechId, NetUid, Tao},
    },
    compact,
};
use crate::AccountId;

/// The neurons of a subnet. Scores that are no longer computed are empty.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetState {
    pub netuid: Compact<NetUid>,
    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    pub active: Vec<bool>,
    pub validator_permit: Vec<bool>,
    pub pruning_score: Vec<Compact<u16>>,
    pub last_update: Vec<Compact<u64>>,
    pub emission: Vec<Compact<Alpha>>,
    pub dividends: Vec<Compact<u16>>,
    pub incentives: Vec<Compact<u16>>,
    pub consensus: Vec<Compact<u16>>,
    pub trust: Vec<Compact<u16>>,
    pub rank: Vec<Compact<u16>>,
    pub block_at_registration: Vec<Compact<u64>>,
    pub alpha_stake: Vec<Compact<Alpha>>,
    pub tao_stake: Vec<Compact<Tao>>,
    pub total_stake: Vec<Compact<Tao>>,
    pub emission_history: Vec<Vec<Compact<Alpha>>>,
}

/// The columns that the state of a subnet and its metagraph share.
pub(super) struct Columns {
    pub(super) hotkeys: Vec<AccountId>,
    pub(super) coldkeys: Vec<AccountId>,
    pub(super) active: Vec<bool>,
    pub(super) validator_permit: Vec<bool>,
    pub(super) last_update: Vec<Compact<u64>>,
    pub(super) emission: Vec<Compact<Alpha>>,
    pub(super) dividends: Vec<Compact<u16>>,
    pub(super) incentives: Vec<Compact<u16>>,
    pub(super) consensus: Vec<Compact<u16>>,
    pub(super) block_at_registration: Vec<Compact<u64>>,
    pub(super) alpha_stake: Vec<Compact<Alpha>>,
    pub(super) tao_stake: Vec<Compact<Tao>>,
    pub(super) total_stake: Vec<Compact<Tao>>,
}

impl<T: Config> Pallet<T> {
    pub(super) fn columns(netuid: NetUid, mechanism: MechId) -> Columns {
        let uids = 0..SubnetworkN::<T>::get(netuid);
        let hotkeys: Vec<AccountId> = uids.clone().map(|uid| Keys::<T>::get(netuid, uid)).collect();
        let index = storage_index(netuid, mechanism);
        let stakes: Vec<(Alpha, Tao)> = hotkeys
            .iter()
            .map(|hotkey| (Self::inherited_alpha(hotkey, netuid), Self::inherited_tao(hotkey, netuid)))
            .collect();
        Columns {
            coldkeys: hotkeys.iter().map(Owner::<T>::get).collect(),
            active: Active::<T>::get(netuid),
            validator_permit: ValidatorPermit::<T>::get(netuid),
            last_update: compact(LastUpdate::<T>::get(index)),
            emission: compact(Emission::<T>::get(netuid)),
            dividends: compact(Dividends::<T>::get(netuid)),
            incentives: compact(Incentive::<T>::get(index)),
            consensus: compact(Consensus::<T>::get(netuid)),
            block_at_registration: uids.map(|uid| Compact(BlockAtRegistration::<T>::get(netuid, uid))).collect(),
            alpha_stake: stakes.iter().map(|(alpha, _)| Compact(*alpha)).collect(),
            tao_stake: stakes.iter().map(|(_, tao)| Compact(*tao)).collect(),
            total_stake: hotkeys.iter().map(|hotkey| Compact(Self::stake_weight(hotkey, netuid))).collect(),
            hotkeys,
        }
    }

    /// The neurons of a subnet.
    pub fn subnet_state(netuid: NetUid) -> Option<SubnetState> {
        if !Self::subnet_exists(netuid) {
            return None;
        }
        let columns = Self::columns(netuid, 0);
        let history = Self::netuids_in_storage_order()
            .into_iter()
            .map(|other| {
                columns.hotkeys.iter().map(|key| Compact(LastHotkeyEmissionOnNetuid::<T>::get(key, other))).collect()
            })
            .collect();
        Some(SubnetState {
            netuid: Compact(netuid),
            hotkeys: columns.hotkeys,
            coldkeys: columns.coldkeys,
            active: columns.active,
            validator_permit: columns.validator_permit,
            pruning_score: Vec::new(),
            last_update: columns.last_update,
            emission: columns.emission,
            dividends: columns.dividends,
            incentives: columns.incentives,
            consensus: columns.consensus,
            trust: Vec::new(),
            rank: Vec::new(),
            block_at_registration: columns.block_at_registration,
            alpha_stake: columns.alpha_stake,
            tao_stake: columns.tao_stake,
            total_stake: columns.total_stake,
            emission_history: history,
        })
    }
}
