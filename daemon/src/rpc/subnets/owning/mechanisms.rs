//! Mechanisms of a subnet: how many there are, and how the emission is split between them.

use std::sync::Arc;

use btd_api::{
    NetUid, Ratio,
    subnets::{
        SubnetParams,
        owning::{MechanismsReply, MechanismsSet, MechanismsSetParams, MechanismsSplit, MechanismsSplitParams},
    },
    wallet::Receipt,
};
use btd_chain::{Call, ReadError, Value, View};
use btd_signer_protocol::KeyId;

use crate::{
    daemon::Parts,
    rpc::{
        Caller, Failure,
        receipt::{self, foreseen},
        stake::SUBTENSOR,
        subnets::no_subnet,
    },
    submit::{Draft, Need, Pace, Precondition, SubmissionError},
};

const ADMIN: &str = "AdminUtils";
/// The whole that mechanisms share.
const WHOLE: u64 = 65_535;
/// Places that all mechanisms of a subnet have together at most (pallet_subtensor, spec 425).
const PLACES: u64 = 256;

pub(super) async fn show(parts: Arc<Parts>, params: SubnetParams, _: Caller) -> Result<MechanismsReply, Failure> {
    let netuid = params.netuid;
    let (view, at) = receipt::view(&parts.link).await?;
    if !view.subnet_exists(netuid).await? {
        return Err(no_subnet(netuid));
    }
    let of = [Value::from(netuid)];
    let count = view.storage_json(SUBTENSOR, "MechanismCountCurrent", &of).await?;
    let count = count.as_u64().and_then(|count| u8::try_from(count).ok()).unwrap_or(1);
    let split = view.storage_json(SUBTENSOR, "MechanismEmissionSplit", &of).await?;
    let share = |share: &serde_json::Value| share.as_u64().map(|share| Ratio::from_parts(share, WHOLE));
    let shares: Vec<Ratio> = split.as_array().into_iter().flatten().filter_map(share).collect();
    let even = || vec![Ratio::from_parts(1, count.into()); count.into()];
    Ok(MechanismsReply { at, netuid, count, shares: if shares.is_empty() { even() } else { shares } })
}

pub(super) async fn set(parts: Arc<Parts>, params: MechanismsSetParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<MechanismsSet, _>(&parts, key, params, |ground, params| async move {
        let (netuid, count) = (params.netuid, params.count);
        ground.require(Need::OwnSubnet(netuid)).await?;
        let most = ground.view.storage_json(SUBTENSOR, "MaxMechanismCount", &[]).await?.as_u64().unwrap_or(u64::MAX);
        if count == 0 || u64::from(count) > most {
            let words = format!("a subnet has 1 to {most} mechanisms on this chain, not {count}");
            return Err(Precondition::Foreseen { error: "InvalidValue", words }.into());
        }
        let call = Call::new(ADMIN, "sudo_set_mechanism_count").arg("netuid", netuid).arg("mechanism_count", count);
        let draft = Draft::new(call, format!("Give subnet {netuid} {count} mechanisms"))
            .warning("the count and the split can each be changed once in 7200 blocks (about a day)");
        fits(&ground.view, netuid, count).await?;
        let draft = draft.needs(Need::OwnSubnet(netuid)).needs(Need::Rested(Pace::MechanismCount(netuid)));
        Ok(draft.needs(Need::OutsideFreeze(netuid)))
    })
    .await
}

pub(super) async fn split(parts: Arc<Parts>, params: MechanismsSplitParams, _: Caller) -> Result<Receipt, Failure> {
    let key = KeyId::coldkey(params.wallet.clone());
    receipt::sign::<MechanismsSplit, _>(&parts, key, params, |ground, params| async move {
        let netuid = params.netuid;
        ground.require(Need::OwnSubnet(netuid)).await?;
        let count = ground.view.mechanisms(netuid).await?;
        if params.split.len() > usize::from(count) {
            let words = format!(
                "{} shares were given, and subnet {netuid} has {}",
                params.split.len(),
                if count == 1 { "one mechanism".to_owned() } else { format!("{count} mechanisms") }
            );
            return Err(Precondition::Foreseen { error: "InvalidValue", words }.into());
        }
        let split = match params.split.as_slice() {
            [] => Value::Null,
            shares => parts_of_whole(shares)?.into_iter().collect(),
        };
        let call =
            Call::new(ADMIN, "sudo_set_mechanism_emission_split").arg("netuid", netuid).arg("maybe_split", split);
        let shares: Vec<String> = params.split.iter().map(ToString::to_string).collect();
        let how = if shares.is_empty() { "evenly".to_owned() } else { shares.join(" to ") };
        let draft = Draft::new(call, format!("Split the emission of subnet {netuid} between its mechanisms {how}"));
        let draft = draft.needs(Need::OwnSubnet(netuid)).needs(Need::Rested(Pace::MechanismSplit(netuid)));
        Ok(draft.needs(Need::OutsideFreeze(netuid)))
    })
    .await
}

/// Refuses so many mechanisms that their places are more than a subnet has.
async fn fits(view: &View, netuid: NetUid, count: u8) -> Result<(), SubmissionError> {
    let places = match view.storage_json(SUBTENSOR, "MaxAllowedUids", &[netuid.into()]).await {
        Ok(places) => places.as_u64().unwrap_or(0),
        Err(ReadError::Absent(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let all = places.saturating_mul(count.into());
    if all <= PLACES {
        return Ok(());
    }
    let words = format!(
        "subnet {netuid} has {places} places, in {count} mechanisms that is {all}, and {PLACES} are the most: trim it to \
         {} first, with `sudo trim`",
        PLACES / u64::from(count.max(1))
    );
    foreseen("TooManyUIDsPerMechanism", words)
}

/// Shares of 1 as whole parts that come to 65535 exactly, which the chain insists on.
fn parts_of_whole(shares: &[Ratio]) -> Result<Vec<u16>, SubmissionError> {
    let total: u64 = shares.iter().map(|share| u64::from(share.billionths())).sum();
    let slack = u64::try_from(shares.len()).unwrap_or(u64::MAX);
    // Thirds are written as 0.333333333: what rounding takes is given to the last.
    if total.abs_diff(1_000_000_000) > slack {
        let words = "the shares of the mechanisms must come to 1".to_owned();
        return Err(Precondition::Foreseen { error: "InvalidValue", words }.into());
    }
    let mut rest = WHOLE;
    let mut parts = Vec::with_capacity(shares.len());
    for (place, share) in shares.iter().enumerate() {
        let part = if place + 1 == shares.len() { rest } else { share.of(WHOLE).min(rest) };
        rest -= part;
        parts.push(u16::try_from(part).unwrap_or(u16::MAX));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_to_the_whole() {
        let parts = |shares: &[&str]| {
            let shares: Vec<Ratio> = shares.iter().map(|share| share.parse().unwrap()).collect();
            parts_of_whole(&shares)
        };
        assert_eq!(parts(&["0.5", "0.5"]).unwrap(), [32_768, 32_767]);
        assert_eq!(parts(&["0.333333333", "0.333333333", "0.333333333"]).unwrap(), [21_845, 21_845, 21_845]);
        assert_eq!(parts(&["1", "0"]).unwrap(), [65_535, 0]);
        assert!(parts(&["0.5", "0.4"]).is_err());
    }
}
