//! Requests that are signed as SDK 11 signs, for the same synapses and through the same door.
//!
//! The order of the checks is that of the module above, but for one: the signature covers the raw
//! body, so the body is read before the signature is checked, from known hotkeys with a fresh nonce
//! only. The path is signed as it was sent, with its query.

use btd_api::AccountId;
use bytes::Bytes;
use http::HeaderMap;

use super::{
    BodyError, BodySource, Gate, Nanos, Refusal, Refused, RequestHead, Standing, Unverified, Verified, bucket::network,
    host, read_body,
};
use crate::{
    btauth::{AuthError, AuthHead, AuthRules, Door, HOTKEY, VERSION, authenticate_at},
    synapse::{Terminal, latin1},
};

/// Whether a request wants to be authenticated so.
pub(super) fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(VERSION)
}

pub(super) async fn admit<B: BodySource>(
    gate: &Gate,
    head: RequestHead<'_>,
    body: B,
    now: Nanos,
) -> Result<Verified, Refused> {
    let (unverified, spec) = Unverified::read(&head, |name| gate.specs.spec(name), &gate.rules)?;
    // What its synapse headers say, if it has any, is not signed.
    let Unverified { timeout, .. } = unverified;
    let timeout = timeout.filter(|timeout| timeout.is_finite());
    let mut claimed =
        Box::new(Unverified { timeout, axon: Terminal::default(), dendrite: Terminal::default(), body_hash: None });
    match admit_claimed(gate, head, &spec, body, now).await {
        Ok((sender, nonce, synapse)) => {
            claimed.dendrite.hotkey = Some(sender.to_string());
            claimed.dendrite.nonce = Some(nonce);
            Ok(Verified { sender, spec, synapse, claimed })
        }
        Err(refusal) => Err(Refused::of_claim(refusal, claimed, spec)),
    }
}

async fn admit_claimed<B: BodySource>(
    gate: &Gate,
    head: RequestHead<'_>,
    spec: &crate::synapse::SynapseSpec,
    body: B,
    now: Nanos,
) -> Result<(AccountId, Nanos, crate::synapse::Synapse), Refusal> {
    let source = head.peer.ip();
    // Buckets of what is only claimed, for members alone: a stranger leaves no trace. A hotkey that cannot
    // be read is refused below.
    let written = head.headers.get(HOTKEY).map(latin1).unwrap_or_default();
    if let Ok(hotkey) = AccountId::from_any_format(&written) {
        if let Standing::Refused(reason) = gate.members.standing(&hotkey) {
            return Err(Refusal::NotAMember { reason });
        }
        gate.claims.take((hotkey, host(source)), now)?;
    }
    gate.networks.take(network(source), now)?;
    let rules =
        AuthRules { max_clock_skew: gate.rules.max_clock_skew, max_body: gate.rules.max_body, ..AuthRules::default() };
    let door = Door { address: &gate.address, rules: &rules, members: &*gate.members, seen: gate.memory.signed() };
    let signed = AuthHead { method: head.method.as_str(), target: head.target, headers: head.headers };
    let caller = authenticate_at(door, signed, body, now).await.map_err(|error| match error {
        AuthError::NotAMember(reason) => Refusal::NotAMember { reason: reason.into() },
        AuthError::Body(BodyError::Broken(reason)) => Refusal::BadBody { reason },
        AuthError::Body(error) => Refusal::of_body(error, gate.rules.max_body),
        other => Refusal::Signed(other),
    })?;
    gate.hotkeys.take(caller.hotkey, now)?;
    // The signature covers that there is no body: every field takes its default.
    let body = if caller.body.is_empty() { Bytes::from_static(b"{}") } else { caller.body };
    let synapse = read_body(spec, &body, gate.rules.max_base)?;
    Ok((caller.hotkey, caller.nonce, synapse))
}
