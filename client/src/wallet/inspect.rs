//! One wallet in full, and the keys that can be used now.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use btd_api::{
    ApiError, Coldkey, ErrorKind, Method, NetUid, Tao, WalletName,
    stake::{ColdkeyParams, List as Stakes},
    subnets::{Price, PriceParams},
    wallet::{
        KeyName, List, ListParams,
        keyfiles::{Inspect, InspectParams, KeyDetail, Status, StatusParams, Usable, Use, WalletDetail},
    },
};
use clap::Args;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};

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
    session::{Reply, Session},
    spend::layout::tao,
    stake,
};

/// `btctl wallet inspect`
#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    wallet: WalletArg,
    /// Every wallet of this host
    #[arg(long, short = 'a', alias = "all-wallets")]
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
        let unchecked = self.check_netuids(session).await?;
        if let Some(address) = self.ss58 {
            if let Some(error) = unchecked {
                return Err(error.into());
            }
            let params = ColdkeyParams { wallet: None, address: Some(address) };
            let reply = session.call::<Stakes>(&params).await?;
            if session.out.format() == Format::Json {
                return session
                    .out
                    .document(self.told(&reply, |stakes| self.keep_wanted(stakes))?.get())
                    .map(|()| Exit::Success);
            }
            let mut stakes = reply.read()?;
            self.keep_wanted(&mut stakes);
            return session.out.data(&stake::positions(&stakes, session.out.page())).map(|()| Exit::Success);
        }
        let names = if self.all {
            self.wallet.beside_all(session);
            let wallets = session.call::<List>(&ListParams {}).await?.read()?.wallets;
            wallets.into_iter().map(|wallet| wallet.name).collect()
        } else {
            vec![self.wallet.clone().resolve(&session.settings)]
        };
        let (mut documents, mut texts, mut unknown) = (BTreeMap::new(), Vec::new(), Vec::new());
        for wallet in names {
            let reply = session.call::<Inspect>(&InspectParams { wallet: wallet.clone() }).await?;
            let detail = reply.read()?;
            unknown.extend(detail.balance_error.clone().map(|error| (wallet.clone(), error)));
            if session.out.format() == Format::Human {
                let (text, failed) = self.in_full(session, &wallet, &detail).await?;
                unknown.extend(failed.map(|error| (wallet, error)));
                texts.push(text);
                continue;
            }
            let document = self.told(&reply, |detail| {
                for row in detail.balance.iter_mut().flat_map(|balances| &mut balances.rows) {
                    row.positions.retain(|position| self.is_wanted(position.netuid));
                }
            })?;
            if !self.all {
                session.out.document(document.get())?;
            }
            documents.insert(wallet.to_string(), document);
        }
        match session.out.format() {
            Format::Human => session.out.data(&texts.join("\n"))?,
            Format::Json if self.all => session.out.document(&json!({ "wallets": documents }).to_string())?,
            Format::Json => {}
        }
        // What the files say is told, and that the rest is not known does not look like success.
        match self.unknown(unknown).or(unchecked) {
            None => Ok(Exit::Success),
            Some(error) => Err(error.into()),
        }
    }

    /// Refuses subnets that are not there: who mistypes one must not take its stakes for none. Why it cannot be told, where
    /// the chain is out of reach: what files say is told all the same.
    async fn check_netuids(&self, session: &Session) -> Result<Option<ApiError>, Failure> {
        if self.netuids.is_empty() {
            return Ok(None);
        }
        let params = PriceParams { netuids: self.netuids.clone(), ..PriceParams::default() };
        match session.call::<Price>(&params).await {
            Ok(_) => Ok(None),
            Err(Failure::Api(error))
                if matches!(error.kind(), Some(ErrorKind::ChainUnavailable | ErrorKind::WarmingUp)) =>
            {
                Ok(Some(error))
            }
            Err(other) => Err(other),
        }
    }

    /// What is said of the wallets whose balances or stakes are not known, with why that is of the first.
    fn unknown(&self, of: Vec<(WalletName, ApiError)>) -> Option<ApiError> {
        let names: Vec<String> = of.iter().map(|(wallet, _)| format!("`{wallet}`")).collect();
        let (_, error) = of.into_iter().next()?;
        let whose = if self.all { format!(" of {}", names.join(", ")) } else { String::new() };
        let message = format!("balances and stakes{whose} are not known: {}", error.message);
        Some(ApiError { message, ..error })
    }

    /// The wallet, and what its coldkey has staked; why that is not known, where it is not.
    async fn in_full(
        &self,
        session: &Session,
        wallet: &WalletName,
        detail: &WalletDetail,
    ) -> Result<(String, Option<ApiError>), Failure> {
        let page = session.out.page();
        let text = inspected(detail, page);
        // Where the balance cannot be read, nor can the stakes.
        if detail.balance.is_none() {
            return Ok((text, None));
        }
        let params = ColdkeyParams { wallet: Some(wallet.clone()), address: None };
        let mut stakes = match session.call::<Stakes>(&params).await {
            Ok(reply) => reply.read()?,
            Err(Failure::Api(error)) => return Ok((text, Some(error))),
            Err(other) => return Err(other),
        };
        self.keep_wanted(&mut stakes);
        if stakes.positions.is_empty() {
            return Ok((text, None));
        }
        Ok((format!("{text}\n{}", stake::positions(&stakes, page)), None))
    }

    fn is_wanted(&self, netuid: NetUid) -> bool {
        self.netuids.is_empty() || self.netuids.contains(&netuid)
    }

    fn keep_wanted(&self, stakes: &mut btd_api::stake::Stakes) {
        stakes.positions.retain(|position| self.is_wanted(position.netuid));
    }

    /// An answer in JSON: as it came, or what `keep_wanted` leaves of it where subnets are named.
    fn told<M: Method>(
        &self,
        reply: &Reply<M>,
        keep_wanted: impl FnOnce(&mut M::Reply),
    ) -> Result<Box<RawValue>, Failure> {
        let misunderstood = |source| Failure::Misunderstood { method: M::NAME, source };
        if self.netuids.is_empty() {
            return RawValue::from_string(reply.text().to_owned()).map_err(misunderstood);
        }
        let mut read = reply.read()?;
        keep_wanted(&mut read);
        to_raw_value(&read).map_err(misunderstood)
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
        let known = |amount: Option<Tao>| amount.map_or_else(|| "not known".to_owned(), tao);
        facts.add("staked", known(row.staked));
        facts.add("total", known(row.total));
    } else if wallet.balance_error.is_some() {
        facts.add("balance", "not known");
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
