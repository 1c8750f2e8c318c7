//! What a caller is told: one message, written once.
//!
//! jsonrpsee writes a reply into its message and then reads all of it again, to be sure that it is
//! JSON: for a metagraph that took as long as everything else together. Here a reply is written into
//! its message by serde, which writes nothing else than JSON, or is text that serde wrote before.
//! Only what concerns subscriptions comes from jsonrpsee.

use btd_api::{ApiError, ErrorKind};
use jsonrpsee::{
    server::MethodResponse,
    types::{ErrorObjectOwned, Id},
};
use serde::Serialize;

/// One message to a caller.
#[derive(Debug)]
pub(super) struct Answer {
    json: String,
    code: Option<i32>,
    sending: Sending,
}

/// Who sends an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    /// Whoever asked for it.
    Due,
    /// Nobody: it has been sent, before the first item of a subscription or behind the last one.
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

/// A reply that is written in its own way, as the contract's type would be.
pub(super) trait Written {
    /// The message of `envelope` that holds it.
    fn within(&self, envelope: &Envelope) -> Result<String, ApiError>;
}

/// `value` as JSON text.
///
/// # Errors
/// When its type has another form than JSON can tell: a fault of the type.
pub(super) fn write(value: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(value)
        .map_err(|error| ApiError::new(ErrorKind::Internal, format!("the reply cannot be written: {error}")))
}

// === impl Envelope ===

impl Envelope {
    /// The message that holds `reply`.
    ///
    /// # Errors
    /// When it is too large, or cannot be written.
    pub(super) fn around(&self, reply: &impl Serialize) -> Result<String, ApiError> {
        let json = write(&Replied { jsonrpc: VERSION, id: &self.id, result: reply })?;
        self.bound(json.len())?;
        Ok(json)
    }

    /// The message that holds `reply`, which is an object, with one member more at its end: `name`,
    /// of which the JSON is written already.
    ///
    /// # Errors
    /// When it is too large, or cannot be written.
    pub(super) fn around_with(&self, reply: &impl Serialize, (name, last): (&str, &str)) -> Result<String, ApiError> {
        let whole = write(&Replied { jsonrpc: VERSION, id: &self.id, result: reply })?;
        let open = whole.strip_suffix("}}").unwrap_or_default();
        let comma = if open.ends_with('{') { "" } else { "," };
        let parts = [open, comma, "\"", name, "\":", last, "}}"];
        self.bound(parts.iter().map(|part| part.len()).sum())?;
        Ok(parts.concat())
    }

    fn bound(&self, bytes: usize) -> Result<(), ApiError> {
        if bytes <= self.most {
            return Ok(());
        }
        let words = format!("the reply is larger than {} bytes; ask for less at once", self.most);
        Err(ApiError::new(ErrorKind::ReplyTooLarge, words))
    }
}

// === impl Answer ===

impl Answer {
    /// A message of [`Envelope::around`].
    pub(super) fn reply(json: String) -> Self {
        Self { json, code: None, sending: Sending::Due }
    }

    /// What went wrong with the call `id`.
    pub(super) fn error(id: &Id<'_>, error: &ErrorObjectOwned) -> Self {
        // An error is a number, words and JSON: writing it cannot fail.
        let json = write(&Failed { jsonrpc: VERSION, id, error }).unwrap_or_else(|_| "null".to_owned());
        Self { json, code: Some(error.code()), sending: Sending::Due }
    }

    /// What has been sent already, with the number of the error if it tells one.
    pub(super) fn sent(code: Option<i32>) -> Self {
        Self { json: String::new(), code, sending: Sending::Done }
    }

    /// The answers to a batch, in one message.
    pub(super) fn list(answers: &[Self]) -> Self {
        let answers: Vec<&str> = answers.iter().map(Self::text).collect();
        Self::reply(format!("[{}]", answers.join(",")))
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
        &self.json
    }

    /// The message.
    pub(super) fn into_json(self) -> String {
        self.json
    }
}

impl From<MethodResponse> for Answer {
    fn from(response: MethodResponse) -> Self {
        let sending = if response.is_subscription() { Sending::Done } else { Sending::Due };
        let code = response.as_error_code();
        Self { code, sending, json: Box::<str>::from(response.into_json()).into() }
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
        assert_eq!(reply, r#"{"jsonrpc":"2.0","id":"seven","result":{"n":1}}"#);
        let error = envelope(reply.len() - 1).around(&json!({ "n": 1 })).unwrap_err();
        assert_eq!(error.kind(), Some(ErrorKind::ReplyTooLarge));
        let failed = Answer::error(&Id::Null, &ErrorObjectOwned::owned(-32_601, "no", None::<()>));
        assert_eq!(failed.text(), r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no"}}"#);
        assert_eq!((failed.code(), failed.is_sent()), (Some(-32_601), false));
        let both = Answer::list(&[Answer::reply(reply), failed]).into_json();
        let read: serde_json::Value = serde_json::from_str(&both).unwrap();
        assert_eq!((&read[0]["result"]["n"], &read[1]["error"]["code"]), (&json!(1), &json!(-32_601)));
    }

    #[test]
    fn the_last_member_may_be_written_before() {
        let envelope = |most| Envelope { id: Id::Number(7), most };
        let whole = envelope(64).around_with(&json!({ "n": 1 }), ("m", "[2]")).unwrap();
        assert_eq!(whole, r#"{"jsonrpc":"2.0","id":7,"result":{"n":1,"m":[2]}}"#);
        let error = envelope(whole.len() - 1).around_with(&json!({ "n": 1 }), ("m", "[2]")).unwrap_err();
        assert_eq!(error.kind(), Some(ErrorKind::ReplyTooLarge));
        let alone = envelope(64).around_with(&json!({}), ("m", "[2]")).unwrap();
        assert_eq!(alone, r#"{"jsonrpc":"2.0","id":7,"result":{"m":[2]}}"#);
    }
}
