//! Who makes blocks and calls them final, and the EVM's number of the chain: what root sets in `AdminUtils`.

use btd_devnet_runtime::{
    Executive, Grandpa, Hash, Header, Runtime, RuntimeEvent, System,
    admin::Call,
    api, block_author,
    evm_chain_id::ChainId,
    fee_recipient,
    shield::{self, AuthorKeys, NextKey, Public},
};
use codec::{Decode, Encode};
use frame_support::{BoundedVec, traits::Hooks};
use serde_json::Value;
use sp_consensus_aura::sr25519::AuthorityId;
use sp_core::{Pair, ed25519, sr25519};
use sp_runtime::{Digest, DigestItem, traits::Header as _};

use crate::{OK, expect, key, on_a_chain};

fn author(name: &str) -> AuthorityId {
    sr25519::Pair::from_string(&format!("//{name}"), None).unwrap().public().into()
}

fn finaliser(name: &str) -> sp_consensus_grandpa::AuthorityId {
    ed25519::Pair::from_string(&format!("//{name}"), None).unwrap().public().into()
}

fn swap(names: &[&str]) -> Call<Runtime> {
    let new_authorities = BoundedVec::try_from(names.iter().map(|name| author(name)).collect::<Vec<_>>()).unwrap();
    Call::swap_authorities { new_authorities }
}

fn consensus_logs() -> Vec<([u8; 4], Vec<u8>)> {
    let logs = System::digest().logs.into_iter();
    logs.filter_map(|log| log.as_consensus().map(|(engine, data)| (engine, data.to_vec()))).collect()
}

/// Begins a block whose author's slot is `slot`.
fn begin_in_slot(number: u32, slot: u64) {
    System::set_block_number(number - 1);
    let digest = Digest { logs: vec![DigestItem::PreRuntime(*b"aura", slot.encode())] };
    Executive::initialize_block(&Header::new(number, Hash::zero(), Hash::zero(), Hash::repeat_byte(1), digest));
}

#[test]
fn swap_authorities_is_roots_and_names_who_is_paid() {
    on_a_chain(|| {
        begin_in_slot(1, 7);
        assert_eq!(block_author(), fee_recipient());
        expect("Alice", swap(&["Bob"]), "BadOrigin");
        expect("root", swap(&[]), OK);
        assert_eq!(pallet_aura::Authorities::<Runtime>::get().into_inner(), [author("One")], "naming none is nothing");
        assert_eq!(consensus_logs(), []);
        expect("root", swap(&["Bob", "Charlie"]), OK);
        // Variant 1 of Aura's log: the authorities have changed.
        let changed = (1_u8, vec![author("Bob"), author("Charlie")]).encode();
        assert_eq!(consensus_logs(), [(*b"aura", changed)]);
        assert_eq!(block_author(), key("Charlie"), "whose turn slot 7 is");
        begin_in_slot(2, 8);
        assert_eq!(block_author(), key("Bob"));
        assert_eq!(*pallet_aura::CurrentSlot::<Runtime>::get(), 8);
    });
}

#[test]
fn authors_announce_keys_in_their_turn_and_clients_seal_for_the_author_after_the_next() {
    on_a_chain(|| {
        begin_in_slot(1, 6);
        expect("root", swap(&["Bob", "Charlie"]), OK);
        let announce = |byte: u8| {
            let enc_key = Some(BoundedVec::truncate_from(vec![byte; 1_184]));
            expect("nobody at all", shield::Call::announce_next_key { enc_key }, OK);
        };
        let announced = |name: &str| AuthorKeys::<Runtime>::get(Public::of(key(name))).map(|key| key[0]);
        let next = || NextKey::<Runtime>::get().map(|key| key[0]);
        begin_in_slot(2, 7);
        announce(7);
        assert_eq!((announced("Charlie"), announced("Bob"), announced("One")), (Some(7), None, None));
        begin_in_slot(3, 8);
        announce(8);
        assert_eq!((announced("Bob"), next()), (Some(8), None), "Bob had announced none before");
        begin_in_slot(4, 9);
        announce(9);
        assert_eq!((announced("Charlie"), next()), (Some(9), Some(7)), "Charlie's of slot 7, which opens in slot 11");
        begin_in_slot(5, 11);
        announce(11);
        assert_eq!((announced("Charlie"), next()), (Some(11), Some(9)));
    });
}

#[test]
fn schedule_grandpa_change_happens_when_it_is_due_and_one_at_a_time() {
    on_a_chain(|| {
        let change = |name: &str, in_blocks, forced| Call::schedule_grandpa_change {
            next_authorities: vec![(finaliser(name), 3)],
            in_blocks,
            forced,
        };
        let finalisers = || {
            let answer = api::dispatch("GrandpaApi_grandpa_authorities", &[]).unwrap();
            Vec::<(sp_consensus_grandpa::AuthorityId, u64)>::decode(&mut &answer[..]).unwrap()
        };
        assert_eq!(finalisers(), [(finaliser("One"), 1)]);
        expect("Alice", change("Bob", 0, None), "BadOrigin");
        expect("root", change("Bob", u32::MAX / 2 + 1, None), "Arithmetic(Overflow)");
        expect("root", change("Bob", 1, None), OK);
        expect("root", change("Charlie", 0, None), "ChangePending");
        Grandpa::on_finalize(1);
        let scheduled = (1_u8, vec![(finaliser("Bob"), 3_u64)], 1_u32).encode();
        assert_eq!(consensus_logs(), [(*b"FRNK", scheduled)], "variant 1 of Grandpa's log");
        assert_eq!(finalisers(), [(finaliser("One"), 1)]);
        System::set_block_number(2);
        Grandpa::on_finalize(2);
        assert_eq!(finalisers(), [(finaliser("Bob"), 3)]);
        let told =
            RuntimeEvent::Grandpa(pallet_grandpa::Event::NewAuthorities { authority_set: vec![(finaliser("Bob"), 3)] });
        assert!(System::events().into_iter().any(|record| record.event == told));
        assert_eq!(Grandpa::current_set_id(), 0, "only sessions count sets");

        expect("root", change("Charlie", 5, Some(1)), OK);
        assert_eq!(Grandpa::next_forced(), Some(12));
        System::set_block_number(7);
        Grandpa::on_finalize(7);
        assert_eq!(finalisers(), [(finaliser("Charlie"), 3)]);
        expect("root", change("Bob", 5, Some(1)), "TooSoon");
    });
}

#[test]
fn sudo_set_evm_chain_id_is_roots() {
    on_a_chain(|| {
        assert_eq!(ChainId::<Runtime>::get(), 42);
        expect("Alice", Call::sudo_set_evm_chain_id { chain_id: 945 }, "BadOrigin");
        expect("root", Call::sudo_set_evm_chain_id { chain_id: 945 }, OK);
        assert_eq!(ChainId::<Runtime>::get(), 945);
    });
}

/// Puts what a preset names into a whole configuration.
fn merge(whole: &mut Value, patch: &Value) {
    match (whole, patch) {
        (Value::Object(whole), Value::Object(patch)) => {
            for (name, patch) in patch {
                merge(whole.get_mut(name).unwrap(), patch);
            }
        }
        (whole, patch) => *whole = patch.clone(),
    }
}

#[test]
fn the_preset_for_benchmarks_is_known_by_name() {
    on_a_chain(|| {
        let preset = |name: Option<&str>| {
            let answer = api::dispatch("GenesisBuilder_get_preset", &name.encode()).unwrap();
            Option::<Vec<u8>>::decode(&mut &answer[..]).unwrap()
        };
        let names = api::dispatch("GenesisBuilder_preset_names", &[]).unwrap();
        assert_eq!(Vec::<String>::decode(&mut &names[..]).unwrap(), ["benchmark"]);
        assert_eq!(preset(Some("development")), None);
        let patch: Value = serde_json::from_slice(&preset(Some("benchmark")).unwrap()).unwrap();
        assert_eq!(patch["balances"]["balances"][1][1], 1_000_000_000_000_000_u64);
        let mut whole: Value = serde_json::from_slice(&preset(None).unwrap()).unwrap();
        merge(&mut whole, &patch);
        sp_io::TestExternalities::default().execute_with(|| {
            let built = api::dispatch("GenesisBuilder_build_state", &whole.to_string().into_bytes().encode()).unwrap();
            assert_eq!(built, [0], "{}", String::from_utf8_lossy(&built));
            assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(key("Alice")));
            assert_eq!(pallet_aura::Authorities::<Runtime>::get().into_inner(), [author("Alice")]);
            assert_eq!(Grandpa::grandpa_authorities(), [(finaliser("Alice"), 1)]);
        });
    });
}

#[test]
fn session_keys_are_an_authors_and_a_finalisers() {
    on_a_chain(|| {
        let both = (author("One"), finaliser("One")).encode();
        let answer = api::dispatch("SessionKeys_decode_session_keys", &both.encode()).unwrap();
        let keys = Option::<Vec<(Vec<u8>, [u8; 4])>>::decode(&mut &answer[..]).unwrap().unwrap();
        assert_eq!(keys, [(author("One").encode(), *b"aura"), (finaliser("One").encode(), *b"gran")]);
        let answer = api::dispatch("SessionKeys_decode_session_keys", &vec![0_u8; 7].encode()).unwrap();
        assert_eq!(answer, [0]);
    });
}
