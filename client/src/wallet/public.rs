//! Public halves: writing those of keys that lie elsewhere, and taking ours there.

use btd_api::{
    AccountId, WalletName,
    wallet::{
        Existing,
        keyfiles::{
            Export, ExportParams, Exported, PublicWritten, RegenColdkeypub, RegenColdkeypubParams, RegenHotkeypub,
            RegenHotkeypubParams, Scheme,
        },
    },
};
use clap::Args;

use super::{file::SchemeArg, keys::called};
use crate::{
    addr,
    args::{HotkeyArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        facts::Facts,
        table::{Column, Table},
    },
    session::Session,
};

/// The key to watch.
#[derive(Args, Clone, Copy, Debug)]
struct WatchedArgs {
    /// Its address
    #[arg(long, value_name = "ADDRESS", aliases = ["ss58-address", "ss58_address", "address", "addr"], required_unless_present = "public_key", value_parser = addr::account)]
    ss58: Option<AccountId>,
    /// Its public key, 64 hex digits
    #[arg(long, value_name = "HEX", value_parser = public_key, aliases = ["public-key-hex", "public_key_hex", "public_key", "pubkey"])]
    public_key: Option<AccountId>,
    #[command(flatten)]
    scheme: SchemeArg,
    /// Keep a copy of a public file that is in the way, and write a new one
    #[arg(long, aliases = ["overwrite_coldkeypub", "overwrite-coldkeypub", "overwrite_hotkeypub", "overwrite-hotkeypub"])]
    overwrite: bool,
}

/// `btctl wallet regen-coldkeypub`
#[derive(Args, Debug)]
pub(crate) struct RegenColdkeypubArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    watched: WatchedArgs,
}

/// `btctl wallet regen-hotkeypub`
#[derive(Args, Debug)]
pub(crate) struct RegenHotkeypubArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    watched: WatchedArgs,
}

/// `btctl wallet export`: without a wallet, every one of this host
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// One wallet
    #[arg(
        long,
        short = 'w',
        value_name = "NAME",
        visible_alias = "wallet-name",
        aliases = ["wallet.name", "wallet_name", "name"]
    )]
    wallet: Option<WalletName>,
}

/// An account by its public key.
pub(super) fn public_key(text: &str) -> Result<AccountId, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let malformed = || "a public key is 64 hex digits".to_owned();
    if digits.len() != 64 || !digits.is_ascii() {
        return Err(malformed());
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| malformed())?;
    }
    Ok(AccountId(bytes))
}

// === impl WatchedArgs ===

impl WatchedArgs {
    fn account(self) -> Result<AccountId, Failure> {
        match (self.ss58, self.public_key) {
            (Some(one), Some(other)) if one != other => {
                Err(Failure::usage(format!("--ss58 and --public-key are of two keys: the latter is {other}")))
            }
            (Some(account), _) | (None, Some(account)) => Ok(account),
            (None, None) => Err(Failure::usage("which key? give --ss58 or --public-key")),
        }
    }

    fn scheme(self) -> Scheme {
        self.scheme.scheme.into()
    }

    fn existing(self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Keep }
    }
}

// === the commands ===

impl RegenColdkeypubArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = RegenColdkeypubParams {
            address: self.watched.account()?,
            wallet: self.wallet.resolve(&session.settings),
            scheme: self.watched.scheme(),
            existing: self.watched.existing(),
        };
        let reply = session.call::<RegenColdkeypub>(&params).await?;
        session.out.reply(&reply, written).map(|()| Exit::Success)
    }
}

impl RegenHotkeypubArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = RegenHotkeypubParams {
            address: self.watched.account()?,
            wallet: self.wallet.resolve(&session.settings),
            hotkey: self.hotkey.resolve(&session.settings),
            scheme: self.watched.scheme(),
            existing: self.watched.existing(),
        };
        let reply = session.call::<RegenHotkeypub>(&params).await?;
        session.out.reply(&reply, written).map(|()| Exit::Success)
    }
}

impl ExportArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let reply = session.call::<Export>(&ExportParams { wallet: self.wallet }).await?;
        session.out.reply(&reply, exported).map(|()| Exit::Success)
    }
}

fn written(written: &PublicWritten, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("key", called(&written.wallet, &written.key));
    facts.add("address", written.address);
    facts.add("scheme", super::keys::scheme_name(written.scheme));
    facts.add("path", &written.path);
    if let Some(kept) = &written.kept {
        facts.add("kept", kept);
    }
    facts.render(page)
}

fn exported(exported: &Exported, page: Page) -> String {
    let mut table = Table::new(&[
        Column::text("FILE"),
        Column::address("ADDRESS"),
        Column::text("SCHEME"),
        Column::address("PUBLIC KEY").leaves(1),
    ]);
    for key in &exported.keys {
        let scheme = super::keys::scheme_name(key.scheme).to_owned();
        table.row(&[key.file.clone(), key.address.to_string(), scheme, key.public_key.clone()]);
    }
    table.render(page)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn a_public_key_is_64_hex_digits() {
        let alice = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
        assert_eq!(public_key(alice), Ok(ALICE.parse().unwrap()));
        assert_eq!(public_key(&format!("0x{alice}")), Ok(ALICE.parse().unwrap()));
        for bad in ["", "0x", &alice[1..], &format!("{alice}0"), &alice.replace('d', "+"), &"ß".repeat(32)] {
            assert!(public_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_spellings_of_the_python_command_lines_work() {
        let parses = |words: &str| Cli::try_parse_from(format!("btctl wallet {words}").split(' ')).is_ok();
        for good in [
            format!("regen-coldkeypub --wallet-name a --ss58 {ALICE}"),
            format!("regen_coldkeypub -w a --ss58-address {ALICE} --overwrite_coldkeypub"),
            format!("regen-coldkeypub -w a --public-key-hex 0x{}", "11".repeat(32)),
            format!("regen-hotkeypub -w a -H h --public_key {} --overwrite", "11".repeat(32)),
            format!("regen_hotkeypub -w a --crypto-type ed25519 --ss58 {ALICE}"),
            "export".to_owned(),
        ] {
            assert!(parses(&good), "{good}");
        }
        assert!(!parses("regen-coldkeypub -w a"), "nothing to watch");
    }
}
