//! What signing costs and what is said of it, by the real binaries: the fee that is foretold and that which is paid, what
//! is told before a fee is paid for nothing, and what was sent when nobody can be told of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs::File, process::Output};

use blake2::{Blake2b, Digest, digest::consts::U32};
use btd_tests::{Host, stage::Stage};
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
