//! Locked stake: alpha that its coldkey promised to leave, and the conviction that it earns a hotkey.
//!
//! A coldkey has one lock on a subnet, behind one hotkey. It decays unless it is perpetual; nothing else lets it go. The
//! hotkey of most conviction can make its coldkey the owner of an old subnet. Semantics: pallet_subtensor, spec 425.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Alpha, AlphaAmount, BlockNumber, Coldkey, Hotkey, HotkeyRef, NetUid, WalletName, chain::At, method::methods,
    signing::signing_params, wallet::Receipt,
};

/// How a lock ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LockMode {
    /// What is locked shrinks, block by block, and may leave.
    Decaying,
    /// What is locked stays.
    Perpetual,
}

/// Whether others may give locked stake to a coldkey. One that has said nothing accepts none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncomingLocks {
    /// They may: what is locked stays locked.
    Accept,
    /// They may not.
    Reject,
}

signing_params! {
    /// Parameters of [`LockStake`].
    LockParams {
        /// How much alpha more, or `all` that is not locked.
        amount: AlphaAmount,
        /// The subnet.
        netuid: NetUid,
        /// For whose conviction; of an existing lock it is always the same.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// How the lock ages from now on; as it does without it, and a new one decays.
        #[serde(default)]
        mode: Option<LockMode>,
        /// The wallet whose coldkey holds the stake.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`SetLockMode`].
    LockModeParams {
        /// The subnet.
        netuid: NetUid,
        /// How its lock ages from now on.
        mode: LockMode,
        /// The wallet whose coldkey holds the lock.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`SetIncomingLocks`].
    IncomingLocksParams {
        /// Whether others may give it locked stake.
        incoming: IncomingLocks,
        /// The wallet whose coldkey it is.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`MoveLock`].
    MoveLockParams {
        /// The subnet.
        netuid: NetUid,
        /// For whose conviction it shall be, which begins anew.
        dest_hotkey: HotkeyRef,
        /// The wallet whose coldkey holds the lock.
        #[serde(default)]
        wallet: WalletName,
    }
}

/// Parameters of [`Locks`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LocksParams {
    /// The wallet; `default` without it and without an address.
    pub wallet: Option<WalletName>,
    /// Any coldkey.
    pub address: Option<Coldkey>,
    /// The subnet; all without it.
    pub netuid: Option<NetUid>,
}

/// A lock as it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lock {
    /// The subnet.
    pub netuid: NetUid,
    /// For whose conviction.
    pub hotkey: Hotkey,
    /// How it ages.
    pub mode: LockMode,
    /// How much is locked.
    pub locked: Alpha,
    /// The conviction that it has earned, which grows towards what is locked.
    pub conviction: Alpha,
    /// What the coldkey has staked on the subnet altogether.
    pub staked: Alpha,
    /// What of it may leave.
    pub free: Alpha,
}

/// Reply of [`Locks`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocksReply {
    /// The block at which it was read.
    pub at: At,
    /// Whose.
    pub coldkey: Coldkey,
    /// Blocks in which a decaying lock shrinks to 1/e of what it was.
    pub unlock_blocks: u64,
    /// Blocks in which conviction gains all but 1/e of what it lacks.
    pub maturity_blocks: u64,
    /// The locks, by subnet.
    pub locks: Vec<Lock>,
}

/// Parameters of [`Conviction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvictionParams {
    /// The subnet.
    pub netuid: NetUid,
    /// How many hotkeys at most; 25 without it.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A hotkey that locks favour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The hotkey.
    pub hotkey: Hotkey,
    /// Its coldkey; none where the chain does not know the hotkey.
    pub coldkey: Option<Coldkey>,
    /// What all locks for it have earned together.
    pub conviction: Alpha,
    /// Whether it is the hotkey of the subnet's owner, whose locks have full conviction at once.
    pub is_owner: bool,
}

/// Reply of [`Conviction`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConvictionReply {
    /// The block at which it was read.
    pub at: At,
    /// The subnet.
    pub netuid: NetUid,
    /// Those with most conviction first.
    pub candidates: Vec<Candidate>,
    /// The conviction of all, also of those that are not listed.
    pub total: Alpha,
    /// What it has to reach before the first can make its coldkey the owner: a tenth of the alpha outside the pool.
    pub needed: Alpha,
    /// The block in which the subnet was registered.
    pub registered_at: BlockNumber,
    /// The block from which on the subnet is old enough for that.
    pub open_from: BlockNumber,
}

methods! {
    /// Locks alpha behind a hotkey, for its conviction
    LockStake = "stake_lock" (Spend): LockParams => Receipt;
    /// Sets whether the lock on a subnet decays
    SetLockMode = "stake_setLockMode" (Spend): LockModeParams => Receipt;
    /// Lets the lock on a subnet be for another hotkey
    MoveLock = "stake_moveLock" (Spend): MoveLockParams => Receipt;
    /// Sets whether others may give locked stake to a coldkey
    SetIncomingLocks = "stake_setIncomingLocks" (Spend): IncomingLocksParams => Receipt;
    /// The locks of a coldkey
    Locks = "stake_locks" (Read): LocksParams => LocksReply;
    /// The hotkeys that locks on a subnet favour
    Conviction = "subnets_conviction" (Read): ConvictionParams => ConvictionReply;
}
