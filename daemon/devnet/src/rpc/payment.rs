//! `payment_*`: what an extrinsic would cost.

use btd_devnet_runtime::Balance;
use codec::{Decode, Encode};
use jsonrpsee::types::ErrorObjectOwned;
use pallet_transaction_payment::{FeeDetails, RuntimeDispatchInfo};
use serde_json::json;
use sp_core::{Bytes, H256};

use super::{Answer, Arguments, Method, error};
use crate::{node::Node, pool::Extrinsic};

pub(super) const METHODS: &[Method] = &[
    Method { name: "payment_queryInfo", aliases: &[], run: query_info },
    Method { name: "payment_queryFeeDetails", aliases: &[], run: query_fee_details },
];

fn query_info(node: &Node, arguments: &mut Arguments) -> Answer {
    let info: RuntimeDispatchInfo<Balance> =
        query(node, arguments, "TransactionPaymentApi_query_info", "Unable to query dispatch info.")?;
    Ok(json!(info))
}

fn query_fee_details(node: &Node, arguments: &mut Arguments) -> Answer {
    let details: FeeDetails<Balance> =
        query(node, arguments, "TransactionPaymentApi_query_fee_details", "Unable to query fee details.")?;
    Ok(json!(details))
}

fn query<T: Decode>(
    node: &Node,
    arguments: &mut Arguments,
    method: &'static str,
    attempt: &str,
) -> Result<T, ErrorObjectOwned> {
    let extrinsic: Bytes = arguments.required("encoded_xt")?;
    let at: Option<H256> = arguments.optional("at")?;
    let length = u32::try_from(extrinsic.len()).map_err(error::invalid_params)?;
    let extrinsic = Extrinsic::decode(extrinsic.0).map_err(|error| error::malformed(attempt, error))?;
    let mut encoded = extrinsic.bytes;
    length.encode_to(&mut encoded);
    node.chain.ask(at, method, &encoded).map_err(|error| error::runtime(attempt, error))
}
