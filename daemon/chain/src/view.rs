//! Reads of the chain's state, all pinned at one finalized block.
//!
//! Every answer of a [`View`] belongs to [`View::block`], however many requests it takes and
//! whichever endpoint answers them. Typed reads are in the files beside this one; each tries the
//! generations of a runtime API in order and says by [`ReadError::Absent`] what a runtime lacks.
//! Nothing is cached here.

mod account;
mod hyperparameters;
mod marks;
mod metagraph;
mod neurons;
mod parts;
mod prices;
mod raw;
mod stake;
mod subnets;

use btd_api::{MechId, NetUid};
use frame_decode::storage::{StorageInfo, decode_storage_key_with_info};
use scale_info::PortableRegistry;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::try_join;

pub(crate) use self::marks::KeptMarks;
#[cfg(test)]
pub(crate) use self::prices::SubnetPrice;
pub use self::{
    account::Balance,
    hyperparameters::{Generation, HyperValue, Hyperparameters},
    marks::SubnetMarks,
    metagraph::{AxonInfo, ChainIdentity, MetagraphFields, RawMetagraph, Row},
    neurons::NeuronLite,
    parts::{MetagraphParts, Part},
    prices::pool_price,
    raw::StorageEntry,
    stake::StakeInfo,
    subnets::{DynamicInfo, I96F32, SubnetEntry, SubnetIdentity},
};
use crate::{
    block::BlockRef,
    endpoint::Endpoint,
    error::ReadError,
    link::{Head, Link, is_gone},
    rpc::{self, Ask, Changes, HexBytes, Keys},
    runtime::{ApiProblem, Runtime},
    scale::{Mismatch, is_whole, read, read::FromScale},
    value::Value,
};

/// How many keys of a map are asked for at once.
const PAGE: u32 = 512;
/// How many values are asked for at once.
const KEYS_AT_ONCE: usize = 1_000;
/// The most entries of a map that are read at once: more is a mistake, or a node gone mad.
const MAX_ENTRIES: usize = 1 << 20;

/// A fixed-point number as the runtime keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedPoint {
    /// The number times 2 to the power of `fraction_bits`.
    pub bits: i128,
    /// How many of the bits are behind the point.
    pub fraction_bits: u8,
}

/// What a runtime API answered, and how it is to be read.
struct ApiAnswer<'r> {
    bytes: &'r [u8],
    output: u32,
    types: &'r PortableRegistry,
}

/// Reads of the chain's state at one block. Cheap to clone.
#[derive(Debug, Clone)]
pub struct View {
    link: Link,
    head: Head,
}

// === impl View ===

impl View {
    pub(crate) fn new(link: Link, head: Head) -> Self {
        Self { link, head }
    }

    /// The block that every answer belongs to.
    pub fn block(&self) -> BlockRef {
        self.head.block
    }

    /// The runtime in the state of that block, and what it has.
    pub fn runtime(&self) -> &Runtime {
        &self.head.runtime
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    fn decode_error(&self, what: impl Into<String>, reason: Mismatch) -> ReadError {
        ReadError::Decode { what: what.into(), spec_version: self.runtime().spec_version(), reason }
    }

    /// Calls a runtime API and has `read` read the answer. One that is not what the metadata describes may be the
    /// endpoint's own, which has sent half of it: so another endpoint is asked once. Not where it is, and cannot be read
    /// all the same: everybody tells that.
    async fn api_read<T>(
        &self,
        api: &str,
        method: &str,
        arguments: &[Value],
        read: impl Fn(ApiAnswer<'_>) -> Result<T, Mismatch> + Send + Sync,
    ) -> Result<T, ReadError> {
        let found = self.runtime().api_method(api, method, arguments).map_err(|problem| match problem {
            ApiProblem::Absent(absent) => ReadError::Absent(absent),
            ApiProblem::Argument(reason) => ReadError::Argument { what: format!("{api}.{method}"), reason },
        })?;
        let request = rpc::call(&found.function, &found.arguments, self.block().hash);
        let again = request.untyped();
        let (HexBytes(answer), teller) = self.told_state(request).await?;
        let read = |content: &[u8], output: u32| read(ApiAnswer { bytes: content, output, types: found.types });
        let error = |reason: Mismatch| self.decode_error(format!("{api}.{method}"), reason);
        let reason = match found.content(answer) {
            Ok((content, output)) => match read(&content, output) {
                Ok(told) => return Ok(told),
                Err(reason) if is_whole(&content, output, found.types) => return Err(error(reason)),
                Err(reason) => reason,
            },
            Err(reason) => reason,
        };
        // What is asked is asked for others too, who may wait longer than this one.
        let (runtime, name) = (self.runtime().clone(), (api.to_owned(), method.to_owned()));
        let arguments = arguments.to_vec();
        let reads = move |answer: &RawValue| {
            let found = runtime.api_method(&name.0, &name.1, &arguments);
            let answer = rpc::read::<HexBytes>(answer);
            found.is_ok_and(|found| answer.is_ok_and(|HexBytes(answer)| found.describes(answer)))
        };
        // Boxed: it is needed seldom, and every read holds one of these.
        let other = Box::pin(self.link.instead(&again, teller.as_ref(), reason.to_string(), reads)).await;
        let other = other.and_then(|answer| rpc::read::<HexBytes>(&answer).ok());
        match other.and_then(|HexBytes(answer)| found.content(answer).ok()) {
            Some((content, output)) => read(&content, output).map_err(error),
            None => Err(error(reason)),
        }
    }

    /// Calls a runtime API and reads the answer.
    async fn api<T: FromScale>(&self, api: &str, method: &str, arguments: &[Value]) -> Result<T, ReadError> {
        let read = |ApiAnswer { bytes, output, types }: ApiAnswer<'_>| read::whole(bytes, output, types);
        self.api_read(api, method, arguments, read).await
    }

    /// One storage value's bytes and type; the runtime's default where there is no entry, if it has one.
    async fn storage_bytes(
        &self,
        pallet: &str,
        item: &str,
        keys: &[Value],
    ) -> Result<(Option<Vec<u8>>, u32), ReadError> {
        let what = || format!("{pallet}.{item}");
        let info = self.runtime().storage_info(pallet, item)?;
        if keys.len() != info.keys.len() {
            let reason = Mismatch::new(format!("it has {} keys, {} were given", info.keys.len(), keys.len()));
            return Err(ReadError::Argument { what: what(), reason });
        }
        let key = self.storage_key(pallet, item, &info, keys)?;
        let stored = self.ask_state(rpc::storage(&key, self.block().hash).about(what())).await?;
        let bytes = stored.map(|HexBytes(bytes)| bytes).or_else(|| info.default_value.as_deref().map(<[u8]>::to_vec));
        Ok((bytes, info.value_id))
    }

    /// One storage value, or the runtime's default; none where it is optional and absent.
    async fn storage<T: FromScale>(&self, pallet: &str, item: &str, keys: &[Value]) -> Result<Option<T>, ReadError> {
        let (bytes, id) = self.storage_bytes(pallet, item, keys).await?;
        bytes
            .map(|bytes| read::whole(&bytes, id, self.runtime().types()))
            .transpose()
            .map_err(|reason| self.decode_error(format!("{pallet}.{item}"), reason))
    }

    /// The entries of a map under `prefix` keys: the last key and the value.
    async fn map<K: FromScale, V: FromScale>(
        &self,
        pallet: &str,
        item: &str,
        prefix: &[Value],
    ) -> Result<Vec<(K, V)>, ReadError> {
        let info = self.runtime().storage_info(pallet, item)?;
        let types = self.runtime().types();
        let entries = self.map_bytes(pallet, item, &info, prefix, MAX_ENTRIES).await?;
        let decoded = entries.into_iter().map(|(key, value)| {
            let parts = decode_storage_key_with_info(&mut key.as_slice(), &info, types)
                .map_err(|error| Mismatch::new(error.to_string()))?;
            let last = parts.parts().last().and_then(|part| part.value());
            let last = last.ok_or_else(|| Mismatch::new("its keys are hashed one way and cannot be read back"))?;
            let bytes = key.get(last.range()).unwrap_or_default();
            Ok((read::whole(bytes, *last.ty(), types)?, read::whole(&value, info.value_id, types)?))
        });
        decoded.collect::<Result<_, Mismatch>>().map_err(|reason| self.decode_error(format!("{pallet}.{item}"), reason))
    }

    /// The keys and values of a map under `prefix` keys, at most `limit`.
    async fn map_bytes(
        &self,
        pallet: &str,
        item: &str,
        info: &StorageInfo<'_, u32>,
        prefix: &[Value],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, ReadError> {
        let what = format!("{pallet}.{item}");
        let prefix = self.storage_key(pallet, item, info, prefix)?;
        let (mut entries, mut counted) = (Vec::new(), 0_usize);
        let mut keys = if limit == 0 { Vec::new() } else { self.page(&prefix, None, &what).await? };
        loop {
            keys.truncate(limit.saturating_sub(counted));
            let Some(HexBytes(last)) = keys.last().cloned() else { break };
            let values = self.ask_state(rpc::storage_values(&keys, self.block().hash).about(what.as_str()));
            // A gateway may give fewer at once than are asked for, so that only a page without any is the last. It is
            // asked for meanwhile.
            counted = counted.saturating_add(keys.len());
            let (changes, next) = if counted >= limit {
                (values.await?, Vec::new())
            } else {
                try_join!(values, self.page(&prefix, Some(last.as_slice()), &what))?
            };
            entries.extend(changes.pairs().filter_map(|(key, value)| Some((key.to_vec(), value?.to_vec()))));
            keys = next;
        }
        Ok(entries)
    }

    /// The next keys under `prefix`, behind `after`: a gateway may tell that one again.
    async fn page(&self, prefix: &[u8], after: Option<&[u8]>, what: &str) -> Result<Vec<HexBytes>, ReadError> {
        let keys: Vec<HexBytes> =
            self.ask_state(rpc::storage_keys(prefix, PAGE, after, self.block().hash).about(what)).await?;
        next_keys(keys, prefix, after).map_err(|reason| self.link.nonsense(what, reason.to_owned()))
    }

    /// What is stored at the keys of each of `batches`, in a request for each; [`in_order`] finds it there.
    async fn stored(&self, what: &str, batches: &[Keys]) -> Result<Vec<Changes>, ReadError> {
        let at = self.block().hash;
        let mut answers = Vec::with_capacity(batches.len());
        for keys in batches {
            answers.push(self.ask_state(rpc::storage_values(keys, at).about(what)).await?);
        }
        Ok(answers)
    }

    /// The values of one item at many places, in their order; where nothing is stored, the
    /// runtime's default, if it has one.
    async fn values<T: FromScale>(
        &self,
        pallet: &str,
        item: &str,
        places: &[Vec<Value>],
    ) -> Result<Vec<Option<T>>, ReadError> {
        let info = self.runtime().storage_info(pallet, item)?;
        let (id, types) = (info.value_id, self.runtime().types());
        let values = self.value_bytes(pallet, item, &info, places).await?.into_iter();
        values
            .map(|bytes| bytes.map(|bytes| read::whole(&bytes, id, types)).transpose())
            .collect::<Result<_, Mismatch>>()
            .map_err(|reason| self.decode_error(format!("{pallet}.{item}"), reason))
    }

    /// The same, still encoded.
    async fn value_bytes(
        &self,
        pallet: &str,
        item: &str,
        info: &StorageInfo<'_, u32>,
        places: &[Vec<Value>],
    ) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        let keys = places.iter().map(|keys| self.storage_key(pallet, item, info, keys).map(HexBytes));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let batches = batches(&keys);
        let answers = self.stored(&format!("{pallet}.{item}"), &batches).await?;
        let usual = info.default_value.as_deref();
        let values = in_order(&answers, &batches).into_iter();
        Ok(values.map(|value| value.or(usual).map(<[u8]>::to_vec)).collect())
    }

    fn storage_key(
        &self,
        pallet: &str,
        item: &str,
        info: &StorageInfo<'_, u32>,
        keys: &[Value],
    ) -> Result<Vec<u8>, ReadError> {
        self.runtime()
            .storage_key(pallet, item, info, keys)
            .map_err(|reason| ReadError::Argument { what: format!("{pallet}.{item}"), reason })
    }

    /// Asks for state; a node that has thrown it away says so in its own words, which become a type here.
    async fn ask_state<T: DeserializeOwned + Send>(&self, request: rpc::Request<T>) -> Result<T, ReadError> {
        Ok(self.told_state(request).await?.0)
    }

    /// The same, and whose word it is.
    async fn told_state<T: DeserializeOwned + Send>(
        &self,
        request: rpc::Request<T>,
    ) -> Result<(T, Option<Endpoint>), ReadError> {
        self.link.tell(request).await.map_err(|error| match error {
            gone if is_gone(&gone) => ReadError::Pruned { block: self.block().hash },
            other => other,
        })
    }
}

/// What is new of a page of keys under `prefix` that was asked for behind `after`.
///
/// # Errors
/// When a key is none of those, or there are keys and nothing is new but for `after` itself, behind which there is nothing
/// then.
fn next_keys(mut keys: Vec<HexBytes>, prefix: &[u8], after: Option<&[u8]>) -> Result<Vec<HexBytes>, &'static str> {
    if !keys.iter().all(|HexBytes(key)| key.starts_with(prefix)) {
        return Err("some of its keys are not among those that were asked for");
    }
    let is_end = keys.iter().all(|HexBytes(key)| after == Some(key.as_slice()));
    keys.retain(|HexBytes(key)| after.is_none_or(|after| key.as_slice() > after));
    if keys.is_empty() && !is_end { Err("its pages of keys do not advance") } else { Ok(keys) }
}

/// The same keys, as many together as are asked for at once.
fn batches(keys: &[HexBytes]) -> Vec<Keys> {
    keys.chunks(KEYS_AT_ONCE).map(|some| Keys::new(some.to_vec())).collect()
}

/// What is stored at each key of `batches`, in their order, by the answer to each of them; none where nothing is.
fn in_order<'a>(answers: &'a [Changes], batches: &[Keys]) -> Vec<Option<&'a [u8]>> {
    answers.iter().zip(batches).flat_map(|(answer, keys)| answer.at(keys)).collect()
}

impl FixedPoint {
    pub(crate) fn new(bits: i128, fraction_bits: u8) -> Self {
        Self { bits, fraction_bits }
    }
}

/// Where the runtime keeps the weights and bonds of a mechanism (`NetUidStorageIndex`): 4096 apart.
pub fn storage_index(netuid: NetUid, mechid: MechId) -> Value {
    const SUBNETS: u16 = 4096;
    Value::from(netuid.0.wrapping_add(u16::from(mechid.0).wrapping_mul(SUBNETS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_keys_goes_on_behind_the_last_one() {
        let keys = |keys: &[&str]| keys.iter().map(|key| HexBytes(key.as_bytes().to_vec())).collect::<Vec<_>>();
        let next = |told: &[&str], after: Option<&str>| -> Result<Vec<String>, &'static str> {
            let next = next_keys(keys(told), b"m", after.map(str::as_bytes))?;
            Ok(next.into_iter().map(|HexBytes(key)| String::from_utf8(key).unwrap()).collect())
        };
        let some = |keys: &[&str]| Ok::<Vec<String>, &str>(keys.iter().map(|key| (*key).to_owned()).collect());
        assert_eq!(next(&["ma", "mb"], None), some(&["ma", "mb"]));
        assert_eq!(next(&["mc"], Some("mb")), some(&["mc"]));
        assert_eq!(next(&[], Some("mb")), some(&[]));
        // A gateway may begin with the key behind which is asked.
        assert_eq!(next(&["mb", "mc"], Some("mb")), some(&["mc"]));
        assert_eq!(next(&["mb"], Some("mb")), some(&[]));
        // One that always begins anew comes to no end.
        assert_eq!(next(&["ma", "mb"], Some("mb")), Err("its pages of keys do not advance"));
        assert_eq!(next(&["ma", "n"], None), Err("some of its keys are not among those that were asked for"));
    }
}
