//! Declarations of the chain's own runtime APIs: names, arguments and results as clients of spec 425 know them.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    AccountId,
    proxy::filters::{ProxyFilterInfo, ProxyTypeInfo},
    shield::ShieldedTransaction,
    subtensor::{
        fixed::U64F64,
        info::{
            DelegateInfo, Delegation, DynamicInfo, HyperparamEntry, Metagraph, NeuronInfo, NeuronInfoLite,
            SelectiveMetagraph, SimSwapResult, StakeAvailability, StakeInfo, SubnetHyperparams, SubnetHyperparamsV2,
            SubnetInfo, SubnetInfov2, SubnetPrice, SubnetState,
        },
        types::{Alpha, LockState, MechId, NetUid, Tao},
    },
};

sp_api::decl_runtime_apis! {
    /// Delegates and who nominated them.
    pub trait DelegateInfoRuntimeApi {
        fn get_delegates() -> Vec<DelegateInfo>;
        fn get_delegate(delegate_account: AccountId) -> Option<DelegateInfo>;
        fn get_delegated(delegatee_account: AccountId) -> Vec<Delegation>;
    }

    /// Neurons, one by one.
    pub trait NeuronInfoRuntimeApi {
        fn get_neurons(netuid: NetUid) -> Vec<NeuronInfo>;
        fn get_neuron(netuid: NetUid, uid: u16) -> Option<NeuronInfo>;
        fn get_neurons_lite(netuid: NetUid) -> Vec<NeuronInfoLite>;
        fn get_neuron_lite(netuid: NetUid, uid: u16) -> Option<NeuronInfoLite>;
    }

    /// Subnets, their hyperparameters and their metagraphs.
    #[api_version(2)]
    pub trait SubnetInfoRuntimeApi {
        fn get_subnet_info(netuid: NetUid) -> Option<SubnetInfo>;
        fn get_subnets_info() -> Vec<Option<SubnetInfo>>;
        fn get_subnet_info_v2(netuid: NetUid) -> Option<SubnetInfov2>;
        fn get_subnets_info_v2() -> Vec<Option<SubnetInfov2>>;
        fn get_subnet_hyperparams(netuid: NetUid) -> Option<SubnetHyperparams>;
        fn get_subnet_hyperparams_v2(netuid: NetUid) -> Option<SubnetHyperparamsV2>;
        fn get_all_dynamic_info() -> Vec<Option<DynamicInfo>>;
        fn get_all_metagraphs() -> Vec<Option<Metagraph>>;
        fn get_metagraph(netuid: NetUid) -> Option<Metagraph>;
        fn get_all_mechagraphs() -> Vec<Option<Metagraph>>;
        fn get_mechagraph(netuid: NetUid, mecid: MechId) -> Option<Metagraph>;
        fn get_dynamic_info(netuid: NetUid) -> Option<DynamicInfo>;
        fn get_subnet_state(netuid: NetUid) -> Option<SubnetState>;
        fn get_selective_metagraph(netuid: NetUid, metagraph_indexes: Vec<u16>) -> Option<SelectiveMetagraph>;
        fn get_coldkey_auto_stake_hotkey(coldkey: AccountId, netuid: NetUid) -> Option<AccountId>;
        fn get_selective_mechagraph(
            netuid: NetUid,
            subid: MechId,
            metagraph_indexes: Vec<u16>
        ) -> Option<SelectiveMetagraph>;
        fn get_subnet_to_prune() -> Option<NetUid>;
        fn get_subnet_account_id(netuid: NetUid) -> Option<AccountId>;
        fn get_next_epoch_start_block(netuid: NetUid) -> Option<u64>;
        #[api_version(2)]
        fn get_subnet_hyperparams_v3(netuid: NetUid) -> Option<Vec<HyperparamEntry>>;
    }

    /// Stake of coldkeys, and locks on it.
    pub trait StakeInfoRuntimeApi {
        fn get_stake_info_for_coldkey(coldkey_account: AccountId) -> Vec<StakeInfo>;
        fn get_stake_info_for_coldkeys(coldkey_accounts: Vec<AccountId>) -> Vec<(AccountId, Vec<StakeInfo>)>;
        fn get_stake_info_for_hotkey_coldkey_netuid(
            hotkey_account: AccountId,
            coldkey_account: AccountId,
            netuid: NetUid
        ) -> Option<StakeInfo>;
        fn get_stake_availability_for_coldkeys(
            coldkey_accounts: Vec<AccountId>,
            netuids: Option<Vec<NetUid>>
        ) -> BTreeMap<AccountId, BTreeMap<NetUid, StakeAvailability>>;
        fn get_stake_fee(
            origin: Option<(AccountId, NetUid)>,
            origin_coldkey_account: AccountId,
            destination: Option<(AccountId, NetUid)>,
            destination_coldkey_account: AccountId,
            amount: u64
        ) -> u64;
        fn get_coldkey_lock(coldkey: AccountId, netuid: NetUid) -> Option<LockState>;
        fn get_hotkey_conviction(hotkey: AccountId, netuid: NetUid) -> U64F64;
        fn get_most_convicted_hotkey_on_subnet(netuid: NetUid) -> Option<AccountId>;
    }

    /// What creating a subnet costs.
    pub trait SubnetRegistrationRuntimeApi {
        fn get_network_registration_cost() -> Tao;
    }

    /// Sealed extrinsics, as block authors open them.
    pub trait ShieldApi {
        fn try_decode_shielded_tx(uxt: Block::Extrinsic) -> Option<ShieldedTransaction>;
        fn is_shielded_using_current_key(key_hash: &[u8; 16]) -> bool;
        fn try_unshield_tx(dec_key_bytes: Vec<u8>, shielded_tx: ShieldedTransaction) -> Option<Block::Extrinsic>;
    }

    /// Prices of alpha and rehearsals of exchanges.
    pub trait SwapRuntimeApi {
        fn current_alpha_price(netuid: NetUid) -> u64;
        fn current_alpha_price_all() -> Vec<SubnetPrice>;
        fn sim_swap_tao_for_alpha(netuid: NetUid, tao: Tao) -> SimSwapResult;
        fn sim_swap_alpha_for_tao(netuid: NetUid, alpha: Alpha) -> SimSwapResult;
    }

    /// What each kind of proxy may do.
    pub trait ProxyFilterRuntimeApi {
        fn get_proxy_types() -> Vec<ProxyTypeInfo>;
        fn get_proxy_filter(proxy_type: Option<u8>) -> Vec<ProxyFilterInfo>;
    }
}
