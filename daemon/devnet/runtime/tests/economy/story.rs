//! Plays a recorded story step by step and compares.

use btd_devnet_runtime::{RuntimeCall, TransactionPayment};
use codec::{Decode, Encode};
use frame_support::dispatch::Pays;
use serde_json::Value as Json;
use sp_runtime::{ApplyExtrinsicResult, DispatchError, ModuleError};

use crate::{
    chain::{self, Chain, Drawn},
    plain::Plain,
};

/// Blocks of stories in which only one of two stakers was drawn. Draws go by the hash of the parent block, which
/// recordings do not hold: these were found from the state after them.
fn draws(story: &str) -> &'static [(u32, Drawn)] {
    match story {
        "epoch_root_a" => &[(95, Drawn::Second)],
        _ => &[],
    }
}

struct Replay {
    chain: Chain,
    plain: Plain,
    compared: usize,
}

/// Plays the story of this name and returns how many figures were compared.
pub(crate) fn replay(name: &str, story: &str) -> usize {
    let story: Json = serde_json::from_str(story).unwrap();
    let mut chain = Chain::new(draws(name));
    let metadata = chain.read(|| btd_devnet_runtime::metadata::at_version(15)).unwrap();
    let mut replay = Replay { chain, plain: Plain::new(&metadata), compared: 0 };
    for step in story["steps"].as_array().unwrap() {
        replay.step(step);
    }
    replay.compared
}

/// An extrinsic of the story, and what was recorded of it.
struct Act<'a> {
    recorded: &'a Json,
    extrinsic: btd_devnet_runtime::UncheckedExtrinsic,
}

impl Replay {
    fn step(&mut self, step: &Json) {
        let block = u32::try_from(step["block"].as_u64().unwrap()).unwrap();
        while self.chain.number() + 1 < block {
            self.chain.block(|| ());
        }
        let acts = self.prepare(step);
        let (outcomes, begun) = self.chain.block(|| {
            // The timestamp is the first extrinsic of every block.
            let mut index = 1;
            let mut outcomes = Vec::new();
            for act in acts {
                let result = chain::apply(act.extrinsic);
                let outcome = result.is_ok().then(|| chain::outcome(index));
                index += u32::from(result.is_ok());
                outcomes.push((act.recorded, result, outcome));
            }
            outcomes
        });
        self.compare_events(&format!("block {block}: its beginning"), &begun, &step["on_initialize_events"]);
        for (recorded, result, outcome) in outcomes {
            self.compare(block, recorded, &result, outcome);
        }
        for _ in 0..step["then_empty_blocks"].as_u64().unwrap_or(0) {
            self.chain.block(|| ());
        }
        for expected in step["expect"].as_array().into_iter().flatten() {
            self.expect(expected);
        }
    }

    /// Signs the step's extrinsics, and asks the pool about each.
    fn prepare<'a>(&mut self, step: &'a Json) -> Vec<Act<'a>> {
        let mut acts = Vec::new();
        let mut sent: Vec<&str> = Vec::new();
        for recorded in step["extrinsics"].as_array().unwrap() {
            let signer = recorded["signer"].as_str().unwrap();
            let data = recorded["call_data"].as_str().unwrap();
            let bytes = hex::decode(data.strip_prefix("0x").unwrap()).unwrap();
            let call = RuntimeCall::decode(&mut &bytes[..]).unwrap_or_else(|error| {
                panic!("block {}: this chain lacks {}: {error}", step["block"], recorded["call"])
            });
            let earlier = u32::try_from(sent.iter().filter(|other| **other == signer).count()).unwrap();
            let tip = recorded["tip"].as_str().map_or(0, |tip| tip.parse().unwrap());
            let nonce = recorded["nonce"].as_u64().map(|nonce| u32::try_from(nonce).unwrap());
            let mut extrinsic =
                self.chain.read(|| chain::sign(signer, call, nonce.unwrap_or(chain::nonce(signer) + earlier), tip));
            if recorded["note"] == "signature corrupted" {
                corrupt(&mut extrinsic);
            }
            let valid = recorded["pool"]["valid"] == true;
            if recorded["pool"]["not_checked"].is_null() {
                self.ask_pool(step, recorded, extrinsic.clone());
            }
            self.ask_fee(step, recorded, extrinsic.clone());
            if valid {
                sent.push(signer);
                acts.push(Act { recorded, extrinsic });
            }
        }
        acts
    }

    /// Compares what clients are told beforehand about the weight and the fee.
    fn ask_fee(&mut self, step: &Json, recorded: &Json, extrinsic: btd_devnet_runtime::UncheckedExtrinsic) {
        let expected = &recorded["query_info"];
        if expected.is_null() {
            return;
        }
        let place = format!("block {} {} {}", step["block"], recorded["signer"], recorded["call"]);
        let length = u32::try_from(extrinsic.encoded_size()).unwrap();
        assert_eq!(recorded["extrinsic_len"], length, "{place}: length");
        let told = self.chain.read(|| TransactionPayment::query_info(extrinsic, length));
        assert_eq!(expected["ref_time"], told.weight.ref_time().to_string(), "{place}: weight told");
        assert_eq!(expected["proof_size"], told.weight.proof_size().to_string(), "{place}: proof size told");
        assert_eq!(expected["class"], format!("{:?}", told.class), "{place}: class told");
        assert_eq!(expected["partial_fee"], told.partial_fee.to_string(), "{place}: fee told");
        self.compared += 5;
    }

    fn ask_pool(&mut self, step: &Json, recorded: &Json, extrinsic: btd_devnet_runtime::UncheckedExtrinsic) {
        let verdict = self.chain.validate(extrinsic);
        let expected = &recorded["pool"];
        let place = format!("block {} {} {}", step["block"], recorded["signer"], recorded["call"]);
        match verdict {
            Ok(valid) => {
                assert_eq!(expected["valid"], true, "{place}: the pool took it");
                assert_eq!(expected["priority"], valid.priority.to_string(), "{place}: priority");
            }
            Err(error) => assert_eq!(expected["error"], verdict_name(error), "{place}: verdict of the pool"),
        }
        self.compared += 1;
    }

    fn compare(&mut self, block: u32, recorded: &Json, result: &ApplyExtrinsicResult, outcome: Option<chain::Outcome>) {
        let place = format!("block {block} {} {}", recorded["signer"], recorded["call"]);
        let result = match result {
            Ok(Ok(())) => "success".to_owned(),
            Ok(Err(error)) => error_name(&self.plain, error),
            Err(error) => format!("not applied: {}", verdict_name(*error)),
        };
        assert_eq!(recorded["result"], result, "{place}: result");
        self.compared += 1;
        let Some(outcome) = outcome else { return };
        assert_eq!(recorded["fee_paid"], outcome.fee.to_string(), "{place}: fee");
        assert_eq!(recorded["weight"]["ref_time"], outcome.weight.ref_time().to_string(), "{place}: weight");
        assert_eq!(recorded["weight"]["proof_size"], outcome.weight.proof_size().to_string(), "{place}: proof size");
        let pays = if outcome.pays == Pays::Yes { "Yes" } else { "No" };
        assert_eq!(recorded["pays_fee"], pays, "{place}: pays");
        self.compared += 4;
        self.compare_events(&place, &outcome.events, &recorded["events"]);
    }

    /// Compares events, their order among them.
    fn compare_events(&mut self, place: &str, events: &[Vec<u8>], recorded: &Json) {
        let events: Vec<Json> = events.iter().map(|event| self.plain.event(event)).collect();
        let expected = recorded.as_array().cloned().unwrap_or_default();
        assert_eq!(
            serde_json::to_string_pretty(&events).unwrap(),
            serde_json::to_string_pretty(&expected).unwrap(),
            "{place}: events (left are ours)"
        );
        self.compared += 1;
    }

    fn expect(&mut self, expected: &Json) {
        let keys = expected["keys"].as_array().cloned().unwrap_or_default();
        let block = self.chain.number();
        let plain = &self.plain;
        let actual = if let Some(api) = expected["api"].as_str() {
            let parameters = expected["params"].as_array().cloned().unwrap_or_default();
            let (encoded, answer) = self.chain.read(|| plain.answer(api, &parameters));
            match (expected.get("value"), expected["field"].as_str()) {
                (None, _) => format!("0x{}", hex::encode(encoded)).into(),
                (Some(_), Some(field)) => answer[field].clone(),
                (Some(_), None) => answer,
            }
        } else {
            let (pallet, item) = (expected["pallet"].as_str().unwrap(), expected["item"].as_str().unwrap());
            let value = self.chain.read(|| plain.storage(pallet, item, &keys));
            value.unwrap_or_else(|| panic!("block {block}: this chain has no storage {pallet}.{item}"))
        };
        let value = expected.get("value").unwrap_or(&expected["raw"]);
        assert_eq!(actual, *value, "block {block}: {expected}");
        self.compared += 1;
    }
}

fn corrupt(extrinsic: &mut btd_devnet_runtime::UncheckedExtrinsic) {
    if let sp_runtime::generic::Preamble::Signed(_, sp_runtime::MultiSignature::Sr25519(signature), _) =
        &mut extrinsic.preamble
    {
        signature.0[5] ^= 1;
    }
}

fn verdict_name(error: sp_runtime::transaction_validity::TransactionValidityError) -> String {
    use sp_runtime::transaction_validity::TransactionValidityError::{Invalid, Unknown};
    match error {
        Invalid(error) => format!("InvalidTransaction::{error:?}"),
        Unknown(error) => format!("UnknownTransaction::{error:?}"),
    }
}

fn error_name(plain: &Plain, error: &DispatchError) -> String {
    match error {
        DispatchError::Module(ModuleError { index, message, .. }) => {
            format!("{}.{}", plain.pallet(*index), message.unwrap())
        }
        DispatchError::Token(error) => format!("Token.{error:?}"),
        DispatchError::Arithmetic(error) => format!("Arithmetic.{error:?}"),
        other => format!("{other:?}"),
    }
}
