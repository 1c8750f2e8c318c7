//! Why a read failed: by the block, by the way to the chain, or by what was read.

use std::collections::BTreeMap;

use btd_api::{BlockNumber, NetUid};
use btd_chain::ReadError;

use super::Broken;

/// Whether a read failed because of the block at which it was made.
pub(super) fn is_about_the_block(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::UnknownBlock { .. }
            | ReadError::NotKept { .. }
            | ReadError::TakenBack { .. }
            | ReadError::Pruned { .. }
            | ReadError::NoArchive { .. }
    )
}

/// Whether a read failed because of the way to the chain, and not because of what was read.
pub(super) fn is_about_the_link(error: &ReadError) -> bool {
    match error {
        ReadError::NotConnected { .. }
        | ReadError::Deadline { .. }
        | ReadError::NoTurn { .. }
        | ReadError::Cut { .. }
        | ReadError::UnknownBlock { .. }
        | ReadError::NotKept { .. }
        | ReadError::TakenBack { .. }
        | ReadError::NoArchive { .. }
        | ReadError::Pruned { .. } => true,
        ReadError::Refused { .. }
        | ReadError::Oversized { .. }
        | ReadError::Absent(_)
        | ReadError::Argument { .. }
        | ReadError::Decode { .. }
        | ReadError::Garbled { .. } => false,
    }
}

/// Notes that a subnet could not be read; the others are none the worse for it.
pub(super) fn break_off(broken: &mut BTreeMap<NetUid, Broken>, netuid: NetUid, at: BlockNumber, error: &ReadError) {
    let reason = error.to_string();
    let since = if let Some(before) = broken.get(&netuid) {
        before.since
    } else {
        tracing::warn!(%netuid, %error, "could not read a subnet's metagraph: the others go on without it");
        at
    };
    broken.insert(netuid, Broken { since, tried: at, reason });
}
