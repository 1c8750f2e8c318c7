//! A block built through the runtime APIs alone, as a node does it, and what clients then read.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use btd_devnet_runtime::{
    AccountId, Balance, Balances, Block, GenesisSpec, Hash, Header, INSTANT_BLOCK_TIME, RuntimeCall, SignedPayload,
    UNIT, UncheckedExtrinsic, api, extensions, fee_recipient,
    genesis::{self, development_account},
    shield::{self, ShieldedTransaction},
    subtensor::{
        self,
        info::{DynamicInfo, HyperparamEntry, Metagraph, NeuronInfo, NeuronInfoLite, SelectiveMetagraph, SubnetState},
    },
};
use codec::{Decode, Encode};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use merkleized_metadata::{ExtraInfo, generate_metadata_digest};
use sp_core::{Pair, sr25519};
use sp_io::hashing::twox_128;
use sp_runtime::{
    ApplyExtrinsicResult, Digest, DigestItem, MultiSignature,
    generic::Era,
    traits::{Header as _, TransactionExtension},
    transaction_validity::InvalidTransaction,
};

const NOW: u64 = 1_800_000_012_000;

fn call<V: Decode>(method: &str, arguments: &[u8]) -> V {
    let answer = api::dispatch(method, arguments).unwrap_or_else(|| panic!("the runtime has no method {method}"));
    V::decode(&mut &answer[..]).unwrap_or_else(|error| panic!("{method} answers something else: {error}"))
}

fn externalities() -> sp_io::TestExternalities {
    sp_io::TestExternalities::new(genesis::genesis(&GenesisSpec::default()).unwrap())
}

fn signed(name: &str, call: RuntimeCall) -> UncheckedExtrinsic {
    signed_over(None, name, call)
}

/// With a digest of metadata that the signature covers, or in the mode without one.
fn signed_over(digest: Option<[u8; 32]>, name: &str, call: RuntimeCall) -> UncheckedExtrinsic {
    let (system, subtensor, _) = extensions::signed(Era::Immortal, 0, 0);
    let extensions = (system, subtensor, extensions::CheckMetadataHash::new(digest.is_some()));
    let (of_system, of_subtensor, _) = TransactionExtension::<RuntimeCall>::implicit(&extensions).unwrap();
    let payload = SignedPayload::from_raw(call.clone(), extensions.clone(), (of_system, of_subtensor, digest));
    let pair = sr25519::Pair::from_string(&format!("//{name}"), None).unwrap();
    let signature = payload.using_encoded(|bytes| pair.sign(bytes));
    let signer = development_account(name);
    UncheckedExtrinsic::new_signed(call, signer.into(), MultiSignature::Sr25519(signature), extensions)
}

#[test]
fn version_is_the_one_clients_know() {
    externalities().execute_with(|| {
        let version: sp_version::RuntimeVersion = call("Core_version", &[]);
        assert_eq!(
            (&*version.spec_name, version.spec_version, version.transaction_version),
            ("node-subtensor", 425, 1)
        );
        let versions: Vec<u32> = call("Metadata_metadata_versions", &[]);
        assert!(versions.contains(&14) && versions.contains(&15), "metadata versions: {versions:?}");
        for version in versions {
            let metadata: Option<Vec<u8>> = call("Metadata_metadata_at_version", &version.encode());
            assert_eq!(&metadata.unwrap()[..4], b"meta", "metadata of version {version}");
        }
    });
}

#[test]
fn the_slots_are_those_of_the_headers_and_as_long_as_blocks_are_apart() {
    let spec = GenesisSpec { block_time: 250, ..GenesisSpec::default() };
    sp_io::TestExternalities::new(genesis::genesis(&spec).unwrap()).execute_with(|| {
        let digest = Digest { logs: vec![DigestItem::PreRuntime(*b"aura", 77_u64.encode())] };
        let header = Header::new(1, Hash::zero(), Hash::zero(), Hash::repeat_byte(1), digest);
        call::<sp_runtime::ExtrinsicInclusionMode>("Core_initialize_block", &header.encode());
        assert_eq!(call::<u64>("AuraApi_slot_duration", &[]), 250);
        assert_eq!(call::<Vec<AccountId>>("AuraApi_authorities", &[]), [fee_recipient()]);
        let current = sp_io::storage::get(&[twox_128(b"Aura"), twox_128(b"CurrentSlot")].concat()).unwrap();
        assert_eq!(u64::decode(&mut &current[..]).unwrap(), 77);
    });
}

#[test]
fn the_block_time_is_in_block_0_and_shows_there_only_in_the_least_distance_of_timestamps() {
    let top = |block_time| genesis::genesis(&GenesisSpec { block_time, ..GenesisSpec::default() }).unwrap().top;
    let (real, fast) = (top(12_000), top(250));
    let mut differing = fast.clone();
    differing.retain(|key, value| real.get(key) != Some(value));
    let least_distance = (twox_128(b":MinimumPeriod:").to_vec(), 125_u64.encode());
    assert_eq!(differing.into_iter().collect::<Vec<_>>(), [least_distance]);
    assert!(real.keys().all(|key| fast.contains_key(key)));
}

#[test]
fn two_accounts_of_the_evm_have_money_from_the_start() {
    // The addresses of the keys Alith and Baltathar; who looks for an address finds the account by this hash.
    let addresses = ["f24ff3a9cf04c71dbc94d0b566f7a27b94566cac", "3cd0a705a2dc65e5b1e1205896baa2be8a07c6e0"];
    for spec in [GenesisSpec::default(), GenesisSpec::localnet()] {
        sp_io::TestExternalities::new(genesis::genesis(&spec).unwrap()).execute_with(|| {
            for address in addresses {
                let preimage = [b"evm:".to_vec(), hex::decode(address).unwrap()].concat();
                let account = AccountId::new(sp_io::hashing::blake2_256(&preimage));
                assert_eq!(Balances::free_balance(account), 2_000 * UNIT, "{address}");
            }
        });
    }
}

#[test]
fn a_chain_without_a_period_reports_the_slots_of_the_real_one() {
    let spec = GenesisSpec { block_time: INSTANT_BLOCK_TIME, ..GenesisSpec::default() };
    sp_io::TestExternalities::new(genesis::genesis(&spec).unwrap()).execute_with(|| {
        assert_eq!(call::<u64>("AuraApi_slot_duration", &[]), 12_000);
    });
}

#[test]
fn a_registration_shows_in_every_view() {
    externalities().execute_with(|| {
        let header = Header::new(1, Hash::zero(), Hash::zero(), Hash::repeat_byte(1), Digest::default());
        call::<sp_runtime::ExtrinsicInclusionMode>("Core_initialize_block", &header.encode());
        let mut inherents = sp_inherents::InherentData::new();
        inherents.put_data(sp_timestamp::INHERENT_IDENTIFIER, &sp_timestamp::Timestamp::new(NOW)).unwrap();
        let extrinsics: Vec<<Block as sp_runtime::traits::Block>::Extrinsic> =
            call("BlockBuilder_inherent_extrinsics", &inherents.encode());
        assert_eq!(extrinsics.len(), 1, "the timestamp is the only inherent");
        for extrinsic in extrinsics {
            call::<ApplyExtrinsicResult>("BlockBuilder_apply_extrinsic", &extrinsic.encode()).unwrap().unwrap();
        }
        let hotkey = development_account("hotkey");
        let registration =
            RuntimeCall::SubtensorModule(subtensor::Call::burned_register { netuid: 1, hotkey: hotkey.clone() });
        let extrinsic = signed("Bob", registration);
        call::<ApplyExtrinsicResult>("BlockBuilder_apply_extrinsic", &extrinsic.encode()).unwrap().unwrap();
        let header: Header = call("BlockBuilder_finalize_block", &[]);
        assert_eq!(header.number, 1);

        let coldkey = development_account("Bob");
        let neurons: Vec<NeuronInfo> = call("NeuronInfoRuntimeApi_get_neurons", &1_u16.encode());
        assert_eq!(neurons.len(), 2, "nobody and the new neuron");
        assert_eq!((&neurons[1].hotkey, &neurons[1].coldkey, neurons[1].uid.0), (&hotkey, &coldkey, 1));
        let lite: Option<NeuronInfoLite> = call("NeuronInfoRuntimeApi_get_neuron_lite", &(1_u16, 1_u16).encode());
        assert_eq!(lite.unwrap().hotkey, hotkey);
        let metagraph: Option<Metagraph> = call("SubnetInfoRuntimeApi_get_metagraph", &1_u16.encode());
        let metagraph = metagraph.unwrap();
        assert_eq!(metagraph.hotkeys[1], hotkey);
        assert_eq!(metagraph.last_update[1].0, 1);
        assert!(metagraph.rank.is_empty() && metagraph.trust.is_empty(), "scores of old are not computed");
        let parts: Option<SelectiveMetagraph> =
            call("SubnetInfoRuntimeApi_get_selective_metagraph", &(1_u16, vec![0_u16, 52, 900]).encode());
        let parts = parts.unwrap();
        assert_eq!((parts.netuid.0, parts.hotkeys), (1, Some(metagraph.hotkeys)));
        assert!(parts.coldkeys.is_none() && parts.validators.is_none());
        let state: Option<SubnetState> = call("SubnetInfoRuntimeApi_get_subnet_state", &1_u16.encode());
        assert_eq!(state.unwrap().coldkeys[1], coldkey);
        let dynamic: Option<DynamicInfo> = call("SubnetInfoRuntimeApi_get_dynamic_info", &1_u16.encode());
        assert_eq!(dynamic.unwrap().token_symbol.iter().map(|byte| byte.0).collect::<Vec<u8>>(), "α".as_bytes());
        let entries: Option<Vec<HyperparamEntry>> =
            call("SubnetInfoRuntimeApi_get_subnet_hyperparams_v3", &1_u16.encode());
        assert_eq!(entries.unwrap().len(), 33);
        let price: u64 = call("SwapRuntimeApi_current_alpha_price", &1_u16.encode());
        assert!(price > 1_000_000_000, "the burn bought alpha: {price}");
    });
}

#[test]
fn unknown_subnets_are_nothing() {
    externalities().execute_with(|| {
        assert!(call::<Option<Metagraph>>("SubnetInfoRuntimeApi_get_metagraph", &9_u16.encode()).is_none());
        assert!(call::<Vec<NeuronInfo>>("NeuronInfoRuntimeApi_get_neurons", &9_u16.encode()).is_empty());
        assert!(call::<Option<u64>>("SubnetInfoRuntimeApi_get_next_epoch_start_block", &9_u16.encode()).is_none());
    });
}

#[test]
fn a_transfer_costs_what_it_costs_on_the_real_chain() {
    externalities().execute_with(|| {
        let dest = development_account("Charlie").into();
        let transfer = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest, value: 123_456_789 });
        let extrinsic = signed("Bob", transfer).encode();
        assert_eq!(extrinsic.len(), 144);
        let mut arguments = extrinsic;
        144_u32.encode_to(&mut arguments);
        let info: pallet_transaction_payment::RuntimeDispatchInfo<Balance> =
            call("TransactionPaymentApi_query_info", &arguments);
        assert_eq!(info.partial_fee, 136_247);
    });
}

#[test]
fn a_signature_may_cover_the_digest_of_the_metadata_that_is_served() {
    externalities().execute_with(|| {
        let header = Header::new(1, Hash::zero(), Hash::zero(), Hash::repeat_byte(1), Digest::default());
        call::<sp_runtime::ExtrinsicInclusionMode>("Core_initialize_block", &header.encode());
        let served: Option<Vec<u8>> = call("Metadata_metadata_at_version", &15_u32.encode());
        let metadata = RuntimeMetadataPrefixed::decode(&mut &served.unwrap()[..]).unwrap().1;
        let chain = ExtraInfo {
            spec_version: 425,
            spec_name: "node-subtensor".to_owned(),
            base58_prefix: 42,
            decimals: 9,
            token_symbol: "TAO".to_owned(),
        };
        let digest = generate_metadata_digest(&metadata, chain).unwrap().hash();
        let apply = |digest, name| {
            let remark = RuntimeCall::System(frame_system::Call::remark { remark: vec![7] });
            let extrinsic = signed_over(digest, name, remark);
            call::<ApplyExtrinsicResult>("BlockBuilder_apply_extrinsic", &extrinsic.encode())
        };
        let mut other = digest;
        other[31] ^= 1;
        assert_eq!(apply(Some(other), "Bob"), Err(InvalidTransaction::BadProof.into()));
        assert_eq!(apply(Some(digest), "Bob"), Ok(Ok(())));
        assert_eq!(apply(None, "Charlie"), Ok(Ok(())));

        // The extension is upstream's to clients, and of one type.
        let RuntimeMetadata::V15(metadata) = metadata else { panic!("another version is served") };
        let is_it = |path: &&Vec<String>| path.last().is_some_and(|name| name == "CheckMetadataHash");
        let mut types = metadata.types.types.iter().map(|ty| &ty.ty.path.segments).filter(is_it);
        assert_eq!(types.next().unwrap()[..], ["frame_metadata_hash_extension", "CheckMetadataHash"]);
        assert_eq!(types.next(), None);
    });
}

#[test]
fn blocks_of_a_fast_chain_may_follow_fast() {
    let spec = GenesisSpec { block_time: 250, ..GenesisSpec::default() };
    let mut externalities = sp_io::TestExternalities::new(genesis::genesis(&spec).unwrap());
    externalities.execute_with(|| {
        let period = <btd_devnet_runtime::Runtime as pallet_timestamp::Config>::MinimumPeriod::get();
        assert_eq!(period, 125);
    });
}

#[test]
fn a_sealed_extrinsic_is_read_only_when_its_signature_is_good() {
    externalities().execute_with(|| {
        let envelope = [&[7; 16][..], &1_088_u16.to_le_bytes(), &[1; 1_088], &[2; 24], &[3; 40]].concat();
        let ciphertext = envelope.try_into().unwrap();
        let good = signed("Alice", shield::Call::submit_encrypted { ciphertext }.into());
        let read = |extrinsic: &UncheckedExtrinsic| -> Option<ShieldedTransaction> {
            call("ShieldApi_try_decode_shielded_tx", &extrinsic.encode())
        };
        assert_eq!(read(&good).unwrap().key_hash, [7; 16]);
        let (_, signature, extensions) = match good.preamble.clone() {
            sp_runtime::generic::Preamble::Signed(signer, signature, extensions) => (signer, signature, extensions),
            other => panic!("{other:?}"),
        };
        let other = development_account("Bob").into();
        let bad = UncheckedExtrinsic::new_signed(good.function.clone(), other, signature, extensions);
        assert_eq!(read(&bad), None);
        assert_eq!(read(&signed("Alice", frame_system::Call::remark { remark: vec![] }.into())), None);
    });
}
