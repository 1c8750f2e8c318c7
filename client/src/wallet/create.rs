//! Creating a wallet. The mnemonics are shown once, on the terminal, and nowhere else: where there
//! is none, nothing is created unless they are asked for by name.

use btd_api::wallet::{Create, CreateParams, Created, Existing, Secret};
use clap::Args;

use crate::{
    args::{HotkeyArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{Format, Page, facts::Facts},
    prompt::PasswordArgs,
    session::Session,
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
    #[command(flatten)]
    password: PasswordArgs,
    /// Write the coldkey in plain text, for development
    #[arg(
        long,
        aliases = ["no_password", "no-use-password"],
        conflicts_with_all = ["password_stdin", "password_fd", "use_password"]
    )]
    no_password: bool,
    /// Encrypt the coldkey, as is usual
    #[arg(long, alias = "use_password", hide = true)]
    use_password: bool,
    /// Make both keys from a secret URI such as `//Alice`, without a password unless one is given; for
    /// development: others see the command line
    #[arg(long)]
    uri: Option<String>,
    /// Keep a copy of key files that are in the way, and write new ones
    #[arg(long, aliases = ["overwrite_coldkey", "overwrite-coldkey", "overwrite_hotkey", "overwrite-hotkey"])]
    overwrite: bool,
    /// Show the mnemonics even where there is no terminal: with --json in the answer
    #[arg(long, alias = "show_mnemonic")]
    show_mnemonic: bool,
}

fn words(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(count @ (12 | 15 | 18 | 21 | 24)) => Ok(count),
        _ => Err("a mnemonic has 12, 15, 18, 21 or 24 words".to_owned()),
    }
}

// === impl CreateArgs ===

impl CreateArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let makes_mnemonics = self.uri.is_none();
        let json = session.out.format() == Format::Json;
        if makes_mnemonics && !self.show_mnemonic && (json || !session.out.aside_is_seen()) {
            return Err(Failure::Usage {
                message: "the mnemonics would be lost: they are shown once, and only on a terminal".to_owned(),
                hint: Some("add --show-mnemonic to have them in the output, and keep that output secret"),
            });
        }
        let password = if self.no_password || (self.uri.is_some() && !self.password.is_given() && !self.use_password) {
            None
        } else {
            let source = self.password.resolve(&session.settings).map_err(|failure| match failure {
                Failure::NobodyToAsk { question, .. } => Failure::NobodyToAsk {
                    question,
                    hint: "give it with --password-stdin or --password-fd N, or write the coldkey in plain text with --no-password",
                },
                other => other,
            })?;
            Some(source.choose("Password for the new coldkey: ")?)
        };
        let params = CreateParams {
            wallet: self.wallet.resolve(&session.settings),
            hotkey: self.hotkey.resolve(&session.settings),
            words: Some(self.words),
            plain: password.is_none(),
            password,
            uri: self.uri.map(Secret::new),
            existing: if self.overwrite { Existing::Replace } else { Existing::Keep },
        };
        let reply = session.call::<Create>(&params).await?;
        if !json {
            let created = reply.read()?;
            session.out.show(|page| mnemonics(&created, page));
        }
        session.out.reply(&reply, render).map(|()| Exit::Success)
    }
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
    facts.add("hotkey", format!("{} ({})", created.hotkey, created.hotkey_name));
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
        ] {
            assert!(parses(good), "{good}");
        }
        for bad in ["--n-words 13", "--wallet ../x", "--no-password --password-stdin", "--password secret"] {
            assert!(!parses(bad), "{bad}");
        }
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
