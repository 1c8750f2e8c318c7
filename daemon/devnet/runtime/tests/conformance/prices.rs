//! Pools whose price has come to an end of its range.

use btd_devnet_runtime::{
    Runtime, SubtensorModule, UNIT,
    subtensor::{self as s, Call, info::SimSwapResult},
};

use crate::{OK, SUBNET, expect, key, on_a_subnet};

fn pool(tao: u64, alpha: u64) {
    s::SubnetTAO::<Runtime>::insert(SUBNET, tao);
    s::SubnetAlphaIn::<Runtime>::insert(SUBNET, alpha);
}

/// Staking looks at the pool beforehand, and has one name for all that is amiss there.
#[test]
fn nobody_buys_at_a_million_tao() {
    on_a_subnet(|| {
        let register = || Call::burned_register { netuid: SUBNET, hotkey: key("hotkey") };
        let stake = Call::add_stake { hotkey: key("owner"), netuid: SUBNET, amount_staked: UNIT };
        let nothing = SimSwapResult::default();
        pool(1_000 * UNIT, 1_000_000);
        expect("Bob", register(), "PriceLimitExceeded");
        expect("Bob", stake, "InsufficientLiquidity");
        assert_eq!(SubtensorModule::simulate_buy(SUBNET, UNIT), nothing);
        // Too little alpha is told of first.
        pool(1_000 * UNIT, 999_999);
        expect("Bob", register(), "ReservesTooLow");
        pool(1_000 * UNIT - 1, 1_000_000);
        assert_ne!(SubtensorModule::simulate_buy(SUBNET, UNIT), nothing);
        expect("Bob", register(), OK);
    });
}

#[test]
fn nobody_sells_at_a_millionth_of_a_tao() {
    on_a_subnet(|| {
        let (hotkey, netuid) = (key("owner"), SUBNET);
        expect("Bob", Call::add_stake { hotkey: hotkey.clone(), netuid, amount_staked: 10 * UNIT }, OK);
        let remove = || Call::remove_stake { hotkey: hotkey.clone(), netuid, amount_unstaked: u64::MAX };
        let nothing = SimSwapResult::default();
        pool(2_000_000, 2_000 * UNIT);
        expect("Bob", remove(), "InsufficientLiquidity");
        assert_eq!(SubtensorModule::simulate_sale(SUBNET, UNIT), nothing);
        pool(2_000_000, 2_000 * UNIT - 1);
        assert_ne!(SubtensorModule::simulate_sale(SUBNET, UNIT), nothing);
        // The sale takes the price below, where the real chain stops, and its fee is sold all the same.
        expect("Bob", remove(), OK);
        assert_eq!(SubtensorModule::stake(&hotkey, &key("Bob"), SUBNET), 0);
    });
}
