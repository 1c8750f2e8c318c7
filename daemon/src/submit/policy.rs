//! What this daemon refuses to sign, whoever asks: judged on every plan, a dry run's too.
//!
//! Rules are configuration and know calls by name, amounts and tips; they look into calls inside
//! calls. Who may ask at all is decided at the edge, and which key may sign what in custody.

use btd_api::Tao;
use btd_chain::{Call, Value};
use serde::{Deserialize, Serialize};

/// The rules. The default forbids nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Calls that are never signed: `Pallet.call`, or `Pallet.*` for all of a pallet.
    pub refuse_calls: Vec<String>,
    /// The most rao that one extrinsic may take out of the free balance, fee left out; 0 for no limit. What
    /// a call made for others moves (a proxy's, a multisig's) is theirs and not counted: forbid those by name.
    pub most_rao: u64,
    /// The largest tip, in rao; 0 for no limit.
    pub most_tip_rao: u64,
}

/// A rule's no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// The call is on the list.
    #[error("a rule of this daemon (`submit.policy.refuse_calls`) forbids {call}")]
    Call {
        /// The call.
        call: String,
    },
    /// It takes too much.
    #[error(
        "a rule of this daemon (`submit.policy.most_rao`) forbids to spend more than τ{most} at once, and this takes τ{amount}"
    )]
    Amount {
        /// What it takes.
        amount: Tao,
        /// The limit.
        most: Tao,
    },
    /// The tip is too large.
    #[error("a rule of this daemon (`submit.policy.most_tip_rao`) forbids tips above τ{most}, and this one is τ{tip}")]
    Tip {
        /// The tip.
        tip: Tao,
        /// The limit.
        most: Tao,
    },
}

// === impl Policy ===

impl Policy {
    /// Judges `call`, which takes `spends` out of the free balance, with `tip`.
    ///
    /// # Errors
    /// With the first rule that forbids it.
    pub fn judge(&self, call: &Call, spends: Tao, tip: Tao) -> Result<(), PolicyRefusal> {
        if let Some(call) = self.refused(call) {
            return Err(PolicyRefusal::Call { call });
        }
        let most = Tao::from_rao(self.most_rao);
        if most > Tao::ZERO && spends > most {
            return Err(PolicyRefusal::Amount { amount: spends, most });
        }
        let most = Tao::from_rao(self.most_tip_rao);
        if most > Tao::ZERO && tip > most { Err(PolicyRefusal::Tip { tip, most }) } else { Ok(()) }
    }

    /// The first call on the list, in `call` or anywhere inside it.
    fn refused(&self, call: &Call) -> Option<String> {
        let name = call.to_string();
        let is_on_list = |rule: &String| *rule == name || rule.strip_suffix(".*") == Some(call.pallet.as_str());
        if self.refuse_calls.iter().any(is_on_list) {
            return Some(name);
        }
        call.args.values().find_map(|value| self.refused_inside(value))
    }

    fn refused_inside(&self, value: &Value) -> Option<String> {
        match value {
            Value::Call(call) => self.refused(call),
            Value::List(items) => items.iter().find_map(|item| self.refused_inside(item)),
            Value::Record(members) => members.values().find_map(|member| self.refused_inside(member)),
            Value::Variant(_, content) => self.refused_inside(content),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(refused: &[&str], most_rao: u64, most_tip_rao: u64) -> Policy {
        Policy { refuse_calls: refused.iter().map(|&rule| rule.to_owned()).collect(), most_rao, most_tip_rao }
    }

    fn judge(policy: &Policy, call: &Call, spends: u64, tip: u64) -> Result<(), PolicyRefusal> {
        policy.judge(call, Tao::from_rao(spends), Tao::from_rao(tip))
    }

    #[test]
    fn the_default_forbids_nothing() {
        assert_eq!(judge(&Policy::default(), &Call::new("Sudo", "sudo"), u64::MAX, u64::MAX), Ok(()));
    }

    #[test]
    fn a_forbidden_call_is_found_however_deep_it_hides() {
        let policy = rules(&["Balances.transfer_all", "Sudo.*"], 0, 0);
        let transfer = Call::new("Balances", "transfer_all");
        let batch = Call::new("Utility", "batch_all").arg("calls", vec![Value::from(transfer.clone())]);
        let proxied = Call::new("Proxy", "proxy").arg("call", batch.clone());
        for call in [transfer, batch, proxied, Call::new("Sudo", "sudo_as")] {
            assert!(matches!(judge(&policy, &call, 0, 0), Err(PolicyRefusal::Call { .. })), "{call}");
        }
        assert_eq!(judge(&policy, &Call::new("Balances", "transfer_keep_alive"), 5, 5), Ok(()));
    }

    #[test]
    fn amounts_and_tips_have_limits() {
        let policy = rules(&[], 100, 1);
        let call = Call::new("Balances", "transfer_keep_alive");
        assert_eq!(judge(&policy, &call, 100, 1), Ok(()));
        assert!(matches!(judge(&policy, &call, 101, 0), Err(PolicyRefusal::Amount { .. })));
        assert!(matches!(judge(&policy, &call, 1, 2), Err(PolicyRefusal::Tip { .. })));
    }
}
