//! Signing something: first the plan, then a question, then the real call. The same for every
//! method that answers with a receipt.
//!
//! The plan is worked out by the daemon and shown as a card on standard error. The real call
//! carries a fresh idempotency key, so that a repetition with the same key can never act twice, and
//! what the plan binds itself to, so that nothing worse and nothing else is signed than was shown.

pub(crate) mod layout;
mod terms;
mod unlock;

use std::{
    fs::File,
    io::Read,
    time::{Duration, Instant},
};

use btd_api::{
    ApiError, BlockHash, ErrorKind, IdempotencyKey, Method,
    signing::{Manner, Receipted, Signing},
    tx::{Follow, FollowParams},
    wallet::{Outcome, Receipt, Wait},
};
use serde_json::{Map, Value};

pub(crate) use self::terms::Terms;
use self::{
    layout::{card, receipt},
    unlock::Way,
};
use crate::{
    exit::Exit,
    failure::Failure,
    interrupt,
    output::{Format, Page, text},
    prompt,
    session::{Reply, Session},
    settings::Consent,
};

/// Longer than an era of 64 blocks of 12 seconds, after which the outcome is known.
pub(crate) const SPEND: Duration = Duration::from_mins(20);

/// How a reply is laid out.
pub(crate) type Render<R> = fn(&R, Page) -> String;

/// How a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planning {
    /// From what is read of the chain.
    Reads,
    /// The same, and what is sent needs work that may take minutes; a person is told how long it has taken.
    Work,
}

/// What came of a wish.
#[derive(Debug)]
pub(crate) enum Settled<M> {
    /// It was planned only, as asked for.
    Planned(Reply<M>),
    /// It was handed to the daemon, under this key.
    Sent(Reply<M>, IdempotencyKey),
}

// === impl Settled ===

impl<M> Settled<M> {
    pub(crate) fn into_reply(self) -> Reply<M> {
        match self {
            Self::Planned(reply) | Self::Sent(reply, _) => reply,
        }
    }
}

/// Plans, asks, sends, and shows what became of it: the answer is the receipt alone.
///
/// # Errors
/// See [`spend`].
pub(crate) async fn sign<M>(session: &Session, params: M::Params, terms: Terms) -> Result<Exit, Failure>
where
    M: Method<Params: Signing + Clone, Reply = Receipt>,
{
    spend::<M>(session, params, terms, receipt).await
}

/// Plans, asks, sends, and shows what became of it as `render` lays it out.
///
/// # Errors
/// At once, before anything is asked of the daemon, when a question would come up and nobody can
/// answer it.
pub(crate) async fn spend<M>(
    session: &Session,
    params: M::Params,
    terms: Terms,
    render: Render<M::Reply>,
) -> Result<Exit, Failure>
where
    M: Method<Params: Signing + Clone, Reply: Receipted>,
{
    spend_after::<M>(session, params, terms, (Planning::Reads, render)).await
}

/// The same, for a plan that may take longer.
///
/// # Errors
/// See [`spend`].
pub(crate) async fn spend_after<M>(
    session: &Session,
    params: M::Params,
    terms: Terms,
    (planning, render): (Planning, Render<M::Reply>),
) -> Result<Exit, Failure>
where
    M: Method<Params: Signing + Clone, Reply: Receipted>,
{
    let settled = Box::pin(settle::<M>(session, params, terms, planning)).await?;
    show(session, &settled, render).map(|()| Exit::Success)
}

/// Shows what came of a wish: the card of a plan, what was sent as `render` lays it out, and how it is said
/// without a question.
pub(crate) fn show<M>(session: &Session, settled: &Settled<M>, render: Render<M::Reply>) -> Result<(), Failure>
where
    M: Method<Reply: Receipted>,
{
    match settled {
        Settled::Planned(reply) => session.out.reply(reply, |reply, page| card(&reply.receipt().plan, page)),
        Settled::Sent(reply, key) => {
            session.out.reply(reply, render).map_err(|cause| unshown(reply, key, cause))?;
            if session.settings.consent == Consent::Ask {
                session.tell_unasked_and_agreed();
            }
            Ok(())
        }
    }
}

/// What cannot be shown was done all the same: whoever does it again for that would do it twice.
fn unshown<M>(reply: &Reply<M>, key: &IdempotencyKey, cause: Failure) -> Failure
where
    M: Method<Reply: Receipted>,
{
    let extrinsic = reply.read().ok().and_then(|read| extrinsic(&read.receipt().outcome));
    Failure::Unshown { key: key.clone(), extrinsic, cause: Box::new(cause) }
}

/// The hash of what was signed.
const fn extrinsic(outcome: &Outcome) -> Option<BlockHash> {
    match outcome {
        Outcome::Planned => None,
        Outcome::Recorded { extrinsic, .. }
        | Outcome::Submitted { extrinsic, .. }
        | Outcome::InBlock { extrinsic, .. }
        | Outcome::Finalized { extrinsic, .. } => Some(*extrinsic),
    }
}

/// Plans, asks and sends; what came of it is still to be shown.
///
/// # Errors
/// See [`spend`].
pub(crate) async fn settle<M>(
    session: &Session,
    mut params: M::Params,
    terms: Terms,
    planning: Planning,
) -> Result<Settled<M>, Failure>
where
    M: Method<Params: Signing + Clone, Reply: Receipted>,
{
    if let Some(words) = terms.rounding() {
        session.out.note(words);
    }
    let manner = terms.manner();
    let asks = !manner.dry_run && session.settings.consent == Consent::Ask;
    if asks {
        prompt::require_person(
            "whether to go ahead",
            "--yes goes ahead without a question, --dry-run only shows the plan",
        )?;
    }
    if !manner.dry_run {
        session.require_what_is_asked_for().await?;
    }
    // A repetition of what was signed needs no key: then the daemon judges, here and below.
    let is_new = !manner.dry_run && manner.idempotency_key.is_none();
    let is_repeated = !manner.dry_run && manner.idempotency_key.is_some();
    // The plan is asked for under the same key as what is sent: what the daemon draws for the one it draws for the other.
    let key = match &manner.idempotency_key {
        Some(key) => key.clone(),
        None => fresh_key()?,
    };
    params.set_manner(Manner { dry_run: true, idempotency_key: Some(key.clone()), ..manner.clone() });
    let planned = match session.call::<M>(&params).await {
        Err(Failure::Api(error)) if is_repeated && may_have_landed(&error) => {
            // What was not signed under it would be signed by a plan that nobody has seen, should it be possible again.
            if session.settings.consent == Consent::Withheld || !is_recorded(session, &key, &error).await? {
                return Err(error.into());
            }
            if asks {
                session.out.show(|_| format!("its plan fails now: {}", text::visible(&error.message)));
                prompt::confirm("Repeat what may have been sent under this key?").await?;
            }
            return send::<M>(session, params, (manner, &key)).await.map(|reply| Settled::Sent(reply, key));
        }
        planned => planned?,
    };
    if manner.dry_run {
        return Ok(Settled::Planned(planned));
    }
    let reply = planned.read()?;
    let plan = &reply.receipt().plan;
    // A question, a password and the account's turn may lie between: by then prices have moved, and more is announced.
    let manner = Manner { bounds: plan.bounds.clone(), makes: plan.makes, ..manner };
    // What was signed under this key needs none, so that nothing wrong with a way to one stands before it.
    let way = match plan.locked.as_ref().filter(|_| is_new) {
        Some(key) => Some(Way::find(session, key).await?.ok_or_else(|| locked(key))?),
        None => None,
    };
    if session.settings.consent == Consent::Withheld {
        session.out.show(|page| card(plan, page));
        return Err(Failure::Declined);
    }
    if asks {
        session.out.show(|page| card(plan, page));
        prompt::confirm("Sign and send it?").await?;
    } else if session.out.format() == Format::Human {
        session.out.note(&plan.summary);
        for warning in &plan.warnings {
            session.out.warn(format!("warning: {warning}"));
        }
    }
    let send = async || {
        let sent = send::<M>(session, params.clone(), (manner.clone(), &key));
        match planning {
            Planning::Reads => sent.await,
            Planning::Work => counted(session, sent).await,
        }
    };
    if let Some(way) = way {
        let seconds = match planning {
            Planning::Reads => Some(unlock::AT_ONCE),
            // It is signed once the work is done.
            Planning::Work => None,
        };
        way.take(session, seconds).await?;
    }
    let sent = match send().await {
        // It locked itself before its turn came, or only the daemon knew whether it has to sign once more. Nothing was
        // signed, and under the same key nothing is signed twice.
        Err(failure) => match Way::after(session, &failure).await {
            Some(way) => {
                way.take(session, None).await?;
                send().await
            }
            None => Err(failure),
        },
        sent => sent,
    };
    sent.map(|reply| Settled::Sent(reply, key))
}

/// The refusal of what a locked key would have to sign.
fn locked(key: &str) -> Failure {
    let refusal = ApiError::locked(key);
    ApiError { message: format!("{}; nothing was signed", refusal.message), ..refusal }.into()
}

/// Waits for work, and tells a person every second how long it has taken.
async fn counted<T>(session: &Session, work: impl Future<Output = T>) -> T {
    if session.out.format() == Format::Json || !session.out.aside_is_seen() {
        return work.await;
    }
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let begun = Instant::now();
    tokio::pin!(work);
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            _ = seconds.tick() => session.out.overwrite(format!("working, {} s", begun.elapsed().as_secs())),
        }
    };
    session.out.overwrite("");
    done
}

async fn send<M>(
    session: &Session,
    mut params: M::Params,
    (manner, key): (Manner, &IdempotencyKey),
) -> Result<Reply<M>, Failure>
where
    M: Method<Params: Signing>,
{
    if session.out.format() == Format::Human && manner.wait == Wait::Finalized {
        session.out.note("waiting for a finalized block; Ctrl-C stops the waiting, not the extrinsic");
    }
    params.set_manner(Manner { idempotency_key: Some(key.clone()), ..manner });
    let limit = session.settings.timeout.unwrap_or(SPEND);
    seen(Box::pin(session.call_within::<M>(&params, limit)), key).await
}

/// Waits for what may be sent under a key, as long as nobody ends the waiting. Where it is not known then whether it was
/// sent, the key finds out.
async fn seen<T>(sending: impl Future<Output = Result<T, Failure>>, key: &IdempotencyKey) -> Result<T, Failure> {
    let ended = interrupt::until_given_up(sending).await;
    ended.map_err(|cause| {
        if outcome_is_unknown(&cause) { Failure::Unseen { key: key.clone(), cause: Box::new(cause) } } else { cause }
    })
}

/// Calls a method that signs by its name, under a key of its own where the parameters have none, and shows its answer.
///
/// # Errors
/// [`Failure::Unseen`] when it may have sent something and does not say so, [`Failure::Unshown`] when its answer cannot
/// be written.
pub(crate) async fn by_name(
    session: &Session,
    method: &str,
    params: &mut Map<String, Value>,
    show: impl FnOnce(&Reply<()>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stated = params.get("idempotency_key").filter(|key| !key.is_null());
    let key = match stated.map(|key| key.as_str().and_then(|key| key.parse().ok())) {
        Some(Some(key)) => key,
        // What is no key is the daemon's to refuse.
        Some(None) => return show(&session.call_by_name(method, params, SPEND).await?),
        None => fresh_key()?,
    };
    params.insert("idempotency_key".to_owned(), key.as_str().into());
    let reply = seen(Box::pin(session.call_by_name(method, params, SPEND)), &key).await?;
    show(&reply).map_err(|cause| Failure::Unshown { key, extrinsic: None, cause: Box::new(cause) })
}

/// Whether the daemon has signed something under a key, or has an order under it that comes to that. Then it looks that up,
/// or waits for it, and signs nothing beside it.
///
/// # Errors
/// [`Failure::Unseen`] where it does not say.
async fn is_recorded(session: &Session, key: &IdempotencyKey, planned: &ApiError) -> Result<bool, Failure> {
    let params = FollowParams { extrinsic: None, key: Some(key.clone()), wait: Wait::None };
    match session.call::<Follow>(&params).await {
        Ok(_) => Ok(true),
        // This call has sent nothing, and the daemon signs nothing before it reaches its chain.
        Err(Failure::Api(error))
            if planned.kind() == Some(ErrorKind::ChainUnavailable)
                && matches!(error.kind(), Some(ErrorKind::ChainUnavailable | ErrorKind::WarmingUp)) =>
        {
            Ok(false)
        }
        Err(failure) => is_known(failure).map_err(|cause| Failure::Unseen { key: key.clone(), cause: Box::new(cause) }),
    }
}

/// The same, by what came in place of a receipt; an error where that leaves it open. Only one answer says that nothing was
/// signed, and some say how what was signed has ended, or that it is not known yet.
fn is_known(failure: Failure) -> Result<bool, Failure> {
    match failure {
        Failure::Api(error) => match error.kind() {
            Some(ErrorKind::NotFound) => Ok(false),
            Some(ErrorKind::DispatchFailed | ErrorKind::ExtrinsicInvalid | ErrorKind::Cancelled) => Ok(true),
            // An order under it that waits is not signed yet, and may end without that.
            Some(ErrorKind::OutcomeUnknown) if error.data.get("extrinsic").is_some() => Ok(true),
            _ => {
                let message = format!("whether anything was signed under this key is not known: {}", error.message);
                Err(ApiError::new(ErrorKind::OutcomeUnknown, message).into())
            }
        },
        other => Err(other),
    }
}

/// Whether a plan can fail so because its wish came true before: then the journal knows what became of it. A new wish
/// fails in the same way as its plan.
fn may_have_landed(error: &ApiError) -> bool {
    // What fits no more after the first time is told as a wrong parameter in places. While the chain is away nothing can
    // be planned: what was signed before ([`is_recorded`]) is known all the same.
    let kinds = [ErrorKind::Precondition, ErrorKind::NotFound, ErrorKind::InvalidParams, ErrorKind::ChainUnavailable];
    error.kind().is_some_and(|kind| kinds.contains(&kind))
}

/// Whether the daemon may have sent what it was asked to, though it did not say so.
fn outcome_is_unknown(failure: &Failure) -> bool {
    match failure {
        Failure::Timeout { .. } | Failure::Lost { .. } | Failure::Interrupted => true,
        Failure::Api(error) => error.kind() == Some(ErrorKind::OutcomeUnknown),
        _ => false,
    }
}

/// 128 random bits in hex.
fn fresh_key() -> Result<IdempotencyKey, Failure> {
    let failed = |source| Failure::System { what: "random numbers", source };
    let mut bytes = [0; 16];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).map_err(failed)?;
    let text = format!("{:032x}", u128::from_be_bytes(bytes));
    text.parse().map_err(|error| failed(std::io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fresh() {
        let (one, two) = (fresh_key().unwrap(), fresh_key().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), 32);
    }

    #[test]
    fn what_fails_because_it_was_done_is_looked_up() {
        for (kind, expected) in [
            (ErrorKind::Precondition, true),
            (ErrorKind::NotFound, true),
            (ErrorKind::InvalidParams, true),
            (ErrorKind::ChainUnavailable, true),
            (ErrorKind::PolicyRefused, false),
            (ErrorKind::WarmingUp, false),
        ] {
            assert_eq!(may_have_landed(&ApiError::new(kind, "no")), expected, "{kind:?}");
        }
    }

    #[test]
    fn what_ended_badly_was_signed_all_the_same() {
        for kind in [ErrorKind::DispatchFailed, ErrorKind::ExtrinsicInvalid, ErrorKind::Cancelled] {
            assert!(is_known(ApiError::new(kind, "no").into()).unwrap(), "{kind:?}");
        }
        let unknown = || ApiError::new(ErrorKind::OutcomeUnknown, "no");
        assert!(is_known(unknown().with("extrinsic", "0x01").into()).unwrap());
        // One that waits may never be.
        assert_eq!(is_known(unknown().into()).unwrap_err().exit(), Exit::OutcomeUnknown);
        assert!(!is_known(ApiError::new(ErrorKind::NotFound, "no").into()).unwrap());
    }

    #[test]
    fn what_does_not_say_that_nothing_was_signed_leaves_it_open() {
        for kind in [ErrorKind::StorageFault, ErrorKind::Internal, ErrorKind::ShuttingDown, ErrorKind::ChainUnavailable]
        {
            let open = is_known(ApiError::new(kind, "no").into()).unwrap_err();
            assert_eq!(open.exit(), Exit::OutcomeUnknown, "{kind:?}");
        }
        for failure in [
            Failure::Lost { method: "tx_follow", reason: "closed".into() },
            Failure::Timeout { method: "tx_follow", limit: SPEND },
        ] {
            assert!(is_known(failure).is_err());
        }
    }

    #[test]
    fn only_what_may_have_been_sent_is_unknown() {
        let lost = Failure::Lost { method: "wallet_transfer", reason: "closed".into() };
        assert!(outcome_is_unknown(&lost) && outcome_is_unknown(&Failure::Interrupted));
        let refused = ApiError::new(ErrorKind::Precondition, "too little");
        assert!(!outcome_is_unknown(&Failure::Api(refused)));
    }
}
