//! JSON as Python's `json` module reads it, and [writes](write_json) it.
//!
//! Reading keeps key order, takes the last of several equal keys, keeps integers of any size, and
//! takes `NaN` and `Infinity` as Python does. Unlike Python it bounds the depth of nesting and the
//! number of values, and refuses a lone surrogate, which no UTF-8 text can hold. Positions in errors count characters,
//! as Python's do.

mod write;

use bytes::Bytes;
use bytestring::ByteString;
use indexmap::IndexMap;

pub use self::write::{JsonStyle, write_json};
pub(crate) use self::write::{Member, write_object, write_object_in_parts};
use super::{Integer, Text, Value};

/// From this length on a text is shared rather than copied.
const LONG: usize = 16 * 1_024;

/// Deeper nesting is refused. CPython gives up near a thousand, by its recursion limit.
const MAX_DEPTH: usize = 128;

/// More values are refused: two bytes of text, `0,`, are 40 in memory. A list of a million numbers passes. Of most
/// memory are objects, whose keys count as [`KEY`] values and whose first key as [`OBJECT`] more: so no document takes
/// more than about 100 MiB, whatever it is made of.
const MAX_VALUES: usize = 1_048_576;
const KEY: usize = 2;
const OBJECT: usize = 3;
const TOO_MANY: &str = "More than 1048576 values, each key counted as two and each object as three more";

/// Why a text is not JSON, in the words of Python's decoder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: line {line} column {column} (char {position})")]
pub struct JsonError {
    /// The decoder's words, e.g. `Expecting value`.
    pub reason: &'static str,
    /// Characters before the fault.
    pub position: usize,
    /// Line of the fault, from 1.
    pub line: usize,
    /// Column of the fault, from 1.
    pub column: usize,
}

/// Reads one JSON document, as `json.loads` does.
///
/// # Errors
/// When `bytes` are not UTF-8, not JSON, nested deeper than 128, of more than 1,048,576 values, or followed by something
/// else.
pub fn read_json(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| NOT_UTF_8)?;
    Reader { text, whole: None, wanted: None, skips: false, at: 0, left: MAX_VALUES }.document()
}

/// Reads one JSON document as [`read_json`] does; long texts of it remain parts of `bytes`.
///
/// # Errors
/// As [`read_json`].
pub fn read_json_of(bytes: &Bytes) -> Result<Value, JsonError> {
    read_shared(bytes, None)
}

/// The same of an object of which only the members that are `wanted` are kept: the others must be JSON as well, and count,
/// but nothing is made of them.
pub(crate) fn read_members_of(bytes: &Bytes, wanted: &dyn Fn(&str) -> bool) -> Result<Value, JsonError> {
    read_shared(bytes, Some(wanted))
}

fn read_shared(bytes: &Bytes, wanted: Option<&dyn Fn(&str) -> bool>) -> Result<Value, JsonError> {
    let whole = ByteString::try_from(bytes.clone()).map_err(|_| NOT_UTF_8)?;
    Reader { text: &whole, whole: Some(&whole), wanted, skips: false, at: 0, left: MAX_VALUES }.document()
}

const NOT_UTF_8: JsonError = JsonError { reason: "Body is not UTF-8", position: 0, line: 1, column: 1 };

struct Reader<'a> {
    text: &'a str,
    /// The same text, when long texts in it may keep it.
    whole: Option<&'a ByteString>,
    /// Which members of the outermost object are kept, unless all of them are.
    wanted: Option<&'a dyn Fn(&str) -> bool>,
    /// Whether it is in one that is not.
    skips: bool,
    /// Bytes consumed; always on a character boundary.
    at: usize,
    /// Values that may still come.
    left: usize,
}

// === impl Reader ===

impl Reader<'_> {
    fn document(mut self) -> Result<Value, JsonError> {
        self.skip_space();
        let value = self.value(0)?;
        self.skip_space();
        if self.at == self.text.len() { Ok(value) } else { Err(self.error("Extra data", self.at)) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, reason: &'static str, at: usize) -> JsonError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        JsonError {
            reason,
            position: before.chars().count(),
            line: before.matches('\n').count() + 1,
            column: last_line.chars().count() + 1,
        }
    }

    fn count(&mut self, values: usize) -> Result<(), JsonError> {
        self.left = self.left.checked_sub(values).ok_or_else(|| self.error(TOO_MANY, self.at))?;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        if depth > MAX_DEPTH {
            return Err(self.error("Nested too deeply", self.at));
        }
        self.count(1)?;
        match self.peek() {
            Some(b'"') => match self.long_string() {
                Some(text) => Ok(Value::Str(Text::plain(text))),
                None => self.string().map(Value::from),
            },
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, JsonError> {
        let words = [
            ("null", Value::None),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
        ];
        for (word, value) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.error("Expecting value", self.at))
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        if self.rest().starts_with("-Infinity") {
            self.at += "-Infinity".len();
            return Ok(Value::Float(f64::NEG_INFINITY));
        }
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.error("Expecting value", start)),
        }
        let whole = self.at;
        // A point or an exponent without digits after it ends the number before it.
        if self.peek() == Some(b'.') && self.digit_at(self.at + 1) {
            self.at += 1;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            let signed = matches!(self.text.as_bytes().get(self.at + 1), Some(b'+' | b'-'));
            let first = self.at + 1 + usize::from(signed);
            if self.digit_at(first) {
                self.at = first;
                self.digits();
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if self.at == whole {
            let number: Integer = text.parse().map_err(|_| self.error("Integer of more than 4300 digits", start))?;
            Ok(Value::Int(number))
        } else {
            text.parse().map(Value::Float).map_err(|_| self.error("Expecting value", start))
        }
    }

    fn digit_at(&self, at: usize) -> bool {
        self.text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
    }

    fn digits(&mut self) {
        while self.digit_at(self.at) {
            self.at += 1;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(members));
        }
        loop {
            self.skip_space();
            let member = self.value(depth + 1)?;
            if !self.skips {
                members.push(member);
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(members));
                }
                _ => return Err(self.error("Expecting ',' delimiter", self.at)),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut members: IndexMap<String, Value> = IndexMap::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::from(members));
        }
        self.count(OBJECT)?;
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.error("Expecting property name enclosed in double quotes", self.at));
            }
            self.count(KEY)?;
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.error("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.skip_space();
            let is_wanted = depth > 0 || self.wanted.is_none_or(|wanted| wanted(&key));
            self.skips |= !is_wanted;
            let member = self.value(depth + 1)?;
            if !is_wanted {
                self.skips = false;
            } else if !self.skips {
                // An equal key keeps its first place and takes the last value, as in a Python dict.
                members.insert(key, member);
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::from(members));
                }
                _ => return Err(self.error("Expecting ',' delimiter", self.at)),
            }
        }
    }

    /// A text that is long and stands there as it is, without a copy of it.
    fn long_string(&mut self) -> Option<ByteString> {
        let whole = self.whole?;
        let start = self.at + 1;
        let rest = self.text.get(start..)?;
        // Most end, or escape something, before that: what is looked at twice is short.
        if run(rest.as_bytes().get(..LONG)?, is_plain) < LONG {
            return None;
        }
        let end = start + run(rest.as_bytes(), is_plain);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        Some(whole.slice_ref(self.text.get(start..end)?))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let open = self.at;
        self.at += 1;
        let rest = self.rest();
        let plain = run(rest.as_bytes(), is_plain);
        if rest.as_bytes().get(plain) == Some(&b'"') {
            // Most are plain to their end, and take no more room than they need.
            let out = if self.skips { String::new() } else { rest.get(..plain).unwrap_or_default().to_owned() };
            self.at += plain + 1;
            return Ok(out);
        }
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = run(rest.as_bytes(), is_plain);
            if !self.skips {
                out.push_str(rest.get(..plain).unwrap_or_default());
            }
            self.at += plain;
            match self.peek() {
                None => return Err(self.error("Unterminated string starting at", open)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    let escaped = self.escape(open)?;
                    if !self.skips {
                        out.push(escaped);
                    }
                }
                Some(_) => return Err(self.error("Invalid control character at", self.at)),
            }
        }
    }

    fn escape(&mut self, open: usize) -> Result<char, JsonError> {
        let slash = self.at;
        let Some(letter) = self.text.as_bytes().get(slash + 1).copied() else {
            return Err(self.error("Unterminated string starting at", open));
        };
        self.at += 2;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(slash),
            _ => {
                self.at = slash;
                return Err(self.error("Invalid \\escape", slash));
            }
        })
    }

    fn unicode(&mut self, slash: usize) -> Result<char, JsonError> {
        let high = self.four_hex(slash)?;
        if !(0xd800..=0xdfff).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.error("Invalid \\uXXXX escape", slash));
        }
        if high < 0xdc00 && self.rest().starts_with("\\u") {
            self.at += 2;
            let low = self.four_hex(slash)?;
            if (0xdc00..=0xdfff).contains(&low) {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return char::from_u32(code).ok_or_else(|| self.error("Invalid \\uXXXX escape", slash));
            }
        }
        Err(self.error("Lone surrogate in \\uXXXX escape", slash))
    }

    fn four_hex(&mut self, slash: usize) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.error("Invalid \\uXXXX escape", slash));
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| self.error("Invalid \\uXXXX escape", slash))
    }
}

/// Whether a byte stands for itself between quotes.
fn is_plain(byte: u8) -> bool {
    byte != b'"' && byte != b'\\' && byte >= b' '
}

/// How many bytes at the start are plain. Blocks are looked at as a whole, which the compiler does
/// with wide registers: a tensor is megabytes of plain text.
fn run(bytes: &[u8], plain: impl Fn(u8) -> bool) -> usize {
    const BLOCK: usize = 64;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let whole =
        blocks.iter().take_while(|block| block.iter().fold(true, |all, byte| all & plain(*byte))).count() * BLOCK;
    let rest = bytes.get(whole..).unwrap_or_default();
    whole + rest.iter().position(|byte| !plain(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_reads() {
        let value =
            read_json(br#" {"b": [1, 2.0, -0, 1e3, NaN, -Infinity], "a": null, "b": "\ud83d\ude42\u00e9"} "#).unwrap();
        assert_eq!(write_json(&value, JsonStyle::Compact), r#"{"b":"🙂é","a":null}"#);
        assert_eq!(write_json(&value, JsonStyle::Spaced), r#"{"b": "\ud83d\ude42\u00e9", "a": null}"#);
        let odd = read_json(br#"{"a": [NaN, -Infinity], "b": Infinity}"#).unwrap();
        assert_eq!(write_json(&odd, JsonStyle::Compact), r#"{"a":[NaN,-Infinity],"b":Infinity}"#);
        assert_eq!(write_json(&odd, JsonStyle::Strict), r#"{"a":["NaN","-Infinity"],"b":"Infinity"}"#);
        let big = "-1180591620717411303424123456789012345678901234567890";
        assert_eq!(write_json(&read_json(big.as_bytes()).unwrap(), JsonStyle::Compact), big);
    }

    #[test]
    fn faults_are_told_in_pythons_words() {
        for (text, expected) in [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("not json", "Expecting value: line 1 column 1 (char 0)"),
            ("{\"a\": ", "Expecting value: line 1 column 7 (char 6)"),
            ("{a", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{\"a\"\n1}", "Expecting ':' delimiter: line 2 column 1 (char 5)"),
            ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
            ("[1] x", "Extra data: line 1 column 5 (char 4)"),
            ("\"é\u{1}\"", "Invalid control character at: line 1 column 3 (char 2)"),
            ("\"abc", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("\"\\q\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            ("01", "Extra data: line 1 column 2 (char 1)"),
            ("-", "Expecting value: line 1 column 1 (char 0)"),
        ] {
            assert_eq!(read_json(text.as_bytes()).unwrap_err().to_string(), expected, "{text:?}");
        }
        assert_eq!(read_json(b"\"\\ud800\"").unwrap_err().reason, "Lone surrogate in \\uXXXX escape");
        assert_eq!(read_json(&[0xff]).unwrap_err().reason, "Body is not UTF-8");
    }

    #[test]
    fn what_is_not_wanted_is_read_and_not_kept() {
        let body = r#"{"a": [1, {"no": "x"}], "no": [{"a": "y\n"}, ["z", 1.5], -1e3], "b": "w", "no": {"a": {"b": null}}, "c": {}}"#;
        let wanted = |name: &str| name != "no";
        let read = |body: &str| read_members_of(&body.to_owned().into(), &wanted);
        let kept = write_json(&read(body).unwrap(), JsonStyle::Compact);
        assert_eq!(kept, r#"{"a":[1,{"no":"x"}],"b":"w","c":{}}"#);
        // Only the outermost object has members that are not wanted.
        let list = r#"[{"no":1}]"#;
        assert_eq!(write_json(&read(list).unwrap(), JsonStyle::Compact), list);
        // It is refused for what it would be refused for if all of it were.
        let zeros = format!(r#"{{"no": [{}0]}}"#, "0,".repeat(MAX_VALUES));
        let deep = format!(r#"{{"no": {}"#, "[".repeat(1_000));
        let broken =
            [r#"{"no": [1 2]}"#, r#"{"no": "\q"}"#, r#"{"no": {1: 2}}"#, r#"{"no": 1"#, r#"{"no": "a"#, &zeros, &deep];
        for body in broken {
            assert_eq!(read(body).unwrap_err(), read_json(body.as_bytes()).unwrap_err(), "{}", &body[..8]);
        }
        let long = format!(r#"{{"no": "{}", "a": 1}}"#, "x".repeat(2 * LONG));
        assert_eq!(write_json(&read(&long).unwrap(), JsonStyle::Compact), r#"{"a":1}"#);
    }

    #[test]
    fn long_texts_are_parts_of_what_they_came_from() {
        let long = "é".repeat(LONG);
        let body =
            Bytes::from(format!(r#"{{"a": "{long}", "b": ["{long}\\n", "{}"], "{long}": 1}}"#, "x".repeat(LONG - 1)));
        let value = read_json_of(&body).unwrap();
        assert_eq!(value, read_json(&body).unwrap());
        let Some(Value::Str(text)) = value.get("a") else { panic!("no text") };
        assert_eq!(text.as_bytes().as_ptr(), body[7..].as_ptr());
        // What was seen of a text as it was read changes nothing of how it is written.
        let unseen = read_json(&body).unwrap();
        for style in [JsonStyle::Compact, JsonStyle::Spaced, JsonStyle::Strict] {
            assert_eq!(write_json(&value, style), write_json(&unseen, style));
        }
        let members = [("one", Member::Value(&value)), ("two", Member::Value(value.get("a").unwrap()))];
        for style in [JsonStyle::Compact, JsonStyle::Spaced] {
            let parts = write_object_in_parts(members.into_iter(), style);
            assert_eq!(parts.concat(), write_object(members.into_iter(), style).into_bytes());
            // Beyond ASCII everything is escaped in the other style, so nothing is written as it is.
            assert_eq!(parts.len(), if style == JsonStyle::Compact { 5 } else { 1 });
        }
        for broken in [format!("[\"{long}"), format!("[\"{long}\u{1}\"]"), format!("[\"{long}\" x")] {
            assert_eq!(read_json_of(&broken.clone().into()), read_json(broken.as_bytes()));
        }
    }

    #[test]
    fn values_are_bounded_by_what_they_take() {
        let listed = |value: &str, times: usize| format!("[{}]", vec![value; times].join(","));
        let keyed = |times: usize| {
            let members: Vec<_> = (0..times).map(|key| format!("\"{key:x}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        // The list and the object around them are values too.
        let fits = [
            listed("0", MAX_VALUES - 1),
            listed("[]", MAX_VALUES - 1),
            listed(r#"{"a":0}"#, (MAX_VALUES - 1) / (2 + OBJECT + KEY)),
            keyed((MAX_VALUES - 1 - OBJECT) / (1 + KEY)),
        ];
        let too_many = [
            listed("0", MAX_VALUES),
            listed("[]", MAX_VALUES),
            listed(r#"{"a":0}"#, MAX_VALUES / (2 + OBJECT + KEY) + 1),
            keyed(MAX_VALUES / (1 + KEY) + 1),
            "[0,".repeat(100) + &"0,".repeat(5 * 1_024 * 1_024),
        ];
        for text in fits {
            assert!(read_json(text.as_bytes()).is_ok(), "{}", &text[..20]);
        }
        for text in too_many {
            assert_eq!(read_json(text.as_bytes()).unwrap_err().reason, TOO_MANY, "{}", &text[..20]);
            assert_eq!(read_json_of(&text.clone().into()).unwrap_err().reason, TOO_MANY, "{}", &text[..20]);
        }
        // A million numbers are a message that neurons send.
        assert!(read_json(format!("{{\"x\": {}}}", listed("0.5", 1_000_000)).as_bytes()).is_ok());
        assert!(TOO_MANY.contains(&MAX_VALUES.to_string()));
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read_json(deep(100).as_bytes()).is_ok());
        assert_eq!(read_json(deep(100_000).as_bytes()).unwrap_err().reason, "Nested too deeply");
    }
}
