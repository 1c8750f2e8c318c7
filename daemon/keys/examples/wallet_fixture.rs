//! Writes wallets for other wallet software to open, and opens what that has written.
//!
//! `write DIR` makes two wallets, `sr` and `ed`, with an encrypted coldkey and a plain hotkey each;
//! `read DIR` opens every wallet in DIR; `native DIR` makes a wallet in btd's own encryption. The
//! password comes on standard input. They print one JSON object: for each key its address, scheme,
//! private key, and a signature over `interop`.
//!
//! The counterpart is `tests/interop/wallets.py`. Test keys only: this prints secrets.

use std::{
    error::Error,
    io::{Read, Write},
};

use btd_keys::{Existing, Key, KeyRole, Password, Protection, Scheme, WalletStore, WordCount};
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
        _ => return Err("usage: wallet_fixture write|read|native DIR".into()),
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
