//! The noun `rpc`: the contract about itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::method::methods;

/// No parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

methods! {
    /// The OpenRPC document of this daemon
    Discover = "rpc_discover" (Read): Nothing => serde_json::Value;
}
