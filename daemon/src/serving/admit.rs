//! Who may pass the axon's door, and who goes first: rules over the metagraphs in memory.
//!
//! The rules see the hotkey as a claim; whether it is proven is decided by `btd_wire`. They read
//! the newest metagraphs and never the chain.

use std::{
    borrow::{Borrow, Cow},
    str::FromStr,
};

use btd_api::{AccountId, Alpha, Hotkey, NetUid};
use btd_wire::admission::{Members, Standing};
use serde::{Deserialize, Serialize};

use crate::metagraph::{Metagraph, Metagraphs, Neuron};

/// Who may pass the axon's door. Everyone has to prove the hotkey that it claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum Admit {
    /// Hotkeys that are registered on some subnet, or on the one that is named.
    #[default]
    Registered,
    /// Any hotkey.
    Anyone,
}

impl FromStr for Admit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "registered" => Ok(Self::Registered),
            "anyone" => Ok(Self::Anyone),
            other => Err(format!("`{other}` is nobody who can be admitted: write `registered` or `anyone`")),
        }
    }
}

impl TryFrom<String> for Admit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Who goes first when requests have to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precedence {
    /// Who has more stake weight.
    #[default]
    Stake,
    /// Who came first.
    Arrival,
}

/// A stake weight, written in tokens: `"1000"`, `"0.5"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MinStake(pub Alpha);

impl TryFrom<String> for MinStake {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Alpha::from_tokens(&text).map(Self).map_err(|error| error.to_string())
    }
}

impl From<MinStake> for String {
    fn from(stake: MinStake) -> Self {
        let text = stake.0.to_string();
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Settings of the door.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Door {
    /// The subnet on which registration, stake and permit count. Unset: any; the largest stake and
    /// any permit count.
    pub netuid: Option<NetUid>,
    /// Stake weight that a hotkey needs.
    pub min_stake: MinStake,
    /// Whether a hotkey needs a validator permit.
    pub require_permit: bool,
    /// Hotkeys that pass whatever the other rules say.
    pub allow: Vec<Hotkey>,
    /// Hotkeys that never pass.
    pub deny: Vec<Hotkey>,
    /// Who goes first when requests have to wait.
    pub precedence: Precedence,
}

/// The rules with what they read.
#[derive(Debug)]
pub(super) struct Doorkeeper {
    pub(super) admit: Admit,
    pub(super) door: Door,
    pub(super) metagraph: Metagraph,
}

// === impl Doorkeeper ===

impl Doorkeeper {
    fn judge(&self, hotkey: &Hotkey) -> Result<(), Cow<'static, str>> {
        if self.door.deny.contains(hotkey) {
            return Err("hotkey is denied".into());
        }
        let unasked = self.admit == Admit::Anyone && self.door.min_stake.0 == Alpha::ZERO && !self.door.require_permit;
        if unasked || self.door.allow.contains(hotkey) {
            return Ok(());
        }
        let known = self.metagraph.current();
        if known.subnets.is_empty() {
            return Err("no metagraph has been read yet".into());
        }
        self.door.judge(self.door.neurons(&known, hotkey))
    }
}

impl Members for Doorkeeper {
    fn standing(&self, hotkey: &AccountId) -> Standing {
        self.judge(&Hotkey(*hotkey)).map_or_else(Standing::Refused, |()| Standing::Admitted)
    }

    fn priority(&self, hotkey: &AccountId) -> f64 {
        match self.door.precedence {
            Precedence::Arrival => 0.0,
            Precedence::Stake => {
                let known = self.metagraph.current();
                let hotkey = Hotkey(*hotkey);
                let stakes = self.door.neurons(&known, &hotkey).map(|neuron| neuron.stake.rao());
                #[expect(clippy::cast_precision_loss, reason = "an order, not an amount")]
                let stake = stakes.max().unwrap_or(0) as f64;
                stake
            }
        }
    }
}

// === impl Door ===

impl Door {
    /// The neurons that a hotkey is, where it counts.
    fn neurons<'m>(&self, known: &'m Metagraphs, hotkey: &'m Hotkey) -> impl Iterator<Item = &'m Neuron> {
        let only = self.netuid;
        known
            .subnets
            .iter()
            .filter(move |(netuid, _)| only.is_none_or(|only| only == **netuid))
            .filter_map(|(_, subnet)| subnet.neuron(subnet.uid(hotkey)?))
    }

    /// What the rules say of a hotkey that is these neurons.
    fn judge(&self, neurons: impl Iterator<Item: Borrow<Neuron>>) -> Result<(), Cow<'static, str>> {
        let (mut registered, mut permitted, mut stake) = (false, false, Alpha::ZERO);
        for neuron in neurons {
            let neuron: &Neuron = neuron.borrow();
            registered = true;
            permitted |= neuron.validator_permit;
            stake = stake.max(neuron.stake);
        }
        let place = self.netuid.map_or_else(String::new, |netuid| format!(" on subnet {netuid}"));
        if !registered {
            Err(if self.netuid.is_some() {
                format!("hotkey is not registered{place}").into()
            } else {
                "hotkey is not registered".into()
            })
        } else if self.require_permit && !permitted {
            Err(format!("hotkey has no validator permit{place}").into())
        } else if stake < self.min_stake.0 {
            Err(format!("stake of {stake:.3} is below {:.3}", self.min_stake.0).into())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use btd_api::{Coldkey, Tao, Uid};

    use super::*;

    fn neuron(stake: u64, permit: u8) -> Neuron {
        Neuron {
            uid: Uid(0),
            hotkey: Hotkey(AccountId([1; 32])),
            coldkey: Coldkey(AccountId([2; 32])),
            active: true,
            validator_permit: permit == 1,
            stake: Alpha::from_rao(stake),
            alpha_stake: None,
            tao_stake: Tao::ZERO,
            rank: None,
            trust: None,
            consensus: 0,
            incentive: 0,
            dividends: 0,
            validator_trust: None,
            emission: Alpha::ZERO,
            last_update: 0,
            registered_at: 0,
            axon: None,
            identity: None,
        }
    }

    #[test]
    fn each_rule_says_why() {
        let door = Door {
            netuid: Some(NetUid(1)),
            min_stake: MinStake(Alpha::from_rao(1_000_000_000)),
            require_permit: true,
            ..Door::default()
        };
        let judged = |neurons: &[Neuron]| door.judge(neurons.iter()).map_err(Cow::into_owned);
        assert_eq!(judged(&[]).unwrap_err(), "hotkey is not registered on subnet 1");
        assert_eq!(judged(&[neuron(5_000_000_000, 0)]).unwrap_err(), "hotkey has no validator permit on subnet 1");
        assert_eq!(judged(&[neuron(999_999_999, 1)]).unwrap_err(), "stake of 0.999 is below 1.000");
        assert_eq!(judged(&[neuron(1_000_000_000, 1)]), Ok(()));
        // Over several subnets the largest stake and any permit count.
        assert_eq!(judged(&[neuron(1, 1), neuron(2_000_000_000, 0)]), Ok(()));
    }

    #[test]
    fn a_stake_is_written_in_tokens() {
        let stake = |text: &str| MinStake::try_from(text.to_owned());
        assert_eq!(stake("1.5").unwrap().0, Alpha::from_rao(1_500_000_000));
        assert_eq!(String::from(stake("1.50").unwrap()), "1.5");
        assert_eq!(String::from(stake("1000").unwrap()), "1000");
        assert!(stake("much").is_err());
    }
}
