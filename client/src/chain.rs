//! The noun `chain`: how the link stands (`status`), raw reads (`query`), finalized blocks and
//! events as they come (`events`), and how an event reads.

mod events;
pub(crate) mod query;
mod status;

use btd_api::chain::Event;
use clap::Args;
use serde_json::Value;

pub(crate) use self::{events::EventsArgs, query::Query};
use crate::{exit::Exit, failure::Failure, output::text, session::Session};

/// `btctl chain`
#[derive(Args, Debug)]
pub(crate) struct ChainArgs {}

// === impl ChainArgs ===

impl ChainArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        status::run(session).await
    }
}

/// `Balances.Transfer from=5... to=5... amount=1`
pub(crate) fn event(event: &Event) -> String {
    let mut words = vec![format!("{}.{}", event.pallet, event.name)];
    match &event.fields {
        // It says how heavy the extrinsic was, which nobody reads along.
        _ if event.pallet == "System" && event.name == "ExtrinsicSuccess" => {}
        Value::Object(fields) => words.extend(fields.iter().map(|(name, value)| format!("{name}={}", field(value)))),
        Value::Array(fields) => words.extend(fields.iter().map(field)),
        Value::Null => {}
        other => words.push(field(other)),
    }
    text::visible(&words.join(" ")).into_owned()
}

/// A decoded value as a person reads it: texts bare, an address without the form it was given in.
pub(crate) fn field(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) if members.len() == 1 && members.contains_key("Id") => field(&members["Id"]),
        other => other.to_string(),
    }
}
