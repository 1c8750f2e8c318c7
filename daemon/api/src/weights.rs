//! The noun `weights`: what a validator thinks of a subnet's neurons.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    BlockHash, Hotkey, HotkeyName, HotkeyRef, MechId, NetUid, Ratio, Uid, WalletName,
    chain::At,
    method::methods,
    signing::{Receipted, signing_params},
    wallet::Receipt,
};

/// One weight as it is sent: the chain counts in parts of 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// The neuron.
    pub uid: Uid,
    /// Its weight; the largest is scaled to 65535 by the chain.
    pub weight: u16,
}

signing_params! {
    /// Parameters of [`Set`].
    SetParams {
        /// The subnet.
        netuid: NetUid,
        /// The weights.
        weights: Vec<Weight>,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
        /// The validator's hotkey, which signs.
        #[serde(default)]
        hotkey: HotkeyName,
        /// The mechanism.
        #[serde(default)]
        mechid: MechId,
        /// The version key that the subnet asks for.
        #[serde(default)]
        version_key: u64,
    }

    /// Parameters of [`Commit`].
    CommitParams {
        /// The subnet.
        netuid: NetUid,
        /// The weights.
        weights: Vec<Weight>,
        /// Numbers that hide them until the reveal: keep them. Without any, btd draws and tells them, the
        /// same ones for a repetition under the same `idempotency_key`.
        #[serde(default)]
        salt: Option<Vec<u16>>,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
        /// The validator's hotkey, which signs.
        #[serde(default)]
        hotkey: HotkeyName,
        /// The mechanism.
        #[serde(default)]
        mechid: MechId,
        /// The version key that the subnet asks for.
        #[serde(default)]
        version_key: u64,
    }

    /// Parameters of [`Reveal`].
    RevealParams {
        /// The subnet.
        netuid: NetUid,
        /// The weights, as they were committed.
        weights: Vec<Weight>,
        /// The salt that they were committed with.
        salt: Vec<u16>,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
        /// The validator's hotkey, which signs.
        #[serde(default)]
        hotkey: HotkeyName,
        /// The mechanism.
        #[serde(default)]
        mechid: MechId,
        /// The version key that they were committed with.
        #[serde(default)]
        version_key: u64,
    }
}

/// Reply of [`Commit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Committed {
    /// The hash that was committed.
    pub commit_hash: BlockHash,
    /// What the reveal needs beside the weights.
    pub salt: Vec<u16>,
    /// What was planned, and what became of it.
    #[serde(flatten)]
    pub receipt: Receipt,
}

impl Receipted for Committed {
    fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

/// Parameters of [`Show`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The validator.
    #[serde(default)]
    pub hotkey: HotkeyRef,
    /// The wallet, where the hotkey is named.
    #[serde(default)]
    pub wallet: WalletName,
    /// The mechanism.
    #[serde(default)]
    pub mechid: MechId,
}

/// A weight that stands on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandingWeight {
    /// The neuron.
    pub uid: Uid,
    /// Its weight, as the chain has it.
    pub weight: u16,
    /// Its share of all that the validator gives.
    pub share: Ratio,
}

/// A commit that has not been revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PendingCommit {
    /// Its hash.
    pub hash: BlockHash,
    /// The block of the commit.
    pub block: u64,
}

/// Reply of [`Show`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The block at which it was read.
    pub at: At,
    /// The subnet.
    pub netuid: NetUid,
    /// The validator.
    pub hotkey: Hotkey,
    /// Its slot.
    pub uid: Uid,
    /// Whether weights are committed first on this subnet.
    pub commit_reveal: bool,
    /// The block of its last weights, or commit.
    pub last_update: u64,
    /// The first block at which it may set weights again.
    pub next_allowed: u64,
    /// The weights, by uid.
    pub weights: Vec<StandingWeight>,
    /// Its commits that wait for their reveal.
    pub commits: Vec<PendingCommit>,
}

methods! {
    /// Sets a validator's weights at once
    Set = "weights_set" (Operate): SetParams => Receipt;
    /// Commits a validator's weights without telling them
    Commit = "weights_commit" (Operate): CommitParams => Committed;
    /// Reveals weights that were committed
    Reveal = "weights_reveal" (Operate): RevealParams => Receipt;
    /// The weights of a validator as they stand, and what waits for its reveal
    Show = "weights_show" (Read): ShowParams => Standing;
}
