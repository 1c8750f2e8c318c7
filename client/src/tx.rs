//! The noun `tx`: extrinsics that the daemon has signed.

use std::time::Duration;

use btd_api::{
    ApiError, BlockHash, ErrorKind, IdempotencyKey,
    signing::Lane,
    tx::{
        Cancel, CancelParams, Cancelled, Entries, Entry, Follow, FollowParams, List, ListParams, Show, ShowParams,
        Shown, State, Waiting,
    },
    wallet::Wait,
};
use clap::{Args, Subcommand};

use crate::{
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    session::Session,
    spend,
};

/// `btctl tx ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The extrinsics that the daemon signed, the newest first
    List(ListArgs),
    /// One of them, with its plan and its end
    Show(ExtrinsicArg),
    /// Wait for the end of one of them
    Follow(FollowArgs),
    /// Take back what no node has been handed: what waits for its turn, or could not be sent so far
    Cancel(CancelArgs),
}

/// `btctl tx cancel`
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct CancelArgs {
    /// Its hash or its ID of `tx list`, if it was signed
    #[arg(value_parser = reference)]
    extrinsic: Option<Reference>,
    /// The key that the order was given with, signed or not; `tx list` shows those that wait
    #[arg(long, value_name = "KEY", visible_alias = "idempotency-key", alias = "idempotency_key")]
    key: Option<IdempotencyKey>,
}

/// `btctl tx follow`
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct FollowArgs {
    /// Its hash, or its ID of `tx list`
    #[arg(value_parser = reference)]
    extrinsic: Option<Reference>,
    /// The key that the order was given with, once it is signed
    #[arg(long, value_name = "KEY", visible_alias = "idempotency-key", alias = "idempotency_key")]
    key: Option<IdempotencyKey>,
}

/// `btctl tx list`
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Those on their way only
    #[arg(long)]
    pending: bool,
    /// Those with a lower ID only: to read on
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
}

/// One extrinsic.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ExtrinsicArg {
    /// Its hash, or its ID of `tx list`
    #[arg(value_parser = reference)]
    extrinsic: Reference,
}

/// By what an extrinsic is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reference {
    Hash(BlockHash),
    Id(i64),
}

fn reference(text: &str) -> Result<Reference, String> {
    let is_id = text.len() < 20 && text.bytes().all(|digit| digit.is_ascii_digit());
    match text.parse() {
        Ok(id) if is_id => Ok(Reference::Id(id)),
        _ => match text.parse() {
            Ok(hash) => Ok(Reference::Hash(hash)),
            Err(_) => Err("expected an extrinsic's hash, 64 hex digits, or its ID of `btctl tx list`".to_owned()),
        },
    }
}

impl Reference {
    /// The hash of the extrinsic, if one is named.
    async fn hash_of(named: Option<Self>, session: &Session) -> Result<Option<BlockHash>, Failure> {
        match named {
            Some(reference) => reference.hash(session).await.map(Some),
            None => Ok(None),
        }
    }

    /// The hash of the extrinsic; asks the daemon for it where it goes by its ID.
    async fn hash(self, session: &Session) -> Result<BlockHash, Failure> {
        let id = match self {
            Self::Hash(hash) => return Ok(hash),
            Self::Id(id) => id,
        };
        let params = ListParams { limit: Some(1), pending: false, before: Some(id.saturating_add(1)) };
        let entries = session.call::<List>(&params).await?.read()?.entries;
        let found = entries.iter().find(|entry| entry.id == id).map(|entry| entry.extrinsic);
        found.ok_or_else(|| {
            ApiError::new(ErrorKind::NotFound, format!("btd has signed no extrinsic with the ID {id}")).into()
        })
    }
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List(args) => {
                let params = ListParams { limit: Some(args.limit), pending: args.pending, before: args.before };
                let reply = session.call::<List>(&params).await?;
                session.out.reply(&reply, |reply, page| list(reply, args.pending, page)).map(|()| Exit::Success)
            }
            Self::Show(ExtrinsicArg { extrinsic }) => {
                let extrinsic = extrinsic.hash(session).await?;
                let reply = session.call::<Show>(&ShowParams { extrinsic }).await?;
                session.out.reply(&reply, show).map(|()| Exit::Success)
            }
            Self::Follow(FollowArgs { extrinsic, key }) => {
                let extrinsic = Reference::hash_of(extrinsic, session).await?;
                let params = FollowParams { extrinsic, key, wait: Wait::Finalized };
                let limit = session.settings.timeout.unwrap_or(spend::SPEND);
                let reply = session.call_within::<Follow>(&params, limit).await?;
                session.out.reply(&reply, spend::layout::receipt).map(|()| Exit::Success)
            }
            Self::Cancel(CancelArgs { extrinsic, key }) => {
                let extrinsic = Reference::hash_of(extrinsic, session).await?;
                let params = CancelParams { extrinsic, key };
                let reply = session.call::<Cancel>(&params).await?;
                session.out.reply(&reply, cancelled).map(|()| Exit::Success)
            }
        }
    }
}

fn cancelled(Cancelled { waiting, extrinsic }: &Cancelled, _: Page) -> String {
    let waited = match waiting {
        0 => String::new(),
        1 => "called off while it waited: 1 order\n".to_owned(),
        many => format!("called off while they waited: {many} orders\n"),
    };
    let signed = extrinsic.map(|extrinsic| format!("taken back, and never in any block: extrinsic {extrinsic}\n"));
    format!("{waited}{}", signed.unwrap_or_default())
}

const fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Unseen => "included, end unknown",
        State::Refused => "refused",
        State::Expired => "expired",
        State::Withdrawn => "withdrawn",
    }
}

fn list(reply: &Entries, pending_only: bool, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("ID"),
        Column::text("STATE"),
        Column::text("CALL"),
        Column::number("NONCE").leaves(2),
        Column::address("SIGNER").leaves(1),
        Column::address("EXTRINSIC"),
    ]);
    for entry in &reply.entries {
        table.row(&[
            entry.id.to_string(),
            word(entry.state).to_owned(),
            entry.call.clone(),
            entry.nonce.to_string(),
            entry.signer.to_string(),
            entry.extrinsic.to_string(),
        ]);
    }
    let signed = match (reply.entries.is_empty(), pending_only) {
        (false, _) => table.render(page),
        (true, true) => "nothing is pending\n".to_owned(),
        (true, false) => "nothing was signed\n".to_owned(),
    };
    let more = reply.next.map_or_else(String::new, |next| format!("older ones with --before {next}\n"));
    format!("{signed}{more}{}", waiting(&reply.waiting, page))
}

/// Those that wait for their turn; nothing where none does.
fn waiting(orders: &[Waiting], page: Page) -> String {
    if orders.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::text("WAITS"),
        Column::text("LANE"),
        Column::text("KEY"),
        Column::address("SIGNER").leaves(1),
    ]);
    for order in orders {
        let lane = match order.lane {
            Lane::Urgent => "urgent",
            Lane::Normal => "normal",
            Lane::Bulk => "bulk",
        };
        let key = order.idempotency_key.as_ref().map_or("-", |key| key.as_str());
        let waited = text::duration(Duration::from_millis(order.waited_ms));
        table.row(&[waited, lane.to_owned(), key.to_owned(), order.signer.to_string()]);
    }
    format!("\n{}", table.render(page))
}

fn facts(entry: &Entry) -> Facts {
    let mut facts = Facts::default();
    facts.add("extrinsic", entry.extrinsic);
    facts.add("state", word(entry.state));
    facts.add("asked", &entry.summary);
    facts.add("nonce", entry.nonce);
    if let Some(end) = entry.era_end {
        facts.add("last block", format!("#{end} can include it, none after"));
    }
    if let Some(key) = &entry.idempotency_key {
        facts.add("key", key);
    }
    facts
}

fn show(shown: &Shown, page: Page) -> String {
    let ending = match &shown.ending {
        Some(ending) => format!("ending {ending}\n"),
        None => String::new(),
    };
    format!(
        "{}{}{}",
        facts(&shown.entry).render(page),
        spend::layout::card(&shown.plan, page),
        text::visible_lines(&ending)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_extrinsic_goes_by_its_hash_or_its_number() {
        let digits = "11".repeat(32);
        for text in [digits.clone(), format!("0x{digits}")] {
            assert_eq!(reference(&text), Ok(Reference::Hash(BlockHash([0x11; 32]))), "{text}");
        }
        assert_eq!(reference("7"), Ok(Reference::Id(7)));
        for wrong in ["", "-7", "seven", "0x11", "99999999999999999999"] {
            assert!(reference(wrong).is_err_and(|message| message.contains("tx list")), "{wrong}");
        }
    }

    #[test]
    fn what_was_signed_is_listed() {
        let hash = format!("0x{}", "11".repeat(32));
        let entries: Entries = serde_json::from_value(json!({ "entries": [{
            "id": 7, "extrinsic": hash, "state": "unseen", "call": "Balances.transfer_keep_alive", "summary": "send",
            "signer": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "nonce": 3, "recorded_at": 1,
            "settled_at": 2, "era_end": 9, "idempotency_key": null,
        }] }))
        .unwrap();
        let text = list(&entries, false, Page::default());
        assert!(text.contains(" 7  included, end unknown  Balances.transfer_keep_alive"), "{text}");
        assert!(facts(&entries.entries[0]).render(Page::default()).contains("#9 can include it"));
        let nothing = Entries { entries: vec![], next: None, waiting: vec![] };
        assert_eq!(list(&nothing, false, Page::default()), "nothing was signed\n");
        // More may have been signed than what is on its way.
        assert_eq!(list(&nothing, true, Page::default()), "nothing is pending\n");
    }
}
