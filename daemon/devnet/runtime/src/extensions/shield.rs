//! Extensions around sealed extrinsics, and the priority of drand pulses.
//!
//! The first refuses envelopes that are none and keeps those that could be replayed out of the pool. The last lifts pulses
//! that somebody signs; those that a node brings have a priority of their own. Neither adds a byte of its own to an
//! extrinsic.

use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;
use sp_runtime::{
    generic::Era,
    impl_tx_ext_default,
    traits::{AsSystemOriginSigner, DispatchInfoOf, DispatchOriginOf, TransactionExtension, ValidateResult},
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError, ValidTransaction},
};

use crate::{
    Hash, Runtime, RuntimeCall, drand,
    shield::{Call, ShieldedTransaction},
};

/// What `InvalidTransaction::Custom` says of an envelope that is none.
const FAILED_PARSING: u8 = 23;
/// Blocks for which a sealed extrinsic may be valid at most: keys do not last longer.
const LONGEST_ERA: u64 = 8;

fn sealed(call: &RuntimeCall) -> Option<&[u8]> {
    match call {
        RuntimeCall::MevShield(Call::submit_encrypted { ciphertext }) => Some(ciphertext),
        _ => None,
    }
}

/// Upstream's check of mortality, which lets sealed extrinsics pass only with an era of at most eight blocks.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Eq, PartialEq, Debug, TypeInfo)]
pub struct CheckMortality(frame_system::CheckMortality<Runtime>);

impl From<Era> for CheckMortality {
    fn from(era: Era) -> Self {
        Self(frame_system::CheckMortality::from(era))
    }
}

impl TransactionExtension<RuntimeCall> for CheckMortality {
    const IDENTIFIER: &'static str = "CheckMortality";
    type Implicit = Hash;
    type Val = ();
    type Pre = ();

    fn implicit(&self) -> Result<Self::Implicit, TransactionValidityError> {
        self.0.implicit()
    }

    fn validate(
        &self,
        origin: DispatchOriginOf<RuntimeCall>,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        len: usize,
        self_implicit: Self::Implicit,
        inherited_implication: &impl Encode,
        source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        let lasting = match self.0.0 {
            Era::Immortal => true,
            Era::Mortal(period, _) => period > LONGEST_ERA,
        };
        if lasting && sealed(call).is_some() {
            return Err(InvalidTransaction::Stale.into());
        }
        let upstream = &self.0;
        TransactionExtension::<RuntimeCall>::validate(
            upstream,
            origin,
            call,
            info,
            len,
            self_implicit,
            &sp_runtime::traits::TxBaseImplication(inherited_implication),
            source,
        )
    }

    impl_tx_ext_default!(RuntimeCall; weight prepare);
}

/// Refuses envelopes that are none.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Eq, PartialEq, Debug, Default, TypeInfo)]
pub struct CheckShieldedTxValidity;

impl TransactionExtension<RuntimeCall> for CheckShieldedTxValidity {
    const IDENTIFIER: &'static str = "CheckShieldedTxValidity";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    fn validate(
        &self,
        origin: DispatchOriginOf<RuntimeCall>,
        call: &RuntimeCall,
        _info: &DispatchInfoOf<RuntimeCall>,
        _len: usize,
        _self_implicit: Self::Implicit,
        _inherited_implication: &impl Encode,
        _source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        let broken = sealed(call).is_some_and(|envelope| ShieldedTransaction::parse(envelope).is_none());
        if origin.as_system_origin_signer().is_some() && broken {
            return Err(InvalidTransaction::Custom(FAILED_PARSING).into());
        }
        Ok((ValidTransaction::default(), (), origin))
    }

    impl_tx_ext_default!(RuntimeCall; weight prepare);
}

/// What a signed pulse is worth to the pool above its fee.
const PULSE_PRIORITY: u64 = 10_000;

/// The priority of drand pulses.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, Eq, PartialEq, Debug, Default, TypeInfo)]
pub struct DrandPriority;

impl TransactionExtension<RuntimeCall> for DrandPriority {
    const IDENTIFIER: &'static str = "DrandPriority";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    fn validate(
        &self,
        origin: DispatchOriginOf<RuntimeCall>,
        call: &RuntimeCall,
        _info: &DispatchInfoOf<RuntimeCall>,
        _len: usize,
        _self_implicit: Self::Implicit,
        _inherited_implication: &impl Encode,
        _source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        let is_pulse = matches!(call, RuntimeCall::Drand(drand::Call::write_pulse { .. }));
        let priority = if is_pulse { PULSE_PRIORITY } else { 0 };
        Ok((ValidTransaction { priority, ..ValidTransaction::default() }, (), origin))
    }

    impl_tx_ext_default!(RuntimeCall; weight prepare);
}
