//! `btctl devnet set-time`: a moment of the calendar, or a span from now on.

use btd_api::devnet::{SetTime, SetTimeParams, TimeSet};
use clap::Args;

use crate::{
    args::duration,
    exit::Exit,
    failure::Failure,
    output::{Page, facts::Facts},
    session::Session,
};

const DAY_MS: u64 = 86_400_000;

/// `btctl devnet set-time`
#[derive(Args, Debug)]
pub(crate) struct SetTimeArgs {
    /// `+90s`, `+12h` to go forward; `2026-12-24T18:00:00Z`; or milliseconds since 1970
    #[arg(value_name = "TIME", value_parser = parse)]
    time: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    At(u64),
    Later(u64),
}

fn parse(text: &str) -> Result<Time, String> {
    if let Some(span) = text.strip_prefix('+') {
        return duration(span).map(|span| Time::Later(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(millis) = text.parse()
    {
        return Ok(Time::At(millis));
    }
    moment(text).map(Time::At).ok_or_else(|| {
        format!("`{text}` is not a time: write `+90s`, `2026-12-24T18:00:00Z` or milliseconds since 1970")
    })
}

/// Milliseconds since 1970 of `YYYY-MM-DDThh:mm:ss[.fff]Z`.
fn moment(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let fraction = format!("{fraction:0<3}");
    let millis: u64 = fraction.get(..3)?.parse().ok()?;
    if !(1970..=9999).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_before(year, month, day)?;
    Some(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000 + millis)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn month_lengths(year: u64) -> [u64; 12] {
    [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

/// Days from 1970 to a day that exists.
fn days_before(year: u64, month: u64, day: u64) -> Option<u64> {
    let lengths = month_lengths(year);
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    if !(1..=*lengths.get(month)?).contains(&day) {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    Some(years + lengths[..month].iter().sum::<u64>() + day - 1)
}

/// A moment as a person reads it.
pub(super) fn written(millis: u64) -> String {
    let mut days = millis / DAY_MS;
    let mut year = 1970;
    // Beyond the calendar that people use, the number itself says more.
    if days > 2_932_896 {
        return format!("{millis} ms since 1970");
    }
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 1;
    for length in month_lengths(year) {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let rest = millis % DAY_MS;
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", days + 1, rest % 1_000)
}

// === impl SetTimeArgs ===

impl SetTimeArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = match self.time {
            Time::At(timestamp) => SetTimeParams { timestamp_ms: Some(timestamp), advance_ms: None },
            Time::Later(by) => SetTimeParams { timestamp_ms: None, advance_ms: Some(by) },
        };
        let reply = session.call::<SetTime>(&params).await?;
        session.out.reply(&reply, render).map(|()| Exit::Success)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "replies are rendered by reference")]
fn render(set: &TimeSet, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("next block", written(set.timestamp_ms));
    facts.render(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spans_moments_and_numbers() {
        assert_eq!(parse("+90s"), Ok(Time::Later(90_000)));
        assert_eq!(parse("1700000000123"), Ok(Time::At(1_700_000_000_123)));
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("2023-11-14T22:13:20.5Z", 1_700_000_000_500),
            ("2024-02-29T23:59:59.999Z", 1_709_251_199_999),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ] {
            assert_eq!(parse(text), Ok(Time::At(millis)), "{text}");
            assert!(written(millis).starts_with(text.trim_end_matches('Z').split('.').next().unwrap()), "{text}");
        }
        for text in ["", "+", "soon", "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-01-01", "-5", "1.5"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for millis in (0..5_000).map(|n| n * 86_399_999 * 7) {
            assert_eq!(moment(&written(millis)), Some(millis));
        }
    }
}
