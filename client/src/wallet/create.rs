//! Creating a wallet. The mnemonics are shown once, on the terminal, and nowhere else: where there
//! is none, nothing is created unless they are asked for by name.

use btd_api::wallet::{Create, CreateParams, Created};
use clap::Args;

use crate::{
    args::{HotkeyArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{Format, Page, facts::Facts},
    session::Session,
};

use super::{
    file::{FileArgs, SchemeName, Usually},
    origin::development_uri,
};

/// `btctl wallet create`
#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    /// How many words each mnemonic has: 12, 15, 18, 21 or 24
    #[arg(long = "n-words", value_name = "N", default_value_t = 12, value_parser = words, visible_alias = "words", alias = "n_words")]
    words: u8,
    /// How the coldkey signs
    #[arg(long, value_enum, ignore_case = true, default_value_t, aliases = ["crypto-type", "crypto_type", "coldkey-crypto-type", "coldkey_crypto_type"])]
    scheme: SchemeName,
    /// How the hotkey signs; axons of the SDKs verify sr25519 only
    #[arg(long, value_enum, ignore_case = true, default_value_t, aliases = ["hotkey-crypto-type", "hotkey_crypto_type", "hotkey_scheme"])]
    hotkey_scheme: SchemeName,
    #[command(flatten)]
    file: FileArgs,
    /// Make both keys from a secret URI such as `//Alice`, without a password unless one is given; for
    /// development: others see the command line
    #[arg(long)]
    uri: Option<String>,
    /// Show the mnemonics even where there is no terminal: with --json in the answer
    #[arg(long, alias = "show_mnemonic")]
    show_mnemonic: bool,
}

pub(super) fn words(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(count @ (12 | 15 | 18 | 21 | 24)) => Ok(count),
        _ => Err("a mnemonic has 12, 15, 18, 21 or 24 words".to_owned()),
    }
}

// === impl CreateArgs ===

impl CreateArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let uri = development_uri(self.uri)?;
        asked_for_by_name(session, uri.is_none(), self.show_mnemonic)?;
        let usually = if uri.is_some() { Usually::Plain } else { Usually::Encrypted };
        let file = self.file.resolve(session, usually)?.choose("Password for the new coldkey: ")?;
        let params = CreateParams {
            wallet: self.wallet.resolve(&session.settings),
            hotkey: self.hotkey.resolve(&session.settings),
            words: Some(self.words),
            plain: file.password.is_none(),
            protection: file.protection,
            password: file.password,
            uri,
            scheme: self.scheme.into(),
            hotkey_scheme: self.hotkey_scheme.into(),
            existing: file.existing,
        };
        let reply = session.call_deriving::<Create>(&params).await?;
        let created = reply.read()?;
        if session.out.format() == Format::Human {
            session.out.show(|page| mnemonics(&created, page));
        }
        session.out.reply(&reply, render)?;
        Ok(if created.hotkey_problem.is_none() { Exit::Success } else { Exit::Failure })
    }
}

/// Refuses to make a key whose words nobody would see: they are shown once, on a terminal, or in
/// the output where somebody asked for them by name.
pub(super) fn asked_for_by_name(session: &Session, makes_words: bool, asked: bool) -> Result<(), Failure> {
    let seen = session.out.format() == Format::Human && session.out.aside_is_seen();
    if !makes_words || asked || seen {
        return Ok(());
    }
    Err(Failure::Usage {
        message: "the mnemonic would be lost: it is shown once, and only on a terminal".to_owned(),
        hint: Some("add --show-mnemonic to have it in the output, and keep that output secret"),
    })
}

fn mnemonics(created: &Created, page: Page) -> String {
    let named = [("coldkey", &created.coldkey_mnemonic), ("hotkey", &created.hotkey_mnemonic)];
    let mut parts = Vec::new();
    for (name, mnemonic) in named {
        if let Some(mnemonic) = mnemonic {
            parts.push(format!("The words that restore the {name}:\n\n    {}\n", mnemonic.expose()));
        }
    }
    parts.push(page.warn(if parts.is_empty() {
        "warning: these keys come from a URI that others may know; for development only"
    } else {
        "Write them down now. They are shown once, and whoever has them has the keys."
    }));
    parts.join("\n") + "\n"
}

fn render(created: &Created, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("wallet", &created.wallet);
    facts.add("path", &created.path);
    facts.add("coldkey", created.coldkey);
    match (&created.hotkey, &created.hotkey_problem) {
        (Some(hotkey), _) => facts.add("hotkey", format!("{hotkey} ({})", created.hotkey_name)),
        (None, problem) => {
            let why = problem.as_deref().unwrap_or("unknown");
            facts.add("hotkey", format!("{} could not be written: {why}", created.hotkey_name));
        }
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
        let parses = |words: &str| Cli::try_parse_from(format!("btctl wallet create {words}").split(' ')).is_ok();
        for good in [
            "--wallet.name alice --wallet.hotkey default --no_password",
            "--wallet-name alice --wallet-hotkey m1 --n-words 24 --overwrite",
            "-w alice -H m1 --n_words 12 --use-password",
            "--wallet alice --hotkey m1 --uri //Alice --no-use-password",
            "--coldkey-crypto-type ed25519 --hotkey-crypto-type sr25519",
            "--crypto-type ed25519 --hotkey-scheme ed25519",
        ] {
            assert!(parses(good), "{good}");
        }
        for bad in ["--n-words 13", "--wallet ../x", "--no-password --password-stdin", "--password secret"] {
            assert!(!parses(bad), "{bad}");
        }
    }

    #[test]
    fn the_words_of_a_coldkey_are_shown_also_when_its_hotkey_failed() {
        let created: Created = serde_json::from_value(json!({
            "wallet": "alice", "path": "/w/alice", "hotkey_name": "default", "hotkey": null,
            "coldkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
            "hotkey_problem": "the disk is full", "coldkey_mnemonic": "cold words", "hotkey_mnemonic": null,
        }))
        .unwrap();
        assert!(mnemonics(&created, Page::default()).contains("cold words"));
        assert!(render(&created, Page::default()).contains("default could not be written: the disk is full"));
    }

    #[test]
    fn mnemonics_are_shown_beside_the_data_never_in_it() {
        let created: Created = serde_json::from_value(json!({
            "wallet": "alice", "path": "/w/alice", "hotkey_name": "default",
            "coldkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
            "hotkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
            "coldkey_mnemonic": "cold words", "hotkey_mnemonic": "hot words",
        }))
        .unwrap();
        let aside = mnemonics(&created, Page::default());
        assert!(aside.contains("cold words") && aside.contains("hot words"), "{aside}");
        let expected = "\
wallet   alice
path     /w/alice
coldkey  5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
hotkey   5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty (default)
";
        assert_eq!(render(&created, Page::default()), expected);
        assert!(!format!("{created:?}").contains("cold words"));
    }
}
