//! A subnet with all its neurons, in the columns that operators know from the older command line.

use btd_api::{
    Alpha,
    subnets::{MetagraphReply, Neuron},
};

use super::list::cost;
use crate::output::{
    Page,
    table::{Column, Table},
    text,
};

pub(super) fn render(reply: &MetagraphReply, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("UID"),
        Column::number("STAKE (α)"),
        Column::number("RANK").leaves(12),
        Column::number("TRUST").leaves(11),
        Column::number("CONSENSUS").leaves(8),
        Column::number("INCENTIVE").leaves(3),
        Column::number("DIVIDENDS").leaves(4),
        Column::number("EMISSION (α)").leaves(2),
        Column::number("VTRUST").leaves(7),
        Column::text("VAL").leaves(6),
        Column::number("UPDATED").leaves(5),
        Column::text("ACTIVE").leaves(9),
        Column::text("AXON").leaves(1),
        Column::address("HOTKEY"),
        Column::address("COLDKEY").leaves(10),
    ]);
    for neuron in &reply.neurons {
        let age = u64::from(reply.at.block.number.0).checked_sub(neuron.last_update);
        table.row(&[
            neuron.uid.to_string(),
            format!("{:.4}", neuron.stake),
            score(neuron.rank),
            score(neuron.trust),
            score(neuron.consensus),
            score(neuron.incentive),
            score(neuron.dividends),
            format!("{:.6}", neuron.emission),
            score(neuron.validator_trust),
            mark(neuron.validator_permit),
            age.map_or_else(|| "-".to_owned(), |blocks| blocks.to_string()),
            mark(neuron.active),
            axon(neuron),
            neuron.hotkey.to_string(),
            neuron.coldkey.to_string(),
        ]);
    }
    format!("{}{}{}", heading(reply, page), table.render(page), footer(reply, page))
}

fn heading(reply: &MetagraphReply, page: Page) -> String {
    let subnet = &reply.subnet;
    let name = page.bold(format_args!("subnet {} {}", subnet.netuid, text::visible(&subnet.name)));
    format!(
        "{name}, owner {}, {}/{} neurons, tempo {}/{}, price τ{:.6}, registering {}\n",
        subnet.owner,
        subnet.neurons,
        subnet.max_neurons,
        subnet.blocks_since_epoch,
        subnet.tempo,
        subnet.price,
        if subnet.registration_allowed { format!("τ{}", cost(subnet)) } else { cost(subnet) },
    )
}

fn footer(reply: &MetagraphReply, page: Page) -> String {
    let sum = |amount: fn(&Neuron) -> Alpha| {
        reply.neurons.iter().fold(Alpha::ZERO, |sum, neuron| sum.saturating_add(amount(neuron)))
    };
    let (stake, emission) = (sum(|neuron| neuron.stake), sum(|neuron| neuron.emission));
    let count = text::count(reply.neurons.len(), "neuron");
    format!("{count}, stake {stake:.4} α, emission {emission:.6} α per epoch, {}\n", text::at(&reply.at, page))
}

fn score(score: f64) -> String {
    format!("{score:.5}")
}

fn mark(holds: bool) -> String {
    if holds { "*".to_owned() } else { "-".to_owned() }
}

fn axon(neuron: &Neuron) -> String {
    neuron.axon.as_ref().map_or_else(|| "none".to_owned(), |axon| format!("{}:{}", axon.ip, axon.port))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{output::Colour, subnets::list::tests::summary};

    fn sample() -> MetagraphReply {
        let neuron = |uid: u16, axon: serde_json::Value| {
            json!({
                "uid": uid,
                "hotkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
                "coldkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
                "active": true, "validator_permit": uid == 0,
                "stake": "1500000000", "alpha_stake": "1500000000", "tao_stake": "0",
                "rank": 0.0, "trust": 0.0, "consensus": 0.5, "incentive": 0.5, "dividends": 1.0, "validator_trust": 0.0,
                "emission": "1000", "last_update": 4, "registered_at": 2, "axon": axon, "identity": null,
            })
        };
        serde_json::from_value(json!({
            "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": true },
            "subnet_at": { "number": 10, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 1, "stale": true },
            "subnet": summary(),
            "neurons": [
                neuron(0, json!({ "ip": "127.0.0.1", "port": 8091, "version": 1, "block": 3 })),
                neuron(1, json!(null)),
            ],
        }))
        .unwrap()
    }

    #[test]
    fn the_columns_of_old_are_there() {
        let text = render(&sample(), Page::default());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "subnet 1 apex, owner 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY, 2/256 neurons, tempo 82/100, \
             price τ1.000000, registering τ0.100000"
        );
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(
            words(lines[1]),
            "UID STAKE (α) RANK TRUST CONSENSUS INCENTIVE DIVIDENDS EMISSION (α) VTRUST VAL UPDATED ACTIVE AXON HOTKEY COLDKEY"
        );
        assert_eq!(
            words(lines[2]),
            "0 1.5000 0.00000 0.00000 0.50000 0.50000 1.00000 0.000001 0.00000 * 5 * 127.0.0.1:8091 \
             5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
        );
        assert_eq!(
            lines[4],
            "2 neurons, stake 3.0000 α, emission 0.000002 α per epoch, STALE: blocks stopped arriving; this is block #9, just now"
        );
    }

    #[test]
    fn a_narrow_terminal_keeps_what_matters_most() {
        let text = render(&sample(), Page { width: Some(80), colour: Colour::Plain });
        let head = text.lines().nth(1).unwrap();
        assert!(head.chars().count() <= 80, "{head}");
        assert!(head.starts_with("UID") && head.contains("STAKE") && head.contains("HOTKEY") && head.contains("AXON"));
        assert!(text.contains("not shown for want of width: RANK, TRUST"), "{text}");
    }
}
