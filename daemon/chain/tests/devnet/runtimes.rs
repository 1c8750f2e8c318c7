//! Runtimes of other years over a scripted node: what their metadata does not describe, and an
//! upgrade that brings other metadata.
//!
//! The node answers with the real metadata of spec 143 (2024, version 14) or 103 (2023); storage is
//! the development chain's, whose items have had the same keys since.

use std::collections::HashSet;

use btd_api::{
    AccountId, BlockHash, BlockNumber, NetUid, Tao,
    catalogue::{Class, class_of},
};
use btd_chain::{Generation, HyperValue, Item, Lack, LinkState, ReadError, Runtime};
use codec::{Compact, Encode};
use serde_json::{Value as Json, json};

use crate::{
    chain, config,
    faulty::{FaultyNode, Reaction},
    follow, in_time,
    lacking::{described, renamed},
    old::{Answers, OF_2023, OF_2024, OF_2026, asked, hex_of, hyperparameters, neuron_lite, old},
    until,
};

/// The runtime's functions that tell the price of one subnet, and of all.
const ONE_PRICE: &str = "SwapRuntimeApi_current_alpha_price";
const ALL_PRICES: &str = "SwapRuntimeApi_current_alpha_price_all";
/// What a node says of a function that does not come to an end, and of a state that it keeps no more.
const TRAP: &str = "Client error: Execution failed: Execution aborted due to trap: wasm trap: unreachable";
const GONE: &str = "Client error: UnknownBlock: State already discarded for 0x00";
/// Pallets whose calls no command of this project makes.
const FOREIGN: [&str; 5] = ["Contracts", "EVM", "Ethereum", "Grandpa", "LimitOrders"];

/// The errors of `runtime` that would come back without a class and a remedy, and how many have both.
fn without_a_class(runtime: &Runtime) -> (Vec<String>, usize) {
    let pallets = runtime.describe_all().into_iter().filter(|one| one.kind == "pallet");
    let errors = pallets.filter(|pallet| !FOREIGN.contains(&&*pallet.name)).flat_map(|pallet| {
        let all = runtime.describe(&pallet.name).unwrap().into_iter().filter(|one| one.kind == "error");
        all.map(move |error| format!("{}.{}", pallet.name, error.name))
    });
    let (lacking, classed): (Vec<_>, Vec<_>) = errors.partition(|name| class_of(name) == Class::Unknown);
    (lacking, classed.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_of_every_runtime_has_a_class() {
    let devnet = chain().await;
    for (spec, metadata, at_least) in
        [(103, Some(OF_2023), 50), (143, Some(OF_2024), 110), (425, Some(OF_2026), 200), (425, None, 200)]
    {
        let node = FaultyNode::before(devnet.address()).await;
        if let Some(metadata) = metadata {
            let none = Answers::from([]);
            node.script(move |method, params| old(spec, metadata, &none, method, params).unwrap_or(Reaction::Pass));
        }
        let followed = follow(config([node.address()]));
        until(&followed.link, LinkState::is_live).await;
        let view = followed.link.view().unwrap();
        assert_eq!(view.runtime().spec_version(), spec);
        let (lacking, classed) = without_a_class(view.runtime());
        assert!(lacking.is_empty(), "spec {spec}: {lacking:?}");
        assert!(classed > at_least, "spec {spec}: {classed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apis_that_old_metadata_does_not_describe_are_asked_by_their_layouts() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let (coldkey, hotkey, nominator) = ([7_u8; 32], [8_u8; 32], [9_u8; 32]);
    let serving = (Compact(50_u64), Compact(64_u16), Compact(58_000_u64), Compact(1_u64 << 40)).encode();
    let delegate = (
        (hotkey, Compact(11_796_u16), vec![(nominator, Compact(5_u64)), (coldkey, Compact(6_u64))], coldkey),
        (vec![Compact(0_u16), Compact(1)], vec![Compact(1_u16)], Compact(0_u64), Compact(0_u64)),
    )
        .encode();
    let stakes = vec![(hotkey, coldkey, Compact(1_u64 << 41)), (nominator, coldkey, Compact(3))].encode();
    let answers = Answers::from([
        (("SubnetInfoRuntimeApi_get_subnet_hyperparams", asked(1)), [hyperparameters(), serving].concat().encode()),
        (("SubnetInfoRuntimeApi_get_subnet_hyperparams", asked(9)), vec![0]),
        (("SubnetRegistrationRuntimeApi_get_network_registration_cost", vec![]), 123_u64.encode()),
        (("StakeInfoRuntimeApi_get_stake_info_for_coldkey", coldkey.to_vec().encode()), stakes.encode()),
        (("DelegateInfoRuntimeApi_get_delegates", vec![]), [vec![4], delegate.clone()].concat().encode()),
        (("DelegateInfoRuntimeApi_get_delegate", hotkey.to_vec().encode()), delegate.encode()),
        (("DelegateInfoRuntimeApi_get_delegate", nominator.to_vec().encode()), vec![0]),
    ]);
    node.script(move |method, params| old(143, OF_2024, &answers, method, params).unwrap_or(Reaction::Pass));
    let followed = follow(config([node.address()]));
    until(&followed.link, LinkState::is_live).await;
    let view = followed.link.view().unwrap();
    assert_eq!(view.runtime().spec_version(), 143);
    assert!(view.runtime().features().contains(&"runtime-apis"));

    let read = view.hyperparameters(NetUid(1)).await.unwrap().unwrap();
    assert_eq!((read.generation, read.entries.len()), (Generation::V1, 22));
    assert_eq!(read.get("tempo"), Some(&HyperValue::Unsigned(99)));
    assert_eq!(read.get("registration_allowed"), Some(&HyperValue::Bool(true)));
    assert_eq!(read.get("max_burn"), Some(&HyperValue::Tao(Tao::from_rao(100_000_000_000))));
    assert_eq!(read.get("difficulty"), Some(&HyperValue::Unsigned(1 << 40)));
    assert_eq!(view.hyperparameters(NetUid(9)).await.unwrap(), None);

    assert_eq!(view.network_registration_cost().await.unwrap(), Tao::from_rao(123));

    let stakes = view.stake_for_coldkey(AccountId(coldkey)).await.unwrap();
    let told: Vec<_> = stakes.iter().map(|stake| (stake.hotkey.0, stake.netuid, stake.stake.rao())).collect();
    assert_eq!(told, [(hotkey, NetUid(0), 1 << 41), (nominator, NetUid(0), 3)]);
    assert_eq!((stakes[0].is_registered, stakes[0].emission), (None, None));

    let api = "DelegateInfoRuntimeApi";
    let delegates = view.runtime_api_json(api, "get_delegates", &[]).await.unwrap();
    assert_eq!(delegates[0]["delegate_ss58"], json!(AccountId(hotkey).to_string()));
    assert_eq!((&delegates[0]["take"], &delegates[0]["registrations"]), (&json!(11_796), &json!([0, 1])));
    assert_eq!(delegates[0]["nominators"].as_array().map(Vec::len), Some(2));
    // An account is told as an address, too.
    let address = AccountId(hotkey).to_string();
    let one = view.runtime_api_json(api, "get_delegate", &[address.as_str().into()]).await.unwrap();
    assert_eq!(one, delegates[0]);
    let none = view.runtime_api_json(api, "get_delegate", &[AccountId(nominator).into()]).await.unwrap();
    assert_eq!(none, Json::Null);
    let methods = view.runtime().describe(api).unwrap();
    assert_eq!(methods[1].signature, "(delegate_account_vec: Vec<u8>) -> Option<DelegateInfo>");
    assert!(view.runtime().describe_all().iter().any(|one| one.kind == "api" && one.name == api));

    // What is not written down is not said to be absent; what the runtime's version denies, is.
    let absent = |error: ReadError| match error {
        ReadError::Absent(absent) => absent,
        other => panic!("{other:?}"),
    };
    let undescribed = absent(view.dynamic_info(NetUid(1)).await.unwrap_err());
    assert_eq!((undescribed.item, undescribed.lack), (Item::RuntimeApi, Lack::Undescribed));
    assert!(
        undescribed.to_string().contains("does not describe the runtime API SubnetInfoRuntimeApi.get_dynamic_info")
    );
    assert_eq!(view.price(NetUid(1)).await.unwrap(), None);
    let asked = view.runtime_api_json("SwapRuntimeApi", "current_alpha_price", &[1_u16.into()]).await;
    let missing = absent(asked.unwrap_err());
    assert_eq!(missing.to_string(), "this runtime (spec 143) has no runtime API SwapRuntimeApi.current_alpha_price");
}

/// The hyperparameters grew at their end; an answer is read by the layout that it fills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layout_that_grew_is_read_as_far_as_it_had_grown() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let function = "SubnetInfoRuntimeApi_get_subnet_hyperparams";
    let twenty = [hyperparameters(), (Compact(50_u64), Compact(64_u16)).encode()].concat();
    let cut = [hyperparameters(), vec![0xff]].concat();
    let of_2023 = [
        (Compact(3_u16), Compact(10_u16), Compact(32_767_u16), Compact(7_u64)).encode(),
        (1..=10_u16).flat_map(|number| Compact(number).encode()).collect(),
        (Compact(256_u16), Compact(4_096_u16), Compact(17_u64), Compact(99_u16), Compact(0_u16)).encode(),
        (vec![[2_u16, 65_535]], Compact(70_000_u64), Compact(1_000_000_000_u64)).encode(),
    ]
    .concat();
    let answers = Answers::from([
        ((function, asked(1)), hyperparameters().encode()),
        ((function, asked(2)), twenty.encode()),
        ((function, asked(3)), cut.encode()),
        ((function, asked(4)), hyperparameters()),
        (("SubnetInfoRuntimeApi_get_subnet_info", asked(3)), of_2023.encode()),
    ]);
    node.script(move |method, params| old(103, OF_2023, &answers, method, params).unwrap_or(Reaction::Pass));
    let followed = follow(config([node.address()]));
    until(&followed.link, LinkState::is_live).await;
    let view = followed.link.view().unwrap();
    let names = |read: btd_chain::Hyperparameters| read.entries.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let eighteen = names(view.hyperparameters(NetUid(1)).await.unwrap().unwrap());
    assert_eq!((eighteen.len(), eighteen.last().unwrap().as_str()), (18, "max_regs_per_block"));
    let twenty = names(view.hyperparameters(NetUid(2)).await.unwrap().unwrap());
    assert_eq!((twenty.len(), twenty.last().unwrap().as_str()), (20, "max_validators"));
    // Bytes that no layout fits, and an answer that is no bytes within bytes, are errors.
    for netuid in [3, 4] {
        let error = view.hyperparameters(NetUid(netuid)).await.unwrap_err();
        assert!(matches!(error, ReadError::Decode { spec_version: 103, .. }), "{error:?}");
    }
    let info = view.runtime_api_json("SubnetInfoRuntimeApi", "get_subnet_info", &[3_u16.into()]).await.unwrap();
    assert_eq!((&info["synergy_scaling_law_power"], &info["burn"]), (&json!(10), &json!("1000000000")));
    assert_eq!(info["network_connect"], json!([[2, 65_535]]));
}

/// Before there were metagraphs one is put together, and what nobody tells is not made up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metagraph_of_an_old_runtime_says_what_it_does_not_know() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let answers = Answers::from([
        (("NeuronInfoRuntimeApi_get_neurons_lite", asked(1)), [vec![4], neuron_lite()].concat().encode()),
        (("SubnetInfoRuntimeApi_get_subnet_hyperparams", asked(1)), hyperparameters().encode()),
    ]);
    node.script(move |method, params| old(143, OF_2024, &answers, method, params).unwrap_or(Reaction::Pass));
    let followed = follow(config([node.address()]));
    until(&followed.link, LinkState::is_live).await;
    let view = followed.link.view().unwrap();
    let metagraph = view.metagraph(NetUid(1)).await.unwrap().unwrap();
    let fields = &metagraph.fields;
    assert_eq!((fields.rank.as_slice(), fields.trust.as_slice()), (&[10][..], &[14][..]));
    assert_eq!((fields.total_stake[0], fields.axons[0].port), (Tao::from_rao(40), 8_091));
    assert_eq!((fields.alpha_stake.as_slice(), metagraph.price), (&[][..], None));
    // Of the hyperparameters, what the runtime API says; of the pools, nothing.
    assert_eq!((fields.weights_version, fields.max_burn), (1_013, Tao::from_rao(100_000_000_000)));
    assert!(metagraph.tells("weights_version") && metagraph.tells("tempo") && metagraph.tells("burn"));
    for unknown in ["tao_in", "alpha_in", "moving_price", "commit_reveal_period", "symbol", "serving_rate_limit"] {
        assert!(!metagraph.tells(unknown), "{unknown}");
    }
    assert_eq!(view.mechagraph(NetUid(1), btd_api::MechId(1)).await.unwrap(), None);
    assert_eq!(view.metagraph(NetUid(9)).await.unwrap(), None);
    // The pace of a subnet and its owner, which no list of subnets tells.
    let marks = view.subnet_marks(&[NetUid(1)]).await.unwrap()[0];
    assert_eq!(marks.blocks_since_epoch, Some(fields.blocks_since_last_step));
    assert_eq!((marks.tempo, marks.owner), (Some(fields.tempo), Some(fields.owner_coldkey)));
    assert!(fields.tempo > 0);
}

/// What its neurons tell is their alpha alone, which is neither their stake nor their tao.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_with_pools_whose_apis_are_not_described_tells_no_stake() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let answers = Answers::from([(
        ("NeuronInfoRuntimeApi_get_neurons_lite", asked(1)),
        [vec![4], neuron_lite()].concat().encode(),
    )]);
    node.script(move |method, params| old(425, OF_2026, &answers, method, params).unwrap_or(Reaction::Pass));
    let followed = follow(config([node.address()]));
    until(&followed.link, LinkState::is_live).await;
    let view = followed.link.view().unwrap();
    assert_eq!(view.neurons_lite(NetUid(1)).await.unwrap()[0].stake, 40);
    let told = view.metagraph(NetUid(1)).await;
    let Err(ReadError::Absent(absent)) = told else { panic!("{told:?}") };
    assert_eq!((absent.name.as_str(), absent.lack), ("SubnetInfoRuntimeApi.get_metagraph", Lack::Undescribed));
}

/// Hyperparameters of a layout that is not known, or that a runtime refuses, take no metagraph with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metagraph_is_read_without_hyperparameters_that_are_illegible_or_refused() {
    const HYPERPARAMETERS: &str = "SubnetInfoRuntimeApi_get_subnet_hyperparams";
    for answer in [Some([hyperparameters(), vec![0xff]].concat().encode()), None] {
        let devnet = chain().await;
        let node = FaultyNode::before(devnet.address()).await;
        let neurons = [vec![4], neuron_lite()].concat().encode();
        let mut answers = Answers::from([(("NeuronInfoRuntimeApi_get_neurons_lite", asked(1)), neurons)]);
        let has_answer = answer.is_some();
        answers.extend(answer.map(|answer| ((HYPERPARAMETERS, asked(1)), answer)));
        node.script(move |method, params| old(143, OF_2024, &answers, method, params).unwrap_or(Reaction::Pass));
        let followed = follow(config([node.address()]));
        until(&followed.link, LinkState::is_live).await;
        let view = followed.link.view().unwrap();
        let error = view.hyperparameters(NetUid(1)).await.unwrap_err();
        let expected = if has_answer { "cannot be decoded" } else { "refused" };
        assert!(error.to_string().contains(expected), "{error}");
        let metagraph = view.metagraph(NetUid(1)).await.unwrap().unwrap();
        assert_eq!((metagraph.fields.rank.as_slice(), metagraph.fields.weights_version), (&[10][..], 0));
        // What storage says is told all the same.
        assert!(metagraph.tells("tempo") && metagraph.tells("burn"));
        for unknown in ["weights_version", "max_burn", "adjustment_alpha", "commit_reveal_weights_enabled"] {
            assert!(!metagraph.tells(unknown), "{unknown}");
        }
    }
}

/// A price that cannot be read, or that a runtime refuses, takes neither the list of subnets nor a metagraph with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subnets_and_metagraphs_are_read_without_prices_that_are_illegible_or_refused() {
    let devnet = chain().await;
    let node = FaultyNode::before(devnet.address()).await;
    let followed = follow(config([node.address()]));
    until(&followed.link, LinkState::is_live).await;
    let view = followed.link.view().unwrap();
    let mut subnets = view.subnets().await.unwrap();
    let mut metagraph = view.metagraph(NetUid(1)).await.unwrap().unwrap();
    assert!(metagraph.price.take().is_some());
    // On root alpha is tao, whatever anybody says.
    let of_root = Some(Tao::from_rao(1_000_000_000));
    for subnet in &mut subnets {
        let price = if subnet.netuid == NetUid::ROOT { subnet.price } else { subnet.price.take() };
        assert!(price.is_some() && (subnet.netuid != NetUid::ROOT || price == of_root), "{:?}", subnet.netuid);
    }
    let answer_prices = |reaction: fn() -> Reaction| {
        node.script(move |method, params| {
            let is_price = method == "state_call" && (params[0] == ONE_PRICE || params[0] == ALL_PRICES);
            if is_price { reaction() } else { Reaction::Pass }
        });
    };
    let illegible = || Reaction::Answer(json!("0xff"));
    let trapped = || Reaction::Refuse(4003, TRAP);
    for (reaction, expected) in [(illegible as fn() -> Reaction, "cannot be decoded"), (trapped, "refused")] {
        answer_prices(reaction);
        // Who asks for nothing but a price is told why there is none.
        let error = view.price(NetUid(1)).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(view.price_if_told(NetUid(1)).await.unwrap(), None, "{expected}");
        assert_eq!(view.price(NetUid::ROOT).await.unwrap(), of_root, "{expected}");
        assert_eq!(view.subnets().await.unwrap(), subnets, "{expected}");
        assert_eq!(view.metagraph(NetUid(1)).await.unwrap().unwrap(), metagraph, "{expected}");
    }
    // That the state is gone says nothing of prices.
    answer_prices(|| Reaction::Refuse(4003, GONE));
    let error = view.price_if_told(NetUid(1)).await.unwrap_err();
    for error in [error, view.subnets().await.unwrap_err(), view.metagraph(NetUid(1)).await.unwrap_err()] {
        assert!(matches!(error, ReadError::Pruned { .. }), "{error:?}");
    }
}

/// Where each price is told by itself, one that is refused takes no other with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_that_is_refused_by_itself_is_the_only_one_that_is_not_known() {
    let devnet = chain().await;
    let direct = follow(config([devnet.address()]));
    until(&direct.link, LinkState::is_live).await;
    let today = direct.link.view().unwrap();
    let told = today.runtime_api_bytes("Metadata", "metadata_at_version", &[15_u32.into()]).await.unwrap();
    let told = renamed(&told, &["current_alpha_price_all"]);
    let node = FaultyNode::before(devnet.address()).await;
    node.script(move |method, params| {
        if method == "state_call" && params[0] == ONE_PRICE {
            return Reaction::Refuse(4003, TRAP);
        }
        described(&told, method, params).map_or(Reaction::Pass, Reaction::Answer)
    });
    let followed = follow(config([node.address()]));
    until(&followed.link, LinkState::is_live).await;
    let subnets = followed.link.view().unwrap().subnets().await.unwrap();
    let prices: Vec<_> = subnets.iter().map(|subnet| (subnet.netuid, subnet.price)).collect();
    assert_eq!(prices, [(NetUid(0), Some(Tao::from_rao(1_000_000_000))), (NetUid(1), None)]);
    assert!(subnets.iter().all(|subnet| subnet.dynamic.is_some()));
}

/// `System.Events` of spec 143: `Commitments.Commitment(netuid, who)`, in a pallet that has moved since.
fn events_of_2024(netuid: u16) -> Vec<u8> {
    const COMMITMENTS: u8 = 17;
    let phase = [vec![0], 0_u32.to_le_bytes().to_vec()].concat();
    let event = [vec![COMMITMENTS, 0], netuid.encode(), vec![6; 32]].concat();
    [vec![4], phase, event, vec![0]].concat()
}

/// Up to block 3 the state has the runtime of spec 143 with its metadata, from block 4 on the one of
/// today. Blocks and reads of each side are decoded with its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_changes_the_metadata_changes_what_reads_decode_with() {
    let devnet = chain().await;
    devnet.mine(3).await.unwrap();
    let node = FaultyNode::before(devnet.address()).await;
    let mut before = HashSet::new();
    {
        let direct = follow(config([devnet.address()]));
        until(&direct.link, LinkState::is_live).await;
        for number in 0..=3 {
            let hash: BlockHash = direct.link.block_hash(BlockNumber(number)).await.unwrap().unwrap();
            before.insert(hash.to_string());
        }
    }
    let answers =
        Answers::from([(("SubnetInfoRuntimeApi_get_subnet_hyperparams", asked(1)), hyperparameters().encode())]);
    let events = format!("0x26aa394eea5630e07c48ae0c9558cef7{}", "80d41e5e16056765bc8461851072c9d7");
    let executed_by_old: HashSet<String> = before.clone();
    node.script(move |method, params| {
        let last = params.as_array().and_then(|params| params.last()).and_then(Json::as_str).unwrap_or_default();
        if !before.contains(last) {
            return Reaction::Pass;
        }
        if method == "state_getStorage" && params[0] == events.as_str() && executed_by_old.contains(last) {
            return Reaction::Answer(json!(hex_of(&events_of_2024(77))));
        }
        old(143, OF_2024, &answers, method, params).unwrap_or(Reaction::Pass)
    });
    let followed = follow(config([node.address()]));
    let link = &followed.link;
    until(link, LinkState::is_live).await;
    assert_eq!(link.view().unwrap().runtime().spec_version(), 143);
    let mut blocks = link.blocks_from(BlockNumber(1));
    devnet.mine(3).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 6 {
        seen.push(in_time(blocks.next()).await.unwrap());
    }
    let specs: Vec<u32> = seen.iter().filter_map(|block| block.spec_version).collect();
    let today = link.view().unwrap().runtime().spec_version();
    // The block that brings the upgrade is still executed by the runtime before it.
    assert_eq!(specs, [143, 143, 143, 143, today, today]);
    for block in &seen[..3] {
        let [event] = block.events.as_slice() else { panic!("{:?}", block.events) };
        assert_eq!((event.pallet.as_str(), event.name.as_str()), ("Commitments", "Commitment"));
        assert_eq!(event.fields["netuid"], json!(77));
    }
    for block in &seen[4..] {
        assert!(block.illegible.is_empty(), "{:?}", block.illegible);
        assert!(block.events.iter().any(|event| event.pallet == "System" && event.name == "ExtrinsicSuccess"));
    }

    let (old, new) = (link.view_of(BlockNumber(3)).await.unwrap(), link.view_of(BlockNumber(4)).await.unwrap());
    assert_eq!((old.runtime().spec_version(), new.runtime().spec_version()), (143, today));
    let generation = |read: Option<btd_chain::Hyperparameters>| read.unwrap().generation;
    assert_eq!(generation(old.hyperparameters(NetUid(1)).await.unwrap()), Generation::V1);
    assert_eq!(generation(new.hyperparameters(NetUid(1)).await.unwrap()), Generation::V3);
    assert_eq!(old.netuids().await.unwrap(), new.netuids().await.unwrap());
    assert!(old.price(NetUid(1)).await.unwrap().is_none() && new.price(NetUid(1)).await.unwrap().is_some());
    assert!(new.dynamic_info(NetUid(1)).await.unwrap().is_some());
    // And again, with both known by now.
    assert_eq!(generation(old.hyperparameters(NetUid(1)).await.unwrap()), Generation::V1);
}
