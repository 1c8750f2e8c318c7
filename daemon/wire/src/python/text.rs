//! `str(value)` and `repr(value)`, as CPython prints them.
//!
//! One thing differs between peers and cannot be settled here: `repr` escapes characters that
//! Python's Unicode tables call unassigned, and those tables grow with each Python release. The
//! tables used are those of the Rust standard library.

use std::fmt::Write as _;

use super::{Value, push_float_repr};

/// Python's `str(value)`: a text as it is, everything else as `repr`.
pub fn python_str(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        other => python_repr(other),
    }
}

/// Python's `repr(value)`.
pub fn python_repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(number) => {
            // Writing to a text cannot fail.
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => push_float_repr(out, *number),
        Value::Str(text) => write_quoted(out, text),
        Value::List(members) => write_sequence(out, '[', members, ']'),
        Value::Tuple(members) => {
            write_sequence(out, '(', members, ')');
            if members.len() == 1 {
                out.insert(out.len() - 1, ',');
            }
        }
        Value::Dict(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_quoted(out, key);
                out.push_str(": ");
                write_repr(out, value);
            }
            out.push('}');
        }
    }
}

fn write_sequence(out: &mut String, open: char, members: &[Value], close: char) {
    out.push(open);
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(out, member);
    }
    out.push(close);
}

/// A quoted text: single quotes, unless it holds a single quote and no double one.
fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => {
                // Writing to a text cannot fail.
                let _ = match u32::from(c) {
                    code @ 0..=0xff => write!(out, "\\x{code:02x}"),
                    code @ 0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// Python's `str.isprintable` for one character. Rust escapes for `Debug` by the same Unicode
/// categories (Cc, Cf, Cs, Co, Cn, Zl, Zp, and Zs but for the space). The text is two characters
/// long because a *first* combining mark is escaped for another reason.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let pair: String = ['x', c].into_iter().collect();
    !pair.escape_debug().any(|c| c == '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tuple_of_one_keeps_its_comma() {
        assert_eq!(python_repr(&Value::Tuple(vec![Value::from(1)])), "(1,)");
        assert_eq!(python_repr(&Value::Tuple(vec![])), "()");
        assert_eq!(python_repr(&Value::Tuple(vec![Value::from(1), Value::from("a")])), "(1, 'a')");
    }

    #[test]
    fn combining_marks_are_printable() {
        assert_eq!(python_repr(&Value::from("e\u{301}")), "'e\u{301}'");
        assert_eq!(python_repr(&Value::from("\u{301}")), "'\u{301}'");
    }
}
