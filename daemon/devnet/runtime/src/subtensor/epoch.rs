//! What happens when the epoch of a subnet ends: consensus over each mechanism, and what it leaves in state.
//!
//! [`super::yuma`] holds the arithmetic and [`super::dividends`] pays out.

use alloc::{vec, vec::Vec};

use sp_core::U256;

use super::{
    Active, AlphaSigmoidSteepness, AlphaValues, BlockAtRegistration, Bonds, BondsMovingAverage, BondsPenalty,
    CommitRevealWeightsEnabled, Config, Consensus, Dividends, Emission, Event, Incentive, Kappa, Keys,
    LastMechansimStepBlock, LastUpdate, LiquidAlphaOn, MaxAllowedValidators, MechanismCountCurrent,
    MechanismEmissionSplit, Pallet, StakeThreshold, StakeWeight, SubnetOwnerHotkey, SubnetworkN, Tempo,
    TimelockedWeightCommits, Uids, ValidatorPermit, ValidatorTrust, WeightCommits, Weights, Yuma3On,
    fixed::{I32F32, U64F64},
    matrix::{self, Row},
    neurons::storage_index,
    types::{Alpha, MechId, NetUid, NetUidStorageIndex},
    yuma::{self, Ballot, Bonding, Verdict},
};

/// What a neuron gets out of an epoch, in rao of alpha.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Earnings {
    pub(super) server: Alpha,
    pub(super) validator: Alpha,
}

/// What the mechanisms of a subnet together leave for each neuron.
#[derive(Clone, Copy, Debug, Default)]
struct Terms {
    earnings: Earnings,
    emission: Alpha,
    stake_weight: u16,
    consensus: u16,
    dividends: u16,
    trust: u16,
    active: bool,
    permit: bool,
}

fn share(part: I32F32, whole: Alpha) -> Alpha {
    let product = u128::from(whole) * u128::try_from(part.to_bits()).unwrap_or(0);
    Alpha::try_from(product >> 32).unwrap_or(Alpha::MAX)
}

/// How much a mechanism that pays `paid` of `total` counts; where nothing is paid, the first counts alone.
fn importance(mechanism: MechId, paid: Alpha, total: Alpha) -> U64F64 {
    if total == 0 {
        return U64F64::from_integer(u64::from(mechanism == 0));
    }
    U64F64::ratio(paid, total)
}

/// `sum` and as much of `value` as its mechanism counts.
fn weighted(sum: u64, value: u64, importance: U64F64) -> u64 {
    U64F64::from_integer(sum).plus(U64F64::from_integer(value).by(importance)).whole()
}

/// The same of parts of 65,535.
fn weighted_part(sum: u16, value: u16, importance: U64F64) -> u16 {
    u16::try_from(weighted(sum.into(), value.into(), importance)).unwrap_or(u16::MAX)
}

impl<T: Config> Pallet<T> {
    /// Runs consensus of every mechanism over `emission` and tells what each uid earned.
    pub(super) fn run_consensus(netuid: NetUid, emission: Alpha) -> Vec<Earnings> {
        let mut terms = vec![Terms::default(); usize::from(SubnetworkN::<T>::get(netuid))];
        for (mechanism, paid) in (0..).zip(Self::split_emission(netuid, emission)) {
            Self::run_mechanism(netuid, mechanism, paid, importance(mechanism, paid, emission), &mut terms);
        }
        StakeWeight::<T>::insert(netuid, terms.iter().map(|term| term.stake_weight).collect::<Vec<_>>());
        Active::<T>::insert(netuid, terms.iter().map(|term| term.active).collect::<Vec<_>>());
        Emission::<T>::insert(netuid, terms.iter().map(|term| term.emission).collect::<Vec<_>>());
        Consensus::<T>::insert(netuid, terms.iter().map(|term| term.consensus).collect::<Vec<_>>());
        Dividends::<T>::insert(netuid, terms.iter().map(|term| term.dividends).collect::<Vec<_>>());
        ValidatorTrust::<T>::insert(netuid, terms.iter().map(|term| term.trust).collect::<Vec<_>>());
        ValidatorPermit::<T>::insert(netuid, terms.iter().map(|term| term.permit).collect::<Vec<_>>());
        terms.into_iter().map(|term| term.earnings).collect()
    }

    /// What each mechanism distributes: by the split that was set, evenly otherwise; the first takes what is left over.
    fn split_emission(netuid: NetUid, emission: Alpha) -> Vec<Alpha> {
        let count = usize::from(MechanismCountCurrent::<T>::get(netuid)).max(1);
        let even = emission / u64::try_from(count).unwrap_or(1);
        let mut parts: Vec<Alpha> = match MechanismEmissionSplit::<T>::get(netuid) {
            None => vec![even; count],
            Some(split) => (0..count)
                .map(|mechanism| {
                    let part = u128::from(emission) * u128::from(split.get(mechanism).copied().unwrap_or(0));
                    Alpha::try_from(part / u128::from(u16::MAX)).unwrap_or(Alpha::MAX)
                })
                .collect(),
        };
        let assigned = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
        if let Some(first) = parts.first_mut() {
            *first = first.saturating_add(emission.saturating_sub(assigned));
        }
        parts
    }

    fn run_mechanism(netuid: NetUid, mechanism: MechId, paid: Alpha, importance: U64F64, terms: &mut [Terms]) {
        let index = storage_index(netuid, mechanism);
        let ballot = Self::ballot(netuid, index, terms.len());
        let verdict = yuma::consensus(&ballot);
        let permits = Self::next_permits(netuid, &ballot.stake);
        Self::store_bonds(index, &permits, &verdict);
        let proportions = |values: &[I32F32]| values.iter().map(|value| value.to_proportion()).collect::<Vec<u16>>();
        Incentive::<T>::insert(index, proportions(&verdict.incentive));
        let servers: Vec<Alpha> = verdict.server.iter().map(|part| share(*part, paid)).collect();
        for (uid, term) in terms.iter_mut().enumerate() {
            term.earnings.server = term.earnings.server.saturating_add(servers[uid]);
            term.earnings.validator = term.earnings.validator.saturating_add(share(verdict.validator[uid], paid));
            term.emission = weighted(term.emission, share(verdict.combined[uid], paid), importance);
            let add = |sum: &mut u16, value: I32F32| *sum = weighted_part(*sum, value.to_proportion(), importance);
            add(&mut term.stake_weight, ballot.stake[uid]);
            add(&mut term.consensus, verdict.consensus[uid]);
            add(&mut term.dividends, verdict.dividends[uid]);
            add(&mut term.trust, verdict.trust[uid]);
            term.active |= ballot.active[uid];
            term.permit |= permits[uid];
        }
        Self::deposit_event(Event::IncentiveAlphaEmittedToMiners { netuid: index, emissions: servers });
    }

    fn owner_uid(netuid: NetUid) -> Option<usize> {
        Uids::<T>::get(netuid, SubnetOwnerHotkey::<T>::get(netuid)).map(usize::from)
    }

    fn ballot(netuid: NetUid, index: NetUidStorageIndex, neurons: usize) -> Ballot {
        let now = Self::now();
        let cutoff = Self::activity_cutoff(netuid);
        let updated = padded(LastUpdate::<T>::get(index), neurons);
        let mut permits = padded(ValidatorPermit::<T>::get(netuid), neurons);
        let owner = Self::owner_uid(netuid);
        if let Some(permit) = owner.and_then(|owner| permits.get_mut(owner)) {
            *permit = true;
        }
        let registered: Vec<u64> = uids(neurons).map(|uid| BlockAtRegistration::<T>::get(netuid, uid)).collect();
        Ballot {
            stake: Self::consensus_stake(netuid, neurons, owner),
            active: updated.iter().map(|block| block.saturating_add(cutoff) >= now).collect(),
            weights: Self::counted_weights(netuid, index, &permits, &updated, &registered),
            bonds: Self::counted_bonds(netuid, index, &registered),
            permits,
            kappa: I32F32::proportion(Kappa::<T>::get(netuid)),
            penalty: I32F32::proportion(BondsPenalty::<T>::get(netuid)),
            bonding: Self::bonding(netuid),
        }
    }

    /// Stake that counts, those below the threshold left out, scaled to sum to one.
    fn consensus_stake(netuid: NetUid, neurons: usize, owner: Option<usize>) -> Vec<I32F32> {
        let least = StakeThreshold::<T>::get();
        let stakes: Vec<U256> = uids(neurons)
            .map(|uid| {
                let stake = Self::exact_stake_weight(&Keys::<T>::get(netuid, uid), netuid);
                let counts = stake >> 64 >= U256::from(least) || owner == Some(usize::from(uid));
                if counts { stake } else { U256::zero() }
            })
            .collect();
        let total = stakes.iter().fold(U256::zero(), |sum, stake| sum + *stake);
        stakes
            .into_iter()
            .map(|stake| {
                let part = (stake << 64).checked_div(total).unwrap_or_default() >> 32;
                I32F32::from_bits(i64::try_from(part.low_u64()).unwrap_or(i64::MAX))
            })
            .collect()
    }

    fn counted_weights(
        netuid: NetUid,
        index: NetUidStorageIndex,
        permits: &[bool],
        updated: &[u64],
        registered: &[u64],
    ) -> Vec<Row> {
        let owner = Self::owner_uid(netuid);
        let hidden = CommitRevealWeightsEnabled::<T>::get(netuid);
        uids(permits.len())
            .map(|uid| {
                let validator = usize::from(uid);
                if !permits[validator] {
                    return Row::new();
                }
                let committed = if hidden { Self::earliest_commit(netuid, index, uid) } else { u64::MAX };
                let mut row: Row = Weights::<T>::get(index, uid)
                    .into_iter()
                    .filter(|(target, _)| {
                        let to_itself = usize::from(*target) == validator && owner != Some(validator);
                        let since = registered.get(usize::from(*target)).copied().unwrap_or(u64::MAX);
                        !to_itself && updated[validator] > since && committed >= since
                    })
                    .map(|(target, weight)| (target, I32F32::raw(weight)))
                    .collect();
                row.sort_by_key(|(target, _)| *target);
                row
            })
            .collect()
    }

    /// The block of the validator's first commit that can still be revealed; the end of time when there is none.
    fn earliest_commit(netuid: NetUid, index: NetUidStorageIndex, uid: u16) -> u64 {
        let hotkey = Keys::<T>::get(netuid, uid);
        let hashed = WeightCommits::<T>::get(index, &hotkey)
            .into_iter()
            .flatten()
            .filter(|(_, epoch, _, _)| !Self::commit_expired(netuid, *epoch))
            .map(|(_, _, block, _)| block);
        let timelocked = TimelockedWeightCommits::<T>::iter_prefix(index)
            .filter(|(epoch, _)| !Self::commit_expired(netuid, *epoch))
            .flat_map(|(_, commits)| commits)
            .filter(|(who, ..)| *who == hotkey)
            .map(|(_, block, ..)| block);
        hashed.chain(timelocked).min().unwrap_or(u64::MAX)
    }

    fn counted_bonds(netuid: NetUid, index: NetUidStorageIndex, registered: &[u64]) -> Vec<Row> {
        let last = match LastMechansimStepBlock::<T>::get(netuid) {
            0 => Self::now().saturating_sub(u64::from(Tempo::<T>::get(netuid))),
            block => block.saturating_add(1),
        };
        let as_parts = Yuma3On::<T>::get(netuid);
        uids(registered.len())
            .map(|uid| {
                let mut row: Row = Bonds::<T>::get(index, uid)
                    .into_iter()
                    .filter(|(target, _)| registered.get(usize::from(*target)).is_some_and(|block| last > *block))
                    .map(|(target, bond)| (target, if as_parts { I32F32::proportion(bond) } else { I32F32::raw(bond) }))
                    .collect();
                row.sort_by_key(|(target, _)| *target);
                row
            })
            .collect()
    }

    fn bonding(netuid: NetUid) -> Bonding {
        let kept = (u128::from(BondsMovingAverage::<T>::get(netuid)) << 32) / 1_000_000;
        let alpha = I32F32::ONE.minus(I32F32::from_bits(i64::try_from(kept).unwrap_or(i64::MAX)));
        if !Yuma3On::<T>::get(netuid) {
            return Bonding::Shares { alpha };
        }
        if !LiquidAlphaOn::<T>::get(netuid) {
            return Bonding::Cells { alpha };
        }
        let (low, high) = AlphaValues::<T>::get(netuid);
        Bonding::Liquid {
            low: I32F32::proportion(low),
            high: I32F32::proportion(high),
            slope: I32F32::from_integer(AlphaSigmoidSteepness::<T>::get(netuid)).over(I32F32::from_integer(-100)),
            alpha,
        }
    }

    fn next_permits(netuid: NetUid, stake: &[I32F32]) -> Vec<bool> {
        let mut permits = matrix::greatest_nonzero(stake, usize::from(MaxAllowedValidators::<T>::get(netuid)));
        if let Some(permit) = Self::owner_uid(netuid).and_then(|owner| permits.get_mut(owner)) {
            *permit = true;
        }
        permits
    }

    /// Stores the bonds of those with a permit, and none for everybody else.
    fn store_bonds(index: NetUidStorageIndex, permits: &[bool], verdict: &Verdict) {
        for uid in uids(permits.len()) {
            let validator = usize::from(uid);
            let kept = permits[validator].then(|| &verdict.bonds[validator]);
            let row = kept.into_iter().flatten().map(|(target, bond)| (*target, bond.to_proportion()));
            Bonds::<T>::insert(index, uid, row.collect::<Vec<(u16, u16)>>());
        }
    }
}

/// Every uid of a subnet of this size.
fn uids(neurons: usize) -> impl Iterator<Item = u16> {
    (0..=u16::MAX).take(neurons)
}

fn padded<V: Clone + Default>(mut values: Vec<V>, length: usize) -> Vec<V> {
    values.resize(length, V::default());
    values
}

#[cfg(test)]
mod tests {
    use super::{I32F32, importance, share, weighted, weighted_part};

    #[test]
    fn shares_round_down() {
        assert_eq!(share(I32F32::HALF, 5), 2);
        assert_eq!(share(I32F32::ONE, u64::MAX), u64::MAX);
        assert_eq!(share(I32F32::from_integer(-1), 9), 0);
    }

    #[test]
    fn mechanisms_weigh_by_what_they_pay() {
        assert_eq!(weighted(0, 100, importance(0, 5, 5)), 100);
        assert_eq!(weighted(10, 100, importance(1, 1, 4)), 35);
        // A third has no exact form, so three of them are less than one.
        assert_eq!(weighted(0, 3, importance(1, 1, 3)), 0);
        assert_eq!(weighted(0, 100, importance(0, 0, 0)), 100, "the first mechanism counts fully when nothing is paid");
        assert_eq!(weighted(7, 100, importance(1, 0, 0)), 7);
        assert_eq!(weighted_part(u16::MAX, 9, importance(0, 1, 1)), u16::MAX);
    }
}
