//! Reading whole blocks and runtimes from whoever answers requests.
//!
//! The same few questions serve the follower, which asks one connection, and readers, who ask the
//! link. Only finalized blocks are asked for; nothing is cached here but runtimes.

use btd_api::{BlockHash, BlockNumber};
use codec::{Decode, Encode};
use tokio::join;

use crate::{
    block::{BlockRef, RawBlock},
    rpc::{self, Ask, HexBytes, RuntimeVersion},
    runtime::{ApiId, Runtime, Runtimes, Told, api_id},
};

/// The versions of metadata that btd reads, best first. 14 is asked for in another way.
const METADATA_VERSIONS: [u32; 2] = [16, 15];

/// The key of `System.Events`.
fn events_key() -> [u8; 32] {
    frame_decode::storage::encode_storage_key_prefix("System", "Events")
}

/// The runtime in the state behind block `at`: it answers calls there, and executes the next block.
pub(crate) async fn runtime_at<A: Ask>(asked: &A, at: BlockHash, known: &Runtimes) -> Result<Runtime, A::Error> {
    let version = asked.ask(rpc::runtime_version(at)).await?;
    let teller = asked.teller();
    if let Some(runtime) = teller.as_ref().and_then(|teller| known.get(version.spec_version, teller)) {
        return Ok(runtime);
    }
    // The second version of this API brought others of the metadata than 14.
    let has_versions = |(HexBytes(id), version): &(HexBytes, u32)| *id == api_id("Metadata") && *version >= 2;
    let metadata = metadata_at(asked, at, version.apis.iter().any(has_versions)).await?;
    let apis: Vec<ApiId> = version.apis.iter().filter_map(|(HexBytes(id), _)| id.as_slice().try_into().ok()).collect();
    let RuntimeVersion { spec_version, transaction_version, .. } = version;
    let told = Told { spec_version, transaction_version, apis, metadata };
    // What two endpoints have told between them is the word of neither.
    let teller = teller.filter(|teller| asked.teller().as_ref() == Some(teller));
    known.learn(told, teller).map_err(|reason| asked.nonsense("the metadata", reason.to_string()))
}

/// The newest metadata that both sides know. Version 14 describes no runtime APIs, so it comes last, and a refusal is
/// taken for a lack of others only from a runtime that is not known to have them: what is read here is kept.
async fn metadata_at<A: Ask>(asked: &A, at: BlockHash, has_versions: bool) -> Result<Vec<u8>, A::Error> {
    let versions = match asked.ask(rpc::call("Metadata_metadata_versions", &[], at)).await {
        Ok(HexBytes(bytes)) => Vec::<u32>::decode(&mut bytes.as_slice()).unwrap_or_default(),
        Err(error) if A::is_refusal(&error) && !has_versions => Vec::new(),
        Err(error) => return Err(error),
    };
    if let Some(version) = METADATA_VERSIONS.into_iter().find(|version| versions.contains(version)) {
        let request = rpc::call("Metadata_metadata_at_version", &version.encode(), at);
        let HexBytes(bytes) = asked.ask(request).await?;
        // An option of opaque metadata: a length, then the metadata itself.
        return match Option::<Vec<u8>>::decode(&mut bytes.as_slice()) {
            Ok(Some(metadata)) => Ok(metadata),
            Ok(None) => Err(asked.nonsense("the metadata", format!("version {version} was offered, none came"))),
            Err(error) => Err(asked.nonsense("the metadata", error.to_string())),
        };
    }
    asked.ask(rpc::metadata(at)).await.map(|HexBytes(bytes)| bytes)
}

/// Finalized block `number` by its hash; none when the node does not have it.
pub(crate) async fn hash_of<A: Ask>(asked: &A, number: BlockNumber) -> Result<Option<BlockHash>, A::Error> {
    asked.ask(rpc::block_hash(number)).await
}

/// A block's body and events. The second part says why there are no events, if so: an old state
/// may be gone while the body is still there.
pub(crate) async fn block<A: Ask>(
    asked: &A,
    hash: BlockHash,
) -> Result<Option<(RawBlock, Option<A::Error>)>, A::Error> {
    let key = events_key();
    let (body, events) =
        join!(asked.ask(rpc::block(hash)), asked.ask(rpc::storage(&key, hash).about("a block's events")));
    let Some(signed) = body? else { return Ok(None) };
    let (events, missing) = match events {
        Ok(events) => (events.map(|HexBytes(bytes)| bytes).unwrap_or_default(), None),
        Err(error) if A::is_refusal(&error) => (Vec::new(), Some(error)),
        Err(error) => return Err(error),
    };
    let raw = RawBlock {
        block: BlockRef { number: signed.block.header.number, hash },
        parent: signed.block.header.parent_hash,
        extrinsics: signed.block.extrinsics.into_iter().map(|HexBytes(bytes)| bytes).collect(),
        events,
    };
    Ok(Some((raw, missing)))
}
