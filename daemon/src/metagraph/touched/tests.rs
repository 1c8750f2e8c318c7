//! Events made by hand, and every event that the real pallet_subtensor has.

use btd_chain::{DecodedCall, ExtrinsicHash};
use serde_json::json;

use super::*;

const OURS: &str = "SubtensorModule";
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

fn touched(pallet: &str, name: &str, fields: Json) -> Touched {
    Touched::by(&[event(pallet, name, fields, &[])])
}

/// An event whose fields of the type of a netuid hold these.
fn event(pallet: &str, name: &str, fields: Json, subnets: &[u16]) -> Event {
    let subnets = subnets.iter().copied().map(NetUid).collect();
    Event { pallet: pallet.to_owned(), name: name.to_owned(), fields, subnets, extrinsic: None }
}

fn subnets(netuids: &[u16], extent: &Extent) -> Touched {
    let subnets = netuids.iter().map(|netuid| (NetUid(*netuid), extent.clone())).collect();
    Touched { subnets, ..Touched::default() }
}

#[test]
fn events_name_the_subnets_and_the_parts_that_they_touch() {
    let stake = Extent::part(Part::Stake);
    let updated = Extent::part(Part::LastUpdate);
    let ours = |name, fields| touched(OURS, name, fields);
    assert_eq!(ours("NeuronRegistered", json!([3, 7, ALICE])), subnets(&[3], &Extent::Whole));
    assert_eq!(ours("NetworkAdded", json!([9, 1])), subnets(&[9], &Extent::Whole));
    assert_eq!(ours("AxonServed", json!([3, ALICE])), subnets(&[3], &Extent::part(Part::Axons)));
    assert_eq!(ours("WeightsSet", json!([5, 1])), subnets(&[5], &updated));
    assert_eq!(ours("WeightsSet", json!([4096 + 5, 1])), subnets(&[5], &Extent::part(Part::Mechanisms)));
    assert_eq!(ours("WeightsCommitted", json!([ALICE, 6, "0x00"])), subnets(&[6], &updated));
    assert_eq!(ours("BatchWeightsCompleted", json!([[1, 2], ALICE])), subnets(&[1, 2], &updated));
    assert_eq!(ours("StakeAdded", json!([ALICE, BOB, "1", "2", 8, "0"])), subnets(&[8], &stake));
    assert_eq!(ours("StakeMoved", json!([ALICE, BOB, 1, BOB, 2, "5"])), subnets(&[1, 2], &stake));
    assert_eq!(ours("SetChildren", json!([ALICE, 4, []])), subnets(&[4], &stake));
    let fee = json!({ "who": ALICE, "netuid": 4, "alpha_fee": "1", "tao_amount": "1" });
    assert_eq!(ours("TransactionFeePaidWithAlpha", fee), subnets(&[4], &stake));
    let epoch = |index: u16| json!({ "netuid": index, "emissions": [] });
    assert_eq!(ours("IncentiveAlphaEmittedToMiners", epoch(5)), subnets(&[5], &Extent::Whole));
    assert_eq!(ours("IncentiveAlphaEmittedToMiners", epoch(4096 + 5)), subnets(&[5], &Extent::Whole));
    assert_eq!(touched("AdminUtils", "BondsResetToggled", json!({ "netuid": 5 })), subnets(&[5], &Extent::Whole));
}

/// An extrinsic that makes this call.
fn extrinsic(pallet: &str, call: &str, args: Json) -> Extrinsic {
    let call = DecodedCall { pallet: pallet.to_owned(), call: call.to_owned(), args };
    let hash = ExtrinsicHash::of(b"it");
    Extrinsic { index: 0, hash, signer: None, call: Some(call), result: None, fee: None }
}

#[test]
fn what_is_set_touches_the_settings_alone_also_where_a_call_alone_says_so() {
    let settings = |netuids: &[u16]| subnets(netuids, &Extent::part(Part::Settings));
    assert_eq!(touched(OURS, "TempoSet", json!([4, 360])), settings(&[4]));
    assert_eq!(touched(OURS, "KappaSet", json!([4, 360])), settings(&[4]));
    assert_eq!(touched(OURS, "BurnHalfLifeSet", json!({ "netuid": 4, "burn_half_life": 7 })), settings(&[4]));
    let called = |pallet, call, args| Touched::default().and_by(&[extrinsic(pallet, call, args)]);
    let set = json!({ "netuid": 5, "rho": 7 });
    assert_eq!(called("AdminUtils", "sudo_set_rho", set.clone()), settings(&[5]));
    // However deep it lies in others.
    let inner = json!({ "AdminUtils": { "sudo_set_rho": set } });
    assert_eq!(called("Proxy", "proxy", json!({ "real": ALICE, "call": inner })), settings(&[5]));
    let batch = json!({ "calls": [{ "Utility": { "batch": { "calls": [inner, inner] } } }] });
    assert_eq!(called("Utility", "batch_all", batch), settings(&[5]));
    let staked = json!({ "hotkey": ALICE, "netuid": 5, "amount_staked": "1" });
    assert_eq!(called(OURS, "add_stake", staked), Touched::default());
}

#[test]
fn figures_of_the_list_touch_no_neuron_and_are_named_all_the_same() {
    for (name, fields, netuid) in [
        ("BurnSet", json!([4, "360"]), 4),
        ("SymbolUpdated", json!({ "netuid": 2, "symbol": "0x00" }), 2),
        ("NetworkRemoved", json!([9]), 9),
        ("SetChildrenScheduled", json!([ALICE, 1, "7", []]), 1),
    ] {
        let event = event(OURS, name, fields, &[]);
        assert_eq!(named_by(&event), BTreeSet::from([NetUid(netuid)]), "{name}");
        assert!(Touched::by(&[event]).is_nothing(), "{name}");
    }
}

#[test]
fn what_concerns_a_key_concerns_wherever_it_is() {
    let bob: AccountId = BOB.parse().unwrap();
    let root = touched(OURS, "StakeAdded", json!([ALICE, BOB, "1", "2", 0, "0"]));
    assert_eq!(root.subnets.keys().collect::<Vec<_>>(), [&NetUid(0)]);
    assert_eq!(root.rooted, BTreeSet::from([bob]));
    let of_old = touched(OURS, "StakeAdded", json!([BOB, "1"]));
    assert_eq!(of_old, Touched { rooted: BTreeSet::from([bob]), ..Touched::default() });
    let swapped = json!({ "coldkey": ALICE, "old_hotkey": BOB, "new_hotkey": ALICE });
    let swapped = touched(OURS, "HotkeySwapped", swapped);
    assert_eq!((swapped.accounts.len(), swapped.rooted.len()), (2, 2));
    let named = touched(OURS, "ChainIdentitySet", json!([BOB]));
    assert_eq!(named.accounts, BTreeMap::from([(bob, Extent::part(Part::Identities))]));
    // What root's stake weighs is in everybody's, wherever that is.
    assert_eq!(touched(OURS, "TaoWeightSet", json!(["7"])), Touched { all: true, ..Touched::default() });
    let claimed = touched(OURS, "RootClaimed", json!({ "coldkey": BOB }));
    assert_eq!(claimed, Touched { claimed: BTreeSet::from([bob]), ..Touched::default() });
}

#[test]
fn what_changes_no_metagraph_costs_nothing() {
    for (pallet, name, fields) in [
        ("Balances", "Transfer", json!({ "from": ALICE, "to": BOB, "amount": "1" })),
        ("System", "ExtrinsicSuccess", json!({ "dispatch_info": {} })),
        (OURS, "Faucet", json!([ALICE, "1"])),
        (OURS, "TakeIncreased", json!([ALICE, BOB, 1])),
        (OURS, "ChildKeyTakeSet", json!([ALICE, 1])),
        (OURS, "TxRateLimitSet", json!(["1"])),
        (OURS, "ColdkeySwapAnnounced", json!({ "who": ALICE, "new_coldkey_hash": "0x00" })),
    ] {
        assert!(touched(pallet, name, fields).is_nothing(), "{name}");
    }
}

#[test]
fn extents_add_up_to_the_larger() {
    let mut extent = Extent::nothing();
    assert!(extent.is_nothing());
    extent.add(Extent::part(Part::Stake));
    extent.add(Extent::part(Part::Axons));
    assert_eq!(extent, Extent::Parts(BTreeSet::from([Part::Stake, Part::Axons])));
    extent.add(Extent::Whole);
    extent.add(Extent::part(Part::Axons));
    assert!(extent == Extent::Whole && extent.has_stake());
}

#[test]
fn what_is_not_known_changes_every_subnet_that_it_may_name() {
    let unknown = |fields: Json, typed: &[u16]| Touched::by(&[event(OURS, "FromTomorrow", fields, typed)]);
    let whole = |netuids: &[u16]| subnets(netuids, &Extent::Whole);
    assert_eq!(unknown(json!({ "netuid": 5 }), &[]), whole(&[5]));
    assert_eq!(unknown(json!({ "netuid": 4096 + 5, "target_netuid": 6, "count": 7 }), &[]), whole(&[5, 6]));
    assert_eq!(unknown(json!({ "who": ALICE, "order": { "netuids": [5, 6] } }), &[]), whole(&[5, 6]));
    assert_eq!(unknown(json!({ "who": ALICE, "subnet": 8 }), &[8]), whole(&[8]), "its type alone tells");
    assert_eq!(unknown(json!([ALICE, 5, 7]), &[5]), whole(&[5]), "the other is none by its type");
    // Where types tell nothing, any number may be one, but the larger.
    assert_eq!(unknown(json!([ALICE, 5, 7, "9", 70_000]), &[]), whole(&[5, 7]));
    assert_eq!(unknown(json!([5, 1]), &[]), whole(&[1, 5]));
    let all = Touched { all: true, ..Touched::default() };
    for fields in [json!([]), json!([ALICE]), json!([ALICE, "5"]), json!({ "who": ALICE, "amount": "5" }), json!("0x")]
    {
        assert_eq!(unknown(fields.clone(), &[]), all, "{fields}");
    }
    // What is a figure by its name is one of the subnet that it begins with, or of the chain.
    assert!(touched(OURS, "SomethingSet", json!([ALICE, 5, "1"])) == whole(&[5]), "it begins with no subnet");
    assert!(touched(OURS, "SomethingSet", json!([5])).subnets.is_empty());
    assert_eq!(
        Touched::by(&[event(OURS, "SomethingSet", json!([5]), &[5])]),
        subnets(&[5], &Extent::part(Part::Settings))
    );
    assert_eq!(touched(OURS, "Sudid", json!([{ "Ok": [] }])), all);
}

/// Stake goes from hotkey to hotkey without a word of pallet_subtensor's when a batch of orders nets out.
#[test]
fn what_names_a_subnet_in_another_pallet_changes_its_stake() {
    let stake = |netuids: &[u16]| subnets(netuids, &Extent::part(Part::Stake));
    let executed = json!({
        "order_id": "0x00", "signer": ALICE, "netuid": 7, "order_type": "LimitBuy", "amount_in": "5", "amount_out": "4",
    });
    assert_eq!(touched("LimitOrders", "OrderExecuted", executed), stake(&[7]));
    let summary = json!({ "netuid": 7, "net_side": "Buy", "net_amount": "0", "actual_out": "0", "executed_count": 2 });
    assert_eq!(touched("LimitOrders", "GroupExecutionSummary", summary), stake(&[7]));
    let order = json!({ "order": { "netuid": 4, "signer": ALICE } });
    assert_eq!(touched("FromTomorrow", "Anything", order), stake(&[4]));
    assert_eq!(Touched::by(&[event("FromTomorrow", "Anything", json!([ALICE, 4, 9]), &[4])]), stake(&[4]));
    // Stake on root counts wherever the hotkey is, and it may be the coldkey that is told.
    let alice: AccountId = ALICE.parse().unwrap();
    let root = touched("FromTomorrow", "Anything", json!({ "netuid": 0, "who": ALICE }));
    let (rooted, claimed) = (BTreeSet::from([alice]), BTreeSet::from([alice]));
    assert_eq!(root, Touched { rooted, claimed, ..stake(&[0]) });
    assert_eq!(touched("FromTomorrow", "Anything", json!({ "netuid": 0 })), Touched { all: true, ..stake(&[0]) });
    for (pallet, name, fields) in [
        ("Commitments", "Commitment", json!({ "netuid": 7, "who": ALICE })),
        ("Commitments", "TimelockCommitment", json!({ "netuid": 7, "who": ALICE, "reveal_round": "5" })),
        ("Swap", "FeeRateSet", json!({ "netuid": 7, "rate": 5 })),
    ] {
        assert_eq!(touched(pallet, name, fields), subnets(&[7], &Extent::nothing()), "harmless: {name}");
    }
    for (pallet, name, fields) in [
        ("LimitOrders", "OrderCancelled", json!({ "order_id": "0x00", "signer": ALICE })),
        ("Proxy", "ProxyExecuted", json!({ "result": { "Ok": [] } })),
        ("Drand", "NewPulse", json!({ "rounds": ["5"] })),
    ] {
        assert_eq!(touched(pallet, name, fields), Touched::default(), "it names none: {name}");
    }
}

/// A field of an event as the runtime's source types it, made up.
fn sample(ty: &str) -> Json {
    match ty {
        "AccountId" => json!(ALICE),
        "NetUid" | "NetUidStorageIndex" => json!(5),
        "u8" | "u16" | "i16" | "u32" | "LeaseId" => json!(17),
        "bool" => json!(true),
        "RootClaimTypeEnum" => json!("Swap"),
        "DispatchResult" => json!({ "Ok": [] }),
        "Vec<Compact<NetUid>>" => json!([5]),
        vec if vec.starts_with("Vec<") => json!([]),
        option if option.starts_with("Option<") => Json::Null,
        _ => json!("123"),
    }
}

#[test]
fn every_event_of_the_real_pallet_is_known() {
    let events = include_str!("../../../../tests/vectors/subtensor-events-425.txt");
    assert_eq!(events.lines().count(), 137);
    for line in events.lines() {
        let (name, fields) = line.strip_suffix(')').and_then(|line| line.split_once('(')).unwrap();
        // None has a comma inside a field but a list of pairs.
        let fields = fields.replace("(u64, AccountId)", "Pair");
        let fields: Vec<&str> = fields.split(", ").filter(|field| !field.is_empty()).collect();
        let are_named = fields.iter().any(|field| field.contains(": "));
        let values = if are_named {
            let named = fields.iter().map(|field| field.split_once(": ").unwrap());
            named.map(|(name, ty)| (name.to_owned(), sample(ty))).collect::<Map<_, _>>().into()
        } else {
            fields.iter().map(|ty| sample(ty)).collect::<Vec<_>>().into()
        };
        let expected = match name {
            // It says of neither number what that is.
            "BulkNeuronsRegistered" => vec![17],
            _ if line.contains("NetUid") => vec![5],
            _ => vec![],
        };
        // As a runtime tells it that has no such type, so that what is not known by name takes 17 for a subnet.
        let event = event(OURS, name, values, &[]);
        let touched = Touched::by(std::slice::from_ref(&event));
        assert_eq!(touched.all, name == "Sudid", "{line}");
        let named: Vec<u16> = touched.subnets.keys().map(|netuid| netuid.0).collect();
        assert_eq!(named, expected, "{line}");
    }
}
