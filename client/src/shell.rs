//! What a shell and a reader of manuals want, made from the one definition of the arguments.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clap::{Args, Command, CommandFactory, Subcommand};
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::{
    args::Cli,
    exit::Exit,
    failure::Failure,
    output::{
        Format, file,
        table::{Column, Table},
        text,
    },
    session::Session,
    settings,
};

/// `btctl completions`
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell [default: that of the variable SHELL]
    shell: Option<Shell>,
}

/// `btctl info ...`, as the sixth Python command line has it.
#[derive(Debug, Subcommand)]
pub(crate) enum Info {
    /// How completion is switched on, shell by shell
    Autocomplete,
}

/// `btctl man`
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The command, such as `wallet transfer`; without it, btctl itself
    command: Vec<String>,
    /// Write its page and those of all commands below it into this directory, as `man` finds them
    #[arg(long = "dir", value_name = "DIR")]
    directory: Option<PathBuf>,
}

// === impl CompletionsArgs ===

impl CompletionsArgs {
    pub(crate) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let usual = || Shell::from_shell_path(settings::environment("SHELL")?);
        let shell = self.shell.or_else(usual).ok_or_else(|| Failure::Usage {
            message: "the variable SHELL names no shell that there is a script for".to_owned(),
            hint: Some("name it: bash, zsh, fish, elvish or powershell"),
        })?;
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "btctl", &mut script);
        session.out.data(&String::from_utf8_lossy(&script)).map(|()| Exit::Success)
    }
}

// === impl Info ===

impl Info {
    pub(crate) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self::Autocomplete = self;
        let installing = [
            ("bash", "btctl completions bash > ~/.local/share/bash-completion/completions/btctl"),
            (
                "zsh",
                "btctl completions zsh > ~/.zfunc/_btctl; in ~/.zshrc: fpath+=~/.zfunc; autoload -U compinit; compinit",
            ),
            ("fish", "btctl completions fish > ~/.config/fish/completions/btctl.fish"),
        ];
        if session.out.format() == Format::Json {
            let shells = installing.map(|(shell, command)| json!({ "shell": shell, "command": command }));
            return session.out.data(&Value::from_iter(shells).to_string()).map(|()| Exit::Success);
        }
        let mut table = Table::new(&[Column::text("SHELL"), Column::text("COMMAND")]);
        for (shell, command) in installing {
            table.row(&[shell.to_owned(), command.to_owned()]);
        }
        session.out.data(&table.render(session.out.page())).map(|()| Exit::Success)
    }
}

/// `btctl commands`: the tree of all of them, each with those below it.
pub(crate) fn commands(session: &Session) -> Result<Exit, Failure> {
    fn below(command: &Command) -> impl Iterator<Item = (&Command, String)> {
        let shown = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
        shown.map(|below| (below, below.get_about().map(ToString::to_string).unwrap_or_default()))
    }
    fn documents(command: &Command) -> Value {
        let document = |(below, about): (&Command, String)| json!({ "name": below.get_name(), "about": about, "commands": documents(below) });
        below(command).map(document).collect()
    }
    fn branch(command: &Command, depth: usize, tree: &mut String) {
        for (below, about) in below(command) {
            let name = format!("{}{}", "  ".repeat(depth), below.get_name());
            let _ = writeln!(tree, "{name:<28}{about}");
            branch(below, depth + 1, tree);
        }
    }
    if session.out.format() == Format::Json {
        return session.out.data(&documents(&Cli::command()).to_string()).map(|()| Exit::Success);
    }
    let mut tree = String::new();
    branch(&Cli::command(), 0, &mut tree);
    session.out.data(&tree).map(|()| Exit::Success)
}

// === impl ManArgs ===

impl ManArgs {
    pub(crate) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let mut root = Cli::command();
        root.build();
        let command = self.of(&root)?;
        let Some(directory) = &self.directory else {
            return session.out.data(&page(&root, command)?).map(|()| Exit::Success);
        };
        let mut written = 0_usize;
        put_all(&root, command, directory, &mut written)?;
        if session.out.format() == Format::Json {
            let told = json!({ "directory": directory.to_string_lossy(), "pages": written });
            session.out.document(&told.to_string())?;
        } else {
            session.out.note(format!("wrote {} to {}", text::count(written, "page"), directory.display()));
        }
        Ok(Exit::Success)
    }

    /// The command that is meant, of the tree below `root`.
    fn of<'c>(&self, root: &'c Command) -> Result<&'c Command, Failure> {
        self.command.iter().try_fold(root, |command, word| {
            let unknown = || Failure::usage(format!("`{}` has no command `{word}`", command.get_name()));
            command.find_subcommand(word).ok_or_else(unknown)
        })
    }
}

/// The name of a command's page: the words that it is typed with.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(root: &Command, command: &Command) -> Result<String, Failure> {
    let version = format!("{} {}", root.get_name(), root.get_version().unwrap_or_default());
    let man = clap_mangen::Man::new(command.clone()).title(name(command)).source(version).manual("btctl manual");
    let mut page = Vec::new();
    man.render(&mut page).map_err(Failure::Output)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Writes the page of `command` and those below it, and counts them.
fn put_all(root: &Command, command: &Command, directory: &Path, written: &mut usize) -> Result<(), Failure> {
    let path = directory.join(format!("{}.1", name(command)));
    let page = page(root, command)?;
    file::put(&path, page.as_bytes(), file::Mode::Kept(0o666)).map_err(|source| Failure::File { path, source })?;
    *written += 1;
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
    shown.into_iter().try_for_each(|below| put_all(root, below, directory, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(words: &[&str]) -> Result<String, Failure> {
        let mut root = Cli::command();
        root.build();
        let args = ManArgs { command: words.iter().map(|&word| word.to_owned()).collect(), directory: None };
        super::page(&root, args.of(&root)?)
    }

    #[test]
    fn every_command_has_a_page() {
        assert!(page(&[]).unwrap().contains("btctl"));
        let transfer = page(&["wallet", "transfer"]).unwrap();
        assert!(transfer.contains("\\-\\-amount"));
        // Whatever the command, the program and its version stand at the foot.
        let title = format!(".TH btctl-wallet-transfer 1  \"btctl {}\" \"btctl manual\"", env!("CARGO_PKG_VERSION"));
        assert!(transfer.lines().any(|line| line.trim_end() == title), "{transfer}");
        assert!(matches!(page(&["wallet", "fly"]), Err(Failure::Usage { .. })));
    }

    #[test]
    fn pages_are_written_as_man_finds_them() {
        let directory = std::env::temp_dir().join(format!("btctl-man-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let mut root = Cli::command();
        root.build();
        let mut written = 0;
        put_all(&root, &root, &directory, &mut written).unwrap();
        let page = std::fs::read_to_string(directory.join("btctl-wallet-transfer.1")).unwrap();
        let files = std::fs::read_dir(&directory).unwrap().count();
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(page.contains(".TH btctl-wallet-transfer") && files == written && written > 100, "{written} {files}");
    }
}
