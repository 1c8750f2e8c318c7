//! Which subnets' settings the calls in a block may have changed: a pure reading of its extrinsics.
//!
//! Owners and the chain's administrator set them by calls of `AdminUtils`, and of some of these (rho, liquid alpha and its
//! values) no event tells. They may lie in a proxy's call, in a batch, or in a multisig's. What a contract or the
//! scheduler calls is in no extrinsic: that shows before the next epoch (`refresher/checking.rs`), unless an event tells it.

use std::collections::BTreeSet;

use btd_api::NetUid;
use btd_chain::Extrinsic;
use serde_json::Value as Json;

use super::subnet;

const SETTERS: &str = "AdminUtils";

/// The subnets that calls of setters name, whether they succeeded or not.
pub(super) fn set_by(extrinsics: &[Extrinsic]) -> BTreeSet<NetUid> {
    let mut found = BTreeSet::new();
    for call in extrinsics.iter().filter_map(|extrinsic| extrinsic.call.as_ref()) {
        if call.pallet == SETTERS {
            found.extend(named(&call.args));
        } else {
            look_into(&call.args, &mut found);
        }
    }
    found
}

/// Looks for calls among arguments, in the form `{"AdminUtils": {"sudo_set_rho": {"netuid": 1, "rho": 2}}}`.
fn look_into(args: &Json, found: &mut BTreeSet<NetUid>) {
    match args {
        Json::Object(members) => {
            for (name, value) in members {
                match value {
                    Json::Object(calls) if name == SETTERS => found.extend(calls.values().filter_map(named)),
                    value => look_into(value, found),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| look_into(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// The subnet among the arguments of a setter; none of one for the whole chain.
fn named(args: &Json) -> Option<NetUid> {
    args.get("netuid").and_then(subnet)
}
