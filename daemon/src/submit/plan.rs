//! What an action would do and whether it may: a pure judgement over facts read at one block.
//!
//! Balances follow pallet_balances: what can be spent is the free balance less what is frozen
//! beyond the reserved part, and less the existential deposit where the account must stay. The fee
//! is always taken in a way that keeps the account alive.

use btd_api::{AccountId, Amount, BlockHash, BlockNumber, Coldkey, Hotkey, NetUid, Tao, Uid, signing::Bound};
use btd_chain::Call;
use serde::{Deserialize, Serialize};

use super::{
    action::{Action, Existence, Register, ServeAxon, Transfer},
    draft::{Draft, Record},
};
use crate::stamp::Stamp;

/// What an extrinsic would do, before it is signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The block at which it was worked out.
    pub at: Stamp,
    /// `Pallet.call`.
    pub call: String,
    /// The arguments, as the chain's metadata names them.
    pub arguments: serde_json::Value,
    /// One sentence for people.
    pub summary: String,
    /// Who signs, and pays unless an effect names somebody else.
    pub signer: AccountId,
    /// The most that the fee comes to, tip included: the chain asks for as much, and gives back what the call turns out
    /// to weigh less.
    pub fee: Tao,
    /// Free balance at that block of the account that acts: the signer, or whom it is the proxy of.
    pub balance_before: Tao,
    /// The same afterwards, with the whole fee gone where that account pays it out of its balance.
    pub balance_after: Tao,
    /// What it brings about, beside what the balance shows.
    #[serde(default)]
    pub effects: Vec<String>,
    /// What the caller should know before saying yes.
    pub warnings: Vec<String>,
    /// The prices that it is signed within.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<Bound>,
    /// The call whose hash it announces, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Call>,
    /// The hash of the call that it agrees to on behalf of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<BlockHash>,
    /// The hash of the announced call that it makes, where the order names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makes: Option<BlockHash>,
    /// The record of the chain that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Record>,
    /// Of a dry run: the key that has to be unlocked before this can be signed.
    #[serde(default)]
    pub locked: Option<String>,
}

/// Why an action would fail. Nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Precondition {
    /// The balance does not suffice.
    #[error("{account} can spend τ{spendable}, and this takes τ{needed} (fee τ{fee} included); τ{held} must stay")]
    Insufficient {
        /// Who would pay.
        account: AccountId,
        /// What it takes, fee included.
        needed: Tao,
        /// What can be spent.
        spendable: Tao,
        /// The fee in `needed`.
        fee: Tao,
        /// What must stay: the existential deposit, or what is frozen.
        held: Tao,
    },
    /// The amount would not open the destination's account.
    #[error(
        "{dest} has no account yet, and τ{amount} is below the existential deposit of τ{deposit} that opens one: send \
         that much"
    )]
    BelowDeposit {
        /// Who would receive.
        dest: Coldkey,
        /// The amount.
        amount: Tao,
        /// The existential deposit.
        deposit: Tao,
    },
    /// An amount of zero.
    #[error("an amount of zero moves nothing")]
    Nothing,
    /// What is asked for stands already.
    #[error("nothing to change: {words}")]
    Unchanged {
        /// What it is that stands.
        words: String,
    },
    /// Registering costs more than the caller allows.
    #[error("registering on subnet {netuid} costs τ{price} now, more than the limit of τ{limit}: raise that, or wait")]
    PriceAboveLimit {
        /// The subnet.
        netuid: NetUid,
        /// What it costs now.
        price: Tao,
        /// The caller's limit.
        limit: Tao,
    },
    /// The subnet takes no registrations.
    #[error("subnet {netuid} takes no registrations now: pick another, or wait")]
    RegistrationClosed {
        /// The subnet.
        netuid: NetUid,
    },
    /// Root is not registered on by burn.
    #[error("subnet 0 is root, on which nobody registers by burning: pick another subnet")]
    Root,
    /// The hotkey is a neuron already.
    #[error("hotkey {hotkey} is registered on subnet {netuid} already, as uid {uid}")]
    AlreadyRegistered {
        /// The hotkey.
        hotkey: Hotkey,
        /// The subnet.
        netuid: NetUid,
        /// Its slot.
        uid: Uid,
    },
    /// The hotkey belongs to another coldkey.
    #[error(
        "hotkey {hotkey} belongs to coldkey {owner} on this chain, so {payer} cannot register it: sign with its owner, or \
         name another hotkey"
    )]
    ForeignHotkey {
        /// The hotkey.
        hotkey: Hotkey,
        /// Whose it is.
        owner: Coldkey,
        /// Who would pay.
        payer: AccountId,
    },
    /// The hotkey is no neuron of the subnet.
    #[error("hotkey {hotkey} is not registered on subnet {netuid}: register it first")]
    NotRegistered {
        /// The hotkey.
        hotkey: Hotkey,
        /// The subnet.
        netuid: NetUid,
    },
    /// The chain would not take the endpoint.
    #[error("{endpoint} cannot be published: {reason}")]
    BadEndpoint {
        /// The endpoint.
        endpoint: String,
        /// Why not.
        reason: &'static str,
    },
    /// The chain would refuse it with this error.
    #[error("{words}")]
    Foreseen {
        /// The error's name in the runtime, without its pallet.
        error: &'static str,
        /// What is wrong, and what to do.
        words: String,
    },
    /// It works from a later block on; until then the chain would refuse it with this error.
    #[error("{words}")]
    NotYet {
        /// The error's name in the runtime, without its pallet.
        error: &'static str,
        /// From when on, and what to do.
        words: String,
    },
    /// The same waits to be done, and has to be done first.
    #[error("{words}: {remedy}")]
    Waiting {
        /// What it is that waits.
        words: String,
        /// From when on it can be done, and how.
        remedy: String,
        /// The first block in which it can be done.
        from: BlockNumber,
    },
    /// A parameter that only the runtime can read is not what it should be.
    #[error("{words}")]
    Invalid {
        /// The parameter.
        parameter: &'static str,
        /// What is wrong with it.
        words: String,
    },
    /// What it is about is not there.
    #[error("{words}")]
    NotThere {
        /// The error's name in the runtime, without its pallet.
        error: &'static str,
        /// What is missing.
        words: String,
    },
    /// No such subnet.
    #[error("there is no subnet {netuid}: `subnets list` shows those that there are")]
    NoSuchSubnet {
        /// Its number.
        netuid: NetUid,
    },
}

/// The signer's account at one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) free: Tao,
    pub(super) reserved: Tao,
    pub(super) frozen: Tao,
}

/// A subnet, as far as registering and serving need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subnet {
    pub(super) price: Tao,
    pub(super) open: bool,
    /// Whether the runtime takes a limit on what registering costs.
    pub(super) takes_limit: bool,
    /// The slot of the hotkey in question.
    pub(super) uid: Option<Uid>,
}

/// What was read for a judgement, all at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) account: Account,
    /// The existential deposit.
    pub(super) deposit: Tao,
    /// Whether the destination of a transfer has an account.
    pub(super) dest_exists: bool,
    /// The subnet that the action names; none when there is no such subnet.
    pub(super) subnet: Option<Subnet>,
    /// The owner of the hotkey in question, if it has one.
    pub(super) owner: Option<Coldkey>,
}

/// What a judgement adds to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) balance_after: Tao,
    pub(super) warnings: Vec<String>,
}

// === impl Account ===

impl Account {
    /// What is frozen and not covered by reserved balance.
    fn untouchable(self) -> Tao {
        self.frozen.saturating_sub(self.reserved)
    }

    /// What must stay when the account must.
    fn held(self, deposit: Tao) -> Tao {
        self.untouchable().max(deposit)
    }
}

/// Judges whether `signer` may do `action`, given `facts` and the estimated `fee`.
pub(super) fn judge(action: &Action, signer: AccountId, facts: &Facts, fee: Tao) -> Result<Verdict, Precondition> {
    match action {
        Action::Transfer(transfer) => judge_transfer(transfer, signer, facts, fee),
        Action::Register(register) => judge_register(register, signer, facts, fee),
        Action::ServeAxon(axon) => judge_axon(axon, signer, facts, fee),
        // Its own needs were checked when it was drawn; what it costs is judged with its draft.
        Action::Drafted(_) => judge_fee(signer, facts, fee),
    }
}

/// Judges what `draft` takes out of the balance of `actor` beside the fee, which is zero here when
/// another account pays it.
pub(super) fn judge_draft(draft: &Draft, actor: AccountId, facts: &Facts, fee: Tao) -> Result<Verdict, Precondition> {
    let rest = if draft.spends == Tao::ZERO {
        judge_fee(actor, facts, fee)?.balance_after
    } else {
        spend(actor, facts, draft.spends, fee, facts.account.held(facts.deposit))?
    };
    let balance_after = rest.saturating_sub(draft.carries).saturating_add(draft.receives);
    Ok(Verdict { balance_after, warnings: draft.warnings.clone() })
}

/// What a call that only costs its fee leaves. A call without a fee needs no balance at all.
pub(super) fn judge_fee(signer: AccountId, facts: &Facts, fee: Tao) -> Result<Verdict, Precondition> {
    let balance_after = match fee {
        Tao::ZERO => facts.account.free,
        fee => spend(signer, facts, Tao::ZERO, fee, facts.account.held(facts.deposit))?,
    };
    Ok(Verdict { balance_after, warnings: Vec::new() })
}

/// Takes `amount` and the fee out of the account, of which `held` must stay.
fn spend(signer: AccountId, facts: &Facts, amount: Tao, fee: Tao, held: Tao) -> Result<Tao, Precondition> {
    let spendable = facts.account.free.saturating_sub(held);
    // The fee alone must leave the deposit, even where the amount need not.
    let for_fee = facts.account.free.saturating_sub(facts.account.held(facts.deposit));
    let needed = amount.saturating_add(fee);
    if needed > spendable || fee > for_fee {
        return Err(Precondition::Insufficient { account: signer, needed, spendable, fee, held });
    }
    Ok(facts.account.free.saturating_sub(needed))
}

fn judge_transfer(transfer: &Transfer, signer: AccountId, facts: &Facts, fee: Tao) -> Result<Verdict, Precondition> {
    let held = match transfer.existence {
        Existence::KeepAlive => facts.account.held(facts.deposit),
        Existence::AllowDeath => facts.account.untouchable(),
    };
    let amount = match transfer.amount {
        Amount::Exactly(amount) => amount,
        Amount::All => {
            let all = facts.account.free.saturating_sub(held).saturating_sub(fee);
            if all == Tao::ZERO {
                spend(signer, facts, Tao::from_rao(1), fee, held)?;
            }
            all
        }
    };
    if amount == Tao::ZERO {
        return Err(Precondition::Nothing);
    }
    let mut balance_after = spend(signer, facts, amount, fee, held)?;
    let mut warnings = Vec::new();
    if transfer.dest.account() == signer {
        warnings.push("the destination is the sender itself: only the fee is spent".to_owned());
        balance_after = facts.account.free.saturating_sub(fee);
    } else if !facts.dest_exists {
        if amount < facts.deposit {
            return Err(Precondition::BelowDeposit { dest: transfer.dest, amount, deposit: facts.deposit });
        }
        warnings.push(format!("{} has no account yet: check the address", transfer.dest));
    }
    if transfer.dest.account() != signer && balance_after < facts.deposit {
        let lost = match balance_after {
            Tao::ZERO => String::new(),
            dust => format!(", and the τ{dust} left in it are lost"),
        };
        warnings.push(format!("the sender's account falls below the existential deposit and vanishes{lost}"));
        balance_after = Tao::ZERO;
    }
    if fee > amount {
        warnings.push(format!("the fee of τ{fee} is higher than the amount"));
    }
    Ok(Verdict { balance_after, warnings })
}

fn judge_register(register: &Register, signer: AccountId, facts: &Facts, fee: Tao) -> Result<Verdict, Precondition> {
    let Register { netuid, hotkey, max_cost, .. } = *register;
    if netuid == NetUid::ROOT {
        return Err(Precondition::Root);
    }
    let subnet = facts.subnet.ok_or(Precondition::NoSuchSubnet { netuid })?;
    if let Some(limit) = max_cost.filter(|limit| *limit < subnet.price) {
        return Err(Precondition::PriceAboveLimit { netuid, price: subnet.price, limit });
    }
    if !subnet.open {
        return Err(Precondition::RegistrationClosed { netuid });
    }
    if let Some(uid) = subnet.uid {
        return Err(Precondition::AlreadyRegistered { hotkey, netuid, uid });
    }
    if let Some(owner) = facts.owner.filter(|owner| owner.account() != signer) {
        return Err(Precondition::ForeignHotkey { hotkey, owner, payer: signer });
    }
    let balance_after = spend(signer, facts, subnet.price, fee, facts.account.held(facts.deposit))?;
    let limit = register.limit(subnet.price);
    let warning = if subnet.takes_limit && limit == Tao::from_rao(u64::MAX) {
        "the price moves with each block, and has no limit here: whatever it is then is paid, and it does not come back"
            .to_owned()
    } else if subnet.takes_limit {
        format!("the price moves with each block: at most τ{limit} is paid, and it does not come back")
    } else {
        "this runtime takes no limit: the price at inclusion is paid, whatever it is, and it does not come back"
            .to_owned()
    };
    Ok(Verdict { balance_after, warnings: vec![warning] })
}

fn judge_axon(axon: &ServeAxon, signer: AccountId, facts: &Facts, fee: Tao) -> Result<Verdict, Precondition> {
    let ServeAxon { netuid, ip, port, .. } = *axon;
    let subnet = facts.subnet.ok_or(Precondition::NoSuchSubnet { netuid })?;
    if subnet.uid.is_none() {
        return Err(Precondition::NotRegistered { hotkey: Hotkey(signer), netuid });
    }
    let endpoint = std::net::SocketAddr::new(ip, port).to_string();
    let bad = |reason| Precondition::BadEndpoint { endpoint: endpoint.clone(), reason };
    if port == 0 {
        return Err(bad("port 0 cannot be connected to"));
    }
    // The other addresses of 127.0.0.0/8 pass: neurons on one host serve a development chain there.
    if ip == std::net::Ipv4Addr::LOCALHOST || ip == std::net::Ipv6Addr::LOCALHOST {
        return Err(bad("the chain refuses this host's own address"));
    }
    let broadcast = match ip {
        std::net::IpAddr::V4(ip) => ip.is_broadcast(),
        std::net::IpAddr::V6(ip) => u128::from(ip) == u128::MAX,
    };
    if broadcast {
        return Err(bad("it is a broadcast address"));
    }
    let Verdict { balance_after, mut warnings } = judge_fee(signer, facts, fee)?;
    if is_private(ip) {
        warnings.push(format!("{ip} is not reachable from the internet"));
    }
    Ok(Verdict { balance_after, warnings })
}

fn is_private(ip: std::net::IpAddr) -> bool {
    match ip {
        std::net::IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_unspecified() || ip.is_loopback(),
        std::net::IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNER: AccountId = AccountId([1; 32]);
    const DEST: Coldkey = Coldkey(AccountId([2; 32]));
    const HOTKEY: Hotkey = Hotkey(AccountId([3; 32]));

    fn rao(rao: u64) -> Tao {
        Tao::from_rao(rao)
    }

    fn facts(free: u64) -> Facts {
        Facts {
            account: Account { free: rao(free), reserved: Tao::ZERO, frozen: Tao::ZERO },
            deposit: rao(500),
            dest_exists: true,
            subnet: None,
            owner: None,
        }
    }

    fn on_subnet(free: u64, price: u64) -> Facts {
        Facts { subnet: Some(Subnet { price: rao(price), open: true, takes_limit: true, uid: None }), ..facts(free) }
    }

    fn transfer(amount: Amount, existence: Existence, facts: &Facts) -> Result<Verdict, Precondition> {
        judge(&Action::Transfer(Transfer { dest: DEST, amount, existence }), SIGNER, facts, rao(100))
    }

    fn exactly(amount: u64) -> Amount {
        Amount::Exactly(rao(amount))
    }

    fn register(max_cost: Option<u64>, facts: &Facts) -> Result<Verdict, Precondition> {
        let register = Register { netuid: NetUid(1), hotkey: HOTKEY, max_cost: max_cost.map(rao), tolerance: None };
        judge(&Action::Register(register), SIGNER, facts, rao(100))
    }

    fn serve(ip: &str, port: u16, uid: Option<u16>) -> Result<Verdict, Precondition> {
        let mut facts = on_subnet(0, 1);
        facts.subnet.as_mut().unwrap().uid = uid.map(Uid);
        let axon = ServeAxon { netuid: NetUid(1), version: 1, ip: ip.parse().unwrap(), port, tls_key: None };
        judge(&Action::ServeAxon(axon), SIGNER, &facts, Tao::ZERO)
    }

    #[test]
    fn a_transfer_may_take_all_but_fee_and_deposit() {
        let verdict = transfer(exactly(9_400), Existence::KeepAlive, &facts(10_000)).unwrap();
        assert_eq!(verdict, Verdict { balance_after: rao(500), warnings: vec![] });
        let error = transfer(exactly(9_401), Existence::KeepAlive, &facts(10_000)).unwrap_err();
        assert_eq!(
            error,
            Precondition::Insufficient {
                account: SIGNER,
                needed: rao(9_501),
                spendable: rao(9_500),
                fee: rao(100),
                held: rao(500)
            }
        );
        assert!(error.to_string().contains("can spend τ0.000009500, and this takes τ0.000009501"), "{error}");
    }

    #[test]
    fn what_is_taken_along_is_gone_afterwards_and_need_not_be_there() {
        let judged = |carries, receives| {
            let draft = Draft::new(Call::new("a", "b"), "exchange").carries(rao(carries)).receives(rao(receives));
            judge_draft(&draft, SIGNER, &facts(10_000), rao(100)).unwrap().balance_after
        };
        assert_eq!((judged(0, 0), judged(10_000, 0), judged(10_000, 7)), (rao(9_900), Tao::ZERO, rao(7)));
    }

    #[test]
    fn an_account_may_die_when_the_caller_allows_it() {
        let verdict = transfer(exactly(9_900), Existence::AllowDeath, &facts(10_000)).unwrap();
        assert_eq!(verdict.balance_after, Tao::ZERO);
        assert!(verdict.warnings[0].contains("vanishes"));
        let verdict = transfer(exactly(9_800), Existence::AllowDeath, &facts(10_000)).unwrap();
        assert!(verdict.warnings[0].contains("τ0.000000100 left in it are lost"), "{:?}", verdict.warnings);
        assert!(transfer(exactly(9_901), Existence::AllowDeath, &facts(10_000)).is_err());
        // The fee alone must leave the deposit.
        assert!(transfer(exactly(1), Existence::AllowDeath, &facts(599)).is_err());
    }

    #[test]
    fn all_is_what_can_be_moved() {
        assert_eq!(transfer(Amount::All, Existence::KeepAlive, &facts(10_000)).unwrap().balance_after, rao(500));
        assert_eq!(transfer(Amount::All, Existence::AllowDeath, &facts(10_000)).unwrap().balance_after, Tao::ZERO);
        assert!(matches!(
            transfer(Amount::All, Existence::KeepAlive, &facts(600)),
            Err(Precondition::Insufficient { .. })
        ));
    }

    #[test]
    fn frozen_balance_stays() {
        let mut frozen = facts(10_000);
        frozen.account.frozen = rao(6_000);
        frozen.account.reserved = rao(1_000);
        assert!(transfer(exactly(4_900), Existence::AllowDeath, &frozen).is_ok());
        assert!(transfer(exactly(4_901), Existence::AllowDeath, &frozen).is_err());
    }

    #[test]
    fn a_new_account_needs_the_deposit() {
        let new = Facts { dest_exists: false, ..facts(10_000) };
        assert!(matches!(
            transfer(exactly(499), Existence::KeepAlive, &new),
            Err(Precondition::BelowDeposit { amount, .. }) if amount == rao(499)
        ));
        assert!(transfer(exactly(500), Existence::KeepAlive, &new).unwrap().warnings[0].contains("no account yet"));
    }

    #[test]
    fn zero_and_oneself_are_said() {
        assert_eq!(transfer(exactly(0), Existence::KeepAlive, &facts(10_000)), Err(Precondition::Nothing));
        let to_self = Transfer { dest: Coldkey(SIGNER), amount: exactly(5_000), existence: Existence::KeepAlive };
        let verdict = judge(&Action::Transfer(to_self), SIGNER, &facts(10_000), rao(100)).unwrap();
        assert_eq!((verdict.balance_after, verdict.warnings.len()), (rao(9_900), 1));
    }

    #[test]
    fn registering_costs_the_price_and_the_fee() {
        let verdict = register(None, &on_subnet(10_000, 9_400)).unwrap();
        assert_eq!(verdict.balance_after, rao(500));
        assert!(matches!(register(None, &on_subnet(10_000, 9_401)), Err(Precondition::Insufficient { .. })));
        assert!(register(Some(9_000), &on_subnet(10_000, 9_000)).is_ok());
        assert!(matches!(register(Some(8_999), &on_subnet(10_000, 9_000)), Err(Precondition::PriceAboveLimit { .. })));
    }

    #[test]
    fn registering_needs_a_place_to_register() {
        assert_eq!(register(None, &facts(10_000)), Err(Precondition::NoSuchSubnet { netuid: NetUid(1) }));
        let mut state = on_subnet(10_000, 1);
        state.owner = Some(DEST);
        assert!(matches!(register(None, &state), Err(Precondition::ForeignHotkey { .. })));
        state.owner = Some(Coldkey(SIGNER));
        assert!(register(None, &state).is_ok());
        state.subnet.as_mut().unwrap().uid = Some(Uid(4));
        assert!(matches!(register(None, &state), Err(Precondition::AlreadyRegistered { uid: Uid(4), .. })));
        state.subnet.as_mut().unwrap().open = false;
        assert!(matches!(register(None, &state), Err(Precondition::RegistrationClosed { .. })));
        let root = Action::Register(Register { netuid: NetUid(0), hotkey: HOTKEY, max_cost: None, tolerance: None });
        assert_eq!(judge(&root, SIGNER, &state, Tao::ZERO), Err(Precondition::Root));
    }

    #[test]
    fn an_axon_needs_a_neuron_and_an_address_that_the_chain_takes() {
        assert!(matches!(serve("1.2.3.4", 8091, None), Err(Precondition::NotRegistered { .. })));
        for (ip, port) in [("1.2.3.4", 0), ("127.0.0.1", 1), ("::1", 1), ("255.255.255.255", 1)] {
            assert!(matches!(serve(ip, port, Some(0)), Err(Precondition::BadEndpoint { .. })), "{ip}:{port}");
        }
        assert_eq!(serve("1.2.3.4", 8091, Some(0)).unwrap().warnings, Vec::<String>::new());
        assert_eq!(serve("10.0.0.1", 8091, Some(0)).unwrap().warnings.len(), 1);
    }
}
