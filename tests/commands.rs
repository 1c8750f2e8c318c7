//! Every command that signs, told by the real binaries on a development chain: what it prints, where
//! it prints it, how it ends, and what the chain has afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used)]

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
        assert_eq!((code, &error["kind"]), (1, &"NOT_FOUND".into()), "{words}: {error}");
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
    // Nor whatever there is to sell.
    for trade in ["remove --netuid 2", "swap --origin-netuid 2 --dest-netuid 0"] {
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
fn proxies_and_multisigs_act_for_others_and_their_failures_count() {
    let stage = Stage::set();
    stage.signed("root register --wallet alice");
    stage.signed(&format!("proxy add --delegate {BOB} --proxy-type Staking --wallet alice"));
    assert_eq!(stage.ask("proxy list --wallet alice")["proxies"][0]["proxy_type"], "Staking");
    let staked =
        stage.signed(&format!("stake add --netuid 0 --amount 1 --hotkey {ALICE} --wallet bob --proxy {ALICE}"));
    assert_eq!(staked["plan"]["call"], "Proxy.proxy");
    assert_eq!(stage.ask("stake list --wallet alice")["positions"][0]["netuid"], 0);
    stage.signed("proxy remove --all --wallet alice");

    // What was announced with its call is made by the hash alone, or by none, once its time has come.
    stage.signed(&format!("proxy add --delegate {BOB} --delay 3 --wallet alice"));
    let call = |rao: u64| {
        format!(r#"{{"pallet":"Balances","call":"transfer_keep_alive","args":{{"dest":"{CHARLIE}","value":"{rao}"}}}}"#)
    };
    stage.signed(&format!("proxy announce --real {ALICE} --call {} --wallet bob", call(1_000_000_000)));
    let announced = stage.ask("proxy list --wallet bob")["announced"][0].clone();
    assert_eq!((&announced["call"], &announced["real"]), (&"Balances.transfer_keep_alive".into(), &ALICE.into()));
    let hash = announced["call_hash"].as_str().unwrap();
    let ready = announced["executable_from"].as_u64().unwrap();
    assert_eq!(ready, announced["announced_at"].as_u64().unwrap() + 3);
    let (_, error) = stage.refused(&format!("proxy execute --real {BOB} --wallet bob"));
    assert_eq!(error["data"]["error"], "Unannounced");
    let due = |ready: u64| {
        wait_for("the delay to pass", || {
            let block = stage.ask("proxy list --wallet bob")["at"]["number"].as_u64().unwrap();
            (block >= ready).then_some(())
        });
    };
    due(ready);
    let other = format!("0x{}", "11".repeat(32));
    let (_, error) = stage.refused(&format!("proxy execute --real {ALICE} --call-hash {other} --wallet bob"));
    assert_eq!(error["data"]["error"], "Unannounced");
    let wrong = format!("proxy execute --real {ALICE} --call-hash {hash} --call-hex 0x000000 --wallet bob");
    assert_eq!(stage.refused(&wrong).1["data"]["parameter"], "call_hash");
    let made = stage.signed(&format!("proxy execute --real {ALICE} --call-hash {hash} --wallet bob"));
    assert_eq!(made["plan"]["call"], "Proxy.proxy_announced");
    assert_eq!(stage.ask("proxy list --wallet bob")["announced"].as_array().unwrap().len(), 0);
    // `System.remark` of nothing is two indices and a length, all zero: announced by its hash, it is made by its bytes.
    let remark = "0xab29e6dc16755d0071eba349ebda225d15e4f910cb474549c47e95cb85ecc4d6";
    stage.signed(&format!("proxy announce --real {ALICE} --call-hash {remark} --wallet bob"));
    let announced = stage.ask("proxy list --wallet bob")["announced"][0].clone();
    assert_eq!(announced["call"], Value::Null);
    due(announced["executable_from"].as_u64().unwrap());
    let (code, error) = stage.refused(&format!("proxy execute --real {ALICE} --wallet bob"));
    assert_eq!((code, &error["data"]["parameter"]), (2, &"call".into()), "{error}");
    assert!(error["message"].as_str().unwrap().contains("say the call itself by `--call`"), "{error}");
    stage.signed(&format!("proxy execute --real {ALICE} --call-hex 0x000000 --wallet bob"));
    // What any other command would do is announced in its place, and made as it was drawn up then.
    let later = format!("wallet transfer --dest {CHARLIE} --amount 1 --wallet bob --proxy {ALICE} --announce-only");
    let announced = stage.signed(&later);
    assert_eq!((&announced["plan"]["call"], &announced["plan"]["signer"]), (&"Proxy.announce".into(), &BOB.into()));
    let waiting = stage.ask("proxy list --wallet bob")["announced"][0].clone();
    assert_eq!(waiting["call"], "Balances.transfer_keep_alive");
    // Whichever key of the wallet announced it, the command that is told makes it.
    let hash = waiting["call_hash"].as_str().unwrap();
    let execute = format!("proxy execute --real {ALICE} --delegate {BOB} --call-hash {hash}");
    assert!(announced["plan"]["effects"].to_string().contains(&format!("`btctl {execute}`")), "{announced}");
    // Two equal ones would be made in one.
    let (code, error) = stage.refused(&later);
    assert_eq!((code, &error["data"]["class"]), (6, &"too_early".into()), "{error}");
    assert!(error["message"].as_str().unwrap().contains("made once"), "{error}");
    // When the first can be made, and by what, is the remedy.
    let remedy = error["data"]["remedy"].as_str().unwrap();
    let from = format!("from block {} on", waiting["executable_from"]);
    assert!(remedy.contains(&from) && remedy.contains(&format!("`btctl {execute}`")), "{error}");
    due(waiting["executable_from"].as_u64().unwrap());
    let made = stage.signed(&format!("{execute} --wallet bob"));
    assert_eq!(made["plan"]["arguments"]["call"]["Balances"]["transfer_keep_alive"]["value"], "1000000000");
    // The proxy's own call succeeds, the call inside it does not: that is a failure.
    stage.signed(&format!("proxy announce --real {ALICE} --call {} --wallet bob", call(u64::MAX)));
    due(stage.ask("proxy list --wallet bob")["announced"][0]["executable_from"].as_u64().unwrap());
    let (code, error) = stage.refused(&format!("proxy execute --real {ALICE} --wallet bob"));
    assert_eq!((code, &error["kind"]), (6, &"DISPATCH_FAILED".into()));
    stage.signed("proxy remove --all --wallet alice");

    let account =
        stage.ask(&format!("multisig address --signatories {ALICE},{BOB}"))["account"].as_str().unwrap().to_owned();
    stage.signed(&format!("wallet transfer --dest {account} --amount 5 --wallet alice"));
    let call = format!(
        r#"{{"pallet":"Balances","call":"transfer_keep_alive","args":{{"dest":"{CHARLIE}","value":"1000000000"}}}}"#
    );
    let free = |address: &str| {
        let rows = stage.ask(&format!("wallet balance {address}"));
        rows["rows"][0]["free"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let before = free(CHARLIE);
    stage.signed(&format!("multisig propose --signatories {ALICE},{BOB} --call {call} --wallet alice"));
    assert_eq!(stage.ask(&format!("multisig list --signatories {ALICE},{BOB}"))["proposals"][0]["depositor"], ALICE);
    assert_eq!(free(CHARLIE), before);
    let of_one = format!("multisig approve --signatories {ALICE},{BOB} --threshold 1 --call {call} --wallet bob");
    assert_eq!(stage.refused(&of_one).1["data"]["parameter"], "threshold");
    stage.signed(&format!("multisig approve --signatories {ALICE},{BOB} --call {call} --wallet bob"));
    assert_eq!(free(CHARLIE), before + 1_000_000_000);
}

#[test]
fn a_repetition_of_an_announced_proposal_tells_what_was_proposed() {
    let stage = Stage::on_demand();
    stage.signed(&format!("proxy add --delegate {BOB} --delay 3 --wallet alice"));
    let call = format!(
        r#"{{"pallet":"Balances","call":"transfer_keep_alive","args":{{"dest":"{CHARLIE}","value":"1000000000"}}}}"#
    );
    let propose = format!(
        "multisig propose --signatories {ALICE},{CHARLIE} --call {call} --wallet bob --proxy {ALICE} --announce-only \
         --idempotency-key later"
    );
    let announced = stage.signed(&propose);
    assert_eq!(announced["plan"]["call"], "Proxy.announce", "{announced}");
    let again = stage.ask(&format!("{propose} --yes"));
    assert!(again["call_hash"].is_string(), "{again}");
    assert_eq!(again["call_hash"], announced["call_hash"], "{again}");
    assert_eq!(again["outcome"]["extrinsic"], announced["outcome"]["extrinsic"], "{again}");
}

#[test]
fn an_approval_finds_what_was_proposed_and_one_of_one_needs_none() {
    let stage = Stage::set();
    let parties = format!("--signatories {ALICE},{BOB}");
    let account = stage.ask(&format!("multisig address {parties}"))["account"].as_str().unwrap().to_owned();
    stage.signed(&format!("wallet transfer --dest {account} --amount 9 --wallet alice"));
    let call = |rao: u64| {
        format!(r#"{{"pallet":"Balances","call":"transfer_keep_alive","args":{{"dest":"{CHARLIE}","value":"{rao}"}}}}"#)
    };
    let free = || {
        let rows = stage.ask(&format!("wallet balance {CHARLIE}"));
        rows["rows"][0]["free"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let before = free();
    let approve = format!("multisig approve {parties} --wallet bob");
    let (code, error) = stage.refused(&approve);
    assert_eq!((code, &error["data"]["error"]), (6, &"NotFound".into()), "{error}");

    // The extrinsic that proposed it carries the call.
    let proposed = stage.signed(&format!("multisig propose {parties} --call {} --wallet alice", call(1_000_000_000)));
    let made = stage.signed(&approve);
    assert_eq!(made["call_hash"], proposed["call_hash"]);
    assert_eq!(Stage::event(&made, "MultisigExecuted")["result"]["Ok"], Value::Null, "{made}");
    assert_eq!(free(), before + 1_000_000_000);

    // Of several one is named.
    let hash = |receipt: &Value| receipt["call_hash"].as_str().unwrap().to_owned();
    let two = [2_u64, 3].map(|tokens| {
        let rao = tokens * 1_000_000_000;
        hash(&stage.signed(&format!("multisig propose {parties} --call {} --wallet alice", call(rao))))
    });
    let (_, error) = stage.refused(&approve);
    let message = error["message"].as_str().unwrap();
    assert!(two.iter().all(|hash| message.contains(hash)), "{message}");
    let made = stage.signed(&format!("{approve} --call-hash {}", two[1]));
    assert_eq!(hash(&made), two[1]);
    assert_eq!(free(), before + 4_000_000_000);
    stage.signed(&format!("multisig cancel {parties} --call-hash {} --wallet alice", two[0]));

    // Where one of them is enough, the call is made at once, as an account of its own.
    let alone = format!("{parties} --threshold 1");
    let of_one = stage.ask(&format!("multisig address {alone}"))["account"].as_str().unwrap().to_owned();
    assert_ne!(of_one, account);
    let propose = format!("multisig propose {alone} --call {} --wallet bob", call(1_000_000_000));
    let (code, error) = stage.refused(&propose);
    assert_eq!((code, &error["data"]["error"]), (6, &"FundsUnavailable".into()), "{error}");
    stage.signed(&format!("wallet transfer --dest {of_one} --amount 2 --wallet alice"));
    let made = stage.signed(&propose);
    assert_eq!(made["plan"]["call"], "Multisig.as_multi_threshold_1");
    assert_eq!(made["account"], of_one.as_str());
    assert_eq!(free(), before + 5_000_000_000);
}

#[test]
fn the_last_approval_makes_heavy_calls_and_none_that_cannot_be_paid() {
    let stage = Stage::on_demand();
    stage.signed("root register --wallet alice");
    let parties = format!("--signatories {ALICE},{BOB}");
    let account = stage.ask(&format!("multisig address {parties}"))["account"].as_str().unwrap().to_owned();
    stage.signed(&format!("wallet transfer --dest {account} --amount 25 --wallet alice"));
    let add = format!(
        r#"{{"SubtensorModule":{{"add_stake":{{"hotkey":"{ALICE}","netuid":0,"amount_staked":"1000000000"}}}}}}"#
    );
    let heavy = format!(
        r#"{{"pallet":"Utility","call":"batch_all","args":{{"calls":[{}]}}}}"#,
        vec![add.as_str(); 20].join(",")
    );
    stage.signed(&format!("multisig propose {parties} --call {heavy} --wallet alice"));
    let made = stage.signed(&format!("multisig approve {parties} --call {heavy} --wallet bob"));
    assert_eq!(Stage::event(&made, "MultisigExecuted")["result"]["Ok"], Value::Null, "{made}");
    assert_eq!(stage.ask(&format!("stake list --coldkey {account}"))["positions"][0]["stake"], "20000000000");

    let rich = format!(
        r#"{{"pallet":"Balances","call":"transfer_keep_alive","args":{{"dest":"{CHARLIE}","value":"50000000000"}}}}"#
    );
    let proposed = stage.signed(&format!("multisig propose {parties} --call {rich} --wallet alice"));
    assert!(proposed["plan"]["warnings"].to_string().contains("cannot pay for it"), "{proposed}");
    let approve = format!("multisig approve {parties} --call {rich} --wallet bob");
    let (code, error) = stage.refused(&approve);
    assert_eq!((code, &error["data"]["error"]), (6, &"FundsUnavailable".into()), "{error}");
    stage.signed(&format!("wallet transfer --dest {account} --amount 50 --wallet alice"));
    stage.signed(&approve);
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

#[test]
fn a_crowdloan_makes_the_call_that_was_attached_to_it() {
    let stage = Stage::on_demand();
    let create = "crowd create --deposit 10 --cap 20 --duration 60000 --wallet alice --custom-call-pallet System \
                  --custom-call-method remark_with_event --custom-call-args";
    let created = stage.signed(&format!(r#"{create} {{"remark":"0x616263"}}"#));
    let warnings = created["plan"]["warnings"].to_string();
    assert!(warnings.contains("stays on the crowdloan's own account"), "{created}");
    assert_eq!(stage.ask("crowd info 0")["crowdloan"]["has_call"], true);
    stage.signed("crowd contribute 0 --amount 10 --wallet bob");
    let paid_out = stage.signed("crowd finalize 0 --wallet alice");
    assert_eq!(Stage::event(&paid_out, "Remarked")["sender"], ALICE, "{paid_out}");
    // What the runtime does not have, or has under other names, is no call.
    for unfit in [create.replace("remark_with_event", "remak"), create.replace("remark_with_event", "set_heap_pages")] {
        let (code, error) = stage.refused(&format!(r#"{unfit} {{"remark":"0x616263"}}"#));
        assert!(code != 0 && error["data"]["class"] != "internal", "{error}");
    }
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

#[test]
fn a_lease_that_the_chain_would_refuse_is_refused_before() {
    // SubtensorModule.NetworkRateLimit, as 64 bits.
    const REST: &str = "0x658faa385070e074c85bf6b568cf05559432d347db1cb70ce515b7a097bb84d9";
    const MIN_COST: &str = "0x658faa385070e074c85bf6b568cf0555af4319a20ed58ed2c549e6b6ea25fe88";
    let stage = Stage::on_demand();
    let best = || stage.ask("chain")["finalized"]["number"].as_u64().unwrap();
    let lease =
        |cap: u32| format!("crowd create --deposit 10 --cap {cap} --duration 60000 --emissions 30 --wallet alice");
    let raised = |id: u32, cap: u32, terms: &str| {
        stage.signed(&format!("{}{terms}", lease(cap)));
        stage.signed(&format!("crowd contribute {id} --amount {} --wallet bob", cap - 10));
    };
    let (_, error) = stage.refused(&format!("{} --lease-end {}", lease(2_000), best()));
    assert_eq!(error["data"]["error"], "LeaseCannotEndInThePast", "{error}");
    raised(0, 2_000, &format!(" --lease-end {}", best() + 20));
    stage.mine(20);
    let (_, error) = stage.refused("crowd finalize 0 --wallet alice");
    assert_eq!(error["data"]["error"], "LeaseCannotEndInThePast", "{error}");

    // A subnet and no proxy beside it.
    stage.ask(&format!("devnet set-storage {MIN_COST}=0x{}", little_endian(500_000_000_000)));
    raised(1, 500, "");
    let (_, error) = stage.refused("crowd finalize 1 --wallet alice");
    assert_eq!(error["data"]["error"], "InsufficientBalance", "{error}");
    assert!(error["message"].as_str().unwrap().contains("for the proxy that runs the lease"), "{error}");

    // Soon after another subnet: warned of where it may be late enough by then, refused where it cannot be.
    raised(2, 6_000, "");
    stage.signed("subnets create --wallet bob");
    let rests = |blocks: u64| stage.ask(&format!("devnet set-storage {REST}=0x{}", little_endian(blocks)));
    rests(100);
    let plan = stage.ask("crowd finalize 2 --wallet alice --dry-run");
    assert!(plan["plan"]["warnings"].to_string().contains("takes one in 100 blocks"), "{plan}");
    rests(7_200);
    let (_, error) = stage.refused("crowd finalize 2 --wallet alice");
    assert_eq!(error["data"]["error"], "NetworkTxRateLimitExceeded", "{error}");
    rests(1);
    stage.signed("crowd finalize 2 --wallet alice");
}

/// As the chain keeps 64 bits.
fn little_endian(number: u64) -> String {
    hex::encode(number.to_le_bytes())
}
