//! `author_*`: handing in extrinsics and looking at those that wait. Watching one is in [`super::subscriptions`].

use serde::Deserialize;
use serde_json::json;
use sp_core::{Bytes, H256};
use sp_runtime::traits::Hash;

use super::{Answer, Arguments, Method, error};
use crate::{chain::Hasher, node::Node};

pub(super) const METHODS: &[Method] = &[
    Method { name: "author_submitExtrinsic", aliases: &[], run: submit },
    Method {
        name: "author_pendingExtrinsics",
        aliases: &[],
        run: |node, _| {
            let ready = node.pool().ready();
            Ok(json!(ready.iter().map(|extrinsic| Bytes(extrinsic.bytes.clone())).collect::<Vec<_>>()))
        },
    },
    Method { name: "author_removeExtrinsic", aliases: &[], run: remove },
];

fn submit(node: &Node, arguments: &mut Arguments) -> Answer {
    let extrinsic: Bytes = arguments.required("extrinsic")?;
    node.submit(extrinsic.0, None).map(|hash| json!(hash)).map_err(error::submit)
}

/// An extrinsic, by itself or by its hash.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum ExtrinsicOrHash {
    Hash(H256),
    Extrinsic(Bytes),
}

fn remove(node: &Node, arguments: &mut Arguments) -> Answer {
    let which: Vec<ExtrinsicOrHash> = arguments.required("bytesOrHash")?;
    let mut removed = Vec::new();
    for which in which {
        let hash = match which {
            ExtrinsicOrHash::Hash(hash) => hash,
            ExtrinsicOrHash::Extrinsic(bytes) => Hasher::hash(&bytes),
        };
        removed.extend(node.pool().discard(&hash));
    }
    Ok(json!(removed))
}
