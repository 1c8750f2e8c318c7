//! Subnets, from their owners' side: creating, starting and describing one.

use btd_api::{
    NetUid, Ratio, Tao,
    subnets::{
        SubnetParams,
        owning::{
            CheckStart, Create, CreateParams, CreatedSubnet, GetIdentity, IdentityReply, Mechanisms, MechanismsReply,
            MechanismsSet, MechanismsSetParams, MechanismsSplit, MechanismsSplitParams, SetIdentity, SetIdentityParams,
            SetSymbol, SetSymbolParams, Start, StartParams, StartState, SubnetIdentity,
        },
    },
    unsent,
};
use clap::{Args, Subcommand};

use super::identity::IdentityArgs;
use crate::{
    args::{HotkeyArg, NetUidArg, WalletArg, number},
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

/// `btctl subnets create`
#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    identity: IdentityArgs,
    /// The most that it may cost
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens)]
    max_cost: Option<Tao>,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl subnets set-identity`
#[derive(Args, Debug)]
pub(crate) struct SetIdentityArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl subnets start`
#[derive(Args, Debug)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl subnets set-symbol`
#[derive(Args, Debug)]
pub(crate) struct SetSymbolArgs {
    /// The subnet [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "NETUID", value_parser = number::<NetUid>)]
    netuid: NetUid,
    /// The symbol: one of the chain's table that no other subnet has
    symbol: String,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl subnets mechanisms ...`
#[derive(Debug, Subcommand)]
pub(crate) enum MechanismsCommand {
    /// How many mechanisms a subnet has
    Count(NetUidArg),
    /// How its mechanisms share its emission
    Emissions(NetUidArg),
    /// Set how many mechanisms it has
    Set(MechanismsSetArgs),
    /// Set how its mechanisms share its emission
    #[command(visible_alias = "split-emissions", alias = "emissions-split")]
    Split(MechanismsSplitArgs),
}

/// `btctl subnets mechanisms set`
#[derive(Args, Debug)]
pub(crate) struct MechanismsSetArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// How many
    #[arg(long, value_name = "N", alias = "mech-count")]
    count: u8,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// Reads a number with a point, or a percentage, in billionths. `70%` is `0.7`, also beside one.
fn proportion(text: &str) -> Result<u64, String> {
    let (digits, divisor) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits.trim_end(), 100),
        None => (text.trim(), 1),
    };
    let number =
        Tao::from_tokens(digits).map_err(|_| format!("`{text}` is not a share: write `0.7`, `70` or `70%`"))?;
    Ok(number.rao() / divisor)
}

/// Proportions as shares of the whole. What is written as parts of it has to come to it: `0.7,0.7` is a slip.
fn shares(proportions: &[u64]) -> Result<Vec<Ratio>, Failure> {
    const WHOLE: u128 = 1_000_000_000;
    let sum: u128 = proportions.iter().copied().map(u128::from).sum();
    let is_part = |proportion: &u64| u128::from(*proportion) < WHOLE && *proportion > 0;
    let are_shares = proportions.iter().any(is_part) && proportions.iter().all(|one| u128::from(*one) <= WHOLE);
    // Thirds are written as 0.333.
    if are_shares && sum.abs_diff(WHOLE) > WHOLE / 100 {
        let sum = Tao::from_rao(u64::try_from(sum).unwrap_or(u64::MAX));
        return Err(Failure::usage(format!(
            "the shares come to {sum}, not to 1: write shares that do, or whole numbers, of which only the proportions count"
        )));
    }
    if sum == 0 && !proportions.is_empty() {
        return Err(Failure::usage("shares of nothing are nothing: give one of the mechanisms more than 0"));
    }
    let share = |proportion: &u64| {
        let billionths = (u128::from(*proportion) * WHOLE + sum / 2) / sum.max(1);
        u32::try_from(billionths).ok().and_then(Ratio::from_billionths).unwrap_or_default()
    };
    Ok(proportions.iter().map(share).collect())
}

/// `btctl subnets mechanisms split`
#[derive(Args, Debug)]
pub(crate) struct MechanismsSplitArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// The share of each: `0.7,0.3`, or whole numbers, of which only the proportions count: `7,3`; without it, evenly
    #[arg(long, value_name = "SHARES", value_delimiter = ',', value_parser = proportion)]
    split: Vec<u64>,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

pub(super) async fn check_start(netuid: NetUidArg, session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<CheckStart>(&SubnetParams { netuid: netuid.resolve(), block: None }).await?;
    session.out.reply(&reply, start_state).map(|()| Exit::Success)
}

fn start_state(state: &StartState, page: Page) -> String {
    let StartState { at, netuid, started_at, startable_from } = state;
    let now = u64::from(at.block.number.0);
    let words = match started_at {
        Some(block) => format!("subnet {netuid} earns since block #{block}"),
        None if now + 1 >= *startable_from => format!("subnet {netuid} has not been started, and can be now"),
        None => {
            let left = startable_from - now;
            format!("subnet {netuid} can be started from block #{startable_from} on, in {left} blocks")
        }
    };
    format!("{words}\n{}\n", text::at(at, page))
}

pub(super) async fn get_identity(netuid: NetUidArg, session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<GetIdentity>(&SubnetParams { netuid: netuid.resolve(), block: None }).await?;
    session.out.reply(&reply, identity).map(|()| Exit::Success)
}

fn identity(reply: &IdentityReply, page: Page) -> String {
    let IdentityReply { at, netuid, identity } = reply;
    let Some(identity) = identity else {
        return format!("subnet {netuid} says nothing of itself\n{}\n", text::at(at, page));
    };
    let mut facts = Facts::default();
    facts.add_said([
        ("name", &identity.subnet_name),
        ("github", &identity.github_repo),
        ("contact", &identity.subnet_contact),
        ("url", &identity.subnet_url),
        ("discord", &identity.discord),
        ("description", &identity.description),
        ("logo", &identity.logo_url),
        ("additional", &identity.additional),
    ]);
    format!("{}subnet {netuid}, {}\n", facts.render(page), text::at(at, page))
}

impl CreateArgs {
    pub(super) async fn run(mut self, session: &Session) -> Result<Exit, Failure> {
        let is_mute = self.identity.is_empty() && !self.terms.is_dry_run();
        if !self.terms.is_dry_run() {
            session.require_what_is_asked_for().await?;
        }
        if is_mute && session.offer("Say what the subnet is in the same step?").await? {
            self.identity.ask(&SubnetIdentity::default(), session).await?;
        }
        let params = unsent!(CreateParams {
            wallet: self.wallet.resolve(&session.settings),
            hotkey: self.hotkey.resolve(&session.settings),
            identity: self.identity.whole(),
            max_cost: self.max_cost,
        });
        let render = |created: &CreatedSubnet, page: Page| {
            let mut facts = Facts::default();
            if let Some(netuid) = created.netuid {
                facts.add("netuid", netuid);
            }
            spend::layout::outcome(&created.receipt, page, &mut facts);
            facts.render(page)
        };
        spend::spend::<Create>(session, params, self.terms, render).await
    }
}

impl StartArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let wallet = self.wallet.resolve(&session.settings);
        let params = unsent!(StartParams { netuid: self.netuid.resolve(), wallet });
        spend::sign::<Start>(session, params, self.terms).await
    }
}

impl SetIdentityArgs {
    pub(super) async fn run(mut self, session: &Session) -> Result<Exit, Failure> {
        let netuid = self.netuid.resolve();
        if self.identity.is_empty() && session.may_ask() {
            let reply = session.call::<GetIdentity>(&SubnetParams { netuid, block: None }).await?.read()?;
            self.identity.ask(&reply.identity.unwrap_or_default(), session).await?;
        }
        if self.identity.is_empty() {
            return Err(Failure::usage(
                "nothing was said: give --subnet-name or another field; what is left out stays as it is, and `--subnet-url ''` \
                 clears one",
            ));
        }
        let params = unsent!(SetIdentityParams {
            netuid,
            identity: self.identity.change(),
            wallet: self.wallet.resolve(&session.settings),
        });
        spend::sign::<SetIdentity>(session, params, self.terms).await
    }
}

impl SetSymbolArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let wallet = self.wallet.resolve(&session.settings);
        let params = unsent!(SetSymbolParams { netuid: self.netuid, symbol: self.symbol, wallet });
        spend::sign::<SetSymbol>(session, params, self.terms).await
    }
}

impl MechanismsCommand {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Count(netuid) | Self::Emissions(netuid) => {
                let reply = session.call::<Mechanisms>(&SubnetParams { netuid: netuid.resolve(), block: None }).await?;
                session.out.reply(&reply, mechanisms).map(|()| Exit::Success)
            }
            Self::Set(args) => {
                let wallet = args.wallet.resolve(&session.settings);
                let params = unsent!(MechanismsSetParams { netuid: args.netuid.resolve(), count: args.count, wallet });
                spend::sign::<MechanismsSet>(session, params, args.terms).await
            }
            Self::Split(args) => {
                let wallet = args.wallet.resolve(&session.settings);
                let params = unsent!(MechanismsSplitParams {
                    netuid: args.netuid.resolve(),
                    split: shares(&args.split)?,
                    wallet
                });
                spend::sign::<MechanismsSplit>(session, params, args.terms).await
            }
        }
    }
}

fn mechanisms(reply: &MechanismsReply, page: Page) -> String {
    let mut table = Table::new(&[Column::number("MECHANISM"), Column::number("SHARE OF EMISSION")]);
    for (mechid, share) in reply.shares.iter().enumerate() {
        table.row(&[mechid.to_string(), share.to_string()]);
    }
    let count = text::count(reply.count.into(), "mechanism");
    format!("{}subnet {}, {count}, {}\n", table.render(page), reply.netuid, text::at(&reply.at, page))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn the_spellings_of_the_python_command_lines_are_taken() {
        for good in [
            "subnets create --wallet.name alice --subnet-name x --repo y --contact z -y",
            "s start --netuid 1",
            "s check_start 1",
            "s burn-cost",
            "subnets lock_cost",
            "subnets set_identity --netuid 1 --sn-name x --discord-handle d --additional-info a",
            "subnets get-identity 1",
            "subnets set-symbol --netuid 1 β",
            "subnets mechanisms count --netuid 1",
            "subnets mech set --netuid 1 --mech-count 2",
            "subnets mech split-emissions --netuid 1 --split 0.7,0.3",
            "subnets mech split-emissions --netuid 1 --split 70,30",
        ] {
            assert!(Cli::try_parse_from(format!("btctl {good}").split(' ')).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_subnet_is_started_can_be_or_will_be() {
        let state = |started_at: Option<u64>, startable_from: u64| {
            let at = json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false });
            let state = json!({ "at": at, "netuid": 1, "started_at": started_at, "startable_from": startable_from });
            start_state(&serde_json::from_value(state).unwrap(), Page::default())
        };
        assert!(state(Some(5), 0).starts_with("subnet 1 earns since block #5\n"));
        assert!(state(None, 10).contains("can be now"));
        assert!(state(None, 12).contains("from block #12 on, in 3 blocks"));
    }

    #[test]
    fn shares_come_to_the_whole_and_of_numbers_only_the_proportions_count() {
        let split = |text: &str| {
            let proportions: Vec<u64> = text.split(',').map(|part| proportion(part).unwrap()).collect();
            shares(&proportions).map(|shares| shares.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
        };
        for text in ["0.7,0.7", "0.5,0.4", "70%,20%", "0.2,1"] {
            assert!(split(text).is_err(), "{text}");
        }
        assert_eq!(split("0.333,0.333,0.333").unwrap(), "0.333333333,0.333333333,0.333333333");
        for text in ["0.7,0.3", "70,30", "70%,30%", "0.7,30%", "7,3"] {
            assert_eq!(split(text).unwrap(), "0.7,0.3", "{text}");
        }
        assert_eq!(split("1,1,1").unwrap(), "0.333333333,0.333333333,0.333333333");
        assert!(
            split("0,0").is_err()
                && shares(&[]).unwrap().is_empty()
                && proportion("a").is_err()
                && proportion("70%%").is_err()
        );
    }
}
