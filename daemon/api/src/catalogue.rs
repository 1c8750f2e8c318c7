//! What the chain's errors mean: a stable class for programs, and a remedy for people.
//!
//! Names are those of the runtimes (subtensor, from spec 103 to 425 and around it, and the pallets of
//! polkadot-sdk that it uses), which move less than indices do. A name that is not here is
//! [`Class::Unknown`]: the runtime's own documentation of it is shown all the same.

mod errors;

use std::fmt;

pub use self::errors::ALL;

/// Declares the classes with their names and meanings.
macro_rules! classes {
    ($($class:ident = $name:literal, $meaning:literal;)+) => {
        /// What kind of trouble an error of the chain is. Stable: programs may branch on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Class {
            $(#[doc = $meaning] $class,)+
        }

        impl Class {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$class),+];

            /// The stable name, `data.class` on the wire.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$class => $name,)+
                }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$class => $meaning,)+
                }
            }
        }
    };
}

classes! {
    InsufficientBalance = "insufficient_balance", "the account has too little free balance or stake";
    InsufficientLiquidity = "insufficient_liquidity", "the pool is too small, or its price too far away";
    RateLimited = "rate_limited", "done too often: it works again some blocks later";
    NotRegistered = "not_registered", "the hotkey has no place where it needs one";
    NotAuthorized = "not_authorized", "the signer is not whom the chain lets do this";
    AlreadyExists = "already_exists", "it is there, or was done, already";
    NotFound = "not_found", "the chain does not know it";
    SubnetNotExists = "subnet_not_exists", "there is no such subnet";
    SubtokenDisabled = "subtoken_disabled", "the subnet has not been started: its alpha is not traded";
    Disabled = "disabled", "switched off on this chain or subnet";
    TooEarly = "too_early", "it works from a later block on";
    Expired = "expired", "it came too late";
    LimitExceeded = "limit_exceeded", "more than the chain allows of it";
    InvalidArgument = "invalid_argument", "a value that the chain does not take";
    PolicyViolation = "policy_violation", "a rule of the account, of its proxy or of this daemon forbids it";
    Cancelled = "cancelled", "called off: it was taken back or declined, Ctrl-C ended it, or its deadline passed";
    Unavailable = "unavailable", "the chain, a peer or a part of btd does not answer now: it works again once that does";
    Internal = "internal", "a fault of the chain itself, or of btd";
    Unknown = "unknown", "an error that this btd does not know";
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error of the chain; [`ALL`] has those that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainError {
    /// Its name in the runtime, without the pallet.
    pub name: &'static str,
    /// What kind of trouble it is.
    pub class: Class,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What the runtime calls `InvalidTransaction::Custom(code)` (`CustomTransactionError` of subtensor, spec
/// 425; the numbers 0 to 27 and 255 are the same in later runtimes).
pub const fn validity(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "ColdkeyInSwapSchedule",
        1 => "StakeAmountTooLow",
        2 => "BalanceTooLow",
        3 => "SubnetNotExists",
        4 => "HotkeyAccountDoesntExist",
        5 => "NotEnoughStakeToWithdraw",
        6 => "RateLimitExceeded",
        7 => "InsufficientLiquidity",
        8 => "SlippageTooHigh",
        9 => "TransferDisallowed",
        10 => "HotKeyNotRegisteredInNetwork",
        11 => "InvalidIpAddress",
        12 => "ServingRateLimitExceeded",
        13 => "InvalidPort",
        14 => "ZeroMaxAmount",
        15 => "InvalidRevealRound",
        16 => "CommitNotFound",
        17 => "CommitBlockNotInRevealRange",
        18 => "InputLengthsUnequal",
        19 => "UidNotFound",
        20 => "EvmKeyAssociateRateLimitExceeded",
        21 => "ColdkeySwapDisputed",
        22 => "InvalidRealAccount",
        23 => "FailedShieldedTxParsing",
        24 => "InvalidShieldedTxPubKeyHash",
        25 => "NonAssociatedColdKey",
        26 => "DelegateTakeTooLow",
        27 => "DelegateTakeTooHigh",
        255 => "BadRequest",
        _ => return None,
    })
}

/// What a node's pool means by a JSON-RPC code of its own (`sc_rpc_api::author::error`). Of 1010, an invalid
/// extrinsic, only the words behind it tell.
pub const fn pool(code: i32) -> Option<&'static str> {
    Some(match code {
        1001 => "BadFormat",
        1011 => "Unknown",
        1012 => "Banned",
        1013 => "AlreadyImported",
        1014 => "TooLowPriority",
        1016 => "PoolFull",
        1021 => "Future",
        _ => return None,
    })
}

/// What a pool's code for an invalid extrinsic is: which error it is, the words behind it tell.
pub const INVALID: i32 = 1010;

/// The words of `sp_runtime::transaction_validity::InvalidTransaction` behind [`INVALID`], as they begin, each with its
/// error; `Custom error: N` goes by [`validity`].
pub const INVALID_WORDS: &[(&str, &str)] = &[
    ("Inability to pay some fees", "Payment"),
    ("Invalid signing address", "BadSigner"),
    ("Transaction call is not expected", "Call"),
    ("Transaction has a bad signature", "BadSignature"),
    ("Transaction has an ancient birth block", "AncientBirth"),
    ("Transaction is outdated", "Outdated"),
    ("Transaction will be valid in the future", "Future"),
    ("Transaction would exhaust the block limits", "ExhaustsResources"),
];

/// The error of that name, with or without its pallet.
pub fn find(name: &str) -> Option<&'static ChainError> {
    let bare = name.rsplit_once('.').map_or(name, |(_, bare)| bare);
    ALL.iter().find(|error| error.name == name).or_else(|| ALL.iter().find(|error| error.name == bare))
}

/// The class of the error of that name; [`Class::Unknown`] when it is not known.
pub fn class_of(name: &str) -> Class {
    find(name).map_or(Class::Unknown, |error| error.class)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_remedies_are_words_for_people() {
        let names: BTreeSet<&str> = ALL.iter().map(|error| error.name).collect();
        assert_eq!(names.len(), ALL.len());
        for error in ALL {
            assert!(!error.remedy.is_empty() && !error.remedy.ends_with('.'), "{}", error.name);
            assert_ne!(error.class, Class::Unknown, "{}", error.name);
        }
        let classes: BTreeSet<&str> = Class::ALL.iter().map(|class| class.name()).collect();
        assert_eq!(classes.len(), Class::ALL.len());
    }

    /// Pallets of the real runtime whose calls no command of this project makes.
    const FOREIGN: [&str; 5] = ["Contracts", "EVM", "Ethereum", "Grandpa", "LimitOrders"];

    #[test]
    fn every_error_of_the_real_runtime_that_can_come_back_has_a_class() {
        let surface = include_str!("../../devnet/runtime/tests/vectors/surface-425.txt");
        let errors = surface.lines().filter_map(|line| {
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next(), words.next(), words.next()) {
                (Some("pallet"), Some(pallet), Some("error"), Some(_), Some(name)) => Some((pallet, name)),
                _ => None,
            }
        });
        let errors: Vec<_> = errors.filter(|(pallet, _)| !FOREIGN.contains(pallet)).collect();
        assert!(errors.len() > 200, "{}", errors.len());
        let unknown: Vec<_> =
            errors.iter().filter(|(pallet, name)| find(&format!("{pallet}.{name}")).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        assert_eq!(class_of("Crowdloan.DepositCannotBeWithdrawn"), Class::PolicyViolation);
        assert_eq!(class_of("Triumvirate.DuplicateProposal"), Class::AlreadyExists);
    }

    #[test]
    fn errors_are_found_with_and_without_their_pallet() {
        assert_eq!(class_of("SubtensorModule.SlippageTooHigh"), Class::InsufficientLiquidity);
        assert_eq!(class_of("SlippageTooHigh"), Class::InsufficientLiquidity);
        assert_eq!(class_of("Token.FundsUnavailable"), Class::InsufficientBalance);
        assert_eq!(class_of("Brand.New"), Class::Unknown);
    }
}
