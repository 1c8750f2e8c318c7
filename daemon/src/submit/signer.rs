//! The bridge between custody, which holds the keys, and the chain, which asks for signatures.
//!
//! It can sign extrinsics and nothing else, with one key, for the duration of one submission.

use std::sync::{Mutex, PoisonError};

use btd_api::AccountId;
use btd_chain::{Sign, SignError, Signature, Signing, SigningPayload};
use btd_keys::{Custody, CustodyError, ExtrinsicPayload, KeyId, Scheme};

use crate::plain_key::with_plain_coldkey;

/// Signs extrinsics with one key in custody.
pub(super) struct Signer<'c> {
    custody: &'c Custody,
    key: KeyId,
    account: AccountId,
    /// What custody said, in its own type.
    refusal: Mutex<Option<CustodyError>>,
}

// === impl Signer ===

impl<'c> Signer<'c> {
    pub(super) fn new(custody: &'c Custody, key: KeyId, account: AccountId) -> Self {
        Self { custody, key, account, refusal: Mutex::new(None) }
    }

    /// What custody said when it did not sign.
    pub(super) fn into_refusal(self) -> Option<CustodyError> {
        self.refusal.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sign_in_custody(&self, payload: &SigningPayload) -> Result<btd_keys::Signature, CustodyError> {
        let checked = ExtrinsicPayload::new(&*payload.pallet, &*payload.call, payload.message.clone())?;
        with_plain_coldkey(self.custody, || self.custody.sign_extrinsic(&self.key, &checked)).await
    }
}

impl Sign for Signer<'_> {
    fn account(&self) -> AccountId {
        self.account
    }

    fn sign<'a>(&'a self, payload: &'a SigningPayload) -> Signing<'a> {
        Box::pin(async move {
            let signature = self.sign_in_custody(payload).await.map_err(|error| {
                let refused = match &error {
                    CustodyError::Locked(_) => SignError::Locked { account: self.account },
                    other => SignError::Refused { account: self.account, reason: other.to_string() },
                };
                *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                refused
            })?;
            Ok(match signature.scheme {
                Scheme::Sr25519 => Signature::Sr25519(signature.bytes),
                Scheme::Ed25519 => Signature::Ed25519(signature.bytes),
            })
        })
    }
}
