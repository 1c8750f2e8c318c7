//! Writes wallets for other wallet software to open, and opens what that has written.
//!
//! `write DIR` makes two wallets, `sr` and `ed`, with an encrypted coldkey and a plain hotkey each;
//! `read DIR` opens every wallet in DIR; `native DIR` makes a wallet in btd's own encryption. The
//! password comes on standard input. They print one JSON object: for each key its address, scheme,
//! private key, and a signature over `interop`.
//!
//! `rewrite FROM TO` opens every wallet in FROM, with the passwords of an object on standard input
//! (`WALLET/coldkey` and so on), writes it in TO in the same encryption, and prints the addresses.
//! `box URI` opens the sealed message (hex) on standard input with an ed25519 key, and prints it and
//! the same message sealed again.
//!
//! The counterpart is `tests/interop/wallets.py`. Test keys only: this prints secrets.

use std::{
    error::Error,
    io::{Read, Write},
};

use btd_keys::{Encryption, Existing, Key, KeyRole, Password, Protection, Scheme, WalletStore, WordCount, sealed_box};
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = match words.as_slice() {
        ["write", dir] => write(&WalletStore::new(*dir), &Password::new(input))?,
        ["read", dir] => read(&WalletStore::new(*dir), &Password::new(input))?,
        ["native", dir] => native(&WalletStore::new(*dir), &Password::new(input))?,
        ["rewrite", from, to] => rewrite(&WalletStore::new(*from), &WalletStore::new(*to), &input)?,
        ["box", uri] => reseal(uri, &input)?,
        _ => return Err("usage: wallet_fixture write|read|native DIR, rewrite FROM TO, box URI".into()),
    };
    writeln!(std::io::stdout(), "{}", Value::Object(report))?;
    Ok(())
}

fn write(store: &WalletStore, password: &Password) -> Result<Map<String, Value>, Box<dyn Error>> {
    for (name, scheme, words) in
        [("sr", Scheme::Sr25519, WordCount::TwentyFour), ("ed", Scheme::Ed25519, WordCount::Twelve)]
    {
        let wallet = store.wallet(&name.parse()?);
        let (cold, hot) = (Key::generate(scheme, words), Key::generate(scheme, WordCount::Twelve));
        wallet.write(&KeyRole::Coldkey, &cold, Protection::Nacl(password), Existing::Refuse)?;
        wallet.write(&KeyRole::Hotkey("Hot.Key".parse()?), &hot, Protection::Plain, Existing::Refuse)?;
    }
    read(store, password)
}

fn native(store: &WalletStore, password: &Password) -> Result<Map<String, Value>, Box<dyn Error>> {
    let key = Key::generate(Scheme::Sr25519, WordCount::Twelve);
    let wallet = store.wallet(&"native".parse()?);
    wallet.write(&KeyRole::Coldkey, &key, Protection::Native(password), Existing::Refuse)?;
    read(store, password)
}

fn rewrite(from: &WalletStore, to: &WalletStore, passwords: &str) -> Result<Map<String, Value>, Box<dyn Error>> {
    let passwords: Map<String, Value> = serde_json::from_str(passwords)?;
    let mut report = Map::new();
    for summary in from.list()? {
        let (source, target) = (from.wallet(&summary.name), to.wallet(&summary.name));
        let coldkey = summary.coldkey.map(|found| (KeyRole::Coldkey, found));
        let hotkeys = summary.hotkeys.into_iter().map(|(name, found)| (KeyRole::Hotkey(name), found));
        for (role, found) in coldkey.into_iter().chain(hotkeys) {
            let path = source.path(&role);
            let name = path.strip_prefix(from.root())?.to_string_lossy().into_owned();
            let Some(encryption) = found.encryption else {
                let public = found.public.ok_or("no file tells the key")?;
                target.write_public(&role, &public, Existing::Refuse)?;
                continue;
            };
            let password = passwords.get(&name).and_then(Value::as_str).map(Password::new);
            let key = source.open(&role, password.as_ref())?;
            let protection = match (&password, encryption) {
                (None, _) => Protection::Plain,
                (Some(password), Encryption::AnsibleVault) => Protection::AnsibleVault(password),
                // Fernet is read only, and out of use.
                (Some(password), _) => Protection::Nacl(password),
            };
            target.write(&role, &key, protection, Existing::Refuse)?;
            report.insert(name, json!(key.public().account));
        }
    }
    Ok(report)
}

fn reseal(uri: &str, sealed: &str) -> Result<Map<String, Value>, Box<dyn Error>> {
    let key = Key::from_uri(Scheme::Ed25519, uri)?;
    let opened = key.pair().open_sealed(&hex::decode(sealed.trim())?)?;
    let sealed = sealed_box::seal(&key.public(), &opened)?;
    Ok(Map::from_iter([
        ("opened".to_owned(), json!(hex::encode(&*opened))),
        ("sealed".to_owned(), json!(hex::encode(sealed))),
    ]))
}

fn read(store: &WalletStore, password: &Password) -> Result<Map<String, Value>, Box<dyn Error>> {
    let mut report = Map::new();
    for summary in store.list()? {
        let wallet = store.wallet(&summary.name);
        let roles = summary.hotkeys.into_iter().map(|(name, _)| KeyRole::Hotkey(name));
        for role in roles.chain([KeyRole::Coldkey]) {
            let key = wallet.open(&role, Some(password))?;
            let path = wallet.path(&role);
            let name = path.strip_prefix(store.root())?.to_string_lossy().into_owned();
            report.insert(
                name,
                json!({
                    "address": key.public().account,
                    "scheme": key.public().scheme.name(),
                    "private_key": hex::encode(key.pair().private_key().as_slice()),
                    "mnemonic": key.mnemonic().map(|mnemonic| mnemonic.expose().to_string()),
                    "signature": key.pair().sign(b"interop").to_string(),
                }),
            );
        }
    }
    Ok(report)
}
