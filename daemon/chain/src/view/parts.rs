//! Parts of a metagraph, and what tells that parts of it changed: less than reading all of it.
//!
//! A chain's events say what a block changed; these reads fetch that and no more. What to read when
//! is not decided here. Storage items and APIs: pallet_subtensor, spec 425; an older runtime says
//! by [`ReadError::Absent`] that it cannot tell a part alone.

use std::collections::BTreeSet;

use btd_api::{AccountId, Alpha, MechId, NetUid, Tao};

use super::{
    View,
    metagraph::{AxonInfo, ChainIdentity},
    storage_index,
};
use crate::{
    error::ReadError,
    rpc::HexBytes,
    scale::read::{self, FromScale, record},
    value::Value,
};

const PALLET: &str = "SubtensorModule";
/// The index of the number of neurons in `SelectiveMetagraphIndex`.
const COUNT: u16 = 30;
/// A block of 64 bits and a fixed-point number of 128.
const INFLOW_BYTES: usize = 24;

/// A part of the metagraph's columns that changes by itself between two epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Stake: alpha, tao and both together.
    Stake,
    /// Where neurons serve.
    Axons,
    /// The blocks of their last weights.
    LastUpdate,
    /// What their coldkeys say about themselves.
    Identities,
    /// The blocks of their last weights in the mechanisms beside the main one: no column of its metagraph
    /// ([`View::mechanism_updates`]).
    Mechanisms,
    /// No column, but what the subnet's owner or the chain's has set: the figures that change by no block as such.
    Settings,
}

record! {
    /// The columns and settings of some parts; those of others are none.
    #[derive(Debug, Clone, PartialEq)]
    pub struct MetagraphParts {
        /// How many neurons there are: no column has another length.
        pub num_uids: Option<u16> = None,
        /// [`Part::Stake`].
        pub alpha_stake: Option<Vec<Alpha>> = None,
        /// [`Part::Stake`].
        pub tao_stake: Option<Vec<Tao>> = None,
        /// [`Part::Stake`].
        pub total_stake: Option<Vec<Tao>> = None,
        /// [`Part::Axons`].
        pub axons: Option<Vec<AxonInfo>> = None,
        /// [`Part::LastUpdate`].
        pub last_update: Option<Vec<u64>> = None,
        /// [`Part::Identities`].
        pub identities: Option<Vec<Option<ChainIdentity>>> = None,
        /// [`Part::Settings`], as the others from here on.
        pub rho: Option<u16> = None,
        /// Hyperparameter.
        pub kappa: Option<u16> = None,
        /// Hyperparameter.
        pub min_allowed_weights: Option<u16> = None,
        /// Hyperparameter.
        pub max_weights_limit: Option<u16> = None,
        /// Hyperparameter.
        pub weights_version: Option<u64> = None,
        /// Hyperparameter.
        pub weights_rate_limit: Option<u64> = None,
        /// Hyperparameter.
        pub activity_cutoff: Option<u64> = None,
        /// Hyperparameter.
        pub max_validators: Option<u16> = None,
        /// Hyperparameter.
        pub difficulty: Option<u64> = None,
        /// Hyperparameter.
        pub pow_registration_allowed: Option<bool> = None,
        /// Hyperparameter.
        pub immunity_period: Option<u16> = None,
        /// Hyperparameter.
        pub min_difficulty: Option<u64> = None,
        /// Hyperparameter.
        pub max_difficulty: Option<u64> = None,
        /// Hyperparameter.
        pub min_burn: Option<Tao> = None,
        /// Hyperparameter.
        pub max_burn: Option<Tao> = None,
        /// Hyperparameter.
        pub adjustment_alpha: Option<u64> = None,
        /// Hyperparameter.
        pub adjustment_interval: Option<u16> = None,
        /// Hyperparameter.
        pub target_regs_per_interval: Option<u16> = None,
        /// Hyperparameter.
        pub max_regs_per_block: Option<u16> = None,
        /// Hyperparameter.
        pub serving_rate_limit: Option<u64> = None,
        /// Hyperparameter.
        pub commit_reveal_weights_enabled: Option<bool> = None,
        /// Hyperparameter.
        pub commit_reveal_period: Option<u64> = None,
        /// Hyperparameter.
        pub liquid_alpha_enabled: Option<bool> = None,
        /// Hyperparameter.
        pub alpha_high: Option<u16> = None,
        /// Hyperparameter.
        pub alpha_low: Option<u16> = None,
        /// Hyperparameter.
        pub bonds_moving_avg: Option<u64> = None,
    }
}

/// What of a subnet changes without an event that says so, or is cheap to see; none where the
/// runtime does not keep it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubnetMarks {
    /// How many neurons it has.
    pub neurons: Option<u16>,
    /// How many it can have.
    pub max_neurons: Option<u16>,
    /// Whether neurons may register.
    pub registration_allowed: Option<bool>,
    /// What registering costs.
    pub burn: Option<Tao>,
    /// How many mechanisms it has, the main one among them.
    pub mechanisms: Option<u8>,
    /// Blocks since its last epoch; none also where the list of subnets tells them.
    pub blocks_since_epoch: Option<u64>,
    /// Blocks between its epochs; none also where the list of subnets tells them.
    pub tempo: Option<u16>,
    /// Who owns it; none also where the list of subnets tells that.
    pub owner: Option<AccountId>,
    /// The moving average of the tao that flows into its pool, in rao: below zero where it flows out.
    pub net_inflow: Option<i64>,
}

// === impl Part ===

impl Part {
    /// Its columns and settings in `SelectiveMetagraphIndex`.
    fn columns(self) -> &'static [u16] {
        match self {
            Self::Stake => &[67, 68, 69],
            Self::Axons => &[55],
            Self::LastUpdate => &[59],
            Self::Identities => &[54],
            Self::Mechanisms => &[],
            // Between them are the numbers of neurons and of places, what one costs, and whether there are any.
            Self::Settings => &[
                22, 23, 24, 25, 26, 27, 28, 29, 33, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
            ],
        }
    }
}

// === impl View ===

impl View {
    /// Some parts of a subnet's metagraph; none when there is no such subnet.
    pub async fn metagraph_parts(
        &self,
        netuid: NetUid,
        parts: &BTreeSet<Part>,
    ) -> Result<Option<MetagraphParts>, ReadError> {
        let columns = parts.iter().flat_map(|part| part.columns()).copied();
        let columns: Value = std::iter::once(COUNT).chain(columns).collect();
        self.api("SubnetInfoRuntimeApi", "get_selective_metagraph", &[netuid.into(), columns]).await
    }

    /// The marks of each of `netuids`, in their order, in one request as a rule.
    pub async fn subnet_marks(&self, netuids: &[NetUid]) -> Result<Vec<SubnetMarks>, ReadError> {
        const LISTED: [&str; 3] = ["BlocksSinceLastStep", "Tempo", "SubnetOwner"];
        let [pace, tempo, owner] = LISTED;
        let items = [
            "SubnetworkN",
            "MaxAllowedUids",
            "NetworkRegistrationAllowed",
            "Burn",
            "MechanismCountCurrent",
            pace,
            "SubnetEmaTaoFlow",
            tempo,
            owner,
        ];
        let is_listed = self.runtime().has_runtime_api("SubnetInfoRuntimeApi", "get_all_dynamic_info");
        let infos = items.map(|item| {
            let is_wanted = !LISTED.contains(&item) || !is_listed;
            is_wanted.then(|| self.runtime().storage_info(PALLET, item).ok()).flatten()
        });
        let mut keys = Vec::with_capacity(netuids.len().saturating_mul(items.len()));
        for netuid in netuids {
            for (item, info) in items.iter().zip(&infos) {
                // An item that the runtime lacks keeps its place, empty.
                let key = info.as_ref().map(|info| self.storage_key(PALLET, item, info, &[(*netuid).into()]));
                keys.push(HexBytes(key.transpose()?.unwrap_or_default()));
            }
        }
        let asked: Vec<HexBytes> = keys.iter().filter(|HexBytes(key)| !key.is_empty()).cloned().collect();
        let found = self.stored("the subnets' marks", &asked).await?;
        let value = |index: usize, keys: &[HexBytes]| {
            let (info, HexBytes(key)) = (infos[index].as_ref()?, &keys[index]);
            let bytes = found.get(key).map(Vec::as_slice).or(info.default_value.as_deref())?;
            Some((bytes.to_vec(), info.value_id))
        };
        let marks = keys.chunks(items.len()).map(|keys| {
            Ok(SubnetMarks {
                neurons: self.mark(value(0, keys))?,
                max_neurons: self.mark(value(1, keys))?,
                registration_allowed: self.mark(value(2, keys))?,
                burn: self.mark(value(3, keys))?,
                mechanisms: self.mark(value(4, keys))?,
                blocks_since_epoch: self.mark(value(5, keys))?,
                net_inflow: self.inflow(value(6, keys))?,
                tempo: self.mark(value(7, keys))?,
                owner: self.mark(value(8, keys))?,
            })
        });
        marks.collect()
    }

    /// A block, and what the average was then, as a number with 64 bits behind the point. Where the chain keeps none,
    /// there is the byte that stands for none.
    fn inflow(&self, value: Option<(Vec<u8>, u32)>) -> Result<Option<i64>, ReadError> {
        let value = value.filter(|(bytes, _)| bytes.len() == INFLOW_BYTES);
        let average: Option<(u64, i128)> = self.mark(value)?;
        Ok(average.and_then(|(_, average)| i64::try_from(average >> 64).ok()))
    }

    fn mark<T: FromScale>(&self, value: Option<(Vec<u8>, u32)>) -> Result<Option<T>, ReadError> {
        value
            .map(|(bytes, id)| read::whole(&bytes, id, self.runtime().types()))
            .transpose()
            .map_err(|reason| self.decode_error("a subnet's marks", reason))
    }

    /// How many mechanisms the subnet has: one, where the runtime knows of no others.
    pub async fn mechanisms(&self, netuid: NetUid) -> Result<u8, ReadError> {
        match self.storage::<u8>(PALLET, "MechanismCountCurrent", &[netuid.into()]).await {
            Ok(count) => Ok(count.unwrap_or(1)),
            Err(ReadError::Absent(_)) => Ok(1),
            Err(error) => Err(error),
        }
    }

    /// The blocks of the neurons' last weights in each mechanism beside the main one, of a subnet that has
    /// `mechanisms` in all.
    pub async fn mechanism_updates(&self, netuid: NetUid, mechanisms: u8) -> Result<Vec<Vec<u64>>, ReadError> {
        let places: Vec<Vec<Value>> =
            (1..mechanisms).map(|mechid| vec![storage_index(netuid, MechId(mechid))]).collect();
        let updates: Vec<Option<Vec<u64>>> = self.values(PALLET, "LastUpdate", &places).await?;
        Ok(updates.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// The hotkeys behind which any of `coldkeys` has stake.
    pub async fn staking_hotkeys(&self, coldkeys: &[AccountId]) -> Result<BTreeSet<AccountId>, ReadError> {
        let places: Vec<Vec<Value>> = coldkeys.iter().map(|coldkey| vec![(*coldkey).into()]).collect();
        let hotkeys: Vec<Option<Vec<AccountId>>> = self.values(PALLET, "StakingHotkeys", &places).await?;
        Ok(hotkeys.into_iter().flatten().flatten().collect())
    }

    /// Those of `netuids` on which any of `hotkeys` has children, to whom part of its stake counts.
    pub async fn subnets_with_children(
        &self,
        hotkeys: &[AccountId],
        netuids: &[NetUid],
    ) -> Result<BTreeSet<NetUid>, ReadError> {
        let pairs = hotkeys.iter().flat_map(|hotkey| netuids.iter().map(move |netuid| (*hotkey, *netuid)));
        let places: Vec<Vec<Value>> = pairs.map(|(hotkey, netuid)| vec![hotkey.into(), netuid.into()]).collect();
        let children: Vec<Option<Vec<(u64, AccountId)>>> = self.values(PALLET, "ChildKeys", &places).await?;
        let has = |children: &Option<Vec<_>>| children.as_ref().is_some_and(|children| !children.is_empty());
        let found = children.iter().zip(netuids.iter().cycle()).filter(|(children, _)| has(children));
        Ok(found.map(|(_, netuid)| *netuid).collect())
    }
}
