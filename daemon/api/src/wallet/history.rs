//! What happened to an account, from the ledger of the blocks that this btd followed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Alpha, BlockHash, BlockNumber, Coldkey, Hotkey, NetUid, Tao, WalletName, chain::Event, method::methods,
};

/// Parameters of [`History`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryParams {
    /// The wallet whose coldkey is meant; `default` without it and without an address.
    pub wallet: Option<WalletName>,
    /// An account of this host, coldkey or hotkey.
    pub address: Option<AccountId>,
    /// How many at most, the newest first; 50 without it, 1000 at most.
    pub limit: Option<u32>,
    /// Those before this block only: to read on.
    pub before: Option<BlockNumber>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Happening {
    /// Tao came in.
    Received {
        /// From whom.
        from: Coldkey,
        /// How much.
        amount: Tao,
    },
    /// Tao went out.
    Sent {
        /// To whom.
        to: Coldkey,
        /// How much.
        amount: Tao,
    },
    /// A fee was paid.
    Fee {
        /// How much, tip included.
        amount: Tao,
    },
    /// Alpha was bought and staked.
    StakeAdded {
        /// Behind whom.
        hotkey: Hotkey,
        /// The subnet.
        netuid: NetUid,
        /// What was paid.
        tao: Tao,
        /// What it brought.
        alpha: Alpha,
    },
    /// Stake was taken out and sold.
    StakeRemoved {
        /// From behind whom.
        hotkey: Hotkey,
        /// The subnet.
        netuid: NetUid,
        /// What it brought.
        tao: Tao,
        /// What was sold.
        alpha: Alpha,
    },
    /// A hotkey got a place.
    Registered {
        /// The hotkey.
        hotkey: Hotkey,
        /// The subnet.
        netuid: NetUid,
    },
    /// An extrinsic of the account failed.
    Failed,
    /// Anything else: the event says it.
    Event,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryEntry {
    /// The block.
    pub block: BlockNumber,
    /// The time that its author wrote into it, in milliseconds since 1970.
    pub time_ms: Option<u64>,
    /// The event's place in the block.
    pub index: u32,
    /// The extrinsic behind it.
    pub extrinsic: Option<BlockHash>,
    /// What it means.
    #[serde(flatten)]
    pub what: Happening,
    /// The event.
    pub event: Event,
}

/// Blocks that were looked through, all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// The first.
    pub first: BlockNumber,
    /// The last.
    pub last: BlockNumber,
}

/// Reply of [`History`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReply {
    /// Whose it is.
    pub account: AccountId,
    /// What happened, the newest first.
    pub entries: Vec<HistoryEntry>,
    /// The blocks that the ledger covers, oldest first; of what lies between it knows nothing.
    pub covered: Vec<Coverage>,
}

methods! {
    /// What happened to an account of this host, from the blocks that this btd followed
    History = "wallet_history" (Read): HistoryParams => HistoryReply;
}
