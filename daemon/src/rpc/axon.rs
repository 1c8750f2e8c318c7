//! The noun `axon`: the endpoint at which this host's neuron answers.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use btd_api::{
    ErrorKind, Hotkey,
    axon::{AxonStatus, Reset, ResetParams, Set, SetParams, Start, StartParams, Status, StatusReply, Stop, Stopped},
    rpc::Nothing,
    signing::Signing,
    wallet::Receipt,
};
use btd_signer_protocol::KeyId;
use btd_wire::version::PROTOCOL_VERSION;

use super::{Caller, Failure, Table, receipt};
use crate::{
    axon,
    daemon::Parts,
    submit::{Action, ServeAxon},
};

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<Start>(start)
        .method::<Stop>(stop)
        .method::<Status>(status)
        .method::<Set>(set)
        .method::<Reset>(reset)
        .done();
}

async fn start(parts: Arc<Parts>, params: StartParams, _: Caller) -> Result<AxonStatus, Failure> {
    let bind = params.bind.as_deref().map(address).transpose()?;
    let status = parts.serving.start(&params.wallet, &params.hotkey, bind).await?;
    Ok(describe(status))
}

async fn stop(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<Stopped, Failure> {
    Ok(Stopped { axon: parts.serving.stop().await.map(describe) })
}

async fn status(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<StatusReply, Failure> {
    Ok(StatusReply { axon: parts.serving.status().map(describe) })
}

async fn set(parts: Arc<Parts>, params: SetParams, _: Caller) -> Result<Receipt, Failure> {
    let manner = params.manner();
    let SetParams { netuid, wallet, hotkey, ip, port, .. } = params;
    let ip: IpAddr = ip.parse().map_err(|_| {
        Failure::new(ErrorKind::InvalidParams, format!("`{ip}` is not an address: write an IPv4 or IPv6 address"))
    })?;
    // The protocol's generation; peers read it as the version of the SDK that answers.
    let version = u32::try_from(PROTOCOL_VERSION).unwrap_or(u32::MAX);
    let action = Action::ServeAxon(ServeAxon { netuid, version, ip, port });
    receipt::submit(&parts, (action, KeyId::hotkey(wallet, hotkey)), manner).await
}

/// The chain has no call that takes an endpoint away: address 0 with port 1 is what peers take for none.
async fn reset(parts: Arc<Parts>, params: ResetParams, _: Caller) -> Result<Receipt, Failure> {
    let manner = params.manner();
    let ResetParams { netuid, wallet, hotkey, .. } = params;
    let unspecified = IpAddr::from([0, 0, 0, 0]);
    let action = Action::ServeAxon(ServeAxon { netuid, version: 0, ip: unspecified, port: 1 });
    receipt::submit(&parts, (action, KeyId::hotkey(wallet, hotkey)), manner).await
}

/// Reads `ip:port`.
pub(super) fn address(text: &str) -> Result<SocketAddr, Failure> {
    text.parse().map_err(|_| {
        Failure::new(
            ErrorKind::InvalidParams,
            format!("`{text}` is not an address: write IP:PORT, such as 0.0.0.0:8091"),
        )
    })
}

/// The axon in the words of the contract.
pub(super) fn describe(status: axon::Status) -> AxonStatus {
    AxonStatus {
        hotkey: Hotkey(status.hotkey),
        address: status.address.to_string(),
        synapses: status.synapses,
        requests: status.requests.into_iter().map(|(outcome, count)| (outcome.to_owned(), count)).collect(),
    }
}
