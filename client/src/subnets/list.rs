//! Every subnet in one line.

use std::fmt::Display;

use btd_api::{
    Alpha, Tao, TaoChange,
    subnets::{List, ListParams, SubnetSummary, Subnets},
};
use clap::Args;

use crate::{
    chain::query::BlockArg,
    exit::Exit,
    failure::Failure,
    live::LiveArgs,
    output::{
        Page,
        column::{self, Key, Shown},
        table::Column,
        text,
    },
    session::Session,
};

/// `btctl subnets list`
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    at: BlockArg,
    /// The columns to show, with commas: netuid,name,n,max_n,price,emission,inflow,tao,alpha,stake,tempo,mechanisms,
    /// register,symbol,owner, and supply, cap
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = column)]
    columns: Vec<&'static Shown<SubnetSummary>>,
    /// Sort by this column: numbers from the largest on, texts and netuids from the first on
    #[arg(long, visible_alias = "sort-by", value_name = "COLUMN", value_parser = column)]
    sort: Option<&'static Shown<SubnetSummary>>,
    #[command(flatten)]
    live: LiveArgs,
}

/// All columns in their order. Those before the last two are shown unless others are asked for.
static COLUMNS: [Shown<SubnetSummary>; 17] = [
    Shown {
        name: "netuid",
        column: Column::number("NETUID"),
        text: |subnet, _| subnet.netuid.to_string(),
        key: |subnet, _| Key::Order(subnet.netuid.0.into()),
    },
    Shown {
        name: "name",
        column: Column::text("NAME"),
        text: |subnet, _| subnet.name.clone(),
        key: |subnet, _| Key::Text(subnet.name.to_lowercase()),
    },
    Shown {
        name: "n",
        column: Column::number("N"),
        text: |subnet, _| subnet.neurons.to_string(),
        key: |subnet, _| Key::Amount(subnet.neurons.into()),
    },
    Shown {
        name: "max_n",
        column: Column::number("MAX_N").leaves(1),
        text: |subnet, _| subnet.max_neurons.to_string(),
        key: |subnet, _| Key::Amount(subnet.max_neurons.into()),
    },
    Shown {
        name: "price",
        column: Column::number("PRICE (τ/α)"),
        text: |subnet, _| told(subnet.price, 6),
        key: |subnet, _| Key::Amount(subnet.price.map_or(0, Tao::rao)),
    },
    Shown {
        name: "emission",
        column: Column::number("EMISSION (τ/block)").leaves(2),
        text: |subnet, _| told(subnet.tao_in_emission, 6),
        key: |subnet, _| Key::Amount(subnet.tao_in_emission.map_or(0, Tao::rao)),
    },
    Shown {
        name: "inflow",
        column: Column::number("NET INFLOW EMA (τ)").leaves(9),
        text: |subnet, _| told(subnet.net_inflow, 4),
        key: |subnet, _| Key::Signed(subnet.net_inflow.map_or(i128::MIN, TaoChange::rao)),
    },
    Shown {
        name: "tao",
        column: Column::number("POOL (τ)").leaves(3),
        text: |subnet, _| told(subnet.tao_in, 4),
        key: |subnet, _| Key::Amount(subnet.tao_in.map_or(0, Tao::rao)),
    },
    Shown {
        name: "alpha",
        column: Column::number("POOL (α)").leaves(4),
        text: |subnet, _| told(subnet.alpha_in, 4),
        key: |subnet, _| Key::Amount(subnet.alpha_in.map_or(0, Alpha::rao)),
    },
    Shown {
        name: "stake",
        column: Column::number("STAKE (α)").leaves(5),
        text: |subnet, _| told(subnet.alpha_out, 4),
        key: |subnet, _| Key::Amount(subnet.alpha_out.map_or(0, Alpha::rao)),
    },
    Shown {
        name: "tempo",
        column: Column::number("TEMPO (k/n)").leaves(6),
        text: |subnet, _| format!("{}/{}", subnet.blocks_since_epoch, subnet.tempo),
        key: |subnet, _| Key::Amount(subnet.tempo.into()),
    },
    Shown {
        name: "mechanisms",
        column: Column::number("MECHANISMS").leaves(8),
        text: |subnet, _| subnet.mechanisms.map_or_else(|| "-".to_owned(), |count| count.to_string()),
        key: |subnet, _| Key::Amount(subnet.mechanisms.unwrap_or(0).into()),
    },
    Shown {
        name: "register",
        column: Column::number("REGISTER (τ)"),
        text: |subnet, _| cost(subnet),
        key: |subnet, _| Key::Amount(if is_closed(subnet) { 0 } else { subnet.burn.rao() }),
    },
    Shown {
        name: "symbol",
        column: Column::text("SYMBOL").leaves(7),
        text: |subnet, _| subnet.symbol.clone(),
        key: |subnet, _| Key::Text(subnet.symbol.clone()),
    },
    Shown {
        name: "owner",
        column: Column::address("SUDO").leaves(10),
        text: |subnet, _| subnet.owner.map_or_else(|| "-".to_owned(), |owner| owner.to_string()),
        key: |subnet, _| Key::Text(subnet.owner.map_or_else(String::new, |owner| owner.to_string())),
    },
    Shown {
        name: "supply",
        column: Column::number("SUPPLY (α)"),
        text: |subnet, _| told(supply(subnet), 4),
        key: |subnet, _| Key::Amount(supply(subnet).map_or(0, Alpha::rao)),
    },
    Shown {
        name: "cap",
        column: Column::number("MARKET CAP (τ)"),
        text: |subnet, _| told(market_cap(subnet), 4),
        key: |subnet, _| Key::Amount(market_cap(subnet).map_or(0, Tao::rao)),
    },
];

/// Those that are shown unless others are asked for.
const USUAL: usize = 15;

fn column(name: &str) -> Result<&'static Shown<SubnetSummary>, String> {
    column::find(&COLUMNS, name)
}

/// All alpha that there is: in the pool and out of it; none where the runtime has no pools.
fn supply(subnet: &SubnetSummary) -> Option<Alpha> {
    Some(subnet.alpha_in?.saturating_add(subnet.alpha_out?))
}

/// What all of it would be worth at the price.
fn market_cap(subnet: &SubnetSummary) -> Option<Tao> {
    const ONE: u128 = 1_000_000_000;
    let rao = u128::from(supply(subnet)?.rao()) * u128::from(subnet.price?.rao()) / ONE;
    Some(Tao::from_rao(u64::try_from(rao).unwrap_or(u64::MAX)))
}

impl ListArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let at_least = |at_least| ListParams { block: self.at.block, at_least };
        let render = |subnets: &Subnets, page: Page| render(subnets, page, &self.columns, self.sort);
        if self.live.is_wanted(self.at.block)? {
            return self.live.follow::<List>(session, at_least, render).await;
        }
        let reply = session.call::<List>(&at_least(None)).await?;
        session.out.reply(&reply, render).map(|()| Exit::Success)
    }
}

fn render(
    subnets: &Subnets,
    page: Page,
    columns: &[&'static Shown<SubnetSummary>],
    sort: Option<&'static Shown<SubnetSummary>>,
) -> String {
    let columns = if columns.is_empty() { COLUMNS.iter().take(USUAL).collect() } else { columns.to_vec() };
    let block = subnets.at.block.number.0;
    let table = column::table(&column::sorted(&subnets.subnets, (sort, None), block), &columns, block);
    let neurons: usize = subnets.subnets.iter().map(|subnet| usize::from(subnet.neurons)).sum();
    let (count, neurons) = (text::count(subnets.subnets.len(), "subnet"), text::count(neurons, "neuron"));
    let emission: Vec<Tao> = subnets.subnets.iter().filter_map(|subnet| subnet.tao_in_emission).collect();
    // A runtime without pools tells none, which is no zero.
    let emission = if emission.is_empty() {
        String::new()
    } else {
        format!("emission τ{:.6} per block, ", emission.into_iter().fold(Tao::ZERO, Tao::saturating_add))
    };
    format!("{}{count}, {neurons}, {emission}{}\n", table.render(page), text::at(&subnets.at, page))
}

/// An amount with so many digits; of what the runtime does not tell, no zero.
pub(super) fn told(amount: Option<impl Display>, digits: usize) -> String {
    amount.map_or_else(|| "-".to_owned(), |amount| format!("{amount:.digits$}"))
}

/// What registering costs, or that it is closed.
pub(super) fn cost(subnet: &SubnetSummary) -> String {
    if is_closed(subnet) { "closed".to_owned() } else { format!("{:.6}", subnet.burn) }
}

/// Whether the chain says that nobody may register.
pub(super) fn is_closed(subnet: &SubnetSummary) -> bool {
    subnet.registration_allowed == Some(false)
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
            "mechanisms": 2, "net_inflow": "-250000000",
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
        for absent in ["price", "tao_in", "alpha_in", "alpha_out", "tao_in_emission", "mechanisms", "net_inflow"] {
            root[absent] = json!(null);
        }
        // As a runtime tells it that knows neither owners nor a switch.
        let mut old = summary();
        (old["netuid"], old["owner"], old["registration_allowed"]) = (json!(2), json!(null), json!(null));
        let subnets: Subnets = serde_json::from_value(json!({ "at": at, "subnets": [root, summary(), old] })).unwrap();
        let expected = "\
NETUID  NAME  N  MAX_N  PRICE (τ/α)  EMISSION (τ/block)  NET INFLOW EMA (τ)  POOL (τ)  POOL (α)  STAKE (α)  TEMPO (k/n)  MECHANISMS  REGISTER (τ)  SYMBOL  SUDO
     0  root  2    256            -                   -                   -         -         -          -       82/100           -        closed  α       5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
     1  apex  2    256     1.000000            0.500000             -0.2500   10.0000   10.0000     1.9999       82/100           2      0.100000  α       5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
     2  apex  2    256     1.000000            0.500000             -0.2500   10.0000   10.0000     1.9999       82/100           2      0.100000  α       -
3 subnets, 6 neurons, emission τ1.000000 per block, at block #9, just now
";
        assert_eq!(render(&subnets, Page::default(), &[], None), expected);
    }

    #[test]
    fn columns_are_chosen_and_rows_sorted() {
        let at = json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false });
        let mut dear = summary();
        (dear["netuid"], dear["name"]) = (json!(2), json!("dear"));
        dear["price"] = json!("2000000000");
        let subnets: Subnets = serde_json::from_value(json!({ "at": at, "subnets": [summary(), dear] })).unwrap();
        let columns = ["NETUID", "supply", "cap"].map(|name| column(name).unwrap());
        let lines = |sort| {
            let text = render(&subnets, Page::default(), &columns, Some(column(sort).unwrap()));
            text.lines().skip(1).take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let expected = ["     2     11.9999         23.9999", "     1     11.9999         11.9999"];
        assert_eq!(lines("cap"), expected);
        assert_eq!(lines("name").first().unwrap(), expected[1]);
        assert!(column("weight").unwrap_err().contains("there are: netuid, name"));
    }
}
