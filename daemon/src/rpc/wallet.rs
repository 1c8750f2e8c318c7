//! The noun `wallet`: keys on this host, balances, transfers.

pub(super) mod history;
mod keyfiles;
pub(super) mod onchain;

use std::{sync::Arc, time::Duration};

use btd_api::{
    Coldkey, ErrorKind, Hotkey, NetUid, Tao, WalletName,
    signing::Signing,
    wallet::{
        Balance, BalanceParams, BalanceRow, Balances, Create, CreateParams, Created, HotkeyEntry, KeyName, KeyState,
        List, ListParams, Lock, LockParams, Locked, Receipt, Registration, Sign, SignParams, SignedMessage,
        StakePosition, Transfer, TransferParams, Unlock, UnlockParams, Unlocked, Verified, Verify, VerifyParams,
        WalletEntry, Wallets,
    },
};
use btd_chain::{Lack, ReadError, StakeInfo, View};
use btd_signer_protocol::{
    Encryption, KeyId, KeySummary, NewKey, Origin, Protect, PublicKey, Purposes, VERSION, WalletSummary,
    operations::{self, CountPlain, Earlier, KeyStatus, LockAll, SignText},
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    Caller, Failure, Table,
    receipt::{self, key_id},
    root::AT_ONCE,
};
use crate::{
    causes::with_causes,
    daemon::Parts,
    metagraph::Metagraphs,
    submit::{self, Action, Existence},
};

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<Create>(create)
        .method::<List>(list)
        .method::<Balance>(balance)
        .method::<Unlock>(unlock)
        .method::<Lock>(lock)
        .method::<Sign>(sign)
        .method::<Verify>(verify)
        .method::<Transfer>(transfer)
        .done();
    keyfiles::register(table, parts);
}

async fn create(parts: Arc<Parts>, params: CreateParams, caller: Caller) -> Result<Created, Failure> {
    keyfiles::tell_words_to(caller)?;
    let CreateParams { wallet, hotkey: hotkey_name, words, password, protection, plain, uri, .. } = params;
    if password.is_none() && !plain {
        let message = "a coldkey needs a `password`, unless `plain` allows it to be written in plain text";
        return Err(Failure::new(ErrorKind::InvalidParams, message));
    }
    let existing = keyfiles::existing(params.existing);
    let protect = match password {
        Some(password) => keyfiles::protect(protection.unwrap_or(keyfiles::DEFAULT), Some(password))?,
        None => Protect::Plain,
    };
    let origin = uri.map_or(Origin::NewWords(words.unwrap_or(12)), Origin::Uri);
    let new = |key, scheme, protect| NewKey {
        key,
        origin: origin.clone(),
        scheme: keyfiles::key_scheme(scheme),
        protect,
        existing,
    };
    let coldkey = new(KeyId::coldkey(wallet.clone()), params.scheme, protect);
    let hotkey = new(KeyId::hotkey(wallet.clone(), hotkey_name.clone()), params.hotkey_scheme, Protect::Plain);
    let made = parts.custody.ask(operations::MakeWallet { coldkey, hotkey }).await?;
    // A coldkey that was written is told of, and its words, whatever became of the hotkey.
    let (hotkey, hotkey_problem) = match made.hotkey {
        Ok(hotkey) => (Some(hotkey), None),
        Err(words) => (None, Some(words)),
    };
    let directory = made.coldkey.path.parent().unwrap_or(&made.coldkey.path);
    Ok(Created {
        wallet,
        path: directory.display().to_string(),
        coldkey: made.coldkey.public.account.into(),
        hotkey_name,
        hotkey: hotkey.as_ref().map(|hotkey| hotkey.public.account.into()),
        hotkey_problem,
        coldkey_mnemonic: made.coldkey.mnemonic,
        hotkey_mnemonic: hotkey.and_then(|hotkey| hotkey.mnemonic),
    })
}

async fn list(parts: Arc<Parts>, _: ListParams, _: Caller) -> Result<Wallets, Failure> {
    let unlocked: Vec<KeyId> = parts.custody.status().await?.into_iter().map(|status| status.key).collect();
    let metagraphs = parts.metagraph.current();
    let (wallets, welcome) =
        (summaries(&parts).await?, parts.custody.ask(operations::Hello { version: VERSION }).await?);
    Ok(Wallets {
        path: welcome.wallets.display().to_string(),
        wallets: wallets.into_iter().map(|wallet| entry(wallet, &unlocked, &metagraphs)).collect(),
    })
}

/// What the files say.
pub(super) async fn summaries(parts: &Parts) -> Result<Vec<WalletSummary>, Failure> {
    Ok(parts.custody.ask(operations::List {}).await?)
}

fn entry(wallet: WalletSummary, unlocked: &[KeyId], metagraphs: &Metagraphs) -> WalletEntry {
    let coldkey_state = match &wallet.coldkey {
        Some(summary) => state(summary, &KeyId::coldkey(wallet.name.clone()), unlocked),
        None => KeyState::Absent,
    };
    let public = wallet.coldkey.and_then(|summary| summary.public);
    let hotkeys = wallet.hotkeys.into_iter().map(|(name, summary)| {
        let address = summary.public.map(|public| Hotkey(public.account));
        HotkeyEntry {
            state: state(&summary, &KeyId::hotkey(wallet.name.clone(), name.clone()), unlocked),
            name,
            address,
            scheme: summary.public.map(scheme),
            registered: address.map(|hotkey| registrations(metagraphs, hotkey)).unwrap_or_default(),
        }
    });
    WalletEntry {
        coldkey: public.map(|public| public.account.into()),
        scheme: public.map(scheme),
        state: coldkey_state,
        hotkeys: hotkeys.collect(),
        name: wallet.name,
        problem: wallet.problem,
    }
}

fn registrations(metagraphs: &Metagraphs, hotkey: Hotkey) -> Vec<Registration> {
    metagraphs.registrations(&hotkey).map(|(netuid, uid)| Registration { netuid, uid }).collect()
}

fn scheme(public: PublicKey) -> String {
    public.scheme.name().to_owned()
}

fn state(summary: &KeySummary, key: &KeyId, unlocked: &[KeyId]) -> KeyState {
    match (&summary.problem, summary.encryption) {
        (Some(_), _) => KeyState::Unreadable,
        (None, Some(Encryption::None)) => KeyState::Plain,
        (None, Some(_)) if unlocked.contains(key) => KeyState::Unlocked,
        (None, Some(_)) => KeyState::Locked,
        (None, None) => KeyState::Public,
    }
}

/// The most addresses whose balances are asked for at once.
const MOST_ADDRESSES: usize = 64;

async fn balance(parts: Arc<Parts>, params: BalanceParams, _: Caller) -> Result<Balances, Failure> {
    let mut addresses = params.addresses;
    addresses.extend(params.address);
    let wanted: Vec<(Option<WalletName>, Coldkey)> = match (params.wallet, addresses.as_slice()) {
        (Some(_), [_, ..]) => {
            return Err(Failure::new(ErrorKind::InvalidParams, "give a `wallet` or addresses, not both"));
        }
        (None, [_, ..]) if addresses.len() > MOST_ADDRESSES => {
            let words = format!("{} addresses are more than the {MOST_ADDRESSES} of one request", addresses.len());
            return Err(Failure::new(ErrorKind::InvalidParams, words));
        }
        (None, [_, ..]) => addresses.into_iter().map(|address| (None, address)).collect(),
        (Some(wallet), []) => {
            let public = parts.custody.public(&KeyId::coldkey(wallet.clone())).await?;
            vec![(Some(wallet), public.account.into())]
        }
        (None, []) => {
            let wallets = summaries(&parts).await?.into_iter();
            let known = wallets.filter_map(|wallet| Some((Some(wallet.name), wallet.coldkey?.public?.account.into())));
            known.collect()
        }
    };
    let (view, at) = receipt::view(&parts.link).await?;
    let reads: Vec<_> = wanted.iter().map(|(_, coldkey)| held(&view, *coldkey)).collect();
    let held: Vec<Held> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let prices: Vec<(NetUid, Tao)> = if held.iter().all(|(_, stakes)| stakes.is_empty()) {
        Vec::new()
    } else {
        let subnets = view.subnets().await?;
        subnets.into_iter().filter_map(|subnet| Some((subnet.netuid, subnet.price?))).collect()
    };
    let rows = wanted.into_iter().zip(held).map(|(whose, held)| row(whose, held, &prices)).collect();
    Ok(Balances { at, rows })
}

/// What is free, and what is staked.
type Held = (Tao, Vec<StakeInfo>);

async fn held(view: &View, coldkey: Coldkey) -> Result<Held, ReadError> {
    let free = view.balance(coldkey.account()).await?.free;
    match view.stake_for_coldkey(coldkey.account()).await {
        Ok(stakes) => Ok((free, stakes)),
        // A runtime without subnets has no stake.
        Err(ReadError::Absent(absent)) if absent.lack == Lack::Missing => Ok((free, Vec::new())),
        Err(error) => Err(error),
    }
}

fn row((wallet, coldkey): (Option<WalletName>, Coldkey), (free, stakes): Held, prices: &[(NetUid, Tao)]) -> BalanceRow {
    let price = |netuid| prices.iter().find(|(of, _)| *of == netuid).map(|(_, price)| *price);
    let positions: Vec<StakePosition> = stakes
        .iter()
        .map(|stake| StakePosition {
            netuid: stake.netuid,
            hotkey: stake.hotkey.into(),
            alpha: stake.stake,
            value: worth(stake.stake, stake.netuid, price(stake.netuid)),
        })
        .collect();
    let staked = together(positions.iter().map(|position| position.value));
    let total = staked.map(|staked| free.saturating_add(staked));
    BalanceRow { wallet, coldkey, free, staked, total, positions }
}

/// Alpha at a price, rounded down; none at a price that is not known, unless there is no alpha. On root alpha is tao.
pub(super) fn worth(alpha: btd_api::Alpha, netuid: NetUid, price: Option<Tao>) -> Option<Tao> {
    if netuid == NetUid::ROOT || alpha == btd_api::Alpha::ZERO {
        return Some(Tao::from_rao(alpha.rao()));
    }
    let rao = u128::from(alpha.rao()) * u128::from(price?.rao()) / 1_000_000_000;
    Some(Tao::from_rao(u64::try_from(rao).unwrap_or(u64::MAX)))
}

/// What several are worth together; none where that is not known of any of them.
pub(super) fn together(values: impl IntoIterator<Item = Option<Tao>>) -> Option<Tao> {
    values.into_iter().try_fold(Tao::ZERO, |sum, value| Some(sum.saturating_add(value?)))
}

async fn unlock(parts: Arc<Parts>, params: UnlockParams, _: Caller) -> Result<Unlocked, Failure> {
    let UnlockParams { wallet, key, password, seconds, uses, beside } = params;
    let purposes = match uses {
        Some(uses) if uses.is_empty() => {
            return Err(Failure::new(
                ErrorKind::InvalidParams,
                "`uses` is empty: a key that may do nothing stays locked",
            ));
        }
        Some(uses) => uses.into_iter().map(keyfiles::purpose).collect(),
        None => Purposes::ALL,
    };
    let ask = operations::Unlock {
        key: key_id(wallet.clone(), key.clone()),
        password: Some(password),
        window: seconds.map(|seconds| Duration::from_secs(seconds.into())),
        purposes,
        earlier: if beside { Earlier::Stays } else { Earlier::Ends },
    };
    let status: KeyStatus = parts.custody.ask(ask).await?;
    let seconds = status.remaining.map(|remaining| u32::try_from(remaining.as_secs()).unwrap_or(u32::MAX));
    Ok(Unlocked { wallet, key, address: status.public.account, seconds })
}

async fn lock(parts: Arc<Parts>, params: LockParams, _: Caller) -> Result<Locked, Failure> {
    let named = params.wallet.clone().map(|wallet| (wallet, params.key.clone()));
    let (locked, plain) = match params {
        LockParams { wallet: Some(wallet), key: Some(key) } => {
            let key = key_id(wallet, key);
            let locked = parts.custody.ask(operations::Lock { key: key.clone() }).await?;
            (locked, CountPlain { wallet: Some(key.wallet), role: Some(key.role) })
        }
        LockParams { wallet, key: None } => {
            let locked = parts.custody.ask(LockAll { wallet: wallet.clone() }).await?;
            (locked, CountPlain { wallet, role: None })
        }
        LockParams { wallet: None, key: Some(_) } => {
            return Err(Failure::new(ErrorKind::InvalidParams, "a `key` needs its `wallet`"));
        }
    };
    // Locking has been done: files that cannot be read now are no failure of it.
    let plain = parts.custody.ask(plain).await.inspect_err(|error| {
        tracing::warn!(error = with_causes(error), "could not count the keys that are plain on disk");
    });
    if let (0, Ok(0), Some((wallet, key))) = (locked, &plain, named) {
        known(&parts, wallet, key).await?;
    }
    let count = |keys| u32::try_from(keys).unwrap_or(u32::MAX);
    Ok(Locked { locked: count(locked), plain: plain.ok().map(count) })
}

/// Refuses a name that no key of this host has: who mistypes one must not take another's key for locked. Hotkeys of the
/// service manager are none of a wallet's files, and are there all the same.
async fn known(parts: &Parts, wallet: WalletName, key: Option<KeyName>) -> Result<(), Failure> {
    let Some(KeyName::Hotkey(hotkey)) = key else {
        parts.custody.ask(operations::Summary { wallet }).await?;
        return Ok(());
    };
    let id = KeyId::hotkey(wallet.clone(), hotkey.clone());
    match parts.custody.public(&id).await.map_err(Failure::from) {
        Err(Failure(error)) if error.kind() == Some(ErrorKind::NotFound) => {
            let words = format!("nothing was locked: the wallet `{wallet}` has no hotkey `{hotkey}`");
            Err(Failure::new(ErrorKind::NotFound, words))
        }
        // One whose public half cannot be told now is there.
        _ => Ok(()),
    }
}

async fn sign(parts: Arc<Parts>, params: SignParams, _: Caller) -> Result<SignedMessage, Failure> {
    let SignParams { wallet, key, message } = params;
    let key = key_id(wallet, key);
    let signature = parts.custody.ask(SignText { key: key.clone(), text: message.clone() }).await?;
    Ok(SignedMessage { message, signature: signature.to_string(), signer: parts.custody.public(&key).await?.account })
}

async fn verify(_: Arc<Parts>, params: VerifyParams, _: Caller) -> Result<Verified, Failure> {
    let digits = params.signature.strip_prefix("0x").unwrap_or(&params.signature);
    let mut signature = [0; 64];
    hex::decode_to_slice(digits, &mut signature)
        .map_err(|_| Failure::new(ErrorKind::InvalidParams, "a signature is 128 hex digits, with or without 0x"))?;
    let (account, message) = (params.signer, params.message.as_bytes());
    let scheme = match params.scheme.map(keyfiles::key_scheme) {
        None => PublicKey::verify_any(account, message, &signature),
        Some(scheme) => PublicKey { scheme, account }.verify(message, &signature).then_some(scheme),
    };
    Ok(Verified { valid: scheme.is_some(), scheme: scheme.map(|scheme| scheme.name().to_owned()) })
}

async fn transfer(parts: Arc<Parts>, params: TransferParams, _: Caller) -> Result<Receipt, Failure> {
    let manner = params.manner();
    let TransferParams { wallet, dest, amount, allow_death, .. } = params;
    let existence = if allow_death { Existence::AllowDeath } else { Existence::KeepAlive };
    let action = Action::Transfer(submit::Transfer { dest, amount, existence });
    receipt::submit(&parts, (action, KeyId::coldkey(wallet)), manner).await
}

#[cfg(test)]
mod tests {
    use btd_api::Alpha;

    use super::*;

    #[test]
    fn stake_is_worth_its_price_and_never_more() {
        let alpha = Alpha::from_rao(3_000_000_001);
        let rao = |rao| Some(Tao::from_rao(rao));
        assert_eq!(worth(alpha, NetUid(0), rao(7)), rao(3_000_000_001));
        assert_eq!(worth(alpha, NetUid(1), rao(500_000_000)), rao(1_500_000_000));
        assert_eq!(worth(Alpha::from_rao(u64::MAX), NetUid(1), rao(u64::MAX)), rao(u64::MAX));
    }

    #[test]
    fn what_has_no_price_is_not_worth_nothing() {
        let alpha = Alpha::from_rao(3);
        assert_eq!(worth(alpha, NetUid(1), None), None);
        assert_eq!(worth(alpha, NetUid(0), None), Some(Tao::from_rao(3)), "on root alpha is tao");
        assert_eq!(worth(Alpha::ZERO, NetUid(1), None), Some(Tao::ZERO), "nothing is worth nothing");
        let five = Some(Tao::from_rao(5));
        assert_eq!(
            (together([five, five]), together([five, None]), together([])),
            (Some(Tao::from_rao(10)), None, Some(Tao::ZERO))
        );
    }
}
