//! From the contract's types to handlers: one entry for each method and subscription.
//!
//! A handler is an `async fn(Arc<Context>, Params, Caller) -> Result<Reply, impl Into<ApiError>>`.
//! One that has to wait runs as a task of its own: it goes on when its caller hangs up, so that
//! nothing that spends is cut in the middle, unless it is registered as one that ends then. Its
//! panic is that request's only.

use std::{collections::BTreeMap, fmt, future::Future, panic::AssertUnwindSafe, sync::Arc};

use btd_api::{
    ApiError, ErrorKind, Method, Role, Subscription,
    openrpc::{self, Guarded},
};
use futures_util::{FutureExt, Stream, StreamExt, future::BoxFuture, pin_mut, stream::BoxStream};
use jsonrpsee::{
    Extensions, PendingSubscriptionSink, RpcModule,
    core::SubscriptionError,
    server::Methods,
    types::{ErrorObjectOwned, Params},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::value::to_raw_value;
use tokio_util::task::TaskTracker;

use super::{
    Caller,
    answer::{Envelope, Written},
    error::to_wire,
};

/// What the gate needs to know of a name that can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) role: Role,
    pub(super) form: Form,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Method,
    Subscribe,
    Unsubscribe,
}

/// Answers a method `M` with a context `C`. Implemented by functions; see the module.
pub trait Handler<C, M: Method>: Send + Sync + 'static {
    /// Answers one call.
    fn answer(
        &self,
        context: Arc<C>,
        params: M::Params,
        caller: Caller,
    ) -> BoxFuture<'static, Result<M::Reply, ApiError>>;
}

impl<C, M, F, Fut, E> Handler<C, M> for F
where
    M: Method,
    F: Fn(Arc<C>, M::Params, Caller) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<M::Reply, E>> + Send + 'static,
    E: Into<ApiError>,
{
    fn answer(
        &self,
        context: Arc<C>,
        params: M::Params,
        caller: Caller,
    ) -> BoxFuture<'static, Result<M::Reply, ApiError>> {
        let answer = self(context, params, caller);
        async move { answer.await.map_err(Into::into) }.boxed()
    }
}

/// Opens a subscription `S` with a context `C`. Implemented by functions that return a stream.
pub trait Source<C, S: Subscription>: Send + Sync + 'static {
    /// Opens one subscription; its items are sent until the stream ends.
    fn open(
        &self,
        context: Arc<C>,
        params: S::Params,
        caller: Caller,
    ) -> BoxFuture<'static, Result<BoxStream<'static, S::Item>, ApiError>>;
}

impl<C, S, F, Fut, St, E> Source<C, S> for F
where
    S: Subscription,
    F: Fn(Arc<C>, S::Params, Caller) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<St, E>> + Send + 'static,
    St: Stream<Item = S::Item> + Send + 'static,
    E: Into<ApiError>,
{
    fn open(
        &self,
        context: Arc<C>,
        params: S::Params,
        caller: Caller,
    ) -> BoxFuture<'static, Result<BoxStream<'static, S::Item>, ApiError>> {
        let stream = self(context, params, caller);
        async move { stream.await.map(StreamExt::boxed).map_err(Into::into) }.boxed()
    }
}

/// Runs a method: its parameters, who asks, and what stands around the reply.
pub(super) type Run =
    dyn Fn(Params<'static>, Caller, Envelope) -> BoxFuture<'static, Result<String, ApiError>> + Send + Sync;

/// The methods by their names.
#[derive(Clone)]
pub(super) struct Runs(Arc<BTreeMap<&'static str, Box<Run>>>);

/// All methods and subscriptions that this daemon answers.
pub struct Table {
    runs: BTreeMap<&'static str, Box<Run>>,
    subscriptions: RpcModule<()>,
    entries: BTreeMap<&'static str, Entry>,
    requests: TaskTracker,
}

/// Registers the methods of one noun, which share a context.
pub struct Noun<'a, C> {
    table: &'a mut Table,
    context: Arc<C>,
}

// === impl Table ===

impl Runs {
    /// What runs the method `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Run> {
        self.0.get(name).map(Box::as_ref)
    }
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl Default for Table {
    fn default() -> Self {
        Self {
            runs: BTreeMap::new(),
            subscriptions: RpcModule::new(()),
            entries: BTreeMap::new(),
            requests: TaskTracker::new(),
        }
    }
}

impl Table {
    /// Begins to register methods that share `context`.
    pub fn noun<C: Send + Sync + 'static>(&mut self, context: &Arc<C>) -> Noun<'_, C> {
        Noun { table: self, context: Arc::clone(context) }
    }

    /// The names of the contract that nothing answers.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut names = openrpc::names();
        names.retain(|name| !self.entries.contains_key(name));
        names
    }

    /// The tasks of requests that have not been answered yet.
    pub(super) fn requests(&self) -> &TaskTracker {
        &self.requests
    }

    pub(super) fn entries(&self) -> &BTreeMap<&'static str, Entry> {
        &self.entries
    }

    /// The subscriptions.
    pub(super) fn subscriptions(&self) -> Methods {
        self.subscriptions.clone().into()
    }

    /// Takes the methods out.
    pub(super) fn take_runs(&mut self) -> Runs {
        Runs(Arc::new(std::mem::take(&mut self.runs)))
    }

    fn enter(&mut self, name: &'static str, role: Role, form: Form) {
        let taken = self.entries.insert(name, Entry { role, form });
        debug_assert!(taken.is_none(), "`{name}` is registered twice");
    }
}

/// What becomes of a request that waits when its caller hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HangUp {
    /// It is done all the same.
    GoesOn,
    /// It is dropped.
    Ends,
}

// === impl Noun ===

impl<C: Send + Sync + 'static> Noun<'_, C> {
    /// Registers the handler of a method.
    #[must_use = "chain the next method, or end with `done`"]
    pub fn method<M: Method>(self, handler: impl Handler<C, M>) -> Self {
        self.handled(HangUp::GoesOn, handler)
    }

    /// Registers the handler of a method that is dropped when its caller hangs up: for what takes
    /// long and can end at any point.
    #[must_use = "chain the next method, or end with `done`"]
    pub(super) fn awaited<M: Method>(self, handler: impl Handler<C, M>) -> Self {
        self.handled(HangUp::Ends, handler)
    }

    fn handled<M: Method>(self, hang_up: HangUp, handler: impl Handler<C, M>) -> Self {
        self.register::<M>(hang_up, move |context, params, caller, envelope| {
            let answer = handler.answer(context, params, caller);
            async move { envelope.around(&answer.await?) }.boxed()
        })
    }

    /// Registers the handler of a method whose reply is written as `M::Reply` would be, and is not
    /// one: for replies of which most is the same for everybody, and written already.
    #[must_use = "chain the next method, or end with `done`"]
    pub(super) fn written<M, F, Fut, R, E>(self, handler: F) -> Self
    where
        M: Method,
        F: Fn(Arc<C>, M::Params, Caller) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: Written + Send,
        E: Into<ApiError>,
    {
        self.register::<M>(HangUp::GoesOn, move |context, params, caller, envelope| {
            let answer = handler(context, params, caller);
            async move { answer.await.map_err(Into::into)?.within(&envelope) }.boxed()
        })
    }

    fn register<M: Method>(
        self,
        hang_up: HangUp,
        answer: impl Fn(Arc<C>, M::Params, Caller, Envelope) -> BoxFuture<'static, Result<String, ApiError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let (context, requests) = (Arc::clone(&self.context), self.table.requests.clone());
        self.table.enter(M::NAME, M::ROLE, Form::Method);
        let run = move |params: Params<'static>, caller: Caller, envelope: Envelope| {
            let answering = read::<M::Params>(&params)
                .map(|params| AssertUnwindSafe(answer(Arc::clone(&context), params, caller, envelope)).catch_unwind());
            let requests = requests.clone();
            async move {
                let mut answering = answering?;
                // What is in memory is answered here and now: a task of its own would cost more.
                let answered = match (&mut answering).now_or_never() {
                    Some(answered) => answered.ok(),
                    None if hang_up == HangUp::Ends => requests.track_future(answering).await.ok(),
                    None => requests.spawn(answering).await.ok().and_then(Result::ok),
                };
                answered.unwrap_or_else(|| Err(panicked(M::NAME, caller)))
            }
            .boxed()
        };
        self.table.runs.insert(M::NAME, Box::new(run));
        self
    }

    /// Registers the source of a subscription.
    #[must_use = "chain the next method, or end with `done`"]
    pub fn subscription<S: Subscription>(self, source: impl Source<C, S>) -> Self {
        let (context, source) = (Arc::clone(&self.context), Arc::new(source));
        self.table.enter(S::NAME, S::ROLE, Form::Subscribe);
        self.table.enter(S::UNSUBSCRIBE, S::ROLE, Form::Unsubscribe);
        let registered = self.table.subscriptions.register_subscription(
            S::NAME,
            S::NOTIFICATION,
            S::UNSUBSCRIBE,
            move |params, pending, _, extensions| {
                serve_subscription::<C, S>(Arc::clone(&context), Arc::clone(&source), params, pending, extensions)
            },
        );
        debug_assert!(registered.is_ok(), "`{}` is registered twice", S::NAME);
        self
    }

    /// Ends the chain.
    pub fn done(self) {}
}

/// Accepts the subscription if its source opens, and sends until the source or the caller ends it.
/// The end is always told: a client that waits for the next item must not wait for ever.
async fn serve_subscription<C: Send + Sync + 'static, S: Subscription>(
    context: Arc<C>,
    source: Arc<impl Source<C, S>>,
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    extensions: Extensions,
) -> Result<(), SubscriptionError> {
    let caller = match caller(&extensions) {
        Ok(caller) => caller,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    let opened = async { source.open(context, read::<S::Params>(&params)?, caller).await };
    let opened = AssertUnwindSafe(opened).catch_unwind().await.unwrap_or_else(|_| Err(panicked(S::NAME, caller)));
    let stream = match opened {
        Ok(stream) => AssertUnwindSafe(stream).catch_unwind(),
        Err(error) => {
            pending.reject(to_wire(error, caller.request)).await;
            return Ok(());
        }
    };
    let sink = pending.accept().await?;
    pin_mut!(stream);
    loop {
        let item = tokio::select! {
            () = sink.closed() => return Ok(()),
            item = stream.next() => item,
        };
        match item {
            Some(Ok(item)) => sink.send(to_raw_value(&item)?).await?,
            Some(Err(_)) => return Err(ended(panicked(S::NAME, caller), caller)),
            None => {
                let words = format!("`{}` has nothing more to tell; subscribe again to go on", S::NAME);
                return Err(ended(ApiError::new(ErrorKind::SubscriptionEnded, words), caller));
            }
        }
    }
}

/// The last word of a subscription, as every other error.
fn ended(error: ApiError, caller: Caller) -> SubscriptionError {
    let error = to_wire(error, caller.request);
    to_raw_value(&error).map_or_else(|_| error.message().into(), SubscriptionError::from_json)
}

fn caller(extensions: &Extensions) -> Result<Caller, ErrorObjectOwned> {
    // The gate puts it there; without it nobody has checked the caller's rights.
    extensions.get::<Caller>().copied().ok_or_else(|| {
        let error = ApiError::new(ErrorKind::PermissionDenied, "a call that did not come through the gate");
        ErrorObjectOwned::owned(error.code, error.message, Some(error.data))
    })
}

/// Reads parameters by name or by position; none at all is the same as an empty object.
fn read<P: DeserializeOwned + JsonSchema>(params: &Params<'_>) -> Result<P, ApiError> {
    let text = params.as_str().map(str::trim).filter(|text| !text.is_empty() && *text != "null").unwrap_or("{}");
    if !text.starts_with(['{', '[']) {
        return Err(ApiError::new(
            ErrorKind::InvalidParams,
            "parameters are an object, or a list in the order of the fields",
        ));
    }
    if text.starts_with('[')
        && text != "[]"
        && let Some(guarded) = openrpc::guarded::<P>()
    {
        // In another place than its own a secret would be taken for a name, and told.
        let words = format!("a parameter holds a secret, so all go by name: {}", guarded.names().join(", "));
        return Err(ApiError::new(ErrorKind::InvalidParams, words));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let params = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let (path, words) = if let Some(guarded) = openrpc::guarded::<P>() {
            guarded_words(&error.into_inner(), &path, &guarded)
        } else {
            let words = words(&error.into_inner(), &path);
            (path, words)
        };
        // A dot is the whole: no parameter of its own is at fault, or one is missing.
        let missing = words.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let parameter = if path == "." { missing.map(str::to_owned) } else { Some(path) };
        let refused = ApiError::new(ErrorKind::InvalidParams, words);
        match parameter {
            Some(parameter) => refused.with("parameter", parameter),
            None => refused,
        }
    })?;
    match json.end() {
        Ok(()) => Ok(params),
        Err(_) => Err(ApiError::new(ErrorKind::InvalidParams, "more parameters than the method has")),
    }
}

/// What is wrong with a parameter, without where it stands in a line that the caller did not write.
fn words(error: &serde_json::Error, path: &str) -> String {
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    match words {
        "trailing characters" => "more parameters than the method has".to_owned(),
        words if path == "." => words.to_owned(),
        words => format!("`{path}`: {words}"),
    }
}

/// The same, and the parameter, where a secret may have been sent in any place: of what was sent
/// nothing is repeated but the names that the method knows.
fn guarded_words(error: &serde_json::Error, path: &str, guarded: &Guarded) -> (String, String) {
    let own = words(error, ".");
    if own.starts_with("missing field `") || own.starts_with("duplicate field `") {
        return (".".to_owned(), own);
    }
    if let Some((name, form)) = guarded.takes(path) {
        let words = format!("`{name}` takes {form}; what was sent is not repeated here");
        return (name, words);
    }
    let names = guarded.names().join(", ");
    (".".to_owned(), format!("these are not the parameters of the method, which takes: {names}"))
}

fn panicked(method: &'static str, caller: Caller) -> ApiError {
    tracing::error!(request = %caller.request, method, "a request panicked");
    ApiError::new(ErrorKind::Internal, format!("`{method}` failed by a fault of btd; its log has the details"))
}

#[cfg(test)]
mod tests {
    use btd_api::wallet::{UnlockParams, keyfiles::RegenColdkeyParams};

    use super::*;

    fn refused<P: DeserializeOwned + JsonSchema>(text: &str) -> ApiError {
        read::<P>(&Params::new(Some(text))).err().unwrap_or_else(|| panic!("{text} was taken"))
    }

    #[test]
    fn nothing_that_may_be_a_secret_is_repeated() {
        const CANARY: &str = "legal-winner-98765432";
        let shapes = [
            r#"{"origin": {"mnemonic": "CANARY"}}"#,
            r#"{"origin": "CANARY"}"#,
            r#"{"origin": {"CANARY": 1}}"#,
            r#"{"CANARY": "x"}"#,
            r#"{"wallet": ["CANARY"]}"#,
            r#"{"wallet": "CANARY/../x"}"#,
            r#"["CANARY", "CANARY", "CANARY", "CANARY"]"#,
        ];
        for shape in shapes {
            let text = shape.replace("CANARY", CANARY);
            for error in [refused::<RegenColdkeyParams>(&text), refused::<UnlockParams>(&text)] {
                let all = serde_json::to_string(&error.data).unwrap() + &error.message;
                assert!(!all.contains("98765432"), "{text}: {all}");
            }
        }
        let error = refused::<UnlockParams>(r#"{"wallet": "w", "password": 98765432}"#);
        assert_eq!(error.message, "`password` takes text; what was sent is not repeated here");
        assert_eq!(error.data["parameter"], "password");
        let error = refused::<RegenColdkeyParams>(r#"{"origin": {"keystore": "98765432"}}"#);
        assert!(error.message.contains("` takes an object "), "{error:?}");
        assert!(refused::<UnlockParams>("{}").message.starts_with("missing field `"));
        // By position a password in the place of a name would be looked for, and not found by that name.
        let error = refused::<UnlockParams>(r#"["w", "98765432"]"#);
        assert!(error.message.starts_with("a parameter holds a secret, so all go by name: "), "{error:?}");
        assert!(refused::<UnlockParams>("[]").message.starts_with("these are not the parameters"));
    }
}
