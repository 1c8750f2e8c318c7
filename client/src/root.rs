//! The noun `root`: subnet 0, whose validators share in every subnet, and delegation.

mod delegation;
mod senate;
mod weights;

use btd_api::{
    Alpha, NetUid, Ratio, Tao,
    root::{
        Delegates, DelegatesReply, GetTake, GetTakeParams, List, Register, RegisterParams, RootValidators, SetTake,
        SetTakeParams, Take,
    },
    rpc::Nothing,
    unsent,
};
use clap::{Args, Subcommand};

pub(crate) use self::senate::{VoteArgs, proposals, senate};
use crate::{
    args::{ColdkeysArg, HotkeyArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
    spend::{self, Terms},
    stake::HotkeyRefArg,
};

/// `btctl root ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The validators of root
    List,
    /// Register a hotkey on root
    Register(RegisterArgs),
    /// Everybody to stake behind
    #[command(visible_alias = "delegates", alias = "list_delegates")]
    ListDelegates,
    /// What a hotkey keeps of what others' stake earns
    #[command(alias = "get_take")]
    GetTake(GetTakeArgs),
    /// Set what a hotkey keeps of what others' stake earns
    #[command(alias = "set_take")]
    SetTake(SetTakeArgs),
    /// Set a root validator's weights over subnets, on runtimes that have them
    #[command(visible_alias = "set-weights", alias = "set_weights")]
    Weights(weights::SetArgs),
    /// The weights that root validators give to subnets
    #[command(alias = "get_weights")]
    GetWeights,
    /// Raise the weight of a subnet among a root validator's, on runtimes that have them
    Boost(weights::BoostArgs),
    /// Lower the weight of a subnet among a root validator's, on runtimes that have them
    Slash(weights::SlashArgs),
    /// The members of the senate, on runtimes that have one
    Senate,
    /// What the senate votes on, on runtimes that have one
    Proposals,
    /// Vote on a proposal of the senate, on runtimes that have one
    #[command(alias = "senate_vote")]
    SenateVote(VoteArgs),
    /// Stake tao on root behind a delegate
    Delegate(delegation::DelegateArgs),
    /// Take tao on root from behind a delegate
    Undelegate(delegation::UndelegateArgs),
    /// A coldkey's stake behind hotkeys of others
    #[command(alias = "my_delegates")]
    MyDelegates(ColdkeysArg),
    /// Make a hotkey a delegate, on runtimes where that is a step of its own
    Nominate(RegisterArgs),
}

/// `btctl root register`
#[derive(Args, Debug)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl root get-take`
#[derive(Args, Debug)]
pub(crate) struct GetTakeArgs {
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
}

/// `btctl root set-take`
#[derive(Args, Debug)]
pub(crate) struct SetTakeArgs {
    /// The new take, up to 0.18
    #[arg(long, short = 't', value_name = "SHARE")]
    take: Ratio,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let settings = &session.settings;
        match self {
            Self::List => {
                let reply = session.call::<List>(&Nothing {}).await?;
                session.out.reply(&reply, validators).map(|()| Exit::Success)
            }
            Self::Register(args) => {
                let (wallet, hotkey) = (args.wallet.resolve(settings), args.hotkey.resolve(settings));
                let params = unsent!(RegisterParams { wallet, hotkey });
                spend::sign::<Register>(session, params, args.terms).await
            }
            Self::ListDelegates => {
                let reply = session.call::<Delegates>(&Nothing {}).await?;
                session.out.reply(&reply, delegates).map(|()| Exit::Success)
            }
            Self::GetTake(args) => args.run(session).await,
            Self::SetTake(args) => args.run(session).await,
            Self::Weights(args) => args.run(session).await,
            Self::GetWeights => weights::get(session).await,
            Self::Boost(args) => args.run(session).await,
            Self::Slash(args) => args.run(session).await,
            Self::Senate => senate(session).await,
            Self::Proposals => proposals(session).await,
            Self::SenateVote(args) => args.run(session).await,
            Self::Delegate(args) => args.run(session).await,
            Self::Undelegate(args) => args.run(session).await,
            Self::MyDelegates(args) => delegation::mine(args, session).await,
            Self::Nominate(args) => delegation::nominate(args, session).await,
        }
    }
}

impl GetTakeArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (hotkey, wallet) = (self.hotkey.resolve(session), self.wallet.resolve(&session.settings));
        let reply = session.call::<GetTake>(&GetTakeParams { hotkey, wallet }).await?;
        session.out.reply(&reply, take).map(|()| Exit::Success)
    }
}

fn take(Take { at, hotkey, take, is_delegate, most }: &Take, page: Page) -> String {
    let most = most.map_or_else(String::new, |most| format!("; {most} at most"));
    let keeps = if *is_delegate {
        format!("hotkey {hotkey} keeps {take} of what others' stake earns{most}")
    } else {
        format!(
            "hotkey {hotkey} has no entry of its own among the delegates: the usual take holds, and it keeps {take} of \
             what others' stake earns{most}"
        )
    };
    format!("{keeps}\n{}\n", text::at(at, page))
}

impl SetTakeArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (hotkey, wallet) = (self.hotkey.resolve(session), self.wallet.resolve(&session.settings));
        let params = unsent!(SetTakeParams { take: self.take, hotkey, wallet });
        spend::sign::<SetTake>(session, params, self.terms).await
    }
}

fn validators(reply: &RootValidators, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("UID"),
        Column::text("NAME").leaves(2),
        Column::address("HOTKEY"),
        Column::address("COLDKEY").leaves(3),
        Column::number("STAKE (τ)"),
        Column::text("SENATOR").leaves(1),
    ]);
    for one in &reply.validators {
        let coldkey = one.coldkey.map_or_else(|| "-".to_owned(), |coldkey| coldkey.to_string());
        let senator = one.senator.map_or("-", |is| if is { "yes" } else { "no" });
        table.row(&[
            one.uid.to_string(),
            or_dash(&one.name),
            one.hotkey.to_string(),
            coldkey,
            one.stake.to_string(),
            senator.to_owned(),
        ]);
    }
    let total = reply.validators.iter().fold(Tao::ZERO, |sum, one| sum.saturating_add(one.stake));
    let total = total.to_string();
    table.row(&["total".into(), String::new(), String::new(), String::new(), total, String::new()]);
    let count = text::count(reply.validators.len(), "validator");
    format!("{}{count}, {}\n", table.render(page), text::at(&reply.at, page))
}

fn delegates(reply: &DelegatesReply, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("INDEX"),
        Column::text("DELEGATE"),
        Column::address("SS58"),
        Column::number("NOMINATORS").leaves(2),
        Column::number("DELEGATE STAKE (τ)").leaves(3),
        Column::number("TOTAL STAKE (τ)"),
        Column::number("CHANGE/(4h) (τ)").leaves(6),
        Column::text("SUBNETS").leaves(7),
        Column::text("VPERMIT").leaves(4),
        Column::number("TAKE"),
        Column::number("NOMINATOR/(24h)/kτ").leaves(1),
        Column::number("DELEGATE/(24h)").leaves(5),
        Column::address("OWNER").leaves(8),
    ]);
    for (index, one) in (1_u32..).zip(&reply.delegates) {
        table.row(&[
            index.to_string(),
            or_dash(&one.name),
            one.hotkey.to_string(),
            one.nominators.to_string(),
            one.own_stake.to_string(),
            one.total_stake.to_string(),
            one.change.map_or_else(|| "-".to_owned(), |change| change.to_string()),
            netuids(&one.registrations),
            netuids(&one.validator_permits),
            one.take.to_string(),
            one.return_per_1000.to_string(),
            Alpha::from_rao(one.take.of(one.daily_return.rao())).to_string(),
            one.owner.to_string(),
        ]);
    }
    let count = text::count(reply.delegates.len(), "delegate");
    format!(
        "{}{count}, {}; stake is that on root, and returns are as the runtime adds up the tokens of all subnets\n",
        table.render(page),
        text::at(&reply.at, page)
    )
}

/// What somebody calls itself.
fn or_dash(name: &str) -> String {
    if name.is_empty() { "-".to_owned() } else { text::visible(name).into_owned() }
}

/// With commas between them.
fn netuids(netuids: &[NetUid]) -> String {
    if netuids.is_empty() {
        return "-".to_owned();
    }
    netuids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::*;
    use crate::args::Cli;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    fn at() -> Value {
        json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false })
    }

    #[test]
    fn validators_have_names_and_seats() {
        let one = |uid: u16, name: &str, senator: Option<bool>| {
            json!({
                "uid": uid, "hotkey": BOB, "coldkey": BOB, "name": name, "stake": "1500000000", "senator": senator,
            })
        };
        let validators = [one(0, "bob", Some(true)), one(1, "", None)];
        let reply: RootValidators = serde_json::from_value(json!({ "at": at(), "validators": validators })).unwrap();
        let text = super::validators(&reply, Page::default());
        let lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines[0], "UID NAME HOTKEY COLDKEY STAKE (τ) SENATOR");
        assert_eq!(lines[1], format!("0 bob {BOB} {BOB} 1.500000000 yes"));
        assert_eq!(lines[2], format!("1 - {BOB} {BOB} 1.500000000 -"));
        assert_eq!(lines[3], "total 3.000000000");
    }

    #[test]
    fn delegates_have_the_columns_of_v6() {
        let one = json!({
            "hotkey": BOB, "owner": BOB, "name": "", "take": "0.18", "nominators": 2, "own_stake": "1", "total_stake": "3",
            "change": "-2", "return_per_1000": "4", "daily_return": "50", "registrations": [0, 1], "validator_permits": [],
        });
        let mut other = one.clone();
        (other["change"], other["name"]) = (Value::Null, "bob".into());
        let reply: DelegatesReply = serde_json::from_value(json!({ "at": at(), "delegates": [one, other] })).unwrap();
        let text = delegates(&reply, Page::default());
        let words = |line: usize| text.lines().nth(line).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            words(0),
            "INDEX DELEGATE SS58 NOMINATORS DELEGATE STAKE (τ) TOTAL STAKE (τ) CHANGE/(4h) (τ) SUBNETS VPERMIT TAKE \
             NOMINATOR/(24h)/kτ DELEGATE/(24h) OWNER"
        );
        let rest = format!("0,1 - 0.18 0.000000004 0.000000009 {BOB}");
        assert_eq!(words(1), format!("1 - {BOB} 2 0.000000001 0.000000003 -0.000000002 {rest}"));
        assert_eq!(words(2), format!("2 bob {BOB} 2 0.000000001 0.000000003 - {rest}"));
    }

    #[test]
    fn the_spellings_of_v6_are_taken() {
        let hash = format!("0x{}", "11".repeat(32));
        for good in [
            "root list".to_owned(),
            "roots register --wallet.name alice --no_prompt".to_owned(),
            "r list_delegates".to_owned(),
            "root weights --netuids 1,2 --weights 0.5,10".to_owned(),
            format!("root senate_vote --proposal {hash} --vote-nay"),
            "r get_weights".to_owned(),
            "root weights".to_owned(),
            "root boost --netuid 1 --increase 0.01 --no_prompt".to_owned(),
            "root slash --netuid 1 --decrease 0.01".to_owned(),
            "root senate".to_owned(),
            "root proposals".to_owned(),
            "root delegate --delegate_ss58key 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --amount 1".to_owned(),
            "root undelegate --delegate_ss58key 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --all".to_owned(),
            "root my_delegates --wallet.name alice".to_owned(),
            "root my_delegates --all".to_owned(),
            "root nominate --wallet.name alice --wallet.hotkey default".to_owned(),
            format!("sudo senate_vote --proposal {hash} --vote-aye"),
            "su senate".to_owned(),
            "su proposals".to_owned(),
            "root set_take --take 18%".to_owned(),
        ] {
            assert!(Cli::try_parse_from(format!("btctl {good}").split(' ')).is_ok(), "{good}");
        }
    }
}
