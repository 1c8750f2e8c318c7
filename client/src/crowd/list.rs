//! The crowdloans: which, in which order.

use btd_api::{
    Coldkey,
    crowd::{Crowdloan, Crowdloans, List, ListParams, Purpose, State},
};
use clap::{Args, ValueEnum};

use super::{purpose, state};
use crate::{
    addr,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        column::{self, Key, Order, Shown},
        table::Column,
        text,
    },
    session::Session,
};

/// `btctl crowd list`
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Those that have come so far
    #[arg(long, value_enum, ignore_case = true, value_name = "STATE", alias = "state")]
    status: Option<StateArg>,
    /// Those for this
    #[arg(long = "type", value_enum, ignore_case = true, value_name = "TYPE")]
    purpose: Option<PurposeArg>,
    /// Those of this creator
    #[arg(long, value_name = "SS58", value_parser = addr::coldkey)]
    creator: Option<Coldkey>,
    /// Those of creators whose name or address has this text in it
    #[arg(long, value_name = "TEXT", alias = "search_creator")]
    search_creator: Option<String>,
    /// Sort by this column; without it, by number
    #[arg(long, value_name = "COLUMN", visible_alias = "sort-by", alias = "sort_by", value_parser = column)]
    sort: Option<&'static Shown<Crowdloan>>,
    /// Which way; without it, amounts from the largest on
    #[arg(long, value_enum, ignore_case = true, value_name = "ORDER", alias = "sort_order")]
    sort_order: Option<Order>,
}

/// How far a crowdloan has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StateArg {
    /// It takes contributions
    #[value(alias = "active")]
    Open,
    /// All has been raised
    #[value(alias = "funded")]
    Full,
    /// Its last block went by before
    #[value(alias = "closed")]
    Ended,
    /// It has been paid out
    #[value(alias = "finalized")]
    PaidOut,
}

/// What a crowdloan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PurposeArg {
    /// The lease of a subnet, or another call
    Subnet,
    /// An account
    Fundraising,
}

/// The columns, in their order.
static COLUMNS: [Shown<Crowdloan>; 10] = [
    Shown {
        name: "id",
        column: Column::number("ID"),
        text: |one, _| one.id.to_string(),
        key: |one, _| Key::Order(one.id.into()),
    },
    Shown {
        name: "state",
        column: Column::text("STATE"),
        text: |one, now| state(one, now).to_owned(),
        key: |one, now| Key::Text(state(one, now).to_owned()),
    },
    Shown {
        name: "raised",
        column: Column::number("RAISED (τ)"),
        text: |one, _| one.raised.to_string(),
        key: |one, _| Key::Amount(one.raised.rao()),
    },
    Shown {
        name: "cap",
        column: Column::number("CAP (τ)"),
        text: |one, _| one.cap.to_string(),
        key: |one, _| Key::Amount(one.cap.rao()),
    },
    Shown {
        name: "least",
        column: Column::number("LEAST (τ)").leaves(2),
        text: |one, _| one.min_contribution.to_string(),
        key: |one, _| Key::Amount(one.min_contribution.rao()),
    },
    Shown {
        name: "contributors",
        column: Column::number("CONTRIBUTORS").leaves(1),
        text: |one, _| one.contributors.to_string(),
        key: |one, _| Key::Amount(one.contributors.into()),
    },
    Shown {
        name: "end",
        column: Column::number("LAST BLOCK"),
        text: |one, _| one.end.to_string(),
        key: |one, _| Key::Order(one.end.into()),
    },
    Shown {
        name: "for",
        column: Column::text("FOR"),
        text: |one, _| purpose(one),
        key: |one, _| Key::Text(purpose(one)),
    },
    Shown {
        name: "creator",
        column: Column::address("CREATOR").leaves(3),
        text: |one, _| one.creator.to_string(),
        key: |one, _| Key::Text(one.creator.to_string()),
    },
    Shown {
        name: "name",
        column: Column::text("NAME").leaves(4),
        text: |one, _| {
            let name = one.creator_name.as_str();
            if name.is_empty() { "-".to_owned() } else { text::visible(name).into_owned() }
        },
        key: |one, _| Key::Text(one.creator_name.to_lowercase()),
    },
];

fn column(name: &str) -> Result<&'static Shown<Crowdloan>, String> {
    column::find(&COLUMNS, name)
}

// === impl ListArgs ===

impl ListArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let reply = session.call::<List>(&self.params()).await?;
        let (sort, order) = (self.sort, self.sort_order);
        session.out.reply(&reply, |reply, page| render(reply, page, sort, order)).map(|()| Exit::Success)
    }

    fn params(&self) -> ListParams {
        let state = |state| match state {
            StateArg::Open => State::Open,
            StateArg::Full => State::Full,
            StateArg::Ended => State::Ended,
            StateArg::PaidOut => State::PaidOut,
        };
        let purpose = |purpose| match purpose {
            PurposeArg::Subnet => Purpose::Subnet,
            PurposeArg::Fundraising => Purpose::Fundraising,
        };
        ListParams {
            state: self.status.map(state),
            purpose: self.purpose.map(purpose),
            creator: self.creator,
            search: self.search_creator.clone(),
        }
    }
}

fn render(reply: &Crowdloans, page: Page, sort: Option<&'static Shown<Crowdloan>>, order: Option<Order>) -> String {
    let rows = column::sorted(&reply.crowdloans, (sort, order), reply.at.block.number.0);
    let table = column::table(&rows, &COLUMNS.iter().collect::<Vec<_>>(), reply.at.block.number.0);
    let count = text::count(rows.len(), "crowdloan");
    let table = if rows.is_empty() { String::new() } else { table.render(page) };
    format!("{table}{count}, {}\n", text::at(&reply.at, page))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[test]
    fn crowdloans_are_sorted_by_what_is_asked_for() {
        let one = |id: u32, raised: &str, finalized: bool| {
            // The last is past its last block.
            let end = if id == 2 { 8 } else { 100 };
            json!({
                "id": id, "creator": BOB, "deposit": "1", "min_contribution": "1", "cap": "9000000000", "raised": raised,
                "end": end, "contributors": 1, "target": BOB, "has_call": false, "finalized": finalized,
            })
        };
        let at = json!({ "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false });
        let crowdloans = [one(0, "1000000000", false), one(1, "9000000000", true), one(2, "2000000000", false)];
        let reply: Crowdloans = serde_json::from_value(json!({ "at": at, "crowdloans": crowdloans })).unwrap();
        let shown = |sort, order| {
            let text = render(&reply, Page::default(), Some(column(sort).unwrap()), order);
            let words = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            text.lines().skip(1).take(3).map(words).collect::<Vec<_>>()
        };
        assert_eq!(shown("raised", None), ["1 paid", "2 ended", "0 open"]);
        assert_eq!(shown("raised", Some(Order::Ascending)), ["0 open", "2 ended", "1 paid"]);
        assert_eq!(shown("id", Some(Order::Descending)), ["2 ended", "1 paid", "0 open"]);
        assert_eq!(shown("state", None), ["2 ended", "0 open", "1 paid"]);
    }
}
