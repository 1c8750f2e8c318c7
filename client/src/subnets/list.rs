//! Every subnet in one line.

use std::fmt::Display;

use btd_api::subnets::{SubnetSummary, Subnets};

use crate::output::{
    Page,
    table::{Column, Table},
    text,
};

pub(super) fn render(subnets: &Subnets, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("NETUID"),
        Column::text("NAME"),
        Column::number("N"),
        Column::number("MAX_N").leaves(1),
        Column::number("PRICE (τ/α)"),
        Column::number("EMISSION (τ/block)").leaves(2),
        Column::number("POOL (τ)").leaves(3),
        Column::number("POOL (α)").leaves(4),
        Column::number("STAKE (α)").leaves(5),
        Column::number("TEMPO (k/n)").leaves(6),
        Column::number("REGISTER (τ)"),
        Column::text("SYMBOL").leaves(7),
    ]);
    for subnet in &subnets.subnets {
        table.row(&[
            subnet.netuid.to_string(),
            subnet.name.clone(),
            subnet.neurons.to_string(),
            subnet.max_neurons.to_string(),
            told(subnet.price, 6),
            told(subnet.tao_in_emission, 6),
            told(subnet.tao_in, 4),
            told(subnet.alpha_in, 4),
            told(subnet.alpha_out, 4),
            format!("{}/{}", subnet.blocks_since_epoch, subnet.tempo),
            cost(subnet),
            subnet.symbol.clone(),
        ]);
    }
    let neurons: usize = subnets.subnets.iter().map(|subnet| usize::from(subnet.neurons)).sum();
    let (count, neurons) = (text::count(subnets.subnets.len(), "subnet"), text::count(neurons, "neuron"));
    format!("{}{count}, {neurons}, {}\n", table.render(page), text::at(&subnets.at, page))
}

/// An amount with so many digits; of what the runtime does not tell, no zero.
pub(super) fn told(amount: Option<impl Display>, digits: usize) -> String {
    amount.map_or_else(|| "-".to_owned(), |amount| format!("{amount:.digits$}"))
}

/// What registering costs, or that it is closed.
pub(super) fn cost(subnet: &SubnetSummary) -> String {
    if subnet.registration_allowed { format!("{:.6}", subnet.burn) } else { "closed".to_owned() }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Subnet 1 as the daemon would tell it.
    pub(crate) fn summary() -> Value {
        json!({
            "netuid": 1, "name": "apex", "symbol": "α",
            "owner": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
            "neurons": 2, "max_neurons": 256, "tempo": 100, "blocks_since_epoch": 82,
            "price": "1000000000", "tao_in": "10000000000", "alpha_in": "10000000000", "alpha_out": "1999999999",
            "tao_in_emission": "500000000", "burn": "100000000", "registration_allowed": true,
        })
    }

    #[test]
    fn a_subnet_is_a_line() {
        let at = json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false });
        let mut root = summary();
        root["netuid"] = json!(0);
        root["name"] = json!("root");
        root["registration_allowed"] = json!(false);
        // As a runtime without pools tells it.
        for absent in ["price", "tao_in", "alpha_in", "alpha_out", "tao_in_emission"] {
            root[absent] = json!(null);
        }
        let subnets: Subnets = serde_json::from_value(json!({ "at": at, "subnets": [root, summary()] })).unwrap();
        let expected = "\
NETUID  NAME  N  MAX_N  PRICE (τ/α)  EMISSION (τ/block)  POOL (τ)  POOL (α)  STAKE (α)  TEMPO (k/n)  REGISTER (τ)  SYMBOL
     0  root  2    256            -                   -         -         -          -       82/100        closed  α
     1  apex  2    256     1.000000            0.500000   10.0000   10.0000     1.9999       82/100      0.100000  α
2 subnets, 4 neurons, at block #9, just now
";
        assert_eq!(render(&subnets, Page::default()), expected);
    }
}
