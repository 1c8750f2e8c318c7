//! A metagraph of the history in the form of those that are served: the neurons and the subnet's own
//! figures out of the columns and figures that were recorded.

use btd_api::{AccountId, Alpha, Coldkey, Hotkey, NetUid, Tao, Uid};
use btd_chain::pool_price;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{
    figure::Figure,
    snapshot::{Endpoint, Neuron, Snapshot},
    subnet::Subnet,
    table::{Column, Table},
};

// === impl Snapshot ===

impl Snapshot {
    /// What was recorded; none where it has other columns than a metagraph has.
    pub fn recorded(table: &Table) -> Option<Self> {
        let neurons = (0..table.neurons).map(|uid| neuron(table, uid)).collect::<Option<_>>()?;
        Some(Self::new(table.at, subnet(table)?, neurons))
    }
}

fn neuron(table: &Table, uid: u16) -> Option<Neuron> {
    let at = usize::from(uid);
    let flag = |name| match table.column(name)? {
        Column::Flags(values) => values.get(at).copied(),
        Column::Shorts(_) | Column::Longs(_) | Column::Accounts(_) | Column::Texts(_) => None,
    };
    let short = |name| match table.column(name)? {
        Column::Shorts(values) => values.get(at).copied(),
        Column::Flags(_) | Column::Longs(_) | Column::Accounts(_) | Column::Texts(_) => None,
    };
    let long = |name| match table.column(name)? {
        Column::Longs(values) => values.get(at).copied(),
        Column::Flags(_) | Column::Shorts(_) | Column::Accounts(_) | Column::Texts(_) => None,
    };
    let account = |name| match table.column(name)? {
        Column::Accounts(values) => values.get(at).copied(),
        Column::Flags(_) | Column::Shorts(_) | Column::Longs(_) | Column::Texts(_) => None,
    };
    let text = |name| match table.column(name)? {
        Column::Texts(values) => values.get(at),
        Column::Flags(_) | Column::Shorts(_) | Column::Longs(_) | Column::Accounts(_) => None,
    };
    let amount = |name| long(name).map(Alpha::from_rao);
    let axon = || {
        let endpoint = Endpoint {
            ip: text("axon_ip")?.parse().ok()?,
            port: short("axon_port")?,
            version: long("axon_version")?.try_into().ok()?,
            block: long("axon_block")?,
        };
        // All zero means that it never said.
        (!endpoint.ip.is_unspecified() || endpoint.port != 0).then_some(endpoint)
    };
    let identity = text("identity_name").map(|name| name.trim()).filter(|name| !name.is_empty());
    Some(Neuron {
        uid: Uid(uid),
        hotkey: Hotkey(account("hotkeys")?),
        coldkey: Coldkey(account("coldkeys")?),
        active: flag("active").unwrap_or_default(),
        validator_permit: flag("validator_permit").unwrap_or_default(),
        stake: amount("total_stake").unwrap_or_default(),
        alpha_stake: amount("alpha_stake"),
        tao_stake: Tao::from_rao(long("tao_stake").unwrap_or_default()),
        rank: short("rank"),
        trust: short("trust"),
        consensus: short("consensus").unwrap_or_default(),
        incentive: short("incentives").unwrap_or_default(),
        dividends: short("dividends").unwrap_or_default(),
        validator_trust: short("validator_trust"),
        emission: amount("emission").unwrap_or_default(),
        last_update: long("last_update").unwrap_or_default(),
        registered_at: long("block_at_registration").unwrap_or_default(),
        axon: axon(),
        identity: identity.map(str::to_owned),
    })
}

/// The subnet's own figures; what was not told is none.
fn subnet(table: &Table) -> Option<Subnet> {
    let told = |name: &str| match table.figures.get(name) {
        Some(Figure::Plain(json)) if !json.is_null() => Some(json),
        _ => None,
    };
    let text = |name: &str| told(name).and_then(Json::as_str);
    let number = |name: &str| text(name).and_then(|digits| digits.parse::<u64>().ok());
    let (tao, alpha) = (|name| number(name).map(Tao::from_rao), |name| number(name).map(Alpha::from_rao));
    let (tao_in, alpha_in) = (tao("tao_in"), alpha("alpha_in"));
    let from_the_pool = |netuid: NetUid| pool_price(netuid, tao_in?, alpha_in?);
    Some(Subnet {
        netuid: table.netuid,
        name: text("name").unwrap_or_default().to_owned(),
        symbol: text("symbol").unwrap_or_default().to_owned(),
        owner: text("owner_coldkey").and_then(|owner| owner.parse::<AccountId>().ok()).map(Coldkey),
        neurons: table.neurons,
        max_neurons: plain(told("max_uids")).unwrap_or_default(),
        tempo: plain(told("tempo"))?,
        last_epoch: number("last_step").unwrap_or_default(),
        blocks_since_epoch: number("blocks_since_last_step").unwrap_or_default(),
        // What was told to be unknown was not the pool's ratio.
        price: if table.figures.contains_key("price") { tao("price") } else { from_the_pool(table.netuid) },
        tao_in,
        alpha_in,
        alpha_out: alpha("alpha_out"),
        tao_in_emission: tao("tao_in_emission"),
        burn: tao("burn").unwrap_or_default(),
        registration_allowed: plain(told("registration_allowed")),
        mechanisms: None,
        net_inflow: None,
    })
}

fn plain<T: DeserializeOwned>(value: Option<&Json>) -> Option<T> {
    serde_json::from_value(value?.clone()).ok()
}
