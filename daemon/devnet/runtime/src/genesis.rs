//! State at block 0.

use sp_core::{sr25519, storage::Storage, Pair};
use sp_runtime::{traits::IdentifyAccount, BuildStorage, MultiSigner};

use crate::{config::MinimumPeriod, AccountId, Balance, RuntimeGenesisConfig, MILLISECONDS_PER_BLOCK, UNIT};

/// What a development chain starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisSpec {
    /// Accounts and their free balance in rao.
    pub endowed: Vec<(AccountId, Balance)>,
    /// Account whose calls through Sudo run as root.
    pub sudo: AccountId,
    /// Milliseconds between blocks; half of it is the least distance of two timestamps.
    pub block_time: u64,
}

impl Default for GenesisSpec {
    /// The accounts of the public localnet: `//Alice`, `//Bob` and `//Charlie` own 1,000,000 TAO each, `//Dave`,
    /// `//Eve`, `//Ferdie`, `//One`, `//Two` and `//Three` own 2,000 TAO each, and `//Alice` holds the sudo key.
    fn default() -> Self {
        let rich = ["Alice", "Bob", "Charlie"].map(|name| (development_account(name), 1_000_000 * UNIT));
        let modest = ["Dave", "Eve", "Ferdie", "One", "Two", "Three"].map(|name| (development_account(name), 2_000 * UNIT));
        Self {
            endowed: rich.into_iter().chain(modest).collect(),
            sudo: development_account("Alice"),
            block_time: MILLISECONDS_PER_BLOCK,
        }
    }
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

/// The storage of block 0.
///
/// # Errors
/// When a pallet refuses its part, as Balances does for a balance below the existential deposit or an account named
/// twice.
pub fn genesis(spec: &GenesisSpec) -> Result<Storage, String> {
    let config = RuntimeGenesisConfig {
        balances: crate::BalancesConfig { balances: spec.endowed.clone(), ..Default::default() },
        sudo: crate::SudoConfig { key: Some(spec.sudo.clone()) },
        ..Default::default()
    };
    let mut storage = config.build_storage()?;
    if spec.block_time != MILLISECONDS_PER_BLOCK {
        storage.top.insert(MinimumPeriod::key().to_vec(), codec::Encode::encode(&(spec.block_time / 2)));
    }
    Ok(storage)
}
