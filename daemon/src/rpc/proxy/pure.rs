//! Whether an account without a key came about as its end claims.
//!
//! The account is a hash of how it came about, so a claim is judged without asking the chain; and where one part of it
//! alone is wrong, that part is found by trying others. Semantics: pallet_proxy, spec 425.

use btd_api::{
    Coldkey,
    proxy::{KillParams, Proxy},
};
use btd_chain::{PureOrigin, pure_account};

use crate::{
    rpc::receipt,
    submit::{Ground, SubmissionError},
};

/// So many numbers are tried in place of one that is wrong, from 0 on, or around it.
const REACH: u32 = 256;

/// Refuses the end of an account that did not come about as `params` say. A runtime that makes such accounts in another
/// way is not judged by it.
pub(super) async fn require(ground: &Ground, params: &KillParams) -> Result<(), SubmissionError> {
    let KillParams { spawner, ref proxy_type, index, height, ext_index, .. } = *params;
    let claimed = PureOrigin { spawner: spawner.account(), proxy_type: proxy_type.clone(), index, height, ext_index };
    let runtime = ground.view.runtime();
    match pure_account(&claimed, runtime) {
        Ok(made) if made != ground.actor => {}
        Ok(_) | Err(_) => return Ok(()),
    }
    let proxies = super::of(&ground.view, Coldkey(ground.actor)).await?;
    if proxies.is_empty() {
        // Nobody can end it in its name, which is said elsewhere.
        return Ok(());
    }
    let is_it = |origin: &PureOrigin| pure_account(origin, runtime).is_ok_and(|made| made == ground.actor);
    let found = others(&claimed, &proxies).into_iter().find(|(_, other)| is_it(other));
    let right = found.map_or_else(
        || "the event Proxy.PureCreated stands in the extrinsic that made it".to_owned(),
        |(right, _)| right,
    );
    let words = format!(
        "{} is not the account that {spawner} made as `{proxy_type}` with index {index} in extrinsic {ext_index} of block \
         {height}: {right}",
        ground.actor
    );
    receipt::foreseen("NoPermission", words)
}

/// Other ways in which it may have come about, each with what would be right then.
fn others(claimed: &PureOrigin, proxies: &[Proxy]) -> Vec<(String, PureOrigin)> {
    let spawner = proxies.iter().map(|proxy| {
        let words = format!("its spawner is {}", proxy.delegate);
        (words, PureOrigin { spawner: proxy.delegate, ..claimed.clone() })
    });
    let kind = proxies.iter().map(|proxy| {
        let words = format!("its proxy_type is `{}`", proxy.proxy_type);
        (words, PureOrigin { proxy_type: proxy.proxy_type.clone(), ..claimed.clone() })
    });
    let both = proxies.iter().map(|proxy| {
        let words = format!("its spawner is {}, and its proxy_type `{}`", proxy.delegate, proxy.proxy_type);
        (words, PureOrigin { spawner: proxy.delegate, proxy_type: proxy.proxy_type.clone(), ..claimed.clone() })
    });
    let ext_index = (0..REACH)
        .map(|ext_index| (format!("its ext_index is {ext_index}"), PureOrigin { ext_index, ..claimed.clone() }));
    let index = (0..REACH).filter_map(|index| u16::try_from(index).ok());
    let index = index.map(|index| (format!("its index is {index}"), PureOrigin { index, ..claimed.clone() }));
    let near = claimed.height.saturating_sub(REACH)..=claimed.height.saturating_add(REACH);
    let height = near.map(|height| (format!("its height is {height}"), PureOrigin { height, ..claimed.clone() }));
    spawner.chain(kind).chain(both).chain(ext_index).chain(index).chain(height).collect()
}
