//! The noun `rpc`: the contract about itself.

use std::sync::Arc;

use btd_api::{
    ApiError, openrpc,
    rpc::{Discover, Nothing},
};

use super::{Caller, Table};

pub(super) fn register(table: &mut Table) {
    table.noun(&Arc::new(())).method::<Discover>(discover).done();
}

async fn discover(_: Arc<()>, _: Nothing, _: Caller) -> Result<serde_json::Value, ApiError> {
    Ok(openrpc::document())
}
