//! Where files are kept: as configured, else as the service manager says, else as the desktop
//! conventions (XDG) say.
//!
//! Nothing is created here.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ConfigError, Environment};

/// Settings: where files are kept. What is unset follows the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What must survive: the journal of extrinsics, tokens. Else `$STATE_DIRECTORY`,
    /// `$XDG_STATE_HOME/btd`, `~/.local/state/btd`.
    pub state: Option<PathBuf>,
    /// What may be deleted at any time. Else `$CACHE_DIRECTORY`, `$XDG_CACHE_HOME/btd`, `~/.cache/btd`.
    pub cache: Option<PathBuf>,
    /// The control socket, where btctl looks for it. Else `$RUNTIME_DIRECTORY`, `$XDG_RUNTIME_DIR/btd`,
    /// `/run/user/UID/btd`.
    pub runtime: Option<PathBuf>,
    /// Wallets, in the ecosystem's layout. Else `$BT_WALLET_PATH`, `~/.bittensor/wallets`.
    pub wallets: Option<PathBuf>,
}

/// The places, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// What must survive.
    pub state: PathBuf,
    /// What may be deleted at any time.
    pub cache: PathBuf,
    /// Sockets.
    pub runtime: PathBuf,
    /// Wallets.
    pub wallets: PathBuf,
}

/// Expands a leading `~/`.
pub(super) fn expand(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// The first of the directories that a service manager's variable names.
fn first_of_list(environment: &Environment, name: &str) -> Option<PathBuf> {
    let list = environment.get(name)?;
    std::env::split_paths(list).next()
}

// === impl Directories ===

impl Directories {
    /// Settles the places for the user `uid`.
    ///
    /// # Errors
    /// When neither a setting nor the environment tells a place.
    pub fn settle(config: &Config, environment: &Environment, uid: u32) -> Result<Self, ConfigError> {
        let home = environment.path("HOME");
        let below_home = |rest: &str| home.as_ref().map(|home| home.join(rest));
        let configured = |path: &Option<PathBuf>| path.as_ref().map(|path| expand(path, home.as_deref()));
        let xdg = |name| environment.path(name).filter(|path| path.is_absolute()).map(|path| path.join("btd"));
        let homeless = |what, key| ConfigError::Homeless { what, key };

        let state = configured(&config.state)
            .or_else(|| first_of_list(environment, "STATE_DIRECTORY"))
            .or_else(|| xdg("XDG_STATE_HOME"))
            .or_else(|| below_home(".local/state/btd"))
            .ok_or(homeless("state", "state"))?;
        let cache = configured(&config.cache)
            .or_else(|| first_of_list(environment, "CACHE_DIRECTORY"))
            .or_else(|| xdg("XDG_CACHE_HOME"))
            .or_else(|| below_home(".cache/btd"))
            .ok_or(homeless("the cache", "cache"))?;
        let runtime = configured(&config.runtime)
            .or_else(|| first_of_list(environment, "RUNTIME_DIRECTORY"))
            .or_else(|| xdg("XDG_RUNTIME_DIR"))
            .unwrap_or_else(|| PathBuf::from(format!("/run/user/{uid}/btd")));
        let wallets = configured(&config.wallets)
            .or_else(|| environment.path("BT_WALLET_PATH").map(|path| expand(&path, home.as_deref())))
            .or_else(|| below_home(".bittensor/wallets"))
            .ok_or(homeless("wallets", "wallets"))?;
        Ok(Self { state, cache, runtime, wallets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(config: &Config, variables: &[(&str, &str)]) -> Directories {
        Directories::settle(config, &Environment::of(variables), 7).unwrap()
    }

    #[test]
    fn settings_come_before_the_service_manager_and_that_before_the_desktop() {
        let home = ("HOME", "/home/a");
        let desktop = settle(&Config::default(), &[home]);
        assert_eq!(desktop.state, Path::new("/home/a/.local/state/btd"));
        assert_eq!(desktop.runtime, Path::new("/run/user/7/btd"));
        assert_eq!(desktop.wallets, Path::new("/home/a/.bittensor/wallets"));
        let xdg = settle(&Config::default(), &[home, ("XDG_RUNTIME_DIR", "/run/u"), ("XDG_CACHE_HOME", "relative")]);
        assert_eq!((xdg.runtime, xdg.cache), ("/run/u/btd".into(), "/home/a/.cache/btd".into()));
        let service = [home, ("STATE_DIRECTORY", "/var/lib/btd:/x"), ("RUNTIME_DIRECTORY", "/run/btd")];
        let places = settle(&Config::default(), &service);
        assert_eq!((places.state, places.runtime), ("/var/lib/btd".into(), "/run/btd".into()));
        let config = Config { state: Some("~/s".into()), ..Config::default() };
        assert_eq!(settle(&config, &service).state, Path::new("/home/a/s"));
        let wallets = settle(&Config::default(), &[home, ("BT_WALLET_PATH", "~/w")]).wallets;
        assert_eq!(wallets, Path::new("/home/a/w"));
    }

    #[test]
    fn without_a_home_the_error_names_the_key() {
        let error = Directories::settle(&Config::default(), &Environment::of(&[]), 7).unwrap_err();
        assert!(error.to_string().contains("directories.state"), "{error}");
    }
}
