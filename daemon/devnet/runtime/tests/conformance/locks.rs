//! Locks of stake: the sums that are kept of them, and where they go.

use btd_devnet_runtime::{
    Runtime, UNIT,
    subtensor::{self as s, Call, fixed::U64F64, types::LockState},
};

use crate::{OK, SUBNET, expect, key, on_a_subnet, wait};

fn stake_and_lock(by: &str, hotkey: &str, amount: u64) {
    let (hotkey, netuid) = (key(hotkey), SUBNET);
    expect(by, Call::add_stake { hotkey: hotkey.clone(), netuid, amount_staked: 100 * UNIT }, OK);
    expect(by, Call::lock_stake { hotkey, netuid, amount }, OK);
}

fn lock(by: &str, hotkey: &str) -> Option<LockState> {
    s::Lock::<Runtime>::get((key(by), SUBNET, key(hotkey)))
}

fn sum(hotkey: &str) -> Option<LockState> {
    s::DecayingHotkeyLock::<Runtime>::get(SUBNET, key(hotkey))
}

#[test]
fn a_sum_loses_what_the_lock_has_lost_that_is_brought_up_to_date() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        stake_and_lock("Bob", "other", 10_000_000);
        stake_and_lock("Charlie", "other", 10_000_000);
        assert_eq!(sum("other").unwrap().locked_mass, 20_000_000);
        wait(1_000);
        expect("Bob", Call::lock_stake { hotkey: key("other"), netuid: SUBNET, amount: 1_000 }, OK);
        let (bobs, all) = (lock("Bob", "other").unwrap(), sum("other").unwrap());
        assert!(bobs.locked_mass < 10_001_000 && bobs.conviction > U64F64::default());
        assert_eq!(all.locked_mass, bobs.locked_mass + 10_000_000, "Charlie's lock is counted as it was");
        assert_eq!((all.conviction, all.last_update), (U64F64::default(), bobs.last_update));
    });
}

#[test]
fn a_lock_is_brought_up_to_date_when_its_coldkey_trades() {
    on_a_subnet(|| {
        stake_and_lock("Bob", "owner", 10_000_000);
        wait(1_000);
        let (hotkey, netuid) = (key("owner"), SUBNET);
        expect("Bob", Call::add_stake { hotkey: hotkey.clone(), netuid, amount_staked: UNIT }, OK);
        let after = lock("Bob", "owner").unwrap();
        assert_eq!(u64::from(btd_devnet_runtime::System::block_number()), after.last_update);
        assert!(after.locked_mass < 10_000_000);
        assert_eq!(s::DecayingOwnerLock::<Runtime>::get(SUBNET).unwrap(), after);
        wait(1_000);
        expect("Bob", Call::remove_stake { hotkey, netuid, amount_unstaked: UNIT / 10 }, OK);
        assert!(lock("Bob", "owner").unwrap().last_update > after.last_update);
    });
}

#[test]
fn a_lock_that_no_longer_stays_has_no_flag() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        stake_and_lock("Bob", "other", 10_000_000);
        let set = |enabled| expect("Bob", Call::set_perpetual_lock { netuid: SUBNET, enabled }, OK);
        set(true);
        assert_eq!(s::DecayingLock::<Runtime>::get(key("Bob"), SUBNET), Some(false));
        assert!(sum("other").is_none());
        wait(500);
        set(false);
        assert_eq!(s::DecayingLock::<Runtime>::get(key("Bob"), SUBNET), None);
        assert!(s::HotkeyLock::<Runtime>::get(SUBNET, key("other")).is_none());
        assert_eq!(sum("other"), lock("Bob", "other"), "conviction goes with the lock");
    });
}

#[test]
fn conviction_is_kept_between_hotkeys_of_one_owner() {
    on_a_subnet(|| {
        for (by, hotkey) in [("Bob", "one"), ("Bob", "two"), ("Charlie", "three")] {
            expect(by, Call::try_associate_hotkey { hotkey: key(hotkey) }, OK);
        }
        stake_and_lock("Bob", "one", 10_000_000);
        wait(1_000);
        let moved = |to: &str| expect("Bob", Call::move_lock { destination_hotkey: key(to), netuid: SUBNET }, OK);
        moved("two");
        let kept = lock("Bob", "two").unwrap().conviction;
        assert!(kept > U64F64::default());
        assert_eq!(sum("two").unwrap().conviction, kept);
        assert!(lock("Bob", "one").is_none());
        moved("three");
        assert_eq!(lock("Bob", "three").unwrap().conviction, U64F64::default());
    });
}

#[test]
fn locks_go_with_stake_to_whom_accepts_them() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        stake_and_lock("Bob", "other", UNIT / 10);
        let alpha_amount = btd_devnet_runtime::SubtensorModule::stake(&key("other"), &key("Bob"), SUBNET);
        let give = || Call::transfer_stake {
            destination_coldkey: key("Charlie"),
            hotkey: key("other"),
            origin_netuid: SUBNET,
            destination_netuid: SUBNET,
            alpha_amount,
        };
        expect("Bob", give(), "AccountRejectsLockedAlpha");
        expect("Charlie", Call::set_reject_locked_alpha { enabled: false }, OK);
        expect("Bob", give(), OK);
        assert!(lock("Bob", "other").is_none());
        assert_eq!(lock("Charlie", "other").unwrap().locked_mass, UNIT / 10);
        assert_eq!(sum("other").unwrap().locked_mass, UNIT / 10);
    });
}

/// The recordings hold no transfer that is both too small and of locked stake; both public orders, of before spec 425
/// and after it, look at the least amount last.
#[test]
fn locks_refuse_stake_before_it_is_found_too_small() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        let (hotkey, netuid) = (key("other"), SUBNET);
        expect("Bob", Call::add_stake { hotkey: hotkey.clone(), netuid, amount_staked: 100 * UNIT }, OK);
        let amount = btd_devnet_runtime::SubtensorModule::stake(&hotkey, &key("Bob"), SUBNET);
        expect("Bob", Call::lock_stake { hotkey, netuid, amount }, OK);
        let give = || Call::transfer_stake {
            destination_coldkey: key("Charlie"),
            hotkey: key("other"),
            origin_netuid: SUBNET,
            destination_netuid: SUBNET,
            alpha_amount: 1_000,
        };
        expect("Bob", give(), "AccountRejectsLockedAlpha");
        expect("Charlie", Call::set_reject_locked_alpha { enabled: false }, OK);
        expect("Bob", give(), "AmountTooLow");
        assert_eq!(lock("Bob", "other").unwrap().locked_mass, amount, "a refused gift takes no lock along");
    });
}
