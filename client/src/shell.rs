//! What a shell and a reader of manuals want, made from the one definition of the arguments.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{args::Cli, exit::Exit, failure::Failure, session::Session};

/// `btctl completions`
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
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
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "btctl", &mut script);
        session.out.data(&String::from_utf8_lossy(&script)).map(|()| Exit::Success)
    }
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
