//! Reads at one block: balances, subnets, metagraph, hyperparameters, stake, and anything by name.

use btd_api::{AccountId, BlockNumber, MechId, NetUid, Tao, Uid};
use btd_chain::{
    Call, Generation, HyperValue, Item, Link, LinkState, PrepareOptions, ReadError, Sign, Tracked, Value, storage_index,
};
use codec::Encode;
use serde_json::json;

use crate::{
    Key, chain, config,
    faulty::{FaultyNode, Reaction},
    follow, in_time, live, until,
};

/// Signs, submits and waits for success.
async fn land(link: &Link, call: Call, key: &Key) {
    let prepared = link.prepare(&call, key.account(), PrepareOptions::default()).await.unwrap();
    let signed = prepared.sign(key).await.unwrap();
    link.submit(&signed).await.unwrap();
    let fate = in_time(link.track(signed.hash, prepared.at.number, signed.era_end())).await.unwrap();
    assert!(matches!(&fate, Tracked::Included(inclusion) if inclusion.result.is_ok()), "{fate:?}");
}

fn register(hotkey: AccountId) -> Call {
    Call::new("SubtensorModule", "burned_register").arg("netuid", NetUid(1)).arg("hotkey", hotkey)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_stays_at_its_block() {
    let (_devnet, followed) = live().await;
    let link = &followed.link;
    let (alice, eve) = (Key::named("Alice"), Key::named("Eve").account());
    let before = link.view().unwrap();
    land(link, Call::new("Balances", "transfer_all").arg("dest", eve).arg("keep_alive", true), &alice).await;
    let after = link.view().unwrap();
    assert_eq!(before.balance(alice.account()).await.unwrap().free.to_string(), "1000000.000000000");
    assert_eq!(after.balance(alice.account()).await.unwrap().free, after.existential_deposit().unwrap());
    assert_eq!(after.existential_deposit().unwrap(), Tao::from_rao(500));
    let again = link.view_at(before.block().hash).await.unwrap();
    assert_eq!(again.block(), before.block());
    assert_eq!(again.balance(eve).await.unwrap(), before.balance(eve).await.unwrap());
    assert_eq!(after.balance(AccountId([9; 32])).await.unwrap(), btd_chain::Balance::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_genesis_has_root_and_one_subnet() {
    let (_devnet, followed) = live().await;
    let view = followed.link.view().unwrap();
    assert_eq!(view.netuids().await.unwrap(), [NetUid(0), NetUid(1)]);
    let subnets = view.subnets().await.unwrap();
    assert_eq!(subnets.iter().map(|entry| entry.netuid).collect::<Vec<_>>(), [NetUid(0), NetUid(1)]);
    let dynamic = subnets[1].dynamic.as_ref().unwrap();
    assert_eq!(view.dynamic_info(NetUid(1)).await.unwrap().as_ref(), Some(dynamic));
    assert_eq!((dynamic.tempo, dynamic.tao_in), (100, Tao::from_rao(10_000_000_000)));
    assert!(subnets[1].price.is_some());
    assert_eq!(subnets[1].price, view.price(NetUid(1)).await.unwrap());
    assert_eq!(view.dynamic_info(NetUid(9)).await.unwrap(), None);
    assert!(view.subnet_exists(NetUid(1)).await.unwrap());
    assert!(!view.subnet_exists(NetUid(9)).await.unwrap());
    assert!(view.network_registration_cost().await.unwrap() > Tao::ZERO);
    assert!(view.registration_cost(NetUid(1)).await.unwrap() > Tao::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metagraph_has_every_column() {
    let (_devnet, followed) = live().await;
    let (link, alice) = (&followed.link, Key::named("Alice"));
    let before = link.view().unwrap().metagraph(NetUid(1)).await.unwrap().unwrap();
    let hotkey = Key::named("Alice//hotkey");
    land(link, register(hotkey.account()), &alice).await;
    let serve = Call::new("SubtensorModule", "serve_axon")
        .arg("netuid", NetUid(1))
        .arg("version", 7u32)
        .arg("ip", 0xcb00_7107u32)
        .arg("port", 8091u16)
        .arg("ip_type", 4u8)
        .arg("protocol", 4u8)
        .arg("placeholder1", 0u8)
        .arg("placeholder2", 0u8);
    // A hotkey pays nothing to serve, and need not own anything.
    land(link, serve, &hotkey).await;

    let view = link.view().unwrap();
    let metagraph = view.metagraph(NetUid(1)).await.unwrap().unwrap();
    assert_eq!((metagraph.block, metagraph.netuid, metagraph.mechid), (view.block(), NetUid(1), MechId(0)));
    let fields = &metagraph.fields;
    let n = usize::from(before.fields.num_uids) + 1;
    assert_eq!(usize::from(fields.num_uids), n);
    assert_eq!(fields.hotkeys.len(), n);
    let uid = view.uid(NetUid(1), hotkey.account()).await.unwrap().unwrap();
    assert_eq!(usize::from(uid.0), n - 1);
    let slot = usize::from(uid.0);
    assert_eq!((fields.hotkeys[slot], fields.coldkeys[slot]), (hotkey.account(), alice.account()));
    let axon = fields.axons[slot];
    assert_eq!((axon.ip, axon.port, axon.version, axon.ip_type), (0xcb00_7107, 8091, 7, 4));
    for (column, length) in [
        ("coldkeys", fields.coldkeys.len()),
        ("axons", fields.axons.len()),
        ("identities", fields.identities.len()),
        ("active", fields.active.len()),
        ("validator_permit", fields.validator_permit.len()),
        ("last_update", fields.last_update.len()),
        ("emission", fields.emission.len()),
        ("dividends", fields.dividends.len()),
        ("incentives", fields.incentives.len()),
        ("consensus", fields.consensus.len()),
        ("block_at_registration", fields.block_at_registration.len()),
        ("alpha_stake", fields.alpha_stake.len()),
        ("tao_stake", fields.tao_stake.len()),
        ("total_stake", fields.total_stake.len()),
        ("validator_trust", metagraph.validator_trust.len()),
    ] {
        assert_eq!(length, n, "{column}");
    }
    assert_eq!(fields.block, u64::from(view.block().number.0));
    assert!(metagraph.price.is_some());
    assert_eq!(view.metagraph(NetUid(9)).await.unwrap(), None);
    assert_eq!(view.weights(NetUid(1), MechId(0)).await.unwrap(), []);
    assert_eq!(view.bonds(NetUid(1), MechId(0)).await.unwrap(), []);
    // The view of before the registration still answers as it did.
    assert_eq!(link.view_at(before.block.hash).await.unwrap().metagraph(NetUid(1)).await.unwrap(), Some(before));
}

/// Each mechanism has weights, bonds, incentives and last updates of its own, and the neurons are those
/// of the subnet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mechanisms_have_their_own_weights_and_bonds() {
    let (devnet, followed) = live().await;
    let link = &followed.link;
    land(link, register(Key::named("Alice//hotkey").account()), &Key::named("Alice")).await;
    let view = link.view().unwrap();
    let (netuid, second) = (NetUid(1), MechId(1));
    let address = |item: &str, keys: &[Value]| view.storage_address("SubtensorModule", item, keys).unwrap();
    let of = |mechid| storage_index(netuid, mechid);
    let row = |item: &str, mechid, uid: u16, row: Vec<(u16, u16)>| {
        (address(item, &[of(mechid), uid.into()]), Some(row.encode()))
    };
    devnet
        .control()
        .set_storage(vec![
            (address("MechanismCountCurrent", &[netuid.into()]), Some(vec![2])),
            row("Weights", MechId(0), 0, vec![(1, 100)]),
            row("Weights", second, 0, vec![(0, 7), (1, 65_535)]),
            row("Weights", second, 1, vec![(0, 9)]),
            row("Bonds", second, 1, vec![(0, 65_535), (1, 3)]),
            (address("Incentive", &[of(second)]), Some(vec![11_u16, 22].encode())),
            (address("LastUpdate", &[of(second)]), Some(vec![5_u64, 6].encode())),
        ])
        .await
        .unwrap();
    let number = devnet.head().number;
    until(link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 >= number)).await;
    let view = link.view().unwrap();
    let uid = |(uid, row): (Uid, Vec<(Uid, u16)>)| (uid.0, row.into_iter().map(|(to, value)| (to.0, value)).collect());
    let rows = |rows: Vec<btd_chain::Row>| rows.into_iter().map(uid).collect::<Vec<(u16, Vec<(u16, u16)>)>>();
    assert_eq!(rows(view.weights(netuid, MechId(0)).await.unwrap()), [(0, vec![(1, 100)])]);
    assert_eq!(rows(view.weights(netuid, second).await.unwrap()), [(0, vec![(0, 7), (1, 65_535)]), (1, vec![(0, 9)])]);
    assert_eq!(rows(view.bonds(netuid, MechId(0)).await.unwrap()), []);
    assert_eq!(rows(view.bonds(netuid, second).await.unwrap()), [(1, vec![(0, 65_535), (1, 3)])]);
    assert_eq!(view.mechanisms(netuid).await.unwrap(), 2);
    let first = view.metagraph(netuid).await.unwrap().unwrap();
    let other = view.mechagraph(netuid, second).await.unwrap().unwrap();
    assert_eq!((other.netuid, other.mechid), (netuid, second));
    assert_eq!((other.fields.incentives.as_slice(), other.fields.last_update.as_slice()), (&[11, 22][..], &[5, 6][..]));
    assert_ne!(first.fields.incentives, other.fields.incentives);
    assert_eq!((first.fields.hotkeys, first.fields.total_stake), (other.fields.hotkeys, other.fields.total_stake));
    assert_eq!(view.mechagraph(netuid, MechId(2)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hyperparameters_come_by_name() {
    let (_devnet, followed) = live().await;
    let view = followed.link.view().unwrap();
    let parameters = view.hyperparameters(NetUid(1)).await.unwrap().unwrap();
    assert_eq!(parameters.generation, Generation::V3);
    assert_eq!(parameters.get("tempo"), Some(&HyperValue::Unsigned(100)));
    assert!(matches!(parameters.get("min_burn"), Some(HyperValue::Tao(amount)) if *amount > Tao::ZERO));
    assert!(matches!(parameters.get("registration_allowed"), Some(HyperValue::Bool(true))));
    assert!(
        matches!(parameters.get("burn_increase_mult"), Some(HyperValue::Fixed(number)) if number.fraction_bits == 64)
    );
    assert_eq!(view.hyperparameters(NetUid(9)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stake_is_read_by_coldkey() {
    let (_devnet, followed) = live().await;
    let (link, alice) = (&followed.link, Key::named("Alice"));
    let hotkey = Key::named("Alice//hotkey").account();
    land(link, register(hotkey), &alice).await;
    let stake = Call::new("SubtensorModule", "add_stake")
        .arg("hotkey", hotkey)
        .arg("netuid", NetUid(0))
        .arg("amount_staked", Tao::from_rao(5_000_000_000));
    land(link, stake, &alice).await;
    let positions = link.view().unwrap().stake_for_coldkey(alice.account()).await.unwrap();
    let on_root = positions.iter().find(|position| position.netuid == NetUid(0)).unwrap();
    assert_eq!((on_root.hotkey, on_root.coldkey, on_root.stake.rao()), (hotkey, alice.account(), 5_000_000_000));
    assert_eq!(link.view().unwrap().stake_for_coldkey(AccountId([9; 32])).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anything_is_read_by_name() {
    let (_devnet, followed) = live().await;
    let view = followed.link.view().unwrap();
    let alice = Key::named("Alice").account();
    let account = view.storage_json("System", "Account", &[alice.to_string().as_str().into()]).await.unwrap();
    assert_eq!(account["data"]["free"], "1000000000000000");
    assert_eq!(account, view.storage_json("System", "Account", &[alice.into()]).await.unwrap());
    assert_eq!(view.storage_json("SubtensorModule", "TotalNetworks", &[]).await.unwrap(), json!(2));
    assert_eq!(view.storage_json("SubtensorModule", "Uids", &[1u16.into(), alice.into()]).await.unwrap(), json!(null));
    let networks = view.storage_entries("SubtensorModule", "NetworksAdded", &[], 10).await.unwrap();
    assert_eq!(networks.len(), 2);
    assert!(networks.iter().all(|entry| entry.value == json!(true) && entry.keys.len() == 1));
    assert_eq!(view.storage_entries("System", "Account", &[], 3).await.unwrap().len(), 3);
    assert_eq!(view.constant_json("Balances", "ExistentialDeposit").unwrap(), json!("500"));
    let nonce = view.runtime_api_json("AccountNonceApi", "account_nonce", &[alice.into()]).await.unwrap();
    assert_eq!(nonce, json!(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_runtime_lacks_is_said_with_its_neighbour() {
    let (_devnet, followed) = live().await;
    let view = followed.link.view().unwrap();
    let absent = |error: ReadError| match error {
        ReadError::Absent(absent) => absent,
        other => panic!("{other:?}"),
    };
    let gone = absent(view.storage_json("SubtensorModule", "NetworkAdded", &[]).await.unwrap_err());
    assert_eq!((gone.item, gone.nearest.as_deref()), (Item::Storage, Some("SubtensorModule.NetworksAdded")));
    assert_eq!(gone.spec_version, view.runtime().spec_version());
    let gone = absent(view.runtime_api_json("SubnetInfoRuntimeApi", "get_metagraf", &[]).await.unwrap_err());
    assert_eq!((gone.item, gone.nearest.as_deref()), (Item::RuntimeApi, Some("SubnetInfoRuntimeApi.get_metagraph")));
    let gone = absent(view.constant_json("Balances", "ExistentialDeposits").unwrap_err());
    assert_eq!(gone.item, Item::Constant);

    let short = view.storage_json("SubtensorModule", "Uids", &[1u16.into()]).await.unwrap_err();
    assert!(matches!(short, ReadError::Argument { .. }), "{short}");
    let wide = view.storage_json("SubtensorModule", "Tempo", &[Value::Uint(65_536)]).await.unwrap_err();
    assert!(wide.to_string().contains("does not fit u16"), "{wide}");
    assert!(view.runtime().has_call("SubtensorModule", "set_weights"));
    assert!(!view.runtime().has_call("SubtensorModule", "set_root_weights"));
    assert_eq!(view.uid(NetUid(1), AccountId([9; 32])).await.unwrap(), None::<Uid>);
    assert_eq!(view.block().number, BlockNumber(0));
}

/// A gateway may give one key where five hundred are asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_is_read_whole_of_a_node_that_gives_fewer_keys_at_once() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let followed = follow(config([node.address()]));
    until(&followed.link, LinkState::is_live).await;
    let view = followed.link.view().unwrap();
    let whole = in_time(view.netuids()).await.unwrap();
    assert_eq!(whole, [NetUid(0), NetUid(1)]);
    let first = view.storage_address("SubtensorModule", "NetworksAdded", &[NetUid(0).into()]).unwrap();
    let first = json!(format!("0x{}", hex::encode(first)));
    node.script(move |method, params| match method {
        "state_getKeysPaged" if params[2].is_null() => Reaction::Answer(json!([first])),
        _ => Reaction::Pass,
    });
    assert_eq!(in_time(view.netuids()).await.unwrap(), whole);
}
