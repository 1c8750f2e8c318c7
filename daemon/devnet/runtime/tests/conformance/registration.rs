//! Registration of neurons, of root validators and of subnets; starting a subnet; serving; identities.

use btd_devnet_runtime::{
    Runtime, SubtensorModule, System, UNIT,
    subtensor::{self as s, Call, fixed::I96F32, types::ROOT},
    swap::{Balancer, FeeRate, SwapBalancer},
};
use sp_runtime::Perquintill;

use crate::{FIRST, NOWHERE, OK, SUBNET, expect, give, key, on_a_chain, on_a_subnet, register, wait};

#[test]
fn burned_register_is_refused_in_order() {
    on_a_chain(|| {
        let calls: [fn(u16) -> Call<Runtime>; 2] = [
            |netuid| Call::burned_register { netuid, hotkey: key("hotkey") },
            |netuid| Call::register {
                netuid,
                block_number: 9,
                nonce: 9,
                work: vec![9],
                hotkey: key("hotkey"),
                coldkey: key("nobody"),
            },
        ];
        for call in calls {
            expect("empty", call(ROOT), "RegistrationNotPermittedOnRootSubnet");
            expect("empty", call(NOWHERE), "SubnetNotExists");
            s::NetworkRegistrationAllowed::<Runtime>::insert(FIRST, false);
            expect("empty", call(FIRST), "SubNetRegistrationDisabled");
            s::NetworkRegistrationAllowed::<Runtime>::insert(FIRST, true);
            expect("empty", call(FIRST), "NotEnoughBalanceToStake");
            s::MaxAllowedUids::<Runtime>::insert(FIRST, 0);
            expect("Bob", call(FIRST), "NoNeuronIdAvailable");
            s::MaxAllowedUids::<Runtime>::insert(FIRST, 256);
        }
        // The old entry burns like the other, for whoever signs.
        expect("Bob", calls[1](FIRST), OK);
        assert_eq!(s::Owner::<Runtime>::get(key("hotkey")), key("Bob"));
        expect("empty", calls[0](FIRST), "HotKeyAlreadyRegisteredInSubNet");
        expect("Bob", Call::try_associate_hotkey { hotkey: key("other") }, OK);
        expect("Charlie", Call::burned_register { netuid: FIRST, hotkey: key("other") }, "NonAssociatedColdKey");
    });
}

/// Staking looks at the pool beforehand, and has one name for both.
#[test]
fn a_pool_that_does_not_trade_refuses_registrations() {
    on_a_subnet(|| {
        FeeRate::<Runtime>::insert(SUBNET, 0);
        let register = || Call::burned_register { netuid: SUBNET, hotkey: key("hotkey") };
        let stake = || Call::add_stake { hotkey: key("owner"), netuid: SUBNET, amount_staked: 5 * UNIT };
        // A trade needs a millionth of a thousand alpha on the other side, and puts in a thousandfold at most.
        let least_tao = s::Burn::<Runtime>::get(SUBNET).div_ceil(1_000);
        for (tao, alpha, wanted) in [
            (least_tao - 1, 999_999, "ReservesTooLow"),
            (least_tao, 999_999, "ReservesTooLow"),
            (least_tao - 1, 1_000_000, "SwapInputTooLarge"),
        ] {
            s::SubnetTAO::<Runtime>::insert(SUBNET, tao);
            s::SubnetAlphaIn::<Runtime>::insert(SUBNET, alpha);
            expect("Bob", register(), wanted);
            expect("Bob", stake(), "InsufficientLiquidity");
        }
        s::SubnetTAO::<Runtime>::insert(SUBNET, least_tao);
        expect("Bob", register(), OK);
    });
}

#[test]
fn register_limit_compares_the_price_before_anything_else_of_the_subnet() {
    on_a_chain(|| {
        let call = |netuid, limit_price| Call::register_limit { netuid, hotkey: key("hotkey"), limit_price };
        let burn = s::Burn::<Runtime>::get(FIRST);
        expect("empty", call(ROOT, 0), "RegistrationNotPermittedOnRootSubnet");
        expect("empty", call(NOWHERE, 0), "SubnetNotExists");
        s::NetworkRegistrationAllowed::<Runtime>::insert(FIRST, false);
        expect("empty", call(FIRST, burn - 1), "RegistrationPriceLimitExceeded");
        expect("empty", call(FIRST, burn), "SubNetRegistrationDisabled");
        s::NetworkRegistrationAllowed::<Runtime>::insert(FIRST, true);
        expect("Bob", call(FIRST, burn), OK);
        assert_eq!(s::Burn::<Runtime>::get(FIRST), burn * 126 / 100, "and raises it by a quarter and a bit");
    });
}

#[test]
fn a_new_neuron_waits_the_rate_limit_of_weights() {
    on_a_chain(|| {
        System::set_block_number(50);
        let uid = register(FIRST, "hotkey");
        assert_eq!(s::LastUpdate::<Runtime>::get(FIRST)[usize::from(uid)], 50);
        assert_eq!(s::BlockAtRegistration::<Runtime>::get(FIRST, uid), 50);
        assert!(s::Active::<Runtime>::get(FIRST)[usize::from(uid)]);
        assert!(!s::ValidatorPermit::<Runtime>::get(FIRST)[usize::from(uid)]);
        assert!(s::IsNetworkMember::<Runtime>::get(key("hotkey"), FIRST));
        assert_eq!(s::RegistrationsThisBlock::<Runtime>::get(FIRST), 1);
    });
}

#[test]
fn root_register_is_refused_in_order() {
    on_a_chain(|| {
        let call = |hotkey: &str| Call::root_register { hotkey: key(hotkey) };
        expect("Bob", call("one"), OK);
        assert!(s::Delegates::<Runtime>::contains_key(key("one")));
        expect("Bob", call("two"), "TooManyRegistrationsThisBlock");
        s::MaxRegistrationsPerBlock::<Runtime>::insert(ROOT, 99);
        expect("Bob", call("one"), "HotKeyAlreadyRegisteredInSubNet");
        expect("Bob", call("two"), OK);
        expect("Bob", call("three"), OK);
        expect("Bob", call("four"), "TooManyRegistrationsThisInterval");
        s::RegistrationsThisInterval::<Runtime>::insert(ROOT, 0);
        // Whose the hotkey is does not matter.
        expect("Charlie", Call::try_associate_hotkey { hotkey: key("charlies") }, OK);
        expect("Bob", call("charlies"), OK);
    });
}

#[test]
fn register_network_is_refused_in_order() {
    on_a_chain(|| {
        let call = |hotkey: &str| Call::register_network { hotkey: key(hotkey) };
        expect("Charlie", Call::try_associate_hotkey { hotkey: key("taken") }, OK);
        expect("empty", call("taken"), "NonAssociatedColdKey");
        s::NetworkRegistrationStartBlock::<Runtime>::put(5);
        expect("empty", call("hotkey"), "SubNetRegistrationDisabled");
        s::NetworkRegistrationStartBlock::<Runtime>::put(0);
        s::NetworkRateLimit::<Runtime>::put(7_200);
        expect("Alice", call("hotkey"), OK);
        expect("empty", call("other"), "NetworkTxRateLimitExceeded");
        System::set_block_number(7_200);
        expect("empty", call("other"), "NetworkTxRateLimitExceeded");
        System::set_block_number(7_201);
        expect("empty", call("other"), "CannotAffordLockCost");
        expect("Alice", call("hotkey"), OK);
    });
}

#[test]
fn the_lock_cost_doubles_and_falls_back() {
    on_a_chain(|| {
        let cost = btd_devnet_runtime::SubtensorModule::network_lock_cost;
        assert_eq!(cost(), 1_000 * UNIT);
        expect("Alice", Call::register_network { hotkey: key("owner") }, OK);
        assert_eq!(cost(), 2_000 * UNIT);
        // It falls by the last cost over the interval for each block.
        let step = 1_000 * UNIT / 100_800;
        wait(10);
        assert_eq!(cost(), 2_000 * UNIT - 10 * step);
        wait(201_600);
        assert_eq!(cost(), 1_000 * UNIT, "never below the least");
    });
}

#[test]
fn a_new_subnet_has_its_defaults() {
    on_a_chain(|| {
        System::set_block_number(40);
        expect("Alice", Call::register_network { hotkey: key("owner") }, OK);
        let netuid = SUBNET;
        assert_eq!(s::Tempo::<Runtime>::get(netuid), 360);
        assert_eq!(s::LastEpochBlock::<Runtime>::get(netuid), 40 - u64::from(netuid % 360));
        assert_eq!(s::MaxAllowedUids::<Runtime>::get(netuid), 256);
        assert_eq!(s::MaxAllowedValidators::<Runtime>::get(netuid), 64);
        assert_eq!(s::MinAllowedWeights::<Runtime>::get(netuid), 1);
        assert_eq!(s::ImmunityPeriod::<Runtime>::get(netuid), 5_000);
        assert!(s::Yuma3On::<Runtime>::get(netuid) && !s::SubnetEmissionEnabled::<Runtime>::get(netuid));
        assert_eq!(s::Burn::<Runtime>::get(netuid), UNIT);
        assert_eq!(s::SubnetMechanism::<Runtime>::get(netuid), 1);
        assert_eq!(s::NetworkRegisteredAt::<Runtime>::get(netuid), 40);
        assert_eq!(s::SubnetTAO::<Runtime>::get(netuid), 1_000 * UNIT);
        assert_eq!(s::SubnetLocked::<Runtime>::get(netuid), 1_000 * UNIT);
        assert_eq!(s::SubnetOwner::<Runtime>::get(netuid), key("Alice"));
        assert_eq!(s::Uids::<Runtime>::get(netuid, key("owner")), Some(0));
        assert!(s::CommitRevealWeightsEnabled::<Runtime>::get(netuid));
        let stake = Call::add_stake { hotkey: key("owner"), netuid, amount_staked: UNIT };
        expect("Alice", stake, "SubtokenDisabled");
    });
}

#[test]
fn start_call_is_refused_in_order() {
    on_a_chain(|| {
        expect("Alice", Call::register_network { hotkey: key("owner") }, OK);
        let start = |netuid| Call::start_call { netuid };
        expect("Alice", start(NOWHERE), "SubnetNotExists");
        expect("Bob", start(SUBNET), "BadOrigin");
        s::StartCallDelay::<Runtime>::put(10);
        wait(9);
        expect("Alice", start(SUBNET), "NeedWaitingMoreBlocksToStarCall");
        wait(1);
        expect("Alice", start(SUBNET), OK);
        assert_eq!(s::FirstEmissionBlockNumber::<Runtime>::get(SUBNET), Some(12));
        assert!(s::SubtokenEnabled::<Runtime>::get(SUBNET));
        expect("Alice", start(SUBNET), "FirstEmissionBlockNumberAlreadySet");
    });
}

fn axon(netuid: u16, ip: u128, ip_type: u8, port: u16) -> Call<Runtime> {
    Call::serve_axon { netuid, version: 1, ip, port, ip_type, protocol: 4, placeholder1: 0, placeholder2: 0 }
}

#[test]
fn serve_axon_is_refused_in_order() {
    on_a_chain(|| {
        expect("hotkey", axon(FIRST, 0x7f00_0001, 9, 0), "HotKeyNotRegisteredInNetwork");
        register(FIRST, "hotkey");
        expect("hotkey", axon(FIRST, 0x7f00_0001, 9, 0), "InvalidIpType");
        expect("hotkey", axon(FIRST, 0x7f00_0001, 4, 0), "InvalidIpAddress");
        expect("hotkey", axon(FIRST, 1, 6, 0), "InvalidIpAddress");
        expect("hotkey", axon(FIRST, 0x0a00_0001, 4, 0), "InvalidPort");
        expect("hotkey", axon(FIRST, 0, 4, 1), OK);
        assert_eq!(s::Axons::<Runtime>::get(FIRST, key("hotkey")).unwrap().block, 1);
        wait(49);
        expect("hotkey", axon(FIRST, 0x0a00_0001, 4, 0), "ServingRateLimitExceeded");
        wait(1);
        expect("hotkey", axon(FIRST, 0x0a00_0001, 4, 1), OK);
        s::ServingRateLimit::<Runtime>::insert(FIRST, 0);
        expect("hotkey", axon(FIRST, 0x0a00_0001, 4, 2), OK);
    });
}

#[test]
fn serve_prometheus_looks_at_the_address_first_and_takes_no_zero() {
    on_a_chain(|| {
        let call = |ip, ip_type, port| Call::serve_prometheus { netuid: FIRST, version: 1, ip, port, ip_type };
        expect("hotkey", call(7, 5, 0), "InvalidIpType");
        expect("hotkey", call(0, 4, 0), "InvalidIpAddress");
        expect("hotkey", call(7, 4, 0), "HotKeyNotRegisteredInNetwork");
        register(FIRST, "hotkey");
        expect("hotkey", call(7, 4, 0), "InvalidPort");
        expect("hotkey", call(7, 4, 1), OK);
        expect("hotkey", call(7, 4, 1), "ServingRateLimitExceeded");
    });
}

#[test]
fn identities_belong_to_the_registered_and_have_lengths() {
    on_a_chain(|| {
        let identity = |name: usize, image: usize| Call::set_identity {
            name: vec![b'n'; name],
            url: vec![],
            github_repo: vec![],
            image: vec![b'i'; image],
            discord: vec![],
            description: vec![],
            additional: vec![],
        };
        expect("Bob", identity(1, 1), "HotKeyNotRegisteredInNetwork");
        register(FIRST, "hotkey");
        expect("Bob", identity(257, 0), "InvalidIdentity");
        expect("Bob", identity(0, 1_025), "InvalidIdentity");
        expect("Bob", identity(256, 1_024), OK);
    });
}

#[test]
fn subnet_identities_are_the_owners_and_have_lengths() {
    on_a_subnet(|| {
        let identity = |subnet_name: usize, subnet_url: usize| Call::set_subnet_identity {
            netuid: SUBNET,
            subnet_name: vec![b'n'; subnet_name],
            github_repo: vec![],
            subnet_contact: vec![],
            subnet_url: vec![b'u'; subnet_url],
            discord: vec![],
            description: vec![],
            logo_url: vec![],
            additional: vec![],
        };
        expect("Bob", identity(257, 0), "NotSubnetOwner");
        expect("Alice", identity(257, 0), "InvalidIdentity");
        expect("Alice", identity(0, 1_025), "InvalidIdentity");
        expect("Alice", identity(256, 1_024), OK);
    });
}

#[test]
fn try_associate_hotkey_takes_what_nobody_has() {
    on_a_chain(|| {
        give("newcomer", 1);
        let call = || Call::try_associate_hotkey { hotkey: key("hotkey") };
        expect("newcomer", call(), OK);
        expect("Bob", call(), OK);
        assert_eq!(s::Owner::<Runtime>::get(key("hotkey")), key("newcomer"), "and is no error otherwise");
    });
}

#[test]
fn axons_come_with_a_certificate_that_can_be_read() {
    on_a_chain(|| {
        register(FIRST, "hotkey");
        s::ServingRateLimit::<Runtime>::insert(FIRST, 0);
        let serve = |certificate: Vec<u8>| Call::serve_axon_tls {
            netuid: FIRST,
            version: 1,
            ip: 0x0a00_0001,
            port: 7,
            ip_type: 4,
            protocol: 4,
            placeholder1: 0,
            placeholder2: 0,
            certificate,
        };
        let stored = || s::NeuronCertificates::<Runtime>::get(FIRST, key("hotkey"));
        // An algorithm without a key, and a key of 65 bytes, are none; the axon is announced all the same.
        for unreadable in [vec![], vec![1], vec![1; 66]] {
            expect("hotkey", serve(unreadable), OK);
            assert!(stored().is_none());
        }
        assert_eq!(s::Axons::<Runtime>::get(FIRST, key("hotkey")).unwrap().port, 7);
        expect("hotkey", serve([vec![3], vec![5; 64]].concat()), OK);
        let certificate = stored().unwrap();
        assert_eq!((certificate.algorithm, certificate.public_key.to_vec()), (3, vec![5; 64]));
        // One that cannot be read leaves the old one.
        expect("hotkey", serve(vec![1]), OK);
        assert_eq!(stored().unwrap().algorithm, 3);
        expect("nobody", serve(vec![1, 2]), "HotKeyNotRegisteredInNetwork");
    });
}

#[test]
fn without_root_nobody_registers_there() {
    on_a_chain(|| {
        s::NetworksAdded::<Runtime>::remove(0);
        expect("Bob", Call::root_register { hotkey: key("hotkey") }, "RootNetworkDoesNotExist");
    });
}

#[test]
fn leases_are_for_the_crowdloan_that_is_being_finalised() {
    use btd_devnet_runtime::crowdloan;
    on_a_chain(|| {
        let lease = |end_block| Call::register_leased_network {
            emissions_share: sp_runtime::Percent::from_percent(30),
            end_block,
        };
        expect("Bob", lease(None), "InvalidCrowdloanId");
        let create = crowdloan::Call::create {
            deposit: 20 * UNIT,
            min_contribution: UNIT,
            cap: 2_000 * UNIT,
            end: System::block_number() + 100_800,
            call: Some(Box::new(lease(None).into())),
            target_address: None,
        };
        expect("Bob", create, OK);
        crowdloan::CurrentCrowdloanId::<Runtime>::put(0);
        expect("Charlie", lease(None), "InvalidLeaseBeneficiary");
        expect("Bob", lease(Some(System::block_number())), "LeaseCannotEndInThePast");
        s::NextSubnetLeaseId::<Runtime>::put(u32::MAX);
        expect("Bob", lease(None), "Overflow");
    });
}

/// That those without are left out rests on the source of versions near spec 425: recorded pools all have a price.
#[test]
fn a_new_pool_has_the_middle_price_of_those_that_have_one() {
    on_a_subnet(|| {
        s::NetworkRateLimit::<Runtime>::put(0);
        let create = |hotkey: &str, netuid: u16| {
            expect("Alice", Call::register_network { hotkey: key(hotkey) }, OK);
            (s::SubnetTAO::<Runtime>::get(netuid), s::SubnetAlphaIn::<Runtime>::get(netuid))
        };
        // The first subnet's price is one; three quarters of the weight on alpha make this one's three.
        s::SubnetTAO::<Runtime>::insert(SUBNET, 1_000 * UNIT);
        s::SubnetAlphaIn::<Runtime>::insert(SUBNET, 1_000 * UNIT);
        SwapBalancer::<Runtime>::insert(SUBNET, Balancer { quote: Perquintill::from_percent(25) });
        let (tao, alpha) = create("third", 3);
        assert_eq!(alpha, tao / 2);
        // Without alpha a pool has no price; three and two are left.
        s::SubnetAlphaIn::<Runtime>::insert(FIRST, 0);
        let (tao, alpha) = create("fourth", 4);
        assert_eq!(alpha, tao * 2 / 5);
    });
}

#[test]
fn what_a_subnet_costs_falls_with_the_tao_that_blocks_issue() {
    on_a_subnet(|| {
        wait(1_000);
        let tao = 1_000 * UNIT;
        assert_eq!(SubtensorModule::network_lock_cost(), 2 * tao - tao / 100_800 * 1_000);
        // After the first half of all TAO blocks issue half as much, which the figure of some alpha does not hide.
        s::TotalIssuance::<Runtime>::put(11_000_000 * UNIT);
        s::BlockEmission::<Runtime>::put(UNIT);
        assert_eq!(SubtensorModule::network_lock_cost(), 2 * tao - tao / 50_400 * 1_000);
    });
}

#[test]
fn the_cheapest_subnet_goes_first_and_alpha_that_is_tao_costs_one() {
    on_a_subnet(|| {
        s::NetworkImmunityPeriod::<Runtime>::put(0);
        s::SubnetMovingPrice::<Runtime>::insert(SUBNET, I96F32::from_bits(1 << 31));
        assert_eq!(SubtensorModule::subnet_to_prune(), Some(FIRST));
        s::SubnetMechanism::<Runtime>::insert(FIRST, 0);
        assert_eq!(SubtensorModule::subnet_to_prune(), Some(SUBNET));
    });
}
