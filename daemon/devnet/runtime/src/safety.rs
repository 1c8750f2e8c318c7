//! Which calls the chain makes at all: no batches straight inside batches, and in safe mode few.
//!
//! Root enters safe mode and leaves it. What stands in the way of single accounts is in [`crate::guards`].

use frame_support::{
    parameter_types,
    traits::{ConstU32, Contains},
};
use frame_system::{EnsureRoot, EnsureRootWithSuccess};

use crate::{
    AccountId, Balance, Balances, BlockNumber, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason, commitments,
    subtensor, utility,
};

/// Refuses batches that directly contain a batch; such an inner call fails with `System.CallFiltered`.
pub struct NoNestedBatches;

impl NoNestedBatches {
    fn is_batch(call: &RuntimeCall) -> bool {
        matches!(
            call,
            RuntimeCall::Utility(
                utility::Call::batch { .. } | utility::Call::batch_all { .. } | utility::Call::force_batch { .. }
            )
        )
    }
}

impl Contains<RuntimeCall> for NoNestedBatches {
    fn contains(call: &RuntimeCall) -> bool {
        match call {
            RuntimeCall::Utility(
                utility::Call::batch { calls }
                | utility::Call::batch_all { calls }
                | utility::Call::force_batch { calls },
            ) => !calls.iter().any(Self::is_batch),
            _ => true,
        }
    }
}

/// Calls that are made in safe mode too; those of the pallet itself are in any case.
pub struct Essential;

impl Contains<RuntimeCall> for Essential {
    fn contains(call: &RuntimeCall) -> bool {
        matches!(
            call,
            RuntimeCall::Sudo(_)
                | RuntimeCall::Multisig(_)
                | RuntimeCall::System(_)
                | RuntimeCall::Timestamp(_)
                | RuntimeCall::SubtensorModule(
                    subtensor::Call::set_weights { .. } | subtensor::Call::serve_axon { .. }
                )
                | RuntimeCall::Commitments(commitments::Call::set_commitment { .. })
        )
    }
}

parameter_types! {
    /// Blocks of safe mode that root orders: a day.
    pub const Entered: BlockNumber = 7_200;
    /// Blocks that it adds.
    pub const Extended: BlockNumber = 3_600;
    /// Nobody enters it, prolongs it or takes a deposit back for money.
    pub const NotForMoney: Option<Balance> = None;
    pub const Never: Option<BlockNumber> = None;
}

impl pallet_safe_mode::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WhitelistedCalls = Essential;
    type EnterDuration = ConstU32<0>;
    type ExtendDuration = ConstU32<0>;
    type EnterDepositAmount = NotForMoney;
    type ExtendDepositAmount = NotForMoney;
    type ForceEnterOrigin = EnsureRootWithSuccess<AccountId, Entered>;
    type ForceExtendOrigin = EnsureRootWithSuccess<AccountId, Extended>;
    type ForceExitOrigin = EnsureRoot<AccountId>;
    type ForceDepositOrigin = EnsureRoot<AccountId>;
    type Notify = ();
    type ReleaseDelay = Never;
    type WeightInfo = pallet_safe_mode::weights::SubstrateWeight<Runtime>;
}
