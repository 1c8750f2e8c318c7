//! Which rounds of the development beacon a block is to bring.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use std::sync::{Mutex, PoisonError};

use codec::Encode;

use super::{BeaconConfig, LastStoredRound, NextUnsignedAt, Pulse, Pulses, pulse_extrinsic};
use crate::{
    Runtime, UncheckedExtrinsic,
    beacon::{self, Beacon, Round},
    subtensor as s,
};

/// Rounds that a block brings by itself at most.
const GREATEST_DUE: usize = 10;
/// Seals that are tried at most to see which rounds a block is to bring; those left over are the next block's.
const GREATEST_TRIED: usize = 128;
/// Seals to another beacon that are remembered at most.
const GREATEST_FOREIGN: usize = 1 << 16;
/// Hashes of the seals, with their rounds, that the development beacon does not open: they wait for drand's, perhaps for
/// ever, and need not be tried at each block. It is known from nothing but the seal, so every chain here shares it.
static FOREIGN: Mutex<BTreeSet<[u8; 32]>> = Mutex::new(BTreeSet::new());

/// What weights and commitments are sealed with, by the round that they wait for.
fn awaited() -> BTreeMap<Round, Vec<Vec<u8>>> {
    let weights = s::TimelockedWeightCommits::<Runtime>::iter_values().flatten();
    let seals = weights.map(|(_, _, seal, round)| (round, seal.into_inner())).chain(crate::Commitments::awaited());
    let mut awaited: BTreeMap<Round, Vec<Vec<u8>>> = BTreeMap::new();
    for (round, seal) in seals {
        awaited.entry(round).or_default().push(seal);
    }
    awaited
}

/// The extrinsics that bring the rounds whose time has come, in milliseconds since 1970, and that open something.
///
/// There are some only where the development beacon signs: rounds of drand's have to be fetched and brought. What is
/// sealed to drand's waits there too, since the same round of the development beacon would spoil it.
pub fn due_pulses(now: u64) -> Vec<UncheckedExtrinsic> {
    let config = BeaconConfig::<Runtime>::get();
    let current = config.round_at(now);
    let last = LastStoredRound::<Runtime>::get();
    let block = frame_system::Pallet::<Runtime>::block_number();
    let mut due = awaited();
    due.retain(|round, _| {
        (last.saturating_add(1)..=current).contains(round) && !Pulses::<Runtime>::contains_key(round)
    });
    // Most blocks end here, before any key is derived. A round that comes too soon after another would be refused.
    if due.is_empty() || NextUnsignedAt::<Runtime>::get() > block {
        return Vec::new();
    }
    let beacon = Beacon::development();
    if config.public_key[..] != beacon.public_key() {
        return Vec::new();
    }
    let mut foreign = FOREIGN.lock().unwrap_or_else(PoisonError::into_inner);
    if foreign.len() > GREATEST_FOREIGN {
        foreign.clear();
    }
    let mut tries = 0;
    let mut pulses = Vec::new();
    for (round, seals) in due {
        let name = |seal: &Vec<u8>| (round, seal).using_encoded(sp_io::hashing::blake2_256);
        let untried: Vec<_> =
            seals.iter().map(|seal| (name(seal), seal)).filter(|(n, _)| !foreign.contains(n)).collect();
        if untried.is_empty() {
            continue;
        }
        let signature = beacon.sign(round);
        for (name, seal) in untried {
            if tries == GREATEST_TRIED || pulses.len() == GREATEST_DUE {
                return pulses;
            }
            tries += 1;
            if beacon::open(seal, &signature).is_some() {
                pulses.extend(Pulse::new(round, &signature).map(|pulse| pulse_extrinsic(pulse, block)));
                break;
            }
            foreign.insert(name);
        }
    }
    pulses
}
