//! Reads of anything by name, for people and programs that know what they are looking for.
//!
//! Keys and arguments are [`Value`]s, answers are JSON in the form that `scale/json.rs` states.

use frame_decode::storage::decode_storage_key_with_info;
use serde_json::Value as Json;

use super::{ApiAnswer, View};
use crate::{
    error::ReadError,
    scale::{Mismatch, json},
    value::Value,
};

/// One entry of a storage map.
#[derive(Debug, Clone, PartialEq)]
pub struct StorageEntry {
    /// Its keys in order; null where the runtime hashes them one way.
    pub keys: Vec<Json>,
    /// Its value.
    pub value: Json,
}

// === impl View ===

impl View {
    /// A storage value by name and all of its keys; the runtime's default where there is no entry,
    /// null where there is no default either.
    pub async fn storage_json(&self, pallet: &str, item: &str, keys: &[Value]) -> Result<Json, ReadError> {
        let (bytes, id) = self.storage_bytes(pallet, item, keys).await?;
        bytes
            .map_or(Ok(Json::Null), |bytes| json::whole(&bytes, id, self.runtime().types()))
            .map_err(|reason| self.decode_error(format!("{pallet}.{item}"), reason))
    }

    /// The same of one item under many keys, in their order, in as few requests as can be.
    pub async fn storage_json_many(
        &self,
        pallet: &str,
        item: &str,
        places: &[Vec<Value>],
    ) -> Result<Vec<Json>, ReadError> {
        let info = self.runtime().storage_info(pallet, item)?;
        let (id, types) = (info.value_id, self.runtime().types());
        let values = self.value_bytes(pallet, item, &info, places).await?;
        let told = values.into_iter().map(|bytes| bytes.map_or(Ok(Json::Null), |bytes| json::whole(&bytes, id, types)));
        told.collect::<Result<_, Mismatch>>().map_err(|reason| self.decode_error(format!("{pallet}.{item}"), reason))
    }

    /// How many keys a storage item has: none when it is a single value.
    pub fn storage_keys(&self, pallet: &str, item: &str) -> Result<usize, ReadError> {
        Ok(self.runtime().storage_info(pallet, item)?.keys.len())
    }

    /// The key under which a storage value lies, by name and all of its keys.
    ///
    /// # Errors
    /// When the runtime has no such item, or the keys do not fit it.
    pub fn storage_address(&self, pallet: &str, item: &str, keys: &[Value]) -> Result<Vec<u8>, ReadError> {
        let info = self.runtime().storage_info(pallet, item)?;
        self.storage_key(pallet, item, &info, keys)
    }

    /// The entries of a storage map under `prefix`, its first keys; at most `limit`.
    pub async fn storage_entries(
        &self,
        pallet: &str,
        item: &str,
        prefix: &[Value],
        limit: usize,
    ) -> Result<Vec<StorageEntry>, ReadError> {
        let info = self.runtime().storage_info(pallet, item)?;
        let types = self.runtime().types();
        let entries = self.map_bytes(pallet, item, &info, prefix, limit).await?;
        let decoded = entries.into_iter().map(|(key, value)| {
            let parts = decode_storage_key_with_info(&mut key.as_slice(), &info, types)
                .map_err(|error| Mismatch::new(error.to_string()))?;
            let keys = parts.parts().map(|part| match part.value() {
                Some(value) => json::whole(key.get(value.range()).unwrap_or_default(), *value.ty(), types),
                None => Ok(Json::Null),
            });
            Ok(StorageEntry {
                keys: keys.collect::<Result<_, Mismatch>>()?,
                value: json::whole(&value, info.value_id, types)?,
            })
        });
        decoded.collect::<Result<_, Mismatch>>().map_err(|reason| self.decode_error(format!("{pallet}.{item}"), reason))
    }

    /// A constant of a pallet.
    pub fn constant_json(&self, pallet: &str, name: &str) -> Result<Json, ReadError> {
        let (bytes, id) = self.runtime().constant_bytes(pallet, name)?;
        json::whole(bytes, id, self.runtime().types())
            .map_err(|reason| self.decode_error(format!("{pallet}.{name}"), reason))
    }

    /// The answer of a runtime API to `arguments`, in order, as SCALE bytes: what the node gave, and of
    /// runtimes that answered bytes within bytes the inner ones.
    pub async fn runtime_api_bytes(&self, api: &str, method: &str, arguments: &[Value]) -> Result<Vec<u8>, ReadError> {
        self.api_read(api, method, arguments, |answer| Ok(answer.bytes.to_vec())).await
    }

    /// The answer of a runtime API to `arguments`, in order.
    pub async fn runtime_api_json(&self, api: &str, method: &str, arguments: &[Value]) -> Result<Json, ReadError> {
        let read = |ApiAnswer { bytes, output, types }: ApiAnswer<'_>| json::whole(bytes, output, types);
        self.api_read(api, method, arguments, read).await
    }
}
