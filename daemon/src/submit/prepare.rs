//! From an order to a plan and a signature; nothing here is written down or sent.
//!
//! A plan is worked out at the newest finalized block, and anew at the best block where the first forbids it. Some facts are
//! looked up at the best block in either case: see [`need::check`] and [`facts`].

use btd_api::{AccountId, Hotkey, Tao};
use btd_chain::{Call, PrepareError, PrepareOptions, Prepared, SignedExtrinsic, Value, View};
use btd_signer_protocol::{ExtrinsicPayload, Purpose};

use super::{
    Action, Ground, Order, Pace, Plan, Precondition, ServeAxon, SubmissionError, Submitter, facts,
    fee::Payment,
    need::{self, Need},
    plan,
    proxied::{self, Proxied},
    signer::Signer,
};
use crate::stamp::Stamp;

/// What every extrinsic needs its key to be unlocked for, whatever it turns out to be: a key for any is one for weights.
pub(super) const LEAST: Purpose = Purpose::Weights;

impl Submitter {
    /// Reads, judges and puts together, all at the newest finalized block. What that block forbids, a newer one may
    /// allow, though it is not final yet: the chain judges by its best block, so nothing is refused before that is
    /// asked too. `choose` makes the nonce of the one that the node counts up to, which may be too low: a pool can
    /// forget.
    pub(super) async fn prepare(
        &self,
        order: &Order,
        choose: impl Fn(u32) -> u32,
    ) -> Result<(Plan, Prepared), SubmissionError> {
        let link = &self.shared.link;
        let view = link.first_view().await?;
        let forbidden = match Box::pin(self.prepare_at(&view, order, &choose)).await {
            Err(SubmissionError::Precondition(forbidden)) => forbidden,
            prepared => return prepared,
        };
        let Some(best) = need::newer(link, &view).await else { return Err(forbidden.into()) };
        match Box::pin(self.prepare_at(&best, order, &choose)).await {
            Err(SubmissionError::Read(error)) => {
                tracing::debug!(%error, "the best block could not be asked");
                Err(forbidden.into())
            }
            prepared => prepared,
        }
    }

    /// The same at the block of `view`.
    async fn prepare_at(
        &self,
        view: &View,
        order: &Order,
        choose: impl Fn(u32) -> u32,
    ) -> Result<(Plan, Prepared), SubmissionError> {
        let link = &self.shared.link;
        let (signer, actor) = (order.signer, order.terms.real.unwrap_or(order.signer));
        let mut facts = facts::gather(view, &order.action, actor).await?;
        let unsettled = facts::lower_by_best_block(link, actor, &mut facts).await;
        let price = facts.subnet.map(|subnet| subnet.price);
        // What is certain without a fee is said first: nothing is put together in vain. What the
        // balance lacks is said below, with the fee.
        match plan::judge(&order.action, actor, &facts, Tao::ZERO) {
            Ok(_) | Err(Precondition::Insufficient { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        // What cannot be at any price is not told as too dear.
        let action = order.action.held(&order.agreed, price)?;
        let draft = match &*action {
            Action::Drafted(recipe) => {
                let (submitter, agreed) = (self.clone(), order.agreed.clone());
                let draft = recipe.draft(Ground { view: view.clone(), actor, submitter, agreed }).await?;
                need::check(link, view, actor, &draft.needs).await?;
                Some(draft)
            }
            Action::ServeAxon(ServeAxon { netuid, .. }) => {
                let axon = Pace::Axon { netuid: *netuid, hotkey: Hotkey(actor) };
                need::check(link, view, actor, &[Need::Rested(axon)]).await?;
                None
            }
            Action::Transfer(_) | Action::Register(_) => None,
        };
        let bounds = match &draft {
            Some(draft) => draft.bounds.clone(),
            None => action.bound(price).into_iter().collect(),
        };
        // What was drawn up in vain is in none of them.
        order.agreed.covers(&bounds, draft.as_ref().map_or(&[][..], |draft| draft.unlimited.as_slice()))?;
        let (call, summary) = match (&draft, action.call(view.runtime(), actor, price)) {
            (Some(draft), _) => (draft.call.clone(), draft.summary.clone()),
            (None, Some(typed)) => typed,
            (None, None) => return Err(Precondition::Nothing.into()),
        };
        need::unexchanged(view, actor, &call).await?;
        let call = match order.terms.real {
            Some(real) => {
                let proxied = Proxied { real, delegate: signer, call: &call };
                let not_later = order.action.not_later(draft.as_ref(), &self.shared.config.policy);
                let kind = proxied::fitting(view, proxied, not_later).await?;
                let call = on_behalf(call, real, kind);
                need::unexchanged(view, signer, &call).await?;
                call
            }
            None => call,
        };
        let prepared = self.put_together(&call, order, choose).await?;
        let fee = prepared.fee.saturating_add(order.terms.tip);
        let payment = Payment::foresee(view, (signer, actor), &facts, (&prepared.preview, fee)).await?;
        let shared_fee = payment.of(actor);
        let verdict = match &draft {
            Some(draft) => plan::judge_draft(draft, actor, &facts, shared_fee)?,
            None => plan::judge(&action, actor, &facts, shared_fee)?,
        };
        let mut effects = draft.as_ref().map(|draft| draft.effects.clone()).unwrap_or_default();
        effects.extend(payment.effects(signer, actor));
        let spends = facts.account.free.saturating_sub(verdict.balance_after).saturating_sub(shared_fee);
        let spends = draft
            .as_ref()
            .map_or(spends, |draft| draft.spends.saturating_add(draft.carries).saturating_add(draft.promises));
        let mut calls = prepared.calls.clone();
        // What is announced is as good as made: whoever is asked to make it needs no leave of this daemon.
        if let Some(announced) = draft.as_ref().and_then(|draft| draft.announces.as_ref()) {
            calls.extend(announced.all_calls(view.runtime())?);
        }
        let policy = &self.shared.config.policy;
        policy.judge(&calls, spends, order.terms.tip)?;
        let plan = Plan {
            at: Stamp::of(view.block(), link),
            call: format!("{}.{}", prepared.preview.pallet, prepared.preview.call),
            arguments: prepared.preview.args.clone(),
            summary,
            signer,
            fee,
            balance_before: facts.account.free,
            balance_after: verdict.balance_after,
            effects,
            warnings: verdict.warnings.into_iter().chain(unsettled).chain(policy.idle(view.runtime())).collect(),
            bounds,
            agreed: draft.as_ref().and_then(|draft| draft.agrees_to),
            makes: draft.as_ref().and_then(|draft| draft.makes),
            replaces: draft.as_ref().and_then(|draft| draft.replaces),
            announced: draft.and_then(|draft| draft.announces),
            locked: None,
        };
        Ok((plan, prepared))
    }

    /// The extrinsic, complete but for its signature.
    async fn put_together(
        &self,
        call: &Call,
        order: &Order,
        choose: impl Fn(u32) -> u32,
    ) -> Result<Prepared, PrepareError> {
        let link = &self.shared.link;
        let era_blocks = order.terms.era_blocks.unwrap_or(self.shared.config.era_blocks);
        let mortality = btd_chain::Mortality::Blocks(era_blocks);
        let mut options = PrepareOptions { mortality, tip: order.terms.tip, ..PrepareOptions::default() };
        let prepared = link.prepare(call, order.signer, options).await?;
        let nonce = choose(prepared.nonce);
        if nonce == prepared.nonce {
            return Ok(prepared);
        }
        options.nonce = Some(nonce);
        link.prepare(call, order.signer, options).await
    }

    pub(super) async fn sign(&self, order: &Order, prepared: &Prepared) -> Result<SignedExtrinsic, SubmissionError> {
        let signer = Signer::new(&self.shared.custody, order.key.clone(), order.signer);
        match prepared.sign(&signer).await {
            Ok(extrinsic) => Ok(extrinsic),
            Err(error) => Err(signer.into_refusal().map_or(SubmissionError::Sign(error), SubmissionError::Key)),
        }
    }
}

/// What a key has to be unlocked for to sign this, as the signer judges it; and for more where a tip moves funds, of which
/// the signer, who knows the call alone, is told nothing.
pub(super) fn purpose(prepared: &Prepared, tip: Tao) -> Purpose {
    if tip > Tao::ZERO {
        return Purpose::Extrinsic;
    }
    let payload = prepared.payload();
    let judged = ExtrinsicPayload::new(&payload.pallet, &payload.call, payload.unhashed.clone());
    // Of what it does not sign it says so itself.
    judged.map_or(Purpose::Extrinsic, |judged| judged.purpose())
}

/// `call`, made by its signer as the proxy of `real`: as the first that the chain finds, or as one of the `kind`.
fn on_behalf(call: Call, real: AccountId, kind: Option<String>) -> Call {
    let kind = kind.map_or(Value::Null, |kind| Value::Variant(kind, Box::new(Value::Null)));
    Call::new("Proxy", "proxy").arg("real", real).arg("force_proxy_type", kind).arg("call", call)
}
