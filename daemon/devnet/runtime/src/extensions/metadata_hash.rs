//! The metadata hash: as upstream, with the digest of the metadata that this chain serves. The real runtime is built with
//! its own, which a native build has not got.

use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_metadata_hash_extension::CheckMetadataHash as Upstream;
use scale_info::{Type, TypeInfo};
use sp_runtime::{
    impl_tx_ext_default,
    traits::TransactionExtension,
    transaction_validity::{TransactionValidityError, UnknownTransaction},
};

use crate::{Runtime, RuntimeCall, metadata};

/// Has a signature cover the digest of the metadata where the signer asks for it, as hardware wallets do: what they show
/// is then what the chain reads, or the signature holds for nothing.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Eq, PartialEq, Debug)]
pub struct CheckMetadataHash(Upstream<Runtime>);

impl CheckMetadataHash {
    /// With the digest signed (mode 1), or without (mode 0).
    pub fn new(enabled: bool) -> Self {
        Self(Upstream::new(enabled))
    }
}

/// Metadata lists upstream's type, and no second one: what is told, and so its digest, is as if this were upstream's.
impl TypeInfo for CheckMetadataHash {
    type Identity = <Upstream<Runtime> as TypeInfo>::Identity;

    fn type_info() -> Type {
        Upstream::<Runtime>::type_info()
    }
}

impl TransactionExtension<RuntimeCall> for CheckMetadataHash {
    const IDENTIFIER: &'static str = "CheckMetadataHash";
    type Implicit = Option<[u8; 32]>;
    type Val = ();
    type Pre = ();

    fn implicit(&self) -> Result<Self::Implicit, TransactionValidityError> {
        if self.0 == Upstream::new(false) {
            return Ok(None);
        }
        metadata::digest().map(Some).ok_or_else(|| UnknownTransaction::CannotLookup.into())
    }

    impl_tx_ext_default!(RuntimeCall; weight validate prepare);
}
