//! Rounds of the drand beacon that the chain's owner brings, of whichever beacon something was sealed to.
//!
//! They are written into the state, since the runtime's own extrinsic takes rounds of one beacon alone, in ascending order.
//! Rounds that come by themselves are the runtime's, [`btd_devnet_runtime::drand::due_pulses`].

use btd_devnet_runtime::{
    Runtime,
    beacon::{self, Beacon, Round},
    drand::{BeaconConfig, BeaconConfiguration, LastStoredRound, OldestStoredRound, Pulse, Pulses, QUICKNET_KEY},
};
use codec::{Decode, Encode};
use sp_state_machine::Backend as _;

use crate::{
    chain::State,
    control::{ControlError, StorageChanges, timestamp},
};

fn value<T: Decode>(state: &State, key: [u8; 32]) -> Result<Option<T>, ControlError> {
    let value = state.storage(&key).map_err(ControlError::State)?;
    Ok(value.and_then(|bytes| T::decode(&mut bytes.as_slice()).ok()))
}

/// The round as it is kept: with this signature, or with the development beacon's.
fn pulse(round: Round, signature: Option<&[u8]>, chains: &BeaconConfiguration) -> Result<Pulse, ControlError> {
    let signature = match signature {
        None => Beacon::development().sign(round).to_vec(),
        Some(signature) => {
            let keys = [&QUICKNET_KEY[..], &chains.public_key];
            if !keys.iter().any(|key| beacon::verify(key, round, signature)) {
                return Err(ControlError::ForeignRound(round));
            }
            signature.to_vec()
        }
    };
    Pulse::new(round, &signature).ok_or(ControlError::ForeignRound(round))
}

/// What to write so that the round has come, in the place of one that has come already.
///
/// The chain's latest round follows, unless the chain's clock says that this one is still to come: nothing could be sealed
/// to the rounds before it then.
pub(crate) fn bring(state: &State, round: Round, signature: Option<&[u8]>) -> Result<StorageChanges, ControlError> {
    if round == 0 {
        return Err(ControlError::NoRound);
    }
    let chains: BeaconConfiguration = value(state, BeaconConfig::<Runtime>::hashed_key())?.unwrap_or_default();
    let pulse = pulse(round, signature, &chains)?;
    let mut changes = vec![(Pulses::<Runtime>::hashed_key_for(round), Some(pulse.encode()))];
    let last: Round = value(state, LastStoredRound::<Runtime>::hashed_key())?.unwrap_or_default();
    if (last.saturating_add(1)..=chains.round_at(timestamp(state)?)).contains(&round) {
        changes.push((LastStoredRound::<Runtime>::hashed_key().to_vec(), Some(round.encode())));
        let oldest: Round = value(state, OldestStoredRound::<Runtime>::hashed_key())?.unwrap_or_default();
        if last == 0 && oldest == 0 {
            changes.push((OldestStoredRound::<Runtime>::hashed_key().to_vec(), Some(round.encode())));
        }
    }
    Ok(changes)
}
