//! Trimming a subnet to fewer uids.

use btd_devnet_runtime::{
    Runtime, System,
    admin::Call,
    subtensor::{self as s},
};

use crate::{NOWHERE, OK, SUBNET, expect, key, on_a_subnet, register, wait};

fn trim(max_n: u16) -> Call<Runtime> {
    Call::sudo_trim_to_max_allowed_uids { netuid: SUBNET, max_n }
}

/// Lets blocks pass, in the last of which an epoch ends.
fn wait_past_an_epoch(blocks: u32) {
    wait(blocks);
    s::LastEpochBlock::<Runtime>::insert(SUBNET, u64::from(System::block_number()));
}

/// A subnet of the owner and six others, none of them immune, who earn 0, 60, 20, 20, 50, 10, 40.
fn on_a_full_subnet(test: impl FnOnce()) {
    on_a_subnet(|| {
        for name in ["one", "two", "three", "four", "five", "six"] {
            register(SUBNET, name);
        }
        s::MinAllowedUids::<Runtime>::insert(SUBNET, 2);
        s::ImmunityPeriod::<Runtime>::insert(SUBNET, 10);
        s::Emission::<Runtime>::insert(SUBNET, vec![0, 60, 20, 20, 50, 10, 40]);
        wait_past_an_epoch(300);
        test();
    });
}

#[test]
fn only_the_owner_and_root_trim_and_within_bounds() {
    on_a_full_subnet(|| {
        expect("Bob", trim(5), "BadOrigin");
        expect("Alice", trim(1), "InvalidValue");
        expect("Alice", trim(257), "InvalidValue");
        expect("root", Call::sudo_trim_to_max_allowed_uids { netuid: NOWHERE, max_n: 5 }, "SubnetNotExists");
        assert_eq!(s::SubnetworkN::<Runtime>::get(SUBNET), 7);
        expect("root", trim(100), OK);
        assert_eq!(s::MaxAllowedUids::<Runtime>::get(SUBNET), 100);
        assert_eq!(s::SubnetworkN::<Runtime>::get(SUBNET), 7, "nobody had to go");
    });
}

#[test]
fn owners_trim_once_in_216_000_blocks_and_not_before_an_epoch() {
    on_a_full_subnet(|| {
        expect("Alice", trim(100), OK);
        wait_past_an_epoch(215_999);
        expect("Alice", trim(90), "TxRateLimitExceeded");
        expect("root", trim(90), OK);
        wait(1);
        let now = u64::from(System::block_number());
        s::LastEpochBlock::<Runtime>::insert(SUBNET, now - 355);
        expect("Alice", trim(80), "AdminActionProhibitedDuringWeightsWindow");
        s::LastEpochBlock::<Runtime>::insert(SUBNET, now);
        expect("Alice", trim(80), OK);
    });
}

#[test]
fn no_more_than_four_of_five_who_stay_may_be_immune() {
    on_a_full_subnet(|| {
        s::ImmunityPeriod::<Runtime>::insert(SUBNET, 1_000);
        // Of the seven only two may go: five would be immune of five.
        s::BlockAtRegistration::<Runtime>::insert(SUBNET, 2, 0);
        s::BlockAtRegistration::<Runtime>::insert(SUBNET, 5, 0);
        wait_past_an_epoch(800);
        for uid in [1, 3, 4, 6] {
            s::BlockAtRegistration::<Runtime>::insert(SUBNET, uid, u64::from(System::block_number()));
        }
        expect("Alice", trim(5), "TrimmingWouldExceedMaxImmunePercentage");
        expect("Alice", trim(6), "TrimmingWouldExceedMaxImmunePercentage");
        s::BlockAtRegistration::<Runtime>::insert(SUBNET, 6, 0);
        expect("Alice", trim(6), OK);
        assert!(!s::Uids::<Runtime>::contains_key(SUBNET, key("five")), "ten is the least");
    });
}

#[test]
fn those_who_earn_least_go_and_the_others_move_up() {
    on_a_full_subnet(|| {
        let hotkeys = ["owner", "one", "two", "three", "four", "five", "six"];
        s::Active::<Runtime>::insert(SUBNET, vec![true, false, true, false, true, false, true]);
        s::LastUpdate::<Runtime>::insert(SUBNET, vec![10, 11, 12, 13, 14, 15, 16]);
        s::Weights::<Runtime>::insert(SUBNET, 4, vec![(6, 1), (5, 2), (0, 3)]);
        s::Weights::<Runtime>::insert(SUBNET, 5, vec![(0, 9)]);
        s::Bonds::<Runtime>::insert(SUBNET, 6, vec![(3, 7), (2, 8)]);
        expect("Alice", trim(5), OK);
        // Five earns least; of two and three, who earn the same, the greater uid goes.
        let left: Vec<_> = ["owner", "one", "two", "four", "six"].map(key).into();
        assert_eq!((0..5).map(|uid| s::Keys::<Runtime>::get(SUBNET, uid)).collect::<Vec<_>>(), left);
        for (uid, hotkey) in (0_u16..).zip(&left) {
            assert_eq!(s::Uids::<Runtime>::get(SUBNET, hotkey), Some(uid));
        }
        assert_eq!(s::Uids::<Runtime>::iter_prefix(SUBNET).count(), 5);
        assert_eq!(s::Keys::<Runtime>::iter_prefix(SUBNET).count(), 5);
        assert_eq!(s::BlockAtRegistration::<Runtime>::iter_prefix(SUBNET).count(), 5);
        for gone in hotkeys.iter().filter(|name| !left.contains(&key(name))) {
            assert!(!s::IsNetworkMember::<Runtime>::get(key(gone), SUBNET));
        }
        assert_eq!(s::Emission::<Runtime>::get(SUBNET), [0, 60, 20, 50, 40]);
        assert_eq!(s::Active::<Runtime>::get(SUBNET), [true, false, true, true, true]);
        assert_eq!(s::LastUpdate::<Runtime>::get(SUBNET), [10, 11, 12, 14, 16]);
        assert_eq!(s::Weights::<Runtime>::iter_prefix(SUBNET).collect::<Vec<_>>(), [(3, vec![(4, 1), (0, 3)])]);
        assert_eq!(s::Bonds::<Runtime>::iter_prefix(SUBNET).collect::<Vec<_>>(), [(4, vec![(2, 8)])]);
        assert_eq!(s::SubnetworkN::<Runtime>::get(SUBNET), 5);
        assert_eq!(s::MaxAllowedUids::<Runtime>::get(SUBNET), 5);
        // The next registration takes a seat of those who stayed.
        s::MinNonImmuneUids::<Runtime>::insert(SUBNET, 0);
        assert_eq!(register(SUBNET, "next"), 2);
    });
}
