//! The noun `crowd`: raising tao together, for an account or for a call.

mod list;

use btd_api::{
    BlockNumber, Coldkey, Ratio, Tao,
    crowd::{
        Contribute, ContributeParams, Create, CreateParams, Crowdloan, CrowdloanReply, Dissolve, Finalize, IdParams,
        Info, InfoParams, Refund, State, Update, UpdateParams, Withdraw,
    },
    proxy::AnyCall,
    unsent,
};
use clap::{Args, Subcommand};

use crate::{
    addr,
    args::WalletArg,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    session::Session,
    spend::{self, Terms},
};

/// `btctl crowd ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The crowdloans, all or some
    List(list::ListArgs),
    /// One crowdloan with its contributions
    #[command(alias = "contributors")]
    Info(InfoArgs),
    /// Begin to raise tao: for an account, for the lease of a subnet, or for another call
    Create(CreateArgs),
    /// Give to a crowdloan
    Contribute(ContributeArgs),
    /// Take a contribution back
    Withdraw(IdArgs),
    /// Pay a full crowdloan out
    Finalize(IdArgs),
    /// Give contributors their tao back
    Refund(IdArgs),
    /// Remove a crowdloan that has been refunded
    Dissolve(IdArgs),
    /// Change the least contribution, the end or the cap
    Update(UpdateArgs),
}

/// A crowdloan, by number.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct IdArg {
    /// The crowdloan's number
    #[arg(value_name = "ID")]
    position: Option<u32>,
    /// The same, as a flag
    #[arg(long = "id", value_name = "ID", aliases = ["crowdloan-id", "crowdloan_id"])]
    flag: Option<u32>,
}

/// `btctl crowd info`
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    id: IdArg,
    /// Who has given how much, which is told anyway
    #[arg(long, hide = true, alias = "show_contributors")]
    show_contributors: bool,
}

/// A crowdloan and who signs.
#[derive(Args, Debug)]
pub(crate) struct IdArgs {
    #[command(flatten)]
    id: IdArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl crowd create`
#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// What you give yourself
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens)]
    deposit: Tao,
    /// The least that others may give
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens, alias = "min_contribution", default_value = "0.1")]
    min_contribution: Tao,
    /// What is to be raised
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens)]
    cap: Tao,
    /// For how many blocks
    #[arg(long, value_name = "BLOCKS")]
    duration: u32,
    /// Who gets it
    #[arg(long, value_name = "SS58", visible_alias = "target-address", required_unless_present_any = ["emissions_share", "custom_call_pallet"], value_parser = addr::coldkey)]
    target: Option<Coldkey>,
    /// Raise tao for an account, which is what `--target` says already
    #[arg(long, hide = true, conflicts_with_all = ["emissions_share", "custom_call_pallet"])]
    fundraising: bool,
    /// Lease a subnet, which is what `--emissions-share` says already
    #[arg(long, hide = true, alias = "subnet_lease", requires = "emissions_share")]
    subnet_lease: bool,
    /// Lease a subnet, and give contributors this share of its emission, in percent: `30` or `30%`
    #[arg(long, value_name = "PERCENT", alias = "emissions", conflicts_with = "target", value_parser = percent)]
    emissions_share: Option<Ratio>,
    /// The last block of the lease; it never ends without one
    #[arg(long, value_name = "BLOCK", alias = "lease-end-block", requires = "emissions_share")]
    lease_end: Option<u32>,
    #[command(flatten)]
    call: CustomCallArgs,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// The call that a crowdloan makes when it is paid out, in place of paying an account.
#[derive(Args, Debug)]
struct CustomCallArgs {
    /// Make a call of this pallet, as its creator, when it is paid out
    #[arg(id = "custom_call_pallet", long = "custom-call-pallet", value_name = "PALLET", alias = "custom_call_pallet", requires = "custom_call_method", conflicts_with_all = ["target", "emissions_share"])]
    pallet: Option<String>,
    /// Which call of the pallet, such as `remark`
    #[arg(
        id = "custom_call_method",
        long = "custom-call-method",
        value_name = "CALL",
        alias = "custom_call_method",
        requires = "custom_call_pallet"
    )]
    method: Option<String>,
    /// Its arguments by the runtime's names, as one JSON object; large integers as decimal text
    #[arg(id = "custom_call_args", long = "custom-call-args", value_name = "JSON", alias = "custom_call_args", requires = "custom_call_pallet", value_parser = arguments)]
    args: Option<serde_json::Map<String, serde_json::Value>>,
}

impl CustomCallArgs {
    fn resolve(self) -> Option<AnyCall> {
        let (pallet, call) = (self.pallet?, self.method?);
        Some(AnyCall { pallet, call, args: self.args.unwrap_or_default() })
    }
}

/// Reads the arguments of a call.
fn arguments(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    let example = r#"write `{"remark": "0x00"}`"#;
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err(format!("arguments have names: {example}")),
        Err(error) => Err(format!("not a JSON object ({error}): {example}")),
    }
}

/// A share in percent, with the sign or without it. A fraction without it may be meant as one of 1.
fn percent(text: &str) -> Result<Ratio, String> {
    let text = text.trim();
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    let is_fraction = number.parse::<f64>().is_ok_and(|number| number > 0.0 && number < 1.0);
    if is_fraction && !text.contains('%') {
        return Err(format!("is that {number}% or {number} of 1? Write it in percent with its sign: `30%`"));
    }
    format!("{number}%").parse().map_err(|_| format!("`{text}` is no share: say one from 0 to 100, as `30%`"))
}

/// `btctl crowd contribute`
#[derive(Args, Debug)]
pub(crate) struct ContributeArgs {
    #[command(flatten)]
    id: IdArg,
    /// How much
    #[arg(long, short = 'a', value_name = "TAO", value_parser = Tao::from_tokens)]
    amount: Tao,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl crowd update`
#[derive(Args, Debug)]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    id: IdArg,
    #[command(flatten)]
    change: Change,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// The one thing that is changed.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Change {
    /// The least that others may give
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens, alias = "min")]
    min_contribution: Option<Tao>,
    /// The last block
    #[arg(long, value_name = "BLOCK", alias = "end-block")]
    end: Option<u32>,
    /// What is to be raised
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens)]
    cap: Option<Tao>,
}

// === impl IdArg, IdArgs, Command ===

impl IdArg {
    fn resolve(self) -> u32 {
        // The group asks for exactly one of the two.
        self.flag.or(self.position).unwrap_or_default()
    }
}

impl IdArgs {
    fn resolve(self, session: &Session) -> (IdParams, Terms) {
        let wallet = self.wallet.resolve(&session.settings);
        (unsent!(IdParams { id: self.id.resolve(), wallet }), self.terms)
    }
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let settings = &session.settings;
        match self {
            Self::List(args) => args.run(session).await,
            Self::Info(args) => {
                let reply = session.call::<Info>(&InfoParams { id: args.id.resolve() }).await?;
                session.out.reply(&reply, info).map(|()| Exit::Success)
            }
            Self::Create(args) => {
                let params = unsent!(CreateParams {
                    deposit: args.deposit,
                    min_contribution: args.min_contribution,
                    cap: args.cap,
                    duration: args.duration,
                    target: args.target,
                    emissions_share: args.emissions_share,
                    lease_end: args.lease_end,
                    call: args.call.resolve(),
                    wallet: args.wallet.resolve(settings),
                });
                spend::sign::<Create>(session, params, args.terms).await
            }
            Self::Contribute(args) => {
                let wallet = args.wallet.resolve(settings);
                let params = unsent!(ContributeParams { id: args.id.resolve(), amount: args.amount, wallet });
                spend::sign::<Contribute>(session, params, args.terms).await
            }
            Self::Withdraw(args) => {
                let (params, terms) = args.resolve(session);
                spend::sign::<Withdraw>(session, params, terms).await
            }
            Self::Finalize(args) => {
                let (params, terms) = args.resolve(session);
                spend::sign::<Finalize>(session, params, terms).await
            }
            Self::Refund(args) => {
                let (params, terms) = args.resolve(session);
                spend::sign::<Refund>(session, params, terms).await
            }
            Self::Dissolve(args) => {
                let (params, terms) = args.resolve(session);
                spend::sign::<Dissolve>(session, params, terms).await
            }
            Self::Update(args) => {
                let params = unsent!(UpdateParams {
                    id: args.id.resolve(),
                    min_contribution: args.change.min_contribution,
                    end: args.change.end,
                    cap: args.change.cap,
                    wallet: args.wallet.resolve(settings),
                });
                spend::sign::<Update>(session, params, args.terms).await
            }
        }
    }
}

fn state(one: &Crowdloan, now: u32) -> &'static str {
    match one.state(BlockNumber(now)) {
        State::Open => "open",
        State::Full => "full",
        State::Ended => "ended",
        State::PaidOut => "paid out",
    }
}

fn purpose(one: &Crowdloan) -> String {
    match (one.target, one.has_call) {
        (Some(target), _) => target.to_string(),
        (None, true) => "a call".to_owned(),
        (None, false) => "-".to_owned(),
    }
}

fn info(reply: &CrowdloanReply, page: Page) -> String {
    let one = &reply.crowdloan;
    let mut facts = Facts::default();
    facts.add("crowdloan", one.id);
    facts.add("state", state(one, reply.at.block.number.0));
    facts.add("raised", format!("τ{} of τ{}", one.raised, one.cap));
    facts.add("least", format!("τ{}", one.min_contribution));
    facts.add("last block", format!("#{}", one.end));
    facts.add("for", purpose(one));
    facts.add("creator", format!("{}, who gave τ{}", one.creator, one.deposit));
    if !one.creator_name.is_empty() {
        facts.add("called", &one.creator_name);
    }
    let mut table = Table::new(&[Column::address("CONTRIBUTOR"), Column::number("AMOUNT (τ)")]);
    for contribution in &reply.contributions {
        table.row(&[contribution.coldkey.to_string(), contribution.amount.to_string()]);
    }
    format!("{}{}{}\n", facts.render(page), table.render(page), text::at(&reply.at, page))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::percent;
    use crate::args::Cli;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[test]
    fn the_spellings_of_the_python_command_lines_are_taken() {
        for good in [
            "crowd list".to_owned(),
            "crowd list --sort-order desc".to_owned(),
            "crowd list --status Active --type Subnet --sort-order DESC".to_owned(),
            "crowd list --status active --type subnet --sort-by raised --sort-order desc".to_owned(),
            format!("crowd list --status finalized --type fundraising --search-creator {BOB} --sort end"),
            "crowd list --search-creator opentensor".to_owned(),
            "cr info --crowdloan-id 0 --show-contributors".to_owned(),
            format!("crowd create --deposit 10 --min-contribution 0.1 --cap 100 --duration 50400 --target {BOB}"),
            "crowd create --deposit 10 --cap 100 --duration 50400 --emissions-share 30% --subnet-lease".to_owned(),
            format!("crowd create --fundraising --deposit 10 --cap 100 --duration 50400 --target-address {BOB}"),
            "crowdloan contribute --id 0 --amount 5".to_owned(),
            "crowd create --deposit 10 --cap 100 --duration 50400 --custom-call-pallet System --custom-call-method remark \
             --custom-call-args {\"remark\":\"0x00\"}"
                .to_owned(),
            "crowd update 0 --cap 5".to_owned(),
            "crowd dissolve --crowdloan_id 0".to_owned(),
        ] {
            assert!(Cli::try_parse_from(format!("btctl {good}").split(' ')).is_ok(), "{good}");
        }
        for bad in [
            "crowd create --deposit 10 --cap 100 --duration 50400 --custom-call-pallet System",
            "crowd create --deposit 10 --cap 100 --duration 50400 --custom-call-pallet A --custom-call-method b \
             --custom-call-args [1]",
            "crowd create --deposit 10 --cap 100 --duration 50400 --custom-call-pallet A --custom-call-method b \
             --emissions-share 30%",
            "crowd update 0 --cap 5 --end 7",
            "crowd list --status lost",
        ] {
            assert!(Cli::try_parse_from(format!("btctl {bad}").split(' ')).is_err(), "{bad}");
        }
    }
    #[test]
    fn a_share_of_emission_is_in_percent() {
        for (text, share) in [("30", "0.3"), ("30%", "0.3"), ("1", "0.01"), ("0.3%", "0.003"), ("100", "1"), ("0", "0")]
        {
            assert_eq!(percent(text), Ok(share.parse().unwrap()), "{text}");
        }
        for bad in ["0.3", "101", "-1", "30%%", "", "%", "a third"] {
            assert!(percent(bad).is_err(), "{bad}");
        }
        let create = "btctl crowd create --deposit 10 --cap 100 --duration 50400 --emissions 30";
        assert!(Cli::try_parse_from(create.split(' ')).is_ok());
    }
}
