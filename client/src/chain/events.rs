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
    /// The first block, past or yet to come, or the cursor of a block to go on behind it; without it, the next one
    #[arg(long, value_name = "BLOCK", value_parser = beginning)]
    from: Option<Beginning>,
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

/// Where blocks begin, or go on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Beginning {
    /// The first of them.
    first: BlockNumber,
    /// The cursor of the block before, if that is known.
    behind: Option<String>,
}

// === impl Beginning ===

impl Beginning {
    fn at(first: BlockNumber) -> Self {
        Self { first, behind: None }
    }

    fn behind(block: &FinalizedBlock) -> Self {
        let first = BlockNumber(block.block.number.0.saturating_add(1));
        // An earlier btd tells none.
        Self { first, behind: Some(block.cursor.clone()).filter(|cursor| !cursor.is_empty()) }
    }

    fn cursor(&self) -> BlockCursor {
        self.behind.clone().map_or(BlockCursor::First(self.first), BlockCursor::Behind)
    }
}

impl std::fmt::Display for Beginning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.behind {
            Some(cursor) => f.write_str(cursor),
            None => write!(f, "{}", self.first),
        }
    }
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
        if self.from.as_ref().is_some_and(|from| from.behind.is_some()) {
            return Err(Failure::usage(
                "the cursor of a block goes on with whole blocks; events show their own, for --from-cursor",
            ));
        }
        let mut cursor = self.from_cursor.or_else(|| self.from.map(|from| from.to_string()));
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
            let params = SubscribeParams { from_block: next.as_ref().map(Beginning::cursor) };
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
                        next = Some(Beginning::behind(&block));
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
                        (next, unreadable, spec) = (Some(Beginning::at(from)), None, None);
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
                        return Err(ended(oldest.map(Beginning::at).or(next), cause));
                    }
                    Finalized::Lagged { next: unread, trouble, .. } => {
                        match session.out.format() {
                            Format::Json => session.out.data(text.get())?,
                            Format::Human => session.out.note(asked_again(unread, &trouble)),
                        }
                        next = next.filter(|next| next.first == unread).or_else(|| Some(Beginning::at(unread)));
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

/// Reads the number of the first block, or the cursor of the one before it.
fn beginning(text: &str) -> Result<Beginning, String> {
    let Some((last, mark)) = text.split_once('-') else { return number(text).map(Beginning::at) };
    let is_mark = mark.len() == 8 && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
    match last.parse::<u32>() {
        Ok(last) if is_mark => {
            Ok(Beginning { first: BlockNumber(last.saturating_add(1)), behind: Some(text.to_owned()) })
        }
        _ => Err(format!(
            "`{text}` is neither the number of a block nor its cursor, such as `12-a1b2c3d4`; that of an event goes with \
             --from-cursor"
        )),
    }
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

fn ended(next: Option<Beginning>, cause: Failure) -> Failure {
    match next {
        Some(next) => Failure::Unfollowed { next: next.first, from: next.to_string(), cause: Box::new(cause) },
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
    fn blocks_begin_with_one_by_its_number_or_behind_one_by_its_cursor() {
        let cursor = |text: &str| beginning(text).map(|beginning| beginning.cursor());
        assert_eq!(cursor("12"), Ok(BlockCursor::First(BlockNumber(12))));
        assert_eq!(cursor("12-a1b2c3d4"), Ok(BlockCursor::Behind("12-a1b2c3d4".to_owned())));
        assert_eq!(cursor("x").unwrap_err(), "`x` is not a whole number from 0 on");
        for text in ["12-", "12-3", "12-3-a1b2c3d4", "12-a1b2c3dg", "-a1b2c3d4", "4294967296-a1b2c3d4"] {
            assert!(cursor(text).unwrap_err().contains("such as `12-a1b2c3d4`"), "{text}");
        }
    }

    #[test]
    fn where_to_go_on_is_said() {
        for from in ["13", "12-a1b2c3d4"] {
            let failure = ended(Some(beginning(from).unwrap()), lost("chain_subscribeFinalized"));
            assert_eq!(failure.exit(), Exit::Unreachable);
            assert_eq!(failure.hint().unwrap(), format!("go on with --from {from}"));
            assert!(failure.to_string().ends_with("the next block would have been #13"), "{failure}");
        }
        let failure = broken_off(Some("13-2".to_owned()), lost("events_subscribe"));
        assert_eq!(
            (failure.exit(), failure.hint().unwrap().as_str()),
            (Exit::Unreachable, "go on with --from-cursor 13-2")
        );
    }
}
