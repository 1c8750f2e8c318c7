//! What happened to an account.

use std::fmt::Write as _;

use btd_api::{
    AccountId, Tao,
    wallet::history::{Cursor, Happening, History, HistoryEntry, HistoryParams, HistoryReply, Why},
};
use clap::Args;

use crate::{
    addr,
    args::WalletArg,
    chain,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// `btctl wallet history`
#[derive(Args, Debug)]
#[command(
    after_help = "Known are the blocks that btd followed while it ran, and those it caught up with after a rest of a day \
                  at most: every event that names a coldkey or hotkey of this host, from when btd knew the key; left out \
                  is that the chain claimed root dividends by itself, of which it tells no amount. \
                  Nothing is asked of an indexer or an archive. The last lines tell from which block on the account's \
                  history is known, and every hole in it; how much is kept is set by `ledger` in btd.toml. What btd \
                  itself signed is in `tx list`."
)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    wallet: WalletArg,
    /// An account of this host, coldkey or hotkey
    #[arg(
        long,
        short = 'k',
        value_name = "SS58",
        aliases = ["coldkey", "address", "key", "ss58-address"],
        conflicts_with = "wallet",
        value_parser = addr::account
    )]
    ss58: Option<AccountId>,
    /// How many at most, the newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Those before this block, or this event of it, only: to read on
    #[arg(long, value_name = "BLOCK[-EVENT]")]
    before: Option<Cursor>,
}

// === impl HistoryArgs ===

impl HistoryArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let wallet = match self.ss58 {
            Some(_) => None,
            None => Some(self.wallet.resolve(&session.settings)),
        };
        let params = HistoryParams { wallet, address: self.ss58, limit: Some(self.limit), before: self.before };
        let reply = session.call::<History>(&params).await?;
        session.out.reply(&reply, render).map(|()| Exit::Success)
    }
}

fn render(reply: &HistoryReply, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("BLOCK"),
        Column::text("TIME").leaves(1),
        Column::text("WHAT"),
        Column::number("TAO (τ)"),
        Column::text("WITH"),
        Column::address("EXTRINSIC").leaves(2),
    ]);
    for entry in &reply.entries {
        let (what, tao, with) = words(entry);
        table.row(&[
            entry.block.to_string(),
            entry.time_ms.map_or_else(|| "-".to_owned(), text::moment),
            what,
            tao,
            with,
            entry.extrinsic.map_or_else(|| "-".to_owned(), |hash| hash.to_string()),
        ]);
    }
    let rows = if reply.entries.is_empty() { String::new() } else { table.render(page) };
    let count = match reply.entries.len() {
        1 => "1 entry".to_owned(),
        many => format!("{many} entries"),
    };
    let more = reply.next.map_or_else(String::new, |next| format!("; older ones with --before {next}"));
    format!("{rows}{count} of {}{more}\n{}{}", reply.account, knowledge(reply), since(reply, page))
}

/// What may have happened since: the chain may be ahead of what was looked through, or out of reach.
fn since(reply: &HistoryReply, page: Page) -> String {
    match &reply.at {
        Some(at) => {
            let newest = format!("the newest block known is #{}, {}", at.block.number, text::ago(at.age_ms));
            if at.stale {
                let stale = page.warn(format!("STALE: blocks stopped arriving; {newest}"));
                format!("{stale}, and what happened since is not known\n")
            } else {
                format!("{newest}\n")
            }
        }
        None => format!(
            "{} the chain has not been reached since btd was started: what happened since the last block is not known\n",
            page.warn("warning:")
        ),
    }
}

/// From which block on the account's history is known, and what is missing of it.
fn knowledge(reply: &HistoryReply) -> String {
    let (Some(first), Some(last)) = (reply.covered.first(), reply.covered.last()) else {
        return "nothing is known of it yet: no block was looked through for it\n".to_owned();
    };
    let mut lines = format!("known from #{} to #{}\n", first.first, last.last);
    for hole in &reply.holes {
        let blocks = if hole.first == hole.last {
            format!("#{}", hole.first)
        } else {
            format!("#{} to #{}", hole.first, hole.last)
        };
        let why = match hole.why {
            Why::NotFollowed => "btd did not follow the chain",
            Why::NotWatched => "it was not an account of this host",
            Why::Unreadable => "no node gave them",
            Why::Illegible => "not all of it could be decoded",
        };
        let _ = writeln!(lines, "unknown {blocks}: {why}");
    }
    if let Some(cut) = reply.cut {
        let _ = writeln!(lines, "cut before #{cut}: what is older is not kept");
    }
    lines
}

/// A change of the free balance; nothing has no sign.
fn signed(sign: char, amount: Tao) -> String {
    if amount == Tao::ZERO { amount.to_string() } else { format!("{sign}{amount}") }
}

/// What happened, what it did to the free balance, and with whom.
fn words(entry: &HistoryEntry) -> (String, String, String) {
    let what = |text: &str| text.to_owned();
    match &entry.what {
        Happening::Received { from, amount } => (what("received"), signed('+', *amount), from.to_string()),
        Happening::Sent { to, amount } => (what("sent"), signed('-', *amount), to.to_string()),
        Happening::Reserved { amount } => (what("set aside"), signed('-', *amount), String::new()),
        Happening::Unreserved { amount } => (what("free again"), signed('+', *amount), String::new()),
        Happening::Fee { amount } => (what("fee"), signed('-', *amount), String::new()),
        Happening::StakeAdded { hotkey, netuid, tao, alpha } => {
            (format!("staked {}{alpha} on {netuid}", netuid.stake_sign()), signed('-', *tao), hotkey.to_string())
        }
        Happening::StakeRemoved { hotkey, netuid, tao, alpha } => {
            (format!("unstaked {}{alpha} on {netuid}", netuid.stake_sign()), signed('+', *tao), hotkey.to_string())
        }
        Happening::StakeArrived { hotkey, netuid, alpha } => {
            (format!("stake came {}{alpha} on {netuid}", netuid.stake_sign()), what("-"), hotkey.to_string())
        }
        Happening::StakeLeft { hotkey, netuid, alpha } => {
            (format!("stake went {}{alpha} on {netuid}", netuid.stake_sign()), what("-"), hotkey.to_string())
        }
        Happening::Registered { hotkey, netuid } => (format!("registered on {netuid}"), what("-"), hotkey.to_string()),
        Happening::Failed => (what("an extrinsic failed"), what("-"), String::new()),
        Happening::Event => (chain::event(&entry.event), what("-"), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_ledger_reads_as_a_list_and_tells_what_it_covers() {
        let (alice, bob) =
            ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty");
        let event = json!({ "pallet": "Balances", "name": "Transfer", "fields": {}, "extrinsic": 1 });
        let reply: HistoryReply = serde_json::from_value(json!({
            "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": true },
            "account": alice,
            "entries": [
                { "block": 9, "time_ms": 1_700_000_000_000_u64, "index": 2, "extrinsic": null, "kind": "sent", "to": bob,
                  "amount": "1500000000", "event": event },
                { "block": 8, "time_ms": null, "index": 1, "extrinsic": null, "kind": "event", "event": event },
                { "block": 8, "time_ms": null, "index": 0, "extrinsic": null, "kind": "fee", "amount": "0", "event": event },
            ],
            "next": "8-1",
            "covered": [{ "first": 5, "last": 6 }, { "first": 9, "last": 9 }],
            "holes": [{ "first": 7, "last": 7, "why": "illegible" }, { "first": 8, "last": 8, "why": "not-followed" }],
            "cut": 5,
        }))
        .unwrap();
        let text = render(&reply, Page::default());
        assert!(text.contains(&format!("2023-11-14 22:13:20  sent               -1.500000000  {bob}")), "{text}");
        assert!(text.contains("Balances.Transfer"), "{text}");
        assert!(
            text.ends_with(
                "3 entries of 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY; older ones with --before 8-1\n\
                 known from #5 to #9\n\
                 unknown #7: not all of it could be decoded\n\
                 unknown #8: btd did not follow the chain\n\
                 cut before #5: what is older is not kept\n\
                 STALE: blocks stopped arriving; the newest block known is #9, just now, and what happened since is not known\n"
            ),
            "{text}"
        );
        assert!(text.contains("fee                 0.000000000") && !text.contains("-0.000000000"), "{text}");
        let unreached = render(&HistoryReply { at: None, ..reply }, Page::default());
        assert!(unreached.ends_with("what happened since the last block is not known\n"), "{unreached}");
    }
}
