//! Stake that is too little, stays where it is, or would be traded in vain.

use btd_tests::{stage::Stage, terminal::Terminal};
use serde_json::{Value, json};

use super::{ALICE, BOB, CHARLIE, DAVE, EVE, THRESHOLD, foreseen};

#[test]
fn too_little_stake_is_neither_taken_nor_moved() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    for netuid in [0, 2] {
        stage.signed(&format!("stake add --netuid {netuid} --amount 10 --hotkey {ALICE} --wallet alice --unsafe"));
    }
    stage.signed("root register --wallet bob");
    let low = |words: &str| {
        let message = foreseen(&stage, words, "AmountTooLow", "invalid_argument");
        assert!(message.contains("τ0.002000000"), "{words}: {message}");
    };
    // Of a part, what it brings; of the whole, nothing is asked.
    let remove =
        |netuid: u16, terms: &str| format!("stake remove --netuid {netuid} --hotkey {ALICE} --wallet alice {terms}");
    low(&remove(0, "--amount 0.001999999"));
    stage.signed(&remove(0, "--amount 0.002"));
    for terms in ["--amount 0.001", "--amount 0.001 --unsafe", "--amount 0.001 --partial"] {
        low(&remove(2, terms));
    }
    low("stake remove --netuids 0,2 --amount 0.001 --all-hotkeys --wallet alice");
    low(&format!("root undelegate --delegate {ALICE} --amount 0.001 --wallet alice"));
    stage.signed(&format!("stake add --netuid 0 --amount 0.003 --hotkey {BOB} --wallet alice"));
    let rest = format!("stake remove --netuid 0 --hotkey {BOB} --wallet alice --amount");
    stage.signed(&format!("{rest} 0.002"));
    stage.signed(&format!("{rest} 0.001"));

    // Within a subnet, what it is worth; across, more than that.
    let moved = |netuid: u16, amount: &str| {
        format!("stake move --from {ALICE} --to {BOB} --origin-netuid {netuid} --amount {amount} --wallet alice")
    };
    let given = |netuid: u16, amount: &str| {
        format!(
            "stake transfer --dest {BOB} --hotkey {ALICE} --origin-netuid {netuid} --amount {amount} --wallet alice"
        )
    };
    for way in [&moved as &dyn Fn(u16, &str) -> String, &given] {
        low(&way(0, "0.001999999"));
        low(&way(2, "0.001"));
        low(&format!("{} --dest-netuid 2 --unsafe", way(0, "0.002")));
        low(&format!("{} --dest-netuid 0 --unsafe", way(2, "0.001")));
        stage.signed(&way(0, "0.002"));
        stage.signed(&format!("{} --dest-netuid 2 --unsafe", way(0, "0.002000001")));
    }
    low(&format!("stake swap --origin-netuid 0 --dest-netuid 2 --amount 0.002 --hotkey {ALICE} --wallet alice"));
    stage.signed(&format!(
        "stake swap --origin-netuid 0 --dest-netuid 2 --amount 0.0021 --hotkey {ALICE} --wallet alice"
    ));
    // What the chain asks first is told first.
    let nobody = moved(0, "0.001").replace(BOB, EVE);
    foreseen(&stage, &nobody, "HotKeyAccountNotExists", "not_registered");
    stage.nothing_else_was_signed();
}

#[test]
fn too_little_stake_gives_no_seat_and_no_children() {
    /// `SubtensorModule.MaxAllowedUids` of root, and one.
    const ROOM_FOR_ONE: &str = "0x658faa385070e074c85bf6b568cf0555fabe6b131d9fa6e6d6cacbe7586c3b8a0000=0x0100";
    let stage = Stage::on_demand();
    stage.signed("root register --wallet alice");
    stage.signed(&format!("stake add --netuid 0 --amount 10 --hotkey {ALICE} --wallet alice"));
    stage.ask(&format!("devnet set-storage {ROOM_FOR_ONE}"));
    let register = "root register --wallet bob";
    let message = foreseen(&stage, register, "StakeTooLowForRoot", "insufficient_balance");
    assert!(message.contains("τ0.000000000") && message.contains("τ10.000000000"), "{message}");
    stage.signed("subnets create --wallet bob");
    stage.signed("subnets start 2 --wallet bob");
    let add = |amount: u16| format!("stake add --netuid 0 --amount {amount} --hotkey {BOB} --wallet bob");
    stage.signed(&add(10));
    foreseen(&stage, register, "StakeTooLowForRoot", "insufficient_balance");
    stage.signed(&add(1));
    stage.signed(register);

    // Who sits on root is a parent of the owner of a new subnet, and children come at once until it is started.
    stage.ask("wallet new-hotkey --wallet alice --wallet-hotkey second --uri //Dave");
    stage.signed("subnets create --wallet alice");
    let own =
        |child: &str| format!("stake child set 3 --children {child} --proportions 0.3 --hotkey {ALICE} --wallet alice");
    let message = foreseen(&stage, &own(BOB), "ChildParentInconsistency", "invalid_argument");
    assert!(message.contains(&format!("hotkey {BOB} is a parent of {ALICE} on subnet 3")), "{message}");
    stage.signed(&own(DAVE));
    let swap = "wallet swap-hotkey second --wallet alice --hotkey default";
    foreseen(&stage, swap, "InvalidChild", "invalid_argument");
    foreseen(&stage, &format!("{swap} --netuid 3"), "InvalidChild", "invalid_argument");

    let child = |netuid: u16, child: &str| {
        format!("stake child set {netuid} --children {child} --proportions 0.5 --hotkey {BOB} --wallet bob")
    };
    // 20 tao, of which 11 are there, on root and in the hands of whoever has a subnet of its own.
    stage.ask(&format!("devnet set-storage {THRESHOLD}=0x00c817a804000000"));
    foreseen(&stage, &child(1, CHARLIE), "NotEnoughStakeToSetChildkeys", "insufficient_balance");
    let (code, error) = stage.refused(&child(99, CHARLIE));
    assert_eq!((code, &error["data"]["class"]), (6, &"subnet_not_exists".into()), "{error}");
    stage.signed(&child(2, CHARLIE));
    let everywhere = child(1, CHARLIE).replace("set 1", "set --all-netuids");
    // What was done just now is what the chain asks about first.
    foreseen(&stage, &everywhere, "TxRateLimitExceeded", "rate_limited");
    stage.signed(&add(9));
    stage.signed(&child(1, CHARLIE));
    stage.nothing_else_was_signed();
}

#[test]
fn all_stake_of_several_hotkeys_is_given_up_at_once() {
    /// `SubtensorModule.NominatorMinRequiredStake`, and 5 times the least stake.
    const NOMINATION: &str = "0x658faa385070e074c85bf6b568cf0555600828b736cfd977b24a0d2528a8a2e8=0x404b4c0000000000";
    let stage = Stage::on_demand();
    for wallet in ["alice", "bob"] {
        stage.signed(&format!("root register --wallet {wallet}"));
    }
    let add = |hotkey: &str| format!("stake add --netuid 0 --amount 1 --hotkey {hotkey} --wallet alice");
    for hotkey in [ALICE, BOB] {
        stage.signed(&add(hotkey));
    }
    // Nobody stakes behind the third.
    let all = stage.signed(&format!("stake remove --unstake-all --hotkeys {ALICE},{BOB},{CHARLIE} --wallet alice"));
    let calls = &all["plan"]["arguments"]["calls"];
    assert_eq!(calls.as_array().map(Vec::len), Some(2), "{all}");
    assert!(stage.ask("stake list --wallet alice")["positions"].as_array().unwrap().is_empty());
    let (code, error) = stage.refused("stake remove --unstake-all --all-hotkeys --wallet alice");
    assert_eq!((code, &error["kind"]), (6, &"PRECONDITION_FAILED".into()), "{error}");
    stage.signed(&add(ALICE));
    let one = stage.signed("stake remove --unstake-all --all-hotkeys --wallet alice");
    assert_eq!(one["plan"]["call"], "SubtensorModule.unstake_all", "{one}");

    // The rest of a nomination goes along where it is less than the chain keeps, but not of what is one's own.
    stage.ask(&format!("devnet set-storage {NOMINATION}"));
    for hotkey in [ALICE, BOB] {
        stage.signed(&add(hotkey));
    }
    let part = |hotkey: &str, amount: &str| {
        stage.signed(&format!("stake remove --netuid 0 --amount {amount} --hotkey {hotkey} --wallet alice"))
    };
    assert_eq!(part(BOB, "0.9")["plan"]["warnings"], json!([]));
    assert_eq!(part(ALICE, "0.995")["plan"]["warnings"], json!([]));
    let told = part(BOB, "0.095");
    let warned = told["plan"]["warnings"].to_string();
    assert!(warned.contains("τ0.005000000 would be left") && warned.contains("worth τ0.010000000"), "{told}");
    let left = stage.ask("stake list --wallet alice")["positions"].clone();
    assert_eq!((left.as_array().map(Vec::len), &left[0]["hotkey"]), (Some(1), &json!(ALICE)), "{left}");
    // It is in the balance that was foretold.
    let free = stage.ask("wallet balance --wallet alice")["rows"][0]["free"].as_str().unwrap().parse::<u64>().unwrap();
    let foretold = told["plan"]["balance_after"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(free.abs_diff(foretold) < 1_000_000, "foretold {foretold}, found {free}: {told}");

    // Several addresses are told of in one reply, each once.
    let rows = stage.ask(&format!("wallet balance --ss58 {ALICE} --ss58 {BOB},{ALICE}"))["rows"].clone();
    let told: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["coldkey"]).collect();
    assert_eq!(told, [ALICE, BOB]);
    stage.nothing_else_was_signed();
}

#[test]
fn a_trade_that_cannot_come_true_is_refused() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed("subnets create --wallet bob");
    stage.signed("subnets start 3 --wallet bob");
    let add = |netuid: u16, terms: &str| format!("stake add --netuid {netuid} --hotkey {ALICE} --wallet alice {terms}");
    // More than the pool could ever take, with a limit, with a part allowed, and without.
    for terms in ["--amount 5000000", "--amount 5000000 --partial", "--amount 5000000 --unsafe"] {
        foreseen(&stage, &add(2, terms), "InsufficientLiquidity", "insufficient_liquidity");
    }
    stage.signed(&add(2, "--amount 700 --unsafe"));
    stage.signed(&add(0, "--amount 50"));
    let part = stage.signed(&add(2, "--amount 700 --partial"));
    assert!(part["plan"]["effects"].to_string().contains("brings up to about"), "{part}");

    // Through one pool, either way, and through two.
    let swap = |origin: u16, dest: u16, terms: &str| {
        format!("stake swap --origin-netuid {origin} --dest-netuid {dest} --hotkey {ALICE} --wallet alice {terms}")
    };
    let beyond = |words: &str| foreseen(&stage, words, "SlippageTooHigh", "insufficient_liquidity");
    let message = beyond(&swap(2, 0, "--all"));
    assert!(message.contains("partial"), "{message}");
    beyond(&swap(0, 2, "--amount 15"));
    let message = beyond(&swap(2, 3, "--amount 100"));
    let room = message.split_once(" about α").unwrap().1.split_once(' ').unwrap().0;
    let room = room.parse::<f64>().unwrap();
    beyond(&swap(2, 3, &format!("--amount {:.6}", room * 1.02)));
    stage.signed(&swap(2, 3, &format!("--amount {:.6}", room * 0.98)));
    for (origin, dest) in [(2, 0), (0, 2)] {
        stage.signed(&swap(origin, dest, "--amount 1"));
        let part = stage.signed(&swap(origin, dest, "--amount 15 --partial"));
        assert!(part["plan"]["effects"].to_string().contains("brings up to about"), "{part}");
    }
    // Of what is beyond the limit before anything is traded not even a part goes.
    let already = |words: &str| foreseen(&stage, words, "PriceLimitExceeded", "insufficient_liquidity");
    for (origin, dest, limit) in [(2, 0, "1000"), (0, 2, "1000")] {
        for fill in ["", " --partial"] {
            let message = already(&swap(origin, dest, &format!("--amount 1 --limit-price {limit}{fill}")));
            assert!(message.contains("one alpha buys "), "{message}");
        }
    }
    let part = swap(2, 3, "--amount 1 --limit-price 1000 --partial");
    let message = foreseen(&stage, &part, "AmountTooLow", "invalid_argument");
    assert!(message.contains("nothing of subnet 2 can be swapped for subnet 3"), "{message}");
    already(&add(2, "--amount 1 --limit-price 0.000001 --partial"));
    let remove = format!("stake remove --netuid 2 --hotkey {ALICE} --wallet alice --amount 1 --limit-price 1000");
    already(&remove);
    already(&format!("{remove} --partial"));
    // Of a part the balance shows that part.
    let part = add(2, "--amount 100 --tolerance 0.5% --partial");
    let receipt = stage.signed(&part);
    let rao = |told: &Value| told.as_str().unwrap().parse::<u64>().unwrap();
    let foretold = rao(&receipt["plan"]["balance_after"]);
    let found = rao(&stage.ask("wallet balance --wallet alice")["rows"][0]["free"]);
    assert!(foretold.abs_diff(found) < 100_000_000, "foretold {foretold}, found {found}: {receipt}");
    let limited = stage.ask(&format!("{} --dry-run", add(0, "--amount 1 --limit-price 0.3")));
    assert!(limited["plan"]["warnings"].to_string().contains("plays no part"), "{limited}");
    let warned = |receipt: &Value| receipt["plan"]["warnings"].to_string();
    let told = warned(&stage.signed(&swap(2, 0, "--amount 50 --unsafe")));
    assert!(told.contains("no limit is set") && told.contains(" on average, "), "{told}");
    let crossing = "--origin-netuid 2 --dest-netuid 0 --amount 50 --wallet alice --unsafe --dry-run";
    for words in [
        format!("stake move --from {ALICE} --to {BOB} {crossing}"),
        format!("stake transfer --dest {BOB} --hotkey {ALICE} {crossing}"),
    ] {
        let told = warned(&stage.ask(&words));
        assert!(told.contains("takes no limit") && told.contains(" on average, "), "{words}: {told}");
    }
    stage.nothing_else_was_signed();
}

#[test]
fn what_is_not_sold_of_root_dividends_is_kept_on_every_other_subnet_of_the_chain() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    let claim = || stage.ask("stake auto --wallet alice")["claim"].clone();
    let sold = stage.signed("stake set-claim swap --netuids 1 --wallet alice");
    assert_eq!(claim(), json!({ "keep-subnets": [2] }));
    let told = sold["plan"].to_string();
    for words in ["sell root dividends of subnets 1,", "kept are those of subnets 2", "created after block"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // The same in the words of the ninth Python command line.
    stage.signed("stake claim swap --netuids 2 --wallet alice");
    // What btcli 9 means by these words, and what they say, are two things: a program says which.
    let (code, error) = stage.refused("stake claim --netuids 1 --wallet alice");
    let message = error["message"].as_str().unwrap();
    assert_eq!(code, 2, "{error}");
    assert!(
        message.contains("process-claim --netuids 1") && message.contains("set-claim keep --netuids 1"),
        "{message}"
    );
    let mut terminal = Terminal::btctl(&stage.host, &["stake", "claim", "--netuids", "1", "--wallet", "alice"]);
    terminal.wait_for("set-claim keep --netuids 1");
    terminal.wait_for("Sign and send it? [y/N]");
    terminal.press("n\r");
    assert_ne!(terminal.end(), 0, "{terminal:?}");
    assert_eq!(claim(), json!({ "keep-subnets": [1] }));
    // None is left to be kept.
    stage.signed("stake set-claim swap --netuids 1,2 --wallet alice");
    assert_eq!(claim(), json!("swap"));
    foreseen(&stage, "stake set-claim swap --netuids 0,1 --wallet alice", "InvalidSubnetNumber", "invalid_argument");
    let (_, error) = stage.refused("stake set-claim swap --netuids 1,99 --wallet alice");
    assert_eq!(error["data"]["error"], "SubnetNotExists", "{error}");
    stage.nothing_else_was_signed();
}

#[test]
fn stake_leaves_a_subnet_that_does_not_trade_at_a_limit_alone() {
    /// `SubtensorModule.SubtokenEnabled` of subnet 2, and no.
    const STOPPED: &str = "0x658faa385070e074c85bf6b568cf0555e9348e9224ea06c9c2da12ce69e619c50200=0x00";
    /// The same of subnet 1, and yes.
    const ELSEWHERE: &str = "0x658faa385070e074c85bf6b568cf0555e9348e9224ea06c9c2da12ce69e619c50100=0x01";
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed(&format!("stake add --netuid 2 --amount 10 --hotkey {ALICE} --wallet alice --unsafe"));
    stage.ask(&format!("devnet set-storage {STOPPED}"));
    let remove = |terms: &str| format!("stake remove --netuid 2 --hotkey {ALICE} --wallet alice {terms}");
    for words in [
        remove("--amount 1 --unsafe"),
        remove("--amount 900 --unsafe"),
        remove("--all --unsafe"),
        format!("stake swap --origin-netuid 2 --dest-netuid 0 --amount 1 --hotkey {ALICE} --wallet alice"),
    ] {
        foreseen(&stage, &words, "SubtokenDisabled", "subtoken_disabled");
    }
    foreseen(&stage, &remove("--amount 900"), "NotEnoughStakeToWithdraw", "insufficient_balance");
    // What stands elsewhere leaves, and what stands here is said to stay; alone it is refused.
    stage.ask(&format!("devnet set-storage {ELSEWHERE}"));
    stage.signed(&format!("stake add --netuid 1 --amount 10 --hotkey {ALICE} --wallet alice --unsafe"));
    let everywhere = format!("stake remove --unstake-all-alpha --hotkey {ALICE} --wallet alice");
    let all = stage.signed(&everywhere);
    let (effects, warnings) = (all["plan"]["effects"].to_string(), all["plan"]["warnings"].to_string());
    assert!(effects.contains("1 position, ") && warnings.contains("on subnet 2 behind hotkey"), "{all}");
    foreseen(&stage, &everywhere, "SubtokenDisabled", "subtoken_disabled");
    stage.signed(&remove("--amount 1 --tolerance 5%"));
    let all = stage.signed(&remove("--all --tolerance 20%"));
    assert_eq!(all["plan"]["call"], "SubtensorModule.remove_stake_full_limit", "{all}");
    stage.nothing_else_was_signed();
}
