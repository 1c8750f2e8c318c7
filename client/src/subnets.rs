//! The noun `subnets`: subnets, their neurons, and registration.

mod history;
mod identity;
mod list;
mod load;
mod matrix;
mod metagraph;
mod owning;
mod price;
mod register;

use btd_api::subnets::SubnetParams;
use clap::{Args, Subcommand};

use crate::{
    args::NetUidArg, chain::query::BlockArg, exit::Exit, failure::Failure, session::Session, stake::lock, sudo,
};

/// `btctl subnets ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Every subnet in one line
    List(list::ListArgs),
    /// One subnet with all its neurons
    #[command(alias = "show")]
    Metagraph(metagraph::MetagraphArgs),
    /// What a file holds that `metagraph --save` wrote
    Load(load::LoadArgs),
    /// The past of a subnet's metagraph, an epoch a line
    History(history::HistoryArgs),
    /// Read a subnet's metagraph at a block of the past into its history
    Sync(history::SyncArgs),
    /// The hyperparameters of a subnet, with what they mean and who may set them
    #[command(visible_alias = "hparams")]
    Hyperparameters(sudo::GetArgs),
    /// What one alpha costs, of one subnet or of all
    Price(price::PriceArgs),
    /// What registering a neuron on a subnet costs, which btcli 11 calls burn-cost
    #[command(alias = "registration_cost")]
    RegistrationCost(AtBlock),
    /// What creating a subnet costs; what a neuron's place costs, which btcli 11 calls burn-cost, is `registration-cost`
    #[command(visible_alias = "burn-cost", aliases = ["lock_cost", "burn_cost", "create-cost", "create_cost"])]
    LockCost(BlockArg),
    /// The weights or bonds of a subnet, one entry a line
    Matrix(matrix::MatrixArgs),
    /// The hotkeys that locks on a subnet favour, and what makes the first its owner
    Conviction(lock::ConvictionArgs),
    /// Register a hotkey on a subnet for its current price
    Register(register::RegisterArgs),
    /// Register a hotkey on a subnet for a proof of work, on runtimes and subnets that take it
    #[command(alias = "pow_register")]
    PowRegister(register::PowRegisterArgs),
    /// Create a subnet, with an identity if wanted
    Create(owning::CreateArgs),
    /// Start a subnet's emission and the trade of its alpha
    Start(owning::StartArgs),
    /// Whether a subnet has been started, and when it can be
    #[command(alias = "check_start")]
    CheckStart(NetUidArg),
    /// Set how a subnet describes itself
    #[command(alias = "set_identity")]
    SetIdentity(owning::SetIdentityArgs),
    /// How a subnet describes itself
    #[command(alias = "get_identity")]
    GetIdentity(NetUidArg),
    /// Set the symbol of a subnet's alpha
    #[command(alias = "set_symbol")]
    SetSymbol(owning::SetSymbolArgs),
    /// The mechanisms of a subnet and how they share its emission
    #[command(subcommand, visible_alias = "mech")]
    Mechanisms(owning::MechanismsCommand),
}

/// A subnet at a block.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct AtBlock {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    at: BlockArg,
}

// === impl AtBlock ===

impl AtBlock {
    pub(crate) fn params(self) -> SubnetParams {
        SubnetParams { netuid: self.netuid.resolve(), block: self.at.block }
    }
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List(args) => args.run(session).await,
            Self::Metagraph(args) => args.run(session).await,
            Self::Load(args) => args.run(session).await,
            Self::History(args) => args.run(session).await,
            Self::Sync(args) => args.run(session).await,
            Self::Hyperparameters(args) => sudo::get(args, session).await,
            Self::Price(args) => args.run(session).await,
            Self::RegistrationCost(subnet) => price::registration_cost(subnet.params(), session).await,
            Self::LockCost(at) => price::lock_cost(at, session).await,
            Self::Matrix(args) => args.run(session).await,
            Self::Conviction(args) => args.run(session).await,
            Self::Register(args) => args.run(session).await,
            Self::PowRegister(args) => args.run(session).await,
            Self::Create(args) => args.run(session).await,
            Self::Start(args) => args.run(session).await,
            Self::CheckStart(netuid) => owning::check_start(netuid, session).await,
            Self::SetIdentity(args) => args.run(session).await,
            Self::GetIdentity(netuid) => owning::get_identity(netuid, session).await,
            Self::SetSymbol(args) => args.run(session).await,
            Self::Mechanisms(command) => command.run(session).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Cli;

    #[test]
    fn a_subnet_is_named_by_position_or_flag() {
        let parses = |words: &str| Cli::try_parse_from(format!("btctl {words}").split(' ')).is_ok();
        for good in [
            "subnets metagraph 1",
            "subnet metagraph --netuid 1",
            "s show --netuid 1",
            "subnets hyperparameters 1",
            "subnets hparams --netuid 1",
            "subnets matrix 1 --matrix bonds",
            "subnets list",
            "subnets metagraph 1 --block 7 --columns uid,stake,hotkey --sort stake",
            "subnets metagraph 1 --save metagraph.npz",
            "subnets metagraph 1 --live --sort stake",
            "subnets metagraph 1 --mechid 1 --block 7",
            "subnets metagraph 1 --mechid 1 --live",
            "subnets show --netuid 1 --mech_id 1",
            "subnets matrix 1 --mechid 1 --block 7",
            "subnets list --sort cap --columns netuid,cap,supply --block 7",
            "subnets list --live --count 3",
            "subnets price --netuids 1 --current",
            "subnets price --all",
            "subnets history 1",
            "subnets history --netuid 1 --from 100 --to 900 --limit 5 --uid 3 --columns incentives,emission",
            "subnets sync 1 --block 100",
            "subnets price",
            "subnets price 1 --block 7",
            "subnets registration-cost 1",
            "subnets burn-cost",
            "subnets lock-cost --block 7",
        ] {
            assert!(parses(good), "{good}");
        }
        for bad in [
            "subnets metagraph",
            "subnets metagraph 1 --netuid 1",
            "subnets metagraph 65536",
            "subnets metagraph x",
            "subnets load",
            "subnets history 1 --uid 3 --columns nothing",
            "subnets sync 1",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }
}
