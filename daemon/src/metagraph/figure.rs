//! What a metagraph says of its subnet as a whole: pool, price, hyperparameters, and who got dividends.
//!
//! Most figures are kept as the JSON that callers get. An amount for each hotkey is not: written out,
//! thousands of addresses cost more to keep, to save and to load than all columns together.

use std::sync::Arc;

use btd_api::{AccountId, Alpha, BlockNumber, Tao};
use btd_chain::{DynamicInfo, MetagraphParts, RawMetagraph, SubnetIdentity};
use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};

use super::subnet::Subnet;

/// The figures by the chain's names, in the chain's order.
pub type Figures = IndexMap<String, Figure>;

/// One figure.
#[derive(Clone, Debug)]
pub enum Figure {
    /// As callers get it.
    Plain(Json),
    /// Rao for each of some hotkeys, in no order that says anything.
    Amounts(Vec<(AccountId, u64)>),
}

/// The figures that are amounts. They change with the neurons' columns alone.
const DIVIDENDS: [&str; 2] = ["tao_dividends_per_hotkey", "alpha_dividends_per_hotkey"];

// === impl Figure ===

impl Figure {
    /// As callers get it: amounts are an object of decimal texts by address.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Plain(json) => json.clone(),
            Self::Amounts(amounts) => {
                amounts.iter().map(|(hotkey, rao)| (hotkey.to_string(), Json::from(rao.to_string()))).collect()
            }
        }
    }

    /// The figure `name` of what [`Self::to_json`] made of it.
    pub(super) fn of_json(name: &str, json: Json) -> Self {
        let amounts = match &json {
            Json::Object(members) if DIVIDENDS.contains(&name) => {
                let amount =
                    |(hotkey, rao): (&String, &Json)| Some((hotkey.parse().ok()?, rao.as_str()?.parse().ok()?));
                members.iter().map(amount).collect::<Option<_>>()
            }
            _ => None,
        };
        amounts.map_or(Self::Plain(json), Self::Amounts)
    }
}

impl PartialEq for Figure {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(one), Self::Plain(two)) => one == two,
            (Self::Amounts(one), Self::Amounts(two)) => {
                one == two || (one.len() == two.len() && sorted(one) == sorted(two))
            }
            (Self::Plain(_), Self::Amounts(_)) | (Self::Amounts(_), Self::Plain(_)) => false,
        }
    }
}

fn sorted(amounts: &[(AccountId, u64)]) -> Vec<(AccountId, u64)> {
    let mut amounts = amounts.to_vec();
    amounts.sort_unstable();
    amounts
}

impl From<Json> for Figure {
    fn from(json: Json) -> Self {
        Self::Plain(json)
    }
}

/// All of them as callers get them.
pub fn to_json(figures: &Figures) -> Map<String, Json> {
    figures.iter().map(|(name, figure)| (name.clone(), figure.to_json())).collect()
}

/// The figures of what [`to_json`] made of them.
pub(super) fn of_json(figures: Map<String, Json>) -> Figures {
    let figure = |(name, json): (String, Json)| {
        let figure = Figure::of_json(&name, json);
        (name, figure)
    };
    figures.into_iter().map(figure).collect()
}

/// The figures by the chain's names. Amounts and numbers of 64 bits are decimal text; what the runtime
/// does not tell is null.
pub(super) fn read(raw: &RawMetagraph) -> Figures {
    let fields = &raw.fields;
    let mut figures = Figures::new();
    // What the runtime does not tell is null, and no zero.
    let mut tell = |name: &str, value: Json| {
        figures.insert(name.to_owned(), if raw.tells(name) { value } else { Json::Null }.into());
    };
    macro_rules! texts {
        ($($name:ident),+ $(,)?) => {
            $(tell(stringify!($name), fields.$name.to_string().into());)+
        };
    }
    macro_rules! rao {
        ($($name:ident),+ $(,)?) => {
            $(tell(stringify!($name), fields.$name.rao().to_string().into());)+
        };
    }
    macro_rules! plain {
        ($($name:ident),+ $(,)?) => {
            $(tell(stringify!($name), fields.$name.into());)+
        };
    }
    texts!(
        name,
        symbol,
        network_registered_at,
        owner_hotkey,
        owner_coldkey,
        block,
        last_step,
        blocks_since_last_step,
        subnet_emission,
        subnet_volume,
        weights_version,
        weights_rate_limit,
        activity_cutoff,
        difficulty,
        min_difficulty,
        max_difficulty,
        adjustment_alpha,
        serving_rate_limit,
        commit_reveal_period,
        bonds_moving_avg,
    );
    rao!(
        alpha_in,
        alpha_out,
        tao_in,
        alpha_out_emission,
        alpha_in_emission,
        tao_in_emission,
        pending_alpha_emission,
        pending_root_emission,
        burn,
        min_burn,
        max_burn,
    );
    plain!(
        tempo,
        rho,
        kappa,
        min_allowed_weights,
        max_weights_limit,
        max_validators,
        num_uids,
        max_uids,
        registration_allowed,
        pow_registration_allowed,
        immunity_period,
        adjustment_interval,
        target_regs_per_interval,
        max_regs_per_block,
        commit_reveal_weights_enabled,
        liquid_alpha_enabled,
        alpha_high,
        alpha_low,
    );
    let mut tell_amounts = |name: &str, amounts: Vec<(AccountId, u64)>| {
        figures.insert(name.to_owned(), if raw.tells(name) { Figure::Amounts(amounts) } else { Json::Null.into() });
    };
    let tao = fields.tao_dividends_per_hotkey.iter().map(|(key, amount)| (*key, amount.rao()));
    tell_amounts(DIVIDENDS[0], tao.collect());
    let alpha = fields.alpha_dividends_per_hotkey.iter().map(|(key, amount)| (*key, amount.rao()));
    tell_amounts(DIVIDENDS[1], alpha.collect());
    let moving_price = raw.told("moving_price", fields.moving_price.0.to_string());
    figures.insert("moving_price_bits".to_owned(), moving_price.map_or(Json::Null, Json::from).into());
    let price = raw.price.map_or(Json::Null, |price| price.rao().to_string().into());
    figures.insert("price".to_owned(), price.into());
    figures.insert("identity".to_owned(), identity(fields.identity.as_ref()).into());
    figures
}

/// What a subnet's owner says about it; null where that is nothing.
fn identity(identity: Option<&SubnetIdentity>) -> Json {
    identity.map_or(Json::Null, |identity| {
        json!({
            "subnet_name": identity.subnet_name, "github_repo": identity.github_repo,
            "subnet_contact": identity.subnet_contact, "subnet_url": identity.subnet_url,
            "discord": identity.discord, "description": identity.description, "logo_url": identity.logo_url,
            "additional": identity.additional,
        })
    })
}

macro_rules! settings {
    (texts: $($text:ident),+; rao: $($rao:ident),+; plain: $($plain:ident),+;) => {
        /// The figures that somebody sets ([`btd_chain::Part::Settings`]): they are what they are until an event or a call
        /// says otherwise (`touched.rs`).
        const SETTINGS: &[&str] = &[$(stringify!($text),)+ $(stringify!($rao),)+ $(stringify!($plain),)+];

        /// Takes over the settings in `parts`. Where there are none, the figures go on being shared.
        pub(super) fn set(figures: &mut Arc<Figures>, parts: &MetagraphParts) {
            let mut set = |name: &str, told: Option<Json>| {
                if let Some(told) = told
                    && let Some(figure) = Arc::make_mut(figures).get_mut(name)
                {
                    *figure = told.into();
                }
            };
            $(set(stringify!($text), parts.$text.map(|number| number.to_string().into()));)+
            $(set(stringify!($rao), parts.$rao.map(|amount| amount.rao().to_string().into()));)+
            $(set(stringify!($plain), parts.$plain.map(Json::from));)+
        }

        /// Whether `parts` lacks a setting that has a value in `figures`.
        pub(super) fn lacks_setting(parts: &MetagraphParts, figures: &Figures) -> bool {
            let told = [
                $((stringify!($text), parts.$text.is_some()),)+
                $((stringify!($rao), parts.$rao.is_some()),)+
                $((stringify!($plain), parts.$plain.is_some()),)+
            ];
            told.into_iter().any(|(name, is_here)| !is_here && figures.get(name).is_some_and(is_told))
        }
    };
}
settings! {
    texts: weights_version, weights_rate_limit, activity_cutoff, difficulty, min_difficulty, max_difficulty,
        adjustment_alpha, serving_rate_limit, commit_reveal_period, bonds_moving_avg;
    rao: min_burn, max_burn;
    plain: rho, kappa, min_allowed_weights, max_weights_limit, max_validators, pow_registration_allowed, immunity_period,
        adjustment_interval, target_regs_per_interval, max_regs_per_block, commit_reveal_weights_enabled,
        liquid_alpha_enabled, alpha_high, alpha_low;
}

/// The first setting that is another one in `other`.
pub(super) fn differing_setting(figures: &Figures, other: &Figures) -> Option<&'static str> {
    SETTINGS.iter().copied().find(|name| figures.get(*name) != other.get(*name))
}

/// What is known at `block` of figures that were read before it, and of which the settings and dividends are still what
/// they were: those, when the subnet was founded, and what the list of subnets tells of that block, its `pool` among it.
/// The others are null, for they may have changed.
pub(super) fn of_block(
    figures: &Figures,
    block: BlockNumber,
    listed: Option<&Subnet>,
    pool: Option<&DynamicInfo>,
) -> Figures {
    let known = |(name, figure): (&String, &Figure)| {
        let figure = match (name.as_str(), figure) {
            ("identity", _) => identity(pool.and_then(|pool| pool.subnet_identity.as_ref())).into(),
            // Where it is refused with the neurons, it may be told with those of all subnets.
            ("price", _) => listed.and_then(|subnet| listed_figure(subnet, "price")).unwrap_or_default().into(),
            // What the runtime did not tell with the neurons, it does not tell without.
            (_, Figure::Plain(Json::Null)) => Json::Null.into(),
            ("network_registered_at", figure) => figure.clone(),
            ("block", _) => Json::from(block.to_string()).into(),
            (name, figure) if SETTINGS.contains(&name) || DIVIDENDS.contains(&name) => figure.clone(),
            (name, _) => {
                let listed = listed.and_then(|subnet| listed_figure(subnet, name));
                listed.or_else(|| pool_figure(pool?, name)).unwrap_or_default().into()
            }
        };
        (name.clone(), figure)
    };
    figures.iter().map(known).collect()
}

/// `figures` with the price that the list of subnets tells of the same block, where they have none and it does: who asks
/// for one alone may be refused what is told with all others.
pub(super) fn priced(figures: &Figures, listed: Option<&Subnet>) -> Option<Figures> {
    let lacks = figures.get("price").is_some_and(|price| !is_told(price));
    let price = listed.filter(|_| lacks).and_then(|subnet| listed_figure(subnet, "price"))?;
    let mut priced = figures.clone();
    priced.insert("price".to_owned(), price.into());
    Some(priced)
}

/// Whether `told` has a value for each of `figures` that has one.
pub(super) fn tells_all(told: &Figures, figures: &Figures) -> bool {
    figures.iter().all(|(name, figure)| !is_told(figure) || told.get(name).is_some_and(is_told))
}

fn is_told(figure: &Figure) -> bool {
    !matches!(figure, Figure::Plain(Json::Null))
}

/// One figure as the list of subnets tells it with the subnet's pool, if it does.
fn pool_figure(pool: &DynamicInfo, name: &str) -> Option<Json> {
    let text = match name {
        "owner_hotkey" => pool.owner_hotkey.to_string(),
        "subnet_emission" => pool.emission.to_string(),
        "subnet_volume" => pool.subnet_volume.to_string(),
        "alpha_out_emission" => pool.alpha_out_emission.rao().to_string(),
        "alpha_in_emission" => pool.alpha_in_emission.rao().to_string(),
        "pending_alpha_emission" => pool.pending_alpha_emission.rao().to_string(),
        "pending_root_emission" => pool.pending_root_emission.rao().to_string(),
        "moving_price_bits" => pool.moving_price.0.to_string(),
        _ => return None,
    };
    Some(text.into())
}

/// One figure as the list of subnets tells it, if it does.
fn listed_figure(subnet: &Subnet, name: &str) -> Option<Json> {
    let rao = |amount: Option<Tao>| amount.map(|amount| amount.rao().to_string().into());
    let alpha = |amount: Option<Alpha>| amount.map(|amount| amount.rao().to_string().into());
    match name {
        "name" => Some(subnet.name.clone().into()),
        "symbol" => Some(subnet.symbol.clone().into()),
        "owner_coldkey" => subnet.owner.map(|owner| owner.to_string().into()),
        "num_uids" => Some(subnet.neurons.into()),
        "max_uids" => Some(subnet.max_neurons.into()),
        "tempo" => Some(subnet.tempo.into()),
        "last_step" => Some(subnet.last_epoch.to_string().into()),
        "blocks_since_last_step" => Some(subnet.blocks_since_epoch.to_string().into()),
        "price" => rao(subnet.price),
        "tao_in" => rao(subnet.tao_in),
        "tao_in_emission" => rao(subnet.tao_in_emission),
        "alpha_in" => alpha(subnet.alpha_in),
        "alpha_out" => alpha(subnet.alpha_out),
        "burn" => rao(Some(subnet.burn)),
        "registration_allowed" => subnet.registration_allowed.map(Json::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_the_same_in_any_order() {
        let amounts = |amounts: &[(u8, u64)]| {
            Figure::Amounts(amounts.iter().map(|(key, rao)| (AccountId([*key; 32]), *rao)).collect())
        };
        assert_eq!(amounts(&[(1, 5), (2, 6)]), amounts(&[(2, 6), (1, 5)]));
        for other in [amounts(&[(1, 6), (2, 5)]), amounts(&[(1, 5)]), amounts(&[(1, 5), (1, 5)]), json!({}).into()] {
            assert_ne!(amounts(&[(1, 5), (2, 6)]), other);
        }
    }

    #[test]
    fn of_a_later_block_settings_are_told_and_what_the_list_tells() {
        let old = Figures::from_iter([
            ("block".to_owned(), json!("5").into()),
            ("network_registered_at".to_owned(), json!("2").into()),
            ("tempo".to_owned(), json!(100).into()),
            ("price".to_owned(), json!("7").into()),
            ("tao_in".to_owned(), Json::Null.into()),
            ("rho".to_owned(), json!(10).into()),
            (DIVIDENDS[0].to_owned(), Figure::Amounts(vec![(AccountId([7; 32]), 1)])),
        ]);
        let of_block = |listed: Option<&Subnet>| of_block(&old, BlockNumber(9), listed, None);
        let told = |listed: Option<&Subnet>| Json::from(to_json(&of_block(listed)));
        let dividends = json!({ AccountId([7; 32]).to_string(): "1" });
        let nothing = json!({
            "block": "9", "network_registered_at": "2", "tempo": null, "price": null, "tao_in": null, "rho": 10,
            "tao_dividends_per_hotkey": dividends,
        });
        assert_eq!(told(None), nothing);
        assert!(!tells_all(&of_block(None), &old));
        let listed = crate::metagraph::sample(3).subnet.clone();
        let mut known = nothing;
        (known["tempo"], known["price"]) = (listed.tempo.into(), listed.price.unwrap().rao().to_string().into());
        assert_eq!(told(Some(&listed)), known);
        assert!(tells_all(&of_block(Some(&listed)), &old), "what was never told is not missed");
        let mut later = old.clone();
        later.insert("rho".to_owned(), json!(11).into());
        assert_eq!((differing_setting(&old, &later), differing_setting(&old, &of_block(None))), (Some("rho"), None));
    }

    #[test]
    fn amounts_survive_as_the_json_that_callers_get() {
        let amounts = Figure::Amounts(vec![(AccountId([7; 32]), u64::MAX), (AccountId([2; 32]), 0)]);
        let figures = Figures::from_iter([
            ("tempo".to_owned(), json!(100).into()),
            (DIVIDENDS[1].to_owned(), amounts.clone()),
            (DIVIDENDS[0].to_owned(), Json::Null.into()),
        ]);
        let json = to_json(&figures);
        let address = AccountId([7; 32]).to_string();
        assert_eq!(json[DIVIDENDS[1]][&address], u64::MAX.to_string());
        assert_eq!(of_json(json), figures);
        // What is no amount for each hotkey stays what it is.
        for odd in [json!({ "nobody": "1" }), json!({ address: 1 }), json!("1")] {
            assert_eq!(Figure::of_json(DIVIDENDS[0], odd.clone()), Figure::Plain(odd));
        }
        assert!(matches!(Figure::of_json("identity", json!({})), Figure::Plain(_)));
    }
}
