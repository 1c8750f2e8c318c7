//! Signatures of synapses: sr25519 over the text, or over the text as a browser wallet wraps it.
//!
//! Several at once cost half of what they cost one by one. Whether to gather them is the edge's
//! business ([`Verifier`]); what passes is the same.

use std::{fmt, future::Future, pin::Pin};

use btd_api::AccountId;
use schnorrkel::{PublicKey, Signature, signing_context};

/// The signing context of every Substrate account.
const CONTEXT: &[u8] = b"substrate";

/// A text and who is said to have signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The hotkey.
    pub signer: AccountId,
    /// The text.
    pub message: String,
    /// The signature.
    pub signature: [u8; 64],
}

/// A verdict to come.
pub type Verifying<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// Checks signatures as [`verify_sr25519`] does, when it likes.
pub trait Verifier: Send + Sync + fmt::Debug {
    /// Whether a signature is its signer's.
    fn verify(&self, signed: Signed) -> Verifying<'_>;
}

/// Checks each signature at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneByOne;

impl Verifier for OneByOne {
    fn verify(&self, signed: Signed) -> Verifying<'_> {
        Box::pin(std::future::ready(verify_one(&signed)))
    }
}

/// Whether each signature is its signer's. One that is not makes all of them cost more, and changes
/// nothing else.
pub fn verify_all(signed: &[Signed]) -> Vec<bool> {
    let parsed: Option<Vec<_>> = signed.iter().map(parse).collect();
    if let Some(parsed) = parsed
        && parsed.len() > 1
    {
        let texts = signed.iter().map(|signed| signing_context(CONTEXT).bytes(signed.message.as_bytes()));
        let (keys, signatures): (Vec<_>, Vec<_>) = parsed.into_iter().unzip();
        if schnorrkel::verify_batch(texts, &signatures, &keys, true).is_ok() {
            return vec![true; signed.len()];
        }
    }
    signed.iter().map(verify_one).collect()
}

fn parse(signed: &Signed) -> Option<(PublicKey, Signature)> {
    let key = PublicKey::from_bytes(signed.signer.as_bytes()).ok()?;
    Some((key, Signature::from_bytes(&signed.signature).ok()?))
}

fn verify_one(Signed { signer, message, signature }: &Signed) -> bool {
    verify_sr25519(signer, message.as_bytes(), signature)
}

/// Whether `signature` is `signer`'s over `message`, plain or between `<Bytes>` and `</Bytes>`.
/// Every peer accepts both, so that signatures of browser wallets pass.
pub fn verify_sr25519(signer: &AccountId, message: &[u8], signature: &[u8; 64]) -> bool {
    let wrapped = || [b"<Bytes>".as_slice(), message, b"</Bytes>"].concat();
    verify_sr25519_plain(signer, message, signature) || verify_sr25519_plain(signer, &wrapped(), signature)
}

/// Whether `signature` is `signer`'s over exactly `message`.
pub fn verify_sr25519_plain(signer: &AccountId, message: &[u8], signature: &[u8; 64]) -> bool {
    let (Ok(key), Ok(signature)) = (PublicKey::from_bytes(signer.as_bytes()), Signature::from_bytes(signature)) else {
        return false;
    };
    key.verify(signing_context(CONTEXT).bytes(message), &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use schnorrkel::{ExpansionMode, MiniSecretKey};

    use super::*;

    fn signed(seed: u8, message: &str, over: &str) -> Signed {
        let pair = MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519);
        let signature = pair.sign(signing_context(CONTEXT).bytes(over.as_bytes())).to_bytes();
        Signed { signer: AccountId(pair.public.to_bytes()), message: message.to_owned(), signature }
    }

    #[test]
    fn together_they_pass_or_fail_as_they_do_alone() {
        let mut all: Vec<_> = (0..40)
            .map(|number| signed(number % 7, &format!("message {number}"), &format!("message {number}")))
            .collect();
        assert_eq!(verify_all(&all), [true; 40]);
        assert_eq!(verify_all(&all[..1]), [true]);
        assert!(verify_all(&[]).is_empty());
        // A browser wallet's, another message's, another key's, one that is no signature, a key that is none.
        all[3] = signed(3, "wrapped", "<Bytes>wrapped</Bytes>");
        all[11] = signed(4, "this", "that");
        all[20].signer = all[21].signer;
        all[30].signature = [0xff; 64];
        all[39].signer = AccountId([0xff; 32]);
        let alone: Vec<_> = all.iter().map(|one| verify_all(std::slice::from_ref(one))[0]).collect();
        let together = verify_all(&all);
        assert_eq!(together, alone);
        let failed: Vec<_> = (0..40).filter(|at| !together[*at]).collect();
        assert_eq!(failed, [11, 20, 30, 39]);
    }
}
