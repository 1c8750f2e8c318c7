//! Hashes and accounts that are made of SCALE bytes, as the runtime makes them.

use btd_api::{AccountId, BlockHash, Hotkey, MechId, NetUid};
use codec::Encode;
use subxt::config::{Hasher, substrate::BlakeTwo256};

use crate::{call::Call, error::PrepareError, runtime::Runtime, value::Value};

fn blake2_256(bytes: &[u8]) -> [u8; 32] {
    BlakeTwo256.hash(bytes).0
}

/// What a validator commits before it reveals its weights (`pallet_subtensor`, spec 425): the
/// BLAKE2b-256 of hotkey, place of the mechanism, uids, values, salt and version key.
pub fn weights_commit_hash(
    hotkey: Hotkey,
    (netuid, mechid): (NetUid, MechId),
    (uids, values): (&[u16], &[u16]),
    salt: &[u16],
    version_key: u64,
) -> BlockHash {
    let index = netuid.0.wrapping_add(u16::from(mechid.0).wrapping_mul(4096));
    BlockHash(blake2_256(&(hotkey.account().0, index, uids, values, salt, version_key).encode()))
}

/// What announces a new coldkey without telling it: the BLAKE2b-256 of its account.
pub fn account_hash(account: AccountId) -> BlockHash {
    BlockHash(blake2_256(&account.0))
}

/// The account that `signatories` have together, and the order that the chain puts them into
/// (`pallet_multisig::multi_account_id`).
pub fn multisig_account(signatories: &[AccountId], threshold: u16) -> (AccountId, Vec<AccountId>) {
    let mut ordered = signatories.to_vec();
    ordered.sort_unstable();
    let bytes: Vec<[u8; 32]> = ordered.iter().map(|account| account.0).collect();
    (AccountId(blake2_256(&(b"modlpy/utilisuba", bytes, threshold).encode())), ordered)
}

/// The account that owns the subnet of a lease, from the lease's number on (`pallet_subtensor`, spec 425).
pub fn lease_account(lease: u32) -> AccountId {
    AccountId(blake2_256(&("leasing/coldkey", lease).encode()))
}

/// How an account without a key came about: who made it, as what, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PureOrigin {
    /// Who made it.
    pub spawner: AccountId,
    /// The kind of proxy that the spawner is of it since.
    pub proxy_type: String,
    /// What tells it from others that were made in the same extrinsic.
    pub index: u16,
    /// The block.
    pub height: u32,
    /// The extrinsic's index in that block.
    pub ext_index: u32,
}

/// The account without a key that comes about so (`pallet_proxy::pure_account`).
///
/// # Errors
/// When the runtime makes no such accounts, or has no such kind of proxy.
pub fn pure_account(origin: &PureOrigin, runtime: &Runtime) -> Result<AccountId, PrepareError> {
    let kind = Value::Variant(origin.proxy_type.clone(), Box::new(Value::Null));
    let made = Call::new("Proxy", "create_pure").arg("proxy_type", kind).arg("delay", 0_u32).arg("index", origin.index);
    // Two indices, the kind, the delay and the index: the two last are hashed in another order.
    let made = made.encode(runtime)?;
    let kind = made.get(2..made.len().saturating_sub(6)).unwrap_or_default();
    let mut entropy = (b"modlpy/proxy____", origin.spawner.0, origin.height, origin.ext_index).encode();
    entropy.extend_from_slice(kind);
    origin.index.encode_to(&mut entropy);
    Ok(AccountId(blake2_256(&entropy)))
}

/// The BLAKE2b-256 of a call's bytes in `runtime`, which names it where it is approved or announced.
///
/// # Errors
/// When the runtime lacks the call, or its arguments do not fit.
pub fn call_hash(call: &Call, runtime: &Runtime) -> Result<BlockHash, PrepareError> {
    Ok(BlockHash(blake2_256(&call.encode(runtime)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commit hashes of the Python SDK (bittensor 10.5.0, `generate_weight_hash`).
    #[test]
    fn commits_hash_as_the_sdk_does() {
        #[derive(serde::Deserialize)]
        struct Case {
            id: String,
            hotkey_ss58: Hotkey,
            netuid: NetUid,
            mechid: MechId,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
            commit_hash: BlockHash,
        }
        #[derive(serde::Deserialize)]
        struct Vectors {
            cases: Vec<Case>,
        }
        let vectors: Vectors = serde_json::from_str(include_str!("../../../tests/vectors/commit_hash.json")).unwrap();
        assert!(vectors.cases.len() > 3);
        for case in vectors.cases {
            let place = (case.netuid, case.mechid);
            let weights = (case.uids.as_slice(), case.values.as_slice());
            let hash = weights_commit_hash(case.hotkey_ss58, place, weights, &case.salt, case.version_key);
            assert_eq!(hash, case.commit_hash, "{}", case.id);
        }
    }

    /// Two of three of the development keys, as polkadot-js shows them.
    #[test]
    fn signatories_have_one_account_in_any_order() {
        let [alice, bob, charlie] = [
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
            "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
            "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y",
        ]
        .map(|address| address.parse::<AccountId>().unwrap());
        let (account, ordered) = multisig_account(&[charlie, alice, bob], 2);
        assert_eq!(account.to_string(), "5DjYJStmdZ2rcqXbXGX7TW85JsrW6uG4y9MUcLq2BoPMpRA7");
        assert_eq!(multisig_account(&[alice, bob, charlie], 2), (account, ordered.clone()));
        assert!(ordered.is_sorted());
        assert_ne!(multisig_account(&[alice, bob, charlie], 3).0, account);
    }
}
