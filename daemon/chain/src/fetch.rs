//! Reading whole blocks and runtimes from whoever answers requests.
//!
//! The same few questions serve the follower, which asks one connection, and readers, who ask the
//! link. Only finalized blocks are asked for; nothing is cached here but runtimes.

use btd_api::{BlockHash, BlockNumber};
use codec::{Decode, Encode};
use tokio::join;

use crate::{
    block::{BlockRef, RawBlock},
    rpc::{self, Ask, Body, Header, HexBytes, RuntimeVersion},
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
        Ok(HexBytes(bytes)) => Vec::<u32>::decode(&mut bytes.as_slice())
            .map_err(|error| asked.nonsense("the versions of the metadata", error.to_string()))?,
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

/// The header of block `hash`; none when the node does not have it.
pub(crate) async fn header<A: Ask>(asked: &A, hash: BlockHash) -> Result<Option<Header>, A::Error> {
    let header = asked.ask(rpc::header(hash)).await?;
    header.map(|header| of_its_hash(asked, hash, &header).map(|()| header)).transpose()
}

/// The header and the extrinsics of block `hash`; none when the node does not have it.
pub(crate) async fn body<A: Ask>(asked: &A, hash: BlockHash) -> Result<Option<Body>, A::Error> {
    let signed = asked.ask(rpc::block(hash)).await?;
    signed.map(|signed| of_its_hash(asked, hash, &signed.block.header).map(|()| signed.block)).transpose()
}

/// A hash names one header, so that whoever tells another one lies, or is broken.
fn of_its_hash<A: Ask>(asked: &A, hash: BlockHash, header: &Header) -> Result<(), A::Error> {
    let found = header.hash();
    if found == hash {
        return Ok(());
    }
    Err(asked
        .nonsense(&format!("block {hash}"), format!("a header that has the hash {found}, which is another block's")))
}

/// A block's body and events. An old state may be gone while the body is still there: then there are no events, and
/// it is said why. Nothing else is a reason to go without.
pub(crate) async fn block<A: Ask>(asked: &A, hash: BlockHash) -> Result<Option<RawBlock>, A::Error> {
    const EVENTS: &str = "a block's events";
    let key = events_key();
    let (body, events) = join!(body(asked, hash), asked.ask(rpc::storage(&key, hash).about(EVENTS)));
    let Some(Body { header, extrinsics }) = body? else { return Ok(None) };
    let events = match events {
        Ok(events) => Ok(events.map(|HexBytes(bytes)| bytes)),
        Err(gone) if A::is_gone(&gone) => Err(gone.to_string()),
        Err(error) => return Err(error),
    };
    let raw = RawBlock {
        block: BlockRef { number: header.number, hash },
        parent: header.parent_hash,
        extrinsics: extrinsics.into_iter().map(|HexBytes(bytes)| bytes).collect(),
        events,
    };
    match raw.lacks_events() {
        Some(problem) => Err(asked.nonsense(EVENTS, problem)),
        None => Ok(Some(raw)),
    }
}
