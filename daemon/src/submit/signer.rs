//! The bridge between the signer process, which holds the keys, and the chain, which asks for signatures.
//!
//! It can sign extrinsics and nothing else, with one key, for the duration of one submission.

use std::sync::{Mutex, PoisonError};

use btd_api::AccountId;
use btd_chain::{Sign, SignError, Signature, Signing, SigningPayload};
use btd_signer_protocol::{KeyId, RefusalKind, Scheme, operations::SignExtrinsic};

use crate::custody::{Custody, CustodyError};

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
}

impl Sign for Signer<'_> {
    fn account(&self) -> AccountId {
        self.account
    }

    fn sign<'a>(&'a self, payload: &'a SigningPayload) -> Signing<'a> {
        Box::pin(async move {
            let ask = SignExtrinsic {
                key: self.key.clone(),
                pallet: payload.pallet.clone(),
                call: payload.call.clone(),
                payload: payload.unhashed.clone(),
            };
            let signature = self.custody.ask(ask).await.map_err(|error| {
                let refused = match error.refusal() {
                    Some(RefusalKind::Locked) => SignError::Locked { account: self.account },
                    _ => SignError::Refused { account: self.account, reason: error.to_string() },
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
