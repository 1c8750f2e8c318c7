//! One extrinsic in the pool, and the word to who watches it.

use std::{cmp::Reverse, sync::Arc};

use btd_devnet_runtime::{
    RuntimeCall, UncheckedExtrinsic,
    shield::{self, ShieldedTransaction},
};
use codec::{Decode, DecodeLimit, Encode};
use sp_core::H256;
use sp_runtime::{
    traits::{ExtrinsicLike as _, Hash},
    transaction_validity::ValidTransaction,
};
use tokio::sync::mpsc;

use crate::chain::Hasher;

/// Levels of nesting an extrinsic may have; the limit of Substrate's runtime interface.
const MAX_DEPTH: u32 = 256;

/// An extrinsic as it was submitted, known to decode.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Extrinsic {
    pub(crate) hash: H256,
    pub(crate) bytes: Vec<u8>,
    /// Whether nobody signed it and no extension is part of it, as with inherents.
    pub(crate) bare: bool,
    /// The envelope it carries, when it carries a sealed extrinsic.
    pub(crate) sealed: Option<ShieldedTransaction>,
}

/// Why bytes are no extrinsic. A node looks at the length alone and leaves what is inside to the runtime, so clients
/// know two answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// They are not one string with its length before it.
    #[error("{0}")]
    Length(codec::Error),
    /// What is inside does not decode.
    #[error("{0}")]
    Content(codec::Error),
}

impl Extrinsic {
    /// Takes the extrinsic at the beginning of these bytes; what comes after it is passed over, as a node does. Runs on
    /// a thread with a deep stack.
    pub(crate) fn decode(mut bytes: Vec<u8>) -> Result<Self, Malformed> {
        let mut rest = bytes.as_slice();
        Vec::<u8>::decode(&mut rest).map_err(Malformed::Length)?;
        let behind = rest.len();
        bytes.truncate(bytes.len() - behind);
        let extrinsic = UncheckedExtrinsic::decode_all_with_depth_limit(MAX_DEPTH, &mut bytes.as_slice())
            .map_err(Malformed::Content)?;
        if extrinsic.encode() != bytes {
            return Err(Malformed::Content("it is not as it would stand in a block".into()));
        }
        let sealed = match &extrinsic.function {
            RuntimeCall::MevShield(shield::Call::submit_encrypted { ciphertext }) => {
                ShieldedTransaction::parse(ciphertext)
            }
            _ => None,
        };
        Ok(Self { hash: Hasher::hash(&bytes), bare: extrinsic.is_bare(), bytes, sealed })
    }
}

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Future,
    Ready,
    InBlock(H256),
    Finalized(H256),
    Usurped(H256),
    Dropped,
    Invalid,
}

/// Where the statuses of one extrinsic go. An extrinsic has few; a channel of [`Watcher::CAPACITY`] holds them all.
#[derive(Debug)]
pub(crate) struct Watcher(mpsc::Sender<Status>);

impl Watcher {
    /// Future and ready can alternate once a block at most, and who does not read them does not want them.
    const CAPACITY: usize = 64;

    pub(crate) fn new() -> (Self, mpsc::Receiver<Status>) {
        let (sender, receiver) = mpsc::channel(Self::CAPACITY);
        (Self(sender), receiver)
    }

    fn tell(&self, status: Status) {
        // A full or closed channel is a watcher that does not look.
        let _ = self.0.try_send(status);
    }
}

/// Ready comes first where places are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Ready,
    Future,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) extrinsic: Arc<Extrinsic>,
    pub(super) valid: ValidTransaction,
    /// First block that can no longer hold it.
    pub(super) valid_until: u64,
    /// Block on whose state it was last found valid.
    pub(super) checked: u32,
    pub(super) arrival: u64,
    pub(super) place: Place,
    told: Option<Place>,
    watcher: Option<Watcher>,
}

impl Entry {
    pub(super) fn new(
        extrinsic: Extrinsic,
        valid: ValidTransaction,
        at: u32,
        arrival: u64,
        watcher: Option<Watcher>,
    ) -> Self {
        Self {
            extrinsic: Arc::new(extrinsic),
            valid_until: u64::from(at).saturating_add(valid.longevity),
            valid,
            checked: at,
            arrival,
            place: Place::Future,
            told: None,
            watcher,
        }
    }

    pub(super) fn renew(&mut self, valid: ValidTransaction, at: u32) {
        self.valid_until = u64::from(at).saturating_add(valid.longevity);
        self.valid = valid;
        self.checked = at;
    }

    /// Best first: highest priority, shortest remaining life, oldest.
    pub(super) fn rank(&self) -> (Reverse<u64>, u64, u64) {
        (Reverse(self.valid.priority), self.valid_until, self.arrival)
    }

    /// Moves it, and says so if it is news.
    pub(super) fn set_place(&mut self, place: Place) {
        self.place = place;
        if self.told != Some(place) {
            self.told = Some(place);
            self.tell(&match place {
                Place::Ready => Status::Ready,
                Place::Future => Status::Future,
            });
        }
    }

    pub(super) fn tell(&mut self, status: &Status) {
        if let Some(watcher) = &self.watcher {
            watcher.tell(status.clone());
        }
    }

    pub(super) fn tell_finalized(&self, block: H256) {
        if let Some(watcher) = &self.watcher {
            watcher.tell(Status::Finalized(block));
        }
    }
}
