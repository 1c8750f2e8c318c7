//! Which subnets an event names, as the metadata writes the types of its fields.
//!
//! A netuid is a plain number in the type registry. That it is one, only the name of the field's type tells, as the
//! runtime's source has it: `NetUid`, `NetUidStorageIndex`, `Vec<Compact<NetUid>>`. Runtimes before that type was there
//! tell nothing.

use std::collections::BTreeSet;

use btd_api::NetUid;
use scale_info::{Field, form::PortableForm};
use serde_json::Value as Json;

/// Storage indices of mechanisms: `mechid * 4096 + netuid` (`GLOBAL_MAX_SUBNET_COUNT`).
const SUBNETS_PER_MECHANISM: u64 = 4096;

/// The subnets in those of the `fields` whose type is a netuid, or is made of netuids.
pub(super) fn named(fields: &Json, of: &[Field<PortableForm>]) -> BTreeSet<NetUid> {
    let mut found = BTreeSet::new();
    for (index, field) in of.iter().enumerate() {
        if !field.type_name.as_ref().is_some_and(|name| name.contains("NetUid")) {
            continue;
        }
        let value = match &field.name {
            Some(name) => fields.get(name),
            None => fields.get(index),
        };
        if let Some(value) = value {
            collect(value, &mut found);
        }
    }
    found
}

fn collect(value: &Json, found: &mut BTreeSet<NetUid>) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
        value => {
            let number = value.as_u64().map(|index| index % SUBNETS_PER_MECHANISM);
            found.extend(number.and_then(|number| u16::try_from(number).ok()).map(NetUid));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{generations::generations, runtime::Runtime};

    fn of(runtime: &Runtime, pallet: &str, event: &str, fields: &Json) -> Vec<u16> {
        let pallet = runtime.metadata().pallet_by_name(pallet).unwrap();
        let variant = pallet.event_variants().unwrap().iter().find(|variant| variant.name == event).unwrap();
        named(fields, &variant.fields).into_iter().map(|netuid| netuid.0).collect()
    }

    #[test]
    fn netuids_are_known_by_the_names_of_their_types() {
        let [old, _, newer @ ..] = generations();
        for runtime in newer {
            let of = |event: &str, fields: Json| of(&runtime, "SubtensorModule", event, &fields);
            assert_eq!(of("StakeMoved", json!(["5A", "5B", 1, "5C", 2, "9"])), [1, 2]);
            assert_eq!(of("NeuronRegistered", json!([3, 7, "5A"])), [3], "the other is a uid");
            assert_eq!(of("TimelockedWeightsCommitted", json!(["5A", 4096 + 5, "0x00", "9"])), [5]);
            assert_eq!(of("BatchWeightsCompleted", json!([[4, 1], "5A"])), [1, 4]);
            assert_eq!(of("HotkeySwappedOnSubnet", json!({ "coldkey": "5A", "netuid": 6 })), [6]);
            assert_eq!(of("ChildKeyTakeSet", json!(["5A", 5])), [0; 0]);
        }
        assert_eq!(of(&old, "SubtensorModule", "NeuronRegistered", &json!([3, 7, "5A"])), [0; 0], "plain numbers");
    }
}
