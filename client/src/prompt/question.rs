//! Questions whose answers appear on the terminal.
//!
//! Ctrl-C at one of them ends the command, whatever was waited for before it: see [`crate::interrupt`].

use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::{
    io::Errno,
    termios::{QueueSelector, tcflush},
};
use tokio::task::spawn_blocking;

use crate::{args::Person, failure::Failure, interrupt};

/// The kernel's bound for a line that is typed.
const LONGEST_LINE: u64 = 4096;

/// Refuses at once where nobody can answer `question`; `hint` names the flag that does.
pub(crate) fn require_person(question: &'static str, hint: &'static str) -> Result<(), Failure> {
    if has_person() { Ok(()) } else { Err(Failure::NobodyToAsk { question, hint }) }
}

/// Whether somebody can be asked at all.
pub(crate) fn has_person() -> bool {
    io::stdin().is_terminal()
}

/// The person at the terminal, before anything else is done.
#[derive(Debug)]
pub(crate) struct Terminal;

impl Person for Terminal {
    fn answer(&mut self, question: &str) -> Option<String> {
        show(question).ok()?;
        // An end of input is no answer.
        Some(read_line().ok()?).filter(|answer| !answer.is_empty())
    }

    fn tell(&mut self, words: &str) {
        // Where nothing can be said, the question cannot be asked either.
        let _ = writeln!(io::stderr(), "{words}");
    }
}

/// Asks for a yes; anything else is a no. What was typed before the question is no answer to it, and thrown away.
///
/// # Errors
/// When the answer is a no, nothing can be asked, or the person gives up.
pub(crate) async fn confirm(question: &str) -> Result<(), Failure> {
    match tcflush(io::stdin(), QueueSelector::IFlush) {
        // What is no terminal has no such queue.
        Ok(()) | Err(Errno::NOTTY) => {}
        Err(error) => return Err(Failure::Output(error.into())),
    }
    show(&format!("{question} [y/N] ")).map_err(Failure::Output)?;
    if is_yes(&typed().await?) { Ok(()) } else { Err(Failure::Declined) }
}

/// Asks for a line of text; `hint` names the flag that answers in advance.
///
/// # Errors
/// When there is nobody to ask, or the person gives up.
pub(crate) async fn line(question: &'static str, hint: &'static str) -> Result<String, Failure> {
    require_person(question, hint)?;
    show(&format!("{question}: ")).map_err(Failure::Output)?;
    Ok(typed().await?.trim().to_owned())
}

/// What is answered to `question`, which the caller knows that somebody can answer; none where no answer comes any more.
///
/// # Errors
/// When the person gives up.
pub(crate) async fn answer(question: &str) -> Result<Option<String>, Failure> {
    if show(question).is_err() {
        return Ok(None);
    }
    match typed().await {
        Ok(answer) => Ok(Some(answer).filter(|answer| !answer.is_empty())),
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        Err(_) => Ok(None),
    }
}

/// Whether an answer is a yes.
pub(crate) fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn show(question: &str) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question}").and_then(|()| stderr.flush())
}

/// The line that is typed next, its end included; empty at the end of all input.
fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().take(LONGEST_LINE).read_line(&mut line)?;
    Ok(line)
}

/// The same, and meanwhile Ctrl-C is heeded.
async fn typed() -> Result<String, Failure> {
    // On a thread of its own, because it cannot be ended. Whoever gives up leaves it behind: the process ends then.
    let reading = spawn_blocking(read_line);
    let read = async { reading.await.unwrap_or_else(|ended| Err(io::Error::other(ended))).map_err(Failure::Output) };
    let typed = interrupt::heeding(read).await;
    if matches!(typed, Err(Failure::Interrupted)) {
        // No line end has been typed.
        let _ = writeln!(io::stderr());
    }
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        assert!(["y", "Y\n", " yes ", "YES"].into_iter().all(is_yes));
        assert!(!["", "\n", "n", "no", "yeah", "1", "true", "yy"].into_iter().any(is_yes));
    }
}
