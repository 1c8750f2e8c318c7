//! What pallets hold of a balance for as long as something of the account lies in the state: a base
//! and so much for each item (pallet_proxy, pallet_multisig).

use btd_api::{AccountId, Tao};
use serde_json::Value as Json;

use super::stake::number;
use crate::submit::{Draft, Ground};

/// The constants that make up a deposit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) pallet: &'static str,
    pub(super) base: &'static str,
    pub(super) factor: &'static str,
}

/// For the proxies of an account.
pub(super) const PROXIES: Rule = Rule { pallet: "Proxy", base: "ProxyDepositBase", factor: "ProxyDepositFactor" };
/// For what an account has announced.
pub(super) const ANNOUNCEMENTS: Rule =
    Rule { pallet: "Proxy", base: "AnnouncementDepositBase", factor: "AnnouncementDepositFactor" };
/// For a proposal, by its threshold.
pub(super) const PROPOSAL: Rule = Rule { pallet: "Multisig", base: "DepositBase", factor: "DepositFactor" };

// === impl Rule ===

impl Rule {
    /// The deposit for `items`; nothing where the runtime does not tell.
    pub(super) fn of(self, ground: &Ground, items: u64) -> Tao {
        let constant = |name| ground.view.constant_json(self.pallet, name).ok().as_ref().and_then(number).unwrap_or(0);
        Tao::from_rao(constant(self.base).saturating_add(constant(self.factor).saturating_mul(items)))
    }

    /// What one item more adds to what is held for `map`, which keeps the items and the deposit of each account.
    pub(super) async fn of_one_more(self, ground: &Ground, map: &str) -> Tao {
        let told = ground.view.storage_json(self.pallet, map, &[ground.actor.into()]).await.unwrap_or(Json::Null);
        let (items, held) = held(&told);
        self.of(ground, items + 1).saturating_sub(held)
    }

    /// What comes back when `gone` items go of `map`, which keeps the items and the deposit of each account.
    pub(super) async fn freed(self, ground: &Ground, (map, account): (&str, AccountId), gone: u64) -> Tao {
        let told = ground.view.storage_json(self.pallet, map, &[account.into()]).await.unwrap_or(Json::Null);
        let (items, held) = held(&told);
        match items.saturating_sub(gone) {
            0 => held,
            left => held.saturating_sub(self.of(ground, left)),
        }
    }
}

/// `draft`, which gives `deposit` back to whoever acts.
pub(super) fn returning(draft: Draft, deposit: Tao) -> Draft {
    match deposit {
        Tao::ZERO => draft,
        deposit => draft.receives(deposit).effect(format!("a deposit of τ{deposit} comes back")),
    }
}

/// The number of items, and the deposit that is held for them.
fn held(told: &Json) -> (u64, Tao) {
    let items = told.get(0).and_then(Json::as_array).map_or(0, Vec::len);
    let held = told.get(1).and_then(number).unwrap_or(0);
    (u64::try_from(items).unwrap_or(u64::MAX), Tao::from_rao(held))
}

/// `draft`, which has `deposit` held until `until`.
pub(super) fn holding(draft: Draft, deposit: Tao, until: &str) -> Draft {
    draft.spends(deposit).effect(format!("a deposit of τ{deposit} is held until {until}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_held_is_read() {
        assert_eq!(held(&json!([[{}, {}], "126000000"])), (2, Tao::from_rao(126_000_000)));
        assert_eq!(held(&json!([[], "0"])), (0, Tao::ZERO));
        assert_eq!(held(&Json::Null), (0, Tao::ZERO));
    }
}
