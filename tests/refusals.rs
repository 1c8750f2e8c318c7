//! What the chain is sure to refuse, told by the real binaries: nothing is signed for it, nothing paid, and the same call
//! is made as soon as the chain would take it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use btd_tests::stage::Stage;
use serde_json::{Value, json};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
const CHARLIE: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";
const DAVE: &str = "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy";
const EVE: &str = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw";

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
        assert_eq!(found, (1, &"NOT_FOUND".into(), &"subnet_not_exists".into()), "{words}: {error}");
    }
    for words in ["crowd info 77", "crowd contribute 77 --amount 1 --wallet alice", "crowd dissolve 77 --wallet alice"]
    {
        let (code, error) = stage.refused(words);
        assert_eq!((code, &error["data"]["class"]), (1, &"not_found".into()), "{words}: {error}");
    }
    stage.nothing_else_was_signed();
}

#[test]
fn proxies_are_asked_for_what_they_may_do() {
    let stage = Stage::on_demand();
    let transfer = format!("wallet transfer --dest {CHARLIE} --amount 1 --wallet bob --proxy {ALICE}");
    foreseen(&stage, &transfer, "NotProxy", "not_authorized");
    foreseen(&stage, "proxy remove --all --wallet alice", "NotFound", "not_found");
    foreseen(&stage, &format!("proxy remove --delegate {BOB} --wallet alice"), "NotFound", "not_found");
    let hash = format!("0x{}", "11".repeat(32));
    let announce = format!("proxy announce --real {ALICE} --call-hash {hash} --wallet bob");
    foreseen(&stage, &announce, "NotProxy", "not_authorized");

    let staking = format!("proxy add --delegate {BOB} --proxy-type Staking --wallet alice");
    stage.signed(&staking);
    foreseen(&stage, &staking, "Duplicate", "already_exists");
    let (code, error) = stage.refused(&transfer);
    assert_eq!((code, &error["data"]["error"]), (6, &"CallFiltered".into()), "{error}");
    assert!(error["message"].as_str().unwrap().contains("`Staking`"), "{error}");
    stage.signed("root register --wallet alice");
    let stake = format!("stake add --netuid 0 --amount 1 --hotkey {ALICE} --wallet bob --proxy {ALICE}");
    assert_eq!(stage.signed(&stake)["plan"]["arguments"]["force_proxy_type"], Value::Null);
    // A batch needs a kind that allows batches.
    let small = format!("proxy add --delegate {BOB} --proxy-type SmallTransfer --wallet alice");
    stage.signed(&small);
    let (_, error) = stage.refused(&transfer);
    assert_eq!(error["data"]["error"], "CallFiltered", "{error}");
    // The kind that fits is named where the first that the chain finds does not.
    let less = transfer.replace("--amount 1", "--amount 0.4");
    assert_eq!(stage.signed(&less)["plan"]["arguments"]["force_proxy_type"], "SmallTransfer");

    // With a delay it is announced first.
    stage.signed(&format!("proxy add --delegate {BOB} --proxy-type Transfer --delay 5 --wallet alice"));
    let message = foreseen(&stage, &transfer, "Unannounced", "not_found");
    assert!(message.contains("5 blocks") && message.contains("proxy announce"), "{message}");
    stage.signed(&announce);
    let held = stage.ask("proxy list --wallet alice")["deposit"].as_str().unwrap().to_owned();
    let removed = stage.signed("proxy remove --all --wallet alice");
    // What comes back is in the balance afterwards.
    let rao = |name: &str| removed["plan"][name].as_str().unwrap().parse::<i64>().unwrap();
    let gained = rao("balance_after") + rao("fee") - rao("balance_before");
    assert_eq!(gained, held.parse::<i64>().unwrap(), "{removed}");
    let execute = format!("proxy execute --real {ALICE} --call-hash {hash} --wallet bob");
    foreseen(&stage, &execute, "NotProxy", "not_authorized");
    stage.nothing_else_was_signed();
}

#[test]
fn an_announced_call_is_made_as_the_proxy_that_may_make_it_soonest() {
    let stage = Stage::on_demand();
    // Where none is named the chain finds the first of them, which waits longest and makes no transfer.
    for (kind, delay) in [("NonTransfer", 50), ("Transfer", 3)] {
        stage.signed(&format!("proxy add --delegate {BOB} --proxy-type {kind} --delay {delay} --wallet alice"));
    }
    let args = format!(r#"{{"dest":{{"Id":"{CHARLIE}"}},"value":"1000000000"}}"#);
    let call = format!(r#"{{"pallet":"Balances","call":"transfer_keep_alive","args":{args}}}"#);
    stage.signed(&format!("proxy announce --real {ALICE} --call {call} --wallet bob"));
    let waiting = stage.ask("proxy list --wallet bob")["announced"][0].clone();
    let (at, from) = (waiting["announced_at"].as_u64().unwrap(), waiting["executable_from"].as_u64().unwrap());
    assert_eq!(from, at + 3, "{waiting}");
    let execute = format!("proxy execute --real {ALICE} --wallet bob");
    foreseen(&stage, &execute, "Unannounced", "too_early");
    stage.mine(2);
    let made = stage.signed(&execute);
    assert_eq!(made["plan"]["arguments"]["force_proxy_type"], "Transfer", "{made}");
    let events = made["outcome"]["events"].as_array().unwrap();
    let moved = events.iter().find(|event| event["name"] == "Transfer" && event["fields"]["to"] == CHARLIE);
    assert_eq!(moved.unwrap_or_else(|| panic!("nothing was moved: {made}"))["fields"]["amount"], "1000000000");
    stage.nothing_else_was_signed();
}

#[test]
fn weights_are_checked_before_they_are_signed() {
    /// 1 alpha.
    const ONE: &str = "0x00ca9a3b00000000";
    let stage = Stage::on_demand();
    let warned = |receipt: &Value, words: &str| {
        assert!(receipt["plan"]["warnings"].to_string().contains(words), "{words}: {receipt}");
    };
    // Root takes none, however they come.
    for verb in ["set 0 -u 1 -w 1", "commit 0 -u 1 -w 1", "reveal 0 -u 1 -w 1 -s 1,2,3"] {
        let (code, error) = stage.refused(&format!("weights {verb} --wallet alice"));
        assert_eq!((code, &error["kind"]), (1, &"NOT_ON_THIS_RUNTIME".into()), "{verb}: {error}");
        assert!(error["data"]["instead"].as_str().unwrap().contains("stake add"), "{error}");
    }

    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed("subnets register 2 --wallet bob");
    stage.mine(100);
    let weights =
        |verb: &str, wallet: &str, salt: &str| format!("weights {verb} 2 -u 0 -w 1 --wallet {wallet} -s {salt}");
    // What was said of the commit, when it comes to the reveal is a refusal.
    warned(&stage.signed(&weights("commit", "bob", "1,2,3")), "no validator permit");
    let reveal = weights("reveal", "bob", "1,2,3");
    stage.mine(blocks_left(&foreseen(&stage, &reveal, "RevealTooEarly", "too_early")));
    foreseen(&stage, &reveal, "NeuronNoValidatorPermit", "not_registered");

    // Below the threshold the chain takes nothing, but from the subnet's owner.
    stage.ask(&format!("devnet set-storage {THRESHOLD}={ONE}"));
    let commit = weights("commit", "bob", "4,5,6");
    for words in [&commit, &reveal] {
        let message = foreseen(&stage, words, "NotEnoughStakeToSetWeights", "insufficient_balance");
        assert!(message.contains("stake weight of 0.000000000 "), "{message}");
    }
    stage.signed(&weights("commit", "alice", "1,2,3"));
    stage.signed(&format!("stake add --netuid 2 --amount 20 --tolerance 50% --hotkey {BOB} --wallet bob"));
    stage.mine(100);
    stage.signed(&commit);

    // In the open, with none at all.
    stage.signed("sudo set --netuid 2 --param min_allowed_weights --value 0 --wallet alice --root");
    stage.signed("sudo set --netuid 2 --param commit_reveal_weights_enabled --value false --wallet alice --root");
    stage.mine(100);
    let none = r#"rpc weights_set {"netuid":2,"weights":[],"wallet":"alice","dry_run":true}"#;
    warned(&stage.ask(none), "weighs nobody any more");
    stage.nothing_else_was_signed();
}

/// `SubtensorModule.StakeThreshold`.
const THRESHOLD: &str = "0x658faa385070e074c85bf6b568cf0555782d99ebaa64a1ba18b3e8cda1047327";

#[test]
fn too_little_stake_is_neither_taken_nor_moved() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    for netuid in [0, 2] {
        stage.signed(&format!("stake add --netuid {netuid} --amount 10 --hotkey {ALICE} --wallet alice --unsafe"));
    }
    stage.signed("root register --wallet bob");
    let low = |words: &str| {
        let message = foreseen(&stage, words, "AmountTooLow", "invalid_argument");
        assert!(message.contains("τ0.002000000"), "{words}: {message}");
    };
    // Of a part, what it brings; of the whole, nothing is asked.
    let remove =
        |netuid: u16, terms: &str| format!("stake remove --netuid {netuid} --hotkey {ALICE} --wallet alice {terms}");
    low(&remove(0, "--amount 0.001999999"));
    stage.signed(&remove(0, "--amount 0.002"));
    for terms in ["--amount 0.001", "--amount 0.001 --unsafe", "--amount 0.001 --partial"] {
        low(&remove(2, terms));
    }
    low("stake remove --netuids 0,2 --amount 0.001 --all-hotkeys --wallet alice");
    low(&format!("root undelegate --delegate {ALICE} --amount 0.001 --wallet alice"));
    stage.signed(&format!("stake add --netuid 0 --amount 0.003 --hotkey {BOB} --wallet alice"));
    let rest = format!("stake remove --netuid 0 --hotkey {BOB} --wallet alice --amount");
    stage.signed(&format!("{rest} 0.002"));
    stage.signed(&format!("{rest} 0.001"));

    // Within a subnet, what it is worth; across, more than that.
    let moved = |netuid: u16, amount: &str| {
        format!("stake move --from {ALICE} --to {BOB} --origin-netuid {netuid} --amount {amount} --wallet alice")
    };
    let given = |netuid: u16, amount: &str| {
        format!(
            "stake transfer --dest {BOB} --hotkey {ALICE} --origin-netuid {netuid} --amount {amount} --wallet alice"
        )
    };
    for way in [&moved as &dyn Fn(u16, &str) -> String, &given] {
        low(&way(0, "0.001999999"));
        low(&way(2, "0.001"));
        low(&format!("{} --dest-netuid 2 --unsafe", way(0, "0.002")));
        low(&format!("{} --dest-netuid 0 --unsafe", way(2, "0.001")));
        stage.signed(&way(0, "0.002"));
        stage.signed(&format!("{} --dest-netuid 2 --unsafe", way(0, "0.002000001")));
    }
    low(&format!("stake swap --origin-netuid 0 --dest-netuid 2 --amount 0.002 --hotkey {ALICE} --wallet alice"));
    stage.signed(&format!(
        "stake swap --origin-netuid 0 --dest-netuid 2 --amount 0.0021 --hotkey {ALICE} --wallet alice"
    ));
    // What the chain asks first is told first.
    let nobody = moved(0, "0.001").replace(BOB, EVE);
    foreseen(&stage, &nobody, "HotKeyAccountNotExists", "not_registered");
    stage.nothing_else_was_signed();
}

#[test]
fn too_little_stake_gives_no_seat_and_no_children() {
    /// `SubtensorModule.MaxAllowedUids` of root, and one.
    const ROOM_FOR_ONE: &str = "0x658faa385070e074c85bf6b568cf0555fabe6b131d9fa6e6d6cacbe7586c3b8a0000=0x0100";
    let stage = Stage::on_demand();
    stage.signed("root register --wallet alice");
    stage.signed(&format!("stake add --netuid 0 --amount 10 --hotkey {ALICE} --wallet alice"));
    stage.ask(&format!("devnet set-storage {ROOM_FOR_ONE}"));
    let register = "root register --wallet bob";
    let message = foreseen(&stage, register, "StakeTooLowForRoot", "insufficient_balance");
    assert!(message.contains("τ0.000000000") && message.contains("τ10.000000000"), "{message}");
    stage.signed("subnets create --wallet bob");
    stage.signed("subnets start 2 --wallet bob");
    let add = |amount: u16| format!("stake add --netuid 0 --amount {amount} --hotkey {BOB} --wallet bob");
    stage.signed(&add(10));
    foreseen(&stage, register, "StakeTooLowForRoot", "insufficient_balance");
    stage.signed(&add(1));
    stage.signed(register);

    // Who sits on root is a parent of the owner of a new subnet, and children come at once until it is started.
    stage.ask("wallet new-hotkey --wallet alice --wallet-hotkey second --uri //Dave");
    stage.signed("subnets create --wallet alice");
    let own =
        |child: &str| format!("stake child set 3 --children {child} --proportions 0.3 --hotkey {ALICE} --wallet alice");
    let message = foreseen(&stage, &own(BOB), "ChildParentInconsistency", "invalid_argument");
    assert!(message.contains(&format!("hotkey {BOB} is a parent of {ALICE} on subnet 3")), "{message}");
    stage.signed(&own(DAVE));
    let swap = "wallet swap-hotkey second --wallet alice --hotkey default";
    foreseen(&stage, swap, "InvalidChild", "invalid_argument");
    foreseen(&stage, &format!("{swap} --netuid 3"), "InvalidChild", "invalid_argument");

    let child = |netuid: u16, child: &str| {
        format!("stake child set {netuid} --children {child} --proportions 0.5 --hotkey {BOB} --wallet bob")
    };
    // 20 tao, of which 11 are there, on root and in the hands of whoever has a subnet of its own.
    stage.ask(&format!("devnet set-storage {THRESHOLD}=0x00c817a804000000"));
    foreseen(&stage, &child(1, CHARLIE), "NotEnoughStakeToSetChildkeys", "insufficient_balance");
    let (code, error) = stage.refused(&child(99, CHARLIE));
    assert_eq!((code, &error["data"]["class"]), (1, &"subnet_not_exists".into()), "{error}");
    stage.signed(&child(2, CHARLIE));
    let everywhere = child(1, CHARLIE).replace("set 1", "set --all-netuids");
    // What was done just now is what the chain asks about first.
    foreseen(&stage, &everywhere, "TxRateLimitExceeded", "rate_limited");
    stage.signed(&add(9));
    stage.signed(&child(1, CHARLIE));
    stage.nothing_else_was_signed();
}

#[test]
fn all_stake_of_several_hotkeys_is_given_up_at_once() {
    /// `SubtensorModule.NominatorMinRequiredStake`, and 5 times the least stake.
    const NOMINATION: &str = "0x658faa385070e074c85bf6b568cf0555600828b736cfd977b24a0d2528a8a2e8=0x404b4c0000000000";
    let stage = Stage::on_demand();
    for wallet in ["alice", "bob"] {
        stage.signed(&format!("root register --wallet {wallet}"));
    }
    let add = |hotkey: &str| format!("stake add --netuid 0 --amount 1 --hotkey {hotkey} --wallet alice");
    for hotkey in [ALICE, BOB] {
        stage.signed(&add(hotkey));
    }
    // Nobody stakes behind the third.
    let all = stage.signed(&format!("stake remove --unstake-all --hotkeys {ALICE},{BOB},{CHARLIE} --wallet alice"));
    let calls = &all["plan"]["arguments"]["calls"];
    assert_eq!(calls.as_array().map(Vec::len), Some(2), "{all}");
    assert!(stage.ask("stake list --wallet alice")["positions"].as_array().unwrap().is_empty());
    let (code, error) = stage.refused("stake remove --unstake-all --all-hotkeys --wallet alice");
    assert_eq!((code, &error["kind"]), (6, &"PRECONDITION_FAILED".into()), "{error}");
    stage.signed(&add(ALICE));
    let one = stage.signed("stake remove --unstake-all --all-hotkeys --wallet alice");
    assert_eq!(one["plan"]["call"], "SubtensorModule.unstake_all", "{one}");

    // The rest of a nomination goes along where it is less than the chain keeps, but not of what is one's own.
    stage.ask(&format!("devnet set-storage {NOMINATION}"));
    for hotkey in [ALICE, BOB] {
        stage.signed(&add(hotkey));
    }
    let part = |hotkey: &str, amount: &str| {
        stage.signed(&format!("stake remove --netuid 0 --amount {amount} --hotkey {hotkey} --wallet alice"))
    };
    assert_eq!(part(BOB, "0.9")["plan"]["warnings"], json!([]));
    assert_eq!(part(ALICE, "0.995")["plan"]["warnings"], json!([]));
    let told = part(BOB, "0.095");
    let warned = told["plan"]["warnings"].to_string();
    assert!(warned.contains("τ0.005000000 would be left") && warned.contains("worth τ0.010000000"), "{told}");
    let left = stage.ask("stake list --wallet alice")["positions"].clone();
    assert_eq!((left.as_array().map(Vec::len), &left[0]["hotkey"]), (Some(1), &json!(ALICE)), "{left}");
    // It is in the balance that was foretold.
    let free = stage.ask("wallet balance --wallet alice")["rows"][0]["free"].as_str().unwrap().parse::<u64>().unwrap();
    let foretold = told["plan"]["balance_after"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(free.abs_diff(foretold) < 1_000_000, "foretold {foretold}, found {free}: {told}");

    // Several addresses are told of in one reply, each once.
    let rows = stage.ask(&format!("wallet balance --ss58 {ALICE} --ss58 {BOB},{ALICE}"))["rows"].clone();
    let told: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["coldkey"]).collect();
    assert_eq!(told, [ALICE, BOB]);
    stage.nothing_else_was_signed();
}

#[test]
fn more_commits_than_the_chain_keeps_are_refused() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("sudo set --netuid 2 --param weights_rate_limit --value 0 --wallet alice --root");
    let commit = |salt: u16| format!("weights commit 2 -u 0 -w 1 -s {salt} --wallet alice");
    for salt in 0..10 {
        stage.signed(&commit(salt));
    }
    let message = foreseen(&stage, &commit(10), "TooManyUnrevealedCommits", "limit_exceeded");
    assert!(message.contains("10 commits"), "{message}");
    // Too soon comes before too many.
    stage.signed("sudo set --netuid 2 --param weights_rate_limit --value 50 --wallet alice --root");
    foreseen(&stage, &commit(10), "CommittingWeightsTooFast", "rate_limited");
    stage.mine(50);
    foreseen(&stage, &commit(10), "TooManyUnrevealedCommits", "limit_exceeded");
    stage.mine(720);
    stage.signed(&commit(10));
    stage.nothing_else_was_signed();
}

#[test]
fn a_trade_that_cannot_come_true_is_refused() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed("subnets create --wallet bob");
    stage.signed("subnets start 3 --wallet bob");
    let add = |netuid: u16, terms: &str| format!("stake add --netuid {netuid} --hotkey {ALICE} --wallet alice {terms}");
    // More than the pool could ever take, with a limit, with a part allowed, and without.
    for terms in ["--amount 5000000", "--amount 5000000 --partial", "--amount 5000000 --unsafe"] {
        foreseen(&stage, &add(2, terms), "InsufficientLiquidity", "insufficient_liquidity");
    }
    stage.signed(&add(2, "--amount 700 --unsafe"));
    stage.signed(&add(0, "--amount 50"));
    let part = stage.signed(&add(2, "--amount 700 --partial"));
    assert!(part["plan"]["effects"].to_string().contains("brings up to about"), "{part}");

    // Through one pool, either way, and through two.
    let swap = |origin: u16, dest: u16, terms: &str| {
        format!("stake swap --origin-netuid {origin} --dest-netuid {dest} --hotkey {ALICE} --wallet alice {terms}")
    };
    let beyond = |words: &str| foreseen(&stage, words, "SlippageTooHigh", "insufficient_liquidity");
    let message = beyond(&swap(2, 0, "--all"));
    assert!(message.contains("partial"), "{message}");
    beyond(&swap(0, 2, "--amount 15"));
    let message = beyond(&swap(2, 3, "--amount 100"));
    let room = message.split_once(" about α").unwrap().1.split_once(' ').unwrap().0;
    let room = room.parse::<f64>().unwrap();
    beyond(&swap(2, 3, &format!("--amount {:.6}", room * 1.02)));
    stage.signed(&swap(2, 3, &format!("--amount {:.6}", room * 0.98)));
    for (origin, dest) in [(2, 0), (0, 2)] {
        stage.signed(&swap(origin, dest, "--amount 1"));
        let part = stage.signed(&swap(origin, dest, "--amount 15 --partial"));
        assert!(part["plan"]["effects"].to_string().contains("brings up to about"), "{part}");
    }
    // Of what is beyond the limit before anything is traded not even a part goes.
    let already = |words: &str| foreseen(&stage, words, "PriceLimitExceeded", "insufficient_liquidity");
    for (origin, dest, limit) in [(2, 0, "1000"), (0, 2, "1000")] {
        for fill in ["", " --partial"] {
            let message = already(&swap(origin, dest, &format!("--amount 1 --limit-price {limit}{fill}")));
            assert!(message.contains("one alpha buys "), "{message}");
        }
    }
    let part = swap(2, 3, "--amount 1 --limit-price 1000 --partial");
    let message = foreseen(&stage, &part, "AmountTooLow", "invalid_argument");
    assert!(message.contains("nothing of subnet 2 can be swapped for subnet 3"), "{message}");
    already(&add(2, "--amount 1 --limit-price 0.000001 --partial"));
    let remove = format!("stake remove --netuid 2 --hotkey {ALICE} --wallet alice --amount 1 --limit-price 1000");
    already(&remove);
    already(&format!("{remove} --partial"));
    // Of a part the balance shows that part.
    let part = add(2, "--amount 100 --tolerance 0.5% --partial");
    let receipt = stage.signed(&part);
    let rao = |told: &Value| told.as_str().unwrap().parse::<u64>().unwrap();
    let foretold = rao(&receipt["plan"]["balance_after"]);
    let found = rao(&stage.ask("wallet balance --wallet alice")["rows"][0]["free"]);
    assert!(foretold.abs_diff(found) < 100_000_000, "foretold {foretold}, found {found}: {receipt}");
    let limited = stage.ask(&format!("{} --dry-run", add(0, "--amount 1 --limit-price 0.3")));
    assert!(limited["plan"]["warnings"].to_string().contains("plays no part"), "{limited}");
    let warned = |receipt: &Value| receipt["plan"]["warnings"].to_string();
    let told = warned(&stage.signed(&swap(2, 0, "--amount 50 --unsafe")));
    assert!(told.contains("no limit is set") && told.contains(" on average, "), "{told}");
    let crossing = "--origin-netuid 2 --dest-netuid 0 --amount 50 --wallet alice --unsafe --dry-run";
    for words in [
        format!("stake move --from {ALICE} --to {BOB} {crossing}"),
        format!("stake transfer --dest {BOB} --hotkey {ALICE} {crossing}"),
    ] {
        let told = warned(&stage.ask(&words));
        assert!(told.contains("takes no limit") && told.contains(" on average, "), "{words}: {told}");
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
fn what_is_not_sold_of_root_dividends_is_kept_on_every_other_subnet_of_the_chain() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    let claim = || stage.ask("stake auto --wallet alice")["claim"].clone();
    let sold = stage.signed("stake set-claim swap --netuids 1 --wallet alice");
    assert_eq!(claim(), json!({ "keep-subnets": [2] }));
    let told = sold["plan"].to_string();
    for words in ["sell root dividends of subnets 1,", "kept are those of subnets 2", "created after block"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // The same in the words of the ninth Python command line.
    stage.signed("stake claim swap --netuids 2 --wallet alice");
    assert_eq!(claim(), json!({ "keep-subnets": [1] }));
    // None is left to be kept.
    stage.signed("stake set-claim swap --netuids 1,2 --wallet alice");
    assert_eq!(claim(), json!("swap"));
    foreseen(&stage, "stake set-claim swap --netuids 0,1 --wallet alice", "InvalidSubnetNumber", "invalid_argument");
    let (_, error) = stage.refused("stake set-claim swap --netuids 1,99 --wallet alice");
    assert_eq!(error["data"]["error"], "SubnetNotExists", "{error}");
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
    stage.signed("subnets register 1 --wallet bob");
    let work = |wallet: &str| format!("subnets pow-register --netuid 1 --wallet {wallet} --timeout 60s");
    let (code, error) = stage.refused(&work("bob"));
    assert_eq!((code, &error["data"]["class"]), (6, &"already_exists".into()), "{error}");
    // Announced, it would be too old when it is made.
    for later in [work("alice"), "wallet faucet --wallet alice".to_owned()] {
        let (code, error) = stage.refused(&format!("{later} --proxy {BOB} --announce-only"));
        assert_eq!((code, &error["data"]["parameter"]), (2, &"announce_only".into()), "{later}: {error}");
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

#[test]
fn a_coldkey_is_exchanged_step_by_step() {
    /// `SubtensorModule.ColdkeySwapAnnouncementDelay` and `ColdkeySwapReannouncementDelay`.
    const DELAYS: [&str; 2] = [
        "0x658faa385070e074c85bf6b568cf0555a1e94cf49b8d02b2bb674b407e7a3832",
        "0x658faa385070e074c85bf6b568cf055561b29e17e0bcdee32fda84457cbb3fbf",
    ];
    let stage = Stage::on_demand();
    stage.wallet("dave", "//Dave");
    stage.wallet("ferdie", "//Ferdie");
    for key in DELAYS {
        stage.ask(&format!("devnet set-storage {key}=0x03000000"));
    }
    let step = |wallet: &str, step: &str| format!("wallet swap-coldkey {step} --wallet {wallet}");
    let announce = format!("announce --new-coldkey {EVE}");
    let execute = format!("execute --new-coldkey {EVE}");
    for words in [&execute, "clear", "dispute"] {
        foreseen(&stage, &step("dave", words), "ColdkeySwapAnnouncementNotFound", "not_found");
    }
    stage.signed(&step("dave", &announce));
    foreseen(&stage, &step("dave", &announce), "ColdkeySwapReannouncedTooEarly", "too_early");
    foreseen(&stage, &step("dave", &execute), "ColdkeySwapTooEarly", "too_early");
    let left = blocks_left(&foreseen(&stage, &step("dave", "clear"), "ColdkeySwapClearTooEarly", "too_early"));
    stage.mine(left);
    let transfer = format!("wallet transfer --dest {BOB} --amount 1 --wallet dave");
    foreseen(&stage, &transfer, "ColdkeySwapAnnounced", "policy_violation");
    stage.signed(&step("dave", "clear"));
    stage.signed(&transfer);
    stage.signed(&step("dave", &announce));
    stage.signed(&step("dave", "dispute"));
    foreseen(&stage, &step("dave", "dispute"), "ColdkeySwapAlreadyDisputed", "already_exists");
    foreseen(&stage, &step("dave", &execute), "ColdkeySwapDisputed", "policy_violation");

    // Who has stake or hotkeys of his own takes over from nobody: a warning first, a refusal in the end.
    stage.signed("root register --wallet alice");
    stage.signed(&format!("stake add --netuid 0 --amount 1 --hotkey {ALICE} --wallet alice"));
    let taken = format!("announce --new-coldkey {ALICE}");
    let plan = stage.ask(&format!("{} --dry-run", step("ferdie", &taken)));
    assert!(plan["plan"]["warnings"].to_string().contains("hotkeys or stake of its own"), "{plan}");
    stage.signed(&step("ferdie", &taken));
    stage.mine(3);
    let end = format!("execute --new-coldkey {ALICE}");
    foreseen(&stage, &step("ferdie", &end), "ColdKeyAlreadyAssociated", "already_exists");
    stage.mine(3);
    stage.signed(&step("ferdie", &announce));
    stage.mine(3);
    let done = stage.signed(&step("ferdie", &execute));
    assert_eq!(done["plan"]["balance_after"], "0", "{done}");
    stage.nothing_else_was_signed();
}

#[test]
fn the_best_block_is_asked_before_anything_is_refused() {
    let stage = Stage::on_demand();
    stage.wallet("charlie", "//Charlie");
    stage.ask("devnet fault stall-finality");
    let identity = "wallet set-identity --id-name me --wallet charlie";
    foreseen(&stage, identity, "HotKeyNotRegisteredInNetwork", "not_registered");
    // What no final block knows yet counts, for a call and against one.
    let placed = stage.in_block("subnets register 1 --wallet charlie");
    assert!(placed["uid"].is_u64() && placed["registered_at"].is_u64(), "{placed}");
    stage.in_block(identity);
    stage.in_block("axon set --ip 8.8.8.8 --port 8091 1 --wallet charlie");
    let again = "axon set --ip 8.8.8.8 --port 8092 1 --wallet charlie";
    let left = blocks_left(&foreseen(&stage, again, "ServingRateLimitExceeded", "rate_limited"));
    // Time goes on with the best block too.
    stage.mine(left);
    stage.in_block(again);
    stage.ask("devnet fault clear");
    stage.nothing_else_was_signed();
}

#[test]
fn a_second_change_of_an_identity_keeps_the_first_that_is_not_final() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.ask("devnet fault stall-finality");
    stage.in_block("wallet set-identity --id-name me --wallet alice");
    stage.in_block("wallet set-identity --url https://me.example --wallet alice");
    stage.in_block("subnets set-identity 2 --subnet-name two --wallet alice");
    let changed = stage.in_block("subnets set-identity 2 --description second --wallet alice");
    let kept = &changed["plan"]["arguments"]["subnet_name"];
    assert_eq!(kept, "0x74776f", "{changed}");
    stage.ask("devnet fault clear");
    stage.mine(1);
    let told = |words: &str, names: [&str; 2]| names.map(|name| stage.ask(words)["identity"][name].clone());
    btd_tests::wait_for("all changes to be final", || {
        let subnet = told("subnets get-identity 2", ["subnet_name", "description"]);
        (subnet == [json!("two"), json!("second")]).then_some(())
    });
    let coldkey = told("wallet get-identity --wallet alice", ["name", "url"]);
    assert_eq!(coldkey, [json!("me"), json!("https://me.example")]);
    stage.nothing_else_was_signed();
}

#[test]
fn one_end_of_liquid_alpha_keeps_the_other_that_is_not_final() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("sudo set --netuid 2 --param liquid_alpha_enabled --value true --wallet alice --root");
    stage.ask("devnet fault stall-finality");
    stage.in_block("sudo set --netuid 2 --param alpha_low --value 0.5 --wallet alice --root");
    let changed = stage.in_block("sudo set --netuid 2 --param alpha_high --value 0.8 --wallet alice --root");
    let set = &changed["plan"]["arguments"]["call"]["AdminUtils"]["sudo_set_alpha_values"];
    assert_eq!((&set["alpha_low"], &set["alpha_high"]), (&json!(32_767), &json!(52_428)), "{changed}");
    stage.ask("devnet fault clear");
    stage.nothing_else_was_signed();
}

#[test]
fn a_rule_forbids_what_is_announced_too_and_one_that_forbids_nothing_is_told_of() {
    let host = btd_tests::Host::new();
    let rules = "Balances.transfer_all,Balances.transfer_keepalive";
    let daemon = host.start_with(
        &["--network", "devnet", "--block-time", "instant"],
        &[("BTD_SUBMIT__POLICY__REFUSE_CALLS", rules)],
    );
    btd_tests::wait_for("btd to be ready", || (host.ask(&["status"])["phase"] == "ready").then_some(()));
    for (wallet, uri) in [("alice", "//Alice"), ("bob", "//Bob")] {
        host.ask(&["wallet", "create", "--wallet", wallet, "--uri", uri]);
    }
    let added = host.ask(&["proxy", "add", "--delegate", BOB, "--proxy-type", "Any", "--wallet", "alice", "--yes"]);
    let warnings = added["plan"]["warnings"].to_string();
    assert!(
        warnings.contains("`Balances.transfer_keepalive`") && warnings.contains("transfer_keep_alive"),
        "{warnings}"
    );
    assert!(!warnings.contains("`Balances.transfer_all`"), "{warnings}");
    let all = format!(r#"{{"pallet":"Balances","call":"transfer_all","args":{{"dest":"{BOB}","keep_alive":false}}}}"#);
    let named = format!(r#"{{"Balances":{{"transfer_all":{{"dest":"{BOB}","keep_alive":false}}}}}}"#);
    let batch = |inner: &str| format!(r#"{{"pallet":"Utility","call":"batch_all","args":{{"calls":[{inner}]}}}}"#);
    for call in [all.clone(), batch(&all), batch(&named)] {
        let (code, words) =
            host.refused(&["proxy", "announce", "--real", ALICE, "--call", &call, "--wallet", "bob", "--dry-run"]);
        assert!(words.contains("forbids Balances.transfer_all"), "{code}: {call}: {words}");
    }
    // What no rule names is announced, and a call without arguments is one.
    let harmless = batch(r#"{"pallet":"Proxy","call":"remove_proxies"}"#);
    host.ask(&["proxy", "announce", "--real", ALICE, "--call", &harmless, "--wallet", "bob", "--dry-run"]);
    assert!(daemon.log().contains("a rule does nothing"), "{}", daemon.log());
    daemon.stop();
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
