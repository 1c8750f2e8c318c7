//! Stake on root behind delegates, in the words of runtimes before subnets had tokens.

use btd_api::{
    AlphaAmount, Amount, Hotkey,
    root::{
        DelegateParams, DelegateTo, Delegations, MyDelegates, Nominate, NominateParams, Undelegate, UndelegateParams,
    },
    unsent,
};
use clap::Args;

use super::{RegisterArgs, netuids, or_dash};
use crate::{
    addr,
    args::{ColdkeysArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
    spend::{self, Terms},
};

/// The delegate in question.
#[derive(Args, Clone, Copy, Debug)]
struct DelegateArg {
    /// The delegate's hotkey; `root list-delegates` shows them
    #[arg(
        long,
        value_name = "SS58",
        visible_alias = "delegate-ss58",
        aliases = ["delegate_ss58key", "delegate-ss58key", "delegate_ss58", "hotkey"],
        value_parser = addr::hotkey
    )]
    delegate: Hotkey,
}

/// `btctl root delegate`
#[derive(Args, Debug)]
pub(crate) struct DelegateArgs {
    #[command(flatten)]
    delegate: DelegateArg,
    /// How much tao: `1.5`, or `all` that can be spent
    #[arg(
        long, short = 'a', value_name = "TAO", value_parser = Amount::from_tokens, allow_hyphen_values = true,
        required_unless_present = "all"
    )]
    amount: Option<Amount>,
    /// All that can be spent
    #[arg(long, conflicts_with = "amount")]
    all: bool,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl root undelegate`
#[derive(Args, Debug)]
pub(crate) struct UndelegateArgs {
    #[command(flatten)]
    delegate: DelegateArg,
    /// How much tao: `1.5`, or `all`
    #[arg(
        long, short = 'a', value_name = "TAO", value_parser = AlphaAmount::from_tokens, allow_hyphen_values = true,
        required_unless_present = "all"
    )]
    amount: Option<AlphaAmount>,
    /// All that is behind the delegate
    #[arg(long, conflicts_with = "amount")]
    all: bool,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

// === impl DelegateArgs, UndelegateArgs ===

impl DelegateArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = unsent!(DelegateParams {
            // Without --amount the parser asks for --all.
            amount: self.amount.unwrap_or(Amount::All),
            delegate: self.delegate.delegate,
            wallet: self.wallet.resolve(&session.settings),
        });
        spend::sign::<DelegateTo>(session, params, self.terms).await
    }
}

impl UndelegateArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = unsent!(UndelegateParams {
            // Without --amount the parser asks for --all.
            amount: self.amount.unwrap_or(AlphaAmount::All),
            delegate: self.delegate.delegate,
            wallet: self.wallet.resolve(&session.settings),
        });
        spend::sign::<Undelegate>(session, params, self.terms).await
    }
}

pub(super) async fn nominate(args: RegisterArgs, session: &Session) -> Result<Exit, Failure> {
    let params = unsent!(NominateParams {
        wallet: args.wallet.resolve(&session.settings),
        hotkey: args.hotkey.resolve(&session.settings),
    });
    spend::sign::<Nominate>(session, params, args.terms).await
}

pub(super) async fn mine(args: ColdkeysArg, session: &Session) -> Result<Exit, Failure> {
    args.show::<MyDelegates>(session, delegations).await
}

fn delegations(reply: &Delegations, page: Page) -> String {
    let mut table = Table::new(&[
        Column::text("NAME"),
        Column::address("DELEGATE"),
        Column::number("NETUID"),
        Column::number("STAKE"),
        Column::number("τ/24h").leaves(1),
        Column::number("TAKE").leaves(2),
        Column::number("NOMINATORS").leaves(5),
        Column::number("OWNER STAKE (τ)").leaves(6),
        Column::number("TOTAL STAKE (τ)").leaves(3),
        Column::text("SUBNETS").leaves(7),
        Column::text("VPERMIT").leaves(8),
        Column::number("24h/kτ").leaves(4),
        Column::address("OWNER").leaves(9),
    ]);
    let told = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for one in &reply.delegations {
        table.row(&[
            or_dash(&one.name),
            one.hotkey.to_string(),
            one.netuid.to_string(),
            format!("{} {}", one.stake, one.netuid.stake_sign()),
            told(one.daily_return.map(|earned| earned.to_string())),
            told(one.take.map(|take| take.to_string())),
            told(one.nominators.map(|count| count.to_string())),
            told(one.own_stake.map(|stake| stake.to_string())),
            told(one.total_stake.map(|stake| stake.to_string())),
            netuids(&one.registrations),
            netuids(&one.validator_permits),
            told(one.return_per_1000.map(|earned| earned.to_string())),
            told(one.owner.map(|owner| owner.to_string())),
        ]);
    }
    let count = text::count(reply.delegations.len(), "position");
    format!("{}{count} of {}, {}\n", table.render(page), reply.coldkey, text::at(&reply.at, page))
}
