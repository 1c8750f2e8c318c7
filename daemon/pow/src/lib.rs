//! Seal search: the proof of work that registers a key, in both forms the chain has had.
//!
//! Pure computation over the processor's cores. It knows no chain: which block hash to work on,
//! when the work has become worthless, and what to submit are its caller's to say. The difficulty
//! test is the chain's (the seal as a little-endian number), not that of the old Python packages,
//! which read it as big-endian and so found solutions that the chain refuses.
#![warn(missing_docs)]

mod search;

use std::{fmt, num::NonZeroU64};

use btd_api::{AccountId, BlockHash, Coldkey, Hotkey, NetUid};
use sha2::{Digest, Sha256};
use sha3::Keccak256;

pub use search::{Control, Outcome, search};

/// What is to be sealed: everything that goes into a seal except the nonce.
#[derive(Clone)]
pub struct Puzzle {
    /// SHA-256 having taken what stands before the nonce.
    before: Sha256,
    /// What stands after it.
    after: [u8; 32],
    /// How much of `after` counts.
    after_len: usize,
}

// === impl Puzzle ===

impl Puzzle {
    /// `keccak256(sha256(nonce | keccak256(block_hash | account)))`: registration of runtimes
    /// before spec 401, with the hotkey, and the faucet of test chains, with the coldkey. The
    /// chain accepts it for three blocks.
    pub fn historic(block: &BlockHash, account: &AccountId) -> Self {
        let inner = Keccak256::new().chain_update(block.0).chain_update(account.0).finalize();
        Self { before: Sha256::new(), after: inner.into(), after_len: 32 }
    }

    /// `keccak256(sha256("subtensor-pow-register-v1" | netuid | block_hash | hotkey | coldkey |
    /// nonce))`: the call `pow_register`. The chain accepts it for five blocks.
    pub fn registration(netuid: NetUid, block: &BlockHash, hotkey: &Hotkey, coldkey: &Coldkey) -> Self {
        let before = Sha256::new()
            .chain_update(b"subtensor-pow-register-v1")
            .chain_update(netuid.0.to_le_bytes())
            .chain_update(block.0)
            .chain_update(hotkey.account().0)
            .chain_update(coldkey.account().0);
        Self { before, after: [0; 32], after_len: 0 }
    }

    /// The seal under `nonce`.
    pub fn seal(&self, nonce: u64) -> Seal {
        let mut sha = self.before.clone();
        sha.update(nonce.to_le_bytes());
        sha.update(&self.after[..self.after_len]);
        Seal(Keccak256::digest(sha.finalize()).into())
    }
}

impl fmt::Debug for Puzzle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Puzzle").finish_non_exhaustive()
    }
}

/// 32 bytes of work, submitted as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal(pub [u8; 32]);

/// The largest number that a seal may be, read as little-endian: `floor((2^256 − 1) / difficulty)`.
/// That is the same as asking that seal × difficulty stays below 2^256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Least significant first.
    limbs: [u64; 4],
}

// === impl Target ===

impl Target {
    /// The target of a difficulty.
    pub fn of(difficulty: NonZeroU64) -> Self {
        let divisor = u128::from(difficulty.get());
        let mut limbs = [0; 4];
        let mut remainder = 0;
        for limb in limbs.iter_mut().rev() {
            let dividend = remainder << 64 | u128::from(u64::MAX);
            // The remainder is below the divisor, so the quotient fits its limb.
            *limb = u64::try_from(dividend / divisor).unwrap_or(u64::MAX);
            remainder = dividend % divisor;
        }
        Self { limbs }
    }

    /// Whether the chain accepts `seal`.
    pub fn met_by(&self, seal: &Seal) -> bool {
        let (limbs, _) = seal.0.as_chunks::<8>();
        let number = limbs.iter().rev().map(|limb| u64::from_le_bytes(*limb));
        number.le(self.limbs.iter().rev().copied())
    }
}

/// A nonce and the seal that it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solution {
    /// The nonce.
    pub nonce: u64,
    /// Its seal.
    pub seal: Seal,
}

#[cfg(test)]
mod tests;
