//! How a request failed, and what a node means by the words in which it says no.

use std::time::Duration;

use serde_json::Value as Json;

use crate::error::ConnectError;

/// How a request failed.
#[derive(Debug, Clone)]
pub(crate) enum RpcProblem {
    /// No answer in time.
    Deadline(Duration),
    /// Its turn did not come in so long: with `is_slowed` because the node turns requests away, maybe this one too.
    NoTurn { after: Duration, is_slowed: bool },
    /// The connection is gone.
    Cut(String),
    /// The connection was left for another one before the answer came.
    Left,
    /// The answer was larger than what is accepted, and took the connection with it.
    Oversized,
    /// The node answered with an error.
    Refused { code: i32, message: String, data: Option<String> },
    /// The answer does not read as what was asked for.
    Garbled(String),
}

impl From<subxt_rpcs::Error> for RpcProblem {
    fn from(error: subxt_rpcs::Error) -> Self {
        match error {
            subxt_rpcs::Error::User(said) => {
                let data = said.data.map(|raw| match serde_json::from_str(raw.get()) {
                    Ok(Json::String(text)) => text,
                    _ => raw.get().to_owned(),
                });
                Self::Refused { code: said.code, message: said.message, data }
            }
            subxt_rpcs::Error::Deserialization(reason) => Self::Garbled(reason.to_string()),
            subxt_rpcs::Error::Decode(reason) => Self::Garbled(reason.to_string()),
            other => Self::broken(other.to_string()),
        }
    }
}

// === impl RpcProblem ===

impl RpcProblem {
    /// A connection that ended. The transport tells an answer that is too large from any other end
    /// in words alone (`soketto::connection::Error::MessageTooLarge`; of a single frame above 256 MiB
    /// `soketto::base::Error::PayloadTooLarge`).
    fn broken(reason: String) -> Self {
        let is_too_large = ["message too large", "payload too large"].iter().any(|words| reason.contains(words));
        if is_too_large { Self::Oversized } else { Self::Cut(reason) }
    }

    /// Whether the endpoint turned the request away because there were too many. Nodes say so with
    /// -32999 (polkadot-sdk, `--rpc-rate-limit`). Proxies before them have no common code for it: these are
    /// HTTP's, and those of the large providers.
    pub(crate) fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Refused { code: 429 | -32005 | -32029 | -32097 | -32999, .. })
    }

    /// Whether it may be the endpoint's own, so that another one answers. Not where what was asked for is at fault, of
    /// which all say the same; nor where a state is gone, which archives have, or too much was asked at once. That a
    /// method is not there (-32601) is its own: every node has those that are asked for, and a gateway may let some of
    /// them not pass.
    pub(crate) fn may_be_its_own(&self) -> bool {
        match self {
            Self::Deadline(_) | Self::Oversized | Self::Garbled(_) => true,
            Self::Refused { code, message, data } => {
                let is_said = |tells: fn(&str) -> bool| tells(message) || data.as_deref().is_some_and(tells);
                !self.is_rate_limit() && !is_of_parameters(*code) && !is_said(tells_of_runtime) && !is_said(tells_gone)
            }
            Self::NoTurn { .. } | Self::Cut(_) | Self::Left => false,
        }
    }

    /// Whether the endpoint says that a limit of its own is in the way, in the codes of jsonrpsee: on a request, on an
    /// answer, or on how many are answered at once. Another one may have wider limits, and is no better for that.
    pub(crate) fn is_of_its_limits(&self) -> bool {
        matches!(self, Self::Refused { code: -32009..=-32007, .. })
    }

    /// What it says about the endpoint that was asked for `what`, and of which `largest` bytes are accepted.
    pub(crate) fn fault(self, endpoint: String, what: &str, largest: u32) -> ConnectError {
        match self {
            Self::NoTurn { is_slowed: true, .. } => ConnectError::RateLimited { endpoint },
            Self::Deadline(after) | Self::NoTurn { after, .. } => {
                ConnectError::Silent { endpoint, what: what.to_owned(), after }
            }
            Self::Cut(reason) => ConnectError::Cut { endpoint, reason },
            Self::Left => ConnectError::Cut { endpoint, reason: "it was left before the answer came".to_owned() },
            Self::Oversized => ConnectError::Oversized { endpoint, limit: largest },
            turned_away if turned_away.is_rate_limit() => ConnectError::RateLimited { endpoint },
            Self::Refused { code, message, data } => {
                let said = with_data(message, data);
                if tells_gone(&said) {
                    return ConnectError::Pruned { endpoint, what: what.to_owned(), reason: said };
                }
                ConnectError::Unusable { endpoint, reason: format!("it refused {what}: {said} (code {code})") }
            }
            Self::Garbled(reason) => {
                ConnectError::Unusable { endpoint, reason: format!("its answer to {what} is something else: {reason}") }
            }
        }
    }
}

/// Whether a node refuses parameters with this code: JSON-RPC's own for a request and for parameters that do not read,
/// and polkadot-sdk's for a range of blocks and a number of keys.
fn is_of_parameters(code: i32) -> bool {
    matches!(code, -32700 | -32602 | -32600 | 4001 | 4002)
}

/// Whether a node says so that the runtime itself has no such call, or did not come to an end in it, in the words of
/// `sc_executor`.
fn tells_of_runtime(said: &str) -> bool {
    const WORDS: [&str; 2] = ["Execution aborted due to", "Exported method"];
    WORDS.iter().any(|words| said.contains(words))
}

/// What a node says beside its message, behind it.
pub(crate) fn with_data(message: String, data: Option<String>) -> String {
    match data {
        Some(data) => format!("{message}: {data}"),
        None => message,
    }
}

/// Whether a node says so that it has not, or no more, what belongs to a block, in the words of `sp_blockchain`: a node
/// that keeps few states has thrown it away, and one that began at a snapshot never had the block. Only blocks that
/// the chain has are asked about.
pub(crate) fn tells_gone(said: &str) -> bool {
    const WORDS: [&str; 3] = ["Header was not found", "Expect header", "Expect block number from id"];
    WORDS.iter().any(|words| said.contains(words)) || tells_discarded(said)
}

/// Whether a node says so that it had it once.
pub(crate) fn tells_discarded(said: &str) -> bool {
    said.contains("State already discarded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_an_endpoints_own_is_asked_of_another() {
        let refused = |code, message: &str, data: Option<&str>| RpcProblem::Refused {
            code,
            message: message.to_owned(),
            data: data.map(ToOwned::to_owned),
        };
        let own = [
            RpcProblem::Deadline(Duration::from_secs(20)),
            RpcProblem::Oversized,
            RpcProblem::Garbled("an odd number of digits".to_owned()),
            refused(-32_603, "Internal error", None),
            refused(-32_601, "Method not found", None),
            refused(-32_000, "busy", None),
            refused(4003, "Client error: Execution failed: Other: failed to instantiate a new WASM module", None),
        ];
        for problem in own {
            assert!(problem.may_be_its_own(), "{problem:?}");
        }
        let others = [
            RpcProblem::NoTurn { after: Duration::from_secs(20), is_slowed: false },
            RpcProblem::Left,
            RpcProblem::Cut("closed".to_owned()),
            refused(429, "too many requests", None),
            refused(-32_602, "Invalid params", None),
            refused(4002, "count exceeds maximum value", None),
            refused(4003, "Client error: Execution failed: Other: Exported method Api_call is not found", None),
            refused(4003, "Client error: Execution failed: Execution aborted due to trap: wasm trap", None),
            refused(4003, "Client error", Some("UnknownBlock: State already discarded for 0x00")),
        ];
        for problem in others {
            assert!(!problem.may_be_its_own(), "{problem:?}");
        }
        for code in [-32_007, -32_008, -32_009] {
            let limit = refused(code, "Response is too big", None);
            assert!(limit.may_be_its_own() && limit.is_of_its_limits(), "{limit:?}");
        }
        assert!(!refused(-32_603, "Internal error", None).is_of_its_limits());
    }
}
