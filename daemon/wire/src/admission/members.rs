//! Whether a hotkey is known: the look-up that comes before any cryptography.

use std::{borrow::Cow, collections::HashSet, fmt};

use btd_api::AccountId;

/// What an axon's owner thinks of a hotkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// May go on to prove itself.
    Admitted,
    /// Is turned away with this reason, which the caller gets to read.
    Refused(Cow<'static, str>),
}

/// A set of hotkeys held in memory, asked once per request before the signature is checked.
/// The hotkey is only claimed at that point: an implementation must not record it.
pub trait Members: Send + Sync + fmt::Debug {
    /// The standing of `hotkey`. Must not block.
    fn standing(&self, hotkey: &AccountId) -> Standing;

    /// How soon a proven hotkey is answered when requests have to wait: larger is sooner. Must not
    /// block.
    fn priority(&self, _hotkey: &AccountId) -> f64 {
        0.0
    }
}

/// Everybody is known. Each caller still has to prove the hotkey it claims.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyHotkey;

impl Members for AnyHotkey {
    fn standing(&self, _: &AccountId) -> Standing {
        Standing::Admitted
    }
}

/// A fixed set of hotkeys.
#[derive(Debug, Clone, Default)]
pub struct KnownHotkeys(pub HashSet<AccountId>);

impl Members for KnownHotkeys {
    fn standing(&self, hotkey: &AccountId) -> Standing {
        if self.0.contains(hotkey) { Standing::Admitted } else { Standing::Refused("hotkey is not registered".into()) }
    }
}
