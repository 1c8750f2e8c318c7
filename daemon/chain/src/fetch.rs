//! Reading whole blocks and runtimes from whoever answers requests.
//!
//! The same few questions serve the follower, which asks one connection, and readers, who ask the
//! link. Blocks are asked for by their hashes; nothing is cached here but runtimes.

use btd_api::{BlockHash, BlockNumber};
use codec::{Decode, Encode};
use tokio::join;

use crate::{
    block::{BlockRef, RawBlock},
    endpoint::Endpoint,
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
    let (version, teller) = asked.tell(rpc::runtime_version(at)).await?;
    // An archive that names a runtime is not asked for what the followed endpoint has told of that.
    let followed = asked.followed();
    if let Some(runtime) = [&followed, &teller].into_iter().flatten().find_map(|by| known.get(version.spec_version, by))
    {
        return Ok(runtime);
    }
    // The second version of this API brought others of the metadata than 14.
    let has_versions = |(HexBytes(id), version): &(HexBytes, u32)| *id == api_id("Metadata") && *version >= 2;
    let (metadata, other) = metadata_at(asked, at, version.apis.iter().any(has_versions)).await?;
    let apis: Vec<ApiId> = version.apis.iter().filter_map(|(HexBytes(id), _)| id.as_slice().try_into().ok()).collect();
    let RuntimeVersion { spec_version, transaction_version, .. } = version;
    let told = Told { spec_version, transaction_version, apis, metadata };
    // What two endpoints have told between them is the word of neither.
    let teller = teller.filter(|teller| other.as_ref() == Some(teller));
    known.learn(told, teller).map_err(|reason| asked.nonsense("the metadata", reason.to_string()))
}

/// The newest metadata that both sides know. Version 14 describes no runtime APIs, so it comes last, and a refusal is
/// taken for a lack of others only from a runtime that is not known to have them: what is read here is kept. Told with
/// whose word it is.
async fn metadata_at<A: Ask>(
    asked: &A,
    at: BlockHash,
    has_versions: bool,
) -> Result<(Vec<u8>, Option<Endpoint>), A::Error> {
    let versions = match asked.ask(rpc::call("Metadata_metadata_versions", &[], at)).await {
        Ok(HexBytes(bytes)) => Vec::<u32>::decode(&mut bytes.as_slice())
            .map_err(|error| asked.nonsense("the versions of the metadata", error.to_string()))?,
        Err(error) if A::is_refusal(&error) && !has_versions => Vec::new(),
        Err(error) => return Err(error),
    };
    if let Some(version) = METADATA_VERSIONS.into_iter().find(|version| versions.contains(version)) {
        let request = rpc::call("Metadata_metadata_at_version", &version.encode(), at);
        let (HexBytes(bytes), teller) = asked.tell(request).await?;
        // An option of opaque metadata: a length, then the metadata itself.
        return match Option::<Vec<u8>>::decode(&mut bytes.as_slice()) {
            Ok(Some(metadata)) => Ok((metadata, teller)),
            Ok(None) => Err(asked.nonsense("the metadata", format!("version {version} was offered, none came"))),
            Err(error) => Err(asked.nonsense("the metadata", error.to_string())),
        };
    }
    asked.tell(rpc::metadata(at)).await.map(|(HexBytes(bytes), teller)| (bytes, teller))
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

/// The header and the extrinsics of block `hash`; none when the node does not have it. By its extrinsics it is decided
/// what became of those that were sent, so whoever leaves one out lies as well.
pub(crate) async fn body<A: Ask>(asked: &A, hash: BlockHash) -> Result<Option<Body>, A::Error> {
    let Some(signed) = asked.ask(rpc::block(hash)).await? else { return Ok(None) };
    let body = signed.block;
    of_its_hash(asked, hash, &body.header)?;
    if body.header.is_of(&body.extrinsics) {
        return Ok(Some(body));
    }
    let count = body.extrinsics.len();
    Err(asked.nonsense(&format!("block {hash}"), format!("{count} extrinsics that are not those of its header")))
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

/// A block as far as it is told.
pub(crate) struct Fetched<E> {
    pub(crate) raw: RawBlock,
    /// Why it has no events although their state is not said to be gone: another endpoint, or this one at another
    /// time, may tell them.
    pub(crate) withheld: Option<E>,
}

/// A block's body and events. An old state may be gone while the body is still there, or a node does not tell the
/// events for another reason: then there are none, and it is said why.
pub(crate) async fn block<A: Ask>(asked: &A, hash: BlockHash) -> Result<Option<Fetched<A::Error>>, A::Error> {
    const EVENTS: &str = "a block's events";
    let key = events_key();
    let (body, events) = join!(body(asked, hash), asked.ask(rpc::storage(&key, hash).about(EVENTS)));
    let Some(Body { header, extrinsics }) = body? else { return Ok(None) };
    let (events, withheld) = match events {
        Ok(events) => (Ok(events.map(|HexBytes(bytes)| bytes)), None),
        Err(gone) if A::is_gone(&gone) => (Err(gone.to_string()), None),
        Err(error) if A::is_withheld(&error) => (Err(error.to_string()), Some(error)),
        Err(error) => return Err(error),
    };
    let mut raw = RawBlock {
        block: BlockRef { number: header.number, hash },
        parent: header.parent_hash,
        extrinsics: extrinsics.into_iter().map(|HexBytes(bytes)| bytes).collect(),
        events,
    };
    let Some(problem) = raw.lacks_events() else { return Ok(Some(Fetched { raw, withheld })) };
    let denied = asked.nonsense(EVENTS, problem);
    raw.events = Err(denied.to_string());
    Ok(Some(Fetched { raw, withheld: Some(denied) }))
}
