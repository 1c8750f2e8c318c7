//! Metagraphs of runtimes that have none: put together from neurons, hyperparameters and storage.
//!
//! What none of them tells is named (`UNTOLD`), so that it is shown as nothing and not as 0.

use btd_api::{AccountId, Alpha, MechId, NetUid, Tao};
use tokio::try_join;

use super::{
    super::{
        HyperValue, Hyperparameters, View,
        neurons::NeuronLite,
        subnets::{I96F32, if_present},
    },
    API, MetagraphFields, PALLET,
};
use crate::{
    error::{Item, ReadError},
    scale::read::FromScale,
};

/// What storage says of a subnet where no runtime API does; none where the runtime has no such item.
struct OldSubnet {
    tempo: Option<u16>,
    max_uids: Option<u16>,
    burn: Option<Tao>,
    registration_allowed: Option<bool>,
    pow_registration_allowed: Option<bool>,
    blocks_since_last_step: Option<u64>,
    owner: Option<AccountId>,
    registered_at: Option<u64>,
    emission: Option<u64>,
    immunity_period: Option<u16>,
    kappa: Option<u16>,
    rho: Option<u16>,
    difficulty: Option<u64>,
    max_validators: Option<u16>,
}

/// The fields of a subnet that neurons do not tell.
const UNTOLD: [&str; 51] = [
    "name",
    "symbol",
    "identity",
    "network_registered_at",
    "owner_hotkey",
    "owner_coldkey",
    "tempo",
    "last_step",
    "blocks_since_last_step",
    "subnet_emission",
    "alpha_in",
    "alpha_out",
    "tao_in",
    "alpha_out_emission",
    "alpha_in_emission",
    "tao_in_emission",
    "pending_alpha_emission",
    "pending_root_emission",
    "subnet_volume",
    "moving_price",
    "rho",
    "kappa",
    "min_allowed_weights",
    "max_weights_limit",
    "weights_version",
    "weights_rate_limit",
    "activity_cutoff",
    "max_validators",
    "max_uids",
    "burn",
    "difficulty",
    "registration_allowed",
    "pow_registration_allowed",
    "immunity_period",
    "min_difficulty",
    "max_difficulty",
    "min_burn",
    "max_burn",
    "adjustment_alpha",
    "adjustment_interval",
    "target_regs_per_interval",
    "max_regs_per_block",
    "serving_rate_limit",
    "bonds_moving_avg",
    "tao_dividends_per_hotkey",
    "alpha_dividends_per_hotkey",
    "commit_reveal_weights_enabled",
    "commit_reveal_period",
    "liquid_alpha_enabled",
    "alpha_high",
    "alpha_low",
];

// === impl View ===

impl View {
    /// A metagraph put together from a subnet's neurons, its hyperparameters and what storage says of
    /// the subnet, and the names of the fields of which none of them tells; none when there is no such
    /// subnet. Amounts of stake are in tao: before there were pools it was all there was. There is one
    /// mechanism.
    ///
    /// A runtime that has pools tells stake in its own metagraph only: where its metadata does not describe
    /// that (version 14 does not), neurons would tell alpha where tao is wanted, and there is none.
    pub(super) async fn metagraph_of_old(
        &self,
        netuid: NetUid,
        mechid: MechId,
    ) -> Result<Option<(MetagraphFields, Vec<&'static str>)>, ReadError> {
        if mechid != MechId(0) {
            return Ok(None);
        }
        if self.runtime().has_pools() {
            return Err(self.runtime().absent(Item::RuntimeApi, API, "get_metagraph").into());
        }
        if !self.subnet_exists(netuid).await? {
            return Ok(None);
        }
        let (neurons, hyperparameters, of_subnet, registrations) = try_join!(
            self.neurons_lite(netuid),
            self.hyperparameters_of_old(netuid),
            self.subnet_of_old(netuid),
            async { if_present(self.map::<u16, u64>(PALLET, "BlockAtRegistration", &[netuid.into()]).await) },
        )?;
        let now = u64::from(self.block().number.0);
        // Registering was open before there was a switch.
        let mut fields = MetagraphFields { block: now, registration_allowed: true, ..MetagraphFields::with(&neurons) };
        let mut untold = UNTOLD.to_vec();
        if let Some(hyperparameters) = &hyperparameters {
            let taken = fields.take(hyperparameters);
            untold.retain(|name| !taken.contains(name));
        }
        macro_rules! known {
            ($($field:ident = $value:expr),+ $(,)?) => {
                $(if let Some(value) = $value {
                    fields.$field = value;
                    untold.retain(|name| *name != stringify!($field));
                })+
            };
        }
        known!(
            tempo = of_subnet.tempo,
            max_uids = of_subnet.max_uids,
            burn = of_subnet.burn,
            registration_allowed = of_subnet.registration_allowed,
            pow_registration_allowed = of_subnet.pow_registration_allowed,
            blocks_since_last_step = of_subnet.blocks_since_last_step,
            last_step = of_subnet.blocks_since_last_step.map(|since| now.saturating_sub(since)),
            owner_coldkey = of_subnet.owner,
            network_registered_at = of_subnet.registered_at,
            subnet_emission = of_subnet.emission,
            immunity_period = of_subnet.immunity_period,
            kappa = of_subnet.kappa,
            rho = of_subnet.rho,
            difficulty = of_subnet.difficulty,
            max_validators = of_subnet.max_validators,
        );
        if let Some(registrations) = registrations {
            let block = |uid| registrations.iter().find(|(of, _)| *of == uid).map_or(0, |(_, block)| *block);
            fields.block_at_registration = (0..fields.num_uids).map(block).collect();
        }
        Ok(Some((fields, untold)))
    }

    /// A subnet's hyperparameters; none also where they are not as the runtime's metadata describes them or as
    /// they are known to have been (before spec 233 an answer was bytes, with a structure within that grew), and
    /// where the runtime that its version named has no such method. What storage says is read without.
    async fn hyperparameters_of_old(&self, netuid: NetUid) -> Result<Option<Hyperparameters>, ReadError> {
        match if_present(self.hyperparameters(netuid).await) {
            Err(cause @ (ReadError::Decode { .. } | ReadError::Refused { .. })) => {
                let spec_version = self.runtime().spec_version();
                tracing::info!(netuid = netuid.0, spec_version, %cause, "the hyperparameters are not told");
                Ok(None)
            }
            read => read.map(Option::flatten),
        }
    }

    /// What storage says of a subnet.
    async fn subnet_of_old(&self, netuid: NetUid) -> Result<OldSubnet, ReadError> {
        let (tempo, max_uids, burn, registration_allowed, pow_registration_allowed, blocks_since_last_step) = try_join!(
            self.of_subnet::<u16>("Tempo", netuid),
            self.of_subnet::<u16>("MaxAllowedUids", netuid),
            self.of_subnet::<Tao>("Burn", netuid),
            self.of_subnet::<bool>("NetworkRegistrationAllowed", netuid),
            self.of_subnet::<bool>("NetworkPowRegistrationAllowed", netuid),
            self.of_subnet::<u64>("BlocksSinceLastStep", netuid),
        )?;
        let (owner, registered_at, emission, immunity_period, kappa, rho, difficulty, max_validators) = try_join!(
            self.of_subnet::<AccountId>("SubnetOwner", netuid),
            self.of_subnet::<u64>("NetworkRegisteredAt", netuid),
            self.of_subnet::<u64>("EmissionValues", netuid),
            self.of_subnet::<u16>("ImmunityPeriod", netuid),
            self.of_subnet::<u16>("Kappa", netuid),
            self.of_subnet::<u16>("Rho", netuid),
            self.of_subnet::<u64>("Difficulty", netuid),
            self.of_subnet::<u16>("MaxAllowedValidators", netuid),
        )?;
        Ok(OldSubnet {
            tempo,
            max_uids,
            burn,
            registration_allowed,
            pow_registration_allowed,
            blocks_since_last_step,
            owner,
            registered_at,
            emission,
            immunity_period,
            kappa,
            rho,
            difficulty,
            max_validators,
        })
    }

    /// A value of a subnet; none where the runtime has no such item.
    async fn of_subnet<T: FromScale>(&self, item: &str, netuid: NetUid) -> Result<Option<T>, ReadError> {
        Ok(if_present(self.storage(PALLET, item, &[netuid.into()]).await)?.flatten())
    }
}

// === impl MetagraphFields ===

impl MetagraphFields {
    /// Takes over the hyperparameters that have the names of fields, and says which: one of another
    /// kind than the field's is left.
    fn take(&mut self, hyperparameters: &Hyperparameters) -> Vec<&'static str> {
        let mut taken = Vec::new();
        macro_rules! take {
            ($($field:ident),+ $(,)?) => {
                $(if let Some(HyperValue::Unsigned(value)) = hyperparameters.get(stringify!($field))
                    && let Ok(value) = (*value).try_into()
                {
                    self.$field = value;
                    taken.push(stringify!($field));
                })+
            };
        }
        take!(
            rho,
            kappa,
            immunity_period,
            min_allowed_weights,
            max_weights_limit,
            tempo,
            min_difficulty,
            max_difficulty,
            weights_version,
            weights_rate_limit,
            adjustment_interval,
            activity_cutoff,
            target_regs_per_interval,
            bonds_moving_avg,
            max_regs_per_block,
            serving_rate_limit,
            max_validators,
            adjustment_alpha,
            difficulty,
            commit_reveal_period,
            alpha_high,
            alpha_low,
        );
        for (name, field) in [("min_burn", &mut self.min_burn), ("max_burn", &mut self.max_burn)] {
            if let Some(HyperValue::Tao(amount)) = hyperparameters.get(name) {
                *field = *amount;
                taken.push(name);
            }
        }
        for (name, field) in [
            ("registration_allowed", &mut self.registration_allowed),
            ("commit_reveal_weights_enabled", &mut self.commit_reveal_weights_enabled),
            ("liquid_alpha_enabled", &mut self.liquid_alpha_enabled),
        ] {
            if let Some(HyperValue::Bool(is_on)) = hyperparameters.get(name) {
                *field = *is_on;
                taken.push(name);
            }
        }
        taken
    }

    /// The columns of `neurons`, and everything else empty.
    fn with(neurons: &[NeuronLite]) -> Self {
        let zero = AccountId([0; 32]);
        let column = |pick: fn(&NeuronLite) -> u16| neurons.iter().map(pick).collect::<Vec<u16>>();
        Self {
            num_uids: u16::try_from(neurons.len()).unwrap_or(u16::MAX),
            hotkeys: neurons.iter().map(|neuron| neuron.hotkey).collect(),
            coldkeys: neurons.iter().map(|neuron| neuron.coldkey).collect(),
            identities: Vec::new(),
            axons: neurons.iter().map(|neuron| neuron.axon).collect(),
            active: neurons.iter().map(|neuron| neuron.active).collect(),
            validator_permit: neurons.iter().map(|neuron| neuron.validator_permit).collect(),
            pruning_score: column(|neuron| neuron.pruning_score),
            last_update: neurons.iter().map(|neuron| neuron.last_update).collect(),
            emission: neurons.iter().map(|neuron| Alpha::from_rao(neuron.emission)).collect(),
            dividends: column(|neuron| neuron.dividends),
            incentives: column(|neuron| neuron.incentive),
            consensus: column(|neuron| neuron.consensus),
            trust: column(|neuron| neuron.trust),
            rank: column(|neuron| neuron.rank),
            block_at_registration: Vec::new(),
            alpha_stake: Vec::new(),
            tao_stake: neurons.iter().map(|neuron| Tao::from_rao(neuron.stake)).collect(),
            total_stake: neurons.iter().map(|neuron| Tao::from_rao(neuron.stake)).collect(),
            tao_dividends_per_hotkey: Vec::new(),
            alpha_dividends_per_hotkey: Vec::new(),
            name: String::new(),
            symbol: String::new(),
            identity: None,
            network_registered_at: 0,
            owner_hotkey: zero,
            owner_coldkey: zero,
            block: 0,
            tempo: 0,
            last_step: 0,
            blocks_since_last_step: 0,
            subnet_emission: 0,
            alpha_in: Alpha::ZERO,
            alpha_out: Alpha::ZERO,
            tao_in: Tao::ZERO,
            alpha_out_emission: Alpha::ZERO,
            alpha_in_emission: Alpha::ZERO,
            tao_in_emission: Tao::ZERO,
            pending_alpha_emission: Alpha::ZERO,
            pending_root_emission: Tao::ZERO,
            subnet_volume: 0,
            moving_price: I96F32(0),
            rho: 0,
            kappa: 0,
            min_allowed_weights: 0,
            weights_version: 0,
            weights_rate_limit: 0,
            activity_cutoff: 0,
            max_validators: 0,
            max_uids: 0,
            difficulty: 0,
            immunity_period: 0,
            min_difficulty: 0,
            max_difficulty: 0,
            adjustment_alpha: 0,
            adjustment_interval: 0,
            target_regs_per_interval: 0,
            max_regs_per_block: 0,
            serving_rate_limit: 0,
            commit_reveal_period: 0,
            alpha_high: 0,
            alpha_low: 0,
            bonds_moving_avg: 0,
            max_weights_limit: u16::MAX,
            burn: Tao::ZERO,
            min_burn: Tao::ZERO,
            max_burn: Tao::ZERO,
            registration_allowed: false,
            pow_registration_allowed: false,
            commit_reveal_weights_enabled: false,
            liquid_alpha_enabled: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::AxonInfo, *};

    fn neuron(uid: u16) -> NeuronLite {
        let axon = AxonInfo {
            block: 9,
            version: 3,
            ip: 0x0102_0304,
            port: 8_091,
            ip_type: 4,
            protocol: 4,
            placeholder1: 0,
            placeholder2: 0,
        };
        NeuronLite {
            hotkey: AccountId([1; 32]),
            coldkey: AccountId([2; 32]),
            uid,
            active: uid.is_multiple_of(2),
            axon,
            stake: 40 + u64::from(uid),
            rank: 10,
            emission: 11,
            incentive: 12,
            consensus: 13,
            trust: 14,
            validator_trust: 15,
            dividends: 16,
            last_update: 17,
            validator_permit: true,
            pruning_score: 18,
        }
    }

    #[test]
    fn neurons_make_the_columns() {
        let fields = MetagraphFields::with(&[neuron(0), neuron(1), neuron(2)]);
        assert_eq!((fields.num_uids, fields.hotkeys.len()), (3, 3));
        assert_eq!(fields.total_stake, [40, 41, 42].map(Tao::from_rao));
        assert_eq!((fields.active, fields.incentives), (vec![true, false, true], vec![12; 3]));
        let nobody = MetagraphFields::with(&[]);
        assert_eq!((nobody.num_uids, nobody.hotkeys.len(), nobody.total_stake.len()), (0, 0, 0));
    }

    #[test]
    fn hyperparameters_are_told_where_they_were_taken_over() {
        let entries = [
            ("tempo", HyperValue::Unsigned(99)),
            ("alpha_high", HyperValue::Unsigned(58_982)),
            ("min_burn", HyperValue::Tao(Tao::from_rao(5))),
            ("liquid_alpha_enabled", HyperValue::Bool(true)),
            // Too large for its field, of another kind, and of no field.
            ("rho", HyperValue::Unsigned(65_536)),
            ("max_burn", HyperValue::Unsigned(7)),
            ("commit_reveal_weights_enabled", HyperValue::Unsigned(1)),
            ("scaling_law_power", HyperValue::Unsigned(50)),
        ];
        let entries = entries.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let generation = crate::view::Generation::V1;
        let mut fields = MetagraphFields::with(&[]);
        let taken = fields.take(&Hyperparameters { netuid: NetUid(1), generation, entries });
        assert_eq!(taken, ["tempo", "alpha_high", "min_burn", "liquid_alpha_enabled"]);
        assert_eq!((fields.tempo, fields.alpha_high, fields.min_burn), (99, 58_982, Tao::from_rao(5)));
        assert!(fields.liquid_alpha_enabled && !fields.commit_reveal_weights_enabled);
        assert_eq!((fields.rho, fields.max_burn), (0, Tao::ZERO));
    }
}
