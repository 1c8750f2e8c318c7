//! Blocks put together by hand, and blocks of calls that real metadata describes.

use codec::Encode;
use serde_json::json;

use super::*;
use crate::{
    call::Call,
    extrinsic::{Context, Era, Mortality, Signature, assemble},
    generations::generations,
    handmade::{
        self, AccountId32, DispatchError as Failure, ModuleError, RuntimeEvent, SystemEvent, TokenError,
        extensions_of_2024,
    },
    value::Value,
};

/// An event record: phase, event, topics.
fn record(phase: &[u8], event: SystemEvent) -> Vec<u8> {
    [phase, &RuntimeEvent::System(event).encode(), &Vec::<[u8; 32]>::new().encode()].concat()
}

fn applying(index: u32) -> Vec<u8> {
    [vec![0], index.encode()].concat()
}

fn failed(error: Failure) -> SystemEvent {
    SystemEvent::ExtrinsicFailed { dispatch_error: error }
}

fn decoded(events: &[Vec<u8>], extrinsics: usize) -> FinalizedBlock {
    let count = Compact(u32::try_from(events.len()).unwrap()).encode();
    let raw = RawBlock {
        block: BlockRef { number: BlockNumber(9), hash: BlockHash([9; 32]) },
        parent: BlockHash([8; 32]),
        extrinsics: vec![vec![]; extrinsics],
        events: Ok(Some([count, events.concat()].concat())),
    };
    decode(&raw, &handmade::runtime(extensions_of_2024(), 4))
}

#[test]
fn outcomes_belong_to_their_extrinsics() {
    let module = Failure::Module(ModuleError { index: 7, error: [4, 0, 0, 0] });
    let unknown = Failure::Module(ModuleError { index: 7, error: [99, 0, 0, 0] });
    let block = decoded(
        &[
            record(&[2], SystemEvent::Remarked(AccountId32([1; 32]), vec![0xab])),
            record(&applying(1), failed(module)),
            record(&applying(0), SystemEvent::ExtrinsicSuccess),
            record(&applying(2), failed(Failure::BadOrigin)),
            record(&applying(3), failed(Failure::Token(TokenError::FundsUnavailable))),
            record(&applying(4), failed(unknown)),
            record(&[1], SystemEvent::Remarked(AccountId32([1; 32]), vec![])),
        ],
        6,
    );
    let results: Vec<Option<String>> = block
        .extrinsics
        .iter()
        .map(|extrinsic| {
            extrinsic.result.clone().map(|result| result.map_or_else(|e| e.to_string(), |()| "ok".to_owned()))
        })
        .collect();
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(
        results,
        [
            said("ok"),
            said("Subtensor.NotEnoughStake: The key has no such stake."),
            said("BadOrigin"),
            said("Token.FundsUnavailable"),
            said("Subtensor.error 99"),
            None,
        ]
    );
    let phases: Vec<_> = block.events.iter().map(|event| event.extrinsic).collect();
    assert_eq!(phases, [None, Some(1), Some(0), Some(2), Some(3), Some(4), None]);
    assert_eq!(block.events[0].fields, serde_json::json!([AccountId([1; 32]).to_string(), "0xab"]));
}

#[test]
fn an_event_that_cannot_be_read_hides_only_those_behind_it() {
    let stranger = [applying(1), vec![77, 0], vec![0]].concat();
    let block = decoded(
        &[
            record(&applying(0), SystemEvent::ExtrinsicSuccess),
            stranger,
            record(&applying(2), SystemEvent::ExtrinsicSuccess),
        ],
        3,
    );
    assert_eq!(block.events.len(), 1);
    assert_eq!(block.extrinsics.iter().filter(|extrinsic| extrinsic.result.is_some()).count(), 1);
    let note = "event 1 and the 1 behind it: no pallet has index 77";
    assert!(block.illegible.contains(&Illegible::Events(note.to_owned())), "{:?}", block.illegible);
    assert!(!block.tells_all_events());
}

/// Only where nothing is in a block it may have caused nothing, such as the first of a chain.
#[test]
fn no_events_are_no_error_of_a_block_without_extrinsics_alone() {
    let with = |extrinsics: usize, events: Result<Option<Vec<u8>>, String>| {
        let raw = RawBlock {
            block: BlockRef { number: BlockNumber(0), hash: BlockHash([9; 32]) },
            parent: BlockHash([0; 32]),
            extrinsics: vec![vec![]; extrinsics],
            events,
        };
        let block = decode(&raw, &handmade::runtime(extensions_of_2024(), 4));
        assert!(block.events.is_empty());
        (raw.lacks_events().is_none(), block.tells_all_events())
    };
    assert_eq!(with(0, Ok(None)), (true, true));
    assert_eq!(with(0, Ok(Some(vec![0]))), (true, true));
    for none in [None, Some(vec![0]), Some(vec![])] {
        assert_eq!(with(2, Ok(none)), (false, false));
    }
    // That they are gone is known, and that is all that is.
    assert_eq!(with(2, Err("State already discarded".to_owned())), (true, false));
}

/// `call` in an extrinsic that somebody signed.
fn signed(call: &Call, runtime: &Runtime) -> Vec<u8> {
    let (genesis, birth) = (BlockHash([1; 32]), BlockHash([1; 32]));
    let era = Era::starting_at(BlockNumber(100), Mortality::Blocks(64)).unwrap();
    let context = Context { genesis, birth, era, nonce: 5, tip: Tao::from_rao(9) };
    let (_, envelope) = assemble(call, AccountId([4; 32]), &context, runtime).unwrap();
    envelope.seal(&Signature::Sr25519([5; 64]))
}

fn block_of(extrinsics: Vec<Vec<u8>>, runtime: &Runtime) -> FinalizedBlock {
    let block = BlockRef { number: BlockNumber(9), hash: BlockHash([9; 32]) };
    let mut decoded = decode(&RawBlock { block, parent: BlockHash([8; 32]), extrinsics, events: Ok(None) }, runtime);
    // What they caused is not looked at.
    decoded.illegible.retain(|part| !matches!(part, Illegible::Events(_)));
    decoded
}

/// The calls without arguments that `runtime` has.
fn bare_calls(runtime: &Runtime) -> Vec<Call> {
    let pallets = runtime.metadata().pallets();
    let calls = pallets.flat_map(|pallet| {
        let bare = pallet.call_variants().unwrap_or_default().iter().filter(|call| call.fields.is_empty());
        bare.map(move |call| Call::new(pallet.name(), &call.name))
    });
    calls.collect()
}

/// The ways in which a call without arguments can be written inside another one.
fn spellings(call: &Call) -> Vec<Value> {
    let (pallet, name) = (&call.pallet, &call.call);
    let written = [
        json!({ pallet: name }),
        json!({ pallet: { name: null } }),
        json!({ pallet: { name: {} } }),
        json!({ pallet: { name: [] } }),
        json!({ "pallet": pallet, "call": name }),
        json!({ "pallet": pallet, "call": name, "args": {} }),
    ];
    let written = written.into_iter().map(|json| Value::from_json(json).unwrap());
    written.chain([call.clone().into()]).collect()
}

#[test]
fn a_call_without_arguments_is_legible_alone_and_inside_another() {
    for runtime in generations() {
        let calls = bare_calls(&runtime);
        let spec = runtime.spec_version();
        assert!(!calls.is_empty(), "spec {spec}");
        for call in calls {
            let bytes = call.encode(&runtime).unwrap();
            // Signed, and without a signature as inherents are: the version, and the call.
            let unsigned = [vec![4], bytes.clone()].concat().encode();
            let block = block_of(vec![signed(&call, &runtime), unsigned], &runtime);
            assert!(block.illegible.is_empty(), "spec {spec}: {call}: {:?}", block.illegible);
            let signers: Vec<_> = block.extrinsics.iter().map(|extrinsic| extrinsic.signer).collect();
            assert_eq!(signers, [Some(AccountId([4; 32])), None], "spec {spec}: {call}");
            for extrinsic in &block.extrinsics {
                let read = extrinsic.call.as_ref().unwrap();
                assert_eq!((&read.pallet, &read.call, &read.args), (&call.pallet, &call.call, &json!({})));
            }
            assert_eq!(Call::read(&bytes, &runtime).unwrap(), call);

            for inner in spellings(&call) {
                let batch = Call::new("Utility", "batch").arg("calls", vec![inner.clone(), inner.clone()]);
                let real = AccountId([3; 32]);
                let kind = Value::Null;
                let proxied =
                    Call::new("Proxy", "proxy").arg("real", real).arg("force_proxy_type", kind).arg("call", inner);
                for outer in [batch, proxied].into_iter().filter(|outer| runtime.has_call(&outer.pallet, &outer.call)) {
                    let names = outer.all_calls(&runtime).unwrap();
                    assert_eq!((&names[0], &names[1]), (&outer.to_string(), &call.to_string()));
                    let whole = outer.encode(&runtime).unwrap_or_else(|error| panic!("spec {spec}: {call}: {error}"));
                    assert!(whole.ends_with(&bytes), "spec {spec}: {outer}: {call}");
                    let block = block_of(vec![signed(&outer, &runtime)], &runtime);
                    assert!(block.illegible.is_empty(), "spec {spec}: {call}: {:?}", block.illegible);
                }
            }
        }
    }
}

#[test]
fn arguments_that_a_call_does_not_take_are_refused_by_name() {
    let [.., runtime] = generations();
    let given = json!({ "Proxy": { "remove_proxies": { "delegate": "x" } } });
    let batch = Call::new("Utility", "batch").arg("calls", vec![Value::from_json(given).unwrap()]);
    let words = batch.encode(&runtime).unwrap_err().to_string();
    assert!(words.contains("no argument is named `delegate`; the runtime has: none here"), "{words}");
    let spelled = json!({ "pallet": "Balances", "call": "transfer_keep_alive" });
    let batch = Call::new("Utility", "batch").arg("calls", vec![Value::from_json(spelled).unwrap()]);
    let words = batch.encode(&runtime).unwrap_err().to_string();
    assert!(words.contains("the argument `dest` is missing"), "{words}");
}

#[test]
fn an_extrinsic_that_cannot_be_read_loses_no_event_and_not_its_signer() {
    let runtime = handmade::runtime(extensions_of_2024(), 4);
    let stake = Call::new("Subtensor", "add_stake").arg("hotkey", AccountId([3; 32])).arg("amount_staked", 7_u8);
    let mut strange = signed(&stake, &runtime);
    // The call is the last 42 bytes: two indices, an account and an amount.
    let index = strange.len() - 42;
    strange[index] = 77;
    let events =
        [record(&applying(0), SystemEvent::ExtrinsicSuccess), record(&applying(1), failed(Failure::BadOrigin))];
    let raw = RawBlock {
        block: BlockRef { number: BlockNumber(9), hash: BlockHash([9; 32]) },
        parent: BlockHash([8; 32]),
        extrinsics: vec![signed(&stake, &runtime), strange],
        events: Ok(Some([Compact(2_u32).encode(), events.concat()].concat())),
    };
    let block = decode(&raw, &runtime);
    assert!(matches!(block.illegible.as_slice(), [Illegible::Extrinsic(words)] if words.starts_with("extrinsic 1: ")));
    assert!(block.tells_all_events());
    assert_eq!(block.events.len(), 2);
    let unread = &block.extrinsics[1];
    assert_eq!((unread.signer, unread.call.as_ref()), (Some(AccountId([4; 32])), None));
    assert!(matches!(&unread.result, Some(Err(_))));
}

#[test]
fn calls_in_calls_are_read_to_a_depth_and_cost_only_themselves_beyond() {
    for runtime in generations().into_iter().filter(|runtime| runtime.has_call("Utility", "batch")) {
        let remark = Call::new("System", "remark").arg("remark", Value::Bytes(vec![7]));
        let batch = Call::new("Utility", "batch").arg("calls", vec![Value::from(remark.clone())]);
        let plain: Vec<u8> = Decode::decode(&mut &*signed(&remark, &runtime)).unwrap();
        let (remark, batch) = (remark.encode(&runtime).unwrap(), batch.encode(&runtime).unwrap());
        let (head, around) = (plain.strip_suffix(&*remark).unwrap(), batch.strip_suffix(&*remark).unwrap());
        for (depth, is_read) in [(8, true), (300, false), (1_000_000, false)] {
            let nested = [head, &around.repeat(depth), &remark].concat().encode();
            let block = block_of(vec![nested], &runtime);
            let [extrinsic] = block.extrinsics.as_slice() else { panic!("{:?}", block.extrinsics) };
            assert_eq!(extrinsic.signer, Some(AccountId([4; 32])));
            assert_eq!(extrinsic.call.is_some(), is_read, "{depth}: {:?}", block.illegible);
        }
    }
}
