//! The body hash: SHA3-256 texts of what Python prints.

use sha3::{Digest, Sha3_256};

use crate::python::{Value, python_str};

/// The hash of no fields at all: what a class without hashed fields always sends.
pub const EMPTY_BODY_HASH: &str = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";

/// Lower-case hex of SHA3-256.
pub fn sha3_hex(text: &str) -> String {
    hex::encode(Sha3_256::digest(text.as_bytes()))
}

pub(super) fn body_hash(values: &[&Value]) -> String {
    if values.is_empty() {
        return EMPTY_BODY_HASH.to_owned();
    }
    let joined: String = values.iter().map(|value| sha3_hex(&python_str(value))).collect();
    sha3_hex(&joined)
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_hashes_to_the_constant() {
        assert_eq!(super::sha3_hex(""), super::EMPTY_BODY_HASH);
        assert_eq!(super::body_hash(&[]), super::EMPTY_BODY_HASH);
    }
}
