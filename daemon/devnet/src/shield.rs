//! Keys of the block author for sealed extrinsics, and what is inside of those.
//!
//! A development chain has one author and nothing to hide: its keys follow from the chain's genesis and the block's number,
//! so that the same extrinsics give the same chain and a restarted one opens what was sealed before. Whether and when
//! something is opened is for [`crate::producer`] to say.

use btd_devnet_runtime::shield::{OPENED_AFTER, ShieldedTransaction, envelope::AuthorKey};
use sp_core::H256;
use sp_io::hashing;

/// What keys are made from, beside genesis, number and half.
const DOMAIN: &[u8] = b"btd development chain, key for sealed extrinsics";

/// The pair announced in block `number`.
pub(crate) fn announced_in(number: u32, genesis: H256) -> AuthorKey {
    let half = |name: &[u8]| hashing::blake2_256(&[DOMAIN, name, genesis.as_ref(), &number.to_le_bytes()].concat());
    let mut seed = [0; 64];
    seed[..32].copy_from_slice(&half(b"d"));
    seed[32..].copy_from_slice(&half(b"z"));
    AuthorKey::from_seed(seed)
}

/// The pair that opens extrinsics in block `number`; none in the first blocks.
pub(crate) fn opening_in(number: u32, genesis: H256) -> Option<AuthorKey> {
    number.checked_sub(OPENED_AFTER).filter(|announced| *announced > 0).map(|number| announced_in(number, genesis))
}

/// Whether it was sealed for this pair.
pub(crate) fn is_for(sealed: &ShieldedTransaction, key: &AuthorKey) -> bool {
    sealed.key_hash == hashing::twox_128(&key.public())
}

#[cfg(test)]
mod tests {
    use super::{announced_in, opening_in};
    use sp_core::H256;

    #[test]
    fn a_key_opens_three_blocks_after_it_was_announced() {
        let genesis = H256::repeat_byte(1);
        assert!((0..=3).all(|number| opening_in(number, genesis).is_none()));
        let public = |number| announced_in(number, genesis).public();
        assert_eq!(opening_in(4, genesis).unwrap().public(), public(1));
        assert_ne!(public(1), public(2));
        assert_ne!(public(1), announced_in(1, H256::repeat_byte(2)).public());
    }
}
