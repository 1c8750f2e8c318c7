//! The key that has to sign is locked: it is unlocked on the way, as `wallet unlock` does it, where its password is to
//! be had without being asked for, or a person can be asked.

use std::time::Duration;

use btd_api::{
    ErrorKind, WalletName,
    wallet::{KeyName, Secret, UnlockParams, keyfiles::Use},
};
use serde_json::Value;

use crate::{
    failure::Failure,
    output::text,
    prompt::{PasswordArgs, SecretSource},
    session::Session,
    settings::Consent,
    wallet::{called, unlock},
};

/// For how many seconds, where it is signed as soon as it is the account's turn, and that is likely now.
pub(super) const AT_ONCE: u32 = 60;

/// How a locked key is unlocked.
#[derive(Debug)]
pub(super) struct Way {
    wallet: WalletName,
    key: KeyName,
    source: SecretSource,
}

impl Way {
    /// For the key that the daemon names as `WALLET/coldkey` or `WALLET/hotkeys/NAME`; none where it stays locked:
    /// nothing is to be signed, or nobody tells its password.
    ///
    /// # Errors
    /// When a variable that should hold its password holds none.
    pub(super) async fn find(session: &Session, key: &str) -> Result<Option<Self>, Failure> {
        let Some((wallet, key)) = parsed(key).filter(|_| session.settings.consent != Consent::Withheld) else {
            return Ok(None);
        };
        let source = match PasswordArgs::default().resolve_key(session, &wallet, &key).await {
            // Who said yes in advance is not asked for anything.
            Ok(SecretSource::Person) if session.settings.consent != Consent::Ask => return Ok(None),
            Err(Failure::NobodyToAsk { .. }) => return Ok(None),
            found => found?,
        };
        Ok(Some(Self { wallet, key, source }))
    }

    /// For the key that `failure` says is locked; none where it says something else, and where it stays locked.
    pub(super) async fn after(session: &Session, failure: &Failure) -> Option<Self> {
        let Failure::Api(error) = failure else { return None };
        let key = error.data.get("key").and_then(Value::as_str)?;
        if error.kind() != Some(ErrorKind::WalletLocked) {
            return None;
        }
        // Nothing wrong with a way to it says more than that it is locked.
        Self::find(session, key).await.ok().flatten()
    }

    /// Unlocks it for extrinsics alone, for so many seconds or as long as is usual, and takes nothing from what it is
    /// unlocked for already.
    ///
    /// # Errors
    /// When the password is not to be had, or is another.
    pub(super) async fn take(&self, session: &Session, seconds: Option<u32>) -> Result<(), Failure> {
        let asked = UnlockParams {
            wallet: self.wallet.clone(),
            key: self.key.clone(),
            password: Secret::new(""),
            seconds,
            uses: Some(vec![Use::Extrinsics]),
            beside: true,
        };
        let unlocked = unlock(session, &self.source, &asked).await?.read()?;
        if let Some(time) = unlocked.seconds.map(|seconds| text::duration(Duration::from_secs(seconds.into()))) {
            let called = called(&self.wallet, &self.key);
            session.out.note(format!("unlocked the {called} for {time}; `btctl wallet lock` ends that"));
        }
        Ok(())
    }
}

fn parsed(key: &str) -> Option<(WalletName, KeyName)> {
    let (wallet, role) = key.split_once('/')?;
    let key = match role.strip_prefix("hotkeys/") {
        Some(name) => KeyName::Hotkey(name.parse().ok()?),
        None if role == "coldkey" => KeyName::Coldkey,
        None => return None,
    };
    Some((wallet.parse().ok()?, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_as_the_daemon_names_them() {
        let alice: WalletName = "alice".parse().unwrap();
        assert_eq!(parsed("alice/coldkey"), Some((alice.clone(), KeyName::Coldkey)));
        assert_eq!(parsed("alice/hotkeys/h1"), Some((alice, KeyName::Hotkey("h1".parse().unwrap()))));
        for text in ["alice", "alice/", "alice/hotkeys/", "alice/other"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
