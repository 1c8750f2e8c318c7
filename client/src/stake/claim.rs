//! Root dividends: claimed now, or what is done with them from now on. The ninth Python command line calls the latter
//! `claim` too, and the former `process-claim`.

use btd_api::{
    NetUid,
    stake::{Claim, ClaimChoice, ClaimParams, SetClaim, SetClaimParams},
    unsent,
};
use clap::{Args, ValueEnum};

use crate::{
    args::{WalletArg, number},
    exit::Exit,
    failure::Failure,
    session::Session,
    spend::{self, Terms},
};

/// `btctl stake process-claim`
#[derive(Args, Debug)]
#[command(after_help = "In the ninth Python command line `claim` and `unclaim` are `set-claim`, which claims nothing.")]
pub(crate) struct ProcessClaimArgs {
    /// The subnets, one to five: `1,2,3` or `1-3` [btcli 11's -n: --network]
    #[arg(
        long,
        short = 'n',
        value_name = "NETUIDS",
        visible_alias = "netuid",
        value_delimiter = ',',
        required = true,
        value_parser = number::<NetUid>
    )]
    netuids: Vec<NetUid>,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl stake claim`
#[derive(Args, Debug)]
#[command(
    after_help = "In the ninth Python command line this is `set-claim`: with --netuids alone it keeps the dividends of \
                  these subnets from now on, and claims nothing. Here those words claim them now, which is said, and \
                  refused where nobody can be asked: `process-claim` claims, `set-claim keep` keeps."
)]
pub(crate) struct ClaimArgs {
    /// What is done with them from now on; without it they are claimed now
    #[arg(value_enum, ignore_case = true)]
    claim: Option<Dividends>,
    /// The subnets, one to five: `1,2,3` or `1-3` [btcli 11's -n: --network]
    #[arg(
        long,
        short = 'n',
        value_name = "NETUIDS",
        visible_alias = "netuid",
        value_delimiter = ',',
        required_unless_present = "claim",
        value_parser = number::<NetUid>
    )]
    netuids: Vec<NetUid>,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// What is done with root dividends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Dividends {
    /// Sell them and stake the tao on root; with --netuids those of these subnets, and of such as are created later
    Swap,
    /// Keep them as alpha; with --netuids on those subnets only
    #[value(aliases = ["delegated", "keep-subnets"])]
    Keep,
}

/// `btctl stake set-claim`
#[derive(Args, Debug)]
pub(crate) struct SetClaimArgs {
    /// What is done with them; of --netuids alone, they are kept
    #[arg(value_enum, ignore_case = true, required_unless_present = "netuids")]
    claim: Option<Dividends>,
    /// The subnets whose dividends are meant, those of others the other way: `1,2,3` or `1-3` [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "NETUIDS", value_delimiter = ',', value_parser = number::<NetUid>)]
    netuids: Vec<NetUid>,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

// === impl ProcessClaimArgs, ClaimArgs, SetClaimArgs ===

impl ProcessClaimArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = unsent!(ClaimParams { netuids: self.netuids, wallet: self.wallet.resolve(&session.settings) });
        spend::sign::<Claim>(session, params, self.terms).await
    }
}

impl ClaimArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self { claim, netuids, wallet, terms } = self;
        if claim.is_some() {
            return SetClaimArgs { claim, netuids, wallet, terms }.run(session).await;
        }
        let named: Vec<String> = netuids.iter().map(ToString::to_string).collect();
        let named = named.join(",");
        if !session.may_ask() {
            return Err(Failure::usage(format!(
                "`stake claim --netuids` is two things: `stake process-claim --netuids {named}` claims these dividends \
                 now, and `stake set-claim keep --netuids {named}`, which the ninth Python command line means by it, \
                 keeps them from now on: say one of the two"
            )));
        }
        session.out.warn(format!(
            "note: this claims now; what the ninth Python command line means by it is `stake set-claim keep --netuids \
             {named}`"
        ));
        session.stands_for(unmistakable(session.words()));
        ProcessClaimArgs { netuids, wallet, terms }.run(session).await
    }
}

/// The words of a claim with the word that nobody takes for another, for whoever is told the command again. Before the
/// noun the same word is the value of a flag.
fn unmistakable(mut words: Vec<String>) -> Vec<String> {
    let is_noun = |word: &String| ["stake", "st", "stakes"].contains(&word.as_str());
    let noun = words.iter().position(is_noun).unwrap_or(0);
    if let Some(word) = words.iter_mut().skip(noun).find(|word| word.as_str() == "claim") {
        "process-claim".clone_into(word);
    }
    words
}

impl SetClaimArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let claim = match (self.claim, self.netuids.is_empty()) {
            (Some(Dividends::Swap), true) => ClaimChoice::Swap,
            (Some(Dividends::Keep), true) => ClaimChoice::Keep,
            (Some(Dividends::Keep) | None, false) => ClaimChoice::KeepSubnets(self.netuids),
            (Some(Dividends::Swap), false) => ClaimChoice::SwapSubnets(self.netuids),
            (None, true) => return Err(Failure::usage("say `keep` or `swap`, or name with --netuids what is kept")),
        };
        let params = unsent!(SetClaimParams { claim, wallet: self.wallet.resolve(&session.settings) });
        spend::sign::<SetClaim>(session, params, self.terms).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_again_can_be_meant_in_one_way_only() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (typed, told) in [
            ("stake claim --netuids 1", "stake process-claim --netuids 1"),
            ("--socket /x st claim -n 1 --wallet claim", "--socket /x st process-claim -n 1 --wallet claim"),
            ("--config claim stake claim -n 1", "--config claim stake process-claim -n 1"),
        ] {
            assert_eq!(unmistakable(words(typed)), words(told));
        }
    }
}
