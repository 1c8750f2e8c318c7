//! Key files under another protection or password.

use std::cell::OnceCell;

use btd_api::{
    WalletName,
    wallet::{
        List, ListParams, Secret, WalletEntry,
        keyfiles::{
            Convert, ConvertParams, Converted, Inspect, InspectParams, KeyDetail, Protection, Update, UpdateParams,
        },
    },
};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::keys::{KeyArg, called};
use crate::{
    args::WalletArg,
    exit::Exit,
    failure::Failure,
    output::{Format, Page, facts::Facts},
    prompt::{PasswordArgs, SecretSource},
    session::{Reply, Session},
};

/// `btctl wallet convert`
#[derive(Args, Debug)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    key: KeyArg,
    /// How the file shall be protected
    #[arg(long, value_enum, ignore_case = true)]
    to: Target,
    #[command(flatten)]
    password: PasswordArgs,
    /// Give it a new password, and be asked for that: for a plain file this is what happens anyway
    #[arg(long, alias = "new_password")]
    new_password: bool,
    /// Read the new password from this open file descriptor
    #[arg(long, value_name = "N", alias = "new_password_fd")]
    new_password_fd: Option<u32>,
}

/// `btctl wallet update`
#[derive(Args, Debug)]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    key: KeyArg,
    /// Every key of this host whose encryption is an old one
    #[arg(long, conflicts_with_all = ["wallet", "hotkey"])]
    all: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

/// What a file can be converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// What every tool of the ecosystem reads
    Nacl,
    /// btd's own: stronger, and no Python tool reads it
    Native,
    /// No protection
    Plain,
    /// Weak, for tools from before 2024
    AnsibleVault,
}

impl From<Target> for Protection {
    fn from(target: Target) -> Self {
        match target {
            Target::Nacl => Self::Nacl,
            Target::Native => Self::Native,
            Target::Plain => Self::Plain,
            Target::AnsibleVault => Self::AnsibleVault,
        }
    }
}

/// A protection in words.
pub(crate) const fn protection_name(protection: Protection) -> &'static str {
    match protection {
        Protection::Plain => "plain",
        Protection::Nacl => "nacl",
        Protection::Native => "native: no Python tool reads it",
        Protection::AnsibleVault => "ansible-vault, which is weak",
        Protection::Fernet => "fernet, which is out of use",
    }
}

// === the commands ===

impl ConvertArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (wallet, key) = (self.wallet.resolve(&session.settings), self.key.resolve());
        // Whether there is a password now, the file tells.
        let now = super::inspect::detail(session, &wallet, &key).await?;
        let what = called(&wallet, &key);
        let encrypted = now.protection.is_some_and(|protection| protection != Protection::Plain);
        let source = if encrypted {
            Some(self.password.resolve_for(&session.settings, (&wallet, &key), &now.path)?)
        } else {
            None
        };
        let chooses = self.to != Target::Plain && (self.new_password || self.new_password_fd.is_some() || !encrypted);
        let new_source = match (chooses, self.new_password_fd) {
            (false, _) => None,
            (true, Some(number)) => Some(SecretSource::Descriptor(number)),
            // A plain file has one password to ask for only, so the usual flags mean that.
            (true, None) if !encrypted => {
                Some(self.password.resolve_for(&session.settings, (&wallet, &key), &now.path)?)
            }
            (true, None) => Some(SecretSource::person("the new password", "give it with --new-password-fd N")?),
        };
        let (to, chosen) = (self.to.into(), OnceCell::new());
        let convert = async |password| {
            // Chosen once, and after the first password was given, whichever of them is right.
            if let (None, Some(source)) = (chosen.get(), &new_source) {
                let _ = chosen.set(source.choose("New password: ")?);
            }
            let (wallet, key, new_password) = (wallet.clone(), key.clone(), chosen.get().cloned());
            session.call_deriving::<Convert>(&ConvertParams { to, password, new_password, wallet, key }).await
        };
        let reply = match source {
            Some(source) => {
                let question = format!("Password of the {what}: ");
                source.tried(&session.out, &question, async |password| convert(Some(password)).await).await?
            }
            None => convert(None).await?,
        };
        session.out.reply(&reply, converted).map(|()| Exit::Success)
    }
}

impl UpdateArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        if self.all {
            return self.run_all(session).await;
        }
        let (wallet, key) = (self.wallet.resolve(&session.settings), self.key.resolve());
        let now = super::detail(session, &wallet, &key).await?;
        let reply = renew(session, &self.password, wallet, now).await?;
        session.out.reply(&reply, converted).map(|()| Exit::Success)
    }

    async fn run_all(self, session: &Session) -> Result<Exit, Failure> {
        let wallets = session.call::<List>(&ListParams {}).await?.read()?.wallets;
        let mut renewed = Vec::new();
        let ended = self.renew_all(session, wallets, &mut renewed).await;
        // What was written before a failure is told all the same.
        match session.out.format() {
            _ if renewed.is_empty() && ended.is_err() => {}
            Format::Json => session.out.document(&json!(renewed).to_string())?,
            Format::Human if renewed.is_empty() => session.out.data("no key of this host has an old encryption")?,
            Format::Human => {
                let all: Vec<_> = renewed.iter().map(|one| converted(one, session.out.page())).collect();
                session.out.data(&all.join("\n"))?;
            }
        }
        ended.map(|()| Exit::Success)
    }

    /// One key after the other. What cannot be opened is left as it is and ends it with the first
    /// such failure, after the others.
    async fn renew_all(
        &self,
        session: &Session,
        wallets: Vec<WalletEntry>,
        renewed: &mut Vec<Converted>,
    ) -> Result<(), Failure> {
        let mut ended = Ok(());
        for wallet in wallets.into_iter().map(|wallet| wallet.name) {
            let keys = session.call::<Inspect>(&InspectParams { wallet: wallet.clone() }).await?.read()?.keys;
            for key in keys.into_iter().filter(is_old) {
                let what = called(&wallet, &key.key);
                match renew(session, &self.password, wallet.clone(), key).await {
                    Ok(reply) => renewed.push(reply.read()?),
                    // The daemon's answer is about this key; without one there is no going on.
                    Err(Failure::Api(error)) => {
                        session.out.warn(format_args!("left the {what} as it is: {error}"));
                        ended = ended.and(Err(error.into()));
                    }
                    Err(other) => return Err(other),
                }
            }
        }
        ended
    }
}

/// Whether the encryption of a key file is one that is replaced.
fn is_old(key: &KeyDetail) -> bool {
    matches!(key.protection, Some(Protection::AnsibleVault | Protection::Fernet))
}

/// Whether nothing will be asked of a key file but what it is: it is plain, or the daemon can tell without its password
/// that it is none to be replaced.
fn is_told(key: &KeyDetail) -> bool {
    match key.protection {
        Some(Protection::Plain) => true,
        Some(Protection::Nacl | Protection::Native) => key.address.is_some(),
        Some(Protection::AnsibleVault | Protection::Fernet) | None => false,
    }
}

/// Only what needs a password is asked for one.
async fn renew(
    session: &Session,
    password: &PasswordArgs,
    wallet: WalletName,
    now: KeyDetail,
) -> Result<Reply<Update>, Failure> {
    let update = async |password| {
        let (wallet, key) = (wallet.clone(), now.key.clone());
        session.call_deriving::<Update>(&UpdateParams { password, wallet, key }).await
    };
    if is_told(&now) {
        return update(Secret::new("")).await;
    }
    let source = password.resolve_for(&session.settings, (&wallet, &now.key), &now.path)?;
    source.tried(&session.out, &format!("Password of the {}: ", called(&wallet, &now.key)), update).await
}

fn converted(converted: &Converted, page: Page) -> String {
    if !converted.changed {
        let what = called(&converted.wallet, &converted.key);
        return format!("the {what} is {} already: nothing was written\n", protection_name(converted.to));
    }
    let mut facts = Facts::default();
    facts.add("key", called(&converted.wallet, &converted.key));
    facts.add("address", converted.address);
    facts.add("was", protection_name(converted.from));
    facts.add("is", protection_name(converted.to));
    facts.add("path", &converted.path);
    if let Some(kept) = &converted.kept {
        facts.add("kept", kept);
    }
    facts.render(page)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Cli;

    #[test]
    fn conversions_name_what_the_file_becomes() {
        let parses = |words: &str| Cli::try_parse_from(format!("btctl wallet {words}").split(' ')).is_ok();
        for good in [
            "convert --to native -w a",
            "convert --to nacl -w a -H h --password-stdin --new-password-fd 3",
            "convert --to ansible-vault",
            "update -w a --password-fd 4",
            "update --all",
        ] {
            assert!(parses(good), "{good}");
        }
        assert!(!parses("update --all -w a"));
        assert!(!parses("convert") && !parses("convert --to fernet") && !parses("convert --to native --password x"));
    }
}
