//! Keys of block authors for sealed extrinsics, and what is inside of those.
//!
//! A development chain makes the blocks of all its authors and has nothing to hide: keys follow from the chain's genesis
//! and the block's number, so that the same extrinsics give the same chain and a restarted one opens what was sealed
//! before. Whether and when something is opened is for [`crate::producer`] to say.

use btd_devnet_runtime::shield::{ShieldedTransaction, envelope::AuthorKey};
use sp_core::H256;
use sp_io::hashing;

/// What keys are made from, beside genesis, number and half.
const DOMAIN: &[u8] = b"btd development chain, key for sealed extrinsics";

/// Blocks among which a pair is looked for: as many authors as there can be take turns in half of them.
const REMEMBERED: u32 = 64;

/// The pair announced in block `number`.
pub(crate) fn announced_in(number: u32, genesis: H256) -> AuthorKey {
    let half = |name: &[u8]| hashing::blake2_256(&[DOMAIN, name, genesis.as_ref(), &number.to_le_bytes()].concat());
    let mut seed = [0; 64];
    seed[..32].copy_from_slice(&half(b"d"));
    seed[32..].copy_from_slice(&half(b"z"));
    AuthorKey::from_seed(seed)
}

/// The pair whose public half has this hash, if it was announced in one of the last blocks up to `head`.
pub(crate) fn announced_lately(key_hash: &[u8; 16], head: u32, genesis: H256) -> Option<AuthorKey> {
    // Where there is one author it is the second block before the head whose pair opens the next.
    let places = std::iter::once(2).chain(0..REMEMBERED);
    let numbers = places.filter_map(|back| head.checked_sub(back)).filter(|number| *number > 0);
    let mut pairs = numbers.map(|number| announced_in(number, genesis));
    pairs.find(|pair| hashing::twox_128(&pair.public()) == *key_hash)
}

/// Whether it was sealed for this pair.
pub(crate) fn is_for(sealed: &ShieldedTransaction, key: &AuthorKey) -> bool {
    sealed.key_hash == hashing::twox_128(&key.public())
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED, announced_in, announced_lately};
    use sp_core::H256;
    use sp_io::hashing;

    #[test]
    fn keys_are_found_by_the_hash_of_their_public_half_for_some_time() {
        let genesis = H256::repeat_byte(1);
        let hash = |number, genesis| hashing::twox_128(&announced_in(number, genesis).public());
        for number in [1, 5, 6, 7] {
            let found = announced_lately(&hash(number, genesis), 7, genesis).unwrap();
            assert_eq!(found.public(), announced_in(number, genesis).public());
        }
        assert!(announced_lately(&hash(8, genesis), 7, genesis).is_none(), "it has not been announced");
        assert!(announced_lately(&hash(7, H256::repeat_byte(2)), 7, genesis).is_none(), "it is another chain's");
        assert!(announced_lately(&hash(1, genesis), 1 + REMEMBERED, genesis).is_none(), "it is forgotten");
    }
}
