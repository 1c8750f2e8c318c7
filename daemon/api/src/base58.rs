//! The base58 of an address, five digits at a time.
//!
//! Addresses are written and read for every neuron of a reply: digit by digit, they take several times as long,
//! which is longer than all else that is told of a neuron. What is no usual address is read as a library does it.

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Digits that are taken together: their values fit into 32 bits.
const GROUP: usize = 5;
const GROUP_VALUES: u64 = 58 * 58 * 58 * 58 * 58;
/// So many digits fit into nine limbs of 32 bits, whatever they are.
const LONGEST: usize = 48;
/// The value of each digit, and of what is none.
const VALUES: [u8; 256] = values();
const NONE: u8 = u8::MAX;

#[allow(clippy::cast_lossless, reason = "nothing else widens in a constant")]
const fn values() -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut value = 0_u8;
    while value < 58 {
        values[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    values
}

/// The text of `bytes`, which do not begin with zero.
pub(crate) fn encode(bytes: &[u8; 35]) -> String {
    let mut limbs = [0_u64; 9];
    // From the end: the first limb has three bytes only.
    for (limb, four) in limbs.iter_mut().rev().zip(bytes.rchunks(4)) {
        *limb = four.iter().fold(0, |limb, byte| (limb << 8) | u64::from(*byte));
    }
    let mut digits = [0_u8; 50];
    // What is before it has come to nothing.
    let mut first = 0;
    for group in digits.rchunks_exact_mut(GROUP) {
        let mut rest = 0;
        for limb in &mut limbs[first..] {
            let value = (rest << 32) | *limb;
            (*limb, rest) = (value / GROUP_VALUES, value % GROUP_VALUES);
        }
        first += limbs[first..].iter().take_while(|limb| **limb == 0).count();
        for digit in group.iter_mut().rev() {
            *digit = u8::try_from(rest % 58).unwrap_or_default();
            rest /= 58;
        }
    }
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let letters = digits.map(|digit| ALPHABET[usize::from(digit)]);
    // The alphabet is ASCII.
    std::str::from_utf8(&letters[zeros..]).unwrap_or_default().to_owned()
}

/// The bytes whose text is `text`; none where that is no base58, longer than the address of an account is here, or begins
/// with zero.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > LONGEST || text.starts_with('1') {
        return None;
    }
    // All groups but the first have all digits.
    let (first, whole) = text.as_bytes().split_at(text.len() % GROUP);
    let mut limbs = [0_u64; 9];
    for group in std::iter::once(first).chain(whole.chunks_exact(GROUP)) {
        let mut carried = 0;
        for digit in group {
            let value = VALUES[usize::from(*digit)];
            if value == NONE {
                return None;
            }
            carried = carried * 58 + u64::from(value);
        }
        for limb in limbs.iter_mut().rev() {
            let value = *limb * GROUP_VALUES + carried;
            (*limb, carried) = (value & u64::from(u32::MAX), value >> 32);
        }
    }
    let bytes = limbs.iter().flat_map(|limb| limb.to_be_bytes().into_iter().skip(4));
    Some(bytes.skip_while(|byte| *byte == 0).collect())
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

    #[test]
    fn bytes_are_those_of_the_library() {
        let mut bytes = [0; 36];
        for seed in 0..5_000 {
            noise(seed, &mut bytes);
            let count = usize::try_from(seed % 36).unwrap();
            let bytes = &mut bytes[..count];
            if let Some(first) = bytes.first_mut() {
                *first = (*first).max(1);
            }
            let text = bs58::encode(&bytes).into_string();
            assert_eq!(decode(&text).as_deref(), Some(&*bytes), "{text}");
            // A mistyped digit makes other bytes, or none.
            for wrong in ["0", "O", "I", "l", "é", " ", "z"] {
                let other =
                    text.get(..count).map(|begin| format!("{begin}{wrong}")).filter(|other| other.len() <= LONGEST);
                let Some(other) = other.filter(|other| !other.starts_with('1')) else { continue };
                assert_eq!(decode(&other), bs58::decode(&other).into_vec().ok(), "{other}");
            }
        }
        let most = "z".repeat(LONGEST);
        assert_eq!(decode(&most), bs58::decode(&most).into_vec().ok());
        assert_eq!(decode(&format!("{most}z")), None);
        assert_eq!(decode("15"), None);
    }
}
