//! Headers as nodes send them, and the hashes that follow from them.

use btd_api::{BlockHash, BlockNumber};
use codec::{Compact, Encode};
use serde::Deserialize;
use serde_json::Value as Json;
use sp_core::Blake2Hasher;
use sp_trie::{LayoutV0, LayoutV1, TrieConfiguration};
use subxt::config::{Hasher, substrate::BlakeTwo256};

use super::HexBytes;

/// A block that is announced: no more than what is to be asked for next.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Announced {
    #[serde(deserialize_with = "block_number")]
    pub(crate) number: BlockNumber,
}

/// A header, from which its block's hash follows.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    pub(crate) parent_hash: BlockHash,
    #[serde(deserialize_with = "block_number")]
    pub(crate) number: BlockNumber,
    state_root: BlockHash,
    extrinsics_root: BlockHash,
    digest: Digest,
}

#[derive(Debug, Clone, Deserialize)]
struct Digest {
    /// Encoded already, and taken as they are: which kinds there are is the chain's business.
    logs: Vec<HexBytes>,
}

/// A number that nodes write as `0x` hex.
fn block_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BlockNumber, D::Error> {
    use serde::de::Error;
    match Json::deserialize(deserializer)? {
        Json::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Json::String(text) => u32::from_str_radix(text.trim_start_matches("0x"), 16).ok(),
        _ => None,
    }
    .map(BlockNumber)
    .ok_or_else(|| D::Error::custom("not a block number"))
}

// === impl Header ===

impl Header {
    /// The hash of its block: the BLAKE2b-256 of its bytes (`sp_runtime::generic::Header`).
    pub(crate) fn hash(&self) -> BlockHash {
        let mut bytes = self.parent_hash.0.to_vec();
        Compact(self.number.0).encode_to(&mut bytes);
        bytes.extend_from_slice(&self.state_root.0);
        bytes.extend_from_slice(&self.extrinsics_root.0);
        Compact(u32::try_from(self.digest.logs.len()).unwrap_or(u32::MAX)).encode_to(&mut bytes);
        self.digest.logs.iter().for_each(|HexBytes(log)| bytes.extend_from_slice(log));
        BlockHash(BlakeTwo256.hash(&bytes).0)
    }

    /// Whether these are the extrinsics of its block: all of them, and in their order. Which of two forms the root has
    /// follows from the runtime's `system_version`, and no other extrinsics have the one root or the other.
    pub(crate) fn is_of(&self, extrinsics: &[HexBytes]) -> bool {
        let bytes = || extrinsics.iter().map(|HexBytes(bytes)| bytes);
        let root = self.extrinsics_root.0;
        LayoutV0::<Blake2Hasher>::ordered_trie_root(bytes()).0 == root
            || LayoutV1::<Blake2Hasher>::ordered_trie_root(bytes()).0 == root
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOTHING: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

    fn hash_of(header: Json) -> String {
        serde_json::from_value::<Header>(header).unwrap().hash().to_string()
    }

    /// The first blocks of Polkadot and Kusama, by which those chains are known.
    #[test]
    fn first_blocks_hash_as_their_chains_are_called() {
        for (state_root, hash) in [
            (
                "0x29d0d972cd27cbc511e9589fcb7a4506d5eb6a9e8df205f00472e5ab354a4e17",
                "0x91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3",
            ),
            (
                "0xb0006203c3a6e6bd2c6a17b1d4ae8ca49a31da0f4579da950b127774b44aef6b",
                "0xb0a8d493285c2df73290dfb7e61f870f17b41801197a149ca93654499ea3dafe",
            ),
        ] {
            let header = json!({
                "parentHash": NOTHING, "number": "0x0", "stateRoot": state_root,
                "extrinsicsRoot": "0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314",
                "digest": { "logs": [] },
            });
            assert_eq!(hash_of(header), hash);
        }
    }

    /// As `sp_runtime` makes them, in the form that runtimes of old take and in the one after.
    #[test]
    fn the_extrinsics_of_a_block_are_all_of_them_in_their_order() {
        use sp_runtime::{
            StateVersion,
            traits::{BlakeTwo256 as RealHasher, Hash as _},
        };
        let extrinsics: Vec<HexBytes> = (0..=300_usize).map(|n| HexBytes(vec![n.to_le_bytes()[0]; n % 90])).collect();
        for version in [StateVersion::V0, StateVersion::V1] {
            for count in [0, 1, 2, 63, 64, 65, 300] {
                let all = &extrinsics[..count];
                let root = RealHasher::ordered_trie_root(all.iter().map(|HexBytes(it)| it.clone()).collect(), version);
                let header: Header = serde_json::from_value(json!({
                    "parentHash": NOTHING, "number": "0x1", "stateRoot": NOTHING, "extrinsicsRoot": BlockHash(root.0),
                    "digest": { "logs": [] },
                }))
                .unwrap();
                assert!(header.is_of(all), "{count} {version:?}");
                let mut others = vec![extrinsics[..=count].to_vec()];
                if count > 0 {
                    others.push(all[1..].to_vec());
                    others.push(all[..count - 1].to_vec());
                }
                if count > 1 {
                    let mut swapped = all.to_vec();
                    swapped.swap(0, 1);
                    others.push(swapped);
                }
                for (number, other) in others.into_iter().enumerate() {
                    assert!(!header.is_of(&other), "{count} {version:?}: {number}");
                }
            }
        }
    }

    /// As `sp_runtime` hashes them: every length of a number, and logs of kinds that nobody knows.
    #[test]
    fn headers_hash_as_the_runtime_hashes_them() {
        use sp_runtime::{
            Digest as Logs, DigestItem,
            generic::Header as Real,
            traits::{BlakeTwo256 as RealHasher, Header as _},
        };
        let logs = [
            DigestItem::PreRuntime(*b"aura", vec![1, 2, 3, 4, 5, 6, 7, 8]),
            DigestItem::Consensus(*b"fron", vec![7; 300]),
            DigestItem::Other(b"whatever it is".to_vec()),
            DigestItem::RuntimeEnvironmentUpdated,
            DigestItem::Seal(*b"aura", vec![9; 64]),
        ];
        for number in [0, 1, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, u32::MAX] {
            for count in 0..=logs.len() {
                let logs = Logs { logs: logs[..count].to_vec() };
                let root = |byte: u8| [byte; 32].into();
                let real = Real::<u32, RealHasher>::new(number, root(1), root(2), root(3), logs);
                let sent = serde_json::to_value(&real).unwrap();
                let read: Header = serde_json::from_value(sent).unwrap();
                assert_eq!((read.number.0, read.hash().0), (number, real.hash().0));
            }
        }
    }
}
