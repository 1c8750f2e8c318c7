//! Stake that is traded, locked and picked.

use btd_tests::{stage::Stage, terminal::Terminal};
use serde_json::Value;

use super::{ALICE, BOB};

#[test]
fn stake_is_locked_and_earns_conviction() {
    let stage = Stage::set();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed(&format!("stake add --netuid 2 --amount 10 --unsafe --hotkey {ALICE} --wallet bob"));
    assert_eq!(stage.ask("lock list --wallet bob")["locks"], Value::Array(vec![]));
    let (_, error) = stage.refused(&format!("lock move 2 --to {BOB} --wallet bob"));
    assert_eq!(error["data"]["error"], "NoExistingLock");
    let (_, error) = stage.refused(&format!("lock add 2 --amount 500 --hotkey {ALICE} --wallet bob"));
    assert_eq!(error["data"]["error"], "InsufficientStakeForLock");

    let locked = stage.signed(&format!("lock add 2 --amount 4 --hotkey {ALICE} --mode perpetual --wallet bob"));
    assert_eq!(locked["plan"]["call"], "Utility.batch_all");
    Stage::event(&locked, "StakeLocked");
    let lock = || stage.ask("stake locks --wallet bob --netuid 2")["locks"][0].clone();
    assert_eq!((&lock()["locked"], &lock()["mode"]), (&"4000000000".into(), &"perpetual".into()));
    assert_eq!(lock()["hotkey"], ALICE);
    // Nothing is signed without a mode: shown is the lock of the account that is acted for, and the rest refused.
    let shown = stage.ask(&format!("lock mode 2 --wallet alice --proxy {BOB}"));
    assert_eq!((&shown["coldkey"], &shown["locks"][0]["mode"]), (&BOB.into(), &"perpetual".into()), "{shown}");
    for terms in ["--dry-run".to_owned(), "--idempotency-key k".to_owned(), format!("--proxy {ALICE} --announce-only")]
    {
        let (code, error) = stage.refused(&format!("lock mode 2 --wallet bob {terms}"));
        assert!(code == 2 && error["message"].as_str().unwrap().contains("--mode"), "{terms}: {code}: {error}");
    }
    let (_, error) = stage.refused(&format!("stake lock 2 --amount 1 --hotkey {BOB} --wallet bob"));
    assert_eq!(error["data"]["error"], "LockHotkeyMismatch");
    // What is locked does not leave, and the rest does.
    let (_, error) = stage.refused(&format!("stake remove --netuid 2 --amount 7 --hotkey {ALICE} --wallet bob"));
    assert_eq!(error["data"]["error"], "StakeUnavailable");
    assert_eq!(stage.ask("stake list --wallet bob")["positions"][0]["locked"], "4000000000");
    stage.signed(&format!("stake lock 2 --amount all --hotkey {ALICE} --wallet bob"));
    assert_eq!(lock()["free"], "0");

    // A lock for the hotkey of the subnet's owner has full conviction at once.
    let conviction = stage.ask("subnets conviction 2");
    assert_eq!(
        (&conviction["candidates"][0]["hotkey"], &conviction["candidates"][0]["is_owner"]),
        (&ALICE.into(), &true.into())
    );
    assert_eq!(conviction["total"], lock()["locked"]);
    stage.signed("stake unlock 2 --wallet bob");
    assert_eq!(lock()["mode"], "decaying");
    stage.signed("subnets register 2 --wallet bob");
    stage.signed(&format!("lock move 2 --to {BOB} --wallet bob"));
    assert_eq!(lock()["hotkey"], BOB);
}

#[test]
fn what_is_locked_stays_on_its_subnet_and_the_rest_leaves() {
    let stage = Stage::set();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed("subnets register 2 --wallet bob");
    let both = format!("--hotkey {ALICE},{BOB} --tolerance 50% --wallet bob");
    stage.signed(&format!("stake add --netuids 2 --amount 5 {both}"));
    stage.signed(&format!("lock add 2 --amount 4 --hotkey {ALICE} --mode perpetual --wallet bob"));

    // What one position gives up, the other does not give up again.
    let sold = stage.signed(&format!("stake remove --netuids 2 --amount all {both}"));
    let calls = sold["plan"]["arguments"]["calls"].to_string();
    assert!(calls.contains("remove_stake_full_limit") && calls.contains("amount_unstaked"), "{calls}");
    let left = || stage.ask("stake list --wallet bob")["positions"].as_array().unwrap().clone();
    let rao = |position: &Value| position["stake"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(left().len() == 1 && rao(&left()[0]).abs_diff(4_000_000_000) < 1_000_000, "{:?}", left());
    assert_eq!(left()[0]["hotkey"], BOB);
    let unavailable = |words: &str| assert_eq!(stage.refused(words).1["data"]["error"], "StakeUnavailable", "{words}");
    unavailable("stake remove --all-netuids --amount all --all-hotkeys --tolerance 50% --wallet bob");
    unavailable(&format!("stake remove --all --hotkey {BOB} --wallet bob"));

    // A list of subnets that came out empty does not mean every subnet.
    let nowhere = r#"{"amount":"all","netuids":{"only":[]},"hotkeys":{"all-but":[]},"wallet":"bob"}"#;
    for method in ["stake_removeMany", "stake_addMany"] {
        let (_, text) = stage.host.refused(&["--json", "rpc", method, nowhere]);
        assert!(text.contains("INVALID_PARAMS") && text.contains("no subnet is named"), "{text}");
    }

    // Within its subnet it moves.
    stage.signed(&format!("stake move --from {BOB} --to {ALICE} --origin-netuid 2 --amount all --wallet bob"));
    assert_eq!(left()[0]["hotkey"], ALICE);
    let give = format!("stake transfer --dest {ALICE} --origin-netuid 2 --amount 1 --hotkey {ALICE} --wallet bob");
    // Whoever has said nothing takes no locked stake.
    let (_, error) = stage.refused(&give);
    assert_eq!(error["data"]["error"], "AccountRejectsLockedAlpha", "{error}");
    stage.signed("lock incoming accept --wallet alice");
    let given = stage.ask(&format!("{give} --dry-run"));
    assert!(given["plan"]["warnings"].to_string().contains("the lock goes along"), "{given}");

    // The chain's call for whole positions passes over one that is locked in part; the one with an amount does not.
    stage.signed(&format!("stake add --netuids 0,2 --amount 2 --tolerance 50% --hotkey {ALICE} --wallet bob"));
    let planned = stage.ask(&format!("stake remove --all --hotkey {ALICE} --wallet bob --dry-run"));
    assert!(planned["plan"]["effects"].to_string().contains("1 position,"), "{planned}");
    let warnings = planned["plan"]["warnings"].to_string();
    assert!(warnings.contains(&format!("on subnet 2 behind hotkey {ALICE} stay")), "{planned}");
    let sold = stage.signed(&format!("stake remove --netuid 2 --all --tolerance 50% --hotkey {ALICE} --wallet bob"));
    assert_eq!(sold["plan"]["call"], "SubtensorModule.remove_stake_limit");
    assert!(left().iter().any(|position| rao(position).abs_diff(4_000_000_000) < 1_000_000), "{:?}", left());
}

#[test]
fn a_free_part_that_is_too_small_to_leave_keeps_nothing_else_back() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    let ours = format!("--hotkey {ALICE} --wallet bob");
    stage.signed(&format!("stake add --netuids 0,2 --amount 5 --tolerance 50% {ours}"));
    let positions = || stage.ask("stake list --wallet bob")["positions"].as_array().unwrap().clone();
    let alpha = positions().iter().find(|position| position["netuid"] == 2).unwrap()["stake"].clone();
    let locked = alpha.as_str().unwrap().parse::<u64>().unwrap() - 500_000;
    let locked = format!("{}.{:09}", locked / 1_000_000_000, locked % 1_000_000_000);
    stage.signed(&format!("lock add 2 --amount {locked} --mode perpetual {ours}"));

    let error = stage.foreseen(&format!("stake remove --netuid 2 --all --unsafe {ours}"), "AmountTooLow");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("the rest is locked") && !message.contains("take more"), "{message}");
    let sold = stage.signed(&format!("stake remove --all-netuids --amount all --tolerance 50% {ours}"));
    assert_eq!(sold["plan"]["arguments"]["netuid"], 0, "{sold}");
    assert!(sold["plan"]["warnings"].to_string().contains("on subnet 2 stays: of it only"), "{sold}");
    let left = positions();
    assert!(left.len() == 1 && left[0]["netuid"] == 2, "{left:?}");

    // Nor is it missed in the prices of a plan that left it out.
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 3 --wallet alice");
    stage.signed(&format!("stake add --netuid 3 --amount 5 --tolerance 50% {ours}"));
    let sold = stage.signed(&format!("stake remove --all-netuids --amount all --tolerance 50% {ours}"));
    assert_eq!(sold["plan"]["arguments"]["netuid"], 3, "{sold}");
    let bounds = sold["plan"]["bounds"].as_array().unwrap();
    assert!(bounds.len() == 1 && bounds[0]["of"]["sold"] == 3, "{sold}");
    let left = positions();
    assert!(left.len() == 1 && left[0]["netuid"] == 2, "{left:?}");
    stage.nothing_else_was_signed();
}

#[test]
fn several_trades_are_one_extrinsic_and_bounds_are_kept_or_refused() {
    let stage = Stage::set();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed("subnets register 2 --wallet bob");
    let places = format!("--hotkey {ALICE},{BOB}");
    let added = stage.signed(&format!("stake add --netuids 0,2 --amount 3 {places} --tolerance 50% --wallet bob"));
    assert_eq!(added["plan"]["call"], "Utility.batch_all");
    assert_eq!(added["plan"]["arguments"]["calls"].as_array().unwrap().len(), 4);
    let positions = || stage.ask("stake list --wallet bob")["positions"].as_array().unwrap().clone();
    assert_eq!(positions().len(), 4);
    // One that the chain would refuse refuses all.
    let (_, error) =
        stage.refused(&format!("stake add --netuids 2,9 --amount 3 {places} --tolerance 50% --wallet bob"));
    assert_eq!(error["data"]["class"], "subnet_not_exists");
    // Those of the wallet's own hotkeys.
    let planned = stage.ask("stake remove --all --all-hotkeys --wallet bob --dry-run");
    assert_eq!(planned["plan"]["call"], "SubtensorModule.unstake_all", "{planned}");
    assert_eq!(planned["plan"]["arguments"]["hotkey"], BOB, "{planned}");
    stage.signed("stake remove --all-netuids --amount all --all-hotkeys --tolerance 50% --wallet bob");
    let left = positions();
    assert!(left.iter().all(|position| position["hotkey"] == ALICE) && left.len() == 2, "{left:?}");

    // A bound that the chain's call cannot keep is refused in words; on one subnet there is nothing to bound.
    let crossing =
        format!("stake move --from {ALICE} --to {BOB} --origin-netuid 2 --dest-netuid 0 --amount 1 --wallet bob");
    let (code, error) = stage.refused(&format!("{crossing} --tolerance 0.01"));
    assert!(code == 2 && error["message"].as_str().unwrap().contains("stake swap"), "{error}");
    let planned = stage.ask(&format!("{crossing} --unsafe --dry-run"));
    assert!(planned["plan"]["warnings"][0].as_str().unwrap().contains("takes no limit"), "{planned}");
    stage.signed(&format!(
        "stake move --from {ALICE} --to {BOB} --origin-netuid 2 --amount 1 --safe-staking --wallet bob"
    ));

    let burnt = stage.signed("sudo stake-burn 2 --amount 1 --tolerance 50% --hotkey default --wallet bob");
    Stage::event(&burnt, "AddStakeBurn");
    let (code, _) = stage.refused("sudo stake-burn 2 --amount 1 --partial --wallet bob");
    assert_eq!(code, 2);
    // On root, registering is another call.
    let rooted = stage.signed("subnets register 0 --wallet bob");
    assert_eq!(rooted["plan"]["call"], "SubtensorModule.root_register");
}

#[test]
fn stake_is_picked_from_a_list_and_taken_out() {
    let stage = Stage::set();
    stage.signed("subnets register 1 --wallet alice");
    stage.signed("subnets register 1 --wallet bob");
    stage.signed(&format!("stake add --netuid 0 --amount 3 --hotkey {ALICE} --wallet bob"));
    stage.signed(&format!("stake add --netuid 0 --amount 4 --hotkey {BOB} --wallet bob"));
    let positions = || stage.ask("stake list --wallet bob")["positions"].as_array().unwrap().clone();
    let (picked, left) = (positions()[1].clone(), positions()[0].clone());
    let mut terminal = Terminal::btctl(&stage.host, &["stake", "remove", "--interactive", "--wallet", "bob"]);
    terminal.wait_for("Which, such as 1,3, or all: ");
    terminal.press("2\r");
    terminal.wait_for("How much of it, or all: ");
    terminal.press("all\r");
    terminal.wait_for("Sign and send it? [y/N]");
    terminal.press("y\r");
    let hotkey = picked["hotkey"].as_str().unwrap();
    terminal.wait_for(&format!("btctl stake remove --wallet bob --netuid 0 --hotkey {hotkey} --amount all --yes"));
    assert_eq!(terminal.end(), 0);
    assert_eq!(positions(), std::slice::from_ref(&left));
    // The wizard asks for everything, and tells the command that asks nothing.
    let mut terminal = Terminal::btctl(&stage.host, &["stake", "wizard", "--wallet", "bob"]);
    terminal.wait_for("What to do: remove, move, swap or transfer: ");
    terminal.press("transfer\r");
    terminal.wait_for("Which of them: ");
    terminal.press("1\r");
    terminal.wait_for("How much of it, or all: ");
    terminal.press("1\r");
    terminal.wait_for("To which coldkey: ");
    terminal.press(&format!("{ALICE}\r"));
    terminal.wait_for("Sign and send it? [y/N]");
    terminal.press("y\r");
    let flags = format!(
        "--origin-netuid 0 --hotkey {} --amount 1.000000000 --dest {ALICE} --yes",
        left["hotkey"].as_str().unwrap()
    );
    terminal.wait_for(&format!("btctl stake transfer --wallet bob {flags}"));
    assert_eq!(terminal.end(), 0);
    assert_eq!(stage.ask("stake list --wallet alice")["positions"][0]["stake"], "1000000000");
    assert_eq!(stage.host.refused(&["stake", "wizard", "--wallet", "bob"]).0, 2);
    // Without a terminal there is nobody to choose.
    assert_eq!(stage.host.refused(&["stake", "remove", "-i", "--wallet", "bob"]).0, 2);
}
