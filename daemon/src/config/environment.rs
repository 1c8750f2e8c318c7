//! The environment of the process, read once and passed on as a value.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use btd_api::wallet::Secret;

use super::{ConfigError, directories::expand};
use crate::service_manager;

/// Prefix of the variables that set keys.
const PREFIX: &str = "BTD_";
/// Names the file of settings; not a key.
const FILE: &str = "BTD_CONFIG";
/// Short for `BTD_RPC__SOCKET`, and read by btctl as well.
const SOCKET: &str = "BTD_SOCKET";
/// Short for `BTD_KEYS__SIGNER`.
const SIGNER: &str = "BTD_SIGNER";
/// The ecosystem's, for the file that holds a password.
const PASSWORD_FILE: &str = "BT_WALLET_PASSWORD_FILE";
/// The service manager's, for the credentials of a service.
const DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// The variables of a process.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

/// The variables that may announce passwords, for the signer to read. Says nothing in `Debug`.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, Secret>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

// === impl Credentials ===

impl Credentials {
    /// The variables, by name.
    pub fn variables(&self) -> BTreeMap<String, Secret> {
        self.0.clone()
    }

    /// Where the service manager put credentials.
    pub fn directory(&self) -> Option<PathBuf> {
        self.0.get(DIRECTORY).map(|directory| directory.expose().into())
    }
}

// === impl Environment ===

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().filter(|(_, value)| !value.is_empty()).collect() }
    }

    /// Exactly these.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        Self { variables: variables.iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// The value of `name`; an empty one counts as none.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// Where a program of that name belongs: beside the one that runs.
    pub fn beside(&self, name: &str) -> PathBuf {
        let here = std::env::current_exe().ok();
        here.as_deref().and_then(Path::parent).map_or_else(|| name.into(), |directory| directory.join(name))
    }

    /// The path that `name` holds.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// The file of settings, if a variable names one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        self.path(FILE)
    }

    /// The variables that set keys: variable, path of the key, value.
    pub(super) fn settings(&self) -> Result<Vec<(String, String, String)>, ConfigError> {
        let mut found = Vec::new();
        for (name, value) in &self.variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX) && *name != FILE) else {
                continue;
            };
            let value = value.to_str().ok_or_else(|| ConfigError::NotText(name.to_owned()))?.to_owned();
            let key = match name {
                SOCKET => "rpc.socket".to_owned(),
                SIGNER => "keys.signer".to_owned(),
                _ => name[PREFIX.len()..].to_ascii_lowercase().replace("__", "."),
            };
            found.push((name.to_owned(), key, value));
        }
        Ok(found)
    }

    /// The value, with the home directory in place of a leading `~` where it names a file.
    fn below_home(&self, name: &str, value: &str) -> String {
        match name {
            PASSWORD_FILE => expand(Path::new(value), self.path("HOME").as_deref()).to_string_lossy().into_owned(),
            _ => value.to_owned(),
        }
    }

    /// The variables from which passwords may come, in the ecosystem's names and systemd's.
    pub fn credentials(&self) -> Credentials {
        let announces = |name: &str| name.starts_with("BT_") || name == DIRECTORY;
        let texts = self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        Credentials(
            texts
                .filter(|(name, _)| announces(name))
                .map(|(name, value)| (name.to_owned(), Secret::new(self.below_home(name, value))))
                .collect(),
        )
    }

    /// What the service manager says to its services.
    pub fn service_manager(&self, pid: u32) -> service_manager::Config {
        let number = |name| self.get(name).and_then(OsStr::to_str).and_then(|text| text.parse::<u64>().ok());
        let is_for_us = number("WATCHDOG_PID").is_none_or(|wanted| wanted == u64::from(pid));
        service_manager::Config {
            socket: self.path("NOTIFY_SOCKET"),
            watchdog: number("WATCHDOG_USEC").filter(|_| is_for_us).map(Duration::from_micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_of_another_process_is_not_ours() {
        let environment = Environment::of(&[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "7")]);
        assert_eq!(environment.service_manager(7).watchdog, Some(Duration::from_secs(30)));
        assert_eq!(environment.service_manager(8).watchdog, None);
    }
}
