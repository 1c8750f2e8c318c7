//! Who pays the fee of a call, and in what.
//!
//! The signer, in tao, as a rule. An account in whose name a proxy makes a call pays for it where it said so
//! (`Proxy.set_real_pays_fee`), and whoever has too little tao and sells or moves stake pays in alpha of that stake, where
//! the calls name one position and no other. Semantics: subtensor, spec 425; runtimes that lack either are told by their
//! metadata. What a call says of it is read in [`told`], what the fee leaves of a position judged in [`taken`].

mod taken;
mod told;

use btd_api::{AccountId, Alpha, Hotkey, NetUid, Tao, stake::Fill};
use btd_chain::{DecodedCall, ReadError, StakeInfo, View};

use self::{
    taken::{Measure, Obstacle, Stock, Taken},
    told::{Named, Told},
};
use super::{
    SubmissionError, facts, locks,
    need::{self, SUBTENSOR, integer},
    plan::{self, Facts, Precondition},
};

/// How the fee of an extrinsic is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payment {
    payer: AccountId,
    fee: Tao,
    means: Means,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Means {
    /// Out of the free balance, of which so much is left where that was looked at.
    Tao { rest: Option<Tao> },
    /// Out of a position.
    Alpha(InAlpha),
}

/// A fee in alpha, out of the payer's stake behind a hotkey on a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InAlpha {
    hotkey: Hotkey,
    netuid: NetUid,
    alpha: Alpha,
}

// === impl Payment ===

impl Payment {
    /// How `signer` comes to pay `fee` for `call`, or who else does; `of_actor` are the facts of the account that acts.
    /// That one's balance is not judged here: what it pays beside the fee counts too.
    pub(super) async fn foresee(
        view: &View,
        (signer, actor): (AccountId, AccountId),
        of_actor: &Facts,
        (call, fee): (&DecodedCall, Tao),
    ) -> Result<Self, SubmissionError> {
        let call = Told::of(call);
        let payer = payer(view, signer, call).await?;
        if payer != signer {
            require_account(view, signer, &payer.to_string()).await?;
        }
        let of_payer = if payer == actor { None } else { Some(facts::of_payer(view, payer).await?) };
        let lacking = match plan::judge_fee(payer, of_payer.as_ref().unwrap_or(of_actor), fee) {
            Ok(verdict) => {
                let rest = of_payer.map(|_| verdict.balance_after);
                return Ok(Self { payer, fee, means: Means::Tao { rest } });
            }
            Err(lacking) => lacking,
        };
        match in_alpha(view, (signer, payer), call, fee).await? {
            Some(in_alpha) => Ok(Self { payer, fee, means: Means::Alpha(in_alpha) }),
            // What it takes in all is said with what else it spends.
            None if payer == actor => Ok(Self { payer, fee, means: Means::Tao { rest: None } }),
            None => Err(lacking.into()),
        }
    }

    /// What of the fee `account` pays out of its free balance.
    pub(super) fn of(&self, account: AccountId) -> Tao {
        match self.means {
            Means::Tao { .. } if self.payer == account => self.fee,
            Means::Tao { .. } | Means::Alpha(_) => Tao::ZERO,
        }
    }

    /// What is to be known of it, for people: nothing where the signer acts for itself and pays in tao.
    pub(super) fn effects(&self, signer: AccountId, actor: AccountId) -> Vec<String> {
        let Self { payer, means, .. } = self;
        let rest = match means {
            Means::Tao { rest: Some(rest) } => format!(": at least τ{rest} remain to it"),
            Means::Tao { rest: None } | Means::Alpha(_) => String::new(),
        };
        let mut effects = Vec::new();
        if signer != actor {
            effects.push(match *payer {
                payer if payer == signer => format!("{signer} signs as proxy of {actor} and pays the fee{rest}"),
                payer if payer == actor => format!("{signer} signs as proxy of {actor}, which pays the fee"),
                payer => format!("{signer} signs as proxy of {actor}, and {payer} pays the fee{rest}"),
            });
        } else if *payer != signer {
            effects.push(format!("{payer} pays the fee{rest}"));
        }
        if let Means::Alpha(InAlpha { hotkey, netuid, alpha }) = means {
            effects.push(format!(
                "{payer} has too little tao for the fee, which is paid in about {}{alpha} of its stake behind hotkey \
                 {hotkey} on subnet {netuid}",
                netuid.stake_sign()
            ));
        }
        effects
    }
}

/// Who pays for a call that `signer` signs. The chain looks two proxies deep, and into a batch of calls that are all made
/// in one name.
async fn payer(view: &View, signer: AccountId, call: Told<'_>) -> Result<AccountId, ReadError> {
    if !view.runtime().has_storage("Proxy", "RealPaysFee") {
        return Ok(signer);
    }
    let Some((real, inner)) = call.proxied() else { return Ok(signer) };
    if !pays(view, real, signer).await? {
        return Ok(signer);
    }
    match inner.proxied().map(|(deeper, _)| deeper).or_else(|| inner.one_name()) {
        Some(deeper) if pays(view, deeper, real).await? => Ok(deeper),
        _ => Ok(real),
    }
}

/// Refuses what a signer without an account signs, whoever pays for it: the chain counts the nonces of those alone that it
/// keeps (`CheckNonce`).
async fn require_account(view: &View, signer: AccountId, paying: &str) -> Result<(), SubmissionError> {
    let kept = view.storage_json("System", "Account", &[signer.into()]).await?;
    if ["providers", "sufficients"].iter().any(|reason| kept.get(*reason).and_then(integer) != Some(0)) {
        return Ok(());
    }
    let words = format!(
        "{signer} has no account on this chain, and signs nothing without one, though {paying} would pay the fee: send τ{} \
         to it",
        view.existential_deposit()?
    );
    Err(Precondition::Foreseen { error: "InsufficientBalance", words }.into())
}

/// Whether `real` said that it pays for what `delegate` does in its name. The entry has no content.
async fn pays(view: &View, real: AccountId, delegate: AccountId) -> Result<bool, ReadError> {
    let keys = [real.into(), delegate.into()];
    Ok(!view.storage_entries("Proxy", "RealPaysFee", &keys, 1).await?.is_empty())
}

/// What `payer`, who has too little tao, pays in alpha; none where the chain takes none, or there is too little of it.
/// Refused is what would fail because of that.
async fn in_alpha(
    view: &View,
    (signer, payer): (AccountId, AccountId),
    call: Told<'_>,
    fee: Tao,
) -> Result<Option<InAlpha>, SubmissionError> {
    if !view.runtime().has_event(SUBTENSOR, "TransactionFeePaidWithAlpha") {
        return Ok(None);
    }
    let named = call.positions(signer);
    if named.is_empty() {
        return Ok(None);
    }
    let stakes = view.stake_for_coldkey(payer).await?;
    let mut places = Vec::new();
    for one in named {
        if let Some(netuid) = one.netuid {
            places.push((one, netuid));
        } else {
            let behind = stakes.iter().filter(|stake| Hotkey(stake.hotkey) == one.hotkey);
            places.extend(started(view, behind).await?.into_iter().map(|netuid| (one, netuid)));
        }
    }
    let [(Named { hotkey, maker, taken, .. }, netuid)] = places.as_slice() else { return Ok(None) };
    let (hotkey, netuid) = (*hotkey, *netuid);
    let price = if netuid == NetUid::ROOT { Some(Tao::from_rao(UNIT)) } else { view.price(netuid).await? };
    let Some(price) = price else { return Ok(None) };
    let held = held(&stakes, hotkey, netuid);
    let Some(alpha) = worth(fee, price).filter(|alpha| *alpha <= held) else { return Ok(None) };
    if signer == payer {
        require_account(view, signer, "its stake").await?;
    }
    let paid = InAlpha { hotkey, netuid, alpha };
    // What it takes from somebody else is not the less for it.
    if let Some(taken) = taken.filter(|_| *maker == payer) {
        require_rest(view, payer, (taken, &stakes), (paid, fee)).await?;
    }
    Ok(Some(paid))
}

/// How much stands in a position.
fn held(stakes: &[StakeInfo], hotkey: Hotkey, netuid: NetUid) -> Alpha {
    let position = stakes.iter().find(|stake| Hotkey(stake.hotkey) == hotkey && stake.netuid == netuid);
    position.map_or(Alpha::ZERO, |position| position.stake)
}

/// Refuses to take out of a position what fails once the fee was taken out of it, though it would not have before.
async fn require_rest(
    view: &View,
    payer: AccountId,
    (taken, stakes): (Taken, &[StakeInfo]),
    (paid, fee): (InAlpha, Tao),
) -> Result<(), SubmissionError> {
    let InAlpha { hotkey, netuid, alpha } = paid;
    let on_subnet = stakes.iter().filter(|stake| stake.netuid == netuid);
    let staked = on_subnet.fold(Alpha::ZERO, |sum, stake| sum.saturating_add(stake.stake));
    let free = staked.saturating_sub(locks::locked(view, payer, netuid).await?);
    let stock = Stock { held: held(stakes, hotkey, netuid), free };
    let Some(obstacle) = taken.obstacle(alpha, stock) else { return Ok(()) };
    let sign = netuid.stake_sign();
    let (error, why) = match obstacle {
        Obstacle::TooLittle { left } => {
            // The call for that names no amount: it takes what the fee leaves.
            let goes_as_a_whole = taken.measure == Measure::Exactly(Fill::Whole)
                && stock.held <= free
                && view.runtime().has_call(SUBTENSOR, "remove_stake_full_limit");
            let whole = if goes_as_a_whole { ", or all of it" } else { "" };
            ("NotEnoughStakeToWithdraw", format!("about {sign}{left} are left: take less than that{whole}"))
        }
        Obstacle::Locked { free } => {
            let why =
                format!("of all its stake there about {sign}{free} may leave then, for the rest is locked: take less");
            ("StakeUnavailable", why)
        }
        Obstacle::Bound { bound, to } => {
            if locks::accepts(view, to).await? != Some(false) {
                return Ok(());
            }
            let why = format!(
                "about {sign}{bound} of what {to} would be given are locked then, and it accepts no locked stake: give less"
            );
            ("AccountRejectsLockedAlpha", why)
        }
    };
    let words = format!(
        "{payer} has too little tao for the fee of τ{fee}, so about {sign}{alpha} of its stake behind hotkey {hotkey} on \
         subnet {netuid} go for it first, and {why}, or send it tao for the fee"
    );
    Err(Precondition::Foreseen { error, words }.into())
}

/// A billion of the smallest unit.
const UNIT: u64 = 1_000_000_000;

/// How much alpha `tao` is worth at a price, rounded up; none where alpha is worth nothing.
fn worth(tao: Tao, price: Tao) -> Option<Alpha> {
    let alpha = (u128::from(tao.rao()) * u128::from(UNIT)).checked_add(u128::from(price.rao()).saturating_sub(1))?;
    u64::try_from(alpha.checked_div(price.rao().into())?).ok().map(Alpha::from_rao)
}

/// The subnets of these positions that were started.
async fn started(view: &View, stakes: impl Iterator<Item = &StakeInfo>) -> Result<Vec<NetUid>, ReadError> {
    let mut started = Vec::new();
    for StakeInfo { netuid, .. } in stakes.filter(|stake| stake.stake > Alpha::ZERO) {
        if need::flag(view, "SubtokenEnabled", *netuid).await? {
            started.push(*netuid);
        }
    }
    Ok(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_worth_alpha_at_a_price() {
        let worth = |tao, price| worth(Tao::from_rao(tao), Tao::from_rao(price)).map(Alpha::rao);
        assert_eq!((worth(10, UNIT), worth(10, UNIT / 4), worth(10, 3 * UNIT)), (Some(10), Some(40), Some(4)));
        assert_eq!((worth(1, 0), worth(u64::MAX, 1)), (None, None));
    }
}
