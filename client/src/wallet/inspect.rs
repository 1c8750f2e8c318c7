//! One wallet in full, and the keys that can be used now.

use std::{fmt::Write as _, time::Duration};

use btd_api::{
    Coldkey, NetUid, WalletName,
    stake::{ColdkeyParams, List as Stakes},
    wallet::{
        KeyName, List, ListParams,
        keyfiles::{Inspect, InspectParams, KeyDetail, Status, StatusParams, Usable, Use, WalletDetail},
    },
};
use clap::Args;
use serde_json::json;

use super::{
    convert::protection_name,
    keys::{scheme_name, state},
};
use crate::{
    addr,
    args::{WalletArg, number},
    exit::Exit,
    failure::Failure,
    output::{
        Format, Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    session::Session,
    spend::tao,
    stake,
};

/// `btctl wallet inspect`
#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    wallet: WalletArg,
    /// Every wallet of this host
    #[arg(long, short = 'a', alias = "all-wallets", conflicts_with = "wallet")]
    all: bool,
    /// Any coldkey, of which there are stakes to show and no files
    #[arg(
        long,
        value_name = "SS58",
        aliases = ["ss58-address", "ss58_address"],
        conflicts_with_all = ["wallet", "all"],
        value_parser = addr::coldkey
    )]
    ss58: Option<Coldkey>,
    /// Show the stakes on these subnets only: `1,2` [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "NETUIDS", visible_alias = "netuid", value_delimiter = ',', value_parser = number::<NetUid>)]
    netuids: Vec<NetUid>,
}

/// `btctl wallet status`
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {}

// === the commands ===

impl InspectArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        if let Some(address) = self.ss58 {
            let params = ColdkeyParams { wallet: None, address: Some(address) };
            let reply = session.call::<Stakes>(&params).await?;
            return session.out.reply(&reply, |stakes, page| self.staked(stakes.clone(), page)).map(|()| Exit::Success);
        }
        if !self.all {
            let wallet = self.wallet.clone().resolve(&session.settings);
            let reply = session.call::<Inspect>(&InspectParams { wallet: wallet.clone() }).await?;
            if session.out.format() == Format::Json {
                return session.out.document(reply.text()).map(|()| Exit::Success);
            }
            let text = self.in_full(session, &wallet, &reply.read()?).await;
            return session.out.data(&text).map(|()| Exit::Success);
        }
        let wallets = session.call::<List>(&ListParams {}).await?.read()?.wallets;
        let (mut documents, mut texts) = (serde_json::Map::new(), Vec::new());
        for wallet in wallets.into_iter().map(|wallet| wallet.name) {
            let reply = session.call::<Inspect>(&InspectParams { wallet: wallet.clone() }).await?;
            let detail = reply.read()?;
            if session.out.format() == Format::Json {
                documents.insert(wallet.to_string(), json!(detail));
            } else {
                texts.push(self.in_full(session, &wallet, &detail).await);
            }
        }
        match session.out.format() {
            Format::Json => session.out.document(&json!({ "wallets": documents }).to_string())?,
            Format::Human => session.out.data(&texts.join("\n"))?,
        }
        Ok(Exit::Success)
    }

    /// The wallet, and what its coldkey has staked where there is a chain to ask.
    async fn in_full(&self, session: &Session, wallet: &WalletName, detail: &WalletDetail) -> String {
        let page = session.out.page();
        let text = inspected(detail, page);
        let params = ColdkeyParams { wallet: Some(wallet.clone()), address: None };
        let stakes = session.call::<Stakes>(&params).await.and_then(|reply| reply.read());
        match stakes {
            Ok(stakes) if !stakes.positions.is_empty() => format!("{text}\n{}", self.staked(stakes, page)),
            Ok(_) | Err(_) => text,
        }
    }

    fn staked(&self, mut stakes: btd_api::stake::Stakes, page: Page) -> String {
        stakes.positions.retain(|position| self.netuids.is_empty() || self.netuids.contains(&position.netuid));
        stake::positions(&stakes, page)
    }
}

impl StatusArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let reply = session.call::<Status>(&StatusParams {}).await?;
        session.out.reply(&reply, usable).map(|()| Exit::Success)
    }
}

/// What the daemon knows of one key.
///
/// # Errors
/// When the wallet has no such key.
pub(crate) async fn detail(session: &Session, wallet: &WalletName, key: &KeyName) -> Result<KeyDetail, Failure> {
    let reply = session.call::<Inspect>(&InspectParams { wallet: wallet.clone() }).await?.read()?;
    let found = reply.keys.into_iter().find(|detail| detail.key == *key);
    found.ok_or_else(|| Failure::usage(format!("there is no {}", super::keys::called(wallet, key))))
}

// === what is shown ===

fn name(key: &KeyName) -> String {
    match key {
        KeyName::Coldkey => "coldkey".to_owned(),
        KeyName::Hotkey(name) => format!("hotkey {name}"),
    }
}

fn inspected(wallet: &WalletDetail, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("wallet", &wallet.wallet);
    facts.add("path", &wallet.path);
    if let Some(row) = wallet.balance.iter().flat_map(|balances| &balances.rows).next() {
        facts.add("free", tao(row.free));
        facts.add("staked", tao(row.staked));
        facts.add("total", tao(row.total));
    }
    let mut table = Table::new(&[
        Column::text("KEY"),
        Column::address("ADDRESS"),
        Column::text("SCHEME").leaves(1),
        Column::text("STATE"),
        Column::text("PROTECTION").leaves(2),
        Column::text("NETUID/UID"),
    ]);
    for key in &wallet.keys {
        table.row(&[
            name(&key.key),
            key.address.map_or_else(|| "?".to_owned(), |address| address.to_string()),
            key.scheme.map_or("?", scheme_name).to_owned(),
            state(key.state).to_owned(),
            key.protection.map_or("-", protection_name).to_owned(),
            super::keys::places(&key.registered),
        ]);
    }
    let warnings = wallet.keys.iter().flat_map(|key| key.warnings.iter().map(|warning| (&key.key, warning)));
    let problem = wallet.problem.iter().fold(String::new(), |lines, problem| {
        format!("{lines}{} {}\n", page.warn("warning:"), text::visible_lines(problem))
    });
    let warnings = warnings.fold(problem, |mut lines, (key, warning)| {
        let _ = writeln!(lines, "{} {}: {}", page.warn("warning:"), name(key), text::visible_lines(warning));
        lines
    });
    let at = wallet.balance.as_ref().map(|balances| format!("{}\n", text::at(&balances.at, page)));
    format!("{}\n{}{warnings}{}", facts.render(page), table.render(page), at.unwrap_or_default())
}

fn usable(usable: &Usable, page: Page) -> String {
    if usable.keys.is_empty() {
        return "no key is unlocked\n".to_owned();
    }
    let mut table = Table::new(&[
        Column::text("WALLET"),
        Column::text("KEY"),
        Column::address("ADDRESS"),
        Column::text("FOR"),
        Column::text("LOCKS ITSELF"),
    ]);
    for key in &usable.keys {
        let uses: Vec<&str> = key.uses.iter().map(|one| use_name(*one)).collect();
        table.row(&[
            key.wallet.to_string(),
            name(&key.key),
            key.address.to_string(),
            uses.join(", "),
            key.seconds.map_or_else(
                || "never: plain on disk, or handed over".to_owned(),
                |seconds| format!("in {}", text::duration(Duration::from_secs(seconds.into()))),
            ),
        ]);
    }
    table.render(page)
}

const fn use_name(one: Use) -> &'static str {
    match one {
        Use::Extrinsics => "extrinsics",
        Use::Weights => "weights",
        Use::Synapses => "synapses",
        Use::Messages => "messages",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn a_wallet_is_shown_with_what_is_wrong_with_it() {
        let wallet: WalletDetail = serde_json::from_value(json!({
            "wallet": "alice", "path": "/w/alice", "balance": null,
            "keys": [
                { "key": "coldkey", "address": ALICE, "scheme": "ed25519", "state": "locked", "protection": "fernet",
                  "path": "/w/alice/coldkey", "warnings": ["run `btctl wallet update`"], "registered": [] },
                { "key": { "hotkey": "h" }, "address": null, "scheme": null, "state": "unreadable", "protection": null,
                  "path": "/w/alice/hotkeys/h", "warnings": [], "registered": [{ "netuid": 1, "uid": 7 }] },
            ],
        }))
        .unwrap();
        let shown = inspected(&wallet, Page::default());
        assert!(shown.contains("warning: coldkey: run `btctl wallet update`\n"), "{shown}");
        assert!(shown.contains("fernet, which is out of use") && shown.contains("1/7"), "{shown}");
    }

    #[test]
    fn usable_keys_say_for_what_and_how_long() {
        let keys: Usable = serde_json::from_value(json!({ "keys": [
            { "wallet": "a", "key": "coldkey", "address": ALICE, "scheme": "sr25519", "uses": ["extrinsics"], "seconds": 60 },
            { "wallet": "a", "key": { "hotkey": "h" }, "address": ALICE, "scheme": "sr25519",
              "uses": ["extrinsics", "synapses", "messages"], "seconds": null },
        ] }))
        .unwrap();
        let shown = usable(&keys, Page::default());
        assert!(shown.contains("in 60 s") && shown.contains("never: plain on disk, or handed over"), "{shown}");
        assert_eq!(usable(&Usable { keys: vec![] }, Page::default()), "no key is unlocked\n");
    }
}
