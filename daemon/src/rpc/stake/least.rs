//! The least that the chain lets be staked, taken out in part, or moved (`DefaultMinStake`; pallet_subtensor, spec 425).

use btd_api::{Alpha, AlphaAmount, Hotkey, NetUid, Tao, stake::Fill};
use btd_chain::ReadError;

use super::{SUBTENSOR, account, limit, market, number, trade};
use crate::submit::{Draft, Ground, Precondition, SubmissionError};

/// In tao, whatever of it is alpha.
const LEAST: Tao = Tao::from_rao(2_000_000);

/// What is left of a position, where it is a nomination that is less than the chain keeps: it leaves with what is taken out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remnant {
    place: (NetUid, Hotkey),
    alpha: Alpha,
    /// By estimate, after the rest has been sold.
    brings: Tao,
    /// What it had to be worth.
    required: Tao,
}

/// Refuses less than the least that can be staked, to which the fee comes where there is a pool.
pub(super) async fn staked(ground: &Ground, netuid: NetUid, amount: Tao) -> Result<(), SubmissionError> {
    let is_even = trade::is_one_for_one(ground, netuid).await?;
    let fee = if is_even { Tao::ZERO } else { trade::pool_fee(ground, netuid, amount).await? };
    let least = LEAST.saturating_add(fee);
    if amount >= least {
        return Ok(());
    }
    too_low(if fee == Tao::ZERO {
        format!("τ{amount} is less than the least that can be staked, τ{least}")
    } else {
        format!("τ{amount} is less than the least that can be staked, τ{least} with the pool's fee of τ{fee}")
    })
}

/// Refuses to take a part out of a position that brings so little; the whole of it leaves whatever it brings. Where all
/// was asked for, the part is what is not locked.
pub(super) fn taken(
    (netuid, hotkey): (NetUid, Hotkey),
    (amount, alpha): (AlphaAmount, Alpha),
    proceeds: Option<Tao>,
) -> Result<(), SubmissionError> {
    let Some(tao) = proceeds.filter(|tao| eased(netuid, *tao) < LEAST) else { return Ok(()) };
    let sign = netuid.stake_sign();
    too_low(match amount {
        AlphaAmount::Exactly(_) => format!(
            "{sign}{alpha} of subnet {netuid} bring τ{tao}, less than the least for which a part of a position is taken \
             out, τ{LEAST}: take more, or all of it"
        ),
        AlphaAmount::All => format!(
            "what is behind hotkey {hotkey} on subnet {netuid} stays: of it only {sign}{alpha} may leave, for τ{tao}, less \
             than the least for which a part of a position is taken out, τ{LEAST}; the rest is locked"
        ),
    })
}

// === impl Remnant ===

impl Remnant {
    /// What becomes one of `stake` once all but `rest` is taken out, which brings `proceeds`. What stands behind a hotkey
    /// of one's own may be as little as it will.
    pub(super) async fn of(
        ground: &Ground,
        (netuid, hotkey): (NetUid, Hotkey),
        (stake, rest): (Alpha, Alpha),
        proceeds: Option<Tao>,
    ) -> Result<Option<Self>, SubmissionError> {
        // In millionths of what may be staked at the least.
        let parts = match ground.view.storage_json(SUBTENSOR, "NominatorMinRequiredStake", &[]).await {
            Ok(parts) => number(&parts).unwrap_or(0),
            Err(ReadError::Absent(_)) => 0,
            Err(error) => return Err(error.into()),
        };
        let required = u128::from(LEAST.rao()) * u128::from(parts) / 1_000_000;
        let required = Tao::from_rao(u64::try_from(required).unwrap_or(u64::MAX));
        let Some(price) = market::price(ground, netuid).await?.filter(|_| required > Tao::ZERO) else {
            return Ok(None);
        };
        if limit::worth(rest, price) >= required.rao() {
            return Ok(None);
        }
        let owner = ground.view.storage_json(SUBTENSOR, "Owner", &[hotkey.into()]).await?;
        if account(&owner).is_some_and(|owner| owner.account() == ground.actor) {
            return Ok(None);
        }
        // It is sold behind the rest, at the price that is left then.
        let together = market::tao_for(ground, netuid, stake).await?;
        let brings = together.zip(proceeds).map(|(together, before)| together.saturating_sub(before));
        let brings = brings.unwrap_or_else(|| Tao::from_rao(limit::worth(rest, price)));
        Ok(Some(Self { place: (netuid, hotkey), alpha: rest, brings, required }))
    }

    /// The draft with what becomes of it: for certain, or if all that is asked for goes, of which a limit may keep back
    /// some.
    pub(super) fn tell(self, draft: Draft, fill: Fill) -> Draft {
        let Self { place: (netuid, hotkey), alpha, brings, required } = self;
        let sign = netuid.stake_sign();
        let left = format!(
            "{sign}{alpha} would be left behind hotkey {hotkey}, less than the chain keeps of a nomination (worth \
             τ{required})"
        );
        match fill {
            Fill::Whole => {
                draft.receives(brings).warning(format!("{left}: they are taken out too, for about τ{brings}"))
            }
            Fill::Partial => draft.warning(format!(
                "if all that is asked for goes, {left}: then they are taken out too, for about τ{brings}"
            )),
        }
    }
}

/// Refuses to move stake within a subnet that is worth so little.
pub(super) fn handed_over(netuid: NetUid, alpha: Alpha, worth: Option<Tao>) -> Result<(), SubmissionError> {
    let Some(tao) = worth.filter(|tao| eased(netuid, *tao) < LEAST) else { return Ok(()) };
    let sign = netuid.stake_sign();
    too_low(format!(
        "{sign}{alpha} of subnet {netuid} are worth τ{tao}, less than the least that is moved, τ{LEAST}: move more"
    ))
}

/// Refuses stake that crosses to another subnet and brings so little where it leaves: it has to be more than the least.
pub(super) fn crossing(origin: NetUid, alpha: Alpha, proceeds: Tao) -> Result<(), SubmissionError> {
    if eased(origin, proceeds) > LEAST {
        return Ok(());
    }
    let sign = origin.stake_sign();
    too_low(format!(
        "{sign}{alpha} of subnet {origin} bring τ{proceeds}, and what crosses to another subnet has to bring more than \
         τ{LEAST}: take more"
    ))
}

/// What `tao` may have become once the call is made: prices move, and two thousandths are left for that. On root they do
/// not.
fn eased(netuid: NetUid, tao: Tao) -> Tao {
    match netuid {
        NetUid::ROOT => tao,
        _ => tao.saturating_add(Tao::from_rao(tao.rao() / 500)),
    }
}

fn too_low(words: String) -> Result<(), SubmissionError> {
    Err(Precondition::Foreseen { error: "AmountTooLow", words }.into())
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;

    const ALPHA: Alpha = Alpha::from_rao(7);
    const SUBNET: NetUid = NetUid(1);
    const HOTKEY: Hotkey = Hotkey(AccountId([1; 32]));
    const PART: (AlphaAmount, Alpha) = (AlphaAmount::Exactly(ALPHA), ALPHA);

    fn rao(rao: u64) -> Tao {
        Tao::from_rao(rao)
    }

    #[test]
    fn the_least_is_enough_but_where_stake_crosses() {
        let taken = |tao| taken((NetUid::ROOT, HOTKEY), PART, Some(rao(tao))).is_ok();
        let handed_over = |tao| handed_over(NetUid::ROOT, ALPHA, Some(rao(tao))).is_ok();
        let crossing = |tao| crossing(NetUid::ROOT, ALPHA, rao(tao)).is_ok();
        assert!(taken(2_000_000) && handed_over(2_000_000) && crossing(2_000_001));
        assert!(!taken(1_999_999) && !handed_over(1_999_999) && !crossing(2_000_000));
    }

    #[test]
    fn what_a_price_may_still_bring_is_not_refused() {
        assert!(taken((SUBNET, HOTKEY), PART, Some(rao(1_996_100))).is_ok());
        assert!(taken((SUBNET, HOTKEY), PART, Some(rao(1_995_000))).is_err());
        assert!(crossing(SUBNET, ALPHA, rao(2_000_000)).is_ok());
        // What a runtime does not tell is left to it.
        assert!(taken((SUBNET, HOTKEY), PART, None).is_ok() && handed_over(SUBNET, ALPHA, None).is_ok());
    }
}
