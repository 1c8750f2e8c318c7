//! What every method that signs an extrinsic shares: the parameters that say how it is to be done.
//!
//! [`signing_params!`](crate::signing) adds them to a method's own parameters, at the end, and
//! implements [`Signing`]; a client writes its own parameters with [`unsent!`](crate::unsent).
//! What is signed is the business of each noun.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BlockHash, Coldkey, IdempotencyKey, NetUid, Tao, wallet::Wait};

/// Which orders of one account come first. It has one sequence of nonces: a lane decides who gets
/// the next one, and nothing overtakes what has one already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Before all others.
    Urgent,
    /// In the order in which they come.
    #[default]
    Normal,
    /// When nobody else of the account waits.
    Bulk,
}

/// Something that has a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Priced {
    /// A place on this subnet: in tao.
    Registration(NetUid),
    /// A subnet that is created: in tao.
    Subnet,
    /// The alpha of this subnet, where it is bought: in tao for one.
    Bought(NetUid),
    /// The alpha of this subnet, where it is sold: in tao for one.
    Sold(NetUid),
    /// The alpha of one subnet, where it is swapped for that of another: how many of that for one.
    Swapped {
        /// The subnet that it leaves.
        origin_netuid: NetUid,
        /// The subnet that it goes to.
        dest_netuid: NetUid,
    },
}

impl Priced {
    /// Whether less is better for whoever signs: it pays the price, and does not get it.
    pub const fn is_paid(self) -> bool {
        match self {
            Self::Registration(_) | Self::Subnet | Self::Bought(_) => true,
            Self::Sold(_) | Self::Swapped { .. } => false,
        }
    }
}

/// The worst price at which something is signed, as its plan tells it.
///
/// Whoever agrees to a plan hands its bounds back with the order. It is planned anew before it is signed, and where the
/// price has moved until then, nothing worse is signed than was agreed to: the tighter bound of the two plans holds, and
/// what costs more by then is refused. So is, where any bound was agreed to, a trade of what none of them is of, and one
/// without a limit: by its parameters, or by a call that takes none (`stake_move`, `stake_transfer` to another subnet,
/// `stake_removeAll`). A call that is given whole, to be announced, proposed or made, is not looked into.
///
/// The chain itself holds what its call takes as a limit. Of a new subnet, and of a registration on a runtime without
/// `register_limit`, the bound holds when it is signed, and not in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Of what.
    pub of: Priced,
    /// The most where it is paid, the least where it is got.
    pub limit: Tao,
}

/// How something is to be signed, beside what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Work the plan out and stop there.
    pub dry_run: bool,
    /// How long to wait.
    pub wait: Wait,
    /// Makes a repetition of the call harmless.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Paid to the block's author on top of the fee.
    pub tip: Tao,
    /// For how many blocks it can be included; none takes what the daemon is configured with.
    pub era: Option<u32>,
    /// The account on whose behalf the key signs, as its proxy.
    pub proxy: Option<Coldkey>,
    /// Announce the call on that account's behalf, and leave it to be made later.
    pub announce_only: bool,
    /// Which orders of the account come first.
    pub lane: Lane,
    /// Seconds after which what has not been sent is given up.
    pub deadline_s: Option<u32>,
    /// The bounds of a plan that was agreed to; none where nobody was shown one.
    pub bounds: Vec<Bound>,
    /// The announced call that the plan which was agreed to makes, where the order names none.
    pub makes: Option<BlockHash>,
}

/// Parameters of a method that signs.
pub trait Signing {
    /// How it is to be signed.
    fn manner(&self) -> Manner;
    /// The same parameters with another manner.
    fn set_manner(&mut self, manner: Manner);
}

/// A reply that holds a receipt.
pub trait Receipted {
    /// What was planned, and what became of it.
    fn receipt(&self) -> &crate::wallet::Receipt;
}

impl Receipted for crate::wallet::Receipt {
    fn receipt(&self) -> &crate::wallet::Receipt {
        self
    }
}

/// Declares the parameters of a method that signs: its own, then those of [`Manner`].
macro_rules! signing_params {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[$field_meta])* pub $field: $type,)*
                /// Work the plan out and stop there.
                #[serde(default)]
                pub dry_run: bool,
                /// How long to wait.
                #[serde(default)]
                pub wait: $crate::wallet::Wait,
                /// Makes a repetition of this call harmless.
                #[serde(default)]
                pub idempotency_key: Option<$crate::IdempotencyKey>,
                /// Paid to the block's author on top of the fee.
                #[serde(default)]
                pub tip: $crate::Tao,
                /// For how many blocks it can be included: a power of two from 4 to 2048. Default: as configured.
                #[serde(default)]
                pub era: Option<u32>,
                /// The account on whose behalf the key signs, as its proxy.
                #[serde(default)]
                pub proxy: Option<$crate::Coldkey>,
                /// Whether it comes before or after other orders of the account that wait.
                #[serde(default)]
                pub lane: $crate::signing::Lane,
                /// Seconds after which it is given up if it has not been handed to any node; what was sent is bound by
                /// `era` alone.
                #[serde(default)]
                pub deadline_s: Option<u32>,
                /// Announce the call on behalf of `proxy` in place of making it: `proxy_execute` makes it, once the
                /// proxy's delay is over.
                #[serde(default, skip_serializing_if = "std::ops::Not::not")]
                pub announce_only: bool,
                /// The `bounds` of a plan that was agreed to, such as that of a dry run: nothing worse is signed, whatever
                /// the prices are by then, and nothing is traded without a limit.
                #[serde(default, skip_serializing_if = "Vec::is_empty")]
                pub bounds: Vec<$crate::signing::Bound>,
                /// The `makes` of such a plan: that announced call is made or none, whatever is announced by then.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub makes: Option<$crate::BlockHash>,
            }

            impl $crate::signing::Signing for $name {
                fn manner(&self) -> $crate::signing::Manner {
                    $crate::signing::Manner {
                        dry_run: self.dry_run,
                        wait: self.wait,
                        idempotency_key: self.idempotency_key.clone(),
                        tip: self.tip,
                        era: self.era,
                        proxy: self.proxy,
                        announce_only: self.announce_only,
                        lane: self.lane,
                        deadline_s: self.deadline_s,
                        bounds: self.bounds.clone(),
                        makes: self.makes,
                    }
                }

                fn set_manner(&mut self, manner: $crate::signing::Manner) {
                    let $crate::signing::Manner {
                        dry_run, wait, idempotency_key, tip, era, proxy, announce_only, lane, deadline_s, bounds, makes,
                    } = manner;
                    self.dry_run = dry_run;
                    self.wait = wait;
                    self.idempotency_key = idempotency_key;
                    self.tip = tip;
                    self.era = era;
                    self.proxy = proxy;
                    self.announce_only = announce_only;
                    self.lane = lane;
                    self.deadline_s = deadline_s;
                    self.bounds = bounds;
                    self.makes = makes;
                }
            }
        )+
    };
}
pub(crate) use signing_params;

/// The parameters of a method that signs, with the manner left for later: `unsent!(AddParams { netuid, amount })`.
#[macro_export]
macro_rules! unsent {
    ($name:ident { $($body:tt)* }) => {
        $name {
            dry_run: true,
            wait: Default::default(),
            idempotency_key: None,
            tip: $crate::Tao::ZERO,
            era: None,
            proxy: None,
            announce_only: false,
            lane: Default::default(),
            deadline_s: None,
            bounds: Default::default(),
            makes: None,
            $($body)*
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::TransferParams;

    #[test]
    fn the_manner_stands_behind_the_parameters_and_can_be_left_out() {
        let dest = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        let mut params: TransferParams =
            serde_json::from_value(serde_json::json!({ "dest": dest, "amount": "5" })).unwrap();
        assert_eq!(params.manner(), Manner::default());
        let manner = Manner { dry_run: true, wait: Wait::InBlock, era: Some(8), ..Manner::default() };
        params.set_manner(manner.clone());
        assert_eq!(params.manner(), manner);
        // Who agreed to nothing says nothing of it, to a daemon that does not know it and in what is compared.
        let text = serde_json::to_string(&params).unwrap();
        assert!(!text.contains("bounds") && !text.contains("makes"), "{text}");
        let bounds = vec![
            Bound { of: Priced::Registration(NetUid(1)), limit: Tao::from_rao(7) },
            Bound { of: Priced::Swapped { origin_netuid: NetUid(1), dest_netuid: NetUid(2) }, limit: Tao::from_rao(8) },
        ];
        params.set_manner(Manner { bounds: bounds.clone(), makes: Some(BlockHash([7; 32])), ..manner });
        let sent = serde_json::to_value(&params).unwrap();
        let told = serde_json::json!([
            { "of": { "registration": 1 }, "limit": "7" },
            { "of": { "swapped": { "origin_netuid": 1, "dest_netuid": 2 } }, "limit": "8" },
        ]);
        assert_eq!(sent["bounds"], told);
        let read = serde_json::from_value::<TransferParams>(sent).unwrap().manner();
        assert_eq!((read.bounds, read.makes), (bounds, Some(BlockHash([7; 32]))));
        let unknown = serde_json::json!({ "dest": dest, "amount": "5", "tips": "1" });
        assert!(serde_json::from_value::<TransferParams>(unknown).is_err());
    }
}
