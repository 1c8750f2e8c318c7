//! Why a call brought no answer, in the codes and texts that dendrites report.

use crate::python::float_repr;

/// A call that failed on this side. The code and the text go to `dendrite.status_code` and
/// `dendrite.status_message`, as the Python dendrite puts them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallFailure {
    /// No complete answer within the time allowed.
    #[error("Request timeout after {} seconds", float_repr(*seconds))]
    TimedOut {
        /// The time allowed, in seconds.
        seconds: f64,
    },
    /// Nobody listens, or the neuron does not serve (0.0.0.0:0).
    #[error("Service unavailable at {ip}:{port}/{name}")]
    Unavailable {
        /// The address.
        ip: String,
        /// The port.
        port: u16,
        /// The synapse class.
        name: String,
    },
    /// The connection closed without an answer.
    #[error("Service disconnected: Server disconnected")]
    Disconnected,
    /// The answer's body ended early or broke.
    #[error("Payload error: {0}")]
    Payload(String),
    /// What came is not HTTP.
    #[error("Client response error: {0}")]
    NotHttp(String),
    /// The answer cannot be read as the synapse that was asked for.
    #[error("Failed to parse response: {0}")]
    Unreadable(String),
    /// The server does not prove to be the neuron that was called. Only QUIC can tell.
    #[error("Wrong server at {ip}:{port}: {reason}")]
    WrongServer {
        /// The address.
        ip: String,
        /// The port.
        port: u16,
        /// What is wrong with its proof.
        reason: String,
    },
    /// Too many requests wait to be sent already; nothing was sent, and it may be asked again soon.
    #[error("Request not sent: {0}")]
    Busy(String),
    /// The answer found no room beside the others in time.
    #[error("No room for the reply: {0}")]
    NoRoom(String),
    /// The request does not fit its class, could not be signed, or had no turn in time; nothing was sent.
    #[error("Request not sent: {0}")]
    NotSent(String),
}

// === impl CallFailure ===

impl CallFailure {
    /// The code that dendrites report.
    pub fn status(&self) -> u16 {
        match self {
            Self::TimedOut { .. } => 408,
            Self::Unavailable { .. } | Self::Disconnected | Self::Busy(_) => 503,
            Self::Payload(_) | Self::NotHttp(_) => 400,
            // 421 Misdirected Request: no peer has this case.
            Self::WrongServer { .. } => 421,
            Self::Unreadable(_) | Self::NotSent(_) => 422,
            // 507 Insufficient Storage: no peer has this case either.
            Self::NoRoom(_) => 507,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_python_dendrite() {
        let unavailable = CallFailure::Unavailable { ip: "127.0.0.1".into(), port: 18_109, name: "Prio".into() };
        assert_eq!(
            (unavailable.status(), unavailable.to_string().as_str()),
            (503, "Service unavailable at 127.0.0.1:18109/Prio")
        );
        let timeout = CallFailure::TimedOut { seconds: 3.0 };
        assert_eq!((timeout.status(), timeout.to_string().as_str()), (408, "Request timeout after 3.0 seconds"));
        assert_eq!(CallFailure::Disconnected.to_string(), "Service disconnected: Server disconnected");
    }
}
