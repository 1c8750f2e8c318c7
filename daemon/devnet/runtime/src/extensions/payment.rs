//! Fee payment: the upstream extension with flat priorities, so that a tip buys no place in the queue; and with the fees
//! of proxied calls paid by whom [`crate::proxy`] says.

use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{dispatch::DispatchClass, weights::Weight};
use pallet_transaction_payment::{ChargeTransactionPayment as Upstream, Pre, Val};
use scale_info::TypeInfo;
use sp_runtime::{
    DispatchResult,
    traits::{
        AsSystemOriginSigner, DispatchInfoOf, DispatchOriginOf, Implication, PostDispatchInfoOf, TransactionExtension,
        TransactionExtensionMetadata, ValidateResult,
    },
    transaction_validity::{TransactionPriority, TransactionSource, TransactionValidityError},
};

use crate::{Balance, Runtime, RuntimeCall, RuntimeOrigin, proxy::payer};

const NORMAL_PRIORITY: TransactionPriority = 1;
const OPERATIONAL_PRIORITY: TransactionPriority = 10_000_000_000;

/// Charges the fee and the tip (rao) to the signer, or to the account that pays for its proxies.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Eq, PartialEq, Debug, TypeInfo)]
pub struct ChargeTransactionPayment(Upstream<Runtime>);

impl From<Balance> for ChargeTransactionPayment {
    fn from(tip: Balance) -> Self {
        Self(Upstream::from(tip))
    }
}

impl TransactionExtension<RuntimeCall> for ChargeTransactionPayment {
    const IDENTIFIER: &'static str = "ChargeTransactionPayment";
    type Implicit = ();
    type Val = Val<Runtime>;
    type Pre = Pre<Runtime>;

    fn metadata() -> Vec<TransactionExtensionMetadata> {
        <Upstream<Runtime> as TransactionExtension<RuntimeCall>>::metadata()
    }

    fn weight(&self, call: &RuntimeCall) -> Weight {
        self.0.weight(call)
    }

    fn validate(
        &self,
        origin: DispatchOriginOf<RuntimeCall>,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        len: usize,
        self_implicit: Self::Implicit,
        inherited_implication: &impl Implication,
        source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        let other = origin.as_system_origin_signer().and_then(|signer| payer::other_payer(signer, call));
        let payer = other.map_or_else(|| origin.clone(), RuntimeOrigin::signed);
        let (mut validity, val, _) =
            self.0.validate(payer, call, info, len, self_implicit, inherited_implication, source)?;
        if matches!(val, Val::Charge { .. }) {
            validity.priority = match info.class {
                DispatchClass::Normal | DispatchClass::Mandatory => NORMAL_PRIORITY,
                DispatchClass::Operational => OPERATIONAL_PRIORITY,
            };
        }
        Ok((validity, val, origin))
    }

    fn prepare(
        self,
        val: Self::Val,
        origin: &DispatchOriginOf<RuntimeCall>,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        len: usize,
    ) -> Result<Self::Pre, TransactionValidityError> {
        self.0.prepare(val, origin, call, info, len)
    }

    fn post_dispatch_details(
        pre: Self::Pre,
        info: &DispatchInfoOf<RuntimeCall>,
        post_info: &PostDispatchInfoOf<RuntimeCall>,
        len: usize,
        result: &DispatchResult,
    ) -> Result<Weight, TransactionValidityError> {
        Upstream::<Runtime>::post_dispatch_details(pre, info, post_info, len, result)
    }
}
