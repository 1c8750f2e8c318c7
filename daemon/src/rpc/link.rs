//! How the link to the chain stands, in the words of the contract.

use std::time::{Duration, Instant};

use btd_api::chain::{self, BlockRef, ChainStatus};
use btd_chain::{ConnectError, EndpointStatus, Link, LinkState, Standing};

use super::receipt;
use crate::config::Network;

/// Whether blocks arrive as they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Fresh,
    Stale,
}

impl Freshness {
    pub(super) fn of(link: &Link) -> Self {
        if link.is_stale() { Self::Stale } else { Self::Fresh }
    }
}

/// The chain as btd sees it at `now`.
pub(super) fn status(network: &Network, link: &Link, now: Instant) -> ChainStatus {
    let state = link.state().borrow().clone();
    let endpoints = link.endpoints();
    let seen = endpoints.iter().filter_map(|endpoint| endpoint.finalized).map(|seen| seen.block.number.0).max();
    let followed = state.finalized().map_or(0, |seen| seen.block.number.0);
    let features = link.view().map(|view| view.runtime().features()).unwrap_or_default();
    let described = describe(network, link.genesis(), (&state, Freshness::of(link)), now);
    ChainStatus {
        trouble: beside_strangers(described.trouble, &link.strangers()),
        alone: *network != Network::Devnet && is_alone(&endpoints),
        lag: seen.map_or(0, |seen| seen.saturating_sub(followed)),
        endpoints: endpoints.into_iter().map(|status| endpoint(status, now)).collect(),
        features: features.into_iter().map(str::to_owned).collect(),
        best: link.best().borrow().map(|best| receipt::block(best.block)),
        ..described
    }
}

/// What is wrong, and that those which stand behind a node that was named have other blocks than it, where all do.
fn beside_strangers(trouble: Option<String>, strangers: &[String]) -> Option<String> {
    if strangers.is_empty() {
        return trouble;
    }
    let said = format!(
        "other blocks than the node that was named are told by {}: nothing of that is followed, and nothing takes over; \
         if that node is a chain of its own, leave them out (chain.fallback, chain.endpoints)",
        strangers.join(", ")
    );
    Some(trouble.map_or_else(|| said.clone(), |trouble| format!("{trouble}; {said}")))
}

/// Whether nothing takes over when the endpoint in use fails: an archive is followed by nobody.
fn is_alone(endpoints: &[EndpointStatus]) -> bool {
    endpoints.iter().filter(|endpoint| !endpoint.is_archive).count() < 2
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

fn describe(
    network: &Network,
    genesis: Option<btd_api::BlockHash>,
    (state, freshness): (&LinkState, Freshness),
    now: Instant,
) -> ChainStatus {
    let seen = state.finalized();
    let (endpoint, spec_version) = match state {
        LinkState::Live { endpoint, spec_version, .. } => (endpoint.as_str(), Some(*spec_version)),
        LinkState::Connecting { endpoint, .. } => (endpoint.as_str(), None),
        LinkState::Lost { cause, .. } => (cause.endpoint(), None),
    };
    ChainStatus {
        network: network.to_string(),
        link: standing(state, freshness),
        endpoint: Some(endpoint.to_owned()).filter(|endpoint| !endpoint.is_empty()),
        genesis,
        spec_version,
        finalized: seen.map(|seen| BlockRef { number: seen.block.number, hash: seen.block.hash }),
        finalized_age_ms: seen.map(|seen| millis(now, seen.at)),
        trouble: trouble(state, freshness, now).filter(|_| !is_going_over(state, freshness)),
        best: None,
        lag: 0,
        endpoints: Vec::new(),
        alone: false,
        features: Vec::new(),
    }
}

/// Whether one endpoint, with which nothing was wrong, is being left for another that is preferred, while blocks arrive.
fn is_going_over(state: &LinkState, freshness: Freshness) -> bool {
    freshness == Freshness::Fresh && matches!(state.cause(), Some(ConnectError::Superseded { .. }))
}

/// How the link stands at this moment.
pub(super) fn standing_of(link: &Link) -> chain::Link {
    standing(&link.state().borrow(), Freshness::of(link))
}

/// How the link stands. That an endpoint answers, or a connection was made anew, is no block.
pub(super) fn standing(state: &LinkState, freshness: Freshness) -> chain::Link {
    match state {
        LinkState::Live { .. } if freshness == Freshness::Stale => chain::Link::Stale,
        LinkState::Live { .. } => chain::Link::Live,
        _ if is_going_over(state, freshness) => chain::Link::Live,
        _ if matches!(state.cause(), Some(ConnectError::Stale { .. })) => chain::Link::Stale,
        LinkState::Connecting { last: None, .. } => chain::Link::Connecting,
        LinkState::Connecting { last: Some(_), .. } | LinkState::Lost { .. } => chain::Link::Lost,
    }
}

/// What is wrong with it, in words.
pub(super) fn trouble(state: &LinkState, freshness: Freshness, now: Instant) -> Option<String> {
    match state {
        LinkState::Live { endpoint, finalized, .. } if freshness == Freshness::Stale => {
            let after = Duration::from_secs(now.saturating_duration_since(finalized.at).as_secs());
            Some(ConnectError::Stale { endpoint: endpoint.clone(), after }.to_string())
        }
        _ => state.cause().map(ToString::to_string),
    }
}

fn millis(now: Instant, then: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(then).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockHash, BlockNumber};
    use btd_chain::{Endpoint, LinkConfig, Seen};

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
        let status = describe(&Network::Local, None, (&lost, Freshness::Fresh), at + Duration::from_millis(1500));
        assert_eq!((status.link, status.finalized_age_ms), (chain::Link::Lost, Some(1500)));
        assert_eq!(status.finalized.map(|block| block.number), Some(BlockNumber(7)));
        assert_eq!(status.trouble, Some(cut.to_string()));
        let first = LinkState::Connecting { endpoint: "ws://a".into(), attempt: 1, last: None, cause: None };
        let status = describe(&Network::Local, None, (&first, Freshness::Fresh), at);
        assert_eq!((status.link, status.endpoint.as_deref()), (chain::Link::Connecting, Some("ws://a")));
        let after = Duration::from_mins(1);
        let cause = Some(ConnectError::Stale { endpoint: "ws://a".into(), after });
        let stale = LinkState::Connecting { endpoint: "ws://a".into(), attempt: 1, last: None, cause };
        assert_eq!(describe(&Network::Local, None, (&stale, Freshness::Stale), at).link, chain::Link::Stale);
    }

    #[test]
    fn going_over_to_a_preferred_endpoint_is_no_loss_while_blocks_arrive() {
        let at = Instant::now();
        let block = btd_chain::BlockRef { number: BlockNumber(7), hash: BlockHash([1; 32]) };
        let (endpoint, last) = ("ws://a".to_owned(), Some(Seen { block, at }));
        let cause = ConnectError::Superseded { endpoint: "ws://b".into(), by: endpoint.clone() };
        let lost = LinkState::Lost { last, since: at, cause: cause.clone(), retry_after: Duration::from_millis(250) };
        let connecting = LinkState::Connecting { endpoint, attempt: 1, last, cause: Some(cause) };
        for state in [lost, connecting] {
            let seen = |freshness| {
                let status = describe(&Network::Local, None, (&state, freshness), at);
                (status.link, status.trouble.is_some())
            };
            assert_eq!(seen(Freshness::Fresh), (chain::Link::Live, false));
            assert_eq!(seen(Freshness::Stale), (chain::Link::Lost, true));
        }
    }

    #[test]
    fn that_those_behind_a_node_have_other_blocks_is_said_beside_what_is_wrong() {
        let (none, one) = (Vec::new(), vec!["ws://a".to_owned()]);
        let cut = Some("ws://own was lost".to_owned());
        assert_eq!((beside_strangers(None, &none), beside_strangers(cut.clone(), &none)), (None, cut.clone()));
        let alone = beside_strangers(None, &one).unwrap();
        assert!(alone.contains("told by ws://a:") && alone.contains("chain.fallback"), "{alone}");
        assert_eq!(beside_strangers(cut, &one), Some(format!("ws://own was lost; {alone}")));
    }

    #[test]
    fn an_archive_is_nothing_to_fall_back_to() {
        let list = |urls: &[&str]| urls.iter().map(|url| Endpoint::from(*url)).collect();
        let alone = |network: &Network, own: &[&str], endpoints: &[&str]| {
            let (own, endpoints) = (list(own), list(endpoints));
            let config = LinkConfig { own, endpoints, archives: list(&["ws://archive"]), ..LinkConfig::default() };
            status(network, &btd_chain::link(config).unwrap().0, Instant::now()).alone
        };
        assert!(alone(&Network::Finney, &["ws://own"], &[]) && alone(&Network::Local, &[], &["ws://a"]));
        assert!(
            !alone(&Network::Finney, &["ws://own"], &["ws://a"]) && !alone(&Network::Local, &[], &["ws://a", "ws://b"])
        );
        assert!(!alone(&Network::Devnet, &[], &["ws://inside"]));
    }

    #[test]
    fn an_endpoint_that_answers_and_brings_no_block_is_stale() {
        let at = Instant::now();
        let block = btd_chain::BlockRef { number: BlockNumber(7), hash: BlockHash([1; 32]) };
        let live = LinkState::Live {
            endpoint: "ws://a".into(),
            genesis: BlockHash([2; 32]),
            spec_version: 425,
            finalized: Seen { block, at },
            announced: BlockNumber(7),
            since: at,
        };
        let seen = |freshness| {
            let status = describe(&Network::Local, None, (&live, freshness), at + Duration::from_secs(90));
            (status.link, status.trouble)
        };
        assert_eq!(seen(Freshness::Fresh), (chain::Link::Live, None));
        let words = "ws://a is connected, but no finalized block has arrived for 90s".to_owned();
        assert_eq!(seen(Freshness::Stale), (chain::Link::Stale, Some(words)));
    }
}
