//! Root weights of runtimes before spec 233: validators on root weigh subnets, and emission follows.
//!
//! Only a chain whose genesis says so listens to them: spec 425 refuses such weights and goes by prices. The figures are
//! those of pallet_subtensor, spec 150: at each epoch of root, a subnet's rank (weights times stake) is multiplied by its
//! consensus, a sigmoid over the stake that gave it any weight.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    BlockEmission, Config, EmissionValues, Kappa, Keys, LegacyRoot, Pallet, Rho, SubnetworkN, Tempo, TotalHotkeyAlpha,
    Weights,
    fixed::{I32F32, U64F64},
    types::{NetUid, ROOT, Tao},
};

/// What a validator on root says.
struct Voice {
    /// Share of the stake on root.
    stake: U64F64,
    /// Weights, normalised.
    weights: Vec<(NetUid, U64F64)>,
}

impl<T: Config> Pallet<T> {
    /// Whether root weights are heard.
    pub(super) fn root_weights_count(netuid: NetUid) -> bool {
        netuid == ROOT && LegacyRoot::<T>::get()
    }

    /// Settles at each epoch of root what subnets get until the next.
    pub(super) fn steer_emission() {
        let tempo = u64::from(Tempo::<T>::get(ROOT));
        if LegacyRoot::<T>::get() && (Self::now().saturating_add(1)) % tempo.saturating_add(1) == 0 {
            let emission = BlockEmission::<T>::get();
            for (netuid, share) in Self::root_shares() {
                EmissionValues::<T>::insert(netuid, share.times(emission));
            }
        }
    }

    /// Each subnet's share of emission, as root decided last.
    pub(super) fn shares_by_root(subnets: &[NetUid]) -> Vec<U64F64> {
        let values: Vec<Tao> = subnets.iter().map(EmissionValues::<T>::get).collect();
        let total = values.iter().fold(0_u64, |sum, value| sum.saturating_add(*value));
        values.into_iter().map(|value| U64F64::ratio(value, total)).collect()
    }

    fn root_voices() -> Vec<Voice> {
        let seats = SubnetworkN::<T>::get(ROOT);
        let stakes: Vec<u64> =
            (0..seats).map(|uid| TotalHotkeyAlpha::<T>::get(Keys::<T>::get(ROOT, uid), ROOT)).collect();
        let total = stakes.iter().fold(0_u64, |sum, stake| sum.saturating_add(*stake));
        (0..seats)
            .zip(stakes)
            .map(|(uid, stake)| {
                let row = Weights::<T>::get(ROOT, uid);
                let sum: u64 = row.iter().map(|(_, weight)| u64::from(*weight)).sum();
                let weights = row
                    .into_iter()
                    .filter(|(_, weight)| *weight > 0)
                    .map(|(netuid, weight)| (netuid, U64F64::ratio(weight.into(), sum)))
                    .collect();
                Voice { stake: U64F64::ratio(stake, total), weights }
            })
            .collect()
    }

    fn root_shares() -> BTreeMap<NetUid, U64F64> {
        let kappa = I32F32::proportion(Kappa::<T>::get(ROOT));
        let rho = I32F32::raw(Rho::<T>::get(ROOT));
        let mut ranks: BTreeMap<NetUid, (U64F64, U64F64)> =
            Self::netuids_in_storage_order().into_iter().map(|netuid| (netuid, Default::default())).collect();
        for voice in Self::root_voices() {
            for (netuid, weight) in voice.weights {
                if let Some((rank, trust)) = ranks.get_mut(&netuid) {
                    *rank = rank.plus(weight.by(voice.stake));
                    *trust = trust.plus(voice.stake);
                }
            }
        }
        let mut shares: BTreeMap<NetUid, U64F64> =
            ranks.into_iter().map(|(netuid, (rank, trust))| (netuid, rank.by(consensus(trust, kappa, rho)))).collect();
        let total = shares.values().fold(U64F64::default(), |sum, share| sum.plus(*share));
        for share in shares.values_mut() {
            *share = share.over(total);
        }
        shares
    }
}

/// 1 / (1 + e^(−rho · (trust − kappa))).
fn consensus(trust: U64F64, kappa: I32F32, rho: I32F32) -> U64F64 {
    let trust = I32F32::from_bits(i64::try_from(trust.narrowed().to_bits()).unwrap_or(i64::MAX));
    let power = I32F32::ZERO.minus(trust.minus(kappa).by(rho));
    let value = I32F32::ONE.over(I32F32::ONE.plus(power.exponential()));
    U64F64::from_bits(u128::try_from(value.to_bits()).unwrap_or(0) << 32)
}

#[cfg(test)]
mod tests {
    use super::{I32F32, U64F64, consensus};

    const WHOLE: u64 = 65_535;

    #[test]
    fn consensus_is_half_at_kappa_and_close_to_one_with_all_stake() {
        let (kappa, rho) = (I32F32::HALF, I32F32::raw(10));
        let at = |part: u64| consensus(U64F64::ratio(part, WHOLE), kappa, rho).times(1_000_000);
        assert_eq!(consensus(U64F64::ratio(1, 2), kappa, rho).times(1_000_000), 500_000);
        // 1 / (1 + e^-5) and 1 / (1 + e^5).
        assert!((993_306..=993_308).contains(&at(WHOLE)), "{}", at(WHOLE));
        assert!((6_691..=6_694).contains(&at(0)), "{}", at(0));
    }
}
