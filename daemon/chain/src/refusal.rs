//! Why a node's pool did not take an extrinsic, as a type.
//!
//! A node tells it with a JSON-RPC code (`sc_rpc_api::author::error`, from 1000 on) and, for
//! invalid extrinsics (1010), with the English of `sp_runtime::transaction_validity`: that text is
//! all there is, so it is matched here and nowhere else, and kept as it came. What the runtime's
//! own `Custom(n)` codes mean is in [`ValidityCode`].

use std::fmt;

use btd_api::catalogue;

/// A pool's no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (code {code}: {text})")]
pub struct PoolRefusal {
    /// The JSON-RPC code.
    pub code: i32,
    /// What it means.
    pub reason: RefusalReason,
    /// The node's own words.
    pub text: String,
}

/// What a pool's no means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RefusalReason {
    /// The nonce was used, or the era is over.
    #[error("its nonce was used already, or its era is over")]
    Outdated,
    /// The nonce is ahead of the account's.
    #[error("its nonce is ahead of the account's next one")]
    Future,
    /// The fee cannot be paid.
    #[error("the account cannot pay the fee")]
    Payment,
    /// The signature does not match the payload that the chain expects. Of an era that is over the chain takes the first
    /// block for another one, so this is what it says of such an extrinsic too.
    #[error("its signature does not match what the chain expects: its era may be over, or the runtime has changed")]
    BadSignature,
    /// The era began too long ago, or on another fork.
    #[error("its era began in a block that the chain no longer knows")]
    AncientBirth,
    /// It does not fit into a block.
    #[error("it would not fit into a block")]
    ExhaustsResources,
    /// The runtime does not take such a call from outside.
    #[error("the runtime does not take this call")]
    Call,
    /// The signer may not do this.
    #[error("this account may not sign this call")]
    BadSigner,
    /// A rule of the runtime, by its number.
    #[error("the runtime refuses it: {0}")]
    Custom(ValidityCode),
    /// The node could not judge it.
    #[error("the node could not judge it")]
    Unknown,
    /// The same extrinsic was refused or included a moment ago.
    #[error("the pool will not look at this extrinsic again for a while: it was refused or included a moment ago")]
    Banned,
    /// It is in the pool already.
    #[error("it is in the pool already")]
    AlreadyImported,
    /// Another extrinsic of the same nonce is in the pool, with no less priority.
    #[error("another extrinsic with this nonce is in the pool")]
    TooLowPriority,
    /// The pool is full.
    #[error("the pool is full")]
    PoolFull,
    /// The bytes are not an extrinsic of this runtime.
    #[error("the node cannot read it")]
    BadFormat,
    /// Anything else.
    #[error("it was refused")]
    Other,
}

// === impl PoolRefusal ===

impl PoolRefusal {
    /// Reads what the node said. `data` is the member of the same name of a JSON-RPC error.
    pub(crate) fn new(code: i32, message: &str, data: Option<&str>) -> Self {
        let detail = data.unwrap_or_default();
        let reason = match code {
            1001 => RefusalReason::BadFormat,
            1010 => invalid(detail).or_else(|| invalid(message)).unwrap_or(RefusalReason::Other),
            1011 => RefusalReason::Unknown,
            1012 => RefusalReason::Banned,
            1013 => RefusalReason::AlreadyImported,
            1014 => RefusalReason::TooLowPriority,
            1016 => RefusalReason::PoolFull,
            1021 => RefusalReason::Future,
            _ => RefusalReason::Other,
        };
        let text = if detail.is_empty() { message.to_owned() } else { format!("{message}: {detail}") };
        Self { code, reason, text }
    }
}

/// The texts of `InvalidTransaction`.
fn invalid(text: &str) -> Option<RefusalReason> {
    let lower = text.to_lowercase();
    if let Some((_, number)) = lower.split_once("custom error:") {
        return number.trim().parse().ok().map(|number| RefusalReason::Custom(ValidityCode(number)));
    }
    let known = [
        ("outdated", RefusalReason::Outdated),
        ("stale", RefusalReason::Outdated),
        ("in the future", RefusalReason::Future),
        ("inability to pay", RefusalReason::Payment),
        ("bad signature", RefusalReason::BadSignature),
        ("ancient birth", RefusalReason::AncientBirth),
        ("exhaust", RefusalReason::ExhaustsResources),
        ("call is not expected", RefusalReason::Call),
        ("invalid signing address", RefusalReason::BadSigner),
    ];
    known.into_iter().find(|(words, _)| lower.contains(words)).map(|(_, reason)| reason)
}

/// `InvalidTransaction::Custom(n)` of the subtensor runtime; [`catalogue::validity`] has their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValidityCode(pub u8);

// === impl ValidityCode ===

impl ValidityCode {
    /// The runtime's name of the rule, if it is a known one.
    pub const fn name(self) -> Option<&'static str> {
        catalogue::validity(self.0)
    }
}

impl fmt::Display for ValidityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "rule {}, which this btd does not know", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The errors as `sc-rpc-api` and `sp-runtime` word them.
    #[test]
    fn a_nodes_words_become_types() {
        for (code, data, reason) in [
            (1010, Some("Transaction is outdated"), RefusalReason::Outdated),
            (1010, Some("Transaction will be valid in the future"), RefusalReason::Future),
            (1010, Some("Inability to pay some fees (e.g. account balance too low)"), RefusalReason::Payment),
            (1010, Some("Transaction has a bad signature"), RefusalReason::BadSignature),
            (1010, Some("Transaction has an ancient birth block"), RefusalReason::AncientBirth),
            (1010, Some("Transaction would exhaust the block limits"), RefusalReason::ExhaustsResources),
            (1010, Some("Transaction call is not expected"), RefusalReason::Call),
            (1010, Some("Invalid signing address"), RefusalReason::BadSigner),
            (1010, Some("Custom error: 6"), RefusalReason::Custom(ValidityCode(6))),
            (1010, Some("something new"), RefusalReason::Other),
            (1012, None, RefusalReason::Banned),
            (1013, None, RefusalReason::AlreadyImported),
            (1014, Some("The transaction has too low priority"), RefusalReason::TooLowPriority),
            (1016, None, RefusalReason::PoolFull),
            (-32603, None, RefusalReason::Other),
        ] {
            assert_eq!(PoolRefusal::new(code, "Invalid Transaction", data).reason, reason, "{code} {data:?}");
        }
    }

    #[test]
    fn a_custom_code_is_said_by_name() {
        let refusal = PoolRefusal::new(1010, "Invalid Transaction", Some("Custom error: 10"));
        assert_eq!(
            refusal.to_string(),
            "the runtime refuses it: HotKeyNotRegisteredInNetwork (10) (code 1010: Invalid Transaction: Custom error: 10)"
        );
        assert!(ValidityCode(99).to_string().contains("99"));
        // Of an era that is over a node may say this alone.
        let signature = PoolRefusal::new(1010, "Invalid Transaction", Some("Transaction has a bad signature"));
        assert!(signature.to_string().contains("its era may be over"), "{signature}");
    }
}
