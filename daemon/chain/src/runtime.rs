//! One runtime of the chain: its spec version and its metadata, and what it has and lacks.
//!
//! Everything here is pure: names are looked up, bytes are built and read. Which runtime belongs
//! to which block is the follower's business (`link/follower.rs`).

mod describe;
mod features;

use std::{collections::HashMap, fmt, sync::Arc};

use frame_decode::storage::{StorageInfo, StorageTypeInfo};
use scale_info::PortableRegistry;
use subxt::Metadata;

pub use self::describe::Description;
use crate::{
    error::{Absent, Item},
    scale::{Mismatch, read, write},
    value::Value,
};

/// A runtime that was seen on the chain. Cheap to share, never changes.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    spec_version: u32,
    transaction_version: u32,
    metadata: Metadata,
}

/// A method of a runtime API, found in the metadata.
pub(crate) struct ApiMethod {
    /// The name for `state_call`.
    pub(crate) function: String,
    /// The encoded arguments.
    pub(crate) arguments: Vec<u8>,
    /// The type of the reply.
    pub(crate) output: u32,
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("spec_version", &self.inner.spec_version)
            .field("transaction_version", &self.inner.transaction_version)
            .finish_non_exhaustive()
    }
}

// === impl Runtime ===

impl Runtime {
    /// Reads metadata as a node sends it: the magic number `meta`, then version 14, 15 or 16.
    pub(crate) fn decode(spec_version: u32, transaction_version: u32, metadata: &[u8]) -> Result<Self, Mismatch> {
        let metadata = Metadata::decode_from(metadata).map_err(|error| Mismatch::new(error.to_string()))?;
        Ok(Self { inner: Arc::new(Inner { spec_version, transaction_version, metadata }) })
    }

    /// The number that names this runtime; it grows with every upgrade.
    pub fn spec_version(&self) -> u32 {
        self.inner.spec_version
    }

    /// The version of the extrinsic format, part of what is signed.
    pub fn transaction_version(&self) -> u32 {
        self.inner.transaction_version
    }

    /// Whether the runtime has `pallet` with a call named `call`.
    pub fn has_call(&self, pallet: &str, call: &str) -> bool {
        self.metadata().pallet_by_name(pallet).is_some_and(|pallet| pallet.call_variant_by_name(call).is_some())
    }

    /// Whether that call has an argument named `argument`.
    pub fn call_takes(&self, pallet: &str, call: &str, argument: &str) -> bool {
        let call = self.metadata().pallet_by_name(pallet).and_then(|pallet| pallet.call_variant_by_name(call));
        call.is_some_and(|call| call.fields.iter().any(|field| field.name.as_deref() == Some(argument)))
    }

    /// Whether the runtime has `pallet` with a storage item named `item`.
    pub fn has_storage(&self, pallet: &str, item: &str) -> bool {
        self.storage_info(pallet, item).is_ok()
    }

    /// Whether the metadata describes `method` of the runtime API `api`. Metadata of version 14
    /// describes none.
    pub fn has_runtime_api(&self, api: &str, method: &str) -> bool {
        self.metadata().runtime_api_trait_by_name(api).is_some_and(|api| api.method_by_name(method).is_some())
    }

    /// The names of the pallets.
    pub fn pallets(&self) -> impl Iterator<Item = &str> {
        self.metadata().pallets().map(|pallet| pallet.name())
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    pub(crate) fn types(&self) -> &PortableRegistry {
        self.inner.metadata.types()
    }

    /// What this runtime lacks, with the nearest thing that it has.
    pub(crate) fn absent(&self, item: Item, scope: &str, name: &str) -> Absent {
        let metadata = self.metadata();
        let pallet = metadata.pallet_by_name(scope);
        let candidates: Vec<String> = match item {
            Item::Call => {
                let calls = pallet.and_then(|pallet| pallet.call_variants()).unwrap_or_default();
                calls.iter().map(|call| call.name.clone()).collect()
            }
            Item::Storage => {
                let entries = pallet.and_then(|pallet| pallet.storage()).map_or(&[][..], |storage| storage.entries());
                entries.iter().map(|entry| entry.name().to_owned()).collect()
            }
            Item::Constant => {
                pallet.map(|pallet| pallet.constants().map(|c| c.name().to_owned()).collect()).unwrap_or_default()
            }
            Item::Pallet => {
                let apis = metadata.runtime_api_traits().map(|api| api.name().to_owned());
                self.pallets().map(str::to_owned).chain(apis).collect()
            }
            Item::RuntimeApi => metadata
                .runtime_api_trait_by_name(scope)
                .map(|api| api.methods().map(|method| method.name().to_owned()).collect())
                .unwrap_or_default(),
        };
        let spec_version = self.spec_version();
        if item == Item::Pallet {
            let nearest = nearest(scope, &candidates).map(str::to_owned);
            return Absent { item, name: scope.to_owned(), spec_version, nearest };
        }
        let nearest = nearest(name, &candidates).map(|found| format!("{scope}.{found}"));
        Absent { item, name: format!("{scope}.{name}"), spec_version, nearest }
    }

    pub(crate) fn storage_info(&self, pallet: &str, item: &str) -> Result<StorageInfo<'_, u32>, Absent> {
        self.metadata().storage_info(pallet, item).map_err(|_| self.absent(Item::Storage, pallet, item))
    }

    /// The key of a storage item, or the prefix of all keys under the given ones.
    pub(crate) fn storage_key(
        &self,
        pallet: &str,
        item: &str,
        info: &StorageInfo<'_, u32>,
        keys: &[Value],
    ) -> Result<Vec<u8>, Mismatch> {
        if keys.len() > info.keys.len() {
            return Err(Mismatch::new(format!(
                "{pallet}.{item} has {} keys, {} were given",
                info.keys.len(),
                keys.len()
            )));
        }
        let encoded = keys
            .iter()
            .zip(info.keys.iter())
            .enumerate()
            .map(|(index, (key, wanted))| {
                let mut bytes = Vec::new();
                write::encode(key, wanted.key_id, self.types(), &mut bytes)
                    .map_err(|m| m.inside(format!("key {index}")))?;
                Ok(Encoded(bytes))
            })
            .collect::<Result<Vec<_>, Mismatch>>()?;
        frame_decode::storage::encode_storage_key_with_info(pallet, item, encoded, info, self.types())
            .map_err(|error| Mismatch::new(error.to_string()))
    }

    /// A method of a runtime API with its arguments, in order.
    pub(crate) fn api_method(&self, api: &str, method: &str, arguments: &[Value]) -> Result<ApiMethod, ApiProblem> {
        let found = self
            .metadata()
            .runtime_api_trait_by_name(api)
            .and_then(|found| found.method_by_name(method))
            .ok_or_else(|| self.absent(Item::RuntimeApi, api, method))?;
        let inputs: Vec<_> = found.inputs().collect();
        if inputs.len() != arguments.len() {
            let names = inputs.iter().map(|input| &*input.name).collect::<Vec<_>>().join(", ");
            let problem = format!("{} arguments were given, the runtime wants ({names})", arguments.len());
            return Err(ApiProblem::Argument(Mismatch::new(problem)));
        }
        let mut bytes = Vec::new();
        for (argument, input) in arguments.iter().zip(&inputs) {
            write::encode(argument, input.id, self.types(), &mut bytes).map_err(|m| m.inside(&*input.name))?;
        }
        Ok(ApiMethod { function: format!("{api}_{method}"), arguments: bytes, output: found.output_ty() })
    }

    /// A constant of a pallet.
    pub(crate) fn constant<T: read::FromScale>(&self, pallet: &str, name: &str) -> Result<T, ApiProblem> {
        let (bytes, ty) = self.constant_bytes(pallet, name)?;
        Ok(read::whole(bytes, ty, self.types())?)
    }

    pub(crate) fn constant_bytes(&self, pallet: &str, name: &str) -> Result<(&[u8], u32), Absent> {
        self.metadata()
            .pallet_by_name(pallet)
            .and_then(|found| found.constant_by_name(name))
            .map(|constant| (constant.value(), constant.ty()))
            .ok_or_else(|| self.absent(Item::Constant, pallet, name))
    }
}

/// Why a method cannot be asked or its reply cannot be read.
#[derive(Debug)]
pub(crate) enum ApiProblem {
    Absent(Absent),
    Argument(Mismatch),
}

impl From<Absent> for ApiProblem {
    fn from(absent: Absent) -> Self {
        Self::Absent(absent)
    }
}

impl From<Mismatch> for ApiProblem {
    fn from(mismatch: Mismatch) -> Self {
        Self::Argument(mismatch)
    }
}

/// Bytes that are encoded already: what `write::encode` made, handed through subxt's traits.
struct Encoded(Vec<u8>);

impl scale_encode::EncodeAsType for Encoded {
    fn encode_as_type_to<R: scale_encode::TypeResolver>(
        &self,
        _type_id: R::TypeId,
        _types: &R,
        out: &mut Vec<u8>,
    ) -> Result<(), scale_encode::Error> {
        out.extend_from_slice(&self.0);
        Ok(())
    }
}

/// The candidate with the fewest edits to `name`, when it is near enough to be meant.
fn nearest<'c>(name: &str, candidates: &'c [String]) -> Option<&'c str> {
    candidates
        .iter()
        .map(|candidate| (edits(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 2)
        .map(|(_, candidate)| candidate.as_str())
}

/// The Levenshtein distance.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

/// The runtimes seen so far, by spec version: a chain has few, and each block names its own.
#[derive(Debug, Default)]
pub(crate) struct Runtimes {
    known: std::sync::RwLock<HashMap<u32, Runtime>>,
}

// === impl Runtimes ===

impl Runtimes {
    pub(crate) fn get(&self, spec_version: u32) -> Option<Runtime> {
        let known = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(&spec_version).cloned()
    }

    pub(crate) fn insert(&self, runtime: Runtime) {
        let mut known = self.known.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.insert(runtime.spec_version(), runtime);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metadata of version 14 describes no runtime APIs: that is an answer, not a failure.
    #[test]
    fn old_metadata_has_no_runtime_apis() {
        let runtime = crate::handmade::runtime(crate::handmade::extensions_of_2024(), 4);
        let Err(ApiProblem::Absent(absent)) = runtime.api_method("SubnetInfoRuntimeApi", "get_metagraph", &[]) else {
            panic!("it has one")
        };
        assert_eq!(absent.to_string(), "this runtime (spec 150) has no runtime API SubnetInfoRuntimeApi.get_metagraph");
        assert!(runtime.has_storage("Subtensor", "Owner") && runtime.has_call("Subtensor", "add_stake"));
        assert!(!runtime.has_storage("Subtensor", "Owners") && !runtime.has_call("System", "remark"));
    }

    #[test]
    fn keys_are_hashed_as_the_metadata_says() {
        let runtime = crate::handmade::runtime(crate::handmade::extensions_of_2024(), 4);
        let info = runtime.storage_info("Subtensor", "Owner").unwrap();
        let prefix = runtime.storage_key("Subtensor", "Owner", &info, &[]).unwrap();
        let key = runtime.storage_key("Subtensor", "Owner", &info, &[Value::Uint(513)]).unwrap();
        assert_eq!((prefix.len(), key), (32, [&prefix[..], &[1, 2]].concat()));
        assert!(runtime.storage_key("Subtensor", "Owner", &info, &[Value::Uint(1), Value::Uint(2)]).is_err());
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        let names = ["add_stake", "remove_stake", "set_weights"].map(str::to_owned);
        assert_eq!(nearest("add_stak", &names), Some("add_stake"));
        assert_eq!(nearest("setWeights", &names), Some("set_weights"));
        assert_eq!(nearest("vote", &["transfer_keep_alive".to_owned()]), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
