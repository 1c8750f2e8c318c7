//! What owners of coldkeys and of subnets say about themselves.

use frame_support::ensure;
use sp_runtime::DispatchResult;

use super::{
    Config, Error, Event, IdentitiesV2, IsNetworkMember, OwnedHotkeys, Pallet, SubnetIdentitiesV3, SubnetOwner,
    types::{ChainIdentityV2, NetUid, SubnetIdentityV3},
};
use crate::AccountId;

/// Most bytes of a name or handle.
const SHORT: usize = 256;
/// Most bytes of a text or address.
const LONG: usize = 1024;

fn fits(identity: &ChainIdentityV2) -> bool {
    let short = [&identity.name, &identity.url, &identity.github_repo, &identity.discord];
    let long = [&identity.image, &identity.description, &identity.additional];
    short.iter().all(|field| field.len() <= SHORT) && long.iter().all(|field| field.len() <= LONG)
}

fn subnet_identity_fits(identity: &SubnetIdentityV3) -> bool {
    let short = [&identity.subnet_name, &identity.discord];
    let long = [
        &identity.github_repo,
        &identity.subnet_contact,
        &identity.subnet_url,
        &identity.description,
        &identity.logo_url,
        &identity.additional,
    ];
    short.iter().all(|field| field.len() <= SHORT) && long.iter().all(|field| field.len() <= LONG)
}

impl<T: Config> Pallet<T> {
    /// Stores the identity of a coldkey that has a hotkey registered somewhere.
    pub(super) fn store_identity(coldkey: &AccountId, identity: ChainIdentityV2) -> DispatchResult {
        let registered = OwnedHotkeys::<T>::get(coldkey)
            .iter()
            .any(|hotkey| IsNetworkMember::<T>::iter_prefix_values(hotkey).any(|member| member));
        ensure!(registered, Error::<T>::HotKeyNotRegisteredInNetwork);
        ensure!(fits(&identity), Error::<T>::InvalidIdentity);
        IdentitiesV2::<T>::insert(coldkey, identity);
        Self::deposit_event(Event::ChainIdentitySet(coldkey.clone()));
        Ok(())
    }

    /// Stores the identity of a subnet.
    pub(super) fn store_subnet_identity(
        coldkey: &AccountId,
        netuid: NetUid,
        identity: SubnetIdentityV3,
    ) -> DispatchResult {
        let owned = SubnetOwner::<T>::contains_key(netuid) && SubnetOwner::<T>::get(netuid) == *coldkey;
        ensure!(owned, Error::<T>::NotSubnetOwner);
        Self::insert_subnet_identity(netuid, identity)
    }

    /// Stores the identity that came with a new subnet.
    pub(super) fn insert_subnet_identity(netuid: NetUid, identity: SubnetIdentityV3) -> DispatchResult {
        ensure!(subnet_identity_fits(&identity), Error::<T>::InvalidIdentity);
        SubnetIdentitiesV3::<T>::insert(netuid, identity);
        Self::deposit_event(Event::SubnetIdentitySet(netuid));
        Ok(())
    }
}
