//! What a wallet's keys are on the chain: identities, ownership, and the exchange of keys.

use std::num::NonZeroU16;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Coldkey, Hotkey, HotkeyName, HotkeyRef, NetUid, WalletName,
    chain::At,
    method::methods,
    signing::signing_params,
    stake::{ColdkeyParams, Hotkeys},
    wallet::Receipt,
};

/// How a coldkey describes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// Name, up to 256 bytes like the next two and `discord`.
    pub name: String,
    /// Web page.
    pub url: String,
    /// Source repository.
    pub github_repo: String,
    /// Picture, up to 1024 bytes like the last two.
    pub image: String,
    /// Discord.
    pub discord: String,
    /// Description.
    pub description: String,
    /// Anything else.
    pub additional: String,
}

/// What changes of how a coldkey describes itself: a field that is left out stays as it is, an empty one is cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityChange {
    /// Name, up to 256 bytes like the next two and `discord`.
    pub name: Option<String>,
    /// Web page.
    pub url: Option<String>,
    /// Source repository.
    pub github_repo: Option<String>,
    /// Picture, up to 1024 bytes like the last two.
    pub image: Option<String>,
    /// Discord.
    pub discord: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Anything else.
    pub additional: Option<String>,
}

signing_params! {
    /// Parameters of [`SetIdentity`].
    SetIdentityParams {
        /// What changes of how the coldkey describes itself; where nothing does, nothing is signed.
        #[schemars(example = serde_json::json!({ "name": "me" }))]
        identity: IdentityChange,
        /// The wallet whose coldkey it is.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`AssociateHotkey`].
    AssociateHotkeyParams {
        /// The hotkey, which nobody owns yet.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey becomes its owner.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`SwapHotkey`].
    SwapHotkeyParams {
        /// The hotkey that takes over.
        new_hotkey: HotkeyRef,
        /// The hotkey that is given up.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey owns it.
        #[serde(default)]
        wallet: WalletName,
        /// The one subnet on which it is exchanged; everywhere without it.
        #[serde(default)]
        netuid: Option<NetUid>,
        /// Whether stake stays behind the old hotkey, on runtimes that can do that. Without a netuid the old hotkey is
        /// nobody's afterwards, and none of that stake can leave until a coldkey claims it (`wallet_associateHotkey`).
        #[serde(default)]
        keep_stake: bool,
    }

    /// Parameters of [`SwapColdkeyAnnounce`] and [`SwapColdkeyExecute`].
    SwapColdkeyParams {
        /// The coldkey that takes over.
        new_coldkey: Coldkey,
        /// The wallet whose coldkey is given up.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`SwapColdkeyDispute`] and [`SwapColdkeyClear`].
    SwapColdkeyEndParams {
        /// The wallet whose coldkey has announced its exchange.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Faucet`].
    FaucetParams {
        /// The wallet whose coldkey is given to.
        #[serde(default)]
        wallet: WalletName,
        /// On how many of the daemon's processors the work is done; all without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        processors: Option<NonZeroU16>,
    }
}

/// Reply of [`GetIdentity`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityReply {
    /// The block at which it was read.
    pub at: At,
    /// Whose.
    pub coldkey: Coldkey,
    /// How it describes itself, if it does.
    pub identity: Option<Identity>,
}

/// An announced exchange of a coldkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Announcement {
    /// The block from which on it can be executed.
    pub executable_from: u64,
    /// BLAKE2b-256 of the new coldkey.
    pub new_coldkey_hash: String,
    /// Whether somebody disputed it: the account is frozen then.
    pub disputed: bool,
}

/// Reply of [`SwapColdkeyCheck`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnnouncementReply {
    /// The block at which it was read.
    pub at: At,
    /// Whose.
    pub coldkey: Coldkey,
    /// What is announced; none when nothing is.
    pub announcement: Option<Announcement>,
}

/// Parameters of [`Overview`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OverviewParams {
    /// One wallet; all of this host without it.
    pub wallet: Option<WalletName>,
    /// These subnets; all without any.
    pub netuids: Vec<NetUid>,
    /// These hotkeys of the wallets, by their names or addresses; all without it.
    pub hotkeys: Option<Hotkeys>,
}

/// A neuron of this host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnNeuron {
    /// The wallet.
    pub wallet: WalletName,
    /// The hotkey's name.
    pub hotkey_name: HotkeyName,
    /// The subnet.
    pub netuid: NetUid,
    /// The neuron.
    pub neuron: crate::subnets::Neuron,
    /// Blocks since it last set weights or was registered.
    pub updated: u64,
}

/// A hotkey of this host that is registered nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdleHotkey {
    /// The wallet.
    pub wallet: WalletName,
    /// The hotkey's name.
    pub hotkey_name: HotkeyName,
    /// The hotkey.
    pub hotkey: Hotkey,
}

/// Reply of [`Overview`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverviewReply {
    /// The block at which the newest of it was read.
    pub at: At,
    /// The neurons, by subnet and slot.
    pub neurons: Vec<OwnNeuron>,
    /// Hotkeys without a place anywhere.
    pub idle: Vec<IdleHotkey>,
}

methods! {
    /// The neurons of this host's wallets
    Overview = "wallet_overview" (Read): OverviewParams => OverviewReply;
    /// Changes how a coldkey describes itself: a field that is left out stays as it is
    SetIdentity = "wallet_setIdentity" (Spend): SetIdentityParams => Receipt;
    /// How a coldkey describes itself
    GetIdentity = "wallet_getIdentity" (Read): ColdkeyParams => IdentityReply;
    /// Makes a coldkey the owner of a hotkey that nobody owns
    AssociateHotkey = "wallet_associateHotkey" (Spend): AssociateHotkeyParams => Receipt;
    /// Exchanges a hotkey for another, on one subnet or everywhere
    SwapHotkey = "wallet_swapHotkey" (Spend): SwapHotkeyParams => Receipt;
    /// Announces that another coldkey will take over everything
    SwapColdkeyAnnounce = "wallet_swapColdkeyAnnounce" (Spend): SwapColdkeyParams => Receipt;
    /// Lets the announced coldkey take over everything
    SwapColdkeyExecute = "wallet_swapColdkeyExecute" (Spend): SwapColdkeyParams => Receipt;
    /// Freezes an account whose exchange somebody else has announced
    SwapColdkeyDispute = "wallet_swapColdkeyDispute" (Spend): SwapColdkeyEndParams => Receipt;
    /// Takes an announced exchange back
    SwapColdkeyClear = "wallet_swapColdkeyClear" (Spend): SwapColdkeyEndParams => Receipt;
    /// What is announced for a coldkey
    SwapColdkeyCheck = "wallet_swapColdkeyCheck" (Read): ColdkeyParams => AnnouncementReply;
    /// Asks a development chain for tao, for a proof of work, on runtimes that give it
    Faucet = "wallet_faucet" (Spend): FaucetParams => Receipt;
}
