//! Safe mode from outside: blocks keep coming, most calls fail, and who has root's key ends it.

use btd_devnet_runtime::{Runtime, RuntimeCall, RuntimeEvent};
use serde_json::{Value, json};
use sp_runtime::{DispatchError, ModuleError};

use crate::{
    client::{Chain, manual},
    extrinsics::events,
    signer::{TAO, Terms, free, hex, sign, transfer},
};

/// Puts the extrinsic into a block of its own; the extrinsics in it, and why those failed that did.
async fn include(chain: &Chain, extrinsic: &[u8]) -> (Vec<Value>, Vec<DispatchError>) {
    chain.call("author_submitExtrinsic", json!([hex(extrinsic)])).await;
    chain.devnet.mine(1).await.unwrap();
    let head = chain.call("chain_getBlockHash", json!([])).await;
    let block = chain.call("chain_getBlock", json!([head])).await;
    let failures = events(chain, &head).await.into_iter().filter_map(|record| match record.event {
        RuntimeEvent::System(frame_system::Event::ExtrinsicFailed { dispatch_error, .. }) => Some(dispatch_error),
        _ => None,
    });
    (block["block"]["extrinsics"].as_array().unwrap().clone(), failures.collect())
}

#[tokio::test]
async fn blocks_come_in_safe_mode_too() {
    let chain = Chain::start(manual()).await;
    let by_root = |call: pallet_safe_mode::Call<Runtime>, nonce| {
        let call = Box::new(RuntimeCall::SafeMode(call));
        sign("Alice", &RuntimeCall::Sudo(pallet_sudo::Call::sudo { call }), Terms::immortal(&chain, nonce))
    };
    let gift = |nonce| sign("Bob", &transfer("Charlie", TAO), Terms::immortal(&chain, nonce));
    let before = free(&chain, "Charlie").await;
    let (extrinsics, failures) = include(&chain, &by_root(pallet_safe_mode::Call::force_enter {}, 0)).await;
    assert_eq!((extrinsics.len(), failures), (3, vec![]), "the time, the author's key, and this");

    // The author's key is no essential call: it fails in its block, as the gift does.
    let (extrinsics, failures) = include(&chain, &gift(0)).await;
    assert_eq!((extrinsics.len(), failures.len()), (3, 2), "{failures:?}");
    let filtered = DispatchError::from(frame_system::Error::<Runtime>::CallFiltered);
    for failure in failures {
        let DispatchError::Module(ModuleError { index: 0, error, .. }) = failure else { panic!("{failure:?}") };
        let named = ModuleError { index: 0, error, message: Some("CallFiltered") };
        assert_eq!(DispatchError::Module(named), filtered);
    }
    assert_eq!(free(&chain, "Charlie").await, before);
    chain.devnet.mine(3).await.unwrap();

    // The block that ends it still begins in it, with a key that fails.
    let (extrinsics, failures) = include(&chain, &by_root(pallet_safe_mode::Call::force_exit {}, 1)).await;
    assert_eq!((extrinsics.len(), failures.len()), (3, 1), "{failures:?}");
    let (extrinsics, failures) = include(&chain, &gift(1)).await;
    assert_eq!((extrinsics.len(), failures), (3, vec![]));
    assert_eq!(free(&chain, "Charlie").await, before + TAO);
    chain.stop().await;
}
