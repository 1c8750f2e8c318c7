//! One question to the daemon: connect to its unix socket, call, read the answer.
//!
//! Every call has its own connection and a deadline. Retries are not made here: what may be asked
//! again is for the caller to know.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    io,
    marker::PhantomData,
    path::Path,
    time::Duration,
};

use btd_api::{
    ApiError, Method, Role, Subscription,
    chain::Status,
    rpc::Nothing,
    wallet::{List, ListParams},
};
use jsonrpsee_client_transport::ws::WsHandshakeError;
use jsonrpsee_core::{
    client::{ClientT, Error, Subscription as Feed, SubscriptionClientT},
    traits::ToRpcParams,
};
use jsonrpsee_ws_client::{WsClient, WsClientBuilder};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::net::UnixStream;

use crate::{
    args,
    failure::Failure,
    interrupt,
    network::{Asked, Purpose},
    output::{Format, Output, text},
    prompt,
    settings::{Consent, Settings},
    wallets,
};

/// How long a read may take, unless `--timeout` says otherwise.
pub(crate) const READ: Duration = Duration::from_secs(30);
/// The same, where keys are derived from passwords.
const DERIVE: Duration = Duration::from_mins(15);
/// How long the socket may take to answer at all.
const CONNECT: Duration = Duration::from_secs(10);
/// The largest answer taken: a full matrix of 4096 neurons stays well below.
const LARGEST_ANSWER: u32 = 256 << 20;

/// What a command runs with: the settings, the way to the daemon, and the way out.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) out: Output,
    /// The command line, and what was answered to questions since, as flags.
    words: RefCell<Vec<String>>,
    /// Whether the command that asks nothing is still to be told.
    is_to_tell: Cell<bool>,
    /// Whether the network that is asked for was compared with the daemon's.
    has_heeded: Cell<bool>,
    /// For what the directory of wallets was.
    heeded_wallets: Cell<Option<Purpose>>,
    /// Whether the command is about wallets, once that was asked.
    is_about_wallets: Cell<Option<bool>>,
}

/// An answer as the daemon wrote it, and what it should be.
#[derive(Debug)]
pub(crate) struct Reply<M> {
    text: Box<RawValue>,
    method: PhantomData<M>,
}

/// A running subscription. Dropping it ends it.
pub(crate) struct Following<S> {
    feed: Feed<Box<RawValue>>,
    // The feed ends with the client.
    _client: WsClient,
    subscription: PhantomData<S>,
}

/// Parameters already in their final form.
struct Params(Box<RawValue>);

impl ToRpcParams for Params {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        Ok(Some(self.0))
    }
}

/// A field that is asked for.
pub(crate) struct Field<'f> {
    /// The flag that says it without a question.
    pub(crate) flag: &'static str,
    pub(crate) question: &'static str,
    /// What it says now.
    pub(crate) now: &'f str,
    /// What it shall say; none leaves it as it is.
    pub(crate) said: &'f mut Option<String>,
}

/// What a line says that is typed where something says `now`; none leaves that as it is.
fn answer_of<'l>(line: &'l str, now: &str) -> Option<&'l str> {
    let answer = line.trim();
    let is_blank = answer.is_empty() && !line.trim_end_matches(['\r', '\n']).is_empty();
    (!answer.is_empty() || is_blank && !now.is_empty()).then_some(answer)
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''")).into()
}

// === impl Session ===

impl Session {
    /// `words` is the command line behind the program's name.
    pub(crate) fn new(settings: Settings, out: Output, words: Vec<String>) -> Self {
        Self {
            settings,
            out,
            words: RefCell::new(words),
            is_to_tell: Cell::new(false),
            has_heeded: Cell::new(false),
            heeded_wallets: Cell::new(None),
            is_about_wallets: Cell::new(None),
        }
    }

    /// Notes what somebody answered to a question, and with which flag nobody would have been asked.
    pub(crate) fn answered(&self, flag: &str, value: &str) {
        self.words.borrow_mut().extend([flag.to_owned(), value.to_owned()]);
        self.was_asked();
    }

    /// Notes that something was asked whose answer is among the words.
    pub(crate) fn was_asked(&self) {
        self.is_to_tell.set(true);
    }

    /// Asks a person for what a command can do with or without; none where nobody can be asked, or a program
    /// typed the command, as for values that a command lacks.
    ///
    /// # Errors
    /// When the person gives up.
    pub(crate) async fn ask(&self, question: &str) -> Result<Option<String>, Failure> {
        if !self.may_ask() {
            return Ok(None);
        }
        let answer = prompt::answer(&format!("{question}: ")).await?;
        Ok(answer.map(|answer| answer.trim().to_owned()))
    }

    /// Whether somebody can be asked, and wants to be.
    pub(crate) fn may_ask(&self) -> bool {
        prompt::has_person() && self.out.format() == Format::Human && self.settings.consent != Consent::Given
    }

    /// Offers to do something more; none is a no. A yes is what the next questions are for, and nothing by itself.
    ///
    /// # Errors
    /// When the person gives up.
    pub(crate) async fn offer(&self, question: &str) -> Result<bool, Failure> {
        let answer = self.ask(&format!("{question} [y/N]")).await?;
        Ok(answer.is_some_and(|answer| prompt::is_yes(&answer)))
    }

    /// Asks for the fields of something, each under the flag that says it too. An empty answer leaves one as it is; a blank
    /// clears what it says now.
    ///
    /// # Errors
    /// When the person gives up.
    pub(crate) async fn ask_fields(&self, fields: impl IntoIterator<Item = Field<'_>>) -> Result<(), Failure> {
        for Field { flag, question, now, said } in fields {
            if !self.may_ask() {
                return Ok(());
            }
            let now_told = if now.is_empty() { String::new() } else { format!(" [{}]", text::visible(now)) };
            let Some(line) = prompt::answer(&format!("{question}{now_told}: ")).await? else { return Ok(()) };
            if let Some(answer) = answer_of(&line, now) {
                self.answered(flag, answer);
                *said = Some(answer.to_owned());
            }
        }
        Ok(())
    }

    /// The command line so far.
    pub(crate) fn words(&self) -> Vec<String> {
        self.words.borrow().clone()
    }

    /// Sets what is as good as the command line, for whom something was chosen.
    pub(crate) fn stands_for(&self, words: Vec<String>) {
        *self.words.borrow_mut() = words;
        self.is_about_wallets.set(None);
    }

    /// The command line is another one from here on, asked of the same daemon.
    pub(crate) fn stands_for_another(&self, words: &[&str]) {
        const KEPT: [&str; 3] = ["--socket", "--config", "--timeout"];
        let before = self.words();
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        for (index, word) in before.iter().enumerate() {
            if KEPT.contains(&word.as_str()) {
                words.extend(before.iter().skip(index).take(2).cloned());
            } else if KEPT.iter().any(|flag| word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))) {
                words.push(word.clone());
            }
        }
        self.stands_for(words);
    }

    /// Tells the command that does the same and asks nothing, where something was asked, unless it was told.
    pub(crate) fn tell_unasked(&self) {
        if self.is_to_tell.get() {
            self.tell(&self.as_typed(&[]));
        }
    }

    /// The same for what was agreed to as well.
    pub(crate) fn tell_unasked_and_agreed(&self) {
        self.tell(&self.as_typed(&["--yes"]));
    }

    fn tell(&self, command: &str) {
        self.is_to_tell.set(false);
        self.out.note(format!("hint: the same without a question: {command}"));
    }

    /// The command line so far and what follows it, as a shell takes it.
    fn as_typed(&self, more: &[&str]) -> String {
        let words = self.words.borrow();
        let directory = self.settings.wallets.as_ref().and_then(wallets::Asked::typed);
        let words = words.iter().map(|word| quoted(word));
        // These flags were taken out of the words, and guard the command that is told as well.
        let network = self.settings.network.as_ref().and_then(Asked::typed).into_iter();
        let network = network.flat_map(|network| ["--network".into(), quoted(network)]);
        let wallets = directory.iter().flat_map(|wallets| ["--wallet-path".into(), quoted(wallets)]);
        let more = network.chain(wallets).chain(more.iter().map(|word| (*word).into()));
        ["btctl".into()].into_iter().chain(words).chain(more).collect::<Vec<_>>().join(" ")
    }

    /// Calls `M` with the deadline of a read.
    pub(crate) async fn call<M: Method>(&self, params: &M::Params) -> Result<Reply<M>, Failure> {
        self.call_within::<M>(params, self.settings.timeout.unwrap_or(READ)).await
    }

    /// Calls what derives a key from a password: one derivation takes seconds, and they wait in a line. The
    /// daemon goes on without a caller, and what it tells once would be told to nobody.
    pub(crate) async fn call_deriving<M: Method>(&self, params: &M::Params) -> Result<Reply<M>, Failure> {
        self.call_within::<M>(params, self.settings.timeout.unwrap_or(DERIVE)).await
    }

    /// Calls `M`, and waits for its answer no longer than `limit`.
    pub(crate) async fn call_within<M: Method>(
        &self,
        params: &M::Params,
        limit: Duration,
    ) -> Result<Reply<M>, Failure> {
        let purpose = if M::ROLE == Role::Read { Purpose::Reading } else { Purpose::Signing };
        let is_heeded = self.heeded_wallets.get().is_some_and(|heeded| heeded == Purpose::Signing || heeded == purpose);
        if self.settings.wallets.is_some() && !is_heeded && self.is_about_wallets() {
            self.heed_wallets(purpose, limit).await?;
        }
        let text = self.request(M::NAME, M::NAME, params, limit).await?;
        Ok(Reply { text, method: PhantomData })
    }

    /// Whether the command is about wallets. Its words are parsed once for that.
    fn is_about_wallets(&self) -> bool {
        let is = self.is_about_wallets.get().unwrap_or_else(|| args::is_about_wallets(&self.words.borrow()));
        self.is_about_wallets.set(Some(is));
        is
    }

    /// Calls a method by its name, whatever it is, and waits for its answer as long as the user says, or else `usual`.
    pub(crate) async fn call_by_name(
        &self,
        method: &str,
        params: &impl Serialize,
        usual: Duration,
    ) -> Result<Reply<()>, Failure> {
        let limit = self.settings.timeout.unwrap_or(usual);
        let text = self.request(method, "the method", params, limit).await?;
        Ok(Reply { text, method: PhantomData })
    }

    async fn request(
        &self,
        method: &str,
        shown: &'static str,
        params: &impl Serialize,
        limit: Duration,
    ) -> Result<Box<RawValue>, Failure> {
        let params = Params(to_raw_value(params).map_err(|source| Failure::Misunderstood { method: shown, source })?);
        interrupt::heeding(async {
            let client = self.connect(limit).await?;
            if !self.has_heeded.get() {
                self.heed_network(&client, Purpose::Reading, limit).await?;
            }
            client.request(method, params).await.map_err(|error| failure(error, shown, limit))
        })
        .await
    }

    /// Refuses to go on to sign something where another network is asked for than the daemon follows, or other wallets
    /// than it has.
    ///
    /// # Errors
    /// When it is another, or that cannot be known.
    pub(crate) async fn require_what_is_asked_for(&self) -> Result<(), Failure> {
        let limit = self.settings.timeout.unwrap_or(READ);
        if self.settings.network.is_some() {
            interrupt::heeding(Box::pin(async {
                let client = self.connect(limit).await?;
                self.heed_network(&client, Purpose::Signing, limit).await
            }))
            .await?;
        }
        self.heed_wallets(Purpose::Signing, limit).await
    }

    /// Whether it is asked for a network, or for a directory of wallets.
    pub(crate) const fn asks_for_something(&self) -> bool {
        self.settings.network.is_some() || self.settings.wallets.is_some()
    }

    /// Heeds that other wallets may be asked for than the daemon has, before something is looked up in them (`is_read`) or
    /// done with them.
    ///
    /// # Errors
    /// When the daemon has others, or that cannot be known.
    pub(crate) async fn heed_wallets_for(&self, is_read: bool) -> Result<(), Failure> {
        let purpose = if is_read { Purpose::Reading } else { Purpose::Signing };
        self.heed_wallets(purpose, self.settings.timeout.unwrap_or(READ)).await
    }

    async fn heed_wallets(&self, purpose: Purpose, limit: Duration) -> Result<(), Failure> {
        let Some(asked) = &self.settings.wallets else { return Ok(()) };
        let (own, yields) = interrupt::heeding(Box::pin(async {
            let client = self.connect(limit).await?;
            let own = ask::<List>(&client, &ListParams {}, limit).await?.path;
            let may_yield = purpose == Purpose::Signing && asked.yields_to_devnet() && !asked.is(Path::new(&own));
            let yields = may_yield && ask::<Status>(&client, &Nothing {}, limit).await?.network == "devnet";
            Ok((own, yields))
        }))
        .await?;
        let judged = if yields { Purpose::Reading } else { purpose };
        let heeded = self.heeded_wallets.replace(Some(purpose));
        if let Some(note) = asked.heed(Path::new(&own), judged)?.filter(|_| heeded.is_none()) {
            self.out.warn(note);
        }
        Ok(())
    }

    async fn heed_network(&self, client: &WsClient, purpose: Purpose, limit: Duration) -> Result<(), Failure> {
        let was_heeded = self.has_heeded.replace(true);
        let Some(asked) = &self.settings.network else { return Ok(()) };
        let status = ask::<Status>(client, &Nothing {}, limit).await?;
        if let Some(note) = asked.heed(&status, purpose)?.filter(|_| !was_heeded) {
            self.out.warn(note);
        }
        Ok(())
    }

    /// Begins a subscription.
    pub(crate) async fn follow<S: Subscription>(&self, params: &S::Params) -> Result<Following<S>, Failure> {
        let params = Params(to_raw_value(params).map_err(|source| Failure::Misunderstood { method: S::NAME, source })?);
        interrupt::heeding(Box::pin(async {
            let client = self.connect(READ).await?;
            if !self.has_heeded.get() {
                self.heed_network(&client, Purpose::Reading, READ).await?;
            }
            let feed = client.subscribe(S::NAME, params, S::UNSUBSCRIBE).await;
            let feed = feed.map_err(|error| failure(error, S::NAME, READ))?;
            Ok(Following { feed, _client: client, subscription: PhantomData })
        }))
        .await
    }

    async fn connect(&self, limit: Duration) -> Result<WsClient, Failure> {
        let path = &self.settings.socket;
        let stream = UnixStream::connect(path).await.map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => Failure::Forbidden { path: path.clone() },
            _ => Failure::Unreachable { path: path.clone(), source },
        })?;
        let client = WsClientBuilder::default()
            .connection_timeout(CONNECT.min(limit))
            .request_timeout(limit)
            .max_response_size(LARGEST_ANSWER)
            .build_with_stream("ws://localhost", stream)
            .await;
        client.map_err(|error| self.handshake_failure(error))
    }

    fn handshake_failure(&self, error: Error) -> Failure {
        let path = self.settings.socket.clone();
        let Error::Transport(cause) = error else {
            return Failure::NotBtd { path, reason: error.to_string() };
        };
        match cause.downcast_ref::<WsHandshakeError>() {
            Some(WsHandshakeError::Rejected { status_code }) => Failure::TurnedAway { path, status: *status_code },
            Some(WsHandshakeError::Timeout(limit)) => Failure::Timeout { method: "the handshake", limit: *limit },
            Some(WsHandshakeError::Io(error)) => Failure::Unreachable { path, source: io::Error::from(error.kind()) },
            _ if was_closed(&*cause) => Failure::Closed { path },
            _ => Failure::NotBtd { path, reason: cause.to_string() },
        }
    }
}

/// Calls `M` for what the command itself is not about.
async fn ask<M: Method>(client: &WsClient, params: &M::Params, limit: Duration) -> Result<M::Reply, Failure> {
    let params = to_raw_value(params).map(Params);
    let params = params.map_err(|source| Failure::Misunderstood { method: M::NAME, source })?;
    client.request(M::NAME, params).await.map_err(|error| failure(error, M::NAME, limit))
}

/// Whether `error` came about because the other end closed the connection.
fn was_closed(error: &(dyn std::error::Error + 'static)) -> bool {
    let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof];
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| kinds.contains(&error.kind()))
}

fn failure(error: Error, method: &'static str, limit: Duration) -> Failure {
    match error {
        Error::Call(object) => Failure::Api(ApiError {
            code: object.code(),
            message: object.message().to_owned(),
            data: object.data().and_then(|data| serde_json::from_str(data.get()).ok()).unwrap_or_default(),
        }),
        Error::RequestTimeout => Failure::Timeout { method, limit },
        Error::ParseError(source) => Failure::Misunderstood { method, source },
        Error::RestartNeeded(cause) => Failure::Lost { method, reason: cause.to_string() },
        other => Failure::Lost { method, reason: other.to_string() },
    }
}

// === impl Reply ===

impl<M> Reply<M> {
    /// The answer as the daemon wrote it.
    pub(crate) fn text(&self) -> &str {
        self.text.get()
    }
}

impl<M: Method> Reply<M> {
    /// The answer as the contract describes it.
    pub(crate) fn read(&self) -> Result<M::Reply, Failure> {
        serde_json::from_str(self.text.get()).map_err(|source| Failure::Misunderstood { method: M::NAME, source })
    }
}

// === impl Following ===

impl<S: Subscription> Following<S> {
    /// The next notification, as text and as what it should be; none when the daemon ended it.
    pub(crate) async fn next(&mut self) -> Result<Option<(Box<RawValue>, S::Item)>, Failure> {
        let misunderstood = |source| Failure::Misunderstood { method: S::NOTIFICATION, source };
        let Some(text) = interrupt::heeding(async { Ok(self.feed.next().await) }).await? else { return Ok(None) };
        let text = text.map_err(misunderstood)?;
        let item = serde_json::from_str(text.get()).map_err(misunderstood)?;
        Ok(Some((text, item)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_a_shell_needs_it() {
        assert_eq!(quoted("--amount=1.5"), "--amount=1.5");
        assert_eq!(quoted("it's τ"), r"'it'\''s τ'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn an_empty_line_keeps_what_is_said_and_a_blank_one_clears_it() {
        for (line, now, answer) in [
            ("\n", "old", None),
            ("\r\n", "old", None),
            (" \n", "old", Some("")),
            (" \n", "", None),
            (" new \n", "old", Some("new")),
            ("new", "", Some("new")),
        ] {
            assert_eq!(answer_of(line, now), answer, "{line:?}");
        }
    }
}
