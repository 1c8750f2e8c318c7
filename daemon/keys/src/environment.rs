//! Passwords from the environment, as the wallets of the ecosystem define them.
//!
//! Pure over a given set of variables: reading the process environment is the configuration's
//! task. The order is that of SDK 11, with the oldest convention and systemd's credentials after:
//!
//! 1. `BT_WALLET_PASSWORD`, plain text;
//! 2. `BT_PW_…`, named after the key file's path and obfuscated;
//! 3. `BT_WALLET_PASSWORD_FILE`, a file whose content is stripped of white space at both ends;
//! 4. `BT_COLD_PW_…` of SDK 6, plain text, for coldkeys;
//! 5. `$CREDENTIALS_DIRECTORY/wallet-password.WALLET`, then `…/wallet-password`.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    regular,
    secret::Password,
    store::{KeyId, KeyRole},
};

/// Longer than any password.
const LONGEST: u64 = 64 * 1024;

/// The variables of a process, or of a test.
pub type Variables = BTreeMap<String, String>;

/// Why a password that the environment announces cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The value of a `BT_PW_…` variable is not what a wallet would have stored.
    #[error("the variable {0} does not hold an obfuscated password: {1}")]
    Obfuscation(String, &'static str),
    /// The file that holds a password cannot be read.
    #[error("cannot read the password file {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Where a password is to be had.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Here it is.
    Password(Password),
    /// In a file; see [`read_file`].
    File(PathBuf),
}

/// The password for the key file of `key` at `path`, or the file to read it from.
pub fn find(variables: &Variables, key: &KeyId, path: &Path) -> Result<Option<Found>, EnvironmentError> {
    if let Some(plain) = variables.get("BT_WALLET_PASSWORD") {
        return Ok(Some(Found::Password(Password::new(plain.as_str()))));
    }
    let name = variable_name(path);
    if let Some(value) = variables.get(&name) {
        return reveal(&name, value).map(|password| Some(Found::Password(password)));
    }
    if let Some(file) = variables.get("BT_WALLET_PASSWORD_FILE") {
        return Ok(Some(Found::File(file.into())));
    }
    if key.role == KeyRole::Coldkey
        && let Some(password) = sdk6(variables, key.wallet.as_str())
    {
        return Ok(Some(Found::Password(password)));
    }
    Ok(credential(variables, key).map(Found::File))
}

/// The name of the variable for the key file at `path`, which is taken as written.
pub fn variable_name(path: &Path) -> String {
    format!("BT_PW_{}", path.to_string_lossy().to_uppercase().replace(['/', '.'], "_"))
}

/// What a `BT_PW_…` variable of that name holds for `password`: base64 of the password xor the
/// name. Not encryption: whoever sees the variable has the password.
pub fn obfuscate(name: &str, password: &Password) -> String {
    STANDARD.encode(xor(password.as_bytes(), name))
}

/// The inverse of [`obfuscate`].
pub fn reveal(name: &str, value: &str) -> Result<Password, EnvironmentError> {
    let failed = |why| EnvironmentError::Obfuscation(name.to_owned(), why);
    let bytes = Zeroizing::new(STANDARD.decode(value).map_err(|_| failed("it is not base64"))?);
    let plain = std::mem::take(&mut *xor(&bytes, name));
    match String::from_utf8(plain) {
        Ok(text) => Ok(Password::new(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(failed("it was made for another path"))
        }
    }
}

fn xor(bytes: &[u8], name: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.iter().zip(name.bytes().cycle()).map(|(byte, mask)| byte ^ mask).collect())
}

/// SDK 6 takes any variable that begins with `BT_COLD_PW_` and ends with the wallet's name, in any
/// case, so one for `xmywallet` serves `mywallet` too. The exact name goes first here.
fn sdk6(variables: &Variables, wallet: &str) -> Option<Password> {
    let wallet = wallet.to_uppercase();
    let mut candidates: Vec<(String, &String)> = variables
        .iter()
        .filter_map(|(name, value)| {
            let name = name.to_uppercase();
            let rest = name.strip_prefix("BT_COLD_PW_")?;
            rest.ends_with(&wallet).then(|| (rest.to_owned(), value))
        })
        .collect();
    candidates.sort_by_key(|(rest, _)| rest.len());
    candidates.first().map(|(_, value)| Password::new(value.as_str()))
}

/// The file that systemd made of a credential for this key's wallet, if there is one.
fn credential(variables: &Variables, key: &KeyId) -> Option<PathBuf> {
    let dir = Path::new(variables.get("CREDENTIALS_DIRECTORY")?);
    [format!("wallet-password.{}", key.wallet), "wallet-password".to_owned()]
        .into_iter()
        .map(|name| dir.join(name))
        .find(|path| path.is_file())
}

/// The password in a file, stripped of white space at both ends as SDK 11 does.
pub fn read_file(path: &Path) -> Result<Password, EnvironmentError> {
    let failed = |source| EnvironmentError::File { path: path.to_owned(), source };
    let bytes = Zeroizing::new(regular::read(path, LONGEST).map_err(failed)?);
    let text =
        str::from_utf8(&bytes).map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "it is not text")))?;
    match text.trim() {
        "" => Err(failed(io::Error::new(io::ErrorKind::InvalidData, "it is empty"))),
        password => Ok(Password::new(password)),
    }
}
