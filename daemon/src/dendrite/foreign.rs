//! The dendrite's HTTP/3 on any bytes, without sockets: what a fuzz target feeds.
#![doc(hidden)]

use std::net::{Ipv4Addr, SocketAddr};

use btd_api::AccountId;
use btd_wire::{
    outgoing::{Answer, Callee, Caller, Outgoing, Unsigned, merge},
    synapse::{Synapse, SynapseSpec},
};
use indexmap::IndexMap;
use tokio::runtime::{Builder, Runtime};

use super::{Body, quic::ask_scripted};
use crate::quic_scripted::Scripted;

/// Far more than the bytes of one try.
const LONGEST: usize = 1_000_000;

struct Bare {
    runtime: Runtime,
    spec: SynapseSpec,
    outgoing: Outgoing,
}

impl Bare {
    fn new() -> Self {
        let hotkey = AccountId([7; 32]);
        let spec = SynapseSpec::base();
        let address = hotkey.to_string();
        let caller = Caller { hotkey: &address, uuid: "u", ip: None };
        let callee = Callee { hotkey, ip: "127.0.0.1".to_owned(), port: 1 };
        let unsigned = Unsigned::new(&spec, Synapse::new(&spec, IndexMap::new()), (caller, callee), 12.0, 1);
        let outgoing = unsigned.sign(&spec, &[0; 64]);
        #[expect(clippy::expect_used, reason = "without it there is nothing to try")]
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { runtime, spec, outgoing }
    }
}

/// Asks an axon whose streams the bytes are, and reads what it answers.
///
/// # Panics
/// When the dendrite does not bear them.
pub fn http3_reply(bytes: &[u8]) {
    thread_local!(static BARE: Bare = Bare::new());
    BARE.with(|bare| {
        let axon = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let asked = ask_scripted(Scripted::answering(bytes), axon, &bare.outgoing, LONGEST);
        let Some(reply) = bare.runtime.block_on(asked) else { return };
        assert!(matches!(reply.body, Body::Whole(_)), "a reply was streamed to nobody");
        if let Body::Whole(body) = &reply.body {
            let mut synapse = bare.outgoing.synapse.clone();
            let answer = Answer { status: reply.status, headers: &reply.headers, body, url: "http://x/" };
            let _ = merge(&bare.spec, &mut synapse, &answer);
        }
    });
}
