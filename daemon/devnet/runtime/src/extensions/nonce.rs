//! The nonce check: as upstream, but a call that costs nothing may come from an account that holds nothing.

use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::dispatch::{DispatchInfo, Pays};
use scale_info::TypeInfo;
use sp_runtime::{
    impl_tx_ext_default,
    traits::{AsSystemOriginSigner, DispatchInfoOf, DispatchOriginOf, TransactionExtension, ValidateResult, Zero},
    transaction_validity::{
        InvalidTransaction, TransactionLongevity, TransactionSource, TransactionValidityError, ValidTransaction,
    },
};

use crate::{AccountId, Nonce, Runtime, RuntimeCall};

/// Orders the extrinsics of one account and refuses to keep a nonce for accounts that do not pay.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Eq, PartialEq, Debug, TypeInfo)]
pub struct CheckNonce(#[codec(compact)] pub Nonce);

impl From<Nonce> for CheckNonce {
    fn from(nonce: Nonce) -> Self {
        Self(nonce)
    }
}

fn admit(who: &AccountId, nonce: Nonce, info: &DispatchInfo) -> Result<ValidTransaction, TransactionValidityError> {
    let account = frame_system::Account::<Runtime>::get(who);
    if account.providers.is_zero() && account.sufficients.is_zero() && info.pays_fee == Pays::Yes {
        return Err(InvalidTransaction::Payment.into());
    }
    if nonce < account.nonce {
        return Err(InvalidTransaction::Stale.into());
    }
    let requires =
        if account.nonce < nonce { vec![Encode::encode(&(who, nonce.saturating_sub(1)))] } else { Vec::new() };
    Ok(ValidTransaction {
        priority: 0,
        requires,
        provides: vec![Encode::encode(&(who, nonce))],
        longevity: TransactionLongevity::MAX,
        propagate: true,
    })
}

impl TransactionExtension<RuntimeCall> for CheckNonce {
    const IDENTIFIER: &'static str = "CheckNonce";
    type Implicit = ();
    /// The signer, when there is one.
    type Val = Option<AccountId>;
    type Pre = ();

    fn validate(
        &self,
        origin: DispatchOriginOf<RuntimeCall>,
        _call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        _len: usize,
        _self_implicit: Self::Implicit,
        _inherited_implication: &impl Encode,
        _source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        let Some(who) = origin.as_system_origin_signer().cloned() else {
            return Ok((ValidTransaction::default(), None, origin));
        };
        Ok((admit(&who, self.0, info)?, Some(who), origin))
    }

    fn prepare(
        self,
        signer: Self::Val,
        _origin: &DispatchOriginOf<RuntimeCall>,
        _call: &RuntimeCall,
        _info: &DispatchInfoOf<RuntimeCall>,
        _len: usize,
    ) -> Result<Self::Pre, TransactionValidityError> {
        let Some(who) = signer else { return Ok(()) };
        if self.0 > frame_system::Account::<Runtime>::get(&who).nonce {
            return Err(InvalidTransaction::Future.into());
        }
        frame_system::Account::<Runtime>::mutate(&who, |account| account.nonce = self.0.wrapping_add(1));
        Ok(())
    }

    impl_tx_ext_default!(RuntimeCall; weight);
}
