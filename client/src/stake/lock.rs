//! Locked stake: the noun `lock`, and its commands under `stake` and `subnets`.

use btd_api::{
    AlphaAmount, HotkeyRef, NetUid,
    stake::{
        ColdkeyParams,
        locks::{
            Conviction, ConvictionParams, ConvictionReply, IncomingLocks, IncomingLocksParams, LockMode,
            LockModeParams, LockParams, LockStake, Locks, LocksParams, LocksReply, MoveLock, MoveLockParams,
            SetIncomingLocks, SetLockMode,
        },
    },
    unsent,
};
use clap::{Args, Subcommand, ValueEnum};

use super::{HotkeyRefArg, target};
use crate::{
    addr,
    args::{ColdkeyArg, NetUidArg, WalletArg, number},
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

/// `btctl lock ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The locks of a coldkey, as they stand now
    #[command(alias = "show")]
    List(LocksArgs),
    /// Lock stake behind a hotkey, or more of it
    Add(LockArgs),
    /// Set whether the lock on a subnet decays; without --mode, show it as it is
    Mode(ModeArgs),
    /// Let the lock on a subnet be for another hotkey
    Move(MoveArgs),
    /// Set whether others may give locked stake to a coldkey
    Incoming(IncomingArgs),
}

/// `btctl lock list`
#[derive(Args, Debug)]
pub(crate) struct LocksArgs {
    /// The subnet; without it, all [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "NETUID", value_parser = number::<NetUid>)]
    netuid: Option<NetUid>,
    #[command(flatten)]
    coldkey: ColdkeyArg,
}

/// How a lock ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Aging {
    /// What is locked shrinks, block by block, and may leave
    Decaying,
    /// What is locked stays
    Perpetual,
}

/// `btctl lock add`
#[derive(Args, Debug)]
pub(crate) struct LockArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// How much alpha more: `1.5`, or `all` that is not locked
    #[arg(long, short = 'a', value_name = "ALPHA", value_parser = AlphaAmount::from_tokens, allow_hyphen_values = true)]
    amount: AlphaAmount,
    /// How the lock ages from now on; without it as it does, and a new one decays
    #[arg(long, value_enum, ignore_case = true, value_name = "MODE")]
    mode: Option<Aging>,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl lock mode`
#[derive(Args, Debug)]
pub(crate) struct ModeArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// How the lock ages from now on; without it, the lock is shown as it is, by --proxy that of another account
    #[arg(long, value_enum, ignore_case = true, value_name = "MODE")]
    mode: Option<Aging>,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// Whether locked stake is taken from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Incoming {
    /// They may give it: what is locked stays locked
    Accept,
    /// They may not
    Reject,
}

/// `btctl lock incoming`
#[derive(Args, Debug)]
#[command(
    after_help = "A coldkey that has said nothing accepts none: `stake transfer` of locked stake to it is refused."
)]
pub(crate) struct IncomingArgs {
    /// Whether they may
    #[arg(value_enum, ignore_case = true, value_name = "ANSWER")]
    incoming: Incoming,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl stake unlock`
#[derive(Args, Debug)]
#[command(
    after_help = "The chain lets nothing go at once: a lock that decays shrinks to 1/e of what it was in `UnlockRate` \
                  blocks, and what it lets go may be taken out. `lock list` shows how far it is."
)]
pub(crate) struct UnlockArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl lock move`
#[derive(Args, Debug)]
pub(crate) struct MoveArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// For whose conviction it shall be, by name or address
    #[arg(
        long = "to",
        value_name = "NAME|SS58",
        visible_alias = "destination-hotkey",
        aliases = ["dest", "dest-hotkey", "destination_hotkey"],
        value_parser = addr::hotkey_ref
    )]
    to: HotkeyRef,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl subnets conviction`
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ConvictionArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// How many hotkeys at most
    #[arg(long, value_name = "N", default_value_t = 25)]
    limit: u32,
}

// === impl Aging, Command ===

impl Aging {
    const fn mode(self) -> LockMode {
        match self {
            Self::Decaying => LockMode::Decaying,
            Self::Perpetual => LockMode::Perpetual,
        }
    }
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List(args) => args.run(session).await,
            Self::Add(args) => args.run(session).await,
            Self::Mode(args) => args.run(session).await,
            Self::Move(args) => {
                let params = unsent!(MoveLockParams {
                    netuid: args.netuid.resolve(),
                    dest_hotkey: args.to,
                    wallet: args.wallet.resolve(&session.settings),
                });
                spend::sign::<MoveLock>(session, params, args.terms).await
            }
            Self::Incoming(args) => {
                let incoming = match args.incoming {
                    Incoming::Accept => IncomingLocks::Accept,
                    Incoming::Reject => IncomingLocks::Reject,
                };
                let params = unsent!(IncomingLocksParams { incoming, wallet: args.wallet.resolve(&session.settings) });
                spend::sign::<SetIncomingLocks>(session, params, args.terms).await
            }
        }
    }
}

impl LocksArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let coldkey = self.coldkey.resolve(&session.settings);
        let params = LocksParams { wallet: coldkey.wallet, address: coldkey.address, netuid: self.netuid };
        show(session, &params).await
    }
}

impl ModeArgs {
    async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Some(mode) = self.mode else {
            let Self { netuid, wallet, terms, .. } = self;
            if terms.is_dry_run() || terms.is_announced() || terms.is_keyed() {
                return Err(Failure::usage(
                    "without --mode the lock is shown, and nothing is signed: say --mode too, or leave --dry-run, \
                     --announce-only and --idempotency-key out",
                ));
            }
            let ColdkeyParams { wallet, address } = target::owner(&wallet.resolve(&session.settings), terms.real());
            return show(session, &LocksParams { wallet, address, netuid: Some(netuid.resolve()) }).await;
        };
        set_mode(session, (self.netuid, mode.mode()), self.wallet, self.terms).await
    }
}

impl LockArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = unsent!(LockParams {
            amount: self.amount,
            netuid: self.netuid.resolve(),
            hotkey: self.hotkey.resolve(session),
            mode: self.mode.map(Aging::mode),
            wallet: self.wallet.resolve(&session.settings),
        });
        spend::sign::<LockStake>(session, params, self.terms).await
    }
}

impl UnlockArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        set_mode(session, (self.netuid, LockMode::Decaying), self.wallet, self.terms).await
    }
}

async fn show(session: &Session, params: &LocksParams) -> Result<Exit, Failure> {
    let reply = session.call::<Locks>(params).await?;
    session.out.reply(&reply, render).map(|()| Exit::Success)
}

async fn set_mode(
    session: &Session,
    (netuid, mode): (NetUidArg, LockMode),
    wallet: WalletArg,
    terms: Terms,
) -> Result<Exit, Failure> {
    let params = unsent!(LockModeParams { netuid: netuid.resolve(), mode, wallet: wallet.resolve(&session.settings) });
    spend::sign::<SetLockMode>(session, params, terms).await
}

impl ConvictionArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = ConvictionParams { netuid: self.netuid.resolve(), limit: Some(self.limit) };
        let reply = session.call::<Conviction>(&params).await?;
        session.out.reply(&reply, conviction).map(|()| Exit::Success)
    }
}

fn render(reply: &LocksReply, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("NETUID"),
        Column::address("HOTKEY"),
        Column::text("MODE"),
        Column::number("LOCKED (α)"),
        Column::number("CONVICTION (α)"),
        Column::number("STAKED (α)").leaves(1),
        Column::number("FREE (α)"),
    ]);
    for lock in &reply.locks {
        let mode = match lock.mode {
            LockMode::Decaying => "decaying",
            LockMode::Perpetual => "perpetual",
        };
        table.row(&[
            lock.netuid.to_string(),
            lock.hotkey.to_string(),
            mode.to_owned(),
            lock.locked.to_string(),
            lock.conviction.to_string(),
            lock.staked.to_string(),
            lock.free.to_string(),
        ]);
    }
    let rows = if reply.locks.is_empty() { "nothing is locked\n".to_owned() } else { table.render(page) };
    format!(
        "{rows}a decaying lock shrinks to 1/e in {} blocks; conviction gains all but 1/e of what it lacks in {}\n\
         coldkey {}, {}\n",
        reply.unlock_blocks,
        reply.maturity_blocks,
        reply.coldkey,
        text::at(&reply.at, page)
    )
}

fn conviction(reply: &ConvictionReply, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("RANK"),
        Column::address("HOTKEY"),
        Column::address("COLDKEY").leaves(1),
        Column::number("CONVICTION (α)"),
        Column::text("OWNER'S"),
    ]);
    for (rank, one) in (1..).zip(&reply.candidates) {
        table.row(&[
            i32::to_string(&rank),
            one.hotkey.to_string(),
            one.coldkey.map_or_else(|| "-".to_owned(), |coldkey| coldkey.to_string()),
            one.conviction.to_string(),
            if one.is_owner { "yes" } else { "no" }.to_owned(),
        ]);
    }
    let rows = if reply.candidates.is_empty() { "no lock favours anybody\n".to_owned() } else { table.render(page) };
    format!(
        "{rows}conviction of all: α{} of the α{} that can change the owner, from block #{} on\nsubnet {}, {}\n",
        reply.total,
        reply.needed,
        reply.open_from,
        reply.netuid,
        text::at(&reply.at, page)
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[test]
    fn the_spellings_of_the_python_command_lines_are_taken() {
        for good in [
            "lock list --ss58 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --netuid 1",
            "lock show --netuid 1 --wallet-name alice",
            "lock add --netuid 1 --hotkey-ss58 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty -a 5 --mode perpetual",
            "lock mode --netuid 1 --mode decaying",
            "lock mode --netuid 1 --mode PERPETUAL",
            "lock mode --netuid 1",
            "lock move --netuid 1 --destination-hotkey 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
            "lock incoming accept --wallet-name alice",
            "conviction list",
            "stake locks",
            "stake lock 1 --amount all --hotkey h1",
            "stake unlock --netuid 1",
            "subnets conviction --netuid 1 --limit 3",
        ] {
            let parsed = Cli::try_parse_from(format!("btctl {good}").split(' '));
            assert!(parsed.is_ok(), "{good}: {}", parsed.unwrap_err());
        }
    }

    fn at() -> serde_json::Value {
        json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false })
    }

    #[test]
    fn locks_are_a_table_with_their_pace() {
        let reply: LocksReply = serde_json::from_value(json!({
            "at": at(), "coldkey": BOB, "unlock_blocks": 934_866, "maturity_blocks": 934_866,
            "locks": [{ "netuid": 1, "hotkey": BOB, "mode": "perpetual", "locked": "5000000000", "conviction": "7",
                        "staked": "9000000000", "free": "4000000000" }],
        }))
        .unwrap();
        let text = render(&reply, Page::default());
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1][2..], ["perpetual", "5.000000000", "0.000000007", "9.000000000", "4.000000000"]);
        assert!(text.contains("shrinks to 1/e in 934866 blocks"), "{text}");
    }

    #[test]
    fn conviction_is_ranked_and_tells_what_is_needed() {
        let reply: ConvictionReply = serde_json::from_value(json!({
            "at": at(), "netuid": 1, "total": "5000000000", "needed": "10000000000", "registered_at": 1, "open_from": 2_629_802,
            "candidates": [{ "hotkey": BOB, "coldkey": null, "conviction": "5000000000", "is_owner": true }],
        }))
        .unwrap();
        let text = conviction(&reply, Page::default());
        let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["1", BOB, "-", "5.000000000", "yes"]);
        assert!(
            text.contains("α5.000000000 of the α10.000000000 that can change the owner, from block #2629802 on"),
            "{text}"
        );
    }
}
