//! Where events go: one line each, on stderr, for people or as JSON.
//!
//! No files and no rotation: the service manager keeps what a service prints. What callers send is
//! never an event; and since libraries that carry requests would print them when asked for their
//! finest events, their level ends at `info` whatever the filter says. A panic says where it was; its
//! words are repeated only if they stand in the code, since others are made of what was being worked
//! on, and passwords pass through here.

use std::{any::Any, io::IsTerminal, panic, str::FromStr, thread};

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, filter::Directive};

/// Settings of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which events: `error`, `warn`, `info`, `debug` or `trace`, or a level for each module such
    /// as `info,btd::axon=debug`.
    pub filter: String,
    /// In which form.
    pub format: Format,
}

impl Default for Config {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: Format::Human }
    }
}

/// The form of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error(
        "log.filter = `{filter}` is not a filter: {reason}; write a level, or levels by module such as `info,btd::axon=debug`"
    )]
    Filter {
        /// What was configured.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something set a log up before.
    #[error("the log is set up already")]
    Twice,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            other => Err(format!("`{other}` is not a form of log: write `human` or `json`")),
        }
    }
}

impl TryFrom<String> for Format {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

fn filter(config: &Config, talkative: &[&str]) -> Result<EnvFilter, LogError> {
    let wrong = |reason: String| LogError::Filter { filter: config.filter.clone(), reason };
    let mut filter = EnvFilter::try_new(&config.filter).map_err(|error| wrong(error.to_string()))?;
    for library in talkative {
        let level = if config.filter.trim() == "off" { "off" } else { "info" };
        let directive = format!("{library}={level}");
        filter = filter.add_directive(Directive::from_str(&directive).map_err(|error| wrong(error.to_string()))?);
    }
    Ok(filter)
}

/// Sends all events of this process to stderr, panics among them. Libraries of the `talkative`
/// names say nothing finer than `info`, and panics of threads of the `trapped` name, which are
/// answered as errors where they are caught, nothing above `debug`.
///
/// # Errors
/// When the filter cannot be read, or a log was set up before.
pub fn begin(config: &Config, talkative: &[&str], trapped: &'static str) -> Result<(), LogError> {
    let events = tracing_subscriber::fmt().with_env_filter(filter(config, talkative)?).with_writer(std::io::stderr);
    match config.format {
        Format::Human => events.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => events.json().flatten_event(true).with_current_span(false).try_init(),
    }
    .map_err(|_| LogError::Twice)?;
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        if thread::current().name() == Some(trapped) {
            // A runtime knows nothing but its chain.
            tracing::debug!(place, message = panic.payload_as_str(), "trapped a panic");
        } else {
            tracing::error!(place, message = panic_words(panic.payload()), "panicked");
        }
    }));
    Ok(())
}

/// What a panic said, if those words stand in the code as they are.
pub(crate) fn panic_words(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("its words may hold what was worked on, and are left out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_named() {
        let config = Config { filter: "btd=loud".into(), ..Config::default() };
        let error = filter(&config, &[]).unwrap_err().to_string();
        assert!(error.contains("log.filter = `btd=loud`"), "{error}");
    }

    #[test]
    fn a_panic_repeats_the_words_of_the_code_alone() {
        let words = |work: fn(u8)| panic_words(&*panic::catch_unwind(|| work(7)).unwrap_err());
        assert_eq!(words(|_| panic!("as it stands here")), "as it stands here");
        assert!(words(|number| panic!("made of {number}")).contains("left out"));
        assert!(words(|number| drop("ß"[usize::from(number > 0)..].to_owned())).contains("left out"));
        assert!(words(|number| panic::panic_any(number)).contains("left out"));
    }

    #[test]
    fn no_filter_makes_the_carriers_of_requests_talk() {
        let config = Config { filter: "trace,carrier=trace".into(), ..Config::default() };
        let text = filter(&config, &["carrier", "other-carrier"]).unwrap().to_string();
        assert!(text.contains("carrier=info") && text.contains("other-carrier=info"), "{text}");
        assert!(!text.contains("carrier=trace"), "{text}");
    }
}
