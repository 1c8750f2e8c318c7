//! Stake on root behind delegates, in the words of runtimes before subnets had tokens.

use btd_api::{
    AlphaAmount, Amount, Coldkey, Hotkey, NetUid, WalletName,
    root::{
        DelegateParams, DelegateTo, Delegates, Delegations, MyDelegates, Nominate, NominateParams, Undelegate,
        UndelegateParams,
    },
    rpc::Nothing,
    stake::ColdkeyParams,
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
    prompt,
    session::Session,
    spend::{self, Terms},
    stake::pick,
    wallet::offer_identity,
};

/// What leaves nothing to be picked.
const HINT: &str = "--delegate names one; `btctl root list-delegates` shows them";

/// The delegate in question.
#[derive(Args, Clone, Copy, Debug)]
struct DelegateArg {
    /// The delegate's hotkey; `root list-delegates` shows them. Without it, a list is shown to pick from
    #[arg(
        long,
        value_name = "SS58",
        visible_alias = "delegate-ss58",
        aliases = ["delegate_ss58key", "delegate-ss58key", "delegate_ss58", "hotkey"],
        value_parser = addr::hotkey
    )]
    delegate: Option<Hotkey>,
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
            delegate: match self.delegate.delegate {
                Some(delegate) => delegate,
                None => pick(session).await?,
            },
            wallet: self.wallet.resolve(&session.settings),
        });
        spend::sign::<DelegateTo>(session, params, self.terms).await
    }
}

impl UndelegateArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let wallet = self.wallet.resolve(&session.settings);
        let params = unsent!(UndelegateParams {
            // Without --amount the parser asks for --all.
            amount: self.amount.unwrap_or(AlphaAmount::All),
            delegate: match self.delegate.delegate {
                Some(delegate) => delegate,
                None => pick_own(session, &wallet, self.terms.real()).await?,
            },
            wallet,
        });
        spend::sign::<Undelegate>(session, params, self.terms).await
    }
}

/// Shows everybody to stake behind, and asks behind whom.
async fn pick(session: &Session) -> Result<Hotkey, Failure> {
    require_asking(session)?;
    let reply = session.call::<Delegates>(&Nothing {}).await?.read()?;
    if reply.delegates.is_empty() {
        return Err(Failure::usage("there is nobody to stake behind: the chain has no delegates"));
    }
    session.out.show(|page| super::delegates(&reply, page));
    let hotkeys: Vec<Hotkey> = reply.delegates.iter().map(|one| one.hotkey).collect();
    picked(session, &hotkeys).await
}

/// Shows behind whom a wallet's coldkey, or the account for which it is a proxy, has stake on root, and asks for one
/// of them.
async fn pick_own(session: &Session, wallet: &WalletName, real: Option<Coldkey>) -> Result<Hotkey, Failure> {
    require_asking(session)?;
    let params = ColdkeyParams { wallet: real.is_none().then(|| wallet.clone()), address: real };
    let mut reply = session.call::<MyDelegates>(&params).await?.read()?;
    reply.delegations.retain(|one| one.netuid == NetUid::ROOT);
    if reply.delegations.is_empty() {
        return Err(Failure::usage(format!("{} has nothing on root behind others", reply.coldkey)));
    }
    session.out.show(|page| {
        let mut table = Table::new(&[
            Column::number("INDEX"),
            Column::text("NAME"),
            Column::address("SS58"),
            Column::number("STAKE (τ)"),
        ]);
        for (index, one) in (1_u32..).zip(&reply.delegations) {
            table.row(&[index.to_string(), or_dash(&one.name), one.hotkey.to_string(), one.stake.to_string()]);
        }
        table.render(page)
    });
    let hotkeys: Vec<Hotkey> = reply.delegations.iter().map(|one| one.hotkey).collect();
    picked(session, &hotkeys).await
}

fn require_asking(session: &Session) -> Result<(), Failure> {
    if session.may_ask() {
        return Ok(());
    }
    Err(Failure::Usage { message: "no delegate is named".to_owned(), hint: Some(HINT) })
}

/// The one whose index is answered.
async fn picked(session: &Session, hotkeys: &[Hotkey]) -> Result<Hotkey, Failure> {
    let told = prompt::line("Behind which of them, by its index", HINT).await?;
    match pick::chosen(&told, hotkeys).map_err(Failure::usage)?.as_slice() {
        [one] => {
            session.answered("--delegate", &one.to_string());
            Ok(**one)
        }
        _ => Err(Failure::usage("it is one delegate at a time: name one number")),
    }
}

pub(super) async fn nominate(args: RegisterArgs, session: &Session) -> Result<Exit, Failure> {
    let wallet = args.wallet.resolve(&session.settings);
    let params = unsent!(NominateParams { wallet: wallet.clone(), hotkey: args.hotkey.resolve(&session.settings) });
    // For the account behind a proxy nothing more is signed than was asked for.
    let may_offer = !args.terms.is_dry_run() && args.terms.real().is_none();
    let exit = spend::sign::<Nominate>(session, params, args.terms).await?;
    if may_offer {
        // What was asked before stands for itself; what is signed from here on is another command.
        offer_identity(session, wallet).await;
    }
    Ok(exit)
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
