//! Who pays the fee of a call that a proxy makes: the account in whose name it is made, when that account said so.
//!
//! The chain looks two proxies deep, and into a batch of proxied calls in one name. Announced calls are paid for by who
//! sends them.

use sp_runtime::traits::StaticLookup;

use super::RealPaysFee;
use crate::{AccountId, Runtime, RuntimeCall};

/// In whose name a proxied call is made, and the call.
fn parts(call: &RuntimeCall) -> Option<(AccountId, &RuntimeCall)> {
    let RuntimeCall::Proxy(super::Call::proxy { real, call, .. }) = call else { return None };
    let real = <Runtime as frame_system::Config>::Lookup::lookup(real.clone()).ok()?;
    Some((real, &**call))
}

fn pays(real: &AccountId, delegate: &AccountId) -> bool {
    RealPaysFee::<Runtime>::contains_key(real, delegate)
}

/// The one account in whose name all calls of a batch are made, when it pays for `delegate`.
fn of_batch(call: &RuntimeCall, delegate: &AccountId) -> Option<AccountId> {
    let RuntimeCall::Utility(
        crate::utility::Call::batch { calls }
        | crate::utility::Call::batch_all { calls }
        | crate::utility::Call::force_batch { calls },
    ) = call
    else {
        return None;
    };
    let (real, _) = parts(calls.first()?)?;
    let in_one_name = calls.iter().all(|call| parts(call).is_some_and(|(other, _)| other == real));
    (in_one_name && pays(&real, delegate)).then_some(real)
}

/// Who pays for the call instead of its signer, if anybody does.
pub(crate) fn other_payer(signer: &AccountId, call: &RuntimeCall) -> Option<AccountId> {
    let (real, inner) = parts(call).filter(|(real, _)| pays(real, signer))?;
    let deeper = parts(inner).map(|(real, _)| real).filter(|deeper| pays(deeper, &real));
    deeper.or_else(|| of_batch(inner, &real)).or(Some(real))
}
