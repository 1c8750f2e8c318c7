//! The keys behind btd, through the real binaries: where secrets can be found, what the death of the
//! signer costs, and a signer that runs as a service of its own.
//!
//! No chain answers here: what is signed are texts. The wallets are golden ones of the Python tools.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use btd_tests::{Daemon, Host, binary, wait_for};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

/// Opens in milliseconds.
const FAST: (&str, &str) = ("v10-ansible", "ansible-pw-v10");
/// An address of nobody here.
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
/// Opens in seconds, and takes 512 MiB.
const SLOW: (&str, &str) = ("v10-nacl-cold-24", "testing-password-1");

/// btd without a chain.
fn start(host: &Host) -> Daemon {
    host.start_alone(&["--network", "ws://127.0.0.1:9"])
}

/// The child of btd that holds its keys.
fn signer_of(daemon: &Daemon) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", daemon.pid())).unwrap_or_default();
    // Children belong to the thread that made them.
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains(&format!("\nPPid:\t{}\n", daemon.pid())) && status.starts_with("Name:\tbtd-signer\n")
    };
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).chain(all).find(is_child)
}

/// A process that does not outlive its test.
struct Bound(Child);

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}

fn unlock(host: &Host, wallet: &str, password: &str) -> std::process::Output {
    host.btctl_with(&["--json", "wallet", "unlock", "--wallet", wallet], &[("BT_WALLET_PASSWORD", password)])
}

fn sign(host: &Host, wallet: &str) -> std::process::Output {
    host.btctl(&["--json", "wallet", "sign", "--wallet", wallet, "--message", "canary-text", "--yes"])
}

fn state(host: &Host, wallet: &str) -> Value {
    let list = host.ask(&["wallet", "list"]);
    let wallets = list["wallets"].as_array().unwrap();
    wallets.iter().find(|found| found["name"] == wallet).unwrap()["state"].clone()
}

#[test]
fn when_the_signer_dies_keys_are_locked_and_another_takes_its_place() {
    let host = Host::new();
    host.golden_wallet(FAST.0, "fast");
    host.golden_wallet("v10-plain-sr25519-12", "plain");
    let daemon = start(&host);
    assert!(unlock(&host, "fast", FAST.1).status.success());
    assert!(sign(&host, "fast").status.success());
    let first = signer_of(&daemon).expect("btd has no signer");
    kill(first);
    wait_for("another signer", || signer_of(&daemon).filter(|pid| *pid != first));
    assert_eq!(state(&host, "fast"), "locked");
    let refused = sign(&host, "fast");
    assert_eq!(refused.status.code(), Some(5), "{}", String::from_utf8_lossy(&refused.stderr));
    // What needs no password is there at once.
    assert!(sign(&host, "plain").status.success());
    assert!(unlock(&host, "fast", FAST.1).status.success());
    assert!(daemon.log().contains("every key is locked"));
    assert!(daemon.stop().success());
}

#[test]
fn a_call_that_loses_its_signer_says_so() {
    let host = Host::new();
    host.golden_wallet(SLOW.0, "slow");
    let daemon = start(&host);
    let signer = signer_of(&daemon).expect("btd has no signer");
    let output = std::thread::scope(|scope| {
        let unlocking = scope.spawn(|| unlock(&host, "slow", SLOW.1));
        wait_for("the derivation to be under way", || {
            let status = fs::read_to_string(format!("/proc/{signer}/status")).unwrap();
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
            let kib: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
            (kib > 64 * 1024).then_some(())
        });
        kill(signer);
        unlocking.join().unwrap()
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("SIGNER_UNAVAILABLE") && said.contains("ask once more"), "{said}");
    assert_eq!(state(&host, "slow"), "locked");
    assert!(daemon.stop().success());
}

#[test]
fn no_signer_stays_behind_when_btd_is_killed() {
    let host = Host::new();
    let daemon = start(&host);
    let signer = signer_of(&daemon).expect("btd has no signer");
    daemon.kill();
    let gone = || {
        let status = fs::read_to_string(format!("/proc/{signer}/status")).unwrap_or_default();
        (!status.starts_with("Name:\tbtd-signer\n") || status.contains("\nState:\tZ")).then_some(())
    };
    wait_for("the signer to end", gone);
}

#[test]
fn without_its_program_btd_says_where_it_looked() {
    let host = Host::new();
    let output =
        host.btd(&["--network", "ws://127.0.0.1:9"]).env("BTD_SIGNER", "/nowhere/btd-signer").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("/nowhere/btd-signer") && said.contains("hint: btd-signer belongs beside btd"), "{said}");
}

#[test]
fn secrets_are_where_they_belong_and_nowhere_else() {
    const PASSWORD: &str = "canary-password-77";
    let host = Host::new();
    host.golden_wallet(FAST.0, "fast");
    let daemon = start(&host);
    let made = host.ask(&["wallet", "create", "--wallet", "plain", "--no-password", "--show-mnemonic"]);
    let words = made["coldkey_mnemonic"].as_str().unwrap().to_owned();
    let key_file: Value =
        serde_json::from_slice(&fs::read(host.path(".bittensor/wallets/plain/coldkey")).unwrap()).unwrap();
    let seed = key_file["secretSeed"].as_str().unwrap().trim_start_matches("0x").to_owned();
    let wrong = unlock(&host, "fast", PASSWORD);
    assert_eq!(wrong.status.code(), Some(5));
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(unlock(&host, "fast", FAST.1).status.success());
    assert!(sign(&host, "fast").status.success() && sign(&host, "plain").status.success());

    let mut places: Vec<(String, Vec<u8>)> = Vec::new();
    for pid in [daemon.pid(), signer_of(&daemon).expect("btd has no signer")] {
        for file in ["environ", "cmdline"] {
            let path = format!("/proc/{pid}/{file}");
            match fs::read(&path) {
                Ok(bytes) => places.push((path, bytes)),
                // Whoever is not root is kept out altogether.
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{path}"),
            }
        }
    }
    for arguments in [&["wallet", "list"][..], &["status"]] {
        places.push((format!("{arguments:?}"), host.ask(arguments).to_string().into_bytes()));
    }
    places.push(("what a wrong password is answered".to_owned(), [wrong.stdout, wrong.stderr].concat()));
    places.push(("the log".to_owned(), daemon.log().into_bytes()));
    assert!(daemon.stop().success());
    // Every file that is left, the wallets themselves aside.
    let mut open = vec![host.path("")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("wallets/plain") {
                open.push(path);
            } else if path.is_file() {
                places.push((path.display().to_string(), fs::read(path).unwrap()));
            }
        }
    }
    for secret in [PASSWORD, FAST.1, &words, &seed] {
        for (place, bytes) in &places {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is in {place}");
        }
    }
}

#[test]
fn a_fault_of_btd_leaves_no_core_with_what_passed_through_it() {
    let limit = getrlimit(Resource::Core);
    setrlimit(Resource::Core, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let host = Host::new();
    let mut other = Command::new("sleep").arg("60").current_dir(host.path("")).spawn().unwrap();
    assert!(Command::new("kill").args(["-ABRT", &other.id().to_string()]).status().unwrap().success());
    if !other.wait().unwrap().core_dumped() {
        println!("no process leaves a core here: not looked");
        return;
    }
    let ended = start(&host).abort();
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
}

/// A directory of the service manager's, with these files.
fn credentials(host: &Host, files: &[(&str, &[u8])]) -> String {
    let directory = host.path("credentials");
    fs::create_dir(&directory).unwrap();
    for (name, bytes) in files {
        fs::write(directory.join(name), bytes).unwrap();
    }
    directory.to_str().unwrap().to_owned()
}

/// The secret file of a golden wallet, moved to where a hotkey lies.
fn as_hotkey(host: &Host, id: &str, wallet: &str) -> PathBuf {
    host.golden_wallet(id, "from");
    let dir = host.path(".bittensor/wallets");
    fs::create_dir_all(dir.join(wallet).join("hotkeys")).unwrap();
    let path = dir.join(wallet).join("hotkeys/h");
    fs::rename(dir.join("from/coldkey"), &path).unwrap();
    fs::remove_dir_all(dir.join("from")).unwrap();
    path
}

/// What makes btd answer synapses as a hotkey of that wallet, from its start on.
fn serving(wallet: &str) -> [(&str, &str); 4] {
    [
        ("BTD_SERVING__AXON", "true"),
        ("BTD_SERVING__WALLET", wallet),
        ("BTD_SERVING__HOTKEY", "h"),
        ("BTD_AXON__BIND", "127.0.0.1:0"),
    ]
}

fn serve(host: &Host, wallet: &str, variables: &[(&str, &str)]) -> Daemon {
    host.start_with(&["--network", "ws://127.0.0.1:9"], &[&serving(wallet)[..], variables].concat())
}

/// As whom the axon answers, once it does.
fn served_as(host: &Host, what: &str) -> String {
    wait_for(what, || host.ask(&["axon", "status"])["axon"]["hotkey"].as_str().map(str::to_owned))
}

#[test]
fn a_hotkey_of_the_service_manager_serves_from_the_start() {
    let host = Host::new();
    let path = as_hotkey(&host, "v10-plain-sr25519-12", "handed");
    let key: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let directory = credentials(&host, &[("hotkey.handed.h", &fs::read(&path).unwrap())]);
    // No wallet of this host has it.
    fs::remove_dir_all(host.path(".bittensor/wallets")).unwrap();
    let daemon = serve(&host, "handed", &[("CREDENTIALS_DIRECTORY", &directory)]);
    assert_eq!(served_as(&host, "the axon"), key["ss58Address"]);
    // It is loaded, and locking says that no lock applies to it.
    let usable = host.ask(&["wallet", "status"]);
    assert_eq!(usable["keys"][0]["address"], key["ss58Address"], "{usable}");
    let locked = host.ask(&["wallet", "lock"]);
    assert_eq!((&locked["locked"], &locked["plain"]), (&1.into(), &1.into()), "{locked}");
    assert!(daemon.stop().success());
}

#[test]
fn a_sealed_hotkey_of_the_service_manager_can_be_locked_again() {
    let host = Host::new();
    let path = as_hotkey(&host, FAST.0, "sealed");
    let directory = credentials(&host, &[("hotkey.sealed.h", &fs::read(&path).unwrap())]);
    fs::remove_dir_all(host.path(".bittensor/wallets")).unwrap();
    let _daemon = host.start_with(&["--network", "ws://127.0.0.1:9"], &[("CREDENTIALS_DIRECTORY", &directory)]);
    // It is locked already, and there.
    let locked = host.ask(&["wallet", "lock", "--wallet", "sealed", "--hotkey", "h"]);
    assert_eq!((&locked["locked"], &locked["plain"]), (&0.into(), &0.into()), "{locked}");
    let (code, said) = host.refused(&["wallet", "lock", "--wallet", "sealed", "--hotkey", "i"]);
    assert!(code == 1 && said.contains("has no hotkey `i`"), "{code} {said}");
}

#[test]
fn a_plain_hotkey_of_a_wallet_serves_from_the_start() {
    let host = Host::new();
    let path = as_hotkey(&host, "v10-plain-sr25519-12", "own");
    let key: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let daemon = serve(&host, "own", &[]);
    assert_eq!(served_as(&host, "the axon"), key["ss58Address"]);
    // Nobody unlocked it, and it stays loaded.
    let usable = host.ask(&["wallet", "status"]);
    assert_eq!((&usable["keys"][0]["address"], &usable["keys"][0]["seconds"]), (&key["ss58Address"], &Value::Null));
    let signed = host.ask(&["wallet", "sign", "--wallet", "own", "--hotkey", "h", "--message", "hi"]);
    assert_eq!(signed["signer"], key["ss58Address"]);
    // Of another key under its name, btd serves as nobody.
    assert!(daemon.stop().success());
    fs::write(&path, fs::read_to_string(&path).unwrap().replace(key["ss58Address"].as_str().unwrap(), BOB)).unwrap();
    let output = host.btd(&["--network", "ws://127.0.0.1:9"]).envs(serving("own")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot start the axon") && said.contains("own/hotkeys/h"), "{said}");
}

/// How the environment has a password: the variable and its value, for a host and the path of a key.
type Way<'a> = &'a dyn Fn(&Host, &Path) -> (String, String);

#[test]
fn a_hotkey_with_a_password_serves_from_the_start_where_the_environment_has_the_password() {
    let obfuscated = |path: &Path| {
        use base64::Engine;
        // As the peers name and hide it.
        let name = format!("BT_PW_{}", path.to_str().unwrap().to_uppercase().replace(['/', '.'], "_"));
        let hidden: Vec<u8> = FAST.1.bytes().zip(name.bytes().cycle()).map(|(byte, key)| byte ^ key).collect();
        (name, base64::engine::general_purpose::STANDARD.encode(hidden))
    };
    let ways: [(&str, Way<'_>); 6] = [
        ("BT_WALLET_PASSWORD", &|_, _| ("BT_WALLET_PASSWORD".to_owned(), FAST.1.to_owned())),
        ("BT_WALLET_PASSWORD_FILE", &|host, _| {
            let file = host.path("password");
            fs::write(&file, format!("{}\n", FAST.1)).unwrap();
            ("BT_WALLET_PASSWORD_FILE".to_owned(), file.to_str().unwrap().to_owned())
        }),
        ("BT_PW_", &|_, path| obfuscated(path)),
        ("wallet-password", &|host, _| {
            ("CREDENTIALS_DIRECTORY".to_owned(), credentials(host, &[("wallet-password", FAST.1.as_bytes())]))
        }),
        ("wallet-password.sealed", &|host, _| {
            let files = [("wallet-password.sealed", FAST.1.as_bytes()), ("wallet-password", b"another's")];
            ("CREDENTIALS_DIRECTORY".to_owned(), credentials(host, &files))
        }),
        ("a key file of the service manager and its password", &|host, path| {
            let key = fs::read(path).unwrap();
            // No wallet of this host has it.
            fs::remove_dir_all(host.path(".bittensor/wallets")).unwrap();
            let files = [("hotkey.sealed.h", key.as_slice()), ("wallet-password", FAST.1.as_bytes())];
            ("CREDENTIALS_DIRECTORY".to_owned(), credentials(host, &files))
        }),
    ];
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/wallets.json");
    let vectors: Value = serde_json::from_slice(&fs::read(vectors).unwrap()).unwrap();
    let wallet = vectors["wallets"].as_array().unwrap().iter().find(|wallet| wallet["id"] == FAST.0).unwrap();
    let address = wallet["files"][0]["expected"]["ss58"].as_str().unwrap();
    for (what, way) in ways {
        let host = Host::new();
        let path = as_hotkey(&host, FAST.0, "sealed");
        let (name, value) = way(&host, &path);
        let daemon = serve(&host, "sealed", &[(&name, &value)]);
        assert_eq!(served_as(&host, what), address, "{what}");
        assert!(!daemon.log().contains(FAST.1), "{what}");
        assert!(daemon.stop().success());
    }
}

#[test]
fn without_the_password_of_its_hotkey_btd_ends_and_says_so() {
    let host = Host::new();
    as_hotkey(&host, FAST.0, "sealed");
    let mut btd = host.btd(&["--network", "ws://127.0.0.1:9"]);
    let output = btd.envs(serving("sealed")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot start the axon") && said.contains("sealed/hotkeys/h"), "{said}");
    assert!(said.contains("a password is needed"), "{said}");
    assert!(said.contains("BT_WALLET_PASSWORD_FILE") && said.contains("the credential wallet-password"), "{said}");
}

#[test]
fn a_signer_may_be_a_service_of_its_own() {
    let host = Host::new();
    host.golden_wallet(FAST.0, "fast");
    let sockets = host.path("sockets");
    fs::create_dir(&sockets).unwrap();
    let signer = Command::new(binary("btd-signer"))
        .arg("--wallets")
        .arg(host.path(".bittensor/wallets"))
        .arg("--sockets")
        .arg(&sockets)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut signer = Bound(signer);
    let begin = || {
        let variables = [("BTD_KEYS__SIGNER_SOCKETS", sockets.to_str().unwrap())];
        host.start_with(&["--network", "ws://127.0.0.1:9"], &variables)
    };
    let daemon = begin();
    assert!(signer_of(&daemon).is_none(), "btd started a signer of its own");
    assert!(unlock(&host, "fast", FAST.1).status.success());
    assert!(sign(&host, "fast").status.success());
    assert!(daemon.stop().success());
    // It goes on without btd, and keeps nothing unlocked for the next.
    let daemon = begin();
    assert_eq!(state(&host, "fast"), "locked");
    assert!(daemon.stop().success());
    assert!(signer.0.try_wait().unwrap().is_none());
}

/// What a process has open, as its `/proc/PID/fd` names it; none where that may not be read.
fn open_files(pid: u32) -> Option<Vec<String>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let name =
        |entry: std::io::Result<fs::DirEntry>| Some(fs::read_link(entry.ok()?.path()).ok()?.display().to_string());
    Some(entries.filter_map(name).collect())
}

#[test]
fn a_socket_that_btd_was_left_open_is_not_the_signers() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // A copy that is not closed when another program is run.
    let leaked = rustix::io::dup(&listener).unwrap();
    let host = Host::new();
    let daemon = start(&host);
    drop(leaked);
    let (Some(btd), Some(signer)) =
        (open_files(daemon.pid()), open_files(signer_of(&daemon).expect("btd has no signer")))
    else {
        println!("only root can see what the two have open: not looked");
        return;
    };
    let address = listener.local_addr().unwrap();
    let inode = socket_of(address.port());
    assert!(btd.contains(&inode), "the socket was not inherited: this test sees nothing");
    assert!(!signer.contains(&inode), "{signer:?}");
    // Its three channels with btd, and nothing else that could be a network.
    let sockets: std::collections::BTreeSet<&String> =
        signer.iter().filter(|name| name.starts_with("socket:")).collect();
    assert_eq!(sockets.len(), 3, "{signer:?}");
    assert!(daemon.stop().success());
}

/// The listening socket at this port, as `/proc/PID/fd` names it.
fn socket_of(port: u16) -> String {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let line = table.lines().find(|line| line.contains(&format!(":{port:04X} 00000000:0000 0A"))).unwrap();
    format!("socket:[{}]", line.split_whitespace().nth(9).unwrap())
}

/// One call over TCP, with the token of the host's btd.
fn over_tcp(host: &Host, port: u16, method: &str, params: &Value) -> Value {
    use std::io::{Read, Write};
    let token = fs::read_to_string(host.path("state/btd/rpc.token")).unwrap();
    let body = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    serde_json::from_str(reply.split("\r\n\r\n").nth(1).unwrap()).unwrap_or_else(|_| panic!("{reply}"))
}

#[test]
fn words_are_never_told_over_tcp() {
    let host = Host::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let variables = [("BTD_RPC__TCP__LISTEN", listen.as_str()), ("BTD_RPC__TCP__RIGHTS", "read,spend")];
    let daemon = host.start_with(&["--network", "ws://127.0.0.1:9"], &variables);
    assert!(over_tcp(&host, port, "wallet_list", &serde_json::json!({}))["result"].is_object());
    for (method, params) in [
        ("wallet_create", serde_json::json!({ "wallet": "told", "hotkey": "h", "plain": true })),
        ("wallet_newColdkey", serde_json::json!({ "wallet": "told", "file": { "protection": "plain" } })),
        ("wallet_newHotkey", serde_json::json!({ "wallet": "told", "hotkey": "h", "file": { "protection": "plain" } })),
    ] {
        let reply = over_tcp(&host, port, method, &params);
        assert_eq!(reply["error"]["data"]["kind"], "PERMISSION_DENIED", "{method}: {reply}");
    }
    assert!(!host.path(".bittensor/wallets/told").exists());
    assert!(daemon.stop().success());
}

/// Of every method that signs for whoever may act with hotkeys alone: what it would spend beside its call is refused, and
/// the call itself is not.
#[test]
fn an_operator_spends_nothing_beside_what_its_hotkey_does() {
    let host = Host::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let daemon = host.start_with(&["--network", "ws://127.0.0.1:9"], &[("BTD_RPC__TCP__LISTEN", listen.as_str())]);
    let document = btd_tests::rpc::call(&host, "rpc_discover", &serde_json::json!({})).unwrap();
    let is_signing = |method: &&Value| {
        let mut params = method["params"].as_array().unwrap().iter();
        method["x-role"] == "operate" && params.any(|param| param["name"] == "announce_only")
    };
    let signing: Vec<&Value> = document["methods"].as_array().unwrap().iter().filter(is_signing).collect();
    assert_eq!(signing.len(), 8, "{signing:?}");
    for method in signing {
        let name = method["name"].as_str().unwrap();
        let given = method["examples"][0]["params"].as_array().unwrap();
        let given = given.iter().map(|param| (param["name"].as_str().unwrap().to_owned(), param["value"].clone()));
        let plain: serde_json::Map<String, Value> = given.collect();
        let refused = |params: serde_json::Map<String, Value>| {
            over_tcp(&host, port, name, &Value::Object(params))["error"]["data"].clone()
        };
        assert_ne!(refused(plain.clone())["kind"], "PERMISSION_DENIED", "{name}");
        for (parameter, value) in [("tip", "1".into()), ("announce_only", true.into()), ("proxy", BOB.into())] {
            let mut params = plain.clone();
            params.insert(parameter.to_owned(), value);
            let data = refused(params);
            let told = (&data["kind"], &data["parameter"], &data["needed"]);
            assert_eq!(told, (&"PERMISSION_DENIED".into(), &parameter.into(), &"spend".into()), "{name}: {data}");
        }
    }
    assert!(daemon.stop().success());
}
