//! Writes wallets for other wallet software to open, and opens what that has written.
//!
//! `wallet_fixture write DIR` makes two wallets, `sr` and `ed`, with an encrypted coldkey and a
//! plain hotkey each; `wallet_fixture read DIR` opens every wallet in DIR. The password comes on
//! standard input. Both print one JSON object: for each key its address, scheme, private key, and
//! a signature over `interop`. The counterpart is `tests/interop/wallets.py`. Test keys only: this
//! prints secrets.

use std::{
    error::Error,
    io::{Read, Write},
};

use btd_keys::{Existing, Key, KeyRole, Password, Protection, Scheme, WalletStore, WordCount};
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, dir] = arguments.as_slice() else {
        return Err("usage: wallet_fixture write|read DIR < PASSWORD".into());
    };
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password)?;
    let password = Password::new(password);
    let store = WalletStore::new(dir);
    let report = match verb.as_str() {
        "write" => write(&store, &password)?,
        "read" => read(&store, &password)?,
        other => return Err(format!("unknown verb {other}").into()),
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
