//! What users of earlier and later runtimes have: senate, root weights, the faucet, and registration by work.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use btd_devnet_runtime::{
    AccountId, Balances, BlockNumber, GenesisSpec, Hash, RootRule, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin,
    SenateMembers, SubtensorModule, Sudo, System, Triumvirate, TriumvirateMembers, UNIT,
    genesis::{self, development_account as key},
    subtensor::{self as s, Error, types::ROOT},
    triumvirate,
};
use codec::Encode;
use frame_support::{assert_noop, assert_ok, traits::Hooks, weights::Weight};
use sp_core::U256;
use sp_io::hashing::{keccak_256, sha2_256};

const FIRST: u16 = 1;
const DURATION: BlockNumber = 3_600;
/// The first nonce that the faucet takes from `//empty` for a block whose hash is all eights.
const FAUCET_NONCE: u64 = 978_180;

fn on_a_chain(root_rule: RootRule, test: impl FnOnce()) {
    let storage = genesis::genesis(&GenesisSpec { root_rule, ..GenesisSpec::default() }).unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        test();
    });
}

fn by(name: &str) -> RuntimeOrigin {
    RuntimeOrigin::signed(key(name))
}

/// A proposal that only root may run: a setting of the whole chain.
fn proposal(limit: u64) -> Box<RuntimeCall> {
    let setting =
        RuntimeCall::AdminUtils(btd_devnet_runtime::admin::Call::sudo_set_tx_rate_limit { tx_rate_limit: limit });
    Box::new(RuntimeCall::SubtensorModule(s::Call::sudo { call: Box::new(setting) }))
}

fn propose(by_whom: &str, proposal: &RuntimeCall, duration: BlockNumber) -> sp_runtime::DispatchResult {
    let length = u32::try_from(proposal.encoded_size()).unwrap();
    Triumvirate::propose(by(by_whom), Box::new(proposal.clone()), length, duration)
}

fn hash(proposal: &RuntimeCall) -> Hash {
    sp_io::hashing::blake2_256(&proposal.encode()).into()
}

fn vote(coldkey: &str, hotkey: &str, proposal: &RuntimeCall, index: u32, aye: bool) -> sp_runtime::DispatchResult {
    SubtensorModule::vote(by(coldkey), key(hotkey), hash(proposal), index, aye).map(drop).map_err(|error| error.error)
}

fn close(proposal: &RuntimeCall, index: u32) -> sp_runtime::DispatchResult {
    let bound = Weight::from_parts(1_000_000_000_000, u64::MAX);
    Triumvirate::close(by("Eve"), hash(proposal), index, bound, 1_000).map(drop).map_err(|error| error.error)
}

fn senate(hotkeys: &[&str]) {
    for hotkey in hotkeys {
        s::RegistrationsThisBlock::<Runtime>::insert(ROOT, 0);
        s::RegistrationsThisInterval::<Runtime>::insert(ROOT, 0);
        assert_ok!(SubtensorModule::root_register(by("Bob"), key(hotkey)));
    }
}

fn happened(event: impl Into<RuntimeEvent>) -> bool {
    let event = event.into();
    System::events().iter().any(|record| record.event == event)
}

#[test]
fn a_chain_of_spec_425_has_neither_senate_nor_root_weights() {
    on_a_chain(RootRule::None, || {
        senate(&["hotkey"]);
        assert!(SenateMembers::members().is_empty() && TriumvirateMembers::members().is_empty());
        assert_noop!(propose("Alice", &proposal(1), DURATION), triumvirate::Error::<Runtime>::NotMember);
        assert_noop!(vote("Bob", "hotkey", &proposal(1), 0, true), Error::<Runtime>::NotSenateMember);
        s::CommitRevealWeightsEnabled::<Runtime>::insert(ROOT, false);
        assert_noop!(
            SubtensorModule::set_weights(by("hotkey"), ROOT, vec![1], vec![1], 0),
            Error::<Runtime>::CanNotSetRootNetworkWeights
        );
    });
}

#[test]
fn a_proposal_runs_with_the_votes_of_the_senate() {
    on_a_chain(RootRule::Legacy, || {
        senate(&["one", "two", "three"]);
        assert_eq!(SenateMembers::members().len(), 3);
        let call = proposal(77);
        assert_noop!(propose("Dave", &call, DURATION), triumvirate::Error::<Runtime>::NotMember);
        assert_noop!(propose("Alice", &call, DURATION - 1), triumvirate::Error::<Runtime>::WrongDuration);
        assert_noop!(
            Triumvirate::propose(by("Alice"), call.clone(), 3, DURATION),
            triumvirate::Error::<Runtime>::WrongProposalLength
        );
        assert_ok!(propose("Alice", &call, DURATION));
        assert_noop!(propose("Bob", &call, DURATION), triumvirate::Error::<Runtime>::DuplicateProposal);
        let votes = triumvirate::Voting::<Runtime>::get(hash(&call)).unwrap();
        assert_eq!((votes.index, votes.threshold, votes.end), (0, 2, 1 + DURATION));
        let proposal_hash = hash(&call);
        let (account, proposal_index, threshold) = (key("Alice"), 0, 2);
        assert!(happened(triumvirate::Event::Proposed { account, proposal_index, proposal_hash, threshold }));

        // Votes are the senators', cast by their coldkeys.
        assert_noop!(Triumvirate::vote(by("Alice"), hash(&call), 0, true), triumvirate::Error::<Runtime>::NotMember);
        assert_noop!(vote("Alice", "one", &call, 0, true), Error::<Runtime>::NonAssociatedColdKey);
        assert_ok!(SubtensorModule::try_associate_hotkey(by("Alice"), key("nobody")));
        assert_noop!(vote("Alice", "nobody", &call, 0, true), Error::<Runtime>::NotSenateMember);
        assert_noop!(vote("Bob", "one", &proposal(1), 0, true), triumvirate::Error::<Runtime>::ProposalMissing);
        assert_noop!(vote("Bob", "one", &call, 1, true), triumvirate::Error::<Runtime>::WrongIndex);
        assert_ok!(vote("Bob", "one", &call, 0, false));
        assert_noop!(vote("Bob", "one", &call, 0, false), triumvirate::Error::<Runtime>::DuplicateVote);
        let account = key("one");
        assert!(happened(triumvirate::Event::Voted { account, proposal_hash, voted: false, yes: 0, no: 1 }));
        assert_noop!(close(&call, 0), triumvirate::Error::<Runtime>::TooEarly);
        assert_ok!(vote("Bob", "one", &call, 0, true));
        assert_ok!(vote("Bob", "two", &call, 0, true));
        let votes = triumvirate::Voting::<Runtime>::get(hash(&call)).unwrap();
        assert_eq!((votes.ayes, votes.nays), (vec![key("one"), key("two")], vec![]));

        assert_noop!(close(&call, 9), triumvirate::Error::<Runtime>::WrongIndex);
        let within = |weight, length| {
            Triumvirate::close(by("Eve"), proposal_hash, 0, weight, length).map(drop).map_err(|error| error.error)
        };
        assert_noop!(within(Weight::MAX, 3), triumvirate::Error::<Runtime>::WrongProposalLength);
        assert_noop!(within(Weight::zero(), 1_000), triumvirate::Error::<Runtime>::WrongProposalWeight);
        assert_ok!(close(&call, 0));
        assert_eq!(s::TxRateLimit::<Runtime>::get(), 77, "it ran as root");
        assert!(happened(triumvirate::Event::Closed { proposal_hash: hash(&call), yes: 2, no: 0 }));
        assert!(happened(triumvirate::Event::Approved { proposal_hash }));
        assert!(happened(triumvirate::Event::Executed { proposal_hash: hash(&call), result: Ok(()) }));
        assert!(triumvirate::Proposals::<Runtime>::get().is_empty());
        assert_noop!(close(&call, 0), triumvirate::Error::<Runtime>::ProposalMissing);
    });
}

#[test]
fn what_triumvirs_do_is_operational() {
    use frame_support::dispatch::{DispatchClass, GetDispatchInfo};
    let class = |call: triumvirate::Call<Runtime>| call.get_dispatch_info().class;
    let (proposal_hash, index) = (Hash::zero(), 0);
    let close = triumvirate::Call::close {
        proposal_hash,
        index,
        proposal_weight_bound: frame_support::weights::Weight::zero(),
        length_bound: 0,
    };
    assert_eq!(class(close), DispatchClass::Operational);
    let propose = triumvirate::Call::propose { proposal: proposal(1), length_bound: 0, duration: 0 };
    assert_eq!(class(propose), DispatchClass::Operational);
    assert_eq!(class(triumvirate::Call::disapprove_proposal { proposal_hash }), DispatchClass::Normal);
}

#[test]
fn a_proposal_ends_without_enough_votes() {
    on_a_chain(RootRule::Legacy, || {
        senate(&["one", "two", "three"]);
        let (refused, silent) = (proposal(1), proposal(2));
        assert_ok!(propose("Alice", &refused, DURATION));
        assert_ok!(propose("Alice", &silent, DURATION));
        assert_ok!(vote("Bob", "one", &refused, 0, false));
        assert_ok!(vote("Bob", "two", &refused, 0, false));
        assert_ok!(close(&refused, 0));
        assert!(happened(triumvirate::Event::Disapproved { proposal_hash: hash(&refused) }));
        System::set_block_number(DURATION);
        assert_noop!(close(&silent, 1), triumvirate::Error::<Runtime>::TooEarly);
        System::set_block_number(DURATION + 1);
        assert_ok!(close(&silent, 1));
        assert!(happened(triumvirate::Event::Closed { proposal_hash: hash(&silent), yes: 0, no: 3 }));
        assert_eq!(s::TxRateLimit::<Runtime>::get(), 1_000);
    });
}

#[test]
fn ten_proposals_are_open_at_once() {
    on_a_chain(RootRule::Legacy, || {
        for limit in 0..10 {
            assert_ok!(propose("Alice", &proposal(limit), DURATION));
        }
        assert_noop!(propose("Bob", &proposal(10), DURATION), triumvirate::Error::<Runtime>::TooManyProposals);
        assert_ok!(Triumvirate::disapprove_proposal(RuntimeOrigin::root(), hash(&proposal(0))));
        assert_ok!(propose("Bob", &proposal(10), DURATION));
    });
}

#[test]
fn a_call_that_a_triumvir_makes_alone_has_one_member_behind_it() {
    on_a_chain(RootRule::Legacy, || {
        let execute = |name: &str, length| Triumvirate::execute(by(name), proposal(5), length);
        assert_noop!(execute("Dave", 1_000), triumvirate::Error::<Runtime>::NotMember);
        assert_noop!(execute("Alice", 3), triumvirate::Error::<Runtime>::WrongProposalLength);
        assert_ok!(execute("Alice", 1_000));
        // What it asks for takes the senate.
        let (proposal_hash, result) = (hash(&proposal(5)), Err(sp_runtime::DispatchError::BadOrigin));
        assert!(happened(triumvirate::Event::MemberExecuted { proposal_hash, result }));
    });
}

#[test]
fn sudo_is_for_the_majority_of_the_senate_alone() {
    on_a_chain(RootRule::Legacy, || {
        let call = proposal(5);
        for origin in [by("Alice"), RuntimeOrigin::root(), triumvirate::RawOrigin::Members(1, 2).into()] {
            let RuntimeCall::SubtensorModule(s::Call::sudo { call }) = *call.clone() else { unreachable!() };
            assert_noop!(SubtensorModule::sudo(origin, call), sp_runtime::DispatchError::BadOrigin);
        }
        assert_ok!(SubtensorModule::sudo(
            triumvirate::RawOrigin::Members(2, 3).into(),
            Box::new(RuntimeCall::System(frame_system::Call::set_heap_pages { pages: 1 }))
        ));
        assert!(happened(s::Event::Sudid(Ok(()))));
    });
}

#[test]
fn senators_have_a_hundredth_of_roots_stake_and_the_weakest_makes_room() {
    on_a_chain(RootRule::Legacy, || {
        s::MaxRegistrationsPerBlock::<Runtime>::insert(ROOT, 99);
        let stake = |hotkey: &str, amount: u64| {
            assert_ok!(SubtensorModule::try_associate_hotkey(by("Bob"), key(hotkey)));
            assert_ok!(SubtensorModule::add_stake(by("Bob"), key(hotkey), ROOT, amount));
        };
        stake("rich", 1_000 * UNIT);
        stake("poor", 9 * UNIT);
        senate(&["rich", "poor"]);
        assert_eq!(SenateMembers::members().to_vec(), [key("rich")]);
        let names: Vec<String> = (0..12).map(|number| format!("senator{number}")).collect();
        for (name, extra) in names.iter().zip(0..) {
            stake(name, 100 * UNIT + extra);
        }
        senate(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let members = SenateMembers::members();
        assert_eq!(members.len(), 12);
        assert!(members.contains(&key("rich")) && members.contains(&key("senator11")));
        assert!(!members.contains(&key("senator0")), "the weakest made room");
    });
}

#[test]
fn triumvirs_are_changed_by_root_alone() {
    on_a_chain(RootRule::Legacy, || {
        let lookup = |name: &str| sp_runtime::MultiAddress::Id(key(name));
        assert!(TriumvirateMembers::remove_member(by("Alice"), lookup("Bob")).is_err());
        assert_ok!(TriumvirateMembers::swap_member(RuntimeOrigin::root(), lookup("Bob"), lookup("Dave")));
        let members = triumvirate::Members::<Runtime>::get();
        assert!(members.contains(&key("Dave")) && !members.contains(&key("Bob")));
        assert_ok!(TriumvirateMembers::set_prime(RuntimeOrigin::root(), lookup("Dave")));
        assert_eq!(triumvirate::Prime::<Runtime>::get(), Some(key("Dave")));
        assert_noop!(
            Triumvirate::set_members(RuntimeOrigin::root(), vec![], None, 3),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}

fn subnet(name: &str) -> u16 {
    assert_ok!(SubtensorModule::register_network(by("Alice"), key(name)));
    let netuid = s::TotalNetworks::<Runtime>::get() - 1;
    assert_ok!(SubtensorModule::start_call(by("Alice"), netuid));
    netuid
}

#[test]
fn root_weights_are_refused_in_order() {
    on_a_chain(RootRule::Legacy, || {
        let set = |netuids: Vec<u16>, weights: Vec<u16>| {
            SubtensorModule::set_weights(by("validator"), ROOT, netuids, weights, 0)
        };
        assert_noop!(set(vec![1], vec![1, 2]), Error::<Runtime>::WeightVecNotEqualSize);
        assert_noop!(set(vec![0, 1, 2], vec![1; 3]), Error::<Runtime>::UidsLengthExceedUidsInSubNet);
        assert_noop!(set(vec![1], vec![1]), Error::<Runtime>::HotKeyNotRegisteredInSubNet);
        senate(&["validator"]);
        s::StakeThreshold::<Runtime>::put(1);
        assert_noop!(set(vec![1], vec![1]), Error::<Runtime>::NotEnoughStakeToSetWeights);
        s::StakeThreshold::<Runtime>::put(0);
        assert_noop!(set(vec![1], vec![1]), Error::<Runtime>::SettingWeightsTooFast);
        System::set_block_number(101);
        assert_noop!(set(vec![1, 1], vec![1, 1]), Error::<Runtime>::DuplicateUids);
        assert_noop!(set(vec![9], vec![1]), Error::<Runtime>::UidVecContainInvalidOne);
        s::MaxWeightsLimit::<Runtime>::insert(ROOT, 20_000);
        assert_noop!(set(vec![1], vec![1]), Error::<Runtime>::MaxWeightExceeded);
        s::MaxWeightsLimit::<Runtime>::insert(ROOT, 65_535);
        // No permit is asked for, and the commit-reveal of root, which is on, does not matter.
        assert!(s::CommitRevealWeightsEnabled::<Runtime>::get(ROOT));
        assert_ok!(set(vec![1], vec![3]));
        assert_eq!(s::Weights::<Runtime>::get(ROOT, 0), [(1, 65_535)]);
    });
}

#[test]
fn emission_follows_root_weights() {
    on_a_chain(RootRule::Legacy, || {
        let (first, second) = (subnet("first"), subnet("second"));
        for (hotkey, stake) in [("heavy", 300), ("light", 100)] {
            assert_ok!(SubtensorModule::try_associate_hotkey(by("Bob"), key(hotkey)));
            assert_ok!(SubtensorModule::add_stake(by("Bob"), key(hotkey), ROOT, stake * UNIT));
        }
        senate(&["heavy", "light"]);
        System::set_block_number(110);
        for (hotkey, weights) in [("heavy", [3, 1]), ("light", [0, 1])] {
            let targets = vec![first, second];
            assert_ok!(SubtensorModule::set_weights(by(hotkey), ROOT, targets, weights.to_vec(), 0));
        }
        // Nothing is issued to subnets before root's epoch, at the block before a multiple of its tempo and one.
        System::set_block_number(200);
        SubtensorModule::on_initialize(200);
        assert_eq!(s::SubnetTaoInEmission::<Runtime>::get(first), 0);
        System::set_block_number(201);
        SubtensorModule::on_initialize(201);
        let values = [first, second].map(s::EmissionValues::<Runtime>::get);
        // Ranks: 3/4 · 3/4, and 3/4 · 1/4 + 1/4. Trusts: 3/4 and 1, so consensus 1/(1+e^-2.5) and 1/(1+e^-5).
        let (one, two) = (0.5625 / (1.0 + (-2.5_f64).exp()), 0.4375 / (1.0 + (-5_f64).exp()));
        let shares = [one, two].map(|part| part / (one + two) * 1e9);
        for (value, share) in values.iter().zip(shares) {
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let difference = (*value as f64 - share).abs();
            assert!(difference < 20_000.0, "{values:?} {shares:?}");
        }
        let received =
            |netuid: u16| s::SubnetTaoInEmission::<Runtime>::get(netuid) + s::SubnetExcessTao::<Runtime>::get(netuid);
        assert!(received(first).abs_diff(values[0]) <= 2, "{} {values:?}", received(first));
        assert!(received(second).abs_diff(values[1]) <= 2, "{} {values:?}", received(second));
    });
}

/// The first nonce whose seal is below 2^256 / `difficulty`.
fn solve(seal: impl Fn(u64) -> [u8; 32], difficulty: u64) -> (u64, [u8; 32]) {
    let limit = U256::MAX / difficulty;
    (0..u64::MAX).map(|nonce| (nonce, seal(nonce))).find(|(_, seal)| U256::from_little_endian(seal) <= limit).unwrap()
}

#[test]
fn the_faucet_checks_block_difficulty_and_seal() {
    on_a_chain(RootRule::None, || {
        let empty = key("empty");
        let give = |block: u64, nonce: u64, work: Vec<u8>| {
            SubtensorModule::faucet(RuntimeOrigin::signed(key("empty")), block, nonce, work)
        };
        System::set_block_number(10);
        assert_noop!(give(11, 0, vec![0; 32]), Error::<Runtime>::InvalidWorkBlock);
        assert_noop!(give(7, 0, vec![0; 32]), Error::<Runtime>::InvalidWorkBlock);
        assert_noop!(give(10, 0, vec![255; 32]), Error::<Runtime>::InvalidDifficulty);
        assert_noop!(give(10, 0, vec![0; 32]), Error::<Runtime>::InvalidSeal);
        assert_noop!(give(10, 0, vec![0; 31]), Error::<Runtime>::InvalidSeal);
        frame_system::BlockHash::<Runtime>::insert(8, Hash::repeat_byte(8));
        let inner = keccak_256(&[&[8_u8; 32][..], empty.as_ref()].concat());
        let sealed = |nonce: u64| keccak_256(&sha2_256(&[&nonce.to_le_bytes()[..], &inner].concat()));
        let (nonce, seal) = (FAUCET_NONCE, sealed(FAUCET_NONCE));
        let issued = (s::TotalIssuance::<Runtime>::get(), Balances::total_issuance());
        assert_ok!(give(8, nonce, seal.to_vec()));
        assert_eq!(Balances::free_balance(&empty), 1_000 * UNIT);
        assert_eq!(s::TotalIssuance::<Runtime>::get(), issued.0 + 1_000 * UNIT);
        assert_eq!(Balances::total_issuance(), issued.1 + 1_000 * UNIT);
        assert_eq!(s::UsedWork::<Runtime>::get(seal.to_vec()), 10);
        assert!(happened(s::Event::Faucet(empty, 1_000 * UNIT)));
        // The work is remembered, and taken again all the same.
        assert_ok!(give(8, nonce, seal.to_vec()));
    });
}

#[test]
fn registration_by_work_is_refused_in_order() {
    on_a_chain(RootRule::None, || {
        let (hotkey, coldkey) = (key("miner"), key("Bob"));
        let register = |netuid: u16, block: u64, (nonce, work): (u64, [u8; 32])| {
            SubtensorModule::pow_register(by("Bob"), netuid, block, nonce, work, key("miner"))
        };
        let none = (0, [255; 32]);
        System::set_block_number(10);
        assert_noop!(register(ROOT, 9, none), Error::<Runtime>::RegistrationNotPermittedOnRootSubnet);
        assert_noop!(register(9, 9, none), Error::<Runtime>::SubnetNotExists);
        s::NetworkPowRegistrationAllowed::<Runtime>::insert(FIRST, false);
        assert_noop!(register(FIRST, 9, none), Error::<Runtime>::SubNetRegistrationDisabled);
        s::NetworkPowRegistrationAllowed::<Runtime>::insert(FIRST, true);
        s::RegistrationsThisBlock::<Runtime>::insert(FIRST, 1);
        assert_noop!(register(FIRST, 9, none), Error::<Runtime>::TooManyRegistrationsThisBlock);
        s::RegistrationsThisBlock::<Runtime>::insert(FIRST, 0);
        for block in [10, 5, 9] {
            assert_noop!(register(FIRST, block, none), Error::<Runtime>::InvalidWorkBlock);
        }
        frame_system::BlockHash::<Runtime>::insert(9, Hash::repeat_byte(9));
        assert_noop!(register(FIRST, 9, none), Error::<Runtime>::InvalidSeal);
        let seal = |hotkey: &AccountId, nonce: u64| {
            let netuid = FIRST.to_le_bytes();
            let parts: [&[u8]; 6] = [
                b"subtensor-pow-register-v1",
                &netuid,
                &[9; 32],
                hotkey.as_ref(),
                coldkey.as_ref(),
                &nonce.to_le_bytes(),
            ];
            keccak_256(&sha2_256(&parts.concat()))
        };
        assert_noop!(register(FIRST, 9, (0, seal(&hotkey, 0))), Error::<Runtime>::InvalidDifficulty);
        // The floor wins over the ceiling.
        s::MaxDifficulty::<Runtime>::insert(FIRST, 1);
        assert_noop!(register(FIRST, 9, (0, seal(&hotkey, 0))), Error::<Runtime>::InvalidDifficulty);
        s::MinDifficulty::<Runtime>::insert(FIRST, 0);
        s::MaxDifficulty::<Runtime>::insert(FIRST, u64::MAX);
        s::Difficulty::<Runtime>::insert(FIRST, 1_000);
        let solved = solve(|nonce| seal(&hotkey, nonce), 1_000);
        assert_ok!(SubtensorModule::try_associate_hotkey(by("Eve"), hotkey.clone()));
        assert_noop!(register(FIRST, 9, solved), Error::<Runtime>::NonAssociatedColdKey);
        s::Owner::<Runtime>::remove(&hotkey);

        let balance = Balances::free_balance(&coldkey);
        assert_ok!(register(FIRST, 9, solved));
        let uid = s::Uids::<Runtime>::get(FIRST, &hotkey).unwrap();
        assert!(happened(s::Event::NeuronRegistered(FIRST, uid, hotkey.clone())));
        assert_eq!(Balances::free_balance(&coldkey), balance, "nothing is burned");
        assert_noop!(register(FIRST, 9, solved), Error::<Runtime>::HotKeyAlreadyRegisteredInSubNet);
        s::Uids::<Runtime>::remove(FIRST, &hotkey);
        s::RegistrationsThisBlock::<Runtime>::insert(FIRST, 0);
        assert_noop!(register(FIRST, 9, solved), Error::<Runtime>::InvalidWorkBlock);
    });
}

#[test]
fn root_schedules_calls_of_any_size() {
    on_a_chain(RootRule::None, || {
        let setting =
            RuntimeCall::AdminUtils(btd_devnet_runtime::admin::Call::sudo_set_tx_rate_limit { tx_rate_limit: 9 });
        assert_noop!(
            btd_devnet_runtime::Scheduler::schedule(by("Alice"), 5, None, 0, Box::new(setting.clone())),
            sp_runtime::DispatchError::BadOrigin
        );
        let schedule = RuntimeCall::Scheduler(pallet_scheduler::Call::schedule {
            when: 5,
            maybe_periodic: None,
            priority: 0,
            call: Box::new(setting),
        });
        assert_ok!(Sudo::sudo(by("Alice"), Box::new(schedule)));
        System::set_block_number(5);
        btd_devnet_runtime::Scheduler::on_initialize(5);
        assert_eq!(s::TxRateLimit::<Runtime>::get(), 9);
    });
}

#[test]
fn preimages_cost_a_deposit_that_comes_back() {
    on_a_chain(RootRule::None, || {
        let bytes = vec![7_u8; 100];
        let before = Balances::free_balance(key("Bob"));
        assert_ok!(btd_devnet_runtime::Preimage::note_preimage(by("Bob"), bytes.clone()));
        // Two items and 64 bytes, and each byte of it.
        assert_eq!(before - Balances::free_balance(key("Bob")), 2 * 20_000_000 + 64 * 1_000_000 + 100 * 1_000_000);
        assert_ok!(btd_devnet_runtime::Preimage::unnote_preimage(by("Bob"), sp_io::hashing::blake2_256(&bytes).into()));
        assert_eq!(Balances::free_balance(key("Bob")), before);
    });
}
