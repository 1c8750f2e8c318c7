//! Storage of three generations: each item that is read has its key written, and what lies there read, with every runtime
//! that has it.

use std::{collections::BTreeSet, fs, path::Path};

use btd_api::{AccountId, Alpha, MechId, NetUid, Tao, Uid};
use frame_decode::storage::decode_storage_key_with_info;

use super::{generations, samples};
use crate::{
    runtime::Runtime,
    scale::{
        json,
        read::{self, FromScale},
        write,
    },
    value::Value,
    view::storage_index,
};

const OURS: &str = "SubtensorModule";
/// All specs, those before there were pools, and those since.
const ALL: &[u32] = &[103, 143, 425];
const BEFORE_POOLS: &[u32] = &[103, 143];
const SINCE_2024: &[u32] = &[143, 425];
const TODAY: &[u32] = &[425];

/// The items that were looked at.
#[derive(Default)]
struct Looked(BTreeSet<&'static str>);

/// The key of an item, whose parts are read back as what was given, if that is what it is made of.
fn key(runtime: &Runtime, (pallet, item): (&str, &str), keys: &[Value]) -> Vec<u8> {
    let info = runtime.storage_info(pallet, item).unwrap();
    let place = || format!("spec {}: {pallet}.{item}", runtime.spec_version());
    assert_eq!(keys.len(), info.keys.len(), "{}", place());
    let key = runtime.storage_key(pallet, item, &info, keys).unwrap_or_else(|problem| panic!("{}: {problem}", place()));
    let prefix = frame_decode::storage::encode_storage_key_prefix(pallet, item);
    assert_eq!(key[..prefix.len()], prefix, "{}", place());
    let mut rest = key.as_slice();
    let parts = decode_storage_key_with_info(&mut rest, &info, runtime.types()).unwrap();
    assert!(rest.is_empty() && parts.parts().count() == keys.len(), "{}", place());
    key
}

// === impl Looked ===

impl Looked {
    /// Writes the key of one of our items and reads samples of its values, and its default, as the type that a typed read
    /// wants, with every runtime that has it: those of `specs`.
    fn read<T: FromScale>(&mut self, item: &'static str, keys: &[Value], specs: &[u32]) {
        self.0.insert(item);
        let mut seen = Vec::new();
        for runtime in generations() {
            let Ok(info) = runtime.storage_info(OURS, item) else { continue };
            seen.push(runtime.spec_version());
            key(&runtime, (OURS, item), keys);
            let mut values: Vec<Vec<u8>> = samples(info.value_id, runtime.types()).collect();
            assert!(!values.is_empty(), "{item}");
            values.extend(info.default_value.as_deref().map(<[u8]>::to_vec));
            for bytes in values {
                let read = read::whole::<T>(&bytes, info.value_id, runtime.types());
                read.unwrap_or_else(|problem| panic!("spec {}: {OURS}.{item}: {problem}", runtime.spec_version()));
            }
        }
        seen.dedup();
        assert_eq!(seen, specs, "{OURS}.{item}");
    }
}

#[test]
fn every_typed_storage_read_has_its_key_and_its_value_in_each_generation_that_has_it() {
    let mut looked = Looked::default();
    let netuid = [Value::from(NetUid(7))];
    let mechanism = [storage_index(NetUid(7), MechId(0))];
    let account = Value::from(AccountId([9; 32]));
    let [hotkey, coldkey] = [[account.clone()], [account.clone()]];
    looked.read::<bool>("NetworksAdded", &netuid, ALL);
    looked.read::<Uid>("Uids", &[netuid[0].clone(), account.clone()], ALL);
    looked.read::<Tao>("Burn", &netuid, ALL);
    looked.read::<Vec<u16>>("ValidatorTrust", &netuid, ALL);
    looked.read::<Vec<(Uid, u16)>>("Weights", &[mechanism[0].clone(), 3_u16.into()], ALL);
    looked.read::<Vec<(Uid, u16)>>("Bonds", &[mechanism[0].clone(), 3_u16.into()], ALL);
    looked.read::<Vec<u64>>("LastUpdate", &mechanism, ALL);
    looked.read::<AccountId>("Owner", &hotkey, ALL);
    looked.read::<Vec<AccountId>>("StakingHotkeys", &coldkey, TODAY);
    looked.read::<Vec<(u64, AccountId)>>("ChildKeys", &[account, netuid[0].clone()], TODAY);
    looked.read::<u64>("BlockAtRegistration", &[netuid[0].clone(), 3_u16.into()], ALL);
    // The marks of a subnet.
    looked.read::<u16>("SubnetworkN", &netuid, ALL);
    looked.read::<u16>("MaxAllowedUids", &netuid, ALL);
    looked.read::<bool>("NetworkRegistrationAllowed", &netuid, SINCE_2024);
    looked.read::<u8>("MechanismCountCurrent", &netuid, TODAY);
    looked.read::<u64>("BlocksSinceLastStep", &netuid, ALL);
    looked.read::<(u64, i128)>("SubnetEmaTaoFlow", &netuid, TODAY);
    looked.read::<u16>("Tempo", &netuid, ALL);
    looked.read::<AccountId>("SubnetOwner", &netuid, SINCE_2024);
    // What pools hold, which once was the price.
    looked.read::<Tao>("SubnetTAO", &netuid, TODAY);
    looked.read::<Alpha>("SubnetAlphaIn", &netuid, TODAY);
    // What a metagraph of old is put together from besides.
    looked.read::<bool>("NetworkPowRegistrationAllowed", &netuid, SINCE_2024);
    looked.read::<u64>("NetworkRegisteredAt", &netuid, SINCE_2024);
    looked.read::<u64>("EmissionValues", &netuid, BEFORE_POOLS);
    looked.read::<u16>("ImmunityPeriod", &netuid, ALL);
    looked.read::<u16>("Kappa", &netuid, ALL);
    looked.read::<u16>("Rho", &netuid, ALL);
    looked.read::<u64>("Difficulty", &netuid, ALL);
    looked.read::<u16>("MaxAllowedValidators", &netuid, ALL);
    // Read as a column of the metagraph where there is no other.
    looked.read::<Vec<bool>>("ValidatorPermit", &netuid, ALL);
    looked.read::<Vec<Alpha>>("Emission", &netuid, ALL);
    let unseen: Vec<_> = items_named_by_views().into_iter().filter(|item| !looked.0.contains(item.as_str())).collect();
    assert!(unseen.is_empty(), "read, and not looked at here: {unseen:?}");
}

/// The items of our pallet that the typed reads name, of whichever generation.
fn items_named_by_views() -> BTreeSet<String> {
    let known: BTreeSet<String> = generations()
        .iter()
        .flat_map(|runtime| {
            let storage = runtime.metadata().pallet_by_name(OURS).unwrap().storage().unwrap();
            storage.entries().iter().map(|entry| entry.name().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let named = named_by_views(&known);
    assert!(named.len() > 20, "{named:?}");
    named
}

/// Those of the `known` names that the typed reads have in their code.
pub(super) fn named_by_views(known: &BTreeSet<String>) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/view")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            named.extend(code.split('"').map(str::to_owned).filter(|word| known.contains(word)));
        }
    }
    named
}

/// Whoever names an item and its keys reaches it: keys that are told as JSON are written as the bytes that they were.
#[test]
fn the_key_of_every_item_is_written_from_what_its_parts_are_told_as() {
    for runtime in generations() {
        let types = runtime.types();
        let mut items = 0;
        for pallet in runtime.metadata().pallets() {
            for entry in pallet.storage().map_or(&[][..], |storage| storage.entries()) {
                let (name, info) = (entry.name(), runtime.storage_info(pallet.name(), entry.name()).unwrap());
                items += 1;
                let parts: Vec<Vec<Vec<u8>>> =
                    info.keys.iter().map(|key| samples(key.key_id, types).collect()).collect();
                let tried = parts.iter().map(Vec::len).min().unwrap_or(1);
                for sample in 0..tried {
                    let given: Vec<&Vec<u8>> = parts.iter().map(|samples| &samples[sample]).collect();
                    let told = given
                        .iter()
                        .zip(info.keys.iter())
                        .map(|(bytes, key)| Value::from_json(json::whole(bytes, key.key_id, types).unwrap()).unwrap());
                    let written = key(&runtime, (pallet.name(), name), &told.collect::<Vec<_>>());
                    let found = decode_storage_key_with_info(&mut written.as_slice(), &info, types).unwrap();
                    for (part, bytes) in found.parts().zip(given) {
                        // Of one that is hashed one way there is the hash alone.
                        let Some(value) = part.value() else { continue };
                        assert_eq!(written[value.range()], **bytes, "{}.{name}", pallet.name());
                    }
                }
            }
        }
        assert!(items > 100, "spec {} has {items} items", runtime.spec_version());
    }
}

#[test]
fn netuids_are_told_in_every_generation() {
    for runtime in generations() {
        let info = runtime.storage_info(OURS, "NetworksAdded").unwrap();
        let key = key(&runtime, (OURS, "NetworksAdded"), &[NetUid(7).into()]);
        assert_eq!(key[32..], [7, 0]);
        let mut bytes = Vec::new();
        write::encode(&NetUid(7).into(), info.keys[0].key_id, runtime.types(), &mut bytes).unwrap();
        assert_eq!(bytes, [7, 0]);
    }
}
