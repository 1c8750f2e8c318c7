//! How runtime APIs fill the fields of what coldkeys hold: stake, its fee, locks and what they have earned. Each figure is
//! reckoned here from what is stored, by the rule of that field.

use btd_devnet_runtime::{
    AccountId, Runtime, SubtensorModule, System, UNIT,
    subtensor::{
        self as s, Call,
        fixed::U64F64,
        info::{Delegation, StakeInfo},
        types::{LockState, ROOT},
    },
    swap,
};
use codec::Compact;

use crate::{FIRST, NOWHERE, OK, SUBNET, ask, expect, key, on_a_subnet, register};

#[test]
fn positions_are_in_the_order_of_subnets_and_hotkeys_and_empty_ones_are_left_out() {
    on_a_subnet(|| {
        register(SUBNET, "second");
        expect("Bob", Call::try_associate_hotkey { hotkey: key("first") }, OK);
        s::SubtokenEnabled::<Runtime>::insert(ROOT, true);
        for (hotkey, netuid) in [("first", SUBNET), ("second", SUBNET), ("first", ROOT)] {
            expect("Bob", Call::add_stake { hotkey: key(hotkey), netuid, amount_staked: UNIT }, OK);
        }
        s::AlphaDividendsPerSubnet::<Runtime>::insert(SUBNET, key("second"), 77);
        // The order in which it came to know them, not that of their stakes.
        assert_eq!(s::StakingHotkeys::<Runtime>::get(key("Bob")), [key("second"), key("first")]);
        let told: Vec<StakeInfo> = ask("StakeInfoRuntimeApi_get_stake_info_for_coldkey", key("Bob"));
        let places: Vec<(u16, AccountId)> = told.iter().map(|row| (row.netuid.0, row.hotkey.clone())).collect();
        assert_eq!(places, [(ROOT, key("first")), (SUBNET, key("second")), (SUBNET, key("first"))]);
        let wanted = StakeInfo {
            hotkey: key("second"),
            coldkey: key("Bob"),
            netuid: Compact(SUBNET),
            stake: Compact(SubtensorModule::stake(&key("second"), &key("Bob"), SUBNET)),
            locked: Compact(0),
            emission: Compact(77),
            tao_emission: Compact(0),
            drain: Compact(0),
            is_registered: true,
        };
        assert_eq!(told[1], wanted);
        assert!(!told[0].is_registered && !told[2].is_registered);
        let of_several: Vec<(AccountId, Vec<StakeInfo>)> =
            ask("StakeInfoRuntimeApi_get_stake_info_for_coldkeys", vec![key("Eve"), key("Bob")]);
        assert_eq!(of_several, [(key("Eve"), vec![]), (key("Bob"), told)]);
        // Asked for by name, an empty one is told too.
        let place = (key("second"), key("Eve"), SUBNET);
        let empty: Option<StakeInfo> = ask("StakeInfoRuntimeApi_get_stake_info_for_hotkey_coldkey_netuid", place);
        assert_eq!(empty, Some(StakeInfo { coldkey: key("Eve"), stake: Compact(0), ..wanted }));
        let place = (key("nobody"), key("Eve"), NOWHERE);
        let nowhere: Option<StakeInfo> = ask("StakeInfoRuntimeApi_get_stake_info_for_hotkey_coldkey_netuid", place);
        assert_eq!(nowhere.unwrap().stake.0, 0);
    });
}

#[test]
fn delegations_are_a_row_for_each_position_without_the_other_nominators() {
    on_a_subnet(|| {
        s::Delegates::<Runtime>::insert(key("owner"), 9);
        s::SubtokenEnabled::<Runtime>::insert(ROOT, true);
        for (who, netuid) in [("Bob", SUBNET), ("Bob", ROOT), ("Eve", SUBNET)] {
            expect(who, Call::add_stake { hotkey: key("owner"), netuid, amount_staked: UNIT }, OK);
        }
        let told: Vec<Delegation> = ask("DelegateInfoRuntimeApi_get_delegated", key("Bob"));
        let held = |netuid| SubtensorModule::stake(&key("owner"), &key("Bob"), netuid);
        let rows: Vec<(u16, u64)> = told.iter().map(|(_, (netuid, alpha))| (netuid.0, alpha.0)).collect();
        assert_eq!(rows, [(ROOT, held(ROOT)), (SUBNET, held(SUBNET))]);
        for (delegate, _) in told {
            assert_eq!((delegate.delegate_ss58, delegate.owner_ss58), (key("owner"), key("Alice")));
            assert_eq!((delegate.take.0, delegate.nominators), (9, vec![]));
            assert_eq!(delegate.registrations, [Compact(SUBNET)]);
        }
        // Shares of a hotkey that holds nothing any more are told, what was taken back is not.
        s::TotalHotkeyAlpha::<Runtime>::insert(key("owner"), ROOT, 0);
        let remove = Call::remove_stake { hotkey: key("owner"), netuid: SUBNET, amount_unstaked: u64::MAX };
        expect("Bob", remove, OK);
        let told: Vec<Delegation> = ask("DelegateInfoRuntimeApi_get_delegated", key("Bob"));
        assert_eq!(told.iter().map(|(_, (netuid, alpha))| (netuid.0, alpha.0)).collect::<Vec<_>>(), [(ROOT, 0)]);
    });
}

#[test]
fn the_fee_of_a_movement_is_that_of_where_it_goes_or_else_of_where_it_comes_from() {
    on_a_subnet(|| {
        swap::FeeRate::<Runtime>::insert(FIRST, 200);
        swap::FeeRate::<Runtime>::insert(SUBNET, 100);
        s::SubnetMechanism::<Runtime>::insert(FIRST, 1);
        let amount = 1_000_000_u64;
        let (at_first, at_subnet) = (amount * 200 / 65_535, amount * 100 / 65_535);
        let place = |hotkey: &str, netuid: u16| Some((key(hotkey), netuid));
        for (origin, destination, wanted) in [
            (None, place("a", SUBNET), at_subnet),
            (place("a", SUBNET), None, at_subnet),
            (place("a", FIRST), place("a", SUBNET), at_subnet),
            (place("a", SUBNET), place("a", FIRST), at_first),
            (place("a", SUBNET), place("b", SUBNET), at_subnet),
            (place("a", SUBNET), place("a", SUBNET), 0),
            // On root nothing is exchanged.
            (place("a", SUBNET), place("a", ROOT), 0),
            (None, None, 0),
        ] {
            let arguments = (&origin, key("Bob"), &destination, key("Eve"), amount);
            let told: u64 = ask("StakeInfoRuntimeApi_get_stake_fee", arguments);
            assert_eq!(told, wanted, "{origin:?} to {destination:?}");
        }
    });
}

/// Whether a figure is another but for the last digits that floating point does not have.
fn is_close(figure: f64, wanted: f64) -> bool {
    (figure - wanted).abs() <= wanted * 1e-9 + 1.0
}

#[expect(clippy::cast_precision_loss, reason = "compared to nine digits")]
fn whole(figure: U64F64) -> f64 {
    figure.to_bits() as f64 / 2_f64.powi(64)
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "compared to nine digits")]
fn locks_and_what_they_have_earned_are_told_as_they_are_by_now() {
    on_a_subnet(|| {
        const MASS: u64 = 1_000_000_000_000;
        const BLOCKS: u32 = 400_000;
        let rate = 500_000_u64;
        s::UnlockRate::<Runtime>::put(rate);
        s::MaturityRate::<Runtime>::put(rate);
        let started = u64::from(System::block_number());
        let lock = |mass, conviction| LockState { locked_mass: mass, conviction, last_update: started };
        let earned = MASS / 4;
        let stored = || lock(MASS, U64F64::from_integer(earned));
        // One that decays, one that stays, and one for the hotkey of the owner.
        for (who, hotkey) in [("Bob", "decays"), ("Charlie", "stays"), ("Dave", "owner")] {
            s::Lock::<Runtime>::insert((key(who), SUBNET, key(hotkey)), stored());
        }
        s::DecayingLock::<Runtime>::insert(key("Charlie"), SUBNET, false);
        s::DecayingHotkeyLock::<Runtime>::insert(SUBNET, key("decays"), stored());
        s::HotkeyLock::<Runtime>::insert(SUBNET, key("stays"), stored());
        s::DecayingOwnerLock::<Runtime>::insert(SUBNET, stored());
        crate::wait(BLOCKS);
        let spent = f64::from(BLOCKS) / rate as f64;
        let (kept, mass, before) = ((-spent).exp(), MASS as f64, earned as f64);
        let told = |who: &str| ask::<Option<LockState>>("StakeInfoRuntimeApi_get_coldkey_lock", (key(who), SUBNET));
        let conviction = |hotkey: &str| whole(ask("StakeInfoRuntimeApi_get_hotkey_conviction", (key(hotkey), SUBNET)));
        for (who, hotkey, left, wanted) in [
            ("Bob", "decays", mass * kept, before * kept + mass * spent * kept),
            ("Charlie", "stays", mass, before * kept + mass * (1.0 - kept)),
            ("Dave", "owner", mass * kept, mass * kept),
        ] {
            let lock = told(who).unwrap();
            assert!(is_close(lock.locked_mass as f64, left), "{who}: {} for {left}", lock.locked_mass);
            assert!(is_close(whole(lock.conviction), wanted), "{who}: {} for {wanted}", whole(lock.conviction));
            assert_eq!(lock.last_update, started + u64::from(BLOCKS));
            assert!(is_close(conviction(hotkey), wanted), "{hotkey}: {} for {wanted}", conviction(hotkey));
        }
        let most: Option<AccountId> = ask("StakeInfoRuntimeApi_get_most_convicted_hotkey_on_subnet", SUBNET);
        assert_eq!(most, Some(key("stays")));
        assert_eq!((told("Eve"), conviction("nobody")), (None, 0.0));
        // Less than a hundred is nothing.
        s::Lock::<Runtime>::insert((key("Eve"), SUBNET, key("decays")), lock(200, U64F64::default()));
        assert_eq!(told("Eve").unwrap().locked_mass, 0);
        assert_eq!(ask::<Option<AccountId>>("StakeInfoRuntimeApi_get_most_convicted_hotkey_on_subnet", FIRST), None);
    });
}

#[test]
fn income_is_staked_where_its_coldkey_said() {
    on_a_subnet(|| {
        let told =
            || ask::<Option<AccountId>>("SubnetInfoRuntimeApi_get_coldkey_auto_stake_hotkey", (key("Bob"), SUBNET));
        assert_eq!(told(), None);
        s::AutoStakeDestination::<Runtime>::insert(key("Bob"), SUBNET, key("owner"));
        assert_eq!(told(), Some(key("owner")));
    });
}
