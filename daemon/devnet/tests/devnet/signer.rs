//! Signs extrinsics with the public development keys, in the form that the runtime's types have.

use btd_devnet_runtime::{AccountId, Address, Balance, Nonce, RuntimeCall, VERSION, extensions};
use codec::{Decode, Encode};
use serde_json::{Value, json};
use sp_core::{H256, Pair as _, sr25519::Pair};
use sp_runtime::{MultiSignature, generic::Era};

use crate::client::Chain;

/// First byte of a signed extrinsic of format 4.
const SIGNED_V4: u8 = 0x84;
/// One TAO in rao.
pub(crate) const TAO: Balance = 1_000_000_000;

pub(crate) fn pair(name: &str) -> Pair {
    Pair::from_string(&format!("//{name}"), None).unwrap()
}

pub(crate) fn account(name: &str) -> AccountId {
    AccountId::from(pair(name).public().0)
}

/// What a signature commits to beside the call.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) nonce: Nonce,
    pub(crate) era: Era,
    /// Block in which the era starts; the genesis hash for an immortal one.
    pub(crate) birth: H256,
    pub(crate) genesis: H256,
    /// Rao beside the fee.
    pub(crate) tip: Balance,
    /// The digest of the metadata, where the signature covers one.
    pub(crate) digest: Option<[u8; 32]>,
}

impl Terms {
    pub(crate) fn immortal(chain: &Chain, nonce: Nonce) -> Self {
        let genesis = H256(chain.devnet.genesis_hash());
        Self { nonce, era: Era::Immortal, birth: genesis, genesis, tip: 0, digest: None }
    }
}

pub(crate) fn sign(signer: &str, call: &RuntimeCall, terms: Terms) -> Vec<u8> {
    sign_encoded(signer, &call.encode(), terms)
}

/// Signs a call that is already encoded, and may be no call at all.
pub(crate) fn sign_encoded(signer: &str, call: &[u8], terms: Terms) -> Vec<u8> {
    let pair = pair(signer);
    let mut extension = extensions::signed(terms.era, terms.nonce, terms.tip).encode();
    // The last byte says whether the signature covers a digest.
    *extension.last_mut().unwrap() = u8::from(terms.digest.is_some());
    let implicit =
        (VERSION.spec_version, VERSION.transaction_version, terms.genesis, terms.birth, terms.digest).encode();
    let payload = [call, &extension, &implicit].concat();
    let signature =
        if payload.len() > 256 { pair.sign(&sp_io::hashing::blake2_256(&payload)) } else { pair.sign(&payload) };
    let (address, signature) = (Address::Id(account(signer)), MultiSignature::Sr25519(signature));
    let body = [&[SIGNED_V4], address.encode().as_slice(), &signature.encode(), &extension, call].concat();
    body.encode()
}

pub(crate) fn transfer(to: &str, amount: Balance) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest: Address::Id(account(to)), value: amount })
}

/// A signed transfer that never expires.
pub(crate) fn signed_transfer(chain: &Chain, from: &str, to: &str, amount: Balance, nonce: Nonce) -> Vec<u8> {
    sign(from, &transfer(to, amount), Terms::immortal(chain, nonce))
}

pub(crate) fn hex(bytes: &[u8]) -> Value {
    json!(format!("0x{}", hex::encode(bytes)))
}

pub(crate) fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap().strip_prefix("0x").unwrap()).unwrap()
}

/// Key of a storage value.
pub(crate) fn value_key(pallet: &str, item: &str) -> Vec<u8> {
    [sp_io::hashing::twox_128(pallet.as_bytes()), sp_io::hashing::twox_128(item.as_bytes())].concat()
}

/// Key of `System.Account` of a development account.
pub(crate) fn account_key(name: &str) -> Vec<u8> {
    let account = account(name).encode();
    [value_key("System", "Account"), sp_io::hashing::blake2_128(&account).to_vec(), account].concat()
}

type AccountInfo = frame_system::AccountInfo<Nonce, pallet_balances::AccountData<Balance>>;

/// The account at a block, or at the head.
pub(crate) async fn account_info(chain: &Chain, name: &str, at: Option<&Value>) -> AccountInfo {
    let value = chain.call("state_getStorage", json!([hex(&account_key(name)), at])).await;
    AccountInfo::decode(&mut unhex(&value).as_slice()).unwrap()
}

/// Free balance at the head, in rao.
pub(crate) async fn free(chain: &Chain, name: &str) -> Balance {
    account_info(chain, name, None).await.data.free
}
