//! The metagraph in chosen parts: the same answer, with what was not asked for left out.

use alloc::vec::Vec;

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::super::{
    Config, Pallet, StakeThreshold,
    fixed::I96F32,
    types::{Alpha, AxonInfo, ChainIdentityV2, MechId, NetUid, SubnetIdentityV3, Tao},
};
use crate::AccountId;

/// Number of the part that holds the uids of validators.
const VALIDATORS: u16 = 72;
/// Number of the part that holds commitments.
const COMMITMENTS: u16 = 73;

/// The parts of a metagraph that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SelectiveMetagraph {
    pub netuid: Compact<NetUid>,
    pub name: Option<Vec<Compact<u8>>>,
    pub symbol: Option<Vec<Compact<u8>>>,
    pub identity: Option<Option<SubnetIdentityV3>>,
    pub network_registered_at: Option<Compact<u64>>,
    pub owner_hotkey: Option<AccountId>,
    pub owner_coldkey: Option<AccountId>,
    pub block: Option<Compact<u64>>,
    pub tempo: Option<Compact<u16>>,
    pub last_step: Option<Compact<u64>>,
    pub blocks_since_last_step: Option<Compact<u64>>,
    pub subnet_emission: Option<Compact<u64>>,
    pub alpha_in: Option<Compact<Alpha>>,
    pub alpha_out: Option<Compact<Alpha>>,
    pub tao_in: Option<Compact<Tao>>,
    pub alpha_out_emission: Option<Compact<Alpha>>,
    pub alpha_in_emission: Option<Compact<Alpha>>,
    pub tao_in_emission: Option<Compact<Tao>>,
    pub pending_alpha_emission: Option<Compact<Alpha>>,
    pub pending_root_emission: Option<Compact<Tao>>,
    pub subnet_volume: Option<Compact<u128>>,
    pub moving_price: Option<I96F32>,
    pub rho: Option<Compact<u16>>,
    pub kappa: Option<Compact<u16>>,
    pub min_allowed_weights: Option<Compact<u16>>,
    pub max_weights_limit: Option<Compact<u16>>,
    pub weights_version: Option<Compact<u64>>,
    pub weights_rate_limit: Option<Compact<u64>>,
    pub activity_cutoff: Option<Compact<u64>>,
    pub max_validators: Option<Compact<u16>>,
    pub num_uids: Option<Compact<u16>>,
    pub max_uids: Option<Compact<u16>>,
    pub burn: Option<Compact<Tao>>,
    pub difficulty: Option<Compact<u64>>,
    pub registration_allowed: Option<bool>,
    pub pow_registration_allowed: Option<bool>,
    pub immunity_period: Option<Compact<u16>>,
    pub min_difficulty: Option<Compact<u64>>,
    pub max_difficulty: Option<Compact<u64>>,
    pub min_burn: Option<Compact<Tao>>,
    pub max_burn: Option<Compact<Tao>>,
    pub adjustment_alpha: Option<Compact<u64>>,
    pub adjustment_interval: Option<Compact<u16>>,
    pub target_regs_per_interval: Option<Compact<u16>>,
    pub max_regs_per_block: Option<Compact<u16>>,
    pub serving_rate_limit: Option<Compact<u64>>,
    pub commit_reveal_weights_enabled: Option<bool>,
    pub commit_reveal_period: Option<Compact<u64>>,
    pub liquid_alpha_enabled: Option<bool>,
    pub alpha_high: Option<Compact<u16>>,
    pub alpha_low: Option<Compact<u16>>,
    pub bonds_moving_avg: Option<Compact<u64>>,
    pub hotkeys: Option<Vec<AccountId>>,
    pub coldkeys: Option<Vec<AccountId>>,
    pub identities: Option<Vec<Option<ChainIdentityV2>>>,
    pub axons: Option<Vec<AxonInfo>>,
    pub active: Option<Vec<bool>>,
    pub validator_permit: Option<Vec<bool>>,
    pub pruning_score: Option<Vec<Compact<u16>>>,
    pub last_update: Option<Vec<Compact<u64>>>,
    pub emission: Option<Vec<Compact<Alpha>>>,
    pub dividends: Option<Vec<Compact<u16>>>,
    pub incentives: Option<Vec<Compact<u16>>>,
    pub consensus: Option<Vec<Compact<u16>>>,
    pub trust: Option<Vec<Compact<u16>>>,
    pub rank: Option<Vec<Compact<u16>>>,
    pub block_at_registration: Option<Vec<Compact<u64>>>,
    pub alpha_stake: Option<Vec<Compact<Alpha>>>,
    pub tao_stake: Option<Vec<Compact<Tao>>>,
    pub total_stake: Option<Vec<Compact<Tao>>>,
    pub tao_dividends_per_hotkey: Option<Vec<(AccountId, Compact<Tao>)>>,
    pub alpha_dividends_per_hotkey: Option<Vec<(AccountId, Compact<Alpha>)>>,
    pub validators: Option<Vec<Compact<u16>>>,
    pub commitments: Option<Vec<(AccountId, Vec<Compact<u8>>)>>,
}

impl<T: Config> Pallet<T> {
    /// The parts of a subnet's metagraph with these numbers, which count its fields from 0. Unknown numbers are ignored.
    pub fn selective_metagraph(netuid: NetUid, parts: &[u16]) -> Option<SelectiveMetagraph> {
        Self::chosen_parts(netuid, 0, parts)
    }

    /// The parts of one mechanism's metagraph. Unlike the whole one it bears the subnet's own number, whether that was
    /// asked for or not, and is told of mechanisms that the subnet has not got, which have nothing of their own.
    pub fn selective_mechagraph(netuid: NetUid, mechanism: MechId, parts: &[u16]) -> Option<SelectiveMetagraph> {
        let chosen = Self::chosen_parts(netuid, mechanism, parts)?;
        Some(SelectiveMetagraph { netuid: Compact(netuid), ..chosen })
    }

    fn chosen_parts(netuid: NetUid, mechanism: MechId, parts: &[u16]) -> Option<SelectiveMetagraph> {
        let whole = Self::mechanism_metagraph(netuid, mechanism)?;
        let asked = |part: u16| parts.contains(&part);
        let validators = asked(VALIDATORS).then(|| validators(&whole, StakeThreshold::<T>::get()));
        let commitments = asked(COMMITMENTS).then(|| {
            let published = crate::Commitments::published_on(netuid);
            published.into_iter().map(|(who, bytes)| (who, bytes.into_iter().map(Compact).collect())).collect()
        });
        Some(SelectiveMetagraph {
            netuid: if asked(0) { whole.netuid } else { Compact(0) },
            name: asked(1).then_some(whole.name),
            symbol: asked(2).then_some(whole.symbol),
            identity: asked(3).then_some(whole.identity),
            network_registered_at: asked(4).then_some(whole.network_registered_at),
            owner_hotkey: asked(5).then_some(whole.owner_hotkey),
            owner_coldkey: asked(6).then_some(whole.owner_coldkey),
            block: asked(7).then_some(whole.block),
            tempo: asked(8).then_some(whole.tempo),
            last_step: asked(9).then_some(whole.last_step),
            blocks_since_last_step: asked(10).then_some(whole.blocks_since_last_step),
            subnet_emission: asked(11).then_some(whole.subnet_emission),
            alpha_in: asked(12).then_some(whole.alpha_in),
            alpha_out: asked(13).then_some(whole.alpha_out),
            tao_in: asked(14).then_some(whole.tao_in),
            alpha_out_emission: asked(15).then_some(whole.alpha_out_emission),
            alpha_in_emission: asked(16).then_some(whole.alpha_in_emission),
            tao_in_emission: asked(17).then_some(whole.tao_in_emission),
            pending_alpha_emission: asked(18).then_some(whole.pending_alpha_emission),
            pending_root_emission: asked(19).then_some(whole.pending_root_emission),
            subnet_volume: asked(20).then_some(whole.subnet_volume),
            moving_price: asked(21).then_some(whole.moving_price),
            rho: asked(22).then_some(whole.rho),
            kappa: asked(23).then_some(whole.kappa),
            min_allowed_weights: asked(24).then_some(whole.min_allowed_weights),
            max_weights_limit: asked(25).then_some(whole.max_weights_limit),
            weights_version: asked(26).then_some(whole.weights_version),
            weights_rate_limit: asked(27).then_some(whole.weights_rate_limit),
            activity_cutoff: asked(28).then_some(whole.activity_cutoff),
            max_validators: asked(29).then_some(whole.max_validators),
            num_uids: asked(30).then_some(whole.num_uids),
            max_uids: asked(31).then_some(whole.max_uids),
            burn: asked(32).then_some(whole.burn),
            difficulty: asked(33).then_some(whole.difficulty),
            registration_allowed: asked(34).then_some(whole.registration_allowed),
            pow_registration_allowed: asked(35).then_some(whole.pow_registration_allowed),
            immunity_period: asked(36).then_some(whole.immunity_period),
            min_difficulty: asked(37).then_some(whole.min_difficulty),
            max_difficulty: asked(38).then_some(whole.max_difficulty),
            min_burn: asked(39).then_some(whole.min_burn),
            max_burn: asked(40).then_some(whole.max_burn),
            adjustment_alpha: asked(41).then_some(whole.adjustment_alpha),
            adjustment_interval: asked(42).then_some(whole.adjustment_interval),
            target_regs_per_interval: asked(43).then_some(whole.target_regs_per_interval),
            max_regs_per_block: asked(44).then_some(whole.max_regs_per_block),
            serving_rate_limit: asked(45).then_some(whole.serving_rate_limit),
            commit_reveal_weights_enabled: asked(46).then_some(whole.commit_reveal_weights_enabled),
            commit_reveal_period: asked(47).then_some(whole.commit_reveal_period),
            liquid_alpha_enabled: asked(48).then_some(whole.liquid_alpha_enabled),
            alpha_high: asked(49).then_some(whole.alpha_high),
            alpha_low: asked(50).then_some(whole.alpha_low),
            bonds_moving_avg: asked(51).then_some(whole.bonds_moving_avg),
            hotkeys: asked(52).then_some(whole.hotkeys),
            coldkeys: asked(53).then_some(whole.coldkeys),
            identities: asked(54).then_some(whole.identities),
            axons: asked(55).then_some(whole.axons),
            active: asked(56).then_some(whole.active),
            validator_permit: asked(57).then_some(whole.validator_permit),
            pruning_score: asked(58).then_some(whole.pruning_score),
            last_update: asked(59).then_some(whole.last_update),
            emission: asked(60).then_some(whole.emission),
            dividends: asked(61).then_some(whole.dividends),
            incentives: asked(62).then_some(whole.incentives),
            consensus: asked(63).then_some(whole.consensus),
            trust: asked(64).then_some(whole.trust),
            rank: asked(65).then_some(whole.rank),
            block_at_registration: asked(66).then_some(whole.block_at_registration),
            alpha_stake: asked(67).then_some(whole.alpha_stake),
            tao_stake: asked(68).then_some(whole.tao_stake),
            total_stake: asked(69).then_some(whole.total_stake),
            tao_dividends_per_hotkey: asked(70).then_some(whole.tao_dividends_per_hotkey),
            alpha_dividends_per_hotkey: asked(71).then_some(whole.alpha_dividends_per_hotkey),
            validators,
            commitments,
        })
    }
}

/// Uids that may validate and count for more than `threshold`, the least first.
fn validators(whole: &super::Metagraph, threshold: u64) -> Vec<Compact<u16>> {
    let mut validators: Vec<(u64, u16)> = (0_u16..)
        .zip(whole.total_stake.iter().zip(&whole.validator_permit))
        .filter(|(_, (stake, permit))| **permit && stake.0 > threshold)
        .map(|(uid, (stake, _))| (stake.0, uid))
        .collect();
    validators.sort_unstable();
    validators.into_iter().map(|(_, uid)| Compact(uid)).collect()
}
