//! One runtime of the chain: its spec version and its metadata, and what it has and lacks.
//!
//! Everything here is pure: names are looked up, bytes are built and read. Which runtime belongs
//! to which block is the follower's business (`link/follower.rs`).

mod arguments;
mod describe;
mod events;
mod features;
mod pace;
mod silent;
mod undescribed;

use std::{fmt, sync::Arc, time::Duration};

use codec::Encode;
use frame_decode::storage::{StorageInfo, StorageTypeInfo};
use scale_info::PortableRegistry;
use subxt::{
    Metadata,
    config::{
        Hasher,
        substrate::{BlakeTwo256, H256},
    },
};

pub(crate) use self::undescribed::{ApiId, Form, id as api_id};
use self::undescribed::{Method, Undescribed};
pub use self::{
    arguments::{ArgumentForm, CallArgument},
    describe::Description,
    silent::SilentStake,
};
use crate::{
    endpoint::Endpoint,
    error::{Absent, Item, Lack},
    scale::{Mismatch, is_whole, read, write},
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
    block_time: Option<Duration>,
    /// The runtime APIs, where the metadata describes none.
    undescribed: Option<Undescribed>,
    /// What is within answers that the metadata describes as bytes alone.
    within: Option<Undescribed>,
}

/// A method of a runtime API, found in the metadata or among the layouts that are known without it.
pub(crate) struct ApiMethod<'r> {
    /// The name for `state_call`.
    pub(crate) function: String,
    /// The encoded arguments.
    pub(crate) arguments: Vec<u8>,
    /// The types that its answer may have, the newest first: one, where metadata describes it.
    pub(crate) outputs: Vec<u32>,
    /// In which form it answers.
    pub(crate) form: Form,
    /// Where those types are described.
    pub(crate) types: &'r PortableRegistry,
}

// === impl ApiMethod ===

impl ApiMethod<'_> {
    /// What is in an answer, and which of the types it has.
    pub(crate) fn content(&self, answer: Vec<u8>) -> Result<(Vec<u8>, u32), Mismatch> {
        self.form.content(answer, &self.outputs, self.types)
    }

    /// Whether an answer is what is described, to the last byte.
    pub(crate) fn describes(&self, answer: Vec<u8>) -> bool {
        self.content(answer).is_ok_and(|(content, output)| is_whole(&content, output, self.types))
    }
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
    /// Reads metadata as a node sends it: the magic number `meta`, then version 14, 15 or 16. `apis`
    /// are the runtime APIs as the runtime's version names them, which version 14 does not describe.
    pub(crate) fn decode(
        spec_version: u32,
        transaction_version: u32,
        apis: Vec<ApiId>,
        metadata: &[u8],
    ) -> Result<Self, Mismatch> {
        let metadata = Metadata::decode_from(metadata).map_err(|error| Mismatch::new(error.to_string()))?;
        let has_batches = metadata.storage_info("SubtensorModule", "ValidatorBatchSize").is_ok();
        let describes = metadata.runtime_api_traits().next().is_some();
        let undescribed = (!describes).then(|| Undescribed::new(spec_version, apis, has_batches));
        let within = if describes { Undescribed::within(spec_version) } else { None };
        let block_time = pace::block_time(&metadata);
        let inner = Inner { spec_version, transaction_version, metadata, block_time, undescribed, within };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether the two were read from one metadata: what follows from the one is of the other, too.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The number that names this runtime; it grows with every upgrade.
    pub fn spec_version(&self) -> u32 {
        self.inner.spec_version
    }

    /// The version of the extrinsic format, part of what is signed.
    pub fn transaction_version(&self) -> u32 {
        self.inner.transaction_version
    }

    /// The time between two blocks, if the runtime tells it.
    pub fn block_time(&self) -> Option<Duration> {
        self.inner.block_time
    }

    /// Whether the runtime has `pallet` with a call named `call`.
    pub fn has_call(&self, pallet: &str, call: &str) -> bool {
        self.metadata().pallet_by_name(pallet).is_some_and(|pallet| pallet.call_variant_by_name(call).is_some())
    }

    /// What `call` of `pallet` may have been meant, where the runtime has none of these names.
    pub fn nearest_call(&self, pallet: &str, call: &str) -> Option<String> {
        self.absent(Item::Call, pallet, call).nearest
    }

    /// Whether that call has an argument named `argument`.
    pub fn call_takes(&self, pallet: &str, call: &str, argument: &str) -> bool {
        let call = self.metadata().pallet_by_name(pallet).and_then(|pallet| pallet.call_variant_by_name(call));
        call.is_some_and(|call| call.fields.iter().any(|field| field.name.as_deref() == Some(argument)))
    }

    /// Whether the runtime has `pallet` with an error named `error`.
    pub fn has_error(&self, pallet: &str, error: &str) -> bool {
        let errors = self.metadata().pallet_by_name(pallet).and_then(|pallet| pallet.error_variants());
        errors.is_some_and(|errors| errors.iter().any(|one| one.name == error))
    }

    /// Whether the runtime has `pallet` with an event named `event`.
    pub fn has_event(&self, pallet: &str, event: &str) -> bool {
        let events = self.metadata().pallet_by_name(pallet).and_then(|pallet| pallet.event_variants());
        events.is_some_and(|events| events.iter().any(|one| one.name == event))
    }

    /// Whether the runtime has `pallet` with a storage item named `item`.
    pub fn has_storage(&self, pallet: &str, item: &str) -> bool {
        self.storage_info(pallet, item).is_ok()
    }

    /// Whether `method` of the runtime API `api` can be asked: the metadata describes it, or it does
    /// not and the layout of an old runtime's is known.
    pub fn has_runtime_api(&self, api: &str, method: &str) -> bool {
        let found = self.metadata().runtime_api_trait_by_name(api);
        found.is_some_and(|api| api.method_by_name(method).is_some()) || self.undescribed_method(api, method).is_some()
    }

    fn undescribed_method(&self, api: &str, method: &str) -> Option<&Method> {
        self.inner.undescribed.as_ref()?.method(api, method)
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
            Item::RuntimeApi => {
                let described = metadata.runtime_api_trait_by_name(scope).into_iter().flat_map(|api| api.methods());
                let undescribed = self.inner.undescribed.iter().flat_map(Undescribed::methods);
                let undescribed = undescribed.filter(|method| method.api == scope).map(|method| method.name.to_owned());
                described.map(|method| method.name().to_owned()).chain(undescribed).collect()
            }
        };
        let spec_version = self.spec_version();
        if item == Item::Pallet {
            let nearest = nearest(scope, &candidates).map(str::to_owned);
            return Absent { item, name: scope.to_owned(), spec_version, nearest, lack: Lack::Missing };
        }
        let found = nearest(name, &candidates).map(|found| format!("{scope}.{found}"));
        let nearest = found.or_else(|| self.elsewhere(item, scope, name));
        let is_undescribed =
            item == Item::RuntimeApi && self.inner.undescribed.as_ref().is_some_and(|apis| !apis.is_without(scope));
        let lack = if is_undescribed { Lack::Undescribed } else { Lack::Missing };
        Absent { item, name: format!("{scope}.{name}"), spec_version, nearest, lack }
    }

    /// What comes nearest where there is no pallet, or no runtime API, of the name `scope`.
    fn elsewhere(&self, item: Item, scope: &str, name: &str) -> Option<String> {
        let scopes: Vec<String> = match item {
            Item::RuntimeApi => self.metadata().runtime_api_traits().map(|api| api.name().to_owned()).collect(),
            _ => self.pallets().map(str::to_owned).collect(),
        };
        let meant = nearest(scope, &scopes).filter(|meant| *meant != scope)?;
        Some(self.absent(item, meant, name).nearest.unwrap_or_else(|| meant.to_owned()))
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

    /// A method of a runtime API with its arguments, in order. An answer that the metadata describes as bytes alone is
    /// what is known to be within; arguments that it describes otherwise than they are written down are as it describes
    /// them.
    pub(crate) fn api_method(&self, api: &str, method: &str, arguments: &[Value]) -> Result<ApiMethod<'_>, ApiProblem> {
        let function = format!("{api}_{method}");
        let described = self.metadata().runtime_api_trait_by_name(api).and_then(|found| found.method_by_name(method));
        let written_down = match &described {
            None => self.inner.undescribed.as_ref(),
            Some(found) if undescribed::is_bytes(found.output_ty(), self.types()) => self.inner.within.as_ref(),
            Some(_) => None,
        };
        let written_down = written_down.and_then(|apis| Some((apis, apis.method(api, method)?)));
        let inputs: Option<Vec<(&str, u32)>> =
            described.as_ref().map(|found| found.inputs().map(|input| (&*input.name, input.id)).collect());
        if let (Some(found), Some(inputs), None) = (&described, &inputs, written_down) {
            let arguments = encode_arguments(inputs, arguments, self.types())?;
            let (outputs, types) = (vec![found.output_ty()], self.types());
            return Ok(ApiMethod { function, arguments, outputs, form: Form::Plain, types });
        }
        let Some((apis, found)) = written_down else {
            return Err(self.absent(Item::RuntimeApi, api, method).into());
        };
        let types = apis.types();
        let arguments = match inputs.filter(|inputs| !apis.takes(found, inputs, self.types())) {
            Some(inputs) => encode_arguments(&inputs, arguments, self.types())?,
            None => encode_arguments(&found.arguments, &apis.arguments_of(found, arguments)?, types)?,
        };
        Ok(ApiMethod { function, arguments, outputs: found.outputs.clone(), form: found.form, types })
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

/// Arguments of a runtime API, in order.
fn encode_arguments(
    inputs: &[(&str, u32)],
    arguments: &[Value],
    types: &PortableRegistry,
) -> Result<Vec<u8>, ApiProblem> {
    if inputs.len() != arguments.len() {
        let names = inputs.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let problem = format!("{} arguments were given, the runtime wants ({names})", arguments.len());
        return Err(ApiProblem::Argument(Mismatch::new(problem)));
    }
    let mut bytes = Vec::new();
    for (argument, (name, id)) in arguments.iter().zip(inputs) {
        write::encode(argument, *id, types, &mut bytes).map_err(|m| m.inside(*name))?;
    }
    Ok(bytes)
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

/// The runtimes that were used last, by spec version: each block names its own. Metadata is large, and
/// who reads through all of a chain's past meets hundreds. Which metadata belongs to a version is taken
/// from nobody but the endpoint that is being asked: another one may have told of it falsely.
#[derive(Debug, Default)]
pub(crate) struct Runtimes {
    /// The one used last is the last.
    known: std::sync::Mutex<Vec<Known>>,
}

/// A runtime, and who has told of it.
#[derive(Debug)]
struct Known {
    runtime: Runtime,
    /// Names all that it was read from.
    fingerprint: H256,
    tellers: Vec<Endpoint>,
}

/// What a node tells of a runtime.
#[derive(Encode)]
pub(crate) struct Told {
    pub(crate) spec_version: u32,
    pub(crate) transaction_version: u32,
    /// The runtime APIs, as the runtime's version names them.
    pub(crate) apis: Vec<ApiId>,
    pub(crate) metadata: Vec<u8>,
}

// === impl Runtimes ===

impl Runtimes {
    /// How many are kept.
    const MOST: usize = 16;

    /// The runtime of that version, as `teller` has told of it.
    pub(crate) fn get(&self, spec_version: u32, teller: &Endpoint) -> Option<Runtime> {
        self.find(|known| known.runtime.spec_version() == spec_version && known.tellers.contains(teller))
    }

    /// The runtime of which `teller` has told, read but once however many have told the same.
    pub(crate) fn learn(&self, told: Told, teller: Option<Endpoint>) -> Result<Runtime, Mismatch> {
        let fingerprint = BlakeTwo256.hash(&told.encode());
        let mut is_same = |known: &mut Known| {
            let is_same = known.fingerprint == fingerprint;
            if is_same {
                known.tellers.extend(teller.clone().filter(|teller| !known.tellers.contains(teller)));
            }
            is_same
        };
        if let Some(runtime) = self.find(&mut is_same) {
            return Ok(runtime);
        }
        let Told { spec_version, transaction_version, apis, metadata } = told;
        let runtime = Runtime::decode(spec_version, transaction_version, apis, &metadata)?;
        tracing::info!(spec_version, bytes = metadata.len(), "read the runtime's metadata");
        let mut known = self.known();
        // Somebody else may have learnt the same meanwhile.
        if let Some(index) = known.iter_mut().position(is_same) {
            return Ok(known[index].runtime.clone());
        }
        if known.len() >= Self::MOST {
            known.remove(0);
        }
        known.push(Known { runtime: runtime.clone(), fingerprint, tellers: teller.into_iter().collect() });
        Ok(runtime)
    }

    /// The first that `is_wanted`, which is then the one used last.
    fn find(&self, is_wanted: impl FnMut(&mut Known) -> bool) -> Option<Runtime> {
        let mut known = self.known();
        let index = known.iter_mut().position(is_wanted)?;
        let found = known.remove(index);
        let runtime = found.runtime.clone();
        known.push(found);
        Some(runtime)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metadata of version 14 describes no runtime APIs: that is an answer, not a failure, and not one
    /// that says there are none.
    #[test]
    fn old_metadata_describes_no_runtime_apis() {
        let runtime = crate::handmade::runtime(crate::handmade::extensions_of_2024(), 4);
        let Err(ApiProblem::Absent(absent)) = runtime.api_method("SubnetInfoRuntimeApi", "get_metagraph", &[]) else {
            panic!("it has one")
        };
        let said = "the metadata of this runtime (spec 150) does not describe the runtime API \
                    SubnetInfoRuntimeApi.get_metagraph, and its layout is not known without";
        assert_eq!((absent.to_string().as_str(), absent.lack), (said, Lack::Undescribed));
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

    const OF_2023: &[u8] = include_bytes!("../../../tests/vectors/metadata/metadata-103.scale");
    const OF_2024: &[u8] = include_bytes!("../../../tests/vectors/metadata/metadata-143.scale");

    fn told(spec_version: u32, metadata: &[u8]) -> Told {
        Told { spec_version, transaction_version: 1, apis: Vec::new(), metadata: metadata.to_vec() }
    }

    #[test]
    fn the_runtimes_used_last_are_kept_and_no_more() {
        let (runtimes, node) = (Runtimes::default(), Endpoint::from("ws://node"));
        for spec in 0..40 {
            runtimes.learn(told(spec, OF_2023), Some(node.clone())).unwrap();
            // The first one is used again and again.
            assert!(runtimes.get(0, &node).is_some(), "spec {spec}");
        }
        let known: Vec<u32> = (0..40).filter(|spec| runtimes.get(*spec, &node).is_some()).collect();
        assert_eq!(known, std::iter::once(0).chain(25..40).collect::<Vec<_>>());
        runtimes.learn(told(39, OF_2023), Some(node)).unwrap();
        assert_eq!(runtimes.known().len(), Runtimes::MOST);
    }

    #[test]
    fn nobody_speaks_for_another_about_a_runtime() {
        let (runtimes, nodes) = (Runtimes::default(), ["ws://a", "ws://b", "ws://c"].map(Endpoint::from));
        let learn = |metadata, node: &Endpoint| runtimes.learn(told(425, metadata), Some(node.clone())).unwrap();
        let lie = learn(OF_2024, &nodes[0]);
        assert!(runtimes.get(425, &nodes[1]).is_none());
        let truth = learn(OF_2023, &nodes[1]);
        // What two tell alike is one runtime.
        let again = learn(OF_2023, &nodes[2]);
        let is_one = |a: &Runtime, b: &Runtime| Arc::ptr_eq(&a.inner, &b.inner);
        assert!(is_one(&truth, &again) && !is_one(&truth, &lie));
        for (node, runtime) in nodes.iter().zip([lie, truth, again]) {
            assert!(runtimes.get(425, node).is_some_and(|known| is_one(&known, &runtime)), "{node}");
        }
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
