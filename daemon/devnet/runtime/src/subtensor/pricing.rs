//! Prices of registration: how the burn of a subnet decays and jumps, and what a new subnet costs.
//!
//! Pure functions of numbers first; below them, what reads and writes state.

use sp_core::U256;

use super::{
    Burn, BurnHalfLife, BurnIncreaseMult, Config, LastRateLimitedBlock, MaxBurn, MinBurn, NetworkLastLockCost,
    NetworkLockReductionInterval, NetworkMinLockCost, Pallet, TotalIssuance,
    fixed::U64F64,
    types::{NetUid, RateLimitKey, Tao},
};
use crate::UNIT;

/// One in 32-bit fixed point.
const ONE: u64 = 1 << 32;
/// A half in 32-bit fixed point.
const HALF: u64 = 1 << 31;

fn product(a: u64, b: u64) -> u64 {
    u64::try_from((u128::from(a) * u128::from(b)) >> 32).unwrap_or(u64::MAX)
}

fn power(mut base: u64, mut exponent: u16) -> u64 {
    let mut result = ONE;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = product(result, base);
        }
        base = product(base, base);
        exponent >>= 1;
    }
    result
}

/// The greatest factor, in 32-bit fixed point, whose `half_life`-th power is at most a half; one for no half-life.
pub(super) fn decay_factor(half_life: u16) -> u64 {
    if half_life == 0 {
        return ONE;
    }
    let (mut low, mut high) = (0, ONE);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if power(middle, half_life) <= HALF {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The price a block later.
pub(super) fn decayed(price: Tao, half_life: u16) -> Tao {
    product(price, decay_factor(half_life))
}

/// What creating a subnet costs, in rao.
///
/// `last` was paid at block `last_block`, where 0 means that nobody paid yet; the price doubles with each purchase and
/// falls to nothing over two `interval`s of blocks, but never below `least`.
pub(super) fn lock_cost(last: Tao, last_block: u64, now: u64, interval: u64, least: Tao) -> Tao {
    let start = if last_block == 0 { last } else { last.saturating_mul(2) };
    let per_block = last.checked_div(interval).unwrap_or(0);
    start.saturating_sub(per_block.saturating_mul(now.saturating_sub(last_block))).max(least)
}

impl<T: Config> Pallet<T> {
    fn set_burn(netuid: NetUid, price: Tao) {
        // As on the real chain, the greatest price wins over the least.
        Burn::<T>::insert(netuid, price.max(MinBurn::<T>::get(netuid)).min(MaxBurn::<T>::get(netuid)));
    }

    /// Lets the price of registration on `netuid` fall by one block.
    pub(super) fn decay_burn(netuid: NetUid) {
        Self::set_burn(netuid, decayed(Burn::<T>::get(netuid), BurnHalfLife::<T>::get(netuid)));
    }

    /// Raises the price of registration on `netuid` after one.
    pub(super) fn raise_burn(netuid: NetUid) {
        let multiplier = BurnIncreaseMult::<T>::get(netuid).max(U64F64::ONE);
        Self::set_burn(netuid, multiplier.times(Burn::<T>::get(netuid)));
    }

    /// What creating a subnet costs now, in rao.
    pub fn network_lock_cost() -> Tao {
        // What blocks issue is reckoned anew: the figure that is kept may be that of some alpha.
        let emission = Self::evaluate_emission(TotalIssuance::<T>::get());
        let interval = U256::from(NetworkLockReductionInterval::<T>::get()) * U256::from(emission) / U256::from(UNIT);
        lock_cost(
            NetworkLastLockCost::<T>::get(),
            LastRateLimitedBlock::<T>::get(RateLimitKey::NetworkLastRegistered),
            Self::now(),
            u64::try_from(interval).unwrap_or(u64::MAX),
            NetworkMinLockCost::<T>::get(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{ONE, decay_factor, decayed, lock_cost};

    #[test]
    fn decay_is_the_recorded_one() {
        assert_eq!(decay_factor(360), 4_286_705_684);
        let mut price = 100_000_000;
        let recorded = [(2, 99_807_644), (4, 99_424_041), (6, 99_041_913), (14, 97_528_028)];
        for block in 2..=14 {
            price = decayed(price, 360);
            if let Some((_, expected)) = recorded.iter().find(|(at, _)| *at == block) {
                assert_eq!(price, *expected, "block {block}");
            }
        }
    }

    #[test]
    fn decay_has_edges() {
        assert_eq!(decay_factor(0), ONE, "no half-life, no decay");
        assert_eq!(decayed(100, 1), 50);
        assert_eq!(decayed(0, 360), 0);
        assert_eq!(decayed(u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn lock_cost_doubles_and_falls_as_recorded() {
        let cost = |last, at, now| lock_cost(last, at, now, 100_800, 1_000_000_000_000);
        assert_eq!(cost(1_000_000_000_000, 0, 2), 1_000_000_000_000);
        assert_eq!(cost(1_000_000_000_000, 3, 3), 2_000_000_000_000);
        assert_eq!(cost(1_000_000_000_000, 3, 17), 1_999_861_111_124);
        assert_eq!(cost(1_000_000_000_000, 3, 58), 1_999_454_365_130);
        assert_eq!(cost(1_998_521_825_534, 152, 157), 3_996_944_518_043);
        assert_eq!(cost(1_000_000_000_000, 3, 1_000_000), 1_000_000_000_000, "never below the least");
        assert_eq!(lock_cost(5, 1, 2, 0, 1), 10, "no interval, no decay");
    }
}
