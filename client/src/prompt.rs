//! Questions to a person, and only where there is one: standard input is a terminal. Elsewhere the
//! command refuses at once and names the flag that answers in advance.
//!
//! Passwords come from a flag that names a place, from the environment, or from a question without
//! echo; never from the command line itself, which every process can read.

mod attempts;
mod question;
mod terminal;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::{fd::AsFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use btd_api::{
    WalletName,
    wallet::{KeyName, Secret},
};
use clap::Args;
use rustix::{
    io::Errno,
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};

use zeroize::Zeroizing;

pub(crate) use self::question::{Terminal, answer, confirm, has_person, is_yes, line, require_person};
use self::terminal::ask_secret;
use crate::{
    failure::Failure,
    output::Chatter,
    session::Session,
    settings::{self, Settings},
};

/// Longer than any password or mnemonic, shorter than a file given by mistake.
const LONGEST_SECRET: u64 = 4096;
/// No keystore comes near this size.
const LONGEST_FILE: u64 = 64 * 1024;

/// Where the password comes from.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PasswordArgs {
    /// Read the password from the first line of standard input; without this and the next, it comes
    /// from BT_WALLET_PASSWORD, the key's own BT_PW_..., the file BT_WALLET_PASSWORD_FILE, BT_COLD_PW_...
    /// of SDK 6 for a coldkey, or a question
    #[arg(long, alias = "password_stdin", conflicts_with = "password_fd")]
    password_stdin: bool,
    /// Read the password from the first line of this open file descriptor
    #[arg(long, value_name = "N", alias = "password_fd")]
    password_fd: Option<u32>,
}

/// Where a secret is read from, decided before anything is asked.
#[derive(Clone, Debug)]
pub(crate) enum SecretSource {
    Stdin,
    Descriptor(u32),
    Given(Secret),
    /// A file that nobody else may be able to read.
    File(PathBuf),
    /// The file that a variable of the ecosystem names. Secrets of containers are mounted for everyone
    /// to read, so that is told, unless nothing is to be said, and no error.
    Announced(PathBuf, Chatter),
    Person,
}

// === impl PasswordArgs ===

impl PasswordArgs {
    /// Whether a flag says where the password comes from.
    pub(crate) fn is_given(&self) -> bool {
        self.password_stdin || self.password_fd.is_some()
    }

    /// Flag before environment before question, for a key that is still to be made.
    ///
    /// # Errors
    /// When only a person could tell, and there is none.
    pub(crate) fn resolve(&self, settings: &Settings) -> Result<SecretSource, Failure> {
        self.resolve_with(settings, None, None)
    }

    /// The same for a key whose file is at `path`: its own `BT_PW_...` variable counts too, and for a coldkey that of
    /// SDK 6.
    ///
    /// # Errors
    /// When only a person could tell, and there is none; when the variable holds no password.
    pub(crate) fn resolve_for(
        &self,
        settings: &Settings,
        (wallet, key): (&WalletName, &KeyName),
        path: &str,
    ) -> Result<SecretSource, Failure> {
        self.resolve_with(settings, settings::obfuscated_password(path)?, oldest(wallet, key)?)
    }

    /// The same for a key by its name. The daemon is asked where its file lies only where the
    /// environment has a variable that could be meant.
    ///
    /// # Errors
    /// As [`Self::resolve_for`]; when there is no such key.
    pub(crate) async fn resolve_key(
        &self,
        session: &Session,
        wallet: &WalletName,
        key: &KeyName,
    ) -> Result<SecretSource, Failure> {
        if self.is_given() || session.settings.password.password.is_some() {
            return self.resolve(&session.settings);
        }
        let own = if settings::has_obfuscated_passwords() {
            settings::obfuscated_password(&crate::wallet::detail(session, wallet, key).await?.path)?
        } else {
            None
        };
        self.resolve_with(&session.settings, own, oldest(wallet, key)?)
    }

    /// `own` is the password of this one key; `oldest` is what SDK 6 would take, after all others.
    fn resolve_with(
        &self,
        settings: &Settings,
        own: Option<Secret>,
        oldest: Option<Secret>,
    ) -> Result<SecretSource, Failure> {
        if self.password_stdin {
            return Ok(SecretSource::Stdin);
        }
        if let Some(descriptor) = self.password_fd {
            return Ok(SecretSource::Descriptor(descriptor));
        }
        if let Some(password) = &settings.password.password {
            return Ok(SecretSource::Given(Secret::new(password.clone())));
        }
        if let Some(password) = own {
            return Ok(SecretSource::Given(password));
        }
        if let Some(file) = &settings.password.file {
            return Ok(SecretSource::Announced(file.clone(), settings.chatter));
        }
        if let Some(password) = oldest {
            return Ok(SecretSource::Given(password));
        }
        SecretSource::person(
            "the password",
            "give it with --password-stdin, --password-fd N or BT_WALLET_PASSWORD_FILE",
        )
    }
}

/// What SDK 6 would open this key with.
fn oldest(wallet: &WalletName, key: &KeyName) -> Result<Option<Secret>, Failure> {
    match key {
        KeyName::Coldkey => settings::cold_password(wallet),
        KeyName::Hotkey(_) => Ok(None),
    }
}

// === impl SecretSource ===

impl SecretSource {
    /// A person, if there is one; `hint` names the flag that answers in advance.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn person(question: &'static str, hint: &'static str) -> Result<Self, Failure> {
        require_person(question, hint)?;
        Ok(Self::Person)
    }

    /// All of a file whose content is a secret, such as a keystore.
    ///
    /// # Errors
    /// When it cannot be read as text, or is longer than any such file.
    pub(crate) fn whole_file(path: &Path) -> Result<Secret, Failure> {
        let place = path.display().to_string();
        let file = File::open(path).map_err(|source| Failure::Password { place: place.clone(), source })?;
        whole(file, &place)
    }

    /// All of standard input, for what must not stand on a command line.
    ///
    /// # Errors
    /// As [`Self::whole_file`].
    pub(crate) fn whole_stdin() -> Result<Secret, Failure> {
        whole(io::stdin().lock(), "standard input")
    }

    /// The password of a key that exists, or another secret that is known.
    pub(crate) fn read(&self, question: &str) -> Result<Secret, Failure> {
        match self {
            Self::Stdin => descriptor_line(0),
            Self::Descriptor(number) => descriptor_line(*number),
            Self::Given(password) => Ok(password.clone()),
            Self::File(path) => read_private(path, |problem| Err(Failure::usage(problem))),
            Self::Announced(path, Chatter::Silent) => read_private(path, |_| Ok(())),
            Self::Announced(path, Chatter::Spoken) => {
                read_private(path, |problem| writeln!(io::stderr().lock(), "note: {problem}").map_err(Failure::Output))
            }
            Self::Person => ask_secret(question),
        }
    }

    /// Refuses what is left behind the lines that were read, as far as it is there already: words on two lines
    /// would restore the key of the first.
    ///
    /// # Errors
    /// When there is more.
    pub(crate) fn ends_here(&self) -> Result<(), Failure> {
        let number = match self {
            Self::Stdin => 0,
            Self::Descriptor(number) => *number,
            Self::Given(_) | Self::File(_) | Self::Announced(..) | Self::Person => return Ok(()),
        };
        // What was never read is not looked at either.
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(&number).is_some_and(has_more) {
            let place = place(number);
            return Err(Failure::usage(format!(
                "{place} has more lines than were asked of it, so nothing was done: a secret is one line, also one of 24 words"
            )));
        }
        Ok(())
    }

    /// The password of a new key: a person is asked twice.
    pub(crate) fn choose(&self, question: &str) -> Result<Secret, Failure> {
        let password = self.read(question)?;
        if password.expose().is_empty() {
            return Err(Failure::usage("an empty password protects nothing: choose one, or say --no-password"));
        }
        if matches!(self, Self::Person) && ask_secret("Repeat it: ")? != password {
            return Err(Failure::usage("the two passwords differ; nothing was written"));
        }
        Ok(password)
    }
}

/// The secret in a file; `open_to_others` judges one that others can read.
fn read_private(path: &Path, open_to_others: impl FnOnce(String) -> Result<(), Failure>) -> Result<Secret, Failure> {
    let place = path.display().to_string();
    let failure = |source| Failure::Password { place: place.clone(), source };
    let file = File::open(path).map_err(failure)?;
    let metadata: fs::Metadata = file.metadata().map_err(failure)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        open_to_others(format!("{place} can be read by others: `chmod 600` it"))?;
    }
    // Without the white space at both ends, as SDK 11 and btd's own environment have it.
    let content = whole(file, &place)?;
    match content.expose().trim() {
        "" => Err(Failure::usage(format!("{place} is empty: the secret is to stand in it"))),
        secret => Ok(Secret::new(secret)),
    }
}

/// The descriptors that secrets were read from.
static OPEN: Mutex<BTreeMap<u32, File>> = Mutex::new(BTreeMap::new());

fn place(descriptor: u32) -> String {
    match descriptor {
        0 => "standard input".to_owned(),
        number => format!("file descriptor {number}"),
    }
}

/// Whether something but white space can be read at once.
fn has_more(mut file: &File) -> bool {
    // What tells nothing of what it holds, such as an ended pipe or a device, holds nothing.
    let there = rustix::io::ioctl_fionread(file).unwrap_or(0).min(LONGEST_SECRET);
    let mut rest = Zeroizing::new(vec![0; usize::try_from(there).unwrap_or(0)]);
    let read = if rest.is_empty() { Ok(0) } else { file.read(&mut rest) };
    read.is_ok_and(|count| !rest[..count].trim_ascii().is_empty())
}

/// The next line of an open descriptor. Two secrets may come over one, so no more is taken than
/// the line, and a later question goes on behind it.
fn descriptor_line(number: u32) -> Result<Secret, Failure> {
    let place = place(number);
    let failure = |source| Failure::Password { place: place.clone(), source };
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let file = match open.entry(number) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(descriptor(number).map_err(failure)?),
    };
    first_line(BufReader::with_capacity(1, file), &place)
}

/// An open descriptor of this process, whatever it is of: a file, a pipe, a socket.
fn descriptor(number: u32) -> io::Result<File> {
    // Standard input needs no permission to be copied.
    if number == 0 {
        return Ok(io::stdin().as_fd().try_clone_to_owned()?.into());
    }
    let raw = i32::try_from(number).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let own = pidfd_open(getpid(), PidfdFlags::empty());
    match own.and_then(|own| pidfd_getfd(own, raw, PidfdGetfdFlags::empty())) {
        Ok(copy) => Ok(copy.into()),
        Err(Errno::BADF) => Err(Errno::BADF.into()),
        // An old kernel, or a container that forbids it: opened anew, which sockets cannot be, and
        // which begins at the beginning, where the shell may have read already.
        Err(_) => {
            let mut file = File::open(format!("/dev/fd/{number}")).map_err(|error| match error.raw_os_error() {
                Some(number) if number == Errno::NXIO.raw_os_error() => {
                    io::Error::new(error.kind(), "it is a socket, which this host lets nobody copy: use a pipe")
                }
                _ => error,
            })?;
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
            let at = info.lines().find_map(|line| line.strip_prefix("pos:")?.trim().parse().ok());
            if let Some(at) = at.filter(|&at| at > 0) {
                file.seek(SeekFrom::Start(at))?;
            }
            Ok(file)
        }
    }
}

fn whole(reader: impl Read, place: &str) -> Result<Secret, Failure> {
    let failure = |source| Failure::Password { place: place.to_owned(), source };
    let mut text = String::new();
    reader.take(LONGEST_FILE + 1).read_to_string(&mut text).map_err(failure)?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(failure(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(Secret::new(text))
}

fn first_line(reader: impl BufRead, place: &str) -> Result<Secret, Failure> {
    let failure = |source| Failure::Password { place: place.to_owned(), source };
    let mut line = String::new();
    reader.take(LONGEST_SECRET + 1).read_line(&mut line).map_err(failure)?;
    // Never the beginning of one in place of the whole.
    if u64::try_from(line.len()).unwrap_or(u64::MAX) > LONGEST_SECRET {
        return Err(failure(io::ErrorKind::FileTooLarge.into()));
    }
    if line.is_empty() {
        return Err(failure(io::ErrorKind::UnexpectedEof.into()));
    }
    let password = line.strip_suffix('\n').unwrap_or(&line);
    Ok(Secret::new(password.strip_suffix('\r').unwrap_or(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_with_its_spaces() {
        let read = |text: &str| first_line(text.as_bytes(), "test").map(|secret| secret.expose().to_owned());
        assert_eq!(read(" pass word \nrest").unwrap(), " pass word ");
        assert_eq!(read("windows\r\n").unwrap(), "windows");
        assert_eq!(read("unended").unwrap(), "unended");
        assert!(matches!(read(""), Err(Failure::Password { .. })));
        assert_eq!(read(&"x".repeat(4_095)).unwrap().len(), 4_095);
        assert!(matches!(read(&"x".repeat(4_097)), Err(Failure::Password { .. })));
    }

    #[test]
    fn secrets_come_over_any_descriptor() {
        use std::os::{fd::AsRawFd, unix::net::UnixStream};
        // All stay open to the end: a descriptor is known by its number.
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"skipped\nold\nnew one\n").unwrap();
        file.seek(SeekFrom::Start(8)).unwrap();
        let number = u32::try_from(file.as_raw_fd()).unwrap();
        assert_eq!(descriptor_line(number).unwrap().expose(), "old");
        assert_eq!(descriptor_line(number).unwrap().expose(), "new one");
        assert!(matches!(descriptor_line(number), Err(Failure::Password { .. })));
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"over a socket\nand no more").unwrap();
        match descriptor_line(u32::try_from(theirs.as_raw_fd()).unwrap()) {
            Ok(secret) => assert_eq!(secret.expose(), "over a socket"),
            // Only where the kernel, or a container, hands out no copies of descriptors.
            Err(error) => assert!(error.to_string().contains("pipe"), "{error}"),
        }
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"over a pipe\n").unwrap();
        assert_eq!(descriptor_line(u32::try_from(reader.as_raw_fd()).unwrap()).unwrap().expose(), "over a pipe");
        // A number under which nothing is open.
        let closed = descriptor_line(1_000_000).unwrap_err();
        assert!(matches!(closed, Failure::Password { .. }), "{closed:?}");
    }

    #[test]
    fn a_whole_text_keeps_its_lines_and_its_bound() {
        assert_eq!(whole("a\nb\n".as_bytes(), "test").unwrap().expose(), "a\nb\n");
        let long = "x".repeat(64 * 1024 + 1);
        assert!(whole(&long.as_bytes()[1..], "test").is_ok());
        assert!(matches!(whole(long.as_bytes(), "test"), Err(Failure::Password { .. })));
    }

    #[test]
    fn a_password_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        fs::write(&path, " secret \n\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let private = SecretSource::File(path.clone());
        assert!(matches!(private.read(""), Err(Failure::Usage { .. })));
        // What a container mounts is for all to read.
        for chatter in [Chatter::Spoken, Chatter::Silent] {
            assert_eq!(SecretSource::Announced(path.clone(), chatter).read("").unwrap().expose(), "secret");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(private.read("").unwrap().expose(), "secret");
        // An empty one is no password to be tried.
        fs::write(&path, "\n").unwrap();
        assert!(private.read("").unwrap_err().to_string().contains("is empty"));
    }

    #[test]
    fn what_is_left_behind_a_secret_is_noticed() {
        for (text, lines, more) in [
            ("one\n", 1, false),
            ("one\n \n", 1, false),
            ("one\ntwo\n", 1, true),
            ("one\ntwo\n", 2, false),
            ("one\ntwo\nthree", 2, true),
        ] {
            let (reader, mut writer) = io::pipe().unwrap();
            writer.write_all(text.as_bytes()).unwrap();
            let reader = File::from(std::os::fd::OwnedFd::from(reader));
            for _ in 0..lines {
                first_line(BufReader::with_capacity(1, &reader), "test").unwrap();
            }
            // The writer may keep it open: nobody waits for more.
            assert_eq!(has_more(&reader), more, "{text:?}");
        }
    }
}
