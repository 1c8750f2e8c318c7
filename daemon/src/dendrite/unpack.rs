//! Replies that come packed: `Content-Encoding: gzip` and `deflate`, as Python's client reads them.
//!
//! What is packed is unpacked piece by piece, as far as somebody wants more. How long a reply may be, and how much of all
//! replies is held at once, is [`super::reading`]'s to say.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, header};
use miniz_oxide::{
    DataFormat, MZError, MZFlush, MZStatus,
    inflate::stream::{InflateState, inflate},
};

/// What the axon is told that it may pack a reply by.
pub(super) const ACCEPTED: &str = "gzip, deflate";

/// Bytes that are unpacked at once, at most.
const PIECE: usize = 8 * 1_024;
/// So many members of gzip may come, and one more for each so many bytes that were in them: a member costs far more than
/// the twenty bytes that it is.
const MOST_MEMBERS: usize = 16;
const BYTES_OF_A_MEMBER: usize = 1_024;
/// The longest header of a gzip member: it may carry a file's name and a comment.
const LONGEST_HEADER: usize = 8 * 1_024;

/// Unpacks a body as it comes.
#[derive(Debug)]
pub(super) enum Unpacker {
    /// It is not packed.
    Plain(Bytes),
    Packed(Box<Packed>),
}

/// Why a body cannot be unpacked, in the words of Python's client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("400, message: Can not decode content-encoding: {0}")]
pub(super) struct CannotUnpack(String);

pub(super) struct Packed {
    encoding: &'static str,
    input: BytesMut,
    state: State,
    /// What is unpacked at once.
    piece: Vec<u8>,
    /// How many members of gzip have ended, and how many bytes were in them.
    members: usize,
    unpacked: usize,
}

enum State {
    /// Of gzip: before a member, of which the header may not be whole yet; and whether it is the first.
    Header {
        first: bool,
    },
    /// Of deflate: nothing has come yet. Some servers leave the frame of zlib out.
    Start,
    Data(Box<InflateState>, Sum),
    /// The eight bytes behind the data of a gzip member.
    Trailer(Sum),
    /// All has come; what is behind it is dropped, as Python's client drops it.
    End,
}

/// What the trailer of a gzip member states of its data.
#[derive(Clone, Default)]
struct Sum {
    crc: crc32fast::Hasher,
    length: u32,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed").field("encoding", &self.encoding).finish_non_exhaustive()
    }
}

// === impl Unpacker ===

impl Unpacker {
    /// What unpacks a body with these headers.
    ///
    /// # Errors
    /// When it is packed by something else, or more than once.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, CannotUnpack> {
        let mut stated = headers.get_all(header::CONTENT_ENCODING).iter();
        let (encoding, more) = (stated.next(), stated.next());
        let Some(encoding) = encoding else { return Ok(Self::Plain(Bytes::new())) };
        let text = String::from_utf8_lossy(encoding.as_bytes()).trim().to_ascii_lowercase();
        match text.as_str() {
            _ if more.is_some() => Err(CannotUnpack("stated more than once".to_owned())),
            "" | "identity" => Ok(Self::Plain(Bytes::new())),
            "gzip" | "x-gzip" => Ok(Self::packed("gzip", State::Header { first: true })),
            "deflate" => Ok(Self::packed("deflate", State::Start)),
            _ => Err(CannotUnpack(text.chars().take(40).collect())),
        }
    }

    fn packed(encoding: &'static str, state: State) -> Self {
        Self::Packed(Box::new(Packed {
            encoding,
            input: BytesMut::new(),
            state,
            piece: vec![0; PIECE],
            members: 0,
            unpacked: 0,
        }))
    }

    /// Takes bytes as they came. What they unpack to is to be taken before the next.
    pub(super) fn take(&mut self, bytes: Bytes) {
        match self {
            Self::Plain(held) => *held = bytes,
            Self::Packed(packed) => packed.input.extend_from_slice(&bytes),
        }
    }

    /// The next piece of what was packed; `None` when more must come first.
    ///
    /// # Errors
    /// When the bytes are not what their encoding says.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, CannotUnpack> {
        match self {
            Self::Plain(held) if held.is_empty() => Ok(None),
            Self::Plain(held) => Ok(Some(std::mem::take(held))),
            Self::Packed(packed) => packed.next(),
        }
    }

    /// The body has come to its end.
    ///
    /// # Errors
    /// When what was packed has not.
    pub(super) fn end(&self) -> Result<(), CannotUnpack> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Packed(packed) => packed.end(),
        }
    }
}

// === impl Packed ===

impl Packed {
    fn fault(&self) -> CannotUnpack {
        CannotUnpack(self.encoding.to_owned())
    }

    fn next(&mut self) -> Result<Option<Bytes>, CannotUnpack> {
        loop {
            match &mut self.state {
                State::Header { first } => match header_length(&self.input) {
                    Ok(Some(length)) => {
                        self.input.advance(length);
                        self.state = State::Data(InflateState::new_boxed(DataFormat::Raw), Sum::default());
                    }
                    Ok(None) if self.input.len() <= LONGEST_HEADER => return Ok(None),
                    Err(NoHeader) if !*first => self.state = State::End,
                    Ok(None) | Err(NoHeader) => return Err(self.fault()),
                },
                State::Start => {
                    let Some(byte) = self.input.first() else { return Ok(None) };
                    let format = if byte & 0x0f == 8 { DataFormat::Zlib } else { DataFormat::Raw };
                    self.state = State::Data(InflateState::new_boxed(format), Sum::default());
                }
                State::Data(inflating, sum) => {
                    let done = inflate(inflating, &self.input, &mut self.piece, MZFlush::None);
                    self.input.advance(done.bytes_consumed);
                    let piece = self.piece.get(..done.bytes_written).unwrap_or_default();
                    sum.add(piece);
                    match done.status {
                        Ok(MZStatus::StreamEnd) if self.encoding == "gzip" => {
                            self.state = State::Trailer(std::mem::take(sum));
                        }
                        Ok(MZStatus::StreamEnd) => self.state = State::End,
                        Err(MZError::Buf) if piece.is_empty() => return Ok(None),
                        // It goes on where more has come, or something is held back.
                        Ok(MZStatus::Ok) | Err(MZError::Buf) => {}
                        Ok(MZStatus::NeedDict) | Err(_) => return Err(self.fault()),
                    }
                    if !piece.is_empty() {
                        self.unpacked = self.unpacked.saturating_add(piece.len());
                        return Ok(Some(Bytes::copy_from_slice(piece)));
                    }
                }
                State::Trailer(sum) => {
                    let Some(trailer) = self.input.first_chunk::<8>() else { return Ok(None) };
                    let sum = std::mem::take(sum);
                    self.members += 1;
                    let is_whole = u64::from_le_bytes(*trailer) == sum.trailer();
                    self.input.advance(8);
                    if !is_whole || self.members > MOST_MEMBERS + self.unpacked / BYTES_OF_A_MEMBER {
                        return Err(self.fault());
                    }
                    self.state = State::Header { first: false };
                }
                State::End => {
                    self.input.clear();
                    return Ok(None);
                }
            }
        }
    }

    fn end(&self) -> Result<(), CannotUnpack> {
        match &self.state {
            // A body of nothing is one, packed or not.
            State::Header { .. } | State::Start if self.input.is_empty() => Ok(()),
            State::End | State::Header { first: false } => Ok(()),
            _ => Err(self.fault()),
        }
    }
}

// === impl Sum ===

impl Sum {
    fn add(&mut self, piece: &[u8]) {
        self.crc.update(piece);
        // Its length modulo 2^32.
        self.length = self.length.wrapping_add(u32::try_from(piece.len()).unwrap_or(0));
    }

    fn trailer(self) -> u64 {
        u64::from(self.length) << 32 | u64::from(self.crc.finalize())
    }
}

/// No member of gzip begins here.
struct NoHeader;

/// How long the header of a gzip member is (RFC 1952, 2.3); `None` when it is not whole yet.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, NoHeader> {
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
    const HEADER_CRC: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    if bytes.iter().zip(MAGIC).any(|(byte, magic)| *byte != magic) {
        return Err(NoHeader);
    }
    let Some(fixed) = bytes.first_chunk::<10>() else { return Ok(None) };
    let [_, _, _, flags, ..] = *fixed;
    let mut length = fixed.len();
    if flags & EXTRA != 0 {
        let Some(extra) = bytes.get(length..).and_then(|rest| rest.first_chunk::<2>()) else { return Ok(None) };
        length += 2 + usize::from(u16::from_le_bytes(*extra));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let rest = bytes.get(length..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == 0) else { return Ok(None) };
            length += end + 1;
        }
    }
    if flags & HEADER_CRC != 0 {
        length += 2;
    }
    Ok((length <= bytes.len()).then_some(length))
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

    use super::*;

    fn member(data: &[u8], flags: u8, between: &[u8]) -> Vec<u8> {
        let mut sum = Sum::default();
        sum.add(data);
        let head = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
        [&head, between, &compress_to_vec(data, 6), &sum.trailer().to_le_bytes()].concat()
    }

    fn unpacked(encoding: &str, packed: &[u8], by: usize) -> Result<Vec<u8>, CannotUnpack> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
        let mut unpacker = Unpacker::of(&headers)?;
        let mut whole = Vec::new();
        for bytes in packed.chunks(by) {
            unpacker.take(Bytes::copy_from_slice(bytes));
            while let Some(piece) = unpacker.next()? {
                assert!(!piece.is_empty() && (encoding == "identity" || piece.len() <= PIECE));
                whole.extend_from_slice(&piece);
            }
        }
        unpacker.end().map(|()| whole)
    }

    #[test]
    fn there_may_be_few_members_or_such_as_have_something_in_them() {
        for little in [&b""[..], b"x"] {
            let few = member(little, 0, b"").repeat(16);
            assert_eq!(unpacked("gzip", &few, 7), Ok(little.repeat(16)));
            assert!(unpacked("gzip", &[few, member(little, 0, b"")].concat(), 7).is_err());
        }
        let blocks = [7; BYTES_OF_A_MEMBER];
        assert_eq!(unpacked("gzip", &member(&blocks, 0, b"").repeat(100), 4_096), Ok(blocks.repeat(100)));
    }

    #[test]
    fn what_was_packed_comes_out_however_it_arrives() {
        let text: Vec<u8> = (0..60_000_u32).flat_map(|n| (n / 7).to_string().into_bytes()).collect();
        let named = member(&text, 0b1_1110, b"\x03\x00abcname\0comment\0cc");
        let bodies = [
            ("gzip", member(&text, 0, b"")),
            ("X-GZIP", named),
            ("gzip", [member(&text[..9], 0, b""), member(&text[9..], 0, b"")].concat()),
            // What is behind the last member is dropped.
            ("gzip", [member(&text, 0, b""), vec![0; 20]].concat()),
            ("deflate", compress_to_vec_zlib(&text, 6)),
            ("deflate", compress_to_vec(&text, 6)),
            ("identity", text.clone()),
        ];
        for (encoding, packed) in &bodies {
            for by in [1, 7, 4_096, usize::MAX] {
                let whole = unpacked(encoding, packed, by).unwrap();
                assert!(whole == text, "{encoding} by {by}: {} bytes", whole.len());
            }
        }
        for encoding in ["gzip", "deflate", "identity"] {
            assert_eq!(unpacked(encoding, b"", 1), Ok(Vec::new()));
        }
    }

    #[test]
    fn what_is_broken_or_unknown_is_refused() {
        let text = b"a text that is packed, and packed again, and packed";
        let gzip = member(text, 0, b"");
        let zlib = compress_to_vec_zlib(text, 6);
        let changed = |packed: &[u8], at: usize| {
            let mut changed = packed.to_vec();
            changed[at] ^= 0x55;
            changed
        };
        for (encoding, packed) in [
            ("gzip", gzip[..gzip.len() - 1].to_vec()),
            ("gzip", gzip[..5].to_vec()),
            ("gzip", changed(&gzip, 0)),
            ("gzip", changed(&gzip, gzip.len() - 1)),
            ("gzip", changed(&gzip, gzip.len() - 8)),
            ("gzip", b"{}".to_vec()),
            // A name without an end.
            ("gzip", [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 255][..], &vec![b'x'; LONGEST_HEADER]].concat()),
            ("deflate", zlib[..zlib.len() - 1].to_vec()),
            ("deflate", changed(&zlib, zlib.len() - 1)),
            ("br", text.to_vec()),
            ("gzip, gzip", gzip.clone()),
        ] {
            for by in [1, usize::MAX] {
                let refused = unpacked(encoding, &packed, by).unwrap_err();
                assert_eq!(refused.to_string(), format!("400, message: Can not decode content-encoding: {encoding}"));
            }
        }
    }
}
