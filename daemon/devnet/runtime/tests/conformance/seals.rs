//! `MevShield`: keys that authors announce, and calls that are handed over sealed.

use btd_devnet_runtime::{
    Runtime, RuntimeEvent, System,
    shield::{Call, Event, MaxExtrinsicWeight, NextKey, OnInitializeWeight, PendingExtrinsics},
};
use frame_support::BoundedVec;
use sp_runtime::traits::{BlakeTwo256, Hash};

use crate::{OK, begin, expect, key, on_a_chain};

/// Bytes of a key that clients can seal for.
const KEY: usize = 1_184;
/// Half of what a block can hold, in picoseconds.
const MOST: u64 = 2_000_000_000_000;

fn told(event: Event<Runtime>) -> bool {
    let event = RuntimeEvent::MevShield(event);
    System::events().into_iter().any(|record| record.event == event)
}

fn store() -> Call<Runtime> {
    Call::store_encrypted { encrypted_call: BoundedVec::truncate_from(vec![1, 2, 3]) }
}

#[test]
fn announced_keys_have_one_length_and_a_refused_one_moves_none() {
    on_a_chain(|| {
        let announce = |length| Call::announce_next_key { enc_key: Some(BoundedVec::truncate_from(vec![7; length])) };
        expect("Alice", announce(KEY), "BadOrigin");
        for length in [0, KEY - 1, KEY + 1, 2_048] {
            expect("nobody at all", announce(length), "BadEncKeyLen");
        }
        expect("nobody at all", announce(KEY), OK);
        assert!(NextKey::<Runtime>::get().is_none(), "it becomes the next key when another follows");
        expect("nobody at all", announce(KEY - 1), "BadEncKeyLen");
        assert!(NextKey::<Runtime>::get().is_none());
        expect("nobody at all", announce(KEY), OK);
        assert_eq!(NextKey::<Runtime>::get().unwrap(), vec![7; KEY]);
    });
}

#[test]
fn what_is_submitted_sealed_is_told_by_the_hash_of_both() {
    on_a_chain(|| {
        let ciphertext = BoundedVec::truncate_from(vec![9; 40]);
        let id = BlakeTwo256::hash_of(&(key("Bob"), &ciphertext));
        expect("root", Call::submit_encrypted { ciphertext: ciphertext.clone() }, "BadOrigin");
        expect("Bob", Call::submit_encrypted { ciphertext }, OK);
        assert!(told(Event::EncryptedSubmitted { id, who: key("Bob") }));
    });
}

#[test]
fn as_many_sealed_calls_are_stored_as_root_says() {
    on_a_chain(|| {
        let most = |value| Call::set_max_pending_extrinsics_number { value };
        expect("Alice", most(2), "BadOrigin");
        expect("root", most(2), OK);
        assert!(told(Event::MaxPendingExtrinsicsNumberSet { value: 2 }));
        for index in 0..2 {
            expect("Bob", store(), OK);
            assert!(told(Event::ExtrinsicStored { index, who: key("Bob") }));
        }
        expect("Bob", store(), "TooManyPendingExtrinsics");
        expect("root", most(3), OK);
        expect("Bob", store(), OK);
    });
}

/// Nothing decodes them, as nothing does on the real chain.
#[test]
fn stored_calls_leave_with_the_next_block() {
    on_a_chain(|| {
        expect("Bob", store(), OK);
        begin(2);
        assert!(told(Event::ExtrinsicDecodeFailed { index: 0 }));
        assert_eq!(PendingExtrinsics::<Runtime>::count(), 0);
        let lifetime = |value| Call::set_stored_extrinsic_lifetime { value };
        expect("Alice", lifetime(0), "BadOrigin");
        expect("root", lifetime(0), OK);
        assert!(told(Event::ExtrinsicLifetimeSet { value: 0 }));
        expect("Bob", store(), OK);
        begin(3);
        assert!(told(Event::ExtrinsicExpired { index: 1 }));
        assert!(!told(Event::ExtrinsicDecodeFailed { index: 1 }));
    });
}

#[test]
fn sealed_calls_take_half_a_block_at_most() {
    on_a_chain(|| {
        let all = |value| Call::set_on_initialize_weight { value };
        let one = |value| Call::set_max_extrinsic_weight { value };
        for set in [all, one] {
            expect("Alice", set(MOST), "BadOrigin");
            expect("root", set(MOST + 1), "WeightExceedsAbsoluteMax");
            expect("root", set(MOST), OK);
        }
        assert!(told(Event::OnInitializeWeightSet { value: MOST }));
        assert!(told(Event::MaxExtrinsicWeightSet { value: MOST }));
        let set = (OnInitializeWeight::<Runtime>::get(), MaxExtrinsicWeight::<Runtime>::get());
        assert_eq!(set, (MOST, MOST));
    });
}
