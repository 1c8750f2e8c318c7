//! Root's calls that bring another code: all of them are made, and none of them puts a code into place.

use btd_devnet_runtime::{Runtime, RuntimeCall, RuntimeEvent};
use codec::{Decode, Encode};
use frame_system::Call;
use serde_json::json;
use sp_runtime::DispatchError;

use crate::{
    client::{Chain, manual},
    extrinsics::events,
    signer::{Terms, hex, sign, transfer},
};

const CODE: [u8; 2] = [0, 1];

/// What came of the extrinsic, which must be in the next block: of root's call, or of an authorised code.
async fn outcome(chain: &Chain, extrinsic: &[u8]) -> Result<(), DispatchError> {
    chain.call("author_submitExtrinsic", json!([hex(extrinsic)])).await;
    chain.devnet.mine(1).await.unwrap();
    let head = chain.call("chain_getBlockHash", json!([])).await;
    let mut outcomes = events(chain, &head).await.into_iter().filter_map(|record| match record.event {
        RuntimeEvent::Sudo(pallet_sudo::Event::Sudid { sudo_result }) => Some(sudo_result),
        RuntimeEvent::System(frame_system::Event::RejectedInvalidAuthorizedUpgrade { error, .. }) => Some(Err(error)),
        _ => None,
    });
    outcomes.next().expect("the extrinsic is in the block")
}

#[tokio::test]
async fn no_other_code_is_put_into_place() {
    let chain = Chain::start(manual()).await;
    let unreadable = DispatchError::from(frame_system::Error::<Runtime>::FailedToExtractRuntimeVersion);
    // The name is not part of what is encoded.
    let unreadable = DispatchError::decode(&mut unreadable.encode().as_slice()).unwrap();
    let by_root = |call: Call<Runtime>, nonce| {
        let call = Box::new(RuntimeCall::System(call));
        sign("Alice", &RuntimeCall::Sudo(pallet_sudo::Call::sudo { call }), Terms::immortal(&chain, nonce))
    };
    let refused = Err(unreadable);
    assert_eq!(outcome(&chain, &by_root(Call::set_code { code: CODE.to_vec() }, 0)).await, refused);
    assert_eq!(outcome(&chain, &by_root(Call::set_code_without_checks { code: CODE.to_vec() }, 1)).await, refused);
    let code_hash = sp_io::hashing::blake2_256(&CODE).into();
    assert_eq!(outcome(&chain, &by_root(Call::authorize_upgrade { code_hash }, 2)).await, Ok(()));
    let apply = RuntimeCall::System(Call::apply_authorized_upgrade { code: CODE.to_vec() });
    // Nobody has to sign what root has authorised.
    let bare = [vec![4], apply.encode()].concat().encode();
    assert_eq!(outcome(&chain, &bare).await, refused);
    let code = hex(b":code");
    assert_eq!(chain.call("state_getStorage", json!([code])).await, "0x0061736d01000000");
    chain.stop().await;
}

#[tokio::test]
async fn bytes_behind_an_extrinsic_are_passed_over() {
    let chain = Chain::start(manual()).await;
    let extrinsic = sign("Alice", &transfer("Bob", 1), Terms::immortal(&chain, 0));
    let hash = chain.call("author_submitExtrinsic", json!([hex(&[extrinsic.as_slice(), &[7; 9]].concat())])).await;
    assert_eq!(hash, json!(hex(&sp_io::hashing::blake2_256(&extrinsic))));
    assert_eq!(chain.call("author_pendingExtrinsics", json!([])).await, json!([hex(&extrinsic)]));
    chain.stop().await;
}
