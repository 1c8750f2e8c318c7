//! JSON as it is written: in the layouts that peers have, and without copies of long texts.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{LONG, is_plain, run};
use crate::python::{Text, Value, push_float_repr};

/// Room that is left behind a long text as it is written.
const BEHIND: usize = 1_024;
/// What a message without fields takes: its text need not grow.
const MESSAGE: usize = 1_024;

/// How a JSON document is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonStyle {
    /// `json.dumps` as it is: `", "` and `": "`, everything beyond ASCII escaped. Request bodies.
    Spaced,
    /// `separators=(",", ":"), ensure_ascii=False`: what the axon's framework answers with.
    Compact,
    /// The same, of JSON alone: numbers that it lacks are texts, `"NaN"`, `"Infinity"` and `"-Infinity"`, as
    /// pydantic writes and reads them where it is told to (`ser_json_inf_nan='strings'`). For programs of any
    /// language.
    Strict,
}

/// Writes `value` as Python would. Numbers that JSON lacks are written as Python writes them:
/// `NaN`, `Infinity`, `-Infinity`; except in [`JsonStyle::Strict`].
pub fn write_json(value: &Value, style: JsonStyle) -> String {
    let mut out = Writer::default();
    write_value(&mut out, value, style);
    out.text
}

/// What is written: a text, or with `parts` those before it.
#[derive(Default)]
struct Writer {
    text: String,
    parts: Option<Vec<Bytes>>,
}

// === impl Writer ===

impl Writer {
    /// Takes a long text as a part, if it is written as it is.
    fn share(&mut self, text: &Text, style: JsonStyle) -> bool {
        let Some(parts) = self.parts.as_mut().filter(|_| text.len() >= LONG) else { return false };
        if !stands_as_it_is(text, style) && plain_run(text.as_bytes(), style) != text.len() {
            return false;
        }
        self.text.push('"');
        parts.push(Bytes::from(std::mem::take(&mut self.text)));
        parts.push(text.shared().as_bytes().clone());
        self.text.push('"');
        true
    }
}

fn write_value(writer: &mut Writer, value: &Value, style: JsonStyle) {
    let out = &mut writer.text;
    match value {
        Value::None => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => {
            // Writing to a text cannot fail.
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => write_float(out, *number, style),
        Value::Str(text) => {
            if !writer.share(text, style) {
                write_text(&mut writer.text, text, style);
            }
        }
        Value::List(members) | Value::Tuple(members) => {
            out.push('[');
            for (index, member) in members.iter().enumerate() {
                if index > 0 {
                    writer.text.push_str(comma(style));
                }
                write_value(writer, member, style);
            }
            writer.text.push(']');
        }
        Value::Dict(members) => {
            let members = members.iter().map(|(key, member)| (key.as_str(), Member::Value(member)));
            write_members(writer, members, style);
        }
    }
}

fn write_float(out: &mut String, number: f64, style: JsonStyle) {
    if number.is_finite() {
        push_float_repr(out, number);
        return;
    }
    let quote = if style == JsonStyle::Strict { "\"" } else { "" };
    let name = match number {
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "Infinity",
        _ => "-Infinity",
    };
    out.extend([quote, name, quote]);
}

/// A member of an object that is nowhere held as a [`Value`], or that is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Member<'a> {
    None,
    Int(i128),
    Float(f64),
    Text(&'a str),
    Object(&'a [(&'static str, Member<'a>)]),
    Value(&'a Value),
}

// === impl Member ===

impl<'a> Member<'a> {
    /// What there is, or `null`.
    pub(crate) fn of<T>(value: Option<T>, member: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::None, member)
    }

    /// An `int` that may be absent.
    pub(crate) fn int(number: Option<impl Into<i128>>) -> Self {
        Self::of(number, |number| Self::Int(number.into()))
    }

    /// A `str` that may be absent.
    pub(crate) fn text(text: Option<&'a str>) -> Self {
        Self::of(text, Self::Text)
    }
}

fn write_member(writer: &mut Writer, member: Member<'_>, style: JsonStyle) {
    let out = &mut writer.text;
    match member {
        Member::None => out.push_str("null"),
        Member::Int(number) => {
            // Writing to a text cannot fail.
            let _ = write!(out, "{number}");
        }
        Member::Float(number) => write_float(out, number, style),
        Member::Text(text) => write_string(out, text, style),
        Member::Object(members) => write_members(writer, members.iter().copied(), style),
        Member::Value(value) => write_value(writer, value, style),
    }
}

/// Writes an object whose members are held by nobody together.
pub(crate) fn write_object<'a>(members: impl Iterator<Item = (&'a str, Member<'a>)>, style: JsonStyle) -> String {
    let mut out = Writer { text: String::with_capacity(MESSAGE), parts: None };
    write_members(&mut out, members, style);
    out.text
}

/// The same text in parts, of which long texts are not copies.
pub(crate) fn write_object_in_parts<'a>(
    members: impl Iterator<Item = (&'a str, Member<'a>)>,
    style: JsonStyle,
) -> Vec<Bytes> {
    let mut out = Writer { text: String::with_capacity(MESSAGE), parts: Some(Vec::new()) };
    write_members(&mut out, members, style);
    let mut parts = out.parts.unwrap_or_default();
    parts.push(Bytes::from(out.text));
    parts
}

fn write_members<'a>(writer: &mut Writer, members: impl Iterator<Item = (&'a str, Member<'a>)>, style: JsonStyle) {
    writer.text.push('{');
    for (index, (key, member)) in members.enumerate() {
        if index > 0 {
            writer.text.push_str(comma(style));
        }
        write_string(&mut writer.text, key, style);
        writer.text.push_str(if style == JsonStyle::Spaced { ": " } else { ":" });
        write_member(writer, member, style);
    }
    writer.text.push('}');
}

fn comma(style: JsonStyle) -> &'static str {
    if style == JsonStyle::Spaced { ", " } else { "," }
}

fn write_text(out: &mut String, text: &Text, style: JsonStyle) {
    if stands_as_it_is(text, style) {
        // It is long, and what stands behind it mostly short: the whole is not to grow once more, and so be moved.
        out.reserve(text.len() + BEHIND);
        out.extend(["\"", &**text, "\""]);
    } else {
        write_string(out, text, style);
    }
}

fn write_string(out: &mut String, text: &str, style: JsonStyle) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    loop {
        let plain = plain_run(rest.as_bytes(), style);
        // Only bytes of whole characters are plain.
        let (before, after) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        out.push_str(before);
        let mut after = after.chars();
        match after.next() {
            None => break,
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a text cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
        rest = after.as_str();
    }
    out.push('"');
}

/// Whether a text is known to be written as it is: a tensor's need not be looked at again on its way out.
fn stands_as_it_is(text: &Text, style: JsonStyle) -> bool {
    match style {
        // Beyond ASCII it escapes everything.
        JsonStyle::Spaced => false,
        JsonStyle::Compact | JsonStyle::Strict => text.is_plain(),
    }
}

/// How many bytes at the start are written as they are.
fn plain_run(bytes: &[u8], style: JsonStyle) -> usize {
    match style {
        JsonStyle::Spaced => run(bytes, |byte| is_plain(byte) && byte < 0x7f),
        JsonStyle::Compact | JsonStyle::Strict => run(bytes, is_plain),
    }
}
