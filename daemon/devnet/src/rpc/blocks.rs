//! `chain_*`: blocks, headers and hashes. Best and finalized are the same here, unless finality was made to stand still.

use std::sync::Arc;

use serde_json::{Value, json};
use sp_core::{Bytes, H256};

use super::{Answer, Arguments, Method, error};
use crate::{chain::Block, node::Node};

pub(super) const METHODS: &[Method] = &[
    Method { name: "chain_getBlockHash", aliases: &["chain_getHead"], run: block_hash },
    Method {
        name: "chain_getFinalizedHead",
        aliases: &["chain_getFinalisedHead"],
        run: |node, _| Ok(json!(node.finalized().hash)),
    },
    Method { name: "chain_getHeader", aliases: &[], run: header },
    Method { name: "chain_getBlock", aliases: &[], run: block },
    Method { name: "chainSpec_v1_genesisHash", aliases: &[], run: |node, _| Ok(json!(node.chain.genesis_hash())) },
];

/// A height, a list of them, or none for the head; `null` for a height not reached yet.
fn block_hash(node: &Node, arguments: &mut Arguments) -> Answer {
    Ok(match arguments.optional::<Value>("hash")? {
        None => json!(node.chain.head().hash),
        Some(Value::Array(numbers)) => {
            let hashes: Vec<Option<H256>> = numbers
                .iter()
                .map(|number| Ok(node.chain.hash(block_number(number)?)))
                .collect::<Result<_, jsonrpsee::types::ErrorObjectOwned>>()?;
            json!(hashes)
        }
        Some(number) => json!(node.chain.hash(block_number(&number)?)),
    })
}

/// A height as a number or as hexadecimal text.
fn block_number(value: &Value) -> Result<u32, jsonrpsee::types::ErrorObjectOwned> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text
            .strip_prefix("0x")
            .filter(|digits| digits.len() <= 16)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok()),
        _ => None,
    };
    let number = number.ok_or_else(|| error::invalid_params(format!("hash: not a block number: {value}")))?;
    u32::try_from(number).map_err(|_| error::chain(format!("`{number}` > u32::MAX, the max block number is u32.")))
}

fn find(node: &Node, arguments: &mut Arguments) -> Result<Option<Arc<Block>>, jsonrpsee::types::ErrorObjectOwned> {
    Ok(match arguments.optional::<H256>("hash")? {
        None => Some(node.chain.head()),
        Some(hash) => node.chain.block(&hash),
    })
}

fn header(node: &Node, arguments: &mut Arguments) -> Answer {
    Ok(json!(find(node, arguments)?.map(|block| block.header.clone())))
}

fn block(node: &Node, arguments: &mut Arguments) -> Answer {
    Ok(json!(find(node, arguments)?.map(|block| {
        let extrinsics: Vec<Bytes> = block.extrinsics.iter().cloned().map(Bytes).collect();
        json!({ "block": { "header": block.header, "extrinsics": extrinsics }, "justifications": null })
    })))
}
