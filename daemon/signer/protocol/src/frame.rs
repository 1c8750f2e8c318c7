//! Frames: four bytes of length, little-endian, then a value in postcard's form.
//!
//! Pure functions over bytes, and one pair of blocking readers and writers; the daemon reads with
//! its own runtime. Buffers are made to size and wiped, because frames carry passwords and words.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::Refusal;

/// The length that goes before each frame.
pub const HEADER: usize = 4;

/// The longest frame, in bytes: a directory of some ten thousand keys.
pub const LONGEST: usize = 8 << 20;

/// Bytes that are wiped when dropped.
pub type Bytes = Zeroizing<Vec<u8>>;

/// What cannot be a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Longer than any.
    #[error("a frame of {0} bytes is too long: the other end is not a signer of this build, or not its daemon")]
    TooLong(usize),
    /// Not the value that was expected.
    #[error("a frame cannot be read: the other end is not a signer of this build, or not its daemon")]
    Malformed(#[source] postcard::Error),
    /// A value that cannot be written.
    #[error("a frame cannot be written")]
    Unwritable(#[source] postcard::Error),
    /// The stream.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A call on one channel. The answer bears the same number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call<C> {
    /// Chosen by the caller; no two that are open are the same.
    pub number: u64,
    /// What is asked.
    pub operation: C,
}

/// The answer to a call.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The call's number.
    pub number: u64,
    /// The operation's reply in postcard's form, or why there is none.
    pub outcome: Result<Reply, Refusal>,
}

/// A reply of the type that its operation says, still in bytes. Says nothing in `Debug`.
#[derive(Serialize, Deserialize)]
pub struct Reply(#[serde(with = "wiped")] Bytes);

// === impl Reply ===

impl Reply {
    /// Writes a reply.
    ///
    /// # Errors
    /// When postcard has no form for it.
    pub fn of(reply: &impl Serialize) -> Result<Self, FrameError> {
        serialize(reply, 0).map(Self)
    }

    /// Reads a reply of a known type.
    ///
    /// # Errors
    /// When it is of another.
    pub fn read<R: DeserializeOwned>(&self) -> Result<R, FrameError> {
        decode(&self.0)
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply(…)")
    }
}

mod wiped {
    use std::fmt;

    use serde::{
        Deserializer, Serializer,
        de::{Error, Visitor},
    };

    use super::Bytes;

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Borrowed;

        impl Visitor<'_> for Borrowed {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes::new(bytes.to_vec()))
            }
        }

        deserializer.deserialize_bytes(Borrowed)
    }
}

/// A value with its length before it, ready to be sent.
///
/// # Errors
/// When it is longer than [`LONGEST`], or postcard has no form for it.
pub fn encode(value: &impl Serialize) -> Result<Bytes, FrameError> {
    let mut frame = serialize(value, HEADER)?;
    let length = frame.len() - HEADER;
    let header = u32::try_from(length).ok().filter(|_| length <= LONGEST).ok_or(FrameError::TooLong(length))?;
    frame[..HEADER].copy_from_slice(&header.to_le_bytes());
    Ok(frame)
}

/// The bytes of `value` after `room` empty ones, in a buffer that never grew.
fn serialize(value: &impl Serialize, room: usize) -> Result<Bytes, FrameError> {
    let size = postcard::experimental::serialized_size(value).map_err(FrameError::Unwritable)?;
    let mut bytes = Bytes::new(vec![0; room + size]);
    postcard::to_slice(value, &mut bytes[room..]).map_err(FrameError::Unwritable)?;
    Ok(bytes)
}

/// How many bytes follow a header.
///
/// # Errors
/// When it is more than [`LONGEST`].
pub fn length(header: [u8; HEADER]) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(header);
    usize::try_from(length).ok().filter(|&length| length <= LONGEST).ok_or(FrameError::TooLong(length as usize))
}

/// The value in a frame whose length has been taken off.
///
/// # Errors
/// When the bytes are not that value and nothing else.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(FrameError::Malformed(postcard::Error::DeserializeBadEncoding)),
        Err(error) => Err(FrameError::Malformed(error)),
    }
}

/// Whether bytes that have been read begin with a whole frame, so that [`read`] waits for nothing.
pub fn is_whole(bytes: &[u8]) -> bool {
    bytes.split_first_chunk().is_some_and(|(header, body)| length(*header).is_ok_and(|length| body.len() >= length))
}

/// Reads one frame; `None` at the end of the stream.
///
/// # Errors
/// When the stream fails or ends within a frame.
pub fn read(stream: &mut impl Read) -> Result<Option<Bytes>, FrameError> {
    let mut header = [0; HEADER];
    let mut filled = 0;
    while filled < HEADER {
        match stream.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut body = Bytes::new(vec![0; length(header)?]);
    stream.read_exact(&mut body)?;
    Ok(Some(body))
}

/// Writes one value as a frame.
///
/// # Errors
/// When it is too long, or the stream fails.
pub fn write(stream: &mut impl Write, value: &impl Serialize) -> Result<(), FrameError> {
    Ok(stream.write_all(&encode(value)?)?)
}

#[cfg(test)]
mod tests {
    use btd_api::wallet::Secret;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Control, KeyId, Purposes, RefusalKind, Requests, Signature,
        operations::{Earlier, Lock, Unlock},
    };

    fn there_and_back<T: Serialize + DeserializeOwned>(value: &T) -> T {
        let mut stream = Vec::new();
        write(&mut stream, value).unwrap();
        let mut stream = stream.as_slice();
        let body = read(&mut stream).unwrap().unwrap();
        assert!(read(&mut stream).unwrap().is_none());
        decode(&body).unwrap()
    }

    #[test]
    fn calls_and_answers_go_there_and_back() {
        let key = KeyId::hotkey("w".parse().unwrap(), "h".parse().unwrap());
        let unlock = Unlock {
            key: key.clone(),
            password: Some(Secret::new("pässword")),
            window: None,
            purposes: Purposes::ALL,
            earlier: Earlier::Ends,
        };
        let call: Call<Control> = there_and_back(&Call { number: u64::MAX, operation: Control::Unlock(unlock) });
        let Control::Unlock(read) = call.operation else { panic!("another operation") };
        assert_eq!((call.number, read.key, read.password.unwrap().expose()), (u64::MAX, key.clone(), "pässword"));

        let signature =
            Signature { scheme: crate::Scheme::Ed25519, bytes: std::array::from_fn(|at| u8::try_from(at).unwrap()) };
        let answer = there_and_back(&Answer { number: 7, outcome: Ok(Reply::of(&signature).unwrap()) });
        assert_eq!(answer.outcome.unwrap().read::<Signature>().unwrap(), signature);
        let refusal = Refusal::new(RefusalKind::Busy, "later").about(key).retry_in(std::time::Duration::from_secs(3));
        let answer = there_and_back(&Answer { number: 8, outcome: Err(refusal.clone()) });
        assert_eq!(answer.outcome.unwrap_err(), refusal);
    }

    #[test]
    fn what_is_not_a_frame_is_refused() {
        let lock = Call { number: 1, operation: Control::Lock(Lock { key: KeyId::coldkey("w".parse().unwrap()) }) };
        let frame = encode(&lock).unwrap();
        for end in 1..frame.len() {
            assert!(read(&mut &frame[..end]).is_err(), "{end}");
        }
        assert!(decode::<Call<Control>>(&frame[HEADER..frame.len() - 1]).is_err());
        let more = [&frame[HEADER..], &[0]].concat();
        assert!(decode::<Call<Control>>(&more).is_err());
        assert!(matches!(length([0xff; 4]), Err(FrameError::TooLong(_))));
        assert!(matches!(encode(&vec![0_u8; LONGEST]), Err(FrameError::TooLong(_))));
        // The number of an operation that the requests channel does not have.
        assert!(decode::<Call<Requests>>(&[1, 9]).is_err());
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_do_no_harm(bytes: Vec<u8>) {
            let _ = decode::<Call<Control>>(&bytes);
            let _ = decode::<Call<Requests>>(&bytes);
            let _ = decode::<Answer>(&bytes).map(|answer| answer.outcome.map(|reply| reply.read::<Signature>()));
            let _ = read(&mut bytes.as_slice());
        }

        #[test]
        fn a_changed_call_does_no_harm(at in 0_usize..100, by: u8) {
            let key = KeyId::coldkey("w".parse().unwrap());
            let password = Some(Secret::new("password"));
            let unlock = Unlock { key, password, window: None, purposes: Purposes::ALL, earlier: Earlier::Ends };
            let mut frame = encode(&Call { number: 1, operation: Control::Unlock(unlock) }).unwrap();
            let length = frame.len() - HEADER;
            frame[HEADER + at % length] ^= by;
            let _ = decode::<Call<Control>>(&frame[HEADER..]);
        }
    }
}
