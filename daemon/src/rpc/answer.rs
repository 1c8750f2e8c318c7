//! What a caller is told: one message, written once.
//!
//! jsonrpsee writes a reply into its message and then reads all of it again, to be sure that it is
//! JSON: for a metagraph that took as long as everything else together. Here a reply is written into
//! its message by serde, which writes nothing else than JSON. Only what concerns subscriptions comes
//! from jsonrpsee.

use btd_api::{ApiError, ErrorKind};
use jsonrpsee::{
    server::MethodResponse,
    types::{ErrorObjectOwned, Id},
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// One message to a caller.
#[derive(Debug)]
pub(super) struct Answer {
    json: Box<RawValue>,
    code: Option<i32>,
    sending: Sending,
}

/// Who sends an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    /// Whoever asked for it.
    Due,
    /// Nobody: that of a subscription has been sent before its first item.
    Done,
}

/// What stands around the reply to a call.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) id: Id<'static>,
    /// The largest reply, in bytes.
    pub(super) most: usize,
}

#[derive(Serialize)]
struct Replied<'a, R> {
    jsonrpc: &'static str,
    id: &'a Id<'a>,
    result: &'a R,
}

#[derive(Serialize)]
struct Failed<'a> {
    jsonrpc: &'static str,
    id: &'a Id<'a>,
    error: &'a ErrorObjectOwned,
}

const VERSION: &str = "2.0";

/// `value` as JSON text.
///
/// # Errors
/// When its type has another form than JSON can tell: a fault of the type.
pub(super) fn write(value: &impl Serialize) -> Result<Box<RawValue>, ApiError> {
    to_raw_value(value)
        .map_err(|error| ApiError::new(ErrorKind::Internal, format!("the reply cannot be written: {error}")))
}

// === impl Envelope ===

impl Envelope {
    /// The message that holds `reply`.
    ///
    /// # Errors
    /// When it is too large, or cannot be written.
    pub(super) fn around(&self, reply: &impl Serialize) -> Result<Box<RawValue>, ApiError> {
        let json = write(&Replied { jsonrpc: VERSION, id: &self.id, result: reply })?;
        if json.get().len() > self.most {
            let words = format!("the reply is larger than {} bytes; ask for less at once", self.most);
            return Err(ApiError::new(ErrorKind::ReplyTooLarge, words));
        }
        Ok(json)
    }
}

// === impl Answer ===

impl Answer {
    /// A message of [`Envelope::around`].
    pub(super) fn reply(json: Box<RawValue>) -> Self {
        Self { json, code: None, sending: Sending::Due }
    }

    /// What went wrong with the call `id`.
    pub(super) fn error(id: &Id<'_>, error: &ErrorObjectOwned) -> Self {
        // An error is a number, words and JSON: writing it cannot fail.
        let json = write(&Failed { jsonrpc: VERSION, id, error }).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { json, code: Some(error.code()), sending: Sending::Due }
    }

    /// The answers to a batch, in one message.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn list(answers: &[Self]) -> Result<Self, ApiError> {
        let answers: Vec<&RawValue> = answers.iter().map(|answer| &*answer.json).collect();
        write(&answers).map(Self::reply)
    }

    /// The number of the error, if it tells one.
    pub(super) fn code(&self) -> Option<i32> {
        self.code
    }

    /// Whether it has been sent already.
    pub(super) fn is_sent(&self) -> bool {
        self.sending == Sending::Done
    }

    /// Its text.
    pub(super) fn text(&self) -> &str {
        self.json.get()
    }

    /// The message.
    pub(super) fn into_json(self) -> Box<RawValue> {
        self.json
    }
}

impl From<MethodResponse> for Answer {
    fn from(response: MethodResponse) -> Self {
        let sending = if response.is_subscription() { Sending::Done } else { Sending::Due };
        Self { code: response.as_error_code(), sending, json: response.into_json() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_those_of_json_rpc() {
        let envelope = |most| Envelope { id: Id::Str("seven".into()), most };
        let reply = envelope(64).around(&json!({ "n": 1 })).unwrap();
        assert_eq!(reply.get(), r#"{"jsonrpc":"2.0","id":"seven","result":{"n":1}}"#);
        let error = envelope(reply.get().len() - 1).around(&json!({ "n": 1 })).unwrap_err();
        assert_eq!(error.kind(), Some(ErrorKind::ReplyTooLarge));
        let failed = Answer::error(&Id::Null, &ErrorObjectOwned::owned(-32_601, "no", None::<()>));
        assert_eq!(failed.text(), r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no"}}"#);
        assert_eq!((failed.code(), failed.is_sent()), (Some(-32_601), false));
        let both = Answer::list(&[Answer::reply(reply), failed]).unwrap().into_json();
        let read: serde_json::Value = serde_json::from_str(both.get()).unwrap();
        assert_eq!((&read[0]["result"]["n"], &read[1]["error"]["code"]), (&json!(1), &json!(-32_601)));
    }
}
