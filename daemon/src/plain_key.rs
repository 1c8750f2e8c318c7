//! Coldkeys without a password: nobody has to unlock what is not locked.
//!
//! Custody holds a coldkey only for a window that somebody asked for; for a plain one that is asked
//! here, for one use.

use std::time::Duration;

use btd_keys::{Custody, CustodyError, KeyFileError, KeyId, KeyRole, Purpose, StoreError, UnlockRequest};

/// For how long a plain coldkey stays in custody for one use.
const WINDOW: Duration = Duration::from_secs(5);

/// Runs `attempt`; if it fails because a coldkey is locked that has no password, opens that and
/// runs it once more.
pub(crate) async fn with_plain_coldkey<T, F: Future<Output = Result<T, CustodyError>>>(
    custody: &Custody,
    purpose: Purpose,
    attempt: impl Fn() -> F,
) -> Result<T, CustodyError> {
    match attempt().await {
        Err(CustodyError::Locked(key)) if key.role == KeyRole::Coldkey => {
            open(custody, key, purpose).await?;
            attempt().await
        }
        other => other,
    }
}

async fn open(custody: &Custody, key: KeyId, purpose: Purpose) -> Result<(), CustodyError> {
    let request = UnlockRequest {
        key: key.clone(),
        password: None,
        window: Some(WINDOW),
        purposes: [purpose].into_iter().collect(),
    };
    match custody.unlock(request).await {
        Ok(_) => Ok(()),
        Err(CustodyError::Store(StoreError::KeyFile { source: KeyFileError::PasswordRequired(_), .. })) => {
            Err(CustodyError::Locked(key))
        }
        Err(other) => Err(other),
    }
}
