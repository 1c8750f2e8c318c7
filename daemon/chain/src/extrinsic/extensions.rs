//! What the runtime wants beside the call: its transaction extensions, by live metadata.
//!
//! Known extensions are written by name, under every name that runtimes have published them;
//! unknown ones are left out when they take no bytes and are an error when they do, because a
//! guess would be signed.

use btd_api::{BlockHash, Tao};
use codec::{Compact, Encode};
use frame_decode::extrinsics::ExtrinsicTypeInfo;

use super::Era;
use crate::{error::PrepareError, runtime::Runtime, scale};

/// The values that extensions carry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub(crate) genesis: BlockHash,
    /// The hash of the block that the era begins with; unused by an immortal one.
    pub(crate) birth: BlockHash,
    pub(crate) era: Era,
    pub(crate) nonce: u32,
    pub(crate) tip: Tao,
}

/// The extensions' bytes: `extra` travels in the extrinsic, `implicit` is only signed.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) extra: Vec<u8>,
    pub(crate) implicit: Vec<u8>,
}

// === impl Extensions ===

impl Extensions {
    pub(crate) fn encode(context: &Context, runtime: &Runtime) -> Result<Self, PrepareError> {
        let wanted = runtime.metadata().extrinsic_extension_info(None).map_err(|error| {
            PrepareError::UnknownExtension { spec_version: runtime.spec_version(), name: error.to_string() }
        })?;
        let mut out = Self::default();
        for extension in &wanted.extension_ids {
            let known = out.push(&extension.name, context, runtime);
            let empty = scale::is_empty(extension.id, runtime.types())
                && scale::is_empty(extension.implicit_id, runtime.types());
            if !known && !empty {
                return Err(PrepareError::UnknownExtension {
                    spec_version: runtime.spec_version(),
                    name: extension.name.to_string(),
                });
            }
        }
        Ok(out)
    }

    /// Appends what the extension `name` carries; false when the name is not known.
    fn push(&mut self, name: &str, context: &Context, runtime: &Runtime) -> bool {
        match name {
            "CheckSpecVersion" => runtime.spec_version().encode_to(&mut self.implicit),
            "CheckTxVersion" => runtime.transaction_version().encode_to(&mut self.implicit),
            "CheckGenesis" => self.implicit.extend_from_slice(&context.genesis.0),
            "CheckMortality" | "CheckEra" => {
                context.era.encode_to(&mut self.extra);
                let checkpoint = match context.era {
                    Era::Immortal => context.genesis,
                    Era::Mortal { .. } => context.birth,
                };
                self.implicit.extend_from_slice(&checkpoint.0);
            }
            "CheckNonce" => Compact(context.nonce).encode_to(&mut self.extra),
            // Subtensor published its fee extension under both names.
            "ChargeTransactionPayment" | "ChargeTransactionPaymentWrapper" => {
                Compact(context.tip.rao()).encode_to(&mut self.extra);
            }
            "CheckMetadataHash" => {
                // Disabled: no hash of the metadata is signed.
                self.extra.push(0);
                self.implicit.push(0);
            }
            _ => return false,
        }
        true
    }
}
