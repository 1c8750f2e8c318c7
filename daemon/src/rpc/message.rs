//! What a caller has sent: a call, a notification, a batch of them, or nothing that can be called.
//!
//! Reads the envelope only; parameters stay as they came until a method wants them. Whatever is
//! wrong is one of the contract's errors, with the id of the request where it has one.

use std::fmt;

use btd_api::{ApiError, ErrorKind};
use jsonrpsee::types::{Id, InvalidRequest, Notification, Request};
use serde::{
    Deserializer as _,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// One message, over HTTP or WebSocket.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// One request.
    Single(Single<'a>),
    /// Requests in a list, in their order; never empty.
    Batch(Vec<Result<Single<'a>, Box<Misread<'a>>>>),
}

/// One request of a message.
#[derive(Debug)]
pub(super) enum Single<'a> {
    /// It wants an answer.
    Call(Request<'a>),
    /// It wants none.
    Notification,
}

/// What is not a request, and why.
#[derive(Debug)]
pub(super) struct Misread<'a> {
    /// The id, if there is one that can be read.
    pub(super) id: Id<'a>,
    /// What the caller is told.
    pub(super) error: ApiError,
}

/// Refuses what has no id.
fn misread<T>(kind: ErrorKind, words: impl Into<String>) -> Result<T, Box<Misread<'static>>> {
    Err(Box::new(Misread { id: Id::Null, error: ApiError::new(kind, words) }))
}

/// Reads a message of at most `max_batch` requests.
///
/// # Errors
/// When it is not JSON, or JSON of another form, or a batch that is empty or too long.
pub(super) fn read(bytes: &[u8], max_batch: usize) -> Result<Message<'_>, Box<Misread<'_>>> {
    let value: &RawValue = serde_json::from_slice(bytes)
        .or_else(|error| misread(ErrorKind::Parse, format!("the request is not valid JSON: {error}")))?;
    match value.get().as_bytes().first() {
        Some(b'{') => single(value).map(Message::Single),
        Some(b'[') => batch(value, max_batch),
        _ => misread(ErrorKind::InvalidRequest, "a request is an object, or a list of objects"),
    }
}

fn batch(value: &RawValue, max_batch: usize) -> Result<Message<'_>, Box<Misread<'_>>> {
    let Entries { kept: values, count } = serde_json::Deserializer::from_str(value.get())
        .deserialize_seq(Most(max_batch))
        .or_else(|error| misread(ErrorKind::Parse, format!("the batch is not valid JSON: {error}")))?;
    match count {
        0 => misread(ErrorKind::InvalidRequest, "the batch is empty"),
        n if n > max_batch => {
            let words = format!("the batch has {n} calls, and {max_batch} is the most; none was run");
            misread(ErrorKind::BatchTooLarge, words)
        }
        _ => Ok(Message::Batch(values.into_iter().map(single).collect())),
    }
}

/// The first entries of a list, and how many it has: a long one is counted and not kept.
struct Entries<'a> {
    kept: Vec<&'a RawValue>,
    count: usize,
}

/// Reads a list and keeps so many of its entries.
struct Most(usize);

impl<'de> Visitor<'de> for Most {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries<'de>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < self.0 {
            match list.next_element()? {
                Some(entry) => kept.push(entry),
                None => return Ok(Entries { count: kept.len(), kept }),
            }
        }
        let mut count = kept.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Entries { kept, count })
    }
}

fn single(value: &RawValue) -> Result<Single<'_>, Box<Misread<'_>>> {
    let wrong = match serde_json::from_str::<Request<'_>>(value.get()) {
        Ok(request) => return Ok(Single::Call(request)),
        Err(wrong) => wrong,
    };
    if let Ok(InvalidRequest { id }) = serde_json::from_str(value.get()) {
        let error = ApiError::new(ErrorKind::InvalidRequest, format!("not a JSON-RPC 2.0 request: {}", reason(&wrong)));
        return Err(Box::new(Misread { id, error }));
    }
    // Without an id: a notification, if all the rest is there.
    match serde_json::from_str::<Notification<'_, Option<&RawValue>>>(value.get()) {
        Ok(_) => Ok(Single::Notification),
        Err(wrong) => misread(ErrorKind::InvalidRequest, format!("not a JSON-RPC 2.0 request: {}", reason(&wrong))),
    }
}

/// What serde found wrong, without the place in a line that nobody wrote, and without echoing much.
fn reason(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    words.chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<ErrorKind> {
        read(text.as_bytes(), 2).err().and_then(|misread| misread.error.kind())
    }

    #[test]
    fn calls_and_notifications_differ_by_the_id() {
        let call = r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#;
        assert!(matches!(read(call.as_bytes(), 2), Ok(Message::Single(Single::Call(_)))));
        for notification in [r#"{"jsonrpc":"2.0","method":"a"}"#, r#" {"jsonrpc":"2.0","method":"a","params":[1]}"#] {
            let message = read(notification.as_bytes(), 2);
            assert!(matches!(message, Ok(Message::Single(Single::Notification))), "{message:?}");
        }
    }

    #[test]
    fn what_is_not_json_and_what_is_not_a_request_differ() {
        for text in ["", "{", "nonsense", "{\"jsonrpc", "[1,", "{}{}", "\u{0}"] {
            assert_eq!(kind(text), Some(ErrorKind::Parse), "{text:?}");
        }
        for text in ["{}", "[]", "1", "null", "\"x\"", r#"{"id":1}"#, r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#] {
            assert_eq!(kind(text), Some(ErrorKind::InvalidRequest), "{text:?}");
        }
        assert_eq!(kind("[1,2,3]"), Some(ErrorKind::BatchTooLarge));
    }

    #[test]
    fn a_refusal_keeps_the_id_and_says_what_is_missing() {
        let refused = read(br#"{"jsonrpc":"2.0","id":"seven"}"#, 2).unwrap_err();
        assert_eq!(refused.id, Id::Str("seven".into()));
        assert!(refused.error.message.contains("method"), "{}", refused.error);
        let Ok(Message::Batch(entries)) = read(br#"[1, {"jsonrpc":"2.0","id":3,"method":"a"}]"#, 2) else { panic!() };
        assert!(matches!(entries[..], [Err(_), Ok(Single::Call(_))]), "{entries:?}");
    }
}
