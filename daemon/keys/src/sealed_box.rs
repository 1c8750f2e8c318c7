//! Messages that only the holder of an ed25519 key can read: libsodium's sealed boxes to the X25519
//! form of the key, as `btcli wallet encrypt` makes them.
//!
//! `ephemeral public key 32 | Poly1305 tag 16 | ciphertext`. There is no sealed box to an sr25519
//! key. Nothing tells who wrote a message.

use crypto_box::aead::OsRng;
use curve25519_dalek::edwards::CompressedEdwardsY;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::{
    pair::KeyPair,
    scheme::{PublicKey, Scheme},
};

/// How much longer a sealed message is than the message.
pub const OVERHEAD: usize = 32 + 16;

/// Why a message cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealedBoxError {
    /// sr25519 keys sign, and do nothing else.
    #[error("messages can be encrypted to ed25519 keys only, and this is an sr25519 key")]
    Scheme,
    /// The account is no point of the curve, or one of the few that anybody can open.
    #[error("the address is not that of an ed25519 key")]
    NotAPoint,
    /// Another recipient, or not a sealed message, or a changed one: they look the same.
    #[error("the message was not encrypted to this key, or was changed on its way")]
    NotForThisKey,
}

/// Encrypts `message` to `to`.
pub fn seal(to: &PublicKey, message: &[u8]) -> Result<Vec<u8>, SealedBoxError> {
    if to.scheme != Scheme::Ed25519 {
        return Err(SealedBoxError::Scheme);
    }
    let point = CompressedEdwardsY(*to.account.as_bytes()).decompress().ok_or(SealedBoxError::NotAPoint)?;
    if point.is_small_order() {
        return Err(SealedBoxError::NotAPoint);
    }
    let recipient = crypto_box::PublicKey::from_bytes(point.to_montgomery().to_bytes());
    recipient.seal(&mut OsRng, message).map_err(|_| SealedBoxError::NotAPoint)
}

impl KeyPair {
    /// Decrypts a message that was sealed to this key.
    pub fn open_sealed(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealedBoxError> {
        let seed = self.ed25519_seed().ok_or(SealedBoxError::Scheme)?;
        let digest = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(seed)));
        let mut scalar = Zeroizing::new([0; 32]);
        scalar.copy_from_slice(&digest[..32]);
        crypto_box::SecretKey::from_bytes(*scalar)
            .unseal(sealed)
            .map(Zeroizing::new)
            .map_err(|_| SealedBoxError::NotForThisKey)
    }
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;
    use crate::key::Key;

    #[test]
    fn what_is_sealed_is_opened_by_its_key_only() {
        let alice = Key::from_uri(Scheme::Ed25519, "//Alice").unwrap();
        let bob = Key::from_uri(Scheme::Ed25519, "//Bob").unwrap();
        for message in [&b""[..], b"hello", &[0xff; 5000]] {
            let sealed = seal(&alice.public(), message).unwrap();
            assert_eq!(sealed.len(), message.len() + OVERHEAD);
            assert_ne!(seal(&alice.public(), message).unwrap(), sealed);
            assert_eq!(alice.pair().open_sealed(&sealed).unwrap().as_slice(), message);
            assert_eq!(bob.pair().open_sealed(&sealed), Err(SealedBoxError::NotForThisKey));
            for at in [0, 31, 32, 47, sealed.len() - 1] {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert_eq!(alice.pair().open_sealed(&changed), Err(SealedBoxError::NotForThisKey), "{at}");
            }
            assert_eq!(alice.pair().open_sealed(&sealed[..OVERHEAD - 1]), Err(SealedBoxError::NotForThisKey));
        }
    }

    #[test]
    fn only_ed25519_keys_have_sealed_boxes() {
        let alice = Key::from_uri(Scheme::Sr25519, "//Alice").unwrap();
        assert_eq!(seal(&alice.public(), b"x"), Err(SealedBoxError::Scheme));
        assert_eq!(alice.pair().open_sealed(&[0; 60]), Err(SealedBoxError::Scheme));
        let low = PublicKey { scheme: Scheme::Ed25519, account: AccountId([0; 32]) };
        assert_eq!(seal(&low, b"x"), Err(SealedBoxError::NotAPoint));
    }
}
