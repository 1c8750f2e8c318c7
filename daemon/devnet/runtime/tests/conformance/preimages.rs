//! Bytes that somebody keeps on the chain for a call to come: deposits, requests, and who may take them away.

use btd_devnet_runtime::{Balances, Preimage, Runtime, RuntimeEvent, RuntimeHoldReason, System};
use frame_support::{dispatch::Pays, traits::fungible::InspectHold};
use pallet_preimage::{Call, Event, HoldReason, PreimageFor, RequestStatusFor};
use sp_core::H256;

use crate::{OK, expect, key, on_a_chain, origin};

/// Rao for keeping any bytes, and for each of them.
const BASE: u64 = 104_000_000;
const EACH: u64 = 1_000_000;

fn bytes() -> Vec<u8> {
    vec![5; 300]
}

fn hash() -> H256 {
    H256(sp_io::hashing::blake2_256(&bytes()))
}

fn note() -> Call<Runtime> {
    Call::note_preimage { bytes: bytes() }
}

fn unnote() -> Call<Runtime> {
    Call::unnote_preimage { hash: hash() }
}

fn held(who: &str) -> u64 {
    Balances::balance_on_hold(&RuntimeHoldReason::Preimage(HoldReason::Preimage), &key(who))
}

fn told() -> Option<RuntimeEvent> {
    let of_pallet = |event: &RuntimeEvent| matches!(event, RuntimeEvent::Preimage(_));
    System::events().into_iter().map(|record| record.event).rfind(of_pallet)
}

#[test]
fn who_notes_bytes_pays_a_deposit_and_has_it_back() {
    on_a_chain(|| {
        expect("Bob", unnote(), "NotNoted");
        expect("Bob", note(), OK);
        assert_eq!(told(), Some(Event::Noted { hash: hash() }.into()));
        assert_eq!(held("Bob"), BASE + 300 * EACH);
        assert_eq!(PreimageFor::<Runtime>::get((hash(), 300)).unwrap().into_inner(), bytes());
        expect("Charlie", note(), "AlreadyNoted");
        expect("Charlie", unnote(), "NotAuthorized");
        expect("Bob", unnote(), OK);
        assert_eq!(told(), Some(Event::Cleared { hash: hash() }.into()));
        assert_eq!(held("Bob"), 0);
        assert!(!PreimageFor::<Runtime>::contains_key((hash(), 300)));
        expect("nobody", note(), "Token(FundsUnavailable)");
    });
}

#[test]
fn what_root_asks_for_costs_nothing() {
    on_a_chain(|| {
        let request = || Call::request_preimage { hash: hash() };
        let unrequest = || Call::unrequest_preimage { hash: hash() };
        expect("Alice", request(), "BadOrigin");
        expect("Alice", unrequest(), "BadOrigin");
        expect("root", unrequest(), "NotRequested");
        expect("root", request(), OK);
        assert_eq!(told(), Some(Event::Requested { hash: hash() }.into()));
        let noted = Preimage::note_preimage(origin("Bob"), bytes()).unwrap();
        assert_eq!((noted.pays_fee, held("Bob")), (Pays::No, 0));
        expect("Bob", unnote(), "NotAuthorized");
        // Asked for twice, it is let go twice.
        expect("root", request(), OK);
        expect("root", unrequest(), OK);
        assert!(PreimageFor::<Runtime>::contains_key((hash(), 300)));
        expect("root", unrequest(), OK);
        assert_eq!(told(), Some(Event::Cleared { hash: hash() }.into()));
        assert!(!RequestStatusFor::<Runtime>::contains_key(hash()));
    });
}

#[test]
fn what_root_notes_is_asked_for_too() {
    on_a_chain(|| {
        assert_eq!(Preimage::note_preimage(origin("root"), bytes()).unwrap().pays_fee, Pays::No);
        expect("Bob", unnote(), "NotAuthorized");
        expect("root", unnote(), OK);
        assert_eq!(told(), Some(Event::Cleared { hash: hash() }.into()));
    });
}

#[test]
fn whose_bytes_are_asked_for_may_have_the_deposit_back_at_once() {
    on_a_chain(|| {
        expect("Bob", note(), OK);
        expect("root", Call::request_preimage { hash: hash() }, OK);
        assert_eq!(held("Bob"), BASE + 300 * EACH, "asking does not return it");
        expect("Charlie", unnote(), "NotAuthorized");
        expect("Bob", unnote(), OK);
        assert_eq!(held("Bob"), 0);
        assert!(PreimageFor::<Runtime>::contains_key((hash(), 300)), "it is still asked for");
    });
}

#[test]
fn bytes_have_an_end() {
    on_a_chain(|| {
        expect("root", Call::note_preimage { bytes: vec![0; 4 * 1024 * 1024 + 1] }, "TooBig");
        expect("root", Call::note_preimage { bytes: vec![0; 4 * 1024 * 1024] }, OK);
        expect("root", Call::ensure_updated { hashes: vec![hash()] }, "BadOrigin");
        expect("Bob", Call::ensure_updated { hashes: vec![] }, "TooFew");
        expect("Bob", Call::ensure_updated { hashes: vec![hash(); 1_025] }, "TooMany");
        let updated = Preimage::ensure_updated(origin("Bob"), vec![hash()]).unwrap();
        assert_eq!(updated.pays_fee, Pays::Yes, "nothing here was stored in the older form");
    });
}
