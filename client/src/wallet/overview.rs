//! The neurons of this host's wallets.

use std::{collections::BTreeMap, fmt::Write as _};

use btd_api::{
    Alpha, HotkeyRef, NetUid,
    stake::Hotkeys,
    wallet::onchain::{Overview, OverviewParams, OverviewReply, OwnNeuron},
};
use clap::Args;

use crate::{
    addr,
    args::{WalletArg, number},
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        column::{self, Key, Order, Shown},
        table::Column,
        text,
    },
    session::Session,
};

/// `btctl wallet overview`
#[derive(Args, Debug)]
pub(crate) struct OverviewArgs {
    #[command(flatten)]
    wallet: WalletArg,
    /// Every wallet of this host, whatever the environment says
    #[arg(long, short = 'a')]
    all: bool,
    /// These subnets: `1,2` [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "NETUIDS", visible_alias = "netuid", value_delimiter = ',', value_parser = number::<NetUid>)]
    netuids: Vec<NetUid>,
    /// These hotkeys, by name or address, several with commas; `-in` too
    #[arg(
        long,
        short = 'H',
        value_name = "NAME|SS58",
        visible_alias = "hotkey",
        aliases = ["include_hotkeys", "hotkeys", "wallet.hotkeys", "hotkey-name"],
        value_delimiter = ',',
        value_parser = addr::hotkey_ref,
        conflicts_with = "exclude_hotkeys"
    )]
    include_hotkeys: Vec<HotkeyRef>,
    /// All hotkeys but these; `-ex` too
    #[arg(
        long,
        value_name = "NAME|SS58",
        aliases = ["exclude_hotkeys", "wallet.exclude_hotkeys"],
        value_delimiter = ',',
        value_parser = addr::hotkey_ref
    )]
    exclude_hotkeys: Vec<HotkeyRef>,
    /// Sort by this column; without it, by subnet and uid
    #[arg(long, value_name = "COLUMN", visible_alias = "sort-by", aliases = ["sort_by", "wallet.sort_by"], value_parser = column)]
    sort: Option<&'static Shown<OwnNeuron>>,
    /// Which way; without it, numbers from the largest on, and texts from the first on
    #[arg(long, value_enum, ignore_case = true, value_name = "ORDER", aliases = ["sort_order", "wallet.sort_order"])]
    sort_order: Option<Order>,
}

/// The columns, in their order.
static COLUMNS: [Shown<OwnNeuron>; 17] = [
    Shown {
        name: "wallet",
        column: Column::text("WALLET"),
        text: |own, _| own.wallet.to_string(),
        key: |own, _| Key::Text(own.wallet.to_string()),
    },
    Shown {
        name: "hotkey",
        column: Column::text("HOTKEY"),
        text: |own, _| own.hotkey_name.to_string(),
        key: |own, _| Key::Text(own.hotkey_name.to_string()),
    },
    Shown {
        name: "netuid",
        column: Column::number("NETUID"),
        text: |own, _| own.netuid.to_string(),
        key: |own, _| Key::Order(own.netuid.0.into()),
    },
    Shown {
        name: "uid",
        column: Column::number("UID"),
        text: |own, _| own.neuron.uid.to_string(),
        key: |own, _| Key::Order(own.neuron.uid.0.into()),
    },
    Shown {
        name: "active",
        column: Column::text("ACTIVE").leaves(5),
        text: |own, _| yes(own.neuron.active),
        key: |own, _| Key::Amount(own.neuron.active.into()),
    },
    Shown {
        name: "stake",
        column: Column::number("STAKE (α)"),
        text: |own, _| own.neuron.stake.to_string(),
        key: |own, _| Key::Amount(own.neuron.stake.rao()),
    },
    Shown {
        name: "rank",
        column: Column::number("RANK").leaves(11),
        text: |own, _| own.neuron.rank.map_or_else(|| "-".to_owned(), score),
        key: |own, _| Key::Number(own.neuron.rank.unwrap_or(f64::NEG_INFINITY)),
    },
    Shown {
        name: "trust",
        column: Column::number("TRUST").leaves(8),
        text: |own, _| own.neuron.trust.map_or_else(|| "-".to_owned(), score),
        key: |own, _| Key::Number(own.neuron.trust.unwrap_or(f64::NEG_INFINITY)),
    },
    Shown {
        name: "consensus",
        column: Column::number("CONSENSUS").leaves(9),
        text: |own, _| score(own.neuron.consensus),
        key: |own, _| Key::Number(own.neuron.consensus),
    },
    Shown {
        name: "incentive",
        column: Column::number("INCENTIVE"),
        text: |own, _| score(own.neuron.incentive),
        key: |own, _| Key::Number(own.neuron.incentive),
    },
    Shown {
        name: "dividends",
        column: Column::number("DIVIDENDS"),
        text: |own, _| score(own.neuron.dividends),
        key: |own, _| Key::Number(own.neuron.dividends),
    },
    Shown {
        name: "emission",
        column: Column::number("EMISSION (α)"),
        text: |own, _| own.neuron.emission.to_string(),
        key: |own, _| Key::Amount(own.neuron.emission.rao()),
    },
    Shown {
        name: "vtrust",
        column: Column::number("VTRUST").leaves(7),
        text: |own, _| own.neuron.validator_trust.map_or_else(|| "-".to_owned(), score),
        key: |own, _| Key::Number(own.neuron.validator_trust.unwrap_or(f64::NEG_INFINITY)),
    },
    Shown {
        name: "vpermit",
        column: Column::text("VPERMIT").leaves(6),
        text: |own, _| yes(own.neuron.validator_permit),
        key: |own, _| Key::Amount(own.neuron.validator_permit.into()),
    },
    Shown {
        name: "updated",
        column: Column::number("UPDATED").leaves(4),
        text: |own, _| own.updated.to_string(),
        key: |own, _| Key::Amount(own.updated),
    },
    Shown {
        name: "axon",
        column: Column::text("AXON").leaves(3),
        text: |own, _| axon(own),
        key: |own, _| Key::Text(axon(own)),
    },
    Shown {
        name: "hotkey_ss58",
        column: Column::address("HOTKEY ADDRESS").leaves(10),
        text: |own, _| own.neuron.hotkey.to_string(),
        key: |own, _| Key::Text(own.neuron.hotkey.to_string()),
    },
];

fn column(name: &str) -> Result<&'static Shown<OwnNeuron>, String> {
    // btcli 9 heads the name of the wallet with COLDKEY, and speaks of it as the name in its help.
    let name = match name.trim().to_lowercase().as_str() {
        "name" | "coldkey" => "wallet",
        _ => name,
    };
    column::find(&COLUMNS, name)
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn score(score: f64) -> String {
    format!("{score:.5}")
}

fn axon(own: &OwnNeuron) -> String {
    own.neuron.axon.as_ref().map_or_else(|| "none".to_owned(), |axon| format!("{}:{}", axon.ip, axon.port))
}

impl OverviewArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let wallet = if self.all {
            self.wallet.beside_all(session);
            None
        } else {
            self.wallet.wallet.or_else(|| session.settings.wallet.clone())
        };
        let hotkeys = match (self.include_hotkeys, self.exclude_hotkeys) {
            (named, _) if !named.is_empty() => Some(Hotkeys::Only(named)),
            (_, named) if !named.is_empty() => Some(Hotkeys::AllBut(named)),
            _ => None,
        };
        let params = OverviewParams { wallet, netuids: self.netuids, hotkeys };
        let reply = session.call::<Overview>(&params).await?;
        let (sort, order) = (self.sort, self.sort_order);
        session.out.reply(&reply, |reply, page| render(reply, page, sort, order)).map(|()| Exit::Success)
    }
}

fn render(reply: &OverviewReply, page: Page, sort: Option<&'static Shown<OwnNeuron>>, order: Option<Order>) -> String {
    let mut lines = totals(&reply.neurons);
    for idle in &reply.idle {
        let idle = format!("{} {} {} is registered nowhere", idle.wallet, idle.hotkey_name, idle.hotkey);
        let _ = writeln!(lines, "{}", text::visible(&idle));
    }
    let rows = column::sorted(&reply.neurons, (sort, order), reply.at.block.number.0);
    let table = column::table(&rows, &COLUMNS.iter().collect::<Vec<_>>(), reply.at.block.number.0);
    let table = if rows.is_empty() { String::new() } else { table.render(page) };
    let count = text::count(rows.len(), "neuron");
    format!("{table}{lines}{count}, {}\n", text::at(&reply.at, page))
}

/// What the neurons of one subnet come to together, where there are several of them. Alpha of different subnets makes no
/// sum.
fn totals(neurons: &[OwnNeuron]) -> String {
    let mut subnets: BTreeMap<NetUid, Vec<&OwnNeuron>> = BTreeMap::new();
    for own in neurons {
        subnets.entry(own.netuid).or_default().push(own);
    }
    let mut lines = String::new();
    for (netuid, neurons) in subnets.into_iter().filter(|(_, neurons)| neurons.len() > 1) {
        let sum = |amount: fn(&OwnNeuron) -> Alpha| {
            neurons.iter().fold(Alpha::ZERO, |sum, own| sum.saturating_add(amount(own)))
        };
        let (stake, emission) = (sum(|own| own.neuron.stake), sum(|own| own.neuron.emission));
        let count = text::count(neurons.len(), "neuron");
        let _ = writeln!(lines, "subnet {netuid}: {count}, stake {stake:.4} α, emission {emission:.6} α per epoch");
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn neurons_of_one_subnet_are_summed() {
        const KEY: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let own = |netuid: u16, uid: u16| {
            json!({
                "wallet": "mine", "hotkey_name": "h1", "netuid": netuid, "updated": 5, "neuron": {
                    "uid": uid, "hotkey": KEY, "coldkey": KEY, "active": true, "validator_permit": false,
                    "stake": "1500000000", "alpha_stake": "1500000000", "tao_stake": "0", "rank": null, "trust": null,
                    "consensus": 0.5, "incentive": 0.5, "dividends": 1.0, "validator_trust": 0.0, "emission": "1000",
                    "last_update": 4, "registered_at": 2, "axon": null, "identity": null,
                },
            })
        };
        let at = json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false });
        let reply = json!({ "at": at, "neurons": [own(1, 0), own(1, 1), own(2, 0)], "idle": [] });
        let reply: OverviewReply = serde_json::from_value(reply).unwrap();
        let text = render(&reply, Page::default(), None, None);
        let expected = "subnet 1: 2 neurons, stake 3.0000 α, emission 0.000002 α per epoch\n\
                        3 neurons, at block #9, just now\n";
        assert!(text.ends_with(expected), "{text}");
        // One neuron is its own sum.
        assert!(!text.contains("subnet 2:"), "{text}");
    }
}
