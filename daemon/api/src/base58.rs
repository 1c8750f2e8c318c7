//! Base58 of what is as short as an address, five digits at a time.
//!
//! Addresses are written and read with every request and for every neuron: digit by digit, they
//! took longer than all else that is known of a neuron.

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// The value of each character; [`NONE`] of those that are no digit.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut digit: u8 = 0;
    while digit < 58 {
        values[ALPHABET[digit as usize] as usize] = digit;
        digit += 1;
    }
    values
};
const NONE: u8 = 255;
/// Digits that are taken together: their values fit into 32 bits.
const GROUP: usize = 5;
const GROUP_VALUES: u64 = 58 * 58 * 58 * 58 * 58;
/// Digits of the longest text that is read.
const LONGEST: usize = 64;

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

/// The bytes behind `text`; none when it is none, or longer than [`LONGEST`].
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > LONGEST {
        return None;
    }
    let mut limbs = [0_u64; 12];
    for group in text.as_bytes().chunks(GROUP) {
        let (mut carry, mut values) = (0, 1);
        for character in group {
            let value = VALUES[usize::from(*character)];
            if value == NONE {
                return None;
            }
            (carry, values) = (carry * 58 + u64::from(value), values * 58);
        }
        for limb in limbs.iter_mut().rev() {
            let value = *limb * values + carry;
            (*limb, carry) = (value & 0xffff_ffff, value >> 32);
        }
    }
    // Each digit that is zero and has none before it but zeros is a byte.
    let zeros = text.bytes().take_while(|character| *character == ALPHABET[0]).count();
    let mut bytes = vec![0; zeros];
    let significant = limbs.iter().flat_map(|limb| limb.to_be_bytes().into_iter().skip(4));
    bytes.extend(significant.skip_while(|byte| *byte == 0));
    Some(bytes)
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
            let text = encode(&bytes);
            assert_eq!(text, bs58::encode(&bytes).into_string());
            assert_eq!(decode(&text).as_deref(), Some(&bytes[..]));
        }
    }

    #[test]
    fn whatever_is_read_is_what_the_digit_by_digit_way_reads() {
        let mut bytes = [0; 46];
        for seed in 0..5_000 {
            noise(seed, &mut bytes);
            let length = usize::try_from(seed % 47).unwrap();
            let zeros = usize::try_from(seed % 3).unwrap().min(length);
            bytes[..zeros].fill(0);
            let mut text = bs58::encode(&bytes[..length]).into_string();
            assert_eq!(decode(&text).as_deref(), Some(&bytes[..length]), "{text}");
            if seed % 5 == 0 && !text.is_empty() {
                let at = usize::try_from(seed).unwrap() % text.len();
                text.replace_range(at..=at, ["0", "O", "l", "I", "z", "1", "-"][usize::try_from(seed % 7).unwrap()]);
            }
            assert_eq!(decode(&text), bs58::decode(&text).into_vec().ok(), "{text}");
        }
        for text in ["", "1", "11111", "é", "5é", "z".repeat(LONGEST).as_str(), "1".repeat(LONGEST).as_str()] {
            assert_eq!(decode(text), bs58::decode(text).into_vec().ok(), "{text}");
        }
        assert_eq!(decode(&"1".repeat(LONGEST + 1)), None);
    }
}
