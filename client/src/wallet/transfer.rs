//! Sending tao.

use btd_api::{
    Amount, Coldkey, unsent,
    wallet::{Transfer, TransferParams},
};
use clap::Args;

use crate::{
    addr,
    args::WalletArg,
    exit::Exit,
    failure::Failure,
    session::Session,
    spend::{self, Terms},
};

/// `btctl wallet transfer`
#[derive(Args, Debug)]
pub(crate) struct TransferArgs {
    #[command(flatten)]
    wallet: WalletArg,
    /// Who receives
    #[arg(long, short = 'd', value_name = "SS58", visible_alias = "destination", value_parser = addr::coldkey)]
    dest: Coldkey,
    /// How much tao: `1.5`, or `all`
    #[arg(
        long,
        short = 'a',
        value_name = "TAO",
        aliases = ["amount-tao", "amount_tao"],
        value_parser = Amount::from_tokens,
        allow_hyphen_values = true,
        required_unless_present = "all"
    )]
    amount: Option<Amount>,
    /// Everything that can be moved
    #[arg(long, conflicts_with = "amount")]
    all: bool,
    /// Let the account fall below the existential deposit and vanish
    #[arg(long, alias = "allow_death")]
    allow_death: bool,
    #[command(flatten)]
    terms: Terms,
}

// === impl TransferArgs ===

impl TransferArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = unsent!(TransferParams {
            wallet: self.wallet.resolve(&session.settings),
            dest: self.dest,
            // Without --amount the parser asks for --all.
            amount: self.amount.unwrap_or(Amount::All),
            allow_death: self.allow_death,
        });
        spend::sign::<Transfer>(session, params, self.terms).await
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Cli;

    #[test]
    fn amounts_and_addresses_are_checked_where_they_are_typed() {
        const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        let parse = |words: &str| {
            Cli::try_parse_from(format!("btctl wallet transfer {words}").split(' ')).map_err(|error| error.to_string())
        };
        for good in [
            format!("--dest {BOB} --amount 1.5"),
            format!("--destination {BOB} -a all --wallet.name alice --no_prompt"),
            format!("-d {BOB} --all --allow-death --dry-run"),
            format!("-d {BOB} -a 0.000000001 --wait submitted -y"),
        ] {
            assert!(parse(&good).is_ok(), "{good}: {}", parse(&good).unwrap_err());
        }
        for (bad, why) in [
            (format!("--dest {BOB} --amount -1"), "is not an amount"),
            (format!("--dest {BOB} --amount 0.0000000001"), "finer than one rao"),
            (format!("--dest {BOB} --amount 18446744073.709551616"), "more than any balance"),
            (format!("--dest {BOB}"), "--amount"),
            ("--dest 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694tz --amount 1".to_owned(), "checksum"),
            ("--dest alice --amount 1".to_owned(), "not an SS58 address"),
            (format!("--dest {BOB} --amount 1 --all"), "cannot be used with"),
        ] {
            let message = parse(&bad).unwrap_err();
            assert!(message.contains(why), "{bad}: {message}");
        }
    }
}
