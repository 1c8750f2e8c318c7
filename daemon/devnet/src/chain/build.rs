//! Makes one block: inherents, extrinsics in storage transactions of their own, seal.
//!
//! It decides nothing about which extrinsics and when; [`crate::producer`] does.

use btd_devnet_runtime::{
    Header, RuntimeCall, UncheckedExtrinsic,
    shield::{INHERENT_IDENTIFIER, InherentType},
};
use codec::{Decode, Encode};
use sp_core::H256;
use sp_inherents::InherentData;
use sp_runtime::{
    ApplyExtrinsicResult, Digest, DigestItem, ExtrinsicInclusionMode, traits::Header as _,
    transaction_validity::TransactionValidityError,
};
use sp_trie::PrefixedMemoryDB;

use super::{
    Hasher, STATE_VERSION, State,
    execute::{ExecutionError, Overlay, call},
    history::Block,
};
use crate::shield::announced_in;

/// Engine id of Aura, whose slot stands in the header's digest.
const AURA: [u8; 4] = *b"aura";

/// Storage keys with their new value, `None` when removed.
pub(crate) type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Why no block came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// A part of block making failed in the runtime.
    #[error("the runtime failed to {step}")]
    Runtime {
        /// Which part.
        step: &'static str,
        /// What the runtime said.
        #[source]
        source: ExecutionError,
    },
    /// The runtime answered with bytes that do not decode.
    #[error("the runtime's answer to {step} does not decode")]
    Answer {
        /// Which part.
        step: &'static str,
        /// What the decoder said.
        #[source]
        source: codec::Error,
    },
    /// The runtime refused an inherent that it had asked for itself.
    #[error("the runtime refused its own inherent: {0}")]
    Inherent(String),
    /// The block would not be the one after the head: a value that was written into the state says so.
    #[error("the block would not follow the head: {0}")]
    Misplaced(String),
    /// The state after the block could not be computed, or differs from the header.
    #[error("the state after the block is inconsistent: {0}")]
    State(String),
}

/// What became of an extrinsic offered to a block.
pub(crate) enum Applied {
    /// It is part of the block, whether its call succeeded or not.
    Included,
    /// It is not, and left no trace in the state.
    Refused(TransactionValidityError),
    /// The runtime panicked over it; it left no trace in the state.
    Panicked(ExecutionError),
}

/// A finished block and everything that becoming the head takes.
pub(crate) struct Sealed {
    pub(crate) block: Block,
    pub(crate) changes: Changes,
    pub(crate) nodes: PrefixedMemoryDB<Hasher>,
}

/// A block in the making.
pub(crate) struct Builder<'a> {
    state: &'a State,
    overlay: Overlay,
    extrinsics: Vec<Vec<u8>>,
    takes_extrinsics: bool,
}

impl<'a> Builder<'a> {
    /// Opens the block after `parent` and applies its inherents.
    ///
    /// `timestamp` is in milliseconds since 1970; the runtime moves it forward if its parent's is too close.
    /// `genesis` is the hash of block 0, from which the author's keys follow.
    pub(crate) fn open(
        state: &'a State,
        parent: &Block,
        genesis: H256,
        (timestamp, slot): (u64, u64),
    ) -> Result<Self, BlockError> {
        let digest = Digest { logs: vec![DigestItem::PreRuntime(AURA, slot.encode())] };
        let number = parent.number().saturating_add(1);
        let header = Header::new(number, H256::zero(), H256::zero(), parent.hash, digest);
        let mut builder = Self { state, overlay: Overlay::default(), extrinsics: Vec::new(), takes_extrinsics: true };
        let mode: ExtrinsicInclusionMode =
            builder.ask("initialize the block", "Core_initialize_block", &header.encode())?;
        builder.takes_extrinsics = mode == ExtrinsicInclusionMode::AllExtrinsics;

        let mut data = InherentData::new();
        data.put_data(sp_timestamp::INHERENT_IDENTIFIER, &sp_timestamp::Timestamp::new(timestamp))
            .map_err(|error| BlockError::Inherent(error.to_string()))?;
        let key: InherentType = announced_in(number, genesis).public().try_into().ok();
        data.put_data(INHERENT_IDENTIFIER, &key).map_err(|error| BlockError::Inherent(error.to_string()))?;
        let inherents: Vec<UncheckedExtrinsic> =
            builder.ask("create inherents", "BlockBuilder_inherent_extrinsics", &data.encode())?;
        builder.apply_inherents(inherents)?;
        Ok(builder)
    }

    /// Applies what every block has, and the rounds of the beacon that are due.
    ///
    /// A block without a round is a block still: what waits for it waits on. Without any other inherent it is none; one
    /// that fails, as the author's key does in safe mode, is part of it all the same.
    pub(super) fn apply_inherents(&mut self, inherents: Vec<UncheckedExtrinsic>) -> Result<(), BlockError> {
        for inherent in inherents {
            let error = match self.apply(inherent.encode()) {
                Applied::Included => continue,
                Applied::Refused(error) => error.to_string(),
                Applied::Panicked(error) => error.to_string(),
            };
            if !matches!(inherent.function, RuntimeCall::Drand(_)) {
                return Err(BlockError::Inherent(error));
            }
            tracing::error!(error, "the runtime refused a round of the beacon");
        }
        Ok(())
    }

    fn ask<T: Decode>(&mut self, step: &'static str, method: &str, arguments: &[u8]) -> Result<T, BlockError> {
        let answer = call(self.state, &mut self.overlay, method, arguments)
            .map_err(|source| BlockError::Runtime { step, source })?;
        T::decode(&mut answer.as_slice()).map_err(|source| BlockError::Answer { step, source })
    }

    /// Whether the runtime takes anything but inherents in this block.
    pub(crate) fn takes_extrinsics(&self) -> bool {
        self.takes_extrinsics
    }

    /// Tries an encoded extrinsic; a refused one is rolled back.
    pub(crate) fn apply(&mut self, extrinsic: Vec<u8>) -> Applied {
        self.overlay.start_transaction();
        let applied = match self.execute(&extrinsic) {
            Err(error) => Applied::Panicked(error),
            Ok(answer) => match ApplyExtrinsicResult::decode(&mut answer.as_slice()) {
                Ok(Ok(_)) => Applied::Included,
                Ok(Err(error)) => Applied::Refused(error),
                Err(error) => Applied::Panicked(ExecutionError::Panicked {
                    method: "BlockBuilder_apply_extrinsic".to_owned(),
                    message: error.to_string(),
                }),
            },
        };
        // Cannot fail: the transaction was started above, and the call leaves the caller's transactions alone.
        if matches!(applied, Applied::Included) {
            let _ = self.overlay.commit_transaction();
            self.extrinsics.push(extrinsic);
        } else {
            let _ = self.overlay.rollback_transaction();
        }
        applied
    }

    /// Executes an encoded extrinsic whatever comes of it; gives back the encoded `ApplyExtrinsicResult`.
    ///
    /// The block is not fit to be sealed after that, unless the caller undoes what was refused.
    pub(crate) fn execute(&mut self, extrinsic: &[u8]) -> Result<Vec<u8>, ExecutionError> {
        call(self.state, &mut self.overlay, "BlockBuilder_apply_extrinsic", extrinsic)
    }

    /// Sets a value as the runtime would, or removes it; it is part of the state after the block.
    pub(crate) fn set_storage(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.overlay.set_storage(key, value);
    }

    /// Closes the block.
    pub(crate) fn seal(mut self) -> Result<Sealed, BlockError> {
        let header: Header = self.ask("finalize the block", "BlockBuilder_finalize_block", &[])?;
        let changes = self.overlay.drain_storage_changes(self.state, STATE_VERSION).map_err(BlockError::State)?;
        if changes.transaction_storage_root != header.state_root {
            return Err(BlockError::State(format!(
                "the header says {:?}, the trie {:?}",
                header.state_root, changes.transaction_storage_root
            )));
        }
        Ok(Sealed {
            block: Block::new(header, self.extrinsics),
            changes: changes.main_storage_changes,
            nodes: changes.transaction,
        })
    }
}

/// The Aura slot in a header's digest; 0 when there is none, as in block 0.
pub(crate) fn slot(header: &Header) -> u64 {
    header
        .digest
        .logs
        .iter()
        .find_map(|item| match item {
            DigestItem::PreRuntime(AURA, slot) => u64::decode(&mut slot.as_slice()).ok(),
            _ => None,
        })
        .unwrap_or(0)
}
