//! A coldkey as it is named: by its address, by its name in the address book, or by the wallet of this host that has it.

use btd_api::{Coldkey, ErrorKind, WalletName, wallet::KeyName};

use super::inspect::detail;
use crate::{
    addr::{self, Unresolved},
    failure::Failure,
    preferences,
    session::Session,
    settings::{self, Environment},
};

/// Whose coldkey is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NamedColdkey {
    Address(Coldkey),
    /// Of a name in the address book that a wallet of this host could have too.
    Booked {
        name: WalletName,
        coldkey: Coldkey,
    },
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
            Ok(coldkey) if text.starts_with('@') || text.parse::<Coldkey>().is_ok() => Ok(Self::Address(coldkey)),
            Ok(coldkey) => Ok(match text.parse() {
                Ok(name) => Self::Booked { name, coldkey },
                Err(_) => Self::Address(coldkey),
            }),
            Err(Unresolved::Unknown(why)) if !is_like_an_address(text) && !text.starts_with('@') => {
                let name = text.parse::<WalletName>().map_err(|_| why)?;
                if preferences::directory(environment).is_none() {
                    return Err(format!(
                        "whether `{text}` is a name in the address book is not known, for there is no home to look for \
                         that in: set HOME, or give the coldkey's address"
                    ));
                }
                Ok(Self::Wallet(name))
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
    /// When there is no such wallet, or no file of it tells its coldkey, or the address book has another coldkey of its name.
    pub(crate) async fn resolve(self, flag: &str, session: &Session) -> Result<Coldkey, Failure> {
        match self {
            Self::Address(coldkey) => Ok(coldkey),
            Self::Booked { name, coldkey } => {
                let of_wallet = match detail(session, &name, &KeyName::Coldkey).await {
                    Ok(detail) => detail.address.map(Coldkey),
                    // There is no such wallet, or it has hotkeys alone: the book's is the only coldkey of that name.
                    Err(Failure::Api(error)) if error.kind() == Some(ErrorKind::NotFound) => return Ok(coldkey),
                    Err(Failure::Usage { .. }) => return Ok(coldkey),
                    Err(failure) => return Err(failure),
                };
                the_one(&name, coldkey, of_wallet).map_err(Failure::usage)
            }
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

/// The coldkey that both the address book and a wallet of this host have under `name`. That of a wallet is not known where
/// no file of it tells.
fn the_one(name: &WalletName, in_book: Coldkey, of_wallet: Option<Coldkey>) -> Result<Coldkey, String> {
    if of_wallet == Some(in_book) {
        return Ok(in_book);
    }
    let of_wallet = of_wallet.map_or_else(
        || "a wallet of this host, whose coldkey no file tells".to_owned(),
        |coldkey| format!("a wallet of this host, whose coldkey is {coldkey}"),
    );
    Err(format!(
        "`{name}` is a name in the address book, for {in_book}, and {of_wallet}: say `@{name}` for the one in the book, \
         or give the address of the one that is meant"
    ))
}

/// Too long for a name that anyone gives, and all of an address's characters.
fn is_like_an_address(text: &str) -> bool {
    (46..=50).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::{NamedColdkey, the_one};
    use crate::preferences;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[test]
    fn a_coldkey_is_named_by_a_wallet_or_an_address() {
        let home = tempfile::tempdir().unwrap();
        let environment = |name: &str| (name == "HOME").then(|| home.path().into());
        let mistyped = BOB.replace("94ty", "94tz");
        let read = |text: &str| [NamedColdkey::by_book(text, &environment), NamedColdkey::of_wallet(text)];
        let both = |coldkey: NamedColdkey| [Ok(coldkey.clone()), Ok(coldkey)];
        assert_eq!(read(BOB), both(NamedColdkey::Address(BOB.parse().unwrap())));
        assert_eq!(read("cold"), both(NamedColdkey::Wallet("cold".parse().unwrap())));
        // A mistyped address is no wallet's name.
        assert!(read(&mistyped).iter().all(Result::is_err));
    }

    #[test]
    fn the_book_is_asked_before_the_wallets() {
        let home = tempfile::tempdir().unwrap();
        let environment = |name: &str| (name == "HOME").then(|| home.path().into());
        let directory = preferences::directory(&environment).unwrap();
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("addresses.json"), format!(r#"{{"cold": {{"address": "{BOB}"}}}}"#)).unwrap();
        let read = |text: &str| NamedColdkey::by_book(text, &environment);
        let coldkey = BOB.parse().unwrap();
        assert_eq!(read("cold"), Ok(NamedColdkey::Booked { name: "cold".parse().unwrap(), coldkey }));
        assert_eq!(read("@cold"), Ok(NamedColdkey::Address(coldkey)));
        assert_eq!(read("warm"), Ok(NamedColdkey::Wallet("warm".parse().unwrap())));
        assert!(read("@warm").unwrap_err().contains("address book"));
    }

    #[test]
    fn a_name_of_two_coldkeys_is_none_of_them() {
        let (name, booked): (_, btd_api::Coldkey) = ("cold".parse().unwrap(), BOB.parse().unwrap());
        assert_eq!(the_one(&name, booked, Some(booked)), Ok(booked));
        for of_wallet in [None, Some(btd_api::Coldkey(btd_api::AccountId([7; 32])))] {
            let why = the_one(&name, booked, of_wallet).unwrap_err();
            assert!(why.contains(BOB) && why.contains("`@cold`"), "{why}");
        }
    }

    #[test]
    fn no_wallet_is_meant_where_no_book_can_be_looked_for() {
        let read = |text: &str| NamedColdkey::by_book(text, &|_| None);
        assert!(read("cold").unwrap_err().contains("set HOME"));
        assert_eq!(read(BOB), Ok(NamedColdkey::Address(BOB.parse().unwrap())));
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
