//! An action that is not done now: what it would do, in the account's name, as the chain is at one block.

use btd_api::{Amount, Tao};

use super::{Action, Draft, Ground, Precondition, SubmissionError, Transfer, facts, plan};

// === impl Action ===

impl Action {
    /// The draft of what this does for the account of `ground`. What is certain without a fee is judged; what the draft
    /// needs is not, for it is to hold when the call is made. What takes everything is refused where a rule limits amounts:
    /// how much that is then, nobody knows.
    pub(crate) async fn draft(&self, ground: Ground) -> Result<Draft, SubmissionError> {
        if let Self::Drafted(recipe) = self {
            return recipe.draft(ground).await;
        }
        let Ground { view, actor, submitter, agreed } = ground;
        if matches!(self, Self::Transfer(Transfer { amount: Amount::All, .. })) {
            submitter.shared.config.policy.judge_unbounded()?;
        }
        let facts = facts::gather(&view, self, actor).await?;
        let price = facts.subnet.map(|subnet| subnet.price);
        let action = self.held(&agreed, price)?;
        let verdict = plan::judge(&action, actor, &facts, Tao::ZERO)?;
        let (call, summary) = action.call(view.runtime(), actor, price).ok_or(Precondition::Nothing)?;
        let draft = Draft::new(call, summary).spends(facts.account.free.saturating_sub(verdict.balance_after));
        let draft = action.bound(price).into_iter().fold(draft, Draft::bound);
        Ok(verdict.warnings.into_iter().fold(draft, Draft::warning))
    }
}
