//! What a shell and a reader of manuals want, made from the one definition of the arguments.

use std::fmt::Write as _;

use clap::{Args, Command, CommandFactory, Subcommand};
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::{
    args::Cli,
    exit::Exit,
    failure::Failure,
    output::{
        Format,
        table::{Column, Table},
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
        let page = self.page()?;
        session.out.data(&page).map(|()| Exit::Success)
    }

    fn page(&self) -> Result<String, Failure> {
        let mut root = Cli::command();
        root.build();
        let mut command = &root;
        for word in &self.command {
            command = command
                .find_subcommand(word)
                .ok_or_else(|| Failure::usage(format!("`{}` has no command `{word}`", command.get_name())))?;
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut page).map_err(Failure::Output)?;
        Ok(String::from_utf8_lossy(&page).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(words: &[&str]) -> Result<String, Failure> {
        ManArgs { command: words.iter().map(|&word| word.to_owned()).collect() }.page()
    }

    #[test]
    fn every_command_has_a_page() {
        assert!(page(&[]).unwrap().contains("btctl"));
        assert!(page(&["wallet", "transfer"]).unwrap().contains("\\-\\-amount"));
        assert!(matches!(page(&["wallet", "fly"]), Err(Failure::Usage { .. })));
    }
}
