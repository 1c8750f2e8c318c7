//! The noun `multisig`: accounts that several keys sign for together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, BlockHash, Tao, WalletName,
    chain::At,
    method::methods,
    proxy::AnyCall,
    signing::{Receipted, signing_params},
    wallet::Receipt,
};

/// Who signs together, and how many must.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressParams {
    /// All signatories, in any order.
    #[schemars(example = vec!["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"])]
    pub signatories: Vec<AccountId>,
    /// How many of them must agree.
    #[schemars(example = 2)]
    pub threshold: u16,
}

/// Reply of [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// The account.
    pub account: AccountId,
    /// The signatories, in the chain's order.
    pub signatories: Vec<AccountId>,
    /// How many of them must agree.
    pub threshold: u16,
}

signing_params! {
    /// Parameters of [`Propose`].
    ProposeParams {
        /// All signatories, the signing one among them.
        #[schemars(example = vec!["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"])]
        signatories: Vec<AccountId>,
        /// How many of them must agree. Where one is enough, the call is made at once.
        #[schemars(example = 2)]
        threshold: u16,
        /// The call: `{ "pallet", "call", "args" }`.
        call: AnyCall,
        /// The wallet whose coldkey signs.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Approve`].
    ApproveParams {
        /// All signatories, the signing one among them.
        #[schemars(example = vec!["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"])]
        signatories: Vec<AccountId>,
        /// How many of them must agree.
        #[schemars(example = 2)]
        threshold: u16,
        /// The call that was proposed: `{ "pallet", "call", "args" }`. Without it, the one that the extrinsic which proposed
        /// it carries, or that this daemon signed before. The last approval that is needed makes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<AnyCall>,
        /// Its BLAKE2b-256 hash. Without it and the call, the only one that is proposed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_hash: Option<BlockHash>,
        /// The wallet whose coldkey signs.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Cancel`].
    CancelParams {
        /// All signatories, the signing one among them.
        #[schemars(example = vec!["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"])]
        signatories: Vec<AccountId>,
        /// How many of them must agree.
        #[schemars(example = 2)]
        threshold: u16,
        /// The hash of the call that was proposed.
        call_hash: BlockHash,
        /// The wallet whose coldkey proposed it.
        #[serde(default)]
        wallet: WalletName,
    }
}

/// A call that waits for approvals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// The call's hash.
    pub call_hash: BlockHash,
    /// The block of the proposal.
    pub height: u32,
    /// The index in it of the extrinsic that proposed it.
    pub index: u32,
    /// Who proposed it.
    pub depositor: AccountId,
    /// What is held for it.
    pub deposit: Tao,
    /// Who has agreed.
    pub approvals: Vec<AccountId>,
}

/// Reply of [`List`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposals {
    /// The block at which it was read.
    pub at: At,
    /// The account.
    pub account: AccountId,
    /// What waits for approvals.
    pub proposals: Vec<Proposal>,
}

/// Reply of [`Propose`] and [`Approve`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proposed {
    /// The account on whose behalf.
    pub account: AccountId,
    /// The call's hash.
    pub call_hash: BlockHash,
    /// What was planned, and what became of it.
    #[serde(flatten)]
    pub receipt: Receipt,
}

impl Receipted for Proposed {
    fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

methods! {
    /// The account that signatories have together
    GetAddress = "multisig_address" (Read): AddressParams => Address;
    /// The calls of such an account that wait for approvals
    List = "multisig_list" (Read): AddressParams => Proposals;
    /// Proposes a call on behalf of such an account; makes it where one signatory is enough
    Propose = "multisig_propose" (Spend): ProposeParams => Proposed;
    /// Agrees to a proposed call, and makes it when enough have
    Approve = "multisig_approve" (Spend): ApproveParams => Proposed;
    /// Takes a proposal back
    Cancel = "multisig_cancel" (Spend): CancelParams => Receipt;
}
