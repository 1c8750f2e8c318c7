//! What happened to an account, from the ledger of the blocks that this btd followed.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    AccountId, Alpha, BlockHash, BlockNumber, Coldkey, Hotkey, NetUid, Tao, WalletName,
    chain::{At, Event},
    ids::as_text,
    method::methods,
};

/// A place in the ledger from which it is read on, towards the past: an event of a block. What it names is not read
/// again. Written `9-2`, as cursors of events are, or `9` for all that was before block 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The block.
    pub block: BlockNumber,
    /// The event's place in the block.
    pub index: u32,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.block, self.index)
    }
}

/// Not a place in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place in the ledger: write a block, or a block and an event such as `9-2`")]
pub struct ParseCursorError(String);

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (block, index) = text.split_once('-').unwrap_or((text, "0"));
        match (block.parse(), index.parse()) {
            (Ok(block), Ok(index)) => Ok(Self { block, index }),
            _ => Err(ParseCursorError(text.to_owned())),
        }
    }
}

as_text!(
    Cursor,
    json_schema!({
        "type": "string",
        "pattern": "^[0-9]+(-[0-9]+)?$",
        "description": "a block, or a block and the place of an event in it",
        "examples": ["9", "9-2"]
    })
);

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
    /// Those before this place only: to read on.
    pub before: Option<Cursor>,
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
    /// Tao was set aside: it is the account's still, and not free.
    Reserved {
        /// How much.
        amount: Tao,
    },
    /// Tao that was set aside is free again.
    Unreserved {
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
    /// Stake came that nobody sold or bought for it: from another hotkey, or from another coldkey.
    StakeArrived {
        /// Behind whom.
        hotkey: Hotkey,
        /// The subnet.
        netuid: NetUid,
        /// How much.
        alpha: Alpha,
    },
    /// Stake went and brought nothing: to another hotkey or coldkey, or for a fee.
    StakeLeft {
        /// From behind whom.
        hotkey: Hotkey,
        /// The subnet.
        netuid: NetUid,
        /// How much.
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

/// Why nothing is known of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// This btd did not run, and was too far behind when it did again.
    NotFollowed,
    /// The account was not one of this host's then.
    NotWatched,
    /// No node would give it.
    Unreadable,
    /// It could not be decoded whole.
    Illegible,
}

/// Blocks of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hole {
    /// The first.
    pub first: BlockNumber,
    /// The last.
    pub last: BlockNumber,
    /// Why.
    pub why: Why,
}

/// Reply of [`History`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReply {
    /// The newest block that btd knew when it was asked, and whether there may be newer ones by now; none while it has
    /// not reached the chain since it was started. What of it was looked through, `covered` tells.
    #[serde(default)]
    pub at: Option<At>,
    /// Whose it is.
    pub account: AccountId,
    /// What happened, the newest first.
    pub entries: Vec<HistoryEntry>,
    /// Where to read on: there is more. Goes into `before`.
    pub next: Option<Cursor>,
    /// The blocks that were looked through for this account, oldest first; its history is known from the first of
    /// them on. None where it is no account of this host.
    pub covered: Vec<Coverage>,
    /// What lies between them, and why nothing is known of it.
    pub holes: Vec<Hole>,
    /// What happened before this block was once known, and is cut away as too old or too much.
    pub cut: Option<BlockNumber>,
}

methods! {
    /// What happened to an account of this host, from the blocks that this btd followed
    History = "wallet_history" (Read): HistoryParams => HistoryReply;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_block_or_an_event_of_one() {
        let cursor = |block, index| Cursor { block: BlockNumber(block), index };
        assert_eq!("9".parse(), Ok(cursor(9, 0)));
        assert_eq!("9-2".parse(), Ok(cursor(9, 2)));
        assert_eq!(serde_json::to_string(&cursor(9, 2)).unwrap(), "\"9-2\"");
        for bad in ["", "-", "9-", "-2", "a", "9-2-1", "9:2", "-1", "4294967296"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
