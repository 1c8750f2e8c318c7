//! Wallets through the real binaries: made, restored, watched, converted, and what is told of them.
//!
//! No chain answers here. Two key files take a derivation of 512 MiB; everything else is quick.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use btd_tests::{Daemon, Host};
use serde_json::{Value, json};

fn start(host: &Host) -> Daemon {
    host.start_alone(&["--network", "ws://127.0.0.1:9"])
}

fn wallets(host: &Host) -> PathBuf {
    host.path(".bittensor/wallets")
}

/// A file that only its owner can read.
fn private(host: &Host, name: &str, text: &str) -> String {
    let path = host.path(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn ask_with_password(host: &Host, arguments: &[&str], password: &str) -> Value {
    let output = host.btctl_with(&[&["--json"], arguments].concat(), &[("BT_WALLET_PASSWORD", password)]);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_key_is_made_once_and_restored_from_what_was_told_of_it() {
    let host = Host::new();
    let daemon = start(&host);
    let made = host.ask(&["wallet", "new-hotkey", "-w", "a", "-H", "h", "--n-words", "15", "--show-mnemonic"]);
    let words = made["mnemonic"].as_str().unwrap().to_owned();
    assert_eq!(words.split(' ').count(), 15);
    let from = private(&host, "words", &words);
    let again = host.ask(&["wallet", "regen_hotkey", "-w", "b", "-H", "h", "--mnemonic", "--secret-file", &from]);
    assert_eq!((&again["address"], &again["mnemonic"]), (&made["address"], &Value::Null));
    let file: Value = serde_json::from_slice(&fs::read(wallets(&host).join("a/hotkeys/h")).unwrap()).unwrap();
    for (field, flag) in [("secretSeed", "--seed"), ("privateKey", "--private-key")] {
        let from = private(&host, field, file[field].as_str().unwrap());
        let again = host.ask(&["wallet", "regen-hotkey", "-w", field, flag, "--secret-file", &from]);
        assert_eq!(again["address"], made["address"], "{field}");
    }

    // What is there stays, unless a copy of it is kept.
    let (code, said) = host.refused(&["wallet", "new-hotkey", "-w", "a", "-H", "h", "--show-mnemonic"]);
    assert!(code == 1 && said.contains("exists already"), "{code} {said}");
    let new = host.ask(&["wallet", "new-hotkey", "-w", "a", "-H", "h", "--show-mnemonic", "--overwrite"]);
    let kept = new["kept"].as_array().unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(kept[0].as_str().unwrap()).unwrap()).unwrap(), file);

    // Neither the log nor what is told later has the words.
    let told = format!("{}{}", host.ask(&["wallet", "list"]), host.ask(&["wallet", "inspect", "-w", "a"]));
    for text in [daemon.log(), told] {
        assert!(!text.contains(&words) && !text.contains(file["secretSeed"].as_str().unwrap()), "{text}");
    }
    assert!(host.refused(&["wallet", "inspect", "-w", "c"]).1.contains("the wallets are a, b, privateKey, secretSeed"));
}

#[test]
fn the_words_of_a_coldkey_are_told_when_its_hotkey_cannot_be_written() {
    let host = Host::new();
    let _daemon = start(&host);
    fs::create_dir_all(wallets(&host).join("half")).unwrap();
    // No directory can be made where a file is.
    fs::write(wallets(&host).join("half/hotkeys"), "").unwrap();
    let output = host.btctl(&["--json", "wallet", "create", "-w", "half", "--no-password", "--show-mnemonic"]);
    assert_eq!(output.status.code(), Some(1));
    let created: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(created["hotkey_problem"].as_str().unwrap().contains("hotkeys"), "{created}");
    let from = private(&host, "words", created["coldkey_mnemonic"].as_str().unwrap());
    let again = host.ask(&["wallet", "regen-coldkey", "-w", "again", "--secret-file", &from, "--no-password"]);
    assert_eq!(again["address"], created["coldkey"]);
}

#[test]
fn an_old_file_is_renewed_and_a_plain_one_is_given_a_password() {
    let host = Host::new();
    let _daemon = start(&host);
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/wallets.json");
    let vectors: Value = serde_json::from_slice(&fs::read(vectors).unwrap()).unwrap();
    let golden = vectors["wallets"].as_array().unwrap().iter().find(|wallet| wallet["id"] == "v10-ansible").unwrap();
    let digits = golden["files"][0]["data_hex"].as_str().unwrap();
    let bytes: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    let path = wallets(&host).join("old/coldkey");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &bytes).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();

    let warnings = host.ask(&["wallet", "inspect", "-w", "old"])["keys"][0]["warnings"].to_string();
    assert!(warnings.contains("chmod 600") && warnings.contains("btctl wallet update --wallet old"), "{warnings}");
    let (code, said) = host.refused(&["wallet", "update", "-w", "old"]);
    assert!(code == 2 && said.contains("--password-stdin"), "{code} {said}");
    let update = ["wallet", "update", "-w", "old"];
    let updated = ask_with_password(&host, &update, "ansible-pw-v10");
    assert_eq!((&updated["from"], &updated["to"]), (&json!("ansible-vault"), &json!("nacl")));
    assert_eq!(updated["address"], golden["files"][0]["expected"]["ss58"]);
    assert_eq!(fs::read(updated["kept"].as_str().unwrap()).unwrap(), bytes);
    assert!(fs::read(&path).unwrap().starts_with(b"$NACL"));
    // What is not replaced needs no password.
    let again = host.ask(&update);
    assert_eq!((&again["changed"], &again["kept"]), (&json!(false), &Value::Null));
    fs::write(&path, &bytes).unwrap();
    // One that cannot be opened ends it, and what was renewed before is told.
    host.golden_wallet("v4-fernet", "older");
    let partly = host.btctl_with(&["--json", "wallet", "update", "--all"], &[("BT_WALLET_PASSWORD", "ansible-pw-v10")]);
    assert_eq!(partly.status.code(), Some(5), "{}", String::from_utf8_lossy(&partly.stderr));
    let told: Value = serde_json::from_slice(&partly.stdout).unwrap();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["wallet"]), (1, &json!("old")));
    assert_eq!(fs::read(told[0]["kept"].as_str().unwrap()).unwrap(), bytes);
    fs::remove_dir_all(wallets(&host).join("older")).unwrap();
    fs::write(&path, &bytes).unwrap();
    let all = ask_with_password(&host, &["wallet", "update", "--all"], "ansible-pw-v10");
    assert_eq!((all.as_array().unwrap().len(), &all[0]["wallet"], &all[0]["to"]), (1, &json!("old"), &json!("nacl")));
    assert_eq!(host.ask(&["wallet", "update", "--all"]), json!([]));

    host.ask(&["wallet", "new-coldkey", "-w", "new", "--uri", "//Alice"]);
    // What has no encryption has no old one, and is left as it is.
    let plain = fs::read(wallets(&host).join("new/coldkey")).unwrap();
    let refused = host.btctl_with(&["wallet", "update", "-w", "new"], &[("BT_WALLET_PASSWORD", "new password")]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("btctl wallet convert --to nacl"), "{said}");
    assert_eq!(fs::read(wallets(&host).join("new/coldkey")).unwrap(), plain);
    let converted = ask_with_password(&host, &["wallet", "convert", "-w", "new", "--to", "native"], "new password");
    assert_eq!((&converted["from"], &converted["kept"]), (&json!("plain"), &Value::Null));
    let sealed = fs::read_to_string(wallets(&host).join("new/coldkey")).unwrap();
    assert!(sealed.starts_with("$BTD_KEY;1;argon2id;") && sealed.contains("no Python tool does"), "{sealed}");
    assert_eq!(fs::read_dir(wallets(&host).join("new")).unwrap().count(), 2, "no plain copy stays");
    let (code, said) = host.refused(&["wallet", "sign", "-w", "new", "-m", "hi"]);
    assert!(code == 5 && said.contains("btctl wallet unlock --wallet new"), "{code} {said}");

    // And back, over what every tool reads.
    for (from, to, begins) in [("native", "nacl", &b"$NACL"[..]), ("nacl", "plain", b"{")] {
        let converted = ask_with_password(&host, &["wallet", "convert", "-w", "new", "--to", to], "new password");
        assert_eq!((&converted["from"], &converted["to"]), (&json!(from), &json!(to)));
        assert!(fs::read(wallets(&host).join("new/coldkey")).unwrap().starts_with(begins), "{to}");
    }
    let signed = host.ask(&["wallet", "sign", "-w", "new", "-m", "hi"]);
    assert_eq!(signed["signer"], "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
}

#[test]
fn public_halves_are_watched_exported_and_written_to() {
    let host = Host::new();
    let _daemon = start(&host);
    let made =
        host.ask(&["wallet", "new-hotkey", "-w", "a", "-H", "h", "--uri", "//Alice", "--crypto-type", "ed25519"]);
    let address = made["address"].as_str().unwrap();
    let watch = ["wallet", "regen-hotkeypub", "-w", "far", "-H", "h", "--scheme", "ed25519", "--ss58", address];
    host.ask(&watch);
    assert_eq!(host.refused(&watch).0, 1, "a public file is not replaced unasked");
    let exported = host.ask(&["wallet", "export"]);
    for key in exported["keys"].as_array().unwrap() {
        let file = fs::read_to_string(wallets(&host).join(key["file"].as_str().unwrap())).unwrap();
        assert_eq!((&key["content"], &key["address"]), (&json!(file), &json!(address)));
    }
    assert_eq!(exported["keys"].as_array().unwrap().len(), 2);

    let sealed = host.ask(&["wallet", "encrypt", "--to", address, "-m", "for Alice"]);
    assert_eq!(sealed.get("warning"), None, "the key is known to be one that can read it");
    let ciphertext = sealed["ciphertext"].as_str().unwrap();
    let opened = host.ask(&["wallet", "decrypt", "-w", "a", "-H", "h", "--ciphertext", ciphertext]);
    assert_eq!(opened["message"], "for Alice");
    let (code, said) = host.refused(&["wallet", "decrypt", "-w", "far", "-H", "h", "-c", ciphertext]);
    assert!(code == 1 && said.contains("there is no key file"), "{code} {said}");
    let sr25519 = host.ask(&["wallet", "new-hotkey", "-w", "a", "-H", "sr", "--uri", "//Bob"]);
    let refused = host.refused(&["wallet", "encrypt", "--to", sr25519["address"].as_str().unwrap(), "-m", "x"]);
    assert!(refused.0 == 2 && refused.1.contains("ed25519"), "{refused:?}");
    // Of a stranger's address nobody here can tell whether its key reads such messages.
    let stranger = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";
    let output = host.btctl(&["wallet", "encrypt", "--to", stranger, "-m", "x"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("warning: no key of this host is 5FLS"), "{said}");
    assert!(output.stdout.starts_with(b"0x") && !output.stdout.contains(&b'w'), "{output:?}");
    let warning = host.ask(&["wallet", "encrypt", "--to", stranger, "-m", "x"])["warning"].to_string();
    assert!(warning.contains("nobody can read the message"), "{warning}");
}

#[test]
fn a_wallet_has_the_schemes_that_were_asked_for_and_signs_under_them() {
    let host = Host::new();
    let _daemon = start(&host);
    let create = ["wallet", "create", "-w", "a", "-H", "h", "--no-password", "--show-mnemonic"];
    host.ask(&[&create[..], &["--coldkey-crypto-type", "ed25519"]].concat());
    let list = host.ask(&["wallet", "list"]);
    let wallet = &list["wallets"][0];
    assert_eq!((&wallet["scheme"], &wallet["hotkeys"][0]["scheme"]), (&json!("ed25519"), &json!("sr25519")));
    let signed = host.ask(&["wallet", "sign", "-w", "a", "-m", "hi"]);
    let exported = host.ask(&["wallet", "export"]);
    let (signature, key) = (signed["signature"].as_str().unwrap(), exported["keys"][0]["public_key"].as_str().unwrap());
    let verify = ["wallet", "verify", "-m", "hi", "-s", signature];
    for more in [&["-p", key][..], &["-a", signed["signer"].as_str().unwrap(), "--crypto-type", "ed25519"]] {
        assert_eq!(host.ask(&[&verify[..], more].concat()), json!({ "valid": true, "scheme": "ed25519" }));
    }
    let output = host.btctl(&[&["--json"], &verify[..], &["-p", key, "--crypto-type", "sr25519"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), json!({ "valid": false, "scheme": null }));
}

#[test]
fn a_key_is_unlocked_for_what_was_asked_and_nothing_else() {
    let host = Host::new();
    let _daemon = start(&host);
    host.ask(&["wallet", "new-coldkey", "-w", "a", "--uri", "//Alice"]);
    let unlock = ["wallet", "unlock", "-w", "a", "--for", "60s", "--use", "extrinsics"];
    ask_with_password(&host, &unlock, "ignored: the file is plain");
    let usable = host.ask(&["wallet", "status"]);
    // Weights are extrinsics too.
    assert_eq!(usable["keys"][0]["uses"], json!(["extrinsics", "weights"]));
    assert!(usable["keys"][0]["seconds"].as_u64().unwrap() <= 60);
    let (code, said) = host.refused(&["wallet", "sign", "-w", "a", "-m", "hi"]);
    assert!(code == 9 && said.contains("not unlocked for messages"), "{code} {said}");
    // Who mistypes a name must not believe that the key is locked.
    for (typed, words) in [(&["-w", "b"][..], "there is no wallet"), (&["-w", "a", "-H", "h"], "no hotkey `h`")] {
        let (code, said) = host.refused(&[&["wallet", "lock"], typed].concat());
        assert!(code == 1 && said.contains(words), "{code} {said}");
    }
    assert_eq!(host.ask(&["wallet", "lock", "-w", "a"])["locked"], 1);
    assert_eq!(host.ask(&["wallet", "status"])["keys"], json!([]));
}

#[test]
fn words_on_two_lines_restore_nothing_and_an_odd_wallet_hides_none() {
    let host = Host::new();
    let _daemon = start(&host);
    let twelve = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    let words = host.path("words");
    // The first line has words of its own, which are the wrong key's.
    fs::write(&words, format!("{twelve}\n{twelve}\n")).unwrap();
    let regen = ["wallet", "regen-coldkey", "-w", "a", "--mnemonic", "--secret-stdin", "--no-password"];
    let mut command = host.command_of("btctl");
    let refused = command.args(regen).stdin(fs::File::open(&words).unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("a secret is one line"), "{said}");
    assert!(!wallets(&host).join("a").exists());

    host.ask(&["wallet", "new-hotkey", "-w", "good", "-H", "h", "--uri", "//Alice"]);
    host.ask(&["wallet", "new-coldkey", "-w", "odd", "--uri", "//Bob"]);
    fs::write(wallets(&host).join("odd/hotkeys"), "no directory").unwrap();
    let listed = host.ask(&["wallet", "list"]);
    let told: Vec<_> =
        listed["wallets"].as_array().unwrap().iter().map(|one| (&one["name"], one.get("problem"))).collect();
    assert_eq!(told[0], (&json!("good"), None));
    assert!(told[1].0 == "odd" && told[1].1.unwrap().as_str().unwrap().contains("odd/hotkeys"), "{told:?}");
    let shown = host.btctl(&["wallet", "inspect", "-w", "odd"]);
    let (text, said) = (String::from_utf8_lossy(&shown.stdout), String::from_utf8_lossy(&shown.stderr));
    assert!(text.contains("warning: cannot list") && text.contains("balance  not known"), "{text}");
    // What the files say is told, and that the rest is not known looks like no success.
    assert!(shown.status.code() == Some(8) && said.contains("error: balances and stakes are not known: "), "{said}");
    // Nor is it kept back where subnets are named, which cannot be looked up either.
    let shown = host.btctl(&["wallet", "inspect", "--all", "--netuids", "1"]);
    let (text, said) = (String::from_utf8_lossy(&shown.stdout), String::from_utf8_lossy(&shown.stderr));
    assert!(text.contains("warning: cannot list") && text.contains("balance  not known"), "{text}");
    assert!(shown.status.code() == Some(8) && said.contains("balances and stakes of `odd` are not known: "), "{said}");
    let told = host.btctl(&["--json", "wallet", "inspect", "-w", "odd"]);
    let detail: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((told.status.code(), &detail["balance"]), (Some(8), &Value::Null), "{told:?}");
    assert_eq!(detail["balance_error"]["data"]["kind"], "CHAIN_UNAVAILABLE", "{told:?}");

    // A plain hotkey needs no unlocking, and that is said.
    let unlocked = ask_with_password(&host, &["wallet", "unlock", "-w", "good", "-H", "h"], "ignored");
    assert_eq!(unlocked["seconds"], Value::Null);
    // Another tool writes another key there: it is the one that signs.
    host.ask(&["wallet", "new-hotkey", "-w", "other", "-H", "h", "--uri", "//Bob"]);
    fs::copy(wallets(&host).join("other/hotkeys/h"), wallets(&host).join("good/hotkeys/h")).unwrap();
    fs::copy(wallets(&host).join("other/hotkeys/hpub.txt"), wallets(&host).join("good/hotkeys/hpub.txt")).unwrap();
    let signed = host.ask(&["wallet", "sign", "-w", "good", "-H", "h", "-m", "-5"]);
    assert_eq!(signed["signer"], "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty");
}

#[test]
fn of_two_wallets_with_the_same_hotkey_the_one_that_is_named_signs() {
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    let host = Host::new();
    let daemon = host.start_with(&["--network", "ws://127.0.0.1:9"], &[("BTD_SERVING__ADMIT", "anyone")]);
    for (wallet, uri) in [("one", "//Alice"), ("two", "//Alice"), ("other", "//Bob"), ("third", "//Charlie")] {
        host.ask(&["wallet", "create", "--wallet", wallet, "--uri", uri]);
    }
    let axon = host.ask(&["axon", "start", "--wallet", "other", "--bind", "127.0.0.1:0"]);
    let address = axon["address"].as_str().unwrap();
    let ping = |wallet: &str| {
        let output = host.btctl(&[
            "--json",
            "dendrite",
            "ping",
            "--address",
            address,
            "--hotkey",
            BOB,
            "--wallet",
            wallet,
            "--transport",
            "http",
        ]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    for wallet in ["one", "two", "one"] {
        let (code, told) = ping(wallet);
        assert_eq!(code, Some(0), "{wallet}: {told}");
    }
    // The hotkey of one of them is locked away: the other's file has nothing to do with it.
    let convert = ["wallet", "convert", "--wallet", "one", "--wallet-hotkey", "default", "--to", "ansible-vault"];
    let converted = host.btctl_with(&convert, &[("BT_WALLET_PASSWORD", "a long enough passphrase 1")]);
    assert!(converted.status.success(), "{converted:?}");
    let (code, told) = ping("one");
    assert!(code == Some(5) && told.contains("one/hotkeys/default"), "{code:?}: {told}");
    let (code, told) = ping("two");
    assert_eq!(code, Some(0), "{told}");
    // Another key takes the name of one that has asked: the next query is asked as that one, and not refused.
    let query = json!({ "axons": [{ "hotkey": BOB, "address": address }], "synapse": { "name": "Synapse" },
                        "wallet": "two", "transport": "http" });
    let query = || host.ask(&["rpc", "dendrite_query", &query.to_string()])["replies"][0].clone();
    assert_eq!(query()["status_code"], 200);
    for file in ["default", "defaultpub.txt"] {
        let [from, to] = ["third", "two"].map(|wallet| wallets(&host).join(wallet).join("hotkeys").join(file));
        fs::copy(from, to).unwrap();
    }
    for _ in 0..2 {
        let reply = query();
        assert_eq!(reply["status_code"], 200, "{reply}");
    }
    // It is gone: that is the query's failure, and not each axon's.
    fs::remove_dir_all(wallets(&host).join("two/hotkeys")).unwrap();
    let query = json!({ "axons": [], "synapse": { "name": "Synapse" }, "wallet": "two" });
    let (code, told) = host.refused(&["rpc", "dendrite_query", &query.to_string()]);
    assert!(code == 1 && told.contains("hotkey"), "{code}: {told}");
    assert!(daemon.stop().success());
}
