//! How a request failed, and what a node means by the words in which it says no.

use std::time::Duration;

use serde_json::Value as Json;

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
