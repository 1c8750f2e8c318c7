//! The hyperparameters of a subnet: what each is counted in, who may set it, and by which call.
//!
//! From pallet_subtensor and pallet_admin_utils, spec 425. A runtime may lack a call; the daemon
//! says so when it is asked. Pure data: the daemon makes calls of it, clients show it.

pub mod bounds;

use std::fmt;

/// What a hyperparameter is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// True or false.
    Flag,
    /// A plain number.
    Count,
    /// A number of blocks.
    Blocks,
    /// A number of epochs.
    Epochs,
    /// Rao of tao.
    Tao,
    /// A share, as a part of this whole.
    Share(u64),
    /// A multiple, in thousandths.
    Thousandths,
    /// A multiple, as fixed point with 64 bits behind the point.
    Fixed,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A hotkey's address.
    Hotkey,
}

/// Who may set a hyperparameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setter {
    /// The subnet's owner, and root.
    Owner,
    /// Root alone.
    Root,
    /// Nobody: it is derived from others, or the chain refuses every change.
    Nobody,
}

/// One hyperparameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hyperparameter {
    /// Its name, as the chain's hyperparameter listing and the Python command lines have it.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it is counted in.
    pub unit: Unit,
    /// Who may set it.
    pub setter: Setter,
    /// The pallet and call that set it; empty where nothing does.
    pub call: (&'static str, &'static str),
    /// The names of the call's arguments after `netuid`.
    pub arguments: &'static [&'static str],
    /// What it does, and its bounds.
    pub about: &'static str,
}

const ADMIN: &str = "AdminUtils";
const SUBTENSOR: &str = "SubtensorModule";

/// A row of the table.
const fn row(
    name: &'static str,
    unit: Unit,
    setter: Setter,
    call: (&'static str, &'static str),
    arguments: &'static [&'static str],
    about: &'static str,
) -> Hyperparameter {
    Hyperparameter { name, aliases: &[], unit, setter, call, arguments, about }
}

/// What the names of the calls that set something begin with.
pub const SETTER: &str = "sudo_set_";

/// The whole of a `u16` share.
const U16: u64 = 65_535;

/// All that are known, by name.
pub const ALL: &[Hyperparameter] = &[
    row(
        "activity_cutoff",
        Unit::Blocks,
        Setter::Owner,
        (ADMIN, "sudo_set_activity_cutoff"),
        &["activity_cutoff"],
        "blocks without weights after which a validator counts as inactive; follows activity_cutoff_factor since spec 423",
    ),
    row(
        "activity_cutoff_factor",
        Unit::Thousandths,
        Setter::Owner,
        (SUBTENSOR, "set_activity_cutoff_factor"),
        &["factor_milli"],
        "tempos without weights after which a validator counts as inactive; 1 to 50",
    ),
    row(
        "adjustment_alpha",
        Unit::Share(u64::MAX),
        Setter::Owner,
        (ADMIN, "sudo_set_adjustment_alpha"),
        &["adjustment_alpha"],
        "smoothing of the registration price's old adjustment; without effect today",
    ),
    row(
        "adjustment_interval",
        Unit::Blocks,
        Setter::Root,
        (ADMIN, "sudo_set_adjustment_interval"),
        &["adjustment_interval"],
        "blocks between old adjustments of the registration price; without effect today",
    ),
    row(
        "alpha_sigmoid_steepness",
        Unit::Count,
        Setter::Owner,
        (ADMIN, "sudo_set_alpha_sigmoid_steepness"),
        &["steepness"],
        "how sharply liquid alpha turns from low to high; not negative for owners",
    ),
    row(
        "alpha_values",
        Unit::Share(U16),
        Setter::Owner,
        (ADMIN, "sudo_set_alpha_values"),
        &["alpha_low", "alpha_high"],
        "low and high end of liquid alpha, as `low,high`; needs liquid_alpha_enabled",
    ),
    row(
        "alpha_high",
        Unit::Share(U16),
        Setter::Owner,
        (ADMIN, "sudo_set_alpha_values"),
        &["alpha_high"],
        "high end of liquid alpha; set with alpha_low as it is, needs liquid_alpha_enabled",
    ),
    row(
        "alpha_low",
        Unit::Share(U16),
        Setter::Owner,
        (ADMIN, "sudo_set_alpha_values"),
        &["alpha_low"],
        "low end of liquid alpha; set with alpha_high as it is, needs liquid_alpha_enabled",
    ),
    Hyperparameter {
        aliases: &["bonds_moving_average"],
        ..row(
            "bonds_moving_avg",
            Unit::Share(1_000_000),
            Setter::Owner,
            (ADMIN, "sudo_set_bonds_moving_average"),
            &["bonds_moving_average"],
            "how slowly bonds follow weights; at most 0.975 for owners",
        )
    },
    row(
        "bonds_penalty",
        Unit::Share(U16),
        Setter::Owner,
        (ADMIN, "sudo_set_bonds_penalty"),
        &["bonds_penalty"],
        "how much weights out of consensus cost in bonds",
    ),
    row(
        "bonds_reset_enabled",
        Unit::Flag,
        Setter::Owner,
        (ADMIN, "sudo_set_bonds_reset_enabled"),
        &["enabled"],
        "whether a miner's metadata may ask for its bonds to be reset",
    ),
    row(
        "burn_half_life",
        Unit::Blocks,
        Setter::Owner,
        (ADMIN, "sudo_set_burn_half_life"),
        &["burn_half_life"],
        "blocks in which the registration price halves; 1 to 36100",
    ),
    row(
        "burn_increase_mult",
        Unit::Fixed,
        Setter::Owner,
        (ADMIN, "sudo_set_burn_increase_mult"),
        &["burn_increase_mult"],
        "by what a registration multiplies the price; 1 to 3",
    ),
    row(
        "commit_reveal_period",
        Unit::Epochs,
        Setter::Owner,
        (ADMIN, "sudo_set_commit_reveal_weights_interval"),
        &["interval"],
        "epochs between a commit and its reveal; 1 to 100",
    ),
    row(
        "commit_reveal_weights_enabled",
        Unit::Flag,
        Setter::Owner,
        (ADMIN, "sudo_set_commit_reveal_weights_enabled"),
        &["enabled"],
        "whether weights are committed first and revealed later",
    ),
    row(
        "difficulty",
        Unit::Count,
        Setter::Root,
        (ADMIN, "sudo_set_difficulty"),
        &["difficulty"],
        "difficulty of registering by work; without effect today",
    ),
    row(
        "ema_price_halving_period",
        Unit::Blocks,
        Setter::Root,
        (ADMIN, "sudo_set_ema_price_halving_period"),
        &["ema_halving"],
        "blocks in which the subnet's moving price comes half way to its price",
    ),
    row(
        "immunity_period",
        Unit::Blocks,
        Setter::Owner,
        (ADMIN, "sudo_set_immunity_period"),
        &["immunity_period"],
        "blocks in which a new neuron is not replaced",
    ),
    row(
        "kappa",
        Unit::Share(U16),
        Setter::Root,
        (ADMIN, "sudo_set_kappa"),
        &["kappa"],
        "the stake majority that consensus needs",
    ),
    row(
        "liquid_alpha_enabled",
        Unit::Flag,
        Setter::Owner,
        (ADMIN, "sudo_set_liquid_alpha_enabled"),
        &["enabled"],
        "whether bonds move at a pace of their own for each pair",
    ),
    row(
        "max_allowed_uids",
        Unit::Count,
        Setter::Owner,
        (ADMIN, "sudo_set_max_allowed_uids"),
        &["max_allowed_uids"],
        "places in the subnet; no fewer than are taken, 256 at most",
    ),
    row(
        "max_burn",
        Unit::Tao,
        Setter::Owner,
        (ADMIN, "sudo_set_max_burn"),
        &["max_burn"],
        "the highest registration price; above 0.1 and above min_burn",
    ),
    row(
        "max_difficulty",
        Unit::Count,
        Setter::Owner,
        (ADMIN, "sudo_set_max_difficulty"),
        &["max_difficulty"],
        "the highest difficulty of registering by work; without effect today",
    ),
    row(
        "max_regs_per_block",
        Unit::Count,
        Setter::Root,
        (ADMIN, "sudo_set_max_registrations_per_block"),
        &["max_registrations_per_block"],
        "registrations in one block; only root's counts today",
    ),
    Hyperparameter {
        aliases: &["max_allowed_validators"],
        ..row(
            "max_validators",
            Unit::Count,
            Setter::Root,
            (ADMIN, "sudo_set_max_allowed_validators"),
            &["max_allowed_validators"],
            "neurons with a validator permit; no more than there are places",
        )
    },
    Hyperparameter {
        aliases: &["max_weight_limit"],
        ..row(
            "max_weights_limit",
            Unit::Share(U16),
            Setter::Nobody,
            (ADMIN, "sudo_set_max_weight_limit"),
            &["max_weight_limit"],
            "the largest weight; fixed today",
        )
    },
    row(
        "min_allowed_uids",
        Unit::Count,
        Setter::Root,
        (ADMIN, "sudo_set_min_allowed_uids"),
        &["min_allowed_uids"],
        "the fewest places that the subnet may be trimmed to; below max_allowed_uids and the number of neurons",
    ),
    row(
        "min_allowed_weights",
        Unit::Count,
        Setter::Owner,
        (ADMIN, "sudo_set_min_allowed_weights"),
        &["min_allowed_weights"],
        "the fewest weights that a validator may set",
    ),
    row(
        "min_burn",
        Unit::Tao,
        Setter::Owner,
        (ADMIN, "sudo_set_min_burn"),
        &["min_burn"],
        "the lowest registration price; below 1 and below max_burn",
    ),
    row(
        "min_childkey_take",
        Unit::Share(U16),
        Setter::Owner,
        (ADMIN, "sudo_set_min_childkey_take_per_subnet"),
        &["take"],
        "the lowest take of child hotkeys here; between the chain's own bounds",
    ),
    row(
        "min_difficulty",
        Unit::Count,
        Setter::Root,
        (ADMIN, "sudo_set_min_difficulty"),
        &["min_difficulty"],
        "the lowest difficulty of registering by work; without effect today",
    ),
    row(
        "min_non_immune_uids",
        Unit::Count,
        Setter::Root,
        (ADMIN, "sudo_set_min_non_immune_uids"),
        &["min"],
        "the fewest neurons that must be left which may be replaced",
    ),
    Hyperparameter {
        aliases: &["network_pow_registration_allowed"],
        ..row(
            "pow_registration_allowed",
            Unit::Flag,
            Setter::Nobody,
            (ADMIN, "sudo_set_network_pow_registration_allowed"),
            &["registration_allowed"],
            "registering by work; the chain refuses to allow it",
        )
    },
    row(
        "owner_cut_auto_lock_enabled",
        Unit::Flag,
        Setter::Owner,
        (ADMIN, "sudo_set_owner_cut_auto_lock_enabled"),
        &["enabled"],
        "whether the owner's cut is locked as it comes",
    ),
    row(
        "owner_cut_enabled",
        Unit::Flag,
        Setter::Owner,
        (ADMIN, "sudo_set_owner_cut_enabled"),
        &["enabled"],
        "whether the owner takes a cut of the emission",
    ),
    row(
        "owner_immune_neuron_limit",
        Unit::Count,
        Setter::Owner,
        (ADMIN, "sudo_set_owner_immune_neuron_limit"),
        &["immune_neurons"],
        "neurons of the owner that are never replaced; 1 to 10",
    ),
    row(
        "rao_recycled",
        Unit::Tao,
        Setter::Root,
        (ADMIN, "sudo_set_rao_recycled"),
        &["rao_recycled"],
        "what registrations on the subnet have recycled, as the chain counts it",
    ),
    row(
        "recycle_or_burn",
        Unit::Word(&["Burn", "Recycle"]),
        Setter::Owner,
        (ADMIN, "sudo_set_recycle_or_burn"),
        &["recycle_or_burn"],
        "what becomes of the emission of the owner's miners",
    ),
    Hyperparameter {
        aliases: &["network_registration_allowed"],
        ..row(
            "registration_allowed",
            Unit::Flag,
            Setter::Root,
            (ADMIN, "sudo_set_network_registration_allowed"),
            &["registration_allowed"],
            "whether neurons may register",
        )
    },
    row("rho", Unit::Count, Setter::Owner, (ADMIN, "sudo_set_rho"), &["rho"], "a remnant of old consensus"),
    row(
        "root_claim_threshold",
        Unit::Count,
        Setter::Owner,
        (SUBTENSOR, "sudo_set_root_claim_threshold"),
        &["new_value"],
        "the least that is claimed of what the subnet's alpha earns on root, in rao of alpha; 10000000 at most",
    ),
    row(
        "serving_rate_limit",
        Unit::Blocks,
        Setter::Owner,
        (ADMIN, "sudo_set_serving_rate_limit"),
        &["serving_rate_limit"],
        "blocks between two publications of an axon",
    ),
    Hyperparameter {
        aliases: &["subnet_owner_hotkey"],
        ..row(
            "sn_owner_hotkey",
            Unit::Hotkey,
            Setter::Owner,
            (ADMIN, "sudo_set_sn_owner_hotkey"),
            &["hotkey"],
            "the hotkey that earns the owner's cut; once in 50400 blocks",
        )
    },
    row(
        "subnet_emission_enabled",
        Unit::Flag,
        Setter::Root,
        (ADMIN, "sudo_set_subnet_emission_enabled"),
        &["enabled"],
        "whether emission goes into the subnet's pool; false for a new subnet",
    ),
    row(
        "subnet_is_active",
        Unit::Flag,
        Setter::Root,
        (ADMIN, "sudo_set_subtoken_enabled"),
        &["subtoken_enabled"],
        "whether the subnet's alpha can be traded; its owner starts it once with `subnets start`",
    ),
    row(
        "target_regs_per_interval",
        Unit::Count,
        Setter::Root,
        (ADMIN, "sudo_set_target_registrations_per_interval"),
        &["target_registrations_per_interval"],
        "registrations aimed at; only root's counts today",
    ),
    row(
        "tempo",
        Unit::Blocks,
        Setter::Owner,
        (SUBTENSOR, "set_tempo"),
        &["tempo"],
        "blocks between epochs; 360 to 50400 for owners, once in 360 blocks",
    ),
    row(
        "transfers_enabled",
        Unit::Flag,
        Setter::Owner,
        (ADMIN, "sudo_set_toggle_transfer"),
        &["toggle"],
        "whether stake may be given to other coldkeys",
    ),
    row(
        "user_liquidity_enabled",
        Unit::Flag,
        Setter::Nobody,
        ("", ""),
        &[],
        "whether users put liquidity into the subnet's pool themselves; the chain refuses every change",
    ),
    row(
        "voting_power_ema_alpha",
        Unit::Share(1_000_000_000_000_000_000),
        Setter::Root,
        (SUBTENSOR, "sudo_set_voting_power_ema_alpha"),
        &["alpha"],
        "how fast voting power follows stake; 1 follows at once",
    ),
    row(
        "weights_rate_limit",
        Unit::Blocks,
        Setter::Root,
        (ADMIN, "sudo_set_weights_set_rate_limit"),
        &["weights_set_rate_limit"],
        "blocks between two sets of weights",
    ),
    row(
        "weights_version",
        Unit::Count,
        Setter::Owner,
        (ADMIN, "sudo_set_weights_version_key"),
        &["weights_version_key"],
        "the lowest version key that weights must carry; once in five tempos",
    ),
    Hyperparameter {
        aliases: &["yuma_version"],
        ..row(
            "yuma3_enabled",
            Unit::Flag,
            Setter::Owner,
            (ADMIN, "sudo_set_yuma3_enabled"),
            &["enabled"],
            "whether consensus is the third version of Yuma",
        )
    },
];

/// The hyperparameter of that name or alias; `-` counts as `_`, and the setter's own name too, or a setter's that is made
/// of the name.
pub fn find(name: &str) -> Option<&'static Hyperparameter> {
    let name = name.replace('-', "_");
    named(&name).or_else(|| named(name.strip_prefix(SETTER)?))
}

fn named(name: &str) -> Option<&'static Hyperparameter> {
    let is_named = |one: &&Hyperparameter| one.name == name || one.aliases.contains(&name) || one.call.1 == name;
    ALL.iter().filter(|_| !name.is_empty()).find(is_named)
}

impl Hyperparameter {
    /// The one whose value, as it is, goes with this one's: one call sets both.
    pub fn companion(&self) -> Option<&'static str> {
        match self.name {
            "alpha_low" => Some("alpha_high"),
            "alpha_high" => Some("alpha_low"),
            _ => None,
        }
    }

    /// Why a subnet's owner cannot set it; none where the owner can.
    pub const fn refusal(&self) -> Option<&'static str> {
        match self.setter {
            Setter::Owner => None,
            Setter::Root => Some("set by root alone"),
            Setter::Nobody => Some("the chain refuses every change"),
        }
    }
}

impl Unit {
    /// A raw number of the unit, with what a person reads where that says more; a fixed-point one with three digits
    /// behind the point, and as a person reads it alone.
    pub fn shown(self, raw: i128) -> String {
        match (self, u128::try_from(raw)) {
            (Self::Fixed, Ok(bits)) => {
                let thousandths = (bits >> 32).saturating_mul(1_000) >> 32;
                let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            (_, Ok(number)) => self.human(number).map_or_else(|| raw.to_string(), |human| format!("{raw} ({human})")),
            (_, Err(_)) => raw.to_string(),
        }
    }

    /// A raw value in the unit, as a person reads it; none where the raw value says it all.
    pub fn human(self, raw: u128) -> Option<String> {
        let share = |part: u128, whole: u128| {
            let billionths = (part.min(whole) * 1_000_000_000 + whole / 2) / whole.max(1);
            let text = format!("{}.{:09}", billionths / 1_000_000_000, billionths % 1_000_000_000);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        match self {
            Self::Tao => u64::try_from(raw).ok().map(|rao| format!("τ{}", crate::Tao::from_rao(rao))),
            Self::Share(whole) => Some(share(raw, whole.into())),
            Self::Thousandths => Some(format!("{}.{:03}", raw / 1000, raw % 1000)),
            Self::Flag | Self::Count | Self::Blocks | Self::Epochs | Self::Fixed | Self::Word(_) | Self::Hotkey => None,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("true or false"),
            Self::Count => f.write_str("number"),
            Self::Blocks => f.write_str("blocks"),
            Self::Epochs => f.write_str("epochs"),
            Self::Tao => f.write_str("rao"),
            Self::Share(whole) => write!(f, "of {whole}"),
            Self::Thousandths => f.write_str("thousandths"),
            Self::Fixed => f.write_str("decimal"),
            Self::Word(words) => f.write_str(&words.join(" or ")),
            Self::Hotkey => f.write_str("address"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_aliases_are_unique_and_sorted() {
        let names: Vec<&str> = ALL.iter().flat_map(|one| one.aliases.iter().copied().chain([one.name])).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for one in ALL {
            assert_eq!(one.call.1.is_empty(), one.arguments.is_empty(), "{}", one.name);
            assert!(!one.about.is_empty() && !one.about.ends_with('.'), "{}", one.name);
        }
    }

    #[test]
    fn a_hyperparameter_is_found_by_any_of_its_names() {
        for name in ["max_validators", "max-validators", "max_allowed_validators", "sudo_set_max_allowed_validators"] {
            assert_eq!(find(name).map(|one| one.name), Some("max_validators"), "{name}");
        }
        assert_eq!((find("maximal"), find("sudo_set_maximal"), find("sudo_set_")), (None, None, None));
        // Runtimes have more than one call for some.
        assert_eq!(find("sudo_set_tempo").map(|one| one.name), Some("tempo"));
        // The call's own name is that of what it sets whole.
        assert_eq!(find("sudo_set_alpha_values").map(|one| one.name), Some("alpha_values"));
        for one in ALL {
            assert_eq!(one.companion().is_some(), matches!(one.name, "alpha_low" | "alpha_high"), "{}", one.name);
        }
    }

    #[test]
    fn raw_values_are_read_by_people() {
        assert_eq!(Unit::Share(U16).human(32_767).as_deref(), Some("0.49999237"));
        assert_eq!(Unit::Tao.human(700_000_000).as_deref(), Some("τ0.700000000"));
        assert_eq!(Unit::Thousandths.human(13_889).as_deref(), Some("13.889"));
        assert_eq!(Unit::Share(u64::MAX).human(u64::MAX.into()).as_deref(), Some("1"));
        assert_eq!(Unit::Blocks.human(5), None);
        for (unit, raw, text) in [
            (Unit::Fixed, 3 << 64, "3"),
            (Unit::Fixed, 3 << 63, "1.5"),
            (Unit::Count, -5, "-5"),
            (Unit::Blocks, 360, "360"),
            (Unit::Tao, 100_000_000, "100000000 (τ0.100000000)"),
            (Unit::Share(1_000_000), 975_000, "975000 (0.975)"),
        ] {
            assert_eq!(unit.shown(raw), text);
        }
    }
}
