//! What somebody says of itself on the chain, changed field by field: what is not said anew stays, byte for byte.

use btd_chain::{Call, ReadError, Value, View};
use serde_json::{Map, Value as Json};

use super::{
    receipt::{self, foreseen},
    stake::SUBTENSOR,
};
use crate::submit::{Draft, Precondition, Record, SubmissionError};

/// Of a text so many characters are told.
const TOLD: usize = 60;

/// What is asked of one field of an identity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'t> {
    /// Its name, in the call and in the record as in the contract.
    pub(super) name: &'static str,
    /// The most bytes that the chain takes.
    pub(super) most: usize,
    /// What it shall say; none leaves it as it is.
    pub(super) said: Option<&'t str>,
}

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

/// The fields that are asked for, with what the record under `keys` of the chain's `item` says: bytes, as they lie there.
/// Refused where one that is to stay is not told of: it would be cleared.
pub(super) async fn read<'t>(
    view: &View,
    (item, keys): (&str, &[Value]),
    asked: &[Asked<'t>],
) -> Result<Vec<Field<'t>>, SubmissionError> {
    let told = match view.storage_json(SUBTENSOR, item, keys).await {
        Ok(told) => told,
        Err(ReadError::Absent(_)) => Json::Object(Map::new()),
        Err(error) => return Err(error.into()),
    };
    fields(&told, asked).map_err(|name| {
        let instead = "what is left out cannot be kept: say all fields, those too that are to stay as they are";
        receipt::untold(format!("{SUBTENSOR}.{item}.{name}"), view, instead)
    })
}

/// The same of the record `told`, which is no object where there is none; or the name of a field that cannot stay.
fn fields<'t>(told: &Json, asked: &[Asked<'t>]) -> Result<Vec<Field<'t>>, &'static str> {
    let field = |&Asked { name, most, said }: &Asked<'t>| match told.get(name).and_then(Json::as_str) {
        Some(now) => Ok(Field { name, most, now: raw(now), said }),
        None if told.is_object() && said.is_none() => Err(name),
        None => Ok(Field { name, most, now: Vec::new(), said }),
    };
    asked.iter().map(field).collect()
}

/// The bytes of a text that the chain keeps.
fn raw(told: &str) -> Vec<u8> {
    let bytes = told.strip_prefix("0x").and_then(|hex| hex::decode(hex).ok());
    bytes.unwrap_or_else(|| told.as_bytes().to_vec())
}

/// The draft of `call`, which replaces `record`, with all of `fields`: the chain takes an identity whole.
pub(super) fn change(mut call: Call, record: Record, fields: &[Field<'_>]) -> Result<Draft, SubmissionError> {
    let effects: Vec<String> = fields.iter().filter_map(Field::effect).collect();
    if effects.is_empty() {
        let words = if fields.iter().any(|field| field.said.is_some()) {
            format!("all that was said of {record} stands already")
        } else {
            format!("no field of {record} was named, and what is left out stays as it is")
        };
        return Err(Precondition::Unchanged { words }.into());
    }
    for field in fields {
        let Field { name, most, .. } = field;
        let text = field.then();
        if text.len() > *most {
            let length = text.len();
            let words = match field.said {
                Some(_) => format!("`{name}` has {length} bytes, and the chain takes {most} at most"),
                None => format!(
                    "`{name}`, which was left out, would stay as it is on the chain, with {length} bytes, of which the chain \
                     takes {most} at most by now: say it anew, or clear it"
                ),
            };
            return foreseen("InvalidIdentity", words);
        }
        call = call.arg(*name, Value::Bytes(text.to_vec()));
    }
    let draft = Draft::new(call, format!("Set {record}"));
    let keeps_some = fields.iter().any(|field| field.said.is_none());
    let draft = if keeps_some { draft.keeps(record) } else { draft.replaces(record) };
    Ok(effects.into_iter().fold(draft, Draft::effect))
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
    use btd_api::NetUid;
    use serde_json::json;

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
    fn what_stays_is_kept_byte_for_byte_or_not_at_all() {
        let asked = |name, said| Asked { name, most: 8, said };
        let then = |told: &Json, asked: &[Asked<'_>]| {
            fields(told, asked).map(|fields| fields.iter().map(|field| field.then().to_vec()).collect::<Vec<_>>())
        };
        let told = json!({ "name": "0xff00fe", "url": "0x" });
        let kept = then(&told, &[asked("name", None), asked("url", Some("x"))]);
        assert_eq!(kept, Ok(vec![b"\xff\x00\xfe".to_vec(), b"x".to_vec()]));
        // A record that has no such field, or none that can be read, has nothing that could be kept.
        assert_eq!(then(&told, &[asked("name", None), asked("image", None)]), Err("image"));
        assert_eq!(then(&told, &[asked("image", Some("y"))]), Ok(vec![b"y".to_vec()]));
        assert_eq!(then(&json!({ "name": [255, 0] }), &[asked("name", None)]), Err("name"));
        // Where there is no record, there is nothing to be kept.
        assert_eq!(then(&Json::Null, &[asked("name", None)]), Ok(vec![Vec::new()]));
    }

    #[test]
    fn a_field_is_bounded_and_one_that_stands_is_not_set_again() {
        let change = |field: Field<'_>| change(Call::new("P", "c"), Record::SubnetIdentity(NetUid(1)), &[field]);
        assert!(change(field(b"", Some("12345678"))).is_ok());
        let refused = |field| change(field).unwrap_err().to_string();
        assert!(refused(field(b"", Some("123456789"))).starts_with("`name` has 9 bytes"));
        // Whoever has not said it is not told that it was.
        let kept = [field(b"123456789", None), Field { name: "url", ..field(b"", Some("x")) }];
        let refused_beside = super::change(Call::new("P", "c"), Record::SubnetIdentity(NetUid(1)), &kept).unwrap_err();
        assert!(refused_beside.to_string().contains("`name`, which was left out"), "{refused_beside}");
        assert!(change(field(b"123456789", Some(""))).is_ok());
        // Nor is anything signed for what stands already.
        assert!(refused(field(b"old", Some("old"))).contains("the identity of subnet 1 stands already"));
        assert!(refused(field(b"old", None)).contains("no field of the identity of subnet 1"));
    }
}
