//! What a synapse says of one end of the call.

use super::Coercion;
use crate::python::{Member, Value, float_repr, read_float, read_int};

/// One end of a call as the message states it. Nothing in it is proven: an axon's facts in a reply
/// are whatever the answering server wrote.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terminal {
    /// HTTP-like status of this end.
    pub status_code: Option<i64>,
    /// The text that belongs to the status.
    pub status_message: Option<String>,
    /// Seconds this end spent on the call.
    pub process_time: Option<f64>,
    /// The address as text.
    pub ip: Option<String>,
    /// The port.
    pub port: Option<i64>,
    /// The version integer, see [`crate::version`].
    pub version: Option<i64>,
    /// A number that grows: nanoseconds since 1970 in every current peer.
    pub nonce: Option<i128>,
    /// Names the instance that sends; a nonce grows per hotkey and uuid.
    pub uuid: Option<String>,
    /// The hotkey's address, in the spelling of whoever wrote it.
    pub hotkey: Option<String>,
    /// `0x` and 128 hex digits.
    pub signature: Option<String>,
}

// === impl Terminal ===

impl Terminal {
    /// The terminal as the ten members of a JSON object, in the order of the model.
    pub(super) fn members(&self) -> [(&'static str, Member<'_>); 10] {
        let [status_code, status_message, process_time, ip, port, version, nonce, uuid, hotkey, signature] = KNOWN;
        [
            (status_code, Member::int(self.status_code)),
            (status_message, Member::text(self.status_message.as_deref())),
            (process_time, Member::of(self.process_time, Member::Float)),
            (ip, Member::text(self.ip.as_deref())),
            (port, Member::int(self.port)),
            (version, Member::int(self.version)),
            (nonce, Member::int(self.nonce)),
            (uuid, Member::text(self.uuid.as_deref())),
            (hotkey, Member::text(self.hotkey.as_deref())),
            (signature, Member::text(self.signature.as_deref())),
        ]
    }

    /// Reads the JSON object of a body; unknown members are ignored, `null` is an empty terminal.
    /// Numbers may be anything that Python's `int()` or `float()` takes.
    pub(super) fn from_value(value: &Value) -> Result<Self, Coercion> {
        let members = match value {
            Value::None => return Ok(Self::default()),
            Value::Dict(members) => &**members,
            _ => return Err(fault("", "Input should be a valid dictionary")),
        };
        let mut terminal = Self::default();
        for (name, value) in members {
            let whole = matches!(name.as_str(), "status_code" | "port" | "version" | "nonce");
            let number = whole || name == "process_time";
            let text = match value {
                Value::None => continue,
                Value::Str(text) => text.to_string(),
                Value::Int(value) if number => value.to_string(),
                Value::Bool(truth) if number => u8::from(*truth).to_string(),
                // `int(3.7)` cuts.
                Value::Float(value) if whole && value.is_finite() => format!("{:.0}", value.trunc()),
                Value::Float(value) if number => float_repr(*value),
                _ if KNOWN.contains(&name.as_str()) => return Err(fault(name, "Input should be a plain value")),
                _ => continue,
            };
            terminal.set(name, &text)?;
        }
        Ok(terminal)
    }

    /// Takes over one field of a header block.
    ///
    /// # Errors
    /// When the field is a number and `text` is none that Python would read.
    pub(crate) fn set(&mut self, name: &str, text: &str) -> Result<(), Coercion> {
        let number = || integer(name, text);
        match name {
            "status_code" => self.status_code = Some(small(name, number()?)?),
            "status_message" => self.status_message = Some(text.to_owned()),
            "process_time" => {
                self.process_time =
                    Some(read_float(text).ok_or_else(|| fault(name, "could not convert string to float"))?);
            }
            "ip" => self.ip = Some(text.to_owned()),
            "port" => self.port = Some(small(name, number()?)?),
            "version" => self.version = Some(small(name, number()?)?),
            "nonce" => self.nonce = Some(number()?),
            "uuid" => self.uuid = Some(text.to_owned()),
            "hotkey" => self.hotkey = Some(text.to_owned()),
            "signature" => self.signature = Some(text.to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// Bytes of its texts.
    pub(crate) fn texts(&self) -> usize {
        let texts = [&self.status_message, &self.ip, &self.uuid, &self.hotkey, &self.signature];
        texts.into_iter().flatten().map(String::len).sum()
    }

    /// Overwrites with every field that `other` states.
    pub(crate) fn merge(&mut self, other: Self) {
        fn take<T>(mine: &mut Option<T>, theirs: Option<T>) {
            if theirs.is_some() {
                *mine = theirs;
            }
        }
        take(&mut self.status_code, other.status_code);
        take(&mut self.status_message, other.status_message);
        take(&mut self.process_time, other.process_time);
        take(&mut self.ip, other.ip);
        take(&mut self.port, other.port);
        take(&mut self.version, other.version);
        take(&mut self.nonce, other.nonce);
        take(&mut self.uuid, other.uuid);
        take(&mut self.hotkey, other.hotkey);
        take(&mut self.signature, other.signature);
    }
}

/// The members of a terminal, in the order of the model.
const KNOWN: [&str; 10] =
    ["status_code", "status_message", "process_time", "ip", "port", "version", "nonce", "uuid", "hotkey", "signature"];

fn fault(name: &str, reason: &str) -> Coercion {
    Coercion { path: name.to_owned(), reason: reason.to_owned() }
}

fn integer(name: &str, text: &str) -> Result<i128, Coercion> {
    read_int(text)
        .and_then(|number| number.to_i128())
        .ok_or_else(|| fault(name, "invalid literal for int() with base 10"))
}

fn small(name: &str, number: i128) -> Result<i64, Coercion> {
    i64::try_from(number).map_err(|_| fault(name, "Input should be a number of 64 bits"))
}
