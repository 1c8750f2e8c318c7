//! What the chain is sure to refuse, told by the real binaries: nothing is signed for it, nothing paid, and the same call
//! is made as soon as the chain would take it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod stake;
mod subnets;
mod weights;

use btd_tests::stage::Stage;
use serde_json::{Value, json};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
const CHARLIE: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";
const DAVE: &str = "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy";
const EVE: &str = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw";

/// `SubtensorModule.StakeThreshold`.
const THRESHOLD: &str = "0x658faa385070e074c85bf6b568cf0555782d99ebaa64a1ba18b3e8cda1047327";

/// What is refused as what, before anything is signed: exit code 6, with the chain's name and the class. Gives the words.
#[track_caller]
fn foreseen(stage: &Stage, words: &str, name: &str, class: &str) -> String {
    let error = stage.foreseen(words, name);
    assert_eq!(error["data"]["class"], class, "{words}: {error}");
    // A dry run says the same.
    let (_, planned) = stage.refused(&format!("{words} --dry-run"));
    assert_eq!(planned["data"]["error"], name, "{words}: {planned}");
    error["message"].as_str().unwrap().to_owned()
}

/// The number before ` blocks` in a refusal.
fn blocks_left(message: &str) -> u32 {
    let before = message.rsplit_once(" blocks").unwrap_or_else(|| panic!("no blocks in {message}")).0;
    before.rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("no blocks in {message}"))
}

/// Refused for now, and made once the blocks that the refusal tells have passed.
#[track_caller]
fn later(stage: &Stage, words: &str, name: &str) {
    let left = blocks_left(&foreseen(stage, words, name, "rate_limited"));
    stage.mine(left - 1);
    assert_eq!(blocks_left(&foreseen(stage, words, name, "rate_limited")), 1, "{words}");
    stage.mine(1);
    stage.signed(words);
}

#[test]
fn what_is_done_too_often_waits() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");

    let set = "sudo set --netuid 2 --param min_burn --wallet alice --value";
    stage.signed(&format!("{set} 0.01"));
    let message = foreseen(&stage, &format!("{set} 0.02"), "TxRateLimitExceeded", "rate_limited");
    assert!(message.contains("min_burn of subnet 2") && blocks_left(&message) > 700, "{message}");
    // Another hyperparameter has a limit of its own, and root has none.
    stage.signed("sudo set --netuid 2 --param burn_increase_mult --value 1.5 --wallet alice");
    stage.signed(&format!("{set} 0.03 --root"));

    // Values that another setting rules out.
    foreseen(&stage, &format!("{set} 100.0"), "ValueNotInBounds", "invalid_argument");
    let places = "sudo set --netuid 2 --param max_allowed_uids --value 10 --wallet alice";
    foreseen(&stage, places, "MaxAllowedUidsLessThanMinAllowedUids", "invalid_argument");
    let alpha = "sudo set --netuid 2 --param alpha_values --value 0.7,0.9 --wallet alice";
    foreseen(&stage, alpha, "LiquidAlphaDisabled", "disabled");
    stage.signed("sudo set --netuid 2 --param liquid_alpha_enabled --value true --wallet alice");
    stage.signed(alpha);
    foreseen(&stage, "sudo trim --netuid 2 --max 0 --wallet alice", "InvalidValue", "invalid_argument");
    foreseen(&stage, "sudo trim --netuid 2 --max 300 --wallet alice", "InvalidValue", "invalid_argument");
    let mechanisms = "subnets mechanisms set --netuid 2 --count";
    foreseen(&stage, &format!("{mechanisms} 3 --wallet alice"), "InvalidValue", "invalid_argument");
    foreseen(&stage, &format!("{mechanisms} 2 --wallet alice"), "TooManyUIDsPerMechanism", "limit_exceeded");
    let split = "subnets mechanisms split --netuid 2 --wallet alice --split";
    foreseen(&stage, &format!("{split} 0.7,0.3"), "InvalidValue", "invalid_argument");
    stage.signed("sudo trim --netuid 2 --max 128 --wallet alice");
    foreseen(&stage, "sudo trim --netuid 2 --max 100 --wallet alice", "TxRateLimitExceeded", "rate_limited");
    stage.signed(&format!("{mechanisms} 2 --wallet alice"));
    foreseen(&stage, &format!("{mechanisms} 1 --wallet alice"), "TxRateLimitExceeded", "rate_limited");
    let places = "sudo set --netuid 2 --param max_allowed_uids --value 129 --wallet alice";
    foreseen(&stage, places, "TooManyUIDsPerMechanism", "limit_exceeded");
    assert_eq!(stage.refused(&format!("{split} 0.7,0.7")).0, 2);
    stage.signed(&format!("{split} 0.7,0.3"));
    foreseen(&stage, &format!("{split} 1,1"), "TxRateLimitExceeded", "rate_limited");

    stage.signed("axon set --ip 8.8.8.8 --port 8091 2 --wallet alice");
    foreseen(&stage, "axon reset 2 --wallet alice", "ServingRateLimitExceeded", "rate_limited");
    later(&stage, "axon set --ip 8.8.8.8 --port 8092 2 --wallet alice", "ServingRateLimitExceeded");

    let children = format!("stake child set --children {BOB} --proportions 0.5 2 --hotkey {ALICE} --wallet alice");
    stage.signed(&children);
    foreseen(&stage, &children, "TxRateLimitExceeded", "rate_limited");
    later(&stage, &format!("stake child revoke 2 --hotkey {ALICE} --wallet alice"), "TxRateLimitExceeded");
    let take = format!("stake child take 2 --hotkey {ALICE} --wallet alice --take");
    stage.signed(&format!("{take} 0.1"));
    stage.signed(&format!("{take} 0.05"));
    let everywhere = stage.signed(&format!("{} 0.04", take.replace("take 2", "take --all-netuids")));
    assert_eq!(everywhere["plan"]["arguments"]["calls"].as_array().map(Vec::len), Some(2), "{everywhere}");
    foreseen(&stage, &format!("{take} 0.12"), "TxChildkeyTakeRateLimitExceeded", "rate_limited");

    let weights = "--netuid 2 --uids 0 --weights 1 --wallet alice";
    let reveal = format!("weights reveal {weights} --salt 1,2,3");
    foreseen(&stage, &reveal, "NoWeightsCommitFound", "not_found");
    stage.signed(&format!("weights commit {weights} --salt 1,2,3"));
    let again = format!("weights commit {weights} --salt 4,5,6");
    foreseen(&stage, &again, "CommittingWeightsTooFast", "rate_limited");
    let other = format!("weights reveal {weights} --salt 9,9,9");
    foreseen(&stage, &other, "InvalidRevealCommitHashNotMatch", "not_found");
    let left = blocks_left(&foreseen(&stage, &reveal, "RevealTooEarly", "too_early"));
    stage.mine(left - 1);
    foreseen(&stage, &reveal, "RevealTooEarly", "too_early");
    stage.mine(1);
    stage.signed(&reveal);
    foreseen(&stage, &reveal, "NoWeightsCommitFound", "not_found");
    stage.signed(&again);
    stage.mine(720);
    let late = format!("weights reveal {weights} --salt 4,5,6");
    foreseen(&stage, &late, "ExpiredWeightCommit", "expired");
    // Two tempos have passed meanwhile.
    stage.signed(&format!("{set} 0.02"));
    stage.nothing_else_was_signed();
}

#[test]
fn what_is_not_there_or_not_allowed_is_said_before() {
    let stage = Stage::on_demand();
    stage.wallet("charlie", "//Charlie");
    stage.signed("subnets create --wallet alice");

    // An identity asks for a neuron.
    let identity = "wallet set-identity --id-name me --wallet charlie";
    foreseen(&stage, identity, "HotKeyNotRegisteredInNetwork", "not_registered");
    stage.signed("subnets register 2 --wallet charlie");
    stage.signed(identity);
    // What is left out stays as it is, and what is emptied is cleared; both are told before.
    let changed = stage.signed("wallet set-identity --url https://c.example --wallet charlie");
    assert!(changed["plan"]["effects"].to_string().contains("url becomes"), "{changed}");
    let said = || stage.ask("wallet get-identity --wallet charlie")["identity"].clone();
    assert_eq!((&said()["name"], &said()["url"]), (&"me".into(), &"https://c.example".into()));
    let cleared = stage.signed("wallet set-identity --url= --wallet charlie");
    assert!(cleared["plan"]["effects"].to_string().contains("url is cleared"), "{cleared}");
    assert_eq!((&said()["name"], &said()["url"]), (&"me".into(), &"".into()));
    // What stands already is not paid for once more.
    let (code, error) = stage.refused("wallet set-identity --id-name me --url= --wallet charlie");
    assert_eq!((code, &error["data"]["class"]), (6, &"already_exists".into()), "{error}");
    assert!(error["message"].as_str().unwrap().starts_with("nothing to change"), "{error}");

    // Somebody else's hotkey.
    stage.ask("wallet new-hotkey --wallet bob --wallet-hotkey stolen --uri //Charlie");
    let (code, error) = stage.refused("subnets create --wallet bob --hotkey stolen");
    assert_eq!((code, &error["data"]["class"]), (6, &"not_authorized".into()), "{error}");

    // Symbols.
    let symbol = |symbol: &str| format!("subnets set-symbol --netuid 2 {symbol} --wallet alice");
    foreseen(&stage, &symbol("X"), "SymbolDoesNotExist", "not_found");
    let own = stage.ask("subnets list")["subnets"][1]["symbol"].as_str().unwrap().to_owned();
    foreseen(&stage, &symbol(&own), "SymbolAlreadyInUse", "already_exists");
    stage.signed(&symbol("ω"));

    // The least stake, the pool's fee included.
    stage.signed("subnets start 2 --wallet alice");
    let add = format!("stake add --netuid 2 --hotkey {CHARLIE} --wallet alice --amount");
    let message = foreseen(&stage, &format!("{add} 0.002001"), "AmountTooLow", "invalid_argument");
    assert!(message.contains("0.002001007"), "{message}");
    stage.signed(&format!("{add} 0.002001008"));
    let itself =
        format!("stake transfer --dest {ALICE} --origin-netuid 2 --amount 1 --hotkey {CHARLIE} --wallet alice");
    let message = foreseen(&stage, &itself, "SameNetuid", "already_exists");
    assert!(message.contains("already"), "{message}");

    // A position that is large enough already is no mistake of whoever asks.
    let (code, error) = stage.refused(&format!("{} --max-stake 0.0001", add.trim_end_matches(" --amount")));
    assert_eq!((code, &error["kind"]), (6, &"PRECONDITION_FAILED".into()), "{error}");

    // What does not exist is one class, whatever is asked of it.
    for words in [
        "subnets show 99",
        "weights set 99 --uids 0 --weights 1 --wallet alice",
        "weights commit 99 --uids 0 --weights 1 --wallet alice",
        "weights reveal 99 --uids 0 --weights 1 --salt 1 --wallet alice",
        "weights show 99 --wallet alice",
        "stake add --netuid 99 --amount 1 --wallet alice",
        "stake remove --netuid 99 --amount 1 --wallet alice",
        "stake child revoke 99 --wallet alice",
        "stake lock 99 --amount 1 --wallet alice",
        "subnets register 99 --wallet alice",
        "subnets start 99 --wallet alice",
        "subnets check-start 99",
        "subnets set-symbol --netuid 99 φ --wallet alice",
        "subnets set-symbol --netuid 99 X --wallet alice",
        "subnets pow-register --netuid 99 --wallet alice",
        "stake child take 99 --take 0.1 --wallet alice",
        "subnets mechanisms count 99",
        "subnets mechanisms set 99 --count 2 --wallet alice",
        "subnets mechanisms split 99 --split 1,1 --wallet alice",
        "sudo get 99",
        "sudo set --netuid 99 --param min_burn --value 0.01 --wallet alice",
        "sudo trim --netuid 99 --max 64 --wallet alice",
        "sudo trigger-epoch 99 --wallet alice",
        "axon set --ip 8.8.8.8 --port 8091 99 --wallet alice",
    ] {
        let (code, error) = stage.refused(words);
        let found = (code, &error["kind"], &error["data"]["class"]);
        assert_eq!(found, (6, &"NOT_FOUND".into(), &"subnet_not_exists".into()), "{words}: {error}");
    }
    for words in ["crowd info 77", "crowd contribute 77 --amount 1 --wallet alice", "crowd dissolve 77 --wallet alice"]
    {
        let (code, error) = stage.refused(words);
        assert_eq!((code, &error["data"]["class"]), (6, &"not_found".into()), "{words}: {error}");
    }
    stage.nothing_else_was_signed();
}

#[test]
fn what_is_so_already_or_can_never_be_is_refused() {
    let stage = Stage::on_demand();
    stage.signed("subnets register 1 --wallet alice");
    let auto = format!("stake set-auto 1 --hotkey {ALICE} --wallet alice");
    stage.signed(&auto);
    foreseen(&stage, &auto, "SameAutoStakeHotkeyAlreadySet", "already_exists");
    for words in [
        format!("stake child set 0 --children {BOB} --proportions 0.5 --wallet alice --hotkey {ALICE}"),
        format!("stake child revoke 0 --wallet alice --hotkey {ALICE}"),
    ] {
        foreseen(&stage, &words, "RegistrationNotPermittedOnRootSubnet", "disabled");
    }
    // The chain takes the number of any subnet.
    let kept = stage.signed("stake claim keep --netuids 1,99 --wallet alice");
    assert!(kept["plan"]["warnings"].to_string().contains("no subnet 99"), "{kept}");

    // An account without a key is given up by whoever knows how it came about.
    let delayed = stage.signed(&format!("proxy add --delegate {BOB} --proxy-type Any --delay 5 --wallet alice"));
    assert_eq!(delayed["plan"]["warnings"], Value::Array(vec![]), "{delayed}");
    let made = stage.signed("proxy create --wallet bob --proxy-type Any");
    let (account, at) = (made["account"].as_str().unwrap(), &made["outcome"]);
    let (height, place) = (at["block"]["number"].as_u64().unwrap(), at["index"].as_u64().unwrap());
    let kill = |spawner: &str, height: u64, place: u64, terms: &str| {
        format!(
            "proxy kill --spawner {spawner} --height {height} --ext-index {place} --proxy {account} --wallet bob{terms}"
        )
    };
    for (words, right) in [
        (kill(BOB, height, place + 1, ""), format!("its ext_index is {place}")),
        (kill(BOB, height + 1, place, ""), format!("its height is {height}")),
        (kill(BOB, height, place, " --index 7"), "its index is 0".to_owned()),
        (kill(BOB, height, place, " --proxy-type Staking"), "its proxy_type is `Any`".to_owned()),
        (kill(ALICE, height, place, ""), format!("its spawner is {BOB}")),
        (kill(ALICE, height, place + 1, ""), "Proxy.PureCreated".to_owned()),
    ] {
        let message = foreseen(&stage, &words, "NoPermission", "not_found");
        assert!(message.contains(&right), "{words}: {message}");
    }
    // Without a spawner the wallet's own coldkey is meant.
    stage.signed(&kill(BOB, height, place, "").replace(&format!("--spawner {BOB} "), ""));
    stage.nothing_else_was_signed();
}

#[test]
fn what_the_chain_takes_is_taken() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed("subnets register 2 --wallet bob");
    let warned = |receipt: &Value, words: &str| {
        assert!(receipt["plan"]["warnings"].to_string().contains(words), "{words}: {receipt}");
    };
    let set = |name: &str, value: &str| format!("sudo set --netuid 2 --param {name} --value {value} --wallet alice");

    // The chain takes the old cutoff, and goes by the factor.
    foreseen(&stage, &set("activity_cutoff", "359"), "ActivityCutoffTooLow", "invalid_argument");
    warned(&stage.signed(&set("activity_cutoff", "400")), "no effect");
    stage.signed(&format!("{} --root", set("activity_cutoff", "500")));

    // A commit hides its weights, which the chain looks at when they are revealed.
    stage.mine(100);
    let commit = |uids: &str, weights: &str, terms: &str| {
        format!("weights commit --netuid 2 --uids {uids} --weights {weights} --salt 1,2,3 --wallet bob{terms}")
    };
    warned(&stage.ask(&commit("7", "1", " --dry-run")), "no uid 7");
    warned(&stage.signed(&commit("0", "1", "")), "no validator permit");

    // In the blocks before an epoch most settings are frozen, and some are not.
    let subnet = stage.ask("subnets show 2")["subnet"].clone();
    let number = |name: &str| u32::try_from(subnet[name].as_u64().unwrap()).unwrap();
    stage.mine((number("tempo") - number("blocks_since_epoch")).saturating_sub(12));
    let frozen = format!("{} --root", set("min_burn", "0.01"));
    let is_open = || stage.host.btctl(&format!("{frozen} --dry-run").split(' ').collect::<Vec<_>>()).status.success();
    for _ in 0..12 {
        if is_open() {
            stage.mine(1);
        }
    }
    let is_frozen = || {
        let (code, error) = stage.refused(&frozen);
        assert_eq!((code, &error["data"]["error"]), (6, &"AdminActionProhibitedDuringWeightsWindow".into()), "{error}");
    };
    is_frozen();
    for (name, value) in [
        ("kappa", "0.6"),
        ("weights_rate_limit", "50"),
        ("adjustment_interval", "90"),
        ("registration_allowed", "true"),
    ] {
        let set = stage.signed(&format!("{} --root", set(name, value)));
        assert_eq!(Stage::event(&set, "Sudid")["sudo_result"]["Ok"], Value::Null, "{name}: {set}");
        assert!(Stage::event(&set, "Sudid")["sudo_result"].get("Err").is_none(), "{name}: {set}");
    }
    stage.signed(&set("sn_owner_hotkey", BOB));
    is_frozen();
    stage.nothing_else_was_signed();
}

#[test]
fn no_work_is_done_for_what_is_refused() {
    let stage = Stage::on_demand();
    // Work that nobody would ever find.
    for name in ["max_difficulty", "min_difficulty", "difficulty"] {
        stage.signed(&format!("sudo set --netuid 1 --param {name} --value 18446744073709551615 --wallet alice --root"));
    }
    stage.signed("subnets register 1 --wallet bob --idempotency-key taken");
    let work = |wallet: &str| format!("subnets pow-register --netuid 1 --wallet {wallet} --timeout 60s");
    let (code, error) = stage.refused(&work("bob"));
    assert_eq!((code, &error["data"]["class"]), (6, &"already_exists".into()), "{error}");
    // Announced, it would be too old when it is made.
    for later in [work("alice"), "wallet faucet --wallet alice".to_owned()] {
        let (code, error) = stage.refused(&format!("{later} --proxy {BOB} --announce-only"));
        assert_eq!((code, &error["data"]["parameter"]), (2, &"announce_only".into()), "{later}: {error}");
        // What its key was used for is looked for before that.
        let (_, error) = stage.refused(&format!("{later} --proxy {BOB} --announce-only --idempotency-key taken"));
        assert_eq!(error["kind"], "DUPLICATE_INTENT", "{later}: {error}");
    }
    // Somebody else's hotkey.
    stage.wallet("charlie", "//Charlie");
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets register 2 --wallet charlie");
    stage.ask("wallet new-hotkey --wallet bob --wallet-hotkey stolen --uri //Charlie");
    let (code, error) = stage.refused(&format!("{} --hotkey stolen", work("bob")));
    assert_eq!((code, &error["data"]["class"]), (6, &"not_authorized".into()), "{error}");
    stage.nothing_else_was_signed();
}

/// Whatever is refused, and wherever: programs find what kind of trouble it is, what is to be done, and under which
/// number the log has it, in the same places; and `explain` says the same of it.
#[test]
fn whatever_is_refused_is_told_in_the_same_terms() {
    let host = btd_tests::Host::new();
    let _daemon = host.start_with(
        &["--network", "devnet", "--block-time", "instant"],
        &[("BTD_SUBMIT__POLICY__REFUSE_CALLS", "Balances.transfer_all")],
    );
    btd_tests::wait_for("btd to be ready", || (host.ask(&["status"])["phase"] == "ready").then_some(()));
    host.ask(&["wallet", "create", "--wallet", "default", "--uri", "//Alice"]);
    let none = Value::Null;
    for (method, params, kind, class, name) in [
        ("wallet_fly", json!({}), "METHOD_NOT_FOUND", "not_found", &none),
        ("subnets_metagraph", json!({ "netuid": "x" }), "INVALID_PARAMS", "invalid_argument", &none),
        ("subnets_metagraph", json!({ "netuid": 99 }), "NOT_FOUND", "subnet_not_exists", &json!("SubnetNotExists")),
        ("sudo_get", json!({ "netuid": 99, "block": 0 }), "NOT_FOUND", "subnet_not_exists", &json!("SubnetNotExists")),
        ("wallet_sign", json!({ "wallet": "nobody", "message": "m" }), "NOT_FOUND", "not_found", &none),
        (
            "root_weights",
            json!({ "weights": [{ "netuid": 1, "weight": 1 }] }),
            "NOT_ON_THIS_RUNTIME",
            "disabled",
            &none,
        ),
        ("wallet_transfer", json!({ "dest": BOB, "amount": "all" }), "POLICY_REFUSED", "policy_violation", &none),
        (
            "wallet_transfer",
            json!({ "dest": BOB, "amount": "9000000000000000000" }),
            "PRECONDITION_FAILED",
            "insufficient_balance",
            &json!("InsufficientBalance"),
        ),
        (
            "subnets_register",
            json!({ "netuid": 0 }),
            "PRECONDITION_FAILED",
            "disabled",
            &json!("RegistrationNotPermittedOnRootSubnet"),
        ),
    ] {
        let error = btd_tests::rpc::call(&host, method, &params).expect_err(method);
        let data = &error["data"];
        let told = (&data["kind"], &data["class"], data.get("error").unwrap_or(&none));
        assert_eq!(told, (&kind.into(), &class.into(), name), "{method}: {error}");
        assert!(data["retryable"].is_boolean() && data["request_id"].is_string(), "{method}: {error}");
        let code = name.as_str().unwrap_or(kind);
        let explained = host.ask(&["explain", code]);
        assert_eq!((&explained["class"], &explained["remedy"]), (&data["class"], &data["remedy"]), "{code}: {error}");
    }
}
