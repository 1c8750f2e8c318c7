//! Finalized blocks, or single events, as they come.

use btd_api::{
    AccountId, BlockNumber, NetUid, Subscription,
    chain::{BlockCursor, Finalized, FinalizedBlock, Link, SubscribeFinalized, SubscribeParams},
    events::{Happened, SubscribeEvents, SubscribeEventsParams},
};
use clap::Args;

use super::event;
use crate::{
    addr,
    args::number,
    exit::Exit,
    failure::Failure,
    output::{Format, Page, text},
    session::Session,
};

/// `btctl events`
#[derive(Args, Debug)]
pub(crate) struct EventsArgs {
    /// The first block, past or yet to come; without it, the next one
    #[arg(long, value_name = "BLOCK", value_parser = number::<BlockNumber>)]
    from: Option<BlockNumber>,
    /// Stop after this many blocks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    blocks: Option<u32>,
    /// Only events of this pallet
    #[arg(long, value_name = "PALLET")]
    pallet: Option<String>,
    /// Only events of this name
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// Only events about this subnet
    #[arg(long, value_name = "NETUID", value_parser = number::<NetUid>)]
    netuid: Option<NetUid>,
    /// Only events that name this account, or that it caused
    #[arg(long, value_name = "ADDRESS", value_parser = addr::account)]
    account: Option<AccountId>,
    /// Go on behind the event with this cursor; each event shows its own
    #[arg(long, value_name = "CURSOR", conflicts_with = "from")]
    from_cursor: Option<String>,
    /// Stop after this many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "blocks")]
    count: Option<u32>,
}

// === impl EventsArgs ===

impl EventsArgs {
    /// Shows blocks, or events once one asks for some of them: with `--json` one object a line, as
    /// it came.
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let is_about_events = self.pallet.is_some()
            || self.event.is_some()
            || self.netuid.is_some()
            || self.account.is_some()
            || self.from_cursor.is_some()
            || self.count.is_some();
        if is_about_events { self.events(session).await } else { self.blocks(session).await }
    }

    async fn events(self, session: &Session) -> Result<Exit, Failure> {
        if self.blocks.is_some() {
            return Err(Failure::usage("--blocks counts blocks; to stop after some events write --count"));
        }
        let mut cursor = self.from_cursor.or_else(|| self.from.map(|block| block.to_string()));
        let params = SubscribeEventsParams {
            pallet: self.pallet,
            event: self.event,
            netuid: self.netuid,
            account: self.account,
            from_cursor: cursor.clone(),
        };
        let mut left = self.count;
        let mut following = session.follow::<SubscribeEvents>(&params).await?;
        loop {
            let (text, item) = match following.next().await {
                Ok(Some(notification)) => notification,
                Ok(None) => return Err(broken_off(cursor, lost(SubscribeEvents::NAME))),
                Err(cause) => return Err(broken_off(cursor, cause)),
            };
            if session.out.format() == Format::Json {
                session.out.data(text.get())?;
            }
            let is_human = session.out.format() == Format::Human;
            match item {
                Happened::Event { cursor: behind, block, event: one, .. } => {
                    if is_human {
                        session.out.data(&format!("#{} {behind}  {}", block.number, event(&one)))?;
                    }
                    cursor = Some(behind);
                    left = left.map(|left| left - 1);
                    if left == Some(0) {
                        return Ok(Exit::Success);
                    }
                }
                Happened::Passed { cursor: behind, .. } => cursor = Some(behind),
                Happened::Replaced { cursor: from, trouble } => {
                    if is_human {
                        session.out.warn(replaced(&from, &trouble));
                    }
                    cursor = Some(from);
                }
                Happened::Illegible { cursor: behind, block, trouble } => {
                    if is_human {
                        let trouble = text::visible(&trouble);
                        session.out.warn(format!("part of block #{} cannot be read: {trouble}", block.number));
                    }
                    cursor = Some(behind);
                }
                Happened::Waiting { link, trouble } => {
                    if is_human {
                        session.out.note(waiting(link, &trouble));
                    }
                }
                Happened::Ended { cursor: at, trouble, oldest } => {
                    let at = oldest.map_or(at, |oldest| oldest.to_string());
                    let cause = Failure::Lost { method: SubscribeEvents::NAME, reason: trouble };
                    return Err(broken_off(Some(at), cause));
                }
            }
        }
    }

    async fn blocks(self, session: &Session) -> Result<Exit, Failure> {
        let mut next = self.from;
        let mut left = self.blocks;
        let (mut unreadable, mut spec) = (None, None);
        loop {
            let params = SubscribeParams { from_block: next.map(BlockCursor::First) };
            let mut following = session.follow::<SubscribeFinalized>(&params).await?;
            loop {
                let (text, item) = match following.next().await {
                    Ok(Some(notification)) => notification,
                    Ok(None) => return Err(ended(next, lost(SubscribeFinalized::NAME))),
                    Err(cause) => return Err(ended(next, cause)),
                };
                match item {
                    Finalized::Block(block) => {
                        match session.out.format() {
                            Format::Json => session.out.data(text.get())?,
                            Format::Human => {
                                if let Some(words) = upgraded(spec, &block) {
                                    session.out.note(words);
                                }
                                session.out.data(&render(&block, session.out.page()))?;
                            }
                        }
                        spec = block.spec_version.or(spec);
                        next = Some(BlockNumber(block.block.number.0.saturating_add(1)));
                        left = left.map(|left| left - 1);
                        if left == Some(0) {
                            return Ok(Exit::Success);
                        }
                    }
                    Finalized::Replaced { next: from, trouble } => {
                        match session.out.format() {
                            Format::Json => session.out.data(text.get())?,
                            Format::Human => session.out.warn(replaced(&from.to_string(), &trouble)),
                        }
                        (next, unreadable, spec) = (Some(from), None, None);
                    }
                    Finalized::Waiting { link, trouble } => match session.out.format() {
                        Format::Json => session.out.data(text.get())?,
                        Format::Human => session.out.note(waiting(link, &trouble)),
                    },
                    // The same block twice, or one that is gone: asking again does not help.
                    Finalized::Lagged { next: unread, trouble, oldest }
                        if unreadable == Some(unread) || oldest.is_some() =>
                    {
                        let reason = format!("block {unread} cannot be read: {trouble}");
                        let cause = Failure::Lost { method: SubscribeFinalized::NAME, reason };
                        return Err(ended(oldest.or(next), cause));
                    }
                    Finalized::Lagged { next: unread, trouble, .. } => {
                        match session.out.format() {
                            Format::Json => session.out.data(text.get())?,
                            Format::Human => session.out.note(asked_again(unread, &trouble)),
                        }
                        next = Some(unread);
                        unreadable = Some(unread);
                        break;
                    }
                }
            }
        }
    }
}

fn waiting(link: Link, trouble: &str) -> String {
    let why = match link {
        Link::Live => "nothing comes",
        Link::Stale => "no block comes, blocks stopped arriving",
        Link::Connecting | Link::Lost => "no block comes, the chain is out of reach",
    };
    format!("{why}: {}", text::visible(trouble))
}

/// That what was shown of the blocks from one on is to be forgotten.
fn replaced(from: &str, trouble: &str) -> String {
    let trouble = text::visible(trouble);
    format!(
        "what was shown of block #{from} and those behind it is not of the chain any more, and is shown anew: {trouble}"
    )
}

fn asked_again(unread: BlockNumber, trouble: &str) -> String {
    format!("block #{unread} could not be read, and is asked for again: {}", text::visible(trouble))
}

/// That a block is the first of another runtime than the one `before`, if so.
fn upgraded(before: Option<u32>, block: &FinalizedBlock) -> Option<String> {
    let (before, now) = before.zip(block.spec_version)?;
    (before != now)
        .then(|| format!("from block #{} on the runtime is spec {now}, before it was {before}", block.block.number))
}

fn lost(method: &'static str) -> Failure {
    Failure::Lost { method, reason: "btd ended the subscription".to_owned() }
}

/// Says where to go on.
fn broken_off(cursor: Option<String>, cause: Failure) -> Failure {
    match cursor {
        Some(cursor) => Failure::BrokenOff { cursor, cause: Box::new(cause) },
        None => cause,
    }
}

fn ended(next: Option<BlockNumber>, cause: Failure) -> Failure {
    match next {
        Some(next) => Failure::Unfollowed { next: next.0, cause: Box::new(cause) },
        None => cause,
    }
}

fn render(block: &FinalizedBlock, page: Page) -> String {
    let counts = (text::count(block.extrinsics as usize, "extrinsic"), text::count(block.events.len(), "event"));
    let number = page.bold(format_args!("#{}", block.block.number));
    let events = block.events.iter().map(|one| {
        let cause = one.extrinsic.map_or_else(|| "-".to_owned(), |index| index.to_string());
        format!("  {cause:>3}  {}\n", event(one))
    });
    let events: String = events.collect();
    let illegible = block.illegible.iter().map(|what| format!("  {}\n", page.warn(text::visible(what))));
    let events: String = illegible.fold(events, |events, line| events + &line);
    format!("{number} {}, {}, {}\n{events}", block.block.hash, counts.0, counts.1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_block_is_a_line_and_its_events_below_it() {
        let hash = format!("0x{}", "ab".repeat(32));
        let block: FinalizedBlock = serde_json::from_value(json!({
            "number": 12, "hash": hash, "parent": hash, "timestamp_ms": null, "extrinsics": 1,
            "events": [
                { "pallet": "System", "name": "ExtrinsicSuccess", "fields": { "dispatch_info": { "class": "Normal" } },
                  "extrinsic": 0 },
                { "pallet": "Proxy", "name": "Announced", "fields": { "real": { "Id": "5G" }, "call": { "x": 1 } },
                  "extrinsic": 0 },
                { "pallet": "SubtensorModule", "name": "BlockEmission", "fields": ["5F", 7], "extrinsic": null },
            ],
        }))
        .unwrap();
        let expected = format!(
            "\
#12 {hash}, 1 extrinsic, 3 events
    0  System.ExtrinsicSuccess
    0  Proxy.Announced real=5G call={{\"x\":1}}
    -  SubtensorModule.BlockEmission 5F 7
"
        );
        assert_eq!(render(&block, Page::default()), expected);
        assert_eq!(upgraded(Some(425), &block), None, "nobody knows its runtime");
        let block = FinalizedBlock { spec_version: Some(426), ..block };
        assert_eq!([None, Some(426)].map(|before| upgraded(before, &block)), [None, None]);
        let words = "from block #12 on the runtime is spec 426, before it was 425";
        assert_eq!(upgraded(Some(425), &block).as_deref(), Some(words));
        let torn = FinalizedBlock { illegible: vec!["its events are gone".to_owned()], ..block };
        assert_eq!(render(&torn, Page::default()), format!("{expected}  its events are gone\n"));
    }

    #[test]
    fn where_to_go_on_is_said() {
        let failure = ended(Some(BlockNumber(13)), lost("chain_subscribeFinalized"));
        assert_eq!(failure.exit(), Exit::Unreachable);
        assert_eq!(failure.hint().unwrap(), "go on with --from 13");
        let failure = broken_off(Some("13-2".to_owned()), lost("events_subscribe"));
        assert_eq!(
            (failure.exit(), failure.hint().unwrap().as_str()),
            (Exit::Unreachable, "go on with --from-cursor 13-2")
        );
    }
}
