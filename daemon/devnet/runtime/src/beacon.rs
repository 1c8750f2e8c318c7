//! The drand beacon's cryptography: signatures of rounds, and seals that such a signature opens.
//!
//! Rounds are signed on BLS12-381 with public keys in G2 and signatures in G1 (scheme `bls-unchained-g1-rfc9380`). A seal
//! is the `tle` crate's: the key of an AES-256-GCM body, encrypted by Boneh and Franklin's scheme to the signature of a
//! round. Nothing here fetches rounds or keeps them; [`crate::drand`] does the latter.

use aes_gcm::{Aes256Gcm, KeyInit, aead::Aead};
use blst::{
    BLST_ERROR, blst_fp12, blst_p1_affine, blst_p2_affine,
    min_sig::{PublicKey, SecretKey, Signature},
};
use sp_core::U256;
use sp_io::hashing::sha2_256;

/// Number of a round of the beacon; the first is 1.
pub type Round = u64;

/// Bytes of a public key.
pub const PUBLIC_KEY: usize = 96;
/// Bytes of a round's signature.
pub const SIGNATURE: usize = 48;

/// Domain of the signatures' hash to the curve.
const DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
/// Name of the cipher at the end of a seal.
const CIPHER: &[u8] = b"AES_GCM_";
const KEY: usize = 32;
const NONCE: usize = 12;
/// The order of the groups, as big-endian limbs of 64 bits.
const ORDER: [u64; 4] = [0x73ed_a753_299d_7d48, 0x3339_d808_09a1_d805, 0x53bd_a402_fffe_5bfe, 0xffff_ffff_0000_0001];

/// What the beacon signs for a round.
fn message(round: Round) -> [u8; 32] {
    sha2_256(&round.to_be_bytes())
}

/// Whether `signature` is the beacon's for the round.
pub fn verify(public_key: &[u8], round: Round, signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (PublicKey::from_bytes(public_key), Signature::from_bytes(signature)) else {
        return false;
    };
    signature.verify(true, &message(round), DOMAIN, &[], &key, true) == BLST_ERROR::BLST_SUCCESS
}

/// Whether the bytes can be a signature at all.
pub(crate) fn is_signature(bytes: &[u8]) -> bool {
    Signature::from_bytes(bytes).is_ok()
}

/// The randomness of a round: the hash of its signature.
pub fn randomness(signature: &[u8]) -> [u8; 32] {
    sha2_256(signature)
}

/// A beacon whose secret is at hand.
pub struct Beacon(SecretKey);

impl Beacon {
    /// The development beacon. Its secret is no secret: anybody can sign any round of it.
    ///
    /// # Panics
    /// Never: the seed is as long as key generation asks.
    pub fn development() -> Self {
        #[expect(clippy::expect_used, reason = "a seed of 32 bytes is long enough")]
        let secret = SecretKey::key_gen(b"btd development drand beacon key", &[]).expect("the seed has 32 bytes");
        Self(secret)
    }

    /// Its public key.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY] {
        self.0.sk_to_pk().to_bytes()
    }

    /// Its signature of a round.
    pub fn sign(&self, round: Round) -> [u8; SIGNATURE] {
        self.0.sign(&message(round), DOMAIN, &[]).to_bytes()
    }
}

/// The pairing as seals hash it: twelve field elements, the two halves of the tower one after the other, each in
/// little-endian order.
fn pairing(signature: &Signature, key: &PublicKey) -> [u8; 576] {
    let (first, second): (&blst_p1_affine, &blst_p2_affine) = (signature.into(), key.into());
    let bytes = blst_fp12::miller_loop(second, first).final_exp().to_bendian();
    // The library lists the coefficients of both halves alternately, and each big-endian.
    let mut hashed = [0; 576];
    for (place, element) in bytes.chunks_exact(SIGNATURE).enumerate() {
        let (pair, part) = (place / 2, place % 2);
        let target = (pair % 2) * 6 + (pair / 2) * 2 + part;
        if let Some(into) = hashed.chunks_exact_mut(SIGNATURE).nth(target) {
            into.copy_from_slice(element);
            into.reverse();
        }
    }
    hashed
}

fn xor(left: &[u8; KEY], right: &[u8; KEY]) -> [u8; KEY] {
    core::array::from_fn(|index| left[index] ^ right[index])
}

/// The scalar that `sigma` and the key stand for.
fn scalar(sigma: &[u8; KEY], key: &[u8; KEY]) -> Option<SecretKey> {
    let number = U256::from_big_endian(&sha2_256(&[&sigma[..], &key[..]].concat()));
    let order = U256([ORDER[3], ORDER[2], ORDER[1], ORDER[0]]);
    SecretKey::from_bytes(&(number % order).to_big_endian()).ok()
}

/// A seal's parts.
struct Seal<'a> {
    point: &'a [u8],
    sigma: [u8; KEY],
    key: [u8; KEY],
    sealed: &'a [u8],
    nonce: [u8; NONCE],
}

/// Splits off as many bytes as the eight in front say.
fn part<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    *bytes = rest;
    Some(part)
}

impl<'a> Seal<'a> {
    /// Reads a seal; bytes after it are ignored.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (point, mut rest) = bytes.split_at_checked(PUBLIC_KEY)?;
        let sigma = part(&mut rest)?.try_into().ok()?;
        let key = part(&mut rest)?.try_into().ok()?;
        let mut body = part(&mut rest)?;
        (part(&mut rest)? == CIPHER).then_some(())?;
        let sealed = part(&mut body)?;
        let nonce = part(&mut body)?.try_into().ok()?;
        Some(Self { point, sigma, key, sealed, nonce })
    }
}

/// Opens a seal with the signature of the round it was made for; none when it was made for another one or is broken.
pub fn open(seal: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    let seal = Seal::read(seal)?;
    let point = PublicKey::key_validate(seal.point).ok()?;
    let signature = Signature::sig_validate(signature, true).ok()?;
    let sigma = xor(&seal.sigma, &sha2_256(&pairing(&signature, &point)));
    let key = xor(&seal.key, &sha2_256(&sigma));
    (scalar(&sigma, &key)?.sk_to_pk() == point).then_some(())?;
    Aes256Gcm::new(&key.into()).decrypt(&seal.nonce.into(), seal.sealed).ok()
}

/// What is random in a seal. Each seal needs its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entropy {
    /// Key of the body.
    pub key: [u8; 32],
    /// What hides that key.
    pub sigma: [u8; 32],
    /// Nonce of the body.
    pub nonce: [u8; 12],
}

/// Seals bytes until the beacon signs the round; none when the public key is no key.
pub fn seal(public_key: &[u8], round: Round, bytes: &[u8], entropy: &Entropy) -> Option<Vec<u8>> {
    let beacon = PublicKey::key_validate(public_key).ok()?;
    let scalar = scalar(&entropy.sigma, &entropy.key)?;
    let shared = pairing(&scalar.sign(&message(round), DOMAIN, &[]), &beacon);
    let sealed = Aes256Gcm::new(&entropy.key.into()).encrypt(&entropy.nonce.into(), bytes).ok()?;
    let prefixed = |part: &[u8]| [&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes()[..], part].concat();
    let body = [prefixed(&sealed), prefixed(&entropy.nonce)].concat();
    Some(
        [
            scalar.sk_to_pk().to_bytes().to_vec(),
            prefixed(&xor(&entropy.sigma, &sha2_256(&shared))),
            prefixed(&xor(&entropy.key, &sha2_256(&entropy.sigma))),
            prefixed(&body),
            prefixed(CIPHER),
        ]
        .concat(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Beacon, Entropy, open, randomness, seal, verify};
    use crate::drand::QUICKNET_KEY;

    const VECTORS: &str = include_str!("../../../../tests/vectors/timelock.json");

    fn bytes(value: &Value) -> Vec<u8> {
        hex::decode(value.as_str().unwrap()).unwrap()
    }

    #[test]
    fn seals_of_the_real_packages_open() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        for sealed in vectors["sealed"].as_array().unwrap() {
            let (inner, signature) = (bytes(&sealed["inner_hex"]), bytes(&sealed["round_signature"]));
            assert_eq!(open(&inner, &signature), Some(bytes(&sealed["plaintext_hex"])), "{}", sealed["id"]);
            assert!(verify(&QUICKNET_KEY, sealed["reveal_round"].as_u64().unwrap(), &signature));
            // A flipped byte anywhere, and the signature of another round, open nothing.
            for place in [3, 110, 150, 190, inner.len() - 30] {
                let mut flipped = inner.clone();
                flipped[place] ^= 1;
                assert_eq!(open(&flipped, &signature), None, "byte {place}");
            }
            assert_eq!(open(&inner, &Beacon::development().sign(1_000)), None);
            assert_eq!(open(&inner[..inner.len() - 1], &signature), None);
        }
    }

    #[test]
    fn seals_open_with_their_round_alone() {
        let beacon = Beacon::development();
        let entropy = Entropy { key: [7; 32], sigma: [9; 32], nonce: [1; 12] };
        let sealed = seal(&beacon.public_key(), 12, b"weights", &entropy).unwrap();
        assert_eq!(sealed.len(), b"weights".len() + 244);
        assert_eq!(open(&sealed, &beacon.sign(12)), Some(b"weights".to_vec()));
        assert_eq!(open(&sealed, &beacon.sign(13)), None);
        assert_eq!(seal(&[0; 96], 12, b"weights", &entropy), None);
    }

    #[test]
    fn rounds_are_verified() {
        let beacon = Beacon::development();
        assert!(verify(&beacon.public_key(), 5, &beacon.sign(5)));
        assert!(!verify(&beacon.public_key(), 6, &beacon.sign(5)));
        assert!(!verify(&QUICKNET_KEY, 5, &beacon.sign(5)));
        assert!(!verify(&beacon.public_key(), 5, &[0; 48]));
        let signature = hex::decode(
            "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
        )
        .unwrap();
        assert!(verify(&QUICKNET_KEY, 1_000, &signature));
        assert_eq!(
            hex::encode(randomness(&signature)),
            "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
        );
    }
}
