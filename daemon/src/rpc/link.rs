//! How the link to the chain stands, in the words of the contract.

use std::time::Instant;

use btd_api::chain::{self, BlockRef, ChainStatus};
use btd_chain::{ConnectError, EndpointStatus, Link, LinkState, Standing};

use super::receipt;
use crate::config::Network;

/// The chain as btd sees it at `now`.
pub(super) fn status(network: &Network, link: &Link, now: Instant) -> ChainStatus {
    let state = link.state().borrow().clone();
    let endpoints = link.endpoints();
    let seen = endpoints.iter().filter_map(|endpoint| endpoint.finalized).map(|seen| seen.block.number.0).max();
    let followed = state.finalized().map_or(0, |seen| seen.block.number.0);
    let features = link.view().map(|view| view.runtime().features()).unwrap_or_default();
    ChainStatus {
        lag: seen.map_or(0, |seen| seen.saturating_sub(followed)),
        endpoints: endpoints.into_iter().map(|status| endpoint(status, now)).collect(),
        features: features.into_iter().map(str::to_owned).collect(),
        best: link.best().borrow().map(|best| receipt::block(best.block)),
        ..describe(network, link.genesis(), &state, now)
    }
}

fn endpoint(status: EndpointStatus, now: Instant) -> chain::EndpointStatus {
    chain::EndpointStatus {
        endpoint: status.endpoint,
        archive: status.is_archive,
        standing: match status.standing {
            Standing::Unknown => chain::Standing::Unknown,
            Standing::Active => chain::Standing::Active,
            Standing::Standby => chain::Standing::Standby,
            Standing::Resting => chain::Standing::Resting,
        },
        trouble: status.trouble.as_ref().map(|cause| cause.name().to_owned()),
        reason: status.trouble.as_ref().map(ToString::to_string),
        finalized: status.finalized.map(|seen| receipt::block(seen.block)),
        seen_ms: status.finalized.map(|seen| millis(now, seen.at)),
        latency_ms: status.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
        requests: status.requests,
        failures: status.failures,
        pruned: status.is_pruned,
        rate_limited: status.is_rate_limited,
        rests_ms: status.rests.map(|rest| u64::try_from(rest.as_millis()).unwrap_or(u64::MAX)),
    }
}

fn describe(network: &Network, genesis: Option<btd_api::BlockHash>, state: &LinkState, now: Instant) -> ChainStatus {
    let seen = state.finalized();
    let (endpoint, spec_version) = match state {
        LinkState::Live { endpoint, spec_version, .. } => (endpoint.as_str(), Some(*spec_version)),
        LinkState::Connecting { endpoint, .. } => (endpoint.as_str(), None),
        LinkState::Lost { cause, .. } => (cause.endpoint(), None),
    };
    ChainStatus {
        network: network.to_string(),
        link: standing(state),
        endpoint: Some(endpoint.to_owned()).filter(|endpoint| !endpoint.is_empty()),
        genesis,
        spec_version,
        finalized: seen.map(|seen| BlockRef { number: seen.block.number, hash: seen.block.hash }),
        finalized_age_ms: seen.map(|seen| millis(now, seen.at)),
        trouble: state.cause().map(ToString::to_string),
        best: None,
        lag: 0,
        endpoints: Vec::new(),
        features: Vec::new(),
    }
}

pub(super) fn standing(state: &LinkState) -> chain::Link {
    match state {
        LinkState::Live { .. } => chain::Link::Live,
        _ if matches!(state.cause(), Some(ConnectError::Stale { .. })) => chain::Link::Stale,
        LinkState::Connecting { last: None, .. } => chain::Link::Connecting,
        LinkState::Connecting { last: Some(_), .. } | LinkState::Lost { .. } => chain::Link::Lost,
    }
}

fn millis(now: Instant, then: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(then).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use btd_api::{BlockHash, BlockNumber};
    use btd_chain::Seen;

    use super::*;

    #[test]
    fn a_lost_chain_keeps_its_last_block_and_says_why() {
        let at = Instant::now();
        let block = btd_chain::BlockRef { number: BlockNumber(7), hash: BlockHash([1; 32]) };
        let cut = ConnectError::Cut { endpoint: "ws://a".into(), reason: "closed".into() };
        let lost = LinkState::Lost {
            last: Some(Seen { block, at }),
            since: at,
            cause: cut.clone(),
            retry_after: Duration::from_millis(500),
        };
        let status = describe(&Network::Local, None, &lost, at + Duration::from_millis(1500));
        assert_eq!((status.link, status.finalized_age_ms), (chain::Link::Lost, Some(1500)));
        assert_eq!(status.finalized.map(|block| block.number), Some(BlockNumber(7)));
        assert_eq!(status.trouble, Some(cut.to_string()));
        let first = LinkState::Connecting { endpoint: "ws://a".into(), attempt: 1, last: None, cause: None };
        let status = describe(&Network::Local, None, &first, at);
        assert_eq!((status.link, status.endpoint.as_deref()), (chain::Link::Connecting, Some("ws://a")));
        let after = Duration::from_mins(1);
        let cause = Some(ConnectError::Stale { endpoint: "ws://a".into(), after });
        let stale = LinkState::Connecting { endpoint: "ws://a".into(), attempt: 1, last: None, cause };
        assert_eq!(describe(&Network::Local, None, &stale, at).link, chain::Link::Stale);
    }
}
