//! What a plan and a receipt look like.

use btd_api::{
    Tao,
    chain::{BlockRef, Event},
    wallet::{Outcome, Plan, Receipt},
};

use crate::{
    chain,
    output::{Page, facts::Facts, text},
};

/// An amount with its unit.
pub(crate) fn tao(amount: Tao) -> String {
    format!("τ{amount}")
}

/// What is foretold of a fee: never more, and often less where the call turns out lighter than it may be.
fn at_most(fee: Tao) -> String {
    match fee {
        Tao::ZERO => tao(fee),
        fee => format!("at most {}", tao(fee)),
    }
}

/// What would be signed, for a person to say yes or no to.
pub(crate) fn card(plan: &Plan, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("call", &plan.call);
    for (name, value) in plan.arguments.as_object().into_iter().flatten() {
        facts.add(&format!("  {name}"), chain::field(value));
    }
    facts.add("signer", plan.signer);
    facts.add("fee", at_most(plan.fee));
    facts.add("balance before", tao(plan.balance_before));
    facts.add("balance after", tao(plan.balance_after));
    for effect in &plan.effects {
        facts.add("effect", effect);
    }
    let mut lines = vec![page.bold(text::visible(&plan.summary)), facts.render(page).trim_end().to_owned()];
    lines.extend(plan.warnings.iter().map(|warning| format!("{} {}", page.warn("warning:"), text::visible(warning))));
    if let Some(key) = &plan.locked {
        lines.push(format!("{} the key {key} is locked, and has to be unlocked to sign", page.warn("warning:")));
    }
    lines.push(text::at(&plan.at, page));
    lines.join("\n") + "\n"
}

/// What became of it.
pub(crate) fn receipt(receipt: &Receipt, page: Page) -> String {
    let mut facts = Facts::default();
    outcome(receipt, page, &mut facts);
    facts.render(page)
}

/// Adds what became of it to `facts`.
pub(crate) fn outcome(receipt: &Receipt, page: Page, facts: &mut Facts) {
    match &receipt.outcome {
        Outcome::Planned => facts.add("state", "planned; nothing was signed"),
        Outcome::Recorded { extrinsic, era_end } => {
            facts.add_painted("state", page.warn("signed and journalled, on its way"));
            facts.add("extrinsic", extrinsic);
            facts.add("last block", format!("#{era_end} can include it, none after"));
        }
        Outcome::InBlock { extrinsic, block, index, fee, events, era_end } => {
            facts.add_painted("state", page.warn("succeeded in a block which is not final yet"));
            facts.add("extrinsic", extrinsic);
            stands(facts, (block, *index), *fee, events);
            facts.add("last block", format!("#{era_end} can include it, none after"));
        }
        Outcome::Submitted { extrinsic, era_end } => {
            facts.add_painted("state", page.warn("submitted, not yet in a finalized block"));
            facts.add("extrinsic", extrinsic);
            facts.add("last block", format!("#{era_end} can include it, none after"));
        }
        Outcome::Finalized { extrinsic, block, index, fee, events } => {
            facts.add_painted("state", page.good("finalized"));
            facts.add("asked", &receipt.plan.summary);
            facts.add("extrinsic", extrinsic);
            stands(facts, (block, *index), *fee, events);
        }
    }
}

/// Where in a block it stands, and what it cost and caused there.
fn stands(facts: &mut Facts, (block, index): (&BlockRef, u32), fee: Option<Tao>, events: &[Event]) {
    facts.add("block", format!("#{} {}, index {index}", block.number, block.hash));
    facts.add("fee", fee.map_or_else(|| "not told by the chain".to_owned(), tao));
    let events: Vec<String> = events.iter().map(chain::event).collect();
    facts.add("events", events.join("\n"));
}

#[cfg(test)]
pub(crate) mod tests {
    use btd_api::BlockNumber;
    use serde_json::json;

    use super::*;

    /// The receipt of a transfer, planned at block 7 and finalized in block 8.
    pub(crate) fn sample() -> Receipt {
        let hash = format!("0x{}", "11".repeat(32));
        let account = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        serde_json::from_value(json!({
            "plan": {
                "at": { "number": 7, "hash": hash, "age_ms": 1200, "stale": false },
                "call": "Balances.transfer_keep_alive",
                "arguments": { "dest": account, "value": "1500000000" },
                "summary": "send τ1.5 to bob",
                "signer": account,
                "fee": "124000",
                "balance_before": "10000000000",
                "balance_after": "8499876000",
                "warnings": ["the coldkey is locked"],
            },
            "outcome": {
                "state": "finalized", "extrinsic": hash, "block": { "number": 8, "hash": hash }, "index": 1,
                "fee": "123000",
                "events": [
                    { "pallet": "Balances", "name": "Transfer", "fields": { "amount": 5, "to": "x" }, "extrinsic": 1 },
                    { "pallet": "System", "name": "ExtrinsicSuccess", "fields": {}, "extrinsic": 1 },
                ],
            },
        }))
        .unwrap()
    }

    #[test]
    fn the_card_says_all_that_a_yes_needs() {
        let expected = "\
send τ1.5 to bob
call            Balances.transfer_keep_alive
  dest          5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
  value         1500000000
signer          5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
fee             at most τ0.000124000
balance before  τ10.000000000
balance after   τ8.499876000
warning: the coldkey is locked
at block #7, 1 s ago
";
        assert_eq!(card(&sample().plan, Page::default()), expected);
    }

    #[test]
    fn the_receipt_tells_block_fee_and_events() {
        let hash = format!("0x{}", "11".repeat(32));
        let expected = format!(
            "\
state      finalized
asked      send τ1.5 to bob
extrinsic  {hash}
block      #8 {hash}, index 1
fee        τ0.000123000
events     Balances.Transfer amount=5 to=x
           System.ExtrinsicSuccess
"
        );
        assert_eq!(receipt(&sample(), Page::default()), expected);
    }

    #[test]
    fn a_submitted_extrinsic_is_not_called_done() {
        let BlockRef { hash, .. } = sample().plan.at.block;
        let outcome = Outcome::Submitted { extrinsic: hash, era_end: BlockNumber(71) };
        let text = receipt(&Receipt { outcome, ..sample() }, Page::default());
        assert!(text.starts_with("state       submitted, not yet in a finalized block\n"), "{text}");
        assert!(text.contains("#71"), "{text}");
    }
}
