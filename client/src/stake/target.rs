//! Bringing a position to a size: how much is to be added or taken out, from what is staked now.
//!
//! What is signed is the amount, and not the size: once it is signed, the position has that size, and nothing would be
//! left to add. So the command line names the amount as soon as it is known, and what is repeated under a key is what
//! was signed under it.

use btd_api::{
    Alpha, ApiError, BlockHash, Coldkey, ErrorKind, Hotkey, HotkeyRef, NetUid, Tao, WalletName,
    stake::{ColdkeyParams, List, Position},
    tx::{Follow, FollowParams, Show, ShowParams},
    wallet::{KeyName, Plan, Wait},
};
use serde_json::Value;

use crate::{failure::Failure, session::Session, spend::Terms, wallet};

/// The flags that say a size or an amount.
const FLAGS: [&str; 7] =
    ["--max-stake", "--max_stake", "--amount", "--amount-tao", "--amount_tao", "--amount-alpha", "--amount_alpha"];

/// A position, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    /// Whose coldkey signs, and whose hotkeys go by their names.
    pub(super) wallet: &'p WalletName,
    /// How it signs: as whose proxy, and under which key.
    pub(super) terms: &'p Terms,
    pub(super) hotkey: &'p HotkeyRef,
    pub(super) netuid: NetUid,
}

/// The tao that the position lacks to a worth of `most`, or that was added to it under the same key before.
///
/// # Errors
/// When it lacks nothing.
pub(super) async fn lacking(session: &Session, place: Place<'_>, most: Tao) -> Result<Tao, Failure> {
    let lacking = match signed_before(session, place.terms, "amount_staked").await? {
        Some(rao) => Tao::from_rao(rao),
        None => lacking_now(session, place, most).await?,
    };
    session.stands_for(with_amount(session.words(), lacking.to_string()));
    Ok(lacking)
}

async fn lacking_now(session: &Session, place: Place<'_>, most: Tao) -> Result<Tao, Failure> {
    let has = match position(session, place).await? {
        None => Tao::ZERO,
        Some(position) => position.value.ok_or_else(|| {
            let netuid = position.netuid;
            Failure::usage(format!(
                "what the position is worth is not known, for nothing tells the price of the alpha of subnet {netuid}: say \
                 with --amount what to add"
            ))
        })?,
    };
    match most.rao().checked_sub(has.rao()) {
        None | Some(0) => Err(nothing_to_do(format!(
            "the position is worth τ{has}, which is no less than τ{most}: there is nothing to add"
        ))),
        Some(rest) => Ok(Tao::from_rao(rest)),
    }
}

/// The alpha that the position has beyond `most`, or that was taken out of it under the same key before.
///
/// # Errors
/// When it has no more.
pub(super) async fn surplus(session: &Session, place: Place<'_>, most: Alpha) -> Result<Alpha, Failure> {
    let surplus = match signed_before(session, place.terms, "amount_unstaked").await? {
        Some(rao) => Alpha::from_rao(rao),
        None => surplus_now(session, place, most).await?,
    };
    session.stands_for(with_amount(session.words(), surplus.to_string()));
    Ok(surplus)
}

async fn surplus_now(session: &Session, place: Place<'_>, most: Alpha) -> Result<Alpha, Failure> {
    let has = position(session, place).await?.map_or(Alpha::from_rao(0), |position| position.stake);
    let sign = place.netuid.stake_sign();
    match has.rao().checked_sub(most.rao()) {
        None | Some(0) => Err(nothing_to_do(format!(
            "the position has {sign}{has}, which is no more than {sign}{most}: there is nothing to take out"
        ))),
        Some(rest) => Ok(Alpha::from_rao(rest)),
    }
}

/// The refusal of what the state of the chain leaves nothing of, as the daemon words its own: no mistake of whoever
/// asked.
fn nothing_to_do(message: String) -> Failure {
    /// What the chain says to an amount of nothing.
    const NAME: &str = "AmountTooLow";
    ApiError::new(ErrorKind::Precondition, message).about(NAME).into()
}

/// What is said where several positions are named.
pub(super) fn only_one() -> Failure {
    Failure::usage(
        "--max-stake brings one position to a size, and each of several needs another amount: name one --netuid and one \
         --hotkey, and repeat that for the others",
    )
}

/// What is said where an amount is given as well: btcli 6 goes by the size, whatever else was typed.
pub(super) fn beside_an_amount(done: &str) -> String {
    format!("warning: --max-stake decides how much, and --amount nothing: {done}")
}

/// Whose stake is asked for: that of the account which a wallet's coldkey is the proxy of, or its own.
pub(super) fn owner(wallet: &WalletName, real: Option<Coldkey>) -> ColdkeyParams {
    ColdkeyParams { wallet: real.is_none().then(|| wallet.clone()), address: real }
}

async fn position(session: &Session, place: Place<'_>) -> Result<Option<Position>, Failure> {
    let Place { wallet, terms, hotkey, netuid } = place;
    let hotkey = match hotkey {
        HotkeyRef::Address(hotkey) => *hotkey,
        HotkeyRef::Name(name) => {
            let key = KeyName::Hotkey(name.clone());
            let detail = wallet::detail(session, wallet, &key).await?;
            let address =
                detail.address.ok_or_else(|| Failure::usage(format!("the address of hotkey {name} is not known")))?;
            Hotkey(address)
        }
    };
    let stakes = session.call::<List>(&owner(wallet, terms.real())).await?.read()?;
    Ok(stakes.positions.into_iter().find(|one| one.netuid == netuid && one.hotkey == hotkey))
}

/// The amount of what was signed under the key of `terms`, by the name that the chain's call gives it; none where nothing
/// was, or nothing of that kind. Whether the rest of it is the same is for the daemon to say, which has all of it.
async fn signed_before(session: &Session, terms: &Terms, argument: &str) -> Result<Option<u64>, Failure> {
    let Some(key) = terms.key() else { return Ok(None) };
    let params = FollowParams { extrinsic: None, key: Some(key.clone()), wait: Wait::None };
    let plan: Plan = match session.call::<Follow>(&params).await {
        Ok(reply) => reply.read()?.plan,
        Err(Failure::Api(error)) if error.kind() == Some(ErrorKind::NotFound) => return Ok(None),
        // What failed has a plan all the same.
        Err(Failure::Api(error)) => match extrinsic(&error) {
            Some(extrinsic) => session.call::<Show>(&ShowParams { extrinsic }).await?.read()?.plan,
            None => return Err(error.into()),
        },
        Err(failure) => return Err(failure),
    };
    Ok(amount_in(&plan.arguments, argument))
}

/// The extrinsic that an error is about.
fn extrinsic(error: &ApiError) -> Option<BlockHash> {
    error.data.get("extrinsic")?.as_str()?.parse().ok()
}

/// An amount in the arguments of a call, or of one that it holds.
fn amount_in(arguments: &Value, name: &str) -> Option<u64> {
    let rao = |amount: &Value| amount.as_u64().or_else(|| amount.as_str()?.parse().ok());
    match arguments {
        Value::Object(members) => {
            let own = members.get(name).and_then(rao);
            own.or_else(|| members.values().find_map(|member| amount_in(member, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| amount_in(item, name)),
        _ => None,
    }
}

/// The command line with an amount in place of a size, and of an amount that decided nothing.
fn with_amount(words: Vec<String>, amount: String) -> Vec<String> {
    let is_joined = |word: &str| {
        // `-a` is short for an amount here: what it is short for elsewhere is not said beside a size.
        word.starts_with("-a")
            || FLAGS.iter().any(|flag| word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=')))
    };
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "-a" || FLAGS.contains(&word.as_str()) {
            // Its value.
            words.next();
        } else if !is_joined(&word) {
            kept.push(word);
        }
    }
    kept.extend(["--amount".to_owned(), amount]);
    kept
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn the_command_line_names_the_amount_in_place_of_the_size() {
        for (typed, told) in [
            ("stake add --netuid 0 --max-stake 5 --wallet alice", "stake add --netuid 0 --wallet alice --amount 3"),
            ("stake add --max_stake=5 --amount-tao 9 --netuid 0", "stake add --netuid 0 --amount 3"),
            ("stake remove -n 0 -a 9 --max-stake 0.5 --all-hotkeys", "stake remove -n 0 --all-hotkeys --amount 3"),
            ("stake remove -a9 --max-stake=0.5 -n 0", "stake remove -n 0 --amount 3"),
        ] {
            let words = with_amount(typed.split(' ').map(str::to_owned).collect(), "3".to_owned());
            assert_eq!(words.join(" "), told);
            for line in [typed, told] {
                assert!(Cli::try_parse_from(format!("btctl {line}").split(' ')).is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn what_a_call_moves_is_found_inside_another_too() {
        let call = json!({ "hotkey": "5F", "netuid": 1, "amount_staked": "3000000000" });
        let by_proxy = json!({ "real": {}, "call": { "SubtensorModule": { "add_stake_limit": call } } });
        for arguments in [&call, &by_proxy] {
            assert_eq!(amount_in(arguments, "amount_staked"), Some(3_000_000_000));
            assert_eq!(amount_in(arguments, "amount_unstaked"), None);
        }
    }
}
