//! A chain that starts full: that it is whole, that it follows from its seed, and that epochs run over it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::collections::BTreeSet;

use btd_devnet_runtime::{
    AccountId, Busy, GenesisSpec, Runtime, Subnets, SubtensorModule, System, UNIT,
    alpha_assets::TotalAlphaIssuance,
    genesis,
    subtensor::{self as s, types::ROOT},
};
use frame_support::traits::{OnFinalize, OnInitialize, fungible::Inspect};

const SMALL: Busy = Busy { subnets: 3, neurons: 12, seed: 7 };

fn spec(busy: Busy) -> GenesisSpec {
    GenesisSpec { subnets: Subnets::Busy(busy), ..GenesisSpec::default() }
}

fn on_a_busy_chain(test: impl FnOnce()) {
    sp_io::TestExternalities::new(genesis(&spec(SMALL)).unwrap()).execute_with(test);
}

/// What must hold of every subnet at any time.
fn check(netuid: u16) {
    let neurons = s::SubnetworkN::<Runtime>::get(netuid);
    let mut hotkeys = BTreeSet::new();
    for uid in 0..neurons {
        let hotkey = s::Keys::<Runtime>::get(netuid, uid);
        assert_eq!(s::Uids::<Runtime>::get(netuid, &hotkey), Some(uid));
        assert!(s::IsNetworkMember::<Runtime>::get(&hotkey, netuid));
        assert!(s::OwnedHotkeys::<Runtime>::get(s::Owner::<Runtime>::get(&hotkey)).contains(&hotkey));
        hotkeys.insert(hotkey);
    }
    assert_eq!(hotkeys.len(), usize::from(neurons));
    assert_eq!(s::Uids::<Runtime>::iter_prefix(netuid).count(), usize::from(neurons));
    if netuid == ROOT {
        return;
    }
    let length = usize::from(neurons);
    assert_eq!(s::Active::<Runtime>::get(netuid).len(), length);
    assert_eq!(s::Consensus::<Runtime>::get(netuid).len(), length);
    assert_eq!(s::Incentive::<Runtime>::get(netuid).len(), length);
    assert_eq!(s::Dividends::<Runtime>::get(netuid).len(), length);
    assert_eq!(s::Emission::<Runtime>::get(netuid).len(), length);
    assert_eq!(s::LastUpdate::<Runtime>::get(netuid).len(), length);
    assert_eq!(s::ValidatorTrust::<Runtime>::get(netuid).len(), length);
    assert_eq!(s::ValidatorPermit::<Runtime>::get(netuid).len(), length);
    for (uid, row) in s::Weights::<Runtime>::iter_prefix(netuid).chain(s::Bonds::<Runtime>::iter_prefix(netuid)) {
        assert!(uid < neurons && row.iter().all(|(target, _)| *target < neurons));
        assert!(row.is_sorted_by(|before, after| before.0 < after.0));
    }
}

/// Alpha of a subnet that hotkeys hold, and that waits for the next epoch.
fn held(netuid: u16) -> u64 {
    let stakes = s::TotalHotkeyAlpha::<Runtime>::iter().filter(|(_, of, _)| *of == netuid);
    stakes.map(|(_, _, alpha)| alpha).sum::<u64>()
        + s::PendingServerEmission::<Runtime>::get(netuid)
        + s::PendingValidatorEmission::<Runtime>::get(netuid)
        + s::PendingRootAlphaDivs::<Runtime>::get(netuid)
        + s::PendingOwnerCut::<Runtime>::get(netuid)
}

#[test]
fn a_busy_chain_is_whole() {
    on_a_busy_chain(|| {
        let netuids: Vec<u16> = SubtensorModule::netuids();
        assert_eq!(netuids, [0, 1, 2, 3]);
        assert_eq!(s::TotalNetworks::<Runtime>::get(), 4);
        for netuid in &netuids {
            check(*netuid);
            assert_eq!(held(*netuid), s::SubnetAlphaOut::<Runtime>::get(netuid), "{netuid}");
            let account = SubtensorModule::subnet_account(*netuid);
            let covered = pallet_balances::Pallet::<Runtime>::balance(&account);
            assert_eq!(covered, s::SubnetTAO::<Runtime>::get(netuid), "{netuid}");
        }
        for (hotkey, coldkey, netuid) in s::AlphaV2::<Runtime>::iter_keys() {
            let stake = SubtensorModule::stake(&hotkey, &coldkey, netuid);
            assert_eq!(stake, s::TotalHotkeyAlpha::<Runtime>::get(&hotkey, netuid));
            assert!(s::StakingHotkeys::<Runtime>::get(&coldkey).contains(&hotkey));
        }
        let pools: u64 = netuids.iter().map(s::SubnetTAO::<Runtime>::get).sum();
        assert_eq!(s::TotalStake::<Runtime>::get(), pools);
        assert_eq!(s::TotalIssuance::<Runtime>::get(), pallet_balances::Pallet::<Runtime>::total_issuance());
        assert_eq!(SubtensorModule::alpha_price(1), {
            let (tao, alpha) = (s::SubnetTAO::<Runtime>::get(1), s::SubnetAlphaIn::<Runtime>::get(1));
            u64::try_from(u128::from(tao) * u128::from(UNIT) / u128::from(alpha)).unwrap()
        });
    });
}

#[test]
fn whoever_has_a_seat_on_root_is_a_delegate() {
    on_a_busy_chain(|| {
        let seats: BTreeSet<AccountId> = s::Keys::<Runtime>::iter_prefix(ROOT).map(|(_, hotkey)| hotkey).collect();
        let delegates = SubtensorModule::delegates();
        assert!(delegates.iter().all(|delegate| delegate.take.0 == 11_796));
        assert_eq!(delegates.into_iter().map(|delegate| delegate.delegate_ss58).collect::<BTreeSet<_>>(), seats);
        assert!(!seats.is_empty());
    });
}

#[test]
fn blocks_claim_for_whoever_has_stake_on_root_from_the_start() {
    on_a_busy_chain(|| {
        let on_root = s::AlphaV2::<Runtime>::iter_keys().filter(|(_, _, netuid)| *netuid == ROOT);
        let stakers: BTreeSet<AccountId> = on_root.map(|(_, coldkey, _)| coldkey).collect();
        let count = s::NumStakingColdkeys::<Runtime>::get();
        let indexed: Vec<AccountId> = (0..count).filter_map(s::StakingColdkeysByIndex::<Runtime>::get).collect();
        assert_eq!(u64::try_from(stakers.len()), Ok(count));
        for (index, coldkey) in (0..count).zip(&indexed) {
            assert_eq!(s::StakingColdkeys::<Runtime>::get(coldkey), Some(index));
        }
        assert_eq!(indexed.into_iter().collect::<BTreeSet<_>>(), stakers);
    });
}

#[test]
fn the_alpha_of_its_subnets_is_in_the_books() {
    on_a_busy_chain(|| {
        for netuid in 1..=SMALL.subnets {
            let there = s::SubnetAlphaIn::<Runtime>::get(netuid) + s::SubnetAlphaOut::<Runtime>::get(netuid);
            assert_eq!(TotalAlphaIssuance::<Runtime>::get(netuid), there, "{netuid}");
        }
        assert_eq!(TotalAlphaIssuance::<Runtime>::get(ROOT), 0, "stake on root is TAO");
    });
}

#[test]
fn it_follows_from_its_seed() {
    let of = |busy| genesis(&spec(busy)).unwrap().top;
    assert_eq!(of(SMALL), of(SMALL));
    assert_ne!(of(SMALL), of(Busy { seed: 8, ..SMALL }));
    for bad in [Busy { subnets: 0, ..SMALL }, Busy { subnets: 1_025, ..SMALL }, Busy { neurons: 1, ..SMALL }] {
        assert!(genesis(&spec(bad)).unwrap_err().contains("a busy chain has"), "{bad:?}");
    }
    // The smallest has an owner and a validator, and no miner.
    for neurons in [2, 3, 4, 5] {
        assert!(genesis(&spec(Busy { subnets: 1, neurons, seed: 0 })).is_ok());
    }
}

#[test]
fn epochs_run_over_it() {
    on_a_busy_chain(|| {
        let bonds_before = s::Bonds::<Runtime>::get(2, 1);
        // The first epochs are spread over a tempo: three subnets, the last at block 271.
        for block in 1..=300 {
            System::set_block_number(block);
            SubtensorModule::on_initialize(block);
            SubtensorModule::on_finalize(block);
        }
        for netuid in 1..=3 {
            check(netuid);
            assert_eq!(s::SubnetEpochIndex::<Runtime>::get(netuid), 2, "{netuid}");
            let incentive: u64 = s::Incentive::<Runtime>::get(netuid).into_iter().map(u64::from).sum();
            assert!((65_000..=65_535).contains(&incentive), "weights counted: {incentive}");
            let dividends: u64 = s::Dividends::<Runtime>::get(netuid).into_iter().map(u64::from).sum();
            assert!((65_000..=65_535).contains(&dividends), "bonds counted: {dividends}");
            assert!(s::Emission::<Runtime>::get(netuid).into_iter().sum::<u64>() > UNIT);
            // What is out is held, waits, was bought by the chain itself, or was lost to rounding.
            let out = s::SubnetAlphaOut::<Runtime>::get(netuid);
            let known = held(netuid) + s::SubnetProtocolAlpha::<Runtime>::get(netuid);
            assert!(known <= out && out - known < UNIT, "{netuid}: {known} of {out}");
        }
        assert_ne!(s::Bonds::<Runtime>::get(2, 1), bonds_before);
        assert!(s::TotalIssuance::<Runtime>::get() <= pallet_balances::Pallet::<Runtime>::total_issuance());
    });
}

#[test]
fn a_chain_may_start_with_root_alone() {
    let spec = GenesisSpec { subnets: Subnets::None, ..GenesisSpec::default() };
    sp_io::TestExternalities::new(genesis(&spec).unwrap()).execute_with(|| {
        assert_eq!(SubtensorModule::netuids(), [ROOT]);
        assert_eq!(s::TotalNetworks::<Runtime>::get(), 1);
    });
}
