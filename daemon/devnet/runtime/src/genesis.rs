//! State at block 0.

mod busy;

use sp_core::{Pair, crypto::Ss58Codec, ed25519, sr25519, storage::Storage};
use sp_runtime::{BuildStorage, MultiSigner, traits::IdentifyAccount};

pub use busy::Busy;

use crate::{
    AccountId, Balance, MILLISECONDS_PER_BLOCK, RuntimeGenesisConfig, UNIT, config::MinimumPeriod, fees::fee_recipient,
    subtensor::types::ROOT,
};

/// What a development chain starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisSpec {
    /// Accounts and their free balance in rao.
    pub endowed: Vec<(AccountId, Balance)>,
    /// Account whose calls through Sudo run as root.
    pub sudo: AccountId,
    /// Milliseconds between blocks; half of it is the least distance of two timestamps. The runtime reads that in state, so
    /// that chains which differ in it alone have different genesis hashes.
    pub block_time: u64,
    /// Blocks between the creation of two subnets.
    pub network_rate_limit: u64,
    /// Whether stake on root is open from the start.
    pub root_staking: RootStaking,
    /// The beacon whose rounds open timelocked weights and commitments.
    pub beacon: DrandBeacon,
    /// What root has a say in.
    pub root_rule: RootRule,
    /// What the chain has beside root.
    pub subnets: Subnets,
}

/// A beacon of rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrandBeacon {
    /// Drand's own, whose rounds must be fetched.
    Quicknet,
    /// The development beacon, whose rounds anybody can sign.
    Development,
}

/// What validators on root have a say in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootRule {
    /// Nothing, as on spec 425: it refuses their weights and has no senate.
    None,
    /// How TAO is shared among subnets, by their weights, and in the senate what the triumvirate (`//Alice`, `//Bob`,
    /// `//Charlie`) proposes, as before spec 233.
    Legacy,
}

/// The subnets that a chain starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subnets {
    /// None.
    None,
    /// One that belongs to nobody, as on every fresh localnet.
    Nobodys,
    /// Many with a past.
    Busy(Busy),
}

/// Whether TAO can be staked on root before anybody with the sudo key allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootStaking {
    /// It can, as on the public networks.
    Open,
    /// It cannot, as on a fresh localnet.
    Closed,
}

/// Names of the well-known development keys, those who own the most first.
pub const DEVELOPMENT_NAMES: [&str; 9] = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie", "One", "Two", "Three"];

/// The EVM's number of every localnet.
const EVM_CHAIN_ID: u64 = 42;
/// The one preset that the real runtime knows by name.
pub(crate) const PRESET: &str = "benchmark";

/// Blocks between the creation of two subnets on the public networks.
const PUBLIC_NETWORK_RATE_LIMIT: u64 = 7_200;

impl Default for GenesisSpec {
    /// The accounts of the public localnet: `//Alice`, `//Bob` and `//Charlie` own 1,000,000 TAO each, `//Dave`,
    /// `//Eve`, `//Ferdie`, `//One`, `//Two`, `//Three` and two accounts of the EVM own 2,000 TAO each, and `//Alice`
    /// holds the sudo key. For the sake of those who try things, subnets can be created in any block, stake on root is
    /// open and rounds of the beacon can be signed.
    fn default() -> Self {
        let balances = [1_000_000; 3].into_iter().chain([2_000; 6]);
        let named = DEVELOPMENT_NAMES.iter().map(|name| development_account(name)).zip(balances);
        let of_the_evm = EVM_ACCOUNTS.map(|address| (evm_account(address), 2_000));
        Self {
            endowed: named.chain(of_the_evm).map(|(account, tao)| (account, tao * UNIT)).collect(),
            sudo: development_account("Alice"),
            block_time: MILLISECONDS_PER_BLOCK,
            network_rate_limit: 0,
            root_staking: RootStaking::Open,
            beacon: DrandBeacon::Development,
            root_rule: RootRule::None,
            subnets: Subnets::Nobodys,
        }
    }
}

impl GenesisSpec {
    /// A localnet of the real runtime, as recordings of it begin: subnets are created one a day, stake on root waits for
    /// permission, and the beacon is drand's. Otherwise than by default, `//Dave`, `//Eve` and `//Ferdie` own 100,000 TAO.
    /// The published chain specification gives these three 2,000; the recordings were made with more, as every balance in
    /// them shows, so that each of the three can pay for a subnet.
    pub fn localnet() -> Self {
        let mut spec = Self {
            network_rate_limit: PUBLIC_NETWORK_RATE_LIMIT,
            root_staking: RootStaking::Closed,
            beacon: DrandBeacon::Quicknet,
            ..Self::default()
        };
        let well_off = ["Dave", "Eve", "Ferdie"].map(development_account);
        for (who, balance) in &mut spec.endowed {
            if well_off.contains(who) {
                *balance = 100_000 * UNIT;
            }
        }
        spec
    }
}

/// Addresses of the development keys Alith and Baltathar.
const EVM_ACCOUNTS: [[u8; 20]; 2] = [
    [
        0xf2, 0x4f, 0xf3, 0xa9, 0xcf, 0x04, 0xc7, 0x1d, 0xbc, 0x94, 0xd0, 0xb5, 0x66, 0xf7, 0xa2, 0x7b, 0x94, 0x56,
        0x6c, 0xac,
    ],
    [
        0x3c, 0xd0, 0xa7, 0x05, 0xa2, 0xdc, 0x65, 0xe5, 0xb1, 0xe1, 0x20, 0x58, 0x96, 0xba, 0xa2, 0xbe, 0x8a, 0x07,
        0xc6, 0xe0,
    ],
];

/// The account that holds the balance of an EVM address.
fn evm_account(address: [u8; 20]) -> AccountId {
    let mut preimage = b"evm:".to_vec();
    preimage.extend(address);
    AccountId::new(sp_io::hashing::blake2_256(&preimage))
}

/// The account of the well-known development key `//name`.
///
/// # Panics
/// If `name` holds a slash: names are words of the program, not user input.
pub fn development_account(name: &str) -> AccountId {
    #[expect(clippy::expect_used, reason = "a hard junction made of a plain word always parses")]
    let pair = sr25519::Pair::from_string(&format!("//{name}"), None).expect("the name of a development key is a word");
    MultiSigner::from(pair.public()).into_account()
}

/// The key with which `//name` would finalise blocks.
fn finaliser(name: &str) -> ed25519::Public {
    #[expect(clippy::expect_used, reason = "a hard junction made of a plain word always parses")]
    let pair = ed25519::Pair::from_string(&format!("//{name}"), None).expect("the name of a development key is a word");
    pair.public()
}

/// The genesis configuration of [`PRESET`] as JSON: `//Alice` is author, finaliser and sudo, and she and `//Bob` own a
/// million TAO each. What is not named starts as it does without a preset.
pub(crate) fn preset() -> Vec<u8> {
    let [alice, bob] = ["Alice", "Bob"].map(|name| development_account(name).to_ss58check());
    let finaliser = finaliser("Alice").to_ss58check();
    let million = 1_000_000 * UNIT;
    format!(
        r#"{{"aura":{{"authorities":["{alice}"]}},"balances":{{"balances":[["{alice}",{million}],["{bob}",{million}]]}},"grandpa":{{"authorities":[["{finaliser}",1]]}},"sudo":{{"key":"{alice}"}}}}"#
    )
    .into_bytes()
}

/// The storage of block 0.
///
/// # Errors
/// When a pallet refuses its part, as Balances does for a balance below the existential deposit or an account named
/// twice.
pub fn genesis(spec: &GenesisSpec) -> Result<Storage, String> {
    let history = match spec.subnets {
        Subnets::Busy(busy) => Some(busy::History::of(busy)?),
        Subnets::None | Subnets::Nobodys => None,
    };
    let mut endowed = spec.endowed.clone();
    endowed.extend(history.iter().flat_map(busy::History::endowed));
    let author: [u8; 32] = fee_recipient().into();
    let config = RuntimeGenesisConfig {
        aura: crate::AuraConfig { authorities: vec![sr25519::Public::from_raw(author).into()] },
        grandpa: crate::GrandpaConfig { authorities: vec![(finaliser("One").into(), 1)], ..Default::default() },
        evm_chain_id: crate::EVMChainIdConfig { chain_id: EVM_CHAIN_ID, ..Default::default() },
        balances: crate::BalancesConfig { balances: endowed, ..Default::default() },
        sudo: crate::SudoConfig { key: Some(spec.sudo.clone()) },
        drand: crate::DrandConfig { development_beacon: spec.beacon == DrandBeacon::Development, ..Default::default() },
        subtensor_module: crate::SubtensorModuleConfig {
            network_rate_limit: (spec.network_rate_limit != PUBLIC_NETWORK_RATE_LIMIT)
                .then_some(spec.network_rate_limit),
            started: match spec.root_staking {
                RootStaking::Open => vec![ROOT],
                RootStaking::Closed => Vec::new(),
            },
            legacy_root: spec.root_rule == RootRule::Legacy,
            bare: spec.subnets != Subnets::Nobodys,
            ..Default::default()
        },
        triumvirate_members: crate::TriumvirateMembersConfig {
            members: match spec.root_rule {
                RootRule::Legacy => ["Alice", "Bob", "Charlie"].map(development_account).to_vec(),
                RootRule::None => Vec::new(),
            }
            .try_into()
            .map_err(|_| "the triumvirate has three members")?,
            ..Default::default()
        },
        ..Default::default()
    };
    let mut storage = config.build_storage()?;
    if let Some(history) = &history {
        history.write(&mut storage);
    }
    if spec.block_time != MILLISECONDS_PER_BLOCK {
        storage.top.insert(MinimumPeriod::key().to_vec(), codec::Encode::encode(&(spec.block_time / 2)));
    }
    Ok(storage)
}
