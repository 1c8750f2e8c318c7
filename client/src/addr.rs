//! The noun `addr`: a book of addresses by name, and reading an address wherever one is typed.
//!
//! The book is a file of btctl's own, beside `btctl.json`; the daemon never sees a name. Wherever a
//! command takes an address it takes `@name` as well, and plain `name` where no hotkey of a wallet
//! could be meant.

pub(crate) mod proxies;

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use btd_api::{AccountId, Coldkey, Hotkey, HotkeyRef};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    exit::Exit,
    failure::Failure,
    output::{
        Format,
        table::{Column, Table},
        text,
    },
    preferences,
    session::Session,
    settings::{self, Environment},
};

/// `btctl addr ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The addresses in the book
    #[command(visible_alias = "show")]
    List,
    /// Put an address into the book
    #[command(visible_alias = "set")]
    Add(AddArgs),
    /// Take an address out of the book
    #[command(visible_alias = "rm", alias = "delete")]
    Remove(RemoveArgs),
}

/// `btctl addr add`
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// Its name
    #[arg(value_parser = name)]
    name: String,
    /// The address
    address: AccountId,
    /// What to remember of it
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Put it in place of another address of that name
    #[arg(long)]
    overwrite: bool,
}

/// `btctl addr remove`
#[derive(Args, Debug)]
pub(crate) struct RemoveArgs {
    /// Its name
    name: String,
}

/// The book, by name.
type Book = BTreeMap<String, Entry>;

/// One address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    address: AccountId,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    note: String,
    /// What is known of it where somebody signs for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proxy: Option<proxies::Proxy>,
}

/// Why a text stands for no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    /// It is none, and no name in the book.
    #[error("{0}")]
    Unknown(String),
    /// The book cannot be read.
    #[error("the address book cannot be read, and may have that name: mend the file, or move it away ({0})")]
    Unread(String),
}

/// A name that cannot be taken for an address, a number or a flag.
fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && text.len() <= 40 && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("a name begins with a letter and has up to 40 letters, digits, `-`, `_` or `.`".to_owned())
    }
}

fn path(environment: Environment<'_>) -> Option<PathBuf> {
    preferences::directory(environment).map(|directory| directory.join("addresses.json"))
}

fn read(path: &Path) -> Result<Book, String> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Book::new()),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// The address of that name in the book of `environment`.
fn look_up(name: &str, environment: Environment<'_>) -> Result<Option<AccountId>, String> {
    let Some(path) = path(environment) else { return Ok(None) };
    Ok(read(&path)?.get(name).map(|entry| entry.address))
}

/// What `text` names in the book, or what it is by itself.
///
/// # Errors
/// [`Unresolved::Unread`] where the book may have the name and cannot be read: then nobody knows what is meant.
pub(crate) fn resolve<T>(text: &str, environment: Environment<'_>) -> Result<T, Unresolved>
where
    T: FromStr<Err: Display> + From<AccountId>,
{
    let look_up = |name: &str| look_up(name, environment).map_err(Unresolved::Unread);
    if let Some(name) = text.strip_prefix('@') {
        let unknown = || Unresolved::Unknown(format!("`{name}` is not in the address book: see `btctl addr list`"));
        return look_up(name)?.map(T::from).ok_or_else(unknown);
    }
    let refused = match text.parse() {
        Ok(address) => return Ok(address),
        Err(error) => error,
    };
    match look_up(text)? {
        Some(address) => Ok(T::from(address)),
        None if name(text).is_ok() => {
            Err(Unresolved::Unknown(format!("{refused}, and no name in the address book: see `btctl addr list`")))
        }
        None => Err(Unresolved::Unknown(refused.to_string())),
    }
}

/// The same with the book of whoever types.
fn usual<T>(text: &str) -> Result<T, String>
where
    T: FromStr<Err: Display> + From<AccountId>,
{
    resolve(text, &settings::environment).map_err(|error| error.to_string())
}

/// Reads an address: SS58, or a name in the book.
pub(crate) fn coldkey(text: &str) -> Result<Coldkey, String> {
    usual(text)
}

/// The same, of a hotkey.
pub(crate) fn hotkey(text: &str) -> Result<Hotkey, String> {
    usual(text)
}

/// The same, of any account.
pub(crate) fn account(text: &str) -> Result<AccountId, String> {
    usual(text)
}

/// Reads a hotkey: its name in the wallet, its address, or `@name` in the book.
pub(crate) fn hotkey_ref(text: &str) -> Result<HotkeyRef, String> {
    if text.starts_with('@') {
        return hotkey(text).map(HotkeyRef::Address);
    }
    text.parse().map_err(|error: btd_api::NameError| error.to_string())
}

// === impl Command ===

impl Command {
    pub(crate) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let path = path(&settings::environment)
            .ok_or_else(|| Failure::usage("there is no home for the address book: set HOME"))?;
        let mut book = read(&path).map_err(Failure::usage)?;
        match self {
            Self::List => {}
            Self::Add(args) => {
                // What more is known of the same account stays known.
                let known = book.get(&args.name).filter(|known| known.address == args.address);
                let proxy = known.and_then(|known| known.proxy.clone());
                let entry = Entry { address: args.address, note: args.note, proxy };
                if let Some(other) = book.get(&args.name).filter(|other| other.address != entry.address)
                    && !args.overwrite
                {
                    let message = format!("`{}` is {} already: --overwrite replaces it", args.name, other.address);
                    return Err(Failure::usage(message));
                }
                book.insert(args.name, entry);
                save(&path, &book)?;
            }
            Self::Remove(args) => {
                if book.remove(args.name.trim_start_matches('@')).is_none() {
                    return Err(Failure::usage(format!("`{}` is not in the address book", args.name)));
                }
                save(&path, &book)?;
            }
        }
        list(&book, session)
    }
}

fn save(path: &Path, book: &Book) -> Result<(), Failure> {
    preferences::save(path, &serde_json::to_string_pretty(book).unwrap_or_default())
}

fn list(book: &Book, session: &Session) -> Result<Exit, Failure> {
    match session.out.format() {
        Format::Json => {
            let addresses: Vec<_> = book
                .iter()
                .map(|(name, entry)| json!({ "name": name, "address": entry.address, "note": entry.note }))
                .collect();
            session.out.document(&json!({ "addresses": addresses }).to_string())?;
        }
        Format::Human => {
            let mut table =
                Table::new(&[Column::text("NAME"), Column::address("ADDRESS"), Column::text("NOTE").leaves(1)]);
            for (name, entry) in book {
                table.row(&[name.clone(), entry.address.to_string(), text::visible(&entry.note).into_owned()]);
            }
            let count = match book.len() {
                1 => "1 address".to_owned(),
                many => format!("{many} addresses"),
            };
            session.out.data(&format!("{}{count}\n", table.render(session.out.page())))?;
        }
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[test]
    fn names_stand_for_addresses() {
        let home = tempfile::tempdir().unwrap();
        let environment = |name: &str| (name == "HOME").then(|| home.path().into());
        let file = path(&environment).unwrap();
        let entry = Entry { address: BOB.parse().unwrap(), note: String::new(), proxy: None };
        save(&file, &Book::from([("bob".to_owned(), entry)])).unwrap();
        let read = |text: &str| match resolve::<Coldkey>(text, &environment) {
            Ok(address) => Ok(address.to_string()),
            Err(why) => Err(why.to_string()),
        };
        assert_eq!(
            (read("bob").as_deref(), read("@bob").as_deref(), read(BOB).as_deref()),
            (Ok(BOB), Ok(BOB), Ok(BOB))
        );
        let unknown = read("alice").unwrap_err();
        assert!(unknown.contains("not an SS58 address") && unknown.contains("btctl addr list"), "{unknown}");
        assert!(!read("alice?").unwrap_err().contains("address book"), "what cannot be a name is none");
        assert!(read("@alice").unwrap_err().contains("not in the address book"));
        fs::write(&file, "[").unwrap();
        assert!(read("bob").unwrap_err().contains("addresses.json"));
    }

    #[test]
    fn a_name_cannot_be_taken_for_something_else() {
        for good in ["bob", "cold-1", "Exchange.main"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in ["", "1", "-x", "@bob", "a b", BOB] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
