//! How runtime APIs fill the fields of neurons and metagraphs: each figure is reckoned here from what is stored, by the
//! rule of that field.

use btd_devnet_runtime::{
    Runtime, System,
    subtensor::{
        self as s,
        fixed::I96F32,
        info::{Metagraph, NeuronInfo, NeuronInfoLite, SelectiveMetagraph, SubnetState},
        types::{AxonInfo, ChainIdentityV2, PrometheusInfo, ROOT, SubnetIdentityV3},
    },
};
use codec::Compact;

use crate::{NOWHERE, SUBNET, ask, key, on_a_subnet, register};

/// Where the second mechanism of the subnet keeps what is its own.
const SECOND: u16 = 4_096 + SUBNET;

/// A chain on whose subnet `//owner` has uid 0 and `//miner` of `//Bob` uid 1, with a figure of its own in each place.
fn on_a_measured_subnet(test: impl FnOnce()) {
    on_a_subnet(|| {
        assert_eq!(register(SUBNET, "miner"), 1);
        s::Active::<Runtime>::insert(SUBNET, vec![true, false]);
        s::ValidatorPermit::<Runtime>::insert(SUBNET, vec![true, false]);
        s::Emission::<Runtime>::insert(SUBNET, vec![5, 6_u64]);
        s::Incentive::<Runtime>::insert(SUBNET, vec![7, 8_u16]);
        s::Consensus::<Runtime>::insert(SUBNET, vec![9, 10_u16]);
        s::ValidatorTrust::<Runtime>::insert(SUBNET, vec![11, 12_u16]);
        s::Dividends::<Runtime>::insert(SUBNET, vec![13, 14_u16]);
        s::LastUpdate::<Runtime>::insert(SUBNET, vec![15, 16_u64]);
        s::BlockAtRegistration::<Runtime>::insert(SUBNET, 0, 17);
        s::BlockAtRegistration::<Runtime>::insert(SUBNET, 1, 18);
        s::Weights::<Runtime>::insert(SUBNET, 1, vec![(0, 3), (1, 0)]);
        s::Bonds::<Runtime>::insert(SUBNET, 1, vec![(0, 0), (1, 4)]);
        s::AlphaDividendsPerSubnet::<Runtime>::insert(SUBNET, key("miner"), 19);
        // All that the owner's hotkey has counts for the miner, and TAO counts half.
        s::TotalHotkeyAlpha::<Runtime>::insert(key("owner"), SUBNET, 1_000);
        s::TotalHotkeyAlpha::<Runtime>::insert(key("owner"), ROOT, 400);
        s::TotalHotkeyAlpha::<Runtime>::insert(key("miner"), SUBNET, 200);
        s::ChildKeys::<Runtime>::insert(key("owner"), SUBNET, vec![(u64::MAX, key("miner"))]);
        s::ParentKeys::<Runtime>::insert(key("miner"), SUBNET, vec![(u64::MAX, key("owner"))]);
        s::TaoWeight::<Runtime>::put(1 << 63);
        test();
    });
}

fn numbers<V: Copy>(column: &[Compact<V>]) -> Vec<V> {
    column.iter().map(|value| value.0).collect()
}

#[test]
fn a_neuron_has_its_pool_under_the_name_of_its_owner_and_scores_that_nobody_reckons() {
    on_a_measured_subnet(|| {
        let wanted = NeuronInfo {
            hotkey: key("miner"),
            coldkey: key("Bob"),
            uid: Compact(1),
            netuid: Compact(SUBNET),
            active: false,
            axon_info: AxonInfo::default(),
            prometheus_info: PrometheusInfo::default(),
            stake: vec![(key("Bob"), Compact(200))],
            rank: Compact(0),
            emission: Compact(6),
            incentive: Compact(8),
            consensus: Compact(10),
            trust: Compact(0),
            validator_trust: Compact(12),
            dividends: Compact(14),
            last_update: Compact(16),
            validator_permit: false,
            // What is zero is left out.
            weights: vec![(Compact(0), Compact(3))],
            bonds: vec![(Compact(1), Compact(4))],
            pruning_score: Compact(u16::MAX),
        };
        assert_eq!(ask::<Option<NeuronInfo>>("NeuronInfoRuntimeApi_get_neuron", (SUBNET, 1_u16)), Some(wanted.clone()));
        let all: Vec<NeuronInfo> = ask("NeuronInfoRuntimeApi_get_neurons", SUBNET);
        assert_eq!((all.len(), all.last()), (2, Some(&wanted)));
        let lite: Option<NeuronInfoLite> = ask("NeuronInfoRuntimeApi_get_neuron_lite", (SUBNET, 1_u16));
        let lite = lite.unwrap();
        assert_eq!((lite.stake, lite.rank, lite.trust), (wanted.stake, Compact(0), Compact(0)));
        assert_eq!((lite.pruning_score, lite.last_update), (Compact(u16::MAX), Compact(16)));
        let lites = || ask::<Vec<NeuronInfoLite>>("NeuronInfoRuntimeApi_get_neurons_lite", SUBNET).len();
        assert_eq!(lites(), 2);
        assert_eq!(ask::<Vec<NeuronInfo>>("NeuronInfoRuntimeApi_get_neurons", NOWHERE), []);
        // A list ends where a uid is nobody's.
        s::Keys::<Runtime>::remove(SUBNET, 0);
        assert_eq!(lites(), 0);
        assert_eq!(ask::<Vec<NeuronInfo>>("NeuronInfoRuntimeApi_get_neurons", SUBNET), []);
    });
}

#[test]
fn a_metagraph_has_columns_as_stored_stakes_as_inherited_and_no_scores() {
    on_a_measured_subnet(|| {
        let told: Option<Metagraph> = ask("SubnetInfoRuntimeApi_get_metagraph", SUBNET);
        let told = told.unwrap();
        assert!(told.pruning_score.is_empty() && told.trust.is_empty() && told.rank.is_empty());
        assert_eq!(
            (told.hotkeys.clone(), told.coldkeys),
            (vec![key("owner"), key("miner")], vec![key("Alice"), key("Bob")])
        );
        assert_eq!((told.active, told.validator_permit), (vec![true, false], vec![true, false]));
        for (column, wanted) in
            [(told.incentives.clone(), [7, 8]), (told.consensus.clone(), [9, 10]), (told.dividends.clone(), [13, 14])]
        {
            assert_eq!(numbers(&column), wanted);
        }
        for (name, column, wanted) in [
            ("emission", &told.emission, [5, 6]),
            ("last_update", &told.last_update, [15, 16]),
            ("block_at_registration", &told.block_at_registration, [17, 18]),
            ("alpha_stake", &told.alpha_stake, [0, 1_200]),
            ("tao_stake", &told.tao_stake, [0, 400]),
            // Alpha, and half of the TAO.
            ("total_stake", &told.total_stake, [0, 1_400]),
        ] {
            assert_eq!(numbers(column), wanted, "{name}");
        }
        let of = |owner, miner| vec![(key("owner"), Compact(owner)), (key("miner"), Compact(miner))];
        assert_eq!((told.tao_dividends_per_hotkey, told.alpha_dividends_per_hotkey), (of(0, 0), of(0, 19)));
        assert_eq!(told.axons, [AxonInfo::default(), AxonInfo::default()]);

        let state: Option<SubnetState> = ask("SubnetInfoRuntimeApi_get_subnet_state", SUBNET);
        let state = state.unwrap();
        assert!(state.pruning_score.is_empty() && state.trust.is_empty() && state.rank.is_empty());
        assert_eq!((state.hotkeys, state.incentives), (told.hotkeys, told.incentives));
        assert_eq!((state.consensus, state.dividends), (told.consensus, told.dividends));
        assert_eq!((state.emission, state.last_update), (told.emission, told.last_update));
        assert_eq!((state.alpha_stake, state.tao_stake), (told.alpha_stake, told.tao_stake));
        assert_eq!((state.total_stake, state.block_at_registration), (told.total_stake, told.block_at_registration));
    });
}

#[test]
fn a_metagraph_has_the_figures_of_its_pool_and_nothing_where_there_is_nothing_any_more() {
    on_a_measured_subnet(|| {
        s::SubnetAlphaIn::<Runtime>::insert(SUBNET, 21);
        s::SubnetAlphaOut::<Runtime>::insert(SUBNET, 22);
        s::SubnetTAO::<Runtime>::insert(SUBNET, 23);
        s::SubnetAlphaOutEmission::<Runtime>::insert(SUBNET, 24);
        s::SubnetAlphaInEmission::<Runtime>::insert(SUBNET, 25);
        s::SubnetTaoInEmission::<Runtime>::insert(SUBNET, 26);
        s::PendingServerEmission::<Runtime>::insert(SUBNET, 30);
        s::PendingValidatorEmission::<Runtime>::insert(SUBNET, 12);
        s::PendingRootAlphaDivs::<Runtime>::insert(SUBNET, 100);
        s::PendingOwnerCut::<Runtime>::insert(SUBNET, 1_000);
        s::LastMechansimStepBlock::<Runtime>::insert(SUBNET, 50);
        s::SubnetVolume::<Runtime>::insert(SUBNET, 1_u128 << 70);
        s::SubnetMovingPrice::<Runtime>::insert(SUBNET, I96F32::from_bits(77));
        System::set_block_number(90);
        let told = ask::<Option<Metagraph>>("SubnetInfoRuntimeApi_get_metagraph", SUBNET).unwrap();
        for (name, figure, wanted) in [
            ("block", told.block.0, 90),
            ("last_step", told.last_step.0, 50),
            ("blocks_since_last_step", told.blocks_since_last_step.0, 40),
            ("subnet_emission", told.subnet_emission.0, 0),
            ("alpha_in", told.alpha_in.0, 21),
            ("alpha_out", told.alpha_out.0, 22),
            ("tao_in", told.tao_in.0, 23),
            ("alpha_out_emission", told.alpha_out_emission.0, 24),
            ("alpha_in_emission", told.alpha_in_emission.0, 25),
            ("tao_in_emission", told.tao_in_emission.0, 26),
            ("pending_alpha_emission", told.pending_alpha_emission.0, 42),
            ("pending_root_emission", told.pending_root_emission.0, 0),
        ] {
            assert_eq!(figure, wanted, "{name}");
        }
        assert_eq!((told.subnet_volume.0, told.moving_price), (1 << 70, I96F32::from_bits(77)));
    });
}

#[test]
fn a_subnet_goes_by_the_name_of_its_identity_or_by_one_that_the_chain_has_for_it() {
    on_a_measured_subnet(|| {
        let name = |netuid: u16| {
            let told = ask::<Option<Metagraph>>("SubnetInfoRuntimeApi_get_metagraph", netuid).unwrap();
            String::from_utf8(numbers(&told.name)).unwrap()
        };
        s::NetworksAdded::<Runtime>::insert(439, true);
        assert_eq!([name(0), name(1), name(SUBNET), name(439)], ["root", "apex", "omron", "unknown"]);
        let identity = |subnet_name: &str| SubnetIdentityV3 { subnet_name: subnet_name.into(), ..Default::default() };
        s::SubnetIdentitiesV3::<Runtime>::insert(SUBNET, identity(""));
        assert_eq!(name(SUBNET), "omron");
        s::SubnetIdentitiesV3::<Runtime>::insert(SUBNET, identity("ours"));
        assert_eq!(name(SUBNET), "ours");
        let of_bob = ChainIdentityV2 { name: b"Bob".to_vec(), ..Default::default() };
        s::IdentitiesV2::<Runtime>::insert(key("Bob"), &of_bob);
        let told = ask::<Option<Metagraph>>("SubnetInfoRuntimeApi_get_metagraph", SUBNET).unwrap();
        assert_eq!((told.identity, told.identities), (Some(identity("ours")), vec![None, Some(of_bob)]));
    });
}

#[test]
fn a_mechanism_has_its_own_incentives_and_updates_and_a_number_of_its_own_in_whole_metagraphs_alone() {
    on_a_measured_subnet(|| {
        s::MechanismCountCurrent::<Runtime>::insert(SUBNET, 2);
        s::Incentive::<Runtime>::insert(SECOND, vec![71, 81_u16]);
        s::LastUpdate::<Runtime>::insert(SECOND, vec![151, 161_u64]);
        let whole =
            |mechanism: u8| ask::<Option<Metagraph>>("SubnetInfoRuntimeApi_get_mechagraph", (SUBNET, mechanism));
        let second = whole(1).unwrap();
        assert_eq!((second.netuid.0, whole(0).unwrap().netuid.0), (SECOND, SUBNET));
        assert_eq!((numbers(&second.incentives), numbers(&second.last_update)), (vec![71, 81], vec![151, 161]));
        assert_eq!((numbers(&second.emission), numbers(&second.consensus)), (vec![5, 6], vec![9, 10]));
        assert_eq!(whole(2), None);
        let all: Vec<Option<Metagraph>> = ask("SubnetInfoRuntimeApi_get_all_mechagraphs", ());
        let netuids: Vec<u16> = all.into_iter().map(|graph| graph.unwrap().netuid.0).collect();
        assert_eq!(netuids, [0, 1, SUBNET, SECOND]);

        let chosen = |netuid: u16, mechanism: u8, parts: &[u16]| {
            let arguments = (netuid, mechanism, parts);
            ask::<Option<SelectiveMetagraph>>("SubnetInfoRuntimeApi_get_selective_mechagraph", arguments)
        };
        let told = chosen(SUBNET, 1, &[62]).unwrap();
        assert_eq!((told.netuid.0, told.incentives, told.last_update), (SUBNET, Some(second.incentives), None));
        // Whether there is such a mechanism is not looked at.
        let none = chosen(SUBNET, 9, &[59, 60, 62]).unwrap();
        assert_eq!((none.netuid.0, none.incentives, none.last_update), (SUBNET, Some(vec![]), Some(vec![])));
        assert_eq!(none.emission, Some(vec![Compact(5), Compact(6)]));
        assert_eq!(chosen(NOWHERE, 0, &[62]), None);
    });
}

#[test]
fn parts_are_told_by_number_and_the_netuid_is_0_until_asked_for() {
    on_a_measured_subnet(|| {
        let chosen = |parts: &[u16]| {
            ask::<Option<SelectiveMetagraph>>("SubnetInfoRuntimeApi_get_selective_metagraph", (SUBNET, parts)).unwrap()
        };
        let none = chosen(&[]);
        assert_eq!((none.netuid.0, chosen(&[0]).netuid.0), (0, SUBNET));
        assert_eq!(chosen(&[74, 900, u16::MAX]), none, "unknown numbers are ignored");
        let empty = chosen(&[58, 64, 65]);
        assert_eq!((empty.pruning_score, empty.trust, empty.rank), (Some(vec![]), Some(vec![]), Some(vec![])));
        assert_eq!(chosen(&[3]).identity, Some(None), "it was asked for, and there is none");
        // Who may validate and counts for more than the threshold, the least first.
        s::ValidatorPermit::<Runtime>::insert(SUBNET, vec![true, true]);
        s::ParentKeys::<Runtime>::remove(key("miner"), SUBNET);
        s::ChildKeys::<Runtime>::remove(key("owner"), SUBNET);
        let validators = || numbers(&chosen(&[72]).validators.unwrap());
        assert_eq!(validators(), [1, 0], "200 and 1,200");
        s::StakeThreshold::<Runtime>::put(199);
        assert_eq!(validators(), [1, 0]);
        s::StakeThreshold::<Runtime>::put(200);
        assert_eq!(validators(), [0]);
        s::ValidatorPermit::<Runtime>::insert(SUBNET, vec![false, true]);
        assert_eq!(validators(), [0_u16; 0]);
    });
}
