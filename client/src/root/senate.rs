//! The senate, what it votes on, and a vote.

use btd_api::{
    BlockHash, Hotkey,
    root::{Proposal, ProposalList, Proposals, Senate, SenateVote, SenateVoteParams, Senators},
    rpc::Nothing,
    unsent,
};
use clap::Args;

use crate::{
    args::{HotkeyArg, WalletArg},
    chain,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
    spend::{self, Terms},
};

/// `btctl root senate-vote`
#[derive(Args, Debug)]
pub(crate) struct VoteArgs {
    /// The proposal's hash
    #[arg(long, value_name = "HASH", visible_alias = "proposal-hash", alias = "proposal_hash")]
    proposal: BlockHash,
    /// The proposal's index [default: what the chain has]
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// Vote against it
    #[arg(long, conflicts_with = "vote_aye", alias = "vote_nay")]
    vote_nay: bool,
    /// Vote for it
    #[arg(long, alias = "vote_aye")]
    vote_aye: bool,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    terms: Terms,
}

// === impl VoteArgs ===

impl VoteArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let approve = match (self.vote_aye, self.vote_nay) {
            (is_aye, is_nay) if is_aye != is_nay => is_aye,
            _ => asked(session).await?,
        };
        let params = unsent!(SenateVoteParams {
            proposal: self.proposal,
            index: self.index,
            approve,
            wallet: self.wallet.resolve(&session.settings),
            hotkey: self.hotkey.resolve(&session.settings),
        });
        spend::sign::<SenateVote>(session, params, self.terms).await
    }
}

/// What a person votes: nobody votes by saying nothing.
async fn asked(session: &Session) -> Result<bool, Failure> {
    let unsaid = || Failure::usage("it is not said how to vote: --vote-aye or --vote-nay");
    let answer = session.ask("Vote for it? [aye/nay]").await?.ok_or_else(unsaid)?;
    let (flag, approve) = meant(&answer).ok_or_else(unsaid)?;
    session.stands_for(session.words().into_iter().chain([flag.to_owned()]).collect());
    session.was_asked();
    Ok(approve)
}

/// The flag that says the same as an answer, and whether that is an aye.
fn meant(answer: &str) -> Option<(&'static str, bool)> {
    match answer.trim().to_ascii_lowercase().as_str() {
        "aye" | "yes" | "y" => Some(("--vote-aye", true)),
        "nay" | "no" | "n" => Some(("--vote-nay", false)),
        _ => None,
    }
}

/// `btctl root senate`
pub(crate) async fn senate(session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<Senate>(&Nothing {}).await?;
    session.out.reply(&reply, senators).map(|()| Exit::Success)
}

fn senators(reply: &Senators, page: Page) -> String {
    let mut table = Table::new(&[Column::text("NAME"), Column::address("ADDRESS")]);
    for one in &reply.senators {
        let name = if one.name.is_empty() { "-" } else { &one.name };
        table.row(&[text::visible(name).into_owned(), one.hotkey.to_string()]);
    }
    format!("{}{}, {}\n", table.render(page), text::count(reply.senators.len(), "senator"), text::at(&reply.at, page))
}

/// `btctl root proposals`
pub(crate) async fn proposals(session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<Proposals>(&Nothing {}).await?;
    session.out.reply(&reply, open).map(|()| Exit::Success)
}

fn open(reply: &ProposalList, page: Page) -> String {
    let seats = text::count(reply.seats as usize, "senator");
    let at = text::at(&reply.at, page);
    let mut table = Table::new(&[
        Column::address("HASH"),
        Column::number("INDEX").leaves(1),
        Column::number("THRESHOLD").leaves(2),
        Column::number("AYES"),
        Column::number("NAYS"),
        Column::text("VOTES").leaves(4),
        Column::number("END"),
        Column::text("CALLDATA").leaves(3),
    ]);
    for proposal in &reply.proposals {
        for row in rows(proposal) {
            table.row(&row);
        }
    }
    let count = text::count(reply.proposals.len(), "open proposal");
    format!("{}{count}, {seats}, {at}\n", table.render(page))
}

/// A proposal in a row; who voted, one below the other.
fn rows(proposal: &Proposal) -> Vec<[String; 8]> {
    let votes =
        |voters: &[Hotkey], word: &str| voters.iter().map(|voter| format!("{voter}: {word}")).collect::<Vec<_>>();
    let mut votes = [votes(&proposal.ayes, "aye"), votes(&proposal.nays, "nay")].concat().into_iter();
    let arguments = proposal.arguments.as_object().into_iter().flatten();
    let call = if proposal.call.is_empty() { "not kept by the chain" } else { &proposal.call };
    let call = arguments.fold(call.to_owned(), |call, (name, value)| format!("{call} {name}={}", chain::field(value)));
    let first = [
        proposal.hash.to_string(),
        proposal.index.to_string(),
        proposal.threshold.to_string(),
        proposal.ayes.len().to_string(),
        proposal.nays.len().to_string(),
        votes.next().unwrap_or_else(|| "-".to_owned()),
        format!("#{}", proposal.end),
        call,
    ];
    let below = votes.map(|vote| std::array::from_fn(|column| if column == 5 { vote.clone() } else { String::new() }));
    std::iter::once(first).chain(below).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_aye_is_no_nay() {
        for aye in ["aye", "Y", " yes "] {
            assert_eq!(meant(aye), Some(("--vote-aye", true)), "{aye}");
        }
        for nay in ["nay", "N", "no"] {
            assert_eq!(meant(nay), Some(("--vote-nay", false)), "{nay}");
        }
        assert_eq!((meant(""), meant("a"), meant("maybe")), (None, None, None));
    }

    #[test]
    fn a_proposal_shows_who_voted_how() {
        let bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let hash = format!("0x{}", "11".repeat(32));
        let list: ProposalList = serde_json::from_value(json!({
            "at": { "number": 9, "hash": hash, "age_ms": 100, "stale": false }, "seats": 3,
            "proposals": [{
                "hash": hash, "index": 7, "threshold": 2, "ayes": [alice], "nays": [bob], "end": 50,
                "call": "System.remark", "arguments": { "remark": "0x74" },
            }],
        }))
        .unwrap();
        let text = open(&list, Page::default());
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["HASH", "INDEX", "THRESHOLD", "AYES", "NAYS", "VOTES", "END", "CALLDATA"]);
        let voted = format!("{alice}: aye");
        let first = format!("{hash} 7 2 1 1 {voted} #50 System.remark remark=0x74");
        assert_eq!(lines[1].join(" "), first);
        assert_eq!(lines[2].join(" "), format!("{bob}: nay"));
        assert!(lines[3].join(" ").starts_with("1 open proposal, 3 senators, at block #9"), "{text}");
        let none = ProposalList { proposals: Vec::new(), ..list };
        assert!(open(&none, Page::default()).contains("0 open proposals"));
    }
}
