//! How a new key file is written: its password and protection, and what happens to one in the way.

use btd_api::wallet::{
    Existing, Secret,
    keyfiles::{FileOptions, Protection, Scheme},
};
use clap::{Args, ValueEnum};

use crate::{failure::Failure, prompt::PasswordArgs, session::Session};

/// Flags of every command that writes a key file.
#[derive(Args, Debug)]
pub(crate) struct FileArgs {
    #[command(flatten)]
    password: PasswordArgs,
    /// Write the key in plain text, without a password: usual for a hotkey
    #[arg(
        long,
        aliases = ["no_password", "no-use-password", "no_use_password"],
        conflicts_with_all = ["password_stdin", "password_fd", "use_password", "native"]
    )]
    no_password: bool,
    /// Encrypt the key with a password: usual for a coldkey
    #[arg(long, alias = "use_password")]
    use_password: bool,
    /// Encrypt it in btd's own format: stronger, and no Python tool reads it
    #[arg(long)]
    native: bool,
    /// Keep a copy of key files that are in the way, and write new ones
    #[arg(long, aliases = ["overwrite_coldkey", "overwrite-coldkey", "overwrite_hotkey", "overwrite-hotkey"], overrides_with = "overwrite")]
    overwrite: bool,
}

/// What a key file is like when no flag says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usually {
    Encrypted,
    Plain,
}

/// The scheme of a new key.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct SchemeArg {
    /// How it signs
    #[arg(long, value_enum, ignore_case = true, default_value_t, aliases = ["crypto-type", "crypto_type"])]
    pub(crate) scheme: SchemeName,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemeName {
    /// What keys are by default
    #[default]
    Sr25519,
    /// For hardware wallets, and for messages that only you can read
    Ed25519,
}

impl From<SchemeName> for Scheme {
    fn from(name: SchemeName) -> Self {
        match name {
            SchemeName::Sr25519 => Self::Sr25519,
            SchemeName::Ed25519 => Self::Ed25519,
        }
    }
}

/// A password that is still to be asked for.
#[derive(Debug)]
pub(crate) struct FilePlan {
    password: Option<crate::prompt::SecretSource>,
    native: bool,
    existing: Existing,
}

// === impl FileArgs ===

impl FileArgs {
    /// Decides what is to be asked, and whether it can be.
    ///
    /// # Errors
    /// When a password is needed, and nobody can be asked for it.
    pub(crate) fn resolve(&self, session: &Session, usually: Usually) -> Result<FilePlan, Failure> {
        let encrypts = self.use_password || self.native || self.password.is_given();
        let password = if encrypts || (usually == Usually::Encrypted && !self.no_password) {
            let source = self.password.resolve(&session.settings).map_err(|failure| match failure {
                Failure::NobodyToAsk { question, .. } => Failure::NobodyToAsk {
                    question,
                    hint: "give it with --password-stdin or --password-fd N, or write the key in plain text with --no-password",
                },
                other => other,
            })?;
            Some(source)
        } else {
            None
        };
        let existing = if self.overwrite { Existing::Replace } else { Existing::Keep };
        Ok(FilePlan { password, native: self.native, existing })
    }
}

// === impl FilePlan ===

impl FilePlan {
    /// Asks for the password, if there is to be one.
    pub(crate) fn choose(self, question: &str) -> Result<FileOptions, Failure> {
        let password: Option<Secret> = self.password.map(|source| source.choose(question)).transpose()?;
        let protection = match (&password, self.native) {
            (None, _) => Protection::Plain,
            (Some(_), true) => Protection::Native,
            (Some(_), false) => Protection::Nacl,
        };
        Ok(FileOptions { password, protection: Some(protection), existing: self.existing })
    }
}
