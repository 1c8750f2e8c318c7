//! Root dividends: who is owed them, what a claim counts, and who is remembered for claims by blocks.

use std::collections::BTreeSet;

use btd_devnet_runtime::{
    Runtime, SubtensorModule, System, UNIT,
    subtensor::{
        self as s, Call,
        fixed::I96F32,
        types::{NetUid, ROOT, RootClaimTypeEnum},
    },
};
use frame_support::traits::{Currency, Hooks};

use crate::{OK, SUBNET, expect, key, on_a_subnet};

/// A chain on which `//Bob` stakes TAO on root, behind the hotkey of the subnet's owner.
fn on_a_chain_with_root_stake(tao: u64, test: impl FnOnce()) {
    on_a_subnet(|| {
        s::SubtokenEnabled::<Runtime>::insert(ROOT, true);
        expect("Bob", Call::add_stake { hotkey: key("owner"), netuid: SUBNET, amount_staked: 10 * UNIT }, OK);
        expect("Bob", Call::add_stake { hotkey: key("owner"), netuid: ROOT, amount_staked: tao }, OK);
        test();
    });
}

/// Ends an epoch that pays so much on account of root stake.
fn end_epoch(root: u64) {
    let block = System::block_number() + 400;
    System::set_block_number(block);
    s::SubnetAlphaOut::<Runtime>::mutate(SUBNET, |issued| *issued += root);
    s::PendingRootAlphaDivs::<Runtime>::insert(SUBNET, root);
    s::NumRootClaim::<Runtime>::put(0);
    SubtensorModule::on_initialize(block);
}

fn rate(hotkey: &str, netuid: NetUid) -> Option<I96F32> {
    s::RootClaimable::<Runtime>::get(key(hotkey)).get(&netuid).copied()
}

fn claim() -> Call<Runtime> {
    Call::claim_root { subnets: [SUBNET].into() }
}

#[test]
fn a_claim_counts_as_a_sale_by_the_protocol_and_moves_no_volume_of_root() {
    on_a_chain_with_root_stake(1_000 * UNIT, || {
        end_epoch(UNIT);
        let flow = s::SubnetTaoFlow::<Runtime>::get(SUBNET);
        let counted = s::SubnetProtocolFlow::<Runtime>::get(SUBNET);
        let volume = s::SubnetVolume::<Runtime>::get(ROOT);
        let before = (s::SubnetTAO::<Runtime>::get(ROOT), s::SubnetAlphaOut::<Runtime>::get(ROOT));
        let total = s::TotalStake::<Runtime>::get();
        expect("Bob", claim(), OK);
        let sold = s::SubnetRootSellTao::<Runtime>::get(SUBNET);
        assert!(sold > 0);
        assert_eq!(s::SubnetProtocolFlow::<Runtime>::get(SUBNET), counted - i64::try_from(sold).unwrap());
        assert_eq!(s::SubnetTaoFlow::<Runtime>::get(SUBNET), flow, "no staker sold");
        assert_eq!(s::SubnetVolume::<Runtime>::get(ROOT), volume);
        let after = (s::SubnetTAO::<Runtime>::get(ROOT), s::SubnetAlphaOut::<Runtime>::get(ROOT));
        assert_eq!(after, (before.0 + sold, before.1 + sold));
        assert_eq!(s::TotalStake::<Runtime>::get(), total, "what leaves one pool is staked on root");
        assert_eq!(SubtensorModule::stake(&key("owner"), &key("Bob"), ROOT), 1_000 * UNIT + sold);
    });
}

#[test]
fn a_claim_that_cannot_be_paid_leaves_no_trace() {
    on_a_chain_with_root_stake(1_000 * UNIT, || {
        end_epoch(UNIT);
        // The pool's account does not hold what the pool says it does.
        let pool = SubtensorModule::subnet_account(SUBNET);
        let _ = btd_devnet_runtime::Balances::make_free_balance_be(&pool, 0);
        let state = || {
            (
                s::SubnetTAO::<Runtime>::get(SUBNET),
                s::SubnetAlphaIn::<Runtime>::get(SUBNET),
                s::RootClaimed::<Runtime>::get((SUBNET, key("owner"), key("Bob"))),
                s::SubnetRootSellTao::<Runtime>::get(SUBNET),
            )
        };
        let before = state();
        expect("Bob", claim(), OK);
        assert_eq!(state(), before);
    });
}

#[test]
fn a_dividend_greater_than_the_root_stake_goes_to_the_hotkeys_owner() {
    on_a_chain_with_root_stake(UNIT, || {
        let before = SubtensorModule::stake(&key("owner"), &key("Alice"), SUBNET);
        s::Delegates::<Runtime>::insert(key("owner"), 0);
        s::OwnerCutEnabled::<Runtime>::insert(SUBNET, false);
        end_epoch(5 * UNIT);
        assert_eq!(rate("owner", SUBNET), None);
        let gained = SubtensorModule::stake(&key("owner"), &key("Alice"), SUBNET) - before;
        assert!(gained.abs_diff(5 * UNIT) < 10, "{gained}");
    });
}

/// What a recorded claim weighs shows that such a hotkey is looked at.
#[test]
fn a_hotkey_that_earned_nothing_on_root_is_noted_at_a_rate_of_zero() {
    on_a_subnet(|| {
        crate::register(SUBNET, "miner");
        end_epoch(0);
        assert_eq!(rate("miner", SUBNET), Some(I96F32::default()));
    });
}

#[test]
fn a_claim_weighs_by_hotkeys_and_by_what_each_may_owe() {
    on_a_subnet(|| {
        let weight = |by: &str| {
            let by = crate::origin(by);
            SubtensorModule::claim_root(by, [SUBNET].into()).unwrap().actual_weight.unwrap()
        };
        let read = 25_000_000;
        assert_eq!((weight("Bob").ref_time(), weight("Bob").proof_size()), (read, 0), "no hotkey");
        expect("Bob", Call::try_associate_hotkey { hotkey: key("one") }, OK);
        assert_eq!((weight("Bob").ref_time(), weight("Bob").proof_size()), (4 * read, 0), "a hotkey that owes nothing");
        s::RootClaimable::<Runtime>::mutate(key("one"), |rates| rates.insert(SUBNET, I96F32::default()));
        let seen = 60_000_000 + 7 * read + 500_000_000;
        assert_eq!((weight("Bob").ref_time(), weight("Bob").proof_size()), (4 * read + seen, 6_987));
    });
}

#[test]
fn who_claims_or_says_how_is_remembered_for_claims_by_blocks() {
    on_a_subnet(|| {
        let known = |name: &str| s::StakingColdkeys::<Runtime>::get(key(name));
        let none = Call::claim_root { subnets: BTreeSet::new() };
        expect("Charlie", none, "InvalidSubnetNumber");
        let empty = RootClaimTypeEnum::KeepSubnets { subnets: BTreeSet::new() };
        expect("Charlie", Call::set_root_claim_type { new_root_claim_type: empty }, "InvalidSubnetNumber");
        assert_eq!(known("Charlie"), None);
        let first = s::NumStakingColdkeys::<Runtime>::get();
        expect("Charlie", claim(), OK);
        expect("Dave", Call::set_root_claim_type { new_root_claim_type: RootClaimTypeEnum::Keep }, OK);
        expect("Dave", claim(), OK);
        assert_eq!((known("Charlie"), known("Dave")), (Some(first), Some(first + 1)));
        assert_eq!(s::NumStakingColdkeys::<Runtime>::get(), first + 2);
    });
}

fn swap(netuid: Option<NetUid>) -> Call<Runtime> {
    Call::swap_hotkey { hotkey: key("owner"), new_hotkey: key("new"), netuid }
}

#[test]
fn a_hotkey_that_takes_over_root_stake_does_not_owe_again_what_was_claimed() {
    for netuid in [None, Some(ROOT)] {
        on_a_chain_with_root_stake(1_000 * UNIT, || {
            // Unlike Bob, Charlie has no alpha of the subnet behind the hotkey.
            let stake = || Call::add_stake { hotkey: key("owner"), netuid: ROOT, amount_staked: 1_000 * UNIT };
            expect("Charlie", stake(), OK);
            end_epoch(UNIT);
            let held = |hotkey: &str| SubtensorModule::stake(&key(hotkey), &key("Charlie"), ROOT);
            let claimed = |hotkey: &str| s::RootClaimed::<Runtime>::get((SUBNET, key(hotkey), key("Charlie")));
            let before = held("owner");
            expect("Charlie", claim(), OK);
            assert!(held("owner") > before, "the claim is paid");
            let (rate_before, had) = (rate("owner", SUBNET), claimed("owner"));
            assert!(had > 0);

            System::set_block_number(7_201);
            expect("Alice", swap(netuid), OK);
            assert_eq!((rate("owner", SUBNET), rate("new", SUBNET)), (None, rate_before), "{netuid:?}");
            assert_eq!((claimed("owner"), claimed("new")), (0, had), "{netuid:?}");
            let before = held("new");
            expect("Charlie", claim(), OK);
            assert_eq!(held("new"), before, "{netuid:?}");
        });
    }
}

#[test]
fn an_exchange_on_a_subnet_leaves_root_dividends_and_claims_where_they_are() {
    on_a_chain_with_root_stake(1_000 * UNIT, || {
        expect("Bob", Call::set_root_claim_type { new_root_claim_type: RootClaimTypeEnum::Keep }, OK);
        end_epoch(UNIT);
        let held = |hotkey: &str| SubtensorModule::stake(&key(hotkey), &key("Bob"), SUBNET);
        let claimed = |hotkey: &str| s::RootClaimed::<Runtime>::get((SUBNET, key(hotkey), key("Bob")));
        let before = held("owner");
        expect("Bob", claim(), OK);
        assert!(held("owner") > before, "the claim is paid");
        let (rate_before, had) = (rate("owner", SUBNET), claimed("owner"));

        System::set_block_number(7_201);
        expect("Alice", swap(Some(SUBNET)), OK);
        assert_eq!((rate("owner", SUBNET), rate("new", SUBNET)), (rate_before, None));
        assert_eq!((claimed("owner"), claimed("new")), (had, 0));
        let before = held("new");
        expect("Bob", claim(), OK);
        assert_eq!((held("owner"), held("new")), (0, before));
    });
}

#[test]
fn an_exchange_of_coldkeys_moves_what_was_claimed_with_alpha_and_never_the_choice() {
    for (who, has_alpha) in [("Bob", true), ("Charlie", false)] {
        on_a_chain_with_root_stake(1_000 * UNIT, || {
            let amount_staked = 1_000 * UNIT;
            expect("Charlie", Call::add_stake { hotkey: key("owner"), netuid: ROOT, amount_staked }, OK);
            end_epoch(UNIT);
            let claimed = |coldkey: &str| s::RootClaimed::<Runtime>::get((SUBNET, key("owner"), key(coldkey)));
            expect(who, claim(), OK);
            expect(who, Call::set_root_claim_type { new_root_claim_type: RootClaimTypeEnum::Keep }, OK);
            let had = claimed(who);
            assert!(had > 0);

            let (old_coldkey, new_coldkey) = (key(who), key("new"));
            expect("root", Call::swap_coldkey { old_coldkey, new_coldkey, swap_cost: 0 }, OK);
            assert!(SubtensorModule::stake(&key("owner"), &key("new"), ROOT) >= 1_000 * UNIT);
            assert_eq!((claimed(who), claimed("new")), if has_alpha { (0, had) } else { (had, 0) }, "{who}");
            assert_eq!(s::RootClaimType::<Runtime>::try_get(key(who)), Ok(RootClaimTypeEnum::Keep));
            assert!(!s::RootClaimType::<Runtime>::contains_key(key("new")));
        });
    }
}
