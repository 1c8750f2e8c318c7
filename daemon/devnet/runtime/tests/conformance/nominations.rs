//! Stake of others behind a hotkey that has become too small to keep.

use btd_devnet_runtime::{
    Balances, Runtime, SubtensorModule, UNIT,
    admin::Call as Admin,
    subtensor::{self as s, Call, fixed::U64F64},
};

use crate::{OK, SUBNET, expect, key, on_a_chain, on_a_subnet, wait};

#[test]
fn a_raised_minimum_clears_small_nominations() {
    on_a_chain(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("hotkey") }, OK);
        let stake = |by: &str| {
            let call = Call::add_stake { hotkey: key("hotkey"), netuid: 0, amount_staked: 2_000_000 };
            expect(by, call, OK);
        };
        stake("Bob");
        stake("Charlie");
        let held = |name: &str| SubtensorModule::stake(&key("hotkey"), &key(name), 0);
        expect("root", Admin::sudo_set_nominator_min_required_stake { min_stake: 1_000_000 }, OK);
        assert_eq!((held("Bob"), held("Charlie")), (2_000_000, 2_000_000), "as much as the least is enough");
        expect("root", Admin::sudo_set_nominator_min_required_stake { min_stake: 1_000_001 }, OK);
        assert_eq!((held("Bob"), held("Charlie")), (2_000_000, 0), "the owner's own stake stays");
    });
}

/// A chain on which `//Charlie` nominates the owner's hotkey of a subnet, whose pool then holds this TAO and alpha.
fn on_a_nominated_subnet((tao, alpha): (u64, u64), test: impl FnOnce(&dyn Fn() -> u64, &dyn Fn(u64))) {
    on_a_subnet(|| {
        let (hotkey, netuid) = (key("owner"), SUBNET);
        let amount_staked = 10_000_000_000;
        expect("Charlie", Call::add_stake { hotkey: hotkey.clone(), netuid, amount_staked }, OK);
        s::SubnetTAO::<Runtime>::insert(SUBNET, tao);
        s::SubnetAlphaIn::<Runtime>::insert(SUBNET, alpha);
        let held = || SubtensorModule::stake(&hotkey, &key("Charlie"), SUBNET);
        let require = |min_stake| expect("root", Admin::sudo_set_nominator_min_required_stake { min_stake }, OK);
        test(&held, &require);
    });
}

#[test]
fn small_nominations_are_measured_in_tao() {
    let (hundredth, double) = ((10_000_000_000, 1_000_000_000_000), (2_000_000_000_000, 1_000_000_000_000));
    // A millionth of the least stake is 2 rao: a rao of alpha at a price of 2, and 200 at one of 0.01.
    for (pool, alpha) in [(double, 1), (hundredth, 200)] {
        on_a_nominated_subnet(pool, |held, require| {
            let before = held();
            require(before / alpha);
            assert_eq!(held(), before, "as much as the least is enough");
            require(before / alpha + 1);
            assert_eq!(held(), 0);
        });
    }
}

#[test]
fn small_nominations_are_gone_where_nothing_can_be_sold() {
    // Pools of less than a million rao do not trade.
    on_a_nominated_subnet((900_000, 900_000), |held, require| {
        let balance = || Balances::free_balance(key("Charlie"));
        let (stake, before) = (held(), balance());
        let lock = Call::lock_stake { hotkey: key("owner"), netuid: SUBNET, amount: stake };
        expect("Charlie", lock, OK);
        require(u64::MAX);
        assert_eq!((held(), balance()), (0, before));
        assert!(s::Lock::<Runtime>::get((key("Charlie"), SUBNET, key("owner"))).is_none());
        assert!(s::DecayingOwnerLock::<Runtime>::get(SUBNET).is_none());
    });
}

#[test]
fn a_lock_loses_what_a_dropped_nomination_held() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        let lock = || s::Lock::<Runtime>::get((key("Charlie"), SUBNET, key("other")));
        let add = |hotkey: &str, amount_staked| {
            expect("Charlie", Call::add_stake { hotkey: key(hotkey), netuid: SUBNET, amount_staked }, OK);
        };
        add("owner", UNIT);
        add("other", 100 * UNIT);
        let small = SubtensorModule::stake(&key("owner"), &key("Charlie"), SUBNET);
        expect("Charlie", Call::lock_stake { hotkey: key("other"), netuid: SUBNET, amount: 3 * small }, OK);
        wait(1_000);
        add("other", UNIT);
        let before = lock().unwrap();
        // Two TAO at least.
        let require = Admin::sudo_set_nominator_min_required_stake { min_stake: UNIT };
        expect("root", require, OK);
        let after = lock().unwrap();
        assert_eq!(after.locked_mass, before.locked_mass - small);
        let part = U64F64::ratio(after.locked_mass, before.locked_mass);
        let (kept, wanted) = (after.conviction.times(1), before.conviction.by(part).times(1));
        assert!(wanted > 0 && kept.abs_diff(wanted) <= 1, "conviction goes in proportion: {kept} {wanted}");
        let sum = s::DecayingHotkeyLock::<Runtime>::get(SUBNET, key("other"));
        assert_eq!(sum.unwrap().locked_mass, after.locked_mass);
    });
}
