//! What a command said, with what differs from run to run (ages, ports, paths, hashes) written as a word, so that it
//! can be compared with what was once kept.

use btd_tests::{Host, binary};

use crate::typed::home;

/// `text` with what differs from run to run written as a word.
pub(crate) fn settled(text: &str, host: &Host) -> String {
    let binaries = binary("btctl").parent().unwrap().to_string_lossy().into_owned();
    let text = text.replace(&home(host), "HOME").replace(&binaries, "BINARIES");
    let mut settled = String::new();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let hex = |text: &str| text.chars().take_while(char::is_ascii_hexdigit).count();
        let is_within = settled.ends_with(|before: char| before.is_ascii_hexdigit());
        let (skipped, name) = match rest.strip_prefix("0x").map(hex) {
            Some(64) => (66, "0xHASH"),
            Some(66) => (68, "0xTLSKEY"),
            // `hello`, sealed.
            Some(106) => (108, "0xSEALED"),
            _ if !is_within && hex(rest) == 128 => (128, "SIGNATURE"),
            _ if !is_within && hex(rest) == 32 => (32, "KEY"),
            _ => match rest.strip_prefix("127.0.0.1:").map(digits) {
                Some(port) if port > 1 => ("127.0.0.1:".len() + port, "127.0.0.1:PORT"),
                _ => volatile(rest).unwrap_or((0, "")),
            },
        };
        settled.push_str(name);
        if skipped == 0 {
            settled.push(c);
        }
        rest = &rest[skipped.max(c.len_utf8())..];
    }
    untimed(&unplaced(&settled))
}

/// The same with what hangs on where these programs lie, and on which moment of an attempt to connect is caught,
/// written as a word.
fn unplaced(text: &str) -> String {
    let mut unplaced = String::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("to update  ") {
            unplaced.push_str("to update  ADVICE\n");
        } else if let Some((before, _)) = line.split_once("\"update\":\"") {
            unplaced.push_str(before);
            unplaced.push_str("\"update\":\"ADVICE\"}\n");
        } else {
            unplaced.push_str(line);
        }
    }
    [", connecting\n", ", lost: trying again\n"]
        .into_iter()
        .fold(unplaced, |text, link| text.replace(link, ", LINK\n"))
        .replace("\"link\":\"connecting\"", "\"link\":\"lost\"")
        .replace("\"link\": \"connecting\"", "\"link\": \"lost\"")
}

fn digits(text: &str) -> usize {
    text.chars().take_while(char::is_ascii_digit).count()
}

/// The same with what is measured in the rows of tables written as a word, and their columns no wider than they must
/// be: the widths hang on what was measured.
fn untimed(text: &str) -> String {
    let cells =
        |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
    let mut columns: Vec<String> = Vec::new();
    let mut untimed = String::new();
    for line in text.split_inclusive('\n') {
        let mut row: Vec<String> = cells(line);
        if line.contains("(ms)") {
            columns.clone_from(&row);
        } else if !columns.is_empty() && row.len() == columns.len() {
            let measured =
                columns.iter().zip(&mut row).filter(|(name, _)| name.ends_with("(ms)") || *name == "REQUESTS");
            for (_, cell) in measured.filter(|(_, cell)| *cell != "-") {
                "N".clone_into(cell);
            }
        } else {
            columns.clear();
            untimed.push_str(line);
            continue;
        }
        untimed.push_str(&row.join("  "));
        untimed.push('\n');
    }
    untimed
}

/// The same with the numbers of blocks, which tell how many there were before, written as a word.
pub(crate) fn unnumbered(text: &str) -> String {
    let mut unnumbered = String::new();
    let mut rest = text;
    while let Some(at) =
        ["#", "\"number\":", "\"era_end\":"].into_iter().filter_map(|mark| Some(rest.find(mark)? + mark.len())).min()
    {
        let digits = rest[at..].chars().take_while(char::is_ascii_digit).count();
        unnumbered.push_str(&rest[..at]);
        unnumbered.push_str(if digits > 0 { "N" } else { "" });
        rest = &rest[at + digits..];
    }
    unnumbered + rest
}

/// A value that time or chance makes, at the beginning of `text`: how long it is, and what is written for it.
fn volatile(text: &str) -> Option<(usize, &'static str)> {
    const MEMBERS: [&str; 25] = [
        "age_ms",
        "finalized_age_ms",
        "seen_ms",
        "latency_ms",
        "requests",
        "pid",
        "uptime_ms",
        "uptime_s",
        "request_id",
        "learnt_ms",
        "time",
        "timestamp_ms",
        "waited_ms",
        "up_ms",
        "since_ms",
        "fetched_ms",
        "rests_ms",
        "failures",
        "daemon_us",
        "process_time_s",
        "clock_shift_ms",
        "recorded_at",
        "settled_at",
        "idempotency_key",
        "cursor",
    ];
    // What a message says of the program that sent it and where that is, and what work came to.
    const OTHERS: [(&str, &str); 5] = [
        ("\"nonce\":1", "\"nonce\":N"),
        ("\"nonce\":\"", "\"nonce\":\"N\""),
        ("\"ip\":\"127.0.0.1\",\"port\":", "\"ip\":\"127.0.0.1\",\"port\":PORT"),
        ("\"process_time\":0.", "\"process_time\":N"),
        ("\"uuid\":\"", "\"uuid\":\"UUID\""),
    ];
    for member in MEMBERS {
        if let Some(rest) = text.strip_prefix('"').and_then(|text| text.strip_prefix(member))
            && let Some(value) = rest.strip_prefix("\":")
        {
            let end = value.find([',', '}', '\n']).unwrap_or(value.len());
            return Some((member.len() + 3 + end, "\"VARIES\":0"));
        }
    }
    if text.starts_with("just now") {
        return Some((8, "AGE"));
    }
    if let Some(text) = text.strip_prefix("pid ")
        && let Some((uptime, _)) = text.split_once('\n')
    {
        return Some(("pid ".len() + uptime.len(), "pid N, up AGE"));
    }
    for (begins, name) in OTHERS {
        if let Some(value) = text.strip_prefix(begins) {
            let end = value.find([',', '}']).unwrap_or(value.len());
            // The nonce of a message is a time in nanoseconds; that of an account is a small number. Work that was not
            // done has none.
            let is_it = if name == "\"nonce\":N" { end > 12 } else { value[..end] != *"0\"" };
            return is_it.then_some((begins.len() + end, name));
        }
    }
    // A moment, as in 2026-11-27T15:36:06.327Z.
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (23, b'Z')];
    if marks.iter().all(|(at, mark)| text.as_bytes().get(*at) == Some(mark)) {
        return Some((24, "MOMENT"));
    }
    let digits = digits(text);
    if digits > 0 {
        if text[digits..].starts_with(" ms\n") {
            return Some((digits + 3, "N ms"));
        }
        for unit in [" ms ago", " s ago", " min ago", " h ago"] {
            if text[digits..].starts_with(unit) {
                return Some((digits + unit.len(), "AGE"));
            }
        }
    }
    None
}
