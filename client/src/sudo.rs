//! The noun `sudo`: what the owner of a subnet, and root, set.

use btd_api::{
    ApiError, ErrorKind, NetUid, Tao,
    sudo::{
        Authority, Explained, ExplainedReply, Get, Notation, Set, SetParams, StakeBurn, StakeBurnParams, TriggerEpoch,
        TriggerEpochParams, Trim, TrimParams,
        hyperparameters::{
            self, Hyperparameter, Setter,
            bounds::{Bound, End, Limit},
        },
    },
    unsent,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    args::{NetUidArg, WalletArg, number},
    exit::Exit,
    failure::Failure,
    output::{
        Format, Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    root,
    session::Session,
    spend::{self, Terms},
    stake::{HotkeyRefArg, ProtectionArgs},
    subnets::AtBlock,
};

/// `btctl sudo ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The hyperparameters of a subnet with units, meaning and who may set them
    Get(GetArgs),
    /// Set a hyperparameter of a subnet
    Set(SetArgs),
    /// What is known of a hyperparameter, or of all
    Explain(ExplainArgs),
    /// Remove the neurons of a subnet that earn least, down to a number
    Trim(TrimArgs),
    /// Let a subnet's next epoch begin ahead of time
    #[command(alias = "trigger_epoch")]
    TriggerEpoch(TriggerEpochArgs),
    /// Buy a subnet's alpha and destroy it
    #[command(visible_alias = "buyback", alias = "stake_burn")]
    StakeBurn(StakeBurnArgs),
    /// What a hotkey keeps of what others' stake earns
    #[command(alias = "get_take")]
    GetTake(root::GetTakeArgs),
    /// Set what a hotkey keeps of what others' stake earns
    #[command(alias = "set_take")]
    SetTake(root::SetTakeArgs),
    /// Vote on a proposal of the senate, on runtimes that have one
    #[command(alias = "senate_vote")]
    SenateVote(root::VoteArgs),
    /// The members of the senate, on runtimes that have one
    Senate,
    /// What the senate votes on, on runtimes that have one
    Proposals,
}

/// In whose name.
#[derive(Args, Clone, Copy, Debug)]
struct AuthorityArg {
    /// Do it as root: the wallet's coldkey holds the chain's sudo key
    #[arg(long, alias = "sudo")]
    root: bool,
}

/// `btctl sudo get` and `btctl subnets hyperparameters`
#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    subnet: AtBlock,
    /// That one alone
    #[arg(long, value_name = "NAME", aliases = ["param", "parameter"])]
    name: Option<String>,
}

/// `btctl sudo set`
#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    /// The subnet [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "NETUID", value_parser = number::<NetUid>)]
    netuid: NetUid,
    /// The hyperparameter; `btctl sudo explain` lists them, and of others the runtime's own name is taken [btcli 11's
    /// --name, which names the wallet beside --param]
    #[arg(long = "param", value_name = "NAME", visible_alias = "parameter")]
    name: String,
    /// Its value: `0.5` or `32767`, `τ0.7` or rao, `true`, two with a comma
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    /// The value is as people write it, even without a point
    #[arg(long, conflicts_with = "raw")]
    normalize: bool,
    /// The value is as the chain counts it
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    authority: AuthorityArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl sudo explain`
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The hyperparameter; without it, all
    name: Option<String>,
    /// The same
    #[arg(long = "name", id = "named", value_name = "NAME", hide = true, aliases = ["param", "parameter"], conflicts_with = "name")]
    named: Option<String>,
}

/// `btctl sudo trim`
#[derive(Args, Debug)]
pub(crate) struct TrimArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// How many neurons stay
    #[arg(long, value_name = "N", visible_alias = "max-uids", aliases = ["max_uids", "max-n"])]
    max: u16,
    #[command(flatten)]
    authority: AuthorityArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl sudo stake-burn`
#[derive(Args, Debug)]
pub(crate) struct StakeBurnArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// How much tao is spent
    #[arg(long, short = 'a', value_name = "TAO", aliases = ["amount-tao", "amount_tao"], value_parser = Tao::from_tokens, allow_hyphen_values = true)]
    amount: Tao,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    protection: ProtectionArgs,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl sudo trigger-epoch`
#[derive(Args, Debug)]
pub(crate) struct TriggerEpochArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

// === impl AuthorityArg, Command ===

impl AuthorityArg {
    fn resolve(self) -> Authority {
        if self.root { Authority::Root } else { Authority::Owner }
    }
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let settings = &session.settings;
        match self {
            Self::Get(args) => get(args, session).await,
            Self::Set(args) => {
                let notation = match (args.normalize, args.raw) {
                    (true, _) => Notation::Human,
                    (_, true) => Notation::Raw,
                    (false, false) => Notation::Either,
                };
                let params = unsent!(SetParams {
                    netuid: args.netuid,
                    name: args.name,
                    value: args.value,
                    wallet: args.wallet.resolve(settings),
                    authority: args.authority.resolve(),
                    notation,
                });
                spend::sign::<Set>(session, params, args.terms).await
            }
            Self::Explain(args) => explain(args.name.or(args.named).as_deref(), session),
            Self::Trim(args) => {
                let params = unsent!(TrimParams {
                    netuid: args.netuid.resolve(),
                    max: args.max,
                    wallet: args.wallet.resolve(settings),
                    authority: args.authority.resolve(),
                });
                spend::sign::<Trim>(session, params, args.terms).await
            }
            Self::TriggerEpoch(args) => {
                let wallet = args.wallet.resolve(settings);
                let params = unsent!(TriggerEpochParams { netuid: args.netuid.resolve(), wallet });
                spend::sign::<TriggerEpoch>(session, params, args.terms).await
            }
            Self::StakeBurn(args) => {
                let usual = (settings.protection, settings.fill);
                let params = unsent!(StakeBurnParams {
                    amount: args.amount,
                    netuid: args.netuid.resolve(),
                    hotkey: args.hotkey.resolve(session),
                    wallet: args.wallet.resolve(settings),
                    protection: args.protection.whole(usual)?,
                });
                spend::sign::<StakeBurn>(session, params, args.terms).await
            }
            Self::GetTake(args) => args.run(session).await,
            Self::SetTake(args) => args.run(session).await,
            Self::SenateVote(args) => args.run(session).await,
            Self::Senate => root::senate(session).await,
            Self::Proposals => root::proposals(session).await,
        }
    }
}

/// `btctl sudo get` and `btctl subnets hyperparameters`: all, or the one of that name.
pub(crate) async fn get(args: GetArgs, session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<Get>(&args.subnet.params()).await?;
    let Some(name) = args.name else {
        return session.out.reply(&reply, render).map(|()| Exit::Success);
    };
    let mut one = reply.read()?;
    pick(&mut one, &name)?;
    match session.out.format() {
        Format::Json => session.out.document(&json!(one).to_string())?,
        Format::Human => session.out.data(&render(&one, session.out.page()))?,
    }
    Ok(Exit::Success)
}

/// Leaves the hyperparameter of that name, or of which it is another name.
fn pick(reply: &mut ExplainedReply, name: &str) -> Result<(), Failure> {
    let plain = name.replace('-', "_");
    let known = hyperparameters::find(&plain).map(|known| known.name);
    let is_meant = |one: &Explained| one.name == plain || Some(one.name.as_str()) == known;
    if reply.hyperparameters.iter().any(is_meant) {
        reply.hyperparameters.retain(is_meant);
        return Ok(());
    }
    let names: Vec<&str> = reply.hyperparameters.iter().map(|one| one.name.as_str()).collect();
    let message =
        format!("subnet {} tells of no hyperparameter `{name}`: there are {}", reply.netuid, names.join(", "));
    Err(ApiError::new(ErrorKind::NotFound, message).into())
}

fn render(reply: &ExplainedReply, page: Page) -> String {
    let mut table = Table::new(&[
        Column::text("HYPERPARAMETER"),
        Column::number("VALUE"),
        Column::number("NORMALIZED"),
        Column::text("OWNER SETTABLE").leaves(1),
        Column::text("DESCRIPTION").leaves(2),
    ]);
    for one in &reply.hyperparameters {
        let value = one.value.as_str().map_or_else(|| one.value.to_string(), str::to_owned);
        let settable = match one.owner_settable {
            Some(true) => "yes".to_owned(),
            Some(false) => one.refusal.as_ref().map_or_else(|| "no".to_owned(), |why| format!("no: {why}")),
            None => "-".to_owned(),
        };
        let human = one.human.clone().unwrap_or_else(|| value.clone());
        table.row(&[one.name.clone(), value, human, settable, one.about.clone()]);
    }
    format!("{}subnet {}, {}\n", table.render(page), reply.netuid, text::at(&reply.at, page))
}

const fn setter(setter: Setter) -> &'static str {
    match setter {
        Setter::Owner => "the subnet's owner",
        Setter::Root => "root alone",
        Setter::Nobody => "nobody",
    }
}

/// An end of a hyperparameter's range, in words.
fn range(one: &Hyperparameter, limit: &Limit) -> String {
    let end = match limit.end {
        End::Fixed(raw) => one.unit.shown(raw),
        End::Constant(name) => format!("the runtime's {name}"),
        End::Chain(item) => format!("the chain's {item}"),
        End::Subnet(_, what) => format!("the subnet's {what}"),
    };
    let whom = match limit.bound {
        Bound::Everyone => "",
        Bound::Owner => " for owners; root is free",
    };
    format!("{} {end}{whom}", limit.side.words())
}

/// What a program is told of a hyperparameter.
fn entry(one: &Hyperparameter) -> Value {
    let limits: Vec<Value> = one
        .limits()
        .iter()
        .map(|limit| {
            json!({
                "range": range(one, limit), "binds_root": limit.bound == Bound::Everyone, "error": limit.error,
            })
        })
        .collect();
    json!({
        "name": one.name, "aliases": one.aliases, "counted_in": one.unit.to_string(), "set_by": setter(one.setter),
        "pallet": one.call.0, "call": one.call.1, "arguments": one.arguments, "about": one.about, "limits": limits,
    })
}

/// What this btctl knows; nothing is asked of the daemon.
fn explain(name: Option<&str>, session: &Session) -> Result<Exit, Failure> {
    let page = session.out.page();
    let is_json = session.out.format() == Format::Json;
    let Some(name) = name else {
        if is_json {
            let all: Value = hyperparameters::ALL.iter().map(entry).collect();
            return session.out.document(&all.to_string()).map(|()| Exit::Success);
        }
        let mut table = Table::new(&[
            Column::text("HYPERPARAMETER"),
            Column::text("COUNTED IN"),
            Column::text("SET BY"),
            Column::text("DESCRIPTION").leaves(1),
        ]);
        for one in hyperparameters::ALL {
            table.row(&[one.name.into(), one.unit.to_string(), setter(one.setter).into(), one.about.into()]);
        }
        return session.out.data(&table.render(page)).map(|()| Exit::Success);
    };
    let one = hyperparameters::find(name).ok_or_else(|| Failure::Usage {
        message: format!("there is no hyperparameter `{name}`"),
        hint: Some("`btctl sudo explain` lists them"),
    })?;
    if is_json {
        return session.out.document(&entry(one).to_string()).map(|()| Exit::Success);
    }
    let mut facts = Facts::default();
    facts.add("name", one.name);
    if !one.aliases.is_empty() {
        facts.add("also", one.aliases.join(", "));
    }
    facts.add("counted in", one.unit);
    facts.add("set by", setter(one.setter));
    facts.add("about", one.about);
    for limit in one.limits() {
        facts.add("range", range(one, limit));
    }
    if one.setter != Setter::Nobody {
        facts.add("call", format!("{}.{}", one.call.0, one.call.1));
        let root = if one.setter == Setter::Root { " --root" } else { "" };
        facts.add("to set it", format!("btctl sudo set --netuid N --param {} --value VALUE{root}", one.name));
    }
    session.out.data(&facts.render(page)).map(|()| Exit::Success)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn the_spellings_of_the_python_command_lines_are_taken() {
        for good in [
            "sudo set --netuid 1 --param tempo --value 360",
            "su set --netuid 1 --parameter kappa --value 0.5 --normalize --root",
            "sudo get --netuid 1",
            "sudo get 1 --block 7",
            "sudo get 1 --name kappa",
            "subnets hyperparameters 1 --name kappa",
            "sudo set --netuid 1 --param sudo_set_min_non_immune_uids --value 9",
            "sudo trim --netuid 1 --max 64",
            "sudo trigger-epoch 1",
            "sudo stake-burn --netuid 1 --amount 5 --tolerance 0.1",
            "sudo buyback --netuid 1 -a 5 --unsafe",
            "sudo get_take",
            "sudo set_take --take 0.1",
            "sudo explain tempo",
            "sudo explain --name tempo",
            "sudo explain --param tempo",
        ] {
            assert!(Cli::try_parse_from(format!("btctl {good}").split(' ')).is_ok(), "{good}");
        }
    }

    #[test]
    fn ranges_are_told() {
        let told = |name: &str| {
            let one = hyperparameters::find(name).unwrap();
            one.limits().iter().map(|limit| range(one, limit)).collect::<Vec<_>>()
        };
        assert_eq!(told("burn_increase_mult"), ["at least 1", "at most 3"]);
        assert_eq!(told("bonds_moving_avg"), ["at most 975000 (0.975) for owners; root is free"]);
        assert_eq!(told("min_burn"), ["less than the runtime's MinBurnUpperBound", "less than the subnet's max_burn"]);
        assert_eq!(entry(hyperparameters::find("tempo").unwrap())["limits"][0]["error"], "TempoOutOfBounds");
    }

    #[test]
    fn the_eleventh_python_command_line_names_a_hyperparameter_as_a_wallet_is_named() {
        for (words, name, wallet) in [
            ("hparams set --netuid 1 --name tempo --value 360", "tempo", None),
            ("sudo set --netuid 1 --name tempo --value 360", "tempo", None),
            ("sudo set --netuid 1 --name owner --param tempo --value 360", "tempo", Some("owner")),
        ] {
            let typed = crate::args::parse(format!("btctl {words}").split(' ').map(Into::into), None).unwrap();
            let crate::args::Command::Sudo(crate::args::Below(Command::Set(args))) = typed.cli.command else {
                panic!("{words}")
            };
            let named = args.wallet.wallet.map(|wallet| wallet.to_string());
            assert_eq!((args.name.as_str(), named.as_deref()), (name, wallet), "{words}");
        }
    }

    #[test]
    fn one_hyperparameter_is_shown_by_any_of_its_names() {
        let told = |name: &str| {
            let one =
                |name: &str| json!({ "name": name, "value": 1, "human": null, "owner_settable": null, "about": "" });
            let mut reply: ExplainedReply = serde_json::from_value(json!({
                "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false },
                "netuid": 1,
                "hyperparameters": [one("kappa"), one("max_validators"), one("new_one")],
            }))
            .unwrap();
            pick(&mut reply, name).map(|()| reply.hyperparameters.remove(0).name).map_err(|error| error.to_string())
        };
        assert_eq!(told("max-allowed-validators").unwrap(), "max_validators");
        assert_eq!(told("new-one").unwrap(), "new_one");
        assert!(told("tempo").unwrap_err().contains("kappa, max_validators, new_one"));
    }

    #[test]
    fn values_are_shown_as_the_chain_and_as_people_have_them() {
        let reply: ExplainedReply = serde_json::from_value(json!({
            "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false },
            "netuid": 1,
            "hyperparameters": [
                { "name": "kappa", "value": 32767, "human": "0.49999237", "owner_settable": false, "refusal": "set by root alone", "about": "x" },
                { "name": "new", "value": "18446744073709551615", "human": null, "owner_settable": null, "about": "" },
            ],
        }))
        .unwrap();
        let text = render(&reply, Page::default());
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1].join(" "), "kappa 32767 0.49999237 no: set by root alone x");
        // Every digit, in the chain's order.
        assert_eq!(lines[2], ["new", "18446744073709551615", "18446744073709551615", "-"]);
    }
}
