//! Balances, with totals.

use btd_api::{
    Coldkey, Tao, WalletName,
    wallet::{Balance, BalanceParams, BalanceRow, Balances},
};
use clap::{Args, ValueEnum};

use crate::{
    addr,
    args::WalletArg,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// `btctl wallet balance`: without a wallet or address, every wallet of this host
#[derive(Args, Debug)]
pub(crate) struct BalanceArgs {
    /// Any coldkeys
    #[arg(value_name = "ADDRESS", conflicts_with_all = ["wallet", "all", "ss58"], value_parser = addr::coldkey)]
    addresses: Vec<Coldkey>,
    /// The same, as a flag, several with commas or one flag each
    #[arg(long, value_name = "ADDRESS", aliases = ["ss58-address", "ss58_address", "address"], conflicts_with_all = ["wallet", "all"], value_delimiter = ',', value_parser = addr::coldkey)]
    ss58: Vec<Coldkey>,
    /// One wallet [env: BT_WALLET_NAME]
    #[arg(
        long,
        short = 'w',
        value_name = "NAME",
        visible_alias = "wallet-name",
        aliases = ["wallet.name", "wallet_name", "name"]
    )]
    wallet: Option<WalletName>,
    /// Every wallet of this host, whatever the environment says
    #[arg(long, short = 'a')]
    all: bool,
    /// The order of rows
    #[arg(long, value_enum, ignore_case = true, default_value_t = Sort::Name)]
    sort: Sort,
}

/// What rows are ordered by; amounts from the largest down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    Name,
    Free,
    Staked,
    Total,
}

// === impl BalanceArgs ===

impl BalanceArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let mut addresses: Vec<Coldkey> = Vec::new();
        for address in self.addresses.into_iter().chain(self.ss58) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let named = WalletArg { wallet: self.wallet };
        let wallet = if self.all {
            named.beside_all(session);
            None
        } else if addresses.is_empty() {
            named.wallet.or_else(|| session.settings.wallet.clone())
        } else {
            named.wallet
        };
        let params = match addresses[..] {
            [address] => BalanceParams { wallet, address: Some(address), addresses: Vec::new() },
            _ => BalanceParams { wallet, address: None, addresses },
        };
        let reply = session.call::<Balance>(&params).await?;
        let sort = self.sort;
        session.out.reply(&reply, |balances, page| render(balances, sort, page)).map(|()| Exit::Success)
    }
}

fn render(balances: &Balances, sort: Sort, page: Page) -> String {
    let mut rows: Vec<&BalanceRow> = balances.rows.iter().collect();
    match sort {
        Sort::Name => rows.sort_by(|a, b| a.wallet.cmp(&b.wallet)),
        Sort::Free => rows.sort_by_key(|row| std::cmp::Reverse(row.free)),
        Sort::Staked => rows.sort_by_key(|row| std::cmp::Reverse(row.staked)),
        Sort::Total => rows.sort_by_key(|row| std::cmp::Reverse(row.total)),
    }
    let mut table = Table::new(&[
        Column::text("WALLET"),
        Column::address("COLDKEY"),
        Column::number("FREE (τ)"),
        Column::number("STAKED (τ)"),
        Column::number("TOTAL (τ)"),
    ]);
    for row in &rows {
        table.row(&[
            row.wallet.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            row.coldkey.to_string(),
            row.free.to_string(),
            text::known(row.staked),
            text::known(row.total),
        ]);
    }
    if rows.len() > 1 {
        let sum = |amount: fn(&BalanceRow) -> Option<Tao>| {
            text::known(rows.iter().try_fold(Tao::ZERO, |sum, row| Some(sum.saturating_add(amount(row)?))))
        };
        let free = sum(|row| Some(row.free));
        table.row(&["total".into(), String::new(), free, sum(|row| row.staked), sum(|row| row.total)]);
    }
    format!("{}{}\n", table.render(page), text::at(&balances.at, page))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn the_spellings_of_the_python_command_lines_work() {
        const ADDRESS: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        let parses = |words: &str| Cli::try_parse_from(format!("btctl {words}").split(' ')).is_ok();
        for good in [
            "wallet balance --all".to_owned(),
            "wallet balance --all --wallet.name alice".to_owned(),
            "w balance --wallet.name alice".to_owned(),
            format!("wallet balance {ADDRESS}"),
            format!("wallet balance --ss58 {ADDRESS}"),
            format!("wallet balance --ss58 {ADDRESS} --ss58 {BOB}"),
            format!("wallet balance --ss58 {ADDRESS},{BOB}"),
            format!("wallet balance {ADDRESS} {BOB}"),
            "wallet balance -a --sort total".to_owned(),
        ] {
            assert!(parses(&good), "{good}");
        }
        assert!(!parses("wallet balance 5Grwva"));
        assert!(!parses(&format!("wallet balance --all {ADDRESS}")));
    }

    #[test]
    fn totals_stand_below_several_rows() {
        let balances: Balances = serde_json::from_value(json!({
            "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false },
            "rows": [
                { "wallet": "bob", "coldkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
                  "free": "1500000000", "staked": "0", "total": "1500000000", "positions": [] },
                { "wallet": "alice", "coldkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
                  "free": "1000000000001", "staked": "2000000000", "total": "1002000000001", "positions": [] },
            ],
        }))
        .unwrap();
        let expected = "\
WALLET  COLDKEY                                                   FREE (τ)   STAKED (τ)         TOTAL (τ)
alice   5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY  1000.000000001  2.000000000  1002.000000001
";
        let text = render(&balances, Sort::Name, Page::default());
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(text.lines().nth(1).unwrap()), words(expected.lines().nth(1).unwrap()));
        assert_eq!(words(text.lines().nth(3).unwrap()), ["total", "1001.500000001", "2.000000000", "1003.500000001"]);
        assert_eq!(text.lines().last(), Some("at block #9, just now"));
        let mut unpriced = balances;
        (unpriced.rows[0].staked, unpriced.rows[0].total) = (None, None);
        let text = render(&unpriced, Sort::Name, Page::default());
        assert_eq!(
            words(text.lines().nth(2).unwrap())[2..],
            ["1.500000000", "-", "-"],
            "what is not known is not nothing"
        );
        assert_eq!(words(text.lines().nth(3).unwrap()), ["total", "1001.500000001", "-", "-"]);
    }
}
