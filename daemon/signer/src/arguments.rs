//! The command line: few options, each with a value. No secret is ever among them.

use std::{ffi::OsString, path::PathBuf, time::Duration};

/// What `--help` says.
pub const HELP: &str = "\
btd-signer: holds the keys of btd and signs for it, without network

Usage: btd-signer --wallets DIR [OPTIONS]

btd starts it by itself, with its two channels as standard input and output. To run it as a service
of its own, give --sockets, and name the same directory to btd as keys.signer_sockets.

Options:
  --wallets DIR            the wallets directory
  --sockets DIR            listen at DIR/control.sock and DIR/requests.sock
  --unlock-seconds N       how long a key stays unlocked unless the caller says (300)
  --max-unlock-seconds N   how long it may stay unlocked at most (900)
  --credentials DIR        key files and passwords from the service manager ($CREDENTIALS_DIRECTORY)
  --version                print the version
  --help                   print this
";

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The wallets directory.
    pub wallets: PathBuf,
    /// The directory in which to listen; without it, the channels are standard input and output.
    pub sockets: Option<PathBuf>,
    /// How long a key stays unlocked.
    pub unlock: Option<Duration>,
    /// How long at most.
    pub max_unlock: Option<Duration>,
    /// Where the service manager put credentials.
    pub credentials: Option<PathBuf>,
}

/// What is asked of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// To hold keys.
    Hold(Arguments),
    /// To print this and end.
    Print(String),
}

/// A command line that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// No such option.
    #[error("there is no option `{0}`: see btd-signer --help")]
    Unknown(String),
    /// An option at the end.
    #[error("the option {0} needs a value")]
    Value(&'static str),
    /// Not a number.
    #[error("the option {option} needs a number of seconds, not `{value}`")]
    Seconds {
        /// Which option.
        option: &'static str,
        /// What it has.
        value: String,
    },
    /// No wallets.
    #[error("which keys? Give --wallets DIR; btd starts btd-signer by itself")]
    NoWallets,
}

/// Reads the command line, the program's name left out.
///
/// # Errors
/// When an option is unknown or has no fitting value.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, ArgumentError> {
    let mut found = Arguments::default();
    let mut has_wallets = false;
    let mut rest = arguments.into_iter();
    while let Some(option) = rest.next() {
        let mut value = |option| rest.next().ok_or(ArgumentError::Value(option));
        match option.to_str() {
            Some("--help" | "-h") => return Ok(Command::Print(HELP.to_owned())),
            Some("--version" | "-V") => {
                return Ok(Command::Print(format!("btd-signer {}\n", env!("CARGO_PKG_VERSION"))));
            }
            Some("--wallets") => {
                found.wallets = value("--wallets")?.into();
                has_wallets = true;
            }
            Some("--sockets") => found.sockets = Some(value("--sockets")?.into()),
            Some("--credentials") => found.credentials = Some(value("--credentials")?.into()),
            Some("--unlock-seconds") => found.unlock = Some(seconds("--unlock-seconds", &value("--unlock-seconds")?)?),
            Some("--max-unlock-seconds") => {
                found.max_unlock = Some(seconds("--max-unlock-seconds", &value("--max-unlock-seconds")?)?);
            }
            _ => return Err(ArgumentError::Unknown(option.to_string_lossy().into_owned())),
        }
    }
    if has_wallets { Ok(Command::Hold(found)) } else { Err(ArgumentError::NoWallets) }
}

fn seconds(option: &'static str, value: &OsString) -> Result<Duration, ArgumentError> {
    let number = value.to_str().and_then(|text| text.parse::<u32>().ok());
    let malformed = || ArgumentError::Seconds { option, value: value.to_string_lossy().into_owned() };
    number.map(|seconds| Duration::from_secs(seconds.into())).ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, ArgumentError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_read() {
        let Ok(Command::Hold(found)) = parsed("--wallets /w --unlock-seconds 5 --max-unlock-seconds 9 --sockets /s")
        else {
            panic!("a good line");
        };
        assert_eq!((found.wallets, found.sockets), ("/w".into(), Some("/s".into())));
        assert_eq!((found.unlock, found.max_unlock), (Some(Duration::from_secs(5)), Some(Duration::from_secs(9))));
        assert_eq!(found.credentials, None);
    }

    #[test]
    fn a_bad_line_is_named() {
        assert_eq!(parsed(""), Err(ArgumentError::NoWallets));
        assert_eq!(parsed("--wallets"), Err(ArgumentError::Value("--wallets")));
        assert_eq!(parsed("--wallet x"), Err(ArgumentError::Unknown("--wallet".into())));
        assert!(matches!(parsed("--wallets w --unlock-seconds soon"), Err(ArgumentError::Seconds { .. })));
        assert!(matches!(parsed("--help"), Ok(Command::Print(text)) if text.contains("Usage")));
    }
}
