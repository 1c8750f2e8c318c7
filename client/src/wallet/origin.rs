//! What a key is restored from, read from where nobody else sees it.
//!
//! The flags of the Python command lines are known, but without their values: words, seeds and
//! private keys on the command line are in the shell's history and in every process listing. They
//! are asked for without echo, or read from standard input, a descriptor or a private file.

use std::path::PathBuf;

use btd_api::wallet::{Secret, keyfiles::Origin};
use clap::Args;

use crate::{failure::Failure, prompt::SecretSource};

/// Where the secret of a known key comes from. Without any of these it is asked for.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "What the key is restored from")]
pub(crate) struct OriginArgs {
    /// From its words; a path may follow them, as in `WORDS//0`
    #[arg(long, num_args = 0.., value_name = "", conflicts_with_all = ["seed", "private_key", "json_path"])]
    mnemonic: Option<Vec<String>>,
    /// From its seed, 64 hex digits
    #[arg(long, num_args = 0.., value_name = "", conflicts_with_all = ["private_key", "json_path"])]
    seed: Option<Vec<String>>,
    /// From its private key: 128 hex digits for sr25519, 64 for ed25519
    #[arg(long, num_args = 0.., value_name = "", alias = "private_key", conflicts_with = "json_path")]
    private_key: Option<Vec<String>>,
    /// From this polkadot.js keystore
    #[arg(long, short = 'j', value_name = "FILE", aliases = ["json_path", "keystore"], conflicts_with_all = ["secret_stdin", "secret_fd", "secret_file"])]
    json_path: Option<PathBuf>,
    /// Read the passphrase of the keystore from this open file descriptor
    #[arg(long, value_name = "N", alias = "json_password_fd", requires = "json_path")]
    json_password_fd: Option<u32>,
    /// Read words, seed or private key from the first line of standard input; with --password-stdin
    /// the password is the second
    #[arg(long, alias = "secret_stdin", conflicts_with_all = ["secret_fd", "secret_file"])]
    secret_stdin: bool,
    /// Read them from the first line of this open file descriptor
    #[arg(long, value_name = "N", alias = "secret_fd", conflicts_with = "secret_file")]
    secret_fd: Option<u32>,
    /// Read them from this file, which nobody else may be able to read
    #[arg(long, value_name = "FILE", alias = "secret_file")]
    secret_file: Option<PathBuf>,
}

const ON_THE_COMMAND_LINE: &str = "a secret stood on the command line, where every process of this host can read it: \
                                   nothing was done with it";

/// What the flags say that the secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Words,
    Seed,
    PrivateKey,
    /// Whatever it looks like.
    Unsaid,
}

/// A source that was decided on before anything is asked.
#[derive(Debug)]
pub(crate) enum OriginSource {
    Text(Kind, SecretSource),
    Keystore(PathBuf, SecretSource),
}

// === impl OriginArgs ===

impl OriginArgs {
    /// Decides where the secret is to be had.
    ///
    /// # Errors
    /// When it stands on the command line, or only a person could tell and there is none.
    pub(crate) fn resolve(self) -> Result<OriginSource, Failure> {
        let flags = [(&self.mnemonic, Kind::Words), (&self.seed, Kind::Seed), (&self.private_key, Kind::PrivateKey)];
        let said = flags.into_iter().find_map(|(values, kind)| values.as_ref().map(|values| (values, kind)));
        if said.is_some_and(|(values, _)| !values.is_empty()) {
            return Err(Failure::Usage {
                message: ON_THE_COMMAND_LINE.to_owned(),
                hint: Some("give the flag alone and you are asked, or pipe the secret in with --secret-stdin"),
            });
        }
        if let Some(path) = self.json_path {
            let source = match self.json_password_fd {
                Some(number) => SecretSource::Descriptor(number),
                None => SecretSource::person("the passphrase of the keystore", "give it with --json-password-fd N")?,
            };
            return Ok(OriginSource::Keystore(path, source));
        }
        let source = match (self.secret_stdin, self.secret_fd, self.secret_file) {
            (true, ..) => SecretSource::Stdin,
            (_, Some(number), _) => SecretSource::Descriptor(number),
            (.., Some(path)) => SecretSource::File(path),
            _ => SecretSource::person(
                "what the key is restored from",
                "give it with --secret-stdin, --secret-fd N or --secret-file FILE",
            )?,
        };
        Ok(OriginSource::Text(said.map_or(Kind::Unsaid, |(_, kind)| kind), source))
    }
}

// === impl OriginSource ===

impl OriginSource {
    /// Refuses what is left where it was read from; after all secrets of the command have been read.
    ///
    /// # Errors
    /// When there is more.
    pub(crate) fn ends_here(&self) -> Result<(), Failure> {
        let (Self::Text(_, source) | Self::Keystore(_, source)) = self;
        source.ends_here()
    }

    /// Reads it.
    pub(crate) fn read(&self) -> Result<Origin, Failure> {
        match self {
            Self::Keystore(path, passphrase) => {
                let json = SecretSource::whole_file(path)?;
                let passphrase = passphrase.read("Passphrase of the keystore: ")?;
                Ok(Origin::Keystore { json, passphrase })
            }
            Self::Text(kind, source) => {
                let question = match kind {
                    Kind::Words => "Words: ",
                    Kind::Seed => "Seed: ",
                    Kind::PrivateKey => "Private key: ",
                    Kind::Unsaid => "Words, seed or private key: ",
                };
                origin(*kind, source.read(question)?)
            }
        }
    }
}

/// The value of `--uri`, which stands on the command line: a path of the development phrase, never a
/// secret of one's own.
///
/// # Errors
/// When it holds words or a seed.
pub(super) fn development_uri(uri: Option<String>) -> Result<Option<Secret>, Failure> {
    let Some(text) = uri else { return Ok(None) };
    let phrase = text.split('/').next().unwrap_or_default().trim();
    let digits = phrase.strip_prefix("0x").unwrap_or(phrase);
    let is_seed = digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit());
    if phrase.contains(char::is_whitespace) || is_seed {
        return Err(Failure::Usage {
            message: ON_THE_COMMAND_LINE.to_owned(),
            hint: Some(
                "restore it with regen-coldkey or regen-hotkey, which take words with a path from --secret-stdin",
            ),
        });
    }
    Ok(Some(Secret::new(text)))
}

/// The secret as what it was said to be, or what it looks like. The daemon judges whether it is one.
fn origin(kind: Kind, secret: Secret) -> Result<Origin, Failure> {
    let kind = match kind {
        Kind::Unsaid => looks_like(secret.expose())?,
        said => said,
    };
    // No word and no seed has a stroke in it: what follows one is a path.
    if let Some((phrase, path)) = secret.expose().split_once('/').filter(|_| kind != Kind::PrivateKey) {
        let phrase = phrase.trim();
        if phrase.is_empty() {
            return Err(Failure::usage(
                "a path alone is one of the phrase that everyone knows: `wallet new-coldkey|new-hotkey --uri` makes such keys",
            ));
        }
        let is_bare_seed = phrase.len() == 64 && phrase.chars().all(|c| c.is_ascii_hexdigit());
        let prefix = if is_bare_seed { "0x" } else { "" };
        return Ok(Origin::Uri(Secret::new(format!("{prefix}{phrase}/{path}"))));
    }
    Ok(match kind {
        Kind::Words | Kind::Unsaid => Origin::Mnemonic { words: secret, derivation_password: None },
        Kind::Seed => Origin::Seed(secret),
        Kind::PrivateKey => Origin::PrivateKey(secret),
    })
}

fn looks_like(text: &str) -> Result<Kind, Failure> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let hex = digits.chars().all(|c| c.is_ascii_hexdigit());
    match digits.len() {
        64 if hex => Ok(Kind::Seed),
        128 if hex => Ok(Kind::PrivateKey),
        _ if text.contains(char::is_whitespace) || text.contains('/') => Ok(Kind::Words),
        _ => Err(Failure::usage(
            "what was given is neither words, nor a seed of 64 hex digits, nor a private key of 128",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_looks() {
        let looks = |text: &str| looks_like(text).ok();
        assert_eq!(looks("legal winner thank"), Some(Kind::Words));
        assert_eq!(looks(&"0f".repeat(32)), Some(Kind::Seed));
        assert_eq!(looks(&format!(" 0x{}\n", "0f".repeat(32))), Some(Kind::Seed));
        assert_eq!(looks(&"0f".repeat(64)), Some(Kind::PrivateKey));
        assert_eq!(looks("legal winner//0"), Some(Kind::Words));
        for text in ["", "legal", "0x12", &"0g".repeat(32)] {
            let failure = looks_like(text).unwrap_err().to_string();
            assert!(text.is_empty() || !failure.contains(text), "{failure}");
        }
    }

    #[test]
    fn words_and_seeds_may_have_a_path_and_no_flag_takes_them() {
        for (kind, text) in [(Kind::Words, "legal winner//0"), (Kind::Seed, "0x12//a")] {
            assert!(matches!(origin(kind, Secret::new(text)), Ok(Origin::Uri(_))), "{text}");
        }
        assert!(matches!(origin(Kind::Unsaid, Secret::new("legal winner")), Ok(Origin::Mnemonic { .. })));
        assert!(
            origin(Kind::Words, Secret::new("//Alice")).is_err() && origin(Kind::Unsaid, Secret::new("/a")).is_err()
        );
        let seed = format!("0x{}", "0f".repeat(32));
        let bare = Secret::new(format!("{}//0", &seed[2..]));
        assert_eq!(origin(Kind::Seed, bare).unwrap(), Origin::Uri(Secret::new(format!("{seed}//0"))));
        for text in ["legal winner", "legal winner//0", &seed, &format!("{seed}//0")] {
            let failure = development_uri(Some(text.to_owned())).unwrap_err().to_string();
            assert!(!failure.contains("legal") && !failure.contains("0f0f"), "{failure}");
        }
        assert_eq!(development_uri(Some("//Alice".to_owned())).unwrap().unwrap().expose(), "//Alice");
        assert_eq!(development_uri(None).unwrap(), None);
    }

    #[test]
    fn a_secret_on_the_command_line_is_not_used() {
        let words = Some(vec!["legal".to_owned(), "winner".to_owned()]);
        let failure =
            OriginArgs { mnemonic: words, secret_stdin: true, ..OriginArgs::default() }.resolve().unwrap_err();
        assert!(matches!(&failure, Failure::Usage { .. }) && !failure.to_string().contains("legal"), "{failure}");
        let source = OriginArgs { seed: Some(vec![]), secret_stdin: true, ..OriginArgs::default() }.resolve().unwrap();
        assert!(matches!(source, OriginSource::Text(Kind::Seed, SecretSource::Stdin)));
    }
}
