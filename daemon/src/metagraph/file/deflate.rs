//! Bytes made smaller as ZIP has it (RFC 1951), by their runs alone: what is written here are matrices
//! of zeros and texts padded with zeros, and nothing that compresses better is worth its time.
//!
//! One block with the fixed codes. A run is its first byte and then matches with the byte before.

/// The longest match.
const LONGEST: usize = 258;
/// The longest match whose symbol has no further bits, but for [`LONGEST`].
const PLAIN: usize = 10;
/// The shortest match.
const SHORTEST: usize = 3;

/// `content`, compressed.
pub(super) fn compress(content: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    // The last block, with fixed codes.
    bits.put(0b011, 3);
    for run in content.chunk_by(|one, next| one == next) {
        let (byte, mut rest) = (run[0], run.len() - 1);
        bits.literal(byte);
        while rest > 0 {
            let length = match rest {
                LONGEST.. => LONGEST,
                SHORTEST.. => rest.min(PLAIN),
                _ => {
                    bits.literal(byte);
                    rest -= 1;
                    continue;
                }
            };
            bits.repeat(length);
            rest -= length;
        }
    }
    bits.symbol(256);
    bits.finish()
}

/// Bits on their way into bytes, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

// === impl Bits ===

impl Bits {
    fn put(&mut self, bits: u32, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            let [lowest, ..] = self.pending.to_le_bytes();
            self.bytes.push(lowest);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// A symbol of the fixed code for literals and lengths, whose highest bit goes first.
    fn symbol(&mut self, symbol: u16) {
        let symbol = u32::from(symbol);
        let (code, length) = match symbol {
            0..=143 => (0x30 + symbol, 8),
            144..=255 => (0x190 + (symbol - 144), 9),
            256..=279 => (symbol - 256, 7),
            _ => (0xc0 + (symbol - 280), 8),
        };
        self.put(code.reverse_bits() >> (32 - length), length);
    }

    fn literal(&mut self, byte: u8) {
        self.symbol(byte.into());
    }

    /// The byte before, `length` times.
    fn repeat(&mut self, length: usize) {
        let symbol = if length == LONGEST { 285 } else { 257 + u16::try_from(length - SHORTEST).unwrap_or(0) };
        self.symbol(symbol);
        // The distance 1.
        self.put(0, 5);
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, (8 - self.count) % 8);
        self.bytes
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What reads the fixed codes and matches with the byte before, and nothing else.
    pub(in super::super) fn expand(bytes: &[u8]) -> Vec<u8> {
        let mut bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| u32::from((byte >> bit) & 1)));
        let mut next = || bits.next().unwrap();
        assert_eq!([next(), next(), next()], [1, 1, 0]);
        let mut content = Vec::new();
        loop {
            let mut code = (0..7).fold(0, |code, _| (code << 1) | next());
            let symbol = if code < 24 {
                256 + code
            } else {
                code = (code << 1) | next();
                match code {
                    0x30..0xc0 => code - 0x30,
                    0xc0..0xc8 => 280 + code - 0xc0,
                    _ => 144 + ((code << 1) | next()) - 0x190,
                }
            };
            match symbol {
                0..256 => content.push(u8::try_from(symbol).unwrap()),
                256 => break,
                257..=264 | 285 => {
                    assert_eq!((0..5).map(|_| next()).sum::<u32>(), 0);
                    let length = if symbol == 285 { 258 } else { usize::try_from(symbol - 254).unwrap() };
                    let last = *content.last().unwrap();
                    content.extend(std::iter::repeat_n(last, length));
                }
                _ => panic!("{symbol}"),
            }
        }
        assert!(bits.all(|bit| bit == 0));
        content
    }

    #[test]
    fn what_is_compressed_is_what_others_read() {
        // As zlib writes the two.
        assert_eq!(compress(b""), [3, 0]);
        assert_eq!(compress(b"a"), [0x4b, 4, 0]);
        for length in [1, 2, 3, 4, 10, 11, 12, 13, 258, 259, 260, 261, 262, 517, 70_000] {
            for byte in [0, 143, 144, 255] {
                let run = [&[7, 200][..], &vec![byte; length], &[9]].concat();
                assert_eq!(expand(&compress(&run)), run, "{length} times {byte}");
            }
        }
        let all: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(expand(&compress(&all)), all);
        assert!(compress(&vec![0; 1 << 20]).len() < 7_000);
    }
}
