//! The metagraph of a subnet: every neuron's columns, and the subnet's own numbers.
//!
//! Columns are as the chain keeps them: ratios are `u16` of 65535, amounts are rao. Columns that a
//! runtime no longer computes (`pruning_score`, `trust` and `rank` since spec 401) are empty, not
//! filled up. Derived numbers are another crate's work.

mod old;

use btd_api::{AccountId, Alpha, MechId, NetUid, Tao, Uid};
use tokio::join;

use super::{
    View, storage_index,
    subnets::{I96F32, SubnetIdentity, if_present},
};
use crate::{
    block::BlockRef,
    error::ReadError,
    runtime::{Form, Runtime},
    scale::{
        Mismatch,
        read::{self, record},
    },
    value::Value,
};

const API: &str = "SubnetInfoRuntimeApi";
const PALLET: &str = "SubtensorModule";
/// The indices 0 to 71 of `SelectiveMetagraphIndex` are the fields of the whole metagraph.
const ALL_FIELDS: u16 = 72;

record! {
    /// Where a neuron says that it listens. All zero when it never said.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AxonInfo {
        /// The block in which it said so.
        pub block: u64,
        /// The version of its software.
        pub version: u32,
        /// The IP address as a number; the low 32 bits for IPv4.
        pub ip: u128,
        /// The port.
        pub port: u16,
        /// 4 or 6.
        pub ip_type: u8,
        /// A number for the protocol; 4 is what Bittensor's axons write.
        pub protocol: u8,
        /// Free for the subnet's use.
        pub placeholder1: u8 = 0,
        /// Free for the subnet's use.
        pub placeholder2: u8 = 0,
    }
}

record! {
    /// What a coldkey says about itself (`ChainIdentityV2`).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ChainIdentity {
        /// Name.
        pub name: String,
        /// Web page.
        pub url: String = String::new(),
        /// Source repository.
        pub github_repo: String = String::new(),
        /// Picture.
        pub image: String = String::new(),
        /// Discord.
        pub discord: String = String::new(),
        /// Description.
        pub description: String = String::new(),
        /// Anything else.
        pub additional: String = String::new(),
    }
}

record! {
    /// The runtime's `Metagraph`, by its own names. Columns have one entry per uid, or none at all.
    #[derive(Debug, Clone, PartialEq)]
    pub struct MetagraphFields {
        /// Name.
        pub name: String,
        /// Symbol of its token.
        pub symbol: String,
        /// What its owner says about it.
        pub identity: Option<SubnetIdentity> = None,
        /// The block of its registration.
        pub network_registered_at: u64,
        /// The hotkey that owns it.
        pub owner_hotkey: AccountId,
        /// The coldkey that owns it.
        pub owner_coldkey: AccountId,
        /// The runtime's own count of blocks.
        pub block: u64,
        /// Blocks between epochs.
        pub tempo: u16,
        /// The block of the last epoch.
        pub last_step: u64,
        /// Blocks since then.
        pub blocks_since_last_step: u64,
        /// Emission (0 in runtimes since spec 233).
        pub subnet_emission: u64 = 0,
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
        /// The moving price: tao per alpha.
        pub moving_price: I96F32 = I96F32(0),
        /// Hyperparameter.
        pub rho: u16 = 0,
        /// Hyperparameter, of 65535.
        pub kappa: u16 = 0,
        /// The fewest weights that a validator may set.
        pub min_allowed_weights: u16 = 0,
        /// The largest share of one weight, of 65535.
        pub max_weights_limit: u16 = u16::MAX,
        /// The version key that weights must carry at least.
        pub weights_version: u64 = 0,
        /// Blocks between two settings of weights by one validator.
        pub weights_rate_limit: u64 = 0,
        /// Blocks without weights after which a validator is inactive.
        pub activity_cutoff: u64 = 0,
        /// The most validators.
        pub max_validators: u16 = 0,
        /// Neurons.
        pub num_uids: u16,
        /// The most neurons.
        pub max_uids: u16,
        /// What a place costs.
        pub burn: Tao,
        /// Proof-of-work difficulty.
        pub difficulty: u64 = 0,
        /// Whether one may register.
        pub registration_allowed: bool = false,
        /// Whether one may register by proof of work.
        pub pow_registration_allowed: bool = false,
        /// Blocks for which a new neuron cannot be replaced.
        pub immunity_period: u16 = 0,
        /// Hyperparameter.
        pub min_difficulty: u64 = 0,
        /// Hyperparameter.
        pub max_difficulty: u64 = 0,
        /// The least that a place costs.
        pub min_burn: Tao = Tao::ZERO,
        /// The most that a place costs.
        pub max_burn: Tao = Tao::ZERO,
        /// Hyperparameter.
        pub adjustment_alpha: u64 = 0,
        /// Hyperparameter.
        pub adjustment_interval: u16 = 0,
        /// Hyperparameter.
        pub target_regs_per_interval: u16 = 0,
        /// Hyperparameter.
        pub max_regs_per_block: u16 = 0,
        /// Blocks between two announcements of an axon.
        pub serving_rate_limit: u64 = 0,
        /// Whether weights are committed first and revealed later.
        pub commit_reveal_weights_enabled: bool = false,
        /// Epochs between the two.
        pub commit_reveal_period: u64 = 0,
        /// Hyperparameter.
        pub liquid_alpha_enabled: bool = false,
        /// Hyperparameter, of 65535.
        pub alpha_high: u16 = 0,
        /// Hyperparameter, of 65535.
        pub alpha_low: u16 = 0,
        /// Hyperparameter, of 1,000,000.
        pub bonds_moving_avg: u64 = 0,
        /// Column.
        pub hotkeys: Vec<AccountId>,
        /// Column.
        pub coldkeys: Vec<AccountId>,
        /// Column: what each neuron's coldkey says about itself.
        pub identities: Vec<Option<ChainIdentity>> = Vec::new(),
        /// Column.
        pub axons: Vec<AxonInfo>,
        /// Column.
        pub active: Vec<bool>,
        /// Column.
        pub validator_permit: Vec<bool>,
        /// Column, of 65535.
        pub pruning_score: Vec<u16> = Vec::new(),
        /// Column: the block of the last weights.
        pub last_update: Vec<u64>,
        /// Column: alpha per epoch.
        pub emission: Vec<Alpha>,
        /// Column, of 65535.
        pub dividends: Vec<u16>,
        /// Column, of 65535.
        pub incentives: Vec<u16>,
        /// Column, of 65535.
        pub consensus: Vec<u16>,
        /// Column, of 65535.
        pub trust: Vec<u16> = Vec::new(),
        /// Column, of 65535.
        pub rank: Vec<u16> = Vec::new(),
        /// Column: the block of the registration.
        pub block_at_registration: Vec<u64>,
        /// Column: alpha behind the hotkey, children and parents counted.
        pub alpha_stake: Vec<Alpha>,
        /// Column: root's tao behind the hotkey.
        pub tao_stake: Vec<Tao>,
        /// Column: alpha and weighted tao, the weight in consensus.
        pub total_stake: Vec<Tao>,
        /// Tao dividends by hotkey (0 in runtimes since spec 233).
        pub tao_dividends_per_hotkey: Vec<(AccountId, Tao)> = Vec::new(),
        /// Alpha dividends by hotkey.
        pub alpha_dividends_per_hotkey: Vec<(AccountId, Alpha)> = Vec::new(),
    }
}

/// The metagraph of one mechanism of a subnet at one block, as the chain keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct RawMetagraph {
    /// The block.
    pub block: BlockRef,
    /// The subnet.
    pub netuid: NetUid,
    /// The mechanism.
    pub mechid: MechId,
    /// What one alpha costs, in rao of tao; none where there are no pools, and where it is not known.
    pub price: Option<Tao>,
    /// Column, of 65535; empty on runtimes that do not keep it.
    pub validator_trust: Vec<u16>,
    /// Everything that the runtime's own metagraph holds.
    pub fields: MetagraphFields,
    /// The names of the fields that this runtime does not tell: what stands in them means nothing.
    pub untold: Vec<&'static str>,
}

/// One validator's weights or bonds: what it gave to whom, as the chain keeps it.
pub type Row = (Uid, Vec<(Uid, u16)>);

// === impl RawMetagraph ===

impl RawMetagraph {
    /// Whether the runtime tells the field `name` of [`MetagraphFields`].
    pub fn tells(&self, name: &str) -> bool {
        !self.untold.contains(&name)
    }

    /// The `value` of the field `name`, if the runtime tells it.
    pub fn told<T>(&self, name: &str, value: T) -> Option<T> {
        self.tells(name).then_some(value)
    }
}

// === impl MetagraphFields ===

impl MetagraphFields {
    /// Reads what `SubnetInfoRuntimeApi.get_metagraph` answered on `runtime`; none when that was no
    /// subnet.
    ///
    /// # Errors
    /// When the bytes are not what the runtime's metadata says.
    pub fn decode(bytes: &[u8], runtime: &Runtime) -> Result<Option<Self>, Mismatch> {
        let found = runtime.api_method(API, "get_metagraph", &[NetUid(0).into()]);
        let found = found.map_err(|_| Mismatch::new("the runtime has no SubnetInfoRuntimeApi.get_metagraph"))?;
        // It is large, and not copied where nothing is to be taken off it.
        if let (Form::Plain, [output, ..]) = (found.form, found.outputs.as_slice()) {
            return read::whole(bytes, *output, found.types);
        }
        let (content, output) = found.form.content(bytes.to_vec(), &found.outputs, found.types)?;
        read::whole(&content, output, found.types)
    }
}

// === impl View ===

impl View {
    /// The metagraph of a subnet's main mechanism; none when there is no such subnet.
    pub async fn metagraph(&self, netuid: NetUid) -> Result<Option<RawMetagraph>, ReadError> {
        Box::pin(self.mechagraph(netuid, MechId(0))).await
    }

    /// The metagraph of one mechanism of a subnet; none when there is no such one.
    pub async fn mechagraph(&self, netuid: NetUid, mechid: MechId) -> Result<Option<RawMetagraph>, ReadError> {
        let of_subnet = [Value::from(netuid)];
        let (fields, price, validator_trust) = join!(
            self.metagraph_fields(netuid, mechid),
            self.price_if_told(netuid),
            self.storage::<Vec<u16>>(PALLET, "ValidatorTrust", &of_subnet),
        );
        let Some((fields, untold)) = fields? else { return Ok(None) };
        Ok(Some(RawMetagraph {
            block: self.block(),
            netuid,
            mechid,
            price: price?,
            validator_trust: if_present(validator_trust)?.flatten().unwrap_or_default(),
            fields,
            untold,
        }))
    }

    /// The weights that validators have set, by validator, ascending. With commit-reveal only what
    /// is revealed.
    pub async fn weights(&self, netuid: NetUid, mechid: MechId) -> Result<Vec<Row>, ReadError> {
        self.rows("Weights", netuid, mechid).await
    }

    /// The bonds of validators in miners, by validator, ascending.
    pub async fn bonds(&self, netuid: NetUid, mechid: MechId) -> Result<Vec<Row>, ReadError> {
        self.rows("Bonds", netuid, mechid).await
    }

    async fn rows(&self, item: &str, netuid: NetUid, mechid: MechId) -> Result<Vec<Row>, ReadError> {
        let mut rows: Vec<Row> = self.map(PALLET, item, &[storage_index(netuid, mechid)]).await?;
        rows.sort_unstable_by_key(|(uid, _)| *uid);
        Ok(rows)
    }

    /// The runtime's metagraph by the first of its APIs that is there; before there was any, put
    /// together from neurons. With it come the names of the fields that could not be told.
    async fn metagraph_fields(
        &self,
        netuid: NetUid,
        mechid: MechId,
    ) -> Result<Option<(MetagraphFields, Vec<&'static str>)>, ReadError> {
        let all: Value = (0..ALL_FIELDS).collect();
        let of_subnet: [(&str, Vec<Value>); 2] =
            [("get_metagraph", vec![netuid.into()]), ("get_selective_metagraph", vec![netuid.into(), all.clone()])];
        let of_mechanism: [(&str, Vec<Value>); 2] = [
            ("get_mechagraph", vec![netuid.into(), mechid.into()]),
            ("get_selective_mechagraph", vec![netuid.into(), mechid.into(), all]),
        ];
        let generations = if mechid == MechId(0) { of_subnet } else { of_mechanism };
        let available = generations.iter().find(|(method, _)| self.runtime().has_runtime_api(API, method));
        match available {
            Some((method, arguments)) => {
                let fields: Option<MetagraphFields> = self.api(API, method, arguments).await?;
                Ok(fields.map(|fields| (fields, Vec::new())))
            }
            // Boxed: it is large, and runtimes of today need it never.
            None => Box::pin(self.metagraph_of_old(netuid, mechid)).await,
        }
    }
}
