//! The directory of wallets that somebody asks for, who has it so from the Python command lines: in a flag, a variable
//! or their `config.yml`. Here the daemon holds the keys, of one directory; where another one is asked for, the wallet
//! of that name there is not the one that would sign, and nothing is done with it.

use std::{
    fs,
    path::{Path, PathBuf, absolute},
};

use crate::{
    failure::Failure,
    network::{Place, Purpose},
    settings::{Environment, below_home},
};

/// The variable that names the directory, for btd as for the Python command lines.
const VARIABLE: &str = "BT_WALLET_PATH";
/// Where wallets lie when nobody says so. A file of the Python command lines may name it without anybody's wish.
const USUAL: &str = "~/.bittensor/wallets";
/// What to do where it is another.
const HINT: &str = "say --wallet-path with btd's own directory where that is meant, or name the socket of another btd \
                    with --socket: each holds the wallets of one directory, `directories.wallets` in its btd.toml";

/// A directory that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    path: PathBuf,
    place: Place,
    /// Whether nobody may have chosen it: a file that was not named says what is usual.
    is_usual: bool,
}

// === impl Asked ===

impl Asked {
    /// The flag before the variable before files; `named` is the file that this very command names.
    pub(crate) fn find(
        flag: Option<&str>,
        environment: Environment<'_>,
        (file, named): (Option<&(String, PathBuf)>, Option<&Path>),
    ) -> Option<Self> {
        let asked = |path: PathBuf, place, is_usual| Self { path: below_home(path, environment), place, is_usual };
        if let Some(flag) = flag {
            return Some(asked(flag.into(), Place::Flag, false));
        }
        if let Some(path) = environment(VARIABLE) {
            return Some(asked(path.into(), Place::Variable(VARIABLE), false));
        }
        let (path, file) = file?;
        let is_usual =
            named != Some(file) && below_home(path.into(), environment) == below_home(USUAL.into(), environment);
        Some(asked(path.into(), Place::File(file.clone()), is_usual))
    }

    /// What the flag says, where it is one.
    pub(crate) fn typed(&self) -> Option<String> {
        (self.place == Place::Flag).then(|| self.path.to_string_lossy().into_owned())
    }

    /// The directory, and where it is asked for.
    pub(crate) fn told(&self) -> (String, String) {
        (self.path.display().to_string(), self.place.named("--wallet-path"))
    }

    /// Whether `own`, where the daemon has its wallets, is this directory.
    pub(crate) fn is(&self, own: &Path) -> bool {
        let plain = |path: &Path| absolute(path).unwrap_or_else(|_| path.to_owned());
        // What cannot be looked up, as another user's, is compared by its name.
        let real = |path: &Path| fs::canonicalize(path).ok();
        plain(&self.path) == plain(own)
            || matches!((real(&self.path), real(own)), (Some(one), Some(other)) if one == other)
    }

    /// Whether a daemon of a development chain may go on although it is another directory.
    pub(crate) const fn yields_to_devnet(&self) -> bool {
        self.is_usual
    }

    /// What is to be noted of a daemon that has its wallets in `own`; none where all is well.
    ///
    /// # Errors
    /// When it is another directory, and something would be done with a key of it, or it was asked for with this very
    /// command.
    pub(crate) fn heed(&self, own: &Path, purpose: Purpose) -> Result<Option<String>, Failure> {
        if self.is(own) {
            return Ok(None);
        }
        let (path, place) = self.told();
        let differs = format!("{place} asks for the wallets in {path}, and btd has those in {}", own.display());
        match purpose {
            Purpose::Signing => {
                Err(Failure::Usage { message: format!("{differs}: nothing was done with them"), hint: Some(HINT) })
            }
            Purpose::Reading if self.place == Place::Flag => Err(Failure::Usage { message: differs, hint: Some(HINT) }),
            Purpose::Reading => Ok(Some(format!("warning: {differs}, which this is about"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<std::ffi::OsString> {
        (name == "HOME").then(|| "/home/a".into())
    }

    #[test]
    fn a_flag_comes_before_the_variable_and_that_before_files() {
        let file = ("~/w".to_owned(), PathBuf::from("/c.yml"));
        let variable = |name: &str| if name == VARIABLE { Some("/v".into()) } else { environment(name) };
        let found =
            |flag, environment: Environment<'_>| Asked::find(flag, environment, (Some(&file), None)).unwrap().told();
        assert_eq!(found(Some("~/f"), &variable), ("/home/a/f".to_owned(), "--wallet-path".to_owned()));
        assert_eq!(found(None, &variable), ("/v".to_owned(), "the variable BT_WALLET_PATH".to_owned()));
        assert_eq!(found(None, &environment), ("/home/a/w".to_owned(), "/c.yml".to_owned()));
        assert_eq!(Asked::find(None, &environment, (None, None)), None);
    }

    #[test]
    fn only_a_file_that_says_what_is_usual_yields() {
        let yields = |path: &str, named: bool| {
            let file = (path.to_owned(), PathBuf::from("/c.yml"));
            let named = named.then(|| Path::new("/c.yml"));
            Asked::find(None, &environment, (Some(&file), named)).unwrap().yields_to_devnet()
        };
        assert!(yields("~/.bittensor/wallets/", false) && yields("/home/a/.bittensor/wallets", false));
        assert!(!yields("~/.bittensor/wallets", true) && !yields("/other", false));
        assert!(!Asked::find(Some(USUAL), &environment, (None, None)).unwrap().yields_to_devnet());
    }

    #[test]
    fn another_directory_is_refused_and_of_a_read_told() {
        let directory = tempfile::tempdir().unwrap();
        let (own, link) = (directory.path().join("own"), directory.path().join("link"));
        fs::create_dir(&own).unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        let asked = |path: &Path, place| Asked { path: path.to_owned(), place, is_usual: false };
        let file = || Place::File(PathBuf::from("/c.yml"));
        for same in [&own, &link, &own.join("."), &link.join("../own/")] {
            assert_eq!(asked(same, file()).heed(&own, Purpose::Signing).unwrap(), None, "{}", same.display());
        }
        let other = directory.path().join("other");
        let refused = asked(&other, file()).heed(&own, Purpose::Signing).unwrap_err();
        assert!(refused.to_string().starts_with("/c.yml asks for the wallets in "), "{refused}");
        assert!(refused.hint().unwrap().contains("--wallet-path"));
        let told = asked(&other, file()).heed(&own, Purpose::Reading).unwrap().unwrap();
        assert!(told.starts_with("warning: /c.yml asks for") && told.contains("btd has those in"), "{told}");
        assert!(asked(&other, Place::Flag).heed(&own, Purpose::Reading).is_err());
        // One that is not there, and is named as the daemon names it.
        assert!(asked(&other, Place::Flag).is(&other));
    }
}
