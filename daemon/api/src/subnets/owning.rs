//! Subnets, from their owners' side: creating, starting and describing one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SubnetParams;
use crate::{
    HotkeyName, NetUid, Ratio, Tao, WalletName,
    chain::At,
    method::methods,
    signing::{Receipted, signing_params},
    wallet::Receipt,
};

/// How a subnet describes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SubnetIdentity {
    /// Name, up to 256 bytes.
    pub subnet_name: String,
    /// Source repository.
    pub github_repo: String,
    /// Contact.
    pub subnet_contact: String,
    /// Web page.
    pub subnet_url: String,
    /// Discord, up to 256 bytes.
    pub discord: String,
    /// Description; like all others up to 1024 bytes.
    pub description: String,
    /// Logo.
    pub logo_url: String,
    /// Anything else.
    pub additional: String,
}

/// What changes of how a subnet describes itself: a field that is left out stays as it is, an empty one is cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SubnetIdentityChange {
    /// Name, up to 256 bytes.
    pub subnet_name: Option<String>,
    /// Source repository.
    pub github_repo: Option<String>,
    /// Contact.
    pub subnet_contact: Option<String>,
    /// Web page.
    pub subnet_url: Option<String>,
    /// Discord, up to 256 bytes.
    pub discord: Option<String>,
    /// Description; like all others up to 1024 bytes.
    pub description: Option<String>,
    /// Logo.
    pub logo_url: Option<String>,
    /// Anything else.
    pub additional: Option<String>,
}

signing_params! {
    /// Parameters of [`Create`].
    CreateParams {
        /// The wallet whose coldkey pays and owns the subnet.
        #[serde(default)]
        wallet: WalletName,
        /// The hotkey that becomes its first neuron.
        #[serde(default)]
        hotkey: HotkeyName,
        /// How it describes itself; it can be said later.
        #[serde(default)]
        identity: Option<SubnetIdentity>,
        /// The most that it may cost; without it, whatever it costs at inclusion.
        #[serde(default)]
        max_cost: Option<Tao>,
    }

    /// Parameters of [`Start`].
    StartParams {
        /// The subnet.
        netuid: NetUid,
        /// The wallet whose coldkey owns it.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`SetIdentity`].
    SetIdentityParams {
        /// The subnet.
        netuid: NetUid,
        /// What changes of how it describes itself; where nothing does, nothing is signed.
        #[schemars(example = serde_json::json!({ "subnet_name": "one" }))]
        identity: SubnetIdentityChange,
        /// The wallet whose coldkey owns it.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`SetSymbol`].
    SetSymbolParams {
        /// The subnet.
        netuid: NetUid,
        /// The symbol of its alpha: one of the chain's table that no other subnet has.
        #[schemars(example = &"ω")]
        symbol: String,
        /// The wallet whose coldkey owns it.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`MechanismsSet`].
    MechanismsSetParams {
        /// The subnet.
        netuid: NetUid,
        /// How many mechanisms it shall have.
        count: u8,
        /// The wallet whose coldkey owns it.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`MechanismsSplit`].
    MechanismsSplitParams {
        /// The subnet.
        netuid: NetUid,
        /// The share of each mechanism, which come to 1; none splits evenly.
        split: Vec<Ratio>,
        /// The wallet whose coldkey owns it.
        #[serde(default)]
        wallet: WalletName,
    }
}

/// Reply of [`Create`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreatedSubnet {
    /// The new subnet's number; none before it stands in a block. While that is not final, it may come to be another.
    pub netuid: Option<NetUid>,
    /// What was planned, and what became of it.
    #[serde(flatten)]
    pub receipt: Receipt,
}

impl Receipted for CreatedSubnet {
    fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

/// Reply of [`CheckStart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartState {
    /// The block at which it was read.
    pub at: At,
    /// The subnet.
    pub netuid: NetUid,
    /// The block since which it earns emission; none before it is started.
    pub started_at: Option<u64>,
    /// The block from which on its owner may start it.
    pub startable_from: u64,
}

/// Reply of [`GetIdentity`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityReply {
    /// The block at which it was read.
    pub at: At,
    /// The subnet.
    pub netuid: NetUid,
    /// How it describes itself, if it does.
    pub identity: Option<SubnetIdentity>,
}

/// Reply of [`Mechanisms`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MechanismsReply {
    /// The block at which it was read.
    pub at: At,
    /// The subnet.
    pub netuid: NetUid,
    /// How many mechanisms it has.
    pub count: u8,
    /// The share of the emission that each gets.
    pub shares: Vec<Ratio>,
}

methods! {
    /// Creates a subnet, with an identity if wanted
    Create = "subnets_create" (Spend): CreateParams => CreatedSubnet;
    /// Starts a subnet's emission and the trade of its alpha
    Start = "subnets_start" (Spend): StartParams => Receipt;
    /// Whether a subnet has been started, and when it can be
    CheckStart = "subnets_checkStart" (Read): SubnetParams => StartState;
    /// Changes how a subnet describes itself: a field that is left out stays as it is
    SetIdentity = "subnets_setIdentity" (Spend): SetIdentityParams => Receipt;
    /// How a subnet describes itself
    GetIdentity = "subnets_getIdentity" (Read): SubnetParams => IdentityReply;
    /// Sets the symbol of a subnet's alpha
    SetSymbol = "subnets_setSymbol" (Spend): SetSymbolParams => Receipt;
    /// The mechanisms of a subnet and how they share its emission
    Mechanisms = "subnets_mechanisms" (Read): SubnetParams => MechanismsReply;
    /// Sets how many mechanisms a subnet has
    MechanismsSet = "subnets_mechanismsSet" (Spend): MechanismsSetParams => Receipt;
    /// Sets how a subnet's mechanisms share its emission
    MechanismsSplit = "subnets_mechanismsSplit" (Spend): MechanismsSplitParams => Receipt;
}
