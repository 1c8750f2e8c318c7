//! What the runtime APIs answer: records under the names that clients know, and how they are filled from storage.
//!
//! The order of fields is the order on the wire.

mod delegate;
mod dynamic;
#[allow(clippy::cast_possible_truncation, reason = "so the derived codec numbers variants")]
mod hyperparameters;
mod metagraph;
mod neuron;
mod selective;
mod stake;
mod state;
mod subnet;
mod swap;

use codec::Compact;

pub use delegate::{DelegateInfo, Delegation, Holdings};
pub use dynamic::DynamicInfo;
pub use hyperparameters::{HyperparamEntry, HyperparamValue, SubnetHyperparams, SubnetHyperparamsV2};
pub use metagraph::Metagraph;
pub use neuron::{NeuronInfo, NeuronInfoLite};
pub use selective::SelectiveMetagraph;
pub use stake::{Place, StakeAvailability, StakeInfo};
pub use state::SubnetState;
pub use subnet::{SubnetInfo, SubnetInfov2};
pub use swap::{SimSwapResult, SubnetPrice};

fn compact<V>(values: impl IntoIterator<Item = V>) -> alloc::vec::Vec<Compact<V>> {
    values.into_iter().map(Compact).collect()
}
