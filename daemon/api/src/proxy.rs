//! The noun `proxy`: accounts that may sign for others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, BlockHash, BlockNumber, Coldkey, Tao, WalletName,
    chain::At,
    method::methods,
    signing::{Receipted, signing_params},
    stake::ColdkeyParams,
    wallet::Receipt,
};

signing_params! {
    /// Parameters of [`Add`].
    AddParams {
        /// Who may sign.
        delegate: Coldkey,
        /// For what: a proxy type of the runtime, such as `Staking`.
        #[serde(default = "any")]
        proxy_type: String,
        /// Blocks between an announcement and the call.
        #[serde(default)]
        delay: u32,
        /// The wallet whose coldkey may be signed for.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Remove`].
    RemoveParams {
        /// Who may not sign any more.
        #[serde(default)]
        delegate: Option<Coldkey>,
        /// That nobody may, in place of a delegate.
        #[serde(default)]
        all: bool,
        /// For what it might.
        #[serde(default = "any")]
        proxy_type: String,
        /// The delay it was added with.
        #[serde(default)]
        delay: u32,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Create`].
    CreateParams {
        /// For what the wallet's coldkey may sign for the new account.
        #[serde(default = "any")]
        proxy_type: String,
        /// Blocks between an announcement and the call.
        #[serde(default)]
        delay: u32,
        /// Tells accounts of one block apart.
        #[serde(default)]
        index: u16,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Kill`]. Give the keyless account as `proxy`.
    KillParams {
        /// Who created it.
        spawner: Coldkey,
        /// The block of its creation.
        height: u32,
        /// The index in that block of the extrinsic that created it.
        ext_index: u32,
        /// The type it was created with.
        #[serde(default = "any")]
        proxy_type: String,
        /// The index it was created with.
        #[serde(default)]
        index: u16,
        /// The wallet whose coldkey signs as its proxy.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Announce`].
    AnnounceParams {
        /// On whose behalf.
        real: Coldkey,
        /// BLAKE2b-256 of the call's bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_hash: Option<BlockHash>,
        /// The call itself in place of its hash: this daemon remembers it, and can make it when its time has come.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<AnyCall>,
        /// The wallet whose coldkey is the proxy.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Execute`].
    ExecuteParams {
        /// On whose behalf.
        real: Coldkey,
        /// The call that was announced: `{ "pallet", "call", "args" }`. Without it and its bytes, one that this daemon
        /// announced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<AnyCall>,
        /// The same, as the runtime's bytes in hex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_hex: Option<String>,
        /// Its BLAKE2b-256 hash. Without it and the call, the only one that the delegate has announced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_hash: Option<BlockHash>,
        /// Who announced it; the signing coldkey without it.
        #[serde(default)]
        delegate: Option<Coldkey>,
        /// The wallet whose coldkey signs.
        #[serde(default)]
        wallet: WalletName,
    }
}

/// Any call of the runtime, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "pallet": "System", "call": "remark", "args": { "remark": "0x00" } }))]
pub struct AnyCall {
    /// The pallet, such as `Balances`.
    pub pallet: String,
    /// The call, such as `transfer_keep_alive`.
    pub call: String,
    /// The arguments by the runtime's names; large integers as decimal text.
    #[serde(default)]
    pub args: serde_json::Map<String, serde_json::Value>,
}

fn any() -> String {
    "Any".to_owned()
}

/// A right to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proxy {
    /// Who may sign.
    pub delegate: AccountId,
    /// For what.
    pub proxy_type: String,
    /// Blocks between an announcement and the call.
    pub delay: u32,
}

/// A call that waits until it can be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Announcement {
    /// On whose behalf.
    pub real: Coldkey,
    /// BLAKE2b-256 of the call's bytes.
    pub call_hash: BlockHash,
    /// The block of the announcement.
    pub announced_at: BlockNumber,
    /// The first block that can make it, or of a call that is not known the first that could by any kind of theirs;
    /// none where the announcer is no proxy of that account, or of no kind that allows the call.
    pub executable_from: Option<BlockNumber>,
    /// `Pallet.call`; none where this daemon did not announce it, or by its hash alone.
    pub call: Option<String>,
}

/// Reply of [`List`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proxies {
    /// The block at which it was read.
    pub at: At,
    /// Who may be signed for.
    pub coldkey: Coldkey,
    /// What is held for it.
    pub deposit: Tao,
    /// Who may sign.
    pub proxies: Vec<Proxy>,
    /// What this coldkey has announced on behalf of others, and neither made nor taken back.
    pub announced: Vec<Announcement>,
}

/// Reply of [`Create`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreatedProxy {
    /// The new keyless account; none before it stands in a block. While that is not final, it may come to be another.
    pub account: Option<AccountId>,
    /// What was planned, and what became of it.
    #[serde(flatten)]
    pub receipt: Receipt,
}

impl Receipted for CreatedProxy {
    fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

methods! {
    /// Who may sign for a coldkey, and what it has announced on behalf of others
    List = "proxy_list" (Read): ColdkeyParams => Proxies;
    /// Lets an account sign for a coldkey
    Add = "proxy_add" (Spend): AddParams => Receipt;
    /// Takes the right to sign for a coldkey away
    Remove = "proxy_remove" (Spend): RemoveParams => Receipt;
    /// Creates an account without a key, for which a coldkey signs
    Create = "proxy_create" (Spend): CreateParams => CreatedProxy;
    /// Gives an account without a key up, with all that it holds
    Kill = "proxy_kill" (Spend): KillParams => Receipt;
    /// Announces a call on another's behalf, which can be made after the proxy's delay
    Announce = "proxy_announce" (Spend): AnnounceParams => Receipt;
    /// Makes a call that was announced
    Execute = "proxy_execute" (Spend): ExecuteParams => Receipt;
}
