//! What somebody says of itself on the chain, changed field by field: what is not said anew stays, byte for byte.

use btd_chain::{Call, Value};

use super::receipt::foreseen;
use crate::submit::{Draft, SubmissionError};

/// Of a text so many characters are told.
const TOLD: usize = 60;

/// One field of an identity.
#[derive(Clone, Debug)]
pub(super) struct Field<'t> {
    /// Its name, in the call as in the contract.
    pub(super) name: &'static str,
    /// The most bytes that the chain takes.
    pub(super) most: usize,
    /// What it says now.
    pub(super) now: Vec<u8>,
    /// What it shall say; none leaves it as it is.
    pub(super) said: Option<&'t str>,
}

/// The draft of `call` with all of `fields`: the chain takes an identity whole.
pub(super) fn change(mut call: Call, summary: String, fields: &[Field<'_>]) -> Result<Draft, SubmissionError> {
    for field in fields {
        let Field { name, most, .. } = field;
        let text = field.then();
        if text.len() > *most {
            let words = format!("`{name}` has {} bytes, and the chain takes {most} at most", text.len());
            return foreseen("InvalidIdentity", words);
        }
        call = call.arg(*name, Value::Bytes(text.to_vec()));
    }
    let mut draft = Draft::new(call, summary);
    for words in fields.iter().filter_map(Field::effect) {
        draft = draft.effect(words);
    }
    Ok(draft)
}

/// The beginning of a text, in quotes.
fn quoted(text: &str) -> String {
    let mut beginning: String = text.chars().take(TOLD).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    format!("{beginning:?}")
}

// === impl Field ===

impl Field<'_> {
    /// What it says from now on.
    fn then(&self) -> &[u8] {
        match self.said {
            Some(said) => said.as_bytes(),
            None => &self.now,
        }
    }

    /// What becomes of it, in words; none where it stays as it is.
    fn effect(&self) -> Option<String> {
        let said = self.said.filter(|said| said.as_bytes() != self.now.as_slice())?;
        let (name, now) = (self.name, String::from_utf8_lossy(&self.now));
        Some(match (now.is_empty(), said.is_empty()) {
            (true, _) => format!("{name} becomes {}", quoted(said)),
            (false, true) => format!("{name} is cleared, which was {}", quoted(&now)),
            (false, false) => format!("{name} becomes {}, which was {}", quoted(said), quoted(&now)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<'t>(now: &[u8], said: Option<&'t str>) -> Field<'t> {
        Field { name: "name", most: 8, now: now.to_vec(), said }
    }

    #[test]
    fn what_is_not_said_anew_stays_and_what_changes_is_told() {
        for (now, said, then, effect) in [
            (b"old".as_slice(), None, b"old".as_slice(), None),
            (b"\xff\xfe".as_slice(), None, b"\xff\xfe".as_slice(), None),
            (b"old".as_slice(), Some("old"), b"old".as_slice(), None),
            (b"".as_slice(), Some(""), b"".as_slice(), None),
            (b"".as_slice(), Some("new"), b"new".as_slice(), Some("name becomes \"new\"")),
            (b"old".as_slice(), Some("new"), b"new".as_slice(), Some("name becomes \"new\", which was \"old\"")),
            (b"old".as_slice(), Some(""), b"".as_slice(), Some("name is cleared, which was \"old\"")),
        ] {
            let field = field(now, said);
            assert_eq!((field.then(), field.effect().as_deref()), (then, effect), "{field:?}");
        }
        let long = "τ".repeat(TOLD + 1);
        assert_eq!(field(b"", Some(&long)).effect(), Some(format!("name becomes \"{}…\"", "τ".repeat(TOLD))));
    }

    #[test]
    fn a_field_is_bounded() {
        let change = |said: &str| change(Call::new("P", "c"), "Set it".to_owned(), &[field(b"", Some(said))]);
        assert!(change("12345678").is_ok() && change("123456789").is_err());
    }
}
