//! Columns that can be asked for by name, and sorted by.

use std::cmp::Ordering;

use clap::ValueEnum;

use super::table::{Column, Table};

/// A column of rows `R` as it is shown.
#[derive(Debug)]
pub(crate) struct Shown<R: 'static> {
    pub(crate) name: &'static str,
    pub(crate) column: Column,
    /// The text, at a block.
    pub(crate) text: fn(&R, u32) -> String,
    /// What rows are sorted by, at a block.
    pub(crate) key: fn(&R, u32) -> Key,
}

/// Which way rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// From the smallest, or the first, on
    #[value(aliases = ["ascend", "asc", "up", "a"])]
    Ascending,
    /// From the largest, or the last, on
    #[value(aliases = ["descend", "desc", "down", "d", "reverse"])]
    Descending,
}

/// What rows are sorted by, and which way unless something else is asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Key {
    /// From the largest on.
    Number(f64),
    /// From the largest on.
    Amount(u64),
    /// From the largest on.
    Signed(i128),
    /// From the smallest on.
    Order(u64),
    /// From the first on.
    Text(String),
}

/// The column of that name.
pub(crate) fn find<R>(columns: &'static [Shown<R>], name: &str) -> Result<&'static Shown<R>, String> {
    let wanted = name.trim().to_lowercase();
    let found = columns.iter().find(|column| column.name == wanted);
    found.ok_or_else(|| {
        let known = columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        format!("`{name}` is no column; there are: {known}")
    })
}

/// The rows in a table, as they are, at a block.
pub(crate) fn table<R>(rows: &[&R], columns: &[&'static Shown<R>], block: u32) -> Table {
    let mut table = Table::new(&columns.iter().map(|shown| shown.column).collect::<Vec<_>>());
    for row in rows {
        table.row(&columns.iter().map(|shown| (shown.text)(row, block)).collect::<Vec<_>>());
    }
    table
}

/// The rows, sorted by a column in its own order or the one that is asked for. Without a column as they are, which is in
/// ascending order, or the other way round.
pub(crate) fn sorted<'r, R>(rows: &'r [R], (by, order): (Option<&Shown<R>>, Option<Order>), block: u32) -> Vec<&'r R> {
    let mut rows: Vec<&R> = rows.iter().collect();
    if let Some(by) = by {
        rows.sort_by(|one, other| {
            let key = (by.key)(one, block);
            let own = compare(&key, &(by.key)(other, block));
            let falls = matches!(key, Key::Number(_) | Key::Amount(_) | Key::Signed(_));
            let usual = if falls { Order::Descending } else { Order::Ascending };
            if order.unwrap_or(usual) == usual { own } else { own.reverse() }
        });
    } else if order == Some(Order::Descending) {
        rows.reverse();
    }
    rows
}

fn compare(one: &Key, other: &Key) -> Ordering {
    match (one, other) {
        (Key::Number(one), Key::Number(other)) => other.total_cmp(one),
        (Key::Amount(one), Key::Amount(other)) => other.cmp(one),
        (Key::Signed(one), Key::Signed(other)) => other.cmp(one),
        (Key::Order(one), Key::Order(other)) => one.cmp(other),
        (Key::Text(one), Key::Text(other)) => one.cmp(other),
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static COLUMNS: [Shown<(u64, &str)>; 2] = [
        Shown {
            name: "stake",
            column: Column::number("STAKE"),
            text: |row, _| row.0.to_string(),
            key: |row, _| Key::Amount(row.0),
        },
        Shown {
            name: "name",
            column: Column::text("NAME"),
            text: |row, _| row.1.to_owned(),
            key: |row, _| Key::Text(row.1.to_owned()),
        },
    ];

    #[test]
    fn amounts_fall_and_texts_rise_unless_told_otherwise() {
        let rows = [(2, "b"), (3, "a"), (1, "c")];
        let sorted = |name: &str, order| {
            let by = Some(find(&COLUMNS, name).unwrap());
            super::sorted(&rows, (by, order), 0).iter().map(|row| row.0).collect::<Vec<_>>()
        };
        assert_eq!(sorted("stake", None), [3, 2, 1]);
        assert_eq!(sorted("stake", Some(Order::Descending)), [3, 2, 1]);
        assert_eq!(sorted("stake", Some(Order::Ascending)), [1, 2, 3]);
        assert_eq!(sorted("name", None), [3, 2, 1]);
        assert_eq!(sorted("NAME", Some(Order::Descending)), [1, 2, 3]);
        let unsorted =
            |order| super::sorted(&rows, (None::<&Shown<_>>, order), 0).iter().map(|row| row.0).collect::<Vec<_>>();
        assert_eq!((unsorted(None), unsorted(Some(Order::Ascending))), (vec![2, 3, 1], vec![2, 3, 1]));
        assert_eq!(unsorted(Some(Order::Descending)), [1, 3, 2]);
    }
}
