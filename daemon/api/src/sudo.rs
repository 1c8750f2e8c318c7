//! The noun `sudo`: what the owner of a subnet, and root, set.

pub mod hyperparameters;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    HotkeyRef, NetUid, Tao, WalletName, chain::At, method::methods, signing::signing_params, stake::Protection,
    subnets::SubnetParams, wallet::Receipt,
};

/// In whose name a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// The signer's own: the owner of the subnet.
    #[default]
    Owner,
    /// Root's: the signer holds the chain's sudo key.
    Root,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Notation {
    /// As a person writes it where it has a point, a `%` or a `τ`, else as the chain does. What the chain keeps as a
    /// number with a fixed point (`burn_increase_mult`) is as a person writes it, with a point or without. Of what only the
    /// runtime's metadata describes, a whole number with a point (`1.0`) is refused where it could be a count or a share.
    #[default]
    Either,
    /// As the chain does: `32767`.
    Raw,
    /// As a person does: `0.5`, `τ0.7`.
    Human,
}

signing_params! {
    /// Parameters of [`Set`].
    SetParams {
        /// The subnet.
        netuid: NetUid,
        /// The hyperparameter, by name; one that btd does not know is NAME of a call `sudo_set_NAME` of the runtime.
        #[schemars(example = &"tempo")]
        name: String,
        /// Its value: a number, a share (`0.5`), tao (`τ0.7`), a flag, a word, an address; two with a comma.
        #[schemars(example = &"360")]
        value: String,
        /// The wallet whose coldkey signs.
        #[serde(default)]
        wallet: WalletName,
        /// In whose name.
        #[serde(default)]
        authority: Authority,
        /// How the value is written.
        #[serde(default)]
        notation: Notation,
    }

    /// Parameters of [`Trim`].
    TrimParams {
        /// The subnet.
        netuid: NetUid,
        /// How many neurons stay.
        max: u16,
        /// The wallet whose coldkey owns the subnet.
        #[serde(default)]
        wallet: WalletName,
        /// In whose name.
        #[serde(default)]
        authority: Authority,
    }

    /// Parameters of [`TriggerEpoch`].
    TriggerEpochParams {
        /// The subnet.
        netuid: NetUid,
        /// The wallet whose coldkey owns the subnet.
        #[serde(default)]
        wallet: WalletName,
    }
}

signing_params! {
    /// Parameters of [`StakeBurn`].
    StakeBurnParams {
        /// How much tao is spent.
        amount: Tao,
        /// The subnet whose alpha is bought and destroyed.
        netuid: NetUid,
        /// Behind whom it stands for a moment, by the chain's bookkeeping.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey pays.
        #[serde(default)]
        wallet: WalletName,
        /// What bounds the price.
        #[serde(default)]
        protection: Protection,
    }
}

/// A hyperparameter with what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// Its name.
    pub name: String,
    /// Its value as the chain has it; large integers as decimal text.
    pub value: serde_json::Value,
    /// The same as a person reads it, where that differs.
    pub human: Option<String>,
    /// Whether the subnet's owner may set it; none where btd does not know the parameter, or what this runtime says to it.
    pub owner_settable: Option<bool>,
    /// Why the subnet's owner cannot set it; none where the owner can, or btd does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What it does and its bounds; empty where btd does not know the parameter.
    pub about: String,
}

/// Reply of [`Get`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedReply {
    /// The block at which it was read.
    pub at: At,
    /// The subnet.
    pub netuid: NetUid,
    /// Its hyperparameters, in the chain's order.
    pub hyperparameters: Vec<Explained>,
}

methods! {
    /// The hyperparameters of a subnet with units, meaning and who may set them
    Get = "sudo_get" (Read): SubnetParams => ExplainedReply;
    /// Sets a hyperparameter of a subnet
    Set = "sudo_set" (Spend): SetParams => Receipt;
    /// Removes the neurons of a subnet that earn least, down to a number
    Trim = "sudo_trim" (Spend): TrimParams => Receipt;
    /// Lets a subnet's next epoch begin ahead of time
    TriggerEpoch = "sudo_triggerEpoch" (Spend): TriggerEpochParams => Receipt;
    /// Buys a subnet's alpha and destroys it
    StakeBurn = "sudo_stakeBurn" (Spend): StakeBurnParams => Receipt;
}
