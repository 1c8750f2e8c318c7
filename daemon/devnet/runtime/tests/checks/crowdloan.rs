//! Crowdloans: who may contribute how much until when, what becomes of the money, and subnets leased with it.

use btd_devnet_runtime::{
    Balances, Crowdloan, Proxy, Runtime, RuntimeCall, RuntimeEvent, SubtensorModule, System, UNIT,
    crowdloan::{self as c, Error as Refusal},
    proxy::{self, ProxyType},
    subtensor::fixed::U64F64,
};
use codec::Encode;
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult, traits::Hooks};
use sp_runtime::{
    Percent,
    traits::{BlakeTwo256, Hash},
};

use super::{AccountId, Error, by, chain_told, key, on_a_chain, s};

/// When the crowdloans of these tests end.
const END: u32 = 60_000;

fn create(deposit: u64, least: u64, cap: u64, end: u32) -> DispatchResult {
    Crowdloan::create(by("Bob"), deposit, least, cap, end, None, Some(key("target")))
}

/// A crowdloan of Bob's for 100 TAO, 10 of which are his.
fn begun() {
    assert_ok!(create(10 * UNIT, UNIT, 100 * UNIT, END));
}

fn info() -> c::Crowdloan {
    c::Crowdloans::<Runtime>::get(0).unwrap()
}

fn told(event: c::Event<Runtime>) -> bool {
    let event = RuntimeEvent::Crowdloan(event);
    System::events().into_iter().any(|record| record.event == event)
}

#[test]
fn terms_are_checked_in_order() {
    on_a_chain(|| {
        assert_noop!(create(10 * UNIT - 1, 0, 0, 0), Refusal::<Runtime>::DepositTooLow);
        assert_noop!(create(10 * UNIT, 0, 10 * UNIT, 0), Refusal::<Runtime>::CapTooLow);
        assert_noop!(create(10 * UNIT, UNIT / 10 - 1, 11 * UNIT, 0), Refusal::<Runtime>::MinimumContributionTooLow);
        let call = || Some(Box::new(RuntimeCall::System(frame_system::Call::remark { remark: vec![] })));
        for (call, target) in [(None, None), (call(), Some(key("target")))] {
            assert_noop!(
                Crowdloan::create(by("Bob"), 10 * UNIT, UNIT, 11 * UNIT, 0, call, target),
                Refusal::<Runtime>::InvalidFinalizationConfig
            );
        }
        assert_noop!(create(10 * UNIT, UNIT, 11 * UNIT, 1), Refusal::<Runtime>::CannotEndInPast);
        assert_noop!(create(10 * UNIT, UNIT, 11 * UNIT, 50_400), Refusal::<Runtime>::BlockDurationTooShort);
        assert_noop!(create(10 * UNIT, UNIT, 11 * UNIT, 432_002), Refusal::<Runtime>::BlockDurationTooLong);
        assert_noop!(create(u64::MAX - 1, UNIT, u64::MAX, END), Refusal::<Runtime>::InsufficientBalance);
        let before = Balances::free_balance(key("Bob"));
        begun();
        assert_eq!(Balances::free_balance(key("Bob")), before - 10 * UNIT);
        assert_eq!(Balances::free_balance(Crowdloan::funds_account(0)), 10 * UNIT);
        assert_eq!((info().raised, info().contributors_count, info().finalized), (10 * UNIT, 1, false));
        assert_eq!(c::NextCrowdloanId::<Runtime>::get(), 1);
        assert!(told(c::Event::Created { crowdloan_id: 0, creator: key("Bob"), end: END, cap: 100 * UNIT }));
    });
}

#[test]
fn contributions_are_checked_in_order_and_cut_to_what_is_missing() {
    on_a_chain(|| {
        begun();
        let give = |amount| Crowdloan::contribute(by("Charlie"), 0, amount);
        assert_noop!(Crowdloan::contribute(by("Charlie"), 1, UNIT), Refusal::<Runtime>::InvalidCrowdloanId);
        assert_noop!(give(UNIT - 1), Refusal::<Runtime>::ContributionTooLow);
        assert_noop!(Crowdloan::contribute(by("poor"), 0, UNIT), Refusal::<Runtime>::InsufficientBalance);
        assert_ok!(give(30 * UNIT));
        assert_ok!(give(20 * UNIT));
        assert_eq!(c::Contributions::<Runtime>::get(0, key("Charlie")), Some(50 * UNIT));
        assert_eq!((info().raised, info().contributors_count), (60 * UNIT, 2));
        assert_ok!(Crowdloan::set_max_contribution(by("Bob"), 0, Some(60 * UNIT)));
        assert_ok!(give(20 * UNIT));
        assert!(told(c::Event::Contributed { crowdloan_id: 0, contributor: key("Charlie"), amount: 10 * UNIT }));
        assert_noop!(give(20 * UNIT), Refusal::<Runtime>::MaxContributionReached);
        assert_ok!(Crowdloan::contribute(by("Dave"), 0, 50 * UNIT));
        assert_eq!(c::Contributions::<Runtime>::get(0, key("Dave")), Some(30 * UNIT));
        assert_noop!(give(UNIT), Refusal::<Runtime>::CapRaised);
        System::set_block_number(END);
        assert_noop!(give(UNIT), Refusal::<Runtime>::ContributionPeriodEnded);
    });
}

#[test]
fn five_hundred_contribute_at_most_and_then_not_even_they_do() {
    on_a_chain(|| {
        begun();
        c::Crowdloans::<Runtime>::mutate(0, |loan| loan.as_mut().unwrap().contributors_count = 499);
        assert_ok!(Crowdloan::contribute(by("Charlie"), 0, UNIT));
        assert_eq!(info().contributors_count, 500);
        assert_noop!(Crowdloan::contribute(by("Dave"), 0, UNIT - 1), Refusal::<Runtime>::ContributionTooLow);
        for name in ["Dave", "Charlie", "Bob"] {
            assert_noop!(Crowdloan::contribute(by(name), 0, UNIT), Refusal::<Runtime>::MaxContributorsReached);
        }
        assert_ok!(Crowdloan::withdraw(by("Charlie"), 0));
        assert_ok!(Crowdloan::contribute(by("Dave"), 0, UNIT));
        // A count that is not that of the contributions goes no further than zero.
        c::Crowdloans::<Runtime>::mutate(0, |loan| loan.as_mut().unwrap().contributors_count = 0);
        assert_noop!(Crowdloan::withdraw(by("Dave"), 0), Refusal::<Runtime>::Underflow);
        assert_noop!(Crowdloan::refund(by("Bob"), 0), Refusal::<Runtime>::Underflow);
    });
}

#[test]
fn contributions_can_be_withdrawn_but_for_the_deposit() {
    on_a_chain(|| {
        begun();
        assert_ok!(Crowdloan::contribute(by("Charlie"), 0, 5 * UNIT));
        assert_noop!(Crowdloan::withdraw(by("Dave"), 0), Refusal::<Runtime>::NoContribution);
        assert_noop!(Crowdloan::withdraw(by("Bob"), 0), Refusal::<Runtime>::DepositCannotBeWithdrawn);
        assert_ok!(Crowdloan::contribute(by("Bob"), 0, 3 * UNIT));
        assert_ok!(Crowdloan::withdraw(by("Bob"), 0));
        assert_ok!(Crowdloan::withdraw(by("Charlie"), 0));
        assert!(told(c::Event::Withdrew { crowdloan_id: 0, contributor: key("Bob"), amount: 3 * UNIT }));
        assert_eq!(c::Contributions::<Runtime>::get(0, key("Bob")), Some(10 * UNIT));
        assert_eq!((info().raised, info().contributors_count), (10 * UNIT, 1));
    });
}

#[test]
fn a_raised_crowdloan_pays_its_target_once() {
    on_a_chain(|| {
        begun();
        assert_noop!(Crowdloan::finalize(by("Charlie"), 0), Refusal::<Runtime>::InvalidOrigin);
        assert_noop!(Crowdloan::finalize(by("Bob"), 0), Refusal::<Runtime>::CapNotRaised);
        assert_ok!(Crowdloan::contribute(by("Charlie"), 0, 90 * UNIT));
        assert_ok!(Crowdloan::finalize(by("Bob"), 0));
        assert_eq!(Balances::free_balance(key("target")), 100 * UNIT);
        assert!(told(c::Event::Finalized { crowdloan_id: 0 }));
        assert_noop!(Crowdloan::finalize(by("Bob"), 0), Refusal::<Runtime>::AlreadyFinalized);
        assert_noop!(Crowdloan::withdraw(by("Charlie"), 0), Refusal::<Runtime>::AlreadyFinalized);
        assert_noop!(Crowdloan::refund(by("Bob"), 0), Refusal::<Runtime>::AlreadyFinalized);
    });
}

#[test]
fn a_long_purpose_is_kept_as_a_preimage_until_it_is_given_up() {
    on_a_chain(|| {
        let remark = frame_system::Call::remark_with_event { remark: vec![7; 200] };
        let call: RuntimeCall = remark.into();
        let hash = BlakeTwo256::hash_of(&call);
        let noted = || pallet_preimage::RequestStatusFor::<Runtime>::contains_key(hash);
        let begin = |cap| {
            assert_ok!(Crowdloan::create(by("Bob"), 10 * UNIT, UNIT, cap, END, Some(Box::new(call.clone())), None));
            c::NextCrowdloanId::<Runtime>::get() - 1
        };
        assert!(!noted());
        let given_up = begin(100 * UNIT);
        assert!(noted());
        assert_ok!(Crowdloan::dissolve(by("Bob"), given_up));
        assert!(!noted());
        let raised = begin(20 * UNIT);
        assert_ok!(Crowdloan::contribute(by("Charlie"), raised, 10 * UNIT));
        System::set_block_number(END);
        assert_ok!(Crowdloan::finalize(by("Bob"), raised));
        let remarked = RuntimeEvent::System(frame_system::Event::Remarked {
            sender: key("Bob"),
            hash: BlakeTwo256::hash(&[7; 200]),
        });
        assert!(System::events().into_iter().any(|record| record.event == remarked));
        assert!(noted(), "a finalized crowdloan keeps its call");
    });
}

#[test]
fn a_purpose_whose_preimage_is_gone_is_not_served() {
    on_a_chain(|| {
        let call: RuntimeCall = frame_system::Call::remark { remark: vec![7; 200] }.into();
        let end = Some(Box::new(call.clone()));
        assert_ok!(Crowdloan::create(by("Bob"), 10 * UNIT, UNIT, 20 * UNIT, END, end, None));
        assert_ok!(Crowdloan::contribute(by("Charlie"), 0, 10 * UNIT));
        let place = (BlakeTwo256::hash_of(&call), u32::try_from(call.encoded_size()).unwrap());
        pallet_preimage::PreimageFor::<Runtime>::remove(place);
        assert_noop!(Crowdloan::finalize(by("Bob"), 0), Refusal::<Runtime>::CallUnavailable);
        assert!(!info().finalized, "everybody can be given their money back");
        assert_ok!(Crowdloan::withdraw(by("Charlie"), 0));
    });
}

#[test]
fn refunds_are_the_creators_and_come_before_removal() {
    on_a_chain(|| {
        begun();
        for number in 0..51_u8 {
            let contributor = AccountId::new([number + 1; 32]);
            assert_ok!(Balances::force_set_balance(
                btd_devnet_runtime::RuntimeOrigin::root(),
                contributor.clone().into(),
                2 * UNIT
            ));
            assert_ok!(Crowdloan::contribute(btd_devnet_runtime::RuntimeOrigin::signed(contributor), 0, UNIT));
        }
        assert_noop!(Crowdloan::refund(by("Charlie"), 0), Refusal::<Runtime>::InvalidOrigin);
        assert_noop!(Crowdloan::dissolve(by("Bob"), 0), Refusal::<Runtime>::NotReadyToDissolve);
        assert_ok!(Crowdloan::refund(by("Bob"), 0));
        assert!(told(c::Event::PartiallyRefunded { crowdloan_id: 0 }));
        assert_eq!((info().raised, info().contributors_count), (11 * UNIT, 2));
        assert_ok!(Crowdloan::refund(by("Bob"), 0));
        assert!(told(c::Event::AllRefunded { crowdloan_id: 0 }));
        assert_noop!(Crowdloan::dissolve(by("Charlie"), 0), Refusal::<Runtime>::InvalidOrigin);
        let before = Balances::free_balance(key("Bob"));
        assert_ok!(Crowdloan::dissolve(by("Bob"), 0));
        assert_eq!(Balances::free_balance(key("Bob")), before + 10 * UNIT);
        assert!(told(c::Event::Dissolved { crowdloan_id: 0 }));
        assert_noop!(Crowdloan::dissolve(by("Bob"), 0), Refusal::<Runtime>::InvalidCrowdloanId);
    });
}

#[test]
fn creators_change_terms_within_bounds() {
    on_a_chain(|| {
        begun();
        assert_noop!(Crowdloan::update_cap(by("Dave"), 0, 1), Refusal::<Runtime>::InvalidOrigin);
        assert_noop!(Crowdloan::update_cap(by("Bob"), 0, 10 * UNIT - 1), Refusal::<Runtime>::CapTooLow);
        assert_ok!(Crowdloan::update_cap(by("Bob"), 0, 10 * UNIT));
        assert_noop!(Crowdloan::update_end(by("Bob"), 0, 7), Refusal::<Runtime>::BlockDurationTooShort);
        assert_ok!(Crowdloan::update_end(by("Bob"), 0, END + 1));
        assert_noop!(
            Crowdloan::update_min_contribution(by("Bob"), 0, 1),
            Refusal::<Runtime>::MinimumContributionTooLow
        );
        assert_noop!(
            Crowdloan::set_max_contribution(by("Bob"), 0, Some(10 * UNIT - 1)),
            Refusal::<Runtime>::MaximumContributionTooLow
        );
        assert_ok!(Crowdloan::set_max_contribution(by("Bob"), 0, Some(10 * UNIT)));
        assert_noop!(
            Crowdloan::update_min_contribution(by("Bob"), 0, 11 * UNIT),
            Refusal::<Runtime>::MinimumContributionTooHigh
        );
        assert_ok!(Crowdloan::update_min_contribution(by("Bob"), 0, 2 * UNIT));
        assert_ok!(Crowdloan::set_max_contribution(by("Bob"), 0, None));
        let crowdloan_id = 0;
        for event in [
            c::Event::CapUpdated { crowdloan_id, new_cap: 10 * UNIT },
            c::Event::EndUpdated { crowdloan_id, new_end: END + 1 },
            c::Event::MinContributionUpdated { crowdloan_id, new_min_contribution: 2 * UNIT },
            c::Event::MaxContributionUpdated { crowdloan_id, new_max_contribution: Some(10 * UNIT) },
            c::Event::MaxContributionUpdated { crowdloan_id, new_max_contribution: None },
        ] {
            assert!(told(event));
        }
        assert_eq!((info().cap, info().end, info().min_contribution), (10 * UNIT, END + 1, 2 * UNIT));
        assert!(!c::MaxContributions::<Runtime>::contains_key(0));
    });
}

// === Leases ===

/// Finalises a crowdloan of Bob's whose purpose is a leased subnet; Charlie pays a quarter.
fn leased(end_block: Option<u32>) -> DispatchResult {
    let call = s::Call::register_leased_network { emissions_share: Percent::from_percent(40), end_block };
    let call = Some(Box::new(RuntimeCall::SubtensorModule(call)));
    Crowdloan::create(by("Bob"), 900 * UNIT, UNIT, 1_200 * UNIT, END, call, None)?;
    Crowdloan::contribute(by("Charlie"), 0, 300 * UNIT)?;
    Crowdloan::finalize(by("Bob"), 0)
}

#[test]
fn subnets_are_leased_by_crowdloans_alone() {
    on_a_chain(|| {
        assert_noop!(
            SubtensorModule::register_leased_network(by("Bob"), Percent::from_percent(40), None),
            Refusal::<Runtime>::InvalidCrowdloanId
        );
        assert_eq!(leased(Some(1)), Err(Error::<Runtime>::LeaseCannotEndInThePast.into()));
    });
}

#[test]
fn a_leased_subnet_is_run_through_a_proxy_and_what_it_did_not_cost_is_given_back() {
    on_a_chain(|| {
        let before = ["Bob", "Charlie"].map(|name| Balances::free_balance(key(name)));
        assert_ok!(leased(Some(500)));
        let lease = s::SubnetLeases::<Runtime>::get(0).unwrap();
        assert_eq!((lease.netuid, lease.beneficiary.clone()), (2, key("Bob")));
        let (beneficiary, lease_id, netuid, end_block) = (key("Bob"), 0, 2, Some(500));
        assert!(chain_told(s::Event::SubnetLeaseCreated { beneficiary, lease_id, netuid, end_block }));
        assert_eq!(s::SubnetOwner::<Runtime>::get(2), lease.coldkey);
        assert_eq!(s::SubnetOwnerHotkey::<Runtime>::get(2), lease.hotkey);
        assert_eq!(s::SubnetUidToLeaseId::<Runtime>::get(2), Some(0));
        assert_eq!(s::Delegates::<Runtime>::get(&lease.hotkey), 0);
        // The subnet and the deposit of the proxy.
        assert_eq!(lease.cost, 1_000 * UNIT + 93_000_000);
        let left = 1_200 * UNIT - lease.cost;
        assert_eq!(s::SubnetLeaseShares::<Runtime>::get(0, key("Charlie")), U64F64::ratio(1, 4));
        assert_eq!(Balances::free_balance(key("Charlie")), before[1] - 300 * UNIT + left / 4);
        assert_eq!(Balances::free_balance(key("Bob")), before[0] - 900 * UNIT + (left - left / 4));
        assert_eq!(proxy::Proxies::<Runtime>::get(&lease.coldkey).0[0].proxy_type, ProxyType::SubnetLeaseBeneficiary);
        assert!(c::CurrentCrowdloanId::<Runtime>::get().is_none());
        // Bob may start the subnet, but not give its stake away.
        let start = RuntimeCall::SubtensorModule(s::Call::start_call { netuid: 2 });
        assert_ok!(Proxy::proxy(by("Bob"), lease.coldkey.into(), None, Box::new(start)));
        assert!(s::SubtokenEnabled::<Runtime>::get(2));
    });
}

#[test]
fn leases_end_when_they_end() {
    on_a_chain(|| {
        assert_ok!(leased(Some(500)));
        assert_ok!(SubtensorModule::try_associate_hotkey(by("Bob"), key("own")));
        let end = |name: &str, lease, hotkey: &str| SubtensorModule::terminate_lease(by(name), lease, key(hotkey));
        let refused = |result: frame_support::dispatch::DispatchResultWithPostInfo| result.unwrap_err().error;
        assert_eq!(refused(end("Bob", 1, "own")), Error::<Runtime>::LeaseDoesNotExist.into());
        assert_eq!(refused(end("Charlie", 0, "own")), Error::<Runtime>::ExpectedBeneficiaryOrigin.into());
        assert_eq!(refused(end("Bob", 0, "own")), Error::<Runtime>::LeaseHasNotEnded.into());
        System::set_block_number(500);
        assert_eq!(refused(end("Bob", 0, "strange")), Error::<Runtime>::BeneficiaryDoesNotOwnHotkey.into());
        assert_ok!(end("Bob", 0, "own"));
        assert_eq!(s::SubnetOwner::<Runtime>::get(2), key("Bob"));
        assert_eq!(s::SubnetOwnerHotkey::<Runtime>::get(2), key("own"));
        assert!(!s::SubnetLeases::<Runtime>::contains_key(0));
        assert_eq!(s::SubnetLeaseShares::<Runtime>::iter().count(), 0);
        assert!(chain_told(s::Event::SubnetLeaseTerminated { beneficiary: key("Bob"), netuid: 2 }));
    });
}

#[test]
fn who_paid_for_a_lease_shares_the_owners_cut_every_hundred_blocks() {
    on_a_chain(|| {
        assert_ok!(leased(None));
        let lease = s::SubnetLeases::<Runtime>::get(0).unwrap();
        let epoch = |block: u32, owner_cut: u64| {
            s::PendingOwnerCut::<Runtime>::insert(2, owner_cut);
            s::PendingEpochAt::<Runtime>::insert(2, u64::from(block));
            System::set_block_number(block);
            System::reset_events();
            SubtensorModule::on_initialize(block);
            let paid = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
                RuntimeEvent::SubtensorModule(s::Event::SubnetLeaseDividendsDistributed {
                    lease_id: 0,
                    contributor,
                    alpha,
                }) => Some((contributor, alpha)),
                _ => None,
            };
            System::events().into_iter().filter_map(paid).collect::<Vec<_>>()
        };
        let aside = || s::AccumulatedLeaseDividends::<Runtime>::get(0);
        assert_eq!(epoch(150, 1_001), []);
        assert_eq!(aside(), 401, "two fifths, rounded up");
        // With the next cut 40.000000002 alpha are due: a quarter is Charlie's, rounded up, and the rest is Bob's.
        let paid = epoch(200, 100 * UNIT - 999);
        let due = 40 * UNIT + 2;
        assert_eq!(paid, [(key("Charlie"), due.div_ceil(4)), (key("Bob"), due - due.div_ceil(4))]);
        assert_eq!(aside(), 0);
        let held = |name: &str| SubtensorModule::stake(&lease.hotkey, &key(name), 2);
        assert_eq!([held("Charlie"), held("Bob")], [paid[0].1, paid[1].1]);
        // So little that it cannot be handed over stays aside.
        assert_eq!(epoch(300, 1_000), []);
        assert_eq!(aside(), 400);
    });
}

#[test]
fn leases_without_an_end_are_never_over() {
    on_a_chain(|| {
        assert_ok!(leased(None));
        let refused = SubtensorModule::terminate_lease(by("Bob"), 0, key("own")).unwrap_err().error;
        assert_eq!(refused, Error::<Runtime>::LeaseHasNoEndBlock.into());
    });
}
