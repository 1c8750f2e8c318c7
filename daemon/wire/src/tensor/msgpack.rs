//! The few forms of msgpack that a tensor's buffer is made of. Lengths are checked against what is
//! there before anything is taken.

use super::TensorError;

pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

const CUT: TensorError = TensorError::Msgpack("it ends early");

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], TensorError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, TensorError> {
        self.take(1)?.first().copied().ok_or(CUT)
    }

    /// A big-endian number of `width` bytes, which is at most eight.
    fn number(&mut self, width: usize) -> Result<usize, TensorError> {
        let number = self.take(width)?.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        usize::try_from(number).map_err(|_| TensorError::Msgpack("a length beyond memory"))
    }

    /// The number of pairs in a map.
    pub(super) fn map(&mut self) -> Result<usize, TensorError> {
        match self.byte()? {
            form @ 0x80..=0x8f => Ok(usize::from(form & 0x0f)),
            0xde => self.number(2),
            0xdf => self.number(4),
            _ => Err(TensorError::Msgpack("not a map")),
        }
    }

    pub(super) fn bin(&mut self) -> Result<&'a [u8], TensorError> {
        let length = match self.byte()? {
            0xc4 => self.number(1)?,
            0xc5 => self.number(2)?,
            0xc6 => self.number(4)?,
            _ => return Err(TensorError::Msgpack("bytes expected")),
        };
        self.take(length)
    }

    pub(super) fn str(&mut self) -> Result<&'a str, TensorError> {
        let length = match self.byte()? {
            form @ 0xa0..=0xbf => usize::from(form & 0x1f),
            0xd9 => self.number(1)?,
            0xda => self.number(2)?,
            0xdb => self.number(4)?,
            _ => return Err(TensorError::Msgpack("text expected")),
        };
        std::str::from_utf8(self.take(length)?).map_err(|_| TensorError::Msgpack("text that is not UTF-8"))
    }

    pub(super) fn truth(&mut self) -> Result<bool, TensorError> {
        match self.byte()? {
            0xc2 => Ok(false),
            0xc3 => Ok(true),
            _ => Err(TensorError::Msgpack("true or false expected")),
        }
    }

    /// An array of at most `most` numbers that are not negative.
    pub(super) fn lengths(&mut self, most: usize) -> Result<Vec<usize>, TensorError> {
        let count = match self.byte()? {
            form @ 0x90..=0x9f => usize::from(form & 0x0f),
            0xdc => self.number(2)?,
            0xdd => self.number(4)?,
            _ => return Err(TensorError::Msgpack("an array expected")),
        };
        if count > most {
            return Err(TensorError::Dimensions);
        }
        (0..count)
            .map(|_| match self.byte()? {
                small @ 0x00..=0x7f => Ok(usize::from(small)),
                0xcc => self.number(1),
                0xcd => self.number(2),
                0xce => self.number(4),
                0xcf => self.number(8),
                _ => Err(TensorError::Msgpack("a length expected")),
            })
            .collect()
    }

    pub(super) fn end(&self) -> Result<(), TensorError> {
        if self.rest.is_empty() { Ok(()) } else { Err(TensorError::Msgpack("something follows it")) }
    }
}

/// The shortest form among those of one, two and four bytes. Longer than `u32::MAX` is nothing that
/// memory of a daemon holds.
fn sized(out: &mut Vec<u8>, [one, two, four]: [u8; 3], length: usize) {
    if let Ok(length) = u8::try_from(length) {
        out.extend([one, length]);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(two);
        out.extend(length.to_be_bytes());
    } else {
        out.push(four);
        out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

pub(super) fn bin(out: &mut Vec<u8>, bytes: &[u8]) {
    sized(out, [0xc4, 0xc5, 0xc6], bytes.len());
    out.extend_from_slice(bytes);
}

/// Type strings have three characters.
pub(super) fn str(out: &mut Vec<u8>, text: &str) {
    out.push(0xa0 | u8::try_from(text.len()).unwrap_or_default());
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn lengths(out: &mut Vec<u8>, lengths: &[usize]) {
    match u8::try_from(lengths.len()) {
        Ok(count) if count < 16 => out.push(0x90 | count),
        count => {
            out.push(0xdc);
            out.extend(u16::from(count.unwrap_or(u8::MAX)).to_be_bytes());
        }
    }
    for length in lengths {
        match u8::try_from(*length) {
            Ok(small) if small < 0x80 => out.push(small),
            _ if u32::try_from(*length).is_err() => {
                out.push(0xcf);
                out.extend(u64::try_from(*length).unwrap_or(u64::MAX).to_be_bytes());
            }
            _ => sized(out, [0xcc, 0xcd, 0xce], *length),
        }
    }
}
