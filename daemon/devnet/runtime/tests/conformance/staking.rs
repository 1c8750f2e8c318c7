//! Stake and its movements: which refusal comes first, and what is clamped.

use btd_devnet_runtime::{
    Runtime, SubtensorModule, System, UNIT, alpha_assets,
    subtensor::{self as s, Call, Event, types::ROOT},
    swap::{Balancer, FeeRate, SwapBalancer},
};
use frame_support::traits::Hooks;
use sp_runtime::Perquintill;

use crate::{FIRST, NOWHERE, OK, SUBNET, expect, key, on_a_chain, on_a_subnet, told, wait};

type TotalAlphaIssuance = alpha_assets::TotalAlphaIssuance<Runtime>;
type AlphaBurned = alpha_assets::AlphaBurned<Runtime>;
type AlphaRecycled = alpha_assets::AlphaRecycled<Runtime>;

fn held(hotkey: &str, coldkey: &str, netuid: u16) -> u64 {
    SubtensorModule::stake(&key(hotkey), &key(coldkey), netuid)
}

fn add(netuid: u16, amount_staked: u64) -> Call<Runtime> {
    Call::add_stake { hotkey: key("owner"), netuid, amount_staked }
}

#[test]
fn add_stake_is_refused_in_order() {
    on_a_subnet(|| {
        let nobody = |netuid, amount_staked| Call::add_stake { hotkey: key("nobody"), netuid, amount_staked };
        expect("empty", nobody(NOWHERE, 0), "SubnetNotExists");
        expect("empty", nobody(FIRST, 0), "SubtokenDisabled");
        expect("empty", nobody(SUBNET, 1), "AmountTooLow");
        // The least is 0.002 TAO and the fee.
        expect("empty", nobody(SUBNET, 2_000_000), "AmountTooLow");
        expect("empty", nobody(ROOT, 1_999_999), "AmountTooLow");
        expect("empty", nobody(SUBNET, UNIT), "NotEnoughBalanceToStake");
        expect("Bob", nobody(SUBNET, UNIT), "HotKeyAccountNotExists");
        expect("Bob", add(SUBNET, 1_000_001 * UNIT), "InsufficientLiquidity");
        expect("Bob", add(SUBNET, UNIT), OK);
        expect("Bob", add(ROOT, 2_000_000), OK);
    });
}

#[test]
fn remove_stake_is_clamped_and_leaves_no_crumbs() {
    on_a_subnet(|| {
        let remove = |amount_unstaked| Call::remove_stake { hotkey: key("owner"), netuid: SUBNET, amount_unstaked };
        expect("Bob", remove(UNIT), "AmountTooLow");
        expect("Bob", add(SUBNET, 10 * UNIT), OK);
        expect("Bob", remove(0), "AmountTooLow");
        expect("Bob", remove(1), "AmountTooLow");
        let none = Call::remove_stake { hotkey: key("owner"), netuid: FIRST, amount_unstaked: 1 };
        expect("Bob", none, "SubtokenDisabled");
        let nowhere = Call::remove_stake { hotkey: key("owner"), netuid: NOWHERE, amount_unstaked: 1 };
        expect("Bob", nowhere, "SubtokenDisabled");
        expect("Bob", remove(u64::MAX), OK);
        assert_eq!(held("owner", "Bob", SUBNET), 0);
    });
}

#[test]
fn limits_of_price_refuse_or_cut() {
    on_a_subnet(|| {
        let add = |limit_price, allow_partial| Call::add_stake_limit {
            hotkey: key("owner"),
            netuid: SUBNET,
            amount_staked: 500 * UNIT,
            limit_price,
            allow_partial,
        };
        let price = SubtensorModule::alpha_price(SUBNET);
        expect("Bob", add(price / 2, false), "PriceLimitExceeded");
        expect("Bob", add(price + price / 10, false), "SlippageTooHigh");
        expect("Bob", add(price + price / 10, true), OK);
        assert!(SubtensorModule::alpha_price(SUBNET) <= price + price / 10);
        let remove = |limit_price, allow_partial| Call::remove_stake_limit {
            hotkey: key("owner"),
            netuid: SUBNET,
            amount_unstaked: held("owner", "Bob", SUBNET),
            limit_price,
            allow_partial,
        };
        let price = SubtensorModule::alpha_price(SUBNET);
        expect("Bob", remove(price * 2, false), "PriceLimitExceeded");
        expect("Bob", remove(price - price / 100, false), "SlippageTooHigh");
        expect("Bob", remove(price - price / 100, true), OK);
        let whole = Call::remove_stake_full_limit { hotkey: key("owner"), netuid: SUBNET, limit_price: None };
        expect("Bob", whole, OK);
        assert_eq!(held("owner", "Bob", SUBNET), 0);
    });
}

/// Read in sources shortly before and after spec 425; earlier ones refuse with `ZeroMaxStakeAmount`.
#[test]
fn where_alpha_is_tao_a_limit_lets_everything_or_nothing_through() {
    on_a_subnet(|| {
        s::SubtokenEnabled::<Runtime>::insert(0, true);
        let (hotkey, netuid) = (key("owner"), 0);
        let add = |limit_price, allow_partial| Call::add_stake_limit {
            hotkey: hotkey.clone(),
            netuid,
            amount_staked: 5 * UNIT,
            limit_price,
            allow_partial,
        };
        expect("Bob", add(UNIT - 1, false), "SlippageTooHigh");
        expect("Bob", add(UNIT - 1, true), "AmountTooLow");
        expect("Bob", add(UNIT, false), OK);
        let remove = |limit_price, allow_partial| Call::remove_stake_limit {
            hotkey: hotkey.clone(),
            netuid,
            amount_unstaked: UNIT,
            limit_price,
            allow_partial,
        };
        expect("Bob", remove(UNIT + 1, false), "SlippageTooHigh");
        // A sale of nothing is a sale.
        expect("Bob", remove(UNIT + 1, true), OK);
        let nothing = Event::StakeRemoved(key("Bob"), key("owner"), 0, 0, netuid, 0).into();
        assert!(System::events().into_iter().any(|record| record.event == nothing));
        assert_eq!(held("owner", "Bob", netuid), 5 * UNIT);
        expect("Bob", remove(UNIT, false), OK);
        assert_eq!(held("owner", "Bob", netuid), 4 * UNIT);
    });
}

#[test]
fn what_a_limit_lets_through_must_be_enough() {
    on_a_subnet(|| {
        let price = SubtensorModule::alpha_price(SUBNET);
        let add = |limit_price, allow_partial| Call::add_stake_limit {
            hotkey: key("owner"),
            netuid: SUBNET,
            amount_staked: 900_000 * UNIT,
            limit_price,
            allow_partial,
        };
        // A millionth above the price lets 0.0005 TAO of the pool's thousand through.
        expect("Bob", add(price + price / 1_000_000, true), "AmountTooLow");
        // A coldkey need hold no more than what goes through.
        expect("Bob", add(price + price / 10, false), "SlippageTooHigh");
        expect("Dave", add(price + price / 10, true), OK);
        let remove = |amount_unstaked| Call::remove_stake_limit {
            hotkey: key("owner"),
            netuid: SUBNET,
            amount_unstaked,
            limit_price: price / 2,
            allow_partial: true,
        };
        expect("Dave", remove(0), "AmountTooLow");
        expect("Dave", remove(held("owner", "Dave", SUBNET) + 1), "NotEnoughStakeToWithdraw");
        expect("Dave", remove(u64::MAX), "InsufficientLiquidity");
        expect("Dave", remove(held("owner", "Dave", SUBNET)), OK);
    });
}

#[test]
fn children_to_come_are_forgotten_with_the_stake_that_earned_them() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("parent") }, OK);
        let (hotkey, netuid) = (key("parent"), SUBNET);
        expect("Bob", Call::add_stake { hotkey: hotkey.clone(), netuid, amount_staked: 10 * UNIT }, OK);
        s::StakeThreshold::<Runtime>::put(5 * UNIT);
        let children = vec![(1, key("child"))];
        expect("Bob", Call::set_children { hotkey: hotkey.clone(), netuid, children }, OK);
        assert!(s::PendingChildKeys::<Runtime>::contains_key(netuid, &hotkey));
        let amount_unstaked = held("parent", "Bob", netuid) * 3 / 4;
        expect("Bob", Call::remove_stake { hotkey: hotkey.clone(), netuid, amount_unstaked }, OK);
        assert!(!s::PendingChildKeys::<Runtime>::contains_key(netuid, &hotkey));
    });
}

#[test]
fn movements_are_refused_in_order() {
    on_a_subnet(|| {
        expect("Bob", add(SUBNET, 100 * UNIT), OK);
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        let moved = |to: &str, origin_netuid, destination_netuid, alpha_amount| Call::move_stake {
            origin_hotkey: key("owner"),
            destination_hotkey: key(to),
            origin_netuid,
            destination_netuid,
            alpha_amount,
        };
        expect("Bob", moved("owner", SUBNET, SUBNET, UNIT), "SameNetuid");
        expect("Bob", moved("other", NOWHERE, SUBNET, UNIT), "SubnetNotExists");
        expect("Bob", moved("other", SUBNET, NOWHERE, UNIT), "SubnetNotExists");
        expect("Bob", moved("other", FIRST, NOWHERE, UNIT), "SubnetNotExists");
        expect("Bob", moved("other", SUBNET, FIRST, UNIT), "SubtokenDisabled");
        expect("Bob", moved("nobody", SUBNET, SUBNET, UNIT), "HotKeyAccountNotExists");
        expect("Bob", moved("other", SUBNET, SUBNET, 0), "AmountTooLow");
        expect("Bob", moved("other", SUBNET, SUBNET, 1), "AmountTooLow");
        let whole = held("owner", "Bob", SUBNET);
        expect("Bob", moved("other", SUBNET, SUBNET, u64::MAX), OK);
        assert_eq!(held("other", "Bob", SUBNET), whole, "within a subnet nothing is lost");

        let swap = |origin_netuid, destination_netuid, alpha_amount| Call::swap_stake {
            hotkey: key("other"),
            origin_netuid,
            destination_netuid,
            alpha_amount,
        };
        expect("Bob", swap(SUBNET, SUBNET, UNIT), "SameNetuid");
        expect("Bob", swap(SUBNET, ROOT, UNIT), OK);
        assert!(held("other", "Bob", ROOT) > 0);
    });
}

/// Spec 425 has no `ZeroMaxStakeAmount`: where nothing may move, a limit is a slippage like any other.
#[test]
fn a_limit_above_the_ratio_of_prices_lets_nothing_move() {
    on_a_subnet(|| {
        s::SubtokenEnabled::<Runtime>::insert(FIRST, true);
        expect("Bob", add(SUBNET, 100 * UNIT), OK);
        let swap = |destination_netuid, limit_price, allow_partial| Call::swap_stake_limit {
            hotkey: key("owner"),
            origin_netuid: SUBNET,
            destination_netuid,
            alpha_amount: UNIT,
            limit_price,
            allow_partial,
        };
        let unit = u128::from(UNIT);
        let prices = |netuid| u128::from(SubtensorModule::alpha_price(netuid));
        let ratio = u64::try_from(prices(SUBNET) * unit / prices(FIRST)).unwrap();
        expect("Bob", swap(FIRST, ratio + ratio / 1_000, false), "SlippageTooHigh");
        // A movement of nothing is a movement.
        expect("Bob", swap(FIRST, ratio + ratio / 1_000, true), OK);
        assert!(told(Event::StakeRemoved(key("Bob"), key("owner"), 0, 0, SUBNET, 0)));
        assert!(told(Event::StakeSwapped(key("Bob"), key("owner"), SUBNET, FIRST, 0)));
        expect("Bob", swap(FIRST, ratio / 2, false), OK);
        // To root the price is one of a sale, which has an error of its own.
        expect("Bob", swap(ROOT, SubtensorModule::alpha_price(SUBNET) * 2, true), "PriceLimitExceeded");

        // The linear estimate knows no weights of pools, the ratio of prices does.
        let linear = |netuid: u16| {
            let alpha = u128::from(s::SubnetAlphaIn::<Runtime>::get(netuid));
            u128::from(s::SubnetTAO::<Runtime>::get(netuid)) * unit / alpha
        };
        SwapBalancer::<Runtime>::insert(SUBNET, Balancer { quote: Perquintill::from_percent(75) });
        let by_reserves = u64::try_from(linear(SUBNET) * unit / linear(FIRST)).unwrap();
        let ratio = u64::try_from(prices(SUBNET) * unit / prices(FIRST)).unwrap();
        assert!(ratio < by_reserves / 2, "{ratio} {by_reserves}");
        expect("Bob", swap(FIRST, ratio * 3 / 2, false), "SlippageTooHigh");
        expect("Bob", swap(FIRST, ratio / 2, false), OK);

        s::SubnetAlphaIn::<Runtime>::insert(FIRST, 0);
        expect("Bob", swap(FIRST, 0, false), "SlippageTooHigh");
    });
}

#[test]
fn transfers_of_stake_need_both_subnets_leave() {
    on_a_subnet(|| {
        expect("Bob", add(SUBNET, 100 * UNIT), OK);
        let transfer = |to: &str, destination_netuid| Call::transfer_stake {
            destination_coldkey: key(to),
            hotkey: key("owner"),
            origin_netuid: SUBNET,
            destination_netuid,
            alpha_amount: 10 * UNIT,
        };
        s::TransferToggle::<Runtime>::insert(SUBNET, false);
        expect("Bob", transfer("Charlie", SUBNET), "TransferDisallowed");
        s::TransferToggle::<Runtime>::insert(SUBNET, true);
        s::TransferToggle::<Runtime>::insert(ROOT, false);
        expect("Bob", transfer("Charlie", ROOT), "TransferDisallowed");
        expect("Bob", transfer("Charlie", SUBNET), OK);
        assert_eq!(held("owner", "Charlie", SUBNET), 10 * UNIT);
    });
}

#[test]
fn alpha_is_destroyed_on_subnets_alone() {
    on_a_subnet(|| {
        expect("Bob", add(SUBNET, 100 * UNIT), OK);
        let recycle = |netuid, amount| Call::recycle_alpha { hotkey: key("owner"), amount, netuid };
        let burn = |netuid, amount| Call::burn_alpha { hotkey: key("owner"), amount, netuid };
        for call in [recycle, burn] {
            expect("Bob", call(NOWHERE, 1), "SubnetNotExists");
            expect("Bob", call(ROOT, 1), "CannotBurnOrRecycleOnRootSubnet");
        }
        let out = s::SubnetAlphaOut::<Runtime>::get(SUBNET);
        let (issued, recycled) = (TotalAlphaIssuance::get(SUBNET), AlphaRecycled::get(SUBNET));
        expect("Bob", burn(SUBNET, UNIT), OK);
        assert_eq!(s::SubnetAlphaOut::<Runtime>::get(SUBNET), out, "what is burned stays issued");
        assert_eq!((AlphaBurned::get(SUBNET), TotalAlphaIssuance::get(SUBNET)), (UNIT, issued));
        expect("Bob", recycle(SUBNET, UNIT), OK);
        assert_eq!(s::SubnetAlphaOut::<Runtime>::get(SUBNET), out - UNIT);
        assert_eq!(AlphaRecycled::get(SUBNET), recycled + UNIT);
        assert_eq!(TotalAlphaIssuance::get(SUBNET), issued - UNIT);
    });
}

#[test]
fn locked_stake_stays() {
    on_a_subnet(|| {
        expect("Bob", add(SUBNET, 100 * UNIT), OK);
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        let lock = |hotkey: &str, netuid, amount| Call::lock_stake { hotkey: key(hotkey), netuid, amount };
        expect("Bob", lock("nobody", NOWHERE, 0), "SubnetNotExists");
        expect("Bob", lock("nobody", SUBNET, 0), "AmountTooLow");
        expect("Bob", lock("nobody", SUBNET, 1), "HotKeyAccountNotExists");
        expect("Bob", lock("owner", SUBNET, u64::MAX), "InsufficientStakeForLock");
        expect("Bob", Call::move_lock { destination_hotkey: key("other"), netuid: SUBNET }, "NoExistingLock");
        let whole = held("owner", "Bob", SUBNET);
        expect("Bob", lock("other", SUBNET, whole), OK);
        expect("Bob", lock("owner", SUBNET, 1), "LockHotkeyMismatch");
        let remove = Call::remove_stake { hotkey: key("owner"), netuid: SUBNET, amount_unstaked: u64::MAX };
        expect("Bob", remove, "StakeUnavailable");
        expect("Bob", Call::burn_alpha { hotkey: key("owner"), amount: UNIT, netuid: SUBNET }, "StakeUnavailable");
        expect("Bob", Call::move_lock { destination_hotkey: key("nobody"), netuid: SUBNET }, "HotKeyAccountNotExists");
        expect("Bob", Call::move_lock { destination_hotkey: key("owner"), netuid: SUBNET }, OK);
    });
}

#[test]
fn an_old_subnet_goes_to_whom_a_tenth_of_its_alpha_is_convinced_of() {
    const YEAR: u32 = 2_629_800;
    on_a_subnet(|| {
        let owners = || (s::SubnetOwner::<Runtime>::get(SUBNET), s::SubnetOwnerHotkey::<Runtime>::get(SUBNET));
        let epoch = || {
            s::PendingEpochAt::<Runtime>::insert(SUBNET, u64::from(System::block_number()));
            SubtensorModule::on_initialize(System::block_number());
        };
        let lock = |hotkey: &str, amount| Call::lock_stake { hotkey: key(hotkey), netuid: SUBNET, amount };
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        expect("Bob", add(SUBNET, 100 * UNIT), OK);
        let out = s::SubnetAlphaOut::<Runtime>::get(SUBNET);
        expect("Bob", lock("other", out / 5), OK);
        expect("Bob", Call::set_perpetual_lock { netuid: SUBNET, enabled: true }, OK);
        wait(YEAR - 100);
        assert_eq!(SubtensorModule::most_convicted_hotkey(SUBNET), Some(key("other")));
        assert!(SubtensorModule::hotkey_conviction(&key("other"), SUBNET).times(1) > out / 10);
        epoch();
        assert_eq!(owners(), (key("Alice"), key("owner")), "the subnet is not old enough");

        wait(102);
        let locked = s::SubnetAlphaOut::<Runtime>::get(SUBNET);
        s::SubnetAlphaOut::<Runtime>::insert(SUBNET, 3 * out);
        epoch();
        assert_eq!(owners(), (key("Alice"), key("owner")), "conviction is less than a tenth");
        s::SubnetAlphaOut::<Runtime>::insert(SUBNET, locked);
        epoch();
        assert_eq!(owners(), (key("Bob"), key("other")));
        let taken = s::Event::SubnetOwnerChanged { netuid: SUBNET, old_coldkey: key("Alice"), new_coldkey: key("Bob") };
        assert!(System::events().iter().any(|record| record.event == taken.clone().into()));
        let sum = s::OwnerLock::<Runtime>::get(SUBNET).unwrap();
        assert_eq!((sum.locked_mass, sum.conviction.times(1)), (out / 5, out / 5), "an owner's conviction is full");
        assert!(s::HotkeyLock::<Runtime>::get(SUBNET, key("other")).is_none());
    });
}

#[test]
fn root_claims_are_for_one_to_five_subnets() {
    on_a_chain(|| {
        let claim = |subnets: std::ops::Range<u16>| Call::claim_root { subnets: subnets.collect() };
        expect("Bob", claim(0..0), "InvalidSubnetNumber");
        expect("Bob", claim(1..7), "InvalidSubnetNumber");
        expect("Bob", claim(1..6), OK);
        expect("root", Call::sudo_set_num_root_claims { new_value: 51 }, "InvalidNumRootClaim");
        expect("Bob", Call::sudo_set_num_root_claims { new_value: 5 }, "BadOrigin");
        let threshold = |new_value| Call::sudo_set_root_claim_threshold { netuid: FIRST, new_value };
        expect("Bob", threshold(1), "BadOrigin");
        expect("root", threshold(10_000_001), "InvalidRootClaimThreshold");
        expect("root", threshold(10_000_000), OK);
    });
}

#[test]
fn all_alpha_of_a_hotkey_moves_to_root_where_it_can() {
    on_a_subnet(|| {
        let all = || Call::unstake_all_alpha { hotkey: key("owner") };
        let stake = |netuid| SubtensorModule::stake(&key("owner"), &key("Alice"), netuid);
        expect("Alice", Call::unstake_all_alpha { hotkey: key("nobody") }, "HotKeyAccountNotExists");
        expect("Alice", Call::add_stake { hotkey: key("owner"), netuid: SUBNET, amount_staked: 10 * UNIT }, OK);
        let held = stake(SUBNET);
        // A position on a subnet that is closed is left alone, and nothing cannot be staked on root.
        s::SubtokenEnabled::<Runtime>::insert(SUBNET, false);
        expect("Alice", all(), "AmountTooLow");
        assert_eq!((stake(SUBNET), stake(ROOT)), (held, 0));
        s::SubtokenEnabled::<Runtime>::insert(SUBNET, true);
        expect("Alice", all(), OK);
        assert_eq!(stake(SUBNET), 0);
        assert!(stake(ROOT) > 9 * UNIT, "{}", stake(ROOT));
    });
}

#[test]
fn nothing_is_destroyed_of_nothing() {
    on_a_subnet(|| {
        let (hotkey, amount, netuid) = (key("owner"), 1, SUBNET);
        let issued = s::SubnetAlphaOut::<Runtime>::get(SUBNET);
        expect("Bob", Call::burn_alpha { hotkey: hotkey.clone(), amount, netuid }, OK);
        expect("Bob", Call::recycle_alpha { hotkey: hotkey.clone(), amount, netuid }, OK);
        assert_eq!(s::SubnetAlphaOut::<Runtime>::get(SUBNET), issued);
        let told: Vec<_> = System::events().into_iter().rev().take(2).map(|record| record.event).collect();
        let recycled = Event::<Runtime>::AlphaRecycled(key("Bob"), hotkey.clone(), 0, SUBNET).into();
        assert_eq!(told, [recycled, Event::<Runtime>::AlphaBurned(key("Bob"), hotkey, 0, SUBNET).into()]);
    });
}

#[test]
fn alpha_is_destroyed_of_what_was_issued_and_not_of_what_is_locked() {
    on_a_subnet(|| {
        let (hotkey, amount, netuid) = (key("owner"), u64::MAX, SUBNET);
        expect("Bob", add(SUBNET, 10 * UNIT), OK);
        expect("Bob", Call::lock_stake { hotkey: hotkey.clone(), netuid, amount: 1_000 }, OK);
        let issued = s::SubnetAlphaOut::<Runtime>::get(SUBNET);
        for (out, wanted) in [(1, "InsufficientLiquidity"), (issued, "StakeUnavailable")] {
            s::SubnetAlphaOut::<Runtime>::insert(SUBNET, out);
            expect("Bob", Call::burn_alpha { hotkey: hotkey.clone(), amount, netuid }, wanted);
            expect("Bob", Call::recycle_alpha { hotkey: hotkey.clone(), amount, netuid }, wanted);
        }
    });
}

#[test]
fn the_least_that_may_be_staked_is_0_002_tao_and_the_fee_on_as_much() {
    on_a_subnet(|| {
        FeeRate::<Runtime>::insert(SUBNET, 10_000);
        let nobody = |amount_staked| Call::add_stake { hotkey: key("nobody"), netuid: SUBNET, amount_staked };
        let least = 2_000_000 + 2_000_000 * 10_000 / 65_535;
        expect("Bob", nobody(least - 1), "AmountTooLow");
        expect("Bob", nobody(least), "HotKeyAccountNotExists");
        // The fee on the whole is more than that on the least, and as much as the least must go into the pool.
        expect("Bob", add(SUBNET, least), "AmountTooLow");
        expect("Bob", add(SUBNET, 2_000_000 * 65_535 / 55_535 + 1), OK);
    });
}
