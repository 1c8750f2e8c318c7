//! The noun `chain`: finalized blocks as they come, and how an event reads.

use btd_api::{
    BlockNumber, Subscription,
    chain::{Event, Finalized, FinalizedBlock, SubscribeFinalized, SubscribeParams},
};
use clap::Args;
use serde_json::Value;

use crate::{
    args::number,
    exit::Exit,
    failure::Failure,
    output::{Format, Page, text},
    session::Session,
};

/// `btctl events`
#[derive(Args, Debug)]
pub(crate) struct EventsArgs {
    /// The first block: one that btd still keeps, or one that is yet to come; without it, the newest
    #[arg(long, value_name = "BLOCK", value_parser = number::<BlockNumber>)]
    from: Option<BlockNumber>,
    /// Stop after this many blocks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    blocks: Option<u32>,
}

// === impl EventsArgs ===

impl EventsArgs {
    /// Shows one block after the other: with `--json` one object a line, as it came.
    ///
    /// A subscriber that read too slowly subscribes again from where it was, so no block is missed.
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let mut next = self.from;
        let mut left = self.blocks;
        loop {
            let mut following = session.follow::<SubscribeFinalized>(&SubscribeParams { from_block: next }).await?;
            loop {
                let (text, item) = match following.next().await {
                    Ok(Some(notification)) => notification,
                    Ok(None) => return Err(ended(next, lost())),
                    Err(cause) => return Err(ended(next, cause)),
                };
                match item {
                    Finalized::Block(block) => {
                        match session.out.format() {
                            Format::Json => session.out.data(text.get())?,
                            Format::Human => session.out.data(&render(&block, session.out.page()))?,
                        }
                        next = Some(BlockNumber(block.block.number.0.saturating_add(1)));
                        left = left.map(|left| left - 1);
                        if left == Some(0) {
                            return Ok(Exit::Success);
                        }
                    }
                    Finalized::Lagged { next: first_missed } => {
                        next = Some(first_missed);
                        break;
                    }
                }
            }
        }
    }
}

fn lost() -> Failure {
    Failure::Lost { method: SubscribeFinalized::NAME, reason: "btd ended the subscription".to_owned() }
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
    let events = block.events.iter().map(|event| {
        let cause = event.extrinsic.map_or_else(|| "-".to_owned(), |index| index.to_string());
        format!("  {cause:>3}  {}\n", self::event(event))
    });
    let events: String = events.collect();
    format!("{number} {}, {}, {}\n{events}", block.block.hash, counts.0, counts.1)
}

/// `Balances.Transfer from=5... to=5... amount=1`
pub(crate) fn event(event: &Event) -> String {
    let mut words = vec![format!("{}.{}", event.pallet, event.name)];
    match &event.fields {
        // It says how heavy the extrinsic was, which nobody reads along.
        _ if event.pallet == "System" && event.name == "ExtrinsicSuccess" => {}
        Value::Object(fields) => words.extend(fields.iter().map(|(name, value)| format!("{name}={}", field(value)))),
        Value::Array(fields) => words.extend(fields.iter().map(field)),
        Value::Null => {}
        other => words.push(field(other)),
    }
    text::visible(&words.join(" ")).into_owned()
}

/// A decoded value as a person reads it: texts bare, an address without the form it was given in.
pub(crate) fn field(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) if members.len() == 1 && members.contains_key("Id") => field(&members["Id"]),
        other => other.to_string(),
    }
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
    }

    #[test]
    fn where_to_go_on_is_said() {
        let failure = ended(Some(BlockNumber(13)), lost());
        assert_eq!(failure.exit(), Exit::Unreachable);
        assert_eq!(failure.hint().unwrap(), "go on with --from 13");
    }
}
