//! A frame of HTTP/3: how it begins, and what may be wrong with it.

use h3::error::Code;

/// The kind of a frame that carries data.
pub(super) const DATA: u64 = 0;
/// The kinds of frames that carry a number and nothing else.
const CANCEL_PUSH: u64 = 0x3;
const GOAWAY: u64 = 0x7;
const MAX_PUSH_ID: u64 = 0xd;
/// The kind of a frame that carries a number, and something behind it.
const PUSH_PROMISE: u64 = 0x5;

/// How a frame begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) kind: u64,
    /// How long the beginning is, and what follows it.
    pub(super) length: usize,
    pub(super) payload: usize,
}

// === impl Head ===

impl Head {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, of_kind) = number(bytes)?;
        let (payload, of_payload) = number(bytes.get(of_kind..)?)?;
        Some(Self { kind, length: of_kind + of_payload, payload: usize::try_from(payload).unwrap_or(usize::MAX) })
    }
}

/// Whether h3 takes in a whole frame that carries this, and neither waits for more of it nor leaves some of it behind.
pub(super) fn is_taken_in(kind: u64, carried: &[u8]) -> bool {
    match kind {
        CANCEL_PUSH | GOAWAY | MAX_PUSH_ID => number(carried).is_some_and(|(_, length)| length == carried.len()),
        PUSH_PROMISE => number(carried).is_some(),
        _ => true,
    }
}

/// The number at the beginning, as QUIC writes numbers, and how many bytes it takes.
pub(super) fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = 1_usize << (first >> 6);
    let further = bytes.get(1..length)?;
    let begun = u64::from(first & 0b0011_1111);
    Some((further.iter().fold(begun, |number, byte| (number << 8) | u64::from(*byte)), length))
}

/// What is wrong with a frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error(
        "a frame of type {kind:#x} states a length of {payload} bytes, of which at most {longest} are taken; send less"
    )]
    TooLong { kind: u64, payload: usize, longest: usize },
    #[error(
        "frames of this connection that lack their end take more than {most} bytes together; send each of them to its end \
         before many others"
    )]
    TooMany { most: usize },
    #[error(
        "a frame of type {kind:#x} has {payload} bytes that are not the number which it is to carry; send it as RFC 9114, \
         section 7.2, lays it out"
    )]
    NoNumber { kind: u64, payload: usize },
    #[error("a frame of data came on the control stream; send data on the stream of a request only")]
    Misplaced,
    #[error("the stream ended {lacking} bytes before its frame of data; send such a frame to its end")]
    Cut { lacking: usize },
}

// === impl FrameError ===

impl FrameError {
    /// HTTP/3's word for it.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::TooLong { .. } | Self::TooMany { .. } => Code::H3_EXCESSIVE_LOAD,
            Self::NoNumber { .. } | Self::Cut { .. } => Code::H3_FRAME_ERROR,
            Self::Misplaced => Code::H3_FRAME_UNEXPECTED,
        }
    }
}
