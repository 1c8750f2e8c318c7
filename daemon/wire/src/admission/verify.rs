//! Signatures of synapses: sr25519 over the text, or over the text as a browser wallet wraps it.

use btd_api::AccountId;
use schnorrkel::{PublicKey, Signature, signing_context};

/// The signing context of every Substrate account.
const CONTEXT: &[u8] = b"substrate";

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
