//! Coldkeys without a password: nobody has to unlock what is not locked.
//!
//! Custody holds a coldkey only for a window that somebody asked for; for a plain one that is asked
//! here, for a moment. It is opened for every purpose: whoever may ask at all could open it again
//! for another, and uses that follow each other closely must not be in each other's way.

use std::time::Duration;

use btd_keys::{Custody, CustodyError, KeyFileError, KeyId, KeyRole, Purposes, StoreError, UnlockRequest};

/// For how long a plain coldkey stays in custody after one use asked for it.
const WINDOW: Duration = Duration::from_secs(5);

/// Runs `attempt`; if it fails because a coldkey is locked that has no password, opens that and
/// runs it once more.
pub(crate) async fn with_plain_coldkey<T, F: Future<Output = Result<T, CustodyError>>>(
    custody: &Custody,
    attempt: impl Fn() -> F,
) -> Result<T, CustodyError> {
    match attempt().await {
        Err(CustodyError::Locked(key)) if key.role == KeyRole::Coldkey => {
            open(custody, key).await?;
            attempt().await
        }
        other => other,
    }
}

async fn open(custody: &Custody, key: KeyId) -> Result<(), CustodyError> {
    let request = UnlockRequest { key: key.clone(), password: None, window: Some(WINDOW), purposes: Purposes::ALL };
    match custody.unlock(request).await {
        Ok(_) => Ok(()),
        Err(CustodyError::Store(StoreError::KeyFile { source: KeyFileError::PasswordRequired(_), .. })) => {
            Err(CustodyError::Locked(key))
        }
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use btd_keys::{CustodyConfig, Existing, ExtrinsicPayload, Key, Scheme, TextMessage, WalletStore};

    use super::*;

    #[tokio::test]
    async fn one_use_of_a_plain_key_is_not_in_the_way_of_another() {
        let directory = tempfile::tempdir().unwrap();
        let custody = Custody::new(WalletStore::new(directory.path().to_owned()), CustodyConfig::default());
        let id = KeyId::coldkey("plain".parse().unwrap());
        let key = Key::from_uri(Scheme::Sr25519, "//Alice").unwrap();
        custody.create(&id, key, None, Existing::Refuse).await.unwrap();
        let payload = ExtrinsicPayload::new("Balances", "transfer_keep_alive", vec![1; 80]).unwrap();
        let text = TextMessage::new("hello").unwrap();
        with_plain_coldkey(&custody, || custody.sign_extrinsic(&id, &payload)).await.unwrap();
        with_plain_coldkey(&custody, || custody.sign_message(&id, &text)).await.unwrap();
        with_plain_coldkey(&custody, || custody.sign_extrinsic(&id, &payload)).await.unwrap();
    }
}
