//! Parts of a metagraph: less than reading all of it.
//!
//! A chain's events say what a block changed, and the marks of the subnets more (`view/marks.rs`); these reads fetch
//! that and no more. What to read when is not decided here. Storage items and APIs: pallet_subtensor, spec 425; an
//! older runtime says by [`ReadError::Absent`] that it cannot tell a part alone.

use std::collections::BTreeSet;

use btd_api::{AccountId, Alpha, MechId, NetUid, Tao};

use super::{
    View,
    metagraph::{AxonInfo, ChainIdentity},
    storage_index,
};
use crate::{error::ReadError, scale::read::record, value::Value};

const PALLET: &str = "SubtensorModule";
/// The index of the number of neurons in `SelectiveMetagraphIndex`.
const COUNT: u16 = 30;

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
    /// The columns and settings of some parts; those of others are none, and so is what a runtime does not know by its
    /// number.
    #[derive(Debug, Clone, Default, PartialEq)]
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
