//! SS58, the printed form of an account: base58 of `prefix | 32 bytes | checksum`, where the
//! checksum is the first two bytes of blake2b-512 over `"SS58PRE" | prefix | account`.
//!
//! Bittensor prints format 42. Other formats of the same key are read as what they are and
//! refused by name, because an address copied from another network is usually a mistake.

use blake2::{Blake2b512, Digest};

use crate::base58;

/// The address format of every Bittensor network.
pub(crate) const FORMAT: u8 = 42;

/// Why a text is not a Bittensor address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not base58, or not the length of an account.
    #[error("`{0}` is not an SS58 address: expected 48 characters that begin with 5")]
    Malformed(String),
    /// The last two bytes do not match: a character was mistyped.
    #[error("`{0}` is not a valid address: its checksum does not match (a character was mistyped?)")]
    Checksum(String),
    /// A valid address of another network's format.
    #[error("`{address}` is an address of SS58 format {format}; Bittensor uses format 42")]
    Format {
        /// The text as given.
        address: String,
        /// The format it carries.
        format: u16,
    },
}

fn checksum(body: &[u8]) -> [u8; 2] {
    let digest = Blake2b512::new().chain_update(b"SS58PRE").chain_update(body).finalize();
    [digest[0], digest[1]]
}

/// The text of `account` in format 42.
pub(crate) fn encode(account: &[u8; 32]) -> String {
    let mut address = [FORMAT; 35];
    address[1..33].copy_from_slice(account);
    let sum = checksum(&address[..33]);
    address[33..].copy_from_slice(&sum);
    base58::encode(&address)
}

/// The account behind `text`, which must be of format 42 with a valid checksum.
pub(crate) fn decode(text: &str) -> Result<[u8; 32], AddressError> {
    match decode_any(text)? {
        (account, format) if format == u16::from(FORMAT) => Ok(account),
        (_, format) => Err(AddressError::Format { address: text.to_owned(), format }),
    }
}

/// The account behind `text` and the format it is written in.
pub(crate) fn decode_any(text: &str) -> Result<([u8; 32], u16), AddressError> {
    let malformed = || AddressError::Malformed(text.to_owned());
    // The longest account address has 2 + 32 + 2 bytes, under 51 characters of base58.
    if text.len() > 64 {
        return Err(malformed());
    }
    let bytes = base58::decode(text).or_else(|| bs58::decode(text).into_vec().ok()).ok_or_else(malformed)?;
    let (format, prefix) = match *bytes.as_slice() {
        [first, ..] if first < 64 => (u16::from(first), 1),
        [first, second, ..] if first < 128 => {
            let low = ((first & 0b0011_1111) << 2) | (second >> 6);
            (u16::from(low) | (u16::from(second & 0b0011_1111) << 8), 2)
        }
        _ => return Err(malformed()),
    };
    let account: [u8; 32] = bytes.get(prefix..prefix + 32).and_then(|key| key.try_into().ok()).ok_or_else(malformed)?;
    if bytes.len() != prefix + 34 {
        return Err(malformed());
    }
    if checksum(&bytes[..prefix + 32]) != bytes[prefix + 32..] {
        return Err(AddressError::Checksum(text.to_owned()));
    }
    Ok((account, format))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn alice_reads_and_prints() {
        let account = decode(ALICE).unwrap();
        assert_eq!(hex::encode(account), "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
        assert_eq!(encode(&account), ALICE);
    }

    #[test]
    fn a_mistyped_character_is_a_checksum_error() {
        let text = ALICE.replace("tQY", "tQZ");
        assert_eq!(decode(&text), Err(AddressError::Checksum(text)));
    }

    #[test]
    fn another_network_is_named_by_its_format() {
        // The same key in Polkadot's format 0.
        let text = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
        assert!(matches!(decode(text), Err(AddressError::Format { format: 0, .. })));
    }

    #[test]
    fn other_texts_are_malformed() {
        for text in ["", "5", "0OIl", "alice", &"5".repeat(70), &ALICE[..47]] {
            assert!(matches!(decode(text), Err(AddressError::Malformed(_) | AddressError::Checksum(_))), "{text}");
        }
    }
}
