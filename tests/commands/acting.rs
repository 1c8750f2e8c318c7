//! Acting for others: by proxies, multisigs, crowdloans and leases.

use btd_tests::{stage::Stage, wait_for};
use serde_json::Value;

use super::{ALICE, BOB, CHARLIE};

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
    assert_eq!((code, &error["data"]["class"]), (6, &"already_exists".into()), "{error}");
    assert_eq!(error["data"]["executable_from"], waiting["executable_from"], "{error}");
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
