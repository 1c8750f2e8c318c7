//! Junctions: the steps of a derivation path, as Substrate encodes them.
//!
//! A junction is a chain code of 32 bytes: a number as eight little-endian bytes, a text as SCALE
//! writes it (its length, then its bytes), filled up with zeroes, or the blake2b-256 digest of
//! these when they are longer.

use blake2::{Blake2b, Digest, digest::consts::U32};

/// One step of a derivation path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Junction {
    /// `/name`: the public key alone can take it too.
    Soft([u8; 32]),
    /// `//name`: only the secret key can.
    Hard([u8; 32]),
}

/// The chain code of a step's name.
pub(crate) fn chain_code(name: &str) -> [u8; 32] {
    let encoded = match name.parse::<u64>() {
        Ok(number) => number.to_le_bytes().to_vec(),
        Err(_) => [compact(name.len()).as_slice(), name.as_bytes()].concat(),
    };
    let mut code = [0; 32];
    match code.get_mut(..encoded.len()) {
        Some(front) => front.copy_from_slice(&encoded),
        None => code = Blake2b::<U32>::digest(&encoded).into(),
    }
    code
}

/// A length in SCALE's compact form.
fn compact(length: usize) -> Vec<u8> {
    let tagged = |tag: u64| (u64::try_from(length).unwrap_or(u64::MAX) << 2 | tag).to_le_bytes();
    match length {
        0..0x40 => tagged(0)[..1].to_vec(),
        0x40..0x4000 => tagged(1)[..2].to_vec(),
        _ => tagged(2)[..4].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use sp_core::crypto::DeriveJunction;

    use super::*;

    #[test]
    fn chain_codes_are_those_of_substrate() {
        let names = ["0", "7", "+7", "18446744073709551615", "18446744073709551616", "-1", "Alice", "ä", "a b"];
        let long: Vec<String> = [30, 31, 32, 63, 64, 100, 16_383, 16_384].map(|length| "x".repeat(length)).into();
        for name in names.into_iter().chain(long.iter().map(String::as_str)) {
            assert_eq!(DeriveJunction::from(name), DeriveJunction::Soft(chain_code(name)), "{name}");
        }
    }
}
