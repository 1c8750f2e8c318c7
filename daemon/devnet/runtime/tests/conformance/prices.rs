//! Where prices stop exchanges: at a limit that somebody sets, and at the ends of their range where nobody does.

use btd_devnet_runtime::{
    Balances, Runtime, SubtensorModule, UNIT,
    subtensor::{self as s, Call, Event, info::SimSwapResult, types::ROOT},
    swap::{Balancer, FeeRate, PalSwapInitialized, SwapBalancer},
};
use sp_runtime::Perquintill;

use crate::{FIRST, OK, SUBNET, expect, key, on_a_subnet, told, wait};

fn pool(tao: u64, alpha: u64) {
    s::SubnetTAO::<Runtime>::insert(SUBNET, tao);
    s::SubnetAlphaIn::<Runtime>::insert(SUBNET, alpha);
}

/// Gives TAO this weight in the pool, in parts of a hundred.
fn weigh_tao(percent: u64) {
    SwapBalancer::<Runtime>::insert(SUBNET, Balancer { quote: Perquintill::from_percent(percent) });
}

fn reserves() -> (u64, u64) {
    (s::SubnetTAO::<Runtime>::get(SUBNET), s::SubnetAlphaIn::<Runtime>::get(SUBNET))
}

fn add(amount_staked: u64) -> Call<Runtime> {
    Call::add_stake { hotkey: key("owner"), netuid: SUBNET, amount_staked }
}

fn add_within(amount_staked: u64, limit_price: u64, allow_partial: bool) -> Call<Runtime> {
    Call::add_stake_limit { hotkey: key("owner"), netuid: SUBNET, amount_staked, limit_price, allow_partial }
}

fn remove(amount_unstaked: u64) -> Call<Runtime> {
    Call::remove_stake { hotkey: key("owner"), netuid: SUBNET, amount_unstaked }
}

fn remove_within(amount_unstaked: u64, limit_price: u64, allow_partial: bool) -> Call<Runtime> {
    Call::remove_stake_limit { hotkey: key("owner"), netuid: SUBNET, amount_unstaked, limit_price, allow_partial }
}

/// Moves stake from one hotkey to another on the subnet.
fn move_within(alpha_amount: u64) -> Call<Runtime> {
    Call::move_stake {
        origin_hotkey: key("owner"),
        destination_hotkey: key("other"),
        origin_netuid: SUBNET,
        destination_netuid: SUBNET,
        alpha_amount,
    }
}

/// A chain on which `//Bob` holds more than 900,000 alpha.
fn with_much_alpha(test: impl FnOnce()) {
    on_a_subnet(|| {
        pool(1_000 * UNIT, 1_000_000 * UNIT);
        expect("Bob", add(10_000 * UNIT), OK);
        test();
    });
}

/// Staking looks at the pool beforehand, and has one name for all that is amiss there.
#[test]
fn nobody_buys_at_a_million_tao() {
    on_a_subnet(|| {
        let register = |hotkey: &str| Call::burned_register { netuid: SUBNET, hotkey: key(hotkey) };
        let nothing = SimSwapResult::default();
        pool(1_000 * UNIT, 1_000_000);
        expect("Bob", register("hotkey"), "PriceLimitExceeded");
        expect("Bob", add(UNIT), "InsufficientLiquidity");
        assert_eq!(SubtensorModule::simulate_buy(SUBNET, UNIT), nothing);
        // Too little alpha is told of first.
        pool(1_000 * UNIT, 999_999);
        expect("Bob", register("hotkey"), "ReservesTooLow");
        // So little below that not a rao fits: a registration buys nothing for its price.
        pool(1_000 * UNIT - 1, 1_000_000);
        expect("Bob", add(UNIT), "AmountTooLow");
        expect("Bob", register("hotkey"), OK);
        assert_eq!(reserves(), (1_000 * UNIT - 1, 1_000_000));
        pool(500 * UNIT, 1_000_000);
        assert_ne!(SubtensorModule::simulate_buy(SUBNET, UNIT), nothing);
        expect("Bob", register("other"), OK);
    });
}

/// That nothing is given back rests on the source of versions near spec 425: no recorded purchase ends there.
#[test]
fn a_purchase_stops_at_a_million_tao_and_the_rest_is_not_given_back() {
    on_a_subnet(|| {
        // A quarter of that price: it is reached with as much TAO again.
        pool(1_000 * UNIT, 4_000_000);
        let tao = 3_000 * UNIT;
        let (balance, staked) = (Balances::free_balance(key("Bob")), s::TotalStake::<Runtime>::get());
        expect("Bob", add(tao), OK);
        assert_eq!(reserves(), (2_000 * UNIT, 2_000_000));
        // The fee is that on what went in; the event tells what was paid.
        assert!(told(Event::StakeAdded(key("Bob"), key("owner"), tao, 2_000_000, SUBNET, 503_801_410)));
        assert_eq!(Balances::free_balance(key("Bob")), balance - tao);
        assert_eq!(s::TotalStake::<Runtime>::get(), staked + tao, "and all of it counts as stake");
        assert_eq!(SubtensorModule::simulate_buy(SUBNET, UNIT), SimSwapResult::default());
    });
}

#[test]
fn a_purchase_with_a_limit_of_its_own_ends_there() {
    on_a_subnet(|| {
        pool(1_000 * UNIT, 4_000_000);
        expect("Bob", add_within(3_000 * UNIT, u64::MAX, false), OK);
        assert_eq!(reserves().0, 4_000 * UNIT - 1_510_643_167, "above a million TAO as well");
        // A price of 400 would be nineteenfold TAO away, but the real chain counts no further than 2⁶⁴ − 1 parts of 10¹⁸.
        pool(1_000 * UNIT, 1_000 * UNIT);
        expect("Bob", add_within(18_000 * UNIT, 400 * UNIT, false), "SlippageTooHigh");
        expect("Bob", add_within(17_000 * UNIT, 400 * UNIT, false), OK);
    });
}

#[test]
fn a_pool_is_asked_for_its_size_before_its_price() {
    on_a_subnet(|| {
        expect("Bob", add(10 * UNIT), OK);
        let price = SubtensorModule::alpha_price(SUBNET);
        let (tao, alpha) = reserves();
        expect("Bob", add_within(1_000 * tao + 1, price / 2, true), "InsufficientLiquidity");
        expect("Bob", add_within(1_000 * tao, price / 2, true), "PriceLimitExceeded");
        expect("Bob", remove_within(1_000 * alpha + 1, price * 2, true), "InsufficientLiquidity");
        expect("Bob", remove_within(1_000 * alpha, price * 2, true), "PriceLimitExceeded");
        // A limit asks the pool itself, whose own word for too little of the other side is heard.
        pool(1_000 * UNIT, 999_999);
        expect("Bob", add_within(UNIT, u64::MAX, true), "ReservesTooLow");
        expect("Bob", add(UNIT), "InsufficientLiquidity");
        pool(999_999, 1_000 * UNIT);
        expect("Bob", remove_within(UNIT, 0, true), "ReservesTooLow");
        expect("Bob", remove(UNIT), "InsufficientLiquidity");
    });
}

#[test]
fn nobody_sells_at_a_millionth_of_a_tao() {
    with_much_alpha(|| {
        pool(2_000_000, 2_000 * UNIT);
        expect("Bob", remove(u64::MAX), "InsufficientLiquidity");
        assert_eq!(SubtensorModule::simulate_sale(SUBNET, UNIT), SimSwapResult::default());
        pool(4_000_000, 2_000 * UNIT);
        assert_ne!(SubtensorModule::simulate_sale(SUBNET, UNIT), SimSwapResult::default());
    });
}

#[test]
fn a_sale_stops_at_a_millionth_of_a_tao_and_the_rest_stays_stake() {
    with_much_alpha(|| {
        FeeRate::<Runtime>::insert(SUBNET, 0);
        let held = || s::TotalHotkeyAlpha::<Runtime>::get(key("owner"), SUBNET);
        let before = held();
        pool(9_000_000, 2_000 * UNIT);
        expect("Bob", remove(u64::MAX), OK);
        assert!(told(Event::StakeRemoved(key("Bob"), key("owner"), 4_757_359, 2_242_640_687_119, SUBNET, 0)));
        assert_eq!(held(), before - 2_242_640_687_119);
        assert_eq!(reserves(), (9_000_000 - 4_757_359, 2_000 * UNIT + 2_242_640_687_119));
    });
}

/// The fee is sold after what it is paid for, down to the least price, and is refused there like any other sale. That a
/// fee of nothing is, too, rests on the source of versions near spec 425: no recorded sale ends at the least price.
#[test]
fn a_sale_down_to_the_least_price_leaves_none_for_its_fee() {
    with_much_alpha(|| {
        // Exactly there, and so little above it that the fee would give nothing.
        for (tao, wanted) in [(8_000_000, "PriceLimitExceeded"), (9_000_000, "ReservesTooLow")] {
            pool(tao, 2_000 * UNIT);
            expect("Bob", remove(u64::MAX), wanted);
            expect("Bob", Call::unstake_all { hotkey: key("owner") }, wanted);
            assert_eq!(reserves(), (tao, 2_000 * UNIT));
        }
        // Even a fee of nothing is asked for its price.
        FeeRate::<Runtime>::insert(SUBNET, 0);
        expect("Bob", remove_within(3_000 * UNIT, 0, false), "PriceLimitExceeded");
    });
}

#[test]
fn a_fee_is_a_fraction_of_64_bits() {
    on_a_subnet(|| {
        // 33 / 65,535 of it are 33,000, but the fraction has no end.
        assert_eq!(SubtensorModule::simulate_buy(SUBNET, 65_535_000).tao_fee, 32_999);
        assert_eq!(SubtensorModule::simulate_buy(SUBNET, 65_536_000).tao_fee, 33_000);
    });
}

#[test]
fn a_price_is_rounded_before_anything_is_valued_at_it() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        expect("Bob", add(10 * UNIT), OK);
        pool(3_000 * UNIT, 8_000 * UNIT);
        assert_eq!(SubtensorModule::alpha_price(SUBNET), 375_000_000);
        // Three tenths have no end.
        pool(3_000 * UNIT, 10_000 * UNIT);
        assert_eq!(SubtensorModule::alpha_price(SUBNET), 299_999_999);
        expect("Bob", move_within(UNIT), OK);
        assert!(told(Event::StakeMoved(key("Bob"), key("owner"), SUBNET, key("other"), SUBNET, 299_999_999)));
    });
}

/// Exchanges stop at the price at which alpha is valued. A third has no end, so thrice a third is not one. When it is
/// rounded rests on the source of versions near spec 425: recorded prices are of even weights.
#[test]
fn weights_are_divided_and_rounded_before_reserves_are() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        expect("Bob", add(10 * UNIT), OK);
        pool(3_000 * UNIT, 1_000 * UNIT);
        weigh_tao(75);
        assert_eq!(SubtensorModule::alpha_price(SUBNET), 999_999_999);
        expect("Bob", move_within(UNIT), OK);
        assert!(told(Event::StakeMoved(key("Bob"), key("owner"), SUBNET, key("other"), SUBNET, 999_999_999)));
        // A ninth of the weight, nine times the TAO.
        pool(9_000 * UNIT, 1_000 * UNIT);
        weigh_tao(90);
        assert_eq!(SubtensorModule::alpha_price(SUBNET), 999_999_999);
        // A third of the alpha, thrice the weight; a half comes out whole.
        pool(1_000 * UNIT, 3_000 * UNIT);
        weigh_tao(25);
        assert_eq!(SubtensorModule::alpha_price(SUBNET), 999_999_999);
        pool(1_000 * UNIT, 2_000 * UNIT);
        assert_eq!(SubtensorModule::alpha_price(SUBNET), 1_500_000_000);
    });
}

/// This rests on the source of versions near spec 425 as well: no recording has a limit so close.
#[test]
fn a_ratio_of_prices_is_rounded_before_a_limit_is_held_against_it() {
    on_a_subnet(|| {
        s::SubtokenEnabled::<Runtime>::insert(FIRST, true);
        expect("Bob", add(10 * UNIT), OK);
        pool(3_000 * UNIT, 1_000 * UNIT);
        weigh_tao(75);
        s::SubnetTAO::<Runtime>::insert(FIRST, 1_000 * UNIT);
        s::SubnetAlphaIn::<Runtime>::insert(FIRST, 1_000 * UNIT);
        let swap = |limit_price| Call::swap_stake_limit {
            hotkey: key("owner"),
            origin_netuid: SUBNET,
            destination_netuid: FIRST,
            alpha_amount: UNIT,
            limit_price,
            allow_partial: false,
        };
        // The ratio is one but for its last bit.
        expect("Bob", swap(UNIT), "SlippageTooHigh");
        expect("Bob", swap(UNIT - 1), OK);
    });
}

/// Read in sources before and after spec 425.
#[test]
fn a_subnet_that_does_not_trade_lets_stake_out_at_a_limit_alone() {
    on_a_subnet(|| {
        expect("Bob", add(10 * UNIT), OK);
        s::SubtokenEnabled::<Runtime>::insert(SUBNET, false);
        let held = || SubtensorModule::stake(&key("owner"), &key("Bob"), SUBNET);
        let before = held();
        let whole = |limit_price| Call::remove_stake_full_limit { hotkey: key("owner"), netuid: SUBNET, limit_price };
        for call in [remove(UNIT), whole(None)] {
            expect("Bob", call, "SubtokenDisabled");
        }
        expect("Bob", Call::unstake_all { hotkey: key("owner") }, OK);
        assert_eq!(held(), before);

        let limit_price = SubtensorModule::alpha_price(SUBNET) / 2;
        expect("Bob", remove_within(before / 2, limit_price, false), OK);
        assert!(held() < before);
        expect("Bob", whole(Some(limit_price)), OK);
        assert_eq!(held(), 0);
    });
}

#[test]
fn a_pool_is_set_up_by_its_first_trade_and_root_has_none() {
    on_a_subnet(|| {
        let set_up = |netuid| PalSwapInitialized::<Runtime>::get(netuid);
        let price = SubtensorModule::alpha_price(SUBNET);
        expect("Bob", add_within(10 * UNIT, price / 2, false), "PriceLimitExceeded");
        assert!(!set_up(SUBNET), "nothing was traded");
        expect("Bob", add(10 * UNIT), OK);
        assert!(set_up(SUBNET));
        s::SubtokenEnabled::<Runtime>::insert(ROOT, true);
        expect("Bob", Call::add_stake { hotkey: key("owner"), netuid: ROOT, amount_staked: UNIT }, OK);
        assert!(!set_up(ROOT));
    });
}

#[test]
fn the_last_block_of_staking_is_that_of_any_change() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        let last = |hotkey: &str| s::LastColdkeyHotkeyStakeBlock::<Runtime>::get(key("Bob"), key(hotkey));
        expect("Bob", add(10 * UNIT), OK);
        assert_eq!((last("owner"), last("other")), (Some(1), None));
        wait(1);
        expect("Bob", remove(UNIT), OK);
        assert_eq!(last("owner"), Some(2));
        wait(1);
        expect("Bob", move_within(UNIT), OK);
        assert_eq!((last("owner"), last("other")), (Some(2), Some(3)), "within a subnet it is where stake arrives");
    });
}
