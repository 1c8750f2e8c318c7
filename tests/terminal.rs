//! Secrets between a person and `btctl`, on a terminal: what is asked without echo, what is shown once,
//! and how the terminal is left.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use btd_tests::{Daemon, Host, binary, terminal::Terminal};
use serde_json::Value;

/// Opens in milliseconds.
const FAST: (&str, &str) = ("v10-ansible", "ansible-pw-v10");

fn start(host: &Host) -> Daemon {
    host.start_alone(&["--network", "ws://127.0.0.1:9"])
}

/// Waits until the question stands there and its answer would not appear.
fn asked(terminal: &mut Terminal, question: &str) {
    terminal.wait_for(question);
    assert!(!terminal.echoes(), "{question}");
}

#[test]
fn a_password_is_asked_for_without_echo() {
    let host = Host::new();
    host.golden_wallet(FAST.0, "fast");
    let daemon = start(&host);
    let unlock = ["wallet", "unlock", "--wallet", "fast"];
    let mut terminal = Terminal::btctl(&host, &unlock);
    asked(&mut terminal, "Password of the coldkey of `fast`: ");
    // Whoever mistypes is asked again, and not for ever.
    for attempt in ["1 s", "2 s", "4 s"] {
        terminal.press("canary-typed\r");
        terminal.wait_for(&format!("wrong password for fast/coldkey: the next attempt is possible in {attempt}"));
        if attempt != "4 s" {
            asked(&mut terminal, "Password of the coldkey of `fast`: ");
        }
    }
    assert_eq!(terminal.end(), 5);
    assert!(!terminal.screen().contains("canary"), "{terminal:?}");

    // Nor is somebody sent away who types the next one too soon. A line is edited as any other: a letter is taken back,
    // and a whole line.
    let mut terminal = Terminal::btctl(&host, &unlock);
    asked(&mut terminal, "Password of the coldkey of `fast`: ");
    terminal.press(&format!("canary-typed\x15{}x\x7f\r", FAST.1));
    assert_eq!(terminal.end(), 0, "{terminal:?}");
    assert!(terminal.screen().contains("unlocked the coldkey of `fast`"), "{terminal:?}");
    for secret in ["canary", FAST.1] {
        assert!(!terminal.screen().contains(secret) && !daemon.log().contains(secret), "{secret}: {terminal:?}");
    }
    assert!(daemon.stop().success());
}

#[test]
fn whoever_gives_up_has_the_terminal_back_as_it_was() {
    let host = Host::new();
    host.golden_wallet(FAST.0, "fast");
    let daemon = start(&host);
    for key in ["\x03", "\x1c"] {
        let mut terminal = Terminal::btctl(&host, &["wallet", "unlock", "--wallet", "fast"]);
        asked(&mut terminal, "Password of the coldkey of `fast`: ");
        terminal.press(&format!("{}{key}", FAST.1));
        terminal.wait_for("error: interrupted");
        assert_eq!(terminal.end(), 130);
        assert!(!terminal.screen().contains(FAST.1), "{terminal:?}");
    }
    assert_eq!(host.ask(&["wallet", "status"])["keys"], serde_json::json!([]), "nothing was asked of btd");
    assert!(daemon.stop().success());
}

#[test]
fn what_is_pasted_behind_a_secret_is_not_the_shells() {
    let host = Host::new();
    let _daemon = start(&host);
    let mut terminal = Terminal::btctl(&host, &["wallet", "regen-hotkey", "--wallet", "w", "--mnemonic"]);
    asked(&mut terminal, "Words: ");
    terminal.press("no words\rcanary-line\r");
    assert_ne!(terminal.end(), 0);
    terminal.press("what is typed now\r");
    terminal.wait_for("[then came what is typed now]");
    assert!(!terminal.screen().contains("canary-line"), "{terminal:?}");
}

#[test]
fn the_words_of_a_new_wallet_appear_once_and_on_the_terminal_alone() {
    const PASSWORD: &str = "canary-password-1";
    let host = Host::new();
    let daemon = start(&host);
    let out = host.path("out");
    let create = |first: &str, second: &str| {
        let command = r#"exec "$0" wallet create --wallet w --hotkey h --native >"$1""#;
        let (btctl, out) = (binary("btctl"), out.to_str().unwrap());
        let mut terminal = Terminal::run(&host, &["sh", "-c", command, btctl.to_str().unwrap(), out]);
        asked(&mut terminal, "Password for the new coldkey: ");
        terminal.press(&format!("{first}\r"));
        asked(&mut terminal, "Repeat it: ");
        terminal.press(&format!("{second}\r"));
        let code = terminal.end();
        (code, terminal.screen())
    };
    let (code, screen) = create(PASSWORD, "canary-password-2");
    assert!(code == 2 && screen.contains("the two passwords differ; nothing was written"), "{code} {screen}");
    assert!(!host.path(".bittensor").exists());

    let (code, screen) = create(PASSWORD, PASSWORD);
    assert_eq!(code, 0, "{screen}");
    let words = |key: &str| {
        let shown = screen.split(&format!("The words that restore the {key}:\n\n")).nth(1).unwrap();
        shown.lines().next().unwrap().trim().to_owned()
    };
    let wallet = host.path(".bittensor/wallets/w");
    let hotkey: Value = serde_json::from_slice(&fs::read(wallet.join("hotkeys/h")).unwrap()).unwrap();
    assert_eq!(hotkey["secretPhrase"], words("hotkey"));
    assert_eq!(host.btctl(&["--json", "wallet", "inspect", "--wallet", "w"]).status.code(), Some(8));
    assert!(daemon.stop().success());
    let kept = files(&host.path(""));
    assert!(kept.iter().any(|(path, _)| path.ends_with("btd.log")) && kept.iter().any(|(path, _)| *path == out));
    for secret in [words("coldkey"), words("hotkey")] {
        assert_eq!((secret.split(' ').count(), screen.matches(&secret).count()), (12, 1), "{screen}");
        for (path, bytes) in kept.iter().filter(|(path, _)| *path != wallet.join("hotkeys/h")) {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "words are in {}", path.display());
        }
    }
    assert!(!screen.contains("canary"), "{screen}");
}

#[test]
fn a_keystore_is_opened_with_a_passphrase_that_is_asked_for() {
    let host = Host::new();
    let _daemon = start(&host);
    let vectors: Value = serde_json::from_str(include_str!("vectors/keystore_json.json")).unwrap();
    for (number, case) in vectors["cases"].as_array().unwrap().iter().enumerate() {
        let Some(passphrase) = case["passphrase"].as_str().filter(|text| !text.is_empty()) else { continue };
        let (keystore, wallet) = (host.path("keystore.json"), format!("w{number}"));
        fs::write(&keystore, case["json"].to_string()).unwrap();
        let from = ["--json-path", keystore.to_str().unwrap()];
        let restore = [&["wallet", "regen-coldkey", "--wallet", &wallet, "--no-password"][..], &from].concat();
        let mut terminal = Terminal::btctl(&host, &restore);
        asked(&mut terminal, "Passphrase of the keystore: ");
        terminal.press("canary-typed\r");
        terminal.wait_for("error: ");
        assert_eq!(terminal.end(), 5, "{terminal:?}");
        let mut terminal = Terminal::btctl(&host, &restore);
        asked(&mut terminal, "Passphrase of the keystore: ");
        terminal.press(&format!("{passphrase}\r"));
        terminal.wait_for(case["expected"]["ss58"].as_str().unwrap());
        assert_eq!(terminal.end(), 0);
        assert!(!terminal.screen().contains(&format!("keystore: {passphrase}")), "{terminal:?}");
    }
}

const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// A development chain, and the wallet `alice` with its money and a hotkey that the chain knows.
fn funded(host: &Host) -> Daemon {
    let daemon = host.start(&["--network", "devnet", "--block-time", "100ms"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    host.ask(&["root", "register", "--wallet", "alice", "--yes"]);
    daemon
}

#[test]
fn a_locked_key_is_unlocked_on_the_way() {
    const PASSWORD: &str = "correct horse battery";
    let host = Host::new();
    let daemon = funded(&host);
    let create = ["--json", "wallet", "create", "--wallet", "fast", "--show-mnemonic"];
    let created = host.btctl_with(&create, &[("BT_WALLET_PASSWORD", PASSWORD)]);
    let created: Value = serde_json::from_slice(&created.stdout).unwrap();
    let fast = created["coldkey"].as_str().unwrap();
    host.ask(&["wallet", "transfer", "--wallet", "alice", "--dest", fast, "--amount", "5", "--yes"]);
    let spend = ["wallet", "transfer", "--wallet", "fast", "--dest", BOB, "--amount", "1"];
    let locked = || host.ask(&["wallet", "status"])["keys"].as_array().unwrap().is_empty();

    // Whoever says no is asked for nothing more, nor whoever said yes in advance.
    let mut terminal = Terminal::btctl(&host, &spend);
    answer(&mut terminal, &[("is locked, and has to be unlocked to sign", ""), ("Sign and send it? [y/N] ", "n")]);
    assert_eq!(terminal.end(), 1);
    let mut terminal = Terminal::btctl(&host, &[&spend[..], &["--yes"]].concat());
    terminal.wait_for("btctl wallet unlock --wallet fast");
    assert_eq!(terminal.end(), 5);
    assert!(locked());

    let mut terminal = Terminal::btctl(&host, &spend);
    answer(&mut terminal, &[("Sign and send it? [y/N] ", "y")]);
    asked(&mut terminal, "Password of the coldkey of `fast`: ");
    terminal.press("canary-typed\r");
    terminal.wait_for("wrong password for fast/coldkey");
    asked(&mut terminal, "Password of the coldkey of `fast`: ");
    terminal.press(&format!("{PASSWORD}\r"));
    assert_eq!(terminal.end(), 0, "{terminal:?}");
    let screen = terminal.screen();
    assert!(screen.contains("unlocked the coldkey of `fast` for 60 s") && screen.contains("finalized"), "{terminal:?}");
    assert!(!locked());
    for secret in ["canary-typed", PASSWORD] {
        assert!(!screen.contains(secret) && !daemon.log().contains(secret), "{secret}: {terminal:?}");
    }

    // It may lock itself while the card is read: then it is asked for all the same.
    let mut terminal = Terminal::btctl(&host, &spend);
    terminal.wait_for("Sign and send it? [y/N] ");
    host.ask(&["wallet", "lock", "--wallet", "fast"]);
    terminal.press("y\r");
    asked(&mut terminal, "Password of the coldkey of `fast`: ");
    terminal.press(&format!("{PASSWORD}\r"));
    assert_eq!(terminal.end(), 0, "{terminal:?}");
    let screen = terminal.screen();
    assert!(!screen.contains("is locked, and has") && screen.contains("finalized"), "{terminal:?}");

    // What it is unlocked for stays so, is not taken for more than that, and is one key with what comes beside it.
    host.ask(&["wallet", "lock", "--wallet", "fast"]);
    let unlock = ["--json", "wallet", "unlock", "--wallet", "fast", "--use", "messages"];
    assert!(host.btctl_with(&unlock, &[("BT_WALLET_PASSWORD", PASSWORD)]).status.success());
    let mut terminal = Terminal::btctl(&host, &spend);
    terminal.wait_for("is locked, and has to be unlocked to sign");
    answer(&mut terminal, &[("Sign and send it? [y/N] ", "y")]);
    asked(&mut terminal, "Password of the coldkey of `fast`: ");
    terminal.press(&format!("{PASSWORD}\r"));
    assert_eq!(terminal.end(), 0, "{terminal:?}");
    let status = host.ask(&["wallet", "status"]);
    let mut uses = status["keys"].as_array().unwrap().iter().map(|key| key["uses"][0].as_str());
    assert!(uses.any(|uses| uses == Some("messages")), "{status}");
    assert_eq!(host.ask(&["status"])["unlocked_keys"], 1);
}

/// Answers these questions in order.
fn answer(terminal: &mut Terminal, answers: &[(&str, &str)]) {
    for (question, answer) in answers {
        terminal.wait_for(question);
        terminal.press(&format!("{answer}\r"));
    }
}

#[test]
fn what_a_command_lacks_is_asked_for() {
    let host = Host::new();
    let _daemon = funded(&host);
    let mut terminal = Terminal::btctl(&host, &["wallet", "transfer", "--wallet", "alice"]);
    let receives = "Who receives: ";
    answer(&mut terminal, &[(receives, "alice"), ("`alice` is not an SS58 address", ""), (receives, BOB)]);
    answer(&mut terminal, &[("How much tao: `1.5`, or `all`: ", "1.5"), ("Sign and send it? [y/N] ", "y")]);
    terminal.wait_for("finalized");
    let told = "hint: the same without a question: btctl";
    terminal.wait_for(&format!("{told} wallet transfer --wallet alice --dest {BOB} --amount 1.5 --yes\n"));
    assert_eq!(terminal.end(), 0);

    for (words, answers, end) in [
        ("subnets metagraph", &[("The subnet's number; 0 is root: ", "1")][..], "--netuid 1\n"),
        ("sudo get", &[("The subnet's number", ""), ("The subnet's number", "1")], "--netuid 1\n"),
        (
            "stake add --wallet alice --dry-run",
            &[("The subnets", "0"), ("How much tao", "1"), ("or address, several with commas [default]: ", "")],
            "--netuid 0 --amount 1 --hotkey default\n",
        ),
        (
            "sudo set --wallet alice --dry-run --root",
            &[
                ("The subnet: ", "1"),
                ("  1  activity_cutoff\n", ""),
                ("The hyperparameter", "kappa"),
                ("Its value", "0.6"),
            ],
            "--netuid 1 --param kappa --value 0.6\n",
        ),
        (
            "root boost --wallet alice --dry-run",
            &[
                ("The subnet: ", "1"),
                ("By how much of the whole", "x"),
                ("not a share", ""),
                ("By how much", "0.1"),
                ("[default]: ", ""),
            ],
            "",
        ),
        (
            "wallet set-identity --wallet alice --dry-run",
            &[
                ("The name: ", "me"),
                ("The web page: ", ""),
                ("The source repository: ", ""),
                ("The picture's URL: ", ""),
                ("Discord: ", "me#1"),
                ("The description: ", ""),
                ("Anything else: ", ""),
            ],
            "--id-name me --discord 'me#1'\n",
        ),
    ] {
        let mut terminal = Terminal::btctl(&host, &words.split(' ').collect::<Vec<_>>());
        answer(&mut terminal, answers);
        if !end.is_empty() {
            terminal.wait_for(&format!("{told} {words} {end}"));
            assert_eq!(terminal.end(), 0, "{words}");
        }
    }
}

#[test]
fn what_is_said_already_is_offered_and_a_blank_clears_it() {
    let host = Host::new();
    let _daemon = funded(&host);
    let told = "hint: the same without a question: btctl";
    let said = ["--id-name", "me", "--url", "https://a.example"];
    host.ask(&[&["wallet", "set-identity", "--wallet", "alice", "--yes"][..], &said[..]].concat());
    let words = "wallet set-identity --wallet alice --dry-run";
    let mut terminal = Terminal::btctl(&host, &words.split(' ').collect::<Vec<_>>());
    answer(&mut terminal, &[("The name [me]: ", ""), ("The web page [https://a.example]: ", " ")]);
    answer(&mut terminal, &[("The source repository: ", " "), ("The picture's URL: ", ""), ("Discord: ", "me#1")]);
    answer(&mut terminal, &[("The description: ", ""), ("Anything else: ", "")]);
    terminal.wait_for(&format!("{told} {words} --url '' --discord 'me#1'\n"));
    assert_eq!(terminal.end(), 0);

    host.ask(&["subnets", "create", "--wallet", "alice", "--subnet-name", "two", "--yes"]);
    let words = "subnets set-identity 2 --wallet alice --dry-run";
    let mut terminal = Terminal::btctl(&host, &words.split(' ').collect::<Vec<_>>());
    answer(&mut terminal, &[("Its name [two]: ", ""), ("Its source repository: ", "r"), ("Whom to write to: ", "")]);
    answer(&mut terminal, &[("Its web page: ", ""), ("Its Discord: ", ""), ("What it does: ", "")]);
    answer(&mut terminal, &[("Its logo's URL: ", ""), ("Anything else: ", "")]);
    terminal.wait_for(&format!("{told} {words} --github-repo r\n"));
    assert_eq!(terminal.end(), 0);
}

#[test]
fn the_wallet_is_asked_for_and_what_can_be_picked_is_shown() {
    let host = Host::new();
    let _daemon = funded(&host);
    let told = "hint: the same without a question: btctl";
    // Keys that are made, and what signs.
    let mut terminal = Terminal::btctl(&host, &["wallet", "create", "--uri", "//Bob"]);
    answer(&mut terminal, &[("The wallet's name [default]: ", "bob"), ("[default]: ", "h")]);
    terminal.wait_for(&format!("{told} wallet create --uri //Bob --wallet bob --wallet-hotkey h\n"));
    assert_eq!(terminal.end(), 0);
    let transfer = ["wallet", "transfer", "--dest", BOB, "--amount", "1"];
    let mut terminal = Terminal::btctl(&host, &transfer);
    answer(&mut terminal, &[("The wallet's name [default]: ", "alice"), ("Sign and send it? [y/N] ", "y")]);
    terminal.wait_for(&format!("{told} wallet transfer --dest {BOB} --amount 1 --wallet alice --yes\n"));
    assert_eq!(terminal.end(), 0);
    // What is set is not asked for.
    host.ask(&["config", "set", "wallet_name", "alice"]);
    let mut terminal = Terminal::btctl(&host, &transfer);
    answer(&mut terminal, &[("Sign and send it? [y/N] ", "n")]);
    assert_eq!(terminal.end(), 1);
    assert!(!terminal.screen().contains("The wallet's name"), "{terminal:?}");

    // Whom one stands behind, and then whom one does.
    let alice =
        host.ask(&["wallet", "inspect", "--wallet", "alice"])["keys"][0]["address"].as_str().unwrap().to_owned();
    let hotkey = host.ask(&["root", "list-delegates"])["delegates"][0]["hotkey"].as_str().unwrap().to_owned();
    for (words, amount) in [("root delegate --wallet bob", "2"), ("root undelegate --wallet bob", "1")] {
        let mut terminal = Terminal::btctl(&host, &words.split(' ').collect::<Vec<_>>());
        answer(&mut terminal, &[("How much tao", amount), ("by its index: ", "")]);
        terminal.wait_for("error: nothing was chosen");
        let mut terminal = Terminal::btctl(&host, &words.split(' ').collect::<Vec<_>>());
        answer(&mut terminal, &[("How much tao", amount), ("by its index: ", "1"), ("Sign and send it?", "y")]);
        terminal.wait_for(&format!("{told} {words} --amount {amount} --delegate {hotkey} --yes\n"));
        assert_eq!(terminal.end(), 0);
    }
    let standing = host.ask(&["root", "my-delegates", "--wallet", "bob"])["delegations"][0].clone();
    assert_eq!((&standing["owner"], &standing["total_stake"]), (&alice.into(), &standing["stake"]), "{standing}");
    let (code, refused) = host.refused(&["root", "delegate", "--amount", "1", "--wallet", "bob", "--yes"]);
    assert!(code == 2 && refused.contains("no delegate is named"), "{refused}");

    // What a subnet is can be said with its creation, and need not.
    let mut terminal = Terminal::btctl(&host, &["subnets", "create"]);
    answer(&mut terminal, &[("Say what the subnet is in the same step? [y/N]: ", "y"), ("Its name: ", "two")]);
    let rest = ["source repository: ", "write to: ", "web page: ", "Discord: ", "does: ", "logo's URL: ", "else: "];
    answer(&mut terminal, &rest.map(|question| (question, "")));
    answer(&mut terminal, &[("Sign and send it?", "y")]);
    terminal.wait_for(&format!("{told} subnets create --subnet-name two --yes\n"));
    assert_eq!(terminal.end(), 0);
    let created = host.ask(&["subnets", "list", "--columns", "name"])["subnets"].to_string();
    assert!(created.contains("\"two\""), "{created}");
}

#[test]
fn what_is_typed_before_the_question_is_no_answer_to_it() {
    let host = Host::new();
    let _daemon = funded(&host);
    let transfer = ["wallet", "transfer", "--wallet", "alice", "--dest", BOB, "--amount", "1"];
    for (answer, code) in [("n", 1), ("y", 0)] {
        let mut terminal = Terminal::btctl(&host, &transfer);
        terminal.press("y\r");
        terminal.wait_for("Sign and send it? [y/N] ");
        terminal.press(&format!("{answer}\r"));
        terminal.wait_for(if answer == "y" { "finalized" } else { "cancelled" });
        assert_eq!(terminal.end(), code);
    }
    // That the wallet has money at all was signed for with another command.
    let signed = host.ask(&["tx", "list"])["entries"].as_array().unwrap().len();
    assert_eq!(signed, 2, "the registration on root, and the transfer that was agreed to");
}

#[test]
fn a_program_is_not_asked_for_what_it_lacks() {
    let host = Host::new();
    for words in
        [&["sudo", "get", "--json"][..], &["wallet", "transfer", "--yes"], &["subnets", "register", "--no_prompt"]]
    {
        let mut terminal = Terminal::btctl(&host, words);
        terminal.wait_for("required arguments were not provided");
        assert_eq!(terminal.end(), 2, "{words:?}");
    }
    // Nor one whose standard input is no terminal, nor somebody who leaves.
    let output = host.btctl(&["sudo", "get"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let mut terminal = Terminal::btctl(&host, &["sudo", "get"]);
    terminal.wait_for("The subnet's number; 0 is root: ");
    terminal.press("\x04");
    terminal.wait_for("required arguments were not provided");
    assert_eq!(terminal.end(), 2);
}

/// The same, where `alice` has stake on root behind two hotkeys.
fn staked(host: &Host) -> Daemon {
    let daemon = funded(host);
    host.ask(&["wallet", "create", "--wallet", "bob", "--uri", "//Bob"]);
    host.ask(&["root", "register", "--wallet", "bob", "--yes"]);
    for hotkey in ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", BOB] {
        let stake =
            ["stake", "add", "--wallet", "alice", "--netuid", "0", "--amount", "5", "--hotkey", hotkey, "--yes"];
        host.ask(&stake);
    }
    daemon
}

#[test]
fn ctrl_c_ends_a_later_question_as_it_does_the_first() {
    let host = Host::new();
    let _daemon = staked(&host);
    let signed = || host.ask(&["tx", "list", "--limit", "1000"])["entries"].as_array().unwrap().len();
    let before = signed();
    let mut terminal = Terminal::btctl(&host, &["stake", "remove", "-i", "--wallet", "alice"]);
    let (which, how_much) = ("Which, such as 1,3, or all: ", "How much of it, or all: ");
    let question = "Sign and send it? [y/N] ";
    answer(&mut terminal, &[(which, "1,2"), (how_much, "1"), (how_much, "2"), (question, "y")]);
    terminal.wait_for("finalized");
    terminal.wait_for(question);
    terminal.press("\x03");
    terminal.wait_for("error: interrupted");
    assert_eq!(terminal.end(), 130, "{terminal:?}");
    assert_eq!(signed(), before + 1);

    let mut terminal = Terminal::btctl(&host, &["stake", "remove", "-i", "--wallet", "alice"]);
    terminal.wait_for(which);
    terminal.press("\x03");
    assert_eq!(terminal.end(), 130, "{terminal:?}");
    assert_eq!(signed(), before + 1);
}

#[test]
fn stakes_that_are_picked_are_told_in_one_document() {
    let host = Host::new();
    let _daemon = staked(&host);
    let out = host.path("out");
    let command = r#"exec "$0" stake remove -i --wallet alice --json --yes >"$1""#;
    let (btctl, file) = (binary("btctl"), out.to_str().unwrap());
    let mut terminal = Terminal::run(&host, &["sh", "-c", command, btctl.to_str().unwrap(), file]);
    answer(&mut terminal, &[("Which, such as 1,3, or all: ", "1,2")]);
    answer(&mut terminal, &[("How much of it, or all: ", "1"), ("How much of it, or all: ", "2")]);
    assert_eq!(terminal.end(), 0);
    let told: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    let receipts = told["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 2);
    assert!(receipts.iter().all(|receipt| receipt["outcome"]["state"] == "finalized"), "{told}");
}

/// Every file below.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut open, mut found) = (vec![directory.to_owned()], Vec::new());
    while let Some(directory) = open.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.is_file() {
                let bytes = fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    found
}
