//! What this daemon refuses to sign, whoever asks: judged on every plan, a dry run's too.
//!
//! Rules are configuration and know calls by name, amounts and tips; they know of calls inside calls, and of what is
//! announced, as long as more than a hash is given. Who may ask at all is decided at the edge, and
//! which key may sign what in custody.

use btd_api::Tao;
use btd_chain::Runtime;
use serde::{Deserialize, Serialize};

/// Calls that set the same. Which of them does depends on the runtime, and later ones take the first without effect: a rule
/// that names one means both.
const SAME: &[[&str; 2]] = &[
    ["SubtensorModule.set_tempo", "AdminUtils.sudo_set_tempo"],
    ["SubtensorModule.set_activity_cutoff_factor", "AdminUtils.sudo_set_activity_cutoff_factor"],
];

/// The rules. The default forbids nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Calls that are never signed: `Pallet.call`, or `Pallet.*` for all of a pallet. What only a hash stands for is not
    /// known: `Proxy.announce` forbids announcements as such. Of two calls that set the same, under the names that runtimes
    /// have had for it, either forbids both.
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
    /// It takes everything, and how much that is shows when it is made.
    #[error(
        "a rule of this daemon (`submit.policy.most_rao`) forbids to spend more than τ{most} at once, and how much all comes \
         to is not known before what is announced is made: announce an amount"
    )]
    Unbounded {
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

// === impl PolicyRefusal ===

impl PolicyRefusal {
    /// The setting that forbids it.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Call { .. } => "submit.policy.refuse_calls",
            Self::Amount { .. } | Self::Unbounded { .. } => "submit.policy.most_rao",
            Self::Tip { .. } => "submit.policy.most_tip_rao",
        }
    }
}

// === impl Policy ===

impl Policy {
    /// Judges an extrinsic that makes `calls` (`Pallet.call`, those inside others too), takes `spends` out of the free
    /// balance, and gives `tip`.
    ///
    /// # Errors
    /// With the first rule that forbids it.
    pub fn judge(&self, calls: &[String], spends: Tao, tip: Tao) -> Result<(), PolicyRefusal> {
        if let Some(call) = calls.iter().find(|call| self.refuses(call)) {
            return Err(PolicyRefusal::Call { call: call.clone() });
        }
        let most = Tao::from_rao(self.most_rao);
        if most > Tao::ZERO && spends > most {
            return Err(PolicyRefusal::Amount { amount: spends, most });
        }
        let most = Tao::from_rao(self.most_tip_rao);
        if most > Tao::ZERO && tip > most { Err(PolicyRefusal::Tip { tip, most }) } else { Ok(()) }
    }

    /// Judges what takes everything out of an account, whatever that is when it is made.
    ///
    /// # Errors
    /// When a rule limits amounts.
    pub const fn judge_unbounded(&self) -> Result<(), PolicyRefusal> {
        match self.most_rao {
            0 => Ok(()),
            most => Err(PolicyRefusal::Unbounded { most: Tao::from_rao(most) }),
        }
    }

    /// Whether `call` is on the list.
    fn refuses(&self, call: &str) -> bool {
        let pallet = call.split_once('.').map(|(pallet, _)| pallet);
        self.refuse_calls
            .iter()
            .any(|rule| means(rule, call) || (pallet.is_some() && rule.strip_suffix(".*") == pallet))
    }

    /// The entries of the list that name no call of `runtime`, and so forbid nothing there; each in a sentence.
    pub fn idle(&self, runtime: &Runtime) -> Vec<String> {
        let spec = runtime.spec_version();
        let idle = self.refuse_calls.iter().filter_map(|rule| {
            let (pallet, call) = rule.split_once('.').unwrap_or((rule, ""));
            let names_one = match call {
                "*" => runtime.pallets().any(|known| known == pallet),
                call => runtime.has_call(pallet, call) || names_of_the_same(rule).any(|name| has(runtime, name)),
            };
            if names_one {
                return None;
            }
            let nearest = runtime.nearest_call(pallet, call);
            let nearest = nearest.map_or_else(String::new, |nearest| format!("; nearest: `{nearest}`"));
            Some(format!(
                "the rule `{rule}` in `submit.policy.refuse_calls` forbids nothing: the runtime (spec {spec}) has no such \
                 call{nearest}; write `Pallet.call`, or `Pallet.*`"
            ))
        });
        idle.collect()
    }
}

/// Whether `rule` names `call`, or what sets the same.
fn means(rule: &str, call: &str) -> bool {
    rule == call || names_of_the_same(rule).any(|name| name == call)
}

/// The names of all calls that set what the one named by `rule` sets; none where that is the only one.
fn names_of_the_same(rule: &str) -> impl Iterator<Item = &'static str> {
    SAME.iter().filter(move |same| same.contains(&rule)).flatten().copied()
}

fn has(runtime: &Runtime, name: &str) -> bool {
    name.split_once('.').is_some_and(|(pallet, call)| runtime.has_call(pallet, call))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(refused: &[&str], most_rao: u64, most_tip_rao: u64) -> Policy {
        Policy { refuse_calls: refused.iter().map(|&rule| rule.to_owned()).collect(), most_rao, most_tip_rao }
    }

    fn judge(policy: &Policy, calls: &[&str], spends: u64, tip: u64) -> Result<(), PolicyRefusal> {
        let calls: Vec<String> = calls.iter().map(|&call| call.to_owned()).collect();
        policy.judge(&calls, Tao::from_rao(spends), Tao::from_rao(tip))
    }

    #[test]
    fn the_default_forbids_nothing() {
        assert_eq!(judge(&Policy::default(), &["Sudo.sudo"], u64::MAX, u64::MAX), Ok(()));
    }

    #[test]
    fn a_call_is_forbidden_by_its_name_or_its_pallet_wherever_it_stands() {
        let policy = rules(&["Balances.transfer_all", "Sudo.*"], 0, 0);
        for calls in [&["Balances.transfer_all"][..], &["Proxy.proxy", "Balances.transfer_all"], &["Sudo.sudo_as"]] {
            assert!(matches!(judge(&policy, calls, 0, 0), Err(PolicyRefusal::Call { .. })), "{calls:?}");
        }
        assert_eq!(judge(&policy, &["Balances.transfer_keep_alive", "SudoLike.sudo"], 5, 5), Ok(()));
    }

    #[test]
    fn calls_that_set_the_same_are_forbidden_together() {
        for same in SAME {
            for &rule in same {
                let policy = rules(&[rule], 0, 0);
                for &call in same {
                    let refused = PolicyRefusal::Call { call: call.to_owned() };
                    assert_eq!(judge(&policy, &["Sudo.sudo", call], 0, 0), Err(refused), "{rule}");
                }
                assert_eq!(judge(&policy, &["AdminUtils.sudo_set_min_burn"], 0, 0), Ok(()), "{rule}");
            }
        }
        // What is forbidden of a whole pallet is of that one.
        assert_eq!(judge(&rules(&["SubtensorModule.*"], 0, 0), &["AdminUtils.sudo_set_tempo"], 0, 0), Ok(()));
    }

    #[test]
    fn amounts_and_tips_have_limits() {
        let policy = rules(&[], 100, 1);
        let call = ["Balances.transfer_keep_alive"];
        assert_eq!(judge(&policy, &call, 100, 1), Ok(()));
        assert!(matches!(judge(&policy, &call, 101, 0), Err(PolicyRefusal::Amount { .. })));
        assert!(matches!(judge(&policy, &call, 1, 2), Err(PolicyRefusal::Tip { .. })));
    }
}
