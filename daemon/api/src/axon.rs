//! The noun `axon`: the endpoint at which this host's neuron answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Hotkey, HotkeyName, NetUid, Role, Subscription, WalletName, method::methods, rpc::Nothing, signing::signing_params,
    wallet::Receipt,
};

/// A synapse class, declared as Python declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The class name, which is also the path.
    #[schemars(example = &"Echo")]
    pub name: String,
    /// The fields in order, each `name: type` or `name: type = default`, such as
    /// `messages: list[dict] = []`. Types are those of Python, and `Tensor`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The fields that the body hash covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_hash_fields: Vec<String>,
    /// In which order they are hashed.
    #[serde(default, skip_serializing_if = "HashOrder::is_default")]
    pub hash_order: HashOrder,
    /// Models that fields name as their type: their fields, written alike.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, Vec<String>>,
}

/// In which order the fields of a body hash are hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HashOrder {
    /// As `required_hash_fields` lists them: in Python the class variable,
    /// `required_hash_fields: ClassVar[tuple[str, ...]] = (...)`, of SDK 7 and later.
    #[default]
    Declared,
    /// As the class declares its fields: in Python `required_hash_fields: list[str] = [...]`, itself a
    /// field of the model, as classes for SDK 6 are written. Later SDKs hash such a class alike.
    Fields,
}

// === impl HashOrder ===

impl HashOrder {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the member over by reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What goes on in one class that is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SynapseStatus {
    /// The class name.
    pub name: String,
    /// What answers: `built-in`, `socket` (a program that called [`Serve`]) or `http`.
    pub handler: String,
    /// Requests that can be answered at once now; 0 while no program serves, none where nothing but
    /// the axon's own limit says.
    pub places: Option<u64>,
    /// Requests that are being answered.
    pub answering: u64,
    /// Requests that wait for their turn.
    pub waiting: u64,
    /// Requests answered since the class was declared.
    pub answered: u64,
    /// Requests that the handler did not answer, for whatever reason.
    pub failed: u64,
}

/// The running axon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AxonStatus {
    /// The hotkey it answers as.
    pub hotkey: Hotkey,
    /// The address it is bound to: TCP for HTTP/1.1, UDP for HTTP/3.
    pub address: String,
    /// The TLS key of HTTP/3 there, as it is published on chain: its algorithm (1, which is Ed25519) and the key, in hex.
    /// A new one after each start.
    #[serde(default)]
    pub tls_key: String,
    /// What is published of it, on each subnet on which it is kept published (`serving.publish`).
    #[serde(default)]
    pub publications: Vec<Publication>,
    /// The hotkey that has taken the place of the axon's own on chain, where the axon does not answer as that one: what
    /// callers then ask of the neuron is refused here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchanged: Option<Exchanged>,
    /// The synapses it knows.
    pub synapses: Vec<String>,
    /// What goes on in each of them.
    #[serde(default)]
    pub handlers: Vec<SynapseStatus>,
    /// Connections that are open.
    #[serde(default)]
    pub connections: u64,
    /// Senders remembered, so that nothing passes twice.
    #[serde(default)]
    pub senders: u64,
    /// Requests by outcome since it started.
    pub requests: BTreeMap<String, u64>,
}

/// A hotkey that has taken the place of the running axon's own (`wallet_swap_hotkey`), as which the axon does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchanged {
    /// The subnet.
    pub netuid: NetUid,
    /// The new hotkey.
    pub hotkey: Hotkey,
    /// Why the axon does not answer as it.
    pub reason: String,
}

/// What the neurons of a subnet can find of the running axon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Publication {
    /// The subnet.
    pub netuid: NetUid,
    /// Where they should find it.
    pub address: String,
    /// What of it they do.
    pub state: PublicationState,
    /// Why not all of it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What of an axon is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PublicationState {
    /// Where it serves, and its TLS key.
    Whole,
    /// Where it serves: the chain's runtime keeps no TLS keys.
    WithoutKey,
    /// Not all of it yet.
    NotYet,
}

/// Parameters of [`Start`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartParams {
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
    /// The hotkey to answer as.
    #[serde(default)]
    pub hotkey: HotkeyName,
    /// The address to bind, such as `0.0.0.0:8091`; without it, the configured one.
    #[serde(default)]
    pub bind: Option<String>,
}

/// Reply of [`Stop`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// The axon that was running, if any.
    pub axon: Option<AxonStatus>,
}

/// Reply of [`Status`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReply {
    /// The axon, when one is running.
    pub axon: Option<AxonStatus>,
}

signing_params! {
    /// Parameters of [`Set`].
    SetParams {
        /// The subnet.
        netuid: NetUid,
        /// The address under which strangers reach it.
        #[schemars(example = &"8.8.8.8")]
        ip: String,
        /// The port.
        port: u16,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
        /// The hotkey whose endpoint it is.
        #[serde(default)]
        hotkey: HotkeyName,
    }

    /// Parameters of [`Reset`].
    ResetParams {
        /// The subnet.
        netuid: NetUid,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
        /// The hotkey whose endpoint it is.
        #[serde(default)]
        hotkey: HotkeyName,
    }
}

/// Parameters of [`Serve`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServeParams {
    /// The class to answer.
    pub synapse: Declaration,
    /// Requests that the program answers at once. Default 1.
    #[serde(default)]
    pub window: Option<u32>,
    /// Requests of the class that may wait; the first program of a class decides. Default 128.
    #[serde(default)]
    pub waiting: Option<u32>,
    /// Whether the program is asked about each request before that waits for its turn: questions of
    /// kind `screen`.
    #[serde(default)]
    pub screen: bool,
    /// For how long requests still wait when no program serves the class any more, in
    /// milliseconds; the first program of a class decides. Default 30000.
    #[serde(default)]
    pub linger_ms: Option<u32>,
}

/// What a program is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AskedKind {
    /// To answer a message, by [`AnswerRequest`] or piece by piece by [`StreamRequest`].
    Answer,
    /// Whether and how soon a message is to be answered, by [`ScreenRequest`].
    Screen,
    /// Nothing any more: the caller of this request is gone, or its time is over.
    Cancelled,
}

/// What a program that serves is asked.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Names the question in the answer.
    pub request: u64,
    /// What is asked.
    pub kind: AskedKind,
    /// The class.
    pub synapse: String,
    /// The hotkey that signed the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Hotkey>,
    /// For how long an answer is of use, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The whole message, as a JSON object: the base of every synapse and the fields of the class. A number that
    /// JSON lacks is a text: `"NaN"`, `"Infinity"`, `"-Infinity"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub message: Option<Box<RawValue>>,
}

/// The subscription by which a program answers a class.
#[derive(Debug)]
pub enum Serve {}

impl Subscription for Serve {
    const NAME: &'static str = "axon_serve";
    const UNSUBSCRIBE: &'static str = "axon_unserve";
    const NOTIFICATION: &'static str = "axon_asked";
    const SUMMARY: &'static str = "Requests of a synapse class, for the program that answers them";
    const ROLE: Role = Role::Operate;
    type Params = ServeParams;
    type Item = Asked;
}

/// Parameters of [`AnswerRequest`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerParams {
    /// The question.
    pub request: u64,
    /// The fields of the class to change, and `axon.status_code` and `axon.status_message` if the
    /// outcome is not 200; the whole message is taken too.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub message: Option<Box<RawValue>>,
    /// That there is no answer, and why: status 500 for the caller, the reason for the log alone.
    #[serde(default)]
    pub failure: Option<String>,
}

/// Parameters of [`StreamRequest`]. A piece is `text` or `base64`; the first call may go without one, to open
/// the answer with its status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamParams {
    /// The question.
    pub request: u64,
    /// Text to be sent as it is.
    #[serde(default)]
    pub text: Option<String>,
    /// Bytes to be sent, in base64.
    #[serde(default)]
    pub base64: Option<String>,
    /// Whether this ends the answer.
    #[serde(default)]
    pub last: bool,
    /// The status of the answer if it is not 200, as `axon.status_code`. It goes ahead of every piece, so it is
    /// given with the first call.
    #[serde(default)]
    pub status_code: Option<i64>,
    /// The text of the status, as `axon.status_message`; given with the first call too.
    #[serde(default)]
    pub status_message: Option<String>,
}

/// Parameters of [`ScreenRequest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScreenParams {
    /// The question.
    pub request: u64,
    /// Turns the sender away with 403 and this reason.
    #[serde(default)]
    pub blacklist: Option<String>,
    /// Turns the request away with 401 and this reason.
    #[serde(default)]
    pub not_verified: Option<String>,
    /// Ends the request with 408: what was to say its priority ran out of time.
    #[serde(default)]
    pub timed_out: bool,
    /// How soon the request is answered: larger is sooner. Without one, by the axon's own rule.
    #[serde(default)]
    pub priority: Option<f64>,
}

/// Parameters of [`Attach`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachParams {
    /// The class.
    pub synapse: Declaration,
    /// The HTTP servers that answer it, such as `http://127.0.0.1:9101`.
    #[schemars(example = vec!["http://127.0.0.1:9101"])]
    pub upstreams: Vec<String>,
    /// A path that answers 2xx to GET when a server is well; without it, one that accepts
    /// connections is.
    #[serde(default)]
    pub health: Option<String>,
    /// Requests that all servers together answer at once. Default 16 for each.
    #[serde(default)]
    pub places: Option<u32>,
    /// Requests that may wait. Default 128.
    #[serde(default)]
    pub waiting: Option<u32>,
    /// Whether servers are asked about each request before that waits for its turn.
    #[serde(default)]
    pub screen: bool,
}

/// Parameters of [`Detach`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetachParams {
    /// The class name.
    #[schemars(example = &"Echo")]
    pub name: String,
}

/// Reply of [`Attach`] and [`Detach`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Synapses {
    /// What is answered from now on.
    pub synapses: Vec<SynapseStatus>,
}

methods! {
    /// Starts answering synapses as a hotkey, over HTTP/1.1 and HTTP/3 on one port number
    Start = "axon_start" (Operate): StartParams => AxonStatus;
    /// Stops the axon after its requests in flight
    Stop = "axon_stop" (Operate): Nothing => Stopped;
    /// The running axon with its counters
    Status = "axon_status" (Read): Nothing => StatusReply;
    /// Has a synapse class answered by HTTP servers on this host
    Attach = "axon_attach" (Operate): AttachParams => Synapses;
    /// Withdraws a synapse class that was attached
    Detach = "axon_detach" (Operate): DetachParams => Synapses;
    /// Answers a request that came by `axon_serve`
    AnswerRequest = "axon_answer" (Operate): AnswerParams => Nothing;
    /// Streams a piece of the answer to a request that came by `axon_serve`
    StreamRequest = "axon_stream" (Operate): StreamParams => Nothing;
    /// Says whether and how soon a request that came by `axon_serve` is to be answered
    ScreenRequest = "axon_screen" (Operate): ScreenParams => Nothing;
    /// Publishes on chain where a hotkey serves
    Set = "axon_set" (Operate): SetParams => Receipt;
    /// Publishes on chain that a hotkey serves nowhere
    Reset = "axon_reset" (Operate): ResetParams => Receipt;
}
