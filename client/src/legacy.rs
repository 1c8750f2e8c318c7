//! The noun `legacy`: what the sixth Python command line had there.

use std::{
    env,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::json;

use crate::{
    exit::Exit,
    failure::Failure,
    output::{Format, facts::Facts},
    session::Session,
    wallet,
};

/// `btctl legacy ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// How this installation is updated; nothing is changed
    Update,
    /// The same as `wallet faucet`
    Faucet(wallet::FaucetArgs),
}

/// How a program came to where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Installation {
    /// By a package of the system.
    System,
    /// By `cargo install`.
    Cargo,
    /// Out of a checkout.
    Checkout,
    /// Put there by hand.
    Copied,
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Update => update(session),
            Self::Faucet(args) => wallet::faucet(args, session).await,
        }
    }
}

// === impl Installation ===

impl Installation {
    fn of(program: &Path) -> Self {
        let has = |part: &str| program.components().any(|component| component.as_os_str() == part);
        if program.starts_with("/usr/bin") || program.starts_with("/usr/sbin") {
            Self::System
        } else if has(".cargo") {
            Self::Cargo
        } else if has("target") {
            Self::Checkout
        } else {
            Self::Copied
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::System => "update the system's package of btd, then `systemctl restart btd`",
            Self::Cargo => {
                "in a checkout: `git pull`, `cargo install --locked --path client`, the same for daemon and \
                 daemon/signer, then restart btd"
            }
            Self::Checkout => "in the checkout: `git pull`, `cargo build --release --locked`, then restart btd",
            Self::Copied => {
                "build btd, btd-signer and btctl anew (`cargo build --release --locked`), copy all three over the old \
                 ones, then restart btd"
            }
        }
    }
}

fn update(session: &Session) -> Result<Exit, Failure> {
    let program: PathBuf =
        env::current_exe().map_err(|source| Failure::System { what: "the path of this program", source })?;
    let (version, advice) = (env!("CARGO_PKG_VERSION"), Installation::of(&program).advice());
    match session.out.format() {
        Format::Json => {
            let document = json!({ "version": version, "program": program, "update": advice });
            session.out.document(&document.to_string())?;
        }
        Format::Human => {
            let mut facts = Facts::default();
            facts.add("version", version);
            facts.add("program", program.display());
            facts.add("to update", advice);
            session.out.data(&facts.render(session.out.page()))?;
        }
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_tells_how_it_came_there() {
        for (path, installation) in [
            ("/usr/bin/btctl", Installation::System),
            ("/home/a/.cargo/bin/btctl", Installation::Cargo),
            ("/home/a/btd/target/release/btctl", Installation::Checkout),
            ("/usr/local/bin/btctl", Installation::Copied),
        ] {
            assert_eq!(Installation::of(Path::new(path)), installation, "{path}");
        }
    }
}
