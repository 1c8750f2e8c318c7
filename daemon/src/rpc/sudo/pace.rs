//! How often each hyperparameter can be set: what the runtime notes a change of it under (pallet_subtensor, spec 425).

use btd_api::{
    NetUid,
    sudo::{Authority, hyperparameters::Hyperparameter},
};

use crate::submit::Pace;

/// The limit on setting `known`; none where there is none, or none is known. Root is bound by that of the owner's hotkey
/// alone.
pub(super) fn of(known: &Hyperparameter, netuid: NetUid, authority: Authority) -> Option<Pace> {
    let call = known.call.1;
    match (call, authority) {
        ("sudo_set_sn_owner_hotkey" | "sudo_set_subnet_owner_hotkey", _) => Some(Pace::OwnerHotkey(netuid)),
        (_, Authority::Root) => None,
        ("sudo_set_weights_version_key", Authority::Owner) => Some(Pace::WeightsVersion(netuid)),
        ("set_tempo", Authority::Owner) => Some(Pace::Tempo(netuid)),
        (call, Authority::Owner) => {
            variant(call).map(|variant| Pace::Hyperparameter { netuid, name: known.name, variant })
        }
    }
}

/// The variant of the runtime's `Hyperparameter` under which it notes that `call` was made.
fn variant(call: &str) -> Option<&'static str> {
    Some(match call {
        "set_activity_cutoff_factor" => "ActivityCutoffFactorMilli",
        "sudo_set_activity_cutoff" => "ActivityCutoff",
        "sudo_set_adjustment_alpha" => "AdjustmentAlpha",
        "sudo_set_alpha_sigmoid_steepness" => "AlphaSigmoidSteepness",
        "sudo_set_alpha_values" => "AlphaValues",
        "sudo_set_bonds_moving_average" => "BondsMovingAverage",
        "sudo_set_bonds_penalty" => "BondsPenalty",
        "sudo_set_bonds_reset_enabled" => "BondsResetEnabled",
        "sudo_set_burn_half_life" => "BurnHalfLife",
        "sudo_set_burn_increase_mult" => "BurnIncreaseMult",
        "sudo_set_commit_reveal_weights_enabled" => "CommitRevealEnabled",
        "sudo_set_commit_reveal_weights_interval" => "WeightCommitInterval",
        "sudo_set_immunity_period" => "ImmunityPeriod",
        "sudo_set_liquid_alpha_enabled" => "LiquidAlphaEnabled",
        "sudo_set_max_allowed_uids" => "MaxAllowedUids",
        "sudo_set_max_burn" => "MaxBurn",
        "sudo_set_max_difficulty" => "MaxDifficulty",
        "sudo_set_min_allowed_weights" => "MinAllowedWeights",
        "sudo_set_min_burn" => "MinBurn",
        "sudo_set_min_childkey_take_per_subnet" => "MinChildkeyTake",
        "sudo_set_owner_immune_neuron_limit" => "ImmuneNeuronLimit",
        "sudo_set_recycle_or_burn" => "RecycleOrBurn",
        "sudo_set_rho" => "Rho",
        "sudo_set_serving_rate_limit" => "ServingRateLimit",
        "sudo_set_toggle_transfer" => "TransferEnabled",
        "sudo_set_yuma3_enabled" => "Yuma3Enabled",
        // The two settings of the owner's cut and the threshold of root's claims know no limit.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use btd_api::sudo::hyperparameters::{ALL, Setter};

    use super::*;

    #[test]
    fn all_that_owners_set_has_its_limit() {
        let owners = ALL.iter().filter(|known| known.setter == Setter::Owner);
        let free: Vec<&str> =
            owners.filter(|known| of(known, NetUid(1), Authority::Owner).is_none()).map(|known| known.name).collect();
        assert_eq!(free, ["owner_cut_auto_lock_enabled", "owner_cut_enabled", "root_claim_threshold"]);
        let bound = ALL.iter().filter(|known| of(known, NetUid(1), Authority::Root).is_some());
        assert_eq!(bound.map(|known| known.name).collect::<Vec<_>>(), ["sn_owner_hotkey"]);
    }
}
