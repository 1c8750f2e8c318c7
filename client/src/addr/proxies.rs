//! The accounts of the book that others sign for, in the words of btcli: `config add-proxy` and its like. They are
//! entries like all others, so that `--proxy NAME` finds them; what more is kept of them is a note, and what the chain
//! has is `proxy list`.

use btd_api::AccountId;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Book, Entry, name, path, read, save};
use crate::{
    exit::Exit,
    failure::Failure,
    output::{
        Format,
        table::{Column, Table},
        text,
    },
    session::Session,
    settings,
};

/// What is known of an account that somebody signs for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proxy {
    /// What may be signed for it.
    #[serde(rename = "proxy_type")]
    kind: String,
    /// Who made the account, or lets others sign for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delegator: Option<AccountId>,
    /// Blocks between announcing and doing.
    #[serde(default)]
    delay: u32,
}

/// `btctl config add-proxy` and `config update-proxy`
#[derive(Args, Debug)]
pub(crate) struct ProxyArgs {
    /// Its name, which --proxy takes
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: String,
    /// The account that is signed for
    #[arg(long, value_name = "SS58")]
    address: Option<AccountId>,
    /// What may be signed for it
    #[arg(long, value_name = "TYPE", alias = "proxy_type")]
    proxy_type: Option<String>,
    /// Who made the account, or lets others sign for it
    #[arg(long, value_name = "SS58", visible_alias = "spawner")]
    delegator: Option<AccountId>,
    /// Blocks between announcing and doing
    #[arg(long, value_name = "BLOCKS")]
    delay: Option<u32>,
    /// What to remember of it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `btctl config remove-proxy`
#[derive(Args, Debug)]
pub(crate) struct RemoveProxyArgs {
    /// Its name
    #[arg(long, value_name = "NAME")]
    name: String,
}

/// Changes the book, keeps it, and shows its proxies.
fn change(session: &Session, change: impl FnOnce(&mut Book) -> Result<(), Failure>) -> Result<Exit, Failure> {
    let path = path(&settings::environment)
        .ok_or_else(|| Failure::usage("there is no home for the address book: set HOME"))?;
    let mut book = read(&path).map_err(Failure::usage)?;
    change(&mut book)?;
    save(&path, &book)?;
    show(&book, session)
}

/// `btctl config add-proxy`
pub(crate) fn add(args: ProxyArgs, session: &Session) -> Result<Exit, Failure> {
    let address = args.address.ok_or_else(|| Failure::usage("--address names the account that is signed for"))?;
    change(session, |book| {
        if let Some(other) = book.get(&args.name) {
            let message = format!("`{}` is {} already: `config update-proxy` changes it", args.name, other.address);
            return Err(Failure::usage(message));
        }
        let proxy = Proxy {
            kind: args.proxy_type.unwrap_or_else(|| "Any".to_owned()),
            delegator: args.delegator,
            delay: args.delay.unwrap_or(0),
        };
        book.insert(args.name, Entry { address, note: args.note.unwrap_or_default(), proxy: Some(proxy) });
        Ok(())
    })
}

/// `btctl config update-proxy`: what is not said stays.
pub(crate) fn update(args: ProxyArgs, session: &Session) -> Result<Exit, Failure> {
    change(session, |book| {
        let entry = book.get_mut(&args.name).ok_or_else(|| unknown(&args.name))?;
        let proxy = entry.proxy.as_mut().ok_or_else(|| unknown(&args.name))?;
        entry.address = args.address.unwrap_or(entry.address);
        proxy.delegator = args.delegator.or(proxy.delegator);
        proxy.delay = args.delay.unwrap_or(proxy.delay);
        if let Some(proxy_type) = args.proxy_type {
            proxy.kind = proxy_type;
        }
        if let Some(note) = args.note {
            entry.note = note;
        }
        Ok(())
    })
}

/// `btctl config remove-proxy`
pub(crate) fn remove(args: &RemoveProxyArgs, session: &Session) -> Result<Exit, Failure> {
    change(session, |book| match book.get(&args.name) {
        Some(Entry { proxy: Some(_), .. }) => {
            book.remove(&args.name);
            Ok(())
        }
        _ => Err(unknown(&args.name)),
    })
}

/// `btctl config clear-proxies`: other addresses stay in the book.
pub(crate) fn clear(session: &Session) -> Result<Exit, Failure> {
    change(session, |book| {
        book.retain(|_, entry| entry.proxy.is_none());
        Ok(())
    })
}

/// `btctl config proxies`
pub(crate) fn list(session: &Session) -> Result<Exit, Failure> {
    let book = path(&settings::environment).map_or_else(|| Ok(Book::new()), |path| read(&path));
    show(&book.map_err(Failure::usage)?, session)
}

fn unknown(name: &str) -> Failure {
    Failure::Usage {
        message: format!("`{name}` is no proxy in the address book"),
        hint: Some("`btctl config proxies` lists them"),
    }
}

fn show(book: &Book, session: &Session) -> Result<Exit, Failure> {
    let proxies = book.iter().filter_map(|(name, entry)| Some((name, entry, entry.proxy.as_ref()?)));
    match session.out.format() {
        Format::Json => {
            let proxies: Vec<_> = proxies
                .map(|(name, entry, proxy)| {
                    json!({
                        "name": name, "address": entry.address, "proxy_type": proxy.kind,
                        "delegator": proxy.delegator, "delay": proxy.delay, "note": entry.note,
                    })
                })
                .collect();
            session.out.document(&json!({ "proxies": proxies }).to_string())?;
        }
        Format::Human => {
            let mut table = Table::new(&[
                Column::text("NAME"),
                Column::address("ADDRESS"),
                Column::text("TYPE"),
                Column::address("DELEGATOR").leaves(2),
                Column::number("DELAY").leaves(3),
                Column::text("NOTE").leaves(1),
            ]);
            for (name, entry, proxy) in proxies {
                table.row(&[
                    name.clone(),
                    entry.address.to_string(),
                    text::visible(&proxy.kind).into_owned(),
                    proxy.delegator.map_or_else(|| "-".to_owned(), |delegator| delegator.to_string()),
                    proxy.delay.to_string(),
                    text::visible(&entry.note).into_owned(),
                ]);
            }
            session.out.data(&table.render(session.out.page()))?;
        }
    }
    Ok(Exit::Success)
}
