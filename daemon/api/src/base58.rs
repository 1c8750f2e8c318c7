//! The base58 of an address, five digits at a time.
//!
//! Addresses are written for every neuron of a reply: digit by digit, they take three times as long,
//! which is longer than all else that is told of a neuron. They are read as a library does it.

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Digits that are taken together: their values fit into 32 bits.
const GROUP: usize = 5;
const GROUP_VALUES: u64 = 58 * 58 * 58 * 58 * 58;

/// The text of `bytes`, which do not begin with zero.
pub(crate) fn encode(bytes: &[u8; 35]) -> String {
    let mut limbs = [0_u64; 9];
    // From the end: the first limb has three bytes only.
    for (limb, four) in limbs.iter_mut().rev().zip(bytes.rchunks(4)) {
        *limb = four.iter().fold(0, |limb, byte| (limb << 8) | u64::from(*byte));
    }
    let mut digits = [0_u8; 50];
    for group in digits.rchunks_exact_mut(GROUP) {
        let mut rest = 0;
        for limb in &mut limbs {
            let value = (rest << 32) | *limb;
            (*limb, rest) = (value / GROUP_VALUES, value % GROUP_VALUES);
        }
        for digit in group.iter_mut().rev() {
            *digit = u8::try_from(rest % 58).unwrap_or_default();
            rest /= 58;
        }
    }
    let significant = digits.iter().skip_while(|digit| **digit == 0);
    significant.map(|digit| char::from(ALPHABET[usize::from(*digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look like any.
    fn noise(seed: u64, bytes: &mut [u8]) {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_be_bytes()[0];
        }
    }

    #[test]
    fn texts_are_those_of_the_digit_by_digit_way() {
        let mut bytes = [0; 35];
        for seed in 0..5_000 {
            noise(seed, &mut bytes);
            bytes[0] = bytes[0].max(1);
            // Zeros and all ones within are where carries go wrong.
            let run = usize::try_from(seed % 30).unwrap();
            bytes[1..=run].fill(if seed % 2 == 0 { 0 } else { 255 });
            assert_eq!(encode(&bytes), bs58::encode(&bytes).into_string());
        }
    }
}
