//! Connections of QUIC over which nobody asks anything, and newcomers over QUIC: as in [`super::connections`].

use quinn::ConnectionError;
use tokio::time::timeout;

use super::{
    connections::{idle, is_closed, is_served, narrow, refused},
    heavy::until,
    quic_bounds::{asked, connect},
    support::*,
};
use crate::{axon::quic::GAVE_WAY, dendrite::Transport};

#[tokio::test]
async fn an_idle_connection_gives_way_and_hears_why() {
    let axon = axon(narrow(2), vec![]).await;
    let old = connect(&axon).await;
    asked(&axon, &old).await;
    until(|| axon.edge.connections.idle() == 1, "it is idle").await;
    let young = connect(&axon).await;
    asked(&axon, &young).await;
    until(|| axon.edge.connections.idle() == 2, "both are idle").await;
    is_served(&axon).await;
    let why = timeout(PATIENCE, old.closed()).await.expect("it gives way");
    assert!(matches!(&why, ConnectionError::ApplicationClosed(closed) if closed.error_code == GAVE_WAY), "{why}");
    assert_eq!((refused(&axon), young.close_reason()), (1, None), "the younger one is left alone");
    asked(&axon, &young).await;
}

#[tokio::test]
async fn a_newcomer_has_an_idle_connection_give_way() {
    let axon = axon(narrow(4), vec![]).await;
    let mut open = idle(&axon, 4).await;
    let outcome = dendrite().ping(target(&axon), Transport::Quic, PATIENCE).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    is_closed(&mut open[0]).await;
    assert_eq!(refused(&axon), 1);
}
