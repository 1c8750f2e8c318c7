//! The envelope of a sealed extrinsic: ML-KEM-768 for the key, XChaCha20-Poly1305 for what is inside.
//!
//! `twox_128 of the key (16) | length of the encapsulated secret (u16, little-endian) | secret | nonce (24) | sealed`, with
//! no associated data; as bittensor-core and bittensor_drand write it. It seals nothing: clients do.

use alloc::vec::Vec;

use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::Aead};
use codec::{Decode, Encode};
use ml_kem::{
    DecapsulationKey768, ExpandedDecapsulationKey, MlKem768, Seed,
    kem::{Decapsulate, KeyExport},
};
use scale_info::TypeInfo;

/// Bytes of an encapsulation key.
pub const KEY_BYTES: usize = 1_184;

/// An envelope's parts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ShieldedTransaction {
    /// `twox_128` of the key it is sealed for.
    pub key_hash: [u8; 16],
    /// The encapsulated secret.
    pub kem_ct: Vec<u8>,
    /// What is sealed.
    pub aead_ct: Vec<u8>,
    /// Used once.
    pub nonce: [u8; 24],
}

impl ShieldedTransaction {
    /// Takes an envelope apart; none when it is too short.
    pub fn parse(envelope: &[u8]) -> Option<Self> {
        let (key_hash, rest) = envelope.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (kem_ct, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        let (nonce, aead_ct) = rest.split_first_chunk::<24>()?;
        Some(Self { key_hash: *key_hash, kem_ct: kem_ct.to_vec(), aead_ct: aead_ct.to_vec(), nonce: *nonce })
    }

    /// What is inside; none when the key is another, or anything was changed.
    pub fn open(&self, key: &AuthorKey) -> Option<Vec<u8>> {
        let secret = key.0.decapsulate(&self.kem_ct.as_slice().try_into().ok()?);
        let cipher = XChaCha20Poly1305::new_from_slice(&secret).ok()?;
        cipher.decrypt(XNonce::from_slice(&self.nonce), self.aead_ct.as_slice()).ok()
    }
}

/// An author's pair of keys.
pub struct AuthorKey(DecapsulationKey768);

impl AuthorKey {
    /// The pair made from a seed (d and z of FIPS 203).
    pub fn from_seed(seed: [u8; 64]) -> Self {
        Self(DecapsulationKey768::from_seed(Seed::from(seed)))
    }

    /// The pair of a decapsulation key in the long form of FIPS 203, 2,400 bytes; none when these are not one.
    pub fn from_expanded(key: &[u8]) -> Option<Self> {
        let key = ExpandedDecapsulationKey::<MlKem768>::try_from(key).ok()?;
        #[expect(deprecated, reason = "nodes hand over keys in this form")]
        DecapsulationKey768::from_expanded(&key).ok().map(Self)
    }

    /// The key that clients seal for.
    pub fn public(&self) -> Vec<u8> {
        self.0.encapsulation_key().to_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthorKey, KEY_BYTES, ShieldedTransaction};

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../../../../tests/vectors/mlkem.json")).unwrap()
    }

    fn bytes(value: &serde_json::Value) -> Vec<u8> {
        hex::decode(value.as_str().unwrap()).unwrap()
    }

    #[test]
    fn envelopes_of_the_python_packages_open() {
        let vectors = vectors();
        let mut opened = 0;
        let cases = [&vectors["cases"], &vectors["drand_2_0_0"]["cases"]];
        for case in cases.into_iter().flat_map(|cases| cases.as_array().unwrap()) {
            let key = &vectors["keys"][case["key"].as_str().unwrap()];
            let pair = AuthorKey::from_seed(bytes(&key["seed_d_z_hex"]).try_into().unwrap());
            assert_eq!(pair.public(), bytes(&key["ek"]));
            let pair = AuthorKey::from_expanded(&bytes(&key["dk"])).unwrap();
            assert_eq!(pair.public(), bytes(&key["ek"]));
            assert_eq!(pair.public().len(), KEY_BYTES);
            let mut blob = bytes(&case["blob_hex"]);
            if case["include_key_hash"] == false {
                blob.splice(0..0, sp_io::hashing::twox_128(&pair.public()));
            }
            let sealed = ShieldedTransaction::parse(&blob).unwrap();
            assert_eq!(sealed.key_hash, sp_io::hashing::twox_128(&pair.public()));
            assert_eq!(sealed.open(&pair).unwrap(), bytes(&case["plaintext_hex"]));
            let mut changed = sealed.clone();
            changed.aead_ct[0] ^= 1;
            assert_eq!(changed.open(&pair), None);
            assert_eq!(sealed.open(&AuthorKey::from_seed([7; 64])), None);
            opened += 1;
        }
        assert!(opened >= 4, "{opened}");
    }

    #[test]
    fn what_is_too_short_is_no_envelope() {
        assert_eq!(ShieldedTransaction::parse(&[0; 41]), None);
        assert!(ShieldedTransaction::parse(&[0; 42]).is_some());
        let mut longer = vec![0; 42];
        longer[16] = 1;
        assert_eq!(ShieldedTransaction::parse(&longer), None);
    }
}
