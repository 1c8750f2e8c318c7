//! What a command needs to know beyond its own arguments, resolved once: flag before environment
//! before default. Nothing else in this program reads the environment.

use std::{
    ffi::OsString,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use btd_api::{
    HotkeyName, WalletName,
    stake::{Fill, Protection},
    wallet::Secret,
};

use crate::{
    args::{Global, duration},
    failure::Failure,
    network::Asked,
    output::Chatter,
    preferences::{Key, Preferences},
    wallets,
};

/// Reads one variable of the environment.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The process's own environment; an empty variable counts as none.
pub(crate) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// What the variables begin with that hold the password of one key file each.
const OBFUSCATED: &str = "BT_PW_";

/// Whether the environment has a password that is meant for one key file.
pub(crate) fn has_obfuscated_passwords() -> bool {
    std::env::vars_os().any(|(name, _)| name.to_str().is_some_and(|name| name.starts_with(OBFUSCATED)))
}

/// The password that a `BT_PW_...` variable holds for the key file at `path`, as wallets of the
/// ecosystem store it: named after the path, base64 of the password xor the name.
///
/// # Errors
/// When the variable is there and holds no such thing.
pub(crate) fn obfuscated_password(path: &str) -> Result<Option<Secret>, Failure> {
    let name = format!("{OBFUSCATED}{}", path.to_uppercase().replace(['/', '.'], "_"));
    text(&environment, &name)?.map(|value| reveal(&name, &value)).transpose()
}

/// The password that SDK 6 finds for the coldkey of `wallet`: in plain text, in a variable that
/// begins with `BT_COLD_PW_` and ends with the wallet's name in any case. The closest name goes first.
///
/// # Errors
/// When the variable is not text.
pub(crate) fn cold_password(wallet: &WalletName) -> Result<Option<Secret>, Failure> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let Some(variable) = cold_variable(names, wallet.as_str()) else { return Ok(None) };
    Ok(text(&environment, &variable)?.map(Secret::new))
}

fn cold_variable(names: impl Iterator<Item = String>, wallet: &str) -> Option<String> {
    let wallet = wallet.to_uppercase();
    let is_meant = |name: &String| {
        let name = name.to_uppercase();
        name.strip_prefix("BT_COLD_PW_").is_some_and(|rest| rest.ends_with(&wallet))
    };
    names.filter(is_meant).min_by_key(String::len)
}

fn reveal(name: &str, value: &str) -> Result<Secret, Failure> {
    let refused = |why: &str| Failure::usage(format!("{name} does not hold a password as wallets store it: {why}"));
    let mut bytes = STANDARD.decode(value).map_err(|_| refused("it is not base64"))?;
    bytes.iter_mut().zip(name.bytes().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    String::from_utf8(bytes).map(Secret::new).map_err(|_| refused("it was made for another path"))
}

/// How a question is answered in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    Ask,
    Given,
    Withheld,
}

/// Where a password may come from when no flag says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PasswordVariables {
    /// `BT_WALLET_PASSWORD`.
    pub(crate) password: Option<String>,
    /// `BT_WALLET_PASSWORD_FILE`.
    pub(crate) file: Option<PathBuf>,
}

/// The resolved settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) socket: PathBuf,
    pub(crate) timeout: Option<Duration>,
    pub(crate) consent: Consent,
    /// Whether a person is told what is no question and no failure.
    pub(crate) chatter: Chatter,
    /// The file that `--config` names.
    pub(crate) defaults: Option<PathBuf>,
    /// `BT_WALLET_NAME` or `BT_WALLET`.
    pub(crate) wallet: Option<WalletName>,
    /// `BT_WALLET_HOTKEY`.
    pub(crate) hotkey: Option<HotkeyName>,
    pub(crate) password: PasswordVariables,
    /// What bounds a trade where nothing is said.
    pub(crate) protection: Protection,
    /// What happens where only a part can be traded within that.
    pub(crate) fill: Fill,
    /// The network that somebody asks for; the daemon follows one.
    pub(crate) network: Option<Asked>,
    /// The directory of wallets that somebody asks for; the daemon has one.
    pub(crate) wallets: Option<wallets::Asked>,
}

// === impl Settings ===

impl Settings {
    /// What flags say, then the environment, then the files.
    pub(crate) fn resolve(
        global: &Global,
        environment: Environment<'_>,
        preferences: &Preferences,
    ) -> Result<Self, Failure> {
        // What the files say was checked when they were read.
        let tolerance = preferences.get(Key::RateTolerance).and_then(|text| text.parse().ok());
        Ok(Self {
            socket: socket(global.socket.as_deref(), environment, preferences),
            timeout: global.timeout.or_else(|| duration(preferences.get(Key::Timeout)?).ok()),
            consent: match (global.yes, global.no) {
                (true, _) => Consent::Given,
                (false, true) => Consent::Withheld,
                (false, false) => Consent::Ask,
            },
            chatter: Chatter::of(global),
            defaults: global.config.clone(),
            wallet: name(environment, preferences, Key::WalletName)?,
            hotkey: name(environment, preferences, Key::WalletHotkey)?,
            protection: match (preferences.is_set(Key::SafeStaking), tolerance) {
                (Some(false), _) => Protection::None,
                (_, Some(tolerance)) => Protection::Tolerance(tolerance),
                (_, None) => Protection::default(),
            },
            fill: match preferences.is_set(Key::AllowPartialStake) {
                Some(true) => Fill::Partial,
                _ => Fill::Whole,
            },
            network: Asked::find(global.network.as_deref(), environment, preferences.network.as_ref()),
            wallets: wallets::Asked::find(
                global.wallets.as_deref(),
                environment,
                (preferences.wallets.as_ref(), global.config.as_deref()),
            ),
            password: PasswordVariables {
                password: text(environment, "BT_WALLET_PASSWORD")?,
                file: environment("BT_WALLET_PASSWORD_FILE").map(|path| below_home(path.into(), environment)),
            },
        })
    }
}

/// The path with the home directory in place of a leading `~`, as Python's tools read it.
pub(crate) fn below_home(path: PathBuf, environment: Environment<'_>) -> PathBuf {
    match (path.strip_prefix("~"), environment("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path,
    }
}

fn text(environment: Environment<'_>, variable: &str) -> Result<Option<String>, Failure> {
    environment(variable)
        .map(|value| value.into_string().map_err(|_| Failure::usage(format!("{variable} is not valid UTF-8"))))
        .transpose()
}

fn name<N>(environment: Environment<'_>, preferences: &Preferences, key: Key) -> Result<Option<N>, Failure>
where
    N: std::str::FromStr,
    N::Err: std::fmt::Display,
{
    for variable in key.variables() {
        if let Some(value) = text(environment, variable)? {
            return value.parse().map(Some).map_err(|error| Failure::usage(format!("{variable}: {error}")));
        }
    }
    let set = preferences.get(key).map(|value| (key.name(), value));
    set.map(|(name, value)| value.parse().map_err(|error| Failure::usage(format!("{name}: {error}")))).transpose()
}

/// The daemon's socket, found as the daemon places it: what is said, then the user's own daemon,
/// then the host's service. Where none is running, the user's own is the one that is missed.
fn socket(flag: Option<&Path>, environment: Environment<'_>, preferences: &Preferences) -> PathBuf {
    const FILE: &str = "btd.sock";
    if let Some(path) = flag {
        return path.to_owned();
    }
    if let Some(path) = environment("BTD_SOCKET") {
        return path.into();
    }
    if let Some(path) = preferences.get(Key::Socket) {
        return path.into();
    }
    if let Some(directories) = environment("RUNTIME_DIRECTORY")
        && let Some(directory) = std::env::split_paths(&directories).next()
    {
        return directory.join(FILE);
    }
    let desktop = environment("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let own = desktop.unwrap_or_else(|| Path::new("/run/user").join(user().to_string())).join("btd").join(FILE);
    let service = Path::new("/run/btd").join(FILE);
    if !own.exists() && service.exists() { service } else { own }
}

/// The user's number: the owner of this process's own directory in `/proc`.
fn user() -> u32 {
    std::fs::metadata("/proc/self").map_or(0, |entry| entry.uid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser;

    fn resolve(args: &[&str], variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let typed = ["btctl"].iter().chain(args).chain(&["status"]);
        let global = Cli::try_parse_from(typed).unwrap().global;
        let variables = variables.to_vec();
        let environment =
            move |name: &str| variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into());
        Settings::resolve(&global, &environment, &Preferences::load(&environment)?)
    }

    #[test]
    fn the_socket_is_what_is_said_before_what_is_usual() {
        let socket = |args: &[&str], variables: &[(&str, &str)]| resolve(args, variables).unwrap().socket;
        let all = [("BTD_SOCKET", "/env.sock"), ("RUNTIME_DIRECTORY", "/rt:/other"), ("XDG_RUNTIME_DIR", "/xdg")];
        assert_eq!(socket(&["--socket", "/flag.sock"], &all), Path::new("/flag.sock"));
        assert_eq!(socket(&[], &all), Path::new("/env.sock"));
        assert_eq!(socket(&[], &all[1..]), Path::new("/rt/btd.sock"));
    }

    #[test]
    fn names_come_from_the_ecosystems_variables() {
        let settings = resolve(&[], &[("BT_WALLET_NAME", "alice"), ("BT_WALLET", "bob"), ("BT_WALLET_HOTKEY", "m1")]);
        let settings = settings.unwrap();
        assert_eq!(settings.wallet.unwrap().as_str(), "alice");
        assert_eq!(settings.hotkey.unwrap().as_str(), "m1");
        assert_eq!(resolve(&[], &[("BT_WALLET", "bob")]).unwrap().wallet.unwrap().as_str(), "bob");
    }

    #[test]
    fn a_hidden_password_is_found_by_its_name() {
        let name = "BT_PW__HOME_ALICE__BITTENSOR_WALLETS_DEFAULT_COLDKEY";
        assert_eq!(reveal(name, "MjUsIyAwLSx+f3Y=").unwrap().expose(), "password123");
        for bad in ["not base64!", "/////w=="] {
            let failure = reveal(name, bad).unwrap_err().to_string();
            assert!(failure.starts_with(name) && !failure.contains(bad), "{failure}");
        }
    }

    #[test]
    fn a_password_file_may_lie_below_home() {
        let file = |path: &str| {
            let variables = [("BT_WALLET_PASSWORD_FILE", path), ("HOME", "/home/alice")];
            resolve(&[], &variables).unwrap().password.file.unwrap()
        };
        assert_eq!(file("~/pw"), Path::new("/home/alice/pw"));
        assert_eq!(file("/etc/~/pw"), Path::new("/etc/~/pw"));
    }

    #[test]
    fn coldkeys_have_the_variables_of_sdk_6() {
        let names = ["BT_COLD_PW_OTHER", "BT_COLD_PW_XMine", "bt_cold_pw_mine", "BT_COLD_PW_"];
        let found = |wallet: &str| cold_variable(names.iter().map(ToString::to_string), wallet);
        assert_eq!(found("mine").as_deref(), Some("bt_cold_pw_mine"));
        assert_eq!(found("xmine").as_deref(), Some("BT_COLD_PW_XMine"));
        assert_eq!(found("alice"), None);
    }

    #[test]
    fn a_bad_variable_is_named() {
        let failure = resolve(&[], &[("BT_WALLET_NAME", "../x")]).unwrap_err();
        assert!(failure.to_string().starts_with("BT_WALLET_NAME: "), "{failure}");
    }
}
