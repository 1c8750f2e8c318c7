//! English BIP-39 phrases and the seed that Substrate makes of them.
//!
//! Substrate stretches the *entropy* behind the words, not their text as BIP-39 says: the salt is
//! `mnemonic` and the derivation password, and the first 32 of the 64 bytes are the seed. The same
//! seed serves both schemes.

use std::fmt;

use bip39::Language;
use crypto_secretbox::aead::{OsRng, rand_core::RngCore};
use hmac::Hmac;
use sha2::Sha512;
use zeroize::Zeroizing;

use crate::{
    pair::KeyError,
    secret::{Password, Seed},
};

/// How many words a new mnemonic has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WordCount {
    /// 128 bits of entropy, what the ecosystem's tools create.
    #[default]
    Twelve = 12,
    /// 160 bits.
    Fifteen = 15,
    /// 192 bits.
    Eighteen = 18,
    /// 224 bits.
    TwentyOne = 21,
    /// 256 bits.
    TwentyFour = 24,
}

impl TryFrom<u8> for WordCount {
    type Error = KeyError;

    fn try_from(words: u8) -> Result<Self, KeyError> {
        Ok(match words {
            12 => Self::Twelve,
            15 => Self::Fifteen,
            18 => Self::Eighteen,
            21 => Self::TwentyOne,
            24 => Self::TwentyFour,
            _ => return Err(KeyError::WordCount(usize::from(words))),
        })
    }
}

/// A phrase of 12 to 24 English words with a valid checksum.
#[derive(Clone)]
pub struct Mnemonic(Box<bip39::Mnemonic>);

// === impl Mnemonic ===

impl Mnemonic {
    /// A new phrase from the operating system's randomness.
    pub fn generate(words: WordCount) -> Self {
        // Three words carry 32 bits of entropy and one of checksum.
        let bytes = words as usize / 3 * 4;
        let mut entropy = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut entropy[..bytes]);
        #[expect(clippy::expect_used, reason = "16, 20, 24, 28 and 32 bytes are the lengths that BIP-39 defines")]
        Self(Box::new(
            bip39::Mnemonic::from_entropy_in(Language::English, &entropy[..bytes]).expect("a defined length"),
        ))
    }

    /// Reads lower-case English words separated by any white space.
    pub fn parse(phrase: &str) -> Result<Self, KeyError> {
        let mut words = Zeroizing::new(String::with_capacity(phrase.len()));
        for word in phrase.split_whitespace() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
        bip39::Mnemonic::parse_in_normalized(Language::English, &words).map(|parsed| Self(Box::new(parsed))).map_err(
            |error| match error {
                bip39::Error::BadWordCount(count) => KeyError::WordCount(count),
                bip39::Error::UnknownWord(index) => KeyError::UnknownWord(index + 1),
                // The last two cannot come of words in a given language.
                bip39::Error::InvalidChecksum
                | bip39::Error::BadEntropyBitCount(_)
                | bip39::Error::AmbiguousLanguages(_) => KeyError::Checksum,
            },
        )
    }

    /// The words, separated by one space: to be stored encrypted or shown once, never logged.
    pub fn expose(&self) -> Zeroizing<String> {
        // The longest of the 2048 words has eight letters.
        let mut phrase = Zeroizing::new(String::with_capacity(self.0.word_count() * 9));
        for word in self.0.words() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// The seed of this phrase under a derivation password (which is not the password of a file).
    pub fn seed(&self, derivation: Option<&Password>) -> Seed {
        let (entropy, length) = self.0.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let mut salt = Zeroizing::new(b"mnemonic".to_vec());
        if let Some(password) = derivation {
            salt.reserve_exact(password.as_bytes().len());
            salt.extend_from_slice(password.as_bytes());
        }
        let mut seed = Zeroizing::new([0; 32]);
        // The first 32 bytes of PBKDF2's output do not depend on how many more are asked for.
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        pbkdf2::pbkdf2::<Hmac<Sha512>>(&entropy[..length], &salt, 2048, seed.as_mut_slice())
            .expect("a key of any length");
        Seed::new(*seed)
    }
}

impl fmt::Debug for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mnemonic({} words)", self.0.word_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_phrases_have_the_words_asked_for_and_read_back() {
        for words in [12, 15, 18, 21, 24] {
            let mnemonic = Mnemonic::generate(WordCount::try_from(words).unwrap());
            let phrase = mnemonic.expose();
            assert_eq!(phrase.split(' ').count(), usize::from(words));
            assert_eq!(*Mnemonic::parse(&phrase).unwrap().expose(), *phrase);
            assert_ne!(*Mnemonic::generate(WordCount::try_from(words).unwrap()).expose(), *phrase);
            assert!(!format!("{mnemonic:?}").contains(phrase.split(' ').next().unwrap()));
        }
    }

    #[test]
    fn a_wrong_phrase_says_what_is_wrong_without_its_words() {
        let good = "legal winner thank year wave sausage worth useful legal winner thank yellow";
        assert!(Mnemonic::parse(&good.replace(' ', " \n\t ")).is_ok());
        assert!(matches!(Mnemonic::parse(&good.to_uppercase()), Err(KeyError::UnknownWord(1))));
        assert!(matches!(Mnemonic::parse(&good.replace("wave", "wavy")), Err(KeyError::UnknownWord(5))));
        assert!(matches!(Mnemonic::parse(&good.replace("wave", "zoo")), Err(KeyError::Checksum)));
        assert!(matches!(Mnemonic::parse("legal winner"), Err(KeyError::WordCount(2))));
        assert!(matches!(Mnemonic::parse(""), Err(KeyError::WordCount(0))));
    }
}
