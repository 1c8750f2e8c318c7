//! `state_traceBlock`: a block is executed once more, and what it reads and writes is told.
//!
//! As on a Substrate node, events are told only where both keys and methods (`Get`, `Put`, …) are asked for by the
//! beginning of their names. There are no spans: the runtime that this one stands for is built without them.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use codec::{Compact, Encode};
use serde::Serialize;
use serde_json::json;
use sp_core::H256;
use sp_runtime::DigestItem;
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    callsite::rebuild_interest_cache,
    dispatcher::with_default,
    field::{Field, Visit},
    span,
};

use super::{Answer, Arguments, error};
use crate::node::Node;

/// Whose events are told of where nobody says otherwise.
const TARGETS: &str = "pallet,frame,state";
/// The field that makes an event one of a trace.
const METHOD: &str = "method";
const KEY: &str = "key";
/// Bytes of values that are recorded; an answer with more could not be sent.
const MOST_BYTES: usize = 32 << 20;

pub(super) fn trace_block(node: &Node, arguments: &mut Arguments) -> Answer {
    let hash: H256 = arguments.required("block")?;
    let targets: Option<String> = arguments.optional("targets")?;
    let keys: Option<String> = arguments.optional("storageKeys")?;
    let methods: Option<String> = arguments.optional("methods")?;
    let failed = |details: &str| error::block_range(&format!("{hash:?}"), &format!("{:?}", None::<H256>), details);
    let block = node.chain.block(&hash).ok_or_else(|| failed("Missing block component: Header not found"))?;
    let mut header = block.header.clone();
    header.digest.logs.retain(|item| !matches!(item, DigestItem::Seal(..)));
    let parent = header.parent_hash;
    let mut encoded = header.encode();
    // The length of what is kept in memory fits.
    Compact(u32::try_from(block.extrinsics.len()).unwrap_or(u32::MAX)).encode_to(&mut encoded);
    encoded.extend(block.extrinsics.iter().flatten());

    let targets = targets.unwrap_or_else(|| TARGETS.to_owned());
    let wanted = keys.as_deref().zip(methods.as_deref());
    let recorder = Recorder::new(&targets, wanted);
    let told = recorder.told.clone();
    let dispatch = Dispatch::new(recorder);
    let executed = with_default(&dispatch, || node.chain.call(Some(parent), "Core_execute_block", &encoded));
    drop(dispatch);
    // Whatever listens to the events of this process stops looking at those that only a trace wants.
    rebuild_interest_cache();
    executed
        .map_err(|error| failed(&format!("Dispatch error: Failed to collect traces and execute block: {error}")))?;
    let told = std::mem::take(&mut *lock(&told));
    Ok(json!({ "blockTrace": {
        "blockHash": hex::encode(hash),
        "parentHash": hex::encode(parent),
        "tracingTargets": targets,
        "storageKeys": keys.unwrap_or_default(),
        "methods": methods.unwrap_or_default(),
        "spans": [],
        "events": told.events,
    } }))
}

/// Beginnings of names, each with the finest level that is meant.
struct Names(Vec<(String, Level)>);

impl Names {
    /// Reads `one,other=debug`.
    fn parse(text: &str) -> Self {
        let name = |text: &str| match text.split_once('=') {
            Some((name, level)) => (name.to_owned(), level.parse().unwrap_or(Level::TRACE)),
            None => (text.to_owned(), Level::TRACE),
        };
        Self(text.split(',').map(name).collect())
    }

    fn mean(&self, name: &str, level: Level) -> bool {
        self.0.iter().any(|(beginning, finest)| name.starts_with(beginning) && level <= *finest)
    }
}

// === Recording ===

/// One event as it is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    target: &'static str,
    data: Data,
    /// Events stand in no span.
    parent_id: Option<u64>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    string_values: BTreeMap<&'static str, String>,
}

impl Visit for Data {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.string_values.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.string_values.insert(field.name(), format!("{value:?}"));
    }

    // Only texts are told.
    fn record_i64(&mut self, _: &Field, _: i64) {}
    fn record_u64(&mut self, _: &Field, _: u64) {}
    fn record_bool(&mut self, _: &Field, _: bool) {}
}

#[derive(Debug, Default)]
struct Record {
    events: Vec<Told>,
    bytes: usize,
}

/// Listens to one thread while it executes a block.
struct Recorder {
    targets: Names,
    /// Keys and methods, where any are wanted.
    wanted: Option<(Names, Names)>,
    told: Arc<Mutex<Record>>,
}

impl Recorder {
    fn new(targets: &str, wanted: Option<(&str, &str)>) -> Self {
        let wanted = wanted.map(|(keys, methods)| (Names::parse(keys), Names::parse(methods)));
        Self { targets: Names::parse(targets), wanted, told: Arc::default() }
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.wanted.is_some()
            && metadata.is_event()
            && metadata.fields().field(METHOD).is_some()
            && self.targets.mean(metadata.target(), *metadata.level())
    }

    fn event(&self, event: &Event<'_>) {
        let Some((keys, methods)) = &self.wanted else { return };
        let (level, mut data) = (*event.metadata().level(), Data::default());
        event.record(&mut data);
        let are_meant =
            |names: &Names, field| data.string_values.get(field).is_some_and(|value: &String| names.mean(value, level));
        if !are_meant(keys, KEY) || !are_meant(methods, METHOD) {
            return;
        }
        let mut record = lock(&self.told);
        if record.bytes < MOST_BYTES {
            record.bytes += data.string_values.values().map(String::len).sum::<usize>();
            record.events.push(Told { target: event.metadata().target(), data, parent_id: None });
        }
    }

    // Spans are none of its business, and never enabled.

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_meant_by_their_beginning_and_level() {
        let names = Names::parse("state,pallet=info,frame=loud");
        assert!(names.mean("state", Level::TRACE) && names.mean("state_machine", Level::ERROR));
        assert!(names.mean("pallet_balances", Level::INFO) && !names.mean("pallet_balances", Level::DEBUG));
        assert!(names.mean("frame_system", Level::TRACE), "an unknown level is the finest");
        assert!(!names.mean("other", Level::ERROR));
        assert!(Names::parse("").mean("anything", Level::TRACE));
    }
}
