//! A question at the terminal whose answer does not appear on it.
//!
//! The kernel edits the line as any other, without showing it. A signal from the keyboard would end
//! this process and leave its terminal mute, so meanwhile there is none: Ctrl-C and Ctrl-\ are ends
//! of the line, and what was typed before them counts for nothing. What was typed before the question
//! or behind the answer is thrown away: a shell shall not run the second line of a pasted secret.
//!
//! A signal from elsewhere than the keyboard still ends the process at once and leaves its terminal mute;
//! shells that edit lines set it right again, elsewhere `stty sane` does.

use std::{
    fs::File,
    io::{self, Read, Write},
};

use btd_api::wallet::Secret;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Of the terminal that the process belongs to, whatever its standard streams are.
const PATH: &str = "/dev/tty";
/// The kernel's bound for a line that it edits, its end included; of a longer one it keeps the beginning.
const LONGEST_LINE: usize = 4096;
/// What the two keys that give up send.
const CTRL_C: u8 = 0x03;
const CTRL_BACKSLASH: u8 = 0x1c;

/// Asks, and gives the line that was typed.
///
/// # Errors
/// When there is no terminal, when the person gave up, or when what was typed is no text.
pub(super) fn ask_secret(question: &str) -> Result<Secret, Failure> {
    let terminal = File::options().read(true).write(true).open(PATH).map_err(unreadable)?;
    let mute = Mute::begin(&terminal).map_err(unreadable)?;
    (&terminal).write_all(question.as_bytes()).map_err(unreadable)?;
    let line = line(&terminal);
    if !matches!(&line, Ok(line) if line.last() == Some(&b'\n')) {
        // No line end has been shown.
        (&terminal).write_all(b"\n").map_err(unreadable)?;
    }
    drop(mute);
    answer(&line.map_err(unreadable)?)
}

fn unreadable(source: io::Error) -> Failure {
    Failure::Password { place: "the terminal".to_owned(), source }
}

/// What was typed up to the end of the line, which is part of it.
fn line(mut terminal: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for everything at once: growing would leave copies of a secret behind.
    let mut line = Zeroizing::new(vec![0; LONGEST_LINE + 1]);
    let mut length = 0;
    loop {
        match terminal.read(&mut line[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        let ended = matches!(line[..length].last(), Some(&(b'\n' | CTRL_C | CTRL_BACKSLASH)));
        if ended || length >= LONGEST_LINE {
            break;
        }
    }
    line.truncate(length);
    Ok(line)
}

/// The secret in such a line.
fn answer(line: &[u8]) -> Result<Secret, Failure> {
    let typed = match line {
        [] => return Err(unreadable(io::ErrorKind::UnexpectedEof.into())),
        [.., CTRL_C | CTRL_BACKSLASH] => return Err(Failure::Interrupted),
        _ if line.len() >= LONGEST_LINE => return Err(unreadable(io::ErrorKind::FileTooLarge.into())),
        // What Ctrl-D ended has no line end.
        _ => line.strip_suffix(b"\n").unwrap_or(line),
    };
    let text = str::from_utf8(typed).map_err(|_| unreadable(io::ErrorKind::InvalidData.into()))?;
    let secret = Secret::new(text.to_owned());
    if secret.expose().contains(char::is_control) {
        return Err(Failure::Usage {
            message: "a key that stands for no character is among what was typed: nothing was done with it".to_owned(),
            hint: Some("type it again; for a secret that has such characters there is --password-stdin"),
        });
    }
    Ok(secret)
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Mute<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Mute<'a> {
    fn begin(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        modes.local_modes.insert(LocalModes::ICANON | LocalModes::ECHONL);
        modes.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        modes.special_codes[SpecialCodeIndex::VEOL2] = CTRL_BACKSLASH;
        tcsetattr(terminal, OptionalActions::Flush, &modes)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Mute<'_> {
    fn drop(&mut self) {
        // Nothing else can be done about a terminal that went away.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a terminal hands lines out: piece by piece.
    fn typed(pieces: &[&[u8]]) -> Result<Secret, Failure> {
        let mut pieces = pieces.iter();
        let reader = std::iter::from_fn(|| pieces.next())
            .fold(Box::new(io::empty()) as Box<dyn Read>, |before, piece| Box::new(before.chain(*piece)));
        answer(&line(reader).map_err(unreadable)?)
    }

    #[test]
    fn a_line_is_taken_as_it_was_typed() {
        assert_eq!(typed(&[b" pass word \n"]).unwrap().expose(), " pass word ");
        assert_eq!(typed(&[b"in two ", b"pieces\n"]).unwrap().expose(), "in two pieces");
        assert_eq!(typed(&["Pässwörd".as_bytes()]).unwrap().expose(), "Pässwörd");
        assert_eq!(typed(&[b"\n"]).unwrap().expose(), "");
        assert_eq!(typed(&[&[b'x'; 4094], b"\n"]).unwrap().expose().len(), 4094);
    }

    #[test]
    fn what_is_no_answer_is_said() {
        assert!(matches!(typed(&[b"half of it\x03"]), Err(Failure::Interrupted)));
        assert!(matches!(typed(&[b"\x1c"]), Err(Failure::Interrupted)));
        assert!(matches!(typed(&[]), Err(Failure::Password { .. })));
        assert!(matches!(typed(&[b"\xff\n"]), Err(Failure::Password { .. })));
        // Never the beginning of one in place of the whole.
        assert!(matches!(typed(&[&[b'x'; 4095], b"\n"]), Err(Failure::Password { .. })));
        // An arrow key.
        let failure = typed(&[b"canary\x1b[D\n"]).unwrap_err();
        assert!(matches!(failure, Failure::Usage { .. }) && !failure.to_string().contains("canary"), "{failure}");
    }
}
