//! Who may pass: from a stranger's request to a verified synapse, in one visible order.
//!
//! [`admit`] is the only way to a [`Verified`]. It checks the cheapest things first, and does
//! nothing expensive, nothing stateful and nothing signed before identity is proven:
//!
//! 1. shape: path, method, headers present once and readable, sizes ([`Unverified`])
//! 2. freshness: the nonce lies in a bounded window, after the boot fence, above all that passed
//! 3. membership: is the claimed hotkey known? A look-up in memory ([`Members`])
//! 4. the bucket of this hotkey at this source address, and that of the source's network
//! 5. the signature, which covers the body hash that the header states
//! 6. the bucket of the proven hotkey, wherever it asks from
//! 7. the body, capped, and its own hash
//! 8. the nonce is recorded, atomically: of two equal requests one passes, and one that was overtaken
//!    on its way still does
//!
//! What is stricter here than in the Python axon, because the protocol leaves it open:
//!
//! * The unsigned `timeout` header widens the window only up to [`Rules::max_timeout`]; `inf` and
//!   `nan` are refused.
//! * The unsigned version header changes nothing. A sender older than 7.2, whose nonce is no
//!   wall-clock time, is refused as stale.
//! * The window holds for every request, not for the first of an endpoint only, and it ends
//!   [`Rules::max_clock_skew`] in the future.
//! * No nonce from before the start of the [`Memory`] passes, so a restart replays nothing.
//! * Membership comes before memory: a key that is not known leaves no trace.
//! * A hotkey is its 32 bytes, in whatever SS58 format it is written.
//! * Of equal authentication headers none is taken.
//! * What a head, or a body, says of the two ends of the call, its name and a hash, is no longer than
//!   [`Rules::max_base`] in all.
//!
//! A request with the headers of SDK 11 (`X-Bittensor-Version`) is authenticated by those, see
//! [`crate::btauth`]: its signature covers method, path and raw body, and its body is the fields of
//! the class. Membership, buckets, limits and what happens to it afterwards are the same.
//!
//! What stays open, because the protocol does not sign it: path, timeout, and every body field
//! that the class does not hash. Whoever can change a request on its way can change those.
//!
//! Nothing here reads a clock or a socket: time is an argument, the body a [`BodySource`].

mod bucket;
mod members;
mod memory;
mod refusal;
mod rules;
mod signed;
mod unverified;
mod verify;

use std::{fmt, future::Future, net::IpAddr, sync::Arc};

use btd_api::AccountId;
use bytes::Bytes;

pub use bucket::{Rate, host};
pub use members::{AnyHotkey, KnownHotkeys, Members, Standing};
pub use memory::{Arrival, Memory, MemoryLimits};
pub use refusal::{Refusal, RefusalKind, Refused};
pub use rules::{Nanos, Rules, WINDOW_NS, python_window};
pub use unverified::{RequestHead, Unverified};
pub use verify::{OneByOne, Signed, Verifier, Verifying, verify_all, verify_sr25519, verify_sr25519_plain};

use crate::{
    python::{JsonError, read_members_of},
    synapse::{Synapse, SynapseSpec},
};
use bucket::{Buckets, network};

/// Where a body comes from. The edge implements it over a transport, with its own deadline.
pub trait BodySource {
    /// Reads the whole body of a `sender`, giving up as soon as it exceeds `limit` bytes.
    fn read(self, sender: Sender, limit: usize) -> impl Future<Output = Result<Bytes, BodyError>> + Send;
}

/// Whose body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// That of this hotkey, which has proven itself.
    Proven(AccountId),
    /// That of somebody who claims a hotkey that is known. The proof covers the body, so it can
    /// only follow: nothing may be charged to the hotkey yet.
    Claimed,
}

/// The classes that an axon answers. Asked once per request, before anything else.
pub trait Catalogue: Send + Sync + fmt::Debug {
    /// The class called `name`. Must not block.
    fn spec(&self, name: &str) -> Option<Arc<SynapseSpec>>;
}

impl Catalogue for Vec<Arc<SynapseSpec>> {
    fn spec(&self, name: &str) -> Option<Arc<SynapseSpec>> {
        self.iter().find(|spec| spec.name() == name).cloned()
    }
}

impl<C: Catalogue> Catalogue for Arc<C> {
    fn spec(&self, name: &str) -> Option<Arc<SynapseSpec>> {
        (**self).spec(name)
    }
}

/// Why a body could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Longer than the limit.
    #[error("the body is longer than the limit")]
    TooLarge,
    /// Not complete within the time that the edge allows.
    #[error("the body did not arrive in time")]
    TimedOut,
    /// No slot is free to take another body in.
    #[error("no slot is free for another request")]
    Busy,
    /// The sender has as many requests here as one may have.
    #[error("the sender has as many requests here as one may have")]
    SenderBusy,
    /// The messages that are here take as much memory as they may, all of them or those of the sender.
    #[error("the messages that are here take as much memory as they may")]
    Full,
    /// The connection ended or broke.
    #[error("the body ended early: {0}")]
    Broken(String),
}

impl BodySource for Bytes {
    async fn read(self, _: Sender, limit: usize) -> Result<Bytes, BodyError> {
        if self.len() > limit { Err(BodyError::TooLarge) } else { Ok(self) }
    }
}

/// A request whose sender is proven and whose body is what the sender signed, as far as the class
/// has it signed. Only [`admit`] makes one.
#[derive(Debug)]
pub struct Verified {
    sender: AccountId,
    spec: Arc<SynapseSpec>,
    synapse: Synapse,
    claimed: Box<Unverified>,
}

// === impl Verified ===

impl Verified {
    /// The hotkey that signed.
    pub fn sender(&self) -> AccountId {
        self.sender
    }

    /// The class of the message.
    pub fn spec(&self) -> &Arc<SynapseSpec> {
        &self.spec
    }

    /// The message, from the body.
    pub fn synapse(&self) -> &Synapse {
        &self.synapse
    }

    /// What the header block said, for replies that report a later failure.
    pub fn claimed(&self) -> &Unverified {
        &self.claimed
    }

    /// The message, to be filled by a handler.
    pub fn into_synapse(self) -> Synapse {
        self.synapse
    }
}

/// The door of one axon: its identity, its classes, its rules, and what it remembers.
#[derive(Debug)]
pub struct Gate {
    /// The axon's own hotkey in format 42: part of every signed text.
    address: String,
    specs: Box<dyn Catalogue>,
    rules: Rules,
    members: Arc<dyn Members>,
    memory: Arc<Memory>,
    verifier: Box<dyn Verifier>,
    /// Of a claimed hotkey at a source, of a source's network, and of a proven hotkey.
    claims: Buckets<(AccountId, IpAddr)>,
    networks: Buckets<IpAddr>,
    hotkeys: Buckets<AccountId>,
}

// === impl Gate ===

impl Gate {
    /// A door for the axon of `hotkey`, which answers the classes of `specs`.
    pub fn new(
        hotkey: AccountId,
        specs: impl Catalogue + 'static,
        rules: Rules,
        members: Arc<dyn Members>,
        memory: Arc<Memory>,
    ) -> Self {
        Self {
            address: hotkey.to_string(),
            specs: Box::new(specs),
            members,
            memory,
            verifier: Box::new(OneByOne),
            claims: Buckets::new(rules.rate),
            networks: Buckets::new(rules.network_rate),
            hotkeys: Buckets::new(rules.hotkey_rate),
            rules,
        }
    }

    /// The same door, with signatures of synapses checked by `verifier`.
    #[must_use]
    pub fn verified_by(self, verifier: impl Verifier + 'static) -> Self {
        Self { verifier: Box::new(verifier), ..self }
    }

    /// The axon's own address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Now, for requests that can come from now on.
    pub fn arrival(&self) -> Arrival {
        self.memory.arrival()
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

/// Lets a request in, or says why not. The order of the checks is the module's documentation.
///
/// Dropping the future before it completes records nothing.
///
/// # Errors
/// With the first check that fails, and with what the header block claimed as far as it was read,
/// which the reply repeats.
pub async fn admit<B: BodySource>(
    gate: &Gate,
    head: RequestHead<'_>,
    body: B,
    now: Nanos,
) -> Result<Verified, Refused> {
    admit_since(gate, head, body, (gate.arrival(), now)).await
}

/// As [`admit`], for a request that may have been on its way since `arrival`, when its connection came
/// to be free to carry it: those of its sender that passed meanwhile overtook it.
///
/// # Errors
/// As [`admit`].
pub async fn admit_since<B: BodySource>(
    gate: &Gate,
    head: RequestHead<'_>,
    body: B,
    (arrival, now): (Arrival, Nanos),
) -> Result<Verified, Refused> {
    if signed::is_signed(head.headers) {
        return signed::admit(gate, head, body, now).await;
    }
    // 1. Shape.
    let source = head.peer.ip();
    let (unverified, spec) = Unverified::read(&head, |name| gate.specs.spec(name), &gate.rules)?;
    let claimed = Box::new(unverified);
    let (sender, body) = match admit_claimed(gate, &claimed, &spec, source, body, (arrival, now)).await {
        Ok(admitted) => admitted,
        Err(refusal) => return Err(Refused::of_claim(refusal, claimed, spec)),
    };
    Ok(Verified { sender, spec, synapse: body, claimed })
}

async fn admit_claimed<B: BodySource>(
    gate: &Gate,
    claimed: &Unverified,
    spec: &Arc<SynapseSpec>,
    source: IpAddr,
    body: B,
    (arrival, now): (Arrival, Nanos),
) -> Result<(AccountId, Synapse), Refusal> {
    let claim = claimed.claim(gate.rules.max_uuid)?;
    // 2. Freshness.
    gate.rules.check_window(claim.nonce, claimed.timeout, now)?;
    gate.memory.check(&claim.hotkey, claim.uuid, claim.nonce, arrival)?;
    // 3. Membership.
    if let Standing::Refused(reason) = gate.members.standing(&claim.hotkey) {
        return Err(Refusal::NotAMember { reason });
    }
    // 4. Buckets of what is only claimed.
    gate.claims.take((claim.hotkey, host(source)), now)?;
    gate.networks.take(network(source), now)?;
    // 5. Signature.
    let message = claimed.message(claim.nonce, &gate.address);
    let signed = Signed { signer: claim.hotkey, message, signature: claim.signature };
    if !gate.verifier.verify(signed).await {
        let message = claimed.message(claim.nonce, &gate.address);
        return Err(Refusal::BadSignature { message, signature: claim.signature_text.to_owned() });
    }
    // 6. The bucket of a proven hotkey.
    gate.hotkeys.take(claim.hotkey, now)?;
    // 7. Body.
    let read = body.read(Sender::Proven(claim.hotkey), gate.rules.max_body).await;
    let bytes = read.map_err(|error| Refusal::of_body(error, gate.rules.max_body))?;
    let synapse = read_body(spec, &bytes, gate.rules.max_base)?;
    let hash = spec.body_hash(&synapse.fields);
    if claimed.body_hash.as_deref() != Some(hash.as_str()) {
        return Err(Refusal::BodyHash { stated: claimed.body_hash.clone(), computed: hash });
    }
    // 8. The nonce is recorded.
    gate.memory.record((claim.hotkey, claim.uuid), claim.nonce, arrival, gate.rules.horizon(now))?;
    Ok((claim.hotkey, synapse))
}

fn read_body(spec: &SynapseSpec, bytes: &Bytes, max_base: usize) -> Result<Synapse, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::BadBody { reason: "the body is empty".to_owned() });
    }
    let value = read_members_of(bytes, &|name| spec.has(name))
        .map_err(|JsonError { reason, position, .. }| Refusal::NotJson { reason, position })?;
    let synapse = Synapse::from_body(spec, value).map_err(|fault| Refusal::BadBody { reason: fault.to_string() })?;
    // It is held several times while the request is answered.
    if synapse.base_texts() > max_base {
        return Err(Refusal::LongBase { limit: max_base });
    }
    // A handler reads JSON, and the reply repeats what the base says.
    if !synapse.has_finite_base() {
        return Err(Refusal::BadBody {
            reason: "its timeout or a process time is a number that JSON lacks".to_owned(),
        });
    }
    Ok(synapse)
}
