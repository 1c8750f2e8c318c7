//! The noun `crowd`: raising tao together, for an account or for a call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    BlockNumber, Coldkey, Ratio, Tao, WalletName, chain::At, method::methods, proxy::AnyCall, signing::signing_params,
    wallet::Receipt,
};

signing_params! {
    /// Parameters of [`Create`].
    CreateParams {
        /// What the creator gives itself.
        deposit: Tao,
        /// The least that others may give.
        min_contribution: Tao,
        /// What is to be raised.
        cap: Tao,
        /// For how many blocks.
        duration: u32,
        /// Who gets it. Without one, it leases a subnet, or makes a call.
        #[serde(default)]
        target: Option<Coldkey>,
        /// For a lease: the share of the emission that contributors get.
        #[serde(default)]
        emissions_share: Option<Ratio>,
        /// For a lease: its last block; it never ends without one.
        #[serde(default)]
        lease_end: Option<u32>,
        /// The call that its creator makes when it is paid out, in place of both: `{ "pallet", "call", "args" }`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<AnyCall>,
        /// The wallet whose coldkey creates it.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Contribute`].
    ContributeParams {
        /// The crowdloan.
        id: u32,
        /// How much.
        amount: Tao,
        /// The wallet whose coldkey pays.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Withdraw`], [`Finalize`], [`Refund`] and [`Dissolve`].
    IdParams {
        /// The crowdloan.
        id: u32,
        /// The wallet whose coldkey signs.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Update`]: one of the three.
    UpdateParams {
        /// The crowdloan.
        id: u32,
        /// The new least contribution.
        #[serde(default)]
        min_contribution: Option<Tao>,
        /// The new last block.
        #[serde(default)]
        end: Option<u32>,
        /// The new cap.
        #[serde(default)]
        cap: Option<Tao>,
        /// The wallet whose coldkey created it.
        #[serde(default)]
        wallet: WalletName,
    }
}

/// A crowdloan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Crowdloan {
    /// Its number.
    pub id: u32,
    /// Who created it.
    pub creator: Coldkey,
    /// The creator's name for itself; empty where it has none.
    #[serde(default)]
    pub creator_name: String,
    /// What the creator gave.
    pub deposit: Tao,
    /// The least that others may give.
    pub min_contribution: Tao,
    /// What is to be raised.
    pub cap: Tao,
    /// What has been raised.
    pub raised: Tao,
    /// Its last block.
    pub end: u32,
    /// How many have given.
    pub contributors: u32,
    /// Who gets it, if it is an account.
    pub target: Option<Coldkey>,
    /// Whether it makes a call at its end.
    pub has_call: bool,
    /// Whether it has been paid out.
    pub finalized: bool,
}

/// How far a crowdloan has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It takes contributions.
    Open,
    /// All has been raised, and is not paid out yet.
    Full,
    /// Its last block went by before all was raised.
    Ended,
    /// It has been paid out.
    PaidOut,
}

/// What a crowdloan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The lease of a subnet, or another call.
    Subnet,
    /// An account.
    Fundraising,
}

/// Parameters of [`List`]. What is left out does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListParams {
    /// Those that have come so far.
    pub state: Option<State>,
    /// Those for this.
    pub purpose: Option<Purpose>,
    /// Those of this creator.
    pub creator: Option<Coldkey>,
    /// Those of creators whose name or address has this text in it, in whatever case.
    pub search: Option<String>,
}

impl Crowdloan {
    /// How far it has come at block `now`.
    pub fn state(&self, now: BlockNumber) -> State {
        match self {
            Self { finalized: true, .. } => State::PaidOut,
            one if one.raised >= one.cap => State::Full,
            one if now.0 >= one.end => State::Ended,
            _ => State::Open,
        }
    }

    /// Whether its creator's name or address has this text in it.
    fn is_by(&self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        [self.creator_name.clone(), self.creator.to_string()].iter().any(|known| known.to_lowercase().contains(&text))
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        match (self.target, self.has_call) {
            (None, true) => Purpose::Subnet,
            _ => Purpose::Fundraising,
        }
    }
}

impl ListParams {
    /// Whether `one` is among those that are meant at block `now`.
    pub fn covers(&self, one: &Crowdloan, now: BlockNumber) -> bool {
        self.state.is_none_or(|state| state == one.state(now))
            && self.purpose.is_none_or(|purpose| purpose == one.purpose())
            && self.creator.is_none_or(|creator| creator == one.creator)
            && self.search.as_deref().is_none_or(|text| one.is_by(text))
    }
}

/// What somebody gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contribution {
    /// Who.
    pub coldkey: Coldkey,
    /// How much.
    pub amount: Tao,
}

/// Reply of [`List`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Crowdloans {
    /// The block at which it was read.
    pub at: At,
    /// The crowdloans, by number.
    pub crowdloans: Vec<Crowdloan>,
}

/// Parameters of [`Info`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InfoParams {
    /// The crowdloan.
    pub id: u32,
}

/// Reply of [`Info`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrowdloanReply {
    /// The block at which it was read.
    pub at: At,
    /// The crowdloan.
    pub crowdloan: Crowdloan,
    /// What each gave, largest first.
    pub contributions: Vec<Contribution>,
}

methods! {
    /// The crowdloans, all or some
    List = "crowd_list" (Read): ListParams => Crowdloans;
    /// One crowdloan with its contributions
    Info = "crowd_info" (Read): InfoParams => CrowdloanReply;
    /// Begins to raise tao: for an account, the lease of a subnet, or another call
    Create = "crowd_create" (Spend): CreateParams => Receipt;
    /// Gives to a crowdloan
    Contribute = "crowd_contribute" (Spend): ContributeParams => Receipt;
    /// Takes a contribution back
    Withdraw = "crowd_withdraw" (Spend): IdParams => Receipt;
    /// Pays a full crowdloan out
    Finalize = "crowd_finalize" (Spend): IdParams => Receipt;
    /// Gives contributors their tao back
    Refund = "crowd_refund" (Spend): IdParams => Receipt;
    /// Removes a crowdloan that has been refunded
    Dissolve = "crowd_dissolve" (Spend): IdParams => Receipt;
    /// Changes the least contribution, the end or the cap
    Update = "crowd_update" (Spend): UpdateParams => Receipt;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccountId;

    #[test]
    fn what_is_meant_is_told_by_state_purpose_and_creator() {
        let creator = Coldkey(AccountId([1; 32]));
        let open = Crowdloan {
            id: 0,
            creator,
            creator_name: "Alice & co".to_owned(),
            deposit: Tao::from_rao(1),
            min_contribution: Tao::from_rao(1),
            cap: Tao::from_rao(10),
            raised: Tao::from_rao(9),
            end: 7,
            contributors: 1,
            target: Some(creator),
            has_call: false,
            finalized: false,
        };
        let state = |one: &Crowdloan, now| one.state(BlockNumber(now));
        assert_eq!((state(&open, 6), state(&open, 7)), (State::Open, State::Ended));
        let full = Crowdloan { raised: open.cap, ..open.clone() };
        assert_eq!(state(&full, 7), State::Full);
        assert_eq!(state(&Crowdloan { finalized: true, ..full }, 7), State::PaidOut);

        let covers = |params: ListParams| params.covers(&open, BlockNumber(6));
        let all = ListParams::default();
        assert!(covers(all.clone()) && covers(ListParams { state: Some(State::Open), ..all.clone() }));
        assert!(!covers(ListParams { state: Some(State::Full), ..all.clone() }));
        assert!(covers(ListParams { purpose: Some(Purpose::Fundraising), creator: Some(creator), ..all.clone() }));
        assert!(!covers(ListParams { purpose: Some(Purpose::Subnet), ..all.clone() }));
        assert!(!covers(ListParams { creator: Some(Coldkey(AccountId([2; 32]))), ..all.clone() }));
        let found = |text: &str| covers(ListParams { search: Some(text.to_owned()), ..all.clone() });
        let address = creator.to_string();
        assert!(found("ALICE") && found(" & CO") && found(&address[5..20]) && found(&address.to_uppercase()));
        assert!(!found("bob"));
    }
}
