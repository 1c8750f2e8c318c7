//! Why the signer did not do what btd asked.

use std::{io, path::PathBuf, time::Duration};

use btd_signer_protocol::{Refusal, RefusalKind, frame::FrameError};

/// Why there is no answer, or a refusal for one.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The signer refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The signer ended before it answered.
    #[error("the signer ended before it answered: every key is locked now, and btd starts it again; ask once more")]
    Died,
    /// It is not there.
    #[error("the signer is not there at the moment: btd tries to start or find it again")]
    Unavailable,
    /// Call or answer.
    #[error("the signer and btd do not understand each other: {0}")]
    Frame(#[from] FrameError),
    /// Its answer belongs to another build.
    #[error("the signer speaks version {found} of the protocol, and btd version {known}: install both from one build")]
    Version {
        /// The signer's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// There is no program.
    #[error(
        "there is no signer at {}\nhint: btd-signer belongs beside btd (`cargo build` makes both); name another place by \
         keys.signer or BTD_SIGNER",
        path.display()
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The program does not start.
    #[error("cannot start {}: {source}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its sockets do not answer.
    #[error("cannot reach the signer at {}: {source}\nhint: is btd-signer.service running, and may btd connect?", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It did not say who it is.
    #[error("the signer ended, or said nothing for {} s, instead of greeting: {last_words}", waited.as_secs())]
    NoGreeting {
        /// How long it had.
        waited: Duration,
        /// The last line of its log.
        last_words: String,
    },
}

// === impl CustodyError ===

impl CustodyError {
    /// Of which kind the signer's refusal is, if it is one.
    pub fn refusal(&self) -> Option<RefusalKind> {
        match self {
            Self::Refused(refusal) => Some(refusal.kind),
            Self::Died
            | Self::Unavailable
            | Self::Frame(_)
            | Self::Version { .. }
            | Self::Missing { .. }
            | Self::Start { .. }
            | Self::Connect { .. }
            | Self::NoGreeting { .. } => None,
        }
    }
}
