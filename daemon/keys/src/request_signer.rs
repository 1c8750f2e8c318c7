//! The handle of the axon and the dendrite: it signs synapse messages of one hotkey.
//!
//! A type and not a permission: there is no method here, and no way from here, to sign anything
//! else. See [`crate::Custody`] for what the daemon itself holds.

use btd_api::{Hotkey, HotkeyName, WalletName};

use crate::{
    custody::{Custody, CustodyError},
    purpose::SynapseMessage,
    scheme::{PublicKey, Scheme, Signature},
};

/// Signs synapse messages as one hotkey. Clones share the same custody; if the hotkey is locked
/// there, signing fails until it is unlocked.
#[derive(Clone, Debug)]
pub struct RequestSigner {
    custody: Custody,
    wallet: WalletName,
    name: HotkeyName,
    public: PublicKey,
}

// === impl RequestSigner ===

impl RequestSigner {
    pub(crate) fn new(custody: Custody, wallet: WalletName, name: HotkeyName, public: PublicKey) -> Self {
        Self { custody, wallet, name, public }
    }

    /// As whom it signs.
    pub fn hotkey(&self) -> Hotkey {
        Hotkey(self.public.account)
    }

    /// How it signs; axons of the SDKs verify sr25519 only.
    pub fn scheme(&self) -> Scheme {
        self.public.scheme
    }

    /// Signs a message that names this hotkey as its signer.
    pub async fn sign(&self, message: &SynapseMessage) -> Result<Signature, CustodyError> {
        self.custody.sign_synapse(&self.wallet, &self.name, message).await
    }
}
