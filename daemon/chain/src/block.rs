//! A finalized block, decoded: events and extrinsics as data.
//!
//! Decoding is pure: bytes and the [`Runtime`] that executed the block go in. What cannot be
//! decoded is said in [`FinalizedBlock::illegible`] instead of losing the block; the order and
//! numbering of blocks never depend on it, nor do the events on the extrinsics.

mod body;
mod subnets;

use std::{collections::BTreeSet, fmt};

use btd_api::{AccountId, BlockHash, BlockNumber, NetUid, Tao};
use codec::{Compact, Decode};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    dispatch::DispatchError,
    extrinsic::ExtrinsicHash,
    runtime::Runtime,
    scale::{Mismatch, json, skip},
};

/// One block, by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Its height.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: BlockHash,
}

impl fmt::Display for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.number, self.hash)
    }
}

/// A finalized block with what it holds and what it caused.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalizedBlock {
    /// The block.
    pub block: BlockRef,
    /// Its parent's hash.
    pub parent: BlockHash,
    /// The time that its author wrote into it (`Timestamp.set`), in milliseconds since 1970.
    pub timestamp_ms: Option<u64>,
    /// The runtime that executed it, if that is known. An upgrade in this block shows from the next one on.
    pub spec_version: Option<u32>,
    /// Its extrinsics, inherents included, in order.
    pub extrinsics: Vec<Extrinsic>,
    /// Its events, in order.
    pub events: Vec<Event>,
    /// What could not be decoded; empty as a rule.
    pub illegible: Vec<Illegible>,
}

/// A part of a block that could not be decoded, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Illegible {
    /// An extrinsic. Anybody can bring one about; what it caused, the events tell all the same.
    Extrinsic(String),
    /// The events, or those from one of them on: what the block caused is not known whole.
    Events(String),
    /// The runtime that executed it is not known: everything is decoded by another one, and may be something else.
    Runtime(String),
}

impl fmt::Display for Illegible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extrinsic(words) | Self::Events(words) | Self::Runtime(words) => f.write_str(words),
        }
    }
}

/// An event, decoded by the metadata of its block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The pallet that raised it.
    pub pallet: String,
    /// Its name.
    pub name: String,
    /// Its fields: an object when they are named, else an array. Accounts are SS58 text, bytes are
    /// `0x` hex, integers of 64 bits and more are decimal text.
    pub fields: Json,
    /// The subnets in the fields that are netuids by their type; none of a runtime that has no such type.
    pub subnets: BTreeSet<NetUid>,
    /// The index of the extrinsic that caused it; none for the block's own hooks.
    pub extrinsic: Option<u32>,
}

/// An extrinsic as it lies in a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Extrinsic {
    /// Its position in the block.
    pub index: u32,
    /// Its hash.
    pub hash: ExtrinsicHash,
    /// Who signed it; none for inherents and other unsigned ones.
    pub signer: Option<AccountId>,
    /// What it calls, where the metadata can tell.
    pub call: Option<DecodedCall>,
    /// How it ended, from the events `System.ExtrinsicSuccess` and `ExtrinsicFailed`; none where
    /// the block's events are illegible. A call inside its call (of a proxy, a batch, a multisig,
    /// sudo) that failed counts as its failure.
    pub result: Option<Result<(), DispatchError>>,
    /// The fee that was paid (`TransactionPayment.TransactionFeePaid`), if any.
    pub fee: Option<Tao>,
}

/// A call as data, read back from bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecodedCall {
    /// The pallet.
    pub pallet: String,
    /// The call.
    pub call: String,
    /// The arguments by name, in the form of [`Event::fields`].
    pub args: Json,
}

// === impl FinalizedBlock ===

impl FinalizedBlock {
    /// Whether [`Self::events`] are all that it caused. They are, too, where an extrinsic alone is illegible.
    pub fn tells_all_events(&self) -> bool {
        !self.illegible.iter().any(|part| matches!(part, Illegible::Events(_) | Illegible::Runtime(_)))
    }
}

/// A block as it came from the node.
pub(crate) struct RawBlock {
    pub(crate) block: BlockRef,
    pub(crate) parent: BlockHash,
    pub(crate) extrinsics: Vec<Vec<u8>>,
    /// The value of `System.Events`, none where there is none; or why it is not known.
    pub(crate) events: Result<Option<Vec<u8>>, String>,
}

// === impl RawBlock ===

impl RawBlock {
    /// What is wrong with a block that is said to have caused nothing although something is in it: every extrinsic
    /// causes an event at least, which says how it ended.
    pub(crate) fn lacks_events(&self) -> Option<String> {
        let is_empty = match &self.events {
            Ok(None) => true,
            Ok(Some(bytes)) => matches!(bytes.as_slice(), [] | [0]),
            Err(_) => false,
        };
        let extrinsics = self.extrinsics.len();
        (is_empty && extrinsics > 0).then(|| format!("none, though there are {extrinsics} extrinsics in the block"))
    }
}

/// Decodes `raw` with the runtime that executed it.
pub(crate) fn decode(raw: &RawBlock, runtime: &Runtime) -> FinalizedBlock {
    let mut illegible = Vec::new();
    let (events, mut results) = match &raw.events {
        Ok(events) => decode_events(events.as_deref(), runtime, &mut illegible),
        Err(missing) => {
            illegible.push(Illegible::Events(missing.clone()));
            Default::default()
        }
    };
    illegible.extend(raw.lacks_events().map(|problem| Illegible::Events(format!("the events: {problem}"))));
    let mut extrinsics = Vec::with_capacity(raw.extrinsics.len());
    for (index, bytes) in (0..).zip(&raw.extrinsics) {
        let (signer, call) = body::read(bytes, runtime);
        let call =
            call.map_err(|problem| illegible.push(Illegible::Extrinsic(format!("extrinsic {index}: {problem}"))));
        // The first counts: what a call inside the call came to is told before the call's own end.
        let position = results.iter().position(|(of, ..)| *of == index);
        let result = position.map(|position| results.remove(position).1);
        let fee = fee_paid(&events, index);
        extrinsics.push(Extrinsic { index, hash: ExtrinsicHash::of(bytes), signer, call: call.ok(), result, fee });
    }
    if !illegible.iter().any(|part| matches!(part, Illegible::Events(_))) {
        illegible.extend(disagreement(&extrinsics, &events).map(Illegible::Events));
    }
    FinalizedBlock {
        block: raw.block,
        parent: raw.parent,
        timestamp_ms: timestamp(&extrinsics),
        spec_version: Some(runtime.spec_version()),
        extrinsics,
        events,
        illegible,
    }
}

/// Where events do not tell how each of these extrinsics ended, or tell of others: they are not of this block, or not
/// all of them.
fn disagreement(extrinsics: &[Extrinsic], events: &[Event]) -> Option<String> {
    let count = extrinsics.len();
    let strange = events.iter().filter_map(|event| event.extrinsic).find(|index| *index as usize >= count);
    let endless = extrinsics.iter().find(|extrinsic| extrinsic.result.is_none()).map(|extrinsic| extrinsic.index);
    strange
        .map(|index| format!("the events tell of extrinsic {index}, and the block has {count}"))
        .or_else(|| endless.map(|index| format!("the events do not tell how extrinsic {index} ended")))
}

/// Decodes `raw` with a runtime that may not be the one that executed it: `why` that is not known.
pub(crate) fn guess(raw: &RawBlock, runtime: &Runtime, why: impl fmt::Display) -> FinalizedBlock {
    let mut decoded = decode(raw, runtime);
    let words = format!(
        "the runtime that executed it is not known: {why}; decoded by that of spec {}, it may be something else",
        runtime.spec_version()
    );
    decoded.illegible.insert(0, Illegible::Runtime(words));
    FinalizedBlock { spec_version: None, ..decoded }
}

/// Decodes `raw` with the runtime in the state behind it. It has executed the block unless the block has put it there:
/// `why` that of the state before is not known.
pub(crate) fn decode_by_its_own(raw: &RawBlock, runtime: &Runtime, why: impl fmt::Display) -> FinalizedBlock {
    let decoded = decode(raw, runtime);
    let is_upgrade = decoded.events.iter().any(|event| event.pallet == "System" && event.name == "CodeUpdated");
    // Without its events nobody knows whether it has.
    if is_upgrade || !decoded.tells_all_events() {
        return guess(raw, runtime, why);
    }
    decoded
}

/// The block's own time, an argument of the inherent `Timestamp.set`.
fn timestamp(extrinsics: &[Extrinsic]) -> Option<u64> {
    let set = extrinsics.iter().filter_map(|extrinsic| extrinsic.call.as_ref());
    set.filter(|call| call.pallet == "Timestamp" && call.call == "set")
        .find_map(|call| call.args.get("now")?.as_str()?.parse().ok())
}

/// The fee that extrinsic `index` paid, tip included.
fn fee_paid(events: &[Event], index: u32) -> Option<Tao> {
    let mut paid = events.iter().filter(|event| {
        event.extrinsic == Some(index) && event.pallet == "TransactionPayment" && event.name == "TransactionFeePaid"
    });
    paid.find_map(|event| event.fields.get("actual_fee")?.as_str()?.parse().ok().map(Tao::from_rao))
}

/// Which extrinsic ended how.
type Results = Vec<(u32, Result<(), DispatchError>)>;

fn decode_events(bytes: Option<&[u8]>, runtime: &Runtime, illegible: &mut Vec<Illegible>) -> (Vec<Event>, Results) {
    let (mut events, mut results) = (Vec::new(), Vec::new());
    // A block without events has no such value in storage.
    let Some(mut input) = bytes else { return (events, results) };
    let Ok(Compact(count)) = Compact::<u32>::decode(&mut input) else {
        illegible.push(Illegible::Events("the events do not begin with their number".to_owned()));
        return (events, results);
    };
    for index in 0..count {
        // Events are not self-delimiting: the first that cannot be read hides those behind it.
        match decode_event(&mut input, runtime, &mut results) {
            Ok(event) => events.push(event),
            Err(problem) => {
                let words = format!("event {index} and the {} behind it: {problem}", count - index - 1);
                illegible.push(Illegible::Events(words));
                break;
            }
        }
    }
    (events, results)
}

fn decode_event(input: &mut &[u8], runtime: &Runtime, results: &mut Results) -> Result<Event, Mismatch> {
    let codec = |_| Mismatch::new("the bytes end inside an event's head");
    // frame_system::Phase: 0 applying an extrinsic (u32), 1 finalization, 2 initialization.
    let extrinsic = match u8::decode(input).map_err(codec)? {
        0 => Some(u32::decode(input).map_err(codec)?),
        1 | 2 => None,
        other => return Err(Mismatch::new(format!("{other} is not a phase of a block"))),
    };
    let (pallet_index, event_index) = <(u8, u8)>::decode(input).map_err(codec)?;
    let pallet = runtime
        .metadata()
        .pallet_by_event_index(pallet_index)
        .ok_or_else(|| Mismatch::new(format!("no pallet has index {pallet_index}")))?;
    let variant = pallet
        .event_variant_by_index(event_index)
        .ok_or_else(|| Mismatch::new(format!("{} has no event {event_index}", pallet.name())))?;
    let whole = *input;
    let fields = json::decode_fields(input, &variant.fields, runtime.types())
        .map_err(|m| m.inside(format!("{}.{}", pallet.name(), variant.name)))?;
    if let (Some(of), "System") = (extrinsic, pallet.name()) {
        match variant.name.as_str() {
            "ExtrinsicSuccess" => results.push((of, Ok(()))),
            "ExtrinsicFailed" => {
                let error = variant.fields.first().map(|field| DispatchError::read(&mut &*whole, field.ty.id, runtime));
                results.push((of, Err(error.transpose()?.unwrap_or_else(DispatchError::unknown))));
            }
            _ => {}
        }
    }
    if let (Some(of), Some(failure)) = (extrinsic, inner_failure(pallet.name(), variant, whole, runtime)?) {
        results.push((of, Err(failure)));
    }
    // Topics: 32-byte hashes.
    let Compact(topics) = Compact::<u32>::decode(input).map_err(codec)?;
    for _ in 0..topics {
        <[u8; 32]>::decode(input).map_err(codec)?;
    }
    let subnets = subnets::named(&fields, &variant.fields);
    Ok(Event { pallet: pallet.name().to_owned(), name: variant.name.clone(), fields, subnets, extrinsic })
}

/// Events that tell how a call inside a call ended, by the field that says so. The call around it
/// succeeds either way.
const INNER: [(&str, &str, &str); 7] = [
    ("Multisig", "MultisigExecuted", "result"),
    ("Proxy", "ProxyExecuted", "result"),
    ("Sudo", "Sudid", "sudo_result"),
    ("Sudo", "SudoAsDone", "sudo_result"),
    ("Utility", "BatchInterrupted", "error"),
    ("Utility", "DispatchedAs", "result"),
    ("Utility", "ItemFailed", "error"),
];

/// How a call inside the extrinsic's own call failed, if this event says that it did.
fn inner_failure(
    pallet: &str,
    variant: &scale_info::Variant<scale_info::form::PortableForm>,
    fields: &[u8],
    runtime: &Runtime,
) -> Result<Option<DispatchError>, Mismatch> {
    let Some((.., wanted)) = INNER.iter().find(|(of, name, _)| (*of, *name) == (pallet, variant.name.as_str())) else {
        return Ok(None);
    };
    let mut input = fields;
    for field in &variant.fields {
        if field.name.as_deref() == Some(wanted) {
            return DispatchError::read_failure(&mut input, field.ty.id, runtime);
        }
        skip(&mut input, field.ty.id, runtime.types())?;
    }
    Ok(None)
}

/// Reads a call back from its bytes: pallet and call index, then the arguments.
pub(crate) fn decode_call(bytes: &[u8], runtime: &Runtime) -> Result<DecodedCall, Mismatch> {
    let [pallet_index, call_index, arguments @ ..] = bytes else {
        return Err(Mismatch::new("a call has at least two bytes"));
    };
    let pallet = runtime
        .metadata()
        .pallet_by_call_index(*pallet_index)
        .ok_or_else(|| Mismatch::new(format!("no pallet has index {pallet_index}")))?;
    let variant = pallet
        .call_variant_by_index(*call_index)
        .ok_or_else(|| Mismatch::new(format!("{} has no call {call_index}", pallet.name())))?;
    let mut input = arguments;
    let args = json::decode_fields(&mut input, &variant.fields, runtime.types())
        .map_err(|m| m.inside(format!("{}.{}", pallet.name(), variant.name)))?;
    if !input.is_empty() {
        return Err(Mismatch::new(format!("{} bytes are left over behind the call", input.len())));
    }
    Ok(DecodedCall { pallet: pallet.name().to_owned(), call: variant.name.clone(), args })
}

#[cfg(test)]
mod tests;
