//! Who sets a hyperparameter on the connected runtime, by which call, and whether the blocks before an epoch stop it.
//!
//! The table of hyperparameters holds for the runtimes of specs 423 to 425. Those after them let owners set a little more;
//! those before them let owners set other things, and judge for themselves. A runtime is known by the calls that it has.

use btd_api::sudo::{
    Authority,
    hyperparameters::{Hyperparameter, Setter},
};
use btd_chain::Runtime;

use super::{ADMIN, CUTOFF, SUBTENSOR};
use crate::{rpc::receipt::foreseen, submit::SubmissionError};

/// The tempo as root sets it: on older runtimes nobody else, on later ones owners too, within their bounds.
const TEMPO: (&str, &str) = (ADMIN, "sudo_set_tempo");
/// The factor of the cutoff, as whoever may sets it on later runtimes.
const FACTOR: (&str, &str) = (ADMIN, "sudo_set_activity_cutoff_factor");

/// What owners set since the factor of the cutoff is among the admin calls, and not before.
const SET_BY_OWNERS_LATER: &[&str] = &["pow_registration_allowed", "registration_allowed"];

/// How a hyperparameter is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The pallet and call.
    pub(super) call: (&'static str, &'static str),
    /// What is to be known before it is tried.
    pub(super) warning: Option<String>,
}

/// What is looked at of a runtime.
pub(super) trait Calls {
    fn has_call(&self, pallet: &str, call: &str) -> bool;
}

impl Calls for Runtime {
    fn has_call(&self, pallet: &str, call: &str) -> bool {
        Self::has_call(self, pallet, call)
    }
}

/// Whether the runtime is one of those that the table holds for, and what it has in its code is as it says.
pub(super) fn is_tabled(runtime: &impl Calls) -> bool {
    runtime.has_call(SUBTENSOR, "set_tempo") && !is_later(runtime)
}

/// Whether the runtime came after those.
fn is_later(runtime: &impl Calls) -> bool {
    runtime.has_call(FACTOR.0, FACTOR.1)
}

/// Whether it is known that owners do not set what the table keeps from them: it holds where they have a call for the
/// tempo, since spec 423, but for what they were given later.
fn is_withheld(runtime: &impl Calls, known: &Hyperparameter) -> bool {
    runtime.has_call(SUBTENSOR, "set_tempo") && !(is_later(runtime) && SET_BY_OWNERS_LATER.contains(&known.name))
}

/// The pallet and call that set `known`. Later runtimes still take the owners' old calls for the tempo and the factor of
/// the cutoff: they charge the fee, tell of success, and change nothing.
fn call(runtime: &impl Calls, known: &Hyperparameter, authority: Authority) -> (&'static str, &'static str) {
    let is_replaced = is_later(runtime) || !runtime.has_call(known.call.0, known.call.1);
    match (known.name, authority) {
        ("tempo", Authority::Root) => TEMPO,
        ("tempo", Authority::Owner) if is_replaced => TEMPO,
        ("activity_cutoff_factor", _) if is_later(runtime) => FACTOR,
        _ => known.call,
    }
}

/// Whether the runtime works `activity_cutoff` out of `activity_cutoff_factor`: what sets the old value is then taken,
/// and without effect.
fn derives_cutoff(runtime: &impl Calls) -> bool {
    runtime.has_call(SUBTENSOR, "set_activity_cutoff_factor")
}

/// The way to set `known`.
///
/// # Errors
/// When the chain is sure to refuse it.
pub(super) fn way(runtime: &impl Calls, known: &Hyperparameter, authority: Authority) -> Result<Way, SubmissionError> {
    let name = known.name;
    let call = call(runtime, known, authority);
    let warning = match (known.setter, authority) {
        (Setter::Nobody, _) if is_withheld(runtime, known) || known.call.1.is_empty() => {
            return foreseen("Deprecated", format!("{name} cannot be set: {}", known.about));
        }
        (Setter::Nobody, _) => Some(format!("the runtimes of specs 423 to 425 refuse every change of {name}")),
        (Setter::Root, Authority::Owner) if is_withheld(runtime, known) => {
            let words = format!("{name} is set by root alone: with the chain's sudo key, say that it is done as root");
            return foreseen("BadOrigin", words);
        }
        (Setter::Root, Authority::Owner) => {
            Some(format!("on the runtimes of specs 423 to 425 {name} is set by root alone"))
        }
        (Setter::Owner, Authority::Owner) if call == TEMPO && !is_later(runtime) => {
            Some("this runtime has no call by which owners set the tempo: it may take it from root alone".to_owned())
        }
        (Setter::Owner, _) if name == CUTOFF && derives_cutoff(runtime) => {
            Some(format!("it has no effect on this runtime: {CUTOFF} follows activity_cutoff_factor"))
        }
        (Setter::Root | Setter::Owner, _) => None,
    };
    Ok(Way { call, warning })
}

/// Whether a subnet's owner may set `known` on this runtime, and why not; none where only the chain knows.
pub(super) fn of_owner(runtime: &impl Calls, known: &Hyperparameter) -> Option<Result<(), &'static str>> {
    match known.refusal() {
        None if call(runtime, known, Authority::Owner) == TEMPO && !is_later(runtime) => None,
        None => Some(Ok(())),
        Some(why) => (is_withheld(runtime, known) || known.call.1.is_empty()).then_some(Err(why)),
    }
}

/// Whether the chain takes no change of it in the blocks before an epoch (pallet_admin_utils, spec 425).
pub(super) fn is_frozen(known: &Hyperparameter) -> bool {
    !matches!(
        known.call.1,
        "sudo_set_adjustment_interval"
            | "sudo_set_ema_price_halving_period"
            | "sudo_set_kappa"
            | "sudo_set_min_non_immune_uids"
            | "sudo_set_network_pow_registration_allowed"
            | "sudo_set_network_registration_allowed"
            | "sudo_set_rao_recycled"
            | "sudo_set_root_claim_threshold"
            | "sudo_set_sn_owner_hotkey"
            | "sudo_set_subnet_emission_enabled"
            | "sudo_set_voting_power_ema_alpha"
            | "sudo_set_weights_set_rate_limit"
    )
}

#[cfg(test)]
mod tests {
    use btd_api::sudo::hyperparameters::{ALL, find};

    use super::*;

    /// A runtime that has these calls.
    struct With(&'static [&'static str]);

    impl Calls for With {
        fn has_call(&self, _: &str, call: &str) -> bool {
            self.0.contains(&call)
        }
    }

    const TABLED: With = With(&["set_tempo", "set_activity_cutoff_factor"]);
    const OLDER: With = With(&["sudo_set_tempo"]);
    const NEWER: With = With(&["set_tempo", "set_activity_cutoff_factor", "sudo_set_activity_cutoff_factor"]);

    fn by_owner(runtime: &With, name: &str) -> Result<Way, SubmissionError> {
        way(runtime, find(name).unwrap(), Authority::Owner)
    }

    #[test]
    fn what_root_alone_sets_is_refused_only_where_that_is_known() {
        for (name, later) in [
            ("kappa", false),
            ("max_weights_limit", false),
            ("registration_allowed", true),
            ("pow_registration_allowed", true),
        ] {
            let known = find(name).unwrap();
            assert!(by_owner(&TABLED, name).is_err(), "{name}");
            assert!(matches!(of_owner(&TABLED, known), Some(Err(_))), "{name}");
            let unsure: &[With] = if later { &[OLDER, NEWER] } else { &[OLDER] };
            for runtime in unsure {
                let way = by_owner(runtime, name).unwrap();
                assert_eq!((way.call, way.warning.is_some()), (known.call, true), "{name}");
                assert_eq!(of_owner(runtime, known), None, "{name}");
            }
            assert_eq!(by_owner(&NEWER, name).is_err(), !later, "{name}");
            assert_eq!(of_owner(&NEWER, known).is_none(), later, "{name}");
        }
        assert_eq!([TABLED, OLDER, NEWER].map(|runtime| is_tabled(&runtime)), [true, false, false]);
        // Nothing could be called.
        assert!(by_owner(&OLDER, "user_liquidity_enabled").is_err());
        assert!(matches!(of_owner(&OLDER, find("user_liquidity_enabled").unwrap()), Some(Err(_))));
        for runtime in [TABLED, OLDER, NEWER] {
            let plain = Way { call: (ADMIN, "sudo_set_min_burn"), warning: None };
            assert_eq!(by_owner(&runtime, "min_burn").unwrap(), plain);
        }
    }

    #[test]
    fn the_tempo_is_set_by_the_call_that_there_is() {
        let tempo = find("tempo").unwrap();
        let owners = (SUBTENSOR, "set_tempo");
        assert_eq!(by_owner(&TABLED, "tempo").unwrap(), Way { call: owners, warning: None });
        let old = by_owner(&OLDER, "tempo").unwrap();
        assert_eq!((old.call, old.warning.is_some()), (TEMPO, true));
        assert_eq!((of_owner(&TABLED, tempo), of_owner(&OLDER, tempo)), (Some(Ok(())), None));
        assert_eq!(way(&TABLED, tempo, Authority::Root).unwrap(), Way { call: TEMPO, warning: None });
    }

    #[test]
    fn what_later_runtimes_take_without_effect_is_not_called() {
        let factor = find("activity_cutoff_factor").unwrap();
        for authority in [Authority::Owner, Authority::Root] {
            let tempo = find("tempo").unwrap();
            assert_eq!(way(&NEWER, tempo, authority).unwrap(), Way { call: TEMPO, warning: None });
            assert_eq!(way(&NEWER, factor, authority).unwrap(), Way { call: FACTOR, warning: None });
            assert_eq!(way(&TABLED, factor, authority).unwrap(), Way { call: factor.call, warning: None });
            assert_eq!((of_owner(&NEWER, tempo), of_owner(&NEWER, factor)), (Some(Ok(())), Some(Ok(()))));
        }
    }

    #[test]
    fn the_old_cutoff_is_set_with_a_warning_where_it_is_derived() {
        assert!(by_owner(&TABLED, CUTOFF).unwrap().warning.unwrap().contains("no effect"));
        assert_eq!(by_owner(&OLDER, CUTOFF).unwrap().warning, None);
    }

    #[test]
    fn some_are_set_whenever_one_likes() {
        let free: Vec<&str> = ALL.iter().filter(|known| !is_frozen(known)).map(|known| known.name).collect();
        let expected = [
            "adjustment_interval",
            "ema_price_halving_period",
            "kappa",
            "min_non_immune_uids",
            "pow_registration_allowed",
            "rao_recycled",
            "registration_allowed",
            "root_claim_threshold",
            "sn_owner_hotkey",
            "subnet_emission_enabled",
            "voting_power_ema_alpha",
            "weights_rate_limit",
        ];
        assert_eq!(free, expected);
    }
}
