//! The only place that prints. Standard output carries data, and nothing else; notes, cards,
//! questions and failures go to standard error.
//!
//! With `--json` standard output is one JSON document, the daemon's answer as it came (indented
//! only for a terminal), and stays empty on failure,
//! save for what a command of several steps had done by then. Colour repeats what the words say.

pub(crate) mod column;
pub(crate) mod facts;
pub(crate) mod file;
pub(crate) mod table;
pub(crate) mod text;

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use btd_api::Method;
use serde_json::Value;

use crate::{args::Global, exit::Exit, failure::Failure, session::Reply, settings::Environment};

/// The width of a terminal that does not tell its own.
const USUAL_WIDTH: usize = 80;

/// What standard output carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Human,
    Json,
}

/// Whether standard error carries more than questions, warnings and failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chatter {
    Spoken,
    Silent,
}

impl Chatter {
    /// As `--quiet` says.
    pub(crate) const fn of(global: &Global) -> Self {
        if global.quiet { Self::Silent } else { Self::Spoken }
    }
}

/// What text is laid out for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Columns of the terminal; none where there is no terminal, and nothing is shortened.
    pub(crate) width: Option<usize>,
    pub(crate) colour: Colour,
}

/// Whether escape sequences may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Colour {
    #[default]
    Plain,
    Ansi,
}

/// The two streams, and how to write on them.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: io::Stdout,
    stderr: io::Stderr,
    format: Format,
    chatter: Chatter,
    page: Page,
    aside: Page,
}

// === impl Page ===

impl Page {
    fn of(stream: &(impl IsTerminal + std::os::fd::AsFd), environment: Environment<'_>) -> Self {
        if !stream.is_terminal() {
            return Self::default();
        }
        let dumb = environment("NO_COLOR").is_some() || environment("TERM").is_some_and(|term| term == "dumb");
        let width = terminal_size::terminal_size_of(stream).map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0));
        Self { width: Some(width), colour: if dumb { Colour::Plain } else { Colour::Ansi } }
    }

    fn paint(self, style: &str, text: impl Display) -> String {
        match self.colour {
            Colour::Plain => text.to_string(),
            Colour::Ansi => format!("\x1b[{style}m{text}\x1b[0m"),
        }
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    pub(crate) fn good(self, text: impl Display) -> String {
        self.paint("32", text)
    }

    pub(crate) fn warn(self, text: impl Display) -> String {
        self.paint("33", text)
    }

    pub(crate) fn bad(self, text: impl Display) -> String {
        self.paint("31", text)
    }
}

// === impl Output ===

impl Output {
    pub(crate) fn new(global: &Global, environment: Environment<'_>) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        Self {
            page: Page::of(&stdout, environment),
            aside: Page::of(&stderr, environment),
            stdout,
            stderr,
            format: if global.json { Format::Json } else { Format::Human },
            chatter: Chatter::of(global),
        }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether a person sees what goes to standard error.
    pub(crate) fn aside_is_seen(&self) -> bool {
        self.aside.width.is_some()
    }

    /// Shows an answer: as it came with `--json`, else as `render` lays it out.
    pub(crate) fn reply<M: Method>(
        &self,
        reply: &Reply<M>,
        render: impl FnOnce(&M::Reply, Page) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.document(reply.text()),
            Format::Human => self.data(&render(&reply.read()?, self.page)),
        }
    }

    /// Writes one JSON document: indented for a terminal, else as it is.
    pub(crate) fn document(&self, text: &str) -> Result<(), Failure> {
        if self.page.width.is_none() {
            return self.data(text);
        }
        match serde_json::from_str::<Value>(text).and_then(|value| serde_json::to_string_pretty(&value)) {
            Ok(indented) => self.data(&indented),
            Err(_) => self.data(text),
        }
    }

    /// Writes data on standard output, ended by a line end.
    pub(crate) fn data(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = self.stdout.lock();
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        write!(stdout, "{text}{end}").and_then(|()| stdout.flush()).map_err(Failure::Output)
    }

    /// Writes bytes on standard output, as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = self.stdout.lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::Output)
    }

    /// Lays data out for standard output.
    pub(crate) fn page(&self) -> Page {
        self.page
    }

    /// Says on standard error what a person must see: a card before a question, a mnemonic.
    pub(crate) fn show(&self, render: impl FnOnce(Page) -> String) {
        // Standard error is the last resort: where it cannot be written, nothing can be said.
        let _ = writeln!(self.stderr.lock(), "{}", render(self.aside).trim_end());
    }

    /// Says on standard error, also where nothing but answers is wanted, what an answer cannot be understood without: that
    /// it is about something else than was asked for, or lacks a part; or why none comes yet.
    pub(crate) fn warn(&self, text: impl Display) {
        self.show(|_| text.to_string());
    }

    /// Says on standard error what a person may like to know, unless `--quiet`.
    pub(crate) fn note(&self, text: impl Display) {
        if self.chatter == Chatter::Spoken {
            self.show(|_| text.to_string());
        }
    }

    /// Writes over the last line of a terminal's standard error that was written so, unless `--quiet`.
    pub(crate) fn overwrite(&self, text: impl Display) {
        if self.chatter == Chatter::Spoken && self.aside_is_seen() {
            let mut stderr = self.stderr.lock();
            let _ = write!(stderr, "\r\u{1b}[K{text}").and_then(|()| stderr.flush());
        }
    }

    /// Says the last word, and gives the exit code.
    pub(crate) fn end(&self, ended: Result<Exit, Failure>) -> ExitCode {
        let failure = match ended {
            Ok(exit) => return exit.into(),
            Err(failure) if failure.reader_left() => return Exit::Success.into(),
            Err(failure) => failure,
        };
        match self.format {
            Format::Json => self.show(|_| failure.document().to_string()),
            Format::Human => self.show(|page| {
                let error = format!("{} {}", page.bad("error:"), text::visible_lines(&failure.to_string()));
                match failure.hint() {
                    Some(hint) => format!("{error}\n{} {}", page.bold("hint:"), text::visible_lines(&hint)),
                    None => error,
                }
            }),
        }
        failure.exit().into()
    }
}

/// What the parser of arguments says instead of a command: help and versions on standard output,
/// refusals on standard error, as JSON where `--json` was among the words.
pub(crate) fn refusal(refusal: &crate::args::Refusal) -> ExitCode {
    if refusal.error.exit_code() == 0 {
        let _ = refusal.error.print();
        return Exit::Success.into();
    }
    if refusal.format == Format::Json {
        let message = refusal.error.to_string();
        let message = message.trim().trim_start_matches("error: ");
        let document = Failure::Usage { message: message.to_owned(), hint: refusal.hint }.document();
        let _ = writeln!(io::stderr(), "{document}");
    } else {
        let _ = refusal.error.print();
        if let Some(hint) = refusal.hint {
            let _ = writeln!(io::stderr(), "\nhint: {hint}");
        }
    }
    Exit::Usage.into()
}
