//! New keys and restored ones. The words of a new key are shown once, on the terminal, and nowhere
//! else: where there is none, nothing is made unless they are asked for by name.

use btd_api::{
    Method,
    wallet::{
        KeyName, Secret,
        keyfiles::{
            KeyWritten, NewColdkey, NewColdkeyParams, NewHotkey, NewHotkeyParams, RegenColdkey, RegenColdkeyParams,
            RegenHotkey, RegenHotkeyParams,
        },
    },
};
use clap::Args;

use super::{
    create::{asked_for_by_name, words},
    file::{FileArgs, SchemeArg, Usually},
    origin::{OriginArgs, development_uri},
};
use crate::{
    args::{HotkeyArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{Format, Page, facts::Facts},
    session::{Reply, Session},
};

/// How a new key is made.
#[derive(Args, Debug)]
struct NewArgs {
    /// How many words its mnemonic has: 12, 15, 18, 21 or 24
    #[arg(long = "n-words", value_name = "N", default_value_t = 12, value_parser = words, visible_alias = "words", alias = "n_words")]
    words: u8,
    #[command(flatten)]
    scheme: SchemeArg,
    #[command(flatten)]
    file: FileArgs,
    /// Make it from a secret URI such as `//Alice`, without a password unless one is given; for
    /// development: others see the command line
    #[arg(long)]
    uri: Option<String>,
    /// Show the mnemonic even where there is no terminal: with --json in the answer
    #[arg(long, alias = "show_mnemonic")]
    show_mnemonic: bool,
}

/// `btctl wallet new-coldkey`
#[derive(Args, Debug)]
pub(crate) struct NewColdkeyArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    new: NewArgs,
}

/// `btctl wallet new-hotkey`
#[derive(Args, Debug)]
pub(crate) struct NewHotkeyArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    new: NewArgs,
}

/// `btctl wallet regen-coldkey`
#[derive(Args, Debug)]
pub(crate) struct RegenColdkeyArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    origin: OriginArgs,
    #[command(flatten)]
    scheme: SchemeArg,
    #[command(flatten)]
    file: FileArgs,
}

/// `btctl wallet regen-hotkey`
#[derive(Args, Debug)]
pub(crate) struct RegenHotkeyArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    origin: OriginArgs,
    #[command(flatten)]
    scheme: SchemeArg,
    #[command(flatten)]
    file: FileArgs,
}

// === the commands ===

impl NewColdkeyArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self { wallet, new } = self;
        let uri = development_uri(new.uri)?;
        asked_for_by_name(session, uri.is_none(), new.show_mnemonic)?;
        let usually = if uri.is_some() { Usually::Plain } else { Usually::Encrypted };
        let file = new.file.resolve(session, usually)?.choose("Password for the new coldkey: ")?;
        let params = NewColdkeyParams {
            wallet: wallet.resolve(&session.settings),
            words: Some(new.words),
            scheme: new.scheme.scheme.into(),
            uri,
            file,
        };
        show(session, &session.call_deriving::<NewColdkey>(&params).await?)
    }
}

impl NewHotkeyArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self { wallet, hotkey, new } = self;
        let uri = development_uri(new.uri)?;
        asked_for_by_name(session, uri.is_none(), new.show_mnemonic)?;
        let file = new.file.resolve(session, Usually::Plain)?.choose("Password for the new hotkey: ")?;
        let params = NewHotkeyParams {
            wallet: wallet.resolve(&session.settings),
            hotkey: hotkey.resolve(&session.settings),
            words: Some(new.words),
            scheme: new.scheme.scheme.into(),
            uri,
            file,
        };
        show(session, &session.call_deriving::<NewHotkey>(&params).await?)
    }
}

impl RegenColdkeyArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        // What cannot be asked is known before the first question.
        let (origin, file) = (self.origin.resolve()?, self.file.resolve(session, Usually::Encrypted)?);
        let params = RegenColdkeyParams {
            origin: origin.read()?,
            wallet: self.wallet.resolve(&session.settings),
            scheme: self.scheme.scheme.into(),
            file: file.choose("Password for the restored coldkey: ")?,
        };
        origin.ends_here()?;
        show(session, &session.call_deriving::<RegenColdkey>(&params).await?)
    }
}

impl RegenHotkeyArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (origin, file) = (self.origin.resolve()?, self.file.resolve(session, Usually::Plain)?);
        let params = RegenHotkeyParams {
            origin: origin.read()?,
            wallet: self.wallet.resolve(&session.settings),
            hotkey: self.hotkey.resolve(&session.settings),
            scheme: self.scheme.scheme.into(),
            file: file.choose("Password for the restored hotkey: ")?,
        };
        origin.ends_here()?;
        show(session, &session.call_deriving::<RegenHotkey>(&params).await?)
    }
}

// === what is shown ===

fn show<M: Method<Reply = KeyWritten>>(session: &Session, reply: &Reply<M>) -> Result<Exit, Failure> {
    if session.out.format() == Format::Human
        && let Some(mnemonic) = reply.read()?.mnemonic
    {
        session.out.show(|page| words_once("key", &mnemonic, page));
    }
    session.out.reply(reply, written).map(|()| Exit::Success)
}

/// The words of a new key, with the warning that belongs to them.
fn words_once(name: &str, mnemonic: &Secret, page: Page) -> String {
    let warning = page.warn("Write them down now. They are shown once, and whoever has them has the key.");
    format!("The words that restore the {name}:\n\n    {}\n\n{warning}\n", mnemonic.expose())
}

fn written(written: &KeyWritten, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("wallet", &written.wallet);
    match &written.key {
        KeyName::Coldkey => facts.add("key", "coldkey"),
        KeyName::Hotkey(name) => facts.add("key", format!("hotkey {name}")),
    }
    facts.add("address", written.address);
    facts.add("scheme", super::keys::scheme_name(written.scheme));
    facts.add("protection", super::convert::protection_name(written.protection));
    facts.add("path", &written.path);
    if !written.kept.is_empty() {
        facts.add("kept", written.kept.join("\n"));
    }
    facts.render(page)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn the_spellings_of_the_python_command_lines_work() {
        let parses = |words: &str| Cli::try_parse_from(format!("btctl wallet {words}").split(' ')).is_ok();
        for good in [
            "new-coldkey --wallet.name a --n_words 24 --use-password --overwrite_coldkey",
            "new_coldkey --wallet-name a --no-use-password --crypto-type ed25519",
            "new-hotkey -w a -H h1 --n-words 12",
            "new_hotkey --wallet.name a --wallet.hotkey h1 --no_password --overwrite_hotkey",
            "regen-coldkey -w a --mnemonic --no-password",
            "regen_coldkey -w a --seed --secret-stdin --password-stdin",
            "regen-coldkey -w a -j keystore.json --native",
            "regen-hotkey -w a -H h1 --private-key --secret-file key",
            "regen_hotkey -w a --hotkey h1",
        ] {
            assert!(parses(good), "{good}");
        }
        for bad in [
            "new-coldkey --n-words 13",
            "new-coldkey --no-password --native",
            "regen-coldkey --mnemonic --seed",
            "regen-coldkey --json-path f --secret-stdin",
            "regen-coldkey --json-password x",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }

    #[test]
    fn words_are_shown_beside_the_data_never_in_it() {
        let reply: KeyWritten = serde_json::from_value(json!({
            "wallet": "alice", "key": { "hotkey": "h1" }, "scheme": "sr25519", "protection": "native",
            "address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
            "path": "/w/alice/hotkeys/h1", "kept": ["/w/alice/hotkeys.bak/h1.bak-1"], "mnemonic": "some words",
        }))
        .unwrap();
        let expected = "\
wallet      alice
key         hotkey h1
address     5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
scheme      sr25519
protection  native: no Python tool reads it
path        /w/alice/hotkeys/h1
kept        /w/alice/hotkeys.bak/h1.bak-1
";
        assert_eq!(written(&reply, Page::default()), expected);
        assert!(words_once("key", reply.mnemonic.as_ref().unwrap(), Page::default()).contains("    some words\n"));
        assert!(!format!("{reply:?}").contains("some words"));
    }
}
