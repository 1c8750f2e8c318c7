//! The noun `events`: what happens on the chain, event by event, from any point on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, BlockNumber, NetUid, Role, Subscription,
    chain::{BlockRef, Event, Link},
};

/// Parameters of [`SubscribeEvents`]. What is left out does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscribeEventsParams {
    /// Of this pallet.
    #[serde(default)]
    pub pallet: Option<String>,
    /// Of this name.
    #[serde(default)]
    pub event: Option<String>,
    /// About this subnet, as far as the event's fields say.
    #[serde(default)]
    pub netuid: Option<NetUid>,
    /// With this account among its fields, or caused by an extrinsic that the account signed.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// Where to go on: the cursor of the last item that was handled, or a block's number for that
    /// block and those behind it. Without it, the next block is the first.
    #[serde(default)]
    pub from_cursor: Option<String>,
}

/// What a subscriber to events receives. Each item's cursor names the place behind it on the
/// chain, and stays valid for as long as nodes keep the block, across restarts of everything. That of an event has the
/// beginning of the block's hash too, `12-3-a1b2c3d4`: whoever goes on with it where another block has taken that one's
/// place is told so (`replaced`), and all events of that. Of a cursor without it, `12-3`, the first three events are left
/// out whatever the block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum Happened {
    /// An event that was asked for.
    Event {
        /// Go on behind it with this.
        cursor: String,
        /// The block.
        block: BlockRef,
        /// Its place among the block's events.
        index: u32,
        /// The event.
        event: Event,
    },
    /// Blocks went by without such an event. Sent now and then, so that a cursor does not grow old.
    Passed {
        /// Go on with this.
        cursor: String,
        /// The last of them.
        block: BlockRef,
    },
    /// A block whose events could not all be read; what could is told.
    Illegible {
        /// Go on behind it with this.
        cursor: String,
        /// The block.
        block: BlockRef,
        /// Why, in words.
        trouble: String,
    },
    /// Blocks that were passed, from the cursor on, are not of the chain any more: a development chain was taken back, or
    /// what an endpoint had told of the chain was false; also while nobody was subscribed, where the block is that of the
    /// cursor which the subscription goes on from. The events in them did not happen; those of the blocks that take
    /// their place come next.
    Replaced {
        /// The block that comes next; it may be one that is the same as before.
        cursor: String,
        /// Why, in words.
        trouble: String,
    },
    /// Nothing comes, because the chain is out of reach, its blocks stopped arriving, or no endpoint answers what the next
    /// block is asked for (once for each outage), the cursor lies ahead of it, or its runtime has no such event (both at
    /// the beginning).
    Waiting {
        /// How the link stands.
        link: Link,
        /// Why, in words.
        trouble: String,
    },
    /// A block cannot be read, and the subscription ends; subscribe again from `cursor`, or behind it.
    Ended {
        /// Where it ended.
        cursor: String,
        /// Why, in words.
        trouble: String,
        /// The oldest block from which on all can be read, where the one at the cursor is kept by no endpoint any more
        /// and an archive is wanted: go on with its number.
        #[serde(default)]
        oldest: Option<BlockNumber>,
    },
}

/// The subscription to events.
#[derive(Debug)]
pub enum SubscribeEvents {}

impl Subscription for SubscribeEvents {
    const NAME: &'static str = "events_subscribe";
    const UNSUBSCRIBE: &'static str = "events_unsubscribe";
    const NOTIFICATION: &'static str = "events_happened";
    const SUMMARY: &'static str = "Events of finalized blocks, each once and in order, filtered, from any cursor on";
    const ROLE: Role = Role::Read;
    type Params = SubscribeEventsParams;
    type Item = Happened;
}
