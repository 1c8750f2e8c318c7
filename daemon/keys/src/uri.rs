//! Secret URIs: words, a `0x` seed, or nothing (the well-known development phrase), followed by
//! `/soft` and `//hard` junctions and perhaps `///password`.
//!
//! The texts accepted are exactly those of Substrate's own tools (`AddressUri` of sp-core), which the
//! tests compare. Taking them apart copies nothing: sp-core keeps the text in its errors.

use crate::{
    junction::{Junction, chain_code},
    mnemonic::Mnemonic,
    pair::{KeyError, KeyPair},
    scheme::Scheme,
    secret::{Password, Seed},
};

/// A secret URI taken apart.
pub(crate) struct Parsed {
    root: Root,
    junctions: Vec<Junction>,
}

enum Root {
    Seed(Seed),
    Words(Mnemonic, Option<Password>),
}

impl Parsed {
    /// The key at the end of the path; of words after 2048 rounds of PBKDF2.
    pub(crate) fn pair(&self, scheme: Scheme) -> Result<KeyPair, KeyError> {
        let seed = match &self.root {
            Root::Seed(seed) => seed,
            Root::Words(words, password) => &words.seed(password.as_ref()),
        };
        KeyPair::from_seed(scheme, seed).derive(&self.junctions)
    }

    /// Whether the key costs no stretching.
    pub(crate) fn is_quick(&self) -> bool {
        matches!(self.root, Root::Seed(_))
    }
}

/// Reads a text such as `//Alice`.
pub(crate) fn parse(text: &str) -> Result<Parsed, KeyError> {
    let parts = split(text).ok_or(KeyError::Uri)?;
    let root = if parts.phrase.starts_with("0x") {
        Root::Seed(Seed::from_hex(parts.phrase).ok_or(KeyError::Seed)?)
    } else {
        let phrase = if parts.phrase.is_empty() { DEVELOPMENT } else { parts.phrase };
        Root::Words(Mnemonic::parse(phrase)?, parts.password.map(Password::new))
    };
    Ok(Parsed { root, junctions: parts.junctions })
}

/// The words of every development chain.
const DEVELOPMENT: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

/// The parts of a text.
struct Parts<'t> {
    phrase: &'t str,
    junctions: Vec<Junction>,
    password: Option<&'t str>,
}

/// Takes `[phrase](/soft | //hard)*[///password]` apart.
fn split(text: &str) -> Option<Parts<'_>> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == ' ')).unwrap_or(text.len());
    let (phrase, mut rest) = text.split_at(end);
    let mut junctions = Vec::new();
    while !rest.is_empty() && !rest.starts_with("///") {
        let name_on = rest.strip_prefix("//").or_else(|| rest.strip_prefix('/'))?;
        let (name, after) = name_on.split_at(name_on.find('/').unwrap_or(name_on.len()));
        if name.is_empty() {
            return None;
        }
        let code = chain_code(name);
        junctions.push(if rest.starts_with("//") { Junction::Hard(code) } else { Junction::Soft(code) });
        rest = after;
    }
    let password = rest.strip_prefix("///");
    if password.is_some_and(|password| password.contains('\n')) {
        None
    } else {
        Some(Parts { phrase, junctions, password })
    }
}

/// The pair that `text` names.
pub(crate) fn pair(scheme: Scheme, text: &str) -> Result<KeyPair, KeyError> {
    parse(text)?.pair(scheme)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sp_core::crypto::{AddressUri, DeriveJunction};

    use super::*;

    /// What Substrate's own parser makes of it.
    fn theirs(text: &str) -> Option<(String, Vec<DeriveJunction>, Option<String>)> {
        let uri = AddressUri::parse(text).ok()?;
        let junctions = uri.paths.iter().map(DeriveJunction::from).collect();
        Some((uri.phrase.unwrap_or_default().to_owned(), junctions, uri.pass.map(str::to_owned)))
    }

    fn ours(text: &str) -> Option<(String, Vec<DeriveJunction>, Option<String>)> {
        let parts = split(text)?;
        let junctions = parts.junctions.iter().map(|junction| match junction {
            Junction::Soft(code) => DeriveJunction::Soft(*code),
            Junction::Hard(code) => DeriveJunction::Hard(*code),
        });
        Some((parts.phrase.to_owned(), junctions.collect(), parts.password.map(str::to_owned)))
    }

    #[test]
    fn odd_texts_come_apart_as_in_substrate() {
        for text in [
            "",
            "/",
            "//",
            "///",
            "////",
            "/a",
            "//a",
            "/a/",
            "/a//",
            "//a///",
            "//a///p/q",
            "a b//c/d///e",
            "ä",
            "a_b",
            "///p\n",
            "/a\nb",
            "//a///p\nq",
            "0x12//1/2",
            "/////",
            "//////",
            "a////b",
            " //a",
            "//a /b ",
        ] {
            assert_eq!(ours(text), theirs(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn texts_come_apart_as_in_substrate(text in "[a0 /+\nä]{0,12}") {
            prop_assert_eq!(ours(&text), theirs(&text));
        }
    }
}
