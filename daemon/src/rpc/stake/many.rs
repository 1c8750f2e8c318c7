//! Trades at several positions in one extrinsic: all of them happen, or none does.
//!
//! Each is drawn up as a trade of its own at the price now; those on one subnet move the price for each other. What is
//! asked for one trade is asked meanwhile for those on other subnets, so that a plan does not take longer for having many.

use std::collections::BTreeMap;

use btd_api::{
    AlphaAmount, Amount, Hotkey, HotkeyRef, NetUid, Tao, WalletName,
    stake::{AddManyParams, AddParams, Hotkeys, Netuids, RemoveManyParams, RemoveParams},
    unsent,
};
use btd_signer_protocol::operations::Summary;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{holdings::Holdings, trade, unparted};
use crate::{
    daemon::Parts,
    rpc::{Failure, receipt, root::AT_ONCE},
    submit::{Draft, Ground, Precondition, SubmissionError},
};

/// The most trades in one extrinsic.
const MOST: usize = 64;

/// The accounts of `hotkeys`, each once.
pub(super) async fn hotkeys(parts: &Parts, wallet: &WalletName, hotkeys: &Hotkeys) -> Result<Vec<Hotkey>, Failure> {
    let named = match hotkeys {
        Hotkeys::Only(named) | Hotkeys::AllBut(named) => named,
    };
    let mut found = Vec::new();
    for one in named {
        let hotkey = receipt::hotkey(parts, wallet, one).await?;
        if !found.contains(&hotkey) {
            found.push(hotkey);
        }
    }
    if matches!(hotkeys, Hotkeys::Only(_)) {
        return Ok(found);
    }
    let wallet = parts.custody.ask(Summary { wallet: wallet.clone() }).await?;
    let mut rest: Vec<Hotkey> = Vec::new();
    for public in wallet.hotkeys.into_iter().filter_map(|(_, file)| file.public) {
        let hotkey = Hotkey(public.account);
        if !found.contains(&hotkey) && !rest.contains(&hotkey) {
            rest.push(hotkey);
        }
    }
    Ok(rest)
}

/// Buys alpha of each subnet behind each hotkey.
pub(super) async fn buy(ground: &Ground, params: &AddManyParams, hotkeys: &[Hotkey]) -> Result<Draft, SubmissionError> {
    let netuids = match &params.netuids {
        Netuids::All => trade::started(ground).await?,
        Netuids::Only(named) => named.clone(),
    };
    let places = places(hotkeys, &netuids)?;
    let amount = match params.amount {
        Amount::Exactly(amount) => amount,
        Amount::All => {
            let count = u64::try_from(places.len()).unwrap_or(u64::MAX);
            Tao::from_rao(trade::spendable(ground, count).await?.rao() / count.max(1))
        }
    };
    let purchases: Vec<_> = places.iter().map(|place| purchase(ground, params, amount, *place)).collect();
    let drafts: Vec<Draft> = stream::iter(purchases).buffered(AT_ONCE).try_collect().await?;
    whole(drafts, &places)
}

/// The purchase at one place.
async fn purchase(
    ground: &Ground,
    params: &AddManyParams,
    amount: Tao,
    (hotkey, netuid): Place,
) -> Result<Draft, SubmissionError> {
    let one = unsent!(AddParams {
        amount: Amount::Exactly(amount),
        netuid,
        hotkey: HotkeyRef::Address(hotkey),
        wallet: params.wallet.clone(),
        protection: params.protection,
        fill: params.fill,
    });
    trade::buy(ground, &one, hotkey).await
}

/// Sells alpha of each subnet from behind each hotkey.
pub(super) async fn sell(
    ground: &Ground,
    params: &RemoveManyParams,
    hotkeys: &[Hotkey],
) -> Result<Draft, SubmissionError> {
    if unparted::is_so(ground) {
        if let Netuids::Only(named) = &params.netuids {
            named.iter().try_for_each(|netuid| unparted::require_root(*netuid))?;
        }
        let drafts = unparted::remove_many(ground, hotkeys, params.amount).await?;
        return Ok(Draft::all_of(drafts).ok_or(Precondition::Nothing)?);
    }
    let holdings = Holdings::everywhere(ground).await?;
    let places = match &params.netuids {
        Netuids::All => {
            let held = holdings.stakes().iter().filter(|stake| hotkeys.contains(&Hotkey(stake.hotkey)));
            bounded(held.map(|stake| (Hotkey(stake.hotkey), stake.netuid)).collect())?
        }
        Netuids::Only(named) => places(hotkeys, named)?,
    };
    let mut behind: BTreeMap<NetUid, Vec<Hotkey>> = BTreeMap::new();
    for (hotkey, netuid) in &places {
        behind.entry(*netuid).or_default().push(*hotkey);
    }
    let sales: Vec<_> = behind.into_iter().map(|of_one| sales(ground, holdings.clone(), params, of_one)).collect();
    let sales: Vec<Vec<(Place, Sale)>> = stream::iter(sales).buffered(AT_ONCE).collect().await;
    let mut sales: BTreeMap<Place, Sale> = sales.into_iter().flatten().collect();
    let (mut drafts, mut sold, mut stays) = (Vec::new(), Vec::new(), Vec::new());
    for (hotkey, netuid) in &places {
        // What is not there comes after one on its subnet that cannot be.
        let Some(sale) = sales.remove(&(*hotkey, *netuid)) else { continue };
        match sale {
            // Nothing of it may leave, or nothing more.
            Err(SubmissionError::Precondition(Precondition::Nothing)) if params.amount == AlphaAmount::All => {
                stays.push(format!("what is behind hotkey {hotkey} on subnet {netuid} stays: it is locked"));
            }
            // Or so little that the chain takes it out with the rest alone.
            Err(SubmissionError::Precondition(Precondition::Foreseen { error: "AmountTooLow", words }))
                if params.amount == AlphaAmount::All =>
            {
                stays.push(words);
            }
            draft => {
                drafts.push(draft?);
                sold.push((*hotkey, *netuid));
            }
        }
    }
    if drafts.is_empty() && !stays.is_empty() {
        return Err(Precondition::Foreseen { error: "StakeUnavailable", words: stays.join("; ") }.into());
    }
    Ok(stays.into_iter().fold(whole(drafts, &sold)?, Draft::warning))
}

/// The sales on one subnet, one after the other, up to the first that could not be drawn up: what one position gives up,
/// another on it cannot. Other subnets have no part in that.
async fn sales(
    ground: &Ground,
    mut holdings: Holdings,
    params: &RemoveManyParams,
    (netuid, hotkeys): (NetUid, Vec<Hotkey>),
) -> Vec<(Place, Sale)> {
    let mut sales = Vec::new();
    for hotkey in hotkeys {
        let one = unsent!(RemoveParams {
            amount: params.amount,
            netuid,
            hotkey: HotkeyRef::Address(hotkey),
            wallet: params.wallet.clone(),
            protection: params.protection,
            fill: params.fill,
        });
        let sale = trade::sell_of(ground, &mut holdings, &one, hotkey).await;
        let is_over = matches!(&sale, Err(error) if !matches!(error, SubmissionError::Precondition(_)));
        sales.push(((hotkey, netuid), sale));
        if is_over {
            break;
        }
    }
    sales
}

type Place = (Hotkey, NetUid);

type Sale = Result<Draft, SubmissionError>;

/// Every hotkey on every subnet, each once.
fn places(hotkeys: &[Hotkey], netuids: &[NetUid]) -> Result<Vec<Place>, SubmissionError> {
    let mut places: Vec<Place> = Vec::new();
    for place in hotkeys.iter().flat_map(|hotkey| netuids.iter().map(|netuid| (*hotkey, *netuid))) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    bounded(places)
}

fn bounded(places: Vec<Place>) -> Result<Vec<Place>, SubmissionError> {
    require_few(places.len()).map(|()| places)
}

/// Refuses more trades than are put into one extrinsic.
pub(super) fn require_few(count: usize) -> Result<(), SubmissionError> {
    if count > MOST {
        let words = format!("{count} trades in one extrinsic are more than the {MOST} that btd puts into one");
        return Err(Precondition::Foreseen { error: "TooManyCalls", words }.into());
    }
    Ok(())
}

fn whole(mut drafts: Vec<Draft>, places: &[Place]) -> Result<Draft, SubmissionError> {
    if drafts.len() > 1 {
        drafts = drafts.into_iter().zip(places).map(|(draft, place)| placed(draft, *place, places)).collect();
    }
    let draft = Draft::all_of(drafts).ok_or(Precondition::Nothing)?;
    let shares =
        |(place, (_, netuid)): (usize, &Place)| places.iter().skip(place + 1).any(|(_, other)| other == netuid);
    if places.iter().enumerate().any(shares) {
        return Ok(draft
            .warning("several trades on one subnet move its price for each other: what each brings is an estimate"));
    }
    Ok(draft)
}

/// The draft of a trade whose words say at which of `places` it is: the subnet, and the hotkey where there are several on
/// it.
fn placed(mut draft: Draft, (hotkey, netuid): Place, places: &[Place]) -> Draft {
    let subnet = format!("subnet {netuid}");
    let is_alone = places.iter().filter(|(_, other)| *other == netuid).count() == 1;
    let name = if is_alone { subnet.clone() } else { format!("{subnet}, hotkey {hotkey}") };
    for words in draft.effects.iter_mut().chain(&mut draft.warnings) {
        if !words.contains(&subnet) {
            *words = format!("{name}: {words}");
        }
    }
    draft
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;
    use btd_chain::Call;

    use super::*;

    fn hotkey(byte: u8) -> Hotkey {
        Hotkey(AccountId([byte; 32]))
    }

    #[test]
    fn every_hotkey_meets_every_subnet_once() {
        let found = places(&[hotkey(1), hotkey(2), hotkey(1)], &[NetUid(3), NetUid(3), NetUid(4)]).unwrap();
        let expected = [(hotkey(1), NetUid(3)), (hotkey(1), NetUid(4)), (hotkey(2), NetUid(3)), (hotkey(2), NetUid(4))];
        assert_eq!(found, expected);
        let many: Vec<NetUid> = (0..65).map(NetUid).collect();
        assert!(places(&[hotkey(1)], &many).is_err());
    }

    #[test]
    fn trades_on_one_subnet_are_warned_of() {
        let draft = || Draft::new(Call::new("a", "b"), "trade");
        let warned = |places: &[Place]| {
            let drafts = places.iter().map(|_| draft()).collect();
            whole(drafts, places).unwrap().warnings.len()
        };
        assert_eq!(warned(&[(hotkey(1), NetUid(3)), (hotkey(1), NetUid(4))]), 0);
        assert_eq!(warned(&[(hotkey(1), NetUid(3)), (hotkey(2), NetUid(3))]), 1);
        assert!(whole(vec![], &[]).is_err());
    }

    #[test]
    fn what_each_trade_brings_is_told_with_its_place() {
        let drafts = || ["one", "two"].map(|words| Draft::new(Call::new("a", "b"), "trade").effect(words)).into();
        let told = |places: &[Place]| whole(drafts(), places).unwrap().effects;
        let apart = told(&[(hotkey(1), NetUid(3)), (hotkey(1), NetUid(4))]);
        assert_eq!(apart[..2], ["subnet 3: one", "subnet 4: two"]);
        let together = told(&[(hotkey(1), NetUid(3)), (hotkey(2), NetUid(3))]);
        assert_eq!(together[1], format!("subnet 3, hotkey {}: two", hotkey(2)));
        // One trade alone is no batch.
        let alone = vec![Draft::new(Call::new("a", "b"), "trade").effect("one")];
        assert_eq!(whole(alone, &[(hotkey(1), NetUid(3))]).unwrap().effects, ["one"]);
    }
}
