//! What signing costs and what is said of it, by the real binaries: the fee that is foretold and that which is paid, the
//! price that was agreed to and that which is signed, what is told before a fee is paid for nothing, and what was sent when
//! nobody can be told of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs::File, process::Output};

use blake2::{Blake2b, Digest, digest::consts::U32};
use btd_tests::{Host, stage::Stage, terminal::Terminal, wait_for};
use serde_json::Value;

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
const CHARLIE: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";

fn rao(told: &Value) -> u64 {
    told.as_str().unwrap_or_else(|| panic!("not an amount: {told}")).parse().unwrap()
}

fn free(stage: &Stage, address: &str) -> u64 {
    rao(&stage.ask(&format!("wallet balance {address}"))["rows"][0]["free"])
}

#[test]
fn a_fee_is_foretold_as_the_most_and_told_as_paid() {
    let stage = Stage::on_demand();
    let parties = format!("--signatories {ALICE},{BOB}");
    let call = r#"{"pallet":"System","call":"remark","args":{"remark":"0x00"}}"#;
    let fees = |words: &str| {
        let receipt = stage.signed(words);
        let paid = rao(&receipt["outcome"]["fee"]);
        assert_eq!(rao(&Stage::event(&receipt, "TransactionFeePaid")["actual_fee"]), paid, "{receipt}");
        (rao(&receipt["plan"]["fee"]), paid)
    };
    // A plain call costs what it says; the first of a proposal makes no call, and the sudo key's calls are free.
    let (most, paid) = fees(&format!("wallet transfer --dest {BOB} --amount 1 --wallet alice"));
    assert_eq!(most, paid);
    let before = free(&stage, ALICE);
    let (most, paid) = fees(&format!("multisig propose {parties} --call {call} --wallet alice"));
    assert!(0 < paid && paid < most, "{paid} of {most}");
    let held = rao(&stage.ask(&format!("multisig list {parties}"))["proposals"][0]["deposit"]);
    assert_eq!(free(&stage, ALICE), before - held - paid);
    let (most, paid) = fees("sudo set --netuid 1 --param weights_rate_limit --value 0 --wallet alice --root");
    assert!(0 == paid && paid < most, "{paid} of {most}");
    let card =
        stage.host.btctl(&["wallet", "transfer", "--dest", BOB, "--amount", "1", "--wallet", "alice", "--dry-run"]);
    let card = String::from_utf8(card.stdout).unwrap();
    assert!(card.lines().any(|line| line.starts_with("fee ") && line.contains(" at most τ0.")), "{card}");
    stage.nothing_else_was_signed();
}

/// What stands on a terminal, wherever its lines end.
fn unwrapped(terminal: &Terminal) -> String {
    terminal.screen().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Somebody reads a card while the price moves.
#[test]
fn nothing_worse_is_signed_than_was_shown() {
    let stage = Stage::on_demand();
    stage.wallet("charlie", "//Charlie");
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    let register = "subnets register 1 --wallet alice";
    let buy = format!("stake add --netuid 2 --amount 1 --hotkey {ALICE} --wallet alice");
    for (words, meanwhile, told) in [
        (register, "subnets register 1 --wallet bob".to_owned(), "registering on subnet 1 costs"),
        (
            buy.as_str(),
            format!("stake add --netuid 2 --amount 100 --tolerance 90% --hotkey {ALICE} --wallet bob"),
            "one alpha of subnet 2 costs",
        ),
    ] {
        let mut terminal = Terminal::btctl(&stage.host, &words.split(' ').collect::<Vec<_>>());
        terminal.wait_for("Sign and send it? [y/N]");
        stage.signed(&meanwhile);
        terminal.press("y\r");
        assert_eq!(terminal.end(), 6, "{terminal:?}");
        let screen = unwrapped(&terminal);
        assert!(screen.contains(told) && screen.contains("that was agreed to: nothing was signed"), "{screen}");
    }
    stage.nothing_else_was_signed();

    // What is wide enough for the new price is signed with the bound that was shown, and not with one of its own.
    let register = format!("{register} --tolerance 60%");
    let shown = stage.ask(&format!("{register} --dry-run"))["plan"]["bounds"].clone();
    let mut terminal = Terminal::btctl(&stage.host, &register.split(' ').collect::<Vec<_>>());
    terminal.wait_for("Sign and send it? [y/N]");
    stage.signed("subnets register 1 --wallet charlie");
    terminal.press("y\r");
    assert_eq!(terminal.end(), 0, "{terminal:?}");
    let newest = stage.ask("tx list")["entries"][0]["extrinsic"].as_str().unwrap().to_owned();
    let plan = stage.ask(&format!("tx show {newest}"))["plan"].clone();
    assert_eq!((&plan["bounds"], &plan["arguments"]["limit_price"]), (&shown, &shown[0]["limit"]), "{plan}");

    // Whoever agreed to a limit does not trade without one.
    let given = format!(
        r#"{{"wallet":"alice","netuid":2,"amount":"1000000000","hotkey":"{ALICE}","protection":"none","bounds":[{{"of":{{"bought":2}},"limit":"{}"}}]}}"#,
        u64::MAX
    );
    let (code, error) = stage.host.refused(&["rpc", "stake_add", &given]);
    assert!(code == 6 && error.contains("limits were agreed to, and this has none on the price of"), "{code}: {error}");
}

/// By then there is nothing to make, and under the key what was made is told all the same.
#[test]
fn an_announced_call_that_was_not_named_is_told_again_under_its_key() {
    let stage = Stage::on_demand();
    stage.signed(&format!("proxy add --delegate {BOB} --wallet alice"));
    let call = r#"{"pallet":"System","call":"remark","args":{"remark":"0x01"}}"#;
    let announced = stage.signed(&format!("proxy announce --real {ALICE} --call {call} --wallet bob"));
    let execute = format!("proxy execute --real {ALICE} --wallet bob --idempotency-key made");
    let planned = stage.ask(&format!("{execute} --dry-run"));
    assert_eq!(planned["plan"]["makes"], announced["plan"]["arguments"]["call_hash"], "{planned}");
    let made = stage.signed(&execute);
    let again = stage.ask(&format!("{execute} --yes"));
    assert_eq!(again["outcome"]["extrinsic"], made["outcome"]["extrinsic"], "{again}");
    stage.nothing_else_was_signed();
}

#[test]
fn what_is_announced_meanwhile_is_not_made() {
    let stage = Stage::on_demand();
    stage.signed(&format!("proxy add --delegate {BOB} --wallet alice"));
    let announce = |remark: &str| {
        let call = format!(r#"{{"pallet":"System","call":"remark","args":{{"remark":"{remark}"}}}}"#);
        stage.signed(&format!("proxy announce --real {ALICE} --call {call} --wallet bob"));
    };
    announce("0x01");
    let execute = format!("proxy execute --real {ALICE} --wallet bob");
    let mut terminal = Terminal::btctl(&stage.host, &execute.split(' ').collect::<Vec<_>>());
    terminal.wait_for("Sign and send it? [y/N]");
    stage.signed(&execute);
    announce("0x02");
    terminal.press("y\r");
    assert_eq!(terminal.end(), 6, "{terminal:?}");
    assert!(unwrapped(&terminal).contains("has not announced"), "{terminal:?}");
    stage.nothing_else_was_signed();
}

#[test]
fn nothing_is_repeated_that_was_never_signed() {
    let stage = Stage::on_demand();
    let too_much =
        format!("wallet transfer --dest {BOB} --amount 100000000 --wallet alice --idempotency-key never-used");
    let mut terminal = Terminal::btctl(&stage.host, &too_much.split(' ').collect::<Vec<_>>());
    assert_eq!(terminal.end(), 6, "{terminal:?}");
    assert!(!terminal.screen().contains("[y/N]"), "{terminal:?}");
    stage.nothing_else_was_signed();
}

#[test]
fn what_failed_in_a_block_is_told_before_that_is_final() {
    let stage = Stage::on_demand();
    stage.ask("devnet fault stall-finality");
    let sent = stage.in_block(&format!("wallet transfer --dest {BOB} --amount 1 --wallet alice"));
    assert_eq!(Stage::event(&sent, "Transfer")["amount"], "1000000000", "{sent}");
    assert!(sent["outcome"]["index"].is_u64() && rao(&sent["outcome"]["fee"]) > 0, "{sent}");

    // Taking stake back from where there is none cannot be seen beforehand in a call on behalf of two.
    let failing = format!(
        r#"{{"pallet":"SubtensorModule","call":"remove_stake","args":{{"hotkey":"{ALICE}","netuid":0,"amount_unstaked":"5"}}}}"#
    );
    // Whoever interrupts a batch succeeds; the call inside it does not.
    let inside = format!(r#"{{"pallet":"Utility","call":"batch","args":{{"calls":[{failing}]}}}}"#);
    for (key, call, waiting) in [
        ("f1", &failing, "--wait in-block"),
        ("f2", &inside, "--wait in-block"),
        ("f3", &failing, "--no-wait-for-finalization"),
    ] {
        let propose = format!(
            "multisig propose --signatories {ALICE},{BOB} --threshold 1 --call {call} --wallet alice --idempotency-key {key}"
        );
        let (code, error) = stage.refused(&format!("{propose} {waiting}"));
        assert_eq!((code, &error["kind"]), (6, &"DISPATCH_FAILED".into()), "{error}");
        let data = &error["data"];
        assert_eq!((&data["final"], data["era_end"].is_u64()), (&false.into(), true), "{error}");
        assert!(error["message"].as_str().unwrap().contains("which is not final yet, and failed there"), "{error}");
        assert!(data["error"].is_string() && data["block"]["hash"].is_string(), "{error}");
        // It may be taken back: what to do is to look, under the key, and the message says so.
        assert_eq!((&data["idempotency_key"], &error["hint"]), (&key.into(), &Value::Null), "{error}");
        let follow = format!("tx follow --key {key}");
        let says_so = |told: &Value| told.as_str().unwrap().contains(&format!("`btctl {follow}`"));
        assert!(says_so(&data["remedy"]) && says_so(&error["message"]), "{error}");
        if key == "f1" {
            // What it came to in the end is told under the same key.
            stage.ask("devnet fault clear");
            stage.mine(1);
            for repeated in [&propose, &follow] {
                let (code, last) = stage.refused(repeated);
                assert_eq!((code, &last["data"]["final"]), (6, &true.into()), "{last}");
                assert_eq!((&last["data"]["extrinsic"], &last["data"]["error"]), (&data["extrinsic"], &data["error"]));
            }
            stage.ask("devnet fault stall-finality");
        }
    }
    stage.ask("devnet fault clear");
    assert_eq!(stage.ask("tx list")["entries"].as_array().map(Vec::len), Some(4));
}

#[test]
fn who_staked_everything_pays_the_fee_in_alpha() {
    let stage = Stage::on_demand();
    stage.wallet("charlie", "//Charlie");
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed(&format!("stake add --netuid 2 --amount 10 --tolerance 5% --hotkey {ALICE} --wallet charlie"));
    stage.signed(&format!("wallet transfer --dest {BOB} --all --wallet charlie"));
    let deposit = free(&stage, CHARLIE);
    let position = || {
        let told = stage.ask("stake list --wallet charlie");
        told["positions"].as_array().unwrap().iter().map(|position| rao(&position["stake"])).sum::<u64>()
    };
    let held = position();
    let sell =
        |terms: &str| format!("stake remove --netuid 2 --tolerance 5% --hotkey {ALICE} --wallet charlie {terms}");

    // What names no position cannot be paid for, and what names one is.
    stage.foreseen(&format!("wallet transfer --dest {BOB} --amount 0.0000001 --wallet charlie"), "InsufficientBalance");
    let part = stage.signed(&sell("--amount 1"));
    let foretold = part["plan"]["effects"].to_string();
    assert!(foretold.contains("too little tao for the fee, which is paid in about α"), "{part}");
    let paid = rao(&Stage::event(&part, "TransactionFeePaidWithAlpha")["alpha_fee"]);
    assert!(foretold.contains(&format!("about α0.{:06}", paid / 1_000)), "{paid}: {part}");
    assert!((held - position()).abs_diff(1_000_000_000 + paid) < 1_000_000, "{held} {paid}");
    assert!(free(&stage, CHARLIE) > deposit);

    // The fee goes first: what is left has to be enough for what is named.
    stage.signed(&format!("wallet transfer --dest {BOB} --all --wallet charlie"));
    let whole = position();
    let named = format!("--amount {}.{:09}", whole / 1_000_000_000, whole % 1_000_000_000);
    let all = |terms: &str| {
        let error = stage.foreseen(&sell(terms), "NotEnoughStakeToWithdraw");
        assert!(error["message"].as_str().unwrap().contains("go for it first"), "{error}");
        error["message"].as_str().unwrap().contains("or all of it")
    };
    // All of it goes by a call that names no amount, and that takes no part.
    assert_eq!([all(&named), all("--all --partial")], [true, false]);
    stage
        .signed(&format!("stake transfer --origin-netuid 2 --dest {BOB} --amount 1 --hotkey {ALICE} --wallet charlie"));
    stage.signed(&sell("--all"));
    assert_eq!(position(), 0);
    assert!(free(&stage, CHARLIE) > 5_000_000_000);

    // Who has no account signs nothing, whatever it has staked.
    stage.signed(&format!("stake add --netuid 2 --amount 2 --tolerance 5% --hotkey {ALICE} --wallet charlie"));
    stage.signed(&format!("wallet transfer --dest {BOB} --all --allow-death --wallet charlie"));
    let error = stage.foreseen(&sell("--amount 1"), "InsufficientBalance");
    assert!(error["message"].as_str().unwrap().contains("has no account on this chain"), "{error}");
    stage.nothing_else_was_signed();
}

#[test]
fn a_fee_in_alpha_is_taken_of_what_may_leave() {
    let stage = Stage::on_demand();
    stage.wallet("charlie", "//Charlie");
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed(&format!("stake add --netuid 2 --amount 10 --tolerance 5% --hotkey {ALICE} --wallet charlie"));
    stage.signed(&format!("lock add 2 --amount 4 --mode perpetual --hotkey {ALICE} --wallet charlie"));
    stage.signed(&format!("wallet transfer --dest {BOB} --all --wallet charlie"));
    let unlocked = || rao(&stage.ask("lock list --wallet charlie")["locks"][0]["free"]);
    let words = |verb: &str, alpha: u64| {
        let amount = format!("{}.{:09}", alpha / 1_000_000_000, alpha % 1_000_000_000);
        format!("stake {verb} --amount {amount} --hotkey {ALICE} --wallet charlie")
    };
    let [sell, swap] = ["remove --netuid 2 --tolerance 5%", "swap --origin-netuid 2 --dest-netuid 0 --tolerance 5%"];
    let give = format!("transfer --dest {BOB} --origin-netuid 2");
    // What may leave may not any more, once the fee was taken of it.
    let free = unlocked();
    let refused = |words: &str, name: &str| {
        let error = stage.foreseen(words, name);
        assert!(error["message"].as_str().unwrap().contains("go for it first"), "{error}");
    };
    for verb in [sell, swap, &format!("{give} --dest-netuid 0")] {
        refused(&words(verb, free), "StakeUnavailable");
    }
    refused(
        &format!("stake remove --netuid 2 --tolerance 5% --all --hotkey {ALICE} --wallet charlie"),
        "StakeUnavailable",
    );
    // Within the subnet a part of the lock would have to go along.
    refused(&words(&give, free), "AccountRejectsLockedAlpha");
    let given = stage.signed(&words(&give, free / 2));
    let paid = rao(&Stage::event(&given, "TransactionFeePaidWithAlpha")["alpha_fee"]);
    assert!((free - unlocked()).abs_diff(free / 2 + paid) < 1_000_000, "{free} {paid}");
    // A hundredth is more than the fee.
    let sold = stage.signed(&words(sell, unlocked() - 10_000_000));
    Stage::event(&sold, "TransactionFeePaidWithAlpha");
    assert!(unlocked() < 10_000_000);
    stage.nothing_else_was_signed();
}

#[test]
fn an_account_pays_for_its_proxies_where_it_said_so() {
    let stage = Stage::on_demand();
    stage.wallet("charlie", "//Charlie");
    // An account of two may call whatever there is.
    let parties = format!("--signatories {ALICE},{BOB} --threshold 1");
    let real = stage.ask(&format!("multisig address {parties}"))["account"].as_str().unwrap().to_owned();
    let on_its_behalf = |pallet: &str, call: &str, args: &str| {
        let call = format!(r#"{{"pallet":"{pallet}","call":"{call}","args":{args}}}"#);
        stage.signed(&format!("multisig propose {parties} --call {call} --wallet alice"));
    };
    stage.signed(&format!("wallet transfer --dest {real} --amount 20 --wallet alice"));
    let any = format!(r#"{{"delegate":{{"Id":"{CHARLIE}"}},"proxy_type":"Any","delay":0}}"#);
    on_its_behalf("Proxy", "add_proxy", &any);
    let transfer = format!("wallet transfer --dest {BOB} --amount 1 --wallet charlie --proxy {real}");
    let paid = |receipt: &Value| rao(&receipt["outcome"]["fee"]);

    // The proxy pays, as long as nothing else was said.
    let (own, its) = (free(&stage, CHARLIE), free(&stage, &real));
    let sent = stage.signed(&transfer);
    assert!(
        sent["plan"]["effects"].to_string().contains(&format!("{CHARLIE} signs as proxy of {real} and pays")),
        "{sent}"
    );
    assert_eq!((free(&stage, CHARLIE), free(&stage, &real)), (own - paid(&sent), its - 1_000_000_000));
    assert_eq!(rao(&sent["plan"]["balance_after"]), free(&stage, &real));

    on_its_behalf("Proxy", "set_real_pays_fee", &format!(r#"{{"delegate":{{"Id":"{CHARLIE}"}},"pays_fee":true}}"#));
    stage.signed(&format!("wallet transfer --dest {BOB} --all --wallet charlie"));
    let own = free(&stage, CHARLIE);
    let its = free(&stage, &real);
    let sent = stage.signed(&transfer);
    assert!(sent["plan"]["effects"].to_string().contains("which pays the fee"), "{sent}");
    assert_eq!((free(&stage, CHARLIE), free(&stage, &real)), (own, its - 1_000_000_000 - paid(&sent)));
    assert_eq!(rao(&sent["plan"]["balance_after"]), free(&stage, &real));
    // What it has to pay is counted with what it gives.
    let all_but_the_fee = free(&stage, &real) - 500;
    let words = format!("{}.{:09}", all_but_the_fee / 1_000_000_000, all_but_the_fee % 1_000_000_000);
    let error = stage.foreseen(&transfer.replace("--amount 1", &format!("--amount {words}")), "InsufficientBalance");
    assert!(error["message"].as_str().unwrap().contains(&real), "{error}");

    // Who has no account signs nothing, whoever pays.
    stage.signed(&format!("wallet transfer --dest {CHARLIE} --amount 1 --wallet alice"));
    stage.signed(&format!("wallet transfer --dest {BOB} --all --allow-death --wallet charlie"));
    let error = stage.foreseen(&transfer, "InsufficientBalance");
    assert!(error["message"].as_str().unwrap().contains("has no account on this chain"), "{error}");
    stage.signed(&format!("wallet transfer --dest {CHARLIE} --amount 0.0000005 --wallet alice"));

    // Without that leave it is the proxy's to pay again, which has nothing.
    on_its_behalf("Proxy", "set_real_pays_fee", &format!(r#"{{"delegate":{{"Id":"{CHARLIE}"}},"pays_fee":false}}"#));
    let error = stage.foreseen(&transfer, "InsufficientBalance");
    assert!(error["message"].as_str().unwrap().contains(CHARLIE), "{error}");
    stage.nothing_else_was_signed();
}

#[test]
fn what_was_sent_and_cannot_be_written_is_said_to_be_sent() {
    let stage = Stage::on_demand();
    let before = free(&stage, BOB);
    let transfer = format!("wallet transfer --dest {BOB} --amount 1 --wallet alice --yes");
    let to_nowhere = |words: &str| -> (Option<i32>, String) {
        let mut command = stage.host.command_of("btctl");
        let full = File::options().write(true).open("/dev/full").unwrap();
        let Output { status, stderr, .. } = command.args(words.split(' ')).stdout(full).output().unwrap();
        (status.code(), String::from_utf8(stderr).unwrap())
    };
    let (code, told) = to_nowhere(&transfer);
    assert_eq!(code, Some(7), "{told}");
    assert!(told.contains(" was sent, and what became of it cannot be shown: "), "{told}");
    let extrinsic = told.split_once("extrinsic 0x").unwrap().1.split(' ').next().unwrap();
    let key = told.split_once("--idempotency-key ").unwrap().1.split(' ').next().unwrap().to_owned();
    // Whoever does as it says is told, and pays once.
    let again = stage.signed(&format!("{} --idempotency-key {key}", transfer.trim_end_matches(" --yes")));
    assert_eq!(again["outcome"]["extrinsic"], format!("0x{extrinsic}"), "{again}");
    assert_eq!(free(&stage, BOB), before + 1_000_000_000);
    stage.nothing_else_was_signed();

    // For programs the same, and what signs nothing has no key to name.
    let (code, told) = to_nowhere(&format!("--json {transfer}"));
    let error: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!(
        (code, &error["error"]["kind"], &error["error"]["exit"]),
        (Some(7), &"UNSHOWN".into(), &7.into()),
        "{told}"
    );
    assert!(error["error"]["hint"].as_str().unwrap().contains("--idempotency-key "), "{told}");
    assert_eq!(free(&stage, BOB), before + 2_000_000_000);
    let (code, told) = to_nowhere(&format!("rpc wallet_transfer wallet=alice dest={BOB} amount=1000000000"));
    assert!(code == Some(7) && told.contains("--idempotency-key "), "{code:?}: {told}");
    assert_eq!(free(&stage, BOB), before + 3_000_000_000);
    let (code, told) = to_nowhere(&transfer.replace("--yes", "--dry-run"));
    assert!(code == Some(1) && !told.contains("sent"), "{code:?}: {told}");
    assert_eq!(free(&stage, BOB), before + 3_000_000_000);
}

#[test]
fn what_is_called_by_name_and_not_seen_to_end_is_not_to_be_sent_again() {
    let host = Host::new();
    let _daemon = host.start(&["--network", "devnet", "--block-time", "3600s"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let words =
        ["rpc", "wallet_transfer", "wallet=alice", &format!("dest={BOB}"), "amount=1000000000", "--timeout", "2s"];
    let told = |more: &[&str]| {
        let output = host.btctl(&[&words[..], more].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, first) = told(&[]);
    assert_eq!(code, Some(7), "{first}");
    let key = first.split_once("--idempotency-key ").unwrap().1.split(' ').next().unwrap().to_owned();
    // Whoever does as it says signs nothing more.
    let (code, again) = told(&["--idempotency-key", &key]);
    assert!(code == Some(7) && again.contains(&key), "{code:?}: {again}");
    let list = host.ask(&["tx", "list"]);
    assert_eq!(list["entries"].as_array().map(Vec::len), Some(1), "{list}");
}

#[test]
fn what_was_signed_for_a_known_chain_is_told_while_that_is_out_of_reach() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "3600s"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let genesis = host.ask(&["status"])["chain"]["genesis"].as_str().unwrap().to_owned();
    let transfer =
        ["wallet", "transfer", "--dest", BOB, "--amount", "1", "--wallet", "alice", "--yes", "--wait", "none"];
    let under = |key: &str| [&transfer[..], &["--idempotency-key", key]].concat().join(" ");
    let sent = host.ask(&under("kk1").split(' ').collect::<Vec<_>>());
    let extrinsic = sent["outcome"]["extrinsic"].as_str().unwrap().to_owned();
    daemon.kill();
    let away = ["--network", "ws://127.0.0.1:1"];
    let daemon = host.start_with(&away, &[("BTD_CHAIN__GENESIS", &genesis)]);
    let entries = host.ask(&["tx", "list"])["entries"].clone();
    assert_eq!((&entries[0]["extrinsic"], &entries[0]["state"]), (&extrinsic.clone().into(), &"pending".into()));
    assert_eq!(host.ask(&["tx", "show", &extrinsic])["extrinsic"], extrinsic);
    let history = host.btctl(&["wallet", "history", "--wallet", "alice"]);
    let told = String::from_utf8_lossy(&history.stdout);
    assert!(history.status.success() && told.contains("has not been reached since btd was started"), "{history:?}");
    // Nothing can be planned, and what is known by its key is told all the same; a new wish waits for the chain.
    let again = host.ask(&under("kk1").split(' ').collect::<Vec<_>>());
    assert_eq!(again["outcome"]["extrinsic"], extrinsic, "{again}");
    let new = host.btctl(&under("kk2").split(' ').collect::<Vec<_>>());
    assert_eq!(new.status.code(), Some(8), "{new:?}");
    assert_eq!(host.ask(&["tx", "list"])["entries"].as_array().map(Vec::len), Some(1));
    daemon.kill();
    // Of another chain nothing was signed.
    let _daemon = host.start_with(&away, &[("BTD_CHAIN__GENESIS", &format!("0x{}", "11".repeat(32)))]);
    assert_eq!(host.ask(&["tx", "list"])["entries"], Value::Array(Vec::new()));
}

#[test]
fn what_several_agreed_to_is_told_again_while_the_chain_is_out_of_reach() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "3600s"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let genesis = host.ask(&["status"])["chain"]["genesis"].as_str().unwrap().to_owned();
    let call = r#"{"pallet":"System","call":"remark","args":{"remark":"0x00"}}"#;
    let propose = |signatories: &str, key: &str| {
        let words = format!(
            "--json multisig propose --signatories {signatories} --call {call} --wallet alice --yes --wait none \
             --idempotency-key {key}"
        );
        let output = host.btctl(&words.split(' ').collect::<Vec<_>>());
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        (output.status.code(), if out.is_empty() { err } else { out })
    };
    let read = |(code, told): (Option<i32>, String)| -> Value {
        assert_eq!(code, Some(0), "{told}");
        serde_json::from_str(&told).unwrap()
    };
    let [both, turned] = [format!("{ALICE},{BOB}"), format!("{BOB},{ALICE}")];
    let first = read(propose(&both, "m1"));
    // The same set in another order is the same wish, and another set is not.
    let same = |again: &Value| {
        for member in ["account", "call_hash"] {
            assert_eq!(again[member], first[member], "{again}");
        }
        assert_eq!(again["outcome"]["extrinsic"], first["outcome"]["extrinsic"], "{again}");
    };
    same(&read(propose(&turned, "m1")));
    let (_, other) = propose(&format!("{ALICE},{CHARLIE}"), "m1");
    assert!(other.contains("DUPLICATE_INTENT"), "{other}");

    daemon.kill();
    let _daemon = host.start_with(&["--network", "ws://127.0.0.1:1"], &[("BTD_CHAIN__GENESIS", &genesis)]);
    same(&read(propose(&turned, "m1")));
    assert_eq!(propose(&both, "m2").0, Some(8));
    assert_eq!(host.ask(&["tx", "list"])["entries"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_was_signed_for_a_chain_without_a_name_is_told_while_that_is_out_of_reach() {
    let (node, host) = (Host::new(), Host::new());
    let kept = node.path("chain");
    let words = |block_time| ["--network", "devnet", "--state", kept.to_str().unwrap(), "--block-time", block_time];
    let chain = node.start(&words("3600s"));
    let endpoint = node.ask(&["status"])["devnet"].as_str().unwrap().to_owned();
    let patience =
        [("BTD_SUBMIT__PATIENCE_S", "1"), ("BTD_CHAIN__STALE_AFTER_MS", "0"), ("BTD_CHAIN__RETRY_MAX_MS", "1000")];
    let begin = || host.start_with(&["--network", &endpoint], &patience);
    let reached = || wait_for("the chain", || (host.ask(&["status"])["phase"] == "ready").then_some(()));
    let daemon = begin();
    reached();
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let transfer =
        ["wallet", "transfer", "--dest", BOB, "--amount", "1", "--wallet", "alice", "--yes", "--wait", "none"];
    let sent = host.ask(&[&transfer[..], &["--idempotency-key", "kk1"]].concat());
    let extrinsic = sent["outcome"]["extrinsic"].as_str().unwrap().to_owned();
    daemon.kill();
    assert!(chain.stop().success());

    let daemon = begin();
    let entries = host.ask(&["tx", "list"])["entries"].clone();
    assert_eq!((&entries[0]["extrinsic"], &entries[0]["state"]), (&extrinsic.clone().into(), &"pending".into()));
    assert_eq!(host.ask(&["tx", "show", &extrinsic])["extrinsic"], extrinsic);
    for named in [&[extrinsic.as_str()][..], &["--key", "kk1"]] {
        let (code, told) = host.refused(&[&["tx", "follow"], named].concat());
        assert!(code == 7 && told.contains("may or may not be included"), "{code}: {told}");
        let (code, told) = host.refused(&[&["tx", "cancel"], named].concat());
        assert!(code == 6 && told.contains("a node has it, or may have it"), "{code}: {told}");
    }
    // What is signed waits for the chain.
    let (code, told) = host.refused(&transfer);
    assert_eq!(code, 8, "{told}");
    // Which is followed as soon as it is there, and what was sent with it.
    let listen = [("BTD_DEVNET__LISTEN", endpoint.trim_start_matches("ws://"))];
    let chain = node.start_with(&words("3600s"), &listen);
    wait_for("the end of what was sent", || {
        node.ask(&["devnet", "mine", "1"]);
        (host.ask(&["tx", "show", &extrinsic])["state"] == "succeeded").then_some(())
    });
    assert_eq!(host.ask(&["tx", "list"])["entries"].as_array().map(Vec::len), Some(1));
    daemon.kill();
    assert!(chain.stop().success());

    // Another chain that is found there has a journal of its own, from then on.
    let other = Host::new();
    let chain = other.start_with(&["--network", "devnet", "--block-time", "1800s"], &listen);
    let daemon = begin();
    reached();
    assert_eq!(host.ask(&["tx", "list"])["entries"], Value::Array(Vec::new()));
    daemon.kill();
    assert!(chain.stop().success());
    let _daemon = begin();
    assert_eq!(host.ask(&["tx", "list"])["entries"], Value::Array(Vec::new()));
}

#[test]
fn the_last_approval_of_what_is_sure_to_fail_is_not_signed() {
    let stage = Stage::on_demand();
    stage.wallet("charlie", "//Charlie");
    let parties = format!("--signatories {ALICE},{BOB}");
    let account = stage.ask(&format!("multisig address {parties}"))["account"].as_str().unwrap().to_owned();
    let inner = r#"{"pallet":"System","call":"remark","args":{"remark":"0x00"}}"#;
    let call = format!(
        r#"{{"pallet":"Proxy","call":"proxy","args":{{"real":{{"Id":"{CHARLIE}"}},"force_proxy_type":null,"call":{inner}}}}}"#
    );
    stage.signed(&format!("multisig propose {parties} --call {call} --wallet alice"));
    let before = free(&stage, BOB);
    for named in [String::new(), format!(" --call {call}")] {
        let error = stage.foreseen(&format!("multisig approve {parties} --wallet bob{named}"), "NotProxy");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&account) && message.contains(CHARLIE), "{message}");
    }
    // Nothing was paid, and the proposal stands.
    assert_eq!(free(&stage, BOB), before);
    assert_eq!(stage.ask(&format!("multisig list {parties}"))["proposals"].as_array().map(Vec::len), Some(1));
    stage.signed(&format!("proxy add --delegate {account} --proxy-type Any --wallet charlie"));
    let made = stage.signed(&format!("multisig approve {parties} --wallet bob"));
    assert_eq!(Stage::event(&made, "MultisigExecuted")["result"]["Ok"], Value::Null, "{made}");
    assert!(Stage::event(&made, "MultisigExecuted")["result"].get("Err").is_none(), "{made}");
    stage.nothing_else_was_signed();
}

/// `text` in base58 with the checksum of SS58.
fn ss58(account: &[u8]) -> String {
    let mut bytes = [&[42], account].concat();
    let sum = blake2::Blake2b512::digest([&b"SS58PRE"[..], &bytes].concat());
    bytes.extend_from_slice(&sum[..2]);
    bs58::encode(bytes).into_string()
}

#[test]
fn a_lease_that_cannot_be_paid_is_not_paid_out() {
    let stage = Stage::on_demand();
    let lease = |cap: u32| {
        format!(
            "crowd create --deposit 10 --cap {cap} --duration 60000 --emissions-share 30% --subnet-lease --wallet alice"
        )
    };
    let warnings = |receipt: &Value| receipt["plan"]["warnings"].to_string();
    let raised = |id: u32, cap: u32| {
        let created = stage.signed(&lease(cap));
        stage.signed(&format!("crowd contribute {id} --amount {} --wallet bob", cap - 10));
        warnings(&created)
    };

    // Less than what a subnet ever costs.
    let told = raised(0, 500);
    assert!(told.contains("a subnet costs τ1000.000000000 now, more than τ500"), "{told}");
    let error = stage.foreseen("crowd finalize 0 --wallet alice", "CannotAffordLockCost");
    assert!(error["message"].as_str().unwrap().contains("no subnet costs less than τ1000.000000000"), "{error}");
    // What lies on the account of the lease pays too.
    let entropy = [&[60][..], b"leasing/coldkey", &0_u32.to_le_bytes()].concat();
    let account = ss58(&Blake2b::<U32>::digest(entropy));
    stage.signed(&format!("wallet transfer --dest {account} --amount 501 --wallet alice"));
    let told = warnings(&stage.signed("crowd finalize 0 --wallet alice"));
    assert_eq!(told, "[]");

    // What a subnet costs now it may cost no more by then: what pays for less is warned of, and signed. The chain asks for
    // some blocks between two subnets.
    assert!(raised(1, 1_500).contains("a subnet costs τ"), "it costs no more than the last one did");
    let plan = stage.ask("crowd finalize 1 --wallet alice --dry-run");
    assert!(warnings(&plan).contains("the chain refuses to pay the crowdloan out"), "{plan}");
    let told = raised(2, 2_100);
    assert!(!told.contains("a subnet costs"), "{told}");
    let plan = stage.ask("crowd finalize 2 --wallet alice --dry-run");
    assert_eq!(plan["plan"]["warnings"], Value::Array(vec![]), "{plan}");
    stage.nothing_else_was_signed();
}

#[test]
fn a_refund_of_nobody_is_told_before_its_fee_is_paid() {
    let stage = Stage::on_demand();
    stage.signed(&format!("crowd create --deposit 10 --cap 100 --duration 60000 --target {BOB} --wallet alice"));
    let refund = || stage.ask("crowd refund 0 --wallet alice --dry-run")["plan"].clone();
    let plan = refund();
    assert!(plan["warnings"].to_string().contains("nobody but its creator"), "{plan}");
    assert_eq!(plan["effects"], Value::Array(vec![]), "{plan}");
    // The chain takes it all the same.
    let vain = stage.signed("crowd refund 0 --wallet alice");
    assert!(rao(&vain["outcome"]["fee"]) > 0, "{vain}");
    stage.signed("crowd contribute 0 --amount 5 --wallet bob");
    let plan = refund();
    assert_eq!(plan["warnings"], Value::Array(vec![]), "{plan}");
    let before = free(&stage, BOB);
    stage.signed("crowd refund 0 --wallet alice");
    assert_eq!(free(&stage, BOB), before + 5_000_000_000);
    stage.nothing_else_was_signed();
}

#[test]
fn the_size_that_a_position_is_to_have_decides_beside_an_amount() {
    let stage = Stage::on_demand();
    stage.signed("root register --wallet alice");
    stage.signed("stake add --netuid 0 --amount 2 --wallet alice");
    for (words, argument, moved) in [
        ("stake add --netuid 0 --amount 9 --max_stake 5 --wallet alice", "amount_staked", "3000000000"),
        ("stake remove --netuid 0 --amount 9 --max_stake 0.5 --wallet alice", "amount_unstaked", "1500000000"),
    ] {
        let words: Vec<&str> = words.split(' ').chain(["--json", "--dry-run"]).collect();
        let Output { status, stdout, stderr } = stage.host.btctl(&words);
        let (plan, told) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        assert!(status.success() && told.contains("--max-stake decides how much, and --amount nothing"), "{told}");
        let plan: Value = serde_json::from_str(&plan).unwrap();
        assert_eq!(plan["plan"]["arguments"][argument], moved, "{plan}");
    }
    // Of several, each needs another amount.
    for verb in ["add", "remove"] {
        for places in [format!("--netuid 0 --include-hotkeys {ALICE},{BOB}"), format!("--netuid 0,1 --hotkey {ALICE}")]
        {
            let (code, error) = stage.refused(&format!("stake {verb} --max-stake 5 {places} --wallet alice"));
            assert_eq!((code, &error["kind"]), (2, &"USAGE".into()), "{verb} {places}: {error}");
            assert!(error["message"].as_str().unwrap().contains("repeat that for the others"), "{error}");
        }
    }
    stage.nothing_else_was_signed();
}

#[test]
fn a_proxy_brings_to_a_size_what_belongs_to_the_account_it_acts_for() {
    let stage = Stage::on_demand();
    stage.signed("root register --wallet alice");
    stage.signed("stake add --netuid 0 --amount 2 --wallet alice");
    stage.signed(&format!("proxy add --delegate {BOB} --proxy-type Staking --wallet alice"));
    // The proxy itself has less there than the account it acts for.
    stage.signed(&format!("stake add --netuid 0 --amount 1 --hotkey {ALICE} --wallet bob"));
    for (words, moved) in [
        ("stake add --netuid 0 --max-stake 5", r#""amount_staked":"3000000000""#),
        ("stake remove --netuid 0 --max-stake 0.5", r#""amount_unstaked":"1500000000""#),
    ] {
        let plan = stage.ask(&format!("{words} --hotkey {ALICE} --wallet bob --proxy {ALICE} --dry-run"));
        assert!(plan["plan"]["arguments"].to_string().contains(moved), "{plan}");
    }
    stage.nothing_else_was_signed();
}

#[test]
fn what_brought_a_position_to_its_size_is_told_again_under_its_key() {
    let stage = Stage::on_demand();
    stage.signed("root register --wallet alice");
    let add = "stake add --netuid 0 --max-stake 5 --wallet alice --idempotency-key size";
    let first = stage.signed(add);
    // The position has that size now. A plan for the same amount again would be another wish.
    let again = stage.ask(&format!("{add} --yes"));
    assert_eq!(again["outcome"]["extrinsic"], first["outcome"]["extrinsic"], "{again}");
    let (_, error) = stage.refused(add.trim_end_matches(" --idempotency-key size"));
    assert!(error["message"].as_str().unwrap().contains("nothing to add"), "{error}");
    // The key is of what was added, and of nothing that is taken out.
    let (_, error) = stage.refused("stake remove --netuid 0 --max-stake 1 --wallet alice --idempotency-key size");
    assert_eq!(error["kind"], "DUPLICATE_INTENT", "{error}");
    stage.nothing_else_was_signed();
}

#[test]
fn what_the_chain_takes_out_with_the_rest_is_not_said_to_stay() {
    /// `SubtensorModule.NominatorMinRequiredStake`, and 5 times the least stake.
    const NOMINATION: &str = "0x658faa385070e074c85bf6b568cf0555600828b736cfd977b24a0d2528a8a2e8=0x404b4c0000000000";
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    let ours = format!("--hotkey {ALICE} --wallet bob");
    stage.signed(&format!("stake add --netuid 2 --amount 5 --unsafe {ours}"));
    stage.signed(&format!("lock add 2 --amount 0.005 --mode perpetual {ours}"));
    let all = format!("stake remove --netuid 2 --all --tolerance 50% {ours}");
    let warnings = |words: &str| stage.ask(&format!("{words} --dry-run"))["plan"]["warnings"].to_string();
    assert!(warnings(&all).contains("stay: they are locked"));

    stage.ask(&format!("devnet set-storage {NOMINATION}"));
    let told = warnings(&all);
    assert!(told.contains("they are taken out too") && !told.contains("are locked"), "{told}");
    // Of what a limit may keep back, more may be left than is asked for.
    let partial = format!("{all} --partial");
    let told = warnings(&partial);
    assert!(told.contains("if all that is asked for goes") && !told.contains("are locked"), "{told}");
    stage.signed(&all);
    assert_eq!(stage.ask("stake list --wallet bob")["positions"], Value::Array(vec![]));
    stage.nothing_else_was_signed();
}
