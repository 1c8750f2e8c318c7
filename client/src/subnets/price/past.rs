//! The past of prices: read at blocks of the last hours, as far back as the node that is followed keeps them, and drawn
//! as bars of text.
//!
//! Nothing of it is kept: a metagraph's own past is [`super::super::history`]'s.

use btd_api::{
    BlockNumber, NetUid, Tao,
    chain::{At, BlockId},
    subnets::{Price, PriceParams, PriceReply},
};
use serde_json::{Value, json};

use crate::{
    exit::Exit,
    failure::Failure,
    output::{
        Format, Page,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// Blocks in an hour: one in twelve seconds.
const HOUR: u32 = 300;
/// At how many blocks prices are read, the newest included.
const POINTS: u32 = 48;
/// The bars of one row, from the lowest on.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How many rows a drawing of one subnet alone has.
const ROWS: u32 = 6;

/// How high a bar is for a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// By the price.
    Linear,
    /// By its logarithm: twice as much is as far up wherever it is.
    Logarithmic,
}

/// The past that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Past {
    /// How many hours of it.
    pub(super) hours: u32,
    pub(super) scale: Scale,
}

/// What was read, from the oldest on.
#[derive(Debug)]
struct Found {
    /// The newest block, which is the last of the readings.
    at: At,
    readings: Vec<(BlockNumber, PriceReply)>,
    /// Why there is none before them, if not for the hours that were asked for.
    end: Option<String>,
}

/// A subnet's prices, from the oldest on; none at blocks at which there was no such subnet, or no price.
type Course = Vec<Option<Tao>>;

/// Shows the past of the prices of `netuids`, or of all.
pub(super) async fn show(session: &Session, netuids: Vec<NetUid>, past: Past) -> Result<Exit, Failure> {
    let now = PriceParams { netuid: None, netuids, block: None };
    let newest = session.call::<Price>(&now).await?.read()?;
    let found = read(session, newest, past.hours).await?;
    match session.out.format() {
        Format::Json => session.out.document(&document(&found).to_string())?,
        Format::Human => session.out.data(&drawn(&found, past, session.out.page()))?,
    }
    Ok(Exit::Success)
}

/// Reads back from the newest block. A block that the node has no more is where the past ends.
async fn read(session: &Session, newest: PriceReply, hours: u32) -> Result<Found, Failure> {
    let (at, mut readings, mut end) = (newest.at, vec![(newest.at.block.number, newest)], None);
    for number in blocks(at.block.number.0, hours) {
        // Of a subnet that is younger there is nothing to be told, and of the others there is.
        let params = PriceParams { netuid: None, netuids: Vec::new(), block: Some(BlockId::Number(number)) };
        match session.call::<Price>(&params).await {
            Ok(reply) => readings.push((number, reply.read()?)),
            // What may be told the next time is no end.
            Err(Failure::Api(error)) if !error.kind().is_some_and(btd_api::ErrorKind::retryable) => {
                end = Some(format!("from #{number} back nothing can be read: {error}"));
                break;
            }
            Err(failure) => return Err(failure),
        }
    }
    readings.reverse();
    Ok(Found { at, readings, end })
}

/// The blocks before `newest` at which prices are read, back from it.
fn blocks(newest: u32, hours: u32) -> Vec<BlockNumber> {
    let span = hours.saturating_mul(HOUR);
    let step = span.div_ceil(POINTS - 1).max(1);
    let back = (1..POINTS).filter_map(|count| newest.checked_sub(count.checked_mul(step)?));
    back.take_while(|number| newest - number <= span).map(BlockNumber).collect()
}

// === impl Found ===

impl Found {
    /// Each subnet of the newest block with its prices.
    fn courses(&self) -> impl Iterator<Item = (NetUid, Course)> {
        let newest = self.readings.last().map_or(&[][..], |(_, reply)| &reply.prices);
        newest.iter().map(|subnet| {
            let of = |reply: &PriceReply| reply.prices.iter().find(|one| one.netuid == subnet.netuid)?.price;
            (subnet.netuid, self.readings.iter().map(|(_, reply)| of(reply)).collect())
        })
    }
}

fn document(found: &Found) -> Value {
    let courses = found.courses().map(|(netuid, course)| {
        let past =
            found.readings.iter().zip(course).map(|((number, _), price)| json!({ "block": number, "price": price }));
        json!({ "netuid": netuid, "past": past.collect::<Value>() })
    });
    json!({ "at": found.at, "prices": courses.collect::<Value>(), "ends": found.end })
}

fn drawn(found: &Found, past: Past, page: Page) -> String {
    let courses: Vec<(NetUid, Course)> = found.courses().collect();
    let mut table = Table::new(&[
        Column::number("NETUID"),
        Column::number("PRICE (τ/α)"),
        Column::number("CHANGE"),
        Column::number("LOWEST").leaves(2),
        Column::number("HIGHEST").leaves(3),
        Column::text("PAST").leaves(1),
    ]);
    for (netuid, course) in &courses {
        let known: Vec<Tao> = course.iter().copied().flatten().collect();
        let shown = |price: Option<&Tao>| price.map_or_else(|| "-".to_owned(), Tao::to_string);
        // A drawing of its own says it better.
        let bars = if courses.len() == 1 { String::new() } else { bars(course, past.scale, 1).concat() };
        table.row(&[
            netuid.to_string(),
            shown(known.last()),
            known.first().zip(known.last()).map_or_else(|| "-".to_owned(), |(first, last)| change(*first, *last)),
            shown(known.iter().min()),
            shown(known.iter().max()),
            bars,
        ]);
    }
    let drawing = match courses.as_slice() {
        [(_, course)] => bars(course, past.scale, ROWS),
        _ => Vec::new(),
    };
    let drawing = drawing.iter().fold(String::new(), |drawing, row| format!("{drawing}{}\n", row.trim_end()));
    let first = found.readings.first().map_or(found.at.block.number, |(number, _)| *number);
    let count = text::count(found.readings.len(), "block");
    let end = found.end.as_ref().map(|end| format!("{end}\n")).unwrap_or_default();
    format!("{}{drawing}{count} from #{first} on, {}\n{end}", table.render(page), text::at(&found.at, page))
}

/// By how much it has changed, in hundredths of a percent.
fn change(first: Tao, last: Tao) -> String {
    let (first, last) = (u128::from(first.rao()), u128::from(last.rao()));
    if first == 0 {
        return "-".to_owned();
    }
    let hundredths = first.abs_diff(last) * 10_000 / first;
    let sign = if last < first { '-' } else { '+' };
    format!("{sign}{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// The course as bars in so many rows, the upper one first. What is not known is left blank.
fn bars(course: &Course, scale: Scale, rows: u32) -> Vec<String> {
    let heights: Vec<Option<f64>> = course.iter().map(|price| price.and_then(|price| height(price, scale))).collect();
    let known = || heights.iter().copied().flatten();
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let steps = rows * 8;
    // The lowest is one step high, the highest all of them; where nothing changes, all are half as high.
    let step = |height: f64| {
        let share = if high > low { (height - low) / (high - low) } else { 0.5 };
        (1..=steps).rev().find(|step| f64::from(step - 1) <= share.mul_add(f64::from(steps - 1), 0.5)).unwrap_or(1)
    };
    let steps_of: Vec<Option<u32>> = heights.iter().map(|height| height.map(step)).collect();
    let cell = |step: Option<u32>, row: u32| {
        let above = step.map_or(0, |step| step.saturating_sub(row * 8)).min(8);
        above.checked_sub(1).and_then(|bar| BARS.get(usize::try_from(bar).ok()?)).copied().unwrap_or(' ')
    };
    (0..rows).rev().map(|row| steps_of.iter().map(|step| cell(*step, row)).collect()).collect()
}

/// How high a price lies, by the scale; nothing is the logarithm of nothing.
fn height(price: Tao, scale: Scale) -> Option<f64> {
    let price: f64 = price.to_string().parse().ok()?;
    match scale {
        Scale::Linear => Some(price),
        Scale::Logarithmic => (price > 0.0).then(|| price.ln()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(prices: &[u64]) -> Course {
        prices.iter().map(|rao| (*rao > 0).then(|| Tao::from_rao(*rao))).collect()
    }

    fn reply(number: u32, prices: &Value) -> (BlockNumber, PriceReply) {
        let at = json!({ "number": number, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false });
        (BlockNumber(number), serde_json::from_value(json!({ "at": at, "prices": prices })).unwrap())
    }

    #[test]
    fn blocks_reach_back_as_many_hours_as_there_are() {
        let found = blocks(10_000, 4);
        assert_eq!((found.first(), found.last()), (Some(&BlockNumber(9_974)), Some(&BlockNumber(8_804))));
        assert_eq!(blocks(2, 4), []);
        assert_eq!(blocks(30, 4), [BlockNumber(4)]);
    }

    #[test]
    fn bars_rise_with_the_price() {
        assert_eq!(bars(&course(&[1, 2, 3, 4, 5, 6, 7, 8]), Scale::Linear, 1), ["▁▂▃▄▅▆▇█"]);
        assert_eq!(bars(&course(&[0, 5, 5]), Scale::Linear, 1), [" ▅▅"]);
        // Twice as much is as far up each time.
        let doubling = course(&[1_000, 2_000, 4_000, 8_000]);
        assert_eq!(bars(&doubling, Scale::Logarithmic, 1), ["▁▃▆█"]);
        assert_eq!(bars(&doubling, Scale::Linear, 1), ["▁▂▄█"]);
        assert_eq!(bars(&course(&[1, 16]), Scale::Linear, 2), [" █", "▁█"]);
        assert_eq!(bars(&Vec::new(), Scale::Linear, 1), [""]);
    }

    #[test]
    fn changes_are_shares_of_what_was() {
        let told = |first, last| change(Tao::from_rao(first), Tao::from_rao(last));
        assert_eq!((told(200, 201), told(200, 100), told(0, 5)), ("+0.50 %".into(), "-50.00 %".into(), "-".into()));
    }

    #[test]
    fn a_young_subnet_has_a_short_past() {
        let (old, new) = (
            json!([{ "netuid": 1, "price": "2000" }]),
            json!([
                { "netuid": 1, "price": "1000" }, { "netuid": 2, "price": "7" }, { "netuid": 3, "price": null },
            ]),
        );
        let readings = vec![reply(1, &old), reply(9, &new)];
        let at = readings[1].1.at;
        let found = Found { at, readings, end: Some("from #0 back nothing can be read: no".to_owned()) };
        let past = Past { hours: 4, scale: Scale::Linear };
        let text = drawn(&found, past, Page::default());
        let expected = "\
NETUID  PRICE (τ/α)    CHANGE       LOWEST      HIGHEST  PAST
     1  0.000001000  -50.00 %  0.000001000  0.000002000  █▁
     2  0.000000007   +0.00 %  0.000000007  0.000000007   ▅
     3            -         -            -            -
2 blocks from #1 on, at block #9, just now
from #0 back nothing can be read: no
";
        assert_eq!(text, expected);
        let document = document(&found);
        assert_eq!(
            document["prices"][0]["past"],
            json!([{ "block": 1, "price": "2000" }, { "block": 9, "price": "1000" }])
        );
        assert_eq!(document["prices"][1]["past"][0]["price"], Value::Null);
    }
}
