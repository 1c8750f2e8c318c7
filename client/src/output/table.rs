//! Tables: aligned columns without lines, so that they read well and cut well with `awk`.
//!
//! Where the terminal is too narrow, addresses are cut in the middle first, then whole columns give
//! way, and a note names them. Without a terminal nothing is ever cut.

use std::{borrow::Cow, iter};

use unicode_width::UnicodeWidthStr;

use super::{Page, text};

/// To which side of its column a text keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// What happens to a column where there is too little room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// It stays.
    Stay,
    /// Its texts are cut in the middle.
    Shorten,
    /// It goes, those with the highest number first.
    Leave(u8),
    /// Its texts are cut in the middle, and later it goes.
    ShortenThenLeave(u8),
}

/// A column's head and manners.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    head: &'static str,
    side: Side,
    fit: Fit,
}

/// Rows under heads, with an optional row of totals.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

// === impl Column ===

impl Column {
    /// A text column.
    pub(crate) const fn text(head: &'static str) -> Self {
        Self { head, side: Side::Left, fit: Fit::Stay }
    }

    /// A column of numbers.
    pub(crate) const fn number(head: &'static str) -> Self {
        Self { head, side: Side::Right, fit: Fit::Stay }
    }

    /// A column of addresses or hashes.
    pub(crate) const fn address(head: &'static str) -> Self {
        Self { head, side: Side::Left, fit: Fit::Shorten }
    }

    /// The same column, which gives way where there is too little room: the higher, the sooner.
    pub(crate) const fn leaves(self, order: u8) -> Self {
        let fit = match self.fit {
            Fit::Shorten | Fit::ShortenThenLeave(_) => Fit::ShortenThenLeave(order),
            Fit::Stay | Fit::Leave(_) => Fit::Leave(order),
        };
        Self { fit, ..self }
    }

    const fn shortens(&self) -> bool {
        matches!(self.fit, Fit::Shorten | Fit::ShortenThenLeave(_))
    }

    const fn order_of_leaving(&self) -> Option<u8> {
        match self.fit {
            Fit::Leave(order) | Fit::ShortenThenLeave(order) => Some(order),
            Fit::Stay | Fit::Shorten => None,
        }
    }
}

// === impl Table ===

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, a text for each column in order. Texts may be foreign.
    pub(crate) fn row(&mut self, cells: &[String]) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a text for each column");
        self.rows.push(cells.iter().map(|cell| text::visible(cell).into_owned()).collect());
    }

    /// The table, and below it the names of columns that found no room.
    pub(crate) fn render(&self, page: Page) -> String {
        let whole = self.lay(&self.columns, page, Length::Whole);
        let Some(width) = page.width else { return whole };
        if fits(&whole, width) {
            return whole;
        }
        let mut columns = self.columns.clone();
        let mut gone = Vec::new();
        loop {
            let laid = self.lay(&columns, page, Length::Short);
            let next = columns.iter().enumerate().filter_map(|(i, c)| Some((c.order_of_leaving()?, i))).max();
            match next {
                Some((_, place)) if !fits(&laid, width) => gone.push(columns.remove(place).head),
                _ if gone.is_empty() => return laid,
                _ => return format!("{laid}not shown for want of width: {}\n", gone.join(", ")),
            }
        }
    }

    fn lay(&self, columns: &[Column], page: Page, length: Length) -> String {
        let laid: Vec<Laid<'_>> = columns.iter().filter_map(|column| self.column(column, length)).collect();
        let mut text = String::new();
        for line in 0..=self.rows.len() {
            let start = text.len();
            for Laid { side, width, cells } in &laid {
                let (cell, own) = &cells[line];
                let room = width.saturating_sub(*own);
                let (before, behind) = match side {
                    Side::Left => (0, room),
                    Side::Right => (room, 0),
                };
                text.extend(iter::repeat_n(' ', before));
                text.push_str(cell);
                text.extend(iter::repeat_n(' ', behind + BETWEEN));
            }
            let written = text[start..].trim_end().len();
            text.truncate(start + written);
            if line == 0 {
                text = page.bold(text);
            }
            text.push('\n');
        }
        text
    }

    /// The texts of a column, its head first; none of one that the table has not.
    fn column(&self, column: &Column, length: Length) -> Option<Laid<'_>> {
        let place = self.columns.iter().position(|other| other.head == column.head)?;
        let cells = self.rows.iter().map(|row| match length {
            Length::Short if column.shortens() => Cow::Owned(text::short(&row[place])),
            Length::Short | Length::Whole => Cow::Borrowed(row[place].as_str()),
        });
        let cells = iter::once(Cow::Borrowed(column.head)).chain(cells);
        let cells: Vec<_> = cells.map(measured).collect();
        // A column without any text is seen all the same.
        let width = cells.iter().map(|(_, width)| *width).max().unwrap_or_default().max(1);
        Some(Laid { side: column.side, width, cells })
    }
}

/// The columns between two texts of a line.
const BETWEEN: usize = 2;

/// A column as it is laid out.
struct Laid<'t> {
    side: Side,
    width: usize,
    /// Its texts and their widths.
    cells: Vec<(Cow<'t, str>, usize)>,
}

/// A text, and how many columns of a terminal it takes. Most texts are digits and addresses.
fn measured(text: Cow<'_, str>) -> (Cow<'_, str>, usize) {
    let width = if text.is_ascii() { text.len() } else { text.width() };
    (text, width)
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Whole,
    Short,
}

/// Whether every line has room. The head may be painted, which takes no room.
fn fits(text: &str, width: usize) -> bool {
    text.lines().all(|line| line.trim_start_matches("\x1b[1m").trim_end_matches("\x1b[0m").width() <= width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Colour;

    const ADDRESS: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    fn table() -> Table {
        let mut table = Table::new(&[
            Column::number("UID"),
            Column::address("HOTKEY"),
            Column::number("RANK").leaves(2),
            Column::number("STAKE").leaves(1),
        ]);
        table.row(&["0".into(), ADDRESS.into(), "0.5".into(), "1.0000".into()]);
        table.row(&["10".into(), "none".into(), "0.25".into(), "12.0000".into()]);
        table
    }

    fn at(width: Option<usize>) -> String {
        table().render(Page { width, colour: Colour::Plain })
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let expected = "\
UID  HOTKEY                                            RANK    STAKE
  0  5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY   0.5   1.0000
 10  none                                              0.25  12.0000
";
        assert_eq!(at(None), expected);
        assert_eq!(at(Some(80)), expected);
    }

    #[test]
    fn addresses_are_cut_before_columns_go() {
        let expected = "\
UID  HOTKEY         RANK    STAKE
  0  5Grwva…GKutQY   0.5   1.0000
 10  none           0.25  12.0000
";
        assert_eq!(at(Some(40)), expected);
    }

    #[test]
    fn columns_that_go_are_named() {
        let expected = "\
UID  HOTKEY           STAKE
  0  5Grwva…GKutQY   1.0000
 10  none           12.0000
not shown for want of width: RANK
";
        assert_eq!(at(Some(30)), expected);
    }

    #[test]
    fn texts_of_any_script_are_aligned_by_the_room_that_they_take() {
        let mut table = Table::new(&[Column::text("NAME"), Column::number("SYMBOL"), Column::text("")]);
        table.row(&["部分".into(), "α".into(), String::new()]);
        table.row(&["e\u{301}".into(), "テ".into(), "x ".into()]);
        table.row(&[String::new(), String::new(), String::new()]);
        let expected = "NAME  SYMBOL\n部分       α\ne\u{301}         テ  x\n\n";
        assert_eq!(table.render(Page::default()), expected);
    }

    #[test]
    fn what_must_stay_stays_in_any_width() {
        assert!(at(Some(1)).starts_with("UID  HOTKEY\n"), "{}", at(Some(1)));
    }
}
