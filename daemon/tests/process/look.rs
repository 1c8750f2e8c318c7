//! A look at a chain past btd, and where things lie in its storage.

use btd_chain::{LinkConfig, LinkState, Value, View};
use tokio_util::sync::CancellationToken;

/// A look at the newest block through `endpoint`.
pub(crate) async fn view(endpoint: &str) -> View {
    let config =
        LinkConfig { endpoints: vec![endpoint.to_owned().into()], stale_after_ms: Some(0), ..LinkConfig::default() };
    let (link, follower) = btd_chain::link(config).unwrap();
    tokio::spawn(follower.run(CancellationToken::new()));
    link.state().wait_for(LinkState::is_live).await.unwrap();
    link.view().unwrap()
}

/// Where an item of pallet_subtensor lies under all of its keys.
pub(crate) fn key(view: &View, item: &str, keys: &[Value]) -> Vec<u8> {
    view.storage_address("SubtensorModule", item, keys).unwrap()
}
