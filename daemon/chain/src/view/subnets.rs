//! Subnets: which there are, their pools, and what a place costs.

use btd_api::{AccountId, Alpha, BlockNumber, NetUid, Tao, Uid};
use tokio::join;

use super::{
    FixedPoint, View,
    prices::{Pricing, told_or_unknown},
};
use crate::{
    error::ReadError,
    scale::{
        Mismatch,
        read::{FromScale, record},
    },
};

const SUBNET_INFO: &str = "SubnetInfoRuntimeApi";
const PALLET: &str = "SubtensorModule";

record! {
    /// What a subnet's owner says about it (`SubnetIdentityV3`).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SubnetIdentity {
        /// Name.
        pub subnet_name: String,
        /// Source repository.
        pub github_repo: String = String::new(),
        /// Contact.
        pub subnet_contact: String = String::new(),
        /// Web page.
        pub subnet_url: String = String::new(),
        /// Discord.
        pub discord: String = String::new(),
        /// Description.
        pub description: String = String::new(),
        /// Logo.
        pub logo_url: String = String::new(),
        /// Anything else.
        pub additional: String = String::new(),
    }
}

record! {
    /// A subnet's pool and pace (`DynamicInfo`). Texts are what the chain keeps, as UTF-8.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DynamicInfo {
        /// The subnet.
        pub netuid: NetUid,
        /// The hotkey that owns it.
        pub owner_hotkey: AccountId,
        /// The coldkey that owns it.
        pub owner_coldkey: AccountId,
        /// Name.
        pub subnet_name: String,
        /// Symbol of its token.
        pub token_symbol: String,
        /// Blocks between epochs.
        pub tempo: u16,
        /// The block of the last epoch.
        pub last_step: u64,
        /// Blocks since then.
        pub blocks_since_last_step: u64,
        /// Emission (0 in runtimes since spec 233).
        pub emission: u64 = 0,
        /// Alpha in the pool.
        pub alpha_in: Alpha,
        /// Alpha outside of the pool.
        pub alpha_out: Alpha,
        /// Tao in the pool.
        pub tao_in: Tao,
        /// Alpha emitted per block outside of the pool.
        pub alpha_out_emission: Alpha = Alpha::ZERO,
        /// Alpha emitted per block into the pool.
        pub alpha_in_emission: Alpha = Alpha::ZERO,
        /// Tao emitted per block into the pool.
        pub tao_in_emission: Tao = Tao::ZERO,
        /// Alpha waiting for the next epoch.
        pub pending_alpha_emission: Alpha = Alpha::ZERO,
        /// Tao waiting for root at the next epoch.
        pub pending_root_emission: Tao = Tao::ZERO,
        /// What was ever traded, in rao.
        pub subnet_volume: u128 = 0,
        /// The block of its registration.
        pub network_registered_at: u64 = 0,
        /// What its owner says about it.
        pub subnet_identity: Option<SubnetIdentity> = None,
        /// The moving price: tao per alpha, `I96F32`.
        pub moving_price: I96F32 = I96F32(0),
    }
}

/// A subnet of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetEntry {
    /// The subnet.
    pub netuid: NetUid,
    /// Its pool and pace; none on runtimes before there were pools.
    pub dynamic: Option<DynamicInfo>,
    /// What one alpha costs, in rao of tao; none where there are no pools, and where it is not known.
    pub price: Option<Tao>,
}

/// Bits of an `I96F32`: 32 of them are behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct I96F32(pub i128);

impl FromScale for I96F32 {
    fn from_scale(input: &mut &[u8], id: u32, types: &scale_info::PortableRegistry) -> Result<Self, Mismatch> {
        i128::from_scale(input, id, types).map(Self)
    }
}

impl From<I96F32> for FixedPoint {
    fn from(number: I96F32) -> Self {
        Self::new(number.0, 32)
    }
}

/// Nothing instead of an error where the runtime lacks it.
pub(super) fn if_present<T>(result: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

// === impl View ===

impl View {
    /// The numbers of all subnets, root (0) included, ascending.
    pub async fn netuids(&self) -> Result<Vec<NetUid>, ReadError> {
        let added: Vec<(NetUid, bool)> = self.map(PALLET, "NetworksAdded", &[]).await?;
        let mut netuids: Vec<NetUid> = added.into_iter().filter_map(|(netuid, is)| is.then_some(netuid)).collect();
        netuids.sort_unstable();
        Ok(netuids)
    }

    /// All subnets, ascending by number. They are told without prices where those cannot be had; root always has its own.
    pub async fn subnets(&self) -> Result<Vec<SubnetEntry>, ReadError> {
        let pricing = Pricing::of(self.runtime());
        // Where they cannot be told together, none is asked for by itself: that is a request for each subnet.
        let together = async {
            if pricing == Pricing::Together {
                told_or_unknown(None, self.prices_together().await).map(|told| Some(told.unwrap_or_default()))
            } else {
                Ok(None)
            }
        };
        let (dynamic, together) =
            join!(self.api::<Vec<Option<DynamicInfo>>>(SUBNET_INFO, "get_all_dynamic_info", &[]), together);
        let together = together?;
        let entry = |netuid: NetUid, dynamic: Option<DynamicInfo>| SubnetEntry { netuid, dynamic, price: None };
        let mut entries: Vec<SubnetEntry> = match if_present(dynamic)? {
            Some(all) => all.into_iter().flatten().map(|info| entry(info.netuid, Some(info))).collect(),
            None => self.netuids().await?.into_iter().map(|netuid| entry(netuid, None)).collect(),
        };
        entries.sort_unstable_by_key(|entry| entry.netuid);
        let prices = if let Some(prices) = together {
            prices
        } else {
            let netuids: Vec<NetUid> = entries.iter().map(|entry| entry.netuid).collect();
            // Boxed: runtimes of today need it never.
            told_or_unknown(None, Box::pin(self.prices_of(pricing, &netuids)).await)?.unwrap_or_default()
        };
        for entry in &mut entries {
            let told = prices.get(&entry.netuid).copied();
            entry.price = if entry.netuid == NetUid::ROOT { pricing.of_root() } else { told };
        }
        Ok(entries)
    }

    /// One subnet's pool and pace; none when there is no such subnet.
    pub async fn dynamic_info(&self, netuid: NetUid) -> Result<Option<DynamicInfo>, ReadError> {
        self.api(SUBNET_INFO, "get_dynamic_info", &[netuid.into()]).await
    }

    /// Whether the subnet exists.
    pub async fn subnet_exists(&self, netuid: NetUid) -> Result<bool, ReadError> {
        Ok(self.storage(PALLET, "NetworksAdded", &[netuid.into()]).await?.unwrap_or(false))
    }

    /// The slot of `hotkey` in the subnet; none when it is not registered there.
    pub async fn uid(&self, netuid: NetUid, hotkey: AccountId) -> Result<Option<Uid>, ReadError> {
        self.storage(PALLET, "Uids", &[netuid.into(), hotkey.into()]).await
    }

    /// What a place in the subnet costs at the moment (`Burn`).
    pub async fn registration_cost(&self, netuid: NetUid) -> Result<Tao, ReadError> {
        Ok(self.storage(PALLET, "Burn", &[netuid.into()]).await?.unwrap_or(Tao::ZERO))
    }

    /// What a new subnet costs at the moment.
    pub async fn network_registration_cost(&self) -> Result<Tao, ReadError> {
        self.api("SubnetRegistrationRuntimeApi", "get_network_registration_cost", &[]).await
    }

    /// The block of the subnet's next epoch; none when it has no epochs.
    pub async fn next_epoch(&self, netuid: NetUid) -> Result<Option<BlockNumber>, ReadError> {
        self.api(SUBNET_INFO, "get_next_epoch_start_block", &[netuid.into()]).await
    }
}
