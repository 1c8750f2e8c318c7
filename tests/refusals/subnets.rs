//! Subnets, created where there are as many as the chain takes.

use btd_tests::stage::Stage;

use super::foreseen;

/// `SubtensorModule.SubnetLimit`.
const LIMIT: &str = "0x658faa385070e074c85bf6b568cf0555a336e39c4086c4d5f43b7e6dff8a04f6";
/// `SubtensorModule.NetworkImmunityPeriod`.
const IMMUNITY: &str = "0x658faa385070e074c85bf6b568cf0555be4bea261cfe8a2b911e689c943bbd43";

#[test]
fn what_has_to_go_for_another_subnet_is_told() {
    let stage = Stage::on_demand();
    let create = "subnets create --wallet alice";
    let warned = || stage.ask(&format!("{create} --dry-run"))["plan"]["warnings"].to_string();
    assert!(!warned().contains("dissolves"), "there is room for more: {}", warned());
    // Subnet 1 is all that there may be, and too young to go.
    stage.ask(&format!("devnet set-storage {LIMIT}=0x0100"));
    foreseen(&stage, create, "SubnetLimitReached", "limit_exceeded");
    stage.ask(&format!("devnet set-storage {IMMUNITY}=0x{}", "00".repeat(8)));
    assert!(warned().contains("it dissolves subnet 1 for this"), "{}", warned());
    let created = stage.signed(create);
    assert_eq!(created["netuid"], 1, "{created}");
    stage.nothing_else_was_signed();
}
