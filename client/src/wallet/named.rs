//! A coldkey as it is named: by its address, by its name in the address book, or by the wallet of this host that has it.

use btd_api::{Coldkey, WalletName, wallet::KeyName};

use super::inspect::detail;
use crate::{
    addr::{self, Unresolved},
    failure::Failure,
    session::Session,
    settings::{self, Environment},
};

/// Whose coldkey is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NamedColdkey {
    Address(Coldkey),
    Wallet(WalletName),
}

impl Default for NamedColdkey {
    fn default() -> Self {
        Self::Wallet(WalletName::default())
    }
}

impl NamedColdkey {
    /// An address, or a name in the address book; of other names a wallet's.
    pub(crate) fn of_coldkey(text: &str) -> Result<Self, String> {
        Self::by_book(text, &settings::environment)
    }

    fn by_book(text: &str, environment: Environment<'_>) -> Result<Self, String> {
        match addr::resolve(text, environment) {
            Ok(coldkey) => Ok(Self::Address(coldkey)),
            Err(Unresolved::Unknown(why)) if !is_like_an_address(text) && !text.starts_with('@') => {
                text.parse().map(Self::Wallet).map_err(|_| why)
            }
            // Of a book that cannot be read nobody knows whether it has the name, and whose: another coldkey than the
            // one that is meant would get everything.
            Err(why) => Err(why.to_string()),
        }
    }

    /// A wallet's name, or an address.
    pub(crate) fn of_wallet(text: &str) -> Result<Self, String> {
        if is_like_an_address(text) {
            return addr::coldkey(text).map(Self::Address);
        }
        text.parse().map(Self::Wallet).map_err(|error: btd_api::NameError| error.to_string())
    }

    /// Asks btd for the coldkey of a wallet that is named; `flag` is the one that takes its address.
    ///
    /// # Errors
    /// When there is no such wallet, or no file of it tells its coldkey.
    pub(crate) async fn resolve(self, flag: &str, session: &Session) -> Result<Coldkey, Failure> {
        match self {
            Self::Address(coldkey) => Ok(coldkey),
            Self::Wallet(name) => {
                let address = detail(session, &name, &KeyName::Coldkey).await?.address;
                let coldkey = Coldkey(address.ok_or_else(|| {
                    Failure::usage(format!(
                        "no file of wallet `{name}` tells its coldkey: `wallet regen-coldkeypub` writes one, or name it \
                         with {flag}"
                    ))
                })?);
                session.out.note(format!("wallet `{name}` of this host is meant, whose coldkey is {coldkey}"));
                Ok(coldkey)
            }
        }
    }
}

/// Too long for a name that anyone gives, and all of an address's characters.
fn is_like_an_address(text: &str) -> bool {
    (46..=50).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::NamedColdkey;
    use crate::preferences;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[test]
    fn a_coldkey_is_named_by_a_wallet_or_an_address() {
        for read in [NamedColdkey::of_coldkey, NamedColdkey::of_wallet] {
            assert_eq!(read(BOB), Ok(NamedColdkey::Address(BOB.parse().unwrap())));
            assert_eq!(read("cold"), Ok(NamedColdkey::Wallet("cold".parse().unwrap())));
            // A mistyped address is no wallet's name.
            assert!(read(&BOB.replace("94ty", "94tz")).is_err());
        }
    }

    #[test]
    fn the_book_is_asked_before_the_wallets() {
        let home = tempfile::tempdir().unwrap();
        let environment = |name: &str| (name == "HOME").then(|| home.path().into());
        let directory = preferences::directory(&environment).unwrap();
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("addresses.json"), format!(r#"{{"cold": {{"address": "{BOB}"}}}}"#)).unwrap();
        let read = |text: &str| NamedColdkey::by_book(text, &environment);
        assert_eq!(read("cold"), Ok(NamedColdkey::Address(BOB.parse().unwrap())));
        assert_eq!(read("warm"), Ok(NamedColdkey::Wallet("warm".parse().unwrap())));
        assert!(read("@warm").unwrap_err().contains("address book"));
    }

    #[test]
    fn no_wallet_is_meant_by_a_name_whose_book_cannot_be_read() {
        let home = tempfile::tempdir().unwrap();
        let environment = |name: &str| (name == "HOME").then(|| home.path().into());
        let read = |text: &str| NamedColdkey::by_book(text, &environment);
        assert_eq!(read("cold"), Ok(NamedColdkey::Wallet("cold".parse().unwrap())));
        let directory = preferences::directory(&environment).unwrap();
        std::fs::create_dir_all(&directory).unwrap();
        for broken in ["[", "{\"cold\": {\"address\": \"5F\"}}"] {
            std::fs::write(directory.join("addresses.json"), broken).unwrap();
            let why = read("cold").unwrap_err();
            assert!(why.contains("addresses.json") && why.contains("move it away"), "{why}");
        }
        // A book that is there and whole says that it has no such name.
        std::fs::write(directory.join("addresses.json"), "{}").unwrap();
        assert_eq!(read("cold"), Ok(NamedColdkey::Wallet("cold".parse().unwrap())));
    }
}
