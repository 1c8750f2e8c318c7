//! The header block of a synapse: names, order, and what text a header may hold.

use std::{borrow::Cow, fmt::Write as _, ops::Range};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Terminal;
use crate::python::{JsonStyle, Member, Value, push_float_repr, write_json};

/// Prefix of what the message says of the answering end.
pub const HEADER_AXON: &str = "bt_header_axon_";
/// Prefix of what the message says of the calling end.
pub const HEADER_DENDRITE: &str = "bt_header_dendrite_";
/// Prefix of the empty instances of required fields.
pub const HEADER_INPUT_OBJ: &str = "bt_header_input_obj_";

/// The names of a terminal's headers, in the order of its members.
macro_rules! terminal_names {
    ($prefix:literal) => {
        [
            concat!($prefix, "status_code"),
            concat!($prefix, "status_message"),
            concat!($prefix, "process_time"),
            concat!($prefix, "ip"),
            concat!($prefix, "port"),
            concat!($prefix, "version"),
            concat!($prefix, "nonce"),
            concat!($prefix, "uuid"),
            concat!($prefix, "hotkey"),
            concat!($prefix, "signature"),
        ]
    };
}

const AXON_NAMES: [&str; 10] = terminal_names!("bt_header_axon_");
const DENDRITE_NAMES: [&str; 10] = terminal_names!("bt_header_dendrite_");

/// Headers that come to a block, at most: of its body, and of who sends it.
const FURTHER: usize = 5;

/// Names and values in sending order. Names carry underscores, as every peer writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderBlock {
    headers: Vec<(Cow<'static, str>, Range<usize>)>,
    /// The values, one after the other.
    values: String,
}

// === impl HeaderBlock ===

impl HeaderBlock {
    /// The block of a message of the class called `name`, up to what its fields add.
    pub(crate) fn opening(name: &str, timeout: Option<f64>, (axon, dendrite): (&Terminal, &Terminal)) -> Self {
        let mut block = Self { headers: Vec::with_capacity(32), values: String::with_capacity(512) };
        block.push("name", Member::Text(name));
        block.push("timeout", timeout.map_or(Member::Text("None"), Member::Float));
        block.push_terminal(AXON_NAMES, axon);
        block.push_terminal(DENDRITE_NAMES, dendrite);
        block
    }

    /// What goes behind everything else: the sizes and the body hash.
    pub(crate) fn close(&mut self, body_size: usize, body_hash: &str) {
        let number = |size: usize| Member::int(u64::try_from(size).ok());
        self.push("header_size", number(self.size()));
        self.push("total_size", number(body_size));
        self.push("computed_body_hash", Member::Text(body_hash));
    }

    fn push(&mut self, name: impl Into<Cow<'static, str>>, value: Member<'_>) {
        let start = self.values.len();
        match value {
            Member::Text(text) => self.values.push_str(text),
            Member::Int(number) => {
                // Writing to a text cannot fail.
                let _ = write!(self.values, "{number}");
            }
            Member::Float(number) => push_float_repr(&mut self.values, number),
            // Absent ones are left out, and no terminal has others.
            Member::None | Member::Object(_) | Member::Value(_) => return,
        }
        self.headers.push((name.into(), start..self.values.len()));
    }

    fn push_terminal(&mut self, names: [&'static str; 10], terminal: &Terminal) {
        for (name, (_, value)) in names.into_iter().zip(terminal.members()) {
            self.push(name, value);
        }
    }

    pub(super) fn push_input_obj(&mut self, field: &str, blank: &Value) {
        let encoded = STANDARD.encode(write_json(blank, JsonStyle::Spaced));
        self.push(format!("{HEADER_INPUT_OBJ}{field}"), Member::Text(&encoded));
    }

    /// Bytes of the block as HTTP/1.1 would write it.
    fn size(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len() + ": \r\n".len()).sum()
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, self.values.get(value.clone()).unwrap_or_default()))
    }

    /// The block as HTTP headers. Values are sanitised by [`header_value`]; a field whose name
    /// cannot be a header name is left out, as no peer could read it either.
    pub fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        self.append_to(&mut map);
        map
    }

    /// Puts the block behind the headers that `map` has.
    pub(crate) fn append_to(&self, map: &mut HeaderMap) {
        map.reserve(self.headers.len() + FURTHER);
        // All of them are parts of one text, and none a copy of its own.
        let values = Bytes::copy_from_slice(self.values.as_bytes());
        for ((name, range), (_, text)) in self.headers.iter().zip(self.iter()) {
            let name = match name {
                Cow::Borrowed(name) => Ok(HeaderName::from_static(name)),
                Cow::Owned(name) => HeaderName::from_bytes(name.as_bytes()),
            };
            let part = || HeaderValue::from_maybe_shared(values.slice(range.clone())).ok();
            let shared = if text.is_ascii() { part() } else { None };
            if let Ok(name) = name {
                map.append(name, shared.unwrap_or_else(|| header_value(text)));
            }
        }
    }
}

/// `text` as a header value. HTTP header text is latin-1 without control characters: a line break
/// or other control becomes a space, any other character that latin-1 lacks becomes `?`.
/// (A Python axon drops the connection on the first and the whole answer on the second.)
pub fn header_value(text: &str) -> HeaderValue {
    if text.is_ascii()
        && let Ok(value) = HeaderValue::from_str(text)
    {
        return value;
    }
    let bytes: Vec<u8> = text
        .chars()
        .map(|c| match u8::try_from(u32::from(c)) {
            Ok(byte) if byte == 0x7f || (byte < 0x20 && byte != b'\t') => b' ',
            Ok(byte) => byte,
            Err(_) => b'?',
        })
        .collect();
    // Only bytes that a header value may hold are left.
    HeaderValue::from_bytes(&bytes).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The text of a header value: every byte is one character of latin-1.
pub fn latin1(value: &HeaderValue) -> String {
    let every = || value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    value.to_str().map_or_else(|_| every(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_text_is_made_safe() {
        let safe = |text| latin1(&header_value(text));
        assert_eq!(safe("café"), "café");
        assert_eq!(safe("a\r\nSet-Cookie: x"), "a  Set-Cookie: x");
        assert_eq!(safe("漢字 ok\0"), "?? ok ");
    }

    #[test]
    fn names_are_those_of_the_members() {
        for (names, prefix) in [(AXON_NAMES, HEADER_AXON), (DENDRITE_NAMES, HEADER_DENDRITE)] {
            for (name, (member, _)) in names.into_iter().zip(Terminal::default().members()) {
                assert_eq!(name.strip_prefix(prefix), Some(member));
            }
        }
    }
}
