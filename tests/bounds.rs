//! The ranges of hyperparameters and of crowdloans, told by the real binaries: for values on both sides of every end, and
//! for some that no end is known of, a dry run says what the chain does when such a call reaches it.
//!
//! What btd refuses it does not sign, so the calls get to the chain as announced calls of a proxy, whose content it does
//! not judge.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, thread};

use btd_tests::{Host, stage::Stage};
use serde_json::{Value, json};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// Where the ends of ranges stand on the stage: subnet 2 with two neurons, as it was created. Of `burn_increase_mult` in
/// thousandths.
const ENDS: &[(&str, &[i64])] = &[
    ("activity_cutoff", &[360]),
    ("activity_cutoff_factor", &[1_000, 50_000]),
    ("alpha_high", &[1_638, 45_875]),
    ("alpha_low", &[1_638, 58_982]),
    ("alpha_sigmoid_steepness", &[0]),
    ("bonds_moving_avg", &[975_000]),
    ("burn_half_life", &[1, 36_100]),
    ("burn_increase_mult", &[1_000, 3_000]),
    ("commit_reveal_period", &[1, 100]),
    ("max_allowed_uids", &[2, 64, 256]),
    ("max_burn", &[500_000, 100_000_000]),
    ("max_validators", &[256]),
    ("min_allowed_uids", &[2, 256]),
    ("min_burn", &[1_000_000_000, 100_000_000_000]),
    ("min_childkey_take", &[0, 11_796]),
    ("owner_immune_neuron_limit", &[1, 10]),
    ("root_claim_threshold", &[10_000_000]),
    ("tempo", &[360, 50_400]),
    ("voting_power_ema_alpha", &[1_000_000_000_000_000_000]),
];

/// Tried of all that are numbers: an end that nobody knows of would show itself.
const OTHERS: &[i64] = &[0, 1, 1_000, 32_767];

/// What other hyperparameters' ranges hang on, as it is on the stage: set back after each has been tried.
const KEPT: &[(&str, &[i64])] = &[
    ("alpha_high", &[45_875, 58_982]),
    ("alpha_low", &[45_875, 58_982]),
    ("max_allowed_uids", &[256]),
    ("max_burn", &[100_000_000_000]),
    ("min_burn", &[500_000]),
];

/// The errors of a pallet, in the chain's order.
fn errors(stage: &Stage, pallet: &str) -> Vec<String> {
    let told = stage.ask(&format!("query metadata {pallet}"));
    let errors = told["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "error");
    errors.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// A chain on which calls can be made that btd would not sign for, and what it makes of them.
struct Chain<'s> {
    stage: &'s Stage,
    /// By the index of the pallet.
    errors: BTreeMap<u64, Vec<String>>,
}

impl Chain<'_> {
    /// Makes the calls in one batch, each on its own, and tells how each ended: with the chain's name for the error.
    fn make(&self, calls: &[Value], as_root: bool) -> Vec<Option<String>> {
        let batch = json!({ "calls": calls });
        let call = if as_root {
            json!({ "pallet": "Sudo", "call": "sudo", "args": { "call": { "Utility": { "force_batch": batch } } } })
        } else {
            json!({ "pallet": "Utility", "call": "force_batch", "args": batch })
        };
        let run = |words: &str| {
            let words: Vec<&str> = words.split(' ').collect();
            self.stage.host.btctl(&[&words[..], &["--call", &call.to_string(), "--yes", "--json"]].concat())
        };
        let announced = run(&format!("proxy announce --real {ALICE} --wallet bob"));
        assert!(announced.status.success(), "{}", String::from_utf8_lossy(&announced.stderr));
        // A failure inside is one of the extrinsic, with its events in the journal.
        run(&format!("proxy execute --real {ALICE} --wallet bob"));
        let last = self.stage.ask("tx list --limit 1")["entries"][0]["id"].clone();
        let ending = self.stage.ask(&format!("tx show {last}"))["ending"].to_string();
        let ending: Value = serde_json::from_str(&ending).unwrap();
        let found = events(&ending).unwrap_or_else(|| panic!("no events: {ending}"));
        let ends = found.iter().filter_map(|event| match event["name"].as_str() {
            Some("ItemCompleted") => Some(None),
            Some("ItemFailed") => Some(Some(self.name(&event["fields"]["error"]))),
            _ => None,
        });
        let ends: Vec<Option<String>> = ends.collect();
        assert_eq!(ends.len(), calls.len(), "{ending}");
        ends
    }

    fn name(&self, error: &Value) -> String {
        let Some(module) = error.get("Module") else { return error.as_str().unwrap().to_owned() };
        let place = usize::from_str_radix(&module["error"].as_str().unwrap()[2..4], 16).unwrap();
        self.errors[&module["index"].as_u64().unwrap()][place].clone()
    }
}

/// The events of an extrinsic, wherever they stand in how it ended.
fn events(ending: &Value) -> Option<&Vec<Value>> {
    match ending {
        Value::Object(fields) => {
            fields.get("events").and_then(Value::as_array).or_else(|| fields.values().find_map(events))
        }
        Value::Array(items) => items.iter().find_map(events),
        _ => None,
    }
}

/// A value to try: as it is typed, and as the chain takes it.
struct Try {
    typed: String,
    call: Value,
}

/// The values of a hyperparameter that are tried, or what it is set back to.
fn call(one: &Value, values: &[i64], as_root: bool) -> Value {
    let (name, call) = (one["name"].as_str().unwrap(), one["call"].as_str().unwrap());
    let (pallet, call) = match (name, as_root) {
        ("tempo", true) => ("AdminUtils", "sudo_set_tempo"),
        _ => (one["pallet"].as_str().unwrap(), call),
    };
    let arguments: Vec<&str> = match one["name"].as_str().unwrap() {
        // One call sets both.
        "alpha_low" | "alpha_high" => vec!["alpha_low", "alpha_high"],
        _ => one["arguments"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect(),
    };
    let mut given: serde_json::Map<String, Value> = [("netuid".to_owned(), json!(2))].into_iter().collect();
    for (argument, value) in arguments.into_iter().zip(values) {
        let value = match name {
            "burn_increase_mult" => {
                let bits = (u128::try_from(*value).unwrap() << 64).div_ceil(1_000);
                json!({ "bits": bits.to_string() })
            }
            _ => json!(value),
        };
        given.insert(argument.to_owned(), value);
    }
    json!({ pallet: { call: given } })
}

fn tries(one: &Value, as_root: bool) -> Vec<Try> {
    let name = one["name"].as_str().unwrap();
    let ends = ENDS.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, ends)| ends);
    let mut values: Vec<i64> = ends.iter().flat_map(|end| [end - 1, *end, end + 1]).chain(OTHERS.to_vec()).collect();
    values.sort_unstable();
    values.dedup();
    // What does not fit the argument's type never gets so far.
    values.retain(|value| *value >= 0 || name == "alpha_sigmoid_steepness");
    let of = |value: i64| match name {
        "alpha_low" => vec![value, 58_982],
        "alpha_high" => vec![45_875, value],
        _ => vec![value],
    };
    let typed = |value: i64| match name {
        "burn_increase_mult" => format!("{}.{:03}", value / 1_000, value % 1_000),
        _ => value.to_string(),
    };
    values.into_iter().map(|value| Try { typed: typed(value), call: call(one, &of(value), as_root) }).collect()
}

/// What a dry run says: nothing, or the chain's name for why not.
fn planned(host: &Host, one: &Value, typed: &str, as_root: bool) -> Option<String> {
    let (name, root) = (one["name"].as_str().unwrap(), if as_root { " --root" } else { "" });
    let words = format!("sudo set --netuid 2 --param {name} --value={typed} --wallet alice --dry-run --json{root}");
    let output = host.btctl(&words.split(' ').collect::<Vec<_>>());
    if output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let document: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap();
    let error = &document["error"];
    let told = error["data"]["error"].as_str().unwrap_or_else(|| panic!("{words}: {error}")).to_owned();
    if told != "BadOrigin" {
        // The words name the value's end and the chain's own name for it.
        assert!(error["message"].as_str().unwrap().contains(&told), "{words}: {error}");
    }
    Some(told)
}

/// The same of many, in their order: two are asked at a time, since the chain stands still meanwhile.
fn all_planned(host: &Host, asked: &[(&Value, String)], as_root: bool) -> Vec<Option<String>> {
    let plan = |half: &[(&Value, String)]| -> Vec<Option<String>> {
        half.iter().map(|(one, typed)| planned(host, one, typed, as_root)).collect()
    };
    let (first, second) = asked.split_at(asked.len() / 2);
    thread::scope(|scope| {
        let second = scope.spawn(|| plan(second));
        let mut all = plan(first);
        all.extend(second.join().unwrap());
        all
    })
}

#[test]
fn a_dry_run_says_of_every_value_what_the_chain_says() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed("subnets register 2 --wallet bob");
    stage.signed(&format!("proxy add --delegate {BOB} --proxy-type Any --wallet alice"));
    let chain = Chain {
        stage: &stage,
        errors: [(7, errors(&stage, "SubtensorModule")), (19, errors(&stage, "AdminUtils"))].into(),
    };
    // No waiting, and no blocks in which nothing may be set.
    let admin = |call: &str, arguments: Value| json!({ "AdminUtils": { call: arguments } });
    let terms = [
        admin("sudo_set_admin_freeze_window", json!({ "window": 0 })),
        admin("sudo_set_owner_hparam_rate_limit", json!({ "epochs": 0 })),
        admin("sudo_set_liquid_alpha_enabled", json!({ "netuid": 2, "enabled": true })),
    ];
    assert_eq!(chain.make(&terms, true), [None, None, None]);

    let all = stage.ask("sudo explain");
    let all = all.as_array().unwrap();
    let mut ends = 0;
    for as_root in [false, true] {
        // What is set back is not asked about.
        let (mut calls, mut expected, mut asked, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for one in all {
            let (name, unit) = (one["name"].as_str().unwrap(), one["counted_in"].as_str().unwrap());
            let is_limited = !one["limits"].as_array().unwrap().is_empty();
            assert!(!is_limited || ENDS.iter().any(|(of, _)| *of == name), "{name} has a range that nobody tries");
            let is_number = !matches!(unit, "true or false" | "address" | "Burn or Recycle");
            // A pair is tried by its ends; what nobody sets has a refusal of its own.
            if !is_number || name == "alpha_values" || one["set_by"] == "nobody" {
                continue;
            }
            // Owners set these two once in a while, whatever the terms are.
            if !as_root && matches!(name, "tempo" | "weights_version") {
                continue;
            }
            for Try { typed, call } in tries(one, as_root) {
                places.push(expected.len());
                expected.push((format!("{name} {typed}"), None));
                asked.push((one, typed));
                calls.push(call);
            }
            if let Some((_, kept)) = KEPT.iter().find(|(of, _)| *of == name) {
                expected.push((format!("{name} {kept:?}"), None));
                calls.push(call(one, kept, as_root));
            }
        }
        for (place, planned) in places.into_iter().zip(all_planned(&stage.host, &asked, as_root)) {
            expected[place].1 = planned;
        }
        let made = chain.make(&calls, as_root);
        for ((what, planned), made) in expected.iter().zip(&made) {
            assert_eq!(planned, made, "{what}, as root: {as_root}");
        }
        ends += made.iter().flatten().filter(|error| *error != "BadOrigin").count();
    }
    assert!(ends > 60, "{ends} values were refused for what they are");

    // The owner's tempo, which waits.
    let tempo = all.iter().find(|one| one["name"] == "tempo").unwrap();
    for value in [359, 360, 50_400, 50_401] {
        let planned = planned(&stage.host, tempo, &value.to_string(), false);
        assert_eq!(planned.is_none(), (360..=50_400).contains(&value), "tempo {value}");
        let made = chain.make(&[call(tempo, &[value], false)], false);
        assert_eq!(made, std::slice::from_ref(&planned), "tempo {value}");
        if planned.is_none() {
            stage.mine(360);
        }
    }
}

#[test]
fn a_crowdloan_is_not_changed_to_what_the_chain_refuses() {
    let stage = Stage::on_demand();
    stage.signed(&format!(
        "crowd create --deposit 10 --min-contribution 1 --cap 100 --duration 60000 --target {BOB} --wallet alice"
    ));
    stage.signed("crowd contribute 0 --amount 5 --wallet bob");
    let refused = |words: &str, name: &str| {
        let (code, error) = stage.refused(&format!("{words} --wallet alice"));
        assert_eq!((code, &error["data"]["error"]), (6, &name.into()), "{words}: {error}");
    };
    refused("crowd update 0 --cap 14.999999999", "CapTooLow");
    refused("crowd update 0 --min-contribution 0.099999999", "MinimumContributionTooLow");
    refused("crowd update 0 --end 1", "CannotEndInPast");
    refused("crowd update 0 --end 1000", "BlockDurationTooShort");
    refused("crowd update 0 --end 900000", "BlockDurationTooLong");
    refused("crowd withdraw 0", "DepositCannotBeWithdrawn");
    let create = format!("crowd create --deposit 10 --cap 100 --duration 60000 --target {BOB}");
    refused(&format!("{create} --min-contribution 0.05"), "MinimumContributionTooLow");
    // The shortest one lasts longer by what may pass until it stands in a block, from which on the chain counts.
    let shortest = create.replace("60000", "50400");
    refused(&shortest.replace("50400", "50399"), "BlockDurationTooShort");
    let made = stage.signed(&format!("{shortest} --min-contribution 1 --wallet alice"));
    assert!(made["plan"]["effects"].to_string().contains("16 blocks longer than asked"), "{made}");
    let info = stage.ask("crowd info 1");
    let (now, end) = (info["at"]["number"].as_u64().unwrap(), info["crowdloan"]["end"].as_u64().unwrap());
    assert!(end > now + 50_400, "{info}");
    let tight = stage.ask(&format!("crowd update 1 --end {} --wallet alice --dry-run", now + 50_403));
    assert!(tight["plan"]["warnings"].to_string().contains("takes no end nearer than 50400"), "{tight}");
    // At the ends they are taken.
    stage.signed("crowd update 0 --min-contribution 0.1 --wallet alice");
    stage.signed("crowd update 0 --cap 15 --wallet alice");
    stage.nothing_else_was_signed();
}
