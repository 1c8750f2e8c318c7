//! Calls paid for with work: the faucet of test chains, and registration by proof of work as runtimes after 425 have it.
//!
//! A seal is 32 bytes; read as a little-endian number it must be small enough for the difficulty.

use frame_support::{ensure, traits::Currency};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::{H256, U256};
use sp_io::hashing::{keccak_256, sha2_256};
use sp_runtime::{DispatchResult, traits::SaturatedConversion};

use super::{
    Config, Difficulty, Error, Event, LastPowRegistrationBlock, MaxAllowedUids, MaxDifficulty,
    MaxRegistrationsPerBlock, MinDifficulty, NetworkPowRegistrationAllowed, NetworkRegistrationAllowed, Owner, Pallet,
    RegistrationsThisBlock, TotalIssuance, Uids, UsedWork,
    types::{NetUid, ROOT, Tao},
};
use crate::{AccountId, UNIT};

/// What the faucet gives, in rao.
const FAUCET: Tao = 1_000 * UNIT;
/// Difficulty of the faucet's work.
const FAUCET_DIFFICULTY: u64 = 1_000_000;
/// Blocks for which the faucet takes work.
const FAUCET_WINDOW: u64 = 3;
/// Blocks for which a registration takes work.
const REGISTRATION_WINDOW: u64 = 5;
/// What the challenge of a registration begins with.
const REGISTRATION: &[u8] = b"subtensor-pow-register-v1";

/// Work for a registration.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Block whose hash was worked on.
    pub block: u64,
    /// What was found.
    pub nonce: u64,
    /// The seal it gives.
    pub seal: [u8; 32],
}

/// Whether the seal, as a little-endian number times the difficulty, stays below 2^256.
fn meets(seal: [u8; 32], difficulty: u64) -> bool {
    !U256::from_little_endian(&seal).overflowing_mul(difficulty.into()).1
}

/// The seal of the faucet, and of registrations before spec 401.
fn historic_seal(block: H256, account: &AccountId, nonce: u64) -> [u8; 32] {
    let inner = keccak_256(&[block.as_ref(), account.as_ref()].concat());
    keccak_256(&sha2_256(&[&nonce.to_le_bytes()[..], &inner[..]].concat()))
}

/// The seal of a registration.
fn registration_seal(netuid: NetUid, block: H256, hotkey: &AccountId, coldkey: &AccountId, nonce: u64) -> [u8; 32] {
    let challenge: [&[u8]; 6] =
        [REGISTRATION, &netuid.to_le_bytes(), block.as_ref(), hotkey.as_ref(), coldkey.as_ref(), &nonce.to_le_bytes()];
    keccak_256(&sha2_256(&challenge.concat()))
}

impl<T: Config> Pallet<T> {
    fn hash_of_block(number: u64) -> H256 {
        let number: BlockNumberFor<T> = number.saturated_into();
        frame_system::Pallet::<T>::block_hash(number)
    }

    /// Gives TAO to the coldkey for work.
    pub(super) fn give_for_work(coldkey: &AccountId, block: u64, nonce: u64, work: &[u8]) -> DispatchResult {
        let now = Self::now();
        ensure!(block <= now && now.saturating_sub(block) < FAUCET_WINDOW, Error::<T>::InvalidWorkBlock);
        let seal = <[u8; 32]>::try_from(work).map_err(|_| Error::<T>::InvalidSeal)?;
        ensure!(meets(seal, FAUCET_DIFFICULTY), Error::<T>::InvalidDifficulty);
        ensure!(seal == historic_seal(Self::hash_of_block(block), coldkey, nonce), Error::<T>::InvalidSeal);
        UsedWork::<T>::insert(work.to_vec(), now);
        let _ = <pallet_balances::Pallet<T> as Currency<AccountId>>::deposit_creating(coldkey, FAUCET);
        TotalIssuance::<T>::mutate(|total| *total = total.saturating_add(FAUCET));
        Self::deposit_event(Event::Faucet(coldkey.clone(), FAUCET));
        Ok(())
    }

    /// How hard the work for a registration is.
    fn registration_difficulty(netuid: NetUid) -> u64 {
        let least = MinDifficulty::<T>::get(netuid).max(1);
        Difficulty::<T>::get(netuid).min(MaxDifficulty::<T>::get(netuid)).max(least)
    }

    /// Whether the work registers the hotkey; also asked before the call enters the pool.
    pub(super) fn check_work(
        coldkey: &AccountId,
        netuid: NetUid,
        work: &Work,
        hotkey: &AccountId,
    ) -> Result<(), Error<T>> {
        ensure!(netuid != ROOT, Error::RegistrationNotPermittedOnRootSubnet);
        ensure!(Self::subnet_exists(netuid), Error::SubnetNotExists);
        ensure!(
            NetworkRegistrationAllowed::<T>::get(netuid) && NetworkPowRegistrationAllowed::<T>::get(netuid),
            Error::SubNetRegistrationDisabled
        );
        ensure!(!Self::is_registered(netuid, hotkey), Error::HotKeyAlreadyRegisteredInSubNet);
        ensure!(MaxAllowedUids::<T>::get(netuid) != 0, Error::NoNeuronIdAvailable);
        ensure!(
            RegistrationsThisBlock::<T>::get(netuid) < MaxRegistrationsPerBlock::<T>::get(netuid),
            Error::TooManyRegistrationsThisBlock
        );
        let now = Self::now();
        let fresh = work.block < now && now.saturating_sub(work.block) < REGISTRATION_WINDOW;
        let unused = LastPowRegistrationBlock::<T>::get(hotkey).is_none_or(|last| work.block > last);
        let hash = Self::hash_of_block(work.block);
        ensure!(fresh && unused && hash != H256::zero(), Error::InvalidWorkBlock);
        ensure!(work.seal == registration_seal(netuid, hash, hotkey, coldkey, work.nonce), Error::InvalidSeal);
        ensure!(meets(work.seal, Self::registration_difficulty(netuid)), Error::InvalidDifficulty);
        ensure!(!Self::is_subnet_account(hotkey), Error::CannotUseSystemAccount);
        ensure!(!Owner::<T>::contains_key(hotkey) || Self::owns(coldkey, hotkey), Error::NonAssociatedColdKey);
        Ok(())
    }

    /// Registers the hotkey for work.
    pub(super) fn register_by_work(
        coldkey: &AccountId,
        netuid: NetUid,
        work: &Work,
        hotkey: &AccountId,
    ) -> DispatchResult {
        Self::check_work(coldkey, netuid, work, hotkey)?;
        Self::claim_hotkey(coldkey, hotkey)?;
        let uid = Self::take_seat(netuid, hotkey)?;
        // The seat of the owner's hotkey is never given away, and no work is used up for it.
        ensure!(Uids::<T>::get(netuid, hotkey) == Some(uid), Error::<T>::NoNeuronIdAvailable);
        LastPowRegistrationBlock::<T>::insert(hotkey, work.block);
        RegistrationsThisBlock::<T>::mutate(netuid, |count| *count = count.saturating_add(1));
        Self::deposit_event(Event::NeuronRegistered(netuid, uid, hotkey.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sp_core::H256;

    use super::{historic_seal, meets, registration_seal};
    use crate::AccountId;

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../../../../tests/vectors/pow.json")).unwrap()
    }

    fn bytes(text: &serde_json::Value) -> [u8; 32] {
        let text = text.as_str().unwrap().trim_start_matches("0x");
        <[u8; 32]>::try_from(hex::decode(text).unwrap()).unwrap()
    }

    #[test]
    fn the_old_seal_is_that_of_the_python_packages() {
        for case in vectors()["sdk6"]["cases"].as_array().unwrap() {
            let (block, account) =
                (H256(bytes(&case["block_hash"])), AccountId::new(bytes(&case["hotkey_public_key"])));
            let (nonce, seal) = (case["sdk6_first_nonce"].as_str().unwrap().parse().unwrap(), bytes(&case["seal_hex"]));
            assert_eq!(historic_seal(block, &account, nonce), seal);
            let difficulty = case["difficulty"].as_u64().unwrap();
            assert_eq!(meets(seal, difficulty), case["chain_2025_05_30_rule_little_endian_ok"].as_bool().unwrap());
        }
    }

    #[test]
    fn the_seal_of_a_registration_is_that_of_the_python_package() {
        let vectors = vectors();
        let cases = vectors["sdk11"]["cases"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let prefix = hex::decode(case["prefix_hex"].as_str().unwrap()).unwrap();
            let account = |from: usize| AccountId::new(prefix[from..from + 32].try_into().unwrap());
            let seal = registration_seal(
                u16::try_from(case["netuid"].as_u64().unwrap()).unwrap(),
                H256(bytes(&case["block_hash"])),
                &account(59),
                &account(91),
                case["nonce"].as_str().unwrap().parse().unwrap(),
            );
            assert_eq!(seal, bytes(&case["seal_hex"]));
        }
    }
}
