//! What there is where something was not found: the names that could have been meant.

use std::{fmt, path::Path};

use btd_api::WalletName;

use super::listing;

/// More names than this are counted, not told.
const MOST: usize = 10;

/// The names beside what was looked for. Prints as the end of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nobody looked.
    NotLooked,
    /// The public half of the key, which signs nothing.
    PublicOnly,
    /// The wallet is there, with these hotkeys and perhaps a coldkey.
    Hotkeys(Vec<String>),
    /// The wallet is not there; these are.
    Wallets(Vec<String>),
}

impl Known {
    /// The names for a key that is not in the wallet at `dir`.
    pub(super) fn beside(dir: &Path) -> Self {
        if dir.is_dir() {
            let hotkeys = listing::hotkeys(&dir.join("hotkeys")).unwrap_or_default();
            return Self::Hotkeys(hotkeys.into_iter().map(|name| name.to_string()).collect());
        }
        dir.parent().map_or(Self::NotLooked, Self::wallets)
    }

    /// The wallets in `root`.
    pub(super) fn wallets(root: &Path) -> Self {
        let names = listing::names(root).unwrap_or_default();
        let is_wallet = |name: &String| name.parse::<WalletName>().is_ok() && root.join(name).is_dir();
        Self::Wallets(names.into_iter().filter(is_wallet).collect())
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, names) = match self {
            Self::NotLooked => return Ok(()),
            Self::PublicOnly => return f.write_str(": of this key only the public half is here, which can be watched"),
            Self::Hotkeys(names) if names.is_empty() => return f.write_str("; the wallet has no hotkeys"),
            Self::Wallets(names) if names.is_empty() => {
                return f.write_str("; there are no wallets yet: `btctl wallet create` makes one");
            }
            Self::Hotkeys(names) => ("the hotkeys of this wallet are", names),
            Self::Wallets(names) => ("the wallets are", names),
        };
        let told = names.len().min(MOST);
        write!(f, "; {what} {}", names[..told].join(", "))?;
        match names.len() - told {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_the_sentence() {
        let names = |count: usize| (0..count).map(|n| format!("w{n}")).collect::<Vec<_>>();
        assert_eq!(Known::NotLooked.to_string(), "");
        assert!(Known::PublicOnly.to_string().contains("only the public half"));
        assert_eq!(Known::Wallets(names(2)).to_string(), "; the wallets are w0, w1");
        assert_eq!(Known::Hotkeys(names(0)).to_string(), "; the wallet has no hotkeys");
        assert!(Known::Wallets(names(0)).to_string().contains("btctl wallet create"));
        assert!(Known::Hotkeys(names(12)).to_string().ends_with("w9 and 2 more"));
    }
}
