//! An action that is not done now: what it would do, in the account's name, as the chain is at one block, and why it
//! should not wait.

use btd_api::{Amount, Tao};

use super::{Action, Draft, Ground, Policy, Precondition, SubmissionError, Transfer, facts, need::SUBTENSOR, plan};

/// The calls that work is done for.
const OF_WORK: &[&str] = &["faucet", "pow_register"];

/// Why those are not announced.
pub(crate) const WORK_AGES: &str = "the chain takes work for a few blocks, and what is announced is made later: have it \
                                    done by a proxy without a delay, or by the account itself";

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
        // What cannot be at any price is not told as too dear.
        plan::judge(self, actor, &facts, Tao::ZERO)?;
        let action = self.held(&agreed, price)?;
        let verdict = plan::judge(&action, actor, &facts, Tao::ZERO)?;
        let (call, summary) = action.call(view.runtime(), actor, price).ok_or(Precondition::Nothing)?;
        let draft = Draft::new(call, summary).spends(facts.account.free.saturating_sub(verdict.balance_after));
        let draft = action.bound(price).into_iter().fold(draft, Draft::bound);
        Ok(verdict.warnings.into_iter().fold(draft, Draft::warning))
    }

    /// Why it is not announced, and what to do; none where it may be. `draft` is its own, if it draws one.
    pub(super) fn not_later(&self, draft: Option<&Draft>, policy: &Policy) -> Option<String> {
        match self {
            Self::Transfer(Transfer { amount: Amount::All, .. }) => {
                policy.judge_unbounded().err().map(|refusal| refusal.to_string())
            }
            Self::Transfer(_) | Self::Register(_) | Self::ServeAxon(_) => None,
            Self::Drafted(_) => draft.and_then(Draft::not_later),
        }
    }
}

// === impl Draft ===

impl Draft {
    /// Why it must not be made later, as it is drawn up now, and what to do; none where it may be announced.
    pub(crate) fn not_later(&self) -> Option<String> {
        if let Some(inner) = &self.announces {
            // The call inside would be known by its hash alone: to the rules of this daemon, and to whoever makes it.
            return Some(format!(
                "this announces {inner} already, and an announcement is not announced again: it takes a proxy without a delay"
            ));
        }
        if let Some(record) = self.replaces.filter(|_| self.keeps_rest) {
            return Some(format!(
                "{record} goes to the chain whole, with what is left out as it is now, and made later that undoes every \
                 change in between: set it through a proxy without a delay, or announce it with all its fields, by `proxy \
                 announce --call`"
            ));
        }
        let is_of_work = self.call.pallet == SUBTENSOR && OF_WORK.contains(&self.call.call.as_str());
        is_of_work.then(|| WORK_AGES.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use btd_api::{AccountId, Coldkey, NetUid};
    use btd_chain::Call;

    use super::*;
    use crate::submit::{Existence, Record};

    fn draft(pallet: &str, call: &str) -> Draft {
        Draft::new(Call::new(pallet, call), "Make")
    }

    #[test]
    fn an_announcement_is_not_announced_again() {
        let announce = draft("Proxy", "announce");
        assert_eq!(announce.not_later(), None);
        let words = announce.announces(Call::new("Sudo", "sudo")).not_later().unwrap();
        assert!(words.contains("announces Sudo.sudo already"), "{words}");
    }

    #[test]
    fn what_replaces_a_record_with_what_it_is_now_is_not_left_for_later() {
        let (set, record) = (draft(SUBTENSOR, "set_subnet_identity"), Record::SubnetIdentity(NetUid(3)));
        assert_eq!(set.not_later(), None);
        let words = set.keeps(record).not_later().unwrap();
        assert!(words.starts_with("the identity of subnet 3 goes to the chain whole"), "{words}");
        // What says all of it stays as it was given, inside another call too.
        for (pallet, call) in
            [(SUBTENSOR, "set_subnet_identity"), ("Multisig", "as_multi"), ("Proxy", "proxy_announced")]
        {
            assert_eq!(draft(pallet, call).replaces(record).not_later(), None, "{call}");
        }
        let words = draft("Sudo", "sudo").keeps(Record::Alphas(NetUid(3))).not_later().unwrap();
        assert!(words.starts_with("the pair of alphas of subnet 3 goes to the chain whole"), "{words}");
    }

    #[test]
    fn what_would_be_too_old_or_has_no_bound_is_not_left_for_later() {
        for call in OF_WORK {
            assert_eq!(draft(SUBTENSOR, call).not_later().as_deref(), Some(WORK_AGES), "{call}");
        }
        let transfer = |amount| {
            let dest = Coldkey(AccountId([1; 32]));
            Action::Transfer(Transfer { dest, amount, existence: Existence::KeepAlive })
        };
        let limited = Policy { most_rao: 5, ..Policy::default() };
        let words = transfer(Amount::All).not_later(None, &limited).unwrap();
        assert!(words.contains("submit.policy.most_rao"), "{words}");
        assert_eq!(transfer(Amount::All).not_later(None, &Policy::default()), None);
        assert_eq!(transfer(Amount::Exactly(Tao::from_rao(9))).not_later(None, &limited), None);
    }
}
