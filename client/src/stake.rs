//! The noun `stake`: alpha behind hotkeys, what it earns, and who inherits it.

mod child;
mod claim;
mod hotkey;
mod list;
pub(crate) mod lock;
pub(crate) mod pick;
mod target;
mod trade;
mod wizard;

pub(crate) use self::{hotkey::HotkeyRefArg, list::render as positions};
use btd_api::{
    NetUid, Ratio, Tao,
    stake::{Auto, AutoStakes, ClaimType, Fill, Protection, SetAuto, SetAutoParams},
    unsent,
};
use clap::{Args, Subcommand};

use crate::{
    args::{ColdkeyArg, NetUidArg, WalletArg},
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

/// `btctl stake ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Buy a subnet's alpha with tao and stake it behind a hotkey
    Add(trade::AddArgs),
    /// Take stake from behind a hotkey and sell it for tao
    #[command(visible_alias = "unstake")]
    Remove(trade::RemoveArgs),
    /// The stake of a coldkey, position by position
    #[command(visible_alias = "show")]
    List(list::ListArgs),
    /// Move stake behind another hotkey, and to another subnet if wanted
    Move(trade::MoveArgs),
    /// Swap stake from one subnet to another behind the same hotkey
    Swap(trade::SwapArgs),
    /// Give stake to another coldkey
    Transfer(trade::TransferArgs),
    /// Take out, move, swap or give away stake, asked for step by step on a terminal
    Wizard(wizard::WizardArgs),
    /// Where what a coldkey mines is staked, and what becomes of its root dividends
    #[command(aliases = ["get-auto", "get_auto", "get-claim"])]
    Auto(ColdkeyArg),
    /// Set behind whom what a coldkey mines on a subnet is staked
    #[command(alias = "set_auto")]
    SetAuto(SetAutoArgs),
    /// Claim root dividends now
    #[command(alias = "process_claim")]
    ProcessClaim(claim::ProcessClaimArgs),
    /// Set what is done with root dividends, as `set-claim` does; with --netuids alone they are claimed now
    #[command(hide = true)]
    Claim(claim::ClaimArgs),
    /// Set what is done with root dividends
    #[command(aliases = ["set_claim", "unclaim"])]
    SetClaim(claim::SetClaimArgs),
    /// The locks of a coldkey, as they stand now
    Locks(lock::LocksArgs),
    /// Lock stake behind a hotkey, or more of it
    Lock(lock::LockArgs),
    /// Let the lock on a subnet decay, so that its stake may leave in time
    Unlock(lock::UnlockArgs),
    /// Child hotkeys, which inherit stake weight
    #[command(subcommand, visible_alias = "children")]
    Child(child::Command),
}

/// What bounds the price of a trade.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProtectionArgs {
    /// How far the price may move against you: `0.005` or `0.5%` [default: 0.005]
    #[arg(long, value_name = "SHARE", visible_alias = "rate-tolerance", aliases = ["rate_tolerance", "limit"])]
    tolerance: Option<Ratio>,
    /// The worst price, in tao for one alpha (for a swap: origin's price over destination's)
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens, alias = "limit_price", conflicts_with = "tolerance")]
    limit_price: Option<Tao>,
    /// Trade at whatever the price is
    #[arg(
        long = "unsafe",
        aliases = ["no-safe", "no-safe-staking", "unsafe-staking", "no_safe_staking", "no-slippage-protection"],
        conflicts_with_all = ["tolerance", "limit_price", "safe"]
    )]
    unbounded: bool,
    /// Keep to the bound, which is the default
    #[arg(long, hide = true, aliases = ["safe-staking", "safe_staking", "slippage-protection"])]
    safe: bool,
    /// Trade the part that fits the bound, rather than nothing
    #[arg(long, aliases = ["allow-partial-stake", "allow_partial_stake", "allow-partial", "allow"])]
    partial: bool,
    /// Trade all or nothing, which is the default
    #[arg(long, hide = true, aliases = ["not-partial", "no-allow-partial-stake", "not-allow"], conflicts_with = "partial")]
    no_partial: bool,
}

/// `btctl stake set-auto`
#[derive(Args, Debug)]
pub(crate) struct SetAutoArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

// === impl ProtectionArgs ===

impl ProtectionArgs {
    /// Whether a bound was asked for in words.
    fn is_given(&self) -> bool {
        self.tolerance.is_some() || self.limit_price.is_some() || self.partial || self.safe
    }

    /// Refuses a bound where stake crosses from one subnet to another by a call of the chain that takes none. On one
    /// subnet nothing is traded, and whatever the bound is holds.
    fn require_none(&self, (origin, dest): (NetUid, Option<NetUid>), what: &str) -> Result<(), Failure> {
        match dest.filter(|dest| *dest != origin) {
            Some(dest) if self.is_given() => Err(Failure::usage(format!(
                "the chain takes no bound of the price where stake is {what} from subnet {origin} to {dest}: first `stake swap \
                 --origin-netuid {origin} --dest-netuid {dest}`, which takes one, then this on subnet {dest}; or say --unsafe"
            ))),
            _ => Ok(()),
        }
    }

    /// The same for a trade that the chain makes whole or not at all.
    pub(crate) fn whole(&self, usual: (Protection, Fill)) -> Result<Protection, Failure> {
        if self.partial {
            return Err(Failure::usage("the chain makes this trade whole or not at all: leave --partial out"));
        }
        Ok(self.resolve(usual).0)
    }

    /// `usual` is what holds where nothing is said.
    fn resolve(&self, usual: (Protection, Fill)) -> (Protection, Fill) {
        let protection = match (self.limit_price, self.tolerance) {
            _ if self.unbounded => Protection::None,
            (Some(limit), _) => Protection::Limit(limit),
            (None, Some(tolerance)) => Protection::Tolerance(tolerance),
            (None, None) if self.safe && usual.0 == Protection::None => Protection::default(),
            (None, None) => usual.0,
        };
        let fill = match (self.partial, self.no_partial) {
            (true, _) => Fill::Partial,
            (false, true) => Fill::Whole,
            (false, false) => usual.1,
        };
        (protection, fill)
    }
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let settings = &session.settings;
        match self {
            Self::Add(args) => args.run(session).await,
            Self::Remove(args) => args.run(session).await,
            Self::List(args) => list::run(args, session).await,
            Self::Move(args) => args.run(session).await,
            Self::Swap(args) => args.run(session).await,
            Self::Transfer(args) => args.run(session).await,
            Self::Auto(args) => {
                let reply = session.call::<Auto>(&args.resolve(settings)).await?;
                session.out.reply(&reply, auto).map(|()| Exit::Success)
            }
            Self::SetAuto(args) => {
                let params = unsent!(SetAutoParams {
                    netuid: args.netuid.resolve(),
                    hotkey: args.hotkey.resolve(session),
                    wallet: args.wallet.resolve(settings),
                });
                spend::sign::<SetAuto>(session, params, args.terms).await
            }
            Self::ProcessClaim(args) => args.run(session).await,
            Self::Claim(args) => args.run(session).await,
            Self::SetClaim(args) => args.run(session).await,
            Self::Wizard(args) => args.run(session).await,
            Self::Locks(args) => args.run(session).await,
            Self::Lock(args) => args.run(session).await,
            Self::Unlock(args) => args.run(session).await,
            Self::Child(command) => command.run(session).await,
        }
    }
}

fn auto(auto: &AutoStakes, page: Page) -> String {
    let mut table = Table::new(&[Column::number("NETUID"), Column::address("STAKED BEHIND")]);
    for one in &auto.destinations {
        table.row(&[one.netuid.to_string(), one.hotkey.to_string()]);
    }
    let rest = if auto.destinations.is_empty() { "on every subnet" } else { "elsewhere" };
    let claim = match &auto.claim {
        None => "this runtime does not tell".to_owned(),
        Some(ClaimType::Swap) => "sold, the tao staked on root".to_owned(),
        Some(ClaimType::Keep) => "kept as alpha".to_owned(),
        Some(ClaimType::KeepSubnets(netuids)) => {
            let netuids: Vec<String> = netuids.iter().map(ToString::to_string).collect();
            format!("kept as alpha on subnets {}, else sold", netuids.join(", "))
        }
    };
    let table = if auto.destinations.is_empty() { String::new() } else { table.render(page) };
    let at = text::at(&auto.at, page);
    format!("{table}{rest} behind the mining hotkey itself\nroot dividends: {claim}\ncoldkey {}, {at}\n", auto.coldkey)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    fn parse(words: &str) -> Result<Cli, String> {
        Cli::try_parse_from(format!("btctl {words}").split_whitespace()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_spellings_of_the_python_command_lines_are_taken() {
        for good in [
            format!("stake add --netuid 1 --amount 1.5 --include-hotkeys {BOB} --wallet-name alice -y"),
            "st add -n 1 -a --hotkey h1 --tolerance 0.01 --partial".to_owned(),
            "stake add --netuid 1 --all --unsafe --no_prompt".to_owned(),
            "stake add --netuids 1 --amount 1 --rate-tolerance 1% --safe --proxy 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty".to_owned(),
            format!("stake remove --netuid 1 --amount 1.5 --hotkey-ss58-address {BOB}"),
            format!("stake add --netuids 1,2 --amount 1 --include-hotkeys h1,{BOB}"),
            "stake list --live --count 2".to_owned(),
            "stake add --all-netuids --all --all-hotkeys".to_owned(),
            "stake add -n 1 --amount 1 --exclude-hotkeys h1".to_owned(),
            "stake remove --all-netuids --amount all --all-hotkeys".to_owned(),
            "stake remove --netuids 1,2 --amount 1 --include-hotkeys h1,h2".to_owned(),
            "stake remove --interactive --wallet-name w".to_owned(),
            "stake add --netuid 0 --max_stake 10 --uid 3".to_owned(),
            "stake remove --netuid 0 --max_stake 10".to_owned(),
            "stake add --netuid 0 --amount 1 --max_stake 10".to_owned(),
            "stake remove --netuid 0 --amount 1 --max_stake 10".to_owned(),
            "stake show --all".to_owned(),
            "stake remove -i --unsafe".to_owned(),
            "stake move --from h1 --to h2 --origin-netuid 1 --amount 3 --safe-staking --tolerance 0.01".to_owned(),
            format!("stake transfer --dest {BOB} --origin-netuid 1 --all --partial"),
            "stake remove --unstake-all --hotkey h1".to_owned(),
            "stake remove --unstake-all --all-hotkeys".to_owned(),
            "stake remove --unstake-all-alpha --include-hotkeys h1,h2".to_owned(),
            "stake remove --all-alpha --hotkey h1".to_owned(),
            "stake remove --netuid 1 --amount all --limit-price 0.5".to_owned(),
            format!("stake move --from {BOB} --to h2 --origin-netuid 1 --dest-netuid 2 --amount 3"),
            format!("stake transfer --dest {BOB} --origin-netuid 1 --dest-netuid 1 --all"),
            "stake swap --origin-netuid 1 -d 2 --swap-all".to_owned(),
            "stake swap --origin 1 --dest 2 --amount 5 --wait in-block".to_owned(),
            "stake list --ss58 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty".to_owned(),
            "stake show".to_owned(),
            "stake set-claim keep --netuids 1,2".to_owned(),
            "stake set-claim swap --netuids 1,2".to_owned(),
            "stake set-claim --netuids 1,2".to_owned(),
            "stake remove --netuid 1 --all --uid 3".to_owned(),
            "stake add --netuid 1 --amount-tao 1 --no-slippage-protection".to_owned(),
            "stake swap --origin 1 --dest 2 --amount-alpha 5 --slippage-protection".to_owned(),
            "stake process-claim --netuids 1,2".to_owned(),
            "stake process_claim -n 1".to_owned(),
            "stake claim --netuids 1,2".to_owned(),
            "stake unclaim --netuids 1,2".to_owned(),
            "stake claim keep".to_owned(),
            "stake claim Keep --netuids 1,2".to_owned(),
            "stake child get 1".to_owned(),
            format!("stake child set --netuid 1 --children {BOB} --proportions 0.5"),
            format!("stake children set --netuid 1 -c {BOB} --prop 0.5 -c 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --prop 0"),
            "stake child revoke --netuid 1".to_owned(),
            "stake child get --all".to_owned(),
            "stake child take --netuid 1 -t 0.1".to_owned(),
            "stake child take --netuid 1".to_owned(),
            "stake wizard --wallet-name alice --unsafe".to_owned(),
            "stake child revoke --all-netuids".to_owned(),
            format!("stake child take --child-hotkey-ss58 {BOB} --netuid 1 -t 0.1"),
            format!("stake child take --child-hotkey-ss58 {BOB} --wallet-hotkey h1 --netuid 1 -t 0.1"),
            format!("stake add --netuid 1 --amount 1 --wallet.hotkey h1 --include-hotkeys {BOB}"),
            "stake add --netuid 1 --amount 1 --wallet.hotkey h1 --all-hotkeys".to_owned(),
            "stake add --netuid 1 --amount 1 --wallet.hotkey h1 --uid 3".to_owned(),
            "stake remove --all-netuids --all --wallet.hotkey h1 --all-hotkeys --exclude-hotkeys h2".to_owned(),
            "stake child take 1 -t 0.1".to_owned(),
            "stake child take --all -t 0.1".to_owned(),
            format!("stake child set --all_netuids --children {BOB} --proportions 0.5"),
        ] {
            assert!(parse(&good).is_ok(), "{good}: {}", parse(&good).unwrap_err());
        }
        for (bad, why) in [
            ("stake add --netuid 1 --amount 1 --unsafe --tolerance 0.1", "cannot be used with"),
            ("stake add --netuid 1", "--amount"),
            ("stake add --amount 1", "--netuid"),
            ("stake add --netuid 1 --amount 1 --tolerance 2", "not a share"),
            ("stake remove --netuid 1 --amount 1 --all", "cannot be used with"),
            ("stake add --netuid 1 --all --max_stake 10", "cannot be used with"),
            ("stake remove --netuid 1 --interactive", "cannot be used with"),
            ("stake add --netuid 1 --all-netuids --amount 1", "cannot be used with"),
            ("stake add --netuid 1 --amount 1 --include-hotkeys h1 --all-hotkeys", "cannot be used with"),
            ("stake claim", "--netuids"),
            ("stake process-claim", "--netuids"),
            ("stake process-claim keep", "unexpected argument"),
            ("stake set-claim", "<CLAIM>"),
            ("stake add --netuid 1 --amount 1 --include-hotkeys h1 --uid 3", "cannot be used with"),
            ("stake remove --interactive --hotkey h1", "cannot be used with"),
            ("stake remove --interactive --wallet.hotkey h1", "cannot be used with"),
            ("stake add --netuid 1 --amount 1 --hotkey h1 --uid 3", "cannot be used with"),
            ("stake remove --netuid 1 --all -H h1 --uid 3", "cannot be used with"),
            ("stake remove --all-netuids --all --hotkey h1 --all-hotkeys", "cannot be used with"),
        ] {
            let message = parse(bad).unwrap_err();
            assert!(message.contains(why), "{bad}: {message}");
        }
    }

    #[test]
    fn without_a_subnet_root_is_meant() {
        let typed = |words: &str| {
            crate::args::parse(format!("btctl {words}").split(' ').map(Into::into), None)
                .map(|typed| (typed.words.join(" "), typed.assumed.is_some()))
                .map_err(|refusal| refusal.error.to_string())
        };
        let v6 = "--wallet.name a --no_prompt";
        for words in [
            format!("stake add --amount 1 {v6}"),
            format!("stake add --all {v6}"),
            format!("stake add --max_stake 10 {v6}"),
            format!("stake add --hotkeys h1,h2 --amount 1 {v6}"),
            format!("stake add --all_hotkeys --amount 1 {v6}"),
            format!("stake add --uid 3 --amount 1 {v6}"),
            format!("stake add --hotkey_ss58address {BOB} --amount 1 {v6}"),
            format!("stake remove --amount 1 {v6}"),
            format!("stake remove --max_stake 10 {v6}"),
            format!("stake remove --hotkeys h1,h2 --amount 1 {v6}"),
            format!("stake remove --all_hotkeys --amount 1 {v6}"),
            format!("stake remove --hotkey_ss58address {BOB} --amount 1 {v6}"),
        ] {
            assert_eq!(typed(&words), Ok((format!("{words} --netuid 0"), true)), "{words}");
        }
        // What names a subnet, or means every one, is left as it is.
        for words in ["stake remove --all", "stake add --netuid 1 --amount 1", "stake add --all-netuids --amount 1"] {
            assert_eq!(typed(words), Ok((words.to_owned(), false)), "{words}");
        }
        // Nothing else is guessed.
        let missing = typed("stake add --yes").unwrap_err();
        let (lacks, _usage) = missing.split_once("Usage").unwrap();
        assert!(lacks.contains("--amount") && !lacks.contains("--netuid"), "{missing}");
        assert!(typed("stake set-auto --yes").unwrap_err().contains("--netuid"));
    }

    #[test]
    fn half_a_percent_is_the_default_protection() {
        let args = |words: &str| {
            #[derive(Parser)]
            struct Just {
                #[command(flatten)]
                protection: ProtectionArgs,
            }
            let usual = (Protection::default(), Fill::Whole);
            Just::parse_from(format!("x {words}").split_whitespace()).protection.resolve(usual)
        };
        assert_eq!(args(""), (Protection::Tolerance("0.005".parse().unwrap()), Fill::Whole));
        assert_eq!(args("--unsafe"), (Protection::None, Fill::Whole));
        let limit = Protection::Limit(Tao::from_rao(500_000_000));
        assert_eq!(args("--limit-price 0.5 --partial"), (limit, Fill::Partial));
    }
}
