//! Every command that signs, told by the real binaries on a development chain: what it prints, where
//! it prints it, how it ends, and what the chain has afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod acting;
mod stake;

use btd_tests::{Host, stage::Stage, terminal::Terminal, wait_for};
use serde_json::Value;

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
const CHARLIE: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";

#[test]
fn what_is_asked_of_what_is_not_there_is_no_empty_answer() {
    let stage = Stage::on_demand();
    for (words, said) in [
        ("wallet overview --wallet nope", "alice"),
        ("wallet overview --wallet alice -in zzz", "default"),
        ("wallet overview --wallet alice --hotkey zzz", "default"),
        ("wallet overview --hotkey zzz", "no wallet of this host has a hotkey `zzz`"),
        ("wallet overview --netuids 0,99", "99"),
        ("wallet inspect --wallet alice --netuids 1,99", "99"),
        ("wallet inspect --all --netuids 99", "99"),
        (&format!("wallet inspect --ss58 {ALICE} --netuids 99"), "99"),
        ("stake child get --wallet alice --netuid 99", "99"),
        ("lock list --wallet alice --netuid 99", "99"),
        (&format!("root get-take --hotkey {CHARLIE}"), CHARLIE),
    ] {
        let (code, error) = stage.refused(words);
        // What the chain has a name for ends as what it refuses.
        let expected = if ["99", CHARLIE].contains(&said) { 6 } else { 1 };
        assert_eq!((code, &error["kind"]), (expected, &"NOT_FOUND".into()), "{words}: {error}");
        assert!(error["message"].as_str().unwrap().contains(said), "{words}: {error}");
    }
    let charlie = format!("wallet overview --wallet alice --hotkey {CHARLIE}");
    assert!(stage.refused(&charlie).1["message"].as_str().unwrap().contains("has no hotkey"));
    stage.signed("subnets create --wallet alice");
    // A hotkey that the chain knows and that has no entry among the delegates has no take of its own.
    let take = |is_delegate: bool| {
        let told = stage.ask("root get-take --wallet alice");
        assert_eq!((&told["is_delegate"], &told["take"]), (&is_delegate.into(), &"0.179995422".into()), "{told}");
    };
    take(false);
    // Nothing is traded where nothing is started, whatever the amount and the limit.
    for amount in ["0.001", "900", "1"] {
        let error =
            stage.foreseen(&format!("stake add --netuid 2 --amount {amount} --wallet alice"), "SubtokenDisabled");
        assert_eq!(error["data"]["class"], "subtoken_disabled", "{error}");
    }
    // Nor whatever there is to sell, but for what is sold at a limit.
    for trade in ["remove --netuid 2 --unsafe", "swap --origin-netuid 2 --dest-netuid 0"] {
        stage.foreseen(&format!("stake {trade} --amount 900 --wallet alice"), "SubtokenDisabled");
    }
    wait_for("the overview to have the neuron", || {
        let overview = stage.ask("wallet overview --wallet alice --hotkey default --netuids 2");
        (overview["neurons"][0]["netuid"] == 2).then_some(())
    });

    // A hotkey is named by its slot too, wherever the lists have blanks.
    let plan = |words: &[&str]| {
        let words = [words, &["--wallet", "bob", "--dry-run"]].concat();
        stage.host.ask(&words)["plan"]["arguments"].to_string()
    };
    stage.signed("root register --wallet alice");
    take(true);
    assert!(plan(&["stake", "add", "--netuid", "0", "--uid", "0", "--amount", "1"]).contains(ALICE));
    stage.signed(&format!("stake add --netuid 0 --hotkey {ALICE} --amount 2 --wallet bob"));
    assert!(plan(&["stake", "remove", "--netuid", "0", "--uid", "0", "--amount", "1"]).contains(ALICE));
    assert_eq!(stage.refused("stake remove --netuid 0 --uid 7 --all --wallet bob").0, 1);
    assert_eq!(stage.refused("stake add --netuid 0,2 --uid 0 --amount 1 --wallet bob").0, 2);
    stage.signed("root register --wallet bob");
    let several = format!("{ALICE}, default");
    let both = plan(&["stake", "add", "--netuids", "0, 0", "--include-hotkeys", &several, "--amount", "1"]);
    assert!(both.contains(ALICE) && both.contains(BOB), "{both}");
}

#[test]
fn a_subnet_is_created_started_staked_on_and_tuned() {
    let stage = Stage::set();
    let created = stage.signed("subnets create --wallet alice --subnet-name two --repo https://example.org");
    assert_eq!(created["netuid"], 2);
    assert_eq!(stage.ask("subnets get-identity 2")["identity"]["subnet_name"], "two");
    // What is left out of a change stays as it is, and what is emptied is cleared.
    stage.signed("subnets set-identity 2 --description second --wallet alice");
    let said = stage.ask("subnets get-identity 2")["identity"].clone();
    let fields = ["subnet_name", "github_repo", "description"].map(|name| said[name].as_str().unwrap());
    assert_eq!(fields, ["two", "https://example.org", "second"]);
    let cleared = stage.signed("subnets set-identity 2 --repo= --wallet alice");
    assert!(cleared["plan"]["effects"].to_string().contains("github_repo is cleared"), "{cleared}");
    let said = stage.ask("subnets get-identity 2")["identity"].clone();
    assert_eq!((&said["subnet_name"], &said["github_repo"]), (&"two".into(), &"".into()));

    // Nothing is staked on it before it is started, and only its owner starts it, once.
    let (code, error) = stage.refused("stake add --netuid 2 --amount 1 --wallet alice");
    assert_eq!(
        (code, &error["data"]["class"], &error["data"]["error"]),
        (6, &"subtoken_disabled".into(), &"SubtokenDisabled".into())
    );
    assert_eq!(stage.refused("subnets start 2 --wallet bob").1["data"]["class"], "not_authorized");
    stage.signed("subnets start 2 --wallet alice");
    assert_eq!(stage.refused("subnets start 2 --wallet alice").1["data"]["class"], "already_exists");
    assert!(stage.ask("subnets check-start 2")["started_at"].is_number());

    // A trade beyond its own limit is refused before anything is signed; a small one does what it says.
    let (code, error) = stage.refused("stake add --netuid 2 --amount 100 --wallet alice");
    assert_eq!((code, &error["data"]["class"]), (6, &"insufficient_liquidity".into()));
    let added = stage.signed(&format!("stake add --netuid 2 --amount 10 --tolerance 5% --hotkey {ALICE} --wallet bob"));
    assert_eq!(added["plan"]["call"], "SubtensorModule.add_stake_limit");
    Stage::event(&added, "StakeAdded");
    let position = |wallet: &str| {
        let stakes = stage.ask(&format!("stake list --wallet {wallet}"));
        let positions = stakes["positions"].as_array().unwrap().clone();
        let sum = positions.iter().filter(|position| position["netuid"] == 2);
        sum.map(|position| position["stake"].as_str().unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    let staked = position("bob");
    assert!((9_000_000_000..10_000_000_000).contains(&staked), "{staked}");
    stage.signed(&format!("stake remove --netuid 2 --amount 2 --tolerance 5% --hotkey {ALICE} --wallet bob"));
    assert!(position("bob").abs_diff(staked - 2_000_000_000) < 1_000_000);
    stage.signed(&format!("stake transfer --origin-netuid 2 --dest alice --amount 1 --hotkey {ALICE} --wallet bob"));
    assert!(position("alice") > 900_000_000);
    // A name that the address book has too, for somebody else, is neither's until it is said whose.
    stage.ask(&format!("addr add alice {BOB}"));
    let give =
        |dest: &str| format!("stake transfer --origin-netuid 2 --dest {dest} --amount 0.1 --wallet bob --dry-run");
    let (code, error) = stage.refused(&format!("{} --hotkey {ALICE}", give("alice")));
    assert!(code == 2 && error["message"].as_str().unwrap().contains("`@alice`"), "{code}: {error}");
    stage.ask(&format!("addr add alice {ALICE} --overwrite"));
    stage.ask(&format!("{} --hotkey {ALICE}", give("alice")));
    stage.ask(&format!("{} --hotkey {ALICE}", give("@alice")));
    stage.ask("addr remove alice");
    let error = stage.refused(&format!("stake remove --netuid 2 --amount 500 --hotkey {ALICE} --wallet bob")).1;
    assert_eq!(error["data"]["error"], "NotEnoughStakeToWithdraw");
    // All of it leaves with what is earned until then, with a limit or without; unless a part may stay.
    let whole = format!("stake remove --netuid 2 --all --hotkey {ALICE} --wallet bob");
    let plan = |terms: &str| stage.ask(&format!("{whole} {terms} --dry-run"))["plan"].clone();
    assert_eq!(plan("--unsafe")["call"], "SubtensorModule.remove_stake_full_limit");
    let partial = plan("--partial");
    assert_eq!(partial["call"], "SubtensorModule.remove_stake_limit");
    assert!(partial["effects"].to_string().contains("until then stays there"), "{partial}");
    stage.signed(&format!("{whole} --tolerance 5%"));
    assert_eq!(position("bob"), 0);

    // Who inherits on every subnet at once.
    let everywhere = stage.signed(&format!(
        "stake child set --all-netuids --children {BOB} --proportions 0.5 --hotkey {ALICE} --wallet alice"
    ));
    assert_eq!(everywhere["plan"]["call"], "Utility.batch_all");
    let families = stage.ask(&format!("stake child get --hotkey {ALICE} --wallet alice"));
    let netuids: Vec<&Value> = families["subnets"].as_array().unwrap().iter().map(|family| &family["netuid"]).collect();
    assert_eq!(netuids, [1, 2]);

    // Hyperparameters: as the owner, as root, and with values of both notations.
    stage.signed("sudo set --netuid 2 --param min_burn --value 0.01 --wallet alice");
    assert_eq!(
        stage.refused("sudo set --netuid 2 --param kappa --value 0.6 --wallet alice").1["data"]["class"],
        "not_authorized"
    );
    stage.signed("sudo set --netuid 2 --param kappa --value 0.6 --wallet alice --root");
    stage.signed("sudo set --netuid 2 --param burn_increase_mult --value 1.5 --wallet alice");
    let hyperparameters = stage.ask("sudo get 2");
    let value = |name: &str| {
        let list = hyperparameters["hyperparameters"].as_array().unwrap();
        list.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!(value("kappa")["value"], 39_321);
    assert_eq!(value("min_burn")["human"], "τ0.010000000");
    assert_eq!(value("burn_increase_mult")["value"], 1.5);
    let one = stage.ask("sudo get 2 --name kappa");
    assert_eq!(one["hyperparameters"].as_array().unwrap(), &[value("kappa")]);
    let (code, error) = stage.refused("sudo set --netuid 2 --param kapa --value 1 --wallet alice");
    assert_eq!((code, &error["kind"], &error["data"]["parameter"]), (2, &"INVALID_PARAMS".into(), &"name".into()));
    let near = "this runtime (spec 425) has no call AdminUtils.sudo_set_kapa, the nearest is AdminUtils.sudo_set_kappa";
    assert!(error["message"].as_str().unwrap().contains(near), "{error}");
    // By the chain's own name for what sets it, and as bittensor 11 names it.
    let threshold =
        stage.signed("sudo set --netuid 2 --param sudo_set_root_claim_threshold --value 700 --wallet alice");
    assert_eq!(threshold["plan"]["call"], "SubtensorModule.sudo_set_root_claim_threshold");
    let emission =
        stage.ask("hparams set --netuid 2 --name subnet_emission_enabled --value true --wallet alice --root --dry-run");
    assert_eq!(emission["plan"]["summary"], "Set subnet_emission_enabled of subnet 2 to true");
    for name in ["mechanism_count", "tx_rate_limit"] {
        let (_, error) = stage.refused(&format!("sudo set --netuid 2 --param {name} --value 1 --wallet alice"));
        assert_eq!(error["data"]["parameter"], "name", "{error}");
    }

    // Children are set once in 150 blocks.
    stage.mine(150);
    let revoked = stage.ask(&format!("stake child revoke --all-netuids --hotkey {ALICE} --wallet alice --dry-run"));
    assert_eq!(revoked["plan"]["arguments"]["calls"].as_array().unwrap().len(), 2);
}

#[test]
fn weights_are_set_openly_or_committed_and_revealed() {
    let stage = Stage::set();
    stage.signed("subnets create --wallet alice");
    let (_, error) = stage.refused("weights set --netuid 2 --uids 0 --weights 1 --wallet alice");
    assert_eq!(error["data"]["error"], "CommitRevealEnabled");
    let (_, error) = stage.refused("weights commit --netuid 2 --uids 0 --weights 1 --wallet alice");
    assert_eq!(error["data"]["class"], "rate_limited");
    stage.signed("sudo set --netuid 2 --param weights_rate_limit --value 0 --wallet alice --root");
    let committed = stage.signed("weights commit --netuid 2 --uids 0 --weights 1 --salt 1,2,3 --wallet alice");
    let standing = stage.ask("weights show 2 --wallet alice");
    assert_eq!(standing["commits"][0]["hash"], committed["commit_hash"]);
    // A repetition by its key is answered with the first receipt and the first salt, also where btd drew that.
    let drawn =
        "weights commit --netuid 2 --uids 0 --weights 0.3333333333333333 --wallet alice --idempotency-key drawn";
    let first = stage.signed(drawn);
    let planned = stage.ask(&format!("{drawn} --dry-run"));
    assert_eq!((&planned["salt"], &planned["commit_hash"]), (&first["salt"], &first["commit_hash"]), "{planned}");
    let again = stage.ask(&format!("{drawn} --yes"));
    assert_eq!((&again["salt"], &again["outcome"]), (&first["salt"], &first["outcome"]), "{again}");
    let (_, error) = stage.refused(&drawn.replace("--uids 0", "--uids 1"));
    assert_eq!(error["kind"], "DUPLICATE_INTENT", "{error}");
    let (_, error) = stage.refused("weights reveal --netuid 2 --uids 0 --weights 1 --salt 1,2,4 --wallet alice");
    assert_eq!(error["data"]["class"], "not_found");
    stage.signed("sudo set --netuid 2 --param commit_reveal_weights_enabled --value false --wallet alice");
    stage.signed("weights set --netuid 2 --uids 0 --weights 0.7 --wallet alice");
    assert_eq!(stage.ask("weights show 2 --wallet alice")["weights"][0]["weight"], 65_535);
    assert_eq!(
        stage.refused("weights set --netuid 2 --uids 7 --weights 1 --wallet alice").1["data"]["error"],
        "UidVecContainInvalidOne"
    );
}

#[test]
fn what_the_runtime_lacks_is_said_with_what_took_its_place() {
    let stage = Stage::set();
    let (code, error) = stage.refused("root weights --netuids 1 --weights 1 --wallet alice");
    assert_eq!((code, &error["kind"]), (1, &"NOT_ON_THIS_RUNTIME".into()));
    assert!(error["data"]["instead"].as_str().unwrap().contains("stake add"), "{error}");
    // The development chain has a senate all the same, which votes on nothing.
    let proposal = "11".repeat(32);
    let (code, error) = stage.refused(&format!("root senate-vote --proposal 0x{proposal} --vote-aye --wallet alice"));
    assert_eq!((code, &error["data"]["error"]), (6, &"ProposalMissing".into()));
}

#[test]
fn what_is_signed_can_be_looked_up_followed_and_waited_for_in_every_way() {
    let stage = Stage::set();
    for (wait, state) in [("none", "recorded"), ("submitted", "submitted"), ("finalized", "finalized")] {
        let sent = stage.ask(&format!("wallet transfer --dest {BOB} --amount 1 --wallet alice --yes --wait {wait}"));
        assert_eq!(sent["outcome"]["state"], state, "{wait}");
        let hash = sent["outcome"]["extrinsic"].as_str().unwrap().to_owned();
        let followed = stage.ask(&format!("tx follow {hash}"));
        assert_eq!(followed["outcome"]["state"], "finalized");
        let shown = stage.ask(&format!("tx show {hash}"));
        assert_eq!(
            (&shown["state"], &shown["plan"]["call"]),
            (&"succeeded".into(), &"Balances.transfer_keep_alive".into())
        );
    }
    // A development chain's blocks are final at once, so a block of either kind ends the waiting.
    let sent = stage.ask(&format!(
        "wallet transfer --dest {BOB} --amount 1 --wallet alice --yes --wait in-block --tip 0.001 --era 8"
    ));
    assert!(["in-block", "finalized"].contains(&sent["outcome"]["state"].as_str().unwrap()), "{sent}");
    let listed = stage.ask("tx list --limit 2");
    assert_eq!(listed["entries"].as_array().unwrap().len(), 2);
    assert_eq!(stage.ask("tx list --pending")["entries"].as_array().unwrap().len(), 0);
    let unknown = format!("tx show 0x{}", "11".repeat(32));
    let (_, text) = stage.host.refused(&unknown.split(' ').collect::<Vec<_>>());
    assert!(text.contains("has not signed"), "{text}");
}

/// What each kind of trouble prints, and how it ends, with and without `--json`.
#[test]
fn trouble_has_one_form_whatever_the_command() {
    let commands = [
        "wallet transfer --dest 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --amount 1",
        "stake add --netuid 0 --amount 1",
        "subnets create",
        "sudo set --netuid 1 --param tempo --value 400",
        "proxy add --delegate 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
        "root register",
        "weights set --netuid 1 --uids 0 --weights 1",
        "wallet set-identity --id-name x",
    ];
    let host = Host::new();
    let each = |host: &Host, wallet: &str, code: i32, kind: &str, words: &str| {
        for command in commands {
            let arguments: Vec<&str> = command.split(' ').chain(["--wallet", wallet, "--yes"]).collect();
            let (plain_code, plain) = host.refused(&arguments);
            let (json_code, json) = host.refused(&[&arguments[..], &["--json"]].concat());
            let document: Value =
                serde_json::from_str(&json).unwrap_or_else(|error| panic!("{command}: {error}: {json}"));
            assert_eq!((plain_code, json_code), (code, code), "{command}: {plain}");
            assert_eq!(document["error"]["kind"], kind, "{command}: {json}");
            assert!(plain.starts_with("error: ") && plain.contains(words), "{command}: {plain}");
        }
    };
    each(&host, "alice", 3, "DAEMON_UNREACHABLE", "btd does not answer");

    // A chain that nobody answers for.
    let daemon = host.start_alone(&["--network", "ws://127.0.0.1:9"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    each(&host, "alice", 8, "CHAIN_UNAVAILABLE", "out of reach");
    assert!(daemon.stop().success());

    let daemon = host.start(&["--network", "devnet", "--block-time", "100ms"]);
    each(&host, "nobody", 1, "NOT_FOUND", "nobody");
    assert!(daemon.stop().success());
}

#[test]
fn the_past_is_read_on_and_the_list_of_subnets_is_that_of_any_block() {
    let stage = Stage::set();
    let before = stage.ask("chain")["finalized"]["number"].as_u64().unwrap();
    stage.signed("subnets create --wallet alice --subnet-name two");
    stage.signed("subnets register 1 --wallet bob");
    let created = stage.signed("subnets create --wallet bob --subnet-name three");
    let after = created["outcome"]["block"]["number"].as_u64().unwrap();
    let names = |words: &str| {
        let list = stage.ask(words);
        let subnets = list["subnets"].as_array().unwrap();
        let names: Vec<String> = subnets.iter().map(|subnet| subnet["name"].as_str().unwrap().to_owned()).collect();
        (names, subnets[1].clone())
    };
    let cost = stage.ask(&format!("subnets registration-cost 1 --block {before}"))["cost"].clone();
    let (then, apex) = names(&format!("subnets list --block {before}"));
    assert_eq!((then.len(), &apex["neurons"], &apex["burn"]), (2, &1.into(), &cost));
    let (now, apex) = names(&format!("subnets list --block {after}"));
    assert_eq!(now[2..], ["two", "three"]);
    assert_eq!(apex["neurons"], 2);

    // What was signed is read in pages, none of it twice and none left out.
    let all = stage.ask("tx list")["entries"].as_array().unwrap().clone();
    let mut read = Vec::new();
    let mut page = stage.ask("tx list --limit 2");
    loop {
        read.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_i64() else { break };
        page = stage.ask(&format!("tx list --limit 2 --before {next}"));
    }
    assert_eq!((read.len(), &read), (3, &all));
}

#[test]
fn whoever_was_asked_is_told_the_command_that_asks_nothing() {
    let stage = Stage::set();
    let mut terminal =
        Terminal::btctl(&stage.host, &["wallet", "transfer", "--wallet", "alice", "--dest", BOB, "--amount", "2"]);
    terminal.wait_for("Sign and send it? [y/N]");
    terminal.press("y\r");
    let command = format!("btctl wallet transfer --wallet alice --dest {BOB} --amount 2 --yes");
    terminal.wait_for(&format!("hint: the same without a question: {command}"));
    assert_eq!(terminal.end(), 0);
    // It does the same.
    stage.ask(command.trim_start_matches("btctl "));
    assert_eq!(stage.ask("tx list")["entries"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_text_of_an_identity_stays_byte_for_byte() {
    // SubtensorModule.SubnetIdentitiesV3 of subnet 2.
    const SAID: &str =
        "0x658faa385070e074c85bf6b568cf0555c7cb9786b286b680ca204a6c0920ee52c32850a5b8381e5d972daa28282a16350200";
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    // A name that is no UTF-8, and seven fields that say nothing.
    stage.ask(&format!("devnet set-storage {SAID}=0x0cff00fe{}", "00".repeat(7)));
    let changed = stage.signed("subnets set-identity 2 --description second --wallet alice");
    let said = &changed["plan"]["arguments"];
    assert_eq!([&said["subnet_name"], &said["description"]], ["0xff00fe", "0x7365636f6e64"], "{changed}");
}
