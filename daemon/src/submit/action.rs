//! What can be done on the chain, as data: the one list of actions that btd signs.
//!
//! An action is what a caller wants, in btd's own types; it is compared (idempotency), shown (the
//! plan) and turned into a [`Call`]. Whether it may be done is judged in [`super::plan`]. The three
//! with a judgement of their own have a type here; all others are a [`Recipe`].

use std::{borrow::Cow, net::IpAddr};

use btd_api::{
    AccountId, Amount, Coldkey, Hotkey, NetUid, Ratio, Tao,
    signing::{Bound, Priced},
};
use btd_chain::{Call, Runtime};
use btd_wire::certificate::TlsKey;
use serde::Serialize;

use super::{bound::Agreed, call, draft::Recipe, plan::Precondition};

/// What to do. Serialised only to be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Move tao to another coldkey.
    Transfer(Transfer),
    /// Make a hotkey a neuron of a subnet, for the current price.
    Register(Register),
    /// Publish where the signing hotkey serves.
    ServeAxon(ServeAxon),
    /// Anything else: a call that is drawn up where it is asked for.
    Drafted(Recipe),
}

/// A transfer of tao.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// Who receives.
    pub dest: Coldkey,
    /// How much.
    #[serde(serialize_with = "as_text")]
    pub amount: Amount,
    /// What may happen to the sender's account.
    pub existence: Existence,
}

/// Whether an account may fall below the existential deposit and vanish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Existence {
    /// It stays.
    KeepAlive,
    /// It may vanish, and what is left below the deposit with it.
    AllowDeath,
}

/// A registration by burn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Register {
    /// The subnet.
    pub netuid: NetUid,
    /// The hotkey that becomes a neuron.
    pub hotkey: Hotkey,
    /// The most that it may cost; without it, the price at planning and half a percent more.
    pub max_cost: Option<Tao>,
    /// Where there is no `max_cost`: how far the price may rise, in place of half a percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Ratio>,
}

/// A neuron's endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServeAxon {
    /// The subnet.
    pub netuid: NetUid,
    /// The protocol version that is published, as the ecosystem counts it (`10005000` for 10.5.0).
    pub version: u32,
    /// The address under which strangers reach it.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// The TLS key of HTTP/3 there. Runtimes that keep none are told the rest. It is no part of what is compared: the
    /// wish is the axon, whichever key it has when the wish is repeated.
    #[serde(skip)]
    pub tls_key: Option<TlsKey>,
}

fn as_text<S: serde::Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

/// Half a percent above `price`, rounded up: what a price may move between planning and inclusion.
fn with_margin(price: Tao) -> Tao {
    let margin = price.rao().div_ceil(200);
    price.saturating_add(Tao::from_rao(margin))
}

// === impl Register ===

impl Register {
    /// The most that is paid where registering costs `price`.
    pub(super) fn limit(&self, price: Tao) -> Tao {
        match (self.max_cost, self.tolerance) {
            (Some(limit), _) => limit,
            (None, Some(tolerance)) => price.saturating_add(Tao::from_rao(tolerance.of(price.rao()))),
            (None, None) => with_margin(price),
        }
    }

    /// The same, as a plan tells it.
    fn bound(&self, price: Tao) -> Bound {
        Bound { of: Priced::Registration(self.netuid), limit: self.limit(price) }
    }
}

// === impl Action ===

impl Action {
    /// The same at no worse a price than was `agreed` to, where registering costs `price`. A recipe sees to it itself
    /// ([`super::Ground::hold`]).
    pub(super) fn held(&self, agreed: &Agreed, price: Option<Tao>) -> Result<Cow<'_, Self>, Precondition> {
        let (Self::Register(register), Some(price)) = (self, price) else { return Ok(Cow::Borrowed(self)) };
        let held = agreed.hold(register.bound(price), Some(price))?;
        Ok(Cow::Owned(Self::Register(Register { max_cost: Some(held.limit), ..register.clone() })))
    }

    /// The price within which it is signed, where registering costs `price`. A recipe's draft tells its own.
    pub(super) fn bound(&self, price: Option<Tao>) -> Option<Bound> {
        match self {
            Self::Register(register) => price.map(|price| register.bound(price)),
            Self::Transfer(_) | Self::ServeAxon(_) | Self::Drafted(_) => None,
        }
    }

    /// The call that does it, and one sentence for people. `price` is what registering costs now,
    /// for a [`Register`] without a limit of its own; older runtimes take no limit. A recipe draws
    /// its own.
    pub(super) fn call(&self, runtime: &Runtime, actor: AccountId, price: Option<Tao>) -> Option<(Call, String)> {
        let call = match self {
            Self::Transfer(transfer) => transfer.call(),
            Self::Register(register) => {
                let limit = price.map(|price| register.limit(price)).or(register.max_cost);
                match limit {
                    Some(limit) if runtime.has_call("SubtensorModule", "register_limit") => {
                        call::register_limit(register.netuid, register.hotkey, limit)
                    }
                    _ => call::burned_register(register.netuid, register.hotkey),
                }
            }
            Self::ServeAxon(axon) => {
                let call = call::serve_axon(axon.netuid, axon.version, axon.ip, axon.port);
                match axon.tls_key.filter(|_| call::takes_tls_key(runtime)) {
                    Some(key) => {
                        let summary = format!("{}, with its TLS key", self.summary(actor, price));
                        return Some((call::with_tls_key(call, key), summary));
                    }
                    None => call,
                }
            }
            Self::Drafted(_) => return None,
        };
        Some((call, self.summary(actor, price)))
    }

    /// One sentence for people. `actor` is whose action it is.
    fn summary(&self, actor: AccountId, price: Option<Tao>) -> String {
        match self {
            Self::Transfer(Transfer { dest, amount: Amount::Exactly(amount), .. }) => {
                format!("Transfer τ{amount} from {actor} to {dest}")
            }
            Self::Transfer(Transfer { dest, amount: Amount::All, .. }) => {
                format!("Transfer everything from {actor} to {dest}")
            }
            Self::Register(Register { netuid, hotkey, .. }) => match price {
                Some(price) => format!("Register hotkey {hotkey} on subnet {netuid} for τ{price}"),
                None => format!("Register hotkey {hotkey} on subnet {netuid}"),
            },
            Self::ServeAxon(ServeAxon { netuid, ip, port, .. }) => {
                let address = std::net::SocketAddr::new(*ip, *port);
                format!("Publish {address} as the axon of hotkey {actor} on subnet {netuid}")
            }
            Self::Drafted(recipe) => format!("{recipe:?}"),
        }
    }
}

impl Transfer {
    fn call(&self) -> Call {
        match (self.amount, self.existence) {
            (Amount::Exactly(value), Existence::KeepAlive) => call::transfer_keep_alive(self.dest, value),
            (Amount::Exactly(value), Existence::AllowDeath) => call::transfer_allow_death(self.dest, value),
            (Amount::All, Existence::KeepAlive) => call::transfer_all_keep_alive(self.dest),
            (Amount::All, Existence::AllowDeath) => call::transfer_all_allow_death(self.dest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_half_a_percent_rounded_up() {
        for (price, expected) in [(0, 0), (1, 2), (200, 201), (1_000_000_000, 1_005_000_000), (u64::MAX, u64::MAX)] {
            assert_eq!(with_margin(Tao::from_rao(price)), Tao::from_rao(expected), "{price}");
        }
    }

    /// The wish is the same whatever the price is when it is repeated; the limit follows the price.
    #[test]
    fn a_tolerance_is_wished_for_and_not_what_it_comes_to() {
        let tolerance = Ratio::from_billionths(20_000_000);
        let (netuid, hotkey) = (NetUid(1), Hotkey(AccountId([2; 32])));
        let wish = Register { netuid, hotkey, max_cost: None, tolerance };
        assert_eq!(wish.limit(Tao::from_rao(1_000)), Tao::from_rao(1_020));
        assert_eq!(wish.limit(Tao::from_rao(u64::MAX)), Tao::from_rao(u64::MAX));
        let without = Register { tolerance: None, ..wish };
        assert_eq!(without.limit(Tao::from_rao(1_000)), Tao::from_rao(1_005));
        let bounded = Register { max_cost: Some(Tao::from_rao(7)), ..without.clone() };
        assert_eq!(bounded.limit(Tao::from_rao(1_000)), Tao::from_rao(7));
        // Wishes that were written down before there were tolerances compare as before.
        assert!(!serde_json::to_string(&without).unwrap().contains("tolerance"));
    }

    #[test]
    fn a_registration_is_held_to_the_price_that_was_agreed_to() {
        let (netuid, hotkey) = (NetUid(1), Hotkey(AccountId([2; 32])));
        let wish = Action::Register(Register { netuid, hotkey, max_cost: None, tolerance: None });
        let [was, now, beyond] = [1_000, 1_002, 1_006].map(|rao| Some(Tao::from_rao(rao)));
        let agreed: Agreed = wish.bound(was).into_iter().collect::<Vec<_>>().into();
        let limit = |agreed: &Agreed, price| {
            wish.held(agreed, price).map(|held| held.bound(price).map(|bound| bound.limit.rao()))
        };
        assert_eq!(limit(&agreed, now), Ok(Some(1_005)));
        assert_eq!(limit(&Agreed::default(), now), Ok(Some(1_008)));
        let refused = limit(&agreed, beyond).unwrap_err();
        assert!(matches!(refused, Precondition::Foreseen { error: "RegistrationPriceLimitExceeded", .. }), "{refused}");
    }

    /// A new key after each start, or none while no axon runs, does not make another wish of the same one.
    #[test]
    fn an_axon_is_the_same_wish_with_whichever_key() {
        let with = |tls_key| {
            let axon = ServeAxon { netuid: NetUid(1), version: 1, ip: [8, 8, 8, 8].into(), port: 8091, tls_key };
            serde_json::to_string(&Action::ServeAxon(axon)).unwrap()
        };
        // As it was written down before there were keys.
        let expected = r#"{"serve_axon":{"netuid":1,"version":1,"ip":"8.8.8.8","port":8091}}"#;
        for key in [None, TlsKey::read(1, &[7; 32]), TlsKey::read(1, &[8; 32])] {
            assert_eq!(with(key), expected);
        }
    }

    #[test]
    fn transfers_choose_the_call_by_amount_and_existence() {
        let dest = Coldkey(AccountId([1; 32]));
        let name = |amount, existence| Transfer { dest, amount, existence }.call().to_string();
        let some = Amount::Exactly(Tao::from_rao(1));
        assert_eq!(name(some, Existence::KeepAlive), "Balances.transfer_keep_alive");
        assert_eq!(name(some, Existence::AllowDeath), "Balances.transfer_allow_death");
        assert_eq!(name(Amount::All, Existence::KeepAlive), "Balances.transfer_all");
        assert_eq!(name(Amount::All, Existence::AllowDeath), "Balances.transfer_all");
    }
}
