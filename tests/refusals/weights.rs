//! Weights, set and committed.

use btd_tests::stage::Stage;
use serde_json::Value;

use super::{BOB, THRESHOLD, blocks_left, foreseen};

#[test]
fn weights_are_checked_before_they_are_signed() {
    /// 1 alpha.
    const ONE: &str = "0x00ca9a3b00000000";
    let stage = Stage::on_demand();
    let warned = |receipt: &Value, words: &str| {
        assert!(receipt["plan"]["warnings"].to_string().contains(words), "{words}: {receipt}");
    };
    // Root takes none, however they come.
    for verb in ["set 0 -u 1 -w 1", "commit 0 -u 1 -w 1", "reveal 0 -u 1 -w 1 -s 1,2,3"] {
        let (code, error) = stage.refused(&format!("weights {verb} --wallet alice"));
        assert_eq!((code, &error["kind"]), (1, &"NOT_ON_THIS_RUNTIME".into()), "{verb}: {error}");
        assert!(error["data"]["instead"].as_str().unwrap().contains("stake add"), "{error}");
    }

    stage.signed("subnets create --wallet alice");
    stage.signed("subnets start 2 --wallet alice");
    stage.signed("subnets register 2 --wallet bob");
    stage.mine(100);
    let weights =
        |verb: &str, wallet: &str, salt: &str| format!("weights {verb} 2 -u 0 -w 1 --wallet {wallet} -s {salt}");
    // What was said of the commit, when it comes to the reveal is a refusal.
    warned(&stage.signed(&weights("commit", "bob", "1,2,3")), "no validator permit");
    let reveal = weights("reveal", "bob", "1,2,3");
    stage.mine(blocks_left(&foreseen(&stage, &reveal, "RevealTooEarly", "too_early")));
    foreseen(&stage, &reveal, "NeuronNoValidatorPermit", "not_registered");

    // Below the threshold the chain takes nothing, but from the subnet's owner.
    stage.ask(&format!("devnet set-storage {THRESHOLD}={ONE}"));
    let commit = weights("commit", "bob", "4,5,6");
    for words in [&commit, &reveal] {
        let message = foreseen(&stage, words, "NotEnoughStakeToSetWeights", "insufficient_balance");
        assert!(message.contains("stake weight of 0.000000000 "), "{message}");
    }
    stage.signed(&weights("commit", "alice", "1,2,3"));
    stage.signed(&format!("stake add --netuid 2 --amount 20 --tolerance 50% --hotkey {BOB} --wallet bob"));
    stage.mine(100);
    stage.signed(&commit);

    // In the open, with none at all.
    stage.signed("sudo set --netuid 2 --param min_allowed_weights --value 0 --wallet alice --root");
    stage.signed("sudo set --netuid 2 --param commit_reveal_weights_enabled --value false --wallet alice --root");
    stage.mine(100);
    let none = r#"rpc weights_set {"netuid":2,"weights":[],"wallet":"alice","dry_run":true}"#;
    warned(&stage.ask(none), "weighs nobody any more");
    stage.nothing_else_was_signed();
}

#[test]
fn more_commits_than_the_chain_keeps_are_refused() {
    let stage = Stage::on_demand();
    stage.signed("subnets create --wallet alice");
    stage.signed("sudo set --netuid 2 --param weights_rate_limit --value 0 --wallet alice --root");
    let commit = |salt: u16| format!("weights commit 2 -u 0 -w 1 -s {salt} --wallet alice");
    for salt in 0..10 {
        stage.signed(&commit(salt));
    }
    let message = foreseen(&stage, &commit(10), "TooManyUnrevealedCommits", "limit_exceeded");
    assert!(message.contains("10 commits"), "{message}");
    // Too soon comes before too many.
    stage.signed("sudo set --netuid 2 --param weights_rate_limit --value 50 --wallet alice --root");
    foreseen(&stage, &commit(10), "CommittingWeightsTooFast", "rate_limited");
    stage.mine(50);
    foreseen(&stage, &commit(10), "TooManyUnrevealedCommits", "limit_exceeded");
    stage.mine(720);
    stage.signed(&commit(10));
    stage.nothing_else_was_signed();
}
