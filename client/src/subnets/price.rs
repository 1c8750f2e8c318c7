//! Prices: of alpha, of a neuron's place, of a subnet.

use btd_api::{
    NetUid,
    subnets::{CostReply, LockCost, LockCostParams, Price, PriceParams, PriceReply, RegistrationCost, SubnetParams},
};
use clap::Args;

use crate::{
    args::number,
    chain::query::BlockArg,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// `btctl subnets price`
#[derive(Args, Debug)]
pub(crate) struct PriceArgs {
    /// The subnet; without it, all
    #[arg(value_name = "NETUID", value_parser = number::<NetUid>)]
    position: Option<NetUid>,
    /// The same, as a flag
    #[arg(
        long = "netuid",
        short = 'n',
        value_name = "NETUID",
        alias = "netuids",
        value_parser = number::<NetUid>,
        conflicts_with = "position"
    )]
    flag: Option<NetUid>,
    /// All subnets, which is what no number stands for
    #[arg(long, hide = true, aliases = ["all-netuids", "all_netuids"], conflicts_with_all = ["position", "flag"])]
    all: bool,
    /// What it costs now, which is what no block stands for
    #[arg(long, hide = true, conflicts_with = "block")]
    current: bool,
    #[command(flatten)]
    at: BlockArg,
}

// === impl PriceArgs ===

impl PriceArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = PriceParams { netuid: self.flag.or(self.position), block: self.at.block };
        let reply = session.call::<Price>(&params).await?;
        session.out.reply(&reply, prices).map(|()| Exit::Success)
    }
}

pub(super) async fn registration_cost(params: SubnetParams, session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<RegistrationCost>(&params).await?;
    session.out.reply(&reply, cost).map(|()| Exit::Success)
}

pub(super) async fn lock_cost(at: BlockArg, session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<LockCost>(&LockCostParams { block: at.block }).await?;
    session.out.reply(&reply, cost).map(|()| Exit::Success)
}

fn prices(reply: &PriceReply, page: Page) -> String {
    let mut table = Table::new(&[Column::number("NETUID"), Column::number("PRICE (τ/α)")]);
    for one in &reply.prices {
        table.row(&[one.netuid.to_string(), one.price.map_or_else(|| "-".to_owned(), |price| price.to_string())]);
    }
    format!("{}{}\n", table.render(page), text::at(&reply.at, page))
}

fn cost(reply: &CostReply, page: Page) -> String {
    format!("τ{}, {}\n", reply.cost, text::at(&reply.at, page))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prices_have_every_digit() {
        let at = json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false });
        let prices_of: PriceReply = serde_json::from_value(json!({
            "at": at, "prices": [{ "netuid": 0, "price": "1000000000" }, { "netuid": 7, "price": null }],
        }))
        .unwrap();
        let expected = "\
NETUID  PRICE (τ/α)
     0  1.000000000
     7            -
at block #9, just now
";
        assert_eq!(prices(&prices_of, Page::default()), expected);
        let burn: CostReply = serde_json::from_value(json!({ "at": at, "cost": "99424041" })).unwrap();
        assert_eq!(cost(&burn, Page::default()), "τ0.099424041, at block #9, just now\n");
    }
}
