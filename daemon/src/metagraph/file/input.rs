//! Reading the parts of a saved metagraph, of which nothing is believed that is not there.

use btd_api::{AccountId, Uid};
use btd_chain::Row;

use super::{super::table::Column, AMOUNT, FileError, Kind};

/// What is left to read.
pub(super) struct Input<'b>(pub(super) &'b [u8]);

// === impl Input ===

impl<'b> Input<'b> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'b [u8], FileError> {
        let short = || FileError::Malformed("it ends too early".to_owned());
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FileError> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| FileError::Malformed("it ends too early".to_owned()))
    }

    fn short(&mut self) -> Result<u16, FileError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn size(&mut self) -> Result<usize, FileError> {
        self.array().map(|bytes| usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX))
    }

    /// `count` values of `N` bytes each.
    fn many<const N: usize, T>(&mut self, count: usize, value: impl Fn([u8; N]) -> T) -> Result<Vec<T>, FileError> {
        let (places, _) = self.take(count.saturating_mul(N))?.as_chunks::<N>();
        Ok(places.iter().map(|place| value(*place)).collect())
    }

    fn texts(&mut self, count: usize) -> Result<Vec<String>, FileError> {
        // Each takes four bytes at least, so the file's length bounds what is reserved.
        let mut texts = Vec::with_capacity(count.min(self.0.len() / 4));
        for _ in 0..count {
            let length = self.size()?;
            let text = std::str::from_utf8(self.take(length)?);
            texts.push(text.map_err(|_| FileError::Malformed("a text is not UTF-8".to_owned()))?.to_owned());
        }
        Ok(texts)
    }

    pub(super) fn column(&mut self, kind: Kind, count: usize) -> Result<Column, FileError> {
        Ok(match kind {
            Kind::Flags => Column::Flags(self.many(count, |[byte]| byte != 0)?),
            Kind::U16 => Column::Shorts(self.many(count, u16::from_le_bytes)?),
            Kind::U64 => Column::Longs(self.many(count, u64::from_le_bytes)?),
            Kind::Accounts => Column::Accounts(self.many(count, AccountId)?),
            Kind::Texts => Column::Texts(self.texts(count)?),
        })
    }

    pub(super) fn row(&mut self) -> Result<Row, FileError> {
        let validator = Uid(self.short()?);
        let count = self.size()?;
        let pair = |[a, b, c, d]: [u8; 4]| (Uid(u16::from_le_bytes([a, b])), u16::from_le_bytes([c, d]));
        Ok((validator, self.many(count, pair)?))
    }

    pub(super) fn amounts(&mut self, count: usize) -> Result<Vec<(AccountId, u64)>, FileError> {
        self.many(count, |entry: [u8; AMOUNT]| {
            let (mut hotkey, mut rao) = ([0; 32], [0; 8]);
            hotkey.copy_from_slice(&entry[..32]);
            rao.copy_from_slice(&entry[32..]);
            (AccountId(hotkey), u64::from_le_bytes(rao))
        })
    }
}
