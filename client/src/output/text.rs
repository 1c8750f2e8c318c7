//! Small texts: times, addresses, the block of a reply, and foreign text made harmless.

use std::{borrow::Cow, time::Duration};

use btd_api::{Tao, chain::At};

use super::Page;

/// `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d`: the largest unit that is not zero.
pub(crate) fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match duration.as_secs() {
        0 if millis == 0 => "0 s".to_owned(),
        0 => format!("{millis} ms"),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// An age in whole seconds: below one it is `now`.
pub(crate) fn ago(millis: u64) -> String {
    match Duration::from_millis(millis) {
        age if age.as_secs() == 0 => "just now".to_owned(),
        age => format!("{} ago", duration(age)),
    }
}

/// Milliseconds since 1970 as a date and a time of UTC: `2023-11-14 22:13:20`.
pub(crate) fn moment(millis: u64) -> String {
    let (days, second) = (millis / 86_400_000, millis / 1000 % 86_400);
    // The civil calendar from days since 0000-03-01, in eras of 400 years of 146,097 days.
    let from_march = days + 719_468;
    let (era, day_of_era) = (from_march / 146_097, from_march % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// The last line of what was read: the block, and loudly when it is old.
pub(crate) fn at(at: &At, page: Page) -> String {
    let (number, age) = (at.block.number, ago(at.age_ms));
    if at.stale {
        page.warn(format!("STALE: blocks stopped arriving; this is block #{number}, {age}"))
    } else {
        format!("at block #{number}, {age}")
    }
}

/// An address or hash cut in the middle, for places too narrow for all of it.
pub(crate) fn short(text: &str) -> String {
    let count = text.chars().count();
    if count <= 13 {
        return text.to_owned();
    }
    let head: String = text.chars().take(6).collect();
    let tail: String = text.chars().skip(count - 6).collect();
    format!("{head}…{tail}")
}

/// An amount of tao in a table: a line where it is not known.
pub(crate) fn known(amount: Option<Tao>) -> String {
    amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string())
}

/// `1 neuron`, `2 neurons`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Whether a character could move the cursor, change colours or reorder what stands around it.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text from the chain or a stranger, with everything that a terminal would obey replaced.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if text.contains(acts) { text.replace(acts, "\u{fffd}").into() } else { text.into() }
}

/// The same, over several lines.
pub(crate) fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockHash, BlockNumber, chain::BlockRef};

    use super::*;

    #[test]
    fn moments_are_dates_of_utc() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_251_200, "2024-03-01 00:00:00"),
            (1_700_000_000, "2023-11-14 22:13:20"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(moment(seconds * 1000), text);
        }
    }

    #[test]
    fn times_have_one_unit() {
        for (millis, text) in
            [(0, "0 s"), (250, "250 ms"), (1_900, "1 s"), (119_000, "119 s"), (180_000, "3 min"), (7_200_000, "2 h")]
        {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(ago(999), "just now");
        assert_eq!(ago(4_000), "4 s ago");
    }

    #[test]
    fn a_stale_reply_says_so() {
        let block = BlockRef { number: BlockNumber(123), hash: BlockHash([0; 32]) };
        let text = |stale| at(&At { block, age_ms: 4_000, stale }, Page::default());
        assert_eq!(text(false), "at block #123, 4 s ago");
        assert_eq!(text(true), "STALE: blocks stopped arriving; this is block #123, 4 s ago");
    }

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        assert_eq!(visible("templar γ"), "templar γ");
        assert_eq!(visible("a\x1b[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn addresses_are_cut_in_the_middle() {
        assert_eq!(short("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"), "5Grwva…GKutQY");
        assert_eq!(short("short"), "short");
    }
}
