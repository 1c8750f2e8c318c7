//! What is paid for with work: the faucet of test chains, and places in subnets that take it. The work itself is done by the daemon, on all of its
//! processors; here is how long it takes, and the flags of the sixth Python command line about it.

use std::num::NonZeroU16;

use btd_api::{
    unsent,
    wallet::onchain::{Faucet, FaucetParams},
};
use clap::Args;

use crate::{
    args::WalletArg,
    exit::Exit,
    failure::Failure,
    session::Session,
    spend::{self, Planning, Terms},
};

/// `btctl wallet faucet`
#[derive(Args, Debug)]
pub(crate) struct FaucetArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    terms: Terms,
}

/// How the work is done.
#[derive(Args, Debug)]
pub(crate) struct WorkArgs {
    /// On how many of the daemon's processors the work is done [default: all] [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "N", aliases = ["faucet.num_processes", "pow_register.num_processes", "num_processes", "pow-workers"])]
    processors: Option<NonZeroU16>,
    #[arg(long = "update-interval", short = 'u', hide = true, aliases = [
        "faucet.update_interval", "pow_register.update_interval", "pow_register.cuda.update_interval", "faucet.cuda.update_interval", "cuda.update_interval", "update_interval",
    ])]
    update_interval: Option<u64>,
    #[arg(long = "no-output-in-place", hide = true, aliases = ["faucet.no_output_in_place", "pow_register.no_output_in_place", "no_output_in_place"])]
    no_output_in_place: bool,
    #[arg(long = "faucet.verbose", hide = true, alias = "pow_register.verbose")]
    verbose: bool,
    #[arg(long = "cuda", hide = true, aliases = ["faucet.cuda.use_cuda", "pow_register.cuda.use_cuda", "cuda.use_cuda"])]
    cuda: bool,
    #[arg(long = "no-cuda", hide = true, aliases = ["faucet.cuda.no_cuda", "pow_register.cuda.no_cuda", "no_cuda", "cuda.no_cuda"])]
    no_cuda: bool,
    #[arg(long = "cuda.dev_id", hide = true, num_args = 1.., aliases = ["faucet.cuda.dev_id", "pow_register.cuda.dev_id"])]
    devices: Vec<u32>,
    #[arg(long = "cuda.tpb", hide = true, aliases = ["faucet.cuda.tpb", "pow_register.cuda.tpb"])]
    tpb: Option<u32>,
}

// === impl WorkArgs ===

impl WorkArgs {
    /// On how many processors, if that is said. Those that change nothing are named.
    pub(crate) fn resolve(&self, session: &Session) -> Option<NonZeroU16> {
        for (flag, is_given) in [
            ("--update-interval", self.update_interval.is_some()),
            ("--no-output-in-place", self.no_output_in_place),
            ("--faucet.verbose", self.verbose),
            ("--cuda", self.cuda),
            ("--no-cuda", self.no_cuda),
            ("--cuda.dev_id", !self.devices.is_empty()),
            ("--cuda.tpb", self.tpb.is_some()),
        ] {
            if is_given {
                session.out.note(format!("note: {flag} has no meaning here: the daemon works on its processors"));
            }
        }
        self.processors
    }
}

/// `btctl wallet faucet` and `btctl legacy faucet`
pub(crate) async fn faucet(args: FaucetArgs, session: &Session) -> Result<Exit, Failure> {
    let (wallet, processors) = (args.wallet.resolve(&session.settings), args.work.resolve(session));
    let params = unsent!(FaucetParams { wallet, processors });
    spend::spend_after::<Faucet>(session, params, args.terms, (Planning::Work, spend::layout::receipt)).await
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Cli;

    #[test]
    fn the_flags_of_the_sixth_command_line_are_taken() {
        for good in [
            "wallet faucet --faucet.num_processes 2 --faucet.update_interval 50000 --faucet.verbose",
            "legacy faucet -n 2 -u 50000 --faucet.no_output_in_place --no_cuda --cuda.tpb 256",
            "wallet faucet --cuda --cuda.dev_id 0 1 --no_output_in_place",
            "subnets pow_register --netuid 1 --pow_register.num_processes 2 --pow_register.update_interval 5 --no_cuda",
            "s pow_register --netuid 1 -n 2 -u 5 --pow_register.verbose --pow_register.cuda.tpb 256",
        ] {
            let parsed = Cli::try_parse_from(format!("btctl {good}").split(' '));
            assert!(parsed.is_ok(), "{good}: {}", parsed.unwrap_err());
        }
        assert!(Cli::try_parse_from(["btctl", "wallet", "faucet", "-n", "0"]).is_err());
    }
}
