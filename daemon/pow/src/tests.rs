//! Seals and targets against the golden vectors, and the search against itself.

use std::{fs, num::NonZeroUsize, path::Path};

use serde_json::Value;

use super::*;

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/pow.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("no {field} in {case}"))
}

fn bytes(case: &Value, field: &str) -> [u8; 32] {
    let text = text(case, field);
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).unwrap().try_into().unwrap()
}

fn target(case: &Value) -> Target {
    Target::of(case["difficulty"].as_u64().unwrap().try_into().unwrap())
}

fn first(puzzle: &Puzzle, target: &Target, start: u64, threads: usize) -> u64 {
    match search(puzzle, target, start, NonZeroUsize::new(threads).unwrap(), &Control::default()) {
        Outcome::Found(solution) => {
            assert_eq!(solution.seal, puzzle.seal(solution.nonce));
            solution.nonce
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn historic_seals_are_those_of_the_sdk_and_solved_as_the_chain_wants() {
    for case in golden()["sdk6"]["cases"].as_array().unwrap() {
        let puzzle =
            Puzzle::historic(&BlockHash(bytes(case, "block_hash")), &AccountId(bytes(case, "hotkey_public_key")));
        let theirs: u64 = text(case, "sdk6_first_nonce").parse().unwrap();
        let seal = puzzle.seal(theirs);
        assert_eq!(seal.0, bytes(case, "seal_hex"));
        assert_eq!(target(case).met_by(&seal), case["chain_2025_05_30_rule_little_endian_ok"], "{case}");
        let Some(ours) = case["first_nonce_ok_for_little_endian_rule"].as_str() else { continue };
        let start = text(case, "start_nonce").parse().unwrap();
        assert_eq!(first(&puzzle, &target(case), start, 2).to_string(), ours, "{case}");
    }
}

#[test]
fn registration_seals_are_those_of_the_sdk() {
    for case in golden()["sdk11"]["cases"].as_array().unwrap() {
        let puzzle = Puzzle::registration(
            NetUid(u16::try_from(case["netuid"].as_u64().unwrap()).unwrap()),
            &BlockHash(bytes(case, "block_hash")),
            &text(case, "hotkey").parse().unwrap(),
            &text(case, "coldkey").parse().unwrap(),
        );
        let nonce: u64 = text(case, "nonce").parse().unwrap();
        assert_eq!(puzzle.seal(nonce).0, bytes(case, "seal_hex"));
        assert_eq!(target(case).met_by(&puzzle.seal(nonce)), case["meets_target_le"]);
        let start = text(case, "start_nonce").parse().unwrap();
        assert_eq!(first(&puzzle, &target(case), start, 2), nonce);
        for neighbour in case["neighbours"].as_array().unwrap() {
            assert_eq!(puzzle.seal(text(neighbour, "nonce").parse().unwrap()).0, bytes(neighbour, "seal_hex"));
        }
        let expected = bytes(case, "target_hex_be");
        let limbs: Vec<u8> = target(case).limbs.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
        assert_eq!(limbs, expected, "{case}");
    }
}

#[test]
fn the_target_itself_is_met_and_one_more_is_not() {
    for difficulty in [1, 2, 3, 10, 1_000_000, u64::MAX] {
        let target = Target::of(NonZeroU64::new(difficulty).unwrap());
        let mut edge: [u8; 32] = target.limbs.map(u64::to_le_bytes).concat().try_into().unwrap();
        assert!(target.met_by(&Seal(edge)));
        // One more, unless it is the largest number there is.
        if difficulty > 1 {
            for byte in &mut edge {
                let (sum, carried) = byte.overflowing_add(1);
                *byte = sum;
                if !carried {
                    break;
                }
            }
            assert!(!target.met_by(&Seal(edge)), "{difficulty}");
        }
    }
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let puzzle = Puzzle::historic(&BlockHash([3; 32]), &AccountId([4; 32]));
    let target = Target::of(NonZeroU64::new(3000).unwrap());
    let mut start = 0;
    for _ in 0..4 {
        let nonces: Vec<u64> = [1, 2, 7].into_iter().map(|threads| first(&puzzle, &target, start, threads)).collect();
        assert!(nonces.iter().all(|&nonce| nonce == nonces[0] && nonce >= start), "{nonces:?}");
        assert!((start..nonces[0]).all(|nonce| !target.met_by(&puzzle.seal(nonce))));
        start = nonces[0] + 1;
    }
}

#[test]
fn a_search_ends_when_told_or_at_the_last_nonce() {
    let puzzle = Puzzle::historic(&BlockHash([3; 32]), &AccountId([4; 32]));
    let hopeless = Target::of(NonZeroU64::new(u64::MAX).unwrap());
    let two = NonZeroUsize::new(2).unwrap();
    let control = Control::default();
    std::thread::scope(|scope| {
        let searching = scope.spawn(|| search(&puzzle, &hopeless, 0, two, &control));
        while control.tried() == 0 {
            std::thread::yield_now();
        }
        control.cancel();
        assert_eq!(searching.join().unwrap(), Outcome::Cancelled);
    });
    let near_the_end = u64::MAX - 10_000;
    let control = Control::default();
    assert_eq!(search(&puzzle, &hopeless, near_the_end, two, &control), Outcome::Exhausted);
    assert_eq!(control.tried(), 10_001);
}
