//! Checks of the chain's own calls that stand before every dispatch: the pool's, and those of calls inside other calls.
//!
//! The real runtime extends `dispatch` itself, which upstream's does not allow. So whatever makes a call that somebody
//! else wrapped — proxies, batches, multisigs, crowdloans — makes it through [`dispatch`] or as a [`Guarded`] one. The
//! outermost call was checked by [`crate::extensions::SubtensorTransactionExtension`] just before. Root is not checked,
//! nor is what root makes in another's name, since that passes by all filters.

use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{
    dispatch::{DispatchInfo, GetDispatchInfo, PostDispatchInfo},
    traits::OriginTrait,
};
use scale_info::{Type, TypeInfo};
use sp_runtime::{
    DispatchResultWithInfo,
    traits::{AsSystemOriginSigner, Dispatchable},
};

use crate::{
    AccountId, Runtime, RuntimeCall, RuntimeOrigin, shield,
    subtensor::{ColdkeySwapDisputes, Error, validity},
};

/// Whether the signer may make the call now.
///
/// # Errors
/// The first precondition that is not met.
pub fn check(signer: &AccountId, call: &RuntimeCall) -> Result<(), Error<Runtime>> {
    let own = match call {
        RuntimeCall::SubtensorModule(call) => Some(call),
        _ => None,
    };
    if !matches!(call, RuntimeCall::MevShield(shield::Call::submit_encrypted { .. })) {
        validity::check_announcement(signer, own)?;
    } else if ColdkeySwapDisputes::<Runtime>::contains_key(signer) {
        return Err(Error::ColdkeySwapDisputed);
    }
    own.map_or(Ok(()), |call| validity::check(signer, call))
}

/// Makes a call that stood inside another one. Filters come first.
pub(crate) fn dispatch(call: RuntimeCall, origin: RuntimeOrigin) -> DispatchResultWithInfo<PostDispatchInfo> {
    if let Some(signer) = origin.as_system_origin_signer()
        && origin.filter_call(&call)
    {
        check(signer, &call).map_err(sp_runtime::DispatchError::from)?;
    }
    call.dispatch(origin)
}

/// A call as upstream pallets hold it that would make it unchecked. On the wire and in metadata it is the call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Guarded(RuntimeCall);

impl From<RuntimeCall> for Guarded {
    fn from(call: RuntimeCall) -> Self {
        Self(call)
    }
}

impl From<frame_system::Call<Runtime>> for Guarded {
    fn from(call: frame_system::Call<Runtime>) -> Self {
        Self(call.into())
    }
}

impl TypeInfo for Guarded {
    type Identity = <RuntimeCall as TypeInfo>::Identity;

    fn type_info() -> Type {
        RuntimeCall::type_info()
    }
}

impl GetDispatchInfo for Guarded {
    fn get_dispatch_info(&self) -> DispatchInfo {
        self.0.get_dispatch_info()
    }
}

impl Dispatchable for Guarded {
    type RuntimeOrigin = RuntimeOrigin;
    type Config = RuntimeCall;
    type Info = DispatchInfo;
    type PostInfo = PostDispatchInfo;

    fn dispatch(self, origin: RuntimeOrigin) -> DispatchResultWithInfo<PostDispatchInfo> {
        dispatch(self.0, origin)
    }
}
