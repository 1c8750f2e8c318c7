//! Takes, child keys, and exchanges of hotkeys and coldkeys.

use btd_devnet_runtime::{
    AccountId, Hash, Runtime, System, UNIT,
    subtensor::{self as s, Call, Event, types::ROOT},
};

use crate::{FIRST, NOWHERE, OK, SUBNET, expect, give, key, on_a_chain, on_a_subnet, register, told, wait};

#[test]
fn takes_have_bounds_and_an_owner() {
    on_a_chain(|| {
        let raise = |take| Call::increase_take { hotkey: key("hotkey"), take };
        let lower = |take| Call::decrease_take { hotkey: key("hotkey"), take };
        s::MinDelegateTake::<Runtime>::put(10);
        for call in [raise, lower] {
            expect("Bob", call(9), "DelegateTakeTooLow");
            expect("Bob", call(11_797), "DelegateTakeTooHigh");
            expect("Bob", call(11_796), "HotKeyAccountNotExists");
        }
        expect("Charlie", Call::try_associate_hotkey { hotkey: key("hotkey") }, OK);
        expect("Bob", raise(11_796), "NonAssociatedColdKey");
        // Without an entry either way is open.
        expect("Charlie", lower(100), OK);
        expect("Charlie", lower(100), "DelegateTakeTooLow");
        expect("Charlie", raise(100), "DelegateTakeTooLow");
        expect("Charlie", raise(101), "DelegateTxRateLimitExceeded");
        wait(216_000);
        expect("Charlie", raise(101), "DelegateTxRateLimitExceeded");
        wait(1);
        expect("Charlie", raise(101), OK);
        expect("Charlie", lower(50), OK);
    });
}

#[test]
fn set_children_is_refused_in_order() {
    on_a_chain(|| {
        let set =
            |netuid, children: Vec<(u64, AccountId)>| Call::set_children { hotkey: key("hotkey"), netuid, children };
        let child = |number: u64| (1, key(&format!("child{number}")));
        expect("Bob", set(ROOT, vec![]), "RegistrationNotPermittedOnRootSubnet");
        expect("Bob", set(NOWHERE, vec![]), "SubnetNotExists");
        expect("Bob", set(FIRST, vec![]), "NonAssociatedColdKey");
        expect("Bob", Call::try_associate_hotkey { hotkey: key("hotkey") }, OK);
        let own = (1, key("hotkey"));
        expect("Bob", set(FIRST, vec![own.clone(), child(1), child(1)]), "DuplicateChild");
        expect("Bob", set(FIRST, (0..6).map(child).chain([own]).collect()), "InvalidChild");
        let many = (0..6).map(|number| (u64::MAX, key(&format!("child{number}"))));
        expect("Bob", set(FIRST, many.collect()), "TooManyChildren");
        expect("Bob", set(FIRST, vec![(u64::MAX, key("a")), (1, key("b"))]), "ProportionOverflow");
        s::StakeThreshold::<Runtime>::put(1);
        expect("Bob", set(FIRST, vec![child(1)]), "NotEnoughStakeToSetChildkeys");
        s::StakeThreshold::<Runtime>::put(0);
        expect("Bob", set(FIRST, vec![child(1)]), OK);
        assert_eq!(s::ChildKeys::<Runtime>::get(key("hotkey"), FIRST).len(), 1, "at once where nothing has started");
        assert!(told(Event::SetChildren(key("hotkey"), FIRST, vec![child(1)])));
        wait(149);
        expect("Bob", set(FIRST, vec![child(2)]), "TxRateLimitExceeded");
        expect("Alice", set(FIRST, vec![child(2)]), "TxRateLimitExceeded");
        wait(1);
        expect("Bob", set(FIRST, vec![child(2)]), OK);
        // Parent and child cannot be each other's.
        expect("Bob", Call::try_associate_hotkey { hotkey: key("child2") }, OK);
        let back = Call::set_children { hotkey: key("child2"), netuid: FIRST, children: vec![(1, key("hotkey"))] };
        expect("Bob", back, "ChildParentInconsistency");
    });
}

#[test]
fn children_are_kept_by_account_and_parents_by_time() {
    on_a_chain(|| {
        let names = ["a", "b", "c", "d"];
        for parent in ["parent", "other"] {
            expect("Bob", Call::try_associate_hotkey { hotkey: key(parent) }, OK);
            let children = names.iter().rev().map(|name| (7, key(name))).collect();
            expect("Bob", Call::set_children { hotkey: key(parent), netuid: FIRST, children }, OK);
        }
        let mut sorted: Vec<_> = names.iter().map(|name| (7, key(name))).collect();
        sorted.sort_by_key(|(_, child)| child.clone());
        assert_eq!(s::ChildKeys::<Runtime>::get(key("parent"), FIRST), sorted);
        let parents = || s::ParentKeys::<Runtime>::get(key("a"), FIRST);
        assert_eq!(parents(), [(7, key("parent")), (7, key("other"))]);
        wait(150);
        let children = vec![(9, key("a"))];
        expect("Bob", Call::set_children { hotkey: key("parent"), netuid: FIRST, children }, OK);
        assert_eq!(parents(), [(9, key("parent")), (7, key("other"))], "a share that changes keeps its place");
        assert_eq!(s::ParentKeys::<Runtime>::get(key("b"), FIRST), [(7, key("other"))]);
    });
}

#[test]
fn stake_anywhere_lets_a_hotkey_have_children() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("parent") }, OK);
        let set = || Call::set_children { hotkey: key("parent"), netuid: FIRST, children: vec![(1, key("child"))] };
        s::StakeThreshold::<Runtime>::put(5 * UNIT);
        expect("Bob", set(), "NotEnoughStakeToSetChildkeys");
        let hotkey = key("parent");
        expect("Bob", Call::add_stake { hotkey, netuid: SUBNET, amount_staked: 6 * UNIT }, OK);
        expect("Bob", set(), OK);
    });
}

#[test]
fn children_wait_where_the_subnet_has_started() {
    on_a_subnet(|| {
        let children = vec![(u64::MAX, key("child"))];
        expect("Alice", Call::set_children { hotkey: key("owner"), netuid: SUBNET, children: children.clone() }, OK);
        assert!(s::ChildKeys::<Runtime>::get(key("owner"), SUBNET).is_empty());
        assert_eq!(s::PendingChildKeys::<Runtime>::get(SUBNET, key("owner")), (children, 1 + 7_200));
    });
}

#[test]
fn childkey_takes_have_bounds_and_a_limit_on_increases() {
    on_a_chain(|| {
        let set = |take| Call::set_childkey_take { hotkey: key("hotkey"), netuid: FIRST, take };
        expect("Bob", set(20_000), "NonAssociatedColdKey");
        expect("Bob", Call::try_associate_hotkey { hotkey: key("hotkey") }, OK);
        expect("Bob", set(11_797), "InvalidChildkeyTake");
        s::MinChildkeyTakePerSubnet::<Runtime>::insert(FIRST, 5);
        expect("Bob", set(4), "InvalidChildkeyTake");
        expect("Bob", set(100), OK);
        expect("Bob", set(101), "TxChildkeyTakeRateLimitExceeded");
        expect("Bob", set(50), OK);
        wait(216_000);
        expect("Bob", set(101), OK);
        // It does not ask whether there is such a subnet.
        expect("Bob", Call::set_childkey_take { hotkey: key("hotkey"), netuid: NOWHERE, take: 0 }, OK);
        expect("Bob", Call::sudo_set_max_childkey_take { take: 1 }, "BadOrigin");
        expect("root", Call::sudo_set_max_childkey_take { take: 1 }, OK);
    });
}

#[test]
fn swap_hotkey_is_refused_in_order() {
    on_a_subnet(|| {
        let swap = |to: &str, netuid| Call::swap_hotkey { hotkey: key("owner"), new_hotkey: key(to), netuid };
        expect("Bob", swap("new", None), "NonAssociatedColdKey");
        expect("Alice", swap("owner", None), "NewHotKeyIsSameWithOld");
        expect("Bob", Call::try_associate_hotkey { hotkey: key("bobs") }, OK);
        expect("Alice", swap("bobs", None), "NonAssociatedColdKey");
        expect("Alice", swap("new", Some(NOWHERE)), "SubnetNotExists");
        expect("Alice", swap("new", Some(SUBNET)), "HotKeySwapOnSubnetIntervalNotPassed");
        System::set_block_number(7_200);
        expect("Alice", swap("new", Some(SUBNET)), "HotKeySwapOnSubnetIntervalNotPassed");
        System::set_block_number(7_201);
        expect("Alice", swap("new", Some(SUBNET)), OK);
        let (coldkey, old_hotkey, new_hotkey, netuid) = (key("Alice"), key("owner"), key("new"), SUBNET);
        assert!(told(Event::HotkeySwappedOnSubnet { coldkey, old_hotkey, new_hotkey, netuid }));
        assert_eq!(s::Uids::<Runtime>::get(SUBNET, key("new")), Some(0));
        // Exchanges have a distance, whichever way they go.
        let again = Call::swap_hotkey { hotkey: key("new"), new_hotkey: key("newer"), netuid: None };
        expect("Alice", again.clone(), "HotKeySetTxRateLimitExceeded");
        wait(1_001);
        expect("Alice", again.clone(), "HotKeySwapOnSubnetIntervalNotPassed");
        System::set_block_number(14_402);
        let before = btd_devnet_runtime::Balances::free_balance(key("Alice"));
        expect("Alice", again, OK);
        assert_eq!(before - btd_devnet_runtime::Balances::free_balance(key("Alice")), UNIT / 10);
    });
}

#[test]
fn a_coldkey_is_announced_before_it_is_exchanged() {
    on_a_chain(|| {
        let hash = |name: &str| Hash::from(sp_io::hashing::blake2_256(key(name).as_ref()));
        let announce = |name: &str| Call::announce_coldkey_swap { new_coldkey_hash: hash(name) };
        let swap = |name: &str| Call::swap_coldkey_announced { new_coldkey: key(name) };
        expect("empty", announce("new"), "NotEnoughBalanceToPaySwapColdKey");
        expect("Bob", swap("new"), "ColdkeySwapAnnouncementNotFound");
        expect("Bob", Call::dispute_coldkey_swap {}, "ColdkeySwapAnnouncementNotFound");
        expect("Bob", Call::clear_coldkey_swap_announcement {}, "ColdkeySwapAnnouncementNotFound");
        expect("Bob", announce("new"), OK);
        expect("Bob", announce("newer"), "ColdkeySwapReannouncedTooEarly");
        expect("Bob", Call::clear_coldkey_swap_announcement {}, "ColdkeySwapClearTooEarly");
        expect("Bob", swap("other"), "AnnouncedColdkeyHashDoesNotMatch");
        expect("Bob", swap("new"), "ColdkeySwapTooEarly");
        wait(36_000);
        give("new", 1);
        expect("new", Call::try_associate_hotkey { hotkey: key("its") }, OK);
        expect("Bob", swap("new"), "ColdKeyAlreadyAssociated");
        s::StakingHotkeys::<Runtime>::remove(key("new"));
        s::Owner::<Runtime>::insert(key("new"), key("Eve"));
        expect("Bob", swap("new"), "NewColdKeyIsHotkey");
        s::Owner::<Runtime>::remove(key("new"));
        expect("Bob", swap("new"), OK);
        assert_eq!(btd_devnet_runtime::Balances::free_balance(key("Bob")), 0, "everything goes along");
    });
}

#[test]
fn an_announcement_is_withdrawn_once_it_could_be_made_anew() {
    on_a_chain(|| {
        let new_coldkey_hash = Hash::repeat_byte(1);
        expect("Bob", Call::announce_coldkey_swap { new_coldkey_hash }, OK);
        // Five days until it can be made, and one more.
        System::set_block_number(1 + 36_000 + 7_200 - 1);
        expect("Bob", Call::clear_coldkey_swap_announcement {}, "ColdkeySwapClearTooEarly");
        expect("Bob", Call::announce_coldkey_swap { new_coldkey_hash }, "ColdkeySwapReannouncedTooEarly");
        wait(1);
        expect("Bob", Call::clear_coldkey_swap_announcement {}, OK);
        assert!(told(Event::ColdkeySwapCleared { who: key("Bob") }));
        expect("Bob", Call::clear_coldkey_swap_announcement {}, "ColdkeySwapAnnouncementNotFound");
    });
}

#[test]
fn a_dispute_freezes_until_root_resets_it() {
    on_a_chain(|| {
        let new_coldkey_hash = Hash::repeat_byte(1);
        expect("Bob", Call::announce_coldkey_swap { new_coldkey_hash }, OK);
        expect("Bob", Call::dispute_coldkey_swap {}, OK);
        expect("Bob", Call::dispute_coldkey_swap {}, "ColdkeySwapAlreadyDisputed");
        expect("Bob", Call::swap_coldkey_announced { new_coldkey: key("new") }, "ColdkeySwapDisputed");
        expect("Bob", Call::reset_coldkey_swap { coldkey: key("Bob") }, "BadOrigin");
        expect("root", Call::reset_coldkey_swap { coldkey: key("Bob") }, OK);
        assert!(!s::ColdkeySwapAnnouncements::<Runtime>::contains_key(key("Bob")));
        assert!(!s::ColdkeySwapDisputes::<Runtime>::contains_key(key("Bob")));
    });
}

#[test]
fn auto_stake_goes_to_a_neuron_of_the_subnet() {
    on_a_chain(|| {
        let set = |netuid| Call::set_coldkey_auto_stake_hotkey { netuid, hotkey: key("hotkey") };
        expect("Bob", set(NOWHERE), "SubnetNotExists");
        expect("Bob", set(FIRST), "HotKeyNotRegisteredInSubNet");
        register(FIRST, "hotkey");
        expect("Bob", set(FIRST), OK);
        expect("Bob", set(FIRST), "SameAutoStakeHotkeyAlreadySet");
    });
}

/// The account that holds a subnet's TAO, which nobody has the key of.
fn account_of(netuid: u16) -> AccountId {
    let mut bytes = [0; 32];
    bytes[..12].copy_from_slice(b"modlsubtensr");
    bytes[12..14].copy_from_slice(&netuid.to_le_bytes());
    AccountId::new(bytes)
}

#[test]
fn accounts_of_subnets_are_nobodys_hotkeys() {
    on_a_subnet(|| {
        let hotkey = || account_of(FIRST);
        let refused = "CannotUseSystemAccount";
        expect("Bob", Call::burned_register { netuid: FIRST, hotkey: hotkey() }, refused);
        expect("Bob", Call::register_network { hotkey: hotkey() }, refused);
        expect("Bob", Call::try_associate_hotkey { hotkey: key("old") }, OK);
        expect("Bob", Call::swap_hotkey { hotkey: key("old"), new_hotkey: hotkey(), netuid: None }, refused);
    });
}

#[test]
fn exchanges_of_hotkeys_cost_more_than_some_have() {
    on_a_chain(|| {
        wait(8_000);
        expect("poor", Call::try_associate_hotkey { hotkey: key("old") }, OK);
        let swap = |netuid| Call::swap_hotkey { hotkey: key("old"), new_hotkey: key("new"), netuid };
        for netuid in [None, Some(FIRST)] {
            expect("poor", swap(netuid), "NotEnoughBalanceToPaySwapHotKey");
        }
        give("poor", 1);
        expect("poor", swap(None), OK);
    });
}

#[test]
fn stake_follows_an_exchange_of_hotkeys_or_stays() {
    use btd_devnet_runtime::SubtensorModule;
    for keep_stake in [true, false] {
        on_a_subnet(|| {
            let uid = register(SUBNET, "old");
            expect("Bob", Call::add_stake { hotkey: key("old"), netuid: SUBNET, amount_staked: 10 * UNIT }, OK);
            let stake = |hotkey: &str| SubtensorModule::stake(&key(hotkey), &key("Bob"), SUBNET);
            let before = stake("old");
            assert!(before > 0);
            let (hotkey, new_hotkey) = (key("old"), key("new"));
            expect("Bob", Call::swap_hotkey_v2 { hotkey, new_hotkey, netuid: None, keep_stake }, OK);
            assert_eq!(s::Keys::<Runtime>::get(SUBNET, uid), key("new"), "the seat always follows");
            assert_eq!((stake("old"), stake("new")), if keep_stake { (before, 0) } else { (0, before) });
            assert!(!s::Owner::<Runtime>::contains_key(key("old")), "stake kept: {keep_stake}");
            assert_eq!(s::OwnedHotkeys::<Runtime>::get(key("Bob")), [key("new")], "stake kept: {keep_stake}");
        });
    }
}

#[test]
fn validators_on_root_say_whether_new_subnets_become_their_children() {
    on_a_chain(|| {
        let set = |enabled| Call::set_auto_parent_delegation_enabled { hotkey: key("hotkey"), enabled };
        expect("Bob", set(false), "NonAssociatedColdKey");
        expect("Bob", Call::try_associate_hotkey { hotkey: key("hotkey") }, OK);
        expect("Bob", set(false), "HotKeyNotRegisteredInSubNet");
        expect("Bob", Call::root_register { hotkey: key("hotkey") }, OK);
        for enabled in [false, true] {
            expect("Bob", set(enabled), OK);
            assert_eq!(s::AutoParentDelegationEnabled::<Runtime>::get(key("hotkey")), enabled);
        }
    });
}
