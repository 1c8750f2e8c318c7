//! The thirteen transaction extensions, in the order and under the identifiers that clients of spec 425 know.
//!
//! Upstream ones are used where they do here what the real runtime's do there; the others stand in the files beside
//! this one. They nest in three tuples, since a tuple holds at most twelve; metadata lists them flat.

mod metadata_hash;
mod nonce;
mod payment;
mod shield;
mod subtensor;
mod sudo;

use sp_runtime::generic::Era;

pub use metadata_hash::CheckMetadataHash;
pub use nonce::CheckNonce;
pub use payment::ChargeTransactionPayment;
pub use shield::{CheckMortality, CheckShieldedTxValidity, DrandPriority};
pub use subtensor::SubtensorTransactionExtension;
pub use sudo::SudoTransactionExtension;

use crate::{Balance, Nonce, Runtime};

/// Every extension, in order.
pub type TxExtension = (SystemExtensions, SubtensorExtensions, CheckMetadataHash);

type SystemExtensions = (
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    CheckMortality,
    CheckNonce,
    frame_system::CheckWeight<Runtime>,
);

type SubtensorExtensions = (
    ChargeTransactionPayment,
    SudoTransactionExtension,
    CheckShieldedTxValidity,
    SubtensorTransactionExtension,
    DrandPriority,
);

/// The extensions of a signed extrinsic: `tip` in rao, no metadata hash.
pub fn signed(era: Era, nonce: Nonce, tip: Balance) -> TxExtension {
    (
        (
            frame_system::CheckNonZeroSender::new(),
            frame_system::CheckSpecVersion::new(),
            frame_system::CheckTxVersion::new(),
            frame_system::CheckGenesis::new(),
            CheckMortality::from(era),
            CheckNonce::from(nonce),
            frame_system::CheckWeight::new(),
        ),
        (
            ChargeTransactionPayment::from(tip),
            SudoTransactionExtension,
            CheckShieldedTxValidity,
            SubtensorTransactionExtension,
            DrandPriority,
        ),
        CheckMetadataHash::new(false),
    )
}
