//! The noun `config`: what this run of the daemon goes by.
//!
//! What was read at the start, and nothing else: no file is read again. Providers put keys into
//! URLs, so of those only the host is told.

use std::sync::Arc;

use btd_api::{
    config::{DaemonSettings, Setting, Show},
    rpc::Nothing,
};
use btd_chain::Endpoint;
use serde_json::Value;

use super::{Caller, Failure, Table};
use crate::daemon::Parts;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table.noun(parts).method::<Show>(show).done();
}

async fn show(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<DaemonSettings, Failure> {
    let settings = parts.settings.iter().map(|one| Setting {
        key: one.key.clone(),
        value: presentable(&one.value),
        origin: one.origin.clone(),
    });
    Ok(DaemonSettings { settings: settings.collect() })
}

/// The same with each URL in the form that may be seen.
fn presentable(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains("://") => Value::from(Endpoint::from(text.as_str()).to_string()),
        Value::Array(items) => items.iter().map(presentable).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_in_urls_are_not_told() {
        let told = presentable(&json!(["wss://node.example/secret?key=1", "plain"]));
        assert_eq!(told, json!(["wss://node.example/…", "plain"]));
    }
}
