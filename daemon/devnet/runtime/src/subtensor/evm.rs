//! Addresses of the EVM that neurons claim with a signature of the address's key.

use codec::Encode;
use frame_support::ensure;
use sp_core::{H160, ecdsa::Signature};
use sp_io::{crypto::secp256k1_ecdsa_recover, hashing::keccak_256};
use sp_runtime::DispatchResult;

use super::{AssociatedEvmAddress, Config, Error, Event, Pallet, Uids, types::NetUid};
use crate::AccountId;

/// Blocks between two claims of a neuron; the chain's first blocks count as one.
const INTERVAL: u64 = 7_200;

/// The digest that the address's key signs: Ethereum's form of a message made of the hotkey and the hash of a block
/// number.
pub fn digest(hotkey: &AccountId, block_number: u64) -> [u8; 32] {
    let message = [hotkey.encode(), keccak_256(&block_number.encode()).to_vec()].concat();
    let prefix = format!("\x19Ethereum Signed Message:\n{}", message.len());
    keccak_256(&[prefix.as_bytes(), &message].concat())
}

impl<T: Config> Pallet<T> {
    /// The hotkey's uid, when it may claim an address now.
    pub(super) fn check_claim_of_address(hotkey: &AccountId, netuid: NetUid) -> Result<u16, Error<T>> {
        let uid = Uids::<T>::get(netuid, hotkey).ok_or(Error::HotKeyNotRegisteredInSubNet)?;
        let last = AssociatedEvmAddress::<T>::get(netuid, uid).map_or(0, |(_, block)| block);
        ensure!(Self::now().saturating_sub(last) >= INTERVAL, Error::EvmKeyAssociateRateLimitExceeded);
        Ok(uid)
    }

    /// Notes the address as the hotkey's.
    pub(super) fn claim_address(
        hotkey: AccountId,
        netuid: NetUid,
        evm_key: H160,
        block_number: u64,
        mut signature: Signature,
    ) -> DispatchResult {
        let uid = Self::check_claim_of_address(&hotkey, netuid)?;
        // Wallets of Ethereum number the two candidates from 27 on.
        let [.., candidate] = &mut signature.0;
        *candidate = if *candidate >= 27 { *candidate - 27 } else { *candidate };
        let key = secp256k1_ecdsa_recover(&signature.0, &digest(&hotkey, block_number))
            .map_err(|_| Error::<T>::InvalidIdentity)?;
        let hash = keccak_256(&key);
        ensure!(evm_key.as_bytes() == &hash[12..], Error::<T>::InvalidRecoveredPublicKey);
        let block_associated = Self::now();
        AssociatedEvmAddress::<T>::insert(netuid, uid, (evm_key, block_associated));
        Self::deposit_event(Event::EvmKeyAssociated { netuid, hotkey, evm_key, block_associated });
        Ok(())
    }
}
