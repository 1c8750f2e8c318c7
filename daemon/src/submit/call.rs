//! Calls of the runtime as typed constructors: what to say, by the names of the metadata.
//!
//! Names and argument names: pallet_balances and pallet_subtensor, spec 425. Nothing is encoded
//! here; live metadata does that, and refuses a name that the connected runtime lacks.

use std::net::IpAddr;

use btd_api::{AccountId, Coldkey, Hotkey, NetUid, Tao};
use btd_chain::{Call, Runtime, Value};
use btd_wire::certificate::TlsKey;

const SUBTENSOR: &str = "SubtensorModule";
const SERVE_AXON_TLS: &str = "serve_axon_tls";

/// The protocol number that axons of the ecosystem publish.
const AXON_PROTOCOL: u8 = 4;

/// An account as a transfer's destination (`MultiAddress::Id`).
fn address(account: AccountId) -> Value {
    Value::Account(account)
}

/// `Balances.transfer_keep_alive`: refuses to bring the sender below the existential deposit.
pub(super) fn transfer_keep_alive(dest: Coldkey, value: Tao) -> Call {
    Call::new("Balances", "transfer_keep_alive").arg("dest", address(dest.0)).arg("value", value)
}

/// `Balances.transfer_allow_death`: the sender's account may vanish.
pub(super) fn transfer_allow_death(dest: Coldkey, value: Tao) -> Call {
    Call::new("Balances", "transfer_allow_death").arg("dest", address(dest.0)).arg("value", value)
}

/// `Balances.transfer_all`: everything that can be moved, leaving the existential deposit.
pub(super) fn transfer_all_keep_alive(dest: Coldkey) -> Call {
    Call::new("Balances", "transfer_all").arg("dest", address(dest.0)).arg("keep_alive", true)
}

/// `Balances.transfer_all`: everything that can be moved; the account vanishes.
pub(super) fn transfer_all_allow_death(dest: Coldkey) -> Call {
    Call::new("Balances", "transfer_all").arg("dest", address(dest.0)).arg("keep_alive", false)
}

/// `SubtensorModule.register_limit`: registers for the current price, if it is at most `limit`.
pub(super) fn register_limit(netuid: NetUid, hotkey: Hotkey, limit: Tao) -> Call {
    Call::new(SUBTENSOR, "register_limit").arg("netuid", netuid).arg("hotkey", hotkey).arg("limit_price", limit)
}

/// `SubtensorModule.burned_register`: registers for the current price, whatever it is.
pub(super) fn burned_register(netuid: NetUid, hotkey: Hotkey) -> Call {
    Call::new(SUBTENSOR, "burned_register").arg("netuid", netuid).arg("hotkey", hotkey)
}

/// `SubtensorModule.serve_axon`: publishes where the signing hotkey serves. The address is the
/// big-endian integer of its bytes.
pub(super) fn serve_axon(netuid: NetUid, version: u32, ip: IpAddr, port: u16) -> Call {
    let (number, ip_type): (u128, u8) = match ip {
        IpAddr::V4(ip) => (u32::from(ip).into(), 4),
        IpAddr::V6(ip) => (ip.into(), 6),
    };
    Call::new(SUBTENSOR, "serve_axon")
        .arg("netuid", netuid)
        .arg("version", version)
        .arg("ip", number)
        .arg("port", port)
        .arg("ip_type", ip_type)
        .arg("protocol", AXON_PROTOCOL)
        .arg("placeholder1", 0_u8)
        .arg("placeholder2", 0_u8)
}

/// Whether a runtime takes the TLS key of an axon.
pub(super) fn takes_tls_key(runtime: &Runtime) -> bool {
    runtime.has_call(SUBTENSOR, SERVE_AXON_TLS)
}

/// `SubtensorModule.serve_axon_tls`: the same as a [`serve_axon`], with the TLS key.
pub(super) fn with_tls_key(serve_axon: Call, key: TlsKey) -> Call {
    let call = Call { call: SERVE_AXON_TLS.to_owned(), ..serve_axon };
    call.arg("certificate", Value::Bytes(key.to_published()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_published_as_big_endian_integers() {
        let call = serve_axon(NetUid(1), 10_005_000, "1.2.3.4".parse().unwrap(), 8091);
        assert_eq!(call.args["ip"], Value::Uint(0x0102_0304));
        assert_eq!(call.args["ip_type"], Value::Uint(4));
        let call = serve_axon(NetUid(1), 1, "::2".parse().unwrap(), 8091);
        assert_eq!((&call.args["ip"], &call.args["ip_type"]), (&Value::Uint(2), &Value::Uint(6)));
        let call = with_tls_key(call, TlsKey::read(1, &[7; 32]).unwrap());
        assert_eq!(call.to_string(), "SubtensorModule.serve_axon_tls");
        assert_eq!(call.args["certificate"], Value::Bytes([&[1], &[7; 32][..]].concat()));
        assert_eq!(call.args.len(), 9);
    }
}
