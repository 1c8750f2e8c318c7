//! The header block of a synapse: names, order, and what text a header may hold.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Terminal;
use crate::python::{JsonStyle, Value, write_json};

/// Prefix of what the message says of the answering end.
pub const HEADER_AXON: &str = "bt_header_axon_";
/// Prefix of what the message says of the calling end.
pub const HEADER_DENDRITE: &str = "bt_header_dendrite_";
/// Prefix of the empty instances of required fields.
pub const HEADER_INPUT_OBJ: &str = "bt_header_input_obj_";

/// Names and values in sending order. Names carry underscores, as every peer writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderBlock(Vec<(String, String)>);

// === impl HeaderBlock ===

impl HeaderBlock {
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn push_terminal(&mut self, prefix: &str, terminal: &Terminal) {
        self.0.extend(terminal.texts().map(|(name, text)| (format!("{prefix}{name}"), text)));
    }

    pub(super) fn push_input_obj(&mut self, field: &str, blank: &Value) {
        let encoded = STANDARD.encode(write_json(blank, JsonStyle::Spaced));
        self.0.push((format!("{HEADER_INPUT_OBJ}{field}"), encoded));
    }

    /// Bytes of the block as HTTP/1.1 would write it.
    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len() + ": \r\n".len()).sum()
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The block as HTTP headers. Values are sanitised by [`header_value`]; a field whose name
    /// cannot be a header name is left out, as no peer could read it either.
    pub fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.0.len() + 4);
        for (name, value) in &self.0 {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                map.append(name, header_value(value));
            }
        }
        map
    }
}

/// `text` as a header value. HTTP header text is latin-1 without control characters: a line break
/// or other control becomes a space, any other character that latin-1 lacks becomes `?`.
/// (A Python axon drops the connection on the first and the whole answer on the second.)
pub fn header_value(text: &str) -> HeaderValue {
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
    value.as_bytes().iter().map(|byte| char::from(*byte)).collect()
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
}
