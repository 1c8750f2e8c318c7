//! The noun `proxy`: accounts that may sign for others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, BlockHash, Coldkey, Tao, WalletName,
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
        call_hash: BlockHash,
        /// The wallet whose coldkey is the proxy.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Execute`].
    ExecuteParams {
        /// On whose behalf.
        real: Coldkey,
        /// The call that was announced: `{ "pallet", "call", "args" }`.
        call: AnyCall,
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
}

/// Reply of [`Create`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreatedProxy {
    /// The new keyless account; none before it stands in a finalized block.
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
    /// Who may sign for a coldkey
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
