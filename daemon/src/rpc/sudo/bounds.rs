//! Values that the chain would not take: by the ranges of the hyperparameters' table, where this runtime is known to have
//! them, and by what the subnet holds.

use btd_api::{
    NetUid,
    sudo::{
        Authority,
        hyperparameters::{
            Hyperparameter,
            bounds::{Bound, End, LEAST_ALPHA, Limit, MOST_PLACES},
        },
    },
};
use btd_chain::{ReadError, Value, View};

use super::{ADMIN, setter::is_tabled, value::Argument};
use crate::{
    rpc::{
        receipt::foreseen,
        stake::{SUBTENSOR, number},
    },
    submit::SubmissionError,
};

/// A number of the subnet; none where this runtime does not keep it.
async fn told(view: &View, item: &str, netuid: NetUid) -> Result<Option<u64>, ReadError> {
    known(view.storage_json(SUBTENSOR, item, &[netuid.into()]).await)
}

/// A number that was read; none where this runtime does not have it.
fn known(read: Result<serde_json::Value, ReadError>) -> Result<Option<u64>, ReadError> {
    match read {
        Ok(json) => Ok(number(&json)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the runtime has a rule whose breach is `error`: without the error there is none, or another.
fn has_rule(view: &View, error: &str) -> bool {
    [ADMIN, SUBTENSOR].iter().any(|pallet| view.runtime().has_error(pallet, error))
}

/// What is to be set: the values and who sets them, on which subnet.
pub(super) struct Setting<'a> {
    pub(super) known: &'static Hyperparameter,
    pub(super) values: &'a [Argument],
    /// The value that its companion keeps.
    pub(super) companion: Option<u128>,
    pub(super) netuid: NetUid,
    pub(super) authority: Authority,
}

/// Refuses a value that the chain does not take: for what it is, or for what the subnet and the chain hold.
pub(super) async fn setting(view: &View, setting: &Setting<'_>) -> Result<(), SubmissionError> {
    let Setting { known, netuid, .. } = *setting;
    if known.is_kept_from_root() && netuid == NetUid::ROOT && is_tabled(view.runtime()) {
        return foreseen("NotPermittedOnRootSubnet", format!("subnet {netuid} has no {}: it is root's", known.name));
    }
    if known.call.1 == super::ALPHAS {
        return alphas(view, setting).await;
    }
    let Some(value) = setting.values.first().and_then(raw) else { return Ok(()) };
    for limit in known.limits() {
        if setting.authority == Authority::Root && limit.bound == Bound::Owner {
            continue;
        }
        if !has_rule(view, limit.error) {
            continue;
        }
        let Some((end, what)) = end(view, known, *limit, netuid).await? else { continue };
        if !limit.side.holds(value, end) {
            let whose = match limit.bound {
                Bound::Everyone => "whoever sets it",
                Bound::Owner => "for a subnet's owner; root may go beyond, with `--root`",
            };
            return setting.refused(limit.error, &format!("it must be {} {what}, {whose}", limit.side.words()));
        }
    }
    if known.name == "max_allowed_uids" { places(view, setting, value).await } else { Ok(()) }
}

/// Where an end stands now, and how it is told; none where this runtime is not known to have it.
async fn end(
    view: &View,
    known: &Hyperparameter,
    limit: Limit,
    netuid: NetUid,
) -> Result<Option<(i128, String)>, ReadError> {
    let shown = |raw: i128| known.unit.shown(raw);
    let (found, place) = match limit.end {
        End::Fixed(raw) => return Ok(is_tabled(view.runtime()).then(|| (raw, shown(raw)))),
        End::Constant(name) => (self::known(view.constant_json(SUBTENSOR, name))?, None),
        End::Chain(item) => (self::known(view.storage_json(SUBTENSOR, item, &[]).await)?, None),
        End::Subnet(item, place) => (told(view, item, netuid).await?, Some(place)),
    };
    Ok(found.map(|found| {
        let raw = i128::from(found);
        (raw, place.map_or_else(|| shown(raw), |place| format!("the subnet's {place}, which is {}", shown(raw))))
    }))
}

/// Refuses more places than all mechanisms of the subnet may have together.
async fn places(view: &View, setting: &Setting<'_>, places: i128) -> Result<(), SubmissionError> {
    if !is_tabled(view.runtime()) {
        return Ok(());
    }
    let mechanisms = i128::from(told(view, "MechanismCountCurrent", setting.netuid).await?.unwrap_or(1));
    if places.saturating_mul(mechanisms) <= MOST_PLACES {
        return Ok(());
    }
    let words = format!("its {mechanisms} mechanisms may have {MOST_PLACES} places together");
    setting.refused("TooManyUIDsPerMechanism", &words)
}

/// Refuses ends of liquid alpha that do not lie as they must.
async fn alphas(view: &View, setting: &Setting<'_>) -> Result<(), SubmissionError> {
    match view.storage_json(SUBTENSOR, "LiquidAlphaOn", &[setting.netuid.into()]).await {
        Ok(on) if on.as_bool() == Some(false) && has_rule(view, "LiquidAlphaDisabled") => {
            return setting.refused("LiquidAlphaDisabled", "liquid_alpha_enabled is false: set it first");
        }
        Ok(_) | Err(ReadError::Absent(_)) => {}
        Err(error) => return Err(error.into()),
    }
    if !is_tabled(view.runtime()) {
        return Ok(());
    }
    let least = LEAST_ALPHA;
    let mut given = setting.values.iter().map(raw);
    let (first, second) = (given.next().flatten(), given.next().flatten());
    let companion = setting.companion.and_then(|companion| i128::try_from(companion).ok());
    let (low, high) = match setting.known.name {
        "alpha_low" => (first, companion),
        "alpha_high" => (companion, first),
        _ => (first, second),
    };
    let (Some(low), Some(high)) = (low, high) else { return Ok(()) };
    let shown = |raw: i128| setting.known.unit.shown(raw);
    if high < least {
        return setting.refused("AlphaHighTooLow", &format!("the high end is at least {}", shown(least)));
    }
    if !(least..=high).contains(&low) {
        let words = format!("the low end is at least {} and at most the high one, {}", shown(least), shown(high));
        return setting.refused("AlphaLowOutOfRange", &words);
    }
    Ok(())
}

/// The number that an argument is; none where it is none.
fn raw(argument: &Argument) -> Option<i128> {
    match &argument.value {
        Value::Uint(number) => Some(i128::try_from(*number).unwrap_or(i128::MAX)),
        Value::Int(number) => Some(*number),
        Value::Record(fields) => match fields.get("bits") {
            Some(Value::Uint(bits)) => Some(i128::try_from(*bits).unwrap_or(i128::MAX)),
            _ => None,
        },
        _ => None,
    }
}

// === impl Setting ===

impl Setting<'_> {
    fn refused<T>(&self, error: &'static str, why: &str) -> Result<T, SubmissionError> {
        let shown: Vec<&str> = self.values.iter().map(|value| value.shown.as_str()).collect();
        let Self { known, netuid, .. } = self;
        let words = format!("{} of subnet {netuid} cannot be {}: {why} ({error})", known.name, shown.join(", "));
        foreseen(error, words)
    }
}

/// Refuses to trim a subnet to fewer places than it must have, or to more than it may.
pub(super) async fn trimming(view: &View, netuid: NetUid, max: u16) -> Result<(), SubmissionError> {
    if !has_rule(view, "InvalidValue") {
        return Ok(());
    }
    let (least, most) = (told(view, "MinAllowedUids", netuid).await?, told(view, "MaxAllowedUids", netuid).await?);
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(u64::MAX));
    if (least..=most).contains(&max.into()) {
        return Ok(());
    }
    foreseen("InvalidValue", format!("subnet {netuid} can be trimmed to {least} to {most} neurons, not to {max}"))
}
