//! What an account may do, and for whom: proxies, rules, identities, and its exchange for another.

use btd_tests::stage::Stage;
use serde_json::{Value, json};

use super::{ALICE, BOB, CHARLIE, DAVE, EVE, blocks_left, foreseen};

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
fn an_exchange_costs_and_rests_as_the_runtime_says() {
    /// `SubtensorModule.TxRateLimit` and `TxDelegateTakeRateLimit`, and 7.
    const PACE: &str = "0x658faa385070e074c85bf6b568cf0555a60dafa9acb9b7b76f9a4eeb63b91b44=0x0700000000000000";
    const TAKES: &str = "0x658faa385070e074c85bf6b568cf0555ca55e47897247174acf8769d70e4eea3=0x0700000000000000";
    /// `SubtensorModule.RootClaimed` of root, the second hotkey and Bob, and nothing.
    const CLAIMED: &str = "0x658faa385070e074c85bf6b568cf055535c166da6dea596ef3a1552dae9ea82d0000\
                           e5e802737cce3a54b0bc9e3d3e6be26e\
                           306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20\
                           4f9aea1afa791265fae359272badc1cf\
                           8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48\
                           =0x00000000000000000000000000000000";
    let stage = Stage::on_demand();
    stage.ask("wallet new-hotkey --wallet alice --wallet-hotkey second --uri //Dave");
    stage.signed("root register --wallet alice");
    for limit in [PACE, TAKES] {
        stage.ask(&format!("devnet set-storage {limit}"));
    }
    let cost = stage.ask("query constant SubtensorModule KeySwapCost")["value"].as_str().unwrap().to_owned();
    let exchange = "wallet swap-hotkey second --wallet alice --hotkey default".to_owned();
    let announce = format!("wallet swap-coldkey announce --new-coldkey {EVE} --wallet bob");
    let plan = |words: &str| stage.ask(&format!("{words} --dry-run"))["plan"].clone();
    for words in [&exchange, &announce] {
        let plan = plan(words);
        let rao = |name: &str| plan[name].as_str().unwrap().parse::<u64>().unwrap();
        let spent = rao("balance_before") - rao("balance_after") - rao("fee");
        assert_eq!(spent.to_string(), cost, "{words}: {plan}");
    }
    let warnings = plan(&exchange)["warnings"].to_string();
    assert!(warnings.contains("a hotkey is exchanged once in 7 blocks, on one subnet once in 7200"), "{warnings}");
    let warnings = plan("root set-take --take 0.1 --wallet alice")["warnings"].to_string();
    assert!(warnings.contains("a take can be raised once in 7 blocks"), "{warnings}");

    // Where anything was ever claimed on root from behind the new hotkey, the chain lets it take over from none there.
    stage.ask(&format!("devnet set-storage {CLAIMED}"));
    foreseen(&stage, &exchange, "NewHotKeyNotCleanForRootSwap", "already_exists");
    stage.nothing_else_was_signed();
}

#[test]
fn stake_behind_a_hotkey_of_nobody_stays_until_that_is_claimed() {
    let stage = Stage::on_demand();
    stage.ask("wallet new-hotkey --wallet alice --wallet-hotkey second --uri //Dave");
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    for netuid in [0, 2] {
        stage.signed(&format!("stake add --netuid {netuid} --amount 10 --hotkey {ALICE} --wallet alice --unsafe"));
    }
    let exchange = "wallet swap-hotkey second --wallet alice --hotkey default";
    let warned = |words: &str| stage.ask(&format!("{words} --dry-run"))["plan"]["warnings"].to_string();
    let warnings = warned(exchange);
    assert!(!warnings.contains("nobody's"), "{warnings}");
    let warnings = warned(&format!("{exchange} --keep-stake"));
    assert!(warnings.contains(&format!("hotkey {ALICE} is nobody's")), "{warnings}");

    stage.signed(&format!("{exchange} --keep-stake"));
    let remove = format!("stake remove --netuid 0 --amount 1 --hotkey {ALICE} --wallet alice");
    for words in [
        &remove,
        &remove.replace("--netuid 0", "--netuid 2"),
        &format!("stake remove --unstake-all --hotkeys {ALICE} --wallet alice"),
        &format!("stake swap --origin-netuid 0 --dest-netuid 2 --amount 0.1 --hotkey {ALICE} --wallet alice"),
        &format!("stake move --from {ALICE} --to {DAVE} --origin-netuid 0 --amount 1 --wallet alice"),
        &format!("stake transfer --dest {BOB} --hotkey {ALICE} --origin-netuid 0 --amount 1 --wallet alice"),
    ] {
        let message = foreseen(&stage, words, "HotKeyAccountNotExists", "not_registered");
        assert!(message.contains("associate-hotkey"), "{words}: {message}");
    }
    stage.signed("wallet associate-hotkey --hotkey default --wallet alice");
    stage.signed(&remove);
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
    let rules = "Balances.transfer_all,Balances.transfer_keepalive,AdminUtils.sudo_set_activity_cutoff_factor";
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
    // This runtime has another call that sets the same, which the rule means too.
    assert!(!warnings.contains("cutoff_factor"), "{warnings}");
    let set = "sudo set --netuid 1 --param activity_cutoff_factor --value 2000 --wallet alice --root --dry-run";
    let (code, words) = host.refused(&set.split(' ').collect::<Vec<_>>());
    assert!(words.contains("forbids SubtensorModule.set_activity_cutoff_factor"), "{code}: {words}");
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
