//! What runtime APIs answer where it is not just what is stored.

use btd_devnet_runtime::{
    Runtime, SubtensorModule, UNIT,
    subtensor::{
        self as s, Call,
        info::{SimSwapResult, StakeAvailability},
        types::ROOT,
    },
};
use codec::Compact;

use crate::{NOWHERE, OK, SUBNET, begin, expect, key, on_a_chain, on_a_subnet};

#[test]
fn a_delegate_returns_less_what_it_takes_in_fractions_of_epochs() {
    on_a_subnet(|| {
        s::Delegates::<Runtime>::insert(key("owner"), 13_107);
        s::TotalHotkeyAlpha::<Runtime>::insert(key("owner"), ROOT, 2_000 * UNIT);
        s::Emission::<Runtime>::insert(SUBNET, vec![UNIT]);
        s::Tempo::<Runtime>::insert(SUBNET, 360);
        let returns = || {
            let delegate = SubtensorModule::delegate(&key("owner")).unwrap();
            (delegate.total_daily_return.0, delegate.return_per_1000.0)
        };
        // Twenty epochs a day; a fifth is taken, and there are two thousands.
        assert_eq!(returns(), (20 * UNIT, 8 * UNIT));
        s::Emission::<Runtime>::insert(SUBNET, vec![7_u64]);
        s::Tempo::<Runtime>::insert(SUBNET, 7);
        // Seven times a seventh of 7,200 is less by the last digit, and is rounded down.
        assert_eq!(returns().0, 7_199);
        s::Tempo::<Runtime>::insert(SUBNET, 0);
        assert_eq!(returns(), (0, 0));
    });
}

#[test]
fn nominations_are_valued_by_the_place_of_their_subnet_in_the_list() {
    on_a_subnet(|| {
        let (hotkey, netuid) = (key("owner"), SUBNET);
        expect("Bob", Call::add_stake { hotkey: hotkey.clone(), netuid, amount_staked: UNIT }, OK);
        s::Delegates::<Runtime>::insert(&hotkey, 0);
        let told = || {
            let nominators = SubtensorModule::delegate(&hotkey).unwrap().nominators.into_iter();
            nominators
                .map(|(who, held)| (who, held.iter().map(|(netuid, alpha)| (netuid.0, alpha.0)).collect()))
                .collect::<Vec<(_, Vec<(u16, u64)>)>>()
        };
        let held = SubtensorModule::stake(&hotkey, &key("Bob"), SUBNET);
        assert_eq!(told(), [(key("Bob"), vec![(SUBNET, held)])]);
        // Subnets 0 and 2: no subnet stands at place 2.
        s::NetworksAdded::<Runtime>::remove(1);
        assert_eq!(told(), []);
        // Subnets 0, 2 and 5: the last stands there, where as many shares are worth double.
        s::NetworksAdded::<Runtime>::insert(5, true);
        let shares = s::TotalHotkeySharesV2::<Runtime>::get(&hotkey, SUBNET);
        s::TotalHotkeySharesV2::<Runtime>::insert(&hotkey, 5, shares);
        let alpha = s::TotalHotkeyAlpha::<Runtime>::get(&hotkey, SUBNET);
        s::TotalHotkeyAlpha::<Runtime>::insert(&hotkey, 5, 2 * alpha);
        assert_eq!(told(), [(key("Bob"), vec![(SUBNET, 2 * held)])]);
    });
}

#[test]
fn who_asks_for_more_subnets_than_there_are_is_told_nothing() {
    on_a_subnet(|| {
        expect("Bob", Call::add_stake { hotkey: key("owner"), netuid: SUBNET, amount_staked: UNIT }, OK);
        let told = |netuids: Option<&[u16]>| SubtensorModule::stake_availability(&key("Bob"), netuids).len();
        assert_eq!(told(None), 1);
        assert_eq!(told(Some(&[SUBNET, SUBNET, SUBNET, SUBNET])), 1, "each is counted once");
        assert_eq!(told(Some(&[0, 1, SUBNET])), 1);
        assert_eq!(told(Some(&[0, 1, SUBNET, 77])), 0);
        assert_eq!(told(Some(&[])), 0);
    });
}

#[test]
fn what_is_locked_is_told_where_nothing_is_staked_any_more() {
    on_a_subnet(|| {
        let told = || SubtensorModule::stake_availability(&key("Bob"), None).into_iter().collect::<Vec<_>>();
        let entry = |total, locked, available| {
            let [total, locked, available] = [total, locked, available].map(Compact);
            vec![(SUBNET, StakeAvailability { total, locked, available })]
        };
        assert_eq!(told(), []);
        expect("Bob", Call::add_stake { hotkey: key("owner"), netuid: SUBNET, amount_staked: UNIT }, OK);
        let held = SubtensorModule::stake(&key("owner"), &key("Bob"), SUBNET);
        assert_eq!(told(), entry(held, 0, held));
        expect("Bob", Call::lock_stake { hotkey: key("owner"), netuid: SUBNET, amount: held - 7 }, OK);
        assert_eq!(told(), entry(held, held - 7, 7));
        // A lock does not end with the stake, and is told whole.
        s::AlphaV2::<Runtime>::remove((key("owner"), key("Bob"), SUBNET));
        assert_eq!(told(), entry(0, held - 7, 0));
        let told_of = |netuids: &[u16]| SubtensorModule::stake_availability(&key("Bob"), Some(netuids)).len();
        assert_eq!((told_of(&[SUBNET]), told_of(&[1, NOWHERE])), (1, 0));
    });
}

#[test]
fn the_history_of_emission_is_in_the_order_of_storage() {
    on_a_subnet(|| {
        s::NetworksAdded::<Runtime>::insert(256, true);
        for (netuid, emission) in [(1, 1), (SUBNET, 2), (256, 256)] {
            s::LastHotkeyEmissionOnNetuid::<Runtime>::insert(key("owner"), netuid, emission);
        }
        let history = SubtensorModule::subnet_state(SUBNET).unwrap().emission_history;
        let of = |emission| vec![Compact(emission)];
        assert_eq!(history, [of(0), of(256), of(1), of(2)]);
    });
}

/// How many blocks have passed since the last epoch, as every answer tells that derives it.
fn since_last_step(netuid: u16) -> [u64; 5] {
    let dynamic = SubtensorModule::dynamic_info(netuid).unwrap().blocks_since_last_step;
    let metagraph = SubtensorModule::metagraph(netuid).unwrap().blocks_since_last_step;
    let chosen = SubtensorModule::selective_metagraph(netuid, &[10]).unwrap().blocks_since_last_step.unwrap();
    let mechanism = SubtensorModule::mechagraph(netuid, 0).unwrap().blocks_since_last_step;
    let of_all = SubtensorModule::all_mechagraphs().into_iter().flatten().find(|graph| graph.netuid.0 == netuid);
    [dynamic, metagraph, chosen, mechanism, of_all.unwrap().blocks_since_last_step].map(|blocks| blocks.0)
}

#[test]
fn blocks_since_the_last_step_count_from_the_last_epoch_that_ran_and_else_from_genesis() {
    on_a_chain(|| {
        begin(42);
        expect("Alice", Call::register_network { hotkey: key("owner") }, OK);
        begin(43);
        // Root never ends an epoch and a new subnet has not ended one; what storage counts is another figure.
        assert_eq!(since_last_step(ROOT), [43; 5]);
        assert_eq!(since_last_step(SUBNET), [43; 5]);
        let counted = |netuid| SubtensorModule::subnet_info(netuid).unwrap().blocks_since_last_step.0;
        assert_eq!((counted(ROOT), counted(SUBNET)), (0, 1), "the old answer tells what is stored");
        let tempo = u32::from(s::Tempo::<Runtime>::get(SUBNET));
        let due = u32::try_from(s::LastEpochBlock::<Runtime>::get(SUBNET)).unwrap() + tempo;
        begin(due);
        assert_eq!(since_last_step(SUBNET), [0; 5]);
        begin(due + 5);
        assert_eq!(since_last_step(SUBNET), [5; 5]);
        // Of two seats of one hotkey no epoch is reckoned: it is skipped, and the count goes on.
        s::Keys::<Runtime>::insert(SUBNET, 1, key("owner"));
        begin(due + tempo);
        assert_eq!(s::LastEpochBlock::<Runtime>::get(SUBNET), u64::from(due + tempo));
        assert_eq!(since_last_step(SUBNET), [u64::from(tempo); 5]);
    });
}

#[test]
fn slippage_is_what_the_whole_amount_is_worth_at_the_price_less_what_it_gives() {
    on_a_subnet(|| {
        let pool = |tao, alpha| {
            s::SubnetTAO::<Runtime>::insert(SUBNET, tao);
            s::SubnetAlphaIn::<Runtime>::insert(SUBNET, alpha);
        };
        pool(1_000 * UNIT, 1_000 * UNIT);
        // The fee of 33 / 65,535 does not go into the pool, but it is part of what is lost.
        let bought = SimSwapResult {
            tao_amount: 9_994_964_523,
            alpha_amount: 9_896_053_816,
            tao_fee: 5_035_477,
            alpha_slippage: 103_946_184,
            ..SimSwapResult::default()
        };
        assert_eq!(SubtensorModule::simulate_buy(SUBNET, 10 * UNIT), bought);
        let sold = SimSwapResult {
            tao_amount: 9_896_053_816,
            alpha_amount: 9_994_964_523,
            alpha_fee: 5_035_477,
            tao_slippage: 103_946_184,
            ..SimSwapResult::default()
        };
        assert_eq!(SubtensorModule::simulate_sale(SUBNET, 10 * UNIT), sold);
        // At a price just below three.
        pool(3_000 * UNIT, 1_000 * UNIT + 7_000);
        let bought = SubtensorModule::simulate_buy(SUBNET, 10 * UNIT);
        assert_eq!(bought.alpha_amount + bought.alpha_slippage, 3_333_333_356);
        let sold = SubtensorModule::simulate_sale(SUBNET, 10 * UNIT);
        assert_eq!(sold.tao_amount + sold.tao_slippage, 29_999_999_790);
    });
}

#[test]
fn where_alpha_is_tao_a_simulated_exchange_gives_what_is_put_in_and_on_no_subnet_nothing() {
    on_a_subnet(|| {
        let even = SimSwapResult { tao_amount: UNIT, alpha_amount: UNIT, ..SimSwapResult::default() };
        s::SubnetMechanism::<Runtime>::insert(SUBNET, 0);
        for netuid in [ROOT, SUBNET] {
            s::SubnetTAO::<Runtime>::insert(netuid, 0);
            assert_eq!(SubtensorModule::simulate_buy(netuid, UNIT), even);
            assert_eq!(SubtensorModule::simulate_sale(netuid, UNIT), even, "whatever the pool holds");
        }
        let none = SimSwapResult { alpha_slippage: UNIT, ..SimSwapResult::default() };
        assert_eq!(SubtensorModule::simulate_buy(NOWHERE, UNIT), none);
        let none = SimSwapResult { tao_slippage: UNIT, ..SimSwapResult::default() };
        assert_eq!(SubtensorModule::simulate_sale(NOWHERE, UNIT), none);
    });
}

#[test]
fn an_exchange_that_cannot_be_made_is_simulated_as_nothing_at_all() {
    on_a_subnet(|| {
        let (tao, alpha) = (1_000 * UNIT, 1_000 * UNIT);
        for (tao, alpha, amount, why) in [
            (tao, 999_999, UNIT, "too little alpha to take any"),
            (tao, alpha, 1_001_000 * UNIT, "more than a thousand times what is there"),
        ] {
            s::SubnetTAO::<Runtime>::insert(SUBNET, tao);
            s::SubnetAlphaIn::<Runtime>::insert(SUBNET, alpha);
            assert_eq!(SubtensorModule::simulate_buy(SUBNET, amount), SimSwapResult::default(), "{why}");
            s::SubnetTAO::<Runtime>::insert(SUBNET, alpha);
            s::SubnetAlphaIn::<Runtime>::insert(SUBNET, tao);
            assert_eq!(SubtensorModule::simulate_sale(SUBNET, amount), SimSwapResult::default(), "{why}");
        }
        // Nor one that would give nothing for something.
        s::SubnetTAO::<Runtime>::insert(SUBNET, 3_000 * UNIT);
        s::SubnetAlphaIn::<Runtime>::insert(SUBNET, 1_000 * UNIT);
        assert_eq!(SubtensorModule::simulate_buy(SUBNET, 2), SimSwapResult::default());
        assert_eq!(SubtensorModule::simulate_buy(SUBNET, 4).alpha_amount, 1);
    });
}
