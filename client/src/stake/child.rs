//! Child hotkeys: reading, setting and revoking them, and the take.

use btd_api::{
    Hotkey, NetUid, Ratio,
    stake::{Child, ChildGet, ChildGetParams, ChildSet, ChildSetParams, ChildTake, ChildTakeParams, Families, Family},
    unsent,
};
use clap::{Args, Subcommand};

use super::HotkeyRefArg;
use crate::{
    addr,
    args::{WalletArg, number, share::ratio},
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

/// `btctl stake child ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Who inherits from a hotkey, and its take
    Get(GetArgs),
    /// Set who inherits from a hotkey
    Set(SetArgs),
    /// Let nobody inherit from a hotkey
    Revoke(RevokeArgs),
    /// What a hotkey keeps of what inherited stake earns: show it, or set it with --take
    Take(TakeArgs),
}

/// `btctl stake child get`
#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    /// The subnet; without it, all
    #[arg(value_name = "NETUID", value_parser = number::<NetUid>)]
    position: Option<NetUid>,
    /// The same, as a flag
    #[arg(long, value_name = "NETUID", value_parser = number::<NetUid>, conflicts_with = "position")]
    netuid: Option<NetUid>,
    /// All subnets, which is the default
    #[arg(
        long,
        hide = true,
        aliases = ["all-netuids", "all_netuids", "allnetuids"],
        conflicts_with_all = ["netuid", "position"]
    )]
    all: bool,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
}

/// One subnet, or every one.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
struct PlaceArg {
    /// The subnet's number
    #[arg(value_name = "NETUID", value_parser = number::<NetUid>)]
    position: Option<NetUid>,
    /// The same, as a flag
    #[arg(long = "netuid", value_name = "NETUID", value_parser = number::<NetUid>)]
    flag: Option<NetUid>,
    /// Every subnet but root, in one extrinsic
    #[arg(long, aliases = ["all_netuids", "allnetuids", "all"])]
    all_netuids: bool,
}

/// `btctl stake child set`
#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    place: PlaceArg,
    /// Who inherits; several with commas or by repeating it
    #[arg(long, short = 'c', value_name = "SS58", value_delimiter = ',', required = true, value_parser = addr::hotkey)]
    children: Vec<Hotkey>,
    /// The share of each, in order: `0.5` or `50%`
    #[arg(long, value_name = "SHARE", visible_alias = "prop", value_delimiter = ',', required = true, value_parser = ratio)]
    proportions: Vec<Ratio>,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl stake child revoke`
#[derive(Args, Debug)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    place: PlaceArg,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl stake child take`
#[derive(Args, Debug)]
pub(crate) struct TakeArgs {
    #[command(flatten)]
    place: PlaceArg,
    /// The new take, up to 0.18
    #[arg(long, short = 't', value_name = "SHARE")]
    take: Option<Ratio>,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

// === impl PlaceArg, Command ===

impl PlaceArg {
    /// The one subnet; none where all are meant.
    fn netuid(self) -> Option<NetUid> {
        self.flag.or(self.position)
    }
}

impl Command {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let settings = &session.settings;
        match self {
            Self::Get(args) => {
                let hotkey = args.hotkey.resolve(session);
                let netuid = args.netuid.or(args.position);
                show(session, ChildGetParams { netuid, hotkey, wallet: args.wallet.resolve(settings) }).await
            }
            Self::Set(args) => {
                if args.children.len() != args.proportions.len() {
                    let (children, shares) = (args.children.len(), args.proportions.len());
                    let message =
                        format!("{children} children and {shares} shares were given: each child has one share");
                    return Err(Failure::usage(message));
                }
                let pairs = args.children.into_iter().zip(args.proportions);
                let params = unsent!(ChildSetParams {
                    netuid: args.place.netuid(),
                    all_netuids: args.place.all_netuids,
                    children: pairs.map(|(hotkey, proportion)| Child { hotkey, proportion }).collect(),
                    hotkey: args.hotkey.resolve(session),
                    wallet: args.wallet.resolve(settings),
                });
                spend::sign::<ChildSet>(session, params, args.terms).await
            }
            Self::Revoke(args) => {
                let params = unsent!(ChildSetParams {
                    netuid: args.place.netuid(),
                    all_netuids: args.place.all_netuids,
                    children: Vec::new(),
                    hotkey: args.hotkey.resolve(session),
                    wallet: args.wallet.resolve(settings),
                });
                spend::sign::<ChildSet>(session, params, args.terms).await
            }
            Self::Take(args) => {
                let (netuid, hotkey) = (args.place.netuid(), args.hotkey.resolve(session));
                let wallet = args.wallet.resolve(settings);
                let Some(take) = args.take else {
                    return show(session, ChildGetParams { netuid, hotkey, wallet }).await;
                };
                let all_netuids = args.place.all_netuids;
                let params = unsent!(ChildTakeParams { netuid, all_netuids, take, hotkey, wallet });
                spend::sign::<ChildTake>(session, params, args.terms).await
            }
        }
    }
}

async fn show(session: &Session, params: ChildGetParams) -> Result<Exit, Failure> {
    let reply = session.call::<ChildGet>(&params).await?;
    session.out.reply(&reply, render).map(|()| Exit::Success)
}

fn render(families: &Families, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("NETUID"),
        Column::address("CHILD"),
        Column::number("SHARE"),
        Column::text("SINCE"),
        Column::number("TAKE").leaves(1),
    ]);
    for family in &families.subnets {
        rows(family, &mut table);
    }
    let at = text::at(&families.at, page);
    if families.subnets.is_empty() {
        return format!("nobody inherits from hotkey {}\n{at}\n", families.hotkey);
    }
    format!("{}children of hotkey {}\n{at}\n", table.render(page), families.hotkey)
}

fn rows(family: &Family, table: &mut Table) {
    let mut row = |child: &Child, since: String| {
        let (netuid, take) = (family.netuid.to_string(), family.take.to_string());
        table.row(&[netuid, child.hotkey.to_string(), child.proportion.to_string(), since, take]);
    };
    for child in &family.children {
        row(child, "now".to_owned());
    }
    if let Some(pending) = &family.pending {
        for child in &pending.children {
            row(child, format!("from block {} on", pending.from));
        }
    }
    if family.children.is_empty() && family.pending.is_none() {
        let (netuid, take) = (family.netuid.to_string(), family.take.to_string());
        table.row(&[netuid, "-".to_owned(), "-".to_owned(), "-".to_owned(), take]);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn children_of_now_and_of_later_are_told_apart() {
        let hotkey = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        let child = json!({ "hotkey": hotkey, "proportion": "0.25" });
        let families: Families = serde_json::from_value(json!({
            "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false },
            "hotkey": hotkey,
            "subnets": [
                { "netuid": 1, "children": [child], "pending": { "children": [child], "from": 77 }, "take": "0.18" },
                { "netuid": 2, "children": [], "pending": null, "take": "0" },
            ],
        }))
        .unwrap();
        let text = render(&families, Page::default());
        assert!(text.contains("0.25  now") && text.contains("0.25  from block 77 on"), "{text}");
        assert!(text.lines().any(|line| line.trim_start().starts_with("2  -")), "{text}");
    }
}
