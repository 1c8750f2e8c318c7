//! The noun `multisig`: accounts that several keys sign for together.

use btd_api::{
    AccountId, BlockHash,
    multisig::{
        Address, AddressParams, Approve, ApproveParams, Cancel, CancelParams, GetAddress, List, Proposals, Propose,
        ProposeParams, Proposed,
    },
    unsent,
};
use clap::{Args, Subcommand};

use crate::{
    addr,
    args::WalletArg,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    proxy::{CallArg, ProposedArg},
    session::Session,
    spend::{self, Terms},
};

/// `btctl multisig ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The account that signatories have together
    Address(Parties),
    /// The calls of such an account that wait for approvals
    List(Parties),
    /// Propose a call on behalf of such an account; make it where one signatory is enough
    Propose(CallArgs),
    /// Agree to a proposed call, and make it when enough have
    Approve(ApproveArgs),
    /// Take a proposal back
    Cancel(CancelArgs),
}

/// Who signs together, and how many must.
#[derive(Args, Clone, Debug)]
pub(crate) struct Parties {
    /// All signatories, with commas or by repeating it
    #[arg(long, value_name = "SS58", value_delimiter = ',', required = true, alias = "signers", value_parser = addr::account)]
    signatories: Vec<AccountId>,
    /// How many of them must agree
    #[arg(long, value_name = "N", default_value_t = 2)]
    threshold: u16,
}

/// `btctl multisig propose`
#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    parties: Parties,
    #[command(flatten)]
    call: CallArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl multisig approve`
#[derive(Args, Debug)]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    parties: Parties,
    #[command(flatten)]
    call: ProposedArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl multisig cancel`
#[derive(Args, Debug)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    parties: Parties,
    /// The hash of the call that was proposed
    #[arg(long, value_name = "HASH", alias = "call_hash")]
    call_hash: BlockHash,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

// === impl Parties, Command ===

impl Parties {
    fn resolve(self) -> AddressParams {
        AddressParams { signatories: self.signatories, threshold: self.threshold }
    }
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let settings = &session.settings;
        match self {
            Self::Address(parties) => {
                let reply = session.call::<GetAddress>(&parties.resolve()).await?;
                let render = |address: &Address, _| format!("{}\n", address.account);
                session.out.reply(&reply, render).map(|()| Exit::Success)
            }
            Self::List(parties) => {
                let reply = session.call::<List>(&parties.resolve()).await?;
                session.out.reply(&reply, list).map(|()| Exit::Success)
            }
            Self::Propose(CallArgs { parties, call, wallet, terms }) => {
                let Parties { signatories, threshold } = parties;
                let params = unsent!(ProposeParams {
                    signatories,
                    threshold,
                    call: call.call,
                    wallet: wallet.resolve(settings),
                });
                spend::spend::<Propose>(session, params, terms, proposed).await
            }
            Self::Approve(ApproveArgs { parties, call, wallet, terms }) => {
                let Parties { signatories, threshold } = parties;
                let ProposedArg { call, call_hash } = call;
                let call_hash = match (&call, call_hash) {
                    (None, None) => {
                        let found =
                            only(session, AddressParams { signatories: signatories.clone(), threshold }).await?;
                        if let Some(hash) = found {
                            // By then there may be none, or another; and under one key the wish has to be the same.
                            session.out.note(format_args!("note: a repetition has to name it: --call-hash {hash}"));
                        }
                        found
                    }
                    _ => call_hash,
                };
                let params = unsent!(ApproveParams {
                    signatories,
                    threshold,
                    call,
                    call_hash,
                    wallet: wallet.resolve(settings),
                });
                spend::spend::<Approve>(session, params, terms, proposed).await
            }
            Self::Cancel(CancelArgs { parties, call_hash, wallet, terms }) => {
                let params = unsent!(CancelParams {
                    signatories: parties.signatories,
                    threshold: parties.threshold,
                    call_hash,
                    wallet: wallet.resolve(settings),
                });
                spend::sign::<Cancel>(session, params, terms).await
            }
        }
    }
}

/// The hash of the only proposal, so that what is shown is what is agreed to, whatever is proposed meanwhile; none where
/// there is another number of them, which btd says.
async fn only(session: &Session, parties: AddressParams) -> Result<Option<BlockHash>, Failure> {
    let Proposals { proposals, .. } = session.call::<List>(&parties).await?.read()?;
    Ok(match proposals.as_slice() {
        [one] => Some(one.call_hash),
        _ => None,
    })
}

fn list(reply: &Proposals, page: Page) -> String {
    let mut table = Table::new(&[
        Column::address("CALL HASH"),
        Column::text("PROPOSED AT"),
        Column::address("PROPOSED BY"),
        Column::number("AGREED"),
        Column::number("DEPOSIT (τ)").leaves(1),
    ]);
    for one in &reply.proposals {
        table.row(&[
            one.call_hash.to_string(),
            format!("#{}-{}", one.height, one.index),
            one.depositor.to_string(),
            one.approvals.len().to_string(),
            one.deposit.to_string(),
        ]);
    }
    let Proposals { at, account, proposals } = reply;
    if proposals.is_empty() {
        return format!("nothing is proposed on behalf of {account}\n{}\n", text::at(at, page));
    }
    format!("{}proposed on behalf of {account}\n{}\n", table.render(page), text::at(at, page))
}

fn proposed(proposed: &Proposed, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("account", proposed.account);
    facts.add("call hash", proposed.call_hash);
    spend::layout::outcome(&proposed.receipt, page, &mut facts);
    facts.render(page)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Cli;

    #[test]
    fn signatories_are_a_list() {
        let (a, b) =
            ("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
        for good in [
            format!("multisig address --signatories {a},{b}"),
            format!(
                "ms propose --signatories {a} --signatories {b} --threshold 2 --call {{\"pallet\":\"System\",\"call\":\"remark\"}}"
            ),
            format!("multisig approve --signatories {a},{b}"),
            format!("multisig approve --signatories {a},{b} --call_hash 0x{}", "11".repeat(32)),
        ] {
            assert!(Cli::try_parse_from(format!("btctl {good}").split(' ')).is_ok(), "{good}");
        }
        for bad in [
            "multisig address --signatories alice".to_owned(),
            format!("multisig propose --signatories {a},{b}"),
            format!(
                "multisig approve --signatories {a},{b} --call {{\"pallet\":\"System\",\"call\":\"remark\"}} --call-hash 0x{}",
                "11".repeat(32)
            ),
        ] {
            assert!(Cli::try_parse_from(format!("btctl {bad}").split(' ')).is_err(), "{bad}");
        }
    }
}
