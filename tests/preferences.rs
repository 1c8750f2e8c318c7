//! What btctl keeps for itself, and what btd keeps of what it followed, by the real binaries.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use btd_tests::{Host, stage::Stage, wait_for};
use serde_json::{Value, json};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

fn ask(host: &Host, words: &str) -> Value {
    host.ask(&words.split(' ').collect::<Vec<_>>())
}

fn daemon_head(host: &Host) -> u64 {
    ask(host, "devnet status")["head"]["number"].as_u64().unwrap()
}

#[test]
fn names_and_settings_hold_from_one_command_to_the_next_and_the_ledger_remembers() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "100ms"]);
    ask(&host, "wallet create --wallet alice --uri //Alice");

    ask(&host, "config set wallet_name alice");
    assert_eq!(ask(&host, "config get wallet_name")["wallet_name"]["value"], "alice");
    // A file that is named goes before, here as for every other command.
    std::fs::write(host.path("mine.yml"), "wallet_name: other\n").unwrap();
    let named = format!("config get wallet_name --config {}", host.path("mine.yml").display());
    assert_eq!(ask(&host, &named)["wallet_name"]["value"], "other");
    let (code, words) = host.refused(&["config", "set", "rate_tolerance", "2"]);
    assert_eq!(code, 2, "{words}");
    let shown = ask(&host, "config show --origin");
    let of = |list: &str, key: &str| {
        let all = shown[list].as_array().unwrap();
        all.iter().find(|one| one["key"] == key).unwrap_or_else(|| panic!("no {key}: {shown}")).clone()
    };
    assert!(of("btctl", "wallet_name")["origin"].as_str().unwrap().ends_with("btctl.json"), "{shown}");
    assert_eq!(
        (&of("btd", "network")["value"], &of("btd", "network")["origin"]),
        (&json!("devnet"), &json!("--network"))
    );
    assert_eq!(of("btd", "submit.era_blocks")["origin"], "default");
    assert_eq!(of("btd", "log.filter")["origin"], "the variable BTD_LOG__FILTER");

    ask(&host, &format!("addr add friend {BOB}"));
    let (code, words) = host.refused(&["addr", "add", "friend", ALICE]);
    assert!(code == 2 && words.contains("--overwrite"), "{words}");
    let sent = ask(&host, "wallet transfer --dest friend --amount 2.5 --yes");
    assert_eq!(sent["plan"]["arguments"]["dest"]["Id"], BOB);

    // The ledger has it once the block was looked through, and after a restart still.
    let history = || {
        let history = ask(&host, "wallet history");
        let found = history["entries"].as_array().unwrap().iter().find(|entry| entry["kind"] == "sent").cloned();
        found.map(|entry| (entry, history["covered"].clone()))
    };
    let (entry, covered) = wait_for("the ledger to have the transfer", history);
    assert_eq!((&entry["to"], &entry["amount"]), (&json!(BOB), &json!("2500000000")));
    assert_eq!(entry["extrinsic"], sent["outcome"]["extrinsic"]);
    assert_eq!(covered.as_array().unwrap().len(), 1);
    let all = ask(&host, &format!("wallet history --ss58 {ALICE}"))["entries"].as_array().unwrap().clone();
    assert!(all.len() >= 2, "{all:?}");
    // One at a time, nothing is left out.
    let mut read = Vec::new();
    let mut page = ask(&host, "wallet history --limit 1");
    loop {
        read.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        page = ask(&host, &format!("wallet history --limit 1 --before {next}"));
    }
    assert!(read.len() >= all.len() && all.iter().all(|entry| read.contains(entry)), "{all:?} {read:?}");
    // A key that comes later is known from when it came.
    let since = daemon_head(&host);
    ask(&host, "wallet create --wallet later --uri //Eve");
    ask(&host, "wallet transfer --wallet later --dest friend --amount 1 --yes");
    let known = wait_for("the ledger to look for it", || {
        ask(&host, "wallet history --wallet later")["covered"][0]["first"].as_u64()
    });
    assert!(known >= since, "{known} {since}");
    assert_eq!(ask(&host, &format!("wallet history --ss58 {BOB}"))["covered"], json!([]));

    // Nothing is left to be taken back.
    let extrinsic = sent["outcome"]["extrinsic"].as_str().unwrap();
    assert_eq!(host.refused(&["tx", "cancel", extrinsic]).0, 6);
    assert_eq!(host.refused(&["tx", "cancel", "--key", "never-used"]).0, 1);
    assert_eq!(ask(&host, "tx list")["waiting"], json!([]));

    // A no is a no, and what has no meaning is passed over with a word.
    let output =
        host.btctl(&["wallet", "transfer", "--dest", "@friend", "--amount", "1", "--no", "--wallet.hotkey", "h"]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(
        words.contains("--wallet.hotkey has no meaning") && words.contains("cancelled: it was not signed or sent"),
        "{words}"
    );
    daemon.stop();
}

#[test]
fn wallets_of_another_directory_are_not_taken_for_btds() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    ask(&host, "wallet create --wallet alice --uri //Alice");
    let own = host.path(".bittensor/wallets").display().to_string();
    let other = host.path("other").display().to_string();
    std::fs::write(host.path("named.yml"), format!("wallet:\n  path: {other}\n")).unwrap();
    let named = ["--config".to_owned(), host.path("named.yml").display().to_string()];
    let flag = ["-p".to_owned(), other.clone()];
    let spend = ["wallet", "transfer", "--wallet", "alice", "--dest", BOB, "--amount", "1", "--yes"];
    let sign = ["wallet", "sign", "--wallet", "alice", "--message", "hi"];
    let create = ["wallet", "create", "--wallet", "new", "--uri", "//Eve"];
    let run = |words: &[&str], more: &[String], variables: &[(&str, &str)]| {
        let words: Vec<&str> = words.iter().copied().chain(more.iter().map(String::as_str)).collect();
        let output = host.btctl_with(&words, variables);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let variable = [("BT_WALLET_PATH", other.as_str())];
    let refusals =
        [(&named[..], &[][..], "named.yml"), (&flag, &[], "--wallet-path"), (&[], &variable, "BT_WALLET_PATH")];
    for (more, variables, place) in refusals {
        for words in [&spend[..], &sign, &create, &[&spend[..8], &["--dry-run"]].concat()] {
            let (code, text) = run(words, more, variables);
            assert_eq!(code, Some(2), "{words:?} {text}");
            assert!(text.contains(place) && text.contains(&other) && text.contains("nothing was done"), "{text}");
        }
    }
    // A read is told of, one that was asked for so is refused, and what is about no wallet is as ever.
    let (code, text) = run(&["wallet", "balance", "--wallet", "alice"], &named, &[]);
    assert!(code == Some(0) && text.contains("named.yml asks for the wallets in"), "{text}");
    // That the answer is about others is no chatter.
    let quiet = run(&["wallet", "balance", "--wallet", "alice", "--quiet"], &named, &[]);
    assert_eq!(quiet, (Some(0), text));
    assert_eq!(run(&["wallet", "list"], &flag, &[]).0, Some(2));
    assert_eq!(run(&["subnets", "list"], &named, &[]), (Some(0), String::new()));
    let shown: Value =
        serde_json::from_slice(&host.btctl_with(&["config", "show", "--json"], &variable).stdout).unwrap();
    assert!(shown["btctl"].to_string().contains("the variable BT_WALLET_PATH"), "{shown}");

    // btd's own is taken however it is written, and comes before what a file says.
    std::fs::write(host.path(".bittensor/config.yml"), format!("wallet_path: {other}\n")).unwrap();
    let (code, text) = run(&spend, &[], &[]);
    assert!(code == Some(2) && text.contains("config.yml"), "{text}");
    for words in [format!("--wallet-path {own}/"), "--wallet.path ~/.bittensor/wallets".to_owned(), format!("-p{own}")]
    {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let (code, text) = run(&spend, &words, &[]);
        assert_eq!(code, Some(0), "{words:?} {text}");
    }
    assert_eq!(run(&spend, &[], &[("BT_WALLET_PATH", own.as_str())]).0, Some(0));
    daemon.stop();
}

/// What the ledger has as sent, the newest first, once its newest is `newest` tao.
fn sent(host: &Host, newest: &str) -> Vec<String> {
    wait_for("the ledger to have the newest transfer", || {
        let history = ask(host, "wallet history --wallet alice");
        let entries = history["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "sent");
        let sent: Vec<String> = entries.map(|entry| entry["amount"].as_str().unwrap().to_owned()).collect();
        sent.first().is_some_and(|amount| amount == newest).then_some(sent)
    })
}

#[test]
fn a_chain_that_goes_back_takes_its_part_of_the_ledger_along() {
    let host = Host::new();
    let transfer = |amount: &str| {
        ask(&host, &format!("wallet transfer --wallet alice --dest {BOB} --amount {amount} --yes"));
    };
    let instant = ["--network", "devnet", "--block-time", "instant"];
    let daemon = host.start(&instant);
    ask(&host, "wallet create --wallet alice --uri //Alice");
    transfer("1");
    let snapshot = ask(&host, "devnet snapshot")["snapshot"].as_str().unwrap().to_owned();
    ["2", "3", "4"].into_iter().for_each(transfer);
    assert_eq!(sent(&host, "4000000000").len(), 4);
    ask(&host, &format!("devnet revert {snapshot}"));
    let head = ask(&host, "devnet mine 6")["number"].clone();
    wait_for("btd to follow", || (ask(&host, "chain")["finalized"]["number"] == head).then_some(()));
    transfer("5");
    assert_eq!(sent(&host, "5000000000"), ["5000000000", "1000000000"]);
    daemon.stop();

    // Another chain that begins the same: what was on the first never was.
    let daemon = host.start(&instant);
    ask(&host, "devnet mine 9");
    transfer("6");
    assert_eq!(sent(&host, "6000000000"), ["6000000000"]);
    daemon.stop();
}

/// What a line of the history did to the free balance, in rao.
fn change(entry: &Value) -> i64 {
    let rao = |field: &str| entry[field].as_str().unwrap().parse::<i64>().unwrap();
    match entry["kind"].as_str().unwrap() {
        "received" | "unreserved" => rao("amount"),
        "sent" | "fee" | "reserved" => -rao("amount"),
        "stake-added" => -rao("tao"),
        "stake-removed" => rao("tao"),
        _ => 0,
    }
}

#[test]
fn the_ledger_tells_each_change_of_a_balance_once() {
    let stage = Stage::on_demand();
    stage.signed("root register --wallet alice");
    let free = |wallet: &str| {
        let rows = stage.ask(&format!("wallet balance --wallet {wallet}"));
        rows["rows"][0]["free"].as_str().unwrap().parse::<i64>().unwrap()
    };
    let head = || stage.ask("devnet status")["head"]["number"].as_u64().unwrap();
    let (since, before) = (head(), [free("alice"), free("bob")]);
    // Each pays for its own stake; what is given, or moved, is paid by nobody.
    stage.signed(&format!("stake add --netuid 0 --amount 3 --hotkey {ALICE} --wallet bob"));
    stage.signed(&format!("stake add --netuid 0 --amount 2 --hotkey {ALICE} --wallet alice"));
    stage.signed(&format!("stake transfer --origin-netuid 0 --dest {BOB} --amount 1 --hotkey {ALICE} --wallet alice"));
    stage.signed(&format!("stake remove --netuid 0 --amount 1 --hotkey {ALICE} --wallet bob"));
    // A call without arguments, inside another and alone, is read as any other.
    for remove in
        [format!("proxy remove --all --wallet bob --proxy {ALICE}"), "proxy remove --all --wallet alice".into()]
    {
        stage.signed(&format!("proxy add --delegate {BOB} --proxy-type Any --wallet alice"));
        stage.signed(&remove);
    }
    let block = head();
    let removed = stage.ask(&format!("query block {block}"));
    assert_eq!(removed["illegible"], json!([]), "{removed}");
    stage.signed(&format!("wallet transfer --dest {BOB} --amount 1 --wallet alice"));
    let (head, after) = (head(), [free("alice"), free("bob")]);
    for (wallet, moved) in [("alice", after[0] - before[0]), ("bob", after[1] - before[1])] {
        let history = wait_for("the ledger to have the last block", || {
            let history = stage.ask(&format!("wallet history --limit 500 --wallet {wallet}"));
            let covered = history["covered"].as_array().unwrap().last()?["last"].as_u64()?;
            (covered >= head).then_some(history)
        });
        assert_eq!(history["holes"], json!([]), "{wallet}");
        let lines: Vec<&Value> = history["entries"].as_array().unwrap().iter().collect();
        let new: Vec<&Value> = lines.iter().copied().filter(|line| line["block"].as_u64().unwrap() > since).collect();
        assert_eq!(new.iter().copied().map(change).sum::<i64>(), moved, "{wallet}: {new:#?}");
        let count = |kind: &str| new.iter().filter(|line| line["kind"] == kind).count();
        let (added, arrived, left) = (count("stake-added"), count("stake-arrived"), count("stake-left"));
        assert_eq!((added, arrived, left), if wallet == "alice" { (1, 0, 1) } else { (1, 1, 0) }, "{wallet}: {new:#?}");
    }
}

#[test]
fn another_network_than_the_daemons_is_told_and_nothing_is_signed_for_it() {
    let host = Host::new();
    let _daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    ask(&host, "wallet create --wallet alice --uri //Alice");
    let run = |words: &str, variables: &[(&str, &str)]| {
        let output = host.command_of("btctl").envs(variables.iter().copied()).args(words.split(' ')).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let transfer = format!("wallet transfer --wallet alice --dest {BOB} --amount 1 --yes");
    let finney = [("BT_SUBTENSOR_NETWORK", "finney")];
    let (code, out, told) = run("subnets list", &finney);
    assert!(code == Some(0) && out.contains("apex"), "{code:?} {out}");
    assert!(
        told.contains("the variable BT_SUBTENSOR_NETWORK asks for the network `finney`, and this is `devnet`"),
        "{told}"
    );
    for (words, variables) in [
        (transfer.clone(), &finney[..]),
        (format!("{transfer} --network finney"), &[]),
        (format!("rpc wallet_transfer wallet=alice dest={BOB} amount=1000000000"), &finney),
        ("subnets list --subtensor.network finney".to_owned(), &[]),
    ] {
        let (code, out, told) = run(&words, variables);
        assert!(
            code == Some(2) && out.is_empty() && told.contains("btd follows `devnet`"),
            "{words}: {code:?} {out} {told}"
        );
    }
    assert_eq!(ask(&host, "tx list")["entries"].as_array().unwrap().len(), 0, "nothing was signed");
    // What is asked for in files counts last, and what is the daemon's own network is not worth a word.
    let directory = host.path(".bittensor");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("config.yml"), "network: test\n").unwrap();
    let (code, _, told) = run("chain", &[]);
    assert!(code == Some(0) && told.contains("config.yml asks for the network `test`"), "{told}");
    let (code, _, told) = run(&transfer, &[("BT_SUBTENSOR_NETWORK", "devnet")]);
    assert!(code == Some(0) && !told.contains("network"), "{code:?} {told}");
    let (code, _, told) = run(&transfer, &[]);
    assert!(code == Some(0) && told.contains("config.yml asks for the network `test`"), "{code:?} {told}");
}

#[test]
fn settings_of_the_python_command_line_are_kept_or_refused_in_words() {
    let host = Host::new();
    let refused = |words: &str| {
        let (code, told) = host.refused(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(code, 2, "{words}: {told}");
        told
    };
    for words in ["config set --network finney --wallet-name alice", "config set -p /x", "config clear --network"] {
        assert!(refused(words).contains("a setting of the daemon"), "{words}");
    }
    for words in
        ["config set --cache", "config set --dashboard-path /x", "config clear --cache", "config set use_cache true"]
    {
        assert!(refused(words).contains("no meaning here"), "{words}");
    }
    let output = host.btctl(&["config", "set", "--wallet-name", "alice", "--no-cache", "--safe-staking"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("`use_cache` has no meaning here"), "{told}");
    let kept = ask(&host, "config get");
    assert_eq!((&kept["wallet_name"]["value"], &kept["safe_staking"]["value"]), (&"alice".into(), &"true".into()));
    let output = host.btctl(&["config", "clear", "--wallet-name", "--dashboard-path", "/x"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(ask(&host, "config get")["wallet_name"]["value"], serde_json::Value::Null);
}
