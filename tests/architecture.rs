//! The rules of the house, checked: which crate may know which, and which file may name what.
//!
//! Crate rules are read from `cargo metadata`, file rules from the sources themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Package ids and names, and for each package the packages that it links (dev-dependencies left out).
struct Graph {
    names: BTreeMap<String, String>,
    links: BTreeMap<String, Vec<String>>,
}

impl Graph {
    fn read() -> Self {
        let metadata = metadata();
        let names = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| (p["id"].as_str().unwrap().to_owned(), p["name"].as_str().unwrap().to_owned()))
            .collect();
        let links = metadata["resolve"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| {
                let linked = node["deps"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|dep| dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"] != "dev"))
                    .map(|dep| dep["pkg"].as_str().unwrap().to_owned())
                    .collect();
                (node["id"].as_str().unwrap().to_owned(), linked)
            })
            .collect();
        Self { names, links }
    }

    fn id(&self, name: &str) -> &str {
        self.names.iter().find(|(_, n)| *n == name).map(|(id, _)| id.as_str()).expect(name)
    }

    /// Names of all packages that `name` links, itself left out.
    fn closure(&self, name: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![self.id(name)];
        while let Some(id) = open.pop() {
            for next in &self.links[id] {
                if seen.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        seen.into_iter().map(|id| self.names[id].as_str()).collect()
    }

    /// Names of our own packages that `name` links directly.
    fn ours(&self, name: &str) -> BTreeSet<&str> {
        self.links[self.id(name)]
            .iter()
            .map(|id| self.names[id].as_str())
            .filter(|name| name.starts_with("btd") || *name == "btctl")
            .collect()
    }
}

#[test]
fn the_client_links_nothing_of_the_chain() {
    let graph = Graph::read();
    let linked = graph.closure("btctl");
    let forbidden = |name: &&&str| {
        name.starts_with("sp-")
            || name.starts_with("subxt")
            || name.starts_with("frame-")
            || name.starts_with("burn")
            || ["schnorrkel", "sled", "quinn", "h3", "rusqlite", "btd", "btd-chain", "btd-keys", "btd-signer"]
                .contains(*name)
    };
    let found: Vec<_> = linked.iter().filter(forbidden).collect();
    assert!(found.is_empty(), "btctl links {found:?}");
}

#[test]
fn the_client_stays_small() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "btctl", "--edges", "normal", "--prefix", "none", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let crates: BTreeSet<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    println!("btctl links {} crates", crates.len());
    assert!(crates.len() <= 160, "btctl links {} crates; 160 is the ceiling", crates.len());
}

/// Crates that `package` links, by `cargo tree`, which heeds features and targets.
fn tree(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--locked", "--offline"])
        .args(["--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

#[test]
fn the_signer_links_no_network_and_stays_small() {
    let crates = tree("btd-signer");
    println!("btd-signer links {} crates", crates.len());
    for network in
        ["sp-core", "tokio", "mio", "socket2", "hyper", "jsonrpsee", "quinn", "rustls", "subxt", "h3", "reqwest"]
    {
        assert!(!crates.contains(network), "btd-signer links {network}");
    }
    for store in ["sled", "rusqlite", "tracing-subscriber", "clap", "btd", "btd-chain"] {
        assert!(!crates.contains(store), "btd-signer links {store}");
    }
    assert!(crates.len() <= 100, "btd-signer links {} crates; 100 is the ceiling", crates.len());
}

#[test]
fn the_daemon_names_no_secret() {
    // It has the protocol's public types; keys, key files and custody are in the signer's process.
    only_in("daemon/src", "btd_keys", &["/tests", "/custody/tests"]);
    only_in("daemon/src", "btd_signer::", &["/custody/tests"]);
    let protocol = fs::read_to_string(root().join("daemon/signer/protocol/src/lib.rs")).unwrap();
    for secret in ["KeyPair", "KeyFile,", "Mnemonic", "Seed", "Password", "WalletStore", "Key,"] {
        let line = code(&protocol).find(|line| line.split_whitespace().any(|word| word == secret));
        assert!(line.is_none(), "the protocol passes on `{secret}`: {}", line.unwrap_or_default());
    }
    // Types of requests that sign or reveal, where they are asked and nowhere else.
    only_in("daemon/src", "SignExtrinsic", &["/submit/signer.rs"]);
    only_in("daemon/src", "SignText", &["/rpc/wallet.rs"]);
    only_in("daemon/src", "OpenSealed", &["/rpc/wallet/keyfiles.rs"]);
    only_in("daemon/src", "SignSynapse", &["/custody.rs"]);
    for home in ["src/axon", "src/dendrite", "src/weights", "src/metagraph"] {
        for (name, text) in sources("daemon/src").into_iter().filter(|(name, _)| name.contains(home)) {
            let line = code(&text).find(|line| line.contains("Custody"));
            assert!(line.is_none(), "{name} has the keys' own handle: {}", line.unwrap_or_default());
        }
    }
}

#[test]
fn crates_know_only_whom_they_may() {
    let graph = Graph::read();
    let allowed: [(&str, &[&str]); 12] = [
        ("btd-api", &[]),
        ("btd-chain", &["btd-api"]),
        ("btd-keys", &["btd-api"]),
        ("btd-signer-protocol", &["btd-api", "btd-keys"]),
        ("btd-signer", &["btd-api", "btd-keys", "btd-signer-protocol"]),
        ("btd-wire", &["btd-api"]),
        ("btd-tensor", &["btd-api"]),
        ("btd-pow", &["btd-api"]),
        ("btd-devnet-runtime", &[]),
        ("btd-devnet", &["btd-devnet-runtime"]),
        ("btctl", &["btd-api"]),
        ("btd", &["btd-api", "btd-chain", "btd-devnet", "btd-pow", "btd-signer-protocol", "btd-tensor", "btd-wire"]),
    ];
    for (name, may) in allowed {
        let extra: Vec<_> = graph.ours(name).into_iter().filter(|other| !may.contains(other)).collect();
        assert!(extra.is_empty(), "{name} may not know {extra:?}");
    }
}

#[test]
fn there_is_one_copy_of_each_heavy_crate() {
    let graph = Graph::read();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in graph.names.values() {
        *count.entry(name).or_default() += 1;
    }
    let twice: Vec<_> = count
        .into_iter()
        .filter(|(name, n)| {
            *n > 1
                && (name.starts_with("sp-")
                    || name.starts_with("frame-")
                    || name.starts_with("pallet-")
                    || name.starts_with("jsonrpsee")
                    || name.starts_with("subxt")
                    || name.starts_with("burn")
                    || ["rustls", "tokio", "hyper", "quinn", "schnorrkel", "bip39", "sled", "serde"].contains(name))
        })
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn no_dependency_is_a_prerelease() {
    let metadata = metadata();
    let ours = metadata["workspace_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    for member in packages.iter().filter(|p| ours.contains(&p["id"])) {
        for dependency in member["dependencies"].as_array().unwrap() {
            let wanted = dependency["req"].as_str().unwrap();
            assert!(!wanted.contains('-'), "{} wants {} {wanted}", member["name"], dependency["name"]);
        }
    }
}

/// Every Rust source below `dir`, with its text.
fn sources(dir: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(dir)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The lines of `text` that are code: comments and everything from the first test module on left out.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]").filter(|line| !line.trim_start().starts_with("//"))
}

/// Asserts that `word` stands only in those files of `dir` whose path contains one of `homes`.
fn only_in(dir: &str, word: &str, homes: &[&str]) {
    for (name, text) in sources(dir) {
        if name.ends_with("tests.rs") || homes.iter().any(|home| name.contains(home)) {
            continue;
        }
        let line = code(&text).find(|line| line.contains(word));
        assert!(line.is_none(), "{name} names `{word}`: {}", line.unwrap_or_default());
    }
}

#[test]
fn each_library_has_one_home_in_the_daemon() {
    only_in("daemon/src", "sled::", &["/cache"]);
    only_in("daemon/src", "rusqlite::", &["/journal", "/ledger"]);
    only_in("daemon/src", "quinn::", &["/quic"]);
    only_in("daemon/src", "h3::", &["/quic"]);
    only_in("daemon/src", "jsonrpsee::", &["/rpc"]);
    only_in("daemon/src", "burn::", &[]);
    only_in("daemon/src", "memmap2::", &["/gathering"]);
    only_in("daemon/src", "soketto::", &["/rpc"]);
    only_in("daemon/src", "subxt::", &[]);
    only_in("daemon/src", "scale_", &[]);
}

#[test]
fn inner_modules_do_not_know_the_edge() {
    for home in ["axon", "dendrite", "metagraph", "cache", "journal", "ledger", "submit"] {
        for (name, text) in sources("daemon/src") {
            if name.contains(&format!("src/{home}")) {
                let line = code(&text).find(|line| line.contains("crate::rpc"));
                assert!(line.is_none(), "{name} knows the edge: {}", line.unwrap_or_default());
            }
        }
    }
    for (name, text) in sources("daemon/src").into_iter().filter(|(name, _)| name.contains("src/axon")) {
        let line = code(&text).find(|line| line.contains("btd_chain"));
        assert!(line.is_none(), "{name} touches the chain: {}", line.unwrap_or_default());
    }
}

#[test]
fn only_submit_signs_and_sends_extrinsics() {
    // The journal prepares statements, not extrinsics; the tests of the metagraph are their own operators.
    only_in("daemon/src", ".prepare(", &["/submit", "/journal", "/metagraph/tests/"]);
}

#[test]
fn the_environment_and_the_process_have_one_reader() {
    // Storms and fuzzers are told their size by whoever runs them.
    only_in("daemon/src", "std::env", &["/config", "/main.rs", "/axon/tests/"]);
    only_in("daemon/src", "process::exit", &["/main.rs"]);
    only_in("client/src", "println!", &["/output"]);
    only_in("client/src", "process::exit", &["/main.rs"]);
}

#[test]
fn unsafe_code_is_nowhere() {
    for dir in ["daemon", "client/src"] {
        for (name, text) in sources(dir) {
            let line = code(&text).find(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
            assert!(line.is_none(), "{name}: {}", line.unwrap_or_default());
        }
    }
}

#[test]
fn every_source_says_what_it_is_for() {
    let silent: Vec<_> = ["daemon", "client", "tests"]
        .into_iter()
        .flat_map(sources)
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "without a `//!` at the head: {silent:?}");
}
