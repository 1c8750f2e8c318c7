//! Making an extrinsic ready, and handing signed bytes to a node's pool.
//!
//! Nothing here signs, retries or waits for inclusion: whether the same bytes are sent again is the
//! caller's decision, and what became of them is told by blocks (`track.rs`).

use btd_api::{AccountId, Tao};
use codec::{Compact, Decode, Encode};

use super::{Link, Priority, Urgency};
use crate::{
    block,
    call::Call,
    error::{PrepareError, ReadError, SubmitError},
    extrinsic::{self, Context, Envelope, Era, PrepareOptions, Prepared, Signature, SignedExtrinsic},
    refusal::{PoolRefusal, RefusalReason},
    rpc::{self, Ask, HexBytes, RpcProblem},
    runtime::Runtime,
    scale::{Mismatch, read::record},
    view::View,
};

record! {
    /// `pallet_transaction_payment::RuntimeDispatchInfo`.
    struct DispatchInfo {
        partial_fee: Tao,
    }
}

record! {
    /// The same, as far as it tells what the call weighs.
    struct Weighed {
        weight: Weight,
    }
}

record! {
    /// What a block has to keep for a call (`sp_weights::Weight`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Weight {
        /// Time on the reference machine, in picoseconds.
        pub ref_time: u64,
        /// Bytes of the proof of what it reads.
        pub proof_size: u64,
    }
}

// === impl View ===

impl View {
    /// What the runtime says that `call` weighs, with what an extrinsic of `signer` adds to it. None where it tells that
    /// in no way that is known here, as runtimes of one dimension do.
    pub async fn weight(&self, call: &Call, signer: AccountId) -> Result<Option<Weight>, PrepareError> {
        let runtime = self.runtime();
        let Some(method) = query_info(runtime) else { return Ok(None) };
        let genesis = self.link().genesis().ok_or(ReadError::NotConnected { cause: None })?;
        let context = Context { genesis, birth: genesis, era: Era::Immortal, nonce: 0, tip: Tao::ZERO };
        let (_, envelope) = extrinsic::assemble(call, signer, &context, runtime)?;
        let answer = dispatch_info(self, &envelope).await?;
        Ok(crate::scale::read::whole::<Weighed>(&answer, method, runtime.types()).ok().map(|info| info.weight))
    }
}

// === impl Link ===

impl Link {
    /// Puts `call` together for `signer`, with its fee and everything else that is signed. The era
    /// begins at the newest finalized block. Nothing is signed and nothing is sent.
    pub async fn prepare(
        &self,
        call: &Call,
        signer: AccountId,
        options: PrepareOptions,
    ) -> Result<Prepared, PrepareError> {
        let view = self.view()?;
        let at = view.block();
        let runtime = view.runtime();
        let era = Era::starting_at(at.number, options.mortality)?;
        let genesis = self.genesis().ok_or(ReadError::NotConnected { cause: None })?;
        let nonce = match options.nonce {
            Some(nonce) => nonce,
            None => self.ask(rpc::next_nonce(signer)).await?,
        };
        let context = Context { genesis, birth: at.hash, era, nonce, tip: options.tip };
        let (payload, envelope) = extrinsic::assemble(call, signer, &context, runtime)?;
        let preview = block::decode_call(&payload.call_data, runtime)
            .map_err(|reason| PrepareError::Argument { call: call.to_string(), reason })?;
        let fee = estimate_fee(&view, &envelope).await?;
        Ok(Prepared {
            signer,
            nonce,
            era,
            tip: options.tip,
            fee,
            calls: preview.all_calls(runtime),
            preview,
            at,
            spec_version: runtime.spec_version(),
            payload,
            envelope,
        })
    }

    /// Hands the bytes to the node's pool. `Ok` means that they are in it, or were already; they
    /// may still be dropped, so follow them with [`Link::track`]. Sending the same bytes again is
    /// always safe: the chain takes a nonce once.
    pub async fn submit(&self, extrinsic: &SignedExtrinsic) -> Result<(), SubmitError> {
        let connection = match self.connection() {
            Ok(connection) => connection,
            Err(ReadError::NotConnected { cause }) => return Err(SubmitError::NotSent { cause }),
            Err(_) => return Err(SubmitError::NotSent { cause: None }),
        };
        let ambiguous = |cause: String| SubmitError::Ambiguous { hash: extrinsic.hash, cause };
        let urgency = Urgency::new(Priority::Submission);
        let sent = connection.send(&rpc::submit(&extrinsic.bytes), &urgency).await;
        let problem = match sent {
            Ok(hash) if hash == extrinsic.hash => return Ok(()),
            Ok(other) => return Err(ambiguous(format!("the node calls it {other}"))),
            Err(problem) => problem,
        };
        match problem {
            RpcProblem::Refused { code, message, data } => {
                let refusal = PoolRefusal::new(code, &message, data.as_deref());
                match refusal.reason {
                    RefusalReason::AlreadyImported => Ok(()),
                    _ => Err(SubmitError::Refused(refusal)),
                }
            }
            // One that had a turn is not repeated, so this one had none.
            RpcProblem::NoTurn { .. } => {
                let cause = connection.fault("the submission", problem);
                Err(SubmitError::NotSent { cause: Some(Box::new(cause)) })
            }
            RpcProblem::Deadline(after) => Err(ambiguous(format!("no answer within {after:?}"))),
            RpcProblem::Oversized => Err(ambiguous("the answer was larger than what is accepted".to_owned())),
            RpcProblem::Left => Err(ambiguous("the endpoint was left before it answered".to_owned())),
            RpcProblem::Cut(reason) | RpcProblem::Garbled(reason) => Err(ambiguous(reason)),
        }
    }
}

const QUERY_INFO: &str = "TransactionPaymentApi_query_info";

/// The type of what the runtime says about an extrinsic, where the metadata describes it.
fn query_info(runtime: &Runtime) -> Option<u32> {
    let api = runtime.metadata().runtime_api_trait_by_name("TransactionPaymentApi")?;
    Some(api.method_by_name("query_info")?.output_ty())
}

/// What the runtime says about an extrinsic of this length and weight. The signature is not checked for that, so zeros
/// stand in its place.
async fn dispatch_info(view: &View, envelope: &Envelope) -> Result<Vec<u8>, ReadError> {
    let bytes = envelope.seal(&Signature::Sr25519([0; 64]));
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let arguments = [bytes, length.encode()].concat();
    let HexBytes(answer) = view.link().ask(rpc::call(QUERY_INFO, &arguments, view.block().hash)).await?;
    Ok(answer)
}

/// What it costs.
async fn estimate_fee(view: &View, envelope: &Envelope) -> Result<Tao, ReadError> {
    let answer = dispatch_info(view, envelope).await?;
    let runtime = view.runtime();
    let fee = match query_info(runtime) {
        Some(output) => {
            crate::scale::read::whole::<DispatchInfo>(&answer, output, runtime.types()).map(|info| info.partial_fee)
        }
        None => undescribed_fee(&answer),
    };
    fee.map_err(|reason| ReadError::Decode {
        what: QUERY_INFO.to_owned(),
        spec_version: runtime.spec_version(),
        reason,
    })
}

/// The fee where the metadata describes no runtime APIs: weight (two compacts, or one u64 in old
/// runtimes), class (a byte), then the fee as wide as the chain's balance.
fn undescribed_fee(answer: &[u8]) -> Result<Tao, Mismatch> {
    let unread = || Mismatch::new(format!("{} bytes are no dispatch info", answer.len()));
    let fee = |mut rest: &[u8]| match rest.len() {
        8 => u64::decode(&mut rest).ok(),
        16 => u128::decode(&mut rest).ok().and_then(|fee| u64::try_from(fee).ok()),
        _ => None,
    };
    let mut input = answer;
    let modern = <(Compact<u64>, Compact<u64>, u8)>::decode(&mut input).ok().and_then(|_| fee(input));
    let old = || answer.get(9..).and_then(fee);
    modern.or_else(old).map(Tao::from_rao).ok_or_else(unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_read_without_a_description() {
        let weight = (Compact(164_000_000u64), Compact(3_593u64), 0u8);
        assert_eq!(undescribed_fee(&(weight, 136_247u64).encode()).unwrap(), Tao::from_rao(136_247));
        assert_eq!(undescribed_fee(&(weight, 136_247u128).encode()).unwrap(), Tao::from_rao(136_247));
        assert_eq!(undescribed_fee(&(164_000_000u64, 0u8, 5u64).encode()).unwrap(), Tao::from_rao(5));
        assert!(undescribed_fee(&[1, 2, 3]).is_err());
        assert!(undescribed_fee(&(weight, u128::MAX).encode()).is_err());
    }
}
