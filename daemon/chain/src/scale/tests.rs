//! Types built by hand stand for a runtime's: read, shown as JSON, and written back.
#![expect(clippy::cast_possible_truncation, reason = "the derive of `Encode` casts the indices of variants")]

use std::collections::BTreeMap;

use btd_api::{AccountId, Alpha, NetUid, Tao};
use codec::{Compact, Decode, Encode};
use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};
use serde_json::json;

use super::{Mismatch, byte, compact, json, read, read::record, write};
use crate::{call::Call, value::Value};

/// A registry that holds `T`, and its id.
fn described<T: TypeInfo + 'static>() -> (PortableRegistry, u32) {
    let mut registry = Registry::new();
    let id = registry.register_type(&MetaType::new::<T>()).id;
    (registry.into(), id)
}

fn read_as<R: read::FromScale, T: Encode + TypeInfo + 'static>(value: &T) -> Result<R, Mismatch> {
    let (types, id) = described::<T>();
    read::whole(&value.encode(), id, &types)
}

fn shown<T: Encode + TypeInfo + 'static>(value: &T) -> serde_json::Value {
    let (types, id) = described::<T>();
    json::whole(&value.encode(), id, &types).unwrap()
}

fn written<T: TypeInfo + 'static>(value: impl Into<Value>) -> Result<Vec<u8>, String> {
    let (types, id) = described::<T>();
    let mut out = Vec::new();
    write::encode(&value.into(), id, &types, &mut out).map(|()| out).map_err(|m| m.to_string())
}

#[derive(Encode, TypeInfo)]
struct AccountId32([u8; 32]);

#[derive(Encode, TypeInfo)]
struct Wrapped<T>(T);

record! {
    /// What a reader wants to know of a neuron.
    #[derive(Debug, PartialEq)]
    struct Neuron {
        hotkey: AccountId,
        netuid: NetUid,
        stake: Alpha,
        name: String,
        bonds: Vec<(u16, u16)>,
        since: Option<u64>,
        burn: Tao = Tao::from_rao(7),
        active: bool,
    }
}

fn wanted() -> Neuron {
    Neuron {
        hotkey: AccountId([1; 32]),
        netuid: NetUid(3),
        stake: Alpha::from_rao(1 << 40),
        name: "τ".to_owned(),
        bonds: vec![(1, 2), (3, 4)],
        since: Some(9),
        burn: Tao::from_rao(7),
        active: true,
    }
}

/// Bare integers, as one runtime has them.
#[derive(Encode, TypeInfo)]
struct Plain {
    hotkey: AccountId32,
    netuid: u16,
    stake: u64,
    name: Vec<u8>,
    bonds: Vec<(u16, u16)>,
    since: Option<u64>,
    active: bool,
}

/// The same under another runtime: other order, compact and wrapped, wider and narrower, more fields.
#[derive(Encode, TypeInfo)]
struct Evolved {
    active: Wrapped<bool>,
    novelty: Vec<Option<Wrapped<u128>>>,
    bonds: Wrapped<Vec<(Compact<u16>, Wrapped<u32>)>>,
    #[codec(compact)]
    netuid: u16,
    name: Vec<Compact<u8>>,
    hotkey: Wrapped<AccountId32>,
    since: u32,
    stake: Compact<u128>,
}

/// Every field optional, as a selective answer has them.
#[derive(Encode, TypeInfo)]
#[expect(clippy::option_option, reason = "the runtime's selective answers are so")]
struct Selective {
    hotkey: Option<AccountId32>,
    netuid: Option<u8>,
    stake: Option<Compact<u64>>,
    name: Option<Vec<u8>>,
    bonds: Option<Vec<(u16, u16)>>,
    since: Option<Option<u64>>,
    burn: Option<u64>,
    active: Option<bool>,
}

fn evolved() -> Evolved {
    Evolved {
        active: Wrapped(true),
        novelty: vec![None, Some(Wrapped(5))],
        bonds: Wrapped(vec![(Compact(1), Wrapped(2)), (Compact(3), Wrapped(4))]),
        netuid: 3,
        name: "τ".bytes().map(Compact).collect(),
        hotkey: Wrapped(AccountId32([1; 32])),
        since: 9,
        stake: Compact(1 << 40),
    }
}

#[test]
fn a_record_is_read_whatever_the_runtime_made_of_it() {
    let plain = Plain {
        hotkey: AccountId32([1; 32]),
        netuid: 3,
        stake: 1 << 40,
        name: "τ".into(),
        bonds: vec![(1, 2), (3, 4)],
        since: Some(9),
        active: true,
    };
    assert_eq!(read_as::<Neuron, _>(&plain).unwrap(), wanted());
    assert_eq!(read_as::<Neuron, _>(&evolved()).unwrap(), wanted());
    assert_eq!(read_as::<Neuron, _>(&Wrapped(evolved())).unwrap(), wanted());
    let selective = Selective {
        hotkey: Some(AccountId32([1; 32])),
        netuid: Some(3),
        stake: Some(Compact(1 << 40)),
        name: Some("τ".into()),
        bonds: Some(vec![(1, 2), (3, 4)]),
        since: Some(Some(9)),
        burn: None,
        active: Some(true),
    };
    assert_eq!(read_as::<Neuron, _>(&selective).unwrap(), wanted());
    let absent = Selective { hotkey: None, since: Some(None), ..selective };
    assert!(read_as::<Neuron, _>(&absent).unwrap_err().to_string().contains("hotkey"));
}

#[test]
fn what_does_not_fit_is_named() {
    #[derive(Encode, TypeInfo)]
    struct TooWide {
        netuid: u32,
    }
    #[derive(Encode, TypeInfo)]
    struct Empty {}
    record! {
        #[derive(Debug)]
        struct Subnet { netuid: NetUid }
    }
    assert_eq!(
        read_as::<Subnet, _>(&TooWide { netuid: 65_536 }).unwrap_err().to_string(),
        "netuid: the number does not fit u16"
    );
    assert_eq!(read_as::<Subnet, _>(&TooWide { netuid: 65_535 }).unwrap().netuid, NetUid(65_535));
    assert!(read_as::<Subnet, _>(&Empty {}).unwrap_err().to_string().contains("has no field `netuid`"));
    assert!(read_as::<u64, _>(&"text".to_owned()).is_err());
    assert!(read_as::<bool, _>(&2u8).is_err());
    assert_eq!(read_as::<i64, _>(&-5i16).unwrap(), -5);
    assert!(read_as::<u64, _>(&-5i16).is_err());
}

/// As `parity-scale-codec` reads them: each length, and those that are not in their shortest form or cut off.
#[test]
fn compact_integers_are_read_as_the_codec_reads_them() {
    let same = |bytes: &[u8]| {
        let (mut ours, mut theirs) = (bytes, bytes);
        let told = compact(&mut ours).ok();
        let expected = Compact::<u128>::decode(&mut theirs).ok().map(|Compact(number)| number);
        assert_eq!(told, expected, "{bytes:02x?}");
        assert!(told.is_none() || ours == theirs, "{bytes:02x?}");
    };
    for power in 0..128 {
        for number in [1_u128 << power, (1 << power) - 1, (1 << power) + 1, u128::MAX >> power] {
            for behind in [&[][..], &[0xff; 20], &[0; 20]] {
                same(&[&Compact(number).encode(), behind].concat());
            }
        }
    }
    for first in 0..=u8::MAX {
        for length in 0..20 {
            for byte in [0, 1, 0x40, 0xff] {
                let mut bytes = vec![byte; length];
                same(&[&[first], bytes.as_slice()].concat());
                // The last one alone, wherever that is.
                for place in 0..length {
                    bytes.fill(0);
                    bytes[place] = byte;
                    same(&[&[first], bytes.as_slice()].concat());
                }
            }
        }
    }
}

/// What may be there is read as it is, however often, and whatever would be in it where nothing is.
#[test]
fn columns_of_what_may_be_there_are_read() {
    let column = vec![Some(7_u16), None, Some(9)];
    assert_eq!(read_as::<Vec<Option<u64>>, _>(&column), Ok(vec![Some(7), None, Some(9)]));
    assert_eq!(read_as::<Vec<Option<u64>>, _>(&vec![7_u16, 9]), Ok(vec![Some(7), Some(9)]));
    let nested = vec![Some(Some(7_u16)), None, Some(None)];
    assert_eq!(read_as::<Vec<Option<u64>>, _>(&nested), Ok(vec![Some(7), None, None]));
    let nothing: Vec<Option<String>> = vec![None, None];
    assert_eq!(read_as::<Vec<Option<u64>>, _>(&nothing), Ok(vec![None, None]));
    assert_eq!(read_as::<Vec<u64>, _>(&Vec::<String>::new()), Ok(vec![]));
    let text = vec![Some("text".to_owned())];
    assert!(read_as::<Vec<Option<u64>>, _>(&text).unwrap_err().to_string().starts_with("[0]: expected an integer"));
    let (types, id) = described::<Vec<Option<u16>>>();
    assert!(read::whole::<Vec<Option<u16>>>(&[4, 2], id, &types).is_err(), "2 is no option");
    let pairs = vec![(1_u8, Compact(2_u64)), (3, Compact(4))];
    assert_eq!(read_as::<Vec<(u16, Tao)>, _>(&pairs), Ok(vec![(1, Tao::from_rao(2)), (3, Tao::from_rao(4))]));
}

/// A stranger's bytes: cut off anywhere, or with a length that asks for the whole memory.
#[test]
fn broken_bytes_are_errors() {
    let (types, id) = described::<Evolved>();
    let bytes = evolved().encode();
    for end in 0..bytes.len() {
        assert!(read::whole::<Neuron>(&bytes[..end], id, &types).is_err(), "{end}");
        assert!(json::whole(&bytes[..end], id, &types).is_err(), "{end}");
    }
    let mut state = 1u64;
    for _ in 0..2_000 {
        let noise: Vec<u8> = (0..64)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.to_le_bytes()[7]
            })
            .collect();
        let _ = read::whole::<Neuron>(&noise, id, &types);
        let _ = json::whole(&noise, id, &types);
    }
    let huge = Compact(u32::MAX).encode();
    let (types, id) = described::<Vec<()>>();
    assert!(json::whole(&huge, id, &types).unwrap_err().to_string().contains("claims"));
    let (types, id) = described::<Vec<u64>>();
    assert!(read::whole::<Vec<u64>>(&huge, id, &types).is_err());
}

#[derive(Encode, TypeInfo)]
enum Mode {
    Off,
    Keep(u64),
    Pair(u8, bool),
    Only { subnets: Vec<u16> },
}

#[test]
fn json_follows_the_type() {
    let alice = AccountId([0xd4; 32]);
    assert_eq!(shown(&AccountId32(alice.0)), json!(alice.to_string()));
    assert_eq!(shown(&[7u8; 3]), json!("0x070707"));
    assert_eq!(shown(&vec![Compact(1u8), Compact(2)]), json!([1, 2]));
    assert_eq!(shown(&(5u32, 5u64, Compact(5u32), Compact(5u64), -5i128)), json!([5, "5", 5, "5", "-5"]));
    assert_eq!(shown(&(Some(1u8), None::<u8>)), json!([1, null]));
    assert_eq!(
        shown(&vec![Mode::Off, Mode::Keep(1), Mode::Pair(1, true), Mode::Only { subnets: vec![2] }]),
        json!(["Off", { "Keep": "1" }, { "Pair": [1, true] }, { "Only": { "subnets": [2] } }])
    );
    assert_eq!(shown(&Wrapped(Wrapped(u64::MAX))), json!("18446744073709551615"));
    assert_eq!(shown(&BTreeMap::from([(1u16, true)])), json!([[1, true]]));
}

/// What is shown can be given back: the JSON of a value encodes to the bytes it came from.
#[test]
fn json_is_written_back_to_the_same_bytes() {
    fn around<T: Encode + TypeInfo + 'static>(value: &T) {
        let json = shown(value);
        let again = written::<T>(Value::from_json(json.clone()).unwrap());
        assert_eq!(again.as_deref(), Ok(value.encode().as_slice()), "{json}");
    }
    around(&evolved());
    around(&(u8::MAX, u64::MAX, u128::MAX, i64::MIN, true));
    around(&(Compact(63u32), Compact(64u32), Compact(1u64 << 62), Compact(u128::MAX)));
    around(&vec![Mode::Off, Mode::Keep(u64::MAX), Mode::Pair(0, false), Mode::Only { subnets: vec![] }]);
    around(&(Some(3u8), None::<u8>, [1u16, 2], vec![0xffu8; 70]));
    around(&BTreeMap::from([(1u16, vec![1u8]), (2, vec![])]));
}

#[derive(Encode, TypeInfo)]
enum MultiAddress {
    Id(AccountId32),
    #[expect(dead_code, reason = "only its place in the enum matters")]
    Index(Compact<u32>),
}

#[test]
fn accounts_fit_wherever_an_account_is_wanted() {
    let alice = AccountId([0xd4; 32]);
    let bare = alice.0.to_vec();
    let address = MultiAddress::Id(AccountId32(alice.0)).encode();
    for value in [
        Value::from(alice),
        Value::Text(alice.to_string()),
        Value::Text(format!("0x{}", hex::encode(alice.0))),
        Value::Bytes(bare.clone()),
    ] {
        assert_eq!(written::<AccountId32>(value.clone()).as_ref(), Ok(&bare));
        assert_eq!(written::<MultiAddress>(value).as_ref(), Ok(&address));
    }
    assert!(
        written::<AccountId32>("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ").unwrap_err().contains("checksum")
    );
    assert!(written::<AccountId32>(Value::Bytes(vec![1; 31])).unwrap_err().contains("expected 32 bytes"));
}

#[test]
fn nothing_is_guessed_or_cut() {
    assert_eq!(written::<u16>(65_535u32), Ok(vec![255, 255]));
    assert!(written::<u16>(65_536u32).unwrap_err().contains("does not fit u16"));
    assert!(written::<Compact<u16>>(65_536u32).unwrap_err().contains("more than 65535"));
    assert!(written::<u64>(Value::Int(-1)).is_err());
    assert!(written::<u64>("1.5").unwrap_err().contains("not an integer"));
    assert!(written::<bool>(1u8).is_err());
    assert!(written::<Mode>("Sometimes").unwrap_err().contains("Off, Keep, Pair, Only"));
    assert!(written::<Mode>(Value::Variant("Keep".to_owned(), Box::new(Value::Null))).is_err());
    assert!(written::<[u16; 2]>([1u16, 2, 3].into_iter().collect::<Value>()).is_err());
    assert_eq!(written::<Vec<u8>>("no hex"), Ok(b"no hex".to_vec().encode()));
    assert!(written::<Vec<u8>>("0xzz").unwrap_err().contains("not hex"));
}

#[test]
fn a_call_inside_a_call_is_its_pallet_and_its_name() {
    #[derive(Encode, TypeInfo)]
    enum Balances {
        #[codec(index = 3)]
        #[expect(non_camel_case_types, reason = "calls are named so")]
        transfer_keep_alive { dest: MultiAddress, value: Compact<u64> },
    }
    #[derive(Encode, TypeInfo)]
    enum RuntimeCall {
        #[codec(index = 5)]
        Balances(Balances),
    }
    let dest = AccountId([2; 32]);
    let call = Call::new("Balances", "transfer_keep_alive").arg("dest", dest).arg("value", 9u8);
    let theirs = RuntimeCall::Balances(Balances::transfer_keep_alive {
        dest: MultiAddress::Id(AccountId32(dest.0)),
        value: Compact(9),
    });
    assert_eq!(written::<RuntimeCall>(call), Ok(theirs.encode()));
}

#[test]
fn only_what_takes_no_bytes_is_empty() {
    #[derive(TypeInfo)]
    struct Nothing;
    #[derive(TypeInfo)]
    struct Nested {
        _first: Nothing,
        _second: ((), [u8; 0]),
    }
    fn empty<T: TypeInfo + 'static>() -> bool {
        let (types, id) = described::<T>();
        super::is_empty(id, &types)
    }
    assert!(empty::<()>() && empty::<Nothing>() && empty::<Nested>());
    assert!(!empty::<u8>() && !empty::<Option<()>>() && !empty::<Vec<()>>());
}

#[test]
fn a_column_of_wide_values_that_are_a_byte_each_takes_no_memory_without_end() {
    let bytes = vec![0_u8; 1 << 20];
    let wide = |input: &mut &[u8]| byte(input, "a byte").map(|_| [0_u64; 64]);
    assert_eq!(read::each(&mut &bytes[..1 << 10], 1 << 10, wide).unwrap().len(), 1 << 10);
    let refused = read::each(&mut &*bytes, bytes.len(), wide).unwrap_err().to_string();
    assert!(refused.contains("1048576 values in a row"), "{refused}");
}
