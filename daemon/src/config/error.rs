//! Why there is no configuration.

use std::{io, path::PathBuf};

/// Why the settings cannot be used. Names the source, the key and the value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration {} is not TOML: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A key that no part of btd knows.
    #[error("{origin}: unknown key `{key}`{}", hint.as_ref().map(|near| format!("\nhint: did you mean `{near}`?")).unwrap_or_default())]
    UnknownKey {
        /// The file, the variable or the flag.
        origin: String,
        /// The path of the key.
        key: String,
        /// A known key that is near.
        hint: Option<String>,
    },
    /// A value that does not fit its key.
    #[error("{origin}: `{key}` cannot be {value}: {reason}")]
    BadValue {
        /// The file, the variable or the flag.
        origin: String,
        /// The path of the key.
        key: String,
        /// What was given.
        value: String,
        /// What would fit.
        reason: String,
    },
    /// Settings that do not fit together.
    #[error("the configuration contradicts itself: {0}")]
    Contradiction(String),
    /// A variable that is no text.
    #[error("the variable {0} is not valid Unicode")]
    NotText(String),
    /// No place for files: neither a setting nor a variable tells one.
    #[error("no place for {what}: set `directories.{key}`, or the variable HOME")]
    Homeless {
        /// What has no place.
        what: &'static str,
        /// The key that would give one.
        key: &'static str,
    },
}
