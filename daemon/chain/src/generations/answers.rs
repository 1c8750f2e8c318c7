//! Answers of runtime APIs, where metadata describes them: each that is read is read as the type that is wanted of it.

use std::collections::BTreeSet;

use btd_api::Tao;
use scale_info::PortableRegistry;

use super::{describing, full_samples, samples, storage::named_by_views};
use crate::{
    scale::read::{self, FromScale},
    view::{DynamicInfo, Hyperparameters, MetagraphFields, MetagraphParts, StakeInfo, SubnetPrice},
};

const SUBNETS: &str = "SubnetInfoRuntimeApi";

/// The methods that were looked at.
#[derive(Default)]
struct Looked(BTreeSet<&'static str>);

// === impl Looked ===

impl Looked {
    /// Reads samples of an answer as the type that a typed read wants.
    fn read<T: FromScale>(&mut self, api: &str, method: &'static str) {
        self.each(api, method, |output, types| {
            samples(output, types).for_each(|bytes| check::<T>(&bytes, output, types));
        });
    }

    /// The same of an answer in which everything was asked for that can be.
    fn read_full<T: FromScale>(&mut self, api: &str, method: &'static str) {
        self.each(api, method, |output, types| {
            full_samples(output, types).for_each(|bytes| check::<T>(&bytes, output, types));
        });
    }

    /// What each runtime that is described answers, by type.
    fn each(&mut self, api: &str, method: &'static str, look: impl Fn(u32, &PortableRegistry)) {
        self.0.insert(method);
        for runtime in describing() {
            let api = runtime.metadata().runtime_api_trait_by_name(api).unwrap();
            look(api.method_by_name(method).unwrap().output_ty(), runtime.types());
        }
    }
}

fn check<T: FromScale>(bytes: &[u8], output: u32, types: &PortableRegistry) {
    let read = read::whole::<T>(bytes, output, types);
    read.unwrap_or_else(|problem| panic!("{}: {problem}", std::any::type_name::<T>()));
}

#[test]
fn every_typed_answer_is_read() {
    let mut looked = Looked::default();
    looked.read::<Option<MetagraphFields>>(SUBNETS, "get_metagraph");
    looked.read::<Option<MetagraphFields>>(SUBNETS, "get_mechagraph");
    // The same where there is no method for all of it, and parts of it, of which others are none.
    looked.read_full::<Option<MetagraphFields>>(SUBNETS, "get_selective_metagraph");
    looked.read_full::<Option<MetagraphFields>>(SUBNETS, "get_selective_mechagraph");
    looked.read::<Option<MetagraphParts>>(SUBNETS, "get_selective_metagraph");
    looked.read::<Option<DynamicInfo>>(SUBNETS, "get_dynamic_info");
    looked.read::<Vec<Option<DynamicInfo>>>(SUBNETS, "get_all_dynamic_info");
    looked.read::<Option<u64>>(SUBNETS, "get_next_epoch_start_block");
    looked.read::<Vec<StakeInfo>>("StakeInfoRuntimeApi", "get_stake_info_for_coldkey");
    looked.read::<Tao>("SubnetRegistrationRuntimeApi", "get_network_registration_cost");
    looked.read::<Tao>("SwapRuntimeApi", "current_alpha_price");
    looked.read::<Vec<SubnetPrice>>("SwapRuntimeApi", "current_alpha_price_all");
    for method in ["get_subnet_hyperparams", "get_subnet_hyperparams_v2", "get_subnet_hyperparams_v3"] {
        looked.each(SUBNETS, method, |output, types| {
            for bytes in samples(output, types).filter(|bytes| bytes.first() == Some(&1)) {
                let read = Hyperparameters::read_answer(method, &bytes, output, types).unwrap();
                assert!(method.ends_with("v3") || read.len() >= 27, "{method} has {} entries", read.len());
            }
        });
    }
    let mut known = BTreeSet::new();
    for runtime in describing() {
        for api in runtime.metadata().runtime_api_traits() {
            known.extend(api.methods().map(|method| method.name().to_owned()));
        }
    }
    let named = named_by_views(&known);
    assert!(named.len() > 10, "{named:?}");
    let unseen: Vec<_> = named.into_iter().filter(|method| !looked.0.contains(method.as_str())).collect();
    assert!(unseen.is_empty(), "read, and not looked at here: {unseen:?}");
}

/// An answer that has a column is told from one that lacks it.
#[test]
fn a_part_that_was_not_asked_for_is_none() {
    let mut looked = Looked::default();
    looked.each(SUBNETS, "get_selective_metagraph", |output, types| {
        let parts = |bytes: Vec<u8>| read::whole::<Option<MetagraphParts>>(&bytes, output, types).unwrap();
        for parts in full_samples(output, types).filter_map(parts) {
            assert!(parts.num_uids.is_some() && parts.axons.is_some() && parts.last_update.is_some(), "{parts:?}");
            assert!(parts.alpha_stake.is_some() && parts.tao_stake.is_some() && parts.total_stake.is_some());
            assert!(parts.identities.is_some());
        }
        let told: Vec<bool> = samples(output, types)
            .filter_map(parts)
            .flat_map(|parts| [parts.axons.is_some(), parts.last_update.is_some(), parts.alpha_stake.is_some()])
            .collect();
        assert!(told.contains(&true) && told.contains(&false), "{told:?}");
    });
}
