//! The noun `config`: what the running daemon goes by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{method::methods, rpc::Nothing};

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Its path in btd.toml, such as `rpc.socket`.
    pub key: String,
    /// Its value. Of an endpoint, the host alone: the rest may hold a key to it.
    pub value: serde_json::Value,
    /// Where it is said: a file, a variable, a flag, the preset of a network, or `default`.
    pub origin: String,
}

/// Reply of [`Show`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonSettings {
    /// Every setting, by its path.
    pub settings: Vec<Setting>,
}

methods! {
    /// What the running daemon goes by, and where each value is said
    Show = "config_show" (Read): Nothing => DaemonSettings;
}
