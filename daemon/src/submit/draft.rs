//! A call as data, with all that is said and checked about it before it is signed.
//!
//! A [`Recipe`] is what a caller wants, in a form that can be compared; it makes a [`Draft`] from
//! the chain's state at one block: the call, a sentence for people, what it takes out of the free
//! balance, and what must hold so that the chain does not refuse it. Which recipe belongs to which
//! method is the edge's business.

use std::{fmt, sync::Arc};

use btd_api::{
    AccountId, BlockHash, Coldkey, NetUid, Tao,
    signing::{Bound, Priced},
};
use btd_chain::{Call, Value};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    Ground, SubmissionError,
    need::{Need, SUBTENSOR},
};

/// A call, and what is to be known of it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What is called, by the metadata's names.
    pub call: Call,
    /// One sentence for people.
    pub summary: String,
    /// What it takes out of the free balance at most, the fee left out.
    pub spends: Tao,
    /// What goes from the account in another way than by spending it: with the account itself, say. The
    /// rules of this daemon count it; the balance need not hold it.
    pub carries: Tao,
    /// What leaves another account once the call is made that this announces. The rules of this daemon count it; no balance
    /// is touched by it yet.
    pub promises: Tao,
    /// What it brings into the free balance, by estimate.
    pub receives: Tao,
    /// What it brings about, beside what the balance shows.
    pub effects: Vec<String>,
    /// What the caller should know before saying yes.
    pub warnings: Vec<String>,
    /// The prices that it is signed within.
    pub bounds: Vec<Bound>,
    /// What it trades at whatever the price is then.
    pub unlimited: Vec<Priced>,
    /// What must hold; checked before anything is signed.
    pub needs: Vec<Need>,
    /// The call whose hash it announces: the chain keeps the hash alone, and the journal this.
    pub announces: Option<Call>,
    /// The hash of the call that several accounts agree to with it: the journal keeps it, so that it is known where the
    /// chain is not.
    pub agrees_to: Option<BlockHash>,
    /// The hash of the announced call that it makes, where that was looked up: whoever agrees to it is held to that.
    pub makes: Option<BlockHash>,
    /// The record of the chain that it replaces whole.
    pub replaces: Option<Record>,
    /// Whether what it leaves out of that record is as it is now.
    pub keeps_rest: bool,
}

/// A record that the chain takes whole: who changes a part of it sends the rest again, as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// The identity of a coldkey.
    Identity(Coldkey),
    /// The identity of a subnet.
    SubnetIdentity(NetUid),
    /// The two ends of liquid alpha on a subnet.
    Alphas(NetUid),
}

/// Makes a draft of what a caller wants.
type Draw = dyn Fn(Ground) -> BoxFuture<'static, Result<Draft, SubmissionError>> + Send + Sync;

/// What a caller wants, and how a draft is made of it.
#[derive(Clone)]
pub struct Recipe {
    /// The caller's words: the method and its parameters. Two recipes are the same when these are.
    wish: serde_json::Value,
    /// The same as earlier versions wrote it down, where they did so in other words.
    formerly: Option<serde_json::Value>,
    draw: Arc<Draw>,
}

// === impl Draft ===

impl Draft {
    /// A call that moves nothing and needs nothing yet.
    pub fn new(call: Call, summary: impl Into<String>) -> Self {
        Self {
            call,
            summary: summary.into(),
            spends: Tao::ZERO,
            carries: Tao::ZERO,
            promises: Tao::ZERO,
            receives: Tao::ZERO,
            effects: Vec::new(),
            warnings: Vec::new(),
            bounds: Vec::new(),
            unlimited: Vec::new(),
            needs: Vec::new(),
            announces: None,
            agrees_to: None,
            makes: None,
            replaces: None,
            keeps_rest: false,
        }
    }

    /// The same, which announces `call`.
    #[must_use]
    pub fn announces(self, call: Call) -> Self {
        Self { announces: Some(call), ..self }
    }

    /// The same, which agrees to the call with that hash.
    #[must_use]
    pub fn agrees_to(self, call: BlockHash) -> Self {
        Self { agrees_to: Some(call), ..self }
    }

    /// The same, which makes the announced call with that hash, as the only one there is.
    #[must_use]
    pub fn makes(self, call: BlockHash) -> Self {
        Self { makes: Some(call), ..self }
    }

    /// The same, replacing `record`, all of which it says.
    #[must_use]
    pub fn replaces(self, record: Record) -> Self {
        Self { replaces: Some(record), ..self }
    }

    /// The same, replacing `record` with what it leaves out as it is now: that was read with [`Ground::newest`].
    #[must_use]
    pub fn keeps(self, record: Record) -> Self {
        Self { keeps_rest: true, ..self.replaces(record) }
    }

    /// The same, taking up to `amount` out of the free balance.
    #[must_use]
    pub fn spends(self, amount: Tao) -> Self {
        Self { spends: self.spends.saturating_add(amount), ..self }
    }

    /// The same, taking `amount` along without spending it.
    #[must_use]
    pub fn carries(self, amount: Tao) -> Self {
        Self { carries: self.carries.saturating_add(amount), ..self }
    }

    /// The same, announcing that `amount` leaves another account.
    #[must_use]
    pub fn promises(self, amount: Tao) -> Self {
        Self { promises: self.promises.saturating_add(amount), ..self }
    }

    /// The same, bringing about `amount` into the free balance.
    #[must_use]
    pub fn receives(self, amount: Tao) -> Self {
        Self { receives: self.receives.saturating_add(amount), ..self }
    }

    /// The same, with something that it brings about.
    #[must_use]
    pub fn effect(mut self, words: impl Into<String>) -> Self {
        self.effects.push(words.into());
        self
    }

    /// The same, with something that the caller should know.
    #[must_use]
    pub fn warning(mut self, words: impl Into<String>) -> Self {
        self.warnings.push(words.into());
        self
    }

    /// The same, signed within a price, which [`Ground::hold`] gave. Each is told once.
    #[must_use]
    pub fn bound(mut self, bound: Bound) -> Self {
        if !self.bounds.contains(&bound) {
            self.bounds.push(bound);
        }
        self
    }

    /// The same, which trades something without a limit on its price.
    #[must_use]
    pub fn unlimited(mut self, of: Priced) -> Self {
        self.unlimited.push(of);
        self
    }

    /// The same, with something that must hold.
    #[must_use]
    pub fn needs(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// Several drafts in one extrinsic: all of them happen, or none (`Utility.batch_all`).
    /// One alone stays what it is; of none there is nothing to do.
    pub fn all_of(drafts: Vec<Self>) -> Option<Self> {
        let count = drafts.len();
        let mut drafts = drafts.into_iter();
        let first = drafts.next()?;
        if count == 1 {
            return Some(first);
        }
        let mut calls = vec![first.call.clone()];
        let mut whole = drafts.fold(first, |mut whole, draft| {
            calls.push(draft.call);
            whole.summary = format!("{}; {}", whole.summary, draft.summary);
            whole.effects.extend(draft.effects);
            whole.warnings.extend(draft.warnings);
            whole.unlimited.extend(draft.unlimited);
            for need in draft.needs {
                // Each is looked up once.
                if !whole.needs.contains(&need) {
                    whole.needs.push(need);
                }
            }
            Self {
                spends: whole.spends.saturating_add(draft.spends),
                carries: whole.carries.saturating_add(draft.carries),
                promises: whole.promises.saturating_add(draft.promises),
                receives: whole.receives.saturating_add(draft.receives),
                ..draft.bounds.into_iter().fold(whole, Self::bound)
            }
        });
        whole.call = Call::new("Utility", "batch_all").arg("calls", calls.into_iter().collect::<Value>());
        Some(whole.effect(format!("all {count} calls happen, or none does")))
    }
}

// === impl Record ===

impl Record {
    /// The record that `call` replaces where `actor` makes it, with whatever it says itself: not looked at are the calls
    /// inside it.
    pub fn replaced_by(call: &Call, actor: AccountId) -> Option<Self> {
        let netuid = || {
            let number = match call.args.get("netuid")? {
                Value::Uint(number) => u16::try_from(*number).ok(),
                Value::Int(number) => u16::try_from(*number).ok(),
                Value::Text(number) => number.parse().ok(),
                _ => None,
            };
            number.map(NetUid)
        };
        match (call.pallet.as_str(), call.call.as_str()) {
            (SUBTENSOR, "set_identity") => Some(Self::Identity(Coldkey(actor))),
            (SUBTENSOR, "set_subnet_identity") => netuid().map(Self::SubnetIdentity),
            ("AdminUtils", "sudo_set_alpha_values") => netuid().map(Self::Alphas),
            _ => None,
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(coldkey) => write!(f, "the identity of coldkey {coldkey}"),
            Self::SubnetIdentity(netuid) => write!(f, "the identity of subnet {netuid}"),
            Self::Alphas(netuid) => write!(f, "the pair of alphas of subnet {netuid}"),
        }
    }
}

// === impl Recipe ===

impl Recipe {
    /// What `wish` says, drawn by `draw`.
    pub fn new<F>(wish: serde_json::Value, draw: impl Fn(Ground) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Draft, SubmissionError>> + Send + 'static,
    {
        Self { wish, formerly: None, draw: Arc::new(move |ground| Box::pin(draw(ground))) }
    }

    /// The same, which earlier versions wrote down as `wish`: a repetition of what they signed is one.
    #[must_use]
    pub fn formerly(self, wish: serde_json::Value) -> Self {
        Self { formerly: Some(wish), ..self }
    }

    /// What earlier versions made of it, where that is another wish.
    pub(super) fn former(&self) -> Option<Self> {
        let wish = self.formerly.clone().filter(|former| *former != self.wish)?;
        Some(Self { wish, formerly: None, draw: Arc::clone(&self.draw) })
    }

    /// The draft, as the chain is at the block of `ground`.
    pub(super) async fn draft(&self, ground: Ground) -> Result<Draft, SubmissionError> {
        (self.draw)(ground).await
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipe").field(&self.wish).finish()
    }
}

impl PartialEq for Recipe {
    fn eq(&self, other: &Self) -> bool {
        self.wish == other.wish
    }
}

impl Eq for Recipe {}

impl Serialize for Recipe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.wish.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(rao: u64) -> Draft {
        Draft::new(Call::new("System", "remark").arg("remark", "x"), format!("say {rao}")).spends(Tao::from_rao(rao))
    }

    #[test]
    fn many_become_one_call_that_spends_what_all_spend() {
        assert!(Draft::all_of(vec![]).is_none());
        assert_eq!(Draft::all_of(vec![draft(1)]).unwrap().call.to_string(), "System.remark");
        let whole = Draft::all_of(vec![draft(1), draft(2), draft(3)]).unwrap();
        assert_eq!((whole.call.to_string().as_str(), whole.spends), ("Utility.batch_all", Tao::from_rao(6)));
        assert_eq!(whole.summary, "say 1; say 2; say 3");
        assert!(matches!(&whole.call.args["calls"], Value::List(calls) if calls.len() == 3));
    }

    #[test]
    fn many_are_within_the_prices_of_all_of_them() {
        let [one, other] =
            [1, 2].map(|netuid| Bound { of: Priced::Bought(NetUid(netuid)), limit: Tao::from_rao(netuid.into()) });
        let drafts = vec![draft(1).bound(one), draft(2).bound(other).unlimited(one.of), draft(3).bound(one)];
        let whole = Draft::all_of(drafts).unwrap();
        assert_eq!((whole.bounds, whole.unlimited), (vec![one, other], vec![one.of]));
    }

    #[test]
    fn a_call_that_is_given_whole_replaces_the_record_it_names() {
        let (actor, subtensor) = (AccountId([3; 32]), |call: &str| Call::new("SubtensorModule", call));
        let replaced = |call: &Call| Record::replaced_by(call, actor);
        assert_eq!(replaced(&subtensor("set_identity")), Some(Record::Identity(Coldkey(actor))));
        for netuid in [Value::Uint(7), Value::Int(7), Value::Text("7".to_owned())] {
            let set = subtensor("set_subnet_identity").arg("netuid", netuid);
            assert_eq!(replaced(&set), Some(Record::SubnetIdentity(NetUid(7))));
        }
        let alphas = Call::new("AdminUtils", "sudo_set_alpha_values").arg("netuid", Value::Uint(7));
        assert_eq!(replaced(&alphas), Some(Record::Alphas(NetUid(7))));
        for other in [subtensor("set_subnet_identity"), subtensor("set_weights"), Call::new("Other", "set_identity")] {
            assert_eq!(replaced(&other), None, "{other}");
        }
    }

    #[test]
    fn recipes_are_compared_by_what_the_caller_said() {
        let recipe = |wish: &str| Recipe::new(wish.into(), |_| async { Ok(draft(1)) });
        assert_eq!(recipe("a"), recipe("a"));
        assert_ne!(recipe("a"), recipe("b"));
        assert_eq!(serde_json::to_string(&recipe("a")).unwrap(), "\"a\"");
    }
}
