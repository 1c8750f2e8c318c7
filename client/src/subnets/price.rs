//! Prices: of alpha, now and in the past, of a neuron's place, of a subnet.

mod past;

use btd_api::{
    NetUid,
    subnets::{
        BurnCost, BurnCostParams, CostReply, LockCost, LockCostParams, Price, PriceParams, PriceReply, SubnetParams,
    },
};
use clap::Args;

use self::past::{Past, Scale};
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
    /// The subnets; without any, all
    #[arg(value_name = "NETUID", value_delimiter = ',', value_parser = number::<NetUid>)]
    positions: Vec<NetUid>,
    /// The same, as a flag: `1,2` or `1 2` [btcli 11's -n: --network]
    #[arg(
        long = "netuids",
        short = 'n',
        value_name = "NETUID",
        visible_alias = "netuid",
        value_delimiter = ',',
        num_args = 1..,
        value_parser = number::<NetUid>,
        conflicts_with = "positions"
    )]
    flags: Vec<NetUid>,
    /// All subnets, which is what no number stands for
    #[arg(long, aliases = ["all-netuids", "all_netuids"], conflicts_with_all = ["positions", "flags"])]
    all: bool,
    /// What it costs now, which is what no block stands for
    #[arg(long, hide = true, conflicts_with = "block")]
    current: bool,
    /// Show the past of so many hours [default with --log-scale: 4]
    #[arg(
        long, visible_alias = "interval", alias = "interval_hours", value_name = "HOURS",
        value_parser = clap::value_parser!(u32).range(1..=8760), conflicts_with_all = ["block", "current"]
    )]
    interval_hours: Option<u32>,
    /// Draw the past by the logarithm of the price
    #[arg(long, visible_alias = "log", alias = "log_scale", conflicts_with_all = ["block", "current"])]
    log_scale: bool,
    #[command(flatten)]
    at: BlockArg,
}

/// How many hours of the past are shown where it is not said how many.
const USUAL_HOURS: u32 = 4;

// === impl PriceArgs ===

impl PriceArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let netuids = [self.flags, self.positions].concat();
        if self.log_scale || self.interval_hours.is_some() {
            let scale = if self.log_scale { Scale::Logarithmic } else { Scale::Linear };
            let hours = self.interval_hours.unwrap_or(USUAL_HOURS);
            return past::show(session, netuids, Past { hours, scale }).await;
        }
        let params = PriceParams { netuid: None, netuids, block: self.at.block };
        let reply = session.call::<Price>(&params).await?;
        session.out.reply(&reply, prices).map(|()| Exit::Success)
    }
}

pub(super) async fn registration_cost(params: SubnetParams, session: &Session) -> Result<Exit, Failure> {
    let SubnetParams { netuid, block } = params;
    let reply = session.call::<BurnCost>(&BurnCostParams { netuid: Some(netuid), block }).await?;
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
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::{Below, Cli, Command};

    #[test]
    fn subnets_are_named_as_the_python_command_lines_name_them() {
        let netuids = |words: &str| {
            let cli = Cli::try_parse_from(format!("btctl subnets price {words}").split_whitespace()).ok()?;
            let Command::Subnets(Below(crate::subnets::Command::Price(args))) = cli.command else { return None };
            Some([args.flags, args.positions].concat().iter().map(|netuid| netuid.0).collect::<Vec<_>>())
        };
        for words in ["--netuids 1,2", "--netuids 1 2", "--netuid 1 -n 2", "-n 1,2 --json", "1 2", "1,2"] {
            assert_eq!(netuids(words), Some(vec![1, 2]), "{words}");
        }
        for words in ["", "--all", "--all-netuids --current"] {
            assert_eq!(netuids(words), Some(vec![]), "{words}");
        }
        for words in ["1 --interval-hours 24 --log-scale", "--netuid 1 --interval 4", "1 --log", "1 --log_scale"] {
            assert_eq!(netuids(words), Some(vec![1]), "{words}");
        }
        for words in ["1 --log --block 7", "1 --interval-hours 0", "1 --current --interval 4"] {
            assert_eq!(netuids(words), None, "{words}");
        }
        for words in ["1 --netuid 2", "--all --netuids 1", "--netuids"] {
            assert_eq!(netuids(words), None, "{words}");
        }
    }

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
