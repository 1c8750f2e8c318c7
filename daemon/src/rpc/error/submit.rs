//! Failures of what is signed and sent.

use btd_api::{ApiError, ErrorKind, catalogue::Class};

use super::Failure;
use crate::{
    journal::JournalError,
    submit::{Precondition, SubmissionError, until_final},
};

impl From<SubmissionError> for Failure {
    fn from(error: SubmissionError) -> Self {
        let message = error.to_string();
        let api = match error {
            SubmissionError::Read(error) => return error.into(),
            SubmissionError::Prepare(error) => return error.into(),
            SubmissionError::Precondition(error) => return error.into(),
            SubmissionError::Key(error) => return error.into(),
            SubmissionError::Journal(error) => return error.into(),
            SubmissionError::Sign(_) | SubmissionError::Kept { .. } => ApiError::new(ErrorKind::Internal, message),
            SubmissionError::DuplicateIntent { key } => {
                ApiError::new(ErrorKind::DuplicateIntent, message).with("idempotency_key", key)
            }
            SubmissionError::Refused { extrinsic, refused } => ApiError::new(ErrorKind::ExtrinsicInvalid, message)
                .about(&refused.name)
                .with("extrinsic", extrinsic.to_string())
                .with("code", refused.code)
                .with("name", refused.name),
            SubmissionError::Dispatch { extrinsic, block, error } => ApiError::new(ErrorKind::DispatchFailed, message)
                .about(&error.name)
                .with("module", error.pallet)
                .with("docs", error.docs)
                .with("extrinsic", extrinsic.to_string())
                .with("block", btd_api::chain::BlockRef { number: block.number, hash: block.hash })
                .with("final", true),
            SubmissionError::FailedSoFar { key, extrinsic, block, era_end, error } => {
                let failed = ApiError::new(ErrorKind::DispatchFailed, message)
                    .about(&error.name)
                    .with("remedy", until_final(key.as_ref(), &extrinsic))
                    .with("module", error.pallet)
                    .with("docs", error.docs)
                    .with("extrinsic", extrinsic.to_string())
                    .with("block", btd_api::chain::BlockRef { number: block.number, hash: block.hash })
                    .with("final", false)
                    .with("era_end", era_end);
                match key {
                    Some(key) => failed.with("idempotency_key", key),
                    None => failed,
                }
            }
            SubmissionError::Expired { extrinsic, until } => ApiError::new(ErrorKind::ExtrinsicInvalid, message)
                .about("EraEnded")
                .with("extrinsic", extrinsic.to_string())
                .with("name", "EraEnded")
                .with("era_end", until),
            SubmissionError::Unseen { extrinsic, block, index, .. } => {
                ApiError::new(ErrorKind::OutcomeUnknown, message)
                    .with("extrinsic", extrinsic.to_string())
                    .with("block", btd_api::chain::BlockRef { number: block.number, hash: block.hash })
                    .with("index", index)
            }
            SubmissionError::Unknown { extrinsic, era_end, .. } => ApiError::new(ErrorKind::OutcomeUnknown, message)
                .with("extrinsic", extrinsic.to_string())
                .with("era_end", era_end),
            SubmissionError::OtherChain { extrinsic, .. } => {
                ApiError::new(ErrorKind::OutcomeUnknown, message).with("extrinsic", extrinsic.to_string())
            }
            SubmissionError::Policy(refusal) => {
                ApiError::new(ErrorKind::PolicyRefused, message).with("rule", refusal.rule())
            }
            SubmissionError::Gone { what, instead, .. } => {
                ApiError::new(ErrorKind::NotOnThisRuntime, message).with("call", what).with("instead", instead)
            }
            SubmissionError::Untold { what, instead, .. } => {
                ApiError::new(ErrorKind::NotOnThisRuntime, message).with("item", what).with("instead", instead)
            }
            SubmissionError::Withdrawn(_) => ApiError::new(ErrorKind::Cancelled, message),
            SubmissionError::UnderWay { key } => {
                ApiError::new(ErrorKind::OutcomeUnknown, message).with("idempotency_key", key)
            }
            SubmissionError::NotResumed => ApiError::new(ErrorKind::WarmingUp, message),
        };
        Self(api)
    }
}

/// The name under which the chain itself would refuse; none of what never comes to it.
fn chain_name(error: &Precondition) -> Option<&'static str> {
    Some(match error {
        Precondition::Insufficient { .. } => "InsufficientBalance",
        Precondition::BelowDeposit { .. } => "ExistentialDeposit",
        Precondition::PriceAboveLimit { .. } => "RegistrationPriceLimitExceeded",
        Precondition::AlreadyRegistered { .. } => "HotKeyAlreadyRegisteredInSubNet",
        Precondition::Nothing => "AmountTooLow",
        Precondition::RegistrationClosed { .. } => "SubNetRegistrationDisabled",
        Precondition::Root => "RegistrationNotPermittedOnRootSubnet",
        Precondition::ForeignHotkey { .. } => "NonAssociatedColdKey",
        Precondition::NotRegistered { .. } => "HotKeyNotRegisteredInSubNet",
        Precondition::BadEndpoint { .. } => "InvalidIpAddress",
        Precondition::Foreseen { error: name, .. }
        | Precondition::NotThere { error: name, .. }
        | Precondition::NotYet { error: name, .. } => name,
        Precondition::Invalid { .. } | Precondition::Unchanged { .. } | Precondition::Waiting { .. } => return None,
        Precondition::NoSuchSubnet { .. } => "SubnetNotExists",
    })
}

impl From<Precondition> for Failure {
    fn from(error: Precondition) -> Self {
        let message = error.to_string();
        let kind = match &error {
            Precondition::Invalid { .. } => ErrorKind::InvalidParams,
            Precondition::NotThere { .. } | Precondition::NoSuchSubnet { .. } => ErrorKind::NotFound,
            Precondition::Insufficient { .. }
            | Precondition::BelowDeposit { .. }
            | Precondition::Nothing
            | Precondition::Unchanged { .. }
            | Precondition::PriceAboveLimit { .. }
            | Precondition::RegistrationClosed { .. }
            | Precondition::Root
            | Precondition::AlreadyRegistered { .. }
            | Precondition::ForeignHotkey { .. }
            | Precondition::NotRegistered { .. }
            | Precondition::BadEndpoint { .. }
            | Precondition::Foreseen { .. }
            | Precondition::NotYet { .. }
            | Precondition::Waiting { .. } => ErrorKind::Precondition,
        };
        let failed = ApiError::new(kind, message);
        let failed = match chain_name(&error) {
            Some(name) => failed.about(name),
            None => failed,
        };
        Self(match error {
            Precondition::Insufficient { needed, spendable, fee, held, .. } => {
                failed.with("needed", needed).with("spendable", spendable).with("fee", fee).with("must_stay", held)
            }
            Precondition::BelowDeposit { amount, deposit, .. } => {
                failed.with("amount", amount).with("existential_deposit", deposit)
            }
            Precondition::PriceAboveLimit { netuid, price, limit } => {
                failed.with("netuid", netuid).with("price", price).with("limit", limit)
            }
            Precondition::AlreadyRegistered { netuid, uid, .. } => failed.with("netuid", netuid).with("uid", uid),
            Precondition::RegistrationClosed { netuid }
            | Precondition::NotRegistered { netuid, .. }
            | Precondition::NoSuchSubnet { netuid } => failed.with("netuid", netuid),
            Precondition::Nothing
            | Precondition::Root
            | Precondition::ForeignHotkey { .. }
            | Precondition::BadEndpoint { .. }
            | Precondition::Foreseen { .. }
            | Precondition::NotThere { .. } => failed,
            // Whatever the chain calls it, waiting is the remedy.
            Precondition::NotYet { .. } => failed.with("class", Class::TooEarly.name()),
            Precondition::Waiting { remedy, from, .. } => {
                failed.with("class", Class::AlreadyExists.name()).with("remedy", remedy).with("executable_from", from)
            }
            Precondition::Invalid { parameter, .. } => failed.with("parameter", parameter),
            Precondition::Unchanged { .. } => failed
                .with("class", Class::AlreadyExists.name())
                .with("remedy", "it is as it shall be already: nothing is to be done"),
        })
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let message = error.to_string();
        let kind = match error {
            JournalError::Unsure { extrinsic, era_end, .. } => {
                let unknown = ApiError::new(ErrorKind::OutcomeUnknown, message);
                return Self(unknown.with("extrinsic", extrinsic.to_string()).with("era_end", era_end));
            }
            JournalError::Open { .. }
            | JournalError::InUse { .. }
            | JournalError::Damaged { .. }
            | JournalError::Newer { .. }
            | JournalError::Statement { .. } => ErrorKind::StorageFault,
            JournalError::NotPending { .. } => ErrorKind::Internal,
            JournalError::Interrupted => ErrorKind::ShuttingDown,
        };
        Self(ApiError::new(kind, message))
    }
}

#[cfg(test)]
mod tests {
    use btd_api::{AccountId, BlockHash, BlockNumber, NetUid, Tao, catalogue};
    use btd_chain::{BlockRef, DispatchError};
    use serde_json::{Value, json};

    use super::*;
    use crate::submit::{PolicyRefusal, Refused};

    fn told(error: impl Into<Failure>) -> Value {
        error.into().0.data
    }

    fn words(error: &'static str) -> Precondition {
        Precondition::Foreseen { error, words: "no".to_owned() }
    }

    /// One of each that no other test reaches, and what it is told as.
    #[test]
    fn what_is_foreseen_is_told_as_the_chain_would_tell_it() {
        let netuid = NetUid(3);
        let account = AccountId([1; 32]);
        let (needed, spendable, fee, held) = (Tao::from_rao(5), Tao::from_rao(4), Tao::from_rao(1), Tao::from_rao(500));
        for (error, kind, class, name) in [
            (
                Precondition::Insufficient { account, needed, spendable, fee, held },
                "PRECONDITION_FAILED",
                "insufficient_balance",
                "InsufficientBalance",
            ),
            (words("SlippageTooHigh"), "PRECONDITION_FAILED", "insufficient_liquidity", "SlippageTooHigh"),
            (Precondition::NoSuchSubnet { netuid }, "NOT_FOUND", "subnet_not_exists", "SubnetNotExists"),
            (
                Precondition::NotThere { error: "InvalidCrowdloanId", words: "no".to_owned() },
                "NOT_FOUND",
                "not_found",
                "InvalidCrowdloanId",
            ),
            (
                Precondition::NotYet { error: "TxRateLimitExceeded", words: "later".to_owned() },
                "PRECONDITION_FAILED",
                "too_early",
                "TxRateLimitExceeded",
            ),
        ] {
            let data = told(error);
            assert_eq!((&data["kind"], &data["class"], &data["error"]), (&kind.into(), &class.into(), &name.into()));
            assert!(data["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{data}");
        }
        // A parameter that only the runtime can read never comes to the chain.
        let data = told(Precondition::Invalid { parameter: "args", words: "no".to_owned() });
        assert_eq!((&data["class"], &data["parameter"]), (&"invalid_argument".into(), &"args".into()));
        assert!(data.get("error").is_none() && data["remedy"].is_string(), "{data}");
        // Nor does what would change nothing.
        let data = told(Precondition::Unchanged { words: "it stands".to_owned() });
        assert_eq!((&data["kind"], &data["class"]), (&"PRECONDITION_FAILED".into(), &"already_exists".into()));
        assert!(data.get("error").is_none() && data["remedy"].is_string(), "{data}");
        // What has to be done first has its own words, and programs find them apart from what waits.
        let (words, remedy) = ("the same waits".to_owned(), "make it from block 9 on".to_owned());
        let waiting = Precondition::Waiting { words, remedy, from: BlockNumber(9) };
        assert_eq!(waiting.to_string(), "the same waits: make it from block 9 on");
        let data = told(waiting);
        assert_eq!((&data["kind"], &data["class"]), (&"PRECONDITION_FAILED".into(), &"already_exists".into()));
        assert!(data.get("error").is_none() && data["remedy"] == "make it from block 9 on", "{data}");
        assert_eq!(data["executable_from"], 9, "{data}");
    }

    /// Whoever repeats such an order under its key gets this answer for ever: the remedy has to lead past the key.
    #[test]
    fn what_can_never_land_is_asked_for_again_under_a_new_key() {
        let extrinsic = [7; 32].into();
        let expired = told(SubmissionError::Expired { extrinsic, until: BlockNumber(9) });
        let refused = ["AncientBirth", "Outdated", "PoolFull", "TooLowPriority", "BadSignature", "BadFormat", "Banned"];
        let refused = refused.map(|name| {
            let refused = Refused { code: 1010, name: name.to_owned(), words: "no".to_owned() };
            told(SubmissionError::Refused { extrinsic, refused: Box::new(refused) })
        });
        for data in [expired].iter().chain(&refused) {
            assert_eq!(data["kind"], "EXTRINSIC_INVALID", "{data}");
            let remedy = data["remedy"].as_str().unwrap();
            assert!(remedy.contains("under a new idempotency key"), "{data}");
        }
        // The pool has another with the nonce: the next one is free, whatever is paid.
        assert!(!catalogue::find("TooLowPriority").unwrap().remedy.contains("--tip"));
    }

    #[test]
    fn a_rule_of_this_daemon_is_named() {
        let refused = PolicyRefusal::Call { call: "Sudo.sudo".to_owned() };
        let data = told(SubmissionError::Policy(refused));
        assert_eq!((&data["class"], &data["rule"]), (&"policy_violation".into(), &"submit.policy.refuse_calls".into()));
        assert!(data["remedy"].is_string(), "{data}");
    }

    /// What may be taken back is not over: what to do is to look, and by what.
    #[test]
    fn what_failed_in_a_block_that_is_not_final_is_to_be_looked_for() {
        let failed = |key: Option<&str>| SubmissionError::FailedSoFar {
            key: key.map(|key| key.parse().unwrap()),
            extrinsic: [7; 32].into(),
            block: BlockRef { number: BlockNumber(5), hash: BlockHash([5; 32]) },
            era_end: BlockNumber(64),
            error: Box::new(DispatchError {
                pallet: Some("SubtensorModule".to_owned()),
                name: "NotEnoughStakeToWithdraw".to_owned(),
                docs: String::new(),
            }),
        };
        let hash = format!("0x{}", "07".repeat(32));
        for (key, named) in [(Some("k1"), "--key k1"), (None, hash.as_str())] {
            let Failure(error) = failed(key).into();
            let look = format!("`btctl tx follow {named}`");
            assert!(error.remedy().is_some_and(|remedy| remedy.contains(&look)), "{error:?}");
            assert!(error.message.contains(&look) && error.message.contains("once that block is final"), "{error:?}");
            assert_eq!((&error.data["final"], &error.data["era_end"]), (&json!(false), &json!(64)));
            assert_eq!(
                (error.data.get("idempotency_key"), &error.data["extrinsic"]),
                (key.map(Value::from).as_ref(), &json!(hash))
            );
        }
    }
}
